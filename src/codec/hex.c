#include "codec/codec.h"

#define NO          0x10 /* not a digit: a bit that no digit has */
#define ROW_OF_NONE NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO

/* Value of each byte as a hex digit. Ids are a tenth of the bytes of a document, so no branch for
 * each. */
/* clang-format off */
static const uint8_t digit_values[256] = {
    ROW_OF_NONE, ROW_OF_NONE, ROW_OF_NONE,
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, NO, NO, NO, NO, NO, NO,
    NO, 10, 11, 12, 13, 14, 15, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    ROW_OF_NONE,
    NO, 10, 11, 12, 13, 14, 15, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    ROW_OF_NONE,
    ROW_OF_NONE, ROW_OF_NONE, ROW_OF_NONE, ROW_OF_NONE,
    ROW_OF_NONE, ROW_OF_NONE, ROW_OF_NONE, ROW_OF_NONE,
};
/* clang-format on */

bool fl_hex_read(const char *p, size_t digits, uint64_t *out)
{
    uint64_t value = 0;
    uint8_t seen = 0;
    if (digits > 16) {
        return false;
    }
    for (size_t i = 0; i < digits; i++) {
        uint8_t digit = digit_values[(unsigned char)p[i]];
        seen |= digit;
        value = value << 4 | (digit & 0xf);
    }
    if ((seen & NO) != 0) {
        return false;
    }
    *out = value;
    return true;
}
