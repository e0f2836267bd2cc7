/* fluoro store inspect: what lies in a data directory, and what it takes. */
#include <limits.h>
#include <unistd.h>

#include "cli/cli_int.h"
#include "cli/store_inspect_int.h"

typedef struct settings {
    fl_common common;
    const char *data;
    bool columns;
} settings;

static const fl_option options[] = {
    FL_OPTION_DATA(settings, data),
    {"columns", FL_OPTION_FLAG, NULL, "what each column takes in all parts together",
     offsetof(settings, columns), 0, 0, NULL},
    FL_OPTION_JSON(settings, common, "everything as one JSON object"),
    FL_OPTION_COLOR(settings, common),
    FL_OPTION_WIDTH(settings, common),
};

static const fl_usage usage = {
    .name = "store inspect",
    .operands = "[PART...]",
    .operands_max = INT_MAX,
    .about = "Shows the parts and log files of a data directory, what is pinned, and what\n"
             "waits to be settled. With names of parts (as it shows them, or of files): how\n"
             "each is laid out and what its columns take.\n",
    .examples = "  fluoro store inspect\n"
                "  fluoro store inspect 20261122-1-8-1\n"
                "  fluoro store inspect --columns --json | jq '.Columns[:5]'\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
};

/* ---- Parts */

static fl_status view_part(fl_arena *arena, const fl_inspection *found, const fl_data_part *part,
                           fl_part_view *out, fl_err *err)
{
    fl_err inner = {0};
    *out = (fl_part_view){.part = part};
    fl_status status =
        fl_data_part_read(fl_fs_system(), part, found->with_columns, arena, &out->facts, &inner);
    if (status == FL_E_NOT_FOUND) {
        out->gone = true;
        return FL_OK;
    }
    if (status != FL_OK && status != FL_E_CORRUPT && status != FL_E_IO) {
        FL_FAIL(err, status, "%s", fl_err_text(&inner, status));
    }
    if (status != FL_OK) {
        fl_buf text;
        fl_buf_init(&text, 4096);
        fl_text_without_path(fl_err_text(&inner, status), part->path, &text);
        out->damage = fl_str_zdup(arena, fl_buf_str(&text));
        fl_buf_fini(&text);
        if (out->damage == NULL) {
            FL_FAIL(err, FL_E_NOMEM, "out of memory");
        }
    }
    return FL_OK;
}

static fl_status view_parts(fl_arena *arena, fl_inspection *found, fl_err *err)
{
    found->parts = FL_ARENA_ARRAY(arena, fl_part_view, found->files->part_count);
    if (found->parts == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < found->files->part_count; i++) {
        FL_TRY(view_part(arena, found, &found->files->parts[i], &found->parts[i], err));
        found->part_count++;
    }
    return FL_OK;
}

static const fl_data_part *find_part(const fl_data_dir *files, const char *word)
{
    for (size_t i = 0; i < files->part_count; i++) {
        if (fl_part_is_meant(&files->parts[i], word)) {
            return &files->parts[i];
        }
    }
    return NULL;
}

static fl_status view_named(fl_arena *arena, const fl_operands *names, fl_inspection *found,
                            fl_err *err)
{
    found->parts = FL_ARENA_ARRAY(arena, fl_part_view, (size_t)names->count);
    if (found->parts == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    for (int i = 0; i < names->count; i++) {
        const fl_data_part *part = find_part(found->files, names->values[i]);
        if (part == NULL) {
            FL_FAIL(err, FL_E_NOT_FOUND,
                    "%s holds no part `%.80s`; `fluoro store inspect` lists those that there are",
                    found->dir, names->values[i]);
        }
        FL_TRY(view_part(arena, found, part, &found->parts[found->part_count++], err));
    }
    return FL_OK;
}

/* ---- The log, and the store as a whole */

static fl_status view_logs(fl_arena *arena, fl_inspection *found, fl_err *err)
{
    found->logs = FL_ARENA_ARRAY(arena, fl_log_view, found->files->log_count);
    if (found->logs == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < found->files->log_count; i++) {
        fl_log_view *view = &found->logs[found->log_count++];
        view->log = &found->files->logs[i];
        fl_status status =
            fl_data_log_read(fl_fs_system(), view->log, NULL, NULL, &view->facts, err);
        view->gone = status == FL_E_NOT_FOUND;
        if (status != FL_OK && !view->gone) {
            return status;
        }
    }
    return FL_OK;
}

static fl_status view_store(fl_arena *arena, fl_inspection *found, fl_err *err)
{
    fl_store_reader reader = {0};
    fl_store_view *view = &found->store;
    fl_err inner = {0};
    fl_status status = fl_store_reader_open(&reader, found->dir, true, &inner);
    if (status != FL_OK) {
        view->failure = fl_str_zdup(arena, fl_str_of(fl_err_text(&inner, status)));
        if (view->failure == NULL) {
            FL_FAIL(err, FL_E_NOMEM, "out of memory");
        }
        return FL_OK;
    }
    const fl_store_stats *stats = fl_store_stats_get(reader.store);
    view->traces = fl_counter_get(&stats->traces);
    view->segments = fl_counter_get(&stats->segments);
    view->waiting_traces = fl_counter_get(&stats->live_traces);
    view->waiting_segments = fl_counter_get(&stats->live_segments);
    view->waiting_bytes = fl_counter_get(&stats->live_bytes);
    status = fl_store_pins(reader.store, arena, &view->pins, &view->pin_count, err);
    fl_store_reader_close(&reader);
    return status;
}

typedef struct inspection {
    settings given;
    fl_operands names;
} inspection;

static fl_status inspect(void *user, fl_arena *arena, fl_buf *out, fl_err *err)
{
    const settings *given = &((const inspection *)user)->given;
    const fl_operands *names = &((const inspection *)user)->names;
    fl_data_dir files;
    fl_inspection found = {.files = &files,
                           .by_name = names->count > 0,
                           .with_columns = names->count > 0 || given->columns};
    FL_TRY(fl_store_dir_of(arena, given->data, &found.dir, err));
    FL_TRY(fl_data_list(fl_fs_system(), found.dir, arena, &files, err));
    if (found.by_name) {
        FL_TRY(view_named(arena, names, &found, err));
    } else {
        FL_TRY(view_parts(arena, &found, err));
        FL_TRY(view_logs(arena, &found, err));
        FL_TRY(view_store(arena, &found, err));
    }
    if (given->common.json) {
        return fl_inspection_json(arena, &found, out, err);
    }
    fl_screen screen = fl_screen_of(&given->common, STDOUT_FILENO, 0, out);
    return fl_inspection_draw(arena, &screen, &found, err);
}

int fl_cli_store_inspect(int argc, char **argv)
{
    inspection asked = {0};
    int exit_code;
    if (!fl_usage_read(&usage, argc, argv, &asked.given, &asked.names, &exit_code)) {
        return exit_code;
    }
    return fl_cli_run(FL_CLI_OUTPUT_MAX, inspect, &asked);
}
