/*
 * A shard: it admits segments, gathers them into a batch, has one batch at a time written, and
 * makes the rows visible afterwards. What is not committed is seen by nobody.
 */
#include "store/local/view_int.h"

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
    if (row->mark_slot != 0) {
        fl_wal_file_unref(fl_wal_file_at(&store->files, row->mark_slot - 1), 1, loop);
    }
}

/* Adds the mark that the trace passed its limit, and keeps the file that says so. A row without
 * records, of a trace that has settled, does not need it if the trace is marked already. */
static void add_mark(fl_shard *shard, fl_row *row, uint32_t slot, uint64_t arrival)
{
    bool is_there = row->record_count != 0 || row->base_start_ns != INT64_MAX;
    if (is_there && row->mark_slot == 0 && (row->record_count != 0 || !row->limit_exceeded)) {
        fl_wal_file_ref(fl_wal_file_at(&shard->store->files, slot), 1);
        row->mark_slot = slot + 1;
        row->limit_exceeded = true;
        row->last_arrival = arrival;
    }
}

void fl_shard_drop(fl_shard *shard, fl_row *row)
{
    fl_store_stats *stats = shard->store->stats;
    give_references(shard, row);
    fl_counter_sub(&stats->live_segments, row->record_count);
    fl_counter_sub(&stats->live_traces, row->record_count != 0 && !row->settled_before);
    fl_counter_sub(&stats->live_bytes, row->packed_bytes);
    if (!row->settling) {
        shard->live_bytes -= row->packed_bytes;
    }
    fl_rows_drop(&shard->rows, row);
}

static void drop_if_empty(fl_shard *shard, fl_row *row)
{
    if (!fl_row_is_visible(row) && row->pending == 0) {
        fl_shard_drop(shard, row);
    }
}

/* Adds a committed segment; the caller refers to its file. */
static void add_segment(fl_shard *shard, fl_row *row, const fl_batch_record *record,
                        uint64_t arrival, fl_wal_ref ref)
{
    fl_store_stats *stats = shard->store->stats;
    fl_counter_add(&stats->live_traces, row->record_count == 0 && !row->settled_before);
    fl_counter_add(&stats->live_segments, 1);
    fl_counter_add(&stats->live_bytes, record->packed_bytes);
    row->packed_bytes += record->packed_bytes;
    shard->live_bytes += record->packed_bytes;
    fl_shard_note_arrival(shard, record->times.arrival_ns);
    fl_row_add(row, record->start_ns, record->times, arrival, ref);
}

static bool has_trace_limits(const fl_store *store)
{
    return store->config.limits.trace_bytes != 0 || store->config.limits.modification_ns != 0;
}

/* Had what is known of a trace expired when a record of it came? */
static bool had_expired(fl_store *store, const fl_part_row *before, int64_t arrival_ns)
{
    const fl_part_row next = {.id = before->id, .first_arrival_ns = arrival_ns, .record_count = 1};
    return fl_local_begins_anew(store, before, &next);
}

/* Had the trace of a row expired, with what parts have of it? If they cannot be read it is kept. */
static bool had_expired_in_parts(fl_store *store, const fl_row *row, int64_t arrival_ns)
{
    fl_view view;
    fl_err err;
    fl_part_row both[] = {{.id = row->id}, fl_row_whole(row)};
    bool expired = false;
    if (fl_view_open(store, &view, &err) == FL_OK &&
        fl_view_settled(&view, row->id, &both[0], &err) == FL_OK) {
        bool goes_on =
            both[0].last_arrival != 0 && !fl_local_begins_anew(store, &both[0], &both[1]);
        fl_part_row whole = goes_on ? fl_part_row_join(both, 2) : both[1];
        expired = had_expired(store, &whole, arrival_ns);
    }
    fl_view_close(&view);
    return expired;
}

/* The same of a live row. Parts are asked when it seems so: of a trace that came before the clock
 * went back they have the later arrival. */
static bool row_had_expired(fl_store *store, const fl_row *row, int64_t arrival_ns)
{
    fl_part_row whole = fl_row_whole(row);
    if (!had_expired(store, &whole, arrival_ns)) {
        return false;
    }
    return !row->settled_before || row->base_known || had_expired_in_parts(store, row, arrival_ns);
}

/* Does a row of the trace settle that had not expired then? */
static bool is_settling(const fl_shard *shard, fl_trace_id id, int64_t arrival_ns)
{
    const fl_row *row = fl_rows_find(&shard->rows, id, true);
    return row != NULL && !row_had_expired(shard->store, row, arrival_ns);
}

/* What was there of the trace when its row was made, unless it had expired. */
static void set_base(fl_store *store, fl_row *row, const fl_part_row *base, int64_t arrival_ns)
{
    if (!had_expired(store, base, arrival_ns)) {
        row->base_start_ns = base->start_ns;
        row->base_arrival_ns = base->last_arrival_ns;
        row->base_json_bytes = base->json_bytes;
        row->json_bytes += base->json_bytes;
        row->limit_exceeded |= base->limit_exceeded;
    }
}

/* Looks for it in the parts. That may read the disk on the loop's thread: it is done for limits on
 * traces, which only the aws profile has, and for traces of the future, and of these for the few
 * that come back after they settled. */
static void load_base(fl_store *store, fl_row *row, int64_t arrival_ns)
{
    fl_view view;
    fl_err err;
    fl_part_row settled;
    row->base_known = true;
    if (fl_view_open(store, &view, &err) == FL_OK &&
        fl_view_settled(&view, row->id, &settled, &err) == FL_OK && settled.last_arrival != 0) {
        set_base(store, row, &settled, arrival_ns);
    }
    fl_view_close(&view);
}

/* The trace's new row; NULL without memory. */
static fl_row *make_row(fl_shard *shard, fl_trace_id id, int64_t arrival_ns)
{
    fl_store *store = shard->store;
    const fl_row *before = fl_rows_find(&shard->rows, id, true);
    fl_row *row = fl_rows_make(&shard->rows, id);
    if (row == NULL) {
        return NULL;
    }
    fl_version *version = fl_version_acquire(store);
    bool in_parts = fl_version_may_have(version, id);
    fl_version_release(version);
    row->settled_before = before != NULL || in_parts;
    if (before != NULL && is_settling(shard, id, arrival_ns)) {
        fl_row_inherit(row, before);
    } else if (in_parts && has_trace_limits(store)) {
        load_base(store, row, arrival_ns);
    }
    return row;
}

/* The row for a mark of a trace without live records; none if the trace is gone. */
static fl_status make_row_to_mark(fl_shard *shard, const fl_wal_record *record, fl_row **out,
                                  fl_err *err)
{
    fl_row *row = make_row(shard, record->id, record->arrival_ns);
    *out = NULL;
    if (row == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for the rows of the log");
    }
    if (!row->base_known) {
        load_base(shard->store, row, record->arrival_ns);
    }
    if (row->base_start_ns == INT64_MAX) {
        fl_shard_drop(shard, row);
    } else {
        *out = row;
    }
    return FL_OK;
}

fl_status fl_shard_replay(fl_shard *shard, const fl_wal_record *record, uint64_t arrival,
                          fl_wal_ref ref, fl_err *err)
{
    fl_row *row = fl_rows_find(&shard->rows, record->id, false);
    if (row != NULL && (record->begins || record->kind == FL_WAL_FORGET)) {
        fl_shard_drop(shard, row);
        row = NULL;
    }
    if (record->kind == FL_WAL_SEGMENT) {
        row = row != NULL ? row : make_row(shard, record->id, record->arrival_ns);
        if (row == NULL || !fl_rows_reserve(&shard->rows, row)) {
            FL_FAIL(err, FL_E_NOMEM, "no memory for the rows of the log");
        }
        fl_batch_record added = {.start_ns = record->start_ns,
                                 .times = {record->end_ns, record->arrival_ns},
                                 .packed_bytes = (uint32_t)record->document.n};
        add_segment(shard, row, &added, arrival, ref);
        fl_wal_file_ref(fl_wal_file_at(&shard->store->files, fl_wal_ref_slot(ref)), 1);
        row->json_bytes += record->json_bytes;
    }
    if (record->kind == FL_WAL_LIMIT && row == NULL) {
        FL_TRY(make_row_to_mark(shard, record, &row, err));
    }
    if (row != NULL && record->kind == FL_WAL_LIMIT) {
        add_mark(shard, row, fl_wal_ref_slot(ref), arrival);
        fl_shard_note_arrival(shard, record->arrival_ns);
    }
    if (row != NULL) {
        row->revision += record->revision;
        drop_if_empty(shard, row);
    }
    return FL_OK;
}

/* ---- Gathering */

/* The frame that takes n more bytes: the last one, or a new one. */
static fl_batch_frame *frame_for(fl_batch *batch, size_t n, int64_t arrival_ns)
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
    *last = (fl_batch_frame){.raw_at = batch->raw.n, .base_ns = arrival_ns};
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
    fl_batch_frame *frame = frame_for(batch, n, record->arrival_ns);
    if (frame == NULL) {
        return false;
    }
    record->revision = !row->in_gather;
    fl_wal_record_emit(record, frame->base_ns, &batch->raw);
    batch->records[batch->record_count++] = (fl_batch_record){
        .row = row,
        .start_ns = record->start_ns,
        .times = {record->end_ns, record->arrival_ns},
        .packed_bytes = (uint32_t)record->document.n,
        .frame = (uint32_t)(batch->frame_count - 1),
        .json_bytes = record->json_bytes,
        .index = (uint16_t)frame->records++,
        .kind = (uint8_t)record->kind,
        .revision = record->revision,
    };
    fl_shard_note_arrival(shard, record->arrival_ns);
    row->in_gather = true;
    row->pending++;
    batch->document_bytes += record->document.n;
    return true;
}

/* ---- Admission */

static bool is_too_old(const fl_store *store, const fl_row *row, const fl_bundle_item *item,
                       int64_t now)
{
    int64_t limit = store->config.limits.modification_ns;
    int64_t start = item->start_ns;
    if (row != NULL) {
        start = row->start_ns < start ? row->start_ns : start;
        start = row->base_start_ns < start ? row->base_start_ns : start;
    }
    return limit != 0 && start < now - limit;
}

static bool is_too_large(const fl_store *store, const fl_row *row, const fl_bundle_item *item)
{
    uint64_t held = row != NULL ? row->json_bytes : 0;
    return store->config.limits.trace_bytes != 0 &&
           held + item->json_bytes > store->config.limits.trace_bytes;
}

/* Lets the trace's row say that it passed the limit, now and after a restart. */
static void mark_limit(fl_shard *shard, fl_row *row, int64_t arrival_ns)
{
    bool is_there = row->record_count != 0 || row->pending != 0 || row->base_start_ns != INT64_MAX;
    if (!is_there || row->limit_exceeded || row->limit_pending ||
        row->pending == FL_ROW_PENDING_MAX) {
        return;
    }
    fl_wal_record record = {.kind = FL_WAL_LIMIT, .id = row->id, .arrival_ns = arrival_ns};
    row->limit_pending = gather_record(shard, row, &record);
}

static fl_status refuse_memory(fl_shard *shard, fl_bundle *bundle, size_t left)
{
    const fl_budget *budget = &shard->store->row_budget;
    fl_counter_add(&shard->store->stats->refused_memory_total, left);
    FL_FAIL(
        &bundle->err, FL_E_BUSY,
        "%zu of %zu bytes for live traces and indices are in use; retry later or raise --memory",
        fl_budget_used(budget), budget->max_bytes);
}

/* The live row for a segment of the trace; expired ones do not count. NULL if there is none yet. */
static fl_row *find_row(fl_shard *shard, fl_trace_id id, int64_t arrival_ns)
{
    fl_store *store = shard->store;
    fl_row *row = fl_rows_find(&shard->rows, id, false);
    if (row == NULL || row->pending != 0) {
        return row;
    }
    /* Of a trace that seems to be of the future the settled part may say that it is not. */
    if (row->settled_before && !row->base_known && row->time_ns > row->last_arrival_ns) {
        load_base(store, row, row->first_arrival_ns);
    }
    if (!row_had_expired(store, row, arrival_ns)) {
        return row;
    }
    fl_shard_drop(shard, row);
    fl_counter_add(&store->stats->expired_age_total, 1);
    return NULL;
}

/* Judges one segment by what the trace has; FL_PUT_STORED if it may be kept. */
static fl_put_verdict judge(fl_shard *shard, fl_row *row, const fl_bundle *bundle,
                            const fl_bundle_item *item)
{
    if (is_too_old(shard->store, row, item, bundle->arrival_ns)) {
        return FL_PUT_TRACE_TOO_OLD;
    }
    if (is_too_large(shard->store, row, item)) {
        mark_limit(shard, row, bundle->arrival_ns);
        return FL_PUT_TRACE_TOO_LARGE;
    }
    return FL_PUT_STORED;
}

/* Takes one segment in; false without memory. */
static bool admit(fl_shard *shard, const fl_bundle *bundle, const fl_bundle_item *item,
                  fl_put_verdict *verdict)
{
    fl_row *row = find_row(shard, item->id, bundle->arrival_ns);
    fl_wal_record record = {
        .kind = FL_WAL_SEGMENT,
        .begins = row == NULL && !is_settling(shard, item->id, bundle->arrival_ns),
        .id = item->id,
        .arrival_ns = bundle->arrival_ns,
        .start_ns = item->start_ns,
        .end_ns = item->end_ns,
        .json_bytes = item->json_bytes,
        .document = {bundle->documents.p + item->at, item->n},
    };
    row = row != NULL ? row : make_row(shard, item->id, bundle->arrival_ns);
    if (row == NULL) {
        return false;
    }
    *verdict = judge(shard, row, bundle, item);
    bool taken = *verdict != FL_PUT_STORED ||
                 (fl_rows_reserve(&shard->rows, row) && gather_record(shard, row, &record));
    if (taken && *verdict == FL_PUT_STORED) {
        row->json_bytes += item->json_bytes;
    }
    drop_if_empty(shard, row);
    return taken;
}

void fl_shard_take(fl_shard *shard, fl_bundle *bundle)
{
    size_t before = shard->gather->record_count;
    for (size_t i = 0; i < bundle->count; i++) {
        fl_put_verdict verdict;
        if (!admit(shard, bundle, &bundle->items[i], &verdict)) {
            bundle->status = refuse_memory(shard, bundle, bundle->count - i);
            break;
        }
        if (bundle->put->verdicts != NULL) {
            bundle->put->verdicts[bundle->items[i].segment] = (uint8_t)verdict;
        }
    }
    if (shard->gather->record_count == before) {
        fl_bundle_return(bundle);
        return;
    }
    bundle->next = shard->gather->bundles;
    shard->gather->bundles = bundle;
    fl_shard_schedule(shard, false);
}

/* ---- Commits */

static void commit_done(fl_work *work);

static void commit_work(fl_work *work)
{
    fl_commit_write(FL_CONTAINER_OF(work, fl_batch, work));
}

/* Gives the records their numbers. Those of commits that begin later are higher, whatever their
 * shard. */
static void number_records(fl_store *store, fl_batch *batch)
{
    uint64_t next = atomic_fetch_add(&store->next_arrival, batch->record_count);
    for (size_t i = 0; i < batch->frame_count; i++) {
        batch->frames[i].first_arrival = next;
        next += batch->frames[i].records;
    }
}

static void start_commit(fl_shard *shard)
{
    fl_batch *batch = shard->gather;
    shard->gather = batch == &shard->batches[0] ? &shard->batches[1] : &shard->batches[0];
    shard->commit_due = false;
    shard->in_flight = true;
    shard->commit_mono_ns = fl_clock_mono(shard->store->config.clock);
    number_records(shard->store, batch);
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

/* Makes a committed record visible. */
static void apply_record(fl_shard *shard, const fl_batch *batch, const fl_batch_record *record)
{
    fl_row *row = record->row;
    uint64_t offset = batch->frames[record->frame].offset;
    uint64_t arrival = batch->frames[record->frame].first_arrival + record->index;
    row->revision += record->revision;
    if (record->kind == FL_WAL_LIMIT) {
        add_mark(shard, row, batch->file->slot, arrival);
        row->limit_pending = false;
        return;
    }
    add_segment(shard, row, record, arrival,
                fl_wal_ref_of(batch->file->slot, offset, record->index));
}

/* A record whose commit failed leaves no trace in the row. */
static void revert_record(const fl_batch_record *record)
{
    fl_row *row = record->row;
    if (record->kind == FL_WAL_LIMIT) {
        row->limit_pending = false;
    }
    row->json_bytes -= record->json_bytes;
}

/* A committed batch refers to its file for each segment in it. */
static void refer_to_file(fl_shard *shard, const fl_batch *batch)
{
    size_t segments = 0;
    for (size_t i = 0; i < batch->record_count; i++) {
        segments += batch->records[i].kind == FL_WAL_SEGMENT;
    }
    fl_wal_file_ref(batch->file, segments);
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
        if (committed) {
            apply_record(shard, batch, record);
        } else {
            revert_record(record);
        }
        drop_if_empty(shard, record->row);
    }
}

static void return_bundles(fl_batch *batch)
{
    fl_store *store = batch->shard->store;
    int64_t now = fl_clock_mono(store->config.clock);
    while (batch->bundles != NULL) {
        fl_bundle *bundle = batch->bundles;
        batch->bundles = bundle->next;
        if (batch->status != FL_OK) {
            bundle->status = batch->status;
            bundle->err = batch->err;
        }
        fl_histogram_add(&store->stats->commit_latency, now - bundle->started_mono_ns);
        fl_bundle_return(bundle);
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
    return_bundles(batch);
    reset_batch(batch);
    shard->in_flight = false;
    fl_shard_choose(shard);
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
    shard->first_arrival_ns = INT64_MAX;
    shard->settle.shard = shard;
    shard->settle.first_arrival_ns = INT64_MAX;
    atomic_init(&shard->oldest_ns, INT64_MAX);
    atomic_init(&shard->oldest_arrival_ns, INT64_MAX);
}

void fl_shard_fini(fl_shard *shard)
{
    while (shard->free_bundles != NULL) {
        fl_bundle *bundle = shard->free_bundles;
        shard->free_bundles = bundle->next;
        fl_bundle_free(bundle);
    }
    batch_fini(&shard->batches[0]);
    batch_fini(&shard->batches[1]);
    free(shard->settle.rows);
    fl_rows_fini(&shard->rows);
}
