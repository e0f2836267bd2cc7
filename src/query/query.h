/*
 * query: store × derivations → traces and summaries. Reads go to the store, the assembling and the
 * writing of the answer happen on the worker pool, so that no loop is held up.
 *
 * As with the store, the caller owns an operation's struct and leaves it alone until `done` runs on
 * the loop that it named. Everything that an operation gives lives in its arena, which belongs to
 * it until done.
 */
#ifndef FL_QUERY_H
#define FL_QUERY_H

#include "store/store.h"

/* ---- Traces by id */

typedef struct fl_query_traces fl_query_traces;
struct fl_query_traces {
    fl_store *store;
    const fl_clock *clock;
    const fl_trace_id *ids;
    size_t count;
    fl_arena *arena;
    fl_loop *loop;
    /* Writes the answer; on a worker thread, after the traces are there. */
    void (*render)(fl_query_traces *query);
    void (*done)(fl_query_traces *query);
    void *user;
    /* results; status as fl_store_get's */
    fl_status status;
    fl_err err;
    fl_trace **traces; /* count of them, in the order of ids; NULL = the store has none of it */
    /* private */
    fl_store_get get;
    fl_work work;
};
/* On query->loop's thread. */
void fl_query_traces_begin(fl_query_traces *query);

/* ---- Summaries, newest first (trace-model.md §13) */

typedef enum fl_time_range { FL_RANGE_TRACE_ID, FL_RANGE_EVENT, FL_RANGE_SERVICE } fl_time_range;

/* Which subset is enough: both rules are monotone and give the same traces on every page. */
typedef struct fl_sampling_strategy {
    enum { FL_SAMPLE_ALL, FL_SAMPLE_FIXED_RATE, FL_SAMPLE_PARTIAL_SCAN } kind;
    double value; /* share in (0,1] for FIXED_RATE, percent in (0,100] for PARTIAL_SCAN */
} fl_sampling_strategy;

typedef struct fl_summary_request {
    int64_t start_ns, end_ns; /* [start, end) */
    fl_time_range range;
    fl_sampling_strategy sampling;
    size_t limit;
    bool has_after;
    fl_store_place after; /* where the page before ended */
} fl_summary_request;

typedef struct fl_found_summary {
    fl_summary summary;
    int64_t matched_event_ns; /* FL_RANGE_EVENT: the latest update time in the window; else
                                 FL_TIME_NONE */
} fl_found_summary;

typedef struct fl_query_summaries fl_query_summaries;
struct fl_query_summaries {
    fl_store *store;
    const fl_clock *clock;
    const fl_limits *limits;
    fl_summary_request request;
    fl_arena *arena; /* for what is small: rows and ids of a page */
    fl_arena *
        memory; /* for records, traces and summaries; is reset when a page has to be made smaller */
    fl_loop *loop;
    void (*render)(fl_query_summaries *query); /* on a worker thread */
    void (*done)(fl_query_summaries *query);
    void *user;
    /* results */
    fl_status status;
    fl_err err;
    fl_found_summary *found;
    size_t found_count;
    uint64_t examined;
    bool reached_end;
    fl_store_place last; /* of the page, for the next page's `after`; set unless reached_end */
    /* private */
    fl_store_scan scan;
    fl_store_get get;
    fl_trace_id *ids;
    fl_work work;
};
/* On query->loop's thread. A page whose records would not fit into the memory is made smaller; a
 * single trace that does not is summarised from its row alone, as partial. FL_E_BUSY: other queries
 * use the budget. */
void fl_query_summaries_begin(fl_query_summaries *query);

#endif
