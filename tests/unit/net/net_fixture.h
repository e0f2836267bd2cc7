/*
 * For the tests of net: blocking client sockets with a time limit, running loops, and waiting for
 * something that another thread does.
 */
#ifndef FL_TESTS_NET_FIXTURE_H
#define FL_TESTS_NET_FIXTURE_H

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/net.h"
#include "support/test.h"

#define NET_WAIT_MS 10000

static inline struct sockaddr_storage loopback(void)
{
    struct sockaddr_storage addr;
    fl_err err;
    assert_ok(fl_addr_parse(FL_S("127.0.0.1:0"), &addr, &err), &err);
    return addr;
}

static inline fl_loop *running_loop(void)
{
    fl_loop *loop;
    fl_err err;
    assert_ok(fl_loop_new(NULL, &loop, &err), &err);
    assert_ok(fl_loop_start(loop, &err), &err);
    return loop;
}

/* Polls until condition holds; fails the test after NET_WAIT_MS. */
#define wait_until(condition)                                                                      \
    do {                                                                                           \
        int waited_ms = 0;                                                                         \
        while (!(condition) && waited_ms < NET_WAIT_MS) {                                          \
            usleep(1000);                                                                          \
            waited_ms++;                                                                           \
        }                                                                                          \
        assert_true(condition);                                                                    \
    } while (0)

static inline void limit_time(int fd)
{
    const struct timeval limit = {.tv_sec = NET_WAIT_MS / 1000};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), 0);
}

static inline socklen_t addr_len(const struct sockaddr_storage *addr)
{
    return addr->ss_family == AF_UNIX ? sizeof(struct sockaddr_un) : sizeof(struct sockaddr_in);
}

static inline int client_of(const struct sockaddr_storage *addr, int type)
{
    int fd = socket(addr->ss_family, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    limit_time(fd);
    assert_int_equal(connect(fd, (const struct sockaddr *)addr, addr_len(addr)), 0);
    return fd;
}

static inline void send_bytes(int fd, fl_str bytes)
{
    while (bytes.n > 0) {
        ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        assert_true(n > 0);
        bytes = (fl_str){bytes.p + n, bytes.n - (size_t)n};
    }
}

static inline void send_text(int fd, const char *text)
{
    send_bytes(fd, fl_str_of(text));
}

#endif
