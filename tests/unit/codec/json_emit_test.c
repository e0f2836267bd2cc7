#include "codec/codec.h"
#include "support/test.h"

static void emit_again(fl_str text, fl_buf *out)
{
    fl_arena arena;
    yyjson_val *root;
    fl_err err;
    fl_arena_init(&arena, 1 << 24);
    assert_ok(fl_json_read(&arena, text, FL_JSON_STRICT, &root, NULL, &err), &err);
    fl_json_emit(out, root);
    fl_arena_fini(&arena);
}

static void assert_emits(const char *text, const char *expected)
{
    fl_buf out;
    fl_buf_init(&out, 1 << 16);
    emit_again(fl_str_of(text), &out);
    assert_str(fl_buf_str(&out), expected);
    fl_buf_fini(&out);
}

static void every_shape_of_containers_is_closed_right(void **state)
{
    static const char *const texts[] = {
        "[]",
        "{}",
        "[[]]",
        "[{}]",
        "{\"a\":[]}",
        "{\"a\":{}}",
        "[[],[]]",
        "[{},1,[2,[3]],{\"a\":{\"b\":[]}}]",
        "{\"a\":1,\"b\":[1,2,{\"c\":null}],\"d\":{\"e\":{\"f\":true}},\"g\":false}",
        "[[[[[[]]]]],[]]",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_emits(texts[i], texts[i]);
    }
}

static void a_scalar_alone_is_emitted(void **state)
{
    static const char *const texts[] = {"1.50", "true", "false", "null", "\"\"", "\"a\\nb\""};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_emits(texts[i], texts[i]);
    }
}

static void escapes_are_written_in_their_shortest_form(void **state)
{
    (void)state;
    assert_emits("{\"\\u0061\\/\":\"\\u0000\\u001f\\u00e9\\\"\\\\\\u000a\"}",
                 "{\"a/\":\"\\u0000\\u001f\xC3\xA9\\\"\\\\\\n\"}");
}

static void a_part_of_a_document_is_emitted_alone(void **state)
{
    fl_arena arena;
    yyjson_val *root;
    fl_buf out;
    (void)state;
    fl_arena_init(&arena, 1 << 16);
    fl_buf_init(&out, 4096);
    assert_ok(fl_json_read(&arena, FL_S("[1,{\"a\":[2,{\"b\":3}],\"c\":4},5]"), FL_JSON_STRICT,
                           &root, NULL, NULL),
              NULL);
    yyjson_val *part = yyjson_arr_get(root, 1);
    fl_json_emit(&out, part);
    fl_buf_add_byte(&out, ' ');
    fl_json_emit(&out, fl_json_get(part, FL_S("a")));
    fl_buf_add_byte(&out, ' ');
    fl_json_emit(&out, fl_json_get(part, FL_S("c")));
    assert_str(fl_buf_str(&out), "{\"a\":[2,{\"b\":3}],\"c\":4} [2,{\"b\":3}] 4");
    fl_buf_fini(&out);
    fl_arena_fini(&arena);
}

/* Around the depth up to which levels are kept without memory of their own. */
static void nesting_of_any_depth_is_emitted(void **state)
{
    (void)state;
    for (size_t depth = 28; depth < 70; depth++) {
        fl_buf text;
        fl_buf out;
        fl_buf_init(&text, 1 << 16);
        fl_buf_init(&out, 1 << 16);
        for (size_t i = 0; i < depth; i++) {
            fl_buf_add_str(&text, i % 2 == 0 ? FL_S("[0,") : FL_S("{\"a\":"));
        }
        fl_buf_add_byte(&text, '1');
        for (size_t i = depth; i-- > 0;) {
            fl_buf_add_str(&text, i % 2 == 0 ? FL_S(",2]") : FL_S(",\"b\":3}"));
        }
        emit_again(fl_buf_str(&text), &out);
        assert_true(fl_str_eq(fl_buf_str(&out), fl_buf_str(&text)));
        fl_buf_fini(&text);
        fl_buf_fini(&out);
    }
}

static void a_full_buffer_stops_it(void **state)
{
    fl_str text = FL_S("{\"a\":[1,\"x\",true,null],\"b\":\"\\n\"}");
    (void)state;
    for (size_t max = 0; max <= text.n; max++) {
        fl_buf out;
        fl_buf_init(&out, max);
        emit_again(text, &out);
        assert_int_equal(out.status, max < text.n ? FL_E_TOO_LARGE : FL_OK);
        assert_true(out.n <= max);
        fl_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_of_containers_is_closed_right),
        cmocka_unit_test(a_scalar_alone_is_emitted),
        cmocka_unit_test(escapes_are_written_in_their_shortest_form),
        cmocka_unit_test(a_part_of_a_document_is_emitted_alone),
        cmocka_unit_test(nesting_of_any_depth_is_emitted),
        cmocka_unit_test(a_full_buffer_stops_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
