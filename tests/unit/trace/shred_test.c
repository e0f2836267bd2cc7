/* Packed segments taken apart and joined: shapes and values of an example, what is kept whole, what
 * is refused. */
#include "support/random_segment.h"
#include "support/segment.h"
#include "trace/shred.h"

static void shred(fl_shredder *shredder, fl_str packed)
{
    fl_err err = {0};
    assert_ok(fl_shred(shredder, packed, &err), &err);
}

static void assert_joins(const fl_shredder *shredder, fl_str packed)
{
    fl_joiner joiner;
    fl_buf out;
    fl_buf_init(&out, SIZE_MAX);
    fl_join_begin(&joiner, &out, shredder->trace_id);
    for (uint32_t i = 0; i < shredder->row_count; i++) {
        const fl_shred_row *row = &shredder->rows[i];
        assert_false(fl_join_is_whole(&joiner));
        assert_int_equal(fl_join_row(&joiner, row->shape, row->values, row->value_count), FL_OK);
    }
    assert_true(fl_join_is_whole(&joiner));
    assert_int_equal(out.n, packed.n);
    assert_memory_equal(out.p, packed.p, packed.n);
    fl_buf_fini(&out);
}

static bool list_leaf(void *user, const fl_leaf *leaf)
{
    static const char *const kinds[] = {"int",  "id",    "text", "number",
                                        "json", "false", "true", "flag"};
    fl_buf *out = user;
    fl_buf_add_str(out, leaf->path);
    fl_buf_add_byte(out, ' ');
    fl_buf_add_str(out, fl_str_of(kinds[leaf->kind]));
    fl_buf_add_byte(out, '\n');
    return true;
}

#define EXAMPLE                                                                                    \
    "{" TEST_ID "," TEST_TRACE_ID "," TEST_NAME "," TEST_START ",\"end_time\":1795360305.1,"       \
    "\"http\":{\"request\":{\"url\":\"u\",\"traced\":true},\"response\":{\"status\":200}},"        \
    "\"annotations\":{\"tier\":\"gold\",\"n\":1.50,\"yes\":true,\"no\":false},\"x\":1,"            \
    "\"links\":[{" TEST_TRACE_ID "}],"                                                             \
    "\"cause\":{\"exceptions\":[{\"id\":\"cccccccccccccccc\",\"type\":\"t\"},{}]},"                \
    "\"subsegments\":[{\"id\":\"bbbbbbbbbbbbbbbb\",\"name\":\"db\",\"start_time\":1795360304.2,"   \
    "\"end_time\":1795360304.3,\"sql\":{\"a\":1}}]}"

static void leaves_are_named_by_their_path(void **state)
{
    (void)state;
    fl_arena arena;
    fl_buf out;
    fl_shredder shredder = {0};
    fl_arena_init(&arena, 1 << 20);
    fl_buf_init(&out, 1 << 16);
    shred(&shredder, test_pack(&arena, test_decode_one(&arena, EXAMPLE)));
    assert_int_equal(shredder.row_count, 2);
    assert_int_equal(fl_shape_read(shredder.rows[0].shape, list_leaf, &out), FL_OK);
    assert_str(fl_buf_str(&out), "id id\n"
                                 "name text\n"
                                 "start_time int\n"
                                 "end_time int\n"
                                 "http flag\n"
                                 "http.request flag\n"
                                 "http.request.url text\n"
                                 "http.request.traced true\n"
                                 "http.response flag\n"
                                 "http.response.status int\n"
                                 "trace_id flag\n"
                                 "cause flag\n"
                                 "cause.exceptions.id id\n"
                                 "cause.exceptions.type text\n"
                                 "annotations.tier text\n"
                                 "annotations.n number\n"
                                 "annotations.yes true\n"
                                 "annotations.no false\n"
                                 "links.trace_id id\n"
                                 "links.trace_id.low id\n"
                                 "* json\n"
                                 "subsegments int\n");
    fl_buf_reset(&out);
    assert_int_equal(fl_shape_read(shredder.rows[1].shape, list_leaf, &out), FL_OK);
    assert_str(fl_buf_str(&out), "id id\nname text\nstart_time int\nend_time int\nsql json\n");
    fl_shredder_fini(&shredder);
    fl_buf_fini(&out);
    fl_arena_fini(&arena);
}

static void values_and_times_come_out(void **state)
{
    (void)state;
    fl_arena arena;
    fl_shredder shredder = {0};
    fl_arena_init(&arena, 1 << 20);
    fl_str packed = test_pack(&arena, test_decode_one(&arena, EXAMPLE));
    shred(&shredder, packed);
    assert_false(shredder.keep_whole);
    assert_true(shredder.id == 0xaaaaaaaaaaaaaaaa);
    assert_int_equal(shredder.start_ns, INT64_C(1795360304100000000));
    assert_int_equal(shredder.end_ns, INT64_C(1795360305100000000));
    assert_true(shredder.trace_id.hi == 0x5759e988bd862e3f);
    const fl_value *values = shredder.rows[0].values;
    assert_true(values[0].id == 0xaaaaaaaaaaaaaaaa);
    assert_str(values[1].text, "web");
    assert_int_equal(values[3].number, 1000000000);
    assert_str(values[4].text, "u");
    assert_int_equal(values[5].number, 200);
    assert_int_equal(values[shredder.rows[0].value_count - 1].number, 1);
    assert_int_equal(shredder.rows[1].values[2].number, 100000000);
    assert_joins(&shredder, packed);
    fl_shredder_fini(&shredder);
    fl_arena_fini(&arena);
}

static void a_shape_says_nothing_of_values_and_counts_of_subsegments(void **state)
{
    (void)state;
    fl_arena arena;
    fl_shredder one = {0}, two = {0};
    fl_arena_init(&arena, 1 << 20);
    shred(&one, test_pack(&arena, test_decode_one(&arena, TEST_SEGMENT(",\"user\":\"a\","
                                                                       "\"subsegments\":[" //
                                                                       TEST_EMBEDDED("") "]"))));
    shred(&two, test_pack(&arena, test_decode_one(
                                      &arena, TEST_SEGMENT(",\"user\":\"bcd\","
                                                           "\"subsegments\":[" TEST_EMBEDDED(
                                                               "") "," TEST_EMBEDDED("") "]"))));
    assert_true(fl_str_eq(one.rows[0].shape, two.rows[0].shape));
    assert_true(fl_str_eq(two.rows[1].shape, two.rows[2].shape));
    assert_false(fl_str_eq(two.rows[0].shape, two.rows[1].shape));
    fl_shredder_fini(&one);
    fl_shredder_fini(&two);
    fl_arena_fini(&arena);
}

/* id, name, start, trace id; then `more` and the end. */
#define HEAD                                                                                       \
    0x01, 0x01, 1, 2, 3, 4, 5, 6, 7, 8, 0x02, 1, 'w', 0x03, 0x02, 0x09, 1, 2, 3, 4, 5, 6, 7, 8, 1, \
        2, 3, 4, 5, 6, 7, 8
#define CHILD 0x01, 1, 2, 3, 4, 5, 6, 7, 8, 0x02, 1, 'w', 0x03, 0x02, 0x00

static fl_status shred_bytes(fl_shredder *shredder, const unsigned char *bytes, size_t n)
{
    return fl_shred(shredder, (fl_str){(const char *)bytes, n}, NULL);
}

static void members_behind_subsegments_are_kept_whole(void **state)
{
    (void)state;
    static const unsigned char behind[] = {HEAD, 0x1b, 1, CHILD, 0x12, 1, 0x00};
    static const unsigned char last[] = {HEAD, 0x12, 1, 0x1b, 1, CHILD, 0x00};
    fl_shredder shredder = {0};
    assert_int_equal(shred_bytes(&shredder, behind, sizeof behind), FL_OK);
    assert_true(shredder.keep_whole);
    assert_int_equal(shredder.row_count, 2);
    assert_int_equal(shred_bytes(&shredder, last, sizeof last), FL_OK);
    assert_false(shredder.keep_whole);
    fl_shredder_fini(&shredder);
}

static void rows_beyond_the_bounds_are_kept_whole(void **state)
{
    (void)state;
    fl_arena arena;
    fl_shredder shredder = {0};
    fl_arena_init(&arena, 16 << 20);
    fl_segment *segment = test_decode_one(&arena, TEST_SEGMENT(""));
    segment->has_annotations = true;
    segment->annotation_count = FL_SHAPE_VALUES_MAX;
    segment->annotations = FL_ARENA_ARRAY(&arena, fl_annotation, FL_SHAPE_VALUES_MAX);
    for (uint32_t i = 0; i < FL_SHAPE_VALUES_MAX; i++) {
        segment->annotations[i] = (fl_annotation){.key = FL_S("k"), .text = FL_S("v")};
    }
    shred(&shredder, test_pack(&arena, segment));
    assert_true(shredder.keep_whole);
    segment->annotation_count = FL_SHAPE_VALUES_MAX - 4; /* id, name and two times */
    shred(&shredder, test_pack(&arena, segment));
    assert_false(shredder.keep_whole);
    fl_shredder_fini(&shredder);
    fl_arena_fini(&arena);
}

static void what_is_malformed_is_refused(void **state)
{
    (void)state;
#define BYTES(...)                                                                                 \
    {                                                                                              \
        {__VA_ARGS__}, sizeof((unsigned char[]){__VA_ARGS__})                                      \
    }
    static const struct {
        unsigned char bytes[64];
        size_t n;
    } cases[] = {
        BYTES(0x01),
        BYTES(0x02, 0x00),                           /* another version */
        BYTES(HEAD),                                 /* no end */
        BYTES(HEAD, 0x00, 0x00),                     /* bytes behind it */
        BYTES(HEAD, 0x1c, 0x00),                     /* an unknown tag */
        BYTES(HEAD, 0x02, 1, 'x', 0x00),             /* a tag twice */
        BYTES(HEAD, 0x12, 2, 0x00),                  /* no boolean */
        BYTES(HEAD, 0x0a, 0x80, 0x00, 0x00),         /* a length not in its shortest form */
        BYTES(HEAD, 0x0a, 5, 'x', 0x00),             /* a text beyond the end */
        BYTES(HEAD, 0x1b, 0, 0x00),                  /* no subsegments */
        BYTES(HEAD, 0x1b, 2, CHILD, 0x00),           /* fewer than they say */
        BYTES(HEAD, 0x16, 1, 1, 'k', 4, 0x00),       /* a kind of annotation that is none */
        BYTES(HEAD, 0x18, 1, 0x00, 0x00),            /* a link without trace id */
        BYTES(0x01, 0x02, 1, 'w', 0x03, 0x02, 0x00), /* no id */
        BYTES(0x01, 0x1b, 1, CHILD, 0x00),           /* subsegments of nobody */
        BYTES(HEAD, 0x1b, 1, 0x05, 1, 2, 3, 4, 5, 6, 7, 8, CHILD, 0x00), /* the owner's */
    };
#undef BYTES
    fl_shredder shredder = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fl_status status = shred_bytes(&shredder, cases[i].bytes, cases[i].n);
        if (status != FL_E_CORRUPT) {
            fail_msg("case %zu: %d", i, status);
        }
    }
    assert_int_equal(fl_shred(&shredder, (fl_str){0}, NULL), FL_E_CORRUPT);
    fl_shredder_fini(&shredder);
}

static void rows_that_do_not_fit_their_shape_are_refused(void **state)
{
    (void)state;
    fl_arena arena;
    fl_buf out;
    fl_shredder shredder = {0};
    fl_joiner joiner;
    fl_arena_init(&arena, 1 << 20);
    fl_buf_init(&out, 1 << 16);
    shred(&shredder, test_pack(&arena, test_decode_one(&arena, TEST_SEGMENT(""))));
    const fl_shred_row *row = &shredder.rows[0];
    fl_join_begin(&joiner, &out, shredder.trace_id);
    assert_int_equal(fl_join_row(&joiner, row->shape, row->values, row->value_count - 1),
                     FL_E_CORRUPT);
    fl_join_begin(&joiner, &out, shredder.trace_id);
    assert_int_equal(fl_join_row(&joiner, FL_S("\x7f"), NULL, 0), FL_E_CORRUPT);
    fl_join_begin(&joiner, &out, shredder.trace_id);
    assert_int_equal(fl_join_row(&joiner, row->shape, row->values, row->value_count), FL_OK);
    assert_true(fl_join_is_whole(&joiner));
    assert_int_equal(fl_join_row(&joiner, row->shape, row->values, row->value_count), FL_E_CORRUPT);
    fl_shredder_fini(&shredder);
    fl_buf_fini(&out);
    fl_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_are_named_by_their_path),
        cmocka_unit_test(values_and_times_come_out),
        cmocka_unit_test(a_shape_says_nothing_of_values_and_counts_of_subsegments),
        cmocka_unit_test(members_behind_subsegments_are_kept_whole),
        cmocka_unit_test(rows_beyond_the_bounds_are_kept_whole),
        cmocka_unit_test(what_is_malformed_is_refused),
        cmocka_unit_test(rows_that_do_not_fit_their_shape_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
