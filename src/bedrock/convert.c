/*
 * The converter: reader → state → runs given out.
 *
 * Runs are held, also after their end, until their memory is needed or the input ends, so that late
 * events (post-processing is told of after the final response) find them. In follow mode what
 * changed is given out after each feed, and again when it changes.
 */
#include <stdlib.h>

#include "bedrock/convert_int.h"

#define RUN_KEY_MAX ((size_t)64 << 10)

struct fl_bedrock {
    fl_bedrock_options options;
    fl_bedrock_sink sink;
    fl_bedrock_counts counts;
    bedrock_diagnostics diagnostics;
    fl_budget own_budget;
    bedrock_state state;
    bedrock_reader *reader;
    bedrock_writer *writer;
    bedrock_keys keys;
    fl_arena settling; /* of one cluster at a time */
};

/* ---- Which runs may be given out now */

static bool tells_its_callers(const bedrock_scope *root)
{
    return root->is_flow || (root->path.count == 1 && root->envelope.has_callers);
}

/* Who waits for a collaborator: the scopes below this root, or below another? */
static void who_calls(const bedrock_state *state, const bedrock_scope *root, bool *itself,
                      bool *others)
{
    *itself = *others = false;
    for (const bedrock_scope *calling = state->newest_in[BEDROCK_CALLING]; calling != NULL;
         calling = calling->links->in[BEDROCK_CALLING].older) {
        *(calling->links->root == root ? itself : others) = true;
    }
}

/* Does a younger scope, of another cluster, not tell who called it? */
static bool may_have_called(const bedrock_state *state, const bedrock_scope *root)
{
    for (const bedrock_cluster *c = state->oldest; c != NULL; c = c->newer) {
        const bedrock_scope *other = c->scopes.items[0];
        if (c != root->cluster && other->first_seq > root->first_seq && !tells_its_callers(other)) {
            return true;
        }
    }
    return false;
}

/* Could this run and another still turn out to be one? Then its events and agents would get other
 * numbers, and its documents other ids. Only streams that lost their envelopes, or their head, come
 * here. */
static bool may_be_joined(const bedrock_state *state, const bedrock_run *run)
{
    const bedrock_scope *root = run->root;
    bool itself, others;
    who_calls(state, root, &itself, &others);
    return (!tells_its_callers(root) && (root->path.count > 1 || others)) ||
           (itself && may_have_called(state, root));
}

/* Is the trace id settled? Without a given one it holds the first time that an event tells. */
static bool has_trace_id(const fl_bedrock_options *options, const bedrock_run *run)
{
    return !fl_trace_id_is_none(options->trace_id) || run->first_time_ns != FL_TIME_NONE ||
           options->clock == FL_BEDROCK_CLOCK_SYNTHETIC;
}

static bool is_ready(const fl_bedrock *converter, const bedrock_run *run, bool at_end)
{
    bool waits_for_sampling = converter->options.sample < 1 && !run->complete;
    return at_end || (!may_be_joined(&converter->state, run) && !waits_for_sampling &&
                      (run->complete || has_trace_id(&converter->options, run)));
}

/* ---- Giving out */

static fl_status choose_key(fl_bedrock *converter, bedrock_run *run, fl_err *err)
{
    bedrock_scope *root = run->root;
    if (root->run_key.p == NULL) {
        fl_buf key;
        uint32_t times = 0;
        fl_buf_init(&key, RUN_KEY_MAX);
        bedrock_run_key(run, &converter->options, &key);
        fl_status status =
            key.status != FL_OK
                ? fl_err_set(err, key.status, __FILE__, __LINE__,
                             "the names that tell a run from others are too long")
                : bedrock_keys_count(&converter->keys, fl_buf_str(&key), &times, err);
        if (status == FL_OK && times > 1) {
            fl_buf_add_byte(&key, '#');
            fl_buf_add_u64(&key, times);
        }
        if (status == FL_OK) {
            root->run_key = fl_str_dup(&root->cluster->arena, fl_buf_str(&key));
        }
        fl_buf_fini(&key);
        FL_TRY(status);
        if (root->run_key.p == NULL) {
            FL_FAIL(err, FL_E_NOMEM, "no memory for a run");
        }
        root->run_ordinal = (uint32_t)++converter->counts.runs;
        if (times > 1 && root->invocation_id.n > 0) {
            bedrock_diagnose(&converter->diagnostics, FL_BEDROCK_W_SPLIT_RUN, root->place,
                             "more events of an invocation whose trace was given out already; they "
                             "make a trace of their own. Convert such events together, without "
                             "many others between them");
        }
    }
    run->key = root->run_key;
    run->ordinal = root->run_ordinal;
    return FL_OK;
}

static void warn(fl_bedrock *converter, const bedrock_run *run)
{
    if (run->root->links->is_warned) {
        return;
    }
    run->root->links->is_warned = true;
    if (run->synthetic && converter->options.clock == FL_BEDROCK_CLOCK_AUTO) {
        bedrock_diagnose(&converter->diagnostics, FL_BEDROCK_W_NO_TIMES, run->root->place,
                         "no event of this run has a time; its segments stand on a synthetic clock "
                         "and a second import makes another trace, unless --now or --trace-id is "
                         "the same");
    }
    for (size_t i = 0; i < run->step_count; i++) {
        const bedrock_step *step = run->steps[i];
        if (step->segment.incomplete) {
            bedrock_diagnose(
                &converter->diagnostics, FL_BEDROCK_W_INCOMPLETE, step->place,
                "%.*s: the capture ends before this step's output; save the stream to its "
                "end",
                FL_P(bedrock_kinds[step->segment.kind].action));
        }
    }
}

/* A hash of all that a segment's document shows and that can change. */
static uint64_t shown(const bedrock_run *run, const bedrock_segment *segment)
{
    const bedrock_scope *scope = segment->scope;
    uint64_t hash = fl_hash64(segment, sizeof *segment, run->trace_id.lo + scope->links->learned);
    hash = fl_hash64(scope->label.p, scope->label.n, hash);
    hash = fl_hash64(scope->agent_name.p, scope->agent_name.n, hash);
    const uint64_t answer[] = {run->answer_chunks, run->answer_files, run->answer_citations};
    return segment->index == 0 ? fl_hash64(answer, sizeof answer, hash) : hash;
}

/* `anew`: whatever was given out before was thrown away. */
static fl_status write_segment(fl_bedrock *converter, const bedrock_run *run,
                               const bedrock_segment *segment, bool anew, fl_err *err)
{
    bedrock_given *given = segment->step != NULL ? &segment->step->given : &segment->scope->given;
    uint64_t hash = shown(run, segment);
    uint32_t documents = 0;
    if (anew) {
        *given = (bedrock_given){0};
    }
    if (converter->options.follow && hash == given->segment_hash) {
        return FL_OK;
    }
    given->segment_hash = hash;
    FL_TRY(bedrock_write(converter->writer, run, segment, &converter->sink,
                         converter->options.follow ? &given->text_hash : NULL, &documents, err));
    converter->counts.documents += documents;
    return FL_OK;
}

static fl_status give_run(fl_bedrock *converter, bedrock_run *run, fl_err *err)
{
    const fl_bedrock_sink *sink = &converter->sink;
    fl_bedrock_tool_step *tools = NULL;
    size_t tool_count = 0;
    FL_TRY(choose_key(converter, run, err));
    bedrock_account(run, &converter->options);
    bedrock_identify(run, &converter->options);
    FL_TRY(bedrock_tool_steps(&converter->settling, run, &tools, &tool_count, err));
    const fl_bedrock_run given = {.ordinal = run->ordinal,
                                  .trace_id = run->trace_id,
                                  .segments = (uint32_t)run->segment_count,
                                  .kept = bedrock_is_kept(run, &converter->options),
                                  .complete = run->complete,
                                  .tool_steps = tools,
                                  .tool_step_count = tool_count};
    bool anew = given.kept && !run->root->links->was_kept;
    run->root->links->was_kept = given.kept;
    if (sink->run_begin != NULL) {
        FL_TRY(sink->run_begin(sink->user, &given, err));
    }
    for (size_t i = 0; i < run->segment_count; i++) {
        FL_TRY(write_segment(converter, run, run->segments[i], anew, err));
    }
    return sink->run_end != NULL ? sink->run_end(sink->user, &given, err) : FL_OK;
}

static fl_status give_cluster(fl_bedrock *converter, bedrock_cluster *cluster, bool at_end,
                              fl_err *err)
{
    bedrock_settled settled;
    bool all = true;
    fl_arena_reset(&converter->settling);
    FL_TRY(bedrock_settle(&converter->state, cluster, &converter->settling, at_end, &settled, err));
    for (size_t i = 0; i < settled.count; i++) {
        bedrock_run *run = &settled.runs[i];
        if (!is_ready(converter, run, at_end)) {
            all = false;
            continue;
        }
        FL_TRY(give_run(converter, run, err));
        if (at_end) {
            warn(converter, run);
        }
    }
    cluster->is_changed = !all;
    return FL_OK;
}

static fl_status give_changed(fl_bedrock *converter, fl_err *err)
{
    for (bedrock_cluster *cluster = converter->state.oldest; cluster != NULL;
         cluster = cluster->newer) {
        if (cluster->is_changed) {
            FL_TRY(give_cluster(converter, cluster, false, err));
        }
    }
    return FL_OK;
}

/* ---- Taking events, holding no more than is allowed */

static fl_status drop_oldest(fl_bedrock *converter, fl_err *err)
{
    bedrock_cluster *oldest = converter->state.oldest;
    FL_TRY(give_cluster(converter, oldest, true, err));
    bedrock_cluster_drop(&converter->state, oldest);
    return FL_OK;
}

static fl_status take(void *user, bedrock_event *event, fl_err *err)
{
    fl_bedrock *converter = user;
    bedrock_state *state = &converter->state;
    FL_TRY(bedrock_take(state, event, err));
    if (state->newest == NULL) {
        return FL_OK;
    }
    bedrock_cluster_count(state, state->newest);
    while (state->held_bytes - state->newest->counted_bytes > converter->options.held_bytes) {
        FL_TRY(drop_oldest(converter, err));
    }
    return FL_OK;
}

/* ---- Entries */

/* A budget that is used up is the caller's limit, not the machine's. */
static fl_status told(const fl_bedrock *converter, fl_status status, fl_err *err)
{
    const fl_budget *budget = converter->state.budget;
    size_t slack = (size_t)2 << 20;
    if (status != FL_E_NOMEM || fl_budget_used(budget) + slack < budget->max_bytes) {
        return status;
    }
    if (budget != &converter->own_budget) {
        FL_FAIL(err, FL_E_BUSY, "others use the memory for conversions; try again later");
    }
    FL_FAIL(err, FL_E_TOO_LARGE, "one run needs more than %zu MiB of memory; split the input",
            budget->max_bytes >> 20);
}

fl_status fl_bedrock_new(const fl_bedrock_options *options, const fl_bedrock_sink *sink,
                         fl_bedrock **out, fl_err *err)
{
    fl_bedrock *converter = calloc(1, sizeof *converter);
    if (converter == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a converter");
    }
    converter->options = *options;
    converter->sink = *sink;
    converter->own_budget.max_bytes = options->max_bytes;
    converter->diagnostics =
        (bedrock_diagnostics){.sink = &converter->sink, .counts = &converter->counts};
    converter->state = (bedrock_state){.options = &converter->options,
                                       .diagnostics = &converter->diagnostics,
                                       .budget = options->budget != NULL ? options->budget
                                                                         : &converter->own_budget};
    fl_arena_init(&converter->settling, options->max_bytes);
    converter->settling.budget = converter->state.budget;
    const bedrock_reader_config reading = {.options = &converter->options,
                                           .diagnostics = &converter->diagnostics,
                                           .budget = converter->state.budget,
                                           .take = take,
                                           .user = converter};
    fl_status status = bedrock_reader_new(&reading, &converter->reader, err);
    status =
        status == FL_OK ? bedrock_writer_new(&converter->options, &converter->writer, err) : status;
    if (status != FL_OK) {
        fl_bedrock_free(converter);
        return status;
    }
    *out = converter;
    return FL_OK;
}

void fl_bedrock_free(fl_bedrock *converter)
{
    if (converter != NULL) {
        bedrock_reader_free(converter->reader);
        bedrock_writer_free(converter->writer);
        bedrock_state_fini(&converter->state);
        bedrock_keys_fini(&converter->keys);
        fl_arena_fini(&converter->settling);
        free(converter);
    }
}

fl_status fl_bedrock_feed(fl_bedrock *converter, fl_str bytes, fl_err *err)
{
    fl_status status = bedrock_reader_feed(converter->reader, bytes, err);
    if (status == FL_OK && converter->options.follow) {
        status = give_changed(converter, err);
    }
    return told(converter, status, err);
}

static int by_first_event(const void *a, const void *b)
{
    const bedrock_cluster *const *left = (const bedrock_cluster *const *)a;
    const bedrock_cluster *const *right = (const bedrock_cluster *const *)b;
    const bedrock_scope *l = (*left)->scopes.items[0], *r = (*right)->scopes.items[0];
    return l->first_seq < r->first_seq ? -1 : l->first_seq > r->first_seq;
}

/* All that is held, in the order of first events. */
static fl_status give_all(fl_bedrock *converter, fl_err *err)
{
    size_t count = 0, at = 0;
    for (bedrock_cluster *c = converter->state.oldest; c != NULL; c = c->newer) {
        count++;
    }
    bedrock_cluster **clusters = calloc(count + 1, sizeof *clusters);
    if (clusters == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for %zu runs", count);
    }
    for (bedrock_cluster *c = converter->state.oldest; c != NULL; c = c->newer) {
        bedrock_cluster_sort(c);
        clusters[at++] = c;
    }
    qsort((void *)clusters, count, sizeof *clusters, by_first_event);
    fl_status status = FL_OK;
    for (size_t i = 0; i < count && status == FL_OK; i++) {
        status = give_cluster(converter, clusters[i], true, err);
        if (status == FL_OK) {
            bedrock_cluster_drop(&converter->state, clusters[i]);
        }
    }
    free((void *)clusters);
    return status;
}

fl_status fl_bedrock_finish(fl_bedrock *converter, fl_err *err)
{
    fl_status status = bedrock_reader_finish(converter->reader, err);
    if (status == FL_OK) {
        status = give_all(converter, err);
    }
    return told(converter, status, err);
}

bool fl_bedrock_is_over(const fl_bedrock *converter)
{
    return converter->diagnostics.over;
}

const fl_bedrock_counts *fl_bedrock_counts_get(const fl_bedrock *converter)
{
    return &converter->counts;
}
