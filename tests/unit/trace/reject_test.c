#include "support/test.h"
#include "trace/segment.h"

static void assert_message(fl_reject reject, const char *expected)
{
    fl_buf out;
    fl_buf_init(&out, 300);
    fl_reject_message(&reject, &out);
    assert_str(fl_buf_str(&out), expected);
    fl_buf_fini(&out);
}

static void the_message_names_segment_or_subsegment(void **state)
{
    (void)state;
    assert_message((fl_reject){.code = FL_REJECT_MISSING_ID},
                   "Invalid segment. ErrorCode: MissingId");
    assert_message((fl_reject){.code = FL_REJECT_INVALID_NAME, .in_subsegment = true},
                   "Invalid subsegment. ErrorCode: InvalidName, Cause: null");
}

static void a_trace_over_its_quota_has_a_text_of_its_own(void **state)
{
    (void)state;
    assert_message((fl_reject){.code = FL_REJECT_INVALID_SEGMENT, .in_subsegment = true},
                   "Trace Size Exceeded. Reduce the number of segments per trace and the size of "
                   "your segment documents.");
}

static void every_code_has_its_name_on_the_wire(void **state)
{
    (void)state;
    assert_string_equal(fl_reject_name(FL_REJECT_PARSE_ERROR), "ParseError");
    assert_string_equal(fl_reject_name(FL_REJECT_TOO_LARGE), "SegmentTooLarge");
    for (int code = 0; code < FL_REJECT_COUNT; code++) {
        assert_non_null(fl_reject_name((fl_reject_code)code));
    }
}

static void an_excerpt_is_160_bytes_of_whole_characters_at_most(void **state)
{
    (void)state;
    char text[400];
    memset(text, 'x', sizeof text);
    memcpy(text + 159, "\xC3\xA9", 2);
    assert_int_equal(fl_reject_excerpt((fl_str){text, sizeof text}).n, 159);
    assert_int_equal(fl_reject_excerpt((fl_str){text, 100}).n, 100);
    assert_int_equal(fl_reject_excerpt((fl_str){text, 0}).n, 0);
    assert_str(fl_reject_excerpt(FL_S("\n {} \n")), "{}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_message_names_segment_or_subsegment),
        cmocka_unit_test(a_trace_over_its_quota_has_a_text_of_its_own),
        cmocka_unit_test(every_code_has_its_name_on_the_wire),
        cmocka_unit_test(an_excerpt_is_160_bytes_of_whole_characters_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
