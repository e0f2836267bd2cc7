/*
 * replay - sends a record file made by xgen (see its head for the framing) as fast as the
 * receiver takes it, or at a set rate. Loopback only; bounded in count and time.
 *
 *   replay http --file F --port P --path /v1/traces [--type application/x-protobuf]
 *               [--header "Name: value"]... [--conns 4] [--rate SPANS_PER_S] [--limit RECORDS]
 *               [--max-sec 240]
 *   replay udp  --file F --port P [--rate DATAGRAMS_PER_S] [--limit RECORDS] [--max-sec 240]
 *   replay sink --port P [--max-sec 600]          a receiver that answers 200 {} to any request and
 *                                                 counts requests, bytes and `trace_id`s in bodies
 *   replay usink --port P [--max-sec 600]         a receiver that counts datagrams
 *
 * Each connection is a thread on a blocking keep-alive socket that takes the next record from
 * a shared counter. 429 and 503 are retried after 20 ms (counted); any other status is final.
 * The result is one JSON line on stdout: what was sent, what was accepted, time, sender CPU.
 */
#define _GNU_SOURCE
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    const uint8_t *p;
    uint32_t len, spans;
} Rec;

static Rec *recs;
static size_t nrecs;
static atomic_size_t next_rec;
static double deadline, started,
    rate;                      /* rate: spans (http) or datagrams (udp) a second, 0 = free */
static uint64_t *spans_before; /* running total, for pacing */

static struct {
    atomic_uint_least64_t ok, spans_ok, bytes_ok, retries, failed, spans_failed, reconnects;
    atomic_int last_bad_status;
} tally;

static const char *arg_file, *arg_path = "/", *arg_type = "application/x-protobuf";
static char arg_headers[2048];
static int arg_port, arg_conns = 4;
static size_t arg_limit = SIZE_MAX;
static double arg_max = 240;
static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
    (void)sig;
    stop = 1;
}

static void load(void)
{
    int fd = open(arg_file, O_RDONLY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st))
        die(arg_file);
    size_t size = (size_t)st.st_size, cap = 0, at = 8;
    const uint8_t *m = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (m == MAP_FAILED || size < 8 || memcmp(m, "FLREC001", 8)) {
        fprintf(stderr, "%s: not a record file\n", arg_file);
        exit(1);
    }
    close(fd);
    while (at + 8 <= size && nrecs < arg_limit) {
        uint32_t h[2];
        memcpy(h, m + at, 8);
        at += 8;
        if (h[0] > size - at) {
            fprintf(stderr, "%s: cut short\n", arg_file);
            exit(1);
        }
        if (nrecs == cap && !(recs = realloc(recs, sizeof *recs * (cap = cap ? cap * 2 : 4096))))
            die("realloc");
        recs[nrecs++] = (Rec){m + at, h[0], h[1]};
        at += h[0];
    }
    spans_before = malloc(sizeof *spans_before * (nrecs + 1));
    spans_before[0] = 0;
    for (size_t i = 0; i < nrecs; i++)
        spans_before[i + 1] = spans_before[i] + recs[i].spans;
}

static void pace(uint64_t before)
{
    if (rate > 0) {
        double due = started + (double)before / rate, t = now();
        if (due > t)
            nap(due - t);
    }
}

typedef struct {
    double *lat;
    size_t n;
} Lat;

static void *http_thread(void *arg)
{
    Lat *lat = arg;
    In in = {.fd = -1};
    char head[4096];
    size_t i;
    while (!stop && (i = atomic_fetch_add(&next_rec, 1)) < nrecs && now() < deadline) {
        const Rec *r = &recs[i];
        pace(spans_before[i]);
        int h = snprintf(head, sizeof head,
                         "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: "
                         "%s\r\n%sContent-Length: %u\r\n\r\n",
                         arg_path, arg_port, arg_type, arg_headers, r->len);
        int status = -1;
        for (int tries = 0; tries < 2000 && !stop && now() < deadline; tries++) {
            if (in.fd < 0) {
                in.fd = dial(arg_port);
                in.at = in.n = 0;
                if (in.fd < 0) {
                    nap(0.05);
                    continue;
                }
                atomic_fetch_add(&tally.reconnects, 1);
            }
            struct iovec v[2] = {{head, (size_t)h}, {(void *)(uintptr_t)r->p, r->len}};
            bool keep = false;
            double t0 = now();
            status = send_all(in.fd, v, 2) ? read_response(&in, NULL, &keep) : -1;
            if (status >= 0)
                lat->lat[lat->n++ % (nrecs + 1)] = now() - t0;
            if (status < 0 || !keep) {
                close(in.fd);
                in.fd = -1;
            }
            if (status < 0 && tries < 3)
                continue;
            if (status != 429 && status != 503)
                break;
            atomic_fetch_add(&tally.retries, 1);
            nap(0.02);
        }
        if (status / 100 == 2) {
            atomic_fetch_add(&tally.ok, 1);
            atomic_fetch_add(&tally.spans_ok, r->spans);
            atomic_fetch_add(&tally.bytes_ok, r->len);
        } else {
            atomic_fetch_add(&tally.failed, 1);
            atomic_fetch_add(&tally.spans_failed, r->spans);
            atomic_store(&tally.last_bad_status, status);
        }
    }
    if (in.fd >= 0)
        close(in.fd);
    return NULL;
}

static int run_http(void)
{
    pthread_t th[256];
    Lat lat[256] = {0};
    double cpu0 = cpu_self();
    for (int i = 0; i < arg_conns; i++) {
        lat[i].lat = malloc(sizeof(double) * (nrecs + 1));
        if (pthread_create(&th[i], NULL, http_thread, &lat[i]))
            die("pthread_create");
    }
    for (int i = 0; i < arg_conns; i++)
        pthread_join(th[i], NULL);
    double wall = now() - started;
    size_t n = 0, all = 0;
    for (int i = 0; i < arg_conns; i++)
        all += lat[i].n < nrecs + 1 ? lat[i].n : nrecs + 1;
    double *l = malloc(sizeof *l * (all + 1));
    for (int i = 0; i < arg_conns; i++)
        for (size_t k = 0; k < lat[i].n && k < nrecs + 1; k++)
            l[n++] = lat[i].lat[k];
    sort_doubles(l, n);
    printf(
        "{\"requests_ok\":%" PRIuLEAST64 ",\"spans_ok\":%" PRIuLEAST64 ",\"bytes_ok\":%" PRIuLEAST64
        ",\"failed\":%" PRIuLEAST64 ",\"spans_failed\":%" PRIuLEAST64
        ",\"last_bad_status\":%d,\"retries\":%" PRIuLEAST64 ",\"connects\":%" PRIuLEAST64
        ",\"wall_s\":%.3f,\"sender_cpu_s\":%.3f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}\n",
        atomic_load(&tally.ok), atomic_load(&tally.spans_ok), atomic_load(&tally.bytes_ok),
        atomic_load(&tally.failed), atomic_load(&tally.spans_failed),
        atomic_load(&tally.last_bad_status), atomic_load(&tally.retries),
        atomic_load(&tally.reconnects), wall, cpu_self() - cpu0, percentile(l, n, 50) * 1e3,
        percentile(l, n, 99) * 1e3, n ? l[n - 1] * 1e3 : 0);
    return atomic_load(&tally.spans_failed) != 0;
}

static int run_udp(void)
{
    enum { BURST = 32 };
    struct sockaddr_in a = loopback(arg_port);
    int fd = socket(AF_INET, SOCK_DGRAM, 0), big = 4 << 20;
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a))
        die("udp");
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
    double cpu0 = cpu_self();
    uint64_t refused = 0, sent = 0, spans = 0, bytes = 0;
    size_t i = 0;
    while (i < nrecs && !stop && now() < deadline) {
        struct mmsghdr m[BURST];
        struct iovec v[BURST];
        unsigned n = 0;
        pace(i);
        for (; n < BURST && i + n < nrecs; n++) {
            v[n] = (struct iovec){(void *)(uintptr_t)recs[i + n].p, recs[i + n].len};
            m[n] = (struct mmsghdr){.msg_hdr = {.msg_iov = &v[n], .msg_iovlen = 1}};
        }
        int k = sendmmsg(fd, m, n, 0);
        if (k <= 0) {
            if (errno == ECONNREFUSED) {
                refused++;
                if (refused > 1000)
                    break;
                continue;
            }
            if (errno == EINTR || errno == ENOBUFS || errno == EAGAIN) {
                nap(0.0002);
                continue;
            }
            die("sendmmsg");
        }
        for (int j = 0; j < k; j++) {
            sent++;
            spans += recs[i].spans;
            bytes += recs[i].len;
            i++;
        }
    }
    printf("{\"datagrams\":%" PRIu64 ",\"spans\":%" PRIu64 ",\"bytes\":%" PRIu64
           ",\"refused\":%" PRIu64 ",\"wall_s\":%.3f,\"sender_cpu_s\":%.3f}\n",
           sent, spans, bytes, refused, now() - started, cpu_self() - cpu0);
    return refused != 0;
}

/* ---- receivers, to find the ceiling of the sender and of loopback itself */

static atomic_uint_least64_t sink_reqs, sink_bytes, sink_docs;

static void *sink_conn(void *arg)
{
    static const char reply[] =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    In in = {.fd = (int)(intptr_t)arg};
    char line[4096], *body = NULL;
    uint64_t cap = 0;
    for (;;) {
        uint64_t len = 0, docs = 0;
        int k, first = 1;
        while ((k = in_line(&in, line, sizeof line)) > 0 || first) {
            if (k < 0)
                goto out;
            first = 0;
            if (!strncasecmp(line, "content-length:", 15))
                len = strtoull(line + 15, NULL, 10);
        }
        if (len > 64u << 20)
            break;
        if (len > cap) {
            char *bigger = realloc(body, len);
            if (!bigger)
                break;
            body = bigger;
            cap = len;
        }
        if (k < 0 || !in_read(&in, body, len))
            break;
        for (const char *p = body; len && (p = memmem(p, len - (size_t)(p - body), "trace_id", 8));
             p += 8)
            docs++;
        atomic_fetch_add(&sink_docs, docs);
        atomic_fetch_add(&sink_reqs, 1);
        atomic_fetch_add(&sink_bytes, len);
        if (write(in.fd, reply, sizeof reply - 1) < 0)
            break;
    }
out:
    free(body);
    close(in.fd);
    return NULL;
}

static int run_sink(void)
{
    struct sockaddr_in a = loopback(arg_port);
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct timeval tv = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 128))
        die("sink");
    while (!stop && now() < deadline) {
        int c = accept(fd, NULL, NULL);
        pthread_t th;
        if (c < 0)
            continue;
        setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (!pthread_create(&th, NULL, sink_conn, (void *)(intptr_t)c))
            pthread_detach(th);
    }
    printf("{\"requests\":%" PRIuLEAST64 ",\"bytes\":%" PRIuLEAST64 ",\"docs\":%" PRIuLEAST64
           ",\"cpu_s\":%.3f}\n",
           atomic_load(&sink_reqs), atomic_load(&sink_bytes), atomic_load(&sink_docs), cpu_self());
    return 0;
}

static int run_usink(void)
{
    enum { BURST = 64, SIZE = 65536 };
    struct sockaddr_in a = loopback(arg_port);
    int fd = socket(AF_INET, SOCK_DGRAM, 0), big = 32 << 20;
    struct timeval tv = {0, 200000};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big))
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a))
        die("usink");
    char *mem = malloc((size_t)BURST * SIZE);
    uint64_t n = 0, bytes = 0;
    double t_first = 0, t_last = 0;
    while (!stop && now() < deadline) {
        struct mmsghdr m[BURST];
        struct iovec v[BURST];
        for (int i = 0; i < BURST; i++) {
            v[i] = (struct iovec){mem + (size_t)i * SIZE, SIZE};
            m[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &v[i], .msg_iovlen = 1}};
        }
        int k = recvmmsg(fd, m, BURST, MSG_WAITFORONE, NULL);
        if (k <= 0)
            continue;
        t_last = now();
        if (!n)
            t_first = t_last;
        n += (uint64_t)k;
        for (int i = 0; i < k; i++)
            bytes += m[i].msg_len;
    }
    printf("{\"datagrams\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"span_s\":%.3f,\"cpu_s\":%.3f}\n", n,
           bytes, t_last - t_first, cpu_self());
    return 0;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    for (int i = 2; i + 1 < argc; i += 2) {
        const char *o = argv[i], *v = argv[i + 1];
        if (!strcmp(o, "--file"))
            arg_file = v;
        else if (!strcmp(o, "--port"))
            arg_port = atoi(v);
        else if (!strcmp(o, "--path"))
            arg_path = v;
        else if (!strcmp(o, "--type"))
            arg_type = v;
        else if (!strcmp(o, "--conns"))
            arg_conns = atoi(v);
        else if (!strcmp(o, "--rate"))
            rate = atof(v);
        else if (!strcmp(o, "--limit"))
            arg_limit = strtoull(v, NULL, 10);
        else if (!strcmp(o, "--max-sec"))
            arg_max = atof(v);
        else if (!strcmp(o, "--header")) {
            size_t at = strlen(arg_headers);
            snprintf(arg_headers + at, sizeof arg_headers - at, "%s\r\n", v);
        } else {
            fprintf(stderr, "unknown option %s\n", o);
            return 2;
        }
    }
    if (arg_port < 1 || arg_conns < 1 || arg_conns > 256 || arg_max > 3600) {
        fprintf(stderr, "usage: see the head of replay.c\n");
        return 2;
    }
    struct sigaction sa = {.sa_handler = on_signal};
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (arg_file)
        load();
    started = now();
    deadline = started + arg_max;
    if (!strcmp(mode, "sink"))
        return run_sink();
    if (!strcmp(mode, "usink"))
        return run_usink();
    if (!arg_file) {
        fprintf(stderr, "--file is needed\n");
        return 2;
    }
    if (!strcmp(mode, "http"))
        return run_http();
    if (!strcmp(mode, "udp"))
        return run_udp();
    fprintf(stderr, "modes: http, udp, sink, usink\n");
    return 2;
}
