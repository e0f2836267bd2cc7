/*
 * Documents: a text is parsed and each object in it becomes a segment or a refusal.
 */
#include "trace/segment_decode_int.h"

#include <stdio.h>

/* No document is shorter: of what is smaller on average in an array, most is refused, and one
 * refusal then stands for all. */
#define SMALLEST_DOCUMENT_BYTES 64
#define FIRST_ITEMS_MAX         32
#define PLACES_MAX              4 /* levels of nesting that a refusal names, the outermost ones */

void *fl_items_add(fl_arena *arena, fl_items *items, size_t expected)
{
    if (items->count == items->capacity) {
        size_t first = expected < FIRST_ITEMS_MAX ? expected : FIRST_ITEMS_MAX;
        size_t capacity = items->capacity != 0 ? items->capacity * 2 : first;
        size_t old_bytes = items->capacity * items->size;
        void *p = items->p != NULL
                      ? fl_arena_resize(arena, items->p, old_bytes, capacity * items->size)
                      : fl_arena_alloc(arena, capacity * items->size);
        if (p == NULL) {
            return NULL;
        }
        items->p = p;
        items->capacity = capacity;
    }
    return (char *)items->p + items->count++ * items->size;
}

/* ---- Refusing */

/* `subsegments[2]: subsegments[0]: ` as far as it fits; returns its length. */
static size_t print_place(const fl_place *place, char *to, size_t room)
{
    size_t n = 0;
    for (uint32_t depth = 1; place != NULL && depth <= place->depth && depth <= PLACES_MAX;
         depth++) {
        const fl_place *at = place;
        while (at->depth > depth) {
            at = at->owner;
        }
        int added = snprintf(to + n, room - n, "subsegments[%zu]: ", at->index);
        n += added > 0 && (size_t)added < room - n ? (size_t)added : 0;
    }
    return n;
}

fl_status fl_decode_refuse(fl_decoder *d, fl_reject_code code, const fl_place *place,
                           const char *what)
{
    fl_reject *reject = &d->reject;
    reject->code = code;
    reject->in_subsegment = place != NULL && place->segment->is_subsegment;
    size_t n = print_place(place, reject->detail, FL_REJECT_DETAIL_MAX / 2);
    snprintf(reject->detail + n, sizeof reject->detail - n, "%s", what);
    return FL_E_INVALID;
}

/* ---- Texts */

/* The documents of a text so far. */
typedef struct result {
    fl_items segments, rejects;
} result;

/* Adds the refusal that the decoder holds. */
static fl_status add_reject(fl_decoder *d, result *to, size_t expected)
{
    fl_reject *reject = fl_items_add(d->arena, &to->rejects, expected);
    if (reject == NULL) {
        return FL_E_NOMEM;
    }
    *reject = d->reject;
    return FL_OK;
}

/* Refuses what is no object: the text, or an element. `id` is copied. */
static fl_status refuse_text(fl_decoder *d, result *to, fl_reject_code code, fl_str id,
                             const char *what)
{
    d->reject = (fl_reject){0};
    if (id.p != NULL) {
        d->reject.id = fl_str_dup(d->arena, id);
        if (d->reject.id.p == NULL) {
            return FL_E_NOMEM;
        }
    }
    fl_status status = fl_decode_refuse(d, code, NULL, what);
    return status == FL_E_INVALID ? add_reject(d, to, 1) : status;
}

static fl_status decode_object_of_text(fl_decoder *d, yyjson_val *object, size_t expected,
                                       result *to)
{
    fl_decode_notes notes = d->notes;
    fl_segment *segment = fl_items_add(d->arena, &to->segments, expected);
    if (segment == NULL) {
        return FL_E_NOMEM;
    }
    d->reject = (fl_reject){0};
    fl_place top = {.segment = segment};
    fl_status status = fl_decode_segment(d, object, &top, segment);
    if (status == FL_E_INVALID) {
        to->segments.count--;
        d->scratch.n = 0;
        d->notes = notes;
        status = add_reject(d, to, expected);
    }
    return status;
}

static fl_status decode_elements(fl_decoder *d, yyjson_val *array, size_t text_bytes, result *to)
{
    size_t count = yyjson_arr_size(array);
    if (count == 0) {
        return refuse_text(d, to, FL_REJECT_MISSING_ID, (fl_str){0}, "an array without documents");
    }
    if (count > text_bytes / SMALLEST_DOCUMENT_BYTES + FIRST_ITEMS_MAX) {
        return refuse_text(d, to, FL_REJECT_TOO_LARGE, (fl_str){0},
                           "an array of more elements than documents fit in its bytes");
    }
    yyjson_arr_iter all = yyjson_arr_iter_with(array);
    for (yyjson_val *val; (val = yyjson_arr_iter_next(&all)) != NULL;) {
        if (fl_json_is(val, YYJSON_TYPE_OBJ)) {
            FL_TRY(decode_object_of_text(d, val, count, to));
        } else {
            FL_TRY(refuse_text(d, to, FL_REJECT_PARSE_ERROR, (fl_str){0},
                               "an element of the array is no JSON object"));
        }
    }
    return FL_OK;
}

static fl_status decode_text(fl_decoder *d, fl_str text, result *to)
{
    fl_err flaw = {0};
    yyjson_val *root;
    bool repaired = false;
    fl_json_mode mode = d->limits->profile == FL_PROFILE_AWS ? FL_JSON_STRICT : FL_JSON_REPAIR_UTF8;
    if (text.n > d->limits->document_bytes) {
        return refuse_text(d, to, FL_REJECT_TOO_LARGE, fl_decode_peek_id(text),
                           "the text is over the limit of a document; send large subtrees as "
                           "subsegments of their own");
    }
    fl_status status = fl_json_read(d->arena, text, mode, &root, &repaired, &flaw);
    if (status == FL_E_SYNTAX) {
        return refuse_text(d, to, FL_REJECT_PARSE_ERROR, fl_decode_peek_id(text),
                           fl_err_text(&flaw, status));
    }
    FL_TRY(status);
    d->notes.texts_repaired += repaired;
    if (fl_json_is(root, YYJSON_TYPE_OBJ)) {
        return decode_object_of_text(d, root, 1, to);
    }
    if (fl_json_is(root, YYJSON_TYPE_ARR)) {
        return decode_elements(d, root, text.n, to);
    }
    return refuse_text(d, to, FL_REJECT_PARSE_ERROR, (fl_str){0},
                       "neither a JSON object nor an array of objects");
}

fl_status fl_segment_decode(fl_arena *arena, fl_str text, const fl_limits *limits, int64_t now_ns,
                            fl_decoded *out, fl_err *err)
{
    fl_decoder d = {.arena = arena, .limits = limits, .now_ns = now_ns};
    result documents = {.segments.size = sizeof(fl_segment), .rejects.size = sizeof(fl_reject)};
    fl_buf_init(&d.scratch, SIZE_MAX);
    fl_status status = decode_text(&d, text, &documents);
    fl_buf_fini(&d.scratch);
    if (status != FL_OK) {
        FL_FAIL(err, status, "no memory to decode a document of %zu bytes", text.n);
    }
    *out = (fl_decoded){.segments = documents.segments.p,
                        .segment_count = documents.segments.count,
                        .rejects = documents.rejects.p,
                        .reject_count = documents.rejects.count,
                        .notes = d.notes};
    return FL_OK;
}
