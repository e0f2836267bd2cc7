/*
 * A packed segment (segment.h) taken apart into rows, and put together again byte for byte: how the
 * columns of settled traces see a document (docs/format/part.md).
 *
 * There is a row for the segment and one for each subsegment in it, an owner before its
 * subsegments, in the order of the packed bytes. A row is its values, in the order of the packed
 * bytes, and its shape: the bytes that are left when the values are taken out. Rows of one kind of
 * call have one shape, so shapes are few. A shape says which members are there, with the keys of
 * annotations and with booleans; it does not say how many subsegments there are, which is the last
 * value of a row that has some. The trace id of the segment itself is neither a value nor in the
 * shape.
 *
 * Pure; a shredder belongs to one thread at a time.
 */
#ifndef FL_TRACE_SHRED_H
#define FL_TRACE_SHRED_H

#include "trace/segment.h"

typedef union fl_value {
    int64_t number;
    uint64_t id;
    fl_str text;
} fl_value;

/* ---- Taking apart */

#define FL_SHAPE_BYTES_MAX  4096
#define FL_SHAPE_VALUES_MAX 512

typedef struct fl_shred_row {
    fl_str shape;
    const fl_value *values;
    uint32_t value_count;
} fl_shred_row;

/* Its memory is used again by the next fl_shred. Zeroed or finished, it is ready for use. */
typedef struct fl_shredder {
    char *shapes;
    fl_value *values;
    fl_shred_row *rows;
    size_t capacity; /* bytes of a packed segment that all three have room for */
    /* of the last fl_shred */
    uint32_t row_count;
    /* A row has no shape within the bounds above, or members behind its subsegments, as no writer
     * puts them: the rows are no good, but all else is. */
    bool keep_whole;
    fl_trace_id trace_id;
    uint64_t id;
    int64_t start_ns, end_ns; /* of the segment; FL_TIME_NONE while in progress */
} fl_shredder;
void fl_shredder_fini(fl_shredder *shredder);

/* Takes a packed segment apart; texts borrow from `packed`. FL_E_CORRUPT if it is malformed: what
 * passes comes back the same by joining. FL_E_NOMEM. */
FL_MUST fl_status fl_shred(fl_shredder *shredder, fl_str packed, fl_err *err);

/* ---- Shapes */

typedef enum fl_leaf_kind {
    FL_LEAF_INT,    /* a value: a number … */
    FL_LEAF_ID,     /* … an id … */
    FL_LEAF_TEXT,   /* … a string … */
    FL_LEAF_NUMBER, /* … a number as its text was sent … */
    FL_LEAF_JSON,   /* … a JSON text */
    FL_LEAF_FALSE,  /* no value: a boolean … */
    FL_LEAF_TRUE,
    FL_LEAF_FLAG, /* … or a member whose being there says it */
} fl_leaf_kind;

static inline bool fl_leaf_has_value(fl_leaf_kind kind)
{
    return kind <= FL_LEAF_JSON;
}

/* Members that the store knows. */
typedef enum fl_leaf_role {
    FL_ROLE_NONE,
    FL_ROLE_ID,          /* of the row; always there, as is … */
    FL_ROLE_START,       /* … since the owner's start, of a segment since the epoch, ns */
    FL_ROLE_END,         /* since the own start, ns */
    FL_ROLE_PARENT,      /* parent_id of a segment */
    FL_ROLE_TRACE_ID,    /* no value: the row is a segment, not an embedded subsegment */
    FL_ROLE_SUBSEGMENTS, /* how many follow */
} fl_leaf_role;

typedef struct fl_leaf {
    /* Member names from the top of the row, dotted; `*` stands for every member that has no name of
     * its own: http.request.url, annotations.tenant, aws.*, cause.exceptions.type. Two leaves may
     * share a path but not path and kind, lists aside. During the call. */
    fl_str path;
    fl_leaf_kind kind;
    fl_leaf_role role;
    bool in_list; /* of exceptions or links: there may be several in a row */
} fl_leaf;

/* Tells the leaves of a shape in their order; false from `each` ends it with FL_E_NOMEM.
 * FL_E_CORRUPT: no shape that fl_shred makes. */
typedef bool fl_leaf_fn(void *user, const fl_leaf *leaf);
FL_MUST fl_status fl_shape_read(fl_str shape, fl_leaf_fn *each, void *user);

/* ---- Putting together */

/* One segment on its way; no memory of its own. */
typedef struct fl_joiner {
    fl_buf *out;
    fl_trace_id trace_id;
    bool begun;
    uint32_t depth;
    uint32_t left[FL_SEGMENT_DEPTH_MAX]; /* subsegments to come, for each owner above */
} fl_joiner;

/* Appends to `out`, whose status says in the end whether there was room. */
static inline void fl_join_begin(fl_joiner *joiner, fl_buf *out, fl_trace_id trace_id)
{
    joiner->out = out;
    joiner->trace_id = trace_id;
    joiner->begun = false;
    joiner->depth = 0;
}
/* The next row. FL_E_CORRUPT: shape and values do not fit, or the segment is whole already. */
FL_MUST fl_status fl_join_row(fl_joiner *joiner, fl_str shape, const fl_value *values,
                              size_t value_count);
/* All rows have come. */
static inline bool fl_join_is_whole(const fl_joiner *joiner)
{
    return joiner->begun && joiner->depth == 0;
}

#endif
