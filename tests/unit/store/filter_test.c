#include <stdlib.h>

#include "store/part/column_int.h"
#include "support/test.h"

#define HASHES 2000

static void fill(test_random *random, uint64_t *hashes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        hashes[i] = test_random_next(random);
    }
}

static void what_was_put_in_is_never_missed(void **state)
{
    static const size_t counts[] = {1, 2, 7, 100, HASHES};
    test_random random = test_random_begin();
    static uint64_t hashes[HASHES];
    fl_buf filter;
    (void)state;
    fl_buf_init(&filter, 1 << 20);
    for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
        for (unsigned bits = 1; bits < 40; bits += 3) {
            fill(&random, hashes, counts[k]);
            fl_buf_reset(&filter);
            fl_filter_emit(hashes, counts[k], bits, &filter);
            assert_int_equal(filter.n, 1 + (counts[k] * bits + 7) / 8);
            for (size_t i = 0; i < counts[k]; i++) {
                assert_true(fl_filter_may_have(fl_buf_str(&filter), hashes[i]));
            }
        }
    }
    fl_buf_fini(&filter);
}

static size_t false_ones(test_random *random, size_t count, unsigned bits, size_t asked)
{
    uint64_t *hashes = malloc(count * sizeof *hashes);
    size_t wrong = 0;
    fl_buf filter;
    assert_non_null(hashes);
    fill(random, hashes, count);
    fl_buf_init(&filter, 1 << 24);
    fl_filter_emit(hashes, count, bits, &filter);
    for (size_t i = 0; i < asked; i++) {
        wrong += fl_filter_may_have(fl_buf_str(&filter), test_random_next(random));
    }
    fl_buf_fini(&filter);
    free(hashes);
    return wrong;
}

static void of_ten_bits_about_one_in_a_hundred_is_false(void **state)
{
    test_random random = test_random_begin();
    (void)state;
    assert_in_range(false_ones(&random, 1500, 10, 100000), 500, 1300);
    assert_in_range(false_ones(&random, 300000, 10, 100000), 500, 1300);
    assert_in_range(false_ones(&random, 300000, 16, 100000), 5, 150);
}

static void an_empty_or_malformed_filter_may_have_everything(void **state)
{
    (void)state;
    assert_true(fl_filter_may_have((fl_str){0}, 42));
    assert_true(fl_filter_may_have(FL_S(""), 42));
    assert_true(fl_filter_may_have(FL_S("\x07"), 42));
    assert_true(fl_filter_may_have(FL_S("\x00\x00\x00"), 42));
    assert_true(fl_filter_may_have(FL_S("\x11\x00\x00"), 42)); /* too many probes */
    assert_false(fl_filter_may_have(FL_S("\x07\x00\x00"), 42));
}

static void of_nothing_there_is_no_filter(void **state)
{
    fl_buf filter;
    uint64_t hash = 1;
    (void)state;
    fl_buf_init(&filter, 100);
    fl_filter_emit(NULL, 0, 10, &filter);
    fl_filter_emit(&hash, 1, 0, &filter);
    assert_int_equal(filter.n, 0);
    fl_buf_fini(&filter);
}

/* The hash and the places of the bits are part of the format. */
static void bits_are_where_they_always_were(void **state)
{
    static const char expected[] = "0724baff04";
    uint64_t hashes[] = {fl_filter_hash(FL_S("alpha")), fl_filter_hash(FL_S("")),
                         fl_filter_hash(FL_S("ord-b7eeab0d3f55"))};
    fl_buf filter, hex;
    (void)state;
    assert_true(hashes[0] == UINT64_C(0xBE6903B5F625AB5A));
    assert_true(hashes[1] == UINT64_C(0x2D06800538D394C2));
    fl_buf_init(&filter, 100);
    fl_buf_init(&hex, 100);
    fl_filter_emit(hashes, 3, 10, &filter);
    for (size_t i = 0; i < filter.n; i++) {
        fl_buf_add_hex(&hex, (unsigned char)filter.p[i], 2);
    }
    assert_str(fl_buf_str(&hex), expected);
    fl_buf_fini(&filter);
    fl_buf_fini(&hex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_in_is_never_missed),
        cmocka_unit_test(of_ten_bits_about_one_in_a_hundred_is_false),
        cmocka_unit_test(an_empty_or_malformed_filter_may_have_everything),
        cmocka_unit_test(of_nothing_there_is_no_filter),
        cmocka_unit_test(bits_are_where_they_always_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
