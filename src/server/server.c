/* Wiring: what is started, in which order, and how it ends. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include "codec/codec.h"
#include "server/server.h"

#define LOOPS_MAX        64
#define STREAMS_MAX      1024
#define STREAM_IDLE_NS   0 /* a program may be silent for hours */
#define DATAGRAM_MAX     65536
#define UDP_BUFFER_BYTES (64u * 1024 * 1024) /* nearly a second of 30,000 datagrams a second */
#define ANSWER_BYTES     (64u * 1024 * 1024)
#define STOP_DEADLINE_NS (10 * FL_NS_PER_S)
#define ADDRESS_TEXT_MAX 160

typedef struct memory_numbers {
    fl_counter bodies, queries;
} memory_numbers;

struct fl_server {
    const fl_server_config *config;
    fl_log *log;
    fl_limits limits;
    fl_loop *loops[LOOPS_MAX];
    size_t loop_count;
    fl_store *store;
    fl_ingest *ingest;
    fl_api *api;
    fl_budget body_budget, query_budget;
    memory_numbers memory;
    fl_http_server *http;
    fl_udp *udp;
    fl_stream_server *stream_tcp, *stream_unix;
    fl_stream_stats streams; /* of both, for /metrics */
    char listen_text[ADDRESS_TEXT_MAX], udp_text[ADDRESS_TEXT_MAX], tcp_text[ADDRESS_TEXT_MAX];
};

/* ---- Numbers of every part, for /metrics */

static const fl_metric memory_metrics[] = {
    {"fluoro_memory_bytes", "purpose=\"bodies\"", "Memory held, by purpose.", FL_METRIC_GAUGE,
     offsetof(memory_numbers, bodies)},
    {"fluoro_memory_bytes", "purpose=\"queries\"", "", FL_METRIC_GAUGE,
     offsetof(memory_numbers, queries)},
};

static const void *memory_of(void *user)
{
    fl_server *server = user;
    fl_counter_set(&server->memory.bodies, fl_budget_used(&server->body_budget));
    fl_counter_set(&server->memory.queries, fl_budget_used(&server->query_budget));
    return &server->memory;
}
static const void *store_numbers(void *user)
{
    return fl_store_stats_get(user);
}
static const void *ingest_numbers(void *user)
{
    return fl_ingest_stats_get(user);
}
static const void *http_numbers(void *user)
{
    return fl_http_server_stats(((fl_server *)user)->http);
}
static const void *udp_numbers(void *user)
{
    return fl_udp_stats_get(user);
}

/* The streams on TCP and on the unix socket together. */
static const void *stream_numbers(void *user)
{
    fl_server *server = user;
    const fl_stream_server *listeners[] = {server->stream_tcp, server->stream_unix};
    uint64_t open = 0, total = 0, refused = 0, bytes = 0;
    for (size_t i = 0; i < 2; i++) {
        if (listeners[i] != NULL) {
            const fl_stream_stats *stats = fl_stream_server_stats(listeners[i]);
            open += fl_counter_get(&stats->connections_open);
            total += fl_counter_get(&stats->connections_total);
            refused += fl_counter_get(&stats->connections_refused);
            bytes += fl_counter_get(&stats->bytes_in);
        }
    }
    fl_counter_set(&server->streams.connections_open, open);
    fl_counter_set(&server->streams.connections_total, total);
    fl_counter_set(&server->streams.connections_refused, refused);
    fl_counter_set(&server->streams.bytes_in, bytes);
    return &server->streams;
}

/* ---- Parts */

static size_t cores(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n < 1 ? 1 : n > LOOPS_MAX ? LOOPS_MAX : (size_t)n;
}

static fl_status start_loops(fl_server *server, fl_err *err)
{
    size_t wanted = server->config->threads > 0 ? (size_t)server->config->threads : cores();
    for (size_t i = 0; i < wanted; i++) {
        FL_TRY(fl_loop_new(server->log, &server->loops[i], err));
        server->loop_count++;
        FL_TRY(fl_loop_start(server->loops[i], err));
    }
    return FL_OK;
}

static fl_status open_store(fl_server *server, fl_err *err)
{
    const fl_server_config *config = server->config;
    const fl_store_config store = {.dir = config->data.p,
                                   .loops = server->loops,
                                   .loop_count = server->loop_count,
                                   .durability = config->durability,
                                   .memory_bytes = (size_t)(config->memory_bytes / 2),
                                   .disk_bytes = config->disk_bytes,
                                   .retention_ns = config->retention_ns,
                                   .limits = server->limits,
                                   .fs = fl_fs_system(),
                                   .clock = fl_clock_system(),
                                   .log = server->log};
    return fl_store_local_open(&store, &server->store, err);
}

static fl_status start_ingest(fl_server *server, fl_err *err)
{
    const fl_ingest_config ingest = {.store = server->store,
                                     .loops = server->loops,
                                     .loop_count = server->loop_count,
                                     .limits = server->limits,
                                     .clock = fl_clock_system(),
                                     .log = server->log};
    return fl_ingest_new(&ingest, &server->ingest, err);
}

static fl_status make_api(fl_server *server, fl_err *err)
{
    const fl_api_config api = {.store = server->store,
                               .ingest = server->ingest,
                               .limits = &server->limits,
                               .query_budget = &server->query_budget,
                               .answer_bytes = ANSWER_BYTES,
                               .scan_budget = {.read_bytes = server->config->query_bytes,
                                               .time_ns = server->config->query_time_ns},
                               .clock = fl_clock_system(),
                               .log = server->log};
    FL_TRY(fl_api_new(&api, &server->api, err));
    fl_api_add_metrics(server->api, (fl_api_metrics_source){memory_metrics, 2, memory_of, server});
    fl_api_add_metrics(server->api,
                       (fl_api_metrics_source){fl_ingest_metrics, fl_ingest_metrics_count,
                                               ingest_numbers, server->ingest});
    fl_api_add_metrics(server->api,
                       (fl_api_metrics_source){fl_store_metrics, fl_store_metrics_count,
                                               store_numbers, server->store});
    fl_api_add_metrics(server->api, (fl_api_metrics_source){fl_http_metrics, fl_http_metrics_count,
                                                            http_numbers, server});
    return FL_OK;
}

/* ---- Addresses */

static void text_of(const struct sockaddr_storage *addr, char *out)
{
    fl_buf buf;
    fl_buf_init(&buf, ADDRESS_TEXT_MAX - 1);
    fl_addr_emit(addr, &buf);
    memcpy(out, buf.p != NULL ? buf.p : "", buf.n);
    out[buf.n] = '\0';
    fl_buf_fini(&buf);
}

static fl_status listen_http(fl_server *server, fl_err *err)
{
    struct sockaddr_storage addr, bound;
    FL_TRY(fl_addr_parse(server->config->listen, &addr, err));
    size_t route_count;
    const fl_http_route *routes = fl_api_routes(server->api, &route_count);
    const fl_http_config http = {.addr = addr,
                                 .loops = server->loops,
                                 .loop_count = server->loop_count,
                                 .routes = routes,
                                 .route_count = route_count,
                                 .limits = fl_http_limits_default(),
                                 .body_budget = &server->body_budget,
                                 .user = server->api,
                                 .on_error = fl_api_on_error,
                                 .clock = fl_clock_system(),
                                 .log = server->log};
    FL_TRY(fl_http_server_new(&http, &bound, &server->http, err));
    text_of(&bound, server->listen_text);
    return FL_OK;
}

static fl_status listen_udp(fl_server *server, fl_err *err)
{
    if (server->config->udp.n == 0) {
        return FL_OK;
    }
    struct sockaddr_storage addr, bound;
    FL_TRY(fl_addr_parse(server->config->udp, &addr, err));
    size_t last = server->loop_count - 1; /* the first one deals out connections */
    const fl_udp_config udp = {.addr = addr,
                               .loop = server->loops[last],
                               .max_datagram_bytes = DATAGRAM_MAX,
                               .receive_buffer_bytes = UDP_BUFFER_BYTES,
                               .user = fl_ingest_lane(server->ingest, last),
                               .on_datagram = fl_ingest_udp_datagram,
                               .on_batch_end = fl_ingest_udp_batch_end,
                               .log = server->log};
    FL_TRY(fl_udp_new(&udp, &bound, &server->udp, err));
    text_of(&bound, server->udp_text);
    fl_api_add_metrics(server->api, (fl_api_metrics_source){fl_udp_metrics, fl_udp_metrics_count,
                                                            udp_numbers, server->udp});
    return FL_OK;
}

static fl_status listen_stream(fl_server *server, const struct sockaddr_storage *addr,
                               struct sockaddr_storage *bound, fl_stream_server **out, fl_err *err)
{
    const fl_stream_config stream = {.addr = *addr,
                                     .loops = server->loops,
                                     .loop_count = server->loop_count,
                                     .connections = STREAMS_MAX,
                                     .idle_timeout_ns = STREAM_IDLE_NS,
                                     .user = server->ingest,
                                     .on_open = fl_ingest_stream_open,
                                     .on_bytes = fl_ingest_stream_bytes,
                                     .on_close = fl_ingest_stream_close,
                                     .log = server->log};
    return fl_stream_server_new(&stream, bound, out, err);
}

static fl_status listen_streams(fl_server *server, fl_err *err)
{
    fl_str tcp = server->config->segments_tcp, path = server->config->segments_socket;
    struct sockaddr_storage addr = {0}, bound;
    if (tcp.n > 0) {
        FL_TRY(fl_addr_parse(tcp, &addr, err));
        FL_TRY(listen_stream(server, &addr, &bound, &server->stream_tcp, err));
        text_of(&bound, server->tcp_text);
    }
    if (path.n > 0) {
        struct sockaddr_un *local = (struct sockaddr_un *)(void *)&addr;
        memset(&addr, 0, sizeof addr);
        local->sun_family = AF_UNIX;
        memcpy(local->sun_path, path.p, path.n);
        FL_TRY(listen_stream(server, &addr, &bound, &server->stream_unix, err));
    }
    fl_api_add_metrics(server->api,
                       (fl_api_metrics_source){fl_stream_metrics, fl_stream_metrics_count,
                                               stream_numbers, server});
    return FL_OK;
}

static void warn_of_reserved(const fl_server *server)
{
    const fl_server_config *config = server->config;
    if (config->otlp_http.n > 0 || config->otlp_grpc.n > 0) {
        FL_LOG(
            server->log, FL_LOG_WARN,
            "OTLP addresses are reserved: this version has no OTLP receiver, nothing listens there",
            fl_kv_str("otlp_http", config->otlp_http), fl_kv_str("otlp_grpc", config->otlp_grpc));
    }
}

/* ---- Ready file (DESIGN §3) */

static void write_address(fl_jw *w, fl_str key, fl_str value)
{
    fl_jw_key(w, key);
    if (value.n > 0) {
        fl_jw_str(w, value);
    } else {
        fl_jw_null(w);
    }
}

static fl_status write_ready_file(const fl_server *server, fl_err *err)
{
    if (server->config->ready_file.n == 0) {
        return FL_OK;
    }
    fl_server_addresses at = fl_server_addresses_get(server);
    fl_buf buf;
    fl_buf_init(&buf, 4096);
    fl_jw w = fl_jw_of(&buf);
    fl_jw_open(&w, '{');
    fl_jw_key_i64(&w, FL_S("pid"), getpid());
    write_address(&w, FL_S("listen"), at.listen);
    write_address(&w, FL_S("udp"), at.udp);
    write_address(&w, FL_S("otlp_http"), (fl_str){0});
    write_address(&w, FL_S("otlp_grpc"), (fl_str){0});
    write_address(&w, FL_S("segments_tcp"), at.segments_tcp);
    write_address(&w, FL_S("segments_socket"), at.segments_socket);
    fl_jw_close(&w, '}');
    fl_buf_add_byte(&buf, '\n');
    fl_status status =
        fl_fs_write_all(fl_fs_system(), server->config->ready_file.p, fl_buf_str(&buf), err);
    fl_buf_fini(&buf);
    return status;
}

/* ---- Start and stop */

/* One log file of the store is one descriptor; take what the system lets us have. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* the old limit still works, for fewer files */
    }
}

static fl_status start_all(fl_server *server, fl_err *err)
{
    FL_TRY(start_loops(server, err));
    FL_TRY(open_store(server, err));
    FL_TRY(start_ingest(server, err));
    FL_TRY(make_api(server, err));
    FL_TRY(listen_udp(server, err));
    FL_TRY(listen_streams(server, err));
    /* Last: whoever reaches it finds everything else there. */
    FL_TRY(listen_http(server, err));
    fl_api_set_ready(server->api, true);
    warn_of_reserved(server);
    return write_ready_file(server, err);
}

fl_status fl_server_start(const fl_server_config *config, fl_log *log, fl_server **out, fl_err *err)
{
    fl_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for the server");
    }
    server->config = config;
    server->log = log;
    server->limits = fl_limits_of(config->limits, config->retention_ns);
    if (config->document_bytes > 0) {
        server->limits.document_bytes = (size_t)config->document_bytes;
    }
    /* Half of it is the store's. The smallest --memory still lets one body of the largest size in,
     * packed and unpacked. */
    server->body_budget.max_bytes = (size_t)(config->memory_bytes / 8) + FL_API_BODY_MAX;
    if (server->body_budget.max_bytes < FL_API_IMPORT_MAX + FL_API_BODY_MAX) {
        server->body_budget.max_bytes = FL_API_IMPORT_MAX + FL_API_BODY_MAX;
    }
    server->query_budget.max_bytes = (size_t)(config->memory_bytes / 8 * 3);
    raise_descriptor_limit();
    fl_status status = start_all(server, err);
    if (status != FL_OK) {
        fl_server_stop_and_free(server);
        return status;
    }
    *out = server;
    return FL_OK;
}

fl_server_addresses fl_server_addresses_get(const fl_server *server)
{
    fl_server_addresses at = {.listen = fl_str_of(server->listen_text),
                              .udp = fl_str_of(server->udp_text),
                              .segments_tcp = fl_str_of(server->tcp_text)};
    if (server->stream_unix != NULL) {
        at.segments_socket = server->config->segments_socket;
    }
    return at;
}

/* Sources first, then what they feed, then what that stands on. */
void fl_server_stop_and_free(fl_server *server)
{
    if (server == NULL) {
        return;
    }
    if (server->api != NULL) {
        fl_api_set_ready(server->api, false);
    }
    if (server->http != NULL) {
        fl_http_server_stop_and_free(server->http, STOP_DEADLINE_NS);
    }
    if (server->udp != NULL) {
        fl_udp_stop_and_free(server->udp);
    }
    if (server->stream_tcp != NULL) {
        fl_stream_server_stop_and_free(server->stream_tcp);
    }
    if (server->stream_unix != NULL) {
        fl_stream_server_stop_and_free(server->stream_unix);
    }
    fl_ingest_stop_and_free(server->ingest);
    if (server->store != NULL) {
        fl_store_close_and_free(server->store);
    }
    for (size_t i = 0; i < server->loop_count; i++) {
        fl_loop_stop_and_free(server->loops[i]);
    }
    fl_api_free(server->api);
    free(server);
}
