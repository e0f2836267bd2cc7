/*
 * The HTTP server's parts, private to net:
 *
 *   http_route.c    path and method → route
 *   http_parse.c    bytes in any split → one request at a time, or a refusal; no socket, no loop
 *   http_respond.c  the bytes of an answer's head
 *   http_conn.c     one connection: reading, handling, writing, time limits
 *   http_server.c   lanes (a server's part on one loop), accepting, the graceful end
 */
#ifndef FL_NET_HTTP_INT_H
#define FL_NET_HTTP_INT_H

#include <llhttp.h>

#include "net/net_int.h"

/* ---- Routes */

typedef struct http_routes {
    const fl_http_route *rows; /* borrowed */
    size_t count;
    uint32_t *slots; /* open addressing by the path's hash: index + 1, 0 = free */
    size_t mask;
} http_routes;
/* false without memory */
FL_MUST bool http_routes_init(http_routes *routes, const fl_http_route *rows, size_t count);
void http_routes_fini(http_routes *routes);
/* The route, or NULL; *path_known tells a wrong method from an unknown path. HEAD finds GET. */
const fl_http_route *http_routes_find(const http_routes *routes, fl_str method, fl_str path,
                                      bool *path_known);
/* Value of the Allow header for a path, in arena; absent without memory. */
fl_str http_routes_allow(const http_routes *routes, fl_str path, fl_arena *arena);

/* ---- Parser */

/* What all parsers of a server share; read-only but for the budget's numbers. */
typedef struct http_site {
    http_routes routes;
    fl_http_limits limits;
    fl_budget *body_budget;
    const fl_clock *clock;
} http_site;

/* Body buffers that wait for their next use, so that a body is not paid for in page faults. One per
 * lane; at most HTTP_SPARE_COUNT of HTTP_SPARE_BYTES each, outside the budget. */
#define HTTP_SPARE_COUNT 8
#define HTTP_SPARE_BYTES ((size_t)1 << 20)
typedef struct http_spares {
    fl_buf bufs[HTTP_SPARE_COUNT];
    size_t count;
} http_spares;
fl_buf http_spares_take(http_spares *spares); /* empty, with or without memory */
void http_spares_give(http_spares *spares, fl_buf *buf);
void http_spares_fini(http_spares *spares);

typedef struct http_refusal {
    fl_status status; /* FL_OK: none */
    int http_status;
    const char *message; /* static text */
} http_refusal;

typedef enum http_stage { STAGE_HEAD, STAGE_BODY, STAGE_WHOLE } http_stage;

typedef enum http_outcome {
    PARSE_MORE,    /* the bytes are eaten, or some of them: feed the rest */
    PARSE_READY,   /* a whole request stands in parser->request */
    PARSE_REFUSED, /* parser->refusal is to be answered; parser->keep_alive says if one can go on */
} http_outcome;

/*
 * One connection's parser. After PARSE_READY or PARSE_REFUSED it takes no more bytes until
 * http_parser_next. The request, its headers and body live until then.
 */
typedef struct http_parser {
    llhttp_t llhttp;
    const http_site *site;
    http_spares *spares;
    http_stage stage;
    bool begun;      /* the first byte of a request was seen */
    bool keep_alive; /* as the client wants it */
    bool http_1_0;
    bool expects_continue; /* the client waits for 100 Continue before it sends the body */
    bool packed;           /* the body is a gzip or zlib stream: http_parser_inflate first */
    bool draining;         /* refused, but the body is small: swallow it and keep the connection */
    bool failed;           /* no further request can be read */
    size_t head_bytes, header_count;
    size_t extra_bytes;  /* of chunk extensions and trailers, which are read over */
    size_t budget_bytes; /* taken for this body */
    int64_t head_end_ns; /* monotonic time at the end of the headers */
    fl_buf head;         /* target, then name and value of each header, each ended by LF */
    fl_buf body, packed_body;
    fl_str allow; /* for a 405 */
    http_refusal refusal;
    fl_arena arena;
    fl_http_request request;
} http_parser;

void http_parser_init(http_parser *parser, const http_site *site, http_spares *spares);
void http_parser_fini(http_parser *parser);
/* Eats a prefix of bytes (not empty); *eaten is its length. */
http_outcome http_parse(http_parser *parser, fl_str bytes, size_t *eaten);
/* Unpacks the body of a ready request; on failure parser->refusal says why. Any one thread; touches
 * nothing but the parser and the budget. */
void http_parser_inflate(http_parser *parser);
/* The request will not be read to its end: it is refused, and no other follows it. */
void http_parser_abandon(http_parser *parser, http_refusal refusal);
/* Gives the request back, so that the next one can be read. */
void http_parser_next(http_parser *parser);
/* Gives back what an idle parser keeps for its next request. */
void http_parser_trim(http_parser *parser);

/* ---- Answers */

typedef struct http_answer_form {
    bool keep_alive, http_1_0;
    fl_str allow; /* absent for none */
    size_t body_bytes;
} http_answer_form;
/* Status line and headers with the blank line behind them. Headers whose text would break the
 * framing are left out. */
void http_emit_head(fl_buf *out, const fl_http_response *response, const http_answer_form *form);

/* ---- Connections */

typedef struct http_conn http_conn;
typedef struct http_lane http_lane;

/* A server's part on one loop: its connections and what they share. Touched on that loop only. */
struct http_lane {
    fl_http_server *server;
    fl_loop *loop;
    http_conn *conns;
    size_t conn_count;
    http_spares spares;
    char *read_buffer; /* NET_READ_BYTES */
    uv_timer_t tick, deadline;
    size_t handles;
    bool stopping;
    fl_task start, stop;
};

struct fl_http_server {
    fl_http_config config; /* without loops: the lanes know theirs */
    http_site site;
    fl_http_stats stats;
    http_lane *lanes;
    size_t next_lane;
    net_acceptor acceptor;
    net_latch stopped; /* counts lanes */
    int64_t deadline_ns;
};

/* Takes an accepted descriptor to a lane; closes it when there is no memory. Any thread. */
void http_conn_open(http_lane *lane, int fd);
/* Looks at the time limits of a connection. */
void http_conn_tick(http_conn *conn, int64_t now_ns);
/* Stopping: closes it if no request is in progress. */
void http_conn_drain(http_conn *conn);
/* Closes it now; a request that is being handled keeps the object until it is answered. */
void http_conn_cut(http_conn *conn);
http_conn *http_conn_after(const http_conn *conn);

/* Fills response by the server's on_error; body is the buffer that it may use. */
void http_refusal_answer(const fl_http_server *server, fl_arena *arena, const http_refusal *refusal,
                         fl_buf *body, fl_http_response *response);

/* The last connection of a stopping lane has gone. */
void http_lane_emptied(http_lane *lane);

#endif
