/*
 * CPU of converting agent runs: JSON Lines in, segment documents out.
 *
 *   bedrock_bench [FILE [MB [RUNS]]]          measure; MB of input for each run (64), RUNS (5)
 *   bedrock_bench --write FILE MB OUT         write such an input, for `fluoro bedrock OUT`
 *
 * FILE is a capture (default: a supervisor with two collaborators, tests/golden/bedrock/input); it
 * is repeated until there are MB, each time as other invocations, so that it becomes many runs. Its
 * prompts are a line each; the service's own templates have some kilobytes, so that it is measured
 * with prompts of 6,000 bytes as well.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bedrock/bedrock.h"

#define DEFAULT_FILE "tests/golden/bedrock/input/supervisor.jsonl"
#define FEED_BYTES   ((size_t)256 << 10)
#define INPUT_MAX    ((size_t)4 << 30)
#define RUNS_MAX     100

static void die(const char *what)
{
    fprintf(stderr, "bedrock_bench: %s\n", what);
    exit(1);
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- The input */

static bool is_uuid(fl_str text, size_t at)
{
    uint64_t part;
    return text.n - at >= 36 && text.p[at + 8] == '-' && text.p[at + 13] == '-' &&
           text.p[at + 18] == '-' && text.p[at + 23] == '-' && fl_hex_read(text.p + at, 8, &part) &&
           fl_hex_read(text.p + at + 24, 12, &part);
}

/* The capture with the first eight digits of every UUID turned by n. */
static void add_copy(fl_str capture, uint32_t n, fl_buf *out)
{
    size_t begin = 0;
    for (size_t at = 0; at < capture.n; at++) {
        uint64_t head;
        if (capture.p[at] == '-' && at >= begin + 8 && is_uuid(capture, at - 8) &&
            fl_hex_read(capture.p + at - 8, 8, &head)) {
            fl_buf_add(out, capture.p + begin, at - 8 - begin);
            fl_buf_add_hex(out, (head ^ n * 2654435761u) & UINT32_MAX, 8);
            begin = at;
        }
    }
    fl_buf_add(out, capture.p + begin, capture.n - begin);
}

#define PROMPT_BYTES ((size_t)6000)

/* The capture with a longer text in each model invocation input. */
static void add_with_prompts(fl_str capture, fl_buf *out)
{
    const fl_str input = FL_S("\"modelInvocationInput\""), text = FL_S("\"text\":\"");
    const fl_str words = FL_S("You are a careful agent; think first, then call one tool. ");
    const char *end = capture.p + capture.n;
    const char *at = capture.p;
    for (const char *next; (next = memmem(at, (size_t)(end - at), input.p, input.n)) != NULL;) {
        next = memmem(next, (size_t)(end - next), text.p, text.n);
        if (next == NULL) {
            break;
        }
        next += text.n;
        fl_buf_add(out, at, (size_t)(next - at));
        for (size_t n = 0; n < PROMPT_BYTES; n += words.n) {
            fl_buf_add_str(out, words);
        }
        at = next;
    }
    fl_buf_add(out, at, (size_t)(end - at));
}

static void read_capture(const char *path, fl_arena *arena, fl_str *out)
{
    fl_err err = {0};
    fl_arena_init(arena, (size_t)64 << 20);
    if (fl_fs_read_all(fl_fs_system(), path, (size_t)32 << 20, arena, out, &err) != FL_OK) {
        die(err.message);
    }
}

static void write_input(const char *path, size_t bytes, const char *to)
{
    fl_arena arena;
    fl_str capture;
    fl_buf copy;
    FILE *file = fopen(to, "wbe");
    read_capture(path, &arena, &capture);
    fl_buf_init(&copy, INPUT_MAX);
    for (size_t n = 0, written = 0; file != NULL && written < bytes; n++) {
        fl_buf_reset(&copy);
        add_copy(capture, (uint32_t)n, &copy);
        written += fwrite(copy.p, 1, copy.n, file);
    }
    if (file == NULL || fclose(file) != 0) {
        die("cannot write the file");
    }
    fl_buf_fini(&copy);
    fl_arena_fini(&arena);
}

/* ---- The measurement */

typedef struct tally {
    uint64_t documents, bytes, diagnostics;
} tally;

static fl_status take_document(void *user, const fl_bedrock_document *document, fl_err *err)
{
    tally *sum = user;
    (void)err;
    sum->documents++;
    sum->bytes += document->text.n;
    return FL_OK;
}

static void take_diagnostic(void *user, const fl_bedrock_diagnostic *diagnostic)
{
    (void)diagnostic;
    ((tally *)user)->diagnostics++;
}

static void convert(const fl_bedrock_options *options, fl_str input, tally *sum, uint64_t *events)
{
    fl_bedrock *converter;
    fl_err err = {0};
    const fl_bedrock_sink sink = {
        .user = sum, .document = take_document, .diagnostic = take_diagnostic};
    *sum = (tally){0};
    if (fl_bedrock_new(options, &sink, &converter, &err) != FL_OK) {
        die(err.message);
    }
    for (size_t at = 0; at < input.n; at += FEED_BYTES) {
        size_t n = input.n - at < FEED_BYTES ? input.n - at : FEED_BYTES;
        if (fl_bedrock_feed(converter, (fl_str){input.p + at, n}, &err) != FL_OK) {
            die(err.message);
        }
    }
    if (fl_bedrock_finish(converter, &err) != FL_OK) {
        die(err.message);
    }
    *events = fl_bedrock_counts_get(converter)->trace_events;
    fl_bedrock_free(converter);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void measure(const char *name, const fl_bedrock_options *options, fl_str input, size_t runs)
{
    double rates[RUNS_MAX];
    tally sum = {0};
    uint64_t events = 0;
    for (size_t i = 0; i < runs; i++) {
        double begin = cpu_seconds();
        convert(options, input, &sum, &events);
        rates[i] = (double)input.n / 1e6 / (cpu_seconds() - begin);
    }
    qsort(rates, runs, sizeof rates[0], by_value);
    printf("%-22s %6.0f MB/s (%.0f-%.0f), %.2f us/event, %llu events -> %llu documents, %.0f MB, "
           "%llu diagnostics\n",
           name, rates[runs / 2], rates[0], rates[runs - 1],
           (double)input.n / rates[runs / 2] / (double)events, (unsigned long long)events,
           (unsigned long long)sum.documents, (double)sum.bytes / 1e6,
           (unsigned long long)sum.diagnostics);
}

static void measure_all(fl_str capture, size_t bytes, size_t runs)
{
    fl_buf input;
    fl_bedrock_options options = fl_bedrock_options_default(INT64_C(1740000000000000000));
    fl_buf_init(&input, INPUT_MAX);
    for (uint32_t n = 0; input.n < bytes && input.status == FL_OK; n++) {
        add_copy(capture, n, &input);
    }
    measure("tree", &options, fl_buf_str(&input), runs);
    options.content = FL_BEDROCK_CONTENT_NONE;
    measure("tree, no content", &options, fl_buf_str(&input), runs);
    options.content = FL_BEDROCK_CONTENT_TRUNCATE;
    options.mode = FL_BEDROCK_CHAIN;
    measure("chain", &options, fl_buf_str(&input), runs);
    fl_buf_fini(&input);
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "--write") == 0) {
        write_input(argv[2], (size_t)strtoull(argv[3], NULL, 10) * 1000000, argv[4]);
        return 0;
    }
    fl_arena arena;
    fl_str capture;
    size_t bytes = argc > 2 ? (size_t)strtoull(argv[2], NULL, 10) * 1000000 : 64000000;
    size_t runs = argc > 3 ? (size_t)strtoull(argv[3], NULL, 10) : 5;
    if (runs == 0 || runs > RUNS_MAX || bytes == 0 || bytes > INPUT_MAX / 2) {
        die("usage: bedrock_bench [FILE [MB [RUNS]]]");
    }
    read_capture(argc > 1 ? argv[1] : DEFAULT_FILE, &arena, &capture);
    measure_all(capture, bytes, runs);
    fl_buf longer;
    fl_buf_init(&longer, INPUT_MAX);
    add_with_prompts(capture, &longer);
    printf("with prompts of %zu bytes\n", PROMPT_BYTES);
    measure_all(fl_buf_str(&longer), bytes, runs);
    fl_buf_fini(&longer);
    fl_arena_fini(&arena);
    return 0;
}
