/*
 * A trace as one tree of entities, and the choice of those that a picture shows. Subsegments nest
 * in their segment; a segment stands under the call that led to it; inferred segments are left out,
 * being copies of the calls. Pure.
 */
#ifndef FL_CLI_TREE_INT_H
#define FL_CLI_TREE_INT_H

#include "cli/critical_path_int.h"
#include "cli/mark_int.h"
#include "cli/step_int.h"

#define FL_TREE_NONE UINT32_MAX

typedef struct fl_tree_node {
    const fl_entity *entity;
    const fl_step *step; /* of an agent run; NULL for anything else */
    uint32_t parent;     /* FL_TREE_NONE for a root */
    uint32_t end;        /* index behind the last one below it */
    uint32_t depth;
    bool trouble; /* it, or something below it, is flagged, unfinished, timed out or stopped by a
                     guardrail */
    bool on_path; /* it, or something below it, is on the critical path */
} fl_tree_node;

typedef struct fl_tree {
    fl_tree_node *nodes; /* each before those below it, siblings by start time, then id */
    uint32_t count;
    fl_path_slice *slices; /* of the critical path, those of one entity together, by time */
    size_t slice_count;
    int64_t from_ns, to_ns; /* time axis: from_ns < to_ns */
    uint32_t root;          /* node of the trace's root; FL_TREE_NONE without one */
    uint32_t step_count;    /* steps of agent runs */
} fl_tree;

/* In arena; borrows the trace. Errors: FL_E_NOMEM. */
FL_MUST fl_status fl_tree_of(fl_arena *arena, const fl_trace *trace, fl_tree *out, fl_err *err);

/* How it went; a step without its answer counts as unfinished. */
fl_mark fl_tree_mark(const fl_tree_node *node);
/* How long it took, so far if it still runs. */
int64_t fl_tree_ns(const fl_tree *tree, uint32_t node);

/* The slices of the critical path that are an entity's own. */
const fl_path_slice *fl_tree_slices(const fl_tree *tree, const fl_entity *entity, size_t *count);

typedef struct fl_row_choice {
    uint64_t depth;     /* deepest level shown; the root's is 0 */
    bool critical_only; /* only what is on the critical path */
    bool all;           /* do not fold */
} fl_row_choice;

#define FL_FOLD_OVER 5 /* this many siblings of one name are still shown one by one */

typedef struct fl_row {
    uint32_t node;         /* the first one of those that the row stands for */
    uint32_t depth;        /* in the picture */
    uint32_t first_member; /* in members of fl_rows, with the others every `stride` behind it */
    uint32_t member_count, stride;
    uint32_t repeats;    /* how often it came, 1 as a rule */
    uint32_t period;     /* steps of a round; over 1: the row stands for a whole loop, and the rows
                            right behind it, if the depth allows them, for its steps */
    int64_t ns;          /* time of its members summed */
    uint32_t hidden;     /* entities below that have no row */
    uint32_t parent_row; /* FL_TREE_NONE for a root */
    bool closed;         /* nothing below its members has a row */
    bool on_path;        /* a member is on the critical path */
    bool last;           /* no sibling's row follows */
} fl_row;

typedef struct fl_rows {
    fl_row *rows;
    uint32_t count;
    const uint32_t *members; /* nodes */
} fl_rows;

static inline uint32_t fl_row_member(const fl_rows *rows, const fl_row *row, uint32_t i)
{
    return rows->members[row->first_member + (size_t)i * row->stride];
}

/*
 * In arena. Repeated rounds of siblings with steps of an agent run in them (loops_int.h) become one
 * row for the loop and one for each step of a round, or one row if the round is one step. Of other
 * siblings, those of one name beyond FL_FOLD_OVER share a row. Never folded is what has trouble in
 * it, and what alone takes much of the critical path.
 */
FL_MUST fl_status fl_rows_of(fl_arena *arena, const fl_tree *tree, const fl_row_choice *choice,
                             fl_rows *out, fl_err *err);

#endif
