#include <stdlib.h>

#include "codec/codec.h"
#include "support/test.h"

typedef struct fixture {
    fl_arena arena;
    fl_buf out;
    fl_err err;
    yyjson_val *root;
    bool repaired;
} fixture;

static int begin(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return -1;
    }
    fl_arena_init(&f->arena, 64 << 20);
    fl_buf_init(&f->out, 64 << 20);
    *state = f;
    return 0;
}

static int end(void **state)
{
    fixture *f = *state;
    fl_arena_fini(&f->arena);
    fl_buf_fini(&f->out);
    free(f);
    return 0;
}

static fl_status read_text(fixture *f, fl_str text, fl_json_mode mode)
{
    return fl_json_read(&f->arena, text, mode, &f->root, &f->repaired, &f->err);
}

static void assert_reads_as(fixture *f, fl_str text, fl_json_mode mode, const char *expected)
{
    assert_ok(read_text(f, text, mode), &f->err);
    fl_buf_reset(&f->out);
    fl_json_emit(&f->out, f->root);
    assert_str(fl_buf_str(&f->out), expected);
}

static void assert_refused(fixture *f, fl_str text, fl_json_mode mode, const char *message)
{
    f->root = NULL;
    assert_int_equal(read_text(f, text, mode), FL_E_SYNTAX);
    assert_null(f->root);
    if (strstr(f->err.message, message) != f->err.message) {
        fail_msg("%.*s: %s", FL_P(text), f->err.message);
    }
}

static void every_type_is_read(void **state)
{
    fixture *f = *state;
    assert_reads_as(f, FL_S("{\"a\":[1,-2.50,true,false,null,\"x\",{}],\"b\":{\"c\":[]}}"),
                    FL_JSON_STRICT, "{\"a\":[1,-2.50,true,false,null,\"x\",{}],\"b\":{\"c\":[]}}");
    assert_false(f->repaired);
    assert_reads_as(f, FL_S("  12.0 \n"), FL_JSON_STRICT, "12.0");
    assert_reads_as(f, FL_S("\"x\""), FL_JSON_STRICT, "\"x\"");
    assert_reads_as(f, FL_S("null"), FL_JSON_STRICT, "null");
    assert_reads_as(f, FL_S("\t{ \n \"a\" : [ 1 , 2 ] \r\n}  "), FL_JSON_STRICT, "{\"a\":[1,2]}");
}

static void numbers_keep_every_digit(void **state)
{
    fixture *f = *state;
    assert_reads_as(
        f, FL_S("[1478293361.2710001234567890123,1E+400,-0,1.10,123456789012345678901234567890]"),
        FL_JSON_STRICT,
        "[1478293361.2710001234567890123,1E+400,-0,1.10,123456789012345678901234567890]");
}

static void malformed_texts_are_refused_with_the_offset(void **state)
{
    static const struct {
        fl_str text;
        const char *message;
    } rows[] = {
        {{"", 0}, "byte 0: "},
        {{"  ", 2}, "byte "},
        {{"{\"a\":x}", 7}, "byte 5: unexpected character"},
        {{"{\"a\":1", 6}, "byte 6: unexpected end"},
        {{"[1,]", 4}, "byte 2: trailing comma"},
        {{"[01]", 4}, "byte "},
        {{"[1.]", 4}, "byte "},
        {{"[+1]", 4}, "byte 1"},
        {{"[NaN]", 5}, "byte 1"},
        {{"{'a':1}", 7}, "byte 1"},
        {{"\"a\nb\"", 5}, "byte 2: unexpected control character"},
        {{"[\"\\x\"]", 6}, "byte "},
        {{"tru", 3}, "byte 3: unexpected end"},
        {{"[1] /* c */", 11}, "byte 4: unexpected content"},
        {{"{} {}", 5}, "byte 3: unexpected content"},
        {{"{}x", 3}, "byte 2: unexpected content"},
        {{"1 2", 3}, "byte 2: unexpected content"},
        {{"{}\0", 3}, "byte 2: unexpected content"},
        {{"\xEF\xBB\xBF{}", 5}, "byte 0: byte order mark"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_refused(*state, rows[i].text, FL_JSON_STRICT, rows[i].message);
        assert_refused(*state, rows[i].text, FL_JSON_REPAIR_UTF8, rows[i].message);
    }
}

static void every_cut_of_a_document_is_refused(void **state)
{
    fl_str text = FL_S("{\"a\":[1.5e3,true,null,\"x\\u00e9\\ud83d\\ude00\\n\"],\"\xC3\xA9\":{}}");
    for (size_t n = 0; n < text.n; n++) {
        assert_refused(*state, (fl_str){text.p, n}, FL_JSON_STRICT, "byte ");
    }
}

static void values_do_not_borrow_the_text(void **state)
{
    fixture *f = *state;
    char text[] = "{\"key\":\"value\",\"n\":12}";
    assert_ok(read_text(f, fl_str_of(text), FL_JSON_STRICT), &f->err);
    memset(text, 'x', sizeof text);
    assert_str(fl_json_str(fl_json_get(f->root, FL_S("key"))), "value");
    assert_str(fl_json_number(fl_json_get(f->root, FL_S("n"))), "12");
}

static void strings_may_hold_nul(void **state)
{
    fixture *f = *state;
    assert_ok(read_text(f, FL_S("{\"a\\u0000b\":\"\\u0000\"}"), FL_JSON_STRICT), &f->err);
    fl_str value = fl_json_str(fl_json_get(f->root, FL_S("a\0b")));
    assert_int_equal(value.n, 1);
    assert_memory_equal(value.p, "\0", 1);
    assert_null(fl_json_get(f->root, FL_S("a")));
}

static void accessors_give_the_absent_string_for_other_types(void **state)
{
    fixture *f = *state;
    assert_ok(read_text(f, FL_S("{\"s\":\"x\",\"n\":1,\"t\":true}"), FL_JSON_STRICT), &f->err);
    assert_null(fl_json_str(NULL).p);
    assert_null(fl_json_number(NULL).p);
    assert_null(fl_json_str(f->root).p);
    assert_null(fl_json_str(fl_json_get(f->root, FL_S("n"))).p);
    assert_null(fl_json_number(fl_json_get(f->root, FL_S("s"))).p);
    assert_null(fl_json_number(fl_json_get(f->root, FL_S("t"))).p);
}

static void the_last_member_of_a_key_wins(void **state)
{
    fixture *f = *state;
    assert_ok(read_text(f, FL_S("{\"a\":1,\"b\":2,\"a\":{\"a\":4},\"aa\":5}"), FL_JSON_STRICT),
              &f->err);
    assert_true(yyjson_is_obj(fl_json_get(f->root, FL_S("a"))));
    assert_null(fl_json_get(f->root, FL_S("c")));
    assert_null(fl_json_get(f->root, FL_S("")));
    assert_null(fl_json_get(fl_json_get(f->root, FL_S("b")), FL_S("a")));
    assert_null(fl_json_get(NULL, FL_S("a")));
}

static void strict_mode_refuses_what_is_no_unicode(void **state)
{
    assert_refused(*state, FL_S("[\"a\xFF\"]"), FL_JSON_STRICT, "byte 3: invalid UTF-8");
    assert_refused(*state, FL_S("[\"\xC3\"]"), FL_JSON_STRICT, "byte 2: invalid UTF-8");
    assert_refused(*state, FL_S("[\"\xED\xA0\x80\"]"), FL_JSON_STRICT, "byte 2: invalid UTF-8");
    assert_refused(*state, FL_S("[\"\\ud800\"]"), FL_JSON_STRICT, "byte ");
    assert_refused(*state, FL_S("[\"\\udc00\"]"), FL_JSON_STRICT, "byte 2: ");
}

#define REPLACEMENT "\xEF\xBF\xBD"

static void repair_replaces_each_invalid_sequence(void **state)
{
    static const struct {
        fl_str text;
        const char *expected;
    } rows[] = {
        {{"[\"a\xFFz\"]", 7}, "[\"a" REPLACEMENT "z\"]"},
        {{"[\"\xE2\x82\"]", 6}, "[\"" REPLACEMENT "\"]"},
        {{"[\"\xED\xA0\x80\"]", 7}, "[\"" REPLACEMENT REPLACEMENT REPLACEMENT "\"]"},
        {{"{\"\xC3\":\"\xC3\xA9\"}", 10}, "{\"" REPLACEMENT "\":\"\xC3\xA9\"}"},
        {{"[\"\\ud800\"]", 10}, "[\"" REPLACEMENT "\"]"},
        {{"[\"\\uDC00\\uD800\"]", 16}, "[\"" REPLACEMENT REPLACEMENT "\"]"},
        {{"[\"\\ud83d\\ud83d\\ude00\"]", 22}, "[\"" REPLACEMENT "\xF0\x9F\x98\x80\"]"},
        {{"[\"\\ud83dx\"]", 11}, "[\"" REPLACEMENT "x\"]"},
        {{"[\"\\ud83d\\n\"]", 12}, "[\"" REPLACEMENT "\\n\"]"},
        {{"[\"\\ud83d\xFF\\\"\"]", 13}, "[\"" REPLACEMENT REPLACEMENT "\\\"\"]"},
        {{"\"\xFF\"", 3}, "\"" REPLACEMENT "\""},
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_reads_as(f, rows[i].text, FL_JSON_REPAIR_UTF8, rows[i].expected);
        assert_true(f->repaired);
    }
}

/* After an even number of backslashes "ud800" is plain text. */
static void repair_minds_the_parity_of_backslashes(void **state)
{
    fixture *f = *state;
    assert_reads_as(f, FL_S("[\"\\\\ud800\"]"), FL_JSON_REPAIR_UTF8, "[\"\\\\ud800\"]");
    assert_false(f->repaired);
    assert_reads_as(f, FL_S("[\"\\\\ud800\xFF\"]"), FL_JSON_REPAIR_UTF8,
                    "[\"\\\\ud800" REPLACEMENT "\"]");
    assert_reads_as(f, FL_S("[\"\\\\\\ud800\"]"), FL_JSON_REPAIR_UTF8, "[\"\\\\" REPLACEMENT "\"]");
    assert_reads_as(f, FL_S("[\"\\\\\",\"\\ud800\"]"), FL_JSON_REPAIR_UTF8,
                    "[\"\\\\\",\"" REPLACEMENT "\"]");
    assert_reads_as(f, FL_S("[\"\\ud83d\\\\ude00\"]"), FL_JSON_REPAIR_UTF8,
                    "[\"" REPLACEMENT "\\\\ude00\"]");
}

static void repair_leaves_valid_text_alone(void **state)
{
    fixture *f = *state;
    assert_reads_as(f, FL_S("[\"\\ud83d\\ude00\xC3\xA9\"]"), FL_JSON_REPAIR_UTF8,
                    "[\"\xF0\x9F\x98\x80\xC3\xA9\"]");
    assert_false(f->repaired);
}

static void repair_mends_no_other_error_and_tells_its_place_in_the_text(void **state)
{
    assert_refused(*state, FL_S("[\xFF]"), FL_JSON_REPAIR_UTF8, "byte 1: ");
    assert_refused(*state, FL_S("[\"\xFF\",x]"), FL_JSON_REPAIR_UTF8,
                   "byte 5: unexpected character");
    assert_refused(*state, FL_S("[\"\xFF\xFF\xFF\"] 1"), FL_JSON_REPAIR_UTF8,
                   "byte 8: unexpected content");
    assert_refused(*state, FL_S("[\"\xFF"), FL_JSON_REPAIR_UTF8, "byte 3: unexpected end");
    assert_refused(*state, FL_S("[\"\xFF\\"), FL_JSON_REPAIR_UTF8, "byte ");
    assert_refused(*state, FL_S("[\"\xFF\\u12"), FL_JSON_REPAIR_UTF8, "byte ");
    assert_refused(*state, FL_S("[\"\xFF\\\xFF\"]"), FL_JSON_REPAIR_UTF8, "byte ");
}

static void a_null_repaired_pointer_is_fine(void **state)
{
    fixture *f = *state;
    assert_ok(fl_json_read(&f->arena, FL_S("\"\xFF\""), FL_JSON_REPAIR_UTF8, &f->root, NULL, NULL),
              NULL);
}

static void every_failing_allocation_is_out_of_memory(void **state)
{
    fixture *f = *state;
    fl_buf_add_byte(&f->out, '[');
    for (int i = 0; i < 500; i++) {
        fl_buf_add_str(&f->out, FL_S("\"\xFF\",{},"));
    }
    fl_buf_add_str(&f->out, FL_S("1]"));
    uint64_t n = 1;
    for (;; n++) {
        f->arena.fail_at = n;
        fl_status status = read_text(f, fl_buf_str(&f->out), FL_JSON_REPAIR_UTF8);
        bool failed = f->arena.fail_at == 0;
        f->arena.fail_at = 0;
        fl_arena_reset(&f->arena);
        assert_int_equal(status, failed ? FL_E_NOMEM : FL_OK);
        if (!failed) {
            break;
        }
    }
    assert_true(n > 5);
    fl_arena tiny;
    fl_arena_init(&tiny, 100);
    assert_int_equal(fl_json_read(&tiny, FL_S("[1]"), FL_JSON_STRICT, &f->root, NULL, NULL),
                     FL_E_NOMEM);
    fl_arena_fini(&tiny);
}

static void depth_is_bounded_by_the_length_alone(void **state)
{
    fixture *f = *state;
    size_t depth = 200000;
    fl_buf text;
    fl_buf_init(&text, depth * 2);
    fl_buf_fill(&text, '[', depth);
    fl_buf_fill(&text, ']', depth);
    assert_ok(read_text(f, fl_buf_str(&text), FL_JSON_STRICT), &f->err);
    fl_json_emit(&f->out, f->root);
    assert_true(fl_str_eq(fl_buf_str(&f->out), fl_buf_str(&text)));
    fl_buf_fini(&text);
}

static int packed_begin(void **state)
{
    return setenv("FLUORO_ARENA", "chunk", 1) == 0 ? begin(state) : -1;
}

static int packed_end(void **state)
{
    return unsetenv("FLUORO_ARENA") == 0 ? end(state) : -1;
}

/* A body that is one long string has few values; memory must follow the values, not the bytes. */
static void memory_follows_bytes_and_values(void **state)
{
    fixture *f = *state;
    fl_buf text;
    fl_buf_init(&text, 2 << 20);
    fl_buf_add_str(&text, FL_S("{\"a\":\""));
    fl_buf_fill(&text, 'x', 1 << 20);
    fl_buf_add_str(&text, FL_S("\"}"));
    assert_ok(read_text(f, fl_buf_str(&text), FL_JSON_STRICT), &f->err);
    assert_true(f->arena.used_bytes < text.n + (16 << 10));
    fl_arena_reset(&f->arena);

    fl_buf_reset(&text);
    fl_buf_add_byte(&text, '[');
    for (int i = 0; i < 100; i++) {
        fl_buf_add_str(&text, FL_S("1234567890,"));
    }
    fl_buf_add_str(&text, FL_S("1]"));
    assert_ok(read_text(f, fl_buf_str(&text), FL_JSON_STRICT), &f->err);
    assert_true(f->arena.used_bytes <= 16 << 10);
    fl_buf_fini(&text);
}

#define READ_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        READ_TEST(every_type_is_read),
        READ_TEST(numbers_keep_every_digit),
        READ_TEST(malformed_texts_are_refused_with_the_offset),
        READ_TEST(every_cut_of_a_document_is_refused),
        READ_TEST(values_do_not_borrow_the_text),
        READ_TEST(strings_may_hold_nul),
        READ_TEST(accessors_give_the_absent_string_for_other_types),
        READ_TEST(the_last_member_of_a_key_wins),
        READ_TEST(strict_mode_refuses_what_is_no_unicode),
        READ_TEST(repair_replaces_each_invalid_sequence),
        READ_TEST(repair_minds_the_parity_of_backslashes),
        READ_TEST(repair_leaves_valid_text_alone),
        READ_TEST(repair_mends_no_other_error_and_tells_its_place_in_the_text),
        READ_TEST(a_null_repaired_pointer_is_fine),
        READ_TEST(every_failing_allocation_is_out_of_memory),
        READ_TEST(depth_is_bounded_by_the_length_alone),
        cmocka_unit_test_setup_teardown(memory_follows_bytes_and_values, packed_begin, packed_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
