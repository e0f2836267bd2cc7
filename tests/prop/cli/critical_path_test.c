/* Whatever the tree: the slices of the critical path cover the root's time once, without gaps. */
#include "support/test.h"

#include "cli/critical_path_int.h"

#define NODES_MAX 40
#define ROUNDS    2000

static void make_tree(test_random *random, fl_segment *segments, fl_entity *entities, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t start_ns = (int64_t)test_random_below(random, 1000);
        int64_t end_ns = start_ns - 20 + (int64_t)test_random_below(random, 1000);
        bool unfinished = test_random_below(random, 10) == 0;
        segments[i] = (fl_segment){
            .id = i + 1, .start_ns = start_ns, .end_ns = unfinished ? FL_TIME_NONE : end_ns};
        entities[i] = (fl_entity){.segment = &segments[i]};
        if (i == 0) {
            continue;
        }
        fl_entity *parent = &entities[test_random_below(random, i)];
        if (test_random_below(random, 3) == 0) {
            entities[i].next_callee = parent->first_callee;
            parent->first_callee = &entities[i];
        } else {
            entities[i].next_sibling = parent->first_child;
            parent->first_child = &entities[i];
        }
    }
}

static void the_slices_cover_the_roots_time_exactly_once(void **state)
{
    (void)state;
    test_random random = test_random_begin();
    for (int round = 0; round < ROUNDS; round++) {
        fl_segment segments[NODES_MAX];
        fl_entity entities[NODES_MAX];
        fl_arena arena;
        fl_critical_path path;
        make_tree(&random, segments, entities, 1 + test_random_below(&random, NODES_MAX));
        int64_t now_ns = 2500, at_ns = segments[0].start_ns;
        int64_t end_ns = fl_segment_is_complete(&segments[0]) ? segments[0].end_ns : now_ns;
        fl_arena_init(&arena, (size_t)1 << 24);
        assert_ok(fl_critical_path_find(&arena, &entities[0], now_ns, &path, NULL), NULL);
        for (size_t i = 0; i < path.count; i++) {
            assert_int_equal(path.slices[i].from_ns, at_ns);
            assert_true(path.slices[i].to_ns > at_ns);
            assert_true(path.slices[i].entity->segment->start_ns <= at_ns);
            at_ns = path.slices[i].to_ns;
        }
        assert_int_equal(at_ns, end_ns > segments[0].start_ns ? end_ns : segments[0].start_ns);
        fl_arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_slices_cover_the_roots_time_exactly_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
