/*
 * CPU of a segment document's way through the process: JSON parse alone, decode, pack, unpack,
 * emit.
 *
 *   segment_bench [FILE [RUNS [STEP]]]
 *
 * FILE holds recorded datagrams: 8 bytes of magic, then for each a length and a number of spans
 * (32 bits, little end first) and the payload, a header line and a document. Without FILE, or with
 * an empty one, built-in documents of about 1.2 kB are used. Each step is run RUNS times (default
 * 15) over all documents; best and median are printed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "codec/codec.h"
#include "trace/trace.h"

#define BUILT_IN_DOCUMENTS 2000
#define RUNS_MAX           1000
#define BATCH              5
#define ROUNDS             20
#define ARENA_BYTES        ((size_t)256 << 20)

typedef struct corpus {
    fl_arena memory;
    fl_str *documents;
    fl_str *packed;
    fl_segment **segments;
    size_t count, json_bytes, packed_bytes;
    fl_limits limits;
    int64_t now_ns;
} corpus;

typedef struct scratch {
    fl_arena arena;
    fl_buf out;
} scratch;

typedef void step_fn(const corpus *c, size_t i, scratch *s);

static void die(const char *what)
{
    fprintf(stderr, "segment_bench: %s\n", what);
    exit(1);
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- Documents */

static void add_document(corpus *c, size_t capacity, fl_str document)
{
    if (c->count < capacity) {
        c->json_bytes += document.n;
        c->documents[c->count++] = document;
    }
}

static void init_arrays(corpus *c, size_t capacity)
{
    c->documents = FL_ARENA_ARRAY(&c->memory, fl_str, capacity);
    c->packed = FL_ARENA_ARRAY(&c->memory, fl_str, capacity);
    c->segments = FL_ARENA_ARRAY(&c->memory, fl_segment *, capacity);
    if (c->documents == NULL || c->packed == NULL || c->segments == NULL) {
        die("no memory");
    }
}

static void load_records(corpus *c, const char *path)
{
    fl_err err = {0};
    fl_str file;
    if (fl_fs_read_all(fl_fs_system(), path, ARENA_BYTES / 2, &c->memory, &file, &err) != FL_OK) {
        die(err.message);
    }
    size_t capacity = file.n / 64 + 1;
    fl_cur cur = fl_cur_of(file.p, file.n);
    init_arrays(c, capacity);
    fl_cur_take(&cur, 8);
    while (fl_cur_left(&cur) != 0 && !cur.failed) {
        uint32_t n = fl_cur_le32(&cur);
        fl_cur_le32(&cur);
        fl_str document = fl_cur_take(&cur, n);
        fl_str_cut(&document, '\n');
        add_document(c, capacity, document);
    }
}

static void build_document(size_t i, fl_buf *out)
{
    char text[2048];
    snprintf(
        text, sizeof text,
        "{\"trace_id\":\"1-6b030630-%024zx\",\"name\":\"order-service\",\"id\":\"%016zx\","
        "\"start_time\":1795360304.%06zu,\"end_time\":1795360304.%06zu,\"http\":{\"request\":{"
        "\"method\":\"POST\",\"url\":\"https://orders.shop.example/api/v1/orders/%zu\",\"client_"
        "ip\":\"10.1.%zu.97\"},\"response\":{\"status\":200,\"content_length\":%zu}},"
        "\"annotations\":{\"tenant\":\"tenant-%04zu\",\"customer_tier\":\"free\",\"order_id\":"
        "\"ord-%012zx\"},\"origin\":\"AWS::ECS::Container\",\"service\":{\"version\":\"2.2.4\"},"
        "\"aws\":{\"ecs\":{\"container\":\"ip-10-0-37-10.ec2.internal\"},\"xray\":{\"sdk\":\"X-Ray "
        "for Java\",\"sdk_version\":\"2.18.2\"}},\"subsegments\":[{\"name\":\"payments\",\"id\":"
        "\"a%015zx\",\"start_time\":1795360304.%06zu,\"end_time\":1795360304.%06zu,\"namespace\":"
        "\"remote\",\"http\":{\"request\":{\"method\":\"GET\",\"url\":\"https://payments.shop."
        "example/v1/charges\"},\"response\":{\"status\":200}}},{\"name\":\"DynamoDB\",\"id\":"
        "\"b%015zx\",\"start_time\":1795360304.%06zu,\"end_time\":1795360304.%06zu,\"namespace\":"
        "\"aws\",\"http\":{\"response\":{\"status\":200}},\"aws\":{\"operation\":\"GetItem\","
        "\"table_name\":\"orders\",\"region\":\"eu-west-1\",\"request_id\":\"REQ%zuK7\"}}]}",
        i + 1, i + 1, i % 500000, i % 400000 + 500000, i, i % 250, i % 30000, i % 5000, i, i,
        i % 500000 + 100, i % 500000 + 300, i, i % 500000 + 200, i % 500000 + 400, i);
    fl_buf_add_str(out, fl_str_of(text));
}

static void build_documents(corpus *c)
{
    fl_buf out;
    fl_buf_init(&out, ARENA_BYTES);
    init_arrays(c, BUILT_IN_DOCUMENTS);
    for (size_t i = 0; i < BUILT_IN_DOCUMENTS; i++) {
        fl_buf_reset(&out);
        build_document(i, &out);
        fl_str copy = fl_str_dup(&c->memory, fl_buf_str(&out));
        if (copy.p == NULL) {
            die("no memory");
        }
        add_document(c, BUILT_IN_DOCUMENTS, copy);
    }
    fl_buf_fini(&out);
}

/* The inputs of the later steps. */
static void prepare(corpus *c)
{
    fl_buf out;
    fl_buf_init(&out, ARENA_BYTES);
    for (size_t i = 0; i < c->count; i++) {
        fl_decoded decoded;
        if (fl_segment_decode(&c->memory, c->documents[i], &c->limits, c->now_ns, &decoded, NULL) !=
                FL_OK ||
            decoded.segment_count != 1) {
            die("a document of the file is refused");
        }
        fl_buf_reset(&out);
        fl_segment_pack(decoded.segments, &out);
        c->segments[i] = decoded.segments;
        c->packed[i] = fl_str_dup(&c->memory, fl_buf_str(&out));
        c->packed_bytes += out.n;
    }
    fl_buf_fini(&out);
}

/* ---- Steps */

static void step_parse(const corpus *c, size_t i, scratch *s)
{
    yyjson_val *root;
    if (fl_json_read(&s->arena, c->documents[i], FL_JSON_REPAIR_UTF8, &root, NULL, NULL) != FL_OK) {
        die("parse");
    }
}

static void step_decode(const corpus *c, size_t i, scratch *s)
{
    fl_decoded decoded;
    if (fl_segment_decode(&s->arena, c->documents[i], &c->limits, c->now_ns, &decoded, NULL) !=
        FL_OK) {
        die("decode");
    }
}

static void step_pack(const corpus *c, size_t i, scratch *s)
{
    fl_segment_pack(c->segments[i], &s->out);
}

static void step_unpack(const corpus *c, size_t i, scratch *s)
{
    fl_segment *segment;
    if (fl_segment_unpack(&s->arena, c->packed[i], &segment, NULL) != FL_OK) {
        die("unpack");
    }
}

static void step_emit(const corpus *c, size_t i, scratch *s)
{
    fl_segment_emit(c->segments[i], &s->out);
}

static int compare_doubles(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;
    return (*x > *y) - (*x < *y);
}

static void run_batch(const corpus *c, size_t first, step_fn *step, scratch *s)
{
    size_t end = first + BATCH < c->count ? first + BATCH : c->count;
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = first; i < end; i++) {
            fl_arena_reset(&s->arena);
            fl_buf_reset(&s->out);
            step(c, i, s);
        }
    }
}

static void run_step(const corpus *c, const char *name, step_fn *step, int runs)
{
    double seconds[RUNS_MAX];
    scratch s = {0};
    fl_arena_init(&s.arena, ARENA_BYTES);
    fl_buf_init(&s.out, ARENA_BYTES);
    for (int run = 0; run < runs; run++) {
        double begin = cpu_seconds();
        for (size_t first = 0; first < c->count; first += BATCH) {
            run_batch(c, first, step, &s);
        }
        seconds[run] = (cpu_seconds() - begin) / ROUNDS;
    }
    fl_buf_fini(&s.out);
    fl_arena_fini(&s.arena);
    qsort(seconds, (size_t)runs, sizeof *seconds, compare_doubles);
    double best = seconds[0];
    double median = seconds[runs / 2];
    printf("%-8s best %7.3f us, median %7.3f us a document; %6.0f MB/s of JSON\n", name,
           best * 1e6 / (double)c->count, median * 1e6 / (double)c->count,
           (double)c->json_bytes / median / 1e6);
}

static const struct {
    const char *name;
    step_fn *step;
} steps[] = {
    {"parse", step_parse},   {"decode", step_decode}, {"pack", step_pack},
    {"unpack", step_unpack}, {"emit", step_emit},
};

int main(int argc, char **argv)
{
    static corpus c;
    uint64_t runs = 15;
    if (argc > 2 && (!fl_str_to_u64(fl_str_of(argv[2]), &runs) || runs == 0 || runs > RUNS_MAX)) {
        die("RUNS is 1 to 1000");
    }
    bool built_in = argc < 2 || argv[1][0] == '\0';
    c.limits = fl_limits_of(FL_PROFILE_OPEN, 0);
    c.now_ns = fl_clock_wall(fl_clock_system()) + 3650 * 24 * INT64_C(3600) * FL_NS_PER_S;
    fl_arena_init(&c.memory, 4 * ARENA_BYTES);
    if (built_in) {
        build_documents(&c);
    } else {
        load_records(&c, argv[1]);
    }
    prepare(&c);
    printf("%zu documents, %.0f bytes of JSON and %.0f packed each, %d runs\n", c.count,
           (double)c.json_bytes / (double)c.count, (double)c.packed_bytes / (double)c.count,
           (int)runs);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (argc <= 3 || strcmp(argv[3], steps[i].name) == 0) {
            run_step(&c, steps[i].name, steps[i].step, (int)runs);
        }
    }
    fl_arena_fini(&c.memory);
    return 0;
}
