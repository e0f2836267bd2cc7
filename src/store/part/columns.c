/*
 * What a part's bytes are spent on.
 */
#include <stdlib.h>

#include "store/part/part_int.h"

static const char *const kind_names[] = {
    [FL_COLUMN_INT] = "integer",
    [FL_COLUMN_ID] = "id",
    [FL_COLUMN_TEXT] = "text",
};

static uint64_t raw_bytes(const fl_values *values)
{
    uint64_t bytes = 0;
    if (values->kind != FL_COLUMN_TEXT) {
        return (uint64_t)values->count * sizeof(uint64_t);
    }
    for (uint32_t i = 0; i < values->count; i++) {
        bytes += fl_values_text(values, i).n;
    }
    return bytes;
}

static fl_status add_block(fl_part_block *block, fl_part_column *columns, size_t count, fl_err *err)
{
    for (uint32_t i = 0; i < block->chunk_count; i++) {
        const fl_part_chunk *chunk = &block->chunks[i];
        const fl_values *values;
        FL_TRY(fl_part_block_values(block, chunk->column, &values, err));
        if (chunk->column >= count) {
            FL_FAIL(err, FL_E_CORRUPT, "a block of %s has an unknown column", block->part->path);
        }
        columns[chunk->column].values += chunk->values;
        columns[chunk->column].stored_bytes += chunk->bytes;
        columns[chunk->column].raw_bytes += raw_bytes(values);
    }
    return FL_OK;
}

static fl_status name_columns(fl_part *part, const fl_schema *schema, fl_arena *arena,
                              fl_part_column *columns, fl_err *err)
{
    uint32_t count = fl_schema_columns(schema);
    for (uint32_t i = 0; i < count; i++) {
        const fl_section *filters = fl_part_section_find(part, FL_SECTION_FILTERS, i);
        const fl_dictionary *dictionary;
        FL_TRY(fl_part_dictionary(part, i, &dictionary, err));
        columns[i].path = fl_str_dup(arena, fl_schema_column_name(schema, i));
        columns[i].kind = kind_names[fl_schema_column_kind(schema, i)];
        columns[i].dictionary = dictionary != NULL ? fl_dictionary_count(dictionary) : 0;
        columns[i].filter_bytes = filters != NULL ? filters->bytes : 0;
        if (columns[i].path.p == NULL) {
            FL_FAIL(err, FL_E_NOMEM, "no memory for the columns of %s", part->path);
        }
    }
    return FL_OK;
}

static int compare_columns(const void *left, const void *right)
{
    const fl_part_column *a = left, *b = right;
    uint64_t of_a = a->stored_bytes + a->filter_bytes, of_b = b->stored_bytes + b->filter_bytes;
    if (of_a != of_b) {
        return of_a > of_b ? -1 : 1;
    }
    return fl_str_cmp(a->path, b->path);
}

static fl_status read_columns(fl_part_cursor *cursor, fl_arena *arena, fl_part_column **columns,
                              size_t *count, fl_err *err)
{
    fl_part *part = cursor->part;
    const fl_schema *schema;
    FL_TRY(fl_part_schema(part, &schema, err));
    size_t n = fl_schema_columns(schema);
    fl_part_column *out = FL_ARENA_ARRAY(arena, fl_part_column, n);
    if (out == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for the columns of %s", part->path);
    }
    FL_TRY(name_columns(part, schema, arena, out, err));
    for (uint32_t i = 0; i < part->block_count; i++) {
        FL_TRY(fl_part_block_open(&cursor->block, i, true, err));
        FL_TRY(add_block(&cursor->block, out, n, err));
    }
    qsort(out, n, sizeof *out, compare_columns);
    *columns = out;
    *count = n;
    return FL_OK;
}

fl_status fl_part_columns(fl_part *part, fl_arena *arena, fl_part_column **columns, size_t *count,
                          fl_err *err)
{
    fl_part_cursor *cursor;
    FL_TRY(fl_part_cursor_new(part, &cursor, err));
    fl_status status = read_columns(cursor, arena, columns, count, err);
    fl_part_cursor_free(cursor);
    return status;
}

static void add_section(const fl_section *section, fl_part_layout *layout)
{
    switch (section->kind) {
    case FL_SECTION_SCHEMA:
        layout->schema_bytes += section->bytes;
        break;
    case FL_SECTION_DICTIONARY:
        layout->dictionary_bytes += section->bytes;
        break;
    case FL_SECTION_FILTERS:
        layout->filter_bytes += section->bytes;
        break;
    case FL_SECTION_IDS:
    case FL_SECTION_BUCKETS:
    case FL_SECTION_ID_FILTER:
        layout->index_bytes += section->bytes;
        break;
    case FL_SECTION_BLOCKS:
    case FL_SECTION_CONTINUED:
        layout->footer_bytes += section->bytes;
        break;
    }
}

fl_part_layout fl_part_layout_of(const fl_part *part)
{
    fl_part_layout layout = {
        .blocks = part->block_count, .shapes = part->shape_count, .paths = part->path_count};
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < part->block_count; i++) {
        layout.block_bytes += part->blocks[i].bytes;
    }
    for (uint32_t i = 0; i < part->section_count; i++) {
        add_section(&part->sections[i], &layout);
        bytes += part->sections[i].bytes;
    }
    layout.footer_bytes += part->file_bytes - layout.block_bytes - bytes;
    return layout;
}
