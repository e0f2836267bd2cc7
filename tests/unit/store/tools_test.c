/* A data directory looked at from outside: files, parts, the log, and what is damaged in them. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/fault_fs.h"
#include "support/store_rig.h"

#define TRACES 40

typedef struct fixture {
    store_rig rig;
    char *dir;
    fl_arena arena;
    fl_data_dir found;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return -1;
    }
    f->dir = test_temp_dir();
    rig_init(&f->rig, 1, f->dir, NULL);
    fl_arena_init(&f->arena, (size_t)64 << 20);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    rig_fini(&f->rig);
    fl_arena_fini(&f->arena);
    test_remove_dir(f->dir);
    free(f);
    return 0;
}

static void list(fixture *f)
{
    fl_err err = {0};
    assert_ok(fl_data_list(fl_fs_system(), f->dir, &f->arena, &f->found, &err), &err);
}

static void put(fixture *f, uint64_t first, uint64_t count)
{
    fl_err err = {0};
    for (uint64_t trace = first; trace < first + count; trace++) {
        fl_segment segment = rig_segment(trace, trace + 1, (int64_t)trace);
        assert_ok(rig_put(&f->rig, &segment, &err), &err);
    }
}

/* TRACES traces in a part, as many others in the log; the store stays open. */
static void fill(fixture *f)
{
    fl_err err = {0};
    rig_open(&f->rig);
    put(f, 0, TRACES);
    assert_ok(fl_store_local_settle(f->rig.store, &err), &err);
    put(f, TRACES, TRACES);
    list(f);
}

/* ---- Names */

static void touch(const fixture *f, const char *name)
{
    char path[FL_LOCAL_PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    int file = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(file >= 0);
    close(file);
}

static void make_folders(const fixture *f)
{
    char path[FL_LOCAL_PATH_MAX];
    snprintf(path, sizeof path, "%s/log", f->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/parts", f->dir);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void a_folder_without_log_and_parts_is_not_found(void **state)
{
    fixture *f = *state;
    fl_err err = {0};
    touch(f, "notes");
    assert_int_equal(fl_data_list(fl_fs_system(), f->dir, &f->arena, &f->found, &err),
                     FL_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "is no data directory of fluoro; name"));
    assert_int_equal(fl_data_list(fl_fs_system(), "/nonexistent", &f->arena, &f->found, &err),
                     FL_E_NOT_FOUND);
}

static void names_are_sorted_out(void **state)
{
    fixture *f = *state;
    make_folders(f);
    touch(f, "log/00000000000000a1-3.log");
    touch(f, "log/0000000000000002-10.log");
    touch(f, "log/2-10.log");
    touch(f, "parts/20250204-0000000000000004-0000000000000004-0.part");
    touch(f, "parts/20250204-0000000000000001-0000000000000008-1.part");
    touch(f, "parts/20250203-0000000000000004-0000000000000004-0.part");
    touch(f, "parts/20250204-0000000000000009-0000000000000009-0.part.tmp");
    touch(f, "parts/x.part.tmp");
    list(f);
    assert_int_equal(f->found.log_count, 2);
    assert_int_equal(f->found.logs[0].sequence, 2);
    assert_int_equal(f->found.logs[0].shard, 10);
    assert_int_equal(f->found.logs[1].sequence, 0xa1);
    assert_int_equal(f->found.part_count, 3);
    assert_str(f->found.parts[0].name, "20250203-0000000000000004-0000000000000004-0.part");
    assert_false(f->found.parts[0].replaced);
    assert_int_equal(f->found.parts[1].high, 8);
    assert_false(f->found.parts[1].replaced);
    assert_true(f->found.parts[2].replaced); /* its range of that day lies in another's */
    assert_int_equal(f->found.unfinished_count, 1);
    assert_int_equal(f->found.stranger_count, 2);
    assert_str(f->found.strangers[0], "parts/x.part.tmp");
    assert_str(f->found.strangers[1], "log/2-10.log");
}

/* ---- Sound files */

static void note_problem(void *user, const char *text)
{
    snprintf(user, FL_ERR_MESSAGE_MAX, "%s", text);
}

static uint64_t problems_of_part(const fl_data_part *part, char text[FL_ERR_MESSAGE_MAX])
{
    fl_err err = {0};
    uint64_t problems = 0;
    assert_ok(fl_data_part_verify(fl_fs_system(), part, note_problem, text, &problems, &err), &err);
    return problems;
}

static fl_data_log_facts read_log(const fl_data_log *log, char text[FL_ERR_MESSAGE_MAX])
{
    fl_err err = {0};
    fl_data_log_facts facts;
    assert_ok(fl_data_log_read(fl_fs_system(), log, note_problem, text, &facts, &err), &err);
    return facts;
}

static void parts_tell_their_numbers_beside_the_store_that_has_them(void **state)
{
    fixture *f = *state;
    char text[FL_ERR_MESSAGE_MAX] = "";
    fl_data_part_facts facts;
    fl_err err = {0};
    fill(f);
    assert_int_equal(f->found.part_count, 1);
    const fl_data_part *part = &f->found.parts[0];
    assert_ok(fl_data_part_read(fl_fs_system(), part, true, &f->arena, &facts, &err), &err);
    assert_int_equal(facts.traces, TRACES);
    assert_int_equal(facts.segments, TRACES);
    assert_int_equal(facts.spans, TRACES);
    struct stat status;
    assert_int_equal(stat(part->path, &status), 0);
    assert_int_equal(facts.file_bytes, status.st_size);
    assert_true(facts.oldest_ns <= facts.newest_ns);
    uint64_t stored = 0;
    for (size_t i = 0; i < facts.column_count; i++) {
        assert_true(facts.columns[i].values > 0);
        stored += facts.columns[i].stored_bytes;
    }
    assert_true(stored > 0 && stored <= facts.block_bytes);
    assert_int_equal(problems_of_part(part, text), 0);
    assert_string_equal(text, "");
}

static void columns_are_read_on_demand_only(void **state)
{
    fixture *f = *state;
    fl_data_part_facts facts;
    fl_err err = {0};
    fill(f);
    assert_ok(fl_data_part_read(fl_fs_system(), &f->found.parts[0], false, &f->arena, &facts, &err),
              &err);
    assert_null(facts.columns);
    assert_int_equal(facts.column_count, 0);
}

static void the_log_tells_its_numbers(void **state)
{
    fixture *f = *state;
    char text[FL_ERR_MESSAGE_MAX] = "";
    uint64_t records = 0, segments = 0, frames = 0;
    fill(f);
    assert_true(f->found.log_count > 0);
    for (size_t i = 0; i < f->found.log_count; i++) {
        fl_data_log_facts facts = read_log(&f->found.logs[i], text);
        records += facts.records;
        segments += facts.segments;
        frames += facts.frames;
        assert_int_equal(facts.mended + facts.damaged_bytes + facts.unfinished_bytes, 0);
        assert_int_equal(facts.first_arrival_ns, RIG_EPOCH_NS);
        assert_int_equal(facts.last_arrival_ns, RIG_EPOCH_NS);
    }
    assert_string_equal(text, "");
    assert_true(segments >= TRACES && records >= segments && frames > 0);
}

static void what_is_gone_is_not_found(void **state)
{
    fixture *f = *state;
    fl_err err = {0};
    fl_data_part_facts facts;
    fl_data_log_facts log_facts;
    uint64_t problems;
    const fl_data_part part = {.name = FL_S("x"), .path = "/nonexistent/x"};
    const fl_data_log log = {.name = FL_S("x"), .path = "/nonexistent/x"};
    fl_fs *fs = fl_fs_system();
    assert_int_equal(fl_data_part_read(fs, &part, false, &f->arena, &facts, &err), FL_E_NOT_FOUND);
    assert_int_equal(fl_data_part_verify(fs, &part, note_problem, NULL, &problems, &err),
                     FL_E_NOT_FOUND);
    assert_int_equal(fl_data_log_read(fs, &log, NULL, NULL, &log_facts, &err), FL_E_NOT_FOUND);
}

/* ---- Damaged files */

static void flip(const char *path, off_t at)
{
    unsigned char byte;
    int file = open(path, O_RDWR);
    assert_true(file >= 0);
    assert_int_equal(pread(file, &byte, 1, at), 1);
    byte ^= 0x41;
    assert_int_equal(pwrite(file, &byte, 1, at), 1);
    close(file);
}

static void every_flipped_byte_of_a_part_is_found(void **state)
{
    fixture *f = *state;
    struct stat status;
    fill(f);
    const fl_data_part *part = &f->found.parts[0];
    assert_int_equal(stat(part->path, &status), 0);
    for (off_t at = 0; at < status.st_size; at += 3) {
        char text[FL_ERR_MESSAGE_MAX] = "";
        flip(part->path, at);
        if (problems_of_part(part, text) == 0) {
            fail_msg("byte %lld of %lld: not found", (long long)at, (long long)status.st_size);
        }
        assert_true(text[0] != '\0');
        flip(part->path, at);
    }
}

static void a_part_of_another_day_is_a_problem(void **state)
{
    fixture *f = *state;
    char text[FL_ERR_MESSAGE_MAX] = "";
    fill(f);
    fl_data_part part = f->found.parts[0];
    part.day_ns += INT64_C(86400) * FL_NS_PER_S;
    assert_int_equal(problems_of_part(&part, text), 1);
    assert_string_equal(text, "the file's name tells of another day than its traces");
}

/* A file of its own: the first record's document begins somewhere behind offset 140. */
static const fl_data_log *largest_log(fixture *f)
{
    size_t best = 0;
    struct stat a, b;
    for (size_t i = 1; i < f->found.log_count; i++) {
        assert_int_equal(stat(f->found.logs[best].path, &a), 0);
        assert_int_equal(stat(f->found.logs[i].path, &b), 0);
        best = b.st_size > a.st_size ? i : best;
    }
    return &f->found.logs[best];
}

static void one_damaged_byte_of_the_log_is_mended_in_mind_only(void **state)
{
    fixture *f = *state;
    fill(f);
    const fl_data_log *log = largest_log(f);
    char text[FL_ERR_MESSAGE_MAX] = "";
    uint64_t records = read_log(log, text).records;
    for (off_t at = 0; at < 104; at += 3) { /* headers of file and frame, the first bytes behind */
        flip(log->path, at);
        for (int again = 0; again < 2; again++) { /* nothing was written back */
            fl_data_log_facts facts = read_log(log, text);
            assert_int_equal(facts.records, records);
            assert_int_equal(facts.mended, 1);
            assert_int_equal(facts.damaged_bytes, 0);
        }
        assert_non_null(strstr(text, "has a damage that its checksum mends, nothing is lost"));
        flip(log->path, at);
    }
}

static void damage_beyond_repair_has_its_place_and_number(void **state)
{
    fixture *f = *state;
    fill(f);
    const fl_data_log *log = largest_log(f);
    char text[FL_ERR_MESSAGE_MAX] = "";
    uint64_t records = read_log(log, text).records;
    flip(log->path, 32 + 64);
    flip(log->path, 32 + 64 + 20);
    fl_data_log_facts facts = read_log(log, text);
    assert_int_equal(facts.records, records - 1);
    assert_true(facts.damaged_bytes > 64);
    assert_non_null(strstr(text, "offset 32: "));
    assert_non_null(strstr(text, " bytes are damaged beyond repair, 1 records lost"));
}

static void an_unfinished_commit_is_no_problem(void **state)
{
    fixture *f = *state;
    fill(f);
    const fl_data_log *log = largest_log(f);
    char text[FL_ERR_MESSAGE_MAX] = "";
    struct stat status;
    uint64_t records = read_log(log, text).records;
    assert_int_equal(stat(log->path, &status), 0);
    assert_int_equal(truncate(log->path, status.st_size - 8), 0);
    fl_data_log_facts facts = read_log(log, text);
    assert_int_equal(facts.records, records - 1);
    assert_true(facts.unfinished_bytes > 0);
    assert_int_equal(facts.damaged_bytes, 0);
    assert_int_equal(truncate(log->path, 20), 0);
    facts = read_log(log, text);
    assert_int_equal(facts.unfinished_bytes, 20);
    assert_string_equal(text, "");
}

static void what_is_no_log_is_a_problem(void **state)
{
    fixture *f = *state;
    fill(f);
    const fl_data_log *log = largest_log(f);
    char text[FL_ERR_MESSAGE_MAX] = "";
    for (off_t at = 0; at < 8; at++) {
        flip(log->path, at);
    }
    fl_data_log_facts facts = read_log(log, text);
    assert_string_equal(text, "offset 0: no log file of fluoro");
    assert_int_equal(facts.records, 0);
    assert_int_equal(facts.damaged_bytes, facts.bytes);
}

/* ---- A disk that fails */

/* Everything that the tools read, in one go; the first failure. */
static fl_status read_everything(fl_fs *fs, fl_arena *arena)
{
    fl_data_dir found;
    fl_data_part_facts facts;
    fl_data_log_facts log_facts;
    uint64_t problems;
    char text[FL_ERR_MESSAGE_MAX];
    fl_err err = {0};
    FL_TRY(fl_data_list(fs, "/data", arena, &found, &err));
    for (size_t i = 0; i < found.part_count; i++) {
        FL_TRY(fl_data_part_read(fs, &found.parts[i], true, arena, &facts, &err));
        FL_TRY(fl_data_part_verify(fs, &found.parts[i], note_problem, text, &problems, &err));
        assert_int_equal(problems, 0);
    }
    for (size_t i = 0; i < found.log_count; i++) {
        FL_TRY(fl_data_log_read(fs, &found.logs[i], note_problem, text, &log_facts, &err));
    }
    return FL_OK;
}

static void every_failing_call_is_an_error_and_no_problem(void **state)
{
    (void)state;
    fault_fs *fs = fault_fs_new();
    fixture f = {0};
    fl_err err = {0};
    rig_init(&f.rig, 1, "/data", fault_fs_calls(fs));
    fl_arena_init(&f.arena, (size_t)64 << 20);
    rig_open(&f.rig);
    put(&f, 0, TRACES);
    assert_ok(fl_store_local_settle(f.rig.store, &err), &err);
    put(&f, TRACES, TRACES);
    fault_fs *killed = fault_fs_after_kill(fs); /* nobody else calls it */
    rig_fini(&f.rig);
    uint64_t call = 0;
    fl_status status;
    do {
        fl_arena_reset(&f.arena);
        fault_fs_fail_at(killed, ++call);
        status = read_everything(fault_fs_calls(killed), &f.arena);
        assert_int_equal(status, fault_fs_failed(killed) ? FL_E_IO : FL_OK);
    } while (status != FL_OK);
    assert_true(call > 10);
    fault_fs_free(killed);
    fault_fs_free(fs);
    fl_arena_fini(&f.arena);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_folder_without_log_and_parts_is_not_found),
        TEST(names_are_sorted_out),
        TEST(parts_tell_their_numbers_beside_the_store_that_has_them),
        TEST(columns_are_read_on_demand_only),
        TEST(the_log_tells_its_numbers),
        TEST(what_is_gone_is_not_found),
        TEST(every_flipped_byte_of_a_part_is_found),
        TEST(a_part_of_another_day_is_a_problem),
        TEST(one_damaged_byte_of_the_log_is_mended_in_mind_only),
        TEST(damage_beyond_repair_has_its_place_and_number),
        TEST(an_unfinished_commit_is_no_problem),
        TEST(what_is_no_log_is_a_problem),
        cmocka_unit_test(every_failing_call_is_an_error_and_no_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
