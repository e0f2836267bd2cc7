#include "store/part/column_format_int.h"

const int64_t fl_decimal_powers[FL_DECIMAL_DIGITS + 1] = {
    INT64_C(1),
    INT64_C(10),
    INT64_C(100),
    INT64_C(1000),
    INT64_C(10000),
    INT64_C(100000),
    INT64_C(1000000),
    INT64_C(10000000),
    INT64_C(100000000),
    INT64_C(1000000000),
    INT64_C(10000000000),
    INT64_C(100000000000),
    INT64_C(1000000000000),
    INT64_C(10000000000000),
    INT64_C(100000000000000),
    INT64_C(1000000000000000),
    INT64_C(10000000000000000),
    INT64_C(100000000000000000),
    INT64_C(1000000000000000000),
};

/* Takes digits off the front of *text into *number, which may wrap. */
static size_t take_digits(fl_str *text, uint64_t *number)
{
    size_t n = 0;
    for (; n < text->n && text->p[n] >= '0' && text->p[n] <= '9'; n++) {
        *number = *number * 10 + (uint64_t)(text->p[n] - '0');
    }
    *text = (fl_str){text->p + n, text->n - n};
    return n;
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?, at most FL_DECIMAL_DIGITS digits, and no -0. */
bool fl_decimal_parse(fl_str text, int64_t *value, unsigned *scale)
{
    enum { SIGN_AND_POINT = 2 };
    if (text.n == 0 || text.n > FL_DECIMAL_DIGITS + SIGN_AND_POINT) {
        return false;
    }
    bool negative = text.p[0] == '-';
    fl_str left = {text.p + negative, text.n - negative};
    bool zero_leads = left.n > 1 && left.p[0] == '0' && left.p[1] != '.';
    uint64_t number = 0; /* of 20 digits at most: checked before it is used */
    size_t whole = take_digits(&left, &number), fraction = 0;
    if (left.n != 0 && left.p[0] == '.') {
        left = (fl_str){left.p + 1, left.n - 1};
        fraction = take_digits(&left, &number);
        whole = fraction != 0 ? whole : 0;
    }
    if (whole == 0 || left.n != 0 || zero_leads || whole + fraction > FL_DECIMAL_DIGITS ||
        (negative && number == 0)) {
        return false;
    }
    *value = negative ? -(int64_t)number : (int64_t)number;
    *scale = (unsigned)fraction;
    return true;
}

char *fl_decimal_put(char *to, int64_t value, unsigned largest, unsigned scale)
{
    char digits[FL_DECIMAL_TEXT_MAX];
    char *at = digits + sizeof digits;
    int64_t unit = fl_decimal_powers[largest - scale];
    if (value % unit != 0 || value / unit >= fl_decimal_powers[FL_DECIMAL_DIGITS] ||
        value / unit <= -fl_decimal_powers[FL_DECIMAL_DIGITS]) {
        return NULL;
    }
    uint64_t left = (uint64_t)(value < 0 ? -(value / unit) : value / unit);
    for (unsigned i = 0; i <= scale || left != 0; i++) {
        if (i == scale && scale != 0) {
            *--at = '.';
        }
        *--at = (char)('0' + left % 10);
        left /= 10;
    }
    if (value < 0) {
        *to++ = '-';
    }
    size_t n = (size_t)(digits + sizeof digits - at);
    memcpy(to, at, n);
    return to + n;
}
