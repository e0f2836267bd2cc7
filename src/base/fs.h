/*
 * The file calls that the store uses, behind a table that tests replace: to fail the n-th call, to
 * write short, to lose what was not synced. Paths are NUL-terminated. Calls are thread-safe as far
 * as the system's are: one file may be read by several threads, written by one.
 * Errors: FL_E_IO, with path and errno text in err; FL_E_NOT_FOUND for a missing file.
 */
#ifndef FL_BASE_FS_H
#define FL_BASE_FS_H

#include "base/status.h"
#include "base/text.h"

typedef struct fl_fs fl_fs;
typedef int fl_file; /* a descriptor of this fs; the real one uses the kernel's */

typedef enum fl_open_mode {
    FL_OPEN_READ,
    FL_OPEN_APPEND, /* made if missing; may be read as well; write_at says where to write */
    FL_OPEN_CREATE  /* must not exist */
} fl_open_mode;

struct fl_fs {
    FL_MUST fl_status (*open)(fl_fs *fs, const char *path, fl_open_mode mode, fl_file *out,
                              fl_err *err);
    /* Reads up to n bytes at offset; *got < n only at the end of the file. */
    FL_MUST fl_status (*read_at)(fl_fs *fs, fl_file file, void *to, size_t n, uint64_t offset,
                                 size_t *got, fl_err *err);
    /* Writes all n bytes at offset or fails; after a failure the file's tail is undefined. */
    FL_MUST fl_status (*write_at)(fl_fs *fs, fl_file file, const void *from, size_t n,
                                  uint64_t offset, fl_err *err);
    /* Data and size reach the disk. */
    FL_MUST fl_status (*sync)(fl_fs *fs, fl_file file, fl_err *err);
    FL_MUST fl_status (*truncate)(fl_fs *fs, fl_file file, uint64_t size, fl_err *err);
    FL_MUST fl_status (*size)(fl_fs *fs, fl_file file, uint64_t *out, fl_err *err);
    void (*close)(fl_fs *fs, fl_file file);
    FL_MUST fl_status (*remove)(fl_fs *fs, const char *path, fl_err *err);
    FL_MUST fl_status (*rename)(fl_fs *fs, const char *from, const char *to, fl_err *err);
    /* With parents; an existing folder is fine. */
    FL_MUST fl_status (*make_dir)(fl_fs *fs, const char *path, fl_err *err);
    /* Names in a folder reach the disk. */
    FL_MUST fl_status (*sync_dir)(fl_fs *fs, const char *path, fl_err *err);
    /* Names in a folder, sorted, without . and ..; in arena. */
    FL_MUST fl_status (*list)(fl_fs *fs, const char *path, fl_arena *arena, fl_str **names,
                              size_t *count, fl_err *err);
    /* Exclusive lock of a file (made if missing) until it is closed; FL_E_BUSY when another process
     * holds it. */
    FL_MUST fl_status (*lock)(fl_fs *fs, const char *path, fl_file *out, fl_err *err);
    /* Bytes free for us on the file system of path. */
    FL_MUST fl_status (*free_bytes)(fl_fs *fs, const char *path, uint64_t *out, fl_err *err);
};

/* The real file system; static, thread-safe. */
fl_fs *fl_fs_system(void);

/* A whole small file (at most max bytes) into arena. */
FL_MUST fl_status fl_fs_read_all(fl_fs *fs, const char *path, size_t max, fl_arena *arena,
                                 fl_str *out, fl_err *err);
/* Writes path by a temporary file, sync and rename, so that readers see all or nothing. */
FL_MUST fl_status fl_fs_write_all(fl_fs *fs, const char *path, fl_str content, fl_err *err);

#endif
