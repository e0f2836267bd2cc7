/*
 * A block read: its directory, chunks decoded as they are asked for, and which of the values are a
 * span's.
 */
#include "store/part/part_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <xxhash.h>

/* Nothing that a writer makes needs more: blocks are closed by spans and by bytes of text. */
#define BLOCK_BYTES_MAX ((size_t)256 << 20)

void fl_part_block_init(fl_part_block *block, fl_part *part)
{
    *block = (fl_part_block){.part = part, .number = UINT32_MAX};
    fl_arena_init(&block->arena, BLOCK_BYTES_MAX);
}

void fl_part_block_fini(fl_part_block *block)
{
    fl_arena_fini(&block->arena);
    fl_zstd_free(block->zstd);
    block->zstd = NULL;
    block->number = UINT32_MAX;
}

static fl_status damaged(const fl_part_block *block, const char *what, fl_err *err)
{
    FL_FAIL(err, FL_E_CORRUPT, "block %" PRIu32 " of %s is damaged: %s", block->number,
            block->part->path, what);
}

static fl_status no_memory(const fl_part_block *block, fl_err *err)
{
    FL_FAIL(err, FL_E_NOMEM, "no memory to read block %" PRIu32 " of %s", block->number,
            block->part->path);
}

/* ---- Directory */

static bool read_lead(fl_part_block *block, fl_cur *cur)
{
    uint64_t records = fl_cur_varint(cur);
    if (records != block->info->leading_records) {
        return false;
    }
    if (records != 0) {
        block->lead_id.hi = fl_cur_le64(cur);
        block->lead_id.lo = fl_cur_le64(cur);
        block->lead_start_ns = fl_cur_svarint(cur);
        block->lead_first_arrival_ns = fl_cur_svarint(cur);
    }
    return !cur->failed;
}

/* The number of values that a column must have; UINT32_MAX: the shapes say it. */
static uint32_t values_due(const fl_part_block_info *info, uint32_t column)
{
    if (column < FL_COL_OF_ROWS) {
        return info->rows;
    }
    switch (column) {
    case FL_COL_RECORD_ARRIVAL:
        return info->records;
    case FL_COL_SHAPE:
    case FL_COL_ID:
    case FL_COL_START:
        return info->spans;
    default:
        return UINT32_MAX;
    }
}

/* Most numbers of a directory are small. */
static inline uint64_t read_number(fl_cur *cur)
{
    return fl_cur_left(cur) != 0 && *cur->p < 0x80 ? *cur->p++ : fl_cur_varint(cur);
}

static bool read_entry(fl_part_block *block, fl_cur *cur, uint64_t *column, uint32_t *offset,
                       fl_part_chunk *chunk)
{
    *column += read_number(cur);
    uint64_t values = read_number(cur);
    uint64_t bytes = read_number(cur);
    chunk->in_directory = (bytes & 1) != 0;
    bytes >>= 1;
    if (cur->failed || *column > UINT16_MAX || bytes > block->info->bytes || values == 0 ||
        values > UINT32_MAX ||
        values > (uint64_t)block->info->spans * FL_SHAPE_VALUES_MAX + block->info->rows) {
        return false;
    }
    chunk->column = (uint32_t)*column;
    chunk->values = (uint32_t)values;
    chunk->bytes = (uint32_t)bytes;
    uint32_t due = values_due(block->info, chunk->column);
    if (due != UINT32_MAX && due != chunk->values) {
        return false;
    }
    if (chunk->in_directory) {
        fl_str stored = fl_cur_take(cur, (size_t)bytes);
        chunk->offset = !cur->failed ? (uint32_t)(stored.p - (const char *)block->bytes) : 0;
        return !cur->failed;
    }
    chunk->hash = fl_cur_le32(cur);
    chunk->offset = *offset;
    return !cur->failed && !__builtin_add_overflow(*offset, chunk->bytes, offset);
}

static fl_status index_chunks(fl_part_block *block, uint32_t columns, fl_err *err)
{
    block->chunk_of = FL_ARENA_ARRAY(&block->arena, uint16_t, columns);
    if (block->chunk_of == NULL) {
        return no_memory(block, err);
    }
    for (uint32_t i = 0; i < block->chunk_count; i++) {
        block->chunk_of[block->chunks[i].column] = (uint16_t)(i + 1);
    }
    block->column_count = columns;
    return FL_OK;
}

static fl_status read_entries(fl_part_block *block, fl_cur *cur, uint32_t directory_bytes,
                              fl_err *err)
{
    uint64_t count = fl_cur_varint(cur);
    uint64_t column = 0;
    uint32_t offset = directory_bytes;
    if (cur->failed || count > fl_cur_left(cur)) {
        return damaged(block, "its directory", err);
    }
    block->chunk_count = (uint32_t)count;
    block->chunks = FL_ARENA_ARRAY(&block->arena, fl_part_chunk, block->chunk_count);
    if (block->chunks == NULL) {
        return no_memory(block, err);
    }
    for (uint32_t i = 0; i < block->chunk_count; i++) {
        uint64_t before = column;
        if (!read_entry(block, cur, &column, &offset, &block->chunks[i]) ||
            (i != 0 && column == before)) {
            return damaged(block, "its directory", err);
        }
    }
    if (fl_cur_left(cur) != 0 || offset != block->info->bytes) {
        return damaged(block, "its directory", err);
    }
    return index_chunks(block, (uint32_t)column + 1, err);
}

static fl_status read_directory(fl_part_block *block, fl_err *err)
{
    fl_cur cur = fl_cur_of(block->bytes, block->info->head_bytes);
    uint64_t hash = fl_cur_le64(&cur);
    uint32_t bytes = fl_cur_le32(&cur);
    if (bytes < FL_PART_DIRECTORY_AT || bytes > block->info->head_bytes ||
        !fl_part_hash_holds(block->part, hash,
                            XXH3_64bits_withSeed(block->bytes + FL_PART_HASH_BYTES,
                                                 bytes - FL_PART_HASH_BYTES,
                                                 block->info->offset))) {
        return damaged(block, "its directory", err);
    }
    cur.end = block->bytes + bytes;
    if (!read_lead(block, &cur)) {
        return damaged(block, "its directory", err);
    }
    return read_entries(block, &cur, bytes, err);
}

/* ---- Opening */

static fl_status load(fl_part_block *block, uint32_t to, fl_err *err)
{
    const fl_part *part = block->part;
    size_t got;
    if (to <= block->loaded) {
        return FL_OK;
    }
    FL_TRY(part->fs->read_at(part->fs, part->file, block->bytes + block->loaded, to - block->loaded,
                             block->info->offset + block->loaded, &got, err));
    if (got < to - block->loaded) {
        return damaged(block, "it was cut", err);
    }
    block->read_bytes += got;
    block->loaded = to;
    return FL_OK;
}

static fl_status begin(fl_part_block *block, uint32_t number, uint32_t to, fl_err *err)
{
    fl_zstd *zstd = block->zstd;
    fl_arena arena = block->arena;
    fl_arena_reset(&arena);
    *block = (fl_part_block){.part = block->part,
                             .number = number,
                             .info = &block->part->blocks[number],
                             .arena = arena,
                             .zstd = zstd,
                             .read_bytes = block->read_bytes};
    block->bytes = fl_arena_alloc(&block->arena, block->info->bytes);
    if (block->zstd == NULL) {
        block->zstd = fl_zstd_new();
    }
    if (block->bytes == NULL || block->zstd == NULL) {
        return no_memory(block, err);
    }
    FL_TRY(load(block, to, err));
    return read_directory(block, err);
}

fl_status fl_part_block_open(fl_part_block *block, uint32_t number, bool whole, fl_err *err)
{
    const fl_part_block_info *info = &block->part->blocks[number];
    uint32_t to = whole ? info->bytes : info->head_bytes;
    if (block->number == number) {
        return load(block, to, err);
    }
    fl_status status = begin(block, number, to, err);
    if (status != FL_OK) {
        block->number = UINT32_MAX;
    }
    return status;
}

/* ---- Chunks */

fl_status fl_part_chunk_bytes(fl_part_block *block, const fl_part_chunk *chunk, fl_str *out,
                              fl_err *err)
{
    unsigned char *bytes = block->bytes + chunk->offset;
    if (chunk->in_directory) {
        *out = (fl_str){(const char *)bytes, chunk->bytes};
        return FL_OK;
    }
    if (chunk->offset + chunk->bytes > block->loaded) {
        FL_TRY(fl_part_read(block->part, block->info->offset + chunk->offset, chunk->bytes,
                            &block->arena, &bytes, err));
        block->read_bytes += chunk->bytes;
    }
    uint64_t seed = fl_part_chunk_seed(block->info->offset, chunk->column);
    if (!fl_part_hash_holds(block->part, chunk->hash,
                            (uint32_t)XXH3_64bits_withSeed(bytes, chunk->bytes, seed))) {
        return damaged(block, "a chunk", err);
    }
    *out = (fl_str){(const char *)bytes, chunk->bytes};
    return FL_OK;
}

/* What reading values of a chunk takes. */
typedef struct chunk_source {
    fl_column_kind kind;
    fl_str bytes;
    const fl_dictionary *dictionary; /* NULL if it does not use one */
} chunk_source;

static fl_status source_of(fl_part_block *block, const fl_part_chunk *chunk, chunk_source *out,
                           fl_err *err)
{
    fl_chunk_facts facts;
    out->dictionary = NULL;
    FL_TRY(fl_part_column_kind(block->part, chunk->column, &out->kind, err));
    FL_TRY(fl_part_chunk_bytes(block, chunk, &out->bytes, err));
    if (out->kind == FL_COLUMN_TEXT) {
        FL_TRY(fl_chunk_facts_read(out->kind, out->bytes, &facts, err));
        if (facts.uses_dictionary) {
            FL_TRY(fl_part_dictionary(block->part, chunk->column, &out->dictionary, err));
        }
    }
    return FL_OK;
}

static fl_status decode(fl_part_block *block, fl_part_chunk *chunk, fl_err *err)
{
    chunk_source source;
    FL_TRY(source_of(block, chunk, &source, err));
    fl_status status = fl_values_read(&block->arena, block->zstd, source.kind, source.bytes,
                                      chunk->values, source.dictionary, &chunk->read, err);
    chunk->decoded = status == FL_OK;
    return status != FL_E_CORRUPT ? status : damaged(block, "a chunk", err);
}

fl_status fl_part_block_decode(fl_part_block *block, uint32_t column, const fl_values **out,
                               fl_err *err)
{
    static const fl_values none;
    fl_part_chunk *chunk = fl_part_block_chunk(block, column);
    uint32_t due = values_due(block->info, column);
    if (chunk == NULL) {
        *out = &none;
        return due == UINT32_MAX || due == 0 ? FL_OK : damaged(block, "a chunk is missing", err);
    }
    FL_TRY(decode(block, chunk, err));
    *out = &chunk->read;
    return FL_OK;
}

static fl_status picker_of(fl_part_block *block, uint32_t column, fl_picker **out, fl_err *err)
{
    chunk_source source;
    fl_part_chunk *chunk = fl_part_block_chunk(block, column);
    if (chunk == NULL) {
        return damaged(block, "it lacks values", err);
    }
    if (chunk->picker == NULL) {
        FL_TRY(source_of(block, chunk, &source, err));
        fl_status status = fl_picker_new(&block->arena, block->zstd, source.kind, source.bytes,
                                         chunk->values, source.dictionary, &chunk->picker, err);
        if (status != FL_OK) {
            return status != FL_E_CORRUPT ? status : damaged(block, "a chunk", err);
        }
    }
    *out = chunk->picker;
    return FL_OK;
}

fl_status fl_part_block_pick_int(fl_part_block *block, uint32_t column, uint32_t index,
                                 int64_t *out, fl_err *err)
{
    fl_picker *picker;
    FL_TRY(picker_of(block, column, &picker, err));
    return fl_pick_int(picker, index, out, err);
}

fl_status fl_part_block_pick_id(fl_part_block *block, uint32_t column, uint32_t index,
                                uint64_t *out, fl_err *err)
{
    fl_picker *picker;
    FL_TRY(picker_of(block, column, &picker, err));
    return fl_pick_id(picker, index, out, err);
}

/* ---- Layout: which spans and records are whose */

static bool shapes_are_known(const fl_part_block *block)
{
    uint64_t largest = 0;
    for (uint32_t i = 0; i < block->info->spans; i++) {
        uint64_t shape = (uint64_t)block->shapes[i];
        largest = shape > largest ? shape : largest;
    }
    return largest < block->schema->shape_count;
}

/* Where records begin; each of them begins with a segment. */
static bool find_records(fl_part_block *block)
{
    const fl_schema_shape *shapes = block->schema->shapes;
    uint32_t records = 0;
    if (!shapes_are_known(block)) {
        return false;
    }
    for (uint32_t i = 0; i < block->info->spans; i++) { /* no branch: segments come at random */
        block->record_spans[records] = i;
        records += shapes[block->shapes[i]].is_segment;
    }
    block->record_spans[records] = block->info->spans;
    return records == block->info->records && block->record_spans[0] == 0;
}

/* The last row may go on in the next block. */
static bool find_rows(fl_part_block *block, const int64_t *row_records)
{
    const fl_part_block_info *info = block->info;
    uint32_t record = 0;
    for (uint32_t entry = 0; entry <= info->rows; entry++) {
        int64_t due = entry == 0 ? info->leading_records : row_records[entry - 1];
        uint32_t left = info->records - record;
        block->row_records[entry] = record;
        block->row_spans[entry] = block->record_spans[record];
        if (due < 0 || (due > left && (entry != info->rows || left == 0))) {
            return false;
        }
        record += due < left ? (uint32_t)due : left;
    }
    block->row_records[info->rows + 1] = record;
    block->row_spans[info->rows + 1] = block->record_spans[record];
    return record == info->records;
}

fl_status fl_part_block_layout(fl_part_block *block, fl_err *err)
{
    const fl_values *shapes, *row_records;
    fl_arena *arena = &block->arena;
    if (block->laid_out) {
        return FL_OK;
    }
    FL_TRY(fl_part_schema(block->part, &block->schema, err));
    FL_TRY(fl_part_block_values(block, FL_COL_ROW_RECORDS, &row_records, err));
    FL_TRY(fl_part_block_values(block, FL_COL_SHAPE, &shapes, err));
    uint32_t columns = fl_schema_columns(block->schema);
    block->row_spans = FL_ARENA_ARRAY(arena, uint32_t, (size_t)block->info->rows + 2);
    block->row_records = FL_ARENA_ARRAY(arena, uint32_t, (size_t)block->info->rows + 2);
    block->record_spans =
        fl_arena_alloc(arena, ((size_t)block->info->spans + 1) * sizeof *block->record_spans);
    block->next = FL_ARENA_ARRAY(arena, uint32_t, columns);
    block->shape_counts = FL_ARENA_ARRAY(arena, uint32_t, block->schema->shape_count);
    if (block->row_spans == NULL || block->row_records == NULL || block->record_spans == NULL ||
        block->next == NULL || block->shape_counts == NULL) {
        return no_memory(block, err);
    }
    block->shapes = shapes->ints;
    if (!find_records(block) || !find_rows(block, row_records->ints)) {
        return damaged(block, "its rows", err);
    }
    block->laid_out = true;
    return FL_OK;
}

uint32_t fl_part_block_entry_of(const fl_part_block *block, uint32_t span)
{
    uint32_t low = 0, high = block->info->rows + 1;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (block->row_spans[middle] <= span) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

fl_status fl_part_block_spans_of(fl_part_block *block, uint32_t column, const uint32_t **spans,
                                 fl_err *err)
{
    const fl_part_chunk *chunk = fl_part_block_chunk(block, column);
    uint32_t values = chunk != NULL ? chunk->values : 0;
    uint32_t found = 0;
    uint32_t *out = FL_ARENA_ARRAY(&block->arena, uint32_t, values);
    if (out == NULL) {
        return no_memory(block, err);
    }
    for (uint32_t i = 0; i < block->info->spans; i++) {
        const fl_schema_shape *shape = &block->schema->shapes[block->shapes[i]];
        for (uint32_t k = 0; k < shape->value_count; k++) {
            if (shape->columns[k] != column) {
                continue;
            }
            if (found == values) {
                return damaged(block, "it lacks values", err);
            }
            out[found++] = i;
        }
    }
    if (found != values) {
        return damaged(block, "it has values of no span", err);
    }
    *spans = out;
    return FL_OK;
}

/* ---- The values of a span */

/* Counts the shapes first: the values of each are added once. */
static void skip_many(fl_part_block *block, uint32_t span)
{
    for (; block->at < span; block->at++) {
        block->shape_counts[block->shapes[block->at]]++;
    }
    for (uint32_t i = 0; i < block->schema->shape_count; i++) {
        uint32_t count = block->shape_counts[i];
        const fl_schema_shape *shape = &block->schema->shapes[i];
        for (uint32_t k = 0; count != 0 && k < shape->value_count; k++) {
            block->next[shape->columns[k]] += count;
        }
        block->shape_counts[i] = 0;
    }
}

void fl_part_block_seek(fl_part_block *block, uint32_t span)
{
    if (span < block->at) {
        memset(block->next, 0, fl_schema_columns(block->schema) * sizeof *block->next);
        block->at = 0;
    }
    if (span - block->at > block->schema->shape_count / 4) {
        skip_many(block, span);
    }
    for (; block->at < span; block->at++) {
        const fl_schema_shape *shape = &block->schema->shapes[block->shapes[block->at]];
        for (uint32_t i = 0; i < shape->value_count; i++) {
            block->next[shape->columns[i]]++;
        }
    }
}

static fl_status count_raw_parents(fl_part_block *block, const fl_values *parents, fl_err *err)
{
    uint32_t zeros = 0;
    uint32_t *before = FL_ARENA_ARRAY(&block->arena, uint32_t, parents->count);
    if (before == NULL) {
        return no_memory(block, err);
    }
    for (uint32_t i = 0; i < parents->count; i++) {
        before[i] = zeros;
        zeros += parents->ints[i] == 0;
    }
    block->raw_parents = before;
    return FL_OK;
}

fl_status fl_part_block_parent(fl_part_block *block, uint32_t span, uint32_t index, uint64_t *id,
                               fl_err *err)
{
    const fl_values *parents, *ids;
    FL_TRY(fl_part_block_values(block, FL_COL_PARENT, &parents, err));
    if (index >= parents->count) {
        return damaged(block, "it lacks parents", err);
    }
    if (parents->ints[index] != 0) {
        FL_TRY(fl_part_block_values(block, FL_COL_ID, &ids, err));
        uint64_t at = span + (uint64_t)parents->ints[index];
        if (at >= ids->count) {
            return damaged(block, "a parent is no span of it", err);
        }
        *id = ids->ids[at];
        return FL_OK;
    }
    FL_TRY(fl_part_block_values(block, FL_COL_PARENT_ID, &ids, err));
    if (block->raw_parents == NULL) {
        FL_TRY(count_raw_parents(block, parents, err));
    }
    if (block->raw_parents[index] >= ids->count) {
        return damaged(block, "it lacks ids of parents", err);
    }
    *id = ids->ids[block->raw_parents[index]];
    return FL_OK;
}

/* The same as fl_part_block_parent; most parents are spans of the block. */
static fl_status pick_parent(fl_part_block *block, uint32_t span, uint32_t index, uint64_t *id,
                             fl_err *err)
{
    int64_t on;
    FL_TRY(fl_part_block_pick_int(block, FL_COL_PARENT, index, &on, err));
    uint64_t at = span + (uint64_t)on;
    if (on == 0 || at >= block->info->spans) {
        return fl_part_block_parent(block, span, index, id, err);
    }
    return fl_part_block_pick_id(block, FL_COL_ID, (uint32_t)at, id, err);
}

static fl_status take_value(fl_part_block *block, uint32_t column, fl_value *out, fl_err *err)
{
    fl_picker *picker;
    uint32_t index = block->next[column]++;
    if (column == FL_COL_PARENT) {
        return pick_parent(block, block->at, index, &out->id, err);
    }
    FL_TRY(picker_of(block, column, &picker, err));
    switch (fl_schema_column_kind(block->schema, column)) {
    case FL_COLUMN_INT:
        return fl_pick_int(picker, index, &out->number, err);
    case FL_COLUMN_ID:
        return fl_pick_id(picker, index, &out->id, err);
    default:
        return fl_pick_text(picker, index, &out->text, err);
    }
}

fl_status fl_part_block_take(fl_part_block *block, int64_t start_ns, fl_value *values, fl_err *err)
{
    const fl_schema_shape *shape = &block->schema->shapes[block->shapes[block->at]];
    for (uint32_t i = 0; i < shape->value_count; i++) {
        fl_status status = take_value(block, shape->columns[i], &values[i], err);
        if (status != FL_OK) {
            block->at = UINT32_MAX; /* its columns stand apart now: the next one begins anew */
            return status;
        }
        if (shape->columns[i] == FL_COL_START && shape->is_segment) {
            values[i].number = fl_wrapping_add(values[i].number, start_ns);
        }
    }
    block->at++;
    return FL_OK;
}
