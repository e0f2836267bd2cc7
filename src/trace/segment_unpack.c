/*
 * The packed form, read (docs/format/segment.md). Nothing is taken that fl_segment_pack does not
 * write: lengths, tags and their order, the members that every segment has, ranges of times.
 */
#include "trace/segment_pack_int.h"

typedef struct unpacker {
    fl_arena *arena;
    fl_cur cur;
    const fl_segment *owner; /* of the subsegment that is read; NULL at the top */
    uint32_t depth;
} unpacker;

/* The fewest bytes that an item of a list takes: what a segment and a link must have, the count of
 * an annotation's key, kind and value. They bound what a count can make us allocate. */
#define SEGMENT_BYTES_MIN    14
#define LINK_BYTES_MIN       18
#define EXCEPTION_BYTES_MIN  1
#define ANNOTATION_BYTES_MIN 2

static fl_status unpack_fields(unpacker *u, fl_block_id id, void *base);

static fl_status status_of(const unpacker *u)
{
    return u->cur.failed ? FL_E_CORRUPT : FL_OK;
}

/* The shortest form only: no last byte that adds nothing. */
static uint64_t take_varint(unpacker *u)
{
    const unsigned char *begin = u->cur.p;
    uint64_t value = fl_cur_varint(&u->cur);
    if (u->cur.p - begin > 1 && u->cur.p[-1] == 0) {
        u->cur.failed = true;
    }
    return value;
}

static int64_t take_svarint(unpacker *u)
{
    uint64_t zigzag = take_varint(u);
    return (int64_t)((zigzag >> 1) ^ (0 - (zigzag & 1)));
}

static fl_status take_text(unpacker *u, fl_str *to)
{
    uint64_t n = take_varint(u);
    fl_str text = fl_cur_take(&u->cur, n <= SIZE_MAX ? (size_t)n : SIZE_MAX);
    if (u->cur.failed) {
        return FL_E_CORRUPT;
    }
    *to = text;
    return FL_OK;
}

static fl_status take_time(unpacker *u, int64_t from_ns, int64_t *to)
{
    int64_t ns = (int64_t)((uint64_t)from_ns + (uint64_t)take_svarint(u));
    if (ns < -FL_TIME_LIMIT_NS || ns > FL_TIME_LIMIT_NS) {
        return FL_E_CORRUPT;
    }
    *to = ns;
    return status_of(u);
}

/* The number of items that follow, each of at least `bytes_min`. */
static fl_status take_count(unpacker *u, size_t bytes_min, uint32_t *to)
{
    uint64_t count = take_varint(u);
    if (u->cur.failed || count > fl_cur_left(&u->cur) / bytes_min || count > UINT32_MAX) {
        return FL_E_CORRUPT;
    }
    *to = (uint32_t)count;
    return FL_OK;
}

/* What each segment has. */
static fl_status finish_segment(const fl_segment *segment)
{
    bool whole = segment->id != 0 && segment->name.p != NULL && segment->start_ns != FL_TIME_NONE &&
                 !fl_trace_id_is_none(segment->trace_id);
    return whole ? FL_OK : FL_E_CORRUPT;
}

/* ---- Values of each kind */

static fl_status unpack_rest(unpacker *u, const fl_field *field, void *base)
{
    fl_str *rest = fl_field_at(field, base);
    FL_TRY(take_text(u, rest));
    bool object = rest->n >= 2 && rest->p[0] == '{' && rest->p[rest->n - 1] == '}';
    return object ? FL_OK : FL_E_CORRUPT;
}

static fl_status unpack_bool(unpacker *u, const fl_field *field, void *base)
{
    uint8_t value = fl_cur_u8(&u->cur);
    *(fl_bool3 *)fl_field_at(field, base) = value != 0 ? FL_TRUE : FL_FALSE;
    return value <= 1 ? status_of(u) : FL_E_CORRUPT;
}

static fl_status unpack_integer(unpacker *u, const fl_field *field, void *base)
{
    int64_t value = take_svarint(u);
    *(int64_t *)fl_field_at(field, base) = value;
    return value != FL_INT_NONE ? status_of(u) : FL_E_CORRUPT;
}

static fl_status unpack_start(unpacker *u, const fl_field *field, void *base)
{
    int64_t from_ns = u->owner != NULL ? u->owner->start_ns : 0;
    return take_time(u, from_ns, fl_field_at(field, base));
}

/* The start comes before what is relative to it. */
static fl_status unpack_end(unpacker *u, const fl_field *field, void *base)
{
    int64_t from_ns = ((const fl_segment *)base)->start_ns;
    return from_ns != FL_TIME_NONE ? take_time(u, from_ns, fl_field_at(field, base)) : FL_E_CORRUPT;
}

static fl_status unpack_id(unpacker *u, const fl_field *field, void *base)
{
    uint64_t id = fl_cur_le64(&u->cur);
    *(uint64_t *)fl_field_at(field, base) = id;
    return id != 0 ? status_of(u) : FL_E_CORRUPT;
}

static fl_status unpack_trace_id(unpacker *u, const fl_field *field, void *base)
{
    fl_trace_id *id = fl_field_at(field, base);
    id->hi = fl_cur_le64(&u->cur);
    id->lo = fl_cur_le64(&u->cur);
    return !fl_trace_id_is_none(*id) ? status_of(u) : FL_E_CORRUPT;
}

static fl_status unpack_flag(unpacker *u, const fl_field *field, void *base)
{
    *(bool *)fl_field_at(field, base) = true;
    return status_of(u);
}

static fl_status unpack_child(unpacker *u, const fl_field *field, void *base)
{
    void *child = fl_block_new(u->arena, &fl_blocks[field->child]);
    if (child == NULL) {
        return FL_E_NOMEM;
    }
    *(void **)fl_field_at(field, base) = child;
    return unpack_fields(u, field->child, child);
}

static fl_status unpack_inline(unpacker *u, const fl_field *field, void *base)
{
    if (field->present != 0) {
        ((bool *)base)[field->present - 1] = true;
    }
    return unpack_fields(u, field->child, base);
}

static fl_status unpack_annotation(unpacker *u, fl_annotation *to)
{
    FL_TRY(take_text(u, &to->key));
    uint8_t kind = fl_cur_u8(&u->cur);
    if (kind > FL_PACKED_TRUE) {
        return FL_E_CORRUPT;
    }
    if (kind >= FL_PACKED_FALSE) {
        to->kind = FL_ANNOTATION_BOOL;
        to->boolean = kind == FL_PACKED_TRUE;
        return status_of(u);
    }
    to->kind = kind == FL_PACKED_NUMBER ? FL_ANNOTATION_NUMBER : FL_ANNOTATION_STRING;
    return take_text(u, &to->text);
}

static fl_status unpack_annotations(unpacker *u, const fl_field *field, void *base)
{
    uint32_t count;
    FL_TRY(take_count(u, ANNOTATION_BYTES_MIN, &count));
    fl_annotation *list = FL_ARENA_ARRAY(u->arena, fl_annotation, count);
    if (list == NULL) {
        return FL_E_NOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        FL_TRY(unpack_annotation(u, &list[i]));
    }
    fl_field_set_items(field, base, list, count);
    return FL_OK;
}

static fl_status unpack_items(unpacker *u, const fl_field *field, size_t bytes_min, void *base)
{
    const fl_block *block = &fl_blocks[field->child];
    uint32_t count;
    FL_TRY(take_count(u, bytes_min, &count));
    char *items = fl_arena_array(u->arena, count, block->size);
    if (items == NULL) {
        return FL_E_NOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        memcpy(items + i * block->size, block->blank, block->size);
        FL_TRY(unpack_fields(u, field->child, items + i * block->size));
    }
    fl_field_set_items(field, base, items, count);
    return FL_OK;
}

static fl_status unpack_exceptions(unpacker *u, const fl_field *field, void *base)
{
    return unpack_items(u, field, EXCEPTION_BYTES_MIN, base);
}

static fl_status unpack_links(unpacker *u, const fl_field *field, void *base)
{
    return unpack_items(u, field, LINK_BYTES_MIN, base);
}

/* So do the members that embedded subsegments have from their owner. */
static fl_status unpack_subsegments(unpacker *u, const fl_field *field, void *base)
{
    const fl_segment *owner = u->owner;
    if (u->depth == FL_SEGMENT_DEPTH_MAX || finish_segment(base) != FL_OK) {
        return FL_E_CORRUPT;
    }
    u->owner = base;
    u->depth++;
    FL_TRY(unpack_items(u, field, SEGMENT_BYTES_MIN, base));
    u->owner = owner;
    u->depth--;
    return FL_OK;
}

typedef fl_status unpack_fn(unpacker *u, const fl_field *field, void *base);

static unpack_fn *const unpack_kind[FL_KIND_COUNT] = {
    [FL_KIND_BOOL] = unpack_bool,
    [FL_KIND_PROGRESS] = unpack_bool,
    [FL_KIND_INTEGER] = unpack_integer,
    [FL_KIND_INTEGER_TEXT] = unpack_integer,
    [FL_KIND_START] = unpack_start,
    [FL_KIND_END] = unpack_end,
    [FL_KIND_ID] = unpack_id,
    [FL_KIND_OWNER_ID] = unpack_id,
    [FL_KIND_TRACE_ID] = unpack_trace_id,
    [FL_KIND_OWNER_TRACE_ID] = unpack_trace_id,
    [FL_KIND_TYPE] = unpack_flag,
    [FL_KIND_FLAG] = unpack_flag,
    [FL_KIND_BLOCK] = unpack_child,
    [FL_KIND_CAUSE] = unpack_child,
    [FL_KIND_INLINE] = unpack_inline,
    [FL_KIND_ANNOTATIONS] = unpack_annotations,
    [FL_KIND_EXCEPTIONS] = unpack_exceptions,
    [FL_KIND_LINKS] = unpack_links,
    [FL_KIND_SUBSEGMENTS] = unpack_subsegments,
};

/* What an embedded subsegment has from its owner; its own subsegments need it already. */
static void begin_segment(const unpacker *u, fl_segment *segment)
{
    if (u->owner != NULL) {
        segment->trace_id = u->owner->trace_id;
        segment->parent_id = u->owner->id;
        segment->is_subsegment = true;
    }
}

/* What was read must show, or it would not have been written: lists and blocks are not empty unless
 * the struct can say "there, but empty". */
static fl_status finish_block(const unpacker *u, fl_block_id id, uint32_t rows, void *base)
{
    if (u->cur.failed || (rows & ~fl_blocks[id].present(base)) != 0) {
        return FL_E_CORRUPT;
    }
    if (id == FL_BLOCK_SEGMENT) {
        return finish_segment(base);
    }
    bool lost_link = id == FL_BLOCK_LINK && fl_trace_id_is_none(((const fl_link *)base)->trace_id);
    return lost_link ? FL_E_CORRUPT : FL_OK;
}

static fl_status unpack_field(unpacker *u, const fl_field *field, void *base)
{
    if (field->kind == FL_KIND_REST) {
        return unpack_rest(u, field, base);
    }
    if (fl_kind_is_text(field->kind)) {
        return take_text(u, fl_field_at(field, base));
    }
    return unpack_kind[field->kind](u, field, base);
}

static fl_status unpack_fields(unpacker *u, fl_block_id id, void *base)
{
    const fl_block *block = &fl_blocks[id];
    uint32_t rows = 0;
    uint32_t refused = u->owner != NULL ? block->owner_rows : 0;
    if (id == FL_BLOCK_SEGMENT) {
        begin_segment(u, base);
    }
    for (uint8_t tag; (tag = fl_cur_u8(&u->cur)) != FL_PACKED_END;) {
        unsigned row = tag <= block->tag_max ? block->by_tag[tag] : 0;
        if (row == 0) {
            return FL_E_CORRUPT;
        }
        uint32_t bit = UINT32_C(1) << (row - 1);
        if (((rows | refused) & bit) != 0) {
            return FL_E_CORRUPT;
        }
        rows |= bit;
        FL_TRY(unpack_field(u, &block->fields[row - 1], base));
    }
    return finish_block(u, id, rows, base);
}

static fl_status unpack_whole(unpacker *u, fl_segment *segment)
{
    if (fl_cur_u8(&u->cur) != FL_PACKED_VERSION) {
        return FL_E_CORRUPT;
    }
    FL_TRY(unpack_fields(u, FL_BLOCK_SEGMENT, segment));
    return fl_cur_left(&u->cur) == 0 ? FL_OK : FL_E_CORRUPT;
}

fl_status fl_segment_unpack(fl_arena *arena, fl_str packed, fl_segment **out, fl_err *err)
{
    unpacker u = {.arena = arena, .cur = fl_cur_of(packed.p, packed.n)};
    fl_segment *segment = fl_block_new(arena, &fl_blocks[FL_BLOCK_SEGMENT]);
    fl_status status = segment != NULL ? unpack_whole(&u, segment) : FL_E_NOMEM;
    if (status == FL_E_NOMEM) {
        FL_FAIL(err, status, "no memory to unpack a segment of %zu bytes", packed.n);
    }
    if (status != FL_OK) {
        size_t at = (size_t)((const char *)u.cur.p - packed.p);
        FL_FAIL(err, status, "packed segment of %zu bytes is damaged before byte %zu", packed.n,
                at);
    }
    *out = segment;
    return FL_OK;
}
