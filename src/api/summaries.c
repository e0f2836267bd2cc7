/* GetTraceSummaries (api.md §4.1, trace-model.md §13). */
#include "api/api_int.h"

#define PAGE_SUMMARIES 100
#define TOKEN_MAX      2000
#define TOKEN_VERSION  1

typedef struct summaries_state {
    fl_query_summaries query;
    api_call *call;
    uint64_t request_hash; /* of the members that a page token is tied to */
} summaries_state;

/* ---- The page token: version, request, place; in hex, so that it is opaque and safe everywhere */

#define TOKEN_BYTES (1 + 8 + 8 + 8 + 16)

static void write_token(const summaries_state *state, fl_buf *out)
{
    const fl_store_place *place = &state->query.last;
    fl_buf_add_hex(out, TOKEN_VERSION, 2);
    fl_buf_add_hex(out, state->request_hash, 16);
    fl_buf_add_hex(out, (uint64_t)place->time_ns, 16);
    fl_buf_add_hex(out, (uint64_t)place->start_ns, 16);
    fl_buf_add_hex(out, place->id.hi, 16);
    fl_buf_add_hex(out, place->id.lo, 16);
}

static bool read_token(summaries_state *state, fl_str token)
{
    uint64_t version, request, time_ns, start_ns, hi, lo;
    if (token.n != TOKEN_BYTES * 2 || !fl_hex_read(token.p, 2, &version) ||
        version != TOKEN_VERSION || !fl_hex_read(token.p + 2, 16, &request) ||
        request != state->request_hash || !fl_hex_read(token.p + 18, 16, &time_ns) ||
        !fl_hex_read(token.p + 34, 16, &start_ns) || !fl_hex_read(token.p + 50, 16, &hi) ||
        !fl_hex_read(token.p + 66, 16, &lo)) {
        return false;
    }
    state->query.request.has_after = true;
    state->query.request.after =
        (fl_store_place){(int64_t)time_ns, (int64_t)start_ns, (fl_trace_id){hi, lo}};
    return true;
}

static uint64_t hash_of_request(const fl_summary_request *request)
{
    const int64_t numbers[] = {request->start_ns, request->end_ns, request->range,
                               request->sampling.kind};
    uint64_t hash = fl_hash64(numbers, sizeof numbers, 0);
    return fl_hash64(&request->sampling.value, sizeof request->sampling.value, hash);
}

/* ---- The answer */

/* Ready members that the summary itself does not have: root causes come with search. */
static void write_extra(const fl_found_summary *found, fl_buf *extra)
{
    fl_buf_reset(extra);
    fl_buf_add_str(extra, FL_S(",\"FaultRootCauses\":[],\"ErrorRootCauses\":[],"
                               "\"ResponseTimeRootCauses\":[]"));
    if (found->matched_event_ns != FL_TIME_NONE) {
        fl_buf_add_str(extra, FL_S(",\"MatchedEventTime\":"));
        fl_buf_add_seconds(extra, found->matched_event_ns);
    }
}

static void render(fl_query_summaries *query)
{
    summaries_state *state = query->user;
    fl_buf *out = &state->call->answer;
    fl_buf extra;
    fl_buf_init(&extra, 1024);
    fl_jw w = fl_jw_of(out);
    fl_jw_open(&w, '{');
    fl_jw_key(&w, FL_S("TraceSummaries"));
    fl_jw_open(&w, '[');
    for (size_t i = 0; i < query->found_count; i++) {
        if (i > 0) {
            fl_buf_add_byte(out, ',');
        }
        write_extra(&query->found[i], &extra);
        fl_summary_emit(&query->found[i].summary, fl_buf_str(&extra), out);
    }
    fl_jw_close(&w, ']');
    int64_t covered_ns = query->reached_end ? query->request.start_ns : query->last.time_ns;
    fl_jw_key_seconds(&w, FL_S("ApproximateTime"), covered_ns);
    fl_jw_key_i64(&w, FL_S("TracesProcessedCount"), (int64_t)query->examined);
    if (!query->reached_end) {
        fl_buf_reset(&extra);
        write_token(state, &extra);
        fl_jw_key_str(&w, FL_S("NextToken"), fl_buf_str(&extra));
    }
    fl_jw_close(&w, '}');
    fl_buf_fini(&extra);
    fl_counter_add(&state->call->api->stats.summaries_cut_budget, query->over_budget);
}

static void after_query(fl_query_summaries *query)
{
    summaries_state *state = query->user;
    api_finish(state->call, query->status, &query->err);
}

/* ---- The request */

static bool read_window(api_call *call, fl_summary_request *request)
{
    static const struct {
        const char *name;
        fl_time_range range;
    } ranges[] = {
        {"TraceId", FL_RANGE_TRACE_ID}, {"Event", FL_RANGE_EVENT}, {"Service", FL_RANGE_SERVICE}};
    fl_str name;
    if (!api_member_range(call, &request->start_ns, &request->end_ns) ||
        !api_member_str(call, "TimeRangeType", 16, &name)) {
        return false;
    }
    request->range = FL_RANGE_TRACE_ID;
    bool known = name.p == NULL;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (name.p != NULL && fl_str_eq(name, fl_str_of(ranges[i].name))) {
            request->range = ranges[i].range;
            known = true;
        }
    }
    if (!known) {
        api_refuse(call, FL_E_VALIDATION, "TimeRangeType must be TraceId, Event or Service");
    }
    return known;
}

static bool read_strategy(api_call *call, yyjson_val *strategy, fl_sampling_strategy *out)
{
    fl_str name = fl_json_str(fl_json_get(strategy, FL_S("Name")));
    bool fixed = fl_str_eq(name, FL_S("FixedRate"));
    if (!fixed && !fl_str_eq(name, FL_S("PartialScan"))) {
        api_refuse(call, FL_E_VALIDATION, "SamplingStrategy.Name must be PartialScan or FixedRate");
        return false;
    }
    yyjson_val *given = fl_json_get(strategy, FL_S("Value"));
    fl_str number = fl_json_number(given);
    double most = fixed ? 1.0 : 100.0;
    if (given != NULL && !yyjson_is_null(given) && number.p == NULL) {
        api_refuse(call, FL_E_SYNTAX, "SamplingStrategy.Value must be a number");
        return false;
    }
    double value = number.p != NULL ? fl_json_double(number) : most;
    if (!(value > 0.0 && value <= most)) {
        api_refuse(call, FL_E_INVALID, "SamplingStrategy.Value must be over 0 and at most %g",
                   most);
        return false;
    }
    out->kind = fixed ? FL_SAMPLE_FIXED_RATE : FL_SAMPLE_PARTIAL_SCAN;
    out->value = value;
    return true;
}

static bool read_sampling(api_call *call, fl_sampling_strategy *out)
{
    bool sampling;
    yyjson_val *strategy;
    fl_sampling_strategy wanted = {.kind = FL_SAMPLE_ALL};
    *out = wanted;
    if (!api_member_bool(call, "Sampling", &sampling) ||
        !api_member_object(call, "SamplingStrategy", &strategy) ||
        (strategy != NULL && !read_strategy(call, strategy, &wanted))) {
        return false;
    }
    if (sampling) { /* a strategy without Sampling is ignored */
        *out = wanted;
    }
    return true;
}

static bool read_request(api_call *call, summaries_state *state)
{
    fl_summary_request *request = &state->query.request;
    fl_str token;
    if (!read_window(call, request) || !read_sampling(call, &request->sampling) ||
        !api_member_filter(call) || !api_member_str(call, "NextToken", TOKEN_MAX, &token)) {
        return false;
    }
    request->limit = PAGE_SUMMARIES;
    state->request_hash = hash_of_request(request);
    if (token.p != NULL && !read_token(state, token)) {
        api_refuse(call, FL_E_INVALID,
                   "NextToken is not one that an answer to this request gave; repeat the request "
                   "without it");
        return false;
    }
    return true;
}

void api_get_trace_summaries(api_call *call)
{
    summaries_state *state = api_state(call, sizeof *state);
    if (state == NULL) {
        return;
    }
    state->call = call;
    if (!read_request(call, state)) {
        return;
    }
    fl_query_summaries *query = &state->query;
    query->store = call->api->config.store;
    query->clock = call->api->config.clock;
    query->limits = call->api->config.limits;
    query->budget = call->api->config.scan_budget;
    query->arena = call->arena;
    query->memory = api_query_memory(call);
    query->loop = call->request->loop;
    query->render = render;
    query->done = after_query;
    query->user = state;
    fl_query_summaries_begin(query);
}
