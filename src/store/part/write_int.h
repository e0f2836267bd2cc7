/*
 * A part that is written: values gathered column by column until a block is full, and what has to
 * be remembered until the footer. Records come from writer.c, ranges of blocks from merge.c.
 */
#ifndef FL_STORE_PART_WRITE_INT_H
#define FL_STORE_PART_WRITE_INT_H

#include "store/part/part_int.h"

/* Bytes of texts after which a block is closed, however few spans it has. */
#define FL_BLOCK_TEXT_BYTES_MAX ((size_t)2 << 20)

/* ---- Parents: the ids of the current trace's spans in the block, and who asked for which */

typedef struct fl_parent_request {
    uint32_t span;
    uint64_t id;
} fl_parent_request;

typedef struct fl_parents {
    uint64_t *ids; /* of spans first, first + 1, … of the block */
    uint32_t first, count, capacity;
    fl_parent_request *requests; /* by span */
    uint32_t request_count, request_capacity;
    uint32_t *slots; /* hash of an id → its span - first + 1 */
    uint32_t slot_capacity;
} fl_parents;

void fl_parents_fini(fl_parents *parents);
/* The next span's id; false without memory. */
FL_MUST bool fl_parents_add(fl_parents *parents, uint64_t id);
/* The span added last has a parent_id. */
FL_MUST bool fl_parents_request(fl_parents *parents, uint64_t parent_id);
/* Fills the columns PARENT and PARENT_ID with what was asked for, and forgets all; the next span is
 * number `next`. */
FL_MUST bool fl_parents_resolve(fl_parents *parents, uint32_t next, fl_column *rows,
                                fl_column *raw);

/* ---- The writer */

/* What is gathered of a column. */
typedef struct fl_part_sink {
    fl_column_kind kind;
    fl_column *column;
    fl_dictionary *dictionary;    /* NULL: has none */
    fl_buf filter_index, filters; /* of blocks written: varint block - previous, varint bytes */
    uint32_t filter_block, filter_count; /* the last one with a filter + 1; how many have one */
} fl_part_sink;

struct fl_part_writer {
    fl_fs *fs;
    char *path;
    fl_file file;
    bool is_open;
    uint32_t block_rows;
    uint64_t offset; /* of the next block */
    fl_schema schema;
    fl_part_sink *sinks; /* by column number */
    uint32_t sink_count;
    fl_column_encoder *encoder;
    /* the block that is gathered */
    fl_part_block_info block;
    size_t text_bytes;
    fl_parents parents;
    fl_part_row lead; /* the row of the leading records */
    /* the row that is gathered */
    fl_part_row row;
    uint32_t records_due;
    fl_shredder shredder;
    uint32_t *numbers; /* of its rows' shapes */
    uint32_t number_capacity;
    /* the footer to be */
    fl_part_block_info *blocks;
    uint32_t block_count, block_capacity;
    uint64_t *hashes; /* of the rows' ids */
    uint32_t hash_capacity;
    fl_part_continued_row *continued; /* rows that say so */
    uint32_t continued_count, continued_capacity;
    fl_part_info info;
    fl_section *sections;
    uint32_t section_count, section_capacity;
    /* the block that is written: its directory and its chunks */
    fl_buf head, body;
    uint32_t last_column; /* that got a chunk */
    size_t row_bytes;     /* of body: columns of rows */
};

/* Grows *items to hold one more than count; false without memory. */
FL_MUST bool fl_part_grow(void **items, uint32_t *capacity, uint32_t count, size_t item_bytes);

/* The sink of a column, made if need be; NULL without memory. */
fl_part_sink *fl_part_sink_of(fl_part_writer *writer, uint32_t column);
/* A row's facts go to the columns of rows. */
FL_MUST fl_status fl_block_add_row(fl_part_writer *writer, const fl_part_row *row, fl_err *err);
/* A record of the writer's row is to come: closes the block if it is full. */
FL_MUST fl_status fl_block_begin_record(fl_part_writer *writer, fl_err *err);
/* It came, with arrival. */
FL_MUST fl_status fl_block_end_record(fl_part_writer *writer, int64_t arrival_ns, fl_err *err);
/* No more spans of the current row come to the block. */
FL_MUST fl_status fl_block_end_row(fl_part_writer *writer, fl_err *err);
/* No row is to begin in the block. */
static inline bool fl_block_is_full(const fl_part_writer *writer)
{
    return writer->block.spans >= writer->block_rows || writer->block.rows >= writer->block_rows ||
           writer->text_bytes >= FL_BLOCK_TEXT_BYTES_MAX;
}
/* Nor is a record to: a row that began may fill another quarter, so that few rows stand in two
 * blocks. */
static inline uint32_t fl_block_spans_max(const fl_part_writer *writer)
{
    return writer->block_rows + writer->block_rows / 4;
}
static inline bool fl_block_is_overfull(const fl_part_writer *writer)
{
    return writer->block.spans >= fl_block_spans_max(writer) ||
           writer->text_bytes >= FL_BLOCK_TEXT_BYTES_MAX;
}
/* Writes the block that was gathered, if there is anything in it, and begins the next. */
FL_MUST fl_status fl_block_close(fl_part_writer *writer, fl_err *err);

/* The same in steps, for chunks that are there already. Between begin and end, chunks follow by
 * column, ascending: of what was gathered in a column, or `bytes` as they stand with their
 * membership filter (empty: none). The facts in writer->block are the caller's. */
FL_MUST fl_status fl_block_begin(fl_part_writer *writer, uint32_t chunk_count, fl_err *err);
FL_MUST fl_status fl_block_encode_column(fl_part_writer *writer, uint32_t column, fl_err *err);
FL_MUST fl_status fl_block_copy_chunk(fl_part_writer *writer, uint32_t column, uint32_t values,
                                      fl_str bytes, fl_str filter, fl_err *err);
FL_MUST fl_status fl_block_end(fl_part_writer *writer, fl_err *err);

/* What the footer has to tell of a row, whose block is written by the caller; checks its order. */
FL_MUST fl_status fl_part_note_row(fl_part_writer *writer, const fl_part_row *row, fl_err *err);

/* A record of the current row: its spans, or as a whole if they have shapes beyond the bounds. */
FL_MUST fl_status fl_part_add_record(fl_part_writer *writer, fl_str packed, int64_t arrival_ns,
                                     fl_err *err);

/* Writes header, sections and tail, and completes writer->info. */
FL_MUST fl_status fl_footer_write(fl_part_writer *writer, fl_err *err);
/* The index from trace ids to rows, of hashes in the order of rows: entries, and where buckets
 * begin.
 */
FL_MUST fl_status fl_ids_emit(const uint64_t *hashes, uint32_t count, fl_buf *entries,
                              fl_buf *buckets, fl_err *err);

#endif
