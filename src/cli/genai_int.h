/*
 * The usage report as the server sends it, drawn as a table.
 */
#ifndef FL_CLI_GENAI_INT_H
#define FL_CLI_GENAI_INT_H

#include "cli/screen_int.h"
#include "codec/codec.h"

/* Draws the groups of an answer, their sum, and what the reader should know of them. Errors:
 * FL_E_NOMEM. */
FL_MUST fl_status fl_genai_table_draw(fl_arena *arena, fl_screen *screen, yyjson_val *answer,
                                      fl_err *err);

#endif
