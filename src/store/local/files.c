#include "store/local/local_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "codec/codec.h"

#define SEQUENCE_DIGITS 16

fl_status fl_wal_files_init(fl_wal_files *files, const char *dir, fl_err *err)
{
    size_t n = strlen(dir);
    if (n + 64 > FL_LOCAL_PATH_MAX) {
        FL_FAIL(err, FL_E_CONFIG, "the data directory's path is too long (%zu bytes)", n);
    }
    memset(files, 0, sizeof *files);
    files->dir = malloc(n + sizeof "/log");
    /* 2 MiB of addresses; the kernel gives memory for those pages only that are used. */
    files->slots = calloc(FL_WAL_SLOTS_MAX, sizeof *files->slots);
    if (files->dir == NULL || files->slots == NULL || uv_mutex_init(&files->lock) != 0) {
        free(files->dir);
        free(files->slots);
        memset(files, 0, sizeof *files);
        FL_FAIL(err, FL_E_NOMEM, "no memory for the table of log files");
    }
    snprintf(files->dir, n + sizeof "/log", "%s/log", dir);
    atomic_init(&files->next_sequence, 1);
    return FL_OK;
}

void fl_wal_files_fini(fl_wal_files *files)
{
    if (files->slots == NULL) {
        return;
    }
    for (uint32_t i = 0; i < files->used; i++) {
        free(fl_wal_file_at(files, i));
    }
    free(files->slots);
    free(files->dir);
    uv_mutex_destroy(&files->lock);
    memset(files, 0, sizeof *files);
}

/* Puts the file into the first free slot. */
static bool take_slot(fl_wal_files *files, fl_wal_file *file)
{
    uint32_t slot = 0;
    uv_mutex_lock(&files->lock);
    while (slot < files->used && fl_wal_file_at(files, slot) != NULL) {
        slot++;
    }
    bool found = slot < FL_WAL_SLOTS_MAX;
    if (found) {
        file->slot = slot;
        atomic_store(&files->slots[slot], file);
        files->used = slot == files->used ? slot + 1 : files->used;
    }
    uv_mutex_unlock(&files->lock);
    return found;
}

static void give_slot(fl_wal_files *files, const fl_wal_file *file)
{
    uv_mutex_lock(&files->lock);
    atomic_store(&files->slots[file->slot], NULL);
    uv_mutex_unlock(&files->lock);
}

fl_status fl_wal_file_new(fl_store *store, uint64_t sequence, uint32_t shard, fl_wal_file **out,
                          fl_err *err)
{
    fl_wal_file *file = calloc(1, sizeof *file);
    if (file == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a log file's entry");
    }
    file->store = store;
    file->sequence = sequence;
    file->shard = shard;
    atomic_init(&file->references, 1);
    atomic_init(&file->first_arrival, UINT64_MAX);
    if (!take_slot(&store->files, file)) {
        free(file);
        FL_FAIL(err, FL_E_IO, "%s holds %zu log files, more cannot be managed", store->files.dir,
                FL_WAL_SLOTS_MAX);
    }
    fl_counter_add(&store->stats->files, 1);
    *out = file;
    return FL_OK;
}

fl_wal_file *fl_wal_file_at(const fl_wal_files *files, uint32_t slot)
{
    return atomic_load(&files->slots[slot]);
}

/* ---- Readers */

bool fl_held_files_add(fl_held_files *held, const fl_wal_files *files, const fl_row *row)
{
    const fl_wal_ref *refs = fl_row_refs(row);
    const fl_wal_file *last = NULL;
    for (uint32_t i = 0; i < row->record_count; i++) {
        fl_wal_file *file = fl_wal_file_at(files, fl_wal_ref_slot(refs[i]));
        if (file == last) {
            continue;
        }
        last = file;
        size_t at = held->count;
        while (at > 0 && held->files[at - 1] != file) {
            at--;
        }
        if (at != 0) {
            continue;
        }
        if (!fl_local_room((void **)&held->files, &held->capacity, held->count,
                           sizeof *held->files)) {
            return false;
        }
        held->files[held->count++] = file;
        fl_wal_file_ref(file, 1);
    }
    return true;
}

void fl_held_files_release(fl_held_files *held, fl_loop *loop)
{
    for (size_t i = 0; i < held->count; i++) {
        fl_wal_file_unref(held->files[i], 1, loop);
    }
    free(held->files);
    *held = (fl_held_files){0};
}

/* ---- Removal */

/* Removes the file so that its name does not come back. */
static bool remove_file(const fl_wal_file *file)
{
    fl_store *store = file->store;
    fl_fs *fs = store->config.fs;
    char path[FL_LOCAL_PATH_MAX];
    fl_err err;
    fl_wal_file_path(file, path);
    fl_status status = fs->remove(fs, path, &err);
    if (status == FL_OK || status == FL_E_NOT_FOUND) {
        status = fs->sync_dir(fs, store->files.dir, &err);
    }
    if (status != FL_OK) {
        fl_counter_add(&store->stats->io_errors_total, 1);
        FL_LOG(store->config.log, FL_LOG_ERROR, "settled log file not removed, tried again",
               fl_kv_text("file", path), fl_kv_text("error", fl_err_text(&err, status)));
    }
    return status == FL_OK;
}

void fl_wal_file_abandon(fl_wal_file *file)
{
    fl_store *store = file->store;
    fl_counter_sub(&store->stats->files, 1);
    fl_counter_sub(&store->stats->log_bytes, atomic_load(&file->bytes));
    give_slot(&store->files, file);
    free(file);
}

static void end_removal(fl_wal_file *file)
{
    if (file->removed) {
        fl_wal_file_abandon(file);
    } else {
        atomic_store(&file->lingers, true);
    }
}

static void removal_work(fl_work *work)
{
    fl_wal_file *file = FL_CONTAINER_OF(work, fl_wal_file, work);
    file->removed = remove_file(file);
}

static void removal_done(fl_work *work)
{
    fl_wal_file *file = FL_CONTAINER_OF(work, fl_wal_file, work);
    fl_store *store = file->store;
    end_removal(file);
    atomic_fetch_sub(&store->files.leaving, 1);
    fl_local_leave(store);
}

void fl_wal_files_clear(fl_store *store)
{
    for (uint32_t slot = 0; slot < FL_WAL_SLOTS_MAX; slot++) {
        uv_mutex_lock(&store->files.lock);
        bool is_used = slot < store->files.used;
        fl_wal_file *file = is_used ? fl_wal_file_at(&store->files, slot) : NULL;
        bool lingers = file != NULL && atomic_load(&file->lingers);
        uv_mutex_unlock(&store->files.lock);
        if (!is_used) {
            break;
        }
        if (lingers && remove_file(file)) {
            fl_wal_file_abandon(file);
        }
    }
}

/* ---- Records */

void fl_wal_file_note_arrival(fl_wal_file *file, uint64_t arrival)
{
    if (arrival < atomic_load(&file->first_arrival)) {
        atomic_store(&file->first_arrival, arrival);
    }
}

uint64_t fl_wal_files_first_arrival(fl_store *store)
{
    fl_wal_files *files = &store->files;
    uint64_t first = UINT64_MAX;
    uv_mutex_lock(&files->lock);
    for (uint32_t slot = 0; slot < files->used; slot++) {
        fl_wal_file *file = fl_wal_file_at(files, slot);
        uint64_t arrival = file != NULL ? atomic_load(&file->first_arrival) : UINT64_MAX;
        first = arrival < first ? arrival : first;
    }
    uv_mutex_unlock(&files->lock);
    return first;
}

/* ---- References */

void fl_wal_file_ref(fl_wal_file *file, size_t count)
{
    atomic_fetch_add_explicit(&file->references, count, memory_order_relaxed);
}

void fl_wal_file_unref(fl_wal_file *file, size_t count, fl_loop *loop)
{
    if (atomic_fetch_sub_explicit(&file->references, count, memory_order_acq_rel) != count) {
        return;
    }
    if (loop == NULL) {
        file->removed = remove_file(file);
        end_removal(file);
        return;
    }
    fl_local_enter(file->store);
    atomic_fetch_add(&file->store->files.leaving, 1);
    file->work.work = removal_work;
    file->work.done = removal_done;
    fl_loop_work(loop, &file->work);
}

/* ---- Names: 00000000000000a1-3.log */

void fl_wal_file_path(const fl_wal_file *file, char path[FL_LOCAL_PATH_MAX])
{
    snprintf(path, FL_LOCAL_PATH_MAX, "%s/%016llx-%u.log", file->store->files.dir,
             (unsigned long long)file->sequence, file->shard);
}

bool fl_wal_file_name(fl_str name, uint64_t *sequence, uint32_t *shard)
{
    static const char suffix[] = ".log";
    size_t suffix_at = name.n - (sizeof suffix - 1);
    uint64_t number;
    if (name.n < SEQUENCE_DIGITS + sizeof "-0.log" - 1 || name.p[SEQUENCE_DIGITS] != '-' ||
        !fl_str_eq((fl_str){name.p + suffix_at, sizeof suffix - 1}, fl_str_of(suffix)) ||
        !fl_hex_read(name.p, SEQUENCE_DIGITS, sequence)) {
        return false;
    }
    fl_str digits = {name.p + SEQUENCE_DIGITS + 1, suffix_at - SEQUENCE_DIGITS - 1};
    if (!fl_str_to_u64(digits, &number) || number > UINT16_MAX) {
        return false;
    }
    *shard = (uint32_t)number;
    return true;
}
