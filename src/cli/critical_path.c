#include "cli/critical_path_int.h"

#include <stdlib.h>

/* A child inside its parent's time. */
typedef struct child_span {
    const fl_entity *entity;
    int64_t from_ns, to_ns;
} child_span;

/* An entity that the walk is in: all before cursor_ns is still to be explained. */
typedef struct frame {
    const fl_entity *entity;
    int64_t from_ns, cursor_ns;
    child_span *children; /* latest end first */
    size_t child_count, next_child;
} frame;

typedef struct walk {
    fl_arena *arena;
    int64_t end_ns;
    frame *frames;
    size_t depth, frame_capacity;
    fl_path_slice *slices; /* latest first, until the end */
    size_t slice_count, slice_capacity;
} walk;

static int64_t end_of(const walk *w, const fl_entity *entity)
{
    return fl_segment_is_complete(entity->segment) ? entity->segment->end_ns : w->end_ns;
}

static size_t count_children(const fl_entity *entity)
{
    size_t count = 0;
    for (const fl_entity *child = entity->first_child; child != NULL; child = child->next_sibling) {
        count++;
    }
    for (const fl_entity *callee = fl_entity_real_callees(entity); callee != NULL;
         callee = callee->next_callee) {
        count++;
    }
    return count;
}

static void add_child(const walk *w, frame *f, const fl_entity *child)
{
    int64_t from_ns = child->segment->start_ns, to_ns = end_of(w, child);
    from_ns = from_ns > f->from_ns ? from_ns : f->from_ns;
    to_ns = to_ns < f->cursor_ns ? to_ns : f->cursor_ns;
    if (from_ns < to_ns) {
        f->children[f->child_count++] = (child_span){child, from_ns, to_ns};
    }
}

/* Latest end first; of those that end together, the one that took longest explains most. */
static int by_end_descending(const void *a, const void *b)
{
    const child_span *x = a, *y = b;
    if (x->to_ns != y->to_ns) {
        return x->to_ns > y->to_ns ? -1 : 1;
    }
    if (x->from_ns != y->from_ns) {
        return x->from_ns < y->from_ns ? -1 : 1;
    }
    return (x->entity->segment->id > y->entity->segment->id) -
           (x->entity->segment->id < y->entity->segment->id);
}

/* Room for one more element of size at the end of a list in the arena. */
static void *grow(fl_arena *arena, void *list, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return list;
    }
    size_t wanted = *capacity * 2 + 16;
    void *grown = fl_arena_resize(arena, list, *capacity * size, wanted * size);
    *capacity = grown != NULL ? wanted : *capacity;
    return grown;
}

static bool enter(walk *w, const fl_entity *entity, int64_t from_ns, int64_t to_ns)
{
    frame *frames = grow(w->arena, w->frames, w->depth, &w->frame_capacity, sizeof *frames);
    child_span *children = FL_ARENA_ARRAY(w->arena, child_span, count_children(entity));
    if (frames == NULL || children == NULL) {
        return false;
    }
    w->frames = frames;
    frame *f = &frames[w->depth++];
    *f = (frame){.entity = entity, .from_ns = from_ns, .cursor_ns = to_ns, .children = children};
    for (const fl_entity *child = entity->first_child; child != NULL; child = child->next_sibling) {
        add_child(w, f, child);
    }
    for (const fl_entity *callee = fl_entity_real_callees(entity); callee != NULL;
         callee = callee->next_callee) {
        add_child(w, f, callee);
    }
    qsort(f->children, f->child_count, sizeof *f->children, by_end_descending);
    return true;
}

/* The time from from_ns to the frame's cursor is the entity's own. */
static bool take_own_time(walk *w, frame *f, int64_t from_ns)
{
    if (from_ns < f->cursor_ns) {
        fl_path_slice *slices =
            grow(w->arena, w->slices, w->slice_count, &w->slice_capacity, sizeof *slices);
        if (slices == NULL) {
            return false;
        }
        w->slices = slices;
        slices[w->slice_count++] = (fl_path_slice){f->entity, from_ns, f->cursor_ns};
    }
    f->cursor_ns = from_ns;
    return true;
}

/* One step of the walk: into the child that ended last, or out of the entity. */
static bool step(walk *w)
{
    frame *f = &w->frames[w->depth - 1];
    while (f->next_child < f->child_count && f->children[f->next_child].to_ns > f->cursor_ns) {
        f->next_child++;
    }
    if (f->next_child == f->child_count) {
        w->depth--;
        return take_own_time(w, f, f->from_ns);
    }
    child_span child = f->children[f->next_child++];
    if (!take_own_time(w, f, child.to_ns)) {
        return false;
    }
    f->cursor_ns = child.from_ns;
    return enter(w, child.entity, child.from_ns, child.to_ns);
}

static void reverse(fl_path_slice *slices, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        fl_path_slice early = slices[count - 1 - i];
        slices[count - 1 - i] = slices[i];
        slices[i] = early;
    }
}

fl_status fl_critical_path_find(fl_arena *arena, const fl_entity *root, int64_t end_ns,
                                fl_critical_path *out, fl_err *err)
{
    walk w = {.arena = arena, .end_ns = end_ns};
    w.frames = fl_arena_alloc(arena, 0);
    w.slices = fl_arena_alloc(arena, 0);
    int64_t root_end_ns = end_of(&w, root);
    bool fits = w.frames != NULL && w.slices != NULL;
    if (fits && root->segment->start_ns < root_end_ns) {
        fits = enter(&w, root, root->segment->start_ns, root_end_ns);
        while (fits && w.depth > 0) {
            fits = step(&w);
        }
    }
    if (!fits) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory for the critical path");
    }
    reverse(w.slices, w.slice_count);
    *out = (fl_critical_path){w.slices, w.slice_count};
    return FL_OK;
}
