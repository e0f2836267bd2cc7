/* A cluster → its runs: divided by roots, in order, every segment's facts filled in. */
#include <stdlib.h>

#include "bedrock/convert_int.h"

static void reset_segment(bedrock_segment *segment, uint32_t event_count, uint64_t touched)
{
    bedrock_kind kind = segment->kind;
    bedrock_step *step = segment->step;
    bedrock_scope *scope = segment->scope;
    memset(segment, 0, sizeof *segment); /* its bytes are compared, the gaps too */
    segment->kind = kind;
    segment->step = step;
    segment->scope = scope;
    segment->event_count = event_count;
    segment->touched = touched;
    segment->http_status = FL_INT_NONE;
    segment->prompt_tokens = segment->completion_tokens = segment->cost_nano = BEDROCK_INT_NONE;
}

/* ---- Dividing by roots. The runs of a cluster are in the order of their roots' first events. */

static bedrock_run *run_of(const bedrock_scope *scope)
{
    return scope->links->root->links->run;
}

static fl_status list_runs(const bedrock_cluster *cluster, fl_arena *arena, bedrock_settled *out,
                           fl_err *err)
{
    size_t roots = 0;
    for (size_t i = 0; i < cluster->scopes.count; i++) {
        const bedrock_scope *scope = cluster->scopes.items[i];
        roots += scope->links->root == scope;
    }
    out->runs = FL_ARENA_ARRAY(arena, bedrock_run, roots);
    if (out->runs == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for %zu runs", roots);
    }
    out->count = 0;
    for (size_t i = 0; i < cluster->scopes.count; i++) {
        bedrock_scope *scope = cluster->scopes.items[i];
        if (scope->links->root == scope) {
            out->runs[out->count] = (bedrock_run){.root = scope, .first_time_ns = FL_TIME_NONE};
            scope->links->run = &out->runs[out->count++];
        }
    }
    return FL_OK;
}

static fl_status make_room(fl_arena *arena, bedrock_run *run, fl_err *err)
{
    size_t segments = run->step_count + run->scope_count;
    run->scopes = FL_ARENA_ARRAY(arena, bedrock_scope *, run->scope_count);
    run->by_depth = FL_ARENA_ARRAY(arena, bedrock_scope *, run->scope_count);
    run->steps = FL_ARENA_ARRAY(arena, bedrock_step *, run->step_count);
    run->segments = FL_ARENA_ARRAY(arena, bedrock_segment *, segments);
    if (run->scopes == NULL || run->by_depth == NULL || run->steps == NULL ||
        run->segments == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a run of %zu segments", segments);
    }
    run->scope_count = run->step_count = 0;
    return FL_OK;
}

static void chain_step(bedrock_step *step)
{
    bedrock_scope_links *links = step->segment.scope->links;
    step->next_in_scope = NULL;
    *(links->last_step != NULL ? &links->last_step->next_in_scope : &links->first_step) = step;
    links->last_step = step;
}

static void chain_child(bedrock_scope *scope)
{
    bedrock_scope *above = bedrock_scope_up(scope);
    if (above != NULL) {
        scope->links->next_child = above->links->first_child;
        above->links->first_child = scope;
    }
}

static void note_first_time(bedrock_run *run, const bedrock_scope *scope, uint64_t *seq)
{
    if (scope->first_time_ns != FL_TIME_NONE && scope->first_time_seq < *seq) {
        run->first_time_ns = scope->first_time_ns;
        *seq = scope->first_time_seq;
    }
}

static fl_status divide(const bedrock_cluster *cluster, fl_arena *arena, bedrock_settled *out,
                        fl_err *err)
{
    bedrock_scope **scopes = (bedrock_scope **)cluster->scopes.items;
    bedrock_step **steps = (bedrock_step **)cluster->steps.items;
    FL_TRY(list_runs(cluster, arena, out, err));
    for (size_t i = 0; i < cluster->scopes.count; i++) {
        scopes[i]->links->first_step = scopes[i]->links->last_step = NULL;
        scopes[i]->links->first_child = scopes[i]->links->next_child = NULL;
        run_of(scopes[i])->scope_count++;
    }
    for (size_t i = 0; i < cluster->steps.count; i++) {
        run_of(steps[i]->segment.scope)->step_count++;
    }
    for (size_t i = 0; i < out->count; i++) {
        FL_TRY(make_room(arena, &out->runs[i], err));
    }
    for (size_t i = 0; i < cluster->scopes.count; i++) {
        bedrock_run *run = run_of(scopes[i]);
        run->scopes[run->scope_count++] = scopes[i];
        chain_child(scopes[i]);
    }
    for (size_t i = 0; i < cluster->steps.count; i++) {
        bedrock_run *run = run_of(steps[i]->segment.scope);
        run->steps[run->step_count++] = steps[i];
        chain_step(steps[i]);
    }
    return FL_OK;
}

static int deeper_first(const void *a, const void *b)
{
    const bedrock_scope *const *left = (const bedrock_scope *const *)a;
    const bedrock_scope *const *right = (const bedrock_scope *const *)b;
    uint32_t l = (*left)->links->depth, r = (*right)->links->depth;
    return l > r ? -1 : l < r;
}

static void order_scopes(bedrock_run *run)
{
    uint64_t seq = UINT64_MAX;
    uint32_t ordinal = 0;
    for (size_t i = 0; i < run->scope_count; i++) {
        bedrock_scope *scope = run->scopes[i];
        scope->ordinal = scope->is_flow ? 0 : ++ordinal;
        run->by_depth[i] = scope;
        reset_segment(&scope->segment, scope->event_count, scope->touched);
        note_first_time(run, scope, &seq);
        run->answer_chunks += scope->answer_chunks;
        run->answer_files += scope->answer_files;
        run->answer_citations += scope->answer_citations;
    }
    if (run->scope_count > 1) {
        qsort((void *)run->by_depth, run->scope_count, sizeof *run->by_depth, deeper_first);
    }
}

/* ---- Numbers of events: the n-th of the run */

static void number_events(const bedrock_cluster *cluster)
{
    size_t at = 0;
    for (size_t i = 0; i < cluster->mark_count; i++) {
        const bedrock_mark *mark = &cluster->marks[i];
        uint32_t index = ++run_of(mark->scope)->root->links->event_count;
        while (at < cluster->steps.count) {
            bedrock_step *step = cluster->steps.items[at];
            if (step->first_seq > mark->seq) {
                break;
            }
            step->segment.event_index = index;
            at++;
        }
    }
}

/* ---- Order and parents of documents */

static void push_segment(bedrock_run *run, bedrock_segment *segment)
{
    segment->index = (uint32_t)run->segment_count;
    run->segments[run->segment_count++] = segment;
}

/* By first event; an agent before the step that begins with the same event. */
static void order_tree(bedrock_run *run)
{
    size_t scope = 0, step = 0;
    while (scope < run->scope_count || step < run->step_count) {
        bool next_is_scope = scope < run->scope_count &&
                             (step == run->step_count ||
                              run->scopes[scope]->first_seq <= run->steps[step]->first_seq);
        push_segment(run,
                     next_is_scope ? &run->scopes[scope++]->segment : &run->steps[step++]->segment);
    }
}

static void set_parents_tree(const bedrock_run *run)
{
    for (size_t i = 0; i < run->step_count; i++) {
        bedrock_step *step = run->steps[i];
        step->segment.parent =
            step->node != NULL ? &step->node->segment : &step->segment.scope->segment;
    }
    for (size_t i = 0; i < run->scope_count; i++) {
        bedrock_scope *scope = run->scopes[i];
        scope->segment.parent = scope->caller != NULL  ? &scope->caller->segment
                                : scope->above != NULL ? &scope->above->segment
                                                       : NULL;
    }
}

static void order_chain(bedrock_run *run)
{
    for (size_t i = 0; i < run->step_count; i++) {
        run->steps[i]->segment.parent = i > 0 ? &run->steps[i - 1]->segment : NULL;
        push_segment(run, &run->steps[i]->segment);
    }
}

static void find_span(bedrock_run *run)
{
    for (size_t i = 0; i < run->segment_count; i++) {
        const bedrock_segment *segment = run->segments[i];
        run->start_ns =
            i == 0 || segment->start_ns < run->start_ns ? segment->start_ns : run->start_ns;
        run->end_ns = i == 0 || segment->end_ns > run->end_ns ? segment->end_ns : run->end_ns;
    }
}

/* ---- */

static fl_status settle_run(bedrock_run *run, const fl_bedrock_options *options, fl_arena *arena,
                            fl_err *err)
{
    bool *is_timed = FL_ARENA_ARRAY(arena, bool, run->step_count);
    if (is_timed == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a run of %zu steps", run->step_count);
    }
    for (size_t i = 0; i < run->step_count; i++) {
        run->steps[i]->segment.retry_count = run->steps[i]->retry_count;
    }
    bedrock_settle_outcomes(run);
    bedrock_settle_times(run, options, is_timed);
    if (options->mode == FL_BEDROCK_TREE) {
        order_tree(run);
        set_parents_tree(run);
    } else {
        order_chain(run);
    }
    find_span(run);
    return FL_OK;
}

fl_status bedrock_settle(bedrock_state *state, bedrock_cluster *cluster, fl_arena *arena,
                         bool at_end, bedrock_settled *out, fl_err *err)
{
    const fl_bedrock_options *options = state->options;
    bedrock_cluster_sort(cluster);
    bedrock_settle_links(cluster, options);
    FL_TRY(divide(cluster, arena, out, err));
    for (size_t i = 0; i < cluster->steps.count; i++) {
        bedrock_step *step = cluster->steps.items[i];
        reset_segment(&step->segment, step->event_count, step->touched);
    }
    for (size_t i = 0; i < out->count; i++) {
        bedrock_run *run = &out->runs[i];
        run->complete = at_end || run->root->ended;
        run->root->links->event_count = 0;
        order_scopes(run);
    }
    number_events(cluster);
    for (size_t i = 0; i < out->count; i++) {
        FL_TRY(settle_run(&out->runs[i], options, arena, err));
    }
    return FL_OK;
}
