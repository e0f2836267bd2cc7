/* Which runs stay when not all do (spec §3.19): the whole run is known, so it is judged by what
 * came of it. */
#include <math.h>

#include "bedrock/run_int.h"

/* Whether the run's id falls under the rate; the same runs do wherever they are converted. */
static bool is_drawn(fl_trace_id id, double rate)
{
    if (!(rate > 0)) {
        return false;
    }
    return rate >= 1 || id.lo < (uint64_t)ldexp(rate, 64);
}

static bool segment_keeps(const bedrock_segment *segment, const fl_bedrock_keep *keep)
{
    return (keep->fault && segment->fault) || (keep->error && segment->error) ||
           (keep->throttle && segment->throttle) || (keep->timeout && segment->timeout) ||
           (keep->incomplete && segment->incomplete);
}

static bool run_keeps(const bedrock_run *run, const fl_bedrock_keep *keep)
{
    const bedrock_totals *totals = &run->root->segment.totals;
    uint64_t tokens = (uint64_t)totals->prompt_tokens + (uint64_t)totals->completion_tokens;
    /* Differences of any two times in the range of int64_t, without overflow. */
    uint64_t length_ns = (uint64_t)run->end_ns - (uint64_t)run->start_ns;
    return (keep->slow_ns > 0 && run->segment_count > 0 && length_ns >= (uint64_t)keep->slow_ns) ||
           (keep->tokens > 0 && tokens >= keep->tokens);
}

bool bedrock_is_kept(const bedrock_run *run, const fl_bedrock_options *options)
{
    if (is_drawn(run->trace_id, options->sample) || run_keeps(run, &options->keep)) {
        return true;
    }
    for (size_t i = 0; i < run->segment_count; i++) {
        if (segment_keeps(run->segments[i], &options->keep)) {
            return true;
        }
    }
    for (size_t i = 0; i < run->scope_count && options->keep.guardrail; i++) {
        if (run->scopes[i]->guardrail_intervened) {
            return true;
        }
    }
    return false;
}
