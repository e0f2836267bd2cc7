/* A whole server in this process: start, sources, stop, two at once. */
#include "support/server.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TRACE "1-5759e988-bd862e3fe1be46a994272793"

static void emit_document(char *out, size_t n, const char *trace, const char *id)
{
    snprintf(out, n,
             "{\"name\":\"shop\",\"id\":\"%s\",\"trace_id\":\"%s\",\"start_time\":1465510280.5,"
             "\"end_time\":1465510281.25}",
             id, trace);
}

static test_answer put_one(const test_server *server, const char *document)
{
    fl_buf body;
    fl_buf_init(&body, 1 << 20);
    test_put_body(&body, &document, 1);
    test_answer answer = test_call(server, "POST", "/TraceSegments", fl_buf_str(&body));
    fl_buf_fini(&body);
    return answer;
}

static bool trace_is_there(const test_server *server, const char *id)
{
    char body[200];
    snprintf(body, sizeof body, "{\"TraceIds\":[\"%s\"]}", id);
    test_answer answer = test_call(server, "POST", "/Traces", fl_str_of(body));
    assert_int_equal(answer.status, 200);
    bool found = test_answer_has(&answer, "\"Duration\":0.75");
    test_answer_fini(&answer);
    return found;
}

static void a_put_segment_is_read_back_and_survives_a_restart(void **state)
{
    (void)state;
    test_server server;
    char document[300];
    test_server_start(&server, NULL);
    emit_document(document, sizeof document, TRACE, "53995c3f42cd8ad8");
    test_answer answer = put_one(&server, document);
    assert_int_equal(answer.status, 200);
    assert_str(answer.body, "{\"UnprocessedTraceSegments\":[]}");
    test_answer_fini(&answer);
    assert_true(trace_is_there(&server, TRACE));
    test_server_restart(&server);
    assert_true(trace_is_there(&server, TRACE));
    test_server_stop(&server);
}

static void a_datagram_and_a_stream_reach_the_store(void **state)
{
    (void)state;
    test_server server;
    char document[300], message[400];
    test_server_start(&server, NULL);
    emit_document(document, sizeof document, TRACE, "53995c3f42cd8ad8");
    snprintf(message, sizeof message, "{\"format\":\"json\",\"version\":1}\n%s", document);
    test_send_udp(&server, fl_str_of(message));
    test_metric_wait(&server, "fluoro_segments_stored_total{source=\"udp\"}", 1);
    int fd = test_connect(server.stream_port);
    test_send_all(fd, fl_str_of(message));
    emit_document(document, sizeof document, TRACE, "53995c3f42cd8ad9");
    for (const char *p = document; *p != '\0'; p++) { /* any split */
        test_send_all(fd, (fl_str){p, 1});
    }
    close(fd);
    test_metric_wait(&server, "fluoro_segments_stored_total{source=\"stream\"}", 2);
    assert_true(trace_is_there(&server, TRACE));
    test_server_stop(&server);
}

static void bad_datagrams_are_counted_by_reason(void **state)
{
    (void)state;
    static const struct {
        const char *datagram, *reason;
    } rows[] = {
        {"{\"name\":\"x\"}", "no_header"},
        {"{\"format\":\"json\",\"version\":2}\n{}", "bad_header"},
        {"{\"format\":\"xml\",\"version\":1}\n{}", "bad_header"},
        {"nonsense\n{}", "bad_header"},
        {"\n{}", "no_header"},
        {"{\"format\":\"json\",\"version\":1}\n", "no_body"},
        {"{\"FORMAT\":1}\n{}", "bad_header"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        test_server server;
        char metric[100];
        test_server_start(&server, NULL);
        snprintf(metric, sizeof metric, "fluoro_documents_dropped_total{reason=\"%s\"}",
                 rows[i].reason);
        test_send_udp(&server, fl_str_of(rows[i].datagram));
        test_metric_wait(&server, metric, 1);
        test_server_stop(&server);
    }
}

static void a_header_in_another_spelling_is_good(void **state)
{
    (void)state;
    test_server server;
    char document[300], message[400];
    test_server_start(&server, NULL);
    emit_document(document, sizeof document, TRACE, "53995c3f42cd8ad8");
    snprintf(message, sizeof message, " {\"version\" :1, \"format\":\"JSON\"}\r\n%s\n", document);
    test_send_udp(&server, fl_str_of(message));
    test_metric_wait(&server, "fluoro_segments_stored_total{source=\"udp\"}", 1);
    test_server_stop(&server);
}

/* What lies between and over the limit is counted; every good document around it is kept. */
static void a_stream_loses_only_what_is_bad(void **state)
{
    (void)state;
    static const char *const settings[] = {"document-limit", "2k", NULL};
    test_server server;
    char document[300];
    test_server_start(&server, settings);
    fl_buf bytes;
    fl_buf_init(&bytes, 1 << 20);
    fl_buf_add_str(&bytes, FL_S("{\"format\":\"json\",\"version\":1}\n"));
    emit_document(document, sizeof document, TRACE, "53995c3f42cd8ad8");
    fl_buf_add_str(&bytes, fl_str_of(document));
    fl_buf_add_str(&bytes, FL_S(" rubbish \n{\"name\":\""));
    fl_buf_fill(&bytes, 'x', 5000);
    fl_buf_add_str(&bytes, FL_S("\"}"));
    emit_document(document, sizeof document, TRACE, "53995c3f42cd8ad9");
    fl_buf_add_str(&bytes, fl_str_of(document));
    fl_buf_add_str(&bytes, FL_S("{\"cut\":"));
    int fd = test_connect(server.stream_port);
    test_send_all(fd, fl_buf_str(&bytes));
    close(fd);
    test_metric_wait(&server, "fluoro_documents_dropped_total{reason=\"cut\"}", 1);
    test_metric_wait(&server, "fluoro_segments_stored_total{source=\"stream\"}", 2);
    assert_int_equal(
        (int)test_metric(&server, "fluoro_documents_dropped_total{reason=\"garbage\"}"), 1);
    assert_int_equal(
        (int)test_metric(&server, "fluoro_documents_dropped_total{reason=\"too_large\"}"), 1);
    fl_buf_fini(&bytes);
    test_server_stop(&server);
}

static void two_servers_run_in_one_process(void **state)
{
    (void)state;
    test_server a, b;
    char document[300];
    test_server_start(&a, NULL);
    test_server_start(&b, NULL);
    emit_document(document, sizeof document, TRACE, "53995c3f42cd8ad8");
    test_answer answer = put_one(&a, document);
    test_answer_fini(&answer);
    assert_true(trace_is_there(&a, TRACE));
    assert_false(trace_is_there(&b, TRACE));
    test_server_stop(&a);
    test_server_stop(&b);
}

static void a_second_server_on_the_same_data_is_refused(void **state)
{
    (void)state;
    test_server server;
    fl_err err = {0};
    fl_server *second = NULL;
    test_server_start(&server, NULL);
    assert_int_equal(fl_server_start(&server.config, NULL, &second, &err), FL_E_BUSY);
    assert_non_null(strstr(err.message, server.dir));
    test_server_stop(&server);
}

static void an_address_reachable_from_elsewhere_is_refused(void **state)
{
    (void)state;
    static const char *const keys[] = {"listen", "udp", "segments-tcp"};
    for (size_t i = 0; i < 3; i++) {
        char *dir = test_temp_dir();
        fl_arena arena;
        fl_arena_init(&arena, 1 << 20);
        fl_err err = {0};
        fl_server_config config;
        const fl_setting settings[] = {{FL_S("listen"), FL_S("127.0.0.1:0")},
                                       {FL_S("udp"), FL_S("127.0.0.1:0")},
                                       {FL_S("data"), fl_str_of(dir)},
                                       {fl_str_of(keys[i]), FL_S("0.0.0.0:0")}};
        assert_int_equal(fl_server_config_read(&arena, settings, 4, NULL, &config, &err),
                         FL_E_CONFIG);
        assert_non_null(strstr(err.message, keys[i]));
        assert_non_null(strstr(err.message, "authentication"));
        fl_arena_fini(&arena);
        test_remove_dir(dir);
    }
}

static void a_port_in_use_is_refused_in_words(void **state)
{
    (void)state;
    test_server server;
    char listen[40];
    fl_err err = {0};
    fl_server *second = NULL;
    test_server_start(&server, NULL);
    char *dir = test_temp_dir();
    snprintf(listen, sizeof listen, "127.0.0.1:%u", server.port);
    fl_server_config config = server.config;
    config.data = fl_str_of(dir);
    config.listen = fl_str_of(listen);
    assert_int_equal(fl_server_start(&config, NULL, &second, &err), FL_E_CONFIG);
    assert_non_null(strstr(err.message, listen));
    test_remove_dir(dir);
    test_server_stop(&server);
}

static void what_was_sent_before_the_stop_is_kept(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    test_server server;
    test_server_start(&server, NULL);
    int fd = test_connect(server.stream_port);
    fl_buf bytes;
    fl_buf_init(&bytes, 1 << 20);
    fl_buf_add_str(&bytes, FL_S("{\"format\":\"json\",\"version\":1}\n"));
    for (unsigned i = 0; i < COUNT; i++) {
        char id[17], document[300];
        snprintf(id, sizeof id, "%016x", i + 1);
        emit_document(document, sizeof document, TRACE, id);
        fl_buf_add_str(&bytes, fl_str_of(document));
    }
    test_send_all(fd, fl_buf_str(&bytes));
    test_metric_wait(&server, "fluoro_stream_received_bytes_total", (double)bytes.n);
    test_server_restart(&server);
    assert_int_equal((int)test_metric(&server, "fluoro_store_segments"), COUNT);
    close(fd);
    fl_buf_fini(&bytes);
    test_server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_put_segment_is_read_back_and_survives_a_restart),
        cmocka_unit_test(a_datagram_and_a_stream_reach_the_store),
        cmocka_unit_test(bad_datagrams_are_counted_by_reason),
        cmocka_unit_test(a_header_in_another_spelling_is_good),
        cmocka_unit_test(a_stream_loses_only_what_is_bad),
        cmocka_unit_test(two_servers_run_in_one_process),
        cmocka_unit_test(a_second_server_on_the_same_data_is_refused),
        cmocka_unit_test(an_address_reachable_from_elsewhere_is_refused),
        cmocka_unit_test(a_port_in_use_is_refused_in_words),
        cmocka_unit_test(what_was_sent_before_the_stop_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
