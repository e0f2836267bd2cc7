/*
 * One scan: what it saw of live traces, its sources, and the merging of these by place.
 */
#ifndef FL_STORE_LOCAL_SCAN_INT_H
#define FL_STORE_LOCAL_SCAN_INT_H

#include "store/local/view_int.h"
#include "store/local/wal_read_int.h"

typedef struct fl_scan_job fl_scan_job;

/* ---- Sources: rows of the range, newest first */

typedef struct fl_scan_candidate {
    fl_part_row row;
    const fl_live_piece *live; /* or: */
    uint32_t part, part_row;
    bool shared;     /* the trace may have other pieces */
    bool terms_hold; /* known already */
} fl_scan_candidate;

/* One part, or all live rows. */
typedef struct fl_scan_source {
    uint32_t part;
    fl_part_cursor *cursor;
    fl_part_match *match;          /* of the terms; NULL = none */
    fl_part_continued_row *shared; /* rows with pieces elsewhere, live ones included, ascending */
    size_t shared_count, shared_at;
    uint32_t row, end; /* of the part: the next one to look at, and where it ends */
    bool begun, ended;
    bool loaded; /* next is set */
    fl_scan_candidate next;
    fl_store_place bound; /* no row that is left is newer */
} fl_scan_source;

struct fl_scan_job {
    fl_task task;
    fl_work work;
    fl_store *store;
    fl_store_scan *scan;
    int64_t cutoff_ns, began_mono_ns;
    size_t shard;            /* visited now */
    uint64_t version_number; /* of the parts before the first shard was visited */
    fl_store_place behind;   /* rows stand strictly behind it */
    /* live rows */
    fl_held_files held;
    fl_live_piece *live;
    size_t live_count, live_capacity;
    fl_record_times *times; /* of their records, if terms or a window ask for them */
    fl_wal_ref *refs;
    size_t record_count, times_capacity, refs_capacity;
    /* on the pool */
    fl_view view;
    fl_wal_reader reader;
    fl_live_piece **order; /* live rows of the range, newest first */
    size_t order_count, order_at;
    fl_live_piece **by_id; /* live rows whose traces may have other pieces */
    size_t by_id_count;
    fl_part_match **matches; /* of the view's cursors: terms on single rows */
    fl_scan_source *sources; /* the live rows, then each part of the version */
    size_t source_count;
    size_t row_capacity;
};

/* Does the scan look into documents or times? Then visits note where these are. */
static inline bool fl_scan_needs_records(const fl_store_scan *scan)
{
    return scan->term_count != 0 || scan->window != FL_WINDOW_NONE;
}

/* Prepares all sources; on the pool. */
FL_MUST fl_status fl_scan_sources_open(fl_scan_job *job, fl_err *err);
void fl_scan_sources_close(fl_scan_job *job);
/* The newest row that is left over all sources, NULL at the end; it is taken out. */
FL_MUST fl_status fl_scan_next(fl_scan_job *job, const fl_scan_candidate **out, fl_err *err);
/* Has every source ended, as far as is known without reading on? */
bool fl_scan_has_ended(const fl_scan_job *job);

/* The live rows of a trace that were seen, into pieces (room for two). */
size_t fl_scan_live_pieces(const fl_scan_job *job, fl_trace_id id, fl_piece *pieces);

/* Is there a trace at the candidate's place, whether the scan wants it or not? */
FL_MUST fl_status fl_scan_exists(fl_scan_job *job, const fl_scan_candidate *candidate, bool *exists,
                                 fl_err *err);
/* Is the candidate a trace that the scan wants? If so, *row is the trace's. On the pool. */
FL_MUST fl_status fl_scan_judge(fl_scan_job *job, const fl_scan_candidate *candidate,
                                fl_store_row *row, bool *wanted, fl_err *err);

#endif
