#include "trace/assemble_int.h"

#define OCCURRENCES_MAX (UINT32_MAX / 2) /* a slot table of twice as many still fits its index */

/* ---- All occurrences, flattened level by level, so that the subsegments of one stand together */

typedef struct flattening {
    fl_arena *arena;
    fl_occurrence *occurrences;
    size_t count, capacity;
} flattening;

static fl_status reserve(flattening *flat, size_t more, fl_err *err)
{
    size_t needed;
    if (!fl_size_add(flat->count, more, &needed) || needed > OCCURRENCES_MAX) {
        FL_FAIL(err, FL_E_TOO_LARGE, "more than %u segments in a trace", OCCURRENCES_MAX);
    }
    if (flat->occurrences != NULL && needed <= flat->capacity) {
        return FL_OK;
    }
    size_t capacity = needed > flat->capacity * 2 ? needed : flat->capacity * 2;
    fl_occurrence *grown = flat->occurrences == NULL
                               ? fl_arena_alloc(flat->arena, capacity * sizeof(fl_occurrence))
                               : fl_arena_resize(flat->arena, flat->occurrences,
                                                 flat->capacity * sizeof(fl_occurrence),
                                                 capacity * sizeof(fl_occurrence));
    if (grown == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to collate a trace");
    }
    flat->occurrences = grown;
    flat->capacity = capacity;
    return FL_OK;
}

static void push(flattening *flat, const fl_segment *segment, const fl_record *record,
                 uint32_t parent)
{
    flat->occurrences[flat->count++] = (fl_occurrence){
        .segment = segment, .record = record, .parent = parent, .next_same = FL_NO_INDEX};
}

/* Two levels at once: deeper ones are rare, and the array then never moves. */
static fl_status reserve_two_levels(flattening *flat, const fl_record *records, size_t count,
                                    fl_err *err)
{
    size_t expected = count;
    for (size_t i = 0; i < count; i++) {
        expected += records[i].segment->subsegment_count;
    }
    return reserve(flat, expected, err);
}

static fl_status flatten(flattening *flat, const fl_record *records, size_t count, fl_err *err)
{
    FL_TRY(reserve_two_levels(flat, records, count, err));
    for (size_t i = 0; i < count; i++) {
        push(flat, records[i].segment, &records[i], FL_NO_INDEX);
    }
    for (size_t i = 0; i < flat->count; i++) {
        const fl_segment *segment = flat->occurrences[i].segment;
        flat->occurrences[i].first_child = (uint32_t)flat->count;
        FL_TRY(reserve(flat, segment->subsegment_count, err));
        for (uint32_t k = 0; k < segment->subsegment_count; k++) {
            push(flat, &segment->subsegments[k], flat->occurrences[i].record, (uint32_t)i);
        }
    }
    return FL_OK;
}

/* ---- Slots by id */

/* The table's address is the seed: nobody outside can choose ids that collide, and no result
 * depends on where an id stands in the table. */
static uint32_t table_place(const fl_collation *collation, uint64_t id)
{
    uint64_t seed = (uint64_t)(uintptr_t)collation->table;
    uint32_t place = (uint32_t)fl_hash64(&id, sizeof id, seed) & collation->table_mask;
    while (collation->table[place] != 0 && collation->slots[collation->table[place] - 1].id != id) {
        place = (place + 1) & collation->table_mask;
    }
    return place;
}

fl_id_slot *fl_collation_find(const fl_collation *collation, uint64_t id)
{
    uint32_t entry = collation->table[table_place(collation, id)];
    return entry != 0 ? &collation->slots[entry - 1] : NULL;
}

static fl_status index_ids(fl_arena *arena, fl_collation *collation, fl_err *err)
{
    size_t table_size = 4;
    while (table_size < (size_t)collation->occurrence_count * 2) {
        table_size *= 2;
    }
    collation->table_mask = (uint32_t)(table_size - 1);
    collation->table = FL_ARENA_ARRAY(arena, uint32_t, table_size);
    collation->slots = FL_ARENA_ARRAY(arena, fl_id_slot, collation->occurrence_count);
    if (collation->table == NULL || collation->slots == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to collate a trace");
    }
    for (uint32_t i = 0; i < collation->occurrence_count; i++) {
        fl_occurrence *occurrence = &collation->occurrences[i];
        uint32_t *entry = &collation->table[table_place(collation, occurrence->segment->id)];
        if (*entry == 0) {
            collation->slots[collation->slot_count] = (fl_id_slot){
                .id = occurrence->segment->id, .first = FL_NO_INDEX, .winner = FL_NO_INDEX};
            *entry = ++collation->slot_count;
        }
        fl_id_slot *slot = &collation->slots[*entry - 1];
        occurrence->slot = *entry - 1;
        occurrence->next_same = slot->first;
        slot->first = i;
        slot->undecided += occurrence->parent != FL_NO_INDEX;
    }
    return FL_OK;
}

/* ---- Which occurrence of an id counts */

static bool outranks(const fl_collation *collation, uint32_t a, uint32_t b)
{
    const fl_occurrence *one = &collation->occurrences[a], *other = &collation->occurrences[b];
    bool complete = fl_segment_is_complete(one->segment);
    if (complete != fl_segment_is_complete(other->segment)) {
        return complete;
    }
    if (one->record->arrival != other->record->arrival) {
        return one->record->arrival > other->record->arrival;
    }
    return a > b; /* twice in one document: the later place, as with JSON's keys */
}

static bool stands(const fl_collation *collation, const fl_occurrence *occurrence)
{
    if (occurrence->parent == FL_NO_INDEX) {
        return true;
    }
    const fl_id_slot *around = &collation->slots[collation->occurrences[occurrence->parent].slot];
    return around->decided && around->winner == occurrence->parent;
}

static uint32_t best_standing(const fl_collation *collation, const fl_id_slot *slot)
{
    uint32_t best = FL_NO_INDEX;
    for (uint32_t i = slot->first; i != FL_NO_INDEX; i = collation->occurrences[i].next_same) {
        if (stands(collation, &collation->occurrences[i]) &&
            (best == FL_NO_INDEX || outranks(collation, i, best))) {
            best = i;
        }
    }
    return best;
}

/* Ids whose turn has come: every text that any of their occurrences is embedded in is decided. */
typedef struct agenda {
    uint32_t *slots;
    uint32_t count;
} agenda;

static void settle(fl_collation *collation, fl_id_slot *slot, agenda *ready)
{
    slot->decided = true;
    for (uint32_t i = slot->first; i != FL_NO_INDEX; i = collation->occurrences[i].next_same) {
        const fl_occurrence *occurrence = &collation->occurrences[i];
        for (uint32_t k = 0; k < occurrence->segment->subsegment_count; k++) {
            uint32_t child = collation->occurrences[occurrence->first_child + k].slot;
            fl_id_slot *inner = &collation->slots[child];
            if (--inner->undecided == 0 && !inner->decided) {
                ready->slots[ready->count++] = child;
            }
        }
    }
}

static void decide_ready(fl_collation *collation, agenda *ready)
{
    while (ready->count > 0) {
        fl_id_slot *slot = &collation->slots[ready->slots[--ready->count]];
        if (!slot->decided) { /* it may have become ready while its round was being settled */
            slot->winner = best_standing(collation, slot);
            settle(collation, slot, ready);
        }
    }
}

/*
 * Documents that embed each other's ids (X in Y here, Y in X there) leave ids that wait for one
 * another. All of them that have an occurrence standing by now are decided at once from what
 * stands. Each round goes at least one level deeper into every document, so there are at most
 * FL_SEGMENT_DEPTH_MAX of them.
 */
static bool decide_waiting(fl_collation *collation, agenda *ready)
{
    bool found = false;
    for (uint32_t i = 0; i < collation->slot_count; i++) {
        fl_id_slot *slot = &collation->slots[i];
        if (!slot->decided) {
            slot->winner = best_standing(collation, slot);
            found = found || slot->winner != FL_NO_INDEX;
        }
    }
    for (uint32_t i = 0; found && i < collation->slot_count; i++) {
        fl_id_slot *slot = &collation->slots[i];
        if (!slot->decided && slot->winner != FL_NO_INDEX) {
            settle(collation, slot, ready);
        }
    }
    return found;
}

static fl_status decide(fl_arena *arena, fl_collation *collation, fl_err *err)
{
    if (collation->slot_count == collation->occurrence_count) { /* nothing came twice */
        for (uint32_t i = 0; i < collation->slot_count; i++) {
            collation->slots[i].winner = collation->slots[i].first;
        }
        return FL_OK;
    }
    agenda ready = {.slots = FL_ARENA_ARRAY(arena, uint32_t, collation->slot_count)};
    if (ready.slots == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to collate a trace");
    }
    for (uint32_t i = 0; i < collation->slot_count; i++) {
        if (collation->slots[i].undecided == 0) {
            ready.slots[ready.count++] = i;
        }
    }
    do {
        decide_ready(collation, &ready);
    } while (decide_waiting(collation, &ready));
    return FL_OK;
}

fl_status fl_collate(fl_arena *arena, const fl_record *records, size_t count, fl_collation *out,
                     fl_err *err)
{
    flattening flat = {.arena = arena};
    FL_TRY(flatten(&flat, records, count, err));
    fl_collation collation = {.occurrences = flat.occurrences,
                              .occurrence_count = (uint32_t)flat.count};
    FL_TRY(index_ids(arena, &collation, err));
    FL_TRY(decide(arena, &collation, err));
    *out = collation;
    return FL_OK;
}
