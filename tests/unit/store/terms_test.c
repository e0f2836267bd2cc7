#include "store/part/part.h"
#include "support/part_rig.h"

static void of_alternatives_one_is_enough_and_of_groups_all_are_needed(void **state)
{
    /* 0 and (1 or 2) and 3 */
    fl_store_term terms[4] = {[1] = {.or_next = true}};
    (void)state;
    assert_true(fl_store_terms_hold(terms, 4, 0xB));
    assert_true(fl_store_terms_hold(terms, 4, 0xD));
    assert_true(fl_store_terms_hold(terms, 4, 0xF));
    assert_false(fl_store_terms_hold(terms, 4, 0x9));
    assert_false(fl_store_terms_hold(terms, 4, 0xE));
    assert_false(fl_store_terms_hold(terms, 4, 0x7));
}

static void no_terms_hold_for_everything(void **state)
{
    (void)state;
    assert_true(fl_store_terms_hold(NULL, 0, 0));
}

static void an_alternative_behind_the_last_term_is_none(void **state)
{
    fl_store_term term = {.or_next = true};
    (void)state;
    assert_true(fl_store_terms_hold(&term, 1, 1));
    assert_false(fl_store_terms_hold(&term, 1, 0));
}

static void all_sixty_four_terms_have_a_bit(void **state)
{
    fl_store_term terms[FL_TERMS_MAX] = {{.op = FL_TERM_PRESENT}};
    (void)state;
    assert_true(fl_store_terms_hold(terms, FL_TERMS_MAX, UINT64_MAX));
    assert_false(fl_store_terms_hold(terms, FL_TERMS_MAX, UINT64_MAX >> 1));
}

/* ---- Packed segments */

static uint64_t held_by(const fl_segment *segment, const fl_store_term *terms, size_t count)
{
    fl_arena arena;
    fl_err err;
    uint64_t held = 0;
    fl_arena_init(&arena, 1 << 20);
    assert_ok(fl_part_match_packed(test_pack(&arena, segment), terms, count, &held, &err), &err);
    fl_arena_fini(&arena);
    return held;
}

static fl_segment plain_segment(void)
{
    return (fl_segment){.trace_id = {1, 2},
                        .id = 3,
                        .name = FL_S("web"),
                        .start_ns = 1000,
                        .end_ns = FL_TIME_NONE,
                        .fault = FL_FALSE};
}

static void a_value_of_another_type_does_not_match(void **state)
{
    fl_annotation annotations[] = {
        {.key = FL_S("n"), .kind = FL_ANNOTATION_NUMBER, .text = FL_S("7")},
        {.key = FL_S("s"), .kind = FL_ANNOTATION_STRING, .text = FL_S("7")},
    };
    fl_store_term terms[] = {
        {.field = FL_S("annotations"), .key = FL_S("n"), .op = FL_TERM_EQUAL, .text = FL_S("7")},
        {.field = FL_S("annotations"), .key = FL_S("s"), .op = FL_TERM_RANGE, .low = 7, .high = 7},
        {.field = FL_S("annotations"), .key = FL_S("n"), .op = FL_TERM_RANGE, .low = 7, .high = 7},
        {.field = FL_S("annotations"), .key = FL_S("s"), .op = FL_TERM_EQUAL, .text = FL_S("7")},
        {.field = FL_S("annotations"), .key = FL_S("s"), .op = FL_TERM_TRUE},
        {.field = FL_S("fault"), .op = FL_TERM_TRUE},
        {.field = FL_S("fault"), .op = FL_TERM_FALSE},
        {.field = FL_S("fault"), .op = FL_TERM_PRESENT},
    };
    fl_segment segment = plain_segment();
    (void)state;
    segment.has_annotations = true;
    segment.annotations = annotations;
    segment.annotation_count = 2;
    assert_int_equal(held_by(&segment, terms, 8), 0xCC);
}

static void ids_and_times_are_there_but_are_not_compared(void **state)
{
    fl_store_term terms[] = {
        {.field = FL_S("id"), .op = FL_TERM_PRESENT},
        {.field = FL_S("id"), .op = FL_TERM_EQUAL, .text = FL_S("0000000000000003")},
        {.field = FL_S("start_time"), .op = FL_TERM_PRESENT},
        {.field = FL_S("start_time"), .op = FL_TERM_RANGE, .low = -1e300, .high = 1e300},
        {.field = FL_S("end_time"), .op = FL_TERM_PRESENT},
    };
    fl_segment segment = plain_segment();
    (void)state;
    assert_int_equal(held_by(&segment, terms, 5), 0x5);
}

static void a_field_is_not_found_by_the_begin_of_its_name(void **state)
{
    fl_store_term terms[] = {
        {.field = FL_S("nam"), .op = FL_TERM_EQUAL, .text = FL_S("web")},
        {.field = FL_S("nam"), .op = FL_TERM_PRESENT},
        {.field = FL_S("name"), .op = FL_TERM_EQUAL, .text = FL_S("web")},
        {.field = FL_S("name"), .key = FL_S("web"), .op = FL_TERM_PREFIX, .text = FL_S("")},
    };
    fl_segment segment = plain_segment();
    (void)state;
    assert_int_equal(held_by(&segment, terms, 4), 0xC); /* keys are of annotations only */
}

static void what_is_no_packed_segment_is_corrupt(void **state)
{
    fl_store_term term = {.field = FL_S("name"), .op = FL_TERM_PRESENT};
    uint64_t held = 0;
    (void)state;
    assert_int_equal(fl_part_match_packed(FL_S("x"), &term, 1, &held, NULL), FL_E_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_alternatives_one_is_enough_and_of_groups_all_are_needed),
        cmocka_unit_test(no_terms_hold_for_everything),
        cmocka_unit_test(an_alternative_behind_the_last_term_is_none),
        cmocka_unit_test(all_sixty_four_terms_have_a_bit),
        cmocka_unit_test(a_value_of_another_type_does_not_match),
        cmocka_unit_test(ids_and_times_are_there_but_are_not_compared),
        cmocka_unit_test(a_field_is_not_found_by_the_begin_of_its_name),
        cmocka_unit_test(what_is_no_packed_segment_is_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
