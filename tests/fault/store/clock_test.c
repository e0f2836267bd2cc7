/*
 * A wall clock that jumps: nothing is lost for it, nothing stays behind for it. Random jumps among
 * random faults are in schedule_test.c.
 */
#include <stdlib.h>
#include <unistd.h>

#include "support/fault_fs.h"
#include "support/store_rig.h"

#define DIR         "/data"
#define TRACES      20
#define HOUR_NS     (3600 * FL_NS_PER_S)
#define DAY_NS      (24 * HOUR_NS)
#define WAIT_MS_MAX 5000
#define LOOKS_MS    100 /* the keeper and all shards look round several times */

typedef struct clock_rig {
    store_rig rig;
    fault_fs *fs;
} clock_rig;

static int set_up(void **state)
{
    clock_rig *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return -1;
    }
    c->fs = fault_fs_new();
    rig_init(&c->rig, 2, DIR, fault_fs_calls(c->fs));
    *state = c;
    return 0;
}

static int tear_down(void **state)
{
    clock_rig *c = *state;
    rig_fini(&c->rig);
    fault_fs_free(c->fs);
    free(c);
    return 0;
}

static void put_traces(clock_rig *c, uint64_t from, uint64_t to)
{
    for (uint64_t trace = from; trace < to; trace++) {
        fl_err err;
        fl_segment segment = rig_segment(trace, trace + 1, 0);
        assert_ok(rig_put(&c->rig, &segment, &err), &err);
    }
}

static void settle(clock_rig *c)
{
    fl_err err;
    assert_ok(fl_store_local_settle(c->rig.store, &err), &err);
}

static size_t count_traces(clock_rig *c)
{
    size_t count = 0;
    for (uint64_t trace = 0; trace < TRACES; trace++) {
        count += rig_count(&c->rig, rig_trace_id(trace)) != 0;
    }
    return count;
}

static void jump(clock_rig *c, int64_t by_ns)
{
    atomic_fetch_add(&c->rig.clock.wall, by_ns);
}

static uint64_t live_segments(clock_rig *c)
{
    return fl_counter_get(&fl_store_stats_get(c->rig.store)->live_segments);
}

static void wait_until_settled(clock_rig *c)
{
    for (int ms = 0; live_segments(c) != 0 && ms < WAIT_MS_MAX; ms++) {
        usleep(1000);
    }
    assert_int_equal(live_segments(c), 0);
}

static void live_traces_settle_though_the_clock_went_back(void **state)
{
    clock_rig *c = *state;
    rig_open(&c->rig);
    put_traces(c, 0, TRACES / 2);
    usleep(LOOKS_MS * 1000);
    assert_int_equal(live_segments(c), TRACES / 2); /* they are young */
    jump(c, -HOUR_NS);
    put_traces(c, TRACES / 2, TRACES);
    rig_pass(&c->rig, 31 * FL_NS_PER_S);
    wait_until_settled(c);
    assert_int_equal(count_traces(c), TRACES);
}

static void a_trace_of_before_the_jump_does_not_wait_for_that_time_to_come_again(void **state)
{
    clock_rig *c = *state;
    rig_open(&c->rig);
    put_traces(c, 0, TRACES);
    jump(c, -DAY_NS);
    wait_until_settled(c);
    assert_int_equal(count_traces(c), TRACES);
}

static void a_small_step_back_settles_nothing_early(void **state)
{
    clock_rig *c = *state;
    rig_open(&c->rig);
    put_traces(c, 0, TRACES);
    jump(c, -FL_NS_PER_S);
    usleep(LOOKS_MS * 1000);
    assert_int_equal(live_segments(c), TRACES);
}

static void a_jump_forth_and_back_within_the_retention_loses_nothing(void **state)
{
    clock_rig *c = *state;
    c->rig.config.retention_ns = 3 * DAY_NS;
    c->rig.options.merge_parts = 2;
    rig_open(&c->rig);
    for (uint64_t trace = 0; trace < TRACES; trace++) {
        put_traces(c, trace, trace + 1);
        jump(c, trace % 2 == 0 ? DAY_NS : -DAY_NS);
        if (trace % 5 == 4) {
            settle(c);
        }
    }
    assert_int_equal(count_traces(c), TRACES);
    rig_close(&c->rig);
    jump(c, -HOUR_NS);
    rig_open(&c->rig);
    assert_int_equal(count_traces(c), TRACES);
}

/* Its live row alone would have expired, but what settled came later, by the clock of that time. */
static void a_trace_that_settled_before_the_clock_went_back_keeps_what_came_after(void **state)
{
    clock_rig *c = *state;
    fl_err err;
    c->rig.config.retention_ns = 1000 * FL_NS_PER_S;
    c->rig.options.settle_idle_ns = c->rig.options.settle_age_ns = 10 * DAY_NS;
    rig_open(&c->rig);
    put_traces(c, 0, 1);
    settle(c);
    jump(c, -DAY_NS);
    fl_segment segment = rig_segment(0, 2, -2 * DAY_NS / FL_NS_PER_S);
    assert_ok(rig_put(&c->rig, &segment, &err), &err);
    rig_pass(&c->rig, 2 * HOUR_NS);
    segment.id = 3;
    assert_ok(rig_put(&c->rig, &segment, &err), &err);
    assert_int_equal(rig_count(&c->rig, rig_trace_id(0)), 3);
    rig_close(&c->rig);
    rig_open(&c->rig);
    assert_int_equal(rig_count(&c->rig, rig_trace_id(0)), 3);
}

/* What has expired by a clock that is wrong for a while is hidden for so long, not removed. */
static void a_clock_that_is_wrong_for_a_while_removes_nothing(void **state)
{
    clock_rig *c = *state;
    c->rig.config.retention_ns = DAY_NS;
    rig_open(&c->rig);
    put_traces(c, 0, TRACES / 2);
    settle(c);
    put_traces(c, TRACES / 2, TRACES); /* these are live */
    jump(c, 3650 * DAY_NS);
    assert_int_equal(count_traces(c), 0);
    rig_pass(&c->rig, 600 * FL_NS_PER_S);
    usleep(LOOKS_MS * 1000);
    settle(c);
    jump(c, -3650 * DAY_NS);
    assert_int_equal(count_traces(c), TRACES);
    rig_pass(&c->rig, 2 * DAY_NS);
    assert_int_equal(count_traces(c), 0);
}

static void a_clock_that_stays_ahead_is_believed(void **state)
{
    clock_rig *c = *state;
    c->rig.config.retention_ns = DAY_NS;
    rig_open(&c->rig);
    put_traces(c, 0, TRACES);
    settle(c);
    jump(c, 30 * DAY_NS);
    const fl_store_stats *stats = fl_store_stats_get(c->rig.store);
    usleep(LOOKS_MS * 1000);
    assert_int_not_equal(fl_counter_get(&stats->parts), 0);
    rig_pass(&c->rig, 2 * HOUR_NS);
    for (int ms = 0; fl_counter_get(&stats->parts) != 0 && ms < WAIT_MS_MAX; ms++) {
        usleep(1000);
    }
    assert_int_equal(fl_counter_get(&stats->parts), 0);
    assert_int_equal(fl_counter_get(&stats->expired_age_total), TRACES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(live_traces_settle_though_the_clock_went_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_trace_of_before_the_jump_does_not_wait_for_that_time_to_come_again, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(a_small_step_back_settles_nothing_early, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_jump_forth_and_back_within_the_retention_loses_nothing,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_trace_that_settled_before_the_clock_went_back_keeps_what_came_after, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(a_clock_that_is_wrong_for_a_while_removes_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_clock_that_stays_ahead_is_believed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
