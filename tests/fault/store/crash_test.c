/*
 * Nothing acknowledged is lost: whichever file call fails, whenever the power goes, whatever byte
 * of the log changes. Each test keeps a list of what the store acknowledged and looks for it
 * afterwards. While segments are put, the store settles and merges as fast as it can.
 */
#include <stdio.h>
#include <stdlib.h>

#include "support/fault_fs.h"
#include "support/store_rig.h"

#define DIR       "/data"
#define PUTS      24
#define TRACES    7
#define LOOPS     2
#define FILE_SIZE 1500 /* small, so that files are closed and begun in the middle */
#define STRIDE    (TEST_IS_SLOW ? 9 : 1) /* of the calls that fail in turn */

/* What was put: segment `id` of trace id % TRACES. */
typedef struct history {
    bool acknowledged[PUTS + 1];
    size_t failures;
} history;

static void set_options(store_rig *rig)
{
    rig->options.file_bytes = FILE_SIZE;
    rig->options.settle_bytes = 600;
    rig->options.settle_idle_ns = 0;
    rig->options.merge_parts = 2;
    rig->options.block_rows = 4;
}

/* Everything stays in the log, as far as it is not closed in peace. */
static void set_log_options(store_rig *rig)
{
    rig->options.file_bytes = FILE_SIZE;
}

/* Settles what it can; the fault may meet that, too. */
static void settle(store_rig *rig)
{
    fl_err err;
    (void)!fl_store_local_settle(rig->store, &err);
}

static fl_segment segment_of(uint64_t id)
{
    fl_segment segment = rig_segment(id % TRACES, id, (int64_t)id);
    segment.user = FL_S("somebody with a name of some length, so that a frame has a body");
    return segment;
}

/* Puts segments from..PUTS one by one and notes the answers. */
static void put_from(store_rig *rig, history *h, uint64_t from)
{
    for (uint64_t id = from; id <= PUTS; id++) {
        fl_err err = {0};
        fl_segment segment = segment_of(id);
        fl_status status = rig_put(rig, &segment, &err);
        h->acknowledged[id] = status == FL_OK;
        h->failures += status != FL_OK;
        if (status != FL_OK) {
            assert_int_equal(status, FL_E_IO);
            assert_true(err.message[0] != '\0');
        }
    }
}

/* Each acknowledged segment is in the store, none is there twice, none was never put. */
static void check_history(store_rig *rig, const history *h)
{
    fl_arena arena;
    fl_trace_id ids[TRACES];
    size_t seen[PUTS + 1] = {0};
    fl_arena_init(&arena, (size_t)16 << 20);
    for (uint64_t i = 0; i < TRACES; i++) {
        ids[i] = rig_trace_id(i);
    }
    fl_store_get get = {.ids = ids, .count = TRACES, .arena = &arena};
    rig_get(rig, &get);
    if (get.status == FL_E_IO) { /* the injected fault met this read: the next one is answered */
        rig_get(rig, &get);
    }
    assert_ok(get.status, &get.err);
    for (size_t i = 0; i < TRACES; i++) {
        for (size_t k = 0; k < get.traces[i].count; k++) {
            const fl_segment *segment = get.traces[i].records[k].segment;
            assert_in_range(segment->id, 1, PUTS);
            assert_int_equal(segment->id % TRACES, i);
            assert_true(k == 0 ||
                        get.traces[i].records[k].arrival > get.traces[i].records[k - 1].arrival);
            seen[segment->id]++;
        }
    }
    for (uint64_t id = 1; id <= PUTS; id++) {
        assert_in_range(seen[id], h->acknowledged[id] ? 1 : 0, 1);
    }
    fl_arena_fini(&arena);
}

/* Opens what survived with a fresh store and checks it. */
static void reopen_and_check(fault_fs *fs, size_t loops, const history *h)
{
    store_rig rig;
    rig_init(&rig, loops, DIR, fault_fs_calls(fs));
    set_options(&rig);
    rig_open(&rig);
    check_history(&rig, h);
    rig_fini(&rig);
}

/* ---- Calls that fail */

/* The n-th call of a run fails; false if the run made fewer calls. */
static bool run_with_fault(uint64_t n, fl_durability durability)
{
    fault_fs *fs = fault_fs_new();
    store_rig rig;
    history h = {0};
    fl_err err = {0};
    rig_init(&rig, LOOPS, DIR, fault_fs_calls(fs));
    set_options(&rig);
    rig.config.durability = durability;
    rig.options.sync_interval_ns = 5 * FL_NS_PER_MS;
    fault_fs_fail_at(fs, n);
    fl_status status = rig_try_open(&rig, &err);
    if (status != FL_OK) {
        assert_int_equal(status, FL_E_IO);
        assert_non_null(strstr(err.message, "injected"));
        rig_open(&rig); /* the same again, without the fault */
    }
    put_from(&rig, &h, 1);
    settle(&rig);
    check_history(&rig, &h); /* a running store goes on */
    fault_fs *killed = fault_fs_after_kill(fs);
    fault_fs *dark = durability == FL_DURABILITY_COMMIT ? fault_fs_after_power_cut(fs, 0) : NULL;
    if (h.failures != 0) {
        assert_true(rig_logged(&rig, "log not written"));
    }
    rig_fini(&rig);
    bool failed = fault_fs_failed(fs);
    fault_fs_fail_at(fs, 0);
    reopen_and_check(killed, LOOPS + 1, &h);
    if (dark != NULL) {
        reopen_and_check(dark, LOOPS, &h);
    }
    reopen_and_check(fs, LOOPS, &h);
    fault_fs_free(killed);
    fault_fs_free(dark);
    fault_fs_free(fs);
    return failed;
}

static void whichever_file_call_fails_nothing_acknowledged_is_lost(void **state)
{
    (void)state;
    uint64_t n = 1;
    while (run_with_fault(n, FL_DURABILITY_COMMIT)) {
        n += STRIDE;
    }
    assert_true(n > PUTS * 2);
}

static void relaxed_durability_survives_kill_whichever_call_fails(void **state)
{
    (void)state;
    uint64_t n = 1;
    while (run_with_fault(n, FL_DURABILITY_RELAXED)) {
        n += STRIDE;
    }
    assert_true(n > PUTS);
}

/* Failures while the log is read back: the store opens the next time, with everything. */
static void whichever_call_fails_at_opening_the_next_opening_has_all(void **state)
{
    (void)state;
    fault_fs *written = fault_fs_new();
    store_rig rig;
    history h = {0};
    rig_init(&rig, LOOPS, DIR, fault_fs_calls(written));
    set_options(&rig);
    rig_open(&rig);
    put_from(&rig, &h, 1);
    fault_fs *killed = fault_fs_after_kill(written);
    rig_fini(&rig);
    for (uint64_t n = 1;; n += STRIDE) {
        fl_err err = {0};
        fault_fs *fs = fault_fs_after_kill(killed);
        rig_init(&rig, LOOPS, DIR, fault_fs_calls(fs));
        set_options(&rig);
        fault_fs_fail_at(fs, n);
        fl_status status = rig_try_open(&rig, &err);
        bool failed = fault_fs_failed(fs);
        assert_true(status == FL_OK || failed);
        if (status == FL_OK) {
            check_history(&rig, &h);
        }
        rig_fini(&rig);
        reopen_and_check(fs, LOOPS, &h);
        fault_fs_free(fs);
        if (!failed) {
            assert_true(n > 10);
            break;
        }
    }
    fault_fs_free(killed);
    fault_fs_free(written);
}

static void a_full_disk_refuses_puts_until_it_is_freed(void **state)
{
    (void)state;
    for (uint64_t room = 0; room < 9000; room += STRIDE * UINT64_C(97)) {
        fault_fs *fs = fault_fs_new();
        store_rig rig;
        history h = {0};
        rig_init(&rig, LOOPS, DIR, fault_fs_calls(fs));
        set_options(&rig);
        rig_open(&rig);
        fault_fs_set_room(fs, room);
        put_from(&rig, &h, 1);
        check_history(&rig, &h);
        fault_fs_set_room(fs, UINT64_MAX);
        for (uint64_t id = 1; id <= PUTS; id++) {
            fl_segment segment = segment_of(id);
            if (!h.acknowledged[id]) {
                fl_err err = {0};
                assert_ok(rig_put(&rig, &segment, &err), &err);
                h.acknowledged[id] = true;
            }
        }
        check_history(&rig, &h);
        fault_fs *dark = fault_fs_after_power_cut(fs, 0);
        rig_fini(&rig);
        reopen_and_check(dark, LOOPS, &h);
        fault_fs_free(dark);
        fault_fs_free(fs);
    }
}

/* ---- Power cuts */

/* The power goes when the n-th call begins; false if the run made fewer calls. */
static bool run_with_power_cut(uint64_t n, uint64_t seed)
{
    fault_fs *fs = fault_fs_new();
    store_rig rig;
    history h = {0};
    rig_init(&rig, LOOPS, DIR, fault_fs_calls(fs));
    set_options(&rig);
    fault_fs_cut_at(fs, n, seed);
    rig_open(&rig);
    for (uint64_t id = 1; id <= PUTS && fault_fs_cut(fs) == NULL; id++) {
        fl_err err = {0};
        fl_segment segment = segment_of(id);
        assert_ok(rig_put(&rig, &segment, &err), &err);
        h.acknowledged[id] = fault_fs_cut(fs) == NULL;
    }
    rig_fini(&rig);
    bool was_cut = fault_fs_cut(fs) != NULL;
    if (was_cut) {
        reopen_and_check(fault_fs_cut(fs), LOOPS, &h);
    }
    fault_fs_free(fs);
    return was_cut;
}

static void whenever_the_power_goes_nothing_acknowledged_is_lost(void **state)
{
    (void)state;
    test_random random = test_random_begin();
    uint64_t n = 1;
    while (run_with_power_cut(n, 0)) {
        (void)run_with_power_cut(n, test_random_next(&random) | 1);
        n += STRIDE;
    }
    assert_true(n > PUTS);
}

/* ---- Damaged bytes */

/* A log with all of the history in it, of a process that was killed. */
static fault_fs *write_log(history *h, size_t loops, void (*options)(store_rig *rig))
{
    fault_fs *fs = fault_fs_new();
    store_rig rig;
    memset(h, 0, sizeof *h);
    rig_init(&rig, loops, DIR, fault_fs_calls(fs));
    options(&rig);
    rig_open(&rig);
    put_from(&rig, h, 1);
    fault_fs *killed = fault_fs_after_kill(fs);
    rig_fini(&rig);
    fault_fs_free(fs);
    return killed;
}

static void set_no_options(store_rig *rig)
{
    (void)rig;
}

static bool is_log(const char *path)
{
    return strstr(path, ".log") != NULL;
}

/* One byte of the log changed: opening mends it on the disk, so that the next one finds nothing. */
static void check_changed_byte(fault_fs *written, size_t file, size_t at, const history *h)
{
    store_rig rig;
    const char *path;
    unsigned char *content;
    size_t n;
    fault_fs *fs = fault_fs_after_kill(written);
    assert_true(fault_fs_file(fs, file, &path, &content, &n));
    content[at] ^= (unsigned char)(1U << at % 8);
    unsigned char changed = content[at];
    rig_init(&rig, LOOPS, DIR, fault_fs_calls(fs));
    set_log_options(&rig);
    rig_open(&rig);
    check_history(&rig, h);
    const fl_store_stats *stats = fl_store_stats_get(rig.store);
    uint64_t repaired = fl_counter_get(&stats->repaired_frames_total);
    assert_int_equal(fl_counter_get(&stats->damaged_frames_total), 0);
    assert_int_equal(fl_counter_get(&stats->torn_bytes_total), 0);
    assert_int_equal(rig_logged(&rig, "damaged byte in the log mended"), repaired != 0);
    fault_fs *mended = fault_fs_after_kill(fs);
    rig_fini(&rig);
    assert_true(fault_fs_file(mended, file, &path, &content, &n));
    /* A byte of the padding between frames is read by nobody, so it may stay as it is. */
    assert_int_equal(content[at] != changed, repaired != 0);
    assert_true(repaired != 0 || changed == 1U << at % 8);
    fault_fs_free(mended);
    fault_fs_free(fs);
}

static void any_changed_byte_of_the_log_is_mended(void **state)
{
    (void)state;
    history h;
    const char *path;
    unsigned char *content;
    size_t n;
    test_random random = test_random_begin();
    fault_fs *written = write_log(&h, LOOPS, set_log_options);
    for (size_t file = 0; fault_fs_file(written, file, &path, &content, &n); file++) {
        for (size_t at = 0; is_log(path) && at < n;
             at += 1 + (size_t)test_random_below(&random, 12 * STRIDE)) {
            check_changed_byte(written, file, at, &h);
        }
    }
    fault_fs_free(written);
}

static void a_byte_changed_under_a_running_store_is_mended_on_reading(void **state)
{
    (void)state;
    const char *path;
    unsigned char *content;
    size_t n;
    history h = {0};
    store_rig rig;
    fault_fs *fs = fault_fs_new();
    rig_init(&rig, 1, DIR, fault_fs_calls(fs));
    rig_open(&rig);
    put_from(&rig, &h, 1);
    assert_true(fault_fs_file(fs, 1, &path, &content, &n));
    assert_true(is_log(path));
    content[FL_WAL_FILE_HEADER_BYTES + FL_WAL_FRAME_HEADER_BYTES + 20] ^= 0x10;
    check_history(&rig, &h);
    assert_int_equal(fl_counter_get(&fl_store_stats_get(rig.store)->repaired_frames_total), 1);
    assert_true(rig_logged(&rig, "mended on reading"));
    content[FL_WAL_FILE_HEADER_BYTES + FL_WAL_FRAME_HEADER_BYTES + 40] ^= 0x10;
    fl_arena arena;
    fl_arena_init(&arena, (size_t)1 << 20);
    fl_trace_id id = rig_trace_id(1);
    fl_store_get get = {.ids = &id, .count = 1, .arena = &arena};
    rig_get(&rig, &get);
    assert_int_equal(get.status, FL_E_CORRUPT);
    assert_non_null(strstr(get.err.message, ".log"));
    fl_arena_fini(&arena);
    rig_fini(&rig);
    fault_fs_free(fs);
}

/* Two damages in one frame are beyond repair; the other frames are read all the same. */
static void a_frame_beyond_repair_costs_no_other_frame(void **state)
{
    (void)state;
    const char *path;
    unsigned char *content;
    size_t n;
    history h;
    store_rig rig;
    fault_fs *fs = write_log(&h, 1, set_no_options);
    assert_true(fault_fs_file(fs, 1, &path, &content, &n));
    size_t payload = FL_WAL_FILE_HEADER_BYTES + FL_WAL_FRAME_HEADER_BYTES;
    content[payload + 20] ^= 0x10;
    content[payload + 40] ^= 0x10;
    rig_init(&rig, 1, DIR, fault_fs_calls(fs));
    rig_open(&rig);
    h.acknowledged[1] = false; /* the first commit held segment 1 alone */
    check_history(&rig, &h);
    assert_int_equal(fl_counter_get(&fl_store_stats_get(rig.store)->damaged_frames_total), 1);
    assert_int_equal(fl_counter_get(&fl_store_stats_get(rig.store)->torn_bytes_total), 0);
    assert_true(rig_logged(&rig, "records lost"));
    assert_true(rig_logged(&rig, "records=1"));
    rig_fini(&rig);
    fault_fs_free(fs);
}

static void a_last_commit_cut_anywhere_is_dropped_and_told(void **state)
{
    (void)state;
    const char *path;
    unsigned char *content;
    size_t n;
    history h = {0};
    store_rig rig;
    fault_fs *written = fault_fs_new();
    rig_init(&rig, 1, DIR, fault_fs_calls(written));
    rig_open(&rig);
    put_from(&rig, &h, 1);
    assert_true(fault_fs_file(written, 1, &path, &content, &n));
    fl_err err;
    size_t before = n;
    fl_segment last = rig_segment(100, 100, 0);
    assert_ok(rig_put(&rig, &last, &err), &err);
    assert_true(fault_fs_file(written, 1, &path, &content, &n));
    for (size_t size = before + 1; size < n; size++) {
        store_rig again;
        fault_fs *fs = fault_fs_after_kill(written);
        fault_fs_set_size(fs, path, size);
        rig_init(&again, LOOPS, DIR, fault_fs_calls(fs));
        rig_open(&again);
        check_history(&again, &h);
        const fl_store_stats *stats = fl_store_stats_get(again.store);
        assert_int_equal(fl_counter_get(&stats->torn_bytes_total), size - before);
        assert_int_equal(fl_counter_get(&stats->damaged_frames_total), 0);
        assert_int_equal(rig_count(&again, last.trace_id), 0);
        assert_true(rig_logged(&again, "unfinished commit dropped"));
        fault_fs *cut_off = fault_fs_after_kill(fs);
        rig_fini(&again);
        rig_init(&again, LOOPS, DIR, fault_fs_calls(cut_off));
        rig_open(&again); /* it was cut off: nothing to tell any more */
        assert_false(rig_logged(&again, "unfinished"));
        rig_fini(&again);
        fault_fs_free(cut_off);
        fault_fs_free(fs);
    }
    rig_fini(&rig);
    fault_fs_free(written);
}

/* ---- Files of others */

static void a_log_of_a_newer_format_is_refused_and_not_touched(void **state)
{
    (void)state;
    fl_err err = {0};
    history h;
    const char *path;
    unsigned char *content;
    size_t n;
    store_rig rig;
    fault_fs *fs = write_log(&h, LOOPS, set_log_options);
    unsigned char newer[FL_WAL_FILE_HEADER_BYTES + 8] = {0};
    fl_wal_file_header_emit(&(fl_wal_file_header){.version = 2, .sequence = 999}, newer);
    fault_fs_put(fs, DIR "/log/00000000000003e7-0.log", newer, sizeof newer);
    assert_true(fault_fs_file(fs, 1, &path, &content, &n));
    content[n - 9] ^= 1; /* what would be mended otherwise */
    unsigned char changed = content[n - 9];
    rig_init(&rig, LOOPS, DIR, fault_fs_calls(fs));
    assert_int_equal(rig_try_open(&rig, &err), FL_E_CORRUPT);
    assert_non_null(strstr(err.message, "format 2"));
    assert_true(fault_fs_file(fs, 1, &path, &content, &n));
    assert_int_equal(content[n - 9], changed);
    fault_fs_put(fs, DIR "/log/00000000000003e7-0.log",
                 "somebody's notes, long enough to be judged", 42);
    assert_int_equal(rig_try_open(&rig, &err), FL_E_CORRUPT);
    assert_non_null(strstr(err.message, "no log file"));
    rig_fini(&rig);
    fault_fs_free(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whichever_file_call_fails_nothing_acknowledged_is_lost),
        cmocka_unit_test(relaxed_durability_survives_kill_whichever_call_fails),
        cmocka_unit_test(whichever_call_fails_at_opening_the_next_opening_has_all),
        cmocka_unit_test(a_full_disk_refuses_puts_until_it_is_freed),
        cmocka_unit_test(whenever_the_power_goes_nothing_acknowledged_is_lost),
        cmocka_unit_test(any_changed_byte_of_the_log_is_mended),
        cmocka_unit_test(a_byte_changed_under_a_running_store_is_mended_on_reading),
        cmocka_unit_test(a_frame_beyond_repair_costs_no_other_frame),
        cmocka_unit_test(a_last_commit_cut_anywhere_is_dropped_and_told),
        cmocka_unit_test(a_log_of_a_newer_format_is_refused_and_not_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
