#include "bedrock/read_int.h"

/*
 * A sequence of JSON values (spec §2.1), an array at the top element by element.
 *
 * Most inputs have a value on each line: then the line's end is found and the line is parsed, which
 * is all that is done with its bytes. Any other value, and one whose line is not complete yet, goes
 * through a strict check that finds its end or its first wrong byte in any split; it is parsed once
 * it is whole. So no byte is looked at more than three times, but after an error, and there are at
 * most twenty of these.
 */

/* A line up to so long is parsed on the chance that its first value is all of it. */
#define LINE_MAX_BYTES ((size_t)256 << 10)

static const fl_str PYTHON_DATE = {"datetime.datetime(", 18};

static fl_str rest_of(fl_str text, size_t from)
{
    return (fl_str){text.p + from, text.n - from};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static size_t max_depth(const bedrock_reader *reader)
{
    return FL_JSON_DEPTH_MAX - (reader->json.list != BEDROCK_NO_LIST);
}

static void value_ended(bedrock_reader *reader)
{
    reader->json.state = BEDROCK_BETWEEN;
    if (reader->json.list != BEDROCK_NO_LIST) {
        reader->json.list = BEDROCK_LIST_NEXT;
    }
}

/* ---- Complete values */

static fl_status recognise_and_release(bedrock_reader *reader, bedrock_value *value,
                                       const fl_json_first *first, fl_str text,
                                       fl_bedrock_place place, fl_err *err)
{
    if (first->repaired && !fl_utf8_valid(text)) {
        bedrock_diagnose(reader->config.diagnostics, FL_BEDROCK_W_UTF8, place,
                         "bytes that are no UTF-8 were replaced by U+FFFD: save as UTF-8");
    }
    bedrock_origin origin = {.reader = reader, .value = value, .place = place};
    if (!first->repaired) {
        origin.text = text;
        origin.copy = first->copy;
    }
    fl_status status = bedrock_recognise(&origin, first->root, err);
    bedrock_value_release(value);
    return status;
}

fl_status bedrock_json_take(bedrock_reader *reader, fl_str text, fl_bedrock_place place,
                            fl_err *err)
{
    bedrock_value *value;
    fl_json_first first;
    fl_err reason;
    FL_TRY(bedrock_value_new(reader, text.n, &value, err));
    if (value == NULL) {
        return FL_OK;
    }
    fl_status status = fl_json_read_first(&value->arena, text, FL_JSON_REPAIR_UTF8,
                                          FL_JSON_DEPTH_MAX, &first, &reason);
    if (status == FL_OK) {
        return recognise_and_release(reader, value, &first, text, place, err);
    }
    if (status == FL_E_NOMEM) {
        status = bedrock_no_memory(reader, &value->arena, place, err);
    } else {
        bedrock_diagnose(reader->config.diagnostics, FL_BEDROCK_E_JSON_SYNTAX, place,
                         "the value that begins in line %llu, column %llu is no JSON: %s",
                         (unsigned long long)place.line, (unsigned long long)place.column,
                         fl_err_text(&reason, status));
        status = FL_OK;
    }
    bedrock_value_release(value);
    return status;
}

/* ---- A value on a line of its own */

/* Bytes to the end of the line that `bytes` begins in; false: it is not there yet, or far. No byte
 * is searched twice, however many values are on a line. */
static bool line_length(bedrock_reader *reader, fl_str bytes, size_t *length)
{
    bedrock_json *json = &reader->json;
    if (json->next_line <= reader->at.offset) {
        size_t from = json->searched > reader->at.offset ? json->searched - reader->at.offset : 0;
        size_t to = bytes.n < LINE_MAX_BYTES ? bytes.n : LINE_MAX_BYTES;
        const char *newline = from < to ? memchr(bytes.p + from, '\n', to - from) : NULL;
        if (newline == NULL) {
            json->searched = reader->at.offset + (from < to ? to : from);
            return false;
        }
        json->next_line = reader->at.offset + (size_t)(newline - bytes.p) + 1;
    }
    *length = json->next_line - reader->at.offset - 1;
    return true;
}

/* The line from the value on, if it may hold all of it: it ends like one. */
static bool whole_line(bedrock_reader *reader, fl_str bytes, fl_str *line)
{
    if (bytes.p[0] != '{' || reader->at.offset < reader->json.slowly_until) {
        return false;
    }
    size_t length;
    if (!line_length(reader, bytes, &length)) {
        return false;
    }
    fl_str text = {bytes.p, length};
    while (text.n > 0 && is_blank(text.p[text.n - 1])) {
        text.n--;
    }
    *line = text;
    char last = text.p[text.n - 1];
    return last == '}' || last == ',' || last == ']';
}

/* Takes the value at the beginning of a line; *eaten is 0 if that cannot be done in this way. */
static fl_status take_line(bedrock_reader *reader, fl_str line, size_t *eaten, fl_err *err)
{
    bedrock_value *value;
    fl_json_first first;
    *eaten = 0;
    fl_bedrock_place place = reader->at;
    FL_TRY(bedrock_value_new(reader, line.n, &value, err));
    if (value == NULL) {
        return FL_OK;
    }
    fl_status status = fl_json_read_first(&value->arena, line, FL_JSON_REPAIR_UTF8,
                                          max_depth(reader), &first, NULL);
    if (status != FL_OK) {
        fl_status why =
            status == FL_E_NOMEM ? bedrock_no_memory(reader, &value->arena, place, err) : FL_OK;
        bedrock_value_release(value);
        return why;
    }
    *eaten = first.n;
    if (line.n - first.n > 2) { /* more than "]," */
        reader->json.slowly_until = reader->at.offset + line.n;
    }
    return recognise_and_release(reader, value, &first, (fl_str){line.p, first.n}, place, err);
}

/* ---- Broken values */

typedef struct broken {
    fl_str text; /* from the value's beginning */
    size_t at;   /* the wrong byte */
    fl_json_check_result result;
} broken;

/* Place of a byte of a text that begins where the reader stands. */
static fl_bedrock_place place_in(const bedrock_reader *reader, fl_str text, size_t at)
{
    fl_bedrock_place place = reader->at;
    bedrock_place_advance(&place, (fl_str){text.p, at});
    return place;
}

/* Whether it is what str(event) gives in Python. */
static bool is_python(const broken *b)
{
    fl_str there = rest_of(b->text, b->at);
    if (fl_str_starts(there, PYTHON_DATE)) {
        return true;
    }
    fl_str before = fl_str_trim((fl_str){b->text.p, b->at});
    return there.n > 0 && there.p[0] == '\'' && fl_str_eq(before, FL_S("{"));
}

/* More bytes are needed to tell. */
static bool may_be_python(const broken *b)
{
    fl_str there = rest_of(b->text, b->at);
    return there.n < PYTHON_DATE.n && fl_str_starts(PYTHON_DATE, there);
}

static void report_broken(bedrock_reader *reader, const broken *b)
{
    bedrock_diagnostics *to = reader->config.diagnostics;
    fl_bedrock_place place = place_in(reader, b->text, b->at);
    unsigned long long line = place.line;
    unsigned long long column = place.column;
    if (b->result == FL_CHECK_DEEP) {
        bedrock_diagnose(
            to, FL_BEDROCK_E_JSON_DEPTH, place,
            "line %llu, column %llu: nested deeper than %d, which no event is; save the "
            "events as they came",
            line, column, FL_JSON_DEPTH_MAX);
    } else if (is_python(b)) {
        bedrock_diagnose(to, FL_BEDROCK_E_PYREPR, place,
                         "line %llu, column %llu: this is a Python repr, not JSON: save it with "
                         "json.dumps(event, default=str)",
                         line, column);
    } else {
        bool listed = reader->json.list != BEDROCK_NO_LIST;
        bedrock_diagnose(to, FL_BEDROCK_E_JSON_SYNTAX, place,
                         "line %llu, column %llu: this is no JSON, expected %s; %s", line, column,
                         fl_json_check_expected(&reader->json.check),
                         listed ? "mend it, as nothing behind it in the list is read"
                                : "reading goes on in the next line");
    }
}

static void report_cut(bedrock_reader *reader, fl_str text)
{
    fl_bedrock_place end = place_in(reader, text, text.n);
    fl_bedrock_place value = reader->at;
    bool listed = reader->json.list != BEDROCK_NO_LIST;
    fl_bedrock_place begin = listed ? reader->json.list_place : value;
    bedrock_diagnose(reader->config.diagnostics, FL_BEDROCK_E_JSON_EOF, end,
                     "line %llu, column %llu: the file looks cut off: it ends inside the %s that "
                     "began in line %llu, column %llu; save the stream once more, to its end",
                     (unsigned long long)end.line, (unsigned long long)end.column,
                     listed ? "list" : "value", (unsigned long long)begin.line,
                     (unsigned long long)begin.column);
}

/* Before an error is told: what is complete of a whole answer counts. Reading cannot go on in the
 * next line then, if that is inside of the answer. */
static fl_status salvage(bedrock_reader *reader, fl_str text, bool *ends, fl_err *err)
{
    bool salvaged = false;
    if (reader->json.list == BEDROCK_NO_LIST) {
        FL_TRY(bedrock_salvage(reader, text, &salvaged, err));
    }
    *ends =
        reader->json.list != BEDROCK_NO_LIST || (salvaged && memchr(text.p, '\n', text.n) != NULL);
    return FL_OK;
}

static fl_status tell_broken(bedrock_reader *reader, const broken *b, fl_err *err)
{
    bool ends;
    FL_TRY(salvage(reader, (fl_str){b->text.p, b->at}, &ends, err));
    report_broken(reader, b);
    reader->config.diagnostics->over |= ends;
    return FL_OK;
}

/* ---- Values that are held */

static void forget_lines(bedrock_json *json)
{
    json->searched = json->next_line = json->slowly_until = 0;
}

/* What is held is read again, from the line behind the first one. */
static void read_again(bedrock_reader *reader)
{
    bedrock_json *json = &reader->json;
    fl_str text = fl_buf_str(&reader->held.bytes);
    const char *newline = memchr(text.p, '\n', text.n);
    json->again_from = newline != NULL ? (size_t)(newline - text.p) + 1 : text.n;
    json->state = newline != NULL ? BEDROCK_BETWEEN : BEDROCK_SKIP_LINE;
    bedrock_place_advance(&reader->at, (fl_str){text.p, json->again_from});
    json->again = reader->held;
    reader->held = (bedrock_held){0};
    fl_buf_init(&reader->held.bytes, json->again.bytes.max_bytes);
}

/* The held value is broken; is_end: nothing more comes that would tell what it is instead. */
static fl_status broken_held(bedrock_reader *reader, bool is_end, fl_err *err)
{
    const broken b = {fl_buf_str(&reader->held.bytes), reader->json.wrong_at, reader->json.wrong};
    if (!is_end && b.result == FL_CHECK_WRONG && may_be_python(&b)) {
        reader->json.state = BEDROCK_WRONG;
        return FL_OK;
    }
    FL_TRY(tell_broken(reader, &b, err));
    read_again(reader);
    return FL_OK;
}

static fl_status hold_first(bedrock_reader *reader, fl_str *bytes, size_t n, fl_err *err)
{
    fl_str part = {bytes->p, n < bytes->n ? n : bytes->n};
    *bytes = rest_of(*bytes, part.n);
    return bedrock_reader_hold(reader, part, err);
}

static fl_status take_held(bedrock_reader *reader, fl_err *err)
{
    fl_str text = fl_buf_str(&reader->held.bytes);
    FL_TRY(bedrock_json_take(reader, text, reader->at, err));
    bedrock_place_advance(&reader->at, text);
    bedrock_reader_let_go(reader);
    value_ended(reader);
    return FL_OK;
}

static fl_status go_on_inside(bedrock_reader *reader, fl_str *bytes, fl_err *err)
{
    size_t eaten;
    size_t held = reader->held.bytes.n;
    fl_json_check_result result =
        fl_json_check_feed(&reader->json.check, bytes->p, bytes->n, &eaten);
    bool wrong = result == FL_CHECK_WRONG || result == FL_CHECK_DEEP;
    FL_TRY(hold_first(reader, bytes, wrong ? eaten + PYTHON_DATE.n : eaten, err));
    if (bedrock_reader_over(reader) || result == FL_CHECK_MORE) {
        return FL_OK;
    }
    if (result == FL_CHECK_END) {
        return take_held(reader, err);
    }
    reader->json.wrong = result;
    reader->json.wrong_at = held + eaten;
    return broken_held(reader, false, err);
}

static fl_status go_on_wrong(bedrock_reader *reader, fl_str *bytes, fl_err *err)
{
    size_t there = reader->held.bytes.n - reader->json.wrong_at;
    FL_TRY(hold_first(reader, bytes, PYTHON_DATE.n - there, err));
    return bedrock_reader_over(reader) ? FL_OK : broken_held(reader, false, err);
}

/* ---- Values that begin */

static void skip_line(bedrock_reader *reader, fl_str *bytes)
{
    const char *newline = memchr(bytes->p, '\n', bytes->n);
    size_t n = newline != NULL ? (size_t)(newline - bytes->p) + 1 : bytes->n;
    bedrock_place_advance(&reader->at, (fl_str){bytes->p, n});
    *bytes = rest_of(*bytes, n);
    reader->json.state = newline != NULL ? BEDROCK_BETWEEN : BEDROCK_SKIP_LINE;
}

/* A value that is broken in the bytes that it began in. */
static fl_status broken_here(bedrock_reader *reader, fl_str *bytes, const broken *b, fl_err *err)
{
    if (b->result == FL_CHECK_WRONG && may_be_python(b)) {
        reader->json.wrong = b->result;
        reader->json.wrong_at = b->at;
        reader->json.state = BEDROCK_WRONG;
        return hold_first(reader, bytes, bytes->n, err);
    }
    FL_TRY(tell_broken(reader, b, err));
    skip_line(reader, bytes);
    return FL_OK;
}

static fl_status begin_value(bedrock_reader *reader, fl_str *bytes, fl_err *err)
{
    size_t eaten = 0;
    fl_str line;
    if (whole_line(reader, *bytes, &line)) {
        FL_TRY(take_line(reader, line, &eaten, err));
        if (eaten > 0 || bedrock_reader_over(reader)) {
            *bytes = rest_of(*bytes, eaten);
            reader->at.offset += eaten;
            reader->at.column += eaten;
            value_ended(reader);
            return FL_OK;
        }
    }
    reader->json.check = fl_json_check_begin(max_depth(reader));
    fl_json_check_result result =
        fl_json_check_feed(&reader->json.check, bytes->p, bytes->n, &eaten);
    if (result == FL_CHECK_MORE) {
        reader->json.state = BEDROCK_INSIDE;
        return hold_first(reader, bytes, bytes->n, err);
    }
    if (result != FL_CHECK_END) {
        return broken_here(reader, bytes, &(broken){*bytes, eaten, result}, err);
    }
    const fl_str text = {bytes->p, eaten};
    *bytes = rest_of(*bytes, eaten);
    FL_TRY(bedrock_json_take(reader, text, reader->at, err));
    bedrock_place_advance(&reader->at, text);
    value_ended(reader);
    return FL_OK;
}

static void skip_blanks(bedrock_reader *reader, fl_str *bytes)
{
    size_t n = 0;
    while (n < bytes->n && is_blank(bytes->p[n])) {
        n++;
    }
    bedrock_place_advance(&reader->at, (fl_str){bytes->p, n});
    *bytes = rest_of(*bytes, n);
}

/* A bracket or comma of the list at the top; false: a value begins. */
static bool take_list_byte(bedrock_reader *reader, char c)
{
    bedrock_json *json = &reader->json;
    if (json->list == BEDROCK_NO_LIST && c == '[') {
        json->list_place = reader->at;
        json->list = BEDROCK_LIST_BEGUN;
        return true;
    }
    if (json->list == BEDROCK_LIST_NEXT && c == ',') {
        json->list = BEDROCK_LIST_ITEM;
        return true;
    }
    if (c == ']' && (json->list == BEDROCK_LIST_NEXT || json->list == BEDROCK_LIST_BEGUN)) {
        json->list = BEDROCK_NO_LIST;
        return true;
    }
    return false;
}

static fl_status between(bedrock_reader *reader, fl_str *bytes, fl_err *err)
{
    skip_blanks(reader, bytes);
    if (bytes->n == 0) {
        return FL_OK;
    }
    if (take_list_byte(reader, bytes->p[0])) {
        reader->at.offset++;
        reader->at.column++;
        *bytes = rest_of(*bytes, 1);
        return FL_OK;
    }
    if (reader->json.list != BEDROCK_LIST_NEXT) {
        return begin_value(reader, bytes, err);
    }
    fl_bedrock_place place = reader->at;
    bedrock_diagnose(
        reader->config.diagnostics, FL_BEDROCK_E_JSON_SYNTAX, place,
        "line %llu, column %llu: this is no JSON, expected , or ]; mend it, as nothing "
        "behind it in the list is read",
        (unsigned long long)place.line, (unsigned long long)place.column);
    reader->config.diagnostics->over = true;
    return FL_OK;
}

/* Up to the end, or to where something is to be read again first. */
static fl_status feed_bytes(bedrock_reader *reader, fl_str *bytes, fl_err *err)
{
    while (bytes->n > 0 && reader->json.again.bytes.n == 0 && !bedrock_reader_over(reader)) {
        switch (reader->json.state) {
        case BEDROCK_INSIDE:
            FL_TRY(go_on_inside(reader, bytes, err));
            break;
        case BEDROCK_WRONG:
            FL_TRY(go_on_wrong(reader, bytes, err));
            break;
        case BEDROCK_SKIP_LINE:
            skip_line(reader, bytes);
            break;
        default:
            FL_TRY(between(reader, bytes, err));
            break;
        }
    }
    return FL_OK;
}

/* Nothing is held when this begins, so no value that is held breaks before its end. */
static fl_status feed_again(bedrock_reader *reader, fl_err *err)
{
    bedrock_held again = reader->json.again;
    fl_str text = rest_of(fl_buf_str(&again.bytes), reader->json.again_from);
    reader->json.again = (bedrock_held){0};
    reader->json.again_from = 0;
    forget_lines(&reader->json);
    fl_status status = feed_bytes(reader, &text, err);
    forget_lines(&reader->json);
    bedrock_held_fini(reader, &again);
    return status;
}

fl_status bedrock_json_feed(bedrock_reader *reader, fl_str bytes, fl_err *err)
{
    while (bytes.n > 0 && !bedrock_reader_over(reader)) {
        FL_TRY(feed_bytes(reader, &bytes, err));
        FL_TRY(feed_again(reader, err));
    }
    return FL_OK;
}

/* ---- The end of the input */

static fl_status cut_held(bedrock_reader *reader, fl_err *err)
{
    bool ends;
    fl_str text = fl_buf_str(&reader->held.bytes);
    FL_TRY(salvage(reader, text, &ends, err));
    report_cut(reader, text);
    reader->config.diagnostics->over |= ends;
    read_again(reader);
    return FL_OK;
}

static fl_status finish_held(bedrock_reader *reader, fl_err *err)
{
    if (reader->json.state == BEDROCK_WRONG) {
        return broken_held(reader, true, err);
    }
    return fl_json_check_is_whole(&reader->json.check) ? take_held(reader, err)
                                                       : cut_held(reader, err);
}

/* What is held after an error of the last value begins later in it, so this ends. */
fl_status bedrock_json_finish(bedrock_reader *reader, fl_err *err)
{
    while (!bedrock_reader_over(reader) &&
           (reader->json.state == BEDROCK_INSIDE || reader->json.state == BEDROCK_WRONG)) {
        FL_TRY(finish_held(reader, err));
        FL_TRY(feed_again(reader, err));
    }
    if (!bedrock_reader_over(reader) && reader->json.list != BEDROCK_NO_LIST) {
        report_cut(reader, FL_S(""));
        reader->config.diagnostics->over = true;
    }
    return FL_OK;
}
