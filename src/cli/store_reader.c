/* A store opened to be read only, and its operations as calls that wait. */
#include <unistd.h>

#include "cli/store_int.h"
#include "server/server.h"

#define MEMORY_BYTES ((size_t)512 << 20) /* for what is not settled yet, and indices */

extern char **environ;

fl_status fl_store_dir_of(fl_arena *arena, const char *given, const char **dir, fl_err *err)
{
    fl_server_config config;
    const fl_setting data = {FL_S("data"), fl_str_of(given)};
    FL_TRY(fl_server_config_read(arena, &data, given != NULL, environ, &config, err));
    *dir = fl_str_zdup(arena, config.data);
    if (*dir == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    return FL_OK;
}

fl_status fl_store_reader_open(fl_store_reader *reader, const char *dir, bool quiet, fl_err *err)
{
    const fl_clock *clock = fl_clock_system();
    fl_store_reader r = {0};
    r.log = quiet ? NULL : fl_log_new(STDERR_FILENO, FL_LOG_ERROR, FL_LOG_TEXT, clock);
    fl_status status = fl_loop_new(r.log, &r.loop, err);
    if (status == FL_OK) {
        status = fl_loop_start(r.loop, err);
    }
    if (status == FL_OK) {
        fl_store_config config = {.dir = dir,
                                  .loops = &r.loop,
                                  .loop_count = 1,
                                  .read_only = true,
                                  .memory_bytes = MEMORY_BYTES,
                                  .limits = fl_limits_of(FL_PROFILE_OPEN, 0),
                                  .fs = fl_fs_system(),
                                  .clock = clock,
                                  .log = r.log};
        status = fl_store_local_open(&config, &r.store, err);
    }
    if (status != FL_OK) {
        fl_store_reader_close(&r);
        return status;
    }
    *reader = r;
    return FL_OK;
}

void fl_store_reader_close(fl_store_reader *reader)
{
    if (reader->store != NULL) {
        fl_store_close_and_free(reader->store);
    }
    if (reader->loop != NULL) {
        fl_loop_stop_and_free(reader->loop);
    }
    fl_log_free(reader->log);
    *reader = (fl_store_reader){0};
}

/* ---- Operations: begun on the loop, waited for here */

typedef struct waiter {
    fl_store *store;
    uv_sem_t done;
} waiter;

static void wait_for(fl_store_reader *reader, waiter *w, void (*begin)(void *user))
{
    w->store = reader->store;
    if (uv_sem_init(&w->done, 0) != 0) {
        fl_bug("no semaphore");
    }
    fl_loop_call(reader->loop, begin, w);
    uv_sem_wait(&w->done);
    uv_sem_destroy(&w->done);
}

typedef struct get_waiter {
    waiter base;
    fl_store_get get;
} get_waiter;

static void get_done(fl_store_get *get)
{
    uv_sem_post(&((get_waiter *)(void *)((char *)get - offsetof(get_waiter, get)))->base.done);
}

static void begin_get(void *user)
{
    get_waiter *w = user;
    fl_store_get_begin(w->base.store, &w->get);
}

void fl_store_reader_get(fl_store_reader *reader, fl_store_get *get)
{
    get_waiter w = {.get = *get};
    w.get.loop = reader->loop;
    w.get.done = get_done;
    wait_for(reader, &w.base, begin_get);
    *get = w.get;
}

typedef struct scan_waiter {
    waiter base;
    fl_store_scan scan;
} scan_waiter;

static void scan_done(fl_store_scan *scan)
{
    uv_sem_post(&((scan_waiter *)(void *)((char *)scan - offsetof(scan_waiter, scan)))->base.done);
}

static void begin_scan(void *user)
{
    scan_waiter *w = user;
    fl_store_scan_begin(w->base.store, &w->scan);
}

void fl_store_reader_scan(fl_store_reader *reader, fl_store_scan *scan)
{
    scan_waiter w = {.scan = *scan};
    w.scan.loop = reader->loop;
    w.scan.done = scan_done;
    wait_for(reader, &w.base, begin_scan);
    *scan = w.scan;
}
