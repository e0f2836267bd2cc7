/*
 * Everything read and compared with everything else. What can be read is checked on, so that one
 * flaw is told once.
 */
#include "store/part/section_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SCRATCH_BYTES_MAX ((size_t)1 << 30)

typedef struct verifying {
    fl_part *part;
    fl_part_cursor *cursor, *found; /* along the rows; for look-ups */
    fl_arena arena;                 /* of one record */
    void (*problem)(void *user, const char *text);
    void *user;
    uint64_t problems;
    /* told already: what cannot be read for them is no flaw of its own */
    bool section_is_damaged;
    bool *block_is_damaged;
    /* of the row */
    uint32_t row;
    fl_part_row facts, seen;
    /* of all */
    uint64_t records, spans, arrival_max;
} verifying;

static void tell(verifying *v, const char *text)
{
    v->problems++;
    if (v->problem != NULL) {
        v->problem(v->user, text);
    }
}

static void tell_row(verifying *v, const char *what)
{
    char text[FL_ERR_MESSAGE_MAX];
    snprintf(text, sizeof text, "row %" PRIu32 ": %s", v->row, what);
    tell(v, text);
}

/* Damage is told, what has another reason ends the verification. */
static fl_status note(verifying *v, fl_status status, const fl_err *found, fl_err *err)
{
    if (status == FL_E_CORRUPT) {
        tell(v, fl_err_text(found, status));
        return FL_OK;
    }
    if (status != FL_OK && err != NULL) {
        *err = *found;
    }
    return status;
}

/* ---- Sections and header */

static fl_status verify_sections(verifying *v, fl_err *err)
{
    uint64_t before = v->problems;
    for (uint32_t i = 0; i < v->part->section_count; i++) {
        fl_str bytes;
        fl_err found = {0};
        fl_status status =
            fl_part_section(v->part, &v->part->sections[i], &v->arena, &bytes, &found);
        FL_TRY(note(v, status, &found, err));
        fl_arena_reset(&v->arena);
    }
    v->section_is_damaged = v->problems != before;
    return FL_OK;
}

static fl_status verify_header(verifying *v, fl_err *err)
{
    unsigned char *bytes;
    FL_TRY(fl_part_read(v->part, 0, FL_PART_HEADER_BYTES, &v->arena, &bytes, err));
    if (!fl_header_holds(bytes)) {
        tell(v, "the header is damaged");
    }
    return FL_OK;
}

/* ---- Blocks: every chunk, every filter */

static void verify_filter(verifying *v, const fl_values *values, fl_str filter, uint32_t column)
{
    for (uint32_t i = 0; i < values->count; i++) {
        if (!fl_filter_may_have(filter, fl_filter_hash(fl_values_text(values, i)))) {
            char text[FL_ERR_MESSAGE_MAX];
            snprintf(text, sizeof text, "a filter of column %" PRIu32 " lacks a text", column);
            tell(v, text);
            return;
        }
    }
}

static fl_status verify_chunk(verifying *v, const fl_part_chunk *chunk, fl_err *err)
{
    fl_part_block *block = &v->cursor->block;
    const fl_values *values;
    fl_str filter;
    FL_TRY(fl_part_block_values(block, chunk->column, &values, err));
    if (chunk->column >= FL_COL_FIXED_COUNT) {
        const uint32_t *spans;
        FL_TRY(fl_part_block_spans_of(block, chunk->column, &spans, err));
    }
    if (values->kind == FL_COLUMN_TEXT) {
        FL_TRY(fl_part_filter(v->part, chunk->column, block->number, &filter, err));
        verify_filter(v, values, filter, chunk->column);
    }
    return FL_OK;
}

static fl_status verify_block(verifying *v, uint32_t number, fl_err *err)
{
    fl_part_block *block = &v->cursor->block;
    FL_TRY(fl_part_block_open(block, number, true, err));
    FL_TRY(fl_part_block_layout(block, err));
    for (uint32_t i = 0; i < block->chunk_count; i++) {
        FL_TRY(verify_chunk(v, &block->chunks[i], err));
    }
    return FL_OK;
}

static fl_status verify_blocks(verifying *v, fl_err *err)
{
    uint64_t end = FL_PART_HEADER_BYTES;
    for (uint32_t i = 0; i < v->part->block_count; i++) {
        fl_err found = {0};
        fl_status status = verify_block(v, i, &found);
        v->block_is_damaged[i] = status == FL_E_CORRUPT;
        if (!v->block_is_damaged[i] || !v->section_is_damaged) {
            FL_TRY(note(v, status, &found, err));
        }
        end = v->part->blocks[i].offset + v->part->blocks[i].bytes;
    }
    for (uint32_t i = 0; i < v->part->section_count; i++) {
        if (v->part->sections[i].offset < end) {
            tell(v, "a section overlaps the blocks");
        }
    }
    return FL_OK;
}

/* ---- Rows and records */

static fl_status see_record(void *user, fl_str packed, int64_t arrival_ns, fl_err *err)
{
    verifying *v = user;
    fl_segment *segment;
    FL_TRY(fl_shred(&v->found->shredder, packed, err));
    FL_TRY(fl_segment_unpack(&v->arena, packed, &segment, err));
    v->spans += v->found->shredder.row_count;
    v->records++;
    fl_part_row seen = {.id = segment->trace_id,
                        .start_ns = segment->start_ns,
                        .last_end_ns = segment->end_ns,
                        .first_arrival_ns = arrival_ns,
                        .last_arrival_ns = arrival_ns,
                        .record_count = 1};
    if (!fl_trace_id_eq(segment->trace_id, v->facts.id)) {
        tell_row(v, "a record is of another trace");
    }
    const fl_part_row both[] = {v->seen, seen};
    v->seen = v->seen.record_count != 0 ? fl_part_row_join(both, 2) : seen;
    fl_arena_reset(&v->arena);
    return FL_OK;
}

typedef struct seen_times {
    int64_t last_end_ns;
    uint64_t count;
} seen_times;

static bool see_times(void *user, const int64_t *ends_ns, const int64_t *arrivals_ns, size_t count)
{
    seen_times *seen = user;
    (void)arrivals_ns;
    for (size_t i = 0; i < count; i++) {
        seen->last_end_ns = ends_ns[i] > seen->last_end_ns ? ends_ns[i] : seen->last_end_ns;
    }
    seen->count += count;
    return true;
}

static void compare_facts(verifying *v)
{
    const fl_part_row *facts = &v->facts, *seen = &v->seen;
    if (facts->record_count != seen->record_count) {
        tell_row(v, "it has another number of records");
    }
    if (seen->record_count == 0) {
        return;
    }
    if (facts->start_ns != seen->start_ns || facts->last_end_ns != seen->last_end_ns) {
        tell_row(v, "its times are not those of its records");
    }
    if (seen->first_arrival_ns < facts->first_arrival_ns ||
        seen->last_arrival_ns > facts->last_arrival_ns) {
        tell_row(v, "a record arrived outside of its bounds");
    }
}

static fl_status verify_index(verifying *v, fl_err *err)
{
    uint32_t row;
    if (!fl_part_may_have(v->part, v->facts.id)) {
        tell_row(v, "the filter of ids lacks it");
    }
    FL_TRY(fl_part_find(v->part, v->facts.id, &row, err));
    if (row != v->row) {
        tell_row(v, "the index of ids does not find it");
    }
    return FL_OK;
}

static fl_status verify_row(verifying *v, fl_err *err)
{
    seen_times times = {.last_end_ns = FL_TIME_NONE};
    FL_TRY(fl_part_row_at(v->cursor, v->row, &v->facts, err));
    v->seen = (fl_part_row){0};
    FL_TRY(fl_part_records(v->cursor, v->row, 0, UINT32_MAX, see_record, v, err));
    FL_TRY(fl_part_times(v->cursor, v->row, see_times, &times, err));
    if (times.count != v->facts.record_count ||
        (times.count != 0 && times.last_end_ns != v->facts.last_end_ns)) {
        tell_row(v, "its records have other times");
    }
    compare_facts(v);
    return verify_index(v, err);
}

/* Is the row in a block that was told of, with some of its records at least? */
static bool is_in_damage(const verifying *v)
{
    const fl_part_block_info *blocks = v->part->blocks;
    uint32_t block = fl_part_block_of(v->part, v->row);
    bool is_damaged = v->block_is_damaged[block];
    bool goes_on = v->row + 1 == blocks[block].first_row + blocks[block].rows;
    for (block++; goes_on && block < v->part->block_count && blocks[block].leading_records != 0;
         block++) {
        is_damaged |= v->block_is_damaged[block];
        goes_on = blocks[block].rows == 0;
    }
    return is_damaged;
}

static fl_status verify_rows(verifying *v, fl_err *err)
{
    fl_store_place before = {0};
    for (v->row = 0; v->row < v->part->info.rows; v->row++) {
        fl_err found = {0};
        if (is_in_damage(v)) {
            continue;
        }
        fl_status status = verify_row(v, &found);
        FL_TRY(note(v, status, &found, err));
        if (status != FL_OK) {
            continue;
        }
        fl_store_place place = fl_part_place(&v->facts);
        if (v->row != 0 && fl_store_place_cmp(&before, &place) >= 0) {
            tell_row(v, "it is out of order");
        }
        before = place;
        v->arrival_max =
            v->facts.last_arrival > v->arrival_max ? v->facts.last_arrival : v->arrival_max;
    }
    return FL_OK;
}

/* ---- The whole */

static void verify_info(verifying *v)
{
    const fl_part_info *info = &v->part->info;
    if (v->problems != 0) {
        return; /* what could not be read is missing in the sums */
    }
    if (info->records != v->records || info->spans != v->spans ||
        info->arrival_max != v->arrival_max) {
        tell(v, "the footer tells of other records");
    }
}

static fl_status verify_all(verifying *v, fl_err *err)
{
    FL_TRY(fl_part_cursor_new(v->part, &v->cursor, err));
    FL_TRY(fl_part_cursor_new(v->part, &v->found, err));
    v->block_is_damaged = calloc(v->part->block_count, sizeof *v->block_is_damaged);
    if (v->block_is_damaged == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to verify %s", v->part->path);
    }
    FL_TRY(verify_header(v, err));
    FL_TRY(verify_sections(v, err));
    FL_TRY(verify_blocks(v, err));
    FL_TRY(verify_rows(v, err));
    verify_info(v);
    return FL_OK;
}

fl_status fl_part_verify(fl_part *part, void (*problem)(void *user, const char *text), void *user,
                         uint64_t *problems, fl_err *err)
{
    verifying v = {.part = part, .problem = problem, .user = user};
    fl_arena_init(&v.arena, SCRATCH_BYTES_MAX);
    fl_status status = verify_all(&v, err);
    free(v.block_is_damaged);
    fl_part_cursor_free(v.cursor);
    fl_part_cursor_free(v.found);
    fl_arena_fini(&v.arena);
    if (status == FL_OK) {
        *problems = v.problems;
    }
    return status;
}
