/* Inside of the usage report: one call as its annotations tell it, and latencies counted. */
#ifndef FL_TRACE_GENAI_INT_H
#define FL_TRACE_GENAI_INT_H

#include "trace/genai.h"

/* Absent numbers are 0, but for those whose presence matters: FL_INT_NONE. */
typedef struct fl_genai_call {
    bool is_model_call, is_tool_call;
    fl_flags flags;
    bool timeout, has_tokens, has_cost;
    uint64_t retries, prompt_tokens, completion_tokens;
    int64_t cost_nano;
    int64_t length_us, tool_latency_us; /* FL_INT_NONE: unfinished, not told */
} fl_genai_call;

void fl_genai_call_read(const fl_segment *segment, fl_genai_call *out);

/* The annotation of a key, NULL if there is none. */
const fl_annotation *fl_genai_annotation(const fl_segment *segment, fl_str key);

/* What a segment's annotation says in words: a text, a number as it was sent, true or false.
 * Absent: no such annotation, or an empty text. Borrows. */
fl_str fl_genai_annotation_text(const fl_segment *segment, fl_str key);

/* ---- Latencies in microseconds: powers of two cut into 32 equal parts, so that the middle of a
 * part is within 1/64 of every value in it; below 32 each value is a part. The least and the
 * greatest are exact. */

#define FL_GENAI_PARTS   32
#define FL_GENAI_OCTAVES 37 /* up to 2^41 µs, 25 days; beyond it, the last part */

typedef struct fl_genai_latencies {
    uint64_t count, least_us, greatest_us;
    uint32_t
        *octaves[FL_GENAI_OCTAVES]; /* FL_GENAI_PARTS counts each, taken when they are needed */
} fl_genai_latencies;

FL_MUST fl_status fl_genai_latencies_add(fl_arena *arena, fl_genai_latencies *latencies, int64_t us,
                                         fl_err *err);
/* The value at or above `percent` of the values (nearest rank), in milliseconds; 0 without any. */
double fl_genai_latencies_ms(const fl_genai_latencies *latencies, unsigned percent);

#endif
