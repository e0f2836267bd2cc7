/*
 * Retention. By age: a sweep goes over the leaves of the order from the oldest on and passes over
 * those that hold nothing to expire. By disk: the traces in the oldest file go, then the file. Both
 * go in steps, so that the loop is not blocked.
 */
#include "store/local/local_int.h"

#define STEP_LEAVES 16
#define STEP_ROWS   4096U

int64_t fl_local_cutoff(const fl_store *store)
{
    int64_t cutoff;
    int64_t retention_ns = store->config.retention_ns;
    if (retention_ns == 0 ||
        __builtin_sub_overflow(fl_clock_wall(store->config.clock), retention_ns, &cutoff)) {
        return INT64_MIN;
    }
    return cutoff;
}

/* ---- By age */

/* Drops the row, or sees to it that it is dropped when the log tells of it. A store that opens does
 * not write yet, and leaves such rows to the first sweep. */
static void expire_row(fl_shard *shard, fl_order_leaf *leaf, fl_row *row)
{
    if (!fl_shard_must_forget(row)) {
        fl_shard_drop(shard, row);
    } else {
        int64_t basis = fl_row_basis(row);
        leaf->lowest_basis = basis < leaf->lowest_basis ? basis : leaf->lowest_basis;
        if (!shard->store->open || !fl_shard_forget(shard, row)) {
            return;
        }
    }
    fl_counter_add(&shard->store->stats->expired_age_total, 1);
}

static void sweep_leaf(fl_shard *shard, fl_order_leaf *leaf, int64_t cutoff)
{
    fl_row *expired[FL_ORDER_LEAF_ROWS];
    size_t count = 0;
    int64_t lowest = INT64_MAX;
    for (uint32_t i = 0; i < leaf->count; i++) {
        fl_row *row = fl_rows_at(&shard->rows, leaf->rows[i]);
        if (fl_row_basis(row) < cutoff && row->pending == 0) {
            expired[count++] = row;
        } else if (fl_row_basis(row) < lowest) {
            lowest = fl_row_basis(row);
        }
    }
    leaf->lowest_basis = lowest;
    for (size_t i = 0; i < count; i++) {
        expire_row(shard, leaf, expired[i]); /* with its last row the leaf goes, too */
    }
}

/* Looks at some leaves; false when the sweep is at its end. */
static bool sweep_step(fl_shard *shard, int64_t cutoff)
{
    const fl_order *order = &shard->rows.order;
    for (size_t looked = 0; looked < STEP_LEAVES; looked++) {
        while (shard->sweep_slot < order->count &&
               order->slots[shard->sweep_slot].leaf->lowest_basis >= cutoff) {
            shard->sweep_slot++;
        }
        if (shard->sweep_slot >= order->count ||
            order->slots[shard->sweep_slot].from.time_ns >= cutoff) {
            return false;
        }
        size_t before = order->count;
        sweep_leaf(shard, order->slots[shard->sweep_slot].leaf, cutoff);
        shard->sweep_slot += order->count == before;
    }
    return true;
}

static void note_oldest(fl_shard *shard)
{
    int64_t oldest = INT64_MAX;
    const fl_order *order = &shard->rows.order;
    for (uint32_t i = 0; order->count != 0 && i < order->slots[0].leaf->count; i++) {
        const fl_row *row = fl_rows_at(&shard->rows, order->slots[0].leaf->rows[i]);
        oldest = row->time_ns < oldest ? row->time_ns : oldest;
    }
    atomic_store(&shard->oldest_ns, oldest);
}

static void run_sweep(fl_task *task)
{
    fl_shard *shard = FL_CONTAINER_OF(task, fl_shard, sweep_task);
    if (sweep_step(shard, fl_local_cutoff(shard->store)) && !atomic_load(&shard->store->closing)) {
        fl_loop_post(shard->loop, &shard->sweep_task);
        return;
    }
    note_oldest(shard);
    shard->sweeping = false;
    fl_local_leave(shard->store);
}

void fl_shard_sweep(fl_shard *shard)
{
    if (shard->sweeping) {
        return;
    }
    fl_local_enter(shard->store);
    shard->sweeping = true;
    shard->sweep_slot = 0;
    shard->sweep_task.run = run_sweep;
    fl_loop_post(shard->loop, &shard->sweep_task);
}

void fl_shard_sweep_all(fl_shard *shard)
{
    int64_t cutoff = fl_local_cutoff(shard->store);
    while (sweep_step(shard, cutoff)) {
    }
    shard->sweep_slot = 0;
    note_oldest(shard);
}

/* ---- By disk */

static void evicted(fl_task *task)
{
    fl_store *store = FL_CONTAINER_OF(task, fl_store, evicted_task);
    fl_wal_file *file = store->evicting;
    store->evicting = NULL;
    fl_wal_file_unref(file, 1, store->shards[0].loop);
    fl_local_leave(store);
}

/* Drops the row if it has a record in the file, which is the oldest of all: its first record then.
 * A row with records in other files is first forgotten in the log, or they would return at a
 * restart. */
static void evict_row(fl_shard *shard, fl_row *row, uint32_t slot)
{
    if (row->record_count == 0 || row->pending != 0) {
        return;
    }
    const fl_wal_ref *refs = fl_row_refs(row);
    if (fl_wal_ref_slot(refs[0]) != slot) {
        return;
    }
    if (fl_wal_ref_slot(refs[row->record_count - 1]) == slot) {
        fl_shard_drop(shard, row);
    } else if (!fl_shard_forget(shard, row)) {
        return;
    }
    fl_counter_add(&shard->store->stats->expired_disk_total, 1);
}

static void run_evict(fl_task *task)
{
    fl_shard *shard = FL_CONTAINER_OF(task, fl_shard, evict_task);
    fl_store *store = shard->store;
    for (uint32_t i = 0; i < STEP_ROWS && shard->evict_row < shard->rows.made; i++) {
        fl_row *row = fl_rows_at(&shard->rows, shard->evict_row++);
        if (row != NULL) {
            evict_row(shard, row, store->evicting->slot);
        }
    }
    if (shard->evict_row < shard->rows.made && !atomic_load(&store->closing)) {
        fl_loop_post(shard->loop, &shard->evict_task);
    } else if (atomic_fetch_sub(&store->evict_left, 1) == 1) {
        store->evicted_task.run = evicted;
        fl_loop_post(store->shards[0].loop, &store->evicted_task);
    }
}

void fl_local_evict(fl_store *store)
{
    uint64_t budget = store->config.disk_bytes;
    if (budget == 0 || store->evicting != NULL ||
        fl_counter_get(&store->stats->disk_bytes) <= budget) {
        return;
    }
    store->evicting = fl_wal_file_oldest(&store->files);
    if (store->evicting == NULL) {
        return;
    }
    fl_local_enter(store);
    atomic_store(&store->evict_left, store->shard_count);
    for (size_t i = 0; i < store->shard_count; i++) {
        store->shards[i].evict_row = 0;
        store->shards[i].evict_task.run = run_evict;
        fl_loop_post(store->shards[i].loop, &store->shards[i].evict_task);
    }
}
