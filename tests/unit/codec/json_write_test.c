#include "codec/codec.h"
#include "support/test.h"

static void commas_stand_between_items_only(void **state)
{
    fl_buf out;
    fl_jw w;
    (void)state;
    fl_buf_init(&out, 4096);
    w = fl_jw_of(&out);
    fl_jw_open(&w, '{');
    fl_jw_key_str(&w, FL_S("s"), FL_S("a\"b"));
    fl_jw_key_bool(&w, FL_S("t"), true);
    fl_jw_key_i64(&w, FL_S("i"), -3);
    fl_jw_key_seconds(&w, FL_S("at"), INT64_C(1738650304100000000));
    fl_jw_key_raw(&w, FL_S("raw"), FL_S("{\"x\":1}"));
    fl_jw_key(&w, FL_S("empty"));
    fl_jw_open(&w, '{');
    fl_jw_close(&w, '}');
    fl_jw_key(&w, FL_S("list"));
    fl_jw_open(&w, '[');
    fl_jw_u64(&w, UINT64_MAX);
    fl_jw_null(&w);
    fl_jw_open(&w, '[');
    fl_jw_close(&w, ']');
    fl_jw_open(&w, '{');
    fl_jw_key_bool(&w, FL_S("f"), false);
    fl_jw_close(&w, '}');
    fl_jw_str(&w, FL_S(""));
    fl_jw_i64(&w, 0);
    fl_jw_seconds(&w, 500000000);
    fl_jw_bool(&w, true);
    fl_jw_raw(&w, FL_S("1e5"));
    fl_jw_close(&w, ']');
    fl_jw_close(&w, '}');
    assert_str(
        fl_buf_str(&out),
        "{\"s\":\"a\\\"b\",\"t\":true,\"i\":-3,\"at\":1738650304.1,\"raw\":{\"x\":1},"
        "\"empty\":{},\"list\":[18446744073709551615,null,[],{\"f\":false},\"\",0,0.5,true,1e5]}");
    fl_buf_fini(&out);
}

static void keys_are_escaped_and_invalid_text_replaced(void **state)
{
    fl_buf out;
    fl_jw w;
    (void)state;
    fl_buf_init(&out, 4096);
    w = fl_jw_of(&out);
    fl_jw_open(&w, '{');
    fl_jw_key_str(&w, FL_S("a\n"), FL_S("\xFF"));
    fl_jw_close(&w, '}');
    assert_str(fl_buf_str(&out), "{\"a\\n\":\"\xEF\xBF\xBD\"}");
    fl_buf_fini(&out);
}

static void what_is_written_can_be_read(void **state)
{
    fl_buf out;
    fl_arena arena;
    yyjson_val *root;
    fl_err err;
    char bytes[256];
    (void)state;
    for (int i = 0; i < 256; i++) {
        bytes[i] = (char)i;
    }
    fl_buf_init(&out, 4096);
    fl_arena_init(&arena, 1 << 16);
    fl_jw w = fl_jw_of(&out);
    fl_jw_str(&w, (fl_str){bytes, 128});
    assert_ok(fl_json_read(&arena, fl_buf_str(&out), FL_JSON_STRICT, &root, NULL, &err), &err);
    assert_int_equal(fl_json_str(root).n, 128);
    assert_memory_equal(fl_json_str(root).p, bytes, 128);
    fl_buf_reset(&out);
    fl_buf_add_escaped(&out, (fl_str){bytes, 256});
    assert_true(fl_utf8_valid(fl_buf_str(&out)));
    fl_arena_fini(&arena);
    fl_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_stand_between_items_only),
        cmocka_unit_test(keys_are_escaped_and_invalid_text_replaced),
        cmocka_unit_test(what_is_written_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
