/*
 * Single values of a chunk. What is packed is unpacked when a value is asked for that needs it, and
 * of what stands at a known place only that is read.
 */
#include <endian.h>

#include "store/part/column_format_int.h"

struct fl_picker {
    fl_chunk_reader reader;
    fl_column_kind kind;
    uint32_t count;
    unsigned form; /* of ID and TEXT */
    fl_ints ints;  /* the values; or codes, decimals */
    fl_str raw;    /* ID: eight bytes each */
    const fl_dictionary *dictionary;
    /* decimals */
    unsigned largest_scale;
    fl_ints scales;
    /* list */
    fl_text_list *list;
    uint32_t *codes;
    fl_str last_text; /* in a trace, the same text often comes again */
    uint32_t last_code;
};

static fl_status corrupt(fl_err *err)
{
    FL_FAIL(err, FL_E_CORRUPT, "a chunk is malformed");
}

static fl_status no_memory(fl_err *err)
{
    FL_FAIL(err, FL_E_NOMEM, "no memory for a chunk");
}

/* ---- Opening */

static fl_status open_ids(fl_picker *picker, fl_err *err)
{
    picker->form = fl_cur_u8(&picker->reader.cur);
    if (picker->form == FL_ID_INTS) {
        return fl_ints_open(&picker->reader, picker->count, &picker->ints, err);
    }
    picker->raw = fl_cur_take(&picker->reader.cur, (size_t)picker->count * sizeof(uint64_t));
    return picker->form == FL_ID_RAW && picker->raw.p != NULL ? FL_OK : corrupt(err);
}

static fl_status open_list(fl_picker *picker, fl_err *err)
{
    uint32_t distinct;
    picker->last_code = UINT32_MAX;
    FL_TRY(fl_list_codes_read(&picker->reader, picker->count, &distinct, &picker->codes, err));
    return fl_text_list_open(&picker->reader, distinct, &picker->list, err);
}

static fl_status open_texts(fl_picker *picker, fl_err *err)
{
    picker->form = fl_cur_u8(&picker->reader.cur);
    switch (picker->form) {
    case FL_TEXT_DICTIONARY:
        return picker->dictionary != NULL
                   ? fl_ints_open(&picker->reader, picker->count, &picker->ints, err)
                   : corrupt(err);
    case FL_TEXT_NUMBERS:
        picker->largest_scale = fl_cur_u8(&picker->reader.cur);
        if (picker->largest_scale >= FL_DECIMAL_DIGITS) {
            return corrupt(err);
        }
        FL_TRY(fl_ints_open(&picker->reader, picker->count, &picker->ints, err));
        return fl_ints_open(&picker->reader, picker->count, &picker->scales, err);
    case FL_TEXT_LIST:
        return open_list(picker, err);
    default:
        return corrupt(err);
    }
}

static fl_status open_kind(fl_picker *picker, fl_err *err)
{
    switch (picker->kind) {
    case FL_COLUMN_INT:
        return fl_ints_open(&picker->reader, picker->count, &picker->ints, err);
    case FL_COLUMN_ID:
        return open_ids(picker, err);
    default:
        return open_texts(picker, err);
    }
}

fl_status fl_picker_new(fl_arena *arena, fl_zstd *zstd, fl_column_kind kind, fl_str chunk,
                        uint32_t count, const fl_dictionary *dictionary, fl_picker **out,
                        fl_err *err)
{
    if (count > FL_COLUMN_VALUES_MAX) {
        return corrupt(err);
    }
    fl_picker *picker = FL_ARENA_NEW(arena, fl_picker);
    if (picker == NULL) {
        return no_memory(err);
    }
    picker->reader = (fl_chunk_reader){fl_cur_of(chunk.p, chunk.n), arena, zstd};
    picker->kind = kind;
    picker->count = count;
    picker->dictionary = dictionary;
    if (count != 0) {
        FL_TRY(open_kind(picker, err));
    }
    if (picker->reader.cur.failed || fl_cur_left(&picker->reader.cur) != 0) {
        return corrupt(err);
    }
    *out = picker;
    return FL_OK;
}

/* ---- Values */

/* Number i of integers, which are unpacked first. */
static fl_status int_at(fl_picker *picker, fl_ints *ints, uint32_t i, int64_t *out, fl_err *err)
{
    if (i >= picker->count) {
        return corrupt(err);
    }
    FL_TRY(fl_ints_unpack(&picker->reader, ints, err));
    return fl_ints_at(ints, i, out) ? FL_OK : corrupt(err);
}

fl_status fl_pick_int(fl_picker *picker, uint32_t i, int64_t *out, fl_err *err)
{
    return int_at(picker, &picker->ints, i, out, err);
}

fl_status fl_pick_id(fl_picker *picker, uint32_t i, uint64_t *out, fl_err *err)
{
    int64_t number;
    if (picker->raw.p == NULL) {
        FL_TRY(int_at(picker, &picker->ints, i, &number, err));
        *out = (uint64_t)number;
        return FL_OK;
    }
    if (i >= picker->count) {
        return corrupt(err);
    }
    memcpy(out, picker->raw.p + (size_t)i * sizeof *out, sizeof *out);
    *out = le64toh(*out);
    return FL_OK;
}

static fl_status pick_coded(fl_picker *picker, uint32_t i, fl_str *out, fl_err *err)
{
    int64_t code;
    FL_TRY(int_at(picker, &picker->ints, i, &code, err));
    if (code < 0 || code >= fl_dictionary_count(picker->dictionary)) {
        return corrupt(err);
    }
    *out = fl_dictionary_text(picker->dictionary, (uint32_t)code);
    return FL_OK;
}

static fl_status pick_decimal(fl_picker *picker, uint32_t i, fl_str *out, fl_err *err)
{
    int64_t value, scale;
    char *text = fl_arena_alloc(picker->reader.arena, FL_DECIMAL_TEXT_MAX);
    if (text == NULL) {
        return no_memory(err);
    }
    FL_TRY(int_at(picker, &picker->ints, i, &value, err));
    FL_TRY(int_at(picker, &picker->scales, i, &scale, err));
    if (scale < 0 || scale > picker->largest_scale) {
        return corrupt(err);
    }
    const char *end = fl_decimal_put(text, value, picker->largest_scale, (unsigned)scale);
    if (end == NULL) {
        return corrupt(err);
    }
    *out = (fl_str){text, (size_t)(end - text)};
    return FL_OK;
}

static fl_status pick_listed(fl_picker *picker, uint32_t i, fl_str *out, fl_err *err)
{
    uint32_t code = picker->codes[i];
    if (code != picker->last_code) {
        FL_TRY(fl_text_list_at(picker->list, code, &picker->last_text, err));
        picker->last_code = code;
    }
    *out = picker->last_text;
    return FL_OK;
}

fl_status fl_pick_text(fl_picker *picker, uint32_t i, fl_str *out, fl_err *err)
{
    if (i >= picker->count) {
        return corrupt(err);
    }
    switch (picker->form) {
    case FL_TEXT_DICTIONARY:
        return pick_coded(picker, i, out, err);
    case FL_TEXT_NUMBERS:
        return pick_decimal(picker, i, out, err);
    default:
        return pick_listed(picker, i, out, err);
    }
}
