/*
 * Annotations of our own (spec §3.12): one table in the order of that list. A row tells where its
 * value comes from; what is absent is not written.
 */
#include "bedrock/fact_int.h"

typedef struct bedrock_fact row;

struct bedrock_fact {
    fl_str key;
    bool is_core;
    uint32_t kinds; /* bits of bedrock_kind */
    bool (*get)(const bedrock_view *view, const row *from, fl_annotation *to);
    size_t offset;       /* of a member of the step, the scope, … */
    bedrock_place place; /* in a body of the step */
};

/* ---- Members of structs */

static const void *member_at(const void *base, const row *from)
{
    return (const char *)base + from->offset;
}

static bool segment_string(const bedrock_view *view, const row *from, fl_annotation *to)
{
    return bedrock_put_string(view, to, *(const fl_str *)member_at(view->segment, from));
}

static bool step_string(const bedrock_view *view, const row *from, fl_annotation *to)
{
    return bedrock_put_string(view, to, *(const fl_str *)member_at(view->step, from));
}

static bool scope_string(const bedrock_view *view, const row *from, fl_annotation *to)
{
    return bedrock_put_string(view, to, *(const fl_str *)member_at(view->scope, from));
}

static bool segment_integer(const bedrock_view *view, const row *from, fl_annotation *to)
{
    return bedrock_put_integer(view, to, *(const int64_t *)member_at(view->segment, from));
}

/* Counts of 32 bits: what there is none of is not written. */
static bool segment_count(const bedrock_view *view, const row *from, fl_annotation *to)
{
    uint32_t count = *(const uint32_t *)member_at(view->segment, from);
    return count > 0 && bedrock_put_integer(view, to, count);
}

static bool segment_nano(const bedrock_view *view, const row *from, fl_annotation *to)
{
    return bedrock_put_nano(view, to, *(const int64_t *)member_at(view->segment, from));
}

static bool segment_true(const bedrock_view *view, const row *from, fl_annotation *to)
{
    return bedrock_put_true(to, *(const bool *)member_at(view->segment, from));
}

static bool scope_true(const bedrock_view *view, const row *from, fl_annotation *to)
{
    return bedrock_put_true(to, *(const bool *)member_at(view->scope, from));
}

static bool mark_true(const bedrock_view *view, const row *from, fl_annotation *to)
{
    return bedrock_put_true(to, *(const bool *)member_at(&view->marks, from));
}

static bool total_integer(const bedrock_view *view, const row *from, fl_annotation *to)
{
    return view->segment->has_totals && segment_integer(view, from, to);
}

static int64_t clamped(uint64_t count)
{
    return count <= INT64_MAX ? (int64_t)count : INT64_MAX;
}

static bool total_count(const bedrock_view *view, const row *from, fl_annotation *to)
{
    uint64_t count = *(const uint64_t *)member_at(view->segment, from);
    return view->segment->has_totals && bedrock_put_integer(view, to, clamped(count));
}

/* Without a priced call it is told only where there was nothing to pay for. */
static bool total_cost(const bedrock_view *view, const row *from, fl_annotation *to)
{
    (void)from;
    const bedrock_totals *totals = &view->segment->totals;
    bool is_free = totals->prompt_tokens == 0 && totals->completion_tokens == 0;
    int64_t nano = totals->cost_nano == BEDROCK_INT_NONE && is_free ? 0 : totals->cost_nano;
    return view->segment->has_totals && view->options->prices != NULL &&
           bedrock_put_nano(view, to, nano);
}

bool bedrock_is_root(const bedrock_view *view)
{
    return view->options->mode == FL_BEDROCK_TREE ? view->segment == &view->run->root->segment
                                                  : view->segment->index == 0;
}

static bool root_count(const bedrock_view *view, const row *from, fl_annotation *to)
{
    if (!bedrock_is_root(view)) {
        return false;
    }
    uint64_t count = *(const uint64_t *)member_at(view->run, from);
    return count > 0 && bedrock_put_integer(view, to, clamped(count));
}

/* ---- Members of bodies */

static bool body_string(const bedrock_view *view, const row *from, fl_annotation *to)
{
    return bedrock_put_string(view, to, fl_json_str(bedrock_value_at(view, &from->place)));
}

static bool body_number(const bedrock_view *view, const row *from, fl_annotation *to)
{
    return bedrock_put_number(to, fl_json_number(bedrock_value_at(view, &from->place)));
}

static bool body_bool(const bedrock_view *view, const row *from, fl_annotation *to)
{
    yyjson_val *value = bedrock_value_at(view, &from->place);
    (void)bedrock_put_true(to, yyjson_get_bool(value));
    return yyjson_is_bool(value);
}

static bool body_array_size(const bedrock_view *view, const row *from, fl_annotation *to)
{
    yyjson_val *value = bedrock_value_at(view, &from->place);
    return yyjson_is_arr(value) && bedrock_put_integer(view, to, (int64_t)yyjson_arr_size(value));
}

/* ---- Values of their own */

static bool get_step(const bedrock_view *view, const row *from, fl_annotation *to)
{
    (void)from;
    return bedrock_put_string(view, to, bedrock_kinds[view->segment->kind].step);
}

static bool get_genai_kind(const bedrock_view *view, const row *from, fl_annotation *to)
{
    (void)from;
    bool calls_model = view->segment->kind == BEDROCK_FLOW_ACTION && view->segment->model.p != NULL;
    return bedrock_put_string(
        view, to, calls_model ? FL_S("llm") : bedrock_kinds[view->segment->kind].genai_kind);
}

static bool get_agent_id(const bedrock_view *view, const row *from, fl_annotation *to)
{
    (void)from;
    const bedrock_scope *scope = view->scope;
    return !scope->is_flow &&
           bedrock_put_string(
               view, to, scope->envelope.agent_id.n > 0 ? scope->envelope.agent_id : scope->label);
}

static bool agent_string(const bedrock_view *view, const row *from, fl_annotation *to)
{
    return !view->scope->is_flow && scope_string(view, from, to);
}

static bool get_caller_chain(const bedrock_view *view, const row *from, fl_annotation *to)
{
    (void)from;
    const bedrock_path *path = &view->scope->path;
    if (view->scope->is_flow || path->count == 0 ||
        !fl_str_starts(path->elements[0], FL_S("arn:"))) {
        return false;
    }
    if (path->count == 1) {
        return bedrock_put_string(view, to, path->elements[0]);
    }
    bedrock_joined chain;
    bedrock_joined_init(&chain);
    for (uint32_t i = 0; i < path->count && chain.text.status == FL_OK; i++) {
        bedrock_joined_add(&chain, path->elements[i], ',');
    }
    return bedrock_put_joined(view, to, &chain);
}

static bool get_caller_depth(const bedrock_view *view, const row *from, fl_annotation *to)
{
    (void)from;
    return !view->scope->is_flow && bedrock_put_integer(view, to, view->scope->path.count);
}

static bool get_flow(const bedrock_view *view, const row *from, fl_annotation *to)
{
    (void)from;
    return view->scope->is_flow && bedrock_put_string(view, to, view->scope->label);
}

static bool get_time_source(const bedrock_view *view, const row *from, fl_annotation *to)
{
    (void)from;
    return bedrock_put_string(view, to,
                              fl_str_of(fl_bedrock_time_source_name(view->segment->time_source)));
}

static bool get_total_tokens(const bedrock_view *view, const row *from, fl_annotation *to)
{
    (void)from;
    int64_t prompt = view->segment->prompt_tokens;
    int64_t completion = view->segment->completion_tokens;
    if (prompt == BEDROCK_INT_NONE || completion == BEDROCK_INT_NONE) {
        return bedrock_put_integer(view, to, prompt != BEDROCK_INT_NONE ? prompt : completion);
    }
    int64_t sum;
    return bedrock_put_integer(view, to,
                               __builtin_add_overflow(prompt, completion, &sum) ? INT64_MAX : sum);
}

static bool get_has_reasoning(const bedrock_view *view, const row *from, fl_annotation *to)
{
    (void)from;
    yyjson_val *content = fl_json_get(view->step->output, FL_S("reasoningContent"));
    fl_str text = bedrock_text_of(fl_json_get(content, FL_S("reasoningText")), FL_S("text"));
    return bedrock_put_true(to,
                            text.n > 0 || bedrock_text_of(content, FL_S("redactedContent")).n > 0);
}

static bool get_tool_name(const bedrock_view *view, const row *from, fl_annotation *to)
{
    (void)from;
    switch (view->segment->kind) {
    case BEDROCK_CODE:
        return bedrock_put_string(view, to, FL_S("code_interpreter"));
    case BEDROCK_KNOWLEDGE_BASE: {
        bedrock_joined name;
        bedrock_joined_init(&name);
        bedrock_joined_add(&name, FL_S("knowledge_base/"), '\0');
        bedrock_joined_add(&name, view->step->target, '\0');
        return view->step->target.n > 0 && bedrock_put_joined(view, to, &name);
    }
    default:
        return bedrock_put_string(view, to, view->step->target);
    }
}

static bool get_tool_type(const bedrock_view *view, const row *from, fl_annotation *to)
{
    (void)from;
    bedrock_kind kind =
        view->segment->kind == BEDROCK_CONTROL ? BEDROCK_ACTION_GROUP : view->segment->kind;
    return bedrock_put_string(view, to, bedrock_kinds[kind].step);
}

#define NS_PER_MS INT64_C(1000000)

/* A length that was measured, not made up or widened. */
static bool is_measured(const bedrock_segment *segment)
{
    return (segment->time_source == FL_BEDROCK_TIME_METADATA ||
            segment->time_source == FL_BEDROCK_TIME_EVENT) &&
           segment->end_ns > segment->start_ns;
}

bool bedrock_latency_ms(const bedrock_step *step, int64_t *ms)
{
    const bedrock_segment *segment = &step->segment;
    int64_t length_ns;
    if (step->ending == BEDROCK_OPEN || step->ending == BEDROCK_CUT_SHORT) {
        return false;
    }
    if (step->metadata.total_ms != BEDROCK_INT_NONE) {
        *ms = step->metadata.total_ms;
        return true;
    }
    if (!is_measured(segment) ||
        __builtin_sub_overflow(segment->end_ns, segment->start_ns, &length_ns)) {
        return false;
    }
    *ms = length_ns / NS_PER_MS + (length_ns % NS_PER_MS >= NS_PER_MS / 2);
    return true;
}

static bool get_latency(const bedrock_view *view, const row *from, fl_annotation *to)
{
    (void)from;
    int64_t ms;
    return bedrock_latency_ms(view->step, &ms) && bedrock_put_integer(view, to, ms);
}

static bool get_collaborator_agent_id(const bedrock_view *view, const row *from, fl_annotation *to)
{
    (void)from;
    return bedrock_put_string(view, to, bedrock_arn_of(view->step->alias_arn).agent);
}

static bool get_payload_type(const bedrock_view *view, const row *from, fl_annotation *to)
{
    static const bedrock_place asked = {BEDROCK_INPUT,
                                        {"agentCollaboratorInvocationInput", "input", "type"}};
    static const bedrock_place answered = {BEDROCK_OUTPUT,
                                           {"agentCollaboratorInvocationOutput", "output", "type"}};
    (void)from;
    return bedrock_put_string(view, to, fl_json_str(bedrock_value_at(view, &asked))) ||
           bedrock_put_string(view, to, fl_json_str(bedrock_value_at(view, &answered)));
}

static bool get_guardrail_stage(const bedrock_view *view, const row *from, fl_annotation *to)
{
    (void)from;
    bedrock_verdict verdict = bedrock_verdict_of(view->step->output, view->step->trace_id);
    return bedrock_put_string(view, to, fl_str_of(verdict.stage));
}

static bool get_guardrail_blocked(const bedrock_view *view, const row *from, fl_annotation *to)
{
    (void)from;
    bedrock_verdict verdict = bedrock_verdict_of(view->step->output, view->step->trace_id);
    (void)bedrock_put_true(to, verdict.blocked);
    return true;
}

static bool get_guardrail_findings(const bedrock_view *view, const row *from, fl_annotation *to)
{
    (void)from;
    fl_buf_reset(view->redacted);
    bedrock_findings(view->step->output, view->redacted);
    return bedrock_put_string(view, to, fl_str_dup(view->arena, fl_buf_str(view->redacted)));
}

static bool get_failure_code(const bedrock_view *view, const row *from, fl_annotation *to)
{
    (void)from;
    fl_str code = view->segment->failure_code;
    return view->segment->failure_code_is_number ? bedrock_put_number(to, code)
                                                 : bedrock_put_string(view, to, code);
}

static bool get_failure_reason(const bedrock_view *view, const row *from, fl_annotation *to)
{
    (void)from;
    return bedrock_put_text(view, to, view->segment->failure_reason);
}

static bool get_http_status(const bedrock_view *view, const row *from, fl_annotation *to)
{
    (void)from;
    return bedrock_put_integer(view, to, view->segment->http_status);
}

static yyjson_val *any_body(const bedrock_view *view)
{
    return view->step->input != NULL ? view->step->input : view->step->output;
}

static bool get_flow_node(const bedrock_view *view, const row *from, fl_annotation *to)
{
    (void)from;
    return view->scope->is_flow &&
           bedrock_put_string(view, to, bedrock_text_of(any_body(view), FL_S("nodeName")));
}

/* The first field of the node's input that tells in which turn of which loops it is. */
static yyjson_val *execution_chain(const bedrock_view *view)
{
    yyjson_arr_iter fields = yyjson_arr_iter_with(fl_json_get(any_body(view), FL_S("fields")));
    for (yyjson_val *field; (field = yyjson_arr_iter_next(&fields)) != NULL;) {
        yyjson_val *chain = fl_json_get(field, FL_S("executionChain"));
        if (yyjson_arr_size(chain) > 0) {
            return chain;
        }
    }
    return NULL;
}

static bool get_flow_iteration(const bedrock_view *view, const row *from, fl_annotation *to)
{
    (void)from;
    bedrock_joined turns;
    bedrock_joined_init(&turns);
    yyjson_arr_iter chain = yyjson_arr_iter_with(execution_chain(view));
    for (yyjson_val *turn; (turn = yyjson_arr_iter_next(&chain)) != NULL;) {
        fl_str index = fl_json_number(fl_json_get(turn, FL_S("index")));
        bedrock_joined_add(&turns, bedrock_text_of(turn, FL_S("nodeName")), '/');
        if (index.n > 0 && index.n <= BEDROCK_NUMBER_BYTES_MAX) {
            bedrock_joined_add(&turns, FL_S("["), '\0');
            bedrock_joined_add(&turns, index, '\0');
            bedrock_joined_add(&turns, FL_S("]"), '\0');
        }
    }
    return bedrock_put_joined(view, to, &turns);
}

static bool get_conditions(const bedrock_view *view, const row *from, fl_annotation *to)
{
    (void)from;
    bedrock_joined names;
    bedrock_joined_init(&names);
    yyjson_arr_iter conditions =
        yyjson_arr_iter_with(fl_json_get(view->step->output, FL_S("satisfiedConditions")));
    for (yyjson_val *condition; (condition = yyjson_arr_iter_next(&conditions)) != NULL;) {
        bedrock_joined_add(&names, bedrock_text_of(condition, FL_S("conditionName")), ',');
    }
    return bedrock_put_joined(view, to, &names);
}

static bool get_input_text(const bedrock_view *view, const row *from, fl_annotation *to)
{
    (void)from;
    return bedrock_put_body_text(view, BEDROCK_INPUT, to);
}

static bool get_output_text(const bedrock_view *view, const row *from, fl_annotation *to)
{
    (void)from;
    return bedrock_put_body_text(view, BEDROCK_OUTPUT, to);
}

/* ---- The list */

#define BIT(kind) (UINT32_C(1) << BEDROCK_##kind)
#define ALL       (BIT(KINDS) - 1)
#define STEPS     (ALL & ~(BIT(AGENT) | BIT(FLOW)))
#define MODELS                                                                                     \
    (BIT(PRE_PROCESS) | BIT(ROUTE_REQUEST) | BIT(INVOKE_MODEL) | BIT(GENERATE_ANSWER) |            \
     BIT(POST_PROCESS))
#define GROUPS (BIT(ACTION_GROUP) | BIT(CONTROL))
#define TOOLS  (GROUPS | BIT(CODE) | BIT(KNOWLEDGE_BASE))
#define TIMED  (MODELS | BIT(COLLABORATOR) | BIT(CHECK) | BIT(FLOW_NODE) | BIT(FLOW_ACTION))

_Static_assert(BEDROCK_KINDS < 32, "a set of kinds fits in 32 bits");

#define CORE             true
#define MORE             false
#define IN(member)       .offset = offsetof(bedrock_segment, member)
#define IN_STEP(member)  .offset = offsetof(bedrock_step, member)
#define IN_SCOPE(member) .offset = offsetof(bedrock_scope, member)
#define IN_RUN(member)   .offset = offsetof(bedrock_run, member)
#define AT(from, ...)    .place = {from, {__VA_ARGS__}}

#define ROW(name, core, on, from, ...)                                                             \
    {                                                                                              \
        .key = FL_S(name), .is_core = (core), .kinds = (on), .get = (from), __VA_ARGS__            \
    }

static const row rows[] = {
    ROW("step", CORE, ALL, get_step),
    ROW("genai_kind", CORE, ALL, get_genai_kind),
    ROW("agent_id", CORE, ALL, get_agent_id),
    ROW("agent_alias_id", MORE, ALL, agent_string, IN_SCOPE(envelope.agent_alias_id)),
    ROW("agent_version", MORE, ALL, agent_string, IN_SCOPE(envelope.agent_version)),
    ROW("agent_name", CORE, ALL, agent_string, IN_SCOPE(agent_name)),
    ROW("collaborator_name", MORE, ALL, agent_string, IN_SCOPE(envelope.collaborator_name)),
    ROW("session_id", CORE, ALL, agent_string, IN_SCOPE(envelope.session_id)),
    ROW("caller_chain", MORE, ALL, get_caller_chain),
    ROW("caller_depth", MORE, ALL, get_caller_depth),
    ROW("flow", CORE, ALL, get_flow),
    ROW("time_source", CORE, ALL, get_time_source),
    ROW("bedrock_trace_id", MORE, STEPS, step_string, IN_STEP(trace_id)),
    ROW("trace_type", MORE, STEPS, step_string, IN_STEP(member_name)),
    ROW("event_index", MORE, STEPS, segment_count, IN(event_index)),
    ROW("event_count", MORE, ALL & ~BIT(FLOW), segment_count, IN(event_count)),
    ROW("client_request_id", MORE, STEPS, step_string, IN_STEP(metadata.client_request_id)),
    ROW("model", CORE, STEPS, segment_string, IN(model)),
    ROW("provider", CORE, STEPS, segment_string, IN(provider)),
    ROW("inference_region", MORE, STEPS, segment_string, IN(inference_region)),
    ROW("prompt_tokens", CORE, STEPS, segment_integer, IN(prompt_tokens)),
    ROW("completion_tokens", CORE, STEPS, segment_integer, IN(completion_tokens)),
    ROW("total_tokens", MORE, STEPS, get_total_tokens),
    ROW("cost_usd", CORE, STEPS, segment_nano, IN(cost_nano)),
    ROW("prompt_type", MORE, MODELS, body_string, AT(BEDROCK_INPUT, "type")),
    ROW("temperature", MORE, MODELS, body_number,
        AT(BEDROCK_INPUT, "inferenceConfiguration", "temperature")),
    ROW("top_p", MORE, MODELS, body_number, AT(BEDROCK_INPUT, "inferenceConfiguration", "topP")),
    ROW("top_k", MORE, MODELS, body_number, AT(BEDROCK_INPUT, "inferenceConfiguration", "topK")),
    ROW("max_tokens", MORE, MODELS, body_number,
        AT(BEDROCK_INPUT, "inferenceConfiguration", "maximumLength")),
    ROW("prompt_creation_mode", MORE, MODELS, body_string, AT(BEDROCK_INPUT, "promptCreationMode")),
    ROW("parser_mode", MORE, MODELS, body_string, AT(BEDROCK_INPUT, "parserMode")),
    ROW("override_lambda", MORE, MODELS, body_string, AT(BEDROCK_INPUT, "overrideLambda")),
    ROW("has_reasoning", MORE, MODELS, get_has_reasoning),
    ROW("input_valid", MORE, BIT(PRE_PROCESS), body_bool,
        AT(BEDROCK_OUTPUT, "parsedResponse", "isValid")),
    ROW("tool_name", CORE, TOOLS, get_tool_name),
    ROW("tool_type", MORE, TOOLS, get_tool_type),
    ROW("action_group", MORE, GROUPS, body_string,
        AT(BEDROCK_INPUT, "actionGroupInvocationInput", "actionGroupName")),
    ROW("function", MORE, GROUPS, body_string,
        AT(BEDROCK_INPUT, "actionGroupInvocationInput", "function")),
    ROW("api_path", MORE, GROUPS, body_string,
        AT(BEDROCK_INPUT, "actionGroupInvocationInput", "apiPath")),
    ROW("http_verb", MORE, GROUPS, body_string,
        AT(BEDROCK_INPUT, "actionGroupInvocationInput", "verb")),
    ROW("execution_type", MORE, GROUPS, body_string,
        AT(BEDROCK_INPUT, "actionGroupInvocationInput", "executionType")),
    ROW("invocation_id", MORE, GROUPS, body_string,
        AT(BEDROCK_INPUT, "actionGroupInvocationInput", "invocationId")),
    ROW("tool_latency_ms", CORE, TOOLS, get_latency),
    ROW("latency_ms", MORE, TIMED, get_latency),
    ROW("retry_count", CORE, STEPS, segment_count, IN(retry_count)),
    ROW("timeout", CORE, ALL, segment_true, IN(timeout)),
    ROW("knowledge_base_id", MORE, BIT(KNOWLEDGE_BASE), step_string, IN_STEP(target)),
    ROW("retrieved_count", MORE, BIT(KNOWLEDGE_BASE), body_array_size,
        AT(BEDROCK_OUTPUT, "knowledgeBaseLookupOutput", "retrievedReferences")),
    ROW("collaborator", CORE, BIT(COLLABORATOR), step_string, IN_STEP(target)),
    ROW("collaborator_alias_arn", MORE, BIT(COLLABORATOR), step_string, IN_STEP(alias_arn)),
    ROW("collaborator_agent_id", MORE, BIT(COLLABORATOR), get_collaborator_agent_id),
    ROW("payload_type", MORE, BIT(COLLABORATOR), get_payload_type),
    ROW("reprompt_source", MORE, TOOLS | BIT(REPROMPT), body_string,
        AT(BEDROCK_OUTPUT, "repromptResponse", "source")),
    ROW("guardrail_action", CORE, BIT(CHECK), body_string, AT(BEDROCK_OUTPUT, "action")),
    ROW("guardrail_stage", MORE, BIT(CHECK), get_guardrail_stage),
    ROW("guardrail_blocked", MORE, BIT(CHECK), get_guardrail_blocked),
    ROW("guardrail_findings", MORE, BIT(CHECK), get_guardrail_findings),
    ROW("guardrail_intervened", MORE, BIT(AGENT), segment_true, IN(guardrail_intervened)),
    ROW("return_control", MORE, BIT(AGENT), segment_true, IN(return_control)),
    ROW("final_type", MORE, BIT(AGENT), scope_string, IN_SCOPE(final_type)),
    ROW("failure_code", CORE, ALL, get_failure_code),
    ROW("failure_reason", MORE, ALL, get_failure_reason),
    ROW("exception", CORE, BIT(STREAM_ERROR), step_string, IN_STEP(target)),
    ROW("http_status", MORE, BIT(STREAM_ERROR), get_http_status),
    ROW("flow_node", MORE, STEPS, get_flow_node),
    ROW("flow_iteration", MORE, BIT(FLOW_NODE), get_flow_iteration),
    ROW("conditions", MORE, BIT(FLOW_NODE), get_conditions),
    ROW("service", MORE, BIT(FLOW_ACTION), body_string, AT(BEDROCK_OUTPUT, "serviceName")),
    ROW("operation", MORE, BIT(FLOW_ACTION), body_string, AT(BEDROCK_OUTPUT, "operationName")),
    ROW("request_id", MORE, BIT(FLOW_ACTION), body_string, AT(BEDROCK_OUTPUT, "requestId")),
    ROW("completion_reason", MORE, BIT(FLOW), scope_string, IN_SCOPE(completion_reason)),
    ROW("input_required", MORE, BIT(FLOW), scope_true, IN_SCOPE(input_required)),
    ROW("incomplete", MORE, ALL, segment_true, IN(incomplete)),
    ROW("total_prompt_tokens", CORE, ALL, total_integer, IN(totals.prompt_tokens)),
    ROW("total_completion_tokens", CORE, ALL, total_integer, IN(totals.completion_tokens)),
    ROW("total_model_calls", MORE, ALL, total_count, IN(totals.model_calls)),
    ROW("total_tool_calls", MORE, ALL, total_count, IN(totals.tool_calls)),
    ROW("total_collaborator_calls", MORE, ALL, total_count, IN(totals.collaborator_calls)),
    ROW("total_cost_usd", MORE, ALL, total_cost),
    ROW("answer_chunks", MORE, ALL, root_count, IN_RUN(answer_chunks)),
    ROW("answer_files", MORE, ALL, root_count, IN_RUN(answer_files)),
    ROW("answer_citations", MORE, ALL, root_count, IN_RUN(answer_citations)),
    ROW("content_truncated", MORE, ALL, mark_true,
        .offset = offsetof(bedrock_marks, content_truncated)),
    ROW("size_limited", MORE, ALL, mark_true, .offset = offsetof(bedrock_marks, size_limited)),
    ROW("input_text", MORE, ALL, get_input_text),
    ROW("output_text", MORE, ALL, get_output_text),
};

bool bedrock_fact_get(const bedrock_view *view, size_t index, fl_annotation *to)
{
    const row *from = &rows[index];
    bool is_wanted = (from->kinds >> view->segment->kind & 1) != 0 &&
                     (from->is_core || !view->options->core_annotations);
    if (!is_wanted) {
        return false;
    }
    *to = (fl_annotation){.key = from->key};
    return from->get(view, from, to);
}

const size_t bedrock_fact_count = sizeof rows / sizeof rows[0];
