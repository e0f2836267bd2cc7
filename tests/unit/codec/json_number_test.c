#include <float.h>
#include <math.h>

#include "codec/codec.h"
#include "support/test.h"

static void integral_numbers_are_exact_in_any_form(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = {
        {"0", 0},
        {"-0", 0},
        {"0.000", 0},
        {"0e999999999999999999999", 0},
        {"3.0", 3},
        {"1E3", 1000},
        {"1e+3", 1000},
        {"1200e-2", 12},
        {"-1.5e1", -15},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"9223372036854775807.000", INT64_MAX},
        {"9.223372036854775807e18", INT64_MAX},
        {"0.0000000000000000001e19", 1},
        {"10000000000000000000000000000e-27", 10},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t value = -1;
        assert_true(fl_json_i64(fl_str_of(rows[i].text), &value));
        assert_true(value == rows[i].value);
    }
}

static void fractions_and_overflows_are_no_integers(void **state)
{
    static const char *const rows[] = {
        "0.5",
        "1.5",
        "1e-1",
        "9223372036854775808",
        "-9223372036854775809",
        "1e19",
        "1e400",
        "-1e99999999999999999999",
        "9223372036854775807.1",
        "5e-999999999999999999",
        "1.0000000000000000000000000000000000000001",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t value = 7;
        assert_false(fl_json_i64(fl_str_of(rows[i]), &value));
        assert_true(value == 7);
    }
}

static void what_is_no_json_number_is_refused(void **state)
{
    static const char *const rows[] = {"",   "-",  "+1", "1.",  ".5",  "1e",    "1e+", "01", "-01",
                                       "1 ", " 1", "1x", "0x1", "--1", "1e1.5", "1,5", "NaN"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t value = 7;
        assert_false(fl_json_i64(fl_str_of(rows[i]), &value));
        assert_false(fl_json_ns(fl_str_of(rows[i]), &value));
        assert_true(value == 7);
        assert_true(fl_json_double(fl_str_of(rows[i])) == 0);
    }
    int64_t value = 7;
    assert_false(fl_json_i64((fl_str){0}, &value));
    assert_false(fl_json_ns((fl_str){0}, &value));
}

static void seconds_become_exact_nanoseconds(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } rows[] = {
        {"1478293361.271", INT64_C(1478293361271000000)},
        {"1.478293361271E9", INT64_C(1478293361271000000)},
        {"1478293361271e-3", INT64_C(1478293361271000000)},
        {"1478293361.123456789", INT64_C(1478293361123456789)},
        {"0.000000001", 1},
        {"1e-9", 1},
        {"-1.5", -1500000000},
        {"0", 0},
        {"9223372036.854775807", INT64_MAX},
        {"-9223372036.854775808", INT64_MIN},
        {"0e999999999999", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ns = -1;
        assert_true(fl_json_ns(fl_str_of(rows[i].text), &ns));
        assert_true(ns == rows[i].ns);
    }
}

static void the_tenth_digit_rounds_to_nearest(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } rows[] = {
        {"1.0000000004", 1000000000},
        {"1.0000000004999999999999", 1000000000},
        {"1.0000000005", 1000000001},
        {"-1.0000000005", -1000000001},
        {"1478293361.9999999996", INT64_C(1478293362000000000)},
        {"4e-10", 0},
        {"5e-10", 1},
        {"0.5e-9", 1},
        {"9e-11", 0},
        {"99e-99999999999", 0},
        {"1509540005.9999999999999999999", INT64_C(1509540006000000000)},
        {"9223372036.8547758074", INT64_MAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ns = -1;
        assert_true(fl_json_ns(fl_str_of(rows[i].text), &ns));
        assert_true(ns == rows[i].ns);
    }
}

static void seconds_beyond_292_years_are_refused(void **state)
{
    static const char *const rows[] = {
        "9223372036.854775808",  "9223372036.8547758075", "-9223372036.854775809", "1e10", "1e400",
        "18446744073.709551615", "1478293361271"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ns = 7;
        assert_false(fl_json_ns(fl_str_of(rows[i]), &ns));
        assert_true(ns == 7);
    }
}

static void seconds_written_are_read_back(void **state)
{
    test_random random = test_random_begin();
    fl_buf buf;
    (void)state;
    fl_buf_init(&buf, 64);
    for (int i = 0; i < 20000; i++) {
        int64_t ns = (int64_t)test_random_next(&random) >> test_random_below(&random, 64);
        int64_t back = 0;
        fl_buf_reset(&buf);
        fl_buf_add_seconds(&buf, ns);
        assert_true(fl_json_ns(fl_buf_str(&buf), &back));
        assert_true(back == ns);
    }
    fl_buf_fini(&buf);
}

static void doubles_are_the_nearest(void **state)
{
    (void)state;
    assert_true(fl_json_double(FL_S("0.1")) == 0.1);
    assert_true(fl_json_double(FL_S("-1.7976931348623157e308")) == -DBL_MAX);
    assert_true(fl_json_double(FL_S("4.9e-324")) == 4.9e-324);
    assert_true(fl_json_double(FL_S("123")) == 123);
    assert_true(fl_json_double(FL_S("-7")) == -7);
    assert_true(fl_json_double(FL_S("18446744073709551615")) == 18446744073709551615.0);
    assert_true(fl_json_double((fl_str){"1.5999", 3}) == 1.5);
}

static void doubles_out_of_range_are_infinite_or_zero(void **state)
{
    (void)state;
    assert_true(fl_json_double(FL_S("1e400")) == HUGE_VAL);
    assert_true(fl_json_double(FL_S("-1e400")) == -HUGE_VAL);
    assert_true(fl_json_double(FL_S("1e-400")) == 0);
    assert_true(fl_json_double(FL_S("1e99999999999999999999")) == HUGE_VAL);
}

static void doubles_of_many_digits_are_read(void **state)
{
    fl_buf buf;
    (void)state;
    fl_buf_init(&buf, 4096);
    fl_buf_add_str(&buf, FL_S("-0."));
    fl_buf_fill(&buf, '0', 300);
    fl_buf_add_str(&buf, FL_S("15"));
    fl_buf_fill(&buf, '0', 300);
    fl_buf_add_str(&buf, FL_S("e300"));
    assert_true(fl_json_double(fl_buf_str(&buf)) == -0.15);
    fl_buf_reset(&buf);
    fl_buf_add_byte(&buf, '1');
    fl_buf_fill(&buf, '0', 200);
    assert_true(fl_json_double(fl_buf_str(&buf)) == 1e200);
    fl_buf_reset(&buf);
    fl_buf_add_str(&buf, FL_S("0."));
    fl_buf_fill(&buf, '0', 500);
    assert_true(fl_json_double(fl_buf_str(&buf)) == 0);
    fl_buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integral_numbers_are_exact_in_any_form),
        cmocka_unit_test(fractions_and_overflows_are_no_integers),
        cmocka_unit_test(what_is_no_json_number_is_refused),
        cmocka_unit_test(seconds_become_exact_nanoseconds),
        cmocka_unit_test(the_tenth_digit_rounds_to_nearest),
        cmocka_unit_test(seconds_beyond_292_years_are_refused),
        cmocka_unit_test(seconds_written_are_read_back),
        cmocka_unit_test(doubles_are_the_nearest),
        cmocka_unit_test(doubles_out_of_range_are_infinite_or_zero),
        cmocka_unit_test(doubles_of_many_digits_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
