#include "store/part/column_format_int.h"

/* The stream of field number `at` of a rare pattern. */
static uint32_t shared_stream(const fl_pattern_piece *piece, uint32_t at)
{
    enum { PLACES = 4 };
    uint32_t place = at < PLACES ? at : PLACES - 1;
    switch (piece->mark) {
    case FL_PATTERN_NUMBER:
        return place;
    case FL_PATTERN_DIGITS:
        return PLACES + place;
    default:
        return (piece->width <= 8 ? 2U : 3U) * PLACES + place;
    }
}

/* The pieces of one pattern, from `at` on; returns the place behind them, UINT32_MAX on a malformed
 * pattern. */
static uint32_t plan_pattern(fl_str pattern, uint32_t uses, char **literals, uint32_t at,
                             fl_streams *streams)
{
    fl_cur cur = fl_cur_of(pattern.p, pattern.n);
    for (uint32_t field = 0;; field++, at++) {
        fl_pattern_piece *piece = &streams->pieces[at];
        if (!fl_pattern_next(&cur, literals, piece) || field > FL_PATTERN_FIELDS) {
            return UINT32_MAX;
        }
        if (piece->mark == FL_PATTERN_NONE) {
            return at + 1;
        }
        uint32_t stream = uses >= FL_STREAM_MIN ? streams->count++ : shared_stream(piece, field);
        streams->stream_of[at] = stream;
        streams->sizes[stream] += uses;
    }
}

fl_status fl_streams_plan(fl_arena *arena, const fl_str *patterns, const uint32_t *uses,
                          uint32_t count, fl_streams *out, fl_err *err)
{
    size_t bytes = 0;
    for (uint32_t p = 0; p < count; p++) {
        bytes += patterns[p].n;
    }
    size_t pieces = bytes + count; /* a field takes a byte, and each pattern has a last piece */
    fl_streams streams = {
        .pieces = fl_arena_alloc(arena, pieces * sizeof *streams.pieces),
        .stream_of = fl_arena_alloc(arena, pieces * sizeof *streams.stream_of),
        .first = fl_arena_alloc(arena, count * sizeof *streams.first),
        .sizes = fl_arena_zalloc(arena, (pieces + FL_STREAM_SHARED) * sizeof *streams.sizes),
        .count = FL_STREAM_SHARED,
    };
    char *literals = fl_arena_alloc(arena, bytes + FL_LITERAL_STEP);
    if (streams.pieces == NULL || streams.stream_of == NULL || streams.first == NULL ||
        streams.sizes == NULL || literals == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for the patterns of a chunk");
    }
    uint32_t at = 0;
    for (uint32_t p = 0; p < count; p++) {
        streams.first[p] = at;
        at = plan_pattern(patterns[p], uses[p], &literals, at, &streams);
        if (at == UINT32_MAX) {
            FL_FAIL(err, FL_E_CORRUPT, "a pattern of a chunk is malformed");
        }
    }
    *out = streams;
    return FL_OK;
}
