#include "store/local/view_int.h"

#include <stdlib.h>

/* ---- A view of the parts */

fl_status fl_view_open(fl_store *store, fl_view *view, fl_err *err)
{
    *view = (fl_view){.store = store, .version = fl_version_acquire(store)};
    view->cursors = calloc(view->version->count + 1, sizeof(fl_part_cursor *));
    if (view->cursors == NULL) {
        fl_view_close(view);
        FL_FAIL(err, FL_E_NOMEM, "no memory to read parts");
    }
    return FL_OK;
}

void fl_view_close(fl_view *view)
{
    for (size_t i = 0; view->cursors != NULL && i < view->version->count; i++) {
        fl_part_cursor_free(view->cursors[i]);
    }
    free(view->cursors);
    fl_version_release(view->version);
    *view = (fl_view){0};
}

fl_status fl_view_cursor(fl_view *view, uint32_t part, fl_part_cursor **out, fl_err *err)
{
    if (view->cursors[part] == NULL) {
        FL_TRY(fl_part_cursor_new(view->version->parts[part].settled->part, &view->cursors[part],
                                  err));
    }
    *out = view->cursors[part];
    return FL_OK;
}

uint64_t fl_view_read_bytes(const fl_view *view)
{
    uint64_t bytes = 0;
    for (size_t i = 0; view->cursors != NULL && i < view->version->count; i++) {
        bytes += view->cursors[i] != NULL ? fl_part_cursor_read_bytes(view->cursors[i]) : 0;
    }
    return bytes;
}

void fl_view_note_damage(const fl_view *view, uint32_t part, const fl_err *err)
{
    fl_settled *settled = view->version->parts[part].settled;
    if (!atomic_exchange(&settled->damage_told, true)) {
        fl_counter_add(&view->store->stats->damaged_parts_total, 1);
        FL_LOG(view->store->config.log, FL_LOG_ERROR,
               "part is damaged; its readable traces are still answered",
               fl_kv_text("file", fl_part_path(settled->part)),
               fl_kv_text("error", fl_err_text(err, FL_E_CORRUPT)));
    }
}

fl_status fl_view_noted(const fl_view *view, uint32_t part, fl_status status, const fl_err *err)
{
    if (status == FL_E_CORRUPT) {
        fl_view_note_damage(view, part, err);
    }
    return status;
}

fl_status fl_view_find_in(fl_view *view, uint32_t part, fl_trace_id id, fl_piece *piece,
                          fl_err *err)
{
    fl_part *file = view->version->parts[part].settled->part;
    fl_part_cursor *cursor;
    fl_status status = FL_OK;
    *piece = (fl_piece){.part = part, .row = FL_PART_ROW_NONE};
    if (fl_part_may_have(file, id)) {
        status = fl_part_find(file, id, &piece->row, err);
    }
    if (status == FL_OK && piece->row != FL_PART_ROW_NONE) {
        FL_TRY(fl_view_cursor(view, part, &cursor, err));
        status = fl_part_row_at(cursor, piece->row, &piece->facts, err);
    }
    return fl_view_noted(view, part, status, err);
}

fl_status fl_view_find(fl_view *view, fl_trace_id id, fl_piece *pieces, size_t *count, bool *whole,
                       fl_err *err)
{
    size_t found = 0;
    for (uint32_t i = 0; i < view->version->count; i++) {
        fl_piece piece;
        fl_status status = fl_view_find_in(view, i, id, &piece, err);
        if (status == FL_E_CORRUPT && whole != NULL) {
            *whole = false;
            continue;
        }
        FL_TRY(status);
        if (piece.row == FL_PART_ROW_NONE) {
            continue;
        }
        if (found == FL_VIEW_PIECES_MAX) {
            FL_FAIL(err, FL_E_BUSY, "a trace lies in more than %d parts; retry later",
                    FL_VIEW_PIECES_MAX);
        }
        pieces[found++] = piece;
    }
    *count = found;
    return FL_OK;
}

fl_status fl_view_settled(fl_view *view, fl_trace_id id, fl_part_row *out, fl_err *err)
{
    fl_piece pieces[FL_VIEW_PIECES_MAX];
    size_t count;
    FL_TRY(fl_view_find(view, id, pieces, &count, NULL, err));
    count = fl_pieces_order(view->store, pieces, count);
    *out = count != 0 ? fl_pieces_join(pieces, count) : (fl_part_row){.id = id};
    return FL_OK;
}

/* ---- Pieces of one trace */

static int compare_pieces(const void *a, const void *b)
{
    const fl_piece *left = a, *right = b;
    if (left->facts.last_arrival != right->facts.last_arrival) {
        return left->facts.last_arrival < right->facts.last_arrival ? -1 : 1;
    }
    if ((left->live != NULL) != (right->live != NULL)) {
        return left->live != NULL ? 1 : -1; /* what is settled counts */
    }
    return left->facts.record_count > right->facts.record_count ? -1 : 1;
}

/* The highest arrival number that is settled. */
static uint64_t last_settled(const fl_piece *pieces, size_t count)
{
    uint64_t last = 0;
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].live == NULL && pieces[i].facts.last_arrival > last) {
            last = pieces[i].facts.last_arrival;
        }
    }
    return last;
}

/* Is all of it in other pieces? Live records of a trace settle all together, in order. A settled
 * piece is there twice if a settle failed half-way and its leavings could not be removed. */
static bool is_repeated(const fl_piece *piece, const fl_piece *before, uint64_t settled)
{
    return piece->live != NULL
               ? piece->facts.last_arrival <= settled
               : before != NULL && piece->facts.last_arrival == before->facts.last_arrival;
}

bool fl_local_begins_anew(fl_store *store, const fl_part_row *before, const fl_part_row *next)
{
    int64_t expires_ns;
    if (store->config.retention_ns == 0 ||
        __builtin_add_overflow(fl_basis_ns(before->time_ns, before->last_arrival_ns),
                               store->config.retention_ns, &expires_ns)) {
        return false;
    }
    return next->first_arrival_ns > expires_ns &&
           !fl_pins_cover(store, next->id, expires_ns, next->first_arrival_ns);
}

/* A mark whose trace was removed is nothing. */
static bool has_records(const fl_piece *pieces, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].facts.record_count != 0) {
            return true;
        }
    }
    return false;
}

size_t fl_pieces_order(fl_store *store, fl_piece *pieces, size_t count)
{
    size_t kept = 0;
    fl_part_row before = {0};
    if (count > 1) {
        qsort(pieces, count, sizeof *pieces, compare_pieces);
    }
    uint64_t settled = last_settled(pieces, count);
    for (size_t i = 0; i < count; i++) {
        pieces[kept] = pieces[i];
        if (is_repeated(&pieces[kept], kept != 0 ? &pieces[kept - 1] : NULL, settled)) {
            continue;
        }
        fl_part_row both[] = {before, pieces[kept].facts};
        if (kept == 0 || fl_local_begins_anew(store, &before, &pieces[kept].facts)) {
            before = pieces[kept].facts;
            pieces[0] = pieces[kept];
            kept = 0;
        } else {
            before = fl_part_row_join(both, 2);
        }
        kept++;
    }
    return has_records(pieces, kept) ? kept : 0;
}

fl_part_row fl_pieces_join(const fl_piece *pieces, size_t count)
{
    fl_part_row rows[FL_VIEW_PIECES_MAX + 2];
    if (count == 1) {
        return pieces[0].facts;
    }
    for (size_t i = 0; i < count; i++) {
        rows[i] = pieces[i].facts;
    }
    return fl_part_row_join(rows, count);
}

const fl_piece *fl_pieces_home(const fl_piece *pieces, size_t count)
{
    const fl_piece *home = &pieces[0];
    for (size_t i = 1; i < count; i++) {
        fl_store_place place = fl_part_place(&pieces[i].facts), best = fl_part_place(&home->facts);
        if (fl_store_place_cmp(&place, &best) > 0) {
            home = &pieces[i];
        }
    }
    return home;
}

bool fl_local_expired(fl_store *store, const fl_part_row *row, int64_t cutoff_ns)
{
    int64_t basis_ns = fl_basis_ns(row->time_ns, row->last_arrival_ns);
    /* There is a retention, or nothing would lie before the cutoff. */
    return basis_ns < cutoff_ns &&
           !fl_pins_cover(store, row->id, basis_ns + store->config.retention_ns, INT64_MAX);
}

bool fl_local_is_removable(fl_store *store, const fl_part_row *row, const fl_removable *removable)
{
    int64_t basis_ns = fl_basis_ns(row->time_ns, row->last_arrival_ns);
    if (basis_ns >= removable->cutoff_ns || row->last_arrival >= removable->first_arrival) {
        return false;
    }
    int64_t expired_ns = basis_ns + store->config.retention_ns;
    return !fl_pins_cover(store, row->id, expired_ns, expired_ns);
}
