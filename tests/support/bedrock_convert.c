#include "support/bedrock_convert.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/test.h"

#define RESULT_MAX ((size_t)1 << 30)

static fl_str keep(test_result *result, fl_str text)
{
    if (text.p == NULL) {
        return text;
    }
    fl_str copy = fl_str_dup(&result->arena, text);
    assert_non_null(copy.p);
    return copy;
}

static fl_status begin_run(void *user, const fl_bedrock_run *run, fl_err *err)
{
    test_result *result = user;
    (void)err;
    assert_false(result->in_run);
    assert_true(run->ordinal > 0);
    result->in_run = true;
    result->run = *run;
    return FL_OK;
}

static fl_status end_run(void *user, const fl_bedrock_run *run, fl_err *err)
{
    test_result *result = user;
    (void)err;
    assert_true(result->in_run);
    assert_int_equal(run->ordinal, result->run.ordinal);
    result->in_run = false;
    return FL_OK;
}

/* What every document must be, whatever the input. */
static void check_document(test_result *result, const fl_bedrock_document *document)
{
    fl_limits limits = fl_limits_of(FL_PROFILE_OPEN, INT64_C(0));
    fl_decoded decoded;
    limits.future_ns = INT64_MAX;
    assert_true(document->text.n <= FL_BEDROCK_DOCUMENT_MAX);
    assert_true(fl_utf8_valid(document->text));
    assert_ok(fl_segment_decode(&result->arena, document->text, &limits, document->start_ns,
                                &decoded, NULL),
              NULL);
    if (decoded.reject_count > 0) {
        print_error("%s\n%.*s\n", decoded.rejects[0].detail, FL_P(document->text));
    }
    assert_int_equal(decoded.reject_count, 0);
    assert_int_equal(decoded.segment_count, 1);
    assert_int_equal(decoded.notes.fields_dropped, 0);
    assert_int_equal(decoded.notes.annotations_dropped, 0);
    assert_int_equal(decoded.segments[0].id, document->id);
    assert_true(fl_trace_id_eq(decoded.segments[0].trace_id, document->trace_id));
    assert_true(decoded.segments[0].annotation_count <= 500);
}

static fl_status take_document(void *user, const fl_bedrock_document *document, fl_err *err)
{
    test_result *result = user;
    fl_err local = {0};
    (void)err;
    assert_true(result->in_run);
    assert_true(fl_trace_id_eq(document->trace_id, result->run.trace_id));
    check_document(result, document);
    if (result->count == result->capacity) {
        size_t bytes = result->capacity * sizeof *result->documents;
        result->capacity = result->capacity * 2 + 64;
        result->documents = fl_arena_resize(&result->arena, result->documents, bytes,
                                            result->capacity * sizeof *result->documents);
        assert_non_null(result->documents);
    }
    test_document *kept = &result->documents[result->count];
    *kept = (test_document){.document = *document, .run = result->run.ordinal};
    kept->again = test_last_document(result, document->trace_id, document->id) != NULL;
    kept->document.text = keep(result, document->text);
    kept->document.name = keep(result, document->name);
    assert_ok(fl_json_read(&result->arena, kept->document.text, FL_JSON_STRICT, &kept->json, NULL,
                           &local),
              &local);
    result->count++;
    return FL_OK;
}

static void take_diagnostic(void *user, const fl_bedrock_diagnostic *diagnostic)
{
    test_result *result = user;
    size_t most = sizeof result->diagnostics / sizeof result->diagnostics[0];
    assert_true(diagnostic->message.n > 0);
    if (result->diagnostic_count < most) {
        result->diagnostics[result->diagnostic_count++] = (test_diagnostic){
            diagnostic->code, diagnostic->place, keep(result, diagnostic->message)};
    }
}

static size_t next_piece(fl_str rest, size_t piece)
{
    if (piece == TEST_BY_LINE) {
        const char *newline = memchr(rest.p, '\n', rest.n);
        return newline != NULL ? (size_t)(newline - rest.p) + 1 : rest.n;
    }
    return piece == 0 || piece > rest.n ? rest.n : piece;
}

void test_convert(const fl_bedrock_options *options, fl_str text, size_t piece, test_result *out)
{
    fl_bedrock *converter;
    fl_err err = {0};
    memset(out, 0, sizeof *out);
    fl_arena_init(&out->arena, RESULT_MAX);
    const fl_bedrock_sink sink = {out, begin_run, take_document, end_run, take_diagnostic};
    assert_ok(fl_bedrock_new(options, &sink, &converter, &err), &err);
    while (text.n > 0) {
        size_t n = next_piece(text, piece);
        /* a copy of exactly that size, so that reading beyond it is seen */
        char *bytes = malloc(n);
        assert_non_null(bytes);
        memcpy(bytes, text.p, n);
        assert_ok(fl_bedrock_feed(converter, (fl_str){bytes, n}, &err), &err);
        free(bytes);
        text.p += n;
        text.n -= n;
    }
    assert_ok(fl_bedrock_finish(converter, &err), &err);
    out->counts = *fl_bedrock_counts_get(converter);
    assert_int_equal(out->counts.documents, out->count);
    fl_bedrock_free(converter);
}

void test_result_fini(test_result *result)
{
    fl_arena_fini(&result->arena);
}

const test_document *test_last_document(const test_result *result, fl_trace_id trace_id,
                                        uint64_t id)
{
    for (size_t i = result->count; i-- > 0;) {
        const fl_bedrock_document *document = &result->documents[i].document;
        if (document->id == id && fl_trace_id_eq(document->trace_id, trace_id)) {
            return &result->documents[i];
        }
    }
    return NULL;
}

static int by_id(const void *a, const void *b)
{
    const fl_bedrock_document *l = &((const test_document *)a)->document;
    const fl_bedrock_document *r = &((const test_document *)b)->document;
    int traces = fl_trace_id_cmp(l->trace_id, r->trace_id);
    return traces != 0 ? traces : l->id < r->id ? -1 : l->id > r->id;
}

void test_result_settle(test_result *result)
{
    size_t kept = 0;
    for (size_t i = 0; i < result->count; i++) {
        test_document document = result->documents[i];
        if (!document.again) {
            result->documents[kept++] =
                *test_last_document(result, document.document.trace_id, document.document.id);
        }
    }
    result->count = kept;
    qsort(result->documents, kept, sizeof *result->documents, by_id);
}

void test_assert_same_documents(const test_result *a, const test_result *b)
{
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        fl_str left = a->documents[i].document.text, right = b->documents[i].document.text;
        if (!fl_str_eq(left, right)) {
            print_error("document %zu differs:\n%.*s\n%.*s\n", i, FL_P(left), FL_P(right));
        }
        assert_true(fl_str_eq(left, right));
    }
    assert_int_equal(a->count, b->count);
}

size_t test_count_code(const test_result *result, fl_bedrock_code code)
{
    size_t count = 0;
    for (size_t i = 0; i < result->diagnostic_count; i++) {
        count += result->diagnostics[i].code == code;
    }
    return count;
}

char *test_bedrock_input(const char *name, fl_str *text)
{
    char path[256];
    (void)snprintf(path, sizeof path, "golden/bedrock/input/%s", name);
    char *bytes = test_read_file(path, &text->n);
    text->p = bytes;
    return bytes;
}
