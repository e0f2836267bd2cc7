/*
 * Integers, written. A form is chosen by estimates from one look at the values: trying all forms
 * would cost as often the time as there are forms.
 */
#include <endian.h>

#include "store/part/column_format_int.h"

/* Below these counts a form's head costs more than it saves. */
#define PLANES_MIN_COUNT 48
#define RUNS_MIN_COUNT   8

/* Planes go through zstd, whose frames are most of what reading a trace costs: they must save a
 * good part of the bits. (0.97 would save another 1.3 bytes a span, for a seventh more time.) */
#define PLANES_SHARE 0.6F

/* Bits that a nested head costs, about. */
#define HEAD_BITS 40

/* Bits of a zstd frame's head and of its table of codes, for each kind of byte. */
#define PLANE_BITS        56
#define PLANE_SYMBOL_BITS 3.5F

/* By nanoseconds, microseconds, milliseconds and seconds. */
const uint64_t fl_ints_units[FL_INTS_UNITS] = {1, 1000, 1000000, 1000000000};

typedef struct numbers {
    uint64_t *at; /* count of them; scratch */
    size_t count;
    unsigned unit; /* code */
    int64_t low;
    uint64_t range;
    unsigned width; /* bits of range */
} numbers;

/* What the forms would take. */
typedef struct look {
    size_t runs;
    float delta_bits;
    bool is_sequence;
} look;

static unsigned bits_of(uint64_t number)
{
    return number != 0 ? 64 - (unsigned)__builtin_clzll(number) : 0;
}

static uint64_t zigzag(uint64_t difference)
{
    return (difference << 1) ^ (0 - (difference >> 63));
}

/* ---- From values to numbers */

static bool divides(const numbers *n, uint64_t unit)
{
    for (size_t i = 0; i < n->count; i++) {
        if (n->at[i] % unit != 0) {
            return false;
        }
    }
    return true;
}

/* The divisor is a constant in each call, so that the compiler multiplies instead. */
static inline __attribute__((always_inline)) bool divide(numbers *n, uint64_t unit)
{
    if (n->range < unit || !divides(n, unit)) {
        return false;
    }
    for (size_t i = 0; i < n->count; i++) {
        n->at[i] /= unit;
    }
    n->range /= unit;
    return true;
}

static void take_units_out(numbers *n)
{
    while (n->unit + 1 < FL_INTS_UNITS && divide(n, 1000)) {
        n->unit++;
    }
}

static bool begin(fl_column_encoder *encoder, const int64_t *values, size_t count, numbers *out)
{
    int64_t low = values[0], high = values[0];
    for (size_t i = 1; i < count; i++) {
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }
    *out = (numbers){.count = count, .low = low, .range = (uint64_t)high - (uint64_t)low};
    if (out->range == 0) {
        return true;
    }
    out->at = fl_scratch_alloc(encoder, count * sizeof *out->at);
    if (out->at == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        out->at[i] = (uint64_t)values[i] - (uint64_t)low;
    }
    take_units_out(out);
    out->width = bits_of(out->range);
    return true;
}

static bool is_sequence(const numbers *n)
{
    uint64_t step = n->at[1] - n->at[0];
    uint64_t last; /* upwards, and not around the end of 64 bits */
    if (n->at[0] != 0 || __builtin_mul_overflow(step, n->count - 1, &last) || last != n->range) {
        return false;
    }
    for (size_t i = 1; i < n->count; i++) {
        if (n->at[i] - n->at[i - 1] != step) {
            return false;
        }
    }
    return true;
}

/* Every fourth difference tells enough. */
static float delta_bits(const numbers *n)
{
    size_t bits = 0, looked = 0;
    for (size_t i = 1; i < n->count; i += n->count < 64 ? 1 : 4, looked++) {
        bits += bits_of(zigzag(n->at[i] - n->at[i - 1]));
    }
    return (float)bits / (float)looked * (float)n->count;
}

static look look_at(const numbers *n)
{
    look seen = {.runs = 1, .is_sequence = is_sequence(n)};
    for (size_t i = 1; i < n->count; i++) {
        seen.runs += n->at[i] != n->at[i - 1];
    }
    seen.delta_bits = delta_bits(n);
    return seen;
}

/* ---- Planes */

/* count * log2(count), to a hundredth. */
static float n_log_n(uint32_t count)
{
    unsigned exponent = 31 - (unsigned)__builtin_clz(count);
    float rest = (float)count / (float)(UINT32_C(1) << exponent) - 1;
    return (float)count * ((float)exponent + rest * (1.3465F - 0.3465F * rest));
}

/* Of bytes at random, 100 kinds come among 128. Ids and the lower bytes of times are told so
 * without counting all of them; and where more than half are different, a table of codes is too
 * long. */
#define SAMPLES 128

static bool looks_random(const numbers *n, unsigned shift)
{
    uint64_t seen[4] = {0};
    size_t samples = n->count < SAMPLES ? n->count : SAMPLES;
    size_t kinds = 0;
    for (size_t i = 0; i < samples; i++) {
        unsigned byte = n->at[i] >> shift & 0xFF;
        kinds += (seen[byte / 64] >> (byte % 64) & 1) == 0;
        seen[byte / 64] |= UINT64_C(1) << (byte % 64);
    }
    return kinds > samples * 7 / 10;
}

/* Four tables, for adding to the place that was added to last is slow. */
static void count_bytes(const numbers *n, unsigned shift, uint32_t seen[256])
{
    uint32_t more[3][256] = {0};
    size_t i = 0;
    for (; i + 4 <= n->count; i += 4) {
        seen[n->at[i] >> shift & 0xFF]++;
        more[0][n->at[i + 1] >> shift & 0xFF]++;
        more[1][n->at[i + 2] >> shift & 0xFF]++;
        more[2][n->at[i + 3] >> shift & 0xFF]++;
    }
    for (; i < n->count; i++) {
        seen[n->at[i] >> shift & 0xFF]++;
    }
    for (size_t k = 0; k < 256; k++) {
        seen[k] += more[0][k] + more[1][k] + more[2][k];
    }
}

/* Bits that a plane takes: what frequencies of bytes give, or eight a byte. */
static float plane_bits(const numbers *n, unsigned shift)
{
    float raw = 8 * (float)n->count;
    if (looks_random(n, shift)) {
        return raw;
    }
    uint32_t seen[256] = {0};
    size_t kinds = n->width - shift < 8 ? (size_t)1 << (n->width - shift) : 256;
    count_bytes(n, shift, seen);
    float bits = n_log_n((uint32_t)n->count) + PLANE_BITS;
    for (size_t i = 0; i < kinds; i++) {
        bits += seen[i] != 0 ? PLANE_SYMBOL_BITS - n_log_n(seen[i]) : 0;
    }
    return bits < 0.95F * raw ? bits : raw;
}

typedef struct planes {
    size_t count;
    bool coded[8];
    float bits; /* of all */
} planes;

static planes look_at_planes(const numbers *n)
{
    planes all = {.count = (n->width + 7) / 8};
    for (size_t k = 0; k < all.count; k++) {
        float bits = plane_bits(n, (unsigned)(8 * k));
        all.coded[k] = bits < 8 * (float)n->count;
        all.bits += bits;
    }
    return all;
}

static fl_status emit_planes(fl_column_encoder *encoder, const numbers *n, const planes *all,
                             fl_buf *out, fl_err *err)
{
    unsigned char *plane = fl_scratch_alloc(encoder, n->count);
    if (plane == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for %zu integers", n->count);
    }
    for (size_t k = 0; k < all->count; k++) {
        for (size_t i = 0; i < n->count; i++) {
            plane[i] = (unsigned char)(n->at[i] >> (8 * k));
        }
        fl_str bytes = {(const char *)plane, n->count};
        if (all->coded[k]) {
            FL_TRY(fl_bytes_encode(encoder, bytes, FL_ZSTD_ENTROPY, out, err));
        } else {
            fl_buf_add_varint(out, 0);
            fl_buf_add_str(out, bytes);
        }
    }
    return FL_OK;
}

/* ---- Packed */

static void put_le64(unsigned char *to, uint64_t bits)
{
    uint64_t le = htole64(bits);
    memcpy(to, &le, sizeof le);
}

static void emit_packed(const numbers *n, fl_buf *out)
{
    size_t bytes = (n->count * n->width + 7) / 8;
    unsigned char *to = (unsigned char *)fl_buf_room(out, bytes + 8);
    uint64_t word = 0;
    unsigned full = 0;
    if (to == NULL) {
        return;
    }
    for (size_t i = 0; i < n->count; i++) {
        word |= n->at[i] << full;
        full += n->width;
        if (full >= 64) {
            put_le64(to, word);
            to += 8;
            full -= 64;
            word = full != 0 ? n->at[i] >> (n->width - full) : 0;
        }
    }
    put_le64(to, word);
    fl_buf_grow(out, bytes);
}

/* ---- Deltas and runs */

static fl_status encode(fl_column_encoder *encoder, const int64_t *values, size_t count,
                        bool nested, fl_buf *out, fl_err *err);

/* NOLINTNEXTLINE(misc-no-recursion): nested integers have none nested */
static fl_status emit_deltas(fl_column_encoder *encoder, const numbers *n, fl_buf *out, fl_err *err)
{
    int64_t *deltas = fl_scratch_alloc(encoder, n->count * sizeof *deltas);
    if (deltas == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for %zu integers", n->count);
    }
    for (size_t i = 1; i < n->count; i++) {
        deltas[i - 1] = (int64_t)(n->at[i] - n->at[i - 1]);
    }
    fl_buf_add_varint(out, n->at[0]);
    return encode(encoder, deltas, n->count - 1, true, out, err);
}

/* NOLINTNEXTLINE(misc-no-recursion): nested integers have none nested */
static fl_status emit_runs(fl_column_encoder *encoder, const numbers *n, size_t runs, fl_buf *out,
                           fl_err *err)
{
    int64_t *lengths = fl_scratch_alloc(encoder, runs * 2 * sizeof *lengths);
    if (lengths == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for %zu integers", n->count);
    }
    int64_t *values = lengths + runs;
    size_t run = 0, first = 0;
    for (size_t i = 1; i <= n->count; i++) {
        if (i == n->count || n->at[i] != n->at[first]) {
            lengths[run] = (int64_t)(i - first);
            values[run++] = (int64_t)n->at[first];
            first = i;
        }
    }
    fl_buf_add_varint(out, runs);
    FL_TRY(encode(encoder, lengths, runs, true, out, err));
    return encode(encoder, values, runs, true, out, err);
}

/* ---- The choice */

static fl_ints_form choose(const look *seen, const numbers *n, const planes *all, bool nested)
{
    float count = (float)n->count;
    float packed = count * (float)n->width;
    bool planes_pay = all->count != 0 && all->bits < PLANES_SHARE * packed;
    float best = planes_pay ? all->bits : packed;
    float share = (float)seen->runs / count;
    float run_bits =
        best * share + (float)seen->runs * (1.5F + (float)bits_of((uint64_t)(1 / share)));
    if (seen->is_sequence) {
        return FL_INTS_SEQUENCE;
    }
    if (!nested && n->count >= RUNS_MIN_COUNT && run_bits + 2 * HEAD_BITS < 0.9F * best) {
        return FL_INTS_RUNS;
    }
    if (!nested && seen->delta_bits + count + HEAD_BITS < 0.9F * best) {
        return FL_INTS_DELTAS;
    }
    return planes_pay ? FL_INTS_PLANES : FL_INTS_PACKED;
}

/* NOLINTNEXTLINE(misc-no-recursion): nested integers have none nested */
static fl_status encode(fl_column_encoder *encoder, const int64_t *values, size_t count,
                        bool nested, fl_buf *out, fl_err *err)
{
    numbers n;
    planes all = {0};
    if (count == 0) {
        return FL_OK;
    }
    if (!begin(encoder, values, count, &n)) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for %zu integers", count);
    }
    fl_ints_form form = FL_INTS_PACKED;
    look seen = {0};
    if (n.range != 0) {
        seen = look_at(&n);
        if (count >= PLANES_MIN_COUNT && !seen.is_sequence) {
            all = look_at_planes(&n);
        }
        form = choose(&seen, &n, &all, nested);
    }
    fl_buf_add_byte(out, (char)(form | n.unit << 4));
    fl_buf_add_svarint(out, n.low);
    fl_buf_add_varint(out, n.range);
    switch (n.range != 0 ? form : FL_INTS_SEQUENCE) {
    case FL_INTS_PACKED:
        emit_packed(&n, out);
        break;
    case FL_INTS_PLANES:
        return emit_planes(encoder, &n, &all, out, err);
    case FL_INTS_DELTAS:
        return emit_deltas(encoder, &n, out, err);
    case FL_INTS_RUNS:
        return emit_runs(encoder, &n, seen.runs, out, err);
    default:
        break; /* the head says all */
    }
    return FL_OK;
}

fl_status fl_ints_encode(fl_column_encoder *encoder, const int64_t *values, size_t count,
                         fl_buf *out, fl_err *err)
{
    return encode(encoder, values, count, false, out, err);
}

fl_status fl_ints_encode_u32(fl_column_encoder *encoder, const uint32_t *values, size_t count,
                             fl_buf *out, fl_err *err)
{
    int64_t *wide = fl_scratch_alloc(encoder, count * sizeof *wide);
    if (wide == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for %zu integers", count);
    }
    for (size_t i = 0; i < count; i++) {
        wide[i] = values[i];
    }
    return encode(encoder, wide, count, false, out, err);
}
