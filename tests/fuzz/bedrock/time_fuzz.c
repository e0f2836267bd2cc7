#include <stdio.h>

#include "bedrock/event_int.h"

/* A time that is read is whole microseconds within what a trace id can have, and written out again
 * it is read as the same. */

static void check_written(int64_t ns)
{
    char text[64];
    int64_t again;
    int n = snprintf(text, sizeof(text), "%lld.%06lld", (long long)(ns / 1000000000),
                     (long long)(ns % 1000000000 / 1000));
    if (!bedrock_time_parse((fl_str){text, (size_t)n}, &again) || again != ns) {
        fl_bug("a time is read as another one when it is written out");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    int64_t ns;
    if (!bedrock_time_parse((fl_str){(const char *)bytes, n}, &ns)) {
        return 0;
    }
    if (ns < 0 || ns % 1000 != 0 || ns / INT64_C(1000000000) > INT64_C(0xFFFFFFFF)) {
        fl_bug("a time is out of range");
    }
    check_written(ns);
    return 0;
}
