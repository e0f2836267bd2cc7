/* Puts, gets and scans from all loops at once, while traces settle and parts are merged, and the
 * store closed under them. */
#include <stdlib.h>

#include "support/store_rig.h"

#define LOOPS   3
#define ACTORS  9 /* a third each put, get and scan */
#define ROUNDS  150
#define TRACES  40
#define PER_PUT 4

typedef struct actor actor;

typedef struct crowd {
    store_rig rig;
    actor *actors;
    atomic_size_t busy;
    atomic_size_t begun; /* actors */
    uv_sem_t idle;
    atomic_size_t acknowledged[TRACES]; /* segments */
    atomic_size_t shut_down;            /* operations that were told so */
} crowd;

struct actor {
    crowd *crowd;
    fl_loop *loop;
    fl_task task;
    size_t kind, number, round;
    fl_store_put put;
    fl_segment segments[PER_PUT];
    const fl_segment *list[PER_PUT];
    fl_store_get get;
    fl_trace_id ids[TRACES];
    size_t expected[TRACES]; /* acknowledged before the get began */
    fl_store_scan scan;
    fl_arena arena;
};

static void act(actor *a);

/* Notes how an operation ended; the actor goes on or rests. */
static void went(actor *a, fl_status status)
{
    crowd *c = a->crowd;
    if (status != FL_OK) {
        assert_int_equal(status, FL_E_SHUTDOWN);
        atomic_fetch_add(&c->shut_down, 1);
    }
    if (status != FL_OK || ++a->round >= ROUNDS) {
        if (atomic_fetch_sub(&c->busy, 1) == 1) {
            uv_sem_post(&c->idle);
        }
        return;
    }
    act(a);
}

static void put_done(fl_store_put *put)
{
    actor *a = FL_CONTAINER_OF(put, actor, put);
    for (size_t i = 0; put->status == FL_OK && i < PER_PUT; i++) {
        atomic_fetch_add(&a->crowd->acknowledged[a->segments[i].trace_id.lo >> 32], 1);
    }
    went(a, put->status);
}

static void get_done(fl_store_get *get)
{
    actor *a = FL_CONTAINER_OF(get, actor, get);
    for (size_t i = 0; get->status == FL_OK && i < TRACES; i++) {
        assert_true(get->traces[i].count >= a->expected[i]);
        for (size_t k = 1; k < get->traces[i].count; k++) {
            assert_true(get->traces[i].records[k].arrival > get->traces[i].records[k - 1].arrival);
        }
    }
    fl_arena_reset(&a->arena);
    went(a, get->status);
}

static void scan_done(fl_store_scan *scan)
{
    actor *a = FL_CONTAINER_OF(scan, actor, scan);
    for (size_t i = 1; scan->status == FL_OK && i < scan->row_count; i++) {
        fl_store_place newer = {scan->rows[i - 1].time_ns, scan->rows[i - 1].start_ns,
                                scan->rows[i - 1].id};
        fl_store_place older = {scan->rows[i].time_ns, scan->rows[i].start_ns, scan->rows[i].id};
        assert_true(fl_store_place_cmp(&newer, &older) < 0);
    }
    for (size_t i = 0; scan->status == FL_OK && i < scan->row_count; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_false(fl_trace_id_eq(scan->rows[i].id, scan->rows[k].id));
        }
    }
    fl_arena_reset(&a->arena);
    went(a, scan->status);
}

static void begin_put(actor *a)
{
    for (size_t i = 0; i < PER_PUT; i++) {
        size_t serial = (a->number * ROUNDS + a->round) * PER_PUT + i;
        a->segments[i] = rig_segment(serial * 7 % TRACES, serial + 1, (int64_t)(serial * 31 % 500));
        a->list[i] = &a->segments[i];
    }
    a->put =
        (fl_store_put){.segments = a->list, .count = PER_PUT, .loop = a->loop, .done = put_done};
    fl_store_put_begin(a->crowd->rig.store, &a->put);
}

static void begin_get(actor *a)
{
    for (size_t i = 0; i < TRACES; i++) {
        a->ids[i] = rig_trace_id(i);
        a->expected[i] = atomic_load(&a->crowd->acknowledged[i]);
    }
    a->get = (fl_store_get){
        .ids = a->ids, .count = TRACES, .arena = &a->arena, .loop = a->loop, .done = get_done};
    fl_store_get_begin(a->crowd->rig.store, &a->get);
}

static void begin_scan(actor *a)
{
    a->scan = (fl_store_scan){.from_ns = INT64_MIN,
                              .to_ns = INT64_MAX,
                              .limit = 1 + a->round % 50,
                              .arena = &a->arena,
                              .loop = a->loop,
                              .done = scan_done};
    fl_store_scan_begin(a->crowd->rig.store, &a->scan);
}

static void act(actor *a)
{
    static void (*const begin[])(actor *) = {begin_put, begin_get, begin_scan};
    begin[a->kind](a);
}

static void run_act(fl_task *task)
{
    actor *a = FL_CONTAINER_OF(task, actor, task);
    act(a);
    atomic_fetch_add(&a->crowd->begun, 1);
}

static void start(crowd *c, const char *dir)
{
    memset(c, 0, sizeof *c);
    rig_init(&c->rig, LOOPS, dir, NULL);
    c->rig.options.file_bytes = 20000;
    c->rig.options.commit_interval_ns = FL_NS_PER_MS / 2;
    c->rig.options.settle_bytes = 4000;
    c->rig.options.settle_idle_ns = 0;
    c->rig.options.merge_parts = 3;
    c->rig.options.block_rows = 16;
    c->rig.config.clock = fl_clock_system();
    rig_open(&c->rig);
    c->actors = calloc(ACTORS, sizeof *c->actors);
    assert_non_null(c->actors);
    assert_int_equal(uv_sem_init(&c->idle, 0), 0);
    atomic_store(&c->busy, ACTORS);
    for (size_t i = 0; i < ACTORS; i++) {
        actor *a = &c->actors[i];
        *a = (actor){.crowd = c,
                     .loop = c->rig.loops[i % LOOPS],
                     .task = {.run = run_act},
                     .kind = i / LOOPS,
                     .number = i};
        fl_arena_init(&a->arena, (size_t)256 << 20);
        fl_loop_post(a->loop, &a->task);
    }
}

static void finish(crowd *c)
{
    rig_fini(&c->rig);
    for (size_t i = 0; i < ACTORS; i++) {
        fl_arena_fini(&c->actors[i].arena);
    }
    free(c->actors);
    uv_sem_destroy(&c->idle);
}

static void reads_see_what_was_acknowledged_while_writes_go_on(void **state)
{
    (void)state;
    crowd c;
    char *dir = test_temp_dir();
    start(&c, dir);
    uv_sem_wait(&c.idle);
    assert_int_equal(atomic_load(&c.shut_down), 0);
    size_t total = 0;
    for (size_t i = 0; i < TRACES; i++) {
        assert_int_equal(rig_count(&c.rig, rig_trace_id(i)), atomic_load(&c.acknowledged[i]));
        total += atomic_load(&c.acknowledged[i]);
    }
    assert_int_equal(total, LOOPS * ROUNDS * PER_PUT);
    finish(&c);
    test_remove_dir(dir);
}

/* An actor begins its next operation in `done` of the one before it, so none is begun on a store
 * that is gone: the last one is told FL_E_SHUTDOWN. */
static void closing_ends_what_was_begun(void **state)
{
    (void)state;
    for (unsigned ms = 1; ms < 40; ms += 7) {
        crowd c;
        char *dir = test_temp_dir();
        start(&c, dir);
        while (atomic_load(&c.begun) < ACTORS) {
            uv_sleep(1);
        }
        uv_sleep(ms);
        rig_close(&c.rig);
        uv_sem_wait(&c.idle);
        assert_in_range(atomic_load(&c.shut_down), LOOPS,
                        ACTORS); /* the puts at least were at work */
        rig_open(&c.rig);
        for (size_t i = 0; i < TRACES; i++) {
            assert_int_equal(rig_count(&c.rig, rig_trace_id(i)), atomic_load(&c.acknowledged[i]));
        }
        finish(&c);
        test_remove_dir(dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_see_what_was_acknowledged_while_writes_go_on),
        cmocka_unit_test(closing_ends_what_was_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
