#include "store/local/wal_walk_int.h"

#define WINDOW_BYTES    ((size_t)1024 * 1024)
#define FRAME_ALIGNMENT 8

/* One frame where it stands. */
typedef struct found_frame {
    fl_wal_frame frame;
    unsigned char *payload; /* NULL: there is none, or it is damaged beyond repair */
    fl_wal_mend mends[2];   /* in header and payload; n 0 = none */
} found_frame;

/* ---- Begin and end */

static fl_wal_begin judge_header(unsigned char bytes[FL_WAL_FILE_HEADER_BYTES], uint16_t *version,
                                 fl_wal_mend *mend)
{
    fl_wal_file_header header;
    size_t at = 0;
    fl_wal_check check = fl_wal_file_header_read(bytes, &header, &at);
    if (check == FL_WAL_BAD) {
        bool empty = bytes[0] == 0 && memcmp(bytes, bytes + 1, FL_WAL_FILE_HEADER_BYTES - 1) == 0;
        return empty || fl_wal_file_magic(bytes) ? FL_WAL_BEGIN_LOST : FL_WAL_BEGIN_FOREIGN;
    }
    *version = header.version;
    if (check == FL_WAL_MENDED) {
        *mend = (fl_wal_mend){.offset = at, .bytes = {bytes[at]}, .n = 1};
    }
    return header.version == FL_WAL_VERSION ? FL_WAL_BEGIN_SOUND : FL_WAL_BEGIN_OTHER;
}

static fl_status read_begin(fl_wal_walk *walk, fl_err *err)
{
    unsigned char bytes[FL_WAL_FILE_HEADER_BYTES];
    size_t got;
    FL_TRY(walk->fs->size(walk->fs, walk->handle, &walk->size, err));
    FL_TRY(walk->fs->read_at(walk->fs, walk->handle, bytes, sizeof bytes, 0, &got, err));
    walk->begin =
        got < sizeof bytes ? FL_WAL_BEGIN_SHORT : judge_header(bytes, &walk->version, &walk->mend);
    return FL_OK;
}

fl_status fl_wal_walk_begin(fl_wal_walk *walk, fl_fs *fs, const char *path, uint64_t sequence,
                            bool grows, fl_err *err)
{
    *walk = (fl_wal_walk){.fs = fs, .path = path, .sequence = sequence, .grows = grows};
    FL_TRY(fs->open(fs, path, FL_OPEN_READ, &walk->handle, err));
    fl_status status = read_begin(walk, err);
    if (status != FL_OK) {
        fs->close(fs, walk->handle);
        return status;
    }
    fl_buf_init(&walk->window, UINT32_MAX);
    fl_buf_init(&walk->raw, UINT32_MAX);
    return FL_OK;
}

void fl_wal_walk_end(fl_wal_walk *walk)
{
    walk->fs->close(walk->fs, walk->handle);
    fl_buf_fini(&walk->window);
    fl_buf_fini(&walk->raw);
}

/* ---- Bytes of the file */

/* n bytes at an offset, good until the next call; NULL if the file ends before. */
static fl_status bytes_at(fl_wal_walk *walk, uint64_t offset, size_t n, unsigned char **out,
                          fl_err *err)
{
    *out = NULL;
    if (offset > walk->size || n > walk->size - offset) {
        return FL_OK;
    }
    if (offset < walk->window_at || offset + n > walk->window_at + walk->window.n) {
        size_t wanted = n > WINDOW_BYTES ? n : WINDOW_BYTES;
        size_t got;
        fl_buf_reset(&walk->window);
        char *to = fl_buf_room(&walk->window, wanted);
        if (to == NULL) {
            FL_FAIL(err, FL_E_NOMEM, "no memory to read %zu bytes of %s", wanted, walk->path);
        }
        FL_TRY(walk->fs->read_at(walk->fs, walk->handle, to, wanted, offset, &got, err));
        fl_buf_grow(&walk->window, got);
        walk->window_at = offset;
        if (got < n && !walk->grows) {
            FL_FAIL(err, FL_E_IO, "%s became shorter while it was read", walk->path);
        }
        if (got < n) {
            walk->size = offset + got;
            return FL_OK;
        }
    }
    *out = (unsigned char *)walk->window.p + (offset - walk->window_at);
    return FL_OK;
}

/* ---- Frames */

static fl_wal_mend mend_of(uint64_t frame, uint64_t bytes_at, const unsigned char *bytes, size_t at,
                           size_t n)
{
    fl_wal_mend mend = {.frame = frame, .offset = bytes_at + at, .n = n};
    memcpy(mend.bytes, bytes + at, n);
    return mend;
}

static fl_status frame_at(fl_wal_walk *walk, uint64_t offset, bool mend, found_frame *out,
                          fl_err *err)
{
    unsigned char *bytes;
    size_t at = 0;
    *out = (found_frame){0};
    FL_TRY(bytes_at(walk, offset, FL_WAL_FRAME_HEADER_BYTES, &bytes, err));
    if (bytes == NULL) {
        return FL_OK;
    }
    fl_wal_check check = fl_wal_frame_read(bytes, (fl_wal_place){walk->sequence, offset},
                                           &out->frame, mend ? &at : NULL);
    if (check == FL_WAL_BAD) {
        return FL_OK;
    }
    if (check == FL_WAL_MENDED) {
        out->mends[0] = mend_of(offset, offset, bytes, at, 1);
    }
    uint64_t payload_at = offset + FL_WAL_FRAME_HEADER_BYTES;
    FL_TRY(bytes_at(walk, payload_at, fl_wal_padded(out->frame.stored_len), &bytes, err));
    if (bytes == NULL) {
        return FL_OK;
    }
    check = fl_wal_payload_check(&out->frame, bytes, &at);
    if (check == FL_WAL_MENDED) {
        out->mends[1] = mend_of(offset, payload_at, bytes, at, FL_WAL_WORD);
    }
    out->payload = check != FL_WAL_BAD ? bytes : NULL;
    return FL_OK;
}

/*
 * Looks behind a bad place for good frames. *next is the first of them, or the file's size.
 * *same_commit says that none of them begins a commit: then all from `offset` on is of one commit
 * that never ended, for the next one is begun only when the one before it is on the disk.
 */
static fl_status look_behind(fl_wal_walk *walk, uint64_t offset, uint64_t *next, bool *same_commit,
                             fl_err *err)
{
    found_frame found;
    unsigned char *bytes;
    uint64_t first = UINT64_MAX;
    *same_commit = true;
    for (uint64_t at = offset + FRAME_ALIGNMENT; *same_commit;) {
        FL_TRY(bytes_at(walk, at, FL_WAL_FRAME_HEADER_BYTES, &bytes, err));
        if (bytes == NULL) {
            break;
        }
        found.payload = NULL;
        if (fl_wal_frame_magic(bytes)) {
            FL_TRY(frame_at(walk, at, false, &found, err));
        }
        if (found.payload == NULL) {
            at += FRAME_ALIGNMENT;
            continue;
        }
        first = first == UINT64_MAX ? at : first;
        *same_commit = !found.frame.begins_commit;
        at += fl_wal_frame_bytes(&found.frame);
    }
    *next = first < walk->size ? first : walk->size;
    fl_buf_reset(&walk->window); /* what was mended in passing is to be told when it is visited */
    return FL_OK;
}

/* ---- The walk */

static void tell_mends(const fl_wal_visitor *visitor, const found_frame *found)
{
    for (size_t i = 0; i < sizeof found->mends / sizeof found->mends[0]; i++) {
        if (found->mends[i].n != 0) {
            visitor->mended(visitor->user, &found->mends[i]);
        }
    }
}

static fl_status visit_frame(fl_wal_walk *walk, const fl_wal_visitor *visitor, uint64_t offset,
                             const found_frame *found, fl_err *err)
{
    fl_str records;
    fl_err inner;
    bool sound = false;
    tell_mends(visitor, found);
    fl_status status =
        fl_wal_payload_open(&found->frame, found->payload, &walk->raw, &records, &inner);
    if (status == FL_OK) {
        FL_TRY(visitor->frame(visitor->user, offset, &found->frame, records, &sound, err));
    } else if (status != FL_E_CORRUPT) {
        FL_FAIL(err, status, "%s", fl_err_text(&inner, status));
    }
    if (!sound) {
        visitor->damaged(visitor->user, offset, fl_wal_frame_bytes(&found->frame),
                         found->frame.records);
    }
    return FL_OK;
}

static fl_status walk_frames(fl_wal_walk *walk, const fl_wal_visitor *visitor, fl_err *err)
{
    uint64_t offset = FL_WAL_FILE_HEADER_BYTES;
    while (offset < walk->size) {
        found_frame found;
        FL_TRY(frame_at(walk, offset, true, &found, err));
        if (found.payload != NULL) {
            FL_TRY(visit_frame(walk, visitor, offset, &found, err));
            offset += fl_wal_frame_bytes(&found.frame);
            continue;
        }
        uint64_t next;
        bool same_commit;
        FL_TRY(look_behind(walk, offset, &next, &same_commit, err));
        if (same_commit) {
            visitor->unfinished(visitor->user, offset,
                                walk->size > offset ? walk->size - offset : 0);
            return FL_OK;
        }
        /* The header of a frame with a bad payload still tells how many records it held. */
        visitor->damaged(visitor->user, offset, next - offset, found.frame.records);
        offset = next;
    }
    return FL_OK;
}

/* A file without a good header is read all the same if it holds good frames. If not, it is the
 * unfinished beginning of a file. */
static fl_status walk_headless(fl_wal_walk *walk, const fl_wal_visitor *visitor, fl_err *err)
{
    uint64_t next;
    bool same_commit;
    FL_TRY(look_behind(walk, FL_WAL_FILE_HEADER_BYTES - FRAME_ALIGNMENT, &next, &same_commit, err));
    if (next == walk->size) {
        visitor->unfinished(visitor->user, 0, walk->size);
        return FL_OK;
    }
    visitor->damaged(visitor->user, 0, FL_WAL_FILE_HEADER_BYTES, 0);
    return walk_frames(walk, visitor, err);
}

fl_status fl_wal_walk_over(fl_wal_walk *walk, const fl_wal_visitor *visitor, fl_err *err)
{
    if (walk->begin == FL_WAL_BEGIN_SHORT) {
        if (walk->size != 0) {
            visitor->unfinished(visitor->user, 0, walk->size);
        }
        return FL_OK;
    }
    if (walk->begin == FL_WAL_BEGIN_LOST) {
        return walk_headless(walk, visitor, err);
    }
    if (walk->mend.n != 0) {
        visitor->mended(visitor->user, &walk->mend);
    }
    return walk_frames(walk, visitor, err);
}
