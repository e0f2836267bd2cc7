/* Names of segments (spec §3.10): what X-Ray allows in a name, without tables of Unicode. */
#include "bedrock/run_int.h"

#define NAME_CHARS_MAX  200
#define LABEL_CHARS_MAX 150
#define CHAR_BYTES_MAX  4

/* Code points beyond ASCII that are replaced; the first row that fits decides, what fits none
 * stays. */
static const struct {
    uint32_t first, last;
    char instead;
} replaced[] = {
    {0x0080, 0x009F, '_'},   {0x00A0, 0x00A0, ' '},    {0x00A1, 0x00A9, '_'}, {0x00AB, 0x00B1, '_'},
    {0x00B4, 0x00B4, '_'},   {0x00B6, 0x00B8, '_'},    {0x00BB, 0x00BB, '_'}, {0x00BF, 0x00BF, '_'},
    {0x00D7, 0x00D7, '_'},   {0x00F7, 0x00F7, '_'},    {0x1680, 0x1680, ' '}, {0x2000, 0x200A, ' '},
    {0x2028, 0x2029, ' '},   {0x202F, 0x202F, ' '},    {0x205F, 0x205F, ' '}, {0x200B, 0x206F, '_'},
    {0x20A0, 0x20CF, '_'},   {0x2190, 0x2BFF, '_'},    {0x3000, 0x3000, ' '}, {0x3001, 0x3003, '_'},
    {0x3008, 0x3020, '_'},   {0xD800, 0xF8FF, '_'},    {0xFE00, 0xFE0F, '_'}, {0xFFF0, 0xFFFF, '_'},
    {0x1F000, 0x1FAFF, '_'}, {0xE0000, 0x10FFFF, '_'},
};

/* ASCII characters that stay: bit n of the first mask is character n, of the second 64 + n. */
#define LETTERS UINT64_C(0x3FFFFFF)
#define DIGITS  UINT64_C(0x3FF)
#define LOW(c)  (UINT64_C(1) << (c))
#define HIGH(c) (UINT64_C(1) << ((c)-64))

static const uint64_t kept_ascii[2] = {
    DIGITS << '0' | LOW('.') | LOW(':') | LOW('/') | LOW('%') | LOW('&') | LOW('#') | LOW('=') |
        LOW('+') | LOW('-'),
    LETTERS << ('A' - 64) | LETTERS << ('a' - 64) | HIGH('_') | HIGH('\\') | HIGH('@'),
};

static char instead_of_ascii(int32_t code)
{
    if ((kept_ascii[code >> 6] >> (code & 63) & 1) != 0) {
        return '\0';
    }
    return code == ' ' || (code >= '\t' && code <= '\r') ? ' ' : '_';
}

/* What stands for a code point (-1: no character at all); NUL: it stays. */
static char instead_of(int32_t code)
{
    if (code < 0) {
        return '_';
    }
    if (code < 0x80) {
        return instead_of_ascii(code);
    }
    for (size_t i = 0; i < sizeof replaced / sizeof replaced[0]; i++) {
        if ((uint32_t)code >= replaced[i].first && (uint32_t)code <= replaced[i].last) {
            return replaced[i].instead;
        }
    }
    return '\0';
}

/* A label or target as it may stand in a name. */
typedef struct clean_text {
    char bytes[NAME_CHARS_MAX * CHAR_BYTES_MAX];
    size_t n, chars;
} clean_text;

static void add_char(clean_text *clean, fl_str text, size_t begin, size_t end, char instead)
{
    size_t n = instead != '\0' ? 1 : end - begin;
    memcpy(clean->bytes + clean->n, instead != '\0' ? &instead : text.p + begin, n);
    clean->n += n;
    clean->chars++;
}

/* Most names are plain: how many characters at the beginning stay as they are. */
static size_t plain_prefix(fl_str text, size_t max)
{
    size_t n = 0;
    while (n < text.n && n < max && (unsigned char)text.p[n] < 0x80 &&
           (kept_ascii[text.p[n] >> 6] >> (text.p[n] & 63) & 1) != 0) {
        n++;
    }
    return n;
}

/* Appends at most max characters of the text, without the blanks at its ends. */
static void add_clean(clean_text *clean, fl_str text, size_t max)
{
    const size_t before = clean->chars;
    size_t at = plain_prefix(text, max);
    int32_t code;
    if (text.p == NULL) {
        return;
    }
    memcpy(clean->bytes + clean->n, text.p, at);
    clean->chars += at;
    size_t n = clean->n += at; /* up to the last character that is no blank */
    size_t chars = clean->chars;
    for (size_t begin = at; (code = fl_utf8_next(text, &at)) != -2; begin = at) {
        char instead = instead_of(code);
        bool is_blank = instead == ' ';
        bool is_full = clean->chars - before >= max;
        if (!is_full && !(is_blank && clean->chars == before)) {
            add_char(clean, text, begin, at, instead);
        }
        if (!is_blank) {
            n = clean->n;
            chars = clean->chars;
            if (is_full) {
                break;
            }
        }
    }
    clean->n = n;
    clean->chars = chars;
}

static fl_str given_name(const bedrock_scope *scope, const fl_bedrock_options *options)
{
    for (size_t i = 0; i < options->agent_name_count && !scope->is_flow; i++) {
        fl_str id = options->agent_names[i].id;
        if (fl_str_eq(id, scope->envelope.agent_id) || fl_str_eq(id, scope->label)) {
            return options->agent_names[i].name;
        }
    }
    return (fl_str){0};
}

/* The label, behind the name that the user gave the agent; the name gives way, not the id. */
static void add_label(clean_text *clean, const bedrock_scope *scope,
                      const fl_bedrock_options *options)
{
    clean_text label;
    label.n = label.chars = 0;
    add_clean(&label, scope->label, LABEL_CHARS_MAX);
    if (label.chars == 0) {
        add_clean(&label, FL_S("agent"), LABEL_CHARS_MAX);
    }
    fl_str name = given_name(scope, options);
    if (name.n > 0 && label.chars < LABEL_CHARS_MAX - 1) {
        add_clean(clean, name, LABEL_CHARS_MAX - 1 - label.chars);
        if (clean->chars > 0) {
            add_char(clean, FL_S("_"), 0, 1, '\0');
        }
    }
    memcpy(clean->bytes + clean->n, label.bytes, label.n);
    clean->n += label.n;
    clean->chars += label.chars;
}

static fl_str target_of(const bedrock_segment *segment)
{
    const bedrock_scope *scope = segment->scope;
    if (bedrock_kinds[segment->kind].class_of == BEDROCK_CLASS_MODEL) {
        return segment->model;
    }
    if (segment->kind == BEDROCK_AGENT && !fl_str_eq(scope->agent_name, scope->label)) {
        return scope->agent_name;
    }
    return segment->step != NULL && segment->kind != BEDROCK_CODE ? segment->step->target
                                                                  : (fl_str){0};
}

static bool shows_target(const fl_bedrock_options *options)
{
    return options->names == FL_BEDROCK_NAMES_TARGET ||
           (options->names == FL_BEDROCK_NAMES_BY_MODE && options->mode == FL_BEDROCK_TREE);
}

void bedrock_segment_name(const bedrock_segment *segment, const fl_bedrock_options *options,
                          fl_buf *out)
{
    fl_str action = bedrock_kinds[segment->kind].action;
    clean_text label; /* only what is written of them is touched */
    clean_text target;
    label.n = label.chars = 0;
    target.n = target.chars = 0;
    add_label(&label, segment->scope, options);
    if (shows_target(options)) {
        add_clean(&target, target_of(segment), NAME_CHARS_MAX - action.n - 2 - label.chars);
    }
    fl_buf_add_str(out, action);
    if (target.n > 0) {
        fl_buf_add_byte(out, ':');
        fl_buf_add(out, target.bytes, target.n);
    }
    fl_buf_add_byte(out, '_');
    fl_buf_add(out, label.bytes, label.n);
}
