/*
 * The embedded store alone: puts until durable, bytes on disk and in memory, reopening, gets,
 * scans.
 *
 *   store_bench [--file xray-udp.rec] [--dir DIR] [--batch N] [--flight N] [--loops N] [--relaxed]
 *
 * Segments come from a record file of bench/load/xgen (one segment document a record, the daemon's
 * header line before it), or 200,000 made ones. They are decoded before the clock starts. FLIGHT
 * puts of BATCH segments each are kept under way. DIR (default: a new folder below /tmp) is left
 * empty.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "codec/codec.h"
#include "store/store.h"

#define LOOPS_MAX     16
#define FLIGHT_MAX    256
#define BATCH_MAX     10000
#define MADE_SEGMENTS 200000
#define READS         2000
#define CORPUS_BYTES  ((size_t)8 << 30)
#define READ_BYTES    ((size_t)64 << 20)
#define MEMORY_BYTES  ((size_t)1 << 30)

typedef struct options {
    const char *file, *dir;
    size_t batch, flight, loops;
    fl_durability durability;
} options;

typedef struct bench {
    options options;
    fl_loop *loops[LOOPS_MAX];
    fl_store *store;
    fl_arena corpus;
    const fl_segment **segments;
    size_t count;
    atomic_size_t next; /* segment to put */
    atomic_size_t busy; /* putters */
    uv_sem_t done;
} bench;

static void die(const char *what, const fl_err *err)
{
    fprintf(stderr, "store_bench: %s%s%s\n", what, err != NULL ? ": " : "",
            err != NULL ? err->message : "");
    exit(1);
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

/* ---- Segments */

static void add_segments(bench *b, fl_str document, size_t *capacity)
{
    fl_decoded decoded;
    fl_err err;
    fl_limits limits = fl_limits_of(FL_PROFILE_OPEN, 0);
    int64_t now = fl_clock_wall(fl_clock_system());
    if (fl_segment_decode(&b->corpus, document, &limits, now, &decoded, &err) != FL_OK) {
        die("cannot decode", &err);
    }
    for (size_t i = 0; i < decoded.segment_count; i++) {
        if (b->count == *capacity) {
            *capacity = *capacity != 0 ? *capacity * 2 : 1024;
            b->segments = realloc(b->segments, *capacity * sizeof *b->segments);
            if (b->segments == NULL) {
                die("no memory", NULL);
            }
        }
        b->segments[b->count++] = &decoded.segments[i];
    }
}

static void load_file(bench *b)
{
    fl_err err;
    fl_str content;
    size_t capacity = 0;
    fl_arena arena;
    fl_arena_init(&arena, CORPUS_BYTES);
    if (fl_fs_read_all(fl_fs_system(), b->options.file, CORPUS_BYTES / 2, &arena, &content, &err) !=
        FL_OK) {
        die("cannot read", &err);
    }
    fl_cur cur = fl_cur_of(content.p, content.n);
    if (!fl_str_eq(fl_cur_take(&cur, 8), FL_S("FLREC001"))) {
        die("no record file", NULL);
    }
    while (fl_cur_left(&cur) != 0) {
        uint32_t n = fl_cur_le32(&cur);
        (void)fl_cur_le32(&cur);
        fl_str document = fl_cur_take(&cur, n);
        (void)fl_str_cut(&document, '\n');
        add_segments(b, document, &capacity);
    }
    fl_arena_fini(&arena);
}

/* Four segments a trace, with the members that a web service's have. */
static void make_segments(bench *b)
{
    size_t capacity = 0;
    int64_t begin_s = fl_clock_wall(fl_clock_system()) / FL_NS_PER_S - 3600;
    for (size_t i = 0; i < MADE_SEGMENTS; i++) {
        char text[1024];
        int64_t start_s = begin_s + (int64_t)(i / 64);
        int n = snprintf(
            text, sizeof text,
            "{\"trace_id\":\"1-%08" PRIx64 "-%024zx\",\"id\":\"%016zx\",\"name\":\"shop-%zu\","
            "\"start_time\":%" PRId64 ".%06zu,\"end_time\":%" PRId64 ".%06zu,"
            "\"origin\":\"AWS::ECS::Container\",\"http\":{\"request\":{\"method\":\"GET\","
            "\"url\":\"https://shop.example/api/orders/%zu\"},\"response\":{\"status\":200}},"
            "\"annotations\":{\"tenant\":\"t-%zu\",\"order_id\":\"o-%zu\"},"
            "\"subsegments\":[{\"id\":\"%016zx\",\"name\":\"orders\",\"start_time\":%" PRId64
            ".1,\"end_time\":%" PRId64 ".2,\"namespace\":\"aws\"}]}",
            (uint64_t)start_s, i / 4 + 1, i * 2 + 1, i % 40, start_s, i % 1000000, start_s + 1,
            i * 7 % 1000000, i, i % 1000, i, i * 2 + 2, start_s, start_s);
        add_segments(b, (fl_str){text, (size_t)n}, &capacity);
    }
}

/* ---- Puts */

typedef struct putter {
    bench *bench;
    fl_loop *loop;
    fl_task task;
    fl_store_put put;
} putter;

#define PUTTER_OF(pointer, member) ((putter *)(void *)((char *)(pointer)-offsetof(putter, member)))

static void put_next(putter *p)
{
    bench *b = p->bench;
    size_t at = atomic_fetch_add(&b->next, b->options.batch);
    if (at >= b->count) {
        if (atomic_fetch_sub(&b->busy, 1) == 1) {
            uv_sem_post(&b->done);
        }
        return;
    }
    size_t left = b->count - at;
    p->put.segments = b->segments + at;
    p->put.count = left < b->options.batch ? left : b->options.batch;
    fl_store_put_begin(b->store, &p->put);
}

static void put_begin(fl_task *task)
{
    put_next(PUTTER_OF(task, task));
}

static void put_done(fl_store_put *put)
{
    if (put->status != FL_OK) {
        die("put failed", &put->err);
    }
    put_next(PUTTER_OF(put, put));
}

static void put_all(bench *b)
{
    static putter putters[FLIGHT_MAX];
    atomic_store(&b->next, 0);
    atomic_store(&b->busy, b->options.flight);
    for (size_t i = 0; i < b->options.flight; i++) {
        fl_loop *loop = b->loops[i % b->options.loops];
        putters[i] = (putter){.bench = b,
                              .loop = loop,
                              .task = {.run = put_begin},
                              .put = {.loop = loop, .done = put_done}};
        fl_loop_post(loop, &putters[i].task);
    }
    uv_sem_wait(&b->done);
}

/* ---- Reads */

typedef struct reader {
    bench *bench;
    fl_store_get get;
    fl_store_scan scan;
} reader;

static void get_done(fl_store_get *get)
{
    uv_sem_post(&((reader *)(void *)((char *)get - offsetof(reader, get)))->bench->done);
}

static void get_begin(void *user)
{
    reader *r = user;
    fl_store_get_begin(r->bench->store, &r->get);
}

static void scan_done(fl_store_scan *scan)
{
    uv_sem_post(&((reader *)(void *)((char *)scan - offsetof(reader, scan)))->bench->done);
}

static void scan_begin(void *user)
{
    reader *r = user;
    fl_store_scan_begin(r->bench->store, &r->scan);
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static void print_latency(const char *what, double *seconds, size_t count, double cpu)
{
    qsort(seconds, count, sizeof *seconds, compare_doubles);
    printf("%-34s p50 %.3f ms  p99 %.3f ms  CPU %.3f ms\n", what, seconds[count / 2] * 1e3,
           seconds[count * 99 / 100] * 1e3, cpu * 1e3 / (double)count);
}

static void measure_gets(bench *b)
{
    static double seconds[READS];
    fl_arena arena;
    fl_arena_init(&arena, READ_BYTES);
    double cpu = cpu_s();
    for (size_t i = 0; i < READS; i++) {
        fl_trace_id id = b->segments[i * 7919 % b->count]->trace_id;
        reader r = {
            .bench = b,
            .get = {
                .ids = &id, .count = 1, .arena = &arena, .loop = b->loops[0], .done = get_done}};
        double began = wall_s();
        fl_loop_call(b->loops[0], get_begin, &r);
        uv_sem_wait(&b->done);
        seconds[i] = wall_s() - began;
        if (r.get.status != FL_OK || r.get.traces[0].count == 0) {
            die("get failed", &r.get.err);
        }
        fl_arena_reset(&arena);
    }
    print_latency("get of one trace", seconds, READS, cpu_s() - cpu);
    fl_arena_fini(&arena);
}

static bool want_none(void *user, const fl_store_row *row)
{
    (void)user;
    return row->record_count == 0;
}

static void measure_scans(bench *b, const char *what, bool (*want)(void *, const fl_store_row *),
                          size_t runs)
{
    static double seconds[READS];
    fl_arena arena;
    fl_arena_init(&arena, READ_BYTES);
    double cpu = cpu_s();
    for (size_t i = 0; i < runs; i++) {
        reader r = {.bench = b,
                    .scan = {.from_ns = INT64_MIN,
                             .to_ns = INT64_MAX,
                             .limit = 100,
                             .want = want,
                             .arena = &arena,
                             .loop = b->loops[0],
                             .done = scan_done}};
        double began = wall_s();
        fl_loop_call(b->loops[0], scan_begin, &r);
        uv_sem_wait(&b->done);
        seconds[i] = wall_s() - began;
        if (r.scan.status != FL_OK) {
            die("scan failed", &r.scan.err);
        }
        fl_arena_reset(&arena);
    }
    print_latency(what, seconds, runs, cpu_s() - cpu);
    fl_arena_fini(&arena);
}

/* ---- The run */

static void open_store(bench *b)
{
    fl_err err;
    fl_store_config config = {
        .dir = b->options.dir,
        .loops = b->loops,
        .loop_count = b->options.loops,
        .durability = b->options.durability,
        .memory_bytes = MEMORY_BYTES,
        .limits = fl_limits_of(FL_PROFILE_OPEN, 0),
        .fs = fl_fs_system(),
        .clock = fl_clock_system(),
    };
    if (fl_store_local_open(&config, &b->store, &err) != FL_OK) {
        die("cannot open", &err);
    }
}

static void measure_puts(bench *b)
{
    double cpu = cpu_s(), wall = wall_s();
    put_all(b);
    cpu = cpu_s() - cpu;
    wall = wall_s() - wall;
    const fl_store_stats *stats = fl_store_stats_get(b->store);
    double count = (double)b->count;
    double traces = (double)fl_counter_get(&stats->traces);
    double packed = (double)fl_counter_get(&stats->bytes_packed_total);
    double disk = (double)fl_counter_get(&stats->disk_bytes);
    double index = (double)fl_counter_get(&stats->index_bytes);
    printf("put to durable: %.3f CPU s per million segments, %.0f segments/s, %" PRIu64
           " commits, %" PRIu64 " syncs\n",
           cpu / count * 1e6, count / wall, fl_counter_get(&stats->commits_total),
           fl_counter_get(&stats->syncs_total));
    printf("disk: %.1f bytes a segment (packed documents: %.1f)\n", disk / count, packed / count);
    printf("memory: %.1f bytes a segment, %.1f a trace of %.1f segments (at 24 a record: %.1f + 24 "
           "each)\n",
           index / count, index / traces, count / traces, index / traces - 24 * count / traces);
}

static void measure_reopen(bench *b)
{
    fl_store_close_and_free(b->store);
    double cpu = cpu_s(), wall = wall_s();
    open_store(b);
    cpu = cpu_s() - cpu;
    wall = wall_s() - wall;
    printf("reopen: %.1f ms, %.1f ms CPU (%.2f µs a segment)\n", wall * 1e3, cpu * 1e3,
           cpu / (double)b->count * 1e6);
}

typedef struct number_option {
    fl_str name;
    size_t max;
    size_t *to;
} number_option;

/* Takes --name value with a number in 1..max; false if it is none of the options. */
static bool take_number(const number_option *rows, size_t count, fl_str name, fl_str value)
{
    uint64_t number;
    for (size_t i = 0; i < count; i++) {
        if (fl_str_eq(name, rows[i].name) && fl_str_to_u64(value, &number) && number != 0 &&
            number <= rows[i].max) {
            *rows[i].to = (size_t)number;
            return true;
        }
    }
    return false;
}

static void parse_options(bench *b, int argc, char **argv)
{
    options *o = &b->options;
    const number_option numbers[] = {
        {FL_S("--batch"), BATCH_MAX, &o->batch},
        {FL_S("--flight"), FLIGHT_MAX, &o->flight},
        {FL_S("--loops"), LOOPS_MAX, &o->loops},
    };
    *o = (options){.batch = 50, .flight = 8, .loops = 2, .durability = FL_DURABILITY_COMMIT};
    for (int i = 1; i < argc; i++) {
        fl_str name = fl_str_of(argv[i]);
        fl_str value = fl_str_of(i + 1 < argc ? argv[i + 1] : "");
        if (fl_str_eq(name, FL_S("--relaxed"))) {
            o->durability = FL_DURABILITY_RELAXED;
            continue;
        }
        i++;
        if (fl_str_eq(name, FL_S("--file"))) {
            o->file = value.p;
        } else if (fl_str_eq(name, FL_S("--dir"))) {
            o->dir = value.p;
        } else if (!take_number(numbers, sizeof numbers / sizeof numbers[0], name, value)) {
            die("see the head of bench/store_bench.c for the options", NULL);
        }
    }
}

static void remove_files(const char *dir)
{
    fl_fs *fs = fl_fs_system();
    fl_arena arena;
    fl_str *names;
    size_t count;
    char path[4096];
    fl_arena_init(&arena, READ_BYTES);
    snprintf(path, sizeof path, "%s/log", dir);
    if (fs->list(fs, path, &arena, &names, &count, NULL) == FL_OK) {
        for (size_t i = 0; i < count; i++) {
            snprintf(path, sizeof path, "%s/log/%.*s", dir, FL_P(names[i]));
            (void)unlink(path);
        }
    }
    fl_arena_fini(&arena);
}

int main(int argc, char **argv)
{
    static bench b;
    char folder[] = "/tmp/store_bench-XXXXXX";
    fl_err err;
    parse_options(&b, argc, argv);
    if (b.options.dir == NULL && (b.options.dir = mkdtemp(folder)) == NULL) {
        die("no folder below /tmp", NULL);
    }
    fl_arena_init(&b.corpus, CORPUS_BYTES);
    if (b.options.file != NULL) {
        load_file(&b);
    } else {
        make_segments(&b);
    }
    for (size_t i = 0; i < b.options.loops; i++) {
        if (fl_loop_new(NULL, &b.loops[i], &err) != FL_OK ||
            fl_loop_start(b.loops[i], &err) != FL_OK) {
            die("no loop", &err);
        }
    }
    uv_sem_init(&b.done, 0);
    open_store(&b);
    printf("%zu segments, %zu a put, %zu puts in flight, %zu loops, %s\n", b.count, b.options.batch,
           b.options.flight, b.options.loops,
           b.options.durability == FL_DURABILITY_COMMIT ? "durable" : "relaxed");
    measure_puts(&b);
    measure_reopen(&b);
    measure_gets(&b);
    measure_scans(&b, "scan, newest 100", NULL, READS);
    measure_scans(&b, "scan over all, none wanted", want_none, 50);
    fl_store_close_and_free(b.store);
    for (size_t i = 0; i < b.options.loops; i++) {
        fl_loop_stop_and_free(b.loops[i]);
    }
    remove_files(b.options.dir);
    free(b.segments);
    fl_arena_fini(&b.corpus);
    return 0;
}
