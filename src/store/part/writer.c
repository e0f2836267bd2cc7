/*
 * Records → columns: each is taken apart into spans, a span's values go to the columns of its
 * shape.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "store/part/write_int.h"

/* By size on disk against the time to read a trace: bench/part_bench.c. */
#define BLOCK_ROWS_DEFAULT 768
#define BLOCK_BYTES_MAX    ((size_t)1 << 30)

static fl_status no_memory(fl_err *err)
{
    FL_FAIL(err, FL_E_NOMEM, "no memory to write a part");
}

/* ---- Life */

static fl_status init_memory(fl_part_writer *w, const char *path)
{
    w->path = strdup(path);
    w->encoder = fl_column_encoder_new();
    fl_buf_init(&w->head, BLOCK_BYTES_MAX);
    fl_buf_init(&w->body, BLOCK_BYTES_MAX);
    if (w->path == NULL || w->encoder == NULL) {
        return FL_E_NOMEM;
    }
    FL_TRY(fl_schema_init(&w->schema));
    return fl_part_sink_of(w, FL_COL_FIXED_COUNT - 1) != NULL ? FL_OK : FL_E_NOMEM;
}

fl_status fl_part_writer_new(fl_fs *fs, const char *path, const fl_part_options *options,
                             fl_part_writer **out, fl_err *err)
{
    fl_part_writer *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return no_memory(err);
    }
    w->fs = fs;
    w->block_rows =
        options != NULL && options->block_rows != 0 ? options->block_rows : BLOCK_ROWS_DEFAULT;
    w->offset = FL_PART_HEADER_BYTES;
    w->info.basis_min_ns = w->info.basis_max_ns = FL_TIME_NONE;
    fl_status status = init_memory(w, path);
    if (status != FL_OK) {
        fl_part_writer_free(w);
        return no_memory(err);
    }
    status = fs->open(fs, path, FL_OPEN_CREATE, &w->file, err);
    if (status != FL_OK) {
        fl_part_writer_free(w);
        return status;
    }
    w->is_open = true;
    *out = w;
    return FL_OK;
}

static void sink_fini(fl_part_sink *sink)
{
    fl_column_free(sink->column);
    fl_dictionary_free(sink->dictionary);
    fl_buf_fini(&sink->filter_index);
    fl_buf_fini(&sink->filters);
}

void fl_part_writer_free(fl_part_writer *w)
{
    if (w == NULL) {
        return;
    }
    if (w->is_open) {
        w->fs->close(w->fs, w->file);
    }
    for (uint32_t i = 0; i < w->sink_count; i++) {
        sink_fini(&w->sinks[i]);
    }
    fl_schema_fini(&w->schema);
    fl_parents_fini(&w->parents);
    fl_shredder_fini(&w->shredder);
    fl_column_encoder_free(w->encoder);
    fl_buf_fini(&w->head);
    fl_buf_fini(&w->body);
    free(w->numbers);
    free(w->sinks);
    free(w->blocks);
    free(w->hashes);
    free(w->continued);
    free(w->sections);
    free(w->path);
    free(w);
}

/* ---- Rows */

/* What the footer tells of all rows. */
static void note_row(fl_part_info *info, const fl_part_row *row)
{
    uint32_t epoch = (uint32_t)(row->id.hi >> 32);
    int64_t basis = row->time_ns > row->last_arrival_ns ? row->time_ns : row->last_arrival_ns;
    bool first = info->rows == 0;
    info->oldest = fl_part_place(row);
    if (first) {
        info->newest = info->oldest;
    }
    info->basis_min_ns = first || basis < info->basis_min_ns ? basis : info->basis_min_ns;
    info->basis_max_ns = first || basis > info->basis_max_ns ? basis : info->basis_max_ns;
    info->epoch_min = first || epoch < info->epoch_min ? epoch : info->epoch_min;
    info->epoch_max = epoch > info->epoch_max ? epoch : info->epoch_max;
    info->arrival_max =
        row->last_arrival > info->arrival_max ? row->last_arrival : info->arrival_max;
    info->rows++;
    info->records += row->record_count;
}

static fl_status keep_hash(fl_part_writer *w, fl_trace_id id, fl_err *err)
{
    void *hashes = w->hashes;
    if (!fl_part_grow(&hashes, &w->hash_capacity, w->info.rows, sizeof *w->hashes)) {
        return no_memory(err);
    }
    w->hashes = hashes;
    w->hashes[w->info.rows] = fl_trace_id_hash(id);
    return FL_OK;
}

static fl_status keep_continued(fl_part_writer *w, const fl_part_row *row, fl_err *err)
{
    void *rows = w->continued;
    if (!row->continues) {
        return FL_OK;
    }
    if (!fl_part_grow(&rows, &w->continued_capacity, w->continued_count, sizeof *w->continued)) {
        return no_memory(err);
    }
    w->continued = rows;
    w->continued[w->continued_count++] = (fl_part_continued_row){row->id, w->info.rows};
    return FL_OK;
}

fl_status fl_part_note_row(fl_part_writer *w, const fl_part_row *row, fl_err *err)
{
    fl_store_place place = fl_part_place(row);
    if (w->info.rows != 0 && fl_store_place_cmp(&w->info.oldest, &place) >= 0) {
        FL_FAIL(err, FL_E_CORRUPT, "rows of %s are not in order", w->path);
    }
    if (w->info.rows == UINT32_MAX - 1) {
        FL_FAIL(err, FL_E_TOO_LARGE, "%s would have too many rows", w->path);
    }
    FL_TRY(keep_hash(w, row->id, err));
    FL_TRY(keep_continued(w, row, err));
    note_row(&w->info, row);
    return FL_OK;
}

fl_status fl_part_writer_row(fl_part_writer *w, const fl_part_row *row, fl_err *err)
{
    if (w->records_due != 0) {
        FL_FAIL(err, FL_E_CORRUPT, "a row of %s lacks %" PRIu32 " of its records", w->path,
                w->records_due);
    }
    FL_TRY(fl_part_note_row(w, row, err));
    FL_TRY(fl_block_end_row(w, err));
    FL_TRY(fl_block_add_row(w, row, err));
    w->row = *row;
    w->records_due = row->record_count;
    return FL_OK;
}

/* ---- Records */

static bool add_value(fl_part_writer *w, uint32_t column, const fl_value *value, bool is_segment)
{
    fl_part_sink *sink = &w->sinks[column];
    switch (column) {
    case FL_COL_PARENT:
        return fl_parents_request(&w->parents, value->id);
    case FL_COL_START:
        return fl_column_add_int(sink->column, is_segment
                                                   ? fl_wrapping_sub(value->number, w->row.start_ns)
                                                   : value->number);
    default:
        break;
    }
    switch (sink->kind) {
    case FL_COLUMN_INT:
        return fl_column_add_int(sink->column, value->number);
    case FL_COLUMN_ID:
        return fl_column_add_id(sink->column, value->id);
    default:
        w->text_bytes += value->text.n;
        return fl_column_add_text(sink->column, value->text);
    }
}

/* A span's id comes before its parent: that is asked for by the span added last. */
static bool add_span(fl_part_writer *w, uint32_t number, const fl_value *values)
{
    const fl_schema_shape *shape = &w->schema.shapes[number];
    if (!fl_column_add_int(w->sinks[FL_COL_SHAPE].column, number) ||
        !fl_parents_add(&w->parents, values[shape->id_value].id)) {
        return false;
    }
    for (uint32_t i = 0; i < shape->value_count; i++) {
        if (!add_value(w, shape->columns[i], &values[i], shape->is_segment)) {
            return false;
        }
    }
    w->block.spans++;
    return true;
}

/* The shapes' numbers; *known is false if one is beyond the bounds of the part. */
static fl_status intern_shapes(fl_part_writer *w, bool *known)
{
    const fl_shredder *s = &w->shredder;
    *known = !s->keep_whole;
    for (uint32_t i = 0; i < s->row_count && *known; i++) {
        void *numbers = w->numbers;
        if (!fl_part_grow(&numbers, &w->number_capacity, i, sizeof *w->numbers)) {
            return FL_E_NOMEM;
        }
        w->numbers = numbers;
        FL_TRY(fl_schema_intern(&w->schema, s->rows[i].shape, &w->numbers[i]));
        *known = w->numbers[i] != FL_SHAPE_NONE;
    }
    return fl_part_sink_of(w, fl_schema_columns(&w->schema) - 1) != NULL ? FL_OK : FL_E_NOMEM;
}

static bool add_whole(fl_part_writer *w, fl_str packed)
{
    const fl_shredder *s = &w->shredder;
    fl_value values[] = {{.text = packed}, {.id = s->id}, {.number = s->start_ns}};
    return add_span(w, FL_SHAPE_PACKED, values);
}

static bool add_spans(fl_part_writer *w)
{
    const fl_shredder *s = &w->shredder;
    for (uint32_t i = 0; i < s->row_count; i++) {
        if (!add_span(w, w->numbers[i], s->rows[i].values)) {
            return false;
        }
    }
    return true;
}

fl_status fl_part_add_record(fl_part_writer *w, fl_str packed, int64_t arrival_ns, fl_err *err)
{
    bool known;
    FL_TRY(fl_shred(&w->shredder, packed, err));
    if (!fl_trace_id_eq(w->shredder.trace_id, w->row.id)) {
        FL_FAIL(err, FL_E_CORRUPT, "a record for %s is of another trace", w->path);
    }
    FL_TRY(fl_block_begin_record(w, err));
    if (intern_shapes(w, &known) != FL_OK || !(known ? add_spans(w) : add_whole(w, packed))) {
        return no_memory(err);
    }
    w->info.spans += w->shredder.row_count;
    return fl_block_end_record(w, arrival_ns, err);
}

fl_status fl_part_writer_record(fl_part_writer *w, fl_str packed, int64_t arrival_ns, fl_err *err)
{
    if (w->records_due == 0) {
        FL_FAIL(err, FL_E_CORRUPT, "a row of %s has more records than it says", w->path);
    }
    w->records_due--;
    w->info.packed_bytes += packed.n;
    return fl_part_add_record(w, packed, arrival_ns, err);
}

fl_status fl_part_writer_finish(fl_part_writer *w, fl_part_info *info, fl_err *err)
{
    if (w->records_due != 0) {
        FL_FAIL(err, FL_E_CORRUPT, "the last row of %s lacks %" PRIu32 " of its records", w->path,
                w->records_due);
    }
    FL_TRY(fl_block_close(w, err));
    FL_TRY(fl_footer_write(w, err));
    FL_TRY(w->fs->sync(w->fs, w->file, err));
    *info = w->info;
    return FL_OK;
}
