#include "unit/cli/agent_run_fixture.h"

#include "cli/step_int.h"

/* The step of a segment with these annotations, or of none. */
static bool read_step(fl_arena *arena, const char *name, const char *annotations, fl_step *out)
{
    const run_step line = {name, -1, 0, 100, annotations, NULL};
    const fl_trace *trace = run_trace(arena, &line, 1);
    return fl_step_read(trace->root->segment, out);
}

static void expect_kind(const char *annotations, const char *word, fl_step_kind kind)
{
    fl_arena arena;
    fl_step step;
    fl_arena_init(&arena, (size_t)16 << 20);
    assert_true(read_step(&arena, "n", annotations, &step));
    assert_str(step.word, word);
    assert_int_equal(step.kind, kind);
    fl_arena_fini(&arena);
}

static void expect_target(const char *name, const char *annotations, bool brief,
                          const char *expected)
{
    fl_arena arena;
    fl_step step;
    fl_buf text;
    fl_arena_init(&arena, (size_t)16 << 20);
    fl_buf_init(&text, 4096);
    assert_true(read_step(&arena, name, annotations, &step));
    const fl_segment segment = {.name = fl_str_of(name)};
    fl_step_target(&step, &segment, brief, &text);
    assert_str(fl_buf_str(&text), expected);
    fl_buf_fini(&text);
    fl_arena_fini(&arena);
}

static void annotations_alone_make_a_step(void **state)
{
    (void)state;
    expect_kind("\"genai_kind\":\"llm\"", "model", FL_STEP_MODEL);
    expect_kind("\"genai_kind\":\"retriever\"", "retriever", FL_STEP_TOOL);
    expect_kind("\"genai_kind\":\"agent_call\"", "ask", FL_STEP_CALL);
    expect_kind("\"genai_kind\":\"cache\"", "cache", FL_STEP_OTHER);
    expect_kind("\"prompt_tokens\":5", "model", FL_STEP_MODEL);
    expect_kind("\"model\":\"m\",\"provider\":\"p\"", "model", FL_STEP_MODEL);
    expect_kind("\"tool_name\":\"search\"", "tool", FL_STEP_TOOL);
}

static void names_and_common_words_do_not(void **state)
{
    (void)state;
    fl_arena arena;
    fl_step step;
    fl_arena_init(&arena, (size_t)16 << 20);
    assert_false(read_step(&arena, "InvokeModel_AGENT", "\"customer\":\"x\"", &step));
    assert_false(read_step(&arena, "n", "\"model\":\"T-800\",\"step\":\"checkout\"", &step));
    assert_false(read_step(&arena, "n", "\"retry_count\":2,\"timeout\":true", &step));
    assert_false(read_step(&arena, "n", "\"prompt_tokens\":\"many\"", &step));
    assert_false(read_step(&arena, "n", "\"prompt_tokens\":-5", &step));
    fl_arena_fini(&arena);
}

static void targets_are_what_people_call_it(void **state)
{
    (void)state;
    expect_target("InvokeActionGroup:F/GET /f/_id__A1",
                  "\"genai_kind\":\"tool\",\"agent_id\":\"A1\",\"tool_name\":\"F/GET /f/{id}\"",
                  false, "F/GET /f/{id}");
    expect_target("Agent:x_A1", "\"genai_kind\":\"agent\",\"agent_id\":\"A1\",\"agent_name\":\"x\"",
                  false, "x (A1)");
    expect_target("Agent_A1", "\"genai_kind\":\"agent\",\"agent_id\":\"A1\"", false, "A1");
    expect_target("FlowAction:lambda/Invoke_f",
                  "\"genai_kind\":\"flow_action\",\"flow\":\"f\",\"service\":\"lambda\","
                  "\"operation\":\"Invoke\"",
                  false, "lambda/Invoke");
    expect_target("FlowNode:Day_f",
                  "\"genai_kind\":\"flow_node\",\"flow_node\":\"Day\",\"flow_iteration\":\"E[1]\"",
                  false, "Day E[1]");
}

static void without_a_target_the_name_loses_its_agent(void **state)
{
    (void)state;
    expect_target("InvokeModel_A1", "\"genai_kind\":\"llm\",\"agent_id\":\"A1\"", false,
                  "InvokeModel");
    expect_target("_A1", "\"genai_kind\":\"llm\",\"agent_id\":\"A1\"", false, "_A1");
    expect_target("A1", "\"genai_kind\":\"llm\",\"agent_id\":\"A1\"", false, "A1");
}

static void brief_models_lose_region_and_known_vendor_only(void **state)
{
    (void)state;
    const char *claude = "\"model\":\"us.anthropic.claude-3\",\"provider\":\"anthropic\"";
    expect_target("n", claude, true, "claude-3");
    expect_target("n", claude, false, "us.anthropic.claude-3");
    expect_target("n", "\"genai_kind\":\"llm\",\"model\":\"gpt-4.1\"", true, "gpt-4.1");
    expect_target("n", "\"model\":\"gpt-4.1\",\"provider\":\"openai\"", true, "gpt-4.1");
    expect_target("n", "\"model\":\"acme.\",\"provider\":\"acme\"", true, "acme.");
}

static void tags_tell_what_flags_do_not(void **state)
{
    (void)state;
    static const struct {
        const char *annotations, *tags;
    } cases[] = {
        {"\"genai_kind\":\"tool\"", ""},
        {"\"genai_kind\":\"tool\",\"retry_count\":2,\"timeout\":true", "retry ×2 timeout"},
        {"\"genai_kind\":\"llm\",\"incomplete\":true", "incomplete"},
        {"\"genai_kind\":\"guardrail\",\"guardrail_action\":\"NONE\"", ""},
        {"\"genai_kind\":\"guardrail\",\"guardrail_action\":\"INTERVENED\"", "intervened"},
        {"\"genai_kind\":\"guardrail\",\"guardrail_action\":\"INTERVENED\",\"guardrail_blocked\":"
         "true",
         "blocked"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fl_arena arena;
        fl_step step;
        fl_buf unused, text;
        fl_screen screen = fixture_screen(&unused, 80);
        fl_arena_init(&arena, (size_t)16 << 20);
        fl_buf_init(&text, 4096);
        assert_true(read_step(&arena, "n", cases[i].annotations, &step));
        fl_step_tags(&screen, &step, step.retry_count, &text);
        assert_str(fl_buf_str(&text), cases[i].tags);
        fl_buf_fini(&text);
        fl_buf_fini(&unused);
        fl_arena_fini(&arena);
    }
}

static void costs_keep_hundredths_of_a_cent_below_a_dollar(void **state)
{
    (void)state;
    static const struct {
        int64_t nano;
        const char *text;
    } cases[] = {
        {0, "$0.0000"},
        {1, "<$0.0001"},
        {99999, "<$0.0001"},
        {100000, "$0.0001"},
        {149999, "$0.0001"},
        {150000, "$0.0002"},
        {7971000, "$0.0080"},
        {999950000, "$1.0000"},
        {1000000000, "$1.00"},
        {1234567890123, "$1,234.57"},
        {INT64_MAX, "$9,223,372,036.85"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fl_buf text;
        fl_buf_init(&text, 64);
        fl_cost_text(cases[i].nano, &text);
        assert_str(fl_buf_str(&text), cases[i].text);
        fl_buf_fini(&text);
    }
}

static void counts_are_grouped_by_thousands(void **state)
{
    (void)state;
    static const struct {
        uint64_t count;
        const char *text;
    } cases[] = {{0, "0"},
                 {999, "999"},
                 {1000, "1,000"},
                 {1002003, "1,002,003"},
                 {UINT64_MAX, "18,446,744,073,709,551,615"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fl_buf text;
        fl_buf_init(&text, 64);
        fl_count_text(cases[i].count, &text);
        assert_str(fl_buf_str(&text), cases[i].text);
        fl_buf_fini(&text);
    }
}

static void sums_stop_at_the_largest_number(void **state)
{
    (void)state;
    fl_spend sum = {.prompt_tokens = INT64_MAX - 1, .has_tokens = true};
    fl_spend more = {.prompt_tokens = 5, .completion_tokens = 7, .cost_nano = 1, .has_cost = true};
    fl_spend_add(&sum, &more);
    assert_int_equal(sum.prompt_tokens, INT64_MAX);
    assert_int_equal(sum.completion_tokens, 7);
    assert_true(sum.has_tokens && sum.has_cost);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(annotations_alone_make_a_step),
        cmocka_unit_test(names_and_common_words_do_not),
        cmocka_unit_test(targets_are_what_people_call_it),
        cmocka_unit_test(without_a_target_the_name_loses_its_agent),
        cmocka_unit_test(brief_models_lose_region_and_known_vendor_only),
        cmocka_unit_test(tags_tell_what_flags_do_not),
        cmocka_unit_test(costs_keep_hundredths_of_a_cent_below_a_dollar),
        cmocka_unit_test(counts_are_grouped_by_thousands),
        cmocka_unit_test(sums_stop_at_the_largest_number),
    };
    return cmocka_run_group_tests(tests, fixture_setup, NULL);
}
