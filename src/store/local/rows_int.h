/*
 * The rows of one shard: what the store knows of a trace in memory, found by id and in the order of
 * scans. A trace takes about 100 bytes and 24 for each of its records; documents stay in the log.
 * One thread at a time.
 */
#ifndef FL_STORE_LOCAL_ROWS_INT_H
#define FL_STORE_LOCAL_ROWS_INT_H

#include "store/local/wal_int.h"
#include "store/store.h"

/* ---- A trace */

#define FL_ROW_PENDING_MAX ((1U << 22) - 1)

typedef struct fl_row {
    fl_trace_id id;
    int64_t time_ns, start_ns, last_end_ns, last_arrival_ns; /* of committed records */
    void *records;         /* times, then refs; capacity by `step` */
    uint32_t record_count; /* committed; 0 = nobody sees the row yet */
    uint32_t revision;
    uint32_t json_bytes;   /* of all records, pending ones too; saturates */
    uint32_t self;         /* index of the row */
    uint32_t position;     /* in its leaf of the order; FL_ROW_NO_POSITION */
    uint32_t pending : 22; /* records on their way to the log; a row with some is never dropped */
    uint32_t step : 6;
    uint32_t limit_exceeded : 1;
    uint32_t limit_pending : 1; /* the mark is on its way */
    uint32_t ahead : 1;         /* a record has a trace time of its own later than its arrival */
    uint32_t in_gather : 1;     /* has a record in the batch that gathers now */
} fl_row;

_Static_assert(sizeof(fl_row) == 80, "a row is kept small: there are millions");

#define FL_ROW_NO_POSITION UINT32_MAX

fl_store_place fl_row_place(const fl_row *row);
/* Retention counts from it. */
static inline int64_t fl_row_basis(const fl_row *row)
{
    return row->time_ns > row->last_arrival_ns ? row->time_ns : row->last_arrival_ns;
}
const fl_record_times *fl_row_times(const fl_row *row);
const fl_wal_ref *fl_row_refs(const fl_row *row);

/* ---- The order of scans: leaves of rows, oldest leaf first; inside a leaf sorted when it is read.
 */

#define FL_ORDER_LEAF_ROWS 256

typedef struct fl_order_leaf {
    uint32_t count;
    bool sorted;
    int64_t lowest_basis;              /* no row of it has a lower fl_row_basis */
    uint32_t rows[FL_ORDER_LEAF_ROWS]; /* oldest first when sorted */
} fl_order_leaf;

typedef struct fl_order_slot {
    fl_store_place
        from; /* no row of the leaf is older; the newest it may hold is before the next slot's */
    fl_order_leaf *leaf;
} fl_order_slot;

typedef struct fl_order {
    fl_order_slot *slots;
    size_t count, capacity;
} fl_order;

/* Goes from newer rows to older ones; good until the order changes. */
typedef struct fl_order_cursor {
    size_t slot;   /* index + 1; 0 = at the end */
    uint32_t left; /* rows of the leaf not yet visited */
} fl_order_cursor;

/* ---- All rows of a shard */

#define FL_ROWS_TABLES                                                                             \
    256 /* small tables grow one at a time, so that none stops the loop for long */

typedef struct fl_rows_table {
    uint64_t *slots; /* hash tag << 32 | row index + 1; 0 = free */
    uint32_t count, mask;
} fl_rows_table;

typedef struct fl_rows {
    fl_budget *budget;
    bool beyond_budget; /* while the log is read back: what was acknowledged is kept whatever it
                           takes */
    fl_row **chunks;
    uint32_t chunk_count, chunk_capacity;
    uint32_t made; /* rows ever taken from the chunks */
    uint32_t free; /* index + 1 of a free row, linked by `position`; 0 = none */
    fl_rows_table tables[FL_ROWS_TABLES];
    fl_order order;
} fl_rows;

void fl_rows_init(fl_rows *rows, fl_budget *budget);
void fl_rows_fini(fl_rows *rows);

/* Row by index below `made`; NULL if it is free. */
fl_row *fl_rows_at(const fl_rows *rows, uint32_t index);
fl_row *fl_rows_find(const fl_rows *rows, fl_trace_id id);
/* A new, empty row of an id that has none; NULL over the budget or without memory. */
fl_row *fl_rows_make(fl_rows *rows, fl_trace_id id);
/* Takes it out of everything and frees it. */
void fl_rows_drop(fl_rows *rows, fl_row *row);

/* Room for one record more than record_count + pending; false over the budget or without memory. */
bool fl_rows_reserve(fl_rows *rows, fl_row *row);
/* Adds a committed record (room was reserved) and brings times, place and order up to date. Without
 * memory for the order the row is left out of it, false; the next record tries again. */
bool fl_rows_add(fl_rows *rows, fl_row *row, int64_t start_ns, fl_record_times times,
                 fl_wal_ref ref);
/* Makes the row as new, but for pending records. */
void fl_rows_clear(fl_rows *rows, fl_row *row);

/* The cursor before the newest row that is strictly older than `place`. */
void fl_order_seek(fl_rows *rows, const fl_store_place *place, fl_order_cursor *cursor);
/* The next older row; NULL at the end. */
fl_row *fl_order_older(fl_rows *rows, fl_order_cursor *cursor);

/* For rows.c: puts a row with a place in, takes it out, follows its change of place from `old`. */
bool fl_order_insert(fl_rows *rows, fl_row *row);
void fl_order_remove(fl_rows *rows, fl_row *row, const fl_store_place *old);
bool fl_order_move(fl_rows *rows, fl_row *row, const fl_store_place *old);
void fl_order_fini(fl_rows *rows);

/* Memory that counts against the budget. */
void *fl_rows_alloc(fl_rows *rows, size_t bytes);
void fl_rows_free(fl_rows *rows, void *memory, size_t bytes);

#endif
