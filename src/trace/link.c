#include <stdlib.h>

#include "trace/assemble_int.h"

int fl_entity_cmp(const fl_entity *a, const fl_entity *b)
{
    const fl_segment *one = a->segment, *other = b->segment;
    if (one->start_ns != other->start_ns) {
        return one->start_ns < other->start_ns ? -1 : 1;
    }
    return one->id < other->id ? -1 : one->id > other->id;
}

/* ---- Entities in their order; everything that is linked after this keeps it */

typedef struct sort_key {
    int64_t start_ns;
    uint64_t id;
    uint32_t slot;
} sort_key;

static int compare_keys(const void *a, const void *b)
{
    const sort_key *one = a, *other = b;
    if (one->start_ns != other->start_ns) {
        return one->start_ns < other->start_ns ? -1 : 1;
    }
    return one->id < other->id ? -1 : one->id > other->id;
}

static size_t collect_keys(const fl_collation *collation, sort_key *keys, bool *sorted)
{
    size_t count = 0;
    *sorted = true;
    for (uint32_t i = 0; i < collation->slot_count; i++) {
        const fl_id_slot *slot = &collation->slots[i];
        if (slot->winner == FL_NO_INDEX) {
            continue;
        }
        keys[count] =
            (sort_key){collation->occurrences[slot->winner].segment->start_ns, slot->id, i};
        *sorted = *sorted && (count == 0 || compare_keys(&keys[count - 1], &keys[count]) < 0);
        count++;
    }
    return count;
}

typedef struct linker {
    const fl_collation *collation;
    fl_entity *entities;
    uint32_t *winners; /* occurrence of each entity */
    uint32_t *stamps;  /* walks of the search for cycles */
    size_t count;
} linker;

static fl_status make_entities(fl_arena *arena, fl_collation *collation, linker *link, fl_err *err)
{
    sort_key *keys = FL_ARENA_ARRAY(arena, sort_key, collation->slot_count);
    link->entities = FL_ARENA_ARRAY(arena, fl_entity, collation->slot_count);
    link->winners = FL_ARENA_ARRAY(arena, uint32_t, collation->slot_count);
    if (keys == NULL || link->entities == NULL || link->winners == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to link a trace");
    }
    bool sorted;
    link->collation = collation;
    link->count = collect_keys(collation, keys, &sorted);
    if (!sorted) {
        qsort(keys, link->count, sizeof *keys, compare_keys);
    }
    for (size_t i = 0; i < link->count; i++) {
        fl_id_slot *slot = &collation->slots[keys[i].slot];
        const fl_occurrence *winner = &collation->occurrences[slot->winner];
        slot->entity = &link->entities[i];
        link->winners[i] = slot->winner;
        link->entities[i] = (fl_entity){.segment = winner->segment,
                                        .owner = &link->entities[i],
                                        .arrival_ns = winner->record->arrival_ns};
    }
    return FL_OK;
}

static fl_entity *find(const linker *link, uint64_t id)
{
    const fl_id_slot *slot = fl_collation_find(link->collation, id);
    return slot != NULL ? slot->entity : NULL;
}

static bool is_embedded(const linker *link, const fl_entity *entity)
{
    uint32_t winner = link->winners[entity - link->entities];
    return link->collation->occurrences[winner].parent != FL_NO_INDEX;
}

/* ---- Cycles of parent ids */

/* A relation of entities in which each leads to at most one other, and the places where it may be
 * cut. */
struct relation {
    fl_entity *(*up)(const fl_entity *entity);
    bool (*may_cut)(const linker *link, const fl_entity *entity);
    void (*cut)(fl_entity *entity);
};

/* The first in order that may be cut; inside documents nothing is cyclic, so there is one. */
static void cut_cycle(const linker *link, const struct relation *relation, fl_entity *member)
{
    fl_entity *first = NULL;
    fl_entity *entity = member;
    do {
        if (relation->may_cut(link, entity) && (first == NULL || entity < first)) {
            first = entity;
        }
        entity = relation->up(entity);
    } while (entity != member);
    if (first == NULL) {
        fl_bug("a cycle of embedded subsegments");
    }
    relation->cut(first);
}

/* Walks up from each entity until the top or a stamp; the walk's own stamp means a cycle. */
static fl_status cut_cycles(fl_arena *arena, linker *link, const struct relation *relation,
                            fl_err *err)
{
    if (link->stamps == NULL) {
        link->stamps = FL_ARENA_ARRAY(arena, uint32_t, link->count);
        if (link->stamps == NULL) {
            FL_FAIL(err, FL_E_NOMEM, "no memory to link a trace");
        }
    } else {
        memset(link->stamps, 0, link->count * sizeof *link->stamps);
    }
    for (size_t i = 0; i < link->count; i++) {
        uint32_t walk = (uint32_t)i + 1;
        fl_entity *entity = &link->entities[i];
        while (entity != NULL && link->stamps[entity - link->entities] == 0) {
            link->stamps[entity - link->entities] = walk;
            entity = relation->up(entity);
        }
        if (entity != NULL && link->stamps[entity - link->entities] == walk) {
            cut_cycle(link, relation, entity);
        }
    }
    return FL_OK;
}

static fl_entity *parent_of(const fl_entity *entity)
{
    return entity->parent;
}

static bool came_alone(const linker *link, const fl_entity *entity)
{
    return !is_embedded(link, entity);
}

static void cut_parent(fl_entity *entity)
{
    entity->parent = NULL;
}

static fl_entity *calling_top(const fl_entity *entity)
{
    return entity->caller != NULL ? entity->caller->owner : NULL;
}

static bool always(const linker *link, const fl_entity *entity)
{
    (void)link;
    (void)entity;
    return true;
}

static void cut_caller(fl_entity *entity)
{
    entity->caller = NULL;
}

/* ---- Nesting */

/* Embedded ones nest as they were written, whatever their parent_id says (the Go SDK writes the
 * root's); those that came alone under the entity of their parent_id. */
static fl_status set_parents(fl_arena *arena, linker *link, fl_err *err)
{
    static const struct relation nesting = {parent_of, came_alone, cut_parent};
    bool attached = false;
    for (size_t i = 0; i < link->count; i++) {
        fl_entity *entity = &link->entities[i];
        const fl_occurrence *winner = &link->collation->occurrences[link->winners[i]];
        if (winner->parent != FL_NO_INDEX) {
            uint32_t slot = link->collation->occurrences[winner->parent].slot;
            entity->parent = link->collation->slots[slot].entity;
        } else if (entity->segment->is_subsegment) {
            entity->parent = find(link, entity->segment->parent_id);
            attached = attached || entity->parent != NULL;
        }
    }
    return attached ? cut_cycles(arena, link, &nesting, err) : FL_OK;
}

static size_t link_children(linker *link)
{
    size_t top_count = 0;
    for (size_t i = link->count; i-- > 0;) {
        fl_entity *entity = &link->entities[i];
        if (entity->parent != NULL) {
            entity->next_sibling = entity->parent->first_child;
            entity->parent->first_child = entity;
        } else {
            entity->orphan = entity->segment->is_subsegment;
            top_count++;
        }
    }
    return top_count;
}

static void set_owners(linker *link)
{
    for (size_t i = 0; i < link->count; i++) {
        fl_entity *top = &link->entities[i];
        if (top->parent != NULL) {
            continue;
        }
        for (fl_entity *entity = top; entity != NULL; entity = fl_entity_next(top, entity)) {
            entity->owner = top;
        }
    }
}

/* ---- Calls and callees */

static bool is_sent_segment(const fl_entity *entity)
{
    return entity->parent == NULL && !entity->orphan;
}

static fl_status link_callees(fl_arena *arena, linker *link, fl_err *err)
{
    static const struct relation calling = {calling_top, always, cut_caller};
    bool called = false;
    for (size_t i = 0; i < link->count; i++) {
        fl_entity *entity = &link->entities[i];
        if (is_sent_segment(entity) && entity->segment->parent_id != 0) {
            entity->caller = find(link, entity->segment->parent_id);
            called = called || entity->caller != NULL;
        }
    }
    if (!called) {
        return FL_OK;
    }
    FL_TRY(cut_cycles(arena, link, &calling, err));
    for (size_t i = link->count; i-- > 0;) {
        fl_entity *entity = &link->entities[i];
        if (entity->caller != NULL) {
            entity->next_callee = entity->caller->first_callee;
            entity->caller->first_callee = entity;
        }
    }
    return FL_OK;
}

static fl_str present(fl_str text)
{
    return text.n > 0 ? text : (fl_str){0};
}

/* The node of each segment that was sent; an orphan's owner, and so its node, is unknown. */
static void set_nodes(linker *link)
{
    for (size_t i = 0; i < link->count; i++) {
        fl_entity *entity = &link->entities[i];
        const fl_segment *segment = entity->segment;
        if (is_sent_segment(entity)) {
            entity->node =
                (fl_node){.name = segment->name,
                          .type = present(segment->origin),
                          .account_id = segment->aws != NULL ? present(segment->aws->account_id)
                                                             : (fl_str){0}};
        }
    }
}

static size_t count_calls(const linker *link)
{
    size_t count = 0;
    for (size_t i = 0; i < link->count; i++) {
        count += fl_entity_is_call(&link->entities[i]);
    }
    return count;
}

fl_status fl_entities_link(fl_arena *arena, fl_collation *collation, fl_linked *out, fl_err *err)
{
    linker link = {0};
    FL_TRY(make_entities(arena, collation, &link, err));
    FL_TRY(set_parents(arena, &link, err));
    size_t top_count = link_children(&link);
    set_owners(&link);
    FL_TRY(link_callees(arena, &link, err));
    set_nodes(&link);
    *out = (fl_linked){.entities = link.entities,
                       .count = link.count,
                       .top_count = top_count,
                       .call_count = count_calls(&link)};
    return FL_OK;
}
