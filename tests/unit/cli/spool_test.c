#include "unit/cli/cli_fixture.h"

#include "cli/spool_int.h"

typedef struct seen {
    uint64_t count, bytes;
    fl_status end_with; /* what the taker returns at record 3; FL_OK: goes on */
} seen;

/* Record i has tag i and i % 40000 bytes of the letter i % 26. */
static size_t length_of(uint64_t i)
{
    return (size_t)(i * 7919 % 40000);
}

static fl_status check(void *user, const fl_spooled *record, fl_err *err)
{
    seen *s = user;
    assert_int_equal(record->tag, s->count);
    assert_int_equal(record->bytes.n, length_of(s->count));
    for (size_t i = 0; i < record->bytes.n; i++) {
        if (record->bytes.p[i] != (char)('a' + s->count % 26)) {
            fail_msg("byte %zu of record %llu", i, (unsigned long long)s->count);
        }
    }
    s->count++;
    s->bytes += record->bytes.n;
    if (s->end_with != FL_OK && s->count == 3) {
        FL_FAIL(err, s->end_with, "enough");
    }
    return FL_OK;
}

static void fill(fl_spool *spool, uint64_t count)
{
    char bytes[40000];
    fl_err err = {0};
    for (uint64_t i = 0; i < count; i++) {
        memset(bytes, (int)('a' + i % 26), sizeof bytes);
        assert_ok(fl_spool_add(spool, i, (fl_str){bytes, length_of(i)}, &err), &err);
    }
}

static void check_all(uint64_t count, bool in_file)
{
    fl_spool spool;
    fl_err err = {0};
    seen s = {.count = 0};
    fl_spool_init(&spool);
    fill(&spool, count);
    assert_int_equal(spool.file >= 0, in_file);
    assert_true(spool.memory.n <= (size_t)9 << 20);
    assert_ok(fl_spool_each(&spool, check, &s, &err), &err);
    assert_int_equal(s.count, count);
    fl_spool_fini(&spool);
}

static void an_empty_spool_gives_nothing(void **state)
{
    (void)state;
    check_all(0, false);
}

static void records_come_back_in_order_from_memory(void **state)
{
    (void)state;
    check_all(100, false);
}

static void records_come_back_in_order_from_a_file_and_memory(void **state)
{
    (void)state;
    check_all(1000, true);
}

static void the_file_has_no_name(void **state)
{
    (void)state;
    char *folder = test_temp_dir();
    setenv("TMPDIR", folder, 1);
    fl_spool spool;
    fl_spool_init(&spool);
    fill(&spool, 1000);
    assert_true(spool.file >= 0);
    assert_int_equal(rmdir(folder), 0); /* which takes only empty ones */
    fl_spool_fini(&spool);
    fl_err err = {0};
    fl_spool_init(&spool);
    fl_status status = FL_OK;
    static char bytes[1 << 20];
    for (int i = 0; i < 20 && status == FL_OK; i++) {
        status = fl_spool_add(&spool, 1, (fl_str){bytes, sizeof bytes}, &err);
    }
    assert_int_equal(status, FL_E_IO);
    assert_non_null(strstr(err.message, "set TMPDIR to another folder"));
    fl_spool_fini(&spool);
    unsetenv("TMPDIR");
    free(folder);
}

static void what_the_taker_returns_comes_back(void **state)
{
    (void)state;
    static const uint64_t counts[] = {10, 1000};
    for (size_t i = 0; i < 2; i++) {
        fl_spool spool;
        fl_err err = {0};
        seen s = {.end_with = FL_E_UNREACHABLE};
        fl_spool_init(&spool);
        fill(&spool, counts[i]);
        assert_int_equal(fl_spool_each(&spool, check, &s, &err), FL_E_UNREACHABLE);
        assert_int_equal(s.count, 3);
        fl_spool_fini(&spool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_spool_gives_nothing),
        cmocka_unit_test(records_come_back_in_order_from_memory),
        cmocka_unit_test(records_come_back_in_order_from_a_file_and_memory),
        cmocka_unit_test(the_file_has_no_name),
        cmocka_unit_test(what_the_taker_returns_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
