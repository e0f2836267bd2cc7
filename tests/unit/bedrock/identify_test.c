/* Ids (spec §3.14, §7). */
#include "support/bedrock_run.h"

static void assert_trace_id(const test_run *t, const char *expected)
{
    fl_buf text;
    fl_buf_init(&text, 64);
    fl_trace_id_emit(t->run.trace_id, &text);
    assert_str(fl_buf_str(&text), expected);
    fl_buf_fini(&text);
}

static bedrock_step *one_step(test_run *t, fl_bedrock_mode mode)
{
    test_run_init(t);
    t->options.mode = mode;
    return test_step(t, test_scope(t, "YAWKLCIFTT"), BEDROCK_INVOKE_MODEL, NULL, NULL);
}

static void the_vectors_of_the_spec(void **state)
{
    (void)state;
    test_run t;
    bedrock_step *step = one_step(&t, FL_BEDROCK_CHAIN);
    test_run_settle(&t);
    assert_trace_id(&t, "1-67b64b00-cbff24234170ae4c5c5bceed");
    assert_int_equal(step->segment.id, UINT64_C(0xb0207a2d116befd2));
    test_run_fini(&t);
    step = one_step(&t, FL_BEDROCK_TREE);
    test_run_settle(&t);
    assert_trace_id(&t, "1-67b64b00-5ab6515a06fd1c3264f05980");
    assert_int_equal(step->segment.id, UINT64_C(0x392b0a16d099defd));
    assert_int_equal(t.scopes[0]->segment.id, UINT64_C(0x3efbb1f20e6f24cd));
    test_run_fini(&t);
}

static void the_ids_of_the_worked_example(void **state)
{
    (void)state;
    static const struct {
        uint32_t event_index;
        uint64_t chain, tree;
    } rows[] = {
        {3, UINT64_C(0x4f57af157e5c2e58), 0},
        {4, UINT64_C(0x5a1172431997310c), UINT64_C(0x8bf7e8a9ceeb7417)},
        {9, UINT64_C(0xff778c3e9fd5b8a0), UINT64_C(0x9c6bba7503ffa8b5)},
        {20, UINT64_C(0x5eb6d487a47a31fd), 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        test_run t;
        bedrock_step *step = one_step(&t, FL_BEDROCK_CHAIN);
        step->segment.event_index = rows[i].event_index;
        test_run_settle(&t);
        assert_int_equal(step->segment.id, rows[i].chain);
        t.options.mode = FL_BEDROCK_TREE;
        test_run_settle(&t);
        assert_true(rows[i].tree == 0 || step->segment.id == rows[i].tree);
        test_run_fini(&t);
    }
    test_run t;
    (void)one_step(&t, FL_BEDROCK_TREE);
    bedrock_scope *worker = test_scope(&t, "QX7TN4WJ2C");
    test_run_settle(&t);
    assert_int_equal(worker->segment.id, UINT64_C(0x9692ae15b6ec4c8d));
    test_run_fini(&t);
}

/* SHA-256 of the lines, its first 16 digits: printf 'fluoro-bedrock-seg\ntree\n…\nflow' */
static void a_flow_and_an_exception_have_tokens_of_their_own(void **state)
{
    (void)state;
    test_run t;
    bedrock_step *step = one_step(&t, FL_BEDROCK_TREE);
    t.scopes[0]->is_flow = true;
    t.scopes[0]->segment.kind = BEDROCK_FLOW;
    step->segment.exception_type = FL_S("throttlingException");
    test_run_settle(&t);
    assert_int_equal(t.scopes[0]->segment.id, UINT64_C(0x1f85fcbfa12ddacd));
    assert_int_equal(step->segment.exception_id, UINT64_C(0x02ebfab38d3d0cea));
    assert_int_equal(t.scopes[0]->segment.exception_id, 0);
    test_run_fini(&t);
}

static void a_content_id_is_of_the_segments_token_path_and_part(void **state)
{
    (void)state;
    test_run t;
    bedrock_step *step = one_step(&t, FL_BEDROCK_TREE);
    test_run_settle(&t);
    assert_int_equal(bedrock_content_id(&t.run, &t.options, &step->segment, FL_S("input.text"), 2),
                     UINT64_C(0xcc4cdd1090faf4ba));
    fl_str one = test_repeat(&t, "a", 5000);
    fl_str other = test_repeat(&t, "a", 5001);
    assert_int_not_equal(bedrock_content_id(&t.run, &t.options, &step->segment, one, 1),
                         bedrock_content_id(&t.run, &t.options, &step->segment, other, 1));
    test_run_fini(&t);
}

static void the_epoch_is_the_first_time_in_whole_seconds(void **state)
{
    (void)state;
    test_run t;
    (void)one_step(&t, FL_BEDROCK_CHAIN);
    t.run.first_time_ns = INT64_C(1754882497396774000);
    test_run_settle(&t);
    assert_trace_id(&t, "1-689961c1-cbff24234170ae4c5c5bceed");
    t.run.first_time_ns = FL_TIME_NONE;
    test_run_settle(&t);
    assert_trace_id(&t, "1-67b64b00-cbff24234170ae4c5c5bceed");
    t.run.first_time_ns = INT64_C(1754882497396774000);
    t.options.clock = FL_BEDROCK_CLOCK_SYNTHETIC;
    test_run_settle(&t);
    assert_trace_id(&t, "1-67b64b00-cbff24234170ae4c5c5bceed");
    test_run_fini(&t);
}

static void a_given_trace_id_leaves_segment_ids_as_they_are(void **state)
{
    (void)state;
    test_run t;
    bedrock_step *step = one_step(&t, FL_BEDROCK_CHAIN);
    t.options.trace_id = (fl_trace_id){1, 2};
    test_run_settle(&t);
    assert_true(fl_trace_id_eq(t.run.trace_id, t.options.trace_id));
    assert_int_equal(step->segment.id, UINT64_C(0xb0207a2d116befd2));
    test_run_fini(&t);
}

static void assert_key(const test_run *t, const char *expected)
{
    fl_buf key;
    fl_buf_init(&key, 4096);
    bedrock_run_key(&t->run, &t->options, &key);
    assert_str(fl_buf_str(&key), expected);
    fl_buf_fini(&key);
}

static void the_run_key_is_the_invocation_or_what_the_first_event_tells(void **state)
{
    (void)state;
    static const fl_str path[] = {FL_S("arn:x"), FL_S("arn:y")};
    test_run t;
    (void)one_step(&t, FL_BEDROCK_CHAIN);
    bedrock_scope *root = t.scopes[0];
    assert_key(&t, "s:|||-");
    root->first_session_id = FL_S("sess-1");
    root->path = (bedrock_path){path, 2, 0};
    root->first_trace_id = FL_S("odd");
    root->first_event_ns = INT64_C(1754882497396774000);
    assert_key(&t, "s:sess-1|arn:x|odd|1754882497396774");
    root->invocation_id = FL_S(TEST_RUN_KEY);
    assert_key(&t, TEST_RUN_KEY);
    test_run_fini(&t);
}

static void the_run_key_of_a_flow_is_its_execution_or_its_beginning(void **state)
{
    (void)state;
    test_run t;
    (void)one_step(&t, FL_BEDROCK_CHAIN);
    bedrock_scope *root = t.scopes[0];
    root->is_flow = true;
    root->label = FL_S("flow");
    root->first_node_name = FL_S("Start");
    assert_key(&t, "f:flow|-|Start");
    root->first_event_ns = INT64_C(5000);
    assert_key(&t, "f:flow|5|Start");
    root->execution_id = FL_S("exec-1");
    assert_key(&t, "x:exec-1");
    t.options.execution_id = FL_S("given");
    assert_key(&t, "x:given");
    test_run_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_the_spec),
        cmocka_unit_test(the_ids_of_the_worked_example),
        cmocka_unit_test(a_flow_and_an_exception_have_tokens_of_their_own),
        cmocka_unit_test(a_content_id_is_of_the_segments_token_path_and_part),
        cmocka_unit_test(the_epoch_is_the_first_time_in_whole_seconds),
        cmocka_unit_test(a_given_trace_id_leaves_segment_ids_as_they_are),
        cmocka_unit_test(the_run_key_is_the_invocation_or_what_the_first_event_tells),
        cmocka_unit_test(the_run_key_of_a_flow_is_its_execution_or_its_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
