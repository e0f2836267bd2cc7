#include <stdio.h>
#include <stdlib.h>

#include "store/part/column_int.h"
#include "support/test.h"

typedef struct rig {
    fl_dictionary *dictionary;
    fl_column *column;
    fl_column_encoder *encoder;
    fl_zstd *zstd;
    fl_buf bytes, filter;
} rig;

static void rig_init(rig *r)
{
    r->dictionary = fl_dictionary_new();
    r->column = fl_column_new(FL_COLUMN_TEXT, r->dictionary, false);
    r->encoder = fl_column_encoder_new();
    r->zstd = fl_zstd_new();
    assert_true(r->dictionary != NULL && r->column != NULL && r->encoder != NULL &&
                r->zstd != NULL);
    fl_buf_init(&r->bytes, (size_t)64 << 20);
    fl_buf_init(&r->filter, (size_t)64 << 20);
}

static void rig_fini(rig *r)
{
    fl_column_free(r->column);
    fl_dictionary_free(r->dictionary);
    fl_column_encoder_free(r->encoder);
    fl_zstd_free(r->zstd);
    fl_buf_fini(&r->bytes);
    fl_buf_fini(&r->filter);
}

static void add(rig *r, fl_str text)
{
    assert_true(fl_column_add_text(r->column, text));
}

static void add_number(rig *r, const char *prefix, unsigned number)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%s%u", prefix, number);
    add(r, (fl_str){text, (size_t)n});
}

static bool chunk_uses_dictionary(rig *r)
{
    fl_chunk_facts facts;
    fl_err err;
    fl_buf_reset(&r->bytes);
    assert_ok(fl_column_encode(r->column, r->encoder, &r->bytes, &r->filter, &err), &err);
    assert_ok(fl_chunk_facts_read(FL_COLUMN_TEXT, fl_buf_str(&r->bytes), &facts, &err), &err);
    return facts.uses_dictionary;
}

static fl_dictionary *read_back(rig *r)
{
    fl_dictionary *back;
    fl_err err;
    fl_buf_reset(&r->bytes);
    assert_ok(fl_dictionary_emit(r->dictionary, r->encoder, &r->bytes, &err), &err);
    assert_ok(fl_dictionary_read(r->zstd, fl_buf_str(&r->bytes), &back, &err), &err);
    return back;
}

static void expect_same(const fl_dictionary *a, const fl_dictionary *b)
{
    assert_int_equal(fl_dictionary_count(a), fl_dictionary_count(b));
    for (uint32_t i = 0; i < fl_dictionary_count(a); i++) {
        uint32_t code;
        assert_true(fl_str_eq(fl_dictionary_text(a, i), fl_dictionary_text(b, i)));
        assert_true(fl_dictionary_find(b, fl_dictionary_text(a, i), &code));
        assert_int_equal(code, i);
    }
}

static void equal_texts_have_one_code(void **state)
{
    static const char *const texts[] = {"b", "", "a", "b", "", "c", "a"};
    rig r;
    uint32_t code;
    (void)state;
    rig_init(&r);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        add(&r, fl_str_of(texts[i]));
    }
    assert_int_equal(fl_dictionary_count(r.dictionary), 4);
    assert_true(fl_dictionary_find(r.dictionary, FL_S("a"), &code));
    assert_int_equal(code, 2);
    assert_true(fl_dictionary_find(r.dictionary, FL_S(""), &code));
    assert_false(fl_dictionary_find(r.dictionary, FL_S("d"), &code));
    assert_str(fl_dictionary_text(r.dictionary, 3), "c");
    assert_true(fl_dictionary_memory(r.dictionary) > 0);
    rig_fini(&r);
}

static void an_empty_dictionary_finds_nothing_and_comes_back(void **state)
{
    rig r;
    uint32_t code;
    (void)state;
    rig_init(&r);
    assert_false(fl_dictionary_find(r.dictionary, FL_S(""), &code));
    fl_dictionary *back = read_back(&r);
    assert_int_equal(fl_dictionary_count(back), 0);
    assert_false(fl_dictionary_find(back, FL_S("x"), &code));
    fl_dictionary_free(back);
    rig_fini(&r);
}

static void entries_come_back_with_their_codes(void **state)
{
    rig r;
    (void)state;
    rig_init(&r);
    add(&r, FL_S("\x01\x02 bytes \xFF of any kind"));
    for (unsigned i = 0; i < 1500; i++) {
        add_number(&r, "tenant-", i * 7);
    }
    fl_dictionary *back = read_back(&r);
    assert_true(r.bytes.n < 1501 * 5); /* numbers are not kept as digits */
    expect_same(r.dictionary, back);
    fl_dictionary_free(back);
    rig_fini(&r);
}

static void a_path_of_ever_new_texts_stops_entering_and_looking(void **state)
{
    rig r;
    (void)state;
    rig_init(&r);
    for (unsigned chunk = 0; chunk < 20; chunk++) {
        for (unsigned i = 0; i < 500; i++) {
            add_number(&r, "order ", chunk * 500 + i);
        }
        assert_int_equal(chunk_uses_dictionary(&r), chunk < 4);
    }
    assert_in_range(fl_dictionary_count(r.dictionary), 2000, 3000);
    rig_fini(&r);
}

static void a_path_of_many_texts_that_come_again_goes_on_entering(void **state)
{
    rig r;
    (void)state;
    rig_init(&r);
    for (unsigned i = 0; i < 200000; i++) {
        add_number(&r, "user ", i / 20 % 5000);
    }
    assert_true(chunk_uses_dictionary(&r));
    assert_int_equal(fl_dictionary_count(r.dictionary), 5000);
    rig_fini(&r);
}

static void a_text_too_long_for_it_does_not_close_it(void **state)
{
    static char page[5000];
    rig r;
    (void)state;
    rig_init(&r);
    memset(page, 'x', sizeof page);
    add(&r, (fl_str){page, sizeof page});
    add(&r, FL_S("short"));
    assert_int_equal(fl_dictionary_count(r.dictionary), 1);
    assert_false(chunk_uses_dictionary(&r)); /* all of a chunk, or nothing */
    add(&r, FL_S("short"));
    assert_true(chunk_uses_dictionary(&r));
    rig_fini(&r);
}

static void bytes_of_a_dictionary_are_bounded(void **state)
{
    static char text[4000];
    rig r;
    (void)state;
    rig_init(&r);
    for (unsigned i = 0; i < 1000; i++) {
        memset(text, 'x', sizeof text);
        (void)snprintf(text, sizeof text, "%u", i);
        add(&r, (fl_str){text, sizeof text});
    }
    assert_in_range(fl_dictionary_memory(r.dictionary), 1 << 20, 3 << 20);
    fl_dictionary *back = read_back(&r);
    expect_same(r.dictionary, back);
    fl_dictionary_free(back);
    rig_fini(&r);
}

static void damaged_bytes_are_corrupt(void **state)
{
    rig r;
    fl_dictionary *back;
    (void)state;
    rig_init(&r);
    for (unsigned i = 0; i < 40; i++) {
        add_number(&r, "host ", i);
    }
    fl_dictionary_free(read_back(&r));
    for (size_t n = 0; n < r.bytes.n; n++) {
        assert_int_equal(fl_dictionary_read(r.zstd, (fl_str){r.bytes.p, n}, &back, NULL),
                         FL_E_CORRUPT);
    }
    fl_buf_add_byte(&r.bytes, 0);
    assert_int_equal(fl_dictionary_read(r.zstd, fl_buf_str(&r.bytes), &back, NULL), FL_E_CORRUPT);
    /* two equal entries: plain, lengths 1 and 1 */
    fl_str twice = FL_S("\x02\x00\x00\x02\x00\x00xx");
    assert_int_equal(fl_dictionary_read(r.zstd, twice, &back, NULL), FL_E_CORRUPT);
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_texts_have_one_code),
        cmocka_unit_test(an_empty_dictionary_finds_nothing_and_comes_back),
        cmocka_unit_test(entries_come_back_with_their_codes),
        cmocka_unit_test(a_path_of_ever_new_texts_stops_entering_and_looking),
        cmocka_unit_test(a_path_of_many_texts_that_come_again_goes_on_entering),
        cmocka_unit_test(a_text_too_long_for_it_does_not_close_it),
        cmocka_unit_test(bytes_of_a_dictionary_are_bounded),
        cmocka_unit_test(damaged_bytes_are_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
