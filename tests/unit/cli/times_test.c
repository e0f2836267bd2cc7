#include "unit/cli/cli_fixture.h"

#include "cli/times_int.h"

#define NOW (INT64_C(1738650304) * FL_NS_PER_S) /* 2025-02-04T06:25:04Z */
#define H   (3600 * FL_NS_PER_S)

static void expect_time(const char *text, int64_t expected_ns)
{
    int64_t ns = 0;
    if (!fl_time_parse(fl_str_of(text), NOW, &ns)) {
        fail_msg("`%s` is not read", text);
    }
    assert_int_equal(ns, expected_ns);
}

static void durations_count_back_from_now(void **state)
{
    (void)state;
    expect_time("now", NOW);
    expect_time("1h", NOW - H);
    expect_time("30m", NOW - H / 2);
    expect_time("2d", NOW - 48 * H);
    expect_time("90s", NOW - 90 * FL_NS_PER_S);
}

static void iso_times_with_a_zone_are_exact(void **state)
{
    (void)state;
    expect_time("2025-02-04T06:25:04Z", NOW);
    expect_time("2025-02-04T08:25:04+02:00", NOW);
    expect_time("2025-02-04T01:25:04-0500", NOW);
    expect_time("2025-02-04 06:25:04.25Z", NOW + FL_NS_PER_S / 4);
}

static void iso_times_without_a_zone_are_local(void **state)
{
    (void)state;
    expect_time("2025-02-04T06:25", NOW - 4 * FL_NS_PER_S);
    expect_time("2025-02-04", NOW - 6 * H - 25 * 60 * FL_NS_PER_S - 4 * FL_NS_PER_S);
    setenv("TZ", "XXX-3", 1);
    tzset();
    expect_time("2025-02-04T09:25:04", NOW);
    assert_int_equal(fixture_setup(NULL), 0);
}

static void epoch_seconds_keep_their_fraction(void **state)
{
    (void)state;
    expect_time("1738650304", NOW);
    expect_time("1738650304.000000001", NOW + 1);
    expect_time("1738650304.1", NOW + 100 * FL_NS_PER_MS);
}

static void other_texts_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "yesterday",
                                        "1",
                                        "12",
                                        "h",
                                        "-1h",
                                        "1x",
                                        "2025-13-01",
                                        "2025-02-32",
                                        "2025-02-04T25:00",
                                        "2025-02-04T",
                                        "2025-02-04T06:25:04Zz",
                                        "2025-02-04T06:25:04+2",
                                        "99999999999999999999",
                                        "1738650304.",
                                        "+738650304",
                                        "1738650304.x"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t ns;
        if (fl_time_parse(fl_str_of(texts[i]), NOW, &ns)) {
            fail_msg("`%s` is read", texts[i]);
        }
    }
}

static void expect_duration(int64_t ns, const char *expected)
{
    fl_buf out;
    fl_buf_init(&out, 100);
    fl_duration_text(&out, ns, FL_S("u"));
    assert_str(fl_buf_str(&out), expected);
    fl_buf_fini(&out);
}

static void durations_show_three_digits_in_a_fitting_unit(void **state)
{
    (void)state;
    expect_duration(0, "0 ns");
    expect_duration(-5, "0 ns");
    expect_duration(999, "999 ns");
    expect_duration(1000, "1.00 us");
    expect_duration(12345, "12.3 us");
    expect_duration(850 * FL_NS_PER_US, "850 us");
    expect_duration(12300 * FL_NS_PER_US, "12.3 ms");
    expect_duration(1234 * FL_NS_PER_MS, "1.23 s");
    expect_duration(59 * FL_NS_PER_S, "59.0 s");
    expect_duration(123 * FL_NS_PER_S, "2 m 03 s");
    expect_duration(H + 5 * 60 * FL_NS_PER_S, "1 h 05 m");
    expect_duration(76 * H, "3 d 04 h");
    expect_duration(INT64_MAX, "106751 d 23 h");
}

static void rounding_goes_on_into_the_next_unit(void **state)
{
    (void)state;
    expect_duration(999499, "999 us");
    expect_duration(999999, "1.00 ms");
    expect_duration(9999 * FL_NS_PER_US, "10.0 ms");
    expect_duration(FL_NS_PER_S - 1, "1.00 s");
    expect_duration(60 * FL_NS_PER_S - 1, "60.0 s");
}

static void days_are_those_of_the_local_zone(void **state)
{
    (void)state;
    assert_true(fl_time_same_day(NOW, NOW + 17 * H));
    assert_false(fl_time_same_day(NOW, NOW + 18 * H));
    assert_false(fl_time_same_day(NOW, NOW + 365 * 24 * H));
}

static void times_before_the_epoch_are_shown(void **state)
{
    (void)state;
    fl_buf out;
    fl_buf_init(&out, 100);
    fl_time_text(&out, -1, true, 3);
    assert_str(fl_buf_str(&out), "1969-12-31 23:59:59.999");
    fl_buf_fini(&out);
}

static void a_range_of_options_names_the_one_that_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *since, *until, *words;
    } rows[] = {
        {"yesterday", "now", "--since takes 30m"},
        {"1h", "soon", "--until takes 30m"},
        {"1h", "2h", "--since 1h is not before --until 2h"},
        {"now", "now", "--since now is not before --until now"},
    };
    int64_t start_ns = 7, end_ns = 7;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fl_err err = {0};
        assert_int_equal(
            fl_time_range_parse(rows[i].since, rows[i].until, NOW, &start_ns, &end_ns, &err),
            FL_E_INVALID);
        assert_non_null(strstr(err.message, rows[i].words));
    }
    assert_ok(fl_time_range_parse("2h", "1h", NOW, &start_ns, &end_ns, NULL), NULL);
    assert_int_equal(start_ns, NOW - 7200 * FL_NS_PER_S);
    assert_int_equal(end_ns, NOW - 3600 * FL_NS_PER_S);
    fl_buf text;
    fl_buf_init(&text, 100);
    fl_time_range_text(&text, 0, 61 * FL_NS_PER_S);
    assert_int_equal(text.n, strlen("1970-01-01 00:00:00 to 1970-01-01 00:01:01"));
    fl_buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_count_back_from_now),
        cmocka_unit_test(iso_times_with_a_zone_are_exact),
        cmocka_unit_test(iso_times_without_a_zone_are_local),
        cmocka_unit_test(epoch_seconds_keep_their_fraction),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(a_range_of_options_names_the_one_that_is_wrong),
        cmocka_unit_test(durations_show_three_digits_in_a_fitting_unit),
        cmocka_unit_test(rounding_goes_on_into_the_next_unit),
        cmocka_unit_test(days_are_those_of_the_local_zone),
        cmocka_unit_test(times_before_the_epoch_are_shown),
    };
    return cmocka_run_group_tests(tests, fixture_setup, NULL);
}
