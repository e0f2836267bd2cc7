/* POST /fluoro/genai/usage against a whole server in this process. */
#include <stdio.h>

#include "support/server.h"

#include "codec/codec.h"

#define PATH "/fluoro/genai/usage"
#define T0   1738650304 /* 0x67a1b2c0 */

/* A trace T0 + offset with one root of these annotations. */
static void put_trace(const test_server *server, unsigned offset, const char *annotations)
{
    char document[1024];
    const char *documents[] = {document};
    snprintf(document, sizeof document,
             "{\"name\":\"n\",\"id\":\"%016x\",\"trace_id\":\"1-%08x-%024x\",\"start_time\":%u,"
             "\"end_time\":%u.5,\"annotations\":{%s}}",
             offset + 1, T0 + offset, offset + 1, T0 + offset, T0 + offset, annotations);
    fl_buf body;
    fl_buf_init(&body, 1 << 20);
    test_put_body(&body, documents, 1);
    test_answer answer = test_call(server, "POST", "/TraceSegments", fl_buf_str(&body));
    assert_str(answer.body, "{\"UnprocessedTraceSegments\":[]}");
    test_answer_fini(&answer);
    fl_buf_fini(&body);
}

static void expect(const test_server *server, const char *body, int status, const char *text)
{
    test_answer answer = test_call(server, "POST", PATH, fl_str_of(body));
    if (answer.status != status || !test_answer_has(&answer, text)) {
        fail_msg("%s gave %d %.*s, not %d with %s", body, answer.status, FL_P(answer.body), status,
                 text);
    }
    test_answer_fini(&answer);
}

#define NO_NUMBERS                                                                                 \
    "\"CallCount\":0,\"FaultCount\":0,\"ErrorCount\":0,\"ThrottleCount\":0,\"TimeoutCount\":0,"    \
    "\"RetryCount\":0,\"PromptTokens\":0,\"CompletionTokens\":0,\"UnpricedCount\":0,"              \
    "\"CostUsd\":0,\"Latency\":{\"P50\":0,\"P95\":0,\"P99\":0}"

static void an_empty_range_gives_no_group(void **state)
{
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    test_answer answer = test_call(&server, "POST", PATH, FL_S("{\"StartTime\":1,\"EndTime\":2}"));
    assert_int_equal(answer.status, 200);
    assert_str(answer.body, "{\"GroupBy\":\"model\",\"Currency\":\"USD\",\"Groups\":[],"
                            "\"Total\":{" NO_NUMBERS "},\"TracesProcessedCount\":0,"
                            "\"TracesLeftOutCount\":0,\"ApproximateTime\":1,\"Complete\":true}");
    test_answer_fini(&answer);
    test_server_stop(&server);
}

static void bad_requests_name_the_flaw(void **state)
{
    (void)state;
    static const struct {
        const char *body, *text;
    } rows[] = {
        {"", "StartTime is required"},
        {"{\"StartTime\":1}", "EndTime is required"},
        {"{\"StartTime\":2,\"EndTime\":2}", "EndTime must be later than StartTime"},
        {"{\"StartTime\":\"x\",\"EndTime\":2}", "StartTime must be a time"},
        {"{\"StartTime\":1,\"EndTime\":2,\"GroupBy\":\"Model\"}",
         "GroupBy must be model, provider, agent_id, tool_name, tenant, route or experiment_id"},
        {"{\"StartTime\":1,\"EndTime\":2,\"GroupBy\":1}", "GroupBy must be a string"},
        {"{\"StartTime\":1,\"EndTime\":2,\"Currency\":\"12345678901234567\"}",
         "Currency is longer than 16 characters"},
        {"{\"StartTime\":1,\"EndTime\":2,\"FilterExpression\":\"fault\"}",
         "FilterExpression is not supported"},
        {"[]", "not a JSON object"},
    };
    test_server server;
    test_server_start(&server, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect(&server, rows[i].body, 400, rows[i].text);
    }
    test_server_stop(&server);
}

static void groups_and_total_have_every_number(void **state)
{
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    put_trace(&server, 0,
              "\"model\":\"a.m\",\"prompt_tokens\":1000,\"completion_tokens\":7,"
              "\"cost_usd\":0.000539,\"retry_count\":1,\"timeout\":true");
    put_trace(&server, 1, "\"model\":\"a.m\",\"prompt_tokens\":24");
    put_trace(&server, 2, "\"prompt_tokens\":1");
    put_trace(&server, 3, "\"plan\":\"none of it\"");
    char body[200];
    snprintf(body, sizeof body, "{\"StartTime\":%u,\"EndTime\":%u,\"Currency\":\"EUR\"}", T0,
             T0 + 4);
    test_answer answer = test_call(&server, "POST", PATH, fl_str_of(body));
    assert_int_equal(answer.status, 200);
    /* 500 ms lie in the part of 499.712 to 507.903 ms, whose middle is told */
    assert_str(
        answer.body,
        "{\"GroupBy\":\"model\",\"Currency\":\"EUR\",\"Groups\":[{\"Value\":\"a.m\","
        "\"CallCount\":2,\"FaultCount\":0,\"ErrorCount\":0,\"ThrottleCount\":0,\"TimeoutCount\":1,"
        "\"RetryCount\":1,\"PromptTokens\":1024,\"CompletionTokens\":7,\"UnpricedCount\":1,"
        "\"CostUsd\":0.000539,\"Latency\":{\"P50\":0.5,\"P95\":0.5,\"P99\":0.5}},"
        "{\"Value\":null,\"CallCount\":1,\"FaultCount\":0,\"ErrorCount\":0,\"ThrottleCount\":0,"
        "\"TimeoutCount\":0,\"RetryCount\":0,\"PromptTokens\":1,\"CompletionTokens\":0,"
        "\"UnpricedCount\":1,\"CostUsd\":0,"
        "\"Latency\":{\"P50\":0.5,\"P95\":0.5,\"P99\":0.5}}],\"Total\":{"
        "\"CallCount\":3,\"FaultCount\":0,\"ErrorCount\":0,\"ThrottleCount\":0,\"TimeoutCount\":1,"
        "\"RetryCount\":1,\"PromptTokens\":1025,\"CompletionTokens\":7,\"UnpricedCount\":2,"
        "\"CostUsd\":0.000539,\"Latency\":{\"P50\":0.5,\"P95\":0.5,\"P99\":0.5}},"
        "\"TracesProcessedCount\":4,\"TracesLeftOutCount\":0,\"ApproximateTime\":1738650304,"
        "\"Complete\":true}");
    test_answer_fini(&answer);
    test_server_stop(&server);
}

/* The range is [StartTime, EndTime) of trace time. */
static void only_traces_of_the_range_count(void **state)
{
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    char body[200];
    for (unsigned i = 0; i < 4; i++) {
        put_trace(&server, i, "\"prompt_tokens\":1");
    }
    snprintf(body, sizeof body, "{\"StartTime\":%u,\"EndTime\":%u}", T0 + 1, T0 + 3);
    expect(&server, body, 200, "\"TracesProcessedCount\":2");
    expect(&server, body, 200, "\"PromptTokens\":2");
    test_server_stop(&server);
}

/* More than one page of traces, each of them once. */
static void a_range_of_many_pages_is_summed_whole(void **state)
{
    (void)state;
    enum { TRACES = 700 };
    static const char *const settings[] = {"durability", "relaxed", NULL};
    test_server server;
    test_server_start(&server, settings);
    for (unsigned i = 0; i < TRACES; i++) {
        char annotations[100];
        snprintf(annotations, sizeof annotations, "\"tenant\":\"t%u\",\"prompt_tokens\":%u", i % 3,
                 i);
        put_trace(&server, i / 2, annotations); /* two traces would share an id: the later wins */
    }
    char body[200];
    snprintf(body, sizeof body, "{\"StartTime\":%u,\"EndTime\":%u,\"GroupBy\":\"tenant\"}", T0,
             T0 + TRACES);
    expect(&server, body, 200, "\"TracesProcessedCount\":350");
    /* odd numbers up to 699 */
    expect(&server, body, 200,
           "\"Total\":{\"CallCount\":350,\"FaultCount\":0,\"ErrorCount\":0,\"ThrottleCount\":0,"
           "\"TimeoutCount\":0,\"RetryCount\":0,\"PromptTokens\":122500");
    expect(&server, body, 200, "\"Complete\":true");
    test_server_stop(&server);
}

/* One trace is larger than the query memory of the smallest server; the others are counted. */
static void a_trace_too_large_for_the_memory_is_left_out_and_told(void **state)
{
    (void)state;
    static const char *const settings[] = {"memory",  "64M", "document-limit", "16M", "durability",
                                           "relaxed", NULL};
    test_server server;
    test_server_start(&server, settings);
    put_trace(&server, 0, "\"prompt_tokens\":1");
    put_trace(&server, 2, "\"prompt_tokens\":2");
    enum { METADATA = 6 << 20 };
    fl_buf text, body;
    fl_buf_init(&text, 64 << 20);
    fl_buf_init(&body, 64 << 20);
    for (unsigned i = 0; i < 5; i++) { /* 30 MiB in the trace T0 + 1 */
        char head[300];
        fl_buf_reset(&text);
        fl_buf_reset(&body);
        snprintf(head, sizeof head,
                 "{\"name\":\"n\",\"id\":\"%016x\",\"trace_id\":\"1-%08x-%024x\",\"start_time\":%u,"
                 "\"end_time\":%u.5,\"annotations\":{\"prompt_tokens\":4},\"metadata\":{\"x\":{"
                 "\"y\":\"",
                 100 + i, T0 + 1, 99, T0 + 1, T0 + 1);
        fl_buf_add_str(&text, fl_str_of(head));
        fl_buf_fill(&text, 'x', METADATA);
        fl_buf_add_str(&text, FL_S("\"}}}"));
        fl_buf_add_byte(&text, '\0');
        const char *documents[] = {text.p};
        test_put_body(&body, documents, 1);
        test_answer answer = test_call(&server, "POST", "/TraceSegments", fl_buf_str(&body));
        assert_str(answer.body, "{\"UnprocessedTraceSegments\":[]}");
        test_answer_fini(&answer);
    }
    fl_buf_fini(&text);
    fl_buf_fini(&body);
    char request[200];
    snprintf(request, sizeof request, "{\"StartTime\":%u,\"EndTime\":%u}", T0, T0 + 10);
    expect(&server, request, 200, "\"PromptTokens\":3,");
    expect(&server, request, 200,
           "\"TracesProcessedCount\":2,\"TracesLeftOutCount\":1,\"ApproximateTime\":1738650304,"
           "\"Complete\":false}");
    test_server_stop(&server);
}

static void beyond_a_thousand_values_the_rest_is_other(void **state)
{
    (void)state;
    enum { VALUES = 1005 };
    test_server server;
    test_server_start(&server, NULL);
    fl_buf body;
    fl_buf_init(&body, 16 << 20);
    fl_jw w = fl_jw_of(&body);
    fl_jw_open(&w, '{');
    fl_jw_key(&w, FL_S("TraceSegmentDocuments"));
    fl_jw_open(&w, '[');
    for (unsigned i = 0; i < VALUES; i++) {
        char document[400];
        int n = snprintf(document, sizeof document,
                         "{\"name\":\"n\",\"id\":\"%016x\",\"trace_id\":\"1-%08x-%024x\","
                         "\"start_time\":%u,\"end_time\":%u.5,\"annotations\":{\"model\":\"m%u\","
                         "\"prompt_tokens\":1}}",
                         i + 1, T0, 1, T0, T0, i);
        fl_jw_str(&w, (fl_str){document, (size_t)n});
    }
    fl_jw_close(&w, ']');
    fl_jw_close(&w, '}');
    test_answer put = test_call(&server, "POST", "/TraceSegments", fl_buf_str(&body));
    assert_str(put.body, "{\"UnprocessedTraceSegments\":[]}");
    test_answer_fini(&put);
    fl_buf_fini(&body);
    char request[200];
    snprintf(request, sizeof request, "{\"StartTime\":%u,\"EndTime\":%u}", T0, T0 + 1);
    expect(&server, request, 200, "{\"Value\":\"(other)\",\"CallCount\":5,");
    expect(&server, request, 200, "\"Total\":{\"CallCount\":1005,");
    test_server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_range_gives_no_group),
        cmocka_unit_test(bad_requests_name_the_flaw),
        cmocka_unit_test(groups_and_total_have_every_number),
        cmocka_unit_test(only_traces_of_the_range_count),
        cmocka_unit_test(a_range_of_many_pages_is_summed_whole),
        cmocka_unit_test(a_trace_too_large_for_the_memory_is_left_out_and_told),
        cmocka_unit_test(beyond_a_thousand_values_the_rest_is_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
