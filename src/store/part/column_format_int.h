/*
 * How integers, bytes and lists of texts are written inside of chunks and dictionaries
 * (docs/format/part.md, "Chunks"). Every piece ends by itself; how many values it has is known to
 * the reader, who was told it or read it before.
 */
#ifndef FL_STORE_PART_COLUMN_FORMAT_INT_H
#define FL_STORE_PART_COLUMN_FORMAT_INT_H

#include "store/part/column_int.h"
#include "store/part/pattern_int.h"

#define FL_CHUNK_SCRATCH_MAX ((size_t)1 << 30)

struct fl_column_encoder {
    fl_zstd *zstd;
    fl_buf packed; /* what zstd made of one piece */
    /* Memory of one chunk: from `region`, which is kept and grows to what chunks take, and what
     * does not fit from the arena. */
    unsigned char *region;
    size_t region_bytes, region_used, arena_used;
    fl_arena arena;
};

/* Uninitialised; valid until fl_scratch_reset. NULL without memory. */
FL_MUST void *fl_scratch_alloc(fl_column_encoder *encoder, size_t bytes);
FL_MUST void *fl_scratch_zalloc(fl_column_encoder *encoder, size_t bytes);
void fl_scratch_reset(fl_column_encoder *encoder);

/* A place in a chunk, and what reading on takes. */
typedef struct fl_chunk_reader {
    fl_cur cur;
    fl_arena *arena;
    fl_zstd *zstd;
} fl_chunk_reader;

/* ---- Bytes whose number the reader knows */

FL_MUST fl_status fl_bytes_encode(fl_column_encoder *encoder, fl_str raw, int level, fl_buf *out,
                                  fl_err *err);
/* Borrows from the chunk, or in the arena. */
FL_MUST fl_status fl_bytes_read(fl_chunk_reader *reader, size_t count, fl_str *out, fl_err *err);
/* The same in two steps: what is not looked at need not be unpacked. */
typedef struct fl_stored_bytes {
    fl_str at;
    bool packed;
} fl_stored_bytes;
FL_MUST fl_status fl_bytes_open(fl_chunk_reader *reader, size_t count, fl_stored_bytes *out,
                                fl_err *err);
FL_MUST fl_status fl_bytes_unpack(const fl_chunk_reader *reader, size_t count,
                                  fl_stored_bytes *bytes, fl_err *err);

/* ---- Integers */

typedef enum fl_ints_form {
    FL_INTS_PACKED,   /* each in as many bits as the range takes */
    FL_INTS_PLANES,   /* all lowest bytes, all second bytes, …; each raw or through zstd */
    FL_INTS_SEQUENCE, /* equal steps upwards */
    FL_INTS_DELTAS,   /* the first, and the integers of the differences */
    FL_INTS_RUNS,     /* the integers of lengths, and those of the values of runs of one value */
    FL_INTS_FORMS
} fl_ints_form;

/* The first bytes of integers: value = low + unit * number, all numbers in 0 … range. A range of 0
 * ends them: all are `low`. */
typedef struct fl_ints_head {
    fl_ints_form form;
    int64_t low;
    uint64_t range;
    uint64_t unit;
} fl_ints_head;

#define FL_INTS_UNITS 4
extern const uint64_t fl_ints_units[FL_INTS_UNITS]; /* by their code in the first byte */

/* None: nothing is written. */
FL_MUST fl_status fl_ints_encode(fl_column_encoder *encoder, const int64_t *values, size_t count,
                                 fl_buf *out, fl_err *err);
FL_MUST fl_status fl_ints_encode_u32(fl_column_encoder *encoder, const uint32_t *values,
                                     size_t count, fl_buf *out, fl_err *err);
FL_MUST fl_status fl_ints_head_read(fl_cur *cur, fl_ints_head *out, fl_err *err);
/* Those of a reader are valid as long as its arena, and borrow from the chunk. */
FL_MUST fl_status fl_ints_read(fl_chunk_reader *reader, uint32_t count, int64_t **out, fl_err *err);
/* All of them below `limit`, else FL_E_CORRUPT. */
FL_MUST fl_status fl_ints_read_u32(fl_chunk_reader *reader, uint32_t count, uint32_t limit,
                                   uint32_t **out, fl_err *err);

/* Integers of which single ones are asked for. */
#define FL_INTS_PLANES_MAX 8
typedef struct fl_ints {
    fl_ints_head head;
    uint32_t count;
    fl_str packed;                              /* PACKED */
    fl_stored_bytes planes[FL_INTS_PLANES_MAX]; /* PLANES, from the lowest on */
    uint64_t *numbers; /* of other forms: all, which may be beyond the range */
} fl_ints;
/* Reads on behind them; what is packed stays so until fl_ints_unpack, which may be called again. */
FL_MUST fl_status fl_ints_open(fl_chunk_reader *reader, uint32_t count, fl_ints *out, fl_err *err);
FL_MUST fl_status fl_ints_unpack(const fl_chunk_reader *reader, fl_ints *ints, fl_err *err);
/* Number i below count of unpacked integers; false: it is beyond what the head tells. */
bool fl_ints_at(const fl_ints *ints, uint32_t i, int64_t *out);

/* Is the form RUNS? Then the values of the runs say what there is, without how often. */
bool fl_ints_are_runs(fl_cur cur);
FL_MUST fl_status fl_ints_read_runs(fl_chunk_reader *reader, uint32_t count, int64_t **values,
                                    uint32_t *runs, fl_err *err);

/* ---- Lists of texts */

typedef enum fl_texts_form {
    FL_TEXTS_PLAIN,    /* lengths, then all bytes */
    FL_TEXTS_PATTERNS, /* the patterns (pattern_int.h), the number of each text's, their numbers */
    FL_TEXTS_FORMS
} fl_texts_form;

/* Where the numbers of patterns are: in streams, each of the numbers of one field in the order of
 * the texts. A pattern of FL_STREAM_MIN texts has a stream for each field; the fields of rarer ones
 * share the first FL_STREAM_SHARED streams, by kind and by their place in the pattern. */
#define FL_STREAM_MIN    32
#define FL_STREAM_SHARED 16

typedef struct fl_streams {
    fl_pattern_piece *pieces; /* of pattern p: from first[p], the last without a field */
    uint32_t *stream_of;      /* each piece's */
    uint32_t *first;
    uint32_t *sizes; /* numbers of each stream */
    uint32_t count;
} fl_streams;

/* Literals may be copied in steps of so many bytes: there is room behind the last. */
#define FL_LITERAL_STEP 16

/* In arena, literals included. FL_E_CORRUPT: a malformed pattern. */
FL_MUST fl_status fl_streams_plan(fl_arena *arena, const fl_str *patterns, const uint32_t *uses,
                                  uint32_t count, fl_streams *out, fl_err *err);

FL_MUST fl_status fl_texts_encode(fl_column_encoder *encoder, const fl_str *texts, size_t count,
                                  fl_buf *out, fl_err *err);
/* The texts are in the arena or borrow from the chunk; of those without .p, the joiner makes each
 * at its time: most readers want a few of a block. *joiner is NULL if all are there. */
FL_MUST fl_status fl_texts_read(fl_chunk_reader *reader, uint32_t count, fl_str **out,
                                fl_text_joiner **joiner, fl_err *err);
fl_str fl_text_join(fl_text_joiner *joiner, uint32_t text);

/* A list of which single texts are asked for. */
typedef struct fl_text_list fl_text_list;
FL_MUST fl_status fl_text_list_open(fl_chunk_reader *reader, uint32_t count, fl_text_list **out,
                                    fl_err *err);
/* Text i below count, in the arena or borrowed from the chunk. */
FL_MUST fl_status fl_text_list_at(fl_text_list *list, uint32_t i, fl_str *out, fl_err *err);

/* ---- Forms of the chunks of a kind; the first byte, but for INT, which has one form */

typedef enum fl_id_form {
    FL_ID_RAW,  /* eight bytes each */
    FL_ID_INTS, /* integers: they do not look that random */
    FL_ID_FORMS
} fl_id_form;

typedef enum fl_text_form {
    FL_TEXT_DICTIONARY, /* integers: codes of the part's dictionary */
    FL_TEXT_NUMBERS, /* decimals: the largest scale, integers in units of it, integers of the scales
                      */
    FL_TEXT_LIST,    /* a count, ages of codes, so many texts in the order of their first use */
    FL_TEXT_FORMS
} fl_text_form;

/* How many texts a list has and which of them each of `count` values is, from their ages; the texts
 * follow. */
FL_MUST fl_status fl_list_codes_read(fl_chunk_reader *reader, uint32_t count, uint32_t *distinct,
                                     uint32_t **codes, fl_err *err);

/* ---- Dictionary, while it is written */

typedef enum fl_intern_result {
    FL_INTERN_IS_IN,
    FL_INTERN_IS_NOT, /* it is closed, or the text too long */
    FL_INTERN_NO_MEMORY,
} fl_intern_result;
FL_MUST fl_intern_result fl_dictionary_intern(fl_dictionary *dictionary, fl_str text,
                                              uint32_t *code);

/* ---- Columns */

/* A text of a column that is not the dictionary's. */
typedef struct fl_local_text {
    size_t begin;
    uint32_t n;
} fl_local_text;

#define FL_REF_LOCAL                                                                               \
    UINT32_C(0x80000000) /* a text's number among the column's own, else a code                    \
                          */

struct fl_column {
    fl_column_kind kind;
    bool filtered;
    fl_dictionary *dictionary;
    uint32_t count, capacity;
    size_t bytes;
    int64_t *ints;  /* of INT and, as their bits, ID */
    uint32_t *refs; /* of TEXT */
    fl_local_text *locals;
    uint32_t local_count, local_capacity;
    fl_buf text; /* of locals */
};

fl_str fl_column_text(const fl_column *column, uint32_t ref);

/* ---- Texts that are decimal numbers: the integers are in units of 10^-scale */

#define FL_DECIMAL_DIGITS 18

/* "-12.50" → -1250 and 2, if no other text gives that; false otherwise. */
bool fl_decimal_parse(fl_str text, int64_t *value, unsigned *scale);
#define FL_DECIMAL_TEXT_MAX (FL_DECIMAL_DIGITS + 3) /* with sign, point and a zero before it */
/* The text of a value in units of 10^-largest, with `scale` digits behind the point; returns its
 * end, NULL if no text has that value. */
char *fl_decimal_put(char *to, int64_t value, unsigned largest, unsigned scale);
/* 10 to the power of 0 … FL_DECIMAL_DIGITS. */
extern const int64_t fl_decimal_powers[FL_DECIMAL_DIGITS + 1];

#endif
