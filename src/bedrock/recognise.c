#include "bedrock/read_int.h"

/* What a value is, told by the names of its members (spec §2.2). */

/* In the order of the rules: the first that fits. */
typedef enum member_class {
    ANSWER,
    TRACE,
    TRACE_MEMBER, /* of a Trace union whose envelope is lost */
    STEP_MEMBER,  /* of a step union: the console's copy */
    FLOW_TRACE,   /* flowTraceEvent */
    FLOW_MEMBER,
    AUXILIARY,
    EXCEPTION,
    MODEL_LOG,
    UNKNOWN,
} member_class;

typedef struct auxiliary_row {
    fl_str name;
    bedrock_event_kind kind;
} auxiliary_row;

static const auxiliary_row AUXILIARIES[] = {
    {BEDROCK_NAME("chunk"), BEDROCK_CHUNK},
    {BEDROCK_NAME("files"), BEDROCK_FILES},
    {BEDROCK_NAME("returnControl"), BEDROCK_RETURN_CONTROL},
    {BEDROCK_NAME("flowInputEvent"), BEDROCK_FLOW_INPUT},
    {BEDROCK_NAME("flowOutputEvent"), BEDROCK_FLOW_OUTPUT},
    {BEDROCK_NAME("flowCompletionEvent"), BEDROCK_FLOW_COMPLETION},
    {BEDROCK_NAME("flowMultiTurnInputRequestEvent"), BEDROCK_FLOW_INPUT_REQUEST},
};
static const fl_str ANSWER_LISTS[] = {BEDROCK_NAME("completion"), BEDROCK_NAME("responseStream"),
                                      BEDROCK_NAME("flowExecutionEvents")};

bool bedrock_is_answer_list(fl_str name)
{
    for (size_t i = 0; i < BEDROCK_COUNT(ANSWER_LISTS); i++) {
        if (fl_str_eq(name, ANSWER_LISTS[i])) {
            return true;
        }
    }
    return false;
}

static const auxiliary_row *auxiliary_of(fl_str name)
{
    for (size_t i = 0; i < BEDROCK_COUNT(AUXILIARIES); i++) {
        if (fl_str_eq(name, AUXILIARIES[i].name)) {
            return &AUXILIARIES[i];
        }
    }
    return NULL;
}

static bool is_exception(fl_str name)
{
    const fl_str ending = FL_S("Exception");
    return name.n >= ending.n && fl_str_eq((fl_str){name.p + name.n - ending.n, ending.n}, ending);
}

static member_class class_of(fl_str name, yyjson_val *val)
{
    if (fl_str_eq(name, FL_S("trace"))) {
        return TRACE;
    }
    if (bedrock_is_answer_list(name)) {
        return ANSWER;
    }
    if (bedrock_is_trace_member(name)) {
        return TRACE_MEMBER;
    }
    if (bedrock_is_step_member(name)) {
        return STEP_MEMBER;
    }
    if (fl_str_eq(name, FL_S("flowTraceEvent"))) {
        return FLOW_TRACE;
    }
    if (bedrock_is_flow_member(name)) {
        return FLOW_MEMBER;
    }
    if (auxiliary_of(name) != NULL) {
        return AUXILIARY;
    }
    if (is_exception(name)) {
        return EXCEPTION;
    }
    bool log = fl_str_eq(name, FL_S("schemaType")) &&
               fl_str_eq(fl_json_str(val), FL_S("ModelInvocationLog"));
    return log ? MODEL_LOG : UNKNOWN;
}

/* ---- One member of an event */

static bool has_any(yyjson_val *object, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fl_json_get(object, fl_str_of(names[i])) != NULL) {
            return true;
        }
    }
    return false;
}

static bool has_flow_trace(yyjson_val *object)
{
    yyjson_obj_iter members = yyjson_obj_iter_with(object);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&members)) != NULL;) {
        if (bedrock_is_flow_trace(fl_json_str(key))) {
            return true;
        }
    }
    return false;
}

/* `trace`: a stream event's, a flow trace event's or a TracePart's own. `around` is the object that
 * has it, NULL for the body of a stream's message, which has no envelope around. */
static fl_status recognise_trace(const bedrock_origin *origin, const bedrock_path *up,
                                 yyjson_val *around, yyjson_val *trace, fl_err *err)
{
    static const char *const parts[] = {"trace", "agentId", "callerChain", "sessionId"};
    const bedrock_path path = {.up = up, .name = FL_S("trace")};
    origin->reader->seen.trace = true;
    if (bedrock_object_at(origin, &path, trace) == NULL) {
        return FL_OK;
    }
    if (has_any(trace, parts, BEDROCK_COUNT(parts))) {
        return bedrock_normalise_part(origin, &path, trace, NULL, err);
    }
    if (has_flow_trace(trace)) {
        return bedrock_normalise_flow_union(origin, &path, trace, err);
    }
    return around != NULL ? bedrock_normalise_part(origin, up, around, NULL, err)
                          : bedrock_normalise_union(origin, &path, trace, false, err);
}

static fl_status recognise_flow_trace(const bedrock_origin *origin, const bedrock_path *path,
                                      yyjson_val *body, fl_err *err)
{
    const bedrock_path inner = {.up = path, .name = FL_S("trace")};
    origin->reader->seen.trace = true;
    if (bedrock_object_at(origin, path, body) == NULL) {
        return FL_OK;
    }
    return bedrock_normalise_flow_union(origin, &inner, fl_json_get(body, FL_S("trace")), err);
}

static uint32_t length_of(yyjson_val *list)
{
    size_t n = yyjson_arr_size(list);
    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static fl_status recognise_auxiliary(const bedrock_origin *origin, const bedrock_path *path,
                                     yyjson_val *body, fl_err *err)
{
    const auxiliary_row *row = auxiliary_of(path->name);
    bedrock_event event = bedrock_event_of(origin, NULL);
    if (bedrock_object_at(origin, path, body) == NULL) {
        return FL_OK;
    }
    event.kind = row->kind;
    event.member_name = row->name;
    event.body = body;
    if (row->kind == BEDROCK_CHUNK) {
        const bedrock_path inner = {.up = path, .name = FL_S("attribution")};
        yyjson_val *attribution = bedrock_member_object(origin, path, body, inner.name);
        event.number =
            length_of(bedrock_member_list(origin, &inner, attribution, FL_S("citations")));
    } else if (row->kind == BEDROCK_FILES) {
        event.number = length_of(bedrock_member_list(origin, path, body, FL_S("files")));
    } else if (row->kind != BEDROCK_RETURN_CONTROL) {
        event.node_name = bedrock_member_text(origin, path, body, FL_S("nodeName"));
        event.time_ns = bedrock_member_time(origin, path, body, FL_S("timestamp"));
    }
    return bedrock_emit(origin, &event, err);
}

fl_status bedrock_recognise_exception(const bedrock_origin *origin, const bedrock_path *path,
                                      fl_str name, yyjson_val *body, fl_err *err)
{
    bedrock_event event = bedrock_event_of(origin, NULL);
    if (bedrock_object_at(origin, path, body) == NULL) {
        return FL_OK;
    }
    event.kind = BEDROCK_EXCEPTION;
    event.member_name = name;
    event.exception = name;
    event.body = body;
    return bedrock_emit(origin, &event, err);
}

/* ---- One object */

static void unknown_object(const bedrock_origin *origin, yyjson_val *object)
{
    fl_buf keys;
    size_t count = 0;
    fl_buf_init(&keys, 512);
    yyjson_obj_iter members = yyjson_obj_iter_with(object);
    for (yyjson_val *key; count < 5 && (key = yyjson_obj_iter_next(&members)) != NULL; count++) {
        fl_buf_add_str(&keys, count > 0 ? FL_S(", ") : FL_S(""));
        fl_buf_add_str(&keys, fl_str_clip(fl_json_str(key), 60));
    }
    fl_str list = count > 0 ? fl_buf_str(&keys) : FL_S("no members");
    bedrock_diagnose(origin->reader->config.diagnostics, FL_BEDROCK_E_UNKNOWN_OBJECT, origin->place,
                     "an object with %.*s%s is no event of an agent's or flow's stream; save the "
                     "events as they came",
                     FL_P(list), yyjson_obj_size(object) > count ? ", …" : "");
    fl_buf_fini(&keys);
}

/* The class of the whole object, and the last value of its member that tells. */
static member_class object_class(yyjson_val *object, fl_str *name, yyjson_val **val)
{
    member_class found = UNKNOWN;
    yyjson_obj_iter members = yyjson_obj_iter_with(object);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&members)) != NULL;) {
        member_class class = class_of(fl_json_str(key), yyjson_obj_iter_get_val(key));
        if (class < found || (class == found && fl_str_eq(fl_json_str(key), *name))) {
            found = class;
            *name = fl_json_str(key);
            *val = yyjson_obj_iter_get_val(key);
        }
    }
    return found;
}

/* Every member of the class that is there, for dumps that merge events. */
static fl_status recognise_auxiliaries(const bedrock_origin *origin, const bedrock_path *up,
                                       yyjson_val *object, fl_err *err)
{
    for (size_t i = 0; i < BEDROCK_COUNT(AUXILIARIES); i++) {
        const bedrock_path path = {.up = up, .name = AUXILIARIES[i].name};
        yyjson_val *body = fl_json_get(object, path.name);
        if (body != NULL) {
            FL_TRY(recognise_auxiliary(origin, &path, body, err));
        }
    }
    return FL_OK;
}

/* One that is no whole answer. */
static fl_status recognise_event(const bedrock_origin *origin, const bedrock_path *up,
                                 yyjson_val *object, fl_err *err)
{
    fl_str name = {0};
    yyjson_val *val = NULL;
    switch (object_class(object, &name, &val)) {
    case TRACE:
        return recognise_trace(origin, up, object, val, err);
    case TRACE_MEMBER:
        return bedrock_normalise_union(origin, up, object, true, err);
    case STEP_MEMBER:
        return bedrock_normalise_console(origin, up, object, err);
    case FLOW_TRACE:
        return recognise_flow_trace(origin, &(bedrock_path){.up = up, .name = name}, val, err);
    case FLOW_MEMBER:
        return bedrock_normalise_flow_members(origin, up, object, err);
    case AUXILIARY:
        return recognise_auxiliaries(origin, up, object, err);
    case EXCEPTION:
        return bedrock_recognise_exception(origin, &(bedrock_path){.up = up, .name = name}, name,
                                           val, err);
    case MODEL_LOG:
        origin->reader->seen.model_logs++;
        return FL_OK;
    default:
        unknown_object(origin, object);
        return FL_OK;
    }
}

/* ---- Lists and whole answers */

/* Counts a value that is no array; false: it is no object either, which was told. */
static bool count_object(const bedrock_origin *origin, yyjson_val *val)
{
    origin->reader->config.diagnostics->counts->values++;
    if (!yyjson_is_obj(val)) {
        bedrock_diagnose(origin->reader->config.diagnostics, FL_BEDROCK_E_NOT_OBJECT, origin->place,
                         "a %s stands where an event is expected, which is an object; save events "
                         "as objects",
                         bedrock_type_name(val));
    }
    return yyjson_is_obj(val);
}

/* The first of a list's elements that is no list, and the one behind such an element; lists in it
 * are gone through in order. NULL at the end. */
static yyjson_val *skip_lists(yyjson_val *list, yyjson_val *val)
{
    yyjson_val *end = unsafe_yyjson_get_next(list);
    while (val != end && yyjson_is_arr(val)) {
        val = unsafe_yyjson_get_first(val); /* of an empty one what stands behind it */
    }
    return val != end ? val : NULL;
}

static yyjson_val *first_of(yyjson_val *val)
{
    return yyjson_is_arr(val) ? skip_lists(val, unsafe_yyjson_get_first(val)) : val;
}

static yyjson_val *next_of(yyjson_val *list, yyjson_val *val)
{
    return yyjson_is_arr(list) ? skip_lists(list, unsafe_yyjson_get_next(val)) : NULL;
}

fl_status bedrock_recognise_element(const bedrock_origin *origin, const bedrock_path *path,
                                    yyjson_val *val, fl_err *err)
{
    for (yyjson_val *each = first_of(val); each != NULL; each = next_of(val, each)) {
        if (bedrock_reader_over(origin->reader)) {
            break;
        }
        if (count_object(origin, each)) {
            FL_TRY(recognise_event(origin, path, each, err));
        }
    }
    return FL_OK;
}

/* The place of an element of an answer: its first member's name is at the same distance from the
 * text's beginning as in the copy. `last` walks along, so that lines are counted once. */
static void find_place(bedrock_origin *element, const bedrock_origin *answer, yyjson_val *val,
                       size_t *last)
{
    yyjson_obj_iter members = yyjson_obj_iter_with(val);
    fl_str key = fl_json_str(yyjson_obj_iter_next(&members));
    if (answer->text.p == NULL || key.p == NULL) {
        return;
    }
    size_t at = (size_t)(key.p - answer->copy);
    while (at > *last && answer->text.p[at] != '{') {
        at--;
    }
    bedrock_place_advance(&element->place, (fl_str){answer->text.p + *last, at - *last});
    *last = at;
}

static yyjson_val *member(yyjson_val *object, const char *name)
{
    return fl_json_get(object, fl_str_of(name));
}

void bedrock_answer_member(bedrock_origin *origin, fl_str name, yyjson_val *val)
{
    if (fl_str_eq(name, FL_S("sessionId"))) {
        origin->session_id = fl_json_str(val);
    } else if (fl_str_eq(name, FL_S("executionId"))) {
        origin->execution_id = fl_json_str(val);
    } else if (fl_str_eq(name, FL_S("ResponseMetadata"))) {
        origin->request_id = fl_json_str(member(member(val, "HTTPHeaders"), "x-amzn-requestid"));
    }
}

static fl_status recognise_answer(const bedrock_origin *origin, yyjson_val *answer, fl_str name,
                                  yyjson_val *list, fl_err *err)
{
    if (!yyjson_is_arr(list)) {
        bedrock_diagnose(
            origin->reader->config.diagnostics, FL_BEDROCK_E_NOT_ITERATED, origin->place,
            "`%.*s` is of type %s instead of the list of events: the stream must be read "
            "to its end before it is saved, as in list(response[\"%.*s\"])",
            FL_P(name), bedrock_type_name(list), FL_P(name));
        return FL_OK;
    }
    bedrock_origin inside = *origin;
    yyjson_obj_iter members = yyjson_obj_iter_with(answer);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&members)) != NULL;) {
        bedrock_answer_member(&inside, fl_json_str(key), yyjson_obj_iter_get_val(key));
    }
    const bedrock_path path = {.name = name};
    bedrock_path element = {.up = &path};
    size_t last = 0;
    yyjson_arr_iter elements = yyjson_arr_iter_with(list);
    for (yyjson_val *each; (each = yyjson_arr_iter_next(&elements)) != NULL; element.index++) {
        if (bedrock_reader_over(origin->reader)) {
            break;
        }
        find_place(&inside, origin, each, &last);
        FL_TRY(bedrock_recognise_element(&inside, &element, each, err));
    }
    return FL_OK;
}

fl_status bedrock_recognise(const bedrock_origin *origin, yyjson_val *val, fl_err *err)
{
    for (yyjson_val *each = first_of(val); each != NULL; each = next_of(val, each)) {
        fl_str name = {0};
        yyjson_val *list = NULL;
        if (bedrock_reader_over(origin->reader)) {
            break;
        }
        if (!count_object(origin, each)) {
            continue;
        }
        FL_TRY(object_class(each, &name, &list) == ANSWER
                   ? recognise_answer(origin, each, name, list, err)
                   : recognise_event(origin, NULL, each, err));
    }
    return FL_OK;
}

fl_status bedrock_recognise_message(const bedrock_origin *origin, fl_str name, yyjson_val *body,
                                    fl_err *err)
{
    const bedrock_path path = {.name = name};
    origin->reader->config.diagnostics->counts->values++;
    switch (class_of(name, NULL)) {
    case TRACE:
        return recognise_trace(origin, NULL, NULL, body, err);
    case FLOW_TRACE:
        return recognise_flow_trace(origin, &path, body, err);
    case FLOW_MEMBER:
        return bedrock_normalise_flow(origin, &path, body, err);
    case AUXILIARY:
        return recognise_auxiliary(origin, &path, body, err);
    case EXCEPTION:
        return bedrock_recognise_exception(origin, &path, name, body, err);
    default:
        bedrock_diagnose(origin->reader->config.diagnostics, FL_BEDROCK_E_UNKNOWN_OBJECT,
                         origin->place,
                         "the message at offset %llu is a `%.*s`, which is no event of an agent's "
                         "or flow's stream; save the events as they came",
                         (unsigned long long)origin->place.offset, FL_P(fl_str_clip(name, 60)));
        return FL_OK;
    }
}
