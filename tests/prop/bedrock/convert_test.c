/*
 * What holds for every input: cut anywhere, shuffled, doubled, fed in any split, followed, held or
 * dropped between runs (spec §8, checks 3 to 5 and 8 to 10). test_convert checks each document by
 * itself.
 */
#include <stdlib.h>

#include "support/bedrock_convert.h"
#include "support/test.h"

static const char *const samples[] = {"seed20.jsonl",
                                      "no_times.jsonl",
                                      "supervisor.jsonl",
                                      "failure.jsonl",
                                      "guardrail.jsonl",
                                      "customorch.jsonl",
                                      "routing.jsonl",
                                      "inline.jsonl",
                                      "flow.jsonl",
                                      "lambda_link.jsonl",
                                      "forms_array.json",
                                      "forms_bare_traces.jsonl",
                                      "codeinterpreter_kb.jsonl",
                                      "supervisor.eventstream",
                                      "forms_completion.json",
                                      "forms_flow_execution_events.json"};
#define SAMPLES (sizeof samples / sizeof samples[0])

static fl_bedrock_options options_of(fl_bedrock_mode mode)
{
    fl_bedrock_options options = fl_bedrock_options_default(TEST_NOW_NS);
    options.mode = mode;
    return options;
}

/* ---- Invariants of whole results */

static void expect_chain(const test_result *result)
{
    for (size_t i = 0; i < result->count; i++) {
        const fl_bedrock_document *at = &result->documents[i].document;
        bool first = i == 0 || result->documents[i - 1].run != result->documents[i].run;
        assert_int_equal(at->index, first ? 0 : result->documents[i - 1].document.index + 1);
        assert_true(at->parent_id == (first ? 0 : result->documents[i - 1].document.id));
    }
}

/* Every parent is in the run, none is its own ancestor, and there is one root. */
static void expect_tree(const test_result *result)
{
    size_t root = 0;
    for (size_t i = 0, begin = 0; i < result->count; i++) {
        begin = i > 0 && result->documents[i - 1].run != result->documents[i].run ? i : begin;
        size_t at = i, steps = 0;
        while (result->documents[at].document.parent_index != UINT32_MAX) {
            size_t up = begin + result->documents[at].document.parent_index;
            assert_true(up < result->count && steps++ < result->count);
            assert_true(result->documents[at].document.parent_id ==
                        result->documents[up].document.id);
            at = up;
        }
        root = i == begin ? at : root;
        assert_int_equal(at, root);
    }
}

static int64_t number_of(const test_document *document, const char *annotation)
{
    int64_t value = 0;
    yyjson_val *annotations = fl_json_get(document->json, FL_S("annotations"));
    (void)fl_json_i64(fl_json_number(fl_json_get(annotations, fl_str_of(annotation))), &value);
    return value;
}

/* Tokens of the leaves add up to the total of the run's root. */
static void expect_totals(const test_result *result)
{
    int64_t in = 0, out = 0, total_in = 0, total_out = 0;
    for (size_t i = 0; i < result->count; i++) {
        const test_document *document = &result->documents[i];
        if (document->document.index == 0) {
            assert_true(in == total_in && out == total_out);
            in = out = 0;
        }
        if (document->document.parent_index == UINT32_MAX) {
            total_in = number_of(document, "total_prompt_tokens");
            total_out = number_of(document, "total_completion_tokens");
        }
        in += number_of(document, "prompt_tokens");
        out += number_of(document, "completion_tokens");
    }
    assert_true(in == total_in && out == total_out);
}

static void expect_invariants(const test_result *result, fl_bedrock_mode mode)
{
    if (mode == FL_BEDROCK_CHAIN) {
        expect_chain(result);
    } else {
        expect_tree(result);
    }
    expect_totals(result);
}

/* Followed line by line, the last state of each document is that of the whole. */
static void expect_followed_is_whole(fl_bedrock_options options, fl_str input, size_t piece)
{
    test_result whole, followed;
    test_convert(&options, input, 0, &whole);
    expect_invariants(&whole, options.mode);
    options.follow = true;
    test_convert(&options, input, piece, &followed);
    test_result_settle(&whole);
    test_result_settle(&followed);
    test_assert_same_documents(&whole, &followed);
    test_result_fini(&whole);
    test_result_fini(&followed);
}

/* ---- Cut captures */

static void any_prefix_of_a_stream_converts(void **state)
{
    test_random random = test_random_begin();
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        fl_str input;
        char *bytes = test_bedrock_input(samples[i], &input);
        for (int round = 0; round < 12; round++) {
            fl_bedrock_mode mode = round % 2 == 0 ? FL_BEDROCK_TREE : FL_BEDROCK_CHAIN;
            fl_bedrock_options options = options_of(mode);
            test_result result;
            fl_str cut = {input.p, (size_t)test_random_below(&random, input.n) + 1};
            test_convert(&options, cut, 0, &result);
            expect_invariants(&result, mode);
            test_result_fini(&result);
        }
        free(bytes);
    }
}

static void a_followed_stream_ends_as_the_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        fl_str input;
        char *bytes = test_bedrock_input(samples[i], &input);
        size_t piece = i % 3 == 0 ? 997 : TEST_BY_LINE;
        expect_followed_is_whole(options_of(FL_BEDROCK_TREE), input, piece);
        expect_followed_is_whole(options_of(FL_BEDROCK_CHAIN), input, piece);
        free(bytes);
    }
}

/* ---- Shuffled, doubled, mixed captures: lines of all samples in any order */

typedef struct lines {
    fl_str *at;
    size_t count;
    char *bytes[SAMPLES];
    fl_arena arena;
} lines;

static void read_lines(lines *all)
{
    memset(all, 0, sizeof *all);
    fl_arena_init(&all->arena, (size_t)16 << 20);
    all->at = FL_ARENA_ARRAY(&all->arena, fl_str, 4096);
    assert_non_null(all->at);
    for (size_t i = 0; i < SAMPLES; i++) {
        fl_str rest;
        all->bytes[i] = test_bedrock_input(samples[i], &rest);
        if (strstr(samples[i], ".jsonl") == NULL) {
            continue;
        }
        while (rest.p != NULL && rest.n > 0 && all->count < 4096) {
            all->at[all->count++] = fl_str_cut(&rest, '\n');
        }
    }
}

static void free_lines(lines *all)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        free(all->bytes[i]);
    }
    fl_arena_fini(&all->arena);
}

/* A capture of neighbours, jumps and repetitions. */
static void shuffle(const lines *all, test_random *random, fl_buf *out)
{
    size_t at = (size_t)test_random_below(random, all->count);
    size_t count = (size_t)test_random_below(random, 120) + 1;
    fl_buf_reset(out);
    for (size_t i = 0; i < count; i++) {
        uint64_t choice = test_random_below(random, 10);
        at = choice == 0   ? (size_t)test_random_below(random, all->count)
             : choice == 1 ? at
             : choice == 2 ? (at + 2) % all->count
             : choice == 3 ? (at + all->count - 1) % all->count
                           : (at + 1) % all->count;
        fl_buf_add_str(out, all->at[at]);
        fl_buf_add_byte(out, '\n');
    }
}

static void any_order_of_events_keeps_the_invariants(void **state)
{
    test_random random = test_random_begin();
    lines all;
    fl_buf capture;
    (void)state;
    read_lines(&all);
    fl_buf_init(&capture, (size_t)16 << 20);
    for (int round = 0; round < 60; round++) {
        shuffle(&all, &random, &capture);
        fl_bedrock_mode mode = round % 2 == 0 ? FL_BEDROCK_TREE : FL_BEDROCK_CHAIN;
        fl_bedrock_options options = options_of(mode);
        test_result whole, pieces;
        test_convert(&options, fl_buf_str(&capture), 0, &whole);
        expect_invariants(&whole, mode);
        test_convert(&options, fl_buf_str(&capture), (size_t)test_random_below(&random, 3000) + 1,
                     &pieces);
        test_assert_same_documents(&whole, &pieces);
        test_result_fini(&whole);
        test_result_fini(&pieces);
    }
    fl_buf_fini(&capture);
    free_lines(&all);
}

/* ---- Many runs: copies of one capture under other invocation ids */

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool uuid_at(fl_str text, size_t at)
{
    if (text.n - at < 36 || (at > 0 && is_hex(text.p[at - 1]))) {
        return false;
    }
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text.p[at + i] != '-' : !is_hex(text.p[at + i])) {
            return false;
        }
    }
    return true;
}

/* The text with the last six digits of every UUID turned by n. */
static void add_variant(fl_str text, unsigned n, fl_buf *out)
{
    for (size_t at = 0; at < text.n;) {
        if (!uuid_at(text, at)) {
            fl_buf_add_byte(out, text.p[at++]);
            continue;
        }
        uint64_t tail;
        assert_true(fl_hex_read(text.p + at + 30, 6, &tail));
        tail = (tail ^ (n * 2654435761u)) & 0xffffff;
        fl_buf_add(out, text.p + at, 30);
        fl_buf_add_hex(out, tail, 6);
        at += 36;
    }
}

static void runs_that_are_dropped_early_are_as_complete_as_held_ones(void **state)
{
    fl_str input;
    fl_buf many;
    char *bytes = test_bedrock_input("supervisor.jsonl", &input);
    (void)state;
    fl_buf_init(&many, (size_t)64 << 20);
    for (unsigned n = 0; n < 40; n++) {
        add_variant(input, n, &many);
    }
    for (int mode = FL_BEDROCK_TREE; mode <= FL_BEDROCK_CHAIN; mode++) {
        fl_bedrock_options options = options_of((fl_bedrock_mode)mode);
        test_result held, dropped;
        options.held_bytes = (size_t)1 << 30;
        test_convert(&options, fl_buf_str(&many), 0, &held);
        options.held_bytes = 0;
        test_convert(&options, fl_buf_str(&many), 4096, &dropped);
        assert_int_equal(held.counts.runs, 40);
        assert_int_equal(held.count, 40 * (mode == FL_BEDROCK_TREE ? 21 : 26));
        test_assert_same_documents(&held, &dropped);
        assert_int_equal(dropped.diagnostic_count, 0);
        test_result_fini(&held);
        test_result_fini(&dropped);
    }
    fl_buf_fini(&many);
    free(bytes);
}

static void an_import_of_the_same_capture_gives_the_same_documents(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        fl_str input;
        char *bytes = test_bedrock_input(samples[i], &input);
        fl_bedrock_options options = options_of(FL_BEDROCK_TREE);
        test_result first, second;
        test_convert(&options, input, 0, &first);
        test_convert(&options, input, 13, &second);
        test_assert_same_documents(&first, &second);
        test_result_fini(&first);
        test_result_fini(&second);
        free(bytes);
    }
}

/* ---- Privacy: with no content, no word of a text member is anywhere */

/* Collects words of eight and more letters of the text members of the input, and looks for them. */
static void expect_absent(const test_result *result, fl_str word)
{
    for (size_t i = 0; i < result->count; i++) {
        assert_null(memmem(result->documents[i].document.text.p,
                           result->documents[i].document.text.n, word.p, word.n));
    }
    for (size_t i = 0; i < result->diagnostic_count; i++) {
        assert_null(memmem(result->diagnostics[i].message.p, result->diagnostics[i].message.n,
                           word.p, word.n));
    }
}

static void no_content_lets_no_text_through(void **state)
{
    static const char *const texts[] = {"text",  "content", "code", "executionOutput",
                                        "value", "match"};
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        fl_str input;
        fl_buf marked;
        char *bytes = test_bedrock_input(samples[i], &input);
        fl_buf_init(&marked, (size_t)16 << 20);
        /* every string value of a text member begins with a marker */
        for (size_t at = 0; at < input.n; at++) {
            fl_buf_add_byte(&marked, input.p[at]);
            for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++) {
                fl_buf key;
                fl_buf_init(&key, 64);
                fl_buf_add_byte(&key, '"');
                fl_buf_add_str(&key, fl_str_of(texts[t]));
                fl_buf_add_str(&key, FL_S("\":\""));
                if (at + 1 >= key.n && memcmp(input.p + at + 1 - key.n, key.p, key.n) == 0) {
                    fl_buf_add_str(&marked, FL_S("zqxmarker "));
                }
                fl_buf_fini(&key);
            }
        }
        for (int mode = FL_BEDROCK_TREE; mode <= FL_BEDROCK_CHAIN; mode++) {
            for (int content = FL_BEDROCK_CONTENT_HASH; content <= FL_BEDROCK_CONTENT_NONE;
                 content++) {
                fl_bedrock_options options = options_of((fl_bedrock_mode)mode);
                test_result result;
                options.content = (fl_bedrock_content)content;
                options.texts = FL_BEDROCK_TEXTS_ON;
                if (strstr(samples[i], "eventstream") == NULL) {
                    test_convert(&options, fl_buf_str(&marked), 0, &result);
                    expect_absent(&result, FL_S("zqxmarker"));
                    test_result_fini(&result);
                }
            }
        }
        fl_buf_fini(&marked);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_prefix_of_a_stream_converts),
        cmocka_unit_test(a_followed_stream_ends_as_the_whole),
        cmocka_unit_test(any_order_of_events_keeps_the_invariants),
        cmocka_unit_test(runs_that_are_dropped_early_are_as_complete_as_held_ones),
        cmocka_unit_test(an_import_of_the_same_capture_gives_the_same_documents),
        cmocka_unit_test(no_content_lets_no_text_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
