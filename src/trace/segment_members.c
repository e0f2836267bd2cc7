/*
 * Members of objects: each object is walked once. Members that the table knows are collected by row
 * first, so that duplicates, the order of checks and the order of results do not depend on the
 * order in the text; all others go to the rest as they are.
 */
#include "trace/segment_decode_int.h"

static void keep_member(fl_decoder *d, size_t mark, const yyjson_val *key, const yyjson_val *val)
{
    fl_buf_add_byte(&d->scratch, d->scratch.n == mark ? '{' : ',');
    fl_json_emit(&d->scratch, key);
    fl_buf_add_byte(&d->scratch, ':');
    fl_json_emit(&d->scratch, val);
}

void fl_decode_gather(fl_decoder *d, const fl_block *block, yyjson_val *object, fl_members *members)
{
    yyjson_obj_iter all = yyjson_obj_iter_with(object);
    members->rows = 0;
    members->mark = d->scratch.n;
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&all)) != NULL;) {
        yyjson_val *val = yyjson_obj_iter_get_val(key);
        int row = fl_block_find(block, fl_json_str(key));
        if (row >= 0) {
            members->value[row] = val;
            members->rows |= UINT32_C(1) << row;
        } else {
            keep_member(d, members->mark, key, val);
        }
    }
}

/* Takes what stands in the scratch buffer from mark on to the arena. */
static fl_status scratch_to_arena(fl_decoder *d, size_t mark, fl_str *to)
{
    fl_str text = {d->scratch.p + mark, d->scratch.n - mark};
    fl_str copy = d->scratch.status == FL_OK ? fl_str_dup(d->arena, text) : (fl_str){0};
    d->scratch.n = mark;
    if (copy.p == NULL) {
        return FL_E_NOMEM;
    }
    *to = copy;
    return FL_OK;
}

static fl_status decode_json(fl_decoder *d, const yyjson_val *val, fl_str *to)
{
    size_t mark = d->scratch.n;
    fl_json_emit(&d->scratch, val);
    return scratch_to_arena(d, mark, to);
}

static fl_status decode_string(const fl_field *field, const yyjson_val *val, void *base)
{
    if (!fl_json_is(val, YYJSON_TYPE_STR)) {
        return FL_E_SYNTAX;
    }
    *(fl_str *)fl_field_at(field, base) = fl_json_str(val);
    return FL_OK;
}

static fl_status decode_object(fl_decoder *d, const fl_field *field, yyjson_val *val,
                               const fl_place *place, void *base)
{
    (void)place;
    return fl_json_is(val, YYJSON_TYPE_OBJ) ? decode_json(d, val, fl_field_at(field, base))
                                            : FL_E_SYNTAX;
}

static fl_status decode_array(fl_decoder *d, const fl_field *field, yyjson_val *val,
                              const fl_place *place, void *base)
{
    (void)place;
    return fl_json_is(val, YYJSON_TYPE_ARR) ? decode_json(d, val, fl_field_at(field, base))
                                            : FL_E_SYNTAX;
}

static fl_status decode_bool(fl_decoder *d, const fl_field *field, yyjson_val *val,
                             const fl_place *place, void *base)
{
    (void)d, (void)place;
    if (!fl_json_is(val, YYJSON_TYPE_BOOL)) {
        return FL_E_SYNTAX;
    }
    *(fl_bool3 *)fl_field_at(field, base) = yyjson_is_true(val) ? FL_TRUE : FL_FALSE;
    return FL_OK;
}

/* The empty string is what Node's SDK sends for the status of an aborted call. */
static fl_status decode_integer(fl_decoder *d, const fl_field *field, yyjson_val *val,
                                const fl_place *place, void *base)
{
    (void)d, (void)place;
    if (fl_json_is(val, YYJSON_TYPE_STR) && fl_json_str(val).n == 0) {
        return FL_OK;
    }
    fl_str number = fl_json_number(val);
    return number.p != NULL && fl_json_i64(number, fl_field_at(field, base)) ? FL_OK : FL_E_SYNTAX;
}

static fl_status decode_integer_text(fl_decoder *d, const fl_field *field, yyjson_val *val,
                                     const fl_place *place, void *base)
{
    fl_str text = fl_json_str(val);
    if (text.n == 0) {
        return decode_integer(d, field, val, place, base);
    }
    return fl_str_to_i64(text, fl_field_at(field, base)) ? FL_OK : FL_E_SYNTAX;
}

static fl_status decode_id(fl_decoder *d, const fl_field *field, yyjson_val *val,
                           const fl_place *place, void *base)
{
    (void)d, (void)place;
    return fl_segment_id_parse(fl_json_str(val), fl_field_at(field, base)) ? FL_OK : FL_E_SYNTAX;
}

static fl_status decode_trace_id(fl_decoder *d, const fl_field *field, yyjson_val *val,
                                 const fl_place *place, void *base)
{
    (void)d, (void)place;
    return fl_trace_id_parse(fl_json_str(val), fl_field_at(field, base)) ? FL_OK : FL_E_SYNTAX;
}

static fl_status decode_child(fl_decoder *d, const fl_field *field, yyjson_val *val,
                              const fl_place *place, void *base)
{
    if (!fl_json_is(val, YYJSON_TYPE_OBJ)) {
        return FL_E_SYNTAX;
    }
    void *child = fl_block_new(d->arena, &fl_blocks[field->child]);
    if (child == NULL) {
        return FL_E_NOMEM;
    }
    *(void **)fl_field_at(field, base) = child;
    return fl_decode_block(d, field->child, val, place, child);
}

static fl_status decode_cause(fl_decoder *d, const fl_field *field, yyjson_val *val,
                              const fl_place *place, void *base)
{
    uint64_t id;
    if (!fl_json_is(val, YYJSON_TYPE_STR)) {
        return decode_child(d, field, val, place, base);
    }
    if (!fl_segment_id_parse(fl_json_str(val), &id)) {
        return FL_E_SYNTAX;
    }
    fl_cause *cause = FL_ARENA_NEW(d->arena, fl_cause);
    if (cause == NULL) {
        return FL_E_NOMEM;
    }
    cause->id = id;
    cause->id_only = true;
    *(fl_cause **)fl_field_at(field, base) = cause;
    return FL_OK;
}

static fl_status decode_inline(fl_decoder *d, const fl_field *field, yyjson_val *val,
                               const fl_place *place, void *base)
{
    if (!fl_json_is(val, YYJSON_TYPE_OBJ)) {
        return FL_E_SYNTAX;
    }
    if (field->present != 0) {
        ((bool *)base)[field->present - 1] = true;
    }
    return fl_decode_block(d, field->child, val, place, base);
}

static fl_status decode_nothing(fl_decoder *d, const fl_field *field, yyjson_val *val,
                                const fl_place *place, void *base)
{
    (void)d, (void)field, (void)val, (void)place, (void)base;
    return FL_OK;
}

typedef fl_status decode_fn(fl_decoder *d, const fl_field *field, yyjson_val *val,
                            const fl_place *place, void *base);

/* Strings are decoded without a call through this table; the other kinds without a row have no key,
 * or are taken by fl_decode_identity. */
static decode_fn *const decode_kind[FL_KIND_COUNT] = {
    [FL_KIND_OBJECT] = decode_object,
    [FL_KIND_ARRAY] = decode_array,
    [FL_KIND_BOOL] = decode_bool,
    [FL_KIND_PROGRESS] = decode_bool,
    [FL_KIND_INTEGER] = decode_integer,
    [FL_KIND_INTEGER_TEXT] = decode_integer_text,
    [FL_KIND_ID] = decode_id,
    [FL_KIND_TRACE_ID] = decode_trace_id,
    [FL_KIND_BLOCK] = decode_child,
    [FL_KIND_CAUSE] = decode_cause,
    [FL_KIND_INLINE] = decode_inline,
    [FL_KIND_ANNOTATIONS] = fl_decode_annotations,
    [FL_KIND_EXCEPTIONS] = fl_decode_exceptions,
    [FL_KIND_LINKS] = fl_decode_links,
    [FL_KIND_SUBSEGMENTS] = fl_decode_subsegments,
    [FL_KIND_IGNORED] = decode_nothing,
};

/* A known member of the wrong type: null says no more than absence does. */
static void leave_out(fl_decoder *d, const fl_block *block, const fl_members *members, unsigned row)
{
    yyjson_val *val = members->value[row];
    if (block->keeps_misfits) {
        keep_member(d, members->mark, val - 1, val); /* a key stands before its value */
    } else if (!fl_json_is(val, YYJSON_TYPE_NULL)) {
        d->notes.fields_dropped++;
    }
}

static fl_status keep_rest(fl_decoder *d, const fl_block *block, size_t mark, void *base)
{
    fl_str *rest = (fl_str *)(void *)((char *)base + block->rest);
    if (d->scratch.n != mark) {
        fl_buf_add_byte(&d->scratch, '}');
        return scratch_to_arena(d, mark, rest);
    }
    if (block->keeps_empty) {
        *rest = FL_S("{}");
    }
    return d->scratch.status == FL_OK ? FL_OK : FL_E_NOMEM;
}

fl_status fl_decode_members(fl_decoder *d, const fl_block *block, const fl_members *members,
                            const fl_place *place, void *base)
{
    for (uint32_t left = members->rows; left != 0; left &= left - 1) {
        unsigned row = (unsigned)__builtin_ctz(left);
        const fl_field *field = &block->fields[row];
        fl_status status =
            field->kind == FL_KIND_STRING
                ? decode_string(field, members->value[row], base)
                : decode_kind[field->kind](d, field, members->value[row], place, base);
        if (status == FL_E_SYNTAX) {
            leave_out(d, block, members, row);
        } else if (status != FL_OK) {
            return status;
        }
    }
    return keep_rest(d, block, members->mark, base);
}

fl_status fl_decode_block(fl_decoder *d, fl_block_id id, yyjson_val *object, const fl_place *place,
                          void *base)
{
    fl_members members;
    fl_decode_gather(d, &fl_blocks[id], object, &members);
    return fl_decode_members(d, &fl_blocks[id], &members, place, base);
}

fl_status fl_decode_segment(fl_decoder *d, yyjson_val *object, const fl_place *place,
                            fl_segment *to)
{
    const fl_block *block = &fl_blocks[FL_BLOCK_SEGMENT];
    fl_members members;
    memcpy(to, block->blank, block->size);
    fl_decode_gather(d, block, object, &members);
    FL_TRY(fl_decode_identity(d, &members, place, to));
    return fl_decode_members(d, block, &members, place, to);
}
