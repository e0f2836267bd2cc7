/*
 * What stands behind the blocks of a part, read: tail, directory of sections, index of blocks.
 */
#ifndef FL_STORE_PART_SECTION_INT_H
#define FL_STORE_PART_SECTION_INT_H

#include "store/part/write_int.h"

typedef struct fl_part_tail {
    uint64_t offset; /* of the directory of sections */
    uint32_t bytes;
    uint64_t hash;
    uint64_t file_bytes;
} fl_part_tail;

bool fl_header_holds(const unsigned char bytes[FL_PART_HEADER_BYTES]);
/* FL_E_CORRUPT, also for another version. */
FL_MUST fl_status fl_tail_read(const fl_part *part, const unsigned char bytes[FL_PART_TAIL_BYTES],
                               fl_part_tail *out, fl_err *err);
/* part->info and part->sections; the latter lie before the directory. */
FL_MUST fl_status fl_directory_read(fl_part *part, const fl_part_tail *tail, fl_str bytes,
                                    fl_err *err);
/* part->continued. */
FL_MUST fl_status fl_continued_read(fl_part *part, fl_str bytes, fl_err *err);
/* part->blocks. */
FL_MUST fl_status fl_blocks_read(fl_part *part, fl_str bytes, fl_err *err);

#endif
