#include "support/bedrock_run.h"

#define MEMORY_MAX ((size_t)1 << 30)
#define STEP_NS    (10 * FL_NS_PER_S)
#define LENGTH_NS  (2 * FL_NS_PER_S)

void test_run_init(test_run *t)
{
    *t = (test_run){.options = fl_bedrock_options_default(TEST_RUN_NOW_NS)};
    fl_arena_init(&t->arena, MEMORY_MAX);
    t->run = (bedrock_run){.ordinal = 1,
                           .scopes = t->scopes,
                           .steps = t->steps,
                           .segments = t->segments,
                           .complete = true,
                           .first_time_ns = TEST_RUN_NOW_NS,
                           .start_ns = TEST_RUN_NOW_NS,
                           .end_ns = TEST_RUN_NOW_NS,
                           .key = FL_S(TEST_RUN_KEY)};
}

void test_run_fini(test_run *t)
{
    fl_arena_fini(&t->arena);
}

fl_str test_json_text(test_run *t, const char *json)
{
    char *bytes = fl_str_zdup(&t->arena, fl_str_of(json));
    assert_non_null(bytes);
    for (char *p = bytes; *p != '\0'; p++) {
        *p = (char)(*p == '\'' ? '"' : *p);
    }
    return fl_str_of(bytes);
}

static yyjson_val *read_json(test_run *t, fl_str text)
{
    yyjson_val *value = NULL;
    fl_err err = {0};
    assert_ok(fl_json_read(&t->arena, text, FL_JSON_STRICT, &value, NULL, &err), &err);
    return value;
}

yyjson_val *test_json(test_run *t, const char *json)
{
    return json != NULL ? read_json(t, test_json_text(t, json)) : NULL;
}

fl_str test_repeat(test_run *t, const char *unit, size_t count)
{
    size_t n = strlen(unit);
    char *bytes = fl_arena_alloc(&t->arena, n * count);
    assert_non_null(bytes);
    for (size_t i = 0; i < count; i++) {
        memcpy(bytes + i * n, unit, n);
    }
    return (fl_str){bytes, n * count};
}

yyjson_val *test_object(test_run *t, const char *key, fl_str value)
{
    fl_buf text;
    fl_buf_init(&text, MEMORY_MAX);
    fl_jw w = fl_jw_of(&text);
    fl_jw_open(&w, '{');
    fl_jw_key_str(&w, fl_str_of(key), value);
    fl_jw_close(&w, '}');
    yyjson_val *object = read_json(t, fl_buf_str(&text));
    fl_buf_fini(&text);
    return object;
}

static const bedrock_metadata no_metadata = {
    .start_ns = FL_TIME_NONE,
    .end_ns = FL_TIME_NONE,
    .total_ms = BEDROCK_INT_NONE,
    .operation_total_ms = BEDROCK_INT_NONE,
    .prompt_tokens = BEDROCK_INT_NONE,
    .completion_tokens = BEDROCK_INT_NONE,
};

static bedrock_segment blank_segment(bedrock_kind kind, bedrock_scope *scope, bedrock_step *step)
{
    return (bedrock_segment){
        .kind = kind,
        .scope = scope,
        .step = step,
        .time_source = step != NULL ? FL_BEDROCK_TIME_METADATA : FL_BEDROCK_TIME_CHILDREN,
        .http_status = FL_INT_NONE,
        .cost_nano = BEDROCK_INT_NONE,
        .start_ns = TEST_RUN_NOW_NS,
        .end_ns = TEST_RUN_NOW_NS + LENGTH_NS,
    };
}

bedrock_scope *test_scope(test_run *t, const char *label)
{
    assert_true(t->run.scope_count < TEST_RUN_MAX);
    bedrock_scope *scope = FL_ARENA_NEW(&t->arena, bedrock_scope);
    assert_non_null(scope);
    scope->segment = blank_segment(BEDROCK_AGENT, scope, NULL);
    scope->label = fl_str_of(label);
    scope->first_event_ns = FL_TIME_NONE;
    scope->ordinal = (uint32_t)t->run.scope_count + 1;
    scope->above = t->run.scope_count > 0 ? t->scopes[0] : NULL;
    t->run.root = t->run.scope_count > 0 ? t->run.root : scope;
    t->scopes[t->run.scope_count++] = scope;
    return scope;
}

bedrock_step *test_step(test_run *t, bedrock_scope *scope, bedrock_kind kind, const char *input,
                        const char *output)
{
    assert_true(t->run.step_count < TEST_RUN_MAX);
    bedrock_step *step = FL_ARENA_NEW(&t->arena, bedrock_step);
    assert_non_null(step);
    int64_t start_ns = TEST_RUN_NOW_NS + (int64_t)t->run.step_count * STEP_NS;
    step->segment = blank_segment(kind, scope, step);
    step->segment.start_ns = start_ns;
    step->segment.end_ns = start_ns + LENGTH_NS;
    step->segment.event_index = (uint32_t)t->run.step_count + 1;
    step->segment.event_count = 2;
    step->ending = BEDROCK_ANSWERED;
    step->input = test_json(t, input);
    step->output = test_json(t, output);
    step->first_ns = step->closing_ns = FL_TIME_NONE;
    step->metadata = no_metadata;
    t->steps[t->run.step_count++] = step;
    t->run.end_ns = step->segment.end_ns;
    return step;
}

static void add_segment(test_run *t, bedrock_segment *segment, bedrock_segment *parent)
{
    segment->index = (uint32_t)t->run.segment_count;
    segment->parent = parent;
    t->segments[t->run.segment_count++] = segment;
}

static bedrock_segment *scope_parent(const bedrock_scope *scope)
{
    if (scope->caller != NULL) {
        return &scope->caller->segment;
    }
    return scope->above != NULL ? &scope->above->segment : NULL;
}

static size_t depth_of(const bedrock_scope *scope)
{
    size_t depth = 0;
    while ((scope = bedrock_scope_up(scope)) != NULL) {
        depth++;
    }
    return depth;
}

/* As settling does: the deepest first. */
static void sort_by_depth(test_run *t)
{
    for (size_t i = 0; i < t->run.scope_count; i++) {
        size_t at = i;
        for (; at > 0 && depth_of(t->by_depth[at - 1]) < depth_of(t->scopes[i]); at--) {
            t->by_depth[at] = t->by_depth[at - 1];
        }
        t->by_depth[at] = t->scopes[i];
    }
    t->run.by_depth = t->by_depth;
}

void test_run_settle(test_run *t)
{
    bool is_tree = t->options.mode == FL_BEDROCK_TREE;
    t->run.segment_count = 0;
    for (size_t i = 0; i < t->run.scope_count && is_tree; i++) {
        add_segment(t, &t->scopes[i]->segment, scope_parent(t->scopes[i]));
    }
    for (size_t i = 0; i < t->run.step_count; i++) {
        bedrock_segment *before = i > 0 ? &t->steps[i - 1]->segment : NULL;
        bedrock_segment *agent = &t->steps[i]->segment.scope->segment;
        add_segment(t, &t->steps[i]->segment, is_tree ? agent : before);
    }
    sort_by_depth(t);
    bedrock_account(&t->run, &t->options);
    bedrock_identify(&t->run, &t->options);
}

static fl_status take_document(void *user, const fl_bedrock_document *document, fl_err *err)
{
    test_run *t = user;
    (void)err;
    assert_true(t->document_count < sizeof t->documents / sizeof t->documents[0]);
    test_document *taken = &t->documents[t->document_count++];
    *taken = (test_document){.given = *document};
    taken->given.text = fl_str_dup(&t->arena, document->text);
    taken->given.name = fl_str_dup(&t->arena, document->name);
    taken->json = read_json(t, taken->given.text);
    return FL_OK;
}

static void ignore_diagnostic(void *user, const fl_bedrock_diagnostic *diagnostic)
{
    (void)user;
    (void)diagnostic;
}

/* What X-Ray would do with it. */
static void assert_acceptable(test_run *t, const test_document *document)
{
    fl_decoded decoded;
    fl_err err = {0};
    fl_limits limits = fl_limits_of(FL_PROFILE_OPEN, 0);
    assert_true(document->given.text.n <= FL_BEDROCK_DOCUMENT_MAX);
    assert_true(fl_utf8_valid(document->given.text));
    assert_ok(fl_segment_decode(&t->arena, document->given.text, &limits, TEST_RUN_NOW_NS, &decoded,
                                &err),
              &err);
    if (decoded.reject_count != 0) {
        fail_msg("refused: %s: %.*s", decoded.rejects[0].detail, FL_P(document->given.text));
    }
    assert_int_equal(decoded.segment_count, 1);
    assert_int_equal(decoded.notes.fields_dropped + decoded.notes.annotations_dropped +
                         decoded.notes.texts_repaired,
                     0);
}

test_document *test_write(test_run *t, const bedrock_segment *segment)
{
    const fl_bedrock_sink sink = {t, NULL, take_document, NULL, ignore_diagnostic};
    bedrock_writer *writer;
    fl_err err = {0};
    uint32_t given = 0;
    test_run_settle(t);
    t->document_count = 0;
    assert_ok(bedrock_writer_new(&t->options, &writer, &err), &err);
    assert_ok(bedrock_write(writer, &t->run, segment, &sink, NULL, &given, &err), &err);
    bedrock_writer_free(writer);
    assert_int_equal(given, t->document_count);
    for (uint32_t i = 0; i < t->document_count; i++) {
        assert_acceptable(t, &t->documents[i]);
    }
    assert_true(given >= 1);
    return &t->documents[0];
}

yyjson_val *test_annotation(const test_document *document, const char *key)
{
    return fl_json_get(fl_json_get(document->json, FL_S("annotations")), fl_str_of(key));
}

fl_str test_annotation_text(const test_document *document, const char *key)
{
    yyjson_val *value = test_annotation(document, key);
    if (value == NULL) {
        return FL_S("");
    }
    fl_str text = fl_json_str(value);
    return text.p != NULL ? text : fl_json_number(value);
}

yyjson_val *test_at(const test_document *document, const char *path)
{
    yyjson_val *value = document->json;
    fl_str rest = fl_str_of(path);
    while (rest.p != NULL && value != NULL) {
        uint64_t index;
        fl_str name = fl_str_cut(&rest, '/');
        value = yyjson_is_arr(value) && fl_str_to_u64(name, &index)
                    ? yyjson_arr_get(value, (size_t)index)
                    : fl_json_get(value, name);
    }
    return value;
}
