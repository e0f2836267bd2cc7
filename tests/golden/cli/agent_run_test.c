/* The picture of agent runs, at several widths. FLUORO_GOLDEN=update rewrites the files; look at
 * them. */
#include "unit/cli/agent_run_fixture.h"

#include "cli/waterfall_int.h"

#define SUPER  "\"agent_id\":\"SPRVSR7K2M\",\"time_source\":\"metadata\",\"session_id\":\"web-4411\""
#define FLIGHT "\"agent_id\":\"FLGHTS33XQ\",\"agent_name\":\"flights-agent\",\"event_count\":3"
#define HOTEL  "\"agent_id\":\"HTLAGT91ZP\",\"agent_name\":\"hotels-agent\",\"event_count\":3"
#define RATES  "\"agent_id\":\"RATESX55TT\",\"agent_name\":\"rates-agent\",\"event_count\":3"
#define AGENT  ",\"step\":\"agent\",\"genai_kind\":\"agent\""
#define ASK(whom)                                                                                  \
    ",\"step\":\"collaborator\",\"genai_kind\":\"agent_call\",\"collaborator\":\"" whom "\""
#define TOOL(name)                                                                                 \
    ",\"step\":\"action_group\",\"genai_kind\":\"tool\",\"tool_type\":\"action_group\",\"tool_"    \
    "name\":\"" name "\""
#define LOOKUP(name)                                                                               \
    ",\"step\":\"knowledge_base\",\"genai_kind\":\"retriever\",\"tool_name\":\"" name "\""
#define GUARD(stage, action)                                                                       \
    ",\"step\":\"guardrail\",\"genai_kind\":\"guardrail\",\"guardrail_stage\":\"" stage            \
    "\",\"guardrail_action\":\"" action "\""
#define CALL(vendor, model, in, out, cost)                                                         \
    ",\"step\":\"model\",\"genai_kind\":\"llm\",\"provider\":\"" vendor "\",\"model\":\"" model    \
    "\",\"prompt_tokens\":" in ",\"completion_tokens\":" out ",\"cost_usd\":" cost
#define SONNET(in, out, cost)                                                                      \
    CALL("anthropic", "us.anthropic.claude-3-7-sonnet-20250219-v1:0", in, out, cost)
#define HAIKU(in, out, cost)                                                                       \
    CALL("anthropic", "anthropic.claude-3-haiku-20240307-v1:0", in, out, cost)
#define NOVA(in, out, cost) CALL("amazon", "amazon.nova-pro-v1:0", in, out, cost)
#define CAUSE(type, message)                                                                       \
    ",\"cause\":{\"exceptions\":[{\"id\":\"e000000000000001\",\"type\":\"" type                    \
    "\",\"message\":\"" message "\"}]}"

/* Two agents asked at once, one of them asks a third. */
static const run_step supervisor[] = {
    {"Agent_SPRVSR7K2M", -1, 0, 12025,
     SUPER AGENT ",\"total_prompt_tokens\":9489,\"total_completion_tokens\":853,\"total_cost_"
                 "usd\":0.0209,\"tenant\":\"acme\"",
     ",\"origin\":\"AWS::Bedrock::Agent\""},
    {"Guardrail:input_SPRVSR7K2M", 0, 61, 305, SUPER GUARD("input", "NONE"), NULL},
    {"InvokeModel_SPRVSR7K2M", 0, 306, 3037, SUPER SONNET("1587", "214", "0.007971"), NULL},
    {"InvokeCollaborator_SPRVSR7K2M", 0, 3039, 6878, SUPER ASK("flights-agent"), NULL},
    {"InvokeCollaborator_SPRVSR7K2M", 0, 3043, 8765, SUPER ASK("hotels-agent"), NULL},
    {"Agent_FLGHTS33XQ", 3, 3252, 6873,
     FLIGHT AGENT ",\"total_prompt_tokens\":1646,\"total_completion_tokens\":157", NULL},
    {"InvokeModel_FLGHTS33XQ", 5, 3423, 4827, FLIGHT NOVA("744", "96", "0.0009024"), NULL},
    {"InvokeActionGroup_FLGHTS33XQ", 5, 4830, 5747,
     FLIGHT TOOL("FlightSearch/GET /flights/{from}/{to}"), NULL},
    {"InvokeModel_FLGHTS33XQ", 5, 5750, 6872, FLIGHT NOVA("902", "61", "0.0009168"), NULL},
    {"Agent_HTLAGT91ZP", 4, 3298, 8759, HOTEL AGENT, NULL},
    {"InvokeModel_HTLAGT91ZP", 9, 3447, 4434, HOTEL HAIKU("688", "83", "0.00027575"), NULL},
    {"QueryKnowledgeBase_HTLAGT91ZP", 9, 4437, 4847,
     HOTEL LOOKUP("knowledge_base/KBHOTELS01") ",\"retrieved_count\":2", NULL},
    {"InvokeModel_HTLAGT91ZP", 9, 4849, 6159, HOTEL HAIKU("1190", "102", "0.000425"), NULL},
    {"InvokeCollaborator_HTLAGT91ZP", 9, 6162, 7949, HOTEL ASK("rates-agent"), NULL},
    {"Agent_RATESX55TT", 13, 6352, 7944, RATES AGENT, NULL},
    {"InvokeModel_RATESX55TT", 14, 6485, 7140, RATES HAIKU("402", "44", "0.00032112"), NULL},
    {"InvokeActionGroup_RATESX55TT", 14, 7142, 7428,
     RATES TOOL("rates/lookup") ",\"retry_count\":1", NULL},
    {"InvokeModel_HTLAGT91ZP", 9, 7957, 8758, HOTEL HAIKU("1288", "57", "0.00039325"), NULL},
    {"InvokeModel_SPRVSR7K2M", 0, 8773, 11791, SUPER SONNET("2233", "178", "0.009369"), NULL},
    {"Guardrail:output_SPRVSR7K2M", 0, 11794, 12024, SUPER GUARD("output", "NONE"), NULL},
};

#define LEDGER_FAILURE                                                                             \
    CAUSE("BedrockAgentFailure",                                                                   \
          "The server encountered an error processing the Lambda response: the function "          \
          "ledger-get-invoice timed out after 30 seconds. Check its logs.")

/* The tool of an agent that was asked fails, and with it all above; an earlier fault did not
 * matter. */
static const run_step failed[] = {
    {"Agent_SPRVSR7K2M", -1, 0, 36100,
     SUPER AGENT ",\"failure_code\":424,\"failure_reason\":\"see cause\",\"timeout\":true",
     ",\"error\":true" LEDGER_FAILURE},
    {"InvokeModel_SPRVSR7K2M", 0, 10, 2037, SUPER SONNET("1587", "214", "0.007971"), NULL},
    {"InvokeActionGroup_SPRVSR7K2M", 0, 2040, 2300, SUPER TOOL("Crm/find"),
     ",\"fault\":true" CAUSE("KeyError", "'customer'")},
    {"InvokeModel_SPRVSR7K2M", 0, 2310, 4037, SUPER SONNET("1700", "90", "0.00645"), NULL},
    {"InvokeCollaborator_SPRVSR7K2M", 0, 4040, 36100, SUPER ASK("flights-agent"),
     ",\"error\":true"},
    {"Agent_FLGHTS33XQ", 4, 4100, 36100, FLIGHT AGENT ",\"failure_code\":424",
     ",\"error\":true" LEDGER_FAILURE},
    {"InvokeModel_FLGHTS33XQ", 5, 4200, 5900, FLIGHT NOVA("744", "96", "0.0009024"), NULL},
    {"InvokeActionGroup_FLGHTS33XQ", 5, 6000, 36000,
     FLIGHT TOOL("Ledger/get_invoice") ",\"failure_code\":424,\"timeout\":true,\"retry_count\":1",
     ",\"error\":true,\"http\":{\"response\":{\"status\":424}}" LEDGER_FAILURE},
};

/* Unfinished, as a live stream is seen. */
static const run_step running[] = {
    {"Agent_SPRVSR7K2M", -1, 0, RUNNING, SUPER AGENT, NULL},
    {"InvokeModel_SPRVSR7K2M", 0, 306, 3037, SUPER SONNET("1587", "214", "0.007971"), NULL},
    {"InvokeCollaborator_SPRVSR7K2M", 0, 3039, RUNNING, SUPER ASK("flights-agent"), NULL},
    {"Agent_FLGHTS33XQ", 2, 3252, RUNNING, FLIGHT AGENT, NULL},
    {"InvokeModel_FLGHTS33XQ", 3, 3423, 4827, FLIGHT NOVA("744", "96", "0.0009024"), NULL},
    {"InvokeActionGroup_FLGHTS33XQ", 3, 4830, RUNNING, FLIGHT TOOL("FlightSearch/search"), NULL},
};

static const run_step blocked[] = {
    {"Agent_SPRVSR7K2M", -1, 0, 900, SUPER AGENT ",\"guardrail_intervened\":true", NULL},
    {"InvokeModel_SPRVSR7K2M", 0, 10, 600, SUPER NOVA("700", "20", "0.0006"), NULL},
    {"Guardrail:output_SPRVSR7K2M", 0, 610, 700,
     SUPER GUARD("output", "INTERVENED") ",\"guardrail_findings\":\"pii:EMAIL,regex:ticket\"",
     NULL},
    {"Guardrail:output_SPRVSR7K2M", 0, 710, 890,
     SUPER GUARD("output", "INTERVENED") ",\"guardrail_blocked\":true,\"guardrail_findings\":"
                                         "\"content:INSULTS,topic:investment-advice\"",
     ",\"error\":true"},
};

/* The stream was cut off: nobody answered. */
static const run_step incomplete[] = {
    {"Agent_SPRVSR7K2M", -1, 0, 4373, SUPER AGENT, NULL},
    {"InvokeModel_SPRVSR7K2M", 0, 10, 2731, SUPER SONNET("1587", "214", "0.007971"), NULL},
    {"InvokeCollaborator_SPRVSR7K2M", 0, 2978, 4373,
     SUPER ASK("flights-agent") ",\"incomplete\":true", NULL},
    {"Agent_FLGHTS33XQ", 2, 3362, 4373, FLIGHT AGENT, NULL},
    {"InvokeModel_FLGHTS33XQ", 3, 3400, 4373,
     FLIGHT ",\"genai_kind\":\"llm\",\"model\":\"amazon.nova-pro-v1:0\",\"incomplete\":true", NULL},
};

/* Nothing but the annotations that any SDK can set; the root is a web service. */
static const run_step sdk[] = {
    {"shop-api", -1, 0, 2000, "\"tenant\":\"acme\"",
     ",\"http\":{\"request\":{\"method\":\"POST\",\"url\":\"https://shop.example/ask\"},"
     "\"response\":{\"status\":200}}"},
    {"retrieve", 0, 10, 300, "\"genai_kind\":\"retriever\",\"tool_name\":\"docs-index\"", NULL},
    {"chat gpt-4.1", 0, 310, 1200,
     "\"provider\":\"openai\",\"model\":\"gpt-4.1\",\"prompt_tokens\":2100,\"completion_"
     "tokens\":150",
     NULL},
    {"execute_tool stock", 0, 1210, 1400, "\"tool_name\":\"stock\"", NULL},
    {"inventory", 3, 1220, 1390, "\"warehouse\":\"north\"", ",\"origin\":\"AWS::EC2::Instance\""},
    {"chat gpt-4.1", 0, 1410, 1950,
     "\"provider\":\"openai\",\"model\":\"gpt-4.1\",\"prompt_tokens\":2400,\"completion_"
     "tokens\":90,\"retry_count\":1",
     NULL},
};

typedef struct picture {
    const char *golden;
    unsigned width;
    bool ascii, color;
    fl_row_choice rows;
    bool metadata;
} picture;

static fl_waterfall_options options_of(const picture *wanted)
{
    fl_waterfall_options options = {
        .rows = wanted->rows, .annotations = true, .metadata = wanted->metadata};
    options.rows.depth = options.rows.depth > 0 ? options.rows.depth : UINT32_MAX;
    return options;
}

static void expect_no_line_wider(fl_str text, unsigned width)
{
    fl_buf unused;
    fl_screen screen = fixture_screen(&unused, width);
    while (text.n > 0) {
        fl_str line = fl_str_cut(&text, '\n');
        if (fl_screen_columns(&screen, line) > width) {
            fail_msg("wider than %u columns: %.*s", width, FL_P(line));
        }
    }
    fl_buf_fini(&unused);
}

static void expect_picture(const fl_trace *trace, const picture *wanted)
{
    fl_arena arena;
    fl_buf out;
    fl_err err = {0};
    fl_waterfall_source source = {.trace = trace};
    fl_waterfall_options options = options_of(wanted);
    fl_screen screen = fixture_screen(&out, wanted->width);
    screen.utf8 = !wanted->ascii;
    screen.color = wanted->color;
    fl_arena_init(&arena, (size_t)256 << 20);
    assert_ok(fl_waterfall_draw(&arena, &screen, &source, &options, &err), &err);
    if (!wanted->color) {
        expect_no_line_wider(fl_buf_str(&out), wanted->width);
    }
    if (wanted->golden != NULL) {
        test_golden(wanted->golden, fl_buf_str(&out));
    }
    fl_buf_fini(&out);
    fl_arena_fini(&arena);
}

static void expect_pictures(const run_step *steps, size_t count, const picture *pictures,
                            size_t picture_count)
{
    fl_arena arena;
    fl_arena_init(&arena, (size_t)16 << 20);
    const fl_trace *trace = run_trace(&arena, steps, count);
    for (size_t i = 0; i < picture_count; i++) {
        expect_picture(trace, &pictures[i]);
    }
    fl_arena_fini(&arena);
}

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void a_run_shows_its_figures_and_steps(void **state)
{
    (void)state;
    static const picture pictures[] = {
        {.golden = "cli/agent-60.txt", .width = 60},
        {.golden = "cli/agent-80.txt", .width = 80},
        {.golden = "cli/agent-100.txt", .width = 100},
        {.golden = "cli/agent-160.txt", .width = 160},
        {.golden = "cli/agent-ascii.txt", .width = 100, .ascii = true},
        {.golden = "cli/agent-color.txt", .width = 100, .color = true},
        {.golden = "cli/agent-depth-1.txt", .width = 100, .rows = {.depth = 1}},
        {.golden = "cli/agent-critical.txt", .width = 100, .rows = {.critical_only = true}},
        {.golden = "cli/agent-metadata.txt", .width = 100, .metadata = true},
    };
    expect_pictures(supervisor, COUNT(supervisor), pictures, COUNT(pictures));
}

static void the_failing_step_comes_first(void **state)
{
    (void)state;
    static const picture pictures[] = {
        {.golden = "cli/agent-failed-60.txt", .width = 60},
        {.golden = "cli/agent-failed-100.txt", .width = 100},
        {.golden = "cli/agent-failed-160.txt", .width = 160},
        {.golden = "cli/agent-failed-color.txt", .width = 100, .color = true},
    };
    expect_pictures(failed, COUNT(failed), pictures, COUNT(pictures));
}

static void a_live_run_tells_what_it_is_doing(void **state)
{
    (void)state;
    static const picture wanted = {.golden = "cli/agent-running-100.txt", .width = 100};
    expect_pictures(running, COUNT(running), &wanted, 1);
}

static void a_block_tells_its_findings(void **state)
{
    (void)state;
    static const picture wanted = {.golden = "cli/agent-blocked-100.txt", .width = 100};
    expect_pictures(blocked, COUNT(blocked), &wanted, 1);
}

static void steps_without_an_answer_are_marked(void **state)
{
    (void)state;
    static const picture wanted = {.golden = "cli/agent-incomplete-100.txt", .width = 100};
    expect_pictures(incomplete, COUNT(incomplete), &wanted, 1);
}

static void annotations_of_any_sdk_make_a_run(void **state)
{
    (void)state;
    static const picture wanted = {.golden = "cli/agent-sdk-100.txt", .width = 100};
    expect_pictures(sdk, COUNT(sdk), &wanted, 1);
}

/* ---- Loops: rounds of a model call, a search and a fetch, then a report */

typedef struct loop_shape {
    int rounds;
    int failing_round, slow_round; /* -1 for none */
} loop_shape;

static size_t loop_steps(const loop_shape *shape, run_step *steps)
{
    static const char *const round_steps[] = {SUPER SONNET("1000", "80", "0.0042"),
                                              SUPER TOOL("Web/search"), SUPER TOOL("Web/fetch")};
    static const char *const names[] = {"InvokeModel_SPRVSR7K2M", "Search_SPRVSR7K2M",
                                        "Fetch_SPRVSR7K2M"};
    size_t count = 1;
    int64_t at_ms = 10;
    for (int i = 0; i < 3 * shape->rounds; i++) {
        bool fails = i / 3 == shape->failing_round && i % 3 == 1;
        bool is_slow = i / 3 == shape->slow_round && i % 3 == 2;
        int64_t length_ms = is_slow ? 9000 : i % 3 == 0 ? 700 : 200 + 10 * (i % 7);
        steps[count++] = (run_step){names[i % 3],
                                    0,
                                    at_ms,
                                    at_ms + length_ms,
                                    round_steps[i % 3],
                                    fails ? ",\"fault\":true" CAUSE("Timeout", "no page") : NULL};
        at_ms += length_ms + 5;
    }
    steps[count++] = (run_step){"InvokeModel_SPRVSR7K2M",
                                0,
                                at_ms,
                                at_ms + 1500,
                                SUPER SONNET("9000", "655", "0.036825"),
                                NULL};
    steps[0] = (run_step){"Agent_SPRVSR7K2M", -1, 0, at_ms + 1510, SUPER AGENT, NULL};
    return count;
}

static void expect_loop(const loop_shape *shape, const picture *pictures, size_t count)
{
    run_step steps[RUN_STEPS_MAX];
    size_t step_count = loop_steps(shape, steps);
    expect_pictures(steps, step_count, pictures, count);
}

static void a_loop_is_one_group(void **state)
{
    (void)state;
    static const picture pictures[] = {
        {.golden = "cli/agent-loop-80.txt", .width = 80},
        {.golden = "cli/agent-loop-100.txt", .width = 100},
        {.golden = "cli/agent-loop-160.txt", .width = 160},
        {.golden = "cli/agent-loop-color.txt", .width = 100, .color = true},
        {.golden = "cli/agent-loop-ascii.txt", .width = 80, .ascii = true},
        {.golden = "cli/agent-loop-depth-1.txt", .width = 100, .rows = {.depth = 1}},
    };
    expect_loop(&(loop_shape){12, -1, -1}, pictures, COUNT(pictures));
}

static void all_unfolds_a_loop(void **state)
{
    (void)state;
    static const picture wanted = {
        .golden = "cli/agent-loop-all-100.txt", .width = 100, .rows = {.all = true}};
    expect_loop(&(loop_shape){4, -1, -1}, &wanted, 1);
}

static void a_failing_round_is_never_folded(void **state)
{
    (void)state;
    static const picture wanted = {.golden = "cli/agent-loop-failed-100.txt", .width = 100};
    expect_loop(&(loop_shape){12, 7, -1}, &wanted, 1);
}

static void a_step_that_takes_much_longer_is_never_folded(void **state)
{
    (void)state;
    static const picture wanted = {.golden = "cli/agent-loop-slow-100.txt", .width = 100};
    expect_loop(&(loop_shape){12, -1, 5}, &wanted, 1);
}

static void two_rounds_stay_as_they_are(void **state)
{
    (void)state;
    static const picture wanted = {.golden = "cli/agent-loop-2-100.txt", .width = 100};
    expect_loop(&(loop_shape){2, -1, -1}, &wanted, 1);
}

/* ---- Whatever the run */

typedef struct known_run {
    const run_step *steps;
    size_t count;
} known_run;

static const known_run runs[] = {
    {supervisor, COUNT(supervisor)}, {failed, COUNT(failed)},         {running, COUNT(running)},
    {blocked, COUNT(blocked)},       {incomplete, COUNT(incomplete)}, {sdk, COUNT(sdk)},
};

static void every_width_is_kept(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(runs); i++) {
        fl_arena arena;
        fl_arena_init(&arena, (size_t)16 << 20);
        const fl_trace *trace = run_trace(&arena, runs[i].steps, runs[i].count);
        for (unsigned width = FL_WIDTH_MIN; width <= 220; width += 5) {
            expect_picture(trace, &(picture){.width = width});
            expect_picture(trace, &(picture){.width = width, .ascii = true, .metadata = true});
        }
        fl_arena_fini(&arena);
    }
}

static void failing_allocations_are_reported(void **state)
{
    (void)state;
    fl_arena arena;
    fl_arena_init(&arena, (size_t)16 << 20);
    const fl_trace *trace = run_trace(&arena, failed, COUNT(failed));
    fl_waterfall_options options = {.rows = {.depth = UINT32_MAX}, .annotations = true};
    fl_status status = FL_E_NOMEM;
    for (uint64_t fail_at = 1; status != FL_OK; fail_at++) {
        fl_arena scratch;
        fl_buf out;
        fl_screen screen = fixture_screen(&out, 100);
        fl_waterfall_source source = {.trace = trace};
        fl_arena_init(&scratch, (size_t)64 << 20);
        scratch.fail_at = fail_at;
        status = fl_waterfall_draw(&scratch, &screen, &source, &options, NULL);
        assert_true(status == FL_OK || status == FL_E_NOMEM);
        assert_true(fail_at < 1000);
        fl_buf_fini(&out);
        fl_arena_fini(&scratch);
    }
    fl_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_shows_its_figures_and_steps),
        cmocka_unit_test(the_failing_step_comes_first),
        cmocka_unit_test(a_live_run_tells_what_it_is_doing),
        cmocka_unit_test(a_block_tells_its_findings),
        cmocka_unit_test(steps_without_an_answer_are_marked),
        cmocka_unit_test(annotations_of_any_sdk_make_a_run),
        cmocka_unit_test(a_loop_is_one_group),
        cmocka_unit_test(all_unfolds_a_loop),
        cmocka_unit_test(a_failing_round_is_never_folded),
        cmocka_unit_test(a_step_that_takes_much_longer_is_never_folded),
        cmocka_unit_test(two_rounds_stay_as_they_are),
        cmocka_unit_test(every_width_is_kept),
        cmocka_unit_test(failing_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, fixture_setup, NULL);
}
