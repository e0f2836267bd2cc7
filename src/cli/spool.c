#include "cli/spool_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MEMORY_BYTES     ((size_t)8 << 20)
#define RECORD_BYTES_MAX ((size_t)UINT32_MAX)

/* Before each record's bytes. */
typedef struct head {
    uint64_t tag;
    uint64_t bytes;
} head;

void fl_spool_init(fl_spool *spool)
{
    *spool = (fl_spool){.file = -1};
    fl_buf_init(&spool->memory, 2 * RECORD_BYTES_MAX);
}

void fl_spool_fini(fl_spool *spool)
{
    fl_buf_fini(&spool->memory);
    if (spool->file >= 0) {
        close(spool->file);
    }
    spool->file = -1;
}

static fl_status open_file(fl_spool *spool, fl_err *err)
{
    char path[4096];
    const char *folder = getenv("TMPDIR");
    folder = folder != NULL && *folder != '\0' ? folder : "/tmp";
    int n = snprintf(path, sizeof path, "%s/fluoro-XXXXXX", folder);
    spool->file = n > 0 && (size_t)n < sizeof path ? mkostemp(path, 0) : -1;
    if (spool->file < 0) {
        FL_FAIL(err, FL_E_IO, "cannot keep results in %.100s: %s; set TMPDIR to another folder",
                folder, strerror(errno));
    }
    (void)unlink(path); /* it goes with its last descriptor, whatever happens to us */
    return FL_OK;
}

static fl_status write_memory(fl_spool *spool, fl_err *err)
{
    if (spool->file < 0) {
        FL_TRY(open_file(spool, err));
    }
    for (size_t done = 0; done < spool->memory.n;) {
        ssize_t n = write(spool->file, spool->memory.p + done, spool->memory.n - done);
        if (n < 0 && errno != EINTR) {
            FL_FAIL(err, FL_E_IO, "cannot keep results in a temporary file: %s", strerror(errno));
        }
        done += n > 0 ? (size_t)n : 0;
    }
    spool->file_bytes += spool->memory.n;
    fl_buf_reset(&spool->memory);
    return FL_OK;
}

fl_status fl_spool_add(fl_spool *spool, uint64_t tag, fl_str bytes, fl_err *err)
{
    head h = {.tag = tag, .bytes = bytes.n};
    fl_buf_add(&spool->memory, &h, sizeof h);
    fl_buf_add_str(&spool->memory, bytes);
    if (spool->memory.status != FL_OK) {
        FL_FAIL(err, spool->memory.status, "no memory to keep results in");
    }
    return spool->memory.n > MEMORY_BYTES ? write_memory(spool, err) : FL_OK;
}

static fl_status read_exactly(int file, void *to, size_t n, uint64_t offset, fl_err *err)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(file, (char *)to + done, n - done, (off_t)(offset + done));
        if (got == 0 || (got < 0 && errno != EINTR)) {
            FL_FAIL(err, FL_E_IO, "cannot read results back from the temporary file: %s",
                    got == 0 ? "it is cut" : strerror(errno));
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return FL_OK;
}

static fl_status each_in_file(fl_spool *spool, fl_spool_taker taker, void *user, fl_err *err)
{
    FL_AUTO(fl_buf) bytes;
    fl_buf_init(&bytes, RECORD_BYTES_MAX);
    for (uint64_t offset = 0; offset < spool->file_bytes;) {
        head h;
        FL_TRY(read_exactly(spool->file, &h, sizeof h, offset, err));
        fl_buf_reset(&bytes);
        char *room = fl_buf_room(&bytes, (size_t)h.bytes);
        if (room == NULL) {
            FL_FAIL(err, FL_E_NOMEM, "out of memory");
        }
        FL_TRY(read_exactly(spool->file, room, (size_t)h.bytes, offset + sizeof h, err));
        FL_TRY(taker(user, &(fl_spooled){h.tag, {room, (size_t)h.bytes}}, err));
        offset += sizeof h + h.bytes;
    }
    return FL_OK;
}

fl_status fl_spool_each(fl_spool *spool, fl_spool_taker taker, void *user, fl_err *err)
{
    FL_TRY(each_in_file(spool, taker, user, err));
    for (size_t at = 0; at < spool->memory.n;) {
        head h;
        memcpy(&h, spool->memory.p + at, sizeof h);
        at += sizeof h;
        FL_TRY(taker(user, &(fl_spooled){h.tag, {spool->memory.p + at, (size_t)h.bytes}}, err));
        at += (size_t)h.bytes;
    }
    return FL_OK;
}
