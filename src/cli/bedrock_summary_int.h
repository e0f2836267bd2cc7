/*
 * `fluoro bedrock --summary`: a title and a table for each run.
 */
#ifndef FL_CLI_BEDROCK_SUMMARY_INT_H
#define FL_CLI_BEDROCK_SUMMARY_INT_H

#include "bedrock/bedrock.h"
#include "cli/screen_int.h"

/* A row; texts are in the summary's arena. */
typedef struct fl_import_row {
    uint32_t index, parent_index; /* UINT32_MAX: none of the run's */
    int64_t start_ns, end_ns;
    fl_bedrock_time_source time_source;
    fl_flags flags;
    fl_str name;
} fl_import_row;

/* The run in hand. */
typedef struct fl_import_summary {
    fl_arena arena;
    fl_import_row *rows;
    size_t count, capacity;
    int64_t prompt_tokens, completion_tokens; /* FL_INT_NONE if the run tells none */
    double cost_usd;                          /* < 0 if it tells none */
    fl_str currency;                          /* borrowed; costs are in it [USD] */
} fl_import_summary;

void fl_import_summary_init(fl_import_summary *summary);
void fl_import_summary_fini(fl_import_summary *summary);

/* A run begins: what was of the last one is forgotten. */
void fl_import_summary_begin(fl_import_summary *summary);
FL_MUST fl_status fl_import_summary_add(fl_import_summary *summary,
                                        const fl_bedrock_document *document, fl_err *err);
/* Draws the run. Errors: FL_E_NOMEM. */
FL_MUST fl_status fl_import_summary_draw(fl_import_summary *summary, const fl_bedrock_run *run,
                                         fl_screen *screen, fl_err *err);

#endif
