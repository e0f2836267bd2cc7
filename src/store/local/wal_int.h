/*
 * The bytes of the log (docs/format/log.md): file header, frames, records, and how single damages
 * are mended. Pure: no I/O, no state. `wal` (write-ahead log) keeps it apart from fl_log, the log
 * for people.
 */
#ifndef FL_STORE_LOCAL_WAL_INT_H
#define FL_STORE_LOCAL_WAL_INT_H

#include "trace/trace.h"

#define FL_WAL_VERSION            1
#define FL_WAL_FILE_HEADER_BYTES  32
#define FL_WAL_FRAME_HEADER_BYTES 64
#define FL_WAL_FRAME_RAW_BYTES    ((size_t)64 * 1024) /* a frame is closed before it passes this */
#define FL_WAL_FRAME_RECORDS_MAX  65535
#define FL_WAL_WORD               4 /* damage within one aligned word of a payload can be mended */

/* What a check found. MENDED: one damage was put right in the bytes given. */
typedef enum fl_wal_check { FL_WAL_GOOD, FL_WAL_MENDED, FL_WAL_BAD } fl_wal_check;

/* ---- File header */

typedef struct fl_wal_file_header {
    uint16_t version;
    uint16_t shard; /* of the writer; for people */
    uint64_t sequence;
} fl_wal_file_header;

void fl_wal_file_header_emit(const fl_wal_file_header *header,
                             unsigned char out[FL_WAL_FILE_HEADER_BYTES]);
/* Reads the header; a single changed byte is mended in place, *mended_at says where. BAD: the magic
 * or the checksum is wrong beyond that. The version is not judged. */
fl_wal_check fl_wal_file_header_read(unsigned char bytes[FL_WAL_FILE_HEADER_BYTES],
                                     fl_wal_file_header *out, size_t *mended_at);
/* Do the bytes begin as a log file does, whatever comes behind the magic? */
bool fl_wal_file_magic(const unsigned char bytes[FL_WAL_FILE_HEADER_BYTES]);

/* ---- Frames */

/* Where a frame stands. It is part of the header's checksum: a frame is valid at its place only. */
typedef struct fl_wal_place {
    uint64_t sequence, offset;
} fl_wal_place;

typedef struct fl_wal_frame {
    bool lz4;           /* the payload is an LZ4 block; else the raw records */
    bool begins_commit; /* first frame of its commit */
    uint16_t records;
    uint32_t stored_len; /* payload without padding */
    uint32_t raw_len;
    uint64_t first_arrival; /* of the first record; the others follow one by one */
    int64_t base_ns;        /* arrival times are relative to it */
    uint64_t payload_hash, sum, weighted_sum; /* set by fl_wal_frame_emit */
} fl_wal_frame;

static inline size_t fl_wal_padded(size_t n)
{
    return (n + 7) & ~(size_t)7;
}
/* Bytes that a frame takes in the file. */
static inline uint64_t fl_wal_frame_bytes(const fl_wal_frame *frame)
{
    return FL_WAL_FRAME_HEADER_BYTES + (uint64_t)fl_wal_padded(frame->stored_len);
}

/* Appends a frame with these raw records, compressed if that helps, to out. The caller set
 * begins_commit, records, first_arrival and base_ns; the rest is filled in. Errors stick in out. */
void fl_wal_frame_emit(fl_wal_frame *frame, fl_wal_place place, fl_str raw, fl_buf *out);

/* Reads a frame header, mending one changed byte unless mended_at is NULL. */
fl_wal_check fl_wal_frame_read(unsigned char bytes[FL_WAL_FRAME_HEADER_BYTES], fl_wal_place place,
                               fl_wal_frame *out, size_t *mended_at);
/* Could a frame header begin here? A quick test to look for one. */
bool fl_wal_frame_magic(const unsigned char *bytes);

/* Checks the payload (padded length) and mends damage within one aligned word of it. */
fl_wal_check fl_wal_payload_check(const fl_wal_frame *frame, unsigned char *payload,
                                  size_t *mended_at);
/* The raw records of a checked payload: either the payload itself or unpacked into `raw` (emptied
 * first). */
FL_MUST fl_status fl_wal_payload_open(const fl_wal_frame *frame, const unsigned char *payload,
                                      fl_buf *raw, fl_str *records, fl_err *err);

/* ---- Records */

typedef enum fl_wal_kind {
    FL_WAL_SEGMENT = 1,
    FL_WAL_LIMIT = 2,  /* the trace passed limits->trace_bytes */
    FL_WAL_FORGET = 3, /* earlier records of the trace are gone */
} fl_wal_kind;

typedef struct fl_wal_record {
    fl_wal_kind kind;
    bool begins;   /* the trace begins with it: earlier records of its id had expired */
    bool revision; /* first record of the trace in its commit */
    fl_trace_id id;
    int64_t arrival_ns;
    /* of a segment only */
    int64_t start_ns, end_ns; /* end FL_TIME_NONE while in progress */
    uint32_t json_bytes;      /* 0 = was not measured */
    fl_str document;          /* packed; borrows */
} fl_wal_record;

#define FL_WAL_RECORD_HEAD_MAX 64 /* bytes that a record takes beside its document, at most */

void fl_wal_record_emit(const fl_wal_record *record, int64_t base_ns, fl_buf *out);
/* The next record; false at bytes that emit does not write. */
bool fl_wal_record_next(fl_cur *records, int64_t base_ns, fl_wal_record *out);

/* ---- Refs: where a record lies, in 8 bytes. They sort by file slot, frame and index. */

typedef uint64_t fl_wal_ref;

#define FL_WAL_SLOTS_MAX  ((size_t)1 << 18)   /* log files at a time */
#define FL_WAL_OFFSET_MAX ((uint64_t)8 << 30) /* frames begin below it */

static inline fl_wal_ref fl_wal_ref_of(uint32_t slot, uint64_t offset, uint32_t index)
{
    return (uint64_t)slot << 46 | offset / 8 << 16 | index;
}
static inline uint32_t fl_wal_ref_slot(fl_wal_ref ref)
{
    return (uint32_t)(ref >> 46);
}
static inline uint64_t fl_wal_ref_offset(fl_wal_ref ref)
{
    return (ref >> 16 & 0x3fffffff) * 8;
}
static inline uint32_t fl_wal_ref_index(fl_wal_ref ref)
{
    return (uint32_t)(ref & 0xffff);
}

#endif
