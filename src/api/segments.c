/* PutTraceSegments and PutTelemetryRecords (api.md §3). */
#include "api/api_int.h"

typedef struct put_state {
    fl_ingest_put put; /* first: done gets it back */
    api_call *call;
} put_state;

void api_write_reject(fl_jw *w, const fl_reject *reject)
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
        api_write_reject(&w, &entry->reject);
    }
    fl_jw_close(&w, ']');
    fl_jw_close(&w, '}');
    api_answer(call);
}

void api_put_trace_segments(api_call *call)
{
    yyjson_val *array;
    size_t most = call->api->config.limits->documents_per_put;
    put_state *state = api_state(call, sizeof *state);
    if (state == NULL) {
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

/* Counts of a record, and of its BackendConnectionErrors, which are summed. */
static const struct {
    const char *name;
    size_t counter;
    bool of_errors;
} telemetry_members[] = {
    {"SegmentsReceivedCount", offsetof(api_stats, telemetry_received), false},
    {"SegmentsSentCount", offsetof(api_stats, telemetry_sent), false},
    {"SegmentsSpilloverCount", offsetof(api_stats, telemetry_spillover), false},
    {"SegmentsRejectedCount", offsetof(api_stats, telemetry_rejected), false},
    {"TimeoutCount", offsetof(api_stats, telemetry_backend_errors), true},
    {"ConnectionRefusedCount", offsetof(api_stats, telemetry_backend_errors), true},
    {"HTTPCode4XXCount", offsetof(api_stats, telemetry_backend_errors), true},
    {"HTTPCode5XXCount", offsetof(api_stats, telemetry_backend_errors), true},
    {"UnknownHostCount", offsetof(api_stats, telemetry_backend_errors), true},
    {"OtherCount", offsetof(api_stats, telemetry_backend_errors), true},
};
#define TELEMETRY_MEMBERS (sizeof telemetry_members / sizeof telemetry_members[0])

/* The count's value, 0 if it is absent; false for anything but a whole number. */
static bool telemetry_count(yyjson_val *record, size_t i, int64_t *out)
{
    yyjson_val *holder = telemetry_members[i].of_errors
                             ? fl_json_get(record, FL_S("BackendConnectionErrors"))
                             : record;
    yyjson_val *val = fl_json_get(holder, fl_str_of(telemetry_members[i].name));
    *out = 0;
    return val == NULL || yyjson_is_null(val) || fl_json_i64(fl_json_number(val), out);
}

static void count_record(api_stats *stats, yyjson_val *record)
{
    for (size_t i = 0; i < TELEMETRY_MEMBERS; i++) {
        int64_t value;
        if (telemetry_count(record, i, &value) && value > 0) {
            char *counter = (char *)stats + telemetry_members[i].counter;
            fl_counter_add((fl_counter *)(void *)counter, (uint64_t)value);
        }
    }
}

static bool check_counts(api_call *call, yyjson_val *record, size_t at)
{
    yyjson_val *errors = fl_json_get(record, FL_S("BackendConnectionErrors"));
    if (errors != NULL && !yyjson_is_null(errors) && !yyjson_is_obj(errors)) {
        api_refuse(call, FL_E_SYNTAX,
                   "TelemetryRecords[%zu].BackendConnectionErrors must be an object", at);
        return false;
    }
    for (size_t i = 0; i < TELEMETRY_MEMBERS; i++) {
        int64_t value;
        if (!telemetry_count(record, i, &value)) {
            api_refuse(call, FL_E_SYNTAX, "TelemetryRecords[%zu]: %s must be an integer", at,
                       telemetry_members[i].name);
            return false;
        }
    }
    return true;
}

/* A record is an object with a Timestamp; its counts are integers where they are there. */
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
        if (!check_counts(call, record, i)) {
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
    size_t i, n;
    yyjson_val *record;
    yyjson_arr_foreach(array, i, n, record)
    {
        count_record(stats, record);
    }
    fl_buf_add_str(&call->answer, FL_S("{}"));
    api_answer(call);
}
