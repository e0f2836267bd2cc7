/*
 * What reading tells of an input, as text: its events one a line, its diagnostics one a line.
 */
#ifndef FL_TESTS_SUPPORT_BEDROCK_STORY_H
#define FL_TESTS_SUPPORT_BEDROCK_STORY_H

#include "bedrock/event_int.h"

typedef struct test_story {
    fl_buf events; /* kind member@line:column time member=value … body */
    fl_buf codes;  /* of diagnostics: line:column CODE, or @offset CODE */
    fl_buf messages;
    fl_bedrock_counts counts;
    fl_bedrock_options options; /* set what differs before the reading */
    bool no_places, no_bodies;  /* leaves them out of the events */
    bool over;
    fl_status status;
    size_t limit_events; /* take fails after so many; 0 = never */
    fl_budget budget;
} test_story;

static inline void test_story_init(test_story *story)
{
    *story = (test_story){0};
    fl_buf_init(&story->events, SIZE_MAX);
    fl_buf_init(&story->codes, SIZE_MAX);
    fl_buf_init(&story->messages, SIZE_MAX);
    story->options.max_bytes = (size_t)256 << 20;
    story->budget.max_bytes = (size_t)256 << 20;
}

static inline void test_story_fini(test_story *story)
{
    fl_buf_fini(&story->events);
    fl_buf_fini(&story->codes);
    fl_buf_fini(&story->messages);
}

static inline void test_story_diagnostic(void *user, const fl_bedrock_diagnostic *diagnostic)
{
    test_story *story = user;
    fl_buf *out = &story->codes;
    if (diagnostic->place.line > 0) {
        fl_buf_add_u64(out, diagnostic->place.line);
        fl_buf_add_byte(out, ':');
        fl_buf_add_u64(out, diagnostic->place.column);
    } else {
        fl_buf_add_byte(out, '@');
        fl_buf_add_u64(out, diagnostic->place.offset);
    }
    fl_buf_add_byte(out, ' ');
    fl_buf_add_str(out, fl_str_of(fl_bedrock_code_name(diagnostic->code)));
    fl_buf_add_byte(out, '\n');
    fl_buf_add_str(&story->messages, diagnostic->message);
    fl_buf_add_byte(&story->messages, '\n');
}

static inline void test_story_text(fl_buf *out, const char *name, fl_str value)
{
    if (value.p != NULL) {
        fl_buf_add_byte(out, ' ');
        fl_buf_add_str(out, fl_str_of(name));
        fl_buf_add_byte(out, '=');
        fl_buf_add_str(out, value);
    }
}

static inline void test_story_int(fl_buf *out, const char *name, int64_t value)
{
    if (value != INT64_MIN) {
        fl_buf_add_byte(out, ' ');
        fl_buf_add_str(out, fl_str_of(name));
        fl_buf_add_byte(out, '=');
        fl_buf_add_i64(out, value);
    }
}

static inline void test_story_envelope(fl_buf *out, const bedrock_envelope *envelope)
{
    test_story_text(out, "agent", envelope->agent_id);
    test_story_text(out, "alias", envelope->agent_alias_id);
    test_story_text(out, "version", envelope->agent_version);
    test_story_text(out, "name", envelope->agent_name);
    test_story_text(out, "collaborator", envelope->collaborator_name);
    test_story_text(out, "session", envelope->session_id);
    for (uint32_t i = 0; i < envelope->caller_count; i++) {
        test_story_text(out, "caller", envelope->callers[i]);
    }
    test_story_int(out, "callers", envelope->has_callers ? envelope->caller_count : INT64_MIN);
}

static inline void test_story_metadata(fl_buf *out, const bedrock_metadata *metadata)
{
    test_story_int(out, "start", metadata->start_ns);
    test_story_int(out, "end", metadata->end_ns);
    test_story_int(out, "total", metadata->total_ms);
    test_story_int(out, "operation", metadata->operation_total_ms);
    test_story_int(out, "prompt", metadata->prompt_tokens);
    test_story_int(out, "completion", metadata->completion_tokens);
    test_story_text(out, "request", metadata->client_request_id);
}

static inline fl_status test_story_take(void *user, bedrock_event *event, fl_err *err)
{
    static const char *const kinds[BEDROCK_EVENT_KINDS] = {
        "model_input",    "model_output", "rationale",   "invocation",      "observation",
        "whole",          "node_input",   "node_output", "node_action",     "node_dependency",
        "node_failure",   "flow_failure", "exception",   "chunk",           "files",
        "return_control", "flow_input",   "flow_output", "flow_completion", "flow_input_request"};
    test_story *story = user;
    fl_buf *out = &story->events;
    if (story->limit_events != 0 && --story->limit_events == 0) {
        FL_FAIL(err, FL_E_SHUTDOWN, "enough");
    }
    fl_buf_add_str(out, fl_str_of(kinds[event->kind]));
    fl_buf_add_byte(out, ' ');
    fl_buf_add_str(out, event->member_name);
    if (!story->no_places) {
        fl_buf_add_byte(out, '@');
        fl_buf_add_u64(out, event->place.line);
        fl_buf_add_byte(out, ':');
        fl_buf_add_u64(out, event->place.column);
        fl_buf_add_byte(out, '+');
        fl_buf_add_u64(out, event->place.offset);
    }
    test_story_int(out, "time", event->time_ns);
    test_story_text(out, "trace", event->trace_id);
    test_story_envelope(out, &event->envelope);
    test_story_metadata(out, &event->metadata);
    test_story_text(out, "node", event->node_name);
    test_story_int(out, "in_node", event->in_node ? 1 : INT64_MIN);
    test_story_text(out, "execution", event->execution_id);
    test_story_text(out, "answer", event->request_id);
    test_story_text(out, "exception", event->exception);
    test_story_int(out, "number", event->number > 0 ? event->number : INT64_MIN);
    if (!story->no_bodies) {
        fl_buf_add_byte(out, ' ');
        fl_json_emit(out, event->body);
    }
    fl_buf_add_byte(out, '\n');
    return FL_OK;
}

/* Length of the next piece of an input of which `left` bytes are left. */
typedef size_t test_split(void *user, size_t left);

static inline void test_story_read_split(test_story *story, fl_str text, test_split *next,
                                         void *user)
{
    const fl_bedrock_sink sink = {.user = story, .diagnostic = test_story_diagnostic};
    bedrock_diagnostics diagnostics = {.sink = &sink, .counts = &story->counts};
    const bedrock_reader_config config = {.options = &story->options,
                                          .diagnostics = &diagnostics,
                                          .budget = &story->budget,
                                          .take = test_story_take,
                                          .user = story};
    bedrock_reader *reader;
    story->status = bedrock_reader_new(&config, &reader, NULL);
    for (size_t at = 0; story->status == FL_OK && at < text.n;) {
        size_t n = next(user, text.n - at);
        story->status = bedrock_reader_feed(reader, (fl_str){text.p + at, n}, NULL);
        at += n;
    }
    if (story->status == FL_OK) {
        story->status = bedrock_reader_finish(reader, NULL);
    }
    bedrock_reader_free(reader);
    story->over = diagnostics.over;
}

static inline size_t test_split_even(void *user, size_t left)
{
    size_t step = *(const size_t *)user;
    return left < step ? left : step;
}

/* In pieces of `step` bytes. */
static inline void test_story_read(test_story *story, fl_str text, size_t step)
{
    test_story_read_split(story, text, test_split_even, &step);
}

#endif
