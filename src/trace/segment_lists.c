/*
 * The lists of a segment: annotations, exceptions, links, subsegments.
 */
#include "trace/segment_decode_int.h"

#define NO_SLOT            UINT32_MAX
#define FEW_ANNOTATIONS    24 /* so many are compared one by one; more are found by a hash table */
#define KIND_NOT_INDEXABLE 3  /* beyond the kinds of fl_annotation, while the list is made */

/* ---- Annotations */

/* The index of keys seen so far, for documents with very many. */
typedef struct key_index {
    fl_annotation *list;
    uint32_t count;
    uint32_t *slots; /* NULL while there are few */
    uint32_t mask;
} key_index;

static fl_status key_index_init(fl_arena *arena, key_index *index, size_t members)
{
    size_t slots = 64;
    if (members <= FEW_ANNOTATIONS) {
        return FL_OK;
    }
    while (slots < members * 2) {
        slots *= 2;
    }
    index->slots = fl_arena_alloc(arena, slots * sizeof *index->slots);
    if (index->slots == NULL) {
        return FL_E_NOMEM;
    }
    memset(index->slots, 0xFF, slots * sizeof *index->slots);
    index->mask = (uint32_t)(slots - 1);
    return FL_OK;
}

/* The place for a key: of the annotation that has it already, or a new last one. */
static fl_annotation *place_among_few(key_index *index, fl_str key)
{
    for (uint32_t i = 0; i < index->count; i++) {
        if (fl_str_eq(index->list[i].key, key)) {
            return &index->list[i];
        }
    }
    return &index->list[index->count++];
}

static fl_annotation *place_for_key(key_index *index, fl_str key)
{
    if (index->slots == NULL) {
        return place_among_few(index, key);
    }
    uint32_t slot = (uint32_t)fl_hash64(key.p, key.n, 0) & index->mask;
    for (; index->slots[slot] != NO_SLOT; slot = (slot + 1) & index->mask) {
        fl_annotation *seen = &index->list[index->slots[slot]];
        if (fl_str_eq(seen->key, key)) {
            return seen;
        }
    }
    index->slots[slot] = index->count;
    return &index->list[index->count++];
}

static bool key_is_indexable(const fl_limits *limits, fl_str key)
{
    /* No text has more characters than bytes. */
    return key.n != 0 && (key.n <= limits->annotation_key_chars ||
                          fl_utf8_length(key) <= limits->annotation_key_chars);
}

static fl_annotation annotation_of(const fl_limits *limits, fl_str key, yyjson_val *val)
{
    fl_annotation annotation = {.key = key, .kind = FL_ANNOTATION_STRING};
    switch (yyjson_get_type(val)) {
    case YYJSON_TYPE_STR:
        annotation.text = fl_json_str(val);
        break;
    case YYJSON_TYPE_RAW:
        annotation.kind = FL_ANNOTATION_NUMBER;
        annotation.text = fl_json_number(val);
        break;
    case YYJSON_TYPE_BOOL:
        annotation.kind = FL_ANNOTATION_BOOL;
        annotation.boolean = yyjson_is_true(val);
        break;
    default:
        annotation.kind = KIND_NOT_INDEXABLE;
        break;
    }
    if (!key_is_indexable(limits, key)) {
        annotation.kind = KIND_NOT_INDEXABLE;
    }
    return annotation;
}

/* Closes the gaps that what cannot be indexed left; returns what stays. */
static uint32_t keep_indexable(fl_decoder *d, fl_annotation *list, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if ((int)list[i].kind != KIND_NOT_INDEXABLE) {
            list[kept++] = list[i];
        }
    }
    d->notes.annotations_dropped += count - kept;
    return kept;
}

fl_status fl_decode_annotations(fl_decoder *d, const fl_field *field, yyjson_val *val,
                                const fl_place *place, void *base)
{
    (void)place;
    if (!fl_json_is(val, YYJSON_TYPE_OBJ)) {
        return FL_E_SYNTAX;
    }
    size_t members = yyjson_obj_size(val);
    key_index index = {.list = fl_arena_alloc(d->arena, members * sizeof *index.list)};
    if (index.list == NULL) {
        return FL_E_NOMEM;
    }
    FL_TRY(key_index_init(d->arena, &index, members));
    yyjson_obj_iter all = yyjson_obj_iter_with(val);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&all)) != NULL;) {
        fl_str text = fl_json_str(key);
        fl_annotation *to = place_for_key(&index, text);
        *to = annotation_of(d->limits, text, yyjson_obj_iter_get_val(key));
    }
    fl_field_set_items(field, base, index.list, keep_indexable(d, index.list, index.count));
    return FL_OK;
}

/* ---- Arrays of objects */

fl_status fl_decode_exceptions(fl_decoder *d, const fl_field *field, yyjson_val *val,
                               const fl_place *place, void *base)
{
    fl_items items = {.size = sizeof(fl_exception)};
    if (!fl_json_is(val, YYJSON_TYPE_ARR)) {
        return FL_E_SYNTAX;
    }
    yyjson_arr_iter all = yyjson_arr_iter_with(val);
    for (yyjson_val *element; (element = yyjson_arr_iter_next(&all)) != NULL;) {
        if (!fl_json_is(element, YYJSON_TYPE_OBJ)) {
            d->notes.fields_dropped++;
            continue;
        }
        fl_exception *exception = fl_items_add(d->arena, &items, yyjson_arr_size(val));
        if (exception == NULL) {
            return FL_E_NOMEM;
        }
        *exception = (fl_exception){0};
        FL_TRY(fl_decode_block(d, FL_BLOCK_EXCEPTION, element, place, exception));
    }
    fl_field_set_items(field, base, items.p, (uint32_t)items.count);
    return FL_OK;
}

static bool link_is_within_limits(const fl_limits *limits, size_t links_before)
{
    return limits->links_per_segment == 0 || links_before < limits->links_per_segment;
}

fl_status fl_decode_links(fl_decoder *d, const fl_field *field, yyjson_val *val,
                          const fl_place *place, void *base)
{
    fl_items items = {.size = sizeof(fl_link)};
    if (!fl_json_is(val, YYJSON_TYPE_ARR)) {
        return FL_E_SYNTAX;
    }
    yyjson_arr_iter all = yyjson_arr_iter_with(val);
    for (yyjson_val *element; (element = yyjson_arr_iter_next(&all)) != NULL;) {
        fl_link link = {0};
        uint32_t fields_dropped = d->notes.fields_dropped;
        if (fl_json_is(element, YYJSON_TYPE_OBJ) && link_is_within_limits(d->limits, items.count)) {
            FL_TRY(fl_decode_block(d, FL_BLOCK_LINK, element, place, &link));
        }
        if (fl_trace_id_is_none(link.trace_id)) {
            d->notes.links_dropped++;
            d->notes.fields_dropped = fields_dropped; /* counted as a whole */
            continue;
        }
        fl_link *kept = fl_items_add(d->arena, &items, yyjson_arr_size(val));
        if (kept == NULL) {
            return FL_E_NOMEM;
        }
        *kept = link;
    }
    fl_field_set_items(field, base, items.p, (uint32_t)items.count);
    return FL_OK;
}

/* An element that is no object holds nothing of a subsegment: it is left out and counted, as any
 * part of the wrong type. */
fl_status fl_decode_subsegments(fl_decoder *d, const fl_field *field, yyjson_val *val,
                                const fl_place *place, void *base)
{
    fl_items items = {.size = sizeof(fl_segment)};
    fl_place nested = {.owner = place, .depth = place->depth + 1};
    if (!fl_json_is(val, YYJSON_TYPE_ARR)) {
        return FL_E_SYNTAX;
    }
    yyjson_arr_iter all = yyjson_arr_iter_with(val);
    for (yyjson_val *element; (element = yyjson_arr_iter_next(&all)) != NULL; nested.index++) {
        if (!fl_json_is(element, YYJSON_TYPE_OBJ)) {
            d->notes.fields_dropped++;
            continue;
        }
        fl_segment *subsegment = fl_items_add(d->arena, &items, yyjson_arr_size(val));
        if (subsegment == NULL) {
            return FL_E_NOMEM;
        }
        nested.segment = subsegment;
        FL_TRY(fl_decode_segment(d, element, &nested, subsegment));
    }
    fl_field_set_items(field, base, items.p, (uint32_t)items.count);
    return FL_OK;
}
