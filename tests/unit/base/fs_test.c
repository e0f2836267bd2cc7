#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/test.h"

typedef struct fixture {
    fl_fs *fs;
    char *root;
    char path[PATH_MAX];
    fl_arena arena;
    fl_err err;
} fixture;

static int begin(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return -1;
    }
    f->fs = fl_fs_system();
    f->root = test_temp_dir();
    fl_arena_init(&f->arena, 1 << 20);
    *state = f;
    return 0;
}

static int end(void **state)
{
    fixture *f = *state;
    fl_arena_fini(&f->arena);
    test_remove_dir(f->root);
    free(f);
    return 0;
}

/* A path below the test's folder; valid until the next call. */
static const char *at(fixture *f, const char *name)
{
    int n = snprintf(f->path, sizeof f->path, "%s/%s", f->root, name);
    assert_in_range(n, 1, PATH_MAX - 1);
    return f->path;
}

static void assert_message_has(const fixture *f, const char *text)
{
    if (strstr(f->err.message, text) == NULL) {
        fail_msg("%s: lacks %s", f->err.message, text);
    }
}

static void a_file_is_written_at_offsets_and_read_back(void **state)
{
    fixture *f = *state;
    fl_file file;
    char read[32];
    size_t got;
    uint64_t size;
    assert_ok(f->fs->open(f->fs, at(f, "log"), FL_OPEN_APPEND, &file, &f->err), &f->err);
    assert_ok(f->fs->write_at(f->fs, file, "world", 5, 6, &f->err), &f->err);
    assert_ok(f->fs->write_at(f->fs, file, "hello ", 6, 0, &f->err), &f->err);
    assert_ok(f->fs->write_at(f->fs, file, NULL, 0, 0, &f->err), &f->err);
    assert_ok(f->fs->sync(f->fs, file, &f->err), &f->err);
    assert_ok(f->fs->size(f->fs, file, &size, &f->err), &f->err);
    assert_int_equal(size, 11);
    f->fs->close(f->fs, file);

    assert_ok(f->fs->open(f->fs, at(f, "log"), FL_OPEN_READ, &file, &f->err), &f->err);
    assert_ok(f->fs->read_at(f->fs, file, read, sizeof read, 3, &got, &f->err), &f->err);
    assert_str(((fl_str){read, got}), "lo world");
    assert_ok(f->fs->read_at(f->fs, file, read, sizeof read, 11, &got, &f->err), &f->err);
    assert_int_equal(got, 0);
    f->fs->close(f->fs, file);
}

static void a_file_is_cut_and_grown_by_truncate(void **state)
{
    fixture *f = *state;
    fl_file file;
    fl_str content;
    assert_ok(fl_fs_write_all(f->fs, at(f, "a"), FL_S("abcdef"), &f->err), &f->err);
    assert_ok(f->fs->open(f->fs, at(f, "a"), FL_OPEN_APPEND, &file, &f->err), &f->err);
    assert_ok(f->fs->truncate(f->fs, file, 2, &f->err), &f->err);
    assert_ok(f->fs->truncate(f->fs, file, 4, &f->err), &f->err);
    f->fs->close(f->fs, file);
    assert_ok(fl_fs_read_all(f->fs, at(f, "a"), 100, &f->arena, &content, &f->err), &f->err);
    assert_int_equal(content.n, 4);
    assert_memory_equal(content.p, "ab\0", 4);
}

static void a_missing_file_is_not_found_and_named(void **state)
{
    fixture *f = *state;
    fl_file file;
    assert_int_equal(f->fs->open(f->fs, at(f, "none"), FL_OPEN_READ, &file, &f->err),
                     FL_E_NOT_FOUND);
    assert_message_has(f, "/none: No such file");
    assert_int_equal(f->fs->remove(f->fs, at(f, "none"), &f->err), FL_E_NOT_FOUND);
    assert_int_equal(f->fs->rename(f->fs, at(f, "none"), f->root, &f->err), FL_E_NOT_FOUND);
    assert_int_equal(f->fs->remove(f->fs, at(f, "none"), NULL), FL_E_NOT_FOUND);
}

static void create_refuses_a_file_that_exists(void **state)
{
    fixture *f = *state;
    fl_file file;
    assert_ok(f->fs->open(f->fs, at(f, "new"), FL_OPEN_CREATE, &file, &f->err), &f->err);
    f->fs->close(f->fs, file);
    assert_int_equal(f->fs->open(f->fs, at(f, "new"), FL_OPEN_CREATE, &file, &f->err), FL_E_IO);
    assert_message_has(f, "/new: File exists");
}

static void only_the_owner_may_read_what_is_written(void **state)
{
    fixture *f = *state;
    struct stat found;
    assert_ok(fl_fs_write_all(f->fs, at(f, "secret"), FL_S("x"), &f->err), &f->err);
    assert_int_equal(stat(at(f, "secret"), &found), 0);
    assert_int_equal(found.st_mode & 0077, 0);
}

static void open_files_are_not_inherited(void **state)
{
    fixture *f = *state;
    fl_file file;
    fl_file lock;
    assert_ok(f->fs->open(f->fs, at(f, "a"), FL_OPEN_APPEND, &file, &f->err), &f->err);
    assert_ok(f->fs->lock(f->fs, at(f, "lock"), &lock, &f->err), &f->err);
    assert_int_equal(fcntl(file, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(lock, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    f->fs->close(f->fs, file);
    f->fs->close(f->fs, lock);
}

static void errors_of_an_open_file_name_its_path(void **state)
{
    fixture *f = *state;
    fl_file file;
    assert_ok(fl_fs_write_all(f->fs, at(f, "plain"), FL_S("x"), &f->err), &f->err);
    assert_ok(f->fs->open(f->fs, at(f, "plain"), FL_OPEN_READ, &file, &f->err), &f->err);
    assert_int_equal(f->fs->write_at(f->fs, file, "y", 1, 0, &f->err), FL_E_IO);
    assert_message_has(f, "/plain: Bad file descriptor");
    assert_int_equal(f->fs->truncate(f->fs, file, 0, &f->err), FL_E_IO);
    f->fs->close(f->fs, file);
    assert_int_equal(f->fs->sync(f->fs, -1, &f->err), FL_E_IO);
}

static void folders_are_made_with_parents_and_may_exist(void **state)
{
    fixture *f = *state;
    assert_ok(f->fs->make_dir(f->fs, at(f, "a/b/c"), &f->err), &f->err);
    assert_ok(f->fs->make_dir(f->fs, at(f, "a/b/c/"), &f->err), &f->err);
    assert_ok(f->fs->sync_dir(f->fs, at(f, "a/b"), &f->err), &f->err);
    assert_ok(fl_fs_write_all(f->fs, at(f, "a/file"), FL_S(""), &f->err), &f->err);
    assert_int_equal(f->fs->make_dir(f->fs, at(f, "a/file"), &f->err), FL_E_IO);
    assert_int_equal(f->fs->make_dir(f->fs, at(f, "a/file/x"), &f->err), FL_E_IO);
    assert_int_equal(f->fs->sync_dir(f->fs, at(f, "nowhere"), &f->err), FL_E_NOT_FOUND);
}

static void names_are_listed_in_order(void **state)
{
    fixture *f = *state;
    fl_str *names;
    size_t count;
    char name[16];
    assert_ok(f->fs->list(f->fs, f->root, &f->arena, &names, &count, &f->err), &f->err);
    assert_int_equal(count, 0);
    for (int i = 99; i >= 0; i--) {
        (void)snprintf(name, sizeof name, "f%02d", i);
        assert_ok(fl_fs_write_all(f->fs, at(f, name), FL_S(""), &f->err), &f->err);
    }
    assert_ok(f->fs->list(f->fs, f->root, &f->arena, &names, &count, &f->err), &f->err);
    assert_int_equal(count, 100);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof name, "f%02d", i);
        assert_str(names[i], name);
    }
    assert_int_equal(f->fs->list(f->fs, at(f, "no"), &f->arena, &names, &count, &f->err),
                     FL_E_NOT_FOUND);
}

static void a_list_without_memory_fails(void **state)
{
    fixture *f = *state;
    fl_str *names;
    size_t count;
    assert_ok(fl_fs_write_all(f->fs, at(f, "a"), FL_S(""), &f->err), &f->err);
    for (uint64_t n = 1; n <= 2; n++) {
        f->arena.fail_at = n;
        assert_int_equal(f->fs->list(f->fs, f->root, &f->arena, &names, &count, &f->err),
                         FL_E_NOMEM);
    }
}

static void a_lock_is_held_until_it_is_closed(void **state)
{
    fixture *f = *state;
    fl_file first;
    fl_file second;
    assert_ok(f->fs->lock(f->fs, at(f, "lock"), &first, &f->err), &f->err);
    assert_int_equal(f->fs->lock(f->fs, at(f, "lock"), &second, &f->err), FL_E_BUSY);
    assert_message_has(f, "/lock");
    f->fs->close(f->fs, first);
    assert_ok(f->fs->lock(f->fs, at(f, "lock"), &second, &f->err), &f->err);
    f->fs->close(f->fs, second);
}

static void free_space_is_told(void **state)
{
    fixture *f = *state;
    uint64_t bytes = 0;
    assert_ok(f->fs->free_bytes(f->fs, f->root, &bytes, &f->err), &f->err);
    assert_true(bytes > 0);
    assert_int_equal(f->fs->free_bytes(f->fs, at(f, "no"), &bytes, &f->err), FL_E_NOT_FOUND);
}

static void a_whole_file_is_read_up_to_the_maximum(void **state)
{
    fixture *f = *state;
    fl_str content;
    assert_ok(fl_fs_write_all(f->fs, at(f, "a"), FL_S("12345"), &f->err), &f->err);
    assert_ok(fl_fs_read_all(f->fs, at(f, "a"), 5, &f->arena, &content, &f->err), &f->err);
    assert_str(content, "12345");
    assert_int_equal(fl_fs_read_all(f->fs, at(f, "a"), 4, &f->arena, &content, &f->err),
                     FL_E_TOO_LARGE);
    f->arena.fail_at = 1;
    assert_int_equal(fl_fs_read_all(f->fs, at(f, "a"), 5, &f->arena, &content, &f->err),
                     FL_E_NOMEM);
    assert_int_equal(fl_fs_read_all(f->fs, f->root, SIZE_MAX / 2, &f->arena, &content, &f->err),
                     FL_E_IO);
}

static void write_all_replaces_and_leaves_no_temporary_file(void **state)
{
    fixture *f = *state;
    fl_str content;
    fl_str *names;
    size_t count;
    assert_ok(fl_fs_write_all(f->fs, at(f, "a.tmp"), FL_S("left by a crash"), &f->err), &f->err);
    assert_ok(fl_fs_write_all(f->fs, at(f, "a"), FL_S("old and long"), &f->err), &f->err);
    assert_ok(fl_fs_write_all(f->fs, at(f, "a"), FL_S("new"), &f->err), &f->err);
    assert_ok(fl_fs_read_all(f->fs, at(f, "a"), 100, &f->arena, &content, &f->err), &f->err);
    assert_str(content, "new");
    assert_ok(f->fs->list(f->fs, f->root, &f->arena, &names, &count, &f->err), &f->err);
    assert_int_equal(count, 1);
}

/* The real file system but for one call that fails. */
typedef struct failing_fs {
    fl_fs fs;
    int calls, fail_at;
} failing_fs;

static bool fails(fl_fs *fs)
{
    failing_fs *failing = (failing_fs *)(void *)fs;
    return ++failing->calls == failing->fail_at;
}

static fl_status failing_write(fl_fs *fs, fl_file file, const void *from, size_t n, uint64_t offset,
                               fl_err *err)
{
    fl_fs *real = fl_fs_system();
    return fails(fs) ? FL_E_IO : real->write_at(real, file, from, n, offset, err);
}

static fl_status failing_sync(fl_fs *fs, fl_file file, fl_err *err)
{
    fl_fs *real = fl_fs_system();
    return fails(fs) ? FL_E_IO : real->sync(real, file, err);
}

static fl_status failing_rename(fl_fs *fs, const char *from, const char *to, fl_err *err)
{
    fl_fs *real = fl_fs_system();
    return fails(fs) ? FL_E_IO : real->rename(real, from, to, err);
}

static void a_failed_write_all_leaves_the_old_content(void **state)
{
    fixture *f = *state;
    fl_str content;
    fl_str *names;
    size_t count;
    failing_fs failing = {.fs = *f->fs};
    failing.fs.write_at = failing_write;
    failing.fs.sync = failing_sync;
    failing.fs.rename = failing_rename;
    assert_ok(fl_fs_write_all(f->fs, at(f, "a"), FL_S("old"), &f->err), &f->err);
    for (failing.fail_at = 1; failing.fail_at <= 3; failing.fail_at++) {
        failing.calls = 0;
        assert_int_equal(fl_fs_write_all(&failing.fs, at(f, "a"), FL_S("new"), &f->err), FL_E_IO);
        assert_ok(fl_fs_read_all(f->fs, at(f, "a"), 100, &f->arena, &content, &f->err), &f->err);
        assert_str(content, "old");
        assert_ok(f->fs->list(f->fs, f->root, &f->arena, &names, &count, &f->err), &f->err);
        assert_int_equal(count, 1);
    }
    failing.calls = 0;
    assert_ok(fl_fs_write_all(&failing.fs, at(f, "a"), FL_S("new"), &f->err), &f->err);
    assert_int_equal(failing.calls, 3);
}

static void a_path_without_a_slash_is_below_the_working_folder(void **state)
{
    fixture *f = *state;
    fl_str content;
    char before[PATH_MAX];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(f->root), 0);
    assert_ok(fl_fs_write_all(f->fs, "here", FL_S("x"), &f->err), &f->err);
    assert_int_equal(chdir(before), 0);
    assert_ok(fl_fs_read_all(f->fs, at(f, "here"), 1, &f->arena, &content, &f->err), &f->err);
    assert_str(content, "x");
}

static void a_path_that_is_too_long_is_an_error(void **state)
{
    fixture *f = *state;
    static char path[PATH_MAX + 10];
    fl_file file;
    memset(path, 'x', sizeof path - 1);
    path[0] = '/';
    assert_int_equal(fl_fs_write_all(f->fs, path, FL_S(""), &f->err), FL_E_IO);
    assert_int_equal(f->fs->make_dir(f->fs, path, &f->err), FL_E_IO);
    assert_int_equal(f->fs->open(f->fs, path, FL_OPEN_READ, &file, &f->err), FL_E_IO);
}

#define FS_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FS_TEST(a_file_is_written_at_offsets_and_read_back),
        FS_TEST(a_file_is_cut_and_grown_by_truncate),
        FS_TEST(a_missing_file_is_not_found_and_named),
        FS_TEST(create_refuses_a_file_that_exists),
        FS_TEST(only_the_owner_may_read_what_is_written),
        FS_TEST(open_files_are_not_inherited),
        FS_TEST(errors_of_an_open_file_name_its_path),
        FS_TEST(folders_are_made_with_parents_and_may_exist),
        FS_TEST(names_are_listed_in_order),
        FS_TEST(a_list_without_memory_fails),
        FS_TEST(a_lock_is_held_until_it_is_closed),
        FS_TEST(free_space_is_told),
        FS_TEST(a_whole_file_is_read_up_to_the_maximum),
        FS_TEST(write_all_replaces_and_leaves_no_temporary_file),
        FS_TEST(a_failed_write_all_leaves_the_old_content),
        FS_TEST(a_path_without_a_slash_is_below_the_working_folder),
        FS_TEST(a_path_that_is_too_long_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
