/* Adoption of the segments of called functions (spec §3.18). */
#include <stdlib.h>

#include "bedrock/adopt.h"
#include "support/bedrock_run.h"

#define CALLER "1f2e3d4c5b6a7988"
#define T_S    INT64_C(1762339921)

typedef struct rig {
    fl_arena arena;
    const fl_segment *segments[16];
    size_t count;
    fl_bedrock_adoption *adoptions;
    size_t adopted;
} rig;

static void rig_init(rig *r)
{
    *r = (rig){0};
    fl_arena_init(&r->arena, (size_t)16 << 20);
}

/* One document, or several in lines. */
static void add_documents(rig *r, fl_str text)
{
    fl_limits limits = fl_limits_of(FL_PROFILE_OPEN, 0);
    while (text.p != NULL) {
        fl_decoded decoded;
        fl_str line = fl_str_cut(&text, '\n');
        if (line.n == 0) {
            continue;
        }
        assert_ok(fl_segment_decode(&r->arena, line, &limits, T_S * FL_NS_PER_S, &decoded, NULL),
                  NULL);
        assert_int_equal(decoded.segment_count, 1);
        r->segments[r->count++] = decoded.segments;
    }
}

/* A segment that begins `start` seconds after T_S, with annotations written with '. */
static void add(rig *r, const char *id, const char *parent, const char *start,
                const char *annotations)
{
    char text[1024];
    snprintf(text, sizeof text,
             "{'name':'fn','id':'%s','trace_id':'1-690b2c80-5d1f0e3a7b9c4d2e8f6a1b0c','parent_id':"
             "'%s','start_time':17623399%s,'end_time':1762339990,'annotations':{%s}}",
             id, parent, start, annotations);
    for (char *p = text; *p != '\0'; p++) {
        *p = (char)(*p == '\'' ? '"' : *p);
    }
    add_documents(r, fl_str_of(text));
}

static fl_bedrock_tool_step find_step(uint64_t id, int64_t start_ms, int64_t end_ms)
{
    return (fl_bedrock_tool_step){.id = id,
                                  .action_group = FL_S("orders"),
                                  .function = FL_S("find"),
                                  .session_id = FL_S("link-1"),
                                  .start_ns = T_S * FL_NS_PER_S + start_ms * 1000000,
                                  .end_ns = T_S * FL_NS_PER_S + end_ms * 1000000};
}

static void adopt(rig *r, const fl_bedrock_tool_step *steps, size_t count)
{
    fl_err err = {0};
    assert_ok(fl_bedrock_adopt(&r->arena, steps, count, r->segments, r->count, &r->adoptions,
                               &r->adopted, &err),
              &err);
}

static void assert_adopted(const rig *r, size_t i, uint64_t id, uint64_t parent_id)
{
    assert_true(i < r->adopted);
    assert_int_equal(r->segments[r->adoptions[i].candidate]->id, id);
    assert_int_equal(r->adoptions[i].parent_id, parent_id);
}

static void the_sample_is_adopted_as_its_page_says(void **state)
{
    (void)state;
    rig r;
    size_t n;
    rig_init(&r);
    char *text = test_read_file("golden/bedrock/input/lambda_link.segments.jsonl", &n);
    add_documents(&r, (fl_str){text, n});
    fl_bedrock_tool_step billing = find_step(3, 970, 1850);
    billing.action_group = FL_S("billing");
    billing.function = (fl_str){0};
    billing.api_path = FL_S("/invoices/{id}");
    const fl_bedrock_tool_step steps[] = {find_step(1, 230, 580), find_step(2, 640, 920), billing};
    adopt(&r, steps, 3);
    assert_int_equal(r.adopted, 3);
    assert_adopted(&r, 0, UINT64_C(0xaaaaaaaaaaaaaa01), 1);
    assert_adopted(&r, 1, UINT64_C(0xaaaaaaaaaaaaaa02), 2);
    assert_adopted(&r, 2, UINT64_C(0xbbbbbbbbbbbbbb00), 3);
    free(text);
    fl_arena_fini(&r.arena);
}

static void assert_one(const char *start, const char *annotations, bool expected)
{
    rig r;
    rig_init(&r);
    add(&r, "00000000000000aa", CALLER, start, annotations);
    const fl_bedrock_tool_step step = find_step(7, 1000, 2000);
    adopt(&r, &step, 1);
    if (r.adopted != expected) {
        fail_msg("%s at %s: %zu", annotations, start, r.adopted);
    }
    fl_arena_fini(&r.arena);
}

#define FIND "'action_group':'orders','function':'find'"

static void all_that_is_told_must_agree(void **state)
{
    (void)state;
    assert_one("22", FIND, true);
    assert_one("22", FIND ",'bedrock_session_id':'link-1'", true);
    assert_one("22", FIND ",'bedrock_session_id':'link-2'", false);
    assert_one("22", FIND ",'step':'action_group'", false);
    assert_one("22", FIND ",'step':true", false);
    assert_one("22", "'action_group':'orders','function':'find2'", false);
    assert_one("22", "'action_group':'order','function':'find'", false);
    assert_one("22", "'function':'find'", false);
    assert_one("22", "'action_group':'orders'", false);
    assert_one("22", "'action_group':'orders','function':5", false);
}

static void a_start_may_be_a_second_off(void **state)
{
    (void)state;
    assert_one("21", FIND, true);
    assert_one("20.999999", FIND, false);
    assert_one("24", FIND, true);
    assert_one("24.000001", FIND, false);
}

static void steps_in_order_take_the_nearest_that_is_left(void **state)
{
    (void)state;
    rig r;
    rig_init(&r);
    add(&r, "0000000000000001", CALLER, "22.3", FIND);
    add(&r, "0000000000000002", CALLER, "21.9", FIND);
    add(&r, "0000000000000003", CALLER, "22.0", FIND);
    const fl_bedrock_tool_step steps[] = {find_step(11, 1000, 1500), find_step(12, 1000, 1500),
                                          find_step(13, 1000, 1500), find_step(14, 1000, 1500)};
    adopt(&r, steps, 4);
    assert_int_equal(r.adopted, 3);
    assert_adopted(&r, 0, 3, 11);
    assert_adopted(&r, 1, 2, 12);
    assert_adopted(&r, 2, 1, 13);
    fl_arena_fini(&r.arena);
}

static void the_child_of_a_candidate_stays_with_it(void **state)
{
    (void)state;
    rig r;
    rig_init(&r);
    add(&r, "0000000000000001", "0000000000000002", "22.0", FIND);
    add(&r, "0000000000000002", CALLER, "22.4", FIND);
    const fl_bedrock_tool_step steps[] = {find_step(11, 1000, 1500), find_step(12, 1000, 1500)};
    adopt(&r, steps, 2);
    assert_int_equal(r.adopted, 1);
    assert_adopted(&r, 0, 2, 11);
    fl_arena_fini(&r.arena);
}

static void a_step_without_function_and_path_adopts_nothing(void **state)
{
    (void)state;
    rig r;
    rig_init(&r);
    add(&r, "0000000000000001", CALLER, "22", "'action_group':'orders'");
    fl_bedrock_tool_step step = find_step(1, 1000, 1500);
    step.function = (fl_str){0};
    adopt(&r, &step, 1);
    assert_int_equal(r.adopted, 0);
    step.start_ns = INT64_MIN;
    step.end_ns = INT64_MAX;
    adopt(&r, &step, 1);
    assert_int_equal(r.adopted, 0);
    adopt(&r, NULL, 0);
    assert_int_equal(r.adopted, 0);
    fl_arena_fini(&r.arena);
}

static void short_memory_is_an_error(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 3; n++) {
        rig r;
        rig_init(&r);
        add(&r, "0000000000000001", CALLER, "22", FIND);
        const fl_bedrock_tool_step step = find_step(1, 1000, 1500);
        r.arena.fail_at = n;
        assert_int_equal(fl_bedrock_adopt(&r.arena, &step, 1, r.segments, r.count, &r.adoptions,
                                          &r.adopted, NULL),
                         FL_E_NOMEM);
        fl_arena_fini(&r.arena);
    }
}

static void the_steps_of_a_run_are_its_calls_of_action_groups(void **state)
{
    (void)state;
    test_run t;
    fl_bedrock_tool_step *steps;
    size_t count;
    test_run_init(&t);
    bedrock_scope *scope = test_scope(&t, "A");
    scope->envelope.session_id = FL_S("link-1");
    (void)test_step(&t, scope, BEDROCK_INVOKE_MODEL, NULL, NULL);
    bedrock_step *step = test_step(
        &t, scope, BEDROCK_ACTION_GROUP,
        "{'actionGroupInvocationInput':{'actionGroupName':'billing','apiPath':'/x'}}", NULL);
    (void)test_step(&t, scope, BEDROCK_CONTROL, NULL, NULL);
    test_run_settle(&t);
    assert_ok(bedrock_tool_steps(&t.arena, &t.run, &steps, &count, NULL), NULL);
    assert_int_equal(count, 1);
    assert_int_equal(steps[0].id, step->segment.id);
    assert_str(steps[0].action_group, "billing");
    assert_null(steps[0].function.p);
    assert_str(steps[0].api_path, "/x");
    assert_str(steps[0].session_id, "link-1");
    assert_int_equal(steps[0].start_ns, step->segment.start_ns);
    assert_int_equal(steps[0].end_ns, step->segment.end_ns);
    test_run_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_is_adopted_as_its_page_says),
        cmocka_unit_test(all_that_is_told_must_agree),
        cmocka_unit_test(a_start_may_be_a_second_off),
        cmocka_unit_test(steps_in_order_take_the_nearest_that_is_left),
        cmocka_unit_test(the_child_of_a_candidate_stays_with_it),
        cmocka_unit_test(a_step_without_function_and_path_adopts_nothing),
        cmocka_unit_test(short_memory_is_an_error),
        cmocka_unit_test(the_steps_of_a_run_are_its_calls_of_action_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
