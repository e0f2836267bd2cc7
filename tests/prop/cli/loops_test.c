/* Whatever the sequence: the loops are those that the rule's words say, found the slow way. */
#include "support/test.h"

#include <string.h>

#include "cli/loops_int.h"

#define SYMBOLS_MAX 60
#define ROUNDS      20000

/* Short rounds repeated, with a slip now and then: plain noise has few loops. */
static size_t make_sequence(test_random *random, uint32_t *symbols)
{
    size_t count = test_random_below(random, SYMBOLS_MAX + 1);
    uint64_t kinds = 1 + test_random_below(random, 4), period = 1 + test_random_below(random, 8);
    for (size_t i = 0; i < count; i++) {
        bool fresh = i < period || test_random_below(random, 12) == 0;
        symbols[i] = fresh ? (uint32_t)test_random_below(random, kinds) : symbols[i - period];
        if (test_random_below(random, 20) == 0) {
            period = 1 + test_random_below(random, 8);
        }
    }
    return count;
}

static size_t slow_repeats(const uint32_t *symbols, size_t count, size_t at, size_t period)
{
    size_t repeats = 0;
    while (at + (repeats + 1) * period <= count &&
           memcmp(symbols + at, symbols + at + repeats * period, period * sizeof *symbols) == 0) {
        repeats++;
    }
    return repeats;
}

static size_t slow_find(const uint32_t *symbols, size_t count, fl_loop *out)
{
    size_t found = 0;
    for (size_t at = 0; at < count;) {
        fl_loop best = {0};
        for (size_t period = FL_LOOP_PERIOD_MAX; period > 0; period--) {
            size_t repeats = slow_repeats(symbols, count, at, period);
            if (repeats >= FL_LOOP_REPEATS_MIN && repeats * period >= best.repeats * best.period) {
                best = (fl_loop){at, period, repeats};
            }
        }
        if (best.repeats > 0) {
            out[found++] = best;
        }
        at += best.repeats > 0 ? best.repeats * best.period : 1;
    }
    return found;
}

static void the_loops_are_those_of_a_slow_search(void **state)
{
    (void)state;
    test_random random = test_random_begin();
    size_t loops_seen = 0;
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t symbols[SYMBOLS_MAX];
        fl_loop fast[SYMBOLS_MAX / FL_LOOP_REPEATS_MIN], slow[SYMBOLS_MAX];
        size_t count = make_sequence(&random, symbols);
        size_t expected = slow_find(symbols, count, slow);
        assert_int_equal(fl_loops_find(symbols, count, fast), expected);
        for (size_t i = 0; i < expected; i++) {
            assert_int_equal(fast[i].begin, slow[i].begin);
            assert_int_equal(fast[i].period, slow[i].period);
            assert_int_equal(fast[i].repeats, slow[i].repeats);
        }
        loops_seen += expected;
    }
    assert_true(loops_seen > ROUNDS / 4);
}

static void a_million_symbols_take_no_square_of_time(void **state)
{
    (void)state;
    enum { COUNT = 1000000 };
    uint32_t *symbols = test_malloc(COUNT * sizeof *symbols);
    fl_loop *loops = test_malloc(COUNT / FL_LOOP_REPEATS_MIN * sizeof *loops);
    for (size_t i = 0; i < COUNT; i++) {
        symbols[i] = i % 7 == 0 && i > COUNT / 2 ? 9 : (uint32_t)(i % 5);
    }
    size_t found = fl_loops_find(symbols, COUNT, loops);
    assert_true(found >= 1);
    assert_int_equal(loops[0].period, 5);
    assert_true(loops[0].repeats >= COUNT / 2 / 5 - 1);
    test_free(loops);
    test_free(symbols);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_loops_are_those_of_a_slow_search),
        cmocka_unit_test(a_million_symbols_take_no_square_of_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
