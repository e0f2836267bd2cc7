/*
 * Writing a batch: pack its frames, one write, one sync. Runs on the worker pool; the shard's
 * writer and the batch are this thread's until the work is done.
 *
 * When a write fails, the file is cut back to its last good end and may be written to again. When a
 * sync fails, nobody knows what reached the disk, and a second sync could lie: the file is given
 * up, what it held before stays readable, and the next commit begins another.
 */
#include "store/local/local_int.h"

#include <inttypes.h>

static fl_fs *fs_of(const fl_shard *shard)
{
    return shard->store->config.fs;
}

static void count_error(const fl_shard *shard, const char *what, const fl_err *err,
                        fl_status status)
{
    fl_counter_add(&shard->store->stats->io_errors_total, 1);
    FL_LOG(shard->store->config.log, FL_LOG_ERROR, "log not written", fl_kv_text("call", what),
           fl_kv_text("error", fl_err_text(err, status)));
}

/* The file takes no more; the shard's thread gives the writer's reference back. */
static void retire_file(fl_shard *shard, fl_batch *batch)
{
    fl_writer *writer = &shard->writer;
    fs_of(shard)->close(fs_of(shard), writer->handle);
    batch->retired = writer->file;
    *writer = (fl_writer){0};
}

static fl_status make_file(fl_shard *shard, fl_err *err)
{
    fl_store *store = shard->store;
    fl_writer *writer = &shard->writer;
    char path[FL_LOCAL_PATH_MAX];
    fl_wal_file *file;
    uint64_t sequence = atomic_fetch_add(&store->files.next_sequence, 1);
    FL_TRY(fl_wal_file_new(store, sequence, shard->number, &file, err));
    fl_wal_file_path(file, path);
    fl_status status = fs_of(shard)->open(fs_of(shard), path, FL_OPEN_CREATE, &writer->handle, err);
    if (status != FL_OK) {
        fl_wal_file_abandon(file);
        return status;
    }
    writer->file = file;
    writer->offset = 0;
    writer->name_dirty = true;
    return FL_OK;
}

/* Bytes of the whole commit: the file's header if it is the first, then the frames. */
static fl_status pack_batch(fl_shard *shard, fl_batch *batch, fl_err *err)
{
    const fl_writer *writer = &shard->writer;
    if (writer->offset == 0) {
        unsigned char header[FL_WAL_FILE_HEADER_BYTES];
        fl_wal_file_header_emit(&(fl_wal_file_header){.version = FL_WAL_VERSION,
                                                      .shard = (uint16_t)shard->number,
                                                      .sequence = writer->file->sequence},
                                header);
        fl_buf_add(&batch->out, header, sizeof header);
    }
    for (size_t i = 0; i < batch->frame_count; i++) {
        fl_batch_frame *frame = &batch->frames[i];
        size_t end = i + 1 < batch->frame_count ? batch->frames[i + 1].raw_at : batch->raw.n;
        fl_wal_frame header = {
            .begins_commit = i == 0,
            .records = (uint16_t)frame->records,
            .first_arrival = frame->first_arrival,
            .base_ns = frame->base_ns,
        };
        frame->offset = writer->offset + batch->out.n;
        fl_wal_frame_emit(&header, (fl_wal_place){writer->file->sequence, frame->offset},
                          (fl_str){batch->raw.p + frame->raw_at, end - frame->raw_at}, &batch->out);
    }
    if (batch->out.status != FL_OK) {
        FL_FAIL(err, batch->out.status, "no memory to pack %zu bytes for the log", batch->raw.n);
    }
    return FL_OK;
}

/* Forgets what a failed commit may have left behind the last good end. */
static void cut_back(fl_shard *shard, fl_batch *batch)
{
    fl_err err;
    fl_writer *writer = &shard->writer;
    fl_status status = fs_of(shard)->truncate(fs_of(shard), writer->handle, writer->offset, &err);
    if (status != FL_OK) {
        count_error(shard, "truncate", &err, status);
        retire_file(shard, batch);
    }
}

static fl_status sync_writer(fl_shard *shard, fl_err *err)
{
    fl_writer *writer = &shard->writer;
    FL_TRY(fs_of(shard)->sync(fs_of(shard), writer->handle, err));
    fl_counter_add(&shard->store->stats->syncs_total, 1);
    if (writer->name_dirty) {
        FL_TRY(fs_of(shard)->sync_dir(fs_of(shard), shard->store->files.dir, err));
    }
    writer->dirty = false;
    writer->name_dirty = false;
    return FL_OK;
}

static fl_status append(fl_shard *shard, fl_batch *batch, fl_err *err)
{
    fl_err inner;
    fl_writer *writer = &shard->writer;
    fl_status status = fs_of(shard)->write_at(fs_of(shard), writer->handle, batch->out.p,
                                              batch->out.n, writer->offset, &inner);
    if (status != FL_OK) {
        count_error(shard, "write", &inner, status);
        cut_back(shard, batch);
        FL_FAIL(err, FL_E_IO, "%s; free space or check the disk, then retry",
                fl_err_text(&inner, status));
    }
    writer->dirty = true;
    return FL_OK;
}

/* Forces to disk what durability asks for. A commit that fails here is cut off, if that works. */
static fl_status force(fl_shard *shard, fl_batch *batch, fl_err *err)
{
    fl_err inner;
    fl_writer *writer = &shard->writer;
    bool full = writer->offset + batch->out.n >= shard->store->options.file_bytes;
    bool each = shard->store->config.durability == FL_DURABILITY_COMMIT;
    if (!writer->dirty || !(each || full || batch->sync)) {
        return FL_OK;
    }
    fl_status status = sync_writer(shard, &inner);
    if (status == FL_OK) {
        return FL_OK;
    }
    count_error(shard, "sync", &inner, status);
    cut_back(shard, batch);
    if (writer->file != NULL) {
        retire_file(shard, batch);
    }
    FL_FAIL(err, FL_E_IO, "%s; nothing of this commit is promised, retry",
            fl_err_text(&inner, status));
}

static fl_status write_frames(fl_shard *shard, fl_batch *batch, fl_err *err)
{
    fl_writer *writer = &shard->writer;
    if (writer->file == NULL) {
        fl_err inner;
        fl_status status = make_file(shard, &inner);
        if (status != FL_OK) {
            count_error(shard, "open", &inner, status);
            FL_FAIL(err, FL_E_IO, "%s; nothing was stored", fl_err_text(&inner, status));
        }
    }
    batch->file = writer->file;
    fl_wal_file_note_arrival(batch->file, batch->frames[0].first_arrival);
    FL_TRY(pack_batch(shard, batch, err));
    return append(shard, batch, err);
}

static fl_status write_batch(fl_shard *shard, fl_batch *batch, fl_err *err)
{
    fl_store_stats *stats = shard->store->stats;
    fl_writer *writer = &shard->writer;
    if (batch->frame_count != 0) {
        FL_TRY(write_frames(shard, batch, err));
    }
    FL_TRY(force(shard, batch, err));
    if (batch->out.n == 0) {
        return FL_OK;
    }
    writer->offset += batch->out.n;
    atomic_fetch_add(&writer->file->bytes, batch->out.n);
    fl_counter_add(&stats->log_bytes, batch->out.n);
    fl_counter_add(&stats->commits_total, 1);
    fl_counter_add(&stats->commit_bytes_total, batch->out.n);
    if (writer->offset >= shard->store->options.file_bytes) {
        retire_file(shard, batch);
    }
    return FL_OK;
}

void fl_commit_write(fl_batch *batch)
{
    batch->err = (fl_err){0};
    batch->status = write_batch(batch->shard, batch, &batch->err);
}

void fl_writer_end_file(fl_shard *shard)
{
    fl_writer *writer = &shard->writer;
    if (shard->in_flight || writer->file == NULL || writer->offset == 0) {
        return;
    }
    bool is_settled = atomic_load(&writer->file->references) == 1;
    bool is_pressed = atomic_load(&shard->store->disk_pressed) && !writer->dirty;
    if (is_settled || is_pressed) {
        fl_wal_file *file = writer->file;
        fs_of(shard)->close(fs_of(shard), writer->handle);
        *writer = (fl_writer){0};
        fl_wal_file_unref(file, 1, shard->loop);
    }
}

fl_status fl_writer_close(fl_shard *shard, fl_err *err)
{
    fl_writer *writer = &shard->writer;
    if (writer->file == NULL) {
        return FL_OK;
    }
    fl_status status = writer->dirty ? sync_writer(shard, err) : FL_OK;
    fs_of(shard)->close(fs_of(shard), writer->handle);
    *writer = (fl_writer){0};
    return status;
}
