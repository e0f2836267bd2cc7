#include "base/clock.h"

#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * FL_NS_PER_S + now.tv_nsec;
}

static int64_t system_wall_ns(const fl_clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_REALTIME);
}

static int64_t system_mono_ns(const fl_clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_MONOTONIC);
}

const fl_clock *fl_clock_system(void)
{
    static const fl_clock clock = {.wall_ns = system_wall_ns, .mono_ns = system_mono_ns};
    return &clock;
}

_Static_assert(offsetof(fl_clock_manual, clock) == 0, "a manual clock begins with its clock");

static int64_t manual_wall_ns(const fl_clock *clock)
{
    const fl_clock_manual *manual = (const fl_clock_manual *)clock;
    return atomic_load(&manual->wall);
}

static int64_t manual_mono_ns(const fl_clock *clock)
{
    const fl_clock_manual *manual = (const fl_clock_manual *)clock;
    return atomic_load(&manual->mono);
}

void fl_clock_manual_init(fl_clock_manual *manual, int64_t wall_ns, int64_t mono_ns)
{
    manual->clock = (fl_clock){.wall_ns = manual_wall_ns, .mono_ns = manual_mono_ns};
    atomic_init(&manual->wall, wall_ns);
    atomic_init(&manual->mono, mono_ns);
}
