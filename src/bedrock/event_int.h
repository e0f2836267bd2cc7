/*
 * What reading makes of the input and converting works on: the normalised event (spec §2.4).
 * A saved stream, a message of the binary stream and an asynchronous flow's event all end here, so
 * that nothing behind this page knows in which form it was saved.
 */
#ifndef FL_BEDROCK_EVENT_INT_H
#define FL_BEDROCK_EVENT_INT_H

#include "bedrock/bedrock.h"

/* ---- One JSON value of the input, with everything in it that events borrow. Counted: reading
 * holds one reference while its events are taken, each step that needs its texts holds another. */

typedef struct bedrock_value {
    fl_arena arena;
    uint32_t references;
    struct bedrock_value *next; /* for whoever holds a list of them */
} bedrock_value;
void bedrock_value_release(bedrock_value *value); /* NULL is fine */

/* ---- Diagnostics: counted and given to the sink; after 20 errors E_TOO_MANY and over is set. */

#define BEDROCK_ERRORS_MAX 20

typedef struct bedrock_diagnostics {
    const fl_bedrock_sink *sink;
    fl_bedrock_counts *counts;
    bool over; /* read no further */
} bedrock_diagnostics;
void bedrock_diagnose(bedrock_diagnostics *diagnostics, fl_bedrock_code code,
                      fl_bedrock_place place, const char *format, ...) FL_PRINTF(4, 5);

/* ---- Normalised events */

/* Members of the Trace union in the order in which they are processed (spec §1.4, §2.4). */
#define BEDROCK_MEMBER_TABLE(X)                                                                    \
    X(BEDROCK_PRE_PROCESSING, "preProcessingTrace")                                                \
    X(BEDROCK_ROUTING_CLASSIFIER, "routingClassifierTrace")                                        \
    X(BEDROCK_GUARDRAIL, "guardrailTrace")                                                         \
    X(BEDROCK_CUSTOM_ORCHESTRATION, "customOrchestrationTrace")                                    \
    X(BEDROCK_ORCHESTRATION, "orchestrationTrace")                                                 \
    X(BEDROCK_POST_PROCESSING, "postProcessingTrace")                                              \
    X(BEDROCK_FAILURE, "failureTrace")

typedef enum bedrock_member {
#define BEDROCK_MEMBER_ENUM(code, name) code,
    BEDROCK_MEMBER_TABLE(BEDROCK_MEMBER_ENUM)
#undef BEDROCK_MEMBER_ENUM
        BEDROCK_UNKNOWN_MEMBER,
    BEDROCK_MEMBERS
} bedrock_member;

/* What a normalised event is. The first five are the members of a step union (spec §1.4). */
typedef enum bedrock_event_kind {
    BEDROCK_MODEL_INPUT,
    BEDROCK_MODEL_OUTPUT,
    BEDROCK_RATIONALE,
    BEDROCK_INVOCATION_INPUT,
    BEDROCK_OBSERVATION,
    BEDROCK_WHOLE, /* guardrail, custom orchestration, failure, unknown member: body is all of it */
    /* flows (spec §1.10, §1.11) */
    BEDROCK_NODE_INPUT,
    BEDROCK_NODE_OUTPUT, /* also the result of a condition node */
    BEDROCK_NODE_ACTION,
    BEDROCK_NODE_DEPENDENCY, /* its agent traces follow as events of their own, with in_node set */
    BEDROCK_NODE_FAILURE,
    BEDROCK_FLOW_FAILURE,
    /* neither steps nor normalised events */
    BEDROCK_EXCEPTION,
    BEDROCK_CHUNK,
    BEDROCK_FILES,
    BEDROCK_RETURN_CONTROL,
    BEDROCK_FLOW_INPUT,
    BEDROCK_FLOW_OUTPUT,
    BEDROCK_FLOW_COMPLETION,
    BEDROCK_FLOW_INPUT_REQUEST,
    BEDROCK_EVENT_KINDS
} bedrock_event_kind;

#define BEDROCK_INT_NONE INT64_MIN

/* metadata of an output (spec §1.5). Times in nanoseconds, multiples of 1,000; FL_TIME_NONE. */
typedef struct bedrock_metadata {
    int64_t start_ns, end_ns;
    int64_t total_ms, operation_total_ms; /* BEDROCK_INT_NONE */
    int64_t prompt_tokens, completion_tokens;
    fl_str client_request_id;
} bedrock_metadata;

/* Who emitted an event (spec §1.3). Absent texts have p == NULL. */
typedef struct bedrock_envelope {
    fl_str agent_id, agent_alias_id, agent_version, agent_name, collaborator_name, session_id;
    const fl_str *callers; /* ARNs from the top agent down, in the value's arena */
    uint32_t caller_count;
    bool has_callers; /* the member was there */
} bedrock_envelope;

typedef struct bedrock_event {
    bedrock_event_kind kind;
    fl_bedrock_place place;
    bedrock_value *value;      /* that everything below borrows from */
    bedrock_envelope envelope; /* agent events; session_id also from a whole answer */
    int64_t time_ns;           /* eventTime or timestamp; FL_TIME_NONE */
    bedrock_member member;     /* trace events of agents */
    fl_str member_name;        /* as the input calls it: `orchestrationTrace`, `nodeInputTrace`; for
                                  BEDROCK_UNKNOWN_MEMBER the unknown name */
    yyjson_val *body;          /* the object of the kind: modelInvocationInput, observation,
                                  guardrailTrace, nodeActionTrace, chunk, the exception's object */
    fl_str trace_id;           /* traceId */
    bedrock_metadata metadata; /* of body, or of the member of an observation that has it */
    fl_str node_name;          /* flows */
    bool in_node;              /* an agent event inside a nodeDependencyTrace; node_name is set */
    fl_str execution_id;       /* flows: of the whole answer it came in */
    fl_str request_id;         /* x-amzn-requestid of the whole answer it came in */
    fl_str exception;          /* BEDROCK_EXCEPTION: its name */
    uint32_t number;           /* CHUNK: citations in it; FILES: files */
} bedrock_event;

/* ---- Reading: bytes in any split → events, in order. */

typedef struct bedrock_reader bedrock_reader;
typedef struct bedrock_reader_config {
    const fl_bedrock_options *options;
    bedrock_diagnostics *diagnostics;
    fl_budget *budget; /* every value's memory comes out of it */
    /* Takes an event; what it keeps of it needs a reference to event->value. */
    fl_status (*take)(void *user, bedrock_event *event, fl_err *err);
    void *user;
} bedrock_reader_config;

FL_MUST fl_status bedrock_reader_new(const bedrock_reader_config *config, bedrock_reader **out,
                                     fl_err *err);
void bedrock_reader_free(bedrock_reader *reader);
FL_MUST fl_status bedrock_reader_feed(bedrock_reader *reader, fl_str bytes, fl_err *err);
FL_MUST fl_status bedrock_reader_finish(bedrock_reader *reader, fl_err *err);

/* Times of spec §2.5, to nanoseconds (a multiple of 1,000). False: no time at all (W_TIME). */
bool bedrock_time_read(yyjson_val *value, int64_t *ns);
bool bedrock_time_parse(fl_str text, int64_t *ns);

#endif
