#include <stdlib.h>

#include "codec/codec.h"
#include "support/test.h"

static void a_block_comes_back_as_it_was(void **state)
{
    static const size_t sizes[] = {0, 1, 12, 13, 1000, 70000, 1 << 20};
    test_random random = test_random_begin();
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t n = sizes[i];
        char *raw = malloc(n + 1);
        char *back = malloc(n + 1);
        fl_buf packed;
        fl_err err;
        assert_true(raw != NULL && back != NULL);
        for (size_t j = 0; j < n; j++) {
            raw[j] = (char)test_random_below(&random, j % 1000 < 500 ? 2 : 256);
        }
        fl_buf_init(&packed, 2 << 20);
        fl_buf_add_byte(&packed, '>');
        assert_ok(fl_lz4_pack((fl_str){raw, n}, &packed, &err), &err);
        fl_str block = {packed.p + 1, packed.n - 1};
        assert_ok(fl_lz4_unpack(block, back, n, &err), &err);
        assert_memory_equal(back, raw, n);
        fl_buf_fini(&packed);
        free(raw);
        free(back);
    }
}

static void the_absent_string_packs_as_the_empty_one(void **state)
{
    fl_buf packed;
    fl_err err;
    char nothing;
    (void)state;
    fl_buf_init(&packed, 100);
    assert_ok(fl_lz4_pack((fl_str){0}, &packed, &err), &err);
    assert_ok(fl_lz4_unpack(fl_buf_str(&packed), &nothing, 0, &err), &err);
    fl_buf_fini(&packed);
}

static void a_wrong_length_or_damage_is_corrupt(void **state)
{
    fl_buf packed;
    fl_err err;
    char back[200];
    (void)state;
    fl_buf_init(&packed, 1000);
    assert_ok(fl_lz4_pack(FL_S("abcabcabcabcabcabcabcabcabcabcabcabcabc"), &packed, &err), &err);
    assert_int_equal(fl_lz4_unpack(fl_buf_str(&packed), back, 38, &err), FL_E_CORRUPT);
    assert_int_equal(fl_lz4_unpack(fl_buf_str(&packed), back, 40, &err), FL_E_CORRUPT);
    for (size_t n = 0; n < packed.n; n++) {
        assert_int_equal(fl_lz4_unpack((fl_str){packed.p, n}, back, 39, &err), FL_E_CORRUPT);
    }
    assert_int_equal(fl_lz4_unpack((fl_str){0}, back, 39, &err), FL_E_CORRUPT);
    assert_int_equal(fl_lz4_unpack(fl_buf_str(&packed), back, SIZE_MAX, &err), FL_E_CORRUPT);
    /* 3 literals, a copy from before the block's begin, 5 literals */
    fl_str before_begin = FL_S("\x30"
                               "abc"
                               "\xFF\xFF"
                               "\x50"
                               "abcde");
    assert_int_equal(fl_lz4_unpack(before_begin, back, 12, &err), FL_E_CORRUPT);
    fl_buf_fini(&packed);
}

static void what_does_not_fit_is_too_large_and_leaves_nothing(void **state)
{
    char raw[256];
    fl_buf packed;
    (void)state;
    for (size_t i = 0; i < sizeof raw; i++) {
        raw[i] = (char)i;
    }
    for (size_t max = 0; max < sizeof raw; max += 15) {
        fl_buf_init(&packed, max);
        assert_int_equal(fl_lz4_pack((fl_str){raw, sizeof raw}, &packed, NULL), FL_E_TOO_LARGE);
        assert_int_equal(packed.n, 0);
        fl_buf_fini(&packed);
    }
    memset(raw, 'x', sizeof raw);
    fl_buf_init(&packed, 40); /* below the bound, enough for these bytes */
    assert_int_equal(fl_lz4_pack((fl_str){raw, sizeof raw}, &packed, NULL), FL_OK);
    fl_buf_fini(&packed);
}

static void a_buffer_in_error_and_an_input_beyond_lz4_are_refused(void **state)
{
    fl_buf packed;
    (void)state;
    fl_buf_init(&packed, 100);
    assert_int_equal(fl_lz4_pack((fl_str){"x", (size_t)INT32_MAX}, &packed, NULL), FL_E_TOO_LARGE);
    packed.status = FL_E_NOMEM;
    assert_int_equal(fl_lz4_pack(FL_S("x"), &packed, NULL), FL_E_NOMEM);
    fl_buf_fini(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_comes_back_as_it_was),
        cmocka_unit_test(the_absent_string_packs_as_the_empty_one),
        cmocka_unit_test(a_wrong_length_or_damage_is_corrupt),
        cmocka_unit_test(what_does_not_fit_is_too_large_and_leaves_nothing),
        cmocka_unit_test(a_buffer_in_error_and_an_input_beyond_lz4_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
