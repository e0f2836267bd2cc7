/*
 * Merges: a run of neighbouring parts of one partition, alike in size, becomes one part. Sizes go
 * in steps of the number of parts that are merged, so a trace is rewritten once a step: as often as
 * the logarithm of the partition's size says, whatever comes in. Old partitions are closed: what is
 * left in them becomes one part, as far as a part may grow.
 */
#include "store/local/view_int.h"

#include <stdlib.h>

#define RUN_MAX        64                            /* parts in one merge */
#define CLOSE_AFTER_NS (INT64_C(3600) * FL_NS_PER_S) /* since a partition got its last records */
#define NS_PER_DAY     (INT64_C(86400) * FL_NS_PER_S)

/* ---- Choosing */

typedef struct run {
    size_t first, count; /* in the version; count 0 = nothing to merge */
} run;

static const fl_part_info *info_of(const fl_version *version, size_t at)
{
    return fl_part_info_of(version->parts[at].settled->part);
}

/* Sizes of one step are within a factor of merge_parts of each other. */
static unsigned step_of(uint64_t bytes, uint32_t merge_parts)
{
    unsigned step = 0;
    for (; bytes >= merge_parts; bytes /= merge_parts) {
        step++;
    }
    return step;
}

/* The longest run from `first` on of one partition and of steps up to `step`, whose parts together
 * stay below the largest size. */
static run run_from(const fl_store *store, const fl_version *version, size_t first, size_t end,
                    unsigned step)
{
    run found = {.first = first};
    uint64_t bytes = 0;
    while (first + found.count < end && found.count < RUN_MAX) {
        size_t at = first + found.count;
        uint64_t more = info_of(version, at)->file_bytes;
        if (version->parts[at].settled->damaged || bytes + more > store->options.part_bytes ||
            step_of(more, store->options.merge_parts) > step) {
            break;
        }
        bytes += more;
        found.count++;
    }
    return found;
}

/* Has the partition's time gone by, and is nothing coming for it any more? */
static bool is_closed(const fl_store *store, const fl_version *version, size_t first, size_t end)
{
    int64_t now_ns = fl_clock_wall(store->config.clock), latest_ns = INT64_MIN;
    for (size_t i = first; i < end; i++) {
        int64_t basis_ns = info_of(version, i)->basis_max_ns;
        latest_ns = basis_ns > latest_ns ? basis_ns : latest_ns;
    }
    int64_t ends_ns = (version->parts[first].settled->name.partition + 1) * NS_PER_DAY;
    return now_ns - CLOSE_AFTER_NS > ends_ns && now_ns - CLOSE_AFTER_NS > latest_ns;
}

/* What to merge in one partition: smallest sizes first. */
static run choose_in(const fl_store *store, const fl_version *version, size_t first, size_t end)
{
    size_t wanted = is_closed(store, version, first, end) ? 2 : store->options.merge_parts;
    for (unsigned step = 0; step <= 64; step++) {
        for (size_t i = first; i + wanted <= end;) {
            run found = run_from(store, version, i, end, step);
            if (found.count >= wanted) {
                return found;
            }
            i += found.count != 0 ? found.count : 1;
        }
    }
    return (run){0};
}

static run choose(const fl_store *store, const fl_version *version)
{
    for (size_t first = 0, end; first < version->count; first = end) {
        int64_t partition = version->parts[first].settled->name.partition;
        end = first + 1;
        while (end < version->count && version->parts[end].settled->name.partition == partition) {
            end++;
        }
        run found = choose_in(store, version, first, end);
        if (found.count != 0) {
            return found;
        }
    }
    return (run){0};
}

/* ---- Merging */

typedef struct merger {
    fl_store *store;
    fl_view view;
    run inputs;
    fl_removable removable;
    fl_spared_fn *spared; /* NULL = all that has not expired */
    void *user;
    uint64_t pins_changes; /* when it began */
    fl_trace_id *shared;   /* of the inputs, ascending */
    size_t shared_count;
    fl_parts_change change;
    fl_settled *removed[RUN_MAX];
    fl_part_continued_row *rows; /* of the output that are shared */
    size_t row_count, row_capacity;
    uint32_t kept;
    uint64_t left_out;
    fl_status status;
    fl_err err;
} merger;

static int compare_ids(const void *a, const void *b)
{
    return fl_trace_id_cmp(*(const fl_trace_id *)a, *(const fl_trace_id *)b);
}

static fl_status list_shared(merger *m, fl_err *err)
{
    size_t count = 0;
    for (size_t i = 0; i < m->inputs.count; i++) {
        count += m->view.version->parts[m->inputs.first + i].shared_count;
    }
    m->shared = calloc(count + 1, sizeof *m->shared);
    if (m->shared == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for traces in several parts");
    }
    for (size_t i = 0; i < m->inputs.count; i++) {
        const fl_version_part *part = &m->view.version->parts[m->inputs.first + i];
        for (size_t k = 0; k < part->shared_count; k++) {
            m->shared[m->shared_count++] = part->shared[k].id;
        }
    }
    qsort(m->shared, m->shared_count, sizeof *m->shared, compare_ids);
    return FL_OK;
}

/* The pieces of a trace in parts that are not merged now; not *whole if one of those may have
 * another that cannot be read. */
static fl_status find_others(merger *m, fl_trace_id id, fl_piece *pieces, size_t *count,
                             bool *whole, fl_err *err)
{
    size_t kept = 0;
    FL_TRY(fl_view_find(&m->view, id, pieces, count, whole, err));
    for (size_t i = 0; i < *count; i++) {
        size_t part = pieces[i].part;
        if (part < m->inputs.first || part >= m->inputs.first + m->inputs.count) {
            pieces[kept++] = pieces[i];
        }
    }
    *count = kept;
    return FL_OK;
}

/* A trace stays if it is to be spared as a whole, or if one of its pieces alone would be: that one
 * would seem to be the whole trace when the others are gone. */
static bool is_kept(const merger *m, const fl_piece *pieces, size_t count)
{
    fl_part_row whole = fl_pieces_join(pieces, count);
    for (size_t i = 0; i <= count; i++) {
        const fl_part_row *row = i < count ? &pieces[i].facts : &whole;
        if (m->spared != NULL ? m->spared(m->user, row)
                              : !fl_local_is_removable(m->store, row, &m->removable)) {
            return true;
        }
    }
    return false;
}

static fl_status note_shared(merger *m, fl_part_row *row, bool *stays, fl_err *err)
{
    fl_piece pieces[FL_VIEW_PIECES_MAX + 1];
    size_t count;
    bool whole = true;
    FL_TRY(find_others(m, row->id, pieces, &count, &whole, err));
    row->continues = count != 0 || !whole;
    pieces[count] = (fl_piece){.facts = *row};
    *stays = is_kept(m, pieces, count + 1);
    if (!*stays || !row->continues) {
        return FL_OK;
    }
    if (!fl_local_room((void **)&m->rows, &m->row_capacity, m->row_count, sizeof *m->rows)) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for traces in several parts");
    }
    m->rows[m->row_count++] = (fl_part_continued_row){.id = row->id, .row = m->kept};
    return FL_OK;
}

static bool keep(void *user, fl_part_row *row)
{
    merger *m = user;
    bool stays = true;
    bool is_shared =
        bsearch(&row->id, m->shared, m->shared_count, sizeof *m->shared, compare_ids) != NULL;
    if (is_shared && m->status == FL_OK) {
        m->status = note_shared(m, row, &stays, &m->err);
    } else {
        fl_piece alone = {.facts = *row};
        row->continues = false;
        stays = is_kept(m, &alone, 1);
    }
    m->kept += stays;
    m->left_out += !stays;
    return stays;
}

static bool begins_anew(void *user, const fl_part_row *before, const fl_part_row *next)
{
    const merger *m = user;
    return fl_local_begins_anew(m->store, before, next);
}

static bool go_on(void *user)
{
    merger *m = user;
    return m->status == FL_OK && fl_keeper_turn(m->store);
}

static fl_status write_output(merger *m, const fl_part_name *name, fl_part_info *info, fl_err *err)
{
    fl_part *inputs[RUN_MAX];
    char path[FL_LOCAL_PATH_MAX];
    fl_fs *fs = m->store->config.fs;
    fl_part_options options = {.block_rows = m->store->options.block_rows};
    for (size_t i = 0; i < m->inputs.count; i++) {
        inputs[i] = m->view.version->parts[m->inputs.first + i].settled->part;
    }
    fl_part_merge merge = {.inputs = inputs,
                           .count = m->inputs.count,
                           .keep = keep,
                           .begins_anew = begins_anew,
                           .go_on = go_on,
                           .user = m};
    fl_parts_temporary_path(m->store, name, path);
    fl_parts_clear_temporary(m->store, name);
    fl_status status = fl_part_merge_to(&merge, fs, path, &options, info, err);
    if (m->status != FL_OK) {
        status = m->status;
        *err = m->err;
    }
    if (status != FL_OK) {
        fl_parts_clear_temporary(m->store, name);
    }
    return status;
}

/* Settles that ran meanwhile may have found more of the inputs' rows to be shared, and a trace of
 * theirs in the inputs: the new part must know these rows, too. */
static fl_status note_late(merger *m, fl_settled *output, fl_err *err)
{
    fl_version *now = fl_version_acquire(m->store);
    fl_status status = FL_OK;
    for (size_t i = 0; i < now->count && status == FL_OK; i++) {
        const fl_version_part *part = &now->parts[i];
        bool is_input = false;
        for (size_t k = 0; k < m->inputs.count; k++) {
            is_input |= part->settled == m->view.version->parts[m->inputs.first + k].settled;
        }
        for (size_t k = 0; is_input && k < part->shared_count && status == FL_OK; k++) {
            uint32_t row;
            status = fl_part_find(output->part, part->shared[k].id, &row, err);
            if (status == FL_OK && row != FL_PART_ROW_NONE &&
                !fl_parts_note(&m->change, output, part->shared[k].id, row)) {
                status = fl_err_set(err, FL_E_NOMEM, __FILE__, __LINE__, "no memory");
            }
        }
    }
    bool changed = now != m->view.version;
    fl_version_release(now);
    return changed ? status : FL_OK;
}

/* Puts the output, if there is one, in the place of the inputs. */
static fl_status replace_inputs(merger *m, const fl_part_name *name, const fl_part_info *info,
                                fl_err *err)
{
    fl_version_part output = {0};
    for (size_t i = 0; i < m->inputs.count; i++) {
        m->removed[i] = m->view.version->parts[m->inputs.first + i].settled;
    }
    m->change.removed = m->removed;
    m->change.removed_count = m->inputs.count;
    if (info->rows != 0) {
        FL_TRY(fl_parts_adopt(m->store, name, &output.settled, err));
        output.settled->spared = m->spared != NULL;
        output.settled->spared_mono_ns = fl_clock_mono(m->store->config.clock);
        output.settled->pins_changes = m->pins_changes;
    }
    fl_status status = output.settled != NULL ? note_late(m, output.settled, err) : FL_OK;
    for (size_t i = 0; i < m->row_count && status == FL_OK; i++) {
        if (!fl_parts_note(&m->change, output.settled, m->rows[i].id, m->rows[i].row)) {
            status = fl_err_set(err, FL_E_NOMEM, __FILE__, __LINE__, "no memory");
        }
    }
    if (status == FL_OK) {
        m->change.added = &output;
        m->change.added_count = output.settled != NULL;
        status = fl_parts_publish(m->store, &m->change, err);
        m->change.added = NULL;
    }
    if (status != FL_OK && output.settled != NULL) {
        fl_parts_reject(output.settled);
    }
    return status;
}

/* A part that a merge cannot read is left out of merges from now on. */
static void find_damaged(merger *m)
{
    for (size_t i = 0; i < m->inputs.count; i++) {
        fl_settled *settled = m->view.version->parts[m->inputs.first + i].settled;
        fl_part *one = settled->part;
        fl_part_merge alone = {.inputs = &one, .count = 1, .keep = NULL, .user = NULL};
        fl_err err;
        char path[FL_LOCAL_PATH_MAX];
        fl_part_info info;
        fl_fs *fs = m->store->config.fs;
        fl_parts_temporary_path(m->store, &settled->name, path);
        fl_status status = fl_part_merge_to(&alone, fs, path, NULL, &info, &err);
        fl_parts_clear_temporary(m->store, &settled->name);
        if (status == FL_E_CORRUPT) {
            settled->damaged = true; /* and not merged any more */
            fl_view_note_damage(&m->view, (uint32_t)(m->inputs.first + i), &err);
        }
    }
}

static fl_status merge_run(merger *m, fl_err *err)
{
    fl_part_info info = {0};
    const fl_version_part *parts = &m->view.version->parts[m->inputs.first];
    fl_part_name name = parts[0].settled->name;
    for (size_t i = 0; i < m->inputs.count; i++) {
        const fl_part_name *input = &parts[i].settled->name;
        name.high = input->high;
        name.level = input->level >= name.level ? input->level : name.level;
    }
    name.level++;
    FL_TRY(fl_parts_clear(m->store, err));
    FL_TRY(list_shared(m, err));
    fl_status status = write_output(m, &name, &info, err);
    if (status == FL_E_CORRUPT) {
        find_damaged(m);
    }
    FL_TRY(status);
    FL_TRY(replace_inputs(m, &name, &info, err));
    fl_counter_add(&m->store->stats->merges_total, 1);
    fl_counter_add(&m->store->stats->merged_bytes_total, info.file_bytes);
    return FL_OK;
}

static void merger_fini(merger *m)
{
    free(m->shared);
    free(m->rows);
    free(m->change.notes);
    fl_view_close(&m->view);
}

fl_status fl_merge_once(fl_store *store, bool *did, fl_err *err)
{
    merger m = {.store = store, .removable = fl_local_removable(store)};
    *did = false;
    FL_TRY(fl_view_open(store, &m.view, err));
    m.inputs = choose(store, m.view.version);
    fl_counter_set(&store->stats->merging, m.inputs.count != 0);
    fl_status status = FL_OK;
    if (m.inputs.count != 0) {
        status = merge_run(&m, err);
        *did = status == FL_OK;
        fl_counter_add(&store->stats->expired_age_total, *did ? m.left_out : 0);
    }
    merger_fini(&m);
    return status;
}

fl_status fl_merge_rewrite(fl_store *store, const fl_settled *settled, fl_spared_fn *spared,
                           void *user, uint64_t *left_out, fl_err *err)
{
    merger m = {
        .store = store, .spared = spared, .user = user, .pins_changes = fl_pins_changes(store)};
    fl_status status = FL_OK;
    FL_TRY(fl_view_open(store, &m.view, err));
    for (size_t i = 0; i < m.view.version->count && m.inputs.count == 0; i++) {
        if (m.view.version->parts[i].settled == settled) {
            m.inputs = (run){.first = i, .count = 1};
        }
    }
    if (m.inputs.count != 0) {
        status = merge_run(&m, err);
    }
    *left_out = status == FL_OK ? m.left_out : 0;
    merger_fini(&m);
    return status;
}
