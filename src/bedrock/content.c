/*
 * Bodies of events as metadata (spec §3.13). yyjson keeps the values of a container behind it,
 * depth first, so one pointer walks over a body while it is written; what a string is (text that
 * somebody said, or a name, a type, a place) follows from the keys above it.
 */
#include "bedrock/write_int.h"

/* What the strings of a value are. */
typedef enum content_mode {
    MODE_PLAIN,     /* no texts, but behind keys that say so */
    MODE_REFERENCE, /* one of the retrieved references: also its metadata and queries are */
    MODE_BUT_TYPE,  /* all are texts, but the `type` of each object */
    MODE_BUT_NAME,  /* all are texts, but `name` and `type` */
    MODE_TEXT,      /* all are texts */
    MODE_DOCUMENT,  /* a document of the user's, hidden as a whole */
} content_mode;

/* ---- Keys that tell what is behind them, the shortest first. */

static const struct {
    fl_str key;
    content_mode mode;
} keys[] = {
    {FL_S("text"), MODE_TEXT},
    {FL_S("code"), MODE_TEXT},
    {FL_S("body"), MODE_TEXT},
    {FL_S("event"), MODE_TEXT},
    {FL_S("match"), MODE_TEXT},
    {FL_S("regex"), MODE_TEXT},
    {FL_S("value"), MODE_TEXT},
    {FL_S("content"), MODE_BUT_TYPE},
    {FL_S("document"), MODE_DOCUMENT},
    {FL_S("requestBody"), MODE_BUT_NAME},
    {FL_S("responseBody"), MODE_TEXT},
    {FL_S("executionError"), MODE_TEXT},
    {FL_S("parsedResponse"), MODE_TEXT},
    {FL_S("executionOutput"), MODE_TEXT},
    {FL_S("operationRequest"), MODE_DOCUMENT},
    {FL_S("reasoningContent"), MODE_TEXT},
    {FL_S("operationResponse"), MODE_DOCUMENT},
    {FL_S("retrievedReferences"), MODE_REFERENCE},
};

#define KEYS (sizeof keys / sizeof keys[0])

void bedrock_content_init(bedrock_content *content)
{
    size_t at = 0;
    for (size_t length = 0; length <= BEDROCK_KEY_BYTES_MAX + 1; length++) {
        while (at < KEYS && keys[at].key.n < length) {
            at++;
        }
        content->first_key[length] = (uint8_t)at;
    }
}

static content_mode mode_of_key(const bedrock_content *content, fl_str key, content_mode otherwise)
{
    if (key.n > BEDROCK_KEY_BYTES_MAX) {
        return otherwise;
    }
    for (size_t i = content->first_key[key.n]; i < content->first_key[key.n + 1]; i++) {
        if (fl_str_eq(keys[i].key, key)) {
            return keys[i].mode;
        }
    }
    return otherwise;
}

/* What is behind a key in an object of the mode. */
static content_mode mode_behind(const bedrock_content *content, content_mode mode, fl_str key)
{
    switch (mode) {
    case MODE_PLAIN:
        return mode_of_key(content, key, mode);
    case MODE_REFERENCE:
        return fl_str_eq(key, FL_S("metadata")) || fl_str_eq(key, FL_S("query"))
                   ? MODE_TEXT
                   : mode_of_key(content, key, mode);
    case MODE_BUT_TYPE:
        if (fl_str_eq(key, FL_S("document"))) {
            return MODE_DOCUMENT;
        }
        return fl_str_eq(key, FL_S("type")) ? MODE_PLAIN : mode;
    case MODE_BUT_NAME:
        return fl_str_eq(key, FL_S("type")) || fl_str_eq(key, FL_S("name")) ? MODE_PLAIN : mode;
    default:
        return mode;
    }
}

static bool is_text(content_mode mode)
{
    return mode != MODE_PLAIN && mode != MODE_REFERENCE;
}

/* ---- Policy */

bool bedrock_content_is_shown(const fl_bedrock_options *options)
{
    return options->content == FL_BEDROCK_CONTENT_TRUNCATE ||
           options->content == FL_BEDROCK_CONTENT_FULL;
}

#define REDACTED "[redacted]"

fl_str bedrock_redacted(const fl_bedrock_options *options, fl_str text, fl_buf *redacted)
{
    if (options->redaction == NULL || text.n == 0) {
        return text;
    }
    fl_buf_reset(redacted);
    bool found = fl_bedrock_redact(options->redaction, text, redacted);
    if (redacted->status != FL_OK) {
        return FL_S(REDACTED);
    }
    return found ? fl_buf_str(redacted) : text;
}

static void add_cut(bedrock_content *content, fl_str text)
{
    fl_buf *out = content->out;
    fl_str head = fl_str_clip(text, content->limit_bytes);
    content->is_cut = true;
    fl_buf_add_byte(out, '"');
    fl_buf_add_escaped(out, head);
    fl_buf_add_str(out, FL_S("…[+"));
    fl_buf_add_u64(out, text.n - head.n);
    fl_buf_add_str(out, FL_S(" bytes]\""));
}

#define HASH_DIGITS 16

static void add_hash(bedrock_content *content, fl_str text)
{
    unsigned char digest[FL_SHA256_BYTES];
    fl_sha256_lines(&text, 1, digest);
    fl_buf_add_str(content->out, FL_S("\"sha256:"));
    for (size_t i = 0; i < HASH_DIGITS / 2; i++) {
        fl_buf_add_hex(content->out, digest[i], 2);
    }
    fl_buf_add_str(content->out, FL_S(" ("));
    fl_buf_add_u64(content->out, text.n);
    fl_buf_add_str(content->out, FL_S(" bytes)\""));
}

/* Instead of a text under hash and none. */
static void add_hidden(bedrock_content *content, fl_str text)
{
    if (content->options->content == FL_BEDROCK_CONTENT_HASH) {
        add_hash(content, bedrock_redacted(content->options, text, content->redacted));
    } else {
        fl_buf_add_str(content->out, FL_S("\"" REDACTED "\""));
    }
}

/* ---- Long texts, for those who want them whole */

#define PATH_MAX_BYTES ((size_t)1000)

/* `output.knowledgeBaseLookupOutput.retrievedReferences[3].content.text` */
static void add_path(const bedrock_content *content, fl_buf *out)
{
    fl_buf_add_str(out, fl_str_of(content->part));
    for (size_t i = 0; i < content->depth; i++) {
        const bedrock_level *level = &content->levels[i];
        if (level->is_object) {
            fl_buf_add_byte(out, '.');
            fl_buf_add_str(out, level->key);
        } else {
            fl_buf_add_byte(out, '[');
            fl_buf_add_u64(out, level->index - 1);
            fl_buf_add_byte(out, ']');
        }
    }
}

/* Where memory is short the text stays cut. */
static void note_long(bedrock_content *content, fl_str text, bool is_secret)
{
    char bytes[PATH_MAX_BYTES];
    fl_buf path = {.p = bytes, .capacity = sizeof bytes, .max_bytes = sizeof bytes};
    bedrock_long_text *noted = FL_ARENA_NEW(content->arena, bedrock_long_text);
    add_path(content, &path); /* what has no room is left out */
    fl_str kept = fl_str_dup(content->arena, fl_buf_str(&path));
    if (noted != NULL && kept.p != NULL) {
        *noted = (bedrock_long_text){kept, text, is_secret, NULL};
        *content->long_last = noted;
        content->long_last = &noted->next;
    }
}

/* ---- Strings */

static void add_shown(bedrock_content *content, fl_str text, bool is_secret)
{
    fl_str shown = is_secret ? bedrock_redacted(content->options, text, content->redacted) : text;
    if (content->wants_long_texts && shown.n > content->options->max_text_bytes) {
        note_long(content, text, is_secret);
    }
    if (shown.n > content->limit_bytes) {
        add_cut(content, shown);
    } else {
        fl_buf_add_quoted(content->out, shown);
    }
}

static void add_string(bedrock_content *content, const yyjson_val *val, content_mode mode)
{
    fl_str text = fl_json_str(val);
    bool is_secret = is_text(mode);
    bool is_short = text.n <= content->limit_bytes && text.n <= content->options->max_text_bytes;
    if (is_secret && !bedrock_content_is_shown(content->options)) {
        add_hidden(content, text);
    } else if (is_short && !(is_secret && content->options->redaction != NULL)) {
        fl_json_emit_str(content->out, val);
    } else {
        add_shown(content, text, is_secret);
    }
}

/* A number where a text should be may be one's card's. */
static void add_number(bedrock_content *content, fl_str number, content_mode mode)
{
    if (is_text(mode) && !bedrock_content_is_shown(content->options)) {
        add_hidden(content, number);
    } else {
        fl_buf_add_str(content->out, number);
    }
}

/* ---- Values */

static bool is_container(const yyjson_val *val)
{
    uint64_t type = val->tag & YYJSON_TYPE_MASK;
    return type == YYJSON_TYPE_OBJ || type == YYJSON_TYPE_ARR;
}

static const yyjson_val *behind(const yyjson_val *val)
{
    const void *next =
        is_container(val) ? (const char *)val + val->uni.ofs : (const void *)(val + 1);
    return next;
}

static void add_document(bedrock_content *content, const yyjson_val *document)
{
    if (content->options->content == FL_BEDROCK_CONTENT_NONE) {
        fl_buf_add_str(content->out, FL_S("\"" REDACTED "\""));
        return;
    }
    fl_str text = fl_json_str(document);
    if (text.p != NULL) {
        add_hidden(content, text);
        return;
    }
    fl_buf json;
    fl_buf_init(&json, SIZE_MAX);
    fl_json_emit(&json, document);
    add_hidden(content, fl_buf_str(&json));
    if (json.status != FL_OK) {
        content->out->status = json.status;
    }
    fl_buf_fini(&json);
}

static void enter(bedrock_content *content, const yyjson_val *container, content_mode mode)
{
    bool is_object = (container->tag & YYJSON_TYPE_MASK) == YYJSON_TYPE_OBJ;
    content->levels[content->depth++] =
        (bedrock_level){.end = behind(container), .mode = (uint8_t)mode, .is_object = is_object};
    fl_buf_add_byte(content->out, is_object ? '{' : '[');
}

/* Writes a value, or the beginning of a container; returns what comes next. */
static const yyjson_val *add_value(bedrock_content *content, const yyjson_val *val,
                                   content_mode mode)
{
    fl_buf *out = content->out;
    if (mode == MODE_DOCUMENT && !bedrock_content_is_shown(content->options)) {
        add_document(content, val);
        return behind(val);
    }
    switch (val->tag & YYJSON_TYPE_MASK) {
    case YYJSON_TYPE_STR:
        add_string(content, val, mode);
        break;
    case YYJSON_TYPE_RAW:
        add_number(content, fl_json_number(val), mode);
        break;
    case YYJSON_TYPE_BOOL:
        fl_buf_add_str(out, (val->tag & YYJSON_SUBTYPE_MASK) == YYJSON_SUBTYPE_TRUE
                                ? FL_S("true")
                                : FL_S("false"));
        break;
    case YYJSON_TYPE_OBJ:
    case YYJSON_TYPE_ARR:
        if (content->depth < BEDROCK_DEPTH_MAX) {
            enter(content, val, mode);
            return val + 1;
        }
        content->is_cut = true;
        fl_buf_add_str(out, FL_S("null"));
        break;
    default:
        fl_buf_add_str(out, FL_S("null"));
        break;
    }
    return behind(val);
}

/* traceId of the body is an annotation; __type is noise of the wire, but a document's own. */
static bool is_left_out(const bedrock_content *content, fl_str key, content_mode mode)
{
    return (content->depth == 1 && fl_str_eq(key, FL_S("traceId"))) ||
           (mode != MODE_DOCUMENT && fl_str_eq(key, FL_S("__type")));
}

static void add_comma(bedrock_content *content, bedrock_level *level)
{
    if (level->index++ > 0) {
        fl_buf_add_byte(content->out, ',');
    }
}

static const yyjson_val *add_member(bedrock_content *content, const yyjson_val *name)
{
    bedrock_level *level = &content->levels[content->depth - 1];
    content_mode mode = (content_mode)level->mode;
    fl_str key = fl_json_str(name);
    if (is_left_out(content, key, mode)) {
        return behind(name + 1);
    }
    add_comma(content, level);
    level->key = key;
    fl_json_emit_str(content->out, name);
    fl_buf_add_byte(content->out, ':');
    return add_value(content, name + 1, mode_behind(content, mode, key));
}

static const yyjson_val *step_on(bedrock_content *content, const yyjson_val *at)
{
    bedrock_level *level = &content->levels[content->depth - 1];
    if (at == level->end) {
        fl_buf_add_byte(content->out, level->is_object ? '}' : ']');
        content->depth--;
        return at;
    }
    if (level->is_object) {
        return add_member(content, at);
    }
    add_comma(content, level);
    return add_value(content, at, (content_mode)level->mode);
}

void bedrock_content_body(bedrock_content *content, const char *part, bedrock_kind kind,
                          const yyjson_val *body)
{
    content->part = part;
    content->depth = 0;
    const yyjson_val *at = add_value(content, body, kind == BEDROCK_OTHER ? MODE_TEXT : MODE_PLAIN);
    while (content->depth > 0 && content->out->status == FL_OK) {
        at = step_on(content, at);
    }
}

void bedrock_content_text(bedrock_content *content, const char *part, fl_str text)
{
    content->part = part;
    content->depth = 0;
    if (bedrock_content_is_shown(content->options)) {
        add_shown(content, text, true);
    } else {
        add_hidden(content, text);
    }
}
