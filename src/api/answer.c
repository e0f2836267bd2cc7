/* Answers and errors on the wire (api.md §1.4, §1.5). */
#include <stdarg.h>
#include <stdio.h>

#include "api/api_int.h"

#define ERROR_BODY_MAX 4096

static uint64_t next_random(fl_api *api)
{
    uint64_t z = atomic_fetch_add(&api->request_seed, UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

fl_str api_request_id(fl_api *api, fl_arena *arena)
{
    uint64_t a = next_random(api), b = next_random(api);
    char text[37];
    int n = snprintf(text, sizeof text, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32),
                     (unsigned)(a >> 16) & 0xffff, (unsigned)a & 0xfff,
                     (unsigned)((b >> 48) & 0x3fff) | 0x8000,
                     (unsigned long long)(b & UINT64_C(0xffffffffffff)));
    return fl_str_dup(arena, (fl_str){text, (size_t)n});
}

static void free_call_memory(api_call *call)
{
    fl_arena_fini(&call->memory);
    fl_buf_fini(&call->answer);
}

static void add_latency(const api_call *call)
{
    int64_t now_ns = fl_clock_mono(call->api->config.clock);
    fl_histogram_add(&call->stats->latency, now_ns - call->request->started_mono_ns);
}

void api_answer_http(api_call *call, int http)
{
    if (call->answer.status != FL_OK) {
        api_refuse(call, call->answer.status,
                   "the answer would pass %zu bytes; ask for less at a time",
                   call->answer.max_bytes);
        return;
    }
    fl_counter_add(&call->stats->refused, http >= 400);
    add_latency(call);
    const fl_http_header header = {FL_S("x-amzn-RequestId"),
                                   api_request_id(call->api, call->arena)};
    fl_buf body = call->answer;
    call->answer = (fl_buf){0};
    free_call_memory(call);
    fl_http_respond(call->request, &(fl_http_response){.status = http,
                                                       .content_type = FL_S("application/json"),
                                                       .headers = &header,
                                                       .header_count = 1,
                                                       .body = &body});
}

void api_answer(api_call *call)
{
    api_answer_http(call, 200);
}

/* The body is only to be freed by who takes it, so it stands in the arena until then. */
static void write_error_body(fl_buf *body, const char *name, const char *message)
{
    fl_jw w = fl_jw_of(body);
    fl_jw_open(&w, '{');
    fl_jw_key_str(&w, FL_S("__type"), fl_str_of(name));
    fl_jw_key_str(&w, FL_S("Message"), fl_str_of(message));
    fl_jw_key_str(&w, FL_S("message"), fl_str_of(message));
    fl_jw_close(&w, '}');
}

void api_error_response(fl_api *api, fl_arena *arena, fl_status status, int http_status,
                        const char *message, fl_http_response *response)
{
    const char *name = fl_status_of(status)->error_name;
    fl_buf *body = FL_ARENA_NEW(arena, fl_buf);
    fl_http_header *headers = FL_ARENA_ARRAY(arena, fl_http_header, 2);
    response->status = http_status;
    response->content_type = FL_S("application/json");
    if (body == NULL || headers == NULL) {
        return; /* status line alone */
    }
    fl_buf_init(body, ERROR_BODY_MAX);
    write_error_body(body, name, message);
    headers[0] = (fl_http_header){FL_S("x-amzn-RequestId"), api_request_id(api, arena)};
    headers[1] = (fl_http_header){FL_S("x-amzn-ErrorType"), fl_str_of(name)};
    response->body = body;
    response->headers = headers;
    response->header_count = 2;
}

void fl_api_on_error(void *user, fl_arena *arena, fl_status status, int http_status,
                     const char *message, fl_http_response *response)
{
    api_error_response(user, arena, status, http_status, message, response);
}

void api_refuse_http(api_call *call, fl_status status, int http, const char *message)
{
    fl_counter_add(http >= 500 ? &call->stats->failed : &call->stats->refused, 1);
    fl_log_level level = http >= 500 ? FL_LOG_ERROR : FL_LOG_DEBUG;
    FL_LOG(call->api->config.log, level, "call refused",
           fl_kv_text("operation", call->operation->name),
           fl_kv_text("error", fl_status_of(status)->error_name), fl_kv_text("message", message));
    add_latency(call);
    free_call_memory(call);
    fl_http_response response = {0};
    api_error_response(call->api, call->arena, status, http, message, &response);
    fl_http_respond(call->request, &response);
}

static void refuse(api_call *call, fl_status status, const char *message)
{
    api_refuse_http(call, status, fl_status_of(status)->http, message);
}

void api_refuse(api_call *call, fl_status status, const char *format, ...)
{
    char message[FL_ERR_MESSAGE_MAX * 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    refuse(call, status, message);
}

void api_refuse_err(api_call *call, fl_status status, const fl_err *err)
{
    refuse(call, status, fl_err_text(err, status));
}

void api_finish(api_call *call, fl_status status, const fl_err *err)
{
    if (status == FL_OK) {
        api_answer(call);
    } else {
        api_refuse_err(call, status, err);
    }
}

void *api_state(api_call *call, size_t bytes)
{
    void *state = fl_arena_zalloc(call->arena, bytes);
    if (state == NULL) {
        api_refuse(call, FL_E_NOMEM, "no memory for the request");
    }
    return state;
}
