/* Inside of api: a call, its input and its answer. */
#ifndef FL_API_INT_H
#define FL_API_INT_H

#include "api/api.h"
#include "codec/codec.h"

typedef struct api_call api_call;

/* What an operation takes for a body. */
typedef enum api_body {
    API_JSON, /* one object, or nothing: call->input */
    API_RAW,  /* bytes: call->request->body */
} api_body;

/* One operation: of the X-Ray API, or our own. */
typedef struct api_operation {
    const char *name, *path;
    api_body body;
    size_t max_body_bytes;
    void (*run)(api_call *call); /* answers by api_answer or api_refuse, now or later */
} api_operation;

typedef struct api_operation_stats {
    fl_counter calls, refused, failed; /* refused: 4xx, failed: 5xx */
    fl_histogram latency;
} api_operation_stats;

/* A list of ids or a filter is small; uploads are as large as the front end lets through. */
#define API_SMALL_BODY (256u * 1024)

/* The table (api.md §2, and our own): name, path, kind of body and its most bytes, handler. */
#define API_OPERATION_TABLE(X)                                                                     \
    X(PutTraceSegments, "/TraceSegments", API_JSON, FL_API_BODY_MAX, api_put_trace_segments)       \
    X(PutTelemetryRecords, "/TelemetryRecords", API_JSON, API_SMALL_BODY,                          \
      api_put_telemetry_records)                                                                   \
    X(BatchGetTraces, "/Traces", API_JSON, API_SMALL_BODY, api_batch_get_traces)                   \
    X(GetTraceSummaries, "/TraceSummaries", API_JSON, API_SMALL_BODY, api_get_trace_summaries)     \
    X(GetGenaiUsage, "/fluoro/genai/usage", API_JSON, API_SMALL_BODY, api_get_genai_usage)         \
    X(PutPins, "/fluoro/pins", API_JSON, API_SMALL_BODY, api_put_pins)                             \
    X(ListPins, "/fluoro/pins/list", API_JSON, API_SMALL_BODY, api_list_pins)                      \
    X(PutBedrockTraces, "/bedrock/traces", API_RAW, FL_API_IMPORT_MAX, api_put_bedrock_traces)

enum {
#define API_OPERATION_ENUM(name, path, body, max, run) API_##name,
    API_OPERATION_TABLE(API_OPERATION_ENUM)
#undef API_OPERATION_ENUM
        API_OPERATIONS
};
extern const api_operation api_operations[API_OPERATIONS];

typedef struct api_stats {
    api_operation_stats operations[API_OPERATIONS];
    fl_counter telemetry_received, telemetry_sent, telemetry_spillover, telemetry_rejected,
        telemetry_backend_errors;
    fl_counter bad_trace_header_root, bad_trace_header_parent;
    fl_counter summaries_cut_budget, traces_cut_size, traces_cut_answer;
    fl_counter bedrock_runs, bedrock_segments;             /* converted, stored or not */
    fl_counter bedrock_diagnostics[FL_BEDROCK_CODE_COUNT]; /* errors and warnings by code */
} api_stats;
extern const fl_metric api_metrics[];
extern const size_t api_metrics_count;

#define API_METRICS_SOURCES 16

struct fl_api {
    fl_api_config config;
    api_stats stats;
    fl_api_metrics_source sources[API_METRICS_SOURCES];
    size_t source_count;
    fl_http_route *routes;
    size_t route_count;
    atomic_bool ready;
    atomic_uint_least64_t request_seed;
};

/* One request on its way; lives in the request's arena. */
struct api_call {
    fl_api *api;
    fl_http_request *request;
    const api_operation *operation;
    api_operation_stats *stats;
    yyjson_val *input; /* the body's object; NULL when the body was empty */
    fl_arena *arena;   /* the request's; for what is small */
    fl_arena memory;   /* input, and of a query its records, traces and what is derived; from
                          query_budget */
    fl_buf answer;     /* JSON, at most answer_bytes */
};

/* ---- Answers; each exactly once. They free the call's memory. */

void api_answer(api_call *call);                /* 200 with call->answer */
void api_answer_http(api_call *call, int http); /* another status with call->answer */
void api_refuse(api_call *call, fl_status status, const char *format, ...) FL_PRINTF(3, 4);
void api_refuse_err(api_call *call, fl_status status, const fl_err *err);
/* Refuses with an HTTP status that is not the status' own. */
void api_refuse_http(api_call *call, fl_status status, int http, const char *message);
/* The call's memory, for a query: up to three quarters of the budget. So what does not fit shows as
 * too large, to be tried smaller, even while other calls hold the little that most calls take. */
fl_arena *api_query_memory(api_call *call);

/* What an operation begun for the call ended with: api_answer for FL_OK, else api_refuse_err. */
void api_finish(api_call *call, fl_status status, const fl_err *err);

/* Zeroed memory of an operation for as long as the call lasts; NULL when the call has been refused
 * for want of it. */
void *api_state(api_call *call, size_t bytes);

/* A document that was not taken, as PutTraceSegments tells of it: `{"Id":…,"ErrorCode":…,…}`. */
void api_write_reject(fl_jw *w, const fl_reject *reject);
/* Error body and headers of api.md §1.5 for a status; response's headers and body are set. */
void api_error_response(fl_api *api, fl_arena *arena, fl_status status, int http_status,
                        const char *message, fl_http_response *response);
/* A fresh x-amzn-RequestId (UUID version 4) in arena. */
fl_str api_request_id(fl_api *api, fl_arena *arena);

/* ---- Input. Each reads one member (null counts as missing, api.md §1.3) and, when it is not as it
 * should be, refuses the call and returns false: the handler then just returns. */

typedef enum api_need { API_OPTIONAL, API_REQUIRED } api_need;

/* Wrong JSON type: SerializationException; missing: ValidationException. *out is NULL when absent.
 */
bool api_member_array(api_call *call, const char *name, api_need need, yyjson_val **out);
bool api_member_object(api_call *call, const char *name, yyjson_val **out);
bool api_member_str(api_call *call, const char *name, size_t max_chars, fl_str *out);
bool api_member_bool(api_call *call, const char *name, bool *out);
/* Epoch seconds or an ISO-8601 text (api.md §1.3); FL_TIME_NONE when absent and optional. */
bool api_member_time(api_call *call, const char *name, api_need need, int64_t *out);
/* StartTime and EndTime, [start, end). */
bool api_member_range(api_call *call, int64_t *start_ns, int64_t *end_ns);
/* FilterExpression: none is taken before search lands. */
bool api_member_filter(api_call *call);
/* The array's elements as texts; in the call's memory. */
bool api_texts(api_call *call, const char *name, yyjson_val *array, fl_str **out, size_t *count);

/* ISO-8601 `2026-11-22T15:35:37[.123][Z|+01:00]` to nanoseconds; without an offset it is UTC. */
bool api_iso8601_ns(fl_str text, int64_t *out);

/* ---- Operations, one file for a family */

void api_put_trace_segments(api_call *call);
void api_put_telemetry_records(api_call *call);
void api_batch_get_traces(api_call *call);
void api_get_trace_summaries(api_call *call);
void api_get_genai_usage(api_call *call);
void api_put_pins(api_call *call);
void api_list_pins(api_call *call);
void api_put_bedrock_traces(api_call *call);

/* ---- Own endpoints */

void api_healthz(fl_http_request *request);
void api_metrics_page(fl_http_request *request);

#endif
