/*
 * Reading frames back: from one open file, with buffers that are used again.
 */
#ifndef FL_STORE_LOCAL_WAL_READ_INT_H
#define FL_STORE_LOCAL_WAL_READ_INT_H

#include "store/local/local_int.h"

typedef struct fl_wal_reader {
    fl_store *store;
    fl_wal_file *file; /* the open one; NULL = none */
    fl_file handle;
    fl_buf stored, raw;
    /* the frame read last */
    fl_wal_frame frame;
    uint64_t offset;
    bool loaded;
    fl_cur records; /* not yet walked over */
    uint32_t next_index;
} fl_wal_reader;

void fl_wal_reader_init(fl_wal_reader *reader, fl_store *store);
void fl_wal_reader_fini(fl_wal_reader *reader);

/* The record of a ref and its arrival number; it borrows the reader's memory until the next call.
 * Refs in ascending order read each frame once. The file is referred to by the caller. FL_E_CORRUPT
 * says where the log is damaged; a damage that could be mended is counted and logged. */
FL_MUST fl_status fl_wal_reader_record(fl_wal_reader *reader, fl_wal_ref ref, fl_wal_record *out,
                                       uint64_t *arrival, fl_err *err);

#endif
