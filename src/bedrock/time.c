#include "bedrock/event_int.h"

#define NS_PER_US   1000
#define US_PER_S    INT64_C(1000000)
#define SECONDS_MAX INT64_C(0xFFFFFFFF) /* the epoch part of a trace id has 32 bits */

/* Microseconds since the epoch as a time; false when no trace could have it. */
static bool time_of(int64_t us, int64_t *ns)
{
    if (us < 0 || us / US_PER_S > SECONDS_MAX) {
        return false;
    }
    *ns = us * NS_PER_US;
    return true;
}

/* ---- ISO 8601 */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Exactly `digits` digits at the beginning of *rest, which moves behind them. */
static bool take_number(fl_str *rest, size_t digits, int64_t *out)
{
    int64_t value = 0;
    if (rest->n < digits) {
        return false;
    }
    for (size_t i = 0; i < digits; i++) {
        if (!is_digit(rest->p[i])) {
            return false;
        }
        value = value * 10 + (rest->p[i] - '0');
    }
    *rest = (fl_str){rest->p + digits, rest->n - digits};
    *out = value;
    return true;
}

static bool take_byte(fl_str *rest, char byte)
{
    if (rest->n == 0 || rest->p[0] != byte) {
        return false;
    }
    *rest = (fl_str){rest->p + 1, rest->n - 1};
    return true;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Days from 1970-01-01 to a date of the Gregorian calendar: years begin in March, so that the leap
 * day is a year's last one. */
static int64_t days_since_epoch(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t leap_days = y >= 0 ? y / 4 - y / 100 + y / 400 : -1;
    return y * 365 + leap_days + day_of_year - 719468;
}

/* 2025-08-11, as days since the epoch. */
static bool take_date(fl_str *rest, int64_t *days)
{
    int64_t year;
    int64_t month;
    int64_t day;
    if (!take_number(rest, 4, &year) || !take_byte(rest, '-') || !take_number(rest, 2, &month) ||
        !take_byte(rest, '-') || !take_number(rest, 2, &day)) {
        return false;
    }
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) {
        return false;
    }
    *days = days_since_epoch(year, month, day);
    return true;
}

static bool take_separator(fl_str *rest)
{
    return take_byte(rest, 'T') || take_byte(rest, ' ') || take_byte(rest, 't');
}

/* 03:21:37, as seconds of the day. */
static bool take_clock(fl_str *rest, int64_t *seconds)
{
    int64_t hour;
    int64_t minute;
    int64_t second;
    if (!take_number(rest, 2, &hour) || !take_byte(rest, ':') || !take_number(rest, 2, &minute) ||
        !take_byte(rest, ':') || !take_number(rest, 2, &second)) {
        return false;
    }
    *seconds = (hour * 60 + minute) * 60 + second;
    return hour <= 23 && minute <= 59 && second <= 59;
}

/* .396774688, if it is there, cut to microseconds. */
static bool take_fraction(fl_str *rest, int64_t *us)
{
    int64_t unit = US_PER_S / 10;
    *us = 0;
    if (!take_byte(rest, '.')) {
        return true;
    }
    size_t n = 0;
    for (; n < rest->n && is_digit(rest->p[n]); n++) {
        *us += (rest->p[n] - '0') * unit;
        unit /= 10;
    }
    *rest = (fl_str){rest->p + n, rest->n - n};
    return n > 0;
}

/* Z, +02:00, +0200, +02 or nothing, as seconds east; nothing else may follow. */
static bool take_offset(fl_str *rest, int64_t *seconds)
{
    int64_t hours;
    int64_t minutes = 0;
    *seconds = 0;
    if (rest->n == 0) {
        return true;
    }
    if (take_byte(rest, 'Z')) {
        return rest->n == 0;
    }
    bool west = take_byte(rest, '-');
    if ((!west && !take_byte(rest, '+')) || !take_number(rest, 2, &hours)) {
        return false;
    }
    if (rest->n > 0) {
        (void)take_byte(rest, ':');
        if (!take_number(rest, 2, &minutes)) {
            return false;
        }
    }
    *seconds = (hours * 60 + minutes) * 60 * (west ? -1 : 1);
    return rest->n == 0 && hours <= 23 && minutes <= 59;
}

static bool parse_iso(fl_str text, int64_t *ns)
{
    int64_t days;
    int64_t seconds;
    int64_t us;
    int64_t east;
    bool read = take_date(&text, &days) && take_separator(&text) && take_clock(&text, &seconds) &&
                take_fraction(&text, &us) && take_offset(&text, &east);
    return read && time_of((days * 86400 + seconds - east) * US_PER_S + us, ns);
}

/* ---- Numbers, in decimal all the way: a double would lose microseconds */

/* The value is 0.d1d2d3… × 10^point; the digits are those of the text, dots between them. */
typedef struct decimal {
    fl_str digits; /* from the first that is not 0 */
    int64_t point;
} decimal;

static bool take_digits(fl_str *rest, size_t *count)
{
    size_t n = 0;
    while (n < rest->n && is_digit(rest->p[n])) {
        n++;
    }
    *rest = (fl_str){rest->p + n, rest->n - n};
    *count = n;
    return n > 0;
}

/* e+12 or nothing, to the end of the text. */
static bool take_exponent(fl_str rest, int64_t *exponent)
{
    *exponent = 0;
    if (rest.n == 0) {
        return true;
    }
    if (!take_byte(&rest, 'e') && !take_byte(&rest, 'E')) {
        return false;
    }
    bool negative = take_byte(&rest, '-');
    (void)(!negative && take_byte(&rest, '+'));
    uint64_t digits;
    if (rest.n > 6 || !fl_str_to_u64(rest, &digits)) {
        return false;
    }
    *exponent = negative ? -(int64_t)digits : (int64_t)digits;
    return true;
}

/* A number of JSON's grammar that is not negative. */
static bool decimal_of(fl_str text, decimal *out)
{
    fl_str rest = text;
    size_t whole;
    size_t fraction = 0;
    int64_t exponent;
    if (!take_digits(&rest, &whole) || (whole > 1 && text.p[0] == '0')) {
        return false;
    }
    if (take_byte(&rest, '.') && !take_digits(&rest, &fraction)) {
        return false;
    }
    fl_str digits = {text.p, text.n - rest.n};
    if (!take_exponent(rest, &exponent)) {
        return false;
    }
    int64_t point = (int64_t)whole + exponent;
    while (digits.n > 0 && (digits.p[0] == '0' || digits.p[0] == '.')) {
        point -= digits.p[0] == '0';
        digits = (fl_str){digits.p + 1, digits.n - 1};
    }
    *out = (decimal){digits, point};
    return true;
}

/* value × 10^shift to the nearest integer, halves up; false when it is too large for a time. */
static bool scaled(const decimal *number, int64_t shift, int64_t *out)
{
    int64_t left = number->point + shift; /* digits before the point */
    int64_t value = 0;
    size_t at = 0;
    if (number->digits.n == 0 || left < 0) {
        *out = 0;
        return true;
    }
    if (left > 18) {
        return false;
    }
    for (; left >= 0; left--, at++) {
        at += at < number->digits.n && number->digits.p[at] == '.';
        int64_t digit = at < number->digits.n ? number->digits.p[at] - '0' : 0;
        value = left > 0 ? value * 10 + digit : value + (digit >= 5);
    }
    *out = value;
    return true;
}

/* The unit is told by the size: 10^11 seconds are 3,000 years, so many milliseconds are three. */
static bool parse_number(fl_str text, int64_t *ns)
{
    decimal number;
    int64_t us;
    if (!decimal_of(text, &number)) {
        return false;
    }
    int64_t digits = number.digits.n > 0 ? number.point : 0;
    int64_t shift = digits <= 11 ? 6 : digits <= 14 ? 3 : digits <= 17 ? 0 : -3;
    return scaled(&number, shift, &us) && time_of(us, ns);
}

bool bedrock_time_parse(fl_str text, int64_t *ns)
{
    return parse_iso(text, ns) || parse_number(text, ns);
}

bool bedrock_time_read(yyjson_val *value, int64_t *ns)
{
    if (yyjson_is_raw(value)) {
        return parse_number(fl_json_number(value), ns);
    }
    return yyjson_is_str(value) && bedrock_time_parse(fl_json_str(value), ns);
}
