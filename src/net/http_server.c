/* The HTTP server's life: lanes, accepting, the graceful end. */
#include "net/http_int.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define TICK_MS           250
#define REFUSAL_ARENA_MAX ((size_t)64 * 1024)
#define REFUSAL_HEAD_MAX  ((size_t)8 * 1024)

/* clang-format off */
#define COUNTER(field, help) \
    {"fluoro_http_" #field, "", help, FL_METRIC_COUNTER, offsetof(fl_http_stats, field)}
#define NAMED(name, help, kind, field) \
    {"fluoro_http_" name, "", help, kind, offsetof(fl_http_stats, field)}
const fl_metric fl_http_metrics[] = {
    NAMED("connections_open", "HTTP connections that are open", FL_METRIC_GAUGE, connections_open),
    COUNTER(connections_total, "HTTP connections accepted"),
    NAMED("connections_refused_total", "HTTP connections refused: too many are open",
          FL_METRIC_COUNTER, connections_refused),
    COUNTER(requests_total, "HTTP requests answered"),
    NAMED("bad_requests_total", "HTTP requests refused before a handler saw them",
          FL_METRIC_COUNTER, bad_requests),
    NAMED("timeouts_total", "HTTP requests and answers given up for a slow client",
          FL_METRIC_COUNTER, timeouts),
    NAMED("received_bytes_total", "bytes read from HTTP connections", FL_METRIC_COUNTER, bytes_in),
    NAMED("sent_bytes_total", "bytes of HTTP answers", FL_METRIC_COUNTER, bytes_out),
    NAMED("request_duration_seconds", "first byte of a request to the last byte of its answer",
          FL_METRIC_HISTOGRAM, latency),
};
/* clang-format on */
const size_t fl_http_metrics_count = sizeof fl_http_metrics / sizeof fl_http_metrics[0];

fl_http_limits fl_http_limits_default(void)
{
    return (fl_http_limits){
        .header_bytes = (size_t)32 * 1024,
        .connections = 4096,
        .header_timeout_ns = 10 * FL_NS_PER_S,
        .body_timeout_ns = 30 * FL_NS_PER_S,
        .idle_timeout_ns = 75 * FL_NS_PER_S,
        .write_timeout_ns = 30 * FL_NS_PER_S,
    };
}

/* ---- Lanes */

static void on_tick(uv_timer_t *timer)
{
    http_lane *lane = timer->data;
    int64_t now_ns = fl_clock_mono(lane->server->config.clock);
    for (http_conn *conn = lane->conns, *next; conn != NULL; conn = next) {
        next = http_conn_after(conn);
        http_conn_tick(conn, now_ns);
    }
}

static void on_deadline(uv_timer_t *timer)
{
    http_lane *lane = timer->data;
    for (http_conn *conn = lane->conns, *next; conn != NULL; conn = next) {
        next = http_conn_after(conn);
        http_conn_cut(conn);
    }
}

static void on_lane_start(fl_task *task)
{
    http_lane *lane = NET_CONTAINER_OF(task, http_lane, start);
    uv_loop_t *uv = fl_loop_uv(lane->loop);
    (void)uv_timer_init(uv, &lane->tick);
    (void)uv_timer_init(uv, &lane->deadline);
    lane->tick.data = lane;
    lane->deadline.data = lane;
    lane->handles = 2;
    (void)uv_timer_start(&lane->tick, on_tick, TICK_MS, TICK_MS);
}

static void on_lane_handle_closed(uv_handle_t *handle)
{
    http_lane *lane = handle->data;
    lane->handles--;
    if (lane->handles == 0) {
        http_spares_fini(&lane->spares);
        net_latch_done(&lane->server->stopped);
    }
}

void http_lane_emptied(http_lane *lane)
{
    uv_close((uv_handle_t *)&lane->tick, on_lane_handle_closed);
    uv_close((uv_handle_t *)&lane->deadline, on_lane_handle_closed);
}

static void on_lane_stop(fl_task *task)
{
    http_lane *lane = NET_CONTAINER_OF(task, http_lane, stop);
    lane->stopping = true;
    if (lane->conn_count == 0) {
        http_lane_emptied(lane);
        return;
    }
    (void)uv_timer_start(&lane->deadline, on_deadline, net_ms_of_ns(lane->server->deadline_ns), 0);
    for (http_conn *conn = lane->conns, *next; conn != NULL; conn = next) {
        next = http_conn_after(conn);
        http_conn_drain(conn);
    }
}

/* ---- Accepting, on the first lane's loop */

/* One connection too many: tells why and closes. What it does not take at once is not worth waiting
 * for. */
static void turn_away(fl_http_server *server, int fd)
{
    const http_refusal refusal = {FL_E_BUSY, 503, "too many connections"};
    fl_arena arena;
    fl_arena_init(&arena, REFUSAL_ARENA_MAX);
    fl_buf body, out;
    fl_buf_init(&out, REFUSAL_HEAD_MAX + REFUSAL_ARENA_MAX);
    fl_http_response response;
    http_refusal_answer(server, &arena, &refusal, &body, &response);
    fl_str text = response.body != NULL ? fl_buf_str(response.body) : (fl_str){0};
    http_emit_head(&out, &response, &(http_answer_form){.body_bytes = text.n});
    fl_buf_add_str(&out, text);
    char unread[4096];
    (void)send(fd, out.p, out.n, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)shutdown(fd, SHUT_WR);
    (void)recv(fd, unread, sizeof unread, MSG_DONTWAIT); /* closing on unread bytes is a reset */
    (void)close(fd);
    fl_buf_fini(&out);
    if (response.body != NULL) {
        fl_buf_fini(response.body);
    }
    fl_buf_fini(&body);
    fl_arena_fini(&arena);
}

static void on_accept(void *user, int fd)
{
    fl_http_server *server = user;
    fl_http_stats *stats = &server->stats;
    if (fl_counter_get(&stats->connections_open) >= server->config.limits.connections) {
        fl_counter_add(&stats->connections_refused, 1);
        FL_LOG(server->config.log, FL_LOG_WARN, "too many HTTP connections",
               fl_kv_i64("limit", (int64_t)server->config.limits.connections));
        turn_away(server, fd);
        return;
    }
    fl_counter_add(&stats->connections_total, 1);
    fl_counter_add(&stats->connections_open, 1);
    http_conn_open(&server->lanes[server->next_lane], fd);
    server->next_lane = (server->next_lane + 1) % server->config.loop_count;
}

static void on_acceptor_closed(void *user)
{
    fl_http_server *server = user;
    for (size_t i = 0; i < server->config.loop_count; i++) {
        fl_loop_post(server->lanes[i].loop, &server->lanes[i].stop);
    }
}

/* ---- The server */

/* Frees what new_server made; the latch and the socket are the caller's. */
static void free_server(fl_http_server *server)
{
    for (size_t i = 0; server->lanes != NULL && i < server->config.loop_count; i++) {
        free(server->lanes[i].read_buffer);
    }
    free(server->lanes);
    http_routes_fini(&server->site.routes);
    free(server);
}

static bool make_lanes(fl_http_server *server)
{
    const fl_http_config *config = &server->config;
    server->lanes = calloc(config->loop_count, sizeof *server->lanes);
    if (server->lanes == NULL) {
        return false;
    }
    bool made = true;
    for (size_t i = 0; i < config->loop_count; i++) {
        http_lane *lane = &server->lanes[i];
        lane->server = server;
        lane->loop = config->loops[i];
        lane->start.run = on_lane_start;
        lane->stop.run = on_lane_stop;
        lane->read_buffer = malloc(NET_READ_BYTES);
        made = made && lane->read_buffer != NULL;
    }
    server->config.loops = NULL; /* borrowed for the call only */
    return made;
}

/* Without socket and latch; NULL without memory. */
static fl_http_server *new_server(const fl_http_config *config)
{
    fl_http_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return NULL;
    }
    server->config = *config;
    server->site.limits = config->limits;
    server->site.body_budget = config->body_budget;
    server->site.clock = config->clock;
    http_routes *routes = &server->site.routes;
    if (!http_routes_init(routes, config->routes, config->route_count) || !make_lanes(server)) {
        free_server(server);
        return NULL;
    }
    return server;
}

static void start(fl_http_server *server, int fd)
{
    server->acceptor = (net_acceptor){
        .loop = server->lanes[0].loop,
        .fd = fd,
        .log = server->config.log,
        .user = server,
        .on_accept = on_accept,
        .on_closed = on_acceptor_closed,
    };
    for (size_t i = 0; i < server->config.loop_count; i++) {
        fl_loop_post(server->lanes[i].loop, &server->lanes[i].start);
    }
    net_acceptor_start(
        &server->acceptor); /* posted behind the lanes' start: no connection precedes it */
}

fl_status fl_http_server_new(const fl_http_config *config, struct sockaddr_storage *bound,
                             fl_http_server **out, fl_err *err)
{
    fl_http_server *server = new_server(config);
    if (server == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for an HTTP server");
    }
    fl_status status = net_latch_init(&server->stopped, config->loop_count, err);
    if (status != FL_OK) {
        free_server(server);
        return status;
    }
    int fd = -1;
    status = net_listen(&config->addr, &fd, bound, err);
    if (status != FL_OK) {
        net_latch_fini(&server->stopped);
        free_server(server);
        return status;
    }
    start(server, fd);
    *out = server;
    return FL_OK;
}

const fl_http_stats *fl_http_server_stats(const fl_http_server *server)
{
    return &server->stats;
}

void fl_http_server_stop_and_free(fl_http_server *server, int64_t deadline_ns)
{
    server->deadline_ns = deadline_ns;
    net_acceptor_stop(&server->acceptor);
    net_latch_wait(&server->stopped);
    net_latch_fini(&server->stopped);
    free_server(server);
}
