/* Which segment is the one that a called function sent itself (spec §3.18). */
#include <stdlib.h>

#include "bedrock/run_int.h"

/* What a candidate says of its call. Absent texts have p == NULL. */
typedef struct candidate {
    const fl_segment *segment;
    size_t index;
    fl_str action_group, function, api_path, session_id;
    const struct candidate *parent; /* NULL: not among them */
    bool is_taken;
} candidate;

static fl_str *place_of(candidate *c, fl_str key)
{
    if (fl_str_eq(key, FL_S("action_group"))) {
        return &c->action_group;
    }
    if (fl_str_eq(key, FL_S("function"))) {
        return &c->function;
    }
    if (fl_str_eq(key, FL_S("api_path"))) {
        return &c->api_path;
    }
    return fl_str_eq(key, FL_S("bedrock_session_id")) ? &c->session_id : NULL;
}

/* False: no candidate for any step. */
static bool read_candidate(const fl_segment *segment, size_t index, candidate *c)
{
    *c = (candidate){.segment = segment, .index = index};
    for (uint32_t i = 0; i < segment->annotation_count; i++) {
        const fl_annotation *annotation = &segment->annotations[i];
        fl_str *place = place_of(c, annotation->key);
        if (fl_str_eq(annotation->key, FL_S("step"))) {
            return false;
        }
        if (place != NULL && annotation->kind == FL_ANNOTATION_STRING) {
            *place = annotation->text;
        }
    }
    return c->action_group.n > 0;
}

static int by_start(const void *left, const void *right)
{
    const candidate *a = left;
    const candidate *b = right;
    if (a->segment->start_ns != b->segment->start_ns) {
        return a->segment->start_ns < b->segment->start_ns ? -1 : 1;
    }
    return (a->index > b->index) - (a->index < b->index);
}

static int by_id(const void *left, const void *right)
{
    const candidate *const *a = left;
    const candidate *const *b = right;
    return ((*a)->segment->id > (*b)->segment->id) - ((*a)->segment->id < (*b)->segment->id);
}

static const candidate *find_id(const candidate *const *sorted, size_t count, uint64_t id)
{
    size_t low = 0;
    for (size_t high = count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (sorted[middle]->segment->id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && sorted[low]->segment->id == id ? sorted[low] : NULL;
}

/* Candidates by start, each with its parent among them. */
typedef struct candidates {
    candidate *items;
    size_t count;
} candidates;

static fl_status read_all(fl_arena *arena, const fl_segment *const *segments, size_t count,
                          candidates *out, fl_err *err)
{
    candidate *items = FL_ARENA_ARRAY(arena, candidate, count);
    const candidate **sorted = FL_ARENA_ARRAY(arena, const candidate *, count);
    if (items == NULL || sorted == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to look at %zu segments", count);
    }
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        n += read_candidate(segments[i], i, &items[n]);
    }
    qsort(items, n, sizeof *items, by_start);
    for (size_t i = 0; i < n; i++) {
        sorted[i] = &items[i];
    }
    qsort(sorted, n, sizeof *sorted, by_id);
    for (size_t i = 0; i < n; i++) {
        items[i].parent = items[i].segment->parent_id != 0
                              ? find_id(sorted, n, items[i].segment->parent_id)
                              : NULL;
    }
    *out = (candidates){items, n};
    return FL_OK;
}

static bool equal_and_there(fl_str a, fl_str b)
{
    return a.n > 0 && fl_str_eq(a, b);
}

/* Whether it tells of the call that the step made, whenever it was. */
static bool is_of(const candidate *c, const fl_bedrock_tool_step *step)
{
    bool same_session = c->session_id.p == NULL || fl_str_eq(c->session_id, step->session_id);
    return same_session && equal_and_there(c->action_group, step->action_group) &&
           (equal_and_there(c->function, step->function) ||
            equal_and_there(c->api_path, step->api_path));
}

static int64_t minus(int64_t a, int64_t b)
{
    int64_t difference;
    bool over = __builtin_sub_overflow(a, b, &difference);
    return over ? (b > 0 ? INT64_MIN : INT64_MAX) : difference;
}

static uint64_t distance(int64_t a, int64_t b)
{
    return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}

/* The first that starts at `from` or later. */
static size_t first_from(const candidates *all, int64_t from)
{
    size_t low = 0;
    for (size_t high = all->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (all->items[middle].segment->start_ns < from) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static candidate *nearest(const candidates *all, const fl_bedrock_tool_step *step)
{
    int64_t first_ns = minus(step->start_ns, FL_NS_PER_S);
    int64_t last_ns = minus(step->end_ns, -FL_NS_PER_S);
    candidate *best = NULL;
    uint64_t best_ns = 0;
    for (size_t i = first_from(all, first_ns); i < all->count; i++) {
        candidate *c = &all->items[i];
        uint64_t away_ns = distance(c->segment->start_ns, step->start_ns);
        if (c->segment->start_ns > last_ns) {
            break;
        }
        bool is_free = !c->is_taken && (best == NULL || away_ns < best_ns);
        if (is_free && is_of(c, step) && (c->parent == NULL || !is_of(c->parent, step))) {
            best = c;
            best_ns = away_ns;
        }
    }
    return best;
}

fl_status fl_bedrock_adopt(fl_arena *arena, const fl_bedrock_tool_step *steps, size_t step_count,
                           const fl_segment *const *candidates_given, size_t candidate_count,
                           fl_bedrock_adoption **out, size_t *count, fl_err *err)
{
    candidates all;
    FL_TRY(read_all(arena, candidates_given, candidate_count, &all, err));
    fl_bedrock_adoption *adoptions = FL_ARENA_ARRAY(arena, fl_bedrock_adoption, step_count);
    if (adoptions == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for %zu adoptions", step_count);
    }
    size_t n = 0;
    for (size_t i = 0; i < step_count; i++) {
        candidate *chosen = nearest(&all, &steps[i]);
        if (chosen != NULL) {
            chosen->is_taken = true;
            adoptions[n++] = (fl_bedrock_adoption){chosen->index, steps[i].id};
        }
    }
    *out = adoptions;
    *count = n;
    return FL_OK;
}

/* ---- The steps of a run */

static fl_bedrock_tool_step tool_step_of(const bedrock_step *step)
{
    yyjson_val *call = fl_json_get(step->input, FL_S("actionGroupInvocationInput"));
    return (fl_bedrock_tool_step){
        .id = step->segment.id,
        .action_group = bedrock_text_of(call, FL_S("actionGroupName")),
        .function = bedrock_text_of(call, FL_S("function")),
        .api_path = bedrock_text_of(call, FL_S("apiPath")),
        .session_id = step->segment.scope->envelope.session_id,
        .start_ns = step->segment.start_ns,
        .end_ns = step->segment.end_ns,
    };
}

fl_status bedrock_tool_steps(fl_arena *arena, const bedrock_run *run, fl_bedrock_tool_step **out,
                             size_t *count, fl_err *err)
{
    size_t n = 0;
    for (size_t i = 0; i < run->step_count; i++) {
        n += run->steps[i]->segment.kind == BEDROCK_ACTION_GROUP;
    }
    fl_bedrock_tool_step *steps = FL_ARENA_ARRAY(arena, fl_bedrock_tool_step, n);
    if (steps == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for %zu steps", n);
    }
    *count = n;
    n = 0;
    for (size_t i = 0; i < run->step_count; i++) {
        if (run->steps[i]->segment.kind == BEDROCK_ACTION_GROUP) {
            steps[n++] = tool_step_of(run->steps[i]);
        }
    }
    *out = steps;
    return FL_OK;
}
