#include "codec/codec.h"
#include "trace/summary_int.h"

#define FIRST_CAPACITY 8 /* the table has twice as many places */

/* The set's address as seed: nobody outside can choose values that collide. */
void fl_distinct_init(fl_distinct *distinct, const fl_distinct_kind *kind)
{
    *distinct = (fl_distinct){.kind = kind, .seed = (uint64_t)(uintptr_t)distinct};
}

static uint32_t table_place(const fl_distinct *distinct, const void *item, uint64_t hash)
{
    uint32_t mask = distinct->capacity * 2 - 1;
    uint32_t place = (uint32_t)hash & mask;
    for (uint32_t entry; (entry = distinct->table[place]) != 0; place = (place + 1) & mask) {
        if (distinct->hashes[entry - 1] == hash &&
            distinct->kind->same(distinct->items[entry - 1], item)) {
            break;
        }
    }
    return place;
}

static fl_status grow(fl_arena *arena, fl_distinct *distinct, fl_err *err)
{
    if (distinct->capacity > UINT32_MAX / 4) {
        FL_FAIL(err, FL_E_NOMEM, "too many distinct values in a trace");
    }
    uint32_t capacity = distinct->capacity == 0 ? FIRST_CAPACITY : distinct->capacity * 2;
    const void **items = fl_arena_alloc(arena, capacity * sizeof *items);
    uint64_t *hashes = fl_arena_alloc(arena, capacity * sizeof *hashes);
    uint32_t *table = FL_ARENA_ARRAY(arena, uint32_t, (size_t)capacity * 2);
    if (items == NULL || hashes == NULL || table == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a trace's summary");
    }
    for (uint32_t i = 0; i < distinct->count; i++) {
        uint32_t place = (uint32_t)distinct->hashes[i] & (capacity * 2 - 1);
        while (table[place] != 0) {
            place = (place + 1) & (capacity * 2 - 1);
        }
        table[place] = i + 1;
        items[i] = distinct->items[i];
        hashes[i] = distinct->hashes[i];
    }
    distinct->items = items;
    distinct->hashes = hashes;
    distinct->table = table;
    distinct->capacity = capacity;
    return FL_OK;
}

fl_status fl_distinct_add(fl_arena *arena, fl_distinct *distinct, const void *item, uint32_t *index,
                          fl_err *err)
{
    if (distinct->count == distinct->capacity) {
        FL_TRY(grow(arena, distinct, err));
    }
    uint64_t hash = distinct->kind->hash(item, distinct->seed);
    uint32_t *entry = &distinct->table[table_place(distinct, item, hash)];
    if (*entry == 0) {
        distinct->items[distinct->count] = item;
        distinct->hashes[distinct->count] = hash;
        *entry = ++distinct->count;
    }
    *index = *entry - 1;
    return FL_OK;
}

bool fl_distinct_find(const fl_distinct *distinct, const void *item, uint32_t *index)
{
    if (distinct->count == 0) {
        return false;
    }
    uint64_t hash = distinct->kind->hash(item, distinct->seed);
    uint32_t entry = distinct->table[table_place(distinct, item, hash)];
    if (entry == 0) {
        return false;
    }
    *index = entry - 1;
    return true;
}

/* ---- Texts */

static bool same_text(const void *a, const void *b)
{
    return fl_str_eq(*(const fl_str *)a, *(const fl_str *)b);
}

static uint64_t hash_str(fl_str text, uint64_t seed)
{
    return fl_hash64(text.p != NULL ? text.p : "", text.n, seed);
}

static uint64_t hash_text(const void *item, uint64_t seed)
{
    return hash_str(*(const fl_str *)item, seed);
}

const fl_distinct_kind fl_distinct_texts = {same_text, hash_text};

/* ---- Nodes */

static bool same_node(const void *a, const void *b)
{
    return fl_node_eq(a, b);
}

static uint64_t hash_node(const void *item, uint64_t seed)
{
    const fl_node *node = item;
    return hash_str(node->name, hash_str(node->type, hash_str(node->account_id, seed)));
}

const fl_distinct_kind fl_distinct_nodes = {same_node, hash_node};

/* ---- Annotations */

static bool same_key(const void *a, const void *b)
{
    return fl_str_eq(((const fl_annotation *)a)->key, ((const fl_annotation *)b)->key);
}

static uint64_t hash_key(const void *item, uint64_t seed)
{
    return hash_str(((const fl_annotation *)item)->key, seed);
}

const fl_distinct_kind fl_distinct_annotation_keys = {same_key, hash_key};

/* Numbers are doubles and compared by value: 2 is 2.0 is 2e0, and -0 is 0. */
static uint64_t number_bits(const fl_annotation *annotation)
{
    double number = fl_json_double(annotation->text);
    uint64_t bits;
    if (number == 0) {
        return 0;
    }
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static bool same_annotation(const void *a, const void *b)
{
    const fl_annotation *one = a, *other = b;
    if (one->kind != other->kind || !fl_str_eq(one->key, other->key)) {
        return false;
    }
    switch (one->kind) {
    case FL_ANNOTATION_STRING:
        return fl_str_eq(one->text, other->text);
    case FL_ANNOTATION_NUMBER:
        return fl_str_eq(one->text, other->text) || number_bits(one) == number_bits(other);
    case FL_ANNOTATION_BOOL:
        break;
    }
    return one->boolean == other->boolean;
}

static uint64_t hash_annotation(const void *item, uint64_t seed)
{
    const fl_annotation *annotation = item;
    uint64_t key = hash_str(annotation->key, seed);
    switch (annotation->kind) {
    case FL_ANNOTATION_STRING:
        return hash_str(annotation->text, key);
    case FL_ANNOTATION_NUMBER: {
        uint64_t bits = number_bits(annotation);
        return fl_hash64(&bits, sizeof bits, key);
    }
    case FL_ANNOTATION_BOOL:
        break;
    }
    return key + annotation->boolean;
}

const fl_distinct_kind fl_distinct_annotations = {same_annotation, hash_annotation};
