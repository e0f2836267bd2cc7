/*
 * Agent runs as a converter or an SDK would send them: a line for each step becomes a document.
 */
#ifndef FL_TESTS_CLI_AGENT_RUN_FIXTURE_H
#define FL_TESTS_CLI_AGENT_RUN_FIXTURE_H

#include "unit/cli/cli_fixture.h"

#define RUN_START_MS  INT64_C(1738650304000)
#define RUNNING       (-1)
#define RUN_STEPS_MAX 64

typedef struct run_step {
    const char *name;
    int parent; /* index, -1 for the root */
    int64_t from_ms, to_ms;
    const char *annotations; /* members of the object, beside the agent's */
    const char *members;     /* more members of the document, with a comma before; NULL = none */
} run_step;

static inline void run_add(fl_buf *out, const char *text)
{
    fl_buf_add_str(out, fl_str_of(text));
}

static inline void run_add_id(fl_buf *out, const char *key, int index)
{
    run_add(out, key);
    fl_buf_add_hex(out, UINT64_C(0xa000000000000000) + (uint64_t)index, 16);
    run_add(out, "\"");
}

static inline void run_document(const run_step *step, int index, fl_buf *out)
{
    run_add(out, "{\"trace_id\":\"1-67a1b2c0-0a1b2c3d4e5f60718293a4b5\",\"name\":\"");
    run_add(out, step->name);
    run_add_id(out, "\",\"id\":\"", index);
    if (step->parent >= 0) {
        run_add_id(out, ",\"parent_id\":\"", step->parent);
    }
    run_add(out, ",\"start_time\":");
    fl_buf_add_seconds(out, (RUN_START_MS + step->from_ms) * FL_NS_PER_MS);
    if (step->to_ms == RUNNING) {
        run_add(out, ",\"in_progress\":true");
    } else {
        run_add(out, ",\"end_time\":");
        fl_buf_add_seconds(out, (RUN_START_MS + step->to_ms) * FL_NS_PER_MS);
    }
    run_add(out, ",\"annotations\":{");
    run_add(out, step->annotations);
    run_add(out, "}");
    run_add(out, step->members != NULL ? step->members : "");
    run_add(out, "}");
}

/* In arena. */
static inline const fl_trace *run_trace(fl_arena *arena, const run_step *steps, size_t count)
{
    const char *texts[RUN_STEPS_MAX];
    assert_true(count <= RUN_STEPS_MAX);
    for (size_t i = 0; i < count; i++) {
        fl_buf text;
        fl_buf_init(&text, (size_t)1 << 20);
        run_document(&steps[i], (int)i, &text);
        texts[i] = fl_str_zdup(arena, fl_buf_str(&text));
        assert_non_null(texts[i]);
        fl_buf_fini(&text);
    }
    return fixture_trace(arena, texts, count);
}

#endif
