/* POST /fluoro/pins and /fluoro/pins/list against a whole server in this process. */
#include <stdio.h>

#include "support/server.h"

#define ONE   "1-67a1b2c0-0a1b2c3d4e5f60718293a4b5"
#define OTHER "1-67a1b2c1-0a1b2c3d4e5f60718293a4b5"

static void expect(const test_server *server, const char *path, const char *body, int status,
                   const char *text)
{
    test_answer answer = test_call(server, "POST", path, fl_str_of(body));
    if (answer.status != status || !test_answer_has(&answer, text)) {
        fail_msg("%s gave %d %.*s, not %d with %s", body, answer.status, FL_P(answer.body), status,
                 text);
    }
    test_answer_fini(&answer);
}

static void expect_list(const test_server *server, const char *text)
{
    test_answer answer = test_call(server, "POST", "/fluoro/pins/list", FL_S(""));
    assert_int_equal(answer.status, 200);
    assert_str(answer.body, text);
    test_answer_fini(&answer);
}

static void pins_are_put_listed_and_let_go(void **state)
{
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    expect_list(&server, "{\"TraceIds\":[]}");
    /* either form of an id, either case, twice */
    expect(&server, "/fluoro/pins",
           "{\"TraceIds\":[\"" OTHER "\",\"67A1B2C00a1b2c3d4e5f60718293a4b5\",\"" ONE
           "\"],\"Pinned\":true}",
           200, "{\"Changed\":2}");
    expect_list(&server, "{\"TraceIds\":[\"" ONE "\",\"" OTHER "\"]}");
    expect(&server, "/fluoro/pins", "{\"TraceIds\":[\"" ONE "\"],\"Pinned\":true}", 200,
           "{\"Changed\":0}");
    expect(&server, "/fluoro/pins", "{\"TraceIds\":[\"" ONE "\"],\"Pinned\":false}", 200,
           "{\"Changed\":1}");
    expect(&server, "/fluoro/pins", "{\"TraceIds\":[],\"Pinned\":false}", 200, "{\"Changed\":0}");
    expect_list(&server, "{\"TraceIds\":[\"" OTHER "\"]}");
    test_server_stop(&server);
}

static void pins_outlive_a_restart(void **state)
{
    (void)state;
    test_server server;
    test_server_start(&server, NULL);
    expect(&server, "/fluoro/pins", "{\"TraceIds\":[\"" ONE "\"],\"Pinned\":true}", 200,
           "{\"Changed\":1}");
    test_server_restart(&server);
    expect_list(&server, "{\"TraceIds\":[\"" ONE "\"]}");
    test_server_stop(&server);
}

static void bad_requests_name_the_flaw(void **state)
{
    (void)state;
    static const struct {
        const char *body, *text;
    } rows[] = {
        {"", "TraceIds is required"},
        {"{\"TraceIds\":\"x\",\"Pinned\":true}", "TraceIds must be a list"},
        {"{\"TraceIds\":[7],\"Pinned\":true}", "TraceIds[0] must be a string"},
        {"{\"TraceIds\":[\"" ONE "\",\"1-67a1b2c0\"],\"Pinned\":true}",
         "TraceIds[1] is no trace id: `1-67a1b2c0`; give one like"},
        {"{\"TraceIds\":[\"1-00000000-000000000000000000000000\"],\"Pinned\":true}",
         "TraceIds[0] is no trace id"},
        {"{\"TraceIds\":[\"" ONE "\"]}", "Pinned is required: true to keep"},
        {"{\"TraceIds\":[\"" ONE "\"],\"Pinned\":null}", "Pinned is required"},
        {"{\"TraceIds\":[\"" ONE "\"],\"Pinned\":\"yes\"}", "Pinned must be a boolean"},
        {"[]", "not a JSON object"},
    };
    test_server server;
    test_server_start(&server, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect(&server, "/fluoro/pins", rows[i].body, 400, rows[i].text);
    }
    expect_list(&server, "{\"TraceIds\":[]}");
    test_server_stop(&server);
}

static void a_call_takes_a_thousand_ids(void **state)
{
    (void)state;
    test_server server;
    fl_buf body;
    test_server_start(&server, NULL);
    fl_buf_init(&body, 1 << 20);
    for (unsigned count = 1000; count <= 1001; count++) {
        fl_buf_reset(&body);
        fl_buf_add_str(&body, FL_S("{\"Pinned\":true,\"TraceIds\":["));
        for (unsigned i = 0; i < count; i++) {
            char id[64];
            snprintf(id, sizeof id, "%s\"1-67a1b2c0-%024x\"", i > 0 ? "," : "", i + 1);
            fl_buf_add_str(&body, fl_str_of(id));
        }
        fl_buf_add_str(&body, FL_S("]}"));
        test_answer answer = test_call(&server, "POST", "/fluoro/pins", fl_buf_str(&body));
        assert_int_equal(answer.status, count == 1000 ? 200 : 400);
        assert_true(test_answer_has(&answer, count == 1000
                                                 ? "{\"Changed\":1000}"
                                                 : "TraceIds may name 1000 traces at most"));
        test_answer_fini(&answer);
    }
    fl_buf_fini(&body);
    assert_true(test_metric(&server, "fluoro_store_pinned") == 1000);
    test_server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pins_are_put_listed_and_let_go),
        cmocka_unit_test(pins_outlive_a_restart),
        cmocka_unit_test(bad_requests_name_the_flaw),
        cmocka_unit_test(a_call_takes_a_thousand_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
