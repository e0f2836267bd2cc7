/*
 * The part's dictionary of a path. It takes every text until new ones come so often that it would
 * become a copy of the column; what was entered until then stays and is used wherever a whole chunk
 * is in it.
 */
#include <stdlib.h>

#include "store/part/column_format_int.h"

#define ENTRIES_MAX    ((uint32_t)1 << 16)
#define BYTES_MAX      ((size_t)1 << 20)
#define ENTRY_MAX      ((size_t)4096)
#define FIRST_ENTRIES  ((size_t)16)
#define READ_BYTES_MAX (2 * BYTES_MAX)

/* Entries that every path may have, and the part of its values that may be new beyond. */
#define FREE_ENTRIES 2048
#define NEW_PART     16

/* Misses after closing, beside this part of the hits, that make looking up pointless. */
#define MISSES_MAX 256

struct fl_dictionary {
    fl_buf text;      /* of all entries */
    uint32_t *ends;   /* of each entry in text */
    uint32_t *hashes; /* lower half of each entry's */
    uint32_t *slots;  /* hash table of codes + 1 */
    uint32_t count;
    size_t capacity; /* of ends and hashes; a power of two; slots are twice as many */
    uint64_t values; /* that were to be coded while it is written */
    uint64_t misses; /* of them, since it was closed */
    uint32_t last;   /* the code that was found last */
    bool is_closed;
};

fl_dictionary *fl_dictionary_new(void)
{
    fl_dictionary *dictionary = calloc(1, sizeof *dictionary);
    if (dictionary != NULL) {
        fl_buf_init(&dictionary->text, BYTES_MAX + ENTRY_MAX);
    }
    return dictionary;
}

void fl_dictionary_free(fl_dictionary *dictionary)
{
    if (dictionary != NULL) {
        fl_buf_fini(&dictionary->text);
        free(dictionary->ends);
        free(dictionary->hashes);
        free(dictionary->slots);
        free(dictionary);
    }
}

uint32_t fl_dictionary_count(const fl_dictionary *dictionary)
{
    return dictionary->count;
}

fl_str fl_dictionary_text(const fl_dictionary *dictionary, uint32_t code)
{
    size_t begin = code != 0 ? dictionary->ends[code - 1] : 0;
    return (fl_str){fl_buf_str(&dictionary->text).p + begin, dictionary->ends[code] - begin};
}

size_t fl_dictionary_memory(const fl_dictionary *dictionary)
{
    return sizeof *dictionary + dictionary->text.capacity +
           dictionary->capacity * 4 * sizeof(uint32_t);
}

/* ---- Hash table */

static uint64_t eight_at(const char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* Of this table only, never stored: for short texts it takes a few instructions. */
static uint32_t hash_of(fl_str text)
{
    uint64_t a = 0, b = 0;
    if (text.n > 16) {
        return (uint32_t)fl_filter_hash(text);
    }
    if (text.n >= 8) {
        a = eight_at(text.p);
        b = eight_at(text.p + text.n - 8);
    } else {
        for (size_t i = 0; i < text.n; i++) {
            a = a << 8 | (unsigned char)text.p[i];
        }
    }
    uint64_t mixed = (a ^ text.n) * UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 29 ^ b) * UINT64_C(0xbf58476d1ce4e5b9);
    return (uint32_t)(mixed >> 32);
}

/* The slot of the text, or the empty one where it would be; there is always one. */
static size_t slot_of(const fl_dictionary *dictionary, fl_str text, uint32_t hash)
{
    size_t mask = dictionary->capacity * 2 - 1;
    size_t slot = hash & mask;
    for (; dictionary->slots[slot] != 0; slot = (slot + 1) & mask) {
        uint32_t code = dictionary->slots[slot] - 1;
        if (dictionary->hashes[code] == hash &&
            fl_str_eq(fl_dictionary_text(dictionary, code), text)) {
            break;
        }
    }
    return slot;
}

bool fl_dictionary_find(const fl_dictionary *dictionary, fl_str text, uint32_t *code)
{
    uint32_t entry = 0;
    if (dictionary->count != 0) {
        entry = dictionary->slots[slot_of(dictionary, text, hash_of(text))];
    }
    if (entry == 0) {
        return false;
    }
    *code = entry - 1;
    return true;
}

static void fill_slots(fl_dictionary *dictionary)
{
    size_t mask = dictionary->capacity * 2 - 1;
    for (uint32_t code = 0; code < dictionary->count; code++) {
        size_t slot = dictionary->hashes[code] & mask;
        while (dictionary->slots[slot] != 0) {
            slot = (slot + 1) & mask;
        }
        dictionary->slots[slot] = code + 1;
    }
}

/* Capacity for `entries` (a power of two). */
static bool reserve(fl_dictionary *dictionary, size_t entries)
{
    uint32_t *slots = calloc(entries * 2, sizeof *slots);
    uint32_t *ends = realloc(dictionary->ends, entries * sizeof *ends);
    dictionary->ends = ends != NULL ? ends : dictionary->ends;
    uint32_t *hashes = realloc(dictionary->hashes, entries * sizeof *hashes);
    dictionary->hashes = hashes != NULL ? hashes : dictionary->hashes;
    if (slots == NULL || ends == NULL || hashes == NULL) {
        free(slots);
        return false;
    }
    free(dictionary->slots);
    dictionary->slots = slots;
    dictionary->capacity = entries;
    fill_slots(dictionary);
    return true;
}

/* ---- Entering */

static bool add(fl_dictionary *dictionary, fl_str text, uint32_t hash, uint32_t *code)
{
    if (dictionary->count == dictionary->capacity &&
        !reserve(dictionary,
                 dictionary->capacity != 0 ? dictionary->capacity * 2 : FIRST_ENTRIES)) {
        return false;
    }
    fl_buf_add_str(&dictionary->text, text);
    if (dictionary->text.status != FL_OK) {
        dictionary->text.status = FL_OK; /* nothing was added */
        return false;
    }
    size_t slot = slot_of(dictionary, text, hash);
    *code = dictionary->count++;
    dictionary->ends[*code] = (uint32_t)dictionary->text.n;
    dictionary->hashes[*code] = hash;
    dictionary->slots[slot] = *code + 1;
    return true;
}

static bool is_full(const fl_dictionary *dictionary)
{
    return dictionary->count >= ENTRIES_MAX || dictionary->text.n >= BYTES_MAX ||
           dictionary->count > FREE_ENTRIES + dictionary->values / NEW_PART;
}

void fl_dictionary_saw(fl_dictionary *dictionary, uint32_t values)
{
    dictionary->values += values;
}

/* In a trace, the same value often comes again at once. */
static bool is_last(const fl_dictionary *dictionary, fl_str text)
{
    return dictionary->count != 0 &&
           fl_str_eq(fl_dictionary_text(dictionary, dictionary->last), text);
}

fl_intern_result fl_dictionary_intern(fl_dictionary *dictionary, fl_str text, uint32_t *code)
{
    bool pointless = dictionary->misses > MISSES_MAX + dictionary->values / NEW_PART;
    if (pointless || text.n > ENTRY_MAX) {
        return FL_INTERN_IS_NOT;
    }
    dictionary->values++;
    if (is_last(dictionary, text)) {
        *code = dictionary->last;
        return FL_INTERN_IS_IN;
    }
    uint32_t hash = hash_of(text);
    uint32_t entry =
        dictionary->count != 0 ? dictionary->slots[slot_of(dictionary, text, hash)] : 0;
    if (entry != 0) {
        *code = dictionary->last = entry - 1;
        return FL_INTERN_IS_IN;
    }
    if (dictionary->is_closed) {
        dictionary->misses++;
        return FL_INTERN_IS_NOT;
    }
    if (!add(dictionary, text, hash, code)) {
        return FL_INTERN_NO_MEMORY;
    }
    dictionary->last = *code;
    dictionary->is_closed = is_full(dictionary);
    return FL_INTERN_IS_IN;
}

/* ---- To and from bytes: a count, then a list of texts */

fl_status fl_dictionary_emit(const fl_dictionary *dictionary, fl_column_encoder *encoder,
                             fl_buf *out, fl_err *err)
{
    fl_status status = FL_OK;
    fl_buf_add_varint(out, dictionary->count);
    if (dictionary->count != 0) {
        fl_str *texts = fl_scratch_alloc(encoder, dictionary->count * sizeof *texts);
        for (uint32_t i = 0; texts != NULL && i < dictionary->count; i++) {
            texts[i] = fl_dictionary_text(dictionary, i);
        }
        if (texts != NULL) {
            status = fl_texts_encode(encoder, texts, dictionary->count, out, err);
        } else {
            status = fl_err_set(err, FL_E_NOMEM, __FILE__, __LINE__, "no memory for a dictionary");
        }
        fl_scratch_reset(encoder);
    }
    FL_TRY(status);
    if (out->status != FL_OK) {
        FL_FAIL(err, out->status, "no room for a dictionary");
    }
    return FL_OK;
}

static fl_status fill(fl_dictionary *dictionary, const fl_str *texts, fl_text_joiner *joiner,
                      uint32_t count, fl_err *err)
{
    uint32_t code;
    for (uint32_t i = 0; i < count; i++) {
        fl_str text = texts[i].p != NULL ? texts[i] : fl_text_join(joiner, i);
        if (text.n > ENTRY_MAX || dictionary->text.n >= BYTES_MAX ||
            fl_dictionary_find(dictionary, text, &code)) {
            FL_FAIL(err, FL_E_CORRUPT, "a dictionary has an entry that cannot be");
        }
        if (!add(dictionary, text, hash_of(text), &code)) {
            FL_FAIL(err, FL_E_NOMEM, "no memory for a dictionary");
        }
    }
    dictionary->is_closed = true;
    return FL_OK;
}

static fl_status read_texts(fl_chunk_reader *reader, fl_dictionary *dictionary, fl_err *err)
{
    uint64_t count = fl_cur_varint(&reader->cur);
    fl_str *texts = NULL;
    fl_text_joiner *joiner = NULL;
    if (reader->cur.failed || count > ENTRIES_MAX) {
        FL_FAIL(err, FL_E_CORRUPT, "a dictionary is malformed");
    }
    if (count != 0) {
        FL_TRY(fl_texts_read(reader, (uint32_t)count, &texts, &joiner, err));
    }
    if (fl_cur_left(&reader->cur) != 0) {
        FL_FAIL(err, FL_E_CORRUPT, "a dictionary has bytes behind its end");
    }
    return fill(dictionary, texts, joiner, (uint32_t)count, err);
}

fl_status fl_dictionary_read(fl_zstd *zstd, fl_str bytes, fl_dictionary **out, fl_err *err)
{
    fl_arena arena;
    fl_dictionary *dictionary = fl_dictionary_new();
    if (dictionary == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a dictionary");
    }
    fl_arena_init(&arena, FL_CHUNK_SCRATCH_MAX);
    fl_chunk_reader reader = {fl_cur_of(bytes.p, bytes.n), &arena, zstd};
    fl_status status = read_texts(&reader, dictionary, err);
    fl_arena_fini(&arena);
    if (status != FL_OK) {
        fl_dictionary_free(dictionary);
        return status;
    }
    *out = dictionary;
    return FL_OK;
}
