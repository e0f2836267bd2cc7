/*
 * Rules of converting, each on the smallest stream that shows it: pairing, scopes, links, outcomes,
 * times, flows (spec §3.4–§3.9, §3.11, §3.17). A stream is one event a line; what comes out is
 * compared as lines `index parent name start-end source flags [annotations asked for]`, times in
 * seconds after the stream's base.
 */
#include <stdlib.h>

#include "support/bedrock_convert.h"
#include "support/test.h"

#define BASE   "2025-06-01T00:00:"
#define ARN(a) "{\"agentAliasArn\":\"arn:aws:bedrock:us-east-1:111122223333:agent-alias/" a "\"}"
#define U1     "11111111-1111-4111-8111-111111111111"
#define U2     "22222222-2222-4222-8222-222222222222"
#define U3     "33333333-3333-4333-8333-333333333333"

/* One event of agent A (top) or of B, which A called, at second `at`. */
#define OF_A(at, trace)                                                                            \
    "{\"agentId\":\"A\",\"agentAliasId\":\"L\",\"callerChain\":[" ARN(                             \
        "A/L") "],\"sessionId\":"                                                                  \
               "\"s\",\"eventTime\":\"" BASE at "Z\",\"trace\":{" trace "}}\n"
#define OF_B(at, trace)                                                                            \
    "{\"agentId\":\"B\",\"agentAliasId\":\"L\",\"callerChain\":[" ARN("A/L") "," ARN(              \
        "B/L") "],\"collaboratorName\":\"worker\",\"sessionId\":\"t\",\"eventTime\":\"" BASE at    \
               "Z\",\"trace\":{" trace "}}\n"
/* A third level still carries the name of the first collaborator. */
#define OF_C(at, trace)                                                                            \
    "{\"agentId\":\"C\",\"agentAliasId\":\"L\",\"callerChain\":[" ARN("A/L") "," ARN(              \
        "B/L") "," ARN("C/L") "],\"collaboratorName\":\"worker\",\"eventTime\":\"" BASE at         \
                              "Z\",\"trace\":{" trace "}}\n"
#define ALONE(agent, at, trace)                                                                    \
    "{\"agentId\":\"" agent "\",\"agentAliasId\":\"L\",\"eventTime\":\"" BASE at                   \
    "Z\",\"trace\":{" trace "}}\n"
#define UNTIMED_A(trace)                                                                           \
    "{\"agentId\":\"A\",\"callerChain\":[" ARN("A/L") "],\"trace\":{" trace "}}\n"
#define ORCH(member, id, body)                                                                     \
    "\"orchestrationTrace\":{\"" member "\":{\"traceId\":\"" id "\"" body "}}"
#define MODEL_IN(id)        ORCH("modelInvocationInput", id, ",\"type\":\"ORCHESTRATION\"")
#define MODEL_OUT(id, meta) ORCH("modelInvocationOutput", id, ",\"metadata\":{" meta "}")
#define TOOL_IN(id, name)                                                                          \
    ORCH("invocationInput", id,                                                                    \
         ",\"invocationType\":\"ACTION_GROUP\",\"actionGroupInvocationInput\":{"                   \
         "\"actionGroupName\":\"g\",\"function\":\"" name "\"}")
#define TOOL_OUT(id, meta)                                                                         \
    ORCH("observation", id,                                                                        \
         ",\"type\":\"ACTION_GROUP\",\"actionGroupInvocationOutput\":{\"text\":\"x\","             \
         "\"metadata\":{" meta "}}")
#define ASK_IN(id, name, arn)                                                                      \
    ORCH("invocationInput", id,                                                                    \
         ",\"invocationType\":\"AGENT_COLLABORATOR\",\"agentCollaboratorInvocationInput\":{"       \
         "\"agentCollaboratorName\":\"" name "\",\"agentCollaboratorAliasArn\":\"arn:aws:bedrock:" \
         "us-east-1:111122223333:agent-alias/" arn "\"}")
#define ASK_OUT(id, name, arn, meta)                                                               \
    ORCH("observation", id,                                                                        \
         ",\"type\":\"AGENT_COLLABORATOR\",\"agentCollaboratorInvocationOutput\":{"                \
         "\"agentCollaboratorName\":\"" name "\",\"agentCollaboratorAliasArn\":\"arn:aws:bedrock:" \
         "us-east-1:111122223333:agent-alias/" arn "\",\"metadata\":{" meta "}}")
#define FINAL(id, meta)                                                                            \
    ORCH("observation", id,                                                                        \
         ",\"type\":\"FINISH\",\"finalResponse\":{\"text\":\"x\",\"metadata\":{" meta "}}")
#define REPROMPT(id, source)                                                                       \
    ORCH("observation", id,                                                                        \
         ",\"type\":\"REPROMPT\",\"repromptResponse\":{\"source\":\"" source                       \
         "\",\"text\":\"no\"}")
#define FAILURE(id, code, reason, meta)                                                            \
    "\"failureTrace\":{\"traceId\":\"" id "\",\"failureCode\":" code                               \
    ",\"failureReason\":\"" reason "\",\"metadata\":{" meta "}}"
#define AT(name, at) "\"" name "\":\"" BASE at "Z\""

/* ---- */

static void add_time(fl_buf *out, int64_t ns)
{
    int64_t base_ns = 0;
    assert_true(fl_str_to_i64(FL_S("1748736000000000000"), &base_ns));
    if (ns >= TEST_NOW_NS && ns < TEST_NOW_NS + INT64_C(1000000000000)) {
        fl_buf_add_str(out, FL_S("now+"));
        base_ns = TEST_NOW_NS;
    }
    fl_buf_add_seconds(out, ns - base_ns);
}

static void add_annotations(fl_buf *out, yyjson_val *document, const char *asked)
{
    yyjson_val *annotations = fl_json_get(document, FL_S("annotations"));
    fl_str rest = fl_str_of(asked);
    while (rest.p != NULL && rest.n > 0) {
        fl_str key = fl_str_cut(&rest, ' ');
        yyjson_val *value = fl_json_get(annotations, key);
        if (value != NULL) {
            fl_buf_add_byte(out, ' ');
            fl_buf_add_str(out, key);
            fl_buf_add_byte(out, '=');
            fl_json_emit(out, value);
        }
    }
}

static void add_line(fl_buf *out, const test_document *document, const char *asked)
{
    const fl_bedrock_document *d = &document->document;
    fl_buf_add_u64(out, d->index);
    fl_buf_add_byte(out, ' ');
    if (d->parent_index == UINT32_MAX) {
        fl_buf_add_byte(out, '-');
    } else {
        fl_buf_add_u64(out, d->parent_index);
    }
    fl_buf_add_byte(out, ' ');
    fl_buf_add_str(out, d->name);
    fl_buf_add_byte(out, ' ');
    add_time(out, d->start_ns);
    fl_buf_add_byte(out, '-');
    add_time(out, d->end_ns);
    fl_buf_add_byte(out, ' ');
    fl_buf_add_str(out, fl_str_of(fl_bedrock_time_source_name(d->time_source)));
    fl_buf_add_str(out, d->flags.error ? FL_S(" error") : FL_S(""));
    fl_buf_add_str(out, d->flags.throttle ? FL_S(" throttle") : FL_S(""));
    fl_buf_add_str(out, d->flags.fault ? FL_S(" fault") : FL_S(""));
    add_annotations(out, document->json, asked);
    fl_buf_add_byte(out, '\n');
}

/* All lines of a stream's result, and its diagnostics as `code line`. */
static void describe(const fl_bedrock_options *options, fl_str stream, const char *asked,
                     fl_buf *out)
{
    test_result result;
    test_convert(options, stream, 0, &result);
    for (size_t i = 0; i < result.count; i++) {
        add_line(out, &result.documents[i], asked);
    }
    for (size_t i = 0; i < result.diagnostic_count; i++) {
        fl_buf_add_str(out, fl_str_of(fl_bedrock_code_name(result.diagnostics[i].code)));
        fl_buf_add_byte(out, ' ');
        fl_buf_add_u64(out, result.diagnostics[i].place.line);
        fl_buf_add_byte(out, '\n');
    }
    test_result_fini(&result);
}

static void expect_with(fl_bedrock_options options, const char *stream, const char *asked,
                        const char *lines)
{
    fl_buf out;
    fl_buf_init(&out, (size_t)1 << 20);
    describe(&options, fl_str_of(stream), asked, &out);
    assert_str(fl_buf_str(&out), lines);
    fl_buf_fini(&out);
}

static void expect(const char *stream, const char *asked, const char *lines)
{
    expect_with(fl_bedrock_options_default(TEST_NOW_NS), stream, asked, lines);
}

/* ---- Pairing */

static void tools_of_one_step_pair_first_in_first_out(void **state)
{
    (void)state;
    expect(OF_A("01", TOOL_IN(U1 "-0", "a")) OF_A("02", TOOL_IN(U1 "-0", "b"))
               OF_A("03", TOOL_OUT(U1 "-0", "")) OF_A("04", TOOL_OUT(U1 "-0", ""))
                   OF_A("05", FINAL(U1 "-0", "")),
           "tool_name",
           "0 - Agent_A 1-4 children\n"
           "1 0 InvokeActionGroup:g/a_A 1-3 event tool_name=\"g/a\"\n"
           "2 0 InvokeActionGroup:g/b_A 2-4 event tool_name=\"g/b\"\n");
}

static void an_output_takes_the_step_of_its_trace_id_before_the_oldest(void **state)
{
    (void)state;
    expect(OF_A("01", TOOL_IN(U1 "-0", "a")) OF_A("02", TOOL_IN(U1 "-1", "b"))
               OF_A("03", TOOL_OUT(U1 "-1", "")) OF_A("04", TOOL_OUT(U1 "-7", ""))
                   OF_A("05", FINAL(U1 "-1", "")),
           "",
           "0 - Agent_A 1-4 children\n"
           "1 0 InvokeActionGroup:g/a_A 1-4 event\n"
           "2 0 InvokeActionGroup:g/b_A 2-3 event\n");
}

static void an_output_without_input_is_a_step_and_a_warning(void **state)
{
    (void)state;
    expect(OF_A("01", MODEL_OUT(U1 "-0", "")) OF_A("02", FINAL(U1 "-0", "")), "event_count",
           "0 - Agent_A 1-1 children event_count=2\n"
           "1 0 InvokeModel_A 1-1 event event_count=1\n"
           "W_UNPAIRED 1\n");
}

static void a_collaborator_answers_the_call_that_began_nearest_to_it(void **state)
{
    (void)state;
    expect(OF_A("01", ASK_IN(U1 "-0", "worker", "B/L")) OF_A("10", ASK_IN(U1 "-0", "worker", "B/L"))
               OF_A("20", ASK_OUT(U1 "-0", "worker", "B/L",
                                  AT("startTime", "10.001") "," AT("endTime", "19")))
                   OF_A("21", ASK_OUT(U1 "-0", "worker", "B/L",
                                      AT("startTime", "01.001") "," AT("endTime", "18")))
                       OF_A("22", FINAL(U1 "-0", "")),
           "",
           "0 - Agent_A 1.001-19 children\n"
           "1 0 InvokeCollaborator:worker_A 1.001-18 metadata\n"
           "2 0 InvokeCollaborator:worker_A 10.001-19 metadata\n");
}

static void a_collaborator_does_not_answer_for_another(void **state)
{
    (void)state;
    expect(OF_A("01", ASK_IN(U1 "-0", "x", "X/L")) OF_A("02", ASK_IN(U1 "-0", "y", "Y/L"))
               OF_A("03", ASK_OUT(U1 "-0", "y", "Y/L", "")) OF_A("04", FINAL(U1 "-0", "")),
           "incomplete",
           "0 - Agent_A 1-3 children\n"
           "1 0 InvokeCollaborator:x_A 1-1 event incomplete=true\n"
           "2 0 InvokeCollaborator:y_A 2-3 event\n"
           "W_INCOMPLETE 1\n");
}

static void a_reprompt_rejects_the_tool_and_is_a_retry_of_the_next(void **state)
{
    (void)state;
    expect(OF_A("01", TOOL_IN(U1 "-0", "a")) OF_A("02", REPROMPT(U1 "-0", "ACTION_GROUP"))
               OF_A("03", MODEL_IN(U1 "-1")) OF_A("04", MODEL_OUT(U1 "-1", ""))
                   OF_A("05", TOOL_IN(U1 "-1", "a")) OF_A("06", TOOL_OUT(U1 "-1", ""))
                       OF_A("07", TOOL_IN(U1 "-2", "a")) OF_A("08", TOOL_OUT(U1 "-2", ""))
                           OF_A("09", REPROMPT(U1 "-2", "PARSER")) OF_A("10", FINAL(U1 "-2", "")),
           "retry_count reprompt_source",
           "0 - Agent_A 1-9 children\n"
           "1 0 InvokeActionGroup:g/a_A 1-2 event error reprompt_source=\"ACTION_GROUP\"\n"
           "2 0 InvokeModel_A 3-4 event retry_count=1\n"
           "3 0 InvokeActionGroup:g/a_A 5-6 event retry_count=1\n"
           "4 0 InvokeActionGroup:g/a_A 7-8 event\n"
           "5 0 Reprompt:PARSER_A 9-9 event reprompt_source=\"PARSER\"\n");
}

/* ---- Failures */

static void a_failure_closes_all_steps_of_its_trace_id_and_counts_tokens_once(void **state)
{
    (void)state;
    expect(OF_A("01", TOOL_IN(U1 "-0", "a")) OF_A("02", TOOL_IN(U1 "-0", "b"))
               OF_A("03", TOOL_IN(U1 "-1", "c"))
                   OF_A("04", FAILURE(U1 "-0", "500", "it timed out",
                                      "\"usage\":{\"inputTokens\":5,\"outputTokens\":1}")),
           "prompt_tokens total_prompt_tokens failure_code timeout incomplete",
           "0 - Agent_A 1-4 children fault total_prompt_tokens=5 failure_code=500 timeout=true\n"
           "1 0 InvokeActionGroup:g/a_A 1-4 event fault prompt_tokens=5 failure_code=500 "
           "timeout=true\n"
           "2 0 InvokeActionGroup:g/b_A 2-4 event fault failure_code=500 timeout=true\n"
           "3 0 InvokeActionGroup:g/c_A 3-3 event incomplete=true\n"
           "W_INCOMPLETE 3\n");
}

static void a_failure_of_another_trace_id_closes_whatever_is_open(void **state)
{
    (void)state;
    expect(OF_A("01", TOOL_IN(U1 "-0", "a")) OF_A("02", FAILURE(U1 "-9", "404", "gone", "")),
           "failure_code",
           "0 - Agent_A 1-2 children error failure_code=404\n"
           "1 0 InvokeActionGroup:g/a_A 1-2 event error failure_code=404\n");
}

static void an_exception_cuts_the_open_steps_of_all_agents_below(void **state)
{
    (void)state;
    expect(OF_A("01", ASK_IN(U1 "-0", "worker", "B/L")) OF_B(
               "02", MODEL_IN(U2 "-0")) "{\"throttlingException\":{\"message\":\"slow down\"}}\n",
           "incomplete exception",
           "0 - Agent_A 1-2 children error throttle\n"
           "1 0 InvokeCollaborator:worker_A 1-2 event error throttle\n"
           "2 1 Agent:worker_B 2-2 children error throttle\n"
           "3 2 InvokeModel_B 2-2 event error throttle\n"
           "4 0 StreamError:throttlingException_A 2-2 inferred error throttle "
           "exception=\"throttlingException\"\n");
}

static void each_exception_flags_the_steps_that_it_cut(void **state)
{
    (void)state;
    expect(OF_A("01", MODEL_IN(U1 "-0")) "{\"validationException\":{\"message\":\"no\"}}\n" OF_A(
               "02", TOOL_IN(U1 "-0", "a")) "{\"badGatewayException\":{\"message\":\"no\"}}\n",
           "",
           "0 - Agent_A 1-2 children error fault\n"
           "1 0 InvokeModel_A 1-1 event error\n"
           "2 0 StreamError:validationException_A 1-1 inferred error\n"
           "3 0 InvokeActionGroup:g/a_A 2-2 event fault\n"
           "4 0 StreamError:badGatewayException_A 2-2 inferred fault\n");
}

/* ---- Links */

static void a_collaborator_hangs_below_the_step_that_called_it(void **state)
{
    (void)state;
    expect(OF_A("01", ASK_IN(U1 "-0", "worker", "B/L")) OF_B("02", MODEL_IN(U2 "-0"))
               OF_B("03", MODEL_OUT(U2 "-0", "")) OF_B("04", FINAL(U2 "-0", ""))
                   OF_A("05", ASK_OUT(U1 "-0", "worker", "B/L", "\"clientRequestId\":\"" U2 "\""))
                       OF_A("06", FINAL(U1 "-0", "")),
           "agent_name",
           "0 - Agent_A 1-5 children\n"
           "1 0 InvokeCollaborator:worker_A 1-5 event\n"
           "2 1 Agent:worker_B 2-3 children agent_name=\"worker\"\n"
           "3 2 InvokeModel_B 2-3 event agent_name=\"worker\"\n");
}

/* Both calls are open when the workers begin; the answers tell which is whose. */
static void the_answer_corrects_whose_collaborator_it_was(void **state)
{
    (void)state;
    expect(OF_A("01", ASK_IN(U1 "-0", "worker", "B/L")) OF_A("02", ASK_IN(U1 "-0", "worker", "B/L"))
               OF_B("03", MODEL_IN(U2 "-0")) OF_B("04", MODEL_IN(U3 "-0"))
                   OF_B("05", MODEL_OUT(U2 "-0", "")) OF_B("06", MODEL_OUT(U3 "-0", "")) OF_A(
                       "07", ASK_OUT(U1 "-0", "worker", "B/L",
                                     AT("startTime", "01") ",\"clientRequestId\":\"" U3 "\""))
                       OF_A("08", ASK_OUT(U1 "-0", "worker", "B/L",
                                          AT("startTime", "02") ",\"clientRequestId\":\"" U2 "\""))
                           OF_A("09", FINAL(U1 "-0", "")),
           "",
           "0 - Agent_A 1-8 children\n"
           "1 0 InvokeCollaborator:worker_A 1-7 metadata\n"
           "2 0 InvokeCollaborator:worker_A 2-8 metadata\n"
           "3 2 Agent:worker_B 3-5 children\n"
           "4 3 InvokeModel_B 3-5 event\n"
           "5 1 Agent:worker_B 4-6 children\n"
           "6 5 InvokeModel_B 4-6 event\n");
}

/* The second worker takes the third call, once the second call turned out to be the third's. */
static void a_call_that_is_freed_goes_to_the_agent_that_it_names(void **state)
{
    (void)state;
    expect(OF_A("01", ASK_IN(U1 "-0", "other", "C/L")) OF_A("02", ASK_IN(U1 "-0", "worker", "B/L"))
               OF_A("03", ASK_IN(U1 "-0", "worker", "B/L")) OF_B("04", MODEL_IN(U2 "-0"))
                   OF_B("05", MODEL_OUT(U2 "-0", "")) OF_B("06", MODEL_IN(U3 "-0"))
                       OF_B("07", MODEL_OUT(U3 "-0", "")) OF_A(
                           "08", ASK_OUT(U1 "-0", "worker", "B/L",
                                         AT("startTime", "02") ",\"clientRequestId\":\"" U3 "\"")),
           "",
           "0 - Agent_A 1-8 children\n"
           "1 0 InvokeCollaborator:other_A 1-1 event\n"
           "2 0 InvokeCollaborator:worker_A 2-8 metadata\n"
           "3 0 InvokeCollaborator:worker_A 3-5 event\n"
           "4 3 Agent:worker_B 4-5 children\n"
           "5 4 InvokeModel_B 4-5 event\n"
           "6 2 Agent:worker_B 6-7 children\n"
           "7 6 InvokeModel_B 6-7 event\n"
           "W_INCOMPLETE 1\n"
           "W_INCOMPLETE 3\n");
}

static void callers_are_found_at_any_depth(void **state)
{
    (void)state;
    expect(OF_A("01", ASK_IN(U1 "-0", "worker", "B/L")) OF_B("02", ASK_IN(U2 "-0", "deep", "C/L"))
               OF_C("03", MODEL_IN(U3 "-0")) OF_C("04", MODEL_OUT(U3 "-0", ""))
                   OF_C("05", FINAL(U3 "-0", "")) OF_B("06", ASK_OUT(U2 "-0", "deep", "C/L", ""))
                       OF_A("07", ASK_OUT(U1 "-0", "worker", "B/L", "")),
           "caller_depth agent_name",
           "0 - Agent_A 1-7 children caller_depth=1\n"
           "1 0 InvokeCollaborator:worker_A 1-7 event caller_depth=1\n"
           "2 1 Agent:worker_B 2-6 children caller_depth=2 agent_name=\"worker\"\n"
           "3 2 InvokeCollaborator:deep_B 2-6 event caller_depth=2 agent_name=\"worker\"\n"
           "4 3 Agent:deep_C 3-4 children caller_depth=3 agent_name=\"deep\"\n"
           "5 4 InvokeModel_C 3-4 event caller_depth=3 agent_name=\"deep\"\n");
}

static void without_callers_the_open_call_tells_who_called(void **state)
{
    (void)state;
    expect(ALONE("A", "01", ASK_IN(U1 "-0", "worker", "B/L")) ALONE("B", "02", MODEL_IN(U2 "-0"))
               ALONE("B", "03", MODEL_OUT(U2 "-0", ""))
                   ALONE("A", "04", ASK_OUT(U1 "-0", "worker", "B/L", "")),
           "caller_depth",
           "0 - Agent_A 1-4 children caller_depth=1\n"
           "1 0 InvokeCollaborator:worker_A 1-4 event caller_depth=1\n"
           "2 1 Agent:worker_B 2-3 children caller_depth=2\n"
           "3 2 InvokeModel_B 2-3 event caller_depth=2\n");
}

static void a_collaborator_without_a_call_hangs_below_its_caller(void **state)
{
    (void)state;
    expect(OF_A("01", MODEL_IN(U1 "-0")) OF_A("02", MODEL_OUT(U1 "-0", ""))
               OF_B("03", MODEL_IN(U2 "-0")) OF_B("04", MODEL_OUT(U2 "-0", "")),
           "",
           "0 - Agent_A 1-4 children\n"
           "1 0 InvokeModel_A 1-2 event\n"
           "2 0 Agent:worker_B 3-4 children\n"
           "3 2 InvokeModel_B 3-4 event\n");
}

static void a_caller_that_is_told_of_later_takes_its_orphan(void **state)
{
    (void)state;
    expect(OF_B("01", MODEL_IN(U2 "-0")) OF_B("02", MODEL_OUT(U2 "-0", ""))
               OF_A("03", MODEL_IN(U1 "-0")) OF_A("04", MODEL_OUT(U1 "-0", "")),
           "",
           "0 2 Agent:worker_B 1-2 children\n"
           "1 0 InvokeModel_B 1-2 event\n"
           "2 - Agent_A 1-4 children\n"
           "3 2 InvokeModel_A 3-4 event\n");
}

static void calls_of_a_session_are_traces_of_their_own(void **state)
{
    (void)state;
    expect(OF_A("01", MODEL_IN(U1 "-0")) OF_A("02", MODEL_OUT(U1 "-0", ""))
               OF_A("03", FINAL(U1 "-0", "")) OF_A("04", MODEL_IN(U2 "-0"))
                   OF_A("05", MODEL_OUT(U2 "-0", "")) OF_A("06", FINAL(U2 "-0", "")),
           "session_id",
           "0 - Agent_A 1-2 children session_id=\"s\"\n"
           "1 0 InvokeModel_A 1-2 event session_id=\"s\"\n"
           "0 - Agent_A 4-5 children session_id=\"s\"\n"
           "1 0 InvokeModel_A 4-5 event session_id=\"s\"\n");
}

static void without_ids_the_end_of_an_answer_begins_the_next_run(void **state)
{
    (void)state;
    expect(OF_A("01", MODEL_IN("x")) OF_A("02", MODEL_OUT("x", "")) OF_A("03", FINAL("x", "")) OF_A(
               "04", "\"postProcessingTrace\":{\"modelInvocationInput\":{\"traceId\":\"x\"}}")
               OF_A("05", "\"postProcessingTrace\":{\"modelInvocationOutput\":{\"traceId\":\"x\"}}")
                   OF_A("06", MODEL_IN("x")) OF_A("07", MODEL_OUT("x", "")),
           "",
           "0 - Agent_A 1-5 children\n"
           "1 0 InvokeModel_A 1-2 event\n"
           "2 0 PostProcess_A 4-5 event\n"
           "0 - Agent_A 6-7 children\n"
           "1 0 InvokeModel_A 6-7 event\n");
}

/* ---- Times: rules 1 to 9 of §3.9, one step each */

static void times_come_from_the_first_rule_that_applies(void **state)
{
    static const struct {
        const char *output, *times;
    } rules[] = {
        {AT("startTime", "02") "," AT("endTime", "03"), "2-3 metadata"},
        {AT("startTime", "03") "," AT("endTime", "02"), "3-3 metadata"},
        {AT("startTime", "02") ",\"totalTimeMs\":1500", "2-3.5 metadata"},
        {AT("endTime", "04") ",\"totalTimeMs\":1500", "2.5-4 metadata"},
        {AT("startTime", "02"), "2-9 metadata"},
        {AT("startTime", "10"), "10-10 metadata"},
        {AT("endTime", "04"), "1-4 metadata"},
        {"\"totalTimeMs\":1500", "7.5-9 event"},
        {"", "1-9 event"},
    };
    const fl_str before = FL_S(OF_A("01", MODEL_IN(U1 "-0")));
    const fl_str output = FL_S(OF_A("09", MODEL_OUT(U1 "-0", "@")));
    const fl_bedrock_options options = fl_bedrock_options_default(TEST_NOW_NS);
    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        fl_str rest = output;
        fl_buf stream, lines, expected;
        fl_buf_init(&stream, 65536);
        fl_buf_init(&lines, 65536);
        fl_buf_init(&expected, 65536);
        fl_buf_add_str(&stream, before);
        fl_buf_add_str(&stream, fl_str_cut(&rest, '@'));
        fl_buf_add_str(&stream, fl_str_of(rules[i].output));
        fl_buf_add_str(&stream, rest);
        describe(&options, fl_buf_str(&stream), "", &lines);
        fl_buf_add_str(&expected, FL_S("\n1 0 InvokeModel_A "));
        fl_buf_add_str(&expected, fl_str_of(rules[i].times));
        fl_buf_add_byte(&expected, '\n');
        assert_non_null(memmem(lines.p, lines.n, expected.p, expected.n));
        fl_buf_fini(&expected);
        fl_buf_fini(&lines);
        fl_buf_fini(&stream);
    }
}

static void a_step_without_time_stands_at_the_end_of_the_one_before(void **state)
{
    (void)state;
    expect(UNTIMED_A(TOOL_IN(U1 "-0", "a")) UNTIMED_A(TOOL_OUT(U1 "-0", ""))
               OF_A("03", MODEL_IN(U1 "-1")) OF_A("05", MODEL_OUT(U1 "-1", ""))
                   UNTIMED_A(TOOL_IN(U1 "-2", "b")) UNTIMED_A(TOOL_OUT(U1 "-2", ""))
                       UNTIMED_A(FINAL(U1 "-2", "")),
           "",
           "0 - Agent_A 3-5 children\n"
           "1 0 InvokeActionGroup:g/a_A 3-3 inferred\n"
           "2 0 InvokeModel_A 3-5 event\n"
           "3 0 InvokeActionGroup:g/b_A 5-5 inferred\n");
}

static void a_run_without_times_takes_five_seconds_a_step(void **state)
{
    const char *stream = UNTIMED_A(MODEL_IN(U1 "-0")) UNTIMED_A(MODEL_OUT(U1 "-0", ""))
        UNTIMED_A(TOOL_IN(U1 "-0", "a")) UNTIMED_A(TOOL_OUT(U1 "-0", "\"totalTimeMs\":250"));
    fl_bedrock_options options = fl_bedrock_options_default(TEST_NOW_NS);
    (void)state;
    expect_with(options, stream, "",
                "0 - Agent_A now+0-now+6.25 synthetic\n"
                "1 0 InvokeModel_A now+0-now+5 synthetic\n"
                "2 0 InvokeActionGroup:g/a_A now+6-now+6.25 synthetic\n"
                "W_NO_TIMES 1\n");
    options.clock = FL_BEDROCK_CLOCK_SYNTHETIC;
    expect_with(options, stream, "",
                "0 - Agent_A now+0-now+11 synthetic\n"
                "1 0 InvokeModel_A now+0-now+5 synthetic\n"
                "2 0 InvokeActionGroup:g/a_A now+6-now+11 synthetic\n");
}

/* Only the answer of the agent has times: the clock of the run is theirs. */
static void real_times_never_mix_with_the_synthetic_clock(void **state)
{
    (void)state;
    expect(UNTIMED_A(MODEL_IN(U1 "-0")) UNTIMED_A(MODEL_OUT(U1 "-0", ""))
               UNTIMED_A(FINAL(U1 "-0", AT("startTime", "01") "," AT("endTime", "09"))),
           "",
           "0 - Agent_A 1-9 metadata\n"
           "1 0 InvokeModel_A 1-1 inferred\n");
    expect(UNTIMED_A(MODEL_IN(U1 "-0")) OF_A("03", ORCH("rationale", U1 "-0", ",\"text\":\"r\""))
               UNTIMED_A(MODEL_OUT(U1 "-0", "")),
           "",
           "0 - Agent_A 3-3 children\n"
           "1 0 InvokeModel_A 3-3 inferred\n");
}

static void an_unanswered_call_is_widened_to_what_it_led_to(void **state)
{
    (void)state;
    expect(OF_A("01", ASK_IN(U1 "-0", "worker", "B/L")) OF_B("02", MODEL_IN(U2 "-0"))
               OF_B("08", MODEL_OUT(U2 "-0", "")),
           "incomplete",
           "0 - Agent_A 1-8 children\n"
           "1 0 InvokeCollaborator:worker_A 1-8 event incomplete=true\n"
           "2 1 Agent:worker_B 2-8 children\n"
           "3 2 InvokeModel_B 2-8 event\n"
           "W_INCOMPLETE 1\n");
}

/* ---- Flows */

#define FLOW(member, node, at, more)                                                               \
    "{\"flowTraceEvent\":{\"trace\":{\"" member "\":{\"nodeName\":\"" node                         \
    "\",\"timestamp\":\"" BASE at "Z\"" more "}}}}\n"

static void a_node_that_runs_twice_at_once_pairs_first_in_first_out(void **state)
{
    (void)state;
    expect(FLOW("nodeInputTrace", "n", "01", "") FLOW("nodeInputTrace", "n", "02", "")
               FLOW("nodeActionTrace", "n", "03",
                    ",\"serviceName\":\"lambda\",\"operationName\":\"Invoke\"")
                   FLOW("nodeOutputTrace", "n", "04", "") FLOW("nodeOutputTrace", "n", "05", "")
                       FLOW("nodeOutputTrace", "n", "06",
                            "") "{\"flowCompletionEvent\":{\"completionReason\":\"SUCCESS\"}}\n",
           "completion_reason event_index",
           "0 - Flow_flow 1-6 children completion_reason=\"SUCCESS\"\n"
           "1 0 FlowNode:n_flow 1-4 event event_index=1\n"
           "2 0 FlowNode:n_flow 2-5 event event_index=2\n"
           "3 1 FlowAction:lambda/Invoke_flow 3-3 event event_index=3\n"
           "4 0 FlowNode:n_flow 6-6 event event_index=6\n");
}

static void flow_events_after_the_completion_begin_the_next_run(void **state)
{
    (void)state;
    expect(FLOW("nodeOutputTrace", "n", "01", "") "{\"flowCompletionEvent\":{\"completionReason\":"
                                                  "\"INPUT_REQUIRED\"}}\n" FLOW("nodeInputTrace",
                                                                                "n", "02", ""),
           "input_required incomplete",
           "0 - Flow_flow 1-1 children input_required=true\n"
           "1 0 FlowNode:n_flow 1-1 event\n"
           "0 - Flow_flow 2-2 children\n"
           "1 0 FlowNode:n_flow 2-2 event incomplete=true\n"
           "W_INCOMPLETE 3\n");
}

#define ANSWER(id, event) "{\"executionId\":\"" id "\",\"flowExecutionEvents\":[" event "]}\n"
#define NODE_IN(node, at)                                                                          \
    "{\"nodeInputEvent\":{\"nodeName\":\"" node "\",\"timestamp\":\"" BASE at "Z\"}}"

static void answers_of_other_executions_are_other_runs(void **state)
{
    (void)state;
    expect(ANSWER("x1", NODE_IN("n", "01")) ANSWER("x1", NODE_IN("m", "02"))
               ANSWER("x2", NODE_IN("n", "03")),
           "",
           "0 - Flow_x1 1-2 children\n"
           "1 0 FlowNode:n_x1 1-1 event\n"
           "2 0 FlowNode:m_x1 2-2 event\n"
           "0 - Flow_x2 3-3 children\n"
           "1 0 FlowNode:n_x2 3-3 event\n"
           "W_INCOMPLETE 1\n"
           "W_INCOMPLETE 2\n"
           "W_INCOMPLETE 3\n");
}

static void an_exception_is_of_the_run_that_was_heard_of_last(void **state)
{
    (void)state;
    expect(FLOW("nodeInputTrace", "n", "01", "")
               OF_A("02", MODEL_IN(U1 "-0")) "{\"internalServerException\":{\"message\":\"oh\"}}\n",
           "",
           "0 - Flow_flow 1-1 children\n"
           "1 0 FlowNode:n_flow 1-1 event\n"
           "0 - Agent_A 2-2 children fault\n"
           "1 0 InvokeModel_A 2-2 event fault\n"
           "2 0 StreamError:internalServerException_A 2-2 inferred fault\n"
           "W_INCOMPLETE 1\n");
}

static void a_node_that_an_output_event_names_is_complete(void **state)
{
    (void)state;
    expect(FLOW("nodeInputTrace", "out", "01",
                "") "{\"flowOutputEvent\":{\"nodeName\":\"out\",\"nodeType\":\"FlowOutputNode\","
                    "\"content\":{\"document\":\"x\"}}}\n",
           "incomplete",
           "0 - Flow_flow 1-1 children\n"
           "1 0 FlowNode:out_flow 1-1 event\n");
}

static void an_output_event_may_come_before_the_input_of_its_node(void **state)
{
    (void)state;
    expect(FLOW("nodeInputTrace", "n", "00", "") FLOW(
               "nodeOutputTrace", "n", "00",
               "") "{\"flowOutputEvent\":{\"nodeName\":\"out\",\"nodeType\":\"FlowOutputNode\","
                   "\"content\":{\"document\":\"x\"}}}\n" FLOW("nodeInputTrace", "out", "01", "")
                       FLOW("nodeInputTrace", "out", "02", "")
                           FLOW("nodeOutputTrace", "out", "03", ""),
           "incomplete event_count",
           "0 - Flow_flow 0-3 children\n"
           "1 0 FlowNode:n_flow 0-0 event event_count=2\n"
           "2 0 FlowNode:out_flow 1-3 event event_count=2\n"
           "3 0 FlowNode:out_flow 2-2 event event_count=1\n");
}

#define DEPENDENCY(node, at, parts)                                                                \
    FLOW("nodeDependencyTrace", node, at, ",\"traceElements\":{\"agentTraces\":[" parts "]}")

/* Without an invocation id: the node's run tells them apart; with one in two nodes: the node. */
static void agents_of_a_flow_belong_to_the_run_of_their_node(void **state)
{
    (void)state;
    expect(FLOW("nodeInputTrace", "n", "01", "") DEPENDENCY("n", "02", UNTIMED_A(MODEL_IN("x")))
               DEPENDENCY("n", "03", "{\"trace\":" UNTIMED_A(MODEL_OUT("x", "")) "}")
                   FLOW("nodeOutputTrace", "n", "04", "") FLOW("nodeInputTrace", "n", "05", "")
                       DEPENDENCY("n", "06", UNTIMED_A(MODEL_IN("x")))
                           DEPENDENCY("n", "07", UNTIMED_A(MODEL_OUT("x", "")))
                               FLOW("nodeOutputTrace", "n", "08", ""),
           "event_index",
           "0 - Flow_flow 1-8 children\n"
           "1 0 FlowNode:n_flow 1-4 event event_index=1\n"
           "2 1 Agent_A 2-3 children\n"
           "3 2 InvokeModel_A 2-3 event event_index=3\n"
           "4 0 FlowNode:n_flow 5-8 event event_index=7\n"
           "5 4 Agent_A 6-7 children\n"
           "6 5 InvokeModel_A 6-7 event event_index=9\n");
    expect(FLOW("nodeInputTrace", "n", "01", "") FLOW("nodeInputTrace", "m", "01", "")
               DEPENDENCY("n", "02", UNTIMED_A(MODEL_IN(U1 "-0")))
                   DEPENDENCY("m", "03", UNTIMED_A(MODEL_IN(U1 "-0")))
                       DEPENDENCY("n", "04", UNTIMED_A(MODEL_OUT(U1 "-0", "")))
                           DEPENDENCY("m", "05", UNTIMED_A(MODEL_OUT(U1 "-0", "")))
                               FLOW("nodeOutputTrace", "n", "06", "")
                                   FLOW("nodeOutputTrace", "m", "07", ""),
           "",
           "0 - Flow_flow 1-7 children\n"
           "1 0 FlowNode:n_flow 1-6 event\n"
           "2 0 FlowNode:m_flow 1-7 event\n"
           "3 1 Agent_A 2-4 children\n"
           "4 3 InvokeModel_A 2-4 event\n"
           "5 2 Agent_A 3-5 children\n"
           "6 5 InvokeModel_A 3-5 event\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tools_of_one_step_pair_first_in_first_out),
        cmocka_unit_test(an_output_takes_the_step_of_its_trace_id_before_the_oldest),
        cmocka_unit_test(an_output_without_input_is_a_step_and_a_warning),
        cmocka_unit_test(a_collaborator_answers_the_call_that_began_nearest_to_it),
        cmocka_unit_test(a_collaborator_does_not_answer_for_another),
        cmocka_unit_test(a_reprompt_rejects_the_tool_and_is_a_retry_of_the_next),
        cmocka_unit_test(a_failure_closes_all_steps_of_its_trace_id_and_counts_tokens_once),
        cmocka_unit_test(a_failure_of_another_trace_id_closes_whatever_is_open),
        cmocka_unit_test(an_exception_cuts_the_open_steps_of_all_agents_below),
        cmocka_unit_test(each_exception_flags_the_steps_that_it_cut),
        cmocka_unit_test(a_collaborator_hangs_below_the_step_that_called_it),
        cmocka_unit_test(the_answer_corrects_whose_collaborator_it_was),
        cmocka_unit_test(a_call_that_is_freed_goes_to_the_agent_that_it_names),
        cmocka_unit_test(callers_are_found_at_any_depth),
        cmocka_unit_test(without_callers_the_open_call_tells_who_called),
        cmocka_unit_test(a_collaborator_without_a_call_hangs_below_its_caller),
        cmocka_unit_test(a_caller_that_is_told_of_later_takes_its_orphan),
        cmocka_unit_test(calls_of_a_session_are_traces_of_their_own),
        cmocka_unit_test(without_ids_the_end_of_an_answer_begins_the_next_run),
        cmocka_unit_test(times_come_from_the_first_rule_that_applies),
        cmocka_unit_test(a_step_without_time_stands_at_the_end_of_the_one_before),
        cmocka_unit_test(a_run_without_times_takes_five_seconds_a_step),
        cmocka_unit_test(real_times_never_mix_with_the_synthetic_clock),
        cmocka_unit_test(an_unanswered_call_is_widened_to_what_it_led_to),
        cmocka_unit_test(a_node_that_runs_twice_at_once_pairs_first_in_first_out),
        cmocka_unit_test(flow_events_after_the_completion_begin_the_next_run),
        cmocka_unit_test(answers_of_other_executions_are_other_runs),
        cmocka_unit_test(an_exception_is_of_the_run_that_was_heard_of_last),
        cmocka_unit_test(a_node_that_an_output_event_names_is_complete),
        cmocka_unit_test(an_output_event_may_come_before_the_input_of_its_node),
        cmocka_unit_test(agents_of_a_flow_belong_to_the_run_of_their_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
