/* The usage report as a table, at several widths. */
#include "unit/cli/cli_fixture.h"

#include "cli/genai_int.h"

#define LATENCY "\"Latency\":{\"P50\":0.0425,\"P95\":1.05,\"P99\":75}"

#define REPORT                                                                                     \
    "{\"GroupBy\":\"agent_id\",\"Currency\":\"USD\",\"Groups\":["                                  \
    "{\"Value\":\"夜間\\u001b[31mplanner of long journeys\",\"CallCount\":18446744073709551615," \
    "\"FaultCount\":1,\"ErrorCount\":2,\"ThrottleCount\":3,\"TimeoutCount\":4,\"RetryCount\":5,"   \
    "\"PromptTokens\":1234567,\"CompletionTokens\":999,\"UnpricedCount\":6,"                       \
    "\"CostUsd\":1234.56785," LATENCY "},"                                                         \
    "{\"Value\":\"WORKER\",\"CallCount\":2,\"PromptTokens\":10,\"CostUsd\":0.000049999," LATENCY   \
    "},"                                                                                           \
    "{\"Value\":null,\"CallCount\":1}],"                                                           \
    "\"Total\":{\"CallCount\":3,\"UnpricedCount\":1,\"CostUsd\":0.00995,\"PromptTokens\":1000},"   \
    "\"TracesLeftOutCount\":0,\"ApproximateTime\":1738650304,\"Complete\":false}"

#define TOOLS                                                                                      \
    "{\"GroupBy\":\"tool_name\",\"Groups\":[{\"Value\":\"search\",\"CallCount\":7," LATENCY        \
    "}],\"Total\":{\"CallCount\":7},\"TracesLeftOutCount\":1,\"Complete\":false}"

static void expect_table(const char *golden, const char *report, unsigned width, bool ascii)
{
    fl_arena arena;
    fl_buf out;
    yyjson_val *root;
    fl_err err = {0};
    fl_screen screen = fixture_screen(&out, width);
    screen.utf8 = !ascii;
    fl_arena_init(&arena, (size_t)16 << 20);
    assert_ok(fl_json_read(&arena, fl_str_of(report), FL_JSON_STRICT, &root, NULL, &err), &err);
    assert_ok(fl_genai_table_draw(&arena, &screen, root, &err), &err);
    test_golden(golden, fl_buf_str(&out));
    fl_buf_fini(&out);
    fl_arena_fini(&arena);
}

static void the_report_fits_every_width(void **state)
{
    (void)state;
    expect_table("cli/genai-60.txt", REPORT, 60, false);
    expect_table("cli/genai-100.txt", REPORT, 100, false);
    expect_table("cli/genai-200.txt", REPORT, 200, false);
    expect_table("cli/genai-ascii.txt", REPORT, 200, true);
}

static void columns_of_zeros_and_the_sum_of_one_group_are_left_out(void **state)
{
    (void)state;
    expect_table("cli/genai-tools.txt", TOOLS, 100, false);
}

static void what_is_missing_or_wrong_is_blank(void **state)
{
    (void)state;
    expect_table("cli/genai-odd.txt", "{\"Groups\":[7,{\"Value\":1,\"CallCount\":\"x\"}]}", 100,
                 false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_report_fits_every_width),
        cmocka_unit_test(columns_of_zeros_and_the_sum_of_one_group_are_left_out),
        cmocka_unit_test(what_is_missing_or_wrong_is_blank),
    };
    return cmocka_run_group_tests(tests, fixture_setup, NULL);
}
