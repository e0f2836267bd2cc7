/*
 * The embedded engine. Live traces: one shard a loop, each with its rows in memory and its own file
 * of the log. Settled traces: parts, shared by all, in the hands of one thread, the keeper.
 *
 *   put.c          a put's pieces on their way
 *   shard.c        admission, group commit, rows made visible
 *   rows.c         the live rows of a shard
 *   commit.c       a batch written (worker pool), the file that is being written
 *   files.c        files of the log, and when they go
 *   wal_format.c   bytes of the log
 *   wal_read.c     its records read by their places
 *   wal_walk.c     a file of it walked over
 *   recover.c      all of it read back at the start
 *   choose.c       which live rows settle, and when
 *   settle.c       live rows written as parts
 *   parts.c        the set of parts: names, opening, versions that readers hold
 *   merge.c        which parts are merged, and how
 *   retain.c       what retention removes; live rows swept
 *   pins.c         traces that retention spares
 *   keeper.c       the thread of settles, merges and retention
 *   view.c         all pieces of a trace, live and settled, put together
 *   get.c          traces by their ids
 *   scan.c         traces by time and terms, with scan_source.c and scan_judge.c
 *   open.c         life of the store
 *   tools.c        what a data directory holds, without opening it, with tools_log.c
 *
 * Threads: a shard and its rows belong to its loop's thread; a batch in flight and the file being
 * written to the worker that has them; rows that settle are frozen until the keeper is done with
 * them. Parts are immutable, sets of parts (versions) too: a reader holds the version that it began
 * with.
 *
 * Why nothing is lost or doubled: a settle takes all committed records of a trace, so the highest
 * arrival number among a trace's settled pieces says for each record in the log, or live row,
 * whether it is in a part already. Reads and recovery both ask that question. And a trace leaves
 * the parts only when the log has nothing of it any more, so that recovery never asks in vain.
 */
#ifndef FL_STORE_LOCAL_INT_H
#define FL_STORE_LOCAL_INT_H

#include "store/local/parts_int.h"
#include "store/local/rows_int.h"

#define FL_CONTAINER_OF(pointer, type, member)                                                     \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

typedef struct fl_shard fl_shard;

/* What tests set; fl_store_local_open takes the defaults. */
typedef struct fl_local_options {
    uint64_t file_bytes;        /* a log file is closed beyond it */
    int64_t sweep_interval_ns;  /* of retention, and of looking for what to settle */
    int64_t sync_interval_ns;   /* of relaxed durability */
    int64_t commit_interval_ns; /* small commits of a shard begin at most so often */
    uint64_t settle_bytes;      /* packed bytes of a shard's live traces that make it settle some */
    int64_t settle_idle_ns;     /* a trace that got nothing for so long is taken first */
    int64_t settle_age_ns;      /* no record stays in the log for much longer */
    int64_t settle_look_ns;     /* rows are looked over for what to settle at most so often */
    uint32_t merge_parts;       /* so many parts of about one size become one */
    uint64_t part_bytes;        /* no merge makes a larger one */
    uint32_t block_rows;        /* of parts; 0 = the format's default */
} fl_local_options;
fl_local_options fl_local_options_default(void);
FL_MUST fl_status fl_store_local_open_with(const fl_store_config *config,
                                           const fl_local_options *options, fl_store **out,
                                           fl_err *err);
/* Settles every live trace, lets go of the log and merges what is due; waits for it. For tests,
 * tools and benchmarks; not on a loop's thread. */
FL_MUST fl_status fl_store_local_settle(fl_store *store, fl_err *err);

/* ---- Files of the log. A file goes when nobody refers to it: its writer, each live record in it,
 * readers. References are taken and given on loop threads, or while the store opens or closes. An
 * entry stays until the file's name is gone from the disk for good. */

typedef struct fl_wal_file {
    fl_store *store;
    uint64_t sequence;
    uint32_t shard; /* of its writer; part of the name */
    uint32_t slot;
    atomic_size_t references;
    atomic_uint_least64_t bytes;
    atomic_uint_least64_t first_arrival; /* no record in it has a lower number; UINT64_MAX = none */
    fl_work work;                        /* its removal */
    bool removed;                        /* what came of it */
    atomic_bool lingers;                 /* it could not be removed: the keeper tries again */
} fl_wal_file;

typedef struct fl_wal_files {
    char *dir;
    _Atomic(fl_wal_file *) *slots; /* FL_WAL_SLOTS_MAX of them, touched as they are used */
    uint32_t used;                 /* slots below it were ever used */
    atomic_uint_least64_t next_sequence;
    atomic_size_t leaving; /* files that are being removed */
    uv_mutex_t lock;       /* of slots being taken and given: rare, from several threads */
} fl_wal_files;

FL_MUST fl_status fl_wal_files_init(fl_wal_files *files, const char *dir, fl_err *err);
void fl_wal_files_fini(fl_wal_files *files); /* frees what is left without removing it */
/* A file in a free slot with one reference. */
FL_MUST fl_status fl_wal_file_new(fl_store *store, uint64_t sequence, uint32_t shard,
                                  fl_wal_file **out, fl_err *err);
fl_wal_file *fl_wal_file_at(const fl_wal_files *files, uint32_t slot);
void fl_wal_file_ref(fl_wal_file *file, size_t count);
/* The last one removes the file: on the pool of `loop`, or here if it is NULL. */
void fl_wal_file_unref(fl_wal_file *file, size_t count, fl_loop *loop);
void fl_wal_file_abandon(fl_wal_file *file); /* frees the entry; the file itself stays as it is */
/* Notes that records from this number on are in the file, before they are written. */
void fl_wal_file_note_arrival(fl_wal_file *file, uint64_t arrival);
/* No file of the log has a record with a lower number; UINT64_MAX = there is no record in it. */
uint64_t fl_wal_files_first_arrival(fl_store *store);
/* Tries once more to remove what could not be removed; on the keeper's thread. */
void fl_wal_files_clear(fl_store *store);
void fl_wal_file_path(const fl_wal_file *file, char path[FL_LOCAL_PATH_MAX]);
/* Name → numbers; false if it is no log file's name. */
bool fl_wal_file_name(fl_str name, uint64_t *sequence, uint32_t *shard);

/* Files that a reader keeps from going; on a shard's thread. */
typedef struct fl_held_files {
    fl_wal_file **files; /* each once */
    size_t count, capacity;
} fl_held_files;
/* Holds the files of the refs of a row; false without memory. */
FL_MUST bool fl_held_files_add(fl_held_files *held, const fl_wal_files *files, const fl_row *row);
void fl_held_files_release(fl_held_files *held, fl_loop *loop);

/* ---- A put on its way: one bundle for each shard that it touches */

typedef struct fl_bundle_item {
    fl_trace_id id;
    int64_t start_ns, end_ns;
    size_t at, n; /* its packed document in `documents` */
    uint32_t json_bytes;
    uint32_t segment; /* index in the put */
} fl_bundle_item;

typedef struct fl_bundle fl_bundle;
struct fl_bundle {
    fl_task task;
    fl_bundle *next; /* of the put, of a batch, or free */
    fl_shard *home;  /* whose free list it returns to; NULL = none */
    fl_shard *shard;
    fl_store_put *put;
    fl_bundle_item *items;
    size_t count, capacity;
    fl_buf documents;
    fl_buf json;          /* scratch */
    size_t charged_bytes; /* of the queue budget */
    int64_t arrival_ns, started_mono_ns;
    fl_status status;
    fl_err err;
};

/* Sends a bundle back to its put with bundle->status; on any thread. */
void fl_bundle_return(fl_bundle *bundle);
void fl_bundle_free(fl_bundle *bundle);

/* ---- A batch: what one commit writes */

typedef struct fl_batch_record {
    fl_row *row;
    int64_t start_ns;
    fl_record_times times;
    uint32_t frame;
    uint32_t packed_bytes, json_bytes;
    uint16_t index; /* in its frame */
    uint8_t kind;   /* fl_wal_kind */
    bool revision;
} fl_batch_record;

typedef struct fl_batch_frame {
    size_t raw_at;
    uint32_t records;
    uint64_t first_arrival; /* set when the commit begins */
    int64_t base_ns;
    uint64_t offset; /* in the file; set by the commit */
} fl_batch_frame;

typedef struct fl_batch {
    fl_shard *shard;
    fl_buf raw; /* records of all frames */
    fl_batch_record *records;
    size_t record_count, record_capacity;
    fl_batch_frame *frames;
    size_t frame_count, frame_capacity;
    fl_bundle *bundles; /* waiting for it */
    uint64_t document_bytes;
    bool sync; /* force the log to disk, relaxed or not */
    /* the commit's */
    fl_work work;
    fl_buf out;
    fl_wal_file *file;    /* written to */
    fl_wal_file *retired; /* closed in this commit: the writer's reference is to be given back */
    fl_status status;
    fl_err err;
} fl_batch;

/* The file being written; the worker's while a batch is in flight. */
typedef struct fl_writer {
    fl_wal_file *file; /* NULL = the next commit makes one */
    fl_file handle;
    uint64_t offset;
    bool dirty;      /* bytes that are not forced to disk */
    bool name_dirty; /* nor is its name */
} fl_writer;

/* Writes the batch, on the worker pool; sets status and err. */
void fl_commit_write(fl_batch *batch);
/* Ends the file that is written if nothing in it is live any more, so that it goes; also if the
 * disk budget waits for the log to move on. On the shard's thread. */
void fl_writer_end_file(fl_shard *shard);
/* Forces the file to disk and closes it; when the store closes. */
FL_MUST fl_status fl_writer_close(fl_shard *shard, fl_err *err);

/* ---- A settle: rows on their way into parts */

typedef struct fl_settle {
    fl_task task; /* back to its shard */
    struct fl_settle *next;
    fl_shard *shard;
    fl_row **rows; /* frozen until it is done */
    size_t count, capacity;
    uint64_t packed_bytes;
    int64_t first_arrival_ns; /* no record of them arrived before */
    fl_status status;         /* of the keeper; not FL_OK: nothing was settled, try again */
    fl_err err;
} fl_settle;

/* Writes the rows of a list of settles as parts and adds these to the store's set, all or none; on
 * the keeper's thread. */
FL_MUST fl_status fl_settle_run(fl_store *store, const fl_settle *first, fl_err *err);

/* ---- Shards */

struct fl_shard {
    fl_store *store;
    fl_loop *loop;
    uint32_t number;
    fl_rows rows;
    uint64_t live_bytes; /* packed bytes of committed records in rows that do not settle yet */
    fl_writer writer;
    fl_batch batches[2];
    fl_batch *gather; /* the other one is in flight or idle */
    bool in_flight;
    bool commit_due;        /* a commit was scheduled: posted, or … */
    bool commit_waits;      /* … waiting for the timer */
    int64_t commit_mono_ns; /* when the last one began */
    fl_task commit_task;
    uv_timer_t commit_timer;
    fl_bundle *free_bundles;
    size_t free_bundle_count;
    fl_timer *sweep_timer, *sync_timer;
    /* settling */
    fl_settle settle;
    bool settling;      /* the keeper has it */
    bool settle_all;    /* everything, however young */
    atomic_bool asked;  /* another shard settles: what is ripe here had better go into its part */
    bool settle_failed; /* the last try; said in the log once */
    fl_err settle_err;  /* why */
    int64_t settle_look_mono_ns; /* not to be looked at before */
    int64_t first_arrival_ns;    /* no record of a row that does not settle arrived before */
    atomic_int_least64_t
        oldest_arrival_ns;          /* the same of all rows, for the keeper; INT64_MAX = none */
    atomic_int_least64_t oldest_ns; /* trace time; INT64_MAX = none */
};

void fl_shard_init(fl_shard *shard, fl_store *store, fl_loop *loop, uint32_t number);
void fl_shard_fini(fl_shard *shard);
/* Takes a bundle's segments in; on the shard's thread. */
void fl_shard_take(fl_shard *shard, fl_bundle *bundle);
/* Sees to it that what gathers is committed soon; `sync` forces the log to disk, too. */
void fl_shard_schedule(fl_shard *shard, bool sync);
/* Drops a row without pending records and gives its references back; on the shard's thread, or
 * while the store opens. */
void fl_shard_drop(fl_shard *shard, fl_row *row);
/* A record read back from the log. */
FL_MUST fl_status fl_shard_replay(fl_shard *shard, const fl_wal_record *record, uint64_t arrival,
                                  fl_wal_ref ref, fl_err *err);
/* Notes that a record that arrived then is there, or on its way. */
void fl_shard_note_arrival(fl_shard *shard, int64_t arrival_ns);
/* Gives rows to the keeper if it is time; on the shard's thread, without a batch in flight. */
void fl_shard_choose(fl_shard *shard);
/* Moves what is on its way to the log for a row that begins to settle to a new row of its trace;
 * false without memory, then the row must not settle now. */
FL_MUST bool fl_shard_split_pending(fl_shard *shard, fl_row *row);

/* Rows with a lower basis have expired. */
int64_t fl_local_cutoff(const fl_store *store);
/* Begins to believe the wall clock; see fl_time. */
void fl_time_init(fl_store *store);
/* Drops expired live rows and notes the oldest; on the shard's thread, or while the store opens. */
void fl_shard_sweep(fl_shard *shard);

/* ---- The keeper: one thread, one job at a time; settles go before merges */

typedef struct fl_keeper {
    uv_thread_t thread;
    uv_mutex_t lock;
    uv_cond_t wake;
    bool running;
    bool locks; /* lock and wake were made */
    /* under the lock */
    fl_settle *first, *last; /* queue */
    bool look;               /* for what to merge and to remove */
    bool idle;               /* nothing is under way */
    bool stop;
} fl_keeper;

FL_MUST fl_status fl_keeper_start(fl_store *store, fl_err *err);
/* Does what is queued, gives up merges, ends the thread. */
void fl_keeper_stop(fl_store *store);
void fl_keeper_settle(fl_store *store, fl_settle *settle); /* comes back as settle->task */
void fl_keeper_look(fl_store *store);
/* Runs queued settles; false when a long job should end. Called by long jobs now and then. */
bool fl_keeper_turn(fl_store *store);

/* One merge, or none; on the keeper's thread. *did says whether there was one. */
FL_MUST fl_status fl_merge_once(fl_store *store, bool *did, fl_err *err);
/* Rewrites one part with those traces alone that `spared` keeps (asked for the whole trace and each
 * of its pieces: one yes is enough); without any the part goes. */
typedef bool fl_spared_fn(void *user, const fl_part_row *row);
FL_MUST fl_status fl_merge_rewrite(fl_store *store, const fl_settled *settled, fl_spared_fn *spared,
                                   void *user, uint64_t *left_out, fl_err *err);
/* Removes what age and the disk budget want gone; on the keeper's thread. */
void fl_retain(fl_store *store);

/* ---- The store */

/* What retention removes by. A wall clock that jumps ahead hides what has expired by it, but is
 * believed only when it stays there for an hour: one that was wrong for a moment costs nothing. */
typedef struct fl_time {
    int64_t wall_ns, mono_ns;       /* when the wall clock was believed last. The keeper's */
    atomic_int_least64_t cutoff_ns; /* of removal; what lies before it had expired */
} fl_time;

struct fl_store {
    fl_store_config config; /* dir and loops are copies */
    fl_local_options options;
    char *dir;
    fl_loop **loops;
    fl_file lock;
    bool locked;
    fl_wal_files files;
    fl_parts parts;
    fl_pins pins;
    fl_keeper keeper;
    fl_budget row_budget, queue_budget;
    fl_store_stats *stats;
    fl_shard *shards;
    size_t shard_count;
    /* Numbers of records: of one trace, and of the commits of all shards, in the order in which
     * they began. */
    atomic_uint_least64_t next_arrival;
    bool open;                /* the loops have the shards; set once */
    atomic_bool disk_pressed; /* over the disk budget: shards settle all, so that it can be freed */
    fl_time time;
    atomic_bool closing;
    atomic_size_t active; /* operations and works begun and not done, and the store's own 1 */
    uv_sem_t idle;        /* posted when active is 0 */
};

static inline void fl_local_enter(fl_store *store)
{
    atomic_fetch_add(&store->active, 1);
}
/* The store may be gone afterwards. */
static inline void fl_local_leave(fl_store *store)
{
    if (atomic_fetch_sub(&store->active, 1) == 1) {
        uv_sem_post(&store->idle);
    }
}
/* Is more than three quarters of the memory for rows and indices in use? Then live traces settle,
 * and parts give back what can be loaded again. */
static inline bool fl_local_is_short_of_memory(const fl_store *store)
{
    const fl_budget *budget = &store->row_budget;
    return fl_budget_used(budget) > budget->max_bytes - budget->max_bytes / 4;
}
static inline fl_shard *fl_local_shard(const fl_store *store, fl_trace_id id)
{
    return &store->shards[fl_trace_id_hash(id) % store->shard_count];
}

/* Opening without starting: the store with its log read back, of which no loop knows. */
FL_MUST fl_status fl_local_load(const fl_store_config *config, const fl_local_options *options,
                                fl_store **out, fl_err *err);
void fl_local_free(fl_store *store);

/* Reads all files of the log into the shards, which no loop knows yet. */
FL_MUST fl_status fl_local_recover(fl_store *store, fl_err *err);

/* Grows *items to hold one more than count; false without memory. */
FL_MUST bool fl_local_room(void **items, size_t *capacity, size_t count, size_t item_bytes);

#endif
