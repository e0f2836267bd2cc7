/*
 * One HTTP connection.
 *
 *   OPEN ──whole request──▶ HANDLING ──answer──▶ WRITING ──▶ OPEN      (keep-alive)
 *                                                   └──────▶ LINGERING ──▶ CLOSED
 *
 * One request at a time: what a pipelining client sends ahead stays in `pending`, and then in the
 * kernel, until the answer before it is written. An answer that the kernel takes at once skips
 * WRITING. Lingering swallows what the client still sends, so that it reads the answer and not a
 * reset. The object outlives its socket while a handler holds the request.
 */
#include "net/http_int.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_BYTES_MAX   ((size_t)64 * 1024) /* of an answer */
#define ERROR_BODY_MAX   ((size_t)64 * 1024)
#define LINGER_NS        FL_NS_PER_S
#define LINGER_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define TRIM_AFTER_NS    FL_NS_PER_S

typedef enum conn_phase {
    CONN_OPEN, /* idle, or reading a request */
    CONN_HANDLING,
    CONN_WRITING,
    CONN_LINGERING,
    CONN_CLOSED, /* its handle is being closed */
    CONN_GONE,   /* its handle is closed: the object goes with its request */
} conn_phase;

struct http_conn {
    uv_tcp_t tcp;
    int fd;
    http_lane *lane;
    http_conn *previous, *next;
    conn_phase phase;
    bool running; /* inside run(): an answer does not start it again */
    bool reading;
    bool ended;         /* the client sends no more */
    bool in_hands;      /* a request is to be answered by its handler */
    bool closes;        /* after the answer */
    bool trimmed;       /* idle, and holds no memory for a next request */
    int64_t since_ns;   /* start of the phase, or the last progress in it */
    int64_t request_ns; /* first byte of the request that is being answered */
    size_t unwritten;   /* at the last tick */
    size_t discarded;   /* while lingering */
    http_parser parser;
    fl_buf pending; /* read, not yet parsed, from pending_at on; at most one read */
    size_t pending_at;
    fl_buf out; /* head of the answer */
    fl_buf answer_body;
    uv_write_t write, write_continue;
    fl_work inflate;
    fl_task open;
};

static http_conn *conn_of(uv_stream_t *stream)
{
    return NET_CONTAINER_OF(stream, http_conn, tcp);
}

static uv_stream_t *stream_of(http_conn *conn)
{
    return (uv_stream_t *)&conn->tcp;
}

static int64_t now_of(const http_conn *conn)
{
    return fl_clock_mono(conn->lane->server->config.clock);
}

http_conn *http_conn_after(const http_conn *conn)
{
    return conn->next;
}

/* ---- The end of a connection */

static void free_conn(http_conn *conn)
{
    http_lane *lane = conn->lane;
    if (conn->previous != NULL) {
        conn->previous->next = conn->next;
    } else {
        lane->conns = conn->next;
    }
    if (conn->next != NULL) {
        conn->next->previous = conn->previous;
    }
    http_parser_fini(&conn->parser);
    fl_buf_fini(&conn->pending);
    fl_buf_fini(&conn->out);
    fl_buf_fini(&conn->answer_body);
    free(conn);
    fl_counter_sub(&lane->server->stats.connections_open, 1);
    lane->conn_count--;
    if (lane->stopping && lane->conn_count == 0) {
        http_lane_emptied(lane);
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    http_conn *conn = conn_of((uv_stream_t *)handle);
    conn->phase = CONN_GONE;
    if (!conn->in_hands) {
        free_conn(conn);
    }
}

void http_conn_cut(http_conn *conn)
{
    if (conn->phase < CONN_CLOSED) {
        conn->phase = CONN_CLOSED;
        uv_close((uv_handle_t *)&conn->tcp, on_handle_closed);
    }
}

static void set_reading(http_conn *conn, bool wanted);

/* All is written: says so to the client and waits for its end. */
static void linger(http_conn *conn)
{
    if (conn->ended || shutdown(conn->fd, SHUT_WR) != 0) {
        http_conn_cut(conn);
        return;
    }
    conn->phase = CONN_LINGERING;
    fl_buf_fini(&conn->pending);
    set_reading(conn, true);
}

/* ---- Writing */

static void go_on(http_conn *conn);

static void answered(http_conn *conn)
{
    int64_t now_ns = now_of(conn);
    fl_histogram_add(&conn->lane->server->stats.latency, now_ns - conn->request_ns);
    fl_buf_fini(&conn->answer_body);
    fl_buf_reset(&conn->out);
    conn->since_ns = now_ns;
    if (conn->closes || conn->lane->stopping) { /* the end may have begun while this was written */
        linger(conn);
        return;
    }
    conn->phase = CONN_OPEN;
    conn->trimmed = false;
}

static void on_written(uv_write_t *write, int status)
{
    http_conn *conn = NET_CONTAINER_OF(write, http_conn, write);
    if (status < 0) {
        http_conn_cut(conn);
    } else {
        answered(conn);
        go_on(conn);
    }
}

/* Hands the rest of the answer to libuv, which writes it as the client takes it. */
static void write_rest(http_conn *conn, uv_buf_t bufs[2], size_t sent)
{
    for (size_t i = 0; i < 2; i++) {
        size_t skip = sent < bufs[i].len ? sent : bufs[i].len;
        bufs[i].base += skip;
        bufs[i].len -= skip;
        sent -= skip;
    }
    conn->phase = CONN_WRITING;
    conn->since_ns = now_of(conn);
    if (uv_write(&conn->write, stream_of(conn), bufs, 2, on_written) != 0) {
        http_conn_cut(conn);
    }
}

static void write_answer(http_conn *conn)
{
    uv_buf_t bufs[2] = {{conn->out.p, conn->out.n}, {conn->answer_body.p, conn->answer_body.n}};
    size_t total = conn->out.n + conn->answer_body.n;
    fl_counter_add(&conn->lane->server->stats.bytes_out, total);
    int sent = uv_try_write(stream_of(conn), bufs, conn->answer_body.n > 0 ? 2 : 1);
    if (sent >= 0 && (size_t)sent == total) {
        answered(conn);
    } else if (sent >= 0 || sent == UV_EAGAIN) {
        write_rest(conn, bufs, sent > 0 ? (size_t)sent : 0);
    } else {
        http_conn_cut(conn);
    }
}

static void on_continue_written(uv_write_t *write, int status)
{
    if (status < 0) {
        http_conn_cut(NET_CONTAINER_OF(write, http_conn, write_continue));
    }
}

/* The client waits for a go-ahead before it sends the body, and has not sent any of it unasked. */
static void go_ahead(http_conn *conn)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    conn->parser.expects_continue = false;
    if (conn->parser.body.n > 0) {
        return;
    }
    uv_buf_t buf = {(char *)(uintptr_t)text, sizeof text - 1}; /* libuv only reads it */
    if (uv_write(&conn->write_continue, stream_of(conn), &buf, 1, on_continue_written) != 0) {
        http_conn_cut(conn);
    }
}

/* ---- Answering */

/* The request is done with. False: the client has left, and conn may be gone. */
static bool release_request(http_conn *conn)
{
    conn->in_hands = false;
    http_parser_next(&conn->parser);
    if (conn->phase == CONN_GONE) {
        free_conn(conn);
        return false;
    }
    return conn->phase != CONN_CLOSED;
}

/* Puts the answer's bytes together; false without memory. */
static bool compose(http_conn *conn, const fl_http_response *response)
{
    http_parser *parser = &conn->parser;
    conn->closes = response->close || !parser->keep_alive || conn->lane->stopping;
    http_answer_form form = {
        .keep_alive = !conn->closes, .http_1_0 = parser->http_1_0, .allow = parser->allow};
    if (response->body != NULL) {
        conn->answer_body = *response->body;
        *response->body = (fl_buf){0};
    }
    form.body_bytes = conn->answer_body.n;
    http_emit_head(&conn->out, response, &form);
    bool bodiless = response->status == 204 || response->status == 304;
    if (bodiless || fl_str_eq(parser->request.method, FL_S("HEAD"))) {
        fl_buf_fini(&conn->answer_body);
    }
    return conn->out.status == FL_OK && conn->answer_body.status == FL_OK;
}

/* Sends the answer, or drops it when the client has left; then false, and conn may be gone. */
static bool answer(http_conn *conn, const fl_http_response *response)
{
    if (!conn->in_hands) {
        fl_bug("an HTTP request was answered twice");
    }
    conn->request_ns = conn->parser.request.started_mono_ns;
    fl_counter_add(&conn->lane->server->stats.requests_total, 1);
    bool composed = compose(conn, response);
    if (!release_request(conn)) {
        return false;
    }
    if (composed) {
        write_answer(conn);
    } else {
        http_conn_cut(conn);
    }
    return true;
}

void fl_http_respond(fl_http_request *request, const fl_http_response *response)
{
    http_conn *conn = NET_CONTAINER_OF(request, http_conn, parser.request);
    if (answer(conn, response)) {
        go_on(conn);
    }
}

void http_refusal_answer(const fl_http_server *server, fl_arena *arena, const http_refusal *refusal,
                         fl_buf *body, fl_http_response *response)
{
    fl_buf_init(body, ERROR_BODY_MAX);
    *response = (fl_http_response){.status = refusal->http_status, .body = body};
    server->config.on_error(server->config.user, arena, refusal->status, refusal->http_status,
                            refusal->message, response);
}

/* Answers what the parser, a time limit or the unpacking refused. Result as answer(). */
static bool refuse_request(http_conn *conn)
{
    const fl_http_server *server = conn->lane->server;
    fl_http_stats *stats = &conn->lane->server->stats;
    const http_refusal *refusal = &conn->parser.refusal;
    fl_counter_add(refusal->status == FL_E_TIMEOUT ? &stats->timeouts : &stats->bad_requests, 1);
    conn->phase = CONN_HANDLING;
    conn->in_hands = true;
    fl_buf body;
    fl_http_response response;
    http_refusal_answer(server, &conn->parser.arena, refusal, &body, &response);
    bool open = answer(conn, &response);
    fl_buf_fini(&body);
    return open;
}

static void abandon(http_conn *conn, fl_status status, int http_status, const char *message)
{
    http_parser_abandon(&conn->parser, (http_refusal){status, http_status, message});
    (void)refuse_request(conn);
}

/* ---- Handling */

static void call_handler(http_conn *conn)
{
    conn->parser.request.route->handler(&conn->parser.request);
}

static void on_inflate(fl_work *work)
{
    http_parser_inflate(&NET_CONTAINER_OF(work, http_conn, inflate)->parser);
}

static void on_inflated(fl_work *work)
{
    http_conn *conn = NET_CONTAINER_OF(work, http_conn, inflate);
    if (conn->phase >= CONN_CLOSED) { /* the client left meanwhile: nobody to do it for */
        (void)release_request(conn);
    } else if (conn->parser.refusal.status != FL_OK) {
        if (refuse_request(conn)) {
            go_on(conn);
        }
    } else {
        call_handler(conn);
    }
}

static void handle_request(http_conn *conn)
{
    conn->phase = CONN_HANDLING;
    conn->in_hands = true;
    if (conn->parser.packed) { /* may become a hundred times as large: not on the loop */
        conn->inflate.work = on_inflate;
        conn->inflate.done = on_inflated;
        fl_loop_work(conn->lane->loop, &conn->inflate);
    } else {
        call_handler(conn);
    }
}

/* ---- Reading */

/* Parses until the bytes are eaten or something else is to be done first; returns the rest. */
static fl_str run(http_conn *conn, fl_str bytes)
{
    conn->running = true;
    while (bytes.n > 0 && conn->phase == CONN_OPEN) {
        size_t eaten;
        http_outcome outcome = http_parse(&conn->parser, bytes, &eaten);
        bytes = (fl_str){bytes.p + eaten, bytes.n - eaten};
        if (outcome == PARSE_READY) {
            handle_request(conn);
        } else if (outcome == PARSE_REFUSED) {
            (void)refuse_request(conn);
        } else if (conn->parser.expects_continue && bytes.n == 0) {
            go_ahead(conn);
        }
    }
    conn->running = false;
    return bytes;
}

/* What the state after run() asks for: read on, or see that the client has ended. */
static void settle(http_conn *conn)
{
    if (conn->phase >= CONN_LINGERING) {
        return;
    }
    if (conn->ended && conn->phase == CONN_OPEN) {
        if (conn->parser.begun) {
            abandon(conn, FL_E_INVALID, 400, "the request was cut off");
        } else {
            http_conn_cut(conn);
        }
        return;
    }
    set_reading(conn, conn->pending.n == 0);
}

/* After an answer: with the bytes that came meanwhile, unless run() below us on the stack does it.
 */
static void go_on(http_conn *conn)
{
    if (conn->running) {
        return;
    }
    if (conn->pending.n > 0) {
        fl_str rest = run(
            conn, (fl_str){conn->pending.p + conn->pending_at, conn->pending.n - conn->pending_at});
        conn->pending_at = conn->pending.n - rest.n;
        if (rest.n == 0 || conn->phase == CONN_LINGERING) {
            fl_buf_fini(&conn->pending);
            conn->pending_at = 0;
        }
    }
    settle(conn);
}

static void take_bytes(http_conn *conn, fl_str bytes)
{
    fl_counter_add(&conn->lane->server->stats.bytes_in, bytes.n);
    if (conn->phase == CONN_LINGERING) {
        conn->discarded += bytes.n;
        if (conn->discarded > LINGER_BYTES_MAX) {
            http_conn_cut(conn);
        }
        return;
    }
    fl_str rest = run(conn, bytes);
    if (rest.n > 0 && (conn->phase == CONN_HANDLING || conn->phase == CONN_WRITING)) {
        fl_buf_init(&conn->pending, NET_READ_BYTES);
        fl_buf_add_str(&conn->pending, rest);
        if (conn->pending.status != FL_OK) {
            http_conn_cut(conn);
        }
    }
    settle(conn);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    *buf = (uv_buf_t){conn_of((uv_stream_t *)handle)->lane->read_buffer, NET_READ_BYTES};
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    http_conn *conn = conn_of(stream);
    if (n > 0) {
        take_bytes(conn, (fl_str){buf->base, (size_t)n});
    } else if (n == UV_EOF) {
        conn->ended = true;
        set_reading(conn, false);
        if (conn->phase == CONN_LINGERING) {
            http_conn_cut(conn);
        } else {
            settle(conn);
        }
    } else if (n < 0) {
        http_conn_cut(conn);
    }
}

static void set_reading(http_conn *conn, bool wanted)
{
    wanted = wanted && !conn->ended;
    if (wanted == conn->reading) {
        return;
    }
    conn->reading = wanted;
    if (!wanted) {
        (void)uv_read_stop(stream_of(conn));
    } else if (uv_read_start(stream_of(conn), on_alloc, on_read) != 0) {
        http_conn_cut(conn);
    }
}

/* ---- Life on the lane */

static void on_open(fl_task *task)
{
    http_conn *conn = NET_CONTAINER_OF(task, http_conn, open);
    http_lane *lane = conn->lane;
    conn->next = lane->conns;
    if (conn->next != NULL) {
        conn->next->previous = conn;
    }
    lane->conns = conn;
    lane->conn_count++;
    conn->since_ns = now_of(conn);
    (void)uv_tcp_init(fl_loop_uv(lane->loop), &conn->tcp); /* makes no socket: cannot fail */
    if (uv_tcp_open(&conn->tcp, conn->fd) != 0) {
        (void)close(conn->fd);
        http_conn_cut(conn);
        return;
    }
    set_reading(conn, true);
}

void http_conn_open(http_lane *lane, int fd)
{
    http_conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL) {
        fl_counter_add(&lane->server->stats.connections_refused, 1);
        fl_counter_sub(&lane->server->stats.connections_open, 1);
        (void)close(fd);
        return;
    }
    conn->fd = fd;
    conn->lane = lane;
    http_parser_init(&conn->parser, &lane->server->site, &lane->spares);
    conn->parser.request.loop = lane->loop;
    conn->parser.request.user = lane->server->config.user;
    fl_buf_init(&conn->out, HEAD_BYTES_MAX);
    conn->open.run = on_open;
    fl_loop_post(lane->loop, &conn->open);
}

static bool is_idle(const http_conn *conn)
{
    return conn->phase == CONN_OPEN && !conn->parser.begun;
}

void http_conn_drain(http_conn *conn)
{
    if (is_idle(conn)) {
        http_conn_cut(conn);
    }
}

/* ---- Time limits */

/* When the client must have done its next step. */
static int64_t deadline_of(const http_conn *conn)
{
    const fl_http_limits *limits = &conn->lane->server->config.limits;
    const http_parser *parser = &conn->parser;
    switch (conn->phase) {
    case CONN_OPEN:
        if (!parser->begun) {
            return conn->since_ns + limits->idle_timeout_ns;
        }
        return parser->stage == STAGE_HEAD
                   ? parser->request.started_mono_ns + limits->header_timeout_ns
                   : parser->head_end_ns + limits->body_timeout_ns;
    case CONN_WRITING:
        return conn->since_ns + limits->write_timeout_ns;
    case CONN_LINGERING:
        return conn->since_ns + LINGER_NS;
    default:
        return INT64_MAX;
    }
}

/* Its time is over. */
static void run_out(http_conn *conn)
{
    if (conn->phase == CONN_OPEN && conn->parser.begun) {
        abandon(conn, FL_E_TIMEOUT, 408, "the request did not arrive in time");
        return;
    }
    if (conn->phase == CONN_WRITING) {
        fl_counter_add(&conn->lane->server->stats.timeouts, 1);
    }
    http_conn_cut(conn);
}

void http_conn_tick(http_conn *conn, int64_t now_ns)
{
    if (conn->phase == CONN_WRITING) {
        size_t unwritten = uv_stream_get_write_queue_size(stream_of(conn));
        if (unwritten != conn->unwritten) {
            conn->unwritten = unwritten;
            conn->since_ns = now_ns;
        }
    }
    if (now_ns >= deadline_of(conn)) {
        run_out(conn);
    } else if (is_idle(conn) && !conn->trimmed && now_ns - conn->since_ns >= TRIM_AFTER_NS) {
        conn->trimmed = true;
        http_parser_trim(&conn->parser);
        fl_buf_fini(&conn->out);
        fl_buf_init(&conn->out, HEAD_BYTES_MAX);
    }
}
