#include <math.h>
#include <stdio.h>

#include "codec/codec.h"

/* A JSON number taken apart: value = ±0.digits × 10^point, the digits being whole then fraction. */
typedef struct decimal {
    bool negative;
    fl_str whole, fraction;
    int64_t point; /* digits before the decimal point once the exponent has moved it */
} decimal;

/* Beyond it no number of digits that fits in memory can bring a value back into range. */
#define EXPONENT_MAX INT64_C(1000000000000000)

static fl_str take_digits(fl_cur *cur)
{
    const unsigned char *begin = cur->p;
    while (cur->p < cur->end && *cur->p >= '0' && *cur->p <= '9') {
        cur->p++;
    }
    return (fl_str){(const char *)begin, (size_t)(cur->p - begin)};
}

static bool take_char(fl_cur *cur, char c)
{
    if (cur->p == cur->end || *cur->p != (unsigned char)c) {
        return false;
    }
    cur->p++;
    return true;
}

static bool take_exponent(fl_cur *cur, int64_t *exponent)
{
    bool negative = take_char(cur, '-');
    if (!negative) {
        take_char(cur, '+');
    }
    fl_str digits = take_digits(cur);
    int64_t value = 0;
    for (size_t i = 0; i < digits.n && value < EXPONENT_MAX; i++) {
        value = value * 10 + (digits.p[i] - '0');
    }
    *exponent = negative ? -value : value;
    return digits.n != 0;
}

static bool parse_decimal(fl_str number, decimal *out)
{
    fl_cur cur = fl_cur_of(number.p, number.n);
    decimal d = {.negative = take_char(&cur, '-')};
    int64_t exponent = 0;
    d.whole = take_digits(&cur);
    if (take_char(&cur, '.')) {
        d.fraction = take_digits(&cur);
        if (d.fraction.n == 0) {
            return false;
        }
    }
    if ((take_char(&cur, 'e') || take_char(&cur, 'E')) && !take_exponent(&cur, &exponent)) {
        return false;
    }
    d.point = (int64_t)d.whole.n + exponent;
    *out = d;
    bool leading_zero = d.whole.n > 1 && d.whole.p[0] == '0';
    return d.whole.n != 0 && !leading_zero && cur.p == cur.end;
}

/* Digit i of the value, 0 behind the last one. */
static unsigned digit_at(const decimal *d, size_t i)
{
    if (i < d->whole.n) {
        return (unsigned)(d->whole.p[i] - '0');
    }
    i -= d->whole.n;
    return i < d->fraction.n ? (unsigned)(d->fraction.p[i] - '0') : 0;
}

/* The integer made of the first `point` digits; false on overflow. Zeros before the first other
 * digit and behind the last one cost nothing, so that neither 0e999999999 nor its like takes long.
 */
static bool leading_integer(const decimal *d, int64_t point, uint64_t *out)
{
    uint64_t value = 0;
    size_t digits = d->whole.n + d->fraction.n;
    for (int64_t i = 0; i < point; i++) {
        if ((size_t)i >= digits && value == 0) {
            break;
        }
        if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)digit_at(d, (size_t)i), &value)) {
            return false;
        }
    }
    *out = value;
    return true;
}

static bool to_signed(const decimal *d, uint64_t magnitude, int64_t *out)
{
    if (magnitude > (uint64_t)INT64_MAX + d->negative) {
        return false;
    }
    *out = (int64_t)(d->negative ? 0 - magnitude : magnitude);
    return true;
}

/* ---- The forms that nearly every document has, without taking the number apart: a few digits, and
 * seconds with a fraction. Anything else is left to the exact way. */

#define PLAIN_DIGITS_MAX 18 /* fit into 63 bits whatever they are */

/* Digits from *at on, at most `most` of them, appended to *value; returns how many. */
static size_t plain_digits(fl_str number, size_t *at, size_t most, uint64_t *value)
{
    size_t n = 0;
    uint64_t sum = *value;
    while (n < most && *at + n < number.n) {
        unsigned digit = (unsigned)(number.p[*at + n] - '0');
        if (digit > 9) {
            break;
        }
        sum = sum * 10 + digit;
        n++;
    }
    *value = sum;
    *at += n;
    return n;
}

static bool plain_integer(fl_str number, int64_t *out)
{
    size_t at = 0;
    uint64_t value = 0;
    size_t digits = plain_digits(number, &at, PLAIN_DIGITS_MAX, &value);
    if (digits == 0 || at != number.n || (digits > 1 && number.p[0] == '0')) {
        return false;
    }
    *out = (int64_t)value;
    return true;
}

/* Up to 9 digits, a point, up to 9 digits; or the 10 digits of today's seconds. */
static bool plain_seconds(fl_str number, int64_t *out)
{
    static const uint64_t scale[] = {1000000000, 100000000, 10000000, 1000000, 100000,
                                     10000,      1000,      100,      10,      1};
    size_t at = 0;
    uint64_t value = 0;
    size_t whole = plain_digits(number, &at, 10, &value);
    if (whole == 0 || (whole > 1 && number.p[0] == '0') || at == number.n || number.p[at] != '.') {
        return false;
    }
    at++;
    size_t fraction = plain_digits(number, &at, 9, &value);
    uint64_t ns = value * scale[fraction]; /* below 10^19: no overflow */
    if (fraction == 0 || at != number.n || ns > (uint64_t)INT64_MAX) {
        return false;
    }
    *out = (int64_t)ns;
    return true;
}

bool fl_json_i64(fl_str number, int64_t *out)
{
    decimal d;
    uint64_t magnitude;
    if (plain_integer(number, out)) {
        return true;
    }
    if (!parse_decimal(number, &d) || !leading_integer(&d, d.point, &magnitude)) {
        return false;
    }
    size_t digits = d.whole.n + d.fraction.n;
    for (size_t i = d.point > 0 ? (size_t)d.point : 0; i < digits; i++) {
        if (digit_at(&d, i) != 0) {
            return false;
        }
    }
    return to_signed(&d, magnitude, out);
}

bool fl_json_ns(fl_str number, int64_t *out)
{
    decimal d;
    uint64_t magnitude;
    if (plain_seconds(number, out)) {
        return true;
    }
    if (!parse_decimal(number, &d)) {
        return false;
    }
    int64_t point = d.point + 9;
    if (!leading_integer(&d, point, &magnitude)) {
        return false;
    }
    bool up = point >= 0 && digit_at(&d, (size_t)point) >= 5;
    return !__builtin_add_overflow(magnitude, (uint64_t)up, &magnitude) &&
           to_signed(&d, magnitude, out);
}

#define DOUBLE_TEXT_MAX 96
#define DOUBLE_DIGITS   40 /* more than a double can tell apart */

/* A longer number cut to its first digits, as d.ddde±x. */
static void shorten(const decimal *d, char text[DOUBLE_TEXT_MAX])
{
    size_t n = 0;
    size_t digits = d->whole.n + d->fraction.n;
    size_t first = 0;
    while (first + 1 < digits && digit_at(d, first) == 0) {
        first++;
    }
    if (d->negative) {
        text[n++] = '-';
    }
    text[n++] = (char)('0' + digit_at(d, first));
    text[n++] = '.';
    for (size_t i = 1; i <= DOUBLE_DIGITS; i++) {
        text[n++] = (char)('0' + digit_at(d, first + i));
    }
    long long exponent = (long long)(d->point - (int64_t)first - 1);
    snprintf(text + n, DOUBLE_TEXT_MAX - n, "e%lld", exponent);
}

double fl_json_double(fl_str number)
{
    decimal d;
    char text[DOUBLE_TEXT_MAX];
    if (!parse_decimal(number, &d)) {
        return 0;
    }
    if (number.n < sizeof text) {
        memcpy(text, number.p, number.n);
        text[number.n] = '\0';
    } else {
        shorten(&d, text);
    }
    yyjson_val val;
    if (yyjson_read_number(text, &val, YYJSON_READ_NOFLAG, NULL, NULL) == NULL) {
        return d.negative ? -HUGE_VAL : HUGE_VAL;
    }
    return yyjson_get_num(&val);
}
