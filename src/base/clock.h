/*
 * Time comes from a clock that is passed in. All times are int64 nanoseconds, since the epoch for
 * the wall clock, since an arbitrary start for the monotonic one.
 */
#ifndef FL_BASE_CLOCK_H
#define FL_BASE_CLOCK_H

#include <stdint.h>

#define FL_NS_PER_S  INT64_C(1000000000)
#define FL_NS_PER_MS INT64_C(1000000)
#define FL_NS_PER_US INT64_C(1000)

typedef struct fl_clock fl_clock;
struct fl_clock {
    int64_t (*wall_ns)(const fl_clock *clock);
    int64_t (*mono_ns)(const fl_clock *clock);
};

/* The system's clocks; static, thread-safe. */
const fl_clock *fl_clock_system(void);

/* A clock that a test sets: wall and mono start at the given times and move only by hand. The
 * fields may be read and written from several threads. */
typedef struct fl_clock_manual {
    fl_clock clock; /* pass &manual.clock */
    _Atomic int64_t wall, mono;
} fl_clock_manual;
void fl_clock_manual_init(fl_clock_manual *manual, int64_t wall_ns, int64_t mono_ns);

static inline int64_t fl_clock_wall(const fl_clock *clock)
{
    return clock->wall_ns(clock);
}
static inline int64_t fl_clock_mono(const fl_clock *clock)
{
    return clock->mono_ns(clock);
}

#endif
