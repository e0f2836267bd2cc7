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
        unsigned char last[READ] = {0};
        size_t first = i * width / 8;
        memcpy(last, bytes + first, packed.n - first < READ ? packed.n - first : READ);
        to[i] = wide_number(last, i * width % 8, width);
    }
}

static fl_status read_packed(fl_chunk_reader *reader, uint64_t range, uint32_t count, uint64_t *to,
                             fl_err *err)
{
    unsigned width = 64 - (unsigned)__builtin_clzll(range);
    fl_str packed = fl_cur_take(&reader->cur, ((size_t)count * width + 7) / 8);
    if (packed.p == NULL) {
        return corrupt(err);
    }
    unpack(packed, width, to, count);
    return FL_OK;
}

/* ---- The other forms */

static fl_status read_planes(fl_chunk_reader *reader, uint64_t range, uint32_t count, uint64_t *to,
                             fl_err *err)
{
    unsigned width = 64 - (unsigned)__builtin_clzll(range);
    for (unsigned shift = 0; shift < width; shift += 8) {
        fl_str plane;
        FL_TRY(fl_bytes_read(reader, count, &plane, err));
        const unsigned char *bytes = (const unsigned char *)plane.p;
        if (shift == 0) {
            for (size_t i = 0; i < count; i++) {
                to[i] = bytes[i];
            }
        } else {
            for (size_t i = 0; i < count; i++) {
                to[i] |= (uint64_t)bytes[i] << shift;
            }
        }
    }
    return FL_OK;
}

static fl_status make_sequence(uint64_t range, uint32_t count, uint64_t *to, fl_err *err)
{
    if (count < 2 || range % (count - 1) != 0) {
        return corrupt(err);
    }
    uint64_t step = range / (count - 1);
    for (size_t i = 0; i < count; i++) {
        to[i] = i * step;
    }
    return FL_OK;
}

static fl_status read_values(fl_chunk_reader *reader, uint32_t count, bool nested, int64_t **out,
                             fl_err *err);

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

/* NOLINTNEXTLINE(misc-no-recursion): nested integers have none nested */
static fl_status read_numbers(fl_chunk_reader *reader, const fl_ints_head *head, uint32_t count,
                              bool nested, uint64_t *to, fl_err *err)
{
    switch (head->form) {
    case FL_INTS_PACKED:
        return read_packed(reader, head->range, count, to, err);
    case FL_INTS_PLANES:
        return read_planes(reader, head->range, count, to, err);
    case FL_INTS_SEQUENCE:
        return make_sequence(head->range, count, to, err);
    case FL_INTS_DELTAS:
        return nested ? corrupt(err) : read_deltas(reader, count, to, err);
    default:
        return nested ? corrupt(err) : read_runs(reader, count, to, err);
    }
}

/* Head and numbers, which may still be beyond the range. */
/* NOLINTNEXTLINE(misc-no-recursion): nested integers have none nested */
static fl_status read_head_and_numbers(fl_chunk_reader *reader, uint32_t count, bool nested,
                                       fl_ints_head *head, uint64_t **out, fl_err *err)
{
    FL_TRY(fl_ints_head_read(&reader->cur, head, err));
    uint64_t *numbers = fl_arena_alloc(reader->arena, (size_t)count * sizeof *numbers);
    if (numbers == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for %u integers of a chunk", count);
    }
    if (head->range != 0) {
        FL_TRY(read_numbers(reader, head, count, nested, numbers, err));
    } else {
        memset(numbers, 0, (size_t)count * sizeof *numbers);
    }
    *out = numbers;
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
