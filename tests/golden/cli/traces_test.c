/* The list of traces, from answers of GetTraceSummaries, at several widths. */
#include "unit/cli/cli_fixture.h"

#include "cli/traces_int.h"

#define SUMMARIES                                                                                  \
    "[{\"Id\":\"1-67a1b2c0-0a1b2c3d4e5f60718293a4b5\",\"StartTime\":1738650304.1,\"Duration\":0."  \
    "9,"                                                                                           \
    "\"HasFault\":true,\"HasError\":false,\"HasThrottle\":true,\"IsPartial\":false,\"Http\":{"     \
    "\"HttpURL\":"                                                                                 \
    "\"https://shop.example/api/v1/"                                                               \
    "orders\",\"HttpStatus\":502,\"HttpMethod\":\"POST\"},\"Users\":[{\"UserName\":"               \
    "\"alice\"},{\"UserName\":\"bob\"}],\"ServiceIds\":[{\"Name\":\"web\",\"Type\":\"client\"},{"  \
    "\"Name\":\"web\"},"                                                                           \
    "{\"Name\":\"orders\",\"Type\":\"AWS::DynamoDB::Table\"}],\"EntryPoint\":{\"Name\":\"web\"}}," \
    "{\"Id\":\"1-67a1b2bf-000000000000000000000001\",\"StartTime\":1738650303,\"Duration\":12.5,"  \
    "\"HasThrottle\":true,"                                                                        \
    "\"HasError\":true,\"Http\":{},\"EntryPoint\":{\"Name\":\"夜間\\u001b[31mバッチ\"}},"     \
    "{\"Id\":\"1-67a1b2be-000000000000000000000002\",\"StartTime\":1738650302,\"IsPartial\":true," \
    "\"Http\":{"                                                                                   \
    "\"HttpURL\":\"http://x/\"},\"EntryPoint\":{\"Name\":\"web\"}},"                               \
    "{\"Id\":\"1-67a1b2bd-000000000000000000000003\",\"StartTime\":1738650301,\"Duration\":0.012," \
    "\"HasError\":true,"                                                                           \
    "\"Http\":{\"HttpURL\":\"http://x/missing\",\"HttpStatus\":404,\"HttpMethod\":\"GET\"}},"      \
    "{\"Id\":\"1-67a1b2bc-000000000000000000000004\",\"StartTime\":1738650300,\"Duration\":0}]"

static void expect_list(const char *golden, unsigned width, int64_t now_ns, bool ascii)
{
    fl_arena arena;
    fl_buf out;
    yyjson_val *root, *summary;
    fl_trace_line lines[8];
    size_t i, n;
    fl_err err = {0};
    fl_screen screen = fixture_screen(&out, width);
    screen.utf8 = !ascii;
    fl_arena_init(&arena, (size_t)16 << 20);
    assert_ok(fl_json_read(&arena, FL_S(SUMMARIES), FL_JSON_STRICT, &root, NULL, &err), &err);
    yyjson_arr_foreach(root, i, n, summary)
    {
        fl_trace_line_read(summary, &lines[i]);
    }
    assert_ok(fl_trace_lines_draw(&arena, &screen, lines, n, now_ns, &err), &err);
    test_golden(golden, fl_buf_str(&out));
    fl_buf_fini(&out);
    fl_arena_fini(&arena);
}

static void the_list_fits_every_width(void **state)
{
    (void)state;
    expect_list("cli/traces-60.txt", 60, FIXTURE_NOW_NS, false);
    expect_list("cli/traces-80.txt", 80, FIXTURE_NOW_NS, false);
    expect_list("cli/traces-120.txt", 120, FIXTURE_NOW_NS, false);
    expect_list("cli/traces-200.txt", 200, FIXTURE_NOW_NS, false);
    expect_list("cli/traces-ascii.txt", 120, FIXTURE_NOW_NS, true);
}

static void dates_show_once_a_trace_is_not_of_today(void **state)
{
    (void)state;
    expect_list("cli/traces-dates.txt", 0, FIXTURE_NOW_NS + 24 * 3600 * FL_NS_PER_S, false);
}

static void members_that_are_missing_or_wrong_are_absent(void **state)
{
    (void)state;
    fl_arena arena;
    yyjson_val *root;
    fl_trace_line line;
    fl_arena_init(&arena, (size_t)1 << 20);
    assert_ok(fl_json_read(
                  &arena,
                  FL_S("{\"Id\":7,\"StartTime\":\"x\",\"Duration\":null,\"Http\":[],\"Users\":{},"
                       "\"ServiceIds\":3,\"HasFault\":\"true\",\"EntryPoint\":null}"),
                  FL_JSON_STRICT, &root, NULL, NULL),
              NULL);
    fl_trace_line_read(root, &line);
    assert_null(line.id.p);
    assert_int_equal(line.start_ns, FL_TIME_NONE);
    assert_int_equal(line.duration_ns, FL_TIME_NONE);
    assert_int_equal(line.http_status, FL_INT_NONE);
    assert_int_equal(line.services, 0);
    assert_int_equal(line.mark, FL_MARK_OK);
    fl_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_fits_every_width),
        cmocka_unit_test(dates_show_once_a_trace_is_not_of_today),
        cmocka_unit_test(members_that_are_missing_or_wrong_are_absent),
    };
    return cmocka_run_group_tests(tests, fixture_setup, NULL);
}
