#include <stdlib.h>

#include "codec/codec.h"
#include "support/test.h"

/*
 * A random value is written twice: `plain` is the compact text that the emitter must give, `wild`
 * says the same with blanks and needless escapes. Rounds begin with tiny values, so that what fails
 * first is small.
 */
typedef struct world {
    test_random random;
    fl_buf wild, plain, out;
    fl_arena arena;
    fl_err err;
} world;

#define ROUNDS 3000

static int begin(void **state)
{
    world *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return -1;
    }
    w->random = test_random_begin();
    fl_buf_init(&w->wild, 1 << 24);
    fl_buf_init(&w->plain, 1 << 24);
    fl_buf_init(&w->out, 1 << 24);
    fl_arena_init(&w->arena, 1 << 28);
    *state = w;
    return 0;
}

static int end(void **state)
{
    world *w = *state;
    fl_buf_fini(&w->wild);
    fl_buf_fini(&w->plain);
    fl_buf_fini(&w->out);
    fl_arena_fini(&w->arena);
    free(w);
    return 0;
}

static size_t below(world *w, size_t bound)
{
    return (size_t)test_random_below(&w->random, bound);
}

static void add_both(world *w, fl_str text)
{
    fl_buf_add_str(&w->wild, text);
    fl_buf_add_str(&w->plain, text);
}

static void add_blanks(world *w)
{
    for (size_t n = below(w, 6); n > 3; n--) {
        fl_buf_add_byte(&w->wild, " \t\r\n"[below(w, 4)]);
    }
}

static void add_utf16_escape(fl_buf *out, uint64_t unit)
{
    fl_buf_add_str(out, FL_S("\\u"));
    fl_buf_add_hex(out, unit, 4);
}

static void add_escaped_character(fl_buf *out, int32_t code)
{
    if (code >= 0x10000) {
        add_utf16_escape(out, 0xD800 + ((uint64_t)(code - 0x10000) >> 10));
        add_utf16_escape(out, 0xDC00 + ((uint64_t)(code - 0x10000) & 0x3FF));
    } else {
        add_utf16_escape(out, (uint64_t)code);
    }
}

static void add_string(world *w)
{
    static const struct {
        int32_t code;
        fl_str plain;
    } characters[] = {
        {'"', {"\\\"", 2}},
        {'\\', {"\\\\", 2}},
        {'\n', {"\\n", 2}},
        {0, {"\\u0000", 6}},
        {0x1B, {"\\u001b", 6}},
        {0x7F, {"\x7F", 1}},
        {0xE9, {"\xC3\xA9", 2}},
        {0x20AC, {"\xE2\x82\xAC", 3}},
        {0x1F600, {"\xF0\x9F\x98\x80", 4}},
        {'{', {"{", 1}},
        {']', {"]", 1}},
        {'/', {"/", 1}},
        {0xFFFF, {"\xEF\xBF\xBF", 3}},
        {'a', {"a", 1}},
        {' ', {" ", 1}},
    };
    add_both(w, FL_S("\""));
    for (size_t n = below(w, below(w, 40) + 1); n > 0; n--) {
        size_t i = below(w, sizeof characters / sizeof characters[0]);
        fl_buf_add_str(&w->plain, characters[i].plain);
        if (below(w, 3) == 0) {
            add_escaped_character(&w->wild, characters[i].code);
        } else {
            fl_buf_add_str(&w->wild, characters[i].plain);
        }
    }
    add_both(w, FL_S("\""));
}

static void add_digits(world *w, size_t max)
{
    for (size_t n = below(w, max) + 1; n > 0; n--) {
        const char digit = (char)('0' + below(w, 10));
        add_both(w, (fl_str){&digit, 1});
    }
}

static void add_number(world *w)
{
    if (below(w, 3) == 0) {
        add_both(w, FL_S("-"));
    }
    if (below(w, 4) == 0) {
        add_both(w, FL_S("0"));
    } else {
        const char first = (char)('1' + below(w, 9));
        add_both(w, (fl_str){&first, 1});
        add_digits(w, below(w, 30) + 1);
    }
    if (below(w, 2) == 0) {
        add_both(w, FL_S("."));
        add_digits(w, 25);
    }
    if (below(w, 4) == 0) {
        static const fl_str marks[] = {{"e", 1}, {"E", 1}, {"e+", 2}, {"E-", 2}};
        add_both(w, marks[below(w, 4)]);
        add_digits(w, 4);
    }
}

/* The budget bounds the depth of what is made here, which mirrors the grammar. */
static void add_value(world *w, size_t budget);

static void add_container(world *w, size_t budget) /* NOLINT(misc-no-recursion): bounded */
{
    bool object = below(w, 2) == 0;
    size_t members = below(w, 6);
    add_both(w, object ? FL_S("{") : FL_S("["));
    add_blanks(w);
    for (size_t i = 0; i < members; i++) {
        add_both(w, i != 0 ? FL_S(",") : FL_S(""));
        add_blanks(w);
        if (object) {
            add_string(w);
            add_blanks(w);
            add_both(w, FL_S(":"));
            add_blanks(w);
        }
        add_value(w, budget / members);
        add_blanks(w);
    }
    add_both(w, object ? FL_S("}") : FL_S("]"));
}

static void add_value(world *w, size_t budget) /* NOLINT(misc-no-recursion): bounded */
{
    static const fl_str literals[] = {{"true", 4}, {"false", 5}, {"null", 4}};
    size_t kind = below(w, budget > 1 ? 20 : 5);
    if (kind >= 5) {
        add_container(w, budget - 1);
    } else if (kind >= 3) {
        add_string(w);
    } else if (kind >= 1) {
        add_number(w);
    } else {
        add_both(w, literals[below(w, 3)]);
    }
}

static void new_value(world *w, size_t round)
{
    fl_buf_reset(&w->wild);
    fl_buf_reset(&w->plain);
    add_blanks(w);
    add_value(w, 1 + round / 20);
    add_blanks(w);
}

static fl_status read_and_emit(world *w, fl_str text, fl_json_mode mode, bool *repaired)
{
    yyjson_val *root;
    fl_arena_reset(&w->arena);
    FL_TRY(fl_json_read(&w->arena, text, mode, &root, repaired, &w->err));
    fl_buf_reset(&w->out);
    fl_json_emit(&w->out, root);
    return w->out.status;
}

static void assert_emits(world *w, fl_str text, fl_json_mode mode)
{
    bool repaired = true;
    assert_ok(read_and_emit(w, text, mode, &repaired), &w->err);
    assert_false(repaired);
    if (!fl_str_eq(fl_buf_str(&w->out), fl_buf_str(&w->plain))) {
        fail_msg("%.*s\nbecame\n%.*s\n", FL_P(text), FL_P(fl_buf_str(&w->out)));
    }
}

static void emit_of_read_is_the_same_value_digit_for_digit(void **state)
{
    world *w = *state;
    for (size_t round = 0; round < ROUNDS; round++) {
        new_value(w, round);
        assert_emits(w, fl_buf_str(&w->wild), FL_JSON_STRICT);
        assert_emits(w, fl_buf_str(&w->wild), FL_JSON_REPAIR_UTF8);
        assert_emits(w, fl_buf_str(&w->plain), FL_JSON_STRICT);
    }
}

/* Makes a few bytes something else, most of them in strings and no ASCII. */
static void damage(world *w)
{
    for (size_t n = below(w, 4); n > 0; n--) {
        size_t at = below(w, w->wild.n);
        const char *quote = memchr(w->wild.p + at, '"', w->wild.n - at);
        if (quote != NULL && quote + 1 < w->wild.p + w->wild.n && below(w, 4) != 0) {
            at = (size_t)(quote + 1 - w->wild.p);
        }
        w->wild.p[at] = (char)(below(w, 10) == 0 ? below(w, 256) : 0x80 + below(w, 128));
    }
}

/* Whatever damage is repaired, the result is valid text that needs no further repair. */
static void a_repaired_text_is_valid(void **state)
{
    world *w = *state;
    fl_buf again;
    fl_buf_init(&again, 1 << 24);
    size_t mended = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        bool repaired = false;
        new_value(w, round);
        damage(w);
        if (read_and_emit(w, fl_buf_str(&w->wild), FL_JSON_REPAIR_UTF8, &repaired) != FL_OK) {
            assert_int_equal(read_and_emit(w, fl_buf_str(&w->wild), FL_JSON_STRICT, NULL),
                             FL_E_SYNTAX);
            continue;
        }
        mended += repaired;
        fl_buf_reset(&again);
        fl_buf_add_str(&again, fl_buf_str(&w->out));
        assert_ok(read_and_emit(w, fl_buf_str(&again), FL_JSON_STRICT, NULL), &w->err);
        assert_true(fl_str_eq(fl_buf_str(&w->out), fl_buf_str(&again)));
    }
    assert_true(mended > ROUNDS / 50);
    fl_buf_fini(&again);
}

#define VALUES_MAX 8

/* A stream of values with the offsets behind each; a blank behind, so that scalars end. */
static size_t new_stream(world *w, size_t round, fl_buf *stream, size_t ends[VALUES_MAX])
{
    size_t count = below(w, VALUES_MAX) + 1;
    fl_buf_reset(stream);
    for (size_t i = 0; i < count; i++) {
        new_value(w, round);
        fl_str text = fl_str_trim(fl_buf_str(&w->wild));
        fl_buf_add_str(stream, text);
        ends[i] = stream->n;
        bool closed = text.p[text.n - 1] == '}' || text.p[text.n - 1] == ']';
        fl_buf_fill(stream, ' ', closed ? below(w, 3) : 1);
    }
    return count;
}

static void the_scanner_finds_each_end_for_any_split(void **state)
{
    world *w = *state;
    fl_buf stream;
    size_t ends[VALUES_MAX] = {0};
    fl_buf_init(&stream, 1 << 24);
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t count = new_stream(w, round / 3, &stream, ends);
        size_t step = below(w, round) + 1;
        size_t found = 0;
        fl_json_scan scan = {0};
        for (size_t at = 0; at < stream.n;) {
            size_t left = stream.n - at;
            size_t eaten = 0;
            size_t n = below(w, step) + 1;
            fl_json_scan_result result =
                fl_json_scan_feed(&scan, stream.p + at, n < left ? n : left, &eaten);
            at += eaten;
            assert_int_not_equal(result, FL_SCAN_GARBAGE);
            if (result == FL_SCAN_END) {
                assert_true(found < count);
                assert_int_equal(at, ends[found]);
                found++;
            }
        }
        assert_int_equal(found, count);
    }
    fl_buf_fini(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(emit_of_read_is_the_same_value_digit_for_digit, begin, end),
        cmocka_unit_test_setup_teardown(a_repaired_text_is_valid, begin, end),
        cmocka_unit_test_setup_teardown(the_scanner_finds_each_end_for_any_split, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
