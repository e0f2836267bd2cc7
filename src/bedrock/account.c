/* Models, tokens and cost of segments, and their sums (spec §3.12, §4). */
#include "bedrock/write_int.h"

/* ---- Model */

#define ANSWER_ARENA_FACTOR                                                                        \
    32 /* what parsing takes at most per byte of text, and a little more                           \
        */
#define ANSWER_ARENA_BASE ((size_t)1 << 16)

/* The string member `model` of a provider's answer, if the text is a JSON object that has one.
 * Borrows from text, so a name that needs escapes is not found; real ones need none. */
static fl_str model_in_answer(fl_str text)
{
    fl_str key = FL_S("\"model\"");
    if (text.n == 0 || memmem(text.p, text.n, key.p, key.n) == NULL) {
        return (fl_str){0};
    }
    fl_str model = {0};
    fl_arena arena;
    yyjson_val *answer;
    fl_arena_init(&arena, text.n <= SIZE_MAX / ANSWER_ARENA_FACTOR - ANSWER_ARENA_BASE
                              ? text.n * ANSWER_ARENA_FACTOR + ANSWER_ARENA_BASE
                              : SIZE_MAX);
    if (fl_json_read(&arena, text, FL_JSON_STRICT, &answer, NULL, NULL) == FL_OK) {
        fl_str found = bedrock_text_of(answer, FL_S("model"));
        const char *place = found.n > 0 ? memmem(text.p, text.n, found.p, found.n) : NULL;
        model = place != NULL ? (fl_str){place, found.n} : (fl_str){0};
    }
    fl_arena_fini(&arena);
    return model;
}

static bool is_model_step(const bedrock_step *step)
{
    return bedrock_kinds[step->segment.kind].class_of == BEDROCK_CLASS_MODEL;
}

/* The model as the events name it; absent if they do not. */
static fl_str model_of(const bedrock_step *step)
{
    if (step->segment.kind == BEDROCK_FLOW_ACTION) {
        return bedrock_text_of(fl_json_get(step->output, FL_S("operationRequest")),
                               FL_S("modelId"));
    }
    if (!is_model_step(step)) {
        return (fl_str){0};
    }
    fl_str model = bedrock_text_of(step->input, FL_S("foundationModel"));
    return model.n > 0 ? model
                       : model_in_answer(bedrock_text_of(
                             fl_json_get(step->output, FL_S("rawResponse")), FL_S("content")));
}

/* ---- Tokens */

static int64_t tokens_at(yyjson_val *usage, const char *name)
{
    int64_t tokens;
    return fl_json_i64(fl_json_number(fl_json_get(usage, fl_str_of(name))), &tokens) && tokens >= 0
               ? tokens
               : BEDROCK_INT_NONE;
}

/* Tokens that count for this step: those of model calls, and what a failure had used up by then. */
static void take_tokens(bedrock_step *step)
{
    bedrock_segment *segment = &step->segment;
    bool failed = step->ending == BEDROCK_BROKEN || segment->kind == BEDROCK_FAILED;
    segment->prompt_tokens = segment->completion_tokens = BEDROCK_INT_NONE;
    if (segment->kind == BEDROCK_FLOW_ACTION) {
        yyjson_val *response = fl_json_get(step->output, FL_S("operationResponse"));
        yyjson_val *usage = segment->model.p != NULL ? fl_json_get(response, FL_S("usage")) : NULL;
        segment->prompt_tokens = tokens_at(usage, "inputTokens");
        segment->completion_tokens = tokens_at(usage, "outputTokens");
    } else if ((is_model_step(step) || failed) && !step->usage_counted_elsewhere) {
        segment->prompt_tokens = step->metadata.prompt_tokens;
        segment->completion_tokens = step->metadata.completion_tokens;
    }
}

/* What the model log knows and the events do not (spec §1.15). */
static void fill_in(bedrock_step *step, const fl_bedrock_options *options)
{
    bedrock_segment *segment = &step->segment;
    const bedrock_log_entry *entry =
        is_model_step(step) ? bedrock_log_find(options->model_log, step->metadata.client_request_id)
                            : NULL;
    if (entry == NULL) {
        return;
    }
    segment->inference_region = entry->inference_region;
    if (segment->model.p == NULL && entry->model.n > 0) {
        segment->model = fl_genai_model(entry->model);
    }
    if (segment->prompt_tokens == BEDROCK_INT_NONE) {
        segment->prompt_tokens = entry->prompt_tokens;
    }
    if (segment->completion_tokens == BEDROCK_INT_NONE) {
        segment->completion_tokens = entry->completion_tokens;
    }
}

static int64_t known(int64_t tokens)
{
    return tokens != BEDROCK_INT_NONE ? tokens : 0;
}

static void account_step(bedrock_step *step, const fl_bedrock_options *options)
{
    bedrock_segment *segment = &step->segment;
    fl_str model = model_of(step);
    segment->model = model.n > 0 ? fl_genai_model(model) : (fl_str){0};
    take_tokens(step);
    fill_in(step, options);
    segment->provider = segment->model.p != NULL ? fl_genai_provider(segment->model) : (fl_str){0};
    segment->cost_nano = BEDROCK_INT_NONE;
    bool has_tokens = segment->prompt_tokens != BEDROCK_INT_NONE ||
                      segment->completion_tokens != BEDROCK_INT_NONE;
    int64_t nano;
    if (options->prices != NULL && segment->model.p != NULL && has_tokens &&
        fl_genai_cost(options->prices, segment->model, known(segment->prompt_tokens),
                      known(segment->completion_tokens), &nano)) {
        segment->cost_nano = nano;
    }
}

/* ---- Totals: each scope's own, then, the deepest first, added to the scope above. */

/* Sums of what strangers wrote stay at the largest number instead of overflowing. */
static void add_to(int64_t *sum, int64_t more)
{
    if (more != BEDROCK_INT_NONE && __builtin_add_overflow(known(*sum), more, sum)) {
        *sum = INT64_MAX;
    }
}

static void count_step(bedrock_totals *totals, const bedrock_step *step)
{
    const bedrock_segment *segment = &step->segment;
    bedrock_class class_of = bedrock_kinds[segment->kind].class_of;
    bool is_model = class_of == BEDROCK_CLASS_MODEL ||
                    (segment->kind == BEDROCK_FLOW_ACTION && segment->model.p != NULL);
    add_to(&totals->prompt_tokens, segment->prompt_tokens);
    add_to(&totals->completion_tokens, segment->completion_tokens);
    add_to(&totals->cost_nano, segment->cost_nano);
    totals->model_calls += is_model;
    totals->tool_calls += class_of == BEDROCK_CLASS_TOOL;
    totals->collaborator_calls += class_of == BEDROCK_CLASS_COLLABORATOR;
}

static void add_totals(bedrock_totals *sum, const bedrock_totals *more)
{
    add_to(&sum->prompt_tokens, more->prompt_tokens);
    add_to(&sum->completion_tokens, more->completion_tokens);
    add_to(&sum->cost_nano, more->cost_nano);
    sum->model_calls += more->model_calls;
    sum->tool_calls += more->tool_calls;
    sum->collaborator_calls += more->collaborator_calls;
}

static void sum_up(const bedrock_run *run)
{
    for (size_t i = 0; i < run->scope_count; i++) {
        run->scopes[i]->segment.totals = (bedrock_totals){.cost_nano = BEDROCK_INT_NONE};
    }
    for (size_t i = 0; i < run->step_count; i++) {
        count_step(&run->steps[i]->segment.scope->segment.totals, run->steps[i]);
    }
    for (size_t i = 0; i < run->scope_count; i++) {
        bedrock_scope *above = bedrock_scope_up(run->by_depth[i]);
        if (above != NULL) {
            add_totals(&above->segment.totals, &run->by_depth[i]->segment.totals);
        }
    }
}

void bedrock_account(const bedrock_run *run, const fl_bedrock_options *options)
{
    for (size_t i = 0; i < run->step_count; i++) {
        account_step(run->steps[i], options);
    }
    sum_up(run);
    for (size_t i = 0; i < run->scope_count && options->mode == FL_BEDROCK_TREE; i++) {
        run->scopes[i]->segment.has_totals = true;
    }
    if (options->mode == FL_BEDROCK_CHAIN && run->segment_count > 0) {
        run->segments[0]->totals = run->root->segment.totals;
        run->segments[0]->has_totals = true;
    }
}
