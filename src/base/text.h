/*
 * Text and bytes: fl_str to read, fl_buf to write, fl_cur to decode. No NUL terminators inside.
 */
#ifndef FL_BASE_TEXT_H
#define FL_BASE_TEXT_H

#include <string.h>

#include "base/arena.h"
#include "base/status.h"

/* ---- fl_str: bytes that somebody else owns. p == NULL means absent; n == 0 with p set is empty.
 */

typedef struct fl_str {
    const char *p;
    size_t n;
} fl_str;

#define FL_S(literal) ((fl_str){"" literal, sizeof(literal) - 1})
#define FL_P(s)       (int)(s).n, (s).p /* printf("%.*s", FL_P(s)) */

static inline fl_str fl_str_of(const char *text) /* NULL gives the absent string */
{
    return (fl_str){text, text != NULL ? strlen(text) : 0};
}
static inline bool fl_str_eq(fl_str a, fl_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
bool fl_str_eq_nocase(fl_str a, fl_str b); /* ASCII case only */
bool fl_str_starts(fl_str s, fl_str prefix);
int fl_str_cmp(fl_str a, fl_str b); /* bytewise, shorter first on equal prefix */
fl_str fl_str_trim(fl_str s);       /* blanks, tabs, CR, LF at both ends */

/* Splits at the first separator: returns what is before it and moves *rest behind it; without a
 * separator returns all and leaves *rest absent. */
fl_str fl_str_cut(fl_str *rest, char separator);

/* Copies in the arena (fl_str_zdup adds a NUL behind); an absent result means no memory. */
FL_MUST fl_str fl_str_dup(fl_arena *arena, fl_str s);
FL_MUST char *fl_str_zdup(fl_arena *arena, fl_str s);

/* Longest prefix of at most max bytes that ends between UTF-8 characters. */
fl_str fl_str_clip(fl_str s, size_t max);

/* Decimal number, all of s; false on anything else or overflow. */
bool fl_str_to_u64(fl_str s, uint64_t *out);
bool fl_str_to_i64(fl_str s, int64_t *out);

/* "64k", "256MiB", "50GB", "1048576": a size in bytes (k, M, G, T and Ki.. are all powers of
 * 1,024). "30d", "12h", "5m", "10s", "250ms": a duration in nanoseconds; a bare number is seconds.
 */
bool fl_str_to_bytes(fl_str s, uint64_t *out);
bool fl_str_to_duration_ns(fl_str s, int64_t *out);

/* Decodes one UTF-8 character of s at *at and moves on; returns -1 for an invalid sequence (moves
 * over its maximal subpart) and -2 at the end. */
int32_t fl_utf8_next(fl_str s, size_t *at);
bool fl_utf8_valid(fl_str s);
size_t fl_utf8_length(fl_str s); /* characters; an invalid sequence counts as one */

/* 64-bit hash of bytes (XXH3); not for anything that is stored. */
uint64_t fl_hash64(const void *bytes, size_t n, uint64_t seed);

/* Secrets: equal lengths and bytes, in time that depends on the lengths only. */
bool fl_str_eq_constant_time(fl_str a, fl_str b);

/* ---- fl_buf: a growing buffer with a maximum. Errors stick: check .status once at the end. */

typedef struct fl_buf {
    char *p;
    size_t n, capacity, max_bytes;
    fl_status status; /* FL_OK, FL_E_TOO_LARGE, FL_E_NOMEM; after an error nothing is added */
} fl_buf;

void fl_buf_init(fl_buf *buf, size_t max_bytes);
void fl_buf_fini(fl_buf *buf);  /* frees; the buffer is zeroed */
void fl_buf_reset(fl_buf *buf); /* empties, keeps the memory, clears the status */
static inline fl_str fl_buf_str(const fl_buf *buf)
{
    return (fl_str){buf->p != NULL ? buf->p : "", buf->n};
}
/* Room for n more bytes; NULL (and a status) if there is none. fl_buf_grow then counts what was
 * written. */
char *fl_buf_room_slowly(fl_buf *buf, size_t n); /* the part of fl_buf_room that takes memory */
static inline char *fl_buf_room(fl_buf *buf, size_t n)
{
    bool there = buf->p != NULL && buf->status == FL_OK && n <= buf->capacity - buf->n;
    return there ? buf->p + buf->n : fl_buf_room_slowly(buf, n);
}
static inline void fl_buf_grow(fl_buf *buf, size_t n)
{
    buf->n += n;
}
static inline void fl_buf_add(fl_buf *buf, const void *bytes, size_t n)
{
    char *room = n != 0 ? fl_buf_room(buf, n) : NULL;
    if (room != NULL) {
        memcpy(room, bytes, n);
        buf->n += n;
    }
}
static inline void fl_buf_add_str(fl_buf *buf, fl_str s)
{
    fl_buf_add(buf, s.p, s.n);
}
static inline void fl_buf_add_byte(fl_buf *buf, char byte)
{
    char *room = fl_buf_room(buf, 1);
    if (room != NULL) {
        *room = byte;
        buf->n++;
    }
}
void fl_buf_fill(fl_buf *buf, char byte, size_t n);
void fl_buf_add_u64(fl_buf *buf, uint64_t value); /* decimal */
void fl_buf_add_i64(fl_buf *buf, int64_t value);
/* Fixed, trailing zeros kept, at most 17 decimals; 0 for what is not finite. */
void fl_buf_add_double(fl_buf *buf, double value, int decimals);
void fl_buf_add_hex(fl_buf *buf, uint64_t value, int digits); /* lower case, zero padded */
/* As inside a JSON string: ", \ and control characters escaped, invalid UTF-8 as U+FFFD. */
void fl_buf_add_escaped(fl_buf *buf, fl_str text);
void fl_buf_add_quoted(fl_buf *buf, fl_str text); /* the same, with its quotes */
/* Nanoseconds as decimal seconds with at most 9 digits after the point and no trailing zeros:
 * 1738650304.1 */
void fl_buf_add_seconds(fl_buf *buf, int64_t ns);
void fl_buf_add_le32(fl_buf *buf, uint32_t value);
void fl_buf_add_le64(fl_buf *buf, uint64_t value);
void fl_buf_add_varint(fl_buf *buf, uint64_t value); /* LEB128 */
void fl_buf_add_svarint(fl_buf *buf, int64_t value); /* zigzag */
void fl_buf_add_bytes(fl_buf *buf, fl_str s);        /* varint length, then the bytes */

/* ---- fl_cur: a bounded reader. A read past the end sets failed; from then on all give 0. */

typedef struct fl_cur {
    const unsigned char *p, *end;
    bool failed;
} fl_cur;

static inline fl_cur fl_cur_of(const void *bytes, size_t n)
{
    const unsigned char *p = (const unsigned char *)bytes;
    return (fl_cur){p, n != 0 ? p + n : p, false};
}
static inline size_t fl_cur_left(const fl_cur *cur)
{
    return (size_t)(cur->end - cur->p);
}
uint8_t fl_cur_u8(fl_cur *cur);
uint32_t fl_cur_le32(fl_cur *cur);
uint64_t fl_cur_le64(fl_cur *cur);
uint64_t fl_cur_varint(fl_cur *cur);
int64_t fl_cur_svarint(fl_cur *cur);
fl_str fl_cur_take(fl_cur *cur, size_t n); /* borrows */
fl_str fl_cur_bytes(fl_cur *cur);          /* what fl_buf_add_bytes wrote; borrows */

#endif
