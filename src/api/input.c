/* Members of a request (api.md §1.3): types, presence, limits of the model. */
#include "api/api_int.h"

#define FILTER_MAX 2000

static yyjson_val *member(const api_call *call, const char *name)
{
    yyjson_val *val = fl_json_get(call->input, fl_str_of(name));
    return yyjson_is_null(val) ? NULL : val;
}

static bool missing(api_call *call, const char *name, api_need need)
{
    if (need == API_REQUIRED) {
        api_refuse(call, FL_E_VALIDATION, "%s is required", name);
        return false;
    }
    return true;
}

static bool wrong_type(api_call *call, const char *name, const char *wanted)
{
    api_refuse(call, FL_E_SYNTAX, "%s must be %s", name, wanted);
    return false;
}

bool api_member_array(api_call *call, const char *name, api_need need, yyjson_val **out)
{
    *out = member(call, name);
    if (*out == NULL) {
        return missing(call, name, need);
    }
    return yyjson_is_arr(*out) || wrong_type(call, name, "a list");
}

bool api_member_object(api_call *call, const char *name, yyjson_val **out)
{
    *out = member(call, name);
    return *out == NULL || yyjson_is_obj(*out) || wrong_type(call, name, "an object");
}

bool api_member_str(api_call *call, const char *name, size_t max_chars, fl_str *out)
{
    yyjson_val *val = member(call, name);
    *out = fl_json_str(val);
    if (val == NULL) {
        return true;
    }
    if (!yyjson_is_str(val)) {
        return wrong_type(call, name, "a string");
    }
    if (fl_utf8_length(*out) > max_chars) {
        api_refuse(call, FL_E_VALIDATION, "%s is longer than %zu characters", name, max_chars);
        return false;
    }
    return true;
}

bool api_member_bool(api_call *call, const char *name, bool *out)
{
    yyjson_val *val = member(call, name);
    *out = yyjson_is_true(val);
    return val == NULL || yyjson_is_bool(val) || wrong_type(call, name, "a boolean");
}

bool api_member_time(api_call *call, const char *name, api_need need, int64_t *out)
{
    yyjson_val *val = member(call, name);
    *out = FL_TIME_NONE;
    if (val == NULL) {
        return missing(call, name, need);
    }
    if (fl_json_ns(fl_json_number(val), out) || api_iso8601_ns(fl_json_str(val), out)) {
        return true;
    }
    return wrong_type(call, name, "a time: epoch seconds as a number, or an ISO-8601 text");
}

bool api_member_range(api_call *call, int64_t *start_ns, int64_t *end_ns)
{
    if (!api_member_time(call, "StartTime", API_REQUIRED, start_ns) ||
        !api_member_time(call, "EndTime", API_REQUIRED, end_ns)) {
        return false;
    }
    if (*start_ns >= *end_ns) {
        api_refuse(call, FL_E_INVALID, "EndTime must be later than StartTime");
        return false;
    }
    return true;
}

bool api_member_filter(api_call *call)
{
    fl_str filter;
    if (!api_member_str(call, "FilterExpression", FILTER_MAX, &filter)) {
        return false;
    }
    if (filter.p != NULL) {
        api_refuse(
            call, FL_E_INVALID,
            "FilterExpression is not supported by this version of fluoro; leave it out to get "
            "every trace of the time range");
        return false;
    }
    return true;
}

bool api_texts(api_call *call, const char *name, yyjson_val *array, fl_str **out, size_t *count)
{
    *count = yyjson_arr_size(array);
    *out = FL_ARENA_ARRAY(&call->memory, fl_str, *count);
    if (*out == NULL) {
        api_refuse(call, FL_E_NOMEM, "no memory for %zu elements of %s", *count, name);
        return false;
    }
    size_t i, n;
    yyjson_val *val;
    yyjson_arr_foreach(array, i, n, val)
    {
        (*out)[i] = fl_json_str(val);
        if (!yyjson_is_str(val)) {
            api_refuse(call, FL_E_SYNTAX, "%s[%zu] must be a string", name, i);
            return false;
        }
    }
    return true;
}

/* ---- ISO-8601 */

/* Days from the epoch to a date of the proleptic Gregorian calendar (era of 400 years, March
 * first). */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

/* `digits` decimal digits, then `after` if it is not NUL. */
static bool take_number(fl_str *text, size_t digits, char after, int64_t low, int64_t high,
                        int64_t *out)
{
    size_t n = digits + (after != 0);
    uint64_t value;
    if (text->n < n || !fl_str_to_u64((fl_str){text->p, digits}, &value) ||
        (after != 0 && text->p[digits] != after)) {
        return false;
    }
    *out = (int64_t)value;
    *text = (fl_str){text->p + n, text->n - n};
    return *out >= low && *out <= high;
}

static int64_t take_fraction_ns(fl_str *text)
{
    int64_t ns = 0, unit = FL_NS_PER_S / 10;
    if (text->n == 0 || text->p[0] != '.') {
        return 0;
    }
    size_t i = 1;
    for (; i < text->n && text->p[i] >= '0' && text->p[i] <= '9'; i++, unit /= 10) {
        ns += (text->p[i] - '0') * unit;
    }
    *text = (fl_str){text->p + i, text->n - i};
    return ns;
}

/* Z, nothing, or ±hh:mm; false for anything else. */
static bool take_offset_s(fl_str text, int64_t *out)
{
    *out = 0;
    if (text.n == 0 || (text.n == 1 && (text.p[0] == 'Z' || text.p[0] == 'z'))) {
        return true;
    }
    int64_t sign = text.p[0] == '-' ? -1 : 1;
    int64_t hours, minutes;
    if (text.p[0] != '-' && text.p[0] != '+') {
        return false;
    }
    text = (fl_str){text.p + 1, text.n - 1};
    if (!take_number(&text, 2, ':', 0, 23, &hours) || !take_number(&text, 2, 0, 0, 59, &minutes) ||
        text.n > 0) {
        return false;
    }
    *out = sign * (hours * 3600 + minutes * 60);
    return true;
}

bool api_iso8601_ns(fl_str text, int64_t *out)
{
    int64_t year, month, day, hour, minute, second, offset_s;
    /* Years that nanoseconds since the epoch can hold. */
    if (text.p == NULL || !take_number(&text, 4, '-', 1678, 2261, &year) ||
        !take_number(&text, 2, '-', 1, 12, &month) || !take_number(&text, 2, 'T', 1, 31, &day) ||
        !take_number(&text, 2, ':', 0, 23, &hour) || !take_number(&text, 2, ':', 0, 59, &minute) ||
        !take_number(&text, 2, 0, 0, 60, &second)) {
        return false;
    }
    int64_t fraction_ns = take_fraction_ns(&text);
    if (!take_offset_s(text, &offset_s)) {
        return false;
    }
    int64_t seconds =
        days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset_s;
    *out = seconds * FL_NS_PER_S + fraction_ns;
    return true;
}
