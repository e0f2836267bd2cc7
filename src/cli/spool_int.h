/*
 * Records kept until they are wanted, in memory and beyond 8 MiB in a file of no name.
 */
#ifndef FL_CLI_SPOOL_INT_H
#define FL_CLI_SPOOL_INT_H

#include "base/base.h"

typedef struct fl_spool {
    fl_buf memory; /* records that are not in the file yet */
    int file;      /* -1: none so far */
    uint64_t file_bytes;
} fl_spool;

typedef struct fl_spooled {
    uint64_t tag; /* the caller's */
    fl_str bytes;
} fl_spooled;

void fl_spool_init(fl_spool *spool);
void fl_spool_fini(fl_spool *spool);

/* bytes are copied; at most 4 GiB. Errors: FL_E_IO, FL_E_NOMEM. */
FL_MUST fl_status fl_spool_add(fl_spool *spool, uint64_t tag, fl_str bytes, fl_err *err);

/* All records in order; what a record holds is borrowed during the call. Errors: the taker's,
 * FL_E_IO, FL_E_NOMEM. */
typedef fl_status (*fl_spool_taker)(void *user, const fl_spooled *record, fl_err *err);
FL_MUST fl_status fl_spool_each(fl_spool *spool, fl_spool_taker taker, void *user, fl_err *err);

#endif
