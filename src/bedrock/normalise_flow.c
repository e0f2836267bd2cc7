#include "bedrock/read_int.h"

/* Flow events, of streams and of asynchronous runs (spec §1.10, §1.11). */

typedef struct flow_row {
    fl_str name;
    bedrock_event_kind kind;
    bool is_trace; /* of §1.10 */
} flow_row;

static const flow_row FLOW_MEMBERS[] = {
    {BEDROCK_NAME("nodeInputTrace"), BEDROCK_NODE_INPUT, true},
    {BEDROCK_NAME("nodeOutputTrace"), BEDROCK_NODE_OUTPUT, true},
    {BEDROCK_NAME("conditionNodeResultTrace"), BEDROCK_NODE_OUTPUT, true},
    {BEDROCK_NAME("conditionNodeOutputTrace"), BEDROCK_NODE_OUTPUT, true},
    {BEDROCK_NAME("nodeActionTrace"), BEDROCK_NODE_ACTION, true},
    {BEDROCK_NAME("nodeDependencyTrace"), BEDROCK_NODE_DEPENDENCY, true},
    {BEDROCK_NAME("nodeInputEvent"), BEDROCK_NODE_INPUT, false},
    {BEDROCK_NAME("nodeOutputEvent"), BEDROCK_NODE_OUTPUT, false},
    {BEDROCK_NAME("conditionResultEvent"), BEDROCK_NODE_OUTPUT, false},
    {BEDROCK_NAME("nodeActionEvent"), BEDROCK_NODE_ACTION, false},
    {BEDROCK_NAME("nodeDependencyEvent"), BEDROCK_NODE_DEPENDENCY, false},
    {BEDROCK_NAME("nodeFailureEvent"), BEDROCK_NODE_FAILURE, false},
    {BEDROCK_NAME("flowFailureEvent"), BEDROCK_FLOW_FAILURE, false},
};

static const flow_row *row_of(fl_str name)
{
    for (size_t i = 0; i < BEDROCK_COUNT(FLOW_MEMBERS); i++) {
        if (fl_str_eq(name, FLOW_MEMBERS[i].name)) {
            return &FLOW_MEMBERS[i];
        }
    }
    return NULL;
}

bool bedrock_is_flow_member(fl_str name)
{
    return row_of(name) != NULL;
}

bool bedrock_is_flow_trace(fl_str name)
{
    const flow_row *row = row_of(name);
    return row != NULL && row->is_trace;
}

/* The TracePart of a stream event, which alone has a `trace` in its `trace`; else the part itself.
 */
static yyjson_val *unwrapped(yyjson_val *part)
{
    yyjson_val *inner = fl_json_get(part, FL_S("trace"));
    return yyjson_is_obj(inner) && fl_json_get(inner, FL_S("trace")) != NULL ? inner : part;
}

/* The TraceParts of an agent node, each as an event of that agent; wrapped as stream events, too.
 */
static fl_status normalise_agents(const bedrock_origin *origin, const bedrock_path *up,
                                  yyjson_val *dependency, const bedrock_dependency *within,
                                  fl_err *err)
{
    const bedrock_path path = {.up = up, .name = FL_S("traceElements")};
    const bedrock_path list_path = {.up = &path, .name = FL_S("agentTraces")};
    bedrock_path element = {.up = &list_path};
    yyjson_val *elements = bedrock_member_object(origin, up, dependency, path.name);
    yyjson_val *list = bedrock_member_list(origin, &path, elements, list_path.name);
    yyjson_arr_iter parts = yyjson_arr_iter_with(list);
    for (yyjson_val *part; (part = yyjson_arr_iter_next(&parts)) != NULL; element.index++) {
        if (bedrock_reader_over(origin->reader)) {
            break;
        }
        if (bedrock_object_at(origin, &element, part) != NULL) {
            FL_TRY(bedrock_normalise_part(origin, &element, unwrapped(part), within, err));
        }
    }
    return FL_OK;
}

fl_status bedrock_normalise_flow(const bedrock_origin *origin, const bedrock_path *path,
                                 yyjson_val *body, fl_err *err)
{
    const flow_row *row = row_of(path->name);
    bedrock_event event = bedrock_event_of(origin, NULL);
    origin->reader->seen.trace = true;
    if (bedrock_object_at(origin, path, body) == NULL) {
        return FL_OK;
    }
    event.kind = row->kind;
    event.member_name = row->name;
    event.body = body;
    event.node_name = bedrock_member_text(origin, path, body, FL_S("nodeName"));
    event.time_ns = bedrock_member_time(origin, path, body, FL_S("timestamp"));
    FL_TRY(bedrock_emit(origin, &event, err));
    if (row->kind != BEDROCK_NODE_DEPENDENCY) {
        return FL_OK;
    }
    const bedrock_dependency within = {event.node_name, event.time_ns};
    return normalise_agents(origin, path, body, &within, err);
}

fl_status bedrock_normalise_flow_members(const bedrock_origin *origin, const bedrock_path *up,
                                         yyjson_val *object, fl_err *err)
{
    for (size_t i = 0; i < BEDROCK_COUNT(FLOW_MEMBERS); i++) {
        const bedrock_path path = {.up = up, .name = FLOW_MEMBERS[i].name};
        yyjson_val *body = fl_json_get(object, path.name);
        if (body != NULL) {
            FL_TRY(bedrock_normalise_flow(origin, &path, body, err));
        }
    }
    return FL_OK;
}

/* What is no member of a FlowTrace is told, and left out: there is no node to hang it below. */
static void warn_unknown(const bedrock_origin *origin, const bedrock_path *up, yyjson_val *trace,
                         bool *any)
{
    yyjson_obj_iter members = yyjson_obj_iter_with(trace);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&members)) != NULL;) {
        const bedrock_path path = {.up = up, .name = fl_json_str(key)};
        bool known = row_of(path.name) != NULL;
        if (!known && yyjson_is_obj(yyjson_obj_iter_get_val(key))) {
            bedrock_warn(origin, FL_BEDROCK_W_UNKNOWN_MEMBER, &path,
                         "is no member that is known; it is left out");
        }
        *any |= known || yyjson_is_obj(yyjson_obj_iter_get_val(key));
    }
}

fl_status bedrock_normalise_flow_union(const bedrock_origin *origin, const bedrock_path *path,
                                       yyjson_val *trace, fl_err *err)
{
    bool any = false;
    if (trace != NULL && bedrock_object_at(origin, path, trace) == NULL) {
        return FL_OK;
    }
    warn_unknown(origin, path, trace, &any);
    if (!any) {
        bedrock_warn(origin, FL_BEDROCK_W_EMPTY, path,
                     "is empty: no event; save the events as they came");
    }
    return bedrock_normalise_flow_members(origin, path, trace, err);
}
