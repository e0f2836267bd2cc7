/* The scope of an event: one invocation of one agent (spec §3.6). */
#include "bedrock/convert_int.h"

/* ---- Invocation ids */

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* 8-4-4-4-12 hex digits, followed by `-` or the end. */
static bool begins_with_uuid(fl_str text)
{
    if (text.n < BEDROCK_UUID_CHARS ||
        (text.n > BEDROCK_UUID_CHARS && text.p[BEDROCK_UUID_CHARS] != '-')) {
        return false;
    }
    for (size_t i = 0; i < BEDROCK_UUID_CHARS; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text.p[i] != '-' : !is_hex(text.p[i])) {
            return false;
        }
    }
    return true;
}

fl_str bedrock_invocation_id(fl_str trace_id, char digits[BEDROCK_UUID_CHARS])
{
    if (!begins_with_uuid(trace_id)) {
        return (fl_str){0};
    }
    for (size_t i = 0; i < BEDROCK_UUID_CHARS; i++) {
        char c = trace_id.p[i];
        digits[i] = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
    }
    return (fl_str){digits, BEDROCK_UUID_CHARS};
}

/* ---- Paths */

static uint64_t domain_of(const bedrock_scope *in_flow, fl_str node_name)
{
    return in_flow != NULL ? bedrock_text_hash(node_name, in_flow->first_seq) | 1 : 0;
}

uint64_t bedrock_path_hash(const fl_str *elements, uint32_t count, uint64_t domain)
{
    uint64_t hash = domain;
    for (uint32_t i = 0; i < count; i++) {
        hash = bedrock_text_hash(elements[i], hash);
    }
    return hash;
}

static bool path_eq(const bedrock_path *a, const bedrock_path *b)
{
    if (a->hash != b->hash || a->count != b->count) {
        return false;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (!fl_str_eq(a->elements[i], b->elements[i])) {
            return false;
        }
    }
    return true;
}

/* What is asked of the index, before it is known whether such a scope exists. */
typedef struct lookup {
    const bedrock_event *event;
    bedrock_scope *in_flow;
    bedrock_step *node;
    uint64_t domain;
    bedrock_path path;
    fl_str invocation_id;
    char digits[BEDROCK_UUID_CHARS];
} lookup;

static fl_str reference_of(const bedrock_event *event)
{
    const bedrock_envelope *envelope = &event->envelope;
    if (envelope->agent_id.n == 0) {
        return envelope->collaborator_name.n > 0 ? envelope->collaborator_name : FL_S("agent");
    }
    fl_str alias = envelope->agent_alias_id;
    size_t bytes = envelope->agent_id.n + 1 + alias.n;
    char *text = fl_arena_alloc(&event->value->arena, bytes);
    if (text == NULL) {
        return (fl_str){0};
    }
    memcpy(text, envelope->agent_id.p, envelope->agent_id.n);
    text[envelope->agent_id.n] = '/';
    if (alias.n > 0) {
        memcpy(text + envelope->agent_id.n + 1, alias.p, alias.n);
    }
    return (fl_str){text, bytes};
}

/* `path` and one element more, in the event's memory. */
static fl_status extended(const bedrock_event *event, const fl_str *elements, uint32_t count,
                          fl_str last, bedrock_path *out, fl_err *err)
{
    fl_str *longer = FL_ARENA_ARRAY(&event->value->arena, fl_str, (size_t)count + 1);
    if (longer == NULL || last.p == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a path of %u agents", count);
    }
    for (uint32_t i = 0; i < count; i++) {
        longer[i] = elements[i];
    }
    longer[count] = last;
    out->elements = longer;
    out->count = count + 1;
    return FL_OK;
}

static fl_status path_of_callers(const bedrock_event *event, bedrock_path *out, fl_err *err)
{
    const bedrock_envelope *envelope = &event->envelope;
    fl_str agent = bedrock_arn_of(envelope->callers[envelope->caller_count - 1]).agent;
    if (envelope->agent_id.n == 0 || fl_str_eq(agent, envelope->agent_id) ||
        fl_str_eq(agent, FL_S("INLINE_AGENT"))) {
        out->elements = envelope->callers;
        out->count = envelope->caller_count;
        return FL_OK;
    }
    return extended(event, envelope->callers, envelope->caller_count, reference_of(event), out,
                    err);
}

/* The newest scope of the domain whose last path element is the reference, or an ARN of the agent.
 */
static const bedrock_scope *scope_called(const bedrock_state *state, const lookup *wanted,
                                         fl_str reference)
{
    const bedrock_scope *found = NULL;
    uint64_t hash = bedrock_text_hash(reference, wanted->domain);
    for (bedrock_index_entry *entry = bedrock_index_find(&state->by_last, hash);
         entry != NULL && found == NULL; entry = bedrock_index_next(entry)) {
        const bedrock_scope *scope = entry->item;
        bool same = scope->links->domain == wanted->domain &&
                    fl_str_eq(scope->path.elements[scope->path.count - 1], reference);
        found = same ? scope : NULL;
    }
    fl_str agent = wanted->event->envelope.agent_id;
    hash = bedrock_text_hash(agent, wanted->domain);
    bedrock_index_entry *entry = agent.n > 0 ? bedrock_index_find(&state->by_agent, hash) : NULL;
    for (; entry != NULL; entry = bedrock_index_next(entry)) {
        const bedrock_scope *scope = entry->item;
        if (scope->links->domain == wanted->domain &&
            fl_str_eq(bedrock_arn_of(scope->path.elements[scope->path.count - 1]).agent, agent)) {
            return found == NULL || scope->first_seq > found->first_seq ? scope : found;
        }
    }
    return found;
}

/* The scope whose open collaborator step called the agent of an event that does not tell. */
static const bedrock_scope *scope_calling(const bedrock_state *state, const lookup *wanted)
{
    const bedrock_step *oldest = NULL, *named = NULL;
    fl_str agent = wanted->event->envelope.agent_id;
    unsigned looked = 0;
    for (bedrock_scope *scope = state->newest_in[BEDROCK_CALLING];
         scope != NULL && looked < BEDROCK_LOOK_MAX;
         scope = scope->links->in[BEDROCK_CALLING].older, looked++) {
        for (bedrock_step *step = scope->open_first;
             step != NULL && scope->links->domain == wanted->domain; step = step->next_open) {
            if (step->segment.kind != BEDROCK_COLLABORATOR) {
                continue;
            }
            if (oldest == NULL || step->first_seq < oldest->first_seq) {
                oldest = step;
            }
            if (agent.n > 0 && fl_str_eq(bedrock_arn_of(step->alias_arn).agent, agent) &&
                (named == NULL || step->first_seq < named->first_seq)) {
                named = step;
            }
        }
    }
    return named != NULL ? named->segment.scope : oldest != NULL ? oldest->segment.scope : NULL;
}

static fl_status find_path(const bedrock_state *state, lookup *wanted, fl_err *err)
{
    const bedrock_event *event = wanted->event;
    if (event->envelope.caller_count > 0) {
        FL_TRY(path_of_callers(event, &wanted->path, err));
    } else {
        fl_str reference = reference_of(event);
        const bedrock_scope *scope =
            reference.p != NULL ? scope_called(state, wanted, reference) : NULL;
        if (scope != NULL) {
            wanted->path = scope->path;
            return FL_OK;
        }
        scope = scope_calling(state, wanted);
        FL_TRY(extended(event, scope != NULL ? scope->path.elements : NULL,
                        scope != NULL ? scope->path.count : 0, reference, &wanted->path, err));
    }
    wanted->path.hash =
        bedrock_path_hash(wanted->path.elements, wanted->path.count, wanted->domain);
    return FL_OK;
}

/* ---- Finding */

static bool is_of(const bedrock_scope *scope, const lookup *wanted)
{
    return scope->links->domain == wanted->domain && path_eq(&scope->path, &wanted->path);
}

/* May an event still belong to a scope that has ended? */
static bool comes_after_the_end(const bedrock_event *event)
{
    return event->member == BEDROCK_POST_PROCESSING || event->member == BEDROCK_FAILURE ||
           (event->member == BEDROCK_GUARDRAIL &&
            strcmp(bedrock_verdict_of(event->body, event->trace_id).stage, "output") == 0);
}

static uint64_t hash_with_id(const bedrock_path *path, fl_str invocation_id)
{
    return bedrock_text_hash(invocation_id, path->hash);
}

static bedrock_scope *find(const bedrock_state *state, const lookup *wanted)
{
    bool has_id = wanted->invocation_id.n > 0;
    const bedrock_index *index = has_id ? &state->by_path_and_id : &state->by_path;
    uint64_t hash = has_id ? hash_with_id(&wanted->path, wanted->invocation_id) : wanted->path.hash;
    for (bedrock_index_entry *entry = bedrock_index_find(index, hash); entry != NULL;
         entry = bedrock_index_next(entry)) {
        bedrock_scope *scope = entry->item;
        if (!is_of(scope, wanted)) {
            continue;
        }
        if (has_id) {
            if (fl_str_eq(scope->invocation_id, wanted->invocation_id)) {
                return scope;
            }
        } else {
            bool continues = scope->node == wanted->node &&
                             (!scope->ended || comes_after_the_end(wanted->event));
            return continues ? scope : NULL;
        }
    }
    return NULL;
}

/* ---- Making */

static fl_status copy_str(fl_arena *arena, fl_str *text, fl_err *err)
{
    if (text->p != NULL) {
        *text = fl_str_dup(arena, *text);
        if (text->p == NULL) {
            FL_FAIL(err, FL_E_NOMEM, "no memory for a run");
        }
    }
    return FL_OK;
}

static fl_status copy_path(fl_arena *arena, bedrock_path *path, fl_err *err)
{
    fl_str *elements = FL_ARENA_ARRAY(arena, fl_str, path->count);
    if (elements == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a path of %u agents", path->count);
    }
    for (uint32_t i = 0; i < path->count; i++) {
        elements[i] = path->elements[i];
        FL_TRY(copy_str(arena, &elements[i], err));
    }
    path->elements = elements;
    return FL_OK;
}

static fl_status new_scope(bedrock_state *state, bedrock_cluster *cluster,
                           const bedrock_event *event, bedrock_kind kind, bedrock_scope **out,
                           fl_err *err)
{
    fl_arena *arena = &cluster->arena;
    bedrock_scope *scope = FL_ARENA_NEW(arena, bedrock_scope);
    bedrock_scope_links *links = FL_ARENA_NEW(arena, bedrock_scope_links);
    if (scope == NULL || links == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a run");
    }
    *scope = (bedrock_scope){.segment = {.kind = kind, .scope = scope},
                             .cluster = cluster,
                             .is_flow = kind == BEDROCK_FLOW,
                             .place = event->place,
                             .first_seq = state->seq,
                             .first_trace_id = event->trace_id,
                             .first_session_id = event->envelope.session_id,
                             .first_node_name = event->node_name,
                             .first_event_ns = event->time_ns,
                             .first_time_ns = FL_TIME_NONE,
                             .final_ns = FL_TIME_NONE,
                             .failure_ns = FL_TIME_NONE,
                             .links = links};
    FL_TRY(copy_str(arena, &scope->first_trace_id, err));
    FL_TRY(copy_str(arena, &scope->first_session_id, err));
    FL_TRY(copy_str(arena, &scope->first_node_name, err));
    *out = scope;
    return FL_OK;
}

static fl_status index_scope(bedrock_state *state, bedrock_scope *scope, fl_err *err)
{
    bedrock_scope_links *links = scope->links;
    fl_str last = scope->path.elements[scope->path.count - 1];
    fl_str agent = bedrock_arn_of(last).agent;
    FL_TRY(bedrock_index_add(&state->by_path, &links->by_path, scope->path.hash, scope, err));
    FL_TRY(bedrock_index_add(&state->by_last, &links->by_last,
                             bedrock_text_hash(last, links->domain), scope, err));
    if (agent.n > 0) {
        FL_TRY(bedrock_index_add(&state->by_agent, &links->by_agent,
                                 bedrock_text_hash(agent, links->domain), scope, err));
    }
    if (scope->invocation_id.n > 0) {
        FL_TRY(bedrock_index_add(&state->by_path_and_id, &links->by_path_and_id,
                                 hash_with_id(&scope->path, scope->invocation_id), scope, err));
        FL_TRY(bedrock_index_add(&state->by_id, &links->by_id,
                                 bedrock_text_hash(scope->invocation_id, 0), scope, err));
    }
    return FL_OK;
}

static void list_top(bedrock_state *state, bedrock_scope *scope)
{
    bedrock_list_add(state, BEDROCK_TOPS, scope);
    scope->answer_chunks += state->chunks;
    scope->answer_files += state->files;
    scope->answer_citations += state->citations;
    state->chunks = state->files = state->citations = 0;
}

/* What an event tells of the agent that earlier ones did not. */
static fl_status learn(bedrock_scope *scope, const bedrock_envelope *envelope, fl_err *err)
{
    const struct {
        fl_str *to;
        fl_str from;
    } texts[] = {
        {&scope->envelope.agent_id, envelope->agent_id},
        {&scope->envelope.agent_alias_id, envelope->agent_alias_id},
        {&scope->envelope.agent_version, envelope->agent_version},
        {&scope->envelope.agent_name, envelope->agent_name},
        {&scope->envelope.collaborator_name, envelope->collaborator_name},
        {&scope->envelope.session_id, envelope->session_id},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].to->p == NULL && texts[i].from.p != NULL) {
            *texts[i].to = texts[i].from;
            scope->links->learned++;
            FL_TRY(copy_str(&scope->cluster->arena, texts[i].to, err));
        }
    }
    if (!scope->envelope.has_callers && envelope->has_callers) {
        scope->envelope.has_callers = true;
        scope->envelope.callers = scope->path.elements;
        scope->envelope.caller_count = scope->path.count;
    }
    return FL_OK;
}

static fl_status make(bedrock_state *state, lookup *wanted, bedrock_scope **out, fl_err *err)
{
    bedrock_cluster *cluster = wanted->in_flow != NULL ? wanted->in_flow->cluster : NULL;
    bedrock_scope *scope;
    if (cluster == NULL) {
        FL_TRY(bedrock_cluster_new(state, &cluster, err));
    }
    FL_TRY(new_scope(state, cluster, wanted->event, BEDROCK_AGENT, &scope, err));
    scope->path = wanted->path;
    scope->invocation_id = wanted->invocation_id;
    scope->node = wanted->node;
    scope->node_name = wanted->in_flow != NULL ? wanted->event->node_name : (fl_str){0};
    scope->links->domain = wanted->domain;
    FL_TRY(copy_path(&cluster->arena, &scope->path, err));
    FL_TRY(copy_str(&cluster->arena, &scope->invocation_id, err));
    FL_TRY(copy_str(&cluster->arena, &scope->node_name, err));
    FL_TRY(bedrock_vector_add(&cluster->arena, &cluster->scopes, scope, err));
    FL_TRY(learn(scope, &wanted->event->envelope, err));
    FL_TRY(index_scope(state, scope, err));
    if (scope->path.count == 1 && wanted->domain == 0) {
        list_top(state, scope);
    }
    FL_TRY(bedrock_link_scope(state, scope, err));
    *out = scope;
    return FL_OK;
}

/* ---- Entries */

/* Does the traceId begin with this id, which is in lower case? */
static bool begins_with_id(fl_str trace_id, fl_str invocation_id)
{
    return invocation_id.n == BEDROCK_UUID_CHARS && trace_id.n >= BEDROCK_UUID_CHARS &&
           memcmp(trace_id.p, invocation_id.p, BEDROCK_UUID_CHARS) == 0 &&
           (trace_id.n == BEDROCK_UUID_CHARS || trace_id.p[BEDROCK_UUID_CHARS] == '-');
}

/* Most events are of the scope of the one before. Only a path that is told in full, by callers that
 * end with the agent itself, can be compared without looking anything up. */
static bool is_of_last(const bedrock_scope *last, const lookup *wanted)
{
    const bedrock_envelope *envelope = &wanted->event->envelope;
    if (last == NULL || last->links->domain != wanted->domain ||
        !begins_with_id(wanted->event->trace_id, last->invocation_id) ||
        last->path.count != envelope->caller_count ||
        !fl_str_eq(last->envelope.agent_id, envelope->agent_id)) {
        return false;
    }
    for (uint32_t i = 0; i < envelope->caller_count; i++) {
        if (!fl_str_eq(last->path.elements[i], envelope->callers[i])) {
            return false;
        }
    }
    return true;
}

fl_status bedrock_scope_of(bedrock_state *state, const bedrock_event *event, bedrock_scope *in_flow,
                           bedrock_step *node, bedrock_scope **out, fl_err *err)
{
    lookup wanted = {.event = event, .in_flow = in_flow, .node = node};
    wanted.domain = domain_of(in_flow, event->node_name);
    bedrock_scope *scope = is_of_last(state->last, &wanted) ? state->last : NULL;
    if (scope == NULL) {
        wanted.invocation_id = bedrock_invocation_id(event->trace_id, wanted.digits);
        FL_TRY(find_path(state, &wanted, err));
        scope = find(state, &wanted);
    }
    if (scope == NULL) {
        FL_TRY(make(state, &wanted, &scope, err));
    }
    state->last = scope;
    FL_TRY(learn(scope, &event->envelope, err));
    *out = scope;
    return FL_OK;
}

fl_status bedrock_scope_newest_top(bedrock_state *state, const bedrock_event *event,
                                   bedrock_scope **out, fl_err *err)
{
    if (state->newest_in[BEDROCK_TOPS] != NULL) {
        *out = state->newest_in[BEDROCK_TOPS];
        return FL_OK;
    }
    fl_str agent = FL_S("agent");
    lookup wanted = {.event = event, .path = {&agent, 1, bedrock_path_hash(&agent, 1, 0)}};
    return make(state, &wanted, out, err);
}

fl_status bedrock_scope_new_flow(bedrock_state *state, const bedrock_event *event,
                                 bedrock_scope **out, fl_err *err)
{
    bedrock_cluster *cluster;
    bedrock_scope *flow;
    FL_TRY(bedrock_cluster_new(state, &cluster, err));
    FL_TRY(new_scope(state, cluster, event, BEDROCK_FLOW, &flow, err));
    flow->execution_id =
        state->options->execution_id.p != NULL ? state->options->execution_id : event->execution_id;
    FL_TRY(copy_str(&cluster->arena, &flow->execution_id, err));
    FL_TRY(bedrock_vector_add(&cluster->arena, &cluster->scopes, flow, err));
    state->flow = flow;
    *out = flow;
    return FL_OK;
}
