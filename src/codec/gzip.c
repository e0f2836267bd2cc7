#include <limits.h>
#include <zlib.h>

#include "codec/codec.h"

#define STEP_BYTES   ((size_t)64 << 10)
#define GZIP_OR_ZLIB (15 + 32) /* window bits; told apart by the header */

static uInt window_of(size_t n, size_t max)
{
    return (uInt)(n < max ? n : max);
}

/* One call of inflate with output into out, or into a spare byte once out is full: a stream may end
 * without another byte of output. */
static int inflate_step(z_stream *stream, fl_buf *out, bool *full)
{
    unsigned char spare;
    size_t left = out->max_bytes - out->n;
    *full = left == 0;
    uInt room = *full ? 1 : window_of(left, STEP_BYTES);
    char *to = *full ? (char *)&spare : fl_buf_room(out, room);
    if (to == NULL) {
        return Z_MEM_ERROR;
    }
    stream->next_out = (unsigned char *)to;
    stream->avail_out = room;
    int code = inflate(stream, Z_NO_FLUSH);
    size_t written = room - stream->avail_out;
    if (!*full) {
        fl_buf_grow(out, written);
        return code;
    }
    *full = written != 0;
    return code;
}

static const char *reason_of(const z_stream *stream, int code)
{
    if (code == Z_BUF_ERROR) {
        return "cut off";
    }
    return stream->msg != NULL ? stream->msg : "needs a dictionary";
}

/* Everything of the stream, which may be several gzip members. */
static fl_status inflate_all(z_stream *stream, fl_str packed, fl_buf *out, fl_err *err)
{
    size_t left = packed.n;
    for (;;) {
        bool full;
        uInt window = window_of(left, UINT_MAX);
        stream->avail_in = window;
        int code = inflate_step(stream, out, &full);
        left -= window - stream->avail_in;
        if (code == Z_MEM_ERROR) {
            FL_FAIL(err, FL_E_NOMEM, "no memory to unpack");
        }
        if (full) {
            FL_FAIL(err, FL_E_TOO_LARGE, "more than %zu bytes when unpacked", out->max_bytes);
        }
        if (code == Z_STREAM_END && left == 0) {
            return FL_OK;
        }
        if (code == Z_STREAM_END) {
            code = inflateReset(stream);
        }
        if (code != Z_OK) { /* Z_BUF_ERROR: neither input nor pending output is left */
            FL_FAIL(err, FL_E_SYNTAX, "damaged gzip stream at byte %zu: %s", packed.n - left,
                    reason_of(stream, code));
        }
    }
}

fl_status fl_gzip_inflate(fl_str packed, fl_buf *out, fl_err *err)
{
    z_stream stream = {0};
    size_t before = out->n;
    if (packed.n == 0) {
        FL_FAIL(err, FL_E_SYNTAX, "an empty gzip stream");
    }
    if (out->status != FL_OK) {
        FL_FAIL(err, out->status, "%s", fl_status_of(out->status)->text);
    }
    if (inflateInit2(&stream, GZIP_OR_ZLIB) != Z_OK) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to unpack");
    }
    stream.next_in = (z_const Bytef *)(uintptr_t)packed.p;
    fl_status status = inflate_all(&stream, packed, out, err);
    inflateEnd(&stream);
    if (status != FL_OK) {
        out->n = before;
    }
    return status;
}
