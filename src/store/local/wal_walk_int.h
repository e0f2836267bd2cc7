/*
 * A log file walked over from its begin to its end: good frames are given out, what is damaged is
 * told. This is how a file is read when the store starts (recover.c) and by tools that only look
 * (tools_log.c). The walk itself changes nothing on disk.
 */
#ifndef FL_STORE_LOCAL_WAL_WALK_INT_H
#define FL_STORE_LOCAL_WAL_WALK_INT_H

#include "store/local/wal_int.h"

/* What the first bytes of a file say of it. */
typedef enum fl_wal_begin {
    FL_WAL_BEGIN_SOUND,   /* perhaps with one byte mended */
    FL_WAL_BEGIN_LOST,    /* damaged, or never written; frames may follow all the same */
    FL_WAL_BEGIN_SHORT,   /* the file ends before its header does */
    FL_WAL_BEGIN_OTHER,   /* of another version of the format */
    FL_WAL_BEGIN_FOREIGN, /* no log file of fluoro */
} fl_wal_begin;

/* Bytes that were put right in memory, and where they stand in the file. */
typedef struct fl_wal_mend {
    uint64_t frame; /* offset of their frame; 0 = in the file's header */
    uint64_t offset;
    unsigned char bytes[FL_WAL_WORD];
    size_t n;
} fl_wal_mend;

typedef struct fl_wal_walk {
    fl_fs *fs;
    const char *path; /* borrowed */
    fl_file handle;
    uint64_t sequence, size;
    bool grows; /* somebody may write to it, and so cut a failed commit off */
    fl_wal_begin begin;
    uint16_t version;
    fl_wal_mend mend; /* of the header; n 0 = none */
    fl_buf window;    /* bytes of the file from window_at on */
    uint64_t window_at;
    fl_buf raw;
} fl_wal_walk;

typedef struct fl_wal_visitor {
    /* A good frame and its records. *sound = false if no fluoro wrote these: told as a damage. */
    fl_status (*frame)(void *user, uint64_t offset, const fl_wal_frame *frame, fl_str records,
                       bool *sound, fl_err *err);
    /* Something in the frame, or the header, was mended. Told before the frame. */
    void (*mended)(void *user, const fl_wal_mend *mend);
    /* Bytes beyond repair between good ones; records 0 = nobody knows how many were in them. */
    void (*damaged)(void *user, uint64_t offset, uint64_t bytes, uint32_t records);
    /* All from the offset on is of a commit that never ended. The walk ends there. */
    void (*unfinished)(void *user, uint64_t offset, uint64_t bytes);
    void *user;
} fl_wal_visitor;

/* Opens the file and reads its header: walk->begin. A walk that could not begin needs no end. */
FL_MUST fl_status fl_wal_walk_begin(fl_wal_walk *walk, fl_fs *fs, const char *path,
                                    uint64_t sequence, bool grows, fl_err *err);
void fl_wal_walk_end(fl_wal_walk *walk);
/* All of a file that is neither foreign nor of another version. */
FL_MUST fl_status fl_wal_walk_over(fl_wal_walk *walk, const fl_wal_visitor *visitor, fl_err *err);

#endif
