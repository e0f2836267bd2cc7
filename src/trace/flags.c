#include "trace/segment.h"

static fl_flags flags_of_status(int64_t status)
{
    return (fl_flags){
        .error = status >= 400 && status < 500, .throttle = status == 429, .fault = status >= 500};
}

fl_flags fl_segment_flags(const fl_segment *segment)
{
    if ((segment->error | segment->throttle | segment->fault) != FL_ABSENT) {
        return (fl_flags){.error = segment->error == FL_TRUE || segment->throttle == FL_TRUE,
                          .throttle = segment->throttle == FL_TRUE,
                          .fault = segment->fault == FL_TRUE};
    }
    /* FL_INT_NONE is below every status. */
    return segment->http != NULL ? flags_of_status(segment->http->status) : (fl_flags){0};
}
