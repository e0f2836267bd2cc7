/* Numbers of the operations, one row of each kind for every operation. */
#include "api/api_int.h"

#define AT(name, member)                                                                           \
    (offsetof(api_stats, operations) + API_##name * sizeof(api_operation_stats) +                  \
     offsetof(api_operation_stats, member))
#define STATS(member) offsetof(api_stats, member)

/* clang-format off */
#define CALLS_ROW(name, path, body, max, run) \
    {"fluoro_api_calls_total", "operation=\"" #name "\"", "Calls of an operation.", FL_METRIC_COUNTER, AT(name, calls)},
#define REFUSED_ROW(name, path, body, max, run) \
    {"fluoro_api_errors_total", "operation=\"" #name "\",class=\"4xx\"", "Calls answered with an error.", FL_METRIC_COUNTER, AT(name, refused)},
#define FAILED_ROW(name, path, body, max, run) \
    {"fluoro_api_errors_total", "operation=\"" #name "\",class=\"5xx\"", "", FL_METRIC_COUNTER, AT(name, failed)},
#define LATENCY_ROW(name, path, body, max, run) \
    {"fluoro_api_seconds", "operation=\"" #name "\"", "First byte of a call to its answer.", FL_METRIC_HISTOGRAM, AT(name, latency)},
#define DAEMON_ROW(kind, member) \
    {"fluoro_daemon_segments_total", "kind=\"" kind "\"", "Segments that X-Ray daemons reported by PutTelemetryRecords.", FL_METRIC_COUNTER, STATS(member)},
#define DIAGNOSTIC_ROW(code, name, is_error) \
    {"fluoro_bedrock_diagnostics_total", "code=\"" name "\"", "Errors (E_) and warnings (W_) of imported agent runs.", FL_METRIC_COUNTER, STATS(bedrock_diagnostics) + code * sizeof(fl_counter)},

const fl_metric api_metrics[] = {
    API_OPERATION_TABLE(CALLS_ROW)
    API_OPERATION_TABLE(REFUSED_ROW)
    API_OPERATION_TABLE(FAILED_ROW)
    API_OPERATION_TABLE(LATENCY_ROW)
    DAEMON_ROW("received", telemetry_received)
    DAEMON_ROW("sent", telemetry_sent)
    DAEMON_ROW("spillover", telemetry_spillover)
    DAEMON_ROW("rejected", telemetry_rejected)
    {"fluoro_daemon_backend_errors_total", "", "Upload failures that X-Ray daemons reported.", FL_METRIC_COUNTER, STATS(telemetry_backend_errors)},
    {"fluoro_trace_header_malformed_total", "item=\"Root\"", "Unreadable items of trace headers on requests; taken as absent.", FL_METRIC_COUNTER, STATS(bad_trace_header_root)},
    {"fluoro_trace_header_malformed_total", "item=\"Parent\"", "", FL_METRIC_COUNTER, STATS(bad_trace_header_parent)},
    {"fluoro_api_pages_cut_total", "operation=\"GetTraceSummaries\",reason=\"budget\"", "Answers that ended early, with a NextToken to go on by.", FL_METRIC_COUNTER, STATS(summaries_cut_budget)},
    {"fluoro_api_pages_cut_total", "operation=\"BatchGetTraces\",reason=\"size\"", "", FL_METRIC_COUNTER, STATS(traces_cut_size)},
    {"fluoro_api_pages_cut_total", "operation=\"BatchGetTraces\",reason=\"answer\"", "", FL_METRIC_COUNTER, STATS(traces_cut_answer)},
    {"fluoro_bedrock_runs_total", "", "Agent runs that POST /bedrock/traces converted.", FL_METRIC_COUNTER, STATS(bedrock_runs)},
    {"fluoro_bedrock_segments_total", "", "Segments of these runs, stored or not.", FL_METRIC_COUNTER, STATS(bedrock_segments)},
    FL_BEDROCK_CODE_TABLE(DIAGNOSTIC_ROW)
};
/* clang-format on */
const size_t api_metrics_count = sizeof api_metrics / sizeof api_metrics[0];
