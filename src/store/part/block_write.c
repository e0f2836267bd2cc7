/*
 * A block as it is gathered and written: a chunk for each column that got values, and a directory
 * before them (docs/format/part.md, "Blocks").
 */
#include <stdlib.h>
#include <xxhash.h>

#include "store/part/write_int.h"

#define COLUMN_BYTES_MAX ((size_t)1 << 30)

bool fl_part_grow(void **items, uint32_t *capacity, uint32_t count, size_t item_bytes)
{
    if (count < *capacity) {
        return true;
    }
    uint32_t grown = *capacity != 0 ? *capacity * 2 : 64;
    void *moved = grown > count ? realloc(*items, grown * item_bytes) : NULL;
    if (moved == NULL) {
        return false;
    }
    *items = moved;
    *capacity = grown;
    return true;
}

static fl_status no_memory(fl_err *err)
{
    FL_FAIL(err, FL_E_NOMEM, "no memory to write a part");
}

/* ---- Sinks */

static bool sink_init(fl_part_writer *w, uint32_t column)
{
    fl_part_sink *sink = &w->sinks[column];
    fl_column_kind kind = fl_schema_column_kind(&w->schema, column);
    *sink = (fl_part_sink){.kind = kind};
    fl_buf_init(&sink->filter_index, COLUMN_BYTES_MAX);
    fl_buf_init(&sink->filters, COLUMN_BYTES_MAX);
    if (kind == FL_COLUMN_TEXT && column != FL_COL_PACKED) {
        sink->dictionary = fl_dictionary_new();
        if (sink->dictionary == NULL) {
            return false;
        }
    }
    sink->column =
        fl_column_new(kind, sink->dictionary, fl_schema_column_is_filtered(&w->schema, column));
    return sink->column != NULL;
}

fl_part_sink *fl_part_sink_of(fl_part_writer *w, uint32_t column)
{
    if (column < w->sink_count) {
        return &w->sinks[column];
    }
    uint32_t count = fl_schema_columns(&w->schema);
    fl_part_sink *sinks = realloc(w->sinks, count * sizeof *sinks);
    if (sinks == NULL) {
        return NULL;
    }
    w->sinks = sinks;
    while (w->sink_count < count) {
        if (!sink_init(w, w->sink_count++)) {
            return NULL;
        }
    }
    return &w->sinks[column];
}

/* ---- Rows */

static bool add_row_facts(fl_part_writer *w, const fl_part_row *row)
{
    int64_t epoch = (int64_t)(row->id.hi >> 32);
    bool ended = row->last_end_ns != FL_TIME_NONE;
    int64_t facts[FL_COL_OF_ROWS] = {
        [FL_COL_ROW_EPOCH] = epoch,
        [FL_COL_ROW_HIGH] = (int64_t)(row->id.hi & UINT32_MAX),
        [FL_COL_ROW_TIME] = fl_wrapping_sub(row->time_ns, epoch * FL_NS_PER_S),
        [FL_COL_ROW_START] = fl_wrapping_sub(row->start_ns, row->time_ns),
        [FL_COL_ROW_END] = ended ? fl_wrapping_sub(row->last_end_ns, row->start_ns) : 0,
        [FL_COL_ROW_FIRST_ARRIVAL] = fl_wrapping_sub(row->first_arrival_ns, row->start_ns),
        [FL_COL_ROW_LAST_ARRIVAL] = fl_wrapping_sub(row->last_arrival_ns, row->first_arrival_ns),
        [FL_COL_ROW_ARRIVAL] = (int64_t)row->last_arrival,
        [FL_COL_ROW_JSON_BYTES] = (int64_t)row->json_bytes,
        [FL_COL_ROW_RECORDS] = row->record_count,
        [FL_COL_ROW_REVISION] = row->revision,
        [FL_COL_ROW_FLAGS] = (row->limit_exceeded ? FL_ROW_LIMIT_EXCEEDED : 0) |
                             (ended ? 0 : FL_ROW_NONE_ENDED) |
                             (row->continues ? FL_ROW_CONTINUES : 0),
    };
    for (uint32_t i = 0; i < FL_COL_OF_ROWS; i++) {
        fl_column *column = w->sinks[i].column;
        if (i == FL_COL_ROW_LOW ? !fl_column_add_id(column, row->id.lo)
                                : !fl_column_add_int(column, facts[i])) {
            return false;
        }
    }
    return true;
}

fl_status fl_block_add_row(fl_part_writer *w, const fl_part_row *row, fl_err *err)
{
    if (fl_block_is_full(w)) {
        FL_TRY(fl_block_close(w, err));
    }
    if (!add_row_facts(w, row)) {
        return no_memory(err);
    }
    if (w->block.rows++ == 0) {
        w->block.newest = fl_part_place(row);
    }
    return FL_OK;
}

fl_status fl_block_begin_record(fl_part_writer *w, fl_err *err)
{
    if (fl_block_is_overfull(w)) {
        FL_TRY(fl_block_close(w, err));
    }
    if (w->block.rows == 0) {
        w->lead = w->row;
        w->block.newest = fl_part_place(&w->row);
    }
    return FL_OK;
}

fl_status fl_block_end_record(fl_part_writer *w, int64_t arrival_ns, fl_err *err)
{
    int64_t since = fl_wrapping_sub(arrival_ns, w->row.first_arrival_ns);
    if (!fl_column_add_int(w->sinks[FL_COL_RECORD_ARRIVAL].column, since)) {
        return no_memory(err);
    }
    w->block.records++;
    w->block.leading_records += w->block.rows == 0;
    return FL_OK;
}

fl_status fl_block_end_row(fl_part_writer *w, fl_err *err)
{
    bool resolved = fl_parents_resolve(&w->parents, w->block.spans, w->sinks[FL_COL_PARENT].column,
                                       w->sinks[FL_COL_PARENT_ID].column);
    return resolved ? FL_OK : no_memory(err);
}

/* ---- Writing */

/* Behind the hash and the length of the directory, which are put in last. */
static void emit_lead(const fl_part_writer *w, fl_buf *head)
{
    fl_buf_add_varint(head, w->block.leading_records);
    if (w->block.leading_records != 0) {
        fl_buf_add_le64(head, w->lead.id.hi);
        fl_buf_add_le64(head, w->lead.id.lo);
        fl_buf_add_svarint(head, w->lead.start_ns);
        fl_buf_add_svarint(head, w->lead.first_arrival_ns);
    }
}

fl_status fl_block_begin(fl_part_writer *w, uint32_t chunk_count, fl_err *err)
{
    w->last_column = 0;
    w->row_bytes = 0;
    fl_buf_reset(&w->head);
    fl_buf_reset(&w->body);
    fl_buf_fill(&w->head, 0, FL_PART_DIRECTORY_AT);
    emit_lead(w, &w->head);
    fl_buf_add_varint(&w->head, chunk_count);
    return w->head.status == FL_OK ? FL_OK : no_memory(err);
}

/* Of the block, what was added to sink->filters since. */
static void note_filter(fl_part_writer *w, fl_part_sink *sink, size_t bytes_before)
{
    size_t bytes = sink->filters.n - bytes_before;
    if (bytes != 0) {
        fl_buf_add_varint(&sink->filter_index, w->block_count - sink->filter_block);
        fl_buf_add_varint(&sink->filter_index, bytes);
        sink->filter_block = w->block_count;
        sink->filter_count++;
    }
}

/* The chunk at the end of the body: small ones move to the directory, whose hash covers them. */
static void note_chunk(fl_part_writer *w, uint32_t column, uint32_t values, size_t chunk_at)
{
    size_t bytes = w->body.n - chunk_at;
    bool in_directory = bytes <= FL_PART_CHUNK_IN_DIRECTORY;
    fl_buf_add_varint(&w->head, column - w->last_column);
    fl_buf_add_varint(&w->head, values);
    fl_buf_add_varint(&w->head, (uint64_t)bytes << 1 | in_directory);
    if (in_directory) {
        fl_buf_add(&w->head, w->body.p + chunk_at, bytes);
        w->body.n = chunk_at;
    } else {
        uint64_t seed = fl_part_chunk_seed(w->offset, column);
        uint64_t hash = XXH3_64bits_withSeed(w->body.p + chunk_at, bytes, seed);
        fl_buf_add_le32(&w->head, (uint32_t)hash);
    }
    w->last_column = column;
    w->row_bytes = column < FL_COL_OF_ROWS ? w->body.n : w->row_bytes;
}

fl_status fl_block_encode_column(fl_part_writer *w, uint32_t column, fl_err *err)
{
    fl_part_sink *sink = &w->sinks[column];
    uint32_t values = fl_column_count(sink->column);
    size_t chunk_at = w->body.n;
    size_t filters_before = sink->filters.n;
    FL_TRY(fl_column_encode(sink->column, w->encoder, &w->body, &sink->filters, err));
    note_filter(w, sink, filters_before);
    note_chunk(w, column, values, chunk_at);
    return FL_OK;
}

fl_status fl_block_copy_chunk(fl_part_writer *w, uint32_t column, uint32_t values, fl_str bytes,
                              fl_str filter, fl_err *err)
{
    fl_part_sink *sink = &w->sinks[column];
    size_t chunk_at = w->body.n;
    size_t filters_before = sink->filters.n;
    fl_buf_add_str(&w->body, bytes);
    fl_buf_add_str(&sink->filters, filter);
    if (w->body.status != FL_OK || sink->filters.status != FL_OK) {
        return no_memory(err);
    }
    if (sink->dictionary != NULL) {
        fl_dictionary_saw(sink->dictionary, values);
    }
    note_filter(w, sink, filters_before);
    note_chunk(w, column, values, chunk_at);
    return FL_OK;
}

/* The first bytes of the directory: its hash, its length. */
static void seal_directory(fl_buf *head, uint64_t offset)
{
    fl_buf begin = {.p = head->p, .capacity = head->capacity, .max_bytes = head->max_bytes};
    begin.n = FL_PART_HASH_BYTES;
    fl_buf_add_le32(&begin, (uint32_t)head->n);
    uint64_t hash =
        XXH3_64bits_withSeed(head->p + FL_PART_HASH_BYTES, head->n - FL_PART_HASH_BYTES, offset);
    begin.n = 0;
    fl_buf_add_le64(&begin, hash);
}

static fl_status write_block(fl_part_writer *w, fl_err *err)
{
    if (w->head.status != FL_OK || w->body.status != FL_OK || w->head.n > UINT32_MAX - w->body.n) {
        return no_memory(err);
    }
    w->block.head_bytes = (uint32_t)(w->head.n + w->row_bytes);
    w->block.bytes = (uint32_t)(w->head.n + w->body.n);
    w->block.offset = w->offset;
    seal_directory(&w->head, w->offset);
    FL_TRY(w->fs->write_at(w->fs, w->file, w->head.p, w->head.n, w->offset, err));
    if (w->body.n != 0) {
        FL_TRY(w->fs->write_at(w->fs, w->file, w->body.p, w->body.n, w->offset + w->head.n, err));
    }
    w->offset += w->block.bytes;
    return FL_OK;
}

fl_status fl_block_end(fl_part_writer *w, fl_err *err)
{
    void *blocks = w->blocks;
    FL_TRY(write_block(w, err));
    if (!fl_part_grow(&blocks, &w->block_capacity, w->block_count, sizeof *w->blocks)) {
        return no_memory(err);
    }
    w->blocks = blocks;
    w->blocks[w->block_count++] = w->block;
    w->block = (fl_part_block_info){.first_row = w->block.first_row + w->block.rows};
    w->text_bytes = 0;
    w->parents.first = 0;
    return FL_OK;
}

/* ---- What was gathered */

static uint32_t chunks_of(const fl_part_writer *w)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->sink_count; i++) {
        count += fl_column_count(w->sinks[i].column) != 0;
    }
    return count;
}

fl_status fl_block_close(fl_part_writer *w, fl_err *err)
{
    if (w->block.records == 0 && w->block.rows == 0) {
        return FL_OK;
    }
    FL_TRY(fl_block_end_row(w, err));
    FL_TRY(fl_block_begin(w, chunks_of(w), err));
    for (uint32_t i = 0; i < w->sink_count; i++) {
        if (fl_column_count(w->sinks[i].column) != 0) {
            FL_TRY(fl_block_encode_column(w, i, err));
        }
    }
    return fl_block_end(w, err);
}
