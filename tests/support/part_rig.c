#include "support/part_rig.h"

#include <stdlib.h>

rig_piece rig_piece_of(random_segments *r, fl_trace_id id, int64_t start_ns, uint32_t records,
                       uint64_t arrival)
{
    rig_piece piece = {.row = {.id = id,
                               .start_ns = INT64_MAX,
                               .last_end_ns = FL_TIME_NONE,
                               .first_arrival_ns = INT64_MAX,
                               .last_arrival_ns = INT64_MIN,
                               .last_arrival = arrival + records - 1,
                               .json_bytes = test_random_below(r->random, 3) * 1000,
                               .record_count = records,
                               .revision = 1 + (uint32_t)test_random_below(r->random, 3),
                               .limit_exceeded = test_random_below(r->random, 50) == 0,
                               .continues = test_random_below(r->random, 10) == 0},
                       .packed = FL_ARENA_ARRAY(r->arena, fl_str, records),
                       .arrivals_ns = FL_ARENA_ARRAY(r->arena, int64_t, records),
                       .ends_ns = FL_ARENA_ARRAY(r->arena, int64_t, records)};
    fl_part_row *row = &piece.row;
    for (uint32_t i = 0; i < records; i++) {
        int64_t later_ns = i == 0 ? 0 : (int64_t)test_random_below(r->random, 1 << 20) * 1000;
        const fl_segment *segment = random_segment(r, id, start_ns + later_ns);
        int64_t end_ns = segment->end_ns;
        piece.packed[i] = test_pack(r->arena, segment);
        piece.ends_ns[i] = end_ns;
        piece.arrivals_ns[i] = start_ns + (int64_t)i * 1000003;
        row->start_ns = segment->start_ns < row->start_ns ? segment->start_ns : row->start_ns;
        row->last_end_ns = end_ns > row->last_end_ns ? end_ns : row->last_end_ns;
    }
    row->first_arrival_ns = start_ns;
    row->last_arrival_ns = piece.arrivals_ns[records - 1];
    row->time_ns = fl_trace_time_ns(id, row->start_ns);
    return piece;
}

rig_piece rig_piece_join(fl_arena *arena, const rig_piece *pieces, size_t count)
{
    fl_part_row *rows = FL_ARENA_ARRAY(arena, fl_part_row, count);
    assert_non_null(rows);
    for (size_t i = 0; i < count; i++) {
        rows[i] = pieces[i].row;
    }
    rig_piece joined = {.row = fl_part_row_join(rows, count)};
    size_t at = 0;
    joined.packed = FL_ARENA_ARRAY(arena, fl_str, joined.row.record_count);
    joined.arrivals_ns = FL_ARENA_ARRAY(arena, int64_t, joined.row.record_count);
    joined.ends_ns = FL_ARENA_ARRAY(arena, int64_t, joined.row.record_count);
    for (size_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < pieces[i].row.record_count; k++, at++) {
            joined.packed[at] = pieces[i].packed[k];
            joined.arrivals_ns[at] = pieces[i].arrivals_ns[k];
            joined.ends_ns[at] = pieces[i].ends_ns[k];
        }
    }
    return joined;
}

static fl_store_place place_of(const fl_part_row *row)
{
    return (fl_store_place){row->time_ns, row->start_ns, row->id};
}

static int compare_pieces(const void *left, const void *right)
{
    fl_store_place a = place_of(&((const rig_piece *)left)->row);
    fl_store_place b = place_of(&((const rig_piece *)right)->row);
    return fl_store_place_cmp(&a, &b);
}

void rig_sort(rig_piece *pieces, size_t count)
{
    qsort(pieces, count, sizeof *pieces, compare_pieces);
}

static fl_status write_pieces(fl_part_writer *writer, const rig_piece *pieces, size_t count,
                              fl_part_info *info)
{
    for (size_t i = 0; i < count; i++) {
        FL_TRY(fl_part_writer_row(writer, &pieces[i].row, NULL));
        for (uint32_t k = 0; k < pieces[i].row.record_count; k++) {
            FL_TRY(
                fl_part_writer_record(writer, pieces[i].packed[k], pieces[i].arrivals_ns[k], NULL));
        }
    }
    return fl_part_writer_finish(writer, info, NULL);
}

fl_status rig_try_write(fl_fs *fs, const char *path, const rig_piece *pieces, size_t count,
                        uint32_t block_rows)
{
    fl_part_writer *writer;
    fl_part_info info;
    fl_part_options options = {.block_rows = block_rows};
    FL_TRY(fl_part_writer_new(fs, path, &options, &writer, NULL));
    fl_status status = write_pieces(writer, pieces, count, &info);
    fl_part_writer_free(writer);
    return status;
}

void rig_write(fl_fs *fs, const char *path, const rig_piece *pieces, size_t count,
               uint32_t block_rows)
{
    assert_int_equal(rig_try_write(fs, path, pieces, count, block_rows), FL_OK);
}

/* ---- What must come back */

typedef struct expected_records {
    const rig_piece *piece;
    uint32_t at;
} expected_records;

static fl_status check_record(void *user, fl_str packed, int64_t arrival_ns, fl_err *err)
{
    expected_records *e = user;
    (void)err;
    assert_true(e->at < e->piece->row.record_count);
    assert_int_equal(packed.n, e->piece->packed[e->at].n);
    assert_memory_equal(packed.p, e->piece->packed[e->at].p, packed.n);
    assert_int_equal(arrival_ns, e->piece->arrivals_ns[e->at]);
    e->at++;
    return FL_OK;
}

static bool check_times(void *user, const int64_t *ends_ns, const int64_t *arrivals_ns,
                        size_t count)
{
    expected_records *e = user;
    for (size_t i = 0; i < count; i++, e->at++) {
        assert_true(e->at < e->piece->row.record_count);
        assert_int_equal(ends_ns[i], e->piece->ends_ns[e->at]);
        assert_int_equal(arrivals_ns[i], e->piece->arrivals_ns[e->at]);
    }
    return true;
}

static void assert_row(const fl_part_row *row, const fl_part_row *expected)
{
    assert_true(fl_trace_id_eq(row->id, expected->id));
    assert_int_equal(row->time_ns, expected->time_ns);
    assert_int_equal(row->start_ns, expected->start_ns);
    assert_int_equal(row->last_end_ns, expected->last_end_ns);
    assert_int_equal(row->first_arrival_ns, expected->first_arrival_ns);
    assert_int_equal(row->last_arrival_ns, expected->last_arrival_ns);
    assert_int_equal(row->last_arrival, expected->last_arrival);
    assert_int_equal(row->json_bytes, expected->json_bytes);
    assert_int_equal(row->record_count, expected->record_count);
    assert_int_equal(row->revision, expected->revision);
    assert_int_equal(row->limit_exceeded, expected->limit_exceeded);
    assert_int_equal(row->continues, expected->continues);
}

/* From some record on, and all times. */
static void assert_records(fl_part_cursor *cursor, uint32_t row, const rig_piece *piece)
{
    fl_err err = {0};
    uint32_t count = piece->row.record_count;
    uint32_t firsts[] = {0, count / 2, count};
    for (size_t i = 0; i < 3; i++) {
        uint32_t limit = i == 0 ? UINT32_MAX : 2;
        expected_records e = {piece, firsts[i]};
        assert_ok(fl_part_records(cursor, row, firsts[i], limit, check_record, &e, &err), &err);
        uint32_t left = count - firsts[i];
        assert_int_equal(e.at - firsts[i], left < limit ? left : limit);
    }
    expected_records e = {piece, 0};
    assert_ok(fl_part_times(cursor, row, check_times, &e, &err), &err);
    assert_int_equal(e.at, count);
}

static void assert_found(fl_part *part, fl_part_cursor *cursor, uint32_t row,
                         const rig_piece *piece)
{
    fl_err err = {0};
    uint32_t found;
    fl_store_place place = place_of(&piece->row);
    assert_true(fl_part_may_have(part, piece->row.id));
    assert_ok(fl_part_find(part, piece->row.id, &found, &err), &err);
    assert_int_equal(found, row);
    assert_ok(fl_part_seek(cursor, &place, &found, &err), &err);
    assert_int_equal(found, row + 1);
    place.start_ns++; /* a little newer: this row is the first behind it */
    assert_ok(fl_part_seek(cursor, &place, &found, &err), &err);
    assert_int_equal(found, row);
}

void rig_assert_part(fl_part *part, const rig_piece *pieces, size_t count)
{
    fl_err err = {0};
    fl_part_cursor *cursor;
    uint32_t absent;
    size_t continued = 0, listed;
    assert_int_equal(fl_part_info_of(part)->rows, count);
    const fl_part_continued_row *rows = fl_part_continued(part, &listed);
    assert_ok(fl_part_cursor_new(part, &cursor, &err), &err);
    for (uint32_t i = 0; i < count; i++) {
        fl_part_row row;
        assert_ok(fl_part_row_at(cursor, i, &row, &err), &err);
        assert_row(&row, &pieces[i].row);
        assert_records(cursor, i, &pieces[i]);
        assert_found(part, cursor, i, &pieces[i]);
        if (pieces[i].row.continues) {
            assert_true(continued < listed && rows[continued].row == i &&
                        fl_trace_id_eq(rows[continued].id, pieces[i].row.id));
            continued++;
        }
    }
    assert_int_equal(continued, listed);
    assert_ok(fl_part_find(part, (fl_trace_id){77, 77}, &absent, &err), &err);
    assert_int_equal(absent, FL_PART_ROW_NONE);
    fl_part_cursor_free(cursor);
}

static void print_problem(void *user, const char *text)
{
    (void)user;
    print_error("%s\n", text);
}

void rig_assert_verified(fl_part *part)
{
    fl_err err = {0};
    uint64_t problems;
    assert_ok(fl_part_verify(part, print_problem, NULL, &problems, &err), &err);
    assert_int_equal(problems, 0);
}
