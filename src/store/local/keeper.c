/*
 * The keeper: the one thread that changes the set of parts. Settles come first, as they free the
 * memory that puts wait for: a long merge runs them between two of its blocks.
 */
#include "store/local/local_int.h"

#define PATIENCE_TURNS 10 /* to wait for shards that were asked to settle, too … */
#define PATIENCE_MS    2  /* … so long each */

static bool is_asked(const fl_store *store)
{
    for (size_t i = 0; i < store->shard_count; i++) {
        if (atomic_load(&store->shards[i].asked)) {
            return true;
        }
    }
    return false;
}

static bool has_settles(fl_keeper *keeper)
{
    uv_mutex_lock(&keeper->lock);
    bool has = keeper->first != NULL;
    uv_mutex_unlock(&keeper->lock);
    return has;
}

/* All settles of the queue, as a list; NULL if there is none. */
static fl_settle *take_settles(fl_store *store)
{
    fl_keeper *keeper = &store->keeper;
    if (!has_settles(keeper)) {
        return NULL;
    }
    for (int i = 0; i < PATIENCE_TURNS && is_asked(store); i++) {
        uv_sleep(PATIENCE_MS);
    }
    uv_mutex_lock(&keeper->lock);
    fl_settle *first = keeper->first;
    keeper->first = NULL;
    uv_mutex_unlock(&keeper->lock);
    return first;
}

static void run_settles(fl_store *store, fl_settle *first)
{
    fl_err err = {0};
    fl_status status = fl_settle_run(store, first, &err);
    for (fl_settle *settle = first, *next; settle != NULL; settle = next) {
        next = settle->next; /* its shard may queue it again at once */
        settle->status = status;
        settle->err = err;
        fl_counter_sub(&store->stats->settling, 1);
        fl_loop_post(settle->shard->loop, &settle->task);
    }
}

bool fl_keeper_turn(fl_store *store)
{
    fl_settle *first;
    while ((first = take_settles(store)) != NULL) {
        run_settles(store, first);
    }
    uv_mutex_lock(&store->keeper.lock);
    bool stop = store->keeper.stop;
    uv_mutex_unlock(&store->keeper.lock);
    return !stop;
}

static void clear_parts(fl_store *store)
{
    fl_err err;
    fl_status status = fl_parts_clear(store, &err);
    if (status != FL_OK) {
        fl_counter_add(&store->stats->io_errors_total, 1);
        FL_LOG(store->config.log, FL_LOG_ERROR, "no part is written before that works",
               fl_kv_text("error", fl_err_text(&err, status)));
    }
}

/* What is left of the log, retention, then merges as long as some are due. */
static void tidy(fl_store *store)
{
    bool did = true;
    fl_parts_charge(store, fl_local_is_short_of_memory(store));
    fl_wal_files_clear(store);
    clear_parts(store);
    fl_retain(store);
    while (did && fl_keeper_turn(store)) {
        fl_err err;
        fl_status status = fl_merge_once(store, &did, &err);
        if (status != FL_OK && status != FL_E_SHUTDOWN) {
            fl_counter_add(&store->stats->io_errors_total, status == FL_E_IO);
            FL_LOG(store->config.log, FL_LOG_ERROR, "parts not merged",
                   fl_kv_text("error", fl_err_text(&err, status)));
        }
        if (status != FL_OK) {
            return; /* at the next look again */
        }
    }
    fl_counter_set(&store->stats->merging, 0);
}

/* Waits for something to do; false at the end. */
static bool wait_for_work(fl_keeper *keeper, bool *look)
{
    uv_mutex_lock(&keeper->lock);
    while (keeper->first == NULL && !keeper->look && !keeper->stop) {
        keeper->idle = true;
        uv_cond_broadcast(&keeper->wake);
        uv_cond_wait(&keeper->wake, &keeper->lock);
    }
    keeper->idle = false;
    *look = keeper->look || keeper->first != NULL;
    keeper->look = false;
    bool stop = keeper->stop && keeper->first == NULL;
    uv_mutex_unlock(&keeper->lock);
    return !stop;
}

static void run_keeper(void *user)
{
    fl_store *store = user;
    bool look;
    while (wait_for_work(&store->keeper, &look)) {
        if (fl_keeper_turn(store) && look) {
            tidy(store);
        }
    }
}

/* ---- For others */

void fl_keeper_settle(fl_store *store, fl_settle *settle)
{
    fl_keeper *keeper = &store->keeper;
    settle->next = NULL;
    fl_counter_add(&store->stats->settling, 1);
    uv_mutex_lock(&keeper->lock);
    if (keeper->first == NULL) {
        keeper->first = settle;
    } else {
        keeper->last->next = settle;
    }
    keeper->last = settle;
    uv_cond_broadcast(&keeper->wake);
    uv_mutex_unlock(&keeper->lock);
}

void fl_keeper_look(fl_store *store)
{
    fl_keeper *keeper = &store->keeper;
    if (!keeper->running) {
        return;
    }
    uv_mutex_lock(&keeper->lock);
    keeper->look = true;
    uv_cond_broadcast(&keeper->wake);
    uv_mutex_unlock(&keeper->lock);
}

fl_status fl_keeper_start(fl_store *store, fl_err *err)
{
    fl_keeper *keeper = &store->keeper;
    if (uv_mutex_init(&keeper->lock) != 0) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for the store's keeper");
    }
    if (uv_cond_init(&keeper->wake) != 0) {
        uv_mutex_destroy(&keeper->lock);
        FL_FAIL(err, FL_E_NOMEM, "no memory for the store's keeper");
    }
    keeper->locks = true;
    keeper->running = uv_thread_create(&keeper->thread, run_keeper, store) == 0;
    if (!keeper->running) {
        FL_FAIL(err, FL_E_NOMEM, "no thread for the store's keeper");
    }
    return FL_OK;
}

void fl_keeper_stop(fl_store *store)
{
    fl_keeper *keeper = &store->keeper;
    if (keeper->running) {
        uv_mutex_lock(&keeper->lock);
        keeper->stop = true;
        uv_cond_broadcast(&keeper->wake);
        uv_mutex_unlock(&keeper->lock);
        (void)uv_thread_join(&keeper->thread);
        keeper->running = false;
    }
    if (keeper->locks) {
        uv_cond_destroy(&keeper->wake);
        uv_mutex_destroy(&keeper->lock);
        keeper->locks = false;
    }
}
