/*
 * store: where segments live. This page is the contract of every engine; the words settle the edge
 * cases. store/local is the embedded engine (log, live rows, retention).
 *
 * Operations are asynchronous: the caller owns the operation's struct and leaves it alone until
 * `done` runs on the loop it named; fields marked `private` are the engine's. `done` runs exactly
 * once, never inside the call that started it. Operations may be started on any loop's thread. No
 * write blocks a read, no read blocks a write.
 */
#ifndef FL_STORE_H
#define FL_STORE_H

#include "net/net.h"
#include "trace/trace.h"

typedef struct fl_store fl_store;

/* ---- Put */

typedef enum fl_put_verdict {
    FL_PUT_STORED,
    FL_PUT_TRACE_TOO_LARGE, /* the trace would pass limits->trace_bytes; its row says limit_exceeded
                               from now on */
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
    size_t count;             /* 0 = the store has none of it */
    uint32_t revision;        /* grows with every put to the trace, from 1 */
    bool limit_exceeded;
} fl_stored_trace;

/*
 * All records of the traces, each trace as of one moment. The results live in `arena`, which
 * belongs to the operation until done. Duplicate ids are answered each. FL_E_TOO_LARGE: the records
 * would pass the arena's maximum; err names the trace. FL_E_CORRUPT: a stored record is damaged
 * beyond repair; err says where; nothing is answered.
 */
typedef struct fl_store_get fl_store_get;
struct fl_store_get {
    const fl_trace_id *ids;
    size_t count;
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

/* ---- Scan */

/* Times of one stored record. */
typedef struct fl_record_times {
    int64_t end_ns; /* FL_TIME_NONE while in progress */
    int64_t arrival_ns;
} fl_record_times;

/* What the store knows of a trace without reading its documents. */
typedef struct fl_store_row {
    fl_trace_id id;
    int64_t time_ns;                      /* trace_time (trace-model.md §3) */
    int64_t start_ns;                     /* earliest start of a record */
    int64_t last_end_ns, last_arrival_ns; /* FL_TIME_NONE if none ended */
    uint32_t record_count;
    uint32_t revision;
    bool limit_exceeded;
    const fl_record_times
        *times; /* record_count of them; valid during `want` only, NULL in results */
} fl_store_row;

/* A place in the order of scans: time_ns, then start_ns, then id, all descending (trace-model.md
 * §13). */
typedef struct fl_store_place {
    int64_t time_ns, start_ns;
    fl_trace_id id;
} fl_store_place;
int fl_store_place_cmp(const fl_store_place *a,
                       const fl_store_place *b); /* < 0: a comes first (is newer) */

/*
 * Rows with from_ns <= time_ns < to_ns, newest first, strictly behind `after` if it is set, that
 * `want` accepts (NULL = all), at most `limit` of them. The order is total and does not depend on
 * the engine, so that a place is a cursor: a later scan behind it repeats nothing and skips nothing
 * but traces that came or moved in between. `want` is called on the engine's threads: it must be
 * pure, quick and thread-safe. `examined` counts rows of the range given to `want`; `reached_end`
 * says that no older row is left.
 */
typedef struct fl_store_scan fl_store_scan;
struct fl_store_scan {
    int64_t from_ns, to_ns;
    bool has_after;
    fl_store_place after;
    size_t limit;
    bool (*want)(void *user, const fl_store_row *row);
    void *user;
    fl_arena *arena;
    fl_loop *loop;
    void (*done)(fl_store_scan *scan);
    /* results */
    fl_status status;
    fl_err err;
    fl_store_row *rows; /* in arena */
    size_t row_count;
    uint64_t examined;
    bool reached_end;
    /* private */
    fl_store *store;
    fl_task task;
};
void fl_store_scan_begin(fl_store *store, fl_store_scan *scan);

/* ---- Numbers; any thread */

typedef struct fl_store_stats {
    fl_counter segments_stored_total, bytes_packed_total; /* accepted by puts */
    fl_counter commits_total, commit_bytes_total, syncs_total, io_errors_total;
    fl_counter traces, segments;          /* gauges: held now */
    fl_counter index_bytes, queued_bytes; /* gauges: memory by purpose */
    fl_counter disk_bytes, files;         /* gauges */
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
    size_t memory_bytes;  /* for rows, indices and queued writes of all shards */
    uint64_t disk_bytes;  /* 0 = no bound; beyond it the oldest traces go first */
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
