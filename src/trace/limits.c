#include "trace/segment.h"

#define KIB   ((size_t)1 << 10)
#define DAY_S (24 * 60 * 60)

fl_limits fl_limits_of(fl_profile profile, int64_t retention_ns)
{
    if (profile == FL_PROFILE_AWS) {
        return (fl_limits){.profile = profile,
                           .document_bytes = 64 * KIB,
                           .documents_per_put = 50,
                           .ids_per_get = 5,
                           .name_chars_segment = 200,
                           .name_chars_subsegment = 250,
                           .annotation_key_chars = 500,
                           .annotations_per_trace = 50,
                           .links_per_segment = 20,
                           .trace_bytes = 500 * KIB,
                           .modification_ns = 7 * DAY_S * FL_NS_PER_S,
                           .past_ns = retention_ns,
                           .future_ns = 5 * 60 * FL_NS_PER_S};
    }
    return (fl_limits){.profile = profile,
                       .document_bytes = 1024 * KIB,
                       .documents_per_put = 10000,
                       .ids_per_get = 100,
                       .name_chars_segment = 1000,
                       .name_chars_subsegment = 1000,
                       .annotation_key_chars = 500,
                       .future_ns = DAY_S * FL_NS_PER_S};
}
