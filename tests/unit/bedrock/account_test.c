/* Models, tokens, cost and totals (spec §3.12, §4), and what model logs fill in (§1.15). */
#include "support/bedrock_run.h"

typedef struct rig {
    test_run t;
    bedrock_scope *root;
} rig;

static void rig_init(rig *r)
{
    test_run_init(&r->t);
    r->root = test_scope(&r->t, "A");
}

static bedrock_step *model_step(rig *r, bedrock_scope *scope, const char *model, int64_t prompt,
                                int64_t completion)
{
    bedrock_step *step = test_step(&r->t, scope, BEDROCK_INVOKE_MODEL, NULL, NULL);
    step->input = model != NULL ? test_object(&r->t, "foundationModel", fl_str_of(model)) : NULL;
    step->metadata.prompt_tokens = prompt;
    step->metadata.completion_tokens = completion;
    return step;
}

static void models_and_providers_of_the_spec(void **state)
{
    (void)state;
    static const struct {
        const char *id, *model, *provider;
    } rows[] = {
        {"us.anthropic.claude-3-7-sonnet-20250219-v1:0",
         "us.anthropic.claude-3-7-sonnet-20250219-v1:0", "anthropic"},
        {"arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.amazon.nova-pro-v1:0",
         "eu.amazon.nova-pro-v1:0", "amazon"},
        {"arn:aws:bedrock:us-west-2::foundation-model/meta.llama3-1-70b-instruct-v1:0",
         "meta.llama3-1-70b-instruct-v1:0", "meta"},
        {"arn:aws:bedrock:us-east-1:1:custom-model/meta.llama3-1-8b-instruct-v1:0/abcdefghij12",
         "custom-model/meta.llama3-1-8b-instruct-v1:0/abcdefghij12", "meta"},
        {"minimax.minimax-m2.1", "minimax.minimax-m2.1", "minimax"},
        {"my-imported-model", "my-imported-model", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rig r;
        rig_init(&r);
        bedrock_step *step = model_step(&r, r.root, rows[i].id, 1, 1);
        test_run_settle(&r.t);
        assert_str(step->segment.model, rows[i].model);
        assert_true(rows[i].provider != NULL || step->segment.provider.p == NULL);
        if (rows[i].provider != NULL) {
            assert_str(step->segment.provider, rows[i].provider);
        }
        test_run_fini(&r.t);
    }
}

static void assert_answered_model(const char *content, const char *expected)
{
    rig r;
    rig_init(&r);
    bedrock_step *step = test_step(&r.t, r.root, BEDROCK_GENERATE_ANSWER, "{}", NULL);
    fl_buf output;
    fl_buf_init(&output, 4096);
    fl_buf_add_str(&output, FL_S("{'rawResponse':{'content':'"));
    for (const char *p = content; *p != '\0'; p++) {
        fl_buf_add_str(&output, *p == '\'' ? FL_S("\\'") : (fl_str){p, 1});
    }
    fl_buf_add(&output, "'}}", 4);
    step->output = test_json(&r.t, output.p);
    test_run_settle(&r.t);
    if (expected != NULL) {
        assert_str(step->segment.model, expected);
    } else {
        assert_null(step->segment.model.p);
    }
    fl_buf_fini(&output);
    test_run_fini(&r.t);
}

static void without_a_foundation_model_the_answer_may_name_it(void **state)
{
    (void)state;
    assert_answered_model("{'model':'claude-3','stop_reason':'end_turn'}", "claude-3");
    assert_answered_model(
        " {'a':{'model':'inner'},'model':'arn:aws:bedrock:x::foundation-model/m.x'}", "m.x");
    assert_answered_model("{'a':{'model':'inner'}}", NULL);
    assert_answered_model("{'model':5}", NULL);
    assert_answered_model("{'model':'cut off", NULL);
    assert_answered_model("['model']", NULL);
    assert_answered_model("the 'model' said so", NULL);
}

static void tokens_count_on_model_calls_and_failures_alone(void **state)
{
    (void)state;
    rig r;
    rig_init(&r);
    bedrock_step *tool = test_step(&r.t, r.root, BEDROCK_ACTION_GROUP, NULL, NULL);
    bedrock_step *broken = test_step(&r.t, r.root, BEDROCK_ACTION_GROUP, NULL, NULL);
    bedrock_step *second = test_step(&r.t, r.root, BEDROCK_INVOKE_MODEL, NULL, NULL);
    bedrock_step *alone = test_step(&r.t, r.root, BEDROCK_FAILED, NULL, NULL);
    for (size_t i = 0; i < r.t.run.step_count; i++) {
        r.t.steps[i]->metadata.prompt_tokens = 100;
        r.t.steps[i]->metadata.completion_tokens = 10;
    }
    broken->ending = second->ending = BEDROCK_BROKEN;
    second->usage_counted_elsewhere = true;
    test_run_settle(&r.t);
    assert_int_equal(tool->segment.prompt_tokens, BEDROCK_INT_NONE);
    assert_int_equal(broken->segment.prompt_tokens, 100);
    assert_int_equal(second->segment.completion_tokens, BEDROCK_INT_NONE);
    assert_int_equal(alone->segment.completion_tokens, 10);
    assert_int_equal(r.root->segment.totals.prompt_tokens, 200);
    assert_int_equal(r.root->segment.totals.completion_tokens, 20);
    test_run_fini(&r.t);
}

static void a_flow_action_of_a_model_counts_as_its_call(void **state)
{
    (void)state;
    rig r;
    rig_init(&r);
    bedrock_step *model =
        test_step(&r.t, r.root, BEDROCK_FLOW_ACTION, NULL,
                  "{'operationRequest':{'modelId':'amazon.nova-pro-v1:0'},'operationResponse':"
                  "{'usage':{'inputTokens':144,'outputTokens':6}}}");
    bedrock_step *lambda =
        test_step(&r.t, r.root, BEDROCK_FLOW_ACTION, NULL,
                  "{'operationRequest':{'modelId':7},'operationResponse':{'usage':"
                  "{'inputTokens':1}}}");
    bedrock_step *odd = test_step(&r.t, r.root, BEDROCK_FLOW_ACTION, NULL,
                                  "{'operationRequest':{'modelId':'m'},'operationResponse':"
                                  "{'usage':{'inputTokens':-5,'outputTokens':'6'}}}");
    test_run_settle(&r.t);
    assert_str(model->segment.model, "amazon.nova-pro-v1:0");
    assert_int_equal(model->segment.prompt_tokens, 144);
    assert_int_equal(model->segment.completion_tokens, 6);
    assert_null(lambda->segment.model.p);
    assert_int_equal(lambda->segment.prompt_tokens, BEDROCK_INT_NONE);
    assert_int_equal(odd->segment.prompt_tokens, BEDROCK_INT_NONE);
    assert_int_equal(odd->segment.completion_tokens, BEDROCK_INT_NONE);
    assert_int_equal(r.root->segment.totals.model_calls, 2);
    test_run_fini(&r.t);
}

static const char prices_text[] =
    "{\"currency\":\"USD\",\"per\":1000000,\"models\":{\"m.x\":{\"input\":0.25,\"output\":1.25}}}";

static void totals_are_of_a_scope_and_all_below_it(void **state)
{
    (void)state;
    rig r;
    fl_genai_prices *prices;
    rig_init(&r);
    assert_ok(fl_genai_prices_read(&r.t.arena, fl_str_of(prices_text), &prices, NULL), NULL);
    r.t.options.prices = prices;
    bedrock_scope *grandchild = test_scope(&r.t, "C");
    bedrock_scope *child = test_scope(&r.t, "B");
    bedrock_step *call = test_step(&r.t, r.root, BEDROCK_COLLABORATOR, NULL, NULL);
    child->caller = call; /* the scopes are out of order: the child came last */
    child->above = NULL;
    grandchild->above = child;
    (void)model_step(&r, r.root, "m.x", 1000, 100);
    (void)model_step(&r, child, "us.m.x", 2000, 200);
    (void)model_step(&r, child, "unpriced", 4000, 400);
    (void)model_step(&r, grandchild, "m.x", 8000, BEDROCK_INT_NONE);
    (void)test_step(&r.t, grandchild, BEDROCK_KNOWLEDGE_BASE, NULL, NULL);
    test_run_settle(&r.t);
    const bedrock_totals *all = &r.root->segment.totals, *below = &child->segment.totals;
    assert_int_equal(all->prompt_tokens, 15000);
    assert_int_equal(all->completion_tokens, 700);
    assert_int_equal(all->model_calls, 4);
    assert_int_equal(all->tool_calls, 1);
    assert_int_equal(all->collaborator_calls, 1);
    assert_int_equal(below->prompt_tokens, 14000);
    assert_int_equal(below->collaborator_calls, 0);
    assert_int_equal(grandchild->segment.totals.prompt_tokens, 8000);
    /* (1000 × 0.25 + 100 × 1.25) / 10⁶ = 0.000375; twice that; 8000 × 0.25 / 10⁶ = 0.002 */
    assert_int_equal(r.t.steps[1]->segment.cost_nano, 375000);
    assert_int_equal(r.t.steps[3]->segment.cost_nano, BEDROCK_INT_NONE);
    assert_int_equal(all->cost_nano, 375000 + 750000 + 2000000);
    assert_true(r.root->segment.has_totals && child->segment.has_totals);
    test_run_fini(&r.t);
}

static void a_chain_has_its_totals_on_the_first_segment(void **state)
{
    (void)state;
    rig r;
    rig_init(&r);
    r.t.options.mode = FL_BEDROCK_CHAIN;
    bedrock_step *first = model_step(&r, r.root, NULL, 3, 4);
    bedrock_step *second = model_step(&r, test_scope(&r.t, "B"), NULL, 30, 40);
    test_run_settle(&r.t);
    assert_true(first->segment.has_totals);
    assert_false(second->segment.has_totals);
    assert_int_equal(first->segment.totals.prompt_tokens, 33);
    assert_int_equal(first->segment.totals.completion_tokens, 44);
    test_run_fini(&r.t);
}

static void sums_stay_in_range_and_accounting_again_changes_nothing(void **state)
{
    (void)state;
    rig r;
    rig_init(&r);
    (void)model_step(&r, r.root, "m", INT64_MAX, INT64_MAX);
    (void)model_step(&r, r.root, "m", INT64_MAX, 0);
    test_run_settle(&r.t);
    assert_int_equal(r.root->segment.totals.prompt_tokens, INT64_MAX);
    test_run_settle(&r.t);
    assert_int_equal(r.root->segment.totals.prompt_tokens, INT64_MAX);
    assert_int_equal(r.root->segment.totals.model_calls, 2);
    test_run_fini(&r.t);
}

/* ---- Model log */

#define LOG(id, more) "{\"schemaType\":\"ModelInvocationLog\",\"requestId\":\"" id "\"" more "}"

static fl_bedrock_model_log *log_of(const char *text, uint64_t expected_ignored)
{
    fl_bedrock_model_log *log;
    fl_err err = {0};
    uint64_t ignored = 99;
    assert_ok(fl_bedrock_model_log_new((size_t)1 << 20, &log, &err), &err);
    assert_ok(fl_bedrock_model_log_add(log, fl_str_of(text), &ignored, &err), &err);
    assert_int_equal(ignored, expected_ignored);
    return log;
}

static void a_model_log_fills_in_what_is_missing(void **state)
{
    (void)state;
    rig r;
    rig_init(&r);
    fl_bedrock_model_log *log = log_of(
        "{\"other\":1}\n" LOG("id-1", ",\"modelId\":\"arn:aws:bedrock:x::foundation-model/m.x\","
                                      "\"input\":{\"inputTokenCount\":7},\"output\":"
                                      "{\"outputTokenCount\":8},\"inferenceRegion\":\"eu-west-3\"")
            LOG("id-2", "") "\n",
        1);
    r.t.options.model_log = log;
    bedrock_step *empty = model_step(&r, r.root, NULL, BEDROCK_INT_NONE, BEDROCK_INT_NONE);
    bedrock_step *full = model_step(&r, r.root, "own", 1, 2);
    bedrock_step *other = model_step(&r, r.root, NULL, BEDROCK_INT_NONE, 5);
    bedrock_step *tool = test_step(&r.t, r.root, BEDROCK_ACTION_GROUP, NULL, NULL);
    empty->metadata.client_request_id = full->metadata.client_request_id = FL_S("id-1");
    tool->metadata.client_request_id = FL_S("id-1");
    other->metadata.client_request_id = FL_S("id-2");
    test_run_settle(&r.t);
    assert_str(empty->segment.model, "m.x");
    assert_str(empty->segment.provider, "m");
    assert_int_equal(empty->segment.prompt_tokens, 7);
    assert_int_equal(empty->segment.completion_tokens, 8);
    assert_str(empty->segment.inference_region, "eu-west-3");
    assert_str(full->segment.model, "own");
    assert_int_equal(full->segment.prompt_tokens, 1);
    assert_str(full->segment.inference_region, "eu-west-3");
    assert_null(other->segment.model.p);
    assert_int_equal(other->segment.prompt_tokens, BEDROCK_INT_NONE);
    assert_int_equal(other->segment.completion_tokens, 5);
    assert_null(tool->segment.model.p);
    fl_bedrock_model_log_free(log);
    test_run_fini(&r.t);
}

static void a_model_log_takes_any_number_of_entries_within_its_bounds(void **state)
{
    (void)state;
    fl_bedrock_model_log *log = log_of(" \n", 0);
    fl_buf text;
    fl_err err = {0};
    uint64_t ignored;
    fl_buf_init(&text, (size_t)16 << 20);
    for (uint64_t i = 0; i < 500; i++) {
        fl_buf_add_str(&text, FL_S("{\"schemaType\":\"ModelInvocationLog\",\"requestId\":\"r"));
        fl_buf_add_u64(&text, i);
        fl_buf_add_str(&text, FL_S("\",\"input\":{\"inputTokenCount\":"));
        fl_buf_add_u64(&text, i);
        fl_buf_add_str(&text, FL_S("}}"));
    }
    assert_ok(fl_bedrock_model_log_add(log, fl_buf_str(&text), &ignored, &err), &err);
    rig r;
    rig_init(&r);
    r.t.options.model_log = log;
    bedrock_step *step = model_step(&r, r.root, NULL, BEDROCK_INT_NONE, BEDROCK_INT_NONE);
    step->metadata.client_request_id = FL_S("r499");
    test_run_settle(&r.t);
    assert_int_equal(step->segment.prompt_tokens, 499);
    test_run_fini(&r.t);
    fl_bedrock_model_log_free(log);
    assert_ok(fl_bedrock_model_log_new((size_t)8 << 10, &log, &err), &err);
    assert_int_equal(fl_bedrock_model_log_add(log, fl_buf_str(&text), &ignored, &err),
                     FL_E_TOO_LARGE);
    fl_bedrock_model_log_free(log);
    fl_bedrock_model_log_free(NULL);
    fl_buf_fini(&text);
}

static void a_broken_model_log_names_its_line(void **state)
{
    (void)state;
    static const char *const texts[] = {"{}\n{}\n{\"a\":}\n", "{}\n\n{\"a\":", "{}\n\nnope"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        fl_bedrock_model_log *log;
        fl_err err = {0};
        uint64_t ignored = 7;
        assert_ok(fl_bedrock_model_log_new((size_t)1 << 20, &log, &err), &err);
        assert_int_equal(fl_bedrock_model_log_add(log, fl_str_of(texts[i]), &ignored, &err),
                         FL_E_SYNTAX);
        if (strstr(err.message, "line 3") == NULL) {
            fail_msg("%s", err.message);
        }
        assert_int_equal(ignored, 7);
        fl_bedrock_model_log_free(log);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_and_providers_of_the_spec),
        cmocka_unit_test(without_a_foundation_model_the_answer_may_name_it),
        cmocka_unit_test(tokens_count_on_model_calls_and_failures_alone),
        cmocka_unit_test(a_flow_action_of_a_model_counts_as_its_call),
        cmocka_unit_test(totals_are_of_a_scope_and_all_below_it),
        cmocka_unit_test(a_chain_has_its_totals_on_the_first_segment),
        cmocka_unit_test(sums_stay_in_range_and_accounting_again_changes_nothing),
        cmocka_unit_test(a_model_log_fills_in_what_is_missing),
        cmocka_unit_test(a_model_log_takes_any_number_of_entries_within_its_bounds),
        cmocka_unit_test(a_broken_model_log_names_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
