/*
 * The critical path of a trace: for each moment between the root's start and end, the one entity
 * whose own work everything above it waited for. Pure.
 *
 * It is found walking back from the root's end. At a moment t inside an entity, the child that
 * ended last at or before t was what the entity waited for until then: the time since that end is
 * the entity's own, and the walk goes on inside the child, then before the child's start. A child
 * still running at t did not hold up what began at t, so it is passed over. Children are the nested
 * subsegments and the segments that the entity called. Where clocks disagree, a child counts only
 * inside its parent's time.
 */
#ifndef FL_CLI_CRITICAL_PATH_INT_H
#define FL_CLI_CRITICAL_PATH_INT_H

#include "trace/trace.h"

/* The segments that an entity led to and that somebody sent; they are chained by next_callee. An
 * inferred one is only a copy of the call, but consumers of a queue hang below it. */
static inline const fl_entity *fl_entity_real_callees(const fl_entity *entity)
{
    const fl_entity *first = entity->first_callee;
    return first != NULL && first->inferred ? first->first_callee : first;
}

/* Time that an entity spends itself, on the path. */
typedef struct fl_path_slice {
    const fl_entity *entity;
    int64_t from_ns, to_ns; /* from < to */
} fl_path_slice;

typedef struct fl_critical_path {
    fl_path_slice *slices; /* in order of time, without gaps from the root's start to its end */
    size_t count;
} fl_critical_path;

/* What has not ended counts as running until end_ns. The path, in arena, is empty for a root of
 * length 0. Errors: FL_E_NOMEM. */
FL_MUST fl_status fl_critical_path_find(fl_arena *arena, const fl_entity *root, int64_t end_ns,
                                        fl_critical_path *out, fl_err *err);

#endif
