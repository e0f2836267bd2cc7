#include "cli/tree_int.h"

#include <stdlib.h>

#include "cli/entity_text_int.h"

/* An entity that waits for its place in the tree. */
typedef struct pending {
    const fl_entity *entity;
    uint32_t parent;
} pending;

typedef struct builder {
    fl_tree *tree;
    const fl_entity *root;
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

fl_mark fl_tree_mark(const fl_tree_node *node)
{
    fl_mark mark = fl_entity_mark(node->entity);
    bool waits = node->step != NULL && node->step->waits;
    return mark == FL_MARK_OK && waits ? FL_MARK_PARTIAL : mark;
}

int64_t fl_tree_ns(const fl_tree *tree, uint32_t node)
{
    const fl_segment *segment = tree->nodes[node].entity->segment;
    int64_t end_ns = fl_segment_is_complete(segment) ? segment->end_ns : tree->to_ns;
    return end_ns > segment->start_ns ? end_ns - segment->start_ns : 0;
}

static bool is_troubled(const fl_tree_node *node)
{
    const fl_step *step = node->step;
    return fl_tree_mark(node) != FL_MARK_OK ||
           (step != NULL && (step->timed_out || step->intervened));
}

/* The step that an entity is, in arena; NULL if it is none. */
static fl_status read_step(fl_arena *arena, const fl_segment *segment, const fl_step **out,
                           fl_err *err)
{
    fl_step step;
    *out = NULL;
    if (!fl_step_read(segment, &step)) {
        return FL_OK;
    }
    fl_step *kept = fl_arena_alloc(arena, sizeof *kept);
    if (kept == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory for the steps");
    }
    *kept = step;
    *out = kept;
    return FL_OK;
}

static fl_status place_nodes(fl_arena *arena, builder *b, fl_err *err)
{
    while (b->depth > 0) {
        pending next = b->stack[--b->depth];
        uint32_t index = b->tree->count++;
        fl_tree_node node = {
            .entity = next.entity,
            .parent = next.parent,
            .end = index + 1,
            .depth = next.parent == FL_TREE_NONE ? 0 : b->tree->nodes[next.parent].depth + 1,
        };
        FL_TRY(read_step(arena, next.entity->segment, &node.step, err));
        node.trouble = is_troubled(&node);
        b->tree->step_count += node.step != NULL;
        b->tree->root = next.entity == b->root ? index : b->tree->root;
        b->tree->nodes[index] = node;
        push_children(b, next.entity, index);
    }
    return FL_OK;
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
    fl_tree tree = {.root = FL_TREE_NONE};
    fl_critical_path path = {0};
    if (trace->entity_count >= FL_TREE_NONE) {
        FL_FAIL(err, FL_E_TOO_LARGE, "the trace has too many entries to draw");
    }
    /* entity_count has the inferred ones too, so it is enough for both. */
    tree.nodes = FL_ARENA_ARRAY(arena, fl_tree_node, trace->entity_count);
    builder b = {.tree = &tree,
                 .root = trace->root,
                 .stack = FL_ARENA_ARRAY(arena, pending, trace->entity_count)};
    if (tree.nodes == NULL || b.stack == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory for the tree");
    }
    push_roots(&b, trace);
    FL_TRY(place_nodes(arena, &b, err));
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
