#include "cli/mark_int.h"

static const fl_mark_look looks[FL_MARK_COUNT] = {
    [FL_MARK_OK] = {"ok", FL_GLYPH_OK, FL_STYLE_OK, FL_STYLE_OK_BOLD},
    [FL_MARK_ERROR] = {"error", FL_GLYPH_ERROR, FL_STYLE_ERROR, FL_STYLE_ERROR_BOLD},
    [FL_MARK_THROTTLE] = {"throttle", FL_GLYPH_THROTTLE, FL_STYLE_THROTTLE, FL_STYLE_THROTTLE_BOLD},
    [FL_MARK_FAULT] = {"fault", FL_GLYPH_FAULT, FL_STYLE_FAULT, FL_STYLE_FAULT_BOLD},
    [FL_MARK_PARTIAL] = {"partial", FL_GLYPH_PARTIAL, FL_STYLE_PARTIAL, FL_STYLE_PARTIAL_BOLD},
};

fl_mark fl_mark_of(bool fault, bool throttle, bool error, bool partial)
{
    return fault      ? FL_MARK_FAULT
           : throttle ? FL_MARK_THROTTLE
           : error    ? FL_MARK_ERROR
           : partial  ? FL_MARK_PARTIAL
                      : FL_MARK_OK;
}

const fl_mark_look *fl_mark_look_of(fl_mark mark)
{
    return &looks[mark];
}
