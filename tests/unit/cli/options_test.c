#include "unit/cli/cli_fixture.h"

#include "cli/options_int.h"

typedef struct settings {
    bool flag, annotations;
    const char *text;
    uint64_t number;
    unsigned choice;
} settings;

static const char *const choices[] = {"trace", "event", "service", NULL};
static const fl_option options[] = {
    {"flag", FL_OPTION_FLAG, NULL, "a flag", offsetof(settings, flag), 0, 0, NULL},
    {"no-annotations", FL_OPTION_NO, NULL, "none", offsetof(settings, annotations), 0, 0, NULL},
    {"since", FL_OPTION_TEXT, "TIME", "a text", offsetof(settings, text), 0, 0, NULL},
    {"limit", FL_OPTION_NUMBER, "N", "a number", offsetof(settings, number), 1, 100, NULL},
    {"by", FL_OPTION_CHOICE, "WHAT", "a choice", offsetof(settings, choice), 0, 0, choices},
};
static const fl_usage usage = {
    .name = "traces",
    .operands = "[FILTER]",
    .operands_max = 1,
    .about = "About.\n",
    .examples = "  fluoro traces\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
};

/* Parses up to seven words. */
static fl_status parse(const char *const *words, settings *out, fl_operands *operands, bool *help,
                       fl_err *err)
{
    static char copies[8][64];
    static char *argv[9];
    int argc = 0;
    snprintf(copies[0], sizeof copies[0], "traces");
    argv[argc++] = copies[0];
    for (; words[argc - 1] != NULL; argc++) {
        snprintf(copies[argc], sizeof copies[argc], "%s", words[argc - 1]);
        argv[argc] = copies[argc];
    }
    argv[argc] = NULL;
    *out = (settings){.annotations = true, .number = 20};
    *operands = (fl_operands){0};
    *help = false;
    return fl_usage_parse(&usage, argc, argv, out, operands, help, err);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void expect_refused(const char *const *words, const char *message)
{
    settings got;
    fl_operands operands;
    bool help;
    fl_err err = {0};
    assert_int_equal(parse(words, &got, &operands, &help, &err), FL_E_INVALID);
    assert_string_equal(err.message, message);
}

static void defaults_stay_where_nothing_is_given(void **state)
{
    (void)state;
    settings got;
    fl_operands operands;
    bool help;
    fl_err err = {0};
    assert_ok(parse((const char *const[]){NULL}, &got, &operands, &help, &err), &err);
    assert_int_equal(got.number, 20);
    assert_true(got.annotations);
    assert_null(got.text);
    assert_int_equal(operands.count, 0);
}

static void each_kind_of_option_sets_its_member(void **state)
{
    (void)state;
    settings got;
    fl_operands operands;
    bool help;
    fl_err err = {0};
    assert_ok(
        parse(WORDS("--flag", "--no-annotations", "--since=1h", "--limit", "100", "--by=service"),
              &got, &operands, &help, &err),
        &err);
    assert_true(got.flag);
    assert_false(got.annotations);
    assert_string_equal(got.text, "1h");
    assert_int_equal(got.number, 100);
    assert_int_equal(got.choice, 2);
}

static void operands_may_stand_before_options(void **state)
{
    (void)state;
    settings got;
    fl_operands operands;
    bool help;
    fl_err err = {0};
    assert_ok(parse(WORDS("fault", "--flag"), &got, &operands, &help, &err), &err);
    assert_true(got.flag);
    assert_int_equal(operands.count, 1);
    assert_string_equal(operands.values[0], "fault");
    assert_ok(parse(WORDS("--", "--flag"), &got, &operands, &help, &err), &err);
    assert_false(got.flag);
    assert_string_equal(operands.values[0], "--flag");
}

static void help_wins_over_what_is_missing(void **state)
{
    (void)state;
    settings got;
    fl_operands operands;
    bool help;
    fl_err err = {0};
    assert_ok(parse(WORDS("a", "b", "-h"), &got, &operands, &help, &err), &err);
    assert_true(help);
    assert_ok(parse(WORDS("--help"), &got, &operands, &help, &err), &err);
    assert_true(help);
}

static void numbers_out_of_range_are_refused(void **state)
{
    (void)state;
    expect_refused(WORDS("--limit", "0"), "--limit takes a whole number from 1 to 100, not `0`");
    expect_refused(WORDS("--limit", "101"),
                   "--limit takes a whole number from 1 to 100, not `101`");
    expect_refused(WORDS("--limit", "5x"), "--limit takes a whole number from 1 to 100, not `5x`");
    expect_refused(WORDS("--limit", "-5"), "--limit takes a whole number from 1 to 100, not `-5`");
    expect_refused(WORDS("--limit", ""), "--limit takes a whole number from 1 to 100, not ``");
}

static void choices_are_named_in_the_refusal(void **state)
{
    (void)state;
    expect_refused(WORDS("--by", "x"), "--by takes trace, event or service, not `x`");
}

static void unknown_options_bring_the_nearest_to_mind(void **state)
{
    (void)state;
    expect_refused(WORDS("--sinse", "1h"),
                   "`fluoro traces` has no option --sinse; did you mean --since?");
    expect_refused(WORDS("--sinse=1h"),
                   "`fluoro traces` has no option --sinse; did you mean --since?");
    expect_refused(WORDS("--frobnicate"),
                   "`fluoro traces` has no option --frobnicate; `fluoro traces --help` lists them");
    expect_refused(WORDS("-x"),
                   "`fluoro traces` has no option --x; `fluoro traces --help` lists them");
}

static void values_and_operands_are_counted(void **state)
{
    (void)state;
    expect_refused(WORDS("--since"), "--since needs a value; `fluoro traces --help` shows how");
    expect_refused(
        WORDS("a", "b"),
        "`fluoro traces` does not know what to do with `b`; `fluoro traces --help` shows how");
}

static void the_help_screen_comes_from_the_table(void **state)
{
    (void)state;
    fl_buf out;
    fl_buf_init(&out, 4096);
    fl_usage_help(&usage, &out);
    assert_str(fl_buf_str(&out), "usage: fluoro traces [OPTION...] [FILTER]\n"
                                 "\n"
                                 "About.\n"
                                 "\n"
                                 "  --flag                a flag\n"
                                 "  --no-annotations      none\n"
                                 "  --since TIME          a text\n"
                                 "  --limit N             a number\n"
                                 "  --by WHAT             a choice\n"
                                 "\n"
                                 "  fluoro traces\n");
    fl_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_stay_where_nothing_is_given),
        cmocka_unit_test(each_kind_of_option_sets_its_member),
        cmocka_unit_test(operands_may_stand_before_options),
        cmocka_unit_test(help_wins_over_what_is_missing),
        cmocka_unit_test(numbers_out_of_range_are_refused),
        cmocka_unit_test(choices_are_named_in_the_refusal),
        cmocka_unit_test(unknown_options_bring_the_nearest_to_mind),
        cmocka_unit_test(values_and_operands_are_counted),
        cmocka_unit_test(the_help_screen_comes_from_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
