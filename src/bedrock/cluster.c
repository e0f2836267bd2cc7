/* Clusters: memory of scopes that belong together, their order, merging and dropping. */
#include <stdlib.h>

#include "bedrock/convert_int.h"

fl_status bedrock_vector_add(fl_arena *arena, bedrock_vector *vector, void *item, fl_err *err)
{
    if (vector->count == vector->capacity) {
        size_t capacity = vector->capacity * 2 + 8;
        void **items =
            (void **)fl_arena_resize(arena, (void *)vector->items, vector->capacity * sizeof *items,
                                     capacity * sizeof *items);
        if (items == NULL) {
            FL_FAIL(err, FL_E_NOMEM, "no memory for a run of %zu parts", vector->count);
        }
        vector->items = items;
        vector->capacity = capacity;
    }
    vector->items[vector->count++] = item;
    return FL_OK;
}

/* ---- The list by last event */

static void unlist(bedrock_state *state, bedrock_cluster *cluster)
{
    *(cluster->older != NULL ? &cluster->older->newer : &state->oldest) = cluster->newer;
    *(cluster->newer != NULL ? &cluster->newer->older : &state->newest) = cluster->older;
    cluster->older = cluster->newer = NULL;
}

static void list_newest(bedrock_state *state, bedrock_cluster *cluster)
{
    cluster->older = state->newest;
    *(state->newest != NULL ? &state->newest->newer : &state->oldest) = cluster;
    state->newest = cluster;
}

void bedrock_cluster_touch(bedrock_state *state, bedrock_cluster *cluster)
{
    cluster->is_changed = true;
    if (state->newest != cluster) {
        unlist(state, cluster);
        list_newest(state, cluster);
    }
}

fl_status bedrock_cluster_new(bedrock_state *state, bedrock_cluster **out, fl_err *err)
{
    bedrock_cluster *cluster = calloc(1, sizeof *cluster);
    if (cluster == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a run");
    }
    fl_arena_init(&cluster->arena, state->options->max_bytes);
    cluster->arena.budget = state->budget;
    list_newest(state, cluster);
    *out = cluster;
    return FL_OK;
}

/* ---- Dropping */

static void free_all(bedrock_cluster *cluster)
{
    while (cluster != NULL) {
        bedrock_cluster *next = cluster->absorbed;
        fl_arena_fini(&cluster->arena);
        free(cluster);
        cluster = next;
    }
}

void bedrock_cluster_drop(bedrock_state *state, bedrock_cluster *cluster)
{
    for (size_t i = 0; i < cluster->scopes.count; i++) {
        bedrock_link_forget(state, cluster->scopes.items[i]);
    }
    for (size_t i = 0; i < cluster->steps.count; i++) {
        bedrock_step *step = cluster->steps.items[i];
        if (step->by_request != NULL) {
            bedrock_index_remove(&state->by_request, step->by_request);
        }
    }
    for (bedrock_node *node = cluster->nodes; node != NULL; node = node->next) {
        bedrock_index_remove(&state->by_node, &node->entry);
    }
    for (size_t i = 0; i < cluster->values.count; i++) {
        bedrock_value_release(cluster->values.items[i]);
    }
    state->held_bytes -= cluster->counted_bytes;
    unlist(state, cluster);
    free_all(cluster);
}

void bedrock_state_fini(bedrock_state *state)
{
    bedrock_cluster *next;
    for (bedrock_cluster *cluster = state->oldest; cluster != NULL; cluster = next) {
        next = cluster->newer;
        bedrock_cluster_drop(state, cluster);
    }
    bedrock_index *indexes[] = {&state->by_path_and_id, &state->by_path, &state->by_last,
                                &state->by_agent,       &state->by_id,   &state->by_request,
                                &state->by_node};
    for (size_t i = 0; i < sizeof indexes / sizeof indexes[0]; i++) {
        bedrock_index_fini(indexes[i]);
    }
}

/* ---- What a cluster holds */

fl_status bedrock_cluster_hold(bedrock_cluster *cluster, bedrock_value *value, fl_err *err)
{
    if (cluster->values.count > 0 &&
        cluster->values.items[cluster->values.count - 1] == (void *)value) {
        return FL_OK;
    }
    FL_TRY(bedrock_vector_add(&cluster->arena, &cluster->values, value, err));
    value->references++;
    cluster->value_bytes += value->arena.used_bytes;
    return FL_OK;
}

fl_status bedrock_cluster_mark(bedrock_cluster *cluster, uint64_t seq, bedrock_scope *scope,
                               fl_err *err)
{
    if (cluster->mark_count == cluster->mark_capacity) {
        size_t capacity = cluster->mark_capacity * 2 + 16;
        bedrock_mark *marks =
            fl_arena_resize(&cluster->arena, cluster->marks, cluster->mark_capacity * sizeof *marks,
                            capacity * sizeof *marks);
        if (marks == NULL) {
            FL_FAIL(err, FL_E_NOMEM, "no memory for a run of %zu events", cluster->mark_count);
        }
        cluster->marks = marks;
        cluster->mark_capacity = capacity;
    }
    cluster->marks[cluster->mark_count++] = (bedrock_mark){seq, scope};
    return FL_OK;
}

static size_t bytes_of(const bedrock_cluster *cluster)
{
    size_t bytes = cluster->value_bytes;
    for (; cluster != NULL; cluster = cluster->absorbed) {
        bytes += sizeof *cluster + cluster->arena.used_bytes;
    }
    return bytes;
}

void bedrock_cluster_count(bedrock_state *state, bedrock_cluster *cluster)
{
    size_t bytes = bytes_of(cluster);
    state->held_bytes += bytes - cluster->counted_bytes;
    cluster->counted_bytes = bytes;
}

/* ---- Merging */

static fl_status append(fl_arena *arena, bedrock_vector *to, const bedrock_vector *from,
                        fl_err *err)
{
    for (size_t i = 0; i < from->count; i++) {
        FL_TRY(bedrock_vector_add(arena, to, from->items[i], err));
    }
    return FL_OK;
}

/* The lists' owners change only when everything is in `to`, so that a lack of memory leaves each
 * scope in the cluster that frees it. */
static fl_status absorb(bedrock_state *state, bedrock_cluster *to, bedrock_cluster *from,
                        fl_err *err)
{
    size_t values = to->values.count, scopes = to->scopes.count, steps = to->steps.count,
           marks = to->mark_count;
    fl_status status = append(&to->arena, &to->values, &from->values, err);
    status = status == FL_OK ? append(&to->arena, &to->scopes, &from->scopes, err) : status;
    status = status == FL_OK ? append(&to->arena, &to->steps, &from->steps, err) : status;
    for (size_t i = 0; i < from->mark_count && status == FL_OK; i++) {
        status = bedrock_cluster_mark(to, from->marks[i].seq, from->marks[i].scope, err);
    }
    if (status != FL_OK) {
        to->values.count = values;
        to->scopes.count = scopes;
        to->steps.count = steps;
        to->mark_count = marks;
        return status;
    }
    for (size_t i = 0; i < from->scopes.count; i++) {
        ((bedrock_scope *)from->scopes.items[i])->cluster = to;
    }
    bedrock_node **last = &to->nodes;
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = from->nodes;
    to->value_bytes += from->value_bytes;
    to->counted_bytes += from->counted_bytes;
    unlist(state, from);
    bedrock_cluster *tail = from;
    while (tail->absorbed != NULL) {
        tail = tail->absorbed;
    }
    tail->absorbed = to->absorbed;
    to->absorbed = from;
    to->is_mixed = true;
    return FL_OK;
}

/* The smaller one moves, so that many merges stay cheap. */
fl_status bedrock_cluster_merge(bedrock_state *state, bedrock_cluster *a, bedrock_cluster *b,
                                fl_err *err)
{
    if (a == b) {
        return FL_OK;
    }
    bedrock_cluster *to = a->mark_count >= b->mark_count ? a : b;
    FL_TRY(absorb(state, to, to == a ? b : a, err));
    bedrock_cluster_touch(state, to);
    return FL_OK;
}

static int by_number(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int by_scope(const void *a, const void *b)
{
    const bedrock_scope *const *left = (const bedrock_scope *const *)a;
    const bedrock_scope *const *right = (const bedrock_scope *const *)b;
    return by_number((*left)->first_seq, (*right)->first_seq);
}

static int by_step(const void *a, const void *b)
{
    const bedrock_step *const *left = (const bedrock_step *const *)a;
    const bedrock_step *const *right = (const bedrock_step *const *)b;
    return by_number((*left)->first_seq, (*right)->first_seq);
}

static int by_mark(const void *a, const void *b)
{
    return by_number(((const bedrock_mark *)a)->seq, ((const bedrock_mark *)b)->seq);
}

void bedrock_cluster_sort(bedrock_cluster *cluster)
{
    if (!cluster->is_mixed) {
        return;
    }
    if (cluster->scopes.count > 1) {
        qsort((void *)cluster->scopes.items, cluster->scopes.count, sizeof(void *), by_scope);
    }
    if (cluster->steps.count > 1) {
        qsort((void *)cluster->steps.items, cluster->steps.count, sizeof(void *), by_step);
    }
    if (cluster->mark_count > 1) {
        qsort(cluster->marks, cluster->mark_count, sizeof *cluster->marks, by_mark);
    }
    cluster->is_mixed = false;
}
