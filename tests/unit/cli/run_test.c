#include "unit/cli/agent_run_fixture.h"

#include "cli/run_int.h"

#define AGENT "\"genai_kind\":\"agent\",\"agent_id\":\"SUPER\""
#define MODEL "\"genai_kind\":\"llm\",\"agent_id\":\"SUPER\",\"model\":\"m\""
#define TOOL  "\"genai_kind\":\"tool\",\"agent_id\":\"SUPER\",\"tool_name\":\"t\""
#define FAULT ",\"fault\":true"
#define ERROR ",\"error\":true"

typedef struct tried_run {
    fl_arena arena;
    fl_tree tree;
} tried_run;

static void begin(tried_run *t, const run_step *steps, size_t count)
{
    fl_err err = {0};
    fl_arena_init(&t->arena, (size_t)64 << 20);
    const fl_trace *trace = run_trace(&t->arena, steps, count);
    assert_ok(fl_tree_of(&t->arena, trace, &t->tree, &err), &err);
}

static fl_run figures_of(tried_run *t)
{
    fl_run run;
    assert_ok(fl_run_of(&t->arena, &t->tree, &run, NULL), NULL);
    return run;
}

static void expect_node(const tried_run *t, uint32_t node, const char *name)
{
    assert_str(t->tree.nodes[node].entity->segment->name, name);
}

static void tokens_of_steps_and_totals_are_never_added(void **state)
{
    (void)state;
    static const run_step steps[] = {
        {"a", -1, 0, 100, AGENT ",\"total_prompt_tokens\":30,\"total_completion_tokens\":3", NULL},
        {"m1", 0, 0, 10, MODEL ",\"prompt_tokens\":10,\"completion_tokens\":1", NULL},
        {"m2", 0, 20, 30, MODEL ",\"prompt_tokens\":20,\"completion_tokens\":2", NULL},
    };
    tried_run t;
    begin(&t, steps, 3);
    fl_run run = figures_of(&t);
    assert_int_equal(run.total.prompt_tokens, 30);
    assert_int_equal(run.total.completion_tokens, 3);
    assert_int_equal(run.spent[0].prompt_tokens, 30);
    assert_int_equal(run.calls[FL_STEP_MODEL], 2);
    fl_arena_fini(&t.arena);
}

static void totals_stand_for_steps_that_are_missing(void **state)
{
    (void)state;
    static const run_step steps[] = {
        {"a", -1, 0, 100, AGENT ",\"total_prompt_tokens\":30,\"total_model_calls\":4", NULL},
        {"m1", 0, 0, 10, MODEL ",\"prompt_tokens\":10", NULL},
    };
    tried_run t;
    begin(&t, steps, 2);
    fl_run run = figures_of(&t);
    assert_int_equal(run.total.prompt_tokens, 30);
    assert_int_equal(run.calls[FL_STEP_MODEL], 4);
    fl_arena_fini(&t.arena);
}

static void steps_that_totals_do_not_know_count(void **state)
{
    (void)state;
    static const run_step steps[] = {
        {"a", -1, 0, 100, AGENT ",\"total_prompt_tokens\":10", NULL},
        {"m1", 0, 0, 10, MODEL ",\"prompt_tokens\":10", NULL},
        {"t1", 0, 20, 60, TOOL, NULL},
        {"inside", 2, 30, 50, MODEL ",\"prompt_tokens\":5", NULL},
    };
    tried_run t;
    begin(&t, steps, 4);
    assert_int_equal(figures_of(&t).total.prompt_tokens, 15);
    fl_arena_fini(&t.arena);
}

static void the_time_of_the_path_goes_to_the_nearest_kind(void **state)
{
    (void)state;
    static const run_step steps[] = {
        {"a", -1, 0, 100, AGENT, NULL},
        {"m1", 0, 0, 40, MODEL, NULL},
        {"t1", 0, 40, 90, TOOL, NULL},
        {"sql", 2, 50, 80, "\"x\":1", NULL},
    };
    tried_run t;
    begin(&t, steps, 4);
    fl_run run = figures_of(&t);
    assert_int_equal(run.path_ns[FL_STEP_MODEL], 40 * FL_NS_PER_MS);
    assert_int_equal(run.path_ns[FL_STEP_TOOL], 50 * FL_NS_PER_MS);
    assert_int_equal(run.path_ns[FL_STEP_OTHER], 10 * FL_NS_PER_MS);
    assert_int_equal(run.path_sum_ns, 100 * FL_NS_PER_MS);
    fl_arena_fini(&t.arena);
}

static void models_come_by_cost_and_agents_by_time(void **state)
{
    (void)state;
    static const run_step steps[] = {
        {"a", -1, 0, 100, AGENT, NULL},
        {"m1", 0, 0, 10, "\"model\":\"cheap\",\"prompt_tokens\":90,\"cost_usd\":0.1", NULL},
        {"m2", 0, 20, 30, "\"model\":\"dear\",\"prompt_tokens\":5,\"cost_usd\":0.5", NULL},
        {"m3", 0, 40, 50, "\"model\":\"cheap\",\"prompt_tokens\":1,\"agent_id\":\"B\"", NULL},
    };
    tried_run t;
    begin(&t, steps, 4);
    fl_run run = figures_of(&t);
    assert_int_equal(run.model_count, 2);
    assert_str(run.models[0].name, "dear");
    assert_str(run.models[1].name, "cheap");
    assert_int_equal(run.models[1].count, 2);
    assert_int_equal(run.unpriced, 1);
    assert_int_equal(run.agent_count, 2);
    assert_str(run.agents[0].name, "SUPER");
    assert_str(run.agents[1].name, "B");
    fl_arena_fini(&t.arena);
}

static void the_deepest_cause_is_told_and_not_the_agent(void **state)
{
    (void)state;
    static const run_step steps[] = {
        {"root", -1, 0, 100, AGENT, FAULT},
        {"recovered", 0, 5, 10, TOOL, FAULT},
        {"ask", 0, 10, 90, "\"genai_kind\":\"agent_call\"", FAULT},
        {"worker", 2, 12, 90, AGENT, FAULT},
        {"model", 3, 12, 20, MODEL, NULL},
        {"cause", 3, 20, 90, TOOL, FAULT},
    };
    tried_run t;
    begin(&t, steps, 6);
    fl_failures failures = fl_failures_of(&t.tree);
    assert_true(failures.first_ended);
    assert_int_equal(failures.count, 2);
    expect_node(&t, failures.nodes[0], "cause");
    expect_node(&t, failures.nodes[1], "recovered");
    fl_arena_fini(&t.arena);
}

static void a_recovered_fault_below_a_good_step_is_not_why_the_run_failed(void **state)
{
    (void)state;
    static const run_step steps[] = {
        {"root", -1, 0, 100, AGENT, FAULT},
        {"worker", 0, 0, 50, AGENT, NULL},
        {"recovered", 1, 5, 10, TOOL, FAULT},
        {"cause", 0, 60, 100, TOOL, ERROR},
    };
    tried_run t;
    begin(&t, steps, 4);
    fl_failures failures = fl_failures_of(&t.tree);
    expect_node(&t, failures.nodes[0], "cause");
    fl_arena_fini(&t.arena);
}

static void what_a_failure_closed_tells_more_than_the_failure(void **state)
{
    (void)state;
    static const run_step closed[] = {
        {"root", -1, 0, 100, AGENT, ERROR},
        {"tool", 0, 10, 100, TOOL, FAULT},
        {"report", 0, 100, 100, "\"genai_kind\":\"failure\"", ERROR},
    };
    static const run_step earlier[] = {
        {"root", -1, 0, 100, AGENT, ERROR},
        {"tool", 0, 10, 50, TOOL, FAULT},
        {"report", 0, 100, 100, "\"genai_kind\":\"failure\"", ERROR},
    };
    tried_run t;
    begin(&t, closed, 3);
    expect_node(&t, fl_failures_of(&t.tree).nodes[0], "tool");
    fl_arena_fini(&t.arena);
    begin(&t, earlier, 3);
    expect_node(&t, fl_failures_of(&t.tree).nodes[0], "report");
    fl_arena_fini(&t.arena);
}

static void failures_beyond_three_are_counted(void **state)
{
    (void)state;
    static const run_step steps[] = {
        {"root", -1, 0, 100, AGENT, NULL}, {"f1", 0, 0, 1, TOOL, FAULT},
        {"f2", 0, 2, 3, TOOL, FAULT},      {"f3", 0, 4, 5, TOOL, ERROR},
        {"f4", 0, 6, 7, TOOL, FAULT},      {"f5", 0, 8, 9, TOOL, FAULT},
    };
    tried_run t;
    begin(&t, steps, 6);
    fl_failures failures = fl_failures_of(&t.tree);
    assert_false(failures.first_ended);
    assert_int_equal(failures.count, 3);
    assert_int_equal(failures.others, 2);
    expect_node(&t, failures.nodes[0], "f1");
    fl_arena_fini(&t.arena);
}

static void what_runs_is_the_deepest_unfinished(void **state)
{
    (void)state;
    static const run_step steps[] = {
        {"root", -1, 0, RUNNING, AGENT, NULL}, {"done", 0, 0, 10, TOOL, NULL},
        {"ask", 0, 10, RUNNING, TOOL, NULL},   {"worker", 2, 11, RUNNING, AGENT, NULL},
        {"tool", 0, 12, RUNNING, TOOL, NULL},
    };
    tried_run t;
    uint32_t nodes[3];
    begin(&t, steps, 5);
    assert_int_equal(fl_running_of(&t.tree, nodes, 3), 2);
    expect_node(&t, nodes[0], "worker");
    expect_node(&t, nodes[1], "tool");
    assert_int_equal(fl_running_of(&t.tree, nodes, 1), 1);
    fl_arena_fini(&t.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_of_steps_and_totals_are_never_added),
        cmocka_unit_test(totals_stand_for_steps_that_are_missing),
        cmocka_unit_test(steps_that_totals_do_not_know_count),
        cmocka_unit_test(the_time_of_the_path_goes_to_the_nearest_kind),
        cmocka_unit_test(models_come_by_cost_and_agents_by_time),
        cmocka_unit_test(the_deepest_cause_is_told_and_not_the_agent),
        cmocka_unit_test(a_recovered_fault_below_a_good_step_is_not_why_the_run_failed),
        cmocka_unit_test(what_a_failure_closed_tells_more_than_the_failure),
        cmocka_unit_test(failures_beyond_three_are_counted),
        cmocka_unit_test(what_runs_is_the_deepest_unfinished),
    };
    return cmocka_run_group_tests(tests, fixture_setup, NULL);
}
