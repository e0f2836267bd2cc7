#include "cli/tree_int.h"

#include <stdlib.h>

#include "cli/loops_int.h"

/* A sibling that might be folded. Those of one word and name are alike. */
typedef struct candidate {
    fl_str word, name;
    uint32_t node;
    uint32_t position; /* among its siblings */
    bool is_step;
    bool stays; /* never folded */
} candidate;

/* What one row, or the rows of one loop, stand for: period * repeats members, round by round. */
typedef struct fold {
    uint32_t first_member, period, repeats;
} fold;

typedef struct chooser {
    const fl_tree *tree;
    const fl_row_choice *choice;
    bool *hidden;      /* by node: neither it nor what is below has a row */
    uint32_t *members; /* nodes of all folds, and room for those of single rows */
    uint32_t member_count;
    fold *folds;
    uint32_t fold_count;
    uint32_t *fold_of;     /* by node: 1 + the fold that it is the first one of, 0 = none */
    candidate *candidates; /* scratch, as long as the longest row of siblings */
    uint32_t *nodes, *symbols;
    fl_loop *loops;
} chooser;

static int by_label(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    int order = fl_str_cmp(x->word, y->word);
    order = order != 0 ? order : fl_str_cmp(x->name, y->name);
    return order != 0 ? order : (x->node > y->node) - (x->node < y->node);
}

static bool are_alike(const candidate *a, const candidate *b)
{
    return fl_str_eq(a->word, b->word) && fl_str_eq(a->name, b->name);
}

static candidate candidate_of(const fl_tree *tree, uint32_t node, uint32_t position)
{
    const fl_tree_node *found = &tree->nodes[node];
    const fl_segment *segment = found->entity->segment;
    const fl_step *step = found->step;
    return (candidate){
        .word = step != NULL ? step->word : (fl_str){0},
        .name = step != NULL ? fl_step_subject(step, segment) : segment->name,
        .node = node,
        .position = position,
        .is_step = step != NULL,
        .stays = found->trouble,
    };
}

/* ---- Which of them are alike */

/* A tenth of the whole trace and three times what those alike take on average: that one is what
 * somebody looks for. */
static void set_outliers(const chooser *c, candidate *alike, size_t count)
{
    double sum_ns = 0;
    int64_t trace_ns = c->tree->to_ns - c->tree->from_ns;
    for (size_t i = 0; i < count; i++) {
        sum_ns += (double)fl_tree_ns(c->tree, alike[i].node);
    }
    for (size_t i = 0; i < count && count > 1; i++) {
        int64_t ns = fl_tree_ns(c->tree, alike[i].node);
        double others_ns = (sum_ns - (double)ns) / (double)(count - 1);
        alike[i].stays |= c->tree->nodes[alike[i].node].on_path && ns >= trace_ns / 10 &&
                          (double)ns > 3 * others_ns;
    }
}

/* The end of those alike from `first` on. */
static size_t end_of_alike(const candidate *sorted, size_t count, size_t first)
{
    size_t end = first + 1;
    while (end < count && are_alike(&sorted[first], &sorted[end])) {
        end++;
    }
    return end;
}

/* One symbol for those alike, one of its own for each that stays. */
static void set_symbols(chooser *c, size_t count)
{
    uint32_t next = 0;
    for (size_t first = 0, end; first < count; first = end) {
        end = end_of_alike(c->candidates, count, first);
        set_outliers(c, c->candidates + first, end - first);
        uint32_t shared = next++;
        for (size_t i = first; i < end; i++) {
            c->symbols[c->candidates[i].position] = c->candidates[i].stays ? next++ : shared;
        }
    }
}

/* ---- Folding */

static void add_member(chooser *c, uint32_t node)
{
    c->members[c->member_count++] = node;
    c->hidden[node] = true;
}

/* The fold's members come next; its first one keeps its row. */
static void begin_fold(chooser *c, uint32_t node, size_t period, size_t repeats)
{
    c->folds[c->fold_count++] = (fold){c->member_count, (uint32_t)period, (uint32_t)repeats};
    c->fold_of[node] = c->fold_count;
}

static bool is_model(const chooser *c, size_t sibling)
{
    const fl_step *step = c->tree->nodes[c->nodes[sibling]].step;
    return step != NULL && step->kind == FL_STEP_MODEL;
}

/* A round is easiest to read from its model call on. The loop moves there if it then comes as often
 * and ends before `end`. */
static void begin_with_model(const chooser *c, fl_loop *loop, size_t end)
{
    size_t loop_end = loop->begin + loop->period * loop->repeats;
    for (size_t shift = 0; shift < loop->period; shift++) {
        if (is_model(c, loop->begin + shift)) {
            loop->begin += shift;
            return;
        }
        size_t next = loop_end + shift; /* what the shifted loop takes in at its end */
        if (next >= end || c->symbols[next] != c->symbols[next - loop->period]) {
            return;
        }
    }
}

static void fold_loop(chooser *c, const fl_loop *loop)
{
    const uint32_t *nodes = c->nodes + loop->begin;
    bool has_step = false;
    for (size_t i = 0; i < loop->period; i++) {
        has_step |= c->tree->nodes[nodes[i]].step != NULL;
    }
    if (!has_step) {
        return;
    }
    begin_fold(c, nodes[0], loop->period, loop->repeats);
    for (size_t i = 0; i < loop->period * loop->repeats; i++) {
        add_member(c, nodes[i]);
    }
    c->hidden[nodes[0]] = false;
}

static void fold_loops(chooser *c, size_t count)
{
    size_t found = fl_loops_find(c->symbols, count, c->loops);
    for (size_t i = 0; i < found; i++) {
        begin_with_model(c, &c->loops[i], i + 1 < found ? c->loops[i + 1].begin : count);
        fold_loop(c, &c->loops[i]);
    }
}

/* The order of steps tells the story of a run, so they are folded only where they follow each
 * other. */
static bool may_share_by_name(const chooser *c, const candidate *one)
{
    return !one->is_step && !one->stays && !c->hidden[one->node] && c->fold_of[one->node] == 0;
}

static void fold_names(chooser *c, size_t count)
{
    for (size_t first = 0, end; first < count; first = end) {
        end = end_of_alike(c->candidates, count, first);
        size_t sharing = 0, leader = end;
        for (size_t i = end; i-- > first;) {
            if (may_share_by_name(c, &c->candidates[i])) {
                leader = i;
                sharing++;
            }
        }
        if (sharing <= FL_FOLD_OVER) {
            continue;
        }
        begin_fold(c, c->candidates[leader].node, 1, sharing);
        for (size_t i = leader; i < end; i++) {
            /* The leader has its fold already, so it does not pass as free. */
            if (i == leader || may_share_by_name(c, &c->candidates[i])) {
                add_member(c, c->candidates[i].node);
            }
        }
        c->hidden[c->candidates[leader].node] = false;
    }
}

/* Folds among the nodes from `begin` to `end` that have one parent; `begin` is the first of them.
 */
static void fold_siblings(chooser *c, uint32_t begin, uint32_t end)
{
    uint32_t count = 0;
    for (uint32_t i = begin; i < end; i = c->tree->nodes[i].end) {
        if (!c->hidden[i]) {
            c->nodes[count] = i;
            c->candidates[count] = candidate_of(c->tree, i, count);
            count++;
        }
    }
    if (count < FL_LOOP_REPEATS_MIN) {
        return;
    }
    qsort(c->candidates, count, sizeof *c->candidates, by_label);
    set_symbols(c, count);
    fold_loops(c, count);
    fold_names(c, count);
}

static void hide_and_fold(chooser *c)
{
    for (uint32_t i = 0; i < c->tree->count; i++) {
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

/* ---- Rows */

typedef struct row_list {
    fl_rows rows;
    uint32_t *row_of_node;
    bool *seen_child; /* by row */
} row_list;

static fl_row *add_row(const chooser *c, row_list *list, uint32_t parent_row, fl_row row)
{
    uint32_t below = 0;
    fl_row *added = &list->rows.rows[list->rows.count++];
    row.parent_row = parent_row;
    row.depth = parent_row == FL_TREE_NONE ? 0 : list->rows.rows[parent_row].depth + 1;
    row.closed |= row.depth >= c->choice->depth;
    for (uint32_t i = 0; i < row.member_count; i++) {
        uint32_t node = fl_row_member(&list->rows, &row, i);
        row.ns += fl_tree_ns(c->tree, node);
        row.on_path |= c->tree->nodes[node].on_path;
        below += c->tree->nodes[node].end - node - 1;
    }
    row.hidden = row.closed ? below : 0;
    *added = row;
    return added;
}

/* The row of a fold, and below that of a loop those of its steps. */
static void add_fold(const chooser *c, row_list *list, uint32_t parent_row, uint32_t node)
{
    const fold *f = &c->folds[c->fold_of[node] - 1];
    uint32_t loop_row = list->rows.count;
    fl_row *loop = add_row(c, list, parent_row,
                           (fl_row){.node = node,
                                    .first_member = f->first_member,
                                    .member_count = f->period * f->repeats,
                                    .stride = 1,
                                    .repeats = f->repeats,
                                    .period = f->period,
                                    .closed = true});
    if (f->period == 1 || loop->depth >= c->choice->depth) {
        return;
    }
    loop->hidden = 0; /* its steps' rows tell */
    for (uint32_t i = 0; i < f->period; i++) {
        add_row(c, list, loop_row,
                (fl_row){.node = c->members[f->first_member + i],
                         .first_member = f->first_member + i,
                         .member_count = f->repeats,
                         .stride = f->period,
                         .repeats = f->repeats,
                         .period = 1,
                         .closed = true});
    }
}

static void add_rows(chooser *c, row_list *list)
{
    for (uint32_t i = 0; i < c->tree->count;) {
        const fl_tree_node *node = &c->tree->nodes[i];
        if (c->hidden[i]) {
            i = node->end;
            continue;
        }
        uint32_t parent_row =
            node->parent == FL_TREE_NONE ? FL_TREE_NONE : list->row_of_node[node->parent];
        list->row_of_node[i] = list->rows.count;
        if (c->fold_of[i] != 0) {
            add_fold(c, list, parent_row, i);
            i = node->end;
            continue;
        }
        uint32_t member = c->member_count++;
        c->members[member] = i;
        const fl_row *row = add_row(c, list, parent_row,
                                    (fl_row){.node = i,
                                             .first_member = member,
                                             .member_count = 1,
                                             .stride = 1,
                                             .repeats = 1,
                                             .period = 1});
        i = row->closed ? node->end : i + 1;
    }
}

/* A row is the last of its siblings if none of the same parent was seen, going from the end. */
static void set_last(row_list *list)
{
    bool seen_root = false;
    for (uint32_t i = list->rows.count; i-- > 0;) {
        fl_row *row = &list->rows.rows[i];
        bool *seen =
            row->parent_row == FL_TREE_NONE ? &seen_root : &list->seen_child[row->parent_row];
        row->last = !*seen;
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
        .members = FL_ARENA_ARRAY(arena, uint32_t, n),
        .folds = FL_ARENA_ARRAY(arena, fold, n / FL_LOOP_REPEATS_MIN),
        .fold_of = FL_ARENA_ARRAY(arena, uint32_t, n),
        .candidates = FL_ARENA_ARRAY(arena, candidate, n),
        .nodes = FL_ARENA_ARRAY(arena, uint32_t, n),
        .symbols = FL_ARENA_ARRAY(arena, uint32_t, n),
        .loops = FL_ARENA_ARRAY(arena, fl_loop, n / FL_LOOP_REPEATS_MIN),
    };
    /* A fold has a row and its steps' rows, together no more than its members. */
    row_list list = {.rows = {.rows = FL_ARENA_ARRAY(arena, fl_row, n), .members = c.members},
                     .row_of_node = FL_ARENA_ARRAY(arena, uint32_t, n),
                     .seen_child = FL_ARENA_ARRAY(arena, bool, n)};
    if (c.hidden == NULL || c.members == NULL || c.folds == NULL || c.fold_of == NULL ||
        c.candidates == NULL || c.nodes == NULL || c.symbols == NULL || c.loops == NULL ||
        list.rows.rows == NULL || list.row_of_node == NULL || list.seen_child == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory for the rows");
    }
    hide_and_fold(&c);
    add_rows(&c, &list);
    set_last(&list);
    *out = list.rows;
    return FL_OK;
}
