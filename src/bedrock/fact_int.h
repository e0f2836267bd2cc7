/*
 * Values of annotations (spec §3.12): each function fills *to and tells whether there is a value,
 * for what is absent, empty or too long to mean anything is not written.
 */
#ifndef FL_BEDROCK_FACT_INT_H
#define FL_BEDROCK_FACT_INT_H

#include "bedrock/write_int.h"

#define BEDROCK_NUMBER_BYTES_MAX 64 /* a longer number is none that anybody meant */

bool bedrock_put_string(const bedrock_view *view, fl_annotation *to, fl_str text);
/* A text of the input, without what must not be seen of it. */
bool bedrock_put_text(const bedrock_view *view, fl_annotation *to, fl_str text);
bool bedrock_put_number(fl_annotation *to, fl_str number); /* as it stands */
/* BEDROCK_INT_NONE is absent; nano is written as a decimal number. */
bool bedrock_put_integer(const bedrock_view *view, fl_annotation *to, int64_t value);
bool bedrock_put_nano(const bedrock_view *view, fl_annotation *to, int64_t nano);
bool bedrock_put_true(fl_annotation *to, bool value); /* false is absent */

/* Texts joined by a separator, NUL for none, as far as an annotation shows them. */
typedef struct bedrock_joined {
    char bytes[BEDROCK_STRING_CHARS_MAX * 4 + 8];
    fl_buf text;
} bedrock_joined;
void bedrock_joined_init(bedrock_joined *j);
void bedrock_joined_add(bedrock_joined *j, fl_str part, char separator);
bool bedrock_put_joined(const bedrock_view *view, fl_annotation *to, const bedrock_joined *j);

/* ---- Values in the bodies of a step */

typedef enum bedrock_side { BEDROCK_INPUT, BEDROCK_OUTPUT } bedrock_side;

/* Members that lead from a body to a value; fewer end with NULL. */
#define BEDROCK_PATH_LENGTH_MAX 3
typedef struct bedrock_place {
    bedrock_side side;
    const char *path[BEDROCK_PATH_LENGTH_MAX];
} bedrock_place;

yyjson_val *bedrock_value_at(const bedrock_view *view, const bedrock_place *place);
/* What was asked or answered, if the options want texts as annotations. */
bool bedrock_put_body_text(const bedrock_view *view, bedrock_side side, fl_annotation *to);

#endif
