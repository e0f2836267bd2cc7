/*
 * Byte-stream listeners on TCP and unix sockets. Each loop has a lane: its connections, one read
 * buffer, one timer. Nothing is ever written to a stream.
 */
#include "net/net_int.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define TICK_MAX_MS       250
#define WAITING_BYTES_MAX ((size_t)16 * 1024 * 1024) /* read from one stream at the stop */

typedef struct stream_lane {
    fl_stream_server *server;
    fl_loop *loop;
    fl_stream *streams;
    char *read_buffer; /* NET_READ_BYTES */
    uv_timer_t tick;
    size_t handles; /* streams and the timer */
    fl_task start, stop;
} stream_lane;

struct fl_stream {
    union {
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    int fd;
    stream_lane *lane;
    fl_stream *previous, *next;
    void *state; /* the protocol's */
    bool paused, closed;
    uint64_t active_ms; /* loop time of the last byte */
    fl_task open;
};

struct fl_stream_server {
    fl_stream_config config; /* without loops: the lanes know theirs */
    fl_stream_stats stats;
    stream_lane *lanes;
    size_t next_lane;
    struct stat socket_file; /* ours, so that no other is removed */
    net_acceptor acceptor;
    net_latch stopped; /* counts lanes */
};

/* clang-format off */
#define ROW(name, help, kind, field) \
    {"fluoro_stream_" name, "", help, kind, offsetof(fl_stream_stats, field)}
const fl_metric fl_stream_metrics[] = {
    ROW("connections_open", "stream connections that are open", FL_METRIC_GAUGE, connections_open),
    ROW("connections_total", "stream connections accepted", FL_METRIC_COUNTER, connections_total),
    ROW("connections_refused_total", "stream connections refused: too many are open",
        FL_METRIC_COUNTER, connections_refused),
    ROW("received_bytes_total", "bytes read from stream connections", FL_METRIC_COUNTER, bytes_in),
};
/* clang-format on */
const size_t fl_stream_metrics_count = sizeof fl_stream_metrics / sizeof fl_stream_metrics[0];

/* ---- The end of a stream */

static void handle_gone(stream_lane *lane)
{
    lane->handles--;
    if (lane->handles == 0) {
        net_latch_done(&lane->server->stopped);
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    fl_stream *stream = NET_CONTAINER_OF(handle, fl_stream, uv);
    stream_lane *lane = stream->lane;
    if (stream->previous != NULL) {
        stream->previous->next = stream->next;
    } else {
        lane->streams = stream->next;
    }
    if (stream->next != NULL) {
        stream->next->previous = stream->previous;
    }
    free(stream);
    fl_counter_sub(&lane->server->stats.connections_open, 1);
    handle_gone(lane);
}

static void close_handle(fl_stream *stream)
{
    stream->closed = true;
    uv_close((uv_handle_t *)&stream->uv, on_handle_closed);
}

static void end_stream(fl_stream *stream, bool clean)
{
    if (!stream->closed) {
        close_handle(stream);
        stream->lane->server->config.on_close(stream->state, clean);
    }
}

/* ---- Reading */

/* false: the protocol has closed it. */
static bool take_bytes(fl_stream *stream, const char *bytes, size_t n)
{
    fl_stream_server *server = stream->lane->server;
    fl_counter_add(&server->stats.bytes_in, n);
    stream->active_ms = uv_now(fl_loop_uv(stream->lane->loop));
    if (!server->config.on_bytes(stream->state, (fl_str){bytes, n})) {
        end_stream(stream, false);
    }
    return !stream->closed;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    *buf = (uv_buf_t){NET_CONTAINER_OF(handle, fl_stream, uv)->lane->read_buffer, NET_READ_BYTES};
}

static void on_read(uv_stream_t *handle, ssize_t n, const uv_buf_t *buf)
{
    fl_stream *stream = NET_CONTAINER_OF(handle, fl_stream, uv);
    if (n > 0) {
        (void)take_bytes(stream, buf->base, (size_t)n);
    } else if (n < 0) {
        end_stream(stream, n == UV_EOF);
    }
}

/* Reads what has arrived, unless the protocol asks for a pause. */
static void read_waiting(fl_stream *stream)
{
    size_t total = 0;
    while (!stream->closed && !stream->paused && total < WAITING_BYTES_MAX) {
        ssize_t n = recv(stream->fd, stream->lane->read_buffer, NET_READ_BYTES, MSG_DONTWAIT);
        if (n > 0) {
            total += (size_t)n;
            (void)take_bytes(stream, stream->lane->read_buffer, (size_t)n);
        } else if (n == 0 || errno != EINTR) {
            end_stream(stream, n == 0);
        }
    }
}

static void start_reading(fl_stream *stream)
{
    if (uv_read_start(&stream->uv.stream, on_alloc, on_read) != 0) {
        end_stream(stream, false);
    }
}

void fl_stream_pause(fl_stream *stream)
{
    if (!stream->closed && !stream->paused) {
        stream->paused = true;
        (void)uv_read_stop(&stream->uv.stream);
    }
}

void fl_stream_resume(fl_stream *stream)
{
    if (!stream->closed && stream->paused) {
        stream->paused = false;
        stream->active_ms = uv_now(fl_loop_uv(stream->lane->loop));
        start_reading(stream);
    }
}

fl_loop *fl_stream_loop(const fl_stream *stream)
{
    return stream->lane->loop;
}

/* ---- Opening */

static int adopt_descriptor(fl_stream *stream)
{
    uv_loop_t *uv = fl_loop_uv(stream->lane->loop);
    if (stream->lane->server->config.addr.ss_family == AF_UNIX) {
        (void)uv_pipe_init(uv, &stream->uv.pipe, 0); /* neither init makes a socket or fails */
        return uv_pipe_open(&stream->uv.pipe, stream->fd);
    }
    (void)uv_tcp_init(uv, &stream->uv.tcp);
    return uv_tcp_open(&stream->uv.tcp, stream->fd);
}

static void on_open(fl_task *task)
{
    fl_stream *stream = NET_CONTAINER_OF(task, fl_stream, open);
    stream_lane *lane = stream->lane;
    const fl_stream_config *config = &lane->server->config;
    stream->next = lane->streams;
    if (stream->next != NULL) {
        stream->next->previous = stream;
    }
    lane->streams = stream;
    lane->handles++;
    stream->active_ms = uv_now(fl_loop_uv(lane->loop));
    if (adopt_descriptor(stream) != 0) {
        (void)close(stream->fd);
        close_handle(stream);
    } else if (!config->on_open(config->user, stream, &stream->state)) {
        close_handle(stream);
    } else if (!stream->paused) {
        start_reading(stream);
    }
}

static void on_accept(void *user, int fd)
{
    fl_stream_server *server = user;
    fl_stream_stats *stats = &server->stats;
    stream_lane *lane = &server->lanes[server->next_lane];
    bool full = fl_counter_get(&stats->connections_open) >= server->config.connections;
    fl_stream *stream = full ? NULL : calloc(1, sizeof *stream);
    if (stream == NULL) {
        fl_counter_add(&stats->connections_refused, 1);
        (void)close(fd);
        FL_LOG(server->config.log, FL_LOG_WARN, "a stream connection is refused",
               fl_kv_text("reason", full ? "too many are open" : "no memory"));
        return;
    }
    fl_counter_add(&stats->connections_total, 1);
    fl_counter_add(&stats->connections_open, 1);
    server->next_lane = (server->next_lane + 1) % server->config.loop_count;
    stream->fd = fd;
    stream->lane = lane;
    stream->open.run = on_open;
    fl_loop_post(lane->loop, &stream->open);
}

/* ---- Lanes */

static void on_tick(uv_timer_t *timer)
{
    stream_lane *lane = timer->data;
    uint64_t limit_ms = net_ms_of_ns(lane->server->config.idle_timeout_ns);
    uint64_t now_ms = uv_now(fl_loop_uv(lane->loop));
    for (fl_stream *stream = lane->streams, *next; stream != NULL; stream = next) {
        next = stream->next;
        if (!stream->paused && now_ms - stream->active_ms >= limit_ms) {
            end_stream(stream, false);
        }
    }
}

static void on_lane_start(fl_task *task)
{
    stream_lane *lane = NET_CONTAINER_OF(task, stream_lane, start);
    int64_t idle_ns = lane->server->config.idle_timeout_ns;
    (void)uv_timer_init(fl_loop_uv(lane->loop), &lane->tick);
    lane->tick.data = lane;
    lane->handles = 1;
    if (idle_ns > 0) {
        uint64_t tick_ms = net_ms_of_ns(idle_ns / 4);
        tick_ms = tick_ms < TICK_MAX_MS ? tick_ms : TICK_MAX_MS;
        (void)uv_timer_start(&lane->tick, on_tick, tick_ms, tick_ms);
    }
}

static void on_tick_closed(uv_handle_t *handle)
{
    handle_gone(handle->data);
}

static void on_lane_stop(fl_task *task)
{
    stream_lane *lane = NET_CONTAINER_OF(task, stream_lane, stop);
    for (fl_stream *stream = lane->streams, *next; stream != NULL; stream = next) {
        next = stream->next;
        read_waiting(stream);
        end_stream(stream, false);
    }
    uv_close((uv_handle_t *)&lane->tick, on_tick_closed);
}

static void on_acceptor_closed(void *user)
{
    fl_stream_server *server = user;
    for (size_t i = 0; i < server->config.loop_count; i++) {
        fl_loop_post(server->lanes[i].loop, &server->lanes[i].stop);
    }
}

/* ---- The server */

static void free_server(fl_stream_server *server)
{
    for (size_t i = 0; i < server->config.loop_count; i++) {
        free(server->lanes[i].read_buffer);
    }
    free(server->lanes);
    free(server);
}

/* Without socket and latch; NULL without memory. */
static fl_stream_server *new_server(const fl_stream_config *config)
{
    fl_stream_server *server = calloc(1, sizeof *server);
    stream_lane *lanes = calloc(config->loop_count, sizeof *lanes);
    if (server == NULL || lanes == NULL) {
        free(server);
        free(lanes);
        return NULL;
    }
    server->config = *config;
    server->config.loops = NULL; /* borrowed for the call only */
    server->lanes = lanes;
    for (size_t i = 0; i < config->loop_count; i++) {
        lanes[i].server = server;
        lanes[i].loop = config->loops[i];
        lanes[i].start.run = on_lane_start;
        lanes[i].stop.run = on_lane_stop;
        lanes[i].read_buffer = malloc(NET_READ_BYTES);
        if (lanes[i].read_buffer == NULL) {
            free_server(server);
            return NULL;
        }
    }
    return server;
}

static const char *socket_path(const fl_stream_server *server)
{
    return ((const struct sockaddr_un *)&server->config.addr)->sun_path;
}

static void start(fl_stream_server *server, int fd)
{
    server->acceptor = (net_acceptor){
        .loop = server->lanes[0].loop,
        .fd = fd,
        .log = server->config.log,
        .takes_the_waiting = true,
        .user = server,
        .on_accept = on_accept,
        .on_closed = on_acceptor_closed,
    };
    if (server->config.addr.ss_family == AF_UNIX) {
        (void)stat(socket_path(server), &server->socket_file);
    }
    for (size_t i = 0; i < server->config.loop_count; i++) {
        fl_loop_post(server->lanes[i].loop, &server->lanes[i].start);
    }
    net_acceptor_start(
        &server->acceptor); /* posted behind the lanes' start: no stream precedes it */
}

fl_status fl_stream_server_new(const fl_stream_config *config, struct sockaddr_storage *bound,
                               fl_stream_server **out, fl_err *err)
{
    fl_stream_server *server = new_server(config);
    if (server == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a stream server");
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

const fl_stream_stats *fl_stream_server_stats(const fl_stream_server *server)
{
    return &server->stats;
}

static void remove_socket_file(const fl_stream_server *server)
{
    struct stat found;
    if (server->config.addr.ss_family == AF_UNIX && stat(socket_path(server), &found) == 0 &&
        found.st_ino == server->socket_file.st_ino && found.st_dev == server->socket_file.st_dev) {
        (void)unlink(socket_path(server));
    }
}

void fl_stream_server_stop_and_free(fl_stream_server *server)
{
    net_acceptor_stop(&server->acceptor);
    net_latch_wait(&server->stopped);
    net_latch_fini(&server->stopped);
    remove_socket_file(server);
    free_server(server);
}
