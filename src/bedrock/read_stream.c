#include "bedrock/read_int.h"

#include <stdlib.h>

/* The binary framing application/vnd.amazon.eventstream (spec §1.14). */

#define PRELUDE_BYTES  12
#define FRAME_BYTES    16 /* prelude and the last CRC */
#define HEADERS_MAX    131072
#define PAYLOAD_MAX    25165824
#define NAMES_ON_STACK 16

static uint32_t be32(const char *bytes)
{
    const unsigned char *p = (const unsigned char *)bytes;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

bool bedrock_is_frame(fl_str head)
{
    if (head.n < PRELUDE_BYTES) {
        return false;
    }
    uint32_t total = be32(head.p);
    uint32_t headers = be32(head.p + 4);
    bool plausible = head.p[0] == 0 && total >= FRAME_BYTES && headers <= HEADERS_MAX &&
                     headers <= total - FRAME_BYTES;
    return plausible || be32(head.p + 8) == fl_crc32(0, (fl_str){head.p, 8});
}

/* ---- Headers */

typedef enum header_type { /* as on the wire */
                           TYPE_TRUE,
                           TYPE_FALSE,
                           TYPE_INT8,
                           TYPE_INT16,
                           TYPE_INT32,
                           TYPE_INT64,
                           TYPE_BYTES,
                           TYPE_STRING,
                           TYPE_TIMESTAMP,
                           TYPE_UUID,
                           TYPES,
} header_type;

typedef struct header {
    fl_str name, value;
    uint8_t type;
} header;

/* What the headers of a message say; absent texts were not among them. */
typedef struct heading {
    fl_str message_type, event_type, exception_type, error_code, error_message;
} heading;

static size_t value_length(fl_cur *cur, uint8_t type)
{
    static const uint8_t lengths[TYPES] = {
        [TYPE_INT8] = 1,  [TYPE_INT16] = 2,     [TYPE_INT32] = 4,
        [TYPE_INT64] = 8, [TYPE_TIMESTAMP] = 8, [TYPE_UUID] = 16,
    };
    if (type != TYPE_BYTES && type != TYPE_STRING) {
        return lengths[type];
    }
    size_t high = fl_cur_u8(cur);
    return high << 8 | fl_cur_u8(cur);
}

/* The next header; what is wrong with it, or NULL. */
static const char *next_header(fl_cur *cur, header *out)
{
    *out = (header){0};
    out->name = fl_cur_take(cur, fl_cur_u8(cur));
    out->type = fl_cur_u8(cur);
    if (cur->failed) {
        return "runs over the headers' end";
    }
    if (out->name.n == 0) {
        return "has no name";
    }
    if (out->type >= TYPES) {
        return "has a value type that is unknown";
    }
    out->value = fl_cur_take(cur, value_length(cur, out->type));
    return cur->failed ? "runs over the headers' end" : NULL;
}

static int by_name(const void *a, const void *b)
{
    return fl_str_cmp(*(const fl_str *)a, *(const fl_str *)b);
}

static bool is_twice(fl_str *names, size_t count, fl_str *name)
{
    qsort(names, count, sizeof(*names), by_name);
    for (size_t i = 1; i < count; i++) {
        if (fl_str_eq(names[i - 1], names[i])) {
            *name = names[i];
            return true;
        }
    }
    return false;
}

static void keep_header(const header *h, heading *out)
{
    const struct {
        fl_str name;
        fl_str *to;
    } rows[] = {
        {FL_S(":message-type"), &out->message_type},     {FL_S(":event-type"), &out->event_type},
        {FL_S(":exception-type"), &out->exception_type}, {FL_S(":error-code"), &out->error_code},
        {FL_S(":error-message"), &out->error_message},
    };
    for (size_t i = 0; h->type == TYPE_STRING && i < BEDROCK_COUNT(rows); i++) {
        if (fl_str_eq(h->name, rows[i].name)) {
            *rows[i].to = h->value;
        }
    }
}

static void header_error(bedrock_reader *reader, fl_str name, const char *what)
{
    bedrock_diagnose(
        reader->config.diagnostics, FL_BEDROCK_E_ES_HEADER, reader->at,
        "message at offset %llu: header `%.*s` %s; the message is skipped, capture the "
        "stream's bytes unchanged",
        (unsigned long long)reader->at.offset, FL_P(fl_str_clip(name, 60)), what);
}

/* Goes through all headers; *count is how many there are. False: E_ES_HEADER was told. */
static bool read_headers(bedrock_reader *reader, fl_str block, heading *out, size_t *count)
{
    fl_cur cur = fl_cur_of(block.p, block.n);
    *out = (heading){0};
    for (*count = 0; fl_cur_left(&cur) > 0; ++*count) {
        header h;
        const char *wrong = next_header(&cur, &h);
        if (wrong != NULL) {
            header_error(reader, h.name, wrong);
            return false;
        }
        keep_header(&h, out);
    }
    return true;
}

/* Of headers that were gone through before; false: E_ES_HEADER was told. */
static bool names_differ(bedrock_reader *reader, fl_str *names, size_t count, fl_str block)
{
    fl_cur cur = fl_cur_of(block.p, block.n);
    fl_str twice;
    for (size_t i = 0; i < count; i++) {
        header h;
        (void)next_header(&cur, &h);
        names[i] = h.name;
    }
    if (is_twice(names, count, &twice)) {
        header_error(reader, twice, "stands there twice");
        return false;
    }
    return true;
}

/* ---- One message */

typedef struct message {
    bedrock_value *value;
    fl_str headers; /* a copy in the value's arena, for names that events borrow */
    fl_str payload;
    heading heading;
    bool usable; /* what is not was told */
} message;

static fl_status no_memory(bedrock_reader *reader, const message *m, fl_err *err)
{
    return bedrock_no_memory(reader, &m->value->arena, reader->at, err);
}

static fl_status read_heading(bedrock_reader *reader, message *m, fl_err *err)
{
    fl_str few[NAMES_ON_STACK];
    fl_str *names = few;
    size_t count;
    m->headers = fl_str_dup(&m->value->arena, m->headers);
    if (m->headers.p == NULL) {
        return no_memory(reader, m, err);
    }
    if (!read_headers(reader, m->headers, &m->heading, &count)) {
        return FL_OK;
    }
    if (count > NAMES_ON_STACK) {
        names = FL_ARENA_ARRAY(&m->value->arena, fl_str, count);
    }
    if (names == NULL) {
        return no_memory(reader, m, err);
    }
    m->usable = names_differ(reader, names, count, m->headers);
    return FL_OK;
}

static void payload_error(bedrock_reader *reader, const char *reason)
{
    bedrock_diagnose(reader->config.diagnostics, FL_BEDROCK_E_ES_PAYLOAD, reader->at,
                     "message at offset %llu: its payload is no JSON (%s); the message is skipped, "
                     "capture the stream's bytes unchanged",
                     (unsigned long long)reader->at.offset, reason);
}

/* The payload's value; NULL: it is none, which was told. */
static fl_status read_payload(bedrock_reader *reader, const message *m, fl_str payload,
                              yyjson_val **out, fl_err *err)
{
    fl_json_first first;
    fl_err reason;
    *out = NULL;
    fl_status status = fl_json_read_first(&m->value->arena, payload, FL_JSON_REPAIR_UTF8,
                                          FL_JSON_DEPTH_MAX, &first, &reason);
    if (status == FL_E_NOMEM) {
        return no_memory(reader, m, err);
    }
    if (status != FL_OK) {
        payload_error(reader, fl_err_text(&reason, status));
        return FL_OK;
    }
    if (fl_str_trim((fl_str){payload.p + first.n, payload.n - first.n}).n > 0) {
        payload_error(reader, "more than one value");
        return FL_OK;
    }
    if (first.repaired && !fl_utf8_valid(payload)) {
        bedrock_diagnose(reader->config.diagnostics, FL_BEDROCK_W_UTF8, reader->at,
                         "bytes that are no UTF-8 were replaced by U+FFFD: capture the stream's "
                         "bytes unchanged");
    }
    *out = first.root;
    return FL_OK;
}

static bedrock_origin origin_of(bedrock_reader *reader, const message *m)
{
    return (bedrock_origin){.reader = reader, .value = m->value, .place = reader->at};
}

static fl_status take_event(bedrock_reader *reader, const message *m, fl_err *err)
{
    yyjson_val *body;
    fl_str type = m->heading.event_type;
    const bedrock_origin origin = origin_of(reader, m);
    if (type.p == NULL) {
        header_error(reader, FL_S(":event-type"), "is missing or no string");
        return FL_OK;
    }
    if (fl_str_eq(type, FL_S("initial-response"))) {
        return FL_OK;
    }
    FL_TRY(read_payload(reader, m, m->payload, &body, err));
    return body != NULL ? bedrock_recognise_message(&origin, type, body, err) : FL_OK;
}

/* An exception, or what the framing calls an error: then `body` is made of its headers. */
static fl_status take_exception(bedrock_reader *reader, const message *m, fl_str header_name,
                                fl_str name, fl_str payload, fl_err *err)
{
    yyjson_val *body;
    const bedrock_path path = {.name = name};
    const bedrock_origin origin = origin_of(reader, m);
    if (name.p == NULL) {
        header_error(reader, header_name, "is missing or no string");
        return FL_OK;
    }
    FL_TRY(read_payload(reader, m, payload.n > 0 ? payload : FL_S("{}"), &body, err));
    if (body == NULL) {
        return FL_OK;
    }
    reader->config.diagnostics->counts->values++;
    return bedrock_recognise_exception(&origin, &path, name, body, err);
}

static fl_status take_error(bedrock_reader *reader, const message *m, fl_err *err)
{
    fl_buf body;
    fl_jw writer = fl_jw_of(&body);
    fl_buf_init(&body, (size_t)8 * HEADERS_MAX);
    fl_jw_open(&writer, '{');
    if (m->heading.error_message.p != NULL) {
        fl_jw_key_str(&writer, FL_S("message"), m->heading.error_message);
    }
    fl_jw_close(&writer, '}');
    fl_status status = body.status;
    if (status == FL_OK) {
        status = take_exception(reader, m, FL_S(":error-code"), m->heading.error_code,
                                fl_buf_str(&body), err);
    }
    fl_buf_fini(&body);
    return status;
}

static fl_status take_read(bedrock_reader *reader, const message *m, fl_err *err)
{
    fl_str type = m->heading.message_type;
    if (fl_str_eq(type, FL_S("event"))) {
        return take_event(reader, m, err);
    }
    if (fl_str_eq(type, FL_S("exception"))) {
        return take_exception(reader, m, FL_S(":exception-type"), m->heading.exception_type,
                              m->payload, err);
    }
    if (fl_str_eq(type, FL_S("error"))) {
        return take_error(reader, m, err);
    }
    header_error(reader, FL_S(":message-type"),
                 type.p == NULL ? "is missing or no string" : "has a value that is unknown");
    return FL_OK;
}

/* A message whose prelude is right. */
static fl_status take_message(bedrock_reader *reader, fl_str frame, fl_err *err)
{
    size_t headers = be32(frame.p + 4);
    uint32_t expected = be32(frame.p + frame.n - 4);
    uint32_t computed = fl_crc32(0, (fl_str){frame.p, frame.n - 4});
    if (expected != computed) {
        bedrock_diagnose(reader->config.diagnostics, FL_BEDROCK_E_ES_CRC, reader->at,
                         "message at offset %llu is damaged: its CRC is %08x, computed is %08x; it "
                         "is skipped, capture the stream's bytes unchanged",
                         (unsigned long long)reader->at.offset, expected, computed);
        return FL_OK;
    }
    message m = {.headers = {frame.p + PRELUDE_BYTES, headers},
                 .payload = {frame.p + PRELUDE_BYTES + headers, frame.n - headers - FRAME_BYTES}};
    FL_TRY(bedrock_value_new(reader, m.payload.n, &m.value, err));
    if (m.value == NULL) {
        return FL_OK;
    }
    fl_status status = read_heading(reader, &m, err);
    if (status == FL_OK && m.usable) {
        status = take_read(reader, &m, err);
    }
    bedrock_value_release(m.value);
    return status;
}

/* ---- Frames */

/* The prelude at the beginning of a message. What is wrong is told, and reading is over: nobody
 * knows where the next message begins. */
static bool check_prelude(bedrock_reader *reader, const char *prelude)
{
    uint32_t total = be32(prelude);
    uint32_t headers = be32(prelude + 4);
    uint32_t expected = be32(prelude + 8);
    uint32_t computed = fl_crc32(0, (fl_str){prelude, 8});
    fl_bedrock_place place = reader->at;
    bool fits = total >= FRAME_BYTES && headers <= total - FRAME_BYTES && headers <= HEADERS_MAX &&
                total - FRAME_BYTES - headers <= PAYLOAD_MAX;
    if (expected != computed) {
        bedrock_diagnose(
            reader->config.diagnostics, FL_BEDROCK_E_ES_PRELUDE_CRC, place,
            "message at offset %llu: the CRC of its prelude is %08x, computed is %08x; "
            "reading stops, capture the stream's bytes unchanged",
            (unsigned long long)reader->at.offset, expected, computed);
    } else if (!fits) {
        bedrock_diagnose(reader->config.diagnostics, FL_BEDROCK_E_ES_LENGTH, place,
                         "message at offset %llu: a total length of %u with headers of %u bytes "
                         "cannot be; reading stops, capture the stream's bytes unchanged",
                         (unsigned long long)reader->at.offset, total, headers);
    } else {
        reader->stream.total = total;
        return true;
    }
    reader->config.diagnostics->over = true;
    return false;
}

/* A message that is not whole in these bytes goes on in what is held. */
static fl_status hold_more(bedrock_reader *reader, fl_str *bytes, fl_err *err)
{
    bool prelude = reader->held.bytes.n < PRELUDE_BYTES;
    size_t missing = (prelude ? PRELUDE_BYTES : reader->stream.total) - reader->held.bytes.n;
    fl_str part = {bytes->p, bytes->n < missing ? bytes->n : missing};
    *bytes = (fl_str){bytes->p + part.n, bytes->n - part.n};
    FL_TRY(bedrock_reader_hold(reader, part, err));
    if (part.n < missing || bedrock_reader_over(reader)) {
        return FL_OK;
    }
    fl_str frame = fl_buf_str(&reader->held.bytes);
    if (prelude) {
        (void)check_prelude(reader, frame.p);
        return FL_OK;
    }
    FL_TRY(take_message(reader, frame, err));
    reader->at.offset += frame.n;
    bedrock_reader_let_go(reader);
    return FL_OK;
}

fl_status bedrock_stream_feed(bedrock_reader *reader, fl_str bytes, fl_err *err)
{
    while (bytes.n > 0 && !bedrock_reader_over(reader)) {
        if (reader->held.bytes.n > 0 || bytes.n < PRELUDE_BYTES) {
            FL_TRY(hold_more(reader, &bytes, err));
            continue;
        }
        if (!check_prelude(reader, bytes.p)) {
            break;
        }
        size_t total = reader->stream.total;
        fl_str frame = {bytes.p, bytes.n < total ? bytes.n : total};
        bytes = (fl_str){bytes.p + frame.n, bytes.n - frame.n};
        if (frame.n < total) {
            return bedrock_reader_hold(reader, frame, err);
        }
        FL_TRY(take_message(reader, frame, err));
        reader->at.offset += total;
    }
    return FL_OK;
}

void bedrock_stream_finish(bedrock_reader *reader)
{
    size_t available = reader->held.bytes.n;
    if (available > 0) {
        size_t needed = available < PRELUDE_BYTES ? PRELUDE_BYTES : reader->stream.total;
        bedrock_diagnose(reader->config.diagnostics, FL_BEDROCK_E_ES_TRUNCATED, reader->at,
                         "the stream is cut off: the message at offset %llu needs %zu bytes, %zu "
                         "are there; save the stream once more, to its end",
                         (unsigned long long)reader->at.offset, needed, available);
    }
}
