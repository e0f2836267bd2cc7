/*
 * api: the X-Ray operations and fluoro's own endpoints over HTTP (api.md). The operations are one
 * table (API_OPERATION_TABLE): name, path, limits, handler; routing, /metrics and the documentation
 * are made from it.
 */
#ifndef FL_API_H
#define FL_API_H

#include "bedrock/bedrock.h"
#include "ingest/ingest.h"
#include "query/query.h"

#define FL_API_BODY_MAX   (16u * 1024 * 1024) /* api.md §1.5 */
#define FL_API_IMPORT_MAX (64u * 1024 * 1024) /* POST /bedrock/traces (bedrock.md §5.2) */

/* A part's numbers for /metrics: its table and where its struct is. */
typedef struct fl_api_metrics_source {
    const fl_metric *rows;
    size_t count;
    /* Gives the struct, refreshed if that needs doing; called on a loop's thread. */
    const void *(*numbers)(void *user);
    void *user;
} fl_api_metrics_source;

typedef struct fl_api_config {
    fl_store *store;
    fl_ingest *ingest;
    const fl_limits *limits;
    fl_budget *query_budget;    /* memory of all calls in progress; a query has up to 3/4 of it */
    size_t answer_bytes;        /* an answer, at most */
    fl_scan_budget scan_budget; /* of each scan */
    const fl_clock *clock;
    fl_log *log;
} fl_api_config;

typedef struct fl_api fl_api;

FL_MUST fl_status fl_api_new(const fl_api_config *config, fl_api **out, fl_err *err);
void fl_api_free(fl_api *api); /* after the HTTP server is gone */

/* Adds numbers to /metrics, before the server listens; at most 16. */
void fl_api_add_metrics(fl_api *api, fl_api_metrics_source source);
/* Before this, /healthz answers 503. Any thread. */
void fl_api_set_ready(fl_api *api, bool ready);

/* For the HTTP server's configuration; `user` there is the fl_api. */
const fl_http_route *fl_api_routes(const fl_api *api, size_t *count);
void fl_api_on_error(void *api, fl_arena *arena, fl_status status, int http_status,
                     const char *message, fl_http_response *response);

/* The operations for documentation and tests: name and path of the i-th, false behind the last. */
bool fl_api_operation(size_t i, const char **name, const char **path);

#endif
