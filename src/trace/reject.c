#include "trace/segment.h"

#define EXCERPT_BYTES_MAX 160

const char *fl_reject_name(fl_reject_code code)
{
    static const char *const names[] = {
#define FL_REJECT_NAME(code, name) name,
        FL_REJECT_TABLE(FL_REJECT_NAME)
#undef FL_REJECT_NAME
    };
    return names[code];
}

void fl_reject_message(const fl_reject *reject, fl_buf *out)
{
    if (reject->code == FL_REJECT_INVALID_SEGMENT) {
        fl_buf_add_str(out, FL_S("Trace Size Exceeded. Reduce the number of segments per trace and "
                                 "the size of your segment documents."));
        return;
    }
    fl_buf_add_str(out, reject->in_subsegment ? FL_S("Invalid subsegment. ErrorCode: ")
                                              : FL_S("Invalid segment. ErrorCode: "));
    fl_buf_add_str(out, fl_str_of(fl_reject_name(reject->code)));
    if (reject->in_subsegment) {
        fl_buf_add_str(out, FL_S(", Cause: null"));
    }
}

fl_str fl_reject_excerpt(fl_str document)
{
    return fl_str_clip(fl_str_trim(document), EXCERPT_BYTES_MAX);
}
