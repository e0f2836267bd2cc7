/*
 * One decoding run over one text, and what its parts call of each other.
 *
 * A function of the run returns FL_OK; FL_E_SYNTAX for a value of the wrong type, which the caller
 * leaves out; FL_E_INVALID when the document is refused, decoder.reject saying why; or FL_E_NOMEM.
 */
#ifndef FL_TRACE_SEGMENT_DECODE_INT_H
#define FL_TRACE_SEGMENT_DECODE_INT_H

#include "trace/segment_fields_int.h"

typedef struct fl_decoder {
    fl_arena *arena;
    const fl_limits *limits;
    int64_t now_ns;
    fl_decode_notes notes;
    fl_reject reject;
    fl_buf scratch; /* JSON text on its way to the arena; a stack, as blocks nest */
} fl_decoder;

/* Where in its document a segment stands. */
typedef struct fl_place fl_place;
struct fl_place {
    const fl_place *owner;     /* NULL for a top-level one */
    const fl_segment *segment; /* the (sub)segment itself */
    size_t index;              /* in its owner's subsegments */
    uint32_t depth;            /* 0 for a top-level one */
};

/* The members of an object by row; where a key comes twice the last one counts. Unknown members
 * are already in the scratch buffer, from `mark` on. */
typedef struct fl_members {
    yyjson_val *value[FL_FIELDS_MAX]; /* set where `rows` has the bit */
    uint32_t rows;
    size_t mark;
} fl_members;

static inline bool fl_members_has(const fl_members *members, unsigned row)
{
    return (members->rows >> row & 1) != 0;
}

void fl_decode_gather(fl_decoder *d, const fl_block *block, yyjson_val *object,
                      fl_members *members);
/* Decodes the gathered members into base and keeps the unknown ones. `place` is that of the segment
 * around. */
FL_MUST fl_status fl_decode_members(fl_decoder *d, const fl_block *block, const fl_members *members,
                                    const fl_place *place, void *base);
/* The three steps for a block that is no segment. */
FL_MUST fl_status fl_decode_block(fl_decoder *d, fl_block_id id, yyjson_val *object,
                                  const fl_place *place, void *base);

/* A segment at its place; place->segment is `to`. */
FL_MUST fl_status fl_decode_segment(fl_decoder *d, yyjson_val *object, const fl_place *place,
                                    fl_segment *to);

/* Checks the members that a document stands or falls with and sets them (segment_identity.c). They
 * are taken out of `members`. */
FL_MUST fl_status fl_decode_identity(fl_decoder *d, fl_members *members, const fl_place *place,
                                     fl_segment *to);

/* Annotations, links, exceptions, subsegments (segment_lists.c). */
FL_MUST fl_status fl_decode_annotations(fl_decoder *d, const fl_field *field, yyjson_val *val,
                                        const fl_place *place, void *base);
FL_MUST fl_status fl_decode_exceptions(fl_decoder *d, const fl_field *field, yyjson_val *val,
                                       const fl_place *place, void *base);
FL_MUST fl_status fl_decode_links(fl_decoder *d, const fl_field *field, yyjson_val *val,
                                  const fl_place *place, void *base);
FL_MUST fl_status fl_decode_subsegments(fl_decoder *d, const fl_field *field, yyjson_val *val,
                                        const fl_place *place, void *base);

/* Sets decoder.reject and returns FL_E_INVALID. `what` says the flaw and its remedy. */
FL_MUST fl_status fl_decode_refuse(fl_decoder *d, fl_reject_code code, const fl_place *place,
                                   const char *what);

/* The `id` of a top-level object as far as a text tells that is too large or no JSON: the string of
 * that member within the first bytes, borrowed from text; absent if none is seen (segment_peek.c).
 */
fl_str fl_decode_peek_id(fl_str text);

/* An array in the arena that grows by doubling. */
typedef struct fl_items {
    void *p;
    size_t count, capacity, size;
} fl_items;

/* A new, uninitialised last item; NULL without memory. `expected` items in all are a guess that is
 * believed only so far, for it is the sender's. */
FL_MUST void *fl_items_add(fl_arena *arena, fl_items *items, size_t expected);

static inline bool fl_json_is(const yyjson_val *val, uint8_t type)
{
    return (val->tag & YYJSON_TYPE_MASK) == type;
}

#endif
