/*
 * The embedded engine: one shard a loop, each with its rows in memory and its own file of the log.
 *
 *   wal_format.c  bytes of the log                    files.c   the log's files: slots, references,
 * removal rows.c        rows of a shard, by id              order.c   … in the order of scans put.c
 * a put's parts on their way          shard.c   admission, group commit, rows made visible commit.c
 * a batch written (worker pool)       get.c     records by ids (worker pool reads) scan.c rows
 * newest first, in steps         expire.c  retention by age and disk recover.c     a log file read
 * back                open.c    life of the store
 *
 * Threads: a shard and its rows belong to its loop's thread. A batch in flight and the file being
 * written belong to the worker that has them; one batch of a shard is in flight at a time.
 */
#ifndef FL_STORE_LOCAL_INT_H
#define FL_STORE_LOCAL_INT_H

#include "store/local/rows_int.h"

#define FL_CONTAINER_OF(pointer, type, member)                                                     \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#define FL_LOCAL_PATH_MAX 4096

typedef struct fl_shard fl_shard;

/* What tests set; fl_store_local_open takes the defaults. */
typedef struct fl_local_options {
    uint64_t file_bytes;        /* a log file is closed beyond it */
    int64_t sweep_interval_ns;  /* of retention */
    int64_t sync_interval_ns;   /* of relaxed durability */
    int64_t commit_interval_ns; /* small commits of a shard begin at most so often */
} fl_local_options;
fl_local_options fl_local_options_default(void);
FL_MUST fl_status fl_store_local_open_with(const fl_store_config *config,
                                           const fl_local_options *options, fl_store **out,
                                           fl_err *err);

/* ---- Files of the log. A file goes when nobody refers to it: its writer, each live record in it,
 * readers. References are taken and given on loop threads, or while the store opens or closes. */

typedef struct fl_wal_file {
    fl_store *store;
    uint64_t sequence;
    uint32_t shard; /* of its writer; part of the name */
    uint32_t slot;
    atomic_size_t references;
    atomic_uint_least64_t bytes;
    atomic_bool sealed; /* nothing more is written to it */
    atomic_bool
        remarks;  /* it tells of records in older files: refers to itself while those are there */
    fl_work work; /* its removal */
} fl_wal_file;

typedef struct fl_wal_files {
    char *dir;
    _Atomic(fl_wal_file *) *slots; /* FL_WAL_SLOTS_MAX of them, touched as they are used */
    uint32_t used;                 /* slots below it were ever used */
    atomic_uint_least64_t next_sequence;
    uv_mutex_t lock; /* of slots being taken and given: rare, from several threads */
} fl_wal_files;

FL_MUST fl_status fl_wal_files_init(fl_wal_files *files, const char *dir, fl_err *err);
void fl_wal_files_fini(fl_wal_files *files); /* frees what is left without removing it */
/* A file in a free slot with one reference. */
FL_MUST fl_status fl_wal_file_new(fl_store *store, uint64_t sequence, uint32_t shard,
                                  fl_wal_file **out, fl_err *err);
fl_wal_file *fl_wal_file_at(const fl_wal_files *files, uint32_t slot);
/* The sealed file with the lowest sequence number, referred to for the caller; NULL if none. */
fl_wal_file *fl_wal_file_oldest(fl_wal_files *files);
void fl_wal_file_ref(fl_wal_file *file, size_t count);
/* The last one removes the file: on the pool of `loop`, or here if it is NULL. */
void fl_wal_file_unref(fl_wal_file *file, size_t count, fl_loop *loop);
/* The file tells of records in older files (that they are gone, that their trace passed its limit):
 * it must not go before those. */
void fl_wal_file_hold_remarks(fl_wal_file *file);
/* Lets go of such files when no older one is left. */
void fl_wal_files_release(fl_wal_files *files, fl_loop *loop);
void fl_wal_file_abandon(fl_wal_file *file); /* frees the entry; the file itself stays as it is */
void fl_wal_file_path(const fl_wal_file *file, char path[FL_LOCAL_PATH_MAX]);
/* Name → numbers; false if it is no log file's name. */
bool fl_wal_file_name(fl_str name, uint64_t *sequence, uint32_t *shard);

/* ---- A put on its way: one part for each shard that it touches */

typedef struct fl_part_item {
    fl_trace_id id;
    int64_t start_ns, end_ns;
    size_t at, n; /* its packed document in `documents` */
    uint32_t json_bytes;
    uint32_t segment; /* index in the put */
} fl_part_item;

typedef struct fl_part fl_part;
struct fl_part {
    fl_task task;
    fl_part *next;  /* of the put, of a batch, or free */
    fl_shard *home; /* whose free list it returns to; NULL = none */
    fl_shard *shard;
    fl_store_put *put;
    fl_part_item *items;
    size_t count, capacity;
    fl_buf documents;
    fl_buf json;          /* scratch */
    size_t charged_bytes; /* of the queue budget */
    int64_t arrival_ns, started_mono_ns;
    fl_status status;
    fl_err err;
};

/* Sends a part back to its put with part->status; on any thread. */
void fl_part_return(fl_part *part);
void fl_part_free(fl_part *part);

/* ---- A batch: what one commit writes */

typedef struct fl_batch_record {
    fl_row *row;
    int64_t start_ns;
    fl_record_times times;
    uint32_t frame;
    uint32_t json_bytes;
    uint16_t index; /* in its frame */
    uint8_t kind;   /* fl_wal_kind */
    bool revision;
} fl_batch_record;

typedef struct fl_batch_frame {
    size_t raw_at;
    uint32_t records;
    uint64_t first_arrival;
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
    fl_part *parts; /* waiting for it */
    uint64_t document_bytes;
    bool sync;    /* force the log to disk, relaxed or not */
    bool remarks; /* it tells of records in older files */
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
/* Forces the file to disk and closes it; when the store closes. */
FL_MUST fl_status fl_writer_close(fl_shard *shard, fl_err *err);

/* ---- Shards */

struct fl_shard {
    fl_store *store;
    fl_loop *loop;
    uint32_t number;
    fl_rows rows;
    uint64_t next_arrival;
    fl_writer writer;
    fl_batch batches[2];
    fl_batch *gather; /* the other one is in flight or idle */
    bool in_flight;
    bool commit_due;        /* a commit was scheduled: posted, or … */
    bool commit_waits;      /* … waiting for the timer */
    int64_t commit_mono_ns; /* when the last one began */
    fl_task commit_task;
    uv_timer_t commit_timer;
    fl_part *free_parts;
    size_t free_part_count;
    fl_timer *sweep_timer, *sync_timer;
    /* retention */
    fl_task sweep_task;
    size_t sweep_slot; /* leaves from here on are to be looked at */
    bool sweeping;
    fl_task evict_task;
    uint32_t evict_row;             /* rows from here on are to be looked at */
    atomic_int_least64_t oldest_ns; /* trace time; INT64_MAX = none */
};

void fl_shard_init(fl_shard *shard, fl_store *store, fl_loop *loop, uint32_t number);
void fl_shard_fini(fl_shard *shard);
/* Takes a part's segments in; on the shard's thread. */
void fl_shard_take(fl_shard *shard, fl_part *part);
/* Sees to it that what gathers is committed soon; `sync` forces the log to disk, too. */
void fl_shard_schedule(fl_shard *shard, bool sync);
/* Queues that the trace's committed records are to be forgotten; false without memory. */
bool fl_shard_forget(fl_shard *shard, fl_row *row);
/* Would some of the trace's records return at a restart, once the files of the others are gone?
 * They expire by themselves, unless they claim a later time than that of the whole trace. */
bool fl_shard_must_forget(const fl_row *row);
/* Drops a row without pending records and gives its references back; on the shard's thread, or
 * while the store opens. */
void fl_shard_drop(fl_shard *shard, fl_row *row);
/* A record read back from the log. */
FL_MUST fl_status fl_shard_replay(fl_shard *shard, const fl_wal_record *record, fl_wal_ref ref,
                                  fl_err *err);

/* Rows with a lower fl_row_basis have expired. */
int64_t fl_local_cutoff(const fl_store *store);
/* Starts a sweep of retention, if none is under way. */
void fl_shard_sweep(fl_shard *shard);
/* All expired rows at once, while the store opens. */
void fl_shard_sweep_all(fl_shard *shard);
/* Begins to make room when the log passes the disk budget; on shard 0's thread. */
void fl_local_evict(fl_store *store);

/* ---- The store */

struct fl_store {
    fl_store_config config; /* dir and loops are copies */
    fl_local_options options;
    char *dir;
    fl_loop **loops;
    fl_file lock;
    bool locked;
    fl_wal_files files;
    fl_budget row_budget, queue_budget;
    fl_store_stats *stats;
    fl_shard *shards;
    size_t shard_count;
    bool open; /* the loops have the shards; set once */
    atomic_bool closing;
    atomic_size_t active;     /* operations and works begun and not done, and the store's own 1 */
    uv_sem_t idle;            /* posted when active is 0 */
    fl_wal_file *evicting;    /* shards drop its traces now; of shard 0's thread */
    atomic_size_t evict_left; /* shards that are not done with it */
    fl_task evicted_task;
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
bool fl_local_room(void **items, size_t *capacity, size_t count, size_t item_bytes);

#endif
