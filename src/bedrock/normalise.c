#include <stddef.h>

#include "bedrock/read_int.h"

/* Agent events: the envelope and each member of the unions in their order (spec §1.3, §2.4). */

static const fl_str TRACE_MEMBERS[BEDROCK_UNKNOWN_MEMBER] = {
#define MEMBER_NAME(code, name) BEDROCK_NAME(name),
    BEDROCK_MEMBER_TABLE(MEMBER_NAME)
#undef MEMBER_NAME
};
/* In the order of the first kinds. */
static const fl_str STEP_MEMBERS[] = {
    BEDROCK_NAME("modelInvocationInput"), BEDROCK_NAME("modelInvocationOutput"),
    BEDROCK_NAME("rationale"), BEDROCK_NAME("invocationInput"), BEDROCK_NAME("observation")};
_Static_assert(BEDROCK_COUNT(STEP_MEMBERS) == BEDROCK_WHOLE, "one for each kind before it");

/* What boto3 writes instead of a member that it does not know. */
#define SDK_UNKNOWN FL_S("SDK_UNKNOWN_MEMBER")

static size_t index_of(fl_str name, const fl_str *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fl_str_eq(name, names[i])) {
            return i;
        }
    }
    return SIZE_MAX;
}

bool bedrock_is_trace_member(fl_str name)
{
    return index_of(name, TRACE_MEMBERS, BEDROCK_COUNT(TRACE_MEMBERS)) != SIZE_MAX ||
           fl_str_eq(name, SDK_UNKNOWN);
}

bool bedrock_is_step_member(fl_str name)
{
    return index_of(name, STEP_MEMBERS, BEDROCK_COUNT(STEP_MEMBERS)) != SIZE_MAX;
}

/* ---- Events */

bedrock_event bedrock_event_of(const bedrock_origin *origin, const bedrock_dependency *within)
{
    bedrock_event event = {
        .place = origin->place,
        .value = origin->value,
        .time_ns = FL_TIME_NONE,
        .metadata = {FL_TIME_NONE,
                     FL_TIME_NONE,
                     BEDROCK_INT_NONE,
                     BEDROCK_INT_NONE,
                     BEDROCK_INT_NONE,
                     BEDROCK_INT_NONE,
                     {0}},
        .execution_id = origin->execution_id,
        .request_id = origin->request_id,
    };
    event.envelope.session_id = origin->session_id;
    if (within != NULL) {
        event.in_node = true;
        event.node_name = within->name;
        event.time_ns = within->time_ns;
    }
    return event;
}

fl_status bedrock_emit(const bedrock_origin *origin, bedrock_event *event, fl_err *err)
{
    bedrock_reader *reader = origin->reader;
    fl_bedrock_counts *counts = reader->config.diagnostics->counts;
    reader->seen.kinds[event->kind]++;
    if (event->kind < BEDROCK_EXCEPTION) {
        reader->seen.trace = true;
        counts->trace_events++;
    } else if (event->kind == BEDROCK_EXCEPTION) {
        counts->exceptions++;
    } else {
        counts->auxiliary++;
    }
    return reader->config.take(reader->config.user, event, err);
}

/* ---- Envelope */

typedef struct text_row {
    fl_str name;
    size_t offset; /* in bedrock_envelope */
} text_row;

static const text_row ENVELOPE_TEXTS[] = {
    {BEDROCK_NAME("agentId"), offsetof(bedrock_envelope, agent_id)},
    {BEDROCK_NAME("agentAliasId"), offsetof(bedrock_envelope, agent_alias_id)},
    {BEDROCK_NAME("agentVersion"), offsetof(bedrock_envelope, agent_version)},
    {BEDROCK_NAME("agentName"), offsetof(bedrock_envelope, agent_name)},
    {BEDROCK_NAME("collaboratorName"), offsetof(bedrock_envelope, collaborator_name)},
    {BEDROCK_NAME("sessionId"), offsetof(bedrock_envelope, session_id)},
};

static void read_text(const bedrock_origin *origin, const bedrock_path *up, const text_row *row,
                      yyjson_val *val, bedrock_envelope *envelope)
{
    const bedrock_path path = {.up = up, .name = row->name};
    if (yyjson_is_str(val)) {
        *(fl_str *)(void *)((char *)envelope + row->offset) = fl_json_str(val);
    } else if (!yyjson_is_null(val)) {
        bedrock_type_error(origin, &path, "string", val);
    }
}

/* The ARN of a caller; absent if there is none. */
static fl_str caller_arn(const bedrock_origin *origin, const bedrock_path *path, yyjson_val *caller)
{
    return bedrock_object_at(origin, path, caller) != NULL
               ? bedrock_member_text(origin, path, caller, FL_S("agentAliasArn"))
               : (fl_str){0};
}

static fl_status read_callers(const bedrock_origin *origin, const bedrock_path *up, yyjson_val *val,
                              bedrock_envelope *envelope, fl_err *err)
{
    const bedrock_path path = {.up = up, .name = FL_S("callerChain")};
    bedrock_path element = {.up = &path};
    if (!yyjson_is_arr(val)) {
        if (!yyjson_is_null(val)) {
            bedrock_type_error(origin, &path, "array", val);
        }
        return FL_OK;
    }
    size_t size = yyjson_arr_size(val);
    fl_str *callers = FL_ARENA_ARRAY(&origin->value->arena, fl_str, size);
    if (callers == NULL) {
        return bedrock_no_memory(origin->reader, &origin->value->arena, origin->place, err);
    }
    uint32_t count = 0;
    yyjson_arr_iter elements = yyjson_arr_iter_with(val);
    for (yyjson_val *each; (each = yyjson_arr_iter_next(&elements)) != NULL; element.index++) {
        fl_str arn = caller_arn(origin, &element, each);
        if (arn.p != NULL && count < UINT32_MAX) {
            callers[count++] = arn;
        }
    }
    envelope->callers = callers;
    envelope->caller_count = count;
    envelope->has_callers = true;
    return FL_OK;
}

/* All of the envelope in one walk over the members; what is absent keeps its value in the event. */
static fl_status read_envelope(const bedrock_origin *origin, const bedrock_path *path,
                               yyjson_val *part, bedrock_event *event, fl_err *err)
{
    yyjson_obj_iter members = yyjson_obj_iter_with(part);
    yyjson_val *callers = NULL;
    yyjson_val *time = NULL;
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&members)) != NULL;) {
        fl_str name = fl_json_str(key);
        yyjson_val *val = yyjson_obj_iter_get_val(key);
        for (size_t i = 0; i < BEDROCK_COUNT(ENVELOPE_TEXTS); i++) {
            if (fl_str_eq(name, ENVELOPE_TEXTS[i].name)) {
                read_text(origin, path, &ENVELOPE_TEXTS[i], val, &event->envelope);
            }
        }
        callers = fl_str_eq(name, FL_S("callerChain")) ? val : callers;
        time = fl_str_eq(name, FL_S("eventTime")) ? val : time;
    }
    int64_t ns = bedrock_time_at(origin, path, FL_S("eventTime"), time);
    event->time_ns = ns != FL_TIME_NONE ? ns : event->time_ns;
    return callers != NULL ? read_callers(origin, path, callers, &event->envelope, err) : FL_OK;
}

/* ---- Metadata */

static int64_t tokens(const bedrock_origin *origin, const bedrock_path *path, yyjson_val *usage,
                      fl_str name, fl_str misspelt)
{
    int64_t count = bedrock_member_count(origin, path, usage, name);
    return count != BEDROCK_INT_NONE ? count : bedrock_member_count(origin, path, usage, misspelt);
}

/* Of an object that has the member. */
static void read_metadata(const bedrock_origin *origin, const bedrock_path *up, yyjson_val *object,
                          bedrock_metadata *out)
{
    const bedrock_path path = {.up = up, .name = FL_S("metadata")};
    const bedrock_path inner = {.up = &path, .name = FL_S("usage")};
    yyjson_val *metadata = bedrock_member_object(origin, up, object, path.name);
    if (metadata == NULL) {
        return;
    }
    yyjson_val *usage = bedrock_member_object(origin, &path, metadata, inner.name);
    *out = (bedrock_metadata){
        .start_ns = bedrock_member_time(origin, &path, metadata, FL_S("startTime")),
        .end_ns = bedrock_member_time(origin, &path, metadata, FL_S("endTime")),
        .total_ms = bedrock_member_count(origin, &path, metadata, FL_S("totalTimeMs")),
        .operation_total_ms =
            bedrock_member_count(origin, &path, metadata, FL_S("operationTotalTimeMs")),
        .prompt_tokens = tokens(origin, &inner, usage, FL_S("inputTokens"), FL_S("inputToken")),
        .completion_tokens =
            tokens(origin, &inner, usage, FL_S("outputTokens"), FL_S("outputToken")),
        .client_request_id = bedrock_member_text(origin, &path, metadata, FL_S("clientRequestId")),
    };
}

/* An observation's metadata is in the member that it is about. */
static void read_observation(const bedrock_origin *origin, const bedrock_path *path,
                             yyjson_val *observation, bedrock_metadata *out)
{
    static const fl_str members[] = {
        BEDROCK_NAME("actionGroupInvocationOutput"),
        BEDROCK_NAME("agentCollaboratorInvocationOutput"),
        BEDROCK_NAME("codeInterpreterInvocationOutput"),
        BEDROCK_NAME("knowledgeBaseLookupOutput"),
        BEDROCK_NAME("finalResponse"),
        BEDROCK_NAME("repromptResponse"),
    };
    bool found = false;
    for (size_t i = 0; i < BEDROCK_COUNT(members); i++) {
        const bedrock_path inner = {.up = path, .name = members[i]};
        yyjson_val *member = bedrock_member_object(origin, path, observation, members[i]);
        if (!found && fl_json_get(member, FL_S("metadata")) != NULL) {
            read_metadata(origin, &inner, member, out);
            found = true;
        }
    }
}

/* ---- Members of the unions */

static fl_status emit_body(const bedrock_origin *origin, const bedrock_path *path,
                           const bedrock_event *base, bedrock_event_kind kind, yyjson_val *body,
                           fl_err *err)
{
    bedrock_event event = *base;
    event.kind = kind;
    event.body = body;
    event.trace_id = bedrock_member_text(origin, path, body, FL_S("traceId"));
    if (kind == BEDROCK_OBSERVATION) {
        read_observation(origin, path, body, &event.metadata);
    } else if (kind == BEDROCK_MODEL_OUTPUT || kind == BEDROCK_WHOLE) {
        read_metadata(origin, path, body, &event.metadata);
    }
    return bedrock_emit(origin, &event, err);
}

static fl_str unknown_name(fl_str name, yyjson_val *body)
{
    fl_str told =
        fl_str_eq(name, SDK_UNKNOWN) ? fl_json_str(fl_json_get(body, FL_S("name"))) : (fl_str){0};
    return told.p != NULL ? told : name;
}

static fl_status emit_unknown(const bedrock_origin *origin, const bedrock_path *up,
                              const bedrock_event *base, fl_str name, yyjson_val *body, fl_err *err)
{
    bedrock_event event = *base;
    event.member = BEDROCK_UNKNOWN_MEMBER;
    event.member_name = unknown_name(name, body);
    const bedrock_path path = {.up = up, .name = event.member_name};
    bedrock_warn(origin, FL_BEDROCK_W_UNKNOWN_MEMBER, &path,
                 "is no member that is known; it becomes a step of its own, named by it");
    return emit_body(origin, &path, &event, BEDROCK_WHOLE, body, err);
}

/* Members that are objects and none of `names`; `only_sdk`: none but boto3's own. */
static fl_status emit_all_unknown(const bedrock_origin *origin, const bedrock_path *path,
                                  const bedrock_event *base, yyjson_val *object,
                                  const fl_str *names, size_t count, bool only_sdk, fl_err *err)
{
    yyjson_obj_iter members = yyjson_obj_iter_with(object);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&members)) != NULL;) {
        fl_str name = fl_json_str(key);
        yyjson_val *body = yyjson_obj_iter_get_val(key);
        bool left_out = only_sdk && !fl_str_eq(name, SDK_UNKNOWN);
        if (yyjson_is_obj(body) && !left_out && index_of(name, names, count) == SIZE_MAX) {
            FL_TRY(emit_unknown(origin, path, base, name, body, err));
        }
    }
    return FL_OK;
}

typedef struct union_members {
    yyjson_val *known[BEDROCK_UNKNOWN_MEMBER]; /* of equal names the last */
    size_t known_count, objects;               /* objects: that are not known */
} union_members;

static union_members members_of(yyjson_val *object, const fl_str *names, size_t count)
{
    union_members found = {0};
    yyjson_obj_iter members = yyjson_obj_iter_with(object);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&members)) != NULL;) {
        yyjson_val *val = yyjson_obj_iter_get_val(key);
        size_t i = index_of(fl_json_str(key), names, count);
        if (i == SIZE_MAX) {
            found.objects += yyjson_is_obj(val);
        } else {
            found.known_count++;
            found.known[i] = val;
        }
    }
    return found;
}

/* The step union that is at `path`. Beside a member that is known, others are ignored. */
static fl_status normalise_step(const bedrock_origin *origin, const bedrock_path *path,
                                const bedrock_event *base, yyjson_val *step, fl_err *err)
{
    union_members found = members_of(step, STEP_MEMBERS, BEDROCK_COUNT(STEP_MEMBERS));
    if (found.known_count == 0 && found.objects == 0) {
        bedrock_warn(origin, FL_BEDROCK_W_EMPTY, path,
                     "is empty: no event; save the events as they came");
        return FL_OK;
    }
    if (found.known_count == 0) {
        return emit_all_unknown(origin, path, base, step, STEP_MEMBERS, BEDROCK_COUNT(STEP_MEMBERS),
                                false, err);
    }
    for (size_t i = 0; i < BEDROCK_COUNT(STEP_MEMBERS); i++) {
        const bedrock_path inner = {.up = path, .name = STEP_MEMBERS[i]};
        if (found.known[i] != NULL && bedrock_object_at(origin, &inner, found.known[i]) != NULL) {
            FL_TRY(emit_body(origin, &inner, base, (bedrock_event_kind)i, found.known[i], err));
        }
    }
    return FL_OK;
}

static bool is_step_union(bedrock_member member)
{
    return member == BEDROCK_PRE_PROCESSING || member == BEDROCK_ROUTING_CLASSIFIER ||
           member == BEDROCK_ORCHESTRATION || member == BEDROCK_POST_PROCESSING;
}

static fl_status normalise_member(const bedrock_origin *origin, const bedrock_path *up,
                                  const bedrock_event *base, bedrock_member member,
                                  yyjson_val *body, fl_err *err)
{
    const bedrock_path path = {.up = up, .name = TRACE_MEMBERS[member]};
    bedrock_event event = *base;
    event.member = member;
    event.member_name = path.name;
    if (bedrock_object_at(origin, &path, body) == NULL) {
        return FL_OK;
    }
    return is_step_union(member) ? normalise_step(origin, &path, &event, body, err)
                                 : emit_body(origin, &path, &event, BEDROCK_WHOLE, body, err);
}

/* A Trace union; `bare`: at the top, where other members may stand beside its own. */
static fl_status normalise_trace(const bedrock_origin *origin, const bedrock_path *path,
                                 const bedrock_event *base, yyjson_val *trace, bool bare,
                                 fl_err *err)
{
    union_members found = members_of(trace, TRACE_MEMBERS, BEDROCK_COUNT(TRACE_MEMBERS));
    origin->reader->seen.trace = true;
    if (found.known_count == 0 && found.objects == 0) {
        bedrock_warn(origin, FL_BEDROCK_W_EMPTY, path,
                     "is empty: no event; save the events as they came");
        return FL_OK;
    }
    for (size_t i = 0; i < BEDROCK_COUNT(TRACE_MEMBERS); i++) {
        if (found.known[i] != NULL) {
            FL_TRY(normalise_member(origin, path, base, (bedrock_member)i, found.known[i], err));
        }
    }
    return found.objects == 0 ? FL_OK
                              : emit_all_unknown(origin, path, base, trace, TRACE_MEMBERS,
                                                 BEDROCK_COUNT(TRACE_MEMBERS), bare, err);
}

fl_status bedrock_normalise_part(const bedrock_origin *origin, const bedrock_path *path,
                                 yyjson_val *part, const bedrock_dependency *within, fl_err *err)
{
    const bedrock_path inner = {.up = path, .name = FL_S("trace")};
    bedrock_event base = bedrock_event_of(origin, within);
    yyjson_val *trace = fl_json_get(part, inner.name);
    origin->reader->seen.trace = true;
    FL_TRY(read_envelope(origin, path, part, &base, err));
    if (trace == NULL) {
        bedrock_warn(origin, FL_BEDROCK_W_EMPTY, &inner,
                     "is missing: no event; save the events as they came");
        return FL_OK;
    }
    if (bedrock_object_at(origin, &inner, trace) == NULL) {
        return FL_OK;
    }
    return normalise_trace(origin, &inner, &base, trace, false, err);
}

fl_status bedrock_normalise_union(const bedrock_origin *origin, const bedrock_path *path,
                                  yyjson_val *trace, bool bare, fl_err *err)
{
    bedrock_event base = bedrock_event_of(origin, NULL);
    if (bare) {
        FL_TRY(read_envelope(origin, path, trace, &base, err));
    }
    return normalise_trace(origin, path, &base, trace, bare, err);
}

fl_status bedrock_normalise_console(const bedrock_origin *origin, const bedrock_path *path,
                                    yyjson_val *step, fl_err *err)
{
    bedrock_event base = bedrock_event_of(origin, NULL);
    base.member = BEDROCK_ORCHESTRATION;
    base.member_name = TRACE_MEMBERS[BEDROCK_ORCHESTRATION];
    FL_TRY(read_envelope(origin, path, step, &base, err));
    return normalise_step(origin, path, &base, step, err);
}
