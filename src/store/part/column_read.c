#include <endian.h>
#include <float.h>
#include <math.h>

#include "store/part/column_format_int.h"

static fl_status corrupt(fl_err *err)
{
    FL_FAIL(err, FL_E_CORRUPT, "a chunk is malformed");
}

static fl_status no_memory(fl_err *err)
{
    FL_FAIL(err, FL_E_NOMEM, "no memory for a chunk");
}

/* ---- Ids */

static fl_status read_ids(fl_chunk_reader *reader, uint32_t count, fl_values *out, fl_err *err)
{
    unsigned form = fl_cur_u8(&reader->cur);
    if (form == FL_ID_INTS) {
        int64_t *ints;
        FL_TRY(fl_ints_read(reader, count, &ints, err));
        out->ids =
            (const uint64_t *)(const void *)ints; /* the two types may stand for each other */
        return FL_OK;
    }
    fl_str bytes = fl_cur_take(&reader->cur, (size_t)count * sizeof(uint64_t));
    if (form != FL_ID_RAW || bytes.p == NULL) {
        return corrupt(err);
    }
    uint64_t *ids = fl_arena_alloc(reader->arena, bytes.n);
    if (ids == NULL) {
        return no_memory(err);
    }
    memcpy(ids, bytes.p, bytes.n);
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = le64toh(ids[i]);
    }
    out->ids = ids;
    return FL_OK;
}

/* ---- Texts that are decimals */

/* One text for each run of equal values. */
static bool put_decimals(const int64_t *values, const uint32_t *scales, uint32_t count,
                         unsigned largest, uint32_t *codes, fl_str *texts, char *to,
                         uint32_t *texts_n)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0 || values[i] != values[i - 1] || scales[i] != scales[i - 1]) {
            char *end = fl_decimal_put(to, values[i], largest, scales[i]);
            if (end == NULL) {
                return false;
            }
            texts[n++] = (fl_str){to, (size_t)(end - to)};
            to = end;
        }
        codes[i] = n - 1;
    }
    *texts_n = n;
    return true;
}

static fl_status read_decimals(fl_chunk_reader *reader, uint32_t count, fl_values *out, fl_err *err)
{
    uint32_t *scales;
    int64_t *values;
    unsigned largest = fl_cur_u8(&reader->cur);
    if (largest >= FL_DECIMAL_DIGITS) {
        return corrupt(err);
    }
    FL_TRY(fl_ints_read(reader, count, &values, err));
    FL_TRY(fl_ints_read_u32(reader, count, largest + 1, &scales, err));
    size_t changes = 1;
    for (uint32_t i = 1; i < count; i++) {
        changes += values[i] != values[i - 1] || scales[i] != scales[i - 1];
    }
    uint32_t *codes = fl_arena_alloc(reader->arena, count * sizeof *codes);
    fl_str *texts = fl_arena_alloc(reader->arena, changes * sizeof *texts);
    char *to = fl_arena_alloc(reader->arena, changes * FL_DECIMAL_TEXT_MAX);
    if (codes == NULL || texts == NULL || to == NULL) {
        return no_memory(err);
    }
    if (!put_decimals(values, scales, count, largest, codes, texts, to, &out->text_count)) {
        return corrupt(err);
    }
    out->codes = codes;
    out->texts = texts;
    return FL_OK;
}

/* ---- Other texts */

static fl_status read_coded(fl_chunk_reader *reader, uint32_t count,
                            const fl_dictionary *dictionary, fl_values *out, fl_err *err)
{
    uint32_t *codes;
    if (dictionary == NULL) {
        return corrupt(err);
    }
    out->text_count = fl_dictionary_count(dictionary);
    FL_TRY(fl_ints_read_u32(reader, count, out->text_count, &codes, err));
    out->codes = codes;
    return FL_OK;
}

/* The codes, from how far each is behind the next new one; false if one is not there yet. */
static bool ages_to_codes(uint32_t *ages, uint32_t count, uint32_t distinct)
{
    uint32_t next = 0;
    bool are_there = true;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t age = ages[i];
        are_there &= age <= next;
        ages[i] = next - age;
        next += age == 0;
    }
    return are_there && next == distinct;
}

fl_status fl_list_codes_read(fl_chunk_reader *reader, uint32_t count, uint32_t *distinct,
                             uint32_t **codes, fl_err *err)
{
    uint64_t texts = fl_cur_varint(&reader->cur);
    if (texts == 0 || texts > count) {
        return corrupt(err);
    }
    *distinct = (uint32_t)texts;
    FL_TRY(fl_ints_read_u32(reader, count, *distinct + 1, codes, err));
    return ages_to_codes(*codes, count, *distinct) ? FL_OK : corrupt(err);
}

static fl_status read_list(fl_chunk_reader *reader, uint32_t count, fl_values *out, fl_err *err)
{
    uint32_t *codes;
    fl_str *texts;
    FL_TRY(fl_list_codes_read(reader, count, &out->text_count, &codes, err));
    FL_TRY(fl_texts_read(reader, out->text_count, &texts, &out->joiner, err));
    out->codes = codes;
    out->texts = texts;
    return FL_OK;
}

static fl_status read_texts(fl_chunk_reader *reader, uint32_t count,
                            const fl_dictionary *dictionary, fl_values *out, fl_err *err)
{
    switch (fl_cur_u8(&reader->cur)) {
    case FL_TEXT_DICTIONARY:
        return read_coded(reader, count, dictionary, out, err);
    case FL_TEXT_NUMBERS:
        return read_decimals(reader, count, out, err);
    case FL_TEXT_LIST:
        return read_list(reader, count, out, err);
    default:
        return corrupt(err);
    }
}

/* ---- Chunk */

static fl_status read_kind(fl_chunk_reader *reader, uint32_t count, const fl_dictionary *dictionary,
                           fl_values *out, fl_err *err)
{
    int64_t *ints;
    switch (out->kind) {
    case FL_COLUMN_INT:
        FL_TRY(fl_ints_read(reader, count, &ints, err));
        out->ints = ints;
        return FL_OK;
    case FL_COLUMN_ID:
        return read_ids(reader, count, out, err);
    default:
        return read_texts(reader, count, dictionary, out, err);
    }
}

fl_status fl_values_read(fl_arena *arena, fl_zstd *zstd, fl_column_kind kind, fl_str chunk,
                         uint32_t count, const fl_dictionary *dictionary, fl_values *out,
                         fl_err *err)
{
    fl_chunk_reader reader = {fl_cur_of(chunk.p, chunk.n), arena, zstd};
    fl_values values = {.kind = kind, .count = count, .dictionary = dictionary};
    if (count > FL_COLUMN_VALUES_MAX) {
        return corrupt(err);
    }
    if (count != 0) {
        FL_TRY(read_kind(&reader, count, dictionary, &values, err));
    }
    if (reader.cur.failed || fl_cur_left(&reader.cur) != 0) {
        return corrupt(err);
    }
    *out = values;
    return FL_OK;
}

fl_str fl_values_join(const fl_values *values, uint32_t code)
{
    return fl_text_join(values->joiner, code);
}

/* ---- Facts */

static double last_of(const fl_ints_head *head)
{
    return (double)(int64_t)((uint64_t)head->low + head->range * head->unit);
}

/* A long integer and a quotient are rounded: the bounds go a little further, so that no number as
 * it is read from its text is beyond them. */
#define ROUNDING (4 * DBL_EPSILON)

static fl_status decimal_facts(fl_cur *cur, fl_chunk_facts *facts, fl_err *err)
{
    fl_ints_head head;
    unsigned scale = fl_cur_u8(cur);
    if (scale >= FL_DECIMAL_DIGITS) {
        return corrupt(err);
    }
    FL_TRY(fl_ints_head_read(cur, &head, err));
    double unit = (double)fl_decimal_powers[scale];
    double low = (double)head.low / unit, high = last_of(&head) / unit;
    facts->low = low - fabs(low) * ROUNDING;
    facts->high = high + fabs(high) * ROUNDING;
    facts->has_bounds = true;
    return FL_OK;
}

fl_status fl_chunk_facts_read(fl_column_kind kind, fl_str chunk, fl_chunk_facts *out, fl_err *err)
{
    fl_cur cur = fl_cur_of(chunk.p, chunk.n);
    fl_chunk_facts facts = {0};
    fl_ints_head head;
    if (kind == FL_COLUMN_INT && chunk.n != 0) {
        FL_TRY(fl_ints_head_read(&cur, &head, err));
        facts =
            (fl_chunk_facts){.has_bounds = true, .low = (double)head.low, .high = last_of(&head)};
    } else if (kind == FL_COLUMN_TEXT && chunk.n != 0) {
        unsigned form = fl_cur_u8(&cur);
        if (form >= FL_TEXT_FORMS) {
            return corrupt(err);
        }
        facts.uses_dictionary = form == FL_TEXT_DICTIONARY;
        if (form == FL_TEXT_NUMBERS) {
            FL_TRY(decimal_facts(&cur, &facts, err));
        }
    }
    *out = facts;
    return FL_OK;
}

fl_status fl_chunk_may_have_code(fl_arena *arena, fl_zstd *zstd, fl_str chunk, uint32_t count,
                                 const uint8_t *wanted, uint32_t entries, bool *may, fl_err *err)
{
    fl_chunk_reader reader = {fl_cur_of(chunk.p, chunk.n), arena, zstd};
    int64_t *codes;
    uint32_t runs;
    *may = true;
    if (fl_cur_u8(&reader.cur) != FL_TEXT_DICTIONARY || !fl_ints_are_runs(reader.cur)) {
        return FL_OK;
    }
    FL_TRY(fl_ints_read_runs(&reader, count, &codes, &runs, err));
    uint8_t any = 0;
    for (uint32_t i = 0; i < runs; i++) {
        if (codes[i] < 0 || codes[i] >= entries) {
            return corrupt(err);
        }
        any |= wanted[codes[i]];
    }
    *may = any != 0;
    return FL_OK;
}
