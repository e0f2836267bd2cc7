/* Names of models and their vendors (spec bedrock.md §4.2), and the cardinality guard of §4.1. */
#include "trace/genai.h"

#define INDEX_VALUE_CHARS_MAX 64
#define HEX_ID_DIGITS_MIN     16

static fl_str without_prefix(fl_str text, fl_str prefix)
{
    return fl_str_starts(text, prefix) ? (fl_str){text.p + prefix.n, text.n - prefix.n} : text;
}

/* What follows the fifth colon, `arn:partition:service:region:account:resource`; all of text if it
 * is no ARN. */
static fl_str arn_resource(fl_str text)
{
    if (!fl_str_starts(text, FL_S("arn:"))) {
        return text;
    }
    fl_str rest = text;
    for (int i = 0; i < 5 && rest.p != NULL; i++) {
        (void)fl_str_cut(&rest, ':');
    }
    return rest.p != NULL ? rest : text;
}

fl_str fl_genai_model(fl_str id_or_arn)
{
    fl_str model = arn_resource(id_or_arn);
    model = without_prefix(model, FL_S("foundation-model/"));
    model = without_prefix(model, FL_S("inference-profile/"));
    return model.n > 0 ? model : id_or_arn;
}

static bool is_region_group(fl_str label)
{
    static const char *const groups[] = {"us", "us-gov", "eu", "apac", "ap", "jp",     "au",  "ca",
                                         "sa", "me",     "af", "in",   "uk", "global", "amer"};
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        if (fl_str_eq(label, fl_str_of(groups[i]))) {
            return true;
        }
    }
    return false;
}

fl_str fl_genai_model_without_region(fl_str model)
{
    fl_str rest = model;
    fl_str label = fl_str_cut(&rest, '.');
    return rest.n > 0 && is_region_group(label) ? rest : model;
}

fl_str fl_genai_provider(fl_str model)
{
    fl_str rest = fl_genai_model_without_region(without_prefix(model, FL_S("custom-model/")));
    fl_str vendor = fl_str_cut(&rest, '.');
    return rest.n > 0 && vendor.n > 0 ? vendor : (fl_str){0};
}

/* ---- Cardinality */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex_digit(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool all_are(fl_str text, bool (*kind)(char c))
{
    for (size_t i = 0; i < text.n; i++) {
        if (!kind(text.p[i])) {
            return false;
        }
    }
    return text.n > 0;
}

static bool is_uuid(fl_str text)
{
    static const size_t lengths[] = {8, 4, 4, 4, 12};
    fl_str rest = text;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        fl_str part = fl_str_cut(&rest, '-');
        if (part.n != lengths[i] || !all_are(part, is_hex_digit)) {
            return false;
        }
    }
    return rest.p == NULL;
}

static bool is_id(fl_str element)
{
    return all_are(element, is_digit) || is_uuid(element) ||
           (element.n >= HEX_ID_DIGITS_MIN && all_are(element, is_hex_digit));
}

/* Appends text until *chars characters are written in all; invalid bytes count one each. */
static void add_clipped(fl_buf *out, fl_str text, size_t *chars)
{
    size_t at = 0;
    while (*chars > 0 && fl_utf8_next(text, &at) != -2) {
        (*chars)--;
    }
    fl_buf_add(out, text.p, at);
}

static void add_route(fl_buf *out, fl_str route, size_t *chars)
{
    fl_str rest = route;
    while (rest.p != NULL) {
        fl_str element = fl_str_cut(&rest, '/');
        add_clipped(out, is_id(element) ? FL_S("{id}") : element, chars);
        if (rest.p != NULL) {
            add_clipped(out, FL_S("/"), chars);
        }
    }
}

void fl_genai_index_value(fl_str key, fl_str value, fl_buf *out)
{
    size_t chars = INDEX_VALUE_CHARS_MAX;
    if (fl_str_eq(key, FL_S("route"))) {
        add_route(out, value, &chars);
    } else {
        add_clipped(out, value, &chars);
    }
}
