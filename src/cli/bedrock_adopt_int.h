/*
 * Segments of called functions: where they come from, and the documents that hang them below the
 * steps that called them (spec §3.18).
 */
#ifndef FL_CLI_BEDROCK_ADOPT_INT_H
#define FL_CLI_BEDROCK_ADOPT_INT_H

#include "bedrock/bedrock.h"
#include "cli/client_int.h"

/* Does the file begin with a segment document? Trace events of agents never look like one. */
bool fl_adopt_is_segments_file(const char *path);

typedef struct fl_adopter fl_adopter;

/* Candidates are those of a file of segment documents: JSON values in a row, arrays taken apart.
 * Errors: FL_E_SYNTAX with file and line, those of reading. */
FL_MUST fl_status fl_adopter_new_file(const char *path, int64_t now_ns, fl_adopter **out,
                                      fl_err *err);
/* Candidates are the documents that the server has of the run's trace. */
FL_MUST fl_status fl_adopter_new_store(const fl_server_address *address, int64_t now_ns,
                                       fl_adopter **out, fl_err *err);
void fl_adopter_free(fl_adopter *adopter); /* NULL is fine */

/* Takes an adopted segment's document: the same with another parent. Borrowed during the call. */
typedef fl_status (*fl_adopted_taker)(void *user, uint64_t id, fl_str document, fl_err *err);

/* Gives the taker what a run's steps adopt and did not adopt before. A segment belongs to the first
 * run that adopts it. Errors: the taker's, FL_E_NOMEM, those of asking the server. */
FL_MUST fl_status fl_adopter_run(fl_adopter *adopter, const fl_bedrock_run *run,
                                 fl_adopted_taker taker, void *user, fl_err *err);

#endif
