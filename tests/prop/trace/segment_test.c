/*
 * Random documents: what is decoded and emitted says what was sent, emitting and packing lose
 * nothing of it, and no damage to a text or to packed bytes does more than to be refused.
 *
 * FLUORO_TEST_SEED repeats a run, FLUORO_TEST_ROUNDS makes it longer.
 */
#include <stdlib.h>

#include "codec/codec.h"
#include "support/segment.h"

#define DOCUMENT_BYTES_MAX ((size_t)1 << 20)

/* ---- Random documents */

typedef struct writer {
    test_random *random;
    fl_jw json;
    bool
        dirty; /* with members that are left out or mended, so that it does not come back as sent */
    unsigned depth;
    uint64_t ids;
} writer;

static bool chance(writer *w, unsigned percent)
{
    return test_random_below(w->random, 100) < percent;
}

static fl_str pick(writer *w, const char *const *texts, size_t count)
{
    return fl_str_of(texts[test_random_below(w->random, count)]);
}
#define PICK(w, texts) pick((w), (texts), sizeof(texts) / sizeof((texts)[0]))

static const char *const raw_strings[] = {
    "\"\"",
    "\"web\"",
    "\"a b/c\\\\d\"",
    "\"\\u0000\\n\\t\\\"\\/\"",
    "\"\\ud83d\\ude00 \\u00e9\\u20ac\"",
    "\"\xE6\xB3\xA8\xE6\x96\x87 e\xCC\x81 \xF0\x9F\x98\x80\"",
    "\"https://shop.example/api?x=1&y=%20\"",
    "\"AWS::EC2::Instance\"",
    "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"",
};
static const char *const raw_numbers[] = {
    "0",
    "-0",
    "1",
    "-1",
    "1.50",
    "1e400",
    "-2.5E-7",
    "9007199254740993",
    "123456789012345678901234567890.000001",
    "0.1",
    "1E+2",
};

static void write_string(writer *w)
{
    fl_jw_raw(&w->json, PICK(w, raw_strings));
}

static void write_value(writer *w, unsigned depth);

static void write_object(writer *w, unsigned depth)
{
    static const char *const keys[] = {"a", "id", "name", "k\"ey", "", "\xC3\xA9", "status", "url"};
    size_t first = (size_t)test_random_below(w->random, 8);
    size_t count = (size_t)test_random_below(w->random, 4);
    fl_jw_open(&w->json, '{');
    for (size_t i = 0; i < count; i++) {
        fl_jw_key(&w->json, fl_str_of(keys[(first + i) % 8]));
        write_value(w, depth + 1);
    }
    fl_jw_close(&w->json, '}');
}

static void write_array(writer *w, unsigned depth)
{
    fl_jw_open(&w->json, '[');
    for (uint64_t left = test_random_below(w->random, 4); left != 0; left--) {
        write_value(w, depth + 1);
    }
    fl_jw_close(&w->json, ']');
}

static void write_value(writer *w, unsigned depth)
{
    switch (test_random_below(w->random, depth < 4 ? 6 : 4)) {
    case 0:
        write_string(w);
        break;
    case 1:
        fl_jw_raw(&w->json, PICK(w, raw_numbers));
        break;
    case 2:
        fl_jw_bool(&w->json, chance(w, 50));
        break;
    case 3:
        fl_jw_null(&w->json);
        break;
    case 4:
        write_object(w, depth);
        break;
    default:
        write_array(w, depth);
        break;
    }
}

typedef void write_fn(writer *w);

static void write_any(writer *w)
{
    write_value(w, 0);
}

static void write_any_object(writer *w)
{
    write_object(w, 1);
}

static void write_any_array(writer *w)
{
    write_array(w, 1);
}

static void write_bool(writer *w)
{
    fl_jw_bool(&w->json, chance(w, 50));
}

static void write_status(writer *w)
{
    fl_jw_u64(&w->json, 100 + test_random_below(w->random, 500));
}

static void write_hex(writer *w)
{
    fl_buf_add_byte(w->json.out, '"');
    fl_buf_add_hex(w->json.out, ++w->ids, 16);
    fl_buf_add_byte(w->json.out, '"');
    w->json.comma = true;
}

static void write_id(writer *w)
{
    fl_jw_raw(&w->json, FL_S("")); /* the comma that is due */
    write_hex(w);
}

static void write_trace_id(writer *w)
{
    fl_jw_str(&w->json, FL_S("1-5759e988-bd862e3fe1be46a994272793"));
}

/* A member now and then; in a dirty document sometimes of any type, or twice. */
static void member(writer *w, const char *key, unsigned percent, write_fn *write)
{
    unsigned times = w->dirty && chance(w, 5) ? 2 : 1;
    for (; times != 0 && chance(w, percent); times--) {
        fl_jw_key(&w->json, fl_str_of(key));
        if (w->dirty && chance(w, 10)) {
            write_any(w);
        } else {
            write(w);
        }
    }
}

static void write_request(writer *w)
{
    fl_jw_open(&w->json, '{');
    member(w, "method", 50, write_string);
    member(w, "url", 50, write_string);
    member(w, "user_agent", 30, write_string);
    member(w, "client_ip", 30, write_string);
    member(w, "x_forwarded_for", 20, write_bool);
    member(w, "traced", 30, write_bool);
    member(w, "more", 10, write_any);
    fl_jw_close(&w->json, '}');
}

static void write_response(writer *w)
{
    fl_jw_open(&w->json, '{');
    member(w, "status", 80, write_status);
    member(w, "content_length", 50, write_status);
    member(w, "more", 10, write_any);
    fl_jw_close(&w->json, '}');
}

static void write_http(writer *w)
{
    fl_jw_open(&w->json, '{');
    member(w, "request", 70, write_request);
    member(w, "response", 70, write_response);
    member(w, "more", 10, write_any);
    fl_jw_close(&w->json, '}');
}

static void write_ec2(writer *w)
{
    fl_jw_open(&w->json, '{');
    member(w, "instance_id", 60, write_string);
    member(w, "availability_zone", 60, write_any);
    member(w, "ami_id", 30, write_any);
    fl_jw_close(&w->json, '}');
}

static void write_aws(writer *w)
{
    static const char *const keys[] = {"account_id", "region",    "operation",  "request_id",
                                       "table_name", "queue_url", "topic_arn",  "function_name",
                                       "model_id",   "retries",   "bucket_name"};
    fl_jw_open(&w->json, '{');
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        member(w, keys[i], 20, chance(w, 80) ? write_string : write_any);
    }
    member(w, "table_names", 20, write_any_array);
    member(w, "resource_names", 20, write_any);
    member(w, "ec2", 30, write_ec2);
    member(w, "ecs", 30, write_ec2);
    fl_jw_close(&w->json, '}');
}

static void write_service(writer *w)
{
    fl_jw_open(&w->json, '{');
    member(w, "version", 60, write_string);
    member(w, "runtime", 30, write_any);
    fl_jw_close(&w->json, '}');
}

static void write_exceptions(writer *w)
{
    fl_jw_open(&w->json, '[');
    for (uint64_t left = test_random_below(w->random, 3); left != 0; left--) {
        fl_jw_open(&w->json, '{');
        member(w, "id", 80, write_id);
        member(w, "type", 60, write_string);
        member(w, "message", 60, write_string);
        member(w, "remote", 30, write_bool);
        member(w, "stack", 30, write_any_array);
        fl_jw_close(&w->json, '}');
    }
    fl_jw_close(&w->json, ']');
}

static void write_cause(writer *w)
{
    if (chance(w, 30)) {
        write_id(w);
        return;
    }
    fl_jw_open(&w->json, '{');
    member(w, "id", 30, write_id);
    member(w, "message", 30, write_string);
    member(w, "exceptions", 60, write_exceptions);
    member(w, "paths", 30, write_any);
    fl_jw_close(&w->json, '}');
}

static void write_annotations(writer *w)
{
    static const char *const keys[] = {"tier", "order.id", "retry_count", "\xC3\xA9", "a b"};
    fl_jw_open(&w->json, '{');
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (chance(w, 40)) {
            fl_jw_key(&w->json, fl_str_of(keys[i]));
            if (w->dirty) {
                write_any(w);
            } else if (chance(w, 30)) {
                write_bool(w);
            } else {
                fl_jw_raw(&w->json, chance(w, 50) ? PICK(w, raw_strings) : PICK(w, raw_numbers));
            }
        }
    }
    fl_jw_close(&w->json, '}');
}

static void write_links(writer *w)
{
    fl_jw_open(&w->json, '[');
    for (uint64_t left = 1 + test_random_below(w->random, 3); left != 0; left--) {
        fl_jw_open(&w->json, '{');
        member(w, "trace_id", w->dirty ? 80 : 100, write_trace_id);
        member(w, "id", 60, write_id);
        member(w, "attributes", 60, write_any_object);
        member(w, "more", 20, write_any);
        fl_jw_close(&w->json, '}');
    }
    fl_jw_close(&w->json, ']');
}

static void write_time(writer *w)
{
    static const char *const times[] = {
        "1795360304",
        "1795360304.5",
        "1795360304.123456",
        "1795360304.123456789",
        "1.795360304E9",
        "1.79536030412345e+9",
        "0",
        "-1.5",
        "17953603041e-1",
        "1795360304.1234567890",
        "1795360304.000001",
        "1e9",
    };
    fl_jw_raw(&w->json, PICK(w, times));
}

static void write_name(writer *w)
{
    static const char *const names[] = {"web", "a b/c\\d", "\xE6\xB3\xA8\xE6\x96\x87", "x?*",
                                        "DynamoDB"};
    fl_jw_str(&w->json, PICK(w, names));
}

static void write_members(writer *w);

static void write_subsegments(writer *w)
{
    fl_jw_open(&w->json, '[');
    w->depth++;
    for (uint64_t left = 1 + test_random_below(w->random, 3); left != 0; left--) {
        fl_jw_open(&w->json, '{');
        write_members(w);
        fl_jw_close(&w->json, '}');
    }
    w->depth--;
    fl_jw_close(&w->json, ']');
}

static void required(writer *w, const char *key, write_fn *write)
{
    fl_jw_key(&w->json, fl_str_of(key));
    write(w);
}

static void write_members(writer *w)
{
    required(w, "name", write_name);
    member(w, "annotations", 40, write_annotations);
    required(w, "id", write_id);
    member(w, "http", 40, write_http);
    member(w, "aws", 40, write_aws);
    required(w, "start_time", write_time);
    if (w->depth == 0) {
        required(w, "trace_id", write_trace_id);
        member(w, "user", 30, write_string);
    }
    member(w, "service", 20, write_service);
    member(w, "namespace", 30, write_string);
    member(w, "cause", 30, write_cause);
    member(w, "fault", 30, write_bool);
    member(w, "error", 20, write_bool);
    member(w, "throttle", 20, write_bool);
    member(w, "traced", 20, write_bool);
    member(w, "origin", 30, write_string);
    member(w, "resource_arn", 20, write_string);
    member(w, "metadata", 40, write_any_object);
    member(w, "sql", 20, write_any_object);
    member(w, "precursor_ids", 20, write_any_array);
    member(w, "links", 20, write_links);
    member(w, "Dummy", 20, write_any);
    if (w->depth < 4) {
        member(w, "subsegments", 50, write_subsegments);
    }
    if (chance(w, 15)) {
        fl_jw_key_bool(&w->json, FL_S("in_progress"), true);
    } else {
        required(w, "end_time", write_time);
    }
}

static void write_document(test_random *random, bool dirty, fl_buf *out)
{
    writer w = {.random = random, .json = fl_jw_of(out), .dirty = dirty};
    fl_buf_reset(out);
    fl_jw_open(&w.json, '{');
    write_members(&w);
    fl_jw_close(&w.json, '}');
    assert_int_equal(out->status, FL_OK);
}

/* ---- Equality in meaning: objects as sets of members, times as instants, other numbers to the
 * digit. */

static bool same_value(yyjson_val *a, yyjson_val *b, fl_str key);

static bool same_object(yyjson_val *a, yyjson_val *b)
{
    yyjson_obj_iter all = yyjson_obj_iter_with(a);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&all)) != NULL;) {
        yyjson_val *other = fl_json_get(b, fl_json_str(key));
        if (other == NULL || !same_value(yyjson_obj_iter_get_val(key), other, fl_json_str(key))) {
            return false;
        }
    }
    return yyjson_obj_size(a) == yyjson_obj_size(b);
}

static bool same_array(yyjson_val *a, yyjson_val *b)
{
    yyjson_arr_iter left = yyjson_arr_iter_with(a);
    yyjson_arr_iter right = yyjson_arr_iter_with(b);
    for (yyjson_val *val; (val = yyjson_arr_iter_next(&left)) != NULL;) {
        yyjson_val *other = yyjson_arr_iter_next(&right);
        if (other == NULL || !same_value(val, other, (fl_str){0})) {
            return false;
        }
    }
    return yyjson_arr_size(a) == yyjson_arr_size(b);
}

static bool same_value(yyjson_val *a, yyjson_val *b, fl_str key)
{
    int64_t x;
    int64_t y;
    if (yyjson_get_type(a) != yyjson_get_type(b)) {
        return false;
    }
    switch (yyjson_get_type(a)) {
    case YYJSON_TYPE_OBJ:
        return same_object(a, b);
    case YYJSON_TYPE_ARR:
        return same_array(a, b);
    case YYJSON_TYPE_STR:
        return fl_str_eq(fl_json_str(a), fl_json_str(b));
    case YYJSON_TYPE_RAW:
        if (fl_str_eq(key, FL_S("start_time")) || fl_str_eq(key, FL_S("end_time"))) {
            return fl_json_ns(fl_json_number(a), &x) && fl_json_ns(fl_json_number(b), &y) && x == y;
        }
        return fl_str_eq(fl_json_number(a), fl_json_number(b));
    default:
        return yyjson_equals(a, b);
    }
}

/* ---- Properties */

typedef struct bench {
    test_random random;
    uint64_t rounds;
    fl_arena arena;
    fl_buf text, emitted, again, packed, repacked;
} bench;

static void emit(const fl_segment *segment, fl_buf *out)
{
    fl_buf_reset(out);
    fl_segment_emit(segment, out);
    assert_int_equal(out->status, FL_OK);
}

static void pack(const fl_segment *segment, fl_buf *out)
{
    fl_buf_reset(out);
    fl_segment_pack(segment, out);
    assert_int_equal(out->status, FL_OK);
}

static void assert_same_text(const bench *b, const fl_buf *a, const fl_buf *other, const char *what)
{
    if (!fl_str_eq(fl_buf_str(a), fl_buf_str(other))) {
        fail_msg("%s\n%.*s\n%.*s\nsent %.*s", what, FL_P(fl_buf_str(a)), FL_P(fl_buf_str(other)),
                 FL_P(fl_buf_str(&b->text)));
    }
}

/* decode ∘ emit and unpack ∘ pack lose nothing of an accepted segment. */
static void assert_stable(bench *b, const fl_segment *segment)
{
    fl_segment *unpacked;
    fl_err err = {0};
    emit(segment, &b->emitted);
    fl_decoded decoded = test_decode(&b->arena, fl_buf_str(&b->emitted), FL_PROFILE_OPEN);
    if (decoded.segment_count != 1) {
        fail_msg("what was emitted is refused: %s: %.*s", decoded.rejects[0].detail,
                 FL_P(fl_buf_str(&b->emitted)));
    }
    assert_int_equal(decoded.notes.fields_dropped + decoded.notes.annotations_dropped +
                         decoded.notes.links_dropped + decoded.notes.texts_repaired,
                     0);
    emit(decoded.segments, &b->again);
    assert_same_text(b, &b->emitted, &b->again, "emitted, decoded and emitted again");
    pack(segment, &b->packed);
    assert_ok(fl_segment_unpack(&b->arena, fl_buf_str(&b->packed), &unpacked, &err), &err);
    emit(unpacked, &b->again);
    assert_same_text(b, &b->emitted, &b->again, "packed, unpacked and emitted");
    pack(unpacked, &b->repacked);
    assert_same_text(b, &b->packed, &b->repacked, "packed, unpacked and packed again");
}

static void assert_said_as_sent(bench *b)
{
    yyjson_val *sent;
    yyjson_val *said;
    fl_err err = {0};
    assert_ok(fl_json_read(&b->arena, fl_buf_str(&b->text), FL_JSON_STRICT, &sent, NULL, &err),
              &err);
    assert_ok(fl_json_read(&b->arena, fl_buf_str(&b->emitted), FL_JSON_STRICT, &said, NULL, &err),
              &err);
    if (!same_value(sent, said, (fl_str){0})) {
        fail_msg("sent    %.*s\nemitted %.*s", FL_P(fl_buf_str(&b->text)),
                 FL_P(fl_buf_str(&b->emitted)));
    }
}

static void clean_documents_come_back_equal_in_meaning(void **state)
{
    bench *b = *state;
    for (uint64_t round = 0; round < b->rounds; round++) {
        fl_arena_reset(&b->arena);
        write_document(&b->random, false, &b->text);
        fl_decoded decoded = test_decode(&b->arena, fl_buf_str(&b->text), FL_PROFILE_OPEN);
        if (decoded.segment_count != 1) {
            fail_msg("refused: %s: %.*s", decoded.rejects[0].detail, FL_P(fl_buf_str(&b->text)));
        }
        assert_int_equal(decoded.notes.fields_dropped, 0);
        assert_stable(b, decoded.segments);
        assert_said_as_sent(b);
    }
}

static void dirty_documents_are_mended_once(void **state)
{
    bench *b = *state;
    for (uint64_t round = 0; round < b->rounds; round++) {
        fl_arena_reset(&b->arena);
        write_document(&b->random, true, &b->text);
        fl_decoded decoded = test_decode(&b->arena, fl_buf_str(&b->text), FL_PROFILE_OPEN);
        assert_int_equal(decoded.segment_count + decoded.reject_count, 1);
        if (decoded.segment_count == 1) {
            assert_stable(b, decoded.segments);
        }
    }
}

/* ---- Damage */

static void flip(bench *b, fl_buf *bytes)
{
    size_t at = (size_t)test_random_below(&b->random, bytes->n);
    bytes->p[at] = (char)(bytes->p[at] ^ (1 << test_random_below(&b->random, 8)));
}

static void cut_out(bench *b, fl_buf *bytes)
{
    size_t from = (size_t)test_random_below(&b->random, bytes->n);
    size_t n = (size_t)test_random_below(&b->random, bytes->n - from);
    memmove(bytes->p + from, bytes->p + from + n, bytes->n - from - n);
    bytes->n -= n;
}

static void swap_spans(bench *b, fl_buf *bytes)
{
    char span[16];
    size_t n = bytes->n < 64 ? 1 : 1 + (size_t)test_random_below(&b->random, sizeof span);
    size_t from = (size_t)test_random_below(&b->random, bytes->n - n + 1);
    size_t to = (size_t)test_random_below(&b->random, bytes->n - n + 1);
    memcpy(span, bytes->p + from, n);
    memmove(bytes->p + from, bytes->p + to, n);
    memcpy(bytes->p + to, span, n);
}

/* Another type for a value: its first character tells. */
static void swap_type(bench *b, fl_buf *bytes)
{
    static const char values[] = "\"0tn[{}],:";
    size_t at = (size_t)test_random_below(&b->random, bytes->n);
    const char *colon = memchr(bytes->p + at, ':', bytes->n - at);
    if (colon != NULL && colon + 1 < bytes->p + bytes->n) {
        bytes->p[colon + 1 - bytes->p] = values[test_random_below(&b->random, sizeof values - 1)];
    }
}

static void damage(bench *b, fl_buf *bytes)
{
    static void (*const ways[])(bench * b, fl_buf * bytes) = {flip, cut_out, swap_spans, swap_type};
    for (uint64_t times = 1 + test_random_below(&b->random, 3); times != 0 && bytes->n != 0;
         times--) {
        ways[test_random_below(&b->random, 4)](b, bytes);
    }
}

static void damaged_documents_are_taken_or_refused(void **state)
{
    bench *b = *state;
    for (uint64_t round = 0; round < 2 * b->rounds; round++) {
        fl_arena_reset(&b->arena);
        write_document(&b->random, round % 2 == 0, &b->text);
        damage(b, &b->text);
        fl_decoded strict = test_decode(&b->arena, fl_buf_str(&b->text), FL_PROFILE_AWS);
        fl_decoded decoded = test_decode(&b->arena, fl_buf_str(&b->text), FL_PROFILE_OPEN);
        assert_int_not_equal(strict.segment_count + strict.reject_count, 0);
        assert_int_not_equal(decoded.segment_count + decoded.reject_count, 0);
        for (size_t i = 0; i < decoded.segment_count; i++) {
            assert_stable(b, &decoded.segments[i]);
        }
    }
}

static void damaged_packed_bytes_are_a_segment_or_corrupt(void **state)
{
    bench *b = *state;
    for (uint64_t round = 0; round < 2 * b->rounds; round++) {
        fl_segment *segment;
        fl_arena_reset(&b->arena);
        write_document(&b->random, false, &b->text);
        fl_decoded decoded = test_decode(&b->arena, fl_buf_str(&b->text), FL_PROFILE_OPEN);
        pack(decoded.segments, &b->packed);
        damage(b, &b->packed);
        char *exact = fl_arena_alloc(&b->arena, b->packed.n);
        assert_non_null(exact);
        memcpy(exact, b->packed.p, b->packed.n);
        fl_status status =
            fl_segment_unpack(&b->arena, (fl_str){exact, b->packed.n}, &segment, NULL);
        if (status != FL_OK) {
            assert_int_equal(status, FL_E_CORRUPT);
            continue;
        }
        pack(segment, &b->packed);
        assert_ok(fl_segment_unpack(&b->arena, fl_buf_str(&b->packed), &segment, NULL), NULL);
        pack(segment, &b->repacked);
        assert_same_text(b, &b->packed, &b->repacked, "packed, unpacked and packed again");
    }
}

static void a_failing_allocation_is_no_memory_or_not_needed(void **state)
{
    bench *b = *state;
    fl_limits limits = fl_limits_of(FL_PROFILE_OPEN, 0);
    for (uint64_t round = 0; round < b->rounds; round++) {
        fl_arena arena;
        fl_decoded decoded;
        write_document(&b->random, true, &b->text);
        fl_arena_init(&arena, 64 << 20);
        arena.fail_at = 1 + test_random_below(&b->random, 60);
        fl_status status =
            fl_segment_decode(&arena, fl_buf_str(&b->text), &limits, TEST_NOW_NS, &decoded, NULL);
        assert_true(status == FL_E_NOMEM || (status == FL_OK && arena.fail_at != 0));
        fl_arena_fini(&arena);
    }
}

static int begin(void **state)
{
    static bench b;
    const char *rounds = getenv("FLUORO_TEST_ROUNDS");
    b.random = test_random_begin();
    b.rounds = 400;
    if (rounds != NULL && !fl_str_to_u64(fl_str_of(rounds), &b.rounds)) {
        return -1;
    }
    fl_arena_init(&b.arena, (size_t)256 << 20);
    fl_buf *all[] = {&b.text, &b.emitted, &b.again, &b.packed, &b.repacked};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        fl_buf_init(all[i], 4 * DOCUMENT_BYTES_MAX);
    }
    *state = &b;
    return 0;
}

static int end(void **state)
{
    bench *b = *state;
    fl_buf *all[] = {&b->text, &b->emitted, &b->again, &b->packed, &b->repacked};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        fl_buf_fini(all[i]);
    }
    fl_arena_fini(&b->arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clean_documents_come_back_equal_in_meaning),
        cmocka_unit_test(dirty_documents_are_mended_once),
        cmocka_unit_test(damaged_documents_are_taken_or_refused),
        cmocka_unit_test(damaged_packed_bytes_are_a_segment_or_corrupt),
        cmocka_unit_test(a_failing_allocation_is_no_memory_or_not_needed),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
