/* The embedded store from outside: put, get, scan, reopen, limits, budgets. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/store/store_fixture.h"

static fl_stored_trace get_trace(fixture *f, uint64_t trace)
{
    fl_trace_id id = rig_trace_id(trace);
    fl_store_get get = {.ids = &id, .count = 1, .arena = &f->arena};
    rig_get(&f->rig, &get);
    assert_ok(get.status, &get.err);
    return get.traces[0];
}

/* ---- Put and get */

static void what_was_put_is_read_back_in_order_of_arrival(void **state)
{
    fixture *f = *state;
    rig_open(&f->rig);
    for (uint64_t id = 1; id <= 5; id++) {
        put_segment(f, 7, id, (int64_t)(10 - id));
    }
    fl_stored_trace trace = get_trace(f, 7);
    assert_int_equal(trace.count, 5);
    assert_int_equal(trace.revision, 5);
    assert_false(trace.limit_exceeded);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(trace.records[i].segment->id, i + 1);
        assert_str(trace.records[i].segment->name, "shop");
        assert_int_equal(trace.records[i].arrival_ns, RIG_EPOCH_NS);
        assert_true(i == 0 || trace.records[i].arrival > trace.records[i - 1].arrival);
    }
}

static void one_put_of_many_traces_reaches_all_shards(void **state)
{
    fixture *f = *state;
    enum { COUNT = 500 };
    fl_segment segments[COUNT];
    const fl_segment *list[COUNT];
    uint8_t verdicts[COUNT];
    fl_err err;
    rig_open(&f->rig);
    for (size_t i = 0; i < COUNT; i++) {
        segments[i] = rig_segment(i / 2, i + 1, 0);
        list[i] = &segments[i];
    }
    memset(verdicts, 0xff, sizeof verdicts);
    assert_ok(rig_put_all(&f->rig, list, COUNT, verdicts, &err), &err);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(verdicts[i], FL_PUT_STORED);
    }
    fl_store_scan scan = rig_scan_all(&f->rig, &f->arena);
    assert_int_equal(scan.row_count, COUNT / 2);
    assert_int_equal(scan.examined, COUNT / 2);
    for (size_t i = 0; i < scan.row_count; i++) {
        assert_int_equal(scan.rows[i].record_count, 2);
        assert_int_equal(scan.rows[i].revision, 1);
    }
    const fl_store_stats *stats = fl_store_stats_get(f->rig.store);
    assert_int_equal(fl_counter_get(&stats->traces), COUNT / 2);
    assert_int_equal(fl_counter_get(&stats->segments), COUNT);
    assert_int_equal(fl_counter_get(&stats->segments_stored_total), COUNT);
    assert_int_equal(fl_counter_get(&stats->queued_bytes), 0);
}

static void a_put_of_nothing_is_done_at_once(void **state)
{
    fixture *f = *state;
    fl_err err;
    rig_open(&f->rig);
    assert_ok(rig_put_all(&f->rig, NULL, 0, NULL, &err), &err);
}

static void duplicate_and_unknown_ids_are_answered_each(void **state)
{
    fixture *f = *state;
    rig_open(&f->rig);
    put_segment(f, 1, 1, 0);
    put_segment(f, 2, 1, 0);
    fl_trace_id ids[] = {rig_trace_id(1), rig_trace_id(9), rig_trace_id(2), rig_trace_id(1)};
    fl_store_get get = {.ids = ids, .count = 4, .arena = &f->arena};
    rig_get(&f->rig, &get);
    assert_ok(get.status, &get.err);
    assert_int_equal(get.traces[0].count, 1);
    assert_int_equal(get.traces[1].count, 0);
    assert_true(fl_trace_id_eq(get.traces[1].id, ids[1]));
    assert_int_equal(get.traces[2].count, 1);
    assert_int_equal(get.traces[3].count, 1);
    assert_int_equal(get.traces[3].records[0].segment->id, 1);
}

static void a_get_of_no_ids_is_done_with_no_traces(void **state)
{
    fixture *f = *state;
    rig_open(&f->rig);
    fl_store_get get = {.arena = &f->arena};
    rig_get(&f->rig, &get);
    assert_ok(get.status, &get.err);
}

static void a_get_that_does_not_fit_names_the_trace(void **state)
{
    fixture *f = *state;
    fl_arena small;
    rig_open(&f->rig);
    put_segment(f, 1, 1, 0);
    fl_arena_init(&small, (size_t)64 << 10);
    small.fail_at = 3;
    fl_trace_id id = rig_trace_id(1);
    fl_store_get get = {.ids = &id, .count = 1, .arena = &small};
    rig_get(&f->rig, &get);
    assert_int_equal(get.status, FL_E_TOO_LARGE);
    assert_non_null(strstr(get.err.message, "1-67a1b2c0-"));
    fl_arena_fini(&small);
}

static void a_document_larger_than_a_frame_is_kept(void **state)
{
    fixture *f = *state;
    enum { LENGTH = 1000000 };
    fl_err err;
    char *text = malloc(LENGTH);
    assert_non_null(text);
    test_random random = test_random_begin();
    text[0] = '"';
    for (size_t i = 1; i < LENGTH - 1; i++) {
        text[i] = (char)('a' + test_random_below(&random, 26));
    }
    text[LENGTH - 1] = '"';
    rig_open(&f->rig);
    fl_segment segment = rig_segment(3, 1, 0);
    segment.metadata = (fl_str){text, LENGTH};
    put_segment(f, 2, 1, 0);
    assert_ok(rig_put(&f->rig, &segment, &err), &err);
    put_segment(f, 3, 2, 0);
    fl_stored_trace trace = get_trace(f, 3);
    assert_int_equal(trace.count, 2);
    assert_true(fl_str_eq(trace.records[0].segment->metadata, segment.metadata));
    free(text);
}

/* ---- Scan */

static void a_scan_goes_newest_first_and_a_place_is_a_cursor(void **state)
{
    fixture *f = *state;
    enum { COUNT = 40 };
    rig_open(&f->rig);
    for (uint64_t i = 0; i < COUNT; i++) {
        put_segment(f, i, 1, (int64_t)(i / 4));
    }
    fl_store_scan all = rig_scan_all(&f->rig, &f->arena);
    assert_int_equal(all.row_count, COUNT);
    fl_store_scan page = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .limit = 7, .arena = &f->arena};
    size_t seen = 0;
    while (!page.reached_end) {
        rig_scan(&f->rig, &page);
        assert_ok(page.status, &page.err);
        for (size_t i = 0; i < page.row_count; i++) {
            assert_true(fl_trace_id_eq(page.rows[i].id, all.rows[seen].id));
            page.after =
                (fl_store_place){page.rows[i].time_ns, page.rows[i].start_ns, page.rows[i].id};
            assert_true(seen == 0 || all.rows[seen].start_ns <= all.rows[seen - 1].start_ns);
            seen++;
        }
        page.has_after = true;
    }
    assert_int_equal(seen, COUNT);
}

static bool wants_even(void *user, const fl_store_row *row)
{
    (void)user;
    return row->last_end_ns != FL_TIME_NONE && (row->id.lo >> 32) % 2 == 0;
}

static void a_scan_gives_what_its_predicate_wants_from_its_range(void **state)
{
    fixture *f = *state;
    rig_open(&f->rig);
    for (uint64_t i = 0; i < 20; i++) {
        fl_err err;
        fl_segment segment = rig_segment(i, 1, 0);
        segment.trace_id.hi = 0; /* no epoch: the trace time is the start */
        segment.start_ns += (int64_t)i * FL_NS_PER_S;
        assert_ok(rig_put(&f->rig, &segment, &err), &err);
    }
    fl_store_scan scan = {.from_ns = RIG_EPOCH_NS + 4 * FL_NS_PER_S,
                          .to_ns = RIG_EPOCH_NS + 10 * FL_NS_PER_S,
                          .limit = 100,
                          .want = wants_even,
                          .arena = &f->arena};
    rig_scan(&f->rig, &scan);
    assert_ok(scan.status, &scan.err);
    assert_int_equal(scan.row_count, 3);
    assert_int_equal(scan.examined, 6);
    assert_true(scan.reached_end);
    assert_int_equal(scan.rows[0].time_ns, RIG_EPOCH_NS + 8 * FL_NS_PER_S);
    assert_int_equal(scan.rows[2].time_ns, RIG_EPOCH_NS + 4 * FL_NS_PER_S);
    scan.limit = 0;
    rig_scan(&f->rig, &scan);
    assert_int_equal(scan.row_count, 0);
    assert_false(scan.reached_end);
}

static void a_trace_moves_when_an_earlier_segment_comes(void **state)
{
    fixture *f = *state;
    rig_open(&f->rig);
    put_segment(f, 1, 1, 50);
    put_segment(f, 2, 1, 40);
    put_segment(f, 1, 2, 30);
    fl_store_scan scan = rig_scan_all(&f->rig, &f->arena);
    assert_int_equal(scan.row_count, 2);
    assert_true(fl_trace_id_eq(scan.rows[0].id, rig_trace_id(2)));
    assert_true(fl_trace_id_eq(scan.rows[1].id, rig_trace_id(1)));
    assert_int_equal(scan.rows[1].start_ns, RIG_EPOCH_NS + 30 * FL_NS_PER_S);
    assert_int_equal(scan.rows[1].last_end_ns, RIG_EPOCH_NS + 51 * FL_NS_PER_S);
}

static void a_scan_over_many_steps_gives_each_trace_once(void **state)
{
    fixture *f = *state;
    enum { COUNT = 12000, BATCH = 500 };
    fl_segment segments[BATCH];
    const fl_segment *list[BATCH];
    fl_err err;
    rig_open(&f->rig);
    for (size_t begin = 0; begin < COUNT; begin += BATCH) {
        for (size_t i = 0; i < BATCH; i++) {
            segments[i] = rig_segment(begin + i, 1, (int64_t)((begin + i) * 7919 % 1000));
            list[i] = &segments[i];
        }
        assert_ok(rig_put_all(&f->rig, list, BATCH, NULL, &err), &err);
    }
    fl_store_scan scan = rig_scan_all(&f->rig, &f->arena);
    assert_int_equal(scan.row_count, COUNT);
    for (size_t i = 1; i < scan.row_count; i++) {
        fl_store_place newer = {scan.rows[i - 1].time_ns, scan.rows[i - 1].start_ns,
                                scan.rows[i - 1].id};
        fl_store_place older = {scan.rows[i].time_ns, scan.rows[i].start_ns, scan.rows[i].id};
        assert_true(fl_store_place_cmp(&newer, &older) < 0);
    }
}

/* ---- Reopening */

static void everything_is_there_after_reopening_with_other_shards(void **state)
{
    fixture *f = *state;
    store_rig other;
    rig_open(&f->rig);
    for (uint64_t i = 0; i < 60; i++) {
        put_segment(f, i % 20, i + 1, (int64_t)(i % 13));
    }
    fl_store_scan before = rig_scan_all(&f->rig, &f->arena);
    fl_stored_trace trace = get_trace(f, 5);
    uint64_t last = trace.records[2].arrival;
    rig_close(&f->rig);

    rig_init(&other, 3, f->dir, NULL);
    rig_open(&other);
    fl_store_scan after = rig_scan_all(&other, &f->arena);
    assert_int_equal(after.row_count, before.row_count);
    for (size_t i = 0; i < after.row_count; i++) {
        assert_true(fl_trace_id_eq(after.rows[i].id, before.rows[i].id));
        assert_int_equal(after.rows[i].record_count, before.rows[i].record_count);
        assert_int_equal(after.rows[i].revision, before.rows[i].revision);
        assert_int_equal(after.rows[i].start_ns, before.rows[i].start_ns);
        assert_int_equal(after.rows[i].last_end_ns, before.rows[i].last_end_ns);
        assert_int_equal(after.rows[i].last_arrival_ns, before.rows[i].last_arrival_ns);
    }
    fl_err err;
    fl_segment late = rig_segment(5, 1000, 0);
    assert_ok(rig_put(&other, &late, &err), &err);
    fl_trace_id id = rig_trace_id(5);
    fl_store_get get = {.ids = &id, .count = 1, .arena = &f->arena};
    rig_get(&other, &get);
    assert_ok(get.status, &get.err);
    assert_int_equal(get.traces[0].count, 4);
    assert_int_equal(get.traces[0].records[3].segment->id, 1000);
    assert_true(get.traces[0].records[3].arrival > last);
    rig_fini(&other);
}

static void a_directory_in_use_is_refused_with_a_remedy(void **state)
{
    fixture *f = *state;
    store_rig other;
    fl_err err;
    rig_open(&f->rig);
    rig_init(&other, 1, f->dir, NULL);
    assert_int_equal(rig_try_open(&other, &err), FL_E_BUSY);
    assert_non_null(strstr(err.message, "another"));
    assert_non_null(strstr(err.message, "--data"));
    rig_fini(&other);
}

static void files_are_closed_at_their_size_and_all_are_read(void **state)
{
    fixture *f = *state;
    f->rig.options.file_bytes = 2000;
    rig_open(&f->rig);
    for (uint64_t i = 0; i < 100; i++) {
        put_segment(f, i % 10, i + 1, 0);
    }
    assert_true(fl_counter_get(&fl_store_stats_get(f->rig.store)->files) > 5);
    assert_int_equal(get_trace(f, 3).count, 10);
    rig_close(&f->rig);
    rig_open(&f->rig);
    fl_stored_trace trace = get_trace(f, 3);
    assert_int_equal(trace.count, 10);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(trace.records[i].segment->id, i * 10 + 4);
    }
}

/* ---- Limits and budgets */

static void a_trace_beyond_its_size_is_refused_and_says_so_for_ever(void **state)
{
    fixture *f = *state;
    f->rig.config.limits.trace_bytes = 600;
    f->rig.options.file_bytes = 1; /* each commit its own file: that of the mark holds no record */
    rig_open(&f->rig);
    uint8_t verdict = 0xff;
    fl_err err;
    size_t stored = 0;
    for (uint64_t id = 1; id <= 10; id++) {
        fl_segment segment = rig_segment(1, id, 0);
        const fl_segment *list[] = {&segment};
        assert_ok(rig_put_all(&f->rig, list, 1, &verdict, &err), &err);
        stored += verdict == FL_PUT_STORED;
    }
    assert_int_equal(verdict, FL_PUT_TRACE_TOO_LARGE);
    assert_in_range(stored, 2, 5);
    assert_int_equal(get_trace(f, 1).count, stored);
    assert_true(get_trace(f, 1).limit_exceeded);
    rig_close(&f->rig);
    rig_open(&f->rig);
    assert_true(get_trace(f, 1).limit_exceeded);
    fl_segment segment = rig_segment(1, 11, 0);
    const fl_segment *list[] = {&segment};
    assert_ok(rig_put_all(&f->rig, list, 1, &verdict, &err), &err);
    assert_int_equal(verdict, FL_PUT_TRACE_TOO_LARGE);
}

static void a_trace_that_began_before_the_modification_period_is_refused(void **state)
{
    fixture *f = *state;
    f->rig.config.limits.modification_ns = 100 * FL_NS_PER_S;
    rig_open(&f->rig);
    put_segment(f, 1, 1, 0);
    atomic_store(&f->rig.clock.wall, RIG_EPOCH_NS + 101 * FL_NS_PER_S);
    fl_segment late = rig_segment(1, 2, 100);
    const fl_segment *list[] = {&late};
    uint8_t verdict = 0xff;
    fl_err err;
    assert_ok(rig_put_all(&f->rig, list, 1, &verdict, &err), &err);
    assert_int_equal(verdict, FL_PUT_TRACE_TOO_OLD);
    assert_int_equal(get_trace(f, 1).count, 1);
}

/* While nothing can settle, since the folder of the parts is gone. */
static void rows_beyond_the_memory_are_refused_as_busy_until_some_settle(void **state)
{
    fixture *f = *state;
    char folder[FL_LOCAL_PATH_MAX];
    fl_err err = {0};
    fl_status status = FL_OK;
    f->rig.config.memory_bytes = 400000;
    rig_open(&f->rig);
    snprintf(folder, sizeof folder, "%s/parts", f->dir);
    assert_int_equal(rmdir(folder), 0);
    uint64_t stored = 0;
    while (status == FL_OK && stored < 20000) {
        fl_segment segment = rig_segment(stored, 1, 0);
        status = rig_put(&f->rig, &segment, &err);
        stored += status == FL_OK;
    }
    assert_int_equal(status, FL_E_BUSY);
    assert_non_null(strstr(err.message, "--memory"));
    const fl_store_stats *stats = fl_store_stats_get(f->rig.store);
    assert_int_equal(fl_counter_get(&stats->refused_memory_total), 1);
    assert_true(fl_counter_get(&stats->index_bytes) <= 300000);
    assert_int_equal(fl_counter_get(&stats->traces), stored);
    assert_true(rig_logged(&f->rig, "live traces not settled"));

    assert_int_equal(mkdir(folder, 0700), 0);
    rig_pass(&f->rig, FL_NS_PER_S); /* settling is tried again every second */
    fl_segment late = rig_segment(stored, 1, 0);
    for (int i = 0; i < 2000 && status != FL_OK; i++) {
        status = rig_put(&f->rig, &late, &err);
        uv_sleep(5);
    }
    assert_ok(status, &err);
    rig_close(&f->rig);
    rig_open(&f->rig);
    assert_int_equal(fl_counter_get(&fl_store_stats_get(f->rig.store)->traces), stored + 1);
}

typedef struct two_puts {
    store_rig *rig;
    fl_segment segments[2];
    const fl_segment *lists[2];
    fl_store_put puts[2];
    atomic_size_t done;
} two_puts;

static void first_put_done(fl_store_put *put)
{
    atomic_fetch_add(&FL_CONTAINER_OF(put, two_puts, puts[0])->done, 1);
}

static void second_put_done(fl_store_put *put)
{
    atomic_fetch_add(&FL_CONTAINER_OF(put, two_puts, puts[1])->done, 1);
}

static void begin_two_puts(void *user)
{
    two_puts *two = user;
    for (size_t i = 0; i < 2; i++) {
        two->lists[i] = &two->segments[i];
        two->puts[i] = (fl_store_put){.segments = &two->lists[i],
                                      .count = 1,
                                      .loop = two->rig->loops[0],
                                      .done = i == 0 ? first_put_done : second_put_done};
        fl_store_put_begin(two->rig->store, &two->puts[i]);
    }
}

/* A trace from `number` on that belongs to the shard of loop 0. */
static uint64_t trace_of_first_shard(fixture *f, uint64_t number)
{
    while (fl_local_shard(f->rig.store, rig_trace_id(number)) != &f->rig.store->shards[0]) {
        number++;
    }
    return number;
}

/* One that is larger than the queue is let in alone; what comes while it waits is refused. Both
 * belong to the loop that puts them, so the first one waits for as long as they are put. */
static void queued_writes_beyond_the_memory_are_refused_as_busy(void **state)
{
    fixture *f = *state;
    static char text[60000];
    two_puts two = {.rig = &f->rig};
    memset(text, '1', sizeof text);
    f->rig.config.memory_bytes = 400000;
    rig_open(&f->rig);
    uint64_t trace = 0;
    for (size_t i = 0; i < 2; i++) {
        trace = trace_of_first_shard(f, trace + 1);
        two.segments[i] = rig_segment(trace, 1, 0);
        two.segments[i].metadata = (fl_str){text, sizeof text};
    }
    fl_loop_call(f->rig.loops[0], begin_two_puts, &two);
    while (atomic_load(&two.done) < 2) {
        uv_sleep(1);
    }
    assert_ok(two.puts[0].status, &two.puts[0].err);
    assert_int_equal(two.puts[1].status, FL_E_BUSY);
    assert_non_null(strstr(two.puts[1].err.message, "queued"));
    const fl_store_stats *stats = fl_store_stats_get(f->rig.store);
    assert_int_equal(fl_counter_get(&stats->refused_memory_total), 1);
    assert_int_equal(fl_counter_get(&stats->queued_bytes), 0);
}

/* ---- Retention */

static void a_trace_expires_by_the_later_of_its_time_and_arrival(void **state)
{
    fixture *f = *state;
    f->rig.config.retention_ns = 100 * FL_NS_PER_S;
    rig_open(&f->rig);
    put_segment(f, 1, 1, -80000); /* imported: its time is old, its arrival is not */
    atomic_store(&f->rig.clock.wall, RIG_EPOCH_NS + 50 * FL_NS_PER_S);
    put_segment(f, 2, 1, 0);
    atomic_store(&f->rig.clock.wall, RIG_EPOCH_NS + 100 * FL_NS_PER_S);
    assert_int_equal(rig_count(&f->rig, rig_trace_id(1)), 1);
    atomic_store(&f->rig.clock.wall, RIG_EPOCH_NS + 101 * FL_NS_PER_S);
    assert_int_equal(rig_count(&f->rig, rig_trace_id(1)), 0);
    assert_int_equal(rig_scan_all(&f->rig, &f->arena).row_count, 1);
    assert_int_equal(rig_count(&f->rig, rig_trace_id(2)), 1);
}

static void a_segment_of_an_expired_trace_begins_it_anew_also_after_a_restart(void **state)
{
    fixture *f = *state;
    f->rig.config.retention_ns = 100 * FL_NS_PER_S;
    rig_open(&f->rig);
    put_segment(f, 1, 1, 0);
    put_segment(f, 1, 2, 0);
    atomic_store(&f->rig.clock.wall, RIG_EPOCH_NS + 150 * FL_NS_PER_S);
    put_segment(f, 1, 3, 0);
    assert_int_equal(get_trace(f, 1).count, 1);
    assert_int_equal(get_trace(f, 1).revision, 1);
    rig_close(&f->rig);
    rig_open(&f->rig);
    assert_int_equal(get_trace(f, 1).count, 1);
    assert_int_equal(get_trace(f, 1).records[0].segment->id, 3);
}

/* Waits until a gauge of the store is at most so much; fails the test after some seconds. */
static void wait_until_at_most(fixture *f, const fl_counter *gauge, uint64_t most)
{
    for (int i = 0; i < 2000; i++) {
        (void)fl_store_stats_get(f->rig.store);
        if (fl_counter_get(gauge) <= most) {
            break;
        }
        uv_sleep(5);
    }
    assert_in_range(fl_counter_get(gauge), 0, most);
}

static void files_of_expired_traces_are_removed(void **state)
{
    fixture *f = *state;
    f->rig.config.retention_ns = 100 * FL_NS_PER_S;
    f->rig.options.file_bytes = 2000;
    rig_open(&f->rig);
    for (uint64_t i = 0; i < 100; i++) {
        put_segment(f, i, 1, 0);
    }
    const fl_store_stats *stats = fl_store_stats_get(f->rig.store);
    assert_true(fl_counter_get(&stats->files) > 5);
    rig_pass(&f->rig, 200 * FL_NS_PER_S);
    wait_until_at_most(f, &stats->files, 2); /* each shard keeps the one that it writes */
    wait_until_at_most(f, &stats->traces, 0);
    for (int i = 0; i < 2000 && fl_counter_get(&stats->expired_age_total) < 100; i++) {
        uv_sleep(5); /* counted behind the change that it counts */
    }
    assert_int_equal(fl_counter_get(&stats->expired_age_total), 100);
    rig_close(&f->rig);
    rig_open(&f->rig);
    assert_int_equal(fl_counter_get(&fl_store_stats_get(f->rig.store)->files), 0);
    assert_int_equal(fl_counter_get(&fl_store_stats_get(f->rig.store)->disk_bytes), 0);
}

/* Its earliest segment makes the trace old; the other one alone would be from the day after
 * tomorrow. */
static void an_expired_trace_does_not_return_in_parts_after_a_restart(void **state)
{
    fixture *f = *state;
    fl_err err;
    f->rig.config.retention_ns = 100 * FL_NS_PER_S;
    f->rig.options.file_bytes = 1;
    rig_open(&f->rig);
    put_segment(f, 1, 1, -2 * 86400);
    uint64_t other = 2; /* of the same shard: one file holds both */
    while (fl_local_shard(f->rig.store, rig_trace_id(other)) !=
           fl_local_shard(f->rig.store, rig_trace_id(1))) {
        other++;
    }
    fl_segment ahead = rig_segment(1, 2, 2 * 86400), beside = rig_segment(other, 1, 0);
    const fl_segment *list[] = {&ahead, &beside};
    assert_ok(rig_put_all(&f->rig, list, 2, NULL, &err), &err);
    rig_pass(&f->rig, 50 * FL_NS_PER_S);
    put_segment(f, other, 2, 0); /* keeps that file */
    rig_pass(&f->rig, 51 * FL_NS_PER_S);
    const fl_store_stats *stats = fl_store_stats_get(f->rig.store);
    wait_until_at_most(f, &stats->traces, 1);
    for (int i = 0; i < 2000 && fl_counter_get(&stats->expired_age_total) < 1; i++) {
        uv_sleep(5);
    }
    assert_int_equal(fl_counter_get(&stats->expired_age_total), 1);
    for (int i = 0; i < 2; i++) {
        rig_close(&f->rig);
        rig_open(&f->rig);
        assert_int_equal(rig_count(&f->rig, rig_trace_id(1)), 0);
        assert_int_equal(rig_count(&f->rig, rig_trace_id(other)), 2);
    }
}

static void the_disk_budget_drops_whole_traces_oldest_first_and_for_good(void **state)
{
    fixture *f = *state;
    char noise[2000];
    fl_err err;
    test_random random = test_random_begin();
    f->rig.config.disk_bytes = (uint64_t)60000;
    f->rig.options.file_bytes = 5000;
    f->rig.options.settle_bytes = 10000;
    f->rig.options.part_bytes = 10000; /* or one merged part would be more than the budget */
    f->rig.options.settle_idle_ns = 0;
    rig_open(&f->rig);
    const fl_store_stats *stats = fl_store_stats_get(f->rig.store);
    for (uint64_t i = 0; i < 200; i++) {
        for (size_t at = 0; at < sizeof noise; at++) {
            noise[at] = (char)('a' + test_random_below(&random, 26));
        }
        noise[0] = noise[sizeof noise - 1] = '"';
        /* Each trace has a late segment in a later file. */
        fl_segment first = rig_segment(i, 1, 0), late = rig_segment(i / 2, i + 10, 0);
        first.metadata = late.metadata = (fl_str){noise, sizeof noise};
        const fl_segment *list[] = {&first, &late};
        assert_ok(rig_put_all(&f->rig, list, 2, NULL, &err), &err);
    }
    assert_ok(fl_store_local_settle(f->rig.store, &err), &err);
    wait_until_at_most(f, &stats->disk_bytes, 60000);
    uint64_t dropped = fl_counter_get(&stats->expired_disk_total);
    assert_true(dropped > 50);
    fl_store_scan before = rig_scan_all(&f->rig, &f->arena);
    rig_close(&f->rig);
    f->rig.config.disk_bytes = 0;
    rig_open(&f->rig);
    fl_store_scan after = rig_scan_all(&f->rig, &f->arena);
    assert_true(before.row_count > 3);
    assert_int_equal(after.row_count, before.row_count);
    for (size_t i = 0; i < after.row_count; i++) {
        assert_true(fl_trace_id_eq(after.rows[i].id, before.rows[i].id));
        assert_int_equal(after.rows[i].record_count, before.rows[i].record_count);
    }
}

static void relaxed_durability_syncs_by_itself(void **state)
{
    fixture *f = *state;
    f->rig.config.durability = FL_DURABILITY_RELAXED;
    f->rig.options.sync_interval_ns = 5 * FL_NS_PER_MS;
    rig_open(&f->rig);
    put_segment(f, 1, 1, 0);
    const fl_store_stats *stats = fl_store_stats_get(f->rig.store);
    for (int i = 0; i < 1000 && fl_counter_get(&stats->syncs_total) == 0; i++) {
        uv_sleep(5);
    }
    assert_true(fl_counter_get(&stats->syncs_total) > 0);
    assert_int_equal(get_trace(f, 1).count, 1);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(what_was_put_is_read_back_in_order_of_arrival),
        STORE_TEST(one_put_of_many_traces_reaches_all_shards),
        STORE_TEST(a_put_of_nothing_is_done_at_once),
        STORE_TEST(duplicate_and_unknown_ids_are_answered_each),
        STORE_TEST(a_get_of_no_ids_is_done_with_no_traces),
        STORE_TEST(a_get_that_does_not_fit_names_the_trace),
        STORE_TEST(a_document_larger_than_a_frame_is_kept),
        STORE_TEST(a_scan_goes_newest_first_and_a_place_is_a_cursor),
        STORE_TEST(a_scan_gives_what_its_predicate_wants_from_its_range),
        STORE_TEST(a_trace_moves_when_an_earlier_segment_comes),
        STORE_TEST(a_scan_over_many_steps_gives_each_trace_once),
        STORE_TEST(everything_is_there_after_reopening_with_other_shards),
        STORE_TEST(a_directory_in_use_is_refused_with_a_remedy),
        STORE_TEST(files_are_closed_at_their_size_and_all_are_read),
        STORE_TEST(a_trace_beyond_its_size_is_refused_and_says_so_for_ever),
        STORE_TEST(a_trace_that_began_before_the_modification_period_is_refused),
        STORE_TEST(rows_beyond_the_memory_are_refused_as_busy_until_some_settle),
        STORE_TEST(queued_writes_beyond_the_memory_are_refused_as_busy),
        STORE_TEST(a_trace_expires_by_the_later_of_its_time_and_arrival),
        STORE_TEST(a_segment_of_an_expired_trace_begins_it_anew_also_after_a_restart),
        STORE_TEST(files_of_expired_traces_are_removed),
        STORE_TEST(an_expired_trace_does_not_return_in_parts_after_a_restart),
        STORE_TEST(the_disk_budget_drops_whole_traces_oldest_first_and_for_good),
        STORE_TEST(relaxed_durability_syncs_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
