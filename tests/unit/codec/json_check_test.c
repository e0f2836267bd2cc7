#include "codec/codec.h"
#include "support/test.h"

/* What the check tells of a text in pieces of `step` bytes, and where. */
typedef struct told {
    fl_json_check_result result;
    size_t at;
    bool whole;
    const char *expected;
} told;

static told check_in_steps(fl_str text, size_t step, size_t max_depth)
{
    fl_json_check check = fl_json_check_begin(max_depth);
    fl_json_check_result result = FL_CHECK_MORE;
    size_t at = 0;
    while (at < text.n && result == FL_CHECK_MORE) {
        size_t n = text.n - at < step ? text.n - at : step;
        size_t eaten = 0;
        result = fl_json_check_feed(&check, text.p + at, n, &eaten);
        assert_true(eaten <= n && (result != FL_CHECK_MORE || eaten == n));
        at += eaten;
    }
    return (told){result, at, fl_json_check_is_whole(&check), fl_json_check_expected(&check)};
}

static void assert_check(const char *text, fl_json_check_result result, size_t at)
{
    fl_str all = fl_str_of(text);
    for (size_t step = 1; step <= all.n + 1; step++) {
        told t = check_in_steps(all, step, FL_JSON_DEPTH_MAX);
        assert_int_equal(t.result, result);
        assert_int_equal(t.at, at);
    }
}

static void assert_wrong(const char *text, size_t at, const char *expected)
{
    assert_check(text, FL_CHECK_WRONG, at);
    told t = check_in_steps(fl_str_of(text), 1, FL_JSON_DEPTH_MAX);
    assert_string_equal(t.expected, expected);
}

static void containers_end_behind_their_last_bracket(void **state)
{
    (void)state;
    assert_check("{}", FL_CHECK_END, 2);
    assert_check("[]x", FL_CHECK_END, 2);
    assert_check(" \t\r\n{\"a\" : [1 , -2.5e+3,{}], \"b\":{\"c\":null}}{", FL_CHECK_END, 44);
    assert_check("[true,false,null,0,-0,10,0.5,1E5,1e-5,\"\"]", FL_CHECK_END, 41);
}

static void strings_may_have_escapes_and_any_bytes_but_controls(void **state)
{
    (void)state;
    assert_check("{\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00aF\":\"}]\xff\xc3\xa4 long enough for eight\"}",
                 FL_CHECK_END, 56);
    assert_wrong("[\"a\nb\"]", 3, "no control character in a string, unless it is escaped");
    assert_wrong("[\"0123456789\x1f\"]", 12,
                 "no control character in a string, unless it is escaped");
    assert_wrong("[\"a\\x\"]", 4, "one of \" \\ / b f n r t u behind \\");
    assert_wrong("[\"\\u12g4\"]", 6, "four hex digits behind \\u");
}

static void scalars_end_before_what_may_follow_a_value(void **state)
{
    (void)state;
    assert_check("12 ", FL_CHECK_END, 2);
    assert_check("-1.5e3,", FL_CHECK_END, 6);
    assert_check("true]", FL_CHECK_END, 4);
    assert_check("\"x\"{", FL_CHECK_END, 3);
    assert_wrong("\"a\":1", 3, "white space behind the value");
    assert_wrong("12-3", 2, "white space behind the value");
}

static void the_first_wrong_byte_is_told_and_what_was_expected(void **state)
{
    (void)state;
    assert_wrong("x", 0, "a value");
    assert_wrong("}", 0, "a value");
    assert_wrong("{'a':1}", 1, "a member name in double quotes or }");
    assert_wrong("{\"a\":1,}", 7, "a member name in double quotes");
    assert_wrong("[1,]", 3, "a value");
    assert_wrong("[,]", 1, "a value or ]");
    assert_wrong("{\"a\" 1}", 5, ":");
    assert_wrong("{\"a\":1 \"b\":2}", 7, ", or }");
    assert_wrong("[1 2]", 3, ", or ]");
    assert_wrong("[1}", 2, ", or ]");
    assert_wrong("{\"a\":1]", 6, ", or }");
    assert_wrong("[nul]", 4, "true, false or null");
    assert_wrong("[NaN]", 1, "a value or ]");
    assert_wrong("[01]", 2, ", or ]");
    assert_wrong("[+1]", 1, "a value or ]");
    assert_wrong("[.5]", 1, "a value or ]");
    assert_wrong("[-a]", 2, "a digit behind -");
    assert_wrong("[1.e3]", 3, "a digit behind the decimal point");
    assert_wrong("[1ee]", 3, "a digit or sign in the exponent");
    assert_wrong("[1e+]", 4, "a digit in the exponent");
}

static void a_cut_value_needs_more(void **state)
{
    (void)state;
    const char *cut[] = {"",        " ",        "{",  "{\"", "{\"a", "{\"a\"",
                         "{\"a\":", "{\"a\":1", "[",  "[1,", "\"\\", "\"\\u1",
                         "tru",     "-",        "1.", "1e",  "1e+",  "[\"a"};
    for (size_t i = 0; i < sizeof(cut) / sizeof(*cut); i++) {
        told t = check_in_steps(fl_str_of(cut[i]), 1, FL_JSON_DEPTH_MAX);
        assert_int_equal(t.result, FL_CHECK_MORE);
        assert_false(t.whole);
    }
}

static void a_scalar_at_the_end_is_whole(void **state)
{
    (void)state;
    const char *whole[] = {"0", "-12", "1.5", "1e5", "true", "null", "\"x\""};
    for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++) {
        told t = check_in_steps(fl_str_of(whole[i]), 1, FL_JSON_DEPTH_MAX);
        assert_int_equal(t.result, FL_CHECK_MORE);
        assert_true(t.whole);
    }
}

/* depth times [ and as often ] */
static fl_str nested(char *text, size_t depth)
{
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    return (fl_str){text, 2 * depth};
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    char text[2 * (FL_JSON_DEPTH_MAX + 1)];
    told t = check_in_steps(nested(text, 256), SIZE_MAX, 256);
    assert_int_equal(t.result, FL_CHECK_END);
    t = check_in_steps(nested(text, 257), SIZE_MAX, 256);
    assert_int_equal(t.result, FL_CHECK_DEEP);
    assert_int_equal(t.at, 256);
    t = check_in_steps(FL_S("{\"a\":[{}]}"), 1, 2);
    assert_int_equal(t.result, FL_CHECK_DEEP);
    assert_int_equal(t.at, 6);
    assert_int_equal(check_in_steps(FL_S("[[],{},[]]"), 1, 2).result, FL_CHECK_END);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(containers_end_behind_their_last_bracket),
        cmocka_unit_test(strings_may_have_escapes_and_any_bytes_but_controls),
        cmocka_unit_test(scalars_end_before_what_may_follow_a_value),
        cmocka_unit_test(the_first_wrong_byte_is_told_and_what_was_expected),
        cmocka_unit_test(a_cut_value_needs_more),
        cmocka_unit_test(a_scalar_at_the_end_is_whole),
        cmocka_unit_test(nesting_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
