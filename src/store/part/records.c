/*
 * Spans → records. A row's records begin in its block and may go on as the leading records of the
 * next ones.
 */
#include "store/part/part_int.h"

#include <inttypes.h>

static fl_status damaged(const fl_row_walk *at, fl_err *err)
{
    FL_FAIL(err, FL_E_CORRUPT, "the records of row %" PRIu32 " of %s do not add up", at->row,
            at->cursor->part->path);
}

fl_status fl_part_records_open(const fl_row_walk *at, fl_err *err)
{
    FL_TRY(fl_part_block_open(&at->cursor->block, at->block, true, err));
    return fl_part_block_layout(&at->cursor->block, err);
}

fl_status fl_part_records_begin(fl_part_cursor *cursor, uint32_t row, fl_row_walk *at, fl_err *err)
{
    at->cursor = cursor;
    at->row = row;
    FL_TRY(fl_part_row_at(cursor, row, &at->facts, err));
    at->block = cursor->block.number;
    at->entry = row - cursor->block.info->first_row + 1;
    return fl_part_records_open(at, err);
}

/* Records of the row in its place; those of blocks behind the first are known unread. */
static uint32_t records_here(const fl_row_walk *at)
{
    const fl_part_block *block = &at->cursor->block;
    return at->entry != 0 ? block->row_records[at->entry + 1] - block->row_records[at->entry]
                          : at->cursor->part->blocks[at->block].leading_records;
}

fl_status fl_part_records_go_on(fl_row_walk *at, fl_err *err)
{
    const fl_part *part = at->cursor->part;
    at->block++;
    at->entry = 0;
    bool follows = at->block < part->block_count && part->blocks[at->block].leading_records != 0 &&
                   part->blocks[at->block].first_row == at->row + 1;
    return follows ? FL_OK : damaged(at, err);
}

static const fl_schema_shape *shape_at(const fl_part_block *block, uint32_t span)
{
    return &block->schema->shapes[block->shapes[span]];
}

/* ---- Records */

fl_status fl_part_join_record(fl_part_cursor *cursor, const fl_part_row *row, uint32_t record,
                              fl_str *packed, fl_err *err)
{
    fl_part_block *block = &cursor->block;
    uint32_t span = block->record_spans[record], end = block->record_spans[record + 1];
    bool joined = true;
    fl_part_block_seek(block, span);
    if (block->shapes[span] == FL_SHAPE_PACKED && end == span + 1) {
        FL_TRY(fl_part_block_take(block, row->start_ns, cursor->values, err));
        *packed = cursor->values[0].text;
        return FL_OK;
    }
    fl_buf_reset(&cursor->joined);
    fl_join_begin(&cursor->joiner, &cursor->joined, row->id);
    while (block->at < end && joined) {
        const fl_schema_shape *shape = shape_at(block, block->at);
        FL_TRY(fl_part_block_take(block, row->start_ns, cursor->values, err));
        joined =
            fl_join_row(&cursor->joiner, shape->bytes, cursor->values, shape->value_count) == FL_OK;
    }
    if (!joined || !fl_join_is_whole(&cursor->joiner)) {
        FL_FAIL(err, FL_E_CORRUPT, "the spans of a record in %s do not add up", cursor->part->path);
    }
    if (cursor->joined.status != FL_OK) {
        FL_FAIL(err, cursor->joined.status, "no memory for a record of %s", cursor->part->path);
    }
    *packed = fl_buf_str(&cursor->joined);
    return FL_OK;
}

/* Up to *limit records of this block, from number `skip` of the row's in it on. */
static fl_status tell_records(const fl_row_walk *at, uint32_t skip, uint32_t *limit,
                              fl_part_record_fn *each, void *user, fl_err *err)
{
    fl_part_block *block = &at->cursor->block;
    FL_TRY(fl_part_records_open(at, err));
    uint32_t record = block->row_records[at->entry] + skip;
    for (; record < block->row_records[at->entry + 1] && *limit != 0; record++, --*limit) {
        fl_str packed;
        int64_t arrival_ns;
        FL_TRY(fl_part_join_record(at->cursor, &at->facts, record, &packed, err));
        FL_TRY(fl_part_block_pick_int(block, FL_COL_RECORD_ARRIVAL, record, &arrival_ns, err));
        arrival_ns = fl_wrapping_add(at->facts.first_arrival_ns, arrival_ns);
        FL_TRY(each(user, packed, arrival_ns, err));
    }
    return FL_OK;
}

fl_status fl_part_records(fl_part_cursor *cursor, uint32_t row, uint32_t first, uint32_t limit,
                          fl_part_record_fn *each, void *user, fl_err *err)
{
    fl_row_walk at;
    FL_TRY(fl_part_records_begin(cursor, row, &at, err));
    uint32_t count = at.facts.record_count;
    uint32_t left = first >= count ? 0 : limit < count - first ? limit : count - first;
    while (left != 0) {
        uint32_t here = records_here(&at);
        if (first < here) {
            FL_TRY(tell_records(&at, first, &left, each, user, err));
            first = here;
        }
        first -= here;
        if (left != 0) {
            FL_TRY(fl_part_records_go_on(&at, err));
        }
    }
    return FL_OK;
}

/* ---- Times */

typedef struct record_times {
    int64_t *ends_ns, *arrivals_ns;
    size_t count;
} record_times;

/* Of a record that was not taken apart. */
static fl_status packed_end(const fl_row_walk *at, uint32_t index, int64_t *end_ns, fl_err *err)
{
    const fl_values *packed;
    FL_TRY(fl_part_block_values(&at->cursor->block, FL_COL_PACKED, &packed, err));
    if (index >= packed->count) {
        return damaged(at, err);
    }
    FL_TRY(fl_shred(&at->cursor->shredder, fl_values_text(packed, index), err));
    *end_ns = at->cursor->shredder.end_ns;
    return FL_OK;
}

static fl_status read_ends(const fl_row_walk *at, record_times *times, fl_err *err)
{
    fl_part_block *block = &at->cursor->block;
    const fl_values *starts, *ends;
    FL_TRY(fl_part_block_values(block, FL_COL_START, &starts, err));
    FL_TRY(fl_part_block_values(block, FL_COL_END, &ends, err));
    fl_part_block_seek(block, block->row_spans[at->entry]);
    uint32_t end = block->next[FL_COL_END], packed = block->next[FL_COL_PACKED];
    for (uint32_t span = block->at; span < block->row_spans[at->entry + 1]; span++) {
        const fl_schema_shape *shape = shape_at(block, span);
        if (shape->has_end && end >= ends->count) {
            return damaged(at, err);
        }
        if (block->shapes[span] == FL_SHAPE_PACKED) {
            FL_TRY(packed_end(at, packed++, &times->ends_ns[times->count++], err));
        } else if (shape->is_segment) {
            int64_t start_ns = fl_wrapping_add(at->facts.start_ns, starts->ints[span]);
            times->ends_ns[times->count++] =
                shape->has_end ? fl_wrapping_add(start_ns, ends->ints[end]) : FL_TIME_NONE;
        }
        end += shape->has_end;
    }
    return FL_OK;
}

/* All times of the row in this block, in the cursor's arena. */
static fl_status read_times(const fl_row_walk *at, record_times *times, fl_err *err)
{
    fl_part_block *block = &at->cursor->block;
    const fl_values *arrivals;
    FL_TRY(fl_part_records_open(at, err));
    uint32_t first = block->row_records[at->entry];
    uint32_t count = block->row_records[at->entry + 1] - first;
    fl_arena_reset(&at->cursor->arena);
    times->count = 0;
    times->ends_ns = FL_ARENA_ARRAY(&at->cursor->arena, int64_t, count);
    times->arrivals_ns = FL_ARENA_ARRAY(&at->cursor->arena, int64_t, count);
    if (times->ends_ns == NULL || times->arrivals_ns == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for times of %s", at->cursor->part->path);
    }
    FL_TRY(fl_part_block_values(block, FL_COL_RECORD_ARRIVAL, &arrivals, err));
    for (uint32_t i = 0; i < count; i++) {
        times->arrivals_ns[i] =
            fl_wrapping_add(at->facts.first_arrival_ns, arrivals->ints[first + i]);
    }
    return read_ends(at, times, err);
}

fl_status fl_part_times(fl_part_cursor *cursor, uint32_t row, fl_part_times_fn *each, void *user,
                        fl_err *err)
{
    fl_row_walk at;
    record_times times;
    FL_TRY(fl_part_records_begin(cursor, row, &at, err));
    uint32_t left = at.facts.record_count;
    while (left != 0) {
        FL_TRY(read_times(&at, &times, err));
        if (times.count > left) {
            return damaged(&at, err);
        }
        left -= (uint32_t)times.count;
        if (!each(user, times.ends_ns, times.arrivals_ns, times.count)) {
            break;
        }
        if (left != 0) {
            FL_TRY(fl_part_records_go_on(&at, err));
        }
    }
    return FL_OK;
}
