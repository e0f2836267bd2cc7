/*
 * The summary of an assembled trace (trace-model.md §5), every member that needs no root cause.
 */
#ifndef FL_TRACE_SUMMARY_H
#define FL_TRACE_SUMMARY_H

#include "trace/assemble.h"

/* A distinct value and the nodes that carry it (indices into fl_summary.nodes, ascending). */
typedef struct fl_summary_value {
    const fl_annotation *annotation; /* of annotations: key, kind and value */
    fl_str text;                     /* of users */
    uint32_t *nodes;
    uint32_t node_count;
} fl_summary_value;

typedef struct fl_summary {
    fl_trace_id id;
    int64_t start_ns;
    int64_t duration_ns; /* rounded to ms; FL_TIME_NONE if nothing is complete */
    int64_t response_ns; /* of the root, rounded to ms; FL_TIME_NONE while unfinished */
    int64_t time_ns;     /* trace_time */
    int64_t updated_ns;
    bool has_fault, has_error, has_throttle, is_partial;
    const fl_http *http;  /* of the root; NULL if none */
    const fl_node *nodes; /* distinct nodes, client node of each root included */
    uint32_t node_count;
    int32_t entry_point; /* index into nodes; -1 if none */
    fl_summary_value
        *annotations; /* grouped by key in order of appearance: rows of one key stand together */
    uint32_t annotation_count;
    uint32_t annotations_left_out; /* beyond limits->annotations_per_trace */
    fl_summary_value *users;
    uint32_t user_count;
    fl_str *resource_arns, *instance_ids,
        *availability_zones; /* distinct, in order of appearance */
    uint32_t resource_arn_count, instance_id_count, availability_zone_count;
    uint32_t
        revision; /* set by the caller: 1 for the first compiled version, larger for later ones */
} fl_summary;

/* The summary is in arena and borrows the trace's texts. Errors: FL_E_NOMEM. */
FL_MUST fl_status fl_trace_summarize(fl_arena *arena, const fl_trace *trace,
                                     const fl_limits *limits, fl_summary *out, fl_err *err);

/* One TraceSummary of api.md §4.1 as JSON: lists as [], maps as {}, absent scalars left out; the
 * three root-cause lists are written by the caller through `extra`, ready members with a leading
 * comma, or absent. */
void fl_summary_emit(const fl_summary *summary, fl_str extra, fl_buf *out);

#endif
