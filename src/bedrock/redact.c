/*
 * Redaction (spec §3.13). The patterns with a name are matched by hand, each in one pass: as
 * regular expressions a long word without an @ would take the square of its length.
 */
#include <limits.h>
#include <regex.h>
#include <stdlib.h>

#include "bedrock/redact.h"

#define PATTERNS_MAX      32
#define PATTERN_BYTES_MAX 1024
#define REGEX_MESSAGE_MAX 160

typedef struct span {
    size_t begin, end;
} span;

/* The next match that begins at `from` or behind it. */
typedef bool find_fn(const regex_t *regex, fl_str text, size_t from, span *found);

typedef struct pattern {
    find_fn *find;
    regex_t regex; /* with find_regex only */
} pattern;

struct fl_bedrock_redaction {
    pattern patterns[PATTERNS_MAX];
    size_t count;
};

/* ---- Characters */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_upper_or_digit(char c)
{
    return (c >= 'A' && c <= 'Z') || is_digit(c);
}

static bool is_word(char c)
{
    return is_letter(c) || is_digit(c) || c == '_';
}

/* Beyond ASCII all counts: names are written in every script. */
static bool is_mailbox(char c)
{
    return is_word(c) || c == '.' || c == '%' || c == '+' || c == '-' || (unsigned char)c >= 0x80;
}

static bool is_domain(char c)
{
    return is_letter(c) || is_digit(c) || c == '.' || c == '-';
}

/* ---- email: mailbox, @, domain with a dot and two letters at its end */

/* End of the longest domain within from .. end; `from` if there is none. */
static size_t domain_end(fl_str text, size_t from, size_t end)
{
    while (end > from) {
        size_t label = end;
        while (label > from && is_letter(text.p[label - 1])) {
            label--;
        }
        if (end - label >= 2 && label > from + 1 && text.p[label - 1] == '.') {
            return end;
        }
        end = label < end ? label : end - 1;
    }
    return from;
}

static bool find_email(const regex_t *regex, fl_str text, size_t from, span *found)
{
    (void)regex;
    size_t at = from;
    const char *sign;
    while (at < text.n && (sign = memchr(text.p + at, '@', text.n - at)) != NULL) {
        size_t middle = (size_t)(sign - text.p);
        size_t begin = middle;
        size_t end = middle + 1;
        while (begin > at && is_mailbox(text.p[begin - 1])) {
            begin--;
        }
        while (end < text.n && is_domain(text.p[end])) {
            end++;
        }
        end = domain_end(text, middle + 1, end);
        if (begin < middle && end > middle + 1) {
            *found = (span){begin, end};
            return true;
        }
        at = middle + 1;
    }
    return false;
}

/* ---- aws-key: access key ids */

#define KEY_ID_BYTES   20
#define KEY_KIND_BYTES 4

static bool is_key_kind(const char *p)
{
    static const char kinds[][KEY_KIND_BYTES + 1] = {"AKIA", "ASIA", "ABIA", "ACCA",
                                                     "AGPA", "AIDA", "AIPA", "ANPA",
                                                     "ANVA", "AROA", "APKA", "ASCA"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (memcmp(p, kinds[i], KEY_KIND_BYTES) == 0) {
            return true;
        }
    }
    return memcmp(p, "A3T", KEY_KIND_BYTES - 1) == 0;
}

static bool find_aws_key(const regex_t *regex, fl_str text, size_t from, span *found)
{
    (void)regex;
    for (size_t at = from; at < text.n;) {
        if (!is_word(text.p[at])) {
            at++;
            continue;
        }
        size_t end = at;
        bool fits = true;
        while (end < text.n && is_word(text.p[end])) {
            fits = fits && is_upper_or_digit(text.p[end]);
            end++;
        }
        if (fits && end - at == KEY_ID_BYTES && is_key_kind(text.p + at)) {
            *found = (span){at, end};
            return true;
        }
        at = end;
    }
    return false;
}

/* ---- ipv4 */

#define OCTETS    4
#define OCTET_MAX 255

/* End of four numbers up to 255 with dots between; `at` if they do not stand there. */
static size_t address_end(fl_str text, size_t at)
{
    size_t end = at;
    for (int octet = 0; octet < OCTETS; octet++) {
        unsigned value = 0;
        size_t digits = 0;
        if (octet > 0 && (end == text.n || text.p[end++] != '.')) {
            return at;
        }
        for (; end < text.n && is_digit(text.p[end]) && digits < 4; digits++) {
            value = value * 10 + (unsigned)(text.p[end++] - '0');
        }
        if (digits == 0 || digits > 3 || value > OCTET_MAX) {
            return at;
        }
    }
    return end;
}

/* A number or a dot with a number is no neighbour: 1.2.3.4.5 is a version. */
static bool is_part_of_more(fl_str text, size_t begin, size_t end)
{
    bool before =
        begin > 0 && (is_word(text.p[begin - 1]) ||
                      (begin > 1 && text.p[begin - 1] == '.' && is_digit(text.p[begin - 2])));
    bool behind =
        end < text.n && (is_word(text.p[end]) ||
                         (end + 1 < text.n && text.p[end] == '.' && is_digit(text.p[end + 1])));
    return before || behind;
}

static bool find_ipv4(const regex_t *regex, fl_str text, size_t from, span *found)
{
    (void)regex;
    for (size_t at = from; at < text.n; at++) {
        if (!is_digit(text.p[at]) || (at > 0 && is_digit(text.p[at - 1]))) {
            continue;
        }
        size_t end = address_end(text, at);
        if (end > at && !is_part_of_more(text, at, end)) {
            *found = (span){at, end};
            return true;
        }
    }
    return false;
}

/* ---- card: 13 to 19 digits whose check digit is right, in groups or not */

#define CARD_DIGITS_MIN 13
#define CARD_DIGITS_MAX 19

static bool is_luhn(const char *digits, size_t n)
{
    unsigned sum = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned digit = (unsigned)(digits[n - 1 - i] - '0') << (i % 2);
        sum += digit > 9 ? digit - 9 : digit;
    }
    return sum % 10 == 0;
}

static bool is_group_end(fl_str text, size_t at)
{
    return at == text.n || !is_digit(text.p[at]);
}

/* End of the longest card that begins with the group at `at`; `at` if none does. Between groups
 * there is one blank or hyphen. */
static size_t card_end(fl_str text, size_t at)
{
    char digits[CARD_DIGITS_MAX];
    size_t n = 0;
    size_t end = at;
    for (size_t i = at; i < text.n && n < CARD_DIGITS_MAX; i++) {
        bool is_between = (text.p[i] == ' ' || text.p[i] == '-') && !is_group_end(text, i + 1);
        if (!is_digit(text.p[i]) && !is_between) {
            break;
        }
        if (is_between) {
            continue;
        }
        digits[n++] = text.p[i];
        if (n >= CARD_DIGITS_MIN && is_group_end(text, i + 1) && is_luhn(digits, n)) {
            end = i + 1;
        }
    }
    return end;
}

static bool find_card(const regex_t *regex, fl_str text, size_t from, span *found)
{
    (void)regex;
    for (size_t at = from; at < text.n; at++) {
        if (!is_digit(text.p[at]) || (at > 0 && is_word(text.p[at - 1]))) {
            continue;
        }
        size_t end = card_end(text, at);
        if (end > at) {
            *found = (span){at, end};
            return true;
        }
    }
    return false;
}

/* ---- Regular expressions. They see bytes; what they match grows to whole characters. */

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

static size_t next_character(fl_str text, size_t at)
{
    do {
        at++;
    } while (at < text.n && is_continuation(text.p[at]));
    return at;
}

static bool find_regex(const regex_t *regex, fl_str text, size_t from, span *found)
{
    size_t at = from;
    while (at < text.n) {
        regmatch_t match = {.rm_so = (regoff_t)at, .rm_eo = (regoff_t)text.n};
        if (regexec(regex, text.p, 1, &match, REG_STARTEND) != 0) {
            return false;
        }
        size_t begin = (size_t)match.rm_so;
        size_t end = (size_t)match.rm_eo;
        if (end > begin) {
            while (begin > from && is_continuation(text.p[begin])) {
                begin--;
            }
            *found = (span){begin, is_continuation(text.p[end - 1]) || end < text.n
                                       ? next_character(text, end - 1)
                                       : end};
            return true;
        }
        at = next_character(text, end); /* nothing matched there: nothing to hide */
    }
    return false;
}

/* ---- The set */

fl_status fl_bedrock_redaction_new(fl_bedrock_redaction **out, fl_err *err)
{
    fl_bedrock_redaction *redaction = calloc(1, sizeof *redaction);
    if (redaction == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for redaction");
    }
    *out = redaction;
    return FL_OK;
}

void fl_bedrock_redaction_free(fl_bedrock_redaction *redaction)
{
    for (size_t i = 0; redaction != NULL && i < redaction->count; i++) {
        if (redaction->patterns[i].find == find_regex) {
            regfree(&redaction->patterns[i].regex);
        }
    }
    free(redaction);
}

static find_fn *find_of(fl_str name)
{
    static const struct {
        fl_str name;
        find_fn *find;
    } named[] = {
        {FL_S("email"), find_email},
        {FL_S("aws-key"), find_aws_key},
        {FL_S("ipv4"), find_ipv4},
        {FL_S("card"), find_card},
    };
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        if (fl_str_eq(named[i].name, name)) {
            return named[i].find;
        }
    }
    return find_regex;
}

static fl_status compile(fl_str text, regex_t *regex, fl_err *err)
{
    char pattern_text[PATTERN_BYTES_MAX + 1];
    char message[REGEX_MESSAGE_MAX];
    if (text.n == 0 || text.n > PATTERN_BYTES_MAX || memchr(text.p, '\0', text.n) != NULL) {
        FL_FAIL(err, FL_E_INVALID, "a pattern has 1 to %d bytes and no NUL", PATTERN_BYTES_MAX);
    }
    memcpy(pattern_text, text.p, text.n);
    pattern_text[text.n] = '\0';
    int failure = regcomp(regex, pattern_text, REG_EXTENDED);
    if (failure == REG_ESPACE) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a pattern");
    }
    if (failure != 0) {
        (void)regerror(failure, regex, message, sizeof message);
        FL_FAIL(err, FL_E_INVALID, "pattern: %s", message);
    }
    return FL_OK;
}

fl_status fl_bedrock_redaction_add(fl_bedrock_redaction *redaction, fl_str text, fl_err *err)
{
    if (redaction->count == PATTERNS_MAX) {
        FL_FAIL(err, FL_E_INVALID, "more than %d patterns", PATTERNS_MAX);
    }
    pattern *added = &redaction->patterns[redaction->count];
    added->find = find_of(text);
    if (added->find == find_regex) {
        FL_TRY(compile(text, &added->regex, err));
    }
    redaction->count++;
    return FL_OK;
}

/* ---- Redacting */

/* Appends text with the pattern's matches replaced; false, and nothing appended, without any. */
static bool replace_all(const pattern *p, fl_str text, fl_buf *out)
{
    size_t at = 0;
    span found;
    while (out->status == FL_OK && at < text.n && p->find(&p->regex, text, at, &found)) {
        fl_buf_add(out, text.p + at, found.begin - at);
        fl_buf_add_str(out, FL_S("[redacted]"));
        at = found.end;
    }
    if (at > 0) {
        fl_buf_add(out, text.p + at, text.n - at);
    }
    return at > 0;
}

static bool has_regex(const fl_bedrock_redaction *redaction)
{
    for (size_t i = 0; i < redaction->count; i++) {
        if (redaction->patterns[i].find == find_regex) {
            return true;
        }
    }
    return false;
}

/* The buffer's text with a NUL behind it. REG_STARTEND needs none, but the sanitizers' regexec
 * measures its text up to one all the same. */
static fl_str terminated(fl_buf *buf)
{
    fl_buf_add_byte(buf, '\0');
    buf->n -= buf->status == FL_OK;
    return fl_buf_str(buf);
}

typedef struct turns {
    fl_buf bufs[2]; /* what the last pattern made of the text, and what the next one makes of it */
    size_t next;
    fl_str text;
    bool found;
} turns;

static void take_turn(turns *t, const pattern *p)
{
    fl_buf *out = &t->bufs[t->next];
    fl_buf_reset(out);
    if (replace_all(p, t->text, out)) {
        t->text = terminated(out);
        t->next ^= 1;
        t->found = true;
    }
}

bool fl_bedrock_redact(const fl_bedrock_redaction *redaction, fl_str text, fl_buf *out)
{
    turns t = {.text = text};
    fl_buf *last = &t.bufs[1];
    if (text.n > INT_MAX) { /* regoff_t counts no further: none of it may be seen */
        out->status = FL_E_TOO_LARGE;
        return true;
    }
    size_t most = out->max_bytes + (out->max_bytes < SIZE_MAX); /* with its NUL */
    fl_buf_init(&t.bufs[0], most);
    fl_buf_init(&t.bufs[1], most);
    if (has_regex(redaction)) {
        fl_buf_add_str(last, text);
        t.text = terminated(last);
    }
    for (size_t i = 0; i < redaction->count && last->status == FL_OK; i++) {
        take_turn(&t, &redaction->patterns[i]);
        last = &t.bufs[t.next ^ 1];
    }
    if (last->status == FL_OK) {
        fl_buf_add_str(out, t.text);
    } else if (out->status == FL_OK) {
        out->status = last->status;
    }
    fl_buf_fini(&t.bufs[0]);
    fl_buf_fini(&t.bufs[1]);
    return t.found;
}
