#include "cli/tree_int.h"

#include <stdlib.h>

/* A sibling on its way into a fold. */
typedef struct candidate {
    fl_str name;
    uint32_t node;
} candidate;

typedef struct chooser {
    const fl_tree *tree;
    const fl_row_choice *choice;
    bool *hidden;          /* by node: neither it nor what is below has a row */
    uint32_t *next_folded; /* by node */
    uint32_t *fold_count;  /* by node; 0 where there is no fold */
    candidate *candidates;
} chooser;

static int by_name(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    int order = fl_str_cmp(x->name, y->name);
    return order != 0 ? order : (x->node > y->node) - (x->node < y->node);
}

static void fold(chooser *c, const candidate *same, size_t count)
{
    c->fold_count[same[0].node] = (uint32_t)count;
    for (size_t i = 1; i < count; i++) {
        c->next_folded[same[i - 1].node] = same[i].node;
        c->hidden[same[i].node] = true;
    }
}

/* Folds among the nodes from `begin` to `end` that have one parent; `begin` is the first of them.
 */
static void fold_siblings(chooser *c, uint32_t begin, uint32_t end)
{
    size_t count = 0;
    for (uint32_t i = begin; i < end; i = c->tree->nodes[i].end) {
        if (!c->tree->nodes[i].trouble && !c->hidden[i]) {
            c->candidates[count++] = (candidate){c->tree->nodes[i].entity->segment->name, i};
        }
    }
    qsort(c->candidates, count, sizeof *c->candidates, by_name);
    for (size_t first = 0, next; first < count; first = next) {
        next = first + 1;
        while (next < count && fl_str_eq(c->candidates[first].name, c->candidates[next].name)) {
            next++;
        }
        if (next - first > FL_FOLD_OVER) {
            fold(c, c->candidates + first, next - first);
        }
    }
}

static void hide_and_fold(chooser *c)
{
    for (uint32_t i = 0; i < c->tree->count; i++) {
        c->next_folded[i] = FL_TREE_NONE;
        c->hidden[i] = c->choice->critical_only && !c->tree->nodes[i].on_path;
    }
    if (c->choice->all) {
        return;
    }
    fold_siblings(c, 0, c->tree->count);
    for (uint32_t i = 0; i < c->tree->count; i++) {
        fold_siblings(c, i + 1, c->tree->nodes[i].end);
    }
}

static int64_t node_ns(const fl_tree *tree, uint32_t node)
{
    const fl_segment *segment = tree->nodes[node].entity->segment;
    int64_t end_ns = fl_segment_is_complete(segment) ? segment->end_ns : tree->to_ns;
    return end_ns > segment->start_ns ? end_ns - segment->start_ns : 0;
}

static fl_row row_of(const chooser *c, uint32_t node, uint32_t parent_row)
{
    const fl_tree_node *found = &c->tree->nodes[node];
    bool folded = c->fold_count[node] > 0;
    fl_row row = {
        .node = node, .fold_count = folded ? c->fold_count[node] : 1, .parent_row = parent_row};
    for (uint32_t i = node; i != FL_TREE_NONE; i = c->next_folded[i]) {
        row.fold_ns += node_ns(c->tree, i);
        row.hidden += folded ? c->tree->nodes[i].end - i - 1 : 0;
    }
    if (!folded && found->depth >= c->choice->depth) {
        row.hidden = found->end - node - 1;
    }
    return row;
}

/* A row is the last of its siblings if none of the same parent was seen, going from the end. */
static void set_last(fl_rows *rows, bool *seen_child, bool *seen_root)
{
    for (uint32_t i = rows->count; i-- > 0;) {
        bool *seen = rows->rows[i].parent_row == FL_TREE_NONE
                         ? seen_root
                         : &seen_child[rows->rows[i].parent_row];
        rows->rows[i].last = !*seen;
        *seen = true;
    }
}

fl_status fl_rows_of(fl_arena *arena, const fl_tree *tree, const fl_row_choice *choice,
                     fl_rows *out, fl_err *err)
{
    size_t n = tree->count;
    chooser c = {
        .tree = tree,
        .choice = choice,
        .hidden = FL_ARENA_ARRAY(arena, bool, n),
        .next_folded = FL_ARENA_ARRAY(arena, uint32_t, n),
        .fold_count = FL_ARENA_ARRAY(arena, uint32_t, n),
        .candidates = FL_ARENA_ARRAY(arena, candidate, n),
    };
    fl_rows rows = {.rows = FL_ARENA_ARRAY(arena, fl_row, n), .next_folded = c.next_folded};
    uint32_t *row_of_node = FL_ARENA_ARRAY(arena, uint32_t, n);
    bool *seen_child = FL_ARENA_ARRAY(arena, bool, n), seen_root = false;
    if (c.hidden == NULL || c.next_folded == NULL || c.fold_count == NULL || c.candidates == NULL ||
        rows.rows == NULL || row_of_node == NULL || seen_child == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory for the rows");
    }
    hide_and_fold(&c);
    for (uint32_t i = 0; i < n;) {
        const fl_tree_node *node = &tree->nodes[i];
        if (c.hidden[i]) {
            i = node->end;
            continue;
        }
        uint32_t parent_row =
            node->parent == FL_TREE_NONE ? FL_TREE_NONE : row_of_node[node->parent];
        row_of_node[i] = rows.count;
        rows.rows[rows.count] = row_of(&c, i, parent_row);
        i = rows.rows[rows.count].hidden > 0 || c.fold_count[i] > 0 ? node->end : i + 1;
        rows.count++;
    }
    set_last(&rows, seen_child, &seen_root);
    *out = rows;
    return FL_OK;
}
