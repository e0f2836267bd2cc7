/* The table of operations (api.md §2) and what follows from it: routes, metrics, dispatch. */
#include <stdlib.h>

#include "api/api_int.h"

const api_operation api_operations[API_OPERATIONS] = {
#define ROW(name, path, body, max, run) {#name, path, body, max, run},
    API_OPERATION_TABLE(ROW)
#undef ROW
};

bool fl_api_operation(size_t i, const char **name, const char **path)
{
    if (i >= API_OPERATIONS) {
        return false;
    }
    *name = api_operations[i].name;
    *path = api_operations[i].path;
    return true;
}

/* ---- Dispatch */

/* The caller's own trace header is not ours to follow yet, but a broken one is worth a number. */
static void count_trace_header(fl_api *api, const fl_http_request *request)
{
    fl_str text = fl_http_header_get(request, FL_S("x-amzn-trace-id"));
    if (text.p == NULL) {
        return;
    }
    fl_trace_header header;
    fl_trace_header_parse(text, &header);
    fl_counter_add(&api->stats.bad_trace_header_root, header.malformed_root);
    fl_counter_add(&api->stats.bad_trace_header_parent, header.malformed_parent);
}

static fl_status read_input(api_call *call, fl_err *err)
{
    fl_str body = fl_str_trim(call->request->body);
    if (body.n == 0) {
        return FL_OK;
    }
    fl_json_mode mode =
        call->api->config.limits->profile == FL_PROFILE_AWS ? FL_JSON_STRICT : FL_JSON_REPAIR_UTF8;
    FL_TRY(fl_json_read(&call->memory, body, mode, &call->input, NULL, err));
    if (!yyjson_is_obj(call->input)) {
        FL_FAIL(err, FL_E_SYNTAX, "the request body is not a JSON object");
    }
    return FL_OK;
}

static void run_operation(fl_http_request *request)
{
    fl_api *api = request->user;
    const api_operation *operation = request->route->operation;
    api_call *call = FL_ARENA_NEW(request->arena, api_call);
    if (call == NULL) {
        fl_http_response response = {0};
        api_error_response(api, request->arena, FL_E_NOMEM, 503, "no memory for the request",
                           &response);
        fl_http_respond(request, &response);
        return;
    }
    call->api = api;
    call->request = request;
    call->operation = operation;
    call->stats = &api->stats.operations[operation - api_operations];
    call->arena = request->arena;
    fl_arena_init(&call->memory, api->config.query_budget->max_bytes);
    call->memory.budget = api->config.query_budget;
    fl_buf_init(&call->answer, api->config.answer_bytes);
    fl_counter_add(&call->stats->calls, 1);
    count_trace_header(api, request);
    fl_err err = {0};
    fl_status status = operation->body == API_JSON ? read_input(call, &err) : FL_OK;
    if (status != FL_OK) {
        api_refuse_err(call, status, &err);
        return;
    }
    operation->run(call);
}

fl_arena *api_query_memory(api_call *call)
{
    call->memory.max_bytes = call->api->config.query_budget->max_bytes / 4 * 3;
    return &call->memory;
}

/* ---- Routes */

static const fl_http_route own_routes[] = {
    {"GET", "/healthz", api_healthz, 0, NULL},
    {"GET", "/metrics", api_metrics_page, 0, NULL},
};
#define OWN_ROUTES (sizeof own_routes / sizeof own_routes[0])

fl_status fl_api_new(const fl_api_config *config, fl_api **out, fl_err *err)
{
    fl_api *api = calloc(1, sizeof *api);
    fl_http_route *routes = calloc(API_OPERATIONS + OWN_ROUTES, sizeof *routes);
    if (api == NULL || routes == NULL) {
        free(api);
        free(routes);
        FL_FAIL(err, FL_E_NOMEM, "no memory for the API");
    }
    api->config = *config;
    api->routes = routes;
    for (size_t i = 0; i < API_OPERATIONS; i++) {
        routes[i] = (fl_http_route){"POST", api_operations[i].path, run_operation,
                                    api_operations[i].max_body_bytes, &api_operations[i]};
    }
    memcpy(routes + API_OPERATIONS, own_routes, sizeof own_routes);
    api->route_count = API_OPERATIONS + OWN_ROUTES;
    uint64_t seed = (uint64_t)fl_clock_wall(config->clock) ^ (uint64_t)fl_clock_mono(config->clock)
                                                                 << 20;
    atomic_init(&api->request_seed, seed);
    atomic_init(&api->ready, false);
    *out = api;
    return FL_OK;
}

void fl_api_free(fl_api *api)
{
    if (api != NULL) {
        free(api->routes);
        free(api);
    }
}

const fl_http_route *fl_api_routes(const fl_api *api, size_t *count)
{
    *count = api->route_count;
    return api->routes;
}

void fl_api_set_ready(fl_api *api, bool ready)
{
    atomic_store(&api->ready, ready);
}
