/*
 * A put: its segments are packed on the caller's thread into one bundle for each shard that they
 * belong to. Parts are handed over whole, wait there for their commit and come back to the put's
 * loop.
 */
#include "store/local/local_int.h"

#include <stdlib.h>

/* A queued document is in memory thrice at worst: in its bundle, in the batch, packed for the disk.
 */
#define QUEUED_COPIES         3
#define ITEM_OVERHEAD         (sizeof(fl_bundle_item) + sizeof(fl_batch_record))
#define FREE_BUNDLES_MAX      64
#define FREE_BUNDLE_BYTES_MAX ((size_t)64 * 1024)

bool fl_local_room(void **items, size_t *capacity, size_t count, size_t item_bytes)
{
    if (count < *capacity) {
        return true;
    }
    size_t larger = *capacity != 0 ? *capacity * 2 : 16;
    void *grown = realloc(*items, larger * item_bytes);
    if (grown == NULL) {
        return false;
    }
    *items = grown;
    *capacity = larger;
    return true;
}

/* ---- Bundles */

void fl_bundle_free(fl_bundle *bundle)
{
    fl_buf_fini(&bundle->documents);
    fl_buf_fini(&bundle->json);
    free(bundle->items);
    free(bundle);
}

static fl_bundle *bundle_new(void)
{
    fl_bundle *bundle = calloc(1, sizeof *bundle);
    if (bundle != NULL) {
        fl_buf_init(&bundle->documents, UINT32_MAX);
        fl_buf_init(&bundle->json, UINT32_MAX);
    }
    return bundle;
}

/* An empty bundle; from the free list of the caller's shard, if the caller is one. */
static fl_bundle *take_bundle(fl_shard *home, fl_shard *shard, fl_store_put *put)
{
    fl_bundle *bundle;
    if (home != NULL && home->free_bundles != NULL) {
        bundle = home->free_bundles;
        home->free_bundles = bundle->next;
        home->free_bundle_count--;
    } else {
        bundle = bundle_new();
    }
    if (bundle != NULL) {
        bundle->home = home;
        bundle->shard = shard;
        bundle->put = put;
        bundle->count = 0;
        bundle->status = FL_OK;
        bundle->charged_bytes = 0;
    }
    return bundle;
}

/* On the thread of its home. */
static void give_bundle(fl_bundle *bundle)
{
    fl_shard *home = bundle->home;
    if (home == NULL || home->free_bundle_count == FREE_BUNDLES_MAX ||
        bundle->documents.capacity > FREE_BUNDLE_BYTES_MAX) {
        fl_bundle_free(bundle);
        return;
    }
    fl_buf_reset(&bundle->documents);
    bundle->next = home->free_bundles;
    home->free_bundles = bundle;
    home->free_bundle_count++;
}

static uint32_t json_length(fl_bundle *bundle, const fl_segment *segment)
{
    fl_buf_reset(&bundle->json);
    fl_segment_emit(segment, &bundle->json);
    return (uint32_t)bundle->json.n;
}

static bool bundle_add(fl_bundle *bundle, const fl_segment *segment, uint32_t index)
{
    const fl_limits *limits = &bundle->shard->store->config.limits;
    if (!fl_local_room((void **)&bundle->items, &bundle->capacity, bundle->count,
                       sizeof *bundle->items)) {
        return false;
    }
    size_t at = bundle->documents.n;
    fl_segment_pack(segment, &bundle->documents);
    bundle->items[bundle->count] = (fl_bundle_item){
        .id = segment->trace_id,
        .start_ns = segment->start_ns,
        .end_ns = segment->end_ns,
        .at = at,
        .n = bundle->documents.n - at,
        .json_bytes = limits->trace_bytes != 0 ? json_length(bundle, segment) : 0,
        .segment = index,
    };
    bundle->count++;
    return bundle->documents.status == FL_OK && bundle->json.status == FL_OK;
}

/* ---- The put */

static void put_done(fl_store_put *put)
{
    fl_store *store = put->store;
    put->done(put);
    fl_local_leave(store);
}

static void run_put_done(fl_task *task)
{
    put_done(FL_CONTAINER_OF(task, fl_store_put, task));
}

static void bundle_returned(fl_task *task)
{
    fl_bundle *bundle = FL_CONTAINER_OF(task, fl_bundle, task);
    fl_store_put *put = bundle->put;
    if (bundle->status != FL_OK && put->status == FL_OK) {
        put->status = bundle->status;
        put->err = bundle->err;
    }
    give_bundle(bundle);
    if (--put->pending == 0) {
        put_done(put);
    }
}

void fl_bundle_return(fl_bundle *bundle)
{
    if (bundle->charged_bytes != 0) {
        fl_budget_give(&bundle->shard->store->queue_budget, bundle->charged_bytes);
    }
    bundle->task.run = bundle_returned;
    fl_loop_post(bundle->put->loop, &bundle->task);
}

static void take_on_shard(fl_task *task)
{
    fl_bundle *bundle = FL_CONTAINER_OF(task, fl_bundle, task);
    fl_shard_take(bundle->shard, bundle);
}

static size_t charge_of(const fl_bundle *bundle)
{
    return QUEUED_COPIES * bundle->documents.n + bundle->count * ITEM_OVERHEAD;
}

/* Room for a whole put. One that is larger than the queue is let in when nothing else is there: it
 * is bounded by what its sender may send, and refusing it would refuse it for ever. */
static bool charge(fl_store *store, size_t bytes)
{
    fl_budget *budget = &store->queue_budget;
    size_t idle = 0;
    return fl_budget_take(budget, bytes) ||
           atomic_compare_exchange_strong(&budget->used_bytes, &idle, bytes);
}

/* Hands a bundle to its shard. */
static void send_bundle(fl_bundle *bundle)
{
    bundle->charged_bytes = charge_of(bundle);
    if (bundle->shard == bundle->home) {
        fl_shard_take(bundle->shard, bundle);
        return;
    }
    bundle->task.run = take_on_shard;
    fl_loop_post(bundle->shard->loop, &bundle->task);
}

static void refuse_bundle(fl_store *store, fl_bundle *bundle)
{
    fl_counter_add(&store->stats->refused_memory_total, bundle->count);
    bundle->status =
        fl_err_set(&bundle->err, FL_E_BUSY, __FILE__, __LINE__,
                   "%zu of %zu bytes for queued writes are in use; retry later or raise --memory",
                   fl_budget_used(&store->queue_budget), store->queue_budget.max_bytes);
    fl_bundle_return(bundle);
}

bool fl_store_has_room(const fl_store *store)
{
    const fl_budget *budget = &store->queue_budget;
    return fl_budget_used(budget) < budget->max_bytes / 4 * 3;
}

/* The shard that runs on this thread, if it is the loop's. */
static fl_shard *shard_of_loop(fl_store *store, const fl_loop *loop)
{
    for (size_t i = 0; i < store->shard_count; i++) {
        if (store->shards[i].loop == loop) {
            return fl_loop_is_current(loop) ? &store->shards[i] : NULL;
        }
    }
    return NULL;
}

/* Packs the segments into bundles; false without memory. */
static bool build_bundles(fl_store *store, fl_store_put *put, fl_bundle **bundles)
{
    fl_shard *home = shard_of_loop(store, put->loop);
    for (size_t i = 0; i < put->count; i++) {
        fl_shard *shard = fl_local_shard(store, put->segments[i]->trace_id);
        fl_bundle *bundle = *bundles;
        while (bundle != NULL && bundle->shard != shard) {
            bundle = bundle->next;
        }
        if (bundle == NULL) {
            bundle = take_bundle(home, shard, put);
            if (bundle == NULL) {
                return false;
            }
            bundle->next = *bundles;
            *bundles = bundle;
        }
        if (!bundle_add(bundle, put->segments[i], (uint32_t)i)) {
            return false;
        }
    }
    return true;
}

/* Arrivals are told in milliseconds: finer ones would cost more bytes than they say. */
static int64_t arrival_time(const fl_store *store)
{
    int64_t now = fl_clock_wall(store->config.clock);
    return now - now % FL_NS_PER_MS;
}

static void send_bundles(fl_store *store, fl_bundle *bundles)
{
    int64_t now = arrival_time(store), mono = fl_clock_mono(store->config.clock);
    size_t bytes = 0;
    for (const fl_bundle *bundle = bundles; bundle != NULL; bundle = bundle->next) {
        bytes += charge_of(bundle);
    }
    bool charged = charge(store, bytes);
    while (bundles != NULL) {
        fl_bundle *bundle = bundles;
        bundles = bundle->next;
        bundle->arrival_ns = now;
        bundle->started_mono_ns = mono;
        if (charged) {
            send_bundle(bundle);
        } else {
            refuse_bundle(store, bundle);
        }
    }
}

void fl_store_put_begin(fl_store *store, fl_store_put *put)
{
    fl_bundle *bundles = NULL;
    put->store = store;
    put->status = FL_OK;
    put->err = (fl_err){0};
    put->pending = 0;
    put->task.run = run_put_done;
    fl_local_enter(store);
    if (atomic_load(&store->closing)) {
        put->status =
            fl_err_set(&put->err, FL_E_SHUTDOWN, __FILE__, __LINE__, "the store is closing");
    } else if (store->config.read_only) {
        put->status = fl_err_set(&put->err, FL_E_CONFIG, __FILE__, __LINE__,
                                 "the store was opened to be read only");
    } else if (!build_bundles(store, put, &bundles)) {
        put->status = fl_err_set(&put->err, FL_E_NOMEM, __FILE__, __LINE__,
                                 "no memory to take in %zu segments", put->count);
        while (bundles != NULL) {
            fl_bundle *next = bundles->next;
            fl_bundle_free(bundles);
            bundles = next;
        }
    }
    if (bundles == NULL) {
        fl_loop_post(put->loop, &put->task);
        return;
    }
    for (const fl_bundle *bundle = bundles; bundle != NULL; bundle = bundle->next) {
        put->pending++;
    }
    send_bundles(store, bundles);
}
