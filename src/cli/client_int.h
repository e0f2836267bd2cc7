/*
 * A client of fluoro's server: addresses, and the X-Ray operations that the tool needs.
 * Blocking; every call is bounded in time (3 s to connect, 30 s in all) and size (64 MiB).
 */
#ifndef FL_CLI_CLIENT_INT_H
#define FL_CLI_CLIENT_INT_H

#include "codec/codec.h"
#include "trace/trace.h"

#define FL_SERVER_DEFAULT "http://127.0.0.1:2000"

/* A server's address in its parts. */
typedef struct fl_server_address {
    char url[320]; /* without a slash at the end */
    char host[256];
    char port[8];
    const char *option; /* that names another one, for remedies: "--server" */
    bool is_implied;    /* commands find it without --server */
    bool is_loopback;
} fl_server_address;

/* given (borrows; may be NULL), else the environment's FLUORO_SERVER, else the default. The scheme
 * may be left out. Errors: FL_E_INVALID. */
FL_MUST fl_status fl_server_resolve(const char *given, fl_server_address *out, fl_err *err);

typedef struct fl_client fl_client;

/* address is copied. Errors: FL_E_NOMEM. Free with fl_client_free, NULL is fine. */
FL_MUST fl_status fl_client_new(const fl_server_address *address, fl_client **out, fl_err *err);
void fl_client_free(fl_client *client);

/*
 * Sends a JSON body to an operation's path ("/TraceSummaries") and leaves the JSON answer in
 * answer. Errors: FL_E_UNREACHABLE when nothing answers, with the remedy; what the server answered,
 * as the status of its exception, with its message; FL_E_CORRUPT when it is no fluoro server.
 */
FL_MUST fl_status fl_client_post(fl_client *client, const char *path, fl_str body, fl_buf *answer,
                                 fl_err *err);

/* The failure that an HTTP answer other than 200 tells of; pure, for fl_client_post and its test.
 */
fl_status fl_client_error_of(const fl_server_address *address, long http, fl_str body, fl_err *err);

/* HTTP status of the last call's answer; 0 when there was none. */
long fl_client_http_status(const fl_client *client);

/* ---- Operations. Answers are in arena. */

typedef struct fl_summaries_request {
    int64_t start_ns, end_ns;
    const char *time_range_type; /* "TraceId", "Event" or "Service" */
    const char *filter;          /* NULL: all */
} fl_summaries_request;

/* One page of GetTraceSummaries. *token is NULL for the first page and NULL again behind the last;
 * page is the array of summaries. */
FL_MUST fl_status fl_client_summaries(fl_client *client, fl_arena *arena,
                                      const fl_summaries_request *request, const char **token,
                                      yyjson_val **page, fl_err *err);

/* All documents of one trace, over all pages, as sent by the server. Errors: FL_E_NOT_FOUND. */
typedef struct fl_trace_documents {
    fl_str *texts;
    size_t count;
    bool limit_exceeded;
} fl_trace_documents;
FL_MUST fl_status fl_client_trace(fl_client *client, fl_arena *arena, fl_trace_id id,
                                  fl_trace_documents *out, fl_err *err);

/* A document that the server did not take. */
typedef struct fl_refusal {
    fl_str id, code, message; /* absent where the answer has none */
} fl_refusal;

/* PutTraceSegments of at most 50 documents. What was refused is in arena. */
FL_MUST fl_status fl_client_put(fl_client *client, fl_arena *arena, const fl_str *documents,
                                size_t count, fl_refusal **refusals, size_t *refusal_count,
                                fl_err *err);

#endif
