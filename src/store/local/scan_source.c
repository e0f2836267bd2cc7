/*
 * Sources of a scan. A part gives the rows in which all terms hold, found by its columns, and all
 * rows that have pieces elsewhere: only the whole trace can say whether the terms hold for it.
 */
#include <stdlib.h>

#include "store/local/scan_int.h"

static bool in_range(const fl_scan_job *job, const fl_part_row *row)
{
    fl_store_place place = fl_part_place(row);
    return row->time_ns >= job->scan->from_ns && fl_store_place_cmp(&place, &job->behind) > 0;
}

/* ---- Live rows */

static int compare_places(const void *a, const void *b)
{
    fl_store_place left = fl_part_place(&(*(fl_live_piece *const *)a)->row);
    fl_store_place right = fl_part_place(&(*(fl_live_piece *const *)b)->row);
    return fl_store_place_cmp(&left, &right);
}

static int compare_ids(const void *a, const void *b)
{
    return fl_trace_id_cmp((*(fl_live_piece *const *)a)->row.id,
                           (*(fl_live_piece *const *)b)->row.id);
}

static fl_status open_live(fl_scan_job *job, fl_err *err)
{
    job->order = calloc(job->live_count + 1, sizeof *job->order);
    job->by_id = calloc(job->live_count + 1, sizeof *job->by_id);
    if (job->order == NULL || job->by_id == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to scan live traces");
    }
    /* What was live when it was seen may be in a part by now. */
    bool parts_changed = job->view.version->number != job->version_number;
    for (size_t i = 0; i < job->live_count; i++) {
        fl_live_piece *piece = &job->live[i];
        piece->settled_before |= parts_changed;
        if (in_range(job, &piece->row)) {
            job->order[job->order_count++] = piece;
        }
        if (piece->settled_before) {
            job->by_id[job->by_id_count++] = piece;
        }
    }
    qsort(job->order, job->order_count, sizeof *job->order, compare_places);
    qsort(job->by_id, job->by_id_count, sizeof *job->by_id, compare_ids);
    return FL_OK;
}

size_t fl_scan_live_pieces(const fl_scan_job *job, fl_trace_id id, fl_piece *pieces)
{
    size_t low = 0, high = job->by_id_count, count = 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (fl_trace_id_cmp(job->by_id[middle]->row.id, id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < job->by_id_count && fl_trace_id_eq(job->by_id[low]->row.id, id) && count < 2;
         low++) {
        pieces[count++] = (fl_piece){.facts = job->by_id[low]->row, .live = job->by_id[low]};
    }
    return count;
}

static void next_live(fl_scan_job *job, fl_scan_source *source)
{
    if (job->order_at == job->order_count) {
        source->ended = true;
        return;
    }
    const fl_live_piece *piece = job->order[job->order_at++];
    source->next =
        (fl_scan_candidate){.row = piece->row, .live = piece, .shared = piece->settled_before};
    source->loaded = true;
}

/* ---- Parts */

static int compare_rows(const void *a, const void *b)
{
    const fl_part_continued_row *left = a, *right = b;
    return left->row < right->row ? -1 : left->row > right->row;
}

static bool add_shared(fl_scan_source *source, size_t *capacity, fl_part_continued_row row)
{
    if (!fl_local_room((void **)&source->shared, capacity, source->shared_count,
                       sizeof *source->shared)) {
        return false;
    }
    source->shared[source->shared_count++] = row;
    return true;
}

/* The trace's row in a part; none if it may stand where the part cannot be read. */
static fl_status find_in_part(const fl_scan_job *job, uint32_t number, fl_trace_id id,
                              uint32_t *row, fl_err *err)
{
    fl_part *part = job->view.version->parts[number].settled->part;
    *row = FL_PART_ROW_NONE;
    if (!fl_part_may_have(part, id)) {
        return FL_OK;
    }
    fl_status status = fl_part_find(part, id, row, err);
    return fl_view_noted(&job->view, number, status, err) != FL_E_CORRUPT ? status : FL_OK;
}

/* Rows of the parts, as they are listed. */
typedef struct shared_list {
    fl_scan_job *job;
    size_t *capacities; /* by part */
} shared_list;

static bool note_shared(shared_list *list, size_t part, fl_part_continued_row row)
{
    return add_shared(&list->job->sources[part + 1], &list->capacities[part], row);
}

/* The rows that have pieces elsewhere by what the parts know. */
static bool list_continued(shared_list *list)
{
    const fl_version *version = list->job->view.version;
    for (size_t i = 0; i < version->count; i++) {
        for (size_t k = 0; k < version->parts[i].shared_count; k++) {
            if (!note_shared(list, i, version->parts[i].shared[k])) {
                return false;
            }
        }
    }
    return true;
}

/* The rows of a live trace. */
static fl_status list_live(shared_list *list, fl_trace_id id, bool *room, fl_err *err)
{
    for (size_t k = 0; k < list->job->view.version->count && *room; k++) {
        uint32_t row;
        FL_TRY(find_in_part(list->job, (uint32_t)k, id, &row, err));
        if (row != FL_PART_ROW_NONE) {
            *room = note_shared(list, k, (fl_part_continued_row){.id = id, .row = row});
        }
    }
    return FL_OK;
}

static void sort_shared(fl_scan_source *source)
{
    if (source->shared_count > 1) {
        qsort(source->shared, source->shared_count, sizeof *source->shared, compare_rows);
    }
}

/* The rows of all parts that have pieces elsewhere: those of the version, and those of live traces.
 */
static fl_status list_shared(fl_scan_job *job, fl_err *err)
{
    shared_list list = {job, calloc(job->view.version->count + 1, sizeof *list.capacities)};
    bool room = list.capacities != NULL && list_continued(&list);
    fl_status status = FL_OK;
    for (size_t i = 0; room && status == FL_OK && i < job->by_id_count; i++) {
        status = list_live(&list, job->by_id[i]->row.id, &room, err);
    }
    free(list.capacities);
    FL_TRY(status);
    if (!room) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for traces in several parts");
    }
    for (size_t i = 1; i < job->source_count; i++) {
        sort_shared(&job->sources[i]);
    }
    return FL_OK;
}

static fl_status begin_part(fl_scan_job *job, fl_scan_source *source, fl_err *err)
{
    const fl_store_scan *scan = job->scan;
    fl_part *part = job->view.version->parts[source->part].settled->part;
    source->begun = true;
    source->end = fl_part_info_of(part)->rows;
    FL_TRY(fl_part_cursor_new(part, &source->cursor, err));
    fl_status status = fl_part_seek(source->cursor, &job->behind, &source->row, err);
    if (fl_view_noted(&job->view, source->part, status, err) != FL_E_CORRUPT) {
        FL_TRY(status);
    }
    if (scan->term_count == 0) {
        return FL_OK;
    }
    status = fl_part_match_new(source->cursor, scan->terms, scan->term_count, &source->match, err);
    if (fl_view_noted(&job->view, source->part, status, err) == FL_E_CORRUPT) {
        source->row = source->end;
        return FL_OK;
    }
    return status;
}

/* The next row in which the terms hold, behind what cannot be read. */
static fl_status next_match(const fl_scan_job *job, fl_scan_source *source, fl_err *err)
{
    fl_status status;
    do {
        status = fl_part_match_next(source->match, &source->row, err);
    } while (fl_view_noted(&job->view, source->part, status, err) == FL_E_CORRUPT);
    return status;
}

/* The next row that is shared or matches; source->end at the end. */
static fl_status find_row(const fl_scan_job *job, fl_scan_source *source, bool *shared, fl_err *err)
{
    while (source->shared_at < source->shared_count &&
           source->shared[source->shared_at].row < source->row) {
        source->shared_at++;
    }
    uint32_t next_shared = source->shared_at < source->shared_count
                               ? source->shared[source->shared_at].row
                               : UINT32_MAX;
    if (source->match != NULL && source->row < source->end && source->row != next_shared) {
        FL_TRY(next_match(job, source, err));
    }
    *shared = next_shared <= source->row;
    source->row = *shared ? next_shared : source->row;
    return FL_OK;
}

static fl_status next_in_part(fl_scan_job *job, fl_scan_source *source, fl_err *err)
{
    bool shared = false;
    if (!source->begun) {
        FL_TRY(begin_part(job, source, err));
    }
    FL_TRY(find_row(job, source, &shared, err));
    if (source->row >= source->end) {
        source->ended = true;
        return FL_OK;
    }
    source->next = (fl_scan_candidate){
        .part = source->part, .part_row = source->row, .shared = shared, .terms_hold = !shared};
    fl_status status = fl_part_row_at(source->cursor, source->row, &source->next.row, err);
    if (fl_view_noted(&job->view, source->part, status, err) == FL_E_CORRUPT) {
        const fl_part *part = job->view.version->parts[source->part].settled->part;
        source->row = fl_part_next_block(part, source->row);
        return FL_OK; /* not loaded: it is asked again */
    }
    FL_TRY(status);
    source->row++;
    source->loaded = source->next.row.time_ns >= job->scan->from_ns;
    source->ended = !source->loaded;
    return FL_OK;
}

/* ---- All of them */

fl_status fl_scan_sources_open(fl_scan_job *job, fl_err *err)
{
    const fl_version *version = job->view.version;
    FL_TRY(open_live(job, err));
    job->sources = calloc(version->count + 1, sizeof *job->sources);
    job->matches = calloc(version->count + 1, sizeof(fl_part_match *));
    if (job->sources == NULL || job->matches == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to scan %zu parts", version->count);
    }
    job->source_count = version->count + 1;
    job->sources[0].bound = (fl_store_place){.time_ns = INT64_MAX, .start_ns = INT64_MAX};
    for (uint32_t i = 0; i < version->count; i++) {
        fl_scan_source *source = &job->sources[i + 1];
        const fl_part_info *info = fl_part_info_of(version->parts[i].settled->part);
        source->part = i;
        source->bound = info->newest;
        source->ended = info->newest.time_ns < job->scan->from_ns ||
                        fl_store_place_cmp(&info->oldest, &job->behind) <= 0;
    }
    return list_shared(job, err);
}

void fl_scan_sources_close(fl_scan_job *job)
{
    for (size_t i = 0; i < job->source_count; i++) {
        fl_part_match_free(job->sources[i].match);
        fl_part_cursor_free(job->sources[i].cursor);
        free(job->sources[i].shared);
    }
    for (size_t i = 0; job->matches != NULL && i + 1 < job->source_count; i++) {
        fl_part_match_free(job->matches[i]);
    }
    free(job->sources);
    free(job->matches);
    free(job->order);
    free(job->by_id);
}

static fl_status load(fl_scan_job *job, fl_scan_source *source, fl_err *err)
{
    if (source == &job->sources[0]) {
        next_live(job, source);
        return FL_OK;
    }
    return next_in_part(job, source, err);
}

/* The source that may have the newest row; NULL if all have ended. */
static fl_scan_source *newest_source(fl_scan_job *job)
{
    fl_scan_source *newest = NULL;
    fl_store_place best = {0};
    for (size_t i = 0; i < job->source_count; i++) {
        fl_scan_source *source = &job->sources[i];
        if (source->ended) {
            continue;
        }
        fl_store_place place = source->loaded ? fl_part_place(&source->next.row) : source->bound;
        if (newest == NULL || fl_store_place_cmp(&place, &best) < 0) {
            newest = source;
            best = place;
        }
    }
    return newest;
}

/* Loads until the source with the newest row knows it. */
static fl_status find_newest(fl_scan_job *job, fl_scan_source **out, fl_err *err)
{
    fl_scan_source *source = newest_source(job);
    while (source != NULL && !source->loaded) {
        FL_TRY(load(job, source, err));
        source = newest_source(job);
    }
    *out = source;
    return FL_OK;
}

fl_status fl_scan_next(fl_scan_job *job, const fl_scan_candidate **out, fl_err *err)
{
    fl_scan_source *source = NULL;
    FL_TRY(find_newest(job, &source, err));
    *out = NULL;
    if (source != NULL) {
        source->loaded = false; /* the candidate stays until the source is loaded again */
        source->bound = fl_part_place(&source->next.row);
        *out = &source->next;
    }
    return FL_OK;
}

bool fl_scan_has_ended(const fl_scan_job *job)
{
    for (size_t i = 0; i < job->source_count; i++) {
        if (!job->sources[i].ended) {
            return false;
        }
    }
    return true;
}
