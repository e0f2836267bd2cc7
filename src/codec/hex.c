#include "codec/codec.h"

/* Value of a hex digit, -1 for any other character. */
static int digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool fl_hex_read(const char *p, size_t digits, uint64_t *out)
{
    uint64_t value = 0;
    if (digits > 16) {
        return false;
    }
    for (size_t i = 0; i < digits; i++) {
        int digit = digit_value(p[i]);
        if (digit < 0) {
            return false;
        }
        value = value << 4 | (uint64_t)digit;
    }
    *out = value;
    return true;
}
