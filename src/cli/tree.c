#include "cli/tree_int.h"

#include <stdlib.h>

#include "cli/mark_int.h"

/* An entity that waits for its place in the tree. */
typedef struct pending {
    const fl_entity *entity;
    uint32_t parent;
} pending;

typedef struct builder {
    fl_tree *tree;
    pending *stack; /* next one at the end */
    size_t depth;
} builder;

static int by_start(const fl_entity *a, const fl_entity *b)
{
    const fl_segment *x = a->segment, *y = b->segment;
    if (x->start_ns != y->start_ns) {
        return x->start_ns < y->start_ns ? -1 : 1;
    }
    return (x->id > y->id) - (x->id < y->id);
}

/* Latest first: the stack gives the earliest one out first. */
static int by_start_descending(const void *a, const void *b)
{
    return by_start(((const pending *)b)->entity, ((const pending *)a)->entity);
}

static void push_children(builder *b, const fl_entity *entity, uint32_t parent)
{
    size_t begin = b->depth;
    for (const fl_entity *child = entity->first_child; child != NULL; child = child->next_sibling) {
        b->stack[b->depth++] = (pending){child, parent};
    }
    for (const fl_entity *callee = fl_entity_real_callees(entity); callee != NULL;
         callee = callee->next_callee) {
        b->stack[b->depth++] = (pending){callee, parent};
    }
    qsort(b->stack + begin, b->depth - begin, sizeof *b->stack, by_start_descending);
}

static void push_roots(builder *b, const fl_trace *trace)
{
    for (size_t i = 0; i < trace->top_count; i++) {
        if (trace->tops[i]->caller == NULL && !trace->tops[i]->inferred) {
            b->stack[b->depth++] = (pending){trace->tops[i], FL_TREE_NONE};
        }
    }
    qsort(b->stack, b->depth, sizeof *b->stack, by_start_descending);
}

static bool is_troubled(const fl_segment *segment)
{
    fl_flags flags = fl_segment_flags(segment);
    return flags.fault || flags.error || flags.throttle || !fl_segment_is_complete(segment);
}

static void place_nodes(builder *b)
{
    while (b->depth > 0) {
        pending next = b->stack[--b->depth];
        uint32_t index = b->tree->count++;
        b->tree->nodes[index] = (fl_tree_node){
            .entity = next.entity,
            .parent = next.parent,
            .end = index + 1,
            .depth = next.parent == FL_TREE_NONE ? 0 : b->tree->nodes[next.parent].depth + 1,
            .trouble = is_troubled(next.entity->segment),
        };
        push_children(b, next.entity, index);
    }
}

static int by_entity(const void *a, const void *b)
{
    const fl_path_slice *x = a, *y = b;
    uintptr_t ex = (uintptr_t)x->entity, ey = (uintptr_t)y->entity;
    if (ex != ey) {
        return ex < ey ? -1 : 1;
    }
    return (x->from_ns > y->from_ns) - (x->from_ns < y->from_ns);
}

const fl_path_slice *fl_tree_slices(const fl_tree *tree, const fl_entity *entity, size_t *count)
{
    size_t low = 0, high = tree->slice_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((uintptr_t)tree->slices[middle].entity < (uintptr_t)entity) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    size_t end = low;
    while (end < tree->slice_count && tree->slices[end].entity == entity) {
        end++;
    }
    *count = end - low;
    return tree->slices + low;
}

/* What lies below decides: from the last node to the first, each tells its parent. */
static void spread_upwards(fl_tree *tree)
{
    for (uint32_t i = tree->count; i-- > 0;) {
        fl_tree_node *node = &tree->nodes[i];
        size_t slices;
        fl_tree_slices(tree, node->entity, &slices);
        node->on_path |= slices > 0;
        if (node->parent != FL_TREE_NONE) {
            fl_tree_node *parent = &tree->nodes[node->parent];
            parent->end = node->end > parent->end ? node->end : parent->end;
            parent->trouble |= node->trouble;
            parent->on_path |= node->on_path;
        }
    }
}

/* From the first start to the last end; a tenth more where something is unfinished, so that it
 * shows. */
static void set_axis(fl_tree *tree, const fl_trace *trace)
{
    int64_t to_ns = trace->end_ns != FL_TIME_NONE ? trace->end_ns : trace->start_ns;
    for (uint32_t i = 0; i < tree->count; i++) {
        int64_t start_ns = tree->nodes[i].entity->segment->start_ns;
        to_ns = start_ns > to_ns ? start_ns : to_ns;
    }
    if (trace->in_progress) {
        to_ns += (to_ns - trace->start_ns) / 10;
    }
    tree->from_ns = trace->start_ns;
    tree->to_ns = to_ns > trace->start_ns ? to_ns : trace->start_ns + FL_NS_PER_MS;
}

fl_status fl_tree_of(fl_arena *arena, const fl_trace *trace, fl_tree *out, fl_err *err)
{
    fl_tree tree = {0};
    fl_critical_path path = {0};
    if (trace->entity_count >= FL_TREE_NONE) {
        FL_FAIL(err, FL_E_TOO_LARGE, "the trace has too many entries to draw");
    }
    /* entity_count has the inferred ones too, so it is enough for both. */
    tree.nodes = FL_ARENA_ARRAY(arena, fl_tree_node, trace->entity_count);
    builder b = {.tree = &tree, .stack = FL_ARENA_ARRAY(arena, pending, trace->entity_count)};
    if (tree.nodes == NULL || b.stack == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory for the tree");
    }
    push_roots(&b, trace);
    place_nodes(&b);
    set_axis(&tree, trace);
    if (trace->root != NULL) {
        FL_TRY(fl_critical_path_find(arena, trace->root, tree.to_ns, &path, err));
    }
    tree.slices = path.slices;
    tree.slice_count = path.count;
    if (path.count > 0) {
        qsort(tree.slices, tree.slice_count, sizeof *tree.slices, by_entity);
    }
    spread_upwards(&tree);
    *out = tree;
    return FL_OK;
}
