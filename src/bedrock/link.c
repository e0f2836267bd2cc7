/*
 * Which scope hangs where (spec §3.7). What is known when a scope begins is found at once, through
 * the scopes that have open collaborator steps; what only a later event tells is put right then.
 * Settling chooses among what was found.
 */
#include "bedrock/convert_int.h"

/* ---- Lists of scopes */

void bedrock_list_add(bedrock_state *state, bedrock_list list, bedrock_scope *scope)
{
    bedrock_place_in_list *place = &scope->links->in[list];
    bedrock_scope *newest = state->newest_in[list];
    *place = (bedrock_place_in_list){.older = newest, .is_in = true};
    if (newest != NULL) {
        newest->links->in[list].newer = scope;
    }
    state->newest_in[list] = scope;
}

void bedrock_list_remove(bedrock_state *state, bedrock_list list, bedrock_scope *scope)
{
    bedrock_place_in_list *place = &scope->links->in[list];
    if (!place->is_in) {
        return;
    }
    *(place->newer != NULL ? &place->newer->links->in[list].older : &state->newest_in[list]) =
        place->older;
    if (place->older != NULL) {
        place->older->links->in[list].newer = place->newer;
    }
    *place = (bedrock_place_in_list){0};
}

void bedrock_link_forget(bedrock_state *state, bedrock_scope *scope)
{
    bedrock_scope_links *links = scope->links;
    bedrock_index_remove(&state->by_path_and_id, &links->by_path_and_id);
    bedrock_index_remove(&state->by_path, &links->by_path);
    bedrock_index_remove(&state->by_last, &links->by_last);
    bedrock_index_remove(&state->by_agent, &links->by_agent);
    bedrock_index_remove(&state->by_id, &links->by_id);
    for (bedrock_list list = 0; list < BEDROCK_LISTS; list++) {
        bedrock_list_remove(state, list, scope);
    }
    state->flow = state->flow == scope ? NULL : state->flow;
    state->last = state->last == scope ? NULL : state->last;
}

/* ---- Paths */

/* Is `shorter` the path of `longer` without its last element? */
static bool is_above(const bedrock_scope *shorter, const bedrock_scope *longer)
{
    if (shorter->links->domain != longer->links->domain ||
        shorter->path.count + 1 != longer->path.count) {
        return false;
    }
    for (uint32_t i = 0; i < shorter->path.count; i++) {
        if (!fl_str_eq(shorter->path.elements[i], longer->path.elements[i])) {
            return false;
        }
    }
    return true;
}

static bool is_top_of(const bedrock_scope *top, const bedrock_scope *scope)
{
    return top->links->domain == scope->links->domain && top->path.count == 1 &&
           fl_str_eq(top->path.elements[0], scope->path.elements[0]);
}

static bedrock_scope *
newest_with_path(const bedrock_state *state, const bedrock_scope *below, uint32_t count,
                 bool (*matches)(const bedrock_scope *, const bedrock_scope *))
{
    uint64_t hash = bedrock_path_hash(below->path.elements, count, below->links->domain);
    for (bedrock_index_entry *entry = bedrock_index_find(&state->by_path, hash); entry != NULL;
         entry = bedrock_index_next(entry)) {
        if (entry->item != below && matches(entry->item, below)) {
            return entry->item;
        }
    }
    return NULL;
}

/* ---- Rule 1: the answer of a collaborator step names the invocation */

static fl_status join(bedrock_state *state, bedrock_scope *scope, bedrock_scope *other, fl_err *err)
{
    return bedrock_cluster_merge(state, scope->cluster, other->cluster, err);
}

static void find_caller_by_request(const bedrock_state *state, bedrock_scope *scope)
{
    bedrock_index_entry *entry =
        scope->invocation_id.n > 0
            ? bedrock_index_find(&state->by_request, bedrock_text_hash(scope->invocation_id, 0))
            : NULL;
    for (; entry != NULL; entry = bedrock_index_next(entry)) {
        bedrock_step *step = entry->item;
        if (fl_str_eq_nocase(step->metadata.client_request_id, scope->invocation_id) &&
            step->segment.scope != scope) {
            scope->links->caller_by_request = step;
            return;
        }
    }
}

fl_status bedrock_link_answered(bedrock_state *state, bedrock_step *step, fl_err *err)
{
    bedrock_scope *scope = step->segment.scope;
    char digits[BEDROCK_UUID_CHARS];
    fl_str told = step->metadata.client_request_id;
    fl_str id = bedrock_invocation_id(told, digits);
    if (id.n == 0 || id.n != told.n) { /* no invocation has such an id */
        return FL_OK;
    }
    uint64_t hash = bedrock_text_hash(id, 0);
    step->by_request = FL_ARENA_NEW(&scope->cluster->arena, bedrock_index_entry);
    if (step->by_request == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a run");
    }
    FL_TRY(bedrock_index_add(&state->by_request, step->by_request, hash, step, err));
    for (bedrock_index_entry *entry = bedrock_index_find(&state->by_id, hash); entry != NULL;
         entry = bedrock_index_next(entry)) {
        bedrock_scope *called = entry->item;
        if (called != scope && called->links->caller_by_request == NULL &&
            fl_str_eq(called->invocation_id, id)) {
            called->links->caller_by_request = step;
            bedrock_list_remove(state, BEDROCK_ORPHANS, called);
            FL_TRY(join(state, scope, called, err));
        }
    }
    return FL_OK;
}

void bedrock_link_opened(bedrock_state *state, bedrock_step *step)
{
    bedrock_scope *scope = step->segment.scope;
    if (scope->links->open_collaborators++ == 0) {
        bedrock_list_add(state, BEDROCK_CALLING, scope);
    }
}

void bedrock_link_unlisted(bedrock_state *state, bedrock_step *step)
{
    bedrock_scope *scope = step->segment.scope;
    if (--scope->links->open_collaborators == 0) {
        bedrock_list_remove(state, BEDROCK_CALLING, scope);
    }
}

/* ---- Rule 2: an open collaborator step of the scope above */

int bedrock_link_fitness(const bedrock_step *step, const bedrock_scope *scope)
{
    if (fl_str_eq(step->alias_arn, scope->path.elements[scope->path.count - 1])) {
        return 2;
    }
    fl_str name = scope->envelope.collaborator_name;
    return name.n > 0 && fl_str_eq(step->target, name) ? 1 : 0;
}

static bedrock_step *open_caller(const bedrock_state *state, const bedrock_scope *scope)
{
    bedrock_step *best = NULL;
    unsigned looked = 0;
    for (const bedrock_scope *calling = state->newest_in[BEDROCK_CALLING];
         calling != NULL && looked < BEDROCK_LOOK_MAX;
         calling = calling->links->in[BEDROCK_CALLING].older, looked++) {
        if (!is_above(calling, scope)) {
            continue;
        }
        for (bedrock_step *step = calling->open_first; step != NULL; step = step->next_open) {
            if (step->segment.kind != BEDROCK_COLLABORATOR || step->linked) {
                continue;
            }
            int gain = best == NULL
                           ? 1
                           : bedrock_link_fitness(step, scope) - bedrock_link_fitness(best, scope);
            if (gain > 0 || (gain == 0 && step->first_seq < best->first_seq)) {
                best = step;
            }
        }
    }
    return best;
}

/* ---- Rule 3: the scope above without a step */

static fl_status take_orphans(bedrock_state *state, bedrock_scope *scope, fl_err *err)
{
    bedrock_scope *next;
    unsigned looked = 0;
    for (bedrock_scope *orphan = state->newest_in[BEDROCK_ORPHANS];
         orphan != NULL && looked < BEDROCK_LOOK_MAX; orphan = next, looked++) {
        next = orphan->links->in[BEDROCK_ORPHANS].older;
        bool exact = is_above(scope, orphan);
        if (orphan == scope ||
            (!exact && (orphan->links->above != NULL || !is_top_of(scope, orphan)))) {
            continue;
        }
        orphan->links->above = scope;
        if (exact) {
            bedrock_list_remove(state, BEDROCK_ORPHANS, orphan);
        }
        FL_TRY(join(state, scope, orphan, err));
    }
    return FL_OK;
}

fl_status bedrock_link_scope(bedrock_state *state, bedrock_scope *scope, fl_err *err)
{
    bedrock_scope_links *links = scope->links;
    find_caller_by_request(state, scope);
    if (scope->path.count > 1) {
        links->caller_by_order = open_caller(state, scope);
        links->above = newest_with_path(state, scope, scope->path.count - 1, is_above);
        if (links->above == NULL) {
            links->above = newest_with_path(state, scope, 1, is_top_of);
            bedrock_list_add(state, BEDROCK_ORPHANS, scope);
        }
    }
    if (links->caller_by_order != NULL) {
        links->caller_by_order->linked = true;
        FL_TRY(join(state, scope, links->caller_by_order->segment.scope, err));
    }
    if (links->caller_by_request != NULL) {
        FL_TRY(join(state, scope, links->caller_by_request->segment.scope, err));
    }
    if (links->above != NULL && links->caller_by_order == NULL) {
        FL_TRY(join(state, scope, links->above, err));
    }
    return take_orphans(state, scope, err);
}
