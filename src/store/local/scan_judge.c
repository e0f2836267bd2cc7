/* Does a scan want a trace? The whole trace is judged, wherever its pieces are. */
#include "store/local/scan_int.h"

/* ---- Terms */

static fl_status match_live(fl_scan_job *job, const fl_live_piece *piece, uint64_t *held,
                            fl_err *err)
{
    const fl_store_scan *scan = job->scan;
    for (uint32_t i = 0; i < piece->row.record_count; i++) {
        fl_wal_record stored;
        uint64_t arrival;
        fl_wal_ref ref = job->refs[piece->first_record + i];
        FL_TRY(fl_wal_reader_record(&job->reader, ref, &stored, &arrival, err));
        FL_TRY(fl_part_match_packed(stored.document, scan->terms, scan->term_count, held, err));
        if (fl_store_terms_hold(scan->terms, scan->term_count, *held)) {
            break;
        }
    }
    return FL_OK;
}

static fl_status match_settled(fl_scan_job *job, const fl_piece *piece, uint64_t *held, fl_err *err)
{
    const fl_store_scan *scan = job->scan;
    fl_part_match **match = &job->matches[piece->part];
    uint64_t more;
    if (*match == NULL) {
        fl_part_cursor *cursor;
        FL_TRY(fl_view_cursor(&job->view, piece->part, &cursor, err));
        FL_TRY(fl_part_match_new(cursor, scan->terms, scan->term_count, match, err));
    }
    fl_status status = fl_part_match_row(*match, piece->row, &more, err);
    FL_TRY(fl_view_noted(&job->view, piece->part, status, err));
    *held |= more;
    return FL_OK;
}

static fl_status terms_hold(fl_scan_job *job, const fl_piece *pieces, size_t count, bool *out,
                            fl_err *err)
{
    const fl_store_scan *scan = job->scan;
    uint64_t held = 0;
    *out = scan->term_count == 0;
    for (size_t i = 0; i < count && !*out; i++) {
        if (pieces[i].live != NULL) {
            FL_TRY(match_live(job, pieces[i].live, &held, err));
        } else {
            FL_TRY(match_settled(job, &pieces[i], &held, err));
        }
        *out = fl_store_terms_hold(scan->terms, scan->term_count, held);
    }
    return FL_OK;
}

/* ---- Window */

typedef struct window {
    const fl_store_scan *scan;
    bool found;
} window;

static bool in_window(const fl_store_scan *scan, int64_t time_ns)
{
    return time_ns != FL_TIME_NONE && time_ns >= scan->window_from_ns &&
           time_ns < scan->window_to_ns;
}

static bool is_in(const fl_store_scan *scan, int64_t end_ns, int64_t arrival_ns)
{
    return in_window(scan, end_ns) ||
           (scan->window == FL_WINDOW_EVENT && in_window(scan, arrival_ns));
}

static bool look_at_times(void *user, const int64_t *ends_ns, const int64_t *arrivals_ns,
                          size_t count)
{
    window *w = user;
    for (size_t i = 0; i < count && !w->found; i++) {
        w->found = is_in(w->scan, ends_ns[i], arrivals_ns[i]);
    }
    return !w->found;
}

/* Can a record of the piece be in the window at all? */
static bool may_be_in(const fl_store_scan *scan, const fl_part_row *row)
{
    bool arrived =
        row->last_arrival_ns >= scan->window_from_ns && row->first_arrival_ns < scan->window_to_ns;
    bool ended = row->last_end_ns != FL_TIME_NONE && row->last_end_ns >= scan->window_from_ns;
    return ended || (scan->window == FL_WINDOW_EVENT && arrived);
}

static fl_status window_holds(fl_scan_job *job, const fl_piece *pieces, size_t count, bool *out,
                              fl_err *err)
{
    window w = {.scan = job->scan, .found = job->scan->window == FL_WINDOW_NONE};
    for (size_t i = 0; i < count && !w.found; i++) {
        const fl_live_piece *live = pieces[i].live;
        if (!may_be_in(job->scan, &pieces[i].facts)) {
            continue;
        }
        if (live == NULL) {
            fl_part_cursor *cursor;
            FL_TRY(fl_view_cursor(&job->view, pieces[i].part, &cursor, err));
            fl_status status = fl_part_times(cursor, pieces[i].row, look_at_times, &w, err);
            FL_TRY(fl_view_noted(&job->view, pieces[i].part, status, err));
        }
        for (uint32_t k = 0; live != NULL && k < live->row.record_count && !w.found; k++) {
            const fl_record_times *times = &job->times[live->first_record + k];
            w.found = is_in(job->scan, times->end_ns, times->arrival_ns);
        }
    }
    *out = w.found;
    return FL_OK;
}

/* ---- The whole */

/* All pieces of the candidate's trace; 0 if the scan meets the trace at another of them. */
static fl_status pieces_of(fl_scan_job *job, const fl_scan_candidate *candidate, fl_piece *pieces,
                           size_t *count, fl_err *err)
{
    if (!candidate->shared) {
        pieces[0] = (fl_piece){.facts = candidate->row,
                               .part = candidate->part,
                               .row = candidate->part_row,
                               .live = candidate->live};
        *count = candidate->row.record_count != 0;
        return FL_OK;
    }
    FL_TRY(fl_view_find(&job->view, candidate->row.id, pieces, count, NULL, err));
    *count += fl_scan_live_pieces(job, candidate->row.id, pieces + *count);
    *count = fl_pieces_order(job->store, pieces, *count);
    const fl_piece *home = *count != 0 ? fl_pieces_home(pieces, *count) : NULL;
    bool is_home =
        home != NULL && home->live == candidate->live &&
        (home->live != NULL || (home->part == candidate->part && home->row == candidate->part_row));
    *count = is_home ? *count : 0;
    return FL_OK;
}

static fl_store_row row_of(const fl_part_row *row)
{
    return (fl_store_row){
        .id = row->id,
        .time_ns = row->time_ns,
        .start_ns = row->start_ns,
        .last_end_ns = row->last_end_ns,
        .last_arrival_ns = row->last_arrival_ns,
        .record_count = row->record_count,
        .revision = row->revision,
        .limit_exceeded = row->limit_exceeded,
    };
}

/* The candidate's trace; *count 0 if there is none to be told of at this place. */
static fl_status whole_of(fl_scan_job *job, const fl_scan_candidate *candidate, fl_piece *pieces,
                          size_t *count, fl_part_row *whole, fl_err *err)
{
    FL_TRY(pieces_of(job, candidate, pieces, count, err));
    if (*count == 0) {
        return FL_OK;
    }
    *whole = fl_pieces_join(pieces, *count);
    if (fl_local_expired(job->store, whole, job->cutoff_ns)) {
        *count = 0;
    }
    return FL_OK;
}

fl_status fl_scan_exists(fl_scan_job *job, const fl_scan_candidate *candidate, bool *exists,
                         fl_err *err)
{
    fl_piece pieces[FL_VIEW_PIECES_MAX + 2];
    size_t count;
    fl_part_row whole;
    FL_TRY(whole_of(job, candidate, pieces, &count, &whole, err));
    *exists = count != 0;
    return FL_OK;
}

fl_status fl_scan_judge(fl_scan_job *job, const fl_scan_candidate *candidate, fl_store_row *row,
                        bool *wanted, fl_err *err)
{
    fl_piece pieces[FL_VIEW_PIECES_MAX + 2];
    size_t count;
    fl_part_row whole;
    bool holds = true;
    *wanted = false;
    FL_TRY(whole_of(job, candidate, pieces, &count, &whole, err));
    if (count == 0) {
        return FL_OK;
    }
    if (!candidate->terms_hold || job->scan->term_count == 0) {
        FL_TRY(terms_hold(job, pieces, count, &holds, err));
    }
    if (!holds) {
        return FL_OK;
    }
    job->scan->examined++;
    *row = row_of(&whole);
    FL_TRY(window_holds(job, pieces, count, &holds, err));
    *wanted = holds && (job->scan->want == NULL || job->scan->want(job->scan->user, row));
    return FL_OK;
}
