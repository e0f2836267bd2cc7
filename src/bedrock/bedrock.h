/*
 * bedrock: trace events of Amazon Bedrock agents, inline agents and flows → X-Ray segment documents
 * that show who did what, how long it took, what it cost and where it broke.
 *
 * A converter reads one input in any split: JSON values in every form in which people save such
 * streams, or the binary event stream. It gives documents and diagnostics to a sink. A run (all
 * that one call of an agent or flow caused) is one trace; runs that ended are given out and
 * forgotten, so that memory is bounded by the largest run that is open. Pure: bytes and a clock's
 * value go in, documents come out.
 *
 *   bedrock.h  the converter
 *   adopt.h    hanging the segments of called functions below the steps that called them
 *   redact.h   patterns that must not leave the converter
 */
#ifndef FL_BEDROCK_H
#define FL_BEDROCK_H

#include "bedrock/adopt.h"
#include "bedrock/redact.h"
#include "codec/codec.h"
#include "trace/trace.h"

/* ---- Options. Each row of the command's and the endpoint's tables ends here. */

typedef enum fl_bedrock_mode { FL_BEDROCK_TREE, FL_BEDROCK_CHAIN } fl_bedrock_mode;
typedef enum fl_bedrock_names {
    FL_BEDROCK_NAMES_BY_MODE, /* target in tree mode, type in chain mode */
    FL_BEDROCK_NAMES_TARGET,
    FL_BEDROCK_NAMES_TYPE,
} fl_bedrock_names;
typedef enum fl_bedrock_clock {
    FL_BEDROCK_CLOCK_AUTO,
    FL_BEDROCK_CLOCK_SYNTHETIC
} fl_bedrock_clock;
typedef enum fl_bedrock_format {
    FL_BEDROCK_FORMAT_AUTO,
    FL_BEDROCK_FORMAT_JSON,
    FL_BEDROCK_FORMAT_EVENTSTREAM,
} fl_bedrock_format;
typedef enum fl_bedrock_content {
    FL_BEDROCK_CONTENT_TRUNCATE, /* texts over max_text_bytes are cut */
    FL_BEDROCK_CONTENT_FULL,     /* cut only where a document would be too large */
    FL_BEDROCK_CONTENT_HASH,
    FL_BEDROCK_CONTENT_NONE,
} fl_bedrock_content;
typedef enum fl_bedrock_texts { /* input_text and output_text as annotations */
                                FL_BEDROCK_TEXTS_BY_MODE, /* in chain mode only */
                                FL_BEDROCK_TEXTS_ON,
                                FL_BEDROCK_TEXTS_OFF,
} fl_bedrock_texts;

/* What keeps a run that sampling would leave out. */
typedef struct fl_bedrock_keep {
    bool fault, error, throttle, timeout, incomplete, guardrail;
    int64_t slow_ns; /* runs at least so long; 0 = off */
    uint64_t tokens; /* runs of at least so many tokens; 0 = off */
} fl_bedrock_keep;

typedef struct fl_bedrock_agent_name {
    fl_str id, name;
} fl_bedrock_agent_name;

typedef struct fl_bedrock_options {
    fl_bedrock_mode mode;
    fl_bedrock_names names;
    fl_bedrock_clock clock;
    fl_bedrock_format format;
    const char *format_given_by; /* for E_FORMAT: "--format", "Content-Type"; NULL with AUTO */
    int64_t now_ns;              /* start of the synthetic clock; whole microseconds */
    bool follow; /* documents as soon as something is known, again when it changes */

    fl_trace_id trace_id; /* of every run of the input; none: one for each, derived */
    uint64_t parent_id;   /* of each root; 0 = none */
    fl_str flow;          /* name of flows; absent: the execution id, else `flow` */
    fl_str execution_id;  /* absent: as the input tells */
    const fl_bedrock_agent_name *agent_names;
    size_t agent_name_count;

    const fl_annotation *annotate; /* on roots: tenant, route, experiment_id and others */
    size_t annotate_count;
    bool core_annotations;    /* only those that spec §3.12 marks */
    uint32_t max_annotations; /* per segment */
    fl_bedrock_texts texts;

    fl_bedrock_content content;
    size_t max_text_bytes;
    bool split_overflow; /* texts longer than max_text_bytes go into subsegments, whole */
    const fl_bedrock_redaction *redaction; /* borrowed; NULL = none */

    const fl_genai_prices *prices;                /* borrowed; NULL = no cost */
    const struct fl_bedrock_model_log *model_log; /* borrowed; NULL = none */

    double sample; /* share of runs that is kept whatever happened; 1 = all */
    fl_bedrock_keep keep;

    size_t held_bytes; /* runs that ended and wait for late events, beside the newest one */
    size_t max_bytes;  /* all that the converter may hold: one run, one value */
    fl_budget *budget; /* shared with others, instead of max_bytes; NULL = none */
} fl_bedrock_options;

/* Tree, auto, all annotations (50), texts cut at 4,096 bytes, every run kept, held 2 MiB, at most
 * 2 GiB; now_ns cut to microseconds. */
fl_bedrock_options fl_bedrock_options_default(int64_t now_ns);

#define FL_BEDROCK_DOCUMENT_MAX 64000 /* bytes of a document's JSON (spec §3.15) */

/* ---- Diagnostics (spec §6) */

/* One row each: enum, code as printed, is it an error? */
#define FL_BEDROCK_CODE_TABLE(X)                                                                   \
    X(FL_BEDROCK_E_EMPTY, "E_EMPTY", true)                                                         \
    X(FL_BEDROCK_E_JSON_SYNTAX, "E_JSON_SYNTAX", true)                                             \
    X(FL_BEDROCK_E_JSON_EOF, "E_JSON_EOF", true)                                                   \
    X(FL_BEDROCK_E_JSON_DEPTH, "E_JSON_DEPTH", true)                                               \
    X(FL_BEDROCK_E_PYREPR, "E_PYREPR", true)                                                       \
    X(FL_BEDROCK_E_NOT_ITERATED, "E_NOT_ITERATED", true)                                           \
    X(FL_BEDROCK_E_NOT_OBJECT, "E_NOT_OBJECT", true)                                               \
    X(FL_BEDROCK_E_UNKNOWN_OBJECT, "E_UNKNOWN_OBJECT", true)                                       \
    X(FL_BEDROCK_E_TYPE, "E_TYPE", true)                                                           \
    X(FL_BEDROCK_E_NO_TRACE, "E_NO_TRACE", true)                                                   \
    X(FL_BEDROCK_E_GZIP, "E_GZIP", true)                                                           \
    X(FL_BEDROCK_E_UTF16, "E_UTF16", true)                                                         \
    X(FL_BEDROCK_E_FORMAT, "E_FORMAT", true)                                                       \
    X(FL_BEDROCK_E_ES_LENGTH, "E_ES_LENGTH", true)                                                 \
    X(FL_BEDROCK_E_ES_PRELUDE_CRC, "E_ES_PRELUDE_CRC", true)                                       \
    X(FL_BEDROCK_E_ES_CRC, "E_ES_CRC", true)                                                       \
    X(FL_BEDROCK_E_ES_TRUNCATED, "E_ES_TRUNCATED", true)                                           \
    X(FL_BEDROCK_E_ES_HEADER, "E_ES_HEADER", true)                                                 \
    X(FL_BEDROCK_E_ES_PAYLOAD, "E_ES_PAYLOAD", true)                                               \
    X(FL_BEDROCK_E_TOO_LARGE, "E_TOO_LARGE", true)                                                 \
    X(FL_BEDROCK_E_TOO_MANY, "E_TOO_MANY", true)                                                   \
    X(FL_BEDROCK_W_EMPTY, "W_EMPTY", false)                                                        \
    X(FL_BEDROCK_W_TIME, "W_TIME", false)                                                          \
    X(FL_BEDROCK_W_UTF8, "W_UTF8", false)                                                          \
    X(FL_BEDROCK_W_UNPAIRED, "W_UNPAIRED", false)                                                  \
    X(FL_BEDROCK_W_INCOMPLETE, "W_INCOMPLETE", false)                                              \
    X(FL_BEDROCK_W_NO_TIMES, "W_NO_TIMES", false)                                                  \
    X(FL_BEDROCK_W_UNKNOWN_MEMBER, "W_UNKNOWN_MEMBER", false)                                      \
    X(FL_BEDROCK_W_SPLIT_RUN, "W_SPLIT_RUN", false)

typedef enum fl_bedrock_code {
#define FL_BEDROCK_CODE_ENUM(code, name, is_error) code,
    FL_BEDROCK_CODE_TABLE(FL_BEDROCK_CODE_ENUM)
#undef FL_BEDROCK_CODE_ENUM
        FL_BEDROCK_CODE_COUNT
} fl_bedrock_code;

const char *fl_bedrock_code_name(fl_bedrock_code code);
bool fl_bedrock_code_is_error(fl_bedrock_code code);

/* A place in the input: line and column from 1 (columns in bytes), or an offset in binary input. */
typedef struct fl_bedrock_place {
    uint64_t line, column; /* 0, 0 in binary input */
    uint64_t offset;       /* bytes from the beginning */
} fl_bedrock_place;

typedef struct fl_bedrock_diagnostic {
    fl_bedrock_code code;
    fl_bedrock_place place;
    fl_str message; /* borrows; no text of the input but member names, type names and numbers */
} fl_bedrock_diagnostic;

/* ---- What comes out */

typedef enum fl_bedrock_time_source {
    FL_BEDROCK_TIME_METADATA,
    FL_BEDROCK_TIME_EVENT,
    FL_BEDROCK_TIME_INFERRED,
    FL_BEDROCK_TIME_SYNTHETIC,
    FL_BEDROCK_TIME_CHILDREN,
} fl_bedrock_time_source;
const char *fl_bedrock_time_source_name(fl_bedrock_time_source source);

/* One segment document. All texts are borrowed during the call. */
typedef struct fl_bedrock_document {
    fl_str text; /* JSON, at most FL_BEDROCK_DOCUMENT_MAX bytes */
    fl_trace_id trace_id;
    uint64_t id, parent_id; /* parent 0 = none */
    fl_str name;
    int64_t start_ns, end_ns; /* end FL_TIME_NONE while in progress */
    fl_bedrock_time_source time_source;
    fl_flags flags;
    uint32_t index;        /* in the run, from 0, in the order of its documents */
    uint32_t parent_index; /* UINT32_MAX: the parent is none of the run's */
    bool is_content;       /* subsegment with a piece of a long text; index is its segment's */
} fl_bedrock_document;

typedef struct fl_bedrock_run {
    uint32_t ordinal; /* of the input, from 1, by first event */
    fl_trace_id trace_id;
    uint32_t segments;
    bool kept;     /* false: sampling leaves it out; its documents come nevertheless */
    bool complete; /* it is not expected to change; false in follow mode while it is open */
    const fl_bedrock_tool_step *tool_steps; /* calls of action groups, for fl_bedrock_adopt */
    size_t tool_step_count;
} fl_bedrock_run;

/* Callbacks; each may be NULL but document and diagnostic. Runs are not interleaved: begin, its
 * documents, end. In follow mode, and when a late event reopens a run, a run comes again with the
 * documents that changed. A status other than FL_OK stops the converter and comes back from the
 * call. */
typedef struct fl_bedrock_sink {
    void *user;
    fl_status (*run_begin)(void *user, const fl_bedrock_run *run, fl_err *err);
    fl_status (*document)(void *user, const fl_bedrock_document *document, fl_err *err);
    fl_status (*run_end)(void *user, const fl_bedrock_run *run, fl_err *err);
    void (*diagnostic)(void *user, const fl_bedrock_diagnostic *diagnostic);
} fl_bedrock_sink;

typedef struct fl_bedrock_counts {
    uint64_t values;       /* JSON values or messages read */
    uint64_t trace_events; /* normalised trace and flow events */
    uint64_t auxiliary, exceptions;
    uint64_t errors, warnings;
    uint64_t runs, documents; /* runs given out at least once; documents given out */
} fl_bedrock_counts;

/* ---- The converter. One thread at a time. */

typedef struct fl_bedrock fl_bedrock;

/* options' and sink's structs are copied; what they point to is borrowed until free. */
FL_MUST fl_status fl_bedrock_new(const fl_bedrock_options *options, const fl_bedrock_sink *sink,
                                 fl_bedrock **out, fl_err *err);
void fl_bedrock_free(fl_bedrock *converter); /* NULL is fine */

/* The next bytes, in any split. In follow mode all that they brought is given out before it
 * returns. Bad input is a diagnostic, not an error; after E_TOO_MANY or where the framing is lost,
 * the rest is ignored. Errors: what the sink returned, FL_E_NOMEM, FL_E_TOO_LARGE, FL_E_BUSY. */
FL_MUST fl_status fl_bedrock_feed(fl_bedrock *converter, fl_str bytes, fl_err *err);

/* The end of the input: what is still open is closed and given out. Once. */
FL_MUST fl_status fl_bedrock_finish(fl_bedrock *converter, fl_err *err);

/* True when nothing that could follow would be read (the input is hopeless). */
bool fl_bedrock_is_over(const fl_bedrock *converter);

const fl_bedrock_counts *fl_bedrock_counts_get(const fl_bedrock *converter);

/* ---- Model invocation logs (spec §1.15): what they know of calls that the stream tells less of */

typedef struct fl_bedrock_model_log fl_bedrock_model_log;
FL_MUST fl_status fl_bedrock_model_log_new(size_t max_bytes, fl_bedrock_model_log **out,
                                           fl_err *err);
void fl_bedrock_model_log_free(fl_bedrock_model_log *log); /* NULL is fine */
/* The whole text of a log file: JSON values in a row. Objects of another kind are ignored and
 * counted. Errors: FL_E_SYNTAX with line and reason, FL_E_TOO_LARGE, FL_E_NOMEM. */
FL_MUST fl_status fl_bedrock_model_log_add(fl_bedrock_model_log *log, fl_str text,
                                           uint64_t *ignored, fl_err *err);

#endif
