/* The operations over HTTP against a whole server in this process. */
#include "support/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/api_int.h"

#define T0 1738650304 /* 0x67a1b2c0 */

/* A trace id whose epoch is T0 + offset. */
static void trace_id(char out[36], unsigned offset)
{
    snprintf(out, 36, "1-%08x-%024x", T0 + offset, offset + 1);
}

static void put(const test_server *server, const char *document)
{
    fl_buf body;
    fl_buf_init(&body, 1 << 20);
    test_put_body(&body, &document, 1);
    test_answer answer = test_call(server, "POST", "/TraceSegments", fl_buf_str(&body));
    assert_int_equal(answer.status, 200);
    assert_str(answer.body, "{\"UnprocessedTraceSegments\":[]}");
    test_answer_fini(&answer);
    fl_buf_fini(&body);
}

static void put_trace(const test_server *server, unsigned offset)
{
    char id[36], document[400];
    trace_id(id, offset);
    snprintf(document, sizeof document,
             "{\"name\":\"shop\",\"id\":\"%016x\",\"trace_id\":\"%s\",\"start_time\":%u.25,"
             "\"end_time\":%u.75,\"annotations\":{\"n\":%u}}",
             offset + 1, id, T0 + offset, T0 + offset, offset);
    put(server, document);
}

static void expect(const test_server *server, const char *path, const char *body, int status,
                   const char *text)
{
    test_answer answer = test_call(server, "POST", path, fl_str_of(body));
    if (answer.status != status || !test_answer_has(&answer, text)) {
        fail_msg("%s %s gave %d %.*s, not %d with %s", path, body, answer.status, FL_P(answer.body),
                 status, text);
    }
    test_answer_fini(&answer);
}

static void every_operation_has_a_row_and_a_path(void **state)
{
    (void)state;
    const char *name, *path;
    size_t n = 0;
    for (; fl_api_operation(n, &name, &path); n++) {
        assert_true(path[0] == '/' && name[0] != '\0');
    }
    assert_int_equal(n, API_OPERATIONS);
}

static void errors_have_the_wire_form_that_every_client_reads(void **state)
{
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    test_answer answer = test_call(&server, "POST", "/Traces", FL_S("{}"));
    assert_int_equal(answer.status, 400);
    assert_non_null(strstr(answer.head, "x-amzn-ErrorType: ValidationException"));
    assert_non_null(strstr(answer.head, "x-amzn-RequestId: "));
    assert_non_null(strstr(answer.head, "Content-Type: application/json"));
    assert_str(answer.body,
               "{\"__type\":\"ValidationException\",\"Message\":\"TraceIds is required\","
               "\"message\":\"TraceIds is required\"}");
    test_answer_fini(&answer);
    test_server_stop(&server);
}

static void bad_requests_name_the_flaw(void **state)
{
    (void)state;
    static const struct {
        const char *path, *body;
        int status;
        const char *text;
    } rows[] = {
        {"/TraceSegments", "", 400, "TraceSegmentDocuments is required"},
        {"/TraceSegments", "{", 400, "SerializationException"},
        {"/TraceSegments", "[]", 400, "not a JSON object"},
        {"/TraceSegments", "{\"TraceSegmentDocuments\":null}", 400, "ValidationException"},
        {"/TraceSegments", "{\"TraceSegmentDocuments\":\"x\"}", 400, "must be a list"},
        {"/TraceSegments", "{\"TraceSegmentDocuments\":[{}]}", 400, "TraceSegmentDocuments[0]"},
        {"/TraceSegments", "{\"TraceSegmentDocuments\":[]}", 200,
         "\"UnprocessedTraceSegments\":[]"},
        {"/TraceSegments", "{\"TraceSegmentDocuments\":[\"[]\"]}", 200,
         "[{\"ErrorCode\":\"MissingId\",\"Message\":\"Invalid segment. ErrorCode: MissingId\"}]"},
        {"/Traces", "{\"TraceIds\":[]}", 400, "InvalidRequestException"},
        {"/Traces", "{\"TraceIds\":[\"\"]}", 400, "1 to 35 characters"},
        {"/Traces", "{\"TraceIds\":[\"nonsense\"]}", 200, "\"UnprocessedTraceIds\":[\"nonsense\"]"},
        {"/Traces", "{\"TraceIds\":[\"x\"],\"NextToken\":\"1.0.0.00\"}", 400, "NextToken"},
        {"/TraceSummaries", "{}", 400, "StartTime is required"},
        {"/TraceSummaries", "{\"StartTime\":1,\"EndTime\":1}", 400, "EndTime must be later"},
        {"/TraceSummaries", "{\"StartTime\":\"x\",\"EndTime\":1}", 400, "SerializationException"},
        {"/TraceSummaries", "{\"StartTime\":1,\"EndTime\":2,\"TimeRangeType\":\"Day\"}", 400,
         "TimeRangeType"},
        {"/TraceSummaries", "{\"StartTime\":1,\"EndTime\":2,\"FilterExpression\":\"fault\"}", 400,
         "FilterExpression is not supported"},
        {"/TraceSummaries", "{\"StartTime\":1,\"EndTime\":2,\"NextToken\":\"x\"}", 400,
         "NextToken"},
        {"/TraceSummaries",
         "{\"StartTime\":1,\"EndTime\":2,\"SamplingStrategy\":{\"Name\":\"Some\"}}", 400,
         "SamplingStrategy.Name"},
        {"/TraceSummaries",
         "{\"StartTime\":1,\"EndTime\":2,\"SamplingStrategy\":{\"Name\":\"FixedRate\",\"Value\":2}"
         "}",
         400, "SamplingStrategy.Value"},
        {"/TraceSummaries", "{\"StartTime\":1,\"EndTime\":2}", 200, "\"TraceSummaries\":[]"},
        {"/TelemetryRecords", "{}", 400, "TelemetryRecords is required"},
        {"/TelemetryRecords", "{\"TelemetryRecords\":[{}]}", 400, "Timestamp is required"},
        {"/TelemetryRecords", "{\"TelemetryRecords\":[1]}", 400, "must be an object"},
        {"/TelemetryRecords",
         "{\"TelemetryRecords\":[],\"EC2InstanceId\":\"i-0123456789012345678901\"}", 400,
         "EC2InstanceId is longer than 20"},
        {"/TelemetryRecords", "{\"TelemetryRecords\":[{\"Timestamp\":1}]}", 200, "{}"},
        {"/Nothing", "{}", 404, "UnknownOperationException"},
    };
    test_server server;
    test_server_start(&server, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect(&server, rows[i].path, rows[i].body, rows[i].status, rows[i].text);
    }
    test_server_stop(&server);
}

static void the_aws_profile_refuses_what_the_real_service_refuses(void **state)
{
    (void)state;
    static const char *const settings[] = {"limits", "aws", NULL};
    test_server server;
    test_server_start(&server, settings);
    fl_buf body;
    fl_buf_init(&body, 1 << 20);
    const char *documents[51];
    for (size_t i = 0; i < 51; i++) {
        documents[i] = "{}";
    }
    test_put_body(&body, documents, 51);
    test_answer answer = test_call(&server, "POST", "/TraceSegments", fl_buf_str(&body));
    assert_int_equal(answer.status, 400);
    assert_true(test_answer_has(&answer, "\"Exceeding maximum segment count: 50\""));
    test_answer_fini(&answer);
    fl_buf_fini(&body);
    expect(&server, "/Traces", "{\"TraceIds\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"]}", 400,
           "\"Exceeding maximum query size: 5\"");
    expect(&server, "/Traces", "{\"TraceIds\":[\"1\"],\"NextToken\":\"x\"}", 400,
           "\"NextToken is currently not supported\"");
    test_server_stop(&server);
}

static void telemetry_is_summed_on_metrics(void **state)
{
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    const char *body =
        "{\"TelemetryRecords\":[{\"Timestamp\":1,\"SegmentsReceivedCount\":5,"
        "\"SegmentsSpilloverCount\":2,\"BackendConnectionErrors\":{\"TimeoutCount\":1,"
        "\"OtherCount\":3}},{\"Timestamp\":2,\"SegmentsReceivedCount\":1}]}";
    expect(&server, "/TelemetryRecords", body, 200, "{}");
    assert_int_equal((int)test_metric(&server, "fluoro_daemon_segments_total{kind=\"received\"}"),
                     6);
    assert_int_equal((int)test_metric(&server, "fluoro_daemon_segments_total{kind=\"spillover\"}"),
                     2);
    assert_int_equal((int)test_metric(&server, "fluoro_daemon_backend_errors_total"), 4);
    test_server_stop(&server);
}

/* Copies the token of an answer; empty if there is none. */
static void token_of(const test_answer *answer, char *out, size_t n)
{
    const char *at = strstr(answer->body.p, "\"NextToken\":\"");
    out[0] = '\0';
    if (at != NULL) {
        at += strlen("\"NextToken\":\"");
        size_t length = strcspn(at, "\"");
        assert_true(length < n && length > 0);
        memcpy(out, at, length);
        out[length] = '\0';
    }
}

static size_t count_of(fl_str text, const char *part)
{
    size_t n = 0;
    for (const char *at = text.p; (at = strstr(at, part)) != NULL; at++) {
        n++;
    }
    return n;
}

static void summaries_page_newest_first_without_gap_or_repeat(void **state)
{
    (void)state;
    enum { TRACES = 250 };
    test_server server;
    test_server_start(&server, NULL);
    for (unsigned i = 0; i < TRACES; i++) {
        put_trace(&server, (i * 7) % TRACES); /* not in order of time */
    }
    char token[2001] = "", body[2300];
    unsigned next = TRACES;
    size_t pages = 0;
    do {
        snprintf(body, sizeof body, "{\"StartTime\":%d,\"EndTime\":%d%s%s%s}", T0, T0 + TRACES,
                 token[0] != '\0' ? ",\"NextToken\":\"" : "", token, token[0] != '\0' ? "\"" : "");
        test_answer answer = test_call(&server, "POST", "/TraceSummaries", fl_str_of(body));
        assert_int_equal(answer.status, 200);
        size_t rows = count_of(answer.body, "\"Revision\":");
        assert_true(rows <= 100);
        for (const char *at = answer.body.p; rows > 0; rows--) {
            char id[36];
            trace_id(id, --next);
            at = strstr(at, id);
            assert_non_null(at);
        }
        token_of(&answer, token, sizeof token);
        test_answer_fini(&answer);
        pages++;
    } while (token[0] != '\0');
    assert_int_equal(next, 0);
    assert_int_equal(pages, 3);
    test_server_stop(&server);
}

static void a_page_token_is_tied_to_its_request(void **state)
{
    (void)state;
    test_server server;
    char token[2001], body[2300];
    test_server_start(&server, NULL);
    for (unsigned i = 0; i < 101; i++) {
        put_trace(&server, i);
    }
    snprintf(body, sizeof body, "{\"StartTime\":%d,\"EndTime\":%d}", T0, T0 + 200);
    test_answer answer = test_call(&server, "POST", "/TraceSummaries", fl_str_of(body));
    token_of(&answer, token, sizeof token);
    test_answer_fini(&answer);
    assert_true(token[0] != '\0');
    snprintf(body, sizeof body, "{\"StartTime\":%d,\"EndTime\":%d,\"NextToken\":\"%s\"}", T0,
             T0 + 201, token);
    expect(&server, "/TraceSummaries", body, 400, "NextToken");
    test_server_stop(&server);
}

static void time_ranges_select_by_start_by_event_and_by_end(void **state)
{
    (void)state;
    test_server server;
    char body[300];
    test_server_start(&server, NULL);
    /* Begins at T0, ends 100 s later, arrives now. */
    put(&server, "{\"name\":\"slow\",\"id\":\"00000000000000aa\",\"trace_id\":"
                 "\"1-67a1b2c0-0a1b2c3d4e5f60718293a4b5\",\"start_time\":1738650304.5,"
                 "\"end_time\":1738650404.5}");
    static const struct {
        const char *type;
        int from, to;
        const char *text;
    } rows[] = {
        {"TraceId", 0, 1, "\"slow\""},
        {"TraceId", 1, 200, "\"TraceSummaries\":[]"},
        {"Service", 100, 101, "\"slow\""},
        {"Service", 0, 100, "\"TraceSummaries\":[]"},
        {"Event", 100, 101, "\"slow\""},
        {"Event", 0, 1, "\"TraceSummaries\":[]"},
        {"Event", 100, 101, "\"MatchedEventTime\":1738650404.5"},
        {"Event", 1000000, 2000000000 - T0, "\"slow\""}, /* by its arrival */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(body, sizeof body, "{\"StartTime\":%d,\"EndTime\":%d,\"TimeRangeType\":\"%s\"}",
                 T0 + rows[i].from, T0 + rows[i].to, rows[i].type);
        expect(&server, "/TraceSummaries", body, 200, rows[i].text);
    }
    test_server_stop(&server);
}

static size_t sampled_at(const test_server *server, const char *strategy)
{
    char body[400];
    snprintf(body, sizeof body,
             "{\"StartTime\":%d,\"EndTime\":%d,\"Sampling\":true,\"SamplingStrategy\":%s}", T0,
             T0 + 100, strategy);
    test_answer answer = test_call(server, "POST", "/TraceSummaries", fl_str_of(body));
    assert_int_equal(answer.status, 200);
    size_t rows = count_of(answer.body, "\"Revision\":");
    test_answer_fini(&answer);
    return rows;
}

static void a_fixed_rate_keeps_a_stable_share_and_one_keeps_all(void **state)
{
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    for (unsigned i = 0; i < 100; i++) {
        put_trace(&server, i);
    }
    size_t half = sampled_at(&server, "{\"Name\":\"FixedRate\",\"Value\":0.5}");
    assert_true(half > 25 && half < 75);
    assert_int_equal(sampled_at(&server, "{\"Name\":\"FixedRate\",\"Value\":0.5}"), half);
    assert_true(sampled_at(&server, "{\"Name\":\"FixedRate\",\"Value\":0.25}") <= half);
    assert_int_equal(sampled_at(&server, "{\"Name\":\"FixedRate\",\"Value\":1}"), 100);
    assert_int_equal(sampled_at(&server, "{\"Name\":\"PartialScan\",\"Value\":100}"), 100);
    test_server_stop(&server);
}

static void a_batch_gives_request_order_and_names_what_is_missing(void **state)
{
    (void)state;
    test_server server;
    char a[36], b[36], none[36], body[300];
    test_server_start(&server, NULL);
    trace_id(a, 1);
    trace_id(b, 2);
    trace_id(none, 3);
    put_trace(&server, 1);
    put_trace(&server, 2);
    snprintf(body, sizeof body, "{\"TraceIds\":[\"%s\",\"junk\",\"%s\",\"%s\"]}", b, none, a);
    test_answer answer = test_call(&server, "POST", "/Traces", fl_str_of(body));
    assert_int_equal(answer.status, 200);
    const char *at_a = strstr(answer.body.p, a), *at_b = strstr(answer.body.p, b);
    assert_true(at_a != NULL && at_b != NULL && at_b < at_a);
    snprintf(body, sizeof body, "\"UnprocessedTraceIds\":[\"junk\",\"%s\"]", none);
    assert_true(test_answer_has(&answer, body));
    test_answer_fini(&answer);
    test_server_stop(&server);
}

/* A trace whose answer is larger than a page goes on under the same id, in order, nothing twice. */
static void a_large_trace_is_read_in_pages(void **state)
{
    (void)state;
    enum { SEGMENTS = 40, FILL = 300000 };
    test_server server;
    test_server_start(&server, NULL);
    char *document = malloc(FILL + 400), body[400], token[200] = "", fill[8];
    assert_non_null(document);
    for (unsigned i = 0; i < SEGMENTS; i++) {
        int n = snprintf(document, 400,
                         "{\"name\":\"s\",\"id\":\"%016x\",\"trace_id\":"
                         "\"1-67a1b2c0-0a1b2c3d4e5f60718293a4b5\",\"start_time\":%u.0,"
                         "\"end_time\":%u.5,\"metadata\":{\"default\":{\"fill\":\"",
                         i + 1, T0 + i, T0 + i);
        memset(document + n, 'x', FILL);
        snprintf(document + n + FILL, 20, "\"}}}");
        put(&server, document);
    }
    size_t seen = 0, pages = 0;
    do {
        snprintf(body, sizeof body,
                 "{\"TraceIds\":[\"1-67a1b2c0-0a1b2c3d4e5f60718293a4b5\"]%s%s%s}",
                 token[0] != '\0' ? ",\"NextToken\":\"" : "", token, token[0] != '\0' ? "\"" : "");
        test_answer answer = test_call(&server, "POST", "/Traces", fl_str_of(body));
        assert_int_equal(answer.status, 200);
        assert_true(test_answer_has(&answer, "\"Duration\":39.5"));
        for (const char *at = answer.body.p; (at = strstr(at, "{\"Id\":\"0000")) != NULL; at++) {
            snprintf(fill, sizeof fill, "%04x", (unsigned)++seen);
            assert_memory_equal(at + 7 + 12, fill, 4);
        }
        token_of(&answer, token, sizeof token);
        test_answer_fini(&answer);
        pages++;
    } while (token[0] != '\0');
    assert_int_equal(seen, SEGMENTS);
    assert_true(pages > 1);
    free(document);
    test_server_stop(&server);
}

static void health_and_metrics_answer(void **state)
{
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    test_answer answer = test_call(&server, "GET", "/healthz", (fl_str){0});
    assert_int_equal(answer.status, 200);
    assert_true(test_answer_has(&answer, "\"status\":\"ok\""));
    test_answer_fini(&answer);
    assert_true(test_metric(&server, "process_resident_memory_bytes") > 0);
    assert_true(test_metric(&server, "fluoro_memory_bytes{purpose=\"bodies\"}") >= 0);
    test_server_stop(&server);
}

static void a_malformed_parent_in_a_trace_header_is_counted(void **state)
{
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    int fd = test_connect(server.port);
    test_send_all(fd, FL_S("POST /Traces HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
                           "X-Amzn-Trace-Id: Root=1-67a1b2c0-0a1b2c3d4e5f60718293a4b5;Parent=None;"
                           "Sampled=1\r\n\r\n"));
    test_metric_wait(&server, "fluoro_trace_header_malformed_total{item=\"Parent\"}", 1);
    close(fd);
    test_server_stop(&server);
}

static void iso_8601_times_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ns;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2025-02-04T06:25:04Z", 1738650304 * FL_NS_PER_S},
        {"2025-02-04T06:25:04", 1738650304 * FL_NS_PER_S},
        {"2025-02-04T07:25:04.5+01:00", 1738650304 * FL_NS_PER_S + 500000000},
        {"2000-02-29T00:00:00Z", 951782400 * FL_NS_PER_S},
        {"1969-12-31T23:59:59Z", -FL_NS_PER_S},
    };
    static const char *const bad[] = {"",
                                      "now",
                                      "2025-13-01T00:00:00Z",
                                      "2025-02-04T06:25",
                                      "2025-02-04T06:25:04X",
                                      "2025-02-04T06:25:04+1",
                                      "9999-01-01T00:00:00Z"};
    int64_t ns;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(api_iso8601_ns(fl_str_of(rows[i].text), &ns));
        assert_int_equal(ns, rows[i].ns);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(api_iso8601_ns(fl_str_of(bad[i]), &ns));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_has_a_row_and_a_path),
        cmocka_unit_test(errors_have_the_wire_form_that_every_client_reads),
        cmocka_unit_test(bad_requests_name_the_flaw),
        cmocka_unit_test(the_aws_profile_refuses_what_the_real_service_refuses),
        cmocka_unit_test(telemetry_is_summed_on_metrics),
        cmocka_unit_test(summaries_page_newest_first_without_gap_or_repeat),
        cmocka_unit_test(a_page_token_is_tied_to_its_request),
        cmocka_unit_test(time_ranges_select_by_start_by_event_and_by_end),
        cmocka_unit_test(a_fixed_rate_keeps_a_stable_share_and_one_keeps_all),
        cmocka_unit_test(a_batch_gives_request_order_and_names_what_is_missing),
        cmocka_unit_test(a_large_trace_is_read_in_pages),
        cmocka_unit_test(health_and_metrics_answer),
        cmocka_unit_test(a_malformed_parent_in_a_trace_header_is_counted),
        cmocka_unit_test(iso_8601_times_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
