/*
 * The packed form, written (docs/format/segment.md): the fields that are there, in the order of the
 * table.
 */
#include "trace/segment_pack_int.h"

/* Writes into the room that the buffer has, so that few bytes cost no call. It asks for room ahead
 * of need: near the buffer's maximum the last FIXED_BYTES_MAX bytes may stay unused. */
typedef struct packer {
    fl_buf *out;
    char *p, *end;
    int64_t owner_start_ns;
    bool nested; /* in a subsegment: what its owner says already is left out */
} packer;

#define VARINT_BYTES_MAX 10
#define FIXED_BYTES_MAX  16 /* of a value that is neither text nor made of fields */

static void pack_fields(packer *k, fl_block_id id, const void *base);

/* Hands what was written over to the buffer. */
static void commit(packer *k)
{
    if (k->p != NULL) {
        k->out->n = (size_t)(k->p - k->out->p);
    }
}

static bool more_room(packer *k, size_t n)
{
    commit(k);
    k->p = fl_buf_room(k->out, n);
    k->end = k->p != NULL ? k->out->p + k->out->capacity : NULL;
    return k->p != NULL;
}

static inline bool room(packer *k, size_t n)
{
    return (size_t)(k->end - k->p) >= n || more_room(k, n);
}

/* ---- put_…: into room that was asked for. pack_…: asks by itself. */

static inline void put_varint(packer *k, uint64_t value)
{
    char *p = k->p;
    for (; value >= 0x80; value >>= 7) {
        *p++ = (char)(value | 0x80);
    }
    *p++ = (char)value;
    k->p = p;
}

static inline void put_svarint(packer *k, int64_t value)
{
    uint64_t zigzag = (uint64_t)value << 1;
    put_varint(k, value < 0 ? ~zigzag : zigzag);
}

static inline void put_le64(packer *k, uint64_t value)
{
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    memcpy(k->p, &value, sizeof value);
    k->p += sizeof value;
}

static void pack_byte(packer *k, uint8_t byte)
{
    if (room(k, 1)) {
        *k->p++ = (char)byte;
    }
}

static void pack_count(packer *k, uint32_t count)
{
    if (room(k, VARINT_BYTES_MAX)) {
        put_varint(k, count);
    }
}

static void pack_text(packer *k, fl_str text)
{
    if (text.n < SIZE_MAX - VARINT_BYTES_MAX && room(k, VARINT_BYTES_MAX + text.n)) {
        put_varint(k, text.n);
        if (text.n != 0) {
            memcpy(k->p, text.p, text.n);
            k->p += text.n;
        }
    }
}

/* The difference may wrap; the reader's sum wraps back. */
static inline void put_time(packer *k, int64_t ns, int64_t from_ns)
{
    put_svarint(k, (int64_t)((uint64_t)ns - (uint64_t)from_ns));
}

/* ---- Values of each kind. Each writes what stands behind the tag; there is room for
 * FIXED_BYTES_MAX. */

static void pack_bool(packer *k, const fl_field *field, const void *base)
{
    *k->p++ = *(const fl_bool3 *)fl_field_in(field, base) == FL_TRUE;
}

static void pack_integer(packer *k, const fl_field *field, const void *base)
{
    put_svarint(k, *(const int64_t *)fl_field_in(field, base));
}

static void pack_start(packer *k, const fl_field *field, const void *base)
{
    put_time(k, *(const int64_t *)fl_field_in(field, base), k->owner_start_ns);
}

static void pack_end(packer *k, const fl_field *field, const void *base)
{
    put_time(k, *(const int64_t *)fl_field_in(field, base), ((const fl_segment *)base)->start_ns);
}

static void pack_id(packer *k, const fl_field *field, const void *base)
{
    put_le64(k, *(const uint64_t *)fl_field_in(field, base));
}

static void pack_trace_id(packer *k, const fl_field *field, const void *base)
{
    const fl_trace_id *id = fl_field_in(field, base);
    put_le64(k, id->hi);
    put_le64(k, id->lo);
}

static void pack_flag(packer *k, const fl_field *field, const void *base)
{
    (void)k, (void)field, (void)base; /* the tag says it */
}

static void pack_child(packer *k, const fl_field *field, const void *base)
{
    pack_fields(k, field->child, *(void *const *)fl_field_in(field, base));
}

static void pack_inline(packer *k, const fl_field *field, const void *base)
{
    pack_fields(k, field->child, base);
}

static void pack_annotations(packer *k, const fl_field *field, const void *base)
{
    const fl_annotation *list = *(fl_annotation *const *)fl_field_in(field, base);
    uint32_t count = fl_field_items(field, base);
    pack_count(k, count);
    for (uint32_t i = 0; i < count; i++) {
        bool is_bool = list[i].kind == FL_ANNOTATION_BOOL;
        pack_text(k, list[i].key);
        pack_byte(k, is_bool ? (uint8_t)(FL_PACKED_FALSE + list[i].boolean)
                             : (uint8_t)(list[i].kind == FL_ANNOTATION_NUMBER));
        if (!is_bool) {
            pack_text(k, list[i].text);
        }
    }
}

static void pack_items(packer *k, const fl_field *field, const void *base)
{
    const char *items = *(char *const *)fl_field_in(field, base);
    uint32_t count = fl_field_items(field, base);
    pack_count(k, count);
    for (uint32_t i = 0; i < count; i++) {
        pack_fields(k, field->child, items + i * fl_blocks[field->child].size);
    }
}

static void pack_subsegments(packer *k, const fl_field *field, const void *base)
{
    const packer owner = *k;
    k->owner_start_ns = ((const fl_segment *)base)->start_ns;
    k->nested = true;
    pack_items(k, field, base);
    k->owner_start_ns = owner.owner_start_ns;
    k->nested = owner.nested;
}

typedef void pack_fn(packer *k, const fl_field *field, const void *base);

/* Texts of any kind are packed without a call through this table. */
static pack_fn *const pack_kind[FL_KIND_COUNT] = {
    [FL_KIND_BOOL] = pack_bool,
    [FL_KIND_PROGRESS] = pack_bool,
    [FL_KIND_INTEGER] = pack_integer,
    [FL_KIND_INTEGER_TEXT] = pack_integer,
    [FL_KIND_START] = pack_start,
    [FL_KIND_END] = pack_end,
    [FL_KIND_ID] = pack_id,
    [FL_KIND_OWNER_ID] = pack_id,
    [FL_KIND_TRACE_ID] = pack_trace_id,
    [FL_KIND_OWNER_TRACE_ID] = pack_trace_id,
    [FL_KIND_TYPE] = pack_flag,
    [FL_KIND_FLAG] = pack_flag,
    [FL_KIND_BLOCK] = pack_child,
    [FL_KIND_CAUSE] = pack_child,
    [FL_KIND_INLINE] = pack_inline,
    [FL_KIND_ANNOTATIONS] = pack_annotations,
    [FL_KIND_EXCEPTIONS] = pack_items,
    [FL_KIND_LINKS] = pack_items,
    [FL_KIND_SUBSEGMENTS] = pack_subsegments,
};

static void pack_fields(packer *k, fl_block_id id, const void *base)
{
    const fl_block *block = &fl_blocks[id];
    uint32_t rows = block->present(base);
    if (k->nested) {
        rows &= ~block->owner_rows;
    }
    for (; rows != 0 && room(k, 1 + FIXED_BYTES_MAX); rows &= rows - 1) {
        const fl_field *field = &block->fields[__builtin_ctz(rows)];
        *k->p++ = (char)field->tag;
        if (fl_kind_is_text(field->kind)) {
            pack_text(k, *(const fl_str *)fl_field_in(field, base));
        } else {
            pack_kind[field->kind](k, field, base);
        }
    }
    pack_byte(k, FL_PACKED_END);
}

void fl_segment_pack(const fl_segment *segment, fl_buf *out)
{
    packer k = {.out = out};
    pack_byte(&k, FL_PACKED_VERSION);
    pack_fields(&k, FL_BLOCK_SEGMENT, segment);
    commit(&k);
}
