/*
 * A step of an agent run: what the GenAI annotations of an entity say, whoever wrote them (the
 * Bedrock converter, an SDK, OTLP). Names of segments decide nothing. Pure.
 */
#ifndef FL_CLI_STEP_INT_H
#define FL_CLI_STEP_INT_H

#include "cli/screen_int.h"
#include "trace/trace.h"

typedef enum fl_step_kind {
    FL_STEP_RUN, /* an agent or a flow at work: its steps are below it */
    FL_STEP_MODEL,
    FL_STEP_TOOL, /* retrievers and rerankers too */
    FL_STEP_CALL, /* asks another agent */
    FL_STEP_GUARDRAIL,
    FL_STEP_OTHER,
    FL_STEP_KINDS
} fl_step_kind;

/* What a step used. */
typedef struct fl_spend {
    int64_t prompt_tokens, completion_tokens, cost_nano; /* sums stop at INT64_MAX */
    bool has_tokens, has_cost;
} fl_spend;

/* Texts that nobody sent are absent; numbers are FL_INT_NONE. All borrow from the segment. */
typedef struct fl_step {
    fl_step_kind kind;
    fl_str word; /* the kind as it is shown: model, tool, retriever, … */
    fl_spend own;
    bool waits;      /* annotation incomplete: the answer never came */
    bool timed_out;  /* annotation timeout */
    bool intervened; /* a guardrail did something */
    bool blocked;    /* and that was to block */
    /* As annotated. */
    fl_str genai_kind, model, provider, operation, service, tool_name, agent_id, agent_name,
        collaborator, flow, flow_node, flow_iteration, conditions, stage, action, findings,
        failure_code, exception, reprompt_source;
    int64_t prompt_tokens, completion_tokens, cost_nano, total_prompt_tokens,
        total_completion_tokens, total_cost_nano, total_model_calls, total_tool_calls,
        total_collaborator_calls, retry_count, retrieved_count;
    bool timeout, incomplete, guardrail_blocked, return_control;
} fl_step;

/* False: the annotations name no step. */
bool fl_step_read(const fl_segment *segment, fl_step *out);

/* Does a row of the picture tell a step's annotation in its own way, or is it bookkeeping of a
 * converter? Such annotations are shown only on demand. */
bool fl_step_tells(const fl_annotation *annotation);

/* What the step worked on: model, tool, agent, …; else the segment's name without the label of its
 * agent. Steps of one kind and subject are alike. Borrows. */
fl_str fl_step_subject(const fl_step *step, const fl_segment *segment);
/* The same for people: `flights-agent (FLGHTS33XQ)`. Brief: a model without region and vendor. */
void fl_step_target(const fl_step *step, const fl_segment *segment, bool brief, fl_buf *out);
/* Who took it: the agent's name, else its id; absent if unknown. */
fl_str fl_step_agent(const fl_step *step);
/* What stands beside the target: findings of a guardrail, the stage of a model call, … */
void fl_step_hint(const fl_screen *screen, const fl_step *step, const fl_segment *segment,
                  fl_buf *out);
/* `timeout`, `blocked`, `incomplete`, …: what is out of the ordinary but not in the flags. */
void fl_step_tags(const fl_screen *screen, const fl_step *step, int64_t retries, fl_buf *out);

void fl_spend_add(fl_spend *sum, const fl_spend *more);
/* The larger of both, member by member: totals that a root carries and the sum of what is below it
 * are two counts of the same. */
void fl_spend_raise(fl_spend *sum, const fl_spend *other);

/* `1,587→214` (`1,587/214` in ASCII), `$0.0079`, `12,345`. */
void fl_tokens_text(const fl_screen *screen, const fl_spend *spend, fl_buf *out);
void fl_cost_text(int64_t nano, fl_buf *out);
void fl_count_text(uint64_t count, fl_buf *out);

#endif
