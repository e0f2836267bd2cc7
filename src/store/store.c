#include "store/store.h"

int fl_store_place_cmp(const fl_store_place *a, const fl_store_place *b)
{
    if (a->time_ns != b->time_ns) {
        return a->time_ns > b->time_ns ? -1 : 1;
    }
    if (a->start_ns != b->start_ns) {
        return a->start_ns > b->start_ns ? -1 : 1;
    }
    return fl_trace_id_cmp(b->id, a->id);
}

#define ROW(name_, labels_, help_, kind_, member)                                                  \
    {                                                                                              \
        .name = (name_), .labels = (labels_), .help = (help_), .kind = (kind_),                    \
        .offset = offsetof(fl_store_stats, member)                                                 \
    }

const fl_metric fl_store_metrics[] = {
    ROW("fluoro_store_segments_stored_total", "", "Segments that puts stored.", FL_METRIC_COUNTER,
        segments_stored_total),
    ROW("fluoro_store_bytes_packed_total", "", "Bytes of their packed documents.",
        FL_METRIC_COUNTER, bytes_packed_total),
    ROW("fluoro_store_commits_total", "", "Group commits written to the log.", FL_METRIC_COUNTER,
        commits_total),
    ROW("fluoro_store_commit_bytes_total", "", "Bytes that they wrote.", FL_METRIC_COUNTER,
        commit_bytes_total),
    ROW("fluoro_store_syncs_total", "", "Times that the log was forced to the disk.",
        FL_METRIC_COUNTER, syncs_total),
    ROW("fluoro_store_io_errors_total", "", "File calls that failed.", FL_METRIC_COUNTER,
        io_errors_total),
    ROW("fluoro_store_traces", "", "Traces held now.", FL_METRIC_GAUGE, traces),
    ROW("fluoro_store_segments", "", "Segments held now.", FL_METRIC_GAUGE, segments),
    ROW("fluoro_store_memory_bytes", "purpose=\"index\"",
        "Memory of live traces and indices, and of writes on their way to the log.",
        FL_METRIC_GAUGE, index_bytes),
    ROW("fluoro_store_memory_bytes", "purpose=\"queue\"", "", FL_METRIC_GAUGE, queued_bytes),
    ROW("fluoro_store_disk_bytes", "", "Bytes of the log and the parts.", FL_METRIC_GAUGE,
        disk_bytes),
    ROW("fluoro_store_log_bytes", "", "Bytes of the log.", FL_METRIC_GAUGE, log_bytes),
    ROW("fluoro_store_files", "", "Files of the log.", FL_METRIC_GAUGE, files),
    ROW("fluoro_store_live_segments", "", "Segments in the log that are not settled yet.",
        FL_METRIC_GAUGE, live_segments),
    ROW("fluoro_store_live_bytes", "", "Bytes of their packed documents.", FL_METRIC_GAUGE,
        live_bytes),
    ROW("fluoro_store_parts", "", "Part files that answer reads.", FL_METRIC_GAUGE, parts),
    ROW("fluoro_store_part_bytes", "", "Bytes of the parts.", FL_METRIC_GAUGE, part_bytes),
    ROW("fluoro_store_part_spans", "", "Segments and subsegments in the parts.", FL_METRIC_GAUGE,
        part_spans),
    ROW("fluoro_store_settles_total", "", "Parts made from live traces.", FL_METRIC_COUNTER,
        settles_total),
    ROW("fluoro_store_settled_bytes_total", "", "Bytes of these parts.", FL_METRIC_COUNTER,
        settled_bytes_total),
    ROW("fluoro_store_merges_total", "", "Merges of parts.", FL_METRIC_COUNTER, merges_total),
    ROW("fluoro_store_merged_bytes_total", "", "Bytes that they wrote.", FL_METRIC_COUNTER,
        merged_bytes_total),
    ROW("fluoro_store_settling", "", "Settles under way or waiting.", FL_METRIC_GAUGE, settling),
    ROW("fluoro_store_merging", "", "Is a merge under way? 0 or 1.", FL_METRIC_GAUGE, merging),
    ROW("fluoro_store_damaged_parts_total", "", "Parts found to be damaged beyond repair.",
        FL_METRIC_COUNTER, damaged_parts_total),
    ROW("fluoro_store_over_budget_total", "", "Scans that ended early by their budget.",
        FL_METRIC_COUNTER, over_budget_total),
    ROW("fluoro_store_pinned", "", "Pinned traces.", FL_METRIC_GAUGE, pinned),
    ROW("fluoro_store_expired_total", "reason=\"age\"", "Traces dropped by retention.",
        FL_METRIC_COUNTER, expired_age_total),
    ROW("fluoro_store_expired_total", "reason=\"disk\"", "", FL_METRIC_COUNTER, expired_disk_total),
    ROW("fluoro_store_refused_total", "reason=\"memory\"",
        "Segments refused for want of memory budget.", FL_METRIC_COUNTER, refused_memory_total),
    ROW("fluoro_store_torn_bytes_total", "", "Bytes of unfinished commits dropped at opening.",
        FL_METRIC_COUNTER, torn_bytes_total),
    ROW("fluoro_store_damaged_frames_total", "", "Damages beyond repair found in the log.",
        FL_METRIC_COUNTER, damaged_frames_total),
    ROW("fluoro_store_repaired_frames_total", "", "Damages in the log that were mended on reading.",
        FL_METRIC_COUNTER, repaired_frames_total),
    ROW("fluoro_store_commit_seconds", "", "Time from a put to its durability.",
        FL_METRIC_HISTOGRAM, commit_latency),
    ROW("fluoro_store_oldest_trace_timestamp_seconds", "",
        "Trace time of the oldest trace; 0 = empty.", FL_METRIC_GAUGE, oldest_time_s),
};
const size_t fl_store_metrics_count = sizeof fl_store_metrics / sizeof fl_store_metrics[0];
