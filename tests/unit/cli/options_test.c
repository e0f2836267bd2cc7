#include "unit/cli/cli_fixture.h"

#include "cli/options_int.h"

typedef struct settings {
    bool flag, annotations;
    const char *text;
    uint64_t number;
    unsigned choice;
    fl_texts texts;
    const char *optional;
    double decimal;
    int64_t seconds_ns;
} settings;

static const char *const choices[] = {"trace", "event", "service", NULL};
static const fl_option options[] = {
    {"flag", FL_OPTION_FLAG, NULL, "a flag", offsetof(settings, flag), 0, 0, NULL},
    {"no-annotations", FL_OPTION_NO, NULL, "none", offsetof(settings, annotations), 0, 0, NULL},
    {"since", FL_OPTION_TEXT, "TIME", "a text", offsetof(settings, text), 0, 0, NULL},
    {"limit", FL_OPTION_NUMBER, "N", "a number", offsetof(settings, number), 1, 100, NULL},
    {"by", FL_OPTION_CHOICE, "WHAT", "a choice", offsetof(settings, choice), 0, 0, choices},
};
static const fl_option further[] = {
    {"label", FL_OPTION_TEXTS, "NAME", "texts", offsetof(settings, texts), 0, 0, NULL},
    {"upload", FL_OPTION_OPTIONAL, "[URL]", "maybe", offsetof(settings, optional), 0, 0, NULL},
};
static const fl_option numbers[] = {
    {"rate", FL_OPTION_DECIMAL, "R", "a decimal", offsetof(settings, decimal), 0, 1, NULL},
    {"now", FL_OPTION_SECONDS, "S", "seconds", offsetof(settings, seconds_ns), 0, UINT32_MAX, NULL},
};
static const fl_option_group groups[] = {{"Further", further, 2}, {"Numbers", numbers, 2}};

static bool takes_urls(const fl_option *option, const char *word)
{
    assert_string_equal(option->name, "upload");
    return strstr(word, "://") != NULL;
}

static const fl_usage grouped = {
    .name = "traces",
    .operands = "[FILTER]",
    .operands_max = 1,
    .about = "About.\n",
    .examples = "  fluoro traces\n",
    .options = options,
    .option_count = 1,
    .groups = groups,
    .group_count = 2,
    .notes = "Notes.\n",
    .takes = takes_urls,
    .wrong_usage_exit = 64,
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
static fl_status parse_by(const fl_usage *by, const char *const *words, settings *out,
                          fl_operands *operands, fl_help *help, fl_err *err)
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
    *help = FL_HELP_NONE;
    return fl_usage_parse(by, argc, argv, out, operands, help, err);
}

static fl_status parse(const char *const *words, settings *out, fl_operands *operands,
                       fl_help *help, fl_err *err)
{
    return parse_by(&usage, words, out, operands, help, err);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void expect_refused_by(const fl_usage *by, const char *const *words, const char *message)
{
    settings got;
    fl_operands operands;
    fl_help help;
    fl_err err = {0};
    assert_int_equal(parse_by(by, words, &got, &operands, &help, &err), FL_E_INVALID);
    assert_string_equal(err.message, message);
}

static void expect_refused(const char *const *words, const char *message)
{
    expect_refused_by(&usage, words, message);
}

static settings expect_taken(const char *const *words, fl_operands *operands)
{
    settings got;
    fl_help help;
    fl_err err = {0};
    assert_ok(parse_by(&grouped, words, &got, operands, &help, &err), &err);
    return got;
}

static void defaults_stay_where_nothing_is_given(void **state)
{
    (void)state;
    settings got;
    fl_operands operands;
    fl_help help;
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
    fl_help help;
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
    fl_help help;
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
    fl_help help;
    fl_err err = {0};
    assert_ok(parse(WORDS("a", "b", "-h"), &got, &operands, &help, &err), &err);
    assert_int_equal(help, FL_HELP_USUAL);
    assert_ok(parse(WORDS("--help"), &got, &operands, &help, &err), &err);
    assert_int_equal(help, FL_HELP_USUAL);
    assert_ok(parse_by(&grouped, WORDS("--help-all"), &got, &operands, &help, &err), &err);
    assert_int_equal(help, FL_HELP_ALL);
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
    fl_usage_help(&usage, FL_HELP_USUAL, &out);
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

static void an_option_may_be_repeated(void **state)
{
    (void)state;
    fl_operands operands;
    settings got = expect_taken(WORDS("--label", "a", "--label=b=c"), &operands);
    assert_int_equal(got.texts.count, 2);
    assert_string_equal(got.texts.items[0], "a");
    assert_string_equal(got.texts.items[1], "b=c");
}

static void more_repetitions_than_there_is_room_for_are_refused(void **state)
{
    (void)state;
    static char name[] = "traces", option[] = "--label=a";
    char *argv[FL_TEXTS_MAX + 3] = {name};
    settings got = {0};
    fl_operands operands;
    fl_help help;
    fl_err err = {0};
    for (int i = 1; i <= FL_TEXTS_MAX + 1; i++) {
        argv[i] = option;
    }
    assert_ok(fl_usage_parse(&grouped, FL_TEXTS_MAX + 1, argv, &got, &operands, &help, &err), &err);
    assert_int_equal(got.texts.count, FL_TEXTS_MAX);
    got = (settings){0};
    assert_int_equal(fl_usage_parse(&grouped, FL_TEXTS_MAX + 2, argv, &got, &operands, &help, &err),
                     FL_E_INVALID);
}

static void an_optional_value_is_joined_or_looks_like_one(void **state)
{
    (void)state;
    fl_operands operands;
    assert_null(expect_taken(WORDS("file"), &operands).optional);
    assert_string_equal(expect_taken(WORDS("--upload"), &operands).optional, "");
    assert_string_equal(expect_taken(WORDS("--upload=x"), &operands).optional, "x");
    assert_string_equal(expect_taken(WORDS("--upload", "file"), &operands).optional, "");
    assert_int_equal(operands.count, 1);
    assert_string_equal(expect_taken(WORDS("--upload", "http://x", "file"), &operands).optional,
                        "http://x");
    assert_int_equal(operands.count, 1);
    assert_string_equal(operands.values[0], "file");
    assert_string_equal(expect_taken(WORDS("file", "--upload", "http://x"), &operands).optional,
                        "http://x");
    assert_int_equal(operands.count, 1);
    assert_string_equal(operands.values[0], "file");
    assert_string_equal(expect_taken(WORDS("--upload", "--flag"), &operands).optional, "");
}

static void decimals_are_read_to_the_nearest_double(void **state)
{
    (void)state;
    fl_operands operands;
    assert_true(expect_taken(WORDS("--rate", "0.05"), &operands).decimal == 0.05);
    assert_true(expect_taken(WORDS("--rate", ".5"), &operands).decimal == 0.5);
    assert_true(expect_taken(WORDS("--rate", "1"), &operands).decimal == 1);
    assert_true(expect_taken(WORDS("--rate", "1e-3"), &operands).decimal == 0.001);
    static const char *const wrong[] = {"1.01", "-0.1", "", ".", "x", "0.5x", "nan", "0x1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char message[80];
        snprintf(message, sizeof message, "--rate takes a number from 0 to 1, not `%s`", wrong[i]);
        expect_refused_by(&grouped, WORDS("--rate", wrong[i]), message);
    }
}

static void seconds_keep_every_nanosecond(void **state)
{
    (void)state;
    fl_operands operands;
    assert_int_equal(expect_taken(WORDS("--now", "1740000000"), &operands).seconds_ns,
                     INT64_C(1740000000000000000));
    assert_int_equal(expect_taken(WORDS("--now", "1740000000.123456789"), &operands).seconds_ns,
                     INT64_C(1740000000123456789));
    expect_refused_by(&grouped, WORDS("--now", "4294967296"),
                      "--now takes a number from 0 to 4294967295, not `4294967296`");
    expect_refused_by(&grouped, WORDS("--now", "noon"),
                      "--now takes a number from 0 to 4294967295, not `noon`");
}

static void names_of_all_groups_come_to_mind(void **state)
{
    (void)state;
    expect_refused_by(&grouped, WORDS("--raet", "1"),
                      "`fluoro traces` has no option --raet; did you mean --rate?");
    expect_refused_by(
        &grouped, WORDS("--frobnicate"),
        "`fluoro traces` has no option --frobnicate; `fluoro traces --help-all` lists them");
}

static void groups_are_shown_where_all_is_asked_for(void **state)
{
    (void)state;
    fl_buf out;
    fl_buf_init(&out, 4096);
    fl_usage_help(&grouped, FL_HELP_USUAL, &out);
    assert_str(fl_buf_str(&out), "usage: fluoro traces [OPTION...] [FILTER]\n"
                                 "\n"
                                 "About.\n"
                                 "\n"
                                 "  --flag                a flag\n"
                                 "  --help-all            all options\n"
                                 "\n"
                                 "  fluoro traces\n");
    fl_buf_reset(&out);
    fl_usage_help(&grouped, FL_HELP_ALL, &out);
    assert_str(fl_buf_str(&out), "usage: fluoro traces [OPTION...] [FILTER]\n"
                                 "\n"
                                 "About.\n"
                                 "\n"
                                 "  --flag                a flag\n"
                                 "\n"
                                 "Further\n"
                                 "  --label NAME          texts\n"
                                 "  --upload [URL]        maybe\n"
                                 "\n"
                                 "Numbers\n"
                                 "  --rate R              a decimal\n"
                                 "  --now S               seconds\n"
                                 "\n"
                                 "  fluoro traces\n"
                                 "\n"
                                 "Notes.\n");
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
        cmocka_unit_test(an_option_may_be_repeated),
        cmocka_unit_test(more_repetitions_than_there_is_room_for_are_refused),
        cmocka_unit_test(an_optional_value_is_joined_or_looks_like_one),
        cmocka_unit_test(decimals_are_read_to_the_nearest_double),
        cmocka_unit_test(seconds_keep_every_nanosecond),
        cmocka_unit_test(names_of_all_groups_come_to_mind),
        cmocka_unit_test(groups_are_shown_where_all_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
