#include "cli/demo_int.h"

#include "codec/codec.h"

#define ANNOTATIONS_MAX 8

uint64_t fl_demo_next(fl_demo_random *random)
{
    /* SplitMix64: enough for a demo, and the same everywhere. */
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t fl_demo_below(fl_demo_random *random, uint64_t bound)
{
    return fl_demo_next(random) % bound;
}

uint64_t fl_demo_id(fl_demo_builder *b)
{
    uint64_t id = fl_demo_next(b->random);
    return id != 0 ? id : 1;
}

fl_status fl_demo_begin(fl_demo_builder *b, fl_arena *arena, fl_demo_random *random,
                        int64_t start_ns, fl_err *err)
{
    *b = (fl_demo_builder){.arena = arena, .random = random, .now_ns = start_ns};
    uint64_t epoch_s = (uint64_t)(start_ns / FL_NS_PER_S);
    b->trace.id =
        (fl_trace_id){(epoch_s << 32) | (fl_demo_next(random) >> 32), fl_demo_next(random)};
    b->trace.documents = FL_ARENA_ARRAY(arena, fl_demo_document, FL_DEMO_DOCUMENTS_MAX);
    if (b->trace.documents == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    return FL_OK;
}

/* Stable, and quick on what is nearly in order. */
static void sort_documents(fl_demo_trace *trace)
{
    for (size_t i = 1; i < trace->count; i++) {
        fl_demo_document moved = trace->documents[i];
        size_t at = i;
        for (; at > 0 && trace->documents[at - 1].send_ns > moved.send_ns; at--) {
            trace->documents[at] = trace->documents[at - 1];
        }
        trace->documents[at] = moved;
    }
}

fl_status fl_demo_finish(fl_demo_builder *b, fl_demo_trace *out, fl_err *err)
{
    if (b->failed) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory for a demo trace");
    }
    sort_documents(&b->trace);
    *out = b->trace;
    return FL_OK;
}

/* Work takes most often little and sometimes much longer: the product of two draws leans to the low
 * end. */
void fl_demo_work(fl_demo_builder *b, int64_t least_us, int64_t most_us)
{
    double first = (double)fl_demo_below(b->random, 1001) / 1000,
           second = (double)fl_demo_below(b->random, 1001) / 1000;
    int64_t us = least_us + (int64_t)((double)(most_us - least_us) * first * second);
    b->now_ns += us * FL_NS_PER_US + (int64_t)fl_demo_below(b->random, 1000);
}

/* ---- Memory: a failed allocation is noted, and the scratch piece taken instead */

static fl_segment *new_segment(fl_demo_builder *b)
{
    fl_segment *segment = FL_ARENA_NEW(b->arena, fl_segment);
    b->failed |= segment == NULL;
    return segment != NULL ? segment : &b->scratch;
}

static fl_http *http_of(fl_demo_builder *b, fl_segment *segment)
{
    if (segment->http == NULL) {
        segment->http = FL_ARENA_NEW(b->arena, fl_http);
        b->failed |= segment->http == NULL;
        segment->http = segment->http != NULL ? segment->http : &b->scratch_http;
        segment->http->status = segment->http->content_length = FL_INT_NONE;
    }
    return segment->http;
}

static fl_aws *aws_of(fl_demo_builder *b, fl_segment *segment)
{
    if (segment->aws == NULL) {
        segment->aws = FL_ARENA_NEW(b->arena, fl_aws);
        b->failed |= segment->aws == NULL;
        segment->aws = segment->aws != NULL ? segment->aws : &b->scratch_aws;
    }
    return segment->aws;
}

static fl_str keep(fl_demo_builder *b, fl_buf *text)
{
    fl_str copy = fl_str_dup(b->arena, fl_buf_str(text));
    b->failed |= copy.p == NULL || text->status != FL_OK;
    fl_buf_fini(text);
    return copy;
}

fl_str fl_demo_text(fl_demo_builder *b, const char *before, fl_str middle, fl_str after)
{
    fl_buf text;
    fl_buf_init(&text, 4096);
    fl_buf_add_str(&text, fl_str_of(before));
    fl_buf_add_str(&text, middle);
    fl_buf_add_str(&text, after);
    return keep(b, &text);
}

fl_str fl_demo_number(fl_demo_builder *b, uint64_t number)
{
    fl_buf text;
    fl_buf_init(&text, 64);
    fl_buf_add_u64(&text, number);
    return keep(b, &text);
}

/* ---- Segments */

static void send(fl_demo_builder *b, fl_segment *segment)
{
    if (b->trace.count == FL_DEMO_DOCUMENTS_MAX) {
        fl_bug("a demo trace of too many documents");
    }
    b->trace.documents[b->trace.count++] = (fl_demo_document){b->now_ns, segment};
    b->trace.end_ns = b->now_ns > b->trace.end_ns ? b->now_ns : b->trace.end_ns;
}

static void begin(fl_demo_builder *b, fl_segment *segment, const char *name)
{
    *segment = (fl_segment){.trace_id = b->trace.id,
                            .id = fl_demo_id(b),
                            .name = fl_str_of(name),
                            .start_ns = b->now_ns,
                            .end_ns = FL_TIME_NONE};
}

/* What the SDK and its plug-ins know of the machine. */
static void describe_host(fl_demo_builder *b, fl_segment *segment)
{
    fl_aws *aws = aws_of(b, segment);
    aws->account_id = FL_S("123456789012");
    aws->rest = FL_S("{\"xray\":{\"sdk\":\"X-Ray for Python\",\"sdk_version\":\"2.15.0\"}}");
    if (fl_str_eq(segment->origin, FL_S("AWS::EC2::Instance"))) {
        aws->ec2_instance_id = FL_S("i-0a1b2c3d4e5f60718");
        aws->ec2_availability_zone = FL_S("eu-west-1a");
        aws->ec2_rest = FL_S("{\"instance_type\":\"m7g.large\"}");
    } else if (fl_str_starts(segment->origin, FL_S("AWS::ECS"))) {
        aws->ecs_availability_zone = FL_S("eu-west-1b");
        aws->ecs_rest = FL_S("{\"container\":\"ip-10-0-3-17.eu-west-1.compute.internal\"}");
    }
}

fl_segment *fl_demo_serve(fl_demo_builder *b, const char *service, const char *origin,
                          const fl_segment *caller)
{
    fl_segment *segment = new_segment(b);
    begin(b, segment, service);
    segment->parent_id = caller != NULL ? caller->id : 0;
    segment->origin = fl_str_of(origin);
    describe_host(b, segment);
    return segment;
}

/* A copy, so that it tells nothing of what happens later. */
void fl_demo_send_unfinished(fl_demo_builder *b, const fl_segment *segment)
{
    fl_segment *copy = new_segment(b);
    *copy = *segment;
    copy->subsegments = NULL;
    copy->subsegment_count = 0;
    copy->in_progress = FL_TRUE;
    if (segment->http != NULL) {
        copy->http = NULL;
        *http_of(b, copy) = *segment->http;
    }
    send(b, copy);
}

void fl_demo_reply(fl_demo_builder *b, fl_segment *segment)
{
    segment->end_ns = b->now_ns;
    send(b, segment);
}

static void be_step(fl_segment *step, const fl_segment *owner, const char *name_space)
{
    step->is_subsegment = true;
    step->parent_id = owner->id;
    step->name_space = fl_str_of(name_space);
}

fl_segment *fl_demo_step(fl_demo_builder *b, fl_segment *owner, const char *name,
                         const char *name_space)
{
    if (owner->subsegments == NULL) {
        owner->subsegments = FL_ARENA_ARRAY(b->arena, fl_segment, FL_DEMO_CHILDREN_MAX);
        b->failed |= owner->subsegments == NULL;
    }
    if (owner->subsegment_count == FL_DEMO_CHILDREN_MAX) {
        fl_bug("a demo segment of too many subsegments");
    }
    fl_segment *step =
        owner->subsegments != NULL ? &owner->subsegments[owner->subsegment_count++] : &b->scratch;
    uint64_t owner_id = owner->id;
    begin(b, step, name);
    be_step(step, &(fl_segment){.id = owner_id}, name_space);
    return step;
}

void fl_demo_end(fl_demo_builder *b, fl_segment *step)
{
    step->end_ns = b->now_ns;
}

fl_segment *fl_demo_streamed_step(fl_demo_builder *b, const fl_segment *owner, const char *name,
                                  const char *name_space)
{
    fl_segment *step = new_segment(b);
    begin(b, step, name);
    be_step(step, owner, name_space);
    return step;
}

/* ---- Members */

void fl_demo_request(fl_demo_builder *b, fl_segment *segment, const char *method, fl_str url)
{
    fl_http *http = http_of(b, segment);
    http->has_request = true;
    http->method = fl_str_of(method);
    http->url = url;
    if (segment->is_subsegment && fl_str_starts(url, FL_S("http://"))) {
        http->traced = FL_TRUE; /* our own services inside are instrumented */
    }
}

static void set_flags(fl_demo_builder *b, fl_segment *segment, int64_t status)
{
    bool is_root = segment->parent_id == 0;
    if (status >= 500) {
        segment->fault = FL_TRUE;
        b->trace.fault |= is_root;
    } else if (status >= 400) {
        segment->error = FL_TRUE;
        b->trace.error |= is_root;
    }
    if (status == 429) {
        segment->throttle = FL_TRUE;
        b->trace.throttle = true;
    }
}

void fl_demo_response(fl_demo_builder *b, fl_segment *segment, int64_t status, int64_t bytes)
{
    fl_http *http = http_of(b, segment);
    http->has_response = true;
    http->status = status;
    http->content_length = bytes;
    set_flags(b, segment, status);
}

void fl_demo_client(fl_demo_builder *b, fl_segment *segment, fl_str ip, const char *user_agent,
                    fl_str user)
{
    fl_http *http = http_of(b, segment);
    http->client_ip = ip;
    http->x_forwarded_for = FL_TRUE; /* behind a load balancer */
    http->user_agent = fl_str_of(user_agent);
    segment->user = user;
}

static fl_str hex_id(fl_demo_builder *b)
{
    fl_buf text;
    fl_buf_init(&text, 64);
    fl_buf_add_hex(&text, fl_demo_next(b->random), 16);
    return keep(b, &text);
}

fl_aws *fl_demo_aws(fl_demo_builder *b, fl_segment *segment, const char *operation)
{
    fl_aws *aws = aws_of(b, segment);
    aws->operation = fl_str_of(operation);
    aws->region = FL_S("eu-west-1");
    aws->request_id = hex_id(b);
    return aws;
}

void fl_demo_sql(fl_demo_builder *b, fl_segment *segment, const char *query)
{
    fl_buf json;
    fl_buf_init(&json, 8192);
    fl_jw w = fl_jw_of(&json);
    fl_jw_open(&w, '{');
    fl_jw_key_str(&w, FL_S("url"), FL_S("postgresql://stock-db.shop.internal:5432/stock"));
    fl_jw_key_str(&w, FL_S("database_type"), FL_S("PostgreSQL"));
    fl_jw_key_str(&w, FL_S("database_version"), FL_S("16.4"));
    fl_jw_key_str(&w, FL_S("user"), FL_S("inventory"));
    fl_jw_key_str(&w, FL_S("preparation"), FL_S("statement"));
    fl_jw_key_str(&w, FL_S("sanitized_query"), fl_str_of(query));
    fl_jw_close(&w, '}');
    segment->sql = keep(b, &json);
}

static fl_annotation *add_annotation(fl_demo_builder *b, fl_segment *segment, const char *key)
{
    if (segment->annotations == NULL) {
        segment->annotations = FL_ARENA_ARRAY(b->arena, fl_annotation, ANNOTATIONS_MAX);
        b->failed |= segment->annotations == NULL;
    }
    if (segment->annotations == NULL) {
        return NULL;
    }
    if (segment->annotation_count == ANNOTATIONS_MAX) {
        fl_bug("a demo segment of too many annotations");
    }
    segment->has_annotations = true;
    fl_annotation *annotation = &segment->annotations[segment->annotation_count++];
    annotation->key = fl_str_of(key);
    return annotation;
}

void fl_demo_annotate(fl_demo_builder *b, fl_segment *segment, const char *key, fl_str value)
{
    fl_annotation *annotation = add_annotation(b, segment, key);
    if (annotation != NULL) {
        annotation->kind = FL_ANNOTATION_STRING;
        annotation->text = value;
    }
}

void fl_demo_annotate_number(fl_demo_builder *b, fl_segment *segment, const char *key,
                             int64_t value)
{
    fl_buf text;
    fl_buf_init(&text, 64);
    fl_buf_add_i64(&text, value);
    fl_str number = keep(b, &text);
    fl_annotation *annotation = add_annotation(b, segment, key);
    if (annotation != NULL) {
        annotation->kind = FL_ANNOTATION_NUMBER;
        annotation->text = number;
    }
}

void fl_demo_annotate_bool(fl_demo_builder *b, fl_segment *segment, const char *key, bool value)
{
    fl_annotation *annotation = add_annotation(b, segment, key);
    if (annotation != NULL) {
        annotation->kind = FL_ANNOTATION_BOOL;
        annotation->boolean = value;
    }
}

void fl_demo_metadata(fl_demo_builder *b, fl_segment *segment, const char *json)
{
    segment->metadata = fl_demo_text(b, "{\"default\":", fl_str_of(json), FL_S("}"));
}

void fl_demo_exception(fl_demo_builder *b, fl_segment *segment, const char *type, fl_str message,
                       const char *stack)
{
    segment->cause = FL_ARENA_NEW(b->arena, fl_cause);
    fl_exception *exception = FL_ARENA_NEW(b->arena, fl_exception);
    if (segment->cause == NULL || exception == NULL) {
        b->failed = true;
        segment->cause = NULL;
        return;
    }
    exception->id = fl_demo_id(b);
    exception->type = fl_str_of(type);
    exception->message = message;
    exception->rest = fl_demo_text(b, "{\"stack\":", fl_str_of(stack), FL_S("}"));
    segment->cause->rest = FL_S("{\"working_directory\":\"/app\"}");
    segment->cause->exceptions = exception;
    segment->cause->exception_count = 1;
    segment->cause->has_exceptions = true;
    if (segment->error == FL_ABSENT) {
        segment->fault = FL_TRUE;
    }
}
