/* The HTTP server's limits in time and number, and its graceful end. */
#include "http_fixture.h"

#include <pthread.h>
#include <sys/resource.h>

#define GET_HELLO "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"

/* Long enough for a look at the time limits, which comes every 250 ms. */
#define A_LOOK_US 400000

/* ---- Time */

static void headers_that_do_not_end_in_time_get_408(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client client = http_connect(&f);
    send_text(client.fd, "GET /hello HTTP/1.1\r\n");
    wait_until(fl_counter_get(&stats_of(&f)->bytes_in) == 21);
    advance(&f, f.config.limits.header_timeout_ns - 1);
    usleep(A_LOOK_US);
    assert_int_equal(fl_counter_get(&stats_of(&f)->timeouts), 0);
    advance(&f, 1);
    expect_answer(&client, 408, "Connection: close\r\n", "408 the request did not arrive in time");
    expect_end(&client);
    assert_int_equal(fl_counter_get(&stats_of(&f)->timeouts), 1);
    http_disconnect(&client);
    http_close(&f);
}

static void a_body_has_its_own_time_from_the_end_of_the_headers_on(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client client = http_connect(&f);
    const char *text = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel";
    send_text(client.fd, text);
    wait_until(fl_counter_get(&stats_of(&f)->bytes_in) == strlen(text));
    advance(&f, f.config.limits.header_timeout_ns + 1);
    usleep(A_LOOK_US);
    assert_int_equal(fl_counter_get(&stats_of(&f)->timeouts), 0);
    advance(&f, f.config.limits.body_timeout_ns);
    expect_answer(&client, 408, "Connection: close\r\n", NULL);
    http_disconnect(&client);
    http_close(&f);
}

static void an_idle_connection_is_closed_without_a_word(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client silent = http_connect(&f), used = http_connect(&f);
    send_text(used.fd, GET_HELLO);
    expect_answer(&used, 200, NULL, "hello");
    usleep(A_LOOK_US); /* the silent one has reached its loop by now, too */
    advance(&f, f.config.limits.idle_timeout_ns);
    expect_end(&silent);
    expect_end(&used);
    assert_int_equal(fl_counter_get(&stats_of(&f)->timeouts), 0);
    http_disconnect(&silent);
    http_disconnect(&used);
    http_close(&f);
}

static void an_idle_connection_that_gave_its_memory_back_goes_on(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client client = http_connect(&f);
    for (int i = 0; i < 2; i++) {
        send_text(client.fd, GET_HELLO);
        expect_answer(&client, 200, NULL, "hello");
        advance(&f, 2 * FL_NS_PER_S);
        usleep(A_LOOK_US);
    }
    http_disconnect(&client);
    http_close(&f);
}

static void a_client_that_takes_no_answer_is_closed(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client client = http_connect(&f);
    send_text(client.fd, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_until(fl_counter_get(&stats_of(&f)->bytes_out) > 0);
    usleep(A_LOOK_US);
    assert_int_equal(fl_counter_get(&stats_of(&f)->connections_open), 1);
    advance(&f, f.config.limits.write_timeout_ns);
    wait_until(fl_counter_get(&stats_of(&f)->connections_open) == 0);
    assert_int_equal(fl_counter_get(&stats_of(&f)->timeouts), 1);
    http_disconnect(&client);
    http_close(&f);
}

static void a_request_in_its_handlers_hands_has_no_time_limit(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client client = http_connect(&f);
    send_text(client.fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    http_await_held(&f);
    advance(&f, 3600 * FL_NS_PER_S);
    usleep(A_LOOK_US);
    http_release(&f);
    expect_answer(&client, 200, NULL, "at last");
    http_disconnect(&client);
    http_close(&f);
}

/* ---- Number */

static void a_connection_over_the_limit_gets_503_and_room_is_made_when_one_leaves(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 2);
    http_client first = http_connect(&f), second = http_connect(&f), third = http_connect(&f);
    expect_answer(&third, 503, "Connection: close\r\n", "503 too many connections");
    expect_end(&third);
    http_disconnect(&third);
    assert_int_equal(fl_counter_get(&stats_of(&f)->connections_refused), 1);
    http_disconnect(&first);
    wait_until(fl_counter_get(&stats_of(&f)->connections_open) == 1);
    third = http_connect(&f);
    send_text(third.fd, GET_HELLO);
    expect_answer(&third, 200, NULL, "hello");
    http_disconnect(&second);
    http_disconnect(&third);
    http_close(&f);
}

static void when_descriptors_run_out_the_connection_waits_for_one(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    limit_time(fd);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = (rlim_t)fd + 1, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&f.bound, addr_len(&f.bound)), 0);
    usleep(50000);
    assert_int_equal(fl_counter_get(&stats_of(&f)->connections_total), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    http_client client = {.fd = fd};
    fl_buf_init(&client.in, HTTP_CLIENT_MAX);
    send_text(fd, GET_HELLO);
    expect_answer(&client, 200, NULL, "hello");
    http_disconnect(&client);
    http_close(&f);
}

/* ---- The end */

typedef struct stopping {
    pthread_t thread;
    http_fixture *f;
    int64_t deadline_ns;
    atomic_bool stopped;
} stopping;

static void *stop_server(void *user)
{
    stopping *stop = user;
    fl_http_server_stop_and_free(stop->f->server, stop->deadline_ns);
    atomic_store(&stop->stopped, true);
    return NULL;
}

static void begin_stop(stopping *stop, http_fixture *f, int64_t deadline_ns)
{
    *stop = (stopping){.f = f, .deadline_ns = deadline_ns};
    assert_int_equal(pthread_create(&stop->thread, NULL, stop_server, stop), 0);
}

static void end_stop(stopping *stop)
{
    assert_int_equal(pthread_join(stop->thread, NULL), 0);
    for (size_t i = 0; i < HTTP_LOOPS; i++) {
        fl_loop_stop_and_free(stop->f->loops[i]);
    }
    assert_int_equal(fl_budget_used(&stop->f->budget), 0);
}

static void the_end_closes_idle_connections_and_lets_requests_finish(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client idle = http_connect(&f), handled = http_connect(&f), sending = http_connect(&f);
    send_text(idle.fd, GET_HELLO);
    expect_answer(&idle, 200, NULL, "hello");
    send_text(handled.fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n" GET_HELLO);
    http_await_held(&f);
    const char *head = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel";
    uint64_t before = fl_counter_get(&stats_of(&f)->bytes_in);
    send_text(sending.fd, head);
    wait_until(fl_counter_get(&stats_of(&f)->bytes_in) == before + strlen(head));
    stopping stop;
    begin_stop(&stop, &f, HTTP_GRACE_NS);
    expect_end(&idle);
    assert_false(atomic_load(&stop.stopped));
    send_text(sending.fd, "lo");
    expect_answer(&sending, 200, "Connection: close\r\n", "hello");
    http_release(&f);
    expect_answer(&handled, 200, "Connection: close\r\n", "at last");
    expect_end(&handled); /* the request behind it is not begun any more */
    http_disconnect(&idle);
    http_disconnect(&handled);
    http_disconnect(&sending);
    end_stop(&stop);
}

static void the_end_waits_until_a_large_answer_is_taken_and_no_longer(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client client = http_connect(&f);
    send_text(client.fd, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_until(fl_counter_get(&stats_of(&f)->bytes_out) > 0); /* being written, as keep-alive */
    stopping stop;
    begin_stop(&stop, &f, 3600 * FL_NS_PER_S);
    usleep(20000);
    expect_answer(&client, 200, NULL, NULL);
    expect_end(&client);
    http_disconnect(&client);
    end_stop(&stop);
}

static void the_end_takes_no_new_connection(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client client = http_connect(&f);
    send_text(client.fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    http_await_held(&f);
    struct sockaddr_storage bound = f.bound;
    stopping stop;
    begin_stop(&stop, &f, HTTP_GRACE_NS);
    int refused = 0;
    for (int i = 0; i < 1000 && refused == 0; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        refused = connect(fd, (const struct sockaddr *)&bound, addr_len(&bound)) != 0;
        close(fd);
        usleep(1000);
    }
    assert_true(refused);
    http_release(&f);
    expect_answer(&client, 200, "Connection: close\r\n", "at last");
    http_disconnect(&client);
    end_stop(&stop);
}

static void
what_is_not_done_at_the_deadline_is_cut_but_its_handler_still_answers_safely(void **state)
{
    (void)state;
    http_fixture f;
    http_open(&f, 100);
    http_client handled = http_connect(&f), sending = http_connect(&f);
    send_text(handled.fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    http_await_held(&f);
    send_text(sending.fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel");
    wait_until(fl_counter_get(&stats_of(&f)->bytes_in) > 40);
    stopping stop;
    begin_stop(&stop, &f, 50 * FL_NS_PER_MS);
    expect_end(&sending);
    expect_end(&handled);
    assert_false(atomic_load(&stop.stopped)); /* waits for the handler */
    http_release(&f);
    end_stop(&stop);
    assert_true(atomic_load(&stop.stopped));
    http_disconnect(&handled);
    http_disconnect(&sending);
}

static void a_server_without_connections_ends_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        http_fixture f;
        http_open(&f, 100);
        http_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_that_do_not_end_in_time_get_408),
        cmocka_unit_test(a_body_has_its_own_time_from_the_end_of_the_headers_on),
        cmocka_unit_test(an_idle_connection_is_closed_without_a_word),
        cmocka_unit_test(an_idle_connection_that_gave_its_memory_back_goes_on),
        cmocka_unit_test(a_client_that_takes_no_answer_is_closed),
        cmocka_unit_test(a_request_in_its_handlers_hands_has_no_time_limit),
        cmocka_unit_test(a_connection_over_the_limit_gets_503_and_room_is_made_when_one_leaves),
        cmocka_unit_test(when_descriptors_run_out_the_connection_waits_for_one),
        cmocka_unit_test(the_end_closes_idle_connections_and_lets_requests_finish),
        cmocka_unit_test(the_end_waits_until_a_large_answer_is_taken_and_no_longer),
        cmocka_unit_test(the_end_takes_no_new_connection),
        cmocka_unit_test(
            what_is_not_done_at_the_deadline_is_cut_but_its_handler_still_answers_safely),
        cmocka_unit_test(a_server_without_connections_ends_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
