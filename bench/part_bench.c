/*
 * Part files alone: records → parts of about 80,000 spans each → one part.
 *
 *   part_bench --file xray-udp.rec [--dir DIR] [--part-spans N] [--block N] [--keep]
 *   part_bench --read PART
 *
 * The file is one of bench/load/xgen (a segment document a record, the daemon's header line before
 * it). It is decoded and packed before the clock starts; a batch of 50 documents arrives at once,
 * some milliseconds after its last end. Traces settle in the order in which they began. Prints CPU
 * by spans of writing and merging, bytes by column, time and CPU of a trace by its id, of walks,
 * and of terms. With --read only of the reads, from a part that --keep left.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "store/part/part.h"

#define PARTS_MAX    256
#define BATCH        50
#define READS        2000
#define CORPUS_BYTES ((size_t)4 << 30)

typedef struct document {
    fl_trace_id id;
    int64_t start_ns, end_ns, arrival_ns;
    fl_str packed;
    uint32_t number, spans;
} document;

typedef struct bench {
    const char *file, *dir, *read;
    uint32_t part_spans, block_rows;
    bool keep;
    fl_arena arena;
    document *documents;
    size_t count, capacity;
    fl_part_row *rows; /* oldest first; the records of row i begin at firsts[i] */
    size_t *firsts;
    size_t row_count;
    fl_part *parts[PARTS_MAX];
    size_t part_count;
    uint64_t spans;
} bench;

static void die(const char *what, const fl_err *err)
{
    fprintf(stderr, "part_bench: %s%s%s\n", what, err != NULL ? ": " : "",
            err != NULL ? err->message : "");
    exit(1);
}

static void check(fl_status status, const fl_err *err)
{
    if (status != FL_OK) {
        die(fl_status_of(status)->text, err);
    }
}

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double wall_s(void)
{
    return (double)fl_clock_mono(fl_clock_system()) / 1e9;
}

/* ---- Documents */

static uint32_t spans_of(const fl_segment *segment)
{
    uint32_t spans = 1;
    for (uint32_t i = 0; i < segment->subsegment_count; i++) {
        spans += spans_of(&segment->subsegments[i]);
    }
    return spans;
}

static void add_document(bench *b, const fl_segment *segment)
{
    fl_buf packed;
    if (b->count == b->capacity) {
        b->capacity = b->capacity != 0 ? b->capacity * 2 : 4096;
        b->documents = realloc(b->documents, b->capacity * sizeof *b->documents);
        if (b->documents == NULL) {
            die("no memory", NULL);
        }
    }
    fl_buf_init(&packed, SIZE_MAX);
    fl_segment_pack(segment, &packed);
    b->documents[b->count] = (document){.id = segment->trace_id,
                                        .start_ns = segment->start_ns,
                                        .end_ns = segment->end_ns,
                                        .packed = fl_str_dup(&b->arena, fl_buf_str(&packed)),
                                        .number = (uint32_t)b->count,
                                        .spans = spans_of(segment)};
    b->count++;
    fl_buf_fini(&packed);
}

static void decode_document(bench *b, fl_str text, fl_arena *scratch)
{
    fl_decoded decoded;
    fl_err err;
    fl_limits limits = fl_limits_of(FL_PROFILE_OPEN, 0);
    int64_t now = fl_clock_wall(fl_clock_system());
    check(fl_segment_decode(scratch, text, &limits, now, &decoded, &err), &err);
    for (size_t i = 0; i < decoded.segment_count; i++) {
        add_document(b, &decoded.segments[i]);
    }
    fl_arena_reset(scratch);
}

/* Each batch arrives when its last segment has ended, and then some. */
static void set_arrivals(bench *b)
{
    for (size_t at = 0; at < b->count; at += BATCH) {
        int64_t last = INT64_MIN;
        size_t end = at + BATCH < b->count ? at + BATCH : b->count;
        for (size_t i = at; i < end; i++) {
            last = b->documents[i].end_ns > last ? b->documents[i].end_ns : last;
        }
        for (size_t i = at; i < end; i++) {
            b->documents[i].arrival_ns = last + 3000000 + (int64_t)(at * 7919 % 1000003);
        }
    }
}

static void load_file(bench *b)
{
    fl_err err;
    fl_str content;
    fl_arena arena, scratch;
    fl_arena_init(&arena, CORPUS_BYTES);
    fl_arena_init(&scratch, CORPUS_BYTES);
    check(fl_fs_read_all(fl_fs_system(), b->file, CORPUS_BYTES / 2, &arena, &content, &err), &err);
    fl_cur cur = fl_cur_of(content.p, content.n);
    if (!fl_str_eq(fl_cur_take(&cur, 8), FL_S("FLREC001"))) {
        die("no record file", NULL);
    }
    while (fl_cur_left(&cur) != 0) {
        uint32_t n = fl_cur_le32(&cur);
        (void)fl_cur_le32(&cur);
        fl_str text = fl_cur_take(&cur, n);
        (void)fl_str_cut(&text, '\n');
        decode_document(b, text, &scratch);
    }
    fl_arena_fini(&arena);
    fl_arena_fini(&scratch);
    set_arrivals(b);
}

/* ---- Rows */

static int compare_documents(const void *left, const void *right)
{
    const document *a = left, *b = right;
    int by_id = fl_trace_id_cmp(a->id, b->id);
    return by_id != 0 ? by_id : a->number < b->number ? -1 : 1;
}

static fl_part_row row_of(const document *documents, size_t count)
{
    fl_part_row row = {.id = documents[0].id,
                       .start_ns = documents[0].start_ns,
                       .last_end_ns = documents[0].end_ns,
                       .first_arrival_ns = documents[0].arrival_ns,
                       .record_count = (uint32_t)count};
    for (size_t i = 0; i < count; i++) {
        const document *d = &documents[i];
        row.start_ns = d->start_ns < row.start_ns ? d->start_ns : row.start_ns;
        row.last_end_ns = d->end_ns > row.last_end_ns ? d->end_ns : row.last_end_ns;
        row.revision += i == 0 || d->arrival_ns != documents[i - 1].arrival_ns;
    }
    row.last_arrival_ns = documents[count - 1].arrival_ns;
    row.last_arrival = documents[count - 1].number;
    row.time_ns = fl_trace_time_ns(row.id, row.start_ns);
    return row;
}

typedef struct ordered {
    fl_part_row row;
    size_t first;
} ordered;

static int compare_places(const void *left, const void *right)
{
    const fl_part_row *a = &((const ordered *)left)->row, *b = &((const ordered *)right)->row;
    fl_store_place at = {a->time_ns, a->start_ns, a->id}, bt = {b->time_ns, b->start_ns, b->id};
    return fl_store_place_cmp(&bt, &at);
}

/* Rows of traces, oldest first. */
static void make_rows(bench *b)
{
    ordered *rows = calloc(b->count, sizeof *rows);
    if (rows == NULL) {
        die("no memory", NULL);
    }
    qsort(b->documents, b->count, sizeof *b->documents, compare_documents);
    for (size_t first = 0, end; first < b->count; first = end) {
        for (end = first + 1;
             end < b->count && fl_trace_id_eq(b->documents[end].id, b->documents[first].id);
             end++) {
        }
        rows[b->row_count++] = (ordered){row_of(&b->documents[first], end - first), first};
    }
    qsort(rows, b->row_count, sizeof *rows, compare_places);
    b->rows = calloc(b->row_count, sizeof *b->rows);
    b->firsts = calloc(b->row_count, sizeof *b->firsts);
    if (b->rows == NULL || b->firsts == NULL) {
        die("no memory", NULL);
    }
    for (size_t i = 0; i < b->row_count; i++) {
        b->rows[i] = rows[i].row;
        b->firsts[i] = rows[i].first;
    }
    free(rows);
}

/* ---- Writing and merging */

static void part_path(const bench *b, size_t number, char *path, size_t n)
{
    snprintf(path, n, "%s/%zu.part", b->dir, number);
}

/* Rows begin … end - 1, newest first. */
static void write_part(bench *b, size_t begin, size_t end)
{
    char path[4096];
    fl_part_writer *writer;
    fl_part_info info;
    fl_err err;
    fl_part_options options = {.block_rows = b->block_rows};
    part_path(b, b->part_count, path, sizeof path);
    check(fl_part_writer_new(fl_fs_system(), path, &options, &writer, &err), &err);
    for (size_t i = end; i-- != begin;) {
        check(fl_part_writer_row(writer, &b->rows[i], &err), &err);
        for (uint32_t k = 0; k < b->rows[i].record_count; k++) {
            const document *d = &b->documents[b->firsts[i] + k];
            check(fl_part_writer_record(writer, d->packed, d->arrival_ns, &err), &err);
        }
    }
    check(fl_part_writer_finish(writer, &info, &err), &err);
    fl_part_writer_free(writer);
    check(fl_part_open(fl_fs_system(), path, &b->parts[b->part_count++], &err), &err);
    b->spans += info.spans;
}

static uint64_t bytes_of(const bench *b)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < b->part_count; i++) {
        bytes += fl_part_info_of(b->parts[i])->file_bytes;
    }
    return bytes;
}

static void write_parts(bench *b)
{
    double cpu = cpu_s();
    uint64_t spans = 0;
    size_t begin = 0;
    for (size_t i = 0; i < b->row_count; i++) {
        for (uint32_t k = 0; k < b->rows[i].record_count; k++) {
            spans += b->documents[b->firsts[i] + k].spans;
        }
        if (spans >= b->part_spans || i + 1 == b->row_count) {
            if (b->part_count == PARTS_MAX - 1) {
                die("too many parts", NULL);
            }
            write_part(b, begin, i + 1);
            begin = i + 1;
            spans = 0;
        }
    }
    cpu = cpu_s() - cpu;
    printf("write: %zu parts, %.3f CPU s a million spans, %.2f bytes a span\n", b->part_count,
           cpu / (double)b->spans * 1e6, (double)bytes_of(b) / (double)b->spans);
}

static fl_part *merge_parts(bench *b)
{
    char path[4096];
    fl_part *merged;
    fl_part_info info;
    fl_err err;
    fl_part_options options = {.block_rows = b->block_rows};
    fl_part_merge merge = {.inputs = b->parts, .count = b->part_count};
    part_path(b, b->part_count, path, sizeof path);
    double cpu = cpu_s();
    check(fl_part_merge_to(&merge, fl_fs_system(), path, &options, &info, &err), &err);
    cpu = cpu_s() - cpu;
    check(fl_part_open(fl_fs_system(), path, &merged, &err), &err);
    printf("merge: %" PRIu32 " rows, %" PRIu64 " spans, %.3f CPU s a million spans, %.2f bytes a "
           "span\n",
           info.rows, info.spans, cpu / (double)info.spans * 1e6,
           (double)info.file_bytes / (double)info.spans);
    return merged;
}

static void print_columns(fl_part *part)
{
    fl_arena arena;
    fl_part_column *columns;
    size_t count;
    fl_err err;
    double spans = (double)fl_part_info_of(part)->spans;
    fl_arena_init(&arena, CORPUS_BYTES);
    check(fl_part_columns(part, &arena, &columns, &count, &err), &err);
    printf("%-36s %-8s %9s %9s %9s %9s %9s\n", "bytes a span of column", "kind", "values", "raw",
           "stored", "filter", "entries");
    for (size_t i = 0; i < count; i++) {
        const fl_part_column *c = &columns[i];
        printf("%-36.*s %-8s %9.3f %9.3f %9.3f %9.3f %9" PRIu32 "\n", FL_P(c->path), c->kind,
               (double)c->values / spans, (double)c->raw_bytes / spans,
               (double)c->stored_bytes / spans, (double)c->filter_bytes / spans, c->dictionary);
    }
    fl_part_layout l = fl_part_layout_of(part);
    printf("%" PRIu32 " blocks %.2f, %" PRIu32 " shapes, %" PRIu32
           " paths; schema %.3f, dictionaries %.3f, filters %.3f, index %.3f, footer %.3f\n",
           l.blocks, (double)l.block_bytes / spans, l.shapes, l.paths,
           (double)l.schema_bytes / spans, (double)l.dictionary_bytes / spans,
           (double)l.filter_bytes / spans, (double)l.index_bytes / spans,
           (double)l.footer_bytes / spans);
    fl_arena_fini(&arena);
}

/* ---- Reading */

static fl_status count_record(void *user, fl_str packed, int64_t arrival_ns, fl_err *err)
{
    (void)arrival_ns, (void)err;
    *(uint64_t *)user += packed.n;
    return FL_OK;
}

static void read_trace(fl_part *part, fl_trace_id id)
{
    fl_err err;
    uint32_t row;
    uint64_t bytes = 0;
    fl_part_row facts;
    fl_part_cursor *cursor;
    check(fl_part_find(part, id, &row, &err), &err);
    check(fl_part_cursor_new(part, &cursor, &err), &err);
    check(fl_part_row_at(cursor, row, &facts, &err), &err);
    check(fl_part_records(cursor, row, 0, UINT32_MAX, count_record, &bytes, &err), &err);
    fl_part_cursor_free(cursor);
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

/* Of rows all over the part. */
static fl_trace_id some_id(fl_part_cursor *cursor, fl_part *part, uint32_t i)
{
    fl_part_row row;
    fl_err err;
    uint32_t number = (uint32_t)((uint64_t)i * 7919 % fl_part_info_of(part)->rows);
    check(fl_part_row_at(cursor, number, &row, &err), &err);
    return row.id;
}

static void measure_gets(fl_part *part)
{
    static double seconds[READS];
    static fl_trace_id ids[READS];
    fl_part_cursor *cursor;
    fl_err err;
    check(fl_part_cursor_new(part, &cursor, &err), &err);
    for (uint32_t i = 0; i < READS; i++) {
        ids[i] = some_id(cursor, part, i);
    }
    fl_part_cursor_free(cursor);
    double cpu = cpu_s();
    for (size_t i = 0; i < READS; i++) {
        double began = wall_s();
        read_trace(part, ids[i]);
        seconds[i] = wall_s() - began;
    }
    cpu = cpu_s() - cpu;
    qsort(seconds, READS, sizeof *seconds, compare_doubles);
    printf("trace by id: p50 %.3f ms, p99 %.3f ms, CPU %.3f ms\n", seconds[READS / 2] * 1e3,
           seconds[READS * 99 / 100] * 1e3, cpu * 1e3 / READS);
}

static void measure_walks(fl_part *part)
{
    fl_err err;
    fl_part_row facts;
    fl_part_cursor *cursor;
    uint64_t bytes = 0;
    uint32_t rows = fl_part_info_of(part)->rows;
    double spans = (double)fl_part_info_of(part)->spans;
    check(fl_part_cursor_new(part, &cursor, &err), &err);
    double cpu = cpu_s();
    for (uint32_t row = 0; row < rows; row++) {
        check(fl_part_row_at(cursor, row, &facts, &err), &err);
    }
    printf("walk of rows: %.3f CPU s\n", cpu_s() - cpu);
    cpu = cpu_s();
    for (uint32_t row = 0; row < rows; row++) {
        check(fl_part_records(cursor, row, 0, UINT32_MAX, count_record, &bytes, &err), &err);
    }
    printf("walk of records: %.3f CPU s a million spans, %.1f packed bytes a span\n",
           (cpu_s() - cpu) / spans * 1e6, (double)bytes / spans);
    fl_part_cursor_free(cursor);
    printf("memory of the open part: %.1f KiB", (double)fl_part_memory(part) / 1024);
    fl_part_trim(part);
    printf(", trimmed %.1f KiB\n", (double)fl_part_memory(part) / 1024);
}

/* ---- Terms */

/* What the first segment of a trace has. */
typedef struct values {
    fl_arena arena;
    fl_str order, tenant, tier, url;
} values;

static fl_status find_values(void *user, fl_str packed, int64_t arrival_ns, fl_err *err)
{
    values *v = user;
    fl_segment *segment;
    (void)arrival_ns;
    FL_TRY(fl_segment_unpack(&v->arena, fl_str_dup(&v->arena, packed), &segment, err));
    v->url = segment->http != NULL ? segment->http->url : (fl_str){0};
    for (uint32_t i = 0; i < segment->annotation_count; i++) {
        const fl_annotation *a = &segment->annotations[i];
        fl_str *to = fl_str_eq(a->key, FL_S("order_id"))        ? &v->order
                     : fl_str_eq(a->key, FL_S("tenant"))        ? &v->tenant
                     : fl_str_eq(a->key, FL_S("customer_tier")) ? &v->tier
                                                                : NULL;
        if (to != NULL) {
            *to = a->text;
        }
    }
    return FL_OK;
}

/* The rows in which a term holds, from the newest on. */
static uint64_t find_rows(fl_part *part, const fl_store_term *term, uint64_t limit)
{
    fl_part_cursor *cursor;
    fl_part_match *match;
    fl_part_row facts;
    fl_err err;
    uint64_t found = 0;
    check(fl_part_cursor_new(part, &cursor, &err), &err);
    check(fl_part_match_new(cursor, term, 1, &match, &err), &err);
    for (uint32_t row = 0; found < limit; row++, found++) {
        check(fl_part_match_next(match, &row, &err), &err);
        if (row >= fl_part_info_of(part)->rows) {
            break;
        }
        check(fl_part_row_at(cursor, row, &facts, &err), &err);
    }
    fl_part_match_free(match);
    fl_part_cursor_free(cursor);
    return found;
}

static void measure_term(fl_part *part, const char *what, const fl_store_term *terms, size_t count,
                         uint64_t limit)
{
    uint64_t found = 0;
    double cpu = cpu_s();
    for (size_t i = 0; i < count; i++) {
        found += find_rows(part, &terms[i], limit);
    }
    printf("%-32s %8.3f ms CPU, %10.1f traces\n", what, (cpu_s() - cpu) * 1e3 / (double)count,
           (double)found / (double)count);
}

#define TERMS 50

static fl_store_term equal(const char *key, fl_str text)
{
    bool is_url = key == NULL;
    return (fl_store_term){.field = is_url ? FL_S("http.request.url") : FL_S("annotations"),
                           .key = is_url ? (fl_str){0} : fl_str_of(key),
                           .op = FL_TERM_EQUAL,
                           .text = text};
}

static void measure_terms(fl_part *part)
{
    static fl_store_term orders[TERMS], absent[TERMS], urls[TERMS], tenants[TERMS], tiers[TERMS];
    values v = {0};
    fl_part_cursor *cursor;
    fl_err err;
    fl_arena_init(&v.arena, CORPUS_BYTES);
    check(fl_part_cursor_new(part, &cursor, &err), &err);
    for (uint32_t i = 0; i < TERMS; i++) {
        uint32_t row = (uint32_t)((uint64_t)i * 7919 % fl_part_info_of(part)->rows);
        check(fl_part_records(cursor, row, 0, 1, find_values, &v, &err), &err);
        orders[i] = equal("order_id", v.order);
        absent[i] = equal("order_id", fl_str_dup(&v.arena, (fl_str){v.order.p, v.order.n - 1}));
        urls[i] = equal(NULL, v.url);
        tenants[i] = equal("tenant", v.tenant);
        tiers[i] = equal("customer_tier", v.tier);
    }
    fl_part_cursor_free(cursor);
    fl_store_term fault = {.field = FL_S("fault"), .op = FL_TERM_TRUE};
    fl_store_term failed = {
        .field = FL_S("http.response.status"), .op = FL_TERM_RANGE, .low = 500, .high = 599};
    fl_store_term piece = {
        .field = FL_S("http.request.url"), .op = FL_TERM_CONTAINS, .text = FL_S("/objects/78")};
    measure_term(part, "an order id", orders, TERMS, UINT64_MAX);
    measure_term(part, "an order id that is not there", absent, TERMS, UINT64_MAX);
    measure_term(part, "a URL", urls, TERMS, UINT64_MAX);
    measure_term(part, "a tenant, newest 20", tenants, TERMS, 20);
    measure_term(part, "a tenant", tenants, TERMS, UINT64_MAX);
    measure_term(part, "a tier, newest 20", tiers, TERMS, 20);
    measure_term(part, "a tier", tiers, TERMS, UINT64_MAX);
    measure_term(part, "faults, newest 20", &fault, 1, 20);
    measure_term(part, "faults", &fault, 1, UINT64_MAX);
    measure_term(part, "status 500 to 599", &failed, 1, UINT64_MAX);
    measure_term(part, "part of a URL", &piece, 1, UINT64_MAX);
    fl_arena_fini(&v.arena);
}

static void measure_reads(fl_part *part)
{
    measure_gets(part);
    measure_terms(part);
    measure_walks(part);
}

/* ---- The run */

static bool take_option(bench *b, fl_str name, fl_str value)
{
    uint64_t number = 0;
    if (fl_str_eq(name, FL_S("--file"))) {
        b->file = value.p;
    } else if (fl_str_eq(name, FL_S("--read"))) {
        b->read = value.p;
    } else if (fl_str_eq(name, FL_S("--dir"))) {
        b->dir = value.p;
    } else if (!fl_str_to_u64(value, &number) || number == 0 || number > UINT32_MAX) {
        return false;
    } else if (fl_str_eq(name, FL_S("--part-spans"))) {
        b->part_spans = (uint32_t)number;
    } else if (fl_str_eq(name, FL_S("--block"))) {
        b->block_rows = (uint32_t)number;
    } else {
        return false;
    }
    return true;
}

static void parse_options(bench *b, int argc, char **argv)
{
    b->part_spans = 80000;
    for (int i = 1; i < argc; i++) {
        if (fl_str_eq(fl_str_of(argv[i]), FL_S("--keep"))) {
            b->keep = true;
        } else if (i + 1 == argc || !take_option(b, fl_str_of(argv[i]), fl_str_of(argv[i + 1]))) {
            die("see the head of bench/part_bench.c for the options", NULL);
        } else {
            i++;
        }
    }
    if (b->file == NULL && b->read == NULL) {
        die("--file or --read is missing", NULL);
    }
}

static void remove_parts(const bench *b)
{
    for (size_t i = 0; i <= b->part_count && !b->keep; i++) {
        char path[4096];
        part_path(b, i, path, sizeof path);
        (void)unlink(path);
    }
}

static void read_only(const char *path)
{
    fl_part *part;
    fl_err err;
    check(fl_part_open(fl_fs_system(), path, &part, &err), &err);
    measure_reads(part);
    fl_part_close(part);
}

static void run(bench *b)
{
    char folder[] = "/tmp/part_bench-XXXXXX";
    if (b->dir == NULL && (b->dir = mkdtemp(folder)) == NULL) {
        die("no folder below /tmp", NULL);
    }
    fl_arena_init(&b->arena, CORPUS_BYTES);
    load_file(b);
    make_rows(b);
    write_parts(b);
    fl_part *merged = merge_parts(b);
    print_columns(merged);
    measure_reads(merged);
    fl_part_close(merged);
    for (size_t i = 0; i < b->part_count; i++) {
        fl_part_close(b->parts[i]);
    }
    remove_parts(b);
    free(b->documents);
    free(b->rows);
    free(b->firsts);
    fl_arena_fini(&b->arena);
}

int main(int argc, char **argv)
{
    static bench b;
    parse_options(&b, argc, argv);
    if (b.read != NULL) {
        read_only(b.read);
    } else {
        run(&b);
    }
    return 0;
}
