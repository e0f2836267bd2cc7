#include "support/test.h"
#include "trace/name_int.h"

static const char *flaw_in(fl_str name, fl_profile profile)
{
    return fl_name_flaw(name, profile, 200);
}

static void assert_taken(fl_str name, bool by_aws, bool by_open)
{
    assert_int_equal(flaw_in(name, FL_PROFILE_AWS) == NULL, by_aws);
    assert_int_equal(flaw_in(name, FL_PROFILE_OPEN) == NULL, by_open);
}

/* The alphabet as the guide prints it, one ASCII character at a time. */
static void aws_takes_letters_digits_blank_and_twelve_signs(void **state)
{
    (void)state;
    static const char signs[] = " _.:/%&#=+-@\\";
    for (int c = 0; c < 128; c++) {
        char text[1] = {(char)c};
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        bool taken = letter || (c != 0 && strchr(signs, c) != NULL);
        assert_taken((fl_str){text, 1}, taken, c >= 0x20 && c != 0x7F);
    }
}

static void aws_takes_letters_numbers_and_separators_of_any_script(void **state)
{
    (void)state;
    assert_taken(FL_S("Bestell\xC3\xBC"
                      "bersicht"),
                 true, true);                                   /* ü */
    assert_taken(FL_S("\xE6\xB3\xA8\xE6\x96\x87"), true, true); /* 注文 */
    assert_taken(FL_S("\xD9\xA3"), true, true);                 /* Arabic digit three */
    assert_taken(FL_S("\xE2\x85\xAB"), true, true);             /* Roman numeral twelve */
    assert_taken(FL_S("a\xC2\xA0z"), true, true);               /* no-break space */
    assert_taken(FL_S("a\xE3\x80\x80z"), true, true);           /* ideographic space */
    assert_taken(FL_S("\xF0\x90\x90\x80"), true, true);  /* U+10400, a letter beyond the BMP */
    assert_taken(FL_S("e\xCC\x81"), false, true);        /* combining acute accent */
    assert_taken(FL_S("\xF0\x9F\x98\x80"), false, true); /* U+1F600 */
    assert_taken(FL_S("\xE2\x82\xAC"), false, true);     /* euro sign */
    assert_taken(FL_S("\xEF\xBF\xBD"), false, true);     /* U+FFFD */
}

static void control_characters_are_refused_in_both(void **state)
{
    (void)state;
    assert_taken(FL_S("a\nb"), false, false);
    assert_taken(FL_S("a\x7F"), false, false);
    assert_taken(FL_S("a\xC2\x80"), false, false); /* U+0080 */
    assert_taken(FL_S("a\xC2\x9F"), false, false); /* U+009F */
    assert_taken(FL_S("\xC3\xBC\n"), false, false);
}

static void absent_and_empty_names_are_refused_in_both(void **state)
{
    (void)state;
    assert_taken((fl_str){0}, false, false);
    assert_taken(FL_S(""), false, false);
    assert_taken(FL_S(" "), true, true);
}

static void length_is_counted_in_characters(void **state)
{
    (void)state;
    char text[402];
    for (size_t i = 0; i < sizeof text; i += 2) {
        memcpy(text + i, "\xC3\xBC", 2);
    }
    assert_taken((fl_str){text, 400}, true, true);
    assert_taken((fl_str){text, 402}, false, false);
    memset(text, 'x', sizeof text);
    assert_taken((fl_str){text, 200}, true, true);
    assert_taken((fl_str){text, 201}, false, false);
}

/* Borders of the table, and samples that a gap in it would hide. */
static void the_unicode_table_knows_its_borders(void **state)
{
    (void)state;
    assert_true(fl_name_char_in_unicode(0xA0));
    assert_false(fl_name_char_in_unicode(0xA1));
    assert_true(fl_name_char_in_unicode(0xAA));
    assert_true(fl_name_char_in_unicode(0xC0));
    assert_false(fl_name_char_in_unicode(0xD7));
    assert_true(fl_name_char_in_unicode(0x2028));
    assert_true(fl_name_char_in_unicode(0xAC00));
    assert_false(fl_name_char_in_unicode(0xE000));
    assert_true(fl_name_char_in_unicode(0x3134A));
    assert_false(fl_name_char_in_unicode(0x10FFFF));
    assert_false(fl_name_char_in_unicode(-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aws_takes_letters_digits_blank_and_twelve_signs),
        cmocka_unit_test(aws_takes_letters_numbers_and_separators_of_any_script),
        cmocka_unit_test(control_characters_are_refused_in_both),
        cmocka_unit_test(absent_and_empty_names_are_refused_in_both),
        cmocka_unit_test(length_is_counted_in_characters),
        cmocka_unit_test(the_unicode_table_knows_its_borders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
