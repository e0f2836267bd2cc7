#include "support/test.h"
#include "trace/segment.h"

static void assert_flags(fl_flags flags, bool error, bool throttle, bool fault)
{
    assert_int_equal(flags.error, error);
    assert_int_equal(flags.throttle, throttle);
    assert_int_equal(flags.fault, fault);
}

static fl_flags of_status(int64_t status)
{
    fl_http http = {.status = status, .content_length = FL_INT_NONE};
    fl_segment segment = {.http = &http};
    return fl_segment_flags(&segment);
}

static void without_flags_the_status_decides(void **state)
{
    (void)state;
    assert_flags(of_status(200), false, false, false);
    assert_flags(of_status(399), false, false, false);
    assert_flags(of_status(400), true, false, false);
    assert_flags(of_status(429), true, true, false);
    assert_flags(of_status(499), true, false, false);
    assert_flags(of_status(500), false, false, true);
    assert_flags(of_status(599), false, false, true);
    assert_flags(of_status(FL_INT_NONE), false, false, false);
}

static void without_flags_and_status_there_are_none(void **state)
{
    (void)state;
    fl_segment segment = {0};
    assert_flags(fl_segment_flags(&segment), false, false, false);
}

static void explicit_flags_beat_the_status(void **state)
{
    (void)state;
    fl_http http = {.status = 500, .content_length = FL_INT_NONE};
    fl_segment said_error = {.http = &http, .error = FL_TRUE};
    fl_segment said_nothing_wrong = {.http = &http, .fault = FL_FALSE};
    assert_flags(fl_segment_flags(&said_error), true, false, false);
    assert_flags(fl_segment_flags(&said_nothing_wrong), false, false, false);
}

static void throttle_implies_error(void **state)
{
    (void)state;
    fl_segment alone = {.throttle = FL_TRUE};
    fl_segment beside_false = {.throttle = FL_TRUE, .error = FL_FALSE, .fault = FL_TRUE};
    assert_flags(fl_segment_flags(&alone), true, true, false);
    assert_flags(fl_segment_flags(&beside_false), true, true, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_flags_the_status_decides),
        cmocka_unit_test(without_flags_and_status_there_are_none),
        cmocka_unit_test(explicit_flags_beat_the_status),
        cmocka_unit_test(throttle_implies_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
