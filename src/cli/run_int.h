/*
 * The figures of an agent run, from its steps: what it used, whom it asked, where its time went,
 * and what failed. Pure.
 */
#ifndef FL_CLI_RUN_INT_H
#define FL_CLI_RUN_INT_H

#include "cli/tree_int.h"

/* Calls of one model, or the steps of one agent. */
typedef struct fl_tally {
    fl_str name;
    uint32_t first; /* node that it was first seen at */
    uint64_t count;
    fl_spend spent;
} fl_tally;

#define FL_FAILURES_MAX 3 /* told before the picture; the others are marked in it */

typedef struct fl_run {
    fl_spend *spent; /* by node: itself and all below; total_* of a node and the sum of what is
                        below it are two counts of one thing, the larger one is taken */
    fl_spend total;
    uint64_t calls[FL_STEP_KINDS];
    uint64_t unpriced; /* calls with tokens and without a cost, where others have one */
    int64_t path_ns[FL_STEP_KINDS]; /* of the critical path, by the kind of step; agents' and flows'
                                       own time and all else under FL_STEP_OTHER */
    int64_t path_sum_ns;
    uint64_t retries, timeouts, blocked, intervened, incomplete;
    fl_tally *models; /* the costliest first, then by tokens */
    size_t model_count;
    fl_tally *agents; /* in the order of their first step */
    size_t agent_count;
} fl_run;

/* In arena. Errors: FL_E_NOMEM. */
FL_MUST fl_status fl_run_of(fl_arena *arena, const fl_tree *tree, fl_run *out, fl_err *err);

typedef struct fl_failures {
    uint32_t nodes[FL_FAILURES_MAX];
    uint32_t count;   /* of nodes */
    uint64_t others;  /* beyond them */
    bool first_ended; /* nodes[0] is why the run failed */
} fl_failures;

/*
 * The deepest causes: what is flagged while nothing directly below it is. The one that the root's
 * flag leads to comes first: from the root down to the child that failed last; the others by time.
 */
fl_failures fl_failures_of(const fl_tree *tree);

/* The unfinished ones that have nothing unfinished below: what the run is doing. At most max. */
uint32_t fl_running_of(const fl_tree *tree, uint32_t *nodes, uint32_t max);

#endif
