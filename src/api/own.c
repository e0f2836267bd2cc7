/* fluoro's own endpoints: /healthz and /metrics. */
#include <stdio.h>
#include <unistd.h>

#include "api/api_int.h"

#define PAGE_MAX (1024u * 1024)

static void respond(fl_http_request *request, int status, fl_str content_type, fl_buf *body)
{
    fl_http_respond(
        request, &(fl_http_response){.status = status, .content_type = content_type, .body = body});
}

void api_healthz(fl_http_request *request)
{
    const fl_api *api = request->user;
    bool ready = atomic_load(&api->ready);
    fl_buf body;
    fl_buf_init(&body, 256);
    fl_buf_add_str(&body, ready ? FL_S("{\"status\":\"ok\",\"version\":\"" FLUORO_VERSION "\"}\n")
                                : FL_S("{\"status\":\"starting or stopping\"}\n"));
    respond(request, ready ? 200 : 503, FL_S("application/json"), &body);
}

/* Resident memory as the kernel counts it; 0 if it does not tell. */
static uint64_t resident_bytes(void)
{
    char line[128];
    uint64_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) {
        return 0;
    }
    if (fgets(line, sizeof line, file) != NULL) {
        fl_str rest = fl_str_of(line);
        (void)fl_str_cut(&rest, ' '); /* total size */
        (void)fl_str_to_u64(fl_str_cut(&rest, ' '), &pages);
    }
    (void)fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

typedef struct process_numbers {
    fl_counter resident_bytes;
} process_numbers;

static const fl_metric process_metrics[] = {
    {"process_resident_memory_bytes", "", "Resident memory of the process.", FL_METRIC_GAUGE,
     offsetof(process_numbers, resident_bytes)},
};

void api_metrics_page(fl_http_request *request)
{
    fl_api *api = request->user;
    fl_buf body;
    fl_buf_init(&body, PAGE_MAX);
    if (!atomic_load(&api->ready)) { /* a part may not be there yet, or not any more */
        fl_buf_add_str(&body, FL_S("starting or stopping\n"));
        respond(request, 503, FL_S("text/plain"), &body);
        return;
    }
    process_numbers process = {0};
    fl_counter_set(&process.resident_bytes, resident_bytes());
    fl_metrics_emit(&body, process_metrics, 1, &process);
    fl_metrics_emit(&body, api_metrics, api_metrics_count, &api->stats);
    for (size_t i = 0; i < api->source_count; i++) {
        const fl_api_metrics_source *source = &api->sources[i];
        fl_metrics_emit(&body, source->rows, source->count, source->numbers(source->user));
    }
    if (body.status != FL_OK) {
        fl_buf_reset(&body);
        fl_buf_add_str(&body, FL_S("the page has outgrown its limit\n"));
        respond(request, 500, FL_S("text/plain"), &body);
        return;
    }
    respond(request, 200, FL_S("text/plain; version=0.0.4; charset=utf-8"), &body);
}

void fl_api_add_metrics(fl_api *api, fl_api_metrics_source source)
{
    if (api->source_count == API_METRICS_SOURCES) {
        fl_bug("too many sources of metrics");
    }
    api->sources[api->source_count++] = source;
}
