#define _GNU_SOURCE
#include "client.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double cpu_self(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

void nap(double s)
{
    struct timespec t = {(time_t)s, (long)((s - (double)(time_t)s) * 1e9)};
    nanosleep(&t, NULL);
}

void die(const char *what)
{
    perror(what);
    exit(1);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

void sort_doubles(double *values, size_t n)
{
    qsort(values, n, sizeof *values, compare_doubles);
}

double percentile(const double *sorted, size_t n, unsigned q)
{
    return n ? sorted[n * q / 100] : 0;
}

/* ---- Sockets */

struct sockaddr_in loopback(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

int dial(int port)
{
    struct sockaddr_in a = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct timeval tv = {60, 0};
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a)) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
    return fd;
}

bool send_all(int fd, struct iovec *v, int n)
{
    while (n) {
        ssize_t k = writev(fd, v, n);
        if (k < 0) {
            if (errno == EINTR)
                continue;
            return false;
        }
        while (n && (size_t)k >= v->iov_len) {
            k -= (ssize_t)v->iov_len;
            v++;
            n--;
        }
        if (n) {
            v->iov_base = (char *)v->iov_base + k;
            v->iov_len -= (size_t)k;
        }
    }
    return true;
}

/* ---- Reading */

static bool in_fill(In *in)
{
    ssize_t k;
    do
        k = read(in->fd, in->b, sizeof in->b);
    while (k < 0 && errno == EINTR);
    in->at = 0;
    in->n = k > 0 ? (size_t)k : 0;
    return k > 0;
}

int in_byte(In *in)
{
    if (in->at == in->n && !in_fill(in))
        return -1;
    return (unsigned char)in->b[in->at++];
}

int in_line(In *in, char *line, size_t cap)
{
    size_t n = 0;
    for (;;) {
        int c = in_byte(in);
        if (c < 0)
            return -1;
        if (c == '\n')
            break;
        if (c != '\r' && n + 1 < cap)
            line[n++] = (char)c;
    }
    line[n] = 0;
    return (int)n;
}

bool in_read(In *in, char *to, uint64_t n)
{
    while (n) {
        if (in->at == in->n && !in_fill(in))
            return false;
        size_t k = in->n - in->at < n ? in->n - in->at : (size_t)n;
        if (to) {
            memcpy(to, in->b + in->at, k);
            to += k;
        }
        in->at += k;
        n -= k;
    }
    return true;
}

/* ---- Responses */

typedef struct {
    int status;
    uint64_t length;
    bool chunked, has_length, keep;
} Head;

static bool read_head(In *in, Head *h)
{
    char line[1024];
    *h = (Head){.keep = true};
    if (in_line(in, line, sizeof line) < 0 || sscanf(line, "HTTP/1.%*d %d", &h->status) != 1)
        return false;
    for (;;) {
        int k = in_line(in, line, sizeof line);
        if (k <= 0)
            return k == 0;
        if (!strncasecmp(line, "content-length:", 15)) {
            h->length = strtoull(line + 15, NULL, 10);
            h->has_length = true;
        } else if (!strncasecmp(line, "transfer-encoding:", 18) && strcasestr(line, "chunked"))
            h->chunked = true;
        else if (!strncasecmp(line, "connection:", 11) && strcasestr(line, "close"))
            h->keep = false;
    }
}

static bool read_piece(In *in, Body *body, uint64_t n)
{
    if (!body)
        return in_read(in, NULL, n);
    if (n > SIZE_MAX / 2 - body->n)
        return false;
    if (body->n + n > body->cap) {
        body->cap = (body->n + (size_t)n) * 2;
        if (!(body->p = realloc(body->p, body->cap)))
            die("realloc");
    }
    bool whole = in_read(in, body->p + body->n, n);
    body->n += whole ? (size_t)n : 0;
    return whole;
}

static bool read_chunks(In *in, Body *body)
{
    char line[1024];
    uint64_t n;
    do {
        if (in_line(in, line, sizeof line) < 0)
            return false;
        n = strtoull(line, NULL, 16);
        if (n && (!read_piece(in, body, n) || !in_read(in, NULL, 2)))
            return false;
    } while (n);
    int k; /* trailers */
    while ((k = in_line(in, line, sizeof line)) > 0)
        ;
    return k == 0;
}

int read_response(In *in, Body *body, bool *keep)
{
    Head h;
    if (body)
        body->n = 0;
    do {
        if (!read_head(in, &h))
            return -1;
    } while (h.status / 100 == 1);
    bool bare = h.status == 204 || h.status == 304;
    if (h.chunked ? !read_chunks(in, body) : !read_piece(in, body, h.length))
        return -1;
    *keep = h.keep && (h.chunked || h.has_length || bare);
    return h.status;
}
