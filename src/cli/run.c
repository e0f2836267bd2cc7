#include "cli/run_int.h"

#include <stdlib.h>

/* ---- What was used */

static int64_t known(int64_t count)
{
    return count != FL_INT_NONE ? count : 0;
}

static fl_spend totals_of(const fl_step *step)
{
    return (fl_spend){
        .prompt_tokens = known(step->total_prompt_tokens),
        .completion_tokens = known(step->total_completion_tokens),
        .cost_nano = known(step->total_cost_nano),
        .has_tokens = step->total_prompt_tokens != FL_INT_NONE ||
                      step->total_completion_tokens != FL_INT_NONE,
        .has_cost = step->total_cost_nano != FL_INT_NONE,
    };
}

/* From the last node to the first, so that each has all that is below it when it tells its parent.
 */
static void sum_upwards(const fl_tree *tree, fl_run *run)
{
    for (uint32_t i = tree->count; i-- > 0;) {
        const fl_tree_node *node = &tree->nodes[i];
        if (node->step != NULL) {
            fl_spend totals = totals_of(node->step);
            fl_spend_add(&run->spent[i], &node->step->own);
            fl_spend_raise(&run->spent[i], &totals);
        }
        fl_spend *above = node->parent != FL_TREE_NONE ? &run->spent[node->parent] : &run->total;
        fl_spend_add(above, &run->spent[i]);
    }
}

static void raise_count(uint64_t *count, int64_t total)
{
    if (total != FL_INT_NONE && (uint64_t)total > *count) {
        *count = (uint64_t)total;
    }
}

static void count_steps(const fl_tree *tree, fl_run *run)
{
    for (uint32_t i = 0; i < tree->count; i++) {
        const fl_step *step = tree->nodes[i].step;
        if (step == NULL) {
            continue;
        }
        run->calls[step->kind]++;
        run->unpriced += step->own.has_tokens && !step->own.has_cost;
        run->retries += (uint64_t)known(step->retry_count);
        /* An agent repeats what happened to its step. */
        run->timeouts += step->timed_out && step->kind != FL_STEP_RUN;
        run->blocked += step->blocked;
        run->intervened += step->intervened;
        run->incomplete += step->waits;
    }
    run->unpriced = run->total.has_cost ? run->unpriced : 0;
    const fl_step *root = tree->root != FL_TREE_NONE ? tree->nodes[tree->root].step : NULL;
    if (root != NULL) {
        raise_count(&run->calls[FL_STEP_MODEL], root->total_model_calls);
        raise_count(&run->calls[FL_STEP_TOOL], root->total_tool_calls);
        raise_count(&run->calls[FL_STEP_CALL], root->total_collaborator_calls);
    }
}

/* ---- Where the time went */

/* What a function does below a tool call is the tool's time; an agent below a call is not. */
static void sum_path(const fl_tree *tree, fl_run *run, uint8_t *kind_of_node)
{
    for (uint32_t i = 0; i < tree->count; i++) {
        const fl_tree_node *node = &tree->nodes[i];
        fl_step_kind above =
            node->parent != FL_TREE_NONE ? (fl_step_kind)kind_of_node[node->parent] : FL_STEP_OTHER;
        fl_step_kind kind = node->step != NULL ? node->step->kind : above;
        kind = kind == FL_STEP_RUN || kind == FL_STEP_CALL ? FL_STEP_OTHER : kind;
        kind_of_node[i] = (uint8_t)kind;
        size_t count;
        const fl_path_slice *slices = fl_tree_slices(tree, node->entity, &count);
        for (size_t j = 0; j < count; j++) {
            run->path_ns[kind] += slices[j].to_ns - slices[j].from_ns;
            run->path_sum_ns += slices[j].to_ns - slices[j].from_ns;
        }
    }
}

/* ---- Whom it asked */

static int by_name(const void *a, const void *b)
{
    const fl_tally *x = a, *y = b;
    int order = fl_str_cmp(x->name, y->name);
    return order != 0 ? order : (x->first > y->first) - (x->first < y->first);
}

static int by_first(const void *a, const void *b)
{
    const fl_tally *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

static int by_spent(const void *a, const void *b)
{
    const fl_tally *x = a, *y = b;
    const fl_spend *p = &x->spent, *q = &y->spent;
    if (p->cost_nano != q->cost_nano) {
        return p->cost_nano > q->cost_nano ? -1 : 1;
    }
    double p_tokens = (double)p->prompt_tokens + (double)p->completion_tokens;
    double q_tokens = (double)q->prompt_tokens + (double)q->completion_tokens;
    int order = (p_tokens < q_tokens) - (p_tokens > q_tokens);
    return order != 0 ? order : by_first(a, b);
}

/* Those of one name become one. Returns how many are left. */
static size_t merge(fl_tally *tallies, size_t count)
{
    if (count == 0) {
        return 0;
    }
    size_t last = 0;
    qsort(tallies, count, sizeof *tallies, by_name);
    for (size_t i = 1; i < count; i++) {
        if (fl_str_eq(tallies[last].name, tallies[i].name)) {
            tallies[last].count += tallies[i].count;
            fl_spend_add(&tallies[last].spent, &tallies[i].spent);
        } else {
            tallies[++last] = tallies[i];
        }
    }
    return last + 1;
}

static void tally(const fl_tree *tree, fl_run *run)
{
    for (uint32_t i = 0; i < tree->count; i++) {
        const fl_step *step = tree->nodes[i].step;
        if (step == NULL) {
            continue;
        }
        fl_tally one = {.name = step->model, .first = i, .count = 1, .spent = step->own};
        if (step->kind == FL_STEP_MODEL && one.name.n > 0) {
            run->models[run->model_count++] = one;
        }
        one.name = fl_step_agent(step);
        if (one.name.n > 0) {
            run->agents[run->agent_count++] = one;
        }
    }
    run->model_count = merge(run->models, run->model_count);
    run->agent_count = merge(run->agents, run->agent_count);
    if (run->model_count > 0) {
        qsort(run->models, run->model_count, sizeof *run->models, by_spent);
    }
    if (run->agent_count > 0) {
        qsort(run->agents, run->agent_count, sizeof *run->agents, by_first);
    }
}

fl_status fl_run_of(fl_arena *arena, const fl_tree *tree, fl_run *out, fl_err *err)
{
    fl_run run = {
        .spent = FL_ARENA_ARRAY(arena, fl_spend, tree->count),
        .models = FL_ARENA_ARRAY(arena, fl_tally, tree->step_count),
        .agents = FL_ARENA_ARRAY(arena, fl_tally, tree->step_count),
    };
    uint8_t *kind_of_node = FL_ARENA_ARRAY(arena, uint8_t, tree->count);
    if (run.spent == NULL || run.models == NULL || run.agents == NULL || kind_of_node == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory for the figures of the run");
    }
    sum_upwards(tree, &run);
    count_steps(tree, &run);
    sum_path(tree, &run, kind_of_node);
    tally(tree, &run);
    *out = run;
    return FL_OK;
}

/* ---- What failed */

static bool is_flagged(const fl_tree_node *node)
{
    fl_flags flags = fl_segment_flags(node->entity->segment);
    return flags.fault || flags.error || flags.throttle;
}

/* A failure that came as a step of its own closes what was open then: that tells more. */
static int64_t failure_ns(const fl_tree *tree, uint32_t node)
{
    const fl_step *step = tree->nodes[node].step;
    bool is_report = step != NULL && fl_str_eq(step->genai_kind, FL_S("failure"));
    int64_t end_ns = tree->nodes[node].entity->segment->start_ns + fl_tree_ns(tree, node);
    return end_ns - (is_report ? FL_NS_PER_MS : 0);
}

/* The flagged child that failed last, FL_TREE_NONE if there is none. */
static uint32_t failed_child(const fl_tree *tree, uint32_t parent)
{
    uint32_t latest = FL_TREE_NONE;
    int64_t latest_ns = INT64_MIN;
    for (uint32_t i = parent + 1; i < tree->nodes[parent].end; i = tree->nodes[i].end) {
        int64_t ns = failure_ns(tree, i);
        if (is_flagged(&tree->nodes[i]) && ns >= latest_ns) {
            latest = i;
            latest_ns = ns;
        }
    }
    return latest;
}

fl_failures fl_failures_of(const fl_tree *tree)
{
    fl_failures found = {0};
    uint32_t why = FL_TREE_NONE;
    if (tree->root != FL_TREE_NONE && is_flagged(&tree->nodes[tree->root])) {
        for (uint32_t i = tree->root; i != FL_TREE_NONE; i = failed_child(tree, i)) {
            why = i;
        }
        found.nodes[found.count++] = why;
        found.first_ended = true;
    }
    for (uint32_t i = 0; i < tree->count; i++) {
        bool is_cause =
            is_flagged(&tree->nodes[i]) && failed_child(tree, i) == FL_TREE_NONE && i != why;
        if (is_cause && found.count < FL_FAILURES_MAX) {
            found.nodes[found.count++] = i;
        } else {
            found.others += is_cause;
        }
    }
    return found;
}

uint32_t fl_running_of(const fl_tree *tree, uint32_t *nodes, uint32_t max)
{
    uint32_t count = 0, latest = FL_TREE_NONE;
    for (uint32_t i = 0; i < tree->count && count < max; i++) {
        if (fl_segment_is_complete(tree->nodes[i].entity->segment)) {
            continue;
        }
        if (latest != FL_TREE_NONE && i >= tree->nodes[latest].end) {
            nodes[count++] = latest;
        }
        latest = i;
    }
    if (latest != FL_TREE_NONE && count < max) {
        nodes[count++] = latest;
    }
    return count;
}
