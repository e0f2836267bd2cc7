/*
 * A trace as one tree of entities, and the choice of those that a picture shows. Subsegments nest
 * in their segment; a segment stands under the call that led to it; inferred segments are left out,
 * being copies of the calls. Pure.
 */
#ifndef FL_CLI_TREE_INT_H
#define FL_CLI_TREE_INT_H

#include "cli/critical_path_int.h"

#define FL_TREE_NONE UINT32_MAX

typedef struct fl_tree_node {
    const fl_entity *entity;
    uint32_t parent; /* FL_TREE_NONE for a root */
    uint32_t end;    /* index behind the last one below it */
    uint32_t depth;
    bool trouble; /* it, or something below it, is flagged or unfinished */
    bool on_path; /* it, or something below it, is on the critical path */
} fl_tree_node;

typedef struct fl_tree {
    fl_tree_node *nodes; /* each before those below it, siblings by start time, then id */
    uint32_t count;
    fl_path_slice *slices; /* of the critical path, those of one entity together, by time */
    size_t slice_count;
    int64_t from_ns, to_ns; /* time axis: from_ns < to_ns */
} fl_tree;

/* In arena; borrows the trace. Errors: FL_E_NOMEM. */
FL_MUST fl_status fl_tree_of(fl_arena *arena, const fl_trace *trace, fl_tree *out, fl_err *err);

/* The slices of the critical path that are an entity's own. */
const fl_path_slice *fl_tree_slices(const fl_tree *tree, const fl_entity *entity, size_t *count);

typedef struct fl_row_choice {
    uint64_t depth;     /* deepest level shown; the root's is 0 */
    bool critical_only; /* only what is on the critical path */
    bool all;           /* do not fold */
} fl_row_choice;

#define FL_FOLD_OVER 5 /* this many siblings of one name are still shown one by one */

typedef struct fl_row {
    uint32_t node;       /* the first one of a fold */
    uint32_t fold_count; /* entities that the row stands for, 1 as a rule */
    int64_t fold_ns;     /* their times summed */
    uint32_t hidden;     /* entities below that have no row */
    uint32_t parent_row; /* FL_TREE_NONE for a root */
    bool last;           /* no sibling's row follows */
} fl_row;

typedef struct fl_rows {
    fl_row *rows;
    uint32_t count;
    const uint32_t
        *next_folded; /* by node: the next one of its fold, FL_TREE_NONE behind the last */
} fl_rows;

/* In arena. Siblings of one name beyond FL_FOLD_OVER share a row, unless there is trouble in them.
 */
FL_MUST fl_status fl_rows_of(fl_arena *arena, const fl_tree *tree, const fl_row_choice *choice,
                             fl_rows *out, fl_err *err);

#endif
