/*
 * For the tests of the HTTP server: a server with a few routes on two loops and a clock set by
 * hand, and a client that reads one answer at a time.
 */
#ifndef FL_TESTS_HTTP_FIXTURE_H
#define FL_TESTS_HTTP_FIXTURE_H

#include <errno.h>
#include <stdio.h>

#include "net_fixture.h"

#define HTTP_LOOPS      2
#define HTTP_BIG_BYTES  ((size_t)16 << 20) /* more than socket buffers hold */
#define HTTP_CLIENT_MAX ((size_t)20 << 20)
#define HTTP_GRACE_NS   (5 * FL_NS_PER_S)

typedef struct http_fixture {
    fl_loop *loops[HTTP_LOOPS];
    fl_budget budget;
    fl_clock_manual clock;
    fl_http_config config;
    struct sockaddr_storage bound;
    fl_http_server *server;
    fl_http_request *_Atomic held; /* of /later: answered by http_release */
} http_fixture;

/* ---- Handlers */

static inline void answer_text(fl_http_request *request, int status, fl_str text)
{
    fl_buf body;
    fl_buf_init(&body, HTTP_CLIENT_MAX);
    fl_buf_add_str(&body, text);
    const fl_http_response response = {
        .status = status, .content_type = FL_S("text/plain"), .body = &body};
    fl_http_respond(request, &response);
}

static inline void handle_hello(fl_http_request *request)
{
    answer_text(request, 200, FL_S("hello"));
}

static inline void handle_echo(fl_http_request *request)
{
    answer_text(request, 200, request->body);
}

static inline void handle_big(fl_http_request *request)
{
    fl_buf body;
    fl_buf_init(&body, HTTP_BIG_BYTES);
    fl_buf_fill(&body, 'B', HTTP_BIG_BYTES);
    const fl_http_response response = {.status = 200, .body = &body};
    fl_http_respond(request, &response);
}

static inline void handle_later(fl_http_request *request)
{
    http_fixture *f = request->user;
    assert_true(fl_loop_is_current(request->loop));
    atomic_store(&f->held, request);
}

static inline void handle_parting(fl_http_request *request)
{
    const fl_http_response response = {.status = 204, .close = true};
    fl_http_respond(request, &response);
}

static const fl_http_route http_fixture_routes[] = {
    {"GET", "/hello", handle_hello, 0, NULL},
    {"POST", "/echo", handle_echo, 1 << 20, NULL},
    {"GET", "/big", handle_big, 0, NULL},
    {"GET", "/later", handle_later, 0, NULL},
    {"POST", "/later", handle_later, 1 << 20, NULL},
    {"GET", "/parting", handle_parting, 0, NULL},
};

/* The answer of the HTTP layer: "<status number> <message>". */
static inline void answer_refusal(void *user, fl_arena *arena, fl_status status, int http_status,
                                  const char *message, fl_http_response *response)
{
    (void)user;
    (void)status;
    (void)arena;
    assert_int_equal(response->status, http_status);
    response->content_type = FL_S("text/plain");
    fl_buf_add_u64(response->body, (uint64_t)http_status);
    fl_buf_add_byte(response->body, ' ');
    fl_buf_add_str(response->body, fl_str_of(message));
}

/* ---- The server */

static inline void http_open(http_fixture *f, size_t connections)
{
    memset(f, 0, sizeof *f);
    for (size_t i = 0; i < HTTP_LOOPS; i++) {
        f->loops[i] = running_loop();
    }
    f->budget.max_bytes = 4 << 20;
    fl_clock_manual_init(&f->clock, 1000 * FL_NS_PER_S, 1000 * FL_NS_PER_S);
    f->config = (fl_http_config){
        .addr = loopback(),
        .loops = f->loops,
        .loop_count = HTTP_LOOPS,
        .routes = http_fixture_routes,
        .route_count = sizeof http_fixture_routes / sizeof http_fixture_routes[0],
        .limits = fl_http_limits_default(),
        .body_budget = &f->budget,
        .user = f,
        .on_error = answer_refusal,
        .clock = &f->clock.clock,
    };
    f->config.limits.connections = connections;
    fl_err err;
    assert_ok(fl_http_server_new(&f->config, &f->bound, &f->server, &err), &err);
}

static inline void http_close(http_fixture *f)
{
    fl_http_server_stop_and_free(f->server, HTTP_GRACE_NS);
    for (size_t i = 0; i < HTTP_LOOPS; i++) {
        fl_loop_stop_and_free(f->loops[i]);
    }
    assert_int_equal(fl_budget_used(&f->budget), 0);
}

static inline const fl_http_stats *stats_of(const http_fixture *f)
{
    return fl_http_server_stats(f->server);
}

static inline void advance(http_fixture *f, int64_t ns)
{
    atomic_fetch_add(&f->clock.mono, ns);
}

typedef struct http_release_task {
    fl_task task;
    http_fixture *fixture;
    atomic_bool done;
} http_release_task;

static inline void release_held(fl_task *task)
{
    http_release_task *release = (http_release_task *)(void *)task;
    fl_http_request *request = atomic_exchange(&release->fixture->held, NULL);
    answer_text(request, 200, FL_S("at last"));
    atomic_store(&release->done, true);
}

/* Waits for the request that /later holds, without answering it. */
static inline void http_await_held(http_fixture *f)
{
    wait_until(atomic_load(&f->held) != NULL);
}

static inline void http_release(http_fixture *f)
{
    http_release_task release = {.task = {.run = release_held}, .fixture = f};
    fl_loop_post(atomic_load(&f->held)->loop, &release.task);
    wait_until(atomic_load(&release.done));
}

/* ---- The client */

typedef struct http_client {
    int fd;
    fl_buf in; /* read, from at on not yet looked at */
    size_t at;
} http_client;

static inline http_client http_connect(const http_fixture *f)
{
    http_client client = {.fd = client_of(&f->bound, SOCK_STREAM)};
    fl_buf_init(&client.in, HTTP_CLIENT_MAX);
    return client;
}

static inline void http_disconnect(http_client *client)
{
    close(client->fd);
    fl_buf_fini(&client->in);
}

/* More bytes from the server; false at its end or a reset. */
static inline bool read_more(http_client *client)
{
    char *room = fl_buf_room(&client->in, 65536);
    assert_non_null(room);
    ssize_t n = recv(client->fd, room, 65536, 0);
    assert_true(n >= 0 || errno == ECONNRESET);
    fl_buf_grow(&client->in, n > 0 ? (size_t)n : 0);
    return n > 0;
}

static inline fl_str unread(const http_client *client)
{
    fl_str all = fl_buf_str(&client->in);
    return (fl_str){all.p + client->at, all.n - client->at};
}

/* The head of the next answer with its blank line; borrows until the next read. */
static inline fl_str read_head(http_client *client)
{
    for (;;) {
        fl_str rest = unread(client);
        const char *end = memmem(rest.p, rest.n, "\r\n\r\n", 4);
        if (end != NULL) {
            size_t n = (size_t)(end - rest.p) + 4;
            client->at += n;
            return (fl_str){rest.p, n};
        }
        assert_true(read_more(client));
    }
}

static inline bool has(fl_str text, const char *part)
{
    return memmem(text.p, text.n, part, strlen(part)) != NULL;
}

static inline size_t length_in(fl_str head)
{
    const char *name = "Content-Length: ";
    const char *at = memmem(head.p, head.n, name, strlen(name));
    size_t length = 0;
    for (at = at != NULL ? at + strlen(name) : "x"; *at >= '0' && *at <= '9'; at++) {
        length = length * 10 + (size_t)(*at - '0');
    }
    return length;
}

/* Reads one answer: its status, its head's parts and its body are as told. NULL: not looked at. */
static inline void expect_answer(http_client *client, int status, const char *head_part,
                                 const char *body)
{
    fl_str head = read_head(client);
    char line[32];
    int n = snprintf(line, sizeof line, "HTTP/1.1 %d ", status);
    assert_true(head.n > (size_t)n);
    assert_str(((fl_str){head.p, (size_t)n}), line);
    if (head_part != NULL) {
        assert_true(has(head, head_part));
    }
    size_t length = length_in(head);
    while (unread(client).n < length) {
        assert_true(read_more(client));
    }
    if (body != NULL) {
        assert_str(((fl_str){unread(client).p, length}), body);
    }
    client->at += length;
}

/* Nothing more comes but the end. */
static inline void expect_end(http_client *client)
{
    while (read_more(client)) {
    }
    assert_int_equal(unread(client).n, 0);
}

#endif
