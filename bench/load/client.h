/*
 * What the load programs share: clocks, and one side of HTTP/1.1 on a blocking keep-alive socket to
 * loopback. It trusts the receiver's framing, costs next to nothing, and is for measuring only.
 */
#ifndef BENCH_LOAD_CLIENT_H
#define BENCH_LOAD_CLIENT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Monotonic, and of this process; seconds. */
double now(void);
double cpu_self(void);
void nap(double s);
/* Ends the program with errno's words. */
void die(const char *what);

/* Ascending; the q-th hundredth of n sorted values, 0 without any. */
void sort_doubles(double *values, size_t n);
double percentile(const double *sorted, size_t n, unsigned q);

struct sockaddr_in loopback(int port);
/* A connected socket without Nagle's delay that gives up after 60 s; -1 if nobody listens. */
int dial(int port);
/* Consumes v. */
bool send_all(int fd, struct iovec *v, int n);

/* A buffered reader over one connection. */
typedef struct {
    int fd;
    size_t at, n;
    char b[16384];
} In;

int in_byte(In *in);                         /* -1 at the end */
int in_line(In *in, char *line, size_t cap); /* without its end, cut to cap; -1 at the end */
bool in_read(In *in, char *to, uint64_t n);  /* NULL: skips them */

/* Grows as needed, is used again. */
typedef struct {
    char *p;
    size_t n, cap;
} Body;

/* Reads one response; body may be NULL: it is skipped. The status, or -1; *keep tells if the
 * connection lives on. */
int read_response(In *in, Body *body, bool *keep);

#endif
