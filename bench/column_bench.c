/*
 * Columns alone: bytes a value, and time to gather, encode and read chunks of typical values.
 *
 *   column_bench [values a chunk]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "store/part/column_int.h"

#define CHUNKS 64

typedef struct made {
    char text[96];
    size_t n;
    int64_t value;
} made;

typedef struct sort {
    const char *name;
    fl_column_kind kind;
    bool has_dictionary;
    void (*make)(made *value, const made *last);
} sort;

static uint64_t random_bits(void)
{
    static _Thread_local uint64_t state = 42;
    state += 0x9e3779b97f4a7c15U;
    uint64_t z = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static uint64_t below(uint64_t bound)
{
    return random_bits() % bound;
}

/* Sums of bits: about normal, exponents of about lognormal values. */
static unsigned bell(void)
{
    return (unsigned)__builtin_popcountll(random_bits() & 0xFFFF);
}

static int64_t lognormal(void)
{
    return (int64_t)(below(UINT64_C(1) << bell()) + 1);
}

/* ---- Sorts of values */

static void make_duration(made *value, const made *last)
{
    (void)last;
    value->value = lognormal() * 1000;
}

static void make_status(made *value, const made *last)
{
    (void)last;
    value->value = below(30) == 0 ? 404 : below(20) == 0 ? 500 : 200;
}

static void make_code(made *value, const made *last)
{
    (void)last;
    value->value = (int64_t)(below(150) * below(150) / 150);
}

static void make_arrival(made *value, const made *last)
{
    value->value = last->value + (int64_t)below(2000) * 1000;
}

static void make_id(made *value, const made *last)
{
    (void)last;
    value->value = (int64_t)random_bits();
}

static void make_name(made *value, const made *last)
{
    (void)last;
    value->n = (size_t)snprintf(value->text, sizeof value->text, "service-%u",
                                (unsigned)(below(40) * below(40) / 40));
}

static void make_order(made *value, const made *last)
{
    if (last->n != 0 && below(5) != 0) {
        *value = *last;
        return;
    }
    value->n = (size_t)snprintf(value->text, sizeof value->text, "ord-%012llx",
                                (unsigned long long)random_bits() >> 16);
}

static void make_url(made *value, const made *last)
{
    (void)last;
    value->n = (size_t)snprintf(
        value->text, sizeof value->text, "https://service-%u.prod.internal/v1/%c-orders/%u",
        (unsigned)below(40), (char)('a' + below(4)), (unsigned)below(10000000));
}

static void make_address(made *value, const made *last)
{
    (void)last;
    value->n = (size_t)snprintf(value->text, sizeof value->text, "10.%u.%u.%u", (unsigned)below(64),
                                (unsigned)below(256), (unsigned)below(256));
}

static void make_uuid(made *value, const made *last)
{
    uint64_t a = random_bits(), b = random_bits();
    (void)last;
    value->n =
        (size_t)snprintf(value->text, sizeof value->text, "%08x-%04x-4%03x-%04x-%012llx",
                         (unsigned)(a >> 32), (unsigned)(a & 0xFFFF), (unsigned)(a >> 16 & 0xFFF),
                         (unsigned)(b >> 50 | 0x8000), (unsigned long long)(b & 0xFFFFFFFFFFFF));
}

static void make_price(made *value, const made *last)
{
    (void)last;
    value->n = (size_t)snprintf(value->text, sizeof value->text, "%u.%02u", (unsigned)below(10000),
                                (unsigned)below(100));
}

static void make_words(made *value, const made *last)
{
    static const char *const words[] = {"cannot", "open",   "order", "timeout", "after",
                                        "retry",  "upload", "the",   "image",   "cart"};
    (void)last;
    value->n = 0;
    for (int i = 0; i < 8; i++) {
        value->n += (size_t)snprintf(value->text + value->n, sizeof value->text - value->n, "%s ",
                                     words[below(10)]);
    }
}

static const sort sorts[] = {
    {"durations", FL_COLUMN_INT, false, make_duration},
    {"status", FL_COLUMN_INT, false, make_status},
    {"codes", FL_COLUMN_INT, false, make_code},
    {"arrivals", FL_COLUMN_INT, false, make_arrival},
    {"ids", FL_COLUMN_ID, false, make_id},
    {"names", FL_COLUMN_TEXT, true, make_name},
    {"order ids", FL_COLUMN_TEXT, true, make_order},
    {"urls", FL_COLUMN_TEXT, true, make_url},
    {"addresses", FL_COLUMN_TEXT, true, make_address},
    {"uuids", FL_COLUMN_TEXT, true, make_uuid},
    {"prices", FL_COLUMN_TEXT, true, make_price},
    {"messages", FL_COLUMN_TEXT, true, make_words},
};

/* ---- Measuring */

typedef struct result {
    size_t raw, chunks, filters, dictionary;
    double add_s, encode_s, read_s;
} result;

static void die(const char *what)
{
    fprintf(stderr, "column_bench: %s\n", what);
    exit(1);
}

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool add(fl_column *column, fl_column_kind kind, const made *value)
{
    switch (kind) {
    case FL_COLUMN_INT:
        return fl_column_add_int(column, value->value);
    case FL_COLUMN_ID:
        return fl_column_add_id(column, (uint64_t)value->value);
    default:
        return fl_column_add_text(column, (fl_str){value->text, value->n});
    }
}

typedef struct bench {
    fl_column_encoder *encoder;
    fl_zstd *zstd;
    fl_arena arena;
    fl_buf chunk, filter;
    fl_dictionary *dictionary;
    fl_column *column;
} bench;

static void measure_chunk(bench *b, const sort *of, const made *values, uint32_t count, result *r)
{
    fl_values read;
    double begin = cpu_s();
    for (uint32_t i = 0; i < count; i++) {
        if (!add(b->column, of->kind, &values[i])) {
            die("no memory");
        }
    }
    double added = cpu_s();
    r->raw += fl_column_bytes(b->column);
    fl_buf_reset(&b->chunk);
    fl_buf_reset(&b->filter);
    if (fl_column_encode(b->column, b->encoder, &b->chunk, &b->filter, NULL) != FL_OK) {
        die("cannot encode");
    }
    double encoded = cpu_s();
    if (fl_values_read(&b->arena, b->zstd, of->kind, fl_buf_str(&b->chunk), count, b->dictionary,
                       &read, NULL) != FL_OK) {
        die("cannot read");
    }
    r->read_s += cpu_s() - encoded;
    r->encode_s += encoded - added;
    r->add_s += added - begin;
    r->chunks += b->chunk.n;
    r->filters += b->filter.n;
    fl_arena_reset(&b->arena);
}

static void measure(bench *b, const sort *of, uint32_t count)
{
    result r = {0};
    made *values = calloc(count, sizeof *values);
    b->dictionary = of->has_dictionary ? fl_dictionary_new() : NULL;
    b->column = fl_column_new(of->kind, b->dictionary, true);
    if (values == NULL || b->column == NULL) {
        die("no memory");
    }
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
        for (uint32_t i = 0; i < count; i++) {
            of->make(&values[i], &values[i != 0 ? i - 1 : count - 1]);
        }
        measure_chunk(b, of, values, count, &r);
    }
    fl_buf_reset(&b->chunk);
    if (b->dictionary != NULL &&
        fl_dictionary_emit(b->dictionary, b->encoder, &b->chunk, NULL) != FL_OK) {
        die("cannot emit a dictionary");
    }
    r.dictionary = b->chunk.n;
    double n = (double)count * CHUNKS;
    printf("%-10s %8.2f %8.3f %8.3f %8.3f %8.1f %8.1f %8.1f\n", of->name, (double)r.raw / n,
           (double)r.chunks / n, (double)r.dictionary / n, (double)r.filters / n, r.add_s / n * 1e9,
           r.encode_s / n * 1e9, r.read_s / n * 1e9);
    fl_column_free(b->column);
    fl_dictionary_free(b->dictionary);
    free(values);
}

int main(int argc, char **argv)
{
    uint64_t count = 1000;
    bench b = {.encoder = fl_column_encoder_new(), .zstd = fl_zstd_new()};
    if (argc > 1 && (!fl_str_to_u64(fl_str_of(argv[1]), &count) || count == 0 || count > 1000000)) {
        die("values a chunk: 1 … 1000000");
    }
    if (b.encoder == NULL || b.zstd == NULL) {
        die("no memory");
    }
    fl_arena_init(&b.arena, (size_t)1 << 30);
    fl_buf_init(&b.chunk, (size_t)1 << 30);
    fl_buf_init(&b.filter, (size_t)1 << 30);
    printf("%-10s %8s %8s %8s %8s %8s %8s %8s\n", "bytes:", "raw", "chunk", "diction.", "filter",
           "ns: add", "encode", "read");
    for (size_t i = 0; i < sizeof sorts / sizeof sorts[0]; i++) {
        measure(&b, &sorts[i], (uint32_t)count);
    }
    fl_column_encoder_free(b.encoder);
    fl_zstd_free(b.zstd);
    fl_arena_fini(&b.arena);
    fl_buf_fini(&b.chunk);
    fl_buf_fini(&b.filter);
    return 0;
}
