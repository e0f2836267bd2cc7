/*
 * What `fluoro store inspect` found out, and how it is shown: as tables, as JSON. Both are pure but
 * for the time zone.
 */
#ifndef FL_CLI_STORE_INSPECT_INT_H
#define FL_CLI_STORE_INSPECT_INT_H

#include "cli/store_int.h"

typedef struct fl_part_view {
    const fl_data_part *part;
    bool gone;          /* replaced by a merge while we looked */
    const char *damage; /* NULL: facts are good */
    fl_data_part_facts facts;
} fl_part_view;

typedef struct fl_log_view {
    const fl_data_log *log;
    bool gone; /* settled while we looked */
    fl_data_log_facts facts;
} fl_log_view;

/* What a server would have after it opened the directory now. */
typedef struct fl_store_view {
    const char *failure; /* NULL: it opens, the numbers are good */
    uint64_t traces, segments;
    uint64_t waiting_traces, waiting_segments, waiting_bytes; /* not settled yet; packed bytes */
    fl_trace_id *pins;
    size_t pin_count;
} fl_store_view;

typedef struct fl_inspection {
    const char *dir;
    const fl_data_dir *files;
    fl_part_view *parts; /* of those that were asked for */
    size_t part_count;
    fl_log_view *logs; /* none where single parts were asked for */
    size_t log_count;
    fl_store_view store;
    bool by_name;      /* parts were named: each is shown with its columns */
    bool with_columns; /* the facts of parts have columns */
} fl_inspection;

/* Errors: FL_E_NOMEM. */
FL_MUST fl_status fl_inspection_draw(fl_arena *arena, fl_screen *screen, const fl_inspection *found,
                                     fl_err *err);
FL_MUST fl_status fl_inspection_json(fl_arena *arena, const fl_inspection *found, fl_buf *out,
                                     fl_err *err);

/* The facts of all readable parts together, replaced ones left out; columns of one path and kind
 * are one. In arena. Errors: FL_E_NOMEM. */
FL_MUST fl_status fl_inspection_sum(fl_arena *arena, const fl_inspection *found,
                                    fl_data_part_facts *out, fl_err *err);
/* Does a part count? Neither gone, damaged nor replaced. */
static inline bool fl_part_view_counts(const fl_part_view *view)
{
    return !view->gone && view->damage == NULL && !view->part->replaced;
}

#endif
