#include "codec/codec.h"
#include "support/test.h"

static fl_status read_first(fl_arena *arena, fl_str text, size_t max_depth, fl_json_first *out)
{
    fl_arena_init(arena, (size_t)1 << 20);
    return fl_json_read_first(arena, text, FL_JSON_REPAIR_UTF8, max_depth, out, NULL);
}

static void assert_first(const char *text, const char *expected, size_t n, bool repaired)
{
    fl_arena arena;
    fl_buf out;
    fl_json_first first;
    assert_int_equal(read_first(&arena, fl_str_of(text), FL_JSON_DEPTH_MAX, &first), FL_OK);
    assert_int_equal(first.n, n);
    assert_int_equal(first.repaired, repaired);
    fl_buf_init(&out, 4096);
    fl_json_emit(&out, first.root);
    assert_str(fl_buf_str(&out), expected);
    fl_buf_fini(&out);
    fl_arena_fini(&arena);
}

static void the_first_value_is_read_and_what_follows_is_left(void **state)
{
    (void)state;
    assert_first("{\"a\":1}{\"b\":2}", "{\"a\":1}", 7, false);
    assert_first(" [1] x", "[1]", 4, false);
    assert_first("{}}", "{}", 2, false);
    assert_first("12 13", "12", 2, false);
}

static void after_a_repair_the_length_is_that_of_the_text(void **state)
{
    (void)state;
    assert_first("[\"\xff\xff\"] \"\xff\"", "[\"\xef\xbf\xbd\xef\xbf\xbd\"]", 6, true);
    assert_first("[\"\\ud800\"]", "[\"\xef\xbf\xbd\"]", 10, true);
}

static void strings_stand_in_the_copy_where_they_stand_in_the_text(void **state)
{
    (void)state;
    fl_arena arena;
    fl_json_first first;
    const fl_str text = FL_S(" {\"\\u0041\\n\":1,\"key\":[\"x\"]}");
    assert_int_equal(read_first(&arena, text, 2, &first), FL_OK);
    fl_str x = fl_json_str(yyjson_arr_get_first(fl_json_get(first.root, FL_S("key"))));
    assert_int_equal(x.p - first.copy, 23);
    assert_int_equal(text.p[23], 'x');
    fl_arena_fini(&arena);
}

static void broken_text_is_refused(void **state)
{
    (void)state;
    fl_arena arena;
    fl_json_first first;
    const char *broken[] = {"", "{", "{\"a\":}", "x", "[1,]"};
    for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
        assert_int_equal(read_first(&arena, fl_str_of(broken[i]), 256, &first), FL_E_SYNTAX);
        fl_arena_fini(&arena);
    }
}

static void deeper_nesting_than_asked_for_is_refused(void **state)
{
    (void)state;
    fl_arena arena;
    fl_json_first first;
    const fl_str text = FL_S("[[],[{\"a\":0}],1,2]");
    assert_int_equal(read_first(&arena, text, 3, &first), FL_OK);
    fl_arena_fini(&arena);
    assert_int_equal(read_first(&arena, text, 2, &first), FL_E_VALIDATION);
    fl_arena_fini(&arena);
}

static void too_little_memory_is_told(void **state)
{
    (void)state;
    fl_arena arena;
    fl_json_first first;
    for (uint64_t fail_at = 1; fail_at <= 3; fail_at++) {
        fl_arena_init(&arena, (size_t)1 << 20);
        arena.fail_at = fail_at;
        fl_status status =
            fl_json_read_first(&arena, FL_S("[\"\xff\"]"), FL_JSON_REPAIR_UTF8, 256, &first, NULL);
        assert_int_equal(status, FL_E_NOMEM);
        fl_arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_value_is_read_and_what_follows_is_left),
        cmocka_unit_test(after_a_repair_the_length_is_that_of_the_text),
        cmocka_unit_test(strings_stand_in_the_copy_where_they_stand_in_the_text),
        cmocka_unit_test(broken_text_is_refused),
        cmocka_unit_test(deeper_nesting_than_asked_for_is_refused),
        cmocka_unit_test(too_little_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
