#include "codec/codec.h"

/* The scanner must make progress on any bytes and tell the same for any split; whatever the reader
 * takes as one document, the scanner sees as one value. */

static void scan_all(fl_str text, size_t step, fl_buf *ends)
{
    fl_json_scan scan = {0};
    unsigned idle = 0;
    for (size_t at = 0; at < text.n;) {
        size_t eaten = 0;
        size_t n = text.n - at < step ? text.n - at : step;
        fl_json_scan_result result = fl_json_scan_feed(&scan, text.p + at, n, &eaten);
        idle = eaten == 0 ? idle + 1 : 0;
        if (eaten > n || idle > 2) {
            fl_bug("the scanner makes no progress");
        }
        at += eaten;
        if (result == FL_SCAN_END) {
            fl_buf_add_varint(ends, at);
        }
    }
}

static void check_one_value(fl_str text, fl_str ends)
{
    fl_arena arena;
    yyjson_val *root;
    fl_cur cur = fl_cur_of(ends.p, ends.n);
    fl_arena_init(&arena, (size_t)64 << 20);
    fl_str body = fl_str_trim(text);
    bool valid = fl_json_read(&arena, text, FL_JSON_STRICT, &root, NULL, NULL) == FL_OK;
    if (valid && yyjson_is_ctn(root)) {
        uint64_t end = fl_cur_varint(&cur);
        if (fl_cur_left(&cur) != 0 || text.p + end != body.p + body.n) {
            fl_bug("a document is no single value");
        }
    }
    fl_arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    fl_buf whole;
    fl_buf split;
    fl_str text = {(const char *)bytes, n};
    fl_buf_init(&whole, SIZE_MAX);
    scan_all(text, SIZE_MAX, &whole);
    check_one_value(text, fl_buf_str(&whole));
    for (size_t step = 1; step <= 3; step++) {
        fl_buf_init(&split, SIZE_MAX);
        scan_all(text, step, &split);
        if (!fl_str_eq(fl_buf_str(&whole), fl_buf_str(&split))) {
            fl_bug("a split moves an end");
        }
        fl_buf_fini(&split);
    }
    fl_buf_fini(&whole);
    return 0;
}
