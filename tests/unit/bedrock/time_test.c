#include "bedrock/event_int.h"
#include "support/test.h"

static int64_t us_of(const char *text)
{
    int64_t ns;
    if (!bedrock_time_parse(fl_str_of(text), &ns)) {
        return -1;
    }
    assert_int_equal(ns % 1000, 0);
    return ns / 1000;
}

/* As a JSON value: numbers stay numbers. */
static int64_t us_of_json(const char *json)
{
    fl_arena arena;
    yyjson_val *root;
    int64_t ns = -1000;
    fl_arena_init(&arena, 65536);
    assert_int_equal(fl_json_read(&arena, fl_str_of(json), FL_JSON_STRICT, &root, NULL, NULL),
                     FL_OK);
    bool read = bedrock_time_read(root, &ns);
    fl_arena_fini(&arena);
    return read ? ns / 1000 : -1;
}

static void iso_8601_is_read_with_any_separator(void **state)
{
    (void)state;
    assert_int_equal(us_of("2025-08-11T03:21:37Z"), 1754882497000000);
    assert_int_equal(us_of("2025-08-11t03:21:37Z"), 1754882497000000);
    assert_int_equal(us_of("2025-08-11 03:21:37+00:00"), 1754882497000000);
    assert_int_equal(us_of("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(us_of("2024-02-29T23:59:59Z"), 1709251199000000);
    assert_int_equal(us_of("2100-03-01T00:00:00Z"), INT64_C(4107542400000000));
}

static void fractions_are_cut_to_microseconds(void **state)
{
    (void)state;
    assert_int_equal(us_of("2025-08-11T03:21:37.396774688Z"), 1754882497396774);
    assert_int_equal(us_of("2025-08-11 03:21:37.396774+00:00"), 1754882497396774);
    assert_int_equal(us_of("2025-08-11T03:21:37.5Z"), 1754882497500000);
    assert_int_equal(us_of("2025-08-11T03:21:37.0000009Z"), 1754882497000000);
    assert_int_equal(us_of("2025-08-11T03:21:37.99999999999999999999Z"), 1754882497999999);
}

static void offsets_of_every_form_are_taken_off(void **state)
{
    (void)state;
    assert_int_equal(us_of("2025-08-11T05:21:37.5+02:00"), 1754882497500000);
    assert_int_equal(us_of("2025-08-11T05:21:37.5+0200"), 1754882497500000);
    assert_int_equal(us_of("2025-08-11T05:21:37.5+02"), 1754882497500000);
    assert_int_equal(us_of("2025-08-10T21:51:37-0530"), 1754882497000000);
    assert_int_equal(us_of("2025-08-11T03:21:37"), 1754882497000000);
}

static void the_unit_of_a_number_is_told_by_its_size(void **state)
{
    (void)state;
    assert_int_equal(us_of_json("1754882497"), 1754882497000000);
    assert_int_equal(us_of_json("1754882497000"), 1754882497000000);
    assert_int_equal(us_of_json("1754882497396774"), 1754882497396774);
    assert_int_equal(us_of_json("1754882497396774688"), 1754882497396775);
    assert_int_equal(us_of_json("0"), 0);
    assert_int_equal(us_of_json("99999999999"), -1); /* seconds still, beyond any trace */
    assert_int_equal(us_of_json("100000000000"), 100000000000000);
    assert_int_equal(us_of_json("99999999999999"), -1); /* milliseconds still, the year 5138 */
    assert_int_equal(us_of_json("100000000000000"), 100000000000000);
    assert_int_equal(us_of_json("100000000000000000"), 100000000000000);
}

static void fractions_of_numbers_are_rounded_to_the_nearest_microsecond(void **state)
{
    (void)state;
    assert_int_equal(us_of_json("1754882497.3967746"), 1754882497396775);
    assert_int_equal(us_of_json("1754882497.3967744"), 1754882497396774);
    assert_int_equal(us_of_json("1.0000004999999999999"), 1000000);
    assert_int_equal(us_of_json("1.0000005"), 1000001);
    assert_int_equal(us_of_json("1754882497000.25"), 1754882497000250);
    assert_int_equal(us_of_json("0.0000004"), 0);
    assert_int_equal(us_of_json("0.0000005"), 1);
    assert_int_equal(us_of_json("1.754882497e9"), 1754882497000000);
    assert_int_equal(us_of_json("1.754882497E+12"), 1754882497000000);
    assert_int_equal(us_of_json("17548824970e-1"), 1754882497000000);
}

static void numeric_strings_are_numbers(void **state)
{
    (void)state;
    assert_int_equal(us_of_json("\"1754882497\""), 1754882497000000);
    assert_int_equal(us_of_json("\"1754882497000\""), 1754882497000000);
    assert_int_equal(us_of_json("\"1754882497.25\""), 1754882497250000);
}

static void anything_else_is_no_time(void **state)
{
    (void)state;
    const char *none[] = {"yesterday",
                          "",
                          " ",
                          "2025-08-11",
                          "2025-08-11T03:21",
                          "2025-08-11T03:21:37.",
                          "2025-08-11T03:21:37.Z",
                          "2025-08-11T03:21:37Zx",
                          "2025-08-11T03:21:37+",
                          "2025-08-11T03:21:37+2",
                          "2025-08-11T03:21:37+02:",
                          "2025-08-11T03:21:37+02:0",
                          "2025-08-11T03:21:37+24:00",
                          "2025-08-11T03:21:37+02:60",
                          "2025-08-11T24:00:00Z",
                          "2025-08-11T03:60:00Z",
                          "2025-08-11T03:21:60Z",
                          "2025-13-01T00:00:00Z",
                          "2025-00-01T00:00:00Z",
                          "2025-02-29T00:00:00Z",
                          "2100-02-29T00:00:00Z",
                          "2025-04-31T00:00:00Z",
                          "2025-08-00T00:00:00Z",
                          "25-08-11T03:21:37Z",
                          "1969-12-31T23:59:59Z",
                          "0000-01-01T00:00:00Z",
                          "9999-12-31T23:59:59Z",
                          "-1",
                          "+1754882497",
                          "01754882497",
                          "1754882497.",
                          ".5",
                          "1e",
                          "1e99",
                          "1e-9x",
                          "1e9999999",
                          "99999999999999999999999999",
                          "0x10"};
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
        if (us_of(none[i]) != -1) {
            fail_msg("\"%s\" was read as a time", none[i]);
        }
    }
    assert_int_equal(us_of_json("true"), -1);
    assert_int_equal(us_of_json("null"), -1);
    assert_int_equal(us_of_json("{}"), -1);
    assert_int_equal(us_of_json("-5"), -1);
}

static void the_synthetic_clock_begins_at_whole_microseconds(void **state)
{
    (void)state;
    assert_int_equal(fl_bedrock_options_default(INT64_C(1740000000123456789)).now_ns,
                     INT64_C(1740000000123456000));
    assert_int_equal(fl_bedrock_options_default(INT64_C(1740000000123456000)).now_ns,
                     INT64_C(1740000000123456000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(iso_8601_is_read_with_any_separator),
        cmocka_unit_test(fractions_are_cut_to_microseconds),
        cmocka_unit_test(offsets_of_every_form_are_taken_off),
        cmocka_unit_test(the_unit_of_a_number_is_told_by_its_size),
        cmocka_unit_test(fractions_of_numbers_are_rounded_to_the_nearest_microsecond),
        cmocka_unit_test(numeric_strings_are_numbers),
        cmocka_unit_test(anything_else_is_no_time),
        cmocka_unit_test(the_synthetic_clock_begins_at_whole_microseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
