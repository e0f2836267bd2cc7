/*
 * A view: the parts of one moment, and what of a trace is in them. Pieces of a trace that are found
 * in parts and in live rows are put together here, and nowhere else.
 */
#ifndef FL_STORE_LOCAL_VIEW_INT_H
#define FL_STORE_LOCAL_VIEW_INT_H

#include "store/local/local_int.h"

#define FL_VIEW_PIECES_MAX 512 /* of one trace: merges keep them far below */

/* A live row as a reader saw it. */
typedef struct fl_live_piece {
    fl_part_row row;
    bool settled_before; /* or settles now: ask the parts, too */
    size_t first_record; /* of its records in the reader's lists, if it asked for them */
} fl_live_piece;

typedef struct fl_piece {
    fl_part_row facts;
    uint32_t part, row;        /* where it is in the version; of a settled piece */
    const fl_live_piece *live; /* NULL = settled */
} fl_piece;

typedef struct fl_view {
    fl_store *store;
    fl_version *version;
    fl_part_cursor **cursors; /* one for each part that was looked into */
} fl_view;

/* The parts as they are now. A view belongs to one thread at a time; one that was closed, or is
 * zeroed, may be closed. */
FL_MUST fl_status fl_view_open(fl_store *store, fl_view *view, fl_err *err);
void fl_view_close(fl_view *view);
FL_MUST fl_status fl_view_cursor(fl_view *view, uint32_t part, fl_part_cursor **out, fl_err *err);
uint64_t fl_view_read_bytes(const fl_view *view);
/* Counts and logs that a part could not be read everywhere, the first time. */
void fl_view_note_damage(const fl_view *view, uint32_t part, const fl_err *err);
/* The same if the status says so; gives it back. */
fl_status fl_view_noted(const fl_view *view, uint32_t part, fl_status status, const fl_err *err);

/* The trace's piece in one part of the version; row FL_PART_ROW_NONE if it has none. FL_E_CORRUPT,
 * and told: the part is damaged where it would be. */
FL_MUST fl_status fl_view_find_in(fl_view *view, uint32_t part, fl_trace_id id, fl_piece *piece,
                                  fl_err *err);
/* The settled pieces of a trace, in no order; at most FL_VIEW_PIECES_MAX, else FL_E_BUSY. Parts
 * that are damaged where the trace would be are passed over with *whole = false, which is not
 * written otherwise; without `whole` they are FL_E_CORRUPT. */
FL_MUST fl_status fl_view_find(fl_view *view, fl_trace_id id, fl_piece *pieces, size_t *count,
                               bool *whole, fl_err *err);
/* They as one row; record_count 0 if there are none. */
FL_MUST fl_status fl_view_settled(fl_view *view, fl_trace_id id, fl_part_row *out, fl_err *err);

/* Had the trace expired when its next piece came? `before` is the row of all pieces before that. */
bool fl_local_begins_anew(fl_store *store, const fl_part_row *before, const fl_part_row *next);
/*
 * Sorts pieces by arrival and leaves out: live ones that have settled meanwhile, a settled one that
 * is there twice, and what had expired before the next piece came (that began the trace anew).
 * Returns how many are left; the trace is theirs. 0 if they have no record: a piece without any
 * only says that the trace passed its limit after all of it had settled.
 */
size_t fl_pieces_order(fl_store *store, fl_piece *pieces, size_t count);
/* The row of the whole trace. */
fl_part_row fl_pieces_join(const fl_piece *pieces, size_t count);
/* The piece at whose place a scan meets the trace: the one with the place of the whole. */
const fl_piece *fl_pieces_home(const fl_piece *pieces, size_t count);
/* Has retention taken the trace with this row? */
bool fl_local_expired(fl_store *store, const fl_part_row *row, int64_t cutoff_ns);
/*
 * What may be removed from parts now: what had expired before anything that is live arrived, and is
 * in no file of the log any more. The last is why a trace that was removed does not come back when
 * the log is read after a crash.
 */
typedef struct fl_removable {
    int64_t cutoff_ns;      /* the basis of a trace lies before it */
    uint64_t first_arrival; /* of the log; the arrival numbers of a trace lie before it */
} fl_removable;
fl_removable fl_local_removable(fl_store *store);
/* May the row's trace be removed? A pin of the time when it expired keeps it, even one that was let
 * go since: something live may go on with the trace. */
bool fl_local_is_removable(fl_store *store, const fl_part_row *row, const fl_removable *removable);

#endif
