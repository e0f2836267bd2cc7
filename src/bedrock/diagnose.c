#include <stdarg.h>
#include <stdio.h>

#include "bedrock/event_int.h"

#define MESSAGE_MAX 512

typedef struct code_row {
    const char *name;
    bool is_error;
} code_row;

static const code_row CODES[FL_BEDROCK_CODE_COUNT] = {
#define CODE_ROW(code, name, is_error) [code] = {name, is_error},
    FL_BEDROCK_CODE_TABLE(CODE_ROW)
#undef CODE_ROW
};

const char *fl_bedrock_code_name(fl_bedrock_code code)
{
    return CODES[code].name;
}

bool fl_bedrock_code_is_error(fl_bedrock_code code)
{
    return CODES[code].is_error;
}

/* Member names come from the input and go to a terminal: no control characters, no broken ones. */
static fl_str cleaned(char *message, size_t n)
{
    fl_str text = {message, n};
    for (size_t at = 0, begin = 0; at < n; begin = at) {
        int32_t code = fl_utf8_next(text, &at);
        if (code < 0x20 || (code >= 0x7f && code < 0xA0)) {
            memset(message + begin, '?', at - begin);
        }
    }
    return text;
}

static void report(bedrock_diagnostics *diagnostics, fl_bedrock_code code, fl_bedrock_place place,
                   fl_str message)
{
    const fl_bedrock_diagnostic diagnostic = {code, place, message};
    uint64_t *count = fl_bedrock_code_is_error(code) ? &diagnostics->counts->errors
                                                     : &diagnostics->counts->warnings;
    ++*count;
    diagnostics->sink->diagnostic(diagnostics->sink->user, &diagnostic);
}

void bedrock_diagnose(bedrock_diagnostics *diagnostics, fl_bedrock_code code,
                      fl_bedrock_place place, const char *format, ...)
{
    char message[MESSAGE_MAX];
    bool is_error = fl_bedrock_code_is_error(code);
    if (is_error && diagnostics->counts->errors >= BEDROCK_ERRORS_MAX) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    size_t length = n < 0 ? 0 : (size_t)n < sizeof(message) ? (size_t)n : sizeof(message) - 1;
    report(diagnostics, code, place, cleaned(message, length));
    if (is_error && diagnostics->counts->errors == BEDROCK_ERRORS_MAX) {
        diagnostics->over = true;
        report(diagnostics, FL_BEDROCK_E_TOO_MANY, place,
               FL_S("20 errors: the rest is not read; mend the first ones and try again"));
    }
}
