/*
 * Rows → packed bytes: the shape is copied, a value put in behind each tag that has one. An owner's
 * end is written when the last of its subsegments has come.
 */
#include "trace/segment_pack_int.h"
#include "trace/shred.h"

typedef struct join {
    fl_joiner *joiner;
    fl_buf *out;
    const unsigned char *p, *end; /* of the shape */
    const fl_value *value, *value_end;
    uint64_t subsegments; /* to come; 0 = none */
} join;

#define VARINT_BYTES_MAX 10

static bool join_fields(join *j, fl_block_id id);

/* ---- Into room that is asked for here, as this is done for every byte that is read back */

static inline void put_byte(join *j, unsigned char byte)
{
    char *room = fl_buf_room(j->out, 1);
    if (room != NULL) {
        *room = (char)byte;
        fl_buf_grow(j->out, 1);
    }
}

static inline void put_varint(join *j, uint64_t value)
{
    char *room = fl_buf_room(j->out, VARINT_BYTES_MAX);
    size_t n = 0;
    if (room == NULL) {
        return;
    }
    for (; value >= 0x80; value >>= 7) {
        room[n++] = (char)(value | 0x80);
    }
    room[n++] = (char)value;
    fl_buf_grow(j->out, n);
}

static inline void put_le64(join *j, uint64_t value)
{
    char *room = fl_buf_room(j->out, sizeof value);
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    if (room != NULL) {
        memcpy(room, &value, sizeof value);
        fl_buf_grow(j->out, sizeof value);
    }
}

/* ---- Of the shape */

/* Copies n bytes of the shape. */
static inline bool copy(join *j, size_t n)
{
    if (n > (size_t)(j->end - j->p)) {
        return false;
    }
    fl_buf_add(j->out, j->p, n);
    j->p += n;
    return true;
}

static bool copy_count(join *j, uint64_t *to)
{
    fl_cur cur = fl_cur_of(j->p, (size_t)(j->end - j->p));
    *to = fl_cur_varint(&cur);
    return !cur.failed && copy(j, (size_t)(cur.p - j->p));
}

/* ---- Values of each kind */

/* The next value; NULL if they are used up. */
static inline const fl_value *next(join *j)
{
    return j->value < j->value_end ? j->value++ : NULL;
}

static inline bool join_text(join *j)
{
    const fl_value *value = next(j);
    if (value == NULL) {
        return false;
    }
    put_varint(j, value->text.n);
    fl_buf_add_str(j->out, value->text);
    return true;
}

static bool join_bool(join *j, const fl_field *field)
{
    (void)field;
    return copy(j, 1);
}

static bool join_number(join *j, const fl_field *field)
{
    const fl_value *value = next(j);
    (void)field;
    if (value == NULL) {
        return false;
    }
    uint64_t zigzag = (uint64_t)value->number << 1;
    put_varint(j, value->number < 0 ? ~zigzag : zigzag);
    return true;
}

static bool join_id(join *j, const fl_field *field)
{
    const fl_value *value = next(j);
    (void)field;
    if (value == NULL) {
        return false;
    }
    put_le64(j, value->id);
    return true;
}

static bool join_trace_id(join *j, const fl_field *field)
{
    bool high = join_id(j, field);
    return high && join_id(j, field);
}

static bool join_owner_trace_id(join *j, const fl_field *field)
{
    (void)field;
    put_le64(j, j->joiner->trace_id.hi);
    put_le64(j, j->joiner->trace_id.lo);
    return true;
}

static bool join_flag(join *j, const fl_field *field)
{
    (void)j, (void)field;
    return true;
}

static bool join_block(join *j, const fl_field *field)
{
    return join_fields(j, field->child);
}

static bool join_annotations(join *j, const fl_field *field)
{
    uint64_t count, n;
    (void)field;
    if (!copy_count(j, &count)) {
        return false;
    }
    for (; count != 0; count--) {
        if (!copy_count(j, &n) || n > SIZE_MAX || !copy(j, (size_t)n) || !copy(j, 1)) {
            return false;
        }
        if (j->p[-1] < FL_PACKED_FALSE && !join_text(j)) {
            return false;
        }
    }
    return true;
}

static bool join_items(join *j, const fl_field *field)
{
    uint64_t count;
    if (!copy_count(j, &count)) {
        return false;
    }
    for (; count != 0; count--) {
        if (!join_fields(j, field->child)) {
            return false;
        }
    }
    return true;
}

static bool join_subsegments(join *j, const fl_field *field)
{
    const fl_value *value = next(j);
    (void)field;
    if (value == NULL || value->number <= 0 || value->number > UINT32_MAX) {
        return false;
    }
    j->subsegments = (uint64_t)value->number;
    put_varint(j, j->subsegments);
    return true;
}

typedef bool join_fn(join *j, const fl_field *field);

static join_fn *const join_kind[FL_KIND_COUNT] = {
    [FL_KIND_BOOL] = join_bool,
    [FL_KIND_PROGRESS] = join_bool,
    [FL_KIND_INTEGER] = join_number,
    [FL_KIND_INTEGER_TEXT] = join_number,
    [FL_KIND_START] = join_number,
    [FL_KIND_END] = join_number,
    [FL_KIND_ID] = join_id,
    [FL_KIND_OWNER_ID] = join_id,
    [FL_KIND_TRACE_ID] = join_trace_id,
    [FL_KIND_OWNER_TRACE_ID] = join_owner_trace_id,
    [FL_KIND_TYPE] = join_flag,
    [FL_KIND_FLAG] = join_flag,
    [FL_KIND_BLOCK] = join_block,
    [FL_KIND_CAUSE] = join_block,
    [FL_KIND_INLINE] = join_block,
    [FL_KIND_ANNOTATIONS] = join_annotations,
    [FL_KIND_EXCEPTIONS] = join_items,
    [FL_KIND_LINKS] = join_items,
    [FL_KIND_SUBSEGMENTS] = join_subsegments,
};

/* Tags of the block and its end, which an owner of subsegments gets behind them. */
static bool join_fields(join *j, fl_block_id id)
{
    const fl_block *block = &fl_blocks[id];
    while (j->p < j->end) {
        uint8_t tag = *j->p++;
        if (tag == FL_PACKED_END) {
            if (j->subsegments == 0) {
                put_byte(j, FL_PACKED_END);
            }
            return true;
        }
        unsigned row = tag <= block->tag_max ? block->by_tag[tag] : 0;
        if (row == 0 || j->subsegments != 0) {
            return false;
        }
        const fl_field *field = &block->fields[row - 1];
        put_byte(j, tag);
        if (!(fl_kind_is_text(field->kind) ? join_text(j) : join_kind[field->kind](j, field))) {
            return false;
        }
    }
    return false;
}

/* Ends the owners that have all their subsegments with this row. */
static void end_owners(fl_joiner *joiner)
{
    while (joiner->depth != 0 && --joiner->left[joiner->depth - 1] == 0) {
        joiner->depth--;
        fl_buf_add_byte(joiner->out, FL_PACKED_END);
    }
}

fl_status fl_join_row(fl_joiner *joiner, fl_str shape, const fl_value *values, size_t value_count)
{
    const unsigned char *bytes = (const unsigned char *)shape.p;
    join j = {.joiner = joiner,
              .out = joiner->out,
              .p = bytes,
              .end = shape.n != 0 ? bytes + shape.n : bytes,
              .value = values,
              .value_end = value_count != 0 ? values + value_count : values};
    if (fl_join_is_whole(joiner)) {
        return FL_E_CORRUPT;
    }
    if (!joiner->begun) {
        joiner->begun = true;
        put_byte(&j, FL_PACKED_VERSION);
    }
    if (!join_fields(&j, FL_BLOCK_SEGMENT) || j.p != j.end || j.value != j.value_end) {
        return FL_E_CORRUPT;
    }
    if (j.subsegments == 0) {
        end_owners(joiner);
        return FL_OK;
    }
    if (joiner->depth == FL_SEGMENT_DEPTH_MAX) {
        return FL_E_CORRUPT;
    }
    joiner->left[joiner->depth++] = (uint32_t)j.subsegments;
    return FL_OK;
}
