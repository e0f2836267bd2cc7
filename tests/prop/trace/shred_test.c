/*
 * Random segments: taken apart and joined they are the same bytes; damaged bytes are refused or
 * come back as they were.
 */
#include <stdlib.h>

#include "support/random_segment.h"
#include "trace/shred.h"

#define ROUNDS 2000

/* False if the bytes are not those of `packed`. */
static bool joins(const fl_shredder *shredder, fl_str packed, fl_buf *out)
{
    fl_joiner joiner;
    fl_buf_reset(out);
    fl_join_begin(&joiner, out, shredder->trace_id);
    for (uint32_t i = 0; i < shredder->row_count; i++) {
        const fl_shred_row *row = &shredder->rows[i];
        if (fl_join_row(&joiner, row->shape, row->values, row->value_count) != FL_OK) {
            return false;
        }
    }
    return fl_join_is_whole(&joiner) && fl_str_eq(fl_buf_str(out), packed);
}

static uint32_t spans_of(const fl_segment *segment)
{
    uint32_t spans = 1;
    for (uint32_t i = 0; i < segment->subsegment_count; i++) {
        spans += spans_of(&segment->subsegments[i]);
    }
    return spans;
}

static bool any_leaf(void *user, const fl_leaf *leaf)
{
    uint32_t *values = user;
    *values += fl_leaf_has_value(leaf->kind);
    return leaf->path.n != 0;
}

static void assert_shapes_fit(const fl_shredder *shredder)
{
    for (uint32_t i = 0; i < shredder->row_count; i++) {
        uint32_t values = 0;
        assert_int_equal(fl_shape_read(shredder->rows[i].shape, any_leaf, &values), FL_OK);
        assert_int_equal(values, shredder->rows[i].value_count);
    }
}

static void segments_come_back_by_joining(void **state)
{
    (void)state;
    test_random random = test_random_begin();
    fl_arena arena;
    fl_shredder shredder = {0};
    fl_buf out;
    fl_arena_init(&arena, 64 << 20);
    fl_buf_init(&out, SIZE_MAX);
    for (int round = 0; round < ROUNDS; round++) {
        random_segments r = {&random, &arena, 10, 1 + (unsigned)round % 5, 1 + (unsigned)round % 4};
        fl_trace_id id = {test_random_next(&random), 1 + test_random_below(&random, 1000)};
        const fl_segment *segment =
            random_segment(&r, id, (int64_t)test_random_below(&random, UINT64_C(1) << 60));
        fl_str packed = test_pack(&arena, segment);
        assert_int_equal(fl_shred(&shredder, packed, NULL), FL_OK);
        assert_int_equal(shredder.row_count, spans_of(segment));
        assert_int_equal(shredder.start_ns, segment->start_ns);
        assert_int_equal(shredder.end_ns, segment->end_ns);
        assert_true(shredder.id == segment->id);
        assert_true(shredder.keep_whole || joins(&shredder, packed, &out));
        assert_shapes_fit(&shredder);
        fl_arena_reset(&arena);
    }
    fl_shredder_fini(&shredder);
    fl_buf_fini(&out);
    fl_arena_fini(&arena);
}

static void damaged_bytes_are_refused_or_kept(void **state)
{
    (void)state;
    test_random random = test_random_begin();
    fl_arena arena;
    fl_shredder shredder = {0};
    fl_buf out;
    fl_arena_init(&arena, 64 << 20);
    fl_buf_init(&out, SIZE_MAX);
    for (int round = 0; round < ROUNDS; round++) {
        random_segments r = {&random, &arena, 10, 2, 2};
        fl_str packed = random_packed(&r, (fl_trace_id){1, 2}, 1000);
        char *bytes = malloc(packed.n); /* of exactly that size: reading past its end is seen */
        assert_non_null(bytes);
        memcpy(bytes, packed.p, packed.n);
        for (uint64_t i = 1 + test_random_below(&random, 3); i != 0; i--) {
            bytes[test_random_below(&random, packed.n)] = (char)test_random_next(&random);
        }
        fl_str damaged = {bytes, packed.n - (size_t)test_random_below(&random, 2)};
        if (fl_shred(&shredder, damaged, NULL) == FL_OK && !shredder.keep_whole) {
            assert_true(joins(&shredder, damaged, &out));
        }
        free(bytes);
        fl_arena_reset(&arena);
    }
    fl_shredder_fini(&shredder);
    fl_buf_fini(&out);
    fl_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_come_back_by_joining),
        cmocka_unit_test(damaged_bytes_are_refused_or_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
