/*
 * Packed bytes → rows. One walk along the fields: a tag goes to the row's shape, its value to the
 * values. No byte makes more than one byte of a shape, beside one end for each owner of
 * subsegments, and no two bytes more than one value; so room is made once, before the walk.
 */
#include "trace/shred.h"

#include <stdlib.h>

#include "trace/segment_pack_int.h"

/* The fewest bytes that a row takes: its id, name, start and their tags. */
#define ROW_BYTES_MIN 14

/* What each segment has; an embedded one has its trace id from its owner. */
#define SEGMENT_REQUIRED                                                                           \
    (FL_ROW_BIT(id) | FL_ROW_BIT(name) | FL_ROW_BIT(start_time) | FL_ROW_BIT(trace_id))
#define LINK_REQUIRED 1U /* the trace id */

typedef struct walk {
    const unsigned char *p, *end;
    char *shape;
    fl_value *value;
    fl_shredder *shredder;
    fl_shred_row *row; /* being made */
    uint32_t depth;
} walk;

static bool walk_segment(walk *w);

/* ---- Numbers and texts; false = malformed */

/* The shortest form only. */
static bool take_long_varint(walk *w, uint64_t *to)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && w->p < w->end; shift += 7) {
        uint64_t byte = *w->p++;
        uint64_t bits = byte & 0x7F;
        if ((bits << shift) >> shift != bits) {
            return false;
        }
        value |= bits << shift;
        if (byte < 0x80) {
            *to = value;
            return byte != 0;
        }
    }
    return false;
}

static inline bool take_varint(walk *w, uint64_t *to)
{
    if (w->p < w->end && *w->p < 0x80) {
        *to = *w->p++;
        return true;
    }
    return take_long_varint(w, to);
}

static inline bool take_number(walk *w)
{
    uint64_t zigzag;
    if (!take_varint(w, &zigzag)) {
        return false;
    }
    (w->value++)->number = (int64_t)((zigzag >> 1) ^ (0 - (zigzag & 1)));
    return true;
}

static inline bool take_text(walk *w)
{
    uint64_t n;
    if (!take_varint(w, &n) || n > (size_t)(w->end - w->p)) {
        return false;
    }
    (w->value++)->text = (fl_str){(const char *)w->p, (size_t)n};
    w->p += n;
    return true;
}

static uint64_t le64_at(const unsigned char *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof value);
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

/* Bytes that belong to the shape. */
static bool keep(walk *w, size_t n)
{
    if (n > (size_t)(w->end - w->p)) {
        return false;
    }
    memcpy(w->shape, w->p, n);
    w->shape += n;
    w->p += n;
    return true;
}

/* A count of the shape, of items of at least one byte each. */
static bool keep_count(walk *w, uint64_t *to)
{
    const unsigned char *begin = w->p;
    if (!take_varint(w, to) || *to > (size_t)(w->end - w->p)) {
        return false;
    }
    size_t n = (size_t)(w->p - begin);
    memcpy(w->shape, begin, n);
    w->shape += n;
    return true;
}

/* ---- Rows */

static void begin_row(walk *w)
{
    w->row = &w->shredder->rows[w->shredder->row_count++];
    *w->row = (fl_shred_row){.shape = {w->shape, 0}, .values = w->value};
}

static void end_row(walk *w)
{
    size_t shape_bytes = (size_t)(w->shape - w->row->shape.p);
    size_t values = (size_t)(w->value - w->row->values);
    w->row->shape.n = shape_bytes;
    w->row->value_count = (uint32_t)values;
    w->shredder->keep_whole |= shape_bytes > FL_SHAPE_BYTES_MAX || values > FL_SHAPE_VALUES_MAX;
}

/* ---- Values of each kind: what stands behind the tag */

static bool walk_fields(walk *w, fl_block_id id, uint32_t refused, uint32_t required);

static bool walk_bool(walk *w, const fl_field *field)
{
    (void)field;
    return w->p < w->end && *w->p <= 1 && keep(w, 1);
}

static bool walk_integer(walk *w, const fl_field *field)
{
    (void)field;
    return take_number(w);
}

static bool walk_start(walk *w, const fl_field *field)
{
    (void)field;
    if (!take_number(w)) {
        return false;
    }
    if (w->depth == 0) {
        w->shredder->start_ns = w->value[-1].number;
    }
    return true;
}

static bool walk_end(walk *w, const fl_field *field)
{
    fl_shredder *s = w->shredder;
    (void)field;
    if (!take_number(w)) {
        return false;
    }
    if (w->depth == 0) {
        s->end_ns = (int64_t)((uint64_t)s->start_ns + (uint64_t)w->value[-1].number);
        return s->start_ns != FL_TIME_NONE; /* the start comes first */
    }
    return true;
}

static bool walk_id(walk *w, const fl_field *field)
{
    if (w->end - w->p < 8) {
        return false;
    }
    uint64_t id = le64_at(w->p);
    (w->value++)->id = id;
    w->p += 8;
    if (w->depth == 0 && field == &fl_blocks[FL_BLOCK_SEGMENT].fields[FL_ROW_id]) {
        w->shredder->id = id;
    }
    return id != 0;
}

static bool walk_trace_id(walk *w, const fl_field *field)
{
    (void)field;
    if (w->end - w->p < 16) {
        return false;
    }
    (w->value++)->id = le64_at(w->p);
    (w->value++)->id = le64_at(w->p + 8);
    w->p += 16;
    return (w->value[-2].id | w->value[-1].id) != 0;
}

/* That of the segment: whoever joins knows it. */
static bool walk_owner_trace_id(walk *w, const fl_field *field)
{
    (void)field;
    if (w->end - w->p < 16) {
        return false;
    }
    w->shredder->trace_id = (fl_trace_id){le64_at(w->p), le64_at(w->p + 8)};
    w->p += 16;
    return !fl_trace_id_is_none(w->shredder->trace_id);
}

static bool walk_flag(walk *w, const fl_field *field)
{
    (void)w, (void)field;
    return true;
}

static bool walk_block(walk *w, const fl_field *field)
{
    return walk_fields(w, field->child, 0, 0);
}

static bool walk_annotations(walk *w, const fl_field *field)
{
    uint64_t count, n;
    (void)field;
    if (!keep_count(w, &count)) {
        return false;
    }
    for (; count != 0; count--) {
        if (!keep_count(w, &n) || !keep(w, (size_t)n) || !keep(w, 1)) {
            return false;
        }
        uint8_t kind = (uint8_t)w->shape[-1];
        if (kind > FL_PACKED_TRUE || (kind < FL_PACKED_FALSE && !take_text(w))) {
            return false;
        }
    }
    return true;
}

static bool walk_items(walk *w, const fl_field *field)
{
    uint64_t count;
    uint32_t required = field->child == FL_BLOCK_LINK ? LINK_REQUIRED : 0;
    if (!keep_count(w, &count)) {
        return false;
    }
    for (; count != 0; count--) {
        if (!walk_fields(w, field->child, 0, required)) {
            return false;
        }
    }
    return true;
}

/* Ends the owner's row, for its subsegments are rows of their own. */
static bool walk_subsegments(walk *w, const fl_field *field)
{
    uint64_t count;
    (void)field;
    if (w->depth == FL_SEGMENT_DEPTH_MAX || !take_varint(w, &count) || count == 0 ||
        count > (size_t)(w->end - w->p) / ROW_BYTES_MIN) {
        return false;
    }
    (w->value++)->number = (int64_t)count;
    *w->shape++ = FL_PACKED_END;
    end_row(w);
    w->depth++;
    for (; count != 0; count--) {
        if (!walk_segment(w)) {
            return false;
        }
    }
    w->depth--;
    w->shredder->keep_whole |= w->p < w->end && *w->p != FL_PACKED_END;
    return true;
}

typedef bool walk_fn(walk *w, const fl_field *field);

/* Texts of any kind are taken without a call through this table. */
static walk_fn *const walk_kind[FL_KIND_COUNT] = {
    [FL_KIND_BOOL] = walk_bool,
    [FL_KIND_PROGRESS] = walk_bool,
    [FL_KIND_INTEGER] = walk_integer,
    [FL_KIND_INTEGER_TEXT] = walk_integer,
    [FL_KIND_START] = walk_start,
    [FL_KIND_END] = walk_end,
    [FL_KIND_ID] = walk_id,
    [FL_KIND_OWNER_ID] = walk_id,
    [FL_KIND_TRACE_ID] = walk_trace_id,
    [FL_KIND_OWNER_TRACE_ID] = walk_owner_trace_id,
    [FL_KIND_TYPE] = walk_flag,
    [FL_KIND_FLAG] = walk_flag,
    [FL_KIND_BLOCK] = walk_block,
    [FL_KIND_CAUSE] = walk_block,
    [FL_KIND_INLINE] = walk_block,
    [FL_KIND_ANNOTATIONS] = walk_annotations,
    [FL_KIND_EXCEPTIONS] = walk_items,
    [FL_KIND_LINKS] = walk_items,
    [FL_KIND_SUBSEGMENTS] = walk_subsegments,
};

/* Known tags of the block, each once, without the refused ones and with the required ones. */
static bool walk_fields(walk *w, fl_block_id id, uint32_t refused, uint32_t required)
{
    const fl_block *block = &fl_blocks[id];
    uint32_t rows = refused;
    while (w->p < w->end) {
        uint8_t tag = *w->p++;
        *w->shape++ = (char)tag;
        if (tag == FL_PACKED_END) {
            return (rows & required) == required;
        }
        unsigned row = tag <= block->tag_max ? block->by_tag[tag] : 0;
        if (row == 0 || (rows >> (row - 1) & 1) != 0) {
            return false;
        }
        rows |= UINT32_C(1) << (row - 1);
        const fl_field *field = &block->fields[row - 1];
        if (field->kind == FL_KIND_SUBSEGMENTS && (rows & required) != required) {
            return false; /* they need these of their owner */
        }
        if (!(fl_kind_is_text(field->kind) ? take_text(w) : walk_kind[field->kind](w, field))) {
            return false;
        }
    }
    return false;
}

static bool walk_segment(walk *w)
{
    bool nested = w->depth != 0;
    uint32_t refused = nested ? fl_blocks[FL_BLOCK_SEGMENT].owner_rows : 0;
    begin_row(w);
    fl_shred_row *row = w->row;
    if (!walk_fields(w, FL_BLOCK_SEGMENT, refused, SEGMENT_REQUIRED)) {
        return false;
    }
    if (row->shape.n == 0) {
        end_row(w);
    } else {
        w->shape--; /* the end behind subsegments is in the shape already */
    }
    return true;
}

/* ---- A whole segment */

static bool make_room(fl_shredder *s, size_t bytes)
{
    if (bytes <= s->capacity) {
        return true;
    }
    size_t capacity = bytes < SIZE_MAX / 32 ? bytes + bytes / 2 + 1024 : 0;
    fl_shredder_fini(s);
    if (capacity == 0) {
        return false;
    }
    s->shapes = malloc(capacity * 2);
    s->values = malloc((capacity / 2 + 1) * sizeof *s->values);
    s->rows = malloc((capacity / ROW_BYTES_MIN + 2) * sizeof *s->rows);
    s->capacity = capacity;
    if (s->shapes == NULL || s->values == NULL || s->rows == NULL) {
        fl_shredder_fini(s);
        return false;
    }
    return true;
}

void fl_shredder_fini(fl_shredder *shredder)
{
    free(shredder->shapes);
    free(shredder->values);
    free(shredder->rows);
    *shredder = (fl_shredder){0};
}

fl_status fl_shred(fl_shredder *shredder, fl_str packed, fl_err *err)
{
    if (!make_room(shredder, packed.n)) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to take a segment of %zu bytes apart", packed.n);
    }
    fl_shredder *s = shredder;
    const unsigned char *bytes = (const unsigned char *)packed.p;
    walk w = {.p = bytes, .shape = s->shapes, .value = s->values, .shredder = s};
    w.end = packed.n != 0 ? bytes + packed.n : bytes;
    s->row_count = 0;
    s->keep_whole = false;
    s->start_ns = s->end_ns = FL_TIME_NONE;
    bool whole = packed.n != 0 && *w.p++ == FL_PACKED_VERSION && walk_segment(&w) && w.p == w.end;
    if (!whole) {
        FL_FAIL(err, FL_E_CORRUPT, "packed segment of %zu bytes is damaged before byte %zu",
                packed.n, packed.n != 0 ? (size_t)(w.p - bytes) : 0);
    }
    return FL_OK;
}
