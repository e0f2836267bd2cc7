#include "support/test.h"

static void the_system_clock_goes_forward_from_this_century(void **state)
{
    const fl_clock *clock = fl_clock_system();
    (void)state;
    int64_t before = fl_clock_mono(clock);
    assert_true(fl_clock_mono(clock) >= before);
    assert_true(fl_clock_wall(clock) > INT64_C(1700000000) * FL_NS_PER_S);
}

static void a_manual_clock_moves_only_by_hand(void **state)
{
    fl_clock_manual manual;
    (void)state;
    fl_clock_manual_init(&manual, 1000, -5);
    assert_true(fl_clock_wall(&manual.clock) == 1000);
    assert_true(fl_clock_mono(&manual.clock) == -5);
    manual.wall += FL_NS_PER_S;
    manual.mono += FL_NS_PER_MS;
    assert_true(fl_clock_wall(&manual.clock) == 1000 + FL_NS_PER_S);
    assert_true(fl_clock_mono(&manual.clock) == FL_NS_PER_MS - 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_system_clock_goes_forward_from_this_century),
        cmocka_unit_test(a_manual_clock_moves_only_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
