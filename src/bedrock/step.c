/* Agents' events → steps: which event opens, closes or is a step (spec §3.4). */
#include "bedrock/convert_int.h"

/* ---- Making, opening, closing */

fl_status bedrock_step_new(bedrock_state *state, const bedrock_event *event, bedrock_scope *scope,
                           bedrock_kind kind, bedrock_step **out, fl_err *err)
{
    bedrock_cluster *cluster = scope->cluster;
    bedrock_step *step = FL_ARENA_NEW(&cluster->arena, bedrock_step);
    if (step == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a run of %zu steps", cluster->steps.count);
    }
    *step = (bedrock_step){.segment = {.kind = kind, .step = step, .scope = scope},
                           .place = event->place,
                           .first_seq = state->seq,
                           .ending = BEDROCK_SINGLE,
                           .event_count = 1,
                           .member = event->member,
                           .member_name = event->member_name,
                           .trace_id = event->trace_id,
                           .first_ns = event->time_ns,
                           .closing_ns = FL_TIME_NONE,
                           .metadata = event->metadata,
                           .touched = state->seq};
    FL_TRY(bedrock_cluster_hold(cluster, event->value, err));
    FL_TRY(bedrock_vector_add(&cluster->arena, &cluster->steps, step, err));
    *out = step;
    return FL_OK;
}

/* A step that is all in one event. */
static fl_status single(bedrock_state *state, const bedrock_event *event, bedrock_scope *scope,
                        bedrock_kind kind, fl_str target, fl_err *err)
{
    bedrock_step *step;
    FL_TRY(bedrock_step_new(state, event, scope, kind, &step, err));
    step->output = event->body;
    step->target = target;
    return FL_OK;
}

static void unlist_open(bedrock_state *state, bedrock_step *step)
{
    bedrock_scope *scope = step->segment.scope;
    if (!step->is_listed) {
        return;
    }
    *(step->previous_open != NULL ? &step->previous_open->next_open : &scope->open_first) =
        step->next_open;
    *(step->next_open != NULL ? &step->next_open->previous_open : &scope->open_last) =
        step->previous_open;
    step->next_open = step->previous_open = NULL;
    step->is_listed = false;
    scope->open_count--;
    if (step->segment.kind == BEDROCK_COLLABORATOR) {
        bedrock_link_unlisted(state, step);
    }
}

void bedrock_step_open(bedrock_state *state, bedrock_step *step)
{
    bedrock_scope *scope = step->segment.scope;
    if (scope->open_count == BEDROCK_OPEN_MAX) {
        unlist_open(state, scope->open_first);
    }
    step->ending = BEDROCK_OPEN;
    step->previous_open = scope->open_last;
    *(scope->open_last != NULL ? &scope->open_last->next_open : &scope->open_first) = step;
    scope->open_last = step;
    scope->open_count++;
    step->is_listed = true;
    if (step->segment.kind == BEDROCK_COLLABORATOR) {
        bedrock_link_opened(state, step);
    }
}

fl_status bedrock_step_close(bedrock_state *state, bedrock_step *step, const bedrock_event *event,
                             bedrock_ending ending, fl_err *err)
{
    unlist_open(state, step);
    step->ending = ending;
    step->closed_seq = step->touched = state->seq;
    if (ending != BEDROCK_CUT_SHORT) {
        step->output = event->body;
        step->metadata = event->metadata;
        step->closing_ns = event->time_ns;
        step->event_count++;
        FL_TRY(bedrock_cluster_hold(step->segment.scope->cluster, event->value, err));
    }
    if (step->segment.kind == BEDROCK_COLLABORATOR) {
        FL_TRY(bedrock_link_answered(state, step, err));
    }
    return bedrock_attempt_ended(step, err);
}

/* ---- Tools and their names */

/* `group/function`, or `group/VERB path`; in arena. */
static fl_str tool_name_of(fl_arena *arena, yyjson_val *input)
{
    fl_str group = bedrock_text_of(input, FL_S("actionGroupName"));
    fl_str function = bedrock_text_of(input, FL_S("function"));
    fl_str path = bedrock_text_of(input, FL_S("apiPath"));
    fl_str verb = bedrock_text_of(input, FL_S("verb"));
    size_t bytes = group.n + 1 + (function.n > 0 ? function.n : verb.n + 1 + path.n);
    char *name = fl_arena_alloc(arena, bytes);
    size_t n = 0;
    if (name == NULL) {
        return (fl_str){0};
    }
    if (group.n > 0) {
        memcpy(name, group.p, group.n);
        n = group.n;
    }
    if (function.n > 0) {
        name[n++] = '/';
        memcpy(name + n, function.p, function.n);
        n += function.n;
    } else if (path.n > 0) {
        name[n++] = '/';
        for (size_t i = 0; i < verb.n; i++) {
            name[n++] =
                (char)(verb.p[i] >= 'a' && verb.p[i] <= 'z' ? verb.p[i] - 'a' + 'A' : verb.p[i]);
        }
        if (verb.n > 0) {
            name[n++] = ' ';
        }
        memcpy(name + n, path.p, path.n);
        n += path.n;
    }
    return (fl_str){name, n};
}

/* ---- Model calls */

static bedrock_kind model_kind_of(const bedrock_event *event)
{
    switch (event->member) {
    case BEDROCK_PRE_PROCESSING:
        return BEDROCK_PRE_PROCESS;
    case BEDROCK_POST_PROCESSING:
        return BEDROCK_POST_PROCESS;
    case BEDROCK_ROUTING_CLASSIFIER:
        return BEDROCK_ROUTE_REQUEST;
    default:
        return fl_str_eq(bedrock_text_of(event->body, FL_S("type")),
                         FL_S("KNOWLEDGE_BASE_RESPONSE_GENERATION"))
                   ? BEDROCK_GENERATE_ANSWER
                   : BEDROCK_INVOKE_MODEL;
    }
}

static fl_status model_input(bedrock_state *state, const bedrock_event *event, bedrock_scope *scope,
                             fl_err *err)
{
    bedrock_step *step;
    bedrock_kind kind = model_kind_of(event);
    FL_TRY(bedrock_step_new(state, event, scope, kind, &step, err));
    step->input = event->body;
    step->retry_count = kind == BEDROCK_INVOKE_MODEL ? scope->reprompts : 0;
    step->previous_model = scope->newest_model;
    scope->newest_model = step;
    bedrock_step_open(state, step);
    return FL_OK;
}

/* ---- Outputs */

static void warn_unpaired(bedrock_state *state, const bedrock_event *event, bedrock_kind kind)
{
    bedrock_diagnose(state->diagnostics, FL_BEDROCK_W_UNPAIRED, event->place,
                     "%.*s: the output of a step (%.*s) whose input is not in the capture; it is "
                     "shown as a step of its own; capture the stream from its beginning",
                     FL_P(event->member_name), FL_P(bedrock_kinds[kind].action));
}

/* The step that an output belongs to: the one that it answers, else a new one. */
static fl_status answer(bedrock_state *state, const bedrock_event *event, bedrock_scope *scope,
                        bedrock_kind kind, bedrock_step **out, fl_err *err)
{
    bedrock_step *step = bedrock_pair(scope, kind, event);
    if (step != NULL) {
        *out = step;
        return bedrock_step_close(state, step, event, BEDROCK_ANSWERED, err);
    }
    warn_unpaired(state, event, kind);
    FL_TRY(bedrock_step_new(state, event, scope, kind, &step, err));
    step->output = event->body;
    *out = step;
    return FL_OK;
}

static fl_status model_output(bedrock_state *state, const bedrock_event *event,
                              bedrock_scope *scope, fl_err *err)
{
    bedrock_step *step;
    FL_TRY(answer(state, event, scope, model_kind_of(event), &step, err));
    if (step->input == NULL) {
        step->previous_model = scope->newest_model;
        scope->newest_model = step;
    }
    return FL_OK;
}

/* ---- Rationales */

/* The newest model call with the traceId, else the newest of all. */
static bedrock_step *thinking_step(const bedrock_scope *scope, fl_str trace_id)
{
    bedrock_step *step = trace_id.n > 0 ? scope->newest_model : NULL;
    for (unsigned i = 0; step != NULL && i < BEDROCK_LOOK_MAX; i++) {
        if (fl_str_eq(step->trace_id, trace_id)) {
            return step;
        }
        step = step->previous_model;
    }
    return scope->newest_model;
}

static fl_status rationale(bedrock_state *state, const bedrock_event *event, bedrock_scope *scope,
                           fl_err *err)
{
    bedrock_step *step =
        state->options->mode == FL_BEDROCK_TREE ? thinking_step(scope, event->trace_id) : NULL;
    if (step == NULL) {
        return single(state, event, scope, BEDROCK_THOUGHT, (fl_str){0}, err);
    }
    bedrock_thought **last = &step->thoughts;
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = FL_ARENA_NEW(&scope->cluster->arena, bedrock_thought);
    if (*last == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a run");
    }
    (*last)->text = bedrock_text_of(event->body, FL_S("text"));
    step->event_count++;
    step->touched = state->seq;
    return bedrock_cluster_hold(scope->cluster, event->value, err);
}

/* ---- Invocation inputs and observations: rows of a table, in the order of spec §1.6, §1.7 */

typedef struct action_row {
    const char *invocation_type, *input, *output;
    bedrock_kind kind;
} action_row;

static const action_row actions[] = {
    {"ACTION_GROUP", "actionGroupInvocationInput", "actionGroupInvocationOutput",
     BEDROCK_ACTION_GROUP},
    {"AGENT_COLLABORATOR", "agentCollaboratorInvocationInput", "agentCollaboratorInvocationOutput",
     BEDROCK_COLLABORATOR},
    {"ACTION_GROUP_CODE_INTERPRETER", "codeInterpreterInvocationInput",
     "codeInterpreterInvocationOutput", BEDROCK_CODE},
    {"KNOWLEDGE_BASE", "knowledgeBaseLookupInput", "knowledgeBaseLookupOutput",
     BEDROCK_KNOWLEDGE_BASE},
};
#define ACTIONS (sizeof actions / sizeof actions[0])

/* The row that the type names if its member is there, else the first whose member is. */
static const action_row *action_of_input(yyjson_val *body)
{
    fl_str type = bedrock_text_of(body, FL_S("invocationType"));
    const action_row *first = NULL;
    for (size_t i = 0; i < ACTIONS; i++) {
        if (yyjson_is_obj(fl_json_get(body, fl_str_of(actions[i].input)))) {
            if (fl_str_eq(type, fl_str_of(actions[i].invocation_type))) {
                return &actions[i];
            }
            first = first == NULL ? &actions[i] : first;
        }
    }
    return first;
}

static void name_collaborator(bedrock_step *step, yyjson_val *call)
{
    step->target = bedrock_text_of(call, FL_S("agentCollaboratorName"));
    step->alias_arn = bedrock_text_of(call, FL_S("agentCollaboratorAliasArn"));
}

static fl_status invocation_input(bedrock_state *state, const bedrock_event *event,
                                  bedrock_scope *scope, fl_err *err)
{
    const action_row *row = action_of_input(event->body);
    bedrock_step *step;
    if (row == NULL) {
        if (!fl_str_eq(bedrock_text_of(event->body, FL_S("invocationType")), FL_S("FINISH"))) {
            bedrock_diagnose(state->diagnostics, FL_BEDROCK_W_EMPTY, event->place,
                             "%.*s.invocationInput says nothing of what is invoked; it is left out",
                             FL_P(event->member_name));
        }
        return FL_OK;
    }
    yyjson_val *call = fl_json_get(event->body, fl_str_of(row->input));
    bool control = row->kind == BEDROCK_ACTION_GROUP &&
                   fl_str_eq(bedrock_text_of(call, FL_S("executionType")), FL_S("RETURN_CONTROL"));
    FL_TRY(
        bedrock_step_new(state, event, scope, control ? BEDROCK_CONTROL : row->kind, &step, err));
    step->input = event->body;
    scope->return_control = scope->return_control || control;
    switch (row->kind) {
    case BEDROCK_ACTION_GROUP:
        step->target = tool_name_of(&scope->cluster->arena, call);
        step->retry_count = bedrock_attempts_of(scope, step->target);
        break;
    case BEDROCK_COLLABORATOR:
        name_collaborator(step, call);
        break;
    case BEDROCK_KNOWLEDGE_BASE:
        step->target = bedrock_text_of(call, FL_S("knowledgeBaseId"));
        step->retry_count = bedrock_attempts_of(scope, step->target);
        break;
    default:
        step->retry_count = bedrock_attempts_of(scope, step->target);
        break;
    }
    if (!control) {
        bedrock_step_open(state, step);
    }
    return FL_OK;
}

static fl_status final_response(bedrock_state *state, const bedrock_event *event,
                                bedrock_scope *scope, fl_err *err)
{
    bool asks = fl_str_eq(bedrock_text_of(event->body, FL_S("type")), FL_S("ASK_USER"));
    scope->final_response = event->body;
    scope->final_type = asks ? FL_S("ASK_USER") : FL_S("FINISH");
    scope->final_metadata = event->metadata;
    scope->final_ns = event->time_ns;
    scope->ended = true;
    FL_TRY(bedrock_cluster_hold(scope->cluster, event->value, err));
    return state->options->mode == FL_BEDROCK_TREE
               ? FL_OK
               : single(state, event, scope, asks ? BEDROCK_ASK_USER : BEDROCK_FINAL_RESPONSE,
                        (fl_str){0}, err);
}

/* A reprompt rejects the newest call of a tool that still waits, else it stands alone. */
static fl_status reprompt(bedrock_state *state, const bedrock_event *event, bedrock_scope *scope,
                          fl_err *err)
{
    fl_str source =
        bedrock_text_of(fl_json_get(event->body, FL_S("repromptResponse")), FL_S("source"));
    bedrock_step *step = NULL;
    if (fl_str_eq(source, FL_S("ACTION_GROUP"))) {
        step = bedrock_pair(scope, BEDROCK_ACTION_GROUP, event);
        step = step == NULL ? bedrock_pair(scope, BEDROCK_CODE, event) : step;
    } else if (fl_str_eq(source, FL_S("KNOWLEDGE_BASE"))) {
        step = bedrock_pair(scope, BEDROCK_KNOWLEDGE_BASE, event);
    }
    scope->reprompts++;
    return step != NULL ? bedrock_step_close(state, step, event, BEDROCK_REJECTED, err)
                        : single(state, event, scope, BEDROCK_REPROMPT, source, err);
}

static fl_status action_output(bedrock_state *state, const bedrock_event *event,
                               bedrock_scope *scope, const action_row *row, fl_err *err)
{
    bedrock_step *step;
    FL_TRY(answer(state, event, scope, row->kind, &step, err));
    if (row->kind == BEDROCK_COLLABORATOR && step->input == NULL) {
        name_collaborator(step, fl_json_get(event->body, fl_str_of(row->output)));
    }
    return FL_OK;
}

/* The row by the member that is there, else by the type alone. */
static const action_row *action_of_observation(yyjson_val *body)
{
    fl_str type = bedrock_text_of(body, FL_S("type"));
    for (size_t i = 0; i < ACTIONS; i++) {
        if (fl_json_get(body, fl_str_of(actions[i].output)) != NULL) {
            return &actions[i];
        }
    }
    for (size_t i = 0; i < ACTIONS; i++) {
        if (fl_str_eq(type, fl_str_of(actions[i].invocation_type))) {
            return &actions[i];
        }
    }
    return NULL;
}

static fl_status observation(bedrock_state *state, const bedrock_event *event, bedrock_scope *scope,
                             fl_err *err)
{
    fl_str type = bedrock_text_of(event->body, FL_S("type"));
    bool final = fl_json_get(event->body, FL_S("finalResponse")) != NULL;
    bool again = fl_json_get(event->body, FL_S("repromptResponse")) != NULL;
    const action_row *row = final || again ? NULL : action_of_observation(event->body);
    if (again || (!final && row == NULL && fl_str_eq(type, FL_S("REPROMPT")))) {
        return reprompt(state, event, scope, err);
    }
    scope->reprompts = 0;
    if (row != NULL) {
        return action_output(state, event, scope, row, err);
    }
    if (final || fl_str_eq(type, FL_S("FINISH")) || fl_str_eq(type, FL_S("ASK_USER"))) {
        return final_response(state, event, scope, err);
    }
    bedrock_diagnose(state->diagnostics, FL_BEDROCK_W_EMPTY, event->place,
                     "%.*s.observation says nothing of what was observed; it is left out",
                     FL_P(event->member_name));
    return FL_OK;
}

/* ---- Events that are one step: guardrails, custom orchestration, failures, unknown ones */

/* All open steps of the scope, or those of one traceId; the tokens count for the first. */
static fl_status close_failed(bedrock_state *state, const bedrock_event *event,
                              bedrock_scope *scope, bool same_id_only, size_t *closed, fl_err *err)
{
    bedrock_step *next;
    for (bedrock_step *step = scope->open_first; step != NULL; step = next) {
        next = step->next_open;
        if (!same_id_only || fl_str_eq(step->trace_id, event->trace_id)) {
            FL_TRY(bedrock_step_close(state, step, event, BEDROCK_BROKEN, err));
            step->usage_counted_elsewhere = (*closed)++ > 0;
        }
    }
    return FL_OK;
}

static fl_status failure(bedrock_state *state, const bedrock_event *event, bedrock_scope *scope,
                         fl_err *err)
{
    size_t closed = 0;
    FL_TRY(close_failed(state, event, scope, true, &closed, err));
    if (closed == 0) {
        FL_TRY(close_failed(state, event, scope, false, &closed, err));
    }
    scope->failure = event->body;
    scope->failure_metadata = event->metadata;
    scope->failure_ns = event->time_ns;
    scope->ended = true;
    FL_TRY(bedrock_cluster_hold(scope->cluster, event->value, err));
    return closed > 0 ? FL_OK : single(state, event, scope, BEDROCK_FAILED, (fl_str){0}, err);
}

static fl_status whole(bedrock_state *state, const bedrock_event *event, bedrock_scope *scope,
                       fl_err *err)
{
    switch (event->member) {
    case BEDROCK_GUARDRAIL: {
        bedrock_verdict verdict = bedrock_verdict_of(event->body, event->trace_id);
        scope->guardrail_intervened = scope->guardrail_intervened || verdict.intervened;
        return single(state, event, scope, BEDROCK_CHECK, fl_str_of(verdict.stage), err);
    }
    case BEDROCK_CUSTOM_ORCHESTRATION:
        return single(state, event, scope, BEDROCK_CUSTOM, (fl_str){0}, err);
    case BEDROCK_FAILURE:
        return failure(state, event, scope, err);
    default:
        return single(state, event, scope, BEDROCK_OTHER, event->member_name, err);
    }
}

fl_status bedrock_take_agent(bedrock_state *state, const bedrock_event *event, bedrock_scope *scope,
                             fl_err *err)
{
    scope->event_count++;
    switch (event->kind) {
    case BEDROCK_MODEL_INPUT:
        return model_input(state, event, scope, err);
    case BEDROCK_MODEL_OUTPUT:
        return model_output(state, event, scope, err);
    case BEDROCK_RATIONALE:
        return rationale(state, event, scope, err);
    case BEDROCK_INVOCATION_INPUT:
        return invocation_input(state, event, scope, err);
    case BEDROCK_OBSERVATION:
        return observation(state, event, scope, err);
    default:
        return whole(state, event, scope, err);
    }
}
