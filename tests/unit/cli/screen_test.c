#include "unit/cli/cli_fixture.h"

#include "cli/screen_int.h"

static void expect_put(const char *text, unsigned max, const char *expected)
{
    fl_buf out;
    fl_screen screen = fixture_screen(&out, 80);
    fl_screen_put(&screen, FL_STYLE_PLAIN, fl_str_of(text), max);
    assert_str(fl_buf_str(&out), expected);
    assert_true(screen.column <= max);
    fl_buf_fini(&out);
}

static void escape_sequences_never_get_out(void **state)
{
    (void)state;
    expect_put("a\x1b[31mb\x1b]0;title\x07", 40,
               "a\xef\xbf\xbd[31mb\xef\xbf\xbd]0;title\xef\xbf\xbd");
    expect_put("\xc2\x9b"
               "31mred",
               40,
               "\xef\xbf\xbd"
               "31mred"); /* CSI in one character */
    expect_put("a\x7f\x08", 40, "a\xef\xbf\xbd\xef\xbf\xbd");
    expect_put("a\xff\xfe z", 40, "a\xef\xbf\xbd\xef\xbf\xbd z");
}

static void direction_marks_never_get_out(void **state)
{
    (void)state;
    expect_put("a\xe2\x80\xaetxt.exe", 40, "a\xef\xbf\xbdtxt.exe");
    expect_put("\xe2\x81\xa6x", 40, "\xef\xbf\xbdx");
}

static void blanks_stand_for_tabs_and_line_feeds(void **state)
{
    (void)state;
    expect_put("a\tb\nc", 40, "a b c");
}

static void a_clipped_text_ends_with_the_cut_sign(void **state)
{
    (void)state;
    expect_put("payments", 8, "payments");
    expect_put("payments", 7, "paymen…");
    expect_put("payments", 1, "…");
    expect_put("payments", 0, "");
    expect_put("", 0, "");
}

static void wide_characters_count_two_columns(void **state)
{
    (void)state;
    expect_put("注文サービス", 12, "注文サービス");
    expect_put("注文サービス", 11, "注文サービ…");
    expect_put("注文サービス", 10, "注文サー…"); /* never half a character */
    expect_put("cafe\xcc\x81", 4, "cafe\xcc\x81");
}

static void a_terminal_without_utf8_gets_ascii_only(void **state)
{
    (void)state;
    fl_buf out;
    fl_screen screen = fixture_screen(&out, 80);
    screen.utf8 = false;
    fl_screen_add(&screen, FL_STYLE_PLAIN, FL_S("zoë 李\x1b"));
    for (int glyph = 0; glyph < FL_GLYPH_COUNT; glyph++) {
        fl_screen_add_glyph(&screen, FL_STYLE_PLAIN, (fl_glyph)glyph);
    }
    for (size_t i = 0; i < out.n; i++) {
        assert_in_range(out.p[i], 0x20, 0x7e);
    }
    assert_true(fl_str_starts(fl_buf_str(&out), FL_S("zo? ??")));
    fl_buf_fini(&out);
}

static void drawing_characters_are_as_wide_in_ascii(void **state)
{
    (void)state;
    fl_buf out;
    fl_screen screen = fixture_screen(&out, 80), ascii = screen;
    ascii.utf8 = false;
    for (int glyph = 0; glyph < FL_GLYPH_COUNT; glyph++) {
        assert_int_equal(fl_screen_columns(&screen, fl_screen_glyph(&screen, (fl_glyph)glyph)),
                         fl_screen_columns(&ascii, fl_screen_glyph(&ascii, (fl_glyph)glyph)));
    }
    fl_buf_fini(&out);
}

static void colour_is_reset_before_each_line_ends(void **state)
{
    (void)state;
    fl_buf out;
    fl_screen screen = fixture_screen(&out, 80);
    screen.color = true;
    fl_screen_add(&screen, FL_STYLE_FAULT, FL_S("a"));
    fl_screen_add(&screen, FL_STYLE_FAULT, FL_S("b"));
    fl_screen_pad_to(&screen, 4);
    fl_screen_add(&screen, FL_STYLE_BOLD, FL_S("c"));
    fl_screen_newline(&screen);
    fl_screen_newline(&screen);
    assert_str(fl_buf_str(&out), "\x1b[0;31mab\x1b[0m  \x1b[0;1mc\x1b[0m\n\n");
    fl_buf_fini(&out);
}

static void padding_stops_at_what_is_passed(void **state)
{
    (void)state;
    fl_buf out;
    fl_screen screen = fixture_screen(&out, 80);
    fl_screen_add(&screen, FL_STYLE_PLAIN, FL_S("abc"));
    fl_screen_pad_to(&screen, 2);
    fl_screen_pad_to(&screen, 3);
    assert_str(fl_buf_str(&out), "abc");
    fl_buf_fini(&out);
}

static void expect_wrap(const char *text, unsigned columns, const char *joined)
{
    fl_buf unused, lines;
    fl_screen screen = fixture_screen(&unused, 80);
    fl_buf_init(&lines, 4096);
    fl_str rest = fl_str_of(text);
    for (int i = 0; rest.p != NULL; i++) {
        assert_true(i < 100);
        fl_buf_add_str(&lines, i > 0 ? FL_S("|") : FL_S(""));
        fl_buf_add_str(&lines, fl_screen_wrap(&screen, &rest, columns));
    }
    assert_str(fl_buf_str(&lines), joined);
    fl_buf_fini(&lines);
    fl_buf_fini(&unused);
}

static void text_wraps_at_blanks_if_it_can(void **state)
{
    (void)state;
    expect_wrap("", 10, "");
    expect_wrap("one two three", 13, "one two three");
    expect_wrap("one two three", 12, "one two|three");
    expect_wrap("one two three", 7, "one two|three");
    expect_wrap("abcdefghij", 4, "abcd|efgh|ij");
    expect_wrap("a bcdefghij", 4, "a|bcde|fghi|j");
    expect_wrap("注文注文", 5, "注文|注文");
    expect_wrap("注文", 1, "注|文"); /* wider than the room: one by one, and it ends */
}

static void text_wraps_at_line_feeds_always(void **state)
{
    (void)state;
    expect_wrap("a\nb", 10, "a|b");
    expect_wrap("a\n\nb\n", 10, "a||b|");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escape_sequences_never_get_out),
        cmocka_unit_test(direction_marks_never_get_out),
        cmocka_unit_test(blanks_stand_for_tabs_and_line_feeds),
        cmocka_unit_test(a_clipped_text_ends_with_the_cut_sign),
        cmocka_unit_test(wide_characters_count_two_columns),
        cmocka_unit_test(a_terminal_without_utf8_gets_ascii_only),
        cmocka_unit_test(drawing_characters_are_as_wide_in_ascii),
        cmocka_unit_test(colour_is_reset_before_each_line_ends),
        cmocka_unit_test(padding_stops_at_what_is_passed),
        cmocka_unit_test(text_wraps_at_blanks_if_it_can),
        cmocka_unit_test(text_wraps_at_line_feeds_always),
    };
    return cmocka_run_group_tests(tests, fixture_setup, NULL);
}
