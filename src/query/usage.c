/* GenAI usage: page after page of the traces of a time range, each added to the report. */
#include "query/query.h"

#define OF(member, pointer)                                                                        \
    ((fl_query_usage *)(void *)((char *)(pointer)-offsetof(fl_query_usage, member)))

#define PAGE_TRACES 256

static fl_status assemble_all(fl_query_usage *query, fl_trace **traces, fl_err *err)
{
    const fl_store_get *get = &query->page.get;
    int64_t now_ns = fl_clock_wall(query->clock);
    for (size_t i = 0; i < get->count; i++) {
        const fl_stored_trace *stored = &get->traces[i];
        if (stored->count > 0) { /* else retention took it since the scan */
            FL_TRY(fl_trace_assemble(query->memory, stored->id, stored->records, stored->count,
                                     now_ns, &traces[i], err));
        }
    }
    return FL_OK;
}

/* All are assembled before the first is added, so that a page that is begun again as a smaller one
 * adds nothing twice. */
static fl_status take(fl_query_page *page, fl_err *err)
{
    fl_query_usage *query = OF(page, page);
    fl_trace **traces = FL_ARENA_ARRAY(query->memory, fl_trace *, page->get.count);
    if (traces == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for %zu traces", page->get.count);
    }
    FL_TRY(assemble_all(query, traces, err));
    for (size_t i = 0; i < page->get.count; i++) {
        if (traces[i] != NULL) {
            if (fl_genai_usage_add(query->usage, traces[i], err) != FL_OK) {
                FL_FAIL(err, FL_E_BUSY, "no memory for the report; retry later");
            }
            query->traces++;
        }
    }
    return FL_OK;
}

static fl_status take_row(fl_query_page *page, fl_err *err)
{
    (void)err;
    OF(page, page)->left_out++;
    return FL_OK;
}

/* ---- The end */

static void on_worker(fl_work *work)
{
    fl_query_usage *query = OF(work, work);
    query->render(query);
}

static void after_worker(fl_work *work)
{
    fl_query_usage *query = OF(work, work);
    query->done(query);
}

static void render(fl_query_usage *query)
{
    query->covered_ns = query->reached_end ? query->start_ns : query->page.scan.next.time_ns;
    query->work = (fl_work){.work = on_worker, .done = after_worker};
    fl_loop_work(query->loop, &query->work);
}

static void begin_page(fl_query_page *page)
{
    page->scan.limit = PAGE_TRACES;
    fl_arena_reset(page->arena);
    fl_query_page_begin(page);
}

static void after_page(fl_query_page *page)
{
    fl_query_usage *query = OF(page, page);
    query->status = page->status;
    query->err = page->err;
    query->reached_end = page->scan.reached_end;
    if (query->status != FL_OK) {
        query->done(query);
    } else if (query->reached_end || !query->go_on(query)) {
        render(query);
    } else {
        page->scan.has_after = true;
        page->scan.after = page->scan.next;
        begin_page(page);
    }
}

void fl_query_usage_begin(fl_query_usage *query)
{
    query->traces = 0;
    query->left_out = 0;
    query->page = (fl_query_page){
        .store = query->store,
        .scan = {.from_ns = query->start_ns, .to_ns = query->end_ns, .budget = query->budget},
        .arena = query->arena,
        .memory = query->memory,
        .loop = query->loop,
        .take = take,
        .take_row = take_row,
        .done = after_page};
    begin_page(&query->page);
}
