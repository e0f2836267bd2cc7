/*
 * Text for a terminal: styles, drawing characters, column widths, clipping and wrapping. Text from
 * traces is data: control characters, escape sequences and direction marks in it never get out.
 *
 * A screen only fills a buffer. In a locale that is not UTF-8 all output is ASCII.
 */
#ifndef FL_CLI_SCREEN_INT_H
#define FL_CLI_SCREEN_INT_H

#include "cli/options_int.h"

typedef enum fl_style {
    FL_STYLE_PLAIN,
    FL_STYLE_BOLD,
    FL_STYLE_DIM,
    FL_STYLE_OK,
    FL_STYLE_ERROR,
    FL_STYLE_FAULT,
    FL_STYLE_THROTTLE,
    FL_STYLE_PARTIAL,
    FL_STYLE_OK_BOLD, /* the same, as what the critical path runs through */
    FL_STYLE_ERROR_BOLD,
    FL_STYLE_FAULT_BOLD,
    FL_STYLE_THROTTLE_BOLD,
    FL_STYLE_PARTIAL_BOLD,
    FL_STYLE_KEY,
    FL_STYLE_COUNT
} fl_style;

typedef enum fl_glyph {
    FL_GLYPH_OK,
    FL_GLYPH_ERROR,
    FL_GLYPH_FAULT,
    FL_GLYPH_THROTTLE,
    FL_GLYPH_PARTIAL,
    FL_GLYPH_TEE,    /* an entry with siblings below */
    FL_GLYPH_ELBOW,  /* the last one */
    FL_GLYPH_PIPE,   /* siblings go on below */
    FL_GLYPH_DETAIL, /* a line that belongs to the entry above */
    FL_GLYPH_CUT,    /* text goes on but is not shown */
    FL_GLYPH_ARROW,
    FL_GLYPH_TIMES,
    FL_GLYPH_DOT,
    FL_GLYPH_MICRO,
    FL_GLYPH_LINE, /* bar: whole cell, left and right half */
    FL_GLYPH_LINE_LEFT,
    FL_GLYPH_LINE_RIGHT,
    FL_GLYPH_BLOCK, /* bar on the critical path */
    FL_GLYPH_BLOCK_LEFT,
    FL_GLYPH_BLOCK_RIGHT,
    FL_GLYPH_HATCH, /* bar of something unfinished */
    FL_GLYPH_RULE,  /* the time axis and its ticks */
    FL_GLYPH_TICK,
    FL_GLYPH_COUNT
} fl_glyph;

typedef struct fl_screen {
    fl_buf *out;
    unsigned width; /* columns; 0 = unlimited */
    bool color, utf8;
    unsigned column;  /* of the line so far */
    fl_style current; /* style that the terminal has now */
} fl_screen;

/* A screen on out as the options, the environment and the terminal at fd ask. fallback_width is for
 * output that is no terminal. */
fl_screen fl_screen_of(const fl_common *common, int fd, unsigned fallback_width, fl_buf *out);

fl_str fl_screen_glyph(const fl_screen *screen, fl_glyph glyph);

/* Columns of text as it would be shown. */
unsigned fl_screen_columns(const fl_screen *screen, fl_str text);

/* Text, or its beginning and the cut sign when it needs more than max columns. */
void fl_screen_put(fl_screen *screen, fl_style style, fl_str text, unsigned max);
/* Text in full. */
void fl_screen_add(fl_screen *screen, fl_style style, fl_str text);
void fl_screen_add_glyph(fl_screen *screen, fl_style style, fl_glyph glyph);
/* Blanks up to a column; nothing if it is passed already. */
void fl_screen_pad_to(fl_screen *screen, unsigned column);
/* Ends the line, with the style reset. */
void fl_screen_newline(fl_screen *screen);

/* Next line of a text for `columns`: breaks at blanks where it can and at line feeds always. *rest
 * is absent behind the last one. */
fl_str fl_screen_wrap(const fl_screen *screen, fl_str *rest, unsigned columns);

#endif
