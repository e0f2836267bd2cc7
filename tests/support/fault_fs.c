#include "support/fault_fs.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define FILES_MAX   1024
#define HANDLES_MAX 256
#define SECTOR      512

typedef struct bytes_image {
    unsigned char *bytes;
    size_t n;
} bytes_image;

typedef struct fault_file {
    char *path;                        /* NULL = free */
    bool there;                        /* has a name now */
    bool name_durable;                 /* would have one after a power cut */
    const struct fault_file *replaced; /* what a rename took the name from */
    bool sync_lies; /* a sync failed: what was not on the disk then never gets there */
    bool locked;
    bytes_image now, durable;
} fault_file;

struct fault_fs {
    fl_fs calls; /* first: the store hands it back */
    pthread_mutex_t lock;
    fault_file files[FILES_MAX];
    size_t file_count; /* those behind were never used */
    fault_file *handles[HANDLES_MAX];
    uint64_t fail_in, fail_more;
    bool failed;
    uint64_t cut_in, cut_seed;
    fault_fs *cut; /* what the power cut left */
    uint64_t room;
};

static fault_fs *fs_of(fl_fs *fs)
{
    return (fault_fs *)(void *)fs;
}

fl_fs *fault_fs_calls(fault_fs *fs)
{
    return &fs->calls;
}

/* ---- Images */

static void image_resize(bytes_image *image, size_t n)
{
    unsigned char *bytes = realloc(image->bytes, n != 0 ? n : 1);
    if (bytes == NULL) {
        abort();
    }
    if (n > image->n) {
        memset(bytes + image->n, 0, n - image->n);
    }
    image->bytes = bytes;
    image->n = n;
}

static void image_copy(bytes_image *to, const bytes_image *from)
{
    image_resize(to, from->n);
    if (from->n != 0) {
        memcpy(to->bytes, from->bytes, from->n);
    }
}

/* ---- Faults. Each call takes the lock first and asks whether it is to fail. */

static fault_fs *image_of(const fault_fs *fs, uint64_t seed);

static bool begin(fault_fs *fs)
{
    pthread_mutex_lock(&fs->lock);
    if (fs->cut_in != 0 && --fs->cut_in == 0) {
        fs->cut = image_of(fs, fs->cut_seed);
    }
    bool fails = fs->fail_in != 0 && --fs->fail_in == 0;
    if (fails && fs->fail_more != 0) {
        fs->fail_more--;
        fs->fail_in = 1;
    }
    fs->failed |= fails;
    return !fails;
}

static fl_status end(fault_fs *fs, fl_status status)
{
    pthread_mutex_unlock(&fs->lock);
    return status;
}

static fl_status end_failed(fault_fs *fs, const char *what, const char *path, fl_err *err)
{
    pthread_mutex_unlock(&fs->lock);
    FL_FAIL(err, FL_E_IO, "cannot %s %s: injected fault", what, path);
}

static fault_file *find(fault_fs *fs, const char *path)
{
    for (size_t i = 0; i < fs->file_count; i++) {
        if (fs->files[i].path != NULL && fs->files[i].there &&
            strcmp(fs->files[i].path, path) == 0) {
            return &fs->files[i];
        }
    }
    return NULL;
}

static bool is_open(const fault_fs *fs, const fault_file *file)
{
    for (size_t i = 0; i < HANDLES_MAX; i++) {
        if (fs->handles[i] == file) {
            return true;
        }
    }
    return false;
}

static void forget(fault_fs *fs, fault_file *file)
{
    for (size_t i = 0; i < fs->file_count; i++) {
        if (fs->files[i].replaced == file) {
            fs->files[i].replaced = NULL;
        }
    }
    free(file->path);
    free(file->now.bytes);
    free(file->durable.bytes);
    *file = (fault_file){0};
}

static fault_file *make(fault_fs *fs, const char *path)
{
    for (size_t i = 0; i < FILES_MAX; i++) {
        fault_file *file = &fs->files[i];
        if (file->path != NULL && !file->there && !file->name_durable && !is_open(fs, file)) {
            forget(fs, file);
        }
        if (file->path == NULL) {
            fs->file_count = i >= fs->file_count ? i + 1 : fs->file_count;
            *file = (fault_file){.path = strdup(path), .there = true};
            return file;
        }
    }
    abort();
}

static fl_file give_handle(fault_fs *fs, fault_file *file)
{
    for (int i = 0; i < HANDLES_MAX; i++) {
        if (fs->handles[i] == NULL) {
            fs->handles[i] = file;
            return i;
        }
    }
    abort();
}

/* ---- Calls */

static fl_status fault_open(fl_fs *calls, const char *path, fl_open_mode mode, fl_file *out,
                            fl_err *err)
{
    fault_fs *fs = fs_of(calls);
    if (!begin(fs)) {
        return end_failed(fs, "open", path, err);
    }
    fault_file *file = find(fs, path);
    if (file == NULL && mode == FL_OPEN_READ) {
        end(fs, FL_OK);
        FL_FAIL(err, FL_E_NOT_FOUND, "cannot open %s: not there", path);
    }
    if (file != NULL && mode == FL_OPEN_CREATE) {
        return end_failed(fs, "create again", path, err);
    }
    *out = give_handle(fs, file != NULL ? file : make(fs, path));
    return end(fs, FL_OK);
}

static fl_status fault_read_at(fl_fs *calls, fl_file handle, void *to, size_t n, uint64_t offset,
                               size_t *got, fl_err *err)
{
    fault_fs *fs = fs_of(calls);
    const fault_file *file = fs->handles[handle];
    if (!begin(fs)) {
        return end_failed(fs, "read", file->path, err);
    }
    size_t left = offset < file->now.n ? file->now.n - (size_t)offset : 0;
    *got = n < left ? n : left;
    if (*got != 0) {
        memcpy(to, file->now.bytes + offset, *got);
    }
    return end(fs, FL_OK);
}

static uint64_t used_bytes(const fault_fs *fs)
{
    uint64_t used = 0;
    for (size_t i = 0; i < fs->file_count; i++) {
        used += fs->files[i].path != NULL && fs->files[i].there ? fs->files[i].now.n : 0;
    }
    return used;
}

static fl_status fault_write_at(fl_fs *calls, fl_file handle, const void *from, size_t n,
                                uint64_t offset, fl_err *err)
{
    fault_fs *fs = fs_of(calls);
    fault_file *file = fs->handles[handle];
    bool fails = !begin(fs);
    size_t written = fails ? n / 2 : n;
    uint64_t used = used_bytes(fs) - file->now.n;
    if (fs->room != UINT64_MAX && used + offset + written > fs->room) {
        fails = true;
        written = used + offset < fs->room ? (size_t)(fs->room - used - offset) : 0;
    }
    if (written != 0) {
        if (offset + written > file->now.n) {
            image_resize(&file->now, (size_t)offset + written);
        }
        memcpy(file->now.bytes + offset, from, written);
    }
    return fails ? end_failed(fs, "write", file->path, err) : end(fs, FL_OK);
}

static fl_status fault_sync(fl_fs *calls, fl_file handle, fl_err *err)
{
    fault_fs *fs = fs_of(calls);
    fault_file *file = fs->handles[handle];
    if (!begin(fs)) {
        file->sync_lies = true;
        return end_failed(fs, "sync", file->path, err);
    }
    if (!file->sync_lies) {
        image_copy(&file->durable, &file->now);
    }
    return end(fs, FL_OK);
}

static fl_status fault_truncate(fl_fs *calls, fl_file handle, uint64_t size, fl_err *err)
{
    fault_fs *fs = fs_of(calls);
    fault_file *file = fs->handles[handle];
    if (!begin(fs)) {
        return end_failed(fs, "truncate", file->path, err);
    }
    image_resize(&file->now, (size_t)size);
    return end(fs, FL_OK);
}

static fl_status fault_size(fl_fs *calls, fl_file handle, uint64_t *out, fl_err *err)
{
    fault_fs *fs = fs_of(calls);
    const fault_file *file = fs->handles[handle];
    if (!begin(fs)) {
        return end_failed(fs, "get the size of", file->path, err);
    }
    *out = file->now.n;
    return end(fs, FL_OK);
}

static void fault_close(fl_fs *calls, fl_file handle)
{
    fault_fs *fs = fs_of(calls);
    pthread_mutex_lock(&fs->lock);
    fs->handles[handle]->locked = false;
    fs->handles[handle] = NULL;
    pthread_mutex_unlock(&fs->lock);
}

static fl_status fault_remove(fl_fs *calls, const char *path, fl_err *err)
{
    fault_fs *fs = fs_of(calls);
    if (!begin(fs)) {
        return end_failed(fs, "remove", path, err);
    }
    fault_file *file = find(fs, path);
    if (file != NULL) {
        file->there = false;
    }
    return end(fs, file != NULL ? FL_OK : FL_E_NOT_FOUND);
}

static fl_status fault_rename(fl_fs *calls, const char *from, const char *to, fl_err *err)
{
    fault_fs *fs = fs_of(calls);
    if (!begin(fs)) {
        return end_failed(fs, "rename", from, err);
    }
    fault_file *file = find(fs, from), *old = find(fs, to);
    if (file == NULL || is_open(fs, file)) {
        return end_failed(fs, "rename what is not there, or open:", from, err);
    }
    fault_file *named = make(fs, to);
    image_copy(&named->now, &file->now);
    image_copy(&named->durable, &file->durable);
    named->sync_lies = file->sync_lies;
    named->replaced = old;
    file->there = false;
    if (old != NULL) {
        old->there = false;
    }
    return end(fs, FL_OK);
}

static fl_status fault_make_dir(fl_fs *calls, const char *path, fl_err *err)
{
    fault_fs *fs = fs_of(calls);
    return begin(fs) ? end(fs, FL_OK) : end_failed(fs, "make folder", path, err);
}

static bool stands_in(const char *path, const char *dir)
{
    size_t n = strlen(dir);
    return strncmp(path, dir, n) == 0 && path[n] == '/' && strchr(path + n + 1, '/') == NULL;
}

static fl_status fault_sync_dir(fl_fs *calls, const char *path, fl_err *err)
{
    fault_fs *fs = fs_of(calls);
    if (!begin(fs)) {
        return end_failed(fs, "sync", path, err);
    }
    for (size_t i = 0; i < fs->file_count; i++) {
        if (fs->files[i].path != NULL && stands_in(fs->files[i].path, path)) {
            fs->files[i].name_durable = fs->files[i].there;
        }
    }
    return end(fs, FL_OK);
}

static int compare_names(const void *a, const void *b)
{
    const fl_str *left = a;
    const fl_str *right = b;
    return fl_str_cmp(*left, *right);
}

static fl_status fault_list(fl_fs *calls, const char *path, fl_arena *arena, fl_str **names,
                            size_t *count, fl_err *err)
{
    fault_fs *fs = fs_of(calls);
    if (!begin(fs)) {
        return end_failed(fs, "list", path, err);
    }
    *names = FL_ARENA_ARRAY(arena, fl_str, FILES_MAX);
    *count = 0;
    for (size_t i = 0; *names != NULL && i < fs->file_count; i++) {
        const fault_file *file = &fs->files[i];
        if (file->path != NULL && file->there && stands_in(file->path, path)) {
            (*names)[(*count)++] = fl_str_dup(arena, fl_str_of(file->path + strlen(path) + 1));
        }
    }
    if (*names != NULL) {
        qsort(*names, *count, sizeof **names, compare_names);
    }
    return end(fs, *names != NULL ? FL_OK : FL_E_NOMEM);
}

static fl_status fault_lock(fl_fs *calls, const char *path, fl_file *out, fl_err *err)
{
    fault_fs *fs = fs_of(calls);
    if (!begin(fs)) {
        return end_failed(fs, "lock", path, err);
    }
    fault_file *file = find(fs, path);
    file = file != NULL ? file : make(fs, path);
    if (file->locked) {
        end(fs, FL_OK);
        FL_FAIL(err, FL_E_BUSY, "%s is locked", path);
    }
    file->locked = true;
    *out = give_handle(fs, file);
    return end(fs, FL_OK);
}

static fl_status fault_free_bytes(fl_fs *calls, const char *path, uint64_t *out, fl_err *err)
{
    fault_fs *fs = fs_of(calls);
    if (!begin(fs)) {
        return end_failed(fs, "get the free space of", path, err);
    }
    *out = fs->room == UINT64_MAX ? UINT64_MAX : fs->room - used_bytes(fs);
    return end(fs, FL_OK);
}

/* ---- Life */

fault_fs *fault_fs_new(void)
{
    fault_fs *fs = calloc(1, sizeof *fs);
    if (fs == NULL) {
        abort();
    }
    pthread_mutex_init(&fs->lock, NULL);
    fs->room = UINT64_MAX;
    fs->calls = (fl_fs){
        .open = fault_open,
        .read_at = fault_read_at,
        .write_at = fault_write_at,
        .sync = fault_sync,
        .truncate = fault_truncate,
        .size = fault_size,
        .close = fault_close,
        .remove = fault_remove,
        .rename = fault_rename,
        .make_dir = fault_make_dir,
        .sync_dir = fault_sync_dir,
        .list = fault_list,
        .lock = fault_lock,
        .free_bytes = fault_free_bytes,
    };
    return fs;
}

static void free_one(fault_fs *fs)
{
    for (size_t i = 0; i < fs->file_count; i++) {
        free(fs->files[i].path);
        free(fs->files[i].now.bytes);
        free(fs->files[i].durable.bytes);
    }
    pthread_mutex_destroy(&fs->lock);
    free(fs);
}

void fault_fs_free(fault_fs *fs)
{
    while (fs != NULL) {
        fault_fs *cut = fs->cut;
        free_one(fs);
        fs = cut;
    }
}

void fault_fs_fail_run(fault_fs *fs, uint64_t n, uint64_t calls)
{
    pthread_mutex_lock(&fs->lock);
    fs->fail_in = n;
    fs->fail_more = calls != 0 ? calls - 1 : 0;
    fs->failed = false;
    pthread_mutex_unlock(&fs->lock);
}

void fault_fs_fail_at(fault_fs *fs, uint64_t n)
{
    fault_fs_fail_run(fs, n, 1);
}

bool fault_fs_failed(fault_fs *fs)
{
    pthread_mutex_lock(&fs->lock);
    bool failed = fs->failed;
    pthread_mutex_unlock(&fs->lock);
    return failed;
}

void fault_fs_set_room(fault_fs *fs, uint64_t bytes)
{
    pthread_mutex_lock(&fs->lock);
    fs->room = bytes;
    pthread_mutex_unlock(&fs->lock);
}

uint64_t fault_fs_used(fault_fs *fs)
{
    pthread_mutex_lock(&fs->lock);
    uint64_t used = used_bytes(fs);
    pthread_mutex_unlock(&fs->lock);
    return used;
}

/* ---- What survives */

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* The durable content, with some sectors of the newer one. */
static void survive(bytes_image *to, const fault_file *file, uint64_t *state)
{
    image_copy(to, &file->durable);
    if (*state == 0 || file->sync_lies) {
        return;
    }
    size_t longest = file->now.n > file->durable.n ? file->now.n : file->durable.n;
    image_resize(to, file->durable.n + next_random(state) % (longest - file->durable.n + 1));
    for (size_t at = 0; at < to->n && at < file->now.n; at += SECTOR) {
        size_t end_at = at + SECTOR < to->n ? at + SECTOR : to->n;
        end_at = end_at < file->now.n ? end_at : file->now.n;
        if (next_random(state) % 2 == 0) {
            memcpy(to->bytes + at, file->now.bytes + at, end_at - at);
        }
    }
}

/* Does the file have its name after a power cut? A name that was given to another file is either
 * the old one's or the new one's. */
static bool keeps_name(const fault_file *file, uint64_t seed, uint64_t *state)
{
    if (seed == 0 || file->there == file->name_durable) {
        return file->name_durable;
    }
    return next_random(state) % 2 == 0;
}

static void find_names(const fault_fs *fs, uint64_t seed, uint64_t *state, bool *named)
{
    for (size_t i = 0; i < fs->file_count; i++) {
        named[i] = fs->files[i].path != NULL && keeps_name(&fs->files[i], seed, state);
    }
    for (size_t i = 0; i < fs->file_count; i++) {
        const fault_file *old = fs->files[i].replaced;
        if (old != NULL) {
            named[old - fs->files] = old->name_durable && !named[i];
        }
    }
}

static fault_fs *image_of(const fault_fs *fs, uint64_t seed)
{
    fault_fs *after = fault_fs_new();
    uint64_t state = seed;
    bool named[FILES_MAX];
    find_names(fs, seed, &state, named);
    for (size_t i = 0; i < fs->file_count; i++) {
        const fault_file *file = &fs->files[i];
        if (named[i]) {
            fault_file *copy = make(after, file->path);
            survive(&copy->now, file, &state);
            image_copy(&copy->durable, &copy->now);
            copy->name_durable = true;
        }
    }
    return after;
}

fault_fs *fault_fs_after_power_cut(fault_fs *fs, uint64_t seed)
{
    pthread_mutex_lock(&fs->lock);
    fault_fs *after = image_of(fs, seed);
    pthread_mutex_unlock(&fs->lock);
    return after;
}

void fault_fs_cut_at(fault_fs *fs, uint64_t n, uint64_t seed)
{
    pthread_mutex_lock(&fs->lock);
    fs->cut_in = n;
    fs->cut_seed = seed;
    pthread_mutex_unlock(&fs->lock);
}

fault_fs *fault_fs_cut(fault_fs *fs)
{
    pthread_mutex_lock(&fs->lock);
    fault_fs *cut = fs->cut;
    pthread_mutex_unlock(&fs->lock);
    return cut;
}

fault_fs *fault_fs_after_kill(fault_fs *fs)
{
    fault_fs *after = fault_fs_new();
    pthread_mutex_lock(&fs->lock);
    for (size_t i = 0; i < fs->file_count; i++) {
        const fault_file *file = &fs->files[i];
        if (file->path != NULL && file->there) {
            fault_fs_put(after, file->path, file->now.bytes, file->now.n);
        }
    }
    pthread_mutex_unlock(&fs->lock);
    return after;
}

void fault_fs_put(fault_fs *fs, const char *path, const void *content, size_t n)
{
    fault_file *file = find(fs, path);
    file = file != NULL ? file : make(fs, path);
    image_resize(&file->now, n);
    if (n != 0) {
        memcpy(file->now.bytes, content, n);
    }
    image_copy(&file->durable, &file->now);
    file->name_durable = true;
}

static int compare_files(const void *a, const void *b)
{
    fault_file *const *left = a;
    fault_file *const *right = b;
    return strcmp((*left)->path, (*right)->path);
}

bool fault_fs_file(fault_fs *fs, size_t index, const char **path, unsigned char **content,
                   size_t *n)
{
    fault_file *sorted[FILES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < fs->file_count; i++) {
        if (fs->files[i].path != NULL && fs->files[i].there) {
            sorted[count++] = &fs->files[i];
        }
    }
    qsort(sorted, count, sizeof sorted[0], compare_files);
    if (index >= count) {
        return false;
    }
    *path = sorted[index]->path;
    *content = sorted[index]->now.bytes;
    *n = sorted[index]->now.n;
    return true;
}

void fault_fs_set_size(fault_fs *fs, const char *path, size_t n)
{
    fault_file *file = find(fs, path);
    image_resize(&file->now, n);
    image_copy(&file->durable, &file->now);
}
