/* Converting a text with src/bedrock and keeping all that came out. */
#ifndef FL_TESTS_SUPPORT_BEDROCK_CONVERT_H
#define FL_TESTS_SUPPORT_BEDROCK_CONVERT_H

#include "bedrock/bedrock.h"

typedef struct test_document {
    fl_bedrock_document document; /* its texts are the result's */
    uint32_t run;                 /* ordinal, from 1 */
    yyjson_val *json;
    bool again; /* one of this id came before in this run */
} test_document;

typedef struct test_diagnostic {
    fl_bedrock_code code;
    fl_bedrock_place place;
    fl_str message;
} test_diagnostic;

typedef struct test_result {
    fl_arena arena;
    test_document *documents; /* as they were given */
    size_t count, capacity;
    test_diagnostic diagnostics[256];
    size_t diagnostic_count;
    fl_bedrock_counts counts;
    fl_status status;
    fl_bedrock_run run; /* the one that is being given */
    bool in_run;
} test_result;

#define TEST_NOW_NS INT64_C(1740000000000000000)

/* Feeds text in pieces of that many bytes (0 = all at once), or up to each newline with
 * TEST_BY_LINE. Fails the test on a status other than FL_OK, and on documents that break the rules
 * of every document: valid by fl_segment_decode, not too large, inside a run. Free with
 * test_result_fini. */
#define TEST_BY_LINE SIZE_MAX
void test_convert(const fl_bedrock_options *options, fl_str text, size_t piece, test_result *out);
void test_result_fini(test_result *result);

/* The last document of an id; NULL if there is none. */
const test_document *test_last_document(const test_result *result, fl_trace_id trace_id,
                                        uint64_t id);
/* Keeps of each id the last document, in the order of ids. */
void test_result_settle(test_result *result);
/* Fails unless both have the same documents, byte for byte, in the same order. */
void test_assert_same_documents(const test_result *a, const test_result *b);
size_t test_count_code(const test_result *result, fl_bedrock_code code);

/* tests/golden/bedrock/input/<name>. Free with free(). */
char *test_bedrock_input(const char *name, fl_str *text);

#endif
