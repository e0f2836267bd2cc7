#include "support/test.h"

static void what_a_buffer_wrote_is_read_back(void **state)
{
    static const uint64_t values[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    fl_buf buf;
    (void)state;
    fl_buf_init(&buf, 4096);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        fl_buf_add_varint(&buf, values[i]);
        fl_buf_add_svarint(&buf, (int64_t)values[i]);
        fl_buf_add_svarint(&buf, (int64_t)(0 - values[i]));
        fl_buf_add_le32(&buf, (uint32_t)values[i]);
        fl_buf_add_le64(&buf, values[i]);
    }
    fl_buf_add_svarint(&buf, INT64_MIN);
    fl_buf_add_bytes(&buf, FL_S("text"));
    fl_buf_add_bytes(&buf, FL_S(""));
    fl_buf_add_byte(&buf, '\xFE');
    fl_cur cur = fl_cur_of(buf.p, buf.n);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_int_equal(fl_cur_varint(&cur), values[i]);
        assert_true(fl_cur_svarint(&cur) == (int64_t)values[i]);
        assert_true(fl_cur_svarint(&cur) == (int64_t)(0 - values[i]));
        assert_int_equal(fl_cur_le32(&cur), (uint32_t)values[i]);
        assert_int_equal(fl_cur_le64(&cur), values[i]);
    }
    assert_true(fl_cur_svarint(&cur) == INT64_MIN);
    assert_str(fl_cur_bytes(&cur), "text");
    assert_str(fl_cur_bytes(&cur), "");
    assert_int_equal(fl_cur_u8(&cur), 0xFE);
    assert_int_equal(fl_cur_left(&cur), 0);
    assert_false(cur.failed);
    fl_buf_fini(&buf);
}

static void numbers_are_little_endian(void **state)
{
    fl_cur cur = fl_cur_of("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0A\x0B\x0C", 12);
    (void)state;
    assert_int_equal(fl_cur_le32(&cur), 0x04030201);
    assert_int_equal(fl_cur_le64(&cur), UINT64_C(0x0C0B0A0908070605));
}

static void after_a_read_past_the_end_everything_is_zero(void **state)
{
    fl_cur cur = fl_cur_of("\x01\x02\x03", 3);
    (void)state;
    assert_int_equal(fl_cur_le32(&cur), 0);
    assert_true(cur.failed);
    assert_int_equal(fl_cur_u8(&cur), 0);
    assert_int_equal(fl_cur_varint(&cur), 0);
    assert_null(fl_cur_take(&cur, 0).p);
    assert_int_equal(fl_cur_left(&cur), 0);
}

static void a_varint_that_is_cut_or_too_long_fails(void **state)
{
    static const fl_str bad[] = {
        {"", 0},
        {"\x80", 1},
        {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 10},
        {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x81\x00", 11},
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 11},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fl_cur cur = fl_cur_of(bad[i].p, bad[i].n);
        assert_int_equal(fl_cur_varint(&cur), 0);
        assert_true(cur.failed);
    }
}

static void a_length_beyond_the_end_fails(void **state)
{
    fl_cur cur = fl_cur_of("\x05text", 5);
    (void)state;
    assert_null(fl_cur_bytes(&cur).p);
    assert_true(cur.failed);
    cur = fl_cur_of("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01x", 11);
    assert_null(fl_cur_bytes(&cur).p);
    assert_true(cur.failed);
}

static void an_empty_cursor_reads_nothing(void **state)
{
    fl_cur cur = fl_cur_of(NULL, 0);
    (void)state;
    assert_int_equal(fl_cur_left(&cur), 0);
    assert_int_equal(fl_cur_take(&cur, 0).n, 0);
    assert_false(cur.failed);
    assert_int_equal(fl_cur_u8(&cur), 0);
    assert_true(cur.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_buffer_wrote_is_read_back),
        cmocka_unit_test(numbers_are_little_endian),
        cmocka_unit_test(after_a_read_past_the_end_everything_is_zero),
        cmocka_unit_test(a_varint_that_is_cut_or_too_long_fails),
        cmocka_unit_test(a_length_beyond_the_end_fails),
        cmocka_unit_test(an_empty_cursor_reads_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
