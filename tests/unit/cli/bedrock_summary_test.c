#include "unit/cli/cli_fixture.h"

#include "cli/bedrock_report_int.h"
#include "cli/bedrock_summary_int.h"

#define S FL_NS_PER_S

static const fl_bedrock_run the_run = {
    .ordinal = 3,
    .trace_id = {UINT64_C(0x67b64b005ab6515a), UINT64_C(0x06fd1c3264f05980)},
    .kept = true,
    .complete = true,
};

static void add(fl_import_summary *summary, fl_bedrock_document document)
{
    fl_err err = {0};
    assert_ok(fl_import_summary_add(summary, &document, &err), &err);
}

static void add_root(fl_import_summary *summary, const char *text)
{
    add(summary, (fl_bedrock_document){.text = fl_str_of(text),
                                       .name = FL_S("Agent_YAWKLCIFTT"),
                                       .start_ns = 100 * S,
                                       .end_ns = 147 * S,
                                       .time_source = FL_BEDROCK_TIME_CHILDREN,
                                       .parent_index = UINT32_MAX});
}

static void expect_drawn(fl_import_summary *summary, unsigned width, const char *expected)
{
    fl_buf out;
    fl_err err = {0};
    fl_screen screen = fixture_screen(&out, width);
    assert_ok(fl_import_summary_draw(summary, &the_run, &screen, &err), &err);
    assert_str(fl_buf_str(&out), expected);
    fl_buf_fini(&out);
}

static void a_run_is_a_title_and_a_table(void **state)
{
    (void)state;
    fl_import_summary summary;
    fl_import_summary_init(&summary);
    add_root(&summary, "{\"annotations\":{\"total_prompt_tokens\":5661,"
                       "\"total_completion_tokens\":1806,\"total_cost_usd\":0.0125}}");
    add(&summary, (fl_bedrock_document){.name = FL_S("InvokeModel_YAWKLCIFTT"),
                                        .start_ns = 100 * S,
                                        .end_ns = 105 * S + 123456789,
                                        .time_source = FL_BEDROCK_TIME_METADATA,
                                        .flags = {.error = true, .throttle = true},
                                        .index = 1,
                                        .parent_index = 0});
    add(&summary, (fl_bedrock_document){.name = FL_S("InvokeActionGroup:snippets_YAWKLCIFTT"),
                                        .start_ns = 106 * S,
                                        .end_ns = FL_TIME_NONE,
                                        .time_source = FL_BEDROCK_TIME_EVENT,
                                        .flags = {.fault = true},
                                        .index = 2,
                                        .parent_index = 0});
    expect_drawn(&summary, 0,
                 "Run 3  1-67b64b00-5ab6515a06fd1c3264f05980  3 segments  47.0 s  5661 + 1806 "
                 "tokens  0.012500 USD  1 fault  1 throttle\n"
                 "#  PARENT   START      END  TIME      FLAGS           NAME\n"
                 "0       -  +0.000  +47.000  children                  Agent_YAWKLCIFTT\n"
                 "1       0  +0.000   +5.123  metadata  error,throttle  InvokeModel_YAWKLCIFTT\n"
                 "2       0  +6.000        …  event     fault           "
                 "InvokeActionGroup:snippets_YAWKLCIFTT\n"
                 "\n");
    fl_import_summary_fini(&summary);
}

static void a_narrow_screen_shows_the_names_first(void **state)
{
    (void)state;
    fl_import_summary summary;
    fl_import_summary_init(&summary);
    add_root(&summary, "{}");
    fl_buf out;
    fl_err err = {0};
    fl_screen screen = fixture_screen(&out, 60);
    add(&summary,
        (fl_bedrock_document){.name = FL_S("InvokeActionGroup:snippets/render_stack_QX7TN4WJ2C"),
                              .start_ns = 100 * S,
                              .end_ns = 105 * S,
                              .flags = {.fault = true},
                              .index = 1});
    assert_ok(fl_import_summary_draw(&summary, &the_run, &screen, &err), &err);
    fl_str rest = fl_buf_str(&out);
    (void)fl_str_cut(&rest, '\n'); /* the title is never cut */
    while (rest.n > 0) {
        fl_str line = fl_str_cut(&rest, '\n');
        assert_true(fl_utf8_length(line) <= 60);
    }
    fl_str shown = FL_S("InvokeActionGroup:snippets/re");
    assert_non_null(memmem(out.p, out.n, shown.p, shown.n));
    fl_buf_fini(&out);
    fl_import_summary_fini(&summary);
}

static void each_run_begins_anew(void **state)
{
    (void)state;
    fl_import_summary summary;
    fl_import_summary_init(&summary);
    for (int i = 0; i < 200; i++) {
        add_root(&summary, "{\"annotations\":{\"total_prompt_tokens\":1,"
                           "\"total_completion_tokens\":2}}");
    }
    assert_int_equal(summary.count, 200);
    fl_import_summary_begin(&summary);
    assert_int_equal(summary.count, 0);
    add_root(&summary, "not even JSON");
    expect_drawn(&summary, 0,
                 "Run 3  1-67b64b00-5ab6515a06fd1c3264f05980  1 segment  47.0 s\n"
                 "#  PARENT   START      END  TIME      NAME\n"
                 "0       -  +0.000  +47.000  children  Agent_YAWKLCIFTT\n"
                 "\n");
    fl_import_summary_fini(&summary);
}

static void pieces_of_long_texts_are_no_rows(void **state)
{
    (void)state;
    fl_import_summary summary;
    fl_import_summary_init(&summary);
    add(&summary, (fl_bedrock_document){.name = FL_S("content"), .is_content = true});
    assert_int_equal(summary.count, 0);
    fl_import_summary_fini(&summary);
}

/* ---- Diagnostics and totals */

static void expect_line(fl_bedrock_diagnostic diagnostic, const char *expected)
{
    fl_buf out;
    fl_buf_init(&out, 1000);
    fl_import_diagnostic_text("run.jsonl", &diagnostic, &out);
    assert_str(fl_buf_str(&out), expected);
    fl_buf_fini(&out);
}

static void a_diagnostic_names_file_and_place(void **state)
{
    (void)state;
    expect_line((fl_bedrock_diagnostic){.code = FL_BEDROCK_E_TYPE,
                                        .place = {.line = 3, .column = 17, .offset = 99},
                                        .message = FL_S("trace is a string")},
                "run.jsonl:3:17: E_TYPE: trace is a string");
    expect_line((fl_bedrock_diagnostic){.code = FL_BEDROCK_E_ES_CRC,
                                        .place = {.offset = 107},
                                        .message = FL_S("a checksum is wrong")},
                "run.jsonl:@107: E_ES_CRC: a checksum is wrong");
}

static void totals_name_what_there_is(void **state)
{
    (void)state;
    fl_buf out;
    fl_buf_init(&out, 1000);
    fl_import_totals totals = {.runs = 1, .segments = 21};
    fl_import_totals_text(&totals, &out);
    assert_str(fl_buf_str(&out), "1 run, 21 segments");
    fl_buf_reset(&out);
    totals = (fl_import_totals){.runs = 3,
                                .segments = 41,
                                .adopted = 1,
                                .left_out = 2,
                                .errors = 1,
                                .warnings = 2,
                                .refused = 1};
    fl_import_totals_text(&totals, &out);
    assert_str(fl_buf_str(&out),
               "3 runs, 41 segments, 1 adopted segment, 2 runs left out by --sample, 1 error, "
               "2 warnings, 1 document not taken");
    fl_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_is_a_title_and_a_table),
        cmocka_unit_test(a_narrow_screen_shows_the_names_first),
        cmocka_unit_test(each_run_begins_anew),
        cmocka_unit_test(pieces_of_long_texts_are_no_rows),
        cmocka_unit_test(a_diagnostic_names_file_and_place),
        cmocka_unit_test(totals_name_what_there_is),
    };
    return cmocka_run_group_tests(tests, fixture_setup, NULL);
}
