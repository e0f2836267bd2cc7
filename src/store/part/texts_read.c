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

/* Where each text ends in the bytes that follow. */
static fl_status read_ends(fl_chunk_reader *reader, uint32_t count, uint32_t **out, fl_err *err)
{
    uint64_t total = 0;
    FL_TRY(fl_ints_read_u32(reader, count, (uint32_t)FL_COLUMN_BYTES_MAX + 1, out, err));
    for (uint32_t i = 0; i < count; i++) {
        total += (*out)[i];
        (*out)[i] = (uint32_t)total;
        if (total > FL_COLUMN_BYTES_MAX) {
            return corrupt(err);
        }
    }
    return FL_OK;
}

static fl_str plain_text(fl_str bytes, const uint32_t *ends, uint32_t i)
{
    uint32_t begin = i != 0 ? ends[i - 1] : 0;
    return (fl_str){bytes.p + begin, ends[i] - begin};
}

static fl_status read_plain(fl_chunk_reader *reader, uint32_t count, fl_str *texts, fl_err *err)
{
    uint32_t *ends;
    fl_str bytes;
    FL_TRY(read_ends(reader, count, &ends, err));
    FL_TRY(fl_bytes_read(reader, ends[count - 1], &bytes, err));
    for (uint32_t i = 0; i < count; i++) {
        texts[i] = plain_text(bytes, ends, i);
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

/* What stands in front of the streams. */
typedef struct pattern_set {
    fl_streams streams;
    uint32_t *ids;  /* pattern of each text */
    uint32_t *uses; /* texts of each pattern */
    uint32_t count;
} pattern_set;

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

static fl_status read_patterns(fl_chunk_reader *reader, uint32_t count, pattern_set *out,
                               fl_err *err)
{
    uint64_t patterns = fl_cur_varint(&reader->cur);
    if (patterns == 0 || patterns > count) {
        return corrupt(err);
    }
    out->count = (uint32_t)patterns;
    fl_str *texts = fl_arena_alloc(reader->arena, out->count * sizeof *texts);
    out->uses = fl_arena_zalloc(reader->arena, out->count * sizeof *out->uses);
    if (texts == NULL || out->uses == NULL) {
        return no_memory(err);
    }
    FL_TRY(read_plain(reader, out->count, texts, err));
    FL_TRY(fl_ints_read_u32(reader, count, out->count, &out->ids, err));
    for (uint32_t i = 0; i < count; i++) {
        out->uses[out->ids[i]]++;
    }
    return fl_streams_plan(reader->arena, texts, out->uses, out->count, &out->streams, err);
}

static const fl_pattern_piece *pieces_of(const fl_streams *streams, uint32_t pattern)
{
    return &streams->pieces[streams->first[pattern]];
}

static fl_status read_streams(fl_chunk_reader *reader, const fl_streams *streams,
                              const int64_t ***out, uint32_t *total, fl_err *err)
{
    const int64_t **next = fl_arena_alloc(reader->arena, streams->count * sizeof *next);
    if (next == NULL) {
        return no_memory(err);
    }
    *total = 0;
    for (uint32_t k = 0; k < streams->count; k++) {
        int64_t *numbers;
        FL_TRY(fl_ints_read(reader, streams->sizes[k], &numbers, err));
        next[k] = numbers;
        *total += streams->sizes[k];
    }
    *out = next;
    return FL_OK;
}

/* From streams to the order of the texts; `next` is where each stream is. */
static fl_status order_numbers(const fl_streams *streams, uint32_t count, const int64_t **next,
                               fl_text_joiner *joiner, fl_err *err)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t k = streams->first[joiner->ids[i]];
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

/* Bytes that suffice for a text of the pattern. */
static size_t bytes_of_one(const fl_pattern_piece *piece)
{
    size_t bytes = piece->literal_n;
    for (; piece->mark != FL_PATTERN_NONE; piece++) {
        bytes += piece[1].literal_n;
        bytes += piece->mark == FL_PATTERN_NUMBER ? FL_DECIMAL_DIGITS : piece->width;
    }
    return bytes;
}

/* … for all texts. */
static size_t bytes_at_most(const pattern_set *all)
{
    size_t bytes = 0;
    for (uint32_t p = 0; p < all->count; p++) {
        bytes += bytes_of_one(pieces_of(&all->streams, p)) * all->uses[p];
    }
    return bytes;
}

static fl_status read_by_patterns(fl_chunk_reader *reader, uint32_t count, fl_str *texts,
                                  fl_text_joiner **out, fl_err *err)
{
    pattern_set all;
    uint32_t total = 0;
    const int64_t **next = NULL;
    FL_TRY(read_patterns(reader, count, &all, err));
    FL_TRY(read_streams(reader, &all.streams, &next, &total, err));
    size_t most = bytes_at_most(&all);
    if (most > FL_COLUMN_BYTES_MAX * FL_DECIMAL_DIGITS) {
        return corrupt(err);
    }
    fl_text_joiner *joiner = fl_arena_alloc(reader->arena, sizeof *joiner);
    if (joiner == NULL) {
        return no_memory(err);
    }
    *joiner = (fl_text_joiner){
        .texts = texts,
        .next = fl_arena_alloc(reader->arena, most + FL_LITERAL_STEP),
        .streams = all.streams,
        .ids = all.ids,
        .numbers = fl_arena_alloc(reader->arena, total * sizeof *joiner->numbers),
        .first = fl_arena_alloc(reader->arena, count * sizeof *joiner->first),
    };
    if (joiner->next == NULL || joiner->numbers == NULL || joiner->first == NULL) {
        return no_memory(err);
    }
    FL_TRY(order_numbers(&all.streams, count, next, joiner, err));
    memset(texts, 0, count * sizeof *texts);
    *out = joiner;
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

/* Writes the text to `to`, and maybe FL_LITERAL_STEP bytes behind it; returns its end. */
static char *put_text(char *to, const fl_pattern_piece *piece, const int64_t *number)
{
    for (;; piece++, number++) {
        put_literal(to, piece);
        to += piece->literal_n;
        if (piece->mark == FL_PATTERN_NONE) {
            return to;
        }
        unsigned width = width_of(piece, *number);
        put_number(to, piece, *number, width);
        to += width;
    }
}

fl_str fl_text_join(fl_text_joiner *joiner, uint32_t text)
{
    char *begin = joiner->next;
    joiner->next = put_text(begin, pieces_of(&joiner->streams, joiner->ids[text]),
                            joiner->numbers + joiner->first[text]);
    joiner->texts[text] = (fl_str){begin, (size_t)(joiner->next - begin)};
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

/* ---- Single texts */

struct fl_text_list {
    fl_chunk_reader reader;
    uint32_t count;
    bool by_patterns;
    /* plain */
    uint32_t *ends;
    fl_stored_bytes bytes;
    /* by patterns */
    pattern_set patterns;
    fl_ints *streams;
    /* Of each text: its number among those of the same pattern, which is its place in the streams
     * of that; of rare ones, where its places in the shared streams are listed. */
    uint32_t *places;
    uint32_t *shared_places;
};

static bool is_rare(const pattern_set *all, uint32_t pattern)
{
    return all->uses[pattern] < FL_STREAM_MIN;
}

/* Lists the places of rare patterns' texts, which take turns in the shared streams. */
static void place_rare_texts(fl_text_list *list)
{
    const pattern_set *all = &list->patterns;
    uint32_t taken[FL_STREAM_SHARED] = {0};
    uint32_t at = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        if (!is_rare(all, all->ids[i])) {
            continue;
        }
        list->places[i] = at;
        for (uint32_t k = all->streams.first[all->ids[i]];
             all->streams.pieces[k].mark != FL_PATTERN_NONE; k++) {
            list->shared_places[at++] = taken[all->streams.stream_of[k]]++;
        }
    }
}

static fl_status place_texts(fl_text_list *list, fl_err *err)
{
    const pattern_set *all = &list->patterns;
    fl_arena *arena = list->reader.arena;
    size_t shared = 0;
    for (uint32_t k = 0; k < FL_STREAM_SHARED; k++) {
        shared += all->streams.sizes[k];
    }
    uint32_t *seen = fl_arena_zalloc(arena, all->count * sizeof *seen);
    list->places = fl_arena_alloc(arena, list->count * sizeof *list->places);
    list->shared_places = fl_arena_alloc(arena, shared * sizeof *list->shared_places);
    if (seen == NULL || list->places == NULL || list->shared_places == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < list->count; i++) {
        list->places[i] = seen[all->ids[i]]++;
    }
    if (shared != 0) {
        place_rare_texts(list);
    }
    return FL_OK;
}

static fl_status open_by_patterns(fl_text_list *list, fl_err *err)
{
    fl_chunk_reader *reader = &list->reader;
    FL_TRY(read_patterns(reader, list->count, &list->patterns, err));
    const fl_streams *streams = &list->patterns.streams;
    list->streams = fl_arena_alloc(reader->arena, streams->count * sizeof *list->streams);
    if (list->streams == NULL) {
        return no_memory(err);
    }
    for (uint32_t k = 0; k < streams->count; k++) {
        FL_TRY(fl_ints_open(reader, streams->sizes[k], &list->streams[k], err));
    }
    return place_texts(list, err);
}

static fl_status open_plain(fl_text_list *list, fl_err *err)
{
    FL_TRY(read_ends(&list->reader, list->count, &list->ends, err));
    return fl_bytes_open(&list->reader, list->ends[list->count - 1], &list->bytes, err);
}

fl_status fl_text_list_open(fl_chunk_reader *reader, uint32_t count, fl_text_list **out,
                            fl_err *err)
{
    unsigned form = fl_cur_u8(&reader->cur);
    fl_text_list *list = FL_ARENA_NEW(reader->arena, fl_text_list);
    if (list == NULL) {
        return no_memory(err);
    }
    if (reader->cur.failed || form >= FL_TEXTS_FORMS) {
        return corrupt(err);
    }
    list->reader = *reader;
    list->count = count;
    list->by_patterns = form == FL_TEXTS_PATTERNS;
    FL_TRY(list->by_patterns ? open_by_patterns(list, err) : open_plain(list, err));
    reader->cur = list->reader.cur;
    *out = list;
    return FL_OK;
}

/* The numbers of a text, from its places in the streams. */
static fl_status find_numbers(fl_text_list *list, uint32_t i, int64_t *numbers, fl_err *err)
{
    const pattern_set *all = &list->patterns;
    uint32_t pattern = all->ids[i], place = list->places[i];
    uint32_t k = all->streams.first[pattern];
    bool rare = is_rare(all, pattern);
    for (uint32_t n = 0; all->streams.pieces[k].mark != FL_PATTERN_NONE; n++, k++) {
        fl_ints *stream = &list->streams[all->streams.stream_of[k]];
        uint32_t at = rare ? list->shared_places[place + n] : place;
        FL_TRY(fl_ints_unpack(&list->reader, stream, err));
        if (!fl_ints_at(stream, at, &numbers[n]) ||
            !number_fits(&all->streams.pieces[k], numbers[n])) {
            return corrupt(err);
        }
    }
    return FL_OK;
}

static fl_status join_one(fl_text_list *list, uint32_t i, fl_str *out, fl_err *err)
{
    int64_t numbers[FL_PATTERN_FIELDS + 1] = {0};
    const fl_pattern_piece *piece = pieces_of(&list->patterns.streams, list->patterns.ids[i]);
    char *text = fl_arena_alloc(list->reader.arena, bytes_of_one(piece) + FL_LITERAL_STEP);
    if (text == NULL) {
        return no_memory(err);
    }
    FL_TRY(find_numbers(list, i, numbers, err));
    *out = (fl_str){text, (size_t)(put_text(text, piece, numbers) - text)};
    return FL_OK;
}

fl_status fl_text_list_at(fl_text_list *list, uint32_t i, fl_str *out, fl_err *err)
{
    if (list->by_patterns) {
        return join_one(list, i, out, err);
    }
    FL_TRY(fl_bytes_unpack(&list->reader, list->ends[list->count - 1], &list->bytes, err));
    *out = plain_text(list->bytes.at, list->ends, i);
    return FL_OK;
}
