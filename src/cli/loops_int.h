/*
 * Loops in a sequence: a short row of symbols that comes again and again. Pure.
 */
#ifndef FL_CLI_LOOPS_INT_H
#define FL_CLI_LOOPS_INT_H

#include <stddef.h>
#include <stdint.h>

#define FL_LOOP_PERIOD_MAX  6
#define FL_LOOP_REPEATS_MIN 3

typedef struct fl_loop {
    size_t begin, period, repeats; /* the symbols from begin on, period * repeats of them */
} fl_loop;

/*
 * From left to right, and behind a loop once it is found: at the first place where a row of up to
 * FL_LOOP_PERIOD_MAX symbols stands FL_LOOP_REPEATS_MIN times or more, the loop that covers most
 * symbols, of several the one with the shortest period. Time grows with count alone. out has room
 * for count / FL_LOOP_REPEATS_MIN. Returns their number.
 */
size_t fl_loops_find(const uint32_t *symbols, size_t count, fl_loop *out);

#endif
