#include "codec/codec.h"
#include "support/test.h"

/* Hex of the digest of up to three parts, NULL for no more. */
static void assert_sha256(const char *a, const char *b, const char *c, const char *expected)
{
    const char *texts[] = {a, b, c};
    fl_str parts[3];
    size_t count = 0;
    while (count < 3 && texts[count] != NULL) {
        parts[count] = fl_str_of(texts[count]);
        count++;
    }
    unsigned char digest[FL_SHA256_BYTES];
    fl_sha256_lines(parts, count, digest);
    fl_buf hex;
    fl_buf_init(&hex, 128);
    for (size_t i = 0; i < sizeof(digest); i++) {
        fl_buf_add_hex(&hex, digest[i], 2);
    }
    assert_str(fl_buf_str(&hex), expected);
    fl_buf_fini(&hex);
}

static void sha256_of_one_part_is_of_its_bytes(void **state)
{
    (void)state;
    assert_sha256("abc", NULL, NULL,
                  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_sha256("", NULL, NULL,
                  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_sha256(NULL, NULL, NULL,
                  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void sha256_of_parts_is_of_the_lines(void **state)
{
    (void)state;
    /* printf 'a\nb\nc' | sha256sum, and printf 'a\n' | sha256sum */
    assert_sha256("a", "b", "c",
                  "ea7fb08b7a2dc4619ffb7c7bb38d95a2047935fa165d71b12efd3852a2e6d0cc");
    assert_sha256("a", "", NULL,
                  "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7");
}

static void crc32_has_its_check_value_and_goes_on(void **state)
{
    (void)state;
    assert_int_equal(fl_crc32(0, FL_S("123456789")), 0xCBF43926);
    assert_int_equal(fl_crc32(fl_crc32(0, FL_S("1234")), FL_S("56789")), 0xCBF43926);
    assert_int_equal(fl_crc32(0, FL_S("")), 0);
    assert_int_equal(fl_crc32(0x1234, (fl_str){0}), 0x1234);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_of_one_part_is_of_its_bytes),
        cmocka_unit_test(sha256_of_parts_is_of_the_lines),
        cmocka_unit_test(crc32_has_its_check_value_and_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
