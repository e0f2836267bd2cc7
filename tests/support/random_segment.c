#include "support/random_segment.h"

#include <stdio.h>
#include <stdlib.h>

static bool chance(random_segments *r, unsigned percent)
{
    return test_random_below(r->random, 100) < percent;
}

static fl_str text(random_segments *r, const char *format, uint64_t below)
{
    char *bytes = fl_arena_alloc(r->arena, 96);
    assert_non_null(bytes);
    unsigned long long number = below != 0 ? test_random_below(r->random, below) : 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int n = snprintf(bytes, 96, format, number);
#pragma GCC diagnostic pop
    return (fl_str){bytes, (size_t)n};
}

/* Few, many or long texts, with and without digits; sometimes an empty one. */
static fl_str any_text(random_segments *r)
{
    static const char *const formats[] = {"t-%llu", "https://shop.example/api/orders/%llu?x=%%20",
                                          "10.0.%llu.7", "\xE6\xB3\xA8%llu", "%llu"};
    if (chance(r, 5)) {
        return FL_S("");
    }
    uint64_t below = chance(r, 50) ? 5 : UINT64_C(1) << 40;
    return text(r, formats[test_random_below(r->random, 5)], below);
}

static fl_str maybe(random_segments *r, unsigned percent)
{
    return chance(r, percent) ? any_text(r) : (fl_str){0};
}

static fl_str maybe_json(random_segments *r, unsigned percent)
{
    static const char *const formats[] = {"{\"a\":%llu}", "{\"b\":{\"c\":[\"%llu\",null]}}", "{}"};
    return chance(r, percent) ? text(r, formats[test_random_below(r->random, 3)], 1000)
                              : (fl_str){0};
}

static fl_bool3 maybe_bool(random_segments *r)
{
    return (fl_bool3)test_random_below(r->random, 3);
}

static uint64_t any_id(random_segments *r)
{
    uint64_t id = test_random_next(r->random);
    return id != 0 ? id : 1;
}

static fl_http *any_http(random_segments *r)
{
    fl_http *http = FL_ARENA_NEW(r->arena, fl_http);
    assert_non_null(http);
    *http = (fl_http){.has_request = chance(r, 70),
                      .has_response = chance(r, 70),
                      .status = FL_INT_NONE,
                      .content_length = FL_INT_NONE,
                      .rest = maybe_json(r, 10)};
    if (http->has_request) {
        http->method = chance(r, 80) ? FL_S("GET") : (fl_str){0};
        http->url = maybe(r, 80);
        http->client_ip = maybe(r, 50);
        http->traced = maybe_bool(r);
        http->request_rest = maybe_json(r, 10);
    }
    if (http->has_response) {
        http->status = chance(r, 80) ? 200 + (int64_t)test_random_below(r->random, 400) : -7;
        http->content_length = chance(r, 50) ? (int64_t)test_random_below(r->random, 1 << 20) : -1;
    }
    return http;
}

static fl_cause *any_cause(random_segments *r)
{
    fl_cause *cause = FL_ARENA_NEW(r->arena, fl_cause);
    assert_non_null(cause);
    cause->has_exceptions = chance(r, 80);
    cause->id = chance(r, 20) ? any_id(r) : 0;
    cause->message = maybe(r, 30);
    if (cause->has_exceptions) {
        cause->exception_count = (uint32_t)test_random_below(r->random, 4);
        cause->exceptions = FL_ARENA_ARRAY(r->arena, fl_exception, cause->exception_count);
        assert_non_null(cause->exceptions);
    }
    for (uint32_t i = 0; i < cause->exception_count; i++) {
        cause->exceptions[i] = (fl_exception){.id = chance(r, 80) ? any_id(r) : 0,
                                              .type = maybe(r, 50),
                                              .message = maybe(r, 50),
                                              .remote = maybe_bool(r),
                                              .rest = maybe_json(r, 30)};
    }
    return cause;
}

static void add_annotations(random_segments *r, fl_segment *segment)
{
    static const char *const keys[] = {"tenant", "tier", "order_id", "n", "retry"};
    uint32_t count = (uint32_t)test_random_below(r->random, 5);
    segment->has_annotations = true;
    segment->annotation_count = count;
    segment->annotations = FL_ARENA_ARRAY(r->arena, fl_annotation, count);
    assert_non_null(segment->annotations);
    for (uint32_t i = 0; i < count; i++) {
        fl_annotation *a = &segment->annotations[i];
        a->key = chance(r, r->new_keys) ? text(r, "key-%llu", UINT64_MAX) : fl_str_of(keys[i]);
        a->kind = chance(r, 50)   ? FL_ANNOTATION_STRING
                  : chance(r, 70) ? FL_ANNOTATION_NUMBER
                                  : FL_ANNOTATION_BOOL;
        a->boolean = a->kind == FL_ANNOTATION_BOOL && chance(r, 50);
        if (a->kind == FL_ANNOTATION_STRING) {
            a->text = any_text(r);
        } else if (a->kind == FL_ANNOTATION_NUMBER) {
            a->text = text(r, chance(r, 50) ? "%llu" : "-%llu.50", chance(r, 90) ? 100 : 1 << 30);
        }
    }
}

static void add_links(random_segments *r, fl_segment *segment)
{
    segment->link_count = 1 + (uint32_t)test_random_below(r->random, 2);
    segment->links = FL_ARENA_ARRAY(r->arena, fl_link, segment->link_count);
    assert_non_null(segment->links);
    for (uint32_t i = 0; i < segment->link_count; i++) {
        segment->links[i] = (fl_link){.trace_id = {any_id(r), any_id(r)},
                                      .id = chance(r, 50) ? any_id(r) : 0,
                                      .attributes = maybe_json(r, 50)};
    }
}

static void fill(random_segments *r, fl_segment *segment, unsigned depth);

static void add_subsegments(random_segments *r, fl_segment *segment, unsigned depth)
{
    segment->subsegment_count = 1 + (uint32_t)test_random_below(r->random, r->children);
    segment->subsegments = FL_ARENA_ARRAY(r->arena, fl_segment, segment->subsegment_count);
    assert_non_null(segment->subsegments);
    for (uint32_t i = 0; i < segment->subsegment_count; i++) {
        fl_segment *child = &segment->subsegments[i];
        child->trace_id = segment->trace_id;
        child->parent_id = segment->id;
        child->is_subsegment = true;
        child->start_ns = segment->start_ns + (int64_t)test_random_below(r->random, 1 << 20) * 1000;
        fill(r, child, depth + 1);
    }
}

static void fill(random_segments *r, fl_segment *segment, unsigned depth)
{
    segment->id = any_id(r);
    segment->name = chance(r, 80) ? FL_S("web") : any_text(r);
    segment->end_ns =
        chance(r, 90) ? segment->start_ns + (int64_t)test_random_below(r->random, 1 << 22) * 1000
                      : FL_TIME_NONE;
    segment->error = maybe_bool(r);
    segment->fault = chance(r, 10) ? FL_TRUE : FL_ABSENT;
    segment->name_space = chance(r, 30) ? FL_S("remote") : (fl_str){0};
    segment->user = maybe(r, 20);
    segment->origin = maybe(r, 20);
    segment->http = chance(r, 50) ? any_http(r) : NULL;
    segment->cause = chance(r, 10) ? any_cause(r) : NULL;
    segment->sql = maybe_json(r, 10);
    segment->metadata = maybe_json(r, 20);
    segment->rest = maybe_json(r, 5);
    if (chance(r, 20)) {
        segment->service = FL_ARENA_NEW(r->arena, fl_service);
        assert_non_null(segment->service);
        segment->service->version = maybe(r, 80);
    }
    if (chance(r, 50)) {
        add_annotations(r, segment);
    }
    if (chance(r, 10)) {
        add_links(r, segment);
    }
    if (depth < r->depth && r->children != 0 && chance(r, 60)) {
        add_subsegments(r, segment, depth);
    }
}

fl_segment *random_segment(random_segments *r, fl_trace_id id, int64_t start_ns)
{
    fl_segment *segment = FL_ARENA_NEW(r->arena, fl_segment);
    assert_non_null(segment);
    segment->trace_id = id;
    segment->start_ns = start_ns;
    segment->parent_id = chance(r, 60) ? any_id(r) : 0;
    fill(r, segment, 0);
    return segment;
}

fl_str test_pack(fl_arena *arena, const fl_segment *segment)
{
    fl_buf packed;
    fl_buf_init(&packed, SIZE_MAX);
    fl_segment_pack(segment, &packed);
    assert_int_equal(packed.status, FL_OK);
    fl_str copy = fl_str_dup(arena, fl_buf_str(&packed));
    assert_non_null(copy.p);
    fl_buf_fini(&packed);
    return copy;
}

fl_str random_packed(random_segments *r, fl_trace_id id, int64_t start_ns)
{
    return test_pack(r->arena, random_segment(r, id, start_ns));
}
