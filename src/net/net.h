/*
 * net: event loops and the wire. Knows nothing of traces.
 *
 * Threads: a fl_loop is one thread. Everything that belongs to a loop (connections, requests,
 * timers) is touched on that thread only; fl_loop_post is the one call that any thread may make. A
 * loop never blocks: what may take long goes to the worker pool by fl_loop_work.
 */
#ifndef FL_NET_H
#define FL_NET_H

#include <uv.h>

#include "base/base.h"

/* ---- Loops */

typedef struct fl_loop fl_loop;

/* Makes a loop with its thread not yet running; log may be NULL. */
FL_MUST fl_status fl_loop_new(fl_log *log, fl_loop **out, fl_err *err);
FL_MUST fl_status fl_loop_start(fl_loop *loop, fl_err *err);
/* Runs what is posted, closes every handle that is left, joins the thread, frees. Never on the
 * loop's own thread. */
void fl_loop_stop_and_free(fl_loop *loop);
uv_loop_t *fl_loop_uv(fl_loop *loop);
bool fl_loop_is_current(const fl_loop *loop); /* is this the loop's thread? */

/* A message to a loop: embed it, hand it over; run gets it back on the loop's thread. Order is kept
 * between messages of one sender. Never fails, allocates nothing. */
typedef struct fl_task fl_task;
struct fl_task {
    void (*run)(fl_task *task);
    fl_task *next; /* owned by the queue while posted */
};
void fl_loop_post(fl_loop *loop, fl_task *task);

/* Runs `run` on the loop's thread and waits for it. Not on a loop's thread. */
void fl_loop_call(fl_loop *loop, void (*run)(void *user), void *user);

/* Runs work on the pool, then done on the loop's thread. Call it on the loop's thread. */
typedef struct fl_work fl_work;
struct fl_work {
    void (*work)(fl_work *work);
    void (*done)(fl_work *work);
    uv_work_t request; /* private */
};
void fl_loop_work(fl_loop *loop, fl_work *work);

/* Calls run on the loop's thread every interval until fl_timer_free; both on the loop's thread. */
typedef struct fl_timer fl_timer;
FL_MUST fl_status fl_timer_new(fl_loop *loop, int64_t interval_ns, void (*run)(void *user),
                               void *user, fl_timer **out, fl_err *err);
void fl_timer_free(fl_timer *timer); /* NULL is fine */

/* ---- Addresses */

/* HOST:PORT with a literal IPv4, [IPv6] or `localhost`; no name look-up. FL_E_CONFIG names the
 * flaw. */
FL_MUST fl_status fl_addr_parse(fl_str text, struct sockaddr_storage *out, fl_err *err);
bool fl_addr_is_loopback(const struct sockaddr_storage *addr);
void fl_addr_emit(const struct sockaddr_storage *addr,
                  fl_buf *out); /* 127.0.0.1:2000, [::1]:2000 */

/* ---- HTTP/1.1 server (llhttp): keep-alive, pipelining (answers in order), chunked and gzip
 * bodies, Expect: 100-continue, HEAD for GET routes. One acceptor deals connections round robin to
 * the loops. */

typedef struct fl_http_header {
    fl_str name, value; /* value trimmed */
} fl_http_header;

typedef struct fl_http_request fl_http_request;
struct fl_http_request {
    fl_str method; /* GET, POST, … */
    fl_str path;   /* without query, percent-encoding left as sent */
    fl_str query;  /* behind '?', absent if none */
    const fl_http_header *headers;
    size_t header_count;
    fl_str body;     /* whole, decoded from chunks and gzip */
    fl_arena *arena; /* lifetime: this request; bounded by the limits */
    fl_loop *loop;
    const struct fl_http_route *route;
    void *user;              /* of the server's configuration */
    int64_t started_mono_ns; /* first byte of the request */
};
/* Value of a header (name in any case), absent if missing; the first of several. */
fl_str fl_http_header_get(const fl_http_request *request, fl_str name);

typedef struct fl_http_response {
    int status;
    fl_str content_type;
    const fl_http_header *headers; /* extra ones, borrowed during the call */
    size_t header_count;
    fl_buf *body; /* taken (zeroed) by the call; NULL = empty */
    bool close;   /* close the connection after it */
} fl_http_response;

/* Answers once per request, at once or later, on the request's loop. The request and its arena are
 * gone afterwards. If the client has left, the answer is dropped; a handler always answers. */
void fl_http_respond(fl_http_request *request, const fl_http_response *response);

/* A handler runs on the connection's loop and must not block. */
typedef void (*fl_http_handler)(fl_http_request *request);

typedef struct fl_http_route {
    const char *method; /* "GET" serves HEAD as well */
    const char *path;   /* exact */
    fl_http_handler handler;
    size_t max_body_bytes; /* decoded; 0 = no body is taken */
    const void *operation; /* the owner's row, for the handler */
} fl_http_route;

typedef struct fl_http_limits {
    size_t header_bytes;       /* request line and headers together: beyond it 431 */
    size_t connections;        /* over all loops; beyond it a new one gets 503 and is closed */
    int64_t header_timeout_ns; /* from the first byte of a request to the end of its headers: 408 */
    int64_t body_timeout_ns;   /* for the whole body: 408 */
    int64_t idle_timeout_ns;   /* between requests: closed */
    int64_t write_timeout_ns;  /* a client that takes no answer: closed */
} fl_http_limits;
fl_http_limits fl_http_limits_default(void); /* 32 KiB, 4,096, 10 s, 30 s, 75 s, 30 s */

typedef struct fl_http_stats {
    fl_counter connections_open; /* gauge */
    fl_counter connections_total, connections_refused;
    fl_counter requests_total;
    fl_counter bad_requests; /* refused by the HTTP layer: syntax, sizes */
    fl_counter timeouts;
    fl_counter bytes_in, bytes_out;
    fl_histogram latency; /* first byte of the request to the last byte handed to the kernel */
} fl_http_stats;
extern const fl_metric fl_http_metrics[];
extern const size_t fl_http_metrics_count;

typedef struct fl_http_config {
    struct sockaddr_storage addr;
    fl_loop *const *loops; /* running; at least one */
    size_t loop_count;
    const fl_http_route *routes; /* borrowed for the server's life */
    size_t route_count;
    fl_http_limits limits;
    fl_budget *body_budget; /* bodies in flight; over it the answer is 429 through on_error */
    void *user;
    /* Makes the answer for what the HTTP layer refuses by itself (unknown path 404, wrong method
     * 405, sizes 413 and 431, syntax 400, 408, 429, 503): fills body and content type and may add
     * headers in arena; called on the connection's loop. method and path may be absent. */
    void (*on_error)(void *user, fl_arena *arena, fl_status status, int http_status,
                     const char *message, fl_http_response *response);
    const fl_clock *clock;
    fl_log *log;
} fl_http_config;

typedef struct fl_http_server fl_http_server;
/* Binds and listens; *bound gets the real address (port 0 picks one). FL_E_CONFIG: the address is
 * in use or not ours, in words with a remedy. Any thread. */
FL_MUST fl_status fl_http_server_new(const fl_http_config *config, struct sockaddr_storage *bound,
                                     fl_http_server **out, fl_err *err);
const fl_http_stats *fl_http_server_stats(const fl_http_server *server);
/* Graceful end: accepts no more, closes idle connections, lets requests in progress finish (their
 * answers say Connection: close), cuts what is left after deadline_ns, waits for all of it, frees.
 * Not on a loop's thread; the loops still run. */
void fl_http_server_stop_and_free(fl_http_server *server, int64_t deadline_ns);

/* ---- UDP */

typedef struct fl_udp_stats {
    fl_counter datagrams, bytes;
    fl_counter truncated;    /* longer than the receive buffer: handed over cut, flagged */
    fl_counter kernel_drops; /* lost in the socket's buffer, read from the kernel (SO_MEMINFO) */
    fl_counter buffer_bytes; /* gauge: the receive buffer the kernel granted */
} fl_udp_stats;
extern const fl_metric fl_udp_metrics[];
extern const size_t fl_udp_metrics_count;

typedef struct fl_udp_config {
    struct sockaddr_storage addr;
    fl_loop *loop;
    size_t max_datagram_bytes;   /* 65,536 for the daemon protocol */
    size_t receive_buffer_bytes; /* asked of the kernel, by force where we may; what it gave is
                                    logged */
    void *user;
    void (*on_datagram)(void *user, fl_str datagram, bool truncated); /* borrows */
    void (*on_batch_end)(void *user); /* after the datagrams that one wake-up of the loop brought */
    fl_log *log;
} fl_udp_config;

typedef struct fl_udp fl_udp;
/* Binds before it returns; receiving begins on the loop. Any thread; the loop runs. */
FL_MUST fl_status fl_udp_new(const fl_udp_config *config, struct sockaddr_storage *bound,
                             fl_udp **out, fl_err *err);
/* Refreshes kernel_drops and gives the numbers; any thread. */
const fl_udp_stats *fl_udp_stats_get(fl_udp *udp);
/* Takes in what already waits in the socket, closes, waits, frees. Not on the loop's thread. */
void fl_udp_stop_and_free(fl_udp *udp);

/* ---- Byte streams: TCP or unix-socket listeners for protocols of one direction */

typedef struct fl_stream fl_stream; /* one connection */

typedef struct fl_stream_stats {
    fl_counter connections_open; /* gauge */
    fl_counter connections_total, connections_refused, bytes_in;
} fl_stream_stats;
extern const fl_metric fl_stream_metrics[];
extern const size_t fl_stream_metrics_count;

typedef struct fl_stream_config {
    struct sockaddr_storage
        addr; /* AF_UNIX for a socket path (mode 0660; a stale socket file is replaced) */
    fl_loop *const *loops;
    size_t loop_count;
    size_t connections;      /* at most */
    int64_t idle_timeout_ns; /* no byte for so long: closed; 0 = never */
    void *user;
    /* Opens a connection: *state is the protocol's own; false closes it. All three on its loop. */
    bool (*on_open)(void *user, fl_stream *stream, void **state);
    /* false closes the connection. */
    bool (*on_bytes)(void *state, fl_str bytes);
    void (*on_close)(void *state, bool clean); /* clean: the peer ended it; frees state */
    fl_log *log;
} fl_stream_config;

typedef struct fl_stream_server fl_stream_server;
FL_MUST fl_status fl_stream_server_new(const fl_stream_config *config,
                                       struct sockaddr_storage *bound, fl_stream_server **out,
                                       fl_err *err);
fl_loop *fl_stream_loop(const fl_stream *stream);
/* Back-pressure: stops and goes on reading; on the stream's loop. */
void fl_stream_pause(fl_stream *stream);
void fl_stream_resume(fl_stream *stream);
const fl_stream_stats *fl_stream_server_stats(const fl_stream_server *server);
/* Reads what already waits, closes all, waits, frees; removes the socket file. Not on a loop's
 * thread. */
void fl_stream_server_stop_and_free(fl_stream_server *server);

#endif
