/* A log file read from outside, as a start of the store would, without mending or cutting anything.
 */
#include <inttypes.h>
#include <stdio.h>

#include "store/local/wal_walk_int.h"
#include "store/tools.h"

#define TEXT_MAX 200

typedef struct reading {
    fl_data_problem_fn *problem;
    void *user;
    uint64_t mended; /* frame that was mended last */
    fl_data_log_facts facts;
} reading;

static void tell(const reading *r, const char *text)
{
    if (r->problem != NULL) {
        r->problem(r->user, text);
    }
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

static fl_status count_frame(void *user, uint64_t offset, const fl_wal_frame *frame, fl_str records,
                             bool *sound, fl_err *err)
{
    reading *r = user;
    fl_wal_record record;
    fl_cur left = fl_cur_of(records.p, records.n);
    (void)offset;
    (void)err;
    r->facts.frames++;
    for (uint32_t i = 0; i < frame->records; i++) {
        if (!fl_wal_record_next(&left, frame->base_ns, &record)) {
            return FL_OK;
        }
        r->facts.records++;
        r->facts.segments += record.kind == FL_WAL_SEGMENT;
        note_arrival(&r->facts, record.arrival_ns);
    }
    *sound = fl_cur_left(&left) == 0;
    return FL_OK;
}

static void note_mended(void *user, const fl_wal_mend *mend)
{
    reading *r = user;
    char text[TEXT_MAX];
    if (r->facts.mended != 0 && mend->frame == r->mended) {
        return; /* header and payload of one frame */
    }
    r->facts.mended++;
    r->mended = mend->frame;
    snprintf(text, sizeof text,
             "offset %" PRIu64 ": the frame has a damage that its checksum mends, nothing is lost",
             mend->frame);
    tell(r, text);
}

static void note_damaged(void *user, uint64_t offset, uint64_t bytes, uint32_t records)
{
    reading *r = user;
    char text[TEXT_MAX], lost[40] = "records";
    if (records != 0) {
        snprintf(lost, sizeof lost, "%" PRIu32 " records", records);
    }
    r->facts.damaged_bytes += bytes;
    snprintf(text, sizeof text,
             "offset %" PRIu64 ": %" PRIu64 " bytes are damaged beyond repair, %s lost", offset,
             bytes, lost);
    tell(r, text);
}

static void note_unfinished(void *user, uint64_t offset, uint64_t bytes)
{
    reading *r = user;
    (void)offset;
    r->facts.unfinished_bytes = bytes;
}

static fl_status read_log(fl_wal_walk *walk, reading *r, fl_err *err)
{
    char text[TEXT_MAX];
    const fl_wal_visitor visitor = {.frame = count_frame,
                                    .mended = note_mended,
                                    .damaged = note_damaged,
                                    .unfinished = note_unfinished,
                                    .user = r};
    r->facts.bytes = walk->size;
    if (walk->begin == FL_WAL_BEGIN_FOREIGN) {
        tell(r, "offset 0: no log file of fluoro");
        r->facts.damaged_bytes = walk->size;
        return FL_OK;
    }
    if (walk->begin == FL_WAL_BEGIN_OTHER) {
        snprintf(text, sizeof text, "offset 8: has format %u, this fluoro reads format %d",
                 walk->version, FL_WAL_VERSION);
        tell(r, text);
        return FL_OK;
    }
    return fl_wal_walk_over(walk, &visitor, err);
}

fl_status fl_data_log_read(fl_fs *fs, const fl_data_log *log, fl_data_problem_fn *problem,
                           void *user, fl_data_log_facts *out, fl_err *err)
{
    fl_wal_walk walk;
    reading r = {.problem = problem,
                 .user = user,
                 .facts = {.first_arrival_ns = FL_TIME_NONE, .last_arrival_ns = FL_TIME_NONE}};
    FL_TRY(fl_wal_walk_begin(&walk, fs, log->path, log->sequence, true, err));
    fl_status status = read_log(&walk, &r, err);
    fl_wal_walk_end(&walk);
    if (status == FL_OK) {
        *out = r.facts;
    }
    return status;
}
