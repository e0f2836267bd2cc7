/*
 * A shape's leaves by name: the walk along the table of fields with the values left out.
 */
#include "trace/segment_pack_int.h"
#include "trace/shred.h"

#define PATH_BYTES_MAX (FL_SHAPE_BYTES_MAX + 128)

typedef struct reader {
    fl_cur cur;
    char path[PATH_BYTES_MAX]; /* of the block that is read, with a dot behind */
    size_t path_n;
    bool in_list;
    fl_leaf_fn *each;
    void *user;
} reader;

static fl_status read_fields(reader *r, fl_block_id id);

static bool add_path(reader *r, const char *name, size_t n)
{
    if (n > sizeof r->path - r->path_n) {
        return false;
    }
    memcpy(r->path + r->path_n, name, n);
    r->path_n += n;
    return true;
}

/* The name of a member: its key, or * for all that have none. */
static bool add_field(reader *r, const fl_field *field)
{
    if (field->kind == FL_KIND_REST) {
        return add_path(r, "*", 1);
    }
    return field->key_len != 0 ? add_path(r, field->key, field->key_len)
                               : add_path(r, "id_only", 7); /* of a cause */
}

static fl_status tell(reader *r, fl_leaf_kind kind, fl_leaf_role role)
{
    fl_leaf leaf = {{r->path, r->path_n}, kind, role, r->in_list};
    return r->each(r->user, &leaf) ? FL_OK : FL_E_NOMEM;
}

static fl_status read_annotations(reader *r)
{
    static const fl_leaf_kind kinds[] = {
        [FL_PACKED_STRING] = FL_LEAF_TEXT,
        [FL_PACKED_NUMBER] = FL_LEAF_NUMBER,
        [FL_PACKED_FALSE] = FL_LEAF_FALSE,
        [FL_PACKED_TRUE] = FL_LEAF_TRUE,
    };
    uint64_t count = fl_cur_varint(&r->cur);
    size_t path_n = r->path_n;
    if (count == 0) {
        return r->cur.failed ? FL_E_CORRUPT : tell(r, FL_LEAF_FLAG, FL_ROLE_NONE);
    }
    for (; count != 0; count--) {
        fl_str key = fl_cur_bytes(&r->cur);
        uint8_t kind = fl_cur_u8(&r->cur);
        if (r->cur.failed || kind > FL_PACKED_TRUE || !add_path(r, ".", 1) ||
            !add_path(r, key.p, key.n)) {
            return FL_E_CORRUPT;
        }
        FL_TRY(tell(r, kinds[kind], FL_ROLE_NONE));
        r->path_n = path_n;
    }
    return FL_OK;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as blocks nest */
static fl_status read_items(reader *r, fl_block_id child)
{
    uint64_t count = fl_cur_varint(&r->cur);
    if (r->cur.failed || count > fl_cur_left(&r->cur)) {
        return FL_E_CORRUPT;
    }
    if (count == 0) {
        return tell(r, FL_LEAF_FLAG, FL_ROLE_NONE);
    }
    r->in_list = true;
    for (; count != 0; count--) {
        FL_TRY(read_fields(r, child));
    }
    r->in_list = false;
    return FL_OK;
}

/* Two values: the first and the last 16 of its digits. */
static fl_status read_trace_id(reader *r)
{
    FL_TRY(tell(r, FL_LEAF_ID, FL_ROLE_NONE));
    if (!add_path(r, ".low", 4)) {
        return FL_E_CORRUPT;
    }
    return tell(r, FL_LEAF_ID, FL_ROLE_NONE);
}

static fl_status read_bool(reader *r)
{
    uint8_t value = fl_cur_u8(&r->cur);
    if (r->cur.failed || value > 1) {
        return FL_E_CORRUPT;
    }
    return tell(r, value != 0 ? FL_LEAF_TRUE : FL_LEAF_FALSE, FL_ROLE_NONE);
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as blocks nest */
static fl_status read_block(reader *r, fl_block_id child)
{
    FL_TRY(tell(r, FL_LEAF_FLAG, FL_ROLE_NONE));
    return add_path(r, ".", 1) ? read_fields(r, child) : FL_E_CORRUPT;
}

/* Kinds whose leaf is told as it stands. */
static const struct {
    bool plain;
    fl_leaf_kind kind;
    fl_leaf_role role;
} leaves[FL_KIND_COUNT] = {
    [FL_KIND_STRING] = {true, FL_LEAF_TEXT, FL_ROLE_NONE},
    [FL_KIND_OBJECT] = {true, FL_LEAF_JSON, FL_ROLE_NONE},
    [FL_KIND_ARRAY] = {true, FL_LEAF_JSON, FL_ROLE_NONE},
    [FL_KIND_REST] = {true, FL_LEAF_JSON, FL_ROLE_NONE},
    [FL_KIND_INTEGER] = {true, FL_LEAF_INT, FL_ROLE_NONE},
    [FL_KIND_INTEGER_TEXT] = {true, FL_LEAF_INT, FL_ROLE_NONE},
    [FL_KIND_START] = {true, FL_LEAF_INT, FL_ROLE_START},
    [FL_KIND_END] = {true, FL_LEAF_INT, FL_ROLE_END},
    [FL_KIND_OWNER_ID] = {true, FL_LEAF_ID, FL_ROLE_PARENT},
    [FL_KIND_OWNER_TRACE_ID] = {true, FL_LEAF_FLAG, FL_ROLE_TRACE_ID},
    [FL_KIND_TYPE] = {true, FL_LEAF_FLAG, FL_ROLE_NONE},
    [FL_KIND_FLAG] = {true, FL_LEAF_FLAG, FL_ROLE_NONE},
    [FL_KIND_SUBSEGMENTS] = {true, FL_LEAF_INT, FL_ROLE_SUBSEGMENTS},
};

/* NOLINTNEXTLINE(misc-no-recursion): as deep as blocks nest */
static fl_status read_field(reader *r, fl_block_id id, const fl_field *field)
{
    if (leaves[field->kind].plain) {
        return tell(r, leaves[field->kind].kind, leaves[field->kind].role);
    }
    switch (field->kind) {
    case FL_KIND_ID:
        return tell(r, FL_LEAF_ID, id == FL_BLOCK_SEGMENT ? FL_ROLE_ID : FL_ROLE_NONE);
    case FL_KIND_TRACE_ID:
        return read_trace_id(r);
    case FL_KIND_ANNOTATIONS:
        return read_annotations(r);
    case FL_KIND_EXCEPTIONS:
    case FL_KIND_LINKS:
        return add_path(r, ".", 1) ? read_items(r, field->child) : FL_E_CORRUPT;
    case FL_KIND_BLOCK:
    case FL_KIND_CAUSE:
    case FL_KIND_INLINE:
        return read_block(r, field->child);
    default:
        return read_bool(r);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as blocks nest */
static fl_status read_fields(reader *r, fl_block_id id)
{
    const fl_block *block = &fl_blocks[id];
    size_t path_n = r->path_n;
    for (uint8_t tag; (tag = fl_cur_u8(&r->cur)) != FL_PACKED_END;) {
        unsigned row = tag <= block->tag_max ? block->by_tag[tag] : 0;
        if (row == 0 || !add_field(r, &block->fields[row - 1])) {
            return FL_E_CORRUPT;
        }
        FL_TRY(read_field(r, id, &block->fields[row - 1]));
        r->path_n = path_n;
    }
    return r->cur.failed ? FL_E_CORRUPT : FL_OK;
}

fl_status fl_shape_read(fl_str shape, fl_leaf_fn *each, void *user)
{
    reader r = {.cur = fl_cur_of(shape.p, shape.n), .each = each, .user = user};
    if (shape.n > FL_SHAPE_BYTES_MAX) {
        return FL_E_CORRUPT;
    }
    FL_TRY(read_fields(&r, FL_BLOCK_SEGMENT));
    return fl_cur_left(&r.cur) == 0 ? FL_OK : FL_E_CORRUPT;
}
