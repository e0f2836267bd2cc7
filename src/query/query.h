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

/* ---- A page of the traces of a time range, newest first. The operations below stand on it.
 *
 * Scans rows, gets their records and has them worked on. A page whose records would not fit into
 * the memory is made smaller and begun again, down to a single trace.
 */

typedef struct fl_query_page fl_query_page;
struct fl_query_page {
    fl_store *store;
    /* Range, terms, window, budget, limit, want and user are set by the owner; its other results,
     * as where the next page begins, stand here when the page is done. */
    fl_store_scan scan;
    fl_arena *arena;  /* for rows and ids */
    fl_arena *memory; /* for records and what is made of them; is reset before each try */
    fl_loop *loop;
    /* Works on get.traces; on a worker thread. FL_E_TOO_LARGE and FL_E_NOMEM ask for a smaller
     * page: then it must not have kept anything. */
    fl_status (*take)(fl_query_page *page, fl_err *err);
    /* The same for a single trace that does not fit: its row alone, scan.rows[0], is there. */
    fl_status (*take_row)(fl_query_page *page, fl_err *err);
    void (*done)(fl_query_page *page);
    /* results; FL_E_BUSY: other queries use the budget */
    fl_status status;
    fl_err err;
    fl_store_get get;
    /* private */
    fl_trace_id *ids;
    fl_work work;
};
/* On page->loop's thread. */
void fl_query_page_begin(fl_query_page *page);

/* ---- Traces by id, in pages
 *
 * A page tells as many of the traces, in the order of ids, as fit into the memory. A single trace
 * that does not fit is told in pages of its records, by arrival. What such a page holds is
 * assembled by itself: a subsegment whose segment is in another page stands as an orphan, and of
 * documents with one id each page counts its own.
 */

/* Where a page begins; it stays right when parts are merged and when records come late. */
typedef struct fl_trace_place {
    size_t trace; /* index into ids; = count behind the last */
    enum {
        FL_PLACE_START,  /* of the trace */
        FL_PLACE_BEHIND, /* behind the segment with this start and id */
        FL_PLACE_RECORD, /* at this record of a trace that does not fit */
    } kind;
    int64_t start_ns;
    uint64_t segment_id;
    uint64_t record;
    size_t limit; /* records that fit into a page, as far as known; 0 = not known */
} fl_trace_place;

typedef struct fl_query_traces fl_query_traces;
struct fl_query_traces {
    fl_store *store;
    const fl_clock *clock;
    const fl_trace_id *ids;
    size_t count;
    fl_trace_place from;   /* all zero for the first page */
    bool by_record;        /* false: a trace that does not fit is FL_E_TOO_LARGE */
    fl_scan_budget budget; /* of looking for the facts of a trace that does not fit */
    fl_arena *arena;       /* for what is small */
    fl_arena *memory;      /* for records and traces; is reset before each try */
    fl_loop *loop;
    /* Writes the answer; on a worker thread, after the traces are there. FL_E_TOO_LARGE asks for
     * fewer traces, or records of one: then it must not have kept anything. */
    fl_status (*render)(fl_query_traces *query, fl_err *err);
    void (*done)(fl_query_traces *query);
    void *user;
    /* results; status as fl_store_get's, FL_E_BUSY: other queries use the budget, FL_E_INVALID: the
     * page cannot go on where the one before ended */
    fl_status status;
    fl_err err;
    bool *found;       /* count of them, in the order of ids: the store has it, and can read it */
    fl_trace **traces; /* count of them; NULL = the store has none of it, or it is not in this page.
                          With `from.kind` FL_PLACE_RECORD now, ids[from.trace] is told in pages of
                          records: then start_ns and end_ns are the whole trace's */
    size_t end;        /* ids behind this page begin here */
    uint64_t next_record; /* of that trace; 0 = no more */
    /* private */
    fl_store_get get;
    fl_store_scan scan;
    fl_work work;
    bool has_totals, has_row, row_sought;
    uint64_t *totals;
    fl_store_row row; /* of that trace */
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
    fl_scan_budget budget; /* a page ends with what it has when that is spent */
    fl_arena *arena;       /* for rows and ids of a page */
    fl_arena *memory;      /* for records, traces and summaries; see fl_query_page */
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
    bool over_budget;
    fl_store_place last; /* of the page, for the next page's `after`; set unless reached_end */
    /* private */
    fl_query_page page;
};
/* On query->loop's thread. A single trace that does not fit into the memory is summarised from its
 * row alone, as partial. FL_E_BUSY: other queries use the budget. */
void fl_query_summaries_begin(fl_query_summaries *query);

/* ---- GenAI usage (bedrock.md §4.5): all traces of a time range, page by page, into one report. No
 * more than a page is in memory, and between two pages others have their turn. */

typedef struct fl_query_usage fl_query_usage;
struct fl_query_usage {
    fl_store *store;
    const fl_clock *clock;
    int64_t start_ns, end_ns; /* [start, end) of trace time */
    fl_scan_budget budget;    /* of the scan of each page */
    fl_genai_usage *usage;    /* what the traces are added to */
    fl_arena *arena;          /* for rows and ids of a page; is reset before each */
    fl_arena *memory;         /* for records and traces of a page; see fl_query_page */
    fl_loop *loop;
    /* Asked between pages, on the loop; false ends the query with what it has. */
    bool (*go_on)(fl_query_usage *query);
    void (*render)(fl_query_usage *query); /* on a worker thread */
    void (*done)(fl_query_usage *query);
    void *user;
    /* results; status as of fl_query_page */
    fl_status status;
    fl_err err;
    uint64_t traces;    /* that were added */
    uint64_t left_out;  /* traces that do not fit into the memory */
    bool reached_end;   /* false: ended early; every trace newer than covered_ns is in it */
    int64_t covered_ns; /* start_ns, or the trace time that it came to */
    /* private */
    fl_query_page page;
    fl_work work;
};
/* On query->loop's thread. */
void fl_query_usage_begin(fl_query_usage *query);

#endif
