/*
 * The store against a naive list: random puts (many at once, duplicates, in progress, out of order,
 * late), gets in pages, scans with every parameter, time that passes, settling, merging, pins,
 * closing, killing and opening with other numbers of shards. Both must give the same answers.
 */
#include <stdlib.h>

#include "support/naive_store.h"

#define RUNS         (TEST_IS_SLOW ? 9 : 16)
#define STEPS        200
#define TRACE_BYTES  2000
#define RETENTION_NS (1000 * FL_NS_PER_S)

static void settle(naive_pair *p)
{
    fl_err err;
    assert_ok(fl_store_local_settle(p->rig.store, &err), &err);
}

static void open_pair(naive_pair *p)
{
    store_rig *rig = &p->rig;
    rig_init(rig, 1 + (size_t)naive_below(p, RIG_LOOPS_MAX), NAIVE_DIR, fault_fs_calls(p->fs));
    rig->config.retention_ns = p->retention_ns;
    rig->config.limits.trace_bytes = p->trace_bytes;
    rig->options.file_bytes = 4000 + naive_below(p, 4000);
    rig->options.settle_bytes = 500 + naive_below(p, 20000);
    rig->options.settle_idle_ns = (int64_t)naive_below(p, 3) * FL_NS_PER_S;
    rig->options.settle_age_ns = (int64_t)naive_below(p, 500) * FL_NS_PER_S;
    rig->options.merge_parts = 2 + (uint32_t)naive_below(p, 3);
    rig->options.block_rows = 1 + (uint32_t)naive_below(p, 40);
}

static void reopen(naive_pair *p)
{
    int64_t now = naive_now(p);
    if (naive_below(p, 2) == 0) {
        rig_fini(&p->rig);
    } else {
        fault_fs *survived = fault_fs_after_kill(p->fs);
        rig_fini(&p->rig);
        fault_fs_free(p->fs);
        p->fs = survived;
    }
    open_pair(p);
    atomic_store(&p->rig.clock.wall, now);
    rig_open(&p->rig);
}

static void step(naive_pair *p)
{
    switch (naive_below(p, 14)) {
    case 12:
        settle(p);
        break;
    case 13:
        naive_random_pin(p);
        break;
    case 0:
        naive_pass(p, (int64_t)naive_below(p, 400) * FL_NS_PER_S);
        break;
    case 1:
        reopen(p);
        break;
    case 2:
    case 3:
        naive_random_get(p);
        break;
    case 4:
    case 5:
        naive_random_scan(p);
        break;
    default:
        naive_random_put(p);
        break;
    }
}

static void the_store_answers_as_a_naive_list(void **state)
{
    (void)state;
    test_random random = test_random_begin();
    for (int run = 0; run < RUNS; run++) {
        naive_pair *p = malloc(sizeof *p);
        assert_non_null(p);
        naive_begin(p, &random, NAIVE_TRACES_MAX);
        p->retention_ns = RETENTION_NS;
        p->trace_bytes = run % 3 == 0 ? TRACE_BYTES : 0;
        p->fs = fault_fs_new();
        open_pair(p);
        rig_open(&p->rig);
        for (int i = 0; i < STEPS; i++) {
            step(p);
        }
        rig_fini(&p->rig);
        naive_end(p);
        fault_fs_free(p->fs);
        free(p);
    }
}

/* ---- Rows alone, where a store would be slow: many traces */

typedef struct row_model {
    fl_trace_id id;
    int64_t start_ns;
    bool there;
} row_model;

static void check_rows(fl_rows *rows, const row_model *model, size_t count)
{
    size_t there = 0;
    for (size_t i = 0; i < count; i++) {
        const fl_row *row = fl_rows_find(rows, model[i].id, false);
        assert_int_equal(row != NULL, model[i].there);
        assert_true(row == NULL || row->start_ns == model[i].start_ns);
        there += model[i].there;
    }
    assert_int_equal(rows->used, there);
}

static void rows_are_found_through_every_change(void **state)
{
    (void)state;
    enum { MODEL = 3000, CHANGES = 40000 };
    test_random random = test_random_begin();
    row_model *model = calloc(MODEL, sizeof *model);
    fl_budget budget = {.max_bytes = (size_t)64 << 20};
    fl_rows *rows = calloc(1, sizeof *rows);
    assert_true(model != NULL && rows != NULL);
    fl_rows_init(rows, &budget);
    for (size_t i = 0; i < MODEL; i++) {
        model[i].id = (fl_trace_id){0, i + 1};
    }
    for (size_t i = 0; i < CHANGES; i++) {
        row_model *m = &model[test_random_below(&random, MODEL)];
        fl_row *row = fl_rows_find(rows, m->id, false);
        if (row != NULL && test_random_below(&random, 4) == 0) {
            fl_rows_drop(rows, row);
            m->there = false;
            continue;
        }
        int64_t start = (int64_t)test_random_below(&random, 5000) * FL_NS_PER_S / 7;
        row = row != NULL ? row : fl_rows_make(rows, m->id);
        assert_non_null(row);
        assert_true(fl_rows_reserve(rows, row));
        fl_row_add(row, start, (fl_record_times){start, start}, i, i);
        assert_int_equal(fl_row_refs(row)[row->record_count - 1], i);
        m->start_ns = !m->there || start < m->start_ns ? start : m->start_ns;
        m->there = true;
        if (i % 4000 == 0) {
            check_rows(rows, model, MODEL);
        }
    }
    check_rows(rows, model, MODEL);
    fl_rows_fini(rows);
    assert_int_equal(fl_budget_used(&budget), 0);
    free(rows);
    free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_store_answers_as_a_naive_list),
        cmocka_unit_test(rows_are_found_through_every_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
