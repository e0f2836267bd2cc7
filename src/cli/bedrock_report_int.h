/*
 * What `fluoro bedrock` tells the user on standard error: diagnostics, progress, the last lines.
 */
#ifndef FL_CLI_BEDROCK_REPORT_INT_H
#define FL_CLI_BEDROCK_REPORT_INT_H

#include "bedrock/bedrock.h"

/* A line. Control characters in it are made harmless; the line of progress makes way for it. */
void fl_import_tell(fl_str line);

/* "run.jsonl:3:17: E_TYPE: …", or "run.bin:@107: …" in binary input. */
void fl_import_diagnostic_text(const char *label, const fl_bedrock_diagnostic *diagnostic,
                               fl_buf *out);

typedef struct fl_import_totals {
    uint64_t runs, segments; /* that came out */
    uint64_t left_out;       /* runs, by sampling */
    uint64_t adopted;        /* segments of called functions */
    uint64_t documents;      /* converted, whatever became of them */
    uint64_t errors, warnings, refused;
    fl_trace_id newest;
} fl_import_totals;

/* "3 runs, 41 segments, 2 warnings". */
void fl_import_totals_text(const fl_import_totals *totals, fl_buf *out);

/* Shown on a terminal while the work takes more than a second. */
typedef struct fl_import_progress {
    bool wanted, shown;
    int64_t next_ns; /* when it is drawn next */
} fl_import_progress;

fl_import_progress fl_import_progress_begin(bool wanted);
void fl_import_progress_step(fl_import_progress *progress, uint64_t bytes,
                             const fl_import_totals *totals);
void fl_import_progress_end(fl_import_progress *progress);

#endif
