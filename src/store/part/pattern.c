#include "store/part/pattern_int.h"

#include "store/part/column_format_int.h"

#define DIGITS_MAX     FL_DECIMAL_DIGITS
#define HEX_DIGITS_MAX 16

/* A word of hex digits and no others than 0 … 9 is taken for hex if it has a length that ids have:
 * else each kind of id would have a second pattern for those that happen to have no letter. */
#define HEX_LENGTHS                                                                                \
    (UINT64_C(1) << 8 | UINT64_C(1) << 12 | UINT64_C(1) << 16 | UINT64_C(1) << 24 |                \
     UINT64_C(1) << 32 | UINT64_C(1) << 40)
#define HEX_MIN_LENGTH 5

enum { LETTER = 1, DIGIT = 2, LOWER_HEX = 4, UPPER_HEX = 8, MARK = 16 };

static const unsigned char classes[256] = {
    [FL_PATTERN_NUMBER... FL_PATTERN_BYTE] = MARK,
    ['0' ... '9'] = DIGIT | LOWER_HEX | UPPER_HEX,
    ['a' ... 'f'] = LETTER | LOWER_HEX,
    ['g' ... 'z'] = LETTER,
    ['A' ... 'F'] = LETTER | UPPER_HEX,
    ['G' ... 'Z'] = LETTER,
};

typedef struct scan {
    const char *text;
    size_t copied;  /* of the text, to the pattern */
    size_t scanned; /* a word ends there, or nothing was looked at */
    char *to;
    int64_t *numbers;
    size_t count; /* of them */
} scan;

static void copy_until(scan *s, size_t end)
{
    memcpy(s->to, s->text + s->copied, end - s->copied);
    s->to += end - s->copied;
    s->copied = end;
}

/* ---- Fields */

static int64_t decimal_of(const char *digits, size_t n)
{
    int64_t number = 0;
    for (size_t i = 0; i < n; i++) {
        number = number * 10 + (digits[i] - '0');
    }
    return number;
}

static int64_t hex_of(const char *digits, size_t n)
{
    uint64_t number = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned c = (unsigned char)digits[i];
        number = number << 4 | ((c & 0xF) + (c >> 6) * 9); /* no branch: digits are at random */
    }
    return (int64_t)number;
}

static void add_decimals(scan *s, size_t begin, size_t end)
{
    while (begin < end && s->count < FL_PATTERN_FIELDS) {
        size_t width = end - begin < DIGITS_MAX ? end - begin : DIGITS_MAX;
        bool plain = width == end - begin && (s->text[begin] != '0' || width == 1);
        copy_until(s, begin);
        s->numbers[s->count++] = decimal_of(s->text + begin, width);
        *s->to++ = plain ? FL_PATTERN_NUMBER : FL_PATTERN_DIGITS;
        if (!plain) {
            *s->to++ = (char)width;
        }
        begin = s->copied = begin + width;
    }
}

static void add_hex(scan *s, size_t begin, size_t end, fl_pattern_mark mark)
{
    while (begin < end && s->count < FL_PATTERN_FIELDS) {
        size_t width = end - begin < HEX_DIGITS_MAX ? end - begin : HEX_DIGITS_MAX;
        copy_until(s, begin);
        s->numbers[s->count++] = hex_of(s->text + begin, width);
        *s->to++ = (char)mark;
        *s->to++ = (char)width;
        begin = s->copied = begin + width;
    }
}

/* ---- Words */

static const unsigned char uuid_groups[] = {8, 4, 4, 4, 12};
#define UUID_BYTES 36

/* A group of four digits is often free of letters: only the whole tells that it is hex. */
static bool is_uuid(const char *text, size_t n)
{
    unsigned all = LOWER_HEX;
    if (n < UUID_BYTES) {
        return false;
    }
    for (size_t i = 0; i < UUID_BYTES; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        all &= dash ? (text[i] == '-' ? LOWER_HEX : 0U) : classes[(unsigned char)text[i]];
    }
    return all != 0;
}

static size_t add_uuid(scan *s, size_t begin)
{
    for (size_t i = 0; i < sizeof uuid_groups; i++) {
        add_hex(s, begin, begin + uuid_groups[i], FL_PATTERN_HEX);
        begin += uuid_groups[i] + 1U;
    }
    return begin - 1;
}

/* Runs of at least two digits in a word that has other letters, too: 01T12, but not v1. */
static void add_mixed(scan *s, size_t begin, size_t end)
{
    while (begin < end) {
        size_t run = begin;
        while (run < end && (classes[(unsigned char)s->text[run]] & DIGIT) != 0) {
            run++;
        }
        if (run - begin >= 2) {
            add_decimals(s, begin, run);
        }
        begin = run + 1;
    }
}

static void add_word(scan *s, size_t begin, size_t end, unsigned all)
{
    size_t n = end - begin;
    bool has_hex_length = n < 64 && (HEX_LENGTHS >> n & 1) != 0;
    if ((all & LOWER_HEX) != 0 && (has_hex_length || ((all & DIGIT) == 0 && n >= HEX_MIN_LENGTH))) {
        add_hex(s, begin, end, FL_PATTERN_HEX);
    } else if ((all & DIGIT) != 0) {
        add_decimals(s, begin, end);
    } else if ((all & UPPER_HEX) != 0 && n >= HEX_MIN_LENGTH) {
        add_hex(s, begin, end, FL_PATTERN_UPPER_HEX);
    } else {
        add_mixed(s, begin, end);
    }
}

static bool is_in_word(char c)
{
    return (classes[(unsigned char)c] & (LETTER | DIGIT)) != 0;
}

/* The word that the digit at `at` is in, or the UUID that begins with it; returns its end. */
static size_t scan_word(scan *s, fl_str text, size_t at)
{
    unsigned all = 0xFF;
    size_t begin = at, end = at;
    while (begin > s->scanned && is_in_word(text.p[begin - 1])) {
        all &= classes[(unsigned char)text.p[--begin]];
    }
    for (; end < text.n && is_in_word(text.p[end]); end++) {
        all &= classes[(unsigned char)text.p[end]];
    }
    if (end - begin == uuid_groups[0] && (all & LOWER_HEX) != 0 &&
        is_uuid(text.p + begin, text.n - begin) &&
        s->count + sizeof uuid_groups <= FL_PATTERN_FIELDS) {
        return add_uuid(s, begin);
    }
    add_word(s, begin, end, all);
    return end;
}

#define EIGHT(byte) (UINT64_C(0x0101010101010101) * (byte))

static uint64_t eight_at(const char *text)
{
    uint64_t bytes;
    memcpy(&bytes, text, sizeof bytes);
    return bytes;
}

/* The upper bit of each byte that is not below FL_PATTERN_MARKS. */
static uint64_t no_marks(uint64_t bytes)
{
    return ((bytes & EIGHT(0x7F)) + EIGHT(0x80 - FL_PATTERN_MARKS)) | bytes;
}

/* The next digit or mark from `at` on, eight bytes at a time; text.n if there is none. */
static size_t find_digit_or_mark(fl_str text, size_t at)
{
    for (; at + 8 <= text.n; at += 8) {
        uint64_t bytes = eight_at(text.p + at);
        uint64_t digits = bytes ^ EIGHT('0'); /* 0 … 9 where a digit is */
        uint64_t no_digit = ((digits & EIGHT(0x7F)) + EIGHT(0x80 - 10)) | digits;
        uint64_t no_mark = no_marks(bytes);
        if ((~(no_digit & no_mark) & EIGHT(0x80)) != 0) {
            break;
        }
    }
    while (at < text.n && (classes[(unsigned char)text.p[at]] & (DIGIT | MARK)) == 0) {
        at++;
    }
    return at;
}

size_t fl_pattern_of(fl_str text, char *pattern, int64_t numbers[FL_PATTERN_FIELDS],
                     size_t *number_count)
{
    scan s = {.text = text.p, .to = pattern, .numbers = numbers};
    for (;;) {
        size_t at = find_digit_or_mark(text, s.scanned);
        if (at == text.n) {
            break;
        }
        if ((classes[(unsigned char)text.p[at]] & MARK) != 0) {
            copy_until(&s, at);
            *s.to++ = FL_PATTERN_BYTE;
            s.scanned = at + 1;
        } else {
            s.scanned = scan_word(&s, text, at);
        }
    }
    if (text.n != 0) {
        copy_until(&s, text.n);
    }
    *number_count = s.count;
    return (size_t)(s.to - pattern);
}

/* ---- Back */

static bool width_fits(const fl_pattern_piece *piece)
{
    switch (piece->mark) {
    case FL_PATTERN_NUMBER:
        return true;
    case FL_PATTERN_DIGITS:
        return piece->width >= 1 && piece->width <= DIGITS_MAX;
    default:
        return piece->width >= 1 && piece->width <= HEX_DIGITS_MAX;
    }
}

/* The bytes in front of the next mark. */
static size_t literal_n(const fl_cur *pattern)
{
    const unsigned char *at = pattern->p;
    while (pattern->end - at >= 8 && (~no_marks(eight_at((const char *)at)) & EIGHT(0x80)) == 0) {
        at += 8;
    }
    while (at < pattern->end && (classes[*at] & MARK) == 0) {
        at++;
    }
    return (size_t)(at - pattern->p);
}

bool fl_pattern_next(fl_cur *pattern, char **to, fl_pattern_piece *piece)
{
    *piece = (fl_pattern_piece){.literal = *to};
    while (fl_cur_left(pattern) != 0) {
        fl_str literal = fl_cur_take(pattern, literal_n(pattern));
        memcpy(*to, literal.p, literal.n);
        *to += literal.n;
        if (fl_cur_left(pattern) == 0) {
            break;
        }
        unsigned mark = fl_cur_u8(pattern);
        if (mark == FL_PATTERN_BYTE) {
            *(*to)++ = (char)fl_cur_u8(pattern);
            continue;
        }
        piece->mark = (uint8_t)mark;
        piece->width = mark != FL_PATTERN_NUMBER ? fl_cur_u8(pattern) : 0;
        break;
    }
    piece->literal_n = (uint32_t)(*to - piece->literal);
    return !pattern->failed && (piece->mark == FL_PATTERN_NONE || width_fits(piece));
}
