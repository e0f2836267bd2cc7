/*
 * Trace summaries as the server sends them, read and listed.
 */
#ifndef FL_CLI_TRACES_INT_H
#define FL_CLI_TRACES_INT_H

#include "cli/client_int.h"
#include "cli/mark_int.h"

/* What a line of the list tells; absent texts have p == NULL, absent times FL_TIME_NONE. */
typedef struct fl_trace_line {
    fl_str id, method, url, service, user;
    int64_t start_ns, duration_ns;
    int64_t http_status; /* FL_INT_NONE if absent */
    uint32_t services;   /* distinct ones, clients not counted */
    fl_mark mark;
} fl_trace_line;

/* Reads one TraceSummary; what is missing or of another type is absent. Borrows its texts. */
void fl_trace_line_read(yyjson_val *summary, fl_trace_line *out);

/* Draws the list. now_ns decides whether dates are shown. Errors: FL_E_NOMEM. */
FL_MUST fl_status fl_trace_lines_draw(fl_arena *arena, fl_screen *screen,
                                      const fl_trace_line *lines, size_t count, int64_t now_ns,
                                      fl_err *err);

/* Hands summaries, newest first, to `take` until it returns false or none is left. A page's memory
 * is given back before the next. Errors: those of fl_client_summaries. */
typedef bool (*fl_summary_taker)(void *user, yyjson_val *summary);
FL_MUST fl_status fl_summaries_each(fl_client *client, const fl_summaries_request *request,
                                    fl_summary_taker take, void *user, fl_err *err);

/*
 * The id that a user means: an id in either form, `latest`, or the beginning of an id that only one
 * of the newest traces has. Errors: FL_E_NOT_FOUND, FL_E_INVALID (no id, or several begin so),
 * those of fl_client_summaries.
 */
FL_MUST fl_status fl_trace_id_find(fl_client *client, const char *given, int64_t now_ns,
                                   fl_trace_id *out, fl_err *err);

#endif
