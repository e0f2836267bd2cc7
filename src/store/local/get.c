/*
 * A get visits the shards of its ids one after another: each notes where the live records lie and
 * keeps their files from going. The worker pool then looks into the parts, puts the pieces of each
 * trace together and reads the records that are asked for. The arena is used by one thread at a
 * time.
 */
#include <stdlib.h>

#include "store/local/view_int.h"
#include "store/local/wal_read_int.h"

/* The live rows of one id: the one that takes records, and one that settles. */
#define LIVE_MAX 2

typedef struct get_trace {
    fl_live_piece live[LIVE_MAX];
    uint8_t live_count;
} get_trace;

typedef struct get_job {
    fl_task task;
    fl_work work;
    fl_store *store;
    fl_store_get *get;
    size_t shard; /* visited now */
    int64_t cutoff_ns;
    fl_held_files held;
    get_trace *traces;
    fl_wal_ref *refs; /* of live records */
    int64_t *arrivals_ns;
    size_t ref_count, ref_capacity, arrival_capacity;
    /* on the pool */
    fl_view view;
    fl_wal_reader reader;
} get_job;

static void run_done(fl_task *task)
{
    fl_store_get *get = FL_CONTAINER_OF(task, fl_store_get, task);
    fl_store *store = get->store;
    get->done(get);
    fl_local_leave(store);
}

/* On the shard that was visited last. */
static void finish(get_job *job)
{
    fl_store_get *get = job->get;
    fl_held_files_release(&job->held, job->store->shards[job->shard].loop);
    free(job->traces);
    free(job->refs);
    free(job->arrivals_ns);
    free(job);
    fl_loop_post(get->loop, &get->task);
}

static fl_status fail_too_large(fl_trace_id id, const fl_arena *arena, fl_err *err)
{
    fl_buf text;
    fl_buf_init(&text, FL_TRACE_ID_TEXT_MAX + 1);
    fl_trace_id_emit(id, &text);
    fl_err_set(err, FL_E_TOO_LARGE, __FILE__, __LINE__,
               "trace %.*s does not fit into the %zu bytes of this request",
               FL_P(fl_buf_str(&text)), arena->max_bytes);
    fl_buf_fini(&text);
    return FL_E_TOO_LARGE;
}

/* ---- Reading, on the pool */

/* Where the records of a trace go, and which of them are wanted. */
typedef struct filling {
    get_job *job;
    fl_trace_id id;
    fl_record *records;
    size_t count, capacity;
    uint64_t next_arrival; /* number of the next record of the piece that is read */
} filling;

static fl_status add_record(void *user, fl_str packed, int64_t arrival_ns, fl_err *err)
{
    filling *f = user;
    fl_arena *arena = f->job->get->arena;
    fl_segment *segment;
    fl_str document = fl_str_dup(arena, packed);
    if (document.p == NULL) {
        return fail_too_large(f->id, arena, err);
    }
    fl_status status = fl_segment_unpack(arena, document, &segment, err);
    if (status == FL_E_NOMEM) {
        return fail_too_large(f->id, arena, err);
    }
    FL_TRY(status);
    f->records[f->count++] =
        (fl_record){.segment = segment, .arrival = f->next_arrival++, .arrival_ns = arrival_ns};
    return FL_OK;
}

static fl_status add_live(filling *f, const fl_live_piece *piece, uint32_t first, uint32_t limit,
                          fl_err *err)
{
    get_job *job = f->job;
    for (uint32_t i = 0; i < limit; i++) {
        size_t at = piece->first_record + first + i;
        fl_wal_record stored;
        uint64_t arrival;
        FL_TRY(fl_wal_reader_record(&job->reader, job->refs[at], &stored, &arrival, err));
        if (stored.kind != FL_WAL_SEGMENT || !fl_trace_id_eq(stored.id, f->id)) {
            FL_FAIL(err, FL_E_CORRUPT, "the log holds another record than its index says");
        }
        f->next_arrival = arrival;
        FL_TRY(add_record(f, stored.document, job->arrivals_ns[at], err));
    }
    return FL_OK;
}

static fl_status add_settled(filling *f, const fl_piece *piece, uint32_t first, uint32_t limit,
                             fl_err *err)
{
    fl_part_cursor *cursor;
    FL_TRY(fl_view_cursor(&f->job->view, piece->part, &cursor, err));
    f->next_arrival = piece->facts.last_arrival - piece->facts.record_count + 1 + first;
    fl_status status = fl_part_records(cursor, piece->row, first, limit, add_record, f, err);
    return fl_view_noted(&f->job->view, piece->part, status, err);
}

/* The records of the page, piece by piece. */
static fl_status add_page(filling *f, const fl_piece *pieces, size_t count, fl_err *err)
{
    uint64_t skip = f->job->get->first;
    for (size_t i = 0; i < count && f->count < f->capacity; i++) {
        uint32_t there = pieces[i].facts.record_count;
        if (skip >= there) {
            skip -= there;
            continue;
        }
        uint32_t first = (uint32_t)skip, limit = there - first;
        limit = limit < f->capacity - f->count ? limit : (uint32_t)(f->capacity - f->count);
        skip = 0;
        if (pieces[i].live != NULL) {
            FL_TRY(add_live(f, pieces[i].live, first, limit, err));
        } else {
            FL_TRY(add_settled(f, &pieces[i], first, limit, err));
        }
    }
    return FL_OK;
}

static fl_status answer(get_job *job, const fl_piece *pieces, size_t count, fl_stored_trace *out,
                        fl_err *err)
{
    const fl_store_get *get = job->get;
    fl_part_row whole = fl_pieces_join(pieces, count);
    if (fl_local_expired(job->store, &whole, job->cutoff_ns)) {
        return FL_OK;
    }
    size_t wanted = get->first < whole.record_count ? whole.record_count - get->first : 0;
    wanted = get->limit != 0 && get->limit < wanted ? get->limit : wanted;
    filling f = {.job = job,
                 .id = out->id,
                 .records = FL_ARENA_ARRAY(get->arena, fl_record, wanted),
                 .capacity = wanted};
    if (f.records == NULL) {
        return fail_too_large(out->id, get->arena, err);
    }
    FL_TRY(add_page(&f, pieces, count, err));
    out->records = f.records;
    out->count = f.count;
    out->total = whole.record_count;
    out->revision = whole.revision;
    out->limit_exceeded = whole.limit_exceeded;
    return FL_OK;
}

static fl_status read_trace(get_job *job, size_t at, fl_err *err)
{
    fl_piece pieces[FL_VIEW_PIECES_MAX + LIVE_MAX];
    size_t count;
    const get_trace *trace = &job->traces[at];
    FL_TRY(fl_view_find(&job->view, job->get->ids[at], pieces, &count, NULL, err));
    for (size_t i = 0; i < trace->live_count; i++) {
        pieces[count++] = (fl_piece){.facts = trace->live[i].row, .live = &trace->live[i]};
    }
    count = fl_pieces_order(job->store, pieces, count);
    return count != 0 ? answer(job, pieces, count, &job->get->traces[at], err) : FL_OK;
}

static fl_status read_traces(get_job *job, fl_err *err)
{
    FL_TRY(fl_view_open(job->store, &job->view, err));
    for (size_t i = 0; i < job->get->count; i++) {
        fl_status status = read_trace(job, i, err);
        if (status != FL_E_CORRUPT ||
            job->get->count == 1) { /* else it was told, and is left out */
            FL_TRY(status);
        }
    }
    return FL_OK;
}

static void read_work(fl_work *work)
{
    get_job *job = FL_CONTAINER_OF(work, get_job, work);
    fl_store_get *get = job->get;
    fl_wal_reader_init(&job->reader, job->store);
    get->status = read_traces(job, &get->err);
    fl_wal_reader_fini(&job->reader);
    fl_view_close(&job->view);
    if (get->status == FL_E_IO) {
        fl_counter_add(&job->store->stats->io_errors_total, 1);
    }
}

static void read_done(fl_work *work)
{
    finish(FL_CONTAINER_OF(work, get_job, work));
}

/* ---- Looking up, on each shard */

/* Notes a live row of an id and where its records lie. */
static fl_status note_row(get_job *job, get_trace *trace, const fl_row *row, fl_err *err)
{
    if (row == NULL || !fl_row_is_visible(row)) {
        return FL_OK;
    }
    const fl_wal_ref *refs = fl_row_refs(row);
    const fl_record_times *times = fl_row_times(row);
    bool held = fl_held_files_add(&job->held, &job->store->files, row);
    trace->live[trace->live_count++] = (fl_live_piece){
        .row = fl_row_piece(row), .settled_before = true, .first_record = job->ref_count};
    for (uint32_t i = 0; i < row->record_count; i++) {
        if (!held ||
            !fl_local_room((void **)&job->refs, &job->ref_capacity, job->ref_count,
                           sizeof *job->refs) ||
            !fl_local_room((void **)&job->arrivals_ns, &job->arrival_capacity, job->ref_count,
                           sizeof *job->arrivals_ns)) {
            FL_FAIL(err, FL_E_NOMEM, "no memory to read %u records", row->record_count);
        }
        job->refs[job->ref_count] = refs[i];
        job->arrivals_ns[job->ref_count++] = times[i].arrival_ns;
    }
    return FL_OK;
}

static fl_status visit(get_job *job, const fl_shard *shard, size_t at, fl_err *err)
{
    fl_trace_id id = job->get->ids[at];
    FL_TRY(note_row(job, &job->traces[at], fl_rows_find(&shard->rows, id, true), err));
    return note_row(job, &job->traces[at], fl_rows_find(&shard->rows, id, false), err);
}

static void run_visit(fl_task *task);

static bool wants_shard(const get_job *job, size_t shard)
{
    for (size_t i = 0; i < job->get->count; i++) {
        if (fl_local_shard(job->store, job->get->ids[i])->number == shard) {
            return true;
        }
    }
    return false;
}

/* The first shard from `from` on that has ids of the get; shard_count if none. */
static size_t next_shard(const get_job *job, size_t from)
{
    while (from < job->store->shard_count && !wants_shard(job, from)) {
        from++;
    }
    return from;
}

static void run_visit(fl_task *task)
{
    get_job *job = FL_CONTAINER_OF(task, get_job, task);
    fl_store *store = job->store;
    fl_store_get *get = job->get;
    fl_shard *shard = &store->shards[job->shard];
    for (size_t i = 0; i < get->count && get->status == FL_OK; i++) {
        if (fl_local_shard(store, get->ids[i]) == shard) {
            get->status = visit(job, shard, i, &get->err);
        }
    }
    size_t next = next_shard(job, job->shard + 1);
    if (get->status != FL_OK) {
        finish(job);
    } else if (next < store->shard_count) {
        job->shard = next;
        fl_loop_post(store->shards[next].loop, &job->task);
    } else {
        job->work.work = read_work;
        job->work.done = read_done;
        fl_loop_work(shard->loop, &job->work);
    }
}

static get_job *job_new(fl_store *store, fl_store_get *get)
{
    get_job *job = calloc(1, sizeof *job);
    get_trace *traces = calloc(get->count, sizeof *traces);
    if (job == NULL || traces == NULL) {
        free(job);
        free(traces);
        return NULL;
    }
    job->store = store;
    job->get = get;
    job->traces = traces;
    job->cutoff_ns = fl_local_cutoff(store);
    job->shard = next_shard(job, 0);
    job->task.run = run_visit;
    return job;
}

static fl_status begin(fl_store *store, fl_store_get *get, fl_err *err)
{
    if (atomic_load(&store->closing)) {
        FL_FAIL(err, FL_E_SHUTDOWN, "the store is closing");
    }
    get->traces = FL_ARENA_ARRAY(get->arena, fl_stored_trace, get->count);
    if (get->traces == NULL) {
        FL_FAIL(err, FL_E_TOO_LARGE, "%zu ids do not fit into this request's memory", get->count);
    }
    for (size_t i = 0; i < get->count; i++) {
        get->traces[i].id = get->ids[i];
    }
    if (get->count == 0) {
        fl_loop_post(get->loop, &get->task);
        return FL_OK;
    }
    get_job *job = job_new(store, get);
    if (job == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to read traces");
    }
    fl_loop_post(store->shards[job->shard].loop, &job->task);
    return FL_OK;
}

void fl_store_get_begin(fl_store *store, fl_store_get *get)
{
    get->store = store;
    get->task.run = run_done;
    get->err = (fl_err){0};
    get->traces = NULL;
    get->status = FL_OK;
    fl_local_enter(store);
    fl_status status = begin(store, get, &get->err);
    if (status != FL_OK) {
        get->status = status;
        fl_loop_post(get->loop, &get->task);
    }
}
