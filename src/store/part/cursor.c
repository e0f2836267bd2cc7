/*
 * Rows by number and by place. Only the head of a block is read for them.
 */
#include "store/part/part_int.h"

#include <inttypes.h>

/* Columns of rows of the open block. */
typedef struct row_columns {
    const fl_values *of[FL_COL_OF_ROWS];
} row_columns;

static fl_status read_columns(fl_part_block *block, uint32_t count, row_columns *out, fl_err *err)
{
    for (uint32_t i = 0; i < count; i++) {
        FL_TRY(fl_part_block_values(block, i, &out->of[i], err));
    }
    return FL_OK;
}

static fl_store_place place_of(const row_columns *columns, uint32_t i)
{
    int64_t epoch = columns->of[FL_COL_ROW_EPOCH]->ints[i];
    int64_t time_ns = fl_wrapping_add(columns->of[FL_COL_ROW_TIME]->ints[i],
                                      (int64_t)((uint64_t)epoch * (uint64_t)FL_NS_PER_S));
    return (fl_store_place){
        .time_ns = time_ns,
        .start_ns = fl_wrapping_add(columns->of[FL_COL_ROW_START]->ints[i], time_ns),
        .id = {fl_part_id_high(epoch, columns->of[FL_COL_ROW_HIGH]->ints[i]),
               columns->of[FL_COL_ROW_LOW]->ids[i]},
    };
}

fl_status fl_part_row_at(fl_part_cursor *cursor, uint32_t row, fl_part_row *out, fl_err *err)
{
    row_columns columns;
    fl_part_block *block = &cursor->block;
    if (row >= cursor->part->info.rows) {
        FL_FAIL(err, FL_E_NOT_FOUND, "%s has no row %" PRIu32, cursor->part->path, row);
    }
    FL_TRY(fl_part_block_open(block, fl_part_block_of(cursor->part, row), false, err));
    FL_TRY(read_columns(block, FL_COL_OF_ROWS, &columns, err));
    uint32_t i = row - block->info->first_row;
    fl_store_place place = place_of(&columns, i);
    int64_t flags = columns.of[FL_COL_ROW_FLAGS]->ints[i];
    int64_t first_arrival_ns =
        fl_wrapping_add(place.start_ns, columns.of[FL_COL_ROW_FIRST_ARRIVAL]->ints[i]);
    *out = (fl_part_row){
        .id = place.id,
        .time_ns = place.time_ns,
        .start_ns = place.start_ns,
        .last_end_ns = (flags & FL_ROW_NONE_ENDED) != 0
                           ? FL_TIME_NONE
                           : fl_wrapping_add(place.start_ns, columns.of[FL_COL_ROW_END]->ints[i]),
        .first_arrival_ns = first_arrival_ns,
        .last_arrival_ns =
            fl_wrapping_add(first_arrival_ns, columns.of[FL_COL_ROW_LAST_ARRIVAL]->ints[i]),
        .last_arrival = (uint64_t)columns.of[FL_COL_ROW_ARRIVAL]->ints[i],
        .json_bytes = (uint64_t)columns.of[FL_COL_ROW_JSON_BYTES]->ints[i],
        .record_count = (uint32_t)columns.of[FL_COL_ROW_RECORDS]->ints[i],
        .revision = (uint32_t)columns.of[FL_COL_ROW_REVISION]->ints[i],
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
    row_columns columns;
    uint32_t behind = block_behind(part, place);
    if (behind == 0) {
        *row = 0;
        return FL_OK;
    }
    uint32_t low = 0, high = part->blocks[behind - 1].rows;
    FL_TRY(fl_part_block_open(block, behind - 1, false, err));
    FL_TRY(read_columns(block, FL_COL_ROW_END, &columns, err));
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        fl_store_place at = place_of(&columns, middle);
        if (fl_store_place_cmp(&at, place) > 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    *row = block->info->first_row + low;
    return FL_OK;
}
