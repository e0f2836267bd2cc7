/* Traces by id: get, then assemble and render on a worker. */
#include "query/query.h"

#define OF(member, pointer)                                                                        \
    ((fl_query_traces *)(void *)((char *)(pointer)-offsetof(fl_query_traces, member)))

static fl_status assemble_all(fl_query_traces *query)
{
    int64_t now_ns = fl_clock_wall(query->clock);
    for (size_t i = 0; i < query->count; i++) {
        const fl_stored_trace *stored = &query->get.traces[i];
        if (stored->count > 0) {
            FL_TRY(fl_trace_assemble(query->arena, stored->id, stored->records, stored->count,
                                     now_ns, &query->traces[i], &query->err));
            query->traces[i]->limit_exceeded = stored->limit_exceeded;
        }
    }
    return FL_OK;
}

static void on_worker(fl_work *work)
{
    fl_query_traces *query = OF(work, work);
    query->status = assemble_all(query);
    if (query->status == FL_OK) {
        query->render(query);
    }
}

static void after_worker(fl_work *work)
{
    fl_query_traces *query = OF(work, work);
    query->done(query);
}

static void after_get(fl_store_get *get)
{
    fl_query_traces *query = OF(get, get);
    query->status = get->status;
    query->err = get->err;
    if (query->status == FL_E_TOO_LARGE && query->arena->budget_refused) {
        query->status = fl_err_set(&query->err, FL_E_BUSY, __FILE__, __LINE__,
                                   "other queries use the memory for queries; retry later");
    }
    query->traces = FL_ARENA_ARRAY(query->arena, fl_trace *, query->count);
    if (query->status == FL_OK && query->traces == NULL) {
        query->status = fl_err_set(&query->err, FL_E_NOMEM, __FILE__, __LINE__,
                                   "no memory for %zu traces", query->count);
    }
    if (query->status != FL_OK) {
        query->done(query);
        return;
    }
    query->work = (fl_work){.work = on_worker, .done = after_worker};
    fl_loop_work(query->loop, &query->work);
}

void fl_query_traces_begin(fl_query_traces *query)
{
    query->get = (fl_store_get){.ids = query->ids,
                                .count = query->count,
                                .arena = query->arena,
                                .loop = query->loop,
                                .done = after_get};
    fl_store_get_begin(query->store, &query->get);
}
