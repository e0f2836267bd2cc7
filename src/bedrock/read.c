#include "bedrock/read_int.h"

#include <stdlib.h>

#define DETECT_BYTES    12 /* a message's prelude */
#define HELD_KEPT_BYTES ((size_t)64 << 10)

/* ---- Memory */

void bedrock_value_release(bedrock_value *value)
{
    if (value != NULL && --value->references == 0) {
        fl_arena arena = value->arena; /* the value lies in it */
        fl_arena_fini(&arena);
    }
}

/* Texts and values of an event take about twice the bytes of its text. */
#define VALUE_BYTES(text_bytes) ((text_bytes) > SIZE_MAX / 4 ? SIZE_MAX : 2 * (text_bytes) + 768)

fl_status bedrock_value_new(bedrock_reader *reader, size_t text_bytes, bedrock_value **out,
                            fl_err *err)
{
    fl_arena arena;
    const fl_bedrock_options *options = reader->config.options;
    fl_arena_init(&arena, reader->config.budget != NULL ? SIZE_MAX : options->max_bytes);
    fl_arena_expect(&arena, VALUE_BYTES(text_bytes));
    arena.budget = reader->config.budget;
    bedrock_value *value = FL_ARENA_NEW(&arena, bedrock_value);
    *out = value;
    if (value == NULL) {
        return bedrock_no_memory(reader, &arena, reader->at, err);
    }
    value->arena = arena;
    value->references = 1;
    return FL_OK;
}

static void too_large(bedrock_reader *reader, fl_bedrock_place place)
{
    bedrock_diagnose(reader->config.diagnostics, FL_BEDROCK_E_TOO_LARGE, place,
                     "more than %zu bytes would be needed to go on: raise that limit, or save "
                     "smaller pieces, one event a line; reading stops",
                     reader->config.options->max_bytes);
    reader->config.diagnostics->over = true;
}

fl_status bedrock_no_memory(bedrock_reader *reader, const fl_arena *arena, fl_bedrock_place place,
                            fl_err *err)
{
    if (!arena->budget_refused && reader->config.budget != NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a value of the input");
    }
    if (reader->config.options->budget != NULL) {
        FL_FAIL(err, FL_E_BUSY, "the memory for inputs is in use");
    }
    too_large(reader, place);
    return FL_OK;
}

/* Growth of the held bytes is settled with the budget afterwards: it at most doubles them. */
static bool settle(bedrock_reader *reader)
{
    fl_budget *budget = reader->config.budget;
    bedrock_held *held = &reader->held;
    size_t more = held->bytes.capacity - held->taken;
    if (budget == NULL || more == 0) {
        return true;
    }
    bool taken = fl_budget_take(budget, more);
    held->taken += taken ? more : 0;
    return taken;
}

void bedrock_held_fini(bedrock_reader *reader, bedrock_held *held)
{
    fl_buf_fini(&held->bytes);
    if (held->taken > 0) {
        fl_budget_give(reader->config.budget, held->taken);
    }
    held->taken = 0;
}

fl_status bedrock_reader_hold(bedrock_reader *reader, fl_str bytes, fl_err *err)
{
    fl_buf *held = &reader->held.bytes;
    fl_buf_add_str(held, bytes);
    if (held->status == FL_E_NOMEM) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a value of the input");
    }
    if (held->status == FL_OK && settle(reader)) {
        return FL_OK;
    }
    if (held->status == FL_OK && reader->config.options->budget != NULL) {
        FL_FAIL(err, FL_E_BUSY, "the memory for inputs is in use");
    }
    too_large(reader, reader->at);
    return FL_OK;
}

void bedrock_reader_let_go(bedrock_reader *reader)
{
    size_t max_bytes = reader->held.bytes.max_bytes;
    if (reader->held.bytes.capacity <= HELD_KEPT_BYTES) {
        fl_buf_reset(&reader->held.bytes);
        return;
    }
    bedrock_held_fini(reader, &reader->held);
    fl_buf_init(&reader->held.bytes, max_bytes);
}

/* ---- Places */

void bedrock_place_advance(fl_bedrock_place *place, fl_str text)
{
    const char *end = text.p + text.n;
    const char *line = text.p; /* that the place is in */
    const char *newline = text.n > 0 ? memchr(line, '\n', text.n) : NULL;
    place->offset += text.n;
    while (newline != NULL) {
        place->line++;
        place->column = 1;
        line = newline + 1;
        newline = line < end ? memchr(line, '\n', (size_t)(end - line)) : NULL;
    }
    place->column += (size_t)(end - line);
}

/* ---- Formats (spec §2.1) */

static bool is_utf16(fl_str head)
{
    fl_str first = {head.p, head.n < 4 ? head.n : 4};
    return fl_str_starts(head, FL_S("\xff\xfe")) || fl_str_starts(head, FL_S("\xfe\xff")) ||
           (first.n > 0 && memchr(first.p, '\0', first.n) != NULL);
}

/* Not so much as to mistake a damaged prelude for it. */
static bool is_json(fl_str head)
{
    fl_str text =
        fl_str_starts(head, FL_S("\xef\xbb\xbf")) ? (fl_str){head.p + 3, head.n - 3} : head;
    text = fl_str_trim(text);
    bool opens = text.n > 0 && (text.p[0] == '{' || text.p[0] == '[');
    return head.n > 0 && (text.n == 0 || (opens && memchr(text.p, '\0', text.n) == NULL));
}

static void hopeless(bedrock_reader *reader, fl_bedrock_code code, const char *what)
{
    const fl_bedrock_place begin = {1, 1, 0};
    bedrock_diagnose(reader->config.diagnostics, code, begin, "%s", what);
    reader->config.diagnostics->over = true;
}

/* Binary content has offsets, no lines. */
static void contradiction(bedrock_reader *reader, const char *given, const char *content,
                          fl_bedrock_place begin)
{
    const char *by = reader->config.options->format_given_by;
    bedrock_diagnose(reader->config.diagnostics, FL_BEDROCK_E_FORMAT, begin,
                     "%s says %s, but the content is %s: give the right format, or none",
                     by != NULL ? by : "the given format", given, content);
    reader->config.diagnostics->over = true;
}

/* What the first twelve bytes, or all that there are, make of the input. Returns how many of them
 * are no part of the text: a BOM. */
static size_t detect(bedrock_reader *reader, fl_str head)
{
    fl_bedrock_format given = reader->config.options->format;
    bool stream = bedrock_is_frame(head);
    if (!stream && fl_str_starts(head, FL_S("\x1f\x8b"))) {
        hopeless(reader, FL_BEDROCK_E_GZIP,
                 "the input is compressed (gzip): decompress it first, as gzip -dc does");
    } else if (given == FL_BEDROCK_FORMAT_EVENTSTREAM && !stream && is_json(head)) {
        contradiction(reader, "event stream", "JSON text", (fl_bedrock_place){1, 1, 0});
    } else if (given == FL_BEDROCK_FORMAT_JSON && stream) {
        contradiction(reader, "JSON", "a binary event stream (application/vnd.amazon.eventstream)",
                      (fl_bedrock_place){0});
    } else if (stream || given == FL_BEDROCK_FORMAT_EVENTSTREAM) {
        reader->phase = BEDROCK_STREAM;
        reader->at = (fl_bedrock_place){0};
    } else if (is_utf16(head)) {
        hopeless(reader, FL_BEDROCK_E_UTF16,
                 "the input is UTF-16 or no text at all: save it as UTF-8");
    } else {
        reader->phase = BEDROCK_JSON;
        reader->at.offset = fl_str_starts(head, FL_S("\xef\xbb\xbf")) ? 3 : 0;
    }
    return reader->at.offset;
}

static fl_status feed_format(bedrock_reader *reader, fl_str bytes, fl_err *err)
{
    return reader->phase == BEDROCK_JSON ? bedrock_json_feed(reader, bytes, err)
                                         : bedrock_stream_feed(reader, bytes, err);
}

static fl_str behind(fl_str text, size_t n)
{
    return (fl_str){text.p + n, text.n - n};
}

/* Reads on with the few bytes that were held to tell the format. */
static fl_status begin_format(bedrock_reader *reader, fl_err *err)
{
    char first[DETECT_BYTES];
    const fl_str head = {first, reader->held.bytes.n};
    memcpy(first, fl_buf_str(&reader->held.bytes).p, head.n);
    bedrock_reader_let_go(reader);
    size_t skipped = detect(reader, head);
    return bedrock_reader_over(reader) ? FL_OK : feed_format(reader, behind(head, skipped), err);
}

static fl_status feed_first(bedrock_reader *reader, fl_str *bytes, fl_err *err)
{
    size_t missing = DETECT_BYTES - reader->held.bytes.n;
    const fl_str part = {bytes->p, bytes->n < missing ? bytes->n : missing};
    if (part.n == DETECT_BYTES) {
        *bytes = behind(*bytes, detect(reader, part));
        return FL_OK;
    }
    *bytes = behind(*bytes, part.n);
    FL_TRY(bedrock_reader_hold(reader, part, err));
    return reader->held.bytes.n == DETECT_BYTES ? begin_format(reader, err) : FL_OK;
}

/* ---- The reader */

fl_status bedrock_reader_new(const bedrock_reader_config *config, bedrock_reader **out, fl_err *err)
{
    bedrock_reader *reader = calloc(1, sizeof(*reader));
    if (reader == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a reader");
    }
    reader->config = *config;
    reader->at = (fl_bedrock_place){1, 1, 0};
    fl_buf_init(&reader->held.bytes, config->options->max_bytes);
    *out = reader;
    return FL_OK;
}

void bedrock_reader_free(bedrock_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    bedrock_held_fini(reader, &reader->held);
    bedrock_held_fini(reader, &reader->json.again);
    free(reader);
}

fl_status bedrock_reader_feed(bedrock_reader *reader, fl_str bytes, fl_err *err)
{
    if (bytes.n > 0 && !bedrock_reader_over(reader) && reader->phase == BEDROCK_DETECTING) {
        FL_TRY(feed_first(reader, &bytes, err));
    }
    if (bytes.n == 0 || bedrock_reader_over(reader)) {
        return FL_OK;
    }
    return feed_format(reader, bytes, err);
}

/* ---- The end */

/* "5 chunk, 1 files": what came instead of traces. */
static void list_kinds(const bedrock_seen *seen, fl_buf *out)
{
    static const char *const names[BEDROCK_EVENT_KINDS] = {
        [BEDROCK_EXCEPTION] = "exception",
        [BEDROCK_CHUNK] = "chunk",
        [BEDROCK_FILES] = "files",
        [BEDROCK_RETURN_CONTROL] = "returnControl",
        [BEDROCK_FLOW_INPUT] = "flowInputEvent",
        [BEDROCK_FLOW_OUTPUT] = "flowOutputEvent",
        [BEDROCK_FLOW_COMPLETION] = "flowCompletionEvent",
        [BEDROCK_FLOW_INPUT_REQUEST] = "flowMultiTurnInputRequestEvent",
    };
    for (size_t i = 0; i <= BEDROCK_EVENT_KINDS; i++) {
        uint64_t count = i < BEDROCK_EVENT_KINDS ? seen->kinds[i] : seen->model_logs;
        const char *name = i < BEDROCK_EVENT_KINDS ? names[i] : "model invocation log";
        if (count > 0 && name != NULL) {
            fl_buf_add_str(out, out->n > 0 ? FL_S(", ") : FL_S(""));
            fl_buf_add_u64(out, count);
            fl_buf_add_byte(out, ' ');
            fl_buf_add_str(out, fl_str_of(name));
        }
    }
    fl_buf_add_str(out, out->n > 0 ? FL_S("") : FL_S("0 events"));
}

static void no_trace(bedrock_reader *reader)
{
    fl_buf kinds;
    fl_buf_init(&kinds, 512);
    list_kinds(&reader->seen, &kinds);
    fl_str list = fl_buf_str(&kinds);
    bedrock_diagnose(reader->config.diagnostics, FL_BEDROCK_E_NO_TRACE, reader->at,
                     "no event carries a trace; there are: %.*s; call with enableTrace set to true",
                     FL_P(list));
    fl_buf_fini(&kinds);
}

/* Whether the input was for nothing, and nothing else said so. */
static void judge(bedrock_reader *reader)
{
    const fl_bedrock_counts *counts = reader->config.diagnostics->counts;
    bool others = counts->auxiliary + reader->seen.model_logs > 0;
    bool silent = counts->errors == 0 && counts->exceptions == 0;
    if (reader->seen.trace || bedrock_reader_over(reader)) {
        return;
    }
    if (counts->values == 0 && silent) {
        bedrock_diagnose(reader->config.diagnostics, FL_BEDROCK_E_EMPTY, reader->at,
                         "the input is empty: no event is in it; was the stream read to its end "
                         "before it was saved?");
    } else if (others || silent) {
        no_trace(reader);
    }
}

fl_status bedrock_reader_finish(bedrock_reader *reader, fl_err *err)
{
    if (reader->phase == BEDROCK_DETECTING && !bedrock_reader_over(reader)) {
        FL_TRY(begin_format(reader, err));
    }
    if (!bedrock_reader_over(reader)) {
        if (reader->phase == BEDROCK_STREAM) {
            bedrock_stream_finish(reader);
        } else {
            FL_TRY(bedrock_json_finish(reader, err));
        }
    }
    judge(reader);
    return FL_OK;
}
