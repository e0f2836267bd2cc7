/*
 * The HTTP parser over any bytes, twice: as one piece and cut in pieces that the first byte
 * chooses. Both ways must tell the same requests and refusals, in any number on one connection, and
 * give back all they took from the budget.
 */
#include <stdlib.h>

#include "net/http_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void unused_handler(fl_http_request *request)
{
    (void)request;
}

static const fl_http_route routes[] = {
    {"GET", "/", unused_handler, 0, NULL},
    {"POST", "/TraceSegments", unused_handler, 4096, NULL},
    {"GET", "/TraceSegments", unused_handler, 0, NULL},
    {"POST", "/small", unused_handler, 4, NULL},
};

static uint64_t mix(uint64_t digest, fl_str text)
{
    return fl_hash64(text.p != NULL ? text.p : "", text.n, digest + text.n);
}

static uint64_t digest_request(uint64_t digest, const fl_http_request *request)
{
    digest = mix(digest, request->method);
    digest = mix(digest, request->path);
    digest = mix(digest, request->query);
    for (size_t i = 0; i < request->header_count; i++) {
        digest = mix(mix(digest, request->headers[i].name), request->headers[i].value);
    }
    return mix(digest, request->body);
}

/* Of two flaws in one request the cut decides which is seen first: when reading ends with the
 * refusal, its kind is not compared. */
static uint64_t digest_refusal(uint64_t digest, const http_parser *parser)
{
    const http_refusal *refusal = &parser->refusal;
    if (refusal->status == FL_OK || refusal->message == NULL || refusal->http_status < 400) {
        abort();
    }
    if (parser->failed) {
        return mix(digest, FL_S("failed"));
    }
    digest = mix(digest, fl_str_of(refusal->message));
    return mix(digest, parser->allow) + (uint64_t)refusal->http_status;
}

/* Takes what came; false when the connection is over. */
static bool take(http_parser *parser, http_outcome outcome, uint64_t *digest)
{
    if (outcome == PARSE_READY && parser->packed) {
        http_parser_inflate(parser);
        outcome = parser->refusal.status != FL_OK ? PARSE_REFUSED : PARSE_READY;
    }
    *digest = outcome == PARSE_READY ? digest_request(*digest, &parser->request)
                                     : digest_refusal(*digest, parser);
    bool goes_on = parser->keep_alive;
    http_parser_next(parser);
    return goes_on;
}

/* Everything that a connection with these bytes would bring, cut to step bytes, as one number. */
static uint64_t run(http_site *site, const uint8_t *bytes, size_t n, size_t step)
{
    http_spares spares = {0};
    http_parser parser;
    http_parser_init(&parser, site, &spares);
    uint64_t digest = 0;
    for (size_t at = 0; at < n;) {
        size_t piece = n - at < step ? n - at : step;
        size_t eaten;
        http_outcome outcome =
            http_parse(&parser, (fl_str){(const char *)bytes + at, piece}, &eaten);
        if (eaten > piece) {
            abort();
        }
        at += eaten;
        if (outcome != PARSE_MORE && !take(&parser, outcome, &digest)) {
            break;
        }
    }
    http_parser_fini(&parser);
    http_spares_fini(&spares);
    return digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n == 0) {
        return 0;
    }
    fl_budget budget = {.max_bytes = 1 << 20};
    fl_clock_manual clock;
    fl_clock_manual_init(&clock, 0, 0);
    http_site site = {
        .limits = fl_http_limits_default(), .body_budget = &budget, .clock = &clock.clock};
    site.limits.header_bytes = 512;
    if (!http_routes_init(&site.routes, routes, sizeof routes / sizeof routes[0])) {
        abort();
    }
    uint64_t whole = run(&site, bytes + 1, n - 1, n);
    uint64_t pieces = run(&site, bytes + 1, n - 1, 1 + bytes[0] % 32);
    http_routes_fini(&site.routes);
    if (whole != pieces || fl_budget_used(&budget) != 0) {
        abort();
    }
    return 0;
}
