/* A data directory looked at from outside: names, and parts one by one. */
#include <stdio.h>
#include <stdlib.h>

#include "store/local/local_int.h"

#define NS_PER_DAY (INT64_C(86400) * FL_NS_PER_S)

/* ---- Listing */

/* The names in DIR/<folder>; none if the folder is not there. */
static fl_status list_folder(fl_fs *fs, const char *dir, const char *folder, fl_arena *arena,
                             fl_str **names, size_t *count, bool *there, fl_err *err)
{
    char path[FL_LOCAL_PATH_MAX];
    fl_err inner;
    int n = snprintf(path, sizeof path, "%s/%s", dir, folder);
    if (n < 0 || (size_t)n >= sizeof path) {
        FL_FAIL(err, FL_E_INVALID, "the data directory's path is too long");
    }
    *count = 0;
    fl_status status = fs->list(fs, path, arena, names, count, &inner);
    *there = status != FL_E_NOT_FOUND;
    if (status != FL_OK && status != FL_E_NOT_FOUND) {
        FL_FAIL(err, status, "%s", fl_err_text(&inner, status));
    }
    return FL_OK;
}

/* DIR/<folder>/<name>, or <folder>/<name> if dir is NULL; NULL without memory. */
static char *path_in(fl_arena *arena, const char *dir, const char *folder, fl_str name)
{
    size_t n = (dir != NULL ? strlen(dir) + 1 : 0) + strlen(folder) + 1 + name.n + 1;
    char *path = fl_arena_alloc(arena, n);
    if (path != NULL) {
        snprintf(path, n, "%s%s%s/%.*s", dir != NULL ? dir : "", dir != NULL ? "/" : "", folder,
                 FL_P(name));
    }
    return path;
}

static bool add_name(fl_arena *arena, const char *folder, fl_str name, fl_str *names, size_t *count)
{
    names[*count] = fl_str_of(path_in(arena, NULL, folder, name));
    return names[(*count)++].p != NULL;
}

static bool is_unfinished(fl_str name)
{
    static const char suffix[] = ".tmp";
    fl_part_name part;
    size_t n = sizeof suffix - 1;
    return name.n > n && memcmp(name.p + name.n - n, suffix, n) == 0 &&
           fl_part_name_read((fl_str){name.p, name.n - n}, &part);
}

static int compare_parts(const void *a, const void *b)
{
    const fl_data_part *left = a, *right = b;
    if (left->day_ns != right->day_ns) {
        return left->day_ns < right->day_ns ? -1 : 1;
    }
    if (left->low != right->low) {
        return left->low < right->low ? -1 : 1;
    }
    return left->level < right->level ? -1 : left->level > right->level;
}

static fl_part_name name_of(const fl_data_part *part)
{
    return (fl_part_name){part->day_ns / NS_PER_DAY, part->low, part->high, part->level};
}

static void find_replaced(fl_data_part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fl_part_name name = name_of(&parts[i]);
        for (size_t j = 0; j < count && !parts[i].replaced; j++) {
            fl_part_name other = name_of(&parts[j]);
            parts[i].replaced = fl_part_name_covers(&other, &name);
        }
    }
}

static bool sort_parts(fl_arena *arena, const char *dir, const fl_str *names, size_t count,
                       fl_data_dir *out)
{
    fl_part_name name;
    for (size_t i = 0; i < count; i++) {
        if (fl_part_name_read(names[i], &name)) {
            fl_data_part *part = &out->parts[out->part_count++];
            *part = (fl_data_part){.name = names[i],
                                   .path = path_in(arena, dir, "parts", names[i]),
                                   .day_ns = name.partition * NS_PER_DAY,
                                   .low = name.low,
                                   .high = name.high,
                                   .level = name.level};
            if (part->path == NULL) {
                return false;
            }
        } else if (!(is_unfinished(names[i]) ? add_name(arena, "parts", names[i], out->unfinished,
                                                        &out->unfinished_count)
                                             : add_name(arena, "parts", names[i], out->strangers,
                                                        &out->stranger_count))) {
            return false;
        }
    }
    if (out->part_count > 1) {
        qsort(out->parts, out->part_count, sizeof *out->parts, compare_parts);
    }
    find_replaced(out->parts, out->part_count);
    return true;
}

/* Names come sorted, and so by sequence. */
static bool sort_logs(fl_arena *arena, const char *dir, const fl_str *names, size_t count,
                      fl_data_dir *out)
{
    for (size_t i = 0; i < count; i++) {
        fl_data_log *log = &out->logs[out->log_count];
        if (fl_wal_file_name(names[i], &log->sequence, &log->shard)) {
            log->name = names[i];
            log->path = path_in(arena, dir, "log", names[i]);
            out->log_count++;
            if (log->path == NULL) {
                return false;
            }
        } else if (!add_name(arena, "log", names[i], out->strangers, &out->stranger_count)) {
            return false;
        }
    }
    return true;
}

fl_status fl_data_list(fl_fs *fs, const char *dir, fl_arena *arena, fl_data_dir *out, fl_err *err)
{
    fl_str *parts = NULL, *logs = NULL;
    size_t part_names, log_names;
    bool has_parts, has_log;
    /* The log first: what is settled in between is listed twice, not never. */
    FL_TRY(list_folder(fs, dir, "log", arena, &logs, &log_names, &has_log, err));
    FL_TRY(list_folder(fs, dir, "parts", arena, &parts, &part_names, &has_parts, err));
    if (!has_parts && !has_log) {
        FL_FAIL(err, FL_E_NOT_FOUND,
                "%s is no data directory of fluoro; name the one of `fluoro serve` with --data",
                dir);
    }
    fl_data_dir found = {
        .parts = FL_ARENA_ARRAY(arena, fl_data_part, part_names),
        .logs = FL_ARENA_ARRAY(arena, fl_data_log, log_names + 1),
        .unfinished = FL_ARENA_ARRAY(arena, fl_str, part_names),
        .strangers = FL_ARENA_ARRAY(arena, fl_str, part_names + log_names),
    };
    if (found.parts == NULL || found.logs == NULL || found.unfinished == NULL ||
        found.strangers == NULL || !sort_parts(arena, dir, parts, part_names, &found) ||
        !sort_logs(arena, dir, logs, log_names, &found)) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for the names of %zu files", part_names + log_names);
    }
    *out = found;
    return FL_OK;
}

/* ---- Parts */

static fl_status copy_columns(fl_part *part, fl_arena *arena, fl_data_part_facts *facts,
                              fl_err *err)
{
    fl_part_column *columns;
    size_t count;
    FL_TRY(fl_part_columns(part, arena, &columns, &count, err));
    facts->columns = FL_ARENA_ARRAY(arena, fl_data_column, count);
    if (facts->columns == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for %zu columns", count);
    }
    for (size_t i = 0; i < count; i++) {
        if (columns[i].values == 0 && columns[i].filter_bytes == 0) {
            continue; /* a fixed column that no document uses */
        }
        fl_data_column *out = &facts->columns[facts->column_count++];
        *out = (fl_data_column){
            .path = fl_str_dup(arena, columns[i].path), /* of the part, which is closed */
            .kind = columns[i].kind,
            .values = columns[i].values,
            .raw_bytes = columns[i].raw_bytes,
            .stored_bytes = columns[i].stored_bytes,
            .dictionary = columns[i].dictionary,
            .filter_bytes = columns[i].filter_bytes,
        };
        if (out->path.p == NULL) {
            FL_FAIL(err, FL_E_NOMEM, "no memory for %zu columns", count);
        }
    }
    return FL_OK;
}

static fl_data_part_facts facts_of(const fl_part *part)
{
    const fl_part_info *info = fl_part_info_of(part);
    fl_part_layout layout = fl_part_layout_of(part);
    return (fl_data_part_facts){
        .traces = info->rows,
        .segments = info->records,
        .spans = info->spans,
        .file_bytes = info->file_bytes,
        .packed_bytes = info->packed_bytes,
        .oldest_ns = info->oldest.time_ns,
        .newest_ns = info->newest.time_ns,
        .blocks = layout.blocks,
        .shapes = layout.shapes,
        .paths = layout.paths,
        .block_bytes = layout.block_bytes,
        .schema_bytes = layout.schema_bytes,
        .dictionary_bytes = layout.dictionary_bytes,
        .filter_bytes = layout.filter_bytes,
        .index_bytes = layout.index_bytes,
        .footer_bytes = layout.footer_bytes,
    };
}

fl_status fl_data_part_read(fl_fs *fs, const fl_data_part *part, bool with_columns, fl_arena *arena,
                            fl_data_part_facts *out, fl_err *err)
{
    fl_part *open;
    FL_TRY(fl_part_open(fs, part->path, &open, err));
    fl_data_part_facts facts = facts_of(open);
    fl_status status = with_columns ? copy_columns(open, arena, &facts, err) : FL_OK;
    fl_part_close(open);
    if (status == FL_OK) {
        *out = facts;
    }
    return status;
}

/* A part's name says of which day its traces are: retention goes by it. */
static bool is_of_its_day(const fl_data_part *part, const fl_part_info *info)
{
    int64_t day = part->day_ns / NS_PER_DAY;
    return fl_partition_of(info->newest.time_ns) == day &&
           fl_partition_of(info->oldest.time_ns) == day;
}

fl_status fl_data_part_verify(fl_fs *fs, const fl_data_part *part, fl_data_problem_fn *problem,
                              void *user, uint64_t *problems, fl_err *err)
{
    fl_part *open;
    fl_err inner = {0};
    uint64_t found = 0;
    fl_status status = fl_part_open(fs, part->path, &open, &inner);
    if (status == FL_E_CORRUPT || status == FL_E_CONFIG) {
        problem(user, fl_err_text(&inner, status));
        *problems = 1;
        return FL_OK;
    }
    if (status != FL_OK) {
        FL_FAIL(err, status, "%s", fl_err_text(&inner, status));
    }
    status = fl_part_verify(open, problem, user, &found, err);
    if (!is_of_its_day(part, fl_part_info_of(open))) {
        problem(user, "the file's name tells of another day than its traces");
        found++;
    }
    fl_part_close(open);
    FL_TRY(status);
    *problems = found;
    return FL_OK;
}
