/*
 * parent_id by row: ids are random, eight bytes each, but the parent is nearly always a span of the
 * same trace.
 */
#include <stdlib.h>

#include "store/part/write_int.h"

#define FIRST_SLOTS 64

void fl_parents_fini(fl_parents *parents)
{
    free(parents->ids);
    free(parents->requests);
    free(parents->slots);
    *parents = (fl_parents){0};
}

bool fl_parents_add(fl_parents *parents, uint64_t id)
{
    void *ids = parents->ids;
    if (!fl_part_grow(&ids, &parents->capacity, parents->count, sizeof *parents->ids)) {
        return false;
    }
    parents->ids = ids;
    parents->ids[parents->count++] = id;
    return true;
}

bool fl_parents_request(fl_parents *parents, uint64_t parent_id)
{
    void *requests = parents->requests;
    if (!fl_part_grow(&requests, &parents->request_capacity, parents->request_count,
                      sizeof *parents->requests)) {
        return false;
    }
    parents->requests = requests;
    parents->requests[parents->request_count++] =
        (fl_parent_request){parents->first + parents->count - 1, parent_id};
    return true;
}

/* Ids are random; the multiplication is for those that are not. */
static uint32_t slot_of(uint64_t id, uint32_t mask)
{
    return (uint32_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & mask;
}

/* Slots at most half full; 0 without memory. */
static uint32_t fill_slots(fl_parents *parents)
{
    uint32_t needed = FIRST_SLOTS;
    while (needed / 2 < parents->count) {
        needed *= 2;
    }
    if (needed > parents->slot_capacity) {
        free(parents->slots);
        parents->slots = malloc(needed * sizeof *parents->slots);
        parents->slot_capacity = parents->slots != NULL ? needed : 0;
        if (parents->slots == NULL) {
            return 0;
        }
    }
    memset(parents->slots, 0, needed * sizeof *parents->slots);
    for (uint32_t i = 0; i < parents->count; i++) {
        uint32_t at = slot_of(parents->ids[i], needed - 1);
        while (parents->slots[at] != 0) {
            at = (at + 1) & (needed - 1);
        }
        parents->slots[at] = i + 1;
    }
    return needed - 1;
}

/* How many spans on from `span` the id stands; 0 if it does not, or there. */
static int64_t distance(const fl_parents *parents, uint32_t mask, uint32_t span, uint64_t id)
{
    for (uint32_t at = slot_of(id, mask); parents->slots[at] != 0; at = (at + 1) & mask) {
        uint32_t found = parents->slots[at] - 1;
        if (parents->ids[found] == id) {
            return (int64_t)parents->first + found - span;
        }
    }
    return 0;
}

bool fl_parents_resolve(fl_parents *parents, uint32_t next, fl_column *rows, fl_column *raw)
{
    uint32_t mask = parents->request_count != 0 ? fill_slots(parents) : 0;
    if (parents->request_count != 0 && mask == 0) {
        return false;
    }
    for (uint32_t i = 0; i < parents->request_count; i++) {
        const fl_parent_request *request = &parents->requests[i];
        int64_t rows_on = distance(parents, mask, request->span, request->id);
        if (!fl_column_add_int(rows, rows_on) ||
            (rows_on == 0 && !fl_column_add_id(raw, request->id))) {
            return false;
        }
    }
    parents->first = next;
    parents->count = parents->request_count = 0;
    return true;
}
