/*
 * Reading the log back. Files are read in the order of their making, frames in the order of their
 * writing. What is damaged in one place is mended here and on the disk; an unfinished commit at the
 * end of a file is cut off; what cannot be read between good frames is passed over and told.
 */
#include <stdio.h>
#include <stdlib.h>

#include "store/local/view_int.h"
#include "store/local/wal_walk_int.h"

#define NAMES_BYTES ((size_t)64 * 1024 * 1024)

typedef struct recovery {
    fl_store *store;
    fl_view view;          /* of the parts */
    uint64_t last_arrival; /* highest of all files and parts */
    /* the file that is read */
    fl_wal_file *file;
    char path[FL_LOCAL_PATH_MAX];
    uint64_t size;
    fl_file repair; /* it, open for writing */
    bool repairing;
} recovery;

/* ---- Mending on the disk */

static fl_status open_repair(recovery *r, fl_err *err)
{
    fl_fs *fs = r->store->config.fs;
    if (r->store->config.read_only) {
        FL_FAIL(err, FL_E_CONFIG, "opened to be read only");
    }
    if (!r->repairing) {
        FL_TRY(fs->open(fs, r->path, FL_OPEN_APPEND, &r->repair, err));
        r->repairing = true;
    }
    return FL_OK;
}

static void end_repair(recovery *r)
{
    fl_fs *fs = r->store->config.fs;
    fl_err err;
    if (!r->repairing) {
        return;
    }
    fl_status status = fs->sync(fs, r->repair, &err);
    if (status != FL_OK) {
        FL_LOG(r->store->config.log, FL_LOG_WARN, "mended log file not forced to disk",
               fl_kv_text("error", fl_err_text(&err, status)));
    }
    fs->close(fs, r->repair);
    r->repairing = false;
}

/* Writes mended bytes back. If that fails they are mended on every read instead. */
static void write_back(void *user, const fl_wal_mend *mend)
{
    recovery *r = user;
    fl_fs *fs = r->store->config.fs;
    fl_err err;
    fl_status status = open_repair(r, &err);
    if (status == FL_OK) {
        status = fs->write_at(fs, r->repair, mend->bytes, mend->n, mend->offset, &err);
    }
    fl_counter_add(&r->store->stats->repaired_frames_total, 1);
    FL_LOG(r->store->config.log, FL_LOG_WARN, "damaged byte in the log mended",
           fl_kv_text("file", r->path), fl_kv_i64("offset", (int64_t)mend->offset),
           fl_kv_text("written_back", status == FL_OK ? "yes" : fl_err_text(&err, status)));
}

static void cut_off(void *user, uint64_t offset, uint64_t bytes)
{
    recovery *r = user;
    fl_fs *fs = r->store->config.fs;
    fl_err err;
    fl_counter_add(&r->store->stats->torn_bytes_total, bytes);
    fl_status status = open_repair(r, &err);
    if (status == FL_OK) {
        status = fs->truncate(fs, r->repair, offset, &err);
    }
    FL_LOG(r->store->config.log, FL_LOG_WARN, "unfinished commit dropped",
           fl_kv_text("file", r->path), fl_kv_i64("offset", (int64_t)offset),
           fl_kv_i64("bytes", (int64_t)bytes),
           fl_kv_text("cut_off", status == FL_OK ? "yes" : fl_err_text(&err, status)));
    r->size = offset;
}

static void note_damage(void *user, uint64_t offset, uint64_t bytes, uint32_t records)
{
    const recovery *r = user;
    fl_counter_add(&r->store->stats->damaged_frames_total, 1);
    FL_LOG(r->store->config.log, FL_LOG_ERROR, "damage in the log beyond repair, records lost",
           fl_kv_text("file", r->path), fl_kv_i64("offset", (int64_t)offset),
           fl_kv_i64("bytes", (int64_t)bytes),
           fl_kv_i64("records", records != 0 ? (int64_t)records : -1));
}

/* ---- Records */

/* Is the record in a part already? A settle takes all records of a trace up to the last one. */
static fl_status is_settled(recovery *r, fl_trace_id id, uint64_t arrival, bool *out, fl_err *err)
{
    *out = false;
    for (uint32_t i = 0; i < r->view.version->count && !*out; i++) {
        const fl_part *part = r->view.version->parts[i].settled->part;
        fl_piece piece;
        if (fl_part_info_of(part)->arrival_max < arrival) {
            continue;
        }
        fl_status status = fl_view_find_in(&r->view, i, id, &piece, err);
        if (status != FL_E_CORRUPT) { /* what a damaged part lost is still here */
            FL_TRY(status);
            *out = piece.row != FL_PART_ROW_NONE && piece.facts.last_arrival >= arrival;
        }
    }
    return FL_OK;
}

/* Gives the frame's records to their shards. */
static fl_status replay(void *user, uint64_t offset, const fl_wal_frame *frame, fl_str records,
                        bool *sound, fl_err *err)
{
    recovery *r = user;
    fl_wal_record record;
    fl_cur left = fl_cur_of(records.p, records.n);
    fl_wal_file_note_arrival(r->file, frame->first_arrival);
    for (uint32_t i = 0; i < frame->records; i++) {
        bool settled;
        uint64_t arrival = frame->first_arrival + i;
        if (!fl_wal_record_next(&left, frame->base_ns, &record)) {
            return FL_OK;
        }
        FL_TRY(is_settled(r, record.id, arrival, &settled, err));
        if (!settled) {
            FL_TRY(fl_shard_replay(fl_local_shard(r->store, record.id), &record, arrival,
                                   fl_wal_ref_of(r->file->slot, offset, i), err));
        }
    }
    uint64_t last = frame->first_arrival + frame->records;
    r->last_arrival = last > r->last_arrival ? last : r->last_arrival;
    *sound = fl_cur_left(&left) == 0;
    return FL_OK;
}

/* ---- Files */

static fl_status read_file(recovery *r, uint64_t sequence, uint32_t shard, fl_err *err)
{
    const fl_store *store = r->store;
    const fl_wal_visitor visitor = {.frame = replay,
                                    .mended = write_back,
                                    .damaged = note_damage,
                                    .unfinished = cut_off,
                                    .user = r};
    fl_wal_walk walk;
    fl_err inner;
    FL_TRY(fl_wal_file_new(r->store, sequence, shard, &r->file, err));
    fl_wal_file_path(r->file, r->path);
    fl_status status = fl_wal_walk_begin(&walk, store->config.fs, r->path, sequence,
                                         store->config.read_only, &inner);
    if (status == FL_E_NOT_FOUND && store->config.read_only) {
        return FL_OK; /* settled meanwhile */
    }
    if (status != FL_OK) {
        FL_FAIL(err, status, "%s", fl_err_text(&inner, status));
    }
    r->size = walk.size;
    status = fl_wal_walk_over(&walk, &visitor, err);
    fl_wal_walk_end(&walk);
    end_repair(r);
    atomic_store(&r->file->bytes, r->size);
    fl_counter_add(&store->stats->log_bytes, r->size);
    return status;
}

/* ---- The folder */

/* Refuses what this version does not understand, before anything is touched. */
static fl_status check_header(const fl_store *store, fl_str name, fl_err *err)
{
    char path[FL_LOCAL_PATH_MAX];
    fl_wal_walk walk;
    fl_err inner;
    snprintf(path, sizeof path, "%s/%.*s", store->files.dir, FL_P(name));
    fl_status status =
        fl_wal_walk_begin(&walk, store->config.fs, path, 0, store->config.read_only, &inner);
    if (status == FL_E_NOT_FOUND && store->config.read_only) {
        return FL_OK; /* settled meanwhile */
    }
    if (status != FL_OK) {
        FL_FAIL(err, status, "%s", fl_err_text(&inner, status));
    }
    fl_wal_walk_end(&walk);
    if (walk.begin == FL_WAL_BEGIN_FOREIGN) {
        FL_FAIL(err, FL_E_CORRUPT, "%s is no log file of fluoro; move it away", path);
    }
    if (walk.begin == FL_WAL_BEGIN_OTHER) {
        FL_FAIL(err, FL_E_CORRUPT, "%s has format %u, this fluoro reads format %d; use a newer one",
                path, walk.version, FL_WAL_VERSION);
    }
    return FL_OK;
}

/* Leaves the log files among the names, in their order; the rest is told and left alone. */
static size_t keep_log_files(fl_store *store, fl_str *names, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t sequence;
        uint32_t shard;
        if (fl_wal_file_name(names[i], &sequence, &shard)) {
            names[kept++] = names[i];
        } else {
            FL_LOG(store->config.log, FL_LOG_WARN, "file in the log folder left alone",
                   fl_kv_str("name", names[i]));
        }
    }
    return kept;
}

/* Every trace is whole now: expire, and let go of files that nothing refers to. */
static void settle(fl_store *store, uint64_t last_arrival)
{
    atomic_store(&store->next_arrival, last_arrival + 1);
    for (size_t i = 0; i < store->shard_count; i++) {
        fl_shard_sweep(&store->shards[i]);
        store->shards[i].rows.beyond_budget = false;
    }
    for (uint32_t slot = 0; !store->config.read_only && slot < store->files.used; slot++) {
        fl_wal_file *file = fl_wal_file_at(&store->files, slot);
        if (file != NULL) {
            fl_wal_file_unref(file, 1, NULL);
        }
    }
}

static fl_status read_files(recovery *r, const fl_str *names, size_t count, fl_err *err)
{
    for (size_t i = 0; i < count; i++) {
        FL_TRY(check_header(r->store, names[i], err));
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t sequence = 0;
        uint32_t shard = 0;
        (void)fl_wal_file_name(names[i], &sequence, &shard); /* the names were chosen by it */
        FL_TRY(read_file(r, sequence, shard, err));
        atomic_store(&r->store->files.next_sequence, sequence + 1);
    }
    settle(r->store, r->last_arrival);
    return FL_OK;
}

fl_status fl_local_recover(fl_store *store, fl_err *err)
{
    fl_fs *fs = store->config.fs;
    fl_arena arena;
    fl_str *names = NULL;
    size_t count = 0;
    recovery *r = calloc(1, sizeof *r);
    if (r == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to read the log");
    }
    r->store = store;
    fl_status status = fl_view_open(store, &r->view, err);
    if (status != FL_OK) {
        free(r);
        return status;
    }
    for (size_t i = 0; i < r->view.version->count; i++) {
        uint64_t last = fl_part_info_of(r->view.version->parts[i].settled->part)->arrival_max;
        r->last_arrival = last > r->last_arrival ? last : r->last_arrival;
    }
    fl_arena_init(&arena, NAMES_BYTES);
    for (size_t i = 0; i < store->shard_count; i++) {
        store->shards[i].rows.beyond_budget = true;
    }
    status = fs->list(fs, store->files.dir, &arena, &names, &count, err);
    if (status == FL_E_NOT_FOUND && store->config.read_only) {
        status = FL_OK;
    }
    if (status == FL_OK) {
        count = keep_log_files(store, names, count);
        status = read_files(r, names, count, err);
    }
    fl_arena_fini(&arena);
    fl_view_close(&r->view);
    free(r);
    return status;
}
