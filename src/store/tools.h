/*
 * tools: what a data directory holds, file by file, without opening the store. Nothing is locked or
 * written, so it works beside a running server as well. A file that goes while it is looked at
 * (merged, settled) is FL_E_NOT_FOUND: what it held is in another one now, list again.
 */
#ifndef FL_STORE_TOOLS_H
#define FL_STORE_TOOLS_H

#include "trace/trace.h"

/* ---- Files by their names */

typedef struct fl_data_part {
    fl_str name;      /* of the file */
    const char *path; /* NUL-terminated */
    int64_t day_ns;   /* begin of the UTC day of its traces */
    uint64_t low, high;
    uint32_t level; /* merges behind it */
    bool replaced;  /* a part of a higher level has what it has: it only waits to be removed */
} fl_data_part;

typedef struct fl_data_log {
    fl_str name;
    const char *path;
    uint64_t sequence;
    uint32_t shard;
} fl_data_log;

typedef struct fl_data_dir {
    fl_data_part *parts; /* by day, then low, then level */
    size_t part_count;
    fl_data_log *logs; /* by sequence */
    size_t log_count;
    fl_str *unfinished; /* parts that are being written, or were when a process ended: parts/… */
    size_t unfinished_count;
    fl_str *strangers; /* names that fluoro does not give: parts/…, log/… */
    size_t stranger_count;
} fl_data_dir;

/* Lists them, in arena. FL_E_NOT_FOUND: there is no such directory, or none of fluoro's; err tells
 * what to do. */
FL_MUST fl_status fl_data_list(fl_fs *fs, const char *dir, fl_arena *arena, fl_data_dir *out,
                               fl_err *err);

/* ---- Parts */

/* What a column takes over all blocks. */
typedef struct fl_data_column {
    fl_str path;      /* http.request.url, annotations.tenant, trace.id, … */
    const char *kind; /* id, integer, text */
    uint64_t values, raw_bytes, stored_bytes;
    uint64_t dictionary; /* entries in the part's dictionary */
    uint64_t filter_bytes;
} fl_data_column;

typedef struct fl_data_part_facts {
    uint64_t traces, segments, spans; /* pieces of traces; documents; with embedded subsegments */
    uint64_t file_bytes, packed_bytes;
    int64_t oldest_ns, newest_ns; /* trace times */
    uint64_t blocks, shapes, paths;
    uint64_t block_bytes, schema_bytes, dictionary_bytes, filter_bytes, index_bytes, footer_bytes;
    fl_data_column *columns; /* largest first; NULL if they were not asked for */
    size_t column_count;
} fl_data_part_facts;

/* From the footer; columns, if wanted, from all blocks. What is not a number is in arena.
 * FL_E_CORRUPT: damaged. FL_E_CONFIG: of another version. */
FL_MUST fl_status fl_data_part_read(fl_fs *fs, const fl_data_part *part, bool with_columns,
                                    fl_arena *arena, fl_data_part_facts *out, fl_err *err);

/* ---- Verifying */

/* Gets each flaw with its place in the file, without the file's name; text is borrowed. */
typedef void fl_data_problem_fn(void *user, const char *text);

/* Reads the whole part and checks all of it. Flaws are no error; *problems counts them. What is no
 * part at all (FL_E_CORRUPT of fl_data_part_read) is one flaw. */
FL_MUST fl_status fl_data_part_verify(fl_fs *fs, const fl_data_part *part,
                                      fl_data_problem_fn *problem, void *user, uint64_t *problems,
                                      fl_err *err);

/* ---- The log */

typedef struct fl_data_log_facts {
    uint64_t bytes, frames, records, segments;
    int64_t first_arrival_ns, last_arrival_ns; /* FL_TIME_NONE if there is no record */
    uint64_t mended;                           /* frames with a damage that a checksum mends */
    uint64_t damaged_bytes;                    /* beyond repair, between good frames */
    uint64_t unfinished_bytes; /* of a commit at the end that never ended, or is under way */
} fl_data_log_facts;

/* Reads the file as a start of the server would. `problem` (may be NULL) gets each damage; an
 * unfinished commit is none. */
FL_MUST fl_status fl_data_log_read(fl_fs *fs, const fl_data_log *log, fl_data_problem_fn *problem,
                                   void *user, fl_data_log_facts *out, fl_err *err);

#endif
