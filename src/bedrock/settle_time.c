/* When each step, agent and flow began and ended (spec §3.9). */
#include "bedrock/convert_int.h"

#define SECOND_NS      INT64_C(1000000000)
#define MILLISECOND_NS INT64_C(1000000)
#define STEP_NS        (5 * SECOND_NS) /* of the synthetic clock */
#define PAUSE_NS       SECOND_NS

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t clamped_ms(int64_t ms)
{
    const int64_t most = INT64_MAX / MILLISECOND_NS / 4;
    return ms < 0 ? 0 : earlier(ms, most) * MILLISECOND_NS;
}

/* ns + delta within the range of times. */
static int64_t moved(int64_t ns, int64_t delta)
{
    int64_t sum;
    if (__builtin_add_overflow(ns, delta, &sum)) {
        return delta > 0 ? INT64_MAX : INT64_MIN + 1;
    }
    return sum;
}

static void set_times(bedrock_segment *segment, int64_t start_ns, int64_t end_ns,
                      fl_bedrock_time_source source)
{
    segment->start_ns = start_ns;
    segment->end_ns = later(start_ns, end_ns);
    segment->time_source = source;
}

/* ---- Rules 1 to 7: what the step's own events tell */

static bool from_metadata(bedrock_segment *segment, const bedrock_step *step)
{
    const bedrock_metadata *m = &step->metadata;
    bool has_start = m->start_ns != FL_TIME_NONE, has_end = m->end_ns != FL_TIME_NONE;
    bool has_total = m->total_ms != BEDROCK_INT_NONE;
    int64_t total_ns = has_total ? clamped_ms(m->total_ms) : 0;
    int64_t start_ns = m->start_ns, end_ns = m->end_ns;
    if (!has_start && !has_end) {
        return false;
    }
    if (!has_end) {
        end_ns = has_total ? moved(start_ns, total_ns)
                           : later(start_ns, step->closing_ns != FL_TIME_NONE ? step->closing_ns
                                                                              : step->first_ns);
    } else if (!has_start) {
        start_ns = has_total                        ? moved(end_ns, -total_ns)
                   : step->first_ns != FL_TIME_NONE ? earlier(end_ns, step->first_ns)
                                                    : end_ns;
    }
    set_times(segment, start_ns, end_ns, FL_BEDROCK_TIME_METADATA);
    return true;
}

static bool from_events(bedrock_segment *segment, const bedrock_step *step)
{
    /* a single event is its own end */
    int64_t first_ns = step->first_ns, last_ns = step->closing_ns;
    int64_t closing_ns = step->ending == BEDROCK_SINGLE ? first_ns : last_ns;
    if (closing_ns != FL_TIME_NONE && step->metadata.total_ms != BEDROCK_INT_NONE) {
        set_times(segment, moved(closing_ns, -clamped_ms(step->metadata.total_ms)), closing_ns,
                  FL_BEDROCK_TIME_EVENT);
        return true;
    }
    first_ns = first_ns == FL_TIME_NONE ? last_ns : first_ns;
    last_ns = last_ns == FL_TIME_NONE ? first_ns : last_ns;
    if (first_ns == FL_TIME_NONE) {
        return false;
    }
    set_times(segment, earlier(first_ns, last_ns), later(first_ns, last_ns), FL_BEDROCK_TIME_EVENT);
    return true;
}

static bool at_instant(bedrock_segment *segment, int64_t ns, fl_bedrock_time_source source)
{
    if (ns != FL_TIME_NONE) {
        set_times(segment, ns, ns, source);
    }
    return ns != FL_TIME_NONE;
}

/* A flow's action is told of at its end. */
static bool of_action(bedrock_segment *segment, const bedrock_step *step)
{
    yyjson_val *response = fl_json_get(step->output, FL_S("operationResponse"));
    yyjson_val *metrics = fl_json_get(response, FL_S("metrics"));
    int64_t latency_ms = 0;
    (void)fl_json_i64(fl_json_number(fl_json_get(metrics, FL_S("latencyMs"))), &latency_ms);
    if (step->first_ns != FL_TIME_NONE) {
        set_times(segment, moved(step->first_ns, -clamped_ms(latency_ms)), step->first_ns,
                  FL_BEDROCK_TIME_EVENT);
    }
    return step->first_ns != FL_TIME_NONE;
}

static bool time_step(bedrock_segment *segment, const bedrock_step *step)
{
    const bedrock_metadata *m = &step->metadata;
    switch (segment->kind) {
    case BEDROCK_FINAL_RESPONSE:
    case BEDROCK_ASK_USER: /* start and end are those of the whole invocation */
        return at_instant(segment, m->end_ns, FL_BEDROCK_TIME_METADATA) ||
               at_instant(segment, step->first_ns, FL_BEDROCK_TIME_EVENT);
    case BEDROCK_FAILED:
        if (m->start_ns != FL_TIME_NONE && m->end_ns != FL_TIME_NONE) {
            set_times(segment, m->start_ns, m->end_ns, FL_BEDROCK_TIME_METADATA);
            return true;
        }
        return at_instant(segment, m->end_ns, FL_BEDROCK_TIME_METADATA) ||
               at_instant(segment, step->first_ns, FL_BEDROCK_TIME_EVENT);
    case BEDROCK_THOUGHT:
    case BEDROCK_REPROMPT:
    case BEDROCK_CUSTOM:
    case BEDROCK_OTHER:
    case BEDROCK_STREAM_ERROR:
        return at_instant(segment, step->first_ns, FL_BEDROCK_TIME_EVENT);
    case BEDROCK_FLOW_ACTION:
        return of_action(segment, step);
    default:
        return from_metadata(segment, step) || from_events(segment, step);
    }
}

/* ---- Rules 8 and 9 */

/* Steps that no time is known of stand at the end of the one before. is_timed has a flag a step.
 * When none has one, some event that made no step has: theirs is the first of these. */
static void infer(const bedrock_run *run, const bool *is_timed)
{
    size_t first = 0;
    while (first < run->step_count && !is_timed[first]) {
        first++;
    }
    int64_t at_ns =
        first < run->step_count ? run->steps[first]->segment.start_ns : run->first_time_ns;
    for (size_t i = 0; i < run->step_count; i++) {
        bedrock_segment *segment = &run->steps[i]->segment;
        if (!is_timed[i]) {
            set_times(segment, at_ns, at_ns, FL_BEDROCK_TIME_INFERRED);
        }
        at_ns = i >= first ? segment->end_ns : at_ns;
    }
}

static void run_synthetic_clock(const bedrock_run *run, const fl_bedrock_options *options)
{
    int64_t at_ns = options->now_ns;
    for (size_t i = 0; i < run->step_count; i++) {
        const bedrock_step *step = run->steps[i];
        bool told =
            options->clock == FL_BEDROCK_CLOCK_AUTO && step->metadata.total_ms != BEDROCK_INT_NONE;
        int64_t end_ns = moved(at_ns, told ? clamped_ms(step->metadata.total_ms) : STEP_NS);
        set_times(&run->steps[i]->segment, at_ns, end_ns, FL_BEDROCK_TIME_SYNTHETIC);
        at_ns = moved(end_ns, PAUSE_NS);
    }
}

/* ---- Agents and flows */

/* The span of what is below, as far as it was looked at. */
typedef struct extent {
    int64_t start_ns, end_ns;
    bool is_real; /* some of it is not of the synthetic clock */
    bool is_empty;
} extent;

static void widen(extent *span, const bedrock_segment *below)
{
    span->start_ns = span->is_empty ? below->start_ns : earlier(span->start_ns, below->start_ns);
    span->end_ns = span->is_empty ? below->end_ns : later(span->end_ns, below->end_ns);
    span->is_real = span->is_real || below->time_source != FL_BEDROCK_TIME_SYNTHETIC;
    span->is_empty = false;
}

static bool from_final_response(bedrock_scope *scope)
{
    const bedrock_metadata *m = &scope->final_metadata;
    bool has_start = m->start_ns != FL_TIME_NONE, has_end = m->end_ns != FL_TIME_NONE;
    bool has_total = m->operation_total_ms != BEDROCK_INT_NONE;
    if (scope->final_response == NULL || (!has_start && !has_end) ||
        ((!has_start || !has_end) && !has_total)) {
        return false;
    }
    int64_t total_ns = has_total ? clamped_ms(m->operation_total_ms) : 0;
    set_times(&scope->segment, has_start ? m->start_ns : moved(m->end_ns, -total_ns),
              has_end ? m->end_ns : moved(m->start_ns, total_ns), FL_BEDROCK_TIME_METADATA);
    return true;
}

static bool from_failure(bedrock_scope *scope)
{
    const bedrock_metadata *m = &scope->failure_metadata;
    int64_t end_ns = m->end_ns != FL_TIME_NONE ? m->end_ns : scope->failure_ns;
    if (scope->failure == NULL || scope->is_flow || end_ns == FL_TIME_NONE ||
        m->operation_total_ms == BEDROCK_INT_NONE) {
        return false;
    }
    set_times(&scope->segment, moved(end_ns, -clamped_ms(m->operation_total_ms)), end_ns,
              FL_BEDROCK_TIME_METADATA);
    return true;
}

/* A scope whose events made no step and told no duration: the instant of its last word. */
static void from_last_word(bedrock_scope *scope, const bedrock_run *run,
                           const fl_bedrock_options *options)
{
    bool clock = options->clock == FL_BEDROCK_CLOCK_AUTO;
    if (clock && (at_instant(&scope->segment, scope->final_ns, FL_BEDROCK_TIME_EVENT) ||
                  at_instant(&scope->segment, scope->first_event_ns, FL_BEDROCK_TIME_EVENT))) {
        return;
    }
    bool none = run->step_count == 0 || run->synthetic;
    (void)at_instant(&scope->segment,
                     run->step_count == 0 ? options->now_ns : run->steps[0]->segment.start_ns,
                     none ? FL_BEDROCK_TIME_SYNTHETIC : FL_BEDROCK_TIME_INFERRED);
}

static void time_scope(bedrock_scope *scope, const bedrock_run *run,
                       const fl_bedrock_options *options)
{
    extent *below = &(extent){.is_empty = true};
    for (bedrock_step *step = scope->links->first_step; step != NULL; step = step->next_in_scope) {
        widen(below, &step->segment);
    }
    for (bedrock_scope *child = scope->links->first_child; child != NULL;
         child = child->links->next_child) {
        widen(below, &child->segment);
    }
    bool synthetic = options->clock == FL_BEDROCK_CLOCK_SYNTHETIC;
    if (!synthetic && (from_final_response(scope) || from_failure(scope))) {
        return;
    }
    if (below->is_empty) {
        from_last_word(scope, run, options);
        return;
    }
    set_times(&scope->segment, below->start_ns, below->end_ns,
              below->is_real ? FL_BEDROCK_TIME_CHILDREN : FL_BEDROCK_TIME_SYNTHETIC);
}

/* ---- Widening: a step without times of its own covers what it led to */

static void cover(bedrock_step *step, const bedrock_segment *below)
{
    bedrock_segment *segment = &step->segment;
    bool unmeasured = segment->time_source == FL_BEDROCK_TIME_INFERRED ||
                      segment->time_source == FL_BEDROCK_TIME_SYNTHETIC ||
                      step->ending == BEDROCK_OPEN || step->ending == BEDROCK_CUT_SHORT;
    if (unmeasured) {
        segment->start_ns = earlier(segment->start_ns, below->start_ns);
        segment->end_ns = later(segment->end_ns, below->end_ns);
    }
}

static void time_scopes(const bedrock_run *run, const fl_bedrock_options *options)
{
    for (size_t i = 0; i < run->step_count; i++) {
        if (run->steps[i]->node != NULL) {
            cover(run->steps[i]->node, &run->steps[i]->segment);
        }
    }
    for (size_t i = 0; i < run->scope_count; i++) {
        bedrock_scope *scope = run->by_depth[i];
        time_scope(scope, run, options);
        if (scope->caller != NULL) {
            cover(scope->caller, &scope->segment);
        }
    }
}

/* ---- */

static bool time_steps(const bedrock_run *run, bool *is_timed)
{
    bool any = false;
    for (size_t i = 0; i < run->step_count; i++) {
        is_timed[i] = time_step(&run->steps[i]->segment, run->steps[i]);
        any = any || is_timed[i];
    }
    return any;
}

void bedrock_settle_times(bedrock_run *run, const fl_bedrock_options *options, bool *is_timed)
{
    if (options->clock == FL_BEDROCK_CLOCK_AUTO &&
        (time_steps(run, is_timed) || run->first_time_ns != FL_TIME_NONE)) {
        infer(run, is_timed);
    } else {
        run->synthetic = true;
        run_synthetic_clock(run, options);
    }
    if (options->mode == FL_BEDROCK_TREE) {
        time_scopes(run, options);
    }
}
