/*
 * A waterfall while it is being drawn: what its parts (header, rows, facts) share.
 */
#ifndef FL_CLI_DRAWING_INT_H
#define FL_CLI_DRAWING_INT_H

#include "cli/run_int.h"
#include "cli/waterfall_int.h"

/*
 *   symbol  guides and name, hint     tokens and cost    duration  bar
 *   ✗       ├─payments  POST /charge                       812 ms      ━━━━████━━
 *           └─model  amazon.nova-pro  902→61  $0.0009      1.12 s          ██████
 */
#define FL_NAME_COLUMN      2
#define FL_DURATION_COLUMNS 9
#define FL_BAR_COLUMNS_MIN  20
#define FL_DEPTH_COLUMNS    6 /* of the number that stands for guides */
#define FL_AMOUNT_GAP       2

typedef struct fl_drawing {
    fl_arena *arena;
    fl_arena row_arena; /* scratch of one row */
    fl_screen *screen;
    const fl_waterfall_source *source;
    const fl_waterfall_options *options;
    fl_tree tree;
    fl_rows rows;
    fl_run run;                            /* of traces with steps of an agent run */
    fl_failures failures;                  /* likewise: what was told before the picture */
    fl_buf text;                           /* scratch */
    unsigned name_columns;                 /* guides, name and hint */
    unsigned tokens_columns, cost_columns; /* 0 = not shown */
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

static inline bool fl_drawing_has_steps(const fl_drawing *d)
{
    return d->tree.step_count > 0;
}

/* Title, request, figures, warnings; for a run what failed and what it used. Errors: FL_E_NOMEM. */
FL_MUST fl_status fl_drawing_header(fl_drawing *d, fl_err *err);
/* The failing step, with the message of its exception; what else failed; what still runs. Errors:
 * FL_E_NOMEM. */
FL_MUST fl_status fl_drawing_failures(fl_drawing *d, fl_err *err);
/* Agents, calls, tokens, cost, models, time, and what was out of the ordinary. */
void fl_drawing_run(fl_drawing *d);
/* Was an entity told before the picture as a failure? Was its cause, perhaps as another's? */
bool fl_drawing_told_failure(const fl_drawing *d, const fl_tree_node *node);
bool fl_drawing_told_cause(const fl_drawing *d, const fl_tree_node *node);

/* An entity in one line, without its marks: `model  amazon.nova-pro-v1:0`, `orders`. */
void fl_drawing_entity_name(fl_drawing *d, const fl_tree_node *node, fl_style style, unsigned max);

/* Columns that name, counts, tags and hint of a row want. */
unsigned fl_drawing_name_columns(fl_drawing *d, const fl_row *row);
/* Draws them into the name column; true if the hint had to be cut. */
bool fl_drawing_name(fl_drawing *d, const fl_row *row);

/* Chooses the columns of tokens and cost by the room there is; they are asked for one by one. */
void fl_drawing_choose_amounts(fl_drawing *d, unsigned room);
static inline unsigned fl_drawing_amount_columns(const fl_drawing *d)
{
    return (d->tokens_columns > 0 ? d->tokens_columns + FL_AMOUNT_GAP : 0) +
           (d->cost_columns > 0 ? d->cost_columns + FL_AMOUNT_GAP : 0);
}
/* Draws a row's tokens and cost, or their titles where row is NULL. */
void fl_drawing_amounts(fl_drawing *d, const fl_row *row);
/* The lines that lead to the row's level; `below` for those of its facts. */
void fl_drawing_guides(fl_drawing *d, const fl_row *row, bool below);
/* The lines below a row: exceptions, annotations, what the hint had no room for. */
FL_MUST fl_status fl_drawing_facts(fl_drawing *d, uint32_t row_index, bool hint_was_cut,
                                   fl_err *err);

#endif
