/* What the log keeps, when it goes, and that nothing comes back out of it that was removed. */
#include <stdio.h>
#include <stdlib.h>

#include "store/tools.h"
#include "support/fault_fs.h"
#include "unit/store/store_fixture.h"

#define DIR "/data"

static uint64_t number_at(store_rig *rig, size_t offset)
{
    const char *stats = (const char *)fl_store_stats_get(rig->store);
    return fl_counter_get((const fl_counter *)(const void *)(stats + offset));
}
#define STAT(rig, member) number_at((rig), offsetof(fl_store_stats, member))

static void settle(store_rig *rig)
{
    fl_err err;
    assert_ok(fl_store_local_settle(rig->store, &err), &err);
}

static void put(store_rig *rig, const fl_segment *segment)
{
    fl_err err;
    assert_ok(rig_put(rig, segment, &err), &err);
}

static void wait_for_files(store_rig *rig, uint64_t files)
{
    for (int i = 0; i < 2000 && STAT(rig, files) != files; i++) {
        uv_sleep(5);
    }
    assert_int_equal(STAT(rig, files), files);
}

/* ---- The file that is written */

static void the_file_that_is_written_goes_when_all_in_it_has_settled(void **state)
{
    fixture *f = *state;
    rig_open(&f->rig);
    for (int round = 0; round < 3; round++) {
        for (uint64_t trace = 0; trace < 10; trace++) {
            put_segment(f, trace, (uint64_t)round + 1, 0);
        }
        assert_in_range(STAT(&f->rig, files), 1, 2);
        assert_true(STAT(&f->rig, log_bytes) > 0);
        settle(&f->rig);
        wait_for_files(&f->rig, 0); /* and none is begun while nothing comes */
        assert_int_equal(STAT(&f->rig, log_bytes), 0);
    }
    assert_int_equal(rig_count(&f->rig, rig_trace_id(7)), 3);
}

/* A segment that takes about `n` bytes wherever it is stored; at most one at a time. */
static fl_segment noisy_segment(uint64_t trace, size_t n)
{
    static char noise[4000];
    test_random random = {.state = trace + 1};
    fl_segment segment = rig_segment(trace, 1, 0);
    for (size_t at = 0; at < n; at++) {
        noise[at] = (char)('a' + test_random_below(&random, 26));
    }
    noise[0] = noise[n - 1] = '"';
    segment.metadata = (fl_str){noise, n};
    return segment;
}

/* Trace 1 settles by itself when trace 2 comes, which is live in the same file. */
static void set_for_two(store_rig *rig)
{
    rig->options.settle_bytes = 3000;
}

static void put_two(store_rig *rig)
{
    fl_segment old = noisy_segment(1, 3000);
    put(rig, &old);
    atomic_fetch_add(&rig->clock.wall, 3 * FL_NS_PER_S);
    fl_segment next = rig_segment(2, 1, 1);
    put(rig, &next);
}

static void a_live_trace_keeps_the_file_that_has_it(void **state)
{
    (void)state;
    fault_fs *fs = fault_fs_new();
    store_rig rig;
    rig_init(&rig, 1, DIR, fault_fs_calls(fs));
    set_for_two(&rig);
    rig_open(&rig);
    put_two(&rig);
    for (int i = 0; i < 2000 && STAT(&rig, part_segments) == 0; i++) {
        uv_sleep(5);
    }
    uv_sleep(50);
    assert_int_equal(STAT(&rig, part_segments), 1);
    assert_int_equal(STAT(&rig, files), 1);
    settle(&rig);
    wait_for_files(&rig, 0);
    rig_fini(&rig);
    fault_fs_free(fs);
}

/* A file system that removes no log file for as long as it is told so. */
typedef struct stubborn {
    fl_fs fs;
    fl_fs *real;
    atomic_bool refuses;
} stubborn;

static stubborn refusing;

static fl_status refuse_remove(fl_fs *fs, const char *path, fl_err *err)
{
    (void)fs;
    if (atomic_load(&refusing.refuses) && strstr(path, ".log") != NULL) {
        FL_FAIL(err, FL_E_IO, "%s: cannot be removed", path);
    }
    return refusing.real->remove(refusing.real, path, err);
}

static void a_file_that_cannot_be_removed_is_counted_and_tried_again(void **state)
{
    fixture *f = *state;
    refusing.real = fl_fs_system();
    refusing.fs = *refusing.real;
    refusing.fs.remove = refuse_remove;
    atomic_store(&refusing.refuses, true);
    f->rig.config.fs = &refusing.fs;
    rig_open(&f->rig);
    put_segment(f, 1, 1, 0);
    settle(&f->rig);
    assert_int_equal(STAT(&f->rig, live_segments), 0);
    assert_int_equal(STAT(&f->rig, files), 1);
    assert_true(STAT(&f->rig, log_bytes) > 0);
    assert_true(rig_logged(&f->rig, "settled log file not removed"));
    atomic_store(&refusing.refuses, false);
    wait_for_files(&f->rig, 0);
    assert_int_equal(STAT(&f->rig, log_bytes), 0);
}

/* ---- What was removed stays removed */

/* Is the first part that was written still on the disk? */
static bool has_first_part(fl_fs *fs)
{
    fl_arena arena;
    fl_data_dir found;
    fl_err err;
    bool has = false;
    fl_arena_init(&arena, (size_t)1 << 20);
    assert_ok(fl_data_list(fs, DIR, &arena, &found, &err), &err);
    for (size_t i = 0; i < found.part_count; i++) {
        has |= found.parts[i].low == 1;
    }
    fl_arena_fini(&arena);
    return has;
}

/* Waits until a part was written and is gone. */
static void wait_for_removal(store_rig *rig)
{
    while (STAT(rig, settles_total) == 0 || has_first_part(rig->config.fs)) {
        uv_sleep(0);
    }
}

static size_t count_after_kill(fault_fs *fs, uint64_t trace)
{
    store_rig rig;
    fault_fs *killed = fault_fs_after_kill(fs);
    rig_init(&rig, 2, DIR, fault_fs_calls(killed));
    rig_open(&rig);
    size_t count = rig_count(&rig, rig_trace_id(trace));
    rig_fini(&rig);
    fault_fs_free(killed);
    return count;
}

/* The log has the trace for as long as another one in its file is live. */
static void what_the_disk_budget_removed_does_not_return_after_a_kill(void **state)
{
    (void)state;
    fault_fs *fs = fault_fs_new();
    store_rig rig;
    rig_init(&rig, 1, DIR, fault_fs_calls(fs));
    set_for_two(&rig);
    rig.config.disk_bytes = 1800;
    rig_open(&rig);
    put_two(&rig);
    wait_for_removal(&rig);
    assert_int_equal(count_after_kill(fs, 1), 0);
    assert_int_equal(rig_count(&rig, rig_trace_id(1)), 0);
    rig_fini(&rig);
    fault_fs_free(fs);
}

/* ---- A trace that passes its size after it has settled */

static fl_put_verdict put_judged(store_rig *rig, uint64_t trace, uint64_t id)
{
    uint8_t verdict = 0xff;
    fl_err err;
    fl_segment segment = rig_segment(trace, id, 0);
    const fl_segment *list[] = {&segment};
    assert_ok(rig_put_all(rig, list, 1, &verdict, &err), &err);
    return (fl_put_verdict)verdict;
}

/* How many records the trace has; it says that it passed its limit, wherever it is asked. */
static uint64_t count_marked(store_rig *rig, uint64_t trace)
{
    fl_arena arena;
    fl_trace_id id = rig_trace_id(trace);
    fl_arena_init(&arena, (size_t)1 << 20);
    fl_store_get get = {.ids = &id, .count = 1, .arena = &arena};
    rig_get(rig, &get);
    assert_ok(get.status, &get.err);
    assert_true(get.traces[0].limit_exceeded);
    assert_int_equal(get.traces[0].count, get.traces[0].total);
    fl_store_scan scan = rig_scan_all(rig, &arena);
    assert_int_equal(scan.row_count, 1);
    assert_true(scan.rows[0].limit_exceeded);
    assert_int_equal(scan.rows[0].record_count, get.traces[0].total);
    uint64_t count = get.traces[0].total;
    fl_arena_fini(&arena);
    return count;
}

static void set_limited(store_rig *rig)
{
    rig->config.limits.trace_bytes = 600;
    rig->options.merge_parts = 2;
}

static void tell_problem(void *user, const char *text)
{
    (void)user;
    fail_msg("%s", text);
}

static void verify_parts(fl_fs *fs)
{
    fl_arena arena;
    fl_data_dir found;
    fl_err err;
    uint64_t problems;
    fl_arena_init(&arena, (size_t)1 << 20);
    assert_ok(fl_data_list(fs, DIR, &arena, &found, &err), &err);
    for (size_t i = 0; i < found.part_count; i++) {
        assert_ok(fl_data_part_verify(fs, &found.parts[i], tell_problem, NULL, &problems, &err),
                  &err);
    }
    fl_arena_fini(&arena);
}

/* Kills and opens again. */
static fault_fs *kill_and_open(fault_fs *fs, store_rig *rig, uint32_t merge_parts)
{
    fault_fs *killed = fault_fs_after_kill(fs);
    rig_fini(rig);
    fault_fs_free(fs);
    rig_init(rig, 2, DIR, fault_fs_calls(killed));
    set_limited(rig);
    rig->options.merge_parts = merge_parts;
    rig_open(rig);
    return killed;
}

static void a_settled_trace_that_passes_its_size_says_so_for_ever(void **state)
{
    (void)state;
    fault_fs *fs = fault_fs_new();
    store_rig rig;
    rig_init(&rig, 1, DIR, fault_fs_calls(fs));
    set_limited(&rig);
    rig.options.merge_parts = 100;
    rig_open(&rig);
    uint64_t stored = 0;
    fl_put_verdict verdict = FL_PUT_STORED;
    for (uint64_t id = 1; verdict == FL_PUT_STORED; id++) {
        verdict = put_judged(&rig, 1, id);
        stored += verdict == FL_PUT_STORED;
        settle(&rig);
    }
    assert_int_equal(verdict, FL_PUT_TRACE_TOO_LARGE);
    assert_int_equal(STAT(&rig, live_traces), 0);
    assert_int_equal(STAT(&rig, traces), 1);
    assert_int_equal(count_marked(&rig, 1), stored); /* the mark is in a part */
    fs = kill_and_open(fs, &rig, 100);
    assert_int_equal(count_marked(&rig, 1), stored);
    assert_int_equal(put_judged(&rig, 1, 100), FL_PUT_TRACE_TOO_LARGE);
    assert_int_equal(STAT(&rig, files), 0); /* it was marked already */
    verify_parts(fault_fs_calls(fs));
    fs = kill_and_open(fs, &rig, 2);
    settle(&rig); /* merges */
    assert_int_equal(STAT(&rig, parts), 1);
    assert_int_equal(count_marked(&rig, 1), stored);
    verify_parts(fault_fs_calls(fs));
    rig_fini(&rig);
    fault_fs_free(fs);
}

static void the_mark_of_a_settled_trace_survives_in_the_log_alone(void **state)
{
    (void)state;
    fault_fs *fs = fault_fs_new();
    store_rig rig;
    rig_init(&rig, 1, DIR, fault_fs_calls(fs));
    set_limited(&rig);
    rig_open(&rig);
    assert_int_equal(put_judged(&rig, 1, 1), FL_PUT_STORED);
    settle(&rig);
    uint64_t stored = 1;
    while (put_judged(&rig, 1, stored + 1) == FL_PUT_STORED) {
        stored++;
        settle(&rig);
    }
    assert_int_equal(count_marked(&rig, 1), stored); /* live */
    fs = kill_and_open(fs, &rig, 2);
    assert_int_equal(count_marked(&rig, 1), stored);
    fs = kill_and_open(fs, &rig, 2);
    settle(&rig);
    assert_int_equal(STAT(&rig, files), 0);
    assert_int_equal(count_marked(&rig, 1), stored);
    rig_fini(&rig);
    fault_fs_free(fs);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_file_that_is_written_goes_when_all_in_it_has_settled),
        TEST(a_file_that_cannot_be_removed_is_counted_and_tried_again),
        cmocka_unit_test(a_live_trace_keeps_the_file_that_has_it),
        cmocka_unit_test(a_settled_trace_that_passes_its_size_says_so_for_ever),
        cmocka_unit_test(the_mark_of_a_settled_trace_survives_in_the_log_alone),
        cmocka_unit_test(what_the_disk_budget_removed_does_not_return_after_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
