/* Life of the embedded store: opening, timers, closing. */
#include <stdio.h>
#include <stdlib.h>

#include "store/local/local_int.h"

#define FILE_BYTES     ((uint64_t)32 * 1024 * 1024)
#define FILE_BYTES_MIN ((uint64_t)1024 * 1024)
#define FILE_BYTES_MAX (FL_WAL_OFFSET_MAX / 2)
#define FILES_PER_BUDGET                                                                           \
    8 /* so many files of a shard, or parts, make up the disk budget, at least */
#define PART_BYTES      ((uint64_t)256 * 1024 * 1024)
#define SETTLE_BYTES    ((uint64_t)16 * 1024 * 1024)
#define READ_ONLY_TRIES 50
#define SETTLE_SHARE    16 /* a settle takes up to a sixteenth of the memory */
#define QUEUE_SHARE     4  /* a quarter of the memory is for queued writes */
#define QUEUE_BYTES_MAX ((size_t)1024 * 1024 * 1024)

fl_local_options fl_local_options_default(void)
{
    return (fl_local_options){
        .file_bytes = FILE_BYTES,
        .sweep_interval_ns = FL_NS_PER_S,
        .sync_interval_ns = FL_NS_PER_S,
        .commit_interval_ns = 5 * FL_NS_PER_MS,
        .settle_bytes = SETTLE_BYTES,
        .settle_idle_ns = 2 * FL_NS_PER_S,
        .settle_age_ns = 30 * FL_NS_PER_S,
        .settle_look_ns = 100 * FL_NS_PER_MS,
        .merge_parts = 8,
        .part_bytes = PART_BYTES,
    };
}

/* ---- Making */

/* So small that the disk budget can be kept to by whole files. */
static uint64_t within_budget(const fl_store_config *config, uint64_t bytes)
{
    if (config->disk_bytes != 0) {
        uint64_t share = config->disk_bytes / (FILES_PER_BUDGET * config->loop_count);
        share = share > FILE_BYTES_MIN ? share : FILE_BYTES_MIN;
        bytes = bytes < share ? bytes : share;
    }
    return bytes;
}

static void set_sizes(fl_store *store)
{
    fl_local_options *options = &store->options;
    uint64_t settle = store->config.memory_bytes / SETTLE_SHARE;
    uint64_t file = options->file_bytes < FILE_BYTES_MAX ? options->file_bytes : FILE_BYTES_MAX;
    options->file_bytes = within_budget(&store->config, file);
    options->part_bytes = within_budget(&store->config, options->part_bytes);
    options->settle_bytes = options->settle_bytes < settle ? options->settle_bytes : settle;
}

static void set_budgets(fl_store *store)
{
    size_t queue = store->config.memory_bytes / QUEUE_SHARE;
    store->queue_budget.max_bytes = queue < QUEUE_BYTES_MAX ? queue : QUEUE_BYTES_MAX;
    store->row_budget.max_bytes = store->config.memory_bytes - store->queue_budget.max_bytes;
}

static fl_status copy_config(fl_store *store, fl_err *err)
{
    const fl_store_config *config = &store->config;
    store->dir = strdup(config->dir);
    store->loops = calloc(config->loop_count, sizeof(fl_loop *));
    store->shards = calloc(config->loop_count, sizeof *store->shards);
    store->stats = calloc(1, sizeof *store->stats);
    if (store->dir == NULL || store->loops == NULL || store->shards == NULL ||
        store->stats == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for the store");
    }
    memcpy(store->loops, config->loops, config->loop_count * sizeof(fl_loop *));
    store->config.dir = store->dir;
    store->config.loops = store->loops;
    set_sizes(store);
    set_budgets(store);
    fl_time_init(store);
    atomic_init(&store->active, 1);
    for (size_t i = 0; i < config->loop_count; i++) {
        fl_shard_init(&store->shards[i], store, store->loops[i], (uint32_t)i);
        store->shard_count++;
    }
    return FL_OK;
}

/* The folder that a path stands in. */
static void parent_of(const char *path, char parent[FL_LOCAL_PATH_MAX])
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') {
        n--;
    }
    while (n > 0 && path[n - 1] != '/') {
        n--;
    }
    snprintf(parent, FL_LOCAL_PATH_MAX, "%.*s", n != 0 ? (int)n : 1, n != 0 ? path : ".");
}

/* Makes the folders so that their names outlive a power loss, and takes the lock. */
static fl_status prepare_dir(fl_store *store, fl_err *err)
{
    fl_fs *fs = store->config.fs;
    char path[FL_LOCAL_PATH_MAX];
    FL_TRY(fl_wal_files_init(&store->files, store->dir, err));
    if (store->config.read_only) {
        return FL_OK;
    }
    FL_TRY(fs->make_dir(fs, store->files.dir, err));
    parent_of(store->dir, path);
    FL_TRY(fs->sync_dir(fs, path, err));
    FL_TRY(fs->sync_dir(fs, store->dir, err));
    /* What was removed before a crash must not come back, when others have its numbers. */
    FL_TRY(fs->sync_dir(fs, store->files.dir, err));
    snprintf(path, sizeof path, "%s/lock", store->dir);
    fl_status status = fs->lock(fs, path, &store->lock, err);
    if (status == FL_E_BUSY) {
        FL_FAIL(err, FL_E_BUSY,
                "another fluoro uses the data directory %s; stop it or choose another --data",
                store->dir);
    }
    store->locked = status == FL_OK;
    return status;
}

/* ---- Timers, on each shard's thread */

typedef struct timers_call {
    fl_shard *shard;
    fl_status status;
    fl_err err;
} timers_call;

static void on_sweep_timer(void *user)
{
    fl_shard *shard = user;
    fl_shard_sweep(shard);
    fl_shard_choose(shard);
    fl_writer_end_file(shard);
    if (shard->number == 0) {
        fl_keeper_look(shard->store);
    }
}

static void on_sync_timer(void *user)
{
    fl_shard_schedule(user, true);
}

static void start_timers(void *user)
{
    timers_call *call = user;
    fl_shard *shard = call->shard;
    const fl_local_options *options = &shard->store->options;
    (void)uv_timer_init(fl_loop_uv(shard->loop), &shard->commit_timer); /* always 0 */
    call->status = fl_timer_new(shard->loop, options->sweep_interval_ns, on_sweep_timer, shard,
                                &shard->sweep_timer, &call->err);
    if (call->status == FL_OK && shard->store->config.durability == FL_DURABILITY_RELAXED) {
        call->status = fl_timer_new(shard->loop, options->sync_interval_ns, on_sync_timer, shard,
                                    &shard->sync_timer, &call->err);
    }
}

static void stop_timers(void *user)
{
    fl_shard *shard = user;
    fl_timer_free(shard->sweep_timer);
    fl_timer_free(shard->sync_timer);
}

static fl_status start_shards(fl_store *store, fl_err *err)
{
    store->open = true;
    if (store->config.read_only) {
        return FL_OK;
    }
    fl_status status = fl_keeper_start(store, err);
    for (size_t i = 0; i < store->shard_count; i++) {
        timers_call call = {.shard = &store->shards[i]};
        fl_loop_call(call.shard->loop, start_timers, &call);
        if (status == FL_OK && call.status != FL_OK) {
            status = call.status;
            if (err != NULL) {
                *err = call.err;
            }
        }
    }
    return status;
}

/* ---- Closing */

static void commit_timer_closed(uv_handle_t *handle)
{
    uv_sem_post(handle->data);
}

static void close_commit_timer(void *user)
{
    fl_shard *shard = user;
    uv_close((uv_handle_t *)&shard->commit_timer, commit_timer_closed);
}

/* Stops all that a shard's thread does by itself, and waits for what was begun. */
static void stop_shards(fl_store *store)
{
    for (size_t i = 0; store->open && !store->config.read_only && i < store->shard_count; i++) {
        fl_loop_call(store->shards[i].loop, stop_timers, &store->shards[i]);
    }
    fl_local_leave(store);
    uv_sem_wait(&store->idle);
    fl_keeper_stop(store);
    for (size_t i = 0; store->open && !store->config.read_only && i < store->shard_count; i++) {
        fl_shard *shard = &store->shards[i];
        shard->commit_timer.data = &store->idle;
        fl_loop_call(shard->loop, close_commit_timer, shard);
        uv_sem_wait(&store->idle);
    }
}

static void close_files(fl_store *store)
{
    for (size_t i = 0; i < store->shard_count; i++) {
        fl_err err;
        fl_wal_file *file = store->shards[i].writer.file;
        fl_status status = fl_writer_close(&store->shards[i], &err);
        if (file != NULL && status == FL_OK) {
            fl_wal_file_unref(file, 1, NULL); /* if all in it has settled it goes */
        }
        if (status != FL_OK) {
            fl_counter_add(&store->stats->io_errors_total, 1);
            FL_LOG(store->config.log, FL_LOG_ERROR, "log not forced to disk at the end",
                   fl_kv_text("error", fl_err_text(&err, status)));
        }
    }
}

void fl_local_free(fl_store *store)
{
    for (size_t i = 0; i < store->shard_count; i++) {
        fl_shard_fini(&store->shards[i]);
    }
    fl_parts_close(store);
    fl_pins_close(store);
    fl_wal_files_fini(&store->files);
    if (store->locked) {
        store->config.fs->close(store->config.fs, store->lock);
    }
    uv_sem_destroy(&store->idle);
    free(store->stats);
    free(store->shards);
    free(store->loops);
    free(store->dir);
    free(store);
}

/* ---- Settling everything */

static void settle_shard(void *user)
{
    fl_shard *shard = user;
    shard->settle_all = true;
    shard->settle_failed = false; /* it is tried anew */
    fl_shard_choose(shard);
}

typedef struct question {
    fl_shard *shard;
    bool settled, failed;
    fl_err err;
} question;

static void ask_shard(void *user)
{
    question *q = user;
    fl_shard *shard = q->shard;
    q->settled = shard->rows.used == 0;
    q->failed = shard->settle_failed;
    q->err = shard->settle_err;
}

static bool keeper_is_idle(fl_store *store)
{
    fl_keeper *keeper = &store->keeper;
    uv_mutex_lock(&keeper->lock);
    bool idle = keeper->idle && keeper->first == NULL && !keeper->look;
    uv_mutex_unlock(&keeper->lock);
    return idle;
}

static fl_status settle_all(fl_store *store, fl_err *err)
{
    for (size_t i = 0; i < store->shard_count; i++) {
        fl_loop_call(store->shards[i].loop, settle_shard, &store->shards[i]);
    }
    for (size_t i = 0; i < store->shard_count;) {
        question q = {.shard = &store->shards[i]};
        fl_loop_call(q.shard->loop, ask_shard, &q);
        if (q.failed) {
            FL_FAIL(err, FL_E_IO, "live traces not settled: %s", q.err.message);
        }
        if (q.settled) {
            i++;
        } else {
            uv_sleep(1);
        }
    }
    return FL_OK;
}

fl_status fl_store_local_settle(fl_store *store, fl_err *err)
{
    FL_TRY(settle_all(store, err));
    while (atomic_load(&store->files.leaving) != 0) {
        uv_sleep(1);
    }
    fl_keeper_look(store);
    while (!keeper_is_idle(store)) {
        uv_sleep(1);
    }
    return FL_OK;
}

/* So that the next start need not read the log back. What cannot be settled now stays there. */
static void settle_at_end(fl_store *store)
{
    fl_err err;
    if (store->open && store->keeper.running) {
        (void)settle_all(store, &err);
    }
}

void fl_store_close_and_free(fl_store *store)
{
    atomic_store(&store->closing, true);
    settle_at_end(store);
    stop_shards(store);
    close_files(store);
    fl_local_free(store);
}

/* ---- Opening */

static void log_opened(const fl_store *store, int64_t began_mono_ns)
{
    const fl_store_stats *stats = fl_store_stats_get(store);
    FL_LOG(store->config.log, FL_LOG_INFO, "store opened", fl_kv_text("dir", store->dir),
           fl_kv_i64("traces", (int64_t)fl_counter_get(&stats->traces)),
           fl_kv_i64("segments", (int64_t)fl_counter_get(&stats->segments)),
           fl_kv_i64("disk_bytes", (int64_t)fl_counter_get(&stats->disk_bytes)),
           fl_kv_i64("parts", (int64_t)fl_counter_get(&stats->parts)),
           fl_kv_i64("ms", (fl_clock_mono(store->config.clock) - began_mono_ns) / FL_NS_PER_MS));
}

static fl_status open_store(fl_store *store, fl_err *err)
{
    int64_t began = fl_clock_mono(store->config.clock);
    FL_TRY(copy_config(store, err));
    FL_TRY(prepare_dir(store, err));
    FL_TRY(fl_pins_open(store, err));
    FL_TRY(fl_parts_open(store, err));
    FL_TRY(fl_local_recover(store, err));
    log_opened(store, began);
    return FL_OK;
}

static fl_status load_once(const fl_store_config *config, const fl_local_options *options,
                           fl_store **out, fl_err *err)
{
    fl_store *store = calloc(1, sizeof *store);
    if (store == NULL || uv_sem_init(&store->idle, 0) != 0) {
        free(store);
        FL_FAIL(err, FL_E_NOMEM, "no memory for the store");
    }
    store->config = *config;
    store->options = *options;
    fl_status status = open_store(store, err);
    if (status != FL_OK) {
        fl_local_free(store);
        return status;
    }
    *out = store;
    return FL_OK;
}

/* Beside a process that writes, traces may go from the log to a part, or parts be merged, while
 * both are read: then what was found is not of one moment, and it is tried again. */
fl_status fl_local_load(const fl_store_config *config, const fl_local_options *options,
                        fl_store **out, fl_err *err)
{
    if (config->loop_count == 0 || config->loop_count > UINT16_MAX) {
        FL_FAIL(err, FL_E_CONFIG, "a store needs 1 to %d loops", UINT16_MAX);
    }
    for (int tries = 0; tries < READ_ONLY_TRIES; tries++) {
        FL_TRY(load_once(config, options, out, err));
        if (!config->read_only || !fl_parts_changed(*out)) {
            return FL_OK;
        }
        fl_local_free(*out);
    }
    FL_FAIL(err, FL_E_BUSY, "%s changes faster than it can be read; try again", config->dir);
}

fl_status fl_store_local_open_with(const fl_store_config *config, const fl_local_options *options,
                                   fl_store **out, fl_err *err)
{
    fl_store *store;
    FL_TRY(fl_local_load(config, options, &store, err));
    fl_status status = start_shards(store, err);
    if (status != FL_OK) {
        fl_store_close_and_free(store);
        return status;
    }
    *out = store;
    return FL_OK;
}

fl_status fl_store_local_open(const fl_store_config *config, fl_store **out, fl_err *err)
{
    fl_local_options options = fl_local_options_default();
    return fl_store_local_open_with(config, &options, out, err);
}

/* ---- Numbers */

/* The oldest trace time of all; INT64_MAX if there is none. */
static int64_t oldest_of(const fl_store *store)
{
    int64_t oldest = INT64_MAX;
    for (size_t i = 0; i < store->shard_count; i++) {
        int64_t time_ns = atomic_load(&store->shards[i].oldest_ns);
        oldest = time_ns < oldest ? time_ns : oldest;
    }
    int64_t settled_ns = atomic_load(&store->parts.oldest_ns);
    return settled_ns < oldest ? settled_ns : oldest;
}

const fl_store_stats *fl_store_stats_get(const fl_store *store)
{
    fl_store_stats *stats = store->stats;
    int64_t oldest = oldest_of(store);
    fl_counter_set(&stats->traces,
                   fl_counter_get(&stats->live_traces) + fl_counter_get(&stats->part_traces));
    fl_counter_set(&stats->segments,
                   fl_counter_get(&stats->live_segments) + fl_counter_get(&stats->part_segments));
    fl_counter_set(&stats->disk_bytes,
                   fl_counter_get(&stats->log_bytes) + fl_counter_get(&stats->part_bytes));
    fl_counter_set(&stats->index_bytes, fl_budget_used(&store->row_budget));
    fl_counter_set(&stats->queued_bytes, fl_budget_used(&store->queue_budget));
    fl_counter_set(&stats->oldest_time_s,
                   oldest == INT64_MAX || oldest < 0 ? 0 : (uint64_t)(oldest / FL_NS_PER_S));
    return stats;
}
