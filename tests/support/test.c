#include "support/test.h"

#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define GOLDEN_MAX_BYTES ((size_t)64 << 20)

void test_assert_str(fl_str actual, const char *expected, const char *file, int line)
{
    if (actual.p == NULL || !fl_str_eq(actual, fl_str_of(expected))) {
        print_error("expected: %s\nactual:   %.*s\n", expected,
                    actual.p != NULL ? (int)actual.n : 8, actual.p != NULL ? actual.p : "(absent)");
        _fail(file, line);
    }
}

void test_assert_ok(fl_status status, const fl_err *err, const char *file, int line)
{
    if (status != FL_OK) {
        print_error("failed: %s\n", fl_err_text(err, status));
        _fail(file, line);
    }
}

static char *tests_path(const char *folder, const char *path)
{
    char *full = NULL;
    if (asprintf(&full, "%s%s/%s", FLUORO_TESTS_DIR, folder, path) < 0) {
        fail_msg("no memory");
    }
    return full;
}

/* NULL if the file cannot be read. */
static char *read_whole(const char *path, size_t *n)
{
    fl_arena arena;
    fl_str content;
    char *copy = NULL;
    fl_arena_init(&arena, GOLDEN_MAX_BYTES * 2);
    fl_status status =
        fl_fs_read_all(fl_fs_system(), path, GOLDEN_MAX_BYTES, &arena, &content, NULL);
    if (status == FL_OK && (copy = malloc(content.n + 1)) != NULL) {
        memcpy(copy, content.p, content.n);
        copy[content.n] = '\0';
        *n = content.n;
    }
    fl_arena_fini(&arena);
    return copy;
}

char *test_read_file(const char *path, size_t *n)
{
    char *full = tests_path("", path);
    char *content = read_whole(full, n);
    if (content == NULL) {
        fail_msg("cannot read %s", full);
    }
    free(full);
    return content;
}

char *test_temp_dir(void)
{
    const char *root = getenv("TMPDIR");
    char *path = NULL;
    if (asprintf(&path, "%s/fluoro-test-XXXXXX", root != NULL ? root : "/tmp") < 0 ||
        mkdtemp(path) == NULL) {
        fail_msg("cannot make a temporary folder");
    }
    return path;
}

static int remove_entry(const char *path, const struct stat *found, int kind, struct FTW *at)
{
    (void)found;
    (void)kind;
    (void)at;
    return remove(path);
}

void test_remove_dir(char *path)
{
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0) {
        fail_msg("cannot remove %s", path);
    }
    free(path);
}

test_random test_random_begin(void)
{
    const char *given = getenv("FLUORO_TEST_SEED");
    uint64_t seed = (uint64_t)fl_clock_wall(fl_clock_system());
    if (given != NULL && !fl_str_to_u64(fl_str_of(given), &seed)) {
        fail_msg("FLUORO_TEST_SEED is no number: %s", given);
    }
    print_message("FLUORO_TEST_SEED=%" PRIu64 "\n", seed);
    return (test_random){seed};
}

/* SplitMix64: every seed is as good as another. */
uint64_t test_random_next(test_random *random)
{
    random->state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t mixed = random->state;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ (mixed >> 31);
}

uint64_t test_random_below(test_random *random, uint64_t bound)
{
    return bound != 0 ? test_random_next(random) % bound : 0;
}

static void write_golden(const char *full, fl_str actual)
{
    char *folder = strdup(full);
    char *slash = folder != NULL ? strrchr(folder, '/') : NULL;
    fl_err err = {0};
    if (slash == NULL) {
        fail_msg("no memory");
    } else {
        *slash = '\0';
        assert_ok(fl_fs_system()->make_dir(fl_fs_system(), folder, &err), &err);
        assert_ok(fl_fs_write_all(fl_fs_system(), full, actual, &err), &err);
    }
    free(folder);
}

void test_golden(const char *path, fl_str actual)
{
    const char *wish = getenv("FLUORO_GOLDEN");
    char *full = tests_path("/golden", path);
    size_t n = 0;
    if (wish != NULL && strcmp(wish, "update") == 0) {
        write_golden(full, actual);
        free(full);
        return;
    }
    char *expected = read_whole(full, &n);
    if (expected == NULL) {
        fail_msg("cannot read %s (FLUORO_GOLDEN=update writes it)", full);
    }
    if (!fl_str_eq(actual, (fl_str){expected, n})) {
        print_error("%s differs (FLUORO_GOLDEN=update rewrites it)\nactual:\n%.*s\n", full,
                    FL_P(actual));
        fail();
    }
    free(expected);
    free(full);
}
