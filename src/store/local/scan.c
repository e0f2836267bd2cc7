/*
 * A scan visits all shards, which copy what they know of their live traces; the worker pool then
 * merges these and the rows of the parts by place, until there are enough.
 */
#include <stdlib.h>

#include "store/local/scan_int.h"

#define FIRST_ROWS      64
#define BUDGET_INTERVAL 64U /* rows between two looks at the budget */

/* ---- On each shard */

static fl_status note_records(fl_scan_job *job, const fl_row *row, fl_err *err)
{
    const fl_record_times *times = fl_row_times(row);
    const fl_wal_ref *refs = fl_row_refs(row);
    bool room = fl_held_files_add(&job->held, &job->store->files, row);
    for (uint32_t i = 0; room && i < row->record_count; i++) {
        room = fl_local_room((void **)&job->times, &job->times_capacity, job->record_count,
                             sizeof *job->times) &&
               fl_local_room((void **)&job->refs, &job->refs_capacity, job->record_count,
                             sizeof *job->refs);
        if (room) {
            job->times[job->record_count] = times[i];
            job->refs[job->record_count++] = refs[i];
        }
    }
    if (!room) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to scan live traces");
    }
    return FL_OK;
}

static fl_status visit(fl_scan_job *job, const fl_shard *shard, fl_err *err)
{
    for (uint32_t i = 0; i < shard->rows.made; i++) {
        const fl_row *row = fl_rows_at(&shard->rows, i);
        if (row == NULL || !fl_row_is_visible(row)) {
            continue;
        }
        if (!fl_local_room((void **)&job->live, &job->live_capacity, job->live_count,
                           sizeof *job->live)) {
            FL_FAIL(err, FL_E_NOMEM, "no memory to scan live traces");
        }
        job->live[job->live_count++] =
            (fl_live_piece){.row = fl_row_piece(row),
                            .settled_before = row->settled_before || row->settling,
                            .first_record = job->record_count};
        if (fl_scan_needs_records(job->scan)) {
            FL_TRY(note_records(job, row, err));
        }
    }
    return FL_OK;
}

/* ---- On the pool */

static fl_status keep_row(fl_scan_job *job, const fl_store_row *row, fl_err *err)
{
    fl_store_scan *scan = job->scan;
    if (scan->row_count == job->row_capacity) {
        size_t larger = job->row_capacity != 0 ? job->row_capacity * 2 : FIRST_ROWS;
        larger = larger < scan->limit ? larger : scan->limit;
        fl_store_row *rows = fl_arena_resize(
            scan->arena, scan->rows, job->row_capacity * sizeof *rows, larger * sizeof *rows);
        if (rows == NULL) {
            FL_FAIL(err, FL_E_TOO_LARGE,
                    "the rows of this scan do not fit into memory; ask for fewer at a time");
        }
        scan->rows = rows;
        job->row_capacity = larger;
    }
    scan->rows[scan->row_count++] = *row;
    return FL_OK;
}

static bool is_over_budget(const fl_scan_job *job)
{
    const fl_scan_budget *budget = &job->scan->budget;
    uint64_t bytes = 0;
    for (size_t i = 1; budget->read_bytes != 0 && i < job->source_count; i++) {
        const fl_part_cursor *cursor = job->sources[i].cursor;
        bytes += cursor != NULL ? fl_part_cursor_read_bytes(cursor) : 0;
    }
    int64_t spent_ns = fl_clock_mono(job->store->config.clock) - job->began_mono_ns;
    return (budget->read_bytes != 0 &&
            bytes + fl_view_read_bytes(&job->view) > budget->read_bytes) ||
           (budget->time_ns != 0 && spent_ns > budget->time_ns);
}

/* Is there a trace behind the last one? With terms it may take a walk over all that is left to know
 * whether one more matches, so then only what is known already counts. */
static fl_status find_end(fl_scan_job *job, fl_err *err)
{
    fl_store_scan *scan = job->scan;
    bool more = scan->term_count != 0 && !fl_scan_has_ended(job);
    while (!more) {
        const fl_scan_candidate *candidate;
        FL_TRY(fl_scan_next(job, &candidate, err));
        if (candidate == NULL) {
            break;
        }
        fl_status status = fl_scan_exists(job, candidate, &more, err);
        if (status != FL_E_CORRUPT) {
            FL_TRY(status);
        }
    }
    scan->reached_end = !more;
    return FL_OK;
}

/* Judges candidates, newest first, until there are enough. */
static fl_status collect(fl_scan_job *job, fl_err *err)
{
    fl_store_scan *scan = job->scan;
    const fl_scan_candidate *candidate;
    for (uint32_t turn = 1; scan->row_count < scan->limit; turn++) {
        fl_store_row row;
        bool wanted;
        FL_TRY(fl_scan_next(job, &candidate, err));
        if (candidate == NULL) {
            scan->reached_end = true;
            return FL_OK;
        }
        scan->next =
            (fl_store_place){candidate->row.time_ns, candidate->row.start_ns, candidate->row.id};
        fl_status status = fl_scan_judge(job, candidate, &row, &wanted, err);
        if (status != FL_E_CORRUPT) { /* what cannot be read was told, and is left out */
            FL_TRY(status);
        }
        if (status == FL_OK && wanted) {
            FL_TRY(keep_row(job, &row, err));
        }
        if (turn % BUDGET_INTERVAL == 0 && is_over_budget(job)) {
            scan->over_budget = true;
            fl_counter_add(&job->store->stats->over_budget_total, 1);
            return FL_OK;
        }
    }
    return find_end(job, err);
}

static fl_status run(fl_scan_job *job, fl_err *err)
{
    FL_TRY(fl_view_open(job->store, &job->view, err));
    FL_TRY(fl_scan_sources_open(job, err));
    return collect(job, err);
}

static void scan_work(fl_work *work)
{
    fl_scan_job *job = FL_CONTAINER_OF(work, fl_scan_job, work);
    fl_store_scan *scan = job->scan;
    fl_wal_reader_init(&job->reader, job->store);
    scan->status = run(job, &scan->err);
    fl_scan_sources_close(job);
    fl_view_close(&job->view);
    fl_wal_reader_fini(&job->reader);
    if (scan->status != FL_OK) {
        fl_counter_add(&job->store->stats->io_errors_total, scan->status == FL_E_IO);
        scan->rows = NULL;
        scan->row_count = 0;
    }
}

/* ---- Begin and end */

static void run_done(fl_task *task)
{
    fl_store_scan *scan = FL_CONTAINER_OF(task, fl_store_scan, task);
    fl_store *store = scan->store;
    scan->done(scan);
    fl_local_leave(store);
}

/* On the shard that was visited last. */
static void finish(fl_scan_job *job)
{
    fl_store_scan *scan = job->scan;
    fl_held_files_release(&job->held, job->store->shards[job->shard].loop);
    free(job->live);
    free(job->times);
    free(job->refs);
    free(job);
    fl_loop_post(scan->loop, &scan->task);
}

static void scan_done(fl_work *work)
{
    finish(FL_CONTAINER_OF(work, fl_scan_job, work));
}

static void run_visit(fl_task *task)
{
    fl_scan_job *job = FL_CONTAINER_OF(task, fl_scan_job, task);
    fl_store *store = job->store;
    fl_shard *shard = &store->shards[job->shard];
    fl_store_scan *scan = job->scan;
    scan->status = visit(job, shard, &scan->err);
    if (scan->status != FL_OK) {
        finish(job);
    } else if (job->shard + 1 < store->shard_count) {
        job->shard++;
        fl_loop_post(store->shards[job->shard].loop, &job->task);
    } else {
        job->work.work = scan_work;
        job->work.done = scan_done;
        fl_loop_work(shard->loop, &job->work);
    }
}

static fl_scan_job *job_new(fl_store *store, fl_store_scan *scan)
{
    fl_scan_job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        return NULL;
    }
    job->store = store;
    job->scan = scan;
    job->cutoff_ns = fl_local_cutoff(store);
    job->began_mono_ns = fl_clock_mono(store->config.clock);
    job->version_number = fl_version_number(store);
    /* Strictly behind a place that is newer than any row before to_ns. */
    job->behind = (fl_store_place){.time_ns = scan->to_ns, .start_ns = INT64_MIN};
    if (scan->has_after && fl_store_place_cmp(&scan->after, &job->behind) > 0) {
        job->behind = scan->after;
    }
    job->task.run = run_visit;
    return job;
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
    scan->over_budget = false;
    fl_local_enter(store);
    fl_scan_job *job = NULL;
    if (atomic_load(&store->closing)) {
        scan->status =
            fl_err_set(&scan->err, FL_E_SHUTDOWN, __FILE__, __LINE__, "the store is closing");
    } else {
        job = job_new(store, scan);
        if (job == NULL) {
            scan->status =
                fl_err_set(&scan->err, FL_E_NOMEM, __FILE__, __LINE__, "no memory for a scan");
        }
    }
    if (job == NULL) {
        fl_loop_post(scan->loop, &scan->task);
        return;
    }
    fl_loop_post(store->shards[0].loop, &job->task);
}
