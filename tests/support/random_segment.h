/*
 * Random segments for property tests: every member now and then, values few or ever new,
 * subsegments below subsegments.
 */
#ifndef FL_TESTS_SUPPORT_RANDOM_SEGMENT_H
#define FL_TESTS_SUPPORT_RANDOM_SEGMENT_H

#include "support/test.h"
#include "trace/segment.h"

typedef struct random_segments {
    test_random *random;
    fl_arena *arena;
    unsigned new_keys; /* percent of annotation keys that nobody had before */
    unsigned depth;    /* of subsegments, at most */
    unsigned children; /* of a (sub)segment, at most */
} random_segments;

/* In arena. */
fl_segment *random_segment(random_segments *r, fl_trace_id id, int64_t start_ns);
/* Packed, in arena. */
fl_str random_packed(random_segments *r, fl_trace_id id, int64_t start_ns);
fl_str test_pack(fl_arena *arena, const fl_segment *segment);

#endif
