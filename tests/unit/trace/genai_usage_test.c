/* The usage report: what counts, where it counts, and latencies (spec bedrock.md §4.3, §4.5). */
#include <stdio.h>

#include "trace_records.h"

#define SEGMENT(id, more)                                                                          \
    "{'trace_id':'" RECORDS_TRACE_ID "','id':'" id                                                 \
    "','name':'n','start_time':1738650304,'end_time':1738650304.5" more "}"
#define NOTES(notes) ",'annotations':{" notes "}"
#define CHILD        ",'parent_id':'0000000000000001'"

typedef struct report {
    fl_genai_row *rows, sum;
    size_t count;
} report;

static fl_genai_usage *usage_new(records *r, fl_genai_group_by by, uint32_t max_groups)
{
    fl_genai_usage *usage;
    fl_err err = {0};
    assert_ok(fl_genai_usage_new(&r->arena, by, max_groups, &usage, &err), &err);
    return usage;
}

static void add(records *r, fl_genai_usage *usage)
{
    fl_err err = {0};
    records_assemble(r);
    assert_ok(fl_genai_usage_add(usage, r->trace, &err), &err);
}

static report rows_of(records *r, const fl_genai_usage *usage)
{
    report out;
    fl_err err = {0};
    assert_ok(fl_genai_usage_rows(usage, &r->arena, &out.rows, &out.count, &out.sum, &err), &err);
    return out;
}

/* The report on the records as one trace. */
static report report_on(records *r, fl_genai_group_by by)
{
    fl_genai_usage *usage = usage_new(r, by, 100);
    add(r, usage);
    return rows_of(r, usage);
}

static void assert_near(double actual, double expected)
{
    double off = actual > expected ? actual - expected : expected - actual;
    if (off > expected * 0.02) {
        fail_msg("%f is not %f", actual, expected);
    }
}

static void nothing_gives_no_row_and_an_empty_sum(void **state)
{
    (void)state;
    records r;
    records_init(&r);
    for (int by = 0; by < FL_GENAI_GROUPS; by++) {
        fl_genai_usage *usage = usage_new(&r, (fl_genai_group_by)by, 10);
        report out = rows_of(&r, usage);
        assert_int_equal(out.count, 0);
        assert_int_equal(out.sum.calls, 0);
        assert_true(out.sum.p99_ms == 0);
    }
    records_add(&r, SEGMENT("0000000000000001", ""));
    records_add(&r, SEGMENT("0000000000000002", CHILD NOTES("'plan':'x'")));
    assert_int_equal(report_on(&r, FL_GENAI_BY_MODEL).count, 0);
    records_fini(&r);
}

static void names_of_groups_are_read_and_written(void **state)
{
    (void)state;
    static const char *const names[] = {"model",  "provider", "agent_id",     "tool_name",
                                        "tenant", "route",    "experiment_id"};
    fl_genai_group_by by;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_true(fl_genai_group_parse(fl_str_of(names[i]), &by));
        assert_string_equal(fl_genai_group_name(by), names[i]);
    }
    assert_int_equal(FL_GENAI_GROUPS, sizeof names / sizeof names[0]);
    assert_false(fl_genai_group_parse(FL_S("Model"), &by));
    assert_false(fl_genai_group_parse((fl_str){0}, &by));
}

static void every_number_of_a_call_is_summed(void **state)
{
    (void)state;
    records r;
    records_init(&r);
    records_add(&r, SEGMENT("0000000000000001", ""));
    records_add(&r, SEGMENT("0000000000000002", CHILD
                            ",'fault':true" NOTES("'model':'a.m','prompt_tokens':1000,"
                                                  "'completion_tokens':20,'cost_usd':0.000539,"
                                                  "'retry_count':2,'timeout':true")));
    records_add(&r, SEGMENT("0000000000000003",
                            CHILD ",'throttle':true" NOTES("'model':'a.m','prompt_tokens':1.0e3")));
    records_add(&r, SEGMENT("0000000000000004", CHILD NOTES("'model':'a.m','genai_kind':'llm',"
                                                            "'timeout':false,'cost_usd':1.5")));
    report out = report_on(&r, FL_GENAI_BY_MODEL);
    assert_int_equal(out.count, 1);
    const fl_genai_row *row = &out.rows[0];
    assert_str(row->value, "a.m");
    assert_int_equal(row->calls, 3);
    assert_int_equal(row->faults, 1);
    assert_int_equal(row->errors, 1); /* throttle implies error */
    assert_int_equal(row->throttles, 1);
    assert_int_equal(row->timeouts, 1);
    assert_int_equal(row->retries, 2);
    assert_int_equal(row->prompt_tokens, 2000);
    assert_int_equal(row->completion_tokens, 20);
    assert_int_equal(row->cost_nano, 1500539000);
    assert_int_equal(row->unpriced, 1); /* the call without tokens is none */
    assert_near(row->p50_ms, 500);
    assert_int_equal(out.sum.calls, 3);
    assert_int_equal(out.sum.cost_nano, 1500539000);
    assert_null(out.sum.value.p);
    records_fini(&r);
}

static void totals_of_a_subtree_never_count(void **state)
{
    (void)state;
    records r;
    records_init(&r);
    records_add(&r, SEGMENT("0000000000000001",
                            NOTES("'genai_kind':'agent','model':'a.m','agent_id':'A',"
                                  "'total_prompt_tokens':300,'total_completion_tokens':30,"
                                  "'total_cost_usd':9")));
    records_add(&r, SEGMENT("0000000000000002", CHILD NOTES("'agent_id':'A','prompt_tokens':100")));
    records_add(&r,
                SEGMENT("0000000000000003", CHILD NOTES("'agent_id':'A','prompt_tokens':200,"
                                                        "'completion_tokens':30,'cost_usd':0.25")));
    report out = report_on(&r, FL_GENAI_BY_AGENT_ID);
    assert_int_equal(out.count, 1);
    assert_int_equal(out.rows[0].calls, 2);
    assert_int_equal(out.rows[0].prompt_tokens, 300);
    assert_int_equal(out.rows[0].completion_tokens, 30);
    assert_int_equal(out.rows[0].cost_nano, 250000000);
    records_fini(&r);
}

/* Also where the calls are subsegments, at any depth. */
static void tenant_route_and_experiment_are_the_roots(void **state)
{
    (void)state;
    static const struct {
        fl_genai_group_by by;
        const char *value;
    } rows[] = {{FL_GENAI_BY_TENANT, "acme"},
                {FL_GENAI_BY_ROUTE, "/orders/{id}"},
                {FL_GENAI_BY_EXPERIMENT_ID, "42"}};
    records r;
    records_init(&r);
    records_add(&r, SEGMENT("0000000000000001",
                            NOTES("'tenant':'acme','route':'/orders/"
                                  "77','experiment_id':42") ",'subsegments':[{'id':'"
                                                            "0000000000000005','name':'"
                                                            "s',"
                                                            "'start_time':1738650304,'"
                                                            "end_time':1738650305,'"
                                                            "subsegments':[{"
                                                            "'id':'0000000000000006','"
                                                            "name':'t','start_time':"
                                                            "1738650304,"
                                                            "'end_time':1738650305,'"
                                                            "annotations':{'prompt_"
                                                            "tokens':5}}]}]"));
    records_add(&r, SEGMENT("0000000000000002",
                            CHILD NOTES("'tenant':'other','route':'/x','experiment_id':'e',"
                                        "'prompt_tokens':7")));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        report out = report_on(&r, rows[i].by);
        assert_int_equal(out.count, 1);
        assert_str(out.rows[0].value, rows[i].value);
        assert_int_equal(out.rows[0].prompt_tokens, 12);
    }
    records_fini(&r);
}

static void a_root_without_the_key_leaves_its_calls_without_value(void **state)
{
    (void)state;
    records r;
    records_init(&r);
    records_add(&r, SEGMENT("0000000000000001", NOTES("'tenant':''")));
    records_add(&r, SEGMENT("0000000000000002", CHILD NOTES("'tenant':'child','prompt_tokens':7")));
    report out = report_on(&r, FL_GENAI_BY_TENANT);
    assert_int_equal(out.count, 1);
    assert_null(out.rows[0].value.p);
    assert_int_equal(out.rows[0].prompt_tokens, 7);
    records_fini(&r);
}

static void a_report_by_tool_is_of_tool_calls_with_their_own_latency(void **state)
{
    (void)state;
    records r;
    records_init(&r);
    records_add(&r, SEGMENT("0000000000000001", ""));
    records_add(&r, SEGMENT("0000000000000002",
                            CHILD ",'error':true" NOTES("'tool_name':'search','genai_kind':'tool',"
                                                        "'tool_latency_ms':120.5,'timeout':true")));
    records_add(&r, SEGMENT("0000000000000003", CHILD NOTES("'tool_name':'search'")));
    records_add(&r, SEGMENT("0000000000000004", CHILD NOTES("'model':'a.m','prompt_tokens':9")));
    report out = report_on(&r, FL_GENAI_BY_TOOL_NAME);
    assert_int_equal(out.count, 1);
    assert_str(out.rows[0].value, "search");
    assert_int_equal(out.rows[0].calls, 2);
    assert_int_equal(out.rows[0].errors, 1);
    assert_int_equal(out.rows[0].timeouts, 1);
    assert_int_equal(out.rows[0].prompt_tokens, 0);
    assert_near(out.rows[0].p50_ms, 120.5);
    assert_near(out.rows[0].p95_ms, 500); /* the other one tells no latency: its length */
    assert_int_equal(report_on(&r, FL_GENAI_BY_MODEL).sum.calls, 1);
    records_fini(&r);
}

static void models_are_normalised_and_tell_their_provider(void **state)
{
    (void)state;
    records r;
    records_init(&r);
    records_add(&r, SEGMENT("0000000000000001", ""));
    records_add(&r, SEGMENT("0000000000000002",
                            CHILD NOTES("'model':'arn:aws:bedrock:us-west-2::foundation-model/"
                                        "meta.llama3','prompt_tokens':1")));
    records_add(
        &r, SEGMENT("0000000000000003", CHILD NOTES("'model':'meta.llama3','prompt_tokens':1")));
    records_add(&r, SEGMENT("0000000000000004", CHILD NOTES("'model':'meta.llama3',"
                                                            "'provider':'mine',"
                                                            "'prompt_tokens':1")));
    report out = report_on(&r, FL_GENAI_BY_MODEL);
    assert_int_equal(out.count, 1);
    assert_str(out.rows[0].value, "meta.llama3");
    out = report_on(&r, FL_GENAI_BY_PROVIDER);
    assert_int_equal(out.count, 2);
    assert_str(out.rows[0].value, "meta");
    assert_int_equal(out.rows[0].calls, 2);
    assert_str(out.rows[1].value, "mine");
    records_fini(&r);
}

static void values_beyond_the_limit_are_summed_as_other(void **state)
{
    (void)state;
    records r;
    records_init(&r);
    fl_genai_usage *usage = usage_new(&r, FL_GENAI_BY_MODEL, 2);
    for (int i = 0; i < 10; i++) {
        char text[400];
        snprintf(text, sizeof text,
                 SEGMENT("%016x", ",'parent_id':'00000000000000ff'" NOTES(
                                      "'model':'m%d','prompt_tokens':%d")),
                 i + 1, i % 5, 10 - i % 5);
        records_add(&r, text);
    }
    add(&r, usage);
    report out = rows_of(&r, usage);
    assert_int_equal(out.count, 3);
    assert_str(out.rows[0].value, FL_GENAI_OTHER); /* 8 + 7 + 6, twice */
    assert_int_equal(out.rows[0].prompt_tokens, 42);
    assert_int_equal(out.rows[0].calls, 6);
    assert_str(out.rows[1].value, "m0");
    assert_int_equal(out.rows[1].calls, 2);
    assert_str(out.rows[2].value, "m1");
    assert_int_equal(out.sum.prompt_tokens, 80);
    usage = usage_new(&r, FL_GENAI_BY_MODEL, 0);
    add(&r, usage);
    out = rows_of(&r, usage);
    assert_int_equal(out.count, 1);
    assert_str(out.rows[0].value, FL_GENAI_OTHER);
    records_fini(&r);
}

static void rows_come_by_cost_then_tokens_then_calls_then_value(void **state)
{
    (void)state;
    static const char *const order[] = {"dear", "talky", "often", "a", "b"};
    records r;
    records_init(&r);
    records_add(&r, SEGMENT("0000000000000001", NOTES("'model':'b','prompt_tokens':1")));
    records_add(&r, SEGMENT("0000000000000002", NOTES("'model':'often','prompt_tokens':1")));
    records_add(&r, SEGMENT("0000000000000003", NOTES("'model':'often','prompt_tokens':0")));
    records_add(&r, SEGMENT("0000000000000004", NOTES("'model':'talky','completion_tokens':50")));
    records_add(&r, SEGMENT("0000000000000005",
                            NOTES("'model':'dear','prompt_tokens':1,'cost_usd':0.000000001")));
    records_add(&r, SEGMENT("0000000000000006", NOTES("'model':'a','prompt_tokens':1")));
    report out = report_on(&r, FL_GENAI_BY_MODEL);
    assert_int_equal(out.count, sizeof order / sizeof order[0]);
    for (size_t i = 0; i < out.count; i++) {
        assert_str(out.rows[i].value, order[i]);
    }
    records_fini(&r);
}

static void what_is_no_count_is_absent(void **state)
{
    (void)state;
    records r;
    records_init(&r);
    records_add(&r, SEGMENT("0000000000000001",
                            NOTES("'model':'m','prompt_tokens':-5,'completion_tokens':'7',"
                                  "'cost_usd':-1,'retry_count':1.5,'timeout':'true'")));
    records_add(&r, SEGMENT("0000000000000002", NOTES("'prompt_tokens':2.5")));
    report out = report_on(&r, FL_GENAI_BY_MODEL);
    assert_int_equal(out.count, 1); /* the second is no call at all */
    assert_int_equal(out.rows[0].calls, 1);
    assert_int_equal(out.rows[0].prompt_tokens, 0);
    assert_int_equal(out.rows[0].completion_tokens, 0);
    assert_int_equal(out.rows[0].cost_nano, 0);
    assert_int_equal(out.rows[0].retries, 0);
    assert_int_equal(out.rows[0].timeouts, 0);
    assert_int_equal(out.rows[0].unpriced, 0);
    records_fini(&r);
}

static void sums_stay_at_their_maximum(void **state)
{
    (void)state;
    records r;
    records_init(&r);
    for (int i = 1; i <= 3; i++) {
        char text[400];
        snprintf(text, sizeof text,
                 SEGMENT("%016x", NOTES("'model':'m','prompt_tokens':9223372036854775807,"
                                        "'cost_usd':9000000000")),
                 i);
        records_add(&r, text);
    }
    report out = report_on(&r, FL_GENAI_BY_MODEL);
    assert_true(out.rows[0].prompt_tokens == UINT64_MAX);
    assert_true(out.rows[0].cost_nano == INT64_MAX);
    records_fini(&r);
}

static void an_unfinished_call_counts_without_latency(void **state)
{
    (void)state;
    records r;
    records_init(&r);
    records_add(&r, "{'trace_id':'" RECORDS_TRACE_ID "','id':'0000000000000001','name':'n',"
                    "'start_time':1738650304,'in_progress':true,"
                    "'annotations':{'model':'m','genai_kind':'llm'}}");
    report out = report_on(&r, FL_GENAI_BY_MODEL);
    assert_int_equal(out.rows[0].calls, 1);
    assert_true(out.rows[0].p99_ms == 0);
    records_fini(&r);
}

static void a_long_value_is_cut_between_characters(void **state)
{
    (void)state;
    records r;
    records_init(&r);
    fl_buf text;
    fl_buf_init(&text, 8192);
    fl_buf_add_str(&text, FL_S("{'trace_id':'" RECORDS_TRACE_ID "','id':'0000000000000001',"
                               "'name':'n','start_time':1738650304,'end_time':1738650305,"
                               "'annotations':{'prompt_tokens':1,'model':'x"));
    for (int i = 0; i < 500; i++) {
        fl_buf_add_str(&text, FL_S("é"));
    }
    fl_buf_add_str(&text, FL_S("'}}"));
    fl_buf_add_byte(&text, '\0');
    records_add(&r, text.p);
    fl_buf_fini(&text);
    report out = report_on(&r, FL_GENAI_BY_MODEL);
    assert_int_equal(out.rows[0].value.n, FL_GENAI_VALUE_MAX - 1);
    assert_true(fl_utf8_valid(out.rows[0].value));
    records_fini(&r);
}

/* Nearest rank over lengths 1 ms … 1000 ms, every length once, and beyond the last octave. */
static void percentiles_are_within_two_percent(void **state)
{
    (void)state;
    records r;
    records_init(&r);
    fl_genai_usage *usage = usage_new(&r, FL_GENAI_BY_MODEL, 10);
    for (int i = 1; i <= 1000; i++) {
        char text[400];
        snprintf(text, sizeof text,
                 "{'trace_id':'" RECORDS_TRACE_ID "','id':'%016x','name':'n','start_time':"
                 "1738650304,'end_time':%d.%03d,'annotations':{'model':'m'}}",
                 i, 1738650304 + i / 1000, i % 1000);
        r.count = 0;
        records_add(&r, text);
        add(&r, usage);
    }
    report out = rows_of(&r, usage);
    assert_int_equal(out.rows[0].calls, 1000);
    assert_near(out.rows[0].p50_ms, 500);
    assert_near(out.rows[0].p95_ms, 950);
    assert_near(out.rows[0].p99_ms, 990);
    r.count = 0;
    records_add(&r, "{'trace_id':'" RECORDS_TRACE_ID "','id':'0000000000000001','name':'n',"
                    "'start_time':1,'end_time':1738650305,'annotations':{'tool_name':'t'}}");
    records_add(&r, "{'trace_id':'" RECORDS_TRACE_ID "','id':'0000000000000002','name':'n',"
                    "'start_time':1,'end_time':2,'annotations':{'tool_name':'t',"
                    "'tool_latency_ms':0.017}}");
    out = report_on(&r, FL_GENAI_BY_TOOL_NAME);
    assert_true(out.rows[0].p50_ms == 0.017);
    assert_true(out.rows[0].p99_ms > 2e9); /* the last part: 25 days in ms */
    records_fini(&r);
}

static void want_of_memory_is_told(void **state)
{
    (void)state;
    records r;
    records_init(&r);
    records_add(&r, SEGMENT("0000000000000001", NOTES("'tenant':'t'")));
    records_add(&r, SEGMENT("0000000000000002", CHILD NOTES("'model':'m','prompt_tokens':1")));
    records_assemble(&r);
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        fl_arena arena;
        fl_genai_usage *usage;
        report out;
        fl_err err = {0};
        fl_arena_init(&arena, 1 << 20);
        arena.fail_at = n;
        failed = fl_genai_usage_new(&arena, FL_GENAI_BY_TENANT, 10, &usage, &err) != FL_OK ||
                 fl_genai_usage_add(usage, r.trace, &err) != FL_OK ||
                 fl_genai_usage_rows(usage, &arena, &out.rows, &out.count, &out.sum, &err) != FL_OK;
        assert_int_equal(err.status, failed ? FL_E_NOMEM : FL_OK);
        assert_true(failed || n > 6);
        fl_arena_fini(&arena);
    }
    records_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_gives_no_row_and_an_empty_sum),
        cmocka_unit_test(names_of_groups_are_read_and_written),
        cmocka_unit_test(every_number_of_a_call_is_summed),
        cmocka_unit_test(totals_of_a_subtree_never_count),
        cmocka_unit_test(tenant_route_and_experiment_are_the_roots),
        cmocka_unit_test(a_root_without_the_key_leaves_its_calls_without_value),
        cmocka_unit_test(a_report_by_tool_is_of_tool_calls_with_their_own_latency),
        cmocka_unit_test(models_are_normalised_and_tell_their_provider),
        cmocka_unit_test(values_beyond_the_limit_are_summed_as_other),
        cmocka_unit_test(rows_come_by_cost_then_tokens_then_calls_then_value),
        cmocka_unit_test(what_is_no_count_is_absent),
        cmocka_unit_test(sums_stay_at_their_maximum),
        cmocka_unit_test(an_unfinished_call_counts_without_latency),
        cmocka_unit_test(a_long_value_is_cut_between_characters),
        cmocka_unit_test(percentiles_are_within_two_percent),
        cmocka_unit_test(want_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
