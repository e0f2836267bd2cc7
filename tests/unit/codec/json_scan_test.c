#include "codec/codec.h"
#include "support/test.h"

/* What the scanner tells of a text that comes in pieces of `step` bytes: each value between < and
 * >, garbage between ? and ?, the last result at the end. */
static void scan_all(fl_str text, size_t step, fl_buf *story)
{
    fl_json_scan scan = {0};
    fl_json_scan_result last = FL_SCAN_BLANK;
    bool garbage = false;
    for (size_t at = 0; at < text.n;) {
        size_t n = text.n - at < step ? text.n - at : step;
        size_t eaten = 0;
        last = fl_json_scan_feed(&scan, text.p + at, n, &eaten);
        assert_true(eaten <= n && (eaten > 0 || last != FL_SCAN_MORE));
        if (garbage != (last == FL_SCAN_GARBAGE)) {
            garbage = !garbage;
            fl_buf_add_byte(story, '?');
        }
        bool shown = last == FL_SCAN_MORE || last == FL_SCAN_END || last == FL_SCAN_GARBAGE;
        fl_buf_add(story, text.p + at, shown ? eaten : 0);
        if (last == FL_SCAN_BEGIN || last == FL_SCAN_END) {
            fl_buf_add_byte(story, last == FL_SCAN_BEGIN ? '<' : '>');
        }
        at += eaten;
    }
    fl_buf_add_str(story, last == FL_SCAN_MORE ? FL_S("…") : FL_S(""));
}

static void assert_story(const char *text, const char *expected)
{
    fl_str all = fl_str_of(text);
    for (size_t step = 1; step <= all.n + 1; step++) {
        fl_buf story;
        fl_buf_init(&story, 4096);
        scan_all(all, step, &story);
        assert_str(fl_buf_str(&story), expected);
        fl_buf_fini(&story);
    }
}

static void values_end_where_their_brackets_close(void **state)
{
    (void)state;
    assert_story("{}", "<{}>");
    assert_story(" {\"a\":[1,{}]}\n{\"b\":2}{}[[]]\t", "<{\"a\":[1,{}]}><{\"b\":2}><{}><[[]]>");
}

static void brackets_and_quotes_in_strings_do_not_count(void **state)
{
    (void)state;
    assert_story("{\"}\":\"{[\"}{}", "<{\"}\":\"{[\"}><{}>");
    assert_story("{\"a\\\"}\":1}[]", "<{\"a\\\"}\":1}><[]>");
    assert_story("{\"a\\\\\":1}[]", "<{\"a\\\\\":1}><[]>");
    assert_story("\"a\\\"{\" {}", "<\"a\\\"{\"><{}>");
}

static void scalars_end_before_the_next_byte_that_is_none_of_theirs(void **state)
{
    (void)state;
    assert_story("12 -1.5e3\ntrue{}null\"x\"false ", "<12><-1.5e3><true><{}><null><\"x\"><false>");
}

static void a_value_that_is_cut_needs_more(void **state)
{
    (void)state;
    assert_story("{\"a\":1", "<{\"a\":1…");
    assert_story("{} \"x", "<{}><\"x…");
    assert_story("12", "<12…");
}

static void garbage_ends_at_a_blank_or_an_opening_bracket(void **state)
{
    (void)state;
    assert_story("}xyz{} ", "?}xyz?<{}>");
    assert_story("hello {\"a\":1}", "?hello?<{\"a\":1}>");
    assert_story("{},{}", "<{}>?,?<{}>");
    assert_story("xt[1]", "?xt?<[1]>");
    assert_story("%", "?%");
}

static void nothing_but_blanks_is_blank(void **state)
{
    fl_json_scan scan = {0};
    size_t eaten = 9;
    (void)state;
    assert_int_equal(fl_json_scan_feed(&scan, " \t\r\n", 4, &eaten), FL_SCAN_BLANK);
    assert_int_equal(eaten, 4);
    assert_int_equal(fl_json_scan_feed(&scan, "", 0, &eaten), FL_SCAN_BLANK);
    assert_int_equal(eaten, 0);
}

static void no_bytes_change_nothing(void **state)
{
    fl_json_scan scan = {0};
    size_t eaten;
    (void)state;
    assert_int_equal(fl_json_scan_feed(&scan, "[", 1, &eaten), FL_SCAN_BEGIN);
    assert_int_equal(eaten, 0);
    assert_int_equal(fl_json_scan_feed(&scan, "[", 0, &eaten), FL_SCAN_MORE);
    assert_int_equal(fl_json_scan_feed(&scan, "[", 1, &eaten), FL_SCAN_MORE);
    assert_int_equal(fl_json_scan_feed(&scan, "[", 0, &eaten), FL_SCAN_MORE);
    assert_int_equal(fl_json_scan_feed(&scan, "]", 1, &eaten), FL_SCAN_END);
    assert_int_equal(eaten, 1);
    assert_int_equal(fl_json_scan_feed(&scan, "%", 1, &eaten), FL_SCAN_GARBAGE);
    assert_int_equal(fl_json_scan_feed(&scan, "", 0, &eaten), FL_SCAN_BLANK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_end_where_their_brackets_close),
        cmocka_unit_test(brackets_and_quotes_in_strings_do_not_count),
        cmocka_unit_test(scalars_end_before_the_next_byte_that_is_none_of_theirs),
        cmocka_unit_test(a_value_that_is_cut_needs_more),
        cmocka_unit_test(garbage_ends_at_a_blank_or_an_opening_bracket),
        cmocka_unit_test(nothing_but_blanks_is_blank),
        cmocka_unit_test(no_bytes_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
