#include "support/test.h"

static void equality_looks_at_length_and_bytes(void **state)
{
    (void)state;
    assert_true(fl_str_eq(FL_S("abc"), FL_S("abc")));
    assert_false(fl_str_eq(FL_S("abc"), FL_S("abd")));
    assert_false(fl_str_eq(FL_S("abc"), FL_S("ab")));
    assert_true(fl_str_eq(FL_S(""), (fl_str){0}));
    assert_true(fl_str_eq(FL_S("a\0b"), FL_S("a\0b")));
    assert_false(fl_str_eq(FL_S("a\0b"), FL_S("a\0c")));
}

static void the_string_of_null_is_absent(void **state)
{
    (void)state;
    assert_null(fl_str_of(NULL).p);
    assert_int_equal(fl_str_of(NULL).n, 0);
    assert_int_equal(fl_str_of("four").n, 4);
}

static void case_is_ignored_for_ascii_letters_only(void **state)
{
    (void)state;
    assert_true(fl_str_eq_nocase(FL_S("Content-TYPE"), FL_S("content-type")));
    assert_false(fl_str_eq_nocase(FL_S("a"), FL_S("ab")));
    assert_false(fl_str_eq_nocase(FL_S("@"), FL_S("`")));
    assert_false(fl_str_eq_nocase(FL_S("["), FL_S("{")));
    assert_false(fl_str_eq_nocase(FL_S("\xC3\x84"), FL_S("\xC3\xA4")));
}

static void a_string_starts_with_itself_and_the_empty_one(void **state)
{
    (void)state;
    assert_true(fl_str_starts(FL_S("abc"), FL_S("")));
    assert_true(fl_str_starts(FL_S("abc"), FL_S("abc")));
    assert_false(fl_str_starts(FL_S("abc"), FL_S("abcd")));
    assert_false(fl_str_starts(FL_S("abc"), FL_S("b")));
    assert_true(fl_str_starts((fl_str){0}, FL_S("")));
}

static void order_is_bytewise_then_by_length(void **state)
{
    (void)state;
    assert_int_equal(fl_str_cmp(FL_S("a"), FL_S("b")), -1);
    assert_int_equal(fl_str_cmp(FL_S("\xFF"), FL_S("a")), 1);
    assert_int_equal(fl_str_cmp(FL_S("a"), FL_S("ab")), -1);
    assert_int_equal(fl_str_cmp(FL_S("ab"), FL_S("a")), 1);
    assert_int_equal(fl_str_cmp(FL_S("ab"), FL_S("ab")), 0);
    assert_int_equal(fl_str_cmp((fl_str){0}, FL_S("")), 0);
}

static void trim_takes_blanks_at_both_ends(void **state)
{
    (void)state;
    assert_str(fl_str_trim(FL_S(" \t\r\nx y\n ")), "x y");
    assert_str(fl_str_trim(FL_S(" \n")), "");
    assert_str(fl_str_trim(FL_S("")), "");
    assert_str(fl_str_trim(FL_S("x")), "x");
}

static void cut_splits_at_the_first_separator(void **state)
{
    fl_str rest = FL_S("a;;b");
    (void)state;
    assert_str(fl_str_cut(&rest, ';'), "a");
    assert_str(rest, ";b");
    assert_str(fl_str_cut(&rest, ';'), "");
    assert_str(fl_str_cut(&rest, ';'), "b");
    assert_null(rest.p);
    rest = FL_S("a;");
    assert_str(fl_str_cut(&rest, ';'), "a");
    assert_non_null(rest.p);
    assert_int_equal(rest.n, 0);
    rest = (fl_str){0};
    assert_null(fl_str_cut(&rest, ';').p);
}

static void copies_are_in_the_arena(void **state)
{
    fl_arena arena;
    (void)state;
    fl_arena_init(&arena, 4096);
    assert_str(fl_str_dup(&arena, FL_S("abc")), "abc");
    assert_str(fl_str_dup(&arena, FL_S("")), "");
    assert_non_null(fl_str_dup(&arena, (fl_str){0}).p);
    char *text = fl_str_zdup(&arena, (fl_str){"abcd", 3});
    assert_string_equal(text, "abc");
    assert_string_equal(fl_str_zdup(&arena, (fl_str){0}), "");
    arena.fail_at = 1;
    assert_null(fl_str_dup(&arena, FL_S("abc")).p);
    arena.fail_at = 1;
    assert_null(fl_str_zdup(&arena, FL_S("abc")));
    fl_arena_fini(&arena);
}

static void unsigned_numbers_are_digits_that_fit(void **state)
{
    uint64_t value = 1;
    (void)state;
    assert_true(fl_str_to_u64(FL_S("0"), &value));
    assert_int_equal(value, 0);
    assert_true(fl_str_to_u64(FL_S("18446744073709551615"), &value));
    assert_int_equal(value, UINT64_MAX);
    assert_true(fl_str_to_u64(FL_S("007"), &value));
    assert_int_equal(value, 7);
    static const char *const bad[] = {
        "", "18446744073709551616", "-1", "+1", " 1", "1 ", "0x10", "1.", "a"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(fl_str_to_u64(fl_str_of(bad[i]), &value));
    }
    assert_false(fl_str_to_u64(FL_S("1\0"), &value));
    assert_int_equal(value, 7);
}

static void signed_numbers_reach_both_ends(void **state)
{
    int64_t value = 0;
    (void)state;
    assert_true(fl_str_to_i64(FL_S("9223372036854775807"), &value));
    assert_true(value == INT64_MAX);
    assert_true(fl_str_to_i64(FL_S("-9223372036854775808"), &value));
    assert_true(value == INT64_MIN);
    assert_true(fl_str_to_i64(FL_S("-0"), &value));
    assert_true(value == 0);
    static const char *const bad[] = {"", "-", "--1", "9223372036854775808",
                                      "-9223372036854775809"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(fl_str_to_i64(fl_str_of(bad[i]), &value));
    }
}

static void sizes_take_binary_suffixes(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        {"1048576", 1048576},
        {"0", 0},
        {"64k", 65536},
        {"64K", 65536},
        {"64kB", 65536},
        {"256MiB", UINT64_C(256) << 20},
        {"50GB", UINT64_C(50) << 30},
        {"2Ti", UINT64_C(2) << 40},
        {"16777215T", UINT64_C(16777215) << 40},
    };
    static const char *const bad[] = {"",    "k",         "1kk",  "1x",   "1 k",
                                      "-1k", "16777216T", "1.5G", "1MiBs"};
    uint64_t bytes;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(fl_str_to_bytes(fl_str_of(good[i].text), &bytes));
        assert_int_equal(bytes, good[i].bytes);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(fl_str_to_bytes(fl_str_of(bad[i]), &bytes));
    }
}

static void durations_take_units_and_are_seconds_without(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {
        {"10", 10 * FL_NS_PER_S},
        {"10s", 10 * FL_NS_PER_S},
        {"250ms", 250 * FL_NS_PER_MS},
        {"5m", 300 * FL_NS_PER_S},
        {"12h", 43200 * FL_NS_PER_S},
        {"30d", 30 * 86400 * FL_NS_PER_S},
        {"0", 0},
        {"9223372036s", INT64_C(9223372036) * FL_NS_PER_S},
    };
    static const char *const bad[] = {"",   "s",           "-1s", "1.5s",   "1 s",
                                      "1w", "9223372037s", "1S",  "106752d"};
    int64_t ns;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(fl_str_to_duration_ns(fl_str_of(good[i].text), &ns));
        assert_true(ns == good[i].ns);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(fl_str_to_duration_ns(fl_str_of(bad[i]), &ns));
    }
}

static void secrets_are_equal_in_length_and_bytes(void **state)
{
    (void)state;
    assert_true(fl_str_eq_constant_time(FL_S("secret"), FL_S("secret")));
    assert_false(fl_str_eq_constant_time(FL_S("secret"), FL_S("secreT")));
    assert_false(fl_str_eq_constant_time(FL_S("secret"), FL_S("Xecret")));
    assert_false(fl_str_eq_constant_time(FL_S("secret"), FL_S("secre")));
    assert_true(fl_str_eq_constant_time(FL_S(""), (fl_str){0}));
}

static void the_hash_depends_on_bytes_length_and_seed(void **state)
{
    (void)state;
    uint64_t hash = fl_hash64("abc", 3, 1);
    assert_int_equal(hash, fl_hash64("abcd", 3, 1));
    assert_int_not_equal(hash, fl_hash64("abc", 3, 2));
    assert_int_not_equal(hash, fl_hash64("abd", 3, 1));
    assert_int_not_equal(hash, fl_hash64("ab", 2, 1));
    assert_int_equal(fl_hash64(NULL, 0, 1), fl_hash64("", 0, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equality_looks_at_length_and_bytes),
        cmocka_unit_test(the_string_of_null_is_absent),
        cmocka_unit_test(case_is_ignored_for_ascii_letters_only),
        cmocka_unit_test(a_string_starts_with_itself_and_the_empty_one),
        cmocka_unit_test(order_is_bytewise_then_by_length),
        cmocka_unit_test(trim_takes_blanks_at_both_ends),
        cmocka_unit_test(cut_splits_at_the_first_separator),
        cmocka_unit_test(copies_are_in_the_arena),
        cmocka_unit_test(unsigned_numbers_are_digits_that_fit),
        cmocka_unit_test(signed_numbers_reach_both_ends),
        cmocka_unit_test(sizes_take_binary_suffixes),
        cmocka_unit_test(durations_take_units_and_are_seconds_without),
        cmocka_unit_test(secrets_are_equal_in_length_and_bytes),
        cmocka_unit_test(the_hash_depends_on_bytes_length_and_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
