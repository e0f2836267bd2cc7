/*
 * A shard: it admits segments, gathers them into a batch, has one batch at a time written, and
 * makes the rows visible afterwards. What is not committed is seen by nobody.
 */
#include "store/local/local_int.h"

#include <stdlib.h>

#define BATCH_BYTES_MAX    UINT32_MAX                /* the queue's budget is far below */
#define BATCH_KEEP_BYTES   ((size_t)4 * 1024 * 1024) /* buffers above it are given back after use */
#define COMMIT_LARGE_BYTES ((size_t)256 * 1024)      /* so much does not wait for the interval */

/* ---- Rows and the files that they refer to */

static void give_references(fl_shard *shard, const fl_row *row)
{
    fl_store *store = shard->store;
    fl_loop *loop = store->open ? shard->loop : NULL;
    const fl_wal_ref *refs = fl_row_refs(row);
    for (size_t i = 0, run; i < row->record_count; i += run) {
        uint32_t slot = fl_wal_ref_slot(refs[i]);
        run = 1;
        while (i + run < row->record_count && fl_wal_ref_slot(refs[i + run]) == slot) {
            run++;
        }
        fl_wal_file_unref(fl_wal_file_at(&store->files, slot), run, loop);
    }
}

/* Forgets the committed records of a row. */
static void clear_row(fl_shard *shard, fl_row *row)
{
    fl_store_stats *stats = shard->store->stats;
    if (row->record_count != 0) {
        fl_counter_sub(&stats->traces, 1);
        fl_counter_sub(&stats->segments, row->record_count);
        give_references(shard, row);
    }
    fl_rows_clear(&shard->rows, row);
}

void fl_shard_drop(fl_shard *shard, fl_row *row)
{
    clear_row(shard, row);
    fl_rows_drop(&shard->rows, row);
}

static void drop_if_empty(fl_shard *shard, fl_row *row)
{
    if (row->record_count == 0 && row->pending == 0) {
        fl_rows_drop(&shard->rows, row);
    }
}

/* Adds a committed segment; the caller refers to its file. */
static bool add_segment(fl_shard *shard, fl_row *row, int64_t start_ns, fl_record_times times,
                        fl_wal_ref ref)
{
    fl_store_stats *stats = shard->store->stats;
    fl_counter_add(&stats->traces, row->record_count == 0);
    fl_counter_add(&stats->segments, 1);
    return fl_rows_add(&shard->rows, row, start_ns, times, ref);
}

fl_status fl_shard_replay(fl_shard *shard, const fl_wal_record *record, fl_wal_ref ref, fl_err *err)
{
    fl_row *row = fl_rows_find(&shard->rows, record->id);
    fl_wal_file *file = fl_wal_file_at(&shard->store->files, fl_wal_ref_slot(ref));
    if (row != NULL && (record->begins || record->kind == FL_WAL_FORGET)) {
        fl_wal_file_hold_remarks(file);
        fl_shard_drop(shard, row);
        row = NULL;
    }
    if (record->kind == FL_WAL_SEGMENT) {
        row = row != NULL ? row : fl_rows_make(&shard->rows, record->id);
        fl_record_times times = {record->end_ns, record->arrival_ns};
        if (row == NULL || !fl_rows_reserve(&shard->rows, row) ||
            !add_segment(shard, row, record->start_ns, times, ref)) {
            FL_FAIL(err, FL_E_NOMEM, "no memory for the rows of the log");
        }
        fl_wal_file_ref(file, 1);
        if (__builtin_add_overflow(row->json_bytes, record->json_bytes, &row->json_bytes)) {
            row->json_bytes = UINT32_MAX;
        }
    }
    if (row != NULL && record->kind == FL_WAL_LIMIT) {
        row->limit_exceeded = true;
        fl_wal_file_hold_remarks(file);
    }
    if (row != NULL) {
        row->revision += record->revision;
    }
    return FL_OK;
}

/* ---- Gathering */

/* The frame that takes n more bytes: the last one, or a new one. */
static fl_batch_frame *frame_for(fl_batch *batch, size_t n, uint64_t arrival, int64_t arrival_ns)
{
    fl_batch_frame *last = batch->frame_count != 0 ? &batch->frames[batch->frame_count - 1] : NULL;
    if (last != NULL && batch->raw.n - last->raw_at + n <= FL_WAL_FRAME_RAW_BYTES &&
        last->records < FL_WAL_FRAME_RECORDS_MAX) {
        return last;
    }
    if (!fl_local_room((void **)&batch->frames, &batch->frame_capacity, batch->frame_count,
                       sizeof *batch->frames)) {
        return NULL;
    }
    last = &batch->frames[batch->frame_count++];
    *last =
        (fl_batch_frame){.raw_at = batch->raw.n, .first_arrival = arrival, .base_ns = arrival_ns};
    return last;
}

/* Adds a record of a row to the batch that gathers; false without memory. */
static bool gather_record(fl_shard *shard, fl_row *row, fl_wal_record *record)
{
    fl_batch *batch = shard->gather;
    size_t n = FL_WAL_RECORD_HEAD_MAX + record->document.n;
    if (fl_buf_room(&batch->raw, n) == NULL) {
        batch->raw.status = FL_OK; /* what it holds is whole; only this record does not fit */
        return false;
    }
    if (!fl_local_room((void **)&batch->records, &batch->record_capacity, batch->record_count,
                       sizeof *batch->records)) {
        return false;
    }
    fl_batch_frame *frame = frame_for(batch, n, shard->next_arrival, record->arrival_ns);
    if (frame == NULL) {
        return false;
    }
    record->revision = !row->in_gather;
    fl_wal_record_emit(record, frame->base_ns, &batch->raw);
    batch->records[batch->record_count++] = (fl_batch_record){
        .row = row,
        .start_ns = record->start_ns,
        .times = {record->end_ns, record->arrival_ns},
        .frame = (uint32_t)(batch->frame_count - 1),
        .json_bytes = record->json_bytes,
        .index = (uint16_t)frame->records++,
        .kind = (uint8_t)record->kind,
        .revision = record->revision,
    };
    shard->next_arrival++;
    row->in_gather = true;
    row->pending++;
    batch->document_bytes += record->document.n;
    return true;
}

bool fl_shard_must_forget(const fl_row *row)
{
    const fl_wal_ref *refs = fl_row_refs(row);
    return row->ahead && fl_wal_ref_slot(refs[0]) != fl_wal_ref_slot(refs[row->record_count - 1]);
}

bool fl_shard_forget(fl_shard *shard, fl_row *row)
{
    fl_wal_record record = {
        .kind = FL_WAL_FORGET,
        .id = row->id,
        .arrival_ns = fl_clock_wall(shard->store->config.clock),
    };
    if (row->pending == FL_ROW_PENDING_MAX || !gather_record(shard, row, &record)) {
        return false;
    }
    /* What comes to the trace from now on belongs to its next life. */
    row->in_gather = false;
    row->json_bytes = 0;
    row->limit_exceeded = false;
    shard->gather->remarks = true;
    fl_shard_schedule(shard, false);
    return true;
}

/* ---- Admission */

static bool is_too_old(const fl_store *store, const fl_row *row, const fl_part_item *item,
                       int64_t now)
{
    int64_t limit = store->config.limits.modification_ns;
    int64_t start = row != NULL && row->start_ns < item->start_ns ? row->start_ns : item->start_ns;
    return limit != 0 && start < now - limit;
}

static bool is_too_large(const fl_store *store, const fl_row *row, const fl_part_item *item)
{
    size_t held = row != NULL ? row->json_bytes : 0;
    return store->config.limits.trace_bytes != 0 &&
           held + item->json_bytes > store->config.limits.trace_bytes;
}

/* Lets the trace's row say that it passed the limit, now and after a restart. */
static void mark_limit(fl_shard *shard, fl_row *row, int64_t arrival_ns)
{
    if (row == NULL || row->limit_exceeded || row->limit_pending ||
        row->pending == FL_ROW_PENDING_MAX) {
        return;
    }
    fl_wal_record record = {.kind = FL_WAL_LIMIT, .id = row->id, .arrival_ns = arrival_ns};
    row->limit_pending = gather_record(shard, row, &record);
    shard->gather->remarks |= row->limit_pending;
}

static fl_status refuse_memory(fl_shard *shard, fl_part *part, size_t left)
{
    const fl_budget *budget = &shard->store->row_budget;
    fl_counter_add(&shard->store->stats->refused_memory_total, left);
    FL_FAIL(&part->err, FL_E_BUSY,
            "%zu of %zu bytes for the rows of traces are in use; retry later, raise --memory or "
            "lower --retention",
            fl_budget_used(budget), budget->max_bytes);
}

/* Takes one segment in; false without memory. */
static bool admit(fl_shard *shard, const fl_part *part, const fl_part_item *item,
                  fl_put_verdict *verdict)
{
    fl_store *store = shard->store;
    fl_row *row = fl_rows_find(&shard->rows, item->id);
    if (row != NULL && row->pending == 0 && fl_row_basis(row) < fl_local_cutoff(store)) {
        shard->gather->remarks |= fl_shard_must_forget(row); /* by a record that begins it anew */
        fl_shard_drop(shard, row);
        fl_counter_add(&store->stats->expired_age_total, 1);
        row = NULL;
    }
    if (is_too_old(store, row, item, part->arrival_ns)) {
        *verdict = FL_PUT_TRACE_TOO_OLD;
        return true;
    }
    if (is_too_large(store, row, item)) {
        *verdict = FL_PUT_TRACE_TOO_LARGE;
        mark_limit(shard, row, part->arrival_ns);
        return true;
    }
    fl_wal_record record = {
        .kind = FL_WAL_SEGMENT,
        .begins = row == NULL,
        .id = item->id,
        .arrival_ns = part->arrival_ns,
        .start_ns = item->start_ns,
        .end_ns = item->end_ns,
        .json_bytes = item->json_bytes,
        .document = {part->documents.p + item->at, item->n},
    };
    row = row != NULL ? row : fl_rows_make(&shard->rows, item->id);
    if (row == NULL) {
        return false;
    }
    if (!fl_rows_reserve(&shard->rows, row) || !gather_record(shard, row, &record)) {
        drop_if_empty(shard, row);
        return false;
    }
    if (__builtin_add_overflow(row->json_bytes, item->json_bytes, &row->json_bytes)) {
        row->json_bytes = UINT32_MAX;
    }
    *verdict = FL_PUT_STORED;
    return true;
}

void fl_shard_take(fl_shard *shard, fl_part *part)
{
    size_t before = shard->gather->record_count;
    for (size_t i = 0; i < part->count; i++) {
        fl_put_verdict verdict;
        if (!admit(shard, part, &part->items[i], &verdict)) {
            part->status = refuse_memory(shard, part, part->count - i);
            break;
        }
        if (part->put->verdicts != NULL) {
            part->put->verdicts[part->items[i].segment] = (uint8_t)verdict;
        }
    }
    if (shard->gather->record_count == before) {
        fl_part_return(part);
        return;
    }
    part->next = shard->gather->parts;
    shard->gather->parts = part;
    fl_shard_schedule(shard, false);
}

/* ---- Commits */

static void commit_done(fl_work *work);

static void commit_work(fl_work *work)
{
    fl_commit_write(FL_CONTAINER_OF(work, fl_batch, work));
}

static void start_commit(fl_shard *shard)
{
    fl_batch *batch = shard->gather;
    shard->gather = batch == &shard->batches[0] ? &shard->batches[1] : &shard->batches[0];
    shard->commit_due = false;
    shard->in_flight = true;
    shard->commit_mono_ns = fl_clock_mono(shard->store->config.clock);
    for (size_t i = 0; i < batch->record_count; i++) {
        batch->records[i].row->in_gather = false;
    }
    batch->work.work = commit_work;
    batch->work.done = commit_done;
    fl_loop_work(shard->loop, &batch->work);
}

static void run_commit(fl_task *task)
{
    start_commit(FL_CONTAINER_OF(task, fl_shard, commit_task));
}

static void on_commit_timer(uv_timer_t *timer)
{
    fl_shard *shard = FL_CONTAINER_OF(timer, fl_shard, commit_timer);
    shard->commit_waits = false;
    start_commit(shard);
}

/* How long small commits wait, so that they do not come more often than the interval. */
static int64_t commit_pause_ns(const fl_shard *shard)
{
    if (shard->gather->raw.n >= COMMIT_LARGE_BYTES) {
        return 0;
    }
    return shard->commit_mono_ns + shard->store->options.commit_interval_ns -
           fl_clock_mono(shard->store->config.clock);
}

static void post_or_wait(fl_shard *shard)
{
    int64_t pause_ns = commit_pause_ns(shard);
    shard->commit_due = true;
    if (pause_ns <= 0) {
        /* Posted, so that it takes along all that this turn of the loop brings. */
        fl_loop_post(shard->loop, &shard->commit_task);
        return;
    }
    shard->commit_waits = true;
    uint64_t pause_ms = (uint64_t)((pause_ns + FL_NS_PER_MS - 1) / FL_NS_PER_MS);
    (void)uv_timer_start(&shard->commit_timer, on_commit_timer, pause_ms, 0);
}

void fl_shard_schedule(fl_shard *shard, bool sync)
{
    shard->gather->sync |= sync;
    if (shard->commit_waits && shard->gather->raw.n >= COMMIT_LARGE_BYTES) {
        shard->commit_waits = false;
        (void)uv_timer_stop(&shard->commit_timer);
        fl_loop_post(shard->loop, &shard->commit_task);
    } else if (!shard->in_flight && !shard->commit_due) {
        fl_local_enter(shard->store); /* until the shard is idle again */
        post_or_wait(shard);
    }
}

/* Makes a committed record visible; false without memory. */
static bool apply_record(fl_shard *shard, const fl_batch *batch, const fl_batch_record *record)
{
    fl_row *row = record->row;
    uint64_t offset = batch->frames[record->frame].offset;
    row->revision += record->revision;
    if (record->kind == FL_WAL_LIMIT) {
        row->limit_exceeded = true;
        row->limit_pending = false;
        return true;
    }
    return add_segment(shard, row, record->start_ns, record->times,
                       fl_wal_ref_of(batch->file->slot, offset, record->index));
}

/* A record whose commit failed leaves no trace in the row. */
static void revert_record(const fl_batch_record *record)
{
    fl_row *row = record->row;
    if (record->kind == FL_WAL_LIMIT) {
        row->limit_pending = false;
    }
    row->json_bytes -= record->json_bytes < row->json_bytes ? record->json_bytes : row->json_bytes;
}

/* A committed batch refers to its file for each segment in it. */
static void refer_to_file(fl_shard *shard, const fl_batch *batch)
{
    size_t segments = 0;
    for (size_t i = 0; i < batch->record_count; i++) {
        segments += batch->records[i].kind == FL_WAL_SEGMENT;
    }
    fl_wal_file_ref(batch->file, segments);
    if (batch->remarks) {
        fl_wal_file_hold_remarks(batch->file);
    }
    fl_counter_add(&shard->store->stats->segments_stored_total, segments);
    fl_counter_add(&shard->store->stats->bytes_packed_total, batch->document_bytes);
}

static void apply_batch(fl_shard *shard, fl_batch *batch)
{
    /* A batch without a file was a sync alone. */
    bool committed = batch->status == FL_OK && batch->file != NULL;
    if (committed) {
        refer_to_file(shard, batch);
    }
    for (size_t i = 0; i < batch->record_count; i++) {
        const fl_batch_record *record = &batch->records[i];
        record->row->pending--;
        if (record->kind == FL_WAL_FORGET) {
            /* Written or not: this is how room is made on a disk that is full. */
            uint32_t next_life_bytes = record->row->json_bytes;
            clear_row(shard, record->row);
            record->row->json_bytes = next_life_bytes;
        } else if (!committed) {
            revert_record(record);
        } else if (!apply_record(shard, batch, record)) {
            batch->status = fl_err_set(&batch->err, FL_E_NOMEM, __FILE__, __LINE__,
                                       "no memory for the order of traces; retry later");
        }
        drop_if_empty(shard, record->row);
    }
}

static void return_parts(fl_batch *batch)
{
    fl_store *store = batch->shard->store;
    int64_t now = fl_clock_mono(store->config.clock);
    while (batch->parts != NULL) {
        fl_part *part = batch->parts;
        batch->parts = part->next;
        if (batch->status != FL_OK) {
            part->status = batch->status;
            part->err = batch->err;
        }
        fl_histogram_add(&store->stats->commit_latency, now - part->started_mono_ns);
        fl_part_return(part);
    }
}

static void reset_buffer(fl_buf *buf)
{
    if (buf->capacity > BATCH_KEEP_BYTES) {
        fl_buf_fini(buf);
        fl_buf_init(buf, BATCH_BYTES_MAX);
    }
    fl_buf_reset(buf);
}

static void reset_batch(fl_batch *batch)
{
    reset_buffer(&batch->raw);
    reset_buffer(&batch->out);
    batch->record_count = 0;
    batch->frame_count = 0;
    batch->document_bytes = 0;
    batch->sync = false;
    batch->remarks = false;
    batch->file = NULL;
    batch->retired = NULL;
}

static void commit_done(fl_work *work)
{
    fl_batch *batch = FL_CONTAINER_OF(work, fl_batch, work);
    fl_shard *shard = batch->shard;
    apply_batch(shard, batch);
    if (batch->retired != NULL) {
        fl_wal_file_unref(batch->retired, 1, shard->loop);
    }
    return_parts(batch);
    reset_batch(batch);
    shard->in_flight = false;
    if (shard->gather->record_count != 0 || shard->gather->sync) {
        post_or_wait(shard);
    } else {
        fl_local_leave(shard->store);
    }
}

/* ---- Life */

static void batch_init(fl_batch *batch, fl_shard *shard)
{
    batch->shard = shard;
    fl_buf_init(&batch->raw, BATCH_BYTES_MAX);
    fl_buf_init(&batch->out, BATCH_BYTES_MAX);
}

static void batch_fini(fl_batch *batch)
{
    fl_buf_fini(&batch->raw);
    fl_buf_fini(&batch->out);
    free(batch->records);
    free(batch->frames);
}

void fl_shard_init(fl_shard *shard, fl_store *store, fl_loop *loop, uint32_t number)
{
    memset(shard, 0, sizeof *shard);
    shard->store = store;
    shard->loop = loop;
    shard->number = number;
    fl_rows_init(&shard->rows, &store->row_budget);
    batch_init(&shard->batches[0], shard);
    batch_init(&shard->batches[1], shard);
    shard->gather = &shard->batches[0];
    shard->commit_mono_ns = fl_clock_mono(store->config.clock) - store->options.commit_interval_ns;
    shard->commit_task.run = run_commit;
    atomic_init(&shard->oldest_ns, INT64_MAX);
}

void fl_shard_fini(fl_shard *shard)
{
    while (shard->free_parts != NULL) {
        fl_part *part = shard->free_parts;
        shard->free_parts = part->next;
        fl_part_free(part);
    }
    batch_fini(&shard->batches[0]);
    batch_fini(&shard->batches[1]);
    fl_rows_fini(&shard->rows);
}
