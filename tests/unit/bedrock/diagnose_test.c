#include "support/bedrock_story.h"
#include "support/test.h"

static void diagnose(test_story *story, fl_bedrock_code code, const char *text, size_t times)
{
    const fl_bedrock_sink sink = {.user = story, .diagnostic = test_story_diagnostic};
    bedrock_diagnostics diagnostics = {.sink = &sink, .counts = &story->counts};
    for (size_t i = 0; i < times; i++) {
        bedrock_diagnose(&diagnostics, code, (fl_bedrock_place){1, 2, 3}, "%s", text);
    }
    story->over = diagnostics.over;
}

static void codes_have_their_names_and_classes(void **state)
{
    (void)state;
    assert_string_equal(fl_bedrock_code_name(FL_BEDROCK_E_EMPTY), "E_EMPTY");
    assert_string_equal(fl_bedrock_code_name(FL_BEDROCK_W_SPLIT_RUN), "W_SPLIT_RUN");
    for (int code = 0; code < FL_BEDROCK_CODE_COUNT; code++) {
        const char *name = fl_bedrock_code_name((fl_bedrock_code)code);
        assert_int_equal(fl_bedrock_code_is_error((fl_bedrock_code)code), name[0] == 'E');
    }
}

static void errors_and_warnings_are_counted_apart(void **state)
{
    (void)state;
    test_story story;
    test_story_init(&story);
    diagnose(&story, FL_BEDROCK_E_TYPE, "a", 2);
    diagnose(&story, FL_BEDROCK_W_TIME, "b", 30);
    assert_int_equal(story.counts.errors, 2);
    assert_int_equal(story.counts.warnings, 30);
    assert_false(story.over);
    test_story_fini(&story);
}

static void the_twentieth_error_is_the_last_but_for_too_many(void **state)
{
    (void)state;
    test_story story;
    test_story_init(&story);
    diagnose(&story, FL_BEDROCK_E_TYPE, "a", 19);
    assert_false(story.over);
    test_story_fini(&story);
    test_story_init(&story);
    diagnose(&story, FL_BEDROCK_E_TYPE, "a", 25);
    assert_true(story.over);
    assert_int_equal(story.counts.errors, 21);
    const size_t before = sizeof("1:2 E_TYPE\n") - 1;
    const fl_str last = {story.codes.p + 20 * before, story.codes.n - 20 * before};
    assert_str(last, "1:2 E_TOO_MANY\n");
    test_story_fini(&story);
}

static void messages_have_no_control_characters_and_no_broken_ones(void **state)
{
    (void)state;
    test_story story;
    test_story_init(&story);
    diagnose(&story, FL_BEDROCK_W_EMPTY, "a\x1b[1m\n\x7f\xff\xc2\x9b \xc3\xa4", 1);
    assert_str(fl_buf_str(&story.messages), "a?[1m????? \xc3\xa4\n");
    test_story_fini(&story);
}

static void a_long_message_is_cut(void **state)
{
    (void)state;
    test_story story;
    char text[2000];
    test_story_init(&story);
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    diagnose(&story, FL_BEDROCK_W_EMPTY, text, 1);
    assert_int_equal(story.messages.n, 512);
    test_story_fini(&story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_have_their_names_and_classes),
        cmocka_unit_test(errors_and_warnings_are_counted_apart),
        cmocka_unit_test(the_twentieth_error_is_the_last_but_for_too_many),
        cmocka_unit_test(messages_have_no_control_characters_and_no_broken_ones),
        cmocka_unit_test(a_long_message_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
