/*
 * An entity in words: what it did, and what is known beyond that.
 */
#ifndef FL_CLI_ENTITY_TEXT_INT_H
#define FL_CLI_ENTITY_TEXT_INT_H

#include "cli/mark_int.h"
#include "cli/step_int.h"
#include "trace/trace.h"

fl_mark fl_entity_mark(const fl_entity *entity);

/* What stands beside the name: the query, the operation and its resource, the request and its
 * status, or the kind of the segment's node. */
void fl_entity_hint(const fl_screen *screen, const fl_entity *entity, fl_buf *out);

/* `GET https://shop.example/cart → 200`, as far as it is known; url in place of the request's own.
 */
void fl_http_text(const fl_screen *screen, const fl_http *http, fl_str url, fl_buf *out);

/* A fact about an entity, for a line of its own. */
typedef enum fl_fact_kind {
    FL_FACT_HINT,
    FL_FACT_EXCEPTION,
    FL_FACT_FRAME,
    FL_FACT_PAIR
} fl_fact_kind;
typedef struct fl_fact {
    fl_fact_kind kind;
    fl_str key;  /* of pairs: annotation or metadata namespace */
    fl_str text; /* may hold anything that was sent */
} fl_fact;

typedef struct fl_fact_choice {
    bool annotations, metadata;
    const fl_step *step; /* that the entity is, NULL for none: what its row tells is left out of the
                            annotations, unless metadata is wanted too */
    bool no_cause;       /* exceptions were told elsewhere */
    bool full_hint;      /* the hint had no room: say it here */
} fl_fact_choice;

#define FL_FACTS_MAX 200 /* of one entity; the last one then says how many were left out */

/* Facts in the order in which they are shown; in arena. Errors: FL_E_NOMEM. */
FL_MUST fl_status fl_entity_facts(fl_arena *arena, const fl_screen *screen, const fl_entity *entity,
                                  const fl_fact_choice *choice, fl_fact **facts, size_t *count,
                                  fl_err *err);

#endif
