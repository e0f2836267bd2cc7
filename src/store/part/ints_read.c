/*
 * Integers, read. What was written by nobody must neither read past the chunk nor take more memory
 * than the count justifies; numbers beyond the range that the head tells are corrupt, since readers
 * skip blocks by it.
 */
#include <endian.h>

#include "store/part/column_format_int.h"

static fl_status corrupt(fl_err *err)
{
    FL_FAIL(err, FL_E_CORRUPT, "integers of a chunk are malformed");
}

fl_status fl_ints_head_read(fl_cur *cur, fl_ints_head *out, fl_err *err)
{
    unsigned first = fl_cur_u8(cur);
    unsigned form = first & 0xF, unit = first >> 4;
    int64_t low = fl_cur_svarint(cur);
    uint64_t range = fl_cur_varint(cur);
    uint64_t span;
    if (cur->failed || form >= FL_INTS_FORMS || unit >= FL_INTS_UNITS ||
        __builtin_mul_overflow(range, fl_ints_units[unit], &span) ||
        span > (uint64_t)INT64_MAX - (uint64_t)low) {
        return corrupt(err);
    }
    *out = (fl_ints_head){(fl_ints_form)form, low, range, fl_ints_units[unit]};
    return FL_OK;
}

/* ---- Packed */

#define READ 9 /* bytes that reading a number touches */

static uint64_t get_le64(const unsigned char *from)
{
    uint64_t le;
    memcpy(&le, from, sizeof le);
    return le64toh(le);
}

static inline uint64_t wide_number(const unsigned char *bytes, size_t bit, unsigned width)
{
    const unsigned char *from = bytes + bit / 8;
    unsigned shift = bit % 8;
    uint64_t number = get_le64(from) >> shift;
    number |= shift != 0 ? (uint64_t)from[8] << (64 - shift) : 0;
    return number & (UINT64_MAX >> (64 - width));
}

/* For widths that eight bytes hold, wherever in a byte the number begins. */
static inline uint64_t narrow_number(const unsigned char *bytes, size_t bit, unsigned width)
{
    return (get_le64(bytes + bit / 8) >> (bit % 8)) & ((UINT64_C(1) << width) - 1);
}

/* Number i, whose bytes may end with the chunk. */
static uint64_t last_number(fl_str packed, size_t i, unsigned width)
{
    unsigned char last[READ] = {0};
    size_t first = i * width / 8;
    memcpy(last, packed.p + first, packed.n - first < READ ? packed.n - first : READ);
    return wide_number(last, i * width % 8, width);
}

static uint64_t packed_at(fl_str packed, size_t i, unsigned width)
{
    const unsigned char *bytes = (const unsigned char *)packed.p;
    if (i * width / 8 + READ > packed.n) {
        return last_number(packed, i, width);
    }
    return width <= 56 ? narrow_number(bytes, i * width, width)
                       : wide_number(bytes, i * width, width);
}

static void unpack(fl_str packed, unsigned width, uint64_t *to, size_t count)
{
    const unsigned char *bytes = (const unsigned char *)packed.p;
    size_t safe = packed.n >= READ ? ((packed.n - READ + 1) * 8 - 1) / width + 1 : 0;
    size_t i = 0;
    safe = safe < count ? safe : count;
    if (width <= 56) {
        for (; i < safe; i++) {
            to[i] = narrow_number(bytes, i * width, width);
        }
    }
    for (; i < safe; i++) {
        to[i] = wide_number(bytes, i * width, width);
    }
    for (; i < count; i++) {
        to[i] = last_number(packed, i, width);
    }
}

static unsigned width_of(const fl_ints_head *head)
{
    return 64 - (unsigned)__builtin_clzll(head->range);
}

static fl_status open_packed(fl_chunk_reader *reader, fl_ints *ints, fl_err *err)
{
    size_t bytes = ((size_t)ints->count * width_of(&ints->head) + 7) / 8;
    ints->packed = fl_cur_take(&reader->cur, bytes);
    return ints->packed.p != NULL ? FL_OK : corrupt(err);
}

/* ---- Planes */

static unsigned planes_of(const fl_ints *ints)
{
    return (width_of(&ints->head) + 7) / 8;
}

static fl_status open_planes(fl_chunk_reader *reader, fl_ints *ints, fl_err *err)
{
    for (unsigned k = 0; k < planes_of(ints); k++) {
        FL_TRY(fl_bytes_open(reader, ints->count, &ints->planes[k], err));
    }
    return FL_OK;
}

static void join_planes(const fl_ints *ints, uint64_t *to)
{
    for (unsigned k = 0; k < planes_of(ints); k++) {
        const unsigned char *bytes = (const unsigned char *)ints->planes[k].at.p;
        if (k == 0) {
            for (size_t i = 0; i < ints->count; i++) {
                to[i] = bytes[i];
            }
        } else {
            for (size_t i = 0; i < ints->count; i++) {
                to[i] |= (uint64_t)bytes[i] << (8 * k);
            }
        }
    }
}

static uint64_t plane_number_at(const fl_ints *ints, uint32_t i)
{
    uint64_t number = 0;
    for (unsigned k = planes_of(ints); k-- != 0;) {
        number = number << 8 | (unsigned char)ints->planes[k].at.p[i];
    }
    return number;
}

/* ---- The other forms */

static uint64_t step_of(const fl_ints *ints)
{
    return ints->head.range / (ints->count - 1);
}

static fl_status check_sequence(const fl_ints *ints, fl_err *err)
{
    bool holds = ints->count >= 2 && ints->head.range % (ints->count - 1) == 0;
    return holds ? FL_OK : corrupt(err);
}

static fl_status read_values(fl_chunk_reader *reader, uint32_t count, bool nested, int64_t **out,
                             fl_err *err);

static fl_status no_memory(uint32_t count, fl_err *err)
{
    FL_FAIL(err, FL_E_NOMEM, "no memory for %u integers of a chunk", count);
}

/* NOLINTNEXTLINE(misc-no-recursion): nested integers have none nested */
static fl_status read_deltas(fl_chunk_reader *reader, uint32_t count, uint64_t *to, fl_err *err)
{
    int64_t *deltas;
    uint64_t number = fl_cur_varint(&reader->cur);
    if (count < 2) {
        return corrupt(err);
    }
    FL_TRY(read_values(reader, count - 1, true, &deltas, err));
    to[0] = number;
    for (size_t i = 1; i < count; i++) {
        number += (uint64_t)deltas[i - 1];
        to[i] = number;
    }
    return FL_OK;
}

/* NOLINTNEXTLINE(misc-no-recursion): nested integers have none nested */
static fl_status read_runs(fl_chunk_reader *reader, uint32_t count, uint64_t *to, fl_err *err)
{
    int64_t *lengths, *values;
    uint64_t runs = fl_cur_varint(&reader->cur);
    if (runs == 0 || runs > count) {
        return corrupt(err);
    }
    FL_TRY(read_values(reader, (uint32_t)runs, true, &lengths, err));
    FL_TRY(read_values(reader, (uint32_t)runs, true, &values, err));
    size_t i = 0;
    for (size_t run = 0; run < runs; run++) {
        if (lengths[run] < 1 || (uint64_t)lengths[run] > count - i) {
            return corrupt(err);
        }
        for (int64_t left = lengths[run]; left > 0; left--) {
            to[i++] = (uint64_t)values[run];
        }
    }
    return i == count ? FL_OK : corrupt(err);
}

/* Numbers that depend on each other are decoded at once. */
/* NOLINTNEXTLINE(misc-no-recursion): nested integers have none nested */
static fl_status open_nest(fl_chunk_reader *reader, fl_ints *ints, fl_err *err)
{
    ints->numbers = fl_arena_alloc(reader->arena, (size_t)ints->count * sizeof *ints->numbers);
    if (ints->numbers == NULL) {
        return no_memory(ints->count, err);
    }
    return ints->head.form == FL_INTS_DELTAS ? read_deltas(reader, ints->count, ints->numbers, err)
                                             : read_runs(reader, ints->count, ints->numbers, err);
}

/* ---- All forms */

/* NOLINTNEXTLINE(misc-no-recursion): nested integers have none nested */
static fl_status open_ints(fl_chunk_reader *reader, uint32_t count, bool nested, fl_ints *out,
                           fl_err *err)
{
    out->count = count;
    out->numbers = NULL;
    FL_TRY(fl_ints_head_read(&reader->cur, &out->head, err));
    if (out->head.range == 0) {
        return FL_OK;
    }
    switch (out->head.form) {
    case FL_INTS_PACKED:
        return open_packed(reader, out, err);
    case FL_INTS_PLANES:
        return open_planes(reader, out, err);
    case FL_INTS_SEQUENCE:
        return check_sequence(out, err);
    default:
        return nested ? corrupt(err) : open_nest(reader, out, err);
    }
}

fl_status fl_ints_open(fl_chunk_reader *reader, uint32_t count, fl_ints *out, fl_err *err)
{
    if (count == 0) {
        *out = (fl_ints){0};
        return FL_OK;
    }
    return open_ints(reader, count, false, out, err);
}

static bool has_planes(const fl_ints *ints)
{
    return ints->head.form == FL_INTS_PLANES && ints->head.range != 0;
}

fl_status fl_ints_unpack(const fl_chunk_reader *reader, fl_ints *ints, fl_err *err)
{
    for (unsigned k = 0; has_planes(ints) && k < planes_of(ints); k++) {
        FL_TRY(fl_bytes_unpack(reader, ints->count, &ints->planes[k], err));
    }
    return FL_OK;
}

static uint64_t number_at(const fl_ints *ints, uint32_t i)
{
    if (ints->head.range == 0) {
        return 0;
    }
    switch (ints->head.form) {
    case FL_INTS_PACKED:
        return packed_at(ints->packed, i, width_of(&ints->head));
    case FL_INTS_PLANES:
        return plane_number_at(ints, i);
    case FL_INTS_SEQUENCE:
        return i * step_of(ints);
    default:
        return ints->numbers[i];
    }
}

bool fl_ints_at(const fl_ints *ints, uint32_t i, int64_t *out)
{
    uint64_t number = number_at(ints, i);
    *out = (int64_t)((uint64_t)ints->head.low + number * ints->head.unit);
    return number <= ints->head.range;
}

static void decode(const fl_ints *ints, uint64_t *to)
{
    if (ints->head.range == 0) {
        memset(to, 0, ints->count * sizeof *to);
        return;
    }
    switch (ints->head.form) {
    case FL_INTS_PACKED:
        unpack(ints->packed, width_of(&ints->head), to, ints->count);
        break;
    case FL_INTS_PLANES:
        join_planes(ints, to);
        break;
    default:
        for (size_t i = 0; i < ints->count; i++) {
            to[i] = i * step_of(ints);
        }
    }
}

/* Head and numbers, which may still be beyond the range. */
/* NOLINTNEXTLINE(misc-no-recursion): nested integers have none nested */
static fl_status read_head_and_numbers(fl_chunk_reader *reader, uint32_t count, bool nested,
                                       fl_ints_head *head, uint64_t **out, fl_err *err)
{
    fl_ints ints;
    FL_TRY(open_ints(reader, count, nested, &ints, err));
    *head = ints.head;
    *out = ints.numbers;
    if (ints.numbers != NULL) {
        return FL_OK;
    }
    *out = fl_arena_alloc(reader->arena, (size_t)count * sizeof **out);
    if (*out == NULL) {
        return no_memory(count, err);
    }
    FL_TRY(fl_ints_unpack(reader, &ints, err));
    decode(&ints, *out);
    return FL_OK;
}

/* NOLINTNEXTLINE(misc-no-recursion): nested integers have none nested */
static fl_status read_values(fl_chunk_reader *reader, uint32_t count, bool nested, int64_t **out,
                             fl_err *err)
{
    fl_ints_head head;
    uint64_t *numbers;
    bool in_range = true;
    FL_TRY(read_head_and_numbers(reader, count, nested, &head, &numbers, err));
    for (size_t i = 0; i < count; i++) {
        in_range &= numbers[i] <= head.range;
        numbers[i] = (uint64_t)head.low + numbers[i] * head.unit;
    }
    if (!in_range) {
        return corrupt(err);
    }
    *out = (int64_t *)(void *)numbers; /* the two types may stand for each other */
    return FL_OK;
}

fl_status fl_ints_read(fl_chunk_reader *reader, uint32_t count, int64_t **out, fl_err *err)
{
    if (count == 0) {
        *out = NULL;
        return FL_OK;
    }
    return read_values(reader, count, false, out, err);
}

/* Into the lower half of what the numbers take: each is read before its place is written. */
static bool narrow(const fl_ints_head *head, const uint64_t *numbers, uint32_t count, uint32_t *to)
{
    bool in_range = true;
    for (size_t i = 0; i < count; i++) {
        uint64_t number = numbers[i];
        in_range &= number <= head->range;
        to[i] = (uint32_t)((uint64_t)head->low + number * head->unit);
    }
    return in_range;
}

fl_status fl_ints_read_u32(fl_chunk_reader *reader, uint32_t count, uint32_t limit, uint32_t **out,
                           fl_err *err)
{
    fl_ints_head head;
    uint64_t *numbers;
    if (count == 0) {
        *out = NULL;
        return FL_OK;
    }
    FL_TRY(read_head_and_numbers(reader, count, false, &head, &numbers, err));
    uint32_t *to = (uint32_t *)(void *)numbers;
    bool fits = head.low >= 0 && (uint64_t)head.low + head.range * head.unit < limit;
    if (!fits || !narrow(&head, numbers, count, to)) {
        return corrupt(err);
    }
    *out = to;
    return FL_OK;
}

/* ---- Runs */

bool fl_ints_are_runs(fl_cur cur)
{
    fl_ints_head head;
    return fl_ints_head_read(&cur, &head, NULL) == FL_OK && head.form == FL_INTS_RUNS &&
           head.range != 0;
}

fl_status fl_ints_read_runs(fl_chunk_reader *reader, uint32_t count, int64_t **values,
                            uint32_t *runs, fl_err *err)
{
    fl_ints_head head;
    fl_ints lengths;
    FL_TRY(fl_ints_head_read(&reader->cur, &head, err));
    uint64_t n = head.range != 0 ? fl_cur_varint(&reader->cur) : 0;
    if (n == 0 || n > count) {
        return corrupt(err);
    }
    FL_TRY(open_ints(reader, (uint32_t)n, true, &lengths, err));
    FL_TRY(read_values(reader, (uint32_t)n, true, values, err));
    for (size_t i = 0; i < n; i++) {
        if ((uint64_t)(*values)[i] > head.range) {
            return corrupt(err);
        }
        (*values)[i] = (int64_t)((uint64_t)head.low + (uint64_t)(*values)[i] * head.unit);
    }
    *runs = (uint32_t)n;
    return FL_OK;
}
