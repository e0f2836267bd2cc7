#include <math.h>
#include <stdio.h>

#include "support/test.h"

static int begin(void **state)
{
    static fl_buf buf;
    fl_buf_init(&buf, 1 << 16);
    *state = &buf;
    return 0;
}

static int end(void **state)
{
    fl_buf_fini(*state);
    return 0;
}

static void a_new_buffer_is_the_empty_string(void **state)
{
    assert_str(fl_buf_str(*state), "");
}

static void what_is_added_stands_in_order(void **state)
{
    fl_buf *buf = *state;
    fl_buf_add(buf, "ab", 2);
    fl_buf_add(buf, NULL, 0);
    fl_buf_add_str(buf, (fl_str){0});
    fl_buf_add_byte(buf, 'c');
    fl_buf_fill(buf, '-', 3);
    fl_buf_fill(buf, '!', 0);
    fl_buf_add_str(buf, FL_S("d"));
    assert_str(fl_buf_str(buf), "abc---d");
    assert_int_equal(buf->status, FL_OK);
}

static void room_is_counted_once_grown(void **state)
{
    fl_buf *buf = *state;
    char *room = fl_buf_room(buf, 1000);
    assert_non_null(room);
    memcpy(room, "xyz", 3);
    assert_str(fl_buf_str(buf), "");
    fl_buf_grow(buf, 3);
    assert_str(fl_buf_str(buf), "xyz");
    assert_non_null(fl_buf_room(buf, 0));
}

static void a_buffer_takes_exactly_its_maximum(void **state)
{
    fl_buf buf;
    (void)state;
    fl_buf_init(&buf, 1000);
    for (int i = 0; i < 1000; i++) {
        fl_buf_add_byte(&buf, 'x');
    }
    assert_int_equal(buf.status, FL_OK);
    assert_int_equal(buf.n, 1000);
    assert_true(buf.capacity <= 1000);
    fl_buf_add_byte(&buf, 'y');
    assert_int_equal(buf.status, FL_E_TOO_LARGE);
    assert_int_equal(buf.n, 1000);
    fl_buf_fini(&buf);
}

static void errors_stick_until_the_reset(void **state)
{
    fl_buf buf;
    (void)state;
    fl_buf_init(&buf, 10);
    fl_buf_add_str(&buf, FL_S("12345"));
    fl_buf_add_str(&buf, FL_S("678901"));
    assert_int_equal(buf.status, FL_E_TOO_LARGE);
    fl_buf_add_byte(&buf, 'x');
    fl_buf_add_escaped(&buf, FL_S("x"));
    fl_buf_fill(&buf, 'x', 1);
    assert_null(fl_buf_room(&buf, 1));
    assert_str(fl_buf_str(&buf), "12345");
    fl_buf_reset(&buf);
    assert_int_equal(buf.status, FL_OK);
    fl_buf_add_str(&buf, FL_S("1234567890"));
    assert_str(fl_buf_str(&buf), "1234567890");
    fl_buf_fini(&buf);
    assert_null(buf.p);
}

static void a_maximum_of_zero_takes_nothing(void **state)
{
    fl_buf buf;
    (void)state;
    fl_buf_init(&buf, 0);
    fl_buf_add(&buf, "", 0);
    assert_int_equal(buf.status, FL_OK);
    fl_buf_add_byte(&buf, 'x');
    assert_int_equal(buf.status, FL_E_TOO_LARGE);
    fl_buf_fini(&buf);
}

static void decimals_of_every_length_are_right(void **state)
{
    fl_buf *buf = *state;
    char expected[32];
    uint64_t value = 0;
    for (int digits = 0; digits <= 20; digits++) {
        fl_buf_reset(buf);
        fl_buf_add_u64(buf, value);
        (void)snprintf(expected, sizeof expected, "%llu", (unsigned long long)value);
        assert_str(fl_buf_str(buf), expected);
        value = digits == 19 ? UINT64_MAX : value * 10 + (uint64_t)(digits % 9 + 1);
    }
    fl_buf_reset(buf);
    fl_buf_add_i64(buf, INT64_MIN);
    fl_buf_add_byte(buf, ' ');
    fl_buf_add_i64(buf, -1);
    fl_buf_add_byte(buf, ' ');
    fl_buf_add_i64(buf, INT64_MAX);
    assert_str(fl_buf_str(buf), "-9223372036854775808 -1 9223372036854775807");
}

static void doubles_have_fixed_decimals(void **state)
{
    fl_buf *buf = *state;
    fl_buf_add_double(buf, 1.5, 3);
    fl_buf_add_byte(buf, ' ');
    fl_buf_add_double(buf, -0.285, 2);
    fl_buf_add_byte(buf, ' ');
    fl_buf_add_double(buf, 7, 0);
    fl_buf_add_byte(buf, ' ');
    fl_buf_add_double(buf, (double)NAN, 1);
    fl_buf_add_byte(buf, ' ');
    fl_buf_add_double(buf, -HUGE_VAL, -3);
    assert_str(fl_buf_str(buf), "1.500 -0.28 7 0.0 0");
    fl_buf_reset(buf);
    fl_buf_add_double(buf, -1e308, 99);
    assert_int_equal(buf->n, 1 + 309 + 1 + 17);
}

static void hex_is_lower_case_and_padded(void **state)
{
    fl_buf *buf = *state;
    fl_buf_add_hex(buf, 0xABC, 8);
    fl_buf_add_hex(buf, 0xABC, 2);
    fl_buf_add_hex(buf, UINT64_MAX, 99);
    fl_buf_add_hex(buf, 1, 0);
    assert_str(fl_buf_str(buf), "00000abcbcffffffffffffffff");
}

static void seconds_have_no_trailing_zeros(void **state)
{
    static const struct {
        int64_t ns;
        const char *text;
    } rows[] = {
        {INT64_C(1738650304100000000), "1738650304.1"},
        {INT64_C(1738650304000000000), "1738650304"},
        {INT64_C(1738650304000000001), "1738650304.000000001"},
        {INT64_C(1478293361271000000), "1478293361.271"},
        {0, "0"},
        {1, "0.000000001"},
        {-500000000, "-0.5"},
        {INT64_C(-1000000000), "-1"},
        {INT64_MAX, "9223372036.854775807"},
        {INT64_MIN, "-9223372036.854775808"},
    };
    fl_buf *buf = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fl_buf_reset(buf);
        fl_buf_add_seconds(buf, rows[i].ns);
        assert_str(fl_buf_str(buf), rows[i].text);
    }
}

static void escaped_text_is_what_json_needs(void **state)
{
    fl_buf *buf = *state;
    fl_buf_add_escaped(buf, FL_S("a\"b\\c/\b\f\n\r\t\x01\x1F\x7F\0z"));
    assert_str(fl_buf_str(buf), "a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0001\\u001f\x7F\\u0000z");
    fl_buf_reset(buf);
    fl_buf_add_escaped(buf, FL_S("\xC3\xA9\xF0\x9F\x98\x80 \xFF\xE2\x82 \xED\xA0\x80"));
    assert_str(fl_buf_str(buf), "\xC3\xA9\xF0\x9F\x98\x80 \xEF\xBF\xBD\xEF\xBF\xBD "
                                "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    fl_buf_reset(buf);
    fl_buf_add_escaped(buf, (fl_str){0});
    assert_str(fl_buf_str(buf), "");
}

/* Eight bytes are looked at once and blocks have an end: neither may show. */
static void an_escape_at_any_place_is_found(void **state)
{
    static const struct {
        fl_str raw, escaped;
    } specials[] = {
        {{"\n", 1}, {"\\n", 2}},
        {{"\x1E", 1}, {"\\u001e", 6}},
        {{"\xE2\x82\xAC", 3}, {"\xE2\x82\xAC", 3}},
        {{"\xE2\x82", 2}, {"\xEF\xBF\xBD", 3}},
    };
    fl_buf *buf = *state;
    char text[2100];
    for (size_t kind = 0; kind < sizeof specials / sizeof specials[0]; kind++) {
        fl_str raw = specials[kind].raw;
        fl_str escaped = specials[kind].escaped;
        for (size_t at = 0; at + raw.n <= sizeof text; at += at > 20 && at < 1000 ? 51 : 1) {
            memset(text, ' ', sizeof text);
            memcpy(text + at, raw.p, raw.n);
            fl_buf_reset(buf);
            fl_buf_add_escaped(buf, (fl_str){text, sizeof text});
            assert_int_equal(buf->n, sizeof text - raw.n + escaped.n);
            assert_memory_equal(buf->p + at, escaped.p, escaped.n);
            assert_memory_equal(buf->p + at + escaped.n, text + at + raw.n,
                                sizeof text - at - raw.n);
        }
    }
}

/* Short and long ones go different ways, as do those near the buffer's maximum. */
static void quoted_text_is_the_escaped_text_in_quotes(void **state)
{
    fl_buf *buf = *state;
    char text[600];
    memset(text, 'x', sizeof text);
    for (size_t n = 0; n <= sizeof text; n += n < 40 || (n > 250 && n < 260) ? 1 : 35) {
        for (int special = 0; special < 2 && n > 0; special++) {
            text[n / 2] = special != 0 ? '"' : 'x';
            for (size_t max = n; max <= n + 6; max++) {
                fl_buf exact;
                fl_buf_init(&exact, max);
                fl_buf_add_quoted(&exact, (fl_str){text, n});
                bool has_room = max >= n + 2 + (size_t)special;
                assert_int_equal(exact.status, has_room ? FL_OK : FL_E_TOO_LARGE);
                fl_buf_fini(&exact);
            }
            fl_buf_reset(buf);
            fl_buf_add_byte(buf, '"');
            fl_buf_add_escaped(buf, (fl_str){text, n});
            fl_buf_add_byte(buf, '"');
            size_t half = buf->n;
            fl_buf_add_quoted(buf, (fl_str){text, n});
            assert_int_equal(buf->n, 2 * half);
            assert_memory_equal(buf->p, buf->p + half, half);
            text[n / 2] = 'x';
        }
    }
}

static void escaped_text_may_fill_the_buffer_to_its_maximum(void **state)
{
    (void)state;
    for (size_t max = 0; max <= 12; max++) {
        fl_buf buf;
        fl_buf_init(&buf, max);
        fl_buf_add_escaped(&buf, FL_S("ab\ncd\xE2\x82\xAC"));
        assert_int_equal(buf.status, max < 9 ? FL_E_TOO_LARGE : FL_OK);
        assert_true(buf.n <= max && (max < 9 || buf.n == 9));
        fl_buf_fini(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_buffer_is_the_empty_string, begin, end),
        cmocka_unit_test_setup_teardown(what_is_added_stands_in_order, begin, end),
        cmocka_unit_test_setup_teardown(room_is_counted_once_grown, begin, end),
        cmocka_unit_test(a_buffer_takes_exactly_its_maximum),
        cmocka_unit_test(errors_stick_until_the_reset),
        cmocka_unit_test(a_maximum_of_zero_takes_nothing),
        cmocka_unit_test_setup_teardown(decimals_of_every_length_are_right, begin, end),
        cmocka_unit_test_setup_teardown(doubles_have_fixed_decimals, begin, end),
        cmocka_unit_test_setup_teardown(hex_is_lower_case_and_padded, begin, end),
        cmocka_unit_test_setup_teardown(seconds_have_no_trailing_zeros, begin, end),
        cmocka_unit_test_setup_teardown(escaped_text_is_what_json_needs, begin, end),
        cmocka_unit_test_setup_teardown(an_escape_at_any_place_is_found, begin, end),
        cmocka_unit_test_setup_teardown(quoted_text_is_the_escaped_text_in_quotes, begin, end),
        cmocka_unit_test(escaped_text_may_fill_the_buffer_to_its_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
