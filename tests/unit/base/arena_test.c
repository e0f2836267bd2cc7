#include <stdlib.h>

#include "support/test.h"

/* All tests run with pieces packed into chunks and, in a sanitizer build, with a malloc for each.
 */

static void pieces_are_aligned_and_do_not_overlap(void **state)
{
    fl_arena arena;
    unsigned char *pieces[300];
    (void)state;
    fl_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < 300; i++) {
        pieces[i] = fl_arena_alloc(&arena, i);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)(i & 0xFF), i);
    }
    for (size_t i = 0; i < 300; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_int_equal(pieces[i][j], i & 0xFF);
        }
    }
    fl_arena_fini(&arena);
}

static void empty_pieces_are_valid_and_distinct(void **state)
{
    fl_arena arena;
    (void)state;
    fl_arena_init(&arena, 4096);
    void *first = fl_arena_alloc(&arena, 0);
    void *second = fl_arena_zalloc(&arena, 0);
    assert_non_null(first);
    assert_non_null(second);
    assert_ptr_not_equal(first, second);
    fl_arena_fini(&arena);
}

static void zalloc_and_array_give_zeros_also_after_a_reset(void **state)
{
    fl_arena arena;
    (void)state;
    fl_arena_init(&arena, 1 << 20);
    for (int round = 0; round < 3; round++) {
        unsigned char *dirty = fl_arena_alloc(&arena, 500);
        assert_non_null(dirty);
        memset(dirty, 0xFF, 500);
        fl_arena_reset(&arena);
        unsigned char *clean = fl_arena_zalloc(&arena, 200);
        uint32_t *array = FL_ARENA_ARRAY(&arena, uint32_t, 50);
        assert_true(clean != NULL && array != NULL);
        for (size_t i = 0; i < 200; i++) {
            assert_int_equal(clean[i], 0);
            assert_int_equal(array[i / 4], 0);
        }
        fl_arena_reset(&arena);
    }
    fl_arena_fini(&arena);
}

static void an_expected_size_bounds_the_first_chunk_only(void **state)
{
    static const size_t expected[] = {0, 1, 600, 4000, 100000, SIZE_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        fl_arena arena;
        fl_arena_init(&arena, 1 << 20);
        fl_arena_expect(&arena, expected[i]);
        assert_non_null(fl_arena_alloc(&arena, 100));
        assert_true(arena.used_bytes <= (expected[i] < 512 ? 512 : 4096));
        for (int piece = 0; piece < 100; piece++) {
            assert_non_null(fl_arena_alloc(&arena, 1000));
        }
        fl_arena_fini(&arena);
    }
}

static void a_piece_of_null_is_allocated(void **state)
{
    fl_arena arena;
    (void)state;
    fl_arena_init(&arena, 1 << 20);
    char *piece = fl_arena_resize(&arena, NULL, 0, 10);
    assert_non_null(piece);
    memset(piece, 'x', 10);
    piece = fl_arena_resize(&arena, piece, 10, 5000);
    assert_non_null(piece);
    assert_int_equal(piece[9], 'x');
    fl_arena_fini(&arena);
}

static void an_array_whose_size_overflows_is_refused(void **state)
{
    fl_arena arena;
    (void)state;
    fl_arena_init(&arena, SIZE_MAX);
    assert_null(fl_arena_array(&arena, SIZE_MAX / 2, 3));
    assert_null(fl_arena_alloc(&arena, SIZE_MAX));
    assert_null(fl_arena_alloc(&arena, SIZE_MAX - 15));
    assert_int_equal(arena.used_bytes, 0);
    fl_arena_fini(&arena);
}

static void used_bytes_never_pass_the_maximum(void **state)
{
    static const size_t sizes[] = {1, 100, 3000, 5000, 70000};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        fl_arena arena;
        size_t max = 100000;
        size_t count = 0;
        fl_arena_init(&arena, max);
        while (fl_arena_alloc(&arena, sizes[i]) != NULL) {
            assert_true(arena.used_bytes <= max);
            count++;
        }
        assert_true(count >= 1 && count * sizes[i] <= max);
        fl_arena_fini(&arena);
        assert_int_equal(arena.used_bytes, 0);
    }
}

static void a_maximum_below_a_chunk_still_gives_what_fits(void **state)
{
    fl_arena arena;
    (void)state;
    fl_arena_init(&arena, 200);
    assert_non_null(fl_arena_alloc(&arena, 100));
    assert_null(fl_arena_alloc(&arena, 200));
    fl_arena_fini(&arena);
    fl_arena_init(&arena, 0);
    assert_null(fl_arena_alloc(&arena, 1));
    fl_arena_fini(&arena);
}

static void a_full_arena_serves_again_after_its_reset(void **state)
{
    fl_arena arena;
    (void)state;
    fl_arena_init(&arena, 50000);
    for (int round = 0; round < 3; round++) {
        while (fl_arena_alloc(&arena, 1000) != NULL) {
        }
        fl_arena_reset(&arena);
        assert_true(arena.used_bytes <= 64 << 10);
        assert_non_null(fl_arena_alloc(&arena, 20000));
    }
    fl_arena_fini(&arena);
}

static void the_nth_allocation_fails_once_when_told_so(void **state)
{
    fl_arena arena;
    (void)state;
    fl_arena_init(&arena, 1 << 20);
    arena.fail_at = 3;
    assert_non_null(fl_arena_alloc(&arena, 8));
    assert_non_null(fl_arena_zalloc(&arena, 8));
    assert_null(FL_ARENA_ARRAY(&arena, int, 2));
    char *piece = fl_arena_alloc(&arena, 8);
    assert_non_null(piece);
    arena.fail_at = 1;
    assert_null(fl_arena_resize(&arena, piece, 8, 16));
    arena.fail_at = 1;
    assert_null(fl_arena_resize(&arena, piece, 8, 100000));
    assert_non_null(fl_arena_resize(&arena, piece, 8, 100000));
    fl_arena_fini(&arena);
}

static void a_resized_piece_keeps_its_content(void **state)
{
    fl_arena arena;
    size_t bytes = 1;
    (void)state;
    fl_arena_init(&arena, 64 << 20);
    unsigned char *piece = fl_arena_alloc(&arena, bytes);
    assert_non_null(piece);
    piece[0] = 7;
    for (size_t step = 0; step < 20; step++) {
        size_t grown = bytes * 2 + step;
        if (step % 3 == 2) {
            assert_non_null(fl_arena_alloc(&arena, 10)); /* no longer the newest */
        }
        piece = fl_arena_resize(&arena, piece, bytes, grown);
        assert_non_null(piece);
        assert_int_equal((uintptr_t)piece % 16, 0);
        assert_int_equal(piece[0], 7);
        assert_int_equal(piece[bytes - 1], bytes == 1 ? 7 : 9);
        piece[grown - 1] = 9;
        bytes = grown;
    }
    piece = fl_arena_resize(&arena, piece, bytes, 1);
    assert_non_null(piece);
    assert_int_equal(piece[0], 7);
    fl_arena_fini(&arena);
}

static void a_resize_beyond_the_maximum_leaves_the_piece(void **state)
{
    fl_arena arena;
    (void)state;
    fl_arena_init(&arena, 20000);
    for (int round = 0; round < 2; round++) {
        size_t bytes = round == 0 ? 100 : 9000;
        char *piece = fl_arena_alloc(&arena, bytes);
        assert_non_null(piece);
        memset(piece, 'x', bytes);
        assert_null(fl_arena_resize(&arena, piece, bytes, 30000));
        assert_null(fl_arena_resize(&arena, piece, bytes, SIZE_MAX - 20));
        assert_int_equal(piece[bytes - 1], 'x');
    }
    fl_arena_fini(&arena);
}

static void a_large_piece_gives_back_what_it_shrinks_by(void **state)
{
    fl_arena arena;
    (void)state;
    fl_arena_init(&arena, 1 << 24);
    char *piece = fl_arena_alloc(&arena, 5 << 20);
    assert_non_null(piece);
    piece = fl_arena_resize(&arena, piece, 5 << 20, 1000);
    assert_non_null(piece);
    assert_true(arena.used_bytes < 64 << 10);
    fl_arena_fini(&arena);
}

static void a_finished_or_zeroed_arena_may_be_finished_again(void **state)
{
    fl_arena arena = {0};
    (void)state;
    fl_arena_fini(&arena);
    fl_arena_init(&arena, 1000);
    assert_non_null(fl_arena_alloc(&arena, 10));
    fl_arena_fini(&arena);
    fl_arena_fini(&arena);
    assert_non_null(fl_arena_alloc(&arena, 10));
    fl_arena_fini(&arena);
}

static void many_small_pieces_take_few_chunks(void **state)
{
    fl_arena arena;
    (void)state;
    fl_arena_init(&arena, 1 << 24);
    for (size_t i = 0; i < 10000; i++) {
        assert_non_null(fl_arena_alloc(&arena, 48));
    }
    assert_true(arena.used_bytes < 2 * 48 * 10000);
    /* A large piece does not waste the current chunk's room. */
    size_t left = (size_t)(arena.end - arena.next);
    assert_non_null(fl_arena_alloc(&arena, 4 << 20));
    assert_int_equal((size_t)(arena.end - arena.next), left);
    fl_arena_reset(&arena);
    assert_in_range(arena.used_bytes, 1, 64 << 10);
    fl_arena_fini(&arena);
}

static void the_newest_piece_grows_and_shrinks_in_place(void **state)
{
    fl_arena arena;
    (void)state;
    fl_arena_init(&arena, 1 << 20);
    char *piece = fl_arena_alloc(&arena, 100);
    assert_ptr_equal(fl_arena_resize(&arena, piece, 100, 2000), piece);
    assert_ptr_equal(fl_arena_resize(&arena, piece, 2000, 16), piece);
    char *next = fl_arena_alloc(&arena, 1);
    assert_ptr_equal(next, piece + 16);
    assert_ptr_equal(fl_arena_resize(&arena, piece, 16, 8), piece);
    fl_arena_fini(&arena);
}

static int pack_pieces(void **state)
{
    (void)state;
    return setenv("FLUORO_ARENA", "chunk", 1);
}

static int separate_pieces(void **state)
{
    (void)state;
    return setenv("FLUORO_ARENA", "malloc", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_and_do_not_overlap),
        cmocka_unit_test(empty_pieces_are_valid_and_distinct),
        cmocka_unit_test(zalloc_and_array_give_zeros_also_after_a_reset),
        cmocka_unit_test(an_expected_size_bounds_the_first_chunk_only),
        cmocka_unit_test(a_piece_of_null_is_allocated),
        cmocka_unit_test(an_array_whose_size_overflows_is_refused),
        cmocka_unit_test(used_bytes_never_pass_the_maximum),
        cmocka_unit_test(a_maximum_below_a_chunk_still_gives_what_fits),
        cmocka_unit_test(a_full_arena_serves_again_after_its_reset),
        cmocka_unit_test(the_nth_allocation_fails_once_when_told_so),
        cmocka_unit_test(a_resized_piece_keeps_its_content),
        cmocka_unit_test(a_resize_beyond_the_maximum_leaves_the_piece),
        cmocka_unit_test(a_large_piece_gives_back_what_it_shrinks_by),
        cmocka_unit_test(a_finished_or_zeroed_arena_may_be_finished_again),
    };
    const struct CMUnitTest packed_tests[] = {
        cmocka_unit_test(many_small_pieces_take_few_chunks),
        cmocka_unit_test(the_newest_piece_grows_and_shrinks_in_place),
    };
    return cmocka_run_group_tests_name("separate", tests, separate_pieces, NULL) +
           cmocka_run_group_tests_name("packed", tests, pack_pieces, NULL) +
           cmocka_run_group_tests_name("packed only", packed_tests, pack_pieces, NULL);
}
