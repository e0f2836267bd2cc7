/*
 * Options of `fluoro bedrock` (spec §5.1): their table, and what they come to.
 */
#ifndef FL_CLI_BEDROCK_OPTIONS_INT_H
#define FL_CLI_BEDROCK_OPTIONS_INT_H

#include "bedrock/bedrock.h"
#include "cli/options_int.h"

/* Exit codes of the command, which are those of the specification. */
typedef enum fl_import_exit {
    FL_IMPORT_GOOD = 0,        /* warnings allowed */
    FL_IMPORT_NOTHING = 1,     /* nothing was converted, or --strict met an error */
    FL_IMPORT_WITH_ERRORS = 2, /* converted, but not all of the input */
    FL_IMPORT_NOT_SENT = 3,    /* what was converted did not reach its place */
    FL_IMPORT_WRONG_USAGE = 64,
} fl_import_exit;

/* As given. Texts borrow from argv; NULL = not given. */
typedef struct fl_import_settings {
    fl_common common;
    unsigned mode, names, clock, format, content, texts; /* values of the converter's enums */
    unsigned core_annotations, split_overflow;           /* 0 or 1 */
    int64_t now_ns;                                      /* FL_TIME_NONE: the clock's */
    const char *send, *udp, *adopt;                      /* send and adopt may be "" */
    bool summary, force, strict, follow;
    const char *trace_header, *trace_id;
    const char *flow, *execution_id, *tenant, *route, *experiment_id;
    const char *prices, *keep;
    fl_texts agent_names, annotate, redact, model_logs;
    uint64_t max_annotations, max_text;
    double sample;
} fl_import_settings;

extern const fl_usage fl_import_usage;

fl_import_settings fl_import_settings_default(void);

/* Settings checked and made ready for the converter. */
typedef struct fl_import_plan {
    fl_bedrock_options options;
    bool unsampled; /* the trace header says that nothing is to be stored */
    fl_bedrock_redaction *redaction;
    fl_bedrock_model_log *model_log;
    uint64_t model_log_ignored; /* objects of the logs that are none */
} fl_import_plan;

/* Reads the files that are named. *out is in arena but for what fl_import_plan_fini gives back.
 * Errors: FL_E_INVALID and those of the files, with option or file and place in the message. */
FL_MUST fl_status fl_import_plan_make(fl_arena *arena, const fl_import_settings *settings,
                                      int64_t now_ns, fl_import_plan *out, fl_err *err);
void fl_import_plan_fini(fl_import_plan *plan); /* also of one that was not made to the end */

/* "fault,error,slow=2.5,tokens=1000" of --keep. Errors: FL_E_INVALID. */
FL_MUST fl_status fl_import_keep_parse(fl_str list, fl_bedrock_keep *out, fl_err *err);

#endif
