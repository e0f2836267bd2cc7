/*
 * A set of distinct items that keeps the order of their first appearance.
 */
#ifndef FL_TRACE_SUMMARY_INT_H
#define FL_TRACE_SUMMARY_INT_H

#include "trace/summary.h"

/* What makes items of one kind the same; same items have equal hashes. */
typedef struct fl_distinct_kind {
    bool (*same)(const void *a, const void *b);
    uint64_t (*hash)(const void *item, uint64_t seed);
} fl_distinct_kind;

typedef struct fl_distinct {
    const fl_distinct_kind *kind;
    const void **items; /* borrowed */
    uint64_t *hashes;
    uint32_t *table; /* open addressing: index + 1, 0 = free; NULL while empty */
    uint32_t count, capacity;
    uint64_t seed;
} fl_distinct;

void fl_distinct_init(fl_distinct *distinct, const fl_distinct_kind *kind);

/* Index of the item, which is added if it is new. Errors: FL_E_NOMEM. */
FL_MUST fl_status fl_distinct_add(fl_arena *arena, fl_distinct *distinct, const void *item,
                                  uint32_t *index, fl_err *err);
/* Index of the item; false if the set does not have it. */
bool fl_distinct_find(const fl_distinct *distinct, const void *item, uint32_t *index);

extern const fl_distinct_kind fl_distinct_texts;           /* items are fl_str */
extern const fl_distinct_kind fl_distinct_nodes;           /* fl_node */
extern const fl_distinct_kind fl_distinct_annotation_keys; /* fl_annotation, by key alone */
extern const fl_distinct_kind fl_distinct_annotations; /* fl_annotation, by key, kind and value */

#endif
