#include "base/text.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool fl_str_eq_nocase(fl_str a, fl_str b)
{
    if (a.n != b.n) {
        return false;
    }
    for (size_t i = 0; i < a.n; i++) {
        if (lower(a.p[i]) != lower(b.p[i])) {
            return false;
        }
    }
    return true;
}

bool fl_str_starts(fl_str s, fl_str prefix)
{
    return prefix.n <= s.n && fl_str_eq((fl_str){s.p, prefix.n}, prefix);
}

int fl_str_cmp(fl_str a, fl_str b)
{
    size_t common = a.n < b.n ? a.n : b.n;
    int order = common != 0 ? memcmp(a.p, b.p, common) : 0;
    if (order != 0) {
        return order < 0 ? -1 : 1;
    }
    return (a.n > b.n) - (a.n < b.n);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

fl_str fl_str_trim(fl_str s)
{
    while (s.n != 0 && is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n != 0 && is_blank(s.p[s.n - 1])) {
        s.n--;
    }
    return s;
}

fl_str fl_str_cut(fl_str *rest, char separator)
{
    fl_str all = *rest;
    const char *at = all.n != 0 ? memchr(all.p, separator, all.n) : NULL;
    if (at == NULL) {
        *rest = (fl_str){0};
        return all;
    }
    size_t before = (size_t)(at - all.p);
    *rest = (fl_str){at + 1, all.n - before - 1};
    return (fl_str){all.p, before};
}

fl_str fl_str_dup(fl_arena *arena, fl_str s)
{
    char *copy = fl_arena_alloc(arena, s.n);
    if (copy == NULL) {
        return (fl_str){0};
    }
    if (s.n != 0) {
        memcpy(copy, s.p, s.n);
    }
    return (fl_str){copy, s.n};
}

char *fl_str_zdup(fl_arena *arena, fl_str s)
{
    size_t bytes;
    char *copy = fl_size_add(s.n, 1, &bytes) ? fl_arena_alloc(arena, bytes) : NULL;
    if (copy == NULL) {
        return NULL;
    }
    if (s.n != 0) {
        memcpy(copy, s.p, s.n);
    }
    copy[s.n] = '\0';
    return copy;
}

/* Digits at the start of *s, which is moved behind them; false without a digit or on overflow. */
static bool take_u64(fl_str *s, uint64_t *out)
{
    uint64_t value = 0;
    size_t digits = 0;
    for (; digits < s->n && s->p[digits] >= '0' && s->p[digits] <= '9'; digits++) {
        if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)(s->p[digits] - '0'), &value)) {
            return false;
        }
    }
    if (digits == 0) {
        return false;
    }
    *s = (fl_str){s->p + digits, s->n - digits};
    *out = value;
    return true;
}

bool fl_str_to_u64(fl_str s, uint64_t *out)
{
    uint64_t value;
    if (!take_u64(&s, &value) || s.n != 0) {
        return false;
    }
    *out = value;
    return true;
}

bool fl_str_to_i64(fl_str s, int64_t *out)
{
    bool negative = s.n != 0 && s.p[0] == '-';
    fl_str digits = negative ? (fl_str){s.p + 1, s.n - 1} : s;
    uint64_t magnitude;
    if (!fl_str_to_u64(digits, &magnitude) || magnitude > (uint64_t)INT64_MAX + negative) {
        return false;
    }
    *out = (int64_t)(negative ? 0 - magnitude : magnitude);
    return true;
}

/* "", k, kB, Ki, KiB …: the power of 1,024 that the suffix stands for, -1 for none. */
static int size_power(fl_str suffix)
{
    static const char letters[] = "kmgt";
    if (suffix.n == 0) {
        return 0;
    }
    const char *letter = memchr(letters, lower(suffix.p[0]), sizeof letters - 1);
    fl_str unit = {suffix.p + 1, suffix.n - 1};
    bool known = unit.n == 0 || fl_str_eq_nocase(unit, FL_S("b")) ||
                 fl_str_eq_nocase(unit, FL_S("i")) || fl_str_eq_nocase(unit, FL_S("ib"));
    return letter != NULL && known ? (int)(letter - letters) + 1 : -1;
}

bool fl_str_to_bytes(fl_str s, uint64_t *out)
{
    uint64_t value;
    if (!take_u64(&s, &value)) {
        return false;
    }
    int power = size_power(s);
    if (power < 0 || __builtin_mul_overflow(value, UINT64_C(1) << (10 * power), &value)) {
        return false;
    }
    *out = value;
    return true;
}

bool fl_str_to_duration_ns(fl_str s, int64_t *out)
{
    static const struct {
        fl_str suffix;
        int64_t ns;
    } units[] = {
        {{"", 0}, INT64_C(1000000000)},         {{"ms", 2}, INT64_C(1000000)},
        {{"s", 1}, INT64_C(1000000000)},        {{"m", 1}, INT64_C(60) * 1000000000},
        {{"h", 1}, INT64_C(3600) * 1000000000}, {{"d", 1}, INT64_C(86400) * 1000000000},
    };
    uint64_t count;
    if (!take_u64(&s, &count)) {
        return false;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (fl_str_eq(s, units[i].suffix)) {
            int64_t ns;
            bool fits = !__builtin_mul_overflow(count, units[i].ns, &ns);
            *out = fits ? ns : *out;
            return fits;
        }
    }
    return false;
}

bool fl_str_eq_constant_time(fl_str a, fl_str b)
{
    unsigned char difference = 0;
    if (a.n != b.n) {
        return false;
    }
    for (size_t i = 0; i < a.n; i++) {
        difference |= (unsigned char)(a.p[i] ^ b.p[i]);
    }
    return difference == 0;
}
