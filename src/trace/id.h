/*
 * Trace ids and segment ids (segments.md §2). X-Ray's `1-5759e988-bd862e3fe1be46a994272793` and
 * W3C's 32 hex digits are one 128-bit key; the epoch inside is never tested.
 */
#ifndef FL_TRACE_ID_H
#define FL_TRACE_ID_H

#include "base/base.h"

typedef struct fl_trace_id {
    uint64_t hi, lo; /* the 32 hex digits, big end first; 0,0 = none */
} fl_trace_id;

#define FL_TRACE_ID_TEXT_MAX 35

static inline bool fl_trace_id_eq(fl_trace_id a, fl_trace_id b)
{
    return a.hi == b.hi && a.lo == b.lo;
}
static inline bool fl_trace_id_is_none(fl_trace_id id)
{
    return (id.hi | id.lo) == 0;
}
int fl_trace_id_cmp(fl_trace_id a, fl_trace_id b); /* as 128-bit numbers */
/* Well mixed also for ids that share their epoch: picks shards and hash slots. Stable for ever (it
 * is part of the store's format). */
uint64_t fl_trace_id_hash(fl_trace_id id);

/* `1-8hex-24hex` or 32 hex, either case. False for any other form and for the all-zero no-op id. */
bool fl_trace_id_parse(fl_str text, fl_trace_id *out);
void fl_trace_id_emit(fl_trace_id id, fl_buf *out); /* 1-8hex-24hex, lower case */

/* 16 hex digits of either case; false for any other form and for all zeros. */
bool fl_segment_id_parse(fl_str text, uint64_t *out);

/* trace_time of trace-model.md §3, in nanoseconds (whole seconds): the epoch of the id if it is
 * within a day of the earliest start, else that start, floored to the second. */
int64_t fl_trace_time_ns(fl_trace_id id, int64_t earliest_start_ns);

#endif
