#include "unit/cli/cli_fixture.h"

#include "cli/critical_path_int.h"

/* Entities are made by hand here: the path looks at nothing but times and links. */
typedef struct node {
    fl_segment segment;
    fl_entity entity;
} node;

#define NONE INT64_MIN

static void make(node *n, uint64_t id, int64_t start_ns, int64_t end_ns)
{
    *n = (node){.segment = {.id = id, .start_ns = start_ns, .end_ns = end_ns}};
    n->entity.segment = &n->segment;
    n->entity.owner = &n->entity;
}

static void nest(node *parent, node *child)
{
    child->entity.next_sibling = parent->entity.first_child;
    parent->entity.first_child = &child->entity;
    child->entity.parent = &parent->entity;
}

static void call(node *caller, node *callee)
{
    callee->entity.next_callee = caller->entity.first_callee;
    caller->entity.first_callee = &callee->entity;
    callee->entity.caller = &caller->entity;
}

/* "1:0-10 2:10-90 1:90-100": the slices as id:from-to. */
static void expect_path(const node *root, int64_t end_ns, const char *expected)
{
    fl_arena arena;
    fl_critical_path path;
    fl_err err = {0};
    fl_buf text;
    fl_arena_init(&arena, (size_t)1 << 20);
    fl_buf_init(&text, 4096);
    assert_ok(fl_critical_path_find(&arena, &root->entity, end_ns, &path, &err), &err);
    for (size_t i = 0; i < path.count; i++) {
        fl_buf_add_str(&text, i > 0 ? FL_S(" ") : FL_S(""));
        fl_buf_add_u64(&text, path.slices[i].entity->segment->id);
        fl_buf_add_byte(&text, ':');
        fl_buf_add_i64(&text, path.slices[i].from_ns);
        fl_buf_add_byte(&text, '-');
        fl_buf_add_i64(&text, path.slices[i].to_ns);
    }
    assert_str(fl_buf_str(&text), expected);
    fl_buf_fini(&text);
    fl_arena_fini(&arena);
}

static void a_lone_root_is_the_path(void **state)
{
    (void)state;
    node root;
    make(&root, 1, 0, 100);
    expect_path(&root, 100, "1:0-100");
}

static void a_root_of_no_length_has_no_path(void **state)
{
    (void)state;
    node root;
    make(&root, 1, 50, 50);
    expect_path(&root, 50, "");
    make(&root, 1, 50, 40);
    expect_path(&root, 50, "");
}

static void time_between_children_is_the_parents_own(void **state)
{
    (void)state;
    node root, a, b;
    make(&root, 1, 0, 100);
    make(&a, 2, 10, 40);
    make(&b, 3, 50, 90);
    nest(&root, &a);
    nest(&root, &b);
    expect_path(&root, 100, "1:0-10 2:10-40 1:40-50 3:50-90 1:90-100");
}

static void of_parallel_children_the_last_to_end_counts(void **state)
{
    (void)state;
    node root, quick, slow;
    make(&root, 1, 0, 100);
    make(&quick, 2, 10, 40);
    make(&slow, 3, 10, 90);
    nest(&root, &quick);
    nest(&root, &slow);
    expect_path(&root, 100, "1:0-10 3:10-90 1:90-100");
}

static void what_still_ran_when_the_next_began_did_not_hold_it_up(void **state)
{
    (void)state;
    node root, overlapping, last;
    make(&root, 1, 0, 100);
    make(&overlapping, 2, 0, 60);
    make(&last, 3, 50, 100);
    nest(&root, &overlapping);
    nest(&root, &last);
    expect_path(&root, 100, "1:0-50 3:50-100");
}

static void children_that_end_together_give_way_to_the_longest(void **state)
{
    (void)state;
    node root, shorter, longer;
    make(&root, 1, 0, 100);
    make(&shorter, 2, 60, 90);
    make(&longer, 3, 20, 90);
    nest(&root, &shorter);
    nest(&root, &longer);
    expect_path(&root, 100, "1:0-20 3:20-90 1:90-100");
}

static void the_path_goes_into_the_called_segment(void **state)
{
    (void)state;
    node root, request, service, query;
    make(&root, 1, 0, 100);
    make(&request, 2, 10, 90);
    make(&service, 3, 15, 85);
    make(&query, 4, 20, 80);
    nest(&root, &request);
    call(&request, &service);
    nest(&service, &query);
    expect_path(&root, 100, "1:0-10 2:10-15 3:15-20 4:20-80 3:80-85 2:85-90 1:90-100");
}

static void inferred_segments_are_passed_over_but_not_the_consumers_below(void **state)
{
    (void)state;
    node root, request, inferred, consumer;
    make(&root, 1, 0, 100);
    make(&request, 2, 10, 90);
    make(&inferred, 3, 10, 90);
    make(&consumer, 4, 30, 50);
    inferred.entity.inferred = true;
    nest(&root, &request);
    call(&request, &inferred);
    expect_path(&root, 100, "1:0-10 2:10-90 1:90-100");
    call(&inferred, &consumer);
    expect_path(&root, 100, "1:0-10 2:10-30 4:30-50 2:50-90 1:90-100");
}

static void a_child_counts_only_inside_its_parents_time(void **state)
{
    (void)state;
    node root, early, late, after;
    make(&root, 1, 0, 100);
    make(&early, 2, -50, 20);
    make(&late, 3, 80, 150);
    make(&after, 4, 120, 140);
    nest(&root, &early);
    nest(&root, &late);
    nest(&root, &after);
    expect_path(&root, 100, "2:0-20 1:20-80 3:80-100");
}

static void what_is_unfinished_runs_until_now(void **state)
{
    (void)state;
    node root, child;
    make(&root, 1, 0, NONE);
    make(&child, 2, 30, NONE);
    nest(&root, &child);
    expect_path(&root, 100, "1:0-30 2:30-100");
}

static void children_of_no_length_take_nothing(void **state)
{
    (void)state;
    node root, child;
    make(&root, 1, 0, 100);
    make(&child, 2, 50, 50);
    nest(&root, &child);
    expect_path(&root, 100, "1:0-100");
}

static void a_chain_of_100000_calls_needs_no_stack(void **state)
{
    (void)state;
    enum { LENGTH = 100000 };
    node *nodes = calloc(LENGTH, sizeof *nodes);
    assert_non_null(nodes);
    for (int i = 0; i < LENGTH; i++) {
        make(&nodes[i], (uint64_t)i + 1, i, 2 * LENGTH);
        if (i > 0) {
            call(&nodes[i - 1], &nodes[i]);
        }
    }
    fl_arena arena;
    fl_critical_path path;
    fl_arena_init(&arena, (size_t)256 << 20);
    assert_ok(fl_critical_path_find(&arena, &nodes[0].entity, 2 * LENGTH, &path, NULL), NULL);
    assert_int_equal(path.count, LENGTH);
    fl_arena_fini(&arena);
    free(nodes);
}

static void failing_allocations_are_reported(void **state)
{
    (void)state;
    node root, child;
    make(&root, 1, 0, 100);
    make(&child, 2, 30, 60);
    nest(&root, &child);
    fl_status status = FL_E_NOMEM;
    for (uint64_t fail_at = 1; status != FL_OK; fail_at++) {
        fl_arena arena;
        fl_critical_path path = {0};
        fl_arena_init(&arena, (size_t)1 << 20);
        arena.fail_at = fail_at;
        status = fl_critical_path_find(&arena, &root.entity, 100, &path, NULL);
        assert_true(status == FL_E_NOMEM ? path.slices == NULL : path.count == 3);
        fl_arena_fini(&arena);
        assert_true(fail_at < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lone_root_is_the_path),
        cmocka_unit_test(a_root_of_no_length_has_no_path),
        cmocka_unit_test(time_between_children_is_the_parents_own),
        cmocka_unit_test(of_parallel_children_the_last_to_end_counts),
        cmocka_unit_test(what_still_ran_when_the_next_began_did_not_hold_it_up),
        cmocka_unit_test(children_that_end_together_give_way_to_the_longest),
        cmocka_unit_test(the_path_goes_into_the_called_segment),
        cmocka_unit_test(inferred_segments_are_passed_over_but_not_the_consumers_below),
        cmocka_unit_test(a_child_counts_only_inside_its_parents_time),
        cmocka_unit_test(what_is_unfinished_runs_until_now),
        cmocka_unit_test(children_of_no_length_take_nothing),
        cmocka_unit_test(a_chain_of_100000_calls_needs_no_stack),
        cmocka_unit_test(failing_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
