/*
 * A disk that fills and is freed while traces settle and parts are merged; files that cannot be
 * removed; what the disk budget removed stays away.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/fault_fs.h"
#include "support/store_rig.h"

#define DIR         "/data"
#define PUTS        60
#define TRACES      11
#define ROOM_STEP   (TEST_IS_SLOW ? 2000 : 300)
#define WAIT_MS_MAX 5000

static void set_options(store_rig *rig)
{
    rig->options.file_bytes = 2000;
    rig->options.settle_bytes = 600;
    rig->options.settle_idle_ns = 0;
    rig->options.merge_parts = 2;
    rig->options.block_rows = 4;
}

static fl_segment segment_of(uint64_t id)
{
    fl_segment segment = rig_segment(id % TRACES, id, (int64_t)id);
    segment.user = FL_S("somebody with a name of some length, so that a frame has a body");
    return segment;
}

/* Bytes of files whose names end so, of a file system that nobody uses. */
static uint64_t bytes_at_rest(fault_fs *fs, const char *ending)
{
    const char *path;
    unsigned char *content;
    size_t n;
    uint64_t bytes = 0;
    for (size_t i = 0; fault_fs_file(fs, i, &path, &content, &n); i++) {
        size_t length = strlen(path);
        bool ends = length > strlen(ending) && strcmp(path + length - strlen(ending), ending) == 0;
        bytes += ends ? n : 0;
    }
    return bytes;
}

static uint64_t bytes_of(fault_fs *running, const char *ending)
{
    fault_fs *fs = fault_fs_after_kill(running); /* of one moment */
    uint64_t bytes = bytes_at_rest(fs, ending);
    fault_fs_free(fs);
    return bytes;
}

/* What failed gives its space back, before it is tried again. */
static void wait_for_no_temporary(fault_fs *fs)
{
    for (int ms = 0; bytes_of(fs, ".tmp") != 0; ms++) {
        assert_in_range(ms, 0, WAIT_MS_MAX);
        usleep(1000);
    }
}

/* Nothing but parts that count and log files is on the disk. */
static void check_files(store_rig *rig, fault_fs *fs)
{
    const fl_store_stats *stats = fl_store_stats_get(rig->store);
    assert_int_equal(bytes_of(fs, ".tmp"), 0);
    assert_int_equal(bytes_of(fs, ".part"), fl_counter_get(&stats->part_bytes));
    assert_int_equal(bytes_of(fs, ".log"), fl_counter_get(&stats->log_bytes));
}

static void check_segments(store_rig *rig, const bool *there)
{
    fl_arena arena;
    fl_arena_init(&arena, (size_t)16 << 20);
    size_t seen[PUTS + 1] = {0};
    for (uint64_t trace = 0; trace < TRACES; trace++) {
        fl_trace_id id = rig_trace_id(trace);
        fl_store_get get = {.ids = &id, .count = 1, .arena = &arena};
        rig_get(rig, &get);
        assert_ok(get.status, &get.err);
        for (size_t i = 0; i < get.traces[0].count; i++) {
            seen[get.traces[0].records[i].segment->id]++;
        }
    }
    for (uint64_t id = 1; id <= PUTS; id++) {
        assert_int_equal(seen[id], there[id] ? 1 : 0);
    }
    fl_arena_fini(&arena);
}

/* Puts one segment; a refusal names the reason and the remedy. */
static bool put_one(store_rig *rig, uint64_t id)
{
    fl_err err = {0};
    fl_segment segment = segment_of(id);
    fl_status status = rig_put(rig, &segment, &err);
    if (status != FL_OK) {
        assert_int_equal(status, FL_E_IO);
        assert_non_null(strstr(err.message, "cannot write"));
        assert_non_null(strstr(err.message, "free space"));
    }
    return status == FL_OK;
}

static void settle_within(store_rig *rig, int ms_max)
{
    fl_err err = {0};
    fl_status status = fl_store_local_settle(rig->store, &err);
    for (int ms = 0; status != FL_OK && ms < ms_max; ms++) {
        usleep(1000);
        status = fl_store_local_settle(rig->store, &err);
    }
    assert_ok(status, &err);
}

/* With so much room, then with all. */
static void fill_and_free(uint64_t room)
{
    fault_fs *fs = fault_fs_new();
    bool there[PUTS + 1] = {false};
    store_rig rig;
    fl_err err;
    rig_init(&rig, 2, DIR, fault_fs_calls(fs));
    set_options(&rig);
    rig_open(&rig);
    fault_fs_set_room(fs, room);
    for (uint64_t id = 1; id <= PUTS; id++) {
        there[id] = put_one(&rig, id);
    }
    bool settled = fl_store_local_settle(rig.store, &err) == FL_OK;
    assert_true(settled || rig_logged(&rig, "live traces not settled"));
    wait_for_no_temporary(fs);
    check_segments(&rig, there);
    fault_fs_set_room(fs, UINT64_MAX);
    settle_within(&rig, WAIT_MS_MAX);
    for (uint64_t id = 1; id <= PUTS; id++) {
        there[id] = there[id] || put_one(&rig, id);
        assert_true(there[id]);
    }
    settle_within(&rig, 0);
    check_segments(&rig, there);
    check_files(&rig, fs);
    assert_int_equal(fl_counter_get(&fl_store_stats_get(rig.store)->segments), PUTS);
    fault_fs *dark = fault_fs_after_power_cut(fs, 0);
    rig_close(&rig);
    rig.config.fs = fault_fs_calls(dark);
    rig_open(&rig);
    check_segments(&rig, there);
    rig_fini(&rig);
    fault_fs_free(dark);
    fault_fs_free(fs);
}

static void a_full_disk_stops_puts_settles_and_merges_until_it_is_freed(void **state)
{
    (void)state;
    for (uint64_t room = 1000; room < 16000; room += ROOM_STEP) {
        fill_and_free(room);
    }
}

/* A store whose traces settle only when it is told to. */
static void open_unsettled(store_rig *rig, size_t loops, fault_fs *fs)
{
    rig_init(rig, loops, DIR, fault_fs_calls(fs));
    set_options(rig);
    rig->options.settle_bytes = 100000;
    rig_open(rig);
}

/* A part that was given up, but could not be removed, must not count beside the one that is made
 * instead of it. */
static void parts_that_were_given_up_and_stay_count_for_nothing_later(void **state)
{
    (void)state;
    for (uint64_t calls = 1; calls < 40; calls += TEST_IS_SLOW ? 5 : 1) {
        fault_fs *fs = fault_fs_new();
        bool there[PUTS + 1] = {false};
        store_rig rig;
        fl_err err;
        open_unsettled(&rig, 1, fs);
        for (uint64_t id = 1; id <= PUTS; id++) {
            there[id] = put_one(&rig, id);
            assert_true(there[id]);
            if (id % 6 == 0) {
                fault_fs_fail_run(fs, 1 + id + calls % 7, calls);
                (void)!fl_store_local_settle(rig.store, &err);
                fault_fs_fail_at(fs, 0);
            }
        }
        settle_within(&rig, WAIT_MS_MAX);
        fault_fs *killed = fault_fs_after_kill(fs);
        rig_close(&rig);
        rig.config.fs = fault_fs_calls(killed);
        rig_open(&rig);
        settle_within(&rig, 0);
        check_segments(&rig, there);
        check_files(&rig, killed);
        assert_int_equal(fl_counter_get(&fl_store_stats_get(rig.store)->segments), PUTS);
        rig_fini(&rig);
        fault_fs_free(killed);
        fault_fs_free(fs);
    }
}

/* The disk fails while parts get their names, the process ends, the next one finds them; then the
 * power goes: what the log gave up for them is there. */
static void a_part_that_is_found_at_opening_survives_a_power_cut(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 60; n += TEST_IS_SLOW ? 5 : 1) {
        fault_fs *fs = fault_fs_new();
        bool there[PUTS + 1] = {false};
        store_rig rig;
        fl_err err;
        open_unsettled(&rig, 2, fs);
        for (uint64_t id = 1; id <= TRACES; id++) {
            there[id] = put_one(&rig, id);
        }
        fault_fs_fail_run(fs, n, UINT64_MAX);
        (void)!fl_store_local_settle(rig.store, &err);
        rig_close(&rig);
        fault_fs_fail_at(fs, 0);
        rig_open(&rig);
        fault_fs *dark = fault_fs_after_power_cut(fs, 0);
        rig_close(&rig);
        rig.config.fs = fault_fs_calls(dark);
        rig_open(&rig);
        check_segments(&rig, there);
        rig_fini(&rig);
        fault_fs_free(dark);
        fault_fs_free(fs);
    }
}

/* ---- The disk budget */

static size_t count_there(store_rig *rig, bool *there)
{
    size_t count = 0;
    for (uint64_t trace = 0; trace < TRACES; trace++) {
        there[trace] = rig_count(rig, rig_trace_id(trace)) != 0;
        count += there[trace];
    }
    return count;
}

/* What a kill leaves when no part waits to be removed, as it does while somebody reads it. */
static fault_fs *kill_without_doomed(fault_fs *fs, store_rig *rig)
{
    const fl_store_stats *stats = fl_store_stats_get(rig->store);
    for (int ms = 0;; ms++) {
        fault_fs *later = fault_fs_after_kill(fs);
        if (bytes_at_rest(later, ".part") == fl_counter_get(&stats->part_bytes)) {
            return later;
        }
        fault_fs_free(later);
        assert_in_range(ms, 0, WAIT_MS_MAX);
        usleep(1000);
    }
}

static void what_the_disk_budget_removed_does_not_return_after_a_kill(void **state)
{
    (void)state;
    fault_fs *fs = fault_fs_new();
    store_rig rig;
    bool before[TRACES], after[TRACES];
    rig_init(&rig, 2, DIR, fault_fs_calls(fs));
    set_options(&rig);
    rig.options.file_bytes = 1 << 20;
    rig.config.disk_bytes = 2500;
    rig_open(&rig);
    for (uint64_t id = 1; id <= PUTS; id++) {
        assert_true(put_one(&rig, id));
        bool any_gone = count_there(&rig, before) < TRACES && id >= TRACES;
        fault_fs *later = kill_without_doomed(fs, &rig);
        if (any_gone) {
            store_rig again;
            rig_init(&again, 1, DIR, fault_fs_calls(later));
            set_options(&again);
            rig_open(&again);
            (void)count_there(&again, after);
            for (uint64_t trace = 0; trace < TRACES; trace++) {
                assert_true(before[trace] || !after[trace]);
            }
            rig_fini(&again);
        }
        fault_fs_free(later);
    }
    for (int ms = 0; fl_counter_get(&fl_store_stats_get(rig.store)->expired_disk_total) == 0;
         ms++) {
        assert_in_range(ms, 0, WAIT_MS_MAX);
        usleep(1000);
    }
    rig_fini(&rig);
    fault_fs_free(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_stops_puts_settles_and_merges_until_it_is_freed),
        cmocka_unit_test(parts_that_were_given_up_and_stay_count_for_nothing_later),
        cmocka_unit_test(a_part_that_is_found_at_opening_survives_a_power_cut),
        cmocka_unit_test(what_the_disk_budget_removed_does_not_return_after_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
