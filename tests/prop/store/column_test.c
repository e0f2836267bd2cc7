/*
 * Columns of every kind and distribution: what was gathered comes back, also after it went through
 * another column as a merge does it; facts hold; filters never miss.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/part/column_int.h"
#include "support/test.h"

#define ROUNDS    (TEST_IS_SLOW ? 60 : 400)
#define COUNT_MAX 3000
#define TEXT_MAX  128

/* ---- Made values */

typedef enum ints_sort {
    INTS_CONSTANT,
    INTS_SMALL,
    INTS_SKEWED,
    INTS_ANY,
    INTS_TIMES,
    INTS_ASCENDING,
    INTS_STEPS,
    INTS_RUNS,
    INTS_EXTREMES,
    INTS_MOSTLY_ONE,
    INTS_SORTS
} ints_sort;

static int64_t skewed(test_random *random, unsigned bits)
{
    uint64_t mask = (UINT64_C(1) << test_random_below(random, bits)) - 1;
    return (int64_t)(test_random_next(random) & mask);
}

static int64_t make_int(test_random *random, ints_sort sort, int64_t last, int64_t base)
{
    static const int64_t extremes[] = {INT64_MIN, INT64_MAX, 0, -1, 1, INT64_MIN + 1};
    switch (sort) {
    case INTS_CONSTANT:
        return base;
    case INTS_SMALL:
        return (int64_t)test_random_below(random, 40) - 7;
    case INTS_SKEWED:
        return skewed(random, 50) - 3;
    case INTS_TIMES:
        return (base & 0xFFFFFFFFFFFF) * 1000 + skewed(random, 24) * 1000;
    case INTS_ASCENDING:
        return (int64_t)((uint64_t)last + test_random_below(random, 5000));
    case INTS_STEPS:
        return (int64_t)((uint64_t)last + 3000000);
    case INTS_RUNS:
        return test_random_below(random, 6) == 0 ? skewed(random, 30) : last;
    case INTS_EXTREMES:
        return extremes[test_random_below(random, 6)];
    case INTS_MOSTLY_ONE:
        return test_random_below(random, 50) == 0 ? skewed(random, 12) : 200;
    default:
        return (int64_t)test_random_next(random);
    }
}

static int64_t *make_ints(test_random *random, uint32_t count)
{
    int64_t *ints = calloc((size_t)count + 1, sizeof *ints);
    ints_sort sort = (ints_sort)test_random_below(random, INTS_SORTS);
    int64_t base = (int64_t)test_random_next(random);
    int64_t last = (int64_t)test_random_below(random, 1000);
    assert_non_null(ints);
    for (uint32_t i = 0; i < count; i++) {
        last = ints[i] = make_int(random, sort, last, base);
    }
    return ints;
}

typedef enum texts_sort {
    TEXTS_FEW,
    TEXTS_URLS,
    TEXTS_UUIDS,
    TEXTS_IDS,
    TEXTS_INTEGERS,
    TEXTS_DECIMALS,
    TEXTS_ADDRESSES,
    TEXTS_LETTERS,
    TEXTS_ANY_BYTES,
    TEXTS_DIGITS,
    TEXTS_RUNS,
    TEXTS_SORTS
} texts_sort;

typedef struct text {
    char bytes[TEXT_MAX];
    size_t n;
} text;

/* NOLINTNEXTLINE(readability-function-size): a table in the form of a switch */
static int print(char *to, test_random *r, texts_sort sort)
{
    unsigned a = (unsigned)test_random_below(r, 4), b = (unsigned)test_random_below(r, 1 << 24);
    unsigned long long c = test_random_next(r), d = test_random_next(r);
    static const char *const hosts[] = {"a.internal", "cart", "x86-64.host", "v1"};
    switch (sort) {
    case TEXTS_FEW:
        return snprintf(to, TEXT_MAX, "tenant-%04u", b % 30);
    case TEXTS_URLS:
        return snprintf(to, TEXT_MAX, "https://%s/v1/orders/%u%s", hosts[a], b >> (b % 20),
                        (b & 64) != 0 ? "?page=7&size=20" : "");
    case TEXTS_UUIDS:
        return snprintf(to, TEXT_MAX, "%08x-%04x-4%03x-%04x-%012llx", b, a * 9000,
                        (unsigned)(c & 0xFFF), (unsigned)(d & 0xFFFF), c >> 16);
    case TEXTS_IDS:
        return snprintf(to, TEXT_MAX, a == 0 ? "%016llX-%llx" : "ord-%016llx%08llx", c,
                        d & 0xFFFFFFFF);
    case TEXTS_INTEGERS:
        return snprintf(to, TEXT_MAX, "%lld", (long long)c >> (b % 60));
    case TEXTS_DECIMALS:
        return snprintf(to, TEXT_MAX, "%s%u.%0*u", a == 0 ? "-" : "", b % 1000, (int)(b % 4) + 1,
                        a);
    case TEXTS_ADDRESSES:
        return snprintf(to, TEXT_MAX, "10.%u.%u.%u", a, b & 255, b >> 8 & 255);
    case TEXTS_DIGITS:
        return snprintf(to, TEXT_MAX, "%0*llu %llu%llu%llu", (int)(b % 25), c >> (b % 64), c, d, c);
    default:
        return snprintf(to, TEXT_MAX, "user %u", b % 5000);
    }
}

static void make_text(test_random *random, texts_sort sort, text *out)
{
    if (sort == TEXTS_LETTERS || sort == TEXTS_ANY_BYTES) {
        out->n = (size_t)test_random_below(random, TEXT_MAX);
        for (size_t i = 0; i < out->n; i++) {
            uint64_t byte = test_random_below(random, sort == TEXTS_LETTERS ? 26 : 256);
            out->bytes[i] = (char)(sort == TEXTS_LETTERS ? 'a' + byte
                                   : byte < 60           ? byte / 10
                                                         : byte);
        }
        return;
    }
    out->n = (size_t)print(out->bytes, random, sort);
    assert_true(out->n < TEXT_MAX);
}

static text *make_texts(test_random *random, uint32_t count)
{
    text *texts = calloc((size_t)count + 1, sizeof *texts);
    texts_sort sort = (texts_sort)test_random_below(random, TEXTS_SORTS);
    bool sometimes_other = test_random_below(random, 4) == 0;
    assert_non_null(texts);
    for (uint32_t i = 0; i < count; i++) {
        bool other = sometimes_other && test_random_below(random, 200) == 0;
        make_text(random, other ? TEXTS_ANY_BYTES : sort, &texts[i]);
        if (i != 0 && sort == TEXTS_RUNS && test_random_below(random, 5) != 0) {
            texts[i] = texts[i - 1];
        }
    }
    return texts;
}

/* ---- Round trips */

typedef struct rig {
    fl_column_encoder *encoder;
    fl_zstd *zstd;
    fl_arena arena;
    fl_buf chunk, filter;
} rig;

static void rig_init(rig *r)
{
    r->encoder = fl_column_encoder_new();
    r->zstd = fl_zstd_new();
    assert_true(r->encoder != NULL && r->zstd != NULL);
    fl_arena_init(&r->arena, (size_t)256 << 20);
    fl_buf_init(&r->chunk, (size_t)16 << 20);
    fl_buf_init(&r->filter, (size_t)1 << 20);
}

static void rig_fini(rig *r)
{
    fl_column_encoder_free(r->encoder);
    fl_zstd_free(r->zstd);
    fl_arena_fini(&r->arena);
    fl_buf_fini(&r->chunk);
    fl_buf_fini(&r->filter);
}

/* Value i by itself is what it is among all. */
static void expect_picked(fl_picker *picker, const fl_values *values, uint32_t i)
{
    fl_err err;
    int64_t number;
    uint64_t id;
    fl_str picked;
    switch (values->kind) {
    case FL_COLUMN_INT:
        assert_ok(fl_pick_int(picker, i, &number, &err), &err);
        assert_true(number == values->ints[i]);
        break;
    case FL_COLUMN_ID:
        assert_ok(fl_pick_id(picker, i, &id, &err), &err);
        assert_true(id == values->ids[i]);
        break;
    default:
        assert_ok(fl_pick_text(picker, i, &picked, &err), &err);
        assert_true(fl_str_eq(picked, fl_values_text(values, i)));
    }
}

/* In whatever order they are asked for. */
static void expect_picks(rig *r, fl_str chunk, const fl_values *values,
                         const fl_dictionary *dictionary)
{
    fl_picker *picker;
    fl_err err;
    fl_str picked;
    uint32_t count = values->count;
    assert_ok(
        fl_picker_new(&r->arena, r->zstd, values->kind, chunk, count, dictionary, &picker, &err),
        &err);
    for (uint32_t i = 0; i < count; i++) {
        expect_picked(picker, values, (uint32_t)((uint64_t)i * 7919 % count));
    }
    assert_int_equal(fl_pick_text(picker, count, &picked, NULL), FL_E_CORRUPT);
}

/* Where a wanted code is, the chunk may have it; where none is, runs tell. */
static void expect_codes(rig *r, fl_str chunk, const fl_values *values,
                         const fl_dictionary *dictionary)
{
    uint32_t entries = fl_dictionary_count(dictionary);
    uint8_t *wanted = FL_ARENA_ARRAY(&r->arena, uint8_t, entries);
    fl_err err;
    bool may;
    assert_non_null(wanted);
    for (uint32_t i = 0; i < values->count; i += 1 + values->count / 8) {
        uint32_t code = values->codes[i];
        wanted[code] = true;
        assert_ok(fl_chunk_may_have_code(&r->arena, r->zstd, chunk, values->count, wanted, entries,
                                         &may, &err),
                  &err);
        assert_true(may);
        wanted[code] = false;
    }
    assert_ok(fl_chunk_may_have_code(&r->arena, r->zstd, chunk, values->count, wanted, entries,
                                     &may, &err),
              &err);
    bool are_runs = values->count != 0 && (chunk.p[1] & 0xF) == 4;
    assert_true(are_runs ? !may : may);
}

/* The column's chunk, read. The bytes read are of a size of their own, so that ASan sees more. */
static fl_values encode_and_read(rig *r, fl_column *column, fl_column_kind kind, uint32_t count,
                                 const fl_dictionary *dictionary)
{
    fl_err err;
    fl_values values;
    fl_buf_reset(&r->chunk);
    fl_buf_reset(&r->filter);
    assert_int_equal(fl_column_count(column), count);
    assert_ok(fl_column_encode(column, r->encoder, &r->chunk, &r->filter, &err), &err);
    assert_int_equal(fl_column_count(column), 0);
    fl_str chunk = fl_str_dup(&r->arena, fl_buf_str(&r->chunk));
    assert_non_null(chunk.p);
    assert_ok(fl_values_read(&r->arena, r->zstd, kind, chunk, count, dictionary, &values, &err),
              &err);
    assert_int_equal(values.count, count);
    expect_picks(r, chunk, &values, dictionary);
    if (count != 0 && kind == FL_COLUMN_TEXT && values.texts == NULL) {
        expect_codes(r, chunk, &values, dictionary);
    }
    return values;
}

static void expect_facts(const rig *r, fl_column_kind kind, const fl_values *values)
{
    fl_chunk_facts facts;
    fl_err err;
    assert_ok(fl_chunk_facts_read(kind, fl_buf_str(&r->chunk), &facts, &err), &err);
    for (uint32_t i = 0; i < values->count; i++) {
        double number = kind == FL_COLUMN_INT    ? (double)values->ints[i]
                        : kind == FL_COLUMN_TEXT ? fl_json_double(fl_values_text(values, i))
                                                 : 0;
        if (facts.has_bounds) {
            assert_true(number >= facts.low && number <= facts.high);
        }
    }
    assert_true(kind != FL_COLUMN_INT || values->count == 0 || facts.has_bounds);
    assert_int_equal(facts.uses_dictionary,
                     kind == FL_COLUMN_TEXT && values->count != 0 && values->texts == NULL);
}

static void expect_ints(const fl_values *values, fl_column_kind kind, const int64_t *ints,
                        uint32_t first)
{
    for (uint32_t i = 0; i < values->count; i++) {
        int64_t value = kind == FL_COLUMN_INT ? values->ints[i] : (int64_t)values->ids[i];
        assert_true(value == ints[first + i]);
    }
}

static void ints_and_ids_come_back(void **state)
{
    test_random random = test_random_begin();
    rig r;
    (void)state;
    rig_init(&r);
    for (int round = 0; round < ROUNDS; round++) {
        fl_column_kind kind = round % 3 == 0 ? FL_COLUMN_ID : FL_COLUMN_INT;
        uint32_t count = (uint32_t)test_random_below(&random, round % 2 == 0 ? 70 : COUNT_MAX);
        int64_t *ints = make_ints(&random, count);
        fl_column *column = fl_column_new(kind, NULL, false);
        assert_non_null(column);
        for (uint32_t i = 0; i < count; i++) {
            assert_true(kind == FL_COLUMN_INT ? fl_column_add_int(column, ints[i])
                                              : fl_column_add_id(column, (uint64_t)ints[i]));
        }
        assert_int_equal(fl_column_bytes(column), count * sizeof *ints);
        fl_values values = encode_and_read(&r, column, kind, count, NULL);
        expect_ints(&values, kind, ints, 0);
        expect_facts(&r, kind, &values);
        uint32_t first = (uint32_t)test_random_below(&random, count + 1);
        assert_true(fl_column_add_values(column, &values, first, count - first, NULL));
        fl_values again = encode_and_read(&r, column, kind, count - first, NULL);
        expect_ints(&again, kind, ints, first);
        fl_column_free(column);
        free(ints);
        fl_arena_reset(&r.arena);
    }
    rig_fini(&r);
}

static void expect_texts(const fl_values *values, const text *texts, uint32_t first)
{
    for (uint32_t i = 0; i < values->count; i++) {
        const text *expected = &texts[first + i];
        assert_true(fl_str_eq(fl_values_text(values, i), (fl_str){expected->bytes, expected->n}));
        assert_true(values->codes[i] < values->text_count);
    }
}

static void expect_filter(const rig *r, bool filtered, const fl_values *values)
{
    bool has_one = filtered && values->count != 0 && values->texts != NULL;
    assert_int_equal(r->filter.n != 0, has_one);
    for (uint32_t i = 0; i < values->count; i++) {
        assert_true(
            fl_filter_may_have(fl_buf_str(&r->filter), fl_filter_hash(fl_values_text(values, i))));
    }
}

static void add_all(fl_column *column, const text *texts, uint32_t count)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        assert_true(fl_column_add_text(column, (fl_str){texts[i].bytes, texts[i].n}));
        bytes += texts[i].n;
    }
    assert_int_equal(fl_column_bytes(column), bytes);
}

/* A piece of what was read, through another column with a dictionary of its own. */
static void expect_merge(rig *r, test_random *random, const fl_values *values, const text *texts)
{
    fl_dictionary *dictionary = test_random_below(random, 3) != 0 ? fl_dictionary_new() : NULL;
    fl_column *column = fl_column_new(FL_COLUMN_TEXT, dictionary, false);
    uint32_t entries = values->dictionary != NULL ? fl_dictionary_count(values->dictionary) : 0;
    uint32_t *recode = malloc((entries + 1) * sizeof *recode);
    uint32_t first = (uint32_t)test_random_below(random, values->count + 1);
    uint32_t count = values->count - first;
    assert_true(column != NULL && recode != NULL);
    memset(recode, 0xFF, (entries + 1) * sizeof *recode);
    for (uint32_t done = 0; done < count;) {
        uint32_t some = 1 + (uint32_t)test_random_below(random, count - done);
        bool remember = values->texts == NULL && test_random_below(random, 4) != 0;
        assert_true(
            fl_column_add_values(column, values, first + done, some, remember ? recode : NULL));
        done += some;
    }
    fl_values merged = encode_and_read(r, column, FL_COLUMN_TEXT, count, dictionary);
    expect_texts(&merged, texts, first);
    fl_column_free(column);
    fl_dictionary_free(dictionary);
    free(recode);
}

/* Chunks with one dictionary, and the dictionary once it was written and read. */
static void texts_come_back(void **state)
{
    test_random random = test_random_begin();
    rig r;
    (void)state;
    rig_init(&r);
    for (int round = 0; round < ROUNDS; round++) {
        fl_dictionary *dictionary = round % 2 == 0 ? fl_dictionary_new() : NULL;
        bool filtered = round % 4 < 2;
        fl_column *column = fl_column_new(FL_COLUMN_TEXT, dictionary, filtered);
        assert_non_null(column);
        for (int chunk = 0; chunk < 3; chunk++) {
            uint32_t count = (uint32_t)test_random_below(&random, chunk < 2 ? 50 : COUNT_MAX);
            text *texts = make_texts(&random, count);
            add_all(column, texts, count);
            fl_values values = encode_and_read(&r, column, FL_COLUMN_TEXT, count, dictionary);
            expect_texts(&values, texts, 0);
            expect_facts(&r, FL_COLUMN_TEXT, &values);
            expect_filter(&r, filtered, &values);
            expect_merge(&r, &random, &values, texts);
            free(texts);
        }
        fl_column_free(column);
        fl_dictionary_free(dictionary);
        fl_arena_reset(&r.arena);
    }
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ints_and_ids_come_back),
        cmocka_unit_test(texts_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
