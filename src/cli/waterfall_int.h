/*
 * The picture of a trace: a header, a time axis, and a row per entity with its bar. Solid parts of
 * a bar lie on the critical path.
 */
#ifndef FL_CLI_WATERFALL_INT_H
#define FL_CLI_WATERFALL_INT_H

#include "cli/entity_text_int.h"
#include "cli/tree_int.h"

typedef struct fl_waterfall_options {
    fl_row_choice rows;
    bool annotations, metadata;
    uint64_t max_rows; /* 0 = all */
} fl_waterfall_options;

typedef struct fl_waterfall_source {
    const fl_trace *trace;
    size_t unreadable; /* documents that could not be decoded; the header tells */
} fl_waterfall_source;

/* Draws to the screen, whose width must be set. Scratch memory is taken from arena. Errors:
 * FL_E_NOMEM. */
FL_MUST fl_status fl_waterfall_draw(fl_arena *arena, fl_screen *screen,
                                    const fl_waterfall_source *source,
                                    const fl_waterfall_options *options, fl_err *err);

/* ---- Parts of it */

/* A bar that is being made up: two marks per column. */
typedef enum fl_bar_mark { FL_BAR_NONE, FL_BAR_LINE, FL_BAR_HATCH, FL_BAR_BLOCK } fl_bar_mark;
typedef struct fl_bar {
    int64_t from_ns, to_ns; /* the axis */
    unsigned columns;
    uint8_t halves[2 * FL_WIDTH_MAX]; /* fl_bar_mark */
} fl_bar;

void fl_bar_begin(fl_bar *bar, int64_t from_ns, int64_t to_ns, unsigned columns);
/* Marks a time; a stronger mark stays. At least one half column, however short the time. */
void fl_bar_add(fl_bar *bar, int64_t from_ns, int64_t to_ns, fl_bar_mark mark);
void fl_bar_draw(const fl_bar *bar, fl_screen *screen, const fl_mark_look *look);
/* Draws the axis' labels and ticks as two lines that begin at `column`. */
void fl_axis_draw(fl_screen *screen, unsigned column, const fl_bar *bar);

#endif
