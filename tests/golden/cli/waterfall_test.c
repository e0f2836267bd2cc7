/* The picture of fixed traces, at several widths. FLUORO_GOLDEN=update rewrites the files; look at
 * them. */
#include "unit/cli/cli_fixture.h"

#include "cli/waterfall_int.h"

#define ID "\"trace_id\":\"1-67a1b2c0-0a1b2c3d4e5f60718293a4b5\""

/* The worked example of a declined payment, with a stack, an annotation, a table and a query. */
static const char *const order[] = {
    "{\"id\":\"a000000000000001\",\"name\":\"order-service\",\"start_time\":1738650304.1,\"end_"
    "time\":1738650305.0," ID ",\"user\":\"alice\",\"origin\":\"AWS::EC2::Instance\",\"http\":{"
    "\"request\":{\"method\":\"POST\",\"url\":"
    "\"https://shop.example/api/v1/"
    "orders\",\"client_ip\":\"203.0.113.7\"},\"response\":{\"status\":502}},"
    "\"fault\":true,\"annotations\":{\"customer_tier\":\"enterprise\",\"express\":true},"
    "\"metadata\":{\"default\":{\"build\":\"2026.11\",\"flags\":[1,2,3]}},\"subsegments\":["
    "{\"id\":\"a000000000000002\",\"name\":\"orders\",\"namespace\":\"aws\",\"start_time\":"
    "1738650304.12,"
    "\"end_time\":1738650304.32,\"aws\":{\"operation\":\"PutItem\",\"table_name\":\"orders\"}},"
    "{\"id\":\"a000000000000004\",\"name\":\"shop@db.internal\",\"namespace\":\"remote\",\"start_"
    "time\":1738650304.33,"
    "\"end_time\":1738650304.73,\"sql\":{\"sanitized_query\":\"SELECT id, title, price FROM items "
    "WHERE sku = ANY(?) "
    "ORDER BY price DESC, title LIMIT 100\"}},"
    "{\"id\":\"a000000000000003\",\"name\":\"payments.internal\",\"namespace\":\"remote\","
    "\"fault\":true,"
    "\"start_time\":1738650304.74,\"end_time\":1738650304.95,\"http\":{\"request\":{\"method\":"
    "\"POST\",\"url\":"
    "\"http://payments.internal/charges\",\"traced\":true},\"response\":{\"status\":500}}}]}",
    "{\"id\":\"b000000000000001\",\"name\":\"payments\",\"parent_id\":\"a000000000000003\"," ID
    ",\"origin\":\"AWS::ECS::Container\",\"start_time\":1738650304.745,\"end_time\":1738650304.945,"
    "\"fault\":true,"
    "\"annotations\":{\"retry_count\":2},\"http\":{\"response\":{\"status\":500}},\"cause\":{"
    "\"exceptions\":[{\"id\":"
    "\"e000000000000001\",\"type\":\"CardDeclined\",\"message\":\"the gateway said no\\nand that "
    "was all it said\","
    "\"stack\":[{\"path\":\"payments/"
    "gateway.py\",\"line\":88,\"label\":\"charge\"},{\"label\":\"main\"}]}]}}",
};

/* Unfinished work, an orphan, and names that nobody should have sent. */
static const char *const odd[] = {
    "{\"id\":\"a000000000000001\",\"name\":\"注文サービス\",\"start_time\":1738650304,\"in_"
    "progress\":true," ID
    ",\"annotations\":{\"farbe\":\"grün\",\"esc\":\"a\\u001b[31mred\"},\"subsegments\":["
    "{\"id\":\"a000000000000002\",\"name\":\"zahlung \xf0\x9f\x92\xb6 "
    "prüfen\",\"start_time\":1738650304.2,"
    "\"end_time\":1738650304.6},"
    "{\"id\":\"a000000000000003\",\"name\":\"wait\",\"start_time\":1738650304.7,\"in_progress\":"
    "true},"
    "{\"id\":\"a000000000000004\",\"name\":\"limiter\",\"namespace\":\"remote\",\"start_time\":"
    "1738650304.6,"
    "\"end_time\":1738650304.7,\"throttle\":true,\"error\":true,\"http\":{\"response\":{\"status\":"
    "429}}}]}",
    "{\"id\":\"c000000000000001\",\"type\":\"subsegment\",\"parent_id\":\"cccccccccccccccc\","
    "\"name\":\"orphan\"," ID ",\"start_time\":1738650304.5,\"end_time\":1738650305}",
};

typedef struct picture {
    const char *golden;
    unsigned width;
    bool ascii, color;
    fl_waterfall_options options;
} picture;

static const fl_waterfall_options all_rows = {.rows = {.depth = UINT32_MAX}, .annotations = true};

static void expect_no_line_wider(fl_str text, unsigned width)
{
    fl_buf unused;
    fl_screen screen = fixture_screen(&unused, width);
    while (text.n > 0) {
        fl_str line = fl_str_cut(&text, '\n');
        if (fl_screen_columns(&screen, line) > width) {
            fail_msg("wider than %u columns: %.*s", width, FL_P(line));
        }
    }
    fl_buf_fini(&unused);
}

static void expect_picture(const fl_trace *trace, const picture *wanted)
{
    fl_arena arena;
    fl_buf out;
    fl_err err = {0};
    fl_waterfall_source source = {.trace = trace};
    fl_screen screen = fixture_screen(&out, wanted->width);
    screen.utf8 = !wanted->ascii;
    screen.color = wanted->color;
    fl_arena_init(&arena, (size_t)256 << 20);
    assert_ok(fl_waterfall_draw(&arena, &screen, &source, &wanted->options, &err), &err);
    assert_int_equal(out.status, FL_OK);
    if (!wanted->color) {
        expect_no_line_wider(fl_buf_str(&out), wanted->width);
    }
    test_golden(wanted->golden, fl_buf_str(&out));
    fl_buf_fini(&out);
    fl_arena_fini(&arena);
}

static void a_trace_fits_every_width(void **state)
{
    (void)state;
    static const picture pictures[] = {
        {.golden = "cli/order-60.txt", .width = 60},
        {.golden = "cli/order-80.txt", .width = 80},
        {.golden = "cli/order-120.txt", .width = 120},
        {.golden = "cli/order-200.txt", .width = 200},
        {.golden = "cli/order-ascii.txt", .width = 100, .ascii = true},
        {.golden = "cli/order-color.txt", .width = 100, .color = true},
    };
    fl_arena arena;
    fl_arena_init(&arena, (size_t)16 << 20);
    const fl_trace *trace = fixture_trace(&arena, order, 2);
    for (size_t i = 0; i < sizeof pictures / sizeof pictures[0]; i++) {
        picture wanted = pictures[i];
        wanted.options = all_rows;
        expect_picture(trace, &wanted);
    }
    fl_arena_fini(&arena);
}

static void options_choose_what_is_shown(void **state)
{
    (void)state;
    const picture pictures[] = {
        {"cli/order-critical.txt",
         100,
         false,
         false,
         {.rows = {.depth = UINT32_MAX, .critical_only = true}}},
        {"cli/order-depth-0.txt", 100, false, false, {.rows = {.depth = 0}, .annotations = true}},
        {"cli/order-metadata.txt",
         100,
         false,
         false,
         {.rows = {.depth = UINT32_MAX}, .metadata = true}},
        {"cli/order-2-rows.txt", 100, false, false, {.rows = {.depth = UINT32_MAX}, .max_rows = 2}},
    };
    fl_arena arena;
    fl_arena_init(&arena, (size_t)16 << 20);
    const fl_trace *trace = fixture_trace(&arena, order, 2);
    for (size_t i = 0; i < sizeof pictures / sizeof pictures[0]; i++) {
        expect_picture(trace, &pictures[i]);
    }
    fl_arena_fini(&arena);
}

static void odd_traces_are_shown_as_they_are(void **state)
{
    (void)state;
    fl_arena arena;
    fl_arena_init(&arena, (size_t)16 << 20);
    const fl_trace *trace = fixture_trace(&arena, odd, 2);
    expect_picture(trace, &(picture){"cli/odd-80.txt", 80, false, false, all_rows});
    expect_picture(trace, &(picture){"cli/odd-60.txt", 60, false, false, all_rows});
    expect_picture(trace, &(picture){"cli/odd-ascii.txt", 80, true, false, all_rows});
    fl_arena_fini(&arena);
}

static void a_trace_below_a_millisecond_has_its_length(void **state)
{
    static const char *const brief[] = {
        "{\"id\":\"a000000000000000\",\"name\":\"cache\",\"start_time\":1738650304.0001,"
        "\"end_time\":1738650304.0001622," ID "}"};
    (void)state;
    fl_arena arena;
    fl_arena_init(&arena, (size_t)16 << 20);
    const fl_trace *trace = fixture_trace(&arena, brief, 1);
    expect_picture(trace, &(picture){"cli/brief-80.txt", 80, false, false, all_rows});
    fl_arena_fini(&arena);
}

/* `depth` subsegments, each in the one before. */
static void deep_document(unsigned depth, fl_buf *out)
{
    fl_buf_init(out, (size_t)1 << 20);
    fl_buf_add_str(out,
                   FL_S("{\"id\":\"a000000000000000\",\"name\":\"root\",\"start_time\":1738650304,"
                        "\"end_time\":1738650305," ID));
    for (unsigned i = 1; i <= depth; i++) {
        fl_buf_add_str(out, FL_S(",\"subsegments\":[{\"id\":\"a"));
        fl_buf_add_hex(out, i, 15);
        fl_buf_add_str(out, FL_S("\",\"name\":\"level_"));
        fl_buf_add_u64(out, i);
        fl_buf_add_str(out, FL_S("\",\"start_time\":1738650304.1,\"end_time\":1738650304.9"));
    }
    for (unsigned i = 0; i < depth; i++) {
        fl_buf_add_str(out, FL_S("}]"));
    }
    fl_buf_add_byte(out, '}');
}

static void deep_nesting_goes_on_as_a_number(void **state)
{
    (void)state;
    fl_buf document;
    fl_arena arena;
    deep_document(40, &document);
    fl_arena_init(&arena, (size_t)64 << 20);
    const char *text = fl_str_zdup(&arena, fl_buf_str(&document));
    const fl_trace *trace = fixture_trace(&arena, &text, 1);
    expect_picture(trace, &(picture){"cli/deep-80.txt", 80, false, false, all_rows});
    expect_picture(trace, &(picture){"cli/deep-60.txt", 60, false, false, all_rows});
    fl_arena_fini(&arena);
    fl_buf_fini(&document);
}

/* 30 items one after the other, the seventh with an error. */
static void wide_document(fl_buf *out)
{
    fl_buf_init(out, (size_t)1 << 20);
    fl_buf_add_str(
        out, FL_S("{\"id\":\"a000000000000000\",\"name\":\"import\",\"start_time\":1738650304,"
                  "\"end_time\":1738650307.2," ID ",\"subsegments\":["));
    for (unsigned i = 1; i <= 30; i++) {
        fl_buf_add_str(out, i > 1 ? FL_S(",{\"id\":\"a") : FL_S("{\"id\":\"a"));
        fl_buf_add_hex(out, i, 15);
        fl_buf_add_str(out, FL_S("\",\"name\":\"import_item\",\"start_time\":"));
        fl_buf_add_seconds(out, INT64_C(1738650304000000000) + i * 100 * FL_NS_PER_MS);
        fl_buf_add_str(out, FL_S(",\"end_time\":"));
        fl_buf_add_seconds(out, INT64_C(1738650304000000000) + (i * 100 + 60) * FL_NS_PER_MS);
        fl_buf_add_str(out, i == 7 ? FL_S(",\"error\":true}") : FL_S("}"));
    }
    fl_buf_add_str(out, FL_S("]}"));
}

static void siblings_of_one_name_fold_but_for_those_in_trouble(void **state)
{
    (void)state;
    fl_buf document;
    fl_arena arena;
    wide_document(&document);
    fl_arena_init(&arena, (size_t)64 << 20);
    const char *text = fl_str_zdup(&arena, fl_buf_str(&document));
    const fl_trace *trace = fixture_trace(&arena, &text, 1);
    expect_picture(trace, &(picture){"cli/wide-80.txt", 80, false, false, all_rows});
    fl_waterfall_options unfolded = all_rows;
    unfolded.rows.all = true;
    unfolded.max_rows = 10;
    expect_picture(trace, &(picture){"cli/wide-all-80.txt", 80, false, false, unfolded});
    fl_arena_fini(&arena);
    fl_buf_fini(&document);
}

static void every_width_is_kept(void **state)
{
    (void)state;
    fl_arena arena;
    fl_arena_init(&arena, (size_t)16 << 20);
    const fl_trace *traces[] = {fixture_trace(&arena, order, 2), fixture_trace(&arena, odd, 2)};
    for (unsigned width = FL_WIDTH_MIN; width <= 220; width += 7) {
        for (size_t i = 0; i < 2; i++) {
            fl_arena scratch;
            fl_buf out;
            fl_screen screen = fixture_screen(&out, width);
            fl_waterfall_source source = {.trace = traces[i]};
            fl_arena_init(&scratch, (size_t)64 << 20);
            assert_ok(fl_waterfall_draw(&scratch, &screen, &source, &all_rows, NULL), NULL);
            expect_no_line_wider(fl_buf_str(&out), width);
            assert_null(memchr(out.p, '\x1b', out.n));
            fl_buf_fini(&out);
            fl_arena_fini(&scratch);
        }
    }
    fl_arena_fini(&arena);
}

static void failing_allocations_are_reported(void **state)
{
    (void)state;
    fl_arena arena;
    fl_arena_init(&arena, (size_t)16 << 20);
    const fl_trace *trace = fixture_trace(&arena, order, 2);
    fl_status status = FL_E_NOMEM;
    for (uint64_t fail_at = 1; status != FL_OK; fail_at++) {
        fl_arena scratch;
        fl_buf out;
        fl_screen screen = fixture_screen(&out, 100);
        fl_waterfall_source source = {.trace = trace};
        fl_arena_init(&scratch, (size_t)64 << 20);
        scratch.fail_at = fail_at;
        status = fl_waterfall_draw(&scratch, &screen, &source, &all_rows, NULL);
        assert_true(status == FL_OK || status == FL_E_NOMEM);
        assert_true(fail_at < 1000);
        fl_buf_fini(&out);
        fl_arena_fini(&scratch);
    }
    fl_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trace_fits_every_width),
        cmocka_unit_test(options_choose_what_is_shown),
        cmocka_unit_test(odd_traces_are_shown_as_they_are),
        cmocka_unit_test(a_trace_below_a_millisecond_has_its_length),
        cmocka_unit_test(deep_nesting_goes_on_as_a_number),
        cmocka_unit_test(siblings_of_one_name_fold_but_for_those_in_trouble),
        cmocka_unit_test(every_width_is_kept),
        cmocka_unit_test(failing_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, fixture_setup, NULL);
}
