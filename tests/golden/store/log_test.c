/* The bytes of the log stay: what version 1 wrote is written so for ever, and read for ever. */
#include <stdlib.h>

#include "codec/codec.h"
#include "support/fault_fs.h"
#include "support/store_rig.h"

#define DIR        "/data"
#define FIRST_FILE DIR "/log/0000000000000001-0.log"

static void dump(const unsigned char *bytes, size_t n, fl_buf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (i % 16 == 0) {
            fl_buf_add_hex(out, i, 8);
            fl_buf_add_byte(out, ' ');
        }
        fl_buf_add_byte(out, ' ');
        fl_buf_add_hex(out, bytes[i], 2);
        if (i % 16 == 15 || i + 1 == n) {
            fl_buf_add_byte(out, '\n');
        }
    }
}

static size_t parse_dump(fl_str text, unsigned char *to, size_t max)
{
    size_t n = 0;
    while (text.n != 0) {
        fl_str line = fl_str_cut(&text, '\n');
        for (size_t at = 10; at + 2 <= line.n; at += 3) {
            uint64_t byte = 0;
            assert_true(n < max && fl_hex_read(line.p + at, 2, &byte));
            to[n++] = (unsigned char)byte;
        }
    }
    return n;
}

static void add_record(fl_buf *raw, int64_t base_ns, const fl_wal_record *record)
{
    fl_wal_record_emit(record, base_ns, raw);
}

static void the_bytes_of_headers_frames_and_records_are_those_of_version_1(void **state)
{
    (void)state;
    fl_buf raw, file, text;
    unsigned char header[FL_WAL_FILE_HEADER_BYTES];
    int64_t base = RIG_EPOCH_NS;
    fl_buf_init(&raw, 4096);
    fl_buf_init(&file, 4096);
    fl_buf_init(&text, 65536);
    fl_wal_file_header_emit(&(fl_wal_file_header){.version = 1, .shard = 2, .sequence = 3}, header);
    fl_buf_add(&file, header, sizeof header);
    /* Too short and too mixed for LZ4, whose bytes may differ by its version. */
    add_record(&raw, base,
               &(fl_wal_record){.kind = FL_WAL_SEGMENT,
                                .begins = true,
                                .revision = true,
                                .id = {0x67a1b2c00a1b2c3d, 0x4e5f60718293a4b5},
                                .arrival_ns = base,
                                .start_ns = base - 1500000000,
                                .end_ns = base - 1000,
                                .json_bytes = 300,
                                .document = FL_S("packed")});
    add_record(&raw, base,
               &(fl_wal_record){.kind = FL_WAL_SEGMENT,
                                .id = {0x1021324354657687, 0x98a9bacbdcedfe0f},
                                .arrival_ns = base + 7,
                                .start_ns = base,
                                .end_ns = FL_TIME_NONE,
                                .document = FL_S("")});
    add_record(&raw, base,
               &(fl_wal_record){.kind = FL_WAL_LIMIT,
                                .id = {0x2f3e4d5c6b7a8998, 0xa7b6c5d4e3f20110},
                                .arrival_ns = base + 9});
    add_record(&raw, base,
               &(fl_wal_record){.kind = FL_WAL_FORGET,
                                .id = {0x3141592653589793, 0x2384626433832795},
                                .arrival_ns = base - 9});
    fl_wal_frame frame = {
        .begins_commit = true, .records = 4, .first_arrival = 1000, .base_ns = base};
    fl_wal_frame_emit(&frame, (fl_wal_place){3, file.n}, fl_buf_str(&raw), &file);
    assert_int_equal(file.status, FL_OK);
    assert_false(frame.lz4);
    dump((unsigned char *)(void *)file.p, file.n, &text);
    test_golden("store/log-v1-bytes.txt", fl_buf_str(&text));
    fl_buf_fini(&raw);
    fl_buf_fini(&file);
    fl_buf_fini(&text);
}

/* ---- A whole file of a store */

enum { SEGMENTS = 30 };

static fl_segment golden_segment(uint64_t id)
{
    fl_segment segment = rig_segment(id % 4, id, (int64_t)id);
    segment.metadata = FL_S("{\"default\":{\"order\":{\"lines\":3,\"total\":12.50}}}");
    segment.user = FL_S("alice");
    return segment;
}

static void write_golden_log(void)
{
    const char *path;
    unsigned char *content;
    size_t n;
    fl_err err;
    store_rig rig;
    fl_buf text;
    fl_segment segments[SEGMENTS];
    const fl_segment *list[SEGMENTS];
    fault_fs *fs = fault_fs_new();
    rig_init(&rig, 1, DIR, fault_fs_calls(fs));
    rig_open(&rig);
    for (uint64_t i = 0; i < SEGMENTS; i++) {
        segments[i] = golden_segment(i + 1);
        list[i] = &segments[i];
    }
    assert_ok(rig_put_all(&rig, list, 20, NULL, &err), &err);
    assert_ok(rig_put_all(&rig, list + 20, 10, NULL, &err), &err);
    assert_true(fault_fs_file(fs, 1, &path, &content, &n)); /* closing would settle it */
    fl_buf_init(&text, (size_t)1 << 20);
    dump(content, n, &text);
    test_golden("store/log-v1-file.txt", fl_buf_str(&text));
    fl_buf_fini(&text);
    rig_fini(&rig);
    fault_fs_free(fs);
}

static void a_file_that_version_1_wrote_is_read(void **state)
{
    (void)state;
    const char *wish = getenv("FLUORO_GOLDEN");
    if (wish != NULL && strcmp(wish, "update") == 0) {
        write_golden_log();
    }
    size_t n;
    static unsigned char bytes[65536];
    char *text = test_read_file("golden/store/log-v1-file.txt", &n);
    n = parse_dump((fl_str){text, n}, bytes, sizeof bytes);
    free(text);
    store_rig rig;
    fl_arena arena;
    fault_fs *fs = fault_fs_new();
    fault_fs_put(fs, FIRST_FILE, bytes, n);
    rig_init(&rig, 2, DIR, fault_fs_calls(fs));
    fl_arena_init(&arena, (size_t)1 << 20);
    rig_open(&rig);
    size_t seen = 0;
    for (uint64_t trace = 0; trace < 4; trace++) {
        fl_trace_id id = rig_trace_id(trace);
        fl_store_get get = {.ids = &id, .count = 1, .arena = &arena};
        rig_get(&rig, &get);
        assert_ok(get.status, &get.err);
        assert_int_equal(get.traces[0].revision, 2);
        for (size_t i = 0; i < get.traces[0].count; i++) {
            const fl_segment *found = get.traces[0].records[i].segment;
            fl_segment expected = golden_segment(found->id);
            assert_true(fl_trace_id_eq(found->trace_id, expected.trace_id));
            assert_int_equal(found->start_ns, expected.start_ns);
            assert_int_equal(found->end_ns, expected.end_ns);
            assert_true(fl_str_eq(found->metadata, expected.metadata));
            assert_str(found->user, "alice");
            seen++;
        }
    }
    assert_int_equal(seen, SEGMENTS);
    rig_fini(&rig);
    fl_arena_fini(&arena);
    fault_fs_free(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_of_headers_frames_and_records_are_those_of_version_1),
        cmocka_unit_test(a_file_that_version_1_wrote_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
