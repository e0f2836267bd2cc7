/*
 * Columns: the values of one path, gathered for a block, encoded into a chunk, and read back
 * (docs/format/part.md, "Chunks"). What a path means is nobody's business here.
 */
#ifndef FL_STORE_PART_COLUMN_INT_H
#define FL_STORE_PART_COLUMN_INT_H

#include "codec/codec.h"

/* Bytes and number of the values of one chunk: more are refused by the encoder and by readers. A
 * block should be closed long before. */
#define FL_COLUMN_BYTES_MAX  ((size_t)64 << 20)
#define FL_COLUMN_VALUES_MAX (UINT32_C(1) << 24)

/* What encoding needs beside a column: a zstd context and scratch memory that grows to what the
 * largest chunk takes. One for a whole writer; one thread at a time. */
typedef struct fl_column_encoder fl_column_encoder;
FL_MUST fl_column_encoder *fl_column_encoder_new(void);  /* NULL without memory */
void fl_column_encoder_free(fl_column_encoder *encoder); /* NULL is fine */

typedef enum fl_column_kind {
    FL_COLUMN_INT,  /* int64_t */
    FL_COLUMN_ID,   /* uint64_t that looks random: stored as it is */
    FL_COLUMN_TEXT, /* bytes */
} fl_column_kind;

/* ---- Dictionary: texts of one path over the whole part; a text's code is its number. Closed for
 * new entries beyond its bounds or when its path turns out to have ever new values. */

typedef struct fl_dictionary fl_dictionary;
FL_MUST fl_dictionary *fl_dictionary_new(void); /* NULL without memory */
void fl_dictionary_free(fl_dictionary *dictionary);
uint32_t fl_dictionary_count(const fl_dictionary *dictionary);
fl_str fl_dictionary_text(const fl_dictionary *dictionary, uint32_t code);
/* The code of a text; false if it is not in it. */
bool fl_dictionary_find(const fl_dictionary *dictionary, fl_str text, uint32_t *code);
size_t fl_dictionary_memory(const fl_dictionary *dictionary);
/* So many values of its path were written without asking for their texts. */
void fl_dictionary_saw(fl_dictionary *dictionary, uint32_t values);
/* Appends the dictionary to `out`; it knows neither its length nor its checksum. */
FL_MUST fl_status fl_dictionary_emit(const fl_dictionary *dictionary, fl_column_encoder *encoder,
                                     fl_buf *out, fl_err *err);
/* What was emitted, closed for new entries. Borrows nothing. FL_E_CORRUPT, FL_E_NOMEM. `zstd` as of
 * fl_values_read. */
FL_MUST fl_status fl_dictionary_read(fl_zstd *zstd, fl_str bytes, fl_dictionary **out, fl_err *err);

/* ---- Gathering values */

typedef struct fl_column fl_column;
/* `dictionary` belongs to the part's writer and gets entries; NULL for INT and ID, or text without
 * one. `filtered`: chunks of texts that do not use the dictionary get a membership filter. */
FL_MUST fl_column *fl_column_new(fl_column_kind kind, fl_dictionary *dictionary, bool filtered);
void fl_column_free(fl_column *column);
uint32_t fl_column_count(const fl_column *column);                /* values gathered */
size_t fl_column_bytes(const fl_column *column);                  /* raw bytes of them */
FL_MUST bool fl_column_add_int(fl_column *column, int64_t value); /* false: no memory */
FL_MUST bool fl_column_add_id(fl_column *column, uint64_t value);
FL_MUST bool fl_column_add_text(fl_column *column, fl_str text); /* copied */

/* Appends the chunk of all gathered values to `chunk` and, if it has one, its membership filter to
 * `filter`, and forgets the values. The chunk begins with its encoding; it knows neither its length
 * nor its checksum. */
FL_MUST fl_status fl_column_encode(fl_column *column, fl_column_encoder *encoder, fl_buf *chunk,
                                   fl_buf *filter, fl_err *err);

/* ---- Reading a chunk */

/* Texts that are put together when they are asked for. */
typedef struct fl_text_joiner fl_text_joiner;

typedef struct fl_values {
    fl_column_kind kind;
    uint32_t count;
    const int64_t *ints;   /* INT */
    const uint64_t *ids;   /* ID */
    const uint32_t *codes; /* TEXT: value i is texts[codes[i]] … */
    fl_str *texts;         /* … of the block's own texts (one without .p was not asked for yet),
                              or NULL: of the dictionary */
    uint32_t text_count;   /* of texts, or the dictionary's entries */
    const fl_dictionary *dictionary;
    fl_text_joiner *joiner;
} fl_values;

/* Makes texts[code], which stays. */
fl_str fl_values_join(const fl_values *values, uint32_t code);
/* The text of a code; values belong to one thread at a time. */
static inline fl_str fl_values_coded(const fl_values *values, uint32_t code)
{
    if (values->texts == NULL) {
        return fl_dictionary_text(values->dictionary, code);
    }
    return values->texts[code].p != NULL ? values->texts[code] : fl_values_join(values, code);
}
static inline fl_str fl_values_text(const fl_values *values, uint32_t i)
{
    return fl_values_coded(values, values->codes[i]);
}

/* All values of a chunk of `count` values, in arena; texts may borrow from `chunk`. `zstd`: a
 * context of the reader (fl_zstd_new), one thread at a time. `dictionary` may be NULL if the chunk
 * does not use it (facts), else FL_E_CORRUPT. FL_E_CORRUPT on bytes that no fl_column_encode
 * writes, without reading past them or taking memory beyond what `count` and `chunk` justify;
 * FL_E_NOMEM. */
FL_MUST fl_status fl_values_read(fl_arena *arena, fl_zstd *zstd, fl_column_kind kind, fl_str chunk,
                                 uint32_t count, const fl_dictionary *dictionary, fl_values *out,
                                 fl_err *err);

/* Adds values first … first + count - 1 of what was read to a column of the same kind: for merges.
 * `recode` remembers dictionary codes already translated: one array for each pair of dictionaries,
 * fl_dictionary_count(values->dictionary) long, all UINT32_MAX at first; NULL = none. */
FL_MUST bool fl_column_add_values(fl_column *column, const fl_values *values, uint32_t first,
                                  uint32_t count, uint32_t *recode);

/* ---- Single values of a chunk: of most a trace has a few. What is wrong with the other values
 * stays unseen. */

typedef struct fl_picker fl_picker;
/* Arguments as of fl_values_read; the picker is in the arena and lasts as long as that, `chunk` and
 * `zstd`. */
FL_MUST fl_status fl_picker_new(fl_arena *arena, fl_zstd *zstd, fl_column_kind kind, fl_str chunk,
                                uint32_t count, const fl_dictionary *dictionary, fl_picker **out,
                                fl_err *err);
/* Value i of a chunk of that kind; FL_E_CORRUPT also if it has no such value. Texts last as long as
 * the picker and the dictionary. */
FL_MUST fl_status fl_pick_int(fl_picker *picker, uint32_t i, int64_t *out, fl_err *err);
FL_MUST fl_status fl_pick_id(fl_picker *picker, uint32_t i, uint64_t *out, fl_err *err);
FL_MUST fl_status fl_pick_text(fl_picker *picker, uint32_t i, fl_str *out, fl_err *err);

/* What a chunk tells without its values being decoded: the bounds of its integers (of texts that
 * are decimal numbers as well; has_bounds says whether all of them are), and whether it uses the
 * dictionary. */
typedef struct fl_chunk_facts {
    bool uses_dictionary, has_bounds;
    double low, high;
} fl_chunk_facts;
FL_MUST fl_status fl_chunk_facts_read(fl_column_kind kind, fl_str chunk, fl_chunk_facts *out,
                                      fl_err *err);

/* May a chunk of dictionary codes have one of those that are wanted (a byte for each entry)? It is
 * told where that costs less than reading all values. Arguments as of fl_values_read. */
FL_MUST fl_status fl_chunk_may_have_code(fl_arena *arena, fl_zstd *zstd, fl_str chunk,
                                         uint32_t count, const uint8_t *wanted, uint32_t entries,
                                         bool *may, fl_err *err);

/* ---- Membership filters of a block: no false negative, about one false positive in a hundred */

uint64_t fl_filter_hash(fl_str text); /* stable for ever: part of the format */
/* Could a text with this hash be among those that the filter was made of? An empty or malformed
 * filter may have everything. */
bool fl_filter_may_have(fl_str filter, uint64_t hash);
/* For the trace ids of a part, too: a filter of any hashes. */
void fl_filter_emit(const uint64_t *hashes, size_t count, unsigned bits_per_value, fl_buf *out);

#endif
