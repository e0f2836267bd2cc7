/* The bytes of the log: what is written is read, and what one damage changed is put right. */
#include <stdlib.h>

#include "store/local/wal_int.h"
#include "support/test.h"

#define PLACE ((fl_wal_place){.sequence = 7, .offset = 4096})

static fl_wal_frame make_frame(fl_str raw, fl_buf *out)
{
    fl_wal_frame frame = {.begins_commit = true, .records = 3, .first_arrival = 41, .base_ns = -5};
    fl_buf_init(out, (size_t)1 << 24);
    fl_wal_frame_emit(&frame, PLACE, raw, out);
    assert_int_equal(out->status, FL_OK);
    assert_int_equal(out->n, fl_wal_frame_bytes(&frame));
    assert_int_equal(out->n % 8, 0);
    return frame;
}

static unsigned char *bytes_of(fl_buf *buf)
{
    return (unsigned char *)(void *)buf->p;
}

static void check_frame(fl_buf *bytes, fl_str raw)
{
    fl_wal_frame frame;
    fl_buf unpacked;
    fl_str records;
    size_t at;
    fl_err err;
    fl_buf_init(&unpacked, (size_t)1 << 24);
    assert_int_not_equal(fl_wal_frame_read(bytes_of(bytes), PLACE, &frame, &at), FL_WAL_BAD);
    unsigned char *payload = bytes_of(bytes) + FL_WAL_FRAME_HEADER_BYTES;
    assert_int_not_equal(fl_wal_payload_check(&frame, payload, &at), FL_WAL_BAD);
    assert_ok(fl_wal_payload_open(&frame, payload, &unpacked, &records, &err), &err);
    assert_true(fl_str_eq(records, raw));
    assert_int_equal(frame.records, 3);
    assert_int_equal(frame.first_arrival, 41);
    assert_int_equal(frame.base_ns, -5);
    assert_true(frame.begins_commit);
    fl_buf_fini(&unpacked);
}

/* Text that packs, or noise that does not. */
static fl_str make_raw(char *to, size_t n, bool packs, test_random *random)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = packs ? (char)('a' + i % 11) : (char)test_random_next(random);
    }
    return (fl_str){to, n};
}

static void a_frame_is_read_back_packed_or_not(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 7, 8, 9, 63, 1000, 65536, 300001};
    test_random random = test_random_begin();
    char *raw = malloc(300001);
    assert_non_null(raw);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0] * 2; i++) {
        fl_buf bytes;
        fl_str content = make_raw(raw, lengths[i / 2], i % 2 == 0, &random);
        fl_wal_frame frame = make_frame(content, &bytes);
        assert_int_equal(frame.lz4, i % 2 == 0 && content.n > 60);
        check_frame(&bytes, content);
        fl_buf_fini(&bytes);
    }
    free(raw);
}

static void any_changed_byte_of_a_frame_is_mended(void **state)
{
    (void)state;
    test_random random = test_random_begin();
    char raw[500];
    for (int packs = 0; packs < 2; packs++) {
        fl_buf bytes;
        fl_str content = make_raw(raw, sizeof raw, packs != 0, &random);
        (void)make_frame(content, &bytes);
        for (size_t at = 0; at < bytes.n; at++) {
            for (unsigned change = 1; change < 256; change = change * 2 + 1) {
                char kept = bytes.p[at];
                bytes.p[at] = (char)(kept ^ (char)change);
                check_frame(&bytes, content);
                bytes.p[at] = kept;
            }
        }
        fl_buf_fini(&bytes);
    }
}

static void a_whole_damaged_word_of_a_payload_is_mended(void **state)
{
    (void)state;
    test_random random = test_random_begin();
    char raw[5000];
    fl_buf bytes;
    fl_str content = make_raw(raw, sizeof raw, false, &random);
    fl_wal_frame frame = make_frame(content, &bytes);
    for (size_t at = 0; at < sizeof raw; at += FL_WAL_WORD) {
        char *word = bytes.p + FL_WAL_FRAME_HEADER_BYTES + at;
        char kept[FL_WAL_WORD];
        size_t mended_at = SIZE_MAX;
        memcpy(kept, word, sizeof kept);
        memset(word, (int)test_random_below(&random, 256), sizeof kept);
        fl_wal_check check =
            fl_wal_payload_check(&frame, bytes_of(&bytes) + FL_WAL_FRAME_HEADER_BYTES, &mended_at);
        assert_int_equal(check, FL_WAL_MENDED);
        assert_int_equal(mended_at, at);
        assert_memory_equal(word, kept, sizeof kept);
    }
    fl_buf_fini(&bytes);
}

static void two_damaged_words_are_found_and_not_guessed_at(void **state)
{
    (void)state;
    test_random random = test_random_begin();
    char raw[512], kept[512];
    fl_buf bytes;
    fl_wal_frame frame = make_frame(make_raw(raw, sizeof raw, false, &random), &bytes);
    unsigned char *payload = bytes_of(&bytes) + FL_WAL_FRAME_HEADER_BYTES;
    for (int i = 0; i < 2000; i++) {
        size_t at, a = (size_t)test_random_below(&random, 128),
                   b = (a + 1 + (size_t)test_random_below(&random, 126)) % 128;
        payload[a * 4] ^= 0x40;
        payload[b * 4 + 1] ^= 0x04;
        memcpy(kept, payload, sizeof kept);
        assert_int_equal(fl_wal_payload_check(&frame, payload, &at), FL_WAL_BAD);
        assert_memory_equal(payload, kept, sizeof kept);
        payload[a * 4] ^= 0x40;
        payload[b * 4 + 1] ^= 0x04;
    }
    fl_buf_fini(&bytes);
}

static void a_frame_is_valid_at_its_place_only(void **state)
{
    (void)state;
    fl_buf bytes;
    fl_wal_frame frame;
    (void)make_frame(FL_S("some records"), &bytes);
    fl_wal_place other_offset = {PLACE.sequence, PLACE.offset + 8};
    fl_wal_place other_file = {PLACE.sequence + 1, PLACE.offset};
    assert_int_equal(fl_wal_frame_read(bytes_of(&bytes), PLACE, &frame, NULL), FL_WAL_GOOD);
    assert_int_equal(fl_wal_frame_read(bytes_of(&bytes), other_offset, &frame, NULL), FL_WAL_BAD);
    assert_int_equal(fl_wal_frame_read(bytes_of(&bytes), other_file, &frame, NULL), FL_WAL_BAD);
    fl_buf_fini(&bytes);
}

static void a_length_that_no_block_unpacks_to_is_refused_without_memory(void **state)
{
    (void)state;
    fl_buf raw;
    fl_str records;
    fl_err err;
    unsigned char payload[16] = {0};
    fl_wal_frame frame = {.lz4 = true, .stored_len = 16, .raw_len = UINT32_MAX};
    fl_buf_init(&raw, UINT32_MAX);
    assert_int_equal(fl_wal_payload_open(&frame, payload, &raw, &records, &err), FL_E_CORRUPT);
    assert_int_equal(raw.capacity, 0);
    fl_buf_fini(&raw);
}

/* ---- File header */

static void any_changed_byte_of_a_file_header_is_mended(void **state)
{
    (void)state;
    unsigned char bytes[FL_WAL_FILE_HEADER_BYTES];
    fl_wal_file_header in = {.version = 1, .shard = 3, .sequence = 0x123456789abcdef0}, out;
    fl_wal_file_header_emit(&in, bytes);
    size_t mended_at;
    assert_int_equal(fl_wal_file_header_read(bytes, &out, &mended_at), FL_WAL_GOOD);
    for (size_t at = 0; at < sizeof bytes; at++) {
        bytes[at] ^= 0xa5;
        assert_int_equal(fl_wal_file_header_read(bytes, &out, &mended_at), FL_WAL_MENDED);
        assert_int_equal(mended_at, at);
        assert_int_equal(out.version, 1);
        assert_int_equal(out.shard, 3);
        assert_int_equal(out.sequence, in.sequence);
    }
    bytes[3] ^= 1;
    bytes[20] ^= 1;
    assert_int_equal(fl_wal_file_header_read(bytes, &out, &mended_at), FL_WAL_BAD);
}

/* ---- Records */

static void check_record(const fl_wal_record *in, int64_t base_ns)
{
    fl_buf bytes;
    fl_wal_record out;
    fl_buf_init(&bytes, 4096);
    fl_wal_record_emit(in, base_ns, &bytes);
    assert_int_equal(bytes.status, FL_OK);
    assert_true(bytes.n <= FL_WAL_RECORD_HEAD_MAX + in->document.n);
    fl_cur cur = fl_cur_of(bytes.p, bytes.n);
    assert_true(fl_wal_record_next(&cur, base_ns, &out));
    assert_int_equal(fl_cur_left(&cur), 0);
    assert_int_equal(out.kind, in->kind);
    assert_int_equal(out.begins, in->begins);
    assert_int_equal(out.revision, in->revision);
    assert_true(fl_trace_id_eq(out.id, in->id));
    assert_int_equal(out.arrival_ns, in->arrival_ns);
    if (in->kind == FL_WAL_SEGMENT) {
        assert_int_equal(out.start_ns, in->start_ns);
        assert_int_equal(out.end_ns, in->end_ns);
        assert_int_equal(out.json_bytes, in->json_bytes);
        assert_true(fl_str_eq(out.document, in->document));
    }
    for (size_t n = 0; n < bytes.n; n++) {
        cur = fl_cur_of(bytes.p, n);
        assert_false(fl_wal_record_next(&cur, base_ns, &out));
    }
    fl_buf_fini(&bytes);
}

static void records_of_all_kinds_and_times_are_read_back(void **state)
{
    (void)state;
    static const int64_t times[] = {0, 1, -1, INT64_MAX, INT64_MIN + 1, 1738650304100000000};
    enum { COUNT = sizeof times / sizeof times[0] };
    for (int i = 0; i < COUNT * COUNT * 4; i++) {
        fl_wal_record record = {
            .kind = FL_WAL_SEGMENT,
            .begins = i % 2 != 0,
            .revision = i % 3 != 0,
            .id = {UINT64_MAX, 1},
            .arrival_ns = times[i % COUNT],
            .start_ns = times[i / COUNT % COUNT],
            .end_ns = i % 5 == 0 ? FL_TIME_NONE : times[(i + 1) % COUNT],
            .json_bytes = UINT32_MAX,
            .document = i % 7 == 0 ? FL_S("") : FL_S("a document"),
        };
        check_record(&record, times[i / 7 % COUNT]);
    }
    check_record(&(fl_wal_record){.kind = FL_WAL_LIMIT, .id = {1, 2}, .arrival_ns = 3}, 0);
    check_record(&(fl_wal_record){.kind = FL_WAL_FORGET, .id = {1, 2}, .arrival_ns = 3}, 0);
}

static void unknown_kinds_are_refused(void **state)
{
    (void)state;
    unsigned char bytes[64] = {0};
    fl_wal_record record;
    static const unsigned char heads[] = {0x00, 0x04, 0x0f, 0x81, 0xff};
    for (size_t i = 0; i < sizeof heads; i++) {
        bytes[0] = heads[i];
        fl_cur cur = fl_cur_of(bytes, sizeof bytes);
        assert_false(fl_wal_record_next(&cur, 0, &record));
    }
}

static void a_ref_holds_its_parts_and_sorts_by_them(void **state)
{
    (void)state;
    fl_wal_ref last =
        fl_wal_ref_of(FL_WAL_SLOTS_MAX - 1, FL_WAL_OFFSET_MAX - 8, FL_WAL_FRAME_RECORDS_MAX);
    assert_int_equal(fl_wal_ref_slot(last), FL_WAL_SLOTS_MAX - 1);
    assert_int_equal(fl_wal_ref_offset(last), FL_WAL_OFFSET_MAX - 8);
    assert_int_equal(fl_wal_ref_index(last), FL_WAL_FRAME_RECORDS_MAX);
    assert_true(fl_wal_ref_of(1, 0, 0) > fl_wal_ref_of(0, FL_WAL_OFFSET_MAX - 8, 9));
    assert_true(fl_wal_ref_of(1, 64, 0) > fl_wal_ref_of(1, 56, 9));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_read_back_packed_or_not),
        cmocka_unit_test(any_changed_byte_of_a_frame_is_mended),
        cmocka_unit_test(a_whole_damaged_word_of_a_payload_is_mended),
        cmocka_unit_test(two_damaged_words_are_found_and_not_guessed_at),
        cmocka_unit_test(a_frame_is_valid_at_its_place_only),
        cmocka_unit_test(a_length_that_no_block_unpacks_to_is_refused_without_memory),
        cmocka_unit_test(any_changed_byte_of_a_file_header_is_mended),
        cmocka_unit_test(records_of_all_kinds_and_times_are_read_back),
        cmocka_unit_test(unknown_kinds_are_refused),
        cmocka_unit_test(a_ref_holds_its_parts_and_sorts_by_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
