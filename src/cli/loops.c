#include "cli/loops_int.h"

/* How often the `period` symbols at `at` stand one after the other. */
static size_t repeats_at(const uint32_t *symbols, size_t count, size_t at, size_t period)
{
    size_t same = 0;
    while (at + same + period < count && symbols[at + same] == symbols[at + same + period]) {
        same++;
    }
    return same / period + 1;
}

/* Periods that lose are compared no further than a period beyond the winner, or given up within
 * FL_LOOP_REPEATS_MIN periods: each symbol is looked at a bounded number of times. */
static fl_loop loop_at(const uint32_t *symbols, size_t count, size_t at)
{
    fl_loop best = {at, 1, 1};
    for (size_t period = 1; period <= FL_LOOP_PERIOD_MAX; period++) {
        size_t repeats = repeats_at(symbols, count, at, period);
        if (repeats >= FL_LOOP_REPEATS_MIN && repeats * period > best.repeats * best.period) {
            best = (fl_loop){at, period, repeats};
        }
    }
    return best;
}

size_t fl_loops_find(const uint32_t *symbols, size_t count, fl_loop *out)
{
    size_t found = 0;
    for (size_t at = 0; at < count;) {
        fl_loop loop = loop_at(symbols, count, at);
        if (loop.repeats >= FL_LOOP_REPEATS_MIN) {
            out[found++] = loop;
        }
        at += loop.period * loop.repeats;
    }
    return found;
}
