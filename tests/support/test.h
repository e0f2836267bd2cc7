/*
 * What every test program starts with: cmocka with its required headers, and a few assertions on
 * our own types. Test names say the rule: annotation_key_over_500_bytes_is_refused.
 */
#ifndef FL_TESTS_SUPPORT_TEST_H
#define FL_TESTS_SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"

/* Under ThreadSanitizer everything takes ten times as long: loops over many cases do fewer there.
 */
#if defined(__SANITIZE_THREAD__)
#define TEST_IS_SLOW 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TEST_IS_SLOW 1
#endif
#endif
#ifndef TEST_IS_SLOW
#define TEST_IS_SLOW 0
#endif

/* Fails with both texts unless they are equal. */
#define assert_str(actual, expected) test_assert_str((actual), (expected), __FILE__, __LINE__)
void test_assert_str(fl_str actual, const char *expected, const char *file, int line);

/* Fails with the message of err unless status is FL_OK. */
#define assert_ok(status, err) test_assert_ok((status), (err), __FILE__, __LINE__)
void test_assert_ok(fl_status status, const fl_err *err, const char *file, int line);

/* Content of tests/<path>; fails the test if it cannot be read. Free it with free(). */
char *test_read_file(const char *path, size_t *n);

/* A fresh folder below TMPDIR, and its removal with all that is in it. */
char *test_temp_dir(void);
void test_remove_dir(char *path);

/* Repeatable random numbers for property tests. The seed is FLUORO_TEST_SEED or from the time; it
 * is printed once, so that a failure can be repeated. */
typedef struct test_random {
    uint64_t state;
} test_random;
test_random test_random_begin(void);
uint64_t test_random_next(test_random *random);
uint64_t test_random_below(test_random *random, uint64_t bound);

/* Compares with golden file tests/golden/<path>, or rewrites it when FLUORO_GOLDEN=update is set.
 */
void test_golden(const char *path, fl_str actual);

#endif
