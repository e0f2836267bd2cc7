/* How each step and agent ended: flags, causes, what stayed unanswered (spec §3.11). */
#include "bedrock/convert_int.h"

/* ---- Small readings */

static bool contains_nocase(fl_str text, fl_str word)
{
    for (size_t at = 0; at + word.n <= text.n; at++) {
        if (fl_str_eq_nocase((fl_str){text.p + at, word.n}, word)) {
            return true;
        }
    }
    return false;
}

static bool tells_of_a_time_limit(fl_str reason)
{
    static const char *const words[] = {"timeout", "time out", "time-out", "timed out"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (contains_nocase(reason, fl_str_of(words[i]))) {
            return true;
        }
    }
    return false;
}

static void set_cause(bedrock_segment *segment, fl_str type, fl_str message)
{
    segment->exception_type = type;
    segment->exception_message = message.p != NULL ? message : FL_S("");
}

static void set_flags_of_status(bedrock_segment *segment, int64_t status)
{
    segment->throttle = status == 429;
    segment->error = status >= 400 && status < 500;
    segment->fault = !segment->error;
}

static void set_http_status(bedrock_segment *segment, int64_t status)
{
    if (status >= 100 && status <= 599) {
        segment->http_status = status;
    }
}

/* ---- Failures: of the step, and of the agent (which gets no status) */

static void agent_failed(bedrock_segment *segment, yyjson_val *failure, bool is_step)
{
    fl_str code = fl_json_number(fl_json_get(failure, FL_S("failureCode")));
    fl_str reason = bedrock_text_of(failure, FL_S("failureReason"));
    int64_t status = 0;
    bool known = fl_json_i64(code, &status);
    set_flags_of_status(segment, known ? status : 0);
    if (known && is_step) {
        set_http_status(segment, status);
    }
    segment->failure_code = known ? code : (fl_str){0};
    segment->failure_code_is_number = known;
    segment->failure_reason = reason;
    segment->timeout = segment->timeout || tells_of_a_time_limit(reason);
    set_cause(segment, FL_S("BedrockAgentFailure"), reason);
}

static void flow_failed(bedrock_segment *segment, yyjson_val *failure, bool is_step)
{
    fl_str code = bedrock_text_of(failure, FL_S("errorCode"));
    bool theirs = fl_str_eq(code, FL_S("VALIDATION"));
    segment->error = theirs;
    segment->fault = !theirs;
    if (is_step) {
        segment->failure_code = code;
        segment->failure_reason = bedrock_text_of(failure, FL_S("errorMessage"));
        set_cause(segment, code.n > 0 ? code : FL_S("FlowFailure"), segment->failure_reason);
    }
}

/* Failure traces of agents, failure events of flows. */
static void failed(bedrock_segment *segment, yyjson_val *failure, bool is_step)
{
    if (segment->scope->is_flow) {
        flow_failed(segment, failure, is_step);
    } else {
        agent_failed(segment, failure, is_step);
    }
}

/* ---- Code that failed */

static bool is_of_name(char c, bool first)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    return letter || (!first && (c == '.' || (c >= '0' && c <= '9')));
}

/* `ValueError: no` → ValueError: an identifier with dots before a colon or the end of the last line
 * that is not empty. */
static fl_str exception_class(fl_str error)
{
    error = fl_str_trim(error);
    size_t begin = error.n;
    while (begin > 0 && error.p[begin - 1] != '\n') {
        begin--;
    }
    fl_str line = fl_str_trim((fl_str){error.p + begin, error.n - begin});
    size_t n = 0;
    while (n < line.n && is_of_name(line.p[n], n == 0)) {
        n++;
    }
    bool whole = n > 0 && (n == line.n || line.p[n] == ':');
    return whole ? (fl_str){line.p, n} : FL_S("CodeInterpreterError");
}

static void code_ran(bedrock_segment *segment, const bedrock_step *step)
{
    yyjson_val *output = fl_json_get(step->output, FL_S("codeInterpreterInvocationOutput"));
    fl_str error = bedrock_text_of(output, FL_S("executionError"));
    segment->timeout = yyjson_is_true(fl_json_get(output, FL_S("executionTimeout")));
    segment->fault = segment->timeout || error.n > 0;
    if (segment->timeout) {
        set_cause(segment, FL_S("CodeInterpreterTimeout"),
                  error.n > 0 ? error : FL_S("The code did not end within the time limit."));
    } else if (error.n > 0) {
        set_cause(segment, exception_class(error), error);
    }
}

/* ---- Other steps */

static void rejected(bedrock_segment *segment, const bedrock_step *step)
{
    segment->error = true;
    set_cause(segment, FL_S("BedrockReprompt"),
              bedrock_text_of(fl_json_get(step->output, FL_S("repromptResponse")), FL_S("text")));
}

static void stream_failed(bedrock_segment *segment, const bedrock_step *step)
{
    const bedrock_exception_row *row = bedrock_exception_of(step->target);
    segment->error = row->error;
    segment->throttle = row->throttle;
    segment->fault = row->fault;
    set_http_status(segment, row->status);
    set_cause(segment, step->target, bedrock_text_of(step->output, FL_S("message")));
}

static void action_ran(bedrock_segment *segment, const bedrock_step *step)
{
    yyjson_val *response = fl_json_get(step->output, FL_S("operationResponse"));
    yyjson_val *http = fl_json_get(response, FL_S("sdkHttpResponse"));
    int64_t status;
    if (fl_json_i64(fl_json_number(fl_json_get(http, FL_S("statusCode"))), &status)) {
        set_http_status(segment, status);
        if (status >= 400) {
            set_flags_of_status(segment, status);
        }
    }
}

static void answered(bedrock_segment *segment, const bedrock_step *step)
{
    switch (segment->kind) {
    case BEDROCK_PRE_PROCESS: {
        yyjson_val *parsed = fl_json_get(step->output, FL_S("parsedResponse"));
        segment->error = yyjson_is_false(fl_json_get(parsed, FL_S("isValid")));
        break;
    }
    case BEDROCK_CODE:
        code_ran(segment, step);
        break;
    case BEDROCK_CHECK: {
        bedrock_verdict verdict = bedrock_verdict_of(step->output, step->trace_id);
        segment->error = verdict.intervened && verdict.blocked;
        break;
    }
    case BEDROCK_STREAM_ERROR:
        stream_failed(segment, step);
        break;
    case BEDROCK_FLOW_ACTION:
        action_ran(segment, step);
        break;
    case BEDROCK_FAILED:
        failed(segment, step->output, true);
        break;
    default:
        break;
    }
}

static void judge_step(bedrock_step *step)
{
    bedrock_segment *segment = &step->segment;
    switch (step->ending) {
    case BEDROCK_OPEN:
    case BEDROCK_CUT_SHORT:
        break;
    case BEDROCK_REJECTED:
        rejected(segment, step);
        break;
    case BEDROCK_BROKEN:
        failed(segment, step->output, true);
        break;
    default:
        answered(segment, step);
        break;
    }
}

/* ---- Agents and flows */

static bool is_flagged(const bedrock_segment *segment)
{
    return segment->error || segment->throttle || segment->fault;
}

static void add_flags(bedrock_segment *to, const bedrock_segment *from)
{
    to->error = to->error || from->error;
    to->throttle = to->throttle || from->throttle;
    to->fault = to->fault || from->fault;
}

static void add_exception(bedrock_segment *segment, fl_str exception)
{
    const bedrock_exception_row *row = bedrock_exception_of(exception);
    segment->error = segment->error || row->error;
    segment->throttle = segment->throttle || row->throttle;
    segment->fault = segment->fault || row->fault;
}

static void judge_scope(bedrock_scope *scope)
{
    bedrock_segment *segment = &scope->segment;
    segment->guardrail_intervened = scope->guardrail_intervened;
    segment->return_control = scope->return_control;
    if (scope->failure != NULL) {
        failed(segment, scope->failure, false);
    }
    for (const bedrock_step *step = scope->links->first_step; step != NULL;
         step = step->next_in_scope) {
        if (step->segment.kind == BEDROCK_STREAM_ERROR) {
            add_flags(segment, &step->segment);
        }
    }
}

/* ---- What stayed unanswered, from the deepest scope upwards */

static void take_over(bedrock_segment *step, const bedrock_segment *below)
{
    add_flags(step, below);
    if (below->exception_type.p != NULL && step->exception_type.p == NULL) {
        set_cause(step, below->exception_type, below->exception_message);
    }
}

/* An output node has no output; an event of the flow says that it is complete. */
static bool is_unanswered(const bedrock_step *step)
{
    return (step->ending == BEDROCK_OPEN || step->ending == BEDROCK_CUT_SHORT) &&
           (step->of_node == NULL || !step->of_node->is_named);
}

static void judge_unanswered(bedrock_step *step, bool complete)
{
    bedrock_segment *segment = &step->segment;
    if (step->callee != NULL && is_flagged(&step->callee->segment)) {
        take_over(segment, &step->callee->segment);
    } else if (step->ending == BEDROCK_CUT_SHORT) {
        add_exception(segment, step->cut_by);
    }
    if (!is_flagged(segment)) { /* a flow's node may have them from below */
        segment->in_progress = step->ending == BEDROCK_OPEN && !complete;
        segment->incomplete = !segment->in_progress;
    }
}

/* Flags of the actions of a flow's node that was not heard of again. */
static void flag_nodes(const bedrock_run *run)
{
    for (size_t i = 0; i < run->step_count; i++) {
        const bedrock_step *step = run->steps[i];
        if (step->node != NULL && is_unanswered(step->node)) {
            add_flags(&step->node->segment, &step->segment);
        }
    }
}

static void end_scope(bedrock_scope *scope, bool complete)
{
    bedrock_segment *segment = &scope->segment;
    bool silent = scope->final_response == NULL && !scope->return_control &&
                  scope->completion_reason.p == NULL && !is_flagged(segment);
    for (bedrock_step *step = scope->links->first_step; step != NULL; step = step->next_in_scope) {
        if (is_unanswered(step)) {
            judge_unanswered(step, complete);
            if (silent) {
                add_flags(segment, &step->segment);
            }
        }
    }
    segment->in_progress = !complete && !scope->ended;
    if (scope->caller != NULL && scope->caller->segment.kind == BEDROCK_FLOW_NODE &&
        is_unanswered(scope->caller)) {
        add_flags(&scope->caller->segment, segment);
    }
}

void bedrock_settle_outcomes(const bedrock_run *run)
{
    for (size_t i = 0; i < run->step_count; i++) {
        judge_step(run->steps[i]);
    }
    for (size_t i = 0; i < run->scope_count; i++) {
        judge_scope(run->scopes[i]);
    }
    flag_nodes(run);
    for (size_t i = 0; i < run->scope_count; i++) {
        end_scope(run->by_depth[i], run->complete);
    }
}
