/* Documents: what they hold, and how they stay within 64,000 bytes (spec §3.10–§3.15). */
#include "support/bedrock_run.h"

typedef struct rig {
    test_run t;
    bedrock_scope *root;
    bedrock_step *step;
} rig;

static void rig_init(rig *r, bedrock_kind kind)
{
    test_run_init(&r->t);
    r->root = test_scope(&r->t, "A");
    r->step = test_step(&r->t, r->root, kind, NULL, NULL);
}

static test_document *write(rig *r)
{
    return test_write(&r->t, &r->step->segment);
}

static void a_document_holds_what_was_settled(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, BEDROCK_ACTION_GROUP);
    bedrock_segment *segment = &r.step->segment;
    r.step->target = FL_S("t");
    r.step->metadata.client_request_id = FL_S("req");
    segment->error = segment->throttle = true;
    segment->http_status = 429;
    segment->exception_type = FL_S("BedrockAgentFailure");
    segment->exception_message = FL_S("slow down");
    segment->start_ns += 250000000;
    test_document *document = write(&r);
    assert_text_at(document, "name", "InvokeActionGroup:t_A");
    assert_text_at(document, "id", "392b0a16d099defd");
    assert_text_at(document, "parent_id", "3efbb1f20e6f24cd");
    assert_text_at(document, "trace_id", "1-67b64b00-5ab6515a06fd1c3264f05980");
    assert_str(fl_json_number(test_at(document, "start_time")), "1740000000.25");
    assert_str(fl_json_number(test_at(document, "end_time")), "1740000002");
    assert_text_at(document, "origin", "AWS::Bedrock::ActionGroup");
    assert_text_at(document, "aws/operation", "InvokeActionGroup");
    assert_text_at(document, "aws/request_id", "req");
    assert_true(yyjson_is_true(test_at(document, "error")));
    assert_true(yyjson_is_true(test_at(document, "throttle")));
    assert_null(test_at(document, "fault"));
    assert_null(test_at(document, "type"));
    assert_null(test_at(document, "in_progress"));
    assert_str(fl_json_number(test_at(document, "http/response/status")), "429");
    assert_text_at(document, "cause/exceptions/0/type", "BedrockAgentFailure");
    assert_text_at(document, "cause/exceptions/0/message", "slow down");
    assert_int_equal(fl_json_str(test_at(document, "cause/exceptions/0/id")).n, 16);
    assert_true(yyjson_is_true(test_at(document, "cause/exceptions/0/remote")));
    assert_int_equal(document->given.id, segment->id);
    assert_int_equal(document->given.parent_id, r.root->segment.id);
    assert_int_equal(document->given.index, 1);
    assert_int_equal(document->given.parent_index, 0);
    assert_true(document->given.flags.error && document->given.flags.throttle);
    assert_false(document->given.flags.fault || document->given.is_content);
    assert_int_equal(document->given.time_source, FL_BEDROCK_TIME_METADATA);
    test_run_fini(&r.t);
}

static void kinds_without_a_node_type_have_no_origin(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, BEDROCK_COLLABORATOR);
    assert_null(test_at(write(&r), "origin"));
    test_run_fini(&r.t);
}

static void a_root_hangs_below_the_given_parent_or_nothing(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, BEDROCK_INVOKE_MODEL);
    test_document *document = test_write(&r.t, &r.root->segment);
    assert_null(test_at(document, "parent_id"));
    assert_int_equal(document->given.parent_index, UINT32_MAX);
    r.t.options.parent_id = 0x1f2e3d4c5b6a7988;
    document = test_write(&r.t, &r.root->segment);
    assert_text_at(document, "parent_id", "1f2e3d4c5b6a7988");
    assert_int_equal(document->given.parent_index, UINT32_MAX);
    test_run_fini(&r.t);
}

static void in_progress_there_is_no_end(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, BEDROCK_INVOKE_MODEL);
    r.step->segment.in_progress = true;
    test_document *document = write(&r);
    assert_true(yyjson_is_true(test_at(document, "in_progress")));
    assert_null(test_at(document, "end_time"));
    assert_int_equal(document->given.end_ns, FL_TIME_NONE);
    test_run_fini(&r.t);
}

static void statuses_that_are_none_are_left_out(void **state)
{
    (void)state;
    static const int64_t statuses[] = {99, 600, -1, FL_INT_NONE, INT64_MAX};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        rig r;
        rig_init(&r, BEDROCK_FAILED);
        r.step->segment.http_status = statuses[i];
        assert_null(test_at(write(&r), "http"));
        test_run_fini(&r.t);
    }
}

static void long_messages_are_cut(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, BEDROCK_CODE);
    r.step->segment.exception_type = test_repeat(&r.t, "T", 5000);
    r.step->segment.exception_message = test_repeat(&r.t, "\x01", 200000);
    r.step->metadata.client_request_id = test_repeat(&r.t, "r", 200000);
    test_document *document = write(&r);
    fl_str message = fl_json_str(test_at(document, "cause/exceptions/0/message"));
    assert_true(message.n > 4096 && message.n < 4200);
    assert_memory_equal(message.p + 4096, "…[+195904 bytes]", strlen("…[+195904 bytes]"));
    assert_int_equal(fl_utf8_length(fl_json_str(test_at(document, "cause/exceptions/0/type"))),
                     200);
    assert_int_equal(fl_utf8_length(fl_json_str(test_at(document, "aws/request_id"))), 1000);
    assert_true(yyjson_is_true(test_annotation(document, "content_truncated")));
    assert_null(test_annotation(document, "size_limited"));
    test_run_fini(&r.t);
}

/* ---- Size */

static void a_long_prompt_is_cut_at_the_limit_and_fits(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, BEDROCK_INVOKE_MODEL);
    r.step->input = test_object(&r.t, "text", test_repeat(&r.t, "0123456789", 20000));
    test_document *document = write(&r);
    assert_int_equal(fl_json_str(test_at(document, "metadata/bedrock/input/text")).n,
                     4096 + strlen("…[+195904 bytes]"));
    assert_null(test_annotation(document, "size_limited"));
    assert_true(yyjson_is_true(test_annotation(document, "content_truncated")));
    r.t.options.content = FL_BEDROCK_CONTENT_FULL;
    document = write(&r);
    assert_int_equal(fl_json_str(test_at(document, "metadata/bedrock/input/text")).n,
                     32000 + strlen("…[+168000 bytes]"));
    assert_true(yyjson_is_true(test_annotation(document, "size_limited")));
    test_run_fini(&r.t);
}

/* A body with n texts of `unit` × count. */
static yyjson_val *references(rig *r, size_t n, const char *unit, size_t count)
{
    fl_buf json;
    yyjson_val *value;
    fl_buf_init(&json, (size_t)256 << 20);
    fl_jw w = fl_jw_of(&json);
    fl_jw_open(&w, '{');
    fl_jw_key(&w, FL_S("knowledgeBaseLookupOutput"));
    fl_jw_open(&w, '{');
    fl_jw_key(&w, FL_S("retrievedReferences"));
    fl_jw_open(&w, '[');
    for (size_t i = 0; i < n; i++) {
        fl_jw_open(&w, '{');
        fl_jw_key_str(&w, FL_S("text"), test_repeat(&r->t, unit, count));
        fl_jw_close(&w, '}');
    }
    fl_jw_close(&w, ']');
    fl_jw_close(&w, '}');
    fl_jw_close(&w, '}');
    assert_ok(fl_json_read(&r->t.arena, fl_buf_str(&json), FL_JSON_STRICT, &value, NULL, NULL),
              NULL);
    fl_buf_fini(&json);
    return value;
}

static fl_str first_reference(const test_document *document)
{
    return fl_json_str(test_at(document, "metadata/bedrock/output/knowledgeBaseLookupOutput/"
                                         "retrievedReferences/0/text"));
}

static void many_references_halve_the_limit_until_they_fit(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, BEDROCK_KNOWLEDGE_BASE);
    r.step->output = references(&r, 100, "x", 5000);
    test_document *document = write(&r);
    /* 100 × 512 bytes have room, 100 × 1,024 have not */
    assert_int_equal(first_reference(document).n, 512 + strlen("…[+4488 bytes]"));
    assert_true(yyjson_is_true(test_annotation(document, "size_limited")));
    assert_true(yyjson_is_true(test_annotation(document, "content_truncated")));
    assert_str(test_annotation_text(document, "retrieved_count"), "100");
    test_run_fini(&r.t);
}

static void texts_of_long_characters_fit_too(void **state)
{
    (void)state;
    static const char *const units[] = {"検", "😀", "ü", "\x01", "\"", "\\"};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        rig r;
        rig_init(&r, BEDROCK_KNOWLEDGE_BASE);
        r.step->output = references(&r, 20, units[i], 5000);
        r.t.options.content = i % 2 == 0 ? FL_BEDROCK_CONTENT_FULL : FL_BEDROCK_CONTENT_TRUNCATE;
        test_document *document = write(&r);
        assert_true(first_reference(document).n > 60);
        test_run_fini(&r.t);
    }
}

static void then_the_output_goes_and_the_input_after_it(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, BEDROCK_KNOWLEDGE_BASE);
    bedrock_thought thought = {FL_S("why"), NULL};
    r.step->thoughts = &thought;
    r.step->input = test_json(&r.t, "{'knowledgeBaseLookupInput':{'text':'q'}}");
    r.step->output = references(&r, 3000, "x", 1);
    r.step->output = references(&r, 6000, "x", 1);
    test_document *document = write(&r);
    assert_null(test_at(document, "metadata/bedrock/output"));
    assert_text_at(document, "metadata/bedrock/input/knowledgeBaseLookupInput/text", "q");
    assert_text_at(document, "metadata/bedrock/rationale", "why");
    assert_true(yyjson_is_true(test_annotation(document, "size_limited")));
    r.step->input = r.step->output;
    document = write(&r);
    assert_null(test_at(document, "metadata/bedrock/input"));
    assert_text_at(document, "metadata/bedrock/rationale", "why");
    test_run_fini(&r.t);
}

/* 50 annotations of 1,000 long characters are more than a document. */
static void then_annotations_go_from_the_end_of_the_list(void **state)
{
    (void)state;
    rig r;
    fl_annotation given[40];
    char keys[40][4];
    rig_init(&r, BEDROCK_INVOKE_MODEL);
    for (size_t i = 0; i < 40; i++) {
        snprintf(keys[i], sizeof keys[i], "k%02zu", i);
        given[i] = (fl_annotation){fl_str_of(keys[i]), FL_ANNOTATION_STRING,
                                   test_repeat(&r.t, "😀", 1000), false};
    }
    r.t.options.annotate = given;
    r.t.options.annotate_count = 40;
    test_document *document = test_write(&r.t, &r.root->segment);
    assert_non_null(test_annotation(document, "k10"));
    assert_null(test_annotation(document, "k20"));
    assert_true(yyjson_is_true(test_annotation(document, "size_limited")));
    assert_true(document->given.text.n > 59000);
    test_run_fini(&r.t);
}

/* ---- Whole texts in subsegments */

static void a_long_text_is_kept_whole_in_pieces(void **state)
{
    (void)state;
    static const char *const units[] = {"0123456789", "検索\"\n", "\x01", "😀"};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        rig r;
        fl_buf whole;
        rig_init(&r, BEDROCK_INVOKE_MODEL);
        fl_buf_init(&whole, (size_t)1 << 20);
        fl_str text = test_repeat(&r.t, units[i], 12000);
        r.step->input = test_object(&r.t, "text", text);
        r.t.options.split_overflow = true;
        const test_document *segment = write(&r);
        assert_false(segment->given.is_content);
        for (uint32_t d = 1; d < r.t.document_count; d++) {
            const test_document *piece = &r.t.documents[d];
            fl_str part = fl_json_number(test_at(piece, "metadata/bedrock/part"));
            fl_str parts = fl_json_number(test_at(piece, "metadata/bedrock/parts"));
            uint64_t number;
            assert_text_at(piece, "type", "subsegment");
            assert_text_at(piece, "name", "content");
            assert_text_at(piece, "metadata/bedrock/path", "input.text");
            assert_true(fl_str_to_u64(part, &number) && number == d);
            assert_true(fl_str_to_u64(parts, &number) && number == r.t.document_count - 1);
            assert_true(piece->given.is_content);
            assert_int_equal(piece->given.parent_id, segment->given.id);
            assert_int_equal(piece->given.index, segment->given.index);
            assert_int_equal(piece->given.start_ns, segment->given.start_ns);
            assert_int_equal(piece->given.end_ns, segment->given.end_ns);
            assert_int_equal(piece->given.id,
                             bedrock_content_id(&r.t.run, &r.t.options, &r.step->segment,
                                                FL_S("input.text"), d));
            fl_buf_add_str(&whole, fl_json_str(test_at(piece, "metadata/bedrock/text")));
        }
        assert_true(r.t.document_count >= 2);
        assert_true(fl_str_eq(fl_buf_str(&whole), text));
        fl_buf_fini(&whole);
        test_run_fini(&r.t);
    }
}

static void paths_name_where_a_text_was(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, BEDROCK_KNOWLEDGE_BASE);
    bedrock_thought thought = {FL_S("0123456789"), NULL};
    r.step->thoughts = &thought;
    r.step->input = test_json(&r.t, "{'a':['short','0123456789',{'b':[[],['0123456789']]}]}");
    r.t.options.max_text_bytes = 9;
    r.t.options.split_overflow = true;
    (void)write(&r);
    assert_int_equal(r.t.document_count, 4);
    assert_text_at(&r.t.documents[1], "metadata/bedrock/path", "input.a[1]");
    assert_text_at(&r.t.documents[2], "metadata/bedrock/path", "input.a[2].b[1][0]");
    assert_text_at(&r.t.documents[3], "metadata/bedrock/path", "rationale");
    test_run_fini(&r.t);
}

static void texts_are_not_kept_whole_where_they_are_not_shown(void **state)
{
    (void)state;
    static const fl_bedrock_content hidden[] = {FL_BEDROCK_CONTENT_HASH, FL_BEDROCK_CONTENT_NONE};
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
        rig r;
        rig_init(&r, BEDROCK_INVOKE_MODEL);
        r.step->input = test_object(&r.t, "text", test_repeat(&r.t, "x", 5000));
        r.t.options.split_overflow = true;
        r.t.options.content = hidden[i];
        (void)write(&r);
        assert_int_equal(r.t.document_count, 1);
        test_run_fini(&r.t);
    }
}

static void pieces_are_redacted(void **state)
{
    (void)state;
    rig r;
    fl_bedrock_redaction *redaction;
    rig_init(&r, BEDROCK_INVOKE_MODEL);
    assert_ok(fl_bedrock_redaction_new(&redaction, NULL), NULL);
    assert_ok(fl_bedrock_redaction_add(redaction, FL_S("email"), NULL), NULL);
    r.t.options.redaction = redaction;
    r.t.options.split_overflow = true;
    r.t.options.max_text_bytes = 12;
    r.step->input = test_json(&r.t, "{'text':'mail a@b.de','name':'long a@example.de'}");
    (void)write(&r);
    assert_int_equal(r.t.document_count, 3);
    assert_text_at(&r.t.documents[1], "metadata/bedrock/text", "mail [redacted]");
    assert_text_at(&r.t.documents[2], "metadata/bedrock/text", "long a@example.de");
    r.step->input = test_json(&r.t, "{'text':'a.long.address@example.de'}");
    (void)write(&r);
    assert_int_equal(r.t.document_count, 1);
    fl_bedrock_redaction_free(redaction);
    test_run_fini(&r.t);
}

/* ---- What was given out before */

static fl_status count_document(void *user, const fl_bedrock_document *document, fl_err *err)
{
    (void)document;
    (void)err;
    ++*(int *)user;
    return FL_OK;
}

static void a_document_that_did_not_change_is_not_given_again(void **state)
{
    (void)state;
    rig r;
    bedrock_writer *writer;
    int count = 0;
    uint64_t seen = 0;
    uint32_t given;
    const fl_bedrock_sink sink = {.user = &count, .document = count_document};
    rig_init(&r, BEDROCK_INVOKE_MODEL);
    test_run_settle(&r.t);
    assert_ok(bedrock_writer_new(&r.t.options, &writer, NULL), NULL);
    for (int i = 0; i < 3; i++) {
        assert_ok(bedrock_write(writer, &r.t.run, &r.step->segment, &sink, &seen, &given, NULL),
                  NULL);
        assert_int_equal(given, i == 0);
    }
    assert_int_not_equal(seen, 0);
    r.step->segment.error = true;
    assert_ok(bedrock_write(writer, &r.t.run, &r.step->segment, &sink, &seen, &given, NULL), NULL);
    assert_int_equal(given, 1);
    assert_int_equal(count, 2);
    bedrock_writer_free(writer);
    bedrock_writer_free(NULL);
    test_run_fini(&r.t);
}

static fl_status refuse_document(void *user, const fl_bedrock_document *document, fl_err *err)
{
    (void)user;
    (void)document;
    FL_FAIL(err, FL_E_IO, "no more");
}

static void what_the_sink_returns_comes_back(void **state)
{
    (void)state;
    rig r;
    bedrock_writer *writer;
    uint32_t given;
    const fl_bedrock_sink sink = {.document = refuse_document};
    rig_init(&r, BEDROCK_INVOKE_MODEL);
    test_run_settle(&r.t);
    assert_ok(bedrock_writer_new(&r.t.options, &writer, NULL), NULL);
    assert_int_equal(bedrock_write(writer, &r.t.run, &r.step->segment, &sink, NULL, &given, NULL),
                     FL_E_IO);
    bedrock_writer_free(writer);
    test_run_fini(&r.t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_holds_what_was_settled),
        cmocka_unit_test(kinds_without_a_node_type_have_no_origin),
        cmocka_unit_test(a_root_hangs_below_the_given_parent_or_nothing),
        cmocka_unit_test(in_progress_there_is_no_end),
        cmocka_unit_test(statuses_that_are_none_are_left_out),
        cmocka_unit_test(long_messages_are_cut),
        cmocka_unit_test(a_long_prompt_is_cut_at_the_limit_and_fits),
        cmocka_unit_test(many_references_halve_the_limit_until_they_fit),
        cmocka_unit_test(texts_of_long_characters_fit_too),
        cmocka_unit_test(then_the_output_goes_and_the_input_after_it),
        cmocka_unit_test(then_annotations_go_from_the_end_of_the_list),
        cmocka_unit_test(a_long_text_is_kept_whole_in_pieces),
        cmocka_unit_test(paths_name_where_a_text_was),
        cmocka_unit_test(texts_are_not_kept_whole_where_they_are_not_shown),
        cmocka_unit_test(pieces_are_redacted),
        cmocka_unit_test(a_document_that_did_not_change_is_not_given_again),
        cmocka_unit_test(what_the_sink_returns_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
