#include <endian.h>

#include "store/part/column_format_int.h"

#define FILTER_BITS 10 /* a value: of a hundred others, one passes */

static fl_status no_memory(fl_err *err)
{
    FL_FAIL(err, FL_E_NOMEM, "no memory for a chunk");
}

/* ---- Ids */

/* Ids of less than seven bytes are counters or the like. */
static bool looks_random(const int64_t *ids, size_t count)
{
    uint64_t all = 0;
    for (size_t i = 0; i < count; i++) {
        all |= (uint64_t)ids[i] ^ (uint64_t)ids[0];
    }
    return all >> 56 != 0;
}

static fl_status encode_ids(fl_column *column, fl_column_encoder *encoder, fl_buf *chunk,
                            fl_err *err)
{
    if (!looks_random(column->ints, column->count)) {
        fl_buf_add_byte(chunk, FL_ID_INTS);
        return fl_ints_encode(encoder, column->ints, column->count, chunk, err);
    }
    fl_buf_add_byte(chunk, FL_ID_RAW);
    size_t bytes = column->count * sizeof(uint64_t);
    char *to = fl_buf_room(chunk, bytes);
    for (uint32_t i = 0; to != NULL && i < column->count; i++) {
        uint64_t le = htole64((uint64_t)column->ints[i]);
        memcpy(to + i * sizeof le, &le, sizeof le);
    }
    fl_buf_grow(chunk, to != NULL ? bytes : 0);
    return FL_OK;
}

/* ---- Texts that are decimals */

/* All of them in units of the largest scale; false if one is none, or would be too large. */
static bool to_decimals(const fl_column *column, int64_t *values, uint32_t *scales,
                        unsigned *largest_scale)
{
    unsigned largest = 0;
    for (uint32_t i = 0; i < column->count; i++) {
        if (i != 0 && column->refs[i] == column->refs[i - 1]) {
            values[i] = values[i - 1];
            scales[i] = scales[i - 1];
            continue;
        }
        if (!fl_decimal_parse(fl_column_text(column, column->refs[i]), &values[i], &scales[i])) {
            return false;
        }
        largest = scales[i] > largest ? scales[i] : largest;
    }
    for (uint32_t i = 0; i < column->count; i++) {
        int64_t factor = fl_decimal_powers[largest - scales[i]];
        if (__builtin_mul_overflow(values[i], factor, &values[i])) {
            return false;
        }
    }
    *largest_scale = largest;
    return true;
}

static fl_status encode_decimals(const fl_column *column, fl_column_encoder *encoder, fl_buf *chunk,
                                 bool *done, fl_err *err)
{
    int64_t value;
    unsigned scale;
    *done = false;
    if (!fl_decimal_parse(fl_column_text(column, column->refs[0]), &value, &scale)) {
        return FL_OK;
    }
    int64_t *values = fl_scratch_alloc(encoder, column->count * sizeof *values);
    uint32_t *scales = fl_scratch_alloc(encoder, column->count * sizeof *scales);
    if (values == NULL || scales == NULL) {
        return no_memory(err);
    }
    if (!to_decimals(column, values, scales, &scale)) {
        return FL_OK;
    }
    *done = true;
    fl_buf_add_byte(chunk, FL_TEXT_NUMBERS);
    fl_buf_add_byte(chunk, (char)scale);
    FL_TRY(fl_ints_encode(encoder, values, column->count, chunk, err));
    return fl_ints_encode_u32(encoder, scales, column->count, chunk, err);
}

/* ---- Other texts */

/* The different texts of a column, in the order of their first use. */
typedef struct distinct {
    fl_str *texts;
    uint64_t *hashes;
    uint32_t *codes; /* of each value */
    uint32_t count;
} distinct;

static bool distinct_begin(distinct *d, fl_column_encoder *encoder, uint32_t count)
{
    *d = (distinct){
        .texts = fl_scratch_alloc(encoder, count * sizeof *d->texts),
        .hashes = fl_scratch_alloc(encoder, count * sizeof *d->hashes),
        .codes = fl_scratch_alloc(encoder, count * sizeof *d->codes),
    };
    return d->texts != NULL && d->hashes != NULL && d->codes != NULL;
}

static uint32_t code_of(distinct *d, uint32_t *slots, size_t mask, fl_str text)
{
    uint64_t hash = fl_filter_hash(text);
    size_t slot = (size_t)hash & mask;
    for (; slots[slot] != 0; slot = (slot + 1) & mask) {
        uint32_t code = slots[slot] - 1;
        if (d->hashes[code] == hash && fl_str_eq(d->texts[code], text)) {
            return code;
        }
    }
    d->texts[d->count] = text;
    d->hashes[d->count] = hash;
    slots[slot] = ++d->count;
    return d->count - 1;
}

static fl_status find_distinct(const fl_column *column, fl_column_encoder *encoder, distinct *d,
                               fl_err *err)
{
    size_t slot_count = 16;
    while (slot_count < (size_t)column->count * 2) {
        slot_count *= 2;
    }
    uint32_t *slots = fl_scratch_zalloc(encoder, slot_count * sizeof *slots);
    if (slots == NULL || !distinct_begin(d, encoder, column->count)) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < column->count; i++) {
        bool again = i != 0 && column->refs[i] == column->refs[i - 1];
        d->codes[i] =
            again ? d->codes[i - 1]
                  : code_of(d, slots, slot_count - 1, fl_column_text(column, column->refs[i]));
    }
    return FL_OK;
}

/* Codes are told by how far they are behind the next new one: 0 is that itself. So texts that are
 * all new are all 0, and those that come again soon are small. */
static void codes_to_ages(uint32_t *codes, uint32_t count)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t code = codes[i];
        codes[i] = next - code;
        next += code == next;
    }
}

static fl_status encode_list(const distinct *d, uint32_t count, fl_column_encoder *encoder,
                             fl_buf *chunk, fl_err *err)
{
    fl_buf_add_byte(chunk, FL_TEXT_LIST);
    fl_buf_add_varint(chunk, d->count);
    codes_to_ages(d->codes, count);
    FL_TRY(fl_ints_encode_u32(encoder, d->codes, count, chunk, err));
    return fl_texts_encode(encoder, d->texts, d->count, chunk, err);
}

static fl_status encode_texts(const fl_column *column, fl_column_encoder *encoder, fl_buf *chunk,
                              fl_buf *filter, fl_err *err)
{
    if (column->local_count == 0) {
        fl_buf_add_byte(chunk, FL_TEXT_DICTIONARY);
        return fl_ints_encode_u32(encoder, column->refs, column->count, chunk, err);
    }
    bool done;
    distinct d;
    FL_TRY(encode_decimals(column, encoder, chunk, &done, err));
    if (!done || column->filtered) {
        FL_TRY(find_distinct(column, encoder, &d, err));
    }
    if (column->filtered) {
        fl_filter_emit(d.hashes, d.count, FILTER_BITS, filter);
    }
    return done ? FL_OK : encode_list(&d, column->count, encoder, chunk, err);
}

/* ---- Chunk */

static fl_status encode(fl_column *column, fl_column_encoder *encoder, fl_buf *chunk,
                        fl_buf *filter, fl_err *err)
{
    if (column->count == 0) {
        return FL_OK;
    }
    switch (column->kind) {
    case FL_COLUMN_INT:
        return fl_ints_encode(encoder, column->ints, column->count, chunk, err);
    case FL_COLUMN_ID:
        return encode_ids(column, encoder, chunk, err);
    default:
        return encode_texts(column, encoder, chunk, filter, err);
    }
}

fl_status fl_column_encode(fl_column *column, fl_column_encoder *encoder, fl_buf *chunk,
                           fl_buf *filter, fl_err *err)
{
    if (column->bytes > FL_COLUMN_BYTES_MAX) {
        FL_FAIL(err, FL_E_TOO_LARGE, "%zu bytes are more than a chunk may have", column->bytes);
    }
    fl_status status = encode(column, encoder, chunk, filter, err);
    fl_scratch_reset(encoder);
    FL_TRY(status);
    if (chunk->status != FL_OK || filter->status != FL_OK) {
        fl_status failed = chunk->status != FL_OK ? chunk->status : filter->status;
        FL_FAIL(err, failed, "no room for a chunk");
    }
    column->count = 0;
    column->bytes = 0;
    column->local_count = 0;
    fl_buf_reset(&column->text);
    return FL_OK;
}
