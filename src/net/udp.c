/*
 * UDP. One datagram a receive call: libuv's recvmmsg mode was measured and is slower here, since
 * the kernel's copy dominates. The end of a batch is told by a check handle, which runs after all
 * input of a wake-up: libuv itself signals it only when the socket was emptied, not when it stopped
 * at 32.
 */
#include "net/net_int.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LAST_DATAGRAMS_MAX 1000000 /* at the stop, should senders never pause */

struct fl_udp {
    fl_udp_config config;
    fl_udp_stats stats;
    int fd;
    uv_udp_t uv;
    uv_check_t batch_end;
    size_t handles;
    bool batch_begun;
    char *buffer;
    fl_task start, stop;
    net_latch stopped;
};

/* clang-format off */
#define ROW(name, help, kind, field) \
    {"fluoro_udp_" name, "", help, kind, offsetof(fl_udp_stats, field)}
const fl_metric fl_udp_metrics[] = {
    ROW("datagrams_total", "UDP datagrams received", FL_METRIC_COUNTER, datagrams),
    ROW("received_bytes_total", "bytes of UDP datagrams received", FL_METRIC_COUNTER, bytes),
    ROW("truncated_total", "UDP datagrams longer than the receive buffer", FL_METRIC_COUNTER, truncated),
    ROW("kernel_drops_total", "UDP datagrams lost in the kernel's socket buffer", FL_METRIC_COUNTER,
        kernel_drops),
    ROW("receive_buffer_bytes", "size of the kernel's UDP socket buffer", FL_METRIC_GAUGE, buffer_bytes),
};
/* clang-format on */
const size_t fl_udp_metrics_count = sizeof fl_udp_metrics / sizeof fl_udp_metrics[0];

/* ---- Receiving */

static void deliver(fl_udp *udp, const char *bytes, size_t n, bool truncated)
{
    fl_counter_add(&udp->stats.datagrams, 1);
    fl_counter_add(&udp->stats.bytes, n);
    if (truncated) {
        fl_counter_add(&udp->stats.truncated, 1);
    }
    udp->batch_begun = true;
    udp->config.on_datagram(udp->config.user, (fl_str){bytes, n}, truncated);
}

static void end_batch(fl_udp *udp)
{
    if (udp->batch_begun) {
        udp->batch_begun = false;
        udp->config.on_batch_end(udp->config.user);
    }
}

static void on_batch_end(uv_check_t *check)
{
    end_batch(check->data);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    fl_udp *udp = handle->data;
    *buf = (uv_buf_t){udp->buffer, udp->config.max_datagram_bytes};
}

static void on_receive(uv_udp_t *handle, ssize_t n, const uv_buf_t *buf,
                       const struct sockaddr *from, unsigned flags)
{
    fl_udp *udp = handle->data;
    if (n < 0) {
        FL_LOG(udp->config.log, FL_LOG_WARN, "cannot receive datagrams",
               fl_kv_text("error", uv_strerror((int)n)));
    } else if (from != NULL) { /* without: nothing more waits */
        deliver(udp, buf->base, (size_t)n, (flags & UV_UDP_PARTIAL) != 0);
    }
}

/* Takes in what waits in the socket, so that nothing that reached this machine in time is lost. */
static void receive_waiting(fl_udp *udp)
{
    for (size_t i = 0; i < LAST_DATAGRAMS_MAX; i++) {
        struct iovec part = {udp->buffer, udp->config.max_datagram_bytes};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
        ssize_t n = recvmsg(udp->fd, &message, MSG_DONTWAIT);
        if (n < 0 && errno != EINTR) {
            break;
        }
        if (n >= 0) {
            deliver(udp, udp->buffer, (size_t)n, (message.msg_flags & MSG_TRUNC) != 0);
        }
    }
    end_batch(udp);
}

/* ---- Life on the loop */

static void on_start(fl_task *task)
{
    fl_udp *udp = NET_CONTAINER_OF(task, fl_udp, start);
    uv_loop_t *uv = fl_loop_uv(udp->config.loop);
    (void)uv_check_init(uv, &udp->batch_end);
    (void)uv_udp_init(uv, &udp->uv);
    udp->batch_end.data = udp;
    udp->uv.data = udp;
    udp->handles = 2;
    (void)uv_check_start(&udp->batch_end, on_batch_end);
    int failed = uv_udp_open(&udp->uv, udp->fd);
    if (failed == 0) {
        failed = uv_udp_recv_start(&udp->uv, on_alloc, on_receive);
    }
    if (failed != 0) {
        FL_LOG(udp->config.log, FL_LOG_ERROR, "cannot receive datagrams",
               fl_kv_text("error", uv_strerror(failed)));
    }
}

static void on_closed(uv_handle_t *handle)
{
    fl_udp *udp = handle->data;
    udp->handles--;
    if (udp->handles == 0) {
        net_latch_done(&udp->stopped);
    }
}

static void on_stop(fl_task *task)
{
    fl_udp *udp = NET_CONTAINER_OF(task, fl_udp, stop);
    receive_waiting(udp);
    uv_close((uv_handle_t *)&udp->uv, on_closed);
    uv_close((uv_handle_t *)&udp->batch_end, on_closed);
}

/* ---- Making and freeing */

/* Asks the kernel for the receive buffer and says so when it gives less. */
static void size_receive_buffer(fl_udp *udp)
{
    const fl_udp_config *config = &udp->config;
    int wanted =
        config->receive_buffer_bytes < INT32_MAX ? (int)config->receive_buffer_bytes : INT32_MAX;
    if (setsockopt(udp->fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof wanted) != 0) {
        (void)setsockopt(udp->fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof wanted);
    }
    int doubled =
        0; /* the kernel reports twice what it grants: the half is for its own bookkeeping */
    socklen_t len = sizeof doubled;
    (void)getsockopt(udp->fd, SOL_SOCKET, SO_RCVBUF, &doubled, &len);
    int granted = doubled / 2;
    fl_counter_set(&udp->stats.buffer_bytes, (uint64_t)granted);
    if (granted < wanted) {
        FL_LOG(config->log, FL_LOG_WARN, "the kernel grants a small UDP receive buffer",
               fl_kv_i64("asked_bytes", wanted), fl_kv_i64("granted_bytes", granted),
               fl_kv_text("remedy", "raise sysctl net.core.rmem_max to asked_bytes"));
    }
}

/* Without socket and latch; NULL without memory. */
static fl_udp *new_udp(const fl_udp_config *config)
{
    fl_udp *udp = calloc(1, sizeof *udp);
    char *buffer = malloc(config->max_datagram_bytes);
    if (udp == NULL || buffer == NULL) {
        free(udp);
        free(buffer);
        return NULL;
    }
    udp->config = *config;
    udp->buffer = buffer;
    udp->start.run = on_start;
    udp->stop.run = on_stop;
    return udp;
}

static void free_udp(fl_udp *udp)
{
    free(udp->buffer);
    free(udp);
}

fl_status fl_udp_new(const fl_udp_config *config, struct sockaddr_storage *bound, fl_udp **out,
                     fl_err *err)
{
    fl_udp *udp = new_udp(config);
    if (udp == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a UDP socket");
    }
    fl_status status = net_latch_init(&udp->stopped, 1, err);
    if (status != FL_OK) {
        free_udp(udp);
        return status;
    }
    status = net_bind_udp(&config->addr, &udp->fd, bound, err);
    if (status != FL_OK) {
        net_latch_fini(&udp->stopped);
        free_udp(udp);
        return status;
    }
    size_receive_buffer(udp);
    fl_loop_post(config->loop, &udp->start);
    *out = udp;
    return FL_OK;
}

const fl_udp_stats *fl_udp_stats_get(fl_udp *udp)
{
    uint32_t numbers[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof numbers;
    if (getsockopt(udp->fd, SOL_SOCKET, SO_MEMINFO, numbers, &len) == 0) {
        fl_counter_set(&udp->stats.kernel_drops, numbers[SK_MEMINFO_DROPS]);
    }
    return &udp->stats;
}

void fl_udp_stop_and_free(fl_udp *udp)
{
    fl_loop_post(udp->config.loop, &udp->stop);
    net_latch_wait(&udp->stopped);
    net_latch_fini(&udp->stopped);
    free_udp(udp);
}
