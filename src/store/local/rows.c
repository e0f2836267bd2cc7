#include "store/local/rows_int.h"

#include <stdlib.h>

#define LIST_ROWS       256U
#define ROWS_MAX        (UINT32_MAX / 2)
#define TABLE_SLOTS     8U
#define MALLOC_OVERHEAD 16

/* ---- Memory */

static void *rows_alloc(fl_rows *rows, size_t bytes)
{
    size_t cost = bytes + MALLOC_OVERHEAD;
    if (!fl_budget_take(rows->budget, cost)) {
        if (!rows->beyond_budget) {
            return NULL;
        }
        atomic_fetch_add_explicit(&rows->budget->used_bytes, cost, memory_order_relaxed);
    }
    void *memory = malloc(bytes != 0 ? bytes : 1);
    if (memory == NULL) {
        fl_budget_give(rows->budget, cost);
    }
    return memory;
}

static void rows_free(fl_rows *rows, void *memory, size_t bytes)
{
    if (memory != NULL) {
        free(memory);
        fl_budget_give(rows->budget, bytes + MALLOC_OVERHEAD);
    }
}

/* ---- Records of a row: capacities 0, 1, 2, 3, 4, 6, 8, 12, 16, … by step */

static size_t step_capacity(unsigned step)
{
    if (step < 2) {
        return step;
    }
    return (size_t)(2 + step % 2) << ((step / 2 - 1) & 31); /* 6 bits hold it */
}

static size_t step_bytes(unsigned step)
{
    return step_capacity(step) * (sizeof(fl_record_times) + sizeof(fl_wal_ref));
}

const fl_record_times *fl_row_times(const fl_row *row)
{
    return row->records;
}

const fl_wal_ref *fl_row_refs(const fl_row *row)
{
    if (row->records == NULL) {
        return NULL; /* a mark alone */
    }
    return (const fl_wal_ref *)(const void *)(fl_row_times(row) + step_capacity(row->step));
}

bool fl_rows_reserve(fl_rows *rows, fl_row *row)
{
    if (row->pending == FL_ROW_PENDING_MAX) {
        return false;
    }
    if ((size_t)row->record_count + row->pending < step_capacity(row->step)) {
        return true;
    }
    unsigned step = row->step + 1;
    fl_record_times *times = rows_alloc(rows, step_bytes(step));
    if (times == NULL) {
        return false;
    }
    if (row->records != NULL) {
        memcpy(times, row->records, row->record_count * sizeof *times);
        memcpy(times + step_capacity(step), fl_row_refs(row),
               row->record_count * sizeof(fl_wal_ref));
        rows_free(rows, row->records, step_bytes(row->step));
    }
    row->records = times;
    row->step = step & 63;
    return true;
}

/* ---- Times and place */

fl_part_row fl_row_piece(const fl_row *row)
{
    fl_part_row piece = {
        .id = row->id,
        .time_ns = row->time_ns,
        .start_ns = row->start_ns,
        .last_end_ns = row->last_end_ns,
        .first_arrival_ns = row->first_arrival_ns,
        .last_arrival_ns = row->last_arrival_ns,
        .last_arrival = row->last_arrival,
        .json_bytes = row->json_bytes - row->base_json_bytes,
        .record_count = row->record_count,
        .revision = row->revision,
        .limit_exceeded = row->limit_exceeded,
    };
    if (row->record_count == 0) {
        piece.start_ns = row->base_start_ns;
        piece.time_ns = fl_trace_time_ns(row->id, row->base_start_ns);
        piece.first_arrival_ns = piece.last_arrival_ns = row->base_arrival_ns;
    }
    return piece;
}

fl_part_row fl_row_whole(const fl_row *row)
{
    fl_part_row whole = fl_row_piece(row);
    if (row->base_start_ns < whole.start_ns) {
        whole.start_ns = row->base_start_ns;
        whole.time_ns = fl_trace_time_ns(row->id, whole.start_ns);
    }
    if (row->base_arrival_ns > whole.last_arrival_ns) {
        whole.last_arrival_ns = row->base_arrival_ns;
    }
    return whole;
}

void fl_row_inherit(fl_row *row, const fl_row *from)
{
    fl_part_row before = fl_row_whole(from);
    row->base_start_ns = before.start_ns;
    row->base_arrival_ns = before.last_arrival_ns;
    row->base_json_bytes = from->json_bytes;
    row->json_bytes += from->json_bytes;
    row->limit_exceeded = from->limit_exceeded;
    row->settled_before = true;
    row->base_known = from->base_known || !from->settled_before;
}

static void reset_row(fl_row *row)
{
    row->first_arrival_ns = INT64_MAX;
    row->time_ns = INT64_MAX;
    row->start_ns = INT64_MAX;
    row->base_start_ns = INT64_MAX;
    row->base_arrival_ns = FL_TIME_NONE;
    row->last_end_ns = FL_TIME_NONE;
    row->last_arrival_ns = FL_TIME_NONE;
}

void fl_row_add(fl_row *row, int64_t start_ns, fl_record_times times, uint64_t arrival,
                fl_wal_ref ref)
{
    fl_record_times *all = row->records;
    fl_wal_ref *refs = (fl_wal_ref *)(void *)(all + step_capacity(row->step));
    all[row->record_count] = times;
    refs[row->record_count] = ref;
    if (times.arrival_ns < row->first_arrival_ns) {
        row->first_arrival_ns = times.arrival_ns;
    }
    row->record_count++;
    row->last_arrival = arrival;
    if (times.end_ns > row->last_end_ns) {
        row->last_end_ns = times.end_ns;
    }
    if (times.arrival_ns > row->last_arrival_ns) {
        row->last_arrival_ns = times.arrival_ns;
    }
    if (start_ns < row->start_ns) {
        row->start_ns = start_ns;
        row->time_ns = fl_trace_time_ns(row->id, start_ns);
    }
}

/* ---- Rows by index: a place of the list is a row, or where the next free place is, as an odd
 * number */

fl_row *fl_rows_at(const fl_rows *rows, uint32_t index)
{
    fl_row *row = rows->list[index];
    return ((uintptr_t)row & 1) == 0 ? row : NULL;
}

static bool grow_list(fl_rows *rows)
{
    if (rows->made < rows->capacity) {
        return true;
    }
    uint32_t capacity = rows->capacity != 0 ? rows->capacity * 2 : LIST_ROWS;
    if (rows->capacity > ROWS_MAX / 2) {
        return false;
    }
    fl_row **list = rows_alloc(rows, capacity * sizeof *list);
    if (list == NULL) {
        return false;
    }
    if (rows->list != NULL) {
        memcpy(list, rows->list, rows->made * sizeof *list);
        rows_free(rows, rows->list, rows->capacity * sizeof *list);
    }
    rows->list = list;
    rows->capacity = capacity;
    return true;
}

static fl_row *take_row(fl_rows *rows)
{
    if (rows->free == 0 && !grow_list(rows)) {
        return NULL;
    }
    fl_row *row = rows_alloc(rows, sizeof *row);
    if (row == NULL) {
        return NULL;
    }
    memset(row, 0, sizeof *row);
    if (rows->free != 0) {
        row->self = rows->free - 1;
        rows->free = (uint32_t)((uintptr_t)rows->list[row->self] >> 1);
    } else {
        row->self = rows->made++;
    }
    rows->list[row->self] = row;
    rows->used++;
    return row;
}

static void give_row(fl_rows *rows, fl_row *row)
{
    uint32_t index = row->self;
    rows->list[index] = (fl_row *)((uintptr_t)rows->free << 1 | 1); /* NOLINT: no pointer */
    rows->free = index + 1;
    rows->used--;
    rows_free(rows, row->records, step_bytes(row->step));
    rows_free(rows, row, sizeof *row);
}

/* ---- Rows by id: open addressing, linear probing; the tag is the hash as far as positions need it
 */

static fl_rows_table *table_of(fl_rows *rows, uint64_t hash)
{
    return &rows->tables[hash >> 56];
}

static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 16);
}

static uint64_t slot_of(uint32_t tag, uint32_t index)
{
    return (uint64_t)tag << 32 | (index + 1);
}

static void table_put(fl_rows_table *table, uint64_t slot)
{
    uint32_t at = (uint32_t)(slot >> 32) & table->mask;
    while (table->slots[at] != 0) {
        at = (at + 1) & table->mask;
    }
    table->slots[at] = slot;
    table->count++;
}

static size_t table_bytes(const fl_rows_table *table)
{
    return table->slots != NULL ? ((size_t)table->mask + 1) * sizeof *table->slots : 0;
}

/* The same table with another number of slots; false without memory. */
static bool table_resize(fl_rows *rows, fl_rows_table *table, size_t capacity)
{
    fl_rows_table other = {.mask = (uint32_t)(capacity - 1)};
    other.slots = rows_alloc(rows, capacity * sizeof *other.slots);
    if (other.slots == NULL) {
        return false;
    }
    memset(other.slots, 0, capacity * sizeof *other.slots);
    for (size_t i = 0; table->slots != NULL && i <= table->mask; i++) {
        if (table->slots[i] != 0) {
            table_put(&other, table->slots[i]);
        }
    }
    rows_free(rows, table->slots, table_bytes(table));
    *table = other;
    return true;
}

/* Room for one more at a load of at most 3/4. */
static bool table_reserve(fl_rows *rows, fl_rows_table *table)
{
    size_t capacity = table->slots != NULL ? (size_t)table->mask + 1 : 0;
    if ((table->count + 1) * 4 <= capacity * 3) {
        return true;
    }
    return table_resize(rows, table, capacity != 0 ? capacity * 2 : TABLE_SLOTS);
}

/* Gives memory back at a load below 1/8. */
static void table_shrink(fl_rows *rows, fl_rows_table *table)
{
    size_t capacity = (size_t)table->mask + 1;
    if (capacity > TABLE_SLOTS && table->count * 8 < capacity) {
        (void)table_resize(rows, table, capacity / 2); /* or it stays as large as it is */
    }
}

/* Closes the gap at `at` by moving later slots of the same run back. */
static void table_remove(fl_rows_table *table, uint32_t at)
{
    uint32_t next = at;
    for (;;) {
        next = (next + 1) & table->mask;
        if (table->slots[next] == 0) {
            break;
        }
        uint32_t home = (uint32_t)(table->slots[next] >> 32) & table->mask;
        if (((next - home) & table->mask) >= ((next - at) & table->mask)) {
            table->slots[at] = table->slots[next];
            at = next;
        }
    }
    table->slots[at] = 0;
    table->count--;
}

fl_row *fl_rows_find(const fl_rows *rows, fl_trace_id id, bool settling)
{
    uint64_t hash = fl_trace_id_hash(id);
    const fl_rows_table *table = &rows->tables[hash >> 56];
    if (table->count == 0) {
        return NULL;
    }
    for (uint32_t at = tag_of(hash) & table->mask;; at = (at + 1) & table->mask) {
        uint64_t slot = table->slots[at];
        if (slot == 0) {
            return NULL;
        }
        if ((uint32_t)(slot >> 32) == tag_of(hash)) {
            fl_row *row = fl_rows_at(rows, (uint32_t)slot - 1);
            if (row != NULL && fl_trace_id_eq(row->id, id) && row->settling == settling) {
                return row;
            }
        }
    }
}

fl_row *fl_rows_make(fl_rows *rows, fl_trace_id id)
{
    uint64_t hash = fl_trace_id_hash(id);
    fl_rows_table *table = table_of(rows, hash);
    if (!table_reserve(rows, table)) {
        return NULL;
    }
    fl_row *row = take_row(rows);
    if (row == NULL) {
        return NULL;
    }
    row->id = id;
    reset_row(row);
    table_put(table, slot_of(tag_of(hash), row->self));
    return row;
}

void fl_rows_drop(fl_rows *rows, fl_row *row)
{
    uint64_t hash = fl_trace_id_hash(row->id);
    fl_rows_table *table = table_of(rows, hash);
    uint64_t slot = slot_of(tag_of(hash), row->self);
    uint32_t at = tag_of(hash) & table->mask;
    while (table->slots[at] != slot) {
        at = (at + 1) & table->mask;
    }
    table_remove(table, at);
    table_shrink(rows, table);
    give_row(rows, row);
}

/* ---- Life */

void fl_rows_init(fl_rows *rows, fl_budget *budget)
{
    memset(rows, 0, sizeof *rows);
    rows->budget = budget;
}

void fl_rows_fini(fl_rows *rows)
{
    for (uint32_t i = 0; i < rows->made; i++) {
        fl_row *row = fl_rows_at(rows, i);
        if (row != NULL) {
            give_row(rows, row);
        }
    }
    rows_free(rows, rows->list, rows->capacity * sizeof *rows->list);
    for (size_t i = 0; i < FL_ROWS_TABLES; i++) {
        rows_free(rows, rows->tables[i].slots, table_bytes(&rows->tables[i]));
    }
    memset(rows, 0, sizeof *rows);
}
