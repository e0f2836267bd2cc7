#include "base/text.h"

#define EVERY_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))
#define HIGH_BITS        EVERY_BYTE(0x80)

/* High bit set in the first byte that is zero; bytes behind it may be wrong, those before are not.
 */
static inline uint64_t zero_bytes(uint64_t word)
{
    return (word - EVERY_BYTE(1)) & ~word & HIGH_BITS;
}

/* How many of eight bytes, in memory order, come before one that needs more than a copy: a control
 * character, a quote, a backslash or a byte beyond ASCII. */
static inline size_t plain_bytes(uint64_t word)
{
    uint64_t control = (word - EVERY_BYTE(0x20)) & ~word & HIGH_BITS;
    uint64_t quote = zero_bytes(word ^ EVERY_BYTE('"'));
    uint64_t backslash = zero_bytes(word ^ EVERY_BYTE('\\'));
    uint64_t special = control | quote | backslash | (word & HIGH_BITS);
    return special != 0 ? (size_t)__builtin_ctzll(special) / 8 : sizeof word;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first byte is the lowest");

/* How an ASCII character is written: 0 as it is, 'u' as \u00XX, else behind a backslash. */
static char escape_letter(unsigned char c)
{
    static const char letters[0x80] = {
        'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b',         't',           'n', 'u',
        'f', 'r', 'u', 'u', 'u', 'u', 'u', 'u', 'u',         'u',           'u', 'u',
        'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', ['"'] = '"', ['\\'] = '\\',
    };
    return letters[c];
}

/* The most that one character of the text becomes: \u00XX. */
#define CHARACTER_MAX_BYTES 6

static size_t escape_ascii(unsigned char c, char *to)
{
    static const char digits[] = "0123456789abcdef";
    char letter = escape_letter(c);
    if (letter == '\0') {
        to[0] = (char)c;
        return 1;
    }
    to[0] = '\\';
    to[1] = letter;
    if (letter != 'u') {
        return 2;
    }
    to[2] = to[3] = '0';
    to[4] = digits[c >> 4];
    to[5] = digits[c & 0xF];
    return CHARACTER_MAX_BYTES;
}

/* Writes the character at *at, which is moved behind it; returns the number of bytes. */
static size_t escape_character(fl_str text, size_t *at, char *to)
{
    size_t begin = *at;
    unsigned char first = (unsigned char)text.p[begin];
    if (first < 0x80) {
        ++*at;
        return escape_ascii(first, to);
    }
    if (fl_utf8_next(text, at) < 0) {
        memcpy(to, "\xEF\xBF\xBD", 3);
        return 3;
    }
    memcpy(to, text.p + begin, *at - begin);
    return *at - begin;
}

/* Up to eight bytes: those that need no more are copied, then the first that does is escaped. */
static size_t escape_word(fl_str text, size_t *at, uint64_t word, size_t bytes, char *to)
{
    size_t plain = plain_bytes(word);
    if (plain >= bytes) {
        *at += bytes;
        return bytes;
    }
    *at += plain;
    return plain + escape_character(text, at, to + plain);
}

#define WORD_BYTES sizeof(uint64_t)

/* The fewer than eight bytes i .. end, with zeros behind them. */
static uint64_t last_bytes(fl_str text, size_t i, size_t end)
{
    uint64_t word = 0;
    if (end >= WORD_BYTES) { /* one load of what ends there costs less than a copy of few bytes */
        memcpy(&word, text.p + end - WORD_BYTES, sizeof word);
        return word >> (8 * (WORD_BYTES - (end - i)));
    }
    memcpy(&word, text.p + i, end - i);
    return word;
}

/* The characters that begin in *at .. end, into memory that holds the longest form of them and a
 * word more. */
static size_t escape_block(fl_str text, size_t *at, size_t end, char *to)
{
    char *out = to;
    size_t i = *at;
    uint64_t word;
    while (i < end && end - i >= WORD_BYTES) {
        memcpy(&word, text.p + i, sizeof word);
        memcpy(out, &word, sizeof word);
        out += escape_word(text, &i, word, WORD_BYTES, out);
    }
    while (i < end) {
        word = last_bytes(text, i, end);
        memcpy(out, &word, sizeof word);
        out += escape_word(text, &i, word, end - i, out);
    }
    *at = i;
    return (size_t)(out - to);
}

#define BLOCK_BYTES ((size_t)1024)

void fl_buf_add_escaped(fl_buf *buf, fl_str text)
{
    size_t at = 0;
    while (at < text.n && buf->status == FL_OK) {
        size_t left = buf->max_bytes - buf->n;
        size_t fits = left > WORD_BYTES ? (left - WORD_BYTES) / CHARACTER_MAX_BYTES : 0;
        size_t block = text.n - at < BLOCK_BYTES ? text.n - at : BLOCK_BYTES;
        block = block < fits ? block : fits;
        if (block == 0) { /* the longest form would not fit; the true one may */
            char character[CHARACTER_MAX_BYTES];
            size_t n = escape_character(text, &at, character);
            fl_buf_add(buf, character, n);
            continue;
        }
        char *room = fl_buf_room(buf, block * CHARACTER_MAX_BYTES + WORD_BYTES);
        if (room != NULL) {
            fl_buf_grow(buf, escape_block(text, &at, at + block, room));
        }
    }
}

#define QUOTED_BYTES ((size_t)256) /* texts so short are written without a look at each block */

void fl_buf_add_quoted(fl_buf *buf, fl_str text)
{
    size_t longest = QUOTED_BYTES * CHARACTER_MAX_BYTES + WORD_BYTES + 2;
    if (text.n > QUOTED_BYTES || buf->max_bytes - buf->n < longest) {
        fl_buf_add_byte(buf, '"');
        fl_buf_add_escaped(buf, text);
        fl_buf_add_byte(buf, '"');
        return;
    }
    char *room = fl_buf_room(buf, text.n * CHARACTER_MAX_BYTES + WORD_BYTES + 2);
    if (room != NULL) {
        size_t at = 0;
        room[0] = '"';
        size_t n = escape_block(text, &at, text.n, room + 1);
        room[n + 1] = '"';
        fl_buf_grow(buf, n + 2);
    }
}
