/*
 * CPU of a trace's way from its decoded records to the reader: assemble, summarize, emit.
 *
 *   assemble_bench [RUNS]
 *
 * Traces of 5, 1,000 and 100,000 segments, each with four subsegments: local work with annotations,
 * a call to DynamoDB, a call that the next segment answers, a call that nobody answers; so each
 * segment brings 7 entities. The records arrive in a shuffled order. Best and median of RUNS
 * (default 15) are printed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "trace/trace.h"

#define RUNS_MAX      1000
#define RUN_MIN_S     0.02 /* small traces are repeated until a run takes as long */
#define START_S       1738650304
#define CORPUS_BYTES  ((size_t)2 << 30)
#define ARENA_BYTES   ((size_t)2 << 30)
#define DOCUMENT_MAX  2048
#define OUT_MAX_BYTES ((size_t)1 << 30)

typedef struct corpus {
    fl_arena memory;
    fl_trace_id id;
    fl_record *records;
    size_t count;
    fl_limits limits;
} corpus;

typedef struct scratch {
    fl_arena arena;
    fl_buf out;
} scratch;

typedef enum step { STEP_ASSEMBLE, STEP_SUMMARIZE, STEP_EMIT, STEP_COUNT } step;

static const char *const step_names[STEP_COUNT] = {"assemble", "summarize", "emit"};

static void die(const char *what)
{
    fprintf(stderr, "assemble_bench: %s\n", what);
    exit(1);
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- Traces */

static const char document_format[] =
    "{\"trace_id\":\"1-67a1b2c0-0a1b2c3d4e5f60718293a4b5\",\"id\":\"%016" PRIx64 "\"%s%s%s,"
    "\"name\":\"service-%zu\",\"origin\":\"AWS::ECS::Container\",\"start_time\":%d.%06zu,"
    "\"end_time\":%d.9,\"http\":{\"request\":{\"method\":\"GET\",\"url\":\"https://shop/api\"},"
    "\"response\":{\"status\":200}},\"aws\":{\"account_id\":\"123456789012\"},"
    "\"annotations\":{\"tenant\":\"t-%zu\",\"order_id\":%zu},\"subsegments\":["
    "{\"id\":\"%016" PRIx64 "\",\"name\":\"work\",\"start_time\":%d.1,\"end_time\":%d.2,"
    "\"annotations\":{\"step\":\"price\"}},"
    "{\"id\":\"%016" PRIx64 "\",\"name\":\"DynamoDB\",\"namespace\":\"aws\",\"start_time\":%d.2,"
    "\"end_time\":%d.3,\"aws\":{\"operation\":\"GetItem\",\"table_name\":\"orders\"}},"
    "{\"id\":\"%016" PRIx64 "\",\"name\":\"next\",\"namespace\":\"remote\",\"start_time\":%d.3,"
    "\"end_time\":%d.8},"
    "{\"id\":\"%016" PRIx64 "\",\"name\":\"api.example.com\",\"namespace\":\"remote\","
    "\"start_time\":%d.8,\"end_time\":%d.85}]}";

static uint64_t id_of(size_t segment, unsigned member)
{
    return ((uint64_t)segment * 5 + member + 1) * UINT64_C(0x9E3779B97F4A7C15);
}

static size_t write_document(char *to, size_t i)
{
    const int s = START_S;
    char parent[17] = "";
    if (i > 0) {
        snprintf(parent, sizeof parent, "%016" PRIx64, id_of(i - 1, 3));
    }
    int n =
        snprintf(to, DOCUMENT_MAX, document_format, id_of(i, 0), i > 0 ? ",\"parent_id\":\"" : "",
                 parent, i > 0 ? "\"" : "", i % 40, s, i, s, i % 1000, i, id_of(i, 1), s, s,
                 id_of(i, 2), s, s, id_of(i, 3), s, s, id_of(i, 4), s, s);
    if (n < 0 || n >= DOCUMENT_MAX) {
        die("a document is too long");
    }
    return (size_t)n;
}

static void shuffle(corpus *c)
{
    uint64_t state = 42;
    for (size_t i = c->count; i > 1; i--) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        size_t k = (size_t)((state >> 33) % i);
        fl_record swapped = c->records[i - 1];
        c->records[i - 1] = c->records[k];
        c->records[k] = swapped;
    }
}

static void corpus_init(corpus *c, size_t count)
{
    *c = (corpus){.count = count, .limits = fl_limits_of(FL_PROFILE_OPEN, 0)};
    fl_arena_init(&c->memory, CORPUS_BYTES);
    c->records = FL_ARENA_ARRAY(&c->memory, fl_record, count);
    if (c->records == NULL) {
        die("no memory");
    }
    for (size_t i = 0; i < count; i++) {
        char text[DOCUMENT_MAX];
        fl_decoded decoded;
        size_t n = write_document(text, i);
        if (fl_segment_decode(&c->memory, (fl_str){text, n}, &c->limits, START_S * FL_NS_PER_S,
                              &decoded, NULL) != FL_OK ||
            decoded.segment_count != 1) {
            die("a document is refused");
        }
        c->records[i] = (fl_record){&decoded.segments[0], i + 1, START_S * FL_NS_PER_S};
    }
    c->id = c->records[0].segment->trace_id;
    shuffle(c);
}

/* ---- Steps */

static fl_trace *run_assemble(const corpus *c, scratch *s)
{
    fl_trace *trace;
    if (fl_trace_assemble(&s->arena, c->id, c->records, c->count, INT64_MAX, &trace, NULL) !=
        FL_OK) {
        die("cannot assemble");
    }
    return trace;
}

static void run_summarize(const corpus *c, scratch *s, const fl_trace *trace, fl_summary *summary)
{
    if (fl_trace_summarize(&s->arena, trace, &c->limits, summary, NULL) != FL_OK) {
        die("cannot summarize");
    }
}

static void run_emit(scratch *s, const fl_trace *trace, const fl_summary *summary)
{
    fl_buf_reset(&s->out);
    for (size_t i = 0; i < trace->top_count; i++) {
        fl_entity_emit(trace->tops[i], &s->out);
    }
    fl_summary_emit(summary, (fl_str){0}, &s->out);
    if (s->out.status != FL_OK) {
        die("cannot emit");
    }
}

/* Adds the CPU seconds of one whole pass to each step; returns the entities of the trace. */
static size_t pass(const corpus *c, scratch *s, double seconds[STEP_COUNT])
{
    fl_summary summary;
    double at[STEP_COUNT + 1];
    fl_arena_reset(&s->arena);
    at[0] = cpu_seconds();
    const fl_trace *trace = run_assemble(c, s);
    at[1] = cpu_seconds();
    run_summarize(c, s, trace, &summary);
    at[2] = cpu_seconds();
    run_emit(s, trace, &summary);
    at[3] = cpu_seconds();
    for (int i = 0; i < STEP_COUNT; i++) {
        seconds[i] += at[i + 1] - at[i];
    }
    return trace->entity_count;
}

static int compare(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;
    return one < other ? -1 : one > other;
}

static void measure(size_t segments, size_t runs)
{
    static double seconds[STEP_COUNT][RUNS_MAX];
    corpus c;
    scratch s;
    size_t entities = 0;
    corpus_init(&c, segments);
    fl_arena_init(&s.arena, ARENA_BYTES);
    fl_buf_init(&s.out, OUT_MAX_BYTES);
    for (size_t run = 0; run < runs; run++) {
        double spent[STEP_COUNT] = {0};
        size_t passes = 0;
        do {
            entities = pass(&c, &s, spent);
            passes++;
        } while (spent[0] + spent[1] + spent[2] < RUN_MIN_S);
        for (int i = 0; i < STEP_COUNT; i++) {
            seconds[i][run] = spent[i] / (double)passes;
        }
    }
    printf("%zu segments, %zu entities, %zu bytes out, %zu KiB of arena\n", segments, entities,
           s.out.n, s.arena.used_bytes >> 10);
    for (int i = 0; i < STEP_COUNT; i++) {
        qsort(seconds[i], runs, sizeof seconds[i][0], compare);
        double best = seconds[i][0] * 1e6, median = seconds[i][runs / 2] * 1e6;
        printf("  %-10s best %11.2f  median %11.2f us a trace, %6.3f us an entity\n", step_names[i],
               best, median, median / (double)entities);
    }
    fl_buf_fini(&s.out);
    fl_arena_fini(&s.arena);
    fl_arena_fini(&c.memory);
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {5, 1000, 100000};
    uint64_t runs = 15;
    if (argc > 1 && (!fl_str_to_u64(fl_str_of(argv[1]), &runs) || runs == 0 || runs > RUNS_MAX)) {
        die("RUNS is 1 to 1000");
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        measure(sizes[i], (size_t)runs);
    }
    return 0;
}
