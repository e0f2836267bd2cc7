#include <stdlib.h>

#include "store/part/column_int.h"
#include "support/test.h"

typedef struct rig {
    fl_column_encoder *encoder;
    fl_zstd *zstd;
    fl_arena arena;
    fl_buf chunk, filter;
} rig;

static void rig_init(rig *r)
{
    r->encoder = fl_column_encoder_new();
    r->zstd = fl_zstd_new();
    assert_true(r->encoder != NULL && r->zstd != NULL);
    fl_arena_init(&r->arena, (size_t)64 << 20);
    fl_buf_init(&r->chunk, (size_t)64 << 20);
    fl_buf_init(&r->filter, (size_t)1 << 20);
}

static void rig_fini(rig *r)
{
    fl_column_encoder_free(r->encoder);
    fl_zstd_free(r->zstd);
    fl_arena_fini(&r->arena);
    fl_buf_fini(&r->chunk);
    fl_buf_fini(&r->filter);
}

static fl_str encode(rig *r, fl_column *column)
{
    fl_err err;
    fl_buf_reset(&r->chunk);
    fl_buf_reset(&r->filter);
    assert_ok(fl_column_encode(column, r->encoder, &r->chunk, &r->filter, &err), &err);
    fl_column_free(column);
    return fl_buf_str(&r->chunk);
}

static fl_str encode_ints(rig *r, const int64_t *ints, uint32_t count)
{
    fl_column *column = fl_column_new(FL_COLUMN_INT, NULL, false);
    assert_non_null(column);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(fl_column_add_int(column, ints[i]));
    }
    return encode(r, column);
}

static fl_str encode_texts(rig *r, const char *const *texts, uint32_t count)
{
    fl_column *column = fl_column_new(FL_COLUMN_TEXT, NULL, true);
    assert_non_null(column);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(fl_column_add_text(column, fl_str_of(texts[i])));
    }
    return encode(r, column);
}

static fl_status read_chunk(rig *r, fl_column_kind kind, fl_str chunk, uint32_t count)
{
    fl_values values;
    return fl_values_read(&r->arena, r->zstd, kind, chunk, count, NULL, &values, NULL);
}

static fl_chunk_facts facts_of(fl_column_kind kind, fl_str chunk)
{
    fl_chunk_facts facts;
    fl_err err;
    assert_ok(fl_chunk_facts_read(kind, chunk, &facts, &err), &err);
    return facts;
}

static void expect_bytes(fl_str chunk, const char *hex)
{
    fl_buf text;
    fl_buf_init(&text, 10000);
    for (size_t i = 0; i < chunk.n; i++) {
        fl_buf_add_hex(&text, (unsigned char)chunk.p[i], 2);
    }
    assert_str(fl_buf_str(&text), hex);
    fl_buf_fini(&text);
}

/* ---- The examples of docs/format/part.md, "Chunks" */

static void chunks_are_the_documented_bytes(void **state)
{
    static const int64_t equal[] = {200, 200, 200};
    static const int64_t times[] = {1500000, 2000000, 1501000, 7000};
    static const int64_t steps[] = {-3, 7, 17};
    static const char *const texts[] = {"b", "a", "a", "b"};
    static const char *const prices[] = {"12.50", "3", "3"};
    rig r;
    (void)state;
    rig_init(&r);
    expect_bytes(encode_ints(&r, equal, 3), "00900300");
    expect_bytes(encode_ints(&r, times, 4), "10b06dc90fd54dbe750100");
    expect_bytes(encode_ints(&r, steps, 3), "020514");
    expect_bytes(encode_texts(&r, texts, 4), "02020000029000000200006261");
    expect_bytes(encode_texts(&r, prices, 3), "010200d804b607b603000000000202");
    rig_fini(&r);
}

static void a_column_without_values_is_an_empty_chunk(void **state)
{
    rig r;
    (void)state;
    rig_init(&r);
    for (int kind = FL_COLUMN_INT; kind <= FL_COLUMN_TEXT; kind++) {
        fl_column *column = fl_column_new((fl_column_kind)kind, NULL, true);
        assert_non_null(column);
        assert_int_equal(encode(&r, column).n, 0);
        assert_int_equal(r.filter.n, 0);
        assert_int_equal(read_chunk(&r, (fl_column_kind)kind, (fl_str){0}, 0), FL_OK);
        assert_int_equal(read_chunk(&r, (fl_column_kind)kind, FL_S("x"), 0), FL_E_CORRUPT);
        assert_int_equal(read_chunk(&r, (fl_column_kind)kind, (fl_str){0}, 1), FL_E_CORRUPT);
        assert_false(facts_of((fl_column_kind)kind, (fl_str){0}).has_bounds);
    }
    fl_column_free(NULL);
    rig_fini(&r);
}

static void what_does_not_change_costs_a_few_bytes(void **state)
{
    static int64_t ints[2000];
    rig r;
    (void)state;
    rig_init(&r);
    for (size_t i = 0; i < 2000; i++) {
        ints[i] = 200;
    }
    assert_true(encode_ints(&r, ints, 2000).n <= 4);
    for (size_t i = 0; i < 2000; i++) {
        ints[i] = (int64_t)i * 1000000;
    }
    assert_true(encode_ints(&r, ints, 2000).n <= 5);
    rig_fini(&r);
}

static void bounds_are_known_without_the_values(void **state)
{
    static const int64_t ints[] = {INT64_MIN, 5, INT64_MAX};
    static const char *const numbers[] = {"12.50", "-3", "0.1"};
    static const char *const one_is_none[] = {"12.50", "-3", "0.1", "abc"};
    rig r;
    fl_chunk_facts facts;
    (void)state;
    rig_init(&r);
    facts = facts_of(FL_COLUMN_INT, encode_ints(&r, ints, 3));
    assert_true(facts.has_bounds && facts.low == (double)INT64_MIN &&
                facts.high == (double)INT64_MAX);
    facts = facts_of(FL_COLUMN_TEXT, encode_texts(&r, numbers, 3));
    assert_true(facts.has_bounds && facts.low <= -3 && facts.low > -3.000001);
    assert_true(facts.high >= 12.5 && facts.high < 12.500001);
    facts = facts_of(FL_COLUMN_TEXT, encode_texts(&r, one_is_none, 4));
    assert_false(facts.has_bounds);
    rig_fini(&r);
}

/* A number that is written in another way would come back as another text. */
static void only_texts_that_numbers_give_back_become_numbers(void **state)
{
    static const char *const kept[] = {"0", "-1", "1.5", "0.05", "100.00", "999999999999999999"};
    static const char *const not_kept[] = {"",     "-",     "+1",  "01",    "-0",
                                           "1.",   ".5",    "1e3", "1 ",    "00",
                                           "-0.0", "1.2.3", "0x1", "1,000", "1000000000000000000"};
    rig r;
    (void)state;
    rig_init(&r);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        assert_true(facts_of(FL_COLUMN_TEXT, encode_texts(&r, &kept[i], 1)).has_bounds);
    }
    for (size_t i = 0; i < sizeof not_kept / sizeof not_kept[0]; i++) {
        assert_false(facts_of(FL_COLUMN_TEXT, encode_texts(&r, &not_kept[i], 1)).has_bounds);
    }
    rig_fini(&r);
}

static void a_cut_chunk_or_one_of_another_count_is_corrupt(void **state)
{
    static const int64_t ints[] = {5, 1 << 20, 77, 3000000000, 5, 6};
    static const char *const texts[] = {"/a/1", "/a/22", "/a/333", "/a/4", "/a/55",
                                        "/a/6", "/a/7",  "/a/8",   "/a/9", "/b/10"};
    rig r;
    (void)state;
    rig_init(&r);
    for (int kind = 0; kind < 2; kind++) {
        fl_str chunk = kind == 0 ? encode_ints(&r, ints, 6) : encode_texts(&r, texts, 10);
        uint32_t count = kind == 0 ? 6 : 10;
        fl_column_kind of = kind == 0 ? FL_COLUMN_INT : FL_COLUMN_TEXT;
        assert_int_equal(read_chunk(&r, of, chunk, count), FL_OK);
        for (size_t n = 0; n < chunk.n; n++) {
            assert_int_equal(read_chunk(&r, of, (fl_str){chunk.p, n}, count), FL_E_CORRUPT);
        }
        assert_int_equal(read_chunk(&r, of, chunk, FL_COLUMN_VALUES_MAX + 1), FL_E_CORRUPT);
    }
    rig_fini(&r);
}

static void a_dictionary_chunk_without_dictionary_is_corrupt(void **state)
{
    rig r;
    fl_dictionary *dictionary = fl_dictionary_new();
    fl_column *column = fl_column_new(FL_COLUMN_TEXT, dictionary, true);
    (void)state;
    rig_init(&r);
    assert_true(dictionary != NULL && column != NULL);
    assert_true(fl_column_add_text(column, FL_S("x")));
    fl_str chunk = encode(&r, column);
    assert_int_equal(r.filter.n, 0);
    assert_true(facts_of(FL_COLUMN_TEXT, chunk).uses_dictionary);
    assert_int_equal(read_chunk(&r, FL_COLUMN_TEXT, chunk, 1), FL_E_CORRUPT);
    fl_dictionary_free(dictionary);
    rig_fini(&r);
}

static void without_memory_reading_fails_cleanly(void **state)
{
    static const char *const texts[] = {"/a/1", "/a/22", "/a/333", "/a/4", "/a/55",
                                        "/a/6", "/a/7",  "/a/8",   "/a/9", "/b/10"};
    rig r;
    fl_values values;
    fl_status status = FL_E_NOMEM;
    (void)state;
    rig_init(&r);
    fl_str chunk = encode_texts(&r, texts, 10);
    for (uint64_t n = 1; status != FL_OK; n++) {
        r.arena.fail_at = n;
        status = fl_values_read(&r.arena, r.zstd, FL_COLUMN_TEXT, chunk, 10, NULL, &values, NULL);
        assert_true(status == FL_OK || status == FL_E_NOMEM);
        assert_true(n < 100);
        fl_arena_reset(&r.arena);
    }
    rig_fini(&r);
}

static void a_buffer_without_room_is_told(void **state)
{
    rig r;
    fl_buf small;
    fl_column *column = fl_column_new(FL_COLUMN_ID, NULL, false);
    (void)state;
    rig_init(&r);
    fl_buf_init(&small, 20);
    assert_non_null(column);
    for (uint64_t i = 1; i < 10; i++) {
        assert_true(fl_column_add_id(column, i * UINT64_C(0x9e3779b97f4a7c15)));
    }
    assert_int_equal(fl_column_encode(column, r.encoder, &small, &r.filter, NULL), FL_E_TOO_LARGE);
    fl_column_free(column);
    fl_buf_fini(&small);
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_are_the_documented_bytes),
        cmocka_unit_test(a_column_without_values_is_an_empty_chunk),
        cmocka_unit_test(what_does_not_change_costs_a_few_bytes),
        cmocka_unit_test(bounds_are_known_without_the_values),
        cmocka_unit_test(only_texts_that_numbers_give_back_become_numbers),
        cmocka_unit_test(a_cut_chunk_or_one_of_another_count_is_corrupt),
        cmocka_unit_test(a_dictionary_chunk_without_dictionary_is_corrupt),
        cmocka_unit_test(without_memory_reading_fails_cleanly),
        cmocka_unit_test(a_buffer_without_room_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
