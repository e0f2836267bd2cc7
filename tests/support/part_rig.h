/*
 * Parts for tests: rows with random records, written to a file system in memory, and what they must
 * give back.
 */
#ifndef FL_TESTS_SUPPORT_PART_RIG_H
#define FL_TESTS_SUPPORT_PART_RIG_H

#include "store/part/part.h"
#include "support/fault_fs.h"
#include "support/random_segment.h"

#define RIG_PATH "/parts/a.part"

/* A piece of a trace as it was given to the writer. */
typedef struct rig_piece {
    fl_part_row row;
    fl_str *packed;
    int64_t *arrivals_ns, *ends_ns;
} rig_piece;

/* In arena; `records` of them, the first with arrival number `arrival`. */
rig_piece rig_piece_of(random_segments *r, fl_trace_id id, int64_t start_ns, uint32_t records,
                       uint64_t arrival);
/* The pieces of one trace as one, in the order given. */
rig_piece rig_piece_join(fl_arena *arena, const rig_piece *pieces, size_t count);
/* Newest first, as parts want them. */
void rig_sort(rig_piece *pieces, size_t count);

void rig_write(fl_fs *fs, const char *path, const rig_piece *pieces, size_t count,
               uint32_t block_rows);
FL_MUST fl_status rig_try_write(fl_fs *fs, const char *path, const rig_piece *pieces, size_t count,
                                uint32_t block_rows);
/* The part has these rows and nothing else, by every way of reading. */
void rig_assert_part(fl_part *part, const rig_piece *pieces, size_t count);
/* fl_part_verify finds nothing. */
void rig_assert_verified(fl_part *part);

#endif
