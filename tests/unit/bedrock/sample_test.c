/* Sampling on import (spec §3.19). */
#include "support/bedrock_run.h"

typedef struct rig {
    test_run t;
    bedrock_step *step;
} rig;

/* A run of one step that nothing keeps. */
static void rig_init(rig *r)
{
    test_run_init(&r->t);
    r->step = test_step(&r->t, test_scope(&r->t, "A"), BEDROCK_INVOKE_MODEL, NULL, NULL);
    test_run_settle(&r->t);
    r->t.options.sample = 0;
    r->t.options.keep = (fl_bedrock_keep){0};
}

static bool is_kept(const rig *r)
{
    return bedrock_is_kept(&r->t.run, &r->t.options);
}

static void the_last_digits_of_the_id_decide(void **state)
{
    (void)state;
    rig r;
    rig_init(&r);
    r.t.run.trace_id = (fl_trace_id){UINT64_MAX, UINT64_C(0x4000000000000000)};
    assert_false(is_kept(&r));
    r.t.options.sample = 0.25;
    assert_false(is_kept(&r));
    r.t.options.sample = 0.2500001;
    assert_true(is_kept(&r));
    r.t.run.trace_id.lo = UINT64_MAX;
    r.t.options.sample = 0.999999999;
    assert_false(is_kept(&r));
    r.t.options.sample = 1;
    assert_true(is_kept(&r));
    r.t.run.trace_id.lo = 0;
    r.t.options.sample = 1e-30;
    assert_false(is_kept(&r));
    r.t.options.sample = 1e-19;
    assert_true(is_kept(&r));
    r.t.options.sample = -1;
    assert_false(is_kept(&r));
    test_run_fini(&r.t);
}

static void each_reason_keeps_what_it_names(void **state)
{
    (void)state;
    rig r;
    rig_init(&r);
    bedrock_segment *segment = &r.step->segment;
    bool *const told[] = {&segment->fault,      &segment->error,
                          &segment->throttle,   &segment->timeout,
                          &segment->incomplete, &r.t.scopes[0]->guardrail_intervened};
    fl_bedrock_keep *keep = &r.t.options.keep;
    bool *const wanted[] = {&keep->fault,   &keep->error,      &keep->throttle,
                            &keep->timeout, &keep->incomplete, &keep->guardrail};
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        for (size_t j = 0; j < sizeof wanted / sizeof wanted[0]; j++) {
            *told[i] = *wanted[j] = true;
            assert_int_equal(is_kept(&r), i == j);
            *told[i] = *wanted[j] = false;
        }
    }
    test_run_fini(&r.t);
}

static void slow_and_costly_runs_are_kept_from_the_limit_on(void **state)
{
    (void)state;
    rig r;
    rig_init(&r);
    r.t.run.end_ns = r.t.run.start_ns + 5 * FL_NS_PER_S;
    r.t.options.keep.slow_ns = 5 * FL_NS_PER_S + 1;
    assert_false(is_kept(&r));
    r.t.options.keep.slow_ns = 5 * FL_NS_PER_S;
    assert_true(is_kept(&r));
    r.t.options.keep.slow_ns = 0;
    assert_false(is_kept(&r));
    r.step->metadata.prompt_tokens = 600;
    r.step->metadata.completion_tokens = 400;
    test_run_settle(&r.t);
    r.t.options.keep.tokens = 1001;
    assert_false(is_kept(&r));
    r.t.options.keep.tokens = 1000;
    assert_true(is_kept(&r));
    test_run_fini(&r.t);
}

static void by_default_all_are_kept_and_failures_in_any_case(void **state)
{
    (void)state;
    fl_bedrock_options options = fl_bedrock_options_default(5000);
    assert_true(options.sample == 1);
    assert_true(options.keep.fault && options.keep.error && options.keep.throttle &&
                options.keep.timeout);
    assert_false(options.keep.incomplete || options.keep.guardrail);
    assert_int_equal(options.keep.slow_ns, 0);
    assert_int_equal(options.keep.tokens, 0);
    assert_int_equal(options.now_ns, 5000);
    assert_int_equal(options.max_annotations, 50);
    assert_int_equal(options.max_text_bytes, 4096);
    assert_int_equal(options.mode, FL_BEDROCK_TREE);
    assert_int_equal(options.content, FL_BEDROCK_CONTENT_TRUNCATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_digits_of_the_id_decide),
        cmocka_unit_test(each_reason_keeps_what_it_names),
        cmocka_unit_test(slow_and_costly_runs_are_kept_from_the_limit_on),
        cmocka_unit_test(by_default_all_are_kept_and_failures_in_any_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
