/*
 * POST /bedrock/traces (bedrock.md §5.2): what the request asks for, what the conversion gave, and
 * the answer made of both.
 */
#ifndef FL_API_BEDROCK_INT_H
#define FL_API_BEDROCK_INT_H

#include "api/api_int.h"

/* ---- The request */

typedef struct api_import_request {
    /* Of the query: which of a parameter's choices, from 1; 0 = not given. */
    unsigned mode, names, clock, content, link, partial, dry_run;
    int64_t now_ns;                                          /* FL_TIME_NONE = not given */
    fl_str flow, execution_id, tenant, route, experiment_id; /* absent = not given */
    /* Of the headers. */
    fl_bedrock_format format;
    fl_trace_header header;
} api_import_request;

/* Reads query and headers; texts are in the call's arena. False: the call has been refused. */
bool api_import_read(api_call *call, api_import_request *out);

/* What it asks of the converter; annotate has room for API_IMPORT_ANNOTATIONS. Errors: FL_E_NOMEM.
 */
#define API_IMPORT_ANNOTATIONS 3
FL_MUST fl_status api_import_options(const api_import_request *request, fl_arena *arena,
                                     int64_t now_ns, fl_annotation *annotate,
                                     fl_bedrock_options *out, fl_err *err);

/* ---- What came of it; in the call's memory */

typedef struct api_import_run {
    fl_trace_id trace_id;
    uint32_t segments;
} api_import_run;

typedef struct api_import_note {
    fl_bedrock_diagnostic diagnostic;
    struct api_import_note *next;
} api_import_note;

/* Errors end at 21 by themselves; of warnings so many are told. */
#define API_IMPORT_WARNINGS_MAX 1000

typedef struct api_import_notes {
    api_import_note *first, **end;
    size_t count;
} api_import_notes;

typedef struct api_import_result {
    fl_str *documents;
    size_t document_count, document_capacity;
    api_import_run *runs; /* by ordinal */
    size_t run_count, run_capacity;
    api_import_notes errors, warnings;
    uint64_t warnings_left_out;
} api_import_result;

/* ---- The answers */

/* 200. rejects are of the put; NULL when nothing was stored. */
void api_import_write(fl_buf *out, const api_import_request *request,
                      const api_import_result *result, const fl_ingest_reject *rejects,
                      bool stored);
/* 400: the first error, then all of them. */
void api_import_write_errors(fl_buf *out, const api_import_result *result);

/* Choices that the answer depends on. */
bool api_import_is_partial(const api_import_request *request);
bool api_import_is_dry(const api_import_request *request);
/* False: the caller's trace header says that nothing is to be recorded. */
bool api_import_is_sampled(const api_import_request *request);

#endif
