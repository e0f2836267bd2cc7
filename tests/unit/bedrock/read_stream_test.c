#include <stdlib.h>

#include "support/bedrock_story.h"
#include "support/test.h"

/* The vectors of the framing: a chunk event and an exception. */
#define CHUNK_HEX                                                                                  \
    "0000006b0000004b6ace012d0b3a6576656e742d747970650700056368756e6b0d3a636f6e74656e742d747970"   \
    "650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b2262"   \
    "79746573223a226147"                                                                           \
    "6b3d227dbd9e5744"
#define EXCEPTION_HEX                                                                              \
    "0000008800000061de0175f40f3a657863657074696f6e2d747970650700137468726f74746c696e67457863657"  \
    "074696f6e0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d65737361676" \
    "5"                                                                                            \
    "2d74797065070009657863657074696f6e7b226d657373616765223a22736c6f7720646f776e227d832ee072"

static fl_str unhex(const char *hex, char *out)
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        uint64_t byte;
        assert_true(fl_hex_read(hex + 2 * i, 2, &byte));
        out[i] = (char)byte;
    }
    return (fl_str){out, n};
}

static void add_be(fl_buf *out, uint64_t value, int bytes)
{
    while (bytes-- > 0) {
        fl_buf_add_byte(out, (char)(value >> (8 * bytes)));
    }
}

static void add_header(fl_buf *out, fl_str name, fl_str value)
{
    add_be(out, name.n, 1);
    fl_buf_add_str(out, name);
    add_be(out, 7, 1);
    add_be(out, value.n, 2);
    fl_buf_add_str(out, value);
}

/* A frame whose CRCs are right. */
static void add_frame(fl_buf *out, uint64_t total, fl_str headers, fl_str payload)
{
    size_t begin = out->n;
    add_be(out, total, 4);
    add_be(out, headers.n, 4);
    add_be(out, fl_crc32(0, (fl_str){out->p + begin, 8}), 4);
    fl_buf_add_str(out, headers);
    fl_buf_add_str(out, payload);
    add_be(out, fl_crc32(0, (fl_str){out->p + begin, out->n - begin}), 4);
}

static void add_message(fl_buf *out, fl_str headers, fl_str payload)
{
    add_frame(out, 16 + headers.n + payload.n, headers, payload);
}

/* Headers of an event: two pairs. */
static fl_str event_headers(fl_buf *out, const char *type)
{
    fl_buf_init(out, 4096);
    add_header(out, FL_S(":message-type"), FL_S("event"));
    add_header(out, FL_S(":event-type"), fl_str_of(type));
    return fl_buf_str(out);
}

static void add_event(fl_buf *out, const char *type, const char *payload)
{
    fl_buf headers;
    add_message(out, event_headers(&headers, type), fl_str_of(payload));
    fl_buf_fini(&headers);
}

static bool contains(fl_str text, const char *part)
{
    return memmem(text.p, text.n, part, strlen(part)) != NULL;
}

/* Reads in pieces of many sizes and compares; `what` is in the messages, if not NULL. */
static void assert_reads(fl_str text, const char *events, const char *codes, const char *what)
{
    const size_t steps[] = {1, 7, 12, 100, 4096, SIZE_MAX};
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        test_story story;
        test_story_init(&story);
        story.options.format = FL_BEDROCK_FORMAT_EVENTSTREAM;
        test_story_read(&story, text, steps[i]);
        assert_int_equal(story.status, FL_OK);
        assert_str(fl_buf_str(&story.codes), codes);
        assert_str(fl_buf_str(&story.events), events);
        if (what != NULL && !contains(fl_buf_str(&story.messages), what)) {
            fail_msg("\"%s\" is not in %.*s", what, FL_P(fl_buf_str(&story.messages)));
        }
        assert_int_equal(fl_budget_used(&story.budget), 0);
        test_story_fini(&story);
    }
}

#define TRACE_BODY        "{\"trace\":{\"failureTrace\":{\"traceId\":\"t\"}}}"
#define TRACE_TOLD(place) "whole failureTrace@0:0+" place " trace=t {\"traceId\":\"t\"}\n"

static void the_vectors_are_read(void **state)
{
    (void)state;
    char bytes[256];
    assert_reads(unhex(CHUNK_HEX, bytes), "chunk chunk@0:0+0 {\"bytes\":\"aGk=\"}\n",
                 "@107 E_NO_TRACE\n", "1 chunk");
    assert_reads(unhex(EXCEPTION_HEX, bytes),
                 "exception throttlingException@0:0+0 exception=throttlingException "
                 "{\"message\":\"slow down\"}\n",
                 "", NULL);
}

static void messages_follow_one_another(void **state)
{
    (void)state;
    fl_buf text;
    fl_buf_init(&text, SIZE_MAX);
    add_event(&text, "initial-response", "{}");
    add_event(&text, "trace", TRACE_BODY);
    add_event(&text, "flowTraceEvent",
              "{\"trace\":{\"nodeInputTrace\":{\"nodeName\":\"n\",\"timestamp\":1}}}");
    add_event(&text, "trace", " {\"failureTrace\":{\"traceId\":\"bare\"}}\n");
    assert_reads(fl_buf_str(&text),
                 TRACE_TOLD("71") "node_input nodeInputTrace@0:0+171 time=1000000000 node=n "
                                  "{\"nodeName\":\"n\",\"timestamp\":1}\n"
                                  "whole failureTrace@0:0+297 trace=bare {\"traceId\":\"bare\"}\n",
                 "", NULL);
    fl_buf_fini(&text);
}

static void errors_of_the_framing_are_exceptions(void **state)
{
    (void)state;
    fl_buf text;
    fl_buf headers;
    fl_buf_init(&text, SIZE_MAX);
    fl_buf_init(&headers, 4096);
    add_header(&headers, FL_S(":message-type"), FL_S("error"));
    add_header(&headers, FL_S(":error-code"), FL_S("InternalFailure"));
    add_header(&headers, FL_S(":error-message"), FL_S("went \"wrong\""));
    add_message(&text, fl_buf_str(&headers), FL_S(""));
    fl_buf_reset(&headers);
    add_header(&headers, FL_S(":message-type"), FL_S("exception"));
    add_header(&headers, FL_S(":exception-type"), FL_S("badGatewayException"));
    add_message(&text, fl_buf_str(&headers), FL_S(""));
    assert_reads(fl_buf_str(&text),
                 "exception InternalFailure@0:0+0 exception=InternalFailure "
                 "{\"message\":\"went \\\"wrong\\\"\"}\n"
                 "exception badGatewayException@0:0+98 exception=badGatewayException {}\n",
                 "", NULL);
    fl_buf_fini(&headers);
    fl_buf_fini(&text);
}

/* ---- Damage */

static void a_damaged_message_is_skipped(void **state)
{
    (void)state;
    fl_buf text;
    fl_buf_init(&text, SIZE_MAX);
    add_event(&text, "trace", TRACE_BODY);
    size_t first = text.n;
    add_event(&text, "trace", TRACE_BODY);
    text.p[first - 10] ^= 1;
    assert_reads(fl_buf_str(&text), TRACE_TOLD("100"), "@0 E_ES_CRC\n", "offset 0");
    fl_buf_fini(&text);
}

static void a_damaged_prelude_ends_reading(void **state)
{
    (void)state;
    fl_buf text;
    fl_buf_init(&text, SIZE_MAX);
    add_event(&text, "trace", TRACE_BODY);
    size_t first = text.n;
    add_event(&text, "trace", TRACE_BODY);
    add_event(&text, "trace", TRACE_BODY);
    text.p[first + 3] ^= 1;
    assert_reads(fl_buf_str(&text), TRACE_TOLD("0"), "@100 E_ES_PRELUDE_CRC\n", "offset 100");
    fl_buf_fini(&text);
}

static void lengths_that_cannot_be_end_reading(void **state)
{
    (void)state;
    static const struct {
        uint32_t total, headers;
    } wrong[] = {{0, 0}, {15, 0}, {16, 1}, {200000, 131073}, {16 + 25165825, 0}, {UINT32_MAX, 16}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        fl_buf text;
        fl_buf_init(&text, SIZE_MAX);
        add_be(&text, wrong[i].total, 4);
        add_be(&text, wrong[i].headers, 4);
        add_be(&text, fl_crc32(0, fl_buf_str(&text)), 4);
        assert_reads(fl_buf_str(&text), "", "@0 E_ES_LENGTH\n", "offset 0");
        fl_buf_fini(&text);
    }
}

static void the_greatest_lengths_are_read(void **state)
{
    (void)state;
    fl_buf text;
    fl_buf headers;
    test_story story;
    fl_buf_init(&text, SIZE_MAX);
    fl_buf_init(&headers, SIZE_MAX);
    add_header(&headers, FL_S(":message-type"), FL_S("event"));
    add_header(&headers, FL_S(":event-type"), FL_S("initial-response"));
    for (size_t i = 0; headers.n < 131072 - 300; i++) {
        fl_buf name;
        fl_buf_init(&name, 32);
        fl_buf_add_u64(&name, i);
        add_header(&headers, fl_buf_str(&name), FL_S("v"));
        fl_buf_fini(&name);
    }
    char filler[300] = {0};
    add_header(&headers, FL_S("x"), (fl_str){filler, 131072 - headers.n - 5});
    assert_int_equal(headers.n, 131072);
    fl_buf payload;
    fl_buf_init(&payload, SIZE_MAX);
    fl_buf_fill(&payload, ' ', 25165824);
    add_message(&text, fl_buf_str(&headers), fl_buf_str(&payload));
    test_story_init(&story);
    test_story_read(&story, fl_buf_str(&text), 1 << 20);
    assert_int_equal(story.status, FL_OK);
    assert_str(fl_buf_str(&story.codes), "@25296912 E_EMPTY\n"); /* an initial response alone */
    test_story_fini(&story);
    fl_buf_fini(&payload);
    fl_buf_fini(&headers);
    fl_buf_fini(&text);
}

static void a_cut_message_is_told_with_what_it_needs(void **state)
{
    (void)state;
    fl_buf text;
    fl_buf_init(&text, SIZE_MAX);
    add_event(&text, "trace", TRACE_BODY);
    size_t n = text.n;
    add_event(&text, "trace", TRACE_BODY);
    assert_reads((fl_str){text.p, n + 1}, TRACE_TOLD("0"), "@100 E_ES_TRUNCATED\n",
                 "needs 12 bytes, 1 are there");
    assert_reads((fl_str){text.p, n + 12}, TRACE_TOLD("0"), "@100 E_ES_TRUNCATED\n",
                 "needs 100 bytes, 12 are there");
    assert_reads((fl_str){text.p, text.n - 1}, TRACE_TOLD("0"), "@100 E_ES_TRUNCATED\n",
                 "needs 100 bytes, 99 are there");
    fl_buf_fini(&text);
}

static void an_empty_stream_is_empty(void **state)
{
    (void)state;
    assert_reads(FL_S(""), "", "@0 E_EMPTY\n", "empty");
}

/* Each of the first message's prelude and headers, then one in a hundred of all messages. */
static void each_flipped_bit_is_an_error_of_the_framing(void **state)
{
    (void)state;
    size_t n;
    char *stream = test_read_file("golden/bedrock/input/supervisor.eventstream", &n);
    for (size_t bit = 0; bit < n * 8; bit += bit < 100 * 8 ? 1 : 97) {
        test_story story;
        test_story_init(&story);
        story.options.format = FL_BEDROCK_FORMAT_EVENTSTREAM;
        stream[bit / 8] = (char)(stream[bit / 8] ^ (1 << (bit % 8)));
        test_story_read(&story, (fl_str){stream, n}, SIZE_MAX);
        stream[bit / 8] = (char)(stream[bit / 8] ^ (1 << (bit % 8)));
        fl_str codes = fl_buf_str(&story.codes);
        assert_int_equal(story.status, FL_OK);
        assert_true(contains(codes, "E_ES_PRELUDE_CRC") || contains(codes, "E_ES_LENGTH") ||
                    contains(codes, "E_ES_TRUNCATED") || contains(codes, "E_ES_CRC"));
        assert_false(contains(codes, "E_ES_HEADER") || contains(codes, "E_ES_PAYLOAD"));
        test_story_fini(&story);
    }
    free(stream);
}

/* ---- Headers and payloads */

/* A message with these headers, given as raw bytes, and then a good one. */
static void assert_header_error(fl_str headers, const char *name)
{
    fl_buf text;
    fl_buf told;
    fl_buf_init(&text, SIZE_MAX);
    fl_buf_init(&told, SIZE_MAX);
    add_message(&text, headers, FL_S("{}"));
    fl_buf_add_str(&told, FL_S("whole failureTrace@0:0+"));
    fl_buf_add_u64(&told, text.n);
    fl_buf_add(&told, " trace=t {\"traceId\":\"t\"}\n", sizeof(" trace=t {\"traceId\":\"t\"}\n"));
    add_event(&text, "trace", TRACE_BODY);
    assert_reads(fl_buf_str(&text), told.p, "@0 E_ES_HEADER\n", name);
    fl_buf_fini(&told);
    fl_buf_fini(&text);
}

static void headers_that_break_the_rules_are_told_by_name(void **state)
{
    (void)state;
    assert_header_error(FL_S("\1a\12"), "`a` has a value type that is unknown");
    assert_header_error(FL_S("\1a\7\0\5x"), "`a` runs over");
    assert_header_error(FL_S("\1a\5\0\0\0"), "`a` runs over");
    assert_header_error(FL_S("\5a"), "runs over");
    assert_header_error(FL_S("\0\0"), "has no name");
    assert_header_error(FL_S("\1a\0\1b\1\1a\1"), "`a` stands there twice");
    assert_header_error(FL_S(""), "`:message-type` is missing");
    assert_header_error(FL_S("\15:message-type\0"), "`:message-type` is missing or no string");
    assert_header_error(FL_S("\15:message-type\7\0\3new"), "`:message-type` has a value");
    assert_header_error(FL_S("\15:message-type\7\0\5event"), "`:event-type` is missing");
    assert_header_error(FL_S("\15:message-type\7\0\11exception"), "`:exception-type` is missing");
    assert_header_error(FL_S("\15:message-type\7\0\5error"), "`:error-code` is missing");
}

static void headers_of_every_type_are_gone_over(void **state)
{
    (void)state;
    fl_buf text;
    fl_buf headers;
    fl_buf_init(&text, SIZE_MAX);
    (void)event_headers(&headers, "trace");
    const fl_str others = FL_S("\1a\0\1b\1\1c\2x\1d\3xx\1e\4xxxx\1f\5xxxxxxxx\1g\6\0\2xx\1h\7\0\0"
                               "\1i\10xxxxxxxx\1j\11xxxxxxxxxxxxxxxx");
    fl_buf_add_str(&headers, others);
    add_message(&text, fl_buf_str(&headers), FL_S(TRACE_BODY));
    assert_reads(fl_buf_str(&text), TRACE_TOLD("0"), "", NULL);
    fl_buf_fini(&headers);
    fl_buf_fini(&text);
}

static void a_payload_that_is_no_json_is_told(void **state)
{
    (void)state;
    const char *bad[] = {"", "{", "{} {}", "{'a':1}", "nothing"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        fl_buf text;
        fl_buf_init(&text, SIZE_MAX);
        add_event(&text, "chunk", bad[i]);
        assert_reads(fl_buf_str(&text), "", "@0 E_ES_PAYLOAD\n", "message at offset 0");
        fl_buf_fini(&text);
    }
}

static void a_payload_nested_too_deeply_is_told(void **state)
{
    (void)state;
    fl_buf text;
    char deep[515] = {0};
    memset(deep, '[', 257);
    memset(deep + 257, ']', 257);
    fl_buf_init(&text, SIZE_MAX);
    add_event(&text, "chunk", deep);
    assert_reads(fl_buf_str(&text), "", "@0 E_ES_PAYLOAD\n", "nested deeper than 256");
    fl_buf_fini(&text);
}

static void a_payload_of_another_type_is_told(void **state)
{
    (void)state;
    fl_buf text;
    fl_buf_init(&text, SIZE_MAX);
    add_event(&text, "trace", "\"x\"");
    add_event(&text, "chunk", "[]");
    assert_reads(fl_buf_str(&text), "", "@0 E_TYPE\n@61 E_TYPE\n", "chunk must be of type object");
    fl_buf_fini(&text);
}

static void an_event_of_an_unknown_type_is_told(void **state)
{
    (void)state;
    fl_buf text;
    fl_buf_init(&text, SIZE_MAX);
    add_event(&text, "somethingNew", "{}");
    assert_reads(fl_buf_str(&text), "", "@0 E_UNKNOWN_OBJECT\n", "`somethingNew`");
    fl_buf_fini(&text);
}

static void invalid_utf8_of_a_payload_is_replaced(void **state)
{
    (void)state;
    fl_buf text;
    fl_buf_init(&text, SIZE_MAX);
    add_event(&text, "trace", "{\"trace\":{\"failureTrace\":{\"traceId\":\"\xff\"}}}");
    assert_reads(fl_buf_str(&text),
                 "whole failureTrace@0:0+0 trace=\xef\xbf\xbd {\"traceId\":\"\xef\xbf\xbd\"}\n",
                 "@0 W_UTF8\n", NULL);
    fl_buf_fini(&text);
}

/* ---- Detection */

static void a_stream_is_known_by_its_first_twelve_bytes(void **state)
{
    (void)state;
    char bytes[256];
    fl_str chunk = unhex(CHUNK_HEX, bytes);
    for (size_t step = 1; step <= 13; step++) {
        test_story story;
        test_story_init(&story);
        test_story_read(&story, chunk, step);
        assert_int_equal(story.counts.auxiliary, 1);
        test_story_fini(&story);
    }
}

static void a_plausible_prelude_with_a_wrong_crc_is_a_damaged_stream(void **state)
{
    (void)state;
    char bytes[256];
    test_story story;
    fl_str chunk = unhex(CHUNK_HEX, bytes);
    bytes[9] ^= 4;
    test_story_init(&story);
    test_story_read(&story, chunk, 3);
    assert_str(fl_buf_str(&story.codes), "@0 E_ES_PRELUDE_CRC\n");
    test_story_fini(&story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_are_read),
        cmocka_unit_test(messages_follow_one_another),
        cmocka_unit_test(errors_of_the_framing_are_exceptions),
        cmocka_unit_test(a_damaged_message_is_skipped),
        cmocka_unit_test(a_damaged_prelude_ends_reading),
        cmocka_unit_test(lengths_that_cannot_be_end_reading),
        cmocka_unit_test(the_greatest_lengths_are_read),
        cmocka_unit_test(a_cut_message_is_told_with_what_it_needs),
        cmocka_unit_test(an_empty_stream_is_empty),
        cmocka_unit_test(each_flipped_bit_is_an_error_of_the_framing),
        cmocka_unit_test(headers_that_break_the_rules_are_told_by_name),
        cmocka_unit_test(headers_of_every_type_are_gone_over),
        cmocka_unit_test(a_payload_that_is_no_json_is_told),
        cmocka_unit_test(a_payload_nested_too_deeply_is_told),
        cmocka_unit_test(a_payload_of_another_type_is_told),
        cmocka_unit_test(an_event_of_an_unknown_type_is_told),
        cmocka_unit_test(invalid_utf8_of_a_payload_is_replaced),
        cmocka_unit_test(a_stream_is_known_by_its_first_twelve_bytes),
        cmocka_unit_test(a_plausible_prelude_with_a_wrong_crc_is_a_damaged_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
