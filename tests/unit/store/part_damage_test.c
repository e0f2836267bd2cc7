/* A block of a part that cannot be read: what is lost by it, and what is told of it. */
#include <stdio.h>

#include "store/part/part_int.h"
#include "unit/store/store_fixture.h"

#define TRACES     24
#define BLOCK_ROWS 8

static int set_up_settled(void **state)
{
    fl_err err;
    if (set_up(state) != 0) {
        return -1;
    }
    fixture *f = *state;
    rig_fini(&f->rig);
    rig_init(&f->rig, 1, f->dir, NULL); /* one shard: one part */
    f->rig.options.block_rows = BLOCK_ROWS;
    rig_open(&f->rig);
    for (uint64_t i = 0; i < TRACES; i++) {
        put_segment(f, i, i + 1, (int64_t)i);
    }
    assert_ok(fl_store_local_settle(f->rig.store, &err), &err);
    rig_close(&f->rig);
    return 0;
}

static void only_part(fixture *f, char path[FL_LOCAL_PATH_MAX])
{
    fl_str *names;
    size_t count;
    fl_err err;
    snprintf(path, FL_LOCAL_PATH_MAX, "%s/parts", f->dir);
    assert_ok(fl_fs_system()->list(fl_fs_system(), path, &f->arena, &names, &count, &err), &err);
    assert_int_equal(count, 1);
    snprintf(path, FL_LOCAL_PATH_MAX, "%s/parts/%.*s", f->dir, FL_P(names[0]));
}

/* Changes a byte of the part's file. */
static void damage(const char *path, uint64_t at)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ 1, file), byte ^ 1);
    assert_int_equal(fclose(file), 0);
}

/* Damages the middle of the three blocks, in its directory or at its end;
 * returns the ids of the traces in it and in the others. */
static void damage_block(fixture *f, bool in_head, fl_trace_id lost[BLOCK_ROWS],
                         fl_trace_id left[TRACES - BLOCK_ROWS])
{
    char path[FL_LOCAL_PATH_MAX];
    fl_part *part;
    fl_part_cursor *cursor;
    fl_err err;
    size_t lost_count = 0, left_count = 0;
    only_part(f, path);
    assert_ok(fl_part_open(fl_fs_system(), path, &part, &err), &err);
    assert_int_equal(part->block_count, TRACES / BLOCK_ROWS);
    assert_ok(fl_part_cursor_new(part, &cursor, &err), &err);
    for (uint32_t row = 0; row < TRACES; row++) {
        fl_part_row facts;
        assert_ok(fl_part_row_at(cursor, row, &facts, &err), &err);
        if (fl_part_block_of(part, row) == 1) {
            lost[lost_count++] = facts.id;
        } else {
            left[left_count++] = facts.id;
        }
    }
    assert_int_equal(lost_count, BLOCK_ROWS);
    const fl_part_block_info *block = &part->blocks[1];
    uint64_t at = block->offset + (in_head ? 20 : block->bytes - 1);
    fl_part_cursor_free(cursor);
    fl_part_close(part);
    damage(path, at);
}

static uint64_t damaged_parts(fixture *f)
{
    return fl_counter_get(&fl_store_stats_get(f->rig.store)->damaged_parts_total);
}

static fl_status get(fixture *f, const fl_trace_id *ids, size_t count, fl_stored_trace *out)
{
    fl_store_get asked = {.ids = ids, .count = count, .arena = &f->arena};
    rig_get(&f->rig, &asked);
    for (size_t i = 0; asked.status == FL_OK && i < count; i++) {
        out[i] = asked.traces[i];
    }
    return asked.status;
}

static void a_scan_goes_on_behind_a_damaged_block_and_tells_of_it_once(void **state)
{
    fixture *f = *state;
    fl_trace_id lost[BLOCK_ROWS], left[TRACES - BLOCK_ROWS];
    damage_block(f, true, lost, left);
    rig_open(&f->rig);
    for (int turn = 0; turn < 2; turn++) {
        fl_store_scan scan = rig_scan_all(&f->rig, &f->arena);
        assert_int_equal(scan.row_count, TRACES - BLOCK_ROWS);
        for (size_t i = 0; i < scan.row_count; i++) {
            assert_true(fl_trace_id_eq(scan.rows[i].id, left[i]));
        }
        assert_true(scan.reached_end);
        assert_int_equal(damaged_parts(f), 1);
        assert_int_equal(rig_logged(&f->rig, "part is damaged"), turn == 0);
        rig_clear_log(&f->rig);
    }
}

static void terms_are_asked_of_the_blocks_that_can_be_read(void **state)
{
    fixture *f = *state;
    fl_trace_id lost[BLOCK_ROWS], left[TRACES - BLOCK_ROWS];
    fl_store_term term = {.field = FL_S("name"), .op = FL_TERM_PRESENT};
    damage_block(f, true, lost, left);
    rig_open(&f->rig);
    fl_store_scan scan = {.from_ns = 0,
                          .to_ns = INT64_MAX,
                          .limit = 100,
                          .terms = &term,
                          .term_count = 1,
                          .arena = &f->arena};
    rig_scan(&f->rig, &scan);
    assert_ok(scan.status, &scan.err);
    assert_int_equal(scan.row_count, TRACES - BLOCK_ROWS);
    assert_int_equal(damaged_parts(f), 1);
}

static void traces_of_other_blocks_are_read(void **state)
{
    fixture *f = *state;
    fl_trace_id lost[BLOCK_ROWS], left[TRACES - BLOCK_ROWS];
    fl_stored_trace found[TRACES];
    damage_block(f, false, lost, left);
    rig_open(&f->rig);
    for (size_t i = 0; i < TRACES - BLOCK_ROWS; i++) {
        assert_int_equal(get(f, &left[i], 1, found), FL_OK);
        assert_int_equal(found[0].count, 1);
    }
    assert_int_equal(damaged_parts(f), 0);
    fl_trace_id both[] = {lost[3], left[3]};
    assert_int_equal(get(f, both, 1, found), FL_E_CORRUPT);
    assert_int_equal(get(f, both, 2, found), FL_OK);
    assert_int_equal(found[0].count, 0);
    assert_int_equal(found[1].count, 1);
    assert_int_equal(damaged_parts(f), 1);
}

static void expect_flaw(void *user, const char *text)
{
    (void)user;
    assert_non_null(strstr(text, "block 1 of "));
}

static void a_flaw_is_told_once(void **state)
{
    fixture *f = *state;
    fl_trace_id lost[BLOCK_ROWS], left[TRACES - BLOCK_ROWS];
    char path[FL_LOCAL_PATH_MAX];
    for (int in_head = 0; in_head < 2; in_head++) {
        fl_part *part;
        uint64_t problems;
        fl_err err;
        if (in_head != 0) {
            assert_int_equal(tear_down(state), 0);
            assert_int_equal(set_up_settled(state), 0);
            f = *state;
        }
        damage_block(f, in_head != 0, lost, left);
        only_part(f, path);
        assert_ok(fl_part_open(fl_fs_system(), path, &part, &err), &err);
        assert_ok(fl_part_verify(part, expect_flaw, NULL, &problems, &err), &err);
        assert_int_equal(problems, 1);
        fl_part_close(part);
    }
}

#define DAMAGE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_settled, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DAMAGE_TEST(a_scan_goes_on_behind_a_damaged_block_and_tells_of_it_once),
        DAMAGE_TEST(terms_are_asked_of_the_blocks_that_can_be_read),
        DAMAGE_TEST(traces_of_other_blocks_are_read),
        DAMAGE_TEST(a_flaw_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
