/*
 * A get visits the shards of its ids one after another: each notes where its records lie and keeps
 * their files from going. The worker pool then reads frame by frame. The arena is used by one
 * thread at a time.
 */
#include <stdlib.h>

#include "store/local/wal_read_int.h"

typedef struct get_item {
    fl_wal_ref ref;
    uint32_t trace; /* whose it is */
    fl_record *record;
} get_item;

typedef struct get_job {
    fl_task task;
    fl_work work;
    fl_store *store;
    fl_store_get *get;
    size_t shard; /* visited now */
    int64_t cutoff_ns;
    fl_wal_file **files; /* referred to, once for each count */
    size_t file_count, file_capacity;
    get_item *items;
    size_t item_count, item_capacity;
} get_job;

static void fail(get_job *job, fl_status status, const fl_err *err)
{
    job->get->status = status;
    job->get->err = *err;
}

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
    fl_shard *shard = &job->store->shards[job->shard];
    for (size_t i = 0; i < job->file_count; i++) {
        fl_wal_file_unref(job->files[i], 1, shard->loop);
    }
    free(job->files);
    free(job->items);
    free(job);
    fl_loop_post(get->loop, &get->task);
}

/* ---- Reading, on the pool */

static int compare_items(const void *a, const void *b)
{
    const get_item *left = a, *right = b;
    if (left->ref != right->ref) {
        return left->ref < right->ref ? -1 : 1;
    }
    return left->trace < right->trace ? -1 : left->trace > right->trace;
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

static fl_status unpack(fl_arena *arena, const fl_wal_record *stored, fl_record *out, fl_err *err)
{
    fl_segment *segment;
    fl_str document = fl_str_dup(arena, stored->document);
    if (document.p == NULL) {
        return fail_too_large(stored->id, arena, err);
    }
    fl_status status = fl_segment_unpack(arena, document, &segment, err);
    if (status == FL_E_NOMEM) {
        return fail_too_large(stored->id, arena, err);
    }
    if (status == FL_OK) {
        out->segment = segment;
    }
    return status;
}

static fl_status read_items(get_job *job, fl_wal_reader *reader, fl_err *err)
{
    for (size_t i = 0; i < job->item_count; i++) {
        const get_item *item = &job->items[i];
        const fl_stored_trace *trace = &job->get->traces[item->trace];
        fl_wal_record stored;
        uint64_t arrival;
        FL_TRY(fl_wal_reader_record(reader, item->ref, &stored, &arrival, err));
        if (stored.kind != FL_WAL_SEGMENT || !fl_trace_id_eq(stored.id, trace->id)) {
            FL_FAIL(err, FL_E_CORRUPT, "the log holds another record than its index says");
        }
        item->record->arrival = arrival;
        FL_TRY(unpack(job->get->arena, &stored, item->record, err));
    }
    return FL_OK;
}

static void read_work(fl_work *work)
{
    get_job *job = FL_CONTAINER_OF(work, get_job, work);
    fl_err err = {0};
    fl_wal_reader reader;
    qsort(job->items, job->item_count, sizeof *job->items, compare_items);
    fl_wal_reader_init(&reader, job->store);
    fl_status status = read_items(job, &reader, &err);
    fl_wal_reader_fini(&reader);
    if (status == FL_E_IO) {
        fl_counter_add(&job->store->stats->io_errors_total, 1);
    }
    if (status != FL_OK) {
        fail(job, status, &err);
    }
}

static void read_done(fl_work *work)
{
    finish(FL_CONTAINER_OF(work, get_job, work));
}

/* ---- Looking up, on each shard */

/* Keeps the file of a ref from going, unless the ref before it did. */
static bool keep_file(get_job *job, fl_wal_ref ref)
{
    fl_wal_file *file = fl_wal_file_at(&job->store->files, fl_wal_ref_slot(ref));
    if (job->file_count != 0 && job->files[job->file_count - 1] == file) {
        return true;
    }
    if (!fl_local_room((void **)&job->files, &job->file_capacity, job->file_count,
                       sizeof *job->files)) {
        return false;
    }
    job->files[job->file_count++] = file;
    fl_wal_file_ref(file, 1);
    return true;
}

static fl_status note_records(get_job *job, const fl_row *row, uint32_t trace, fl_record *records,
                              fl_err *err)
{
    const fl_wal_ref *refs = fl_row_refs(row);
    const fl_record_times *times = fl_row_times(row);
    for (uint32_t i = 0; i < row->record_count; i++) {
        if (!keep_file(job, refs[i]) || !fl_local_room((void **)&job->items, &job->item_capacity,
                                                       job->item_count, sizeof *job->items)) {
            FL_FAIL(err, FL_E_NOMEM, "no memory to read %u records", row->record_count);
        }
        job->items[job->item_count++] = (get_item){refs[i], trace, &records[i]};
        records[i].arrival_ns = times[i].arrival_ns;
    }
    return FL_OK;
}

/* Notes one trace of the shard; no records if the store has none of it. */
static fl_status visit(get_job *job, fl_shard *shard, uint32_t at, fl_err *err)
{
    fl_store_get *get = job->get;
    fl_stored_trace *trace = &get->traces[at];
    const fl_row *row = fl_rows_find(&shard->rows, get->ids[at]);
    trace->id = get->ids[at];
    if (row == NULL || row->record_count == 0 || fl_row_basis(row) < job->cutoff_ns) {
        return FL_OK;
    }
    fl_record *records = FL_ARENA_ARRAY(get->arena, fl_record, row->record_count);
    if (records == NULL) {
        return fail_too_large(row->id, get->arena, err);
    }
    FL_TRY(note_records(job, row, at, records, err));
    trace->records = records;
    trace->count = row->record_count;
    trace->revision = row->revision;
    trace->limit_exceeded = row->limit_exceeded;
    return FL_OK;
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
    fl_shard *shard = &store->shards[job->shard];
    fl_err err = {0};
    for (uint32_t i = 0; i < job->get->count && job->get->status == FL_OK; i++) {
        if (fl_local_shard(store, job->get->ids[i]) == shard) {
            fl_status status = visit(job, shard, i, &err);
            if (status != FL_OK) {
                fail(job, status, &err);
            }
        }
    }
    size_t next = next_shard(job, job->shard + 1);
    if (job->get->status != FL_OK || (next == store->shard_count && job->item_count == 0)) {
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

static fl_status begin(fl_store *store, fl_store_get *get, fl_err *err)
{
    if (atomic_load(&store->closing)) {
        FL_FAIL(err, FL_E_SHUTDOWN, "the store is closing");
    }
    get->traces = FL_ARENA_ARRAY(get->arena, fl_stored_trace, get->count);
    if (get->traces == NULL) {
        FL_FAIL(err, FL_E_TOO_LARGE, "%zu ids do not fit into this request's memory", get->count);
    }
    if (get->count == 0) {
        fl_loop_post(get->loop, &get->task);
        return FL_OK;
    }
    get_job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to read traces");
    }
    job->store = store;
    job->get = get;
    job->cutoff_ns = fl_local_cutoff(store);
    job->shard = next_shard(job, 0);
    job->task.run = run_visit;
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
