#include "trace/name_int.h"

/* One bit for each ASCII character. */
typedef struct ascii_set {
    uint64_t low, high;
} ascii_set;

#define BIT(c) (UINT64_C(1) << ((c)&63))

#define DIGITS  (UINT64_C(0x3FF) << '0')
#define LETTERS (UINT64_C(0x07FFFFFE07FFFFFE)) /* both cases, in the upper half */

static const ascii_set taken_by_aws = {
    .low = DIGITS | BIT(' ') | BIT('.') | BIT(':') | BIT('/') | BIT('%') | BIT('&') | BIT('#') |
           BIT('=') | BIT('+') | BIT('-'),
    .high = LETTERS | BIT('@') | BIT('_') | BIT('\\'),
};
static const ascii_set taken_by_open = {
    .low = ~UINT64_C(0xFFFFFFFF), /* all but U+0000 to U+001F */
    .high = ~BIT(0x7F),
};

/* Is every character of the set? False as well for what is not ASCII. No early end: names are short
 * and mostly fine. */
static bool all_in(const ascii_set *set, fl_str name)
{
    unsigned bad = 0;
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        uint64_t half = c < 64 ? set->low : set->high;
        bad |= (unsigned)(~half >> (c & 63) & 1) | (c & 0x80u);
    }
    return bad == 0;
}

static bool is_taken(int32_t code, const ascii_set *set, fl_profile profile)
{
    if (code < 0x80) {
        return code >= 0 && ((code < 64 ? set->low : set->high) >> (code & 63) & 1) != 0;
    }
    return profile == FL_PROFILE_AWS ? fl_name_char_in_unicode(code) : code > 0x9F;
}

static bool all_taken(fl_str name, const ascii_set *set, fl_profile profile)
{
    for (size_t at = 0; at < name.n;) {
        if (!is_taken(fl_utf8_next(name, &at), set, profile)) {
            return false;
        }
    }
    return true;
}

const char *fl_name_flaw(fl_str name, fl_profile profile, size_t chars_max)
{
    const ascii_set *set = profile == FL_PROFILE_AWS ? &taken_by_aws : &taken_by_open;
    if (name.n == 0) {
        return name.p == NULL ? "name is no string" : "name is empty";
    }
    if (!all_in(set, name) && !all_taken(name, set, profile)) {
        return "name has a character that is not allowed";
    }
    /* No text has more characters than bytes. */
    bool too_long = name.n > chars_max && fl_utf8_length(name) > chars_max;
    return too_long ? "name is too long" : NULL;
}
