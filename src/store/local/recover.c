/*
 * Reading the log back. Files are read in the order of their making, frames in the order of their
 * writing. What is damaged in one place is mended here and on the disk; an unfinished commit at the
 * end of a file is cut off; what cannot be read between good frames is passed over and told.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/local/view_int.h"

#define WINDOW_BYTES    ((size_t)1024 * 1024)
#define FRAME_ALIGNMENT 8
#define NAMES_BYTES     ((size_t)64 * 1024 * 1024)

typedef struct recovery {
    fl_store *store;
    fl_wal_file *file;
    char path[FL_LOCAL_PATH_MAX];
    fl_file handle;
    uint64_t size;
    fl_buf window; /* bytes of the file from window_at on */
    uint64_t window_at;
    fl_file repair; /* the file open for writing */
    bool repairing;
    fl_buf raw;
    uint64_t last_arrival; /* highest of all files and parts */
    fl_view view;          /* of the parts */
} recovery;

/* One frame where it stands. */
typedef struct found_frame {
    fl_wal_frame frame;
    unsigned char *payload;
    bool mended;
} found_frame;

/* ---- Bytes of the file */

/* n bytes at an offset, good until the next call; NULL if the file ends before. */
static fl_status bytes_at(recovery *r, uint64_t offset, size_t n, unsigned char **out, fl_err *err)
{
    fl_fs *fs = r->store->config.fs;
    if (offset > r->size || n > r->size - offset) {
        *out = NULL;
        return FL_OK;
    }
    if (offset < r->window_at || offset + n > r->window_at + r->window.n) {
        size_t wanted = n > WINDOW_BYTES ? n : WINDOW_BYTES;
        size_t got;
        fl_buf_reset(&r->window);
        char *to = fl_buf_room(&r->window, wanted);
        if (to == NULL) {
            FL_FAIL(err, FL_E_NOMEM, "no memory to read %zu bytes of %s", wanted, r->path);
        }
        FL_TRY(fs->read_at(fs, r->handle, to, wanted, offset, &got, err));
        if (got < n) {
            FL_FAIL(err, FL_E_IO, "%s became shorter while it was read", r->path);
        }
        fl_buf_grow(&r->window, got);
        r->window_at = offset;
    }
    *out = (unsigned char *)r->window.p + (offset - r->window_at);
    return FL_OK;
}

/* The file, open to be mended. */
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

/* Writes mended bytes back. If that fails they are mended on every read instead. */
static void repair(recovery *r, uint64_t offset, const unsigned char *bytes, size_t n)
{
    fl_fs *fs = r->store->config.fs;
    fl_err err;
    fl_status status = open_repair(r, &err);
    if (status == FL_OK) {
        status = fs->write_at(fs, r->repair, bytes, n, offset, &err);
    }
    fl_counter_add(&r->store->stats->repaired_frames_total, 1);
    FL_LOG(r->store->config.log, FL_LOG_WARN, "damaged byte in the log mended",
           fl_kv_text("file", r->path), fl_kv_i64("offset", (int64_t)offset),
           fl_kv_text("written_back", status == FL_OK ? "yes" : fl_err_text(&err, status)));
}

/* ---- Frames */

/* The frame at an offset; out->payload NULL if there is none or it is damaged beyond repair. */
static fl_status frame_at(recovery *r, uint64_t offset, bool mend, found_frame *out, fl_err *err)
{
    unsigned char *bytes;
    size_t at = 0;
    out->payload = NULL;
    FL_TRY(bytes_at(r, offset, FL_WAL_FRAME_HEADER_BYTES, &bytes, err));
    if (bytes == NULL) {
        return FL_OK;
    }
    fl_wal_check check = fl_wal_frame_read(bytes, (fl_wal_place){r->file->sequence, offset},
                                           &out->frame, mend ? &at : NULL);
    if (check == FL_WAL_MENDED) {
        repair(r, offset + at, bytes + at, 1);
    }
    if (check == FL_WAL_BAD) {
        return FL_OK;
    }
    uint64_t payload_at = offset + FL_WAL_FRAME_HEADER_BYTES;
    FL_TRY(bytes_at(r, payload_at, fl_wal_padded(out->frame.stored_len), &bytes, err));
    if (bytes == NULL) {
        return FL_OK;
    }
    check = fl_wal_payload_check(&out->frame, bytes, &at);
    if (check == FL_WAL_MENDED) {
        repair(r, payload_at + at, bytes + at, FL_WAL_WORD);
    }
    out->payload = check != FL_WAL_BAD ? bytes : NULL;
    return FL_OK;
}

/* Is the record in a part already? A settle takes all records of a trace up to the last one. */
static fl_status is_settled(recovery *r, fl_trace_id id, uint64_t arrival, bool *out, fl_err *err)
{
    *out = false;
    for (uint32_t i = 0; i < r->view.version->count && !*out; i++) {
        fl_part *part = r->view.version->parts[i].settled->part;
        uint32_t row = FL_PART_ROW_NONE;
        if (fl_part_info_of(part)->arrival_max >= arrival && fl_part_may_have(part, id)) {
            FL_TRY(fl_part_find(part, id, &row, err));
        }
        if (row != FL_PART_ROW_NONE) {
            fl_part_cursor *cursor;
            fl_part_row facts;
            FL_TRY(fl_view_cursor(&r->view, i, &cursor, err));
            FL_TRY(fl_part_row_at(cursor, row, &facts, err));
            *out = facts.last_arrival >= arrival;
        }
    }
    return FL_OK;
}

/* Gives the frame's records to their shards; *whole is false at records that no fluoro wrote. */
static fl_status replay(recovery *r, uint64_t offset, const found_frame *found, bool *whole,
                        fl_err *err)
{
    fl_str bytes;
    fl_wal_record record;
    *whole = false;
    fl_status status = fl_wal_payload_open(&found->frame, found->payload, &r->raw, &bytes, err);
    if (status != FL_OK) {
        return status == FL_E_CORRUPT ? FL_OK : status;
    }
    fl_cur records = fl_cur_of(bytes.p, bytes.n);
    for (uint32_t i = 0; i < found->frame.records; i++) {
        bool settled;
        uint64_t arrival = found->frame.first_arrival + i;
        if (!fl_wal_record_next(&records, found->frame.base_ns, &record)) {
            return FL_OK;
        }
        FL_TRY(is_settled(r, record.id, arrival, &settled, err));
        if (!settled) {
            FL_TRY(fl_shard_replay(fl_local_shard(r->store, record.id), &record, arrival,
                                   fl_wal_ref_of(r->file->slot, offset, i), err));
        }
    }
    uint64_t last = found->frame.first_arrival + found->frame.records;
    r->last_arrival = last > r->last_arrival ? last : r->last_arrival;
    *whole = fl_cur_left(&records) == 0;
    return FL_OK;
}

/* ---- Damages */

/*
 * Looks behind a bad place for good frames. *next is the first of them, or the file's size.
 * *same_commit says that none of them begins a commit: then all from `offset` on is of one commit
 * that never ended, for the next one is begun only when the one before it is on the disk.
 */
static fl_status look_behind(recovery *r, uint64_t offset, uint64_t *next, bool *same_commit,
                             fl_err *err)
{
    found_frame found;
    unsigned char *bytes;
    uint64_t first = r->size;
    *same_commit = true;
    for (uint64_t at = offset + FRAME_ALIGNMENT; at + FL_WAL_FRAME_HEADER_BYTES <= r->size;) {
        FL_TRY(bytes_at(r, at, FL_WAL_FRAME_HEADER_BYTES, &bytes, err));
        found.payload = NULL;
        if (fl_wal_frame_magic(bytes)) {
            FL_TRY(frame_at(r, at, false, &found, err));
        }
        if (found.payload == NULL) {
            at += FRAME_ALIGNMENT;
            continue;
        }
        first = first == r->size ? at : first;
        if (found.frame.begins_commit) {
            *same_commit = false;
            break;
        }
        at += fl_wal_frame_bytes(&found.frame);
    }
    *next = first;
    return FL_OK;
}

static void cut_off(recovery *r, uint64_t offset)
{
    fl_fs *fs = r->store->config.fs;
    fl_err err;
    fl_counter_add(&r->store->stats->torn_bytes_total, r->size - offset);
    fl_status status = open_repair(r, &err);
    if (status == FL_OK) {
        status = fs->truncate(fs, r->repair, offset, &err);
    }
    FL_LOG(r->store->config.log, FL_LOG_WARN, "unfinished commit dropped",
           fl_kv_text("file", r->path), fl_kv_i64("offset", (int64_t)offset),
           fl_kv_i64("bytes", (int64_t)(r->size - offset)),
           fl_kv_text("cut_off", status == FL_OK ? "yes" : fl_err_text(&err, status)));
    r->size = offset;
}

static void note_damage(recovery *r, uint64_t offset, uint64_t bytes, const found_frame *found)
{
    /* The header of a frame with a bad payload still tells how many records it held. */
    int64_t records = found->frame.records != 0 ? found->frame.records : -1;
    fl_counter_add(&r->store->stats->damaged_frames_total, 1);
    FL_LOG(r->store->config.log, FL_LOG_ERROR, "damage in the log beyond repair, records lost",
           fl_kv_text("file", r->path), fl_kv_i64("offset", (int64_t)offset),
           fl_kv_i64("bytes", (int64_t)bytes), fl_kv_i64("records", records));
}

/* ---- Files */

static fl_status read_frames(recovery *r, fl_err *err)
{
    uint64_t offset = FL_WAL_FILE_HEADER_BYTES;
    while (offset < r->size) {
        found_frame found = {0};
        FL_TRY(frame_at(r, offset, true, &found, err));
        if (found.payload == NULL) {
            uint64_t next;
            bool same_commit;
            FL_TRY(look_behind(r, offset, &next, &same_commit, err));
            if (same_commit) {
                cut_off(r, offset);
                break;
            }
            note_damage(r, offset, next - offset, &found);
            offset = next;
            continue;
        }
        bool whole;
        uint64_t bytes = fl_wal_frame_bytes(&found.frame);
        FL_TRY(replay(r, offset, &found, &whole, err));
        if (!whole) {
            note_damage(r, offset, bytes, &found);
        }
        offset += bytes;
    }
    return FL_OK;
}

/* A file without a good header is read all the same if it holds good frames. If not, it is the
 * unfinished beginning of a file: check_header() has refused what is no log of ours. */
static fl_status read_headless(recovery *r, fl_err *err)
{
    uint64_t next;
    bool same_commit;
    FL_TRY(look_behind(r, FL_WAL_FILE_HEADER_BYTES - FRAME_ALIGNMENT, &next, &same_commit, err));
    if (next == r->size) {
        cut_off(r, 0);
    } else {
        found_frame none = {0};
        note_damage(r, 0, FL_WAL_FILE_HEADER_BYTES, &none);
    }
    return FL_OK;
}

static fl_status read_header(recovery *r, fl_err *err)
{
    unsigned char *bytes;
    fl_wal_file_header header;
    size_t at;
    FL_TRY(bytes_at(r, 0, FL_WAL_FILE_HEADER_BYTES, &bytes, err));
    if (bytes == NULL) {
        if (r->size != 0) {
            cut_off(r, 0);
        }
        return FL_OK;
    }
    fl_wal_check check = fl_wal_file_header_read(bytes, &header, &at);
    if (check == FL_WAL_MENDED) {
        repair(r, at, bytes + at, 1);
    }
    if (check == FL_WAL_BAD) {
        FL_TRY(read_headless(r, err));
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

static fl_status read_open_file(recovery *r, fl_err *err)
{
    fl_fs *fs = r->store->config.fs;
    FL_TRY(fs->size(fs, r->handle, &r->size, err));
    fl_buf_reset(&r->window);
    r->window_at = 0;
    FL_TRY(read_header(r, err));
    fl_status status = read_frames(r, err);
    atomic_store(&r->file->bytes, r->size);
    fl_counter_add(&r->store->stats->log_bytes, r->size);
    return status;
}

static fl_status read_file(recovery *r, uint64_t sequence, uint32_t shard, fl_err *err)
{
    fl_fs *fs = r->store->config.fs;
    FL_TRY(fl_wal_file_new(r->store, sequence, shard, &r->file, err));
    fl_wal_file_path(r->file, r->path);
    fl_err inner;
    fl_status status = fs->open(fs, r->path, FL_OPEN_READ, &r->handle, &inner);
    if (status == FL_E_NOT_FOUND && r->store->config.read_only) {
        return FL_OK; /* settled meanwhile */
    }
    if (status != FL_OK) {
        FL_FAIL(err, status, "%s", fl_err_text(&inner, status));
    }
    status = read_open_file(r, err);
    end_repair(r);
    fs->close(fs, r->handle);
    return status;
}

/* ---- The folder */

/* Refuses what this version does not understand, before anything is touched. */
static fl_status check_header(fl_store *store, fl_str name, fl_err *err)
{
    fl_fs *fs = store->config.fs;
    unsigned char bytes[FL_WAL_FILE_HEADER_BYTES] = {0};
    fl_wal_file_header header = {.version = FL_WAL_VERSION};
    char path[FL_LOCAL_PATH_MAX];
    fl_file handle;
    size_t got, at;
    snprintf(path, sizeof path, "%s/%.*s", store->files.dir, FL_P(name));
    fl_err inner;
    fl_status status = fs->open(fs, path, FL_OPEN_READ, &handle, &inner);
    if (status == FL_E_NOT_FOUND && store->config.read_only) {
        return FL_OK; /* settled meanwhile */
    }
    if (status != FL_OK) {
        FL_FAIL(err, status, "%s", fl_err_text(&inner, status));
    }
    status = fs->read_at(fs, handle, bytes, sizeof bytes, 0, &got, err);
    fs->close(fs, handle);
    FL_TRY(status);
    if (got < sizeof bytes) {
        return FL_OK;
    }
    bool empty = bytes[0] == 0 && memcmp(bytes, bytes + 1, sizeof bytes - 1) == 0;
    if (fl_wal_file_header_read(bytes, &header, &at) == FL_WAL_BAD && !empty &&
        !fl_wal_file_magic(bytes)) {
        FL_FAIL(err, FL_E_CORRUPT, "%s is no log file of fluoro; move it away", path);
    }
    if (header.version != FL_WAL_VERSION) {
        FL_FAIL(err, FL_E_CORRUPT, "%s has format %u, this fluoro reads format %d; use a newer one",
                path, header.version, FL_WAL_VERSION);
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
    for (size_t i = 0; i < store->shard_count; i++) {
        store->shards[i].next_arrival = last_arrival + 1;
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
    fl_buf_init(&r->window, UINT32_MAX);
    fl_buf_init(&r->raw, UINT32_MAX);
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
    fl_buf_fini(&r->raw);
    fl_buf_fini(&r->window);
    fl_view_close(&r->view);
    free(r);
    return status;
}
