/* Texts that the commands of `fluoro store` share, and their refusals. */
#include "unit/cli/cli_fixture.h"

#include "cli/cli.h"
#include "cli/store_int.h"

static void expect_bytes(uint64_t bytes, const char *text)
{
    fl_buf out;
    fl_buf_init(&out, 64);
    fl_bytes_text(bytes, &out);
    assert_str(fl_buf_str(&out), text);
    fl_buf_fini(&out);
}

static void sizes_have_three_digits(void **state)
{
    (void)state;
    expect_bytes(0, "0 bytes");
    expect_bytes(1, "1 byte");
    expect_bytes(999, "999 bytes");
    expect_bytes(1000, "1.00 kB");
    expect_bytes(9994, "9.99 kB");
    expect_bytes(9995, "10.0 kB");
    expect_bytes(99949, "99.9 kB");
    expect_bytes(99950, "100 kB");
    expect_bytes(999499, "999 kB");
    expect_bytes(999500, "1.00 MB");
    expect_bytes(28400123, "28.4 MB");
    expect_bytes(UINT64_C(50000000000), "50.0 GB");
    expect_bytes(UINT64_MAX, "18.4 EB");
}

static const fl_data_part part = {
    .name = {"20250122-0000000000000001-00000000000000ff-2.part", 49},
    .path = "/d/parts/20250122-0000000000000001-00000000000000ff-2.part",
    .day_ns = INT64_C(20110) * 86400 * FL_NS_PER_S,
    .low = 1,
    .high = 255,
    .level = 2,
};

static void a_part_is_meant_by_its_short_name_its_file_and_its_path(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        bool is_meant;
    } rows[] = {
        {"20250122-1-ff-2", true},
        {"20250122-0000000000000001-00000000000000ff-2.part", true},
        {"/elsewhere/20250122-0000000000000001-00000000000000ff-2.part", true},
        {"20250122-1-ff-1", false},
        {"20250122-1-ff", false},
        {"", false},
        {"/", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (fl_part_is_meant(&part, rows[i].word) != rows[i].is_meant) {
            fail_msg("`%s` is wrongly judged", rows[i].word);
        }
    }
}

static void expect_text(const char *text, const char *shown)
{
    fl_buf out;
    fl_buf_init(&out, 400);
    fl_text_without_path(text, "/d/x.part", &out);
    assert_str(fl_buf_str(&out), shown);
    fl_buf_fini(&out);
}

static void messages_do_not_repeat_the_path(void **state)
{
    (void)state;
    expect_text("/d/x.part: row 3 is odd", "row 3 is odd");
    expect_text("/d/x.part is no part file", "is no part file");
    expect_text("block 0 of /d/x.part is damaged: a chunk", "block 0 is damaged: a chunk");
    expect_text("block 0 of /d/y.part is damaged", "block 0 of /d/y.part is damaged");
    expect_text("/d/x.part", "");
    expect_text("cannot read /d/x.part: ENOSPC", "cannot read : ENOSPC");
}

static int run(char *first, char *second, char *third)
{
    char name[] = "fluoro", store[] = "store";
    char *argv[] = {name, store, first, second, third, NULL};
    return fl_cli_main(2 + (first != NULL) + (second != NULL) + (third != NULL), argv);
}

static void what_is_no_data_directory_is_not_found(void **state)
{
    (void)state;
    char dir[] = "/tmp/fluoro-store-XXXXXX";
    assert_non_null(mkdtemp(dir));
    char inspect[] = "inspect", verify[] = "verify", dump[] = "dump", data[] = "--data";
    assert_int_equal(run(inspect, data, dir), 3);
    assert_int_equal(run(verify, data, dir), 3);
    assert_int_equal(run(dump, data, dir), 3);
    assert_int_equal(rmdir(dir), 0);
}

static void an_unknown_command_is_invalid(void **state)
{
    (void)state;
    char wrong[] = "inspec", none[] = "xyz";
    assert_int_equal(run(wrong, NULL, NULL), 2);
    assert_int_equal(run(none, NULL, NULL), 2);
    assert_int_equal(run(NULL, NULL, NULL), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_have_three_digits),
        cmocka_unit_test(a_part_is_meant_by_its_short_name_its_file_and_its_path),
        cmocka_unit_test(messages_do_not_repeat_the_path),
        cmocka_unit_test(what_is_no_data_directory_is_not_found),
        cmocka_unit_test(an_unknown_command_is_invalid),
    };
    return cmocka_run_group_tests(tests, fixture_setup, NULL);
}
