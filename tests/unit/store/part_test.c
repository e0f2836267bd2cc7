/* Part files: what the writer refuses, large traces, bounds of the schema, damage, failing files,
 * merges that end early, blocks that are copied whole, many readers. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/part/part_int.h"
#include "support/part_rig.h"

#define START_NS (INT64_C(1795382156) * FL_NS_PER_S)

typedef struct fixture {
    fl_arena arena;
    test_random random;
    random_segments segments;
    fault_fs *fault;
    fl_fs *fs;
} fixture;

static void begin(fixture *f)
{
    fl_arena_init(&f->arena, 512 << 20);
    f->random = (test_random){.state = 7};
    f->segments = (random_segments){&f->random, &f->arena, 0, 2, 3};
    f->fault = fault_fs_new();
    f->fs = fault_fs_calls(f->fault);
}

static void end(fixture *f)
{
    fault_fs_free(f->fault);
    fl_arena_fini(&f->arena);
}

static fl_trace_id id_of(uint64_t number)
{
    return (fl_trace_id){UINT64_C(1795382156) << 32 | number, number + 1};
}

/* Traces number 0 … count - 1, newest first. */
static rig_piece *make_pieces(fixture *f, size_t count, uint32_t records)
{
    rig_piece *pieces = FL_ARENA_ARRAY(&f->arena, rig_piece, count);
    assert_non_null(pieces);
    for (size_t i = 0; i < count; i++) {
        pieces[i] =
            rig_piece_of(&f->segments, id_of(i), START_NS + (int64_t)i * 1000000, records, i * 100);
    }
    rig_sort(pieces, count);
    return pieces;
}

static fl_part *open_part(fixture *f, const char *path)
{
    fl_part *part;
    fl_err err = {0};
    assert_ok(fl_part_open(f->fs, path, &part, &err), &err);
    return part;
}

/* ---- Writing */

static void rows_out_of_order_are_refused(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    rig_piece *pieces = make_pieces(&f, 2, 1);
    rig_piece swapped[] = {pieces[1], pieces[0]};
    rig_piece twice[] = {pieces[0], pieces[0]};
    assert_int_equal(rig_try_write(f.fs, "/a", swapped, 2, 0), FL_E_CORRUPT);
    assert_int_equal(rig_try_write(f.fs, "/b", twice, 2, 0), FL_E_CORRUPT);
    assert_int_equal(rig_try_write(f.fs, "/c", pieces, 2, 0), FL_OK);
    end(&f);
}

static void records_that_are_not_the_rows_are_refused(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    rig_piece *pieces = make_pieces(&f, 2, 2);
    fl_str right = pieces[0].packed[1];
    pieces[0].packed[1] = pieces[1].packed[1];
    assert_int_equal(rig_try_write(f.fs, "/a", pieces, 2, 0), FL_E_CORRUPT);
    pieces[0].packed[1] = FL_S("\x01 no segment");
    assert_int_equal(rig_try_write(f.fs, "/b", pieces, 2, 0), FL_E_CORRUPT);
    pieces[0].packed[1] = right;
    assert_int_equal(rig_try_write(f.fs, "/c", pieces, 2, 0), FL_OK);
    end(&f);
}

static void a_row_has_as_many_records_as_it_says(void **state)
{
    (void)state;
    fixture f;
    fl_part_writer *writer;
    fl_part_info info;
    begin(&f);
    rig_piece *pieces = make_pieces(&f, 1, 2);
    assert_int_equal(fl_part_writer_new(f.fs, "/a", NULL, &writer, NULL), FL_OK);
    assert_int_equal(fl_part_writer_row(writer, &pieces[0].row, NULL), FL_OK);
    int64_t arrival_ns = pieces[0].arrivals_ns[0];
    assert_int_equal(fl_part_writer_record(writer, pieces[0].packed[0], arrival_ns, NULL), FL_OK);
    assert_int_equal(fl_part_writer_finish(writer, &info, NULL), FL_E_CORRUPT);
    assert_int_equal(fl_part_writer_record(writer, pieces[0].packed[1], arrival_ns, NULL), FL_OK);
    assert_int_equal(fl_part_writer_record(writer, pieces[0].packed[1], arrival_ns, NULL),
                     FL_E_CORRUPT);
    fl_part_writer_free(writer);
    end(&f);
}

static void an_existing_file_is_not_written_over(void **state)
{
    (void)state;
    fixture f;
    fl_part_writer *writer;
    begin(&f);
    rig_write(f.fs, "/a", make_pieces(&f, 1, 1), 1, 0);
    assert_int_equal(fl_part_writer_new(f.fs, "/a", NULL, &writer, NULL), FL_E_IO);
    end(&f);
}

/* ---- Shapes of traces */

static void a_trace_larger_than_a_block_goes_on_in_the_next(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    rig_piece *pieces = make_pieces(&f, 3, 1);
    pieces[1] = rig_piece_of(&f.segments, pieces[1].row.id, pieces[1].row.start_ns, 300, 1000);
    rig_sort(pieces, 3);
    rig_write(f.fs, RIG_PATH, pieces, 3, 16);
    fl_part *part = open_part(&f, RIG_PATH);
    assert_true(fl_part_layout_of(part).blocks > 10);
    rig_assert_part(part, pieces, 3);
    rig_assert_verified(part);
    fl_part_close(part);
    end(&f);
}

static void a_row_may_have_no_records(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    rig_piece *pieces = make_pieces(&f, 20, 1);
    for (size_t i = 0; i < 20; i += 2) {
        pieces[i].row.record_count = 0;
        pieces[i].row.last_end_ns = FL_TIME_NONE;
    }
    rig_write(f.fs, RIG_PATH, pieces, 20, 4);
    fl_part *part = open_part(&f, RIG_PATH);
    rig_assert_part(part, pieces, 20);
    rig_assert_verified(part);
    fl_part_close(part);
    end(&f);
}

static void a_part_of_rows_without_records_is_fine(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    rig_piece *pieces = make_pieces(&f, 1, 1);
    pieces[0].row.record_count = 0;
    pieces[0].row.last_end_ns = FL_TIME_NONE;
    rig_write(f.fs, RIG_PATH, pieces, 1, 0);
    fl_part *part = open_part(&f, RIG_PATH);
    rig_assert_part(part, pieces, 1);
    rig_assert_verified(part);
    fl_part_close(part);
    end(&f);
}

/* More annotation keys than a part has columns: the rest is kept whole, through merges as well. */
static void records_beyond_the_bounds_of_the_schema_are_kept_whole(void **state)
{
    (void)state;
    fixture f;
    fl_part_info info;
    begin(&f);
    f.segments.new_keys = 100;
    rig_piece *pieces = make_pieces(&f, 600, 4);
    rig_write(f.fs, "/a", pieces, 600, 500);
    fl_part *part = open_part(&f, "/a");
    assert_int_equal(fl_part_layout_of(part).paths, FL_PART_PATHS_MAX);
    rig_assert_part(part, pieces, 600);
    fl_part_merge merge = {.inputs = &part, .count = 1};
    fl_err err = {0};
    assert_ok(fl_part_merge_to(&merge, f.fs, "/b", NULL, &info, &err), &err);
    assert_int_equal(info.spans, fl_part_info_of(part)->spans);
    fl_part_close(part);
    part = open_part(&f, "/b");
    rig_assert_part(part, pieces, 600);
    rig_assert_verified(part);
    fl_part_close(part);
    end(&f);
}

static void info_tells_of_all_rows(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    rig_piece *pieces = make_pieces(&f, 50, 3);
    rig_write(f.fs, RIG_PATH, pieces, 50, 16);
    fl_part *part = open_part(&f, RIG_PATH);
    const fl_part_info *info = fl_part_info_of(part);
    uint64_t packed = 0;
    for (size_t i = 0; i < 50; i++) {
        for (uint32_t k = 0; k < 3; k++) {
            packed += pieces[i].packed[k].n;
        }
    }
    assert_int_equal(info->records, 150);
    assert_int_equal(info->packed_bytes, packed);
    assert_true(fl_trace_id_eq(info->newest.id, pieces[0].row.id));
    assert_true(fl_trace_id_eq(info->oldest.id, pieces[49].row.id));
    assert_int_equal(info->epoch_min, 1795382156);
    assert_int_equal(info->epoch_max, 1795382156);
    assert_int_equal(info->arrival_max, 49 * 100 + 2);
    fl_part_close(part);
    end(&f);
}

static void a_joined_row_has_the_times_and_counts_of_all_pieces(void **state)
{
    (void)state;
    fl_trace_id id = id_of(1);
    fl_part_row pieces[] = {{.id = id,
                             .time_ns = START_NS,
                             .start_ns = START_NS + 5,
                             .last_end_ns = FL_TIME_NONE,
                             .first_arrival_ns = 10,
                             .last_arrival_ns = 20,
                             .last_arrival = 3,
                             .json_bytes = 100,
                             .record_count = 2,
                             .revision = 1},
                            {.id = id,
                             .time_ns = START_NS,
                             .start_ns = START_NS + 2,
                             .last_end_ns = START_NS + 9,
                             .first_arrival_ns = 15,
                             .last_arrival_ns = 40,
                             .last_arrival = 9,
                             .json_bytes = 50,
                             .record_count = 3,
                             .revision = 2,
                             .limit_exceeded = true,
                             .continues = true}};
    fl_part_row row = fl_part_row_join(pieces, 2);
    assert_int_equal(row.start_ns, START_NS + 2);
    assert_int_equal(row.time_ns, START_NS);
    assert_int_equal(row.last_end_ns, START_NS + 9);
    assert_int_equal(row.first_arrival_ns, 10);
    assert_int_equal(row.last_arrival_ns, 40);
    assert_int_equal(row.last_arrival, 9);
    assert_int_equal(row.json_bytes, 150);
    assert_int_equal(row.record_count, 5);
    assert_int_equal(row.revision, 3);
    assert_true(row.limit_exceeded && row.continues);
}

/* ---- Damage */

static void count_problem(void *user, const char *text)
{
    (void)user;
    assert_true(text[0] != '\0');
}

/* Opening fails, or verifying tells of it. */
static void assert_seen(fixture *f, size_t at)
{
    fl_part *part;
    uint64_t problems = 0;
    fl_err err = {0};
    fl_status status = fl_part_open(f->fs, RIG_PATH, &part, &err);
    if (status != FL_OK) {
        assert_int_equal(status, FL_E_CORRUPT);
        assert_true(err.message[0] != '\0');
        return;
    }
    assert_ok(fl_part_verify(part, count_problem, NULL, &problems, &err), &err);
    if (problems == 0) {
        fail_msg("nobody saw the damage at byte %zu", at);
    }
    fl_part_close(part);
}

static void every_damaged_byte_is_seen(void **state)
{
    (void)state;
    fixture f;
    const char *path;
    unsigned char *content;
    size_t n;
    begin(&f);
    rig_write(f.fs, RIG_PATH, make_pieces(&f, 6, 2), 6, 8);
    assert_true(fault_fs_file(f.fault, 0, &path, &content, &n));
    for (size_t at = 0; at < n; at += 1 + at % 7) {
        content[at] ^= 0x10;
        assert_seen(&f, at);
        content[at] ^= 0x10;
    }
    end(&f);
}

static void a_cut_file_is_refused(void **state)
{
    (void)state;
    fixture f;
    const char *path;
    unsigned char *content;
    size_t n;
    fl_part *part;
    begin(&f);
    rig_write(f.fs, RIG_PATH, make_pieces(&f, 6, 2), 6, 8);
    assert_true(fault_fs_file(f.fault, 0, &path, &content, &n));
    while (n != 0) {
        n = n > 97 ? n - 97 : 0;
        fault_fs_set_size(f.fault, RIG_PATH, n);
        assert_int_equal(fl_part_open(f.fs, RIG_PATH, &part, NULL), FL_E_CORRUPT);
    }
    end(&f);
}

/* ---- Failing files */

static void a_failing_call_is_an_error_and_nothing_else(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    rig_piece *pieces = make_pieces(&f, 10, 2);
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        char path[32];
        snprintf(path, sizeof path, "/%u", (unsigned)n);
        fault_fs_fail_at(f.fault, n);
        fl_status status = rig_try_write(f.fs, path, pieces, 10, 8);
        failed = fault_fs_failed(f.fault);
        assert_int_equal(status, failed ? FL_E_IO : FL_OK);
        fault_fs_fail_at(f.fault, 0);
    }
    end(&f);
}

static fl_status read_rows(fl_fs *fs, const char *path, uint64_t *problems)
{
    fl_part *part;
    FL_TRY(fl_part_open(fs, path, &part, NULL));
    fl_status status = fl_part_verify(part, NULL, NULL, problems, NULL);
    fl_part_close(part);
    return status;
}

static void a_failing_read_is_no_damage(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    rig_write(f.fs, RIG_PATH, make_pieces(&f, 5, 2), 5, 8);
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        uint64_t problems = 0;
        fault_fs_fail_at(f.fault, n);
        fl_status status = read_rows(f.fs, RIG_PATH, &problems);
        failed = fault_fs_failed(f.fault);
        assert_int_equal(status, failed ? FL_E_IO : FL_OK);
        assert_int_equal(problems, 0);
        fault_fs_fail_at(f.fault, 0);
    }
    end(&f);
}

/* ---- Merges */

static bool keep_none(void *user, fl_part_row *row)
{
    (void)user, (void)row;
    return false;
}

static void a_merge_that_keeps_nothing_leaves_no_file(void **state)
{
    (void)state;
    fixture f;
    fl_part_info info;
    begin(&f);
    rig_write(f.fs, "/a", make_pieces(&f, 5, 1), 5, 0);
    fl_part *part = open_part(&f, "/a");
    fl_part_merge merge = {.inputs = &part, .count = 1, .keep = keep_none};
    assert_int_equal(fl_part_merge_to(&merge, f.fs, "/b", NULL, &info, NULL), FL_OK);
    assert_int_equal(info.rows, 0);
    fl_file file;
    assert_int_equal(f.fs->open(f.fs, "/b", FL_OPEN_READ, &file, NULL), FL_E_NOT_FOUND);
    fl_part_close(part);
    end(&f);
}

static bool go_on_while(void *user)
{
    uint32_t *left = user;
    return (*left)-- != 0;
}

static void a_merge_ends_when_it_is_told_to(void **state)
{
    (void)state;
    fixture f;
    fl_part_info info;
    begin(&f);
    rig_write(f.fs, "/a", make_pieces(&f, 50, 1), 50, 4);
    fl_part *part = open_part(&f, "/a");
    for (uint32_t blocks = 0; blocks < 3; blocks++) {
        char path[32];
        uint32_t left = blocks;
        snprintf(path, sizeof path, "/b%u", (unsigned)blocks);
        fl_part_merge merge = {.inputs = &part, .count = 1, .go_on = go_on_while, .user = &left};
        assert_int_equal(fl_part_merge_to(&merge, f.fs, path, NULL, &info, NULL), FL_E_SHUTDOWN);
    }
    fl_part_close(part);
    end(&f);
}

static bool clear_continues(void *user, fl_part_row *row)
{
    (void)user;
    row->continues = !row->continues;
    return true;
}

static void keep_may_change_whether_a_row_continues(void **state)
{
    (void)state;
    fixture f;
    fl_part_info info;
    begin(&f);
    rig_piece *pieces = make_pieces(&f, 20, 1);
    rig_write(f.fs, "/a", pieces, 20, 4);
    fl_part *part = open_part(&f, "/a");
    fl_part_merge merge = {.inputs = &part, .count = 1, .keep = clear_continues};
    assert_int_equal(fl_part_merge_to(&merge, f.fs, "/b", NULL, &info, NULL), FL_OK);
    fl_part_close(part);
    for (size_t i = 0; i < 20; i++) {
        pieces[i].row.continues = !pieces[i].row.continues;
    }
    part = open_part(&f, "/b");
    rig_assert_part(part, pieces, 20);
    fl_part_close(part);
    end(&f);
}

/* Merges /a, the older half of the pieces, and /b, the newer one, into /c, whose blocks it counts.
 */
static uint32_t merge_halves(fixture *f, rig_piece *pieces, size_t count, uint32_t block_rows)
{
    fl_err err = {0};
    fl_part_info info;
    size_t half = count / 2;
    fl_part_options options = {.block_rows = block_rows};
    rig_write(f->fs, "/b", pieces, half, block_rows);
    rig_write(f->fs, "/a", pieces + half, count - half, block_rows);
    fl_part *parts[] = {open_part(f, "/a"), open_part(f, "/b")};
    fl_part_merge merge = {.inputs = parts, .count = 2};
    assert_ok(fl_part_merge_to(&merge, f->fs, "/c", &options, &info, &err), &err);
    fl_part_close(parts[0]);
    fl_part_close(parts[1]);
    fl_part *part = open_part(f, "/c");
    uint32_t blocks = fl_part_layout_of(part).blocks;
    rig_assert_part(part, pieces, count);
    rig_assert_verified(part);
    fl_part_close(part);
    return blocks;
}

/* The last block of each half has 4 of 8 spans: taken one by one, rows would fill it up. */
static void blocks_that_follow_each_other_are_copied_whole(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    f.segments.depth = 0;
    rig_piece *pieces = make_pieces(&f, 24, 1);
    assert_int_equal(merge_halves(&f, pieces, 24, 8), 4);
    end(&f);
}

/* The last block of the newer half, of 2 spans, is not worth keeping, nor are those that it fills.
 */
static void small_blocks_are_filled_up(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    f.segments.depth = 0;
    rig_piece *pieces = make_pieces(&f, 4, 1);
    assert_int_equal(merge_halves(&f, pieces, 4, 8), 1);
    end(&f);
}

/* More paths than a part can have: records of the older half are kept whole. */
static void a_block_whose_shapes_find_no_room_is_copied_by_rows(void **state)
{
    enum { COUNT = TEST_IS_SLOW ? 60 : 600 };
    (void)state;
    fixture f;
    begin(&f);
    f.segments.new_keys = 100;
    rig_piece *pieces = make_pieces(&f, COUNT, 4);
    (void)merge_halves(&f, pieces, COUNT, 500);
    end(&f);
}

/* ---- Many readers */

typedef struct reader {
    fl_part *part;
    const rig_piece *pieces;
    size_t count;
    pthread_t thread;
} reader;

static void *read_part(void *user)
{
    reader *r = user;
    for (int i = 0; i < 5; i++) {
        rig_assert_part(r->part, r->pieces, r->count);
        fl_part_trim(r->part);
        assert_true(fl_part_memory(r->part) != 0);
    }
    return NULL;
}

static void an_open_part_is_shared_by_threads(void **state)
{
    (void)state;
    fixture f;
    reader readers[4];
    begin(&f);
    rig_piece *pieces = make_pieces(&f, 30, 2);
    rig_write(f.fs, RIG_PATH, pieces, 30, 16);
    fl_part *part = open_part(&f, RIG_PATH);
    for (size_t i = 0; i < 4; i++) {
        readers[i] = (reader){part, pieces, 30, 0};
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_part, &readers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(readers[i].thread, NULL);
    }
    fl_part_close(part);
    end(&f);
}

static void columns_are_told_by_name(void **state)
{
    (void)state;
    fixture f;
    fl_part_column *columns;
    size_t count;
    fl_err err = {0};
    uint64_t names = 0, stored = 0;
    begin(&f);
    rig_write(f.fs, RIG_PATH, make_pieces(&f, 30, 2), 30, 16);
    fl_part *part = open_part(&f, RIG_PATH);
    assert_ok(fl_part_columns(part, &f.arena, &columns, &count, &err), &err);
    for (size_t i = 0; i < count; i++) {
        stored += columns[i].stored_bytes;
        if (fl_str_eq(columns[i].path, FL_S("name"))) {
            names = columns[i].values;
        }
        assert_true(i == 0 || columns[i - 1].stored_bytes + columns[i - 1].filter_bytes >=
                                  columns[i].stored_bytes + columns[i].filter_bytes);
    }
    fl_part_layout layout = fl_part_layout_of(part);
    assert_int_equal(names, fl_part_info_of(part)->spans);
    assert_true(stored <= layout.block_bytes);
    assert_int_equal(layout.block_bytes + layout.schema_bytes + layout.dictionary_bytes +
                         layout.filter_bytes + layout.index_bytes + layout.footer_bytes,
                     fl_part_info_of(part)->file_bytes);
    fl_part_close(part);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_out_of_order_are_refused),
        cmocka_unit_test(records_that_are_not_the_rows_are_refused),
        cmocka_unit_test(a_row_has_as_many_records_as_it_says),
        cmocka_unit_test(an_existing_file_is_not_written_over),
        cmocka_unit_test(a_trace_larger_than_a_block_goes_on_in_the_next),
        cmocka_unit_test(a_row_may_have_no_records),
        cmocka_unit_test(a_part_of_rows_without_records_is_fine),
        cmocka_unit_test(records_beyond_the_bounds_of_the_schema_are_kept_whole),
        cmocka_unit_test(info_tells_of_all_rows),
        cmocka_unit_test(a_joined_row_has_the_times_and_counts_of_all_pieces),
        cmocka_unit_test(every_damaged_byte_is_seen),
        cmocka_unit_test(a_cut_file_is_refused),
        cmocka_unit_test(a_failing_call_is_an_error_and_nothing_else),
        cmocka_unit_test(a_failing_read_is_no_damage),
        cmocka_unit_test(a_merge_that_keeps_nothing_leaves_no_file),
        cmocka_unit_test(a_merge_ends_when_it_is_told_to),
        cmocka_unit_test(keep_may_change_whether_a_row_continues),
        cmocka_unit_test(blocks_that_follow_each_other_are_copied_whole),
        cmocka_unit_test(small_blocks_are_filled_up),
        cmocka_unit_test(a_block_whose_shapes_find_no_room_is_copied_by_rows),
        cmocka_unit_test(an_open_part_is_shared_by_threads),
        cmocka_unit_test(columns_are_told_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
