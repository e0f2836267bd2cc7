/*
 * Adoption: a function that an action group called and that traced itself hangs below the caller's
 * segment; here it gets the step that called it for a parent (spec §3.18). Pure.
 */
#ifndef FL_BEDROCK_ADOPT_H
#define FL_BEDROCK_ADOPT_H

#include "trace/trace.h"

/* A call of an action group. Absent texts have p == NULL. */
typedef struct fl_bedrock_tool_step {
    uint64_t id; /* of its segment */
    fl_str action_group, function, api_path, session_id;
    int64_t start_ns, end_ns;
} fl_bedrock_tool_step;

typedef struct fl_bedrock_adoption {
    size_t candidate; /* index */
    uint64_t parent_id;
} fl_bedrock_adoption;

/*
 * Chooses, for steps in order, the segment of the same trace that is the function's own: the same
 * action group, function or API path and session, a start within a second of the step, no parent
 * that is a candidate itself, the nearest start. Segments with an annotation `step` are this
 * converter's own and never chosen. Adoptions are in arena. Errors: FL_E_NOMEM.
 */
FL_MUST fl_status fl_bedrock_adopt(fl_arena *arena, const fl_bedrock_tool_step *steps,
                                   size_t step_count, const fl_segment *const *candidates,
                                   size_t candidate_count, fl_bedrock_adoption **out, size_t *count,
                                   fl_err *err);

#endif
