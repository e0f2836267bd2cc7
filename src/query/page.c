/* A page of traces: scan rows, get their records, work on them; smaller if that does not fit. */
#include "query/query_int.h"

#define OF(member, pointer)                                                                        \
    ((fl_query_page *)(void *)((char *)(pointer)-offsetof(fl_query_page, member)))

fl_status query_busy(fl_err *err)
{
    FL_FAIL(err, FL_E_BUSY, "other queries use the memory for queries; retry later");
}

/* Too much for the memory: tries again with half the page. True if that was begun. */
static bool try_smaller(fl_query_page *page)
{
    if (!query_is_too_large(page->status)) {
        return false;
    }
    if (page->scan.row_count <= 1) {
        if (page->memory->budget_refused) {
            page->status = query_busy(&page->err);
        }
        return false;
    }
    page->scan.limit = page->scan.row_count / 2;
    fl_query_page_begin(page);
    return true;
}

static void on_worker(fl_work *work)
{
    fl_query_page *page = OF(work, work);
    page->status = page->get.status == FL_OK ? page->take(page, &page->err) : FL_E_TOO_LARGE;
    bool alone = page->scan.row_count == 1 && !page->memory->budget_refused;
    if (query_is_too_large(page->status) && alone) {
        fl_arena_reset(page->memory);
        page->status = page->take_row(page, &page->err);
    }
}

static void after_worker(fl_work *work)
{
    fl_query_page *page = OF(work, work);
    if (!try_smaller(page)) {
        page->done(page);
    }
}

static void after_get(fl_store_get *get)
{
    fl_query_page *page = OF(get, get);
    page->status = get->status;
    page->err = get->err;
    if (try_smaller(page)) {
        return;
    }
    if (page->status != FL_OK && page->status != FL_E_TOO_LARGE) {
        page->done(page);
        return;
    }
    page->work = (fl_work){.work = on_worker, .done = after_worker};
    fl_loop_work(page->loop, &page->work);
}

static fl_status take_rows(fl_query_page *page)
{
    const fl_store_scan *scan = &page->scan;
    page->ids = FL_ARENA_ARRAY(page->arena, fl_trace_id, scan->row_count);
    if (page->ids == NULL) {
        FL_FAIL(&page->err, FL_E_NOMEM, "no memory for %zu ids", scan->row_count);
    }
    for (size_t i = 0; i < scan->row_count; i++) {
        page->ids[i] = scan->rows[i].id;
    }
    return FL_OK;
}

static void after_scan(fl_store_scan *scan)
{
    fl_query_page *page = OF(scan, scan);
    page->status = scan->status;
    page->err = scan->err;
    if (page->status == FL_OK) {
        page->status = take_rows(page);
    }
    if (page->status != FL_OK) {
        page->done(page);
        return;
    }
    page->get = (fl_store_get){.ids = page->ids,
                               .count = scan->row_count,
                               .arena = page->memory,
                               .loop = page->loop,
                               .done = after_get};
    fl_store_get_begin(page->store, &page->get);
}

void fl_query_page_begin(fl_query_page *page)
{
    query_begin_try(page->memory);
    page->scan.arena = page->arena;
    page->scan.loop = page->loop;
    page->scan.done = after_scan;
    fl_store_scan_begin(page->store, &page->scan);
}
