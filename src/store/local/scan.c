/*
 * A scan runs on all shards at once, in steps so short that no loop is blocked; each collects its
 * own newest rows, and the shard that is done last has them merged on the scan's loop.
 */
#include <stdlib.h>

#include "store/local/local_int.h"

/* Of a step, in rows; a row with many records counts for more. About a millisecond. */
#define STEP_COST        4096U
#define RECORDS_PER_COST 16U

typedef struct scan_job scan_job;

typedef struct kept_row {
    fl_store_row row;
    uint64_t examined; /* rows of its shard up to it, itself included */
} kept_row;

typedef struct scan_shard {
    fl_task task;
    scan_job *job;
    fl_shard *shard;
    fl_store_place behind; /* goes on strictly behind it */
    kept_row *rows;
    size_t count, capacity;
    size_t taken; /* by the merge */
    uint64_t examined;
    bool reached_end;
    fl_status status;
} scan_shard;

struct scan_job {
    fl_store *store;
    fl_store_scan *scan;
    int64_t cutoff_ns;
    size_t rows_max;     /* what the arena could hold */
    atomic_size_t left;  /* shards that are not done */
    atomic_bool stepped; /* some shard took more than one step, so a row may have moved meanwhile */
    scan_shard shards[];
};

/* ---- On each shard */

static fl_store_row row_of(const fl_row *row)
{
    return (fl_store_row){
        .id = row->id,
        .time_ns = row->time_ns,
        .start_ns = row->start_ns,
        .last_end_ns = row->last_end_ns,
        .last_arrival_ns = row->last_arrival_ns,
        .record_count = row->record_count,
        .revision = row->revision,
        .limit_exceeded = row->limit_exceeded,
        .times = fl_row_times(row),
    };
}

static bool is_wanted(const fl_store_scan *scan, const fl_store_row *row)
{
    return scan->want == NULL || scan->want(scan->user, row);
}

static fl_status keep_row(scan_shard *part, const fl_store_row *row)
{
    if (part->count >= part->job->rows_max) {
        return FL_E_TOO_LARGE;
    }
    if (!fl_local_room((void **)&part->rows, &part->capacity, part->count, sizeof *part->rows)) {
        return FL_E_NOMEM;
    }
    kept_row *kept = &part->rows[part->count++];
    *kept = (kept_row){.row = *row, .examined = part->examined};
    kept->row.times = NULL;
    return FL_OK;
}

/* The next row of the range, newest first, that retention has left; NULL at the end. */
static const fl_row *next_row(scan_shard *part, fl_order_cursor *cursor, uint32_t *cost)
{
    const fl_row *row;
    do {
        row = fl_order_older(&part->shard->rows, cursor);
        (*cost)++;
    } while (row != NULL && row->time_ns >= part->job->scan->from_ns &&
             fl_row_basis(row) < part->job->cutoff_ns);
    return row != NULL && row->time_ns >= part->job->scan->from_ns ? row : NULL;
}

/* Goes over rows until this shard's part is done (true) or the step is used up (false). */
static bool scan_step(scan_shard *part)
{
    const fl_store_scan *scan = part->job->scan;
    fl_order_cursor cursor;
    uint32_t cost = 0;
    fl_order_seek(&part->shard->rows, &part->behind, &cursor);
    while (cost < STEP_COST) {
        const fl_row *found = next_row(part, &cursor, &cost);
        if (found == NULL) {
            part->reached_end = true;
            return true;
        }
        if (part->count == scan->limit) {
            return true;
        }
        fl_store_row row = row_of(found);
        part->behind = fl_row_place(found);
        part->examined++;
        cost += row.record_count / RECORDS_PER_COST;
        if (is_wanted(scan, &row)) {
            part->status = keep_row(part, &row);
            if (part->status != FL_OK) {
                return true;
            }
        }
    }
    return false;
}

/* ---- Merge, on the scan's loop */

static fl_store_place place_of(const fl_store_row *row)
{
    return (fl_store_place){row->time_ns, row->start_ns, row->id};
}

/* The shard with the newest row that is not taken yet; NULL if all are. */
static scan_shard *newest_part(scan_job *job)
{
    scan_shard *newest = NULL;
    fl_store_place best = {0};
    for (size_t i = 0; i < job->store->shard_count; i++) {
        scan_shard *part = &job->shards[i];
        if (part->taken < part->count) {
            fl_store_place place = place_of(&part->rows[part->taken].row);
            if (newest == NULL || fl_store_place_cmp(&place, &best) < 0) {
                newest = part;
                best = place;
            }
        }
    }
    return newest;
}

static int compare_ids(const void *a, const void *b)
{
    const fl_store_row *const *left = a;
    const fl_store_row *const *right = b;
    int order = fl_trace_id_cmp((*left)->id, (*right)->id);
    return order != 0 ? order : (*left < *right ? -1 : *left > *right);
}

/* A trace that got an earlier start while its shard was between two steps may have been met twice:
 * its first, newer place stays. */
static fl_status drop_repeats(fl_store_scan *scan)
{
    fl_store_row **sorted = FL_ARENA_ARRAY(scan->arena, fl_store_row *, scan->row_count);
    bool *repeated = FL_ARENA_ARRAY(scan->arena, bool, scan->row_count);
    if (sorted == NULL || repeated == NULL) {
        return FL_E_TOO_LARGE;
    }
    for (size_t i = 0; i < scan->row_count; i++) {
        sorted[i] = &scan->rows[i];
    }
    qsort(sorted, scan->row_count, sizeof *sorted, compare_ids);
    for (size_t i = 1; i < scan->row_count; i++) {
        repeated[sorted[i] - scan->rows] = fl_trace_id_eq(sorted[i]->id, sorted[i - 1]->id);
    }
    size_t kept = 0;
    for (size_t i = 0; i < scan->row_count; i++) {
        if (!repeated[i]) {
            scan->rows[kept++] = scan->rows[i];
        }
    }
    scan->row_count = kept;
    return FL_OK;
}

/* What a shard looked at behind the last row that was taken from it belongs to the next page. */
static uint64_t examined_rows(const scan_job *job)
{
    uint64_t examined = 0;
    for (size_t i = 0; i < job->store->shard_count; i++) {
        const scan_shard *part = &job->shards[i];
        bool all = job->scan->reached_end || part->count == 0;
        uint64_t taken = part->taken > 0 ? part->rows[part->taken - 1].examined : 0;
        examined += all ? part->examined : taken;
    }
    return examined;
}

static fl_status merge(scan_job *job)
{
    fl_store_scan *scan = job->scan;
    size_t total = 0;
    scan->reached_end = true;
    for (size_t i = 0; i < job->store->shard_count; i++) {
        FL_TRY(job->shards[i].status);
        total += job->shards[i].count;
        scan->reached_end &= job->shards[i].reached_end;
    }
    scan->reached_end &= total <= scan->limit;
    total = total < scan->limit ? total : scan->limit;
    scan->rows = FL_ARENA_ARRAY(scan->arena, fl_store_row, total);
    if (scan->rows == NULL) {
        return FL_E_TOO_LARGE;
    }
    while (scan->row_count < total) {
        scan_shard *part = newest_part(job);
        scan->rows[scan->row_count++] = part->rows[part->taken++].row;
    }
    scan->examined = examined_rows(job);
    return atomic_load(&job->stepped) && total > 1 ? drop_repeats(scan) : FL_OK;
}

static void fail(fl_store_scan *scan, fl_status status)
{
    scan->rows = NULL;
    scan->row_count = 0;
    scan->status =
        fl_err_set(&scan->err, status, __FILE__, __LINE__,
                   "the rows of this scan do not fit into memory; ask for fewer at a time");
}

static void free_job(scan_job *job)
{
    for (size_t i = 0; i < job->store->shard_count; i++) {
        free(job->shards[i].rows);
    }
    free(job);
}

static void run_merge(fl_task *task)
{
    scan_job *job = FL_CONTAINER_OF(task, scan_shard, task)->job;
    fl_store *store = job->store;
    fl_store_scan *scan = job->scan;
    fl_status status = merge(job);
    if (status != FL_OK) {
        fail(scan, status);
    }
    free_job(job);
    scan->done(scan);
    fl_local_leave(store);
}

static void run_step(fl_task *task)
{
    scan_shard *part = FL_CONTAINER_OF(task, scan_shard, task);
    scan_job *job = part->job;
    if (!scan_step(part)) {
        atomic_store(&job->stepped, true);
        fl_loop_post(part->shard->loop, &part->task);
        return;
    }
    if (atomic_fetch_sub(&job->left, 1) == 1) {
        part->task.run = run_merge;
        fl_loop_post(job->scan->loop, &part->task);
    }
}

/* ---- Begin */

static scan_job *job_new(fl_store *store, fl_store_scan *scan)
{
    scan_job *job = calloc(1, sizeof *job + store->shard_count * sizeof job->shards[0]);
    if (job == NULL) {
        return NULL;
    }
    job->store = store;
    job->scan = scan;
    job->cutoff_ns = fl_local_cutoff(store);
    job->rows_max = scan->arena->max_bytes / sizeof(fl_store_row);
    atomic_init(&job->left, store->shard_count);
    /* Strictly behind a place that is newer than any row before to_ns. */
    fl_store_place behind = {.time_ns = scan->to_ns, .start_ns = INT64_MIN};
    if (scan->has_after && fl_store_place_cmp(&scan->after, &behind) > 0) {
        behind = scan->after;
    }
    for (size_t i = 0; i < store->shard_count; i++) {
        job->shards[i].task.run = run_step;
        job->shards[i].job = job;
        job->shards[i].shard = &store->shards[i];
        job->shards[i].behind = behind;
    }
    return job;
}

static void run_done(fl_task *task)
{
    fl_store_scan *scan = FL_CONTAINER_OF(task, fl_store_scan, task);
    fl_store *store = scan->store;
    scan->done(scan);
    fl_local_leave(store);
}

void fl_store_scan_begin(fl_store *store, fl_store_scan *scan)
{
    scan->store = store;
    scan->task.run = run_done;
    scan->status = FL_OK;
    scan->err = (fl_err){0};
    scan->rows = NULL;
    scan->row_count = 0;
    scan->examined = 0;
    scan->reached_end = false;
    fl_local_enter(store);
    scan_job *job = NULL;
    if (atomic_load(&store->closing)) {
        scan->status =
            fl_err_set(&scan->err, FL_E_SHUTDOWN, __FILE__, __LINE__, "the store is closing");
    } else {
        job = job_new(store, scan);
        if (job == NULL) {
            fail(scan, FL_E_NOMEM);
        }
    }
    if (job == NULL) {
        fl_loop_post(scan->loop, &scan->task);
        return;
    }
    size_t count = store->shard_count; /* the job may be gone once the last one is posted */
    for (size_t i = 0; i < count; i++) {
        fl_loop_post(store->shards[i].loop, &job->shards[i].task);
    }
}
