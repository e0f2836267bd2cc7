#include "cli/times_int.h"

#include <stdio.h>
#include <time.h>

#define NS_PER_MINUTE (60 * FL_NS_PER_S)
#define NS_PER_HOUR   (60 * NS_PER_MINUTE)
#define NS_PER_DAY    (24 * NS_PER_HOUR)

/* Exactly `digits` decimal digits at *rest. */
static bool take_digits(fl_str *rest, size_t digits, int *out)
{
    uint64_t value;
    if (rest->n < digits || rest->p[0] == '+' ||
        !fl_str_to_u64((fl_str){rest->p, digits}, &value)) {
        return false;
    }
    *out = (int)value;
    *rest = (fl_str){rest->p + digits, rest->n - digits};
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

/* Digits behind a decimal point; those beyond the ninth are dropped. */
static bool take_fraction(fl_str *rest, int64_t *ns)
{
    int64_t unit = FL_NS_PER_S, value = 0;
    size_t digits = 0;
    for (; digits < rest->n && rest->p[digits] >= '0' && rest->p[digits] <= '9'; digits++) {
        unit /= 10;
        value += unit * (rest->p[digits] - '0');
    }
    *ns = value;
    *rest = (fl_str){rest->p + digits, rest->n - digits};
    return digits > 0;
}

static bool take_date(fl_str *rest, struct tm *tm)
{
    if (!take_digits(rest, 4, &tm->tm_year) || !take_byte(rest, '-') ||
        !take_digits(rest, 2, &tm->tm_mon) || !take_byte(rest, '-') ||
        !take_digits(rest, 2, &tm->tm_mday)) {
        return false;
    }
    bool in_range = tm->tm_mon >= 1 && tm->tm_mon <= 12 && tm->tm_mday >= 1 && tm->tm_mday <= 31;
    tm->tm_year -= 1900;
    tm->tm_mon -= 1;
    return in_range;
}

static bool take_clock(fl_str *rest, struct tm *tm, int64_t *fraction_ns)
{
    if (!take_digits(rest, 2, &tm->tm_hour) || !take_byte(rest, ':') ||
        !take_digits(rest, 2, &tm->tm_min)) {
        return false;
    }
    if (take_byte(rest, ':')) {
        if (!take_digits(rest, 2, &tm->tm_sec) ||
            (take_byte(rest, '.') && !take_fraction(rest, fraction_ns))) {
            return false;
        }
    }
    return tm->tm_hour <= 23 && tm->tm_min <= 59 && tm->tm_sec <= 60;
}

/* `Z` or `+hh:mm`, `+hhmm`; *zoned tells whether there was one. */
static bool take_zone(fl_str *rest, bool *zoned, int *offset_s)
{
    *offset_s = 0;
    *zoned = take_byte(rest, 'Z');
    if (*zoned || rest->n == 0) {
        return true;
    }
    int sign = take_byte(rest, '-') ? -1 : take_byte(rest, '+') ? 1 : 0, hours, minutes;
    if (sign == 0 || !take_digits(rest, 2, &hours)) {
        return false;
    }
    take_byte(rest, ':');
    if (!take_digits(rest, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    *offset_s = sign * (hours * 3600 + minutes * 60);
    *zoned = true;
    return true;
}

static bool parse_iso(fl_str text, int64_t *out)
{
    struct tm tm = {.tm_isdst = -1};
    int64_t fraction_ns = 0;
    bool zoned = false;
    int offset_s = 0;
    if (!take_date(&text, &tm)) {
        return false;
    }
    if (text.n > 0) {
        if (!take_byte(&text, 'T') && !take_byte(&text, ' ')) {
            return false;
        }
        if (!take_clock(&text, &tm, &fraction_ns) || !take_zone(&text, &zoned, &offset_s) ||
            text.n > 0) {
            return false;
        }
    }
    int64_t seconds = (int64_t)(zoned ? timegm(&tm) : mktime(&tm)) - offset_s;
    return !__builtin_mul_overflow(seconds, FL_NS_PER_S, out) &&
           !__builtin_add_overflow(*out, fraction_ns, out);
}

/* Nine digits or more are seconds since the epoch (1973 and later); fewer would be meant as a
 * duration. */
static bool parse_epoch(fl_str text, int64_t *out)
{
    fl_str rest = text;
    int64_t seconds, fraction_ns = 0;
    fl_str whole = fl_str_cut(&rest, '.');
    if (whole.n < 9 || whole.p[0] == '+' || !fl_str_to_i64(whole, &seconds)) {
        return false;
    }
    if (rest.p != NULL && (!take_fraction(&rest, &fraction_ns) || rest.n > 0)) {
        return false;
    }
    return !__builtin_mul_overflow(seconds, FL_NS_PER_S, out) &&
           !__builtin_add_overflow(*out, fraction_ns, out);
}

bool fl_time_parse(fl_str text, int64_t now_ns, int64_t *out)
{
    int64_t ago_ns, found;
    if (fl_str_eq(text, FL_S("now"))) {
        *out = now_ns;
        return true;
    }
    if (parse_epoch(text, &found) || parse_iso(text, &found)) {
        *out = found;
        return true;
    }
    bool has_unit = text.n > 1 && text.p[0] >= '0' && text.p[0] <= '9' && text.p[text.n - 1] > '9';
    if (has_unit && fl_str_to_duration_ns(text, &ago_ns) &&
        !__builtin_sub_overflow(now_ns, ago_ns, &found)) {
        *out = found;
        return true;
    }
    return false;
}

/* "2 m 03 s": a duration in two units, the smaller one in two digits. */
static void add_two_units(fl_buf *out, int64_t ns, int64_t large_ns, char large, int64_t small_ns,
                          char small)
{
    char text[64];
    snprintf(text, sizeof text, "%lld %c %02lld %c", (long long)(ns / large_ns), large,
             (long long)(ns % large_ns / small_ns), small);
    fl_buf_add_str(out, fl_str_of(text));
}

/* Three digits, rounded: 1.23, 12.3, 123. False when they do not suffice in this unit. */
static bool add_three_digits(fl_buf *out, int64_t ns, int64_t unit_ns)
{
    int64_t power = 100;
    for (int decimals = 2; decimals >= 0; decimals--, power /= 10) {
        int64_t rounded = (ns * power + unit_ns / 2) / unit_ns;
        if (rounded < 1000) {
            fl_buf_add_double(out, (double)rounded / (double)power, decimals);
            return true;
        }
    }
    return false;
}

static fl_status parse_option(const char *option, const char *text, int64_t now_ns, int64_t *out,
                              fl_err *err)
{
    if (!fl_time_parse(fl_str_of(text), now_ns, out)) {
        FL_FAIL(err, FL_E_INVALID,
                "%s takes 30m, 2h, 7d, 2026-11-22T15:00 or epoch seconds, not `%.40s`", option,
                text);
    }
    return FL_OK;
}

fl_status fl_time_range_parse(const char *since, const char *until, int64_t now_ns,
                              int64_t *start_ns, int64_t *end_ns, fl_err *err)
{
    FL_TRY(parse_option("--since", since, now_ns, start_ns, err));
    FL_TRY(parse_option("--until", until, now_ns, end_ns, err));
    if (*end_ns <= *start_ns) {
        FL_FAIL(err, FL_E_INVALID, "--since %.40s is not before --until %.40s", since, until);
    }
    return FL_OK;
}

void fl_duration_text(fl_buf *out, int64_t ns, fl_str micro)
{
    ns = ns > 0 ? ns : 0;
    if (ns < FL_NS_PER_US) {
        fl_buf_add_i64(out, ns);
        fl_buf_add_str(out, FL_S(" ns"));
    } else if (ns < FL_NS_PER_MS && add_three_digits(out, ns, FL_NS_PER_US)) {
        fl_buf_add_byte(out, ' ');
        fl_buf_add_str(out, micro);
        fl_buf_add_byte(out, 's');
    } else if (ns < FL_NS_PER_S && add_three_digits(out, ns, FL_NS_PER_MS)) {
        fl_buf_add_str(out, FL_S(" ms"));
    } else if (ns < NS_PER_MINUTE && add_three_digits(out, ns, FL_NS_PER_S)) {
        fl_buf_add_str(out, FL_S(" s"));
    } else if (ns < NS_PER_HOUR) {
        add_two_units(out, ns, NS_PER_MINUTE, 'm', FL_NS_PER_S, 's');
    } else if (ns < NS_PER_DAY) {
        add_two_units(out, ns, NS_PER_HOUR, 'h', NS_PER_MINUTE, 'm');
    } else {
        add_two_units(out, ns, NS_PER_DAY, 'd', NS_PER_HOUR, 'h');
    }
}

static struct tm local_time(int64_t ns, int64_t *fraction_ns)
{
    struct tm tm = {0};
    int64_t fraction = ns % FL_NS_PER_S;
    time_t seconds = (time_t)(ns / FL_NS_PER_S);
    if (fraction < 0) {
        fraction += FL_NS_PER_S;
        seconds--;
    }
    localtime_r(&seconds, &tm);
    *fraction_ns = fraction;
    return tm;
}

void fl_time_text(fl_buf *out, int64_t ns, bool with_date, int decimals)
{
    char text[64];
    int64_t fraction_ns;
    struct tm tm = local_time(ns, &fraction_ns);
    size_t n = with_date ? strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm)
                         : strftime(text, sizeof text, "%H:%M:%S", &tm);
    fl_buf_add(out, text, n);
    if (decimals > 0) {
        snprintf(text, sizeof text, ".%03d", (int)(fraction_ns / FL_NS_PER_MS));
        fl_buf_add_str(out, fl_str_of(text));
    }
}

void fl_time_range_text(fl_buf *out, int64_t start_ns, int64_t end_ns)
{
    fl_time_text(out, start_ns, true, 0);
    fl_buf_add_str(out, FL_S(" to "));
    fl_time_text(out, end_ns, true, 0);
}

bool fl_time_same_day(int64_t a_ns, int64_t b_ns)
{
    int64_t ignored;
    struct tm a = local_time(a_ns, &ignored), b = local_time(b_ns, &ignored);
    return a.tm_year == b.tm_year && a.tm_yday == b.tm_yday;
}
