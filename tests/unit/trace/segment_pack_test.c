/* The packed form of docs/format/segment.md: its example to the byte, what comes back, what is
 * refused. */
#include "support/segment.h"

static void pack(const fl_segment *segment, fl_buf *out)
{
    fl_buf_init(out, 1 << 20);
    fl_segment_pack(segment, out);
    assert_int_equal(out->status, FL_OK);
}

static fl_status unpack(fl_arena *arena, const void *bytes, size_t n, fl_segment **out)
{
    /* A copy of exactly that size: reading past its end is seen. */
    char *copy = fl_arena_alloc(arena, n);
    assert_non_null(copy);
    memcpy(copy, bytes, n);
    return fl_segment_unpack(arena, (fl_str){copy, n}, out, NULL);
}

#define EVERYTHING                                                                                 \
    TEST_SEGMENT(                                                                                  \
        ",\"type\":\"subsegment\",\"parent_id\":\"cccccccccccccccc\",\"in_progress\":false,"       \
        "\"error\":true,\"throttle\":false,\"fault\":true,\"traced\":true,\"namespace\":\"aws\","  \
        "\"user\":\"\",\"origin\":\"o\",\"resource_arn\":\"r\",\"http\":{\"request\":{\"method\":" \
        "\"m\",\"url\":\"u\",\"user_agent\":\"a\",\"client_ip\":\"c\",\"x_forwarded_for\":true,"   \
        "\"traced\":false,\"q\":1},\"response\":{\"status\":-5,\"content_length\":"                \
        "9223372036854775807,\"p\":2},\"h\":3},\"aws\":{\"account_id\":\"1\",\"region\":\"2\","    \
        "\"operation\":\"3\",\"request_id\":\"4\",\"table_name\":\"5\",\"queue_url\":\"6\","       \
        "\"topic_arn\":\"7\",\"function_name\":\"8\",\"bucket_name\":\"9\",\"model_id\":\"10\","   \
        "\"table_names\":[],\"resource_names\":[1],\"ec2\":{\"instance_id\":\"i\","                \
        "\"availability_zone\":\"z\",\"x\":1},\"ecs\":{\"availability_zone\":\"y\"},\"w\":4},"     \
        "\"service\":{\"version\":\"v\",\"runtime\":\"r\"},\"cause\":{\"id\":"                     \
        "\"dddddddddddddddd\",\"message\":\"m\",\"exceptions\":[{\"id\":\"eeeeeeeeeeeeeeee\","     \
        "\"type\":\"t\",\"message\":\"m\",\"remote\":true,\"stack\":[]},{}],\"paths\":[]},"        \
        "\"sql\":{\"url\":\"u\"},\"annotations\":{\"s\":\"x\",\"n\":1.50,\"t\":true,\"f\":false}," \
        "\"metadata\":{\"d\":{\"n\":1.0}},\"links\":[{" TEST_TRACE_ID                              \
        ",\"id\":\"ffffffffffffffff\",\"attributes\":{\"a\":1},\"l\":5},{" TEST_TRACE_ID "}],"     \
        "\"precursor_ids\":[\"p\"],\"u\":{\"v\":null},\"subsegments\":[" TEST_EMBEDDED(            \
            ",\"cause\":\"dddddddddddddddd\",\"subsegments\":[{\"id\":\"9999999999999999\","       \
            "\"name\":\"x\",\"start_time\":1,\"in_progress\":true}]") "," TEST_EMBEDDED("") "]")

static void assert_same_ids_below(const fl_segment *segment)
{
    for (uint32_t i = 0; i < segment->subsegment_count; i++) {
        const fl_segment *child = &segment->subsegments[i];
        assert_true(child->is_subsegment);
        assert_true(child->parent_id == segment->id);
        assert_true(fl_trace_id_eq(child->trace_id, segment->trace_id));
        assert_same_ids_below(child);
    }
}

static void assert_comes_back(const fl_segment *segment, fl_arena *arena)
{
    fl_buf packed;
    fl_buf again;
    fl_buf json;
    fl_segment *unpacked = NULL;
    pack(segment, &packed);
    assert_int_equal(unpack(arena, packed.p, packed.n, &unpacked), FL_OK);
    pack(unpacked, &again);
    assert_int_equal(again.n, packed.n);
    assert_memory_equal(again.p, packed.p, packed.n);
    fl_buf_init(&json, 1 << 20);
    fl_segment_emit(segment, &json);
    fl_buf_add_byte(&json, '\0');
    test_assert_emitted(unpacked, json.p);
    assert_same_ids_below(unpacked);
    fl_buf_fini(&packed);
    fl_buf_fini(&again);
    fl_buf_fini(&json);
}

static void every_member_comes_back(void **state)
{
    (void)state;
    static const char *const documents[] = {
        TEST_SEGMENT(""),
        EVERYTHING,
        "{" TEST_ID "," TEST_TRACE_ID "," TEST_NAME "," TEST_START ",\"in_progress\":true}",
        TEST_SEGMENT(",\"http\":{},\"aws\":{},\"service\":{},\"cause\":{},\"annotations\":{}"),
        TEST_SEGMENT(",\"http\":{\"request\":{},\"response\":{}},\"aws\":{\"ec2\":{},\"ecs\":{}},"
                     "\"cause\":{\"exceptions\":[]}"),
        "{" TEST_ID "," TEST_TRACE_ID "," TEST_NAME ",\"start_time\":-4e9,\"end_time\":4.5e9}",
    };
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        fl_arena arena;
        fl_arena_init(&arena, 16 << 20);
        assert_comes_back(test_decode_one(&arena, documents[i]), &arena);
        fl_arena_fini(&arena);
    }
}

/* The log's form for ever: the example of docs/format/segment.md. */
static void the_documented_example_is_packed_to_these_bytes(void **state)
{
    (void)state;
    static const unsigned char expected[] = {
        0x01, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xa0, 0x02, 0x03, 0x77, 0x65, 0x62,
        0x03, 0x80, 0x84, 0x8b, 0xc8, 0xac, 0xcf, 0xf6, 0xa0, 0x30, 0x04, 0x80, 0xc6, 0x86, 0x8f,
        0x01, 0x06, 0x02, 0x01, 0x90, 0x03, 0x00, 0x00, 0x09, 0x3d, 0x2c, 0x1b, 0x0a, 0xc0, 0xb2,
        0xa1, 0x67, 0xb5, 0xa4, 0x93, 0x82, 0x71, 0x60, 0x5f, 0x4e, 0x16, 0x02, 0x04, 0x74, 0x69,
        0x65, 0x72, 0x00, 0x04, 0x67, 0x6f, 0x6c, 0x64, 0x05, 0x72, 0x65, 0x74, 0x72, 0x79, 0x01,
        0x01, 0x32, 0x1a, 0x0a, 0x7b, 0x22, 0x78, 0x22, 0x3a, 0x31, 0x2e, 0x35, 0x30, 0x7d, 0x1b,
        0x01, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xa0, 0x02, 0x02, 0x64, 0x62, 0x03,
        0x80, 0xb4, 0x89, 0x13, 0x04, 0x80, 0xda, 0xc4, 0x09, 0x12, 0x01, 0x00, 0x00,
    };
    fl_arena arena;
    fl_buf packed;
    fl_arena_init(&arena, 1 << 20);
    pack(test_decode_one(
             &arena,
             "{\"id\":\"a000000000000001\",\"name\":\"web\",\"start_time\":1738650304.1,"
             "\"end_time\":1738650304.25,\"trace_id\":\"1-67a1b2c0-0a1b2c3d4e5f60718293a4b5\","
             "\"http\":{\"response\":{\"status\":200}},\"annotations\":{\"tier\":\"gold\","
             "\"retry\":2},\"x\":1.50,\"subsegments\":[{\"id\":\"a000000000000002\",\"name\":"
             "\"db\",\"start_time\":1738650304.12,\"end_time\":1738650304.13,\"fault\":true}]}"),
         &packed);
    assert_int_equal(packed.n, sizeof expected);
    assert_memory_equal(packed.p, expected, sizeof expected);
    fl_buf_fini(&packed);
    fl_arena_fini(&arena);
}

static void packing_appends_and_stops_at_the_buffers_maximum(void **state)
{
    (void)state;
    fl_arena arena;
    fl_buf whole;
    fl_arena_init(&arena, 16 << 20);
    const fl_segment *segment = test_decode_one(&arena, EVERYTHING);
    pack(segment, &whole);
    for (size_t room = 0; room < whole.n; room++) {
        fl_buf out;
        fl_buf_init(&out, 3 + room);
        fl_buf_add_str(&out, FL_S("log"));
        fl_segment_pack(segment, &out);
        assert_int_equal(out.status, FL_E_TOO_LARGE);
        assert_memory_equal(out.p, "log", 3);
        fl_buf_fini(&out);
    }
    fl_buf_fini(&whole);
    fl_arena_fini(&arena);
}

/* ---- Damage */

static void every_cut_is_refused(void **state)
{
    (void)state;
    fl_arena arena;
    fl_buf packed;
    fl_segment *segment = NULL;
    fl_arena_init(&arena, 64 << 20);
    pack(test_decode_one(&arena, EVERYTHING), &packed);
    for (size_t n = 0; n < packed.n; n++) {
        assert_int_equal(unpack(&arena, packed.p, n, &segment), FL_E_CORRUPT);
        assert_null(segment);
    }
    fl_buf_fini(&packed);
    fl_arena_fini(&arena);
}

#define ID       "\x01\x01\0\0\0\0\0\0\0"
#define NAME     "\x02\x01n"
#define START    "\x03\x02"
#define TRACE_ID "\x09\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0"
#define HEAD     "\x01" ID NAME START TRACE_ID
#define CHILD    ID NAME START

typedef struct packed_row {
    const char *bytes;
    size_t n;
    fl_status status;
    const char *what;
} packed_row;
#define GOOD(bytes, what)                                                                          \
    {                                                                                              \
        "" bytes, sizeof(bytes) - 1, FL_OK, what                                                   \
    }
#define BAD(bytes, what)                                                                           \
    {                                                                                              \
        "" bytes, sizeof(bytes) - 1, FL_E_CORRUPT, what                                            \
    }

static const packed_row packed_rows[] = {
    GOOD(HEAD "\0", "the smallest segment"),
    GOOD("\x01" TRACE_ID START NAME ID "\0", "members in another order"),
    GOOD(HEAD "\x1b\x01" CHILD "\0\0", "an embedded subsegment"),
    GOOD(HEAD "\x08\0\0", "an empty block"),
    GOOD(HEAD "\x06\x01\0\0\0", "an empty inner block"),
    GOOD(HEAD "\x16\0\0", "no annotations, but the list"),
    GOOD(HEAD "\x1a\x02{}\0", "no unknown members, but the object"),
    BAD("", "nothing"),
    BAD("\x02" ID NAME START TRACE_ID "\0", "another version"),
    BAD(HEAD "\0\0", "a byte behind the end"),
    BAD("\x01" NAME START TRACE_ID "\0", "no id"),
    BAD("\x01" ID START TRACE_ID "\0", "no name"),
    BAD("\x01" ID NAME TRACE_ID "\0", "no start"),
    BAD("\x01" ID NAME START "\0", "no trace id"),
    BAD("\x01\x01\0\0\0\0\0\0\0\0" NAME START TRACE_ID "\0", "id of zeros"),
    BAD("\x01" ID NAME START "\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "trace id of zeros"),
    BAD(HEAD ID "\0", "a member twice"),
    BAD(HEAD "\x1c\0\0", "an unknown tag"),
    BAD(HEAD "\xff\0\0", "the largest tag"),
    BAD(HEAD "\x08\x63\0\0", "an unknown tag in a block"),
    BAD(HEAD "\x10\x02\0", "a bool of 2"),
    BAD(HEAD "\x02\x81\x00n\0", "a length that is not in its shortest form"),
    BAD("\x01" ID "\x02\x81\x00n" START TRACE_ID "\0", "the same, where it comes first"),
    BAD(HEAD "\x0a\x7f\x75\0", "a text longer than what is left"),
    BAD(HEAD "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0", "a text of 2^64 - 1 bytes"),
    BAD(HEAD "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\0", "a length over 64 bits"),
    BAD(HEAD "\x1a\x01{\0", "unknown members that are no object"),
    BAD(HEAD "\x1a\x02[]\0", "the same, an array"),
    BAD(HEAD "\x16\x01\x01k\x04\0", "an annotation of an unknown kind"),
    BAD(HEAD "\x16\x7f\x01k\x02\0", "more annotations than there are bytes for"),
    BAD(HEAD "\x1b\0\0", "an empty list of subsegments"),
    BAD(HEAD "\x18\0\0", "an empty list of links"),
    BAD(HEAD "\x18\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "a link without trace id"),
    BAD(HEAD "\x1b\x01" CHILD TRACE_ID "\0\0", "a trace id of its own in a subsegment"),
    BAD(HEAD "\x1b\x01" CHILD "\x05\x01\0\0\0\0\0\0\0\0\0", "a parent of its own in a subsegment"),
    BAD(HEAD "\x1b\x01" CHILD "\x0e\0\0", "a type of its own in a subsegment"),
    BAD("\x01" ID NAME START "\x1b\x01" CHILD "\0" TRACE_ID "\0", "subsegments before the trace"),
    BAD("\x01" ID NAME "\x04\x02" START TRACE_ID "\0", "the end before the start"),
    BAD("\x01" ID NAME "\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" TRACE_ID "\0",
        "a start beyond the range"),
    BAD(HEAD "\x04\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\0", "an end beyond the range"),
    BAD(HEAD "\x06\x02\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0\0\0",
        "the integer that stands for absence"),
    BAD(HEAD "\x07\x0d\0\0\0", "an inner block that cannot show that it was there"),
};

static void only_what_packing_writes_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof packed_rows / sizeof packed_rows[0]; i++) {
        const packed_row *row = &packed_rows[i];
        fl_arena arena;
        fl_segment *segment = NULL;
        fl_arena_init(&arena, 1 << 20);
        fl_status status = unpack(&arena, row->bytes, row->n, &segment);
        if (status != row->status) {
            fail_msg("%s: %s", row->what, fl_status_of(status)->text);
        }
        assert_int_equal(segment != NULL, status == FL_OK);
        fl_arena_fini(&arena);
    }
}

static fl_status unpack_nested(unsigned depth)
{
    fl_arena arena;
    fl_buf bytes;
    fl_segment *segment;
    fl_arena_init(&arena, 16 << 20);
    fl_buf_init(&bytes, 1 << 20);
    fl_buf_add(&bytes, HEAD, sizeof(HEAD) - 1);
    for (unsigned i = 0; i < depth; i++) {
        fl_buf_add(&bytes, "\x1b\x01" CHILD, sizeof("\x1b\x01" CHILD) - 1);
    }
    fl_buf_fill(&bytes, '\0', depth + 1);
    fl_status status = unpack(&arena, bytes.p, bytes.n, &segment);
    fl_buf_fini(&bytes);
    fl_arena_fini(&arena);
    return status;
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(unpack_nested(FL_SEGMENT_DEPTH_MAX), FL_OK);
    assert_int_equal(unpack_nested(FL_SEGMENT_DEPTH_MAX + 1), FL_E_CORRUPT);
}

static void damage_is_told_with_its_place(void **state)
{
    (void)state;
    fl_arena arena;
    fl_segment *segment;
    fl_err err = {0};
    fl_arena_init(&arena, 1 << 20);
    assert_int_equal(fl_segment_unpack(&arena, FL_S("\x01" ID "\xff"), &segment, &err),
                     FL_E_CORRUPT);
    assert_string_equal(err.message, "packed segment of 11 bytes is damaged before byte 11");
    fl_arena_fini(&arena);
}

static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    fl_arena documents;
    fl_buf packed;
    fl_status status = FL_E_NOMEM;
    uint64_t failures = 0;
    fl_arena_init(&documents, 16 << 20);
    pack(test_decode_one(&documents, EVERYTHING), &packed);
    while (status != FL_OK) {
        fl_arena arena;
        fl_segment *segment = NULL;
        fl_arena_init(&arena, 1 << 20);
        arena.fail_at = failures + 1;
        status = fl_segment_unpack(&arena, fl_buf_str(&packed), &segment, NULL);
        if (status != FL_OK) {
            failures++;
            assert_int_equal(status, FL_E_NOMEM);
            assert_null(segment);
        }
        fl_arena_fini(&arena);
    }
    assert_in_range(failures, 10, 30);
    fl_buf_fini(&packed);
    fl_arena_fini(&documents);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_comes_back),
        cmocka_unit_test(the_documented_example_is_packed_to_these_bytes),
        cmocka_unit_test(packing_appends_and_stops_at_the_buffers_maximum),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(only_what_packing_writes_is_taken),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(damage_is_told_with_its_place),
        cmocka_unit_test(every_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
