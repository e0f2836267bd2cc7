#include "cli/step_int.h"

#include "codec/codec.h"

/* ---- Annotations */

typedef enum member_type { TEXT, COUNT, MONEY, FLAG } member_type;

static const struct member {
    fl_str key;
    member_type type;
    size_t offset;
} members[] = {
    {FL_S("genai_kind"), TEXT, offsetof(fl_step, genai_kind)},
    {FL_S("model"), TEXT, offsetof(fl_step, model)},
    {FL_S("provider"), TEXT, offsetof(fl_step, provider)},
    {FL_S("operation"), TEXT, offsetof(fl_step, operation)},
    {FL_S("service"), TEXT, offsetof(fl_step, service)},
    {FL_S("tool_name"), TEXT, offsetof(fl_step, tool_name)},
    {FL_S("agent_id"), TEXT, offsetof(fl_step, agent_id)},
    {FL_S("agent_name"), TEXT, offsetof(fl_step, agent_name)},
    {FL_S("collaborator"), TEXT, offsetof(fl_step, collaborator)},
    {FL_S("flow"), TEXT, offsetof(fl_step, flow)},
    {FL_S("flow_node"), TEXT, offsetof(fl_step, flow_node)},
    {FL_S("flow_iteration"), TEXT, offsetof(fl_step, flow_iteration)},
    {FL_S("conditions"), TEXT, offsetof(fl_step, conditions)},
    {FL_S("guardrail_stage"), TEXT, offsetof(fl_step, stage)},
    {FL_S("guardrail_action"), TEXT, offsetof(fl_step, action)},
    {FL_S("guardrail_findings"), TEXT, offsetof(fl_step, findings)},
    {FL_S("failure_code"), TEXT, offsetof(fl_step, failure_code)},
    {FL_S("exception"), TEXT, offsetof(fl_step, exception)},
    {FL_S("reprompt_source"), TEXT, offsetof(fl_step, reprompt_source)},
    {FL_S("prompt_tokens"), COUNT, offsetof(fl_step, prompt_tokens)},
    {FL_S("completion_tokens"), COUNT, offsetof(fl_step, completion_tokens)},
    {FL_S("cost_usd"), MONEY, offsetof(fl_step, cost_nano)},
    {FL_S("total_prompt_tokens"), COUNT, offsetof(fl_step, total_prompt_tokens)},
    {FL_S("total_completion_tokens"), COUNT, offsetof(fl_step, total_completion_tokens)},
    {FL_S("total_cost_usd"), MONEY, offsetof(fl_step, total_cost_nano)},
    {FL_S("total_model_calls"), COUNT, offsetof(fl_step, total_model_calls)},
    {FL_S("total_tool_calls"), COUNT, offsetof(fl_step, total_tool_calls)},
    {FL_S("total_collaborator_calls"), COUNT, offsetof(fl_step, total_collaborator_calls)},
    {FL_S("retry_count"), COUNT, offsetof(fl_step, retry_count)},
    {FL_S("retrieved_count"), COUNT, offsetof(fl_step, retrieved_count)},
    {FL_S("timeout"), FLAG, offsetof(fl_step, timeout)},
    {FL_S("incomplete"), FLAG, offsetof(fl_step, incomplete)},
    {FL_S("guardrail_blocked"), FLAG, offsetof(fl_step, guardrail_blocked)},
    {FL_S("return_control"), FLAG, offsetof(fl_step, return_control)},
};
#define MEMBERS (sizeof members / sizeof members[0])

/* What a converter notes beside them (spec bedrock.md §3.12). */
static const fl_str bookkeeping[] = {
    FL_S("step"),
    FL_S("agent_alias_id"),
    FL_S("agent_version"),
    FL_S("collaborator_name"),
    FL_S("session_id"),
    FL_S("caller_chain"),
    FL_S("caller_depth"),
    FL_S("time_source"),
    FL_S("bedrock_trace_id"),
    FL_S("trace_type"),
    FL_S("event_index"),
    FL_S("event_count"),
    FL_S("client_request_id"),
    FL_S("total_tokens"),
    FL_S("prompt_type"),
    FL_S("temperature"),
    FL_S("top_p"),
    FL_S("top_k"),
    FL_S("max_tokens"),
    FL_S("prompt_creation_mode"),
    FL_S("parser_mode"),
    FL_S("override_lambda"),
    FL_S("has_reasoning"),
    FL_S("tool_type"),
    FL_S("tool_latency_ms"),
    FL_S("latency_ms"),
    FL_S("action_group"),
    FL_S("function"),
    FL_S("api_path"),
    FL_S("http_verb"),
    FL_S("execution_type"),
    FL_S("invocation_id"),
    FL_S("knowledge_base_id"),
    FL_S("collaborator_alias_arn"),
    FL_S("collaborator_agent_id"),
    FL_S("payload_type"),
    FL_S("guardrail_intervened"),
    FL_S("final_type"),
    FL_S("failure_reason"),
    FL_S("http_status"),
    FL_S("request_id"),
    FL_S("completion_reason"),
    FL_S("answer_chunks"),
    FL_S("answer_files"),
    FL_S("answer_citations"),
    FL_S("content_truncated"),
    FL_S("size_limited"),
};

static const struct member *member_of(fl_str key)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        if (fl_str_eq(members[i].key, key)) {
            return &members[i];
        }
    }
    return NULL;
}

bool fl_step_tells(const fl_annotation *annotation)
{
    fl_str key = annotation->key;
    if (fl_str_eq(key, FL_S("input_valid"))) {
        return annotation->boolean; /* false is news */
    }
    for (size_t i = 0; i < sizeof bookkeeping / sizeof bookkeeping[0]; i++) {
        if (fl_str_eq(bookkeeping[i], key)) {
            return true;
        }
    }
    return member_of(key) != NULL;
}

static void read_annotation(fl_step *step, const fl_annotation *annotation)
{
    const struct member *member = member_of(annotation->key);
    if (member == NULL) {
        return;
    }
    void *place = (char *)step + member->offset;
    bool is_number = annotation->kind == FL_ANNOTATION_NUMBER;
    int64_t number;
    switch (member->type) {
    case TEXT:
        *(fl_str *)place = annotation->text;
        break;
    case COUNT:
        if (is_number && fl_json_i64(annotation->text, &number) && number >= 0) {
            *(int64_t *)place = number;
        }
        break;
    case MONEY: /* nine decimals, as seconds have */
        if (is_number && fl_json_ns(annotation->text, &number) && number >= 0) {
            *(int64_t *)place = number;
        }
        break;
    case FLAG:
        *(bool *)place = annotation->kind == FL_ANNOTATION_BOOL && annotation->boolean;
        break;
    }
}

/* ---- Kinds */

static const struct kind_word {
    fl_str genai_kind;
    fl_step_kind kind;
    fl_str word;
} kinds[] = {
    {FL_S("agent"), FL_STEP_RUN, FL_S("agent")},
    {FL_S("flow"), FL_STEP_RUN, FL_S("flow")},
    {FL_S("llm"), FL_STEP_MODEL, FL_S("model")},
    {FL_S("tool"), FL_STEP_TOOL, FL_S("tool")},
    {FL_S("retriever"), FL_STEP_TOOL, FL_S("retriever")},
    {FL_S("reranker"), FL_STEP_TOOL, FL_S("reranker")},
    {FL_S("agent_call"), FL_STEP_CALL, FL_S("ask")},
    {FL_S("guardrail"), FL_STEP_GUARDRAIL, FL_S("guardrail")},
    {FL_S("flow_node"), FL_STEP_OTHER, FL_S("node")},
    {FL_S("flow_action"), FL_STEP_OTHER, FL_S("action")},
};

/* Without genai_kind, tokens make a model call and a tool's name a tool: no other annotation means
 * GenAI by itself. */
static fl_str implied_kind(const fl_step *step)
{
    bool is_model = step->prompt_tokens != FL_INT_NONE || step->completion_tokens != FL_INT_NONE ||
                    (step->model.n > 0 && step->provider.n > 0);
    return is_model ? FL_S("llm") : step->tool_name.n > 0 ? FL_S("tool") : (fl_str){0};
}

static void set_kind(fl_step *step, fl_str genai_kind)
{
    step->kind = FL_STEP_OTHER;
    step->word = genai_kind;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (fl_str_eq(kinds[i].genai_kind, genai_kind)) {
            step->kind = kinds[i].kind;
            step->word = kinds[i].word;
        }
    }
}

static int64_t or_zero(int64_t count)
{
    return count != FL_INT_NONE ? count : 0;
}

bool fl_step_read(const fl_segment *segment, fl_step *out)
{
    fl_step step = {0};
    for (size_t i = 0; i < MEMBERS; i++) {
        if (members[i].type == COUNT || members[i].type == MONEY) {
            *(int64_t *)(void *)((char *)&step + members[i].offset) = FL_INT_NONE;
        }
    }
    for (uint32_t i = 0; i < segment->annotation_count; i++) {
        read_annotation(&step, &segment->annotations[i]);
    }
    fl_str genai_kind = step.genai_kind.n > 0 ? step.genai_kind : implied_kind(&step);
    if (genai_kind.n == 0) {
        return false;
    }
    set_kind(&step, genai_kind);
    step.model = fl_genai_model(step.model);
    step.own = (fl_spend){
        .prompt_tokens = or_zero(step.prompt_tokens),
        .completion_tokens = or_zero(step.completion_tokens),
        .cost_nano = or_zero(step.cost_nano),
        .has_tokens = step.prompt_tokens != FL_INT_NONE || step.completion_tokens != FL_INT_NONE,
        .has_cost = step.cost_nano != FL_INT_NONE,
    };
    step.waits = step.incomplete;
    step.timed_out = step.timeout;
    step.blocked = step.kind == FL_STEP_GUARDRAIL && step.guardrail_blocked;
    step.intervened = step.kind == FL_STEP_GUARDRAIL &&
                      (step.blocked || fl_str_eq_nocase(step.action, FL_S("INTERVENED")) ||
                       fl_str_eq_nocase(step.action, FL_S("GUARDRAIL_INTERVENED")));
    *out = step;
    return true;
}
