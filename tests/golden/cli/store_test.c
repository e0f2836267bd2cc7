/* `fluoro store inspect` as tables at several widths, and as JSON. */
#include "unit/cli/cli_fixture.h"

#include "cli/store_inspect_int.h"

#define DAY_NS  (INT64_C(20110) * 86400 * FL_NS_PER_S) /* 2025-01-22 */
#define HOUR_NS (3600 * FL_NS_PER_S)

static fl_data_column columns_of_one[] = {
    {FL_S("id"), "id", 1000000, 8000000, 8000512, 0, 0},
    {FL_S("http.request.url"), "text", 410220, 31000000, 2120000, 0, 512400},
    {FL_S("annotations.夜\x1b[31mkey"), "text", 12, 120, 61, 7, 0},
};
static fl_data_column columns_of_other[] = {
    {FL_S("http.request.url"), "text", 780, 60000, 4100, 0, 980},
    {FL_S("http.request.url"), "integer", 1, 8, 9, 0, 0},
    {FL_S("id"), "id", 1201, 9608, 9640, 0, 0},
};

static fl_data_part parts[] = {
    {FL_S("20250122-0000000000000001-0000000000000008-1.part"),
     "/d/parts/20250122-0000000000000001-0000000000000008-1.part", DAY_NS, 1, 8, 1, false},
    {FL_S("20250122-0000000000000003-0000000000000003-0.part"),
     "/d/parts/20250122-0000000000000003-0000000000000003-0.part", DAY_NS, 3, 3, 0, true},
    {FL_S("20250122-00000000000000ff-00000000000000ff-0.part"),
     "/d/parts/20250122-00000000000000ff-00000000000000ff-0.part", DAY_NS, 255, 255, 0, false},
    {FL_S("20250123-0000000000000009-0000000000000009-0.part"),
     "/d/parts/20250123-0000000000000009-0000000000000009-0.part", DAY_NS + 24 * HOUR_NS, 9, 9, 0,
     false},
    {FL_S("20250123-000000000000000a-000000000000000a-0.part"),
     "/d/parts/20250123-000000000000000a-000000000000000a-0.part", DAY_NS + 24 * HOUR_NS, 10, 10, 0,
     false},
};

static fl_data_log logs[] = {
    {FL_S("000000000000000b-0.log"), "/d/log/000000000000000b-0.log", 11, 0},
    {FL_S("000000000000000c-1.log"), "/d/log/000000000000000c-1.log", 12, 1},
    {FL_S("000000000000000d-0.log"), "/d/log/000000000000000d-0.log", 13, 0},
    {FL_S("000000000000000e-1.log"), "/d/log/000000000000000e-1.log", 14, 1},
    {FL_S("000000000000000f-0.log"), "/d/log/000000000000000f-0.log", 15, 0},
};

static fl_str unfinished[] = {FL_S("parts/20250123-000000000000000b-000000000000000b-0.part.tmp")};
static fl_str strangers[] = {FL_S("log/notes\n.txt")};
static fl_trace_id pins[] = {{UINT64_C(0x67a1b2c00a1b2c3d), UINT64_C(0x4e5f60718293a4b5)},
                             {UINT64_C(0x67a1b2c10a1b2c3d), 1}};

#define LARGE                                                                                      \
    {                                                                                              \
        .traces = 39812, .segments = 412034, .spans = 1000000, .file_bytes = 28400123,             \
        .packed_bytes = 160000000, .oldest_ns = DAY_NS + HOUR_NS,                                  \
        .newest_ns = DAY_NS + 2 * HOUR_NS + FL_NS_PER_S, .blocks = 488, .shapes = 70, .paths = 72, \
        .block_bytes = 27000000, .schema_bytes = 5000, .dictionary_bytes = 61000,                  \
        .filter_bytes = 1200000, .index_bytes = 130000, .footer_bytes = 4123,                      \
        .columns = columns_of_one, .column_count = 3,                                              \
    }

#define SMALL                                                                                      \
    {                                                                                              \
        .traces = 1, .segments = 2, .spans = 1201, .file_bytes = 40960, .packed_bytes = 200000,    \
        .oldest_ns = DAY_NS + 25 * HOUR_NS, .newest_ns = DAY_NS + 25 * HOUR_NS, .blocks = 1,       \
        .shapes = 1, .paths = 3, .block_bytes = 40000, .schema_bytes = 500, .index_bytes = 30,     \
        .footer_bytes = 430, .columns = columns_of_other, .column_count = 3,                       \
    }

static fl_part_view part_views[] = {
    {.part = &parts[0], .facts = LARGE},
    {.part = &parts[1], .facts = SMALL}, /* replaced: in no sum */
    {.part = &parts[2], .damage = "section 6 at 65993 is damaged"},
    {.part = &parts[3], .facts = SMALL},
    {.part = &parts[4], .gone = true},
};

#define ARRIVAL .first_arrival_ns = DAY_NS, .last_arrival_ns = DAY_NS + 30 * FL_NS_PER_S

static fl_log_view log_views[] = {
    {.log = &logs[0],
     .facts = {.bytes = 4200000, .frames = 70, .records = 1204, .segments = 1200, ARRIVAL}},
    {.log = &logs[1],
     .facts = {.bytes = 900, .frames = 1, .records = 1, .segments = 1, .mended = 1, ARRIVAL}},
    {.log = &logs[2], .facts = {.bytes = 999600, .damaged_bytes = 65536}},
    {.log = &logs[3],
     .facts = {.bytes = 1, .unfinished_bytes = 1, .first_arrival_ns = FL_TIME_NONE}},
    {.log = &logs[4], .gone = true},
};

static const fl_data_dir files = {
    .unfinished = unfinished,
    .unfinished_count = 1,
    .strangers = strangers,
    .stranger_count = 1,
};

static fl_inspection whole(void)
{
    return (fl_inspection){
        .dir = "/var/lib/fluoro",
        .files = &files,
        .parts = part_views,
        .part_count = sizeof part_views / sizeof part_views[0],
        .logs = log_views,
        .log_count = sizeof log_views / sizeof log_views[0],
        .store = {.traces = 39815,
                  .segments = 413236,
                  .waiting_traces = 2,
                  .waiting_segments = 1200,
                  .waiting_bytes = 812000,
                  .pins = pins,
                  .pin_count = 2},
    };
}

static void expect(const char *golden, const fl_inspection *found, unsigned width, bool ascii)
{
    fl_arena arena;
    fl_buf out;
    fl_err err = {0};
    fl_screen screen = fixture_screen(&out, width);
    screen.utf8 = !ascii;
    fl_arena_init(&arena, (size_t)16 << 20);
    assert_ok(fl_inspection_draw(&arena, &screen, found, &err), &err);
    test_golden(golden, fl_buf_str(&out));
    fl_buf_fini(&out);
    fl_arena_fini(&arena);
}

static void the_overview_fits_every_width(void **state)
{
    (void)state;
    fl_inspection found = whole();
    expect("cli/store-60.txt", &found, 60, false);
    expect("cli/store-100.txt", &found, 100, false);
    expect("cli/store-200.txt", &found, 200, false);
    expect("cli/store-ascii.txt", &found, 200, true);
}

static void a_store_that_does_not_open_and_an_empty_one_say_so(void **state)
{
    (void)state;
    fl_inspection found = whole();
    found.store = (fl_store_view){.failure = "/var/lib/fluoro/pins, line 2: 'x' is no trace id"};
    found.part_count = 1;
    found.log_count = 0;
    found.files = &(fl_data_dir){0};
    expect("cli/store-failure.txt", &found, 100, false);
    found.store = (fl_store_view){.failure = NULL};
    found.part_count = 0;
    expect("cli/store-empty.txt", &found, 100, false);
}

static void columns_of_all_parts_are_summed(void **state)
{
    (void)state;
    fl_inspection found = whole();
    found.with_columns = true;
    expect("cli/store-columns-100.txt", &found, 100, false);
    expect("cli/store-columns-200.txt", &found, 200, false);
}

static void named_parts_are_shown_one_by_one(void **state)
{
    (void)state;
    fl_inspection found = whole();
    found.with_columns = found.by_name = true;
    expect("cli/store-parts-80.txt", &found, 80, false);
    expect("cli/store-parts-ascii.txt", &found, 120, true);
}

static void json_holds_all_numbers(void **state)
{
    (void)state;
    fl_arena arena;
    fl_buf out;
    fl_err err = {0};
    fl_inspection found = whole();
    found.with_columns = true;
    fl_arena_init(&arena, (size_t)16 << 20);
    fl_buf_init(&out, (size_t)1 << 20);
    assert_ok(fl_inspection_json(&arena, &found, &out, &err), &err);
    test_golden("cli/store.json", fl_buf_str(&out));
    fl_buf_fini(&out);
    fl_arena_fini(&arena);
}

static void want_of_memory_is_an_error(void **state)
{
    (void)state;
    fl_inspection found = whole();
    found.with_columns = true;
    for (unsigned call = 1;; call++) {
        fl_arena arena;
        fl_buf out;
        fl_err err = {0};
        fl_screen screen = fixture_screen(&out, 100);
        fl_arena_init(&arena, (size_t)16 << 20);
        arena.fail_at = call;
        fl_status status = fl_inspection_draw(&arena, &screen, &found, &err);
        fl_buf_fini(&out);
        fl_arena_fini(&arena);
        if (status == FL_OK) {
            assert_true(call > 10);
            break;
        }
        assert_int_equal(status, FL_E_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_overview_fits_every_width),
        cmocka_unit_test(a_store_that_does_not_open_and_an_empty_one_say_so),
        cmocka_unit_test(columns_of_all_parts_are_summed),
        cmocka_unit_test(named_parts_are_shown_one_by_one),
        cmocka_unit_test(json_holds_all_numbers),
        cmocka_unit_test(want_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, fixture_setup, NULL);
}
