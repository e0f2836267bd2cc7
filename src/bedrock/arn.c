/* Names of agents taken apart. */
#include "bedrock/run_int.h"

/* What stands behind the n-th separator, with all the rest; absent if there are fewer. */
static fl_str behind(fl_str text, char separator, int n)
{
    while (n-- > 0) {
        (void)fl_str_cut(&text, separator);
    }
    return text;
}

bedrock_arn bedrock_arn_of(fl_str arn)
{
    bedrock_arn parts = {0};
    fl_str resource = arn;
    if (fl_str_starts(arn, FL_S("arn:"))) {
        fl_str rest = behind(arn, ':', 3);
        parts.region = fl_str_cut(&rest, ':');
        parts.account = rest.p != NULL ? fl_str_cut(&rest, ':') : (fl_str){0};
        resource = rest.p != NULL ? behind(rest, '/', 1) : (fl_str){0};
    }
    if (resource.p != NULL) {
        parts.agent = fl_str_cut(&resource, '/');
        parts.alias = resource;
    }
    return parts;
}
