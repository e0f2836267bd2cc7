/*
 * Retention. A part goes when all in it has expired; beyond the disk budget the part with the
 * oldest traces goes. Traces in it that must stay (pinned ones, and those that live on in newer
 * parts) are first written into a part of their own. What expired in a part that stays is hidden
 * from reads, and left out by the next merge.
 */
#include "store/local/view_int.h"

#define AHEAD_NS          (INT64_C(60) * FL_NS_PER_S) /* no jump, but a correction */
#define BELIEVED_AFTER_NS (INT64_C(3600) * FL_NS_PER_S)
#define SPARED_FOR_NS                                                                              \
    (INT64_C(3600) * FL_NS_PER_S) /* before a part of spared traces is tried again */

/* ---- Time */

static int64_t cutoff_at(const fl_store *store, int64_t now_ns)
{
    int64_t cutoff;
    int64_t retention_ns = store->config.retention_ns;
    if (retention_ns == 0 || __builtin_sub_overflow(now_ns, retention_ns, &cutoff)) {
        return INT64_MIN;
    }
    return cutoff;
}

int64_t fl_local_cutoff(const fl_store *store)
{
    return cutoff_at(store, fl_clock_wall(store->config.clock));
}

void fl_time_init(fl_store *store)
{
    store->time.wall_ns = fl_clock_wall(store->config.clock);
    store->time.mono_ns = fl_clock_mono(store->config.clock);
    atomic_init(&store->time.cutoff_ns, cutoff_at(store, store->time.wall_ns));
}

/* The cutoff by the clock as far as it is believed. */
static int64_t believed_cutoff(fl_store *store)
{
    fl_time *time = &store->time;
    int64_t wall_ns = fl_clock_wall(store->config.clock);
    int64_t mono_ns = fl_clock_mono(store->config.clock);
    int64_t passed_ns = mono_ns - time->mono_ns;
    int64_t now_ns = time->wall_ns + passed_ns;
    if (wall_ns <= now_ns + AHEAD_NS || passed_ns >= BELIEVED_AFTER_NS) {
        time->wall_ns = now_ns = wall_ns;
        time->mono_ns = mono_ns;
    }
    atomic_store(&time->cutoff_ns, cutoff_at(store, now_ns));
    return cutoff_at(store, now_ns);
}

fl_removable fl_local_removable(fl_store *store)
{
    int64_t cutoff_ns = believed_cutoff(store);
    for (size_t i = 0; i < store->shard_count; i++) {
        int64_t oldest_ns = atomic_load(&store->shards[i].oldest_arrival_ns), expired_ns;
        if (!__builtin_sub_overflow(oldest_ns, store->config.retention_ns, &expired_ns) &&
            expired_ns < cutoff_ns) {
            cutoff_ns = expired_ns;
        }
    }
    return (fl_removable){.cutoff_ns = cutoff_ns,
                          .first_arrival = fl_wal_files_first_arrival(store)};
}

/* ---- Live rows */

void fl_shard_sweep(fl_shard *shard)
{
    fl_store *store = shard->store;
    int64_t cutoff = fl_local_cutoff(store), oldest = INT64_MAX;
    int64_t removable = atomic_load(&store->time.cutoff_ns);
    cutoff = removable < cutoff ? removable : cutoff;
    for (uint32_t i = 0; i < shard->rows.made; i++) {
        fl_row *row = fl_rows_at(&shard->rows, i);
        if (row == NULL || row->record_count == 0) {
            continue;
        }
        fl_part_row piece = fl_row_piece(row);
        if (row->pending == 0 && !row->settled_before && !row->settling &&
            fl_local_expired(store, &piece, cutoff)) {
            fl_counter_add(&store->stats->expired_age_total, 1);
            fl_shard_drop(shard, row);
        } else if (row->time_ns < oldest) {
            oldest = row->time_ns;
        }
    }
    atomic_store(&shard->oldest_ns, oldest);
}

/* ---- Parts */

typedef struct aging {
    fl_store *store;
    fl_removable removable;
} aging;

static bool has_not_expired(void *user, const fl_part_row *row)
{
    const aging *a = user;
    return !fl_local_is_removable(a->store, row, &a->removable);
}

typedef struct sparing {
    fl_store *store;
    int64_t basis_ns;
} sparing;

/* Does the trace go on in newer parts, or is it pinned? */
static bool is_newer(void *user, const fl_part_row *row)
{
    const sparing *s = user;
    return fl_basis_ns(row->time_ns, row->last_arrival_ns) > s->basis_ns ||
           fl_pins_cover(s->store, row->id, INT64_MAX, INT64_MAX);
}

/* Was it made of spared traces alone, a while ago, and have pins not changed since? */
static bool is_made_of_spared(fl_store *store, const fl_settled *settled)
{
    return settled->spared && settled->pins_changes == fl_pins_changes(store) &&
           fl_clock_mono(store->config.clock) - settled->spared_mono_ns < SPARED_FOR_NS;
}

/* Removes a part but for what is to be spared; false if nothing came of it. */
static bool drop_part(fl_store *store, const fl_settled *settled, fl_spared_fn *spared, void *user,
                      fl_counter *counter)
{
    fl_err err;
    uint64_t left_out;
    fl_status status = fl_merge_rewrite(store, settled, spared, user, &left_out, &err);
    fl_counter_add(counter, left_out);
    if (status != FL_OK && status != FL_E_SHUTDOWN) {
        FL_LOG(store->config.log, FL_LOG_ERROR, "part not removed",
               fl_kv_text("file", fl_part_path(settled->part)),
               fl_kv_text("error", fl_err_text(&err, status)));
    }
    return status == FL_OK && left_out != 0;
}

static void retain_by_age(fl_store *store)
{
    aging a = {.store = store, .removable = fl_local_removable(store)};
    fl_version *version = fl_version_acquire(store);
    for (size_t i = 0; i < version->count; i++) {
        const fl_settled *settled = version->parts[i].settled;
        const fl_part_info *info = fl_part_info_of(settled->part);
        if (info->basis_max_ns < a.removable.cutoff_ns &&
            info->arrival_max < a.removable.first_arrival && !is_made_of_spared(store, settled)) {
            (void)drop_part(store, settled, has_not_expired, &a, &store->stats->expired_age_total);
        }
    }
    fl_version_release(version);
}

/* The part with the oldest traces of which some can go; NULL as long as the log may have records of
 * them, too. */
static const fl_settled *oldest_part(fl_store *store, const fl_version *version)
{
    const fl_settled *oldest = NULL;
    for (size_t i = 0; i < version->count; i++) {
        const fl_settled *settled = version->parts[i].settled;
        if ((oldest == NULL || fl_store_place_cmp(&fl_part_info_of(settled->part)->newest,
                                                  &fl_part_info_of(oldest->part)->newest) > 0) &&
            !is_made_of_spared(store, settled)) {
            oldest = settled;
        }
    }
    bool is_in_log = oldest != NULL && fl_part_info_of(oldest->part)->arrival_max >=
                                           fl_wal_files_first_arrival(store);
    return is_in_log ? NULL : oldest;
}

static uint64_t disk_bytes(const fl_store *store)
{
    return fl_counter_get(&store->stats->log_bytes) + fl_counter_get(&store->stats->part_bytes);
}

static void retain_by_disk(fl_store *store)
{
    bool freed = true;
    while (store->config.disk_bytes != 0 && freed && disk_bytes(store) > store->config.disk_bytes) {
        fl_version *version = fl_version_acquire(store);
        const fl_settled *oldest = oldest_part(store, version);
        sparing s = {.store = store};
        if (oldest != NULL) {
            s.basis_ns = fl_part_info_of(oldest->part)->basis_max_ns;
        }
        freed = oldest != NULL &&
                drop_part(store, oldest, is_newer, &s, &store->stats->expired_disk_total);
        fl_version_release(version);
    }
    atomic_store(&store->disk_pressed,
                 store->config.disk_bytes != 0 && disk_bytes(store) > store->config.disk_bytes);
}

void fl_retain(fl_store *store)
{
    retain_by_age(store);
    retain_by_disk(store);
}
