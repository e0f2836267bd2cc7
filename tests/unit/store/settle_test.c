/* Traces after they settled: late segments, merges, pins, pages, budgets, a second reader. */
#include <stdio.h>
#include <stdlib.h>

#include "support/random_segment.h"
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

/* Pieces of a trace in parts of two partitions, some merged, read back in pages. */
static void a_trace_that_dribbles_for_a_day_keeps_every_byte(void **state)
{
    fixture *f = *state;
    enum { ROUNDS = 60, PAGE = 7 };
    const int64_t pause_ns = 1800 * FL_NS_PER_S;
    fl_err err;
    fl_str sent[ROUNDS];
    test_random random = test_random_begin();
    random_segments r = {.random = &random, .arena = &f->arena, .depth = 3, .children = 3};
    rig_open(&f->rig);
    for (int64_t i = 0; i < ROUNDS; i++) {
        const fl_segment *segment =
            random_segment(&r, rig_trace_id(7), RIG_EPOCH_NS + i * pause_ns);
        sent[i] = test_pack(&f->arena, segment);
        assert_ok(rig_put(&f->rig, segment, &err), &err);
        atomic_fetch_add(&f->rig.clock.wall, pause_ns);
        settle(f);
    }
    assert_true(STAT(f, parts) > 1);
    assert_true(STAT(f, merges_total) > 0);
    rig_close(&f->rig);
    rig_open(&f->rig);
    for (uint64_t seen = 0; seen < ROUNDS;) {
        fl_stored_trace page = get_page(f, 7, seen, PAGE);
        assert_int_equal(page.total, ROUNDS);
        assert_in_range(page.count, 1, PAGE);
        for (size_t i = 0; i < page.count; i++, seen++) {
            fl_str packed = test_pack(&f->arena, page.records[i].segment);
            assert_int_equal(packed.n, sent[seen].n);
            assert_memory_equal(packed.p, sent[seen].p, packed.n);
        }
    }
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
    rig_pass(&f->rig, 1000 * FL_NS_PER_S);
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

/* ---- Pins, many at once */

static void many_pins_are_each_kept_once_in_order(void **state)
{
    fixture *f = *state;
    enum { COUNT = 60000 };
    fl_err err;
    fl_trace_id *ids = calloc(COUNT, sizeof *ids), *found;
    size_t count;
    assert_non_null(ids);
    for (uint64_t i = 0; i < COUNT; i++) { /* each twice, out of order */
        ids[i] = rig_trace_id(i * 7919 % (COUNT / 2));
    }
    rig_open(&f->rig);
    assert_ok(rig_pin(&f->rig, ids, 5, true, &err), &err);
    assert_ok(rig_pin(&f->rig, ids, COUNT, true, &err), &err);
    assert_int_equal(STAT(f, pinned), COUNT / 2);
    atomic_fetch_add(&f->rig.clock.wall, FL_NS_PER_S);
    assert_ok(rig_pin(&f->rig, ids, 10, false, &err), &err);
    assert_int_equal(STAT(f, pinned), COUNT / 2 - 10);
    atomic_fetch_add(&f->rig.clock.wall, FL_NS_PER_S);
    assert_ok(rig_pin(&f->rig, ids, 3, true, &err), &err);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(STAT(f, pinned), COUNT / 2 - 7);
        assert_ok(fl_store_pins(f->rig.store, &f->arena, &found, &count, &err), &err);
        assert_int_equal(count, COUNT / 2 - 7);
        for (size_t i = 1; i < count; i++) {
            assert_true(fl_trace_id_cmp(found[i - 1], found[i]) < 0);
        }
        rig_close(&f->rig);
        rig_open(&f->rig);
    }
    free(ids);
}

/* ---- Part files that are not as they should be */

static void path_of(const fixture *f, const fl_str name, char path[FL_LOCAL_PATH_MAX])
{
    snprintf(path, FL_LOCAL_PATH_MAX, "%s/parts/%.*s", f->dir, FL_P(name));
}

/* The only part's path and bytes. */
static size_t read_part(fixture *f, char path[FL_LOCAL_PATH_MAX], unsigned char bytes[65536])
{
    fl_str *names;
    size_t count, n;
    fl_err err;
    snprintf(path, FL_LOCAL_PATH_MAX, "%s/parts", f->dir);
    assert_ok(fl_fs_system()->list(fl_fs_system(), path, &f->arena, &names, &count, &err), &err);
    assert_int_equal(count, 1);
    path_of(f, names[0], path);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    n = fread(bytes, 1, 65536, file);
    fclose(file);
    return n;
}

static void write_file(const char *path, const void *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void a_part_of_a_newer_format_is_refused_at_start_and_nothing_is_touched(void **state)
{
    fixture *f = *state;
    char path[FL_LOCAL_PATH_MAX], unfinished[FL_LOCAL_PATH_MAX];
    static unsigned char bytes[65536];
    fl_err err;
    rig_open(&f->rig);
    put_segment(f, 1, 1, 0);
    settle(f);
    rig_close(&f->rig);
    size_t n = read_part(f, path, bytes);
    unsigned char *tail = bytes + n - 48;
    tail[12] = FL_PART_VERSION + 1;
    uint64_t hash = fl_hash64(tail, 32, 0);
    for (size_t i = 0; i < 8; i++) {
        tail[32 + i] = (unsigned char)(hash >> (8 * i));
    }
    write_file(path, bytes, n);
    path_of(f, FL_S("20250204-0000000000000009-0000000000000009-0.part.tmp"), unfinished);
    write_file(unfinished, "x", 1);
    assert_int_equal(rig_try_open(&f->rig, &err), FL_E_CORRUPT);
    assert_non_null(strstr(err.message, path));
    assert_non_null(strstr(err.message, "has format 2, this fluoro reads format 1"));
    assert_non_null(strstr(err.message, "use the newer one, or move the file away"));
    f->rig.store = NULL;
    assert_int_equal(remove(unfinished), 0);
    assert_int_equal(remove(path), 0);
    rig_open(&f->rig);
}

/* A crash left both the merged part and what it was made of; then the merged one was damaged. */
static void a_damaged_part_replaces_nothing(void **state)
{
    fixture *f = *state;
    enum { INPUTS = 3 };
    static unsigned char bytes[INPUTS + 1][65536];
    char paths[INPUTS + 1][FL_LOCAL_PATH_MAX];
    size_t sizes[INPUTS + 1];
    f->rig.options.merge_parts = 100;
    for (uint64_t i = 0; i < INPUTS; i++) {
        rig_open(&f->rig);
        put_segment(f, i, 1, 0);
        settle(f);
        rig_close(&f->rig);
        sizes[i] = read_part(f, paths[i], bytes[i]);
        assert_int_equal(remove(paths[i]), 0);
        char name[FL_PART_NAME_MAX];
        fl_part_name made = {.partition = RIG_EPOCH_S / 86400, .low = i + 1, .high = i + 1};
        fl_part_name_emit(&made, name);
        path_of(f, fl_str_of(name), paths[i]);
    }
    for (size_t i = 0; i < INPUTS; i++) {
        write_file(paths[i], bytes[i], sizes[i]);
    }
    f->rig.options.merge_parts = INPUTS;
    rig_open(&f->rig);
    settle(f);
    assert_int_equal(STAT(f, parts), 1);
    rig_close(&f->rig);
    sizes[INPUTS] = read_part(f, paths[INPUTS], bytes[INPUTS]);
    bytes[INPUTS][sizes[INPUTS] - 1] ^= 1;
    write_file(paths[INPUTS], bytes[INPUTS], sizes[INPUTS]);
    for (size_t i = 0; i < INPUTS; i++) {
        write_file(paths[i], bytes[i], sizes[i]);
    }
    f->rig.options.merge_parts = 100;
    rig_open(&f->rig);
    assert_true(rig_logged(&f->rig, "part cannot be read"));
    assert_int_equal(rig_scan_all(&f->rig, &f->arena).row_count, INPUTS);
}

/* Also where late segments of its traces come, and merges of others meet them. */
static void a_damaged_part_keeps_nobody_else_from_settling(void **state)
{
    fixture *f = *state;
    char path[FL_LOCAL_PATH_MAX];
    static unsigned char bytes[65536];
    rig_open(&f->rig);
    put_segment(f, 1, 1, 0);
    put_segment(f, 2, 2, 0);
    settle(f);
    rig_close(&f->rig);
    size_t n = read_part(f, path, bytes);
    bytes[40] ^= 1; /* in the head of its block */
    write_file(path, bytes, n);
    rig_open(&f->rig);
    for (uint64_t i = 0; i < 8; i++) {
        put_segment(f, 1, 10 + i, 0);
        put_segment(f, 3, 20 + i, 0);
        settle(f);
    }
    assert_true(STAT(f, merges_total) > 0);
    assert_true(rig_logged(&f->rig, "part is damaged"));
    assert_int_equal(rig_count(&f->rig, rig_trace_id(3)), 8);
    rig_close(&f->rig);
    rig_open(&f->rig);
    put_segment(f, 3, 30, 0);
    assert_int_equal(rig_count(&f->rig, rig_trace_id(3)), 9);
}

/* Its neighbours are merged to one whose name seems to include it. */
static void a_part_that_cannot_be_read_is_never_removed(void **state)
{
    fixture *f = *state;
    char path[FL_LOCAL_PATH_MAX], name[FL_PART_NAME_MAX];
    fl_part_name second = {.partition = RIG_EPOCH_S / 86400, .low = 2, .high = 2};
    f->rig.options.merge_parts = 100;
    rig_open(&f->rig);
    for (uint64_t i = 0; i < 3; i++) {
        put_segment(f, i, 1, 0);
        settle(f);
    }
    rig_close(&f->rig);
    fl_part_name_emit(&second, name);
    path_of(f, fl_str_of(name), path);
    write_file(path, "damaged", 7);
    f->rig.options.merge_parts = 2;
    for (int again = 0; again < 2; again++) {
        rig_open(&f->rig);
        settle(f);
        assert_int_equal(STAT(f, parts), 1);
        rig_close(&f->rig);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        fclose(file);
    }
    rig_open(&f->rig);
}

#define SETTLE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_small, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SETTLE_TEST(a_settled_trace_leaves_memory_and_log_and_is_answered_as_before),
        SETTLE_TEST(a_late_segment_joins_its_trace_wherever_that_is),
        SETTLE_TEST(a_trace_that_dribbles_is_whole_and_in_order_and_merges_keep_parts_few),
        SETTLE_TEST(a_trace_that_dribbles_for_a_day_keeps_every_byte),
        SETTLE_TEST(a_trace_is_read_in_pages),
        SETTLE_TEST(pinned_traces_outlive_their_retention_until_they_are_let_go),
        SETTLE_TEST(a_scan_over_its_budget_says_where_to_go_on),
        SETTLE_TEST(a_second_reader_sees_what_is_there_and_changes_nothing),
        SETTLE_TEST(many_pins_are_each_kept_once_in_order),
        SETTLE_TEST(a_part_of_a_newer_format_is_refused_at_start_and_nothing_is_touched),
        SETTLE_TEST(a_damaged_part_replaces_nothing),
        SETTLE_TEST(a_damaged_part_keeps_nobody_else_from_settling),
        SETTLE_TEST(a_part_that_cannot_be_read_is_never_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
