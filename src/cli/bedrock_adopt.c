#include "cli/bedrock_adopt_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define SEGMENTS_BYTES_MAX ((size_t)1 << 30)
#define FIRST_BYTES_MAX    ((size_t)2 << 20) /* more than the largest document */

typedef struct candidate {
    fl_segment *segment;
    uint32_t run; /* ordinal of the run that adopted it; 0 = none */
} candidate;

struct fl_adopter {
    fl_client *client; /* NULL: candidates come from a file */
    int64_t now_ns;
    fl_arena arena; /* of the file's candidates, or of the trace's in hand */
    candidate *candidates;
    size_t count, capacity;
};

/* ---- Reading candidates */

static fl_status add_candidate(fl_adopter *adopter, fl_segment *segment, fl_err *err)
{
    if (adopter->count == adopter->capacity) {
        size_t wanted = adopter->capacity * 2 + 64;
        candidate *grown = realloc(adopter->candidates, wanted * sizeof *grown);
        if (grown == NULL) {
            FL_FAIL(err, FL_E_NOMEM, "out of memory");
        }
        adopter->candidates = grown;
        adopter->capacity = wanted;
    }
    adopter->candidates[adopter->count++] = (candidate){.segment = segment};
    return FL_OK;
}

/* What lies in a server has passed its limits. */
static fl_status add_document(fl_adopter *adopter, fl_str text, size_t *refused, fl_err *err)
{
    fl_limits limits = fl_limits_of(FL_PROFILE_OPEN, 0);
    fl_decoded decoded;
    limits.document_bytes = SIZE_MAX;
    limits.future_ns = INT64_MAX / 4;
    FL_TRY(fl_segment_decode(&adopter->arena, text, &limits, adopter->now_ns, &decoded, err));
    for (size_t i = 0; i < decoded.segment_count; i++) {
        FL_TRY(add_candidate(adopter, &decoded.segments[i], err));
    }
    *refused = decoded.reject_count;
    return FL_OK;
}

/* The next JSON value of *rest, which moves behind it; absent at the end. Bytes that are no value
 * are given as they are: whoever reads them refuses them. */
static fl_str next_value(fl_str *rest)
{
    fl_json_scan scan = {0};
    const char *begin = NULL;
    size_t eaten;
    for (;;) {
        fl_json_scan_result result = fl_json_scan_feed(&scan, rest->p, rest->n, &eaten);
        const char *at = rest->p;
        *rest = (fl_str){rest->p + eaten, rest->n - eaten};
        switch (result) {
        case FL_SCAN_BLANK:
            return (fl_str){0};
        case FL_SCAN_BEGIN:
            begin = rest->p;
            break;
        case FL_SCAN_GARBAGE:
            return (fl_str){at, eaten};
        case FL_SCAN_MORE:
        case FL_SCAN_END:
            return (fl_str){begin, (size_t)(rest->p - begin)};
        }
    }
}

static size_t line_of(fl_str text, const char *at)
{
    size_t line = 1;
    for (const char *p = text.p; p < at; p++) {
        line += *p == '\n';
    }
    return line;
}

static fl_status read_file(fl_adopter *adopter, const char *path, fl_err *err)
{
    FL_AUTO(fl_arena) arena;
    fl_str text;
    fl_arena_init(&arena, SEGMENTS_BYTES_MAX);
    FL_TRY(fl_fs_read_all(fl_fs_system(), path, SEGMENTS_BYTES_MAX, &arena, &text, err));
    fl_str rest = text, value;
    while ((value = next_value(&rest)).p != NULL) {
        size_t refused;
        FL_TRY(add_document(adopter, value, &refused, err));
        if (refused > 0) {
            FL_FAIL(err, FL_E_SYNTAX, "%.100s:%zu: no segment document; --adopt takes X-Ray's own",
                    path, line_of(text, value.p));
        }
    }
    return FL_OK;
}

bool fl_adopt_is_segments_file(const char *path)
{
    struct stat st;
    FILE *file = stat(path, &st) == 0 && S_ISREG(st.st_mode) ? fopen(path, "rbe") : NULL;
    if (file == NULL) {
        return false;
    }
    fl_arena arena;
    yyjson_val *root = NULL;
    bool found = false;
    fl_arena_init(&arena, 8 * FIRST_BYTES_MAX);
    char *bytes = fl_arena_alloc(&arena, FIRST_BYTES_MAX);
    if (bytes != NULL) {
        fl_str rest = {bytes, fread(bytes, 1, FIRST_BYTES_MAX, file)};
        fl_str value = next_value(&rest);
        if (fl_json_read(&arena, value, FL_JSON_REPAIR_UTF8, &root, NULL, NULL) == FL_OK) {
            root = yyjson_is_arr(root) ? yyjson_arr_get_first(root) : root;
            found = fl_json_str(fl_json_get(root, FL_S("trace_id"))).p != NULL &&
                    fl_json_str(fl_json_get(root, FL_S("id"))).p != NULL;
        }
    }
    fl_arena_fini(&arena);
    fclose(file);
    return found;
}

/* The trace's documents; none where the server has none. */
static fl_status read_store(fl_adopter *adopter, fl_trace_id trace_id, fl_err *err)
{
    fl_trace_documents documents = {0};
    fl_arena_reset(&adopter->arena);
    adopter->count = 0;
    fl_status status = fl_client_trace(adopter->client, &adopter->arena, trace_id, &documents, err);
    if (status == FL_E_NOT_FOUND) {
        return FL_OK;
    }
    for (size_t i = 0; status == FL_OK && i < documents.count; i++) {
        size_t refused; /* what the server keeps but this version cannot read adopts nothing */
        status = add_document(adopter, documents.texts[i], &refused, err);
    }
    return status;
}

/* ---- The adopter */

static fl_status new_adopter(int64_t now_ns, fl_adopter **out, fl_err *err)
{
    fl_adopter *adopter = calloc(1, sizeof *adopter);
    if (adopter == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    adopter->now_ns = now_ns;
    fl_arena_init(&adopter->arena, SEGMENTS_BYTES_MAX);
    *out = adopter;
    return FL_OK;
}

fl_status fl_adopter_new_file(const char *path, int64_t now_ns, fl_adopter **out, fl_err *err)
{
    fl_adopter *adopter;
    FL_TRY(new_adopter(now_ns, &adopter, err));
    fl_status status = read_file(adopter, path, err);
    if (status != FL_OK) {
        fl_adopter_free(adopter);
        return status;
    }
    *out = adopter;
    return FL_OK;
}

fl_status fl_adopter_new_store(const fl_server_address *address, int64_t now_ns, fl_adopter **out,
                               fl_err *err)
{
    fl_adopter *adopter;
    FL_TRY(new_adopter(now_ns, &adopter, err));
    fl_status status = fl_client_new(address, &adopter->client, err);
    if (status != FL_OK) {
        fl_adopter_free(adopter);
        return status;
    }
    *out = adopter;
    return FL_OK;
}

void fl_adopter_free(fl_adopter *adopter)
{
    if (adopter != NULL) {
        fl_client_free(adopter->client);
        fl_arena_fini(&adopter->arena);
        free(adopter->candidates);
        free(adopter);
    }
}

/* Gives the adopted segments that have another parent than before. */
static fl_status give(uint32_t ordinal, candidate **eligible, const fl_bedrock_adoption *adoptions,
                      size_t count, fl_adopted_taker taker, void *user, fl_err *err)
{
    FL_AUTO(fl_buf) document;
    fl_buf_init(&document, FIRST_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        candidate *adopted = eligible[adoptions[i].candidate];
        adopted->run = ordinal;
        if (adopted->segment->parent_id == adoptions[i].parent_id) {
            continue;
        }
        adopted->segment->parent_id = adoptions[i].parent_id;
        fl_buf_reset(&document);
        fl_segment_emit(adopted->segment, &document);
        if (document.status != FL_OK) {
            FL_FAIL(err, document.status, "the document of an adopted segment is too large");
        }
        FL_TRY(taker(user, adopted->segment->id, fl_buf_str(&document), err));
    }
    return FL_OK;
}

static fl_status adopt(fl_adopter *adopter, fl_arena *arena, const fl_bedrock_run *run,
                       fl_adopted_taker taker, void *user, fl_err *err)
{
    candidate **eligible = FL_ARENA_ARRAY(arena, candidate *, adopter->count);
    const fl_segment **segments = FL_ARENA_ARRAY(arena, const fl_segment *, adopter->count);
    fl_bedrock_adoption *adoptions;
    size_t eligible_count = 0, adoption_count;
    if (eligible == NULL || segments == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < adopter->count; i++) {
        candidate *one = &adopter->candidates[i];
        if (fl_trace_id_eq(one->segment->trace_id, run->trace_id) &&
            (one->run == 0 || one->run == run->ordinal)) {
            segments[eligible_count] = one->segment;
            eligible[eligible_count++] = one;
        }
    }
    FL_TRY(fl_bedrock_adopt(arena, run->tool_steps, run->tool_step_count, segments, eligible_count,
                            &adoptions, &adoption_count, err));
    return give(run->ordinal, eligible, adoptions, adoption_count, taker, user, err);
}

fl_status fl_adopter_run(fl_adopter *adopter, const fl_bedrock_run *run, fl_adopted_taker taker,
                         void *user, fl_err *err)
{
    if (run->tool_step_count == 0) {
        return FL_OK;
    }
    if (adopter->client != NULL) {
        FL_TRY(read_store(adopter, run->trace_id, err));
    }
    FL_AUTO(fl_arena) arena;
    fl_arena_init(&arena, SEGMENTS_BYTES_MAX);
    return adopt(adopter, &arena, run, taker, user, err);
}
