#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

static const fl_status_class classes[FL_STATUS_COUNT] = {
#define STATUS_ROW(code, text, name, http, exit, retry) [code] = {text, name, http, exit, retry},
    FL_STATUS_TABLE(STATUS_ROW)
#undef STATUS_ROW
};

const fl_status_class *fl_status_of(fl_status status)
{
    bool known = (unsigned)status < FL_STATUS_COUNT;
    return &classes[known ? status : FL_E_IO];
}

fl_status fl_err_set(fl_err *err, fl_status status, const char *file, int line, const char *format,
                     ...)
{
    if (err == NULL) {
        return status;
    }
    err->status = status;
    err->file = file;
    err->line = line;
    va_list args;
    va_start(args, format);
    int length = vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    if (length < 0) {
        err->message[0] = '\0';
    } else if ((size_t)length >= sizeof err->message) {
        fl_str kept = {err->message, sizeof err->message - 1};
        err->message[fl_str_clip(kept, sizeof err->message - 2).n] = '\0';
    }
    return status;
}

const char *fl_err_text(const fl_err *err, fl_status status)
{
    return err != NULL && err->message[0] != '\0' ? err->message : fl_status_of(status)->text;
}

_Noreturn void fl_bug_at(const char *file, int line, const char *what)
{
    dprintf(2, "fluoro: bug at %s:%d: %s\n", file, line, what);
    abort();
}
