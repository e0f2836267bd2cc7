/* Which open step an output answers (spec §3.5), and how often a tool failed before (spec §3.12).
 */
#include "bedrock/convert_int.h"

/* What the output of a collaborator says of whom it is from. */
typedef struct answerer {
    fl_str name, alias_arn;
} answerer;

static bool contradicts(fl_str a, fl_str b)
{
    return a.n > 0 && b.n > 0 && !fl_str_eq(a, b);
}

static bool is_candidate(const bedrock_step *step, bedrock_kind kind, const bedrock_event *event,
                         const answerer *from)
{
    if (bedrock_kinds[kind].class_of == BEDROCK_CLASS_MODEL) {
        return bedrock_kinds[step->segment.kind].class_of == BEDROCK_CLASS_MODEL &&
               step->member == event->member;
    }
    return step->segment.kind == kind &&
           (kind != BEDROCK_COLLABORATOR || (!contradicts(step->target, from->name) &&
                                             !contradicts(step->alias_arn, from->alias_arn)));
}

static uint64_t distance(int64_t a, int64_t b)
{
    return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}

bedrock_step *bedrock_pair(bedrock_scope *scope, bedrock_kind kind, const bedrock_event *event)
{
    yyjson_val *output = fl_json_get(event->body, FL_S("agentCollaboratorInvocationOutput"));
    const answerer from = {bedrock_text_of(output, FL_S("agentCollaboratorName")),
                           bedrock_text_of(output, FL_S("agentCollaboratorAliasArn"))};
    int64_t start_ns = event->metadata.start_ns;
    bool all_timed = kind == BEDROCK_COLLABORATOR && start_ns != FL_TIME_NONE;
    bedrock_step *oldest = NULL, *same_id = NULL, *nearest = NULL;
    for (bedrock_step *step = scope->open_first; step != NULL; step = step->next_open) {
        if (!is_candidate(step, kind, event, &from)) {
            continue;
        }
        oldest = oldest == NULL ? step : oldest;
        if (event->trace_id.n == 0 || !fl_str_eq(step->trace_id, event->trace_id)) {
            continue;
        }
        same_id = same_id == NULL ? step : same_id;
        all_timed = all_timed && step->first_ns != FL_TIME_NONE;
        if (all_timed && (nearest == NULL || distance(step->first_ns, start_ns) <
                                                 distance(nearest->first_ns, start_ns))) {
            nearest = step;
        }
    }
    return same_id == NULL ? oldest : all_timed ? nearest : same_id;
}

/* ---- Attempts: failed calls of a tool in a scope since its last success */

struct bedrock_attempts {
    struct bedrock_attempts *next;
    fl_str tool_name;
    uint32_t failed;
};

static struct bedrock_attempts *attempts_at(const bedrock_scope *scope, fl_str tool_name)
{
    struct bedrock_attempts *attempts = scope->attempts;
    while (attempts != NULL && !fl_str_eq(attempts->tool_name, tool_name)) {
        attempts = attempts->next;
    }
    return attempts;
}

uint32_t bedrock_attempts_of(const bedrock_scope *scope, fl_str tool_name)
{
    const struct bedrock_attempts *attempts = attempts_at(scope, tool_name);
    return attempts != NULL ? attempts->failed : 0;
}

bool bedrock_tool_failed(const bedrock_step *step)
{
    yyjson_val *output = step->segment.kind == BEDROCK_CODE
                             ? fl_json_get(step->output, FL_S("codeInterpreterInvocationOutput"))
                             : NULL;
    return yyjson_is_true(fl_json_get(output, FL_S("executionTimeout"))) ||
           bedrock_text_of(output, FL_S("executionError")).n > 0;
}

fl_status bedrock_attempt_ended(bedrock_step *step, fl_err *err)
{
    bedrock_scope *scope = step->segment.scope;
    bool failed = step->ending == BEDROCK_REJECTED || bedrock_tool_failed(step);
    if (bedrock_kinds[step->segment.kind].class_of != BEDROCK_CLASS_TOOL ||
        (!failed && step->ending != BEDROCK_ANSWERED)) {
        return FL_OK;
    }
    struct bedrock_attempts *attempts = attempts_at(scope, step->target);
    if (attempts == NULL && failed && scope->attempted_tools < BEDROCK_ATTEMPTS_MAX) {
        scope->attempted_tools++;
        attempts = FL_ARENA_NEW(&scope->cluster->arena, struct bedrock_attempts);
        if (attempts == NULL) {
            FL_FAIL(err, FL_E_NOMEM, "no memory for a run");
        }
        *attempts = (struct bedrock_attempts){scope->attempts, step->target, 0};
        scope->attempts = attempts;
    }
    if (attempts != NULL) {
        attempts->failed = failed ? attempts->failed + 1 : 0;
    }
    return FL_OK;
}
