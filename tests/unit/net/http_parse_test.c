/* The HTTP parser in memory: every split, framing, routing, sizes, encodings, budget. */
#include <stdlib.h>
#include <zlib.h>

#include "net/http_int.h"
#include "support/test.h"

#define MAX_BODY 64

static void unused_handler(fl_http_request *request)
{
    (void)request;
}

static const fl_http_route routes[] = {
    {"GET", "/hello", unused_handler, 0, NULL},
    {"POST", "/echo", unused_handler, MAX_BODY, NULL},
    {"PUT", "/echo", unused_handler, MAX_BODY, NULL},
    {"POST", "/large", unused_handler, 1 << 20, NULL},
    {"GET", "/", unused_handler, 0, NULL},
};

typedef struct fixture {
    fl_budget budget;
    http_site site;
    http_spares spares;
    http_parser parser;
} fixture;

static void setup(fixture *f)
{
    memset(f, 0, sizeof *f);
    f->budget.max_bytes = 4 << 20;
    f->site.limits = fl_http_limits_default();
    f->site.limits.header_bytes = 1024;
    f->site.body_budget = &f->budget;
    f->site.clock = fl_clock_system();
    assert_true(http_routes_init(&f->site.routes, routes, sizeof routes / sizeof routes[0]));
    http_parser_init(&f->parser, &f->site, &f->spares);
}

static void teardown(fixture *f)
{
    http_parser_fini(&f->parser);
    http_spares_fini(&f->spares);
    http_routes_fini(&f->site.routes);
    assert_int_equal(fl_budget_used(&f->budget), 0);
}

/* Feeds text in pieces of at most step bytes from a buffer of exactly that size, so that ASan sees
 * a read beyond it; stops at the first outcome. *left gets what was not eaten. */
static http_outcome feed(http_parser *parser, fl_str *text, size_t step)
{
    while (text->n > 0) {
        size_t n = text->n < step ? text->n : step;
        char *piece = malloc(n);
        assert_non_null(piece);
        memcpy(piece, text->p, n);
        size_t eaten;
        http_outcome outcome = http_parse(parser, (fl_str){piece, n}, &eaten);
        free(piece);
        assert_true(eaten <= n);
        *text = (fl_str){text->p + eaten, text->n - eaten};
        if (outcome != PARSE_MORE) {
            return outcome;
        }
    }
    return PARSE_MORE;
}

static http_outcome feed_all(fixture *f, const char *text)
{
    fl_str rest = fl_str_of(text);
    return feed(&f->parser, &rest, rest.n);
}

static void assert_refused(const char *text, int http_status, bool keep_alive)
{
    size_t n = strlen(text);
    for (size_t step = 1; step <= n; step += step < 8 ? 1 : n) { /* small pieces, and all at once */
        fixture f;
        setup(&f);
        fl_str rest = fl_str_of(text);
        assert_int_equal(feed(&f.parser, &rest, step == 8 ? n : step), PARSE_REFUSED);
        assert_int_equal(f.parser.refusal.http_status, http_status);
        assert_non_null(f.parser.refusal.message);
        assert_int_equal(f.parser.keep_alive, keep_alive);
        teardown(&f);
    }
}

static void assert_ready(const char *text, const char *path, const char *body)
{
    fixture f;
    setup(&f);
    assert_int_equal(feed_all(&f, text), PARSE_READY);
    assert_str(f.parser.request.path, path);
    assert_str(f.parser.request.body, body);
    teardown(&f);
}

/* ---- Reading */

static void a_request_reads_the_same_in_pieces_of_every_size(void **state)
{
    (void)state;
    const char *text =
        "POST /echo?a=1&b=%20 HTTP/1.1\r\nHost: x\r\nX-Empty:\r\nX-Padded: \t v w \t\r\n"
        "Content-Length: 11\r\n\r\nhello world";
    for (size_t step = 1; step <= strlen(text); step++) {
        fixture f;
        setup(&f);
        fl_str rest = fl_str_of(text);
        assert_int_equal(feed(&f.parser, &rest, step), PARSE_READY);
        const fl_http_request *request = &f.parser.request;
        assert_str(request->method, "POST");
        assert_str(request->path, "/echo");
        assert_str(request->query, "a=1&b=%20");
        assert_str(request->body, "hello world");
        assert_int_equal(request->header_count, 4);
        assert_str(fl_http_header_get(request, FL_S("HOST")), "x");
        assert_str(fl_http_header_get(request, FL_S("x-empty")), "");
        assert_str(fl_http_header_get(request, FL_S("x-padded")), "v w");
        assert_null(fl_http_header_get(request, FL_S("x-absent")).p);
        assert_ptr_equal(request->route, &routes[1]);
        assert_true(f.parser.keep_alive);
        teardown(&f);
    }
}

static void chunks_read_the_same_in_pieces_of_every_size(void **state)
{
    (void)state;
    const char *text = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "5\r\nhello\r\n1;ext=\"q\"\r\n \r\n5\r\nworld\r\n0\r\nTrailer: t\r\n\r\n";
    for (size_t step = 1; step <= strlen(text); step++) {
        fixture f;
        setup(&f);
        fl_str rest = fl_str_of(text);
        assert_int_equal(feed(&f.parser, &rest, step), PARSE_READY);
        assert_int_equal(rest.n, 0);
        assert_str(f.parser.request.body, "hello world");
        assert_int_equal(f.parser.request.header_count, 2);
        teardown(&f);
    }
}

static void pipelined_requests_come_one_at_a_time_in_every_split(void **state)
{
    (void)state;
    const char *text = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
                       "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"
                       "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n";
    const char *paths[] = {"/hello", "/echo", "/"};
    for (size_t step = 1; step <= strlen(text); step++) {
        fixture f;
        setup(&f);
        fl_str rest = fl_str_of(text);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(feed(&f.parser, &rest, step), PARSE_READY);
            assert_str(f.parser.request.path, paths[i]);
            assert_str(f.parser.request.body, i == 1 ? "ab" : "");
            http_parser_next(&f.parser);
        }
        assert_int_equal(rest.n, 0);
        assert_false(f.parser.begun);
        teardown(&f);
    }
}

static void blank_lines_before_a_request_do_not_begin_it(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    assert_int_equal(feed_all(&f, "\r\n\r\n"), PARSE_MORE);
    assert_false(f.parser.begun);
    assert_int_equal(feed_all(&f, "G"), PARSE_MORE);
    assert_true(f.parser.begun);
    teardown(&f);
}

static void a_target_may_be_absolute_and_a_path_empty(void **state)
{
    (void)state;
    assert_ready("GET http://h:1/hello?q HTTP/1.1\r\nHost: h:1\r\n\r\n", "/hello", "");
    assert_ready("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n", "/", "");
    assert_ready("GET http://h?q=/x HTTP/1.1\r\nHost: h\r\n\r\n", "/", "");
    assert_ready("GET /?x HTTP/1.1\r\nHost: h\r\n\r\n", "/", "");
}

static void keep_alive_follows_version_and_connection_header(void **state)
{
    (void)state;
    const struct {
        const char *text;
        bool keep_alive;
    } cases[] = {
        {"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", true},
        {"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false},
        {"GET /hello HTTP/1.0\r\n\r\n", false},
        {"GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture f;
        setup(&f);
        assert_int_equal(feed_all(&f, cases[i].text), PARSE_READY);
        assert_int_equal(f.parser.keep_alive, cases[i].keep_alive);
        teardown(&f);
    }
}

static void an_upgrade_that_is_offered_is_not_taken_up(void **state)
{
    (void)state;
    assert_ready(
        "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\nContent-Length: 2\r\n\r\nab",
        "/echo", "ab");
}

static void a_get_with_a_length_of_zero_has_no_body(void **state)
{
    (void)state;
    assert_ready("GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "/hello", "");
    assert_ready("POST /echo HTTP/1.1\r\nHost: x\r\n\r\n", "/echo", "");
}

/* ---- Refusals */

static void syntax_that_is_ambiguous_is_refused(void **state)
{
    (void)state;
    assert_refused("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                   400, false);
    assert_refused(
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", 400,
        false);
    assert_refused("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, false);
    assert_refused("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
                   400, false);
    assert_refused("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                   400, false);
    assert_refused("GET /hello HTTP/1.1\r\nHost : x\r\n\r\n", 400, false);
    assert_refused("GET /hello HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n", 400, false);
    assert_refused("GET /hello HTTP/1.1\nHost: x\n\n", 400, false);
    assert_refused("BREW /hello HTTP/1.1\r\n", 400, false);
    assert_refused("\x16\x03\x01\x02", 400, false);
    assert_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, false);
}

static void a_request_needs_exactly_one_host_from_1_1_on(void **state)
{
    (void)state;
    assert_refused("POST /echo HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", 400, false);
    assert_refused("GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, false);
    assert_ready("GET /hello HTTP/1.0\r\n\r\n", "/hello", "");
}

static void what_is_not_spoken_is_named(void **state)
{
    (void)state;
    assert_refused("GET /hello HTTP/2.0\r\nHost: x\r\n\r\n", 505, false);
    assert_refused("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                   501, false);
    assert_refused("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nContent-Length: 1\r\n\r\n",
                   417, false);
    assert_refused(
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx", 415,
        true);
}

static void an_unknown_path_or_method_swallows_a_small_body_and_goes_on(void **state)
{
    (void)state;
    assert_refused("GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", 404, true);
    assert_refused("POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 404,
                   true);
    assert_refused("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404, true);
    assert_refused("CONNECT h:1 HTTP/1.1\r\nHost: x\r\n\r\n", 404, true);
    assert_refused("POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 405, true);
    assert_refused("POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n", 404,
                   false);
    assert_refused("POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 404,
                   false);
    assert_refused(
        "POST /nowhere HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        404, false);
}

static void after_a_swallowed_body_the_next_request_is_read(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    fl_str rest = FL_S("POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
                       "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(feed(&f.parser, &rest, 7), PARSE_REFUSED);
    http_parser_next(&f.parser);
    assert_int_equal(feed(&f.parser, &rest, 7), PARSE_READY);
    assert_str(f.parser.request.path, "/hello");
    assert_int_equal(f.parser.refusal.status, FL_OK);
    teardown(&f);
}

static void a_wrong_method_is_told_the_right_ones(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    assert_int_equal(feed_all(&f, "DELETE /echo HTTP/1.1\r\nHost: x\r\n\r\n"), PARSE_REFUSED);
    assert_int_equal(f.parser.refusal.status, FL_E_METHOD);
    assert_str(f.parser.allow, "POST, PUT");
    http_parser_next(&f.parser);
    assert_int_equal(feed_all(&f, "POST / HTTP/1.1\r\nHost: x\r\n\r\n"), PARSE_REFUSED);
    assert_str(f.parser.allow, "GET, HEAD");
    teardown(&f);
}

static void head_finds_the_route_of_get(void **state)
{
    (void)state;
    assert_ready("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n", "/hello", "");
    assert_refused("HEAD /echo HTTP/1.1\r\nHost: x\r\n\r\n", 405, true);
}

/* ---- Sizes */

static void post_of(char *out, size_t capacity, size_t body_bytes, bool chunked)
{
    int n =
        chunked
            ? snprintf(
                  out, capacity,
                  "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n",
                  body_bytes)
            : snprintf(out, capacity,
                       "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", body_bytes);
    memset(out + n, 'b', body_bytes);
    memcpy(out + (size_t)n + body_bytes, "\r\n0\r\n\r\n", chunked ? 8 : 1);
    out[(size_t)n + body_bytes + (chunked ? 7 : 0)] = '\0';
}

static void a_body_of_the_maximum_passes_and_one_byte_more_does_not(void **state)
{
    (void)state;
    char text[512];
    for (int chunked = 0; chunked < 2; chunked++) {
        fixture f;
        setup(&f);
        post_of(text, sizeof text, MAX_BODY, chunked != 0);
        assert_int_equal(feed_all(&f, text), PARSE_READY);
        assert_int_equal(f.parser.request.body.n, MAX_BODY);
        teardown(&f);
        post_of(text, sizeof text, MAX_BODY + 1, chunked != 0);
        assert_refused(text, 413, false);
    }
}

static void a_body_that_is_told_too_large_is_refused_before_it_is_read(void **state)
{
    (void)state;
    assert_refused("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 65\r\n\r\n", 413, false);
    assert_refused("GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n", 413, false);
}

static void a_head_of_the_maximum_passes_and_one_byte_more_does_not(void **state)
{
    (void)state;
    const char *before = "GET /hello HTTP/1.1\r\nHost: x\r\nX: ";
    for (size_t over = 0; over < 2; over++) {
        char text[2048];
        size_t pad = 1024 - strlen(before) - 4 + over;
        memcpy(text, before, strlen(before));
        memset(text + strlen(before), 'h', pad);
        memcpy(text + strlen(before) + pad, "\r\n\r\n", 5);
        fixture f;
        setup(&f);
        assert_int_equal(feed_all(&f, text), over == 0 ? PARSE_READY : PARSE_REFUSED);
        assert_int_equal(f.parser.refusal.http_status, over == 0 ? 0 : 431);
        teardown(&f);
    }
}

/* Feeds the same text again and again until something else than PARSE_MORE comes. */
static http_outcome feed_forever(http_parser *parser, fl_str text)
{
    for (size_t i = 0; i < 100000; i++) {
        fl_str rest = text;
        http_outcome outcome = feed(parser, &rest, rest.n);
        if (outcome != PARSE_MORE) {
            return outcome;
        }
    }
    return PARSE_MORE;
}

static void blanks_trailers_and_chunk_extensions_without_end_are_bounded_too(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    assert_int_equal(feed_all(&f, "GET /hello HTTP/1.1\r\nHost:"), PARSE_MORE);
    assert_int_equal(feed_forever(&f.parser, FL_S("                ")), PARSE_REFUSED);
    assert_int_equal(f.parser.refusal.http_status, 431);
    teardown(&f);
    setup(&f);
    assert_int_equal(
        feed_all(&f, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"),
        PARSE_MORE);
    assert_int_equal(feed_forever(&f.parser, FL_S("T: t\r\n")), PARSE_REFUSED);
    assert_int_equal(f.parser.refusal.http_status, 431);
    teardown(&f);
    setup(&f);
    assert_int_equal(
        feed_all(&f, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1"),
        PARSE_MORE);
    assert_int_equal(feed_forever(&f.parser, FL_S(";name=value")), PARSE_REFUSED);
    assert_int_equal(f.parser.refusal.http_status, 431);
    teardown(&f);
}

static void a_body_may_come_in_thousands_of_small_chunks(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    assert_int_equal(
        feed_all(&f, "POST /large HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"),
        PARSE_MORE);
    for (size_t i = 0; i < 5000; i++) {
        assert_int_equal(feed_all(&f, "1\r\nx\r\n"), PARSE_MORE);
    }
    assert_int_equal(feed_all(&f, "0\r\n\r\n"), PARSE_READY);
    assert_int_equal(f.parser.request.body.n, 5000);
    teardown(&f);
}

static void too_many_headers_are_refused(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    f.site.limits.header_bytes = 64 * 1024;
    http_parser_fini(&f.parser);
    http_parser_init(&f.parser, &f.site, &f.spares);
    assert_int_equal(feed_all(&f, "GET /hello HTTP/1.1\r\nHost: x\r\n"), PARSE_MORE);
    for (size_t i = 0; i < 256; i++) {
        assert_int_equal(feed_all(&f, "a: b\r\n"), PARSE_MORE);
    }
    assert_int_equal(feed_all(&f, "\r\n"), PARSE_REFUSED);
    assert_int_equal(f.parser.refusal.http_status, 431);
    teardown(&f);
}

/* ---- Budget and memory */

static void bodies_over_the_budget_are_busy_and_what_was_taken_comes_back(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    f.budget.max_bytes = 10;
    assert_int_equal(
        feed_all(&f, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello world"),
        PARSE_REFUSED);
    assert_int_equal(f.parser.refusal.http_status, 429);
    assert_true(f.parser.keep_alive);
    http_parser_next(&f.parser);
    assert_int_equal(
        feed_all(&f, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello worl"),
        PARSE_READY);
    assert_int_equal(fl_budget_used(&f.budget), 10);
    http_parser_next(&f.parser);
    assert_int_equal(fl_budget_used(&f.budget), 0);
    assert_int_equal(feed_all(&f,
                              "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "5\r\nhello\r\n"),
                     PARSE_REFUSED);
    assert_int_equal(f.parser.refusal.http_status, 429);
    assert_false(f.parser.keep_alive);
    teardown(&f);
}

static void without_memory_for_the_headers_the_answer_is_503(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 2; n++) {
        fixture f;
        setup(&f);
        f.parser.arena.fail_at = n;
        http_outcome outcome = feed_all(&f, "DELETE /echo HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_int_equal(outcome, PARSE_REFUSED);
        assert_int_equal(f.parser.refusal.http_status, n == 1 ? 503 : 405);
        assert_true(n == 1 || f.parser.allow.n == 0);
        teardown(&f);
    }
}

static void a_body_buffer_is_used_again(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    const char *text = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab";
    assert_int_equal(feed_all(&f, text), PARSE_READY);
    const char *first = f.parser.request.body.p;
    http_parser_next(&f.parser);
    assert_int_equal(f.spares.count, 1);
    assert_int_equal(feed_all(&f, text), PARSE_READY);
    assert_ptr_equal(f.parser.request.body.p, first);
    http_parser_next(&f.parser);
    http_parser_trim(&f.parser);
    assert_int_equal(feed_all(&f, text), PARSE_READY);
    teardown(&f);
}

/* ---- Packed bodies */

static size_t pack(const char *plain, size_t n, int window_bits, char *out, size_t capacity)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY),
                     Z_OK);
    stream.next_in = (z_const Bytef *)(uintptr_t)plain;
    stream.avail_in = (uInt)n;
    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)capacity;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    (void)deflateEnd(&stream);
    return stream.total_out;
}

static void feed_packed(fixture *f, const char *path, const char *encoding, fl_str packed)
{
    char head[256];
    (void)snprintf(
        head, sizeof head,
        "POST %s HTTP/1.1\r\nHost: x\r\nContent-Encoding: %s\r\nContent-Length: %zu\r\n\r\n", path,
        encoding, packed.n);
    http_outcome outcome = feed_all(f, head);
    if (packed.n > 0) {
        assert_int_equal(outcome, PARSE_MORE);
        outcome = feed(&f->parser, &packed, 5);
    }
    assert_int_equal(outcome, PARSE_READY);
    assert_true(f->parser.packed);
    http_parser_inflate(&f->parser);
}

static void gzip_and_zlib_bodies_are_unpacked(void **state)
{
    (void)state;
    const struct {
        const char *encoding;
        int window_bits;
    } cases[] = {{"gzip", 31}, {"x-gzip", 31}, {"GZIP", 31}, {"deflate", 15}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char packed[128];
        size_t n = pack("hello world", 11, cases[i].window_bits, packed, sizeof packed);
        fixture f;
        setup(&f);
        feed_packed(&f, "/echo", cases[i].encoding, (fl_str){packed, n});
        assert_int_equal(f.parser.refusal.status, FL_OK);
        assert_str(f.parser.request.body, "hello world");
        http_parser_next(&f.parser);
        teardown(&f);
    }
}

static void an_unpacked_body_has_the_same_maximum(void **state)
{
    (void)state;
    char plain[MAX_BODY + 1], packed[128];
    memset(plain, 'p', sizeof plain);
    for (size_t over = 0; over < 2; over++) {
        size_t n = pack(plain, MAX_BODY + over, 31, packed, sizeof packed);
        fixture f;
        setup(&f);
        feed_packed(&f, "/echo", "gzip", (fl_str){packed, n});
        assert_int_equal(f.parser.refusal.http_status, over == 0 ? 0 : 413);
        teardown(&f);
    }
}

static void damaged_or_cut_packed_bodies_are_refused_and_an_empty_one_is_empty(void **state)
{
    (void)state;
    char packed[128];
    size_t n = pack("hello world", 11, 31, packed, sizeof packed);
    fixture f;
    setup(&f);
    feed_packed(&f, "/echo", "gzip", (fl_str){packed, n - 1});
    assert_int_equal(f.parser.refusal.http_status, 400);
    http_parser_next(&f.parser);
    feed_packed(&f, "/echo", "gzip", FL_S("this is plain"));
    assert_int_equal(f.parser.refusal.http_status, 400);
    http_parser_next(&f.parser);
    feed_packed(&f, "/echo", "gzip", FL_S(""));
    assert_int_equal(f.parser.refusal.status, FL_OK);
    assert_int_equal(f.parser.request.body.n, 0);
    http_parser_next(&f.parser);
    f.budget.max_bytes = 1 << 19; /* less than the route's maximum: no room to unpack */
    feed_packed(&f, "/large", "gzip", (fl_str){packed, n});
    assert_int_equal(f.parser.refusal.http_status, 429);
    teardown(&f);
}

/* ---- Answers */

static void assert_head(const fl_http_response *response, http_answer_form form,
                        const char *expected)
{
    fl_buf out;
    fl_buf_init(&out, 4096);
    http_emit_head(&out, response, &form);
    assert_str(fl_buf_str(&out), expected);
    fl_buf_fini(&out);
}

static void an_answers_head_says_what_the_framing_needs(void **state)
{
    (void)state;
    const fl_http_header extra[] = {{FL_S("x-amzn-RequestId"), FL_S("1-2-3")},
                                    {FL_S("x-bad"), FL_S("a\r\nSet-Cookie: b")}};
    fl_http_response response = {.status = 200,
                                 .content_type = FL_S("application/json"),
                                 .headers = extra,
                                 .header_count = 2};
    assert_head(&response, (http_answer_form){.keep_alive = true, .body_bytes = 12},
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n"
                "x-amzn-RequestId: 1-2-3\r\n\r\n");
    response = (fl_http_response){.status = 405};
    assert_head(&response, (http_answer_form){.allow = FL_S("GET, HEAD")},
                "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\nAllow: GET, HEAD\r\n"
                "Connection: close\r\n\r\n");
    response.status = 204;
    assert_head(&response, (http_answer_form){.keep_alive = true, .http_1_0 = true},
                "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_reads_the_same_in_pieces_of_every_size),
        cmocka_unit_test(chunks_read_the_same_in_pieces_of_every_size),
        cmocka_unit_test(pipelined_requests_come_one_at_a_time_in_every_split),
        cmocka_unit_test(blank_lines_before_a_request_do_not_begin_it),
        cmocka_unit_test(a_target_may_be_absolute_and_a_path_empty),
        cmocka_unit_test(keep_alive_follows_version_and_connection_header),
        cmocka_unit_test(an_upgrade_that_is_offered_is_not_taken_up),
        cmocka_unit_test(a_get_with_a_length_of_zero_has_no_body),
        cmocka_unit_test(syntax_that_is_ambiguous_is_refused),
        cmocka_unit_test(a_request_needs_exactly_one_host_from_1_1_on),
        cmocka_unit_test(what_is_not_spoken_is_named),
        cmocka_unit_test(an_unknown_path_or_method_swallows_a_small_body_and_goes_on),
        cmocka_unit_test(after_a_swallowed_body_the_next_request_is_read),
        cmocka_unit_test(a_wrong_method_is_told_the_right_ones),
        cmocka_unit_test(head_finds_the_route_of_get),
        cmocka_unit_test(a_body_of_the_maximum_passes_and_one_byte_more_does_not),
        cmocka_unit_test(a_body_that_is_told_too_large_is_refused_before_it_is_read),
        cmocka_unit_test(a_head_of_the_maximum_passes_and_one_byte_more_does_not),
        cmocka_unit_test(blanks_trailers_and_chunk_extensions_without_end_are_bounded_too),
        cmocka_unit_test(a_body_may_come_in_thousands_of_small_chunks),
        cmocka_unit_test(too_many_headers_are_refused),
        cmocka_unit_test(bodies_over_the_budget_are_busy_and_what_was_taken_comes_back),
        cmocka_unit_test(without_memory_for_the_headers_the_answer_is_503),
        cmocka_unit_test(a_body_buffer_is_used_again),
        cmocka_unit_test(gzip_and_zlib_bodies_are_unpacked),
        cmocka_unit_test(an_unpacked_body_has_the_same_maximum),
        cmocka_unit_test(damaged_or_cut_packed_bodies_are_refused_and_an_empty_one_is_empty),
        cmocka_unit_test(an_answers_head_says_what_the_framing_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
