/*
 * Rows by number and by place. Only the head of a block is read for them.
 */
#include "store/part/part_int.h"

#include <inttypes.h>

/* What the columns of rows have of one row; of ids the bits. */
typedef struct row_values {
    int64_t of[FL_COL_OF_ROWS];
} row_values;

/* The first `count` columns of row i of the open block. */
static fl_status read_row(fl_part_block *block, uint32_t i, uint32_t count, row_values *out,
                          fl_err *err)
{
    for (uint32_t column = 0; column < count; column++) {
        if (column != FL_COL_ROW_LOW) {
            FL_TRY(fl_part_block_pick_int(block, column, i, &out->of[column], err));
        } else {
            uint64_t low;
            FL_TRY(fl_part_block_pick_id(block, column, i, &low, err));
            out->of[column] = (int64_t)low;
        }
    }
    return FL_OK;
}

static fl_store_place place_of(const row_values *values)
{
    int64_t epoch = values->of[FL_COL_ROW_EPOCH];
    int64_t time_ns = fl_wrapping_add(values->of[FL_COL_ROW_TIME],
                                      (int64_t)((uint64_t)epoch * (uint64_t)FL_NS_PER_S));
    return (fl_store_place){
        .time_ns = time_ns,
        .start_ns = fl_wrapping_add(values->of[FL_COL_ROW_START], time_ns),
        .id = {fl_part_id_high(epoch, values->of[FL_COL_ROW_HIGH]),
               (uint64_t)values->of[FL_COL_ROW_LOW]},
    };
}

fl_status fl_part_row_at(fl_part_cursor *cursor, uint32_t row, fl_part_row *out, fl_err *err)
{
    row_values values;
    fl_part_block *block = &cursor->block;
    if (row >= cursor->part->info.rows) {
        FL_FAIL(err, FL_E_NOT_FOUND, "%s has no row %" PRIu32, cursor->part->path, row);
    }
    FL_TRY(fl_part_block_open(block, fl_part_block_of(cursor->part, row), false, err));
    FL_TRY(read_row(block, row - block->info->first_row, FL_COL_OF_ROWS, &values, err));
    fl_store_place place = place_of(&values);
    int64_t flags = values.of[FL_COL_ROW_FLAGS];
    int64_t first_arrival_ns = fl_wrapping_add(place.start_ns, values.of[FL_COL_ROW_FIRST_ARRIVAL]);
    *out = (fl_part_row){
        .id = place.id,
        .time_ns = place.time_ns,
        .start_ns = place.start_ns,
        .last_end_ns = (flags & FL_ROW_NONE_ENDED) != 0
                           ? FL_TIME_NONE
                           : fl_wrapping_add(place.start_ns, values.of[FL_COL_ROW_END]),
        .first_arrival_ns = first_arrival_ns,
        .last_arrival_ns = fl_wrapping_add(first_arrival_ns, values.of[FL_COL_ROW_LAST_ARRIVAL]),
        .last_arrival = (uint64_t)values.of[FL_COL_ROW_ARRIVAL],
        .json_bytes = (uint64_t)values.of[FL_COL_ROW_JSON_BYTES],
        .record_count = (uint32_t)values.of[FL_COL_ROW_RECORDS],
        .revision = (uint32_t)values.of[FL_COL_ROW_REVISION],
        .limit_exceeded = (flags & FL_ROW_LIMIT_EXCEEDED) != 0,
        .continues = (flags & FL_ROW_CONTINUES) != 0,
    };
    return FL_OK;
}

/* The first block whose first row is behind the place; block_count if none is. */
static uint32_t block_behind(const fl_part *part, const fl_store_place *place)
{
    uint32_t low = 0, high = part->block_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (fl_store_place_cmp(&part->blocks[middle].newest, place) > 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

fl_status fl_part_seek(fl_part_cursor *cursor, const fl_store_place *place, uint32_t *row,
                       fl_err *err)
{
    const fl_part *part = cursor->part;
    fl_part_block *block = &cursor->block;
    row_values values;
    uint32_t behind = block_behind(part, place);
    if (behind == 0) {
        *row = 0;
        return FL_OK;
    }
    uint32_t low = 0, high = part->blocks[behind - 1].rows;
    *row = block->part->blocks[behind - 1].first_row + high;
    FL_TRY(fl_part_block_open(block, behind - 1, false, err));
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        FL_TRY(read_row(block, middle, FL_COL_ROW_END, &values, err));
        fl_store_place at = place_of(&values);
        if (fl_store_place_cmp(&at, place) > 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    *row = block->info->first_row + low;
    return FL_OK;
}
