/* Documents whose sender waits: decoded in turns, put into the store, answered when all of it is
 * kept. */
#include "ingest/ingest_int.h"

/* A turn decodes about a millisecond's worth, then lets the loop serve others. */
#define TURN_BYTES     (384u * 1024)
#define TURN_DOCUMENTS 1024

/* One put into the store; lives in the operation's arena. */
typedef struct put_turn {
    fl_store_put put;
    fl_ingest_put *owner;
    uint64_t
        *ids; /* of the segments, for the answer to a verdict; NULL when verdicts are not wanted */
} put_turn;

static void finish(fl_ingest_put *put)
{
    put->done(put);
}

static void fail(fl_ingest_put *put, fl_status status, const fl_err *err)
{
    if (put->status == FL_OK) {
        put->status = status;
        put->err = *err;
    }
    put->next = put->count; /* the sender repeats all of it: the rest needs no decoding */
}

static void no_memory(fl_ingest_put *put)
{
    fl_err err = {0};
    fl_status status =
        fl_err_set(&err, FL_E_NOMEM, __FILE__, __LINE__, "no memory to decode the documents");
    fail(put, status, &err);
}

static void add_reject(fl_ingest_put *put, const fl_reject *reject)
{
    fl_ingest_reject *entry = FL_ARENA_NEW(put->arena, fl_ingest_reject);
    if (entry == NULL) {
        no_memory(put);
        return;
    }
    entry->reject = *reject;
    if (reject->id.p != NULL) {
        entry->reject.id = fl_str_dup(put->arena, reject->id);
    }
    *put->rejects_end = entry;
    put->rejects_end = &entry->next;
}

/* What the store itself refuses under the aws profile. */
static void add_verdict(fl_ingest_put *put, uint8_t verdict, uint64_t id)
{
    fl_reject reject = {.code = fl_ingest_code_of_verdict(verdict)};
    char text[17];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)id);
    reject.id = (fl_str){text, 16};
    fl_ingest_count_reject(put->ingest, &reject, (fl_str){0}, put->source);
    add_reject(put, &reject);
}

static void turn_done(fl_store_put *stored)
{
    put_turn *turn = (struct put_turn *)(void *)stored;
    fl_ingest_put *put = turn->owner;
    size_t kept = stored->count;
    if (stored->status != FL_OK) {
        fail(put, stored->status, &stored->err);
        kept = 0;
    }
    for (size_t i = 0; turn->ids != NULL && i < stored->count && stored->status == FL_OK; i++) {
        if (stored->verdicts[i] != FL_PUT_STORED) {
            add_verdict(put, stored->verdicts[i], turn->ids[i]);
            kept--;
        }
    }
    fl_counter_add(&put->ingest->stats.stored[put->source], kept);
    put->puts_open--;
    if (put->puts_open == 0 && put->next == put->count) {
        finish(put);
    }
}

/* Gives the decoded segments, which live in the lane's scratch, to the store. */
static void store_segments(fl_ingest_put *put, const fl_segment **segments, size_t count)
{
    put_turn *turn = FL_ARENA_NEW(put->arena, put_turn);
    if (turn == NULL) {
        no_memory(put);
        return;
    }
    turn->owner = put;
    turn->put =
        (fl_store_put){.segments = segments, .count = count, .loop = put->loop, .done = turn_done};
    if (put->ingest->config.limits.profile == FL_PROFILE_AWS) {
        turn->put.verdicts = fl_arena_zalloc(put->arena, count);
        turn->ids = FL_ARENA_ARRAY(put->arena, uint64_t, count);
        if (turn->put.verdicts == NULL || turn->ids == NULL) {
            no_memory(put);
            return;
        }
        for (size_t i = 0; i < count; i++) {
            turn->ids[i] = segments[i]->id;
        }
    }
    put->puts_open++;
    fl_store_put_begin(put->ingest->config.store, &turn->put);
}

/* Segments decoded in one turn, an array that grows in the scratch arena. */
typedef struct gathered {
    fl_arena *arena;
    const fl_segment **segments;
    size_t count, capacity;
} gathered;

static bool gather(gathered *all, const fl_decoded *decoded)
{
    if (all->count + decoded->segment_count > all->capacity) {
        size_t capacity = (all->count + decoded->segment_count) * 2;
        const fl_segment **grown = FL_ARENA_ARRAY(all->arena, const fl_segment *, capacity);
        if (grown == NULL) {
            return false;
        }
        if (all->count > 0) {
            memcpy(grown, all->segments, all->count * sizeof *grown);
        }
        all->segments = grown;
        all->capacity = capacity;
    }
    for (size_t i = 0; i < decoded->segment_count; i++) {
        all->segments[all->count++] = &decoded->segments[i];
    }
    return true;
}

static void decode_one(fl_ingest_put *put, gathered *all, fl_str document, int64_t now_ns)
{
    fl_ingest *ingest = put->ingest;
    fl_decoded decoded;
    fl_counter_add(&ingest->stats.documents[put->source], 1);
    if (fl_segment_decode(all->arena, document, &ingest->config.limits, now_ns, &decoded, NULL) !=
            FL_OK ||
        !gather(all, &decoded)) {
        no_memory(put);
        return;
    }
    fl_counter_add(&ingest->stats.accepted[put->source], decoded.segment_count);
    fl_ingest_count_notes(ingest, &decoded.notes);
    for (size_t i = 0; i < decoded.reject_count; i++) {
        fl_ingest_count_reject(ingest, &decoded.rejects[i], document, put->source);
        add_reject(put, &decoded.rejects[i]);
    }
}

static void run_turn(fl_task *task)
{
    fl_ingest_put *put = (fl_ingest_put *)(void *)((char *)task - offsetof(fl_ingest_put, task));
    fl_arena *scratch = &fl_ingest_lane_of(put->ingest, put->loop)->scratch;
    gathered all = {.arena = scratch};
    int64_t now_ns = fl_clock_wall(put->ingest->config.clock);
    size_t bytes = 0;
    for (size_t n = 0; n < TURN_DOCUMENTS && bytes < TURN_BYTES && put->next < put->count; n++) {
        fl_str document = put->documents[put->next];
        put->next++;
        bytes += document.n;
        decode_one(put, &all, document, now_ns);
    }
    if (all.count > 0 && put->status == FL_OK) {
        store_segments(put, all.segments, all.count);
    }
    fl_arena_reset(scratch);
    if (put->next < put->count) {
        fl_loop_post(put->loop, &put->task);
    } else if (put->puts_open == 0) {
        finish(put);
    }
}

void fl_ingest_put_begin(fl_ingest *ingest, fl_ingest_put *put)
{
    put->ingest = ingest;
    put->status = FL_OK;
    put->rejects = NULL;
    put->rejects_end = &put->rejects;
    put->next = 0;
    put->puts_open = 0;
    put->task = (fl_task){.run = run_turn};
    run_turn(&put->task);
}
