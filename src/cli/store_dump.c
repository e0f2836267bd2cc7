/* fluoro store dump: stored documents as JSON lines, read page by page. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli_int.h"
#include "cli/store_int.h"
#include "cli/times_int.h"

#define ROWS_A_PAGE    1000
#define RECORDS_A_PAGE 1000
#define ROWS_BYTES     ((size_t)16 << 20)
#define RECORDS_BYTES  ((size_t)64 << 20) /* a document has 16 MiB at most */
#define OUT_BYTES      ((size_t)1 << 20)  /* is written when it holds so much */
#define LINE_BYTES     ((size_t)64 << 20)
#define REOPENS_MAX    100
#define COUNT_UNKNOWN  UINT64_MAX

typedef struct settings {
    fl_common common;
    const char *data, *since, *until;
    fl_texts traces;
    uint64_t limit; /* 0 = all */
} settings;

static const fl_option options[] = {
    FL_OPTION_DATA(settings, data),
    {"trace", FL_OPTION_TEXTS, "ID", "only this trace; may be given again",
     offsetof(settings, traces), 0, 0, NULL},
    {"since", FL_OPTION_TEXT, "TIME", "only traces from then on: 30m, 2026-11-22T15:00",
     offsetof(settings, since), 0, 0, NULL},
    {"until", FL_OPTION_TEXT, "TIME", "only traces before then", offsetof(settings, until), 0, 0,
     NULL},
    {"limit", FL_OPTION_NUMBER, "N", "at most so many traces, the newest ones",
     offsetof(settings, limit), 1, UINT64_MAX, NULL},
};

static const fl_usage usage = {
    .name = "store dump",
    .operands = "",
    .about = "Prints the stored segments, one JSON document a line, as PutTraceSegments and\n"
             "the segment stream take them: newest traces first, the documents of each as\n"
             "they came. What cannot be read is told on standard error and left out, and the\n"
             "exit code is 5 then. Exits with 1 if there is no such trace.\n",
    .examples = "  fluoro store dump | gzip > traces.jsonl.gz\n"
                "  { echo '{\"format\":\"json\",\"version\":1}'; fluoro store dump; } |\n"
                "      nc -N 127.0.0.1 2001       # where `fluoro serve --segments-tcp` listens\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
};

typedef struct dump {
    const settings *given;
    const char *dir;
    fl_store_reader reader;
    fl_arena rows, records;
    fl_buf out;
    int64_t from_ns, to_ns;
    uint64_t traces, lost; /* written; documents that could not be read */
    unsigned reopens;
} dump;

/* ---- Documents */

static fl_status flush(dump *d, fl_err *err)
{
    fl_status status = d->out.status;
    if (status != FL_OK) {
        FL_FAIL(err, status, "a document is too large to be written");
    }
    status = fl_cli_print(fl_buf_str(&d->out), err);
    fl_buf_reset(&d->out);
    return status;
}

static fl_status write_documents(dump *d, const fl_stored_trace *trace, fl_err *err)
{
    for (size_t i = 0; i < trace->count; i++) {
        fl_segment_emit(trace->records[i].segment, &d->out);
        fl_buf_add_byte(&d->out, '\n');
        if (d->out.n >= OUT_BYTES || d->out.status != FL_OK) {
            FL_TRY(flush(d, err));
        }
    }
    return FL_OK;
}

static void tell_lost(dump *d, fl_trace_id id, uint64_t record, const fl_store_get *get)
{
    fl_buf text;
    fl_buf_init(&text, 100);
    fl_trace_id_emit(id, &text);
    d->lost++;
    fl_err err = {0};
    (void)fl_cli_fail(&err,
                      fl_err_set(&err, get->status, __FILE__, __LINE__,
                                 "document %" PRIu64 " of trace %.*s left out: %s", record,
                                 FL_P(fl_buf_str(&text)), fl_err_text(&get->err, get->status)));
    fl_buf_fini(&text);
}

/* A server that runs beside us settles its log and removes it; what we have open tells of files
 * that are gone then. Nothing is done when that was tried often enough. */
static fl_status reopen(dump *d, fl_err *err)
{
    if (d->reopens++ >= REOPENS_MAX) {
        return FL_OK;
    }
    fl_store_reader_close(&d->reader);
    return fl_store_reader_open(&d->reader, d->dir, false, err);
}

/* A trace on its way out. */
typedef struct dumping {
    fl_trace_id id;
    uint64_t first, total; /* the next document; how many there are, as far as known */
    size_t limit;          /* of the next page */
    bool reopened, counted;
} dumping;

static fl_status write_page(dump *d, dumping *t, const fl_stored_trace *page, fl_err *err)
{
    FL_TRY(write_documents(d, page, err));
    d->traces += !t->counted && page->count > 0;
    t->counted = t->counted || page->count > 0;
    t->total = page->total;
    t->first = page->count > 0 ? t->first + page->count : t->total;
    t->limit = RECORDS_A_PAGE;
    return FL_OK;
}

/* A page that fails is read in smaller ones, down to the document that cannot be read. */
static fl_status mend_page(dump *d, dumping *t, const fl_store_get *get, fl_err *err)
{
    if (get->status != FL_E_TOO_LARGE && get->status != FL_E_CORRUPT) {
        FL_FAIL(err, get->status, "%s", fl_err_text(&get->err, get->status));
    }
    if (get->status == FL_E_CORRUPT && !t->reopened) {
        t->reopened = true;
        return reopen(d, err);
    }
    if (t->limit > 1) {
        t->limit = t->limit > 8 ? t->limit / 8 : 1;
        return FL_OK;
    }
    tell_lost(d, t->id, t->first, get);
    t->first = t->total == COUNT_UNKNOWN ? t->total : t->first + 1;
    t->limit = RECORDS_A_PAGE;
    return FL_OK;
}

static fl_status dump_trace(dump *d, fl_trace_id id, uint64_t total, fl_err *err)
{
    dumping t = {.id = id, .total = total, .limit = RECORDS_A_PAGE};
    while (t.first < t.total) {
        fl_arena_reset(&d->records);
        fl_store_get get = {
            .ids = &id, .count = 1, .first = t.first, .limit = t.limit, .arena = &d->records};
        fl_store_reader_get(&d->reader, &get);
        if (get.status == FL_OK) {
            FL_TRY(write_page(d, &t, &get.traces[0], err));
        } else {
            FL_TRY(mend_page(d, &t, &get, err));
        }
    }
    return FL_OK;
}

/* ---- Which traces */

static fl_status dump_named(dump *d, fl_err *err)
{
    const fl_texts *names = &d->given->traces;
    for (size_t i = 0; i < names->count; i++) {
        fl_trace_id id;
        if (!fl_trace_id_parse(fl_str_of(names->items[i]), &id)) {
            FL_FAIL(err, FL_E_INVALID,
                    "--trace: `%.40s` is no trace id; give one like "
                    "1-67a1b2c0-0a1b2c3d4e5f60718293a4b5, or its 32 hex digits",
                    names->items[i]);
        }
        FL_TRY(dump_trace(d, id, COUNT_UNKNOWN, err));
    }
    return FL_OK;
}

static fl_status dump_page(dump *d, const fl_store_scan *scan, fl_err *err)
{
    for (size_t i = 0; i < scan->row_count; i++) {
        if (d->given->limit != 0 && d->traces >= d->given->limit) {
            break;
        }
        FL_TRY(dump_trace(d, scan->rows[i].id, scan->rows[i].record_count, err));
    }
    return FL_OK;
}

static fl_status dump_range(dump *d, fl_err *err)
{
    fl_store_scan scan = {
        .from_ns = d->from_ns, .to_ns = d->to_ns, .limit = ROWS_A_PAGE, .arena = &d->rows};
    uint64_t limit = d->given->limit;
    do {
        fl_arena_reset(&d->rows);
        fl_store_reader_scan(&d->reader, &scan);
        if (scan.status != FL_OK) {
            FL_FAIL(err, scan.status, "%s%s", fl_err_text(&scan.err, scan.status),
                    scan.status == FL_E_CORRUPT ? "; move it away to dump the rest" : "");
        }
        FL_TRY(dump_page(d, &scan, err));
        scan.has_after = true;
        scan.after = scan.next;
    } while (!scan.reached_end && (limit == 0 || d->traces < limit));
    return FL_OK;
}

/* ---- The command */

static fl_status read_range(dump *d, fl_err *err)
{
    const settings *given = d->given;
    bool ranged = given->since != NULL || given->until != NULL;
    if (given->traces.count > 0 && (ranged || given->limit != 0)) {
        FL_FAIL(err, FL_E_INVALID,
                "--trace names traces: it goes without --since, --until, --limit");
    }
    d->from_ns = INT64_MIN;
    d->to_ns = INT64_MAX;
    if (!ranged) {
        return FL_OK;
    }
    int64_t now_ns = fl_clock_wall(fl_clock_system());
    const char *since = given->since != NULL ? given->since : "1970-01-01T00:00Z";
    const char *until = given->until != NULL ? given->until : "2262-01-01T00:00Z";
    return fl_time_range_parse(since, until, now_ns, &d->from_ns, &d->to_ns, err);
}

static fl_status run(dump *d, fl_arena *arena, fl_err *err)
{
    fl_data_dir files;
    FL_TRY(read_range(d, err));
    FL_TRY(fl_store_dir_of(arena, d->given->data, &d->dir, err));
    FL_TRY(fl_data_list(fl_fs_system(), d->dir, arena, &files, err));
    FL_TRY(fl_store_reader_open(&d->reader, d->dir, false, err));
    fl_status status = d->given->traces.count > 0 ? dump_named(d, err) : dump_range(d, err);
    fl_status flushed = flush(d, status == FL_OK ? err : NULL); /* what was read, in any case */
    fl_store_reader_close(&d->reader);
    return status == FL_OK ? flushed : status;
}

int fl_cli_store_dump(int argc, char **argv)
{
    settings given = {0};
    fl_operands operands;
    int exit_code;
    if (!fl_usage_read(&usage, argc, argv, &given, &operands, &exit_code)) {
        return exit_code;
    }
    fl_arena arena;
    fl_err err = {0};
    dump d = {.given = &given};
    fl_arena_init(&arena, FL_CLI_OUTPUT_MAX);
    fl_arena_init(&d.rows, ROWS_BYTES);
    fl_arena_init(&d.records, RECORDS_BYTES);
    fl_buf_init(&d.out, LINE_BYTES);
    fl_status status = run(&d, &arena, &err);
    fl_buf_fini(&d.out);
    fl_arena_fini(&d.records);
    fl_arena_fini(&d.rows);
    fl_arena_fini(&arena);
    if (status != FL_OK) {
        return fl_cli_fail(&err, status);
    }
    if (d.lost > 0) {
        return fl_status_of(FL_E_CORRUPT)->exit_code;
    }
    return d.traces == 0 ? FL_EXIT_NOTHING_FOUND : 0;
}
