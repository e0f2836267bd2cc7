/*
 * Bytes → requests, over llhttp in its strict mode. What can be refused is refused at the end of
 * the headers, before a byte of the body is kept: path, method, size, encoding, budget.
 */
#include "net/http_int.h"

#include "codec/codec.h"

#define HEADER_COUNT_MAX 256
#define DRAIN_BYTES_MAX  ((size_t)64 * 1024) /* a refused body up to here is swallowed */
#define BUDGET_STEP      ((size_t)16 * 1024) /* of a chunked body, whose size is not known */
#define BROKEN           HPE_USER            /* makes llhttp stop */

/* A handler's memory: what the head takes, and room to decode a body in. */
#define ARENA_BASE_BYTES ((size_t)1 << 20)
#define ARENA_PER_BODY   16

static int refuse(http_parser *parser, fl_status status, int http_status, const char *message)
{
    parser->refusal = (http_refusal){status, http_status, message};
    return BROKEN;
}

/* ---- Spare buffers */

fl_buf http_spares_take(http_spares *spares)
{
    fl_buf buf = {0};
    if (spares->count > 0) {
        spares->count--;
        buf = spares->bufs[spares->count];
        fl_buf_reset(&buf);
    }
    return buf;
}

void http_spares_give(http_spares *spares, fl_buf *buf)
{
    if (buf->p != NULL && buf->capacity <= HTTP_SPARE_BYTES && spares->count < HTTP_SPARE_COUNT) {
        spares->bufs[spares->count++] = *buf;
        *buf = (fl_buf){0};
    } else {
        fl_buf_fini(buf);
    }
}

void http_spares_fini(http_spares *spares)
{
    while (spares->count > 0) {
        fl_buf_fini(&spares->bufs[--spares->count]);
    }
}

/* ---- The head, as llhttp finds its pieces */

/* Chunk extensions and trailers are read over, but not without end. */
static int skip_extra(llhttp_t *llhttp, const char *at, size_t n)
{
    (void)at;
    http_parser *parser = llhttp->data;
    parser->extra_bytes += n;
    if (parser->extra_bytes > parser->site->limits.header_bytes) {
        return refuse(parser, FL_E_TOO_LARGE, 431,
                      "the chunk extensions or trailers are too large");
    }
    return 0;
}

static int add_piece(llhttp_t *llhttp, const char *at, size_t n)
{
    http_parser *parser = llhttp->data;
    if (parser->stage != STAGE_HEAD) {
        return skip_extra(llhttp, at, n);
    }
    fl_buf_add(&parser->head, at, n);
    return 0;
}

static int end_piece(llhttp_t *llhttp)
{
    return add_piece(llhttp, "\n", 1);
}

static int end_header(llhttp_t *llhttp)
{
    http_parser *parser = llhttp->data;
    if (parser->stage == STAGE_HEAD) {
        parser->header_count++;
    }
    return end_piece(llhttp);
}

static int on_message_begin(llhttp_t *llhttp)
{
    http_parser *parser = llhttp->data;
    parser->begun = true;
    parser->request.started_mono_ns = fl_clock_mono(parser->site->clock);
    return 0;
}

/* Path and query of a target in origin form, or in absolute form as a proxy gets it. */
static void split_target(fl_str target, fl_http_request *request)
{
    if (target.n > 0 && target.p[0] != '/') {
        const char *scheme_end = memmem(target.p, target.n, "://", 3);
        if (scheme_end != NULL) {
            size_t at = (size_t)(scheme_end - target.p) + 3;
            while (at < target.n && target.p[at] != '/' && target.p[at] != '?') {
                at++;
            }
            target = (fl_str){target.p + at, target.n - at};
        }
    }
    fl_str rest = target;
    fl_str path = fl_str_cut(&rest, '?');
    request->path = path.n > 0 ? path : FL_S("/");
    request->query = rest;
}

/* The collected text → request; false without memory. */
static bool build_request(http_parser *parser)
{
    fl_http_request *request = &parser->request;
    fl_str rest = fl_buf_str(&parser->head);
    fl_http_header *headers = FL_ARENA_ARRAY(&parser->arena, fl_http_header, parser->header_count);
    if (headers == NULL || parser->head.status != FL_OK) {
        return false;
    }
    request->method = fl_str_of(llhttp_method_name((llhttp_method_t)parser->llhttp.method));
    split_target(fl_str_cut(&rest, '\n'), request);
    for (size_t i = 0; i < parser->header_count; i++) {
        headers[i].name = fl_str_cut(&rest, '\n');
        headers[i].value = fl_str_trim(fl_str_cut(&rest, '\n'));
    }
    request->headers = headers;
    request->header_count = parser->header_count;
    request->arena = &parser->arena;
    return true;
}

fl_str fl_http_header_get(const fl_http_request *request, fl_str name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (fl_str_eq_nocase(request->headers[i].name, name)) {
            return request->headers[i].value;
        }
    }
    return (fl_str){0};
}

/* ---- The decision at the end of the headers */

static size_t count_headers(const fl_http_request *request, fl_str name)
{
    size_t count = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        count += fl_str_eq_nocase(request->headers[i].name, name) ? 1 : 0;
    }
    return count;
}

/* What RFC 9112 asks for beyond the syntax that llhttp checks. */
static int check_protocol(http_parser *parser)
{
    const llhttp_t *llhttp = &parser->llhttp;
    const fl_http_request *request = &parser->request;
    parser->http_1_0 = llhttp->http_minor == 0;
    if (llhttp->http_major != 1) {
        return refuse(parser, FL_E_INVALID, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    }
    size_t hosts = count_headers(request, FL_S("host"));
    if (hosts > 1 || (hosts == 0 && !parser->http_1_0)) {
        return refuse(parser, FL_E_INVALID, 400, "a request needs exactly one Host header");
    }
    fl_str transfer = fl_http_header_get(request, FL_S("transfer-encoding"));
    if (transfer.p != NULL && !fl_str_eq_nocase(transfer, FL_S("chunked"))) {
        return refuse(parser, FL_E_INVALID, 501, "the only transfer encoding served is chunked");
    }
    fl_str expect = fl_http_header_get(request, FL_S("expect"));
    if (expect.p != NULL && !fl_str_eq_nocase(expect, FL_S("100-continue"))) {
        return refuse(parser, FL_E_INVALID, 417, "the only expectation met is 100-continue");
    }
    parser->expects_continue = expect.p != NULL && !parser->http_1_0;
    return 0;
}

static int find_route(http_parser *parser)
{
    fl_http_request *request = &parser->request;
    bool path_known;
    request->route =
        http_routes_find(&parser->site->routes, request->method, request->path, &path_known);
    if (request->route != NULL) {
        return 0;
    }
    if (!path_known) {
        return refuse(parser, FL_E_UNKNOWN_OPERATION, 404, "no such path");
    }
    parser->allow = http_routes_allow(&parser->site->routes, request->path, &parser->arena);
    return refuse(parser, FL_E_METHOD, 405, "the path does not take this method");
}

static int check_encoding(http_parser *parser)
{
    fl_str encoding = fl_http_header_get(&parser->request, FL_S("content-encoding"));
    if (encoding.n == 0 || fl_str_eq_nocase(encoding, FL_S("identity"))) {
        return 0;
    }
    parser->packed = fl_str_eq_nocase(encoding, FL_S("gzip")) ||
                     fl_str_eq_nocase(encoding, FL_S("x-gzip")) ||
                     fl_str_eq_nocase(encoding, FL_S("deflate"));
    return parser->packed
               ? 0
               : refuse(parser, FL_E_INVALID, 415, "content encodings taken: gzip, deflate");
}

/* Raises what the body has taken from the budget to total bytes. */
static bool charge(http_parser *parser, size_t total)
{
    if (total <= parser->budget_bytes) {
        return true;
    }
    size_t more = total - parser->budget_bytes;
    if (!fl_budget_take(parser->site->body_budget, more)) {
        return false;
    }
    parser->budget_bytes = total;
    return true;
}

static int over_budget(http_parser *parser)
{
    return refuse(parser, FL_E_BUSY, 429, "too many bodies are in flight, try again");
}

/* Gets room for the whole body when its length is told. */
static int reserve_body(http_parser *parser)
{
    const llhttp_t *llhttp = &parser->llhttp;
    size_t max = parser->request.route->max_body_bytes;
    bool sized = (llhttp->flags & F_CONTENT_LENGTH) != 0;
    size_t length = sized ? llhttp->content_length : 0;
    if (length > max) {
        return refuse(parser, FL_E_TOO_LARGE, 413, "the body is too large");
    }
    if (!charge(parser, length)) {
        return over_budget(parser);
    }
    if (length > 0 || (llhttp->flags & F_CHUNKED) != 0) {
        parser->body = http_spares_take(parser->spares);
        parser->body.max_bytes = max;
        if (length > 0 && fl_buf_room(&parser->body, length) == NULL) {
            return refuse(parser, FL_E_NOMEM, 503, "no memory for the body");
        }
    }
    return 0;
}

/* May a refused request's body be swallowed, so that the connection lives on? Not when the client
 * waits for 100 Continue: it may or may not send the body then. */
static bool may_drain(const http_parser *parser)
{
    const llhttp_t *llhttp = &parser->llhttp;
    bool small = (llhttp->flags & F_CHUNKED) == 0 && llhttp->content_length <= DRAIN_BYTES_MAX;
    return small && !parser->expects_continue && parser->refusal.status != FL_E_TOO_LARGE;
}

static int on_headers_complete(llhttp_t *llhttp)
{
    http_parser *parser = llhttp->data;
    parser->stage = STAGE_BODY;
    parser->head_end_ns = fl_clock_mono(parser->site->clock);
    llhttp->upgrade = 0; /* an offer that we do not take up; CONNECT is a method like others */
    if (parser->header_count > HEADER_COUNT_MAX) {
        return refuse(parser, FL_E_TOO_LARGE, 431, "too many headers");
    }
    if (!build_request(parser)) {
        return refuse(parser, FL_E_NOMEM, 503, "no memory for the headers");
    }
    if (check_protocol(parser) != 0) {
        return BROKEN;
    }
    if (find_route(parser) == 0 && check_encoding(parser) == 0 && reserve_body(parser) == 0) {
        parser->arena.max_bytes = ARENA_BASE_BYTES + 4 * parser->site->limits.header_bytes +
                                  ARENA_PER_BODY * parser->request.route->max_body_bytes;
        return 0;
    }
    parser->draining = may_drain(parser);
    return parser->draining ? 0 : BROKEN;
}

/* ---- The body */

static int on_body(llhttp_t *llhttp, const char *at, size_t n)
{
    http_parser *parser = llhttp->data;
    if (parser->draining) {
        return 0;
    }
    size_t max = parser->request.route->max_body_bytes;
    if (n > max - parser->body.n) {
        return refuse(parser, FL_E_TOO_LARGE, 413, "the body is too large");
    }
    size_t total = parser->body.n + n;
    if (total > parser->budget_bytes && !charge(parser, total + BUDGET_STEP)) {
        return over_budget(parser);
    }
    fl_buf_add(&parser->body, at, n);
    if (parser->body.status != FL_OK) {
        return refuse(parser, FL_E_NOMEM, 503, "no memory for the body");
    }
    return 0;
}

static int on_message_complete(llhttp_t *llhttp)
{
    http_parser *parser = llhttp->data;
    parser->stage = STAGE_WHOLE;
    parser->keep_alive = llhttp_should_keep_alive(llhttp) != 0;
    parser->request.body = fl_buf_str(&parser->body);
    return HPE_PAUSED;
}

void http_parser_inflate(http_parser *parser)
{
    fl_budget *budget = parser->site->body_budget;
    size_t max = parser->request.route->max_body_bytes;
    parser->packed = false;
    if (parser->body.n == 0) {
        return;
    }
    if (!fl_budget_take(budget, max)) { /* what it unpacks to shows only afterwards */
        (void)over_budget(parser);
        return;
    }
    fl_buf plain;
    fl_buf_init(&plain, max);
    fl_status status = fl_gzip_inflate(fl_buf_str(&parser->body), &plain, NULL);
    fl_budget_give(budget, max - plain.n);
    parser->budget_bytes += plain.n;
    parser->packed_body = parser->body;
    parser->body = plain;
    parser->request.body = fl_buf_str(&parser->body);
    if (status == FL_E_TOO_LARGE) {
        (void)refuse(parser, status, 413, "the unpacked body is too large");
    } else if (status == FL_E_NOMEM) {
        (void)refuse(parser, status, 503, "no memory to unpack the body");
    } else if (status != FL_OK) {
        (void)refuse(parser, FL_E_SYNTAX, 400, "the body is not what its Content-Encoding says");
    }
}

/* ---- The parser */

static const llhttp_settings_t settings = {
    .on_message_begin = on_message_begin,
    .on_url = add_piece,
    .on_url_complete = end_piece,
    .on_header_field = add_piece,
    .on_header_field_complete = end_piece,
    .on_header_value = add_piece,
    .on_header_value_complete = end_header,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_chunk_extension_name = skip_extra,
    .on_chunk_extension_value = skip_extra,
    .on_message_complete = on_message_complete,
};

static size_t head_arena_bytes(const http_site *site)
{
    return ARENA_BASE_BYTES + 4 * site->limits.header_bytes;
}

void http_parser_init(http_parser *parser, const http_site *site, http_spares *spares)
{
    *parser = (http_parser){.site = site, .spares = spares};
    llhttp_init(&parser->llhttp, HTTP_REQUEST, &settings);
    parser->llhttp.data = parser;
    fl_buf_init(&parser->head,
                site->limits.header_bytes + 1); /* each piece's LF was at least one byte */
    fl_arena_init(&parser->arena, head_arena_bytes(site));
}

static http_outcome give_up(http_parser *parser)
{
    parser->failed = true;
    parser->keep_alive = false;
    return PARSE_REFUSED;
}

http_outcome http_parse(http_parser *parser, fl_str bytes, size_t *eaten)
{
    size_t n = bytes.n;
    bool in_head = parser->stage == STAGE_HEAD;
    if (in_head && n > parser->site->limits.header_bytes - parser->head_bytes) {
        n = parser->site->limits.header_bytes - parser->head_bytes;
    }
    llhttp_errno_t error = llhttp_execute(&parser->llhttp, bytes.p, n);
    *eaten = error == HPE_OK ? n : (size_t)(llhttp_get_error_pos(&parser->llhttp) - bytes.p);
    parser->head_bytes += in_head ? *eaten : 0; /* with the begin of a body, which does no harm */
    if (error == HPE_PAUSED) {
        return parser->draining ? PARSE_REFUSED : PARSE_READY;
    }
    if (error != HPE_OK) {
        if (parser->refusal.status == FL_OK) {
            (void)refuse(parser, FL_E_SYNTAX, 400, llhttp_get_error_reason(&parser->llhttp));
        }
        return give_up(parser);
    }
    if (parser->stage == STAGE_HEAD && parser->head_bytes == parser->site->limits.header_bytes) {
        (void)refuse(parser, FL_E_TOO_LARGE, 431, "the headers are too large");
        return give_up(parser);
    }
    return PARSE_MORE;
}

void http_parser_abandon(http_parser *parser, http_refusal refusal)
{
    parser->refusal = refusal;
    (void)give_up(parser);
}

void http_parser_next(http_parser *parser)
{
    http_spares_give(parser->spares, &parser->body);
    http_spares_give(parser->spares, &parser->packed_body);
    fl_budget_give(parser->site->body_budget, parser->budget_bytes);
    fl_buf_reset(&parser->head);
    fl_arena_reset(&parser->arena);
    parser->arena.max_bytes = head_arena_bytes(parser->site);
    if (!parser->failed) {
        llhttp_resume(&parser->llhttp);
    }
    parser->stage = STAGE_HEAD;
    parser->begun = false;
    parser->expects_continue = false;
    parser->packed = false;
    parser->draining = false;
    parser->head_bytes = 0;
    parser->header_count = 0;
    parser->extra_bytes = 0;
    parser->budget_bytes = 0;
    parser->allow = (fl_str){0};
    parser->refusal = (http_refusal){0};
    parser->request = (fl_http_request){.loop = parser->request.loop, .user = parser->request.user};
}

void http_parser_trim(http_parser *parser)
{
    size_t max = parser->head.max_bytes;
    fl_buf_fini(&parser->head);
    fl_buf_init(&parser->head, max);
    fl_arena_fini(&parser->arena);
    fl_arena_init(&parser->arena, head_arena_bytes(parser->site));
}

void http_parser_fini(http_parser *parser)
{
    fl_budget_give(parser->site->body_budget, parser->budget_bytes);
    parser->budget_bytes = 0;
    fl_buf_fini(&parser->head);
    fl_buf_fini(&parser->body);
    fl_buf_fini(&parser->packed_body);
    fl_arena_fini(&parser->arena);
}
