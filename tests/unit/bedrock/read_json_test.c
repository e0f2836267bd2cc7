#include <stdlib.h>

#include "support/bedrock_story.h"
#include "support/test.h"

/* Short trace events, and how they are told. */
#define STEP(id)                                                                                   \
    "{\"trace\":{\"agentId\":\"A\",\"trace\":{\"customOrchestrationTrace\":{\"traceId\":\"" id     \
    "\"}}}}"

/* Traces of an input in order, without what else is told: their ids. */
static void ids_of(fl_str events, fl_buf *out)
{
    while (events.n > 0) {
        fl_str line = fl_str_cut(&events, '\n');
        for (fl_str word; line.n > 0;) {
            word = fl_str_cut(&line, ' ');
            if (fl_str_starts(word, FL_S("trace="))) {
                fl_buf_add(out, word.p + 6, word.n - 6);
            }
        }
    }
}

static bool contains(fl_str text, const char *part)
{
    return memmem(text.p, text.n, part, strlen(part)) != NULL;
}

/* Reads in pieces of many sizes: each time the traces `ids` and the diagnostics `codes`; what, if
 * not NULL, is in the messages. */
static void assert_reads_text(fl_str text, const char *ids, const char *codes, const char *what)
{
    const size_t steps[] = {1, 2, 3, 5, 7, 12, 13, 64, 4096, SIZE_MAX};
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        test_story story;
        fl_buf read;
        test_story_init(&story);
        fl_buf_init(&read, SIZE_MAX);
        test_story_read(&story, text, steps[i]);
        ids_of(fl_buf_str(&story.events), &read);
        assert_int_equal(story.status, FL_OK);
        assert_str(fl_buf_str(&story.codes), codes);
        assert_str(fl_buf_str(&read), ids);
        if (what != NULL && !contains(fl_buf_str(&story.messages), what)) {
            fail_msg("\"%s\" is not in %.*s", what, FL_P(fl_buf_str(&story.messages)));
        }
        assert_int_equal(fl_budget_used(&story.budget), 0);
        fl_buf_fini(&read);
        test_story_fini(&story);
    }
}

static void assert_reads(const char *text, const char *ids, const char *codes, const char *what)
{
    assert_reads_text(fl_str_of(text), ids, codes, what);
}

/* ---- Sequences */

static void values_are_separated_by_any_white_space_or_none(void **state)
{
    (void)state;
    assert_reads(STEP("a") "\n" STEP("b") "\n", "ab", "", NULL);
    assert_reads(STEP("a") STEP("b") " \t" STEP("c"), "abc", "", NULL);
    assert_reads("\r\n\r\n" STEP("a") "\r\n" STEP("b") "\r\n\n", "ab", "", NULL);
    assert_reads(
        "{\n\"trace\"\n:\n{\"trace\":{\"failureTrace\":{\"traceId\":\n\"a\"}}}\n}\n" STEP("b"),
        "ab", "", NULL);
}

static void an_array_is_read_element_by_element(void **state)
{
    (void)state;
    assert_reads("[" STEP("a") "," STEP("b") "]", "ab", "", NULL);
    assert_reads("[\n" STEP("a") ",\n" STEP("b") "\n]\n" STEP("c"), "abc", "", NULL);
    assert_reads("[" STEP("a") "]\n[ ]\n[[" STEP("b") "],[[" STEP("c") "]]]", "abc", "", NULL);
    assert_reads(" [ " STEP("a") " , " STEP("b") " ] ", "ab", "", NULL);
}

static void a_byte_order_mark_is_skipped(void **state)
{
    (void)state;
    assert_reads("\xef\xbb\xbf" STEP("a"), "a", "", NULL);
    assert_reads("\xef\xbb\xbf{x} " STEP("a"), "", "1:2 E_JSON_SYNTAX\n", NULL);
}

static void events_know_the_place_of_their_value(void **state)
{
    (void)state;
    test_story story;
    const fl_str text = FL_S("  {\"chunk\":{}} {\"files\":{}}\n\n {\"completion\":[\n  {\"chunk\":"
                             "{}},{ \"files\":{}},\n\n{\n \"chunk\":{}}]}\n[{\"chunk\":{}}]");
    test_story_init(&story);
    test_story_read(&story, text, SIZE_MAX);
    assert_str(fl_buf_str(&story.events), "chunk chunk@1:3+2 {}\n"
                                          "files files@1:16+15 {}\n"
                                          "chunk chunk@4:3+48 {}\n"
                                          "files files@4:16+61 {}\n"
                                          "chunk chunk@6:1+77 {}\n"
                                          "chunk chunk@8:2+95 {}\n");
    test_story_fini(&story);
}

/* ---- Errors */

static void an_input_without_a_value_is_empty(void **state)
{
    (void)state;
    assert_reads("", "", "1:1 E_EMPTY\n", "empty");
    assert_reads(" \n\t\n", "", "3:1 E_EMPTY\n", "empty");
    assert_reads("[]", "", "1:3 E_EMPTY\n", "empty");
}

static void a_bad_line_costs_that_line_only(void **state)
{
    (void)state;
    assert_reads(STEP("a") "\n{\"x\":}\n" STEP("b"), "ab", "2:6 E_JSON_SYNTAX\n",
                 "line 2, column 6: this is no JSON, expected a value");
    assert_reads(STEP("a") "\n{\"trace\":{\"a\":\"cut\n" STEP("b"), "ab", "2:19 E_JSON_SYNTAX\n",
                 "control character");
    assert_reads("log: something\n" STEP("b"), "b", "1:1 E_JSON_SYNTAX\n", "expected a value");
    assert_reads("{\"trace\":1" STEP("a") "\n" STEP("b"), "b", "1:11 E_JSON_SYNTAX\n", ", or }");
    assert_reads("{\"trace\":{\"a\":1\n" STEP("a"), "a", "2:1 E_JSON_SYNTAX\n", ", or }");
    assert_reads(STEP("a") "}\n" STEP("b") ",\n" STEP("c"), "abc",
                 "1:79 E_JSON_SYNTAX\n2:79 E_JSON_SYNTAX\n", NULL);
}

static void strictness_is_that_of_rfc_8259(void **state)
{
    (void)state;
    assert_reads("{\"chunk\":{\"a\":NaN}}", "", "1:15 E_JSON_SYNTAX\n", NULL);
    assert_reads("{\"chunk\":{\"a\":1,}}", "", "1:17 E_JSON_SYNTAX\n", NULL);
    assert_reads("{\"chunk\":{\"a\":'b'}}", "", "1:15 E_JSON_SYNTAX\n", NULL);
    assert_reads("{\"chunk\":{\"a\":\"b\tc\"}}", "", "1:17 E_JSON_SYNTAX\n", NULL);
    assert_reads("{\"chunk\":{\"a\":\"b\xff\"},x}", "", "1:21 E_JSON_SYNTAX\n", NULL);
    assert_reads("{\"chunk\":{}\xff}", "", "1:12 E_JSON_SYNTAX\n", NULL);
    assert_reads("// note\n" STEP("a"), "a", "1:1 E_JSON_SYNTAX\n", NULL);
}

static void the_following_lines_of_a_broken_document_are_read_as_values(void **state)
{
    (void)state;
    assert_reads("{\n \"trace\": {\n  oops\n }\n}\n" STEP("a"), "a",
                 "3:3 E_JSON_SYNTAX\n2:9 E_JSON_SYNTAX\n3:3 E_JSON_SYNTAX\n4:2 E_JSON_SYNTAX\n"
                 "5:1 E_JSON_SYNTAX\n",
                 NULL);
    assert_reads("{\n{\"q\":1}\n" STEP("a"), "a", "2:1 E_JSON_SYNTAX\n2:1 E_UNKNOWN_OBJECT\n",
                 NULL);
}

static void nothing_is_read_behind_an_error_in_an_array(void **state)
{
    (void)state;
    assert_reads("[" STEP("a") ",\n{x},\n" STEP("b") "]\n" STEP("c"), "a", "2:2 E_JSON_SYNTAX\n",
                 NULL);
    assert_reads("[" STEP("a") " " STEP("b") "]", "a", "1:81 E_JSON_SYNTAX\n", ", or ]");
    assert_reads("[" STEP("a") ",]", "a", "1:81 E_JSON_SYNTAX\n", "a value");
    assert_reads("[" STEP("a") "}", "a", "1:80 E_JSON_SYNTAX\n", ", or ]");
}

static void an_end_inside_a_value_is_told_with_its_beginning(void **state)
{
    (void)state;
    assert_reads(STEP("a") "\n{\"trace\":{\"a\":\"x", "a", "2:17 E_JSON_EOF\n", "line 2, column 1");
    assert_reads(STEP("a") "\n{\"trace\":\n{", "a", "3:2 E_JSON_EOF\n3:2 E_JSON_EOF\n",
                 "began in line 2, column 1");
    assert_reads("[" STEP("a") ",\n{\"tra", "a", "2:6 E_JSON_EOF\n", "list that began in line 1");
    assert_reads("[" STEP("a") ",\n", "a", "2:1 E_JSON_EOF\n", "looks cut off");
    assert_reads("[" STEP("a"), "a", "1:80 E_JSON_EOF\n", NULL);
    assert_reads("[", "", "1:2 E_JSON_EOF\n", NULL);
    assert_reads("tru", "", "1:4 E_JSON_EOF\n", NULL);
}

static fl_str nested(char *text, size_t depth, const char *open, const char *close)
{
    fl_buf out = {.p = text, .capacity = 8192, .max_bytes = 8192};
    for (size_t i = 0; i < depth; i++) {
        fl_buf_add_str(&out, fl_str_of(open));
    }
    fl_buf_add_byte(&out, '1');
    for (size_t i = 0; i < depth; i++) {
        fl_buf_add_str(&out, fl_str_of(close));
    }
    fl_buf_add_byte(&out, '\n');
    return (fl_str){text, out.n};
}

static void nesting_of_more_than_256_is_an_error(void **state)
{
    (void)state;
    char text[8192];
    assert_reads_text(nested(text, 256, "{\"a\":", "}"), "", "1:1 E_UNKNOWN_OBJECT\n", NULL);
    assert_reads_text(nested(text, 257, "{\"a\":", "}"), "", "1:1281 E_JSON_DEPTH\n", NULL);
    assert_reads_text(nested(text, 256, "[", "]"), "", "1:2 E_NOT_OBJECT\n", NULL);
    assert_reads_text(nested(text, 257, "[", "]"), "", "1:257 E_JSON_DEPTH\n", NULL);
}

static void python_reprs_are_told_as_such(void **state)
{
    (void)state;
    const char *remedy = "json.dumps(event, default=str)";
    assert_reads("{'trace': {}}\n" STEP("a"), "a", "1:2 E_PYREPR\n", remedy);
    assert_reads("[{'trace': {}}]", "", "1:3 E_PYREPR\n", remedy);
    assert_reads("{\"trace\":{\"eventTime\": datetime.datetime(2025, 1, 1)}}\n" STEP("a"), "a",
                 "1:24 E_PYREPR\n", remedy);
    assert_reads("{\"trace\":{\"eventTime\": datetime.datetime}}\n" STEP("a"), "a",
                 "1:24 E_JSON_SYNTAX\n", NULL);
    assert_reads("[datetime.datetime(", "", "1:2 E_PYREPR\n", remedy);
    assert_reads("{\"a\":datetime.dat", "", "1:6 E_JSON_SYNTAX\n", NULL);
    assert_reads("{\"a\":d", "", "1:6 E_JSON_SYNTAX\n", NULL);
}

static void what_is_no_object_is_told_with_its_type(void **state)
{
    (void)state;
    assert_reads("12 \"x\" true null " STEP("a"), "a",
                 "1:1 E_NOT_OBJECT\n1:4 E_NOT_OBJECT\n1:8 E_NOT_OBJECT\n1:13 E_NOT_OBJECT\n",
                 "a boolean");
    assert_reads("[1,\n\"x\"," STEP("a") "]", "a", "1:2 E_NOT_OBJECT\n2:1 E_NOT_OBJECT\n",
                 "number");
    assert_reads("12", "", "1:1 E_NOT_OBJECT\n", "number");
}

static void twenty_errors_are_too_many(void **state)
{
    (void)state;
    fl_buf text;
    fl_buf codes;
    fl_buf_init(&text, 4096);
    fl_buf_init(&codes, 4096);
    for (int i = 1; i <= 20; i++) {
        fl_buf_add_str(&text, FL_S("x\n"));
        fl_buf_add_u64(&codes, (uint64_t)i);
        fl_buf_add_str(&codes, FL_S(":1 E_JSON_SYNTAX\n"));
    }
    fl_buf_add_str(&text, FL_S(STEP("a")));
    fl_buf_add(&codes, "20:1 E_TOO_MANY\n", sizeof("20:1 E_TOO_MANY\n"));
    assert_reads_text(fl_buf_str(&text), "", codes.p, NULL);
    fl_buf_fini(&text);
    fl_buf_fini(&codes);
}

static void invalid_utf8_is_replaced_with_a_warning(void **state)
{
    (void)state;
    assert_reads(
        "{\"chunk\":{}}\n{\"trace\":{\"trace\":{\"failureTrace\":{\"traceId\":\"\xff\"}}}}",
        "\xef\xbf\xbd", "2:1 W_UTF8\n", "U+FFFD");
}

static void a_lone_surrogate_is_replaced_without_one(void **state)
{
    (void)state;
    assert_reads("{\"trace\":{\"trace\":{\"failureTrace\":{\"traceId\":\"\\udc00\"}}}}",
                 "\xef\xbf\xbd", "", NULL);
}

/* ---- Whole answers */

static void events_of_a_cut_answer_that_are_complete_count(void **state)
{
    (void)state;
    assert_reads("{\"completion\":[" STEP("a") "," STEP("b") ",{\"tra", "ab", "1:179 E_JSON_EOF\n",
                 NULL);
    assert_reads(
        "{\"sessionId\":\"s\",\n\"completion\":\n[" STEP("a") ",\n" STEP("b") ",{x}]}\n" STEP("c"),
        "ab", "4:81 E_JSON_SYNTAX\n", NULL);
    assert_reads("{\"completion\":[" STEP("a") ",{x}]}\n" STEP("b"), "ab", "1:96 E_JSON_SYNTAX\n",
                 NULL);
    assert_reads("{\"completion\":[\n" STEP("a") "\n", "a", "3:1 E_JSON_EOF\n", NULL);
    assert_reads("{\"completion\":[", "", "1:16 E_JSON_EOF\n", NULL);
}

static void a_cut_answer_tells_what_stands_before_its_list(void **state)
{
    (void)state;
    test_story story;
    const fl_str text =
        FL_S("{\"ResponseMetadata\":{\"HTTPHeaders\":{\"x-amzn-requestid\":\"r\"}},\"contentType\":"
             "\"x\\\"y\",\"sessionId\":\"s\",\"completion\":[\n {\"chunk\":{}},{");
    test_story_init(&story);
    test_story_read(&story, text, SIZE_MAX);
    assert_str(fl_buf_str(&story.events), "chunk chunk@2:2+114 session=s answer=r {}\n");
    test_story_fini(&story);
}

/* ---- Formats */

static void compressed_input_and_utf16_are_told(void **state)
{
    (void)state;
    assert_reads_text(FL_S("\x1f\x8b\x08\0\0\0\0\0\0\0\0\0\0"), "", "1:1 E_GZIP\n", "decompress");
    assert_reads_text(FL_S("\x1f\x8b"), "", "1:1 E_GZIP\n", NULL);
    assert_reads_text(FL_S("\xff\xfe{\0\"\0x\0\"\0:\0001\0"), "", "1:1 E_UTF16\n", "UTF-8");
    assert_reads_text(FL_S("\xfe\xff\0{"), "", "1:1 E_UTF16\n", NULL);
    assert_reads_text(FL_S("{\0\"\0"), "", "1:1 E_UTF16\n", NULL);
    assert_reads_text(FL_S("\0{\0\""), "", "1:1 E_UTF16\n", NULL);
}

static void a_format_that_was_given_must_fit(void **state)
{
    (void)state;
    test_story story;
    size_t n;
    char *stream = test_read_file("golden/bedrock/input/supervisor.eventstream", &n);
    test_story_init(&story);
    story.options.format = FL_BEDROCK_FORMAT_JSON;
    story.options.format_given_by = "Content-Type";
    test_story_read(&story, (fl_str){stream, n}, 5);
    assert_str(fl_buf_str(&story.codes), "@0 E_FORMAT\n");
    assert_true(contains(fl_buf_str(&story.messages), "Content-Type says JSON"));
    assert_true(contains(fl_buf_str(&story.messages), "event stream"));
    test_story_fini(&story);
    free(stream);
    test_story_init(&story);
    story.options.format = FL_BEDROCK_FORMAT_EVENTSTREAM;
    story.options.format_given_by = "--format";
    test_story_read(&story, FL_S("\n" STEP("a")), SIZE_MAX);
    assert_str(fl_buf_str(&story.codes), "1:1 E_FORMAT\n");
    assert_true(contains(fl_buf_str(&story.messages), "--format says event stream"));
    test_story_fini(&story);
}

/* ---- Limits and failures */

static void a_value_over_the_limit_ends_reading(void **state)
{
    (void)state;
    fl_buf text;
    test_story story;
    fl_buf_init(&text, SIZE_MAX);
    fl_buf_add_str(&text, FL_S(STEP("a") "\n{\"chunk\":\""));
    fl_buf_fill(&text, 'x', 200000);
    fl_buf_add_str(&text, FL_S("\"}\n" STEP("b")));
    for (size_t step = 100; step <= 1000000; step *= 100) {
        test_story_init(&story);
        story.options.max_bytes = story.budget.max_bytes = 100000;
        test_story_read(&story, fl_buf_str(&text), step);
        assert_int_equal(story.status, FL_OK);
        assert_int_equal(story.counts.trace_events, 1);
        assert_str(fl_buf_str(&story.codes), "2:1 E_TOO_LARGE\n");
        assert_true(contains(fl_buf_str(&story.messages), "100000 bytes"));
        assert_int_equal(fl_budget_used(&story.budget), 0);
        test_story_fini(&story);
    }
    fl_buf_fini(&text);
}

static void a_shared_budget_in_use_is_busy(void **state)
{
    (void)state;
    for (size_t step = 1; step <= 1000; step *= 1000) {
        test_story story;
        test_story_init(&story);
        story.budget.max_bytes = 40;
        story.options.budget = &story.budget;
        test_story_read(&story, FL_S(STEP("a")), step);
        assert_int_equal(story.status, FL_E_BUSY);
        assert_int_equal(fl_budget_used(&story.budget), 0);
        test_story_fini(&story);
    }
}

static void what_takes_events_can_stop_the_reading(void **state)
{
    (void)state;
    test_story story;
    test_story_init(&story);
    story.limit_events = 2;
    test_story_read(&story, FL_S("[" STEP("a") "," STEP("b") "," STEP("c") "]"), SIZE_MAX);
    assert_int_equal(story.status, FL_E_SHUTDOWN);
    assert_int_equal(fl_budget_used(&story.budget), 0);
    test_story_fini(&story);
}

static fl_status count_events(void *user, bedrock_event *event, fl_err *err)
{
    (void)event;
    (void)err;
    ++*(size_t *)user;
    return FL_OK;
}

static void an_event_is_taken_when_its_bracket_closes(void **state)
{
    (void)state;
    size_t taken = 0;
    bedrock_reader *reader;
    fl_bedrock_counts counts = {0};
    const fl_bedrock_options options = {.follow = true, .max_bytes = 1 << 20};
    const fl_bedrock_sink sink = {0};
    bedrock_diagnostics diagnostics = {.sink = &sink, .counts = &counts};
    const bedrock_reader_config config = {
        .options = &options, .diagnostics = &diagnostics, .take = count_events, .user = &taken};
    assert_int_equal(bedrock_reader_new(&config, &reader, NULL), FL_OK);
    assert_int_equal(bedrock_reader_feed(reader, FL_S(STEP("a")), NULL), FL_OK);
    assert_int_equal(taken, 1);
    assert_int_equal(bedrock_reader_feed(reader, FL_S("\n[" STEP("b")), NULL), FL_OK);
    assert_int_equal(taken, 2);
    assert_int_equal(bedrock_reader_feed(reader, FL_S(",{\"chunk\":"), NULL), FL_OK);
    assert_int_equal(bedrock_reader_feed(reader, FL_S("{}}"), NULL), FL_OK);
    assert_int_equal(taken, 3);
    bedrock_reader_free(reader);
}

/* The longest inputs that would show a second look at each byte: seconds instead of milliseconds.
 */
static void many_values_on_one_line_take_linear_time(void **state)
{
    (void)state;
    const char *units[] = {"{\"chunk\":{}}", "[[[", "{\"a\":", "\"", "{\"chunk\":{}},", "1 ", "{x"};
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        test_story story;
        fl_buf text;
        fl_buf_init(&text, SIZE_MAX);
        for (size_t n = 0; n < 300000; n++) {
            fl_buf_add_str(&text, fl_str_of(units[i]));
        }
        test_story_init(&story);
        test_story_read(&story, fl_buf_str(&text), i % 2 == 0 ? SIZE_MAX : 100);
        assert_int_equal(story.status, FL_OK);
        test_story_fini(&story);
        fl_buf_fini(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_separated_by_any_white_space_or_none),
        cmocka_unit_test(an_array_is_read_element_by_element),
        cmocka_unit_test(a_byte_order_mark_is_skipped),
        cmocka_unit_test(events_know_the_place_of_their_value),
        cmocka_unit_test(an_input_without_a_value_is_empty),
        cmocka_unit_test(a_bad_line_costs_that_line_only),
        cmocka_unit_test(strictness_is_that_of_rfc_8259),
        cmocka_unit_test(the_following_lines_of_a_broken_document_are_read_as_values),
        cmocka_unit_test(nothing_is_read_behind_an_error_in_an_array),
        cmocka_unit_test(an_end_inside_a_value_is_told_with_its_beginning),
        cmocka_unit_test(nesting_of_more_than_256_is_an_error),
        cmocka_unit_test(python_reprs_are_told_as_such),
        cmocka_unit_test(what_is_no_object_is_told_with_its_type),
        cmocka_unit_test(twenty_errors_are_too_many),
        cmocka_unit_test(invalid_utf8_is_replaced_with_a_warning),
        cmocka_unit_test(a_lone_surrogate_is_replaced_without_one),
        cmocka_unit_test(events_of_a_cut_answer_that_are_complete_count),
        cmocka_unit_test(a_cut_answer_tells_what_stands_before_its_list),
        cmocka_unit_test(compressed_input_and_utf16_are_told),
        cmocka_unit_test(a_format_that_was_given_must_fit),
        cmocka_unit_test(a_value_over_the_limit_ends_reading),
        cmocka_unit_test(a_shared_budget_in_use_is_busy),
        cmocka_unit_test(what_takes_events_can_stop_the_reading),
        cmocka_unit_test(an_event_is_taken_when_its_bracket_closes),
        cmocka_unit_test(many_values_on_one_line_take_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
