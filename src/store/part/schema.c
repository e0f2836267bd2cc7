/*
 * Paths and shapes of a part, interned: a document's keys are stored once a part, however many
 * documents have them.
 */
#include <xxhash.h>

#include "store/part/part_int.h"

#define SCHEMA_BYTES_MAX ((size_t)64 << 20)
#define SHAPES_BYTES_MAX ((size_t)4 << 20) /* of all shapes of a part */
#define FIRST_SLOTS      64

static const struct {
    fl_column_kind kind;
    fl_str name;
} fixed_columns[FL_COL_FIXED_COUNT] = {
#define FIXED_COLUMN(column, type, text)                                                           \
    [FL_COL_##column] = {FL_COLUMN_##type, {text, sizeof(text) - 1}},
    FL_PART_FIXED_COLUMNS(FIXED_COLUMN)
#undef FIXED_COLUMN
};

fl_column_kind fl_schema_column_kind(const fl_schema *schema, uint32_t column)
{
    if (column < FL_COL_FIXED_COUNT) {
        return fixed_columns[column].kind;
    }
    fl_leaf_kind kind = schema->paths[column - FL_COL_FIXED_COUNT].kind;
    return kind == FL_LEAF_INT ? FL_COLUMN_INT : kind == FL_LEAF_ID ? FL_COLUMN_ID : FL_COLUMN_TEXT;
}

fl_str fl_schema_column_name(const fl_schema *schema, uint32_t column)
{
    return column < FL_COL_FIXED_COUNT ? fixed_columns[column].name
                                       : schema->paths[column - FL_COL_FIXED_COUNT].name;
}

bool fl_schema_column_is_filtered(const fl_schema *schema, uint32_t column)
{
    if (column < FL_COL_FIXED_COUNT) {
        return column ==
               FL_COL_PACKED; /* by its filter, terms know that a block has such records */
    }
    return schema->paths[column - FL_COL_FIXED_COUNT].kind == FL_LEAF_TEXT;
}

/* ---- Tables: open addressing, at most half full */

static bool slots_grow(uint32_t **slots, uint32_t *mask, fl_arena *arena)
{
    uint32_t count = *slots != NULL ? (*mask + 1) * 2 : FIRST_SLOTS;
    uint32_t *grown = FL_ARENA_ARRAY(arena, uint32_t, count);
    if (grown == NULL) {
        return false;
    }
    *slots = grown;
    *mask = count - 1;
    return true;
}

static void slots_add(uint32_t *slots, uint32_t mask, uint64_t hash, uint32_t index)
{
    uint32_t at = (uint32_t)hash & mask;
    while (slots[at] != 0) {
        at = (at + 1) & mask;
    }
    slots[at] = index + 1;
}

/* Room for one more item. */
static bool make_room(fl_arena *arena, void **items, size_t item_bytes, uint32_t count,
                      uint32_t *capacity)
{
    if (count < *capacity) {
        return true;
    }
    uint32_t grown = *capacity != 0 ? *capacity * 2 : 32;
    void *moved = fl_arena_resize(arena, *items, *capacity * item_bytes, grown * item_bytes);
    if (moved == NULL) {
        return false;
    }
    *items = moved;
    *capacity = grown;
    return true;
}

/* ---- Paths */

static uint64_t path_hash(fl_str name, fl_leaf_kind kind)
{
    return XXH3_64bits_withSeed(name.p, name.n, (uint64_t)kind);
}

uint32_t fl_schema_find(const fl_schema *schema, fl_str name, fl_leaf_kind kind)
{
    uint64_t hash = path_hash(name, kind);
    if (schema->path_slots == NULL) {
        return UINT32_MAX;
    }
    for (uint32_t at = (uint32_t)hash & schema->path_mask; schema->path_slots[at] != 0;
         at = (at + 1) & schema->path_mask) {
        uint32_t index = schema->path_slots[at] - 1;
        const fl_schema_path *path = &schema->paths[index];
        if (path->hash == hash && path->kind == kind && fl_str_eq(path->name, name)) {
            return FL_COL_FIXED_COUNT + index;
        }
    }
    return UINT32_MAX;
}

static bool slot_path(fl_schema *schema)
{
    if ((schema->path_count + 1) * 2 > schema->path_mask + (schema->path_slots != NULL)) {
        if (!slots_grow(&schema->path_slots, &schema->path_mask, &schema->arena)) {
            return false;
        }
        for (uint32_t i = 0; i < schema->path_count; i++) {
            slots_add(schema->path_slots, schema->path_mask, schema->paths[i].hash, i);
        }
    }
    return true;
}

/* The column of a new path; UINT32_MAX without memory. */
static uint32_t intern_path(fl_schema *schema, fl_str name, fl_leaf_kind kind)
{
    void *paths = schema->paths;
    if (!make_room(&schema->arena, &paths, sizeof *schema->paths, schema->path_count,
                   &schema->path_capacity)) {
        return UINT32_MAX;
    }
    schema->paths = paths;
    if (!slot_path(schema)) {
        return UINT32_MAX;
    }
    fl_schema_path path = {fl_str_dup(&schema->arena, name), kind, path_hash(name, kind)};
    if (path.name.p == NULL) {
        return UINT32_MAX;
    }
    uint32_t index = schema->path_count++;
    schema->paths[index] = path;
    slots_add(schema->path_slots, schema->path_mask, path.hash, index);
    return FL_COL_FIXED_COUNT + index;
}

/* ---- Shapes */

/* A shape on its way in: what its leaves say. */
typedef struct drawing {
    fl_schema *schema;
    uint16_t columns[FL_SHAPE_VALUES_MAX];
    fl_schema_shape shape;
    uint32_t starts, ids; /* each has to be there once */
    bool too_many;
} drawing;

static const uint8_t column_of_role[] = {
    [FL_ROLE_ID] = FL_COL_ID,
    [FL_ROLE_START] = FL_COL_START,
    [FL_ROLE_END] = FL_COL_END,
    [FL_ROLE_PARENT] = FL_COL_PARENT,
    [FL_ROLE_SUBSEGMENTS] = FL_COL_SUBSEGMENTS,
};

static void note_role(drawing *d, fl_leaf_role role)
{
    d->ids += role == FL_ROLE_ID;
    d->starts += role == FL_ROLE_START;
    d->shape.is_segment |= role == FL_ROLE_TRACE_ID;
    d->shape.has_end |= role == FL_ROLE_END;
    d->shape.has_parent |= role == FL_ROLE_PARENT;
    d->shape.has_subsegments |= role == FL_ROLE_SUBSEGMENTS;
}

/* The column of a value; UINT32_MAX: beyond the bounds of a part, or no memory. */
static uint32_t draw_column(drawing *d, const fl_leaf *leaf)
{
    if (leaf->role != FL_ROLE_NONE) {
        return column_of_role[leaf->role];
    }
    uint32_t column = fl_schema_find(d->schema, leaf->path, leaf->kind);
    if (column != UINT32_MAX) {
        return column;
    }
    d->too_many = d->schema->path_count == FL_PART_PATHS_MAX;
    return d->too_many ? UINT32_MAX : intern_path(d->schema, leaf->path, leaf->kind);
}

static bool draw_leaf(void *user, const fl_leaf *leaf)
{
    drawing *d = user;
    note_role(d, leaf->role);
    if (!fl_leaf_has_value(leaf->kind)) {
        return true;
    }
    d->too_many = d->shape.value_count == FL_SHAPE_VALUES_MAX;
    uint32_t column = d->too_many ? UINT32_MAX : draw_column(d, leaf);
    if (column == UINT32_MAX) {
        return false;
    }
    if (leaf->role == FL_ROLE_ID) {
        d->shape.id_value = d->shape.value_count;
    }
    d->columns[d->shape.value_count++] = (uint16_t)column;
    return true;
}

static bool slot_shape(fl_schema *schema)
{
    if ((schema->shape_count + 1) * 2 > schema->shape_mask + (schema->shape_slots != NULL)) {
        if (!slots_grow(&schema->shape_slots, &schema->shape_mask, &schema->arena)) {
            return false;
        }
        for (uint32_t i = 0; i < schema->shape_count; i++) {
            slots_add(schema->shape_slots, schema->shape_mask, schema->shapes[i].hash, i);
        }
    }
    return true;
}

static fl_status add_shape(fl_schema *schema, const drawing *d, fl_str bytes, uint64_t hash)
{
    void *shapes = schema->shapes;
    if (!make_room(&schema->arena, &shapes, sizeof *schema->shapes, schema->shape_count,
                   &schema->shape_capacity)) {
        return FL_E_NOMEM;
    }
    schema->shapes = shapes;
    fl_schema_shape shape = d->shape;
    uint16_t *columns = FL_ARENA_ARRAY(&schema->arena, uint16_t, shape.value_count);
    shape.bytes = fl_str_dup(&schema->arena, bytes);
    shape.hash = hash;
    if (columns == NULL || shape.bytes.p == NULL || !slot_shape(schema)) {
        return FL_E_NOMEM;
    }
    memcpy(columns, d->columns, shape.value_count * sizeof *columns);
    shape.columns = columns;
    uint32_t index = schema->shape_count++;
    schema->shapes[index] = shape;
    schema->shape_bytes += bytes.n;
    slots_add(schema->shape_slots, schema->shape_mask, hash, index);
    return FL_OK;
}

static fl_status draw(fl_schema *schema, fl_str bytes, uint64_t hash, uint32_t *number)
{
    drawing d = {.schema = schema};
    if (schema->shape_count == FL_PART_SHAPES_MAX ||
        bytes.n > SHAPES_BYTES_MAX - schema->shape_bytes) {
        *number = FL_SHAPE_NONE;
        return FL_OK;
    }
    fl_status status = fl_shape_read(bytes, draw_leaf, &d);
    if (d.too_many) {
        *number = FL_SHAPE_NONE;
        return FL_OK;
    }
    FL_TRY(status);
    if (d.ids != 1 || d.starts != 1) {
        return FL_E_CORRUPT;
    }
    FL_TRY(add_shape(schema, &d, bytes, hash));
    *number = schema->shape_count - 1;
    return FL_OK;
}

fl_status fl_schema_intern(fl_schema *schema, fl_str shape, uint32_t *number)
{
    uint64_t hash = XXH3_64bits(shape.p, shape.n);
    for (uint32_t at = (uint32_t)hash & schema->shape_mask; schema->shape_slots[at] != 0;
         at = (at + 1) & schema->shape_mask) {
        uint32_t index = schema->shape_slots[at] - 1;
        if (schema->shapes[index].hash == hash && fl_str_eq(schema->shapes[index].bytes, shape)) {
            *number = index;
            return FL_OK;
        }
    }
    return draw(schema, shape, hash, number);
}

/* With FL_SHAPE_PACKED, which no shape of fl_shred is equal to: those are not empty. */
fl_status fl_schema_init(fl_schema *schema)
{
    static const uint16_t columns[] = {FL_COL_PACKED, FL_COL_ID, FL_COL_START};
    drawing d = {.schema = schema, .shape = {.is_segment = true, .value_count = 3, .id_value = 1}};
    *schema = (fl_schema){0};
    fl_arena_init(&schema->arena, SCHEMA_BYTES_MAX);
    memcpy(d.columns, columns, sizeof columns);
    return add_shape(schema, &d, FL_S(""), XXH3_64bits("", 0));
}

void fl_schema_fini(fl_schema *schema)
{
    fl_arena_fini(&schema->arena);
    *schema = (fl_schema){0};
}

/* ---- Stored: the paths, then the shapes but the first */

void fl_schema_emit(const fl_schema *schema, fl_buf *out)
{
    fl_buf_add_varint(out, schema->path_count);
    for (uint32_t i = 0; i < schema->path_count; i++) {
        fl_buf_add_byte(out, (char)schema->paths[i].kind);
        fl_buf_add_bytes(out, schema->paths[i].name);
    }
    fl_buf_add_varint(out, schema->shape_count - 1);
    for (uint32_t i = 1; i < schema->shape_count; i++) {
        fl_buf_add_bytes(out, schema->shapes[i].bytes);
    }
}

static bool read_paths(fl_schema *schema, fl_cur *cur)
{
    uint64_t count = fl_cur_varint(cur);
    for (uint64_t i = 0; i < count && !cur->failed; i++) {
        uint8_t kind = fl_cur_u8(cur);
        fl_str name = fl_cur_bytes(cur);
        if (cur->failed || i >= FL_PART_PATHS_MAX || kind > FL_LEAF_JSON ||
            fl_schema_find(schema, name, (fl_leaf_kind)kind) != UINT32_MAX ||
            intern_path(schema, name, (fl_leaf_kind)kind) != FL_COL_FIXED_COUNT + i) {
            return false;
        }
    }
    return !cur->failed;
}

static bool read_shapes(fl_schema *schema, fl_cur *cur)
{
    uint32_t paths = schema->path_count;
    uint64_t count = fl_cur_varint(cur);
    for (uint64_t i = 1; i <= count && !cur->failed; i++) {
        uint32_t number;
        fl_str shape = fl_cur_bytes(cur);
        if (cur->failed || i >= FL_PART_SHAPES_MAX ||
            fl_schema_intern(schema, shape, &number) != FL_OK || number != i) {
            return false;
        }
    }
    return !cur->failed && fl_cur_left(cur) == 0 && schema->path_count == paths;
}

fl_status fl_schema_read(fl_schema *schema, fl_str bytes, fl_err *err)
{
    fl_cur cur = fl_cur_of(bytes.p, bytes.n);
    if (fl_schema_init(schema) != FL_OK) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for the schema of a part");
    }
    if (!read_paths(schema, &cur) || !read_shapes(schema, &cur)) {
        fl_schema_fini(schema);
        FL_FAIL(err, FL_E_CORRUPT, "the schema of the part is damaged");
    }
    return FL_OK;
}
