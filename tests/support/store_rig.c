#include "support/store_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define LOG_MAX_BYTES ((size_t)4 << 20)

/* ---- Life */

void rig_init(store_rig *rig, size_t loops, const char *dir, fl_fs *fs)
{
    fl_err err = {0};
    memset(rig, 0, sizeof *rig);
    fl_clock_manual_init(&rig->clock, RIG_EPOCH_NS, FL_NS_PER_S);
    rig->log_fd = memfd_create("log", MFD_CLOEXEC);
    assert_true(rig->log_fd >= 0);
    for (size_t i = 0; i < loops; i++) {
        assert_ok(fl_loop_new(NULL, &rig->loops[i], &err), &err);
        assert_ok(fl_loop_start(rig->loops[i], &err), &err);
    }
    rig->options = fl_local_options_default();
    rig->options.commit_interval_ns = 0;
    rig->options.settle_look_ns = 0;
    rig->options.sweep_interval_ns = 10 * FL_NS_PER_MS;
    rig->config = (fl_store_config){
        .dir = dir,
        .loops = rig->loops,
        .loop_count = loops,
        .memory_bytes = (size_t)64 << 20,
        .limits = fl_limits_of(FL_PROFILE_OPEN, 0),
        .fs = fs != NULL ? fs : fl_fs_system(),
        .clock = &rig->clock.clock,
        .log = fl_log_new(rig->log_fd, FL_LOG_DEBUG, FL_LOG_TEXT, fl_clock_system()),
    };
    assert_non_null(rig->config.log);
}

void rig_fini(store_rig *rig)
{
    if (rig->store != NULL) {
        rig_close(rig);
    }
    for (size_t i = 0; i < RIG_LOOPS_MAX; i++) {
        if (rig->loops[i] != NULL) {
            fl_loop_stop_and_free(rig->loops[i]);
        }
    }
    fl_log_free(rig->config.log);
    close(rig->log_fd);
}

fl_status rig_try_open(store_rig *rig, fl_err *err)
{
    return fl_store_local_open_with(&rig->config, &rig->options, &rig->store, err);
}

void rig_open(store_rig *rig)
{
    fl_err err = {0};
    assert_ok(rig_try_open(rig, &err), &err);
}

void rig_close(store_rig *rig)
{
    fl_store_close_and_free(rig->store);
    rig->store = NULL;
}

void rig_pass(store_rig *rig, int64_t ns)
{
    atomic_fetch_add(&rig->clock.mono, ns);
    atomic_fetch_add(&rig->clock.wall, ns);
}

bool rig_logged(store_rig *rig, const char *words)
{
    char *text = malloc(LOG_MAX_BYTES + 1);
    assert_non_null(text);
    ssize_t n = pread(rig->log_fd, text, LOG_MAX_BYTES, 0);
    assert_true(n >= 0);
    text[n] = '\0';
    bool found = strstr(text, words) != NULL;
    free(text);
    return found;
}

void rig_clear_log(store_rig *rig)
{
    assert_int_equal(ftruncate(rig->log_fd, 0), 0);
    assert_true(lseek(rig->log_fd, 0, SEEK_SET) == 0);
}

/* ---- Operations: begun on a loop, waited for here */

typedef struct waiter {
    store_rig *rig;
    void *operation;
    uv_sem_t done;
} waiter;

static void wait_for(store_rig *rig, waiter *w, fl_loop *loop, void (*begin)(void *user))
{
    w->rig = rig;
    assert_int_equal(uv_sem_init(&w->done, 0), 0);
    fl_loop_call(loop, begin, w);
    uv_sem_wait(&w->done);
    uv_sem_destroy(&w->done);
}

static fl_loop *next_loop(store_rig *rig)
{
    return rig->loops[rig->next_loop++ % rig->config.loop_count];
}

typedef struct put_waiter {
    waiter base;
    fl_store_put put;
} put_waiter;

static void put_done(fl_store_put *put)
{
    uv_sem_post(&FL_CONTAINER_OF(put, put_waiter, put)->base.done);
}

static void begin_put(void *user)
{
    put_waiter *w = user;
    fl_store_put_begin(w->base.rig->store, &w->put);
}

fl_status rig_put_all(store_rig *rig, const fl_segment *const *segments, size_t count,
                      uint8_t *verdicts, fl_err *err)
{
    fl_loop *loop = next_loop(rig);
    put_waiter w = {.put = {.segments = segments,
                            .count = count,
                            .loop = loop,
                            .done = put_done,
                            .verdicts = verdicts}};
    wait_for(rig, &w.base, loop, begin_put);
    if (err != NULL) {
        *err = w.put.err;
    }
    return w.put.status;
}

fl_status rig_put(store_rig *rig, const fl_segment *segment, fl_err *err)
{
    return rig_put_all(rig, &segment, 1, NULL, err);
}

typedef struct get_waiter {
    waiter base;
    fl_store_get get;
} get_waiter;

static void get_done(fl_store_get *get)
{
    uv_sem_post(&FL_CONTAINER_OF(get, get_waiter, get)->base.done);
}

static void begin_get(void *user)
{
    get_waiter *w = user;
    fl_store_get_begin(w->base.rig->store, &w->get);
}

void rig_get(store_rig *rig, fl_store_get *get)
{
    get_waiter w = {.get = *get};
    w.get.loop = next_loop(rig);
    w.get.done = get_done;
    wait_for(rig, &w.base, w.get.loop, begin_get);
    *get = w.get;
}

typedef struct scan_waiter {
    waiter base;
    fl_store_scan scan;
} scan_waiter;

static void scan_done(fl_store_scan *scan)
{
    uv_sem_post(&FL_CONTAINER_OF(scan, scan_waiter, scan)->base.done);
}

static void begin_scan(void *user)
{
    scan_waiter *w = user;
    fl_store_scan_begin(w->base.rig->store, &w->scan);
}

void rig_scan(store_rig *rig, fl_store_scan *scan)
{
    scan_waiter w = {.scan = *scan};
    w.scan.loop = next_loop(rig);
    w.scan.done = scan_done;
    wait_for(rig, &w.base, w.scan.loop, begin_scan);
    *scan = w.scan;
}

typedef struct pin_waiter {
    waiter base;
    fl_store_pin pin;
} pin_waiter;

static void pin_done(fl_store_pin *pin)
{
    uv_sem_post(&FL_CONTAINER_OF(pin, pin_waiter, pin)->base.done);
}

static void begin_pin(void *user)
{
    pin_waiter *w = user;
    fl_store_pin_begin(w->base.rig->store, &w->pin);
}

fl_status rig_pin(store_rig *rig, const fl_trace_id *ids, size_t count, bool pinned, fl_err *err)
{
    fl_loop *loop = next_loop(rig);
    pin_waiter w = {
        .pin = {.ids = ids, .count = count, .pinned = pinned, .loop = loop, .done = pin_done}};
    wait_for(rig, &w.base, loop, begin_pin);
    if (err != NULL) {
        *err = w.pin.err;
    }
    return w.pin.status;
}

fl_store_scan rig_scan_all(store_rig *rig, fl_arena *arena)
{
    fl_store_scan scan = {
        .from_ns = INT64_MIN, .to_ns = INT64_MAX, .limit = SIZE_MAX, .arena = arena};
    rig_scan(rig, &scan);
    assert_ok(scan.status, &scan.err);
    return scan;
}

size_t rig_count(store_rig *rig, fl_trace_id id)
{
    fl_arena arena;
    fl_arena_init(&arena, (size_t)256 << 20);
    fl_store_get get = {.ids = &id, .count = 1, .arena = &arena};
    rig_get(rig, &get);
    assert_ok(get.status, &get.err);
    size_t count = get.traces[0].count;
    fl_arena_fini(&arena);
    return count;
}

/* ---- Segments */

fl_trace_id rig_trace_id(uint64_t n)
{
    return (fl_trace_id){(uint64_t)RIG_EPOCH_S << 32 | (n >> 32), n << 32 | 0x5eed};
}

fl_segment rig_segment(uint64_t trace, uint64_t id, int64_t start_s)
{
    return (fl_segment){
        .trace_id = rig_trace_id(trace),
        .id = id,
        .name = FL_S("shop"),
        .start_ns = RIG_EPOCH_NS + start_s * FL_NS_PER_S,
        .end_ns = RIG_EPOCH_NS + (start_s + 1) * FL_NS_PER_S,
        .origin = FL_S("AWS::EC2::Instance"),
    };
}
