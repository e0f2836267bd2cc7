/* All annotations of a segment: ours, and on the root of a run those that the user adds. */
#include "bedrock/write_int.h"

#define KEY_BYTES_MAX 500
#define BEHIND_USERS  4 /* facts at the end of the list, with content_truncated first */

fl_str bedrock_clip(fl_arena *arena, fl_str text, size_t most)
{
    size_t at = 0;
    size_t keep = 0; /* bytes of all characters but the last that fits */
    if (text.n <= most) {
        return text;
    }
    for (size_t chars = 0; chars < most && at < text.n; chars++) {
        keep = at;
        (void)fl_utf8_next(text, &at);
    }
    if (at == text.n) {
        return text;
    }
    const fl_str ellipsis = FL_S("…");
    char *clipped = fl_arena_alloc(arena, keep + ellipsis.n);
    if (clipped == NULL) {
        return (fl_str){0};
    }
    memcpy(clipped, text.p, keep);
    memcpy(clipped + keep, ellipsis.p, ellipsis.n);
    return (fl_str){clipped, keep + ellipsis.n};
}

const fl_str bedrock_size_limited_key = FL_S("size_limited");

/* ---- What the user adds */

typedef struct annotating {
    bedrock_view *view;
    fl_annotation *list;
    uint32_t count, capacity;
} annotating;

static bool is_core_key(fl_str key)
{
    return fl_str_eq(key, FL_S("tenant")) || fl_str_eq(key, FL_S("route")) ||
           fl_str_eq(key, FL_S("experiment_id"));
}

/* The key with what is not allowed in one replaced; absent where memory is short. */
static fl_str allowed_key(fl_arena *arena, fl_str key)
{
    fl_str allowed =
        fl_str_dup(arena, (fl_str){key.p, key.n < KEY_BYTES_MAX ? key.n : KEY_BYTES_MAX});
    char *bytes = (char *)(uintptr_t)allowed.p;
    for (size_t i = 0; i < allowed.n; i++) {
        char c = bytes[i];
        bool is_fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        bytes[i] = (char)(is_fine ? c : '_');
    }
    return allowed;
}

static fl_annotation *annotation_of(annotating *a, fl_str key)
{
    for (uint32_t i = 0; i < a->count; i++) {
        if (fl_str_eq(a->list[i].key, key)) {
            return &a->list[i];
        }
    }
    return NULL;
}

/* Keys of few values: what would flood an index is cut (spec §4.1). */
static fl_str index_value(const bedrock_view *view, const fl_annotation *given)
{
    if (given->kind != FL_ANNOTATION_STRING || !is_core_key(given->key)) {
        return given->text;
    }
    fl_buf_reset(view->redacted);
    fl_genai_index_value(given->key, given->text, view->redacted);
    return fl_str_dup(view->arena, fl_buf_str(view->redacted));
}

/* Ours stand; of the user's own with one key the last one does. */
static void add_user(annotating *a, const fl_annotation *given, uint32_t ours)
{
    const bedrock_view *view = a->view;
    fl_annotation made = *given;
    made.key = allowed_key(view->arena, given->key);
    fl_annotation *there = annotation_of(a, made.key);
    bool is_wanted = made.key.n > 0 && (!view->options->core_annotations || is_core_key(made.key));
    if (!is_wanted || (there != NULL && there < a->list + ours)) {
        return;
    }
    if (given->kind == FL_ANNOTATION_STRING) {
        made.text = bedrock_clip(view->arena, index_value(view, given), BEDROCK_STRING_CHARS_MAX);
    }
    if (there != NULL) {
        *there = made;
    } else if (a->count < a->capacity) {
        a->list[a->count++] = made;
    }
}

static void add_users(annotating *a)
{
    uint32_t ours = a->count;
    if (!bedrock_is_root(a->view)) {
        return;
    }
    for (size_t i = 0; i < a->view->options->annotate_count; i++) {
        add_user(a, &a->view->options->annotate[i], ours);
    }
}

/* ---- All of them */

/* A fact behind the user's takes the place of one with its key. */
static void add_fact(annotating *a, size_t index)
{
    fl_annotation made;
    if (!bedrock_fact_get(a->view, index, &made)) {
        return;
    }
    fl_annotation *there =
        index >= bedrock_fact_count - BEHIND_USERS ? annotation_of(a, made.key) : NULL;
    if (there != NULL) {
        *there = made;
    } else if (a->count < a->capacity) {
        a->list[a->count++] = made;
    }
}

/* That something is missing is told even where the list is full before it. */
static void keep_size_limited(annotating *a)
{
    bool is_wanted = a->view->marks.size_limited && !a->view->options->core_annotations;
    if (is_wanted && a->count > 0 && a->count == a->capacity &&
        annotation_of(a, bedrock_size_limited_key) == NULL) {
        a->list[a->count - 1] = (fl_annotation){
            .key = bedrock_size_limited_key, .kind = FL_ANNOTATION_BOOL, .boolean = true};
    }
}

fl_status bedrock_annotate(bedrock_view *view, fl_annotation **out, uint32_t *count, fl_err *err)
{
    const fl_bedrock_options *options = view->options;
    size_t most = bedrock_fact_count + options->annotate_count;
    annotating a = {.view = view};
    a.capacity = options->max_annotations < most ? options->max_annotations : (uint32_t)most;
    a.list = fl_arena_alloc(view->arena, a.capacity * sizeof *a.list);
    if (a.list == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for the annotations of a segment");
    }
    for (size_t i = 0; i < bedrock_fact_count && a.count < a.capacity; i++) {
        if (i == bedrock_fact_count - BEHIND_USERS) {
            add_users(&a);
        }
        add_fact(&a, i);
    }
    keep_size_limited(&a);
    *out = a.list;
    *count = a.count;
    return FL_OK;
}
