#include "unit/cli/cli_fixture.h"

#define ID    "\"trace_id\":\"1-67a1b2c0-0a1b2c3d4e5f60718293a4b5\""
#define TIMES "\"start_time\":1738650304,\"end_time\":1738650305"
#define WEB                                                                                        \
    "{\"id\":\"a000000000000001\",\"name\":\"web\"," ID "," TIMES                                  \
    ",\"subsegments\":[{\"id\":\"a000000000000002\",\"name\":\"DynamoDB\",\"namespace\":"          \
    "\"aws\"," TIMES ",\"aws\":{\"operation\":\"GetItem\",\"table_name\":\"orders\"}}]}"

static const fl_trace_id id = {UINT64_C(0x67a1b2c00a1b2c3d), UINT64_C(0x4e5f60718293a4b5)};

static fl_status load(fl_arena *arena, const char *const *texts, size_t count,
                      fl_waterfall_source *out, fl_err *err)
{
    fl_str documents[8];
    for (size_t i = 0; i < count; i++) {
        documents[i] = fl_str_of(texts[i]);
    }
    return fl_trace_load(arena, id, &(fl_trace_documents){.texts = documents, .count = count},
                         FIXTURE_NOW_NS, out, err);
}

static size_t count_inferred(const fl_trace *trace)
{
    size_t count = 0;
    for (size_t i = 0; i < trace->top_count; i++) {
        count += trace->tops[i]->inferred;
    }
    return count;
}

static void inferred_segments_are_derived_once(void **state)
{
    (void)state;
    static const char *const texts[] = {
        WEB, "{\"id\":\"ffffffffffffffff\",\"name\":\"DynamoDB\",\"inferred\":true,\"parent_id\":"
             "\"a000000000000002\"," ID "," TIMES ",\"origin\":\"AWS::DynamoDB::Table\"}"};
    fl_arena arena;
    fl_waterfall_source source;
    fl_err err = {0};
    fl_arena_init(&arena, (size_t)16 << 20);
    assert_ok(load(&arena, texts, 2, &source, &err), &err);
    assert_int_equal(source.trace->top_count, 2);
    assert_int_equal(count_inferred(source.trace), 1);
    assert_int_equal(source.unreadable, 0);
    fl_arena_fini(&arena);
}

static void documents_that_cannot_be_read_are_counted(void **state)
{
    (void)state;
    static const char *const texts[] = {"{\"id\":", WEB, "{\"name\":\"x\"}"};
    fl_arena arena;
    fl_waterfall_source source;
    fl_err err = {0};
    fl_arena_init(&arena, (size_t)16 << 20);
    assert_ok(load(&arena, texts, 3, &source, &err), &err);
    assert_int_equal(source.unreadable, 2);
    assert_int_equal(source.trace->top_count - count_inferred(source.trace), 1);
    fl_arena_fini(&arena);
}

static void a_trace_without_a_readable_document_is_an_error(void **state)
{
    (void)state;
    static const char *const texts[] = {"nonsense"};
    fl_arena arena;
    fl_waterfall_source source;
    fl_err err = {0};
    fl_arena_init(&arena, (size_t)16 << 20);
    assert_int_equal(load(&arena, texts, 1, &source, &err), FL_E_CORRUPT);
    assert_string_equal(
        err.message, "none of the trace's 1 documents can be read; --json shows them as they are");
    fl_arena_fini(&arena);
}

static void a_compiled_document_may_be_larger_than_one_that_is_sent(void **state)
{
    (void)state;
    fl_buf text;
    fl_buf_init(&text, (size_t)4 << 20);
    fl_buf_add_str(&text, FL_S("{\"id\":\"a000000000000001\",\"name\":\"web\"," ID "," TIMES
                               ",\"metadata\":{\"x\":\""));
    fl_buf_fill(&text, 'x', (size_t)2 << 20);
    fl_buf_add_str(&text, FL_S("\"}}"));
    fl_str document = fl_buf_str(&text);
    fl_arena arena;
    fl_waterfall_source source;
    fl_err err = {0};
    fl_arena_init(&arena, (size_t)64 << 20);
    assert_ok(fl_trace_load(&arena, id, &(fl_trace_documents){.texts = &document, .count = 1},
                            FIXTURE_NOW_NS, &source, &err),
              &err);
    assert_int_equal(source.unreadable, 0);
    fl_arena_fini(&arena);
    fl_buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inferred_segments_are_derived_once),
        cmocka_unit_test(documents_that_cannot_be_read_are_counted),
        cmocka_unit_test(a_trace_without_a_readable_document_is_an_error),
        cmocka_unit_test(a_compiled_document_may_be_larger_than_one_that_is_sent),
    };
    return cmocka_run_group_tests(tests, fixture_setup, NULL);
}
