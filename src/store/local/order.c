/*
 * Rows in the order of scans. Leaves split the places among them; a leaf holds up to 256 rows in
 * any order and is sorted when somebody reads it. So a put costs a binary search over leaves, and a
 * trace that gets an earlier start usually stays where it is.
 */
#include "store/local/rows_int.h"

#include <stdlib.h>

/* Oldest place there is: the first leaf goes down to it. */
static const fl_store_place OLDEST = {.time_ns = INT64_MIN, .start_ns = INT64_MIN};

static bool is_older(const fl_store_place *a, const fl_store_place *b)
{
    return fl_store_place_cmp(a, b) > 0;
}

/* Index of the leaf that a place belongs to; there is at least one. */
static size_t slot_for(const fl_order *order, const fl_store_place *place)
{
    size_t low = 0, high = order->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (is_older(place, &order->slots[middle].from)) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return low;
}

static int compare_rows(const void *a, const void *b)
{
    const fl_row *const *left = a;
    const fl_row *const *right = b;
    fl_store_place left_place = fl_row_place(*left), right_place = fl_row_place(*right);
    return fl_store_place_cmp(&right_place, &left_place);
}

static void sort_leaf(fl_rows *rows, fl_order_leaf *leaf)
{
    fl_row *sorted[FL_ORDER_LEAF_ROWS];
    if (leaf->sorted) {
        return;
    }
    for (uint32_t i = 0; i < leaf->count; i++) {
        sorted[i] = fl_rows_at(rows, leaf->rows[i]);
    }
    qsort(sorted, leaf->count, sizeof sorted[0], compare_rows);
    for (uint32_t i = 0; i < leaf->count; i++) {
        leaf->rows[i] = sorted[i]->self;
        sorted[i]->position = i;
    }
    leaf->sorted = true;
}

static bool reserve_slot(fl_rows *rows)
{
    fl_order *order = &rows->order;
    if (order->count < order->capacity) {
        return true;
    }
    size_t capacity = order->capacity != 0 ? order->capacity * 2 : 16;
    fl_order_slot *slots = fl_rows_alloc(rows, capacity * sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    if (order->slots != NULL) {
        memcpy(slots, order->slots, order->count * sizeof *slots);
        fl_rows_free(rows, order->slots, order->capacity * sizeof *slots);
    }
    order->slots = slots;
    order->capacity = capacity;
    return true;
}

/* A new empty leaf at index `at`, for places from `from` on. */
static fl_order_leaf *add_leaf(fl_rows *rows, size_t at, fl_store_place from)
{
    fl_order *order = &rows->order;
    fl_order_leaf *leaf = reserve_slot(rows) ? fl_rows_alloc(rows, sizeof *leaf) : NULL;
    if (leaf == NULL) {
        return NULL;
    }
    leaf->count = 0;
    leaf->sorted = true;
    leaf->lowest_basis = INT64_MAX;
    memmove(order->slots + at + 1, order->slots + at, (order->count - at) * sizeof *order->slots);
    order->slots[at] = (fl_order_slot){.from = from, .leaf = leaf};
    order->count++;
    return leaf;
}

/* The newer half of a full leaf becomes a leaf of its own. */
static bool split_leaf(fl_rows *rows, size_t at)
{
    fl_order_leaf *leaf = rows->order.slots[at].leaf;
    sort_leaf(rows, leaf);
    uint32_t half = leaf->count / 2;
    fl_store_place from = fl_row_place(fl_rows_at(rows, leaf->rows[half]));
    fl_order_leaf *newer = add_leaf(rows, at + 1, from);
    if (newer == NULL) {
        return false;
    }
    newer->count = leaf->count - half;
    newer->lowest_basis = leaf->lowest_basis;
    memcpy(newer->rows, leaf->rows + half, newer->count * sizeof newer->rows[0]);
    leaf->count = half;
    for (uint32_t i = 0; i < newer->count; i++) {
        fl_rows_at(rows, newer->rows[i])->position = i;
    }
    return true;
}

bool fl_order_insert(fl_rows *rows, fl_row *row)
{
    fl_order *order = &rows->order;
    fl_store_place place = fl_row_place(row);
    if (order->count == 0 && add_leaf(rows, 0, OLDEST) == NULL) {
        return false;
    }
    size_t at = slot_for(order, &place);
    if (order->slots[at].leaf->count == FL_ORDER_LEAF_ROWS) {
        if (!split_leaf(rows, at)) {
            return false;
        }
        at = slot_for(order, &place);
    }
    fl_order_leaf *leaf = order->slots[at].leaf;
    row->position = leaf->count;
    leaf->rows[leaf->count++] = row->self;
    leaf->sorted = leaf->count == 1;
    if (fl_row_basis(row) < leaf->lowest_basis) {
        leaf->lowest_basis = fl_row_basis(row);
    }
    return true;
}

static void remove_leaf(fl_rows *rows, size_t at)
{
    fl_order *order = &rows->order;
    fl_rows_free(rows, order->slots[at].leaf, sizeof(fl_order_leaf));
    order->count--;
    memmove(order->slots + at, order->slots + at + 1, (order->count - at) * sizeof *order->slots);
    if (order->count != 0) {
        order->slots[0].from = OLDEST;
    }
}

void fl_order_remove(fl_rows *rows, fl_row *row, const fl_store_place *old)
{
    size_t at = slot_for(&rows->order, old);
    fl_order_leaf *leaf = rows->order.slots[at].leaf;
    uint32_t last = --leaf->count;
    if (row->position != last) {
        leaf->rows[row->position] = leaf->rows[last];
        fl_rows_at(rows, leaf->rows[last])->position = row->position;
        leaf->sorted = false;
    }
    row->position = FL_ROW_NO_POSITION;
    if (leaf->count == 0) {
        remove_leaf(rows, at);
    }
}

bool fl_order_move(fl_rows *rows, fl_row *row, const fl_store_place *old)
{
    fl_store_place place = fl_row_place(row);
    size_t at = slot_for(&rows->order, old);
    if (at == slot_for(&rows->order, &place)) {
        fl_order_leaf *leaf = rows->order.slots[at].leaf;
        leaf->sorted = leaf->count == 1;
        if (fl_row_basis(row) < leaf->lowest_basis) {
            leaf->lowest_basis = fl_row_basis(row);
        }
        return true;
    }
    fl_order_remove(rows, row, old);
    return fl_order_insert(rows, row);
}

void fl_order_seek(fl_rows *rows, const fl_store_place *place, fl_order_cursor *cursor)
{
    *cursor = (fl_order_cursor){0};
    if (rows->order.count == 0) {
        return;
    }
    size_t at = slot_for(&rows->order, place);
    fl_order_leaf *leaf = rows->order.slots[at].leaf;
    sort_leaf(rows, leaf);
    uint32_t low = 0, high = leaf->count; /* rows below low are older, from high on not */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        fl_store_place found = fl_row_place(fl_rows_at(rows, leaf->rows[middle]));
        if (is_older(&found, place)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *cursor = (fl_order_cursor){.slot = at + 1, .left = low};
}

fl_row *fl_order_older(fl_rows *rows, fl_order_cursor *cursor)
{
    while (cursor->slot != 0 && cursor->left == 0) {
        cursor->slot--;
        if (cursor->slot != 0) {
            fl_order_leaf *leaf = rows->order.slots[cursor->slot - 1].leaf;
            sort_leaf(rows, leaf);
            cursor->left = leaf->count;
        }
    }
    if (cursor->slot == 0) {
        return NULL;
    }
    const fl_order_leaf *leaf = rows->order.slots[cursor->slot - 1].leaf;
    return fl_rows_at(rows, leaf->rows[--cursor->left]);
}

void fl_order_fini(fl_rows *rows)
{
    fl_order *order = &rows->order;
    for (size_t i = 0; i < order->count; i++) {
        fl_rows_free(rows, order->slots[i].leaf, sizeof(fl_order_leaf));
    }
    fl_rows_free(rows, order->slots, order->capacity * sizeof *order->slots);
    *order = (fl_order){0};
}
