/* Every sample of a saved stream against what is expected of it, in both modes (spec §8, check 1).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/bedrock_convert.h"
#include "support/test.h"

static fl_str text_of(yyjson_val *object, const char *name)
{
    return fl_json_str(fl_json_get(object, fl_str_of(name)));
}

static bool is_true(yyjson_val *object, const char *name)
{
    return yyjson_is_true(fl_json_get(object, fl_str_of(name)));
}

static void expect_str(fl_str actual, fl_str expected, const char *what, size_t index)
{
    if (!fl_str_eq(actual, expected)) {
        print_error("segment %zu: %s is `%.*s`, expected `%.*s`\n", index, what, FL_P(actual),
                    FL_P(expected));
    }
    assert_true(fl_str_eq(actual, expected));
}

static void expect_time(int64_t actual_ns, yyjson_val *expected, const char *what, size_t index)
{
    int64_t expected_ns;
    assert_true(fl_json_ns(fl_json_number(expected), &expected_ns));
    if (llabs(actual_ns - expected_ns) > 1000) {
        print_error("segment %zu: %s is %.6f, expected %.6f\n", index, what,
                    (double)actual_ns / 1e9, (double)expected_ns / 1e9);
    }
    assert_true(llabs(actual_ns - expected_ns) <= 1000);
}

static bool same_value(yyjson_val *a, yyjson_val *b)
{
    if (a == NULL || yyjson_get_type(a) != yyjson_get_type(b)) {
        return false;
    }
    if (yyjson_is_raw(a)) {
        return fabs(fl_json_double(fl_json_number(a)) - fl_json_double(fl_json_number(b))) < 1e-9;
    }
    return yyjson_is_str(a) ? fl_str_eq(fl_json_str(a), fl_json_str(b))
                            : yyjson_get_bool(a) == yyjson_get_bool(b);
}

static void expect_annotations(yyjson_val *actual, yyjson_val *expected, size_t index)
{
    yyjson_obj_iter members = yyjson_obj_iter_with(expected);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&members)) != NULL;) {
        fl_buf shown;
        fl_buf_init(&shown, 4096);
        yyjson_val *value = fl_json_get(actual, fl_json_str(key));
        if (!same_value(value, yyjson_obj_iter_get_val(key))) {
            fl_json_emit(&shown, actual);
            print_error("segment %zu: annotation %.*s is not as expected in %.*s\n", index,
                        FL_P(fl_json_str(key)), FL_P(fl_buf_str(&shown)));
        }
        fl_buf_fini(&shown);
        assert_true(same_value(value, yyjson_obj_iter_get_val(key)));
    }
}

static fl_str exception_type(yyjson_val *document)
{
    yyjson_val *exceptions = fl_json_get(fl_json_get(document, FL_S("cause")), FL_S("exceptions"));
    return text_of(yyjson_arr_get_first(exceptions), "type");
}

static fl_str http_status(yyjson_val *document)
{
    yyjson_val *http = fl_json_get(document, FL_S("http"));
    return fl_json_number(fl_json_get(fl_json_get(http, FL_S("response")), FL_S("status")));
}

/* Annotations that the expected files list whenever they are there: one too many is a difference,
 * too. */
static const char *const watched[] = {
    "incomplete",     "timeout",        "retry_count",          "failure_code", "has_reasoning",
    "return_control", "input_required", "guardrail_intervened", "answer_files"};

static void expect_segment(const test_document *actual, yyjson_val *expected, size_t index,
                           fl_str root_parent)
{
    const fl_bedrock_document *document = &actual->document;
    yyjson_val *parent = fl_json_get(expected, FL_S("parent"));
    yyjson_val *annotations = fl_json_get(actual->json, FL_S("annotations"));
    int64_t parent_index = UINT32_MAX;
    expect_str(document->name, text_of(expected, "name"), "name", index);
    expect_str(text_of(actual->json, "id"), text_of(expected, "id"), "id", index);
    if (!yyjson_is_null(parent)) {
        assert_true(fl_json_i64(fl_json_number(parent), &parent_index));
    } else {
        expect_str(text_of(actual->json, "parent_id"), root_parent, "parent_id", index);
    }
    if (document->parent_index != parent_index) {
        print_error("segment %zu: parent %u, expected %ld\n", index, document->parent_index,
                    (long)parent_index);
    }
    assert_int_equal(document->parent_index, parent_index);
    expect_time(document->start_ns, fl_json_get(expected, FL_S("start")), "start", index);
    expect_time(document->end_ns, fl_json_get(expected, FL_S("end")), "end", index);
    expect_str(fl_str_of(fl_bedrock_time_source_name(document->time_source)),
               text_of(expected, "time"), "time source", index);
    expect_str(text_of(annotations, "time_source"), text_of(expected, "time"), "time_source",
               index);
    assert_int_equal(document->flags.error, is_true(expected, "error"));
    assert_int_equal(document->flags.fault, is_true(expected, "fault"));
    assert_int_equal(document->flags.throttle, is_true(expected, "throttle"));
    assert_int_equal(is_true(actual->json, "error"), is_true(expected, "error"));
    assert_int_equal(is_true(actual->json, "fault"), is_true(expected, "fault"));
    assert_int_equal(is_true(actual->json, "throttle"), is_true(expected, "throttle"));
    expect_str(exception_type(actual->json), text_of(expected, "exception_type"), "exception type",
               index);
    expect_str(http_status(actual->json),
               fl_json_number(fl_json_get(expected, FL_S("http_status"))), "http status", index);
    yyjson_val *listed = fl_json_get(expected, FL_S("annotations"));
    expect_annotations(annotations, listed, index);
    for (size_t i = 0; i < sizeof watched / sizeof watched[0]; i++) {
        fl_str key = fl_str_of(watched[i]);
        if (fl_json_get(annotations, key) != NULL && fl_json_get(listed, key) == NULL) {
            print_error("segment %zu: unexpected annotation %s\n", index, watched[i]);
            fail();
        }
    }
}

static void expect_traces(const test_result *actual, yyjson_val *traces, fl_str root_parent)
{
    size_t at = 0;
    yyjson_arr_iter each = yyjson_arr_iter_with(traces);
    for (yyjson_val *trace; (trace = yyjson_arr_iter_next(&each)) != NULL;) {
        size_t index = 0;
        yyjson_arr_iter segments = yyjson_arr_iter_with(fl_json_get(trace, FL_S("segments")));
        for (yyjson_val *segment; (segment = yyjson_arr_iter_next(&segments)) != NULL; index++) {
            assert_true(at < actual->count);
            expect_segment(&actual->documents[at], segment, index, root_parent);
            expect_str(text_of(actual->documents[at].json, "trace_id"), text_of(trace, "trace_id"),
                       "trace id", index);
            at++;
        }
    }
    assert_int_equal(at, actual->count);
}

static void expect_errors(const test_result *actual, yyjson_val *errors)
{
    size_t at = 0;
    yyjson_arr_iter each = yyjson_arr_iter_with(errors);
    for (size_t i = 0; i < actual->diagnostic_count; i++) {
        const test_diagnostic *found = &actual->diagnostics[i];
        char place[64];
        if (!fl_bedrock_code_is_error(found->code)) {
            continue;
        }
        yyjson_val *error = yyjson_arr_iter_next(&each);
        assert_non_null(error);
        (void)snprintf(place, sizeof place, "line %lu", (unsigned long)found->place.line);
        expect_str(fl_str_of(fl_bedrock_code_name(found->code)), text_of(error, "code"), "code",
                   at);
        expect_str(fl_str_of(place), text_of(error, "at"), "place", at);
        at++;
    }
    assert_int_equal(at, yyjson_arr_size(errors));
}

static void check_case(fl_str input, yyjson_val *options, yyjson_val *expected, size_t piece)
{
    test_result result;
    fl_bedrock_options given = fl_bedrock_options_default(TEST_NOW_NS);
    fl_str parent = text_of(options, "parent");
    given.mode =
        fl_str_eq(text_of(expected, "mode"), FL_S("chain")) ? FL_BEDROCK_CHAIN : FL_BEDROCK_TREE;
    (void)fl_trace_id_parse(text_of(options, "trace_id"), &given.trace_id);
    (void)fl_segment_id_parse(parent, &given.parent_id);
    test_convert(&given, input, piece, &result);
    expect_traces(&result, fl_json_get(expected, FL_S("traces")), parent);
    expect_errors(&result, fl_json_get(expected, FL_S("errors")));
    test_result_fini(&result);
}

static void check_sample(void **state)
{
    const char *name = *state;
    char path[256];
    fl_str input, expected;
    fl_arena arena;
    fl_err err = {0};
    yyjson_val *root;
    char *input_bytes = test_bedrock_input(name, &input);
    (void)snprintf(path, sizeof path, "golden/bedrock/expected/%s.expected.json", name);
    char *expected_bytes = test_read_file(path, &expected.n);
    expected.p = expected_bytes;
    fl_arena_init(&arena, (size_t)64 << 20);
    assert_ok(fl_json_read(&arena, expected, FL_JSON_STRICT, &root, NULL, &err), &err);
    static const size_t pieces[] = {0, 1, 7, 4096, TEST_BY_LINE};
    yyjson_arr_iter cases = yyjson_arr_iter_with(fl_json_get(root, FL_S("cases")));
    size_t count = 0;
    for (yyjson_val *each; (each = yyjson_arr_iter_next(&cases)) != NULL; count++) {
        for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
            check_case(input, fl_json_get(root, FL_S("options")), each, pieces[i]);
        }
    }
    assert_int_equal(count, 2);
    fl_arena_fini(&arena);
    free(expected_bytes);
    free(input_bytes);
}

#define SAMPLE(name)                                                                               \
    {                                                                                              \
        name, check_sample, NULL, NULL, (void *)(uintptr_t) "" name                                \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        SAMPLE("seed20.jsonl"),
        SAMPLE("no_times.jsonl"),
        SAMPLE("supervisor.jsonl"),
        SAMPLE("supervisor.eventstream"),
        SAMPLE("failure.jsonl"),
        SAMPLE("guardrail.jsonl"),
        SAMPLE("codeinterpreter_kb.jsonl"),
        SAMPLE("customorch.jsonl"),
        SAMPLE("routing.jsonl"),
        SAMPLE("inline.jsonl"),
        SAMPLE("flow.jsonl"),
        SAMPLE("truncated.jsonl"),
        SAMPLE("forms_array.json"),
        SAMPLE("forms_completion.json"),
        SAMPLE("forms_bare_traces.jsonl"),
        SAMPLE("forms_flow_execution_events.json"),
        SAMPLE("lambda_link.jsonl"),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
