/* Listening sockets and the acceptor. */
#include "net/net_int.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG           1024
#define ACCEPTS_A_WAKE_UP 64
#define BACKOFF_MS        100
#define ADDR_TEXT_MAX     128

/* ---- Binding */

static const char *remedy_of(int error)
{
    switch (error) {
    case EADDRINUSE:
        return "another program listens there; stop it or choose another port (0 picks a free one)";
    case EADDRNOTAVAIL:
        return "it is not an address of this machine";
    case EACCES:
    case EPERM:
        return "not permitted; ports below 1024 need a privilege, a socket file a writable folder";
    case ENOENT:
        return "its folder does not exist";
    case EAFNOSUPPORT:
        return "this machine does not speak that address family";
    default:
        return strerror(error);
    }
}

static fl_status cannot_listen(const struct sockaddr_storage *addr, int error, fl_err *err)
{
    FL_AUTO(fl_buf) text = {0};
    fl_buf_init(&text, ADDR_TEXT_MAX);
    fl_addr_emit(addr, &text);
    FL_FAIL(err, FL_E_CONFIG, "cannot listen on %.*s: %s", FL_P(fl_buf_str(&text)),
            remedy_of(error));
}

/* Binds and, for a stream, listens; 0 or the errno. */
static int bind_and_listen(int fd, const struct sockaddr_storage *addr, bool listens,
                           struct sockaddr_storage *bound)
{
    struct sockaddr_storage name = {0};
    socklen_t name_len = sizeof name;
    if (bind(fd, (const struct sockaddr *)addr, net_addr_len(addr)) != 0 ||
        (listens && listen(fd, BACKLOG) != 0) ||
        getsockname(fd, (struct sockaddr *)&name, &name_len) != 0) {
        return errno;
    }
    *bound = name;
    return 0;
}

/* Does somebody accept on this unix socket? */
static bool is_served(const struct sockaddr_storage *addr)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool refused = fd >= 0 && connect(fd, (const struct sockaddr *)addr, net_addr_len(addr)) != 0 &&
                   errno == ECONNREFUSED;
    if (fd >= 0) {
        (void)close(fd);
    }
    return !refused;
}

/* Removes the socket file that a dead server left; touches nothing else. */
static fl_status clear_stale(const struct sockaddr_storage *addr, fl_err *err)
{
    const char *path = ((const struct sockaddr_un *)addr)->sun_path;
    struct stat found;
    if (lstat(path, &found) != 0) {
        return errno == ENOENT ? FL_OK : cannot_listen(addr, errno, err);
    }
    if (!S_ISSOCK(found.st_mode)) {
        FL_FAIL(err, FL_E_CONFIG, "cannot listen on %s: a file that is no socket is there", path);
    }
    if (is_served(addr)) {
        return cannot_listen(addr, EADDRINUSE, err);
    }
    return unlink(path) == 0 ? FL_OK : cannot_listen(addr, errno, err);
}

static fl_status prepare(int fd, const struct sockaddr_storage *addr, fl_err *err)
{
    if (addr->ss_family == AF_UNIX) {
        (void)fchmod(fd,
                     0660); /* before bind: the file is never open to others, not for a moment */
        return clear_stale(addr, err);
    }
    const int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) !=
            0) { /* accepted ones inherit it */
        return cannot_listen(addr, errno, err);
    }
    return FL_OK;
}

fl_status net_listen(const struct sockaddr_storage *addr, int *fd, struct sockaddr_storage *bound,
                     fl_err *err)
{
    int made = socket(addr->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0) {
        return cannot_listen(addr, errno, err);
    }
    fl_status status = prepare(made, addr, err);
    if (status == FL_OK) {
        int error = bind_and_listen(made, addr, true, bound);
        if (error != 0) {
            status = cannot_listen(addr, error, err);
        }
    }
    if (status != FL_OK) {
        (void)close(made);
        return status;
    }
    if (addr->ss_family == AF_UNIX) {
        (void)chmod(((const struct sockaddr_un *)addr)->sun_path,
                    0660); /* the umask may have cut it */
    }
    *fd = made;
    return FL_OK;
}

fl_status net_bind_udp(const struct sockaddr_storage *addr, int *fd, struct sockaddr_storage *bound,
                       fl_err *err)
{
    int made = socket(addr->ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0) {
        return cannot_listen(addr, errno, err);
    }
    int error = bind_and_listen(made, addr, false, bound);
    if (error != 0) {
        (void)close(made);
        return cannot_listen(addr, error, err);
    }
    *fd = made;
    return FL_OK;
}

/* ---- Acceptor */

static void on_readable(uv_poll_t *poll, int status, int events);

static void on_backoff_over(uv_timer_t *backoff)
{
    net_acceptor *acceptor = backoff->data;
    (void)uv_poll_start(&acceptor->poll, UV_READABLE, on_readable);
}

/* Descriptors or memory are short: the backlog waits, the loop does not spin on it. */
static void back_off(net_acceptor *acceptor, int error)
{
    FL_LOG(acceptor->log, FL_LOG_WARN, "cannot accept connections for now",
           fl_kv_text("error", strerror(error)), fl_kv_i64("pause_ms", BACKOFF_MS));
    (void)uv_poll_stop(&acceptor->poll);
    (void)uv_timer_start(&acceptor->backoff, on_backoff_over, BACKOFF_MS, 0);
}

/* Errors that concern one connection only, which is gone by now. */
static bool is_passing(int error)
{
    return error == EINTR || error == ECONNABORTED || error == EPROTO || error == ENETDOWN ||
           error == EHOSTUNREACH || error == ENETUNREACH || error == EHOSTDOWN;
}

/* Accepts what waits, at most limit; returns 0 or an errno that asks for a pause. */
static int accept_waiting(net_acceptor *acceptor, size_t limit)
{
    for (size_t i = 0; i < limit; i++) {
        int fd = accept4(acceptor->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            acceptor->on_accept(acceptor->user, fd);
        } else if (errno == EAGAIN) {
            return 0;
        } else if (!is_passing(errno)) {
            return errno;
        }
    }
    return 0;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status; /* an error shows in accept4, with its reason */
    (void)events;
    net_acceptor *acceptor = poll->data;
    int error = accept_waiting(acceptor, ACCEPTS_A_WAKE_UP);
    if (error != 0) {
        back_off(acceptor, error);
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    net_acceptor *acceptor = handle->data;
    acceptor->handles--;
    if (acceptor->handles == 0) {
        (void)close(acceptor->fd);
        acceptor->on_closed(acceptor->user);
    }
}

static void on_start(fl_task *task)
{
    net_acceptor *acceptor = NET_CONTAINER_OF(task, net_acceptor, start);
    uv_loop_t *uv = fl_loop_uv(acceptor->loop);
    (void)uv_timer_init(uv, &acceptor->backoff);
    acceptor->backoff.data = acceptor;
    acceptor->handles = 1;
    int failed = uv_poll_init(uv, &acceptor->poll, acceptor->fd);
    if (failed != 0) {
        FL_LOG(acceptor->log, FL_LOG_ERROR, "cannot watch a listening socket",
               fl_kv_text("error", uv_strerror(failed)));
        return;
    }
    acceptor->poll.data = acceptor;
    acceptor->polls = true;
    acceptor->handles = 2;
    (void)uv_poll_start(&acceptor->poll, UV_READABLE, on_readable);
}

static void on_stop(fl_task *task)
{
    net_acceptor *acceptor = NET_CONTAINER_OF(task, net_acceptor, stop);
    if (acceptor->takes_the_waiting) {
        (void)accept_waiting(acceptor, BACKLOG);
    }
    uv_close((uv_handle_t *)&acceptor->backoff, on_handle_closed);
    if (acceptor->polls) {
        uv_close((uv_handle_t *)&acceptor->poll, on_handle_closed);
    }
}

void net_acceptor_start(net_acceptor *acceptor)
{
    acceptor->start.run = on_start;
    fl_loop_post(acceptor->loop, &acceptor->start);
}

void net_acceptor_stop(net_acceptor *acceptor)
{
    acceptor->stop.run = on_stop;
    fl_loop_post(acceptor->loop, &acceptor->stop);
}
