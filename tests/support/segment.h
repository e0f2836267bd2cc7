/*
 * Helpers for tests that begin with a segment document.
 */
#ifndef FL_TESTS_SUPPORT_SEGMENT_H
#define FL_TESTS_SUPPORT_SEGMENT_H

#include "support/test.h"
#include "trace/segment.h"

#define TEST_NOW_S  INT64_C(1795360400)
#define TEST_NOW_NS (TEST_NOW_S * FL_NS_PER_S)

/* Members of a document, and a whole segment with `more` (beginning with a comma) at its end. */
#define TEST_ID       "\"id\":\"aaaaaaaaaaaaaaaa\""
#define TEST_TRACE_ID "\"trace_id\":\"1-5759e988-bd862e3fe1be46a994272793\""
#define TEST_NAME     "\"name\":\"web\""
#define TEST_START    "\"start_time\":1795360304.1"
#define TEST_END      "\"end_time\":1795360304.9"
#define TEST_SEGMENT(more)                                                                         \
    "{" TEST_ID "," TEST_TRACE_ID "," TEST_NAME "," TEST_START "," TEST_END more "}"
/* An embedded subsegment with `more`. */
#define TEST_EMBEDDED(more)                                                                        \
    "{\"id\":\"bbbbbbbbbbbbbbbb\",\"name\":\"call\"," TEST_START "," TEST_END more "}"
/* How the segment begins and goes on when it is emitted. */
#define TEST_EMITTED_HEAD                                                                          \
    "{\"id\":\"aaaaaaaaaaaaaaaa\",\"name\":\"web\",\"start_time\":1795360304.1,"                   \
    "\"end_time\":1795360304.9"
#define TEST_EMITTED(before, behind) TEST_EMITTED_HEAD before "," TEST_TRACE_ID behind "}"

static inline fl_decoded test_decode(fl_arena *arena, fl_str text, fl_profile profile)
{
    fl_err err = {0};
    fl_decoded decoded;
    fl_limits limits = fl_limits_of(profile, 30 * 24 * INT64_C(3600) * FL_NS_PER_S);
    assert_ok(fl_segment_decode(arena, text, &limits, TEST_NOW_NS, &decoded, &err), &err);
    return decoded;
}

/* The only segment of a document that is taken. */
static inline fl_segment *test_decode_one(fl_arena *arena, const char *json)
{
    fl_decoded decoded = test_decode(arena, fl_str_of(json), FL_PROFILE_OPEN);
    if (decoded.reject_count != 0) {
        fail_msg("refused: %s: %s: %s", fl_reject_name(decoded.rejects[0].code),
                 decoded.rejects[0].detail, json);
    }
    assert_int_equal(decoded.segment_count, 1);
    return decoded.segments;
}

/* Fails unless the segment is emitted as `expected`. */
static inline void test_assert_emitted(const fl_segment *segment, const char *expected)
{
    fl_buf out;
    fl_buf_init(&out, SIZE_MAX);
    fl_segment_emit(segment, &out);
    assert_str(fl_buf_str(&out), expected);
    fl_buf_fini(&out);
}

#endif
