#include <stdlib.h>

#include "store/part/column_format_int.h"

#define FIRST_VALUES ((uint32_t)64)

fl_column *fl_column_new(fl_column_kind kind, fl_dictionary *dictionary, bool filtered)
{
    fl_column *column = calloc(1, sizeof *column);
    if (column != NULL) {
        column->kind = kind;
        column->dictionary = dictionary;
        column->filtered = filtered;
        fl_buf_init(&column->text, FL_COLUMN_BYTES_MAX);
    }
    return column;
}

void fl_column_free(fl_column *column)
{
    if (column != NULL) {
        free(column->ints);
        free(column->refs);
        free(column->locals);
        fl_buf_fini(&column->text);
        free(column);
    }
}

uint32_t fl_column_count(const fl_column *column)
{
    return column->count;
}

size_t fl_column_bytes(const fl_column *column)
{
    return column->bytes;
}

/* ---- Adding */

static bool has_room(const fl_column *column, uint32_t count)
{
    return count <= column->capacity - column->count;
}

static bool make_room(fl_column *column, uint32_t count)
{
    uint32_t capacity = column->capacity != 0 ? column->capacity : FIRST_VALUES;
    if (count > FL_COLUMN_VALUES_MAX - column->count) {
        return false;
    }
    while (capacity < column->count + count) {
        capacity *= 2;
    }
    if (column->kind == FL_COLUMN_TEXT) {
        uint32_t *refs = realloc(column->refs, capacity * sizeof *refs);
        column->refs = refs != NULL ? refs : column->refs;
        column->capacity = refs != NULL ? capacity : column->capacity;
        return refs != NULL;
    }
    int64_t *ints = realloc(column->ints, capacity * sizeof *ints);
    column->ints = ints != NULL ? ints : column->ints;
    column->capacity = ints != NULL ? capacity : column->capacity;
    return ints != NULL;
}

bool fl_column_add_int(fl_column *column, int64_t value)
{
    if (!has_room(column, 1) && !make_room(column, 1)) {
        return false;
    }
    column->ints[column->count++] = value;
    column->bytes += sizeof value;
    return true;
}

bool fl_column_add_id(fl_column *column, uint64_t value)
{
    return fl_column_add_int(column, (int64_t)value);
}

fl_str fl_column_text(const fl_column *column, uint32_t ref)
{
    if ((ref & FL_REF_LOCAL) == 0) {
        return fl_dictionary_text(column->dictionary, ref);
    }
    const fl_local_text *local = &column->locals[ref & ~FL_REF_LOCAL];
    return (fl_str){fl_buf_str(&column->text).p + local->begin, local->n};
}

static bool add_local(fl_column *column, fl_str text, uint32_t *ref)
{
    if (column->local_count == column->local_capacity) {
        uint32_t capacity = column->local_capacity != 0 ? column->local_capacity * 2 : FIRST_VALUES;
        fl_local_text *locals = realloc(column->locals, capacity * sizeof *locals);
        if (locals == NULL) {
            return false;
        }
        column->locals = locals;
        column->local_capacity = capacity;
    }
    size_t begin = column->text.n;
    fl_buf_add_str(&column->text, text);
    if (column->text.status != FL_OK) {
        return false;
    }
    *ref = FL_REF_LOCAL | column->local_count;
    column->locals[column->local_count++] = (fl_local_text){begin, (uint32_t)text.n};
    return true;
}

static bool ref_of(fl_column *column, fl_str text, uint32_t *ref)
{
    if (column->dictionary != NULL) {
        fl_intern_result result = fl_dictionary_intern(column->dictionary, text, ref);
        if (result != FL_INTERN_IS_NOT) {
            return result == FL_INTERN_IS_IN;
        }
    }
    uint32_t last = column->count != 0 ? column->refs[column->count - 1] : 0;
    if ((last & FL_REF_LOCAL) != 0 && fl_str_eq(fl_column_text(column, last), text)) {
        *ref = last;
        return true;
    }
    return add_local(column, text, ref);
}

static void add_ref(fl_column *column, uint32_t ref, size_t bytes)
{
    column->refs[column->count++] = ref;
    column->bytes += bytes;
}

bool fl_column_add_text(fl_column *column, fl_str text)
{
    uint32_t ref;
    if ((!has_room(column, 1) && !make_room(column, 1)) || !ref_of(column, text, &ref)) {
        return false;
    }
    add_ref(column, ref, text.n);
    return true;
}

/* ---- Adding what was read */

static bool add_coded(fl_column *column, const fl_values *values, uint32_t i, uint32_t *recode)
{
    uint32_t code = values->codes[i];
    fl_str text = fl_values_text(values, i);
    if (recode[code] == UINT32_MAX) {
        uint32_t ref;
        if (!ref_of(column, text, &ref)) {
            return false;
        }
        if ((ref & FL_REF_LOCAL) != 0) { /* it is one of this chunk only */
            add_ref(column, ref, text.n);
            return true;
        }
        recode[code] = ref;
    }
    add_ref(column, recode[code], text.n);
    return true;
}

static bool add_texts(fl_column *column, const fl_values *values, uint32_t first, uint32_t count,
                      uint32_t *recode)
{
    bool coded = recode != NULL && values->texts == NULL;
    if (column->dictionary != NULL) {
        fl_dictionary_saw(column->dictionary, count);
    }
    for (uint32_t i = first; i < first + count; i++) {
        if (i != first && values->codes[i] == values->codes[i - 1]) {
            add_ref(column, column->refs[column->count - 1], fl_values_text(values, i).n);
        } else if (!(coded ? add_coded(column, values, i, recode)
                           : fl_column_add_text(column, fl_values_text(values, i)))) {
            return false;
        }
    }
    return true;
}

bool fl_column_add_values(fl_column *column, const fl_values *values, uint32_t first,
                          uint32_t count, uint32_t *recode)
{
    if (count == 0) {
        return true;
    }
    if (!has_room(column, count) && !make_room(column, count)) {
        return false;
    }
    if (column->kind == FL_COLUMN_TEXT) {
        return add_texts(column, values, first, count, recode);
    }
    const void *from = column->kind == FL_COLUMN_INT ? (const void *)(values->ints + first)
                                                     : (const void *)(values->ids + first);
    memcpy(column->ints + column->count, from, count * sizeof *column->ints);
    column->count += count;
    column->bytes += count * sizeof *column->ints;
    return true;
}
