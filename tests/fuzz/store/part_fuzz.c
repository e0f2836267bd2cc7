/*
 * Any bytes as a part file, once as they are and once without a look at checksums, which would keep
 * the fuzzer out: opened, looked up, walked, verified.
 */
#include "store/part/part_int.h"
#include "support/fault_fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

#define PATH     "/a.part"
#define ROWS_MAX 300 /* looked at; a few bytes can tell of millions */

static fl_status take_record(void *user, fl_str packed, int64_t arrival_ns, fl_err *err)
{
    (void)user, (void)packed, (void)arrival_ns, (void)err;
    return FL_OK;
}

static bool take_times(void *user, const int64_t *ends_ns, const int64_t *arrivals_ns, size_t count)
{
    (void)user, (void)ends_ns, (void)arrivals_ns;
    return count != 0;
}

static void walk(fl_part *part, fl_part_cursor *cursor)
{
    for (uint32_t row = 0; row < fl_part_info_of(part)->rows && row < ROWS_MAX; row++) {
        fl_part_row facts;
        uint32_t found;
        if (fl_part_row_at(cursor, row, &facts, NULL) == FL_OK) {
            fl_store_place place = {facts.time_ns, facts.start_ns, facts.id};
            (void)!fl_part_find(part, facts.id, &found, NULL);
            (void)!fl_part_seek(cursor, &place, &found, NULL);
        }
        (void)!fl_part_records(cursor, row, 0, ROWS_MAX, take_record, NULL, NULL);
        (void)!fl_part_times(cursor, row, take_times, NULL, NULL);
    }
}

static void read_all(fl_part *part)
{
    fl_part_cursor *cursor;
    fl_part_column *columns;
    size_t count;
    uint64_t problems;
    fl_arena arena;
    fl_arena_init(&arena, (size_t)64 << 20);
    if (fl_part_cursor_new(part, &cursor, NULL) == FL_OK) {
        walk(part, cursor);
        fl_part_cursor_free(cursor);
    }
    if (fl_part_info_of(part)->rows < ROWS_MAX) {
        (void)!fl_part_verify(part, NULL, NULL, &problems, NULL);
    }
    (void)!fl_part_columns(part, &arena, &columns, &count, NULL);
    fl_part_trim(part);
    fl_part_close(part);
    fl_arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    fl_part *part;
    fault_fs *fs = fault_fs_new();
    fault_fs_put(fs, PATH, bytes, n);
    if (fl_part_open(fault_fs_calls(fs), PATH, &part, NULL) == FL_OK) {
        read_all(part);
    }
    if (fl_part_open_unchecked(fault_fs_calls(fs), PATH, &part, NULL) == FL_OK) {
        read_all(part);
    }
    fault_fs_free(fs);
    return 0;
}
