/* Redaction (spec §3.13). */
#include "bedrock/redact.h"
#include "support/test.h"

/* The text with the matches of each pattern (up to a NULL) replaced. */
static void assert_redacted(const char *const *patterns, const char *text, const char *expected)
{
    fl_bedrock_redaction *redaction;
    fl_err err = {0};
    fl_buf out;
    fl_buf_init(&out, (size_t)1 << 20);
    assert_ok(fl_bedrock_redaction_new(&redaction, &err), &err);
    for (; *patterns != NULL; patterns++) {
        assert_ok(fl_bedrock_redaction_add(redaction, fl_str_of(*patterns), &err), &err);
    }
    assert_int_equal(fl_bedrock_redact(redaction, fl_str_of(text), &out),
                     strcmp(text, expected) != 0);
    assert_int_equal(out.status, FL_OK);
    assert_str(fl_buf_str(&out), expected);
    fl_buf_fini(&out);
    fl_bedrock_redaction_free(redaction);
}

#define ONE(pattern) ((const char *const[]){pattern, NULL})

static void email_addresses_go_whole(void **state)
{
    (void)state;
    assert_redacted(ONE("email"), "to jane.doe+x@mail.example.com, now", "to [redacted], now");
    assert_redacted(ONE("email"), "a@b.co b@c.de.", "[redacted] [redacted].");
    assert_redacted(ONE("email"), "jürgen@example.org", "[redacted]");
    assert_redacted(ONE("email"), "a@b @ @c.de a@ a@b.c x@1.2", "a@b @ @c.de a@ a@b.c x@1.2");
    assert_redacted(ONE("email"), "a@b.com1", "[redacted]1");
    assert_redacted(ONE("email"), "a@b.com.1", "[redacted].1");
    assert_redacted(ONE("email"), "a@b@c.de", "a@[redacted]");
    assert_redacted(ONE("email"), "", "");
}

static void access_key_ids_go_and_words_like_them_stay(void **state)
{
    (void)state;
    assert_redacted(ONE("aws-key"), "id=AKIAIOSFODNN7EXAMPLE;", "id=[redacted];");
    assert_redacted(ONE("aws-key"), "ASIAIOSFODNN7EXAMPLE", "[redacted]");
    assert_redacted(ONE("aws-key"), "A3TXIOSFODNN7EXAMPLE", "[redacted]");
    assert_redacted(ONE("aws-key"), "AKIAIOSFODNN7EXAMPL AKIAIOSFODNN7EXAMPLEX",
                    "AKIAIOSFODNN7EXAMPL AKIAIOSFODNN7EXAMPLEX");
    assert_redacted(ONE("aws-key"), "AKIAIOSFODNN7examplE XKIAIOSFODNN7EXAMPLE",
                    "AKIAIOSFODNN7examplE XKIAIOSFODNN7EXAMPLE");
}

static void ip_addresses_go_and_versions_stay(void **state)
{
    (void)state;
    assert_redacted(ONE("ipv4"), "from 10.0.0.1.", "from [redacted].");
    assert_redacted(ONE("ipv4"), "255.255.255.255,0.0.0.0", "[redacted],[redacted]");
    assert_redacted(ONE("ipv4"), "1.2.3.4.5 256.1.1.1 1.2.3 v1.2.3.4 1.2.3.4444",
                    "1.2.3.4.5 256.1.1.1 1.2.3 v1.2.3.4 1.2.3.4444");
    assert_redacted(ONE("ipv4"), "1.2.3.", "1.2.3.");
}

static void cards_have_a_check_digit(void **state)
{
    (void)state;
    assert_redacted(ONE("card"), "pay 4111 1111 1111 1111 now", "pay [redacted] now");
    assert_redacted(ONE("card"), "4111-1111-1111-1111", "[redacted]");
    assert_redacted(ONE("card"), "4111111111111111,378282246310005", "[redacted],[redacted]");
    assert_redacted(ONE("card"), "12 4111 1111 1111 1111", "12 [redacted]");
    assert_redacted(ONE("card"), "4111111111111112 411111111111 41111111111111111111111",
                    "4111111111111112 411111111111 41111111111111111111111");
    assert_redacted(ONE("card"), "4111  1111 1111 1111", "4111  1111 1111 1111");
    assert_redacted(ONE("card"), "4222222222222", "[redacted]");
    assert_redacted(ONE("card"), "6304000000000000000", "[redacted]");
}

static void regular_expressions_are_extended_posix_ones(void **state)
{
    (void)state;
    assert_redacted(ONE("[0-9]{4}"), "12345 678 9012", "[redacted]5 678 [redacted]");
    assert_redacted(ONE("^a"), "aab\na", "[redacted]ab\na");
    assert_redacted(ONE("(x|y)+z"), "xyxz", "[redacted]");
}

static void empty_matches_hide_nothing_and_end(void **state)
{
    (void)state;
    assert_redacted(ONE("x*"), "axxb", "a[redacted]b");
    assert_redacted(ONE("^"), "abc", "abc");
    assert_redacted(ONE("$"), "abc", "abc");
    assert_redacted(ONE("()"), "äöü", "äöü");
}

static void matches_grow_to_whole_characters(void **state)
{
    (void)state;
    assert_redacted(ONE("[^a]"), "aäa", "a[redacted]a");
    assert_redacted(ONE("\xA4"), "xäy", "x[redacted]y");
    assert_redacted(ONE("\xC3"), "xä", "x[redacted]");
}

static void each_pattern_goes_over_what_the_one_before_it_left(void **state)
{
    (void)state;
    const char *const patterns[] = {"email", "ipv4", "red(acted)", NULL};
    assert_redacted(patterns, "a@b.de 10.0.0.1 -", "[[redacted]] [[redacted]] -");
}

static void a_nul_is_a_character_like_others(void **state)
{
    (void)state;
    fl_bedrock_redaction *redaction;
    fl_buf out;
    fl_buf_init(&out, 4096);
    assert_ok(fl_bedrock_redaction_new(&redaction, NULL), NULL);
    assert_ok(fl_bedrock_redaction_add(redaction, FL_S("secret"), NULL), NULL);
    assert_true(fl_bedrock_redact(redaction, FL_S("a\0secret\0b"), &out));
    assert_int_equal(out.n, 14);
    assert_memory_equal(out.p, "a\0[redacted]\0b", 14);
    fl_buf_fini(&out);
    fl_bedrock_redaction_free(redaction);
}

static void a_result_without_room_is_an_error_and_no_text(void **state)
{
    (void)state;
    fl_bedrock_redaction *redaction;
    fl_buf out;
    fl_buf_init(&out, 15);
    assert_ok(fl_bedrock_redaction_new(&redaction, NULL), NULL);
    assert_ok(fl_bedrock_redaction_add(redaction, FL_S("[xy]"), NULL), NULL);
    assert_true(fl_bedrock_redact(redaction, FL_S("axby"), &out) || out.status != FL_OK);
    assert_int_equal(out.status, FL_E_TOO_LARGE);
    assert_int_equal(out.n, 0);
    fl_buf_fini(&out);
    fl_bedrock_redaction_free(redaction);
}

static void bad_patterns_are_refused(void **state)
{
    (void)state;
    fl_bedrock_redaction *redaction;
    char long_pattern[1026];
    memset(long_pattern, 'a', sizeof long_pattern);
    assert_ok(fl_bedrock_redaction_new(&redaction, NULL), NULL);
    fl_err err = {0};
    assert_int_equal(fl_bedrock_redaction_add(redaction, FL_S("a("), &err), FL_E_INVALID);
    assert_non_null(strstr(err.message, "pattern"));
    assert_int_equal(fl_bedrock_redaction_add(redaction, FL_S(""), NULL), FL_E_INVALID);
    assert_int_equal(fl_bedrock_redaction_add(redaction, FL_S("a\0b"), NULL), FL_E_INVALID);
    assert_int_equal(
        fl_bedrock_redaction_add(redaction, (fl_str){long_pattern, sizeof long_pattern}, NULL),
        FL_E_INVALID);
    for (int i = 0; i < 32; i++) {
        assert_ok(fl_bedrock_redaction_add(redaction, FL_S("email"), NULL), NULL);
    }
    assert_int_equal(fl_bedrock_redaction_add(redaction, FL_S("email"), NULL), FL_E_INVALID);
    fl_bedrock_redaction_free(redaction);
    fl_bedrock_redaction_free(NULL);
}

/* A word of a megabyte would take the square of its length as a regular expression. */
static void named_patterns_take_linear_time(void **state)
{
    (void)state;
    static const char *const names[] = {"email", "aws-key", "ipv4", "card"};
    static const char *const units[] = {"a", "1", "A", "1.", "@a.", "4111 ", "1-"};
    fl_buf text, out;
    fl_buf_init(&text, (size_t)8 << 20);
    fl_buf_init(&out, (size_t)64 << 20);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        fl_bedrock_redaction *redaction;
        assert_ok(fl_bedrock_redaction_new(&redaction, NULL), NULL);
        assert_ok(fl_bedrock_redaction_add(redaction, fl_str_of(names[i]), NULL), NULL);
        for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
            fl_buf_reset(&text);
            fl_buf_reset(&out);
            while (text.n < 1000000) {
                fl_buf_add_str(&text, fl_str_of(units[u]));
            }
            (void)fl_bedrock_redact(redaction, fl_buf_str(&text), &out);
            assert_int_equal(out.status, FL_OK);
        }
        fl_bedrock_redaction_free(redaction);
    }
    fl_buf_fini(&text);
    fl_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(email_addresses_go_whole),
        cmocka_unit_test(access_key_ids_go_and_words_like_them_stay),
        cmocka_unit_test(ip_addresses_go_and_versions_stay),
        cmocka_unit_test(cards_have_a_check_digit),
        cmocka_unit_test(regular_expressions_are_extended_posix_ones),
        cmocka_unit_test(empty_matches_hide_nothing_and_end),
        cmocka_unit_test(matches_grow_to_whole_characters),
        cmocka_unit_test(each_pattern_goes_over_what_the_one_before_it_left),
        cmocka_unit_test(a_nul_is_a_character_like_others),
        cmocka_unit_test(a_result_without_room_is_an_error_and_no_text),
        cmocka_unit_test(bad_patterns_are_refused),
        cmocka_unit_test(named_patterns_take_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
