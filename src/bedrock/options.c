/* What holds when nobody says otherwise (spec §5.1). */
#include "bedrock/bedrock.h"

#define MAX_ANNOTATIONS 50
#define MAX_TEXT_BYTES  4096
#define HELD_BYTES      ((size_t)2 << 20)
#define MAX_BYTES       ((size_t)2 << 30)

fl_bedrock_options fl_bedrock_options_default(int64_t now_ns)
{
    return (fl_bedrock_options){
        .now_ns = now_ns - now_ns % FL_NS_PER_US, /* as exact as the times of events */
        .max_annotations = MAX_ANNOTATIONS,
        .max_text_bytes = MAX_TEXT_BYTES,
        .sample = 1,
        .keep = {.fault = true, .error = true, .throttle = true, .timeout = true},
        .held_bytes = HELD_BYTES,
        .max_bytes = MAX_BYTES,
    };
}

const char *fl_bedrock_time_source_name(fl_bedrock_time_source source)
{
    static const char *const names[] = {
        [FL_BEDROCK_TIME_METADATA] = "metadata", [FL_BEDROCK_TIME_EVENT] = "event",
        [FL_BEDROCK_TIME_INFERRED] = "inferred", [FL_BEDROCK_TIME_SYNTHETIC] = "synthetic",
        [FL_BEDROCK_TIME_CHILDREN] = "children",
    };
    return names[source];
}
