/*
 * Names of segments and subsegments (segments.md §3, §12).
 */
#ifndef FL_TRACE_NAME_INT_H
#define FL_TRACE_NAME_INT_H

#include "trace/segment.h"

/* What is wrong with a name, in static words; NULL if nothing is. The aws profile takes letters,
 * numbers and white space of any script and `_ . : / % & # = + - @ \`; open takes all but control
 * characters. An absent or empty name is wrong in both, and so is one of more than chars_max. */
const char *fl_name_flaw(fl_str name, fl_profile profile, size_t chars_max);

/* Is it a letter, a number or a separator in Unicode (general category L, N or Z)? The table is
 * made by tools/unicode_names.py. */
bool fl_name_char_in_unicode(int32_t code);

#endif
