/*
 * What converting makes of events: steps (one action each) in scopes (one invocation of one agent,
 * or one flow), scopes in runs. Scopes and steps grow while events come; settling then says of each
 * what its segment shows. The order is: take events → settle → account → identify → documents.
 *
 *   scope.c, step.c, pair.c, flow.c, …  take events (spec §3.4–§3.7, §3.17)
 *   settle*.c                           links, outcomes, times (spec §3.7–§3.9, §3.11)
 *   account.c                           models, tokens, cost, totals (spec §3.12, §4)
 *   identify.c                          run keys, trace ids, segment ids (spec §3.14)
 *   name.c, annotate.c, content.c, document.c  a segment's document (spec §3.10–§3.15)
 */
#ifndef FL_BEDROCK_RUN_INT_H
#define FL_BEDROCK_RUN_INT_H

#include "bedrock/event_int.h"

/* ---- Kinds of segments (spec §3.4): enum, `step` annotation, ACTION, `genai_kind`, origin ("" =
 * none), what the step counts as in totals and retries. */

typedef enum bedrock_class {
    BEDROCK_CLASS_OTHER,
    BEDROCK_CLASS_MODEL,
    BEDROCK_CLASS_TOOL, /* action groups, return of control, code, knowledge bases */
    BEDROCK_CLASS_COLLABORATOR,
} bedrock_class;

#define BEDROCK_KIND_TABLE(X)                                                                      \
    X(BEDROCK_AGENT, "agent", "Agent", "agent", "AWS::Bedrock::Agent", OTHER)                      \
    X(BEDROCK_FLOW, "flow", "Flow", "flow", "AWS::Bedrock::Flow", OTHER)                           \
    X(BEDROCK_PRE_PROCESS, "model", "PreProcess", "llm", "AWS::Bedrock::Model", MODEL)             \
    X(BEDROCK_ROUTE_REQUEST, "model", "RouteRequest", "llm", "AWS::Bedrock::Model", MODEL)         \
    X(BEDROCK_INVOKE_MODEL, "model", "InvokeModel", "llm", "AWS::Bedrock::Model", MODEL)           \
    X(BEDROCK_GENERATE_ANSWER, "model", "GenerateAnswer", "llm", "AWS::Bedrock::Model", MODEL)     \
    X(BEDROCK_POST_PROCESS, "model", "PostProcess", "llm", "AWS::Bedrock::Model", MODEL)           \
    X(BEDROCK_THOUGHT, "rationale", "Rationale", "reasoning", "", OTHER)                           \
    X(BEDROCK_ACTION_GROUP, "action_group", "InvokeActionGroup", "tool",                           \
      "AWS::Bedrock::ActionGroup", TOOL)                                                           \
    X(BEDROCK_CONTROL, "return_control", "ReturnControl", "tool", "", TOOL)                        \
    X(BEDROCK_CODE, "code_interpreter", "RunCode", "tool", "AWS::Bedrock::CodeInterpreter", TOOL)  \
    X(BEDROCK_KNOWLEDGE_BASE, "knowledge_base", "QueryKnowledgeBase", "retriever",                 \
      "AWS::Bedrock::KnowledgeBase", TOOL)                                                         \
    X(BEDROCK_COLLABORATOR, "collaborator", "InvokeCollaborator", "agent_call", "", COLLABORATOR)  \
    X(BEDROCK_FINAL_RESPONSE, "final_response", "FinalResponse", "response", "", OTHER)            \
    X(BEDROCK_ASK_USER, "ask_user", "AskUser", "response", "", OTHER)                              \
    X(BEDROCK_REPROMPT, "reprompt", "Reprompt", "reprompt", "", OTHER)                             \
    X(BEDROCK_CHECK, "guardrail", "Guardrail", "guardrail", "AWS::Bedrock::Guardrail", OTHER)      \
    X(BEDROCK_CUSTOM, "custom_orchestration", "CustomOrchestration", "orchestration", "", OTHER)   \
    X(BEDROCK_FAILED, "failure", "Failure", "failure", "", OTHER)                                  \
    X(BEDROCK_STREAM_ERROR, "stream_error", "StreamError", "failure", "", OTHER)                   \
    X(BEDROCK_OTHER, "other", "Other", "other", "", OTHER)                                         \
    X(BEDROCK_FLOW_NODE, "flow_node", "FlowNode", "flow_node", "AWS::Bedrock::FlowNode", OTHER)    \
    X(BEDROCK_FLOW_ACTION, "flow_action", "FlowAction", "flow_action", "", OTHER)

typedef enum bedrock_kind {
#define BEDROCK_KIND_ENUM(code, step, action, genai_kind, origin, class_of) code,
    BEDROCK_KIND_TABLE(BEDROCK_KIND_ENUM)
#undef BEDROCK_KIND_ENUM
        BEDROCK_KINDS
} bedrock_kind;

typedef struct bedrock_kind_row {
    fl_str step, action, genai_kind, origin;
    bedrock_class class_of;
} bedrock_kind_row;
extern const bedrock_kind_row bedrock_kinds[BEDROCK_KINDS];

/* ---- What a segment shows, whether of a step or of a scope. Settling fills it anew each time;
 * two equal ones give equal documents, so it is zeroed before and compared by its bytes. */

typedef struct bedrock_step bedrock_step;
typedef struct bedrock_scope bedrock_scope;
typedef struct bedrock_segment bedrock_segment;

typedef struct bedrock_totals {
    int64_t prompt_tokens, completion_tokens, cost_nano;
    uint64_t model_calls, tool_calls, collaborator_calls;
} bedrock_totals;

struct bedrock_segment {
    /* given when it was made */
    bedrock_kind kind;
    bedrock_step *step;   /* NULL for an Agent or a Flow */
    bedrock_scope *scope; /* that it belongs to or is */

    /* settled */
    bedrock_segment *parent; /* NULL: root of its run; in chain mode the one before */
    uint32_t index;          /* place in the run's documents, from 0 */
    uint32_t event_index;    /* of its first event in the run, from 1; 0 for Agents and Flows */
    uint32_t event_count;
    uint32_t retry_count;
    uint64_t touched; /* grows with each event that changed the step or scope */
    bool in_progress; /* follow mode: it may get its output yet */
    bool incomplete, timeout;
    bool error, throttle, fault;
    bool guardrail_intervened, return_control; /* Agents */
    fl_bedrock_time_source time_source;
    int64_t start_ns, end_ns; /* end also set while in progress: what is known so far */
    fl_str exception_type, exception_message; /* cause; absent if none */
    int64_t http_status;                      /* FL_INT_NONE if absent */
    fl_str failure_code; /* digits, or the text of a flow's errorCode; absent if none */
    bool failure_code_is_number;
    fl_str failure_reason;

    /* accounted */
    fl_str model, provider;                   /* absent if unknown */
    int64_t prompt_tokens, completion_tokens; /* BEDROCK_INT_NONE */
    int64_t cost_nano;                        /* BEDROCK_INT_NONE */
    fl_str inference_region;                  /* of the model log; absent if unknown */
    bedrock_totals totals; /* of it and everything below: Agents, Flows, the first of a chain */
    bool has_totals;

    /* identified */
    uint64_t id, exception_id;
};

/* Follow mode, and runs that are reopened: the document of a segment that was given out last. */
typedef struct bedrock_given {
    uint64_t segment_hash, text_hash; /* 0 = none */
} bedrock_given;

/* ---- Steps */

typedef enum bedrock_ending {
    BEDROCK_OPEN,
    BEDROCK_SINGLE,    /* one event is all of it, or an output without an input */
    BEDROCK_ANSWERED,  /* its output came */
    BEDROCK_REJECTED,  /* closed by a reprompt */
    BEDROCK_BROKEN,    /* closed by a failure trace, or a node failure */
    BEDROCK_CUT_SHORT, /* closed by a stream exception: unanswered */
} bedrock_ending;

typedef struct bedrock_thought {
    fl_str text; /* of a rationale that was folded in */
    struct bedrock_thought *next;
} bedrock_thought;

struct bedrock_step {
    bedrock_segment segment;
    bedrock_step *next_open, *previous_open; /* among the scope's open steps, oldest first */
    fl_bedrock_place place;                  /* of the first event */
    uint64_t first_seq, closed_seq;          /* ordinals of events in the input; closed 0 = open */
    bedrock_ending ending;
    uint32_t event_count;
    uint32_t retry_count;
    uint64_t touched;
    bedrock_member member;     /* of the first event; agents */
    fl_str member_name;        /* trace_type */
    fl_str trace_id;           /* traceId of the first event */
    yyjson_val *input;         /* body of the opening event; NULL: single, or its head is missing */
    yyjson_val *output;        /* body of the closing or single event: a modelInvocationOutput, an
                                  observation, a failureTrace, a node's output, …; NULL if none */
    bedrock_thought *thoughts; /* tree mode, in order */
    bedrock_step *previous_model; /* of the scope, when this is a model step */
    int64_t first_ns, closing_ns; /* eventTime of the first and the closing event; FL_TIME_NONE.
                                     Single steps have first_ns alone */
    bedrock_metadata metadata;    /* of the output or failure */
    bool usage_counted_elsewhere; /* a failure's tokens are on another step that it closed */
    fl_str target; /* tool name, collaborator, `input`, exception's or member's name; model steps:
                      absent (account tells it) */
    fl_str alias_arn;             /* collaborators */
    fl_str cut_by;                /* CUT_SHORT: the exception's name */
    bedrock_step *node;           /* flow actions: the node step above; NULL = the Flow */
    struct bedrock_node *of_node; /* flow nodes: which one; private to flows and settling */
    bedrock_scope *callee;        /* settled: the scope that is linked to a collaborator step */
    bedrock_step *next_in_scope;  /* settled */
    struct bedrock_step *next_of_node;      /* private to flows */
    struct bedrock_index_entry *by_request; /* private to linking */
    bool linked;                            /* private to linking */
    bool is_listed;                         /* among the scope's open steps */
    struct bedrock_given given;
};

/* ---- Scopes */

typedef struct bedrock_path {
    const fl_str *elements; /* from the top agent down */
    uint32_t count;
    uint64_t hash;
} bedrock_path;

typedef struct bedrock_cluster bedrock_cluster;

struct bedrock_scope {
    bedrock_segment segment; /* its Agent or Flow; used in tree mode only */
    bedrock_cluster *cluster;
    fl_bedrock_place place; /* of the first event */
    uint64_t first_seq;
    uint64_t touched;
    bedrock_path path;         /* agents */
    fl_str invocation_id;      /* UUID in lower case; absent if the events tell none */
    bedrock_envelope envelope; /* first value that an event told of each; callers are the path's */
    fl_str node_name;          /* agents in a flow: the node they belong to; else absent */
    bedrock_step *node;        /* that node's step; NULL = below the Flow itself */

    /* the first event, for the run key; and the first time that any event tells */
    fl_str first_trace_id, first_session_id, first_node_name;
    int64_t first_event_ns;
    int64_t first_time_ns;
    uint64_t first_time_seq;

    yyjson_val *final_response; /* observation that held it; NULL = none */
    fl_str final_type;          /* FINISH, ASK_USER */
    bedrock_metadata final_metadata;
    int64_t final_ns;
    yyjson_val *failure; /* failureTrace, nodeFailure… of its own; NULL = none */
    bedrock_metadata failure_metadata;
    int64_t failure_ns;
    uint64_t answer_chunks, answer_files, answer_citations;
    fl_str execution_id, completion_reason; /* flows */

    bool is_flow;
    bool ended; /* final response, failure; a flow's completion */
    bool guardrail_intervened, return_control;
    bool input_required;  /* flows */
    uint32_t event_count; /* normalised events */

    bedrock_step *open_first, *open_last;
    bedrock_step *newest_model;
    struct bedrock_attempts *attempts; /* private to retries */
    uint32_t open_count, attempted_tools;
    uint32_t reprompts; /* since the last other observation */

    /* settled */
    uint32_t ordinal;         /* n-th scope of its run by first event, from 1 (agents) */
    bedrock_step *caller;     /* collaborator or flow node step that it is linked to; NULL = none */
    bedrock_scope *above;     /* without a caller: the scope that it hangs below; NULL = root */
    fl_str label, agent_name; /* spec §3.6; label never absent */
    fl_str run_key;           /* of a root, once it is chosen: with its #n; else absent */
    struct bedrock_given given;
    uint32_t run_ordinal;

    struct bedrock_scope_links *links; /* private to scope.c and link.c */
};

/* The scope that a settled one hangs below; NULL for a root. */
static inline bedrock_scope *bedrock_scope_up(const bedrock_scope *scope)
{
    return scope->caller != NULL ? scope->caller->segment.scope : scope->above;
}

/* ---- A run, as settled: one trace */

typedef struct bedrock_run {
    uint32_t ordinal; /* of the input */
    bedrock_scope *root;
    bedrock_scope **scopes; /* by first event */
    size_t scope_count;
    bedrock_scope **by_depth; /* the deepest first */
    bedrock_step **steps;     /* by first event */
    size_t step_count;
    bedrock_segment **segments; /* one for each document, in order: tree: Agents, Flow and steps;
                                   chain: steps */
    size_t segment_count;
    bool complete;            /* nothing of it is in progress */
    bool synthetic;           /* its times are the synthetic clock's */
    int64_t first_time_ns;    /* the first that was found in input order; FL_TIME_NONE */
    int64_t start_ns, end_ns; /* of all segments */
    uint64_t answer_chunks, answer_files, answer_citations;
    fl_str key;           /* run key with its #n; set before identifying */
    fl_trace_id trace_id; /* identified */
} bedrock_run;

/* ---- Account: model, provider, tokens, cost of each segment; totals (spec §3.12, §4). */
void bedrock_account(const bedrock_run *run, const fl_bedrock_options *options);

/* ---- Identify (spec §3.14) */

/* The run key without #n, appended. */
void bedrock_run_key(const bedrock_run *run, const fl_bedrock_options *options, fl_buf *out);
/* Sets run->trace_id and every segment's id and exception_id from run->key. */
void bedrock_identify(bedrock_run *run, const fl_bedrock_options *options);
/* Id of a content subsegment; token is `<segment token>/<path>/<part>`, made here. */
uint64_t bedrock_content_id(const bedrock_run *run, const fl_bedrock_options *options,
                            const bedrock_segment *segment, fl_str path, uint32_t part);

/* ---- Documents */

/* Segment name (spec §3.10), appended. */
void bedrock_segment_name(const bedrock_segment *segment, const fl_bedrock_options *options,
                          fl_buf *out);

/* What writing documents needs beside the run; reused from one to the next, one for a converter. */
typedef struct bedrock_writer bedrock_writer;
FL_MUST fl_status bedrock_writer_new(const fl_bedrock_options *options, bedrock_writer **out,
                                     fl_err *err);
void bedrock_writer_free(bedrock_writer *writer);
/* Gives the document of a segment, and those of its long texts if options want them, to the sink's
 * document; `again`-ness, counting and order are the caller's. With *seen not NULL nothing is given
 * when the hash of the document's text equals *seen; *seen is set to its hash. *given tells how
 * many were given. */
FL_MUST fl_status bedrock_write(bedrock_writer *writer, const bedrock_run *run,
                                const bedrock_segment *segment, const fl_bedrock_sink *sink,
                                uint64_t *seen, uint32_t *given, fl_err *err);

/* Whether sampling keeps the run (spec §3.19); identified and accounted before. */
bool bedrock_is_kept(const bedrock_run *run, const fl_bedrock_options *options);

/* The run's calls of action groups, for adoption, in arena. */
FL_MUST fl_status bedrock_tool_steps(fl_arena *arena, const bedrock_run *run,
                                     fl_bedrock_tool_step **out, size_t *count, fl_err *err);

/* ---- Helpers that both halves use */

/* Text of a member, absent if it is no string or body has none. */
static inline fl_str bedrock_text_of(yyjson_val *body, fl_str name)
{
    return fl_json_str(fl_json_get(body, name));
}
/* Parts of `arn:aws:bedrock:<region>:<account>:agent-alias/<agent>/<alias>`, or of `agent/alias`;
 * absent where a part is missing. */
typedef struct bedrock_arn {
    fl_str region, account, agent, alias;
} bedrock_arn;
bedrock_arn bedrock_arn_of(fl_str arn);
/* Guardrail traces (spec §3.4, §3.11, §3.12): what the assessments say. */
typedef struct bedrock_verdict {
    bool intervened, blocked;
    const char *stage; /* `input`, `output`, "" if nothing tells */
} bedrock_verdict;
bedrock_verdict bedrock_verdict_of(yyjson_val *guardrail, fl_str trace_id);

#endif
