/*
 * A table for the terminal: columns as wide as their content. Where the screen has no room, columns
 * are narrowed as far as they stay useful, then left out by rank, then narrowed to almost nothing.
 */
#ifndef FL_CLI_TABLE_INT_H
#define FL_CLI_TABLE_INT_H

#include "cli/screen_int.h"

typedef struct fl_column {
    const char *title;
    bool right;        /* numbers stand to the right */
    uint8_t min;       /* screen columns that it needs to be useful; 0 = never narrowed */
    uint8_t drop_rank; /* the highest is left out first; 0 = never left out */
} fl_column;

typedef struct fl_cell {
    fl_style style;
    fl_str text; /* borrows */
} fl_cell;

#define FL_TABLE_COLUMNS_MAX 16

/* Draws titles and rows; cells is row_count times column_count. */
void fl_table_draw(fl_screen *screen, const fl_column *columns, size_t column_count,
                   const fl_cell *cells, size_t row_count);

#endif
