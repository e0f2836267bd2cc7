#include "codec/codec.h"
#include "support/test.h"

static void digits_of_either_case_are_read(void **state)
{
    uint64_t value = 0;
    (void)state;
    assert_true(fl_hex_read("0123456789abcdef", 16, &value));
    assert_int_equal(value, UINT64_C(0x0123456789abcdef));
    assert_true(fl_hex_read("fedcbaFEDCBA9876", 16, &value));
    assert_int_equal(value, UINT64_C(0xfedcbafedcba9876));
}

static void only_as_many_digits_as_asked_are_looked_at(void **state)
{
    uint64_t value = 1;
    (void)state;
    assert_true(fl_hex_read("12-", 2, &value));
    assert_int_equal(value, 0x12);
    assert_true(fl_hex_read("-", 0, &value));
    assert_int_equal(value, 0);
}

static void every_other_character_is_refused_and_nothing_written(void **state)
{
    uint64_t value = 7;
    (void)state;
    for (int c = 0; c < 256; c++) {
        char text[3] = {'1', (char)c, '2'};
        bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        value = 7;
        assert_int_equal(fl_hex_read(text, 3, &value), digit);
        assert_true(digit || value == 7);
    }
    assert_false(fl_hex_read("00000000000000000", 17, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_of_either_case_are_read),
        cmocka_unit_test(only_as_many_digits_as_asked_are_looked_at),
        cmocka_unit_test(every_other_character_is_refused_and_nothing_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
