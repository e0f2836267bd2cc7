#include "codec/codec.h"

/* Reading never fails other than by a status; what was read is emitted to the same value; numbers
 * take no value outside of their type. */

static void check_numbers(const yyjson_val *val)
{
    int64_t whole;
    int64_t ns;
    fl_str number = fl_json_number(val);
    double approximate = fl_json_double(number);
    if (fl_json_i64(number, &whole)) {
        double difference = approximate - (double)whole;
        if (difference > 1024 || difference < -1024) {
            fl_bug("an integer differs from its double");
        }
    }
    if (fl_json_ns(number, &ns)) {
        double difference = approximate - (double)ns / 1e9;
        if (difference > 1e-5 || difference < -1e-5) {
            fl_bug("nanoseconds differ from their double");
        }
    }
}

static void check_emit(fl_arena *arena, const yyjson_val *root)
{
    fl_buf first;
    fl_buf second;
    yyjson_val *again;
    fl_buf_init(&first, SIZE_MAX);
    fl_buf_init(&second, SIZE_MAX);
    fl_json_emit(&first, root);
    if (fl_json_read(arena, fl_buf_str(&first), FL_JSON_STRICT, &again, NULL, NULL) != FL_OK) {
        fl_bug("what was emitted cannot be read");
    }
    fl_json_emit(&second, again);
    if (!fl_str_eq(fl_buf_str(&first), fl_buf_str(&second))) {
        fl_bug("emit of read is no identity");
    }
    fl_buf_fini(&first);
    fl_buf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    fl_arena arena;
    fl_err err;
    yyjson_val *root;
    bool repaired;
    fl_str text = {(const char *)bytes, n};
    fl_arena_init(&arena, (size_t)64 << 20);
    bool strict = fl_json_read(&arena, text, FL_JSON_STRICT, &root, NULL, &err) == FL_OK;
    bool read = fl_json_read(&arena, text, FL_JSON_REPAIR_UTF8, &root, &repaired, &err) == FL_OK;
    if (strict && (!read || repaired)) {
        fl_bug("a valid text was repaired");
    }
    if (read) {
        check_numbers(root);
        check_emit(&arena, root);
        (void)fl_json_get(root, FL_S("a"));
    }
    fl_arena_fini(&arena);
    return 0;
}
