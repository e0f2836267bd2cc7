/*
 * The documents that BatchGetTraces answers, made into an assembled trace again.
 */
#ifndef FL_CLI_TRACE_LOAD_INT_H
#define FL_CLI_TRACE_LOAD_INT_H

#include "cli/client_int.h"
#include "cli/waterfall_int.h"

/* In arena. Inferred segments in the answer are passed over: assembly infers them anew, by the same
 * rule. Errors: FL_E_CORRUPT when no document can be read; FL_E_NOMEM. */
FL_MUST fl_status fl_trace_load(fl_arena *arena, fl_trace_id id,
                                const fl_trace_documents *documents, int64_t now_ns,
                                fl_waterfall_source *out, fl_err *err);

#endif
