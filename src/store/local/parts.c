/* The set of parts: names, opening, and versions. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "codec/codec.h"
#include "store/local/local_int.h"

#define NS_PER_DAY  (INT64_C(86400) * FL_NS_PER_S)
#define NAMES_BYTES ((size_t)64 * 1024 * 1024)

/* ---- Names: 20261122-0000000000000001-0000000000000008-1.part */

int64_t fl_partition_of(int64_t time_ns)
{
    int64_t day = time_ns / NS_PER_DAY;
    return time_ns % NS_PER_DAY < 0 ? day - 1 : day;
}

void fl_part_name_emit(const fl_part_name *name, char out[FL_PART_NAME_MAX])
{
    time_t seconds = (time_t)(name->partition * (NS_PER_DAY / FL_NS_PER_S));
    struct tm day = {0};
    (void)gmtime_r(&seconds, &day);
    snprintf(out, FL_PART_NAME_MAX, "%04d%02d%02d-%016" PRIx64 "-%016" PRIx64 "-%u.part",
             day.tm_year + 1900, day.tm_mon + 1, day.tm_mday, name->low, name->high, name->level);
}

static bool read_partition(fl_str text, int64_t *out)
{
    uint64_t number;
    if (text.n != 8 || !fl_str_to_u64(text, &number)) {
        return false;
    }
    struct tm day = {.tm_year = (int)(number / 10000) - 1900,
                     .tm_mon = (int)(number / 100 % 100) - 1,
                     .tm_mday = (int)(number % 100)};
    *out = (int64_t)timegm(&day) / (NS_PER_DAY / FL_NS_PER_S);
    return true;
}

static bool read_number(fl_str text, uint64_t *out)
{
    return text.n == 16 && fl_hex_read(text.p, 16, out);
}

bool fl_part_name_read(fl_str text, fl_part_name *out)
{
    static const char suffix[] = ".part";
    fl_part_name name;
    char again[FL_PART_NAME_MAX];
    uint64_t level;
    if (text.n < sizeof suffix) {
        return false;
    }
    fl_str rest = {text.p, text.n - (sizeof suffix - 1)};
    fl_str day = fl_str_cut(&rest, '-'), low = fl_str_cut(&rest, '-'),
           high = fl_str_cut(&rest, '-');
    if (!read_partition(day, &name.partition) || !read_number(low, &name.low) ||
        !read_number(high, &name.high) || !fl_str_to_u64(rest, &level) || level > UINT32_MAX) {
        return false;
    }
    name.level = (uint32_t)level;
    fl_part_name_emit(&name, again);
    *out = name;
    return fl_str_eq(fl_str_of(again), text); /* one spelling only */
}

bool fl_part_name_covers(const fl_part_name *name, const fl_part_name *other)
{
    return name->partition == other->partition && name->low <= other->low &&
           other->high <= name->high && name->level > other->level;
}

void fl_parts_path(const fl_store *store, const fl_part_name *name, char path[FL_LOCAL_PATH_MAX])
{
    char text[FL_PART_NAME_MAX];
    fl_part_name_emit(name, text);
    snprintf(path, FL_LOCAL_PATH_MAX, "%s/%s", store->parts.dir, text);
}

void fl_parts_temporary_path(const fl_store *store, const fl_part_name *name,
                             char path[FL_LOCAL_PATH_MAX])
{
    char text[FL_PART_NAME_MAX];
    fl_part_name_emit(name, text);
    snprintf(path, FL_LOCAL_PATH_MAX, "%s/%s.tmp", store->parts.dir, text);
}

/* ---- Settled parts */

static bool remove_file(fl_store *store, const char *path)
{
    fl_fs *fs = store->config.fs;
    fl_err err;
    fl_status status = fs->remove(fs, path, &err);
    bool gone = status == FL_OK || status == FL_E_NOT_FOUND;
    if (!gone) {
        fl_counter_add(&store->stats->io_errors_total, 1);
        FL_LOG(store->config.log, FL_LOG_ERROR, "part not removed, tried again later",
               fl_kv_text("file", path), fl_kv_text("error", fl_err_text(&err, status)));
    }
    return gone;
}

/* Without memory the next start removes what was replaced. */
static void add_leaving(fl_store *store, const fl_part_name *name)
{
    fl_parts *parts = &store->parts;
    uv_mutex_lock(&parts->lock);
    if (fl_local_room((void **)&parts->leavings, &parts->leaving_capacity, parts->leaving_count,
                      sizeof *parts->leavings)) {
        parts->leavings[parts->leaving_count++] = *name;
    }
    uv_mutex_unlock(&parts->lock);
}

/* The leaving at an index; false behind the last one. Other threads only add. */
static bool leaving_at(fl_store *store, size_t at, fl_part_name *out)
{
    uv_mutex_lock(&store->parts.lock);
    bool there = at < store->parts.leaving_count;
    if (there) {
        *out = store->parts.leavings[at];
    }
    uv_mutex_unlock(&store->parts.lock);
    return there;
}

static void forget_leavings(fl_store *store, size_t count)
{
    fl_parts *parts = &store->parts;
    uv_mutex_lock(&parts->lock);
    parts->leaving_count -= count;
    memmove(parts->leavings, parts->leavings + count,
            parts->leaving_count * sizeof *parts->leavings);
    uv_mutex_unlock(&parts->lock);
}

fl_status fl_parts_clear(fl_store *store, fl_err *err)
{
    fl_fs *fs = store->config.fs;
    char path[FL_LOCAL_PATH_MAX];
    fl_part_name name;
    fl_err inner;
    size_t count = 0;
    while (leaving_at(store, count, &name)) {
        fl_parts_path(store, &name, path);
        fl_status status = fs->remove(fs, path, &inner);
        if (status != FL_OK && status != FL_E_NOT_FOUND) {
            FL_FAIL(err, status, "what was given up cannot be removed: %s", inner.message);
        }
        count++;
    }
    if (count != 0) {
        FL_TRY(fs->sync_dir(fs, store->parts.dir, err));
        forget_leavings(store, count);
    }
    return FL_OK;
}

void fl_parts_clear_temporary(fl_store *store, const fl_part_name *name)
{
    char path[FL_LOCAL_PATH_MAX];
    fl_parts_temporary_path(store, name, path);
    (void)remove_file(store, path);
}

static void recharge(fl_settled *settled)
{
    size_t bytes = fl_part_memory(settled->part);
    fl_budget *budget = &settled->store->row_budget;
    atomic_fetch_add_explicit(&budget->used_bytes, bytes - settled->charged_bytes,
                              memory_order_relaxed);
    settled->charged_bytes = bytes;
}

void fl_settled_unref(fl_settled *settled)
{
    if (settled == NULL || atomic_fetch_sub(&settled->references, 1) != 1) {
        return;
    }
    fl_store *store = settled->store;
    char path[FL_LOCAL_PATH_MAX];
    fl_part_close(settled->part);
    fl_budget_give(&store->row_budget, settled->charged_bytes);
    if (atomic_load(&settled->doomed)) {
        fl_parts_path(store, &settled->name, path);
        if (!remove_file(store, path)) {
            add_leaving(store, &settled->name);
        }
    }
    free(settled);
}

static fl_status open_settled(fl_store *store, const fl_part_name *name, fl_settled **out,
                              fl_err *err)
{
    char path[FL_LOCAL_PATH_MAX];
    fl_settled *settled = calloc(1, sizeof *settled);
    if (settled == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to open a part");
    }
    fl_parts_path(store, name, path);
    fl_status status = fl_part_open(store->config.fs, path, &settled->part, err);
    if (status != FL_OK) {
        free(settled);
        return status;
    }
    settled->store = store;
    settled->name = *name;
    atomic_init(&settled->references, 1);
    recharge(settled);
    *out = settled;
    return FL_OK;
}

fl_status fl_parts_adopt(fl_store *store, const fl_part_name *name, fl_settled **out, fl_err *err)
{
    fl_fs *fs = store->config.fs;
    char from[FL_LOCAL_PATH_MAX], to[FL_LOCAL_PATH_MAX];
    fl_parts_temporary_path(store, name, from);
    fl_parts_path(store, name, to);
    fl_status status = fs->rename(fs, from, to, err);
    if (status != FL_OK) {
        fl_parts_clear_temporary(store, name);
        return status;
    }
    status = fs->sync_dir(fs, store->parts.dir, err);
    if (status == FL_OK) {
        status = open_settled(store, name, out, err);
    }
    if (status != FL_OK) {
        add_leaving(store, name);
    }
    return status;
}

void fl_parts_reject(fl_settled *settled)
{
    add_leaving(settled->store, &settled->name);
    fl_settled_unref(settled);
}

/* ---- Versions */

fl_version *fl_version_acquire(fl_store *store)
{
    uv_mutex_lock(&store->parts.lock);
    fl_version *version = store->parts.version;
    atomic_fetch_add_explicit(&version->references, 1, memory_order_relaxed);
    uv_mutex_unlock(&store->parts.lock);
    return version;
}

uint64_t fl_version_number(fl_store *store)
{
    uv_mutex_lock(&store->parts.lock);
    uint64_t number = store->parts.version->number;
    uv_mutex_unlock(&store->parts.lock);
    return number;
}

void fl_parts_charge(fl_store *store, bool trim)
{
    fl_version *version = fl_version_acquire(store);
    for (size_t i = 0; i < version->count; i++) {
        if (trim) {
            fl_part_trim(version->parts[i].settled->part);
        }
        recharge(version->parts[i].settled);
    }
    fl_version_release(version);
}

void fl_version_release(fl_version *version)
{
    if (version == NULL || atomic_fetch_sub(&version->references, 1) != 1) {
        return;
    }
    for (size_t i = 0; i < version->count; i++) {
        fl_settled_unref(version->parts[i].settled);
        free(version->parts[i].shared);
    }
    free(version);
}

bool fl_version_may_have(const fl_version *version, fl_trace_id id)
{
    for (size_t i = 0; i < version->count; i++) {
        if (fl_part_may_have(version->parts[i].settled->part, id)) {
            return true;
        }
    }
    return false;
}

static int compare_parts(const void *a, const void *b)
{
    const fl_part_name *left = &((const fl_version_part *)a)->settled->name;
    const fl_part_name *right = &((const fl_version_part *)b)->settled->name;
    if (left->partition != right->partition) {
        return left->partition < right->partition ? -1 : 1;
    }
    return left->low < right->low ? -1 : left->low > right->low;
}

static int compare_rows(const void *a, const void *b)
{
    const fl_part_continued_row *left = a, *right = b;
    return left->row < right->row ? -1 : left->row > right->row;
}

static bool is_removed(const fl_parts_change *change, const fl_settled *settled)
{
    for (size_t i = 0; i < change->removed_count; i++) {
        if (change->removed[i] == settled) {
            return true;
        }
    }
    return false;
}

bool fl_parts_note(fl_parts_change *change, const fl_settled *settled, fl_trace_id id, uint32_t row)
{
    if (!fl_local_room((void **)&change->notes, &change->note_capacity, change->note_count,
                       sizeof *change->notes)) {
        return false;
    }
    change->notes[change->note_count++] =
        (struct fl_shared_note){.settled = settled, .row = {.id = id, .row = row}};
    return true;
}

/* The shared rows of a part that stays, with what the change found out. */
static bool copy_shared(const fl_parts_change *change, const fl_version_part *from,
                        fl_version_part *to)
{
    size_t count = from->shared_count;
    for (size_t i = 0; i < change->note_count; i++) {
        count += change->notes[i].settled == from->settled;
    }
    *to = (fl_version_part){.settled = from->settled};
    if (count == 0) {
        return true;
    }
    to->shared = calloc(count, sizeof *to->shared);
    if (to->shared == NULL) {
        return false;
    }
    if (from->shared_count != 0) {
        memcpy(to->shared, from->shared, from->shared_count * sizeof *to->shared);
    }
    count = from->shared_count;
    for (size_t i = 0; i < change->note_count; i++) {
        if (change->notes[i].settled == from->settled) {
            to->shared[count++] = change->notes[i].row;
        }
    }
    qsort(to->shared, count, sizeof *to->shared, compare_rows);
    for (size_t i = 0; i < count; i++) {
        if (to->shared_count == 0 || to->shared[to->shared_count - 1].row != to->shared[i].row) {
            to->shared[to->shared_count++] = to->shared[i];
        }
    }
    return true;
}

static void note_stats(fl_store *store, const fl_version *version)
{
    fl_store_stats *stats = store->stats;
    uint64_t bytes = 0, spans = 0, records = 0, traces = 0;
    int64_t oldest_ns = INT64_MAX;
    for (size_t i = 0; i < version->count; i++) {
        const fl_part_info *info = fl_part_info_of(version->parts[i].settled->part);
        size_t continued;
        (void)fl_part_continued(version->parts[i].settled->part, &continued);
        bytes += info->file_bytes;
        spans += info->spans;
        records += info->records;
        traces += info->rows - continued;
        oldest_ns = info->oldest.time_ns < oldest_ns ? info->oldest.time_ns : oldest_ns;
    }
    atomic_store(&store->parts.oldest_ns, oldest_ns);
    fl_counter_set(&stats->parts, version->count);
    fl_counter_set(&stats->part_bytes, bytes);
    fl_counter_set(&stats->part_spans, spans);
    fl_counter_set(&stats->part_segments, records);
    fl_counter_set(&stats->part_traces, traces);
}

/* Everything of the old version that stays, then what comes. */
static bool fill_version(const fl_parts_change *change, const fl_version *old, fl_version *next)
{
    for (size_t i = 0; old != NULL && i < old->count; i++) {
        if (is_removed(change, old->parts[i].settled)) {
            continue;
        }
        if (!copy_shared(change, &old->parts[i], &next->parts[next->count])) {
            return false;
        }
        atomic_fetch_add(&old->parts[i].settled->references, 1);
        next->count++;
    }
    for (size_t i = 0; i < change->added_count; i++) {
        fl_version_part *added = &change->added[i];
        if (!copy_shared(change, added, &next->parts[next->count])) {
            return false;
        }
        atomic_fetch_add(&added->settled->references, 1);
        next->count++;
    }
    return true;
}

/* The change's own references and lists are the version's now. */
static void end_change(fl_parts_change *change)
{
    for (size_t i = 0; i < change->added_count; i++) {
        free(change->added[i].shared);
        fl_settled_unref(change->added[i].settled);
    }
    for (size_t i = 0; i < change->removed_count; i++) {
        atomic_store(&change->removed[i]->doomed, true);
    }
}

fl_status fl_parts_publish(fl_store *store, fl_parts_change *change, fl_err *err)
{
    fl_version *old = store->parts.version;
    size_t room = (old != NULL ? old->count : 0) + change->added_count;
    fl_version *next = calloc(1, sizeof *next + room * sizeof next->parts[0]);
    if (next == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for the list of parts");
    }
    atomic_init(&next->references, 1);
    next->number = (old != NULL ? old->number : 0) + 1;
    if (!fill_version(change, old, next)) {
        fl_version_release(next);
        FL_FAIL(err, FL_E_NOMEM, "no memory for the list of parts");
    }
    qsort(next->parts, next->count, sizeof next->parts[0], compare_parts);
    note_stats(store, next);
    uv_mutex_lock(&store->parts.lock);
    store->parts.version = next;
    uv_mutex_unlock(&store->parts.lock);
    end_change(change);
    fl_version_release(old);
    return FL_OK;
}

/* ---- Opening */

typedef struct found_part {
    fl_part_name name;
    bool opened;
    bool replaced; /* by one that was opened: one that cannot be read replaces nothing */
} found_part;

/* Highest level first. */
static int compare_levels(const void *a, const void *b)
{
    const fl_part_name *left = &((const found_part *)a)->name;
    const fl_part_name *right = &((const found_part *)b)->name;
    return left->level > right->level ? -1 : left->level < right->level;
}

/* Does one of the first `count` parts have what the part has? */
static bool is_replaced(const found_part *found, size_t count, const fl_part_name *name)
{
    for (size_t i = 0; i < count; i++) {
        if (found[i].opened && fl_part_name_covers(&found[i].name, name)) {
            return true;
        }
    }
    return false;
}

static bool is_temporary(fl_str name)
{
    static const char suffix[] = ".part.tmp";
    size_t n = sizeof suffix - 1;
    return name.n > n && memcmp(name.p + name.n - n, suffix, n) == 0;
}

/* The parts among the names of the folder, highest level first. */
static size_t sort_out(const fl_store *store, const fl_str *names, size_t count, found_part *found)
{
    size_t parts = 0;
    for (size_t i = 0; i < count; i++) {
        if (fl_part_name_read(names[i], &found[parts].name)) {
            parts++;
        } else if (!is_temporary(names[i])) {
            FL_LOG(store->config.log, FL_LOG_WARN, "file in the parts folder left alone",
                   fl_kv_str("name", names[i]));
        }
    }
    qsort(found, parts, sizeof *found, compare_levels);
    return parts;
}

/* What replaced a part that cannot be read did so without its traces: it lies between neighbours
 * that were merged. */
static bool is_readable(const fl_store *store, const char *path)
{
    fl_part *part;
    fl_status status = fl_part_open(store->config.fs, path, &part, NULL);
    if (status == FL_OK) {
        fl_part_close(part);
    }
    return status != FL_E_CORRUPT;
}

/* Removes what was left unfinished, and what was replaced. */
static void clear_leavings(fl_store *store, const fl_str *names, size_t name_count,
                           const found_part *found, size_t count)
{
    char path[FL_LOCAL_PATH_MAX];
    for (size_t i = 0; i < name_count; i++) {
        if (is_temporary(names[i])) {
            snprintf(path, sizeof path, "%s/%.*s", store->parts.dir, FL_P(names[i]));
            (void)remove_file(store, path);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (found[i].replaced) {
            fl_parts_path(store, &found[i].name, path);
            if (is_readable(store, path)) {
                (void)remove_file(store, path);
            }
        }
    }
}

/* A part that cannot be read stays where it is and counts for nothing; one of another version is
 * refused: a newer fluoro wrote it, and going on without its traces would look as if they were
 * lost.
 */
static fl_status open_found(fl_store *store, found_part *found, fl_version_part *out, fl_err *err)
{
    fl_err inner;
    char path[FL_LOCAL_PATH_MAX];
    fl_parts_path(store, &found->name, path);
    fl_status status = open_settled(store, &found->name, &out->settled, &inner);
    found->opened = status == FL_OK;
    if (status == FL_E_CORRUPT) {
        fl_counter_add(&store->stats->damaged_parts_total, 1);
        FL_LOG(store->config.log, FL_LOG_ERROR,
               "part cannot be read, its traces are missing; the file was left as it is",
               fl_kv_text("file", path), fl_kv_text("error", fl_err_text(&inner, status)));
        return FL_OK;
    }
    if (status == FL_E_NOT_FOUND && store->config.read_only) {
        return FL_OK; /* merged away meanwhile: opening finds out that the folder changed */
    }
    if (status == FL_E_CONFIG) {
        FL_FAIL(err, FL_E_CORRUPT,
                "%s; use the newer one, or move the file away to start without it",
                fl_err_text(&inner, status));
    }
    if (status != FL_OK && err != NULL) {
        *err = inner;
    }
    return status;
}

static fl_status note_shared(fl_parts_change *change, const fl_settled *settled, fl_trace_id id,
                             uint32_t row, fl_err *err)
{
    if (!fl_parts_note(change, settled, id, row)) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for traces in several parts");
    }
    return FL_OK;
}

/* Where the other pieces of a row that continues a trace are. */
static fl_status find_others(fl_parts_change *change, const fl_settled *settled,
                             const fl_part_continued_row *one, fl_err *err)
{
    bool shared = false;
    for (size_t j = 0; j < change->added_count; j++) {
        const fl_settled *other = change->added[j].settled;
        uint32_t row = FL_PART_ROW_NONE;
        if (other == settled || !fl_part_may_have(other->part, one->id)) {
            continue;
        }
        fl_status status = fl_part_find(other->part, one->id, &row, err);
        if (status != FL_OK && status != FL_E_CORRUPT) {
            return status;
        }
        shared |= status == FL_E_CORRUPT || row != FL_PART_ROW_NONE;
        if (row != FL_PART_ROW_NONE) {
            FL_TRY(note_shared(change, other, one->id, row, err));
        }
    }
    return shared ? note_shared(change, settled, one->id, one->row, err) : FL_OK;
}

/* Finds for each row that continues a trace where its other pieces are. */
static fl_status find_shared(fl_parts_change *change, fl_err *err)
{
    for (size_t i = 0; i < change->added_count; i++) {
        const fl_settled *settled = change->added[i].settled;
        size_t count;
        const fl_part_continued_row *rows = fl_part_continued(settled->part, &count);
        for (size_t k = 0; k < count; k++) {
            FL_TRY(find_others(change, settled, &rows[k], err));
        }
    }
    return FL_OK;
}

static fl_status open_all(fl_store *store, found_part *found, size_t count, fl_parts_change *change,
                          fl_err *err)
{
    for (size_t i = 0; i < count; i++) {
        store->parts.next_number = found[i].name.high >= store->parts.next_number
                                       ? found[i].name.high + 1
                                       : store->parts.next_number;
        found[i].replaced = is_replaced(found, i, &found[i].name);
        if (!found[i].replaced) {
            FL_TRY(open_found(store, &found[i], &change->added[change->added_count], err));
            change->added_count += found[i].opened;
        }
    }
    return find_shared(change, err);
}

static fl_status open_listed(fl_store *store, const fl_str *names, size_t count, fl_err *err)
{
    fl_parts_change change = {0};
    found_part *found = calloc(count + 1, sizeof *found);
    change.added = calloc(count + 1, sizeof *change.added);
    fl_status status = FL_E_NOMEM;
    if (found != NULL && change.added != NULL) {
        size_t parts = sort_out(store, names, count, found);
        status = open_all(store, found, parts, &change, err);
        if (status == FL_OK) {
            status = fl_parts_publish(store, &change, err);
        }
        if (status == FL_OK && !store->config.read_only) {
            clear_leavings(store, names, count, found, parts);
        }
        if (status != FL_OK) {
            end_change(&change);
        }
    } else {
        status =
            fl_err_set(err, FL_E_NOMEM, __FILE__, __LINE__, "no memory to open %zu parts", count);
    }
    free(change.notes);
    free(change.added);
    free(found);
    return status;
}

/* Names in the folder, as a number. */
static uint64_t hash_names(const fl_str *names, size_t count)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < count; i++) {
        hash = fl_hash64(names[i].p, names[i].n, hash);
    }
    return hash;
}

bool fl_parts_changed(fl_store *store)
{
    fl_fs *fs = store->config.fs;
    fl_arena arena;
    fl_str *names = NULL;
    size_t count = 0;
    fl_err err;
    fl_arena_init(&arena, NAMES_BYTES);
    fl_status status = fs->list(fs, store->parts.dir, &arena, &names, &count, &err);
    uint64_t hash = status == FL_OK ? hash_names(names, count) : 0;
    fl_arena_fini(&arena);
    return hash != store->parts.names_hash;
}

fl_status fl_parts_open(fl_store *store, fl_err *err)
{
    fl_fs *fs = store->config.fs;
    fl_arena arena;
    fl_str *names = NULL;
    size_t count = 0;
    size_t n = strlen(store->dir) + sizeof "/parts";
    store->parts.next_number = 1;
    store->parts.dir = malloc(n);
    if (store->parts.dir == NULL || uv_mutex_init(&store->parts.lock) != 0) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for the set of parts");
    }
    store->parts.lock_made = true;
    snprintf(store->parts.dir, n, "%s/parts", store->dir);
    if (!store->config.read_only) {
        FL_TRY(fs->make_dir(fs, store->parts.dir, err));
        /* A part may have got its name just before a crash: what it holds leaves the log now. And
         * one that was removed must not come back, when others have its arrival numbers. */
        FL_TRY(fs->sync_dir(fs, store->parts.dir, err));
    }
    fl_arena_init(&arena, NAMES_BYTES);
    fl_status status = fs->list(fs, store->parts.dir, &arena, &names, &count, err);
    if (status == FL_E_NOT_FOUND && store->config.read_only) {
        status = FL_OK;
    }
    if (status == FL_OK) {
        store->parts.names_hash = hash_names(names, count);
        status = open_listed(store, names, count, err);
    }
    fl_arena_fini(&arena);
    return status;
}

void fl_parts_close(fl_store *store)
{
    fl_version_release(store->parts.version);
    if (store->parts.lock_made) {
        uv_mutex_destroy(&store->parts.lock);
    }
    free(store->parts.leavings);
    free(store->parts.dir);
    memset(&store->parts, 0, sizeof store->parts);
}
