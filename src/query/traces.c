/*
 * Traces by id. What fits is got whole and assembled; too much is tried again as fewer traces, down
 * to one, and that one in pages of records. Assembling and rendering happen on a worker.
 */
#include "query/query_int.h"

#define OF(member, pointer)                                                                        \
    ((fl_query_traces *)(void *)((char *)(pointer)-offsetof(fl_query_traces, member)))

#define SPAN_RECORDS 16384 /* of several traces together: more hardly go into an answer */
#define PAGE_RECORDS 16384 /* of one trace */
#define RECORD_BYTES 2048  /* a guess at what a record takes, for the first try */

/* No record takes less. */
#define RECORD_BYTES_MIN (sizeof(fl_record) + sizeof(fl_segment) + sizeof(fl_entity))

static void finish(fl_query_traces *query, fl_status status)
{
    query->status = status;
    query->done(query);
}

static void begin_get(fl_query_traces *query, size_t count, uint64_t first, size_t limit,
                      void (*done)(fl_store_get *get))
{
    query_begin_try(query->memory);
    query->get = (fl_store_get){.ids = query->ids + query->from.trace,
                                .count = count,
                                .first = first,
                                .limit = limit,
                                .arena = query->memory,
                                .loop = query->loop,
                                .done = done};
    fl_store_get_begin(query->store, &query->get);
}

/* ---- On a worker */

/* Of a trace that is told in pages of records: the facts of the whole, as far as its row could be
 * found within the budget, and where the next page begins. */
static void tell_whole(fl_query_traces *query)
{
    const fl_stored_trace *stored = &query->get.traces[0];
    fl_trace *trace = query->traces[query->from.trace];
    uint64_t behind = query->from.record + stored->count;
    query->next_record = behind < stored->total && stored->count > 0 ? behind : 0;
    if (trace != NULL) {
        trace->start_ns = query->row.start_ns;
        trace->end_ns = query->has_row ? query->row.last_end_ns : FL_TIME_NONE;
    }
}

static fl_status assemble(fl_query_traces *query, fl_err *err)
{
    int64_t now_ns = fl_clock_wall(query->clock);
    memset(query->traces, 0, query->count * sizeof(fl_trace *));
    query->end = query->from.trace + query->get.count;
    for (size_t i = 0; i < query->get.count; i++) {
        const fl_stored_trace *stored = &query->get.traces[i];
        fl_trace **trace = &query->traces[query->from.trace + i];
        if (stored->count > 0) {
            FL_TRY(fl_trace_assemble(query->memory, stored->id, stored->records, stored->count,
                                     now_ns, trace, err));
            (*trace)->limit_exceeded = stored->limit_exceeded;
        } else if (query->from.kind != FL_PLACE_RECORD) {
            query->found[query->from.trace + i] = false; /* damaged, or gone meanwhile */
        }
    }
    return FL_OK;
}

static fl_status assemble_and_render(fl_query_traces *query, fl_err *err)
{
    FL_TRY(assemble(query, err));
    if (query->from.kind == FL_PLACE_RECORD) {
        tell_whole(query);
    }
    return query->render(query, err);
}

static void on_worker(fl_work *work)
{
    fl_query_traces *query = OF(work, work);
    query->status = assemble_and_render(query, &query->err);
}

static void begin_worker(fl_query_traces *query, void (*done)(fl_work *work))
{
    query->work = (fl_work){.work = on_worker, .done = done};
    fl_loop_work(query->loop, &query->work);
}

/* ---- A trace that cannot be read */

static void begin_known(fl_query_traces *query);

/* Is the failed get that of a damaged trace, with others beside it? */
static bool is_damaged_one_of_many(const fl_query_traces *query)
{
    return query->get.status == FL_E_CORRUPT && query->get.count == 1 && query->count > 1;
}

/* The trace counts as not found; goes on with the next one. */
static void begin_behind_damaged(fl_query_traces *query)
{
    query->found[query->from.trace] = false;
    query->has_row = query->row_sought = false;
    query->err = (fl_err){0};
    begin_known(query);
}

/* ---- A page of records */

static void begin_records(fl_query_traces *query);

/* Ends the query, or tries fewer records. */
static void end_records(fl_query_traces *query, fl_status status)
{
    if (!query_is_too_large(status)) {
        finish(query, status);
    } else if (query->from.limit > 1) {
        query->from.limit = query->from.limit / 4 > 0 ? query->from.limit / 4 : 1;
        begin_records(query);
    } else if (query->memory->budget_refused) {
        finish(query, query_busy(&query->err));
    } else {
        finish(query, fl_err_set(&query->err, FL_E_TOO_LARGE, __FILE__, __LINE__,
                                 "a segment of the trace does not fit into the memory for queries; "
                                 "start the server with more --memory"));
    }
}

static void after_records_worker(fl_work *work)
{
    fl_query_traces *query = OF(work, work);
    end_records(query, query->status);
}

static void after_row(fl_store_scan *scan)
{
    fl_query_traces *query = OF(scan, scan);
    if (scan->status != FL_OK) {
        query->err = scan->err;
        finish(query, scan->status);
        return;
    }
    query->row_sought = true;
    query->has_row = scan->row_count > 0;
    if (query->has_row) {
        query->row = scan->rows[0];
    }
    begin_worker(query, after_records_worker);
}

static bool is_trace(void *user, const fl_store_row *row)
{
    const fl_query_traces *query = user;
    return fl_trace_id_eq(query->ids[query->from.trace], row->id);
}

/* Looks for the row of the trace: no newer than the trace time that the records of this page alone
 * would give. */
static void begin_row(fl_query_traces *query)
{
    const fl_stored_trace *stored = &query->get.traces[0];
    int64_t start_ns = stored->records[0].segment->start_ns;
    for (size_t i = 1; i < stored->count; i++) {
        int64_t other_ns = stored->records[i].segment->start_ns;
        start_ns = other_ns < start_ns ? other_ns : start_ns;
    }
    query->scan = (fl_store_scan){.from_ns = INT64_MIN,
                                  .to_ns = fl_trace_time_ns(stored->id, start_ns) + 1,
                                  .limit = 1,
                                  .want = is_trace,
                                  .user = query,
                                  .budget = query->budget,
                                  .arena = query->arena,
                                  .loop = query->loop,
                                  .done = after_row};
    fl_store_scan_begin(query->store, &query->scan);
}

static void after_records(fl_store_get *get)
{
    fl_query_traces *query = OF(get, get);
    if (is_damaged_one_of_many(query)) {
        begin_behind_damaged(query);
    } else if (get->status != FL_OK) {
        query->err = get->err;
        end_records(query, get->status);
    } else if (get->traces[0].count > 0 && !query->row_sought) {
        begin_row(query);
    } else {
        begin_worker(query, after_records_worker);
    }
}

static void begin_records(fl_query_traces *query)
{
    begin_get(query, 1, query->from.record, query->from.limit, after_records);
}

/* As many as may fit; the page before knows better. */
static size_t first_limit(const fl_query_traces *query)
{
    size_t limit = query->from.limit;
    if (limit == 0) {
        limit = query->memory->max_bytes / RECORD_BYTES + 1;
    }
    return limit < PAGE_RECORDS ? limit : PAGE_RECORDS;
}

static void begin_page_of_records(fl_query_traces *query)
{
    query->from.kind = FL_PLACE_RECORD;
    query->from.limit = first_limit(query);
    begin_records(query);
}

/* ---- Whole traces */

/* A single trace does not fit. */
static void end_too_large(fl_query_traces *query)
{
    if (!query->by_record) {
        finish(query, fl_err_set(&query->err, FL_E_TOO_LARGE, __FILE__, __LINE__,
                                 "the trace does not fit into the memory for queries; start the "
                                 "server with more --memory"));
    } else if (query->from.kind == FL_PLACE_BEHIND) {
        finish(query,
               fl_err_set(&query->err, FL_E_INVALID, __FILE__, __LINE__,
                          "the trace has outgrown a page since NextToken was given; repeat the "
                          "request without it"));
    } else {
        begin_page_of_records(query);
    }
}

static void begin_totals(fl_query_traces *query);
static void after_span(fl_store_get *get);

/* Ends the query, or tries fewer traces. */
static void end_span(fl_query_traces *query, fl_status status)
{
    bool is_too_large = query_is_too_large(status);
    if (is_too_large && query->get.count > 1) {
        if (query->has_totals) {
            begin_get(query, query->get.count / 2, 0, 0, after_span);
        } else {
            begin_totals(query);
        }
    } else if (is_too_large && query->memory->budget_refused) {
        finish(query, query_busy(&query->err)); /* by records it would be told differently */
    } else if (is_too_large && query->get.count == 1) {
        end_too_large(query);
    } else {
        finish(query, status);
    }
}

static void after_span_worker(fl_work *work)
{
    fl_query_traces *query = OF(work, work);
    end_span(query, query->status);
}

static void note_totals(fl_query_traces *query, const fl_store_get *get)
{
    for (size_t i = 0; i < get->count; i++) {
        query->totals[i] = get->traces[i].total;
        query->found[i] = get->traces[i].total > 0;
    }
    query->has_totals = true;
}

static bool was_cut(const fl_store_get *get)
{
    bool cut = false;
    for (size_t i = 0; i < get->count; i++) {
        cut = cut || get->traces[i].count < get->traces[i].total;
    }
    return cut;
}

static void after_span(fl_store_get *get)
{
    fl_query_traces *query = OF(get, get);
    if (is_damaged_one_of_many(query)) {
        begin_behind_damaged(query);
        return;
    }
    if (get->status != FL_OK) {
        query->err = get->err;
        if (!query->has_totals && query->count > 0) {
            query->found[0] = true; /* counts only if there is no other trace to have failed */
        }
        end_span(query, get->status);
        return;
    }
    if (!query->has_totals) {
        note_totals(query, get);
    }
    if (was_cut(get)) {
        begin_known(query);
    } else {
        begin_worker(query, after_span_worker);
    }
}

/* ---- What there is of the traces */

/* As many traces from the place on as an answer is likely to hold; one at least. */
static size_t span_of(const fl_query_traces *query)
{
    uint64_t records = query->totals[query->from.trace];
    size_t count = 1;
    while (query->from.trace + count < query->count) {
        records += query->totals[query->from.trace + count];
        if (records > SPAN_RECORDS) {
            break;
        }
        count++;
    }
    return count;
}

/* With the totals known; steps over what was not found. */
static void begin_known(fl_query_traces *query)
{
    uint64_t most = query->memory->max_bytes / RECORD_BYTES_MIN;
    while (query->from.trace < query->count && !query->found[query->from.trace]) {
        query->from = (fl_trace_place){.trace = query->from.trace + 1};
    }
    if (query->from.trace == query->count) {
        query->get.count = 0; /* nothing is left to be told */
        begin_worker(query, after_span_worker);
    } else if (query->from.kind == FL_PLACE_RECORD) {
        begin_page_of_records(query);
    } else if (query->totals[query->from.trace] > most) {
        end_too_large(query);
    } else {
        begin_get(query, span_of(query), 0, 0, after_span);
    }
}

static void after_totals(fl_store_get *get)
{
    fl_query_traces *query = OF(get, get);
    if (get->status == FL_OK) {
        note_totals(query, get);
        begin_known(query);
        return;
    }
    query->err = get->err;
    bool busy = get->status == FL_E_TOO_LARGE && query->memory->budget_refused;
    finish(query, busy ? query_busy(&query->err) : get->status);
}

/* A get behind all records tells how many there are of each trace. */
static void begin_totals(fl_query_traces *query)
{
    query_begin_try(query->memory);
    query->get = (fl_store_get){.ids = query->ids,
                                .count = query->count,
                                .first = UINT64_MAX,
                                .arena = query->memory,
                                .loop = query->loop,
                                .done = after_totals};
    fl_store_get_begin(query->store, &query->get);
}

void fl_query_traces_begin(fl_query_traces *query)
{
    query->traces = FL_ARENA_ARRAY(query->arena, fl_trace *, query->count);
    query->found = FL_ARENA_ARRAY(query->arena, bool, query->count);
    query->totals = FL_ARENA_ARRAY(query->arena, uint64_t, query->count);
    query->has_totals = query->has_row = query->row_sought = false;
    query->err = (fl_err){0};
    if (query->traces == NULL || query->found == NULL || query->totals == NULL) {
        finish(query, fl_err_set(&query->err, FL_E_NOMEM, __FILE__, __LINE__,
                                 "no memory for %zu traces", query->count));
    } else if (query->from.trace == 0 && query->from.kind == FL_PLACE_START) {
        begin_get(query, query->count, 0, SPAN_RECORDS, after_span); /* as a rule that is all */
    } else {
        begin_totals(query);
    }
}
