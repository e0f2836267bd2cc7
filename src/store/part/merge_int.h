/*
 * Copying spans from the blocks of an open part to a writer, without taking records apart or
 * joining them: what merges are made of.
 */
#ifndef FL_STORE_PART_MERGE_INT_H
#define FL_STORE_PART_MERGE_INT_H

#include "store/part/write_int.h"

/* One input of a merge: how its numbers translate to the writer's. */
typedef struct fl_part_source {
    fl_part_cursor *cursor;
    const fl_schema *schema;
    uint32_t *shapes;   /* of the input → of the writer; FL_SHAPE_NONE = not known yet, or … */
    bool *refused;      /* … beyond the bounds of the writer's schema */
    uint16_t *columns;  /* of the shapes known so far */
    uint32_t **recodes; /* of dictionary codes, by column of the input; see fl_column_add_values */
    /* The range of spans that was walked and whose values are not copied yet: it grows over rows
     * that follow each other, so that each column is touched once for all of them. */
    uint32_t first, end;
    int64_t later_ns;  /* starts of segments move by it */
    uint32_t *counts;  /* by column: values in the range; 0 between */
    uint32_t *firsts;  /* by column: the first of them */
    uint16_t *touched; /* the columns with some */
    uint32_t touched_count;
} fl_part_source;

FL_MUST fl_status fl_source_init(fl_part_source *source, fl_part *part, fl_err *err);
void fl_source_fini(fl_part_source *source);

/* All records of a row of the input, to the writer's current row. The values of the last of them
 * may wait: flush before the writer's block is closed, before it gets spans of others, and before
 * the source's cursor goes to another block. */
FL_MUST fl_status fl_source_copy_row(fl_part_source *source, uint32_t row, fl_part_writer *writer,
                                     fl_err *err);
FL_MUST fl_status fl_source_flush(fl_part_source *source, fl_part_writer *writer, fl_err *err);

/* All of the block that the source's cursor stands in, whose rows all begin and end in it: closes
 * the writer's block and writes this one. The rows are the caller's to note (fl_part_note_row).
 * *done is false, and nothing was written, if the writer has no room for its shapes. */
FL_MUST fl_status fl_source_copy_block(fl_part_source *source, fl_part_writer *writer, bool *done,
                                       fl_err *err);

/* source->shapes[shape], the writer's number of a shape of the input, made if need be; *known is
 * false if the writer has no room for it. */
FL_MUST fl_status fl_source_shape(fl_part_source *source, fl_part_writer *writer, uint32_t shape,
                                  bool *known);
/* Values of a column of the open block to that of the writer. */
FL_MUST fl_status fl_source_copy_values(fl_part_source *source, fl_part_writer *writer,
                                        uint32_t column, uint32_t first, uint32_t count,
                                        fl_err *err);

#endif
