/* Inside of query: what tries that may not fit into the memory have in common. */
#ifndef FL_QUERY_INT_H
#define FL_QUERY_INT_H

#include "query/query.h"

/* Does the status ask for a smaller try? */
static inline bool query_is_too_large(fl_status status)
{
    return status == FL_E_TOO_LARGE || status == FL_E_NOMEM;
}

/* Empties the memory for another try. */
static inline void query_begin_try(fl_arena *memory)
{
    fl_arena_reset(memory);
    memory->budget_refused = false;
}

/* Memory ran out because of others, and there is no smaller try: a later one will help. Sets err
 * and returns FL_E_BUSY. */
fl_status query_busy(fl_err *err);

#endif
