#include "base/fs.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

/* What both helpers below do with an open file, between open and close. */
static fl_status read_open(fl_fs *fs, fl_file file, const char *path, size_t max, fl_arena *arena,
                           fl_str *out, fl_err *err)
{
    uint64_t size;
    size_t got;
    FL_TRY(fs->size(fs, file, &size, err));
    if (size > max) {
        FL_FAIL(err, FL_E_TOO_LARGE, "%s: %llu bytes, at most %zu are allowed", path,
                (unsigned long long)size, max);
    }
    char *content = fl_arena_alloc(arena, (size_t)size);
    if (content == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "%s: no memory for %llu bytes", path, (unsigned long long)size);
    }
    FL_TRY(fs->read_at(fs, file, content, (size_t)size, 0, &got, err));
    *out = (fl_str){content, got};
    return FL_OK;
}

fl_status fl_fs_read_all(fl_fs *fs, const char *path, size_t max, fl_arena *arena, fl_str *out,
                         fl_err *err)
{
    fl_file file;
    FL_TRY(fs->open(fs, path, FL_OPEN_READ, &file, err));
    fl_status status = read_open(fs, file, path, max, arena, out, err);
    fs->close(fs, file);
    return status;
}

static fl_status write_synced(fl_fs *fs, const char *path, fl_str content, fl_err *err)
{
    fl_file file;
    FL_TRY(fs->open(fs, path, FL_OPEN_CREATE, &file, err));
    fl_status status = fs->write_at(fs, file, content.p, content.n, 0, err);
    if (status == FL_OK) {
        status = fs->sync(fs, file, err);
    }
    fs->close(fs, file);
    return status;
}

/* The folder of path, in to. */
static void folder_of(const char *path, char *to)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        memcpy(to, ".", 2);
        return;
    }
    size_t n = slash == path ? 1 : (size_t)(slash - path);
    memcpy(to, path, n);
    to[n] = '\0';
}

fl_status fl_fs_write_all(fl_fs *fs, const char *path, fl_str content, fl_err *err)
{
    char temporary[PATH_MAX];
    char folder[PATH_MAX];
    int n = snprintf(temporary, sizeof temporary, "%s.tmp", path);
    if (n < 0 || (size_t)n >= sizeof temporary) {
        FL_FAIL(err, FL_E_IO, "%.200s…: the path is too long", path);
    }
    folder_of(path, folder);
    /* A crash may have left one behind. */
    fl_status status = fs->remove(fs, temporary, err);
    if (status != FL_OK && status != FL_E_NOT_FOUND) {
        return status;
    }
    status = write_synced(fs, temporary, content, err);
    if (status == FL_OK) {
        status = fs->rename(fs, temporary, path, err);
    }
    if (status != FL_OK) {
        (void)!fs->remove(fs, temporary, NULL);
        return status;
    }
    return fs->sync_dir(fs, folder, err);
}
