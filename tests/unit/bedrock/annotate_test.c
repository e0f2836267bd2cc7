/* Annotations (spec §3.12). */
#include "support/bedrock_run.h"

typedef struct rig {
    test_run t;
    bedrock_scope *root;
} rig;

static void rig_init(rig *r)
{
    test_run_init(&r->t);
    r->root = test_scope(&r->t, "AGENT01");
}

/* The annotations of a document as one text: key=value, strings in quotes. */
static void assert_annotations(test_document *document, const char *expected)
{
    fl_buf text;
    fl_buf_init(&text, (size_t)1 << 20);
    yyjson_obj_iter each = yyjson_obj_iter_with(fl_json_get(document->json, FL_S("annotations")));
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&each)) != NULL;) {
        if (text.n > 0) {
            fl_buf_add_byte(&text, ' ');
        }
        fl_buf_add_str(&text, fl_json_str(key));
        fl_buf_add_byte(&text, '=');
        fl_json_emit(&text, yyjson_obj_iter_get_val(key));
    }
    for (size_t i = 0; i < text.n; i++) {
        text.p[i] = (char)(text.p[i] == '"' ? '\'' : text.p[i]);
    }
    assert_str(fl_buf_str(&text), expected);
    fl_buf_fini(&text);
}

#define AGENT(step, kind) "step='" step "' genai_kind='" kind "' agent_id='AGENT01' caller_depth=0"
#define STEP(step, kind)  AGENT(step, kind) " time_source='metadata' event_index=1 event_count=2"

static void a_model_step_tells_of_its_call(void **state)
{
    (void)state;
    rig r;
    rig_init(&r);
    bedrock_step *step = test_step(
        &r.t, r.root, BEDROCK_PRE_PROCESS,
        "{'traceId':'x','type':'PRE_PROCESSING','foundationModel':'amazon.nova','text':'hello',"
        "'inferenceConfiguration':{'temperature':0.0,'topP':1.0,'topK':250,'maximumLength':2048,"
        "'stopSequences':['a'],'__type':'x'},'promptCreationMode':'DEFAULT','parserMode':"
        "'OVERRIDDEN','overrideLambda':'arn:l'}",
        "{'reasoningContent':{'reasoningText':{'text':'t'}},'parsedResponse':{'isValid':false}}");
    step->trace_id = FL_S("id-pre-0");
    step->member_name = FL_S("preProcessingTrace");
    step->metadata.client_request_id = FL_S("req");
    step->metadata.prompt_tokens = 5;
    step->metadata.completion_tokens = 6;
    step->metadata.total_ms = 77;
    step->segment.retry_count = 2;
    assert_annotations(
        test_write(&r.t, &step->segment),
        AGENT("model",
              "llm") " time_source='metadata' bedrock_trace_id='id-pre-0' "
                     "trace_type='preProcessingTrace'"
                     " event_index=1 event_count=2 client_request_id='req' model='amazon.nova'"
                     " provider='amazon' prompt_tokens=5 completion_tokens=6 total_tokens=11"
                     " prompt_type='PRE_PROCESSING' temperature=0.0 top_p=1.0 top_k=250 "
                     "max_tokens=2048"
                     " prompt_creation_mode='DEFAULT' parser_mode='OVERRIDDEN' "
                     "override_lambda='arn:l'"
                     " has_reasoning=true input_valid=false latency_ms=77 retry_count=2");
    test_run_fini(&r.t);
}

static void an_agent_tells_who_it_is_and_all_that_was_used(void **state)
{
    (void)state;
    static const fl_str path[] = {FL_S("arn:aws:bedrock:us-east-1:1:agent-alias/A/B"), FL_S("x/y")};
    rig r;
    rig_init(&r);
    r.root->envelope = (bedrock_envelope){.agent_id = FL_S("ID"),
                                          .agent_alias_id = FL_S("ALIAS"),
                                          .agent_version = FL_S("3"),
                                          .collaborator_name = FL_S("coll"),
                                          .session_id = FL_S("sess")};
    r.root->agent_name = FL_S("name");
    r.root->path = (bedrock_path){path, 2, 0};
    r.root->final_type = FL_S("FINISH");
    r.t.run.answer_chunks = 2;
    r.t.run.answer_citations = 1;
    r.root->segment.event_count = 9;
    r.root->segment.guardrail_intervened = true;
    r.root->segment.return_control = true;
    r.root->segment.timeout = true;
    r.root->segment.failure_code = FL_S("424");
    r.root->segment.failure_code_is_number = true;
    r.root->segment.failure_reason = FL_S("because");
    r.root->segment.http_status = 424;
    test_document *document = test_write(&r.t, &r.root->segment);
    assert_annotations(
        document,
        "step='agent' genai_kind='agent' agent_id='ID' agent_alias_id='ALIAS' agent_version='3'"
        " agent_name='name' collaborator_name='coll' session_id='sess'"
        " caller_chain='arn:aws:bedrock:us-east-1:1:agent-alias/A/B,x/y' caller_depth=2"
        " time_source='children' event_count=9 timeout=true guardrail_intervened=true"
        " return_control=true final_type='FINISH' failure_code=424 failure_reason='because'"
        " total_prompt_tokens=0 total_completion_tokens=0 total_model_calls=0 total_tool_calls=0"
        " total_collaborator_calls=0 answer_chunks=2 answer_citations=1");
    assert_null(test_at(document, "http"));
    assert_null(test_at(document, "metadata"));
    assert_text_at(document, "aws/account_id", "1");
    assert_text_at(document, "aws/region", "us-east-1");
    assert_text_at(document, "aws/operation", "Agent");
    test_run_fini(&r.t);
}

static void tools_and_knowledge_bases_have_names(void **state)
{
    (void)state;
    rig r;
    rig_init(&r);
    bedrock_step *group = test_step(
        &r.t, r.root, BEDROCK_ACTION_GROUP,
        "{'actionGroupInvocationInput':{'actionGroupName':'orders','apiPath':'/x','verb':'get',"
        "'executionType':'LAMBDA','parameters':[{'name':'n','value':'v'}]}}",
        "{'repromptResponse':{'source':'ACTION_GROUP','text':'secret'}}");
    group->target = FL_S("orders/GET /x");
    group->ending = BEDROCK_REJECTED;
    assert_annotations(
        test_write(&r.t, &group->segment),
        STEP("action_group", "tool") " tool_name='orders/GET /x'"
                                     " tool_type='action_group' action_group='orders' api_path='/x'"
                                     " http_verb='get' execution_type='LAMBDA' tool_latency_ms=2000"
                                     " reprompt_source='ACTION_GROUP'");
    bedrock_step *control = test_step(
        &r.t, r.root, BEDROCK_CONTROL, NULL,
        "{'actionGroupInvocationInput':{'actionGroupName':'c','function':'ask','executionType':"
        "'RETURN_CONTROL','invocationId':'inv'}}");
    control->target = FL_S("c/ask");
    control->ending = BEDROCK_SINGLE;
    control->segment.end_ns = control->segment.start_ns;
    control->segment.event_index = 1;
    assert_annotations(
        test_write(&r.t, &control->segment),
        STEP("return_control",
             "tool") " tool_name='c/ask' tool_type='action_group'"
                     " action_group='c' function='ask' execution_type='RETURN_CONTROL'"
                     " invocation_id='inv'");
    bedrock_step *code = test_step(&r.t, r.root, BEDROCK_CODE, NULL, NULL);
    code->segment.event_index = 1;
    code->segment.timeout = true;
    assert_annotations(
        test_write(&r.t, &code->segment),
        STEP("code_interpreter",
             "tool") " tool_name='code_interpreter'"
                     " tool_type='code_interpreter' tool_latency_ms=2000 timeout=true");
    bedrock_step *base =
        test_step(&r.t, r.root, BEDROCK_KNOWLEDGE_BASE,
                  "{'knowledgeBaseLookupInput':{'knowledgeBaseId':'KB1','text':'q'}}",
                  "{'knowledgeBaseLookupOutput':{'retrievedReferences':[{},{},7]}}");
    base->target = FL_S("KB1");
    base->segment.event_index = 1;
    assert_annotations(
        test_write(&r.t, &base->segment),
        STEP("knowledge_base",
             "retriever") " tool_name='knowledge_base/KB1'"
                          " tool_type='knowledge_base' tool_latency_ms=2000 knowledge_base_id='KB1'"
                          " retrieved_count=3");
    test_run_fini(&r.t);
}

static void collaborators_and_guardrails(void **state)
{
    (void)state;
    rig r;
    rig_init(&r);
    bedrock_step *call = test_step(
        &r.t, r.root, BEDROCK_COLLABORATOR, NULL,
        "{'agentCollaboratorInvocationOutput':{'output':{'type':'TEXT','text':'secret'}}}");
    call->target = FL_S("flights");
    call->alias_arn = FL_S("arn:aws:bedrock:us-east-1:1:agent-alias/AG/AL");
    assert_annotations(
        test_write(&r.t, &call->segment),
        STEP("collaborator",
             "agent_call") " latency_ms=2000 collaborator='flights'"
                           " collaborator_alias_arn='arn:aws:bedrock:us-east-1:1:agent-alias/AG/AL'"
                           " collaborator_agent_id='AG' payload_type='TEXT'");
    bedrock_step *check = test_step(
        &r.t, r.root, BEDROCK_CHECK, NULL,
        "{'action':'INTERVENED','inputAssessments':[{'wordPolicy':{'customWords':[{'match':'m',"
        "'action':'BLOCKED'}]}}]}");
    check->segment.event_index = 1;
    assert_annotations(
        test_write(&r.t, &check->segment),
        STEP("guardrail", "guardrail") " latency_ms=2000"
                                       " guardrail_action='INTERVENED' guardrail_stage='input'"
                                       " guardrail_blocked=true guardrail_findings='word:custom'");
    bedrock_step *error = test_step(&r.t, r.root, BEDROCK_STREAM_ERROR, NULL, "{'message':'m'}");
    error->target = FL_S("throttlingException");
    error->segment.http_status = 429;
    error->segment.event_index = 1;
    assert_annotations(test_write(&r.t, &error->segment),
                       STEP("stream_error", "failure") " exception='throttlingException'"
                                                       " http_status=429");
    test_run_fini(&r.t);
}

static void flows_have_a_name_and_nodes_and_no_agent(void **state)
{
    (void)state;
    rig r;
    rig_init(&r);
    r.root->is_flow = true;
    r.root->label = FL_S("my flow");
    r.root->completion_reason = FL_S("SUCCESS");
    r.root->input_required = true;
    r.root->segment.kind = BEDROCK_FLOW;
    r.root->segment.event_count = 4;
    assert_annotations(test_write(&r.t, &r.root->segment),
                       "step='flow' genai_kind='flow' flow='my flow' time_source='children'"
                       " completion_reason='SUCCESS' input_required=true total_prompt_tokens=0"
                       " total_completion_tokens=0 total_model_calls=0 total_tool_calls=0"
                       " total_collaborator_calls=0");
    bedrock_step *node =
        test_step(&r.t, r.root, BEDROCK_FLOW_NODE,
                  "{'nodeName':'N','fields':[{},{'executionChain':[{'nodeName':'Each','index':2},"
                  "{'nodeName':'Loop'}]}]}",
                  "{'satisfiedConditions':[{'conditionName':'a'},{'conditionName':'b'}]}");
    assert_annotations(test_write(&r.t, &node->segment),
                       "step='flow_node' genai_kind='flow_node' flow='my flow'"
                       " time_source='metadata' event_index=1 event_count=2 latency_ms=2000"
                       " flow_node='N' flow_iteration='Each[2]/Loop' conditions='a,b'");
    bedrock_step *action = test_step(&r.t, r.root, BEDROCK_FLOW_ACTION, NULL,
                                     "{'nodeName':'N','serviceName':'bedrock','operationName':"
                                     "'Converse','requestId':'rq','operationRequest':{'modelId':"
                                     "'m.x'}}");
    test_document *document = test_write(&r.t, &action->segment);
    assert_annotations(document,
                       "step='flow_action' genai_kind='llm' flow='my flow' time_source='metadata'"
                       " event_index=2 event_count=2 model='m.x' provider='m' latency_ms=2000"
                       " flow_node='N' service='bedrock' operation='Converse' request_id='rq'");
    assert_text_at(document, "aws/request_id", "rq");
    test_run_fini(&r.t);
}

static void assert_latency(bedrock_ending ending, fl_bedrock_time_source source, int64_t length_ns,
                           int64_t total_ms, const char *expected)
{
    rig r;
    rig_init(&r);
    bedrock_step *step = test_step(&r.t, r.root, BEDROCK_INVOKE_MODEL, NULL, NULL);
    step->ending = ending;
    step->segment.time_source = source;
    step->segment.end_ns = step->segment.start_ns + length_ns;
    step->metadata.total_ms = total_ms;
    fl_str text = test_annotation_text(test_write(&r.t, &step->segment), "latency_ms");
    assert_str(text, expected);
    test_run_fini(&r.t);
}

static void latency_is_told_or_measured_and_never_made_up(void **state)
{
    (void)state;
    assert_latency(BEDROCK_ANSWERED, FL_BEDROCK_TIME_METADATA, 46400000, 47, "47");
    assert_latency(BEDROCK_ANSWERED, FL_BEDROCK_TIME_SYNTHETIC, 5000000000, 47, "47");
    assert_latency(BEDROCK_ANSWERED, FL_BEDROCK_TIME_EVENT, 46499000, BEDROCK_INT_NONE, "46");
    assert_latency(BEDROCK_ANSWERED, FL_BEDROCK_TIME_EVENT, 46500000, BEDROCK_INT_NONE, "47");
    assert_latency(BEDROCK_BROKEN, FL_BEDROCK_TIME_METADATA, 1000000, BEDROCK_INT_NONE, "1");
    assert_latency(BEDROCK_ANSWERED, FL_BEDROCK_TIME_EVENT, 0, BEDROCK_INT_NONE, "");
    assert_latency(BEDROCK_ANSWERED, FL_BEDROCK_TIME_SYNTHETIC, 5000000000, BEDROCK_INT_NONE, "");
    assert_latency(BEDROCK_ANSWERED, FL_BEDROCK_TIME_INFERRED, 5000000000, BEDROCK_INT_NONE, "");
    assert_latency(BEDROCK_OPEN, FL_BEDROCK_TIME_EVENT, 5000000000, BEDROCK_INT_NONE, "");
    assert_latency(BEDROCK_CUT_SHORT, FL_BEDROCK_TIME_EVENT, 5000000000, 9, "");
}

static void values_of_the_wrong_type_are_no_annotations(void **state)
{
    (void)state;
    rig r;
    rig_init(&r);
    bedrock_step *step =
        test_step(&r.t, r.root, BEDROCK_INVOKE_MODEL,
                  "{'type':5,'inferenceConfiguration':{'temperature':'hot','topP':{},'topK':"
                  "1234567890123456789012345678901234567890123456789012345678901234567890},"
                  "'promptCreationMode':null,'parserMode':[]}",
                  "{'reasoningContent':'x','parsedResponse':7}");
    assert_annotations(test_write(&r.t, &step->segment), STEP("model", "llm") " latency_ms=2000");
    step->input = test_json(&r.t, "[1]");
    step->output = test_json(&r.t, "'text'");
    assert_annotations(test_write(&r.t, &step->segment), STEP("model", "llm") " latency_ms=2000");
    test_run_fini(&r.t);
}

static void core_is_what_the_spec_marks(void **state)
{
    (void)state;
    const fl_annotation given[] = {
        {FL_S("tenant"), FL_ANNOTATION_STRING, FL_S("acme"), false},
        {FL_S("colour"), FL_ANNOTATION_STRING, FL_S("red"), false},
    };
    rig r;
    rig_init(&r);
    r.t.options.core_annotations = true;
    r.t.options.annotate = given;
    r.t.options.annotate_count = 2;
    assert_annotations(test_write(&r.t, &r.root->segment),
                       "step='agent' genai_kind='agent' agent_id='AGENT01' time_source='children'"
                       " total_prompt_tokens=0 total_completion_tokens=0 tenant='acme'");
    test_run_fini(&r.t);
}

static void at_most_so_many_are_written_from_the_begin_of_the_list(void **state)
{
    (void)state;
    rig r;
    rig_init(&r);
    r.t.options.max_annotations = 3;
    assert_annotations(test_write(&r.t, &r.root->segment),
                       "step='agent' genai_kind='agent' agent_id='AGENT01'");
    r.t.options.max_annotations = 0;
    assert_annotations(test_write(&r.t, &r.root->segment), "");
    test_run_fini(&r.t);
}

static void the_users_are_typed_and_only_on_the_root(void **state)
{
    (void)state;
    const fl_annotation given[] = {
        {FL_S("a b-c"), FL_ANNOTATION_NUMBER, FL_S("1.50"), false},
        {FL_S("yes"), FL_ANNOTATION_BOOL, {0}, false},
        {FL_S("step"), FL_ANNOTATION_STRING, FL_S("mine"), false},
        {FL_S("twice"), FL_ANNOTATION_STRING, FL_S("first"), false},
        {FL_S("twice"), FL_ANNOTATION_STRING, FL_S("last"), false},
        {FL_S("content_truncated"), FL_ANNOTATION_STRING, FL_S("mine"), false},
        {FL_S("route"), FL_ANNOTATION_STRING, FL_S("/orders/4711/x"), false},
        {FL_S(""), FL_ANNOTATION_STRING, FL_S("no key"), false},
    };
    rig r;
    rig_init(&r);
    bedrock_scope *below = test_scope(&r.t, "B");
    r.t.options.annotate = given;
    r.t.options.annotate_count = sizeof given / sizeof given[0];
    test_document *document = test_write(&r.t, &r.root->segment);
    assert_str(test_annotation_text(document, "a_b_c"), "1.50");
    assert_true(yyjson_is_bool(test_annotation(document, "yes")));
    assert_str(test_annotation_text(document, "step"), "agent");
    assert_str(test_annotation_text(document, "twice"), "last");
    assert_str(test_annotation_text(document, "route"), "/orders/{id}/x");
    document = test_write(&r.t, &below->segment);
    assert_null(test_annotation(document, "twice"));
    test_run_fini(&r.t);
}

static void a_fact_takes_the_place_of_the_users_with_its_key(void **state)
{
    (void)state;
    const fl_annotation given = {FL_S("content_truncated"), FL_ANNOTATION_STRING, FL_S("mine"),
                                 false};
    rig r;
    rig_init(&r);
    r.t.options.mode = FL_BEDROCK_CHAIN;
    r.t.options.annotate = &given;
    r.t.options.annotate_count = 1;
    bedrock_step *step = test_step(&r.t, r.root, BEDROCK_INVOKE_MODEL, NULL, NULL);
    step->input = test_object(&r.t, "text", test_repeat(&r.t, "x", 5000));
    test_document *document = test_write(&r.t, &step->segment);
    assert_true(yyjson_is_true(test_annotation(document, "content_truncated")));
    test_run_fini(&r.t);
}

static void strings_end_after_a_thousand_characters(void **state)
{
    (void)state;
    rig r;
    rig_init(&r);
    fl_str *reason = &r.root->segment.failure_reason;
    *reason = test_repeat(&r.t, "ü", 1000);
    assert_true(fl_str_eq(
        test_annotation_text(test_write(&r.t, &r.root->segment), "failure_reason"), *reason));
    *reason = test_repeat(&r.t, "ü", 1001);
    fl_str cut = test_annotation_text(test_write(&r.t, &r.root->segment), "failure_reason");
    assert_int_equal(fl_utf8_length(cut), 1000);
    assert_memory_equal(cut.p + cut.n - 5, "ü…", 5);
    test_run_fini(&r.t);
}

static void assert_texts(fl_bedrock_mode mode, fl_bedrock_texts texts, fl_bedrock_content content,
                         bool expected)
{
    rig r;
    rig_init(&r);
    r.t.options.mode = mode;
    r.t.options.texts = texts;
    r.t.options.content = content;
    bedrock_step *step =
        test_step(&r.t, r.root, BEDROCK_CODE, "{'codeInterpreterInvocationInput':{'code':'print'}}",
                  "{'codeInterpreterInvocationOutput':{'executionError':'oops'}}");
    test_document *document = test_write(&r.t, &step->segment);
    assert_str(test_annotation_text(document, "input_text"), expected ? "print" : "");
    assert_str(test_annotation_text(document, "output_text"), expected ? "oops" : "");
    test_run_fini(&r.t);
}

static void texts_are_annotations_in_chains_or_on_demand(void **state)
{
    (void)state;
    const fl_bedrock_content cut = FL_BEDROCK_CONTENT_TRUNCATE;
    assert_texts(FL_BEDROCK_TREE, FL_BEDROCK_TEXTS_BY_MODE, cut, false);
    assert_texts(FL_BEDROCK_CHAIN, FL_BEDROCK_TEXTS_BY_MODE, cut, true);
    assert_texts(FL_BEDROCK_TREE, FL_BEDROCK_TEXTS_ON, cut, true);
    assert_texts(FL_BEDROCK_CHAIN, FL_BEDROCK_TEXTS_OFF, cut, false);
    assert_texts(FL_BEDROCK_CHAIN, FL_BEDROCK_TEXTS_ON, FL_BEDROCK_CONTENT_NONE, false);
    assert_texts(FL_BEDROCK_CHAIN, FL_BEDROCK_TEXTS_ON, FL_BEDROCK_CONTENT_HASH, false);
    assert_texts(FL_BEDROCK_CHAIN, FL_BEDROCK_TEXTS_ON, FL_BEDROCK_CONTENT_FULL, true);
}

static void costs_have_nine_decimals(void **state)
{
    (void)state;
    rig r;
    fl_genai_prices *prices;
    rig_init(&r);
    assert_ok(fl_genai_prices_read(&r.t.arena,
                                   FL_S("{\"currency\":\"USD\",\"per\":1000000,\"models\":{\"m\":"
                                        "{\"input\":0.25,\"output\":1.25}}}"),
                                   &prices, NULL),
              NULL);
    r.t.options.prices = prices;
    test_document *document = test_write(&r.t, &r.root->segment);
    assert_str(test_annotation_text(document, "total_cost_usd"), "0");
    bedrock_step *step =
        test_step(&r.t, r.root, BEDROCK_INVOKE_MODEL, "{'foundationModel':'m'}", NULL);
    step->metadata.prompt_tokens = 1001;
    document = test_write(&r.t, &step->segment);
    assert_str(test_annotation_text(document, "cost_usd"), "0.00025025");
    assert_str(test_annotation_text(document, "total_tokens"), "1001");
    document = test_write(&r.t, &r.root->segment);
    assert_str(test_annotation_text(document, "total_cost_usd"), "0.00025025");
    step->input = NULL;
    document = test_write(&r.t, &r.root->segment);
    assert_null(test_annotation(document, "total_cost_usd"));
    test_run_fini(&r.t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_step_tells_of_its_call),
        cmocka_unit_test(an_agent_tells_who_it_is_and_all_that_was_used),
        cmocka_unit_test(tools_and_knowledge_bases_have_names),
        cmocka_unit_test(collaborators_and_guardrails),
        cmocka_unit_test(flows_have_a_name_and_nodes_and_no_agent),
        cmocka_unit_test(latency_is_told_or_measured_and_never_made_up),
        cmocka_unit_test(values_of_the_wrong_type_are_no_annotations),
        cmocka_unit_test(core_is_what_the_spec_marks),
        cmocka_unit_test(at_most_so_many_are_written_from_the_begin_of_the_list),
        cmocka_unit_test(the_users_are_typed_and_only_on_the_root),
        cmocka_unit_test(a_fact_takes_the_place_of_the_users_with_its_key),
        cmocka_unit_test(strings_end_after_a_thousand_characters),
        cmocka_unit_test(texts_are_annotations_in_chains_or_on_demand),
        cmocka_unit_test(costs_have_nine_decimals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
