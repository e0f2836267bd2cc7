/*
 * store: where segments live. This page is the contract of every engine; the words settle the edge
 * cases. store/local is the embedded engine (log, live traces, parts, merges, retention),
 * store/part the files that it settles traces into; tools.h looks at them without a store.
 *
 * Operations are asynchronous: the caller owns the operation's struct and leaves it alone until
 * `done` runs on the loop it named; fields marked `private` are the engine's. `done` runs exactly
 * once, never inside the call that started it. Operations may be started on any loop's thread. No
 * write blocks a read, no read blocks a write.
 */
#ifndef FL_STORE_H
#define FL_STORE_H

#include "net/net.h"
#include "store/tools.h"
#include "trace/trace.h"

typedef struct fl_store fl_store;

/* ---- Put */

typedef enum fl_put_verdict {
    FL_PUT_STORED,
    FL_PUT_TRACE_TOO_LARGE, /* the trace would pass limits->trace_bytes; unless all of it has
                               settled its row says limit_exceeded from now on */
    FL_PUT_TRACE_TOO_OLD,   /* the trace began longer ago than limits->modification_ns */
} fl_put_verdict;

/*
 * Keeps segments. status FL_OK: each segment with verdict FL_PUT_STORED is kept as `durability`
 * says (commit: it survives kill -9 and power loss; relaxed: kill -9) and every read that starts
 * now sees it. Otherwise nothing is promised: some may be kept. Putting the same document again
 * changes no answer. The store gives each segment an arrival number that grows in the order of puts
 * of one caller per trace. FL_E_BUSY: over a memory budget, retry later; FL_E_IO: the disk refused
 * (full, failed), retry may help; FL_E_SHUTDOWN. A put of 0 segments is done at once with FL_OK.
 */
typedef struct fl_store_put fl_store_put;
struct fl_store_put {
    const fl_segment *const *segments; /* borrowed until fl_store_put_begin returns */
    size_t count;
    fl_loop *loop;
    void (*done)(fl_store_put *put);
    /* results */
    fl_status status;
    fl_err err;
    uint8_t *verdicts; /* count of fl_put_verdict; the caller's memory, or NULL if not wanted */
    /* private */
    fl_store *store;
    size_t pending;
    fl_task task;
};
void fl_store_put_begin(fl_store *store, fl_store_put *put);
/* Would a put be taken now? A hint for senders that rather wait than be told FL_E_BUSY; any thread.
 */
bool fl_store_has_room(const fl_store *store);

/* ---- Get by ids */

typedef struct fl_stored_trace {
    fl_trace_id id;
    const fl_record *records; /* by arrival; segments in the get's arena */
    size_t count;      /* of records; 0 = the store has none of it, or none from `first` on */
    uint64_t total;    /* records that the store has of the trace */
    uint32_t revision; /* grows with every put to the trace, from 1 */
    bool limit_exceeded;
} fl_stored_trace;

/*
 * The records of the traces, each trace as of one moment. The results live in `arena`, which
 * belongs to the operation until done. Duplicate ids are answered each. A trace that is too large
 * for one arena is read in pages: `first` and `limit` say which of its records; their order never
 * changes while the trace stays. FL_E_TOO_LARGE: the records would pass the arena's maximum; err
 * names the trace. FL_E_CORRUPT: a stored record is damaged beyond repair; err says where. Of
 * several traces such a one is left out, as if it were not there; the damage is counted and logged.
 */
typedef struct fl_store_get fl_store_get;
struct fl_store_get {
    const fl_trace_id *ids;
    size_t count;
    uint64_t first; /* records of each trace to leave out */
    size_t limit;   /* records of each trace at most; 0 = all */
    fl_arena *arena;
    fl_loop *loop;
    void (*done)(fl_store_get *get);
    /* results */
    fl_status status;
    fl_err err;
    fl_stored_trace *traces; /* count of them, in the order of ids */
    /* private */
    fl_store *store;
    fl_task task;
};
void fl_store_get_begin(fl_store *store, fl_store_get *get);

/* ---- Terms: conditions on single values, for scans that need not read whole traces */

typedef enum fl_term_op {
    FL_TERM_PRESENT,  /* there is a value, of whatever kind */
    FL_TERM_EQUAL,    /* … a text equal to `text` */
    FL_TERM_PREFIX,   /* … that begins with it */
    FL_TERM_SUFFIX,   /* … that ends with it */
    FL_TERM_CONTAINS, /* … that has it inside */
    FL_TERM_RANGE,    /* … a number with low <= number <= high */
    FL_TERM_TRUE,     /* … a boolean that is true */
    FL_TERM_FALSE,
} fl_term_op;

#define FL_TERMS_MAX 64

/* Holds for a trace if it holds for some value of the field in some of its segments or subsegments,
 * as they were sent. A value of another type does not match. */
typedef struct fl_store_term {
    fl_str field; /* member names from the top of a (sub)segment, dotted: name, user, fault,
                     http.request.url, aws.region (segment_fields_int.h); or annotations */
    fl_str key;   /* of annotations: which one */
    fl_term_op op;
    fl_str text;
    double low, high;
    bool or_next; /* the next term is an alternative: one of the two is enough */
} fl_store_term;

/* Do the terms that hold (bit i for terms[i]) make the whole true? */
bool fl_store_terms_hold(const fl_store_term *terms, size_t count, uint64_t held);

/* ---- Scan */

/* What the store knows of a trace without reading its documents. */
typedef struct fl_store_row {
    fl_trace_id id;
    int64_t time_ns;                      /* trace_time (trace-model.md §3) */
    int64_t start_ns;                     /* earliest start of a record */
    int64_t last_end_ns, last_arrival_ns; /* FL_TIME_NONE if none ended */
    uint32_t record_count;
    uint32_t revision;
    bool limit_exceeded;
} fl_store_row;

/* A place in the order of scans: time_ns, then start_ns, then id, all descending (trace-model.md
 * §13). */
typedef struct fl_store_place {
    int64_t time_ns, start_ns;
    fl_trace_id id;
} fl_store_place;
int fl_store_place_cmp(const fl_store_place *a,
                       const fl_store_place *b); /* < 0: a comes first (is newer) */

/* Times of records, beside the time of the trace, that a scan may ask for. */
typedef enum fl_scan_window {
    FL_WINDOW_NONE,
    FL_WINDOW_EVENT, /* some record ended or arrived in the window */
    FL_WINDOW_ENDED, /* some record ended in it */
} fl_scan_window;

/* What a scan may spend; 0 = as much as it takes. */
typedef struct fl_scan_budget {
    uint64_t read_bytes; /* of blocks */
    int64_t time_ns;     /* since it began */
} fl_scan_budget;

/*
 * Rows with from_ns <= time_ns < to_ns, newest first, strictly behind `after` if it is set, in
 * whose traces the terms hold and the window has a record, and that `want` accepts (NULL = all), at
 * most `limit` of them. The order is total and does not depend on the engine or on where a trace
 * is, so that a place is a cursor: a later scan behind it repeats nothing and skips nothing but
 * traces that came or moved in between. `want` is called on the engine's threads: it must be pure,
 * quick and thread-safe. `examined` counts rows of the range that passed the terms and were given
 * to the window and to want. `reached_end` says that no older row is left. A scan that is over its
 * budget ends with what it has, over_budget set; `next` says where to go on, whatever ended it.
 */
typedef struct fl_store_scan fl_store_scan;
struct fl_store_scan {
    int64_t from_ns, to_ns;
    bool has_after;
    fl_store_place after;
    size_t limit;
    const fl_store_term *terms; /* term_count of them, at most FL_TERMS_MAX */
    size_t term_count;
    fl_scan_window window;
    int64_t window_from_ns, window_to_ns; /* from <= time < to */
    bool (*want)(void *user, const fl_store_row *row);
    void *user;
    fl_scan_budget budget;
    fl_arena *arena;
    fl_loop *loop;
    void (*done)(fl_store_scan *scan);
    /* results */
    fl_status status;
    fl_err err;
    fl_store_row *rows; /* in arena */
    size_t row_count;
    uint64_t examined;
    bool reached_end, over_budget;
    fl_store_place next; /* `after` of the scan that goes on; set unless reached_end */
    /* private */
    fl_store *store;
    fl_task task;
};
void fl_store_scan_begin(fl_store *store, fl_store_scan *scan);

/* ---- Pins: traces that neither age nor the disk budget removes */

#define FL_PINS_MAX 100000

/*
 * Pins or lets go of traces, durably. A trace need not be there (yet). Pinning again, or letting go
 * of what is not pinned, changes nothing. FL_E_TOO_LARGE beyond FL_PINS_MAX; FL_E_IO: nothing
 * changed.
 */
typedef struct fl_store_pin fl_store_pin;
struct fl_store_pin {
    const fl_trace_id *ids;
    size_t count;
    bool pinned; /* true: pin; false: let go */
    fl_loop *loop;
    void (*done)(fl_store_pin *pin);
    /* results */
    fl_status status;
    fl_err err;
    size_t changed; /* of the ids */
    /* private */
    fl_store *store;
    fl_work work;
    fl_task task;
};
void fl_store_pin_begin(fl_store *store, fl_store_pin *pin);
/* All pinned ids in arena, ascending; any thread. */
FL_MUST fl_status fl_store_pins(fl_store *store, fl_arena *arena, fl_trace_id **ids, size_t *count,
                                fl_err *err);

/* ---- Numbers; any thread */

typedef struct fl_store_stats {
    fl_counter segments_stored_total, bytes_packed_total; /* accepted by puts */
    fl_counter commits_total, commit_bytes_total, syncs_total, io_errors_total;
    fl_counter traces, segments;          /* gauges: held now */
    fl_counter index_bytes, queued_bytes; /* gauges: memory by purpose */
    fl_counter disk_bytes, files;         /* gauges: bytes of log and parts; files of the log */
    fl_counter live_bytes, live_segments, live_traces; /* gauges: not settled yet; traces that have
                                                          nothing settled */
    fl_counter log_bytes, parts, part_bytes;           /* gauges */
    fl_counter part_spans, part_segments, part_traces; /* gauges: settled */
    fl_counter settles_total, settled_bytes_total; /* parts written from live traces, their bytes */
    fl_counter merges_total, merged_bytes_total;   /* parts written by merges, their bytes */
    fl_counter settling, merging;                  /* gauges: under way or due */
    fl_counter over_budget_total;                  /* scans that ended by their budget */
    fl_counter damaged_parts_total;                /* set aside because they cannot be read */
    fl_counter pinned;                             /* gauge */
    fl_counter expired_age_total,
        expired_disk_total;          /* traces dropped by retention, by disk budget */
    fl_counter refused_memory_total; /* segments refused for memory */
    fl_counter torn_bytes_total, damaged_frames_total, repaired_frames_total; /* found on reading */
    fl_histogram commit_latency;                                              /* put to durable */
    fl_counter oldest_time_s; /* gauge: trace time of the oldest trace; 0 = empty */
} fl_store_stats;
extern const fl_metric fl_store_metrics[];
extern const size_t fl_store_metrics_count;
const fl_store_stats *fl_store_stats_get(const fl_store *store);

/* ---- Life */

typedef enum fl_durability { FL_DURABILITY_COMMIT, FL_DURABILITY_RELAXED } fl_durability;

typedef struct fl_store_config {
    const char *dir; /* made if missing, mode 0700; one process at a time (lock) */
    fl_loop *const
        *loops; /* one shard each, on its thread; they run from before open until after free */
    size_t loop_count;
    fl_durability durability;
    bool read_only;      /* what is there now, beside a process that writes; every put is refused */
    size_t memory_bytes; /* for live traces, indices, merges and queued writes of all shards */
    uint64_t disk_bytes; /* 0 = no bound; beyond it the oldest traces go first */
    int64_t retention_ns; /* from the later of trace time and last arrival; 0 = for ever */
    fl_limits limits;     /* trace_bytes and modification_ns are enforced here */
    fl_fs *fs;
    const fl_clock *clock;
    fl_log *log;
} fl_store_config;

/* Opens or makes the embedded store; reads the log back before it returns, so that all that was
 * acknowledged is there. Says in the log what it dropped of an unfinished commit, and what it
 * mended. FL_E_BUSY: another process has it; FL_E_CORRUPT: a file of a newer or unknown format
 * (nothing is touched); FL_E_IO; FL_E_NOMEM. Not on a loop's thread. */
FL_MUST fl_status fl_store_local_open(const fl_store_config *config, fl_store **out, fl_err *err);

/* Finishes all that was begun (later operations get FL_E_SHUTDOWN), syncs, closes, frees. Not on a
 * loop's thread; the loops still run. */
void fl_store_close_and_free(fl_store *store);

#endif
