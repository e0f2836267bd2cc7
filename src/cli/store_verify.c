/* fluoro store verify: reads everything in a data directory and checks it. */
#include <stdio.h>
#include <unistd.h>

#include "cli/cli_int.h"
#include "cli/step_int.h"
#include "cli/store_int.h"
#include "codec/codec.h"

#define FILE_PROBLEMS_MAX 8 /* different ones of one file that are told; all are counted */

typedef struct settings {
    fl_common common;
    const char *data;
} settings;

static const fl_option options[] = {
    FL_OPTION_DATA(settings, data),
    FL_OPTION_JSON(settings, common, "the findings as one JSON object"),
    FL_OPTION_COLOR(settings, common),
};

static const fl_usage usage = {
    .name = "store verify",
    .operands = "",
    .about = "Reads every part and log file of a data directory and checks all of it:\n"
             "checksums, each document, order, index, filters; then whether a server could\n"
             "open it. One line a problem, with file, place and what to do. Nothing is\n"
             "changed. Exits with 0 if all is sound, with 1 if there are problems.\n",
    .examples = "  fluoro store verify --data /var/lib/fluoro\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
};

#define REMEDY_PART                                                                                \
    "restore the file from a copy, or move it away: its traces are missing then, no others"
#define REMEDY_MENDED "a server that starts here mends it"
#define REMEDY_LOG                                                                                 \
    "restore the file from a copy; else leave it: a server reads all but the lost records"
#define REMEDY_OVERLAP "move one of them away if a copy shows that it is older"

typedef struct verifier {
    fl_arena *arena;
    const settings *given;
    const char *dir;
    fl_data_dir files;
    fl_buf *out;
    fl_screen screen;
    fl_jw json;
    bool shows_progress;
    uint64_t problems, parts, logs, bytes, spans, records, unfinished_bytes;
    /* of the file at hand */
    const char *folder;
    fl_str name;
    const char *path;
    const char *remedy;
    uint64_t told[FILE_PROBLEMS_MAX]; /* hashes of texts */
    size_t told_count;
} verifier;

/* ---- Findings */

static void write_json(verifier *v, fl_str text)
{
    fl_jw *w = &v->json;
    char file[FL_ERR_MESSAGE_MAX];
    snprintf(file, sizeof file, "%s%.*s", v->folder, FL_P(fl_str_clip(v->name, 200)));
    fl_jw_open(w, '{');
    fl_jw_key_str(w, FL_S("File"), fl_str_of(file));
    fl_jw_key_str(w, FL_S("Problem"), text);
    fl_jw_key_str(w, FL_S("Remedy"), fl_str_of(v->remedy));
    fl_jw_close(w, '}');
}

static void write_line(verifier *v, fl_str text)
{
    fl_screen *screen = &v->screen;
    fl_screen_add_glyph(screen, FL_STYLE_FAULT, FL_GLYPH_FAULT);
    fl_screen_add(screen, FL_STYLE_PLAIN, FL_S(" "));
    fl_screen_add(screen, FL_STYLE_BOLD, fl_str_of(v->folder));
    fl_screen_add(screen, FL_STYLE_BOLD, v->name);
    fl_screen_add(screen, FL_STYLE_PLAIN, FL_S(": "));
    fl_screen_add(screen, FL_STYLE_PLAIN, text);
    fl_screen_add(screen, FL_STYLE_DIM, FL_S("; "));
    fl_screen_add(screen, FL_STYLE_DIM, fl_str_of(v->remedy));
    fl_screen_newline(screen);
}

/* Is it new, and are there not too many of the file? A damaged block shows in each of its rows. */
static bool is_to_be_told(verifier *v, const char *text)
{
    uint64_t hash = fl_hash64(text, strlen(text), 0);
    for (size_t i = 0; i < v->told_count; i++) {
        if (v->told[i] == hash) {
            return false;
        }
    }
    if (v->told_count < FILE_PROBLEMS_MAX) {
        v->told[v->told_count++] = hash;
        return true;
    }
    return false;
}

static void take_problem(void *user, const char *text)
{
    verifier *v = user;
    fl_buf shown;
    v->problems++;
    if (!is_to_be_told(v, text)) {
        return;
    }
    fl_buf_init(&shown, 4096);
    fl_text_without_path(text, v->path != NULL ? v->path : "", &shown);
    if (v->told_count == FILE_PROBLEMS_MAX) {
        fl_buf_add_str(&shown, FL_S("; further ones of this file are only counted"));
    }
    if (v->given->common.json) {
        write_json(v, fl_buf_str(&shown));
    } else {
        write_line(v, fl_buf_str(&shown));
    }
    fl_buf_fini(&shown);
}

static void begin_file(verifier *v, const char *folder, fl_str name, const char *path)
{
    v->folder = folder;
    v->name = name;
    v->path = path;
    v->told_count = 0;
}

/* ---- Progress, on a terminal */

static void show_progress(const verifier *v, const char *what, size_t at, size_t count)
{
    if (v->shows_progress) {
        (void)fprintf(stderr, "\r\033[K%s %zu of %zu", what, at + 1, count);
        (void)fflush(stderr);
    }
}

static void end_progress(const verifier *v)
{
    if (v->shows_progress) {
        (void)fputs("\r\033[K", stderr);
        (void)fflush(stderr);
    }
}

/* ---- Files */

/* What counts of one day lies apart: else a trace would count twice. */
static void check_ranges(verifier *v)
{
    const fl_data_part *last = NULL; /* that reaches farthest */
    for (size_t i = 0; i < v->files.part_count; i++) {
        const fl_data_part *part = &v->files.parts[i];
        if (part->replaced) {
            continue;
        }
        if (last != NULL && last->day_ns == part->day_ns && part->low <= last->high) {
            char text[FL_ERR_MESSAGE_MAX];
            begin_file(v, "parts/", part->name, NULL);
            v->remedy = REMEDY_OVERLAP;
            snprintf(text, sizeof text, "holds settles that %.*s holds, too",
                     FL_P(fl_str_clip(last->name, 100)));
            take_problem(v, text);
        }
        if (last == NULL || last->day_ns != part->day_ns || part->high > last->high) {
            last = part;
        }
    }
}

static fl_status verify_part(verifier *v, const fl_data_part *part, fl_err *err)
{
    fl_fs *fs = fl_fs_system();
    fl_data_part_facts facts = {0};
    fl_err inner = {0};
    uint64_t problems;
    if (part->replaced) {
        return FL_OK; /* no server reads it */
    }
    begin_file(v, "parts/", part->name, part->path);
    v->remedy = REMEDY_PART;
    fl_status status = fl_data_part_verify(fs, part, take_problem, v, &problems, &inner);
    if (status == FL_E_NOT_FOUND) {
        return FL_OK; /* merged meanwhile */
    }
    if (status == FL_E_IO || status == FL_E_CORRUPT) {
        take_problem(v, fl_err_text(&inner, status));
        return FL_OK;
    }
    if (status != FL_OK) {
        FL_FAIL(err, status, "%s", fl_err_text(&inner, status));
    }
    if (fl_data_part_read(fs, part, false, v->arena, &facts, NULL) == FL_OK) {
        v->bytes += facts.file_bytes;
        v->spans += facts.spans;
    }
    v->parts++;
    return FL_OK;
}

static void take_log_problem(void *user, const char *text)
{
    verifier *v = user;
    v->remedy = strstr(text, "mends") != NULL ? REMEDY_MENDED : REMEDY_LOG;
    take_problem(v, text);
}

static fl_status verify_log(verifier *v, const fl_data_log *log, fl_err *err)
{
    fl_data_log_facts facts;
    fl_err inner = {0};
    begin_file(v, "log/", log->name, log->path);
    fl_status status = fl_data_log_read(fl_fs_system(), log, take_log_problem, v, &facts, &inner);
    if (status == FL_E_NOT_FOUND) {
        return FL_OK; /* settled meanwhile */
    }
    if (status == FL_E_IO) {
        v->remedy = REMEDY_LOG;
        take_problem(v, fl_err_text(&inner, status));
        return FL_OK;
    }
    if (status != FL_OK) {
        FL_FAIL(err, status, "%s", fl_err_text(&inner, status));
    }
    v->logs++;
    v->bytes += facts.bytes;
    v->records += facts.records;
    v->unfinished_bytes += facts.unfinished_bytes;
    return FL_OK;
}

/* Last, for what is not in one file alone; also the list of pins. */
static void verify_opening(verifier *v)
{
    fl_store_reader reader = {0};
    fl_err err = {0};
    uint64_t before = v->problems;
    fl_status status = fl_store_reader_open(&reader, v->dir, true, &err);
    if (status == FL_OK) {
        fl_store_reader_close(&reader);
    } else if (before == 0) { /* else its cause was told already, as a rule */
        begin_file(v, "", fl_str_of(v->dir), v->dir);
        v->remedy = "no server can start here before that is mended";
        take_problem(v, fl_err_text(&err, status));
    }
}

static fl_status verify_files(verifier *v, fl_err *err)
{
    check_ranges(v);
    for (size_t i = 0; i < v->files.part_count; i++) {
        show_progress(v, "part", i, v->files.part_count);
        FL_TRY(verify_part(v, &v->files.parts[i], err));
    }
    for (size_t i = 0; i < v->files.log_count; i++) {
        show_progress(v, "log file", i, v->files.log_count);
        FL_TRY(verify_log(v, &v->files.logs[i], err));
    }
    verify_opening(v);
    return FL_OK;
}

/* ---- The command */

static void write_sum(verifier *v)
{
    fl_buf text;
    fl_buf_init(&text, 4096);
    fl_count_text(v->parts, &text);
    fl_buf_add_str(&text, v->parts == 1 ? FL_S(" part with ") : FL_S(" parts with "));
    fl_count_text(v->spans, &text);
    fl_buf_add_str(&text, v->logs == 1 ? FL_S(" spans and ") : FL_S(" spans, "));
    fl_count_text(v->logs, &text);
    fl_buf_add_str(&text, v->logs == 1 ? FL_S(" log file with ") : FL_S(" log files with "));
    fl_count_text(v->records, &text);
    fl_buf_add_str(&text, FL_S(" records read, "));
    fl_bytes_text(v->bytes, &text);
    fl_buf_add_str(&text, FL_S(": "));
    if (v->problems == 0) {
        fl_buf_add_str(&text, FL_S("all sound"));
        if (v->unfinished_bytes > 0) {
            fl_buf_add_str(&text, FL_S(" but for "));
            fl_bytes_text(v->unfinished_bytes, &text);
            fl_buf_add_str(&text, FL_S(" of an unfinished commit, which nobody was told of"));
        }
    } else {
        fl_count_text(v->problems, &text);
        fl_buf_add_str(&text, v->problems == 1 ? FL_S(" problem") : FL_S(" problems"));
    }
    fl_screen_add(&v->screen, v->problems == 0 ? FL_STYLE_OK : FL_STYLE_FAULT, fl_buf_str(&text));
    fl_screen_newline(&v->screen);
    fl_buf_fini(&text);
}

static void begin_json(verifier *v)
{
    v->json = fl_jw_of(v->out);
    fl_jw_open(&v->json, '{');
    fl_jw_key_str(&v->json, FL_S("Dir"), fl_str_of(v->dir));
    fl_jw_key(&v->json, FL_S("Problems"));
    fl_jw_open(&v->json, '[');
}

static void end_json(verifier *v)
{
    fl_jw *w = &v->json;
    fl_jw_close(w, ']');
    fl_jw_key_bool(w, FL_S("Sound"), v->problems == 0);
    fl_jw_key_i64(w, FL_S("ProblemCount"), (int64_t)v->problems);
    fl_jw_key_i64(w, FL_S("Parts"), (int64_t)v->parts);
    fl_jw_key_i64(w, FL_S("Spans"), (int64_t)v->spans);
    fl_jw_key_i64(w, FL_S("LogFiles"), (int64_t)v->logs);
    fl_jw_key_i64(w, FL_S("LogRecords"), (int64_t)v->records);
    fl_jw_key_i64(w, FL_S("Bytes"), (int64_t)v->bytes);
    fl_jw_key_i64(w, FL_S("UnfinishedBytes"), (int64_t)v->unfinished_bytes);
    fl_jw_close(w, '}');
    fl_buf_add_byte(v->out, '\n');
}

static fl_status verify(void *user, fl_arena *arena, fl_buf *out, fl_err *err)
{
    verifier *v = user;
    v->arena = arena;
    v->out = out;
    FL_TRY(fl_store_dir_of(v->arena, v->given->data, &v->dir, err));
    FL_TRY(fl_data_list(fl_fs_system(), v->dir, v->arena, &v->files, err));
    v->screen = fl_screen_of(&v->given->common, STDOUT_FILENO, 0, v->out);
    v->shows_progress = isatty(STDERR_FILENO) != 0;
    if (v->given->common.json) {
        begin_json(v);
    }
    fl_status status = verify_files(v, err);
    end_progress(v);
    FL_TRY(status);
    if (v->given->common.json) {
        end_json(v);
    } else {
        write_sum(v);
    }
    return FL_OK;
}

int fl_cli_store_verify(int argc, char **argv)
{
    settings given = {0};
    fl_operands operands;
    int exit_code;
    if (!fl_usage_read(&usage, argc, argv, &given, &operands, &exit_code)) {
        return exit_code;
    }
    verifier v = {.given = &given};
    exit_code = fl_cli_run(FL_CLI_OUTPUT_MAX, verify, &v);
    return exit_code == 0 && v.problems > 0 ? FL_EXIT_PROBLEMS : exit_code;
}
