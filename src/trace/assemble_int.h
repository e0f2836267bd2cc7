/*
 * The steps of fl_trace_assemble, each in a file of its own: collate.c (which text of an id
 * counts), link.c (nesting, callers, root), infer.c (segments nobody sent), node.c (where a call
 * leads to). All results depend on the set of records alone, never on their order in memory.
 */
#ifndef FL_TRACE_ASSEMBLE_INT_H
#define FL_TRACE_ASSEMBLE_INT_H

#include "trace/assemble.h"

#define FL_NO_INDEX UINT32_MAX

/* One place where a (sub)segment was written: a record, or a subsegment embedded in one. */
typedef struct fl_occurrence {
    const fl_segment *segment;
    const fl_record *record;
    uint32_t parent; /* the occurrence that it is embedded in; FL_NO_INDEX for a record itself */
    uint32_t first_child; /* its embedded subsegments stand together from here on */
    uint32_t next_same;   /* next occurrence of the same id */
    uint32_t slot;        /* of its id */
} fl_occurrence;

/* One id of the trace. */
typedef struct fl_id_slot {
    uint64_t id;
    uint32_t first;  /* list of its occurrences, in no order that counts */
    uint32_t winner; /* the occurrence that counts; FL_NO_INDEX: each text with it was replaced */
    uint32_t undecided; /* occurrences embedded in one whose own fate is open */
    bool decided;
    fl_entity *entity; /* set by link.c */
} fl_id_slot;

typedef struct fl_collation {
    fl_occurrence *occurrences;
    fl_id_slot *slots;
    uint32_t *table; /* open addressing: slot index + 1, 0 = free */
    uint32_t occurrence_count, slot_count, table_mask;
} fl_collation;

/*
 * Finds the occurrence that counts for each id: complete before in-progress, then the later
 * arrival, then the later place in the same document. An embedded occurrence takes part only while
 * the text around it counts itself: what stood only in a replaced text goes with it. Errors:
 * FL_E_NOMEM; FL_E_TOO_LARGE beyond 2^31 occurrences.
 */
FL_MUST fl_status fl_collate(fl_arena *arena, const fl_record *records, size_t count,
                             fl_collation *out, fl_err *err);

/* The slot of an id, NULL if no record holds it. */
fl_id_slot *fl_collation_find(const fl_collation *collation, uint64_t id);

/* The linked entities before anything is inferred, in one array by start time, then id. */
typedef struct fl_linked {
    fl_entity *entities;
    size_t count;
    size_t top_count;
    size_t call_count; /* downstream calls among them */
} fl_linked;

/* Makes the entities, nests them and links callees to their callers, without cycles. Errors:
 * FL_E_NOMEM. */
FL_MUST fl_status fl_entities_link(fl_arena *arena, fl_collation *collation, fl_linked *out,
                                   fl_err *err);

/* Fills trace->tops and waits_for_callee: the linked tops, and behind each the segments inferred
 * from its unanswered calls. Reads trace->id and updated_ns. Errors: FL_E_NOMEM. */
FL_MUST fl_status fl_infer(fl_arena *arena, const fl_collation *collation, const fl_linked *linked,
                           int64_t now_ns, fl_trace *trace, fl_err *err);

/* Origin of the queue's or topic's own segments (`AWS::SQS`, `AWS::SNS`) if the call sends a
 * message to one; absent for any other call. */
fl_str fl_call_queue_origin(const fl_segment *call);

/* Order of entities everywhere: start time, then id. */
int fl_entity_cmp(const fl_entity *a, const fl_entity *b);

/* Next entity in document order within the nesting of top, top itself first; NULL at the end. */
static inline fl_entity *fl_entity_next(const fl_entity *top, const fl_entity *entity)
{
    if (entity->first_child != NULL) {
        return entity->first_child;
    }
    while (entity != top && entity->next_sibling == NULL) {
        entity = entity->parent;
    }
    return entity != top ? entity->next_sibling : NULL;
}

#endif
