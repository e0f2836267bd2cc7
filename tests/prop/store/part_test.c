/*
 * Random traces: a part gives back what was written, and a merge of parts is the part that would
 * have been written from all pieces at once.
 */
#include <stdio.h>
#include <stdlib.h>

#include "support/part_rig.h"

#define ROUNDS     (TEST_IS_SLOW ? 4 : 30)
#define ROWS_MAX   200
#define INPUTS_MAX 5
#define START_NS   (INT64_C(1795382156) * FL_NS_PER_S)

static fl_trace_id any_id(test_random *random)
{
    uint64_t epoch = 1795382156 + test_random_below(random, 100);
    return (fl_trace_id){epoch << 32 | test_random_below(random, 1 << 16),
                         1 + test_random_next(random)};
}

static int64_t any_start(test_random *random)
{
    return START_NS + (int64_t)test_random_below(random, 100000000) * 1000;
}

static uint32_t any_records(test_random *random)
{
    return test_random_below(random, 30) == 0 ? 60 : 1 + (uint32_t)test_random_below(random, 5);
}

static fl_part *open_part(fl_fs *fs, const char *path)
{
    fl_part *part;
    fl_err err = {0};
    assert_ok(fl_part_open(fs, path, &part, &err), &err);
    return part;
}

static void a_part_gives_back_what_was_written(void **state)
{
    (void)state;
    test_random random = test_random_begin();
    static rig_piece pieces[ROWS_MAX];
    for (int round = 0; round < ROUNDS; round++) {
        fl_arena arena;
        fl_arena_init(&arena, 256 << 20);
        fault_fs *fs = fault_fs_new();
        random_segments r = {&random, &arena, round % 3 == 0 ? 20 : 0, 3, 4};
        size_t count = 1 + (size_t)test_random_below(&random, ROWS_MAX);
        for (size_t i = 0; i < count; i++) {
            pieces[i] = rig_piece_of(&r, any_id(&random), any_start(&random), any_records(&random),
                                     i * 100);
        }
        rig_sort(pieces, count);
        uint32_t block_rows = 1U << test_random_below(&random, 12);
        rig_write(fault_fs_calls(fs), RIG_PATH, pieces, count, block_rows);
        fl_part *part = open_part(fault_fs_calls(fs), RIG_PATH);
        rig_assert_part(part, pieces, count);
        rig_assert_verified(part);
        fl_part_trim(part);
        rig_assert_part(part, pieces, count);
        fl_part_close(part);
        fault_fs_free(fs);
        fl_arena_fini(&arena);
    }
}

/* ---- Merges */

/* Pieces of each trace in different inputs, in the order of their arrival. */
typedef struct inputs {
    rig_piece pieces[INPUTS_MAX][ROWS_MAX];
    size_t counts[INPUTS_MAX];
    rig_piece expected[ROWS_MAX];
    size_t expected_count, input_count;
} inputs;

static void make_trace(inputs *in, random_segments *r, uint64_t number)
{
    rig_piece parts[INPUTS_MAX];
    size_t count = 0;
    fl_trace_id id = any_id(r->random);
    for (size_t i = 0; i < in->input_count; i++) {
        if (test_random_below(r->random, 3) == 0 || (i + 1 == in->input_count && count == 0)) {
            parts[count] = rig_piece_of(r, id, any_start(r->random), any_records(r->random),
                                        number * 1000 + i * 100);
            in->pieces[i][in->counts[i]++] = parts[count++];
        }
    }
    in->expected[in->expected_count++] =
        count == 1 ? parts[0] : rig_piece_join(r->arena, parts, count);
}

static bool keep_even(void *user, fl_part_row *row)
{
    (void)user;
    return row->id.lo % 2 == 0;
}

static void drop_odd(inputs *in)
{
    size_t kept = 0;
    for (size_t i = 0; i < in->expected_count; i++) {
        if (in->expected[i].row.id.lo % 2 == 0) {
            in->expected[kept++] = in->expected[i];
        }
    }
    in->expected_count = kept;
}

static void merge_inputs(fl_fs *fs, inputs *in, uint32_t block_rows, bool drop)
{
    fl_part *parts[INPUTS_MAX];
    fl_part_info info;
    fl_err err = {0};
    size_t count = 0;
    for (size_t i = 0; i < in->input_count; i++) {
        char path[64];
        snprintf(path, sizeof path, "/parts/%zu.part", i);
        rig_sort(in->pieces[i], in->counts[i]);
        if (in->counts[i] != 0) {
            rig_write(fs, path, in->pieces[i], in->counts[i], 1 + block_rows / (uint32_t)(i + 1));
            parts[count++] = open_part(fs, path);
        }
    }
    fl_part_merge merge = {.inputs = parts, .count = count, .keep = drop ? keep_even : NULL};
    fl_part_options options = {.block_rows = block_rows};
    assert_ok(fl_part_merge_to(&merge, fs, RIG_PATH, &options, &info, &err), &err);
    assert_int_equal(info.rows, in->expected_count);
    for (size_t i = 0; i < count; i++) {
        fl_part_close(parts[i]);
    }
}

static void a_merge_is_the_part_of_all_pieces(void **state)
{
    (void)state;
    test_random random = test_random_begin();
    inputs *in = malloc(sizeof *in);
    assert_non_null(in);
    for (int round = 0; round < ROUNDS; round++) {
        fl_arena arena;
        fl_arena_init(&arena, 256 << 20);
        fault_fs *fs = fault_fs_new();
        random_segments r = {&random, &arena, round % 3 == 0 ? 20 : 0, 3, 3};
        *in = (inputs){.input_count = 1 + (size_t)test_random_below(&random, INPUTS_MAX)};
        size_t traces = 1 + (size_t)test_random_below(&random, ROWS_MAX / 2);
        for (size_t i = 0; i < traces; i++) {
            make_trace(in, &r, i);
        }
        bool drop = round % 4 == 0;
        if (drop) {
            drop_odd(in);
        }
        rig_sort(in->expected, in->expected_count);
        merge_inputs(fault_fs_calls(fs), in, 1U << test_random_below(&random, 10), drop);
        if (in->expected_count != 0) {
            fl_part *part = open_part(fault_fs_calls(fs), RIG_PATH);
            rig_assert_part(part, in->expected, in->expected_count);
            rig_assert_verified(part);
            fl_part_close(part);
        }
        fault_fs_free(fs);
        fl_arena_fini(&arena);
    }
    free(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_gives_back_what_was_written),
        cmocka_unit_test(a_merge_is_the_part_of_all_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
