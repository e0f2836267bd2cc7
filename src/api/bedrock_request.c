/* Query and headers of POST /bedrock/traces. */
#include "api/bedrock_int.h"

#define TEXT_CHARS_MAX 1000
#define NOW_MAX_NS     (INT64_C(0xffffffff) * FL_NS_PER_S) /* what the epoch of a trace id holds */

typedef enum parameter_kind { CHOICE, TEXT, SECONDS } parameter_kind;

typedef struct parameter {
    const char *name;
    parameter_kind kind;
    size_t offset;              /* in api_import_request */
    const char *const *choices; /* of a CHOICE; ends with NULL */
} parameter;

#define AT(member) offsetof(api_import_request, member)

/* In the order of the converter's own enumerations, where it has one. */
static const char *const modes[] = {"tree", "chain", NULL};
static const char *const names[] = {"target", "type", NULL};
static const char *const clocks[] = {"auto", "synthetic", NULL};
static const char *const contents[] = {"truncate", "full", "hash", "none", NULL};
static const char *const links[] = {"none", NULL};
static const char *const booleans[] = {"false", "true", NULL};
enum { NOT_GIVEN, SAID_FALSE, SAID_TRUE };

static const parameter parameters[] = {
    {"mode", CHOICE, AT(mode), modes},
    {"names", CHOICE, AT(names), names},
    {"clock", CHOICE, AT(clock), clocks},
    {"now", SECONDS, AT(now_ns), NULL},
    {"flow", TEXT, AT(flow), NULL},
    {"executionId", TEXT, AT(execution_id), NULL},
    {"content", CHOICE, AT(content), contents},
    {"tenant", TEXT, AT(tenant), NULL},
    {"route", TEXT, AT(route), NULL},
    {"experimentId", TEXT, AT(experiment_id), NULL},
    {"link", CHOICE, AT(link), links},
    {"partial", CHOICE, AT(partial), booleans},
    {"dryRun", CHOICE, AT(dry_run), booleans},
};
#define PARAMETERS (sizeof parameters / sizeof parameters[0])

/* ---- Percent-encoding */

/* Decodes in the call's arena; absent: not enough memory, or (with *bad) a bad escape. */
static fl_str decode(fl_arena *arena, fl_str text, bool *bad)
{
    size_t n = 0;
    char *out = fl_arena_alloc(arena, text.n);
    if (out == NULL) {
        return (fl_str){0};
    }
    for (size_t i = 0; i < text.n; i++) {
        uint64_t byte = (unsigned char)text.p[i];
        if (byte == '+') {
            byte = ' ';
        } else if (byte == '%') {
            if (i + 2 >= text.n || !fl_hex_read(text.p + i + 1, 2, &byte)) {
                *bad = true;
                return (fl_str){0};
            }
            i += 2;
        }
        out[n++] = (char)byte;
    }
    *bad = !fl_utf8_valid((fl_str){out, n});
    return *bad ? (fl_str){0} : (fl_str){out, n};
}

static bool decode_part(api_call *call, fl_str text, fl_str *out)
{
    bool bad = false;
    *out = decode(call->arena, text, &bad);
    if (out->p == NULL) {
        api_refuse(call, bad ? FL_E_VALIDATION : FL_E_NOMEM,
                   bad ? "the query is not percent-encoded UTF-8"
                       : "no memory for the query of the request");
    }
    return out->p != NULL;
}

/* ---- Parameters */

static bool refuse_choice(api_call *call, const parameter *row)
{
    fl_buf text;
    fl_buf_init(&text, 1024);
    for (size_t i = 0; row->choices[i] != NULL; i++) {
        fl_str between = i == 0                        ? FL_S("")
                         : row->choices[i + 1] != NULL ? FL_S(", ")
                                                       : FL_S(" or ");
        fl_buf_add_str(&text, between);
        fl_buf_add_str(&text, fl_str_of(row->choices[i]));
    }
    api_refuse(call, FL_E_VALIDATION, "%s must be %.*s", row->name, FL_P(fl_buf_str(&text)));
    fl_buf_fini(&text);
    return false;
}

static bool take_choice(api_call *call, const parameter *row, fl_str value, void *member)
{
    for (unsigned i = 0; row->choices[i] != NULL; i++) {
        if (fl_str_eq(value, fl_str_of(row->choices[i]))) {
            *(unsigned *)member = i + 1;
            return true;
        }
    }
    return refuse_choice(call, row);
}

static bool take_text(api_call *call, const parameter *row, fl_str value, void *member)
{
    if (value.n == 0 || fl_utf8_length(value) > TEXT_CHARS_MAX) {
        api_refuse(call, FL_E_VALIDATION, "%s must have 1 to %d characters", row->name,
                   TEXT_CHARS_MAX);
        return false;
    }
    *(fl_str *)member = value;
    return true;
}

static bool take_seconds(api_call *call, const parameter *row, fl_str value, void *member)
{
    int64_t ns;
    if (!fl_json_ns(value, &ns) || ns < 0 || ns > NOW_MAX_NS) {
        api_refuse(call, FL_E_VALIDATION, "%s must be seconds since the epoch, like 1740000000",
                   row->name);
        return false;
    }
    *(int64_t *)member = ns;
    return true;
}

static bool take_parameter(api_call *call, const parameter *row, fl_str value,
                           api_import_request *out)
{
    void *member = (char *)out + row->offset;
    switch (row->kind) {
    case CHOICE:
        return take_choice(call, row, value, member);
    case TEXT:
        return take_text(call, row, value, member);
    case SECONDS:
        break;
    }
    return take_seconds(call, row, value, member);
}

static bool refuse_unknown(api_call *call, fl_str name)
{
    fl_buf text;
    fl_buf_init(&text, 1024);
    for (size_t i = 0; i < PARAMETERS; i++) {
        fl_buf_add_str(&text, i > 0 ? FL_S(", ") : FL_S(""));
        fl_buf_add_str(&text, fl_str_of(parameters[i].name));
    }
    api_refuse(call, FL_E_VALIDATION, "there is no query parameter %.*s; there are %.*s",
               FL_P(fl_str_clip(name, 40)), FL_P(fl_buf_str(&text)));
    fl_buf_fini(&text);
    return false;
}

static bool read_pair(api_call *call, fl_str pair, uint32_t *given, api_import_request *out)
{
    fl_str name, value, rest = pair;
    fl_str raw_name = fl_str_cut(&rest, '=');
    if (!decode_part(call, raw_name, &name) || !decode_part(call, rest, &value)) {
        return false;
    }
    for (size_t i = 0; i < PARAMETERS; i++) {
        if (!fl_str_eq(name, fl_str_of(parameters[i].name))) {
            continue;
        }
        if ((*given & UINT32_C(1) << i) != 0) {
            api_refuse(call, FL_E_VALIDATION, "%s is given twice", parameters[i].name);
            return false;
        }
        *given |= UINT32_C(1) << i;
        return take_parameter(call, &parameters[i], value, out);
    }
    return refuse_unknown(call, name);
}

static bool read_query(api_call *call, api_import_request *out)
{
    fl_str rest = call->request->query;
    uint32_t given = 0;
    while (rest.p != NULL) {
        fl_str pair = fl_str_cut(&rest, '&');
        if (pair.n > 0 && !read_pair(call, pair, &given, out)) {
            return false;
        }
    }
    return true;
}

/* ---- Headers */

static bool read_content_type(api_call *call, api_import_request *out)
{
    static const struct {
        const char *name;
        fl_bedrock_format format;
    } types[] = {
        {"application/vnd.amazon.eventstream", FL_BEDROCK_FORMAT_EVENTSTREAM},
        {"application/x-ndjson", FL_BEDROCK_FORMAT_JSON},
        {"application/jsonl", FL_BEDROCK_FORMAT_JSON},
        {"application/json", FL_BEDROCK_FORMAT_JSON},
    };
    fl_str rest = fl_http_header_get(call->request, FL_S("content-type"));
    fl_str type = fl_str_trim(fl_str_cut(&rest, ';'));
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (fl_str_eq_nocase(type, fl_str_of(types[i].name))) {
            out->format = types[i].format;
            return true;
        }
    }
    api_refuse_http(
        call, FL_E_INVALID, 415,
        "Content-Type must be application/vnd.amazon.eventstream, application/x-ndjson, "
        "application/jsonl or application/json");
    return false;
}

bool api_import_read(api_call *call, api_import_request *out)
{
    *out = (api_import_request){.now_ns = FL_TIME_NONE};
    if (!read_content_type(call, out) || !read_query(call, out)) {
        return false;
    }
    fl_str header = fl_http_header_get(call->request, FL_S("x-amzn-trace-id"));
    if (out->link == NOT_GIVEN && header.p != NULL) {
        fl_trace_header_parse(header, &out->header);
    }
    return true;
}

bool api_import_is_partial(const api_import_request *request)
{
    return request->partial == SAID_TRUE;
}

bool api_import_is_dry(const api_import_request *request)
{
    return request->dry_run == SAID_TRUE;
}

bool api_import_is_sampled(const api_import_request *request)
{
    return request->header.sampled != FL_SAMPLED_NO;
}

/* ---- Options of the converter */

static fl_status add_annotation(fl_arena *arena, fl_str key, fl_str value, fl_annotation *annotate,
                                size_t *count, fl_err *err)
{
    fl_buf text;
    if (value.p == NULL) {
        return FL_OK;
    }
    fl_buf_init(&text, 4 * TEXT_CHARS_MAX);
    fl_genai_index_value(key, value, &text);
    fl_str kept = fl_str_dup(arena, fl_buf_str(&text));
    fl_status status = text.status;
    fl_buf_fini(&text);
    if (status != FL_OK || kept.p == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for the request");
    }
    annotate[*count] = (fl_annotation){.key = key, .kind = FL_ANNOTATION_STRING, .text = kept};
    (*count)++;
    return FL_OK;
}

fl_status api_import_options(const api_import_request *request, fl_arena *arena, int64_t now_ns,
                             fl_annotation *annotate, fl_bedrock_options *out, fl_err *err)
{
    size_t count = 0;
    fl_bedrock_options options =
        fl_bedrock_options_default(request->now_ns != FL_TIME_NONE ? request->now_ns : now_ns);
    options.mode = request->mode == 0 ? options.mode : (fl_bedrock_mode)(request->mode - 1);
    options.names = (fl_bedrock_names)request->names;
    options.clock = request->clock == 0 ? options.clock : (fl_bedrock_clock)(request->clock - 1);
    options.content =
        request->content == 0 ? options.content : (fl_bedrock_content)(request->content - 1);
    options.format = request->format;
    options.format_given_by = "Content-Type";
    options.flow = request->flow;
    options.execution_id = request->execution_id;
    options.trace_id = request->header.root;
    options.parent_id = fl_trace_id_is_none(options.trace_id) ? 0 : request->header.parent;
    FL_TRY(add_annotation(arena, FL_S("tenant"), request->tenant, annotate, &count, err));
    FL_TRY(add_annotation(arena, FL_S("route"), request->route, annotate, &count, err));
    FL_TRY(add_annotation(arena, FL_S("experiment_id"), request->experiment_id, annotate, &count,
                          err));
    options.annotate = annotate;
    options.annotate_count = count;
    *out = options;
    return FL_OK;
}

_Static_assert(FL_BEDROCK_TREE == 0 && FL_BEDROCK_CHAIN == 1, "order of modes");
_Static_assert(FL_BEDROCK_NAMES_TARGET == 1 && FL_BEDROCK_NAMES_TYPE == 2, "order of names");
_Static_assert(FL_BEDROCK_CLOCK_AUTO == 0 && FL_BEDROCK_CLOCK_SYNTHETIC == 1, "order of clocks");
_Static_assert(FL_BEDROCK_CONTENT_TRUNCATE == 0 && FL_BEDROCK_CONTENT_NONE == 3,
               "order of contents");
