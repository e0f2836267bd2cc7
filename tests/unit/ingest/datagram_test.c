/* Every row of segments.md §14 on what a datagram may be. */
#include "ingest/ingest_int.h"

#include "support/test.h"

#define HEADER "{\"format\":\"json\",\"version\":1}"

static void expect(const char *datagram, fl_drop reason)
{
    fl_str document = {0};
    fl_drop got = fl_datagram_open(fl_str_of(datagram), false, &document);
    if (got != reason) {
        fail_msg("%s: reason %d, not %d", datagram, (int)got, (int)reason);
    }
}

static void the_first_line_is_the_header_and_all_behind_it_the_document(void **state)
{
    (void)state;
    fl_str document;
    assert_int_equal(fl_datagram_open(FL_S(HEADER "\n{\n\"a\":1}\n"), false, &document),
                     FL_DROP_COUNT);
    assert_str(document, "{\n\"a\":1}\n");
}

static void headers_that_a_daemon_takes_are_taken(void **state)
{
    (void)state;
    expect(HEADER "\n{}", FL_DROP_COUNT);
    expect("{\"format\": \"json\", \"version\": 1}\n{}", FL_DROP_COUNT);
    expect("{\"version\":1,\"format\":\"JSON\"}\n{}", FL_DROP_COUNT);
    expect("  {\"format\":\"json\",\"version\":1,\"more\":null} \r\n{}", FL_DROP_COUNT);
    expect("{\"format\":\"json\",\"version\":1.0}\n{}", FL_DROP_COUNT);
}

static void anything_else_is_dropped_with_its_reason(void **state)
{
    (void)state;
    expect("", FL_DROP_NO_HEADER);
    expect("\n", FL_DROP_NO_HEADER);
    expect("\n{}", FL_DROP_NO_HEADER);
    expect(HEADER, FL_DROP_NO_HEADER); /* no LF */
    expect(HEADER "\n", FL_DROP_NO_BODY);
    expect(HEADER "\n \t\n", FL_DROP_NO_BODY);
    expect("{\"format\":\"xml\",\"version\":1}\n{}", FL_DROP_BAD_HEADER);
    expect("{\"format\":\"json\",\"version\":2}\n{}", FL_DROP_BAD_HEADER);
    expect("{\"format\":\"json\",\"version\":\"1\"}\n{}", FL_DROP_BAD_HEADER);
    expect("{\"format\":\"json\"}\n{}", FL_DROP_BAD_HEADER);
    expect("[]\n{}", FL_DROP_BAD_HEADER);
    expect("{\n{}", FL_DROP_BAD_HEADER);
}

static void a_cut_datagram_is_never_read(void **state)
{
    (void)state;
    fl_str document;
    assert_int_equal(fl_datagram_open(FL_S(HEADER "\n{}"), true, &document), FL_DROP_TRUNCATED);
}

static void every_metric_row_lies_inside_the_numbers(void **state)
{
    (void)state;
    assert_true(fl_ingest_metrics_count > FL_REJECT_COUNT + FL_DROP_COUNT);
    for (size_t i = 0; i < fl_ingest_metrics_count; i++) {
        assert_true(fl_ingest_metrics[i].offset <= sizeof(fl_ingest_stats) - sizeof(fl_counter));
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(fl_ingest_metrics[i].offset, fl_ingest_metrics[k].offset);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_line_is_the_header_and_all_behind_it_the_document),
        cmocka_unit_test(headers_that_a_daemon_takes_are_taken),
        cmocka_unit_test(anything_else_is_dropped_with_its_reason),
        cmocka_unit_test(a_cut_datagram_is_never_read),
        cmocka_unit_test(every_metric_row_lies_inside_the_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
