/*
 * Live rows written as parts: one for each partition that they fall into, whichever shards they
 * come from, so that parts of the same minutes do not have to be merged row by row. Their documents
 * are read from the log in runs of rows that fit into memory, each frame once a run; a trace larger
 * than a run is read record by record.
 *
 * A record that is damaged beyond repair is left out, told and counted: it is lost already, and
 * must not keep the others from settling.
 */
#include "store/local/local_int.h"

#include <stdlib.h>

#include "store/local/view_int.h"
#include "store/local/wal_read_int.h"

/* A row and where it goes. All pieces of a trace lie in one partition, so that parts in the order
 * of their numbers have them in the order of arrival, and merges of neighbours keep it. */
typedef struct settling_row {
    fl_row *row;
    fl_part_row piece;
    int64_t partition;
    bool continues; /* other parts have pieces of the trace */
} settling_row;

typedef struct document {
    fl_wal_ref ref;
    uint32_t row;   /* in the settle */
    uint32_t place; /* among the documents, in the order of rows and arrival */
    size_t at, n;   /* in the bytes; n 0 = lost */
} document;

typedef struct settler {
    fl_store *store;
    settling_row *rows; /* by partition, then newest first */
    size_t count;
    fl_wal_reader reader;
    fl_view view; /* of the parts before this settle */
    document *documents;
    size_t document_count, document_capacity;
    fl_buf bytes;
    /* parts under way */
    fl_part_writer *writer;
    fl_part_name name;
    fl_version_part *added;
    size_t added_count, added_capacity;
    fl_parts_change change;
} settler;

static int compare_rows(const void *a, const void *b)
{
    const settling_row *left = a, *right = b;
    if (left->partition != right->partition) {
        return left->partition < right->partition ? -1 : 1;
    }
    fl_store_place l = fl_part_place(&left->piece), r = fl_part_place(&right->piece);
    return fl_store_place_cmp(&l, &r);
}

static int compare_refs(const void *a, const void *b)
{
    const document *left = a, *right = b;
    return left->ref < right->ref ? -1 : left->ref > right->ref;
}

static int compare_places(const void *a, const void *b)
{
    const document *left = a, *right = b;
    return left->place < right->place ? -1 : left->place > right->place;
}

/* ---- Documents of some rows, read from the log */

/* The rows from `first` on that are read together; at least one. */
static size_t run_end(const settler *s, size_t first)
{
    uint64_t bytes = s->rows[first].row->packed_bytes;
    size_t end = first + 1;
    while (end < s->count &&
           bytes + s->rows[end].row->packed_bytes <= s->store->options.settle_bytes) {
        bytes += s->rows[end++].row->packed_bytes;
    }
    return end;
}

static void note_lost(settler *s, const fl_row *row, const fl_err *err)
{
    fl_buf id;
    fl_buf_init(&id, FL_TRACE_ID_TEXT_MAX + 1);
    fl_trace_id_emit(row->id, &id);
    FL_LOG(s->store->config.log, FL_LOG_ERROR, "record lost: it could not be read when it settled",
           fl_kv_str("trace", fl_buf_str(&id)), fl_kv_text("error", err->message));
    fl_buf_fini(&id);
}

/* Reads one record; an absent text if it is damaged beyond repair. */
static fl_status read_record(settler *s, const fl_row *row, fl_wal_ref ref, fl_str *packed,
                             fl_err *err)
{
    fl_wal_record record;
    uint64_t arrival;
    fl_err inner;
    fl_status status = fl_wal_reader_record(&s->reader, ref, &record, &arrival, &inner);
    if (status == FL_OK && !fl_trace_id_eq(record.id, row->id)) {
        status = fl_err_set(&inner, FL_E_CORRUPT, __FILE__, __LINE__,
                            "the log holds another record than its index says");
    }
    if (status == FL_E_CORRUPT) {
        note_lost(s, row, &inner);
        *packed = (fl_str){0};
        return FL_OK;
    }
    if (status != FL_OK && err != NULL) {
        *err = inner;
    }
    *packed = record.document;
    return status;
}

static fl_status list_documents(settler *s, size_t first, size_t end, fl_err *err)
{
    s->document_count = 0;
    for (size_t i = first; i < end; i++) {
        const fl_row *row = s->rows[i].row;
        const fl_wal_ref *refs = fl_row_refs(row);
        for (uint32_t k = 0; k < row->record_count; k++) {
            if (!fl_local_room((void **)&s->documents, &s->document_capacity, s->document_count,
                               sizeof *s->documents)) {
                FL_FAIL(err, FL_E_NOMEM, "no memory to settle traces");
            }
            s->documents[s->document_count] = (document){
                .ref = refs[k], .row = (uint32_t)i, .place = (uint32_t)s->document_count};
            s->document_count++;
        }
    }
    return FL_OK;
}

/* All documents of rows first … end - 1 into s->bytes, frame by frame. */
static fl_status read_documents(settler *s, size_t first, size_t end, fl_err *err)
{
    FL_TRY(list_documents(s, first, end, err));
    fl_buf_reset(&s->bytes);
    if (s->document_count == 0) {
        return FL_OK; /* marks alone */
    }
    qsort(s->documents, s->document_count, sizeof *s->documents, compare_refs);
    for (size_t i = 0; i < s->document_count; i++) {
        document *one = &s->documents[i];
        fl_str packed;
        FL_TRY(read_record(s, s->rows[one->row].row, one->ref, &packed, err));
        one->at = s->bytes.n;
        one->n = packed.n;
        fl_buf_add_str(&s->bytes, packed);
    }
    if (s->bytes.status != FL_OK) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to settle traces");
    }
    qsort(s->documents, s->document_count, sizeof *s->documents, compare_places);
    return FL_OK;
}

/* ---- Parts */

static fl_status begin_part(settler *s, int64_t partition, fl_err *err)
{
    char path[FL_LOCAL_PATH_MAX];
    fl_part_options options = {.block_rows = s->store->options.block_rows};
    uint64_t number = s->store->parts.next_number + s->added_count;
    s->name = (fl_part_name){.partition = partition, .low = number, .high = number};
    fl_parts_temporary_path(s->store, &s->name, path);
    fl_parts_clear_temporary(s->store, &s->name);
    return fl_part_writer_new(s->store->config.fs, path, &options, &s->writer, err);
}

/* Finishes the part under way, if there is one, and gives it its name. */
static fl_status end_part(settler *s, fl_err *err)
{
    fl_part_info info;
    if (s->writer == NULL) {
        return FL_OK;
    }
    if (!fl_local_room((void **)&s->added, &s->added_capacity, s->added_count, sizeof *s->added)) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to settle traces");
    }
    FL_TRY(fl_part_writer_finish(s->writer, &info, err));
    fl_part_writer_free(s->writer);
    s->writer = NULL;
    fl_version_part *added = &s->added[s->added_count];
    *added = (fl_version_part){0};
    FL_TRY(fl_parts_adopt(s->store, &s->name, &added->settled, err));
    s->added_count++;
    fl_counter_add(&s->store->stats->settles_total, 1);
    fl_counter_add(&s->store->stats->settled_bytes_total, info.file_bytes);
    return FL_OK;
}

static fl_status write_row(settler *s, const settling_row *settling, uint32_t record_count,
                           fl_err *err)
{
    if (s->writer != NULL && s->name.partition != settling->partition) {
        FL_TRY(end_part(s, err));
    }
    if (s->writer == NULL) {
        FL_TRY(begin_part(s, settling->partition, err));
    }
    fl_part_row piece = settling->piece;
    piece.record_count = record_count;
    piece.continues = settling->continues;
    return fl_part_writer_row(s->writer, &piece, err);
}

/* ---- Rows */

/* Does it only say that the trace, of which other parts have pieces, passed its limit? */
static bool is_mark(const settling_row *settling)
{
    return settling->piece.record_count == 0 && settling->continues;
}

/* A run of rows whose documents were read. */
static fl_status write_run(settler *s, size_t first, size_t end, fl_err *err)
{
    const document *next = s->documents;
    for (size_t i = first; i < end; i++) {
        const fl_row *row = s->rows[i].row;
        const fl_record_times *times = fl_row_times(row);
        uint32_t kept = 0;
        for (uint32_t k = 0; k < row->record_count; k++) {
            kept += next[k].n != 0;
        }
        if (kept != 0 || is_mark(&s->rows[i])) {
            FL_TRY(write_row(s, &s->rows[i], kept, err));
        }
        for (uint32_t k = 0; k < row->record_count; k++, next++) {
            if (next->n != 0) {
                fl_str packed = {s->bytes.p + next->at, next->n};
                FL_TRY(fl_part_writer_record(s->writer, packed, times[k].arrival_ns, err));
            }
        }
    }
    return FL_OK;
}

/* A row alone that is too large to be read at once: first it is counted what can be read. */
static fl_status write_large(settler *s, const settling_row *settling, fl_err *err)
{
    const fl_row *row = settling->row;
    const fl_wal_ref *refs = fl_row_refs(row);
    const fl_record_times *times = fl_row_times(row);
    uint32_t kept = 0;
    fl_str packed;
    for (uint32_t k = 0; k < row->record_count; k++) {
        FL_TRY(read_record(s, row, refs[k], &packed, err));
        kept += packed.n != 0;
    }
    if (kept == 0) {
        return FL_OK;
    }
    FL_TRY(write_row(s, settling, kept, err));
    for (uint32_t k = 0; k < row->record_count; k++) {
        FL_TRY(read_record(s, row, refs[k], &packed, err));
        if (packed.n != 0) {
            FL_TRY(fl_part_writer_record(s->writer, packed, times[k].arrival_ns, err));
        }
    }
    return FL_OK;
}

static fl_status write_rows(settler *s, fl_err *err)
{
    for (size_t first = 0, end; first < s->count; first = end) {
        end = run_end(s, first);
        if (s->rows[first].row->packed_bytes > s->store->options.settle_bytes) {
            FL_TRY(write_large(s, &s->rows[first], err));
            continue;
        }
        FL_TRY(read_documents(s, first, end, err));
        FL_TRY(write_run(s, first, end, err));
    }
    return end_part(s, err);
}

/* ---- Publishing */

/* Each row of a new part that continues a trace is shared. */
static fl_status note_continued(settler *s, fl_err *err)
{
    for (size_t i = 0; i < s->added_count; i++) {
        const fl_settled *settled = s->added[i].settled;
        size_t count;
        const fl_part_continued_row *rows = fl_part_continued(settled->part, &count);
        for (size_t k = 0; k < count; k++) {
            if (!fl_parts_note(&s->change, settled, rows[k].id, rows[k].row)) {
                FL_FAIL(err, FL_E_NOMEM, "no memory for traces in several parts");
            }
        }
    }
    return FL_OK;
}

static fl_status publish(settler *s, fl_err *err)
{
    if (s->added_count == 0) {
        return FL_OK; /* nothing could be read */
    }
    FL_TRY(note_continued(s, err));
    s->change.added = s->added;
    s->change.added_count = s->added_count;
    FL_TRY(fl_parts_publish(s->store, &s->change, err));
    s->store->parts.next_number += s->added_count;
    s->added_count = 0;
    return FL_OK;
}

/* What was made of a settle that failed is removed: all of it settles again. */
static void give_up(settler *s)
{
    if (s->writer != NULL) {
        fl_part_writer_free(s->writer);
        fl_parts_clear_temporary(s->store, &s->name);
    }
    for (size_t i = 0; i < s->added_count; i++) {
        fl_parts_reject(s->added[i].settled);
    }
}

/* Finds the parts that have pieces of the row's trace already. Where a part is damaged it may have
 * one: nothing waits for that. */
static fl_status place_row(settler *s, settling_row *settling, fl_err *err)
{
    fl_piece pieces[FL_VIEW_PIECES_MAX];
    size_t count = 0;
    bool whole = true;
    const fl_row *row = settling->row;
    settling->piece = fl_row_piece(row);
    settling->partition = fl_partition_of(settling->piece.time_ns);
    if (row->settled_before) {
        FL_TRY(fl_view_find(&s->view, row->id, pieces, &count, &whole, err));
        settling->continues = !whole;
    }
    for (size_t i = 0; i < count; i++) {
        const fl_settled *settled = s->view.version->parts[pieces[i].part].settled;
        settling->partition = settled->name.partition;
        settling->continues = true;
        if (!fl_parts_note(&s->change, settled, row->id, pieces[i].row)) {
            FL_FAIL(err, FL_E_NOMEM, "no memory for traces in several parts");
        }
    }
    return FL_OK;
}

static fl_status list_rows(settler *s, const fl_settle *first, fl_err *err)
{
    size_t count = 0;
    for (const fl_settle *settle = first; settle != NULL; settle = settle->next) {
        count += settle->count;
    }
    s->rows = calloc(count + 1, sizeof *s->rows);
    if (s->rows == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to settle %zu traces", count);
    }
    for (const fl_settle *settle = first; settle != NULL; settle = settle->next) {
        for (size_t i = 0; i < settle->count; i++) {
            s->rows[s->count].row = settle->rows[i];
            FL_TRY(place_row(s, &s->rows[s->count++], err));
        }
    }
    return FL_OK;
}

static fl_status run(settler *s, const fl_settle *first, fl_err *err)
{
    FL_TRY(fl_parts_clear(s->store, err));
    FL_TRY(fl_view_open(s->store, &s->view, err));
    FL_TRY(list_rows(s, first, err));
    qsort(s->rows, s->count, sizeof *s->rows, compare_rows);
    FL_TRY(write_rows(s, err));
    return publish(s, err);
}

fl_status fl_settle_run(fl_store *store, const fl_settle *first, fl_err *err)
{
    settler s = {.store = store};
    fl_wal_reader_init(&s.reader, s.store);
    fl_buf_init(&s.bytes, UINT32_MAX);
    fl_status status = run(&s, first, err);
    if (status != FL_OK) {
        fl_counter_add(&s.store->stats->io_errors_total, status == FL_E_IO);
        give_up(&s);
    }
    fl_view_close(&s.view);
    fl_wal_reader_fini(&s.reader);
    fl_buf_fini(&s.bytes);
    free(s.change.notes);
    free(s.documents);
    free(s.rows);
    free(s.added);
    return status;
}
