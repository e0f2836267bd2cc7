/*
 * store/part: immutable part files, the settled form of traces (docs/format/part.md).
 *
 * A part holds whole records (packed segments) of many traces, one row a trace, newest first, and
 * one row a segment or subsegment, a trace's together. It knows nothing of other parts, of the log
 * or of threads: store/local puts parts together. A trace may have pieces in several parts; here a
 * "trace" is the piece that this part has.
 *
 * A part is written by one thread. An open part may be used by many threads at once; a cursor
 * belongs to one at a time. Every byte that is read was checked: FL_E_CORRUPT says the file and the
 * place.
 */
#ifndef FL_STORE_PART_H
#define FL_STORE_PART_H

#include "store/store.h"

#define FL_PART_VERSION  1
#define FL_PART_ROW_NONE UINT32_MAX

/* ---- A row: what a part knows of its piece of a trace */

typedef struct fl_part_row {
    fl_trace_id id;
    int64_t time_ns, start_ns; /* its place (fl_store_place) */
    int64_t last_end_ns;       /* FL_TIME_NONE if none ended */
    int64_t first_arrival_ns, last_arrival_ns;
    uint64_t last_arrival; /* arrival number of the last record. Those before it count as the
                              numbers just below: they order records of a trace across its pieces */
    uint64_t json_bytes;   /* compact JSON of those records that were measured */
    uint32_t record_count, revision;
    bool limit_exceeded;
    bool continues; /* other parts had pieces of the trace when this was written. The footer lists
                       such rows (fl_part_continued), so that opening need not look for them */
} fl_part_row;

static inline fl_store_place fl_part_place(const fl_part_row *row)
{
    return (fl_store_place){row->time_ns, row->start_ns, row->id};
}

/* ---- Writing */

typedef struct fl_part_writer fl_part_writer;

typedef struct fl_part_options {
    uint32_t block_rows; /* segment rows after which a block is closed; 0 = the default */
} fl_part_options;

/* What is known of a part without reading on; also kept in its footer. */
typedef struct fl_part_info {
    uint32_t rows;                     /* pieces of traces */
    uint64_t records, spans;           /* documents; segments and subsegments */
    uint64_t file_bytes, packed_bytes; /* of the file; of the records as packed segments */
    fl_store_place newest, oldest;     /* of its rows */
    int64_t basis_min_ns,
        basis_max_ns; /* of max(time, last arrival) of its rows: what retention counts from */
    uint32_t epoch_min, epoch_max; /* of the upper 32 bits of its trace ids */
    uint64_t arrival_max;          /* highest last_arrival */
} fl_part_info;

/* Begins a new file; it must not exist. `fs` and `path` outlive the writer only as long as it
 * lives (path is copied). Memory: about two blocks, dictionaries, membership filters (a byte or two
 * a span) and 8 bytes a row; a merge has up to 32 bytes a row beside, until its first row is
 * written. */
FL_MUST fl_status fl_part_writer_new(fl_fs *fs, const char *path, const fl_part_options *options,
                                     fl_part_writer **out, fl_err *err);
/* The next trace; rows come newest first, strictly descending by place. Then exactly
 * row->record_count records follow, by arrival. arrival_ns lies within the row's bounds. */
FL_MUST fl_status fl_part_writer_row(fl_part_writer *writer, const fl_part_row *row, fl_err *err);
/* FL_E_CORRUPT if it is no packed segment of that trace; then only fl_part_writer_free is allowed,
 * as after any other error. */
FL_MUST fl_status fl_part_writer_record(fl_part_writer *writer, fl_str packed, int64_t arrival_ns,
                                        fl_err *err);
/* Writes the rest and forces the file (not its name) to the disk. At least one row was written. */
FL_MUST fl_status fl_part_writer_finish(fl_part_writer *writer, fl_part_info *info, fl_err *err);
/* Closes and frees, finished or not; an unfinished file is left for the caller to remove. NULL is
 * fine. */
void fl_part_writer_free(fl_part_writer *writer);

/* ---- Reading */

typedef struct fl_part fl_part;

/* Reads and checks the footer. FL_E_CORRUPT: damaged. FL_E_CONFIG: of another version, which err
 * tells. `fs` outlives the part. */
FL_MUST fl_status fl_part_open(fl_fs *fs, const char *path, fl_part **out, fl_err *err);
void fl_part_close(fl_part *part); /* NULL is fine */
const fl_part_info *fl_part_info_of(const fl_part *part);
const char *fl_part_path(const fl_part *part);
/* Bytes of memory that the open part holds (index, filters, dictionaries that were loaded). */
size_t fl_part_memory(const fl_part *part);
/* Gives back what can be loaded again and nobody uses now. */
void fl_part_trim(fl_part *part);

/* Could the part have the trace? From memory alone; a few false positives in a thousand. */
bool fl_part_may_have(const fl_part *part, fl_trace_id id);
/* The trace's row; FL_PART_ROW_NONE if it has none. FL_E_CORRUPT: it was not found, but may stand
 * in a block that cannot be read. */
FL_MUST fl_status fl_part_find(fl_part *part, fl_trace_id id, uint32_t *row, fl_err *err);

/* The rows with `continues`, ascending, and their ids; owned by the part. */
typedef struct fl_part_continued_row {
    fl_trace_id id;
    uint32_t row;
} fl_part_continued_row;
const fl_part_continued_row *fl_part_continued(const fl_part *part, size_t *count);

/* A place in a part, with the block that it stands in decoded. Its memory is bounded by a block. */
typedef struct fl_part_cursor fl_part_cursor;
FL_MUST fl_status fl_part_cursor_new(fl_part *part, fl_part_cursor **out, fl_err *err);
void fl_part_cursor_free(fl_part_cursor *cursor);                 /* NULL is fine */
uint64_t fl_part_cursor_read_bytes(const fl_part_cursor *cursor); /* of the file, so far */

/* The first row that stands strictly behind (is older than) `place`; info.rows if none does. With
 * FL_E_CORRUPT *row is the first one behind the block that cannot be read. */
FL_MUST fl_status fl_part_seek(fl_part_cursor *cursor, const fl_store_place *place, uint32_t *row,
                               fl_err *err);
FL_MUST fl_status fl_part_row_at(fl_part_cursor *cursor, uint32_t row, fl_part_row *out,
                                 fl_err *err);
/* The first row behind the block that a row below info.rows begins in: where to go on if that
 * cannot be read. */
uint32_t fl_part_next_block(const fl_part *part, uint32_t row);

/* The row's records from number `first` (0 …) on, at most `limit`, by arrival. `each` gets a packed
 * segment that is valid during the call; an error of it ends the reading and is returned. */
typedef fl_status fl_part_record_fn(void *user, fl_str packed, int64_t arrival_ns, fl_err *err);
FL_MUST fl_status fl_part_records(fl_part_cursor *cursor, uint32_t row, uint32_t first,
                                  uint32_t limit, fl_part_record_fn *each, void *user, fl_err *err);
/* Ends (FL_TIME_NONE while in progress) and arrivals of all records of the row, in pieces; valid
 * during the call; false from `each` ends the reading. */
typedef bool fl_part_times_fn(void *user, const int64_t *ends_ns, const int64_t *arrivals_ns,
                              size_t count);
FL_MUST fl_status fl_part_times(fl_part_cursor *cursor, uint32_t row, fl_part_times_fn *each,
                                void *user, fl_err *err);

/* ---- Terms (fl_store_term, store.h) */

/* Terms made ready for one part: dictionary codes, hashes. Valid as long as cursor and terms. */
typedef struct fl_part_match fl_part_match;
FL_MUST fl_status fl_part_match_new(fl_part_cursor *cursor, const fl_store_term *terms,
                                    size_t count, fl_part_match **out, fl_err *err);
void fl_part_match_free(fl_part_match *match); /* NULL is fine */
/* The first row >= *row in which all terms hold, each in some segment of the piece; info.rows if
 * there is none. Blocks that cannot hold one are not read. With FL_E_CORRUPT *row is the first one
 * behind those that cannot be judged, which are of one block. */
FL_MUST fl_status fl_part_match_next(fl_part_match *match, uint32_t *row, fl_err *err);
/* Which terms hold in this row: bit i for terms[i]. */
FL_MUST fl_status fl_part_match_row(fl_part_match *match, uint32_t row, uint64_t *held,
                                    fl_err *err);
/* The same for one packed segment with its subsegments, wherever it stands; adds bits to *held. */
FL_MUST fl_status fl_part_match_packed(fl_str packed, const fl_store_term *terms, size_t count,
                                       uint64_t *held, fl_err *err);

/* ---- Merging */

typedef struct fl_part_merge {
    fl_part *const *inputs;
    size_t count;
    /* false leaves the trace out; the row is that of all its pieces in the inputs. It may change
     * row->continues, which is true if it was for one of the pieces. NULL = all stay. */
    bool (*keep)(void *user, fl_part_row *row);
    /* Was the trace gone when the next piece of it came? Then the pieces before are left out. NULL
     * = never. */
    bool (*begins_anew)(void *user, const fl_part_row *before, const fl_part_row *next);
    /* Asked about each block; false ends the merge with FL_E_SHUTDOWN. NULL = go on. */
    bool (*go_on)(void *user);
    void *user;
} fl_part_merge;
/* Writes what the inputs have, pieces of one trace as one row (records by last_arrival of their
 * pieces; times and counts of all). Copies columns, not documents. info->rows is 0, and the file
 * is not there, if nothing was kept. After an error the caller removes the file. */
FL_MUST fl_status fl_part_merge_to(const fl_part_merge *merge, fl_fs *fs, const char *path,
                                   const fl_part_options *options, fl_part_info *info, fl_err *err);
/* The row of several pieces of a trace together; pieces sorted by last_arrival. */
fl_part_row fl_part_row_join(const fl_part_row *pieces, size_t count);

/* ---- For tools */

/* Reads everything and checks it: sections, blocks, each record unpacked, the order and the facts
 * of rows, index and filters. `problem` gets every flaw; the result counts them. */
FL_MUST fl_status fl_part_verify(fl_part *part, void (*problem)(void *user, const char *text),
                                 void *user, uint64_t *problems, fl_err *err);

typedef struct fl_part_column {
    fl_str path;      /* http.request.url, annotations.tenant, trace.id, … */
    const char *kind; /* id, integer, text */
    uint64_t values, raw_bytes, stored_bytes; /* over all blocks */
    uint32_t dictionary;                      /* its entries in the part's dictionary */
    uint64_t filter_bytes;
} fl_part_column;
/* What each column takes, largest first, in arena. */
FL_MUST fl_status fl_part_columns(fl_part *part, fl_arena *arena, fl_part_column **columns,
                                  size_t *count, fl_err *err);
typedef struct fl_part_layout {
    uint32_t blocks, shapes, paths;
    uint64_t block_bytes, schema_bytes, dictionary_bytes, filter_bytes, index_bytes, footer_bytes;
} fl_part_layout;
fl_part_layout fl_part_layout_of(const fl_part *part);

#endif
