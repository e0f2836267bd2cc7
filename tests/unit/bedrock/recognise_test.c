#include <stdlib.h>

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

#define BODY    "{\"traceId\":\"t\"}"
#define FAILURE "{\"failureTrace\":" BODY "}"

/* ---- The forms of an agent's event */

static void a_stream_event_holds_its_trace_part(void **state)
{
    (void)state;
    const char *told = "whole failureTrace trace=t " BODY "\n";
    assert_reads("{\"trace\":{\"trace\":" FAILURE "}}", told, "", NULL);
    assert_reads("{\"trace\":{\"agentId\":\"A\",\"trace\":" FAILURE "}}",
                 "whole failureTrace trace=t agent=A " BODY "\n", "", NULL);
    assert_reads("{\"trace\":{\"sessionId\":\"s\"}}", "", "1:1 W_EMPTY\n", "trace.trace");
    assert_reads("{\"trace\":{\"callerChain\":[]}}", "", "1:1 W_EMPTY\n", NULL);
    assert_reads("{\"trace\":{\"agentId\":\"A\"}}", "", "1:1 W_EMPTY\n", NULL);
}

static void any_other_trace_makes_the_value_a_trace_part(void **state)
{
    (void)state;
    assert_reads("{\"agentId\":\"A\",\"trace\":" FAILURE "}",
                 "whole failureTrace trace=t agent=A " BODY "\n", "", NULL);
    assert_reads("{\"trace\":" FAILURE "}", "whole failureTrace trace=t " BODY "\n", "", NULL);
    assert_reads("{\"trace\":{}}", "", "1:1 W_EMPTY\n", "trace is empty");
}

static void bare_traces_and_the_consoles_copies_are_read(void **state)
{
    (void)state;
    assert_reads(FAILURE, "whole failureTrace trace=t " BODY "\n", "", NULL);
    assert_reads("{\"orchestrationTrace\":{\"rationale\":" BODY "}}",
                 "rationale orchestrationTrace trace=t " BODY "\n", "", NULL);
    assert_reads("{\"rationale\":" BODY "}", "rationale orchestrationTrace trace=t " BODY "\n", "",
                 NULL);
    assert_reads("{\"modelInvocationInput\":" BODY "}\n{\"modelInvocationOutput\":" BODY
                 "}\n{\"invocationInput\":" BODY "}\n{\"observation\":" BODY "}",
                 "model_input orchestrationTrace trace=t " BODY "\n"
                 "model_output orchestrationTrace trace=t " BODY "\n"
                 "invocation orchestrationTrace trace=t " BODY "\n"
                 "observation orchestrationTrace trace=t " BODY "\n",
                 "", NULL);
    assert_reads("{\"SDK_UNKNOWN_MEMBER\":{\"name\":\"new\"}}", "whole new {\"name\":\"new\"}\n",
                 "1:1 W_UNKNOWN_MEMBER\n", "new");
}

static void the_first_rule_that_fits_decides(void **state)
{
    (void)state;
    assert_reads("{\"chunk\":{},\"trace\":" FAILURE "}", "whole failureTrace trace=t " BODY "\n",
                 "", NULL);
    assert_reads("{\"trace\":1,\"completion\":[{\"chunk\":{}},{\"trace\":" FAILURE "}]}",
                 "chunk chunk {}\nwhole failureTrace trace=t " BODY "\n", "", NULL);
    assert_reads("{\"rationale\":{},\"failureTrace\":" BODY "}",
                 "whole failureTrace trace=t " BODY "\n", "", NULL);
    assert_reads("{\"trace\":" FAILURE ",\"trace\":{\"failureTrace\":{}}}",
                 "whole failureTrace {}\n", "", NULL);
}

/* ---- Other events */

#define NODE      "{\"nodeName\":\"n\",\"timestamp\":\"2026-03-09T14:05:10.000Z\"}"
#define NODE_TOLD " time=1773065110000000000 node=n " NODE "\n"

static void flow_events_are_read_in_their_forms(void **state)
{
    (void)state;
    assert_reads("{\"flowTraceEvent\":{\"trace\":{\"nodeInputTrace\":" NODE "}}}",
                 "node_input nodeInputTrace" NODE_TOLD, "", NULL);
    assert_reads("{\"trace\":{\"nodeInputTrace\":" NODE "}}", "node_input nodeInputTrace" NODE_TOLD,
                 "", NULL);
    assert_reads("{\"nodeInputTrace\":" NODE "}", "node_input nodeInputTrace" NODE_TOLD, "", NULL);
    assert_reads("{\"flowTraceEvent\":{\"trace\":{}}}\n{\"flowTraceEvent\":{}}", "",
                 "1:1 W_EMPTY\n2:1 W_EMPTY\n", "flowTraceEvent.trace is empty");
    assert_reads("{\"flowTraceEvent\":{\"trace\":{\"newTrace\":{}}}}", "", "1:1 W_UNKNOWN_MEMBER\n",
                 "flowTraceEvent.trace.newTrace");
}

static void flow_members_have_their_kinds(void **state)
{
    (void)state;
    assert_reads("{\"nodeOutputTrace\":{}}\n{\"conditionNodeResultTrace\":{}}\n"
                 "{\"conditionNodeOutputTrace\":{}}\n{\"nodeActionTrace\":{}}\n"
                 "{\"nodeDependencyTrace\":{}}\n{\"nodeInputEvent\":{}}\n{\"nodeOutputEvent\":{}}\n"
                 "{\"conditionResultEvent\":{}}\n{\"nodeActionEvent\":{}}\n"
                 "{\"nodeDependencyEvent\":{}}\n{\"nodeFailureEvent\":{}}\n"
                 "{\"flowFailureEvent\":{}}",
                 "node_output nodeOutputTrace {}\n"
                 "node_output conditionNodeResultTrace {}\n"
                 "node_output conditionNodeOutputTrace {}\n"
                 "node_action nodeActionTrace {}\n"
                 "node_dependency nodeDependencyTrace {}\n"
                 "node_input nodeInputEvent {}\n"
                 "node_output nodeOutputEvent {}\n"
                 "node_output conditionResultEvent {}\n"
                 "node_action nodeActionEvent {}\n"
                 "node_dependency nodeDependencyEvent {}\n"
                 "node_failure nodeFailureEvent {}\n"
                 "flow_failure flowFailureEvent {}\n",
                 "", NULL);
}

static void auxiliary_events_are_counted_with_what_they_hold(void **state)
{
    (void)state;
    assert_reads(
        "{\"chunk\":{\"attribution\":{\"citations\":[{},{}]}}}\n"
        "{\"files\":{\"files\":[{},{},{}]}}\n{\"returnControl\":{}}\n"
        "{\"flowInputEvent\":{\"nodeName\":\"i\"}}\n{\"flowOutputEvent\":{\"nodeName\":\"o\"}"
        "}\n{\"flowCompletionEvent\":{}}\n{\"flowMultiTurnInputRequestEvent\":{}}\n" FAILURE,
        "chunk chunk number=2 {\"attribution\":{\"citations\":[{},{}]}}\n"
        "files files number=3 {\"files\":[{},{},{}]}\n"
        "return_control returnControl {}\n"
        "flow_input flowInputEvent node=i {\"nodeName\":\"i\"}\n"
        "flow_output flowOutputEvent node=o {\"nodeName\":\"o\"}\n"
        "flow_completion flowCompletionEvent {}\n"
        "flow_input_request flowMultiTurnInputRequestEvent {}\n"
        "whole failureTrace trace=t " BODY "\n",
        "", NULL);
    assert_reads("{\"files\":{},\"chunk\":{}}\n" FAILURE,
                 "chunk chunk {}\nfiles files {}\nwhole failureTrace trace=t " BODY "\n", "", NULL);
}

static void members_that_end_in_exception_are_exceptions(void **state)
{
    (void)state;
    assert_reads("{\"throttlingException\":{\"message\":\"m\"}}\n{\"brandNewException\":{}}",
                 "exception throttlingException exception=throttlingException {\"message\":\"m\"}\n"
                 "exception brandNewException exception=brandNewException {}\n",
                 "", NULL);
}

static void model_invocation_logs_are_no_errors(void **state)
{
    (void)state;
    assert_reads("{\"schemaType\":\"ModelInvocationLog\"}\n" FAILURE,
                 "whole failureTrace trace=t " BODY "\n", "", NULL);
    assert_reads("{\"schemaType\":\"Other\"}", "", "1:1 E_UNKNOWN_OBJECT\n", NULL);
}

/* ---- Whole answers */

static void a_whole_answer_gives_its_events_what_it_knows(void **state)
{
    (void)state;
    assert_reads("{\"completion\":[{\"trace\":{\"trace\":" FAILURE
                 "}},{\"trace\":{\"sessionId\":\"own\",\"trace\":" FAILURE
                 "}}],\"sessionId\":\"s\",\"ResponseMetadata\":{\"HTTPHeaders\":{\"x-amzn-"
                 "requestid\":\"r\"}}}",
                 "whole failureTrace trace=t session=s answer=r " BODY "\n"
                 "whole failureTrace trace=t session=own answer=r " BODY "\n",
                 "", NULL);
    assert_reads("{\"executionId\":\"x\",\"responseStream\":[{\"nodeInputTrace\":{}}]}",
                 "node_input nodeInputTrace execution=x {}\n", "", NULL);
    assert_reads("{\"flowExecutionEvents\":[{\"nodeInputEvent\":{}}]}",
                 "node_input nodeInputEvent {}\n", "", NULL);
}

static void a_stream_that_was_not_read_is_told(void **state)
{
    (void)state;
    assert_reads("{\"completion\":\"<botocore.eventstream.EventStream object at 0x7f>\"}", "",
                 "1:1 E_NOT_ITERATED\n", "read to its end");
    assert_reads("{\"responseStream\":{}}", "", "1:1 E_NOT_ITERATED\n", "`responseStream`");
    assert_reads("{\"flowExecutionEvents\":null}", "", "1:1 E_NOT_ITERATED\n", "null");
}

static void an_empty_answer_has_no_trace(void **state)
{
    (void)state;
    assert_reads("{\"completion\":[]}", "", "1:18 E_NO_TRACE\n", "0 events");
}

static void elements_of_an_answer_must_be_objects(void **state)
{
    (void)state;
    assert_reads("{\"completion\":[7," FAILURE ",[" FAILURE "]]}",
                 "whole failureTrace trace=t " BODY "\nwhole failureTrace trace=t " BODY "\n",
                 "1:1 E_NOT_OBJECT\n", "number");
}

/* ---- What is no event */

static void an_unknown_object_is_told_with_its_first_five_keys(void **state)
{
    (void)state;
    assert_reads("{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"secret\":6}", "",
                 "1:1 E_UNKNOWN_OBJECT\n", "with a, b, c, d, e, … is");
    assert_reads("{\"a\":1,\"b\":\"text\"}", "", "1:1 E_UNKNOWN_OBJECT\n", "with a, b is");
    assert_reads("{}", "", "1:1 E_UNKNOWN_OBJECT\n", "no members");
    assert_reads("{\"traceEvent\":{\"id\":\"1\",\"timestamp\":1}}", "", "1:1 E_UNKNOWN_OBJECT\n",
                 "traceEvent");
}

static void events_without_any_trace_are_told_by_kind(void **state)
{
    (void)state;
    assert_reads("{\"chunk\":{}}\n{\"chunk\":{}}\n{\"files\":{}}",
                 "chunk chunk {}\nchunk chunk {}\nfiles files {}\n", "3:13 E_NO_TRACE\n",
                 "2 chunk, 1 files; call with enableTrace");
    assert_reads("{\"chunk\":{}}\n{\"throttlingException\":{}}",
                 "chunk chunk {}\nexception throttlingException exception=throttlingException {}\n",
                 "2:27 E_NO_TRACE\n", "1 exception, 1 chunk");
}

static void a_known_member_of_another_type_is_told(void **state)
{
    (void)state;
    assert_reads("{\"trace\":\"x\"}", "", "1:1 E_TYPE\n",
                 "trace must be of type object, but is of type string");
    assert_reads("{\"trace\":null}", "", "1:1 E_TYPE\n", "null");
    assert_reads("{\"flowTraceEvent\":[]}\n{\"nodeInputTrace\":1}\n{\"chunk\":true}\n"
                 "{\"throttlingException\":\"slow\"}\n{\"flowTraceEvent\":{\"trace\":0}}",
                 "", "1:1 E_TYPE\n2:1 E_TYPE\n3:1 E_TYPE\n4:1 E_TYPE\n5:1 E_TYPE\n",
                 "flowTraceEvent.trace must be of type object, but is of type number");
    assert_reads("{\"completion\":[{\"trace\":{\"trace\":{\"orchestrationTrace\":5}}}]}", "",
                 "1:16 E_TYPE\n", "completion[0].trace.trace.orchestrationTrace must");
    assert_reads("{\"files\":{\"files\":{}}}\n" FAILURE,
                 "files files {\"files\":{}}\nwhole failureTrace trace=t " BODY "\n",
                 "1:1 E_TYPE\n", "files.files must be of type array");
}

/* ---- Samples */

static fl_buf events_of(const char *path, size_t step, bool bodies)
{
    size_t n;
    char *text = test_read_file(path, &n);
    test_story story;
    test_story_init(&story);
    story.no_places = true;
    story.no_bodies = !bodies;
    test_story_read(&story, (fl_str){text, n}, step);
    assert_int_equal(story.status, FL_OK);
    assert_str(fl_buf_str(&story.codes), "");
    fl_buf events = story.events;
    fl_buf_init(&story.events, 0);
    test_story_fini(&story);
    free(text);
    return events;
}

static void assert_same_events(const char *a, const char *b, size_t step)
{
    fl_buf first = events_of(a, SIZE_MAX, true);
    fl_buf second = events_of(b, step, true);
    assert_true(first.n > 1000);
    assert_int_equal(first.n, second.n);
    assert_memory_equal(first.p, second.p, first.n);
    fl_buf_fini(&first);
    fl_buf_fini(&second);
}

#define INPUT(name) "golden/bedrock/input/" name

static void the_binary_stream_gives_the_events_of_the_saved_one(void **state)
{
    (void)state;
    const size_t steps[] = {1, 7, 4096, SIZE_MAX};
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        assert_same_events(INPUT("supervisor.jsonl"), INPUT("supervisor.eventstream"), steps[i]);
    }
}

static void any_split_of_a_sample_gives_the_same_events(void **state)
{
    (void)state;
    const char *samples[] = {INPUT("supervisor.jsonl"), INPUT("forms_array.json"),
                             INPUT("forms_completion.json"), INPUT("flow.jsonl"),
                             INPUT("forms_flow_execution_events.json")};
    const size_t steps[] = {1, 7, 4096};
    for (size_t i = 0; i < 3 * sizeof(samples) / sizeof(*samples); i++) {
        assert_same_events(samples[i / 3], samples[i / 3], steps[i % 3]);
    }
}

static void remove_all(fl_buf *text, const char *part)
{
    size_t n = strlen(part);
    for (char *at; (at = memmem(text->p, text->n, part, n)) != NULL; text->n -= n) {
        memmove(at, at + n, text->n - n - (size_t)(at - text->p));
    }
}

static void assert_same_text(const fl_buf *a, const fl_buf *b)
{
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->p, b->p, a->n);
}

/* The answer knows a request and a session, also of events that have none; boto3 writes times in
 * its own way, which shows in the bodies. */
static void lists_and_answers_give_the_events_of_the_lines(void **state)
{
    (void)state;
    fl_buf lines = events_of(INPUT("customorch.jsonl"), SIZE_MAX, false);
    fl_buf array = events_of(INPUT("forms_array.json"), SIZE_MAX, false);
    fl_buf answer = events_of(INPUT("forms_completion.json"), 7, false);
    assert_true(lines.n > 1000);
    assert_same_text(&array, &lines);
    remove_all(&answer, " answer=b4ae0c9b-f46d-457f-81ce-d293354f6db1");
    remove_all(&answer, " session=co-1");
    remove_all(&lines, " session=co-1");
    assert_same_text(&answer, &lines);
    fl_buf_fini(&answer);
    fl_buf_fini(&array);
    fl_buf_fini(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_event_holds_its_trace_part),
        cmocka_unit_test(any_other_trace_makes_the_value_a_trace_part),
        cmocka_unit_test(bare_traces_and_the_consoles_copies_are_read),
        cmocka_unit_test(the_first_rule_that_fits_decides),
        cmocka_unit_test(flow_events_are_read_in_their_forms),
        cmocka_unit_test(flow_members_have_their_kinds),
        cmocka_unit_test(auxiliary_events_are_counted_with_what_they_hold),
        cmocka_unit_test(members_that_end_in_exception_are_exceptions),
        cmocka_unit_test(model_invocation_logs_are_no_errors),
        cmocka_unit_test(a_whole_answer_gives_its_events_what_it_knows),
        cmocka_unit_test(a_stream_that_was_not_read_is_told),
        cmocka_unit_test(an_empty_answer_has_no_trace),
        cmocka_unit_test(elements_of_an_answer_must_be_objects),
        cmocka_unit_test(an_unknown_object_is_told_with_its_first_five_keys),
        cmocka_unit_test(events_without_any_trace_are_told_by_kind),
        cmocka_unit_test(a_known_member_of_another_type_is_told),
        cmocka_unit_test(the_binary_stream_gives_the_events_of_the_saved_one),
        cmocka_unit_test(any_split_of_a_sample_gives_the_same_events),
        cmocka_unit_test(lists_and_answers_give_the_events_of_the_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
