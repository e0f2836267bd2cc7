/*
 * A waterfall while it is being drawn: what its parts (header, rows, facts) share.
 */
#ifndef FL_CLI_DRAWING_INT_H
#define FL_CLI_DRAWING_INT_H

#include "cli/waterfall_int.h"

/*
 *   symbol  guides and name, hint      duration  bar
 *   ✗       ├─payments  POST /charge     812 ms      ━━━━████━━
 */
#define FL_NAME_COLUMN      2
#define FL_DURATION_COLUMNS 9
#define FL_BAR_COLUMNS_MIN  20
#define FL_DEPTH_COLUMNS    6 /* of the number that stands for guides */

typedef struct fl_drawing {
    fl_arena *arena;
    fl_arena row_arena; /* scratch of one row */
    fl_screen *screen;
    const fl_waterfall_source *source;
    const fl_waterfall_options *options;
    fl_tree tree;
    fl_rows rows;
    fl_buf text;           /* scratch */
    unsigned name_columns; /* guides, name and hint */
    unsigned bar_column;
    unsigned guide_levels; /* deeper rows show their depth as a number */
} fl_drawing;

static inline const fl_tree_node *fl_drawing_node(const fl_drawing *d, const fl_row *row)
{
    return &d->tree.nodes[row->node];
}

/* Columns that the guides of a depth take. */
static inline unsigned fl_drawing_level(const fl_drawing *d, uint32_t depth)
{
    return depth < d->guide_levels ? 2 * depth : 2 * (d->guide_levels - 1) + FL_DEPTH_COLUMNS;
}

/* Columns left on the line before a column. */
static inline unsigned fl_drawing_room(const fl_drawing *d, unsigned column)
{
    return column > d->screen->column ? column - d->screen->column : 0;
}

/* Title, request, figures, warnings. Errors: FL_E_NOMEM. */
FL_MUST fl_status fl_drawing_header(fl_drawing *d, fl_err *err);
/* The lines that lead to the row's level; `below` for those of its facts. */
void fl_drawing_guides(fl_drawing *d, const fl_row *row, bool below);
/* The lines below a row: exceptions, annotations, what the hint had no room for. */
FL_MUST fl_status fl_drawing_facts(fl_drawing *d, uint32_t row_index, bool hint_was_cut,
                                   fl_err *err);

#endif
