/* Flow events → steps (spec §3.17), and what belongs to a run without being a step of it. */
#include "bedrock/convert_int.h"

/* ---- Nodes: found by name, their open steps in the order in which they were opened */

static fl_status node_of(bedrock_state *state, bedrock_scope *flow, fl_str name, bool make,
                         bedrock_node **out, fl_err *err)
{
    name = name.p != NULL ? name : FL_S("");
    uint64_t hash = bedrock_text_hash(name, flow->first_seq);
    for (bedrock_index_entry *entry = bedrock_index_find(&state->by_node, hash); entry != NULL;
         entry = bedrock_index_next(entry)) {
        bedrock_node *node = entry->item;
        if (node->flow == flow && fl_str_eq(node->name, name)) {
            *out = node;
            return FL_OK;
        }
    }
    *out = NULL;
    if (!make) {
        return FL_OK;
    }
    bedrock_node *node = FL_ARENA_NEW(&flow->cluster->arena, bedrock_node);
    if (node == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a flow");
    }
    node->flow = flow;
    node->name = fl_str_dup(&flow->cluster->arena, name);
    if (node->name.p == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a flow");
    }
    node->next = flow->cluster->nodes;
    flow->cluster->nodes = node;
    *out = node;
    return bedrock_index_add(&state->by_node, &node->entry, hash, node, err);
}

static bedrock_step *oldest_open(bedrock_node *node)
{
    while (node->open_first != NULL && node->open_first->ending != BEDROCK_OPEN) {
        node->open_first = node->open_first->next_of_node;
    }
    if (node->open_first == NULL) {
        node->open_last = NULL;
    }
    return node->open_first;
}

bedrock_step *bedrock_flow_node_step(bedrock_state *state, bedrock_scope *flow, fl_str node_name)
{
    bedrock_node *node;
    if (node_of(state, flow, node_name, false, &node, NULL) != FL_OK || node == NULL) {
        return NULL;
    }
    bedrock_step *open = oldest_open(node);
    return open != NULL ? open : node->newest;
}

/* ---- Events */

static fl_status node_step(bedrock_state *state, const bedrock_event *event, bedrock_scope *flow,
                           bedrock_kind kind, bedrock_step **out, fl_err *err)
{
    FL_TRY(bedrock_step_new(state, event, flow, kind, out, err));
    (*out)->target = event->node_name;
    return FL_OK;
}

static fl_status node_input(bedrock_state *state, const bedrock_event *event, bedrock_scope *flow,
                            fl_err *err)
{
    bedrock_node *node;
    bedrock_step *step;
    FL_TRY(node_step(state, event, flow, BEDROCK_FLOW_NODE, &step, err));
    FL_TRY(node_of(state, flow, event->node_name, true, &node, err));
    step->input = event->body;
    step->of_node = node;
    bedrock_step_open(state, step);
    *(oldest_open(node) != NULL ? &node->open_last->next_of_node : &node->open_first) = step;
    node->open_last = node->newest = step;
    return FL_OK;
}

/* An output or a failure: closes the oldest open step of its node, else is a step of its own. */
static fl_status node_end(bedrock_state *state, const bedrock_event *event, bedrock_scope *flow,
                          bedrock_ending ending, fl_err *err)
{
    bedrock_node *node;
    FL_TRY(node_of(state, flow, event->node_name, true, &node, err));
    bedrock_step *step = oldest_open(node);
    if (step != NULL) {
        return bedrock_step_close(state, step, event, ending, err);
    }
    bool failed = ending == BEDROCK_BROKEN;
    FL_TRY(node_step(state, event, flow, failed ? BEDROCK_FAILED : BEDROCK_FLOW_NODE, &step, err));
    step->output = event->body;
    if (!failed) {
        node->newest = step;
    }
    return FL_OK;
}

/* `service/operation`; in arena. */
static fl_str operation_of(fl_arena *arena, yyjson_val *action)
{
    fl_str service = bedrock_text_of(action, FL_S("serviceName"));
    fl_str operation = bedrock_text_of(action, FL_S("operationName"));
    if (service.n == 0 || operation.n == 0) {
        return service.n > 0 ? service : operation;
    }
    char *text = fl_arena_alloc(arena, service.n + 1 + operation.n);
    if (text == NULL) {
        return (fl_str){0};
    }
    memcpy(text, service.p, service.n);
    text[service.n] = '/';
    memcpy(text + service.n + 1, operation.p, operation.n);
    return (fl_str){text, service.n + 1 + operation.n};
}

static fl_status node_action(bedrock_state *state, const bedrock_event *event, bedrock_scope *flow,
                             fl_err *err)
{
    bedrock_step *step;
    FL_TRY(bedrock_step_new(state, event, flow, BEDROCK_FLOW_ACTION, &step, err));
    step->output = event->body;
    step->node = bedrock_flow_node_step(state, flow, event->node_name);
    step->target = operation_of(&flow->cluster->arena, event->body);
    return FL_OK;
}

static fl_status flow_failure(bedrock_state *state, const bedrock_event *event, bedrock_scope *flow,
                              fl_err *err)
{
    bedrock_step *step;
    FL_TRY(bedrock_step_new(state, event, flow, BEDROCK_FAILED, &step, err));
    step->output = event->body;
    flow->failure = event->body;
    flow->failure_ns = event->time_ns;
    return FL_OK;
}

/* Is the event of another execution than the flow, as saved answers tell? */
static bool is_of_another(const bedrock_state *state, const bedrock_event *event,
                          const bedrock_scope *flow)
{
    return state->options->execution_id.p == NULL && event->execution_id.n > 0 &&
           flow->execution_id.n > 0 && !fl_str_eq(event->execution_id, flow->execution_id);
}

/* The flow that an event belongs to: the open one, else a new one. */
static fl_status flow_of(bedrock_state *state, const bedrock_event *event, bedrock_scope **out,
                         fl_err *err)
{
    if (state->flow != NULL && !state->flow->ended && !is_of_another(state, event, state->flow)) {
        *out = state->flow;
        return FL_OK;
    }
    return bedrock_scope_new_flow(state, event, out, err);
}

fl_status bedrock_take_flow(bedrock_state *state, const bedrock_event *event, fl_err *err)
{
    bedrock_scope *flow;
    FL_TRY(flow_of(state, event, &flow, err));
    flow->event_count++;
    flow->touched = state->seq;
    if (flow->first_time_ns == FL_TIME_NONE) {
        flow->first_time_ns = event->time_ns;
        flow->first_time_seq = state->seq;
    }
    FL_TRY(bedrock_cluster_mark(flow->cluster, state->seq, flow, err));
    bedrock_cluster_touch(state, flow->cluster);
    switch (event->kind) {
    case BEDROCK_NODE_INPUT:
        return node_input(state, event, flow, err);
    case BEDROCK_NODE_OUTPUT:
        return node_end(state, event, flow, BEDROCK_ANSWERED, err);
    case BEDROCK_NODE_FAILURE:
        return node_end(state, event, flow, BEDROCK_BROKEN, err);
    case BEDROCK_NODE_ACTION:
        return node_action(state, event, flow, err);
    case BEDROCK_FLOW_FAILURE:
        return flow_failure(state, event, flow, err);
    default:
        return FL_OK; /* a dependency: its agent traces follow */
    }
}

/* ---- Exceptions of the stream */

/* Is the scope part of what ended with an exception in `in`? */
static bool is_hit(const bedrock_scope *scope, const bedrock_scope *in)
{
    return in->is_flow ||
           (scope->first_seq >= in->first_seq && scope->links->domain == 0 &&
            scope->path.count > 0 && fl_str_eq(scope->path.elements[0], in->path.elements[0]));
}

fl_status bedrock_take_exception(bedrock_state *state, const bedrock_event *event, fl_err *err)
{
    bedrock_scope *top = state->newest_in[BEDROCK_TOPS], *scope = state->flow;
    bedrock_step *step;
    if (scope == NULL || scope->ended || (top != NULL && top->touched > scope->touched)) {
        FL_TRY(bedrock_scope_newest_top(state, event, &scope, err));
    }
    bedrock_cluster *cluster = scope->cluster;
    for (size_t i = 0; i < cluster->scopes.count; i++) {
        bedrock_scope *hit = cluster->scopes.items[i];
        while (is_hit(hit, scope) && hit->open_first != NULL) {
            hit->touched = state->seq;
            hit->open_first->cut_by = event->exception; /* held by the step made below */
            FL_TRY(bedrock_step_close(state, hit->open_first, event, BEDROCK_CUT_SHORT, err));
        }
    }
    FL_TRY(bedrock_step_new(state, event, scope, BEDROCK_STREAM_ERROR, &step, err));
    step->output = event->body;
    step->target = event->exception;
    step->member_name = (fl_str){0};
    scope->ended = true;
    scope->touched = state->seq;
    FL_TRY(bedrock_cluster_mark(cluster, state->seq, scope, err));
    bedrock_cluster_touch(state, cluster);
    return FL_OK;
}

/* ---- Auxiliary events: no step, no number, no time */

static void count_answer(bedrock_state *state, const bedrock_event *event)
{
    bedrock_scope *top = state->newest_in[BEDROCK_TOPS];
    uint64_t *chunks = top != NULL ? &top->answer_chunks : &state->chunks;
    uint64_t *files = top != NULL ? &top->answer_files : &state->files;
    uint64_t *citations = top != NULL ? &top->answer_citations : &state->citations;
    if (event->kind == BEDROCK_CHUNK) {
        ++*chunks;
        *citations += event->number;
    } else {
        *files += event->number;
    }
    if (top != NULL) {
        top->touched = state->seq;
        bedrock_cluster_touch(state, top->cluster);
    }
}

/* Before or after its input came: the event and the trace are not ordered. */
static fl_status complete_node(bedrock_state *state, const bedrock_event *event,
                               bedrock_scope *flow, fl_err *err)
{
    bedrock_node *node;
    FL_TRY(node_of(state, flow, event->node_name, true, &node, err));
    node->is_named = true;
    return FL_OK;
}

static fl_status flow_auxiliary(bedrock_state *state, const bedrock_event *event, fl_err *err)
{
    bedrock_scope *flow = state->flow;
    if (flow == NULL) {
        return FL_OK;
    }
    if (event->kind == BEDROCK_FLOW_OUTPUT) {
        FL_TRY(complete_node(state, event, flow, err));
    } else if (event->kind == BEDROCK_FLOW_INPUT_REQUEST) {
        flow->input_required = true;
    } else if (event->kind == BEDROCK_FLOW_COMPLETION && !flow->ended) {
        fl_str reason = bedrock_text_of(event->body, FL_S("completionReason"));
        flow->completion_reason = fl_str_dup(&flow->cluster->arena, reason);
        flow->input_required = flow->input_required || fl_str_eq(reason, FL_S("INPUT_REQUIRED"));
        flow->ended = true;
    }
    flow->touched = state->seq;
    bedrock_cluster_touch(state, flow->cluster);
    return FL_OK;
}

fl_status bedrock_take_auxiliary(bedrock_state *state, const bedrock_event *event, fl_err *err)
{
    if (event->kind == BEDROCK_CHUNK || event->kind == BEDROCK_FILES) {
        count_answer(state, event);
        return FL_OK;
    }
    return flow_auxiliary(state, event, err);
}

/* ---- Every event */

static void note_time(bedrock_scope *scope, const bedrock_event *event, uint64_t seq)
{
    if (scope->first_time_ns != FL_TIME_NONE) {
        return;
    }
    const bedrock_metadata *metadata = &event->metadata;
    scope->first_time_ns = event->time_ns != FL_TIME_NONE       ? event->time_ns
                           : metadata->start_ns != FL_TIME_NONE ? metadata->start_ns
                                                                : metadata->end_ns;
    scope->first_time_seq = seq;
}

static fl_status take_agent(bedrock_state *state, const bedrock_event *event, fl_err *err)
{
    bedrock_scope *flow = NULL, *scope;
    bedrock_step *node = NULL;
    if (event->in_node) {
        FL_TRY(flow_of(state, event, &flow, err));
        node = bedrock_flow_node_step(state, flow, event->node_name);
    }
    FL_TRY(bedrock_scope_of(state, event, flow, node, &scope, err));
    note_time(scope, event, state->seq);
    scope->touched = state->seq;
    FL_TRY(bedrock_cluster_mark(scope->cluster, state->seq, scope, err));
    bedrock_cluster_touch(state, scope->cluster);
    return bedrock_take_agent(state, event, scope, err);
}

fl_status bedrock_take(bedrock_state *state, bedrock_event *event, fl_err *err)
{
    state->seq++;
    if (event->kind <= BEDROCK_WHOLE) {
        return take_agent(state, event, err);
    }
    if (event->kind <= BEDROCK_FLOW_FAILURE) {
        return bedrock_take_flow(state, event, err);
    }
    return event->kind == BEDROCK_EXCEPTION ? bedrock_take_exception(state, event, err)
                                            : bedrock_take_auxiliary(state, event, err);
}
