/*
 * Where a conversion's results go: standard output, a server, or nowhere until the input has turned
 * out to be without errors (--strict).
 */
#ifndef FL_CLI_BEDROCK_OUT_INT_H
#define FL_CLI_BEDROCK_OUT_INT_H

#include "cli/sender_int.h"
#include "cli/spool_int.h"

typedef struct fl_import_out {
    fl_sender *sender; /* documents go there; NULL: to standard output */
    bool nowhere;      /* documents are only counted: a table is shown, or nothing may be stored */
    bool spools;       /* all is held back until fl_import_out_release */
    fl_spool spool;
    fl_buf text;        /* waits for standard output */
    uint64_t refused;   /* documents that did not arrive; each is told on standard error */
    uint64_t documents; /* that came */
} fl_import_out;

void fl_import_out_init(fl_import_out *out, bool spools);
/* Documents go by this sender, which is taken; NULL is fine. */
void fl_import_out_send_by(fl_import_out *out, fl_sender *sender);
void fl_import_out_fini(fl_import_out *out);

FL_MUST fl_status fl_import_out_document(fl_import_out *out, uint64_t id, fl_str document,
                                         fl_err *err);
/* Whole lines to standard output. */
FL_MUST fl_status fl_import_out_text(fl_import_out *out, fl_str lines, fl_err *err);
/* What waits goes out, but for what is held back. */
FL_MUST fl_status fl_import_out_flush(fl_import_out *out, fl_err *err);
/* Holding back ends: all goes out. */
FL_MUST fl_status fl_import_out_release(fl_import_out *out, fl_err *err);

#endif
