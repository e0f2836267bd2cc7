#include "base/budget.h"
#include "support/test.h"

static void a_budget_gives_exactly_its_maximum(void **state)
{
    fl_budget budget = {.max_bytes = 100};
    (void)state;
    assert_true(fl_budget_take(&budget, 60));
    assert_false(fl_budget_take(&budget, 41));
    assert_int_equal(fl_budget_used(&budget), 60);
    assert_true(fl_budget_take(&budget, 40));
    assert_false(fl_budget_take(&budget, 1));
    assert_true(fl_budget_take(&budget, 0));
    assert_int_equal(fl_budget_used(&budget), 100);
}

static void what_is_given_back_can_be_taken_again(void **state)
{
    fl_budget budget = {.max_bytes = 100};
    (void)state;
    assert_true(fl_budget_take(&budget, 100));
    fl_budget_give(&budget, 30);
    assert_true(fl_budget_take(&budget, 30));
    assert_int_equal(fl_budget_used(&budget), 100);
}

static void a_wish_that_would_overflow_is_refused(void **state)
{
    fl_budget budget = {.max_bytes = 100};
    (void)state;
    assert_true(fl_budget_take(&budget, 50));
    assert_false(fl_budget_take(&budget, SIZE_MAX));
    assert_false(fl_budget_take(&budget, SIZE_MAX - 49));
    assert_int_equal(fl_budget_used(&budget), 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_budget_gives_exactly_its_maximum),
        cmocka_unit_test(what_is_given_back_can_be_taken_again),
        cmocka_unit_test(a_wish_that_would_overflow_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
