/* Summaries: scan rows newest first, get their records, assemble and summarise on a worker. */
#include "query/query.h"

#define OF(member, pointer)                                                                        \
    ((fl_query_summaries *)(void *)((char *)(pointer)-offsetof(fl_query_summaries, member)))

#define NS_PER_MINUTE (60 * FL_NS_PER_S)

/* ---- Which rows are in the window */

static bool in_window(const fl_summary_request *request, int64_t time_ns)
{
    return time_ns >= request->start_ns && time_ns < request->end_ns;
}

/* The latest end or arrival of a record in the window; FL_TIME_NONE if there is none. */
static int64_t latest_event(const fl_summary_request *request, const fl_store_row *row)
{
    int64_t latest = FL_TIME_NONE;
    for (uint32_t i = 0; i < row->record_count; i++) {
        const fl_record_times *times = &row->times[i];
        if (times->end_ns > latest && in_window(request, times->end_ns)) {
            latest = times->end_ns;
        }
        if (times->arrival_ns > latest && in_window(request, times->arrival_ns)) {
            latest = times->arrival_ns;
        }
    }
    return latest;
}

static bool ended_in_window(const fl_summary_request *request, const fl_store_row *row)
{
    for (uint32_t i = 0; i < row->record_count; i++) {
        if (row->times[i].end_ns != FL_TIME_NONE && in_window(request, row->times[i].end_ns)) {
            return true;
        }
    }
    return false;
}

/* hash(id) / 2^64 < value: a trace kept at 0.25 is kept at 0.5. */
static bool kept_by_rate(fl_trace_id id, double rate)
{
    return (double)(fl_trace_id_hash(id) >> 11) * 0x1.0p-53 < rate;
}

/* Minute m is read iff a multiple of 100/percent falls into it: evenly spread, the same on every
 * page. */
static bool kept_by_minute(int64_t time_ns, double percent)
{
    int64_t minute = time_ns / NS_PER_MINUTE;
    double share = percent / 100.0;
    return (int64_t)((double)(minute + 1) * share) != (int64_t)((double)minute * share);
}

static bool is_sampled(const fl_sampling_strategy *sampling, const fl_store_row *row)
{
    switch (sampling->kind) {
    case FL_SAMPLE_FIXED_RATE:
        return kept_by_rate(row->id, sampling->value);
    case FL_SAMPLE_PARTIAL_SCAN:
        return kept_by_minute(row->time_ns, sampling->value);
    case FL_SAMPLE_ALL:
        break;
    }
    return true;
}

/* The predicate of the scan. */
static bool row_wanted(void *user, const fl_store_row *row)
{
    const fl_summary_request *request = user;
    if (!is_sampled(&request->sampling, row)) {
        return false;
    }
    switch (request->range) {
    case FL_RANGE_EVENT:
        return latest_event(request, row) != FL_TIME_NONE;
    case FL_RANGE_SERVICE:
        return ended_in_window(request, row);
    case FL_RANGE_TRACE_ID:
        break;
    }
    return true;
}

/* ---- From rows to summaries */

static int64_t matched_event(const fl_summary_request *request, const fl_stored_trace *stored)
{
    int64_t latest = FL_TIME_NONE;
    for (size_t i = 0; request->range == FL_RANGE_EVENT && i < stored->count; i++) {
        const fl_record_times times = {stored->records[i].segment->end_ns,
                                       stored->records[i].arrival_ns};
        const fl_store_row row = {.record_count = 1, .times = &times};
        int64_t event_ns = latest_event(request, &row);
        latest = event_ns > latest ? event_ns : latest;
    }
    return latest;
}

static fl_status summarize(fl_query_summaries *query, const fl_stored_trace *stored, int64_t now_ns,
                           fl_found_summary *out)
{
    fl_trace *trace = NULL;
    FL_TRY(fl_trace_assemble(query->memory, stored->id, stored->records, stored->count, now_ns,
                             &trace, &query->err));
    trace->limit_exceeded = stored->limit_exceeded;
    FL_TRY(fl_trace_summarize(query->memory, trace, query->limits, &out->summary, &query->err));
    out->summary.revision = stored->revision;
    out->matched_event_ns = matched_event(&query->request, stored);
    return FL_OK;
}

static fl_status summarize_all(fl_query_summaries *query)
{
    int64_t now_ns = fl_clock_wall(query->clock);
    query->found = FL_ARENA_ARRAY(query->memory, fl_found_summary, query->get.count);
    if (query->found == NULL) {
        FL_FAIL(&query->err, FL_E_NOMEM, "no memory for %zu summaries", query->get.count);
    }
    for (size_t i = 0; i < query->get.count; i++) {
        const fl_stored_trace *stored = &query->get.traces[i];
        if (stored->count > 0) { /* else retention took it since the scan */
            FL_TRY(summarize(query, stored, now_ns, &query->found[query->found_count]));
            query->found_count++;
        }
    }
    return FL_OK;
}

/* What the row alone tells of a trace that is too large to be assembled. */
static fl_status summarize_row(fl_query_summaries *query)
{
    const fl_store_row *row = &query->scan.rows[0];
    query->found = FL_ARENA_NEW(query->memory, fl_found_summary);
    if (query->found == NULL) {
        FL_FAIL(&query->err, FL_E_NOMEM, "no memory for a summary");
    }
    query->found_count = 1;
    query->found->matched_event_ns = FL_TIME_NONE;
    query->found->summary = (fl_summary){
        .id = row->id,
        .start_ns = row->start_ns,
        .duration_ns =
            row->last_end_ns > row->start_ns ? row->last_end_ns - row->start_ns : FL_TIME_NONE,
        .response_ns = FL_TIME_NONE,
        .time_ns = row->time_ns,
        .updated_ns = row->last_arrival_ns,
        .is_partial = true,
        .entry_point = -1,
        .revision = row->revision,
    };
    return FL_OK;
}

/* Too much for the memory: tries again with half the page. True if that was begun. */
static bool try_smaller(fl_query_summaries *query)
{
    bool too_large = query->status == FL_E_TOO_LARGE || query->status == FL_E_NOMEM;
    if (!too_large) {
        return false;
    }
    if (query->memory->budget_refused) {
        query->status = fl_err_set(&query->err, FL_E_BUSY, __FILE__, __LINE__,
                                   "other queries use the memory for queries; retry later");
        return false;
    }
    if (query->scan.row_count <= 1) {
        return false;
    }
    query->request.limit = query->scan.row_count / 2;
    fl_query_summaries_begin(query);
    return true;
}

static void on_worker(fl_work *work)
{
    fl_query_summaries *query = OF(work, work);
    query->status = query->get.status == FL_OK ? summarize_all(query) : FL_E_TOO_LARGE;
    bool alone = query->scan.row_count == 1 && !query->memory->budget_refused;
    if ((query->status == FL_E_TOO_LARGE || query->status == FL_E_NOMEM) && alone) {
        fl_arena_reset(query->memory);
        query->status = summarize_row(query);
    }
    if (query->status == FL_OK) {
        query->render(query);
    }
}

static void after_worker(fl_work *work)
{
    fl_query_summaries *query = OF(work, work);
    if (!try_smaller(query)) {
        query->done(query);
    }
}

static void after_get(fl_store_get *get)
{
    fl_query_summaries *query = OF(get, get);
    query->status = get->status;
    query->err = get->err;
    if (try_smaller(query)) {
        return;
    }
    if (query->status != FL_OK && query->status != FL_E_TOO_LARGE) {
        query->done(query);
        return;
    }
    query->work = (fl_work){.work = on_worker, .done = after_worker};
    fl_loop_work(query->loop, &query->work);
}

static fl_status take_rows(fl_query_summaries *query)
{
    const fl_store_scan *scan = &query->scan;
    query->examined = scan->examined;
    query->reached_end = scan->reached_end;
    query->ids = FL_ARENA_ARRAY(query->arena, fl_trace_id, scan->row_count);
    if (query->ids == NULL) {
        FL_FAIL(&query->err, FL_E_NOMEM, "no memory for %zu ids", scan->row_count);
    }
    for (size_t i = 0; i < scan->row_count; i++) {
        const fl_store_row *row = &scan->rows[i];
        query->ids[i] = row->id;
        query->last = (fl_store_place){row->time_ns, row->start_ns, row->id};
    }
    return FL_OK;
}

static void after_scan(fl_store_scan *scan)
{
    fl_query_summaries *query = OF(scan, scan);
    query->status = scan->status;
    query->err = scan->err;
    if (query->status == FL_OK) {
        query->status = take_rows(query);
    }
    if (query->status != FL_OK) {
        query->done(query);
        return;
    }
    query->get = (fl_store_get){.ids = query->ids,
                                .count = scan->row_count,
                                .arena = query->memory,
                                .loop = query->loop,
                                .done = after_get};
    fl_store_get_begin(query->store, &query->get);
}

void fl_query_summaries_begin(fl_query_summaries *query)
{
    const fl_summary_request *request = &query->request;
    bool by_trace_time = request->range == FL_RANGE_TRACE_ID;
    query->found_count = 0;
    fl_arena_reset(query->memory);
    query->scan = (fl_store_scan){.from_ns = by_trace_time ? request->start_ns : INT64_MIN,
                                  .to_ns = by_trace_time ? request->end_ns : INT64_MAX,
                                  .has_after = request->has_after,
                                  .after = request->after,
                                  .limit = request->limit,
                                  .want = row_wanted,
                                  .user = &query->request,
                                  .arena = query->arena,
                                  .loop = query->loop,
                                  .done = after_scan};
    fl_store_scan_begin(query->store, &query->scan);
}
