#include "support/bedrock_story.h"
#include "support/test.h"

static bool contains(fl_str text, const char *part)
{
    return memmem(text.p, text.n, part, strlen(part)) != NULL;
}

static void assert_reads(const char *text, const char *events, const char *codes, const char *what)
{
    test_story story;
    test_story_init(&story);
    story.no_places = true;
    test_story_read(&story, fl_str_of(text), SIZE_MAX);
    assert_int_equal(story.status, FL_OK);
    assert_str(fl_buf_str(&story.codes), codes);
    assert_str(fl_buf_str(&story.events), events);
    if (what != NULL && !contains(fl_buf_str(&story.messages), what)) {
        fail_msg("\"%s\" is not in %.*s", what, FL_P(fl_buf_str(&story.messages)));
    }
    test_story_fini(&story);
}

#define PART(envelope, trace) "{\"trace\":{" envelope "\"trace\":{" trace "}}}"

/* ---- Envelope */

static void the_envelope_is_read_whole(void **state)
{
    (void)state;
    assert_reads(
        PART("\"agentId\":\"A\",\"agentAliasId\":\"B\",\"agentVersion\":\"7\",\"agentName\":"
             "\"n\",\"collaboratorName\":\"c\",\"sessionId\":\"s\",\"eventTime\":"
             "\"2025-10-14T09:12:03.425000305Z\",\"callerChain\":[{\"agentAliasArn\":\"x\"},"
             "{\"agentAliasArn\":\"y\"}],\"extra\":{},",
             "\"failureTrace\":{}"),
        "whole failureTrace time=1760433123425000000 agent=A alias=B version=7 name=n "
        "collaborator=c session=s caller=x caller=y callers=2 {}\n",
        "", NULL);
}

static void a_caller_chain_can_be_empty_and_callers_unknown(void **state)
{
    (void)state;
    assert_reads(PART("\"callerChain\":[],", "\"failureTrace\":{}"),
                 "whole failureTrace callers=0 {}\n", "", NULL);
    assert_reads(PART("\"callerChain\":[{\"other\":1}],", "\"failureTrace\":{}"),
                 "whole failureTrace callers=0 {}\n", "", NULL);
    assert_reads(PART("\"callerChain\":null,\"agentId\":null,", "\"failureTrace\":{}"),
                 "whole failureTrace {}\n", "", NULL);
}

static void members_of_the_envelope_with_another_type_are_told(void **state)
{
    (void)state;
    assert_reads(PART("\"callerChain\":{},", "\"failureTrace\":{}"), "whole failureTrace {}\n",
                 "1:1 E_TYPE\n", "trace.callerChain must be of type array, but is of type object");
    assert_reads(PART("\"agentId\":5,", "\"failureTrace\":{}"), "whole failureTrace {}\n",
                 "1:1 E_TYPE\n", "trace.agentId must be of type string, but is of type number");
    assert_reads(PART("\"callerChain\":[\"x\",{\"agentAliasArn\":1}],", "\"failureTrace\":{}"),
                 "whole failureTrace callers=0 {}\n", "1:1 E_TYPE\n1:1 E_TYPE\n",
                 "trace.callerChain[1].agentAliasArn must");
}

static void a_time_that_is_none_is_absent(void **state)
{
    (void)state;
    assert_reads(PART("\"eventTime\":\"yesterday\",", "\"failureTrace\":{}"),
                 "whole failureTrace {}\n", "1:1 W_TIME\n", "trace.eventTime");
    assert_reads(PART("", "\"failureTrace\":{\"metadata\":{\"startTime\":{}}}"),
                 "whole failureTrace {\"metadata\":{\"startTime\":{}}}\n", "1:1 W_TIME\n",
                 "trace.trace.failureTrace.metadata.startTime");
}

/* ---- Unions */

static void members_of_a_trace_come_in_their_order(void **state)
{
    (void)state;
    assert_reads(PART("", "\"new\":{\"traceId\":\"8\"},\"failureTrace\":{\"traceId\":\"7\"},"
                          "\"postProcessingTrace\":{\"modelInvocationInput\":{\"traceId\":\"6\"}},"
                          "\"orchestrationTrace\":{\"rationale\":{\"traceId\":\"5\"}},"
                          "\"customOrchestrationTrace\":{\"traceId\":\"4\"},"
                          "\"guardrailTrace\":{\"traceId\":\"3\"},"
                          "\"routingClassifierTrace\":{\"observation\":{\"traceId\":\"2\"}},"
                          "\"preProcessingTrace\":{\"modelInvocationOutput\":{\"traceId\":\"1\"}}"),
                 "model_output preProcessingTrace trace=1 {\"traceId\":\"1\"}\n"
                 "observation routingClassifierTrace trace=2 {\"traceId\":\"2\"}\n"
                 "whole guardrailTrace trace=3 {\"traceId\":\"3\"}\n"
                 "whole customOrchestrationTrace trace=4 {\"traceId\":\"4\"}\n"
                 "rationale orchestrationTrace trace=5 {\"traceId\":\"5\"}\n"
                 "model_input postProcessingTrace trace=6 {\"traceId\":\"6\"}\n"
                 "whole failureTrace trace=7 {\"traceId\":\"7\"}\n"
                 "whole new trace=8 {\"traceId\":\"8\"}\n",
                 "1:1 W_UNKNOWN_MEMBER\n", "trace.trace.new");
}

static void members_of_a_step_come_in_their_order(void **state)
{
    (void)state;
    assert_reads(
        PART("\"agentId\":\"A\",",
             "\"orchestrationTrace\":{\"observation\":{\"traceId\":\"5\"},"
             "\"invocationInput\":{\"traceId\":\"4\"},\"rationale\":{\"traceId\":\"3\"},"
             "\"modelInvocationOutput\":{\"traceId\":\"2\"},"
             "\"modelInvocationInput\":{\"traceId\":\"1\"},\"traceId\":\"0\",\"more\":{}}"),
        "model_input orchestrationTrace trace=1 agent=A {\"traceId\":\"1\"}\n"
        "model_output orchestrationTrace trace=2 agent=A {\"traceId\":\"2\"}\n"
        "rationale orchestrationTrace trace=3 agent=A {\"traceId\":\"3\"}\n"
        "invocation orchestrationTrace trace=4 agent=A {\"traceId\":\"4\"}\n"
        "observation orchestrationTrace trace=5 agent=A {\"traceId\":\"5\"}\n",
        "", NULL);
}

static void an_empty_union_gives_no_event(void **state)
{
    (void)state;
    assert_reads(PART("", ""), "", "1:1 W_EMPTY\n", "trace.trace is empty");
    assert_reads(PART("", "\"orchestrationTrace\":{}"), "", "1:1 W_EMPTY\n",
                 "trace.trace.orchestrationTrace is empty");
    assert_reads(PART("", "\"orchestrationTrace\":{\"__type\":\"x\"}"), "", "1:1 W_EMPTY\n", NULL);
}

static void a_member_that_is_no_object_is_told_and_the_others_count(void **state)
{
    (void)state;
    assert_reads(PART("", "\"guardrailTrace\":[],\"failureTrace\":{}"), "whole failureTrace {}\n",
                 "1:1 E_TYPE\n",
                 "trace.trace.guardrailTrace must be of type object, but is of type "
                 "array");
    assert_reads(PART("", "\"orchestrationTrace\":{\"rationale\":null,\"observation\":{}}"),
                 "observation orchestrationTrace {}\n", "1:1 E_TYPE\n",
                 "trace.trace.orchestrationTrace.rationale must be of type object, but is of type "
                 "null");
    assert_reads(PART("", "\"failureTrace\":{\"traceId\":5}"),
                 "whole failureTrace {\"traceId\":5}\n", "1:1 E_TYPE\n",
                 "trace.trace.failureTrace.traceId must be of type string");
}

static void unknown_members_have_their_name(void **state)
{
    (void)state;
    assert_reads(PART("", "\"SDK_UNKNOWN_MEMBER\":{\"name\":\"planTrace\"}"),
                 "whole planTrace {\"name\":\"planTrace\"}\n", "1:1 W_UNKNOWN_MEMBER\n",
                 "planTrace");
    assert_reads(PART("", "\"SDK_UNKNOWN_MEMBER\":{}"), "whole SDK_UNKNOWN_MEMBER {}\n",
                 "1:1 W_UNKNOWN_MEMBER\n", NULL);
    assert_reads(PART("", "\"orchestrationTrace\":{\"SDK_UNKNOWN_MEMBER\":{\"name\":\"thought\"}}"),
                 "whole thought {\"name\":\"thought\"}\n", "1:1 W_UNKNOWN_MEMBER\n",
                 "trace.trace.orchestrationTrace.thought");
}

/* ---- Metadata */

#define METADATA                                                                                   \
    "\"metadata\":{\"startTime\":1,\"endTime\":2.5,\"totalTimeMs\":1500,\"operationTotalTimeMs\":" \
    "1600,\"clientRequestId\":\"q\",\"usage\":{\"inputTokens\":3,\"outputTokens\":4}}"
#define METADATA_TOLD                                                                              \
    "start=1000000000 end=2500000000 total=1500 operation=1600 prompt=3 completion=4 request=q"

static void metadata_is_read_of_outputs_guardrails_and_failures(void **state)
{
    (void)state;
    assert_reads(PART("", "\"orchestrationTrace\":{\"modelInvocationOutput\":{" METADATA "}},"
                          "\"guardrailTrace\":{" METADATA "},\"failureTrace\":{" METADATA "}"),
                 "whole guardrailTrace " METADATA_TOLD " {" METADATA "}\n"
                 "model_output orchestrationTrace " METADATA_TOLD " {" METADATA "}\n"
                 "whole failureTrace " METADATA_TOLD " {" METADATA "}\n",
                 "", NULL);
}

static void metadata_of_an_observation_is_that_of_its_member(void **state)
{
    (void)state;
    static const char *const members[] = {
        "actionGroupInvocationOutput", "agentCollaboratorInvocationOutput",
        "codeInterpreterInvocationOutput", "knowledgeBaseLookupOutput", "finalResponse"};
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        fl_buf text;
        fl_buf told;
        fl_buf_init(&text, 4096);
        fl_buf_init(&told, 4096);
        fl_buf_add_str(&text, FL_S("{\"observation\":{\""));
        fl_buf_add_str(&text, fl_str_of(members[i]));
        fl_buf_add(&text, "\":{" METADATA "}}}", sizeof("\":{" METADATA "}}}"));
        fl_buf_add_str(&told, FL_S("observation orchestrationTrace " METADATA_TOLD " {\""));
        fl_buf_add_str(&told, fl_str_of(members[i]));
        fl_buf_add(&told, "\":{" METADATA "}}\n", sizeof("\":{" METADATA "}}\n"));
        assert_reads(text.p, told.p, "", NULL);
        fl_buf_fini(&text);
        fl_buf_fini(&told);
    }
}

static void the_misspelt_token_counts_are_read(void **state)
{
    (void)state;
    const char *body = "{\"metadata\":{\"usage\":{\"inputToken\":3,\"outputToken\":4.0}}}";
    fl_buf text;
    fl_buf told;
    fl_buf_init(&text, 4096);
    fl_buf_init(&told, 4096);
    fl_buf_add_str(&text, FL_S("{\"failureTrace\":"));
    fl_buf_add_str(&text, fl_str_of(body));
    fl_buf_add(&text, "}", 2);
    fl_buf_add_str(&told, FL_S("whole failureTrace prompt=3 completion=4 "));
    fl_buf_add_str(&told, fl_str_of(body));
    fl_buf_add(&told, "\n", 2);
    assert_reads(text.p, told.p, "", NULL);
    fl_buf_fini(&text);
    fl_buf_fini(&told);
}

static void counts_that_cannot_be_are_absent(void **state)
{
    (void)state;
    assert_reads(
        "{\"failureTrace\":{\"metadata\":{\"totalTimeMs\":-1,\"usage\":{\"inputTokens\":1.5"
        "}}}}",
        "whole failureTrace "
        "{\"metadata\":{\"totalTimeMs\":-1,\"usage\":{\"inputTokens\":1.5}}}\n",
        "", NULL);
    assert_reads("{\"failureTrace\":{\"metadata\":{\"totalTimeMs\":\"9\"}}}",
                 "whole failureTrace {\"metadata\":{\"totalTimeMs\":\"9\"}}\n", "1:1 E_TYPE\n",
                 "failureTrace.metadata.totalTimeMs must be of type number");
    assert_reads("{\"failureTrace\":{\"metadata\":[]}}", "whole failureTrace {\"metadata\":[]}\n",
                 "1:1 E_TYPE\n", NULL);
}

/* ---- Agents inside of flows */

static void agents_of_a_dependency_come_behind_it_and_take_its_time(void **state)
{
    (void)state;
    const char *text =
        "{\"nodeDependencyTrace\":{\"nodeName\":\"Ask\",\"timestamp\":5,\"traceElements\":"
        "{\"agentTraces\":[{\"agentId\":\"A\",\"eventTime\":7,\"trace\":{\"failureTrace\":{}}},"
        "{\"trace\":{\"guardrailTrace\":{}}}]}}}";
    test_story story;
    test_story_init(&story);
    story.no_places = true;
    test_story_read(&story, fl_str_of(text), SIZE_MAX);
    fl_str events = fl_buf_str(&story.events);
    fl_str first = fl_str_cut(&events, '\n');
    assert_true(fl_str_starts(
        first, FL_S("node_dependency nodeDependencyTrace time=5000000000 node=Ask {")));
    assert_str(events, "whole failureTrace time=7000000000 agent=A node=Ask in_node=1 {}\n"
                       "whole guardrailTrace time=5000000000 node=Ask in_node=1 {}\n");
    assert_int_equal(story.counts.trace_events, 3);
    assert_int_equal(story.counts.values, 1);
    test_story_fini(&story);
}

static void traces_of_a_dependency_with_another_type_are_told(void **state)
{
    (void)state;
    const char *told =
        "node_dependency nodeDependencyTrace {\"traceElements\":{\"agentTraces\":[1]}}"
        "\n";
    assert_reads("{\"nodeDependencyTrace\":{\"traceElements\":{\"agentTraces\":[1]}}}", told,
                 "1:1 E_TYPE\n", "nodeDependencyTrace.traceElements.agentTraces[0] must");
}

static void events_are_counted_by_class(void **state)
{
    (void)state;
    test_story story;
    test_story_init(&story);
    test_story_read(&story,
                    FL_S("[{\"failureTrace\":{}},{\"chunk\":{}},{\"files\":{}},{\"aException\":{}},"
                         "{\"nodeInputTrace\":{}},{\"schemaType\":\"ModelInvocationLog\"}]"),
                    SIZE_MAX);
    assert_int_equal(story.counts.values, 6);
    assert_int_equal(story.counts.trace_events, 2);
    assert_int_equal(story.counts.auxiliary, 2);
    assert_int_equal(story.counts.exceptions, 1);
    test_story_fini(&story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_envelope_is_read_whole),
        cmocka_unit_test(a_caller_chain_can_be_empty_and_callers_unknown),
        cmocka_unit_test(members_of_the_envelope_with_another_type_are_told),
        cmocka_unit_test(a_time_that_is_none_is_absent),
        cmocka_unit_test(members_of_a_trace_come_in_their_order),
        cmocka_unit_test(members_of_a_step_come_in_their_order),
        cmocka_unit_test(an_empty_union_gives_no_event),
        cmocka_unit_test(a_member_that_is_no_object_is_told_and_the_others_count),
        cmocka_unit_test(unknown_members_have_their_name),
        cmocka_unit_test(metadata_is_read_of_outputs_guardrails_and_failures),
        cmocka_unit_test(metadata_of_an_observation_is_that_of_its_member),
        cmocka_unit_test(the_misspelt_token_counts_are_read),
        cmocka_unit_test(counts_that_cannot_be_are_absent),
        cmocka_unit_test(agents_of_a_dependency_come_behind_it_and_take_its_time),
        cmocka_unit_test(traces_of_a_dependency_with_another_type_are_told),
        cmocka_unit_test(events_are_counted_by_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
