/*
 * Lists of texts, written. Texts with numbers inside are split into patterns and numbers if that is
 * estimated to be smaller; the rest is lengths and bytes for zstd.
 */
#include "store/part/column_format_int.h"

#define PATTERNS_MIN_COUNT 8

/* More patterns than this for so many texts: the texts are of another sort. */
static size_t patterns_max(size_t texts)
{
    return 16 + texts / 2;
}

static fl_status no_memory(fl_err *err)
{
    FL_FAIL(err, FL_E_NOMEM, "no memory for the texts of a chunk");
}

static size_t total_of(const fl_str *texts, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += texts[i].n;
    }
    return total;
}

/* ---- Plain */

static fl_status encode_plain(fl_column_encoder *encoder, const fl_str *texts, size_t count,
                              fl_buf *out, fl_err *err)
{
    size_t total = total_of(texts, count);
    char *bytes = fl_scratch_alloc(encoder, total);
    int64_t *lengths = fl_scratch_alloc(encoder, count * sizeof *lengths);
    if (bytes == NULL || lengths == NULL) {
        return no_memory(err);
    }
    char *to = bytes;
    for (size_t i = 0; i < count; i++) {
        lengths[i] = (int64_t)texts[i].n;
        if (texts[i].n != 0) {
            memcpy(to, texts[i].p, texts[i].n);
            to += texts[i].n;
        }
    }
    FL_TRY(fl_ints_encode(encoder, lengths, count, out, err));
    return fl_bytes_encode(encoder, (fl_str){bytes, total}, 1, out, err);
}

/* ---- Patterns */

typedef struct pattern {
    fl_str text;
    uint64_t hash;
    uint32_t uses;
    uint32_t fields;
} pattern;

typedef struct splitting {
    fl_column_encoder *encoder;
    const fl_str *texts;
    size_t count;
    pattern *patterns;
    size_t pattern_count;
    size_t pattern_bytes;
    uint32_t *slots; /* hash table of pattern numbers + 1 */
    size_t slot_mask;
    uint32_t *ids;    /* pattern of each text */
    int64_t *numbers; /* of all texts, one after another */
    size_t number_count;
} splitting;

/* Numbers that a text may have at most: each takes a digit and, but for the last, what ends it. */
static size_t numbers_room(const fl_str *texts, size_t count)
{
    size_t room = FL_PATTERN_FIELDS;
    for (size_t i = 0; i < count; i++) {
        size_t most = texts[i].n / 2 + 1;
        room += most < FL_PATTERN_FIELDS ? most : FL_PATTERN_FIELDS;
    }
    return room;
}

static bool splitting_begin(splitting *s, fl_column_encoder *encoder, const fl_str *texts,
                            size_t count)
{
    size_t most = patterns_max(count) + 1;
    size_t slots = 64;
    while (slots < most * 2) {
        slots *= 2;
    }
    *s = (splitting){.encoder = encoder, .texts = texts, .count = count, .slot_mask = slots - 1};
    s->patterns = fl_scratch_alloc(encoder, most * sizeof *s->patterns);
    s->slots = fl_scratch_zalloc(encoder, slots * sizeof *s->slots);
    s->ids = fl_scratch_alloc(encoder, count * sizeof *s->ids);
    s->numbers = fl_scratch_alloc(encoder, numbers_room(texts, count) * sizeof *s->numbers);
    return s->patterns != NULL && s->slots != NULL && s->ids != NULL && s->numbers != NULL;
}

/* The number of the pattern, which may be new; UINT32_MAX without memory. */
static uint32_t intern(splitting *s, fl_str text, size_t fields)
{
    uint64_t hash = fl_filter_hash(text);
    size_t slot = (size_t)hash & s->slot_mask;
    for (; s->slots[slot] != 0; slot = (slot + 1) & s->slot_mask) {
        pattern *p = &s->patterns[s->slots[slot] - 1];
        if (p->hash == hash && fl_str_eq(p->text, text)) {
            p->uses++;
            return s->slots[slot] - 1;
        }
    }
    char *copy = fl_scratch_alloc(s->encoder, text.n);
    if (copy == NULL) {
        return UINT32_MAX;
    }
    memcpy(copy, text.p, text.n);
    s->pattern_bytes += text.n;
    s->patterns[s->pattern_count++] = (pattern){{copy, text.n}, hash, 1, (uint32_t)fields};
    s->slots[slot] = (uint32_t)s->pattern_count;
    return s->slots[slot] - 1;
}

/* False: there are too many patterns, or memory ran out (an error in *status). */
static bool split(splitting *s, fl_status *status)
{
    size_t longest = 0;
    for (size_t i = 0; i < s->count; i++) {
        longest = s->texts[i].n > longest ? s->texts[i].n : longest;
    }
    char *room = fl_scratch_alloc(s->encoder, fl_pattern_room(longest));
    for (size_t i = 0; room != NULL && i < s->count; i++) {
        size_t fields;
        size_t n = fl_pattern_of(s->texts[i], room, s->numbers + s->number_count, &fields);
        s->number_count += fields;
        s->ids[i] = intern(s, (fl_str){room, n}, fields);
        if (s->ids[i] == UINT32_MAX) {
            break;
        }
        if (s->pattern_count > patterns_max(i)) {
            return false;
        }
        if (i + 1 == s->count) {
            return true;
        }
    }
    *status = FL_E_NOMEM;
    return false;
}

/* What both ways are likely to take: zstd halves texts and patterns; numbers take their bits. */
static bool patterns_pay(const splitting *s)
{
    unsigned id_bits = 32 - (unsigned)__builtin_clz((uint32_t)s->pattern_count);
    size_t bits = s->count * id_bits;
    for (size_t i = 0; i < s->number_count; i++) {
        bits += s->numbers[i] != 0 ? 64 - (size_t)__builtin_clzll((uint64_t)s->numbers[i]) : 0;
    }
    size_t split_bytes = s->pattern_bytes / 2 + bits / 8 + 16;
    return s->number_count != 0 && split_bytes < total_of(s->texts, s->count) / 2;
}

/* Puts the numbers of all texts into their streams, one stream after another. */
static void sort_numbers(const splitting *s, const fl_streams *streams, int64_t *sorted,
                         size_t *begins)
{
    size_t at = 0;
    for (uint32_t k = 0; k < streams->count; k++) {
        begins[k] = at;
        at += streams->sizes[k];
    }
    const int64_t *number = s->numbers;
    for (size_t i = 0; i < s->count; i++) {
        const uint32_t *stream = streams->stream_of + streams->first[s->ids[i]];
        for (uint32_t k = 0; k < s->patterns[s->ids[i]].fields; k++) {
            sorted[begins[stream[k]]++] = *number++;
        }
    }
}

static fl_status emit_streams(fl_column_encoder *encoder, const splitting *s,
                              const fl_str *patterns, const uint32_t *uses, fl_buf *out,
                              fl_err *err)
{
    fl_streams streams;
    FL_TRY(fl_streams_plan(&encoder->arena, patterns, uses, (uint32_t)s->pattern_count, &streams,
                           err));
    int64_t *sorted = fl_scratch_alloc(s->encoder, s->number_count * sizeof *sorted);
    size_t *begins = fl_scratch_alloc(s->encoder, streams.count * sizeof *begins);
    if (sorted == NULL || begins == NULL) {
        return no_memory(err);
    }
    sort_numbers(s, &streams, sorted, begins); /* begins are ends now */
    for (uint32_t k = 0; k < streams.count; k++) {
        FL_TRY(fl_ints_encode(encoder, sorted + begins[k] - streams.sizes[k], streams.sizes[k], out,
                              err));
    }
    return FL_OK;
}

static fl_status encode_patterns(fl_column_encoder *encoder, const splitting *s, fl_buf *out,
                                 fl_err *err)
{
    fl_str *patterns = fl_scratch_alloc(s->encoder, s->pattern_count * sizeof *patterns);
    uint32_t *uses = fl_scratch_alloc(s->encoder, s->pattern_count * sizeof *uses);
    if (patterns == NULL || uses == NULL) {
        return no_memory(err);
    }
    for (size_t p = 0; p < s->pattern_count; p++) {
        patterns[p] = s->patterns[p].text;
        uses[p] = s->patterns[p].uses;
    }
    fl_buf_add_varint(out, s->pattern_count);
    FL_TRY(encode_plain(encoder, patterns, s->pattern_count, out, err));
    FL_TRY(fl_ints_encode_u32(encoder, s->ids, s->count, out, err));
    return emit_streams(encoder, s, patterns, uses, out, err);
}

/* ---- The choice */

fl_status fl_texts_encode(fl_column_encoder *encoder, const fl_str *texts, size_t count,
                          fl_buf *out, fl_err *err)
{
    splitting s = {0};
    fl_status status = FL_OK;
    bool by_patterns = false;
    if (count >= PATTERNS_MIN_COUNT) {
        if (!splitting_begin(&s, encoder, texts, count)) {
            return no_memory(err);
        }
        by_patterns = split(&s, &status) && patterns_pay(&s);
    }
    if (status != FL_OK) {
        return no_memory(err);
    }
    fl_buf_add_byte(out, by_patterns ? FL_TEXTS_PATTERNS : FL_TEXTS_PLAIN);
    return by_patterns ? encode_patterns(encoder, &s, out, err)
                       : encode_plain(encoder, texts, count, out, err);
}
