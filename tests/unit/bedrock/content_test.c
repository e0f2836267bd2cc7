/* Bodies as metadata, and the content policy (spec §3.13). */
#include "support/bedrock_run.h"

typedef struct rig {
    test_run t;
    bedrock_step *step;
} rig;

static void rig_init(rig *r, bedrock_kind kind, const char *input, const char *output)
{
    test_run_init(&r->t);
    r->step = test_step(&r->t, test_scope(&r->t, "A"), kind, input, output);
}

static test_document *write(rig *r)
{
    return test_write(&r->t, &r->step->segment);
}

/* Fails unless metadata.bedrock is the JSON, written with ' for ". */
static void assert_metadata(test_document *document, const char *expected)
{
    fl_buf text;
    fl_buf_init(&text, (size_t)1 << 20);
    yyjson_val *bedrock = test_at(document, "metadata/bedrock");
    if (bedrock != NULL) {
        fl_json_emit(&text, bedrock);
    }
    for (size_t i = 0; i < text.n; i++) {
        text.p[i] = (char)(text.p[i] == '"' ? '\'' : text.p[i]);
    }
    assert_str(fl_buf_str(&text), expected);
    fl_buf_fini(&text);
}

static void assert_policy(fl_bedrock_content content, bedrock_kind kind, const char *output,
                          const char *expected)
{
    rig r;
    rig_init(&r, kind, NULL, output);
    r.t.options.content = content;
    assert_metadata(write(&r), expected);
    test_run_fini(&r.t);
}

static void assert_none(bedrock_kind kind, const char *output, const char *expected)
{
    assert_policy(FL_BEDROCK_CONTENT_NONE, kind, output, expected);
}

static void bodies_are_unchanged_but_for_trace_id_and_type(void **state)
{
    (void)state;
    rig r;
    rig_init(
        &r, BEDROCK_INVOKE_MODEL,
        "{'traceId':'gone','n':1.50,'b':true,'z':null,'__type':'gone','inferenceConfiguration':"
        "{'__type':'gone','topK':250,'list':[1,[],{}]},'inner':{'traceId':'stays'}}",
        "{'traceId':'gone'}");
    assert_metadata(write(&r),
                    "{'input':{'n':1.50,'b':true,'z':null,'inferenceConfiguration':{'topK':250,"
                    "'list':[1,[],{}]},'inner':{'traceId':'stays'}},'output':{}}");
    test_run_fini(&r.t);
}

static void a_users_document_keeps_its_types(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, BEDROCK_FLOW_NODE,
             "{'fields':[{'content':{'document':{'__type':'stays','a':[{'__type':1}]}}}]}", NULL);
    assert_metadata(
        write(&r),
        "{'input':{'fields':[{'content':{'document':{'__type':'stays','a':[{'__type':1}]}}}]}}");
    test_run_fini(&r.t);
}

static void a_body_may_be_of_any_type(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, BEDROCK_OTHER, "'text'", "[1,'a',[true]]");
    assert_metadata(write(&r), "{'input':'text','output':[1,'a',[true]]}");
    r.step->input = test_json(&r.t, "7");
    r.step->output = NULL;
    assert_metadata(write(&r), "{'input':7}");
    r.step->input = NULL;
    assert_null(test_at(write(&r), "metadata"));
    test_run_fini(&r.t);
}

static void rationales_are_joined_line_by_line(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, BEDROCK_INVOKE_MODEL, NULL, NULL);
    bedrock_thought second = {FL_S("second \"thought\""), NULL};
    bedrock_thought first = {FL_S("first"), &second};
    r.step->thoughts = &first;
    assert_text_at(write(&r), "metadata/bedrock/rationale", "first\nsecond \"thought\"");
    r.t.options.content = FL_BEDROCK_CONTENT_NONE;
    assert_text_at(write(&r), "metadata/bedrock/rationale", "[redacted]");
    first.next = NULL;
    r.t.options.content = FL_BEDROCK_CONTENT_HASH;
    /* printf first | sha256sum */
    assert_text_at(write(&r), "metadata/bedrock/rationale", "sha256:a7937b64b8caa58f (5 bytes)");
    test_run_fini(&r.t);
}

static void a_rationale_without_text_leaves_nothing(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, BEDROCK_INVOKE_MODEL, "{}", NULL);
    bedrock_thought last = {{0}, NULL};
    bedrock_thought second = {FL_S("only"), &last};
    bedrock_thought first = {{0}, &second};
    r.step->thoughts = &last;
    assert_metadata(write(&r), "{'input':{}}");
    r.step->thoughts = &first;
    assert_metadata(write(&r), "{'input':{},'rationale':'only'}");
    test_run_fini(&r.t);
}

static void strings_are_cut_between_characters(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t max;
        const char *expected;
    } rows[] = {
        {"abcdef", 6, "abcdef"},      {"abcdefg", 6, "abcdef…[+1 bytes]"},
        {"aüüü", 4, "aü…[+4 bytes]"}, {"検索検索", 4, "検…[+9 bytes]"},
        {"😀😀", 3, "…[+8 bytes]"},     {"\"\"\"\"", 2, "\"\"…[+2 bytes]"},
        {"abc", 0, "…[+3 bytes]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rig r;
        rig_init(&r, BEDROCK_INVOKE_MODEL, NULL, NULL);
        r.t.options.max_text_bytes = rows[i].max;
        r.step->input = test_object(&r.t, "anything", fl_str_of(rows[i].text));
        test_document *document = write(&r);
        assert_text_at(document, "metadata/bedrock/input/anything", rows[i].expected);
        assert_int_equal(yyjson_is_true(test_annotation(document, "content_truncated")),
                         strcmp(rows[i].text, rows[i].expected) != 0);
        test_run_fini(&r.t);
    }
}

static void full_cuts_nothing(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, BEDROCK_INVOKE_MODEL, NULL, NULL);
    fl_str text = test_repeat(&r.t, "x\n", 20000);
    r.t.options.content = FL_BEDROCK_CONTENT_FULL;
    r.step->input = test_object(&r.t, "text", test_repeat(&r.t, "xy", 20000));
    test_document *document = write(&r);
    assert_int_equal(fl_json_str(test_at(document, "metadata/bedrock/input/text")).n, text.n);
    assert_null(test_annotation(document, "content_truncated"));
    assert_null(test_annotation(document, "size_limited"));
    test_run_fini(&r.t);
}

static void none_leaves_no_text(void **state)
{
    (void)state;
    assert_none(BEDROCK_INVOKE_MODEL,
                "{'rawResponse':{'content':'S'},'reasoningContent':{'reasoningText':{'text':'S',"
                "'signature':'S'},'redactedContent':'S'},'parsedResponse':{'isValid':true,"
                "'rationale':'S','text':'S'},'metadata':{'clientRequestId':'id'},'type':'T'}",
                "{'output':{'rawResponse':{'content':'[redacted]'},'reasoningContent':"
                "{'reasoningText':{'text':'[redacted]','signature':'[redacted]'},"
                "'redactedContent':'[redacted]'},'parsedResponse':{'isValid':true,'rationale':"
                "'[redacted]','text':'[redacted]'},'metadata':{'clientRequestId':'id'},"
                "'type':'T'}}");
    assert_none(BEDROCK_ACTION_GROUP,
                "{'actionGroupInvocationInput':{'actionGroupName':'g','parameters':[{'name':'n',"
                "'type':'string','value':'S'},{'name':'m','value':41111}],'requestBody':{'content':"
                "{'application/json':[{'name':'n','type':'t','value':'S'},'S']}}},"
                "'actionGroupInvocationOutput':{'text':'S'}}",
                "{'output':{'actionGroupInvocationInput':{'actionGroupName':'g','parameters':"
                "[{'name':'n','type':'string','value':'[redacted]'},{'name':'m','value':"
                "'[redacted]'}],'requestBody':{'content':{'application/json':[{'name':'n','type':"
                "'t','value':'[redacted]'},'[redacted]']}}},'actionGroupInvocationOutput':{'text':"
                "'[redacted]'}}}");
    assert_none(BEDROCK_CODE,
                "{'codeInterpreterInvocationOutput':{'executionOutput':'S','executionError':'S',"
                "'executionTimeout':true},'codeInterpreterInvocationInput':{'code':'S'}}",
                "{'output':{'codeInterpreterInvocationOutput':{'executionOutput':'[redacted]',"
                "'executionError':'[redacted]','executionTimeout':true},"
                "'codeInterpreterInvocationInput':{'code':'[redacted]'}}}");
    assert_none(BEDROCK_KNOWLEDGE_BASE,
                "{'knowledgeBaseLookupOutput':{'retrievedReferences':[{'content':{'type':'ROW',"
                "'text':'S','byteContent':'S','row':[{'columnName':'S','columnValue':'S','type':"
                "'LONG'}]},'location':{'type':'SQL','sqlLocation':{'query':'S'},'s3Location':"
                "{'uri':'s3://b/k'}},'metadata':{'author':'S'}}],'metadata':{'clientRequestId':"
                "'id'}}}",
                "{'output':{'knowledgeBaseLookupOutput':{'retrievedReferences':[{'content':{'type':"
                "'ROW','text':'[redacted]','byteContent':'[redacted]','row':[{'columnName':"
                "'[redacted]','columnValue':'[redacted]','type':'LONG'}]},'location':{'type':'SQL',"
                "'sqlLocation':{'query':'[redacted]'},'s3Location':{'uri':'s3://b/k'}},'metadata':"
                "{'author':'[redacted]'}}],'metadata':{'clientRequestId':'id'}}}}");
    assert_none(
        BEDROCK_COLLABORATOR,
        "{'agentCollaboratorInvocationInput':{'agentCollaboratorName':'c','input':{'type':"
        "'TEXT','text':'S','returnControlResults':{'invocationId':'i',"
        "'returnControlInvocationResults':[{'apiResult':{'actionGroup':'g','responseBody':"
        "{'TEXT':{'body':'S'}}}}]}}}}",
        "{'output':{'agentCollaboratorInvocationInput':{'agentCollaboratorName':'c','input':"
        "{'type':'TEXT','text':'[redacted]','returnControlResults':{'invocationId':'i',"
        "'returnControlInvocationResults':[{'apiResult':{'actionGroup':'g','responseBody':"
        "{'TEXT':{'body':'[redacted]'}}}}]}}}}}");
    assert_none(
        BEDROCK_CHECK,
        "{'action':'INTERVENED','inputAssessments':[{'wordPolicy':{'customWords':[{'match':"
        "'S','action':'BLOCKED'}]},'topicPolicy':{'topics':[{'name':'n','type':'DENY'}]},"
        "'sensitiveInformationPolicy':{'regexes':[{'name':'n','regex':'S','match':'S'}]}}]}",
        "{'output':{'action':'INTERVENED','inputAssessments':[{'wordPolicy':{'customWords':"
        "[{'match':'[redacted]','action':'BLOCKED'}]},'topicPolicy':{'topics':[{'name':'n',"
        "'type':'DENY'}]},'sensitiveInformationPolicy':{'regexes':[{'name':'n','regex':"
        "'[redacted]','match':'[redacted]'}]}}]}}");
    assert_none(BEDROCK_CUSTOM, "{'event':{'text':'S','more':['S']}}",
                "{'output':{'event':{'text':'[redacted]','more':['[redacted]']}}}");
    assert_none(BEDROCK_OTHER, "{'new':{'said':'S','n':5}}",
                "{'output':{'new':{'said':'[redacted]','n':'[redacted]'}}}");
    assert_none(BEDROCK_FINAL_RESPONSE, "{'type':'FINISH','finalResponse':{'text':'S'}}",
                "{'output':{'type':'FINISH','finalResponse':{'text':'[redacted]'}}}");
}

static void documents_of_flows_are_hidden_whole(void **state)
{
    (void)state;
    assert_none(BEDROCK_FLOW_NODE,
                "{'nodeName':'n','fields':[{'content':{'document':{'k':'S'}}},{'content':"
                "{'document':'S'}},{'content':{'document':5}}]}",
                "{'output':{'nodeName':'n','fields':[{'content':{'document':'[redacted]'}},"
                "{'content':{'document':'[redacted]'}},{'content':{'document':'[redacted]'}}]}}");
    assert_none(BEDROCK_FLOW_ACTION,
                "{'serviceName':'s','operationRequest':{'modelId':'m'},'operationResponse':['S']}",
                "{'output':{'serviceName':'s','operationRequest':'[redacted]','operationResponse':"
                "'[redacted]'}}");
    /* printf '{"k":"S"}' | sha256sum; printf S | sha256sum */
    assert_policy(
        FL_BEDROCK_CONTENT_HASH, BEDROCK_FLOW_NODE,
        "{'fields':[{'content':{'document':{'k': 'S'}}},{'content':{'document':'S'}}]}",
        "{'output':{'fields':[{'content':{'document':'sha256:7ade6e4ec6acb211 (9 bytes)'}},"
        "{'content':{'document':'sha256:8de0b3c47f112c59 (1 bytes)'}}]}}");
}

static void failures_are_kept_under_none(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, BEDROCK_FAILED, NULL, "{'failureReason':'why','failureCode':400}");
    r.t.options.content = FL_BEDROCK_CONTENT_NONE;
    r.step->segment.failure_reason = r.step->segment.exception_message = FL_S("why");
    r.step->segment.exception_type = FL_S("BedrockAgentFailure");
    test_document *document = write(&r);
    assert_text_at(document, "metadata/bedrock/output/failureReason", "why");
    assert_text_at(document, "cause/exceptions/0/message", "why");
    assert_str(test_annotation_text(document, "failure_reason"), "why");
    test_run_fini(&r.t);
}

/* ---- Redaction */

typedef struct redacting {
    rig r;
    fl_bedrock_redaction *redaction;
} redacting;

static void redacting_init(redacting *x, bedrock_kind kind, const char *output, const char *pattern)
{
    rig_init(&x->r, kind, NULL, output);
    assert_ok(fl_bedrock_redaction_new(&x->redaction, NULL), NULL);
    assert_ok(fl_bedrock_redaction_add(x->redaction, fl_str_of(pattern), NULL), NULL);
    x->r.t.options.redaction = x->redaction;
}

static void redacting_fini(redacting *x)
{
    fl_bedrock_redaction_free(x->redaction);
    test_run_fini(&x->r.t);
}

static void texts_are_redacted_before_they_are_cut_or_hashed(void **state)
{
    (void)state;
    redacting x;
    redacting_init(&x, BEDROCK_INVOKE_MODEL, "{'rawResponse':{'content':'ask a@b.de now'}}",
                   "email");
    x.r.t.options.max_text_bytes = 10;
    assert_text_at(write(&x.r), "metadata/bedrock/output/rawResponse/content",
                   "ask [redac…[+8 bytes]");
    x.r.t.options.content = FL_BEDROCK_CONTENT_HASH;
    /* printf 'ask [redacted] now' | sha256sum */
    assert_text_at(write(&x.r), "metadata/bedrock/output/rawResponse/content",
                   "sha256:ca556c11125e956c (18 bytes)");
    redacting_fini(&x);
}

static void redaction_is_of_texts_everywhere(void **state)
{
    (void)state;
    redacting x;
    redacting_init(&x, BEDROCK_REPROMPT,
                   "{'repromptResponse':{'source':'PARSER a@b.de','text':'mail a@b.de'}}", "email");
    bedrock_thought thought = {FL_S("think a@b.de"), NULL};
    x.r.t.options.texts = FL_BEDROCK_TEXTS_ON;
    x.r.step->thoughts = &thought;
    x.r.step->segment.exception_type = FL_S("BedrockReprompt");
    x.r.step->segment.exception_message = FL_S("cause a@b.de");
    x.r.step->segment.failure_reason = FL_S("reason a@b.de");
    test_document *document = write(&x.r);
    assert_text_at(document, "metadata/bedrock/output/repromptResponse/text", "mail [redacted]");
    assert_text_at(document, "metadata/bedrock/output/repromptResponse/source", "PARSER a@b.de");
    assert_text_at(document, "metadata/bedrock/rationale", "think [redacted]");
    assert_text_at(document, "cause/exceptions/0/message", "cause [redacted]");
    assert_str(test_annotation_text(document, "failure_reason"), "reason [redacted]");
    assert_str(test_annotation_text(document, "output_text"), "mail [redacted]");
    redacting_fini(&x);
}

static void flow_documents_are_redacted_within(void **state)
{
    (void)state;
    redacting x;
    redacting_init(&x, BEDROCK_FLOW_NODE,
                   "{'fields':[{'content':{'document':{'to':['a@b.de']}},'name':'a@b.de'}]}",
                   "email");
    assert_metadata(write(&x.r), "{'output':{'fields':[{'content':{'document':{'to':["
                                 "'[redacted]']}},'name':'a@b.de'}]}}");
    redacting_fini(&x);
}

/* ---- Depth */

static void values_too_deep_are_left_out(void **state)
{
    (void)state;
    char json[2048] = {0};
    memset(json, '[', 600);
    memset(json + 600, ']', 600);
    rig r;
    rig_init(&r, BEDROCK_INVOKE_MODEL, json, NULL);
    test_document *document = write(&r);
    yyjson_val *value = test_at(document, "metadata/bedrock/input");
    int depth = 0;
    for (; yyjson_is_arr(value); value = yyjson_arr_get_first(value)) {
        depth++;
    }
    assert_int_equal(depth, 256);
    assert_true(yyjson_is_null(value));
    assert_true(yyjson_is_true(test_annotation(document, "content_truncated")));
    test_run_fini(&r.t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_unchanged_but_for_trace_id_and_type),
        cmocka_unit_test(a_users_document_keeps_its_types),
        cmocka_unit_test(a_body_may_be_of_any_type),
        cmocka_unit_test(rationales_are_joined_line_by_line),
        cmocka_unit_test(a_rationale_without_text_leaves_nothing),
        cmocka_unit_test(strings_are_cut_between_characters),
        cmocka_unit_test(full_cuts_nothing),
        cmocka_unit_test(none_leaves_no_text),
        cmocka_unit_test(documents_of_flows_are_hidden_whole),
        cmocka_unit_test(failures_are_kept_under_none),
        cmocka_unit_test(texts_are_redacted_before_they_are_cut_or_hashed),
        cmocka_unit_test(redaction_is_of_texts_everywhere),
        cmocka_unit_test(flow_documents_are_redacted_within),
        cmocka_unit_test(values_too_deep_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
