#include "base/text.h"

/* What may follow a lead byte: the number of continuation bytes and the range of the first one,
 * which shuts out overlong forms, surrogates and everything above U+10FFFF (Unicode, table 3-7). */
typedef struct utf8_lead {
    int more;
    unsigned char low, high;
} utf8_lead;

static utf8_lead lead_of(unsigned char byte)
{
    if (byte >= 0xC2 && byte <= 0xDF) {
        return (utf8_lead){1, 0x80, 0xBF};
    }
    if (byte >= 0xE0 && byte <= 0xEF) {
        return (utf8_lead){2, byte == 0xE0 ? 0xA0 : 0x80, byte == 0xED ? 0x9F : 0xBF};
    }
    if (byte >= 0xF0 && byte <= 0xF4) {
        return (utf8_lead){3, byte == 0xF0 ? 0x90 : 0x80, byte == 0xF4 ? 0x8F : 0xBF};
    }
    return (utf8_lead){0};
}

int32_t fl_utf8_next(fl_str s, size_t *at)
{
    if (*at >= s.n) {
        return -2;
    }
    unsigned char byte = (unsigned char)s.p[(*at)++];
    if (byte < 0x80) {
        return byte;
    }
    utf8_lead lead = lead_of(byte);
    if (lead.more == 0) {
        return -1;
    }
    int32_t code = byte & (0x3F >> lead.more);
    for (int i = 0; i < lead.more; i++) {
        unsigned char next = *at < s.n ? (unsigned char)s.p[*at] : 0;
        if (next < lead.low || next > lead.high) {
            return -1;
        }
        lead.low = 0x80;
        lead.high = 0xBF;
        code = code << 6 | (next & 0x3F);
        (*at)++;
    }
    return code;
}

bool fl_utf8_valid(fl_str s)
{
    size_t at = 0;
    int32_t code = 0;
    while (code >= 0) {
        code = fl_utf8_next(s, &at);
    }
    return code == -2;
}

size_t fl_utf8_length(fl_str s)
{
    size_t at = 0;
    size_t length = 0;
    while (fl_utf8_next(s, &at) != -2) {
        length++;
    }
    return length;
}

fl_str fl_str_clip(fl_str s, size_t max)
{
    if (s.n <= max) {
        return s;
    }
    size_t n = max;
    /* A character has at most three continuation bytes; a longer run of them is no text to spare.
     */
    for (int back = 0; back < 3 && n > 0 && ((unsigned char)s.p[n] & 0xC0) == 0x80; back++) {
        n--;
    }
    if (((unsigned char)s.p[n] & 0xC0) == 0x80) {
        n = max;
    }
    return (fl_str){s.p, n};
}
