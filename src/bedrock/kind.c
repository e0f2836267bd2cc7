/* The kinds of segments, and the exceptions of a stream, as tables. */
#include "bedrock/convert_int.h"

const bedrock_kind_row bedrock_kinds[BEDROCK_KINDS] = {
#define ROW(code, step, action, genai_kind, origin, class_of)                                      \
    {{"" step, sizeof(step) - 1},                                                                  \
     {"" action, sizeof(action) - 1},                                                              \
     {"" genai_kind, sizeof(genai_kind) - 1},                                                      \
     {"" origin, sizeof(origin) - 1},                                                              \
     BEDROCK_CLASS_##class_of},
    BEDROCK_KIND_TABLE(ROW)
#undef ROW
};

#define NAME(text)                                                                                 \
    {                                                                                              \
        "" text, sizeof(text) - 1                                                                  \
    }

/* The last row is for every other name (spec §1.12). */
static const bedrock_exception_row exceptions[] = {
    {NAME("validationException"), 400, true, false, false},
    {NAME("serviceQuotaExceededException"), 400, true, false, false},
    {NAME("accessDeniedException"), 403, true, false, false},
    {NAME("resourceNotFoundException"), 404, true, false, false},
    {NAME("conflictException"), 409, true, false, false},
    {NAME("dependencyFailedException"), 424, true, false, false},
    {NAME("modelNotReadyException"), 424, true, false, false},
    {NAME("throttlingException"), 429, true, true, false},
    {NAME("internalServerException"), 500, false, false, true},
    {NAME("badGatewayException"), 502, false, false, true},
    {NAME(""), 0, false, false, true},
};

const bedrock_exception_row *bedrock_exception_of(fl_str name)
{
    size_t i = 0;
    while (exceptions[i].name.n != 0 && !fl_str_eq(exceptions[i].name, name)) {
        i++;
    }
    return &exceptions[i];
}
