/* Which documents are taken and which refused: segments.md §1, §2, §12; trace-model.md §2, §3. */
#include <stdio.h>
#include <stdlib.h>

#include "support/segment.h"

#define AAA     "aaaaaaaaaaaaaaaa"
#define SUB     ",\"type\":\"subsegment\",\"parent_id\":\"cccccccccccccccc\""
#define NO_CODE FL_REJECT_COUNT

typedef struct row {
    const char *text;
    fl_reject_code open, aws; /* NO_CODE: taken */
    bool in_subsegment;
    const char *id; /* NULL: absent */
} row;

static void assert_row(const row *expected, fl_profile profile)
{
    fl_arena arena;
    fl_arena_init(&arena, 64 << 20);
    fl_reject_code code = profile == FL_PROFILE_AWS ? expected->aws : expected->open;
    fl_decoded decoded = test_decode(&arena, fl_str_of(expected->text), profile);
    if (decoded.segment_count + decoded.reject_count != 1) {
        fail_msg("%zu segments, %zu refusals: %s", decoded.segment_count, decoded.reject_count,
                 expected->text);
    }
    fl_reject_code actual = decoded.reject_count != 0 ? decoded.rejects[0].code : NO_CODE;
    if (actual != code) {
        fail_msg("%s%s instead of %s: %s", actual == NO_CODE ? "taken" : fl_reject_name(actual),
                 profile == FL_PROFILE_AWS ? " (aws)" : "",
                 code == NO_CODE ? "taken" : fl_reject_name(code), expected->text);
    }
    if (actual != NO_CODE) {
        const fl_reject *reject = decoded.rejects;
        if (reject->in_subsegment != expected->in_subsegment) {
            fail_msg("in_subsegment is %d: %s", reject->in_subsegment, expected->text);
        }
        if (expected->id == NULL) {
            assert_null(reject->id.p);
        } else {
            assert_str(reject->id, expected->id);
        }
        assert_true(strlen(reject->detail) > 0);
    }
    fl_arena_fini(&arena);
}

static void assert_rows(const row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_row(&rows[i], FL_PROFILE_OPEN);
        assert_row(&rows[i], FL_PROFILE_AWS);
    }
}
#define ASSERT_ROWS(rows) assert_rows((rows), sizeof(rows) / sizeof((rows)[0]))

#define TAKEN           NO_CODE, NO_CODE
#define REFUSED(reason) FL_REJECT_##reason, FL_REJECT_##reason

static void documents_of_every_kind_are_taken(void **state)
{
    (void)state;
    static const row rows[] = {
        {TEST_SEGMENT(""), TAKEN, 0, 0},
        {" \r\n\t" TEST_SEGMENT("") "\n \n", TAKEN, 0, 0},
        {TEST_SEGMENT(SUB), TAKEN, 0, 0},
        {TEST_SEGMENT(",\"subsegments\":[" TEST_EMBEDDED("") "]"), TAKEN, 0, 0},
        {TEST_SEGMENT(",\"in_progress\":true"), TAKEN, 0, 0},
        {TEST_SEGMENT(",\"in_progress\":false"), TAKEN, 0, 0},
        {"{" TEST_ID "," TEST_TRACE_ID "," TEST_NAME "," TEST_START ",\"in_progress\":true}", TAKEN,
         0, 0},
        {"{" TEST_ID "," TEST_TRACE_ID "," TEST_NAME "," TEST_START
         ",\"in_progress\":true,\"end_time\":null}",
         TAKEN, 0, 0},
        {"[" TEST_SEGMENT(SUB) "]", TAKEN, 0, 0},
        {TEST_SEGMENT(",\"type\":\"something else\""), TAKEN, 0, 0},
        {TEST_SEGMENT(",\"type\":5"), TAKEN, 0, 0},
        {TEST_SEGMENT(",\"Dummy\":false,\"notTraced\":true,\"subsegments\":null,\"user\":\"\""),
         TAKEN, 0, 0},
    };
    ASSERT_ROWS(rows);
}

static void texts_that_are_no_documents_are_refused(void **state)
{
    (void)state;
    static const row rows[] = {
        {"[]", REFUSED(MISSING_ID), 0, 0},
        {" [ ] ", REFUSED(MISSING_ID), 0, 0},
        {"{}", REFUSED(MISSING_ID), 0, 0},
        {"", REFUSED(PARSE_ERROR), 0, 0},
        {" ", REFUSED(PARSE_ERROR), 0, 0},
        {"null", REFUSED(PARSE_ERROR), 0, 0},
        {"\"" AAA "\"", REFUSED(PARSE_ERROR), 0, 0},
        {"17", REFUSED(PARSE_ERROR), 0, 0},
        {"[17]", REFUSED(PARSE_ERROR), 0, 0},
        {"[[]]", REFUSED(PARSE_ERROR), 0, 0},
        {"{" TEST_ID ",", REFUSED(PARSE_ERROR), 0, AAA},
        {TEST_SEGMENT("") "x", REFUSED(PARSE_ERROR), 0, AAA},
        {TEST_SEGMENT("") TEST_SEGMENT(""), REFUSED(PARSE_ERROR), 0, AAA},
        {TEST_SEGMENT(",\"user\":\"\xFF\""), NO_CODE, FL_REJECT_PARSE_ERROR, 0, AAA},
        {TEST_SEGMENT(",\"user\":\"\\ud800\""), NO_CODE, FL_REJECT_PARSE_ERROR, 0, AAA},
        {TEST_SEGMENT(",\"user\":\"\n\""), REFUSED(PARSE_ERROR), 0, AAA},
    };
    ASSERT_ROWS(rows);
}

#define REST_OF_ID TEST_TRACE_ID "," TEST_NAME "," TEST_START "," TEST_END

static void the_id_is_16_hex_digits(void **state)
{
    (void)state;
    static const row rows[] = {
        {"{" REST_OF_ID "}", REFUSED(MISSING_ID), 0, 0},
        {"{\"id\":null," REST_OF_ID "}", REFUSED(MISSING_ID), 0, 0},
        {"{\"id\":7," REST_OF_ID "}", REFUSED(INVALID_ID), 0, 0},
        {"{\"id\":\"xyz\"," REST_OF_ID "}", REFUSED(INVALID_ID), 0, "xyz"},
        {"{\"id\":\"\"," REST_OF_ID "}", REFUSED(INVALID_ID), 0, ""},
        {"{\"id\":\"0000000000000000\"," REST_OF_ID "}", REFUSED(INVALID_ID), 0,
         "0000000000000000"},
        {"{\"id\":\"AAAAaaaa00001111\"," REST_OF_ID "}", TAKEN, 0, 0},
        {"{\"id\":\"xyz\",\"id\":\"" AAA "\"," REST_OF_ID "}", TAKEN, 0, 0},
        {"{\"id\":\"" AAA "\",\"id\":\"xyz\"," REST_OF_ID "}", REFUSED(INVALID_ID), 0, "xyz"},
        {"{\"i\\u0064\":\"" AAA "\"," REST_OF_ID "}", TAKEN, 0, 0},
        {"{\"ID\":\"" AAA "\"," REST_OF_ID "}", REFUSED(MISSING_ID), 0, 0},
    };
    ASSERT_ROWS(rows);
}

#define REST_OF_TRACE_ID TEST_ID "," TEST_NAME "," TEST_START "," TEST_END

static void the_trace_id_has_one_of_two_forms(void **state)
{
    (void)state;
    static const row rows[] = {
        {"{" REST_OF_TRACE_ID "}", REFUSED(MISSING_TRACE_ID), 0, AAA},
        {"{\"trace_id\":null," REST_OF_TRACE_ID "}", REFUSED(MISSING_TRACE_ID), 0, AAA},
        {"{\"trace_id\":5," REST_OF_TRACE_ID "}", REFUSED(INVALID_TRACE_ID), 0, AAA},
        {"{\"trace_id\":\"\"," REST_OF_TRACE_ID "}", REFUSED(INVALID_TRACE_ID), 0, AAA},
        {"{\"trace_id\":\"1-5759e988-bd862e3fe1be46a99427279\"," REST_OF_TRACE_ID "}",
         REFUSED(INVALID_TRACE_ID), 0, AAA},
        {"{\"trace_id\":\"1-00000000-000000000000000000000000\"," REST_OF_TRACE_ID "}",
         REFUSED(INVALID_TRACE_ID), 0, AAA},
        {"{\"trace_id\":\"1-00000000-000000000000000000000001\"," REST_OF_TRACE_ID "}", TAKEN, 0,
         0},
        {"{\"trace_id\":\"5759E988BD862E3FE1BE46A994272793\"," REST_OF_TRACE_ID "}", TAKEN, 0, 0},
        {"{" REST_OF_TRACE_ID SUB "}", REFUSED(MISSING_TRACE_ID), true, AAA},
    };
    ASSERT_ROWS(rows);
}

#define REST_OF_NAME TEST_ID "," TEST_TRACE_ID "," TEST_START "," TEST_END

static void the_name_follows_the_profile(void **state)
{
    (void)state;
    static const row rows[] = {
        {"{" REST_OF_NAME "}", REFUSED(MISSING_NAME), 0, AAA},
        {"{\"name\":null," REST_OF_NAME "}", REFUSED(MISSING_NAME), 0, AAA},
        {"{\"name\":\"\"," REST_OF_NAME "}", REFUSED(INVALID_NAME), 0, AAA},
        {"{\"name\":[]," REST_OF_NAME "}", REFUSED(INVALID_NAME), 0, AAA},
        {"{\"name\":\"a\\tb\"," REST_OF_NAME "}", REFUSED(INVALID_NAME), 0, AAA},
        {"{\"name\":\"a?b\"," REST_OF_NAME "}", NO_CODE, FL_REJECT_INVALID_NAME, 0, AAA},
        {"{\"name\":\"a\\\\b\"," REST_OF_NAME "}", TAKEN, 0, 0},
        {"{\"name\":\"cut\xC3\"," REST_OF_NAME "}", NO_CODE, FL_REJECT_PARSE_ERROR, 0, AAA},
        {"{\"name\":\"a?b\"," REST_OF_NAME SUB "}", NO_CODE, FL_REJECT_INVALID_NAME, true, AAA},
    };
    ASSERT_ROWS(rows);
}

static void assert_name_length(size_t chars, bool subsegment, fl_reject_code open,
                               fl_reject_code aws)
{
    char text[4096];
    char name[2048];
    memset(name, 'n', chars);
    name[chars] = '\0';
    snprintf(text, sizeof text, "{\"name\":\"%s\"," REST_OF_NAME "%s}", name,
             subsegment ? SUB : "");
    row expected = {text, open, aws, subsegment, AAA};
    assert_rows(&expected, 1);
}

static void names_have_their_greatest_length(void **state)
{
    (void)state;
    assert_name_length(200, false, TAKEN);
    assert_name_length(201, false, NO_CODE, FL_REJECT_INVALID_NAME);
    assert_name_length(250, true, TAKEN);
    assert_name_length(251, true, NO_CODE, FL_REJECT_INVALID_NAME);
    assert_name_length(1000, false, NO_CODE, FL_REJECT_INVALID_NAME);
    assert_name_length(1001, false, REFUSED(INVALID_NAME));
    assert_name_length(1001, true, REFUSED(INVALID_NAME));
}

#define REST_OF_START TEST_ID "," TEST_TRACE_ID "," TEST_NAME "," TEST_END

static void the_start_is_a_number_of_seconds(void **state)
{
    (void)state;
    static const row rows[] = {
        {"{" REST_OF_START "}", REFUSED(MISSING_START_TIME), 0, AAA},
        {"{\"start_time\":null," REST_OF_START "}", REFUSED(MISSING_START_TIME), 0, AAA},
        {"{\"start_time\":\"1795360304.1\"," REST_OF_START "}", REFUSED(INVALID_START_TIME), 0,
         AAA},
        {"{\"start_time\":true," REST_OF_START "}", REFUSED(INVALID_START_TIME), 0, AAA},
        {"{\"start_time\":1e400," REST_OF_START "}", REFUSED(INVALID_START_TIME), 0, AAA},
        {"{\"start_time\":1795360304100," REST_OF_START "}", REFUSED(INVALID_START_TIME), 0, AAA},
        {"{\"start_time\":-4700000000," REST_OF_START "}", REFUSED(INVALID_START_TIME), 0, AAA},
        {"{\"start_time\":1.795360304100E9," REST_OF_START "}", TAKEN, 0, 0},
        {"{\"start_time\":1795360304," REST_OF_START "}", TAKEN, 0, 0},
    };
    ASSERT_ROWS(rows);
}

static void assert_start(int64_t s, const char *fraction, fl_reject_code open, fl_reject_code aws)
{
    char text[512];
    snprintf(text, sizeof text, "{\"start_time\":%lld%s," REST_OF_START "}", (long long)s,
             fraction);
    row expected = {text, open, aws, false, AAA};
    assert_rows(&expected, 1);
}

/* open: any past and 24 hours ahead; aws: the retention, here 30 days, and 5 minutes ahead. */
static void the_start_lies_within_the_limits_of_the_profile(void **state)
{
    (void)state;
    const int64_t day_s = 86400;
    assert_start(TEST_NOW_S + 300, ".0", TAKEN);
    assert_start(TEST_NOW_S + 300, ".000000001", NO_CODE, FL_REJECT_INVALID_START_TIME);
    assert_start(TEST_NOW_S + day_s, "", NO_CODE, FL_REJECT_INVALID_START_TIME);
    assert_start(TEST_NOW_S + day_s, ".000000001", REFUSED(INVALID_START_TIME));
    assert_start(TEST_NOW_S - 30 * day_s, "", TAKEN);
    assert_start(TEST_NOW_S - 30 * day_s - 1, ".999999999", NO_CODE, FL_REJECT_INVALID_START_TIME);
    assert_start(0, "", NO_CODE, FL_REJECT_INVALID_START_TIME);
    assert_start(-1000000000, "", NO_CODE, FL_REJECT_INVALID_START_TIME);
}

#define REST_OF_END TEST_ID "," TEST_TRACE_ID "," TEST_NAME "," TEST_START

static void an_end_or_progress_is_needed(void **state)
{
    (void)state;
    static const row rows[] = {
        {"{" REST_OF_END "}", REFUSED(MISSING_END_TIME), 0, AAA},
        {"{" REST_OF_END ",\"end_time\":null}", REFUSED(MISSING_END_TIME), 0, AAA},
        {"{" REST_OF_END ",\"in_progress\":false}", REFUSED(MISSING_END_TIME), 0, AAA},
        {"{" REST_OF_END ",\"in_progress\":\"true\"}", REFUSED(MISSING_END_TIME), 0, AAA},
        {"{" REST_OF_END ",\"in_progress\":1}", REFUSED(MISSING_END_TIME), 0, AAA},
        {"{" REST_OF_END SUB "}", REFUSED(MISSING_END_TIME), true, AAA},
        {"{" REST_OF_END ",\"end_time\":\"\"}", REFUSED(INVALID_END_TIME), 0, AAA},
        {"{" REST_OF_END ",\"end_time\":{},\"in_progress\":true}", REFUSED(INVALID_END_TIME), 0,
         AAA},
        {"{" REST_OF_END ",\"end_time\":1e30}", REFUSED(INVALID_END_TIME), 0, AAA},
        {"{" REST_OF_END ",\"end_time\":1795360304}", TAKEN, 0, 0}, /* before the start */
        {"{" REST_OF_END ",\"end_time\":4000000000}", TAKEN, 0, 0}, /* far ahead */
        {"{" REST_OF_END ",\"end_time\":4700000000}", REFUSED(INVALID_END_TIME), 0, AAA},
        {"{" REST_OF_END ",\"end_time\":-4700000000}", REFUSED(INVALID_END_TIME), 0, AAA},
    };
    ASSERT_ROWS(rows);
}

static void the_parent_is_needed_by_independent_subsegments_only(void **state)
{
    (void)state;
    static const row rows[] = {
        {TEST_SEGMENT(",\"parent_id\":\"\""), TAKEN, 0, 0},
        {TEST_SEGMENT(",\"parent_id\":null"), TAKEN, 0, 0},
        {TEST_SEGMENT(",\"parent_id\":\"0000000000000000\""), TAKEN, 0, 0},
        {TEST_SEGMENT(",\"parent_id\":\"CCCCCCCCcccccccc\""), TAKEN, 0, 0},
        {TEST_SEGMENT(",\"parent_id\":\"None\""), REFUSED(INVALID_PARENT_ID), 0, AAA},
        {TEST_SEGMENT(",\"parent_id\":5"), REFUSED(INVALID_PARENT_ID), 0, AAA},
        {TEST_SEGMENT(",\"type\":\"subsegment\""), REFUSED(MISSING_PARENT_ID), true, AAA},
        {TEST_SEGMENT(",\"type\":\"subsegment\",\"parent_id\":null"), REFUSED(MISSING_PARENT_ID),
         true, AAA},
        {TEST_SEGMENT(",\"type\":\"subsegment\",\"parent_id\":\"\""), REFUSED(MISSING_PARENT_ID),
         true, AAA},
        {TEST_SEGMENT(",\"type\":\"subsegment\",\"parent_id\":\"0000000000000000\""),
         REFUSED(MISSING_PARENT_ID), true, AAA},
        {TEST_SEGMENT(",\"type\":\"subsegment\",\"parent_id\":\"xyz\""), REFUSED(INVALID_PARENT_ID),
         true, AAA},
    };
    ASSERT_ROWS(rows);
}

#define EMBED(inner) TEST_SEGMENT(",\"subsegments\":[" TEST_EMBEDDED("") "," inner "]")
#define BBB          "\"id\":\"bbbbbbbbbbbbbbbb\""

/* The whole document is refused, its own id is named, and the message speaks of a subsegment. */
static void a_flaw_in_an_embedded_subsegment_refuses_the_document(void **state)
{
    (void)state;
    static const row rows[] = {
        {EMBED("{\"name\":\"x\"," TEST_START "," TEST_END "}"), REFUSED(MISSING_ID), true, AAA},
        {EMBED("{\"id\":\"b\",\"name\":\"x\"," TEST_START "," TEST_END "}"), REFUSED(INVALID_ID),
         true, AAA},
        {EMBED("{" BBB "," TEST_START "," TEST_END "}"), REFUSED(MISSING_NAME), true, AAA},
        {EMBED("{" BBB ",\"name\":\"\"," TEST_START "," TEST_END "}"), REFUSED(INVALID_NAME), true,
         AAA},
        {EMBED("{" BBB ",\"name\":\"x\"," TEST_END "}"), REFUSED(MISSING_START_TIME), true, AAA},
        {EMBED("{" BBB ",\"name\":\"x\"," TEST_START "}"), REFUSED(MISSING_END_TIME), true, AAA},
        {EMBED("{" BBB ",\"name\":\"x\"," TEST_START ",\"end_time\":\"\"}"),
         REFUSED(INVALID_END_TIME), true, AAA},
        {EMBED(TEST_EMBEDDED(",\"subsegments\":[{" BBB "," TEST_START "," TEST_END "}]")),
         REFUSED(MISSING_NAME), true, AAA},
    };
    ASSERT_ROWS(rows);
}

static void ids_of_embedded_subsegments_come_from_the_nesting(void **state)
{
    (void)state;
    static const row rows[] = {
        {EMBED(TEST_EMBEDDED(",\"trace_id\":\"nonsense\",\"parent_id\":\"nonsense\"")), TAKEN, 0,
         0},
        {EMBED(TEST_EMBEDDED(",\"trace_id\":null,\"type\":\"subsegment\"")), TAKEN, 0, 0},
    };
    ASSERT_ROWS(rows);
    fl_arena arena;
    fl_arena_init(&arena, 1 << 20);
    const fl_segment *top = test_decode_one(
        &arena, EMBED(TEST_EMBEDDED(",\"parent_id\":\"dddddddddddddddd\",\"trace_id\":"
                                    "\"1-11111111-111111111111111111111111\",\"subsegments\":["
                                    "{\"id\":\"eeeeeeeeeeeeeeee\",\"name\":\"x\"," TEST_START
                                    "," TEST_END "}]")));
    const fl_segment *inner = &top->subsegments[1];
    const fl_segment *innermost = &inner->subsegments[0];
    assert_false(top->is_subsegment);
    assert_true(inner->is_subsegment && innermost->is_subsegment);
    assert_true(inner->parent_id == top->id && innermost->parent_id == inner->id);
    assert_true(fl_trace_id_eq(inner->trace_id, top->trace_id));
    assert_true(fl_trace_id_eq(innermost->trace_id, top->trace_id));
    fl_arena_fini(&arena);
}

/* With several flaws the first of: id, trace_id, name, start_time, parent_id, end_time. */
static void the_first_flaw_in_a_fixed_order_names_the_refusal(void **state)
{
    (void)state;
    static const row rows[] = {
        {"{\"type\":\"subsegment\"}", REFUSED(MISSING_ID), true, 0},
        {"{" TEST_ID ",\"type\":\"subsegment\"}", REFUSED(MISSING_TRACE_ID), true, AAA},
        {"{" TEST_ID "," TEST_TRACE_ID ",\"type\":\"subsegment\"}", REFUSED(MISSING_NAME), true,
         AAA},
        {"{" TEST_ID "," TEST_TRACE_ID "," TEST_NAME ",\"type\":\"subsegment\"}",
         REFUSED(MISSING_START_TIME), true, AAA},
        {"{" REST_OF_END ",\"type\":\"subsegment\"}", REFUSED(MISSING_PARENT_ID), true, AAA},
        {"{" REST_OF_END SUB "}", REFUSED(MISSING_END_TIME), true, AAA},
    };
    ASSERT_ROWS(rows);
}

/* ---- Sizes */

static char *padded(size_t bytes, const char *begin)
{
    char *text = malloc(bytes + 1);
    assert_non_null(text);
    memset(text, ' ', bytes);
    memcpy(text, begin, strlen(begin));
    text[bytes] = '\0';
    return text;
}

static void assert_size(size_t bytes, fl_reject_code open, fl_reject_code aws)
{
    char *text = padded(bytes, TEST_SEGMENT(""));
    row expected = {text, open, aws, false, AAA};
    assert_rows(&expected, 1);
    free(text);
}

static void a_text_over_the_limit_is_refused(void **state)
{
    (void)state;
    assert_size(65536, TAKEN);
    assert_size(65537, NO_CODE, FL_REJECT_TOO_LARGE);
    assert_size(1048576, NO_CODE, FL_REJECT_TOO_LARGE);
    assert_size(1048577, REFUSED(TOO_LARGE));
}

/* The id that a refusal names when the text was not or could not be parsed. */
static void the_id_is_seen_without_parsing(void **state)
{
    (void)state;
    static const row rows[] = {
        {"{\"name\":\"x\", \"id\" : \"" AAA "\" !", REFUSED(PARSE_ERROR), 0, AAA},
        {"{\"a\":{\"id\":\"no\"},\"b\":[{\"id\":\"no\"}],\"id\":\"" AAA "\",", REFUSED(PARSE_ERROR),
         0, AAA},
        {"{\"a\":\"}\\\"{,\",\"id\":\"" AAA "\",", REFUSED(PARSE_ERROR), 0, AAA},
        {"{\"a\":{\"id\":\"" AAA "\"},", REFUSED(PARSE_ERROR), 0, 0},
        {"{\"a\":[\"id\",\"" AAA "\"],", REFUSED(PARSE_ERROR), 0, 0},
        {"{\"a\":\"id\",", REFUSED(PARSE_ERROR), 0, 0},
        {"{\"a\":1}{,\"id\":\"" AAA "\"", REFUSED(PARSE_ERROR), 0, 0},
        {"{\"id\":5,", REFUSED(PARSE_ERROR), 0, 0},
        {"{\"id\":\"a\\u0061\",", REFUSED(PARSE_ERROR), 0, 0},
        {"{\"id\":\"" AAA, REFUSED(PARSE_ERROR), 0, 0},
        {"{\"id\"", REFUSED(PARSE_ERROR), 0, 0},
        {"{\"a\":\"\\", REFUSED(PARSE_ERROR), 0, 0},
        {"[{\"id\":\"" AAA "\",", REFUSED(PARSE_ERROR), 0, 0},
        {"{\"id\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",",
         REFUSED(PARSE_ERROR), 0, 0},
    };
    ASSERT_ROWS(rows);
}

/* A document of `depth` nested subsegments. */
static char *nested(size_t depth)
{
    const char *open = ",\"subsegments\":[{" BBB ",\"name\":\"x\",\"start_time\":1,\"end_time\":1";
    size_t each = strlen(open) + 2;
    char *text = malloc(1000 + depth * each);
    assert_non_null(text);
    char *p = text + snprintf(text, 200,
                              "{" TEST_ID "," TEST_TRACE_ID ",\"name\":\"x\",\"start_time\":"
                              "1,\"end_time\":1");
    for (size_t i = 0; i < depth; i++) {
        p += snprintf(p, each, "%s", open);
    }
    for (size_t i = 0; i < depth; i++) {
        p += snprintf(p, 3, "}]");
    }
    snprintf(p, 2, "}");
    return text;
}

static void subsegments_nest_to_a_depth_of_500(void **state)
{
    (void)state;
    char *deepest = nested(500);
    char *too_deep = nested(501);
    row taken = {deepest, TAKEN, 0, 0};
    row refused = {too_deep, REFUSED(TOO_LARGE), true, AAA};
    assert_row(&taken, FL_PROFILE_OPEN);
    assert_row(&refused, FL_PROFILE_OPEN);
    free(deepest);
    free(too_deep);
}

/* ---- Arrays */

static void each_element_of_an_array_is_judged_by_itself(void **state)
{
    (void)state;
    fl_arena arena;
    fl_arena_init(&arena, 1 << 20);
    fl_decoded decoded =
        test_decode(&arena,
                    FL_S("[" TEST_SEGMENT("") ",5,{\"id\":\"first\"}," TEST_SEGMENT(
                        SUB) ",{\"id\":\"second\","
                             "\"type\":\"subsegment\"},[],null]"),
                    FL_PROFILE_OPEN);
    assert_int_equal(decoded.segment_count, 2);
    assert_false(decoded.segments[0].is_subsegment);
    assert_true(decoded.segments[1].is_subsegment);
    assert_int_equal(decoded.reject_count, 5);
    assert_int_equal(decoded.rejects[0].code, FL_REJECT_PARSE_ERROR);
    assert_null(decoded.rejects[0].id.p);
    assert_int_equal(decoded.rejects[1].code, FL_REJECT_INVALID_ID);
    assert_str(decoded.rejects[1].id, "first");
    assert_false(decoded.rejects[1].in_subsegment);
    assert_str(decoded.rejects[2].id, "second");
    assert_true(decoded.rejects[2].in_subsegment);
    assert_int_equal(decoded.rejects[3].code, FL_REJECT_PARSE_ERROR);
    assert_int_equal(decoded.rejects[4].code, FL_REJECT_PARSE_ERROR);
    fl_arena_fini(&arena);
}

/* Refusals take more memory than the elements that they are for. */
static void an_array_of_more_elements_than_documents_fit_in_is_refused_as_one(void **state)
{
    (void)state;
    enum { ELEMENTS = 300000 };
    char *text = malloc(ELEMENTS * 3 + 2);
    assert_non_null(text);
    char *p = text;
    *p++ = '[';
    for (int i = 0; i < ELEMENTS; i++) {
        memcpy(p, "{},", 3);
        p += 3;
    }
    memcpy(p - 1, "]", 2);
    row expected = {text, REFUSED(TOO_LARGE), false, NULL};
    assert_row(&expected, FL_PROFILE_OPEN);
    free(text);
}

/* ---- Details */

static void assert_detail(const char *text, const char *expected)
{
    fl_arena arena;
    fl_arena_init(&arena, 1 << 20);
    fl_decoded decoded = test_decode(&arena, fl_str_of(text), FL_PROFILE_OPEN);
    assert_int_equal(decoded.reject_count, 1);
    assert_string_equal(decoded.rejects[0].detail, expected);
    fl_arena_fini(&arena);
}

static void the_detail_says_place_and_flaw(void **state)
{
    (void)state;
    assert_detail("{" REST_OF_END "}", "no end_time, and in_progress is not true");
    assert_detail(EMBED(TEST_EMBEDDED(",\"subsegments\":[{" BBB "," TEST_START "," TEST_END "}]")),
                  "subsegments[1]: subsegments[0]: no name");
}

static void the_detail_of_a_syntax_error_says_the_byte(void **state)
{
    (void)state;
    fl_arena arena;
    fl_arena_init(&arena, 1 << 20);
    fl_decoded decoded = test_decode(&arena, FL_S("{\"a\":1;}"), FL_PROFILE_OPEN);
    assert_int_equal(decoded.reject_count, 1);
    assert_memory_equal(decoded.rejects[0].detail, "byte 6: ", 8);
    fl_arena_fini(&arena);
}

static void a_repaired_text_is_counted(void **state)
{
    (void)state;
    fl_arena arena;
    fl_arena_init(&arena, 1 << 20);
    fl_decoded decoded =
        test_decode(&arena, FL_S(TEST_SEGMENT(",\"user\":\"J\xC3\"")), FL_PROFILE_OPEN);
    assert_int_equal(decoded.segment_count, 1);
    assert_int_equal(decoded.notes.texts_repaired, 1);
    assert_str(decoded.segments[0].user, "J\xEF\xBF\xBD");
    fl_arena_fini(&arena);
}

static void nothing_of_a_refused_document_is_counted_as_left_out(void **state)
{
    (void)state;
    fl_arena arena;
    fl_arena_init(&arena, 1 << 20);
    fl_decoded decoded = test_decode(
        &arena,
        FL_S(TEST_SEGMENT(",\"user\":5,\"annotations\":{\"a\":[]},\"subsegments\":[{\"id\":5}]")),
        FL_PROFILE_OPEN);
    assert_int_equal(decoded.reject_count, 1);
    assert_int_equal(decoded.notes.fields_dropped, 0);
    assert_int_equal(decoded.notes.annotations_dropped, 0);
    fl_arena_fini(&arena);
}

/* Fails each allocation in turn; the same failure leaves the output alone. */
static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    static const char text[] = EMBED(TEST_EMBEDDED(
        ",\"aws\":{\"a\":1,\"ec2\":{}},\"http\":{\"request\":{\"x\":2}},\"metadata\":{\"d\":{}},"
        "\"cause\":{\"exceptions\":[{\"stack\":[]}]},\"links\":[{" TEST_TRACE_ID "}],"
        "\"annotations\":{\"k\":1}"));
    fl_limits limits = fl_limits_of(FL_PROFILE_OPEN, 0);
    fl_status status = FL_E_NOMEM;
    uint64_t failures = 0;
    while (status != FL_OK) {
        fl_arena arena;
        fl_err err = {0};
        fl_decoded decoded = {.segment_count = 77};
        fl_arena_init(&arena, 1 << 20);
        arena.fail_at = failures + 1;
        status = fl_segment_decode(&arena, fl_str_of(text), &limits, TEST_NOW_NS, &decoded, &err);
        if (status != FL_OK) {
            failures++;
            assert_int_equal(status, FL_E_NOMEM);
            assert_int_equal(err.status, FL_E_NOMEM);
            assert_int_equal(decoded.segment_count, 77);
        }
        fl_arena_fini(&arena);
    }
    assert_in_range(failures, 10, 60);
}

static void refusals_report_failing_allocations_too(void **state)
{
    (void)state;
    fl_limits limits = fl_limits_of(FL_PROFILE_OPEN, 0);
    static const char *const texts[] = {"[]", "[1]", "{\"id\":\"x\",", "{\"id\":\"x\"}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        fl_status status = FL_E_NOMEM;
        uint64_t failures = 0;
        while (status != FL_OK) {
            fl_arena arena;
            fl_decoded decoded;
            fl_arena_init(&arena, 1 << 20);
            arena.fail_at = failures + 1;
            status = fl_segment_decode(&arena, fl_str_of(texts[i]), &limits, TEST_NOW_NS, &decoded,
                                       NULL);
            failures += status != FL_OK;
            assert_in_range(failures, 0, 20);
            fl_arena_fini(&arena);
        }
        assert_in_range(failures, 2, 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_of_every_kind_are_taken),
        cmocka_unit_test(texts_that_are_no_documents_are_refused),
        cmocka_unit_test(the_id_is_16_hex_digits),
        cmocka_unit_test(the_trace_id_has_one_of_two_forms),
        cmocka_unit_test(the_name_follows_the_profile),
        cmocka_unit_test(names_have_their_greatest_length),
        cmocka_unit_test(the_start_is_a_number_of_seconds),
        cmocka_unit_test(the_start_lies_within_the_limits_of_the_profile),
        cmocka_unit_test(an_end_or_progress_is_needed),
        cmocka_unit_test(the_parent_is_needed_by_independent_subsegments_only),
        cmocka_unit_test(a_flaw_in_an_embedded_subsegment_refuses_the_document),
        cmocka_unit_test(ids_of_embedded_subsegments_come_from_the_nesting),
        cmocka_unit_test(the_first_flaw_in_a_fixed_order_names_the_refusal),
        cmocka_unit_test(a_text_over_the_limit_is_refused),
        cmocka_unit_test(the_id_is_seen_without_parsing),
        cmocka_unit_test(subsegments_nest_to_a_depth_of_500),
        cmocka_unit_test(each_element_of_an_array_is_judged_by_itself),
        cmocka_unit_test(an_array_of_more_elements_than_documents_fit_in_is_refused_as_one),
        cmocka_unit_test(the_detail_says_place_and_flaw),
        cmocka_unit_test(the_detail_of_a_syntax_error_says_the_byte),
        cmocka_unit_test(a_repaired_text_is_counted),
        cmocka_unit_test(nothing_of_a_refused_document_is_counted_as_left_out),
        cmocka_unit_test(every_failing_allocation_is_reported),
        cmocka_unit_test(refusals_report_failing_allocations_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
