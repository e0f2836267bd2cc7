/* fluoro demo: traffic of a web shop, in a burst that ends now or live. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/cli_int.h"
#include "cli/demo_int.h"
#include "cli/options_int.h"
#include "cli/sender_int.h"

#define TRACE_BYTES    ((size_t)16 << 20)
#define ACTIVE_MAX     4096                /* traces at a time */
#define BURST_SPAN_NS  (600 * FL_NS_PER_S) /* a burst's traces began in so many last minutes */
#define LONGEST_NS     (15 * FL_NS_PER_S)  /* no trace of the shop takes longer */
#define DOCUMENT_BYTES ((size_t)64 << 10)

typedef struct settings {
    fl_common common;
    uint64_t traces, rate, seed;
    const char *udp;
    bool http;
} settings;

static const fl_option options[] = {
    {"traces", FL_OPTION_NUMBER, "N", "how many; 0: until Ctrl-C, with --rate [20]",
     offsetof(settings, traces), 0, 1000000, NULL},
    {"rate", FL_OPTION_NUMBER, "PER_S", "live, so many a second [at once, back-dated]",
     offsetof(settings, rate), 0, 500, NULL},
    {"seed", FL_OPTION_NUMBER, "N", "the same traffic again, but for its times",
     offsetof(settings, seed), 0, UINT64_MAX, NULL},
    {"udp", FL_OPTION_TEXT, "HOST:PORT", "datagrams to there [the server's address]",
     offsetof(settings, udp), 0, 0, NULL},
    {"http", FL_OPTION_FLAG, NULL, "PutTraceSegments instead of datagrams",
     offsetof(settings, http), 0, 0, NULL},
    FL_OPTION_JSON(settings, common, "what was sent as a JSON object"),
    FL_OPTION_SERVER(settings, common),
};

static const fl_usage usage = {
    .name = "demo",
    .operands = "",
    .about = "Sends the traffic of a web shop as X-Ray SDKs do, by datagrams of the daemon\n"
             "protocol: five services, databases, a queue, slow queries, faults, throttles.\n",
    .examples = "  fluoro demo\n"
                "  fluoro demo --traces 0 --rate 5\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
};

typedef struct totals {
    uint64_t traces, documents, bytes, faults, errors, throttles, slow;
    fl_trace_id newest;
    bool newest_is_first_kind; /* and that is the one with the most to tell */
} totals;

/* A trace whose documents are being sent. */
typedef struct active {
    fl_arena arena;
    fl_demo_trace trace;
    size_t next;
} active;

typedef struct run {
    const settings *given;
    fl_sender *sender;
    fl_demo_random random;
    int64_t first_ns, gap_ns; /* starts of the traces */
    uint64_t started;
    active *active[ACTIVE_MAX];
    size_t active_count;
    fl_buf document;
    totals totals;
} run;

/* ---- One trace */

static bool more_to_start(const run *r)
{
    bool endless = r->given->traces == 0;
    return (endless || r->started < r->given->traces) && r->active_count < ACTIVE_MAX;
}

static int64_t next_start_ns(const run *r)
{
    return r->first_ns + (int64_t)r->started * r->gap_ns;
}

static void count_trace(totals *t, const fl_demo_trace *trace, uint64_t index)
{
    t->traces++;
    t->faults += trace->fault;
    t->errors += trace->error;
    t->throttles += trace->throttle;
    t->slow += trace->slow;
    t->newest = trace->id;
    t->newest_is_first_kind = index == 0;
}

static fl_status start_trace(run *r, fl_err *err)
{
    active *a = calloc(1, sizeof *a);
    if (a == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    fl_arena_init(&a->arena, TRACE_BYTES);
    uint64_t index = r->given->traces > 0 ? r->given->traces - 1 - r->started : r->started;
    fl_status status = fl_demo_shop(&a->arena, &r->random, index, next_start_ns(r), &a->trace, err);
    if (status != FL_OK) {
        fl_arena_fini(&a->arena);
        free(a);
        return status;
    }
    r->active[r->active_count++] = a;
    r->started++;
    count_trace(&r->totals, &a->trace, index);
    return FL_OK;
}

static void drop_trace(run *r, size_t i)
{
    fl_arena_fini(&r->active[i]->arena);
    free(r->active[i]);
    r->active[i] = r->active[--r->active_count];
}

static fl_status send_next(run *r, size_t i, fl_err *err)
{
    active *a = r->active[i];
    fl_buf_reset(&r->document);
    const fl_segment *segment = a->trace.documents[a->next].segment;
    fl_segment_emit(segment, &r->document);
    a->next++;
    if (r->document.status != FL_OK) {
        FL_FAIL(err, r->document.status, "a demo document is too large");
    }
    FL_TRY(fl_sender_send(r->sender, segment->id, fl_buf_str(&r->document), err));
    r->totals.documents++;
    r->totals.bytes += r->document.n;
    if (a->next == a->trace.count) {
        drop_trace(r, i);
    }
    return FL_OK;
}

/* ---- All of them */

static int64_t due_of(const active *a)
{
    return a->trace.documents[a->next].send_ns;
}

/* The trace whose next document is due first, 0 if there is none. */
static size_t earliest(const run *r)
{
    size_t best = 0;
    for (size_t i = 1; i < r->active_count; i++) {
        best = due_of(r->active[i]) < due_of(r->active[best]) ? i : best;
    }
    return best;
}

/* Waits until a wall-clock time; false when the user or the system asks to stop. */
static bool wait_until(int64_t ns)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    int64_t left_ns = ns - fl_clock_wall(fl_clock_system());
    left_ns = left_ns > 0 ? left_ns : 0;
    struct timespec timeout = {left_ns / FL_NS_PER_S, left_ns % FL_NS_PER_S};
    return sigtimedwait(&stop, NULL, &timeout) < 0;
}

static void block_stop_signals(void)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    sigprocmask(SIG_BLOCK, &stop, NULL);
}

/* The next event is a trace's start or a document's turn, whichever is earlier. */
static fl_status send_all(run *r, fl_err *err)
{
    while (more_to_start(r) || r->active_count > 0) {
        size_t next = earliest(r);
        int64_t due_ns = r->active_count > 0 ? due_of(r->active[next]) : INT64_MAX;
        bool start = more_to_start(r) && next_start_ns(r) <= due_ns;
        due_ns = start ? next_start_ns(r) : due_ns;
        if (due_ns > fl_clock_wall(fl_clock_system())) {
            FL_TRY(fl_sender_flush(r->sender, err)); /* nothing is held back while we wait */
        }
        if (!wait_until(due_ns)) {
            break;
        }
        FL_TRY(start ? start_trace(r, err) : send_next(r, next, err));
    }
    return fl_sender_flush(r->sender, err);
}

static void plan(run *r, const settings *given)
{
    int64_t now_ns = fl_clock_wall(fl_clock_system());
    r->given = given;
    r->random.state = given->seed != UINT64_MAX ? given->seed : (uint64_t)now_ns;
    if (given->rate > 0) {
        r->first_ns = now_ns;
        r->gap_ns = FL_NS_PER_S / (int64_t)given->rate;
    } else {
        r->first_ns = now_ns - LONGEST_NS - BURST_SPAN_NS;
        r->gap_ns = given->traces > 1 ? BURST_SPAN_NS / (int64_t)(given->traces - 1) : 0;
        r->first_ns += given->traces > 1 ? 0 : BURST_SPAN_NS;
    }
}

static fl_status open_sender(const settings *given, const fl_server_address *address,
                             fl_sender **out, fl_err *err)
{
    if (given->http) {
        return fl_sender_new_http(address, out, err);
    }
    if (given->udp == NULL) {
        return fl_sender_new_udp(address->host, address->port, out, err);
    }
    return fl_sender_new_udp_to(given->udp, out, err);
}

/* ---- Report */

static void report_json(const totals *t, fl_buf *out)
{
    fl_buf id;
    fl_buf_init(&id, 64);
    fl_trace_id_emit(t->newest, &id);
    fl_jw w = fl_jw_of(out);
    fl_jw_open(&w, '{');
    fl_jw_key_i64(&w, FL_S("traces"), (int64_t)t->traces);
    fl_jw_key_i64(&w, FL_S("documents"), (int64_t)t->documents);
    fl_jw_key_i64(&w, FL_S("bytes"), (int64_t)t->bytes);
    fl_jw_key_i64(&w, FL_S("faults"), (int64_t)t->faults);
    fl_jw_key_i64(&w, FL_S("errors"), (int64_t)t->errors);
    fl_jw_key_i64(&w, FL_S("throttles"), (int64_t)t->throttles);
    fl_jw_key_i64(&w, FL_S("slow"), (int64_t)t->slow);
    fl_jw_key_str(&w, FL_S("newest"), fl_buf_str(&id));
    fl_jw_close(&w, '}');
    fl_buf_add_byte(out, '\n');
    fl_buf_fini(&id);
}

static void add_count(fl_buf *out, const char *before, uint64_t count, const char *one,
                      const char *many)
{
    fl_buf_add_str(out, fl_str_of(before));
    fl_buf_add_u64(out, count);
    fl_buf_add_str(out, fl_str_of(count == 1 ? one : many));
}

static void add_next_step(fl_buf *out, const char *command, const fl_server_address *address,
                          const char *why)
{
    fl_buf_add_str(out, FL_S("  fluoro "));
    fl_buf_add_str(out, fl_str_of(command));
    if (!address->is_implied) {
        fl_buf_add_str(out, FL_S(" --server "));
        fl_buf_add_str(out, fl_str_of(address->url));
    }
    fl_buf_add_str(out, FL_S("   # "));
    fl_buf_add_str(out, fl_str_of(why));
    fl_buf_add_byte(out, '\n');
}

static void report(const totals *t, const fl_server_address *address, fl_buf *out)
{
    add_count(out, "Sent ", t->traces, " trace", " traces");
    add_count(out, " in ", t->documents, " document", " documents");
    add_count(out, " (", (t->bytes + 1023) / 1024, " kB)", " kB)");
    add_count(out, ", among them ", t->faults, " fault", " faults");
    add_count(out, ", ", t->errors, " error", " errors");
    add_count(out, ", ", t->throttles, " throttled", " throttled");
    add_count(out, ", ", t->slow, " slow", " slow");
    fl_buf_add_str(out, FL_S(".\n\nLook at them:\n"));
    add_next_step(out, "traces      ", address, "the list, newest first");
    add_next_step(out, "trace latest", address,
                  t->newest_is_first_kind ? "a checkout whose payment failed" : "the newest one");
}

static fl_status send_demo(run *r, const settings *given, fl_buf *out, fl_err *err)
{
    fl_server_address address;
    if (given->traces == 0 && given->rate == 0) {
        FL_FAIL(err, FL_E_INVALID, "--traces 0 goes on until Ctrl-C, so it needs --rate");
    }
    FL_TRY(fl_server_resolve(given->common.server, &address, err));
    FL_TRY(open_sender(given, &address, &r->sender, err));
    block_stop_signals();
    plan(r, given);
    FL_TRY(send_all(r, err));
    if (given->common.json) {
        report_json(&r->totals, out);
    } else {
        report(&r->totals, &address, out);
    }
    return FL_OK;
}

int fl_cli_demo(int argc, char **argv)
{
    settings given = {.traces = 20, .seed = UINT64_MAX};
    fl_operands operands;
    int exit_code;
    if (!fl_usage_read(&usage, argc, argv, &given, &operands, &exit_code)) {
        return exit_code;
    }
    run *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return fl_cli_fail(NULL, FL_E_NOMEM);
    }
    fl_buf out;
    fl_err err = {0};
    fl_buf_init(&out, FL_CLI_OUTPUT_MAX);
    fl_buf_init(&r->document, DOCUMENT_BYTES);
    fl_status status = send_demo(r, &given, &out, &err);
    while (r->active_count > 0) {
        drop_trace(r, 0);
    }
    fl_sender_free(r->sender);
    fl_buf_fini(&r->document);
    free(r);
    return fl_cli_finish(status, &out, &err);
}
