#include "codec/codec.h"

/* A zeroed scanner stands between values. */
enum scan_state {
    BETWEEN,
    BEGUN,   /* FL_SCAN_BEGIN was answered, the value's first byte comes next */
    INSIDE,  /* a container, outside of strings */
    STRING,  /* at any depth */
    ESCAPE,  /* behind a backslash in a string */
    SCALAR,  /* a number or a literal between containers; the byte behind it ends it */
    GARBAGE, /* until a blank or an opening bracket */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_structural(char c)
{
    return c == '{' || c == '}' || c == '[' || c == ']' || c == '"' || c == ',' || c == ':';
}

static bool is_opening(char c)
{
    return c == '{' || c == '[';
}

static bool begins_value(char c)
{
    return is_opening(c) || c == '"' || c == '-' || (c >= '0' && c <= '9') || c == 't' ||
           c == 'f' || c == 'n';
}

static fl_json_scan_result garbage(fl_json_scan *scan, const char *bytes, size_t n, size_t *at)
{
    while (*at < n && !is_blank(bytes[*at]) && !is_opening(bytes[*at])) {
        ++*at;
    }
    if (*at < n) {
        scan->state = BETWEEN;
    }
    return FL_SCAN_GARBAGE;
}

/* Skips blanks, after which a value begins, or something that is none, or nothing yet. */
static fl_json_scan_result between(fl_json_scan *scan, const char *bytes, size_t n, size_t *at)
{
    while (*at < n && is_blank(bytes[*at])) {
        ++*at;
    }
    if (*at == n) {
        return FL_SCAN_BLANK;
    }
    if (begins_value(bytes[*at])) {
        scan->state = BEGUN;
        return FL_SCAN_BEGIN;
    }
    scan->state = GARBAGE;
    return garbage(scan, bytes, n, at);
}

static void begin(fl_json_scan *scan, char first)
{
    scan->depth = is_opening(first);
    scan->state = is_opening(first) ? INSIDE : first == '"' ? STRING : SCALAR;
}

/* Each of these eats bytes up to a change of state or the end; true when the value has ended. */

static bool inside(fl_json_scan *scan, const char *bytes, size_t n, size_t *at)
{
    while (*at < n) {
        char c = bytes[(*at)++];
        if (c == '"') {
            scan->state = STRING;
            return false;
        }
        if (is_opening(c)) {
            scan->depth++;
        } else if ((c == '}' || c == ']') && --scan->depth == 0) {
            return true;
        }
    }
    return false;
}

static bool string(fl_json_scan *scan, const char *bytes, size_t n, size_t *at)
{
    while (*at < n && bytes[*at] != '"' && bytes[*at] != '\\') {
        ++*at;
    }
    if (*at == n) {
        return false;
    }
    bool quote = bytes[(*at)++] == '"';
    scan->state = !quote ? ESCAPE : INSIDE;
    return quote && scan->depth == 0;
}

static bool scalar(const char *bytes, size_t n, size_t *at)
{
    while (*at < n && !is_blank(bytes[*at]) && !is_structural(bytes[*at])) {
        ++*at;
    }
    return *at < n;
}

/* One step inside a value; true when it has ended. */
static bool through(fl_json_scan *scan, const char *bytes, size_t n, size_t *at)
{
    switch (scan->state) {
    case BEGUN:
        begin(scan, bytes[(*at)++]);
        return false;
    case ESCAPE:
        ++*at;
        scan->state = STRING;
        return false;
    case INSIDE:
        return inside(scan, bytes, n, at);
    case STRING:
        return string(scan, bytes, n, at);
    default:
        return scalar(bytes, n, at);
    }
}

/* Whether the bytes begin in the middle of something that is no value. */
static bool goes_on_as_garbage(fl_json_scan *scan, const char *bytes, size_t n)
{
    if (scan->state == GARBAGE && (n == 0 || is_blank(bytes[0]) || is_opening(bytes[0]))) {
        scan->state = BETWEEN;
    }
    return scan->state == GARBAGE;
}

fl_json_scan_result fl_json_scan_feed(fl_json_scan *scan, const char *bytes, size_t n,
                                      size_t *eaten)
{
    *eaten = 0;
    if (goes_on_as_garbage(scan, bytes, n)) {
        return garbage(scan, bytes, n, eaten);
    }
    if (scan->state == BETWEEN) {
        return between(scan, bytes, n, eaten);
    }
    while (*eaten < n) {
        if (through(scan, bytes, n, eaten)) {
            *scan = (fl_json_scan){0};
            return FL_SCAN_END;
        }
    }
    return FL_SCAN_MORE;
}
