/* The HTTP server over sockets: framing, order, keep-alive, packed bodies, clients that leave. */
#include "http_fixture.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <zlib.h>

#define GET_HELLO "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"

static void a_connection_serves_one_request_after_the_other(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client client = http_connect(&f);
    for (int i = 0; i < 10; i++) {
        send_text(client.fd, GET_HELLO);
        expect_answer(&client, 200, "Content-Type: text/plain\r\n", "hello");
        send_text(client.fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
        expect_answer(&client, 200, NULL, "abc");
    }
    assert_int_equal(fl_counter_get(&stats_of(&f)->connections_total), 1);
    assert_int_equal(fl_counter_get(&stats_of(&f)->requests_total), 20);
    http_disconnect(&client);
    wait_until(fl_counter_get(&stats_of(&f)->connections_open) == 0);
    http_close(&f);
}

static void connections_are_dealt_to_all_loops(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client clients[2] = {http_connect(&f), http_connect(&f)};
    fl_loop *loops[2];
    for (size_t i = 0; i < 2; i++) {
        send_text(clients[i].fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
        http_await_held(&f);
        loops[i] = atomic_load(&f.held)->loop;
        http_release(&f);
        expect_answer(&clients[i], 200, NULL, "at last");
        http_disconnect(&clients[i]);
    }
    assert_ptr_not_equal(loops[0], loops[1]);
    http_close(&f);
}

static void pipelined_requests_are_answered_in_order_even_when_one_takes_long(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client client = http_connect(&f);
    send_text(client.fd, GET_HELLO "GET /later HTTP/1.1\r\nHost: x\r\n\r\n"
                                   "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1"
                                   "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n" GET_HELLO);
    expect_answer(&client, 200, NULL, "hello");
    http_await_held(&f);
    send_text(client.fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n2");
    http_release(&f);
    expect_answer(&client, 200, NULL, "at last");
    expect_answer(&client, 200, NULL, "1");
    expect_answer(&client, 404, NULL, "404 no such path");
    expect_answer(&client, 200, NULL, "hello");
    expect_answer(&client, 200, NULL, "2");
    http_disconnect(&client);
    http_close(&f);
}

static void thousands_of_pipelined_requests_neither_recurse_nor_get_lost(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client client = http_connect(&f);
    fl_buf text;
    fl_buf_init(&text, 1 << 20);
    for (int i = 0; i < 3000; i++) {
        fl_buf_add_str(&text, FL_S(GET_HELLO));
    }
    send_bytes(client.fd, fl_buf_str(&text));
    for (int i = 0; i < 3000; i++) {
        expect_answer(&client, 200, NULL, "hello");
    }
    fl_buf_fini(&text);
    http_disconnect(&client);
    http_close(&f);
}

static void requests_in_single_bytes_are_served(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client client = http_connect(&f);
    const int on = 1;
    assert_int_equal(setsockopt(client.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    const char *text = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "5\r\nhello\r\n0\r\n\r\n" GET_HELLO;
    for (size_t i = 0; i < strlen(text); i++) {
        send_bytes(client.fd, (fl_str){text + i, 1});
        usleep(200);
    }
    expect_answer(&client, 200, NULL, "hello");
    expect_answer(&client, 200, NULL, "hello");
    http_disconnect(&client);
    http_close(&f);
}

static void a_large_body_and_a_large_answer_pass_whole(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client client = http_connect(&f);
    size_t n = (1 << 20) - 17;
    char *body = malloc(n + 1);
    assert_non_null(body);
    for (size_t i = 0; i < n; i++) {
        body[i] = (char)('a' + i % 23);
    }
    body[n] = '\0';
    char head[128];
    (void)snprintf(head, sizeof head,
                   "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", n);
    send_text(client.fd, head);
    send_bytes(client.fd, (fl_str){body, n});
    expect_answer(&client, 200, NULL, body);
    free(body);
    send_text(client.fd, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n" GET_HELLO);
    usleep(20000); /* the answer fills the socket buffers meanwhile */
    fl_str big = read_head(&client);
    assert_int_equal(length_in(big), HTTP_BIG_BYTES);
    while (unread(&client).n < HTTP_BIG_BYTES) {
        assert_true(read_more(&client));
    }
    client.at += HTTP_BIG_BYTES;
    expect_answer(&client, 200, NULL, "hello");
    http_disconnect(&client);
    http_close(&f);
}

static void a_head_request_gets_the_length_without_the_body(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client client = http_connect(&f);
    send_text(client.fd, "HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n" GET_HELLO);
    assert_int_equal(length_in(read_head(&client)), 5);
    expect_answer(&client, 200, NULL, "hello"); /* follows the head at once */
    http_disconnect(&client);
    http_close(&f);
}

static void http_1_0_closes_unless_it_asks_to_stay(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client client = http_connect(&f);
    send_text(client.fd, "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    expect_answer(&client, 200, "Connection: keep-alive\r\n", "hello");
    send_text(client.fd, "GET /hello HTTP/1.0\r\n\r\n");
    expect_answer(&client, 200, "Connection: close\r\n", "hello");
    expect_end(&client);
    http_disconnect(&client);
    http_close(&f);
}

static void connection_close_is_kept_by_both_sides(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client client = http_connect(&f);
    send_text(client.fd, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" GET_HELLO);
    expect_answer(&client, 200, "Connection: close\r\n", "hello");
    expect_end(&client);
    http_disconnect(&client);
    client = http_connect(&f);
    send_text(client.fd, "GET /parting HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_answer(&client, 204, "Connection: close\r\n", NULL);
    expect_end(&client);
    http_disconnect(&client);
    http_close(&f);
}

static void a_client_that_expects_it_is_told_to_continue(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client client = http_connect(&f);
    const char *head =
        "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    send_text(client.fd, head);
    assert_str(read_head(&client), "HTTP/1.1 100 Continue\r\n\r\n");
    send_text(client.fd, "hello");
    expect_answer(&client, 200, NULL, "hello");
    send_text(client.fd, "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                         "Content-Length: 5\r\n\r\nhello"); /* not waited for: not told */
    expect_answer(&client, 200, NULL, "hello");
    send_text(client.fd, "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                         "Content-Length: 2000000\r\n\r\n");
    expect_answer(&client, 413, "Connection: close\r\n", "413 the body is too large");
    http_disconnect(&client);
    http_close(&f);
}

static void an_oversize_body_is_answered_while_the_client_still_sends(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    static const char megabyte[1 << 20];
    http_client client = http_connect(&f);
    send_text(client.fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4194304\r\n\r\n");
    for (int i = 0; i < 4; i++) {
        send_bytes(client.fd, (fl_str){megabyte, sizeof megabyte}); /* no reset meanwhile */
    }
    expect_answer(&client, 413, "Connection: close\r\n", "413 the body is too large");
    expect_end(&client);
    http_disconnect(&client);
    assert_int_equal(fl_counter_get(&stats_of(&f)->bad_requests), 1);
    http_close(&f);
}

static void a_wrong_method_gets_405_with_allow_and_the_connection_lives(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client client = http_connect(&f);
    send_text(client.fd, "DELETE /later HTTP/1.1\r\nHost: x\r\n\r\n" GET_HELLO);
    expect_answer(&client, 405, "Allow: GET, HEAD, POST\r\n", NULL);
    expect_answer(&client, 200, NULL, "hello");
    http_disconnect(&client);
    http_close(&f);
}

static void broken_syntax_is_answered_and_closed(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client client = http_connect(&f);
    send_text(client.fd, "this is not HTTP\r\n\r\n" GET_HELLO);
    expect_answer(&client, 400, "Connection: close\r\n", NULL);
    expect_end(&client);
    http_disconnect(&client);
    http_close(&f);
}

static fl_str gzip(const char *plain, size_t n, char *out, size_t capacity)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (z_const Bytef *)(uintptr_t)plain;
    stream.avail_in = (uInt)n;
    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)capacity;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    (void)deflateEnd(&stream);
    return (fl_str){out, stream.total_out};
}

static void send_gzip(http_client *client, fl_str packed)
{
    char head[160];
    (void)snprintf(
        head, sizeof head,
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
        packed.n);
    send_text(client->fd, head);
    send_bytes(client->fd, packed);
}

static void a_gzip_body_is_unpacked_for_the_handler(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    char packed[8192];
    char *zeros = calloc(1, 2 << 20);
    assert_non_null(zeros);
    http_client client = http_connect(&f);
    send_gzip(&client, gzip("hello", 5, packed, sizeof packed));
    send_text(client.fd, GET_HELLO); /* waits behind the unpacking */
    expect_answer(&client, 200, NULL, "hello");
    expect_answer(&client, 200, NULL, "hello");
    send_gzip(&client, gzip(zeros, 2 << 20, packed, sizeof packed));
    expect_answer(&client, 413, NULL, "413 the unpacked body is too large");
    send_gzip(&client, FL_S("plain"));
    expect_answer(&client, 400, NULL, "400 the body is not what its Content-Encoding says");
    send_gzip(&client, gzip("hello", 5, packed, sizeof packed));
    http_disconnect(&client); /* leaves while it is unpacked */
    free(zeros);
    http_close(&f);
}

static void a_body_over_the_budget_gets_429(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client first = http_connect(&f), second = http_connect(&f);
    f.budget.max_bytes = 100; /* nothing is in flight yet */
    send_text(first.fd, "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nfirst");
    http_await_held(&f);
    const char *text = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 96\r\n\r\n"
                       "................................................"
                       "................................................";
    send_text(second.fd, text);
    expect_answer(&second, 429, NULL, "429 too many bodies are in flight, try again");
    http_release(&f);
    expect_answer(&first, 200, NULL, "at last");
    send_text(second.fd, text); /* the same connection, now that there is room */
    expect_answer(&second, 200, NULL, NULL);
    http_disconnect(&first);
    http_disconnect(&second);
    http_close(&f);
}

/* ---- Clients that leave */

static void a_client_that_leaves_before_its_answer_harms_nobody(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client client = http_connect(&f);
    send_text(client.fd, "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    http_await_held(&f);
    const struct linger hard = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
    http_disconnect(&client); /* a reset: the socket is closed, the request lives on */
    usleep(20000);
    assert_int_equal(fl_counter_get(&stats_of(&f)->connections_open), 1);
    http_release(&f);
    wait_until(fl_counter_get(&stats_of(&f)->connections_open) == 0);
    http_close(&f);
}

static void a_client_that_has_ended_its_side_still_gets_all_answers(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client client = http_connect(&f);
    send_text(client.fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n" GET_HELLO);
    assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
    http_await_held(&f);
    http_release(&f);
    expect_answer(&client, 200, NULL, "at last");
    expect_answer(&client, 200, NULL, "hello");
    expect_end(&client);
    http_disconnect(&client);
    http_close(&f);
}

static void a_request_that_is_cut_off_is_refused(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client client = http_connect(&f);
    send_text(client.fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel");
    assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
    expect_answer(&client, 400, "Connection: close\r\n", "400 the request was cut off");
    expect_end(&client);
    http_disconnect(&client);
    http_close(&f);
}

static void an_address_in_use_is_a_configuration_error(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    fl_http_config config = f.config;
    config.addr = f.bound;
    fl_http_server *second;
    struct sockaddr_storage bound;
    fl_err err;
    assert_int_equal(fl_http_server_new(&config, &bound, &second, &err), FL_E_CONFIG);
    assert_non_null(strstr(err.message, "another program listens there"));
    http_close(&f);
}

static void the_metrics_name_every_number(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client client = http_connect(&f);
    send_text(client.fd, GET_HELLO);
    expect_answer(&client, 200, NULL, "hello");
    http_disconnect(&client);
    wait_until(fl_counter_get(&stats_of(&f)->connections_open) == 0); /* all is counted by then */
    fl_buf out;
    fl_buf_init(&out, 1 << 16);
    fl_metrics_emit(&out, fl_http_metrics, fl_http_metrics_count, stats_of(&f));
    fl_str text = fl_buf_str(&out);
    assert_true(has(text, "\nfluoro_http_requests_total 1\n"));
    assert_true(has(text, "\nfluoro_http_connections_open 0\n"));
    assert_true(has(text, "\nfluoro_http_received_bytes_total 32\n"));
    assert_true(has(text, "\nfluoro_http_request_duration_seconds_count 1\n"));
    fl_buf_fini(&out);
    http_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_serves_one_request_after_the_other),
        cmocka_unit_test(connections_are_dealt_to_all_loops),
        cmocka_unit_test(pipelined_requests_are_answered_in_order_even_when_one_takes_long),
        cmocka_unit_test(thousands_of_pipelined_requests_neither_recurse_nor_get_lost),
        cmocka_unit_test(requests_in_single_bytes_are_served),
        cmocka_unit_test(a_large_body_and_a_large_answer_pass_whole),
        cmocka_unit_test(a_head_request_gets_the_length_without_the_body),
        cmocka_unit_test(http_1_0_closes_unless_it_asks_to_stay),
        cmocka_unit_test(connection_close_is_kept_by_both_sides),
        cmocka_unit_test(a_client_that_expects_it_is_told_to_continue),
        cmocka_unit_test(an_oversize_body_is_answered_while_the_client_still_sends),
        cmocka_unit_test(a_wrong_method_gets_405_with_allow_and_the_connection_lives),
        cmocka_unit_test(broken_syntax_is_answered_and_closed),
        cmocka_unit_test(a_gzip_body_is_unpacked_for_the_handler),
        cmocka_unit_test(a_body_over_the_budget_gets_429),
        cmocka_unit_test(a_client_that_leaves_before_its_answer_harms_nobody),
        cmocka_unit_test(a_client_that_has_ended_its_side_still_gets_all_answers),
        cmocka_unit_test(a_request_that_is_cut_off_is_refused),
        cmocka_unit_test(an_address_in_use_is_a_configuration_error),
        cmocka_unit_test(the_metrics_name_every_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
