/* Traces after they settled: late segments, merges, pins, pages, budgets, a second reader. */
#include <stdio.h>
#include <stdlib.h>

#include "unit/store/store_fixture.h"

static int set_up_small(void **state)
{
    if (set_up(state) != 0) {
        return -1;
    }
    fixture *f = *state;
    f->rig.options.merge_parts = 3;
    f->rig.options.block_rows = 8;
    return 0;
}

static void settle(fixture *f)
{
    fl_err err;
    assert_ok(fl_store_local_settle(f->rig.store, &err), &err);
}

static uint64_t number_at(fixture *f, size_t offset)
{
    const char *stats = (const char *)fl_store_stats_get(f->rig.store);
    return fl_counter_get((const fl_counter *)(const void *)(stats + offset));
}
#define STAT(f, member) number_at((f), offsetof(fl_store_stats, member))

static fl_stored_trace get_page(fixture *f, uint64_t trace, uint64_t first, size_t limit)
{
    fl_trace_id id = rig_trace_id(trace);
    fl_store_get get = {.ids = &id, .count = 1, .first = first, .limit = limit, .arena = &f->arena};
    rig_get(&f->rig, &get);
    assert_ok(get.status, &get.err);
    return get.traces[0];
}

static void a_settled_trace_leaves_memory_and_log_and_is_answered_as_before(void **state)
{
    fixture *f = *state;
    rig_open(&f->rig);
    for (uint64_t id = 1; id <= 30; id++) {
        put_segment(f, id % 3, id, (int64_t)(100 - id));
    }
    assert_int_equal(STAT(f, live_segments), 30);
    settle(f);
    assert_int_equal(STAT(f, live_segments), 0);
    assert_int_equal(STAT(f, part_segments), 30);
    assert_int_equal(STAT(f, traces), 3);
    for (uint64_t trace = 0; trace < 3; trace++) {
        fl_stored_trace found = get_page(f, trace, 0, 0);
        assert_int_equal(found.count, 10);
        assert_int_equal(found.revision, 10);
        for (size_t i = 0; i < 10; i++) {
            assert_int_equal(found.records[i].segment->id, trace == 0 ? 3 * i + 3 : 3 * i + trace);
        }
    }
}

static void a_late_segment_joins_its_trace_wherever_that_is(void **state)
{
    fixture *f = *state;
    rig_open(&f->rig);
    put_segment(f, 1, 1, 50);
    put_segment(f, 2, 1, 40);
    settle(f);
    atomic_fetch_add(&f->rig.clock.wall, 3 * 86400 * FL_NS_PER_S);
    put_segment(f, 1, 2, 30);
    fl_store_scan live = rig_scan_all(&f->rig, &f->arena);
    settle(f);
    fl_store_scan settled = rig_scan_all(&f->rig, &f->arena);
    const fl_store_scan *scans[] = {&live, &settled};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(scans[i]->row_count, 2);
        assert_true(fl_trace_id_eq(scans[i]->rows[0].id, rig_trace_id(2)));
        assert_true(fl_trace_id_eq(scans[i]->rows[1].id, rig_trace_id(1)));
        assert_int_equal(scans[i]->rows[1].record_count, 2);
        assert_int_equal(scans[i]->rows[1].start_ns, RIG_EPOCH_NS + 30 * FL_NS_PER_S);
    }
    assert_int_equal(STAT(f, traces), 2);
    assert_int_equal(get_page(f, 1, 0, 0).records[1].segment->id, 2);
}

/* A trace that gets something again and again, over many settles. */
static void a_trace_that_dribbles_is_whole_and_in_order_and_merges_keep_parts_few(void **state)
{
    fixture *f = *state;
    enum { ROUNDS = 40 };
    rig_open(&f->rig);
    for (uint64_t id = 1; id <= ROUNDS; id++) {
        put_segment(f, 7, id, (int64_t)(id * 31 % 17));
        put_segment(f, 100 + id, 1, 0);
        atomic_fetch_add(&f->rig.clock.wall, FL_NS_PER_S);
        settle(f);
    }
    assert_true(STAT(f, merges_total) > 10);
    assert_true(STAT(f, parts) < 15);
    fl_stored_trace whole = get_page(f, 7, 0, 0);
    assert_int_equal(whole.total, ROUNDS);
    for (size_t i = 0; i < ROUNDS; i++) {
        assert_int_equal(whole.records[i].segment->id, i + 1);
    }
    assert_int_equal(rig_scan_all(&f->rig, &f->arena).row_count, ROUNDS + 1);
}

static void a_trace_is_read_in_pages(void **state)
{
    fixture *f = *state;
    rig_open(&f->rig);
    for (uint64_t id = 1; id <= 25; id++) {
        put_segment(f, 1, id, 0);
        if (id % 10 == 0) {
            settle(f);
        }
    }
    uint64_t seen = 0;
    for (fl_stored_trace page; (page = get_page(f, 1, seen, 7)).count != 0; seen += page.count) {
        assert_int_equal(page.total, 25);
        for (size_t i = 0; i < page.count; i++) {
            assert_int_equal(page.records[i].segment->id, seen + i + 1);
        }
    }
    assert_int_equal(seen, 25);
}

static void pinned_traces_outlive_their_retention_until_they_are_let_go(void **state)
{
    fixture *f = *state;
    fl_err err;
    fl_trace_id pinned = rig_trace_id(1);
    f->rig.config.retention_ns = 100 * FL_NS_PER_S;
    rig_open(&f->rig);
    put_segment(f, 1, 1, 0);
    put_segment(f, 2, 1, 0);
    assert_ok(rig_pin(&f->rig, &pinned, 1, true, &err), &err);
    settle(f);
    atomic_fetch_add(&f->rig.clock.wall, 1000 * FL_NS_PER_S);
    settle(f);
    assert_int_equal(STAT(f, part_traces), 1);
    rig_close(&f->rig);
    rig_open(&f->rig);
    assert_int_equal(STAT(f, pinned), 1);
    assert_int_equal(rig_count(&f->rig, rig_trace_id(1)), 1);
    assert_int_equal(rig_count(&f->rig, rig_trace_id(2)), 0);
    assert_ok(rig_pin(&f->rig, &pinned, 1, false, &err), &err);
    assert_int_equal(rig_count(&f->rig, rig_trace_id(1)), 0);
}

static void a_scan_over_its_budget_says_where_to_go_on(void **state)
{
    fixture *f = *state;
    enum { COUNT = 500 };
    rig_open(&f->rig);
    for (uint64_t i = 0; i < COUNT; i++) {
        put_segment(f, i, 1, (int64_t)i);
    }
    settle(f);
    fl_store_scan scan = {.from_ns = INT64_MIN,
                          .to_ns = INT64_MAX,
                          .limit = SIZE_MAX,
                          .budget = {.read_bytes = 1},
                          .arena = &f->arena};
    size_t seen = 0, pages = 0;
    for (; !scan.reached_end; pages++) {
        rig_scan(&f->rig, &scan);
        assert_ok(scan.status, &scan.err);
        assert_true(scan.over_budget || scan.reached_end);
        seen += scan.row_count;
        scan.has_after = true;
        scan.after = scan.next;
    }
    assert_int_equal(seen, COUNT);
    assert_true(pages > 3);
    assert_int_equal(STAT(f, over_budget_total), pages - 1);
}

static void a_second_reader_sees_what_is_there_and_changes_nothing(void **state)
{
    fixture *f = *state;
    store_rig reader;
    fl_err err;
    rig_open(&f->rig);
    put_segment(f, 1, 1, 0);
    settle(f);
    put_segment(f, 2, 1, 0);
    rig_init(&reader, 1, f->dir, NULL);
    reader.config.read_only = true;
    rig_open(&reader);
    assert_int_equal(rig_scan_all(&reader, &f->arena).row_count, 2);
    assert_int_equal(rig_count(&reader, rig_trace_id(2)), 1);
    fl_segment segment = rig_segment(3, 1, 0);
    assert_int_equal(rig_put(&reader, &segment, &err), FL_E_CONFIG);
    assert_non_null(strstr(err.message, "read only"));
    rig_fini(&reader);
    put_segment(f, 2, 2, 0);
    assert_int_equal(rig_count(&f->rig, rig_trace_id(2)), 2);
}

#define SETTLE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_small, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SETTLE_TEST(a_settled_trace_leaves_memory_and_log_and_is_answered_as_before),
        SETTLE_TEST(a_late_segment_joins_its_trace_wherever_that_is),
        SETTLE_TEST(a_trace_that_dribbles_is_whole_and_in_order_and_merges_keep_parts_few),
        SETTLE_TEST(a_trace_is_read_in_pages),
        SETTLE_TEST(pinned_traces_outlive_their_retention_until_they_are_let_go),
        SETTLE_TEST(a_scan_over_its_budget_says_where_to_go_on),
        SETTLE_TEST(a_second_reader_sees_what_is_there_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
