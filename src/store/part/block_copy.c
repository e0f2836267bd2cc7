/*
 * Blocks are copied whole where no row of another input belongs between theirs. Chunks stay as they
 * are: only shapes and codes of dictionaries, which are numbers of a part, are translated.
 */
#include <stdlib.h>

#include "store/part/merge_int.h"

static fl_status no_memory(fl_err *err)
{
    FL_FAIL(err, FL_E_NOMEM, "no memory to merge parts");
}

/* ---- Which columns they become */

static fl_status translate_shapes(fl_part_source *source, fl_part_writer *w, bool *known,
                                  fl_err *err)
{
    const fl_values *shapes;
    FL_TRY(fl_part_block_values(&source->cursor->block, FL_COL_SHAPE, &shapes, err));
    *known = true;
    for (uint32_t i = 0; i < shapes->count && *known; i++) {
        if ((uint64_t)shapes->ints[i] >= source->schema->shape_count) {
            FL_FAIL(err, FL_E_CORRUPT, "a shape in %s is none of its schema",
                    source->cursor->part->path);
        }
        if (fl_source_shape(source, w, (uint32_t)shapes->ints[i], known) != FL_OK) {
            return no_memory(err);
        }
    }
    return FL_OK;
}

/* Where a chunk goes; the order of columns is another one in the writer. */
typedef struct chunk_move {
    uint32_t column; /* of the writer */
    uint32_t chunk;
} chunk_move;

static int compare_moves(const void *left, const void *right)
{
    const chunk_move *a = left, *b = right;
    return a->column < b->column ? -1 : a->column > b->column;
}

static fl_status plan_moves(fl_part_source *source, chunk_move **out, fl_err *err)
{
    fl_part_block *block = &source->cursor->block;
    chunk_move *moves = FL_ARENA_ARRAY(&block->arena, chunk_move, block->chunk_count);
    if (moves == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < block->chunk_count; i++) {
        uint32_t column = block->chunks[i].column;
        moves[i].chunk = i;
        moves[i].column = column < fl_schema_columns(source->schema) ? source->columns[column] : 0;
        if (moves[i].column == 0 && column != 0) {
            FL_FAIL(err, FL_E_CORRUPT, "a block of %s has values of no span",
                    source->cursor->part->path);
        }
    }
    qsort(moves, block->chunk_count, sizeof *moves, compare_moves);
    *out = moves;
    return FL_OK;
}

/* ---- Chunks */

static fl_status move_shapes(fl_part_source *source, fl_part_writer *w, fl_err *err)
{
    const fl_values *shapes;
    fl_column *column = w->sinks[FL_COL_SHAPE].column;
    FL_TRY(fl_part_block_values(&source->cursor->block, FL_COL_SHAPE, &shapes, err));
    for (uint32_t i = 0; i < shapes->count; i++) {
        if (!fl_column_add_int(column, source->shapes[shapes->ints[i]])) {
            return no_memory(err);
        }
    }
    return fl_block_encode_column(w, FL_COL_SHAPE, err);
}

static fl_status move_codes(fl_part_source *source, fl_part_writer *w, const chunk_move *move,
                            fl_err *err)
{
    fl_part_block *block = &source->cursor->block;
    const fl_part_chunk *chunk = &block->chunks[move->chunk];
    FL_TRY(fl_source_copy_values(source, w, chunk->column, 0, chunk->values, err));
    return fl_block_encode_column(w, move->column, err);
}

static fl_status move_chunk(fl_part_source *source, fl_part_writer *w, const chunk_move *move,
                            fl_err *err)
{
    fl_part_block *block = &source->cursor->block;
    const fl_part_chunk *chunk = &block->chunks[move->chunk];
    fl_column_kind kind = w->sinks[move->column].kind;
    fl_chunk_facts facts;
    fl_str bytes, filter = {0};
    if (move->column == FL_COL_SHAPE) {
        return move_shapes(source, w, err);
    }
    FL_TRY(fl_part_chunk_bytes(block, chunk, &bytes, err));
    if (kind == FL_COLUMN_TEXT) {
        FL_TRY(fl_chunk_facts_read(kind, bytes, &facts, err));
        if (facts.uses_dictionary) {
            return move_codes(source, w, move, err);
        }
        FL_TRY(fl_part_filter(block->part, chunk->column, block->number, &filter, err));
    }
    return fl_block_copy_chunk(w, move->column, chunk->values, bytes, filter, err);
}

static fl_status move_chunks(fl_part_source *source, fl_part_writer *w, fl_err *err)
{
    const fl_part_block *block = &source->cursor->block;
    chunk_move *moves;
    FL_TRY(plan_moves(source, &moves, err));
    FL_TRY(fl_block_begin(w, block->chunk_count, err));
    for (uint32_t i = 0; i < block->chunk_count; i++) {
        FL_TRY(move_chunk(source, w, &moves[i], err));
    }
    return fl_block_end(w, err);
}

/* ---- The block */

fl_status fl_source_copy_block(fl_part_source *source, fl_part_writer *w, bool *done, fl_err *err)
{
    fl_part_block *block = &source->cursor->block;
    FL_TRY(fl_part_block_open(block, block->number, true, err));
    FL_TRY(translate_shapes(source, w, done, err));
    if (!*done) {
        return FL_OK;
    }
    FL_TRY(fl_block_close(w, err));
    w->block.rows = block->info->rows;
    w->block.records = block->info->records;
    w->block.spans = block->info->spans;
    w->block.newest = block->info->newest;
    w->info.spans += block->info->spans;
    return move_chunks(source, w, err);
}
