#include "store/part/column_format_int.h"

/* Below this, and for savings below a twentieth, zstd is not worth the time of reading it. */
#define PACK_MIN_BYTES 64

/* A varint, 0 for raw bytes, else the length of the zstd frame that follows. */
fl_status fl_bytes_encode(fl_column_encoder *encoder, fl_str raw, int level, fl_buf *out,
                          fl_err *err)
{
    fl_buf *packed = &encoder->packed;
    fl_buf_reset(packed);
    if (raw.n >= PACK_MIN_BYTES) {
        FL_TRY(fl_zstd_pack(encoder->zstd, raw, level, packed, err));
    }
    if (packed->n != 0 && packed->n < raw.n - raw.n / 20) {
        fl_buf_add_bytes(out, fl_buf_str(packed));
    } else {
        fl_buf_add_varint(out, 0);
        fl_buf_add_str(out, raw);
    }
    return FL_OK;
}

fl_status fl_bytes_open(fl_chunk_reader *reader, size_t count, fl_stored_bytes *out, fl_err *err)
{
    uint64_t packed_n = fl_cur_varint(&reader->cur);
    fl_str bytes = fl_cur_take(&reader->cur, packed_n != 0 ? (size_t)packed_n : count);
    if (reader->cur.failed || count > FL_COLUMN_BYTES_MAX) {
        FL_FAIL(err, FL_E_CORRUPT, "a chunk ends early");
    }
    *out = (fl_stored_bytes){bytes, packed_n != 0};
    return FL_OK;
}

fl_status fl_bytes_unpack(const fl_chunk_reader *reader, size_t count, fl_stored_bytes *bytes,
                          fl_err *err)
{
    if (!bytes->packed) {
        return FL_OK;
    }
    char *raw = fl_arena_alloc(reader->arena, count);
    if (raw == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for %zu bytes of a chunk", count);
    }
    FL_TRY(fl_zstd_unpack(reader->zstd, bytes->at, raw, count, err));
    *bytes = (fl_stored_bytes){{raw, count}, false};
    return FL_OK;
}

fl_status fl_bytes_read(fl_chunk_reader *reader, size_t count, fl_str *out, fl_err *err)
{
    fl_stored_bytes bytes;
    FL_TRY(fl_bytes_open(reader, count, &bytes, err));
    FL_TRY(fl_bytes_unpack(reader, count, &bytes, err));
    *out = bytes.at;
    return FL_OK;
}
