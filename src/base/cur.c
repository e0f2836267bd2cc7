#include "base/text.h"

/* The next n bytes, or NULL with failed set and nothing left. */
static const unsigned char *take(fl_cur *cur, size_t n)
{
    if (n > fl_cur_left(cur)) {
        cur->failed = true;
        cur->p = cur->end;
        return NULL;
    }
    const unsigned char *bytes = cur->p;
    if (n != 0) { /* an empty cursor may stand on NULL */
        cur->p += n;
    }
    return bytes;
}

static uint64_t take_le(fl_cur *cur, size_t n)
{
    const unsigned char *bytes = cur->failed ? NULL : take(cur, n);
    uint64_t value = 0;
    for (size_t i = 0; bytes != NULL && i < n; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

uint8_t fl_cur_u8(fl_cur *cur)
{
    return (uint8_t)take_le(cur, 1);
}

uint32_t fl_cur_le32(fl_cur *cur)
{
    return (uint32_t)take_le(cur, 4);
}

uint64_t fl_cur_le64(fl_cur *cur)
{
    return take_le(cur, 8);
}

uint64_t fl_cur_varint(fl_cur *cur)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint64_t byte = fl_cur_u8(cur);
        uint64_t bits = byte & 0x7F;
        if (cur->failed || (bits << shift) >> shift != bits) {
            break;
        }
        value |= bits << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    cur->failed = true;
    cur->p = cur->end;
    return 0;
}

int64_t fl_cur_svarint(fl_cur *cur)
{
    uint64_t zigzag = fl_cur_varint(cur);
    return (int64_t)((zigzag >> 1) ^ (0 - (zigzag & 1)));
}

fl_str fl_cur_take(fl_cur *cur, size_t n)
{
    const unsigned char *bytes = cur->failed ? NULL : take(cur, n);
    return bytes != NULL ? (fl_str){(const char *)bytes, n} : (fl_str){0};
}

fl_str fl_cur_bytes(fl_cur *cur)
{
    uint64_t n = fl_cur_varint(cur);
    return fl_cur_take(cur, (size_t)n);
}
