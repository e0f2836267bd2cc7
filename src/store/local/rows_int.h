/*
 * The live rows of one shard: what is known in memory of traces that are not settled yet, found by
 * id. A trace takes about 130 bytes and 24 for each of its records; documents stay in the log. One
 * thread at a time.
 *
 * A row that is being settled (`settling`) changes no more. What comes to its trace meanwhile makes
 * a second row, so an id has at most one row of each kind.
 */
#ifndef FL_STORE_LOCAL_ROWS_INT_H
#define FL_STORE_LOCAL_ROWS_INT_H

#include "store/local/wal_int.h"
#include "store/part/part.h"

/* Times of one record. */
typedef struct fl_record_times {
    int64_t end_ns; /* FL_TIME_NONE while in progress */
    int64_t arrival_ns;
} fl_record_times;

/* ---- A trace */

#define FL_ROW_PENDING_MAX ((1U << 22) - 1)

typedef struct fl_row {
    fl_trace_id id;
    int64_t time_ns, start_ns, last_end_ns, first_arrival_ns,
        last_arrival_ns;      /* of committed records */
    uint64_t last_arrival;    /* number of the last committed record, or of the mark */
    uint64_t packed_bytes;    /* of committed records */
    uint64_t json_bytes;      /* of all records of the trace, pending and settled ones too */
    uint64_t base_json_bytes; /* of it: settled before this row was made */
    int64_t base_start_ns;    /* earliest start of that; INT64_MAX = unknown, or there is none */
    int64_t base_arrival_ns;  /* last arrival of that; FL_TIME_NONE the same */
    void *records;            /* times, then refs; capacity by `step` */
    uint32_t record_count;    /* committed */
    uint32_t revision;
    uint32_t self;         /* index of the row */
    uint32_t mark_slot;    /* of the file with the mark, + 1; 0 = there is none */
    uint32_t pending : 22; /* records on their way to the log; a row with some is never dropped */
    uint32_t step : 6;     /* of the capacity of records */
    uint32_t limit_exceeded : 1;
    uint32_t limit_pending : 1; /* the mark is on its way */
    uint32_t in_gather : 1;     /* has a record in the batch that gathers now */
    uint32_t settling : 1;
    bool settled_before; /* the trace may have pieces in parts, or a row that is being settled */
    bool base_known;     /* base_… are set, as far as there is something */
} fl_row;

/* Retention counts from it. */
static inline int64_t fl_basis_ns(int64_t time_ns, int64_t last_arrival_ns)
{
    return time_ns > last_arrival_ns ? time_ns : last_arrival_ns;
}
/* Does it tell readers of something: records, or that the trace, which has settled, passed its
 * limit? Else nobody sees it yet. */
static inline bool fl_row_is_visible(const fl_row *row)
{
    return row->record_count != 0 || row->mark_slot != 0;
}
/* What a reader needs to know of it, in the form of parts. Without records it has the place and the
 * times of what settled. */
fl_part_row fl_row_piece(const fl_row *row);
/* The same with what is known of the part of the trace that settled before. */
fl_part_row fl_row_whole(const fl_row *row);
/* All that `from` knows of the trace becomes what was before `row`. */
void fl_row_inherit(fl_row *row, const fl_row *from);
const fl_record_times *fl_row_times(const fl_row *row);
const fl_wal_ref *fl_row_refs(const fl_row *row);

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
    fl_row **list;      /* by index */
    uint32_t capacity;
    uint32_t made; /* indices ever used */
    uint32_t used; /* of them now */
    uint32_t free; /* index + 1 of a free place, which tells of the next; 0 = none */
    fl_rows_table tables[FL_ROWS_TABLES];
} fl_rows;

void fl_rows_init(fl_rows *rows, fl_budget *budget);
void fl_rows_fini(fl_rows *rows);

/* Row by index below `made`; NULL if it is free. */
fl_row *fl_rows_at(const fl_rows *rows, uint32_t index);
/* The trace's row that takes records, or (settling) the one that is being settled; NULL if none. */
fl_row *fl_rows_find(const fl_rows *rows, fl_trace_id id, bool settling);
/* A new, empty row of an id that has none that takes records; NULL over the budget or without
 * memory. */
fl_row *fl_rows_make(fl_rows *rows, fl_trace_id id);
/* Takes it out of everything and frees it. */
void fl_rows_drop(fl_rows *rows, fl_row *row);

/* Room for one record more than record_count + pending; false over the budget or without memory. */
bool fl_rows_reserve(fl_rows *rows, fl_row *row);
/* Adds a committed record (room was reserved) and brings times and place up to date. */
void fl_row_add(fl_row *row, int64_t start_ns, fl_record_times times, uint64_t arrival,
                fl_wal_ref ref);

#endif
