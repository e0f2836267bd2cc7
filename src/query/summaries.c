/* Summaries: a page of traces, assembled and summarised. */
#include "query/query.h"

#define OF(member, pointer)                                                                        \
    ((fl_query_summaries *)(void *)((char *)(pointer)-offsetof(fl_query_summaries, member)))

#define NS_PER_MINUTE (60 * FL_NS_PER_S)

/* ---- Which rows are in the window */

static bool in_window(const fl_summary_request *request, int64_t time_ns)
{
    return time_ns >= request->start_ns && time_ns < request->end_ns;
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
    return is_sampled(&request->sampling, row);
}

static fl_scan_window window_of(fl_time_range range)
{
    switch (range) {
    case FL_RANGE_EVENT:
        return FL_WINDOW_EVENT;
    case FL_RANGE_SERVICE:
        return FL_WINDOW_ENDED;
    case FL_RANGE_TRACE_ID:
        break;
    }
    return FL_WINDOW_NONE;
}

/* ---- From rows to summaries */

/* The latest end or arrival of a record in the window; FL_TIME_NONE if there is none. */
static int64_t matched_event(const fl_summary_request *request, const fl_stored_trace *stored)
{
    int64_t latest = FL_TIME_NONE;
    for (size_t i = 0; request->range == FL_RANGE_EVENT && i < stored->count; i++) {
        int64_t end_ns = stored->records[i].segment->end_ns;
        int64_t arrival_ns = stored->records[i].arrival_ns;
        if (end_ns > latest && in_window(request, end_ns)) {
            latest = end_ns;
        }
        if (arrival_ns > latest && in_window(request, arrival_ns)) {
            latest = arrival_ns;
        }
    }
    return latest;
}

static fl_status summarize(fl_query_summaries *query, const fl_stored_trace *stored, int64_t now_ns,
                           fl_found_summary *out, fl_err *err)
{
    fl_trace *trace = NULL;
    FL_TRY(fl_trace_assemble(query->memory, stored->id, stored->records, stored->count, now_ns,
                             &trace, err));
    trace->limit_exceeded = stored->limit_exceeded;
    FL_TRY(fl_trace_summarize(query->memory, trace, query->limits, &out->summary, err));
    out->summary.revision = stored->revision;
    out->matched_event_ns = matched_event(&query->request, stored);
    return FL_OK;
}

static void render(fl_query_summaries *query)
{
    query->examined = query->page.scan.examined;
    query->reached_end = query->page.scan.reached_end;
    query->over_budget = query->page.scan.over_budget;
    query->last = query->page.scan.next;
    query->render(query);
}

/* Summaries of the page's traces, and the answer. */
static fl_status take(fl_query_page *page, fl_err *err)
{
    fl_query_summaries *query = OF(page, page);
    const fl_store_get *get = &page->get;
    int64_t now_ns = fl_clock_wall(query->clock);
    query->found_count = 0;
    query->found = FL_ARENA_ARRAY(query->memory, fl_found_summary, get->count);
    if (query->found == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for %zu summaries", get->count);
    }
    for (size_t i = 0; i < get->count; i++) {
        const fl_stored_trace *stored = &get->traces[i];
        if (stored->count > 0) { /* else retention took it since the scan */
            FL_TRY(summarize(query, stored, now_ns, &query->found[query->found_count], err));
            query->found_count++;
        }
    }
    render(query);
    return FL_OK;
}

/* What the row alone tells of a trace that is too large to be assembled. */
static fl_status take_row(fl_query_page *page, fl_err *err)
{
    fl_query_summaries *query = OF(page, page);
    const fl_store_row *row = &page->scan.rows[0];
    query->found = FL_ARENA_NEW(query->memory, fl_found_summary);
    if (query->found == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a summary");
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
    render(query);
    return FL_OK;
}

static void after_page(fl_query_page *page)
{
    fl_query_summaries *query = OF(page, page);
    query->status = page->status;
    query->err = page->err;
    query->done(query);
}

void fl_query_summaries_begin(fl_query_summaries *query)
{
    const fl_summary_request *request = &query->request;
    bool by_trace_time = request->range == FL_RANGE_TRACE_ID;
    query->page = (fl_query_page){.store = query->store,
                                  .scan = {.from_ns = by_trace_time ? request->start_ns : INT64_MIN,
                                           .to_ns = by_trace_time ? request->end_ns : INT64_MAX,
                                           .has_after = request->has_after,
                                           .after = request->after,
                                           .limit = request->limit,
                                           .window = window_of(request->range),
                                           .window_from_ns = request->start_ns,
                                           .window_to_ns = request->end_ns,
                                           .want = row_wanted,
                                           .user = &query->request,
                                           .budget = query->budget},
                                  .arena = query->arena,
                                  .memory = query->memory,
                                  .loop = query->loop,
                                  .take = take,
                                  .take_row = take_row,
                                  .done = after_page};
    fl_query_page_begin(&query->page);
}
