#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

#define FIRST_CAPACITY ((size_t)256)
#define NS_DIGITS      9

void fl_buf_init(fl_buf *buf, size_t max_bytes)
{
    *buf = (fl_buf){.max_bytes = max_bytes};
}

void fl_buf_fini(fl_buf *buf)
{
    free(buf->p);
    *buf = (fl_buf){0};
}

void fl_buf_reset(fl_buf *buf)
{
    buf->n = 0;
    buf->status = FL_OK;
}

/* Capacity for `need` bytes: doubled, so that adding stays linear, within the maximum. */
static bool reserve(fl_buf *buf, size_t need)
{
    size_t capacity = buf->capacity > buf->max_bytes / 2 ? buf->max_bytes : buf->capacity * 2;
    if (capacity < FIRST_CAPACITY) {
        capacity = FIRST_CAPACITY < buf->max_bytes ? FIRST_CAPACITY : buf->max_bytes;
    }
    if (capacity < need) {
        capacity = need;
    }
    char *p = realloc(buf->p, capacity != 0 ? capacity : 1);
    if (p == NULL) {
        buf->status = FL_E_NOMEM;
        return false;
    }
    buf->p = p;
    buf->capacity = capacity;
    return true;
}

char *fl_buf_room_slowly(fl_buf *buf, size_t n)
{
    if (buf->status != FL_OK) {
        return NULL;
    }
    if (n > buf->max_bytes - buf->n) {
        buf->status = FL_E_TOO_LARGE;
        return NULL;
    }
    if ((buf->p == NULL || n > buf->capacity - buf->n) && !reserve(buf, buf->n + n)) {
        return NULL;
    }
    return buf->p + buf->n;
}

void fl_buf_fill(fl_buf *buf, char byte, size_t n)
{
    char *room = n != 0 ? fl_buf_room(buf, n) : NULL;
    if (room != NULL) {
        memset(room, byte, n);
        buf->n += n;
    }
}

/* Writes the decimal digits of value so that they end at `end`; returns where they begin. */
static char *digits_before(char *end, uint64_t value)
{
    static const char pairs[] = "0001020304050607080910111213141516171819"
                                "2021222324252627282930313233343536373839"
                                "4041424344454647484950515253545556575859"
                                "6061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";
    while (value >= 100) {
        end -= 2;
        memcpy(end, &pairs[value % 100 * 2], 2);
        value /= 100;
    }
    if (value >= 10) {
        end -= 2;
        memcpy(end, &pairs[value * 2], 2);
    } else {
        *--end = (char)('0' + value);
    }
    return end;
}

static uint64_t magnitude_of(int64_t value)
{
    return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

void fl_buf_add_u64(fl_buf *buf, uint64_t value)
{
    char text[20];
    char *end = text + sizeof text;
    char *begin = digits_before(end, value);
    fl_buf_add(buf, begin, (size_t)(end - begin));
}

void fl_buf_add_i64(fl_buf *buf, int64_t value)
{
    char text[21];
    char *end = text + sizeof text;
    char *begin = digits_before(end, magnitude_of(value));
    if (value < 0) {
        *--begin = '-';
    }
    fl_buf_add(buf, begin, (size_t)(end - begin));
}

void fl_buf_add_double(fl_buf *buf, double value, int decimals)
{
    char text[336]; /* the largest double has 309 digits before the point */
    int places = decimals < 0 ? 0 : decimals > 17 ? 17 : decimals;
    int n = snprintf(text, sizeof text, "%.*f", places, isfinite(value) ? value : 0.0);
    fl_buf_add(buf, text, (size_t)n);
}

void fl_buf_add_hex(fl_buf *buf, uint64_t value, int digits)
{
    char text[16];
    int n = digits < 0 ? 0 : digits > 16 ? 16 : digits;
    for (int i = n - 1; i >= 0; i--) {
        text[i] = "0123456789abcdef"[value & 0xF];
        value >>= 4;
    }
    fl_buf_add(buf, text, (size_t)n);
}

void fl_buf_add_seconds(fl_buf *buf, int64_t ns)
{
    char text[32];
    char *end = text + sizeof text;
    uint64_t magnitude = magnitude_of(ns);
    uint64_t fraction = magnitude % 1000000000;
    char *begin = end;
    if (fraction != 0) {
        int places = NS_DIGITS;
        for (; fraction % 10 == 0; fraction /= 10) {
            places--;
        }
        begin = digits_before(end, fraction);
        while (end - begin < places) {
            *--begin = '0';
        }
        *--begin = '.';
    }
    begin = digits_before(begin, magnitude / 1000000000);
    if (ns < 0) {
        *--begin = '-';
    }
    fl_buf_add(buf, begin, (size_t)(end - begin));
}

void fl_buf_add_le32(fl_buf *buf, uint32_t value)
{
    unsigned char bytes[4];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(value >> (8 * i));
    }
    fl_buf_add(buf, bytes, sizeof bytes);
}

void fl_buf_add_le64(fl_buf *buf, uint64_t value)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(value >> (8 * i));
    }
    fl_buf_add(buf, bytes, sizeof bytes);
}

void fl_buf_add_varint(fl_buf *buf, uint64_t value)
{
    unsigned char bytes[10];
    size_t n = 0;
    for (; value >= 0x80; value >>= 7) {
        bytes[n++] = (unsigned char)(value | 0x80);
    }
    bytes[n++] = (unsigned char)value;
    fl_buf_add(buf, bytes, n);
}

void fl_buf_add_svarint(fl_buf *buf, int64_t value)
{
    uint64_t zigzag = (uint64_t)value << 1;
    fl_buf_add_varint(buf, value < 0 ? ~zigzag : zigzag);
}

void fl_buf_add_bytes(fl_buf *buf, fl_str s)
{
    fl_buf_add_varint(buf, s.n);
    fl_buf_add_str(buf, s);
}
