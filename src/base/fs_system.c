#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fs.h"

/* Traces tell of their users: only the owner reads what is written here. */
#define FILE_MODE   0600
#define FOLDER_MODE 0700

static fl_status fail_path(fl_err *err, int error, const char *what, const char *path)
{
    char text[80];
    fl_status status = error == ENOENT ? FL_E_NOT_FOUND : FL_E_IO;
    FL_FAIL(err, status, "cannot %s %s: %s", what, path, strerror_r(error, text, sizeof text));
}

static fl_status fail_file(fl_err *err, int error, const char *what, fl_file file)
{
    char link[32];
    char path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    /* The name of an open file may be gone; that is no FL_E_NOT_FOUND. */
    return fail_path(err, error == ENOENT ? EIO : error, what, n > 0 ? path : link);
}

static fl_status system_open(fl_fs *fs, const char *path, fl_open_mode mode, fl_file *out,
                             fl_err *err)
{
    /* No O_APPEND: with it Linux writes at the end whatever offset pwrite names. */
    static const int flags[] = {
        [FL_OPEN_READ] = O_RDONLY,
        [FL_OPEN_APPEND] = O_RDWR | O_CREAT,
        [FL_OPEN_CREATE] = O_RDWR | O_CREAT | O_EXCL,
    };
    (void)fs;
    int file = open(path, flags[mode] | O_CLOEXEC, FILE_MODE);
    if (file < 0) {
        return fail_path(err, errno, "open", path);
    }
    *out = file;
    return FL_OK;
}

static fl_status system_read_at(fl_fs *fs, fl_file file, void *to, size_t n, uint64_t offset,
                                size_t *got, fl_err *err)
{
    char *next = to;
    size_t done = 0;
    (void)fs;
    while (done < n) {
        ssize_t step = pread(file, next + done, n - done, (off_t)(offset + done));
        if (step == 0) {
            break;
        }
        if (step < 0 && errno != EINTR) {
            return fail_file(err, errno, "read", file);
        }
        done += step > 0 ? (size_t)step : 0;
    }
    *got = done;
    return FL_OK;
}

static fl_status system_write_at(fl_fs *fs, fl_file file, const void *from, size_t n,
                                 uint64_t offset, fl_err *err)
{
    const char *next = from;
    size_t done = 0;
    (void)fs;
    while (done < n) {
        ssize_t step = pwrite(file, next + done, n - done, (off_t)(offset + done));
        if (step < 0 && errno != EINTR) {
            return fail_file(err, errno, "write", file);
        }
        done += step > 0 ? (size_t)step : 0;
    }
    return FL_OK;
}

static fl_status system_sync(fl_fs *fs, fl_file file, fl_err *err)
{
    (void)fs;
    return fdatasync(file) == 0 ? FL_OK : fail_file(err, errno, "sync", file);
}

static fl_status system_truncate(fl_fs *fs, fl_file file, uint64_t size, fl_err *err)
{
    (void)fs;
    return ftruncate(file, (off_t)size) == 0 ? FL_OK : fail_file(err, errno, "truncate", file);
}

static fl_status system_size(fl_fs *fs, fl_file file, uint64_t *out, fl_err *err)
{
    struct stat found;
    (void)fs;
    if (fstat(file, &found) != 0) {
        return fail_file(err, errno, "get the size of", file);
    }
    *out = (uint64_t)found.st_size;
    return FL_OK;
}

static void system_close(fl_fs *fs, fl_file file)
{
    (void)fs;
    close(file);
}

static fl_status system_remove(fl_fs *fs, const char *path, fl_err *err)
{
    (void)fs;
    return remove(path) == 0 ? FL_OK : fail_path(err, errno, "remove", path);
}

static fl_status system_rename(fl_fs *fs, const char *from, const char *to, fl_err *err)
{
    (void)fs;
    return rename(from, to) == 0 ? FL_OK : fail_path(err, errno, "rename", from);
}

static bool is_folder(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

static fl_status system_make_dir(fl_fs *fs, const char *path, fl_err *err)
{
    char prefix[PATH_MAX];
    size_t n = strlen(path);
    (void)fs;
    if (n >= sizeof prefix) {
        return fail_path(err, ENAMETOOLONG, "make folder", path);
    }
    memcpy(prefix, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0') {
            continue;
        }
        prefix[i] = '\0';
        if (mkdir(prefix, FOLDER_MODE) != 0 && !is_folder(prefix)) {
            return fail_path(err, errno, "make folder", prefix);
        }
        prefix[i] = path[i];
    }
    return FL_OK;
}

static fl_status system_sync_dir(fl_fs *fs, const char *path, fl_err *err)
{
    (void)fs;
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return fail_path(err, errno, "open", path);
    }
    int error = fsync(folder) == 0 ? 0 : errno;
    close(folder);
    return error == 0 ? FL_OK : fail_path(err, error, "sync", path);
}

static int compare_names(const void *a, const void *b)
{
    const fl_str *left = a;
    const fl_str *right = b;
    return fl_str_cmp(*left, *right);
}

typedef struct name_list {
    fl_str *names;
    size_t count, capacity;
} name_list;

static fl_status add_name(name_list *list, fl_arena *arena, const char *name, fl_err *err)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity != 0 ? list->capacity * 2 : 32;
        fl_str *names = FL_ARENA_ARRAY(arena, fl_str, capacity);
        if (names == NULL) {
            FL_FAIL(err, FL_E_NOMEM, "no memory for %zu file names", capacity);
        }
        if (list->count != 0) {
            memcpy(names, list->names, list->count * sizeof(fl_str));
        }
        list->names = names;
        list->capacity = capacity;
    }
    fl_str copy = fl_str_dup(arena, fl_str_of(name));
    if (copy.p == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a file name");
    }
    list->names[list->count++] = copy;
    return FL_OK;
}

static fl_status read_names(DIR *folder, const char *path, fl_arena *arena, name_list *list,
                            fl_err *err)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (entry == NULL) {
            return errno == 0 ? FL_OK : fail_path(err, errno, "list", path);
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            FL_TRY(add_name(list, arena, entry->d_name, err));
        }
    }
}

static fl_status system_list(fl_fs *fs, const char *path, fl_arena *arena, fl_str **names,
                             size_t *count, fl_err *err)
{
    name_list list = {0};
    (void)fs;
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return fail_path(err, errno, "list", path);
    }
    fl_status status = read_names(folder, path, arena, &list, err);
    closedir(folder);
    FL_TRY(status);
    if (list.count != 0) {
        qsort(list.names, list.count, sizeof(fl_str), compare_names);
    }
    *names = list.names;
    *count = list.count;
    return FL_OK;
}

static fl_status system_lock(fl_fs *fs, const char *path, fl_file *out, fl_err *err)
{
    (void)fs;
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (file < 0) {
        return fail_path(err, errno, "open", path);
    }
    if (flock(file, LOCK_EX | LOCK_NB) != 0) {
        int error = errno;
        close(file);
        if (error == EWOULDBLOCK) {
            FL_FAIL(err, FL_E_BUSY, "%s is locked by another process", path);
        }
        return fail_path(err, error, "lock", path);
    }
    *out = file;
    return FL_OK;
}

static fl_status system_free_bytes(fl_fs *fs, const char *path, uint64_t *out, fl_err *err)
{
    struct statvfs found;
    (void)fs;
    if (statvfs(path, &found) != 0) {
        return fail_path(err, errno, "get the free space of", path);
    }
    *out = (uint64_t)found.f_bavail * found.f_frsize;
    return FL_OK;
}

fl_fs *fl_fs_system(void)
{
    static fl_fs fs = {
        .open = system_open,
        .read_at = system_read_at,
        .write_at = system_write_at,
        .sync = system_sync,
        .truncate = system_truncate,
        .size = system_size,
        .close = system_close,
        .remove = system_remove,
        .rename = system_rename,
        .make_dir = system_make_dir,
        .sync_dir = system_sync_dir,
        .list = system_list,
        .lock = system_lock,
        .free_bytes = system_free_bytes,
    };
    return &fs;
}
