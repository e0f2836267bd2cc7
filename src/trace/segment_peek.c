/*
 * A look at a text that is not decoded: which id do we name when we refuse it?
 *
 * Brackets and strings are followed as far as that is cheap. The string behind a top-level `"id":`
 * is taken if it holds no escape; a text that is cut or damaged later on still tells its id.
 */
#include "trace/segment_decode_int.h"

#define PEEK_BYTES_MAX ((size_t)64 << 10)
#define ID_BYTES_MAX   64 /* what is longer is no id to name */

static void skip_blank(fl_cur *cur)
{
    while (cur->p < cur->end && (*cur->p == ' ' || (*cur->p >= '\t' && *cur->p <= '\r'))) {
        cur->p++;
    }
}

static bool take(fl_cur *cur, char c)
{
    skip_blank(cur);
    bool there = cur->p < cur->end && *cur->p == (unsigned char)c;
    cur->p += there;
    return there;
}

/* What stands between two quotes, escapes as they are; absent without the second one. */
static fl_str take_string(fl_cur *cur)
{
    if (!take(cur, '"')) {
        return (fl_str){0};
    }
    const unsigned char *begin = cur->p;
    for (; cur->p < cur->end && *cur->p != '"'; cur->p++) {
        if (*cur->p == '\\' && cur->p + 1 < cur->end) {
            cur->p++;
        }
    }
    if (cur->p >= cur->end) {
        return (fl_str){0};
    }
    return (fl_str){(const char *)begin, (size_t)(cur->p++ - begin)};
}

/* Moves behind the value of a member: to its comma, or to the end. */
static void skip_value(fl_cur *cur)
{
    for (size_t depth = 0; cur->p < cur->end; cur->p++) {
        unsigned char c = *cur->p;
        if (c == '"') {
            if (take_string(cur).p == NULL) {
                return;
            }
            cur->p--;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth == 0) {
                return;
            }
            depth--;
        } else if (c == ',' && depth == 0) {
            return;
        }
    }
}

fl_str fl_decode_peek_id(fl_str text)
{
    fl_cur cur = fl_cur_of(text.p, text.n < PEEK_BYTES_MAX ? text.n : PEEK_BYTES_MAX);
    if (!take(&cur, '{')) {
        return (fl_str){0};
    }
    do {
        fl_str key = take_string(&cur);
        if (key.p == NULL || !take(&cur, ':')) {
            break;
        }
        if (fl_str_eq(key, FL_S("id"))) {
            fl_str id = take_string(&cur);
            bool usable = id.p != NULL && id.n <= ID_BYTES_MAX && memchr(id.p, '\\', id.n) == NULL;
            return usable ? id : (fl_str){0};
        }
        skip_value(&cur);
    } while (take(&cur, ','));
    return (fl_str){0};
}
