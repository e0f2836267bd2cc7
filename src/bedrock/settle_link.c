/* Where each scope hangs, as far as is known now: links, roots, depths, labels (spec §3.6, §3.7).
 */
#include "bedrock/convert_int.h"

/* ---- Rules 1 to 3 */

/* An answer that names an invocation links exactly; the oldest scope of that id takes it. */
static void link_by_request(bedrock_scope *scope)
{
    bedrock_step *caller = scope->links->caller_by_request;
    if (caller != NULL && caller->callee == NULL) {
        scope->caller = caller;
        caller->callee = scope;
    }
}

static bool was_open(const bedrock_step *step, uint64_t seq)
{
    return step->first_seq < seq && (step->closed_seq == 0 || step->closed_seq > seq);
}

/* The step that was chosen when the scope began has turned out to be another's: the best of the
 * others, the oldest of equal ones. */
static bedrock_step *another_caller(const bedrock_cluster *cluster, const bedrock_scope *scope,
                                    const bedrock_step *chosen)
{
    bedrock_step *best = NULL;
    for (size_t i = 0; i < cluster->steps.count; i++) {
        bedrock_step *step = cluster->steps.items[i];
        if (step->segment.kind == BEDROCK_COLLABORATOR && step->callee == NULL &&
            step->segment.scope->path.hash == chosen->segment.scope->path.hash &&
            was_open(step, scope->first_seq) &&
            (best == NULL ||
             bedrock_link_fitness(step, scope) > bedrock_link_fitness(best, scope))) {
            best = step;
        }
    }
    return best;
}

static void link_by_order(const bedrock_cluster *cluster, bedrock_scope *scope)
{
    bedrock_step *caller = scope->links->caller_by_order;
    if (scope->caller != NULL || caller == NULL) {
        return;
    }
    if (caller->callee != NULL) {
        caller = another_caller(cluster, scope, caller);
    }
    if (caller != NULL) {
        scope->caller = caller;
        caller->callee = scope;
    }
}

/* Below the flow's node, or below a scope of a shorter path. */
static void hang_without_step(bedrock_scope *scope, bedrock_scope *flow)
{
    if (scope->caller != NULL || scope->is_flow) {
        return;
    }
    if (scope->links->above != NULL) {
        scope->above = scope->links->above;
    } else if (scope->links->domain != 0) {
        scope->caller = scope->node;
        scope->above = scope->node == NULL ? flow : NULL;
    }
}

/* ---- Roots */

/* Answers can name each other in a circle: it is cut where the walk came back to. */
static void cut(bedrock_scope *scope)
{
    if (scope->caller != NULL && scope->caller->callee == scope) {
        scope->caller->callee = NULL;
    }
    scope->caller = NULL;
    scope->above = NULL;
}

static void find_root(bedrock_scope *scope, uint32_t walk)
{
    bedrock_scope *top = scope;
    uint32_t steps = 0;
    while (top->links->root == NULL) {
        top->links->walk = walk;
        bedrock_scope *next = bedrock_scope_up(top);
        if (next != NULL && next->links->root == NULL && next->links->walk == walk) {
            cut(top);
            next = NULL;
        }
        if (next == NULL) {
            top->links->root = top;
            top->links->depth = 0;
            break;
        }
        steps++;
        top = next;
    }
    bedrock_scope *root = top->links->root;
    uint32_t depth = top->links->depth + steps;
    for (bedrock_scope *at = scope; at != top; at = bedrock_scope_up(at)) {
        at->links->root = root;
        at->links->depth = depth--;
    }
}

/* ---- Names */

static fl_str agent_label(const bedrock_scope *scope)
{
    const bedrock_envelope *envelope = &scope->envelope;
    fl_str last = scope->path.elements[scope->path.count - 1];
    bool has_arn = fl_str_starts(last, FL_S("arn:"));
    bedrock_arn arn = bedrock_arn_of(last);
    bool is_inline = fl_str_eq(arn.agent, FL_S("INLINE_AGENT"));
    if (envelope->agent_id.n > 0) {
        return envelope->agent_id;
    }
    if (has_arn && !is_inline && arn.agent.n > 0) {
        return arn.agent;
    }
    if (is_inline && arn.alias.n > 0 && !fl_str_eq(arn.alias, FL_S("TSTALIASID"))) {
        return arn.alias;
    }
    if (envelope->collaborator_name.n > 0) {
        return envelope->collaborator_name;
    }
    if (is_inline) {
        return FL_S("INLINE_AGENT");
    }
    if (scope->caller != NULL && scope->caller->segment.kind == BEDROCK_COLLABORATOR) {
        fl_str agent = bedrock_arn_of(scope->caller->alias_arn).agent;
        return agent.n > 0                   ? agent
               : scope->caller->target.n > 0 ? scope->caller->target
                                             : FL_S("agent");
    }
    return FL_S("agent");
}

static fl_str agent_name(const bedrock_scope *scope)
{
    if (scope->envelope.agent_name.n > 0) {
        return scope->envelope.agent_name;
    }
    if (scope->caller != NULL && scope->caller->segment.kind == BEDROCK_COLLABORATOR &&
        scope->caller->target.n > 0) {
        return scope->caller->target;
    }
    return scope->path.count == 2 ? scope->envelope.collaborator_name : (fl_str){0};
}

static void name_scope(bedrock_scope *scope, const fl_bedrock_options *options)
{
    if (!scope->is_flow) {
        scope->label = agent_label(scope);
        scope->agent_name = agent_name(scope);
        return;
    }
    scope->label = options->flow.n > 0         ? options->flow
                   : scope->execution_id.n > 0 ? scope->execution_id
                                               : FL_S("flow");
}

/* ---- */

void bedrock_settle_links(bedrock_cluster *cluster, const fl_bedrock_options *options)
{
    bedrock_scope **scopes = (bedrock_scope **)cluster->scopes.items;
    bedrock_scope *flow = NULL;
    size_t count = cluster->scopes.count;
    for (size_t i = 0; i < cluster->steps.count; i++) {
        ((bedrock_step *)cluster->steps.items[i])->callee = NULL;
    }
    for (size_t i = 0; i < count; i++) {
        scopes[i]->caller = NULL;
        scopes[i]->above = NULL;
        scopes[i]->links->root = NULL;
        scopes[i]->links->walk = 0;
        flow = scopes[i]->is_flow ? scopes[i] : flow;
    }
    for (size_t i = 0; i < count; i++) {
        link_by_request(scopes[i]);
    }
    for (size_t i = 0; i < count; i++) {
        link_by_order(cluster, scopes[i]);
    }
    for (size_t i = 0; i < count; i++) {
        hang_without_step(scopes[i], flow);
    }
    for (size_t i = 0; i < count; i++) {
        find_root(scopes[i], (uint32_t)i + 1);
    }
    for (size_t i = 0; i < count; i++) {
        name_scope(scopes[i], options);
    }
}
