/*
 * net, private: what the HTTP, UDP and stream servers share. Listening sockets, the acceptor that
 * deals connections out, and the latch on which a stopping thread waits.
 */
#ifndef FL_NET_INT_H
#define FL_NET_INT_H

#include "net/net.h"

#define NET_CONTAINER_OF(pointer, type, member)                                                    \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* What one read takes at most; each loop's part of a server has one such buffer for all its
 * connections. */
#define NET_READ_BYTES ((size_t)64 * 1024)

/* Nanoseconds to libuv's milliseconds: rounded up, at least 1, so that no timer spins. */
uint64_t net_ms_of_ns(int64_t ns);

/* Length of the address for bind and connect. */
socklen_t net_addr_len(const struct sockaddr_storage *addr);

/* ---- Latch: one thread waits until count others have said that they are done. */

typedef struct net_latch {
    uv_sem_t sem;
    atomic_size_t left;
} net_latch;
FL_MUST fl_status net_latch_init(net_latch *latch, size_t count, fl_err *err);
void net_latch_done(net_latch *latch); /* any thread; the latch may be gone when it returns */
void net_latch_wait(net_latch *latch);
void net_latch_fini(net_latch *latch);

/* ---- Listening */

/* A non-blocking listening socket; *bound gets its address. Replaces a unix socket's file when
 * nobody listens on it. FL_E_CONFIG, with a remedy, when the address cannot be had. */
FL_MUST fl_status net_listen(const struct sockaddr_storage *addr, int *fd,
                             struct sockaddr_storage *bound, fl_err *err);
/* A bound, non-blocking datagram socket. Errors as net_listen. */
FL_MUST fl_status net_bind_udp(const struct sockaddr_storage *addr, int *fd,
                               struct sockaddr_storage *bound, fl_err *err);

/* Accepts on one loop. When descriptors run out it says so and pauses instead of spinning. */
typedef struct net_acceptor {
    /* set by the owner before net_acceptor_start */
    fl_loop *loop;
    int fd; /* owned from the start on */
    fl_log *log;
    bool takes_the_waiting; /* at the stop: accept what already waits in the backlog */
    void *user;
    void (*on_accept)(void *user, int fd); /* takes the non-blocking descriptor */
    void (*on_closed)(void *user);         /* the last thing that happens */
    /* private */
    uv_poll_t poll;
    uv_timer_t backoff;
    bool polls;
    size_t handles;
    fl_task start, stop;
} net_acceptor;
/* Both from any thread; start before stop; the callbacks come on the loop's thread. */
void net_acceptor_start(net_acceptor *acceptor);
void net_acceptor_stop(net_acceptor *acceptor);

#endif
