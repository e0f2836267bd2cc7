/*
 * A put: its segments are packed on the caller's thread into one part for each shard that they
 * belong to. Parts are handed over whole, wait there for their commit and come back to the put's
 * loop.
 */
#include "store/local/local_int.h"

#include <stdlib.h>

/* A queued document is in memory thrice at worst: in its part, in the batch, packed for the disk.
 */
#define QUEUED_COPIES       3
#define ITEM_OVERHEAD       (sizeof(fl_part_item) + sizeof(fl_batch_record))
#define FREE_PARTS_MAX      64
#define FREE_PART_BYTES_MAX ((size_t)64 * 1024)

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

/* ---- Parts */

void fl_part_free(fl_part *part)
{
    fl_buf_fini(&part->documents);
    fl_buf_fini(&part->json);
    free(part->items);
    free(part);
}

static fl_part *part_new(void)
{
    fl_part *part = calloc(1, sizeof *part);
    if (part != NULL) {
        fl_buf_init(&part->documents, UINT32_MAX);
        fl_buf_init(&part->json, UINT32_MAX);
    }
    return part;
}

/* An empty part; from the free list of the caller's shard, if the caller is one. */
static fl_part *take_part(fl_shard *home, fl_shard *shard, fl_store_put *put)
{
    fl_part *part;
    if (home != NULL && home->free_parts != NULL) {
        part = home->free_parts;
        home->free_parts = part->next;
        home->free_part_count--;
    } else {
        part = part_new();
    }
    if (part != NULL) {
        part->home = home;
        part->shard = shard;
        part->put = put;
        part->count = 0;
        part->status = FL_OK;
        part->charged_bytes = 0;
    }
    return part;
}

/* On the thread of its home. */
static void give_part(fl_part *part)
{
    fl_shard *home = part->home;
    if (home == NULL || home->free_part_count == FREE_PARTS_MAX ||
        part->documents.capacity > FREE_PART_BYTES_MAX) {
        fl_part_free(part);
        return;
    }
    fl_buf_reset(&part->documents);
    part->next = home->free_parts;
    home->free_parts = part;
    home->free_part_count++;
}

static uint32_t json_length(fl_part *part, const fl_segment *segment)
{
    fl_buf_reset(&part->json);
    fl_segment_emit(segment, &part->json);
    return (uint32_t)part->json.n;
}

static bool part_add(fl_part *part, const fl_segment *segment, uint32_t index)
{
    const fl_limits *limits = &part->shard->store->config.limits;
    if (!fl_local_room((void **)&part->items, &part->capacity, part->count, sizeof *part->items)) {
        return false;
    }
    size_t at = part->documents.n;
    fl_segment_pack(segment, &part->documents);
    part->items[part->count] = (fl_part_item){
        .id = segment->trace_id,
        .start_ns = segment->start_ns,
        .end_ns = segment->end_ns,
        .at = at,
        .n = part->documents.n - at,
        .json_bytes = limits->trace_bytes != 0 ? json_length(part, segment) : 0,
        .segment = index,
    };
    part->count++;
    return part->documents.status == FL_OK && part->json.status == FL_OK;
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

static void part_returned(fl_task *task)
{
    fl_part *part = FL_CONTAINER_OF(task, fl_part, task);
    fl_store_put *put = part->put;
    if (part->status != FL_OK && put->status == FL_OK) {
        put->status = part->status;
        put->err = part->err;
    }
    give_part(part);
    if (--put->pending == 0) {
        put_done(put);
    }
}

void fl_part_return(fl_part *part)
{
    if (part->charged_bytes != 0) {
        fl_budget_give(&part->shard->store->queue_budget, part->charged_bytes);
    }
    part->task.run = part_returned;
    fl_loop_post(part->put->loop, &part->task);
}

static void take_on_shard(fl_task *task)
{
    fl_part *part = FL_CONTAINER_OF(task, fl_part, task);
    fl_shard_take(part->shard, part);
}

static size_t charge_of(const fl_part *part)
{
    return QUEUED_COPIES * part->documents.n + part->count * ITEM_OVERHEAD;
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

/* Hands a part to its shard. */
static void send_part(fl_part *part)
{
    part->charged_bytes = charge_of(part);
    if (part->shard == part->home) {
        fl_shard_take(part->shard, part);
        return;
    }
    part->task.run = take_on_shard;
    fl_loop_post(part->shard->loop, &part->task);
}

static void refuse_part(fl_store *store, fl_part *part)
{
    fl_counter_add(&store->stats->refused_memory_total, part->count);
    part->status =
        fl_err_set(&part->err, FL_E_BUSY, __FILE__, __LINE__,
                   "%zu of %zu bytes for queued writes are in use; retry later or raise --memory",
                   fl_budget_used(&store->queue_budget), store->queue_budget.max_bytes);
    fl_part_return(part);
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

/* Packs the segments into parts; false without memory. */
static bool build_parts(fl_store *store, fl_store_put *put, fl_part **parts)
{
    fl_shard *home = shard_of_loop(store, put->loop);
    for (size_t i = 0; i < put->count; i++) {
        fl_shard *shard = fl_local_shard(store, put->segments[i]->trace_id);
        fl_part *part = *parts;
        while (part != NULL && part->shard != shard) {
            part = part->next;
        }
        if (part == NULL) {
            part = take_part(home, shard, put);
            if (part == NULL) {
                return false;
            }
            part->next = *parts;
            *parts = part;
        }
        if (!part_add(part, put->segments[i], (uint32_t)i)) {
            return false;
        }
    }
    return true;
}

static void send_parts(fl_store *store, fl_part *parts)
{
    int64_t now = fl_clock_wall(store->config.clock), mono = fl_clock_mono(store->config.clock);
    size_t bytes = 0;
    for (const fl_part *part = parts; part != NULL; part = part->next) {
        bytes += charge_of(part);
    }
    bool charged = charge(store, bytes);
    while (parts != NULL) {
        fl_part *part = parts;
        parts = part->next;
        part->arrival_ns = now;
        part->started_mono_ns = mono;
        if (charged) {
            send_part(part);
        } else {
            refuse_part(store, part);
        }
    }
}

void fl_store_put_begin(fl_store *store, fl_store_put *put)
{
    fl_part *parts = NULL;
    put->store = store;
    put->status = FL_OK;
    put->err = (fl_err){0};
    put->pending = 0;
    put->task.run = run_put_done;
    fl_local_enter(store);
    if (atomic_load(&store->closing)) {
        put->status =
            fl_err_set(&put->err, FL_E_SHUTDOWN, __FILE__, __LINE__, "the store is closing");
    } else if (!build_parts(store, put, &parts)) {
        put->status = fl_err_set(&put->err, FL_E_NOMEM, __FILE__, __LINE__,
                                 "no memory to take in %zu segments", put->count);
        while (parts != NULL) {
            fl_part *next = parts->next;
            fl_part_free(parts);
            parts = next;
        }
    }
    if (parts == NULL) {
        fl_loop_post(put->loop, &put->task);
        return;
    }
    for (const fl_part *part = parts; part != NULL; part = part->next) {
        put->pending++;
    }
    send_parts(store, parts);
}
