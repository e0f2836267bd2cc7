/* Guardrail traces: verdict and findings (spec §1.8, §3.11, §3.12). */
#include "bedrock/write_int.h"
#include "support/bedrock_run.h"

#define BLOCKED    "'action':'BLOCKED'"
#define ANONYMIZED "'action':'ANONYMIZED'"

static void assert_verdict(const char *json, const char *trace_id, bool intervened, bool blocked,
                           const char *stage)
{
    test_run t;
    test_run_init(&t);
    bedrock_verdict verdict = bedrock_verdict_of(test_json(&t, json), fl_str_of(trace_id));
    assert_int_equal(verdict.intervened, intervened);
    assert_int_equal(verdict.blocked, blocked);
    assert_string_equal(verdict.stage, stage);
    test_run_fini(&t);
}

static void both_spellings_intervene(void **state)
{
    (void)state;
    assert_verdict("{'action':'INTERVENED'}", NULL, true, true, "");
    assert_verdict("{'action':'GUARDRAIL_INTERVENED'}", NULL, true, true, "");
    assert_verdict("{'action':'NONE'}", NULL, false, false, "");
    assert_verdict("{'action':7}", NULL, false, false, "");
    assert_verdict("[]", NULL, false, false, "");
}

static void it_blocks_unless_all_that_is_said_is_something_else(void **state)
{
    (void)state;
    assert_verdict("{'action':'INTERVENED','outputAssessments':[{'sensitiveInformationPolicy':"
                   "{'piiEntities':[{'type':'EMAIL'," ANONYMIZED "}]}}]}",
                   NULL, true, false, "output");
    assert_verdict("{'action':'INTERVENED','inputAssessments':[{'sensitiveInformationPolicy':"
                   "{'piiEntities':[{'type':'EMAIL'," ANONYMIZED
                   "}],'regexes':[{'name':'x'," BLOCKED "}]}}]}",
                   NULL, true, true, "input");
    assert_verdict("{'action':'INTERVENED','inputAssessments':[{'topicPolicy':{'topics':[{}]}}]}",
                   NULL, true, true, "input");
    assert_verdict("{'action':'NONE','inputAssessments':[{'topicPolicy':{'topics':[{" BLOCKED
                   "}]}}]}",
                   NULL, false, false, "input");
}

static void the_trace_id_tells_the_stage_before_the_assessments(void **state)
{
    (void)state;
    const char *output = "{'action':'NONE','outputAssessments':[{}]}";
    assert_verdict(output, "4630811a-0abe-458a-b503-ff0f0d940ea9-guardrail-pre-0", false, false,
                   "input");
    assert_verdict(output, "4630811a-0abe-458a-b503-ff0f0d940ea9-guardrail-post-0", false, false,
                   "output");
    assert_verdict(output, "4630811a-0abe-458a-b503-ff0f0d940ea9-0", false, false, "output");
    assert_verdict("{'inputAssessments':[{}],'outputAssessments':[{'wordPolicy':{}}]}", NULL, false,
                   false, "output");
    assert_verdict("{'inputAssessments':[],'outputAssessments':{}}", NULL, false, false, "");
}

static void assert_findings(test_run *t, yyjson_val *guardrail, const char *expected)
{
    (void)t;
    fl_buf out;
    fl_buf_init(&out, (size_t)1 << 20);
    bedrock_findings(guardrail, &out);
    assert_str(fl_buf_str(&out), expected);
    fl_buf_fini(&out);
}

static void findings_name_kinds_once_and_in_order_and_never_a_match(void **state)
{
    (void)state;
    test_run t;
    test_run_init(&t);
    assert_findings(
        &t,
        test_json(&t,
                  "{'outputAssessments':[{'wordPolicy':{'managedWordLists':[{'match':'M1','type':"
                  "'PROFANITY'}],'customWords':[{'match':'M2'},{'match':'M3'}]}}],"
                  "'inputAssessments':[{'sensitiveInformationPolicy':{'regexes':[{'name':'ticket','"
                  "regex':"
                  "'R','match':'M4'}],'piiEntities':[{'type':'EMAIL','match':'M5'},{'type':'NAME'},"
                  "{'type':'EMAIL'}]},'contentPolicy':{'filters':[{'type':'HATE'},{'confidence':'"
                  "LOW'}]}},"
                  "{'topicPolicy':{'topics':[{'name':'tax','type':'DENY'},{'name':5}]},"
                  "'contentPolicy':{'filters':[{'type':'HATE'},{'type':'HAT'}]}}]}"),
        "content:HATE,pii:EMAIL,pii:NAME,regex:ticket,content:HAT,topic:tax,word:custom,"
        "word:PROFANITY");
    assert_findings(&t,
                    test_json(&t, "{'inputAssessments':{},'outputAssessments':[7,[],{'topicPolicy':"
                                  "[]},{'topicPolicy':{'topics':{'name':'x'}}}]}"),
                    "");
    assert_findings(&t, NULL, "");
    test_run_fini(&t);
}

static void findings_of_any_number_stay_bounded(void **state)
{
    (void)state;
    test_run t;
    fl_buf json, out;
    test_run_init(&t);
    fl_buf_init(&json, (size_t)1 << 20);
    fl_buf_init(&out, (size_t)1 << 20);
    fl_buf_add_str(&json, FL_S("{\"inputAssessments\":[{\"topicPolicy\":{\"topics\":[{}"));
    for (uint64_t i = 0; i < 5000; i++) {
        fl_buf_add_str(&json, FL_S(",{\"name\":\"topic "));
        fl_buf_add_u64(&json, i);
        fl_buf_add_str(&json, FL_S("\"}"));
    }
    fl_buf_add_str(&json, FL_S("]}}]}"));
    fl_buf_add_byte(&json, '\0');
    bedrock_findings(test_json(&t, json.p), &out);
    assert_true(out.n > 4096 && out.n < 4200);
    fl_buf_fini(&json);
    fl_buf_fini(&out);
    test_run_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_spellings_intervene),
        cmocka_unit_test(it_blocks_unless_all_that_is_said_is_something_else),
        cmocka_unit_test(the_trace_id_tells_the_stage_before_the_assessments),
        cmocka_unit_test(findings_name_kinds_once_and_in_order_and_never_a_match),
        cmocka_unit_test(findings_of_any_number_stay_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
