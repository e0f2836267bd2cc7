/* POST /bedrock/traces against a whole server in this process (spec bedrock.md §5.2). */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/server.h"

#define PATH   "/bedrock/traces"
#define NDJSON "Content-Type: application/x-ndjson\r\n"
#define STREAM "Content-Type: application/vnd.amazon.eventstream\r\n"
#define ROOT   "1-690b2c80-5d1f0e3a7b9c4d2e8f6a1b0c"
/* Of the sample seed20.jsonl, tree mode, now = 1740000000 (spec §7). */
#define SEED_TRACE "1-67b64b00-5ab6515a06fd1c3264f05980"
#define SEED_ROOT  "3efbb1f20e6f24cd"

typedef struct sample {
    char *bytes;
    size_t n;
} sample;

static sample sample_of(const char *file)
{
    char path[100];
    sample out;
    snprintf(path, sizeof path, "golden/bedrock/input/%s", file);
    out.bytes = test_read_file(path, &out.n);
    return out;
}

static test_answer import(const test_server *server, const char *query, const char *headers,
                          const char *file)
{
    char path[400];
    sample body = sample_of(file);
    snprintf(path, sizeof path, PATH "%s", query);
    test_answer answer =
        test_call_with(server, "POST", path, headers, (fl_str){body.bytes, body.n});
    free(body.bytes);
    return answer;
}

static void assert_answer(test_answer *answer, int status, const char *text)
{
    if (answer->status != status || !test_answer_has(answer, text)) {
        fail_msg("%d %.*s, not %d with %s", answer->status, FL_P(fl_str_clip(answer->body, 1000)),
                 status, text);
    }
}

static void expect(const test_server *server, const char *query, const char *headers,
                   const char *file, int status, const char *text)
{
    test_answer answer = import(server, query, headers, file);
    assert_answer(&answer, status, text);
    test_answer_fini(&answer);
}

static size_t count_in(fl_str text, const char *word)
{
    size_t count = 0;
    for (const char *at = text.p; (at = strstr(at, word)) != NULL; at++) {
        count++;
    }
    return count;
}

/* Segments that the store has of a trace. */
static size_t stored(const test_server *server, const char *trace_id)
{
    char body[100];
    snprintf(body, sizeof body, "{\"TraceIds\":[\"%s\"]}", trace_id);
    test_answer answer = test_call(server, "POST", "/Traces", fl_str_of(body));
    size_t count = count_in(answer.body, "{\"Id\":\"") - 1; /* the trace has one, too */
    if (!test_answer_has(&answer, "\"UnprocessedTraceIds\":[]")) {
        count = 0;
    }
    test_answer_fini(&answer);
    return count;
}

static void a_run_is_stored_and_again_changes_nothing(void **state)
{
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    for (int i = 0; i < 2; i++) {
        expect(&server, "?now=1740000000", NDJSON, "seed20.jsonl", 200,
               "{\"Traces\":[{\"TraceId\":\"" SEED_TRACE "\",\"Segments\":10}],\"Stored\":10,"
               "\"Sampled\":true,\"Errors\":[],\"Warnings\":[");
        expect(&server, "?now=1740000000", NDJSON, "seed20.jsonl", 200,
               "\"UnprocessedTraceSegments\":[]}");
        assert_int_equal(stored(&server, SEED_TRACE), 10);
    }
    assert_int_equal((int)test_metric(&server, "fluoro_bedrock_runs_total"), 4);
    assert_int_equal((int)test_metric(&server, "fluoro_bedrock_segments_total"), 40);
    assert_int_equal((int)test_metric(&server, "fluoro_segments_stored_total{source=\"bedrock\"}"),
                     40);
    test_server_stop(&server);
}

static void every_content_type_of_the_table_is_taken(void **state)
{
    (void)state;
    static const struct {
        const char *headers, *file;
        int status;
        const char *text;
    } rows[] = {
        {NDJSON, "supervisor.jsonl", 200, "\"Stored\":21,"},
        {STREAM, "supervisor.eventstream", 200, "\"Stored\":21,"},
        {"Content-Type: application/jsonl\r\n", "supervisor.jsonl", 200, "\"Stored\":21,"},
        {"content-type: Application/JSON ; charset=utf-8\r\n", "forms_completion.json", 200,
         "\"Stored\":9,"},
        {NDJSON, "forms_array.json", 200, "\"Stored\":9,"}, /* all JSON is one format */
        {NDJSON, "supervisor.eventstream", 400, "{\"Code\":\"E_FORMAT\""},
        {STREAM, "supervisor.jsonl", 400, "{\"Code\":\"E_FORMAT\""},
        {"", "supervisor.jsonl", 415, "Content-Type must be application/vnd.amazon.eventstream"},
        {"Content-Type: text/plain\r\n", "supervisor.jsonl", 415, "Content-Type must be"},
        {"Content-Type: application/x-www-form-urlencoded\r\n", "supervisor.jsonl", 415,
         "Content-Type must be"},
    };
    test_server server;
    test_server_start(&server, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect(&server, "", rows[i].headers, rows[i].file, rows[i].status, rows[i].text);
    }
    test_server_stop(&server);
}

static void the_binary_form_gives_the_same_segments(void **state)
{
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    test_answer json = import(&server, "?dryRun=true", NDJSON, "supervisor.jsonl");
    test_answer binary = import(&server, "?dryRun=true", STREAM, "supervisor.eventstream");
    assert_int_equal(json.status, 200);
    assert_true(fl_str_eq(json.body, binary.body));
    test_answer_fini(&json);
    test_answer_fini(&binary);
    test_server_stop(&server);
}

static void bad_parameters_are_named_with_their_choices(void **state)
{
    (void)state;
    static const struct {
        const char *query, *text;
    } rows[] = {
        {"?mode=trees", "\"mode must be tree or chain\""},
        {"?names=x", "\"names must be target or type\""},
        {"?clock=", "\"clock must be auto or synthetic\""},
        {"?content=some", "\"content must be truncate, full, hash or none\""},
        {"?link=all", "\"link must be none\""},
        {"?partial=yes", "\"partial must be false or true\""},
        {"?dryRun", "\"dryRun must be false or true\""},
        {"?now=today", "\"now must be seconds since the epoch, like 1740000000\""},
        {"?now=-1", "\"now must be seconds"},
        {"?now=4294967296", "\"now must be seconds"},
        {"?tenant=", "\"tenant must have 1 to 1000 characters\""},
        {"?flow=%zz", "\"the query is not percent-encoded UTF-8\""},
        {"?flow=%4", "not percent-encoded"},
        {"?flow=%", "not percent-encoded"},
        {"?flow=%ff", "not percent-encoded"},
        {"?route=a&route=b", "\"route is given twice\""},
        {"?dryrun=true", "\"there is no query parameter dryrun; there are mode, names, clock, "},
        {"?=x", "\"there is no query parameter "},
    };
    test_server server;
    test_server_start(&server, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect(&server, rows[i].query, NDJSON, "seed20.jsonl", 400, rows[i].text);
    }
    assert_int_equal((int)test_metric(&server, "fluoro_bedrock_runs_total"), 0);
    test_server_stop(&server);
}

static void parameters_reach_the_converter(void **state)
{
    (void)state;
    static const struct {
        const char *query, *file, *text;
    } rows[] = {
        {"?mode=chain&now=1740000000", "seed20.jsonl",
         "\"TraceId\":\"1-67b64b00-cbff24234170ae4c5c5bceed\",\"Segments\":14"},
        {"?mod%65=tree&now=1740000000.0&&", "seed20.jsonl", "\"TraceId\":\"" SEED_TRACE "\""},
        {"?names=type", "seed20.jsonl", "\"name\":\"InvokeActionGroup_QX7TN4WJ2C\""},
        {"?names=target", "seed20.jsonl",
         "\"name\":\"InvokeActionGroup:snippets/render_stack_QX7TN4WJ2C\""},
        {"?clock=synthetic&now=1740000000", "supervisor.jsonl", "\"time_source\":\"synthetic\""},
        {"?content=none", "supervisor.jsonl", "[redacted]"},
        {"?content=hash", "supervisor.jsonl", "sha256:"},
        {"?flow=my+flow%21", "flow.jsonl", "\"flow\":\"my flow!\""},
        {"?tenant=caf%C3%A9", "seed20.jsonl", "\"tenant\":\"caf\u00e9\""},
        {"?route=/orders/123", "seed20.jsonl", "\"route\":\"/orders/{id}\""},
        {"?experimentId=e-7", "seed20.jsonl", "\"experiment_id\":\"e-7\""},
    };
    test_server server;
    test_server_start(&server, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char query[200];
        snprintf(query, sizeof query, "%s&dryRun=true", rows[i].query);
        expect(&server, query, NDJSON, rows[i].file, 200, rows[i].text);
    }
    test_server_stop(&server);
}

static void a_dry_run_stores_nothing_and_shows_the_segments(void **state)
{
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    test_answer answer = import(&server, "?dryRun=true&now=1740000000", NDJSON, "seed20.jsonl");
    assert_answer(&answer, 200, "\"Segments\":10}],\"Stored\":0,\"Sampled\":true");
    assert_answer(&answer, 200, "\"UnprocessedTraceSegments\":[],\"Documents\":[{");
    assert_int_equal(count_in(answer.body, "\"start_time\":"), 10);
    test_answer_fini(&answer);
    assert_int_equal(stored(&server, SEED_TRACE), 0);
    test_server_stop(&server);
}

static void the_trace_header_gives_trace_and_parent(void **state)
{
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    const char *headers =
        NDJSON "X-Amzn-Trace-Id: Root=" ROOT ";Parent=1f2e3d4c5b6a7988;Sampled=1\r\n";
    test_answer answer = import(&server, "?dryRun=true", headers, "seed20.jsonl");
    assert_answer(&answer, 200, "\"TraceId\":\"" ROOT "\"");
    assert_int_equal(count_in(answer.body, "\"parent_id\":\"1f2e3d4c5b6a7988\""), 1);
    assert_int_equal(count_in(answer.body, "\"trace_id\":\"" ROOT "\""), 10);
    test_answer_fini(&answer);
    expect(&server, "", headers, "seed20.jsonl", 200, "\"Stored\":10,");
    assert_int_equal(stored(&server, ROOT), 10);
    expect(&server, "?link=none&now=1740000000", headers, "seed20.jsonl", 200,
           "\"TraceId\":\"" SEED_TRACE "\"");
    /* A parent without a trace is nobody's. */
    answer = import(&server, "?dryRun=true&now=1740000000",
                    NDJSON "X-Amzn-Trace-Id: Parent=1f2e3d4c5b6a7988\r\n", "seed20.jsonl");
    assert_answer(&answer, 200, "\"TraceId\":\"" SEED_TRACE "\"");
    assert_false(test_answer_has(&answer, "1f2e3d4c5b6a7988"));
    test_answer_fini(&answer);
    test_server_stop(&server);
}

static void what_is_not_sampled_is_converted_and_not_stored(void **state)
{
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    const char *headers = NDJSON "X-Amzn-Trace-Id: Root=" ROOT ";Sampled=0\r\n";
    expect(&server, "", headers, "seed20.jsonl", 200,
           "{\"Traces\":[{\"TraceId\":\"" ROOT
           "\",\"Segments\":10}],\"Stored\":0,\"Sampled\":false,");
    assert_int_equal(stored(&server, ROOT), 0);
    expect(&server, "?link=none", headers, "seed20.jsonl", 200, "\"Stored\":10,\"Sampled\":true");
    test_server_stop(&server);
}

static void an_error_leaves_nothing_stored_unless_the_good_part_is_wanted(void **state)
{
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    expect(&server, "", NDJSON, "truncated.jsonl", 400, "{\"Code\":\"E_JSON_EOF\",\"Message\":\"");
    expect(&server, "", NDJSON, "truncated.jsonl", 400, "\"Line\":10,");
    expect(&server, "?partial=false", NDJSON, "truncated.jsonl", 400,
           "\"Errors\":[{\"Code\":\"E_JSON_EOF\"");
    assert_int_equal((int)test_metric(&server, "fluoro_store_traces"), 0);
    expect(&server, "?partial=true", NDJSON, "truncated.jsonl", 200,
           "\"Stored\":9,\"Sampled\":true,\"Errors\":[{\"Code\":\"E_JSON_EOF\"");
    expect(&server, "?partial=true", NDJSON, "truncated.jsonl", 200,
           "\"Warnings\":[{\"Code\":\"W_INCOMPLETE\"");
    assert_int_equal((int)test_metric(&server, "fluoro_store_traces"), 1);
    assert_int_equal(
        (int)test_metric(&server, "fluoro_bedrock_diagnostics_total{code=\"E_JSON_EOF\"}"), 5);
    test_server_stop(&server);
}

static void errors_in_binary_input_have_an_offset(void **state)
{
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    sample body = sample_of("supervisor.eventstream");
    test_answer answer = test_call_with(&server, "POST", PATH "?partial=true", STREAM,
                                        (fl_str){body.bytes, body.n - 1});
    assert_answer(&answer, 200, "\"Errors\":[{\"Code\":\"E_ES_TRUNCATED\",");
    assert_answer(&answer, 200, "\"Offset\":");
    assert_false(test_answer_has(&answer, "\"Line\":"));
    test_answer_fini(&answer);
    body.bytes[9] ^= 1; /* in the CRC of the first prelude: nothing can be read */
    answer =
        test_call_with(&server, "POST", PATH "?partial=true", STREAM, (fl_str){body.bytes, body.n});
    assert_answer(&answer, 400, "{\"Code\":\"E_ES_PRELUDE_CRC\",");
    assert_answer(&answer, 400, "\"Offset\":0");
    test_answer_fini(&answer);
    free(body.bytes);
    test_server_stop(&server);
}

static void a_body_without_runs_is_an_error(void **state)
{
    (void)state;
    static const struct {
        const char *body, *text;
    } rows[] = {
        {"", "{\"Code\":\"E_EMPTY\""},
        {" \n\n", "{\"Code\":\"E_EMPTY\""},
        {"{", "{\"Code\":\"E_JSON_EOF\""},
        {"nonsense", "{\"Code\":\"E_JSON_SYNTAX\""},
        {"{\"plan\":1}", "{\"Code\":\"E_UNKNOWN_OBJECT\""},
        {"17", "{\"Code\":\"E_NOT_OBJECT\""},
        {"{\"chunk\":{\"bytes\":\"aGk=\"}}", "{\"Code\":\"E_NO_TRACE\""},
    };
    test_server server;
    test_server_start(&server, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int partial = 0; partial < 2; partial++) {
            test_answer answer =
                test_call_with(&server, "POST", partial ? PATH "?partial=true" : PATH, NDJSON,
                               fl_str_of(rows[i].body));
            assert_answer(&answer, 400, rows[i].text);
            test_answer_fini(&answer);
        }
    }
    test_server_stop(&server);
}

static void the_aws_profile_judges_what_is_stored(void **state)
{
    (void)state;
    static const char *const settings[] = {"limits", "aws", NULL};
    test_server server;
    test_server_start(&server, settings);
    /* 50 documents a call do not bind an import, but these runs are too old. */
    expect(&server, "", NDJSON, "supervisor.jsonl", 200,
           "\"Stored\":0,\"Sampled\":true,\"Errors\":[],");
    expect(&server, "", NDJSON, "supervisor.jsonl", 200,
           "\"ErrorCode\":\"InvalidStartTime\",\"Message\":\"Invalid segment. ErrorCode: "
           "InvalidStartTime\"}");
    expect(&server, "", NDJSON, "seed20.jsonl", 200, "\"Stored\":10,"); /* dated now */
    test_server_stop(&server);
}

static void several_runs_are_several_traces(void **state)
{
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    test_answer answer = import(&server, "", NDJSON, "failure.jsonl");
    assert_answer(&answer, 200, "\"Stored\":17,"); /* 2 + 3 + 5 + 7 */
    assert_int_equal(count_in(answer.body, "\"TraceId\":"), 4);
    test_answer_fini(&answer);
    test_server_stop(&server);
}

static void a_body_over_the_limit_is_too_large(void **state)
{
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    int fd = test_connect(server.port);
    test_send_all(fd, FL_S("POST " PATH " HTTP/1.1\r\nHost: x\r\n" NDJSON
                           "Content-Length: 67108865\r\n\r\n"));
    char answer[16] = {0};
    assert_int_equal(recv(fd, answer, 12, MSG_WAITALL), 12);
    assert_string_equal(answer, "HTTP/1.1 413");
    close(fd);
    test_server_stop(&server);
}

/* Blank lines cost time and nothing else; the smallest server takes 64 MiB of them. */
static void the_largest_body_fits_the_smallest_server(void **state)
{
    (void)state;
    static const char *const settings[] = {"memory", "64M", NULL};
    test_server server;
    test_server_start(&server, settings);
    sample seed = sample_of("seed20.jsonl");
    fl_buf body;
    fl_buf_init(&body, FL_API_IMPORT_MAX);
    fl_buf_fill(&body, '\n', FL_API_IMPORT_MAX - seed.n);
    fl_buf_add(&body, seed.bytes, seed.n);
    test_answer answer = test_call_with(&server, "POST", PATH, NDJSON, fl_buf_str(&body));
    assert_answer(&answer, 200, "\"Stored\":10,");
    test_answer_fini(&answer);
    fl_buf_fini(&body);
    free(seed.bytes);
    test_server_stop(&server);
}

/* More segments than the memory for queries holds: told, and the server is as before. */
static void more_segments_than_memory_are_refused(void **state)
{
    (void)state;
    enum { COPIES = 1200 };
    static const char *const settings[] = {"memory", "64M", NULL};
    test_server server;
    test_server_start(&server, settings);
    sample run = sample_of("supervisor.jsonl");
    fl_buf body;
    fl_buf_init(&body, FL_API_IMPORT_MAX);
    for (int i = 0; i < COPIES && body.n + run.n <= FL_API_IMPORT_MAX; i++) {
        fl_buf_add(&body, run.bytes, run.n);
    }
    test_answer answer = test_call_with(&server, "POST", PATH, NDJSON, fl_buf_str(&body));
    if (answer.status != 413 && answer.status != 429) {
        fail_msg("%d %.*s", answer.status, FL_P(fl_str_clip(answer.body, 400)));
    }
    test_answer_fini(&answer);
    fl_buf_fini(&body);
    free(run.bytes);
    expect(&server, "", NDJSON, "supervisor.jsonl", 200, "\"Stored\":21,");
    assert_int_equal((int)test_metric(&server, "fluoro_memory_bytes{purpose=\"queries\"}"), 0);
    test_server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_is_stored_and_again_changes_nothing),
        cmocka_unit_test(every_content_type_of_the_table_is_taken),
        cmocka_unit_test(the_binary_form_gives_the_same_segments),
        cmocka_unit_test(bad_parameters_are_named_with_their_choices),
        cmocka_unit_test(parameters_reach_the_converter),
        cmocka_unit_test(a_dry_run_stores_nothing_and_shows_the_segments),
        cmocka_unit_test(the_trace_header_gives_trace_and_parent),
        cmocka_unit_test(what_is_not_sampled_is_converted_and_not_stored),
        cmocka_unit_test(an_error_leaves_nothing_stored_unless_the_good_part_is_wanted),
        cmocka_unit_test(errors_in_binary_input_have_an_offset),
        cmocka_unit_test(a_body_without_runs_is_an_error),
        cmocka_unit_test(the_aws_profile_judges_what_is_stored),
        cmocka_unit_test(several_runs_are_several_traces),
        cmocka_unit_test(a_body_over_the_limit_is_too_large),
        cmocka_unit_test(the_largest_body_fits_the_smallest_server),
        cmocka_unit_test(more_segments_than_memory_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
