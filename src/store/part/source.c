/*
 * Spans are copied in ranges of whole records, as long as they follow each other and fit into the
 * writer's block. A range touches each column once. Only shapes, parents and, if their row begins
 * earlier now, starts of segments are translated one by one.
 */
#include "store/part/merge_int.h"

#include <stdlib.h>

/* ---- Life */

static fl_status no_memory(fl_err *err)
{
    FL_FAIL(err, FL_E_NOMEM, "no memory to merge parts");
}

static bool make_tables(fl_part_source *source)
{
    uint32_t shapes = source->schema->shape_count;
    uint32_t columns = fl_schema_columns(source->schema);
    source->shapes = malloc(shapes * sizeof *source->shapes);
    source->refused = calloc(shapes, sizeof *source->refused);
    source->columns = calloc(columns, sizeof *source->columns);
    source->recodes = calloc(columns, sizeof *source->recodes);
    source->counts = calloc(columns, sizeof *source->counts);
    source->firsts = calloc(columns, sizeof *source->firsts);
    source->touched = calloc(columns, sizeof *source->touched);
    if (source->shapes == NULL || source->refused == NULL || source->columns == NULL ||
        source->recodes == NULL || source->counts == NULL || source->firsts == NULL ||
        source->touched == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < shapes; i++) {
        source->shapes[i] = FL_SHAPE_NONE;
    }
    for (uint32_t i = 0; i < FL_COL_FIXED_COUNT; i++) {
        source->columns[i] = (uint16_t)i;
    }
    source->refused[FL_SHAPE_PACKED] = true; /* maybe now its shape finds room */
    return true;
}

fl_status fl_source_init(fl_part_source *source, fl_part *part, fl_err *err)
{
    *source = (fl_part_source){0};
    FL_TRY(fl_part_cursor_new(part, &source->cursor, err));
    FL_TRY(fl_part_schema(part, &source->schema, err));
    return make_tables(source) ? FL_OK : no_memory(err);
}

void fl_source_fini(fl_part_source *source)
{
    for (uint32_t i = 0; source->recodes != NULL && i < fl_schema_columns(source->schema); i++) {
        free(source->recodes[i]);
    }
    free(source->shapes);
    free(source->refused);
    free(source->columns);
    free(source->recodes);
    free(source->counts);
    free(source->firsts);
    free(source->touched);
    fl_part_cursor_free(source->cursor);
    *source = (fl_part_source){0};
}

/* ---- Shapes */

fl_status fl_source_shape(fl_part_source *source, fl_part_writer *w, uint32_t shape, bool *known)
{
    *known = source->shapes[shape] != FL_SHAPE_NONE;
    if (*known || source->refused[shape]) {
        return FL_OK;
    }
    uint32_t number;
    const fl_schema_shape *from = &source->schema->shapes[shape];
    FL_TRY(fl_schema_intern(&w->schema, from->bytes, &number));
    if (number == FL_SHAPE_NONE) {
        source->refused[shape] = true;
        return FL_OK;
    }
    const fl_schema_shape *to = &w->schema.shapes[number];
    for (uint32_t i = 0; i < from->value_count; i++) {
        source->columns[from->columns[i]] = to->columns[i];
    }
    source->shapes[shape] = number;
    *known = true;
    return fl_part_sink_of(w, fl_schema_columns(&w->schema) - 1) != NULL ? FL_OK : FL_E_NOMEM;
}

/* *known: all shapes of the record are. */
static fl_status translate_record(fl_part_source *source, fl_part_writer *w, uint32_t record,
                                  bool *known)
{
    const fl_part_block *block = &source->cursor->block;
    *known = true;
    for (uint32_t i = block->record_spans[record]; i < block->record_spans[record + 1] && *known;
         i++) {
        FL_TRY(fl_source_shape(source, w, (uint32_t)block->shapes[i], known));
    }
    return FL_OK;
}

/* ---- Values of a range */

static uint32_t *recode_of(fl_part_source *source, uint32_t column, const fl_values *values)
{
    if (source->recodes[column] == NULL) {
        size_t bytes = fl_dictionary_count(values->dictionary) * sizeof **source->recodes;
        source->recodes[column] = malloc(bytes != 0 ? bytes : 1);
        if (source->recodes[column] != NULL) {
            memset(source->recodes[column], 0xff, bytes);
        }
    }
    return source->recodes[column];
}

fl_status fl_source_copy_values(fl_part_source *source, fl_part_writer *w, uint32_t column,
                                uint32_t first, uint32_t count, fl_err *err)
{
    const fl_values *values;
    fl_part_sink *sink = &w->sinks[source->columns[column]];
    uint32_t *recode = NULL;
    FL_TRY(fl_part_block_values(&source->cursor->block, column, &values, err));
    if (first > values->count || count > values->count - first) {
        FL_FAIL(err, FL_E_CORRUPT, "a block of %s lacks values", source->cursor->part->path);
    }
    if (values->kind == FL_COLUMN_TEXT && values->texts == NULL) {
        recode = recode_of(source, column, values);
        if (recode == NULL) {
            return no_memory(err);
        }
    }
    size_t before = fl_column_bytes(sink->column);
    if (!fl_column_add_values(sink->column, values, first, count, recode)) {
        return no_memory(err);
    }
    if (sink->kind == FL_COLUMN_TEXT) {
        w->text_bytes += fl_column_bytes(sink->column) - before;
    }
    return FL_OK;
}

static fl_status move_starts(fl_part_source *source, fl_part_writer *w, fl_err *err)
{
    fl_part_block *block = &source->cursor->block;
    const fl_values *starts;
    FL_TRY(fl_part_block_values(block, FL_COL_START, &starts, err));
    for (uint32_t span = source->first; span < source->end; span++) {
        bool is_segment = source->schema->shapes[block->shapes[span]].is_segment;
        int64_t start_ns = fl_wrapping_add(starts->ints[span], is_segment ? source->later_ns : 0);
        if (!fl_column_add_int(w->sinks[FL_COL_START].column, start_ns)) {
            return no_memory(err);
        }
    }
    return FL_OK;
}

static fl_status flush_column(fl_part_source *source, fl_part_writer *w, uint32_t column,
                              fl_err *err)
{
    if (column == FL_COL_PARENT) {
        return FL_OK; /* its values were asked for one by one */
    }
    if (column == FL_COL_START && source->later_ns != 0) {
        return move_starts(source, w, err);
    }
    return fl_source_copy_values(source, w, column, source->firsts[column], source->counts[column],
                                 err);
}

fl_status fl_source_flush(fl_part_source *source, fl_part_writer *w, fl_err *err)
{
    for (uint32_t i = 0; i < source->touched_count; i++) {
        FL_TRY(flush_column(source, w, source->touched[i], err));
        source->counts[source->touched[i]] = 0;
    }
    source->touched_count = 0;
    source->first = source->end = 0;
    return FL_OK;
}

/* The value counts of a span go to the range. */
static void count_values(fl_part_source *source, const fl_schema_shape *shape)
{
    uint32_t *next = source->cursor->block.next;
    for (uint32_t i = 0; i < shape->value_count; i++) {
        uint16_t column = shape->columns[i];
        if (source->counts[column]++ == 0) {
            source->touched[source->touched_count++] = column;
            source->firsts[column] = next[column];
        }
        next[column]++;
    }
}

/* Shapes, ids and who asks for which parent are copied at once. */
static fl_status walk_range(fl_part_source *source, fl_part_writer *w, uint32_t end, fl_err *err)
{
    fl_part_block *block = &source->cursor->block;
    const fl_values *ids;
    FL_TRY(fl_part_block_values(block, FL_COL_ID, &ids, err));
    for (; block->at < end; block->at++) {
        uint32_t number = (uint32_t)block->shapes[block->at];
        const fl_schema_shape *shape = &source->schema->shapes[number];
        uint64_t id;
        if (!fl_column_add_int(w->sinks[FL_COL_SHAPE].column, source->shapes[number]) ||
            !fl_parents_add(&w->parents, ids->ids[block->at])) {
            return no_memory(err);
        }
        if (shape->has_parent) {
            FL_TRY(fl_part_block_parent(block, block->at, block->next[FL_COL_PARENT], &id, err));
            if (!fl_parents_request(&w->parents, id)) {
                return no_memory(err);
            }
        }
        count_values(source, shape);
    }
    return FL_OK;
}

/* Takes spans first … end - 1, whole records of known shapes, into the range. */
static fl_status copy_range(fl_part_source *source, fl_part_writer *w, uint32_t first, uint32_t end,
                            int64_t later_ns, fl_err *err)
{
    if (first != source->end || later_ns != source->later_ns) {
        FL_TRY(fl_source_flush(source, w, err));
        source->first = first;
        source->later_ns = later_ns;
    }
    fl_part_block_seek(&source->cursor->block, first);
    FL_TRY(walk_range(source, w, end, err));
    source->end = end;
    w->block.spans += end - first;
    w->info.spans += end - first;
    return FL_OK;
}

/* ---- Rows */

/* The records of an entry of the open block. */
typedef struct copying {
    fl_part_source *source;
    fl_part_writer *writer;
    fl_part_row facts; /* of the row in the input */
    const fl_values *arrivals;
} copying;

static fl_status end_record(const copying *c, uint32_t record, fl_err *err)
{
    int64_t arrival_ns = fl_wrapping_add(c->facts.first_arrival_ns, c->arrivals->ints[record]);
    return fl_block_end_record(c->writer, arrival_ns, err);
}

static fl_status copy_joined(const copying *c, uint32_t record, fl_err *err)
{
    fl_str packed;
    int64_t arrival_ns = fl_wrapping_add(c->facts.first_arrival_ns, c->arrivals->ints[record]);
    FL_TRY(fl_source_flush(c->source, c->writer, err));
    FL_TRY(fl_part_join_record(c->source->cursor, &c->facts, record, &packed, err));
    return fl_part_add_record(c->writer, packed, arrival_ns, err);
}

/* As many records from *record on as fit; at least one. */
static fl_status copy_some(const copying *c, uint32_t *record, uint32_t record_end, fl_err *err)
{
    fl_part_writer *w = c->writer;
    const uint32_t *spans = c->source->cursor->block.record_spans;
    uint32_t first = spans[*record];
    bool known = true;
    if (fl_block_is_overfull(w)) {
        FL_TRY(fl_source_flush(c->source, w, err));
    }
    FL_TRY(fl_block_begin_record(w, err));
    while (*record < record_end &&
           w->block.spans + (spans[*record] - first) < fl_block_spans_max(w)) {
        if (translate_record(c->source, w, *record, &known) != FL_OK) {
            return no_memory(err);
        }
        if (!known) {
            break;
        }
        FL_TRY(end_record(c, (*record)++, err));
    }
    if (spans[*record] == first) {
        return copy_joined(c, (*record)++, err);
    }
    int64_t later_ns = fl_wrapping_sub(c->facts.start_ns, w->row.start_ns);
    return copy_range(c->source, w, first, spans[*record], later_ns, err);
}

fl_status fl_source_copy_row(fl_part_source *source, uint32_t row, fl_part_writer *writer,
                             fl_err *err)
{
    fl_row_walk at;
    copying c = {.source = source, .writer = writer};
    FL_TRY(fl_part_records_begin(source->cursor, row, &at, err));
    c.facts = at.facts;
    uint32_t left = at.facts.record_count;
    while (left != 0) {
        const fl_part_block *block = &source->cursor->block;
        FL_TRY(fl_part_records_open(&at, err));
        FL_TRY(
            fl_part_block_values(&source->cursor->block, FL_COL_RECORD_ARRIVAL, &c.arrivals, err));
        uint32_t record = block->row_records[at.entry];
        uint32_t end = block->row_records[at.entry + 1];
        left -= end - record < left ? end - record : left;
        while (record < end) {
            FL_TRY(copy_some(&c, &record, end, err));
        }
        if (left != 0) {
            FL_TRY(fl_source_flush(source, writer, err));
            FL_TRY(fl_part_records_go_on(&at, err));
        }
    }
    return FL_OK;
}
