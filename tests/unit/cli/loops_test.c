#include "support/test.h"

#include <string.h>

#include "cli/loops_int.h"

/* "0:2x3 7:1x4": begin, period and repeats of each loop in a text of one letter a symbol. */
static void expect_loops(const char *text, const char *expected)
{
    uint32_t symbols[64];
    fl_loop loops[64];
    size_t count = strlen(text);
    fl_buf found;
    assert_true(count <= 64);
    for (size_t i = 0; i < count; i++) {
        symbols[i] = (uint32_t)text[i];
    }
    fl_buf_init(&found, 4096);
    size_t loop_count = fl_loops_find(symbols, count, loops);
    for (size_t i = 0; i < loop_count; i++) {
        fl_buf_add_str(&found, i > 0 ? FL_S(" ") : FL_S(""));
        fl_buf_add_u64(&found, loops[i].begin);
        fl_buf_add_byte(&found, ':');
        fl_buf_add_u64(&found, loops[i].period);
        fl_buf_add_byte(&found, 'x');
        fl_buf_add_u64(&found, loops[i].repeats);
    }
    assert_str(fl_buf_str(&found), expected);
    fl_buf_fini(&found);
}

static void nothing_repeats_in_nothing(void **state)
{
    (void)state;
    expect_loops("", "");
    expect_loops("a", "");
    expect_loops("abcdef", "");
}

static void two_rounds_are_no_loop(void **state)
{
    (void)state;
    expect_loops("aa", "");
    expect_loops("abab", "");
    expect_loops("abcdefabcdef", "");
}

static void three_rounds_are_one(void **state)
{
    (void)state;
    expect_loops("aaa", "0:1x3");
    expect_loops("mtmtmt", "0:2x3");
    expect_loops("abcdefabcdefabcdef", "0:6x3");
}

static void a_round_of_seven_is_too_long(void **state)
{
    (void)state;
    expect_loops("abcdefgabcdefgabcdefgabcdefg", "");
}

static void what_stands_before_and_behind_stays_out(void **state)
{
    (void)state;
    expect_loops("gmtmtmtmtmrm", "1:2x4");
}

static void something_else_between_makes_two_loops(void **state)
{
    (void)state;
    expect_loops("mtmtmtmxmtmtmtmt", "0:2x3 8:2x4");
}

static void the_longest_cover_wins_over_a_loop_inside_a_round(void **state)
{
    (void)state;
    expect_loops("aaabaaabaaab", "0:4x3");
}

static void the_shortest_period_wins_a_tie(void **state)
{
    (void)state;
    expect_loops("aaaaaaaaaaaa", "0:1x12");
    expect_loops("abababababab", "0:2x6");
}

static void loops_may_follow_each_other(void **state)
{
    (void)state;
    expect_loops("aaabbbb", "0:1x3 3:1x4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_repeats_in_nothing),
        cmocka_unit_test(two_rounds_are_no_loop),
        cmocka_unit_test(three_rounds_are_one),
        cmocka_unit_test(a_round_of_seven_is_too_long),
        cmocka_unit_test(what_stands_before_and_behind_stays_out),
        cmocka_unit_test(something_else_between_makes_two_loops),
        cmocka_unit_test(the_longest_cover_wins_over_a_loop_inside_a_round),
        cmocka_unit_test(the_shortest_period_wins_a_tie),
        cmocka_unit_test(loops_may_follow_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
