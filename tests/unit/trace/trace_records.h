/*
 * Tests of the assembled trace: documents as short JSON go in, the trace, its compiled documents
 * and its summary come out. JSON is written with ' for " to be readable in C.
 */
#ifndef FL_TESTS_TRACE_RECORDS_H
#define FL_TESTS_TRACE_RECORDS_H

#include <stdlib.h>

#include "codec/codec.h"
#include "support/test.h"
#include "trace/trace.h"

#define RECORDS_MAX      64
#define RECORDS_T_S      1738650304 /* epoch of the trace id of all these documents */
#define RECORDS_TRACE_ID "1-67a1b2c0-0a1b2c3d4e5f60718293a4b5"

typedef struct records {
    fl_arena arena;
    fl_record list[RECORDS_MAX];
    size_t count;
    fl_trace *trace;
    fl_summary summary;
    fl_buf text;
} records;

static inline fl_trace_id records_trace_id(void)
{
    fl_trace_id id;
    assert_true(fl_trace_id_parse(FL_S(RECORDS_TRACE_ID), &id));
    return id;
}

static inline void records_init(records *r)
{
    *r = (records){0};
    fl_arena_init(&r->arena, (size_t)256 << 20);
    fl_buf_init(&r->text, (size_t)64 << 20);
}

static inline void records_fini(records *r)
{
    fl_buf_fini(&r->text);
    fl_arena_fini(&r->arena);
}

static inline fl_str records_json(records *r, const char *text)
{
    fl_str json = fl_str_dup(&r->arena, fl_str_of(text));
    assert_non_null(json.p);
    char *bytes = fl_str_zdup(&r->arena, json);
    assert_non_null(bytes);
    for (size_t i = 0; i < json.n; i++) {
        bytes[i] = (char)(bytes[i] == '\'' ? '"' : bytes[i]);
    }
    return (fl_str){bytes, json.n};
}

/* Arrives as the next one, as many seconds after the trace's epoch as records have come. */
static inline void records_add(records *r, const char *text)
{
    fl_decoded decoded;
    fl_err err = {0};
    fl_limits limits = fl_limits_of(FL_PROFILE_OPEN, 0);
    int64_t now_ns = RECORDS_T_S * FL_NS_PER_S;
    assert_ok(fl_segment_decode(&r->arena, records_json(r, text), &limits, now_ns, &decoded, &err),
              &err);
    if (decoded.reject_count != 0) {
        fail_msg("refused: %s", decoded.rejects[0].detail);
    }
    for (size_t i = 0; i < decoded.segment_count; i++) {
        assert_true(r->count < RECORDS_MAX);
        r->list[r->count] =
            (fl_record){.segment = &decoded.segments[i],
                        .arrival = r->count + 1,
                        .arrival_ns = (RECORDS_T_S + (int64_t)r->count + 1) * FL_NS_PER_S};
        r->count++;
    }
}

static inline void records_assemble_at(records *r, int64_t now_ns)
{
    fl_err err = {0};
    assert_ok(fl_trace_assemble(&r->arena, records_trace_id(), r->list, r->count, now_ns, &r->trace,
                                &err),
              &err);
}

/* An hour later: no grace is left. */
static inline void records_assemble(records *r)
{
    records_assemble_at(r, (RECORDS_T_S + 3600) * FL_NS_PER_S);
}

static inline void records_summarize(records *r)
{
    fl_err err = {0};
    fl_limits limits = fl_limits_of(FL_PROFILE_OPEN, 0);
    assert_ok(fl_trace_summarize(&r->arena, r->trace, &limits, &r->summary, &err), &err);
    r->summary.revision = 1;
}

/* The entity of an id, NULL if the trace has none; the inferred one of a call by records_inferred.
 */
static inline fl_entity *records_next(const fl_entity *top, const fl_entity *entity)
{
    if (entity->first_child != NULL) {
        return entity->first_child;
    }
    while (entity != top && entity->next_sibling == NULL) {
        entity = entity->parent;
    }
    return entity != top ? entity->next_sibling : NULL;
}

static inline fl_entity *records_find(const records *r, uint64_t id)
{
    for (size_t i = 0; i < r->trace->top_count; i++) {
        fl_entity *top = r->trace->tops[i];
        for (fl_entity *entity = top; entity != NULL; entity = records_next(top, entity)) {
            if (entity->segment->id == id) {
                return entity;
            }
        }
    }
    return NULL;
}

static inline fl_entity *records_inferred(const records *r, uint64_t call_id)
{
    for (size_t i = 0; i < r->trace->top_count; i++) {
        if (r->trace->tops[i]->inferred && r->trace->tops[i]->segment->parent_id == call_id) {
            return r->trace->tops[i];
        }
    }
    return NULL;
}

/* Compiled documents of all tops, one a line. */
static inline fl_str records_documents(records *r)
{
    fl_buf_reset(&r->text);
    for (size_t i = 0; i < r->trace->top_count; i++) {
        fl_entity_emit(r->trace->tops[i], &r->text);
        fl_buf_add_byte(&r->text, '\n');
    }
    assert_int_equal(r->text.status, FL_OK);
    return fl_buf_str(&r->text);
}

static inline fl_str records_document(records *r, const fl_entity *top)
{
    fl_buf_reset(&r->text);
    fl_entity_emit(top, &r->text);
    assert_int_equal(r->text.status, FL_OK);
    return fl_buf_str(&r->text);
}

static inline fl_str records_summary(records *r)
{
    records_summarize(r);
    fl_buf_reset(&r->text);
    fl_summary_emit(&r->summary, (fl_str){0}, &r->text);
    assert_int_equal(r->text.status, FL_OK);
    return fl_buf_str(&r->text);
}

static inline bool records_same_json(yyjson_val *a, yyjson_val *b)
{
    yyjson_val *key, *value;
    size_t i, count;
    if (yyjson_is_num(a) || yyjson_is_num(b)) {
        return yyjson_is_num(a) && yyjson_is_num(b) && yyjson_get_num(a) == yyjson_get_num(b);
    }
    if (!yyjson_is_ctn(a) || yyjson_get_type(a) != yyjson_get_type(b) ||
        yyjson_get_len(a) != yyjson_get_len(b)) {
        return yyjson_equals(a, b);
    }
    if (yyjson_is_arr(a)) {
        yyjson_arr_foreach(a, i, count, value)
        {
            if (!records_same_json(value, yyjson_arr_get(b, i))) {
                return false;
            }
        }
        return true;
    }
    yyjson_obj_foreach(a, i, count, key, value)
    {
        yyjson_val *other = yyjson_obj_getn(b, yyjson_get_str(key), yyjson_get_len(key));
        if (other == NULL || !records_same_json(value, other)) {
            return false;
        }
    }
    return true;
}

/* Fails unless both texts are the same JSON value; the order of members does not count, and 2
 * is 2.0. */
static inline void records_assert_json(records *r, fl_str actual, const char *expected)
{
    fl_str wanted = records_json(r, expected);
    yyjson_doc *one = yyjson_read(actual.p, actual.n, YYJSON_READ_NOFLAG);
    yyjson_doc *other = yyjson_read(wanted.p, wanted.n, YYJSON_READ_NOFLAG);
    if (one == NULL || other == NULL ||
        !records_same_json(yyjson_doc_get_root(one), yyjson_doc_get_root(other))) {
        print_error("expected: %.*s\n", FL_P(wanted));
        print_error("actual:   %.*s\n", FL_P(actual));
        fail_msg("%s", one == NULL ? "not JSON" : "not equal");
    }
    yyjson_doc_free(one);
    yyjson_doc_free(other);
}

/* One test on fresh records. */
#define RECORDS_TEST(name)                                                                         \
    static void name##_on(records *r);                                                             \
    static void name(void **state)                                                                 \
    {                                                                                              \
        records r;                                                                                 \
        (void)state;                                                                               \
        records_init(&r);                                                                          \
        name##_on(&r);                                                                             \
        records_fini(&r);                                                                          \
    }                                                                                              \
    static void name##_on(records *r)

#endif
