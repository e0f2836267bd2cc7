/*
 * How it went, in one word: of a trace, a segment or a subsegment. Sign, colour and word of each
 * stand in one table.
 */
#ifndef FL_CLI_MARK_INT_H
#define FL_CLI_MARK_INT_H

#include "cli/screen_int.h"

typedef enum fl_mark {
    FL_MARK_OK,
    FL_MARK_ERROR,
    FL_MARK_THROTTLE,
    FL_MARK_FAULT,
    FL_MARK_PARTIAL, /* unfinished, and nothing worse so far */
    FL_MARK_COUNT
} fl_mark;

typedef struct fl_mark_look {
    const char *word;
    fl_glyph glyph;
    fl_style style, bold_style;
} fl_mark_look;

/* Fault before throttle before error before partial. */
fl_mark fl_mark_of(bool fault, bool throttle, bool error, bool partial);
const fl_mark_look *fl_mark_look_of(fl_mark mark);

#endif
