/*
 * Inside a part (docs/format/part.md). A part has rows (pieces of traces) and spans (segments and
 * subsegments, one for each row of fl_shred); both stand in blocks. Columns have numbers: the fixed
 * ones below, then one for each path and kind of leaf that the part's documents have. What a span
 * has in which columns is said by its shape.
 *
 *   schema.c      paths and shapes, interned          section.c      the pieces of the footer
 *   block_write.c values gathered to a block          block_read.c   a block, its chunks, its spans
 *   writer.c      records → blocks, the footer        part.c         open, close, what loads late
 *   parents.c     parent ids as rows                  ids.c          trace id → row
 *   cursor.c      rows by number and place            records.c      spans → records
 *   merge.c, source.c, block_copy.c  blocks → blocks  verify.c, columns.c  for tools
 *   column_*.c    values ↔ chunks                     term.c         terms on columns
 */
#ifndef FL_STORE_PART_INT_H
#define FL_STORE_PART_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/part/column_int.h"
#include "store/part/part.h"

/* ---- Columns */

/* Columns with a meaning of their own. Part of the format: a number never changes its meaning. */
#define FL_PART_FIXED_COLUMNS(X)                                                                   \
    /* one value for each row; these stand in the head of a block */                               \
    X(ROW_EPOCH, INT, "trace.epoch")                 /* upper 32 bits of the trace id */           \
    X(ROW_HIGH, INT, "trace.id.high")                /* the next 32 bits */                        \
    X(ROW_LOW, ID, "trace.id.low")                   /* the other 64 bits */                       \
    X(ROW_TIME, INT, "trace.time")                   /* - epoch, ns */                             \
    X(ROW_START, INT, "trace.start")                 /* - time */                                  \
    X(ROW_END, INT, "trace.last_end")                /* - start; 0 if none ended */                \
    X(ROW_FIRST_ARRIVAL, INT, "trace.first_arrival") /* - start */                                 \
    X(ROW_LAST_ARRIVAL, INT, "trace.last_arrival")   /* - first arrival */                         \
    X(ROW_ARRIVAL, INT, "trace.arrival")             /* number of the last */                      \
    X(ROW_JSON_BYTES, INT, "trace.json_bytes")                                                     \
    X(ROW_RECORDS, INT, "trace.records")                                                           \
    X(ROW_REVISION, INT, "trace.revision")                                                         \
    X(ROW_FLAGS, INT, "trace.flags") /* FL_ROW_… */                                              \
    /* one for each record */                                                                      \
    X(RECORD_ARRIVAL, INT, "record.arrival") /* - the row's first arrival */                       \
    /* one for each span */                                                                        \
    X(SHAPE, INT, "shape")                                                                         \
    X(ID, ID, "id")                                                                                \
    X(START, INT, "start_time") /* of segments: - the row's start */                               \
    /* one for each span whose shape has it */                                                     \
    X(END, INT, "end_time")                                                                        \
    X(SUBSEGMENTS, INT, "subsegments")                                                             \
    X(PARENT, INT, "parent_id.row") /* spans from here to that with the id; 0: */                  \
    X(PARENT_ID, ID, "parent_id")   /* one for each 0 in PARENT */                                 \
    X(PACKED, TEXT, "(packed)")     /* a whole record, of FL_SHAPE_PACKED */

typedef enum fl_part_column_number {
#define FL_COL_ENUM(name, kind, text) FL_COL_##name,
    FL_PART_FIXED_COLUMNS(FL_COL_ENUM)
#undef FL_COL_ENUM
        FL_COL_FIXED_COUNT
} fl_part_column_number;

#define FL_COL_OF_ROWS FL_COL_RECORD_ARRIVAL /* columns below it have a value for each row */

enum { FL_ROW_LIMIT_EXCEEDED = 1, FL_ROW_NONE_ENDED = 2, FL_ROW_CONTINUES = 4 };

#define FL_PART_PATHS_MAX  4096
#define FL_PART_SHAPES_MAX 16384

/* ---- Schema */

typedef struct fl_schema_path {
    fl_str name;       /* fl_leaf.path */
    fl_leaf_kind kind; /* INT … JSON */
    uint64_t hash;
} fl_schema_path;

/* A row of the shape has value_count values, value i in columns[i]. */
typedef struct fl_schema_shape {
    fl_str bytes; /* of fl_shred; empty: FL_SHAPE_PACKED */
    uint64_t hash;
    const uint16_t *columns;
    uint16_t value_count;
    uint16_t id_value; /* which value is the id */
    bool is_segment;   /* the first span of a record */
    bool has_end, has_parent, has_subsegments;
} fl_schema_shape;

/* A record that is not taken apart: PACKED, ID and START. Its spans count as one here. */
#define FL_SHAPE_PACKED 0
#define FL_SHAPE_NONE   UINT32_MAX

typedef struct fl_schema {
    fl_arena arena;
    fl_schema_path *paths; /* of column FL_COL_FIXED_COUNT + i */
    fl_schema_shape *shapes;
    uint32_t path_count, path_capacity, shape_count, shape_capacity;
    uint32_t *path_slots, *shape_slots; /* open addressing: index + 1, 0 = free */
    uint32_t path_mask, shape_mask;
    size_t shape_bytes; /* of all shapes */
} fl_schema;

FL_MUST fl_status fl_schema_init(fl_schema *schema);
void fl_schema_fini(fl_schema *schema);
static inline uint32_t fl_schema_columns(const fl_schema *schema)
{
    return FL_COL_FIXED_COUNT + schema->path_count;
}
fl_column_kind fl_schema_column_kind(const fl_schema *schema, uint32_t column);
fl_str fl_schema_column_name(const fl_schema *schema, uint32_t column);
/* Do terms ask for its texts? Then blocks have membership filters of them. */
bool fl_schema_column_is_filtered(const fl_schema *schema, uint32_t column);
/* The column of a path; UINT32_MAX if no document has it. */
uint32_t fl_schema_find(const fl_schema *schema, fl_str name, fl_leaf_kind kind);
/* The number of a shape, new or known; FL_SHAPE_NONE if the bounds of a part are reached.
 * FL_E_CORRUPT: no shape. */
FL_MUST fl_status fl_schema_intern(fl_schema *schema, fl_str shape, uint32_t *number);
void fl_schema_emit(const fl_schema *schema, fl_buf *out);
FL_MUST fl_status fl_schema_read(fl_schema *schema, fl_str bytes, fl_err *err);

/* ---- Sections: what stands behind the blocks */

typedef enum fl_section_kind {
    FL_SECTION_SCHEMA = 1,
    FL_SECTION_BLOCKS = 2,     /* the index of blocks */
    FL_SECTION_IDS = 3,        /* trace id → row, in buckets with a checksum each */
    FL_SECTION_BUCKETS = 4,    /* where they begin */
    FL_SECTION_ID_FILTER = 5,  /* of fl_trace_id_hash */
    FL_SECTION_DICTIONARY = 6, /* of a column */
    FL_SECTION_FILTERS = 7,    /* of a column, for all blocks */
    FL_SECTION_CONTINUED = 8,  /* the rows with `continues` */
} fl_section_kind;

typedef struct fl_section {
    fl_section_kind kind;
    uint32_t column;
    uint64_t offset;
    uint32_t bytes;
    uint64_t hash; /* of the bytes */
} fl_section;

#define FL_PART_HEADER_BYTES 32
#define FL_PART_TAIL_BYTES   48

/* The directory of a block begins with its hash and its length. */
#define FL_PART_HASH_BYTES         8
#define FL_PART_DIRECTORY_AT       12
#define FL_PART_CHUNK_IN_DIRECTORY 24 /* chunks up to this size stand in it */

/* Seed of a chunk's hash: a chunk is good at its place only. */
static inline uint64_t fl_part_chunk_seed(uint64_t block_offset, uint32_t column)
{
    return block_offset * UINT64_C(0x9e3779b97f4a7c15) + column;
}

typedef struct fl_part_block_info {
    uint64_t offset;
    uint32_t bytes, head_bytes;        /* all of it; directory and columns of rows */
    uint32_t first_row, rows;          /* that begin in it */
    uint32_t records, leading_records; /* … of them belong to row first_row - 1 */
    uint32_t spans;
    fl_store_place newest; /* of its first row; of the row before, if none begins in it */
} fl_part_block_info;

/* ---- An open part */

typedef struct fl_part_late fl_part_late; /* what is loaded at first use */

struct fl_part {
    fl_fs *fs;
    char *path;
    fl_file file;
    bool is_open;
    bool unchecked; /* fl_part_open_unchecked */
    uint64_t file_bytes;
    fl_part_info info;
    fl_arena arena; /* of what follows */
    fl_section *sections;
    uint32_t section_count;
    fl_part_block_info *blocks;
    uint32_t block_count, shape_count, path_count;
    const uint32_t *buckets; /* of ids: first entry of each, and the end */
    uint32_t bucket_bits;
    const fl_section *ids;
    fl_str id_filter;
    fl_part_continued_row *continued;
    size_t continued_count;
    fl_part_late *late;
    /* under the lock of late */
    uint32_t cursors;     /* that may use what was loaded */
    fl_part_cursor *idle; /* kept for reuse */
    uint32_t idle_count;
};

/* As fl_part_open, but no checksum is looked at, now or later: for fuzzing, which would never get
 * past them. */
FL_MUST fl_status fl_part_open_unchecked(fl_fs *fs, const char *path, fl_part **out, fl_err *err);
static inline bool fl_part_hash_holds(const fl_part *part, uint64_t stored, uint64_t found)
{
    return stored == found || part->unchecked;
}

/* These load at first use; what they give stays until the last cursor is freed. Call them for the
 * part of a cursor only. */
FL_MUST fl_status fl_part_schema(fl_part *part, const fl_schema **out, fl_err *err);
FL_MUST fl_status fl_part_column_kind(fl_part *part, uint32_t column, fl_column_kind *out,
                                      fl_err *err);
/* The dictionary of a column; NULL if it has none. */
FL_MUST fl_status fl_part_dictionary(fl_part *part, uint32_t column, const fl_dictionary **out,
                                     fl_err *err);
/* The membership filter of a column for a block, for fl_filter_may_have; empty: none is there, so
 * that nothing is known. */
FL_MUST fl_status fl_part_filter(fl_part *part, uint32_t column, uint32_t block, fl_str *out,
                                 fl_err *err);
/* n bytes at offset, all of them, into arena. */
FL_MUST fl_status fl_part_read(const fl_part *part, uint64_t offset, size_t n, fl_arena *arena,
                               unsigned char **out, fl_err *err);
/* A section, checked, in arena. */
FL_MUST fl_status fl_part_section(const fl_part *part, const fl_section *section, fl_arena *arena,
                                  fl_str *out, fl_err *err);
const fl_section *fl_part_section_find(const fl_part *part, fl_section_kind kind, uint32_t column);
/* The block that a row below info.rows begins in. */
uint32_t fl_part_block_of(const fl_part *part, uint32_t row);

/* The upper half of a trace id, of ROW_EPOCH and ROW_HIGH. */
static inline uint64_t fl_part_id_high(int64_t epoch, int64_t high)
{
    return (uint64_t)epoch << 32 | ((uint64_t)high & UINT32_MAX);
}

/* Buckets of the index of ids: their number as a power of two; are their bounds in order, and the
 * section as long as they say? */
uint32_t fl_ids_bucket_bits(uint32_t rows);
bool fl_ids_are_whole(const fl_part *part);

/* Differences and sums of times wrap: what is read is what was written, whatever it was. */
static inline int64_t fl_wrapping_sub(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}
static inline int64_t fl_wrapping_add(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* ---- A block that is read */

typedef struct fl_part_chunk {
    uint32_t column, values, bytes;
    uint32_t offset;   /* in the block; of one in the directory: in there */
    uint32_t hash;     /* of the bytes, unless it stands in the directory … */
    bool in_directory; /* … whose own hash covers it */
    bool decoded;
    fl_values read;    /* all of them */
    fl_picker *picker; /* single ones; NULL = was not asked for */
} fl_part_chunk;

typedef struct fl_part_block {
    fl_part *part;
    uint32_t number; /* UINT32_MAX = none is open */
    const fl_part_block_info *info;
    fl_arena arena;
    fl_zstd *zstd;
    unsigned char *bytes; /* of the block: its head or all of it */
    uint64_t read_bytes;  /* of the file, since the cursor was made */
    uint32_t loaded;      /* how many of them; chunks beyond it are read one by one */
    fl_trace_id lead_id;  /* of the row that the leading records belong to */
    int64_t lead_start_ns, lead_first_arrival_ns;
    fl_part_chunk *chunks; /* by column, ascending */
    uint32_t chunk_count;
    uint16_t *chunk_of; /* by column, below column_count: its index + 1, 0 = none */
    uint32_t column_count;
    /* by fl_part_block_layout */
    bool laid_out;
    const fl_schema *schema;
    const int64_t *shapes; /* of each span; all of them are numbers of the schema */
    uint32_t *row_spans;   /* where the spans of entry i begin, and the end. Entry 0 are the leading
                              records, maybe none; entry 1 + i is row first_row + i */
    uint32_t *row_records; /* the same of records */
    uint32_t *record_spans; /* where records begin, and the end */
    uint32_t *next; /* by column: how many values the spans before `at` have; not of PARENT_ID */
    uint32_t at;
    uint32_t *shape_counts;      /* scratch: 0 between */
    const uint32_t *raw_parents; /* the zeros in PARENT before each of its values */
} fl_part_block;

void fl_part_block_init(fl_part_block *block, fl_part *part);
void fl_part_block_fini(fl_part_block *block);
/* Reads the head of block `number`, or all of it at once; nothing if that is open. */
FL_MUST fl_status fl_part_block_open(fl_part_block *block, uint32_t number, bool whole,
                                     fl_err *err);
/* The chunk of a column; NULL if the block has none. */
static inline fl_part_chunk *fl_part_block_chunk(const fl_part_block *block, uint32_t column)
{
    uint32_t index = column < block->column_count ? block->chunk_of[column] : 0;
    return index != 0 ? &block->chunks[index - 1] : NULL;
}
/* Its bytes, checked; read if need be. */
FL_MUST fl_status fl_part_chunk_bytes(fl_part_block *block, const fl_part_chunk *chunk, fl_str *out,
                                      fl_err *err);
/* The values of a column, decoded once; count is 0 if the block has none. */
FL_MUST fl_status fl_part_block_decode(fl_part_block *block, uint32_t column, const fl_values **out,
                                       fl_err *err);
static inline FL_MUST fl_status fl_part_block_values(fl_part_block *block, uint32_t column,
                                                     const fl_values **out, fl_err *err)
{
    const fl_part_chunk *chunk = fl_part_block_chunk(block, column);
    if (chunk != NULL && chunk->decoded) {
        *out = &chunk->read;
        return FL_OK;
    }
    return fl_part_block_decode(block, column, out, err);
}
/* Single values of a column, which the others of the chunk need not be decoded for. FL_E_CORRUPT if
 * the block has no value `index` of it. */
FL_MUST fl_status fl_part_block_pick_int(fl_part_block *block, uint32_t column, uint32_t index,
                                         int64_t *out, fl_err *err);
FL_MUST fl_status fl_part_block_pick_id(fl_part_block *block, uint32_t column, uint32_t index,
                                        uint64_t *out, fl_err *err);
/* Decodes the shapes of the spans and where rows begin: block->shapes, row_spans, row_records. */
FL_MUST fl_status fl_part_block_layout(fl_part_block *block, fl_err *err);
/* The span of each value of a column (of a path), values->count of them ascending, in the block's
 * arena. Needs the layout. FL_E_CORRUPT if the shapes want another number of values. */
FL_MUST fl_status fl_part_block_spans_of(fl_part_block *block, uint32_t column,
                                         const uint32_t **spans, fl_err *err);
/* Moves `at` and `next` to a span. Needs the layout. */
void fl_part_block_seek(fl_part_block *block, uint32_t span);
/* The values of the span `at`, as fl_shred gave them, and moves on to the next span. `start_ns` is
 * that of its row. */
FL_MUST fl_status fl_part_block_take(fl_part_block *block, int64_t start_ns, fl_value *values,
                                     fl_err *err);
/* The id that value `index` of PARENT, that of `span`, stands for. */
FL_MUST fl_status fl_part_block_parent(fl_part_block *block, uint32_t span, uint32_t index,
                                       uint64_t *id, fl_err *err);
/* The entry (see row_spans) of a span. Needs the layout. */
uint32_t fl_part_block_entry_of(const fl_part_block *block, uint32_t span);

/* ---- Cursors */

struct fl_part_cursor {
    fl_part *part;
    fl_part_cursor *next_idle;
    fl_part_block block;
    fl_arena arena; /* of one call */
    fl_joiner joiner;
    fl_buf joined;
    fl_value values[FL_SHAPE_VALUES_MAX];
    fl_shredder shredder;
};

/* Where the records of a row stand: entry of a block. */
typedef struct fl_row_walk {
    fl_part_cursor *cursor;
    uint32_t row, block, entry;
    fl_part_row facts;
} fl_row_walk;

/* The row's home, its block open with layout; open does so again if the cursor went elsewhere. */
FL_MUST fl_status fl_part_records_begin(fl_part_cursor *cursor, uint32_t row, fl_row_walk *at,
                                        fl_err *err);
FL_MUST fl_status fl_part_records_open(const fl_row_walk *at, fl_err *err);
/* To the block behind, which has more of its records; it is not open yet. */
FL_MUST fl_status fl_part_records_go_on(fl_row_walk *at, fl_err *err);
/* A record of the open block, of `row`, as packed segment; valid until the cursor is used again. */
FL_MUST fl_status fl_part_join_record(fl_part_cursor *cursor, const fl_part_row *row,
                                      uint32_t record, fl_str *packed, fl_err *err);

#endif
