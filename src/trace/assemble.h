/*
 * The assembled trace: all records of one trace id, collated (newest wins), nested, linked, with
 * inferred segments (trace-model.md §3, §4). A pure function of its records, whatever their order.
 */
#ifndef FL_TRACE_ASSEMBLE_H
#define FL_TRACE_ASSEMBLE_H

#include "trace/segment.h"

/* One stored document. */
typedef struct fl_record {
    const fl_segment *segment;
    uint64_t arrival;   /* grows with arrival; breaks ties between two complete documents */
    int64_t arrival_ns; /* wall clock */
} fl_record;

/* A node of a call that some entity makes or is (segments.md §10.2). Absent texts have p == NULL.
 */
typedef struct fl_node {
    fl_str name, type, account_id;
} fl_node;
bool fl_node_eq(const fl_node *a, const fl_node *b);

/* One segment or subsegment after collation. */
typedef struct fl_entity fl_entity;
struct fl_entity {
    const fl_segment *segment; /* the winning document's own members; its `subsegments` are not to
                                  be read, children are */
    fl_entity *parent;         /* the entity that it is nested in; NULL for a top entity */
    fl_entity *owner;          /* the top entity of its nesting (itself for a top one) */
    fl_entity *first_child, *next_sibling; /* nested subsegments by start time, then id */
    fl_entity *caller; /* top entities: the entity whose id is parent_id, or the inferred queue
                        * between that and a consumer; NULL if root, unknown or cut from a cycle */
    fl_entity *first_callee, *next_callee; /* the segments whose caller this is (inferred ones too),
                                              by start time, then id */
    fl_node node; /* top entities only: the node that it belongs to; without name for an orphan */
    int64_t arrival_ns; /* of the winning record */
    bool inferred;      /* made from a downstream call nobody answered */
    bool orphan;        /* top entity that is a subsegment whose parent never arrived */
};

typedef struct fl_trace {
    fl_trace_id id;
    fl_entity **tops; /* compiled segments: those with records by start time, then id; each inferred
                         one right behind its caller's owner */
    size_t top_count;
    size_t entity_count;   /* subsegments included */
    fl_entity *root;       /* trace-model.md §5; NULL only in a trace of orphans alone */
    int64_t start_ns;      /* earliest start of all entities */
    int64_t end_ns;        /* latest completed end; FL_TIME_NONE if nothing is complete */
    int64_t time_ns;       /* trace_time, trace-model.md §3 */
    int64_t updated_ns;    /* latest arrival */
    bool in_progress;      /* some entity has no end */
    bool waits_for_callee; /* a call with traced: true is unanswered and within the grace of 60 s */
    bool limit_exceeded;   /* set by the caller from the store's row */
} fl_trace;

/*
 * Assembles records (any order, duplicates, in-progress and complete, orphans, subsegments that
 * came alone or embedded or both). now_ns decides only the 60 s grace for traced calls. No
 * recursion on input depth beyond FL_SEGMENT_DEPTH_MAX; cycles of parent ids are cut at their first
 * member (a subsegment then is an orphan, a segment has no caller).
 * Arrival numbers of records are distinct. The trace is in arena and borrows the records' segments.
 * Errors: FL_E_NOMEM; FL_E_NOT_FOUND when count is 0; FL_E_TOO_LARGE beyond 2^31 (sub)segments.
 */
FL_MUST fl_status fl_trace_assemble(fl_arena *arena, fl_trace_id id, const fl_record *records,
                                    size_t count, int64_t now_ns, fl_trace **out, fl_err *err);

/* Is this entity a downstream call: a subsegment of namespace aws or remote? */
bool fl_entity_is_call(const fl_entity *entity);

/* Compiled document of a top entity: children nested at any depth, `inferred`, `parent_id`,
 * `trace_id` and `origin` as trace-model.md §4. */
void fl_entity_emit(const fl_entity *top, fl_buf *out);

/* Name and type of the node that a downstream call leads to (table of trace-model.md §4), and the
 * origin of the segment inferred from it (absent for remote). */
FL_MUST fl_status fl_node_of_call(fl_arena *arena, const fl_segment *call, fl_node *node,
                                  fl_str *origin, fl_err *err);

#endif
