/*
 * The trace header (segments.md §15): `Root=1-…;Parent=…;Sampled=1`, as HTTP header
 * X-Amzn-Trace-Id, SQS system attribute AWSTraceHeader, environment variable _X_AMZN_TRACE_ID; and
 * W3C traceparent.
 */
#ifndef FL_TRACE_HEADER_H
#define FL_TRACE_HEADER_H

#include "trace/id.h"

typedef enum fl_sampled {
    FL_SAMPLED_UNSET, /* no item: the callee decides */
    FL_SAMPLED_NO,
    FL_SAMPLED_YES,
    FL_SAMPLED_ASKED, /* Sampled=?: the caller wants to be told */
} fl_sampled;

#define FL_TRACE_HEADER_EXTRA_MAX                                                                  \
    256 /* bytes of other items that are propagated, as Node's SDK                                 \
         */

typedef struct fl_trace_header {
    fl_trace_id root; /* none if absent or malformed: the reader makes a new one */
    uint64_t parent;  /* 0 if absent or malformed */
    fl_sampled sampled;
    bool malformed_root,
        malformed_parent; /* an item was there but unreadable (Parent=None): count it */
    fl_str lineage;       /* unread, propagated; borrows from the text */
    fl_str extra[8];      /* other `key=value` items in order, without Self; borrow */
    uint8_t extra_count;
} fl_trace_header;

/* Reads any text: item names in any case, any order, last duplicate wins, blanks trimmed, empty
 * items skipped. Never fails; what is unreadable is absent and flagged. */
void fl_trace_header_parse(fl_str text, fl_trace_header *out);
/* Root, Parent, Sampled, Lineage, then the rest (cut between items at FL_TRACE_HEADER_EXTRA_MAX
 * bytes). */
void fl_trace_header_emit(const fl_trace_header *header, fl_buf *out);
/* `00-<32hex>-<16hex>-<flags>`; false if malformed (all-zero ids and version ff included). */
bool fl_trace_header_from_traceparent(fl_str text, fl_trace_header *out);
/* The traceparent of a header with root and parent; false if either is missing. */
bool fl_trace_header_to_traceparent(const fl_trace_header *header, fl_buf *out);
/* Is `name` a carrier's name: X-Amzn-Trace-Id, HTTP_X_AMZN_TRACE_ID, _X_AMZN_TRACE_ID,
 * AWSTraceHeader (any case)? */
bool fl_trace_header_is_carrier(fl_str name);

#endif
