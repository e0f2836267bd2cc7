/* The usage report (spec bedrock.md §4.5): calls summed by the value of one annotation. */
#include <stdlib.h>

#include "trace/assemble_int.h"
#include "trace/genai_int.h"
#include "trace/summary_int.h"

typedef struct group {
    fl_str value;
    fl_genai_row sums; /* without value and latencies */
    fl_genai_latencies latencies;
} group;

struct fl_genai_usage {
    fl_arena *arena;
    fl_genai_group_by by;
    uint32_t max_groups;
    fl_distinct values; /* of the groups that are kept apart */
    group **groups;     /* by index in values; max_groups of them */
    group none, other, all;
};

static const char *const group_names[FL_GENAI_GROUPS] = {
#define NAME(code, key) key,
    FL_GENAI_GROUP_TABLE(NAME)
#undef NAME
};

const char *fl_genai_group_name(fl_genai_group_by by)
{
    return group_names[by];
}

bool fl_genai_group_parse(fl_str name, fl_genai_group_by *out)
{
    for (int i = 0; i < FL_GENAI_GROUPS; i++) {
        if (fl_str_eq(name, fl_str_of(group_names[i]))) {
            *out = (fl_genai_group_by)i;
            return true;
        }
    }
    return false;
}

fl_status fl_genai_usage_new(fl_arena *arena, fl_genai_group_by by, uint32_t max_groups,
                             fl_genai_usage **out, fl_err *err)
{
    fl_genai_usage *usage = FL_ARENA_NEW(arena, fl_genai_usage);
    group **groups = FL_ARENA_ARRAY(arena, group *, max_groups);
    if (usage == NULL || groups == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a usage report");
    }
    usage->arena = arena;
    usage->groups = groups;
    usage->by = by;
    usage->max_groups = max_groups;
    fl_distinct_init(&usage->values, &fl_distinct_texts);
    usage->other.value = FL_S(FL_GENAI_OTHER);
    *out = usage;
    return FL_OK;
}

/* ---- Which group */

static fl_status group_new(fl_genai_usage *usage, fl_str value, group **out, fl_err *err)
{
    uint32_t index;
    group *made = FL_ARENA_NEW(usage->arena, group);
    fl_str copy = fl_str_dup(usage->arena, value);
    if (made == NULL || copy.p == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a group of the usage report");
    }
    made->value = copy;
    FL_TRY(fl_distinct_add(usage->arena, &usage->values, &made->value, &index, err));
    usage->groups[index] = made;
    *out = made;
    return FL_OK;
}

/* The group of a value, absent: of the calls without one. */
static fl_status group_of(fl_genai_usage *usage, fl_str value, group **out, fl_err *err)
{
    uint32_t index;
    fl_str clipped = fl_str_clip(value, FL_GENAI_VALUE_MAX);
    if (value.p == NULL) {
        *out = &usage->none;
    } else if (fl_distinct_find(&usage->values, &clipped, &index)) {
        *out = usage->groups[index];
    } else if (usage->values.count >= usage->max_groups) {
        *out = &usage->other;
    } else {
        return group_new(usage, clipped, out, err);
    }
    return FL_OK;
}

static bool is_of_root(fl_genai_group_by by)
{
    return by == FL_GENAI_BY_TENANT || by == FL_GENAI_BY_ROUTE || by == FL_GENAI_BY_EXPERIMENT_ID;
}

/* The group of all calls of a trace. */
static fl_status group_of_root(fl_genai_usage *usage, const fl_entity *root, group **out,
                               fl_err *err)
{
    fl_buf text;
    fl_str key = fl_str_of(group_names[usage->by]);
    fl_str value = root != NULL ? fl_genai_annotation_text(root->segment, key) : (fl_str){0};
    if (value.p == NULL) {
        return group_of(usage, value, out, err);
    }
    fl_buf_init(&text, FL_GENAI_VALUE_MAX);
    fl_genai_index_value(key, value, &text);
    fl_status status = text.status;
    if (status == FL_OK) {
        status = group_of(usage, fl_buf_str(&text), out, err);
    }
    fl_buf_fini(&text);
    return status;
}

/* The value that a call's own segment has. */
static fl_str own_value(const fl_genai_usage *usage, const fl_segment *segment)
{
    fl_str value = fl_genai_annotation_text(segment, fl_str_of(group_names[usage->by]));
    if (usage->by == FL_GENAI_BY_MODEL) {
        return fl_genai_model(value);
    }
    if (usage->by == FL_GENAI_BY_PROVIDER && value.p == NULL) {
        return fl_genai_provider(fl_genai_model(fl_genai_annotation_text(segment, FL_S("model"))));
    }
    return value;
}

/* ---- Sums */

static void add_count(uint64_t *sum, uint64_t n)
{
    if (__builtin_add_overflow(*sum, n, sum)) {
        *sum = UINT64_MAX;
    }
}

static void add_cost(int64_t *sum, int64_t nano)
{
    if (__builtin_add_overflow(*sum, nano, sum)) {
        *sum = INT64_MAX;
    }
}

static void add_sums(fl_genai_row *sums, const fl_genai_call *call)
{
    add_count(&sums->calls, 1);
    add_count(&sums->faults, call->flags.fault);
    add_count(&sums->errors, call->flags.error);
    add_count(&sums->throttles, call->flags.throttle);
    add_count(&sums->timeouts, call->timeout);
    add_count(&sums->retries, call->retries);
    add_count(&sums->prompt_tokens, call->prompt_tokens);
    add_count(&sums->completion_tokens, call->completion_tokens);
    add_cost(&sums->cost_nano, call->cost_nano);
    add_count(&sums->unpriced, call->has_tokens && !call->has_cost);
}

static fl_status add_to_group(fl_genai_usage *usage, group *to, const fl_genai_call *call,
                              fl_err *err)
{
    bool told = usage->by == FL_GENAI_BY_TOOL_NAME && call->tool_latency_us != FL_INT_NONE;
    int64_t latency_us = told ? call->tool_latency_us : call->length_us;
    add_sums(&to->sums, call);
    return latency_us == FL_INT_NONE
               ? FL_OK
               : fl_genai_latencies_add(usage->arena, &to->latencies, latency_us, err);
}

/* *of_root is the group of the trace's other calls, NULL before the first of them. */
static fl_status group_of_call(fl_genai_usage *usage, const fl_trace *trace,
                               const fl_segment *segment, group **of_root, group **out, fl_err *err)
{
    if (!is_of_root(usage->by)) {
        return group_of(usage, own_value(usage, segment), out, err);
    }
    if (*of_root == NULL) {
        FL_TRY(group_of_root(usage, trace->root, of_root, err));
    }
    *out = *of_root;
    return FL_OK;
}

static fl_status add_segment(fl_genai_usage *usage, const fl_trace *trace,
                             const fl_segment *segment, group **of_root, fl_err *err)
{
    fl_genai_call call;
    group *to;
    if (segment->annotation_count == 0) {
        return FL_OK;
    }
    fl_genai_call_read(segment, &call);
    bool counts = usage->by == FL_GENAI_BY_TOOL_NAME ? call.is_tool_call : call.is_model_call;
    if (!counts) {
        return FL_OK;
    }
    FL_TRY(group_of_call(usage, trace, segment, of_root, &to, err));
    FL_TRY(add_to_group(usage, to, &call, err));
    return add_to_group(usage, &usage->all, &call, err);
}

fl_status fl_genai_usage_add(fl_genai_usage *usage, const fl_trace *trace, fl_err *err)
{
    group *of_root = NULL;
    for (size_t i = 0; i < trace->top_count; i++) {
        const fl_entity *top = trace->tops[i];
        for (const fl_entity *entity = top; entity != NULL; entity = fl_entity_next(top, entity)) {
            FL_TRY(add_segment(usage, trace, entity->segment, &of_root, err));
        }
    }
    return FL_OK;
}

/* ---- Rows */

static fl_genai_row row_of(const group *from)
{
    fl_genai_row row = from->sums;
    row.value = from->value;
    row.p50_ms = fl_genai_latencies_ms(&from->latencies, 50);
    row.p95_ms = fl_genai_latencies_ms(&from->latencies, 95);
    row.p99_ms = fl_genai_latencies_ms(&from->latencies, 99);
    return row;
}

static int descending(uint64_t a, uint64_t b)
{
    return (a < b) - (a > b);
}

static uint64_t tokens_of(const fl_genai_row *row)
{
    uint64_t sum = row->prompt_tokens;
    add_count(&sum, row->completion_tokens);
    return sum;
}

static int by_weight(const void *a, const void *b)
{
    const fl_genai_row *left = a, *right = b;
    int order = descending((uint64_t)left->cost_nano, (uint64_t)right->cost_nano);
    order = order != 0 ? order : descending(tokens_of(left), tokens_of(right));
    order = order != 0 ? order : descending(left->calls, right->calls);
    return order != 0 ? order : fl_str_cmp(left->value, right->value);
}

static void add_row(const group *from, fl_genai_row *rows, size_t *count)
{
    if (from->sums.calls > 0) {
        rows[(*count)++] = row_of(from);
    }
}

fl_status fl_genai_usage_rows(const fl_genai_usage *usage, fl_arena *arena, fl_genai_row **rows,
                              size_t *count, fl_genai_row *sum, fl_err *err)
{
    size_t most = (size_t)usage->values.count + 2;
    fl_genai_row *made = FL_ARENA_ARRAY(arena, fl_genai_row, most);
    if (made == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for %zu rows of the usage report", most);
    }
    *count = 0;
    for (uint32_t i = 0; i < usage->values.count; i++) {
        add_row(usage->groups[i], made, count);
    }
    add_row(&usage->none, made, count);
    add_row(&usage->other, made, count);
    qsort(made, *count, sizeof *made, by_weight);
    *rows = made;
    *sum = row_of(&usage->all);
    return FL_OK;
}
