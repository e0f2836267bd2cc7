#include "store/part/column_format_int.h"

static fl_status corrupt(fl_err *err)
{
    FL_FAIL(err, FL_E_CORRUPT, "texts of a chunk are malformed");
}

static fl_status no_memory(fl_err *err)
{
    FL_FAIL(err, FL_E_NOMEM, "no memory for the texts of a chunk");
}

/* ---- Plain */

static fl_status read_plain(fl_chunk_reader *reader, uint32_t count, fl_str *texts, fl_err *err)
{
    uint32_t *lengths;
    fl_str bytes;
    uint64_t total = 0;
    FL_TRY(fl_ints_read_u32(reader, count, (uint32_t)FL_COLUMN_BYTES_MAX + 1, &lengths, err));
    for (uint32_t i = 0; i < count; i++) {
        total += lengths[i];
    }
    if (total > FL_COLUMN_BYTES_MAX) {
        return corrupt(err);
    }
    FL_TRY(fl_bytes_read(reader, (size_t)total, &bytes, err));
    for (uint32_t i = 0; i < count; i++) {
        texts[i] = (fl_str){bytes.p, lengths[i]};
        bytes.p += lengths[i];
    }
    return FL_OK;
}

/* ---- Patterns */

struct fl_text_joiner {
    fl_str *texts; /* that were made */
    char *next;    /* room for the ones to come */
    fl_streams streams;
    const uint32_t *ids; /* pattern of each text */
    int64_t *numbers;    /* of all texts, one after another */
    uint32_t *first;     /* of each text in numbers */
};

/* A joiner being read. */
typedef struct joining {
    fl_text_joiner *joiner;
    uint32_t *ids;
    uint32_t *uses; /* texts of each pattern */
    uint32_t pattern_count, number_count;
} joining;

static unsigned digits_of(int64_t number)
{
    unsigned digits = 1;
    while (digits < FL_DECIMAL_DIGITS && number >= fl_decimal_powers[digits]) {
        digits++;
    }
    return digits;
}

static bool number_fits(const fl_pattern_piece *piece, int64_t number)
{
    switch (piece->mark) {
    case FL_PATTERN_NUMBER:
        return number >= 0 && number < fl_decimal_powers[FL_DECIMAL_DIGITS];
    case FL_PATTERN_DIGITS:
        return number >= 0 && number < fl_decimal_powers[piece->width];
    default:
        return piece->width == 16 || (uint64_t)number >> (4 * piece->width) == 0;
    }
}

static void put_decimal(char *to, uint64_t number, unsigned width)
{
    for (unsigned i = width; i > 0; i--) {
        to[i - 1] = (char)('0' + number % 10);
        number /= 10;
    }
}

static void put_hex(char *to, uint64_t number, unsigned width, const char *digits)
{
    for (unsigned i = width; i > 0; i--) {
        to[i - 1] = digits[number & 0xF];
        number >>= 4;
    }
}

static unsigned width_of(const fl_pattern_piece *piece, int64_t number)
{
    return piece->mark == FL_PATTERN_NUMBER ? digits_of(number) : piece->width;
}

static void put_number(char *to, const fl_pattern_piece *piece, int64_t number, unsigned width)
{
    switch (piece->mark) {
    case FL_PATTERN_HEX:
        put_hex(to, (uint64_t)number, width, "0123456789abcdef");
        break;
    case FL_PATTERN_UPPER_HEX:
        put_hex(to, (uint64_t)number, width, "0123456789ABCDEF");
        break;
    default:
        put_decimal(to, (uint64_t)number, width);
    }
}

/* Patterns, the number of each text's, and how many texts each has. */
static fl_status read_patterns(fl_chunk_reader *reader, uint32_t count, joining *j, fl_err *err)
{
    uint64_t patterns = fl_cur_varint(&reader->cur);
    if (patterns == 0 || patterns > count) {
        return corrupt(err);
    }
    j->pattern_count = (uint32_t)patterns;
    fl_str *texts = fl_arena_alloc(reader->arena, j->pattern_count * sizeof *texts);
    j->uses = fl_arena_zalloc(reader->arena, j->pattern_count * sizeof *j->uses);
    if (texts == NULL || j->uses == NULL) {
        return no_memory(err);
    }
    FL_TRY(read_plain(reader, j->pattern_count, texts, err));
    FL_TRY(fl_ints_read_u32(reader, count, j->pattern_count, &j->ids, err));
    for (uint32_t i = 0; i < count; i++) {
        j->uses[j->ids[i]]++;
    }
    return fl_streams_plan(reader->arena, texts, j->uses, j->pattern_count, &j->joiner->streams,
                           err);
}

static fl_status read_streams(fl_chunk_reader *reader, joining *j, const int64_t ***out,
                              fl_err *err)
{
    const fl_streams *streams = &j->joiner->streams;
    const int64_t **next = fl_arena_alloc(reader->arena, streams->count * sizeof *next);
    if (next == NULL) {
        return no_memory(err);
    }
    for (uint32_t k = 0; k < streams->count; k++) {
        int64_t *numbers;
        FL_TRY(fl_ints_read(reader, streams->sizes[k], &numbers, err));
        next[k] = numbers;
        j->number_count += streams->sizes[k];
    }
    *out = next;
    return FL_OK;
}

/* From streams to the order of the texts; `next` is where each stream is. */
static fl_status order_numbers(fl_chunk_reader *reader, joining *j, uint32_t count,
                               const int64_t **next, fl_err *err)
{
    fl_text_joiner *joiner = j->joiner;
    const fl_streams *streams = &joiner->streams;
    uint32_t at = 0;
    joiner->numbers = fl_arena_alloc(reader->arena, j->number_count * sizeof *joiner->numbers);
    joiner->first = fl_arena_alloc(reader->arena, count * sizeof *joiner->first);
    if (joiner->numbers == NULL || joiner->first == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t k = streams->first[j->ids[i]];
        joiner->first[i] = at;
        for (; streams->pieces[k].mark != FL_PATTERN_NONE; k++) {
            int64_t number = *next[streams->stream_of[k]]++;
            if (!number_fits(&streams->pieces[k], number)) {
                return corrupt(err);
            }
            joiner->numbers[at++] = number;
        }
    }
    return FL_OK;
}

/* Bytes that suffice for all texts. */
static size_t bytes_at_most(const joining *j)
{
    const fl_streams *streams = &j->joiner->streams;
    size_t bytes = 0;
    for (uint32_t p = 0; p < j->pattern_count; p++) {
        const fl_pattern_piece *piece = &streams->pieces[streams->first[p]];
        size_t of_one = piece->literal_n;
        for (; piece->mark != FL_PATTERN_NONE; piece++) {
            of_one += piece[1].literal_n;
            of_one += piece->mark == FL_PATTERN_NUMBER ? FL_DECIMAL_DIGITS : piece->width;
        }
        bytes += of_one * j->uses[p];
    }
    return bytes;
}

static fl_status read_by_patterns(fl_chunk_reader *reader, uint32_t count, fl_str *texts,
                                  fl_text_joiner **out, fl_err *err)
{
    joining j = {.joiner = FL_ARENA_NEW(reader->arena, fl_text_joiner)};
    const int64_t **next = NULL;
    if (j.joiner == NULL) {
        return no_memory(err);
    }
    FL_TRY(read_patterns(reader, count, &j, err));
    FL_TRY(read_streams(reader, &j, &next, err));
    FL_TRY(order_numbers(reader, &j, count, next, err));
    size_t most = bytes_at_most(&j);
    if (most > FL_COLUMN_BYTES_MAX * FL_DECIMAL_DIGITS) {
        return corrupt(err);
    }
    j.joiner->next = fl_arena_alloc(reader->arena, most + FL_LITERAL_STEP);
    if (j.joiner->next == NULL) {
        return no_memory(err);
    }
    memset(texts, 0, count * sizeof *texts);
    j.joiner->texts = texts;
    j.joiner->ids = j.ids;
    *out = j.joiner;
    return FL_OK;
}

/* Most literals are short: a copy of fixed length is faster, and what it writes too much is written
 * over. */
static inline void put_literal(char *to, const fl_pattern_piece *piece)
{
    if (piece->literal_n <= FL_LITERAL_STEP) {
        memcpy(to, piece->literal, FL_LITERAL_STEP);
    } else {
        memcpy(to, piece->literal, piece->literal_n);
    }
}

fl_str fl_text_join(fl_text_joiner *joiner, uint32_t text)
{
    const fl_pattern_piece *piece =
        &joiner->streams.pieces[joiner->streams.first[joiner->ids[text]]];
    const int64_t *number = joiner->numbers + joiner->first[text];
    char *to = joiner->next;
    for (;; piece++, number++) {
        put_literal(to, piece);
        to += piece->literal_n;
        if (piece->mark == FL_PATTERN_NONE) {
            break;
        }
        unsigned width = width_of(piece, *number);
        put_number(to, piece, *number, width);
        to += width;
    }
    joiner->texts[text] = (fl_str){joiner->next, (size_t)(to - joiner->next)};
    joiner->next = to;
    return joiner->texts[text];
}

fl_status fl_texts_read(fl_chunk_reader *reader, uint32_t count, fl_str **out,
                        fl_text_joiner **joiner, fl_err *err)
{
    unsigned form = fl_cur_u8(&reader->cur);
    fl_str *texts = fl_arena_alloc(reader->arena, count * sizeof *texts);
    if (texts == NULL) {
        return no_memory(err);
    }
    if (reader->cur.failed || form >= FL_TEXTS_FORMS) {
        return corrupt(err);
    }
    *joiner = NULL;
    FL_TRY(form == FL_TEXTS_PLAIN ? read_plain(reader, count, texts, err)
                                  : read_by_patterns(reader, count, texts, joiner, err));
    *out = texts;
    return FL_OK;
}
