#include <stdlib.h>

#include "trace/assemble_int.h"
#include "trace/summary_int.h"

/* ---- Values and the nodes that carry them */

/* One value on one node, packed so that sorting groups them: value in the upper half, node in the
 * lower. */
typedef uint64_t mention;

struct tally {
    fl_distinct values;
    mention *mentions;
    size_t count, capacity;
    uint32_t *last_nodes; /* node + 1 of the latest mention of each value, 0 = none */
    uint32_t last_nodes_capacity;
};

static void *grown(fl_arena *arena, void *piece, size_t old_count, size_t count, size_t size)
{
    return piece == NULL ? fl_arena_alloc(arena, count * size)
                         : fl_arena_resize(arena, piece, old_count * size, count * size);
}

static fl_status mention_node(fl_arena *arena, struct tally *tally, uint32_t value, uint32_t node,
                              fl_err *err)
{
    if (tally->last_nodes_capacity < tally->values.capacity) {
        uint32_t *last = grown(arena, tally->last_nodes, tally->last_nodes_capacity,
                               tally->values.capacity, sizeof *last);
        if (last == NULL) {
            FL_FAIL(err, FL_E_NOMEM, "no memory for a trace's summary");
        }
        memset(last + tally->last_nodes_capacity, 0,
               (tally->values.capacity - tally->last_nodes_capacity) * sizeof *last);
        tally->last_nodes = last;
        tally->last_nodes_capacity = tally->values.capacity;
    }
    if (tally->last_nodes[value] ==
        node + 1) { /* the rule within a segment; sorting finds the rest */
        return FL_OK;
    }
    if (tally->count == tally->capacity) {
        size_t capacity = tally->capacity == 0 ? 8 : tally->capacity * 2;
        mention *mentions =
            grown(arena, tally->mentions, tally->capacity, capacity, sizeof *mentions);
        if (mentions == NULL) {
            FL_FAIL(err, FL_E_NOMEM, "no memory for a trace's summary");
        }
        tally->mentions = mentions;
        tally->capacity = capacity;
    }
    tally->last_nodes[value] = node + 1;
    tally->mentions[tally->count++] = (mention)value << 32 | node;
    return FL_OK;
}

/* A value without a node (an orphan's) is listed all the same. */
static fl_status tally_add(fl_arena *arena, struct tally *tally, const void *item, uint32_t node,
                           fl_err *err)
{
    uint32_t value;
    FL_TRY(fl_distinct_add(arena, &tally->values, item, &value, err));
    return node != FL_NO_INDEX ? mention_node(arena, tally, value, node, err) : FL_OK;
}

static int compare_mentions(const void *a, const void *b)
{
    mention one = *(const mention *)a, other = *(const mention *)b;
    return one < other ? -1 : one > other;
}

/* Rows with their ascending nodes; rows[place[v]] becomes the row of value v. */
static fl_status tally_rows(fl_arena *arena, struct tally *tally, const uint32_t *place,
                            fl_summary_value **out, fl_err *err)
{
    fl_summary_value *rows = FL_ARENA_ARRAY(arena, fl_summary_value, tally->values.count);
    uint32_t *nodes = FL_ARENA_ARRAY(arena, uint32_t, tally->count);
    if (rows == NULL || nodes == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a trace's summary");
    }
    if (tally->count > 1) {
        qsort(tally->mentions, tally->count, sizeof *tally->mentions, compare_mentions);
    }
    for (size_t i = 0; i < tally->count; i++) {
        if (i > 0 && tally->mentions[i] == tally->mentions[i - 1]) {
            continue;
        }
        uint32_t value = (uint32_t)(tally->mentions[i] >> 32);
        fl_summary_value *row = &rows[place != NULL ? place[value] : value];
        row->nodes = row->node_count == 0 ? &nodes[i] : row->nodes;
        row->nodes[row->node_count++] = (uint32_t)tally->mentions[i];
    }
    *out = rows;
    return FL_OK;
}

/* ---- What one walk over the trace collects */

typedef struct collection {
    fl_arena *arena;
    const fl_trace *trace;
    uint32_t key_limit;
    fl_distinct nodes, keys, resource_arns, instance_ids, availability_zones;
    struct tally annotations, users;
    uint32_t entry_point; /* FL_NO_INDEX: none */
} collection;

static fl_status add_text(collection *to, fl_distinct *texts, const fl_str *text, fl_err *err)
{
    uint32_t index;
    return text->n > 0 ? fl_distinct_add(to->arena, texts, text, &index, err) : FL_OK;
}

static bool is_root(const fl_trace *trace, const fl_entity *top)
{
    return top == trace->root || (!top->orphan && !top->inferred && top->segment->parent_id == 0);
}

/* Whoever called a root is a node with the root's name; a canary's root is the client itself. */
static fl_status add_client_node(collection *to, const fl_entity *root, fl_err *err)
{
    if (fl_str_starts(root->node.type, FL_S("client"))) {
        return FL_OK;
    }
    fl_node *client = FL_ARENA_NEW(to->arena, fl_node);
    if (client == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a trace's summary");
    }
    *client = (fl_node){.name = root->node.name, .type = FL_S("client")};
    uint32_t index;
    return fl_distinct_add(to->arena, &to->nodes, client, &index, err);
}

static fl_status add_node(collection *to, const fl_entity *top, uint32_t *node, fl_err *err)
{
    *node = FL_NO_INDEX;
    if (top->orphan) {
        return FL_OK;
    }
    if (is_root(to->trace, top)) {
        FL_TRY(add_client_node(to, top, err));
    }
    FL_TRY(fl_distinct_add(to->arena, &to->nodes, &top->node, node, err));
    if (top == to->trace->root) {
        to->entry_point = *node;
    }
    return FL_OK;
}

static fl_status add_annotations(collection *to, const fl_segment *segment, uint32_t node,
                                 fl_err *err)
{
    for (uint32_t i = 0; i < segment->annotation_count; i++) {
        const fl_annotation *annotation = &segment->annotations[i];
        uint32_t key;
        FL_TRY(fl_distinct_add(to->arena, &to->keys, annotation, &key, err));
        if (key < to->key_limit) {
            FL_TRY(tally_add(to->arena, &to->annotations, annotation, node, err));
        }
    }
    return FL_OK;
}

static fl_status add_places(collection *to, const fl_segment *segment, fl_err *err)
{
    const fl_aws *aws = segment->aws;
    FL_TRY(add_text(to, &to->resource_arns, &segment->resource_arn, err));
    if (aws == NULL) {
        return FL_OK;
    }
    FL_TRY(add_text(to, &to->instance_ids, &aws->ec2_instance_id, err));
    FL_TRY(add_text(to, &to->availability_zones, &aws->ec2_availability_zone, err));
    return add_text(to, &to->availability_zones, &aws->ecs_availability_zone, err);
}

static fl_status collect_top(collection *to, const fl_entity *top, fl_err *err)
{
    uint32_t node;
    FL_TRY(add_node(to, top, &node, err));
    if (top->inferred) { /* nobody sent it: all that it says its call has said */
        return FL_OK;
    }
    if (top->segment->user.n > 0) {
        FL_TRY(tally_add(to->arena, &to->users, &top->segment->user, node, err));
    }
    FL_TRY(add_places(to, top->segment, err));
    for (const fl_entity *entity = top; entity != NULL; entity = fl_entity_next(top, entity)) {
        FL_TRY(add_annotations(to, entity->segment, node, err));
    }
    return FL_OK;
}

/* ---- From the collection to the summary */

static fl_status list_texts(fl_arena *arena, const fl_distinct *texts, fl_str **out,
                            uint32_t *count, fl_err *err)
{
    fl_str *list = FL_ARENA_ARRAY(arena, fl_str, texts->count);
    if (list == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a trace's summary");
    }
    for (uint32_t i = 0; i < texts->count; i++) {
        list[i] = *(const fl_str *)texts->items[i];
    }
    *out = list;
    *count = texts->count;
    return FL_OK;
}

static fl_status list_nodes(collection *from, fl_summary *summary, fl_err *err)
{
    fl_node *nodes = FL_ARENA_ARRAY(from->arena, fl_node, from->nodes.count);
    if (nodes == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a trace's summary");
    }
    for (uint32_t i = 0; i < from->nodes.count; i++) {
        nodes[i] = *(const fl_node *)from->nodes.items[i];
    }
    summary->nodes = nodes;
    summary->node_count = from->nodes.count;
    summary->entry_point = from->entry_point != FL_NO_INDEX ? (int32_t)from->entry_point : -1;
    return FL_OK;
}

/* Place of each annotation value when those of one key stand together, both in order of appearance.
 */
static fl_status group_by_key(collection *from, uint32_t **out, fl_err *err)
{
    const fl_distinct *values = &from->annotations.values;
    uint32_t *place = FL_ARENA_ARRAY(from->arena, uint32_t, values->count);
    uint32_t *next = FL_ARENA_ARRAY(from->arena, uint32_t, (size_t)from->keys.count + 1);
    if (place == NULL || next == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a trace's summary");
    }
    for (uint32_t i = 0; i < values->count; i++) {
        FL_TRY(fl_distinct_add(from->arena, &from->keys, values->items[i], &place[i], err));
        next[place[i] + 1]++;
    }
    for (uint32_t key = 1; key <= from->keys.count; key++) {
        next[key] += next[key - 1];
    }
    for (uint32_t i = 0; i < values->count; i++) {
        place[i] = next[place[i]]++;
    }
    *out = place;
    return FL_OK;
}

static fl_status list_annotations(collection *from, fl_summary *summary, fl_err *err)
{
    const fl_distinct *values = &from->annotations.values;
    uint32_t *place = NULL;
    FL_TRY(group_by_key(from, &place, err));
    FL_TRY(tally_rows(from->arena, &from->annotations, place, &summary->annotations, err));
    for (uint32_t i = 0; i < values->count; i++) {
        summary->annotations[place[i]].annotation = values->items[i];
    }
    summary->annotation_count = values->count;
    summary->annotations_left_out =
        from->keys.count > from->key_limit ? from->keys.count - from->key_limit : 0;
    return FL_OK;
}

static fl_status list_users(collection *from, fl_summary *summary, fl_err *err)
{
    FL_TRY(tally_rows(from->arena, &from->users, NULL, &summary->users, err));
    summary->user_count = from->users.values.count;
    for (uint32_t i = 0; i < summary->user_count; i++) {
        summary->users[i].text = *(const fl_str *)from->users.values.items[i];
    }
    return FL_OK;
}

/* end - start to the nearest millisecond; 0 when the end is first, no overflow over 292 years. */
static int64_t rounded_span_ns(int64_t start_ns, int64_t end_ns)
{
    int64_t span_ns;
    if (end_ns <= start_ns) {
        return 0;
    }
    if (__builtin_sub_overflow(end_ns, start_ns, &span_ns) || span_ns > INT64_MAX - FL_NS_PER_MS) {
        span_ns = INT64_MAX - FL_NS_PER_MS;
    }
    return (span_ns + FL_NS_PER_MS / 2) / FL_NS_PER_MS * FL_NS_PER_MS;
}

static void set_root_members(fl_summary *summary, const fl_entity *root)
{
    summary->response_ns = FL_TIME_NONE;
    if (root == NULL) {
        return;
    }
    const fl_segment *segment = root->segment;
    fl_flags flags = fl_segment_flags(segment);
    summary->has_fault = flags.fault;
    summary->has_error = flags.error;
    summary->http = segment->http;
    if (fl_segment_is_complete(segment)) {
        summary->response_ns = rounded_span_ns(segment->start_ns, segment->end_ns);
    }
}

static void set_trace_members(fl_summary *summary, const fl_trace *trace)
{
    summary->id = trace->id;
    summary->time_ns = trace->time_ns;
    summary->updated_ns = trace->updated_ns;
    summary->is_partial = trace->in_progress || trace->waits_for_callee;
    summary->duration_ns = trace->end_ns != FL_TIME_NONE
                               ? rounded_span_ns(trace->start_ns, trace->end_ns)
                               : FL_TIME_NONE;
    summary->start_ns =
        trace->tops[0]->segment->start_ns; /* the first one was sent, not inferred */
    for (size_t i = 0; i < trace->top_count; i++) {
        summary->has_throttle =
            summary->has_throttle || fl_segment_flags(trace->tops[i]->segment).throttle;
    }
}

static void collection_init(collection *to, fl_arena *arena, const fl_trace *trace,
                            const fl_limits *limits)
{
    size_t limit = limits->annotations_per_trace;
    *to = (collection){.arena = arena,
                       .trace = trace,
                       .key_limit = limit == 0 || limit > UINT32_MAX ? UINT32_MAX : (uint32_t)limit,
                       .entry_point = FL_NO_INDEX};
    fl_distinct_init(&to->nodes, &fl_distinct_nodes);
    fl_distinct_init(&to->keys, &fl_distinct_annotation_keys);
    fl_distinct_init(&to->resource_arns, &fl_distinct_texts);
    fl_distinct_init(&to->instance_ids, &fl_distinct_texts);
    fl_distinct_init(&to->availability_zones, &fl_distinct_texts);
    fl_distinct_init(&to->annotations.values, &fl_distinct_annotations);
    fl_distinct_init(&to->users.values, &fl_distinct_texts);
}

fl_status fl_trace_summarize(fl_arena *arena, const fl_trace *trace, const fl_limits *limits,
                             fl_summary *out, fl_err *err)
{
    collection found;
    fl_summary summary = {0};
    collection_init(&found, arena, trace, limits);
    for (size_t i = 0; i < trace->top_count; i++) {
        FL_TRY(collect_top(&found, trace->tops[i], err));
    }
    set_trace_members(&summary, trace);
    set_root_members(&summary, trace->root);
    FL_TRY(list_nodes(&found, &summary, err));
    FL_TRY(list_annotations(&found, &summary, err));
    FL_TRY(list_users(&found, &summary, err));
    FL_TRY(list_texts(arena, &found.resource_arns, &summary.resource_arns,
                      &summary.resource_arn_count, err));
    FL_TRY(list_texts(arena, &found.instance_ids, &summary.instance_ids, &summary.instance_id_count,
                      err));
    FL_TRY(list_texts(arena, &found.availability_zones, &summary.availability_zones,
                      &summary.availability_zone_count, err));
    *out = summary;
    return FL_OK;
}
