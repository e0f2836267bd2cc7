/* A log file read from outside, as recover.c would read it, without mending or cutting anything. */
#include <inttypes.h>
#include <stdio.h>

#include "store/local/local_int.h"

#define WINDOW_BYTES    ((size_t)1024 * 1024)
#define FRAME_ALIGNMENT 8
#define TEXT_MAX        200

typedef struct walk {
    fl_fs *fs;
    fl_file handle;
    uint64_t sequence, size;
    fl_buf window; /* bytes of the file from window_at on */
    uint64_t window_at;
    fl_buf raw;
    fl_data_problem_fn *problem;
    void *user;
    fl_data_log_facts facts;
} walk;

typedef struct found_frame {
    fl_wal_frame frame;
    unsigned char *payload; /* NULL: there is none, or it is damaged beyond repair */
    bool mended;
} found_frame;

static void tell(walk *w, const char *text)
{
    if (w->problem != NULL) {
        w->problem(w->user, text);
    }
}

/* n bytes at an offset, good until the next call; NULL if the file ends before. */
static fl_status bytes_at(walk *w, uint64_t offset, size_t n, unsigned char **out, fl_err *err)
{
    *out = NULL;
    if (offset > w->size || n > w->size - offset) {
        return FL_OK;
    }
    if (offset < w->window_at || offset + n > w->window_at + w->window.n) {
        size_t wanted = n > WINDOW_BYTES ? n : WINDOW_BYTES;
        size_t got;
        fl_buf_reset(&w->window);
        char *to = fl_buf_room(&w->window, wanted);
        if (to == NULL) {
            FL_FAIL(err, FL_E_NOMEM, "no memory to read %zu bytes of the log", wanted);
        }
        FL_TRY(w->fs->read_at(w->fs, w->handle, to, wanted, offset, &got, err));
        fl_buf_grow(&w->window, got);
        w->window_at = offset;
        if (got < n) {
            w->size = offset + got; /* a failed commit was cut off meanwhile */
            return FL_OK;
        }
    }
    *out = (unsigned char *)w->window.p + (offset - w->window_at);
    return FL_OK;
}

static fl_status frame_at(walk *w, uint64_t offset, bool mend, found_frame *out, fl_err *err)
{
    unsigned char *bytes;
    size_t at = 0;
    *out = (found_frame){0};
    FL_TRY(bytes_at(w, offset, FL_WAL_FRAME_HEADER_BYTES, &bytes, err));
    if (bytes == NULL) {
        return FL_OK;
    }
    fl_wal_check header = fl_wal_frame_read(bytes, (fl_wal_place){w->sequence, offset}, &out->frame,
                                            mend ? &at : NULL);
    if (header == FL_WAL_BAD) {
        return FL_OK;
    }
    FL_TRY(bytes_at(w, offset + FL_WAL_FRAME_HEADER_BYTES, fl_wal_padded(out->frame.stored_len),
                    &bytes, err));
    if (bytes == NULL) {
        return FL_OK;
    }
    fl_wal_check payload = fl_wal_payload_check(&out->frame, bytes, &at);
    out->payload = payload != FL_WAL_BAD ? bytes : NULL;
    out->mended = header == FL_WAL_MENDED || payload == FL_WAL_MENDED;
    return FL_OK;
}

static void note_arrival(fl_data_log_facts *facts, int64_t arrival_ns)
{
    if (facts->first_arrival_ns == FL_TIME_NONE || arrival_ns < facts->first_arrival_ns) {
        facts->first_arrival_ns = arrival_ns;
    }
    if (facts->last_arrival_ns == FL_TIME_NONE || arrival_ns > facts->last_arrival_ns) {
        facts->last_arrival_ns = arrival_ns;
    }
}

/* Counts the frame's records; false at records that no fluoro wrote. */
static fl_status read_records(walk *w, const found_frame *found, bool *whole, fl_err *err)
{
    fl_str bytes;
    fl_wal_record record;
    fl_err inner;
    *whole = false;
    fl_status status = fl_wal_payload_open(&found->frame, found->payload, &w->raw, &bytes, &inner);
    if (status != FL_OK && status != FL_E_CORRUPT) {
        FL_FAIL(err, status, "%s", fl_err_text(&inner, status));
    }
    if (status == FL_E_CORRUPT) {
        return FL_OK;
    }
    fl_cur records = fl_cur_of(bytes.p, bytes.n);
    for (uint32_t i = 0; i < found->frame.records; i++) {
        if (!fl_wal_record_next(&records, found->frame.base_ns, &record)) {
            return FL_OK;
        }
        w->facts.records++;
        w->facts.segments += record.kind == FL_WAL_SEGMENT;
        note_arrival(&w->facts, record.arrival_ns);
    }
    *whole = fl_cur_left(&records) == 0;
    return FL_OK;
}

/* As look_behind() of recover.c: the next good frame behind a bad place, and whether all that
 * follows is of one commit that never ended. */
static fl_status look_behind(walk *w, uint64_t offset, uint64_t *next, bool *same_commit,
                             fl_err *err)
{
    found_frame found;
    unsigned char *bytes;
    uint64_t first = UINT64_MAX;
    *same_commit = true;
    for (uint64_t at = offset + FRAME_ALIGNMENT; *same_commit;) {
        FL_TRY(bytes_at(w, at, FL_WAL_FRAME_HEADER_BYTES, &bytes, err));
        if (bytes == NULL) {
            break;
        }
        found.payload = NULL;
        if (fl_wal_frame_magic(bytes)) {
            FL_TRY(frame_at(w, at, false, &found, err));
        }
        if (found.payload == NULL) {
            at += FRAME_ALIGNMENT;
            continue;
        }
        first = first == UINT64_MAX ? at : first;
        *same_commit = !found.frame.begins_commit;
        at += fl_wal_frame_bytes(&found.frame);
    }
    *next = first < w->size ? first : w->size;
    return FL_OK;
}

static void note_damage(walk *w, uint64_t offset, uint64_t bytes, const fl_wal_frame *frame)
{
    char text[TEXT_MAX], records[40] = "records";
    if (frame->records != 0) { /* the header of a frame with a bad payload tells how many */
        snprintf(records, sizeof records, "%u records", frame->records);
    }
    w->facts.damaged_bytes += bytes;
    snprintf(text, sizeof text,
             "offset %" PRIu64 ": %" PRIu64 " bytes are damaged beyond repair, %s lost", offset,
             bytes, records);
    tell(w, text);
}

static void note_mended(walk *w, uint64_t offset)
{
    char text[TEXT_MAX];
    w->facts.mended++;
    snprintf(text, sizeof text,
             "offset %" PRIu64 ": the frame has a damage that its checksum mends, nothing is lost",
             offset);
    tell(w, text);
}

static fl_status read_frames(walk *w, fl_err *err)
{
    uint64_t offset = FL_WAL_FILE_HEADER_BYTES;
    while (offset < w->size) {
        found_frame found;
        FL_TRY(frame_at(w, offset, true, &found, err));
        if (found.payload == NULL) {
            uint64_t next;
            bool same_commit;
            FL_TRY(look_behind(w, offset, &next, &same_commit, err));
            if (same_commit) {
                w->facts.unfinished_bytes = w->size > offset ? w->size - offset : 0;
                return FL_OK;
            }
            note_damage(w, offset, next - offset, &found.frame);
            offset = next;
            continue;
        }
        bool whole;
        uint64_t bytes = fl_wal_frame_bytes(&found.frame);
        if (found.mended) {
            note_mended(w, offset);
        }
        FL_TRY(read_records(w, &found, &whole, err));
        if (!whole) {
            note_damage(w, offset, bytes, &found.frame);
        }
        w->facts.frames++;
        offset += bytes;
    }
    return FL_OK;
}

/* *readable says whether frames may follow. */
static fl_status read_header(walk *w, bool *readable, fl_err *err)
{
    unsigned char *bytes;
    fl_wal_file_header header;
    size_t at;
    char text[TEXT_MAX];
    *readable = false;
    FL_TRY(bytes_at(w, 0, FL_WAL_FILE_HEADER_BYTES, &bytes, err));
    if (bytes == NULL) {
        w->facts.unfinished_bytes = w->size;
        return FL_OK;
    }
    bool empty = bytes[0] == 0 && memcmp(bytes, bytes + 1, FL_WAL_FILE_HEADER_BYTES - 1) == 0;
    bool ours = fl_wal_file_magic(bytes);
    fl_wal_check check = fl_wal_file_header_read(bytes, &header, &at);
    if (check == FL_WAL_BAD && !ours && !empty) {
        tell(w, "offset 0: no log file of fluoro");
        w->facts.damaged_bytes = w->size;
        return FL_OK;
    }
    if (check != FL_WAL_BAD && header.version != FL_WAL_VERSION) {
        snprintf(text, sizeof text, "offset 8: has format %u, this fluoro reads format %d",
                 header.version, FL_WAL_VERSION);
        tell(w, text);
        return FL_OK;
    }
    if (check == FL_WAL_MENDED) {
        note_mended(w, 0);
    }
    *readable = true;
    if (check == FL_WAL_BAD) { /* with good frames it is a damage, else an unfinished beginning */
        uint64_t next;
        bool same_commit;
        FL_TRY(
            look_behind(w, FL_WAL_FILE_HEADER_BYTES - FRAME_ALIGNMENT, &next, &same_commit, err));
        *readable = next < w->size;
        if (*readable) {
            note_damage(w, 0, FL_WAL_FILE_HEADER_BYTES, &(fl_wal_frame){0});
        } else {
            w->facts.unfinished_bytes = w->size;
        }
    }
    return FL_OK;
}

static fl_status read_open_file(walk *w, fl_err *err)
{
    bool readable;
    FL_TRY(w->fs->size(w->fs, w->handle, &w->size, err));
    w->facts.bytes = w->size;
    FL_TRY(read_header(w, &readable, err));
    return readable ? read_frames(w, err) : FL_OK;
}

fl_status fl_data_log_read(fl_fs *fs, const fl_data_log *log, fl_data_problem_fn *problem,
                           void *user, fl_data_log_facts *out, fl_err *err)
{
    walk w = {.fs = fs,
              .sequence = log->sequence,
              .problem = problem,
              .user = user,
              .facts = {.first_arrival_ns = FL_TIME_NONE, .last_arrival_ns = FL_TIME_NONE}};
    FL_TRY(fs->open(fs, log->path, FL_OPEN_READ, &w.handle, err));
    fl_buf_init(&w.window, UINT32_MAX);
    fl_buf_init(&w.raw, UINT32_MAX);
    fl_status status = read_open_file(&w, err);
    fl_buf_fini(&w.window);
    fl_buf_fini(&w.raw);
    fs->close(fs, w.handle);
    if (status == FL_OK) {
        *out = w.facts;
    }
    return status;
}
