#include "support/test.h"

/* The characters of a text: -1 for an invalid sequence, as they come. */
static size_t decode(fl_str text, int32_t *out, size_t max)
{
    size_t at = 0;
    size_t n = 0;
    for (int32_t code; (code = fl_utf8_next(text, &at)) != -2;) {
        assert_true(n < max);
        out[n++] = code;
    }
    assert_int_equal(at, text.n);
    return n;
}

static void assert_codes(fl_str text, const int32_t *expected, size_t count)
{
    int32_t codes[16];
    assert_int_equal(decode(text, codes, 16), count);
    assert_memory_equal(codes, expected, count * sizeof *codes);
    assert_int_equal(fl_utf8_length(text), count);
}

#define ASSERT_CODES(text, ...)                                                                    \
    assert_codes(FL_S(text), (const int32_t[]){__VA_ARGS__},                                       \
                 sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

static void the_first_and_last_character_of_each_length_decode(void **state)
{
    (void)state;
    ASSERT_CODES("\0\x7F", 0, 0x7F);
    ASSERT_CODES("\xC2\x80\xDF\xBF", 0x80, 0x7FF);
    ASSERT_CODES("\xE0\xA0\x80\xED\x9F\xBF", 0x800, 0xD7FF);
    ASSERT_CODES("\xEE\x80\x80\xEF\xBF\xBF", 0xE000, 0xFFFF);
    ASSERT_CODES("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", 0x10000, 0x10FFFF);
}

static void overlong_surrogate_and_out_of_range_forms_are_invalid(void **state)
{
    (void)state;
    ASSERT_CODES("\xC0\x80", -1, -1);
    ASSERT_CODES("\xC1\xBF", -1, -1);
    ASSERT_CODES("\xE0\x9F\xBF", -1, -1, -1);
    ASSERT_CODES("\xED\xA0\x80", -1, -1, -1);
    ASSERT_CODES("\xF0\x8F\xBF\xBF", -1, -1, -1, -1);
    ASSERT_CODES("\xF4\x90\x80\x80", -1, -1, -1, -1);
    ASSERT_CODES("\xF5\x80", -1, -1);
    ASSERT_CODES("\xFF\x80", -1, -1);
    ASSERT_CODES("\x80", -1);
}

static void a_cut_sequence_is_one_invalid_subpart(void **state)
{
    (void)state;
    ASSERT_CODES("\xE2\x82", -1);
    ASSERT_CODES("\xF0\x9F\x98", -1);
    ASSERT_CODES("\xF0\x9F\x98z", -1, 'z');
    ASSERT_CODES("\xE2\x82\xE2\x82\xAC", -1, 0x20AC);
    ASSERT_CODES("\xC3(", -1, '(');
}

static void only_text_without_invalid_sequences_is_valid(void **state)
{
    (void)state;
    assert_true(fl_utf8_valid(FL_S("")));
    assert_true(fl_utf8_valid((fl_str){0}));
    assert_true(fl_utf8_valid(FL_S("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80")));
    assert_false(fl_utf8_valid(FL_S("a\xC3")));
    assert_false(fl_utf8_valid(FL_S("\xA9z")));
}

static void clip_ends_between_characters(void **state)
{
    fl_str text = FL_S("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
    static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
    (void)state;
    for (size_t max = 0; max <= text.n; max++) {
        assert_int_equal(fl_str_clip(text, max).n, expected[max]);
    }
    assert_int_equal(fl_str_clip(text, 100).n, text.n);
    assert_int_equal(fl_str_clip((fl_str){0}, 5).n, 0);
}

static void clip_of_what_is_no_text_still_ends_at_the_maximum(void **state)
{
    (void)state;
    assert_int_equal(fl_str_clip(FL_S("\x80\x80\x80\x80\x80\x80\x80\x80"), 6).n, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_and_last_character_of_each_length_decode),
        cmocka_unit_test(overlong_surrogate_and_out_of_range_forms_are_invalid),
        cmocka_unit_test(a_cut_sequence_is_one_invalid_subpart),
        cmocka_unit_test(only_text_without_invalid_sequences_is_valid),
        cmocka_unit_test(clip_ends_between_characters),
        cmocka_unit_test(clip_of_what_is_no_text_still_ends_at_the_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
