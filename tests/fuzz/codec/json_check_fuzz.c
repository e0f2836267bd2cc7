#include "codec/codec.h"

/* The check takes exactly what the parser takes, but for the nesting that it bounds, and tells the
 * same for any split. */

typedef struct told {
    fl_json_check_result result;
    size_t at;
    bool whole;
} told;

static told check_in_steps(fl_str text, size_t step)
{
    fl_json_check check = fl_json_check_begin(FL_JSON_DEPTH_MAX);
    told t = {FL_CHECK_MORE, 0, false};
    while (t.at < text.n && t.result == FL_CHECK_MORE) {
        size_t eaten = 0;
        size_t n = text.n - t.at < step ? text.n - t.at : step;
        t.result = fl_json_check_feed(&check, text.p + t.at, n, &eaten);
        t.at += eaten;
    }
    t.whole = fl_json_check_is_whole(&check);
    if (fl_json_check_expected(&check) == NULL) {
        fl_bug("nothing is expected");
    }
    return t;
}

/* One value and nothing but blanks behind it. */
static bool is_one_value(fl_str text, told t)
{
    if (t.result == FL_CHECK_MORE) {
        return t.whole;
    }
    fl_str rest = {text.p + t.at, text.n - t.at};
    return t.result == FL_CHECK_END && fl_str_trim(rest).n == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    fl_arena arena;
    yyjson_val *root;
    fl_json_first first;
    fl_str text = {(const char *)bytes, n};
    told t = check_in_steps(text, SIZE_MAX);
    for (size_t step = 1; step <= 9; step += 4) {
        told other = check_in_steps(text, step);
        if (other.result != t.result || other.at != t.at || other.whole != t.whole) {
            fl_bug("a split changes what is told");
        }
    }
    fl_arena_init(&arena, (size_t)64 << 20);
    bool read = fl_json_read(&arena, text, FL_JSON_REPAIR_UTF8, &root, NULL, NULL) == FL_OK;
    if (t.result != FL_CHECK_DEEP && read != is_one_value(text, t)) {
        fl_bug("check and parser differ");
    }
    fl_status status =
        fl_json_read_first(&arena, text, FL_JSON_REPAIR_UTF8, FL_JSON_DEPTH_MAX, &first, NULL);
    if (read && t.result == FL_CHECK_DEEP && status != FL_E_VALIDATION) {
        fl_bug("depth was not seen");
    }
    if (t.result == FL_CHECK_END && (status != FL_OK || first.n != t.at)) {
        fl_bug("check and parser see different ends");
    }
    fl_arena_fini(&arena);
    return 0;
}
