#include "support/test.h"
#include "trace/segment.h"

#define DAY_NS (86400 * FL_NS_PER_S)

static void the_aws_profile_has_the_documented_quotas(void **state)
{
    (void)state;
    fl_limits limits = fl_limits_of(FL_PROFILE_AWS, 30 * DAY_NS);
    assert_int_equal(limits.profile, FL_PROFILE_AWS);
    assert_int_equal(limits.document_bytes, 65536);
    assert_int_equal(limits.documents_per_put, 50);
    assert_int_equal(limits.ids_per_get, 5);
    assert_int_equal(limits.name_chars_segment, 200);
    assert_int_equal(limits.name_chars_subsegment, 250);
    assert_int_equal(limits.annotation_key_chars, 500);
    assert_int_equal(limits.annotations_per_trace, 50);
    assert_int_equal(limits.links_per_segment, 20);
    assert_int_equal(limits.trace_bytes, 500 * 1024);
    assert_true(limits.modification_ns == 7 * DAY_NS);
    assert_true(limits.past_ns == 30 * DAY_NS);
    assert_true(limits.future_ns == 300 * FL_NS_PER_S);
}

static void the_open_profile_protects_the_server_alone(void **state)
{
    (void)state;
    fl_limits limits = fl_limits_of(FL_PROFILE_OPEN, 30 * DAY_NS);
    assert_int_equal(limits.profile, FL_PROFILE_OPEN);
    assert_int_equal(limits.document_bytes, 1048576);
    assert_int_equal(limits.documents_per_put, 10000);
    assert_int_equal(limits.ids_per_get, 100);
    assert_int_equal(limits.name_chars_segment, 1000);
    assert_int_equal(limits.name_chars_subsegment, 1000);
    assert_int_equal(limits.annotation_key_chars, 500);
    assert_int_equal(limits.annotations_per_trace, 0);
    assert_int_equal(limits.links_per_segment, 0);
    assert_int_equal(limits.trace_bytes, 0);
    assert_true(limits.modification_ns == 0 && limits.past_ns == 0);
    assert_true(limits.future_ns == DAY_NS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_aws_profile_has_the_documented_quotas),
        cmocka_unit_test(the_open_profile_protects_the_server_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
