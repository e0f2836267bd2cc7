/*
 * Terms on the columns of a part, on its rows one by one and on packed segments: the same as by
 * looking into every segment.
 */
#include <stdio.h>
#include <stdlib.h>

#include "codec/codec.h"
#include "support/part_rig.h"

#define ROUNDS    (TEST_IS_SLOW ? 3 : 12)
#define ROWS_MAX  80
#define TERMS     8 /* sets of terms for each part */
#define TERMS_MAX 4
#define START_NS  (INT64_C(1795382156) * FL_NS_PER_S)

/* ---- Looking into a segment */

typedef struct naive {
    const fl_store_term *term;
    bool holds;
} naive;

static void see_present(naive *n)
{
    n->holds |= n->term->op == FL_TERM_PRESENT;
}

static void see_text(naive *n, fl_str text)
{
    fl_str wanted = n->term->text;
    bool fits = text.p != NULL && text.n >= wanted.n;
    if (text.p == NULL) {
        return;
    }
    see_present(n);
    switch (n->term->op) {
    case FL_TERM_EQUAL:
        n->holds |= fl_str_eq(text, wanted);
        break;
    case FL_TERM_PREFIX:
        n->holds |= fl_str_starts(text, wanted);
        break;
    case FL_TERM_SUFFIX:
        n->holds |= fits && fl_str_eq((fl_str){text.p + text.n - wanted.n, wanted.n}, wanted);
        break;
    case FL_TERM_CONTAINS:
        for (size_t i = 0; fits && i + wanted.n <= text.n; i++) {
            n->holds |= fl_str_eq((fl_str){text.p + i, wanted.n}, wanted);
        }
        break;
    default:
        break;
    }
}

static void see_number(naive *n, double number)
{
    see_present(n);
    n->holds |= n->term->op == FL_TERM_RANGE && number >= n->term->low && number <= n->term->high;
}

static void see_bool(naive *n, fl_bool3 value)
{
    if (value != FL_ABSENT) {
        see_present(n);
        n->holds |= n->term->op == (value == FL_TRUE ? FL_TERM_TRUE : FL_TERM_FALSE);
    }
}

static void see_annotations(naive *n, const fl_segment *segment)
{
    if (n->term->key.p == NULL && segment->has_annotations) {
        see_present(n);
    }
    for (uint32_t i = 0; i < segment->annotation_count; i++) {
        const fl_annotation *a = &segment->annotations[i];
        if (n->term->key.p == NULL || !fl_str_eq(a->key, n->term->key)) {
            continue;
        }
        if (a->kind == FL_ANNOTATION_STRING) {
            see_text(n, a->text);
        } else if (a->kind == FL_ANNOTATION_NUMBER) {
            see_number(n, fl_json_double(a->text));
        } else {
            see_bool(n, a->boolean ? FL_TRUE : FL_FALSE);
        }
    }
}

static bool is_field(const naive *n, const char *name)
{
    return fl_str_eq(n->term->field, fl_str_of(name));
}

static void see_if(naive *n, const char *name, fl_str text)
{
    if (is_field(n, name)) {
        see_text(n, text);
    }
}

static void see_http(naive *n, const fl_http *http)
{
    see_if(n, "http.request.url", http->has_request ? http->url : (fl_str){0});
    see_if(n, "http.request.method", http->has_request ? http->method : (fl_str){0});
    see_if(n, "http.request.client_ip", http->has_request ? http->client_ip : (fl_str){0});
    if (is_field(n, "http.response.status") && http->has_response && http->status != FL_INT_NONE) {
        see_number(n, (double)http->status);
    }
    if (is_field(n, "http.response.content_length") && http->has_response &&
        http->content_length != FL_INT_NONE) {
        see_number(n, (double)http->content_length);
    }
}

static void see_cause(naive *n, const fl_cause *cause)
{
    see_if(n, "cause.message", cause->message);
    for (uint32_t i = 0; i < cause->exception_count; i++) {
        see_if(n, "cause.exceptions.type", cause->exceptions[i].type);
        see_if(n, "cause.exceptions.message", cause->exceptions[i].message);
    }
}

static void see_segment(naive *n, const fl_segment *segment)
{
    see_if(n, "name", segment->name);
    see_if(n, "user", segment->user);
    see_if(n, "origin", segment->origin);
    see_if(n, "namespace", segment->name_space);
    if (is_field(n, "fault") || is_field(n, "error")) {
        see_bool(n, is_field(n, "fault") ? segment->fault : segment->error);
    }
    if (is_field(n, "annotations")) {
        see_annotations(n, segment);
    }
    if ((is_field(n, "end_time") && segment->end_ns != FL_TIME_NONE) ||
        (is_field(n, "sql") && segment->sql.p != NULL)) {
        see_present(n);
    }
    if (segment->http != NULL) {
        see_http(n, segment->http);
    }
    if (segment->service != NULL) {
        see_if(n, "service.version", segment->service->version);
    }
    if (segment->cause != NULL) {
        see_cause(n, segment->cause);
    }
    for (uint32_t i = 0; i < segment->subsegment_count; i++) {
        see_segment(n, &segment->subsegments[i]);
    }
}

static uint64_t naive_held(fl_str packed, const fl_store_term *terms, size_t count)
{
    fl_arena arena;
    fl_segment *segment;
    fl_err err;
    uint64_t held = 0;
    fl_arena_init(&arena, (size_t)64 << 20);
    assert_ok(fl_segment_unpack(&arena, packed, &segment, &err), &err);
    for (size_t i = 0; i < count; i++) {
        naive n = {&terms[i], false};
        see_segment(&n, segment);
        held |= n.holds ? UINT64_C(1) << i : 0;
    }
    fl_arena_fini(&arena);
    return held;
}

/* Of each group of alternatives one. */
static bool naive_terms_hold(const fl_store_term *terms, size_t count, uint64_t held)
{
    bool all = true;
    for (size_t i = 0; i < count;) {
        bool one = false, more = true;
        for (; more && i < count; i++) {
            one |= (held >> i & 1) != 0;
            more = terms[i].or_next;
        }
        all &= one;
    }
    return all;
}

/* ---- Random terms */

static fl_str pick(test_random *random, const char *const *texts, size_t count)
{
    return fl_str_of(texts[test_random_below(random, count)]);
}
#define PICK(random, texts) pick((random), (texts), sizeof(texts) / sizeof(texts)[0])

static fl_store_term random_text_term(test_random *random)
{
    static const char *const fields[] = {"name",
                                         "user",
                                         "http.request.url",
                                         "http.request.client_ip",
                                         "cause.message",
                                         "origin",
                                         "annotations",
                                         "annotations",
                                         "annotations",
                                         "service.version",
                                         "fault",
                                         "no.such",
                                         "cause.exceptions.type",
                                         "http.request.method"};
    static const char *const texts[] = {"t-1", "t-",     "web",
                                        "GET", "",       "10.0.3.7",
                                        ".7",  "orders", "https://shop.example/api/orders/2?x=%20",
                                        "3",   "zzz"};
    return (fl_store_term){
        .field = PICK(random, fields),
        .op = (fl_term_op)(FL_TERM_EQUAL + (int)test_random_below(random, 4)),
        .text = PICK(random, texts),
    };
}

static fl_store_term random_number_term(test_random *random)
{
    static const char *const fields[] = {"http.response.status", "http.response.content_length",
                                         "annotations", "name"};
    double low = (double)test_random_below(random, 600) - 100;
    return (fl_store_term){.field = PICK(random, fields),
                           .op = FL_TERM_RANGE,
                           .low = low,
                           .high = low + (double)test_random_below(random, 100)};
}

static fl_store_term random_other_term(test_random *random)
{
    static const char *const fields[] = {"fault",
                                         "error",
                                         "annotations",
                                         "user",
                                         "sql",
                                         "end_time",
                                         "http.request.url",
                                         "http.response.status",
                                         "cause.exceptions.message",
                                         "namespace"};
    static const fl_term_op ops[] = {FL_TERM_PRESENT, FL_TERM_TRUE, FL_TERM_FALSE};
    return (fl_store_term){.field = PICK(random, fields), .op = ops[test_random_below(random, 3)]};
}

static size_t random_terms(test_random *random, fl_store_term *terms)
{
    static const char *const keys[] = {"tenant", "tier", "order_id", "n", "retry", "key-1", ""};
    size_t count = test_random_below(random, TERMS_MAX + 1);
    for (size_t i = 0; i < count; i++) {
        uint64_t sort = test_random_below(random, 4);
        terms[i] = sort < 2    ? random_text_term(random)
                   : sort == 2 ? random_number_term(random)
                               : random_other_term(random);
        bool all_keys = terms[i].op == FL_TERM_PRESENT && test_random_below(random, 2) == 0;
        if (fl_str_eq(terms[i].field, FL_S("annotations")) && !all_keys) {
            terms[i].key = PICK(random, keys);
        }
        terms[i].or_next = test_random_below(random, 3) == 0;
    }
    return count;
}

/* ---- Parts */

/* A segment with more members than a shape has room for. */
static void make_huge(random_segments *r, rig_piece *piece)
{
    fl_segment *segment = random_segment(r, piece->row.id, piece->row.start_ns);
    segment->has_annotations = true;
    segment->annotation_count = 700;
    segment->annotations = FL_ARENA_ARRAY(r->arena, fl_annotation, 700);
    assert_non_null(segment->annotations);
    for (uint32_t i = 0; i < 700; i++) {
        char *key = fl_arena_alloc(r->arena, 16);
        assert_non_null(key);
        int n = i == 5 ? snprintf(key, 16, "tenant") : snprintf(key, 16, "key-%u", i);
        segment->annotations[i] = (fl_annotation){
            .key = {key, (size_t)n}, .kind = FL_ANNOTATION_STRING, .text = FL_S("t-1")};
    }
    piece->packed[0] = test_pack(r->arena, segment);
}

static size_t make_pieces(random_segments *r, rig_piece *pieces, bool some_huge)
{
    size_t count = 1 + (size_t)test_random_below(r->random, ROWS_MAX);
    for (size_t i = 0; i < count; i++) {
        fl_trace_id id = {UINT64_C(1795382156) << 32 | i, 1 + test_random_next(r->random)};
        uint32_t records = test_random_below(r->random, 40) == 0
                               ? 50
                               : 1 + (uint32_t)test_random_below(r->random, 4);
        pieces[i] = rig_piece_of(r, id, START_NS + (int64_t)i * 1000, records, i * 100);
        if (some_huge && test_random_below(r->random, 10) == 0) {
            make_huge(r, &pieces[i]);
        }
    }
    rig_sort(pieces, count);
    return count;
}

static uint64_t naive_row(const rig_piece *piece, const fl_store_term *terms, size_t count)
{
    uint64_t held = 0;
    for (uint32_t k = 0; k < piece->row.record_count; k++) {
        uint64_t of_record = naive_held(piece->packed[k], terms, count), got = 0;
        fl_err err;
        assert_ok(fl_part_match_packed(piece->packed[k], terms, count, &got, &err), &err);
        assert_true(got == of_record);
        held |= of_record;
    }
    return held;
}

static void expect_next(fl_part_match *match, uint32_t from, uint32_t expected)
{
    fl_err err;
    uint32_t row = from;
    assert_ok(fl_part_match_next(match, &row, &err), &err);
    assert_int_equal(row, expected);
}

static void expect_matches(test_random *random, fl_part_cursor *cursor, const rig_piece *pieces,
                           uint32_t rows, const fl_store_term *terms, size_t count)
{
    fl_part_match *match;
    fl_err err;
    uint32_t after = rows;
    assert_ok(fl_part_match_new(cursor, terms, count, &match, &err), &err);
    for (uint32_t i = rows; i-- > 0;) {
        uint64_t expected = naive_row(&pieces[i], terms, count), held;
        fl_part_row row;
        bool holds = naive_terms_hold(terms, count, expected);
        assert_int_equal(fl_store_terms_hold(terms, count, expected), holds);
        after = holds ? i : after;
        expect_next(match, i, after);
        if (test_random_below(random, 4) == 0) { /* the cursor goes elsewhere in between */
            uint32_t other = (uint32_t)test_random_below(random, rows);
            assert_ok(fl_part_row_at(cursor, other, &row, &err), &err);
        }
        assert_ok(fl_part_match_row(match, i, &held, &err), &err);
        assert_true(held == expected);
    }
    expect_next(match, rows, rows);
    fl_part_match_free(match);
    fl_part_match_free(NULL);
}

static void terms_find_what_looking_into_segments_finds(void **state)
{
    static rig_piece pieces[ROWS_MAX];
    test_random random = test_random_begin();
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        fl_arena arena;
        fl_part *part;
        fl_part_cursor *cursor;
        fl_err err = {0};
        fl_arena_init(&arena, (size_t)256 << 20);
        fault_fs *fs = fault_fs_new();
        random_segments r = {&random, &arena, round % 3 == 0 ? 20 : 0, 2, 3};
        size_t count = make_pieces(&r, pieces, round % 2 == 0);
        uint32_t block_rows = 1U << test_random_below(&random, 11);
        rig_write(fault_fs_calls(fs), RIG_PATH, pieces, count, block_rows);
        assert_ok(fl_part_open(fault_fs_calls(fs), RIG_PATH, &part, &err), &err);
        assert_ok(fl_part_cursor_new(part, &cursor, &err), &err);
        for (int set = 0; set < TERMS; set++) {
            fl_store_term terms[TERMS_MAX];
            size_t term_count = random_terms(&random, terms);
            expect_matches(&random, cursor, pieces, (uint32_t)count, terms, term_count);
        }
        fl_part_cursor_free(cursor);
        fl_part_close(part);
        fault_fs_free(fs);
        fl_arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms_find_what_looking_into_segments_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
