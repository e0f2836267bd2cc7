/* How values become annotations: bounded, typed, without what must not be seen. */
#include "bedrock/fact_int.h"

/* ---- Values */

bool bedrock_put_string(const bedrock_view *view, fl_annotation *to, fl_str text)
{
    to->kind = FL_ANNOTATION_STRING;
    to->text = bedrock_clip(view->arena, text, BEDROCK_STRING_CHARS_MAX);
    return to->text.n > 0;
}

bool bedrock_put_number(fl_annotation *to, fl_str number)
{
    to->kind = FL_ANNOTATION_NUMBER;
    to->text = number;
    return number.n > 0 && number.n <= BEDROCK_NUMBER_BYTES_MAX;
}

bool bedrock_put_true(fl_annotation *to, bool value)
{
    to->kind = FL_ANNOTATION_BOOL;
    to->boolean = value;
    return value;
}

#define DIGITS_MAX 32

static bool put_digits(const bedrock_view *view, fl_annotation *to, const fl_buf *digits)
{
    return bedrock_put_number(to, fl_str_dup(view->arena, fl_buf_str(digits)));
}

bool bedrock_put_integer(const bedrock_view *view, fl_annotation *to, int64_t value)
{
    char text[DIGITS_MAX];
    fl_buf digits = {.p = text, .capacity = sizeof text, .max_bytes = sizeof text};
    if (value == BEDROCK_INT_NONE) {
        return false;
    }
    fl_buf_add_i64(&digits, value);
    return put_digits(view, to, &digits);
}

bool bedrock_put_nano(const bedrock_view *view, fl_annotation *to, int64_t nano)
{
    char text[DIGITS_MAX];
    fl_buf digits = {.p = text, .capacity = sizeof text, .max_bytes = sizeof text};
    if (nano == BEDROCK_INT_NONE) {
        return false;
    }
    fl_buf_add_seconds(&digits, nano);
    return put_digits(view, to, &digits);
}

/* The body that opened the step; that of a return of control is its only one. */
static yyjson_val *input_of(const bedrock_view *view)
{
    return view->segment->kind == BEDROCK_CONTROL && view->step->input == NULL ? view->step->output
                                                                               : view->step->input;
}

yyjson_val *bedrock_value_at(const bedrock_view *view, const bedrock_place *place)
{
    yyjson_val *value = place->side == BEDROCK_INPUT ? input_of(view) : view->step->output;
    for (size_t i = 0; i < BEDROCK_PATH_LENGTH_MAX && place->path[i] != NULL; i++) {
        value = fl_json_get(value, fl_str_of(place->path[i]));
    }
    return value;
}

void bedrock_joined_init(bedrock_joined *j)
{
    j->text = (fl_buf){.p = j->bytes, .capacity = sizeof j->bytes, .max_bytes = sizeof j->bytes};
}

void bedrock_joined_add(bedrock_joined *j, fl_str part, char separator)
{
    if (j->text.n > 0 && separator != '\0') {
        fl_buf_add_byte(&j->text, separator);
    }
    fl_buf_add_str(&j->text, fl_str_clip(part, sizeof j->bytes - j->text.n));
}

bool bedrock_put_joined(const bedrock_view *view, fl_annotation *to, const bedrock_joined *j)
{
    return bedrock_put_string(view, to, fl_str_dup(view->arena, fl_buf_str(&j->text)));
}

/* A text of the input, without what must not be seen of it. */
bool bedrock_put_text(const bedrock_view *view, fl_annotation *to, fl_str text)
{
    fl_str shown = bedrock_redacted(view->options, text, view->redacted);
    if (shown.p !=
        text.p) { /* the buffer is used again; more than this an annotation never shows */
        shown = fl_str_dup(view->arena, fl_str_clip(shown, (BEDROCK_STRING_CHARS_MAX + 1) * 4));
    }
    return bedrock_put_string(view, to, shown);
}

/* ---- Texts of the input: not under hash and none, and in tree mode only for those who ask. */

static bool shows_texts(const fl_bedrock_options *options)
{
    bool wanted = options->texts == FL_BEDROCK_TEXTS_ON ||
                  (options->texts == FL_BEDROCK_TEXTS_BY_MODE && options->mode == FL_BEDROCK_CHAIN);
    return wanted && bedrock_content_is_shown(options);
}

typedef struct text_place {
    bedrock_kind kind;
    bedrock_place place;
} text_place;

static const text_place input_texts[] = {
    {BEDROCK_PRE_PROCESS, {BEDROCK_INPUT, {"text"}}},
    {BEDROCK_ROUTE_REQUEST, {BEDROCK_INPUT, {"text"}}},
    {BEDROCK_INVOKE_MODEL, {BEDROCK_INPUT, {"text"}}},
    {BEDROCK_GENERATE_ANSWER, {BEDROCK_INPUT, {"text"}}},
    {BEDROCK_POST_PROCESS, {BEDROCK_INPUT, {"text"}}},
    {BEDROCK_CODE, {BEDROCK_INPUT, {"codeInterpreterInvocationInput", "code"}}},
    {BEDROCK_KNOWLEDGE_BASE, {BEDROCK_INPUT, {"knowledgeBaseLookupInput", "text"}}},
    {BEDROCK_COLLABORATOR, {BEDROCK_INPUT, {"agentCollaboratorInvocationInput", "input", "text"}}},
    {BEDROCK_KINDS, {BEDROCK_INPUT, {NULL}}},
};

static const text_place output_texts[] = {
    {BEDROCK_PRE_PROCESS, {BEDROCK_OUTPUT, {"rawResponse", "content"}}},
    {BEDROCK_ROUTE_REQUEST, {BEDROCK_OUTPUT, {"rawResponse", "content"}}},
    {BEDROCK_INVOKE_MODEL, {BEDROCK_OUTPUT, {"rawResponse", "content"}}},
    {BEDROCK_GENERATE_ANSWER, {BEDROCK_OUTPUT, {"rawResponse", "content"}}},
    {BEDROCK_POST_PROCESS, {BEDROCK_OUTPUT, {"rawResponse", "content"}}},
    {BEDROCK_THOUGHT, {BEDROCK_OUTPUT, {"text"}}},
    {BEDROCK_ACTION_GROUP, {BEDROCK_OUTPUT, {"actionGroupInvocationOutput", "text"}}},
    {BEDROCK_ACTION_GROUP, {BEDROCK_OUTPUT, {"repromptResponse", "text"}}},
    {BEDROCK_CODE, {BEDROCK_OUTPUT, {"codeInterpreterInvocationOutput", "executionOutput"}}},
    {BEDROCK_CODE, {BEDROCK_OUTPUT, {"codeInterpreterInvocationOutput", "executionError"}}},
    {BEDROCK_CODE, {BEDROCK_OUTPUT, {"repromptResponse", "text"}}},
    {BEDROCK_KNOWLEDGE_BASE, {BEDROCK_OUTPUT, {"repromptResponse", "text"}}},
    {BEDROCK_COLLABORATOR,
     {BEDROCK_OUTPUT, {"agentCollaboratorInvocationOutput", "output", "text"}}},
    {BEDROCK_FINAL_RESPONSE, {BEDROCK_OUTPUT, {"finalResponse", "text"}}},
    {BEDROCK_ASK_USER, {BEDROCK_OUTPUT, {"finalResponse", "text"}}},
    {BEDROCK_REPROMPT, {BEDROCK_OUTPUT, {"repromptResponse", "text"}}},
    {BEDROCK_CUSTOM, {BEDROCK_OUTPUT, {"event", "text"}}},
    {BEDROCK_KINDS, {BEDROCK_OUTPUT, {NULL}}},
};

static bool put_first(const bedrock_view *view, fl_annotation *to, const text_place *texts)
{
    if (!shows_texts(view->options) || view->step == NULL) {
        return false;
    }
    for (; texts->kind != BEDROCK_KINDS; texts++) {
        if (texts->kind == view->segment->kind &&
            bedrock_put_text(view, to, fl_json_str(bedrock_value_at(view, &texts->place)))) {
            return true;
        }
    }
    return false;
}

bool bedrock_put_body_text(const bedrock_view *view, bedrock_side side, fl_annotation *to)
{
    return put_first(view, to, side == BEDROCK_INPUT ? input_texts : output_texts);
}
