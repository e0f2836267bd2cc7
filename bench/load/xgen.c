/*
 * xgen - deterministic trace workload, the same logical traces in every wire format.
 *
 *   xgen --spans 1000000 --seed 42 --out DIR [--base EPOCH_SECONDS] [--window SECONDS]
 *        [--batch 500] [--docs 50] [--no-otlp] [--no-xray] [--no-zipkin]
 *        [--no-udp]
 *
 * Writes into DIR (all payload files use the record framing read by replay.c):
 *   otlp.rec      ExportTraceServiceRequest protobufs, ~batch spans each, grouped by resource
 *   zipkin.rec    Zipkin v2 proto3 ListOfSpans, the same batches
 *   xray-udp.rec  one X-Ray daemon datagram per segment (header line + segment JSON)
 *   xray-put.rec  PutTraceSegments request bodies, `docs` segment documents each
 *   truth.json    what a correct server must answer (counts, ids, edges), for the query checker
 *   stats.txt     shape of the generated data
 *
 * Record framing: 8 bytes magic "FLREC001", then records of
 *   u32le payload length, u32le spans in it, payload.
 *
 * The model: 40 services in 7 layers (a DAG), 5..40 spans a trace, client and server spans,
 * SQL / DynamoDB / S3 / SQS / Redis leaf calls and internal spans, Zipf operations, lognormal
 * self times, 2 % of traces with a fault (exception + stack, carried upwards), 3 % with a 4xx,
 * 0.3 % throttled; every server span carries 3..6 annotations. Ids depend on the seed and the
 * base time only (an X-Ray trace id starts with its epoch second); everything else on the seed.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* ------------------------------------------------------------------ random */

static uint64_t mix64(uint64_t z)
{
    z += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

typedef struct {
    uint64_t s;
} Rng;

static uint64_t rnd(Rng *r)
{
    r->s += 0x9e3779b97f4a7c15ULL;
    return mix64(r->s);
}
static double rnd01(Rng *r)
{
    return (double)(rnd(r) >> 11) * 0x1.0p-53;
}
static uint32_t rndn(Rng *r, uint32_t n)
{
    return (uint32_t)(((rnd(r) >> 32) * (uint64_t)n) >> 32);
}

static double rnd_normal(Rng *r)
{
    double u = rnd01(r), v = rnd01(r);
    if (u < 1e-300)
        u = 1e-300;
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

static double rnd_lognormal(Rng *r, double median, double sigma)
{
    return median * exp(sigma * rnd_normal(r));
}

/* Zipf by a cumulative table */
typedef struct {
    int n;
    double *cum;
} Zipf;

static Zipf zipf_make(int n, double s)
{
    Zipf z = {n, malloc(sizeof(double) * (size_t)n)};
    double sum = 0;
    for (int i = 0; i < n; i++)
        z.cum[i] = (sum += 1.0 / pow(i + 1, s));
    for (int i = 0; i < n; i++)
        z.cum[i] /= sum;
    return z;
}

static int zipf_pick(const Zipf *z, Rng *r)
{
    double u = rnd01(r);
    int lo = 0, hi = z->n - 1;
    while (lo < hi) {
        int m = (lo + hi) / 2;
        if (z->cum[m] < u)
            lo = m + 1;
        else
            hi = m;
    }
    return lo;
}

/* ------------------------------------------------------------------ buffer */

typedef struct {
    uint8_t *p;
    size_t n, cap;
} Buf;

static void buf_need(Buf *b, size_t more)
{
    if (b->n + more <= b->cap)
        return;
    while (b->cap < b->n + more)
        b->cap = b->cap ? b->cap * 2 : 4096;
    b->p = realloc(b->p, b->cap);
    if (!b->p) {
        perror("realloc");
        exit(1);
    }
}
static void put(Buf *b, const void *d, size_t n)
{
    buf_need(b, n);
    memcpy(b->p + b->n, d, n);
    b->n += n;
}
static void put1(Buf *b, uint8_t c)
{
    buf_need(b, 1);
    b->p[b->n++] = c;
}
static void puts0(Buf *b, const char *s)
{
    put(b, s, strlen(s));
}
static void putf(Buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void putf(Buf *b, const char *fmt, ...)
{
    va_list ap;
    buf_need(b, 2048);
    va_start(ap, fmt);
    int k = vsnprintf((char *)b->p + b->n, 2048, fmt, ap);
    va_end(ap);
    if (k < 0 || k >= 2048) {
        fprintf(stderr, "putf overflow\n");
        exit(1);
    }
    b->n += (size_t)k;
}

/* ---------------------------------------------------------------- protobuf */

static void pb_varint(Buf *b, uint64_t v)
{
    while (v >= 0x80) {
        put1(b, (uint8_t)(v | 0x80));
        v >>= 7;
    }
    put1(b, (uint8_t)v);
}
static void pb_tag(Buf *b, int field, int wire)
{
    pb_varint(b, (uint64_t)field << 3 | (uint64_t)wire);
}
static void pb_uint(Buf *b, int field, uint64_t v)
{
    pb_tag(b, field, 0);
    pb_varint(b, v);
}
static void pb_fixed64(Buf *b, int field, uint64_t v)
{
    pb_tag(b, field, 1);
    put(b, &v, 8);
}
static void pb_fixed32(Buf *b, int field, uint32_t v)
{
    pb_tag(b, field, 5);
    put(b, &v, 4);
}
static void pb_bytes(Buf *b, int field, const void *d, size_t n)
{
    pb_tag(b, field, 2);
    pb_varint(b, n);
    put(b, d, n);
}
static void pb_str(Buf *b, int field, const char *s)
{
    pb_bytes(b, field, s, strlen(s));
}

/* nested message: one length byte is reserved, the body moves if it needs more */
static size_t pb_open(Buf *b, int field)
{
    pb_tag(b, field, 2);
    put1(b, 0);
    return b->n;
}
static void pb_close(Buf *b, size_t at)
{
    uint64_t len = b->n - at, v = len;
    uint8_t tmp[10];
    size_t k = 0;
    while (v >= 0x80) {
        tmp[k++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    tmp[k++] = (uint8_t)v;
    if (k > 1) {
        buf_need(b, k - 1);
        memmove(b->p + at + k - 1, b->p + at, len);
        b->n += k - 1;
    }
    memcpy(b->p + at - 1, tmp, k);
}

/* ------------------------------------------------------------------- model */

enum { NSVC = 40, NLAYER = 7, MAXOPS = 12, MAXSPANS = 40, NTENANT = 1000 };

typedef struct {
    const char *name, *noun;
    int layer, nops, ncallee, store; /* store: which leaf call this service makes */
    int callee[4];
    double speed; /* multiplies self times */
} Service;

enum { ST_PG, ST_DYNAMO, ST_REDIS, ST_S3, ST_SQS, NSTORE };

static Service svc[NSVC] = {
    {.name = "web-gateway", .noun = "pages", .layer = 0},
    {.name = "mobile-bff", .noun = "screens", .layer = 0},
    {.name = "partner-api", .noun = "feeds", .layer = 0},
    {.name = "storefront", .noun = "shelves", .layer = 1},
    {.name = "checkout", .noun = "checkouts", .layer = 1},
    {.name = "account", .noun = "accounts", .layer = 1},
    {.name = "search", .noun = "queries", .layer = 1},
    {.name = "admin-api", .noun = "tasks", .layer = 1},
    {.name = "orders", .noun = "orders", .layer = 2},
    {.name = "cart", .noun = "carts", .layer = 2},
    {.name = "catalog", .noun = "products", .layer = 2},
    {.name = "payments", .noun = "charges", .layer = 2},
    {.name = "identity", .noun = "sessions", .layer = 2},
    {.name = "recommendations", .noun = "suggestions", .layer = 2},
    {.name = "promotions", .noun = "coupons", .layer = 2},
    {.name = "shipping", .noun = "parcels", .layer = 2},
    {.name = "inventory", .noun = "stock", .layer = 3},
    {.name = "pricing", .noun = "prices", .layer = 3},
    {.name = "fraud", .noun = "scores", .layer = 3},
    {.name = "tax", .noun = "rates", .layer = 3},
    {.name = "notifications", .noun = "messages", .layer = 3},
    {.name = "profile", .noun = "profiles", .layer = 3},
    {.name = "reviews", .noun = "reviews", .layer = 3},
    {.name = "billing", .noun = "invoices", .layer = 3},
    {.name = "warehouse", .noun = "picks", .layer = 3},
    {.name = "ledger", .noun = "entries", .layer = 4},
    {.name = "geo", .noun = "places", .layer = 4},
    {.name = "media", .noun = "images", .layer = 4},
    {.name = "email", .noun = "mails", .layer = 4},
    {.name = "sms", .noun = "texts", .layer = 4},
    {.name = "loyalty", .noun = "points", .layer = 4},
    {.name = "currency", .noun = "quotes", .layer = 4},
    {.name = "risk-model", .noun = "inferences", .layer = 4},
    {.name = "audit", .noun = "events", .layer = 5},
    {.name = "feature-flags", .noun = "flags", .layer = 5},
    {.name = "config", .noun = "settings", .layer = 5},
    {.name = "token-vault", .noun = "tokens", .layer = 5},
    {.name = "archive", .noun = "objects", .layer = 6},
    {.name = "kms-proxy", .noun = "keys", .layer = 6},
    {.name = "metrics-sink", .noun = "samples", .layer = 6},
};

/* operation o of a service: method and route template; %s is the noun */
static const struct {
    const char *method, *route, *path;
} op_tmpl[MAXOPS] = {
    {"GET", "/v1/%s/{id}", "/v1/%s/%u"},
    {"GET", "/v1/%s", "/v1/%s?page=%u&size=20"},
    {"POST", "/v1/%s", "/v1/%s"},
    {"GET", "/v1/%s/{id}/status", "/v1/%s/%u/status"},
    {"PUT", "/v1/%s/{id}", "/v1/%s/%u"},
    {"POST", "/v1/%s/{id}/confirm", "/v1/%s/%u/confirm"},
    {"GET", "/v2/%s/{id}/items", "/v2/%s/%u/items?expand=all"},
    {"PATCH", "/v2/%s/{id}", "/v2/%s/%u"},
    {"DELETE", "/v1/%s/{id}", "/v1/%s/%u"},
    {"POST", "/v1/%s/batch", "/v1/%s/batch"},
    {"GET", "/v2/%s/{id}/history", "/v2/%s/%u/history?limit=50"},
    {"POST", "/internal/%s/reindex", "/internal/%s/reindex?token=%u"},
};

static const char *const aws_op[NSTORE][4] = {
    [ST_PG] = {"SELECT", "SELECT", "UPDATE", "INSERT"},
    [ST_DYNAMO] = {"GetItem", "Query", "PutItem", "UpdateItem"},
    [ST_REDIS] = {"GET", "MGET", "SETEX", "HGETALL"},
    [ST_S3] = {"GetObject", "PutObject", "HeadObject", "ListObjectsV2"},
    [ST_SQS] = {"SendMessage", "ReceiveMessage", "DeleteMessage", "SendMessageBatch"},
};
static const char *const aws_svc[NSTORE] = {"", "DynamoDB", "", "S3", "SQS"};
static const double store_ms[NSTORE] = {3.0, 4.5, 0.5, 18.0, 7.0};

static const char *const internal_name[6] = {
    "validate-request", "render-response", "load-template", "apply-rules", "serialize", "authorize",
};
static const char *const tier_name[4] = {"free", "pro", "enterprise", "trial"};
static const char *const zone_name[6] = {"us-east-1a", "us-east-1b", "us-east-1c",
                                         "eu-west-1a", "eu-west-1b", "ap-south-1a"};
static const char *const agents[6] = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/17.5 Mobile/15E148",
    "okhttp/4.12.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "python-requests/2.32.3",
    "partner-sync/3.2 (+https://partner.example.com/bot)",
};
static const struct {
    const char *type, *msg;
} exc[8] = {
    {"java.net.SocketTimeoutException", "Read timed out after %u ms waiting for upstream"},
    {"java.lang.NullPointerException",
     "Cannot invoke \"Order.getLines()\" because \"order\" is null (request %u)"},
    {"org.postgresql.util.PSQLException",
     "ERROR: deadlock detected; process %u waits for ShareLock"},
    {"java.util.concurrent.RejectedExecutionException",
     "Task rejected from pool (queued tasks = %u)"},
    {"com.example.commerce.UpstreamException", "upstream returned 503 for request %u"},
    {"java.lang.IllegalStateException", "inventory version conflict, expected %u"},
    {"software.amazon.awssdk.core.exception.SdkClientException",
     "Unable to execute HTTP request: connection reset (attempt %u)"},
    {"java.lang.OutOfMemoryError", "Java heap space while allocating %u bytes"},
};
static const struct {
    const char *label, *file;
} frames[16] = {
    {"com.example.commerce.http.UpstreamClient.execute", "UpstreamClient.java"},
    {"com.example.commerce.http.RetryPolicy.call", "RetryPolicy.java"},
    {"com.example.commerce.domain.OrderService.reserve", "OrderService.java"},
    {"com.example.commerce.domain.OrderService.place", "OrderService.java"},
    {"com.example.commerce.web.OrderController.create", "OrderController.java"},
    {"jdk.internal.reflect.DirectMethodHandleAccessor.invoke", "DirectMethodHandleAccessor.java"},
    {"java.lang.reflect.Method.invoke", "Method.java"},
    {"org.springframework.web.method.support.InvocableHandlerMethod.doInvoke",
     "InvocableHandlerMethod.java"},
    {"org.springframework.web.servlet.DispatcherServlet.doDispatch", "DispatcherServlet.java"},
    {"org.springframework.web.servlet.FrameworkServlet.processRequest", "FrameworkServlet.java"},
    {"jakarta.servlet.http.HttpServlet.service", "HttpServlet.java"},
    {"org.apache.catalina.core.ApplicationFilterChain.internalDoFilter",
     "ApplicationFilterChain.java"},
    {"org.apache.catalina.core.StandardWrapperValve.invoke", "StandardWrapperValve.java"},
    {"org.apache.coyote.http11.Http11Processor.service", "Http11Processor.java"},
    {"java.util.concurrent.ThreadPoolExecutor.runWorker", "ThreadPoolExecutor.java"},
    {"java.lang.Thread.run", "Thread.java"},
};

static Zipf zipf_op[MAXOPS + 1], zipf_callee[5], zipf_entry, zipf_tenant;

/* The service graph is part of the model: it does not change with the seed. */
static void model_init(void)
{
    Rng r = {0xf1u};
    for (int i = 0; i < NSVC; i++) {
        svc[i].nops = 4 + (int)rndn(&r, MAXOPS - 3);
        svc[i].store = (int)rndn(&r, NSTORE);
        svc[i].speed = 0.5 + 2.0 * rnd01(&r);
        int want = svc[i].layer == NLAYER - 1 ? 0 : 2 + (int)rndn(&r, 3), tries = 0;
        while (svc[i].ncallee < want && tries++ < 200) {
            int c = (int)rndn(&r, NSVC), dup = 0;
            int gap = svc[c].layer - svc[i].layer;
            if (gap < 1 || gap > 2 || (gap == 2 && rnd01(&r) < 0.7))
                continue;
            for (int k = 0; k < svc[i].ncallee; k++)
                dup |= svc[i].callee[k] == c;
            if (!dup)
                svc[i].callee[svc[i].ncallee++] = c;
        }
    }
    for (int n = 1; n <= MAXOPS; n++)
        zipf_op[n] = zipf_make(n, 1.1);
    for (int n = 1; n <= 4; n++)
        zipf_callee[n] = zipf_make(n, 0.9);
    zipf_entry = zipf_make(3, 0.8);
    zipf_tenant = zipf_make(NTENANT, 0.5);
}

enum { T_SERVER, T_HTTP, T_STORE, T_INTERNAL };
enum { F_FAULT = 1, F_ERROR = 2, F_THROTTLE = 4, F_ORIGIN = 8 };

typedef struct {
    uint64_t id, parent, h; /* h: source of every attribute value of this span */
    uint64_t start, dur;    /* microseconds */
    uint32_t trace;
    uint16_t status; /* HTTP status, 0 when the span has none */
    uint8_t svc, op, type, flags, depth;
    int8_t up;                /* parent inside the trace, -1 for the root */
    int8_t first, last, next; /* children, in order */
} Span;

typedef struct {
    uint64_t lo64, order, h;
    uint32_t mid32, epoch; /* trace id = epoch, mid32, lo64 */
    uint32_t first, n;
    uint64_t start;
    uint16_t tenant;
    uint8_t tier, nextra, flags;
} Trace;

static Span *spans;
static Trace *traces;
static size_t nspans, ntraces;

/* -------------------------------------------------------- building a trace */

static void link_child(Span *s, int parent, int child)
{
    s[child].up = (int8_t)parent;
    s[child].parent = s[parent].id;
    if (s[parent].first < 0)
        s[parent].first = (int8_t)child;
    else
        s[s[parent].last].next = (int8_t)child;
    s[parent].last = (int8_t)child;
}

static int add_span(Span *s, int *n, int type, int service, int parent, Rng *r)
{
    int i = (*n)++;
    s[i] = (Span){.type = (uint8_t)type,
                  .svc = (uint8_t)service,
                  .up = -1,
                  .first = -1,
                  .last = -1,
                  .next = -1};
    do
        s[i].id = rnd(r);
    while (!s[i].id);
    s[i].h = rnd(r);
    if (parent >= 0)
        link_child(s, parent, i);
    return i;
}

/* self time before, between and after the children; children run one after another */
static uint64_t lay_out(Span *s, int i, uint64_t start, Rng *r)
{
    double self_ms;
    switch (s[i].type) {
    case T_SERVER:
        self_ms = rnd_lognormal(r, 4.0 * svc[s[i].svc].speed, 1.0);
        break;
    case T_HTTP:
        self_ms = rnd_lognormal(r, 0.6, 0.5);
        break;
    case T_STORE:
        self_ms = rnd_lognormal(r, store_ms[svc[s[i].svc].store], 0.9);
        break;
    default:
        self_ms = rnd_lognormal(r, 0.8, 0.8);
        break;
    }
    uint64_t self = (uint64_t)(self_ms * 1000.0) + 20, t = start;
    int kids = 0;
    for (int c = s[i].first; c >= 0; c = s[c].next)
        kids++;
    uint64_t slice = self / (uint64_t)(kids + 1);
    s[i].start = start;
    for (int c = s[i].first; c >= 0; c = s[c].next) {
        t += slice;
        t = lay_out(s, c, t, r);
    }
    t += self - slice * (uint64_t)kids;
    s[i].dur = t - start;
    return t;
}

static void mark(Span *s, int i, int flag, int status)
{
    s[i].flags |= (uint8_t)flag;
    if (s[i].type == T_SERVER || s[i].type == T_HTTP)
        s[i].status = (uint16_t)status;
}

static void build_trace(uint64_t seed, uint32_t ti, uint64_t base_us, uint64_t window_us,
                        size_t want_traces)
{
    Rng r = {mix64(seed * 0x100000001b3ULL + ti)};
    Trace *t = &traces[ti];
    Span *s = &spans[nspans];
    int n = 0;
    double draw = rnd_lognormal(&r, 12.0, 0.6);
    int target = draw < 5 ? 5 : draw > MAXSPANS ? MAXSPANS : (int)draw;
    int limit = 3 + (int)rndn(&r, 5);

    *t = (Trace){.first = (uint32_t)nspans, .h = rnd(&r)};
    /* arrivals: evenly spread with jitter, so that base + window bounds them */
    t->start =
        base_us + (uint64_t)(((double)ti + rnd01(&r)) * ((double)window_us / (double)want_traces));
    t->epoch = (uint32_t)(t->start / 1000000);
    t->mid32 = (uint32_t)rnd(&r);
    t->lo64 = rnd(&r);
    t->order = rnd(&r) >> 16;
    t->tenant = (uint16_t)zipf_pick(&zipf_tenant, &r);
    t->tier = (uint8_t)(rnd01(&r) < 0.6 ? 0 : 1 + rndn(&r, 3));
    t->nextra = (uint8_t)rndn(&r, 4);

    int entry = zipf_pick(&zipf_entry, &r);
    add_span(s, &n, T_SERVER, entry, -1, &r);
    s[0].depth = 1;
    s[0].op = (uint8_t)zipf_pick(&zipf_op[svc[entry].nops], &r);
    int deepest = 0;
    while (n < target) {
        /* an owner: usually the deepest service so far, else any server or internal span */
        int own = deepest;
        bool deepen = s[deepest].depth < limit && svc[s[deepest].svc].ncallee && rnd01(&r) < 0.6;
        if (!deepen && rnd01(&r) > 0.3)
            do
                own = (int)rndn(&r, (uint32_t)n);
            while (s[own].type != T_SERVER && s[own].type != T_INTERNAL);
        Service *sv = &svc[s[own].svc];
        double what = deepen ? 0 : rnd01(&r);
        if (what < 0.35 && target - n >= 2 && s[own].depth < limit && sv->ncallee) {
            int callee = sv->callee[zipf_pick(&zipf_callee[sv->ncallee], &r)];
            int op = zipf_pick(&zipf_op[svc[callee].nops], &r);
            int c = add_span(s, &n, T_HTTP, s[own].svc, own, &r);
            int e = add_span(s, &n, T_SERVER, callee, c, &r);
            s[c].op = s[e].op = (uint8_t)op;
            s[c].depth = s[own].depth;
            s[e].depth = (uint8_t)(s[own].depth + 1);
            s[e].h = s[c].h; /* caller and callee agree on the URL */
            if (s[e].depth > s[deepest].depth)
                deepest = e;
        } else if (what < 0.88) {
            int c = add_span(s, &n, T_STORE, s[own].svc, own, &r);
            s[c].depth = s[own].depth;
            s[c].op = (uint8_t)rndn(&r, 4);
        } else if (s[own].type == T_SERVER) {
            int c = add_span(s, &n, T_INTERNAL, s[own].svc, own, &r);
            s[c].depth = s[own].depth;
            s[c].op = (uint8_t)rndn(&r, 6);
        }
    }
    lay_out(s, 0, t->start, &r);
    for (int i = 0; i < n; i++) {
        s[i].trace = ti;
        if (s[i].type == T_SERVER || s[i].type == T_HTTP)
            s[i].status =
                op_tmpl[s[i].op].method[0] == 'P' && op_tmpl[s[i].op].method[1] == 'O' ? 201 : 200;
    }
    double luck = rnd01(&r);
    if (luck < 0.02) {
        int i;
        do
            i = (int)rndn(&r, (uint32_t)n);
        while (s[i].type == T_HTTP);
        mark(s, i, F_FAULT | F_ORIGIN, 500);
        for (int p = s[i].up; p >= 0; p = s[p].up) {
            mark(s, p, F_FAULT, 500);
            if (s[p].type == T_SERVER && rnd01(&r) > 0.8)
                break; /* this service recovered from its dependency's failure after answering 500
                        */
        }
        t->flags |= F_FAULT;
    } else if (luck < 0.053) {
        int throttled = luck >= 0.05, i;
        do
            i = (int)rndn(&r, (uint32_t)n);
        while (s[i].type != T_SERVER);
        int status = throttled ? 429 : (s[i].h & 3) ? 404 : 403;
        int flag = F_ERROR | (throttled ? F_THROTTLE : 0);
        mark(s, i, flag, status);
        if (s[i].up >= 0)
            mark(s, s[i].up, flag, status);
        t->flags |= (uint8_t)flag;
    }
    t->n = (uint32_t)n;
    nspans += (size_t)n;
}

/* -------------------------------------------------------- attribute values */

typedef enum { A_STR, A_INT, A_DBL, A_BOOL, A_ARR1 } AType;
typedef struct {
    const char *key;
    AType type;
    const char *s;
    int64_t i;
    double d;
} Attr;
typedef struct {
    Attr a[40];
    int n;
    char text[8192];
    size_t used;
} Attrs;

static const char *keep(Attrs *as, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static const char *keep(Attrs *as, const char *fmt, ...)
{
    va_list ap;
    char *p = as->text + as->used;
    size_t room = sizeof as->text - as->used;
    va_start(ap, fmt);
    int k = vsnprintf(p, room, fmt, ap);
    va_end(ap);
    if (k < 0 || (size_t)k >= room) {
        fprintf(stderr, "attribute text overflow\n");
        exit(1);
    }
    as->used += (size_t)k + 1;
    return p;
}
static void a_str(Attrs *as, const char *k, const char *v)
{
    as->a[as->n++] = (Attr){.key = k, .type = A_STR, .s = v};
}
static void a_arr(Attrs *as, const char *k, const char *v)
{
    as->a[as->n++] = (Attr){.key = k, .type = A_ARR1, .s = v};
}
static void a_int(Attrs *as, const char *k, int64_t v)
{
    as->a[as->n++] = (Attr){.key = k, .type = A_INT, .i = v};
}
static void a_dbl(Attrs *as, const char *k, double v)
{
    as->a[as->n++] = (Attr){.key = k, .type = A_DBL, .d = v};
}
static void a_bool(Attrs *as, const char *k, bool v)
{
    as->a[as->n++] = (Attr){.key = k, .type = A_BOOL, .i = v};
}

static int callee_of(const Span *s)
{
    return s[1].svc;
} /* a T_HTTP span is followed by its server span */

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static const char *route_of(Attrs *as, const Span *s, int service)
{
    return keep(as, op_tmpl[s->op].route, svc[service].noun);
}
static const char *path_of(Attrs *as, const Span *s, int service)
{
    return keep(as, op_tmpl[s->op].path, svc[service].noun, (unsigned)(s->h % 9000000 + 1000000));
}
static const char *exc_msg(Attrs *as, const Span *s)
{
    return keep(as, exc[s->h % 8].msg, (unsigned)(s->h >> 40) % 30000);
}
#pragma GCC diagnostic pop

static const char *uuid_of(Attrs *as, uint64_t h)
{
    uint64_t a = mix64(h), b = mix64(a);
    return keep(as, "%08x-%04x-4%03x-a%03x-%012" PRIx64, (unsigned)(a >> 32),
                (unsigned)(a >> 16) & 0xffff, (unsigned)a & 0xfff, (unsigned)(b >> 52),
                b & UINT64_C(0xffffffffffff));
}
static int nframes(const Span *s)
{
    return 8 + (int)(s->h >> 8 & 7);
}
static unsigned frame_line(const Span *s, int f)
{
    return 20 + (unsigned)(mix64(s->h + (uint64_t)f) % 900);
}

/* the annotations (X-Ray) / custom attributes (OTLP) of a server span: 3..6 of them */
static void annotations(Attrs *as, const Span *s)
{
    const Trace *t = &traces[s->trace];
    a_str(as, "tenant", keep(as, "tenant-%04u", t->tenant));
    a_str(as, "customer_tier", tier_name[t->tier]);
    a_str(as, "order_id", keep(as, "ord-%012" PRIx64, t->order));
    if (t->nextra > 0)
        a_int(as, "cart_items", (int64_t)(t->h % 40));
    if (t->nextra > 1)
        a_str(as, "zone", zone_name[s->h % 6]);
    if (t->nextra > 2)
        a_dbl(as, "amount", (double)(t->h % 1000000) / 100.0);
}

static const char *sql_of(Attrs *as, const Span *s)
{
    const char *noun = svc[s->svc].noun;
    switch (s->op) {
    case 0:
        return keep(as,
                    "SELECT id, tenant_id, state, total, updated_at FROM %s WHERE id = $1 AND "
                    "tenant_id = $2",
                    noun);
    case 1:
        return keep(as, "SELECT * FROM %s WHERE tenant_id = $1 ORDER BY updated_at DESC LIMIT 50",
                    noun);
    case 2:
        return keep(as,
                    "UPDATE %s SET state = $1, updated_at = now() WHERE id = $2 AND version = $3",
                    noun);
    default:
        return keep(as,
                    "INSERT INTO %s (id, tenant_id, state, payload) VALUES ($1, $2, $3, $4) ON "
                    "CONFLICT DO NOTHING",
                    noun);
    }
}

static const char *name_of(Attrs *as, const Span *s)
{
    switch (s->type) {
    case T_SERVER:
        return keep(as, "%s %s", op_tmpl[s->op].method, route_of(as, s, s->svc));
    case T_HTTP:
        return op_tmpl[s->op].method;
    case T_INTERNAL:
        return internal_name[s->op];
    }
    int st = svc[s->svc].store;
    if (st == ST_PG)
        return keep(as, "%s %s", aws_op[st][s->op], svc[s->svc].noun);
    if (st == ST_REDIS)
        return aws_op[st][s->op];
    return keep(as, "%s.%s", aws_svc[st], aws_op[st][s->op]);
}

static void url_parts(Attrs *as, const char *path)
{
    const char *q = strchr(path, '?');
    a_str(as, "url.path", q ? keep(as, "%.*s", (int)(q - path), path) : path);
    if (q)
        a_str(as, "url.query", q + 1);
}

static void attrs_of(Attrs *as, const Span *s)
{
    const Trace *t = &traces[s->trace];
    int st = svc[s->svc].store;
    switch (s->type) {
    case T_SERVER:
        a_str(as, "http.request.method", op_tmpl[s->op].method);
        a_str(as, "url.scheme", "https");
        url_parts(as, path_of(as, s, s->svc));
        a_str(as, "http.route", route_of(as, s, s->svc));
        a_int(as, "http.response.status_code", s->status);
        a_int(as, "http.response.body.size", (int64_t)(s->h >> 20) % 40000);
        a_str(as, "server.address", keep(as, "%s.prod.internal", svc[s->svc].name));
        a_str(as, "client.address",
              keep(as, "10.%u.%u.%u", (unsigned)(t->h & 63), (unsigned)(s->h >> 9 & 255),
                   (unsigned)(s->h >> 17 & 255)));
        if (s->up < 0)
            a_str(as, "user_agent.original", agents[t->h % 6]);
        annotations(as, s);
        break;
    case T_HTTP: {
        int c = callee_of(s);
        a_str(as, "http.request.method", op_tmpl[s->op].method);
        a_str(as, "url.full",
              keep(as, "https://%s.prod.internal%s", svc[c].name, path_of(as, s, c)));
        a_int(as, "http.response.status_code", s->status);
        a_str(as, "server.address", keep(as, "%s.prod.internal", svc[c].name));
        a_int(as, "server.port", 443);
        a_str(as, "peer.service", svc[c].name);
        break;
    }
    case T_STORE:
        switch (st) {
        case ST_PG:
            a_str(as, "db.system.name", "postgresql");
            a_str(as, "db.namespace", svc[s->svc].name);
            a_str(as, "db.operation.name", aws_op[st][s->op]);
            a_str(as, "db.collection.name", svc[s->svc].noun);
            a_str(as, "db.query.text", sql_of(as, s));
            a_str(as, "server.address", keep(as, "pg-%s.cluster.internal", svc[s->svc].name));
            a_int(as, "server.port", 5432);
            break;
        case ST_REDIS:
            a_str(as, "db.system.name", "redis");
            a_str(as, "db.operation.name", aws_op[st][s->op]);
            a_str(as, "db.query.text",
                  keep(as, "%s %s:%u", aws_op[st][s->op], svc[s->svc].noun,
                       (unsigned)(s->h % 9000000)));
            a_str(as, "server.address", "redis-shared.cluster.internal");
            a_int(as, "server.port", 6379);
            break;
        default:
            a_str(as, "rpc.system", "aws-api");
            a_str(as, "rpc.service", aws_svc[st]);
            a_str(as, "rpc.method", aws_op[st][s->op]);
            a_str(as, "cloud.region", "us-east-1");
            a_str(as, "aws.request_id", uuid_of(as, s->h));
            a_int(as, "http.response.status_code", s->flags & F_FAULT ? 500 : 200);
            if (st == ST_DYNAMO)
                a_arr(as, "aws.dynamodb.table_names", keep(as, "prod-%s", svc[s->svc].noun));
            else if (st == ST_S3)
                a_str(as, "aws.s3.bucket", keep(as, "prod-%s-objects", svc[s->svc].name));
            else
                a_str(as, "aws.sqs.queue_url",
                      keep(as, "https://sqs.us-east-1.amazonaws.com/123456789012/%s-queue",
                           svc[s->svc].noun));
            break;
        }
        break;
    default:
        a_str(as, "code.function.name",
              keep(as, "com.example.%s.Handler.%s", svc[s->svc].noun, internal_name[s->op]));
        a_bool(as, "cache.hit", s->h & 1);
        break;
    }
}

static unsigned instance_of(const Span *s)
{
    return (unsigned)(mix64(traces[s->trace].h ^ s->svc) % 3);
}

static void trace_id(const Trace *t, uint8_t out[16])
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(t->epoch >> (24 - 8 * i));
    for (int i = 0; i < 4; i++)
        out[4 + i] = (uint8_t)(t->mid32 >> (24 - 8 * i));
    for (int i = 0; i < 8; i++)
        out[8 + i] = (uint8_t)(t->lo64 >> (56 - 8 * i));
}
static void span_id(uint64_t id, uint8_t out[8])
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(id >> (56 - 8 * i));
}

static void stack_text(Buf *b, Attrs *as, const Span *s)
{
    b->n = 0;
    putf(b, "%s: %s\n", exc[s->h % 8].type, exc_msg(as, s));
    for (int f = 0; f < nframes(s); f++)
        putf(b, "\tat %s(%s:%u)\n", frames[f].label, frames[f].file, frame_line(s, f));
    put1(b, 0);
}

/* -------------------------------------------------------------------- OTLP */

static void otlp_attr(Buf *b, int field, const Attr *a)
{
    size_t kv = pb_open(b, field);
    pb_str(b, 1, a->key);
    size_t v = pb_open(b, 2);
    switch (a->type) {
    case A_STR:
        pb_str(b, 1, a->s);
        break;
    case A_BOOL:
        pb_uint(b, 2, (uint64_t)a->i);
        break;
    case A_INT:
        pb_uint(b, 3, (uint64_t)a->i);
        break;
    case A_DBL: {
        uint64_t u;
        memcpy(&u, &a->d, 8);
        pb_fixed64(b, 4, u);
        break;
    }
    case A_ARR1: {
        size_t arr = pb_open(b, 5), e = pb_open(b, 1);
        pb_str(b, 1, a->s);
        pb_close(b, e);
        pb_close(b, arr);
        break;
    }
    }
    pb_close(b, v);
    pb_close(b, kv);
}

static void otlp_resource(Buf *b, int service, unsigned inst)
{
    Attrs as = {.n = 0, .used = 0};
    a_str(&as, "service.name", svc[service].name);
    a_str(&as, "service.version", keep(&as, "2.%d.%d", service % 7, service % 11));
    a_str(&as, "service.instance.id",
          keep(&as, "i-%016" PRIx64, mix64((uint64_t)service * 8 + inst)));
    a_str(&as, "deployment.environment.name", "production");
    a_str(&as, "cloud.provider", "aws");
    a_str(&as, "cloud.platform", "aws_ecs");
    a_str(&as, "cloud.region", "us-east-1");
    a_str(&as, "host.name", keep(&as, "ip-10-0-%d-%u.ec2.internal", service, inst + 10));
    a_str(&as, "telemetry.sdk.name", "opentelemetry");
    a_str(&as, "telemetry.sdk.language", "java");
    a_str(&as, "telemetry.sdk.version", "1.43.0");
    size_t at = pb_open(b, 1);
    for (int i = 0; i < as.n; i++)
        otlp_attr(b, 1, &as.a[i]);
    pb_close(b, at);
}

static void otlp_span(Buf *b, const Span *s, Buf *tmp)
{
    static const int kind[] = {[T_SERVER] = 2, [T_HTTP] = 3, [T_STORE] = 3, [T_INTERNAL] = 1};
    Attrs as = {.n = 0, .used = 0};
    uint8_t id[16];
    size_t at = pb_open(b, 2);
    trace_id(&traces[s->trace], id);
    pb_bytes(b, 1, id, 16);
    span_id(s->id, id);
    pb_bytes(b, 2, id, 8);
    if (s->up >= 0) {
        span_id(s->parent, id);
        pb_bytes(b, 4, id, 8);
    }
    pb_str(b, 5, name_of(&as, s));
    pb_uint(b, 6, (uint64_t)kind[s->type]);
    pb_fixed64(b, 7, s->start * 1000);
    pb_fixed64(b, 8, (s->start + s->dur) * 1000);
    attrs_of(&as, s);
    if (s->flags & F_ORIGIN)
        a_str(&as, "error.type", exc[s->h % 8].type);
    for (int i = 0; i < as.n; i++)
        otlp_attr(b, 9, &as.a[i]);
    if (s->flags & F_ORIGIN) {
        size_t ev = pb_open(b, 11);
        Attrs ea = {.n = 0, .used = 0};
        stack_text(tmp, &ea, s);
        pb_fixed64(b, 1, (s->start + s->dur) * 1000 - 500);
        pb_str(b, 2, "exception");
        a_str(&ea, "exception.type", exc[s->h % 8].type);
        a_str(&ea, "exception.message", exc_msg(&ea, s));
        a_str(&ea, "exception.stacktrace", (const char *)tmp->p);
        for (int i = 0; i < ea.n; i++)
            otlp_attr(b, 3, &ea.a[i]);
        pb_close(b, ev);
    }
    if (s->flags & F_FAULT) {
        size_t st = pb_open(b, 15);
        if (s->flags & F_ORIGIN)
            pb_str(b, 2, exc_msg(&as, s));
        pb_uint(b, 3, 2);
        pb_close(b, st);
    }
    pb_fixed32(b, 16,
               s->type == T_SERVER && s->up >= 0 ? 0x301
                                                 : 0x101); /* sampled; is the parent remote */
    pb_close(b, at);
}

/* ------------------------------------------------------------------ Zipkin */

static void zipkin_tag(Buf *b, const char *k, const char *v)
{
    size_t at = pb_open(b, 11);
    pb_str(b, 1, k);
    pb_str(b, 2, v);
    pb_close(b, at);
}

static void zipkin_span(Buf *b, const Span *s, Buf *tmp)
{
    static const int kind[] = {[T_SERVER] = 2, [T_HTTP] = 1, [T_STORE] = 1, [T_INTERNAL] = 0};
    Attrs as = {.n = 0, .used = 0};
    uint8_t id[16];
    char num[64];
    size_t at = pb_open(b, 1), ep;
    trace_id(&traces[s->trace], id);
    pb_bytes(b, 1, id, 16);
    if (s->up >= 0) {
        span_id(s->parent, id);
        pb_bytes(b, 2, id, 8);
    }
    span_id(s->id, id);
    pb_bytes(b, 3, id, 8);
    if (kind[s->type])
        pb_uint(b, 4, (uint64_t)kind[s->type]);
    pb_str(b, 5, name_of(&as, s));
    pb_fixed64(b, 6, s->start);
    pb_uint(b, 7, s->dur);
    ep = pb_open(b, 8);
    pb_str(b, 1, svc[s->svc].name);
    pb_close(b, ep);
    if (s->type == T_HTTP) {
        ep = pb_open(b, 9);
        pb_str(b, 1, svc[callee_of(s)].name);
        pb_close(b, ep);
    }
    attrs_of(&as, s);
    for (int i = 0; i < as.n; i++) {
        const Attr *a = &as.a[i];
        if (a->type == A_INT)
            snprintf(num, sizeof num, "%" PRId64, a->i);
        else if (a->type == A_DBL)
            snprintf(num, sizeof num, "%.2f", a->d);
        else if (a->type == A_BOOL)
            snprintf(num, sizeof num, "%s", a->i ? "true" : "false");
        zipkin_tag(b, a->key, a->s ? a->s : num);
    }
    if (s->flags & F_FAULT)
        zipkin_tag(b, "error", s->flags & F_ORIGIN ? exc[s->h % 8].type : "true");
    if (s->flags & F_ORIGIN) {
        stack_text(tmp, &as, s);
        zipkin_tag(b, "exception.message", exc_msg(&as, s));
        zipkin_tag(b, "exception.stacktrace", (const char *)tmp->p);
    }
    pb_close(b, at);
}

/* ------------------------------------------------------------------- X-Ray */

static void json_str(Buf *b, const char *s)
{
    put1(b, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') {
            put1(b, '\\');
            put1(b, (uint8_t)*s);
        } else if (*s == '\n')
            puts0(b, "\\n");
        else if (*s == '\t')
            puts0(b, "\\t");
        else
            put1(b, (uint8_t)*s);
    }
    put1(b, '"');
}

static void xray_times(Buf *b, const Span *s)
{
    uint64_t e = s->start + s->dur;
    putf(b,
         "\"id\":\"%016" PRIx64 "\",\"start_time\":%" PRIu64 ".%06u,\"end_time\":%" PRIu64 ".%06u",
         s->id, s->start / 1000000, (unsigned)(s->start % 1000000), e / 1000000,
         (unsigned)(e % 1000000));
}

static void xray_flags(Buf *b, const Span *s, Attrs *as)
{
    if (s->flags & F_FAULT)
        puts0(b, ",\"fault\":true");
    if (s->flags & F_ERROR)
        puts0(b, ",\"error\":true");
    if (s->flags & F_THROTTLE)
        puts0(b, ",\"throttle\":true");
    if (!(s->flags & F_ORIGIN))
        return;
    putf(b,
         ",\"cause\":{\"working_directory\":\"/srv/app\",\"exceptions\":[{\"id\":\"%016" PRIx64
         "\",\"type\":\"%s\",\"message\":",
         mix64(s->id), exc[s->h % 8].type);
    json_str(b, exc_msg(as, s));
    puts0(b, ",\"stack\":[");
    for (int f = 0; f < nframes(s); f++)
        putf(b, "%s{\"path\":\"%s\",\"line\":%u,\"label\":\"%s\"}", f ? "," : "", frames[f].file,
             frame_line(s, f), frames[f].label);
    puts0(b, "]}]}");
}

static void xray_sub(Buf *b, const Span *tr, int i, uint32_t *count)
{
    const Span *s = &tr[i];
    Attrs as = {.n = 0, .used = 0};
    int st = svc[s->svc].store;
    ++*count;
    putf(b, "{\"name\":");
    if (s->type == T_HTTP) {
        int c = callee_of(s);
        putf(b, "\"%s\",", svc[c].name);
        xray_times(b, s);
        putf(b,
             ",\"namespace\":\"remote\",\"http\":{\"request\":{\"method\":\"%s\",\"url\":\"https://"
             "%s.prod.internal%s\"},\"response\":{\"status\":%u}}",
             op_tmpl[s->op].method, svc[c].name, path_of(&as, s, c), s->status);
    } else if (s->type == T_INTERNAL) {
        putf(b, "\"%s\",", internal_name[s->op]);
        xray_times(b, s);
        putf(b,
             ",\"metadata\":{\"default\":{\"code.function.name\":\"com.example.%s.Handler.%s\","
             "\"cache.hit\":%s}}",
             svc[s->svc].noun, internal_name[s->op], s->h & 1 ? "true" : "false");
    } else if (st == ST_PG) {
        putf(b, "\"%s@pg-%s.cluster.internal\",", svc[s->svc].name, svc[s->svc].name);
        xray_times(b, s);
        putf(
            b,
            ",\"namespace\":\"remote\",\"sql\":{\"url\":\"postgresql://pg-%s.cluster.internal:5432/"
            "%s\",\"database_type\":\"PostgreSQL\",\"sanitized_query\":",
            svc[s->svc].name, svc[s->svc].name);
        json_str(b, sql_of(&as, s));
        put1(b, '}');
    } else if (st == ST_REDIS) {
        puts0(b, "\"redis-shared.cluster.internal\",");
        xray_times(b, s);
        putf(b,
             ",\"namespace\":\"remote\",\"metadata\":{\"default\":{\"db.system.name\":\"redis\","
             "\"db.query.text\":\"%s %s:%u\"}}",
             aws_op[st][s->op], svc[s->svc].noun, (unsigned)(s->h % 9000000));
    } else {
        putf(b, "\"%s\",", aws_svc[st]);
        xray_times(b, s);
        putf(b,
             ",\"namespace\":\"aws\",\"aws\":{\"operation\":\"%s\",\"region\":\"us-east-1\","
             "\"request_id\":\"%s\"",
             aws_op[st][s->op], uuid_of(&as, s->h));
        if (st == ST_DYNAMO)
            putf(b, ",\"table_name\":\"prod-%s\"", svc[s->svc].noun);
        else if (st == ST_S3)
            putf(b, ",\"bucket_name\":\"prod-%s-objects\"", svc[s->svc].name);
        else
            putf(b, ",\"queue_url\":\"https://sqs.us-east-1.amazonaws.com/123456789012/%s-queue\"",
                 svc[s->svc].noun);
        putf(b, "},\"http\":{\"response\":{\"status\":%d}}", s->flags & F_FAULT ? 500 : 200);
    }
    xray_flags(b, s, &as);
    int open = 0;
    for (int c = s->first; c >= 0; c = tr[c].next) {
        if (tr[c].type == T_SERVER)
            continue; /* another service's segment */
        puts0(b, open++ ? "," : ",\"subsegments\":[");
        xray_sub(b, tr, c, count);
    }
    if (open)
        put1(b, ']');
    put1(b, '}');
}

/* one segment document; returns how many spans it holds */
static uint32_t xray_segment(Buf *b, const Span *s)
{
    const Trace *t = &traces[s->trace];
    const Span *tr = &spans[t->first];
    Attrs as = {.n = 0, .used = 0}, an = {.n = 0, .used = 0};
    uint32_t count = 1;
    unsigned inst = instance_of(s);
    putf(b, "{\"trace_id\":\"1-%08x-%08x%016" PRIx64 "\",\"name\":\"%s\",", t->epoch, t->mid32,
         t->lo64, svc[s->svc].name);
    xray_times(b, s);
    if (s->up >= 0)
        putf(b, ",\"parent_id\":\"%016" PRIx64 "\"", s->parent);
    putf(b,
         ",\"http\":{\"request\":{\"method\":\"%s\",\"url\":\"https://"
         "%s.prod.internal%s\",\"client_ip\":\"10.%u.%u.%u\"",
         op_tmpl[s->op].method, svc[s->svc].name, path_of(&as, s, s->svc), (unsigned)(t->h & 63),
         (unsigned)(s->h >> 9 & 255), (unsigned)(s->h >> 17 & 255));
    if (s->up < 0)
        putf(b, ",\"user_agent\":\"%s\"", agents[t->h % 6]);
    putf(b, "},\"response\":{\"status\":%u,\"content_length\":%u}}", s->status,
         (unsigned)((int64_t)(s->h >> 20) % 40000));
    annotations(&an, s);
    puts0(b, ",\"annotations\":{");
    for (int i = 0; i < an.n; i++) {
        putf(b, "%s\"%s\":", i ? "," : "", an.a[i].key);
        if (an.a[i].type == A_STR)
            json_str(b, an.a[i].s);
        else if (an.a[i].type == A_INT)
            putf(b, "%" PRId64, an.a[i].i);
        else
            putf(b, "%.2f", an.a[i].d);
    }
    putf(b,
         "},\"origin\":\"AWS::ECS::Container\",\"service\":{\"version\":\"2.%d.%d\"},\"aws\":{"
         "\"ecs\":{\"container\":\"ip-10-0-%d-%u.ec2.internal\"},"
         "\"xray\":{\"sdk\":\"X-Ray for Java\",\"sdk_version\":\"2.18.2\"}}",
         s->svc % 7, s->svc % 11, s->svc, inst + 10);
    xray_flags(b, s, &as);
    int open = 0;
    for (int c = s->first; c >= 0; c = tr[c].next) {
        puts0(b, open++ ? "," : ",\"subsegments\":[");
        xray_sub(b, tr, c, &count);
    }
    if (open)
        put1(b, ']');
    put1(b, '}');
    return count;
}

/* ----------------------------------------------------------------- writing */

typedef struct {
    FILE *f;
    uint64_t records, bytes, spans;
    size_t max;
} Rec;

static Rec rec_open(const char *dir, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    Rec r = {.f = fopen(path, "wb")};
    if (!r.f) {
        perror(path);
        exit(1);
    }
    setvbuf(r.f, NULL, _IOFBF, 1 << 20);
    fwrite("FLREC001", 1, 8, r.f);
    return r;
}
static void rec_put(Rec *r, const void *p, size_t n, uint32_t nsp)
{
    uint32_t head[2] = {(uint32_t)n, nsp};
    if (fwrite(head, 1, 8, r->f) != 8 || fwrite(p, 1, n, r->f) != n) {
        perror("write");
        exit(1);
    }
    r->records++;
    r->bytes += n;
    r->spans += nsp;
    if (n > r->max)
        r->max = n;
}
static void rec_close(Rec *r, FILE *stats, const char *name)
{
    if (fclose(r->f)) {
        perror(name);
        exit(1);
    }
    fprintf(stats,
            "%-13s %8" PRIu64 " records %10" PRIu64 " spans %12" PRIu64
            " bytes  %.1f B/span  max record %zu\n",
            name, r->records, r->spans, r->bytes, (double)r->bytes / (double)r->spans, r->max);
}

static int by_end(const void *a, const void *b)
{
    const Span *x = &spans[*(const uint32_t *)a], *y = &spans[*(const uint32_t *)b];
    uint64_t ex = x->start + x->dur, ey = y->start + y->dur;
    return ex < ey ? -1 : ex > ey ? 1 : x < y ? -1 : x > y;
}

/* a batch: spans that ended next to each other, grouped by the resource that sent them */
static void write_span_batches(const uint32_t *order, int batch, Rec *otlp, Rec *zip)
{
    Buf b = {0}, z = {0}, tmp = {0};
    for (size_t at = 0; at < nspans; at += (size_t)batch) {
        size_t n = nspans - at < (size_t)batch ? nspans - at : (size_t)batch;
        b.n = z.n = 0;
        if (otlp->f)
            for (int sv = 0; sv < NSVC; sv++)
                for (unsigned inst = 0; inst < 3; inst++) {
                    size_t rs = 0, ss = 0;
                    for (size_t i = 0; i < n; i++) {
                        const Span *s = &spans[order[at + i]];
                        if (s->svc != sv || instance_of(s) != inst)
                            continue;
                        if (!rs) {
                            rs = pb_open(&b, 1);
                            otlp_resource(&b, sv, inst);
                            ss = pb_open(&b, 2);
                            size_t sc = pb_open(&b, 1);
                            pb_str(&b, 1, "io.opentelemetry.spring-webmvc-6.0");
                            pb_str(&b, 2, "2.9.0-alpha");
                            pb_close(&b, sc);
                        }
                        otlp_span(&b, s, &tmp);
                    }
                    if (rs) {
                        pb_close(&b, ss);
                        pb_close(&b, rs);
                    }
                }
        if (otlp->f)
            rec_put(otlp, b.p, b.n, (uint32_t)n);
        if (zip->f) {
            for (size_t i = 0; i < n; i++)
                zipkin_span(&z, &spans[order[at + i]], &tmp);
            rec_put(zip, z.p, z.n, (uint32_t)n);
        }
    }
    free(b.p);
    free(z.p);
    free(tmp.p);
}

static void write_segments(const uint32_t *order, int docs, Rec *udp, Rec *putr)
{
    Buf b = {0}, body = {0};
    uint32_t body_spans = 0;
    int have = 0;
    static const char head[] = "{\"format\":\"json\",\"version\":1}\n";
    for (size_t k = 0; k < nspans; k++) {
        const Span *s = &spans[order[k]];
        if (s->type != T_SERVER)
            continue;
        b.n = 0;
        puts0(&b, head);
        uint32_t nsp = xray_segment(&b, s);
        if (udp->f)
            rec_put(udp, b.p, b.n, nsp);
        put1(&b, 0);
        if (!have)
            puts0(&body, "{\"TraceSegmentDocuments\":[");
        else
            put1(&body, ',');
        json_str(&body, (const char *)b.p + sizeof head - 1);
        body_spans += nsp;
        if (++have == docs) {
            puts0(&body, "]}");
            rec_put(putr, body.p, body.n, body_spans);
            body.n = 0, have = 0, body_spans = 0;
        }
    }
    if (have) {
        puts0(&body, "]}");
        rec_put(putr, body.p, body.n, body_spans);
    }
    free(b.p);
    free(body.p);
}

/* ------------------------------------------------------------------- truth */

static void hex_id(FILE *f, const Trace *t)
{
    fprintf(f, "\"%08x%08x%016" PRIx64 "\"", t->epoch, t->mid32, t->lo64);
}

static int cmp_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* ids of the traces for which some span satisfies the condition, at most `cap` of them listed */
#define LIST_TRACES(f, cond, cap)                                                                  \
    do {                                                                                           \
        uint32_t hits_ = 0;                                                                        \
        fputs("\"ids\":[", f);                                                                     \
        for (size_t ti_ = 0; ti_ < ntraces; ti_++) {                                               \
            const Trace *t = &traces[ti_];                                                         \
            bool hit_ = false;                                                                     \
            for (uint32_t k_ = 0; k_ < t->n && !hit_; k_++) {                                      \
                const Span *s = &spans[t->first + k_];                                             \
                (void)s;                                                                           \
                hit_ = (cond);                                                                     \
            }                                                                                      \
            if (hit_ && hits_++ < (cap)) {                                                         \
                if (hits_ > 1)                                                                     \
                    fputc(',', f);                                                                 \
                hex_id(f, t);                                                                      \
            }                                                                                      \
        }                                                                                          \
        fprintf(f, "],\"count\":%u", hits_);                                                       \
    } while (0)

static void write_truth(const char *dir, uint64_t seed, uint64_t base_us, uint64_t window_us)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/truth.json", dir);
    FILE *f = fopen(path, "w");
    if (!f) {
        perror(path);
        exit(1);
    }
    Rng r = {mix64(seed ^ 0x7275746855ULL)};
    uint64_t end = 0, faults = 0, servers = 0, roots = 0;
    static uint64_t edge[NSVC][NSVC], by_svc[NSVC], fault_svc[NSVC];
    for (size_t i = 0; i < nspans; i++) {
        const Span *s = &spans[i];
        if (s->start + s->dur > end)
            end = s->start + s->dur;
        by_svc[s->svc]++;
        faults += !!(s->flags & F_FAULT);
        fault_svc[s->svc] += !!(s->flags & F_FAULT);
        if (s->type == T_SERVER) {
            servers++;
            if (s->up >= 0)
                edge[spans[traces[s->trace].first + (uint32_t)s->up].svc][s->svc]++;
            else
                roots++;
        }
    }
    fprintf(f,
            "{\"seed\":%" PRIu64 ",\"spans\":%zu,\"traces\":%zu,\"segments\":%" PRIu64
            ",\"fault_spans\":%" PRIu64 ",\"start_us\":%" PRIu64 ",\"end_us\":%" PRIu64
            ",\"window_us\":%" PRIu64 ",\n\"services\":[",
            seed, nspans, ntraces, servers, faults, base_us, end, window_us);
    for (int i = 0; i < NSVC; i++)
        fprintf(f, "%s{\"name\":\"%s\",\"spans\":%" PRIu64 ",\"fault_spans\":%" PRIu64 "}",
                i ? "," : "", svc[i].name, by_svc[i], fault_svc[i]);
    fputs("],\n\"edges\":[", f);
    for (int a = 0, k = 0; a < NSVC; a++)
        for (int c = 0; c < NSVC; c++)
            if (edge[a][c])
                fprintf(f, "%s[\"%s\",\"%s\",%" PRIu64 "]", k++ ? "," : "", svc[a].name,
                        svc[c].name, edge[a][c]);
    fputs("],\n\"by_id\":[", f);
    for (int i = 0; i < 600; i++) {
        const Trace *t = &traces[rndn(&r, (uint32_t)ntraces)];
        fputs(i ? ",\n{\"id\":" : "\n{\"id\":", f);
        hex_id(f, t);
        fprintf(f, ",\"spans\":%u}", t->n);
    }
    fputs("],\n\"order\":[", f);
    for (int i = 0; i < 600; i++) {
        const Trace *t = &traces[rndn(&r, (uint32_t)ntraces)];
        fprintf(f,
                "%s\n{\"order_id\":\"ord-%012" PRIx64 "\",\"service\":\"%s\",\"id\":", i ? "," : "",
                t->order, svc[spans[t->first].svc].name);
        hex_id(f, t);
        fputc('}', f);
    }
    /* tenants: the entry service is given too, for APIs that demand one */
    fputs("],\n\"tenant\":[", f);
    for (int i = 0; i < 200; i++) {
        uint16_t ten = (uint16_t)rndn(&r, NTENANT);
        uint8_t entry = (uint8_t)(i % 3);
        fprintf(f, "%s\n{\"tenant\":\"tenant-%04u\",\"service\":\"%s\",", i ? "," : "", ten,
                svc[entry].name);
        LIST_TRACES(f, t->tenant == ten && s->svc == entry && s->type == T_SERVER, 4000);
        uint32_t all = 0;
        for (size_t k = 0; k < ntraces; k++)
            all += traces[k].tenant == ten;
        fprintf(f, ",\"count_any_service\":%u}", all);
    }
    /* service + minimum duration: a threshold that few traces of that service pass */
    fputs("],\n\"slow\":[", f);
    uint64_t *durs = malloc(sizeof *durs * nspans);
    for (int sv = 0; sv < NSVC; sv++) {
        size_t n = 0;
        for (size_t i = 0; i < nspans; i++)
            if (spans[i].svc == sv)
                durs[n++] = spans[i].dur;
        qsort(durs, n, sizeof *durs, cmp_u64);
        for (int q = 0; q < 5; q++) {
            size_t back = (size_t)(8 << q); /* about 8, 16, .. 128 spans above the threshold */
            uint64_t ms = (n > back ? durs[n - back] : durs[0]) / 1000 + 1;
            fprintf(f, "%s\n{\"service\":\"%s\",\"min_ms\":%" PRIu64 ",", sv || q ? "," : "",
                    svc[sv].name, ms);
            LIST_TRACES(f, s->svc == sv && s->dur >= ms * 1000, 4000);
            fputc('}', f);
        }
    }
    free(durs);
    fputs("],\n\"errors\":[", f);
    for (int sv = 0; sv < NSVC; sv++) {
        fprintf(f, "%s\n{\"service\":\"%s\",", sv ? "," : "", svc[sv].name);
        LIST_TRACES(f, s->svc == sv && (s->flags & F_FAULT), 4000);
        fputc('}', f);
    }
    fputs("]}\n", f);
    if (fclose(f)) {
        perror(path);
        exit(1);
    }
    (void)roots;
}

static void write_shape(FILE *f)
{
    uint64_t hist[MAXSPANS + 1] = {0}, depth[16] = {0}, types[4] = {0}, flt = 0, err = 0, thr = 0;
    for (size_t i = 0; i < ntraces; i++) {
        uint8_t d = 0;
        for (uint32_t k = 0; k < traces[i].n; k++) {
            const Span *s = &spans[traces[i].first + k];
            if (s->depth > d)
                d = s->depth;
            types[s->type]++;
        }
        hist[traces[i].n]++;
        depth[d]++;
        flt += !!(traces[i].flags & F_FAULT);
        err += (traces[i].flags & (F_ERROR | F_THROTTLE)) == F_ERROR;
        thr += !!(traces[i].flags & F_THROTTLE);
    }
    fprintf(f, "traces %zu  spans %zu  mean %.2f spans/trace\nservice depth:", ntraces, nspans,
            (double)nspans / (double)ntraces);
    for (int d = 1; d <= 7; d++)
        fprintf(f, "  %d: %.1f %%", d, 100.0 * (double)depth[d] / (double)ntraces);
    fprintf(f,
            "\nspans: server %" PRIu64 "  http client %" PRIu64 "  store client %" PRIu64
            "  internal %" PRIu64 "\n",
            types[T_SERVER], types[T_HTTP], types[T_STORE], types[T_INTERNAL]);
    fprintf(f, "traces with a fault %.2f %%  4xx %.2f %%  throttled %.2f %%\n",
            100.0 * (double)flt / (double)ntraces, 100.0 * (double)err / (double)ntraces,
            100.0 * (double)thr / (double)ntraces);
}

int main(int argc, char **argv)
{
    uint64_t want = 100000, seed = 42, base = 0, window = 1800;
    int batch = 500, docs = 50;
    bool otlp_on = true, xray_on = true, zip_on = true, udp_on = true;
    const char *out = NULL;
    for (int i = 1; i < argc; i++) {
        const char *o = argv[i], *v = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(o, "--no-otlp")) {
            otlp_on = false;
            continue;
        }
        if (!strcmp(o, "--no-xray")) {
            xray_on = false;
            continue;
        }
        if (!strcmp(o, "--no-zipkin")) {
            zip_on = false;
            continue;
        }
        if (!strcmp(o, "--no-udp")) {
            udp_on = false;
            continue;
        }
        i++;
        if (!strcmp(o, "--spans"))
            want = strtoull(v, NULL, 10);
        else if (!strcmp(o, "--seed"))
            seed = strtoull(v, NULL, 10);
        else if (!strcmp(o, "--base"))
            base = strtoull(v, NULL, 10);
        else if (!strcmp(o, "--window"))
            window = strtoull(v, NULL, 10);
        else if (!strcmp(o, "--batch"))
            batch = atoi(v);
        else if (!strcmp(o, "--docs"))
            docs = atoi(v);
        else if (!strcmp(o, "--out"))
            out = v;
        else {
            fprintf(stderr, "unknown option %s (see the head of xgen.c)\n", o);
            return 2;
        }
    }
    if (!out || batch < 1 || docs < 1 || window < 1 || want < MAXSPANS || want > 50000000) {
        fprintf(stderr, "usage: xgen --spans N --seed S --out DIR [--base EPOCH_S] [--window S] "
                        "[--batch N] [--docs N]\n");
        return 2;
    }
    if (!base)
        base = (uint64_t)time(NULL) - window - 60;
    if (mkdir(out, 0777) && errno != EEXIST) {
        perror(out);
        return 1;
    }
    model_init();
    size_t guess = (size_t)((double)want / 14.0) + 64; /* sets the arrival rate only */
    spans = malloc(sizeof *spans * (want + MAXSPANS));
    traces = malloc(sizeof *traces * (want / 5 + 64));
    if (!spans || !traces) {
        perror("malloc");
        return 1;
    }
    while (nspans < want) {
        build_trace(seed, (uint32_t)ntraces, base * 1000000, window * 1000000, guess);
        ntraces++;
    }
    uint32_t *order = malloc(sizeof *order * nspans);
    for (size_t i = 0; i < nspans; i++)
        order[i] = (uint32_t)i;
    qsort(order, nspans, sizeof *order, by_end);

    char path[4096];
    snprintf(path, sizeof path, "%s/stats.txt", out);
    FILE *st = fopen(path, "w");
    if (!st) {
        perror(path);
        return 1;
    }
    fprintf(st, "seed %" PRIu64 "  base %" PRIu64 "  window %" PRIu64 " s  batch %d  docs %d\n",
            seed, base, window, batch, docs);
    write_shape(st);
    Rec o = {0}, z = {0};
    if (otlp_on)
        o = rec_open(out, "otlp.rec");
    if (zip_on)
        z = rec_open(out, "zipkin.rec");
    write_span_batches(order, batch, &o, &z);
    if (otlp_on)
        rec_close(&o, st, "otlp.rec");
    if (zip_on)
        rec_close(&z, st, "zipkin.rec");
    if (xray_on) {
        Rec u = {0}, p = rec_open(out, "xray-put.rec");
        if (udp_on)
            u = rec_open(out, "xray-udp.rec");
        write_segments(order, docs, &u, &p);
        if (udp_on)
            rec_close(&u, st, "xray-udp.rec");
        rec_close(&p, st, "xray-put.rec");
    }
    fclose(st);
    write_truth(out, seed, base * 1000000, window * 1000000);
    return 0;
}
