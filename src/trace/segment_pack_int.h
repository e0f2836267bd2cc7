/*
 * Constants of the packed form (docs/format/segment.md). None of them ever changes its meaning.
 */
#ifndef FL_TRACE_SEGMENT_PACK_INT_H
#define FL_TRACE_SEGMENT_PACK_INT_H

#include "trace/segment_fields_int.h"

#define FL_PACKED_VERSION 1
#define FL_PACKED_END     0 /* in the place of a tag: the block ends */

/* Kinds of annotation values. */
enum {
    FL_PACKED_STRING = 0,
    FL_PACKED_NUMBER = 1,
    FL_PACKED_FALSE = 2,
    FL_PACKED_TRUE = 3,
};

#endif
