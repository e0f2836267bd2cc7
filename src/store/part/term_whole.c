/*
 * Terms on a segment that cannot be shredded, for it has more members than a shape: on its JSON
 * text. Such segments are few, and the same words as elsewhere must be found in them.
 */
#include "codec/codec.h"
#include "store/part/term_int.h"

#define WHOLE_BYTES_MAX ((size_t)256 << 20)

/* Members whose values are ids and times, which no term compares. */
static bool is_no_value(fl_str name)
{
    static const fl_str names[] = {
        {"id", 2}, {"parent_id", 9}, {"trace_id", 8}, {"start_time", 10}, {"end_time", 8}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (fl_str_eq(names[i], name)) {
            return true;
        }
    }
    return false;
}

static bool value_holds(const fl_store_term *term, fl_str name, yyjson_val *value)
{
    switch (term->op) {
    case FL_TERM_PRESENT:
        return true;
    case FL_TERM_TRUE:
        return yyjson_is_true(value);
    case FL_TERM_FALSE:
        return yyjson_is_false(value);
    case FL_TERM_RANGE:
        return !is_no_value(name) && yyjson_is_raw(value) &&
               fl_term_sent_number_holds(term, fl_json_number(value));
    default:
        return !is_no_value(name) && yyjson_is_str(value) &&
               fl_term_text_holds(term, fl_json_str(value));
    }
}

/* The member of `value` that `path` leads to, or any of them in lists on the way. */
/* NOLINTNEXTLINE(misc-no-recursion): as deep as the path */
static bool member_holds(const fl_store_term *term, yyjson_val *value, fl_str path)
{
    if (yyjson_is_arr(value)) {
        yyjson_arr_iter items = yyjson_arr_iter_with(value);
        for (yyjson_val *item; (item = yyjson_arr_iter_next(&items)) != NULL;) {
            if (member_holds(term, item, path)) {
                return true;
            }
        }
        return false;
    }
    fl_str name = fl_str_cut(&path, '.');
    yyjson_val *member = fl_json_get(value, name);
    if (member == NULL) {
        return false;
    }
    return path.p != NULL ? member_holds(term, member, path) : value_holds(term, name, member);
}

static bool term_holds(const fl_store_term *term, yyjson_val *segment)
{
    if (!fl_term_has_key(term)) {
        return member_holds(term, segment, term->field);
    }
    yyjson_val *value = fl_json_get(fl_json_get(segment, term->field), term->key);
    return value != NULL && value_holds(term, (fl_str){0}, value);
}

/* Segments nest at most FL_SEGMENT_DEPTH_MAX deep. */
/* NOLINTNEXTLINE(misc-no-recursion): FL_SEGMENT_DEPTH_MAX */
static void match_segment(yyjson_val *segment, const fl_store_term *terms, size_t count,
                          uint64_t *held)
{
    for (size_t i = 0; i < count; i++) {
        if ((*held >> i & 1) == 0 && term_holds(&terms[i], segment)) {
            *held |= UINT64_C(1) << i;
        }
    }
    yyjson_val *subsegments = fl_json_get(segment, FL_S("subsegments"));
    yyjson_arr_iter iter = yyjson_arr_iter_with(subsegments);
    for (yyjson_val *item; (item = yyjson_arr_iter_next(&iter)) != NULL;) {
        match_segment(item, terms, count, held);
    }
}

static fl_status match_json(fl_arena *arena, fl_str packed, const fl_store_term *terms,
                            size_t count, uint64_t *held, fl_err *err)
{
    fl_segment *segment;
    yyjson_val *root;
    FL_AUTO(fl_buf) json = {0};
    fl_buf_init(&json, WHOLE_BYTES_MAX);
    FL_TRY(fl_segment_unpack(arena, packed, &segment, err));
    fl_segment_emit(segment, &json);
    if (json.status != FL_OK) {
        FL_FAIL(err, json.status, "no memory to look into a segment");
    }
    FL_TRY(fl_json_read(arena, fl_buf_str(&json), FL_JSON_REPAIR_UTF8, &root, NULL, err));
    match_segment(root, terms, count, held);
    return FL_OK;
}

fl_status fl_term_match_whole(fl_str packed, const fl_store_term *terms, size_t count,
                              uint64_t *held, fl_err *err)
{
    FL_AUTO(fl_arena) arena = {0};
    fl_arena_init(&arena, WHOLE_BYTES_MAX);
    return match_json(&arena, packed, terms, count, held, err);
}
