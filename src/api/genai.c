/* GenAI usage (bedrock.md §4.5): what models and tools were used for in a time range. */
#include "api/api_int.h"

#define GROUPS_MAX   1000
#define CURRENCY_MAX 16
#define GROUP_BY_MAX 32
/* Then it answers with what it has: a reader waits for 30 s, and asks for less the next time. */
#define TIME_MAX_NS (20 * FL_NS_PER_S)

typedef struct usage_state {
    fl_query_usage query;
    api_call *call;
    fl_genai_group_by by;
    fl_str currency;
    fl_arena rows;   /* of a page */
    fl_arena report; /* the groups */
} usage_state;

/* ---- The answer */

static void write_latency(fl_jw *w, const fl_genai_row *row)
{
    const struct {
        const char *name;
        double ms;
    } ranks[] = {{"P50", row->p50_ms}, {"P95", row->p95_ms}, {"P99", row->p99_ms}};
    fl_jw_key(w, FL_S("Latency"));
    fl_jw_open(w, '{');
    for (size_t i = 0; i < sizeof ranks / sizeof ranks[0]; i++) {
        int64_t us = (int64_t)(ranks[i].ms * 1000 + 0.5);
        fl_jw_key_seconds(w, fl_str_of(ranks[i].name), us * FL_NS_PER_US);
    }
    fl_jw_close(w, '}');
}

static void write_numbers(fl_jw *w, const fl_genai_row *row)
{
    const struct {
        const char *name;
        uint64_t number;
    } counts[] = {
        {"CallCount", row->calls},
        {"FaultCount", row->faults},
        {"ErrorCount", row->errors},
        {"ThrottleCount", row->throttles},
        {"TimeoutCount", row->timeouts},
        {"RetryCount", row->retries},
        {"PromptTokens", row->prompt_tokens},
        {"CompletionTokens", row->completion_tokens},
        {"UnpricedCount", row->unpriced},
    };
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        fl_jw_key(w, fl_str_of(counts[i].name));
        fl_jw_u64(w, counts[i].number);
    }
    fl_jw_key_seconds(w, FL_S("CostUsd"), row->cost_nano); /* 1e-9 of it, as of a second */
    write_latency(w, row);
}

static void write_group(fl_jw *w, const fl_genai_row *row)
{
    fl_jw_open(w, '{');
    fl_jw_key(w, FL_S("Value"));
    if (row->value.p != NULL) {
        fl_jw_str(w, row->value);
    } else {
        fl_jw_null(w);
    }
    write_numbers(w, row);
    fl_jw_close(w, '}');
}

static void write_coverage(const fl_query_usage *query, fl_jw *w)
{
    fl_jw_key_i64(w, FL_S("TracesProcessedCount"), (int64_t)query->traces);
    fl_jw_key_i64(w, FL_S("TracesLeftOutCount"), (int64_t)query->left_out);
    fl_jw_key_seconds(w, FL_S("ApproximateTime"), query->covered_ns);
    fl_jw_key_bool(w, FL_S("Complete"), query->reached_end && query->left_out == 0);
}

static void render(fl_query_usage *query)
{
    usage_state *state = query->user;
    fl_genai_row *rows, sum;
    size_t count;
    fl_arena_reset(query->memory); /* of the last page */
    query->status =
        fl_genai_usage_rows(query->usage, query->memory, &rows, &count, &sum, &query->err);
    if (query->status != FL_OK) {
        return;
    }
    fl_jw w = fl_jw_of(&state->call->answer);
    fl_jw_open(&w, '{');
    fl_jw_key_str(&w, FL_S("GroupBy"), fl_str_of(fl_genai_group_name(state->by)));
    fl_jw_key_str(&w, FL_S("Currency"), state->currency);
    fl_jw_key(&w, FL_S("Groups"));
    fl_jw_open(&w, '[');
    for (size_t i = 0; i < count; i++) {
        write_group(&w, &rows[i]);
    }
    fl_jw_close(&w, ']');
    fl_jw_key(&w, FL_S("Total"));
    fl_jw_open(&w, '{');
    write_numbers(&w, &sum);
    fl_jw_close(&w, '}');
    write_coverage(query, &w);
    fl_jw_close(&w, '}');
}

static bool go_on(fl_query_usage *query)
{
    const usage_state *state = query->user;
    const fl_api *api = state->call->api;
    int64_t spent_ns = fl_clock_mono(api->config.clock) - state->call->request->started_mono_ns;
    return atomic_load(&api->ready) && spent_ns < TIME_MAX_NS;
}

static void finish(usage_state *state, fl_status status, const fl_err *err)
{
    fl_arena_fini(&state->rows);
    fl_arena_fini(&state->report);
    api_finish(state->call, status, err);
}

static void after_query(fl_query_usage *query)
{
    finish(query->user, query->status, &query->err);
}

/* ---- The request */

static bool read_group_by(api_call *call, fl_genai_group_by *out)
{
    fl_str name;
    *out = FL_GENAI_BY_MODEL;
    if (!api_member_str(call, "GroupBy", GROUP_BY_MAX, &name)) {
        return false;
    }
    if (name.p != NULL && !fl_genai_group_parse(name, out)) {
        api_refuse(call, FL_E_VALIDATION,
                   "GroupBy must be model, provider, agent_id, tool_name, tenant, route or "
                   "experiment_id");
        return false;
    }
    return true;
}

static bool read_currency(api_call *call, fl_str *out)
{
    fl_str given;
    if (!api_member_str(call, "Currency", CURRENCY_MAX, &given)) {
        return false;
    }
    *out = fl_str_dup(call->arena, given.n > 0 ? given : FL_S("USD")); /* the input goes first */
    if (out->p == NULL) {
        api_refuse(call, FL_E_NOMEM, "no memory for the request");
        return false;
    }
    return true;
}

static bool read_request(api_call *call, usage_state *state)
{
    return api_member_range(call, &state->query.start_ns, &state->query.end_ns) &&
           read_group_by(call, &state->by) && api_member_filter(call) &&
           read_currency(call, &state->currency);
}

static void init_arena(const api_call *call, fl_arena *arena)
{
    fl_arena_init(arena, call->api->config.query_budget->max_bytes);
    arena->budget = call->api->config.query_budget;
}

void api_get_genai_usage(api_call *call)
{
    fl_err err = {0};
    usage_state *state = api_state(call, sizeof *state);
    if (state == NULL) {
        return;
    }
    state->call = call;
    if (!read_request(call, state)) {
        return;
    }
    fl_query_usage *query = &state->query;
    init_arena(call, &state->rows);
    init_arena(call, &state->report);
    fl_status status =
        fl_genai_usage_new(&state->report, state->by, GROUPS_MAX, &query->usage, &err);
    if (status != FL_OK) {
        finish(state, status, &err);
        return;
    }
    query->store = call->api->config.store;
    query->clock = call->api->config.clock;
    query->budget = call->api->config.scan_budget;
    query->arena = &state->rows;
    query->memory = api_query_memory(call);
    query->loop = call->request->loop;
    query->go_on = go_on;
    query->render = render;
    query->done = after_query;
    query->user = state;
    fl_query_usage_begin(query);
}
