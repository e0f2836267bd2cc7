#include "store/local/wal_read_int.h"

#include <inttypes.h>

void fl_wal_reader_init(fl_wal_reader *reader, fl_store *store)
{
    memset(reader, 0, sizeof *reader);
    reader->store = store;
    fl_buf_init(&reader->stored, UINT32_MAX);
    fl_buf_init(&reader->raw, UINT32_MAX);
}

static void close_file(fl_wal_reader *reader)
{
    fl_fs *fs = reader->store->config.fs;
    if (reader->file != NULL) {
        fs->close(fs, reader->handle);
    }
    reader->file = NULL;
    reader->loaded = false;
}

void fl_wal_reader_fini(fl_wal_reader *reader)
{
    close_file(reader);
    fl_buf_fini(&reader->stored);
    fl_buf_fini(&reader->raw);
}

static fl_status open_file(fl_wal_reader *reader, uint32_t slot, fl_err *err)
{
    fl_fs *fs = reader->store->config.fs;
    char path[FL_LOCAL_PATH_MAX];
    fl_wal_file *file = fl_wal_file_at(&reader->store->files, slot);
    if (reader->file == file) {
        return FL_OK;
    }
    close_file(reader);
    fl_wal_file_path(file, path);
    fl_status status = fs->open(fs, path, FL_OPEN_READ, &reader->handle, err);
    if (status == FL_E_NOT_FOUND) {
        FL_FAIL(err, FL_E_CORRUPT, "%s was removed by somebody else", path);
    }
    FL_TRY(status);
    reader->file = file;
    return FL_OK;
}

static fl_status fail_damaged(const fl_wal_reader *reader, uint64_t offset, const char *what,
                              fl_err *err)
{
    char path[FL_LOCAL_PATH_MAX];
    fl_wal_file_path(reader->file, path);
    fl_counter_add(&reader->store->stats->damaged_frames_total, 1);
    FL_LOG(reader->store->config.log, FL_LOG_ERROR, "stored frame is damaged beyond repair",
           fl_kv_text("file", path), fl_kv_i64("offset", (int64_t)offset),
           fl_kv_text("part", what));
    FL_FAIL(err, FL_E_CORRUPT, "%s: the %s at offset %" PRIu64 " is damaged beyond repair", path,
            what, offset);
}

static void note_mended(const fl_wal_reader *reader, uint64_t offset)
{
    char path[FL_LOCAL_PATH_MAX];
    fl_wal_file_path(reader->file, path);
    fl_counter_add(&reader->store->stats->repaired_frames_total, 1);
    FL_LOG(reader->store->config.log, FL_LOG_WARN, "damaged byte in the log mended on reading",
           fl_kv_text("file", path), fl_kv_i64("offset", (int64_t)offset));
}

/* n bytes at an offset into reader->stored; FL_E_CORRUPT if the file ends before. */
static fl_status read_bytes(fl_wal_reader *reader, uint64_t offset, size_t n, unsigned char **out,
                            fl_err *err)
{
    fl_fs *fs = reader->store->config.fs;
    size_t got;
    fl_buf_reset(&reader->stored);
    char *to = fl_buf_room(&reader->stored, n);
    if (to == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for %zu bytes of the log", n);
    }
    FL_TRY(fs->read_at(fs, reader->handle, to, n, offset, &got, err));
    if (got < n) {
        return fail_damaged(reader, offset, "end of the file", err);
    }
    *out = (unsigned char *)to;
    return FL_OK;
}

static fl_status load_frame(fl_wal_reader *reader, uint64_t offset, fl_err *err)
{
    unsigned char *bytes;
    size_t at;
    fl_str records;
    reader->loaded = false;
    FL_TRY(read_bytes(reader, offset, FL_WAL_FRAME_HEADER_BYTES, &bytes, err));
    fl_wal_place place = {reader->file->sequence, offset};
    fl_wal_check header = fl_wal_frame_read(bytes, place, &reader->frame, &at);
    if (header == FL_WAL_BAD) {
        return fail_damaged(reader, offset, "frame header", err);
    }
    offset += FL_WAL_FRAME_HEADER_BYTES;
    FL_TRY(read_bytes(reader, offset, fl_wal_padded(reader->frame.stored_len), &bytes, err));
    fl_wal_check payload = fl_wal_payload_check(&reader->frame, bytes, &at);
    if (payload == FL_WAL_BAD) {
        return fail_damaged(reader, offset, "frame", err);
    }
    if (header == FL_WAL_MENDED || payload == FL_WAL_MENDED) {
        note_mended(reader, place.offset);
    }
    FL_TRY(fl_wal_payload_open(&reader->frame, bytes, &reader->raw, &records, err));
    reader->records = fl_cur_of(records.p, records.n);
    reader->next_index = 0;
    reader->offset = place.offset;
    reader->loaded = true;
    return FL_OK;
}

fl_status fl_wal_reader_record(fl_wal_reader *reader, fl_wal_ref ref, fl_wal_record *out,
                               uint64_t *arrival, fl_err *err)
{
    fl_wal_record record;
    uint32_t index = fl_wal_ref_index(ref);
    FL_TRY(open_file(reader, fl_wal_ref_slot(ref), err));
    if (!reader->loaded || reader->offset != fl_wal_ref_offset(ref) || index < reader->next_index) {
        FL_TRY(load_frame(reader, fl_wal_ref_offset(ref), err));
    }
    do {
        if (!fl_wal_record_next(&reader->records, reader->frame.base_ns, &record)) {
            reader->loaded = false;
            return fail_damaged(reader, reader->offset, "record", err);
        }
    } while (reader->next_index++ < index);
    *out = record;
    *arrival = reader->frame.first_arrival + index;
    return FL_OK;
}
