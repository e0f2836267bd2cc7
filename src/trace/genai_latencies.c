#include "trace/genai_int.h"

#define FIRST_BITS 5 /* FL_GENAI_PARTS = 1 << FIRST_BITS */

_Static_assert(FL_GENAI_PARTS == 1 << FIRST_BITS, "parts of an octave");

/* Octave 0 holds 0 to 31, octave n > 0 holds 32 << (n - 1) to 63 << (n - 1). */
static unsigned octave_of(uint64_t us)
{
    return us < FL_GENAI_PARTS ? 0 : 64 - (unsigned)__builtin_clzll(us) - FIRST_BITS;
}

static double middle_us(unsigned octave, unsigned part)
{
    if (octave == 0) {
        return part;
    }
    uint64_t width = UINT64_C(1) << (octave - 1);
    return (double)((FL_GENAI_PARTS + part) * width) + (double)(width - 1) / 2;
}

fl_status fl_genai_latencies_add(fl_arena *arena, fl_genai_latencies *latencies, int64_t us,
                                 fl_err *err)
{
    uint64_t value = us > 0 ? (uint64_t)us : 0;
    unsigned octave = octave_of(value);
    unsigned part = FL_GENAI_PARTS - 1;
    if (octave >= FL_GENAI_OCTAVES) {
        octave = FL_GENAI_OCTAVES - 1;
    } else {
        part = (unsigned)(octave == 0 ? value : value >> (octave - 1)) & (FL_GENAI_PARTS - 1);
    }
    uint32_t **counts = &latencies->octaves[octave];
    if (*counts == NULL) {
        *counts = FL_ARENA_ARRAY(arena, uint32_t, FL_GENAI_PARTS);
        if (*counts == NULL) {
            FL_FAIL(err, FL_E_NOMEM, "no memory for latencies");
        }
    }
    if ((*counts)[part] < UINT32_MAX) {
        bool first = latencies->count == 0;
        (*counts)[part]++;
        latencies->count++;
        latencies->least_us = first || value < latencies->least_us ? value : latencies->least_us;
        latencies->greatest_us = value > latencies->greatest_us ? value : latencies->greatest_us;
    }
    return FL_OK;
}

/* No latency lies outside of those that were seen. */
static double within_us(const fl_genai_latencies *latencies, double us)
{
    us = us < (double)latencies->least_us ? (double)latencies->least_us : us;
    return us > (double)latencies->greatest_us ? (double)latencies->greatest_us : us;
}

double fl_genai_latencies_ms(const fl_genai_latencies *latencies, unsigned percent)
{
    /* count × percent / 100, rounded up, without overflow */
    uint64_t whole = latencies->count / 100 * percent;
    uint64_t rank = whole + (latencies->count % 100 * percent + 99) / 100;
    uint64_t seen = 0;
    for (unsigned octave = 0; octave < FL_GENAI_OCTAVES && rank > 0; octave++) {
        const uint32_t *counts = latencies->octaves[octave];
        for (unsigned part = 0; counts != NULL && part < FL_GENAI_PARTS; part++) {
            seen += counts[part];
            if (seen >= rank) {
                return within_us(latencies, middle_us(octave, part)) / 1000;
            }
        }
    }
    return 0;
}
