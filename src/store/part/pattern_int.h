/*
 * Patterns of texts: what stays of "/orders/4711?page=2" when its numbers are taken out. Many
 * texts of one path (URLs, addresses, ids) share few patterns, and numbers take a third of the
 * bytes as integers that they take as digits. Pure functions.
 *
 * A pattern is bytes; those from 1 to 5 mean something:
 *
 *   1        a decimal number of at most 18 digits without leading zeros
 *   2 width  a decimal number of `width` digits (1 … 18)
 *   3 width  a hex number of `width` digits (1 … 16), lower case
 *   4 width  the same, upper case
 *   5 byte   the byte itself
 *
 * and all others stand for themselves.
 */
#ifndef FL_STORE_PART_PATTERN_INT_H
#define FL_STORE_PART_PATTERN_INT_H

#include "base/base.h"

typedef enum fl_pattern_mark {
    FL_PATTERN_NONE, /* the end of the text */
    FL_PATTERN_NUMBER,
    FL_PATTERN_DIGITS,
    FL_PATTERN_HEX,
    FL_PATTERN_UPPER_HEX,
    FL_PATTERN_BYTE,
    FL_PATTERN_MARKS
} fl_pattern_mark;

/* Fields of one text; what comes behind stays in the pattern. */
#define FL_PATTERN_FIELDS 32

/* The pattern of a text, into `pattern` with room for fl_pattern_room(text.n) bytes, and its
 * numbers (those of 16 hex digits as their bits); returns the bytes of the pattern. */
static inline size_t fl_pattern_room(size_t text_bytes)
{
    return 2 * text_bytes;
}
size_t fl_pattern_of(fl_str text, char *pattern, int64_t numbers[FL_PATTERN_FIELDS],
                     size_t *number_count);

/* A pattern taken apart: literal bytes and the field behind them; the last has no field. */
typedef struct fl_pattern_piece {
    const char *literal;
    uint32_t literal_n;
    uint8_t mark; /* fl_pattern_mark */
    uint8_t width;
} fl_pattern_piece;

/* Walks through the pieces of a pattern. Literals are written to `to`, with room for as many bytes
 * as the pattern has, which moves on. False on a malformed pattern. */
bool fl_pattern_next(fl_cur *pattern, char **to, fl_pattern_piece *piece);

#endif
