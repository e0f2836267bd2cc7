/*
 * The lane of a loop: segments whose sender waits for no answer are decoded as they come, gathered,
 * and given to the store together, so that a datagram does not cost a commit.
 */
#include <stdlib.h>

#include "ingest/ingest_int.h"

/* Segments that are with the store. */
typedef struct lane_put {
    fl_store_put put; /* first: done gets it back */
    fl_lane *lane;
    size_t by_source[FL_SOURCE_COUNT];
    uint8_t verdicts[]; /* under the aws profile, one for each segment */
} lane_put;

static void finish_if_stopped(fl_lane *self)
{
    if (self->stopping && self->puts_open == 0 && self->count == 0 && self->stopped != NULL) {
        uv_sem_t *stopped = self->stopped;
        self->stopped = NULL;
        fl_timer_free(self->timer);
        uv_sem_post(stopped); /* the lane may be gone from here on */
    }
}

/* What the store itself refused; there is nobody to tell, so it is counted. */
static size_t count_verdicts(fl_ingest *ingest, const fl_store_put *put)
{
    size_t refused = 0;
    for (size_t i = 0; put->verdicts != NULL && i < put->count; i++) {
        if (put->verdicts[i] != FL_PUT_STORED) {
            fl_reject reject = {.code = fl_ingest_code_of_verdict(put->verdicts[i])};
            fl_ingest_count_reject(ingest, &reject, (fl_str){0}, FL_SOURCE_UDP);
            refused++;
        }
    }
    return refused;
}

static void put_done(fl_store_put *put)
{
    lane_put *done = (lane_put *)(void *)put;
    fl_lane *self = done->lane;
    size_t refused = put->status == FL_OK ? count_verdicts(self->ingest, put) : 0;
    fl_drop reason = put->status == FL_E_BUSY ? FL_DROP_STORE_BUSY : FL_DROP_STORE_FAILED;
    for (size_t source = 0; source < FL_SOURCE_COUNT; source++) {
        size_t count = done->by_source[source];
        if (put->status != FL_OK) {
            fl_ingest_drop(self->ingest, reason, count, (fl_source)source);
        } else {
            size_t taken_off = refused < count ? refused : count;
            fl_counter_add(&self->ingest->stats.stored[source], count - taken_off);
            refused -= taken_off;
        }
    }
    free(done);
    self->puts_open--;
    finish_if_stopped(self);
}

static void forget_gathered(fl_lane *self)
{
    fl_arena_reset(&self->gather);
    self->count = 0;
    self->text_bytes = 0;
    memset(self->by_source, 0, sizeof self->by_source);
}

static void drop_gathered(fl_lane *self, fl_drop reason)
{
    for (size_t source = 0; source < FL_SOURCE_COUNT; source++) {
        fl_ingest_drop(self->ingest, reason, self->by_source[source], (fl_source)source);
    }
    forget_gathered(self);
}

/* Gives what is gathered to the store, whether it has room or not. */
static void give(fl_lane *self)
{
    fl_ingest *ingest = self->ingest;
    bool judged = ingest->config.limits.profile == FL_PROFILE_AWS;
    if (self->count == 0) {
        forget_gathered(self);
        return;
    }
    lane_put *put = calloc(1, sizeof *put + (judged ? self->count : 0));
    if (put == NULL) {
        drop_gathered(self, FL_DROP_NO_MEMORY);
        return;
    }
    put->lane = self;
    memcpy(put->by_source, self->by_source, sizeof put->by_source);
    put->put = (fl_store_put){.segments = self->segments,
                              .count = self->count,
                              .loop = self->loop,
                              .done = put_done,
                              .verdicts = judged ? put->verdicts : NULL};
    self->puts_open++;
    fl_store_put_begin(ingest->config.store, &put->put);
    forget_gathered(self); /* the store has packed them */
}

static bool is_full(const fl_lane *self)
{
    return self->count >= GATHER_SEGMENTS || self->text_bytes >= GATHER_BYTES;
}

bool fl_lane_has_room(fl_lane *self)
{
    if (is_full(self) && fl_store_has_room(self->ingest->config.store)) {
        give(self);
    }
    return !is_full(self);
}

/* Room for more segments; a text may hold an array of many. */
static bool reserve(fl_lane *self, size_t more)
{
    size_t wanted = self->count + more;
    if (wanted <= self->capacity) {
        return true;
    }
    size_t capacity = wanted < 2 * GATHER_SEGMENTS ? 2 * GATHER_SEGMENTS : wanted * 2;
    const fl_segment **grown = realloc(self->segments, capacity * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    self->segments = grown;
    self->capacity = capacity;
    return true;
}

void fl_lane_take(fl_lane *self, fl_str document, fl_source source)
{
    fl_ingest *ingest = self->ingest;
    fl_decoded decoded;
    fl_counter_add(&ingest->stats.documents[source], 1);
    if (fl_segment_decode(&self->gather, document, &ingest->config.limits,
                          fl_clock_wall(ingest->config.clock), &decoded, NULL) != FL_OK ||
        !reserve(self, decoded.segment_count)) {
        fl_ingest_drop(ingest, FL_DROP_NO_MEMORY, 1, source);
        give(self); /* the next document finds an empty arena */
        return;
    }
    for (size_t i = 0; i < decoded.segment_count; i++) {
        self->segments[self->count++] = &decoded.segments[i];
    }
    self->by_source[source] += decoded.segment_count;
    self->text_bytes += document.n;
    fl_counter_add(&ingest->stats.accepted[source], decoded.segment_count);
    fl_ingest_count_notes(ingest, &decoded.notes);
    for (size_t i = 0; i < decoded.reject_count; i++) {
        fl_ingest_count_reject(ingest, &decoded.rejects[i], document, source);
    }
}

static void on_timer(void *user)
{
    fl_lane *self = user;
    if (self->stopping || fl_store_has_room(self->ingest->config.store)) {
        give(self);
    }
    fl_stream_sources_resume(self);
    finish_if_stopped(self);
}

fl_status fl_lane_start(fl_lane *self, fl_err *err)
{
    fl_arena_init(&self->gather, SCRATCH_BYTES);
    fl_arena_init(&self->scratch, SCRATCH_BYTES);
    return fl_timer_new(self->loop, GATHER_INTERVAL_NS, on_timer, self, &self->timer, err);
}

void fl_lane_stop(fl_lane *self)
{
    self->stopping = true;
    give(self);
    finish_if_stopped(self);
}

void fl_lane_fini(fl_lane *self)
{
    fl_arena_fini(&self->scratch);
    fl_arena_fini(&self->gather);
    free(self->segments);
}
