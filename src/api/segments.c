/* PutTraceSegments and PutTelemetryRecords (api.md §3). */
#include "api/api_int.h"

typedef struct put_state {
    fl_ingest_put put; /* first: done gets it back */
    api_call *call;
} put_state;

static void write_reject(fl_jw *w, const fl_reject *reject)
{
    fl_buf message;
    fl_buf_init(&message, 1024);
    fl_reject_message(reject, &message);
    fl_jw_open(w, '{');
    if (reject->id.p != NULL) {
        fl_jw_key_str(w, FL_S("Id"), reject->id);
    }
    fl_jw_key_str(w, FL_S("ErrorCode"), fl_str_of(fl_reject_name(reject->code)));
    fl_jw_key_str(w, FL_S("Message"), fl_buf_str(&message));
    fl_jw_close(w, '}');
    fl_buf_fini(&message);
}

static void after_put(fl_ingest_put *put)
{
    api_call *call = ((put_state *)(void *)put)->call;
    if (put->status != FL_OK) {
        api_refuse_err(call, put->status, &put->err);
        return;
    }
    fl_jw w = fl_jw_of(&call->answer);
    fl_jw_open(&w, '{');
    fl_jw_key(&w, FL_S("UnprocessedTraceSegments"));
    fl_jw_open(&w, '[');
    for (const fl_ingest_reject *entry = put->rejects; entry != NULL; entry = entry->next) {
        write_reject(&w, &entry->reject);
    }
    fl_jw_close(&w, ']');
    fl_jw_close(&w, '}');
    api_answer(call);
}

void api_put_trace_segments(api_call *call)
{
    yyjson_val *array;
    size_t most = call->api->config.limits->documents_per_put;
    put_state *state = FL_ARENA_NEW(call->arena, put_state);
    if (state == NULL) {
        api_refuse(call, FL_E_NOMEM, "no memory for the request");
        return;
    }
    if (!api_member_array(call, "TraceSegmentDocuments", API_REQUIRED, &array)) {
        return;
    }
    if (yyjson_arr_size(array) > most) {
        api_refuse(call, FL_E_INVALID, "Exceeding maximum segment count: %zu", most);
        return;
    }
    fl_str *documents;
    size_t count;
    if (!api_texts(call, "TraceSegmentDocuments", array, &documents, &count)) {
        return;
    }
    state->call = call;
    state->put = (fl_ingest_put){.documents = documents,
                                 .count = count,
                                 .source = FL_SOURCE_HTTP,
                                 .loop = call->request->loop,
                                 .arena = &call->memory,
                                 .done = after_put};
    fl_ingest_put_begin(call->api->config.ingest, &state->put);
}

/* ---- Telemetry: write-only, so the latest numbers of all daemons are summed on /metrics. */

static int64_t member_count(yyjson_val *record, fl_str name)
{
    int64_t value = 0;
    return fl_json_i64(fl_json_number(fl_json_get(record, name)), &value) && value > 0 ? value : 0;
}

static int64_t sum_of_backend_errors(yyjson_val *errors)
{
    static const char *const names[] = {"TimeoutCount",     "ConnectionRefusedCount",
                                        "HTTPCode4XXCount", "HTTPCode5XXCount",
                                        "UnknownHostCount", "OtherCount"};
    int64_t sum = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        int64_t value = member_count(errors, fl_str_of(names[i]));
        sum = value > INT64_MAX - sum ? INT64_MAX : sum + value;
    }
    return sum;
}

static void count_record(api_stats *stats, yyjson_val *record)
{
    const struct {
        fl_counter *counter;
        fl_str name;
    } members[] = {
        {&stats->telemetry_received, FL_S("SegmentsReceivedCount")},
        {&stats->telemetry_sent, FL_S("SegmentsSentCount")},
        {&stats->telemetry_spillover, FL_S("SegmentsSpilloverCount")},
        {&stats->telemetry_rejected, FL_S("SegmentsRejectedCount")},
    };
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        fl_counter_add(members[i].counter, (uint64_t)member_count(record, members[i].name));
    }
    yyjson_val *errors = fl_json_get(record, FL_S("BackendConnectionErrors"));
    fl_counter_add(&stats->telemetry_backend_errors, (uint64_t)sum_of_backend_errors(errors));
}

/* A record is an object with a Timestamp; its counts are numbers where they are there. */
static bool check_records(api_call *call, yyjson_val *array)
{
    size_t i, n;
    yyjson_val *record;
    yyjson_arr_foreach(array, i, n, record)
    {
        if (!yyjson_is_obj(record)) {
            api_refuse(call, FL_E_SYNTAX, "TelemetryRecords[%zu] must be an object", i);
            return false;
        }
        yyjson_val *timestamp = fl_json_get(record, FL_S("Timestamp"));
        if (timestamp == NULL || yyjson_is_null(timestamp)) {
            api_refuse(call, FL_E_VALIDATION, "TelemetryRecords[%zu].Timestamp is required", i);
            return false;
        }
    }
    return true;
}

void api_put_telemetry_records(api_call *call)
{
    yyjson_val *array;
    fl_str text;
    if (!api_member_array(call, "TelemetryRecords", API_REQUIRED, &array) ||
        !api_member_str(call, "EC2InstanceId", 20, &text) ||
        !api_member_str(call, "Hostname", 255, &text) ||
        !api_member_str(call, "ResourceARN", 500, &text) || !check_records(call, array)) {
        return;
    }
    api_stats *stats = &call->api->stats;
    fl_counter_add(&stats->telemetry_calls, 1);
    size_t i, n;
    yyjson_val *record;
    yyjson_arr_foreach(array, i, n, record)
    {
        count_record(stats, record);
    }
    fl_buf_add_str(&call->answer, FL_S("{}"));
    api_answer(call);
}
