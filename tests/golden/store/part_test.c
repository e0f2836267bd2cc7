/* The bytes of part files stay: what version 1 wrote is read for ever. The writer's own bytes are
 * compared where no compression is at work, whose bytes may differ by its version. */
#include <stdlib.h>

#include "codec/codec.h"
#include "support/part_rig.h"

#define PIECES   12
#define START_NS (INT64_C(1738650304) * FL_NS_PER_S)

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

/* Random numbers that never change. */
static void make_pieces(fl_arena *arena, rig_piece pieces[PIECES])
{
    test_random random = {.state = 42};
    random_segments r = {&random, arena, 5, 2, 3};
    for (uint32_t i = 0; i < PIECES; i++) {
        fl_trace_id id = {UINT64_C(0x67a1b2c000000000) + i, 1000 + i};
        pieces[i] = rig_piece_of(&r, id, START_NS + i * INT64_C(1000000), 1 + i % 4, i * 10);
    }
    rig_sort(pieces, PIECES);
}

static void dump_file(fault_fs *fs, fl_buf *text)
{
    const char *path;
    unsigned char *content;
    size_t n;
    assert_true(fault_fs_file(fs, 0, &path, &content, &n));
    dump(content, n, text);
}

static void a_part_that_version_1_wrote_is_read(void **state)
{
    (void)state;
    rig_piece pieces[PIECES];
    fl_arena arena;
    fl_part *part;
    fl_err err = {0};
    size_t n;
    static unsigned char bytes[1 << 16];
    fl_arena_init(&arena, 64 << 20);
    make_pieces(&arena, pieces);
    if (getenv("FLUORO_GOLDEN") != NULL) {
        fl_buf text;
        fault_fs *written = fault_fs_new();
        fl_buf_init(&text, 1 << 20);
        rig_write(fault_fs_calls(written), RIG_PATH, pieces, PIECES, 16);
        dump_file(written, &text);
        test_golden("store/part-v1-file.txt", fl_buf_str(&text));
        fl_buf_fini(&text);
        fault_fs_free(written);
    }
    char *golden = test_read_file("golden/store/part-v1-file.txt", &n);
    n = parse_dump((fl_str){golden, n}, bytes, sizeof bytes);
    fault_fs *fs = fault_fs_new();
    fault_fs_put(fs, RIG_PATH, bytes, n);
    assert_ok(fl_part_open(fault_fs_calls(fs), RIG_PATH, &part, &err), &err);
    rig_assert_part(part, pieces, PIECES);
    rig_assert_verified(part);
    fl_part_close(part);
    fault_fs_free(fs);
    free(golden);
    fl_arena_fini(&arena);
}

/* One segment: all of its chunks stand in the directory. */
static void the_bytes_of_a_part_are_those_of_version_1(void **state)
{
    (void)state;
    fl_arena arena;
    fl_buf text;
    fl_annotation tier = {.key = FL_S("tier"), .kind = FL_ANNOTATION_STRING, .text = FL_S("gold")};
    fl_segment segment = {.trace_id = {0x67a1b2c00a1b2c3d, 0x4e5f60718293a4b5},
                          .id = 0xa000000000000001,
                          .parent_id = 0xb000000000000002,
                          .name = FL_S("web"),
                          .start_ns = START_NS + 100000000,
                          .end_ns = START_NS + 250000000,
                          .annotations = &tier,
                          .annotation_count = 1,
                          .has_annotations = true};
    fl_arena_init(&arena, 1 << 20);
    fl_str packed = test_pack(&arena, &segment);
    int64_t arrival_ns = START_NS + 300000000;
    rig_piece piece = {.row = {.id = segment.trace_id,
                               .time_ns = START_NS,
                               .start_ns = segment.start_ns,
                               .last_end_ns = segment.end_ns,
                               .first_arrival_ns = arrival_ns,
                               .last_arrival_ns = arrival_ns,
                               .last_arrival = 7,
                               .record_count = 1,
                               .revision = 1},
                       .packed = &packed,
                       .arrivals_ns = &arrival_ns,
                       .ends_ns = &segment.end_ns};
    fault_fs *fs = fault_fs_new();
    fl_buf_init(&text, 1 << 20);
    rig_write(fault_fs_calls(fs), RIG_PATH, &piece, 1, 0);
    dump_file(fs, &text);
    test_golden("store/part-v1-bytes.txt", fl_buf_str(&text));
    fl_buf_fini(&text);
    fault_fs_free(fs);
    fl_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_that_version_1_wrote_is_read),
        cmocka_unit_test(the_bytes_of_a_part_are_those_of_version_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
