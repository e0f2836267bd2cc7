/*
 * Settled runs made by hand, and the documents that are written of them. JSON is written with ' for
 * " to be readable in C.
 */
#ifndef FL_TESTS_SUPPORT_BEDROCK_RUN_H
#define FL_TESTS_SUPPORT_BEDROCK_RUN_H

#include "bedrock/run_int.h"
#include "support/test.h"

#define TEST_RUN_NOW_NS INT64_C(1740000000000000000)
#define TEST_RUN_MAX    8
#define TEST_RUN_KEY    "63334671-150a-4f12-aa1b-7b34ca733de8"

typedef struct test_document {
    fl_bedrock_document given; /* its texts are in the run's arena */
    yyjson_val *json;
} test_document;

typedef struct test_run {
    fl_arena arena;
    fl_bedrock_options options;
    bedrock_run run;
    bedrock_scope *scopes[TEST_RUN_MAX];
    bedrock_scope *by_depth[TEST_RUN_MAX];
    bedrock_step *steps[TEST_RUN_MAX];
    bedrock_segment *segments[2 * TEST_RUN_MAX];
    test_document documents[32]; /* of the last test_write */
    uint32_t document_count;
} test_run;

void test_run_init(test_run *t);
void test_run_fini(test_run *t);

/* The text with " for '; and the value of it. In the run's arena. */
fl_str test_json_text(test_run *t, const char *json);
yyjson_val *test_json(test_run *t, const char *json);
/* `unit` `count` times, as text in the run's arena. */
fl_str test_repeat(test_run *t, const char *unit, size_t count);
/* An object with one string member. */
yyjson_val *test_object(test_run *t, const char *key, fl_str value);

/* An agent's scope of the run, the first one is its root. */
bedrock_scope *test_scope(test_run *t, const char *label);
/* A step of the scope, 10 s after the start of the one before it and 2 s long, answered. Bodies may
 * be NULL. */
bedrock_step *test_step(test_run *t, bedrock_scope *scope, bedrock_kind kind, const char *input,
                        const char *output);

/* Orders segments as settling does (all Agents first), accounts and identifies. */
void test_run_settle(test_run *t);
/* Settles, and writes the document of a segment; its first document, checked to be no larger than
 * allowed, valid by the decoder of segments and taken whole. */
test_document *test_write(test_run *t, const bedrock_segment *segment);

/* Annotation of a document; NULL if it has none of that key. */
yyjson_val *test_annotation(const test_document *document, const char *key);
/* Its string or number; empty if there is none of that key. */
fl_str test_annotation_text(const test_document *document, const char *key);
/* Value at a path of members from the document down, `metadata/bedrock/input/text`; `0` is the
 * first element of an array. NULL if there is none. */
yyjson_val *test_at(const test_document *document, const char *path);
#define assert_text_at(document, path, expected)                                                   \
    assert_str(fl_json_str(test_at((document), (path))), (expected))

#endif
