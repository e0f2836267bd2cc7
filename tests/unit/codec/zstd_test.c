#include <stdlib.h>

#include "codec/codec.h"
#include "support/test.h"

static const int levels[] = {FL_ZSTD_ENTROPY, 1, 3};
#define LEVELS (sizeof levels / sizeof levels[0])

static void expect_back(fl_zstd *zstd, fl_str raw, int level)
{
    char *back = malloc(raw.n + 1);
    fl_buf packed;
    fl_err err;
    assert_non_null(back);
    fl_buf_init(&packed, 4 << 20);
    fl_buf_add_byte(&packed, '>');
    assert_ok(fl_zstd_pack(zstd, raw, level, &packed, &err), &err);
    fl_str frame = {packed.p + 1, packed.n - 1};
    assert_ok(fl_zstd_unpack(zstd, frame, back, raw.n, &err), &err);
    if (raw.n != 0) {
        assert_memory_equal(back, raw.p, raw.n);
    }
    fl_buf_fini(&packed);
    free(back);
}

static void a_frame_comes_back_as_it_was(void **state)
{
    static const size_t sizes[] = {0, 1, 12, 13, 1000, 70000, 1 << 20};
    test_random random = test_random_begin();
    fl_zstd *zstd = fl_zstd_new();
    (void)state;
    assert_non_null(zstd);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0] * LEVELS; i++) {
        size_t n = sizes[i / LEVELS];
        char *raw = malloc(n + 1);
        assert_non_null(raw);
        for (size_t j = 0; j < n; j++) {
            raw[j] = (char)test_random_below(&random, j % 1000 < 500 ? 2 : 256);
        }
        expect_back(zstd, (fl_str){raw, n}, levels[i % LEVELS]);
        free(raw);
    }
    expect_back(zstd, (fl_str){0}, 1);
    fl_zstd_free(zstd);
}

static void entropy_level_shortens_bytes_that_never_repeat_in_a_row(void **state)
{
    test_random random = test_random_begin();
    fl_zstd *zstd = fl_zstd_new();
    char raw[4096];
    fl_buf packed;
    fl_err err;
    (void)state;
    assert_non_null(zstd);
    for (size_t i = 0; i < sizeof raw; i++) {
        raw[i] = "0123456789abcdef"[test_random_below(&random, 16)];
    }
    fl_buf_init(&packed, 1 << 20);
    assert_ok(fl_zstd_pack(zstd, (fl_str){raw, sizeof raw}, FL_ZSTD_ENTROPY, &packed, &err), &err);
    assert_in_range(packed.n, 2000, 2200);
    fl_buf_fini(&packed);
    fl_zstd_free(zstd);
}

static void a_frame_of_little_costs_little(void **state)
{
    fl_zstd *zstd = fl_zstd_new();
    fl_buf packed;
    fl_err err;
    (void)state;
    assert_non_null(zstd);
    fl_buf_init(&packed, 1000);
    assert_ok(fl_zstd_pack(zstd, FL_S("x"), 1, &packed, &err), &err);
    assert_in_range(packed.n, 2, 6); /* no magic number, length or checksum */
    fl_buf_fini(&packed);
    fl_zstd_free(zstd);
}

static void a_wrong_length_or_damage_is_corrupt(void **state)
{
    fl_zstd *zstd = fl_zstd_new();
    fl_buf packed;
    fl_err err;
    char back[200];
    (void)state;
    assert_non_null(zstd);
    fl_buf_init(&packed, 1000);
    assert_ok(fl_zstd_pack(zstd, FL_S("abcabcabcabcabcabcabcabcabcabcabcabcabc"), 1, &packed, &err),
              &err);
    assert_int_equal(fl_zstd_unpack(zstd, fl_buf_str(&packed), back, 38, &err), FL_E_CORRUPT);
    assert_int_equal(fl_zstd_unpack(zstd, fl_buf_str(&packed), back, 40, &err), FL_E_CORRUPT);
    for (size_t n = 0; n < packed.n; n++) {
        assert_int_equal(fl_zstd_unpack(zstd, (fl_str){packed.p, n}, back, 39, &err), FL_E_CORRUPT);
    }
    assert_int_equal(fl_zstd_unpack(zstd, (fl_str){0}, back, 0, &err), FL_E_CORRUPT);
    assert_int_equal(fl_zstd_unpack(zstd, FL_S("\xFF\xFF\xFF"), back, 3, &err), FL_E_CORRUPT);
    fl_buf_fini(&packed);
    fl_zstd_free(zstd);
}

static void what_does_not_fit_is_too_large_and_leaves_nothing(void **state)
{
    fl_zstd *zstd = fl_zstd_new();
    char raw[256];
    fl_buf packed;
    (void)state;
    assert_non_null(zstd);
    for (size_t i = 0; i < sizeof raw; i++) {
        raw[i] = (char)(i * 167);
    }
    for (size_t max = 0; max < sizeof raw; max += 15) {
        fl_buf_init(&packed, max);
        assert_int_equal(fl_zstd_pack(zstd, (fl_str){raw, sizeof raw}, 1, &packed, NULL),
                         FL_E_TOO_LARGE);
        assert_int_equal(packed.n, 0);
        fl_buf_fini(&packed);
    }
    memset(raw, 'x', sizeof raw);
    fl_buf_init(&packed, 40); /* below the bound, enough for these bytes */
    assert_int_equal(fl_zstd_pack(zstd, (fl_str){raw, sizeof raw}, 1, &packed, NULL), FL_OK);
    fl_buf_fini(&packed);
    fl_zstd_free(zstd);
}

static void a_buffer_in_error_is_refused(void **state)
{
    fl_zstd *zstd = fl_zstd_new();
    fl_buf packed;
    (void)state;
    assert_non_null(zstd);
    fl_buf_init(&packed, 100);
    packed.status = FL_E_NOMEM;
    assert_int_equal(fl_zstd_pack(zstd, FL_S("x"), 1, &packed, NULL), FL_E_NOMEM);
    fl_buf_fini(&packed);
    fl_zstd_free(zstd);
    fl_zstd_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_comes_back_as_it_was),
        cmocka_unit_test(entropy_level_shortens_bytes_that_never_repeat_in_a_row),
        cmocka_unit_test(a_frame_of_little_costs_little),
        cmocka_unit_test(a_wrong_length_or_damage_is_corrupt),
        cmocka_unit_test(what_does_not_fit_is_too_large_and_leaves_nothing),
        cmocka_unit_test(a_buffer_in_error_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
