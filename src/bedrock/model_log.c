/* Model invocation logs (spec §1.15), by the id of the request. */
#include <stdlib.h>

#include "bedrock/write_int.h"

#define SLOTS_MIN ((size_t)64)

struct fl_bedrock_model_log {
    fl_arena arena;
    size_t max_bytes;
    bedrock_log_entry **slots; /* open addressing; a power of two, at most half full */
    size_t slot_count, count;
};

fl_status fl_bedrock_model_log_new(size_t max_bytes, fl_bedrock_model_log **out, fl_err *err)
{
    fl_bedrock_model_log *log = calloc(1, sizeof *log);
    if (log == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a model log");
    }
    fl_arena_init(&log->arena, max_bytes);
    log->max_bytes = max_bytes;
    *out = log;
    return FL_OK;
}

void fl_bedrock_model_log_free(fl_bedrock_model_log *log)
{
    if (log != NULL) {
        fl_arena_fini(&log->arena);
        free(log->slots);
        free(log);
    }
}

/* ---- Table */

/* The slot of an id: its entry's, or the free one where that would be. */
static bedrock_log_entry **slot_of(bedrock_log_entry **slots, size_t slot_count, fl_str id)
{
    size_t at = fl_hash64(id.p, id.n, 0) & (slot_count - 1);
    while (slots[at] != NULL && !fl_str_eq(slots[at]->request_id, id)) {
        at = (at + 1) & (slot_count - 1);
    }
    return &slots[at];
}

const bedrock_log_entry *bedrock_log_find(const fl_bedrock_model_log *log, fl_str request_id)
{
    return log != NULL && log->count > 0 && request_id.n > 0
               ? *slot_of(log->slots, log->slot_count, request_id)
               : NULL;
}

static fl_status no_room(const fl_bedrock_model_log *log, fl_err *err)
{
    FL_FAIL(err, FL_E_TOO_LARGE, "the model log takes more than %zu bytes", log->max_bytes);
}

static fl_status make_room(fl_bedrock_model_log *log, fl_err *err)
{
    if (log->count < log->slot_count / 2) {
        return FL_OK;
    }
    size_t slot_count = log->slot_count > 0 ? log->slot_count * 2 : SLOTS_MIN;
    if (slot_count > log->max_bytes / sizeof *log->slots) {
        return no_room(log, err);
    }
    bedrock_log_entry **slots = calloc(slot_count, sizeof(bedrock_log_entry *));
    if (slots == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a model log");
    }
    for (size_t i = 0; i < log->slot_count; i++) {
        if (log->slots[i] != NULL) {
            *slot_of(slots, slot_count, log->slots[i]->request_id) = log->slots[i];
        }
    }
    free(log->slots);
    log->slots = slots;
    log->slot_count = slot_count;
    return FL_OK;
}

/* ---- Reading */

static int64_t count_of(yyjson_val *object, const char *name)
{
    int64_t count;
    return fl_json_i64(fl_json_number(fl_json_get(object, fl_str_of(name))), &count) && count >= 0
               ? count
               : BEDROCK_INT_NONE;
}

static bool is_entry(yyjson_val *value)
{
    return fl_str_eq(bedrock_text_of(value, FL_S("schemaType")), FL_S("ModelInvocationLog")) &&
           bedrock_text_of(value, FL_S("requestId")).n > 0;
}

/* Copies what is there of a text; the absent one stays absent. */
static bool keep(fl_arena *arena, fl_str text, fl_str *out)
{
    *out = text.n > 0 ? fl_str_dup(arena, text) : (fl_str){0};
    return text.n == 0 || out->p != NULL;
}

static fl_status add_entry(fl_bedrock_model_log *log, yyjson_val *value, fl_err *err)
{
    FL_TRY(make_room(log, err));
    bedrock_log_entry *entry = FL_ARENA_NEW(&log->arena, bedrock_log_entry);
    if (entry == NULL ||
        !keep(&log->arena, bedrock_text_of(value, FL_S("requestId")), &entry->request_id) ||
        !keep(&log->arena, bedrock_text_of(value, FL_S("modelId")), &entry->model) ||
        !keep(&log->arena, bedrock_text_of(value, FL_S("inferenceRegion")),
              &entry->inference_region)) {
        return no_room(log, err);
    }
    entry->prompt_tokens = count_of(fl_json_get(value, FL_S("input")), "inputTokenCount");
    entry->completion_tokens = count_of(fl_json_get(value, FL_S("output")), "outputTokenCount");
    bedrock_log_entry **slot = slot_of(log->slots, log->slot_count, entry->request_id);
    log->count += *slot == NULL;
    *slot = entry;
    return FL_OK;
}

static uint64_t line_of(fl_str text, size_t offset)
{
    uint64_t line = 1;
    for (size_t i = 0; i < offset && i < text.n; i++) {
        line += text.p[i] == '\n';
    }
    return line;
}

/* The next value of the text from *at on, which is moved behind it; absent at the end. What is no
 * value comes too, and is refused where it is read. */
static fl_str next_value(fl_str text, size_t *at)
{
    fl_json_scan scan = {0};
    size_t begin = *at;
    while (*at < text.n) {
        size_t eaten;
        fl_json_scan_result result = fl_json_scan_feed(&scan, text.p + *at, text.n - *at, &eaten);
        size_t reached = *at + eaten;
        *at = reached;
        switch (result) {
        case FL_SCAN_BEGIN:
            begin = reached;
            break;
        case FL_SCAN_BLANK:
            return (fl_str){0};
        default:
            return (fl_str){text.p + begin, reached - begin};
        }
    }
    return (fl_str){0};
}

static fl_status add_value(fl_bedrock_model_log *log, fl_arena *scratch, fl_str text, fl_str value,
                           uint64_t *ignored, fl_err *err)
{
    yyjson_val *root;
    fl_err failure = {0};
    fl_status status = fl_json_read(scratch, value, FL_JSON_REPAIR_UTF8, &root, NULL, &failure);
    if (status == FL_E_SYNTAX) {
        FL_FAIL(err, status, "value in line %llu: %s",
                (unsigned long long)line_of(text, (size_t)(value.p - text.p)), failure.message);
    }
    if (status != FL_OK) {
        FL_FAIL(err, status, "%s", failure.message);
    }
    if (is_entry(root)) {
        return add_entry(log, root, err);
    }
    ++*ignored;
    return FL_OK;
}

fl_status fl_bedrock_model_log_add(fl_bedrock_model_log *log, fl_str text, uint64_t *ignored,
                                   fl_err *err)
{
    fl_arena scratch;
    fl_status status = FL_OK;
    uint64_t others = 0;
    size_t at = 0;
    fl_arena_init(&scratch, SIZE_MAX);
    for (fl_str value; status == FL_OK && (value = next_value(text, &at)).p != NULL;) {
        status = add_value(log, &scratch, text, value, &others, err);
        fl_arena_reset(&scratch);
    }
    fl_arena_fini(&scratch);
    if (status == FL_OK) {
        *ignored = others;
    }
    return status;
}
