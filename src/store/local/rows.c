#include "store/local/rows_int.h"

#include <stdlib.h>

#define CHUNK_ROWS      1024U
#define ROWS_MAX        (UINT32_MAX - CHUNK_ROWS)
#define TABLE_SLOTS     8U
#define MALLOC_OVERHEAD 16

/* ---- Memory */

void *fl_rows_alloc(fl_rows *rows, size_t bytes)
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

void fl_rows_free(fl_rows *rows, void *memory, size_t bytes)
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
    fl_record_times *times = fl_rows_alloc(rows, step_bytes(step));
    if (times == NULL) {
        return false;
    }
    if (row->records != NULL) {
        memcpy(times, row->records, row->record_count * sizeof *times);
        memcpy(times + step_capacity(step), fl_row_refs(row),
               row->record_count * sizeof(fl_wal_ref));
        fl_rows_free(rows, row->records, step_bytes(row->step));
    }
    row->records = times;
    row->step = step & 63;
    return true;
}

/* ---- Times and place */

fl_store_place fl_row_place(const fl_row *row)
{
    return (fl_store_place){row->time_ns, row->start_ns, row->id};
}

static void reset_row(fl_row *row)
{
    row->time_ns = INT64_MAX;
    row->start_ns = INT64_MAX;
    row->last_end_ns = FL_TIME_NONE;
    row->last_arrival_ns = FL_TIME_NONE;
    row->record_count = 0;
    row->revision = 0;
    row->json_bytes = 0;
    row->position = FL_ROW_NO_POSITION;
    row->limit_exceeded = false;
    row->ahead = false;
}

bool fl_rows_add(fl_rows *rows, fl_row *row, int64_t start_ns, fl_record_times times,
                 fl_wal_ref ref)
{
    fl_store_place old = fl_row_place(row);
    fl_record_times *all = row->records;
    fl_wal_ref *refs = (fl_wal_ref *)(void *)(all + step_capacity(row->step));
    all[row->record_count] = times;
    refs[row->record_count] = ref;
    row->record_count++;
    if (times.end_ns > row->last_end_ns) {
        row->last_end_ns = times.end_ns;
    }
    if (times.arrival_ns > row->last_arrival_ns) {
        row->last_arrival_ns = times.arrival_ns;
    }
    int64_t time_ns = fl_trace_time_ns(row->id, start_ns);
    row->ahead |= time_ns > times.arrival_ns;
    if (start_ns < row->start_ns) {
        row->start_ns = start_ns;
        row->time_ns = time_ns;
        if (row->position != FL_ROW_NO_POSITION) {
            return fl_order_move(rows, row, &old);
        }
    }
    return row->position != FL_ROW_NO_POSITION || fl_order_insert(rows, row);
}

void fl_rows_clear(fl_rows *rows, fl_row *row)
{
    if (row->position != FL_ROW_NO_POSITION) {
        fl_store_place place = fl_row_place(row);
        fl_order_remove(rows, row, &place);
    }
    reset_row(row);
}

/* ---- Rows by index */

fl_row *fl_rows_at(const fl_rows *rows, uint32_t index)
{
    fl_row *row = &rows->chunks[index / CHUNK_ROWS][index % CHUNK_ROWS];
    return row->self == index ? row : NULL;
}

static bool add_chunk(fl_rows *rows)
{
    if (rows->made > ROWS_MAX) {
        return false;
    }
    if (rows->chunk_count == rows->chunk_capacity) {
        uint32_t capacity = rows->chunk_capacity != 0 ? rows->chunk_capacity * 2 : 16;
        fl_row **chunks = fl_rows_alloc(rows, capacity * sizeof *chunks);
        if (chunks == NULL) {
            return false;
        }
        if (rows->chunks != NULL) {
            memcpy(chunks, rows->chunks, rows->chunk_count * sizeof *chunks);
            fl_rows_free(rows, rows->chunks, rows->chunk_capacity * sizeof *chunks);
        }
        rows->chunks = chunks;
        rows->chunk_capacity = capacity;
    }
    fl_row *chunk = fl_rows_alloc(rows, CHUNK_ROWS * sizeof *chunk);
    if (chunk == NULL) {
        return false;
    }
    rows->chunks[rows->chunk_count++] = chunk;
    return true;
}

static fl_row *take_row(fl_rows *rows)
{
    uint32_t index;
    fl_row *row;
    if (rows->free != 0) {
        index = rows->free - 1;
        row = &rows->chunks[index / CHUNK_ROWS][index % CHUNK_ROWS];
        rows->free = row->position;
    } else {
        if (rows->made == rows->chunk_count * CHUNK_ROWS && !add_chunk(rows)) {
            return NULL;
        }
        index = rows->made++;
        row = &rows->chunks[index / CHUNK_ROWS][index % CHUNK_ROWS];
    }
    memset(row, 0, sizeof *row);
    row->self = index;
    return row;
}

static void give_row(fl_rows *rows, fl_row *row)
{
    uint32_t index = row->self;
    fl_rows_free(rows, row->records, step_bytes(row->step));
    row->records = NULL;
    row->self = UINT32_MAX;
    row->position = rows->free;
    rows->free = index + 1;
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

/* Room for one more at a load of at most 3/4. */
static bool table_reserve(fl_rows *rows, fl_rows_table *table)
{
    size_t capacity = table->slots != NULL ? (size_t)table->mask + 1 : 0;
    if ((table->count + 1) * 4 <= capacity * 3) {
        return true;
    }
    size_t larger = capacity != 0 ? capacity * 2 : TABLE_SLOTS;
    fl_rows_table grown = {.mask = (uint32_t)(larger - 1)};
    grown.slots = fl_rows_alloc(rows, larger * sizeof *grown.slots);
    if (grown.slots == NULL) {
        return false;
    }
    memset(grown.slots, 0, larger * sizeof *grown.slots);
    for (size_t i = 0; i < capacity; i++) {
        if (table->slots[i] != 0) {
            table_put(&grown, table->slots[i]);
        }
    }
    fl_rows_free(rows, table->slots, table_bytes(table));
    *table = grown;
    return true;
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

fl_row *fl_rows_find(const fl_rows *rows, fl_trace_id id)
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
            if (row != NULL && fl_trace_id_eq(row->id, id)) {
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
    fl_rows_clear(rows, row);
    table_remove(table, at);
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
            fl_rows_free(rows, row->records, step_bytes(row->step));
        }
    }
    for (uint32_t i = 0; i < rows->chunk_count; i++) {
        fl_rows_free(rows, rows->chunks[i], CHUNK_ROWS * sizeof(fl_row));
    }
    fl_rows_free(rows, rows->chunks, rows->chunk_capacity * sizeof *rows->chunks);
    for (size_t i = 0; i < FL_ROWS_TABLES; i++) {
        fl_rows_free(rows, rows->tables[i].slots, table_bytes(&rows->tables[i]));
    }
    fl_order_fini(rows);
    memset(rows, 0, sizeof *rows);
}
