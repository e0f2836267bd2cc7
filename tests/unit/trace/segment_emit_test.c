/* What becomes of each member: segments.md §3 to §9, §13; member order of api.md §4.1. */
#include <stdio.h>
#include <stdlib.h>

#include "support/segment.h"

/* Members sent behind those of every segment, and what is emitted before and behind `trace_id`. */
typedef struct row {
    const char *sent;
    const char *before, *behind;
    uint32_t fields_dropped;
} row;

static void assert_row(const row *expected)
{
    fl_arena arena;
    char text[4096];
    char emitted[4096];
    fl_arena_init(&arena, 16 << 20);
    snprintf(text, sizeof text, TEST_SEGMENT("%s"), expected->sent);
    snprintf(emitted, sizeof emitted, TEST_EMITTED("%s", "%s"), expected->before, expected->behind);
    fl_decoded decoded = test_decode(&arena, fl_str_of(text), FL_PROFILE_OPEN);
    if (decoded.segment_count != 1) {
        fail_msg("refused: %s: %s", decoded.rejects[0].detail, text);
    }
    test_assert_emitted(decoded.segments, emitted);
    if (decoded.notes.fields_dropped != expected->fields_dropped) {
        fail_msg("%u fields dropped: %s", decoded.notes.fields_dropped, text);
    }
    fl_arena_fini(&arena);
}

static void assert_rows(const row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_row(&rows[i]);
    }
}
#define ASSERT_ROWS(rows) assert_rows((rows), sizeof(rows) / sizeof((rows)[0]))

static void members_are_emitted_in_one_order(void **state)
{
    (void)state;
    static const row rows[] = {
        {"", "", "", 0},
        {",\"subsegments\":[" TEST_EMBEDDED(
             "") "],\"unknown\":[1],\"precursor_ids\":[\"a\"],"
                 "\"links\":[{" TEST_TRACE_ID
                 "}],\"metadata\":{\"d\":{}},\"annotations\":{\"k\":1},"
                 "\"sql\":{\"url\":\"u\"},\"cause\":{\"message\":\"m\"},\"traced\":true,\"fault\":"
                 "true,"
                 "\"throttle\":true,\"error\":true,\"in_progress\":false,\"type\":\"subsegment\","
                 "\"namespace\":\"aws\",\"resource_arn\":\"r\",\"origin\":\"o\",\"user\":\"u\","
                 "\"service\":{\"version\":\"1\"},\"aws\":{\"region\":\"e\"},\"http\":{},"
                 "\"parent_id\":\"cccccccccccccccc\"",
         ",\"parent_id\":\"cccccccccccccccc\",\"http\":{},\"aws\":{\"region\":\"e\"},"
         "\"service\":{\"version\":\"1\"}",
         ",\"user\":\"u\",\"origin\":\"o\",\"resource_arn\":\"r\",\"namespace\":\"aws\","
         "\"type\":\"subsegment\",\"in_progress\":false,\"error\":true,\"throttle\":true,"
         "\"fault\":true,\"traced\":true,\"cause\":{\"message\":\"m\"},\"sql\":{\"url\":\"u\"},"
         "\"annotations\":{\"k\":1},\"metadata\":{\"d\":{}},\"links\":[{" TEST_TRACE_ID "}],"
         "\"precursor_ids\":[\"a\"],\"unknown\":[1],\"subsegments\":[" TEST_EMBEDDED("") "]",
         0},
    };
    ASSERT_ROWS(rows);
}

static void ids_are_emitted_in_lower_case_and_times_in_decimals(void **state)
{
    (void)state;
    fl_arena arena;
    fl_arena_init(&arena, 1 << 20);
    test_assert_emitted(
        test_decode_one(&arena,
                        "{\"id\":\"ABCDEF0123456789\",\"trace_id\":"
                        "\"5759E988BD862E3FE1BE46A994272793\",\"name\":\"web\","
                        "\"parent_id\":\"FEDCBA9876543210\",\"start_time\":1.4782933612712345678E9,"
                        "\"end_time\":1478293362.000}"),
        "{\"id\":\"abcdef0123456789\",\"name\":\"web\",\"start_time\":1478293361.271234568,"
        "\"end_time\":1478293362,\"parent_id\":\"fedcba9876543210\"," TEST_TRACE_ID "}");
    fl_arena_fini(&arena);
}

static void strings_come_back_as_sent(void **state)
{
    (void)state;
    static const row rows[] = {
        {",\"user\":\"\"", "", ",\"user\":\"\"", 0},
        {",\"user\":\"a\\\"b\\\\c\\n\\u0001\\u00e9\\ud83d\\ude00/\"", "",
         ",\"user\":\"a\\\"b\\\\c\\n\\u0001\xC3\xA9\xF0\x9F\x98\x80/\"", 0},
        {",\"origin\":\"AWS::EC2::Instance\",\"resource_arn\":\"\"", "",
         ",\"origin\":\"AWS::EC2::Instance\",\"resource_arn\":\"\"", 0},
        {",\"namespace\":\"local\"", "", ",\"namespace\":\"local\"", 0},
        {",\"namespace\":\"\"", "", ",\"namespace\":\"\"", 0},
    };
    ASSERT_ROWS(rows);
}

static void optional_members_of_the_wrong_type_are_left_out_and_counted(void **state)
{
    (void)state;
    static const row rows[] = {
        {",\"user\":5", "", "", 1},
        {",\"origin\":{},\"resource_arn\":[],\"namespace\":true", "", "", 3},
        {",\"error\":\"true\",\"fault\":1,\"throttle\":{},\"traced\":[]", "", "", 4},
        {",\"http\":[],\"aws\":\"x\",\"service\":1,\"cause\":true", "", "", 4},
        {",\"sql\":[],\"metadata\":\"x\",\"annotations\":[],\"precursor_ids\":{}", "", "", 4},
        {",\"links\":{},\"subsegments\":{}", "", "", 2},
        {",\"subsegments\":[1,\"x\",[]]", "", "", 3},
        {",\"type\":\"segment\"", "", "", 1},
        {",\"in_progress\":\"no\"", "", "", 1},
        {",\"service\":{\"version\":1}", ",\"service\":{}", "", 1},
    };
    ASSERT_ROWS(rows);
}

static void nulls_of_known_members_say_no_more_than_absence(void **state)
{
    (void)state;
    static const row rows[] = {
        {",\"parent_id\":null,\"http\":null,\"aws\":null,\"service\":null,\"user\":null,"
         "\"origin\":null,\"resource_arn\":null,\"namespace\":null,\"type\":null,"
         "\"in_progress\":null,\"error\":null,\"throttle\":null,\"fault\":null,\"traced\":null,"
         "\"cause\":null,\"sql\":null,\"annotations\":null,\"metadata\":null,\"links\":null,"
         "\"precursor_ids\":null,\"subsegments\":null,\"inferred\":null",
         "", "", 0},
        {",\"http\":{\"request\":null,\"response\":{\"status\":null}}",
         ",\"http\":{\"response\":{}}", "", 0},
    };
    ASSERT_ROWS(rows);
}

static void unknown_members_come_back_equal_in_meaning(void **state)
{
    (void)state;
    static const row rows[] = {
        {",\"Dummy\":false,\"notTraced\":true", "", ",\"Dummy\":false,\"notTraced\":true", 0},
        {",\"n\":[1.10,-0,1E+400,123456789012345678901234567890,0.1e-7,null]", "",
         ",\"n\":[1.10,-0,1E+400,123456789012345678901234567890,0.1e-7,null]", 0},
        {",\"\":{\"\":{}},\"k\\\"ey\":\"\\u0000\"", "", ",\"\":{\"\":{}},\"k\\\"ey\":\"\\u0000\"",
         0},
        {",\"inferred\":true", "", "", 0},
        {",\"x\":null", "", ",\"x\":null", 0},
    };
    ASSERT_ROWS(rows);
}

static void the_last_of_two_members_counts(void **state)
{
    (void)state;
    static const row rows[] = {
        {",\"user\":\"a\",\"user\":\"b\"", "", ",\"user\":\"b\"", 0},
        {",\"user\":\"a\",\"user\":5", "", "", 1},
        {",\"user\":5,\"user\":\"b\"", "", ",\"user\":\"b\"", 0},
        {",\"http\":{\"request\":{\"url\":\"a\"}},\"http\":{\"response\":{}}",
         ",\"http\":{\"response\":{}}", "", 0},
        {",\"aws\":{\"region\":5,\"region\":\"e\"}", ",\"aws\":{\"region\":\"e\"}", "", 0},
        {",\"aws\":{\"region\":\"e\",\"region\":5}", ",\"aws\":{\"region\":5}", "", 0},
        {",\"annotations\":{\"k\":1,\"l\":2,\"k\":3}", "", ",\"annotations\":{\"k\":3,\"l\":2}", 0},
        {",\"annotations\":{\"k\":1,\"k\":[]}", "", ",\"annotations\":{}", 0},
    };
    ASSERT_ROWS(rows);
}

static void http_is_read_leniently(void **state)
{
    (void)state;
    static const row rows[] = {
        {",\"http\":{}", ",\"http\":{}", "", 0},
        {",\"http\":{\"request\":{},\"response\":{}}", ",\"http\":{\"request\":{},\"response\":{}}",
         "", 0},
        {",\"http\":{\"request\":{\"x\":1,\"traced\":true,\"x_forwarded_for\":false,"
         "\"client_ip\":\"::1\",\"user_agent\":\"\",\"url\":\"u\",\"method\":\"GET\"},\"y\":2,"
         "\"response\":{\"z\":3,\"content_length\":10,\"status\":200}}",
         ",\"http\":{\"request\":{\"method\":\"GET\",\"url\":\"u\",\"user_agent\":\"\","
         "\"client_ip\":\"::1\",\"x_forwarded_for\":false,\"traced\":true,\"x\":1},"
         "\"response\":{\"status\":200,\"content_length\":10,\"z\":3},\"y\":2}",
         "", 0},
        {",\"http\":{\"response\":{\"status\":\"\",\"content_length\":\"\"}}",
         ",\"http\":{\"response\":{}}", "", 0},
        {",\"http\":{\"response\":{\"content_length\":\"1234\"}}",
         ",\"http\":{\"response\":{\"content_length\":1234}}", "", 0},
        {",\"http\":{\"response\":{\"content_length\":-1}}",
         ",\"http\":{\"response\":{\"content_length\":-1}}", "", 0},
        {",\"http\":{\"response\":{\"content_length\":\"12a\",\"status\":\"200\"}}",
         ",\"http\":{\"response\":{}}", "", 2},
        {",\"http\":{\"response\":{\"status\":200.0,\"content_length\":1e3}}",
         ",\"http\":{\"response\":{\"status\":200,\"content_length\":1000}}", "", 0},
        {",\"http\":{\"response\":{\"status\":200.5,\"content_length\":1e99}}",
         ",\"http\":{\"response\":{}}", "", 2},
        {",\"http\":{\"request\":5,\"response\":[]}", ",\"http\":{}", "", 2},
        {",\"http\":{\"request\":{\"url\":5,\"traced\":\"yes\"}}", ",\"http\":{\"request\":{}}", "",
         2},
    };
    ASSERT_ROWS(rows);
}

/* The block is opaque: a known member of another type stays, as sent. */
static void aws_keeps_everything(void **state)
{
    (void)state;
    static const row rows[] = {
        {",\"aws\":{}", ",\"aws\":{}", "", 0},
        {",\"aws\":{\"queue_owner_a_w_s_account_id\":\"1\",\"retries\":0,\"resource_names\":[],"
         "\"table_names\":[\"t\",1.50],\"model_id\":\"m\",\"bucket_name\":\"b\","
         "\"function_name\":\"f\",\"topic_arn\":\"a\",\"queue_url\":\"q\",\"table_name\":\"t\","
         "\"request_id\":\"r\",\"operation\":\"o\",\"region\":\"e\",\"account_id\":\"9\"}",
         ",\"aws\":{\"account_id\":\"9\",\"region\":\"e\",\"operation\":\"o\",\"request_id\":\"r\","
         "\"table_name\":\"t\",\"queue_url\":\"q\",\"topic_arn\":\"a\",\"function_name\":\"f\","
         "\"bucket_name\":\"b\",\"model_id\":\"m\",\"table_names\":[\"t\",1.50],"
         "\"resource_names\":[],\"queue_owner_a_w_s_account_id\":\"1\",\"retries\":0}",
         "", 0},
        {",\"aws\":{\"account_id\":123456789012,\"table_names\":\"t\",\"x\":1,\"region\":null}",
         ",\"aws\":{\"x\":1,\"account_id\":123456789012,\"region\":null,\"table_names\":\"t\"}", "",
         0},
        {",\"aws\":{\"ec2\":{},\"ecs\":{}}", ",\"aws\":{\"ec2\":{},\"ecs\":{}}", "", 0},
        {",\"aws\":{\"ec2\":{\"instance_type\":\"t3\",\"availability_zone\":\"z\","
         "\"instance_id\":\"i\"},\"ecs\":{\"container\":\"c\",\"availability_zone\":\"y\"}}",
         ",\"aws\":{\"ec2\":{\"instance_id\":\"i\",\"availability_zone\":\"z\","
         "\"instance_type\":\"t3\"},\"ecs\":{\"availability_zone\":\"y\",\"container\":\"c\"}}",
         "", 0},
        {",\"aws\":{\"ec2\":\"none\",\"ecs\":{\"availability_zone\":5}}",
         ",\"aws\":{\"ecs\":{\"availability_zone\":5},\"ec2\":\"none\"}", "", 0},
        {",\"aws\":{\"xray\":{\"sdk\":\"X-Ray for "
         "Go\"},\"cloudwatch_logs\":[{\"log_group\":\"g\"}]}",
         ",\"aws\":{\"xray\":{\"sdk\":\"X-Ray for "
         "Go\"},\"cloudwatch_logs\":[{\"log_group\":\"g\"}]}",
         "", 0},
    };
    ASSERT_ROWS(rows);
}

static void cause_has_all_its_forms(void **state)
{
    (void)state;
    static const row rows[] = {
        {",\"cause\":\"DDDDDDDDdddddddd\"", "", ",\"cause\":\"dddddddddddddddd\"", 0},
        {",\"cause\":\"too short\"", "", "", 1},
        {",\"cause\":{}", "", ",\"cause\":{}", 0},
        {",\"cause\":{\"id\":\"dddddddddddddddd\"}", "", ",\"cause\":{\"id\":\"dddddddddddddddd\"}",
         0},
        {",\"cause\":{\"id\":\"x\",\"message\":5}", "", ",\"cause\":{}", 2},
        {",\"cause\":{\"id\":\"dddddddddddddddd\",\"exceptions\":[]}", "",
         ",\"cause\":{\"id\":\"dddddddddddddddd\",\"exceptions\":[]}", 0},
        {",\"cause\":{\"message\":\"m\",\"id\":\"dddddddddddddddd\"}", "",
         ",\"cause\":{\"id\":\"dddddddddddddddd\",\"message\":\"m\"}", 0},
        {",\"cause\":{\"working_directory\":\"/\",\"paths\":[],\"exceptions\":[{\"id\":"
         "\"eeeeeeeeeeeeeeee\",\"type\":\"T\",\"message\":\"m\",\"remote\":false,\"truncated\":3,"
         "\"skipped\":1,\"cause\":\"ffffffffffffffff\",\"stack\":[{\"path\":null,\"line\":12,"
         "\"label\":\"f\"}]},{}]}",
         "",
         ",\"cause\":{\"exceptions\":[{\"id\":\"eeeeeeeeeeeeeeee\",\"type\":\"T\",\"message\":"
         "\"m\","
         "\"remote\":false,\"truncated\":3,\"skipped\":1,\"cause\":\"ffffffffffffffff\",\"stack\":"
         "[{\"path\":null,\"line\":12,\"label\":\"f\"}]},{}],\"working_directory\":\"/\","
         "\"paths\":[]}",
         0},
        {",\"cause\":{\"exceptions\":[5,{\"id\":5,\"remote\":1},\"x\"]}", "",
         ",\"cause\":{\"exceptions\":[{}]}", 4},
        {",\"cause\":{\"exceptions\":{}}", "", ",\"cause\":{}", 1},
    };
    ASSERT_ROWS(rows);
}

static void annotations_are_scalars(void **state)
{
    (void)state;
    static const row rows[] = {
        {",\"annotations\":{}", "", ",\"annotations\":{}", 0},
        {",\"annotations\":{\"s\":\"\",\"n\":-1.50e+3,\"t\":true,\"f\":false,\"a.b\":\"x\"}", "",
         ",\"annotations\":{\"s\":\"\",\"n\":-1.50e+3,\"t\":true,\"f\":false,\"a.b\":\"x\"}", 0},
        {",\"annotations\":{\"a\":[],\"o\":{},\"z\":null,\"\":1,\"k\":9007199254740993}", "",
         ",\"annotations\":{\"k\":9007199254740993}", 0},
    };
    ASSERT_ROWS(rows);
}

static void links_need_a_trace_id(void **state)
{
    (void)state;
    static const row rows[] = {
        {",\"links\":[]", "", "", 0},
        {",\"links\":[{\"id\":\"BBBBBBBBBBBBBBBB\",\"trace_id\":"
         "\"5759E988BD862E3FE1BE46A994272793\",\"attributes\":{\"a\":1},\"x\":2}]",
         "",
         ",\"links\":[{" TEST_TRACE_ID
         ",\"id\":\"bbbbbbbbbbbbbbbb\",\"attributes\":{\"a\":1},\"x\":2}]",
         0},
        {",\"links\":[{" TEST_TRACE_ID ",\"id\":\"?\",\"attributes\":[]}]", "",
         ",\"links\":[{" TEST_TRACE_ID "}]", 2},
    };
    ASSERT_ROWS(rows);
}

/* ---- What is left out of lists is counted under its own name. */

static fl_decode_notes notes_of(const char *more, fl_profile profile, uint32_t *links)
{
    fl_arena arena;
    size_t room = strlen(more) + 1000;
    char *text = malloc(room);
    assert_non_null(text);
    fl_arena_init(&arena, 16 << 20);
    snprintf(text, room, TEST_SEGMENT("%s"), more);
    fl_decoded decoded = test_decode(&arena, fl_str_of(text), profile);
    assert_int_equal(decoded.segment_count, 1);
    *links = decoded.segments->link_count;
    fl_arena_fini(&arena);
    free(text);
    return decoded.notes;
}

static void dropped_annotations_are_counted(void **state)
{
    (void)state;
    uint32_t links;
    fl_decode_notes notes = notes_of(
        ",\"annotations\":{\"a\":[],\"o\":{},\"z\":null,\"\":1,\"k\":1}", FL_PROFILE_OPEN, &links);
    assert_int_equal(notes.annotations_dropped, 4);
    assert_int_equal(notes.fields_dropped, 0);
}

static void malformed_links_are_counted(void **state)
{
    (void)state;
    uint32_t links;
    fl_decode_notes notes = notes_of(
        ",\"links\":[{},5,null,{\"trace_id\":\"x\"},{" TEST_TRACE_ID "}]", FL_PROFILE_OPEN, &links);
    assert_int_equal(links, 1);
    assert_int_equal(notes.links_dropped, 4);
    assert_int_equal(notes.fields_dropped, 0);
}

static void links_beyond_20_are_dropped_under_aws(void **state)
{
    (void)state;
    uint32_t links;
    fl_buf more;
    fl_buf_init(&more, 10000);
    fl_buf_add_str(&more, FL_S(",\"links\":[{" TEST_TRACE_ID "}"));
    for (int i = 1; i < 25; i++) {
        fl_buf_add_str(&more, FL_S(",{" TEST_TRACE_ID "}"));
    }
    fl_buf_add(&more, "]", 2);
    assert_int_equal(notes_of(more.p, FL_PROFILE_AWS, &links).links_dropped, 5);
    assert_int_equal(links, 20);
    assert_int_equal(notes_of(more.p, FL_PROFILE_OPEN, &links).links_dropped, 0);
    assert_int_equal(links, 25);
    fl_buf_fini(&more);
}

static uint32_t dropped_with_key(size_t characters)
{
    uint32_t links;
    fl_buf more;
    fl_buf_init(&more, 10000);
    fl_buf_add_str(&more, FL_S(",\"annotations\":{\""));
    for (size_t i = 0; i < characters; i++) {
        fl_buf_add_str(&more, FL_S("\xC3\xA9"));
    }
    fl_buf_add(&more, "\":1}", 5);
    uint32_t dropped = notes_of(more.p, FL_PROFILE_AWS, &links).annotations_dropped;
    fl_buf_fini(&more);
    return dropped;
}

static void an_annotation_key_of_500_characters_is_kept_and_501_dropped(void **state)
{
    (void)state;
    assert_int_equal(dropped_with_key(500), 0);
    assert_int_equal(dropped_with_key(501), 1);
}

/* Beyond a few dozen annotations duplicates are found in another way. */
static void among_many_annotations_the_last_of_a_key_counts_too(void **state)
{
    (void)state;
    enum { KEYS = 1000 };
    fl_arena arena;
    fl_buf text;
    fl_buf_init(&text, 1 << 20);
    fl_buf_add_str(&text, FL_S("{" TEST_ID "," TEST_TRACE_ID "," TEST_NAME "," TEST_START
                               "," TEST_END ",\"annotations\":{\"gone\":1"));
    for (uint64_t i = 0; i < 2 * KEYS; i++) {
        fl_buf_add_str(&text, FL_S(",\"key"));
        fl_buf_add_u64(&text, i % KEYS);
        fl_buf_add_str(&text, FL_S("\":"));
        fl_buf_add_u64(&text, i);
    }
    fl_buf_add_str(&text, FL_S(",\"gone\":null}}"));
    fl_arena_init(&arena, 16 << 20);
    fl_decoded decoded = test_decode(&arena, fl_buf_str(&text), FL_PROFILE_OPEN);
    const fl_segment *segment = decoded.segments;
    assert_int_equal(segment->annotation_count, KEYS);
    assert_int_equal(decoded.notes.annotations_dropped, 1);
    for (unsigned i = 0; i < KEYS; i++) {
        char expected[24];
        snprintf(expected, sizeof expected, "key%u", i);
        assert_str(segment->annotations[i].key, expected);
        snprintf(expected, sizeof expected, "%u", i + KEYS);
        assert_str(segment->annotations[i].text, expected);
    }
    fl_arena_fini(&arena);
    fl_buf_fini(&text);
}

/* ---- Progress */

static void in_progress_is_emitted_when_there_is_no_end(void **state)
{
    (void)state;
    fl_arena arena;
    fl_arena_init(&arena, 1 << 20);
    const fl_segment *segment = test_decode_one(&arena, "{" TEST_ID "," TEST_TRACE_ID "," TEST_NAME
                                                        "," TEST_START ",\"in_progress\":true}");
    assert_false(fl_segment_is_complete(segment));
    test_assert_emitted(segment, "{" TEST_ID "," TEST_NAME "," TEST_START "," TEST_TRACE_ID
                                 ",\"in_progress\":true}");
    fl_segment made = *segment;
    made.in_progress = FL_ABSENT; /* as a converter may leave it */
    test_assert_emitted(&made, "{" TEST_ID "," TEST_NAME "," TEST_START "," TEST_TRACE_ID
                               ",\"in_progress\":true}");
    fl_arena_fini(&arena);
}

static void an_end_beats_in_progress(void **state)
{
    (void)state;
    static const row rows[] = {
        {",\"in_progress\":true", "", "", 0},
        {",\"in_progress\":false", "", ",\"in_progress\":false", 0},
    };
    ASSERT_ROWS(rows);
}

/* ---- Nesting */

static void what_nesting_says_is_not_repeated_in_it(void **state)
{
    (void)state;
    static const row rows[] = {
        {",\"subsegments\":[" TEST_EMBEDDED(
             ",\"type\":\"subsegment\",\"parent_id\":\"dddddddddddddddd\"," TEST_TRACE_ID
             ",\"namespace\":\"remote\",\"subsegments\":[" TEST_EMBEDDED(",\"x\":1") "]") "]",
         "",
         ",\"subsegments\":[" TEST_EMBEDDED(
             ",\"namespace\":\"remote\",\"subsegments\":[" TEST_EMBEDDED(",\"x\":1") "]") "]",
         0},
    };
    ASSERT_ROWS(rows);
}

static void members_are_emitted_without_braces_and_subsegments(void **state)
{
    (void)state;
    fl_arena arena;
    fl_buf out;
    fl_arena_init(&arena, 1 << 20);
    fl_buf_init(&out, 10000);
    const fl_segment *segment =
        test_decode_one(&arena, TEST_SEGMENT(",\"x\":1,\"subsegments\":[" TEST_EMBEDDED("") "]"));
    fl_buf_add_byte(&out, '<');
    fl_segment_emit_members(segment, &out);
    assert_str(fl_buf_str(&out),
               "<" TEST_ID "," TEST_NAME "," TEST_START "," TEST_END "," TEST_TRACE_ID ",\"x\":1");
    fl_buf_fini(&out);
    fl_arena_fini(&arena);
}

static void a_segment_made_by_hand_needs_only_what_it_says(void **state)
{
    (void)state;
    fl_http http = {.url = FL_S("u"), .status = 500, .content_length = FL_INT_NONE};
    fl_aws aws = {.ec2_instance_id = FL_S("i")};
    fl_segment segment = {.id = 0xa,
                          .name = FL_S("n"),
                          .start_ns = FL_NS_PER_S,
                          .end_ns = FL_NS_PER_S,
                          .http = &http,
                          .aws = &aws};
    test_assert_emitted(&segment,
                        "{\"id\":\"000000000000000a\",\"name\":\"n\",\"start_time\":1,"
                        "\"end_time\":1,\"http\":{\"request\":{\"url\":\"u\"},\"response\":{"
                        "\"status\":500}},\"aws\":{\"ec2\":{\"instance_id\":\"i\"}}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_emitted_in_one_order),
        cmocka_unit_test(ids_are_emitted_in_lower_case_and_times_in_decimals),
        cmocka_unit_test(strings_come_back_as_sent),
        cmocka_unit_test(optional_members_of_the_wrong_type_are_left_out_and_counted),
        cmocka_unit_test(nulls_of_known_members_say_no_more_than_absence),
        cmocka_unit_test(unknown_members_come_back_equal_in_meaning),
        cmocka_unit_test(the_last_of_two_members_counts),
        cmocka_unit_test(http_is_read_leniently),
        cmocka_unit_test(aws_keeps_everything),
        cmocka_unit_test(cause_has_all_its_forms),
        cmocka_unit_test(annotations_are_scalars),
        cmocka_unit_test(links_need_a_trace_id),
        cmocka_unit_test(dropped_annotations_are_counted),
        cmocka_unit_test(malformed_links_are_counted),
        cmocka_unit_test(links_beyond_20_are_dropped_under_aws),
        cmocka_unit_test(an_annotation_key_of_500_characters_is_kept_and_501_dropped),
        cmocka_unit_test(among_many_annotations_the_last_of_a_key_counts_too),
        cmocka_unit_test(in_progress_is_emitted_when_there_is_no_end),
        cmocka_unit_test(an_end_beats_in_progress),
        cmocka_unit_test(what_nesting_says_is_not_repeated_in_it),
        cmocka_unit_test(members_are_emitted_without_braces_and_subsegments),
        cmocka_unit_test(a_segment_made_by_hand_needs_only_what_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
