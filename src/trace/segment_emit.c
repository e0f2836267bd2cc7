/*
 * Segments as JSON: the rows of the table in their order, absent ones left out.
 */
#include "trace/segment_fields_int.h"

typedef struct emitter {
    fl_buf *out;
    bool comma;  /* due before the next member */
    bool nested; /* in a subsegment: what its owner says already is left out */
} emitter;

static void emit_block(emitter *e, fl_block_id id, const void *base);

static void emit_bool_value(emitter *e, bool value)
{
    fl_buf_add_str(e->out, value ? FL_S("true") : FL_S("false"));
}

static void emit_id_value(emitter *e, uint64_t id)
{
    fl_buf_add_byte(e->out, '"');
    fl_buf_add_hex(e->out, id, 16);
    fl_buf_add_byte(e->out, '"');
}

/* ---- Values of each kind. Each writes what stands behind the colon. */

static void emit_string(emitter *e, const fl_field *field, const void *base)
{
    fl_buf_add_quoted(e->out, *(const fl_str *)fl_field_in(field, base));
}

static void emit_json(emitter *e, const fl_field *field, const void *base)
{
    fl_buf_add_str(e->out, *(const fl_str *)fl_field_in(field, base));
}

static void emit_progress(emitter *e, const fl_field *field, const void *base)
{
    (void)field;
    emit_bool_value(e, !fl_segment_is_complete(base));
}

static void emit_bool(emitter *e, const fl_field *field, const void *base)
{
    emit_bool_value(e, *(const fl_bool3 *)fl_field_in(field, base) == FL_TRUE);
}

static void emit_integer(emitter *e, const fl_field *field, const void *base)
{
    fl_buf_add_i64(e->out, *(const int64_t *)fl_field_in(field, base));
}

static void emit_time(emitter *e, const fl_field *field, const void *base)
{
    fl_buf_add_seconds(e->out, *(const int64_t *)fl_field_in(field, base));
}

static void emit_id(emitter *e, const fl_field *field, const void *base)
{
    emit_id_value(e, *(const uint64_t *)fl_field_in(field, base));
}

static void emit_trace_id(emitter *e, const fl_field *field, const void *base)
{
    fl_buf_add_byte(e->out, '"');
    fl_trace_id_emit(*(const fl_trace_id *)fl_field_in(field, base), e->out);
    fl_buf_add_byte(e->out, '"');
}

static void emit_type(emitter *e, const fl_field *field, const void *base)
{
    (void)field, (void)base;
    fl_buf_add_str(e->out, FL_S("\"subsegment\""));
}

static void emit_child(emitter *e, const fl_field *field, const void *base)
{
    emit_block(e, field->child, *(void *const *)fl_field_in(field, base));
}

static void emit_cause(emitter *e, const fl_field *field, const void *base)
{
    const fl_cause *cause = *(fl_cause *const *)fl_field_in(field, base);
    if (cause->id_only) {
        emit_id_value(e, cause->id);
    } else {
        emit_block(e, field->child, cause);
    }
}

static void emit_inline(emitter *e, const fl_field *field, const void *base)
{
    emit_block(e, field->child, base);
}

static void emit_annotation_value(emitter *e, const fl_annotation *annotation)
{
    switch (annotation->kind) {
    case FL_ANNOTATION_STRING:
        fl_buf_add_quoted(e->out, annotation->text);
        break;
    case FL_ANNOTATION_NUMBER:
        fl_buf_add_str(e->out, annotation->text);
        break;
    case FL_ANNOTATION_BOOL:
        emit_bool_value(e, annotation->boolean);
        break;
    }
}

static void emit_annotations(emitter *e, const fl_field *field, const void *base)
{
    const fl_annotation *list = *(fl_annotation *const *)fl_field_in(field, base);
    fl_buf_add_byte(e->out, '{');
    for (uint32_t i = 0; i < fl_field_items(field, base); i++) {
        if (i != 0) {
            fl_buf_add_byte(e->out, ',');
        }
        fl_buf_add_quoted(e->out, list[i].key);
        fl_buf_add_byte(e->out, ':');
        emit_annotation_value(e, &list[i]);
    }
    fl_buf_add_byte(e->out, '}');
}

static void emit_items(emitter *e, const fl_field *field, const void *base)
{
    const char *items = *(char *const *)fl_field_in(field, base);
    uint32_t count = fl_field_items(field, base);
    bool nested = e->nested;
    e->nested = true;
    fl_buf_add_byte(e->out, '[');
    for (uint32_t i = 0; i < count; i++) {
        if (i != 0) {
            fl_buf_add_byte(e->out, ',');
        }
        emit_block(e, field->child, items + i * fl_blocks[field->child].size);
    }
    fl_buf_add_byte(e->out, ']');
    e->nested = nested;
}

typedef void emit_fn(emitter *e, const fl_field *field, const void *base);

/* The kinds without a row have no key. */
static emit_fn *const emit_kind[FL_KIND_COUNT] = {
    [FL_KIND_STRING] = emit_string,
    [FL_KIND_OBJECT] = emit_json,
    [FL_KIND_ARRAY] = emit_json,
    [FL_KIND_BOOL] = emit_bool,
    [FL_KIND_PROGRESS] = emit_progress,
    [FL_KIND_INTEGER] = emit_integer,
    [FL_KIND_INTEGER_TEXT] = emit_integer,
    [FL_KIND_START] = emit_time,
    [FL_KIND_END] = emit_time,
    [FL_KIND_ID] = emit_id,
    [FL_KIND_OWNER_ID] = emit_id,
    [FL_KIND_TRACE_ID] = emit_trace_id,
    [FL_KIND_OWNER_TRACE_ID] = emit_trace_id,
    [FL_KIND_TYPE] = emit_type,
    [FL_KIND_BLOCK] = emit_child,
    [FL_KIND_CAUSE] = emit_cause,
    [FL_KIND_INLINE] = emit_inline,
    [FL_KIND_ANNOTATIONS] = emit_annotations,
    [FL_KIND_EXCEPTIONS] = emit_items,
    [FL_KIND_LINKS] = emit_items,
    [FL_KIND_SUBSEGMENTS] = emit_items,
};

/* ---- Members */

static void emit_comma(emitter *e)
{
    if (e->comma) {
        fl_buf_add_byte(e->out, ',');
    }
    e->comma = true;
}

static void emit_field(emitter *e, const fl_field *field, const void *base)
{
    emit_comma(e);
    fl_buf_add(e->out, field->quoted, field->key_len + 3u);
    emit_kind[field->kind](e, field, base);
}

/* The members of a JSON object that is kept as text. */
static void emit_rest(emitter *e, const fl_field *field, const void *base)
{
    fl_str object = *(const fl_str *)fl_field_in(field, base);
    if (object.n > 2) {
        emit_comma(e);
        fl_buf_add(e->out, object.p + 1, object.n - 2);
    }
}

static void emit_rows(emitter *e, const fl_block *block, uint32_t rows, const void *base)
{
    for (; rows != 0; rows &= rows - 1) {
        const fl_field *field = &block->fields[__builtin_ctz(rows)];
        if (field->kind == FL_KIND_REST) {
            emit_rest(e, field, base);
        } else if (emit_kind[field->kind] != NULL) {
            emit_field(e, field, base);
        }
    }
}

/* Completeness is the end's alone: without one a segment is in progress, whatever was sent, and
 * with one it is not. */
static uint32_t rows_of_segment(const fl_segment *segment, uint32_t present, bool nested)
{
    uint32_t rows = nested ? present & ~fl_blocks[FL_BLOCK_SEGMENT].owner_rows : present;
    if (!fl_segment_is_complete(segment)) {
        return rows | FL_ROW_BIT(in_progress);
    }
    return segment->in_progress == FL_FALSE ? rows : rows & ~FL_ROW_BIT(in_progress);
}

static void emit_block(emitter *e, fl_block_id id, const void *base)
{
    const fl_block *block = &fl_blocks[id];
    uint32_t rows = block->present(base);
    if (id == FL_BLOCK_SEGMENT) {
        rows = rows_of_segment(base, rows, e->nested);
    }
    fl_buf_add_byte(e->out, '{');
    e->comma = false;
    emit_rows(e, block, rows, base);
    fl_buf_add_byte(e->out, '}');
    e->comma = true;
}

void fl_segment_emit(const fl_segment *segment, fl_buf *out)
{
    emitter e = {.out = out};
    emit_block(&e, FL_BLOCK_SEGMENT, segment);
}

void fl_segment_emit_members(const fl_segment *segment, fl_buf *out)
{
    const fl_block *block = &fl_blocks[FL_BLOCK_SEGMENT];
    emitter e = {.out = out};
    uint32_t rows = rows_of_segment(segment, block->present(segment), false);
    emit_rows(&e, block, rows & ~FL_ROW_BIT(subsegments), segment);
}
