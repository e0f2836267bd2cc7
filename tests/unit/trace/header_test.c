#include <stdio.h>

#include "support/test.h"
#include "trace/header.h"

#define ROOT   "Root=1-5759e988-bd862e3fe1be46a994272793"
#define PARENT "Parent=53995c3f42cd8ad8"

static fl_trace_header parsed(const char *text)
{
    fl_trace_header header;
    fl_trace_header_parse(fl_str_of(text), &header);
    return header;
}

static void assert_emitted(const fl_trace_header *header, const char *expected)
{
    fl_buf out;
    fl_buf_init(&out, 4096);
    fl_trace_header_emit(header, &out);
    assert_str(fl_buf_str(&out), expected);
    fl_buf_fini(&out);
}

static void root_parent_and_decision_are_read(void **state)
{
    (void)state;
    fl_trace_header header = parsed(ROOT ";" PARENT ";Sampled=1");
    assert_true(header.root.hi == UINT64_C(0x5759e988bd862e3f));
    assert_true(header.root.lo == UINT64_C(0xe1be46a994272793));
    assert_true(header.parent == UINT64_C(0x53995c3f42cd8ad8));
    assert_int_equal(header.sampled, FL_SAMPLED_YES);
    assert_false(header.malformed_root || header.malformed_parent);
    assert_int_equal(header.extra_count, 0);
    assert_null(header.lineage.p);
}

/* One row a rule: text, and the header that is written from what was read. */
static void what_is_read_is_written_in_the_exact_form(void **state)
{
    (void)state;
    static const struct {
        const char *text, *written;
    } rows[] = {
        {"", ""},
        {";;; ;", ""},
        {"no equals sign; Root", ""},
        {ROOT, ROOT},
        {" Sampled=0 ;  " PARENT " ; " ROOT " ; ", ROOT ";" PARENT ";Sampled=0"},
        {"root=1-5759E988-BD862E3FE1BE46A994272793;PARENT=53995C3F42CD8AD8;sAmPlEd=?",
         ROOT ";" PARENT ";Sampled=?"},
        {"Root=5759e988bd862e3fe1be46a994272793", ROOT},
        {"Root = 5759e988bd862e3fe1be46a994272793 ; Sampled = 1", ROOT ";Sampled=1"},
        {"Sampled=1;Sampled=0", "Sampled=0"},
        {"Sampled=1;Sampled=maybe", ""},
        {"Sampled=", ""},
        {"Self=1-67891234-12456789abcdef012345678;" ROOT, ROOT},
        {ROOT ";Lineage=a87bd80c:1|68fd508a:5", ROOT ";Lineage=a87bd80c:1|68fd508a:5"},
        {"CalledFrom=app;" ROOT ";b=2", ROOT ";CalledFrom=app;b=2"},
        {"a=1;b=2;a=3", "a=3;b=2"},
        {"=1;a=", "a="},
        {"a=x\ry;b=2", "b=2"},
        {"a=1;b=2;c=3;d=4;e=5;f=6;g=7;h=8;i=9", "a=1;b=2;c=3;d=4;e=5;f=6;g=7;h=8"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fl_trace_header header = parsed(rows[i].text);
        assert_emitted(&header, rows[i].written);
    }
}

static void unreadable_ids_are_absent_and_flagged(void **state)
{
    (void)state;
    fl_trace_header header = parsed("Root=1-2-3;Parent=None;Sampled=1");
    assert_true(fl_trace_id_is_none(header.root) && header.parent == 0);
    assert_true(header.malformed_root && header.malformed_parent);
    assert_emitted(&header, "Sampled=1");
    header = parsed("Parent=0000000000000000;Root=");
    assert_true(header.malformed_root && header.malformed_parent);
    header = parsed("Sampled=1");
    assert_false(header.malformed_root || header.malformed_parent);
}

static void the_last_of_two_ids_counts_even_if_it_is_unreadable(void **state)
{
    (void)state;
    fl_trace_header header = parsed(ROOT ";Root=none;Parent=None;" PARENT);
    assert_true(fl_trace_id_is_none(header.root) && header.malformed_root);
    assert_true(header.parent != 0 && !header.malformed_parent);
}

/* The separators count: 256 bytes are an item of 255, or one of 250 and one of 4. */
static void extra_items_are_cut_between_items_at_256_bytes(void **state)
{
    (void)state;
    static const struct {
        int zeros;
        const char *second;
        bool first_kept, second_kept;
    } rows[] = {
        {253, "", true, false},       {254, "", false, false},       {248, ";b=10", true, true},
        {248, ";b=100", true, false}, {248, ";b=1000", true, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[400];
        char kept[400];
        snprintf(text, sizeof text, "a=%0*d%s", rows[i].zeros, 0, rows[i].second);
        snprintf(kept, sizeof kept, "%.*s%s", rows[i].first_kept ? rows[i].zeros + 2 : 0, text,
                 rows[i].second_kept ? rows[i].second : "");
        fl_trace_header header = parsed(text);
        assert_emitted(&header, kept);
    }
}

static void a_header_is_appended_to_what_the_buffer_holds(void **state)
{
    (void)state;
    fl_buf out;
    fl_trace_header header = parsed(PARENT ";Sampled=1");
    fl_buf_init(&out, 100);
    fl_buf_add_str(&out, FL_S("X: "));
    fl_trace_header_emit(&header, &out);
    assert_str(fl_buf_str(&out), "X: " PARENT ";Sampled=1");
    fl_buf_fini(&out);
}

#define TRACEPARENT "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-"

static void traceparent_is_read(void **state)
{
    (void)state;
    fl_trace_header header;
    assert_true(fl_trace_header_from_traceparent(FL_S(TRACEPARENT "01"), &header));
    assert_emitted(&header, ROOT ";" PARENT ";Sampled=1");
    assert_true(fl_trace_header_from_traceparent(FL_S(" " TRACEPARENT "fe\r\n"), &header));
    assert_emitted(&header, ROOT ";" PARENT ";Sampled=0");
    assert_true(fl_trace_header_from_traceparent(
        FL_S("cc-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01-what-comes"), &header));
    assert_emitted(&header, ROOT ";" PARENT ";Sampled=1");
}

static void malformed_traceparent_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "00",
        TRACEPARENT,
        TRACEPARENT "1",
        TRACEPARENT "0g",
        TRACEPARENT "01-more",
        TRACEPARENT "011",
        "cc-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01.more",
        "ff-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01",
        "0g-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01",
        "00-00000000000000000000000000000000-53995c3f42cd8ad8-01",
        "00-5759e988bd862e3fe1be46a994272793-0000000000000000-01",
        "00_5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01",
        "00-5759e988bd862e3fe1be46a994272793_53995c3f42cd8ad8-01",
        "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8_01",
        "00-5759e988bd862e3fe1be46a99427279x-53995c3f42cd8ad8-01",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        fl_trace_header header = {.parent = 5};
        assert_false(fl_trace_header_from_traceparent(fl_str_of(texts[i]), &header));
        assert_int_equal(header.parent, 5);
    }
}

static void traceparent_is_written_from_root_and_parent_only(void **state)
{
    (void)state;
    fl_buf out;
    fl_trace_header whole = parsed(ROOT ";" PARENT ";Sampled=1");
    fl_trace_header undecided = parsed(ROOT ";" PARENT ";Sampled=?");
    fl_trace_header rootless = parsed(PARENT);
    fl_trace_header parentless = parsed(ROOT);
    fl_buf_init(&out, 200);
    assert_false(fl_trace_header_to_traceparent(&rootless, &out));
    assert_false(fl_trace_header_to_traceparent(&parentless, &out));
    assert_int_equal(out.n, 0);
    assert_true(fl_trace_header_to_traceparent(&whole, &out));
    assert_true(fl_trace_header_to_traceparent(&undecided, &out));
    assert_str(fl_buf_str(&out), TRACEPARENT "01" TRACEPARENT "00");
    fl_buf_fini(&out);
}

static void carriers_are_known_in_any_case(void **state)
{
    (void)state;
    assert_true(fl_trace_header_is_carrier(FL_S("x-amzn-TRACE-id")));
    assert_true(fl_trace_header_is_carrier(FL_S("HTTP_X_AMZN_TRACE_ID")));
    assert_true(fl_trace_header_is_carrier(FL_S("_X_AMZN_TRACE_ID")));
    assert_true(fl_trace_header_is_carrier(FL_S("awstraceheader")));
    assert_false(fl_trace_header_is_carrier(FL_S("X-Amzn-Trace")));
    assert_false(fl_trace_header_is_carrier(FL_S("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_parent_and_decision_are_read),
        cmocka_unit_test(what_is_read_is_written_in_the_exact_form),
        cmocka_unit_test(unreadable_ids_are_absent_and_flagged),
        cmocka_unit_test(the_last_of_two_ids_counts_even_if_it_is_unreadable),
        cmocka_unit_test(extra_items_are_cut_between_items_at_256_bytes),
        cmocka_unit_test(a_header_is_appended_to_what_the_buffer_holds),
        cmocka_unit_test(traceparent_is_read),
        cmocka_unit_test(malformed_traceparent_is_refused),
        cmocka_unit_test(traceparent_is_written_from_root_and_parent_only),
        cmocka_unit_test(carriers_are_known_in_any_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
