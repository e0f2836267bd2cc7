/*
 * The state that events are taken into: clusters of scopes that belong together as far as is known,
 * and the indexes that find the scope of an event.
 *
 * A cluster is what is kept and dropped as a whole. As a rule it is one run; settling divides it by
 * its roots, because a later answer can tell that a scope hangs elsewhere than it seemed.
 */
#ifndef FL_BEDROCK_CONVERT_INT_H
#define FL_BEDROCK_CONVERT_INT_H

#include "bedrock/run_int.h"

/* Bounds on what one event may have to look through: no real agent comes near them, and they keep
 * hostile input linear. Beyond them the oldest is looked at no more. */
#define BEDROCK_OPEN_MAX     1024u /* open steps of a scope */
#define BEDROCK_LOOK_MAX     1024u /* model calls, orphans, calling scopes looked at */
#define BEDROCK_ATTEMPTS_MAX 256u  /* tools of a scope whose failures are counted */

/* ---- Index: hash → items, the newest first. Entries are the items' own. */

typedef struct bedrock_index_entry {
    uint64_t hash;
    void *item;
    struct bedrock_index_entry *newer, *older; /* in the bucket */
    bool is_in;
} bedrock_index_entry;

typedef struct bedrock_index {
    bedrock_index_entry **buckets; /* newest of each */
    size_t bucket_count, count;    /* bucket_count a power of two, or 0 */
} bedrock_index;

FL_MUST fl_status bedrock_index_add(bedrock_index *index, bedrock_index_entry *entry, uint64_t hash,
                                    void *item, fl_err *err);
void bedrock_index_remove(bedrock_index *index, bedrock_index_entry *entry);
/* The newest entry of a hash, and the next older one; NULL if there is none. */
bedrock_index_entry *bedrock_index_find(const bedrock_index *index, uint64_t hash);
bedrock_index_entry *bedrock_index_next(const bedrock_index_entry *entry);
void bedrock_index_fini(bedrock_index *index);

/* ---- Vectors of pointers, in a cluster's arena. */

typedef struct bedrock_vector {
    void **items;
    size_t count, capacity;
} bedrock_vector;
FL_MUST fl_status bedrock_vector_add(fl_arena *arena, bedrock_vector *vector, void *item,
                                     fl_err *err);

/* ---- Clusters */

/* An event's place in the order, and whose it is. */
typedef struct bedrock_mark {
    uint64_t seq;
    bedrock_scope *scope;
} bedrock_mark;

/* A node of a flow: its steps, and those that wait for their output, oldest first. */
typedef struct bedrock_node {
    bedrock_index_entry entry;
    bedrock_scope *flow;
    fl_str name;
    bedrock_step *newest;
    bedrock_step *open_first, *open_last; /* closed ones are taken out when they come up */
    struct bedrock_node *next;            /* of the cluster */
    bool is_named;                        /* by a flowOutputEvent: its steps are complete */
} bedrock_node;

struct bedrock_cluster {
    fl_arena arena;
    bedrock_cluster *older, *newer; /* by their last event */
    bedrock_cluster *absorbed;      /* merged into this one: their memory lives as long */
    bedrock_vector values;          /* bedrock_value, referenced */
    bedrock_vector scopes, steps;   /* in order unless is_mixed */
    bedrock_mark *marks;
    size_t mark_count, mark_capacity;
    bedrock_node *nodes;
    bool is_mixed;        /* clusters were merged: scopes, steps and marks wait to be sorted */
    bool is_changed;      /* since it was given out last */
    size_t value_bytes;   /* of the values */
    size_t counted_bytes; /* its share of the state's held_bytes */
};

/* Lists of scopes that something may be asked of, the newest first. */
typedef enum bedrock_list {
    BEDROCK_TOPS,    /* whose path has one element */
    BEDROCK_ORPHANS, /* that a later one may turn out to be above of */
    BEDROCK_CALLING, /* with open collaborator steps */
    BEDROCK_LISTS
} bedrock_list;

typedef struct bedrock_place_in_list {
    bedrock_scope *older, *newer;
    bool is_in;
} bedrock_place_in_list;

/* Where a scope stands; private to scope.c, link.c and settling. */
typedef struct bedrock_scope_links {
    bedrock_index_entry by_path_and_id, by_path, by_last, by_agent, by_id;
    bedrock_place_in_list in[BEDROCK_LISTS];
    bool is_warned; /* of a root: its run was given out at the end, with warnings */
    bool was_kept;  /* of a root: its run was kept when it was given out last */
    uint32_t open_collaborators;
    uint32_t learned; /* grows with each text of the envelope that a later event told */
    uint64_t domain;  /* 0, or a hash of the flow and node that it belongs to */
    bedrock_step *caller_by_request;         /* rule 1 of spec §3.7 */
    bedrock_step *caller_by_order;           /* rule 2 */
    bedrock_scope *above;                    /* rule 3 */
    bedrock_scope *root;                     /* settled */
    bedrock_step *first_step, *last_step;    /* settled: of the scope, by next_in_scope */
    bedrock_scope *first_child, *next_child; /* settled: scopes right below it, in any order */
    uint32_t depth;                          /* settled */
    uint32_t walk;                           /* settling: marks of one walk */
    uint32_t event_count;                    /* settling: events of the run, on its root */
    bedrock_run *run;                        /* settling: on a root */
} bedrock_scope_links;

typedef struct bedrock_state {
    const fl_bedrock_options *options;
    bedrock_diagnostics *diagnostics;
    fl_budget *budget;
    uint64_t seq;                                                    /* of the last event */
    bedrock_cluster *oldest, *newest;                                /* by their last event */
    bedrock_index by_path_and_id, by_path, by_last, by_agent, by_id; /* scopes */
    bedrock_index by_request; /* collaborator steps, by the id of their answer's call */
    bedrock_index by_node;    /* nodes of flows */
    bedrock_scope *newest_in[BEDROCK_LISTS];
    bedrock_scope *flow;               /* the newest flow */
    bedrock_scope *last;               /* of the agent's event before */
    uint64_t chunks, files, citations; /* that came before any scope */
    size_t held_bytes;                 /* of all clusters, as counted last */
} bedrock_state;

void bedrock_state_fini(bedrock_state *state);

/* Takes an event into its scope; clusters that changed are the newest of the list. */
FL_MUST fl_status bedrock_take(bedrock_state *state, bedrock_event *event, fl_err *err);

/* ---- cluster.c */

FL_MUST fl_status bedrock_cluster_new(bedrock_state *state, bedrock_cluster **out, fl_err *err);
/* Takes its scopes out of all indexes, frees it. */
void bedrock_cluster_drop(bedrock_state *state, bedrock_cluster *cluster);
/* Both become one. Pointers to the other's insides stay good. */
FL_MUST fl_status bedrock_cluster_merge(bedrock_state *state, bedrock_cluster *a,
                                        bedrock_cluster *b, fl_err *err);
FL_MUST fl_status bedrock_cluster_hold(bedrock_cluster *cluster, bedrock_value *value, fl_err *err);
FL_MUST fl_status bedrock_cluster_mark(bedrock_cluster *cluster, uint64_t seq, bedrock_scope *scope,
                                       fl_err *err);
/* It becomes the newest and counts as changed. */
void bedrock_cluster_touch(bedrock_state *state, bedrock_cluster *cluster);
/* Brings scopes, steps and marks in order after a merge. */
void bedrock_cluster_sort(bedrock_cluster *cluster);
/* Brings its share of held_bytes up to date. */
void bedrock_cluster_count(bedrock_state *state, bedrock_cluster *cluster);

/* ---- scope.c */

#define BEDROCK_UUID_CHARS 36
/* The invocation id at the head of a traceId, in lower case, in `digits`; absent if it tells none.
 */
fl_str bedrock_invocation_id(fl_str trace_id, char digits[BEDROCK_UUID_CHARS]);
static inline uint64_t bedrock_text_hash(fl_str text, uint64_t seed)
{
    return fl_hash64(text.p != NULL ? text.p : "", text.n, seed);
}
/* Of the first `count` elements of a path. */
uint64_t bedrock_path_hash(const fl_str *elements, uint32_t count, uint64_t domain);

/* The scope of an agent's event; made when there is none. in_flow is the flow of a dependency
 * event, node its node's step (both NULL else). */
FL_MUST fl_status bedrock_scope_of(bedrock_state *state, const bedrock_event *event,
                                   bedrock_scope *in_flow, bedrock_step *node, bedrock_scope **out,
                                   fl_err *err);
/* A new flow, which becomes state->flow. */
FL_MUST fl_status bedrock_scope_new_flow(bedrock_state *state, const bedrock_event *event,
                                         bedrock_scope **out, fl_err *err);
/* The newest scope whose path has one element; made, with the label `agent`, when there is none. */
FL_MUST fl_status bedrock_scope_newest_top(bedrock_state *state, const bedrock_event *event,
                                           bedrock_scope **out, fl_err *err);

/* ---- link.c: which scope hangs where (spec §3.7) */

/* Looks for the caller of a new scope, and for older scopes that it turns out to be above of;
 * brings their clusters together. */
FL_MUST fl_status bedrock_link_scope(bedrock_state *state, bedrock_scope *scope, fl_err *err);
void bedrock_list_add(bedrock_state *state, bedrock_list list, bedrock_scope *scope);
void bedrock_list_remove(bedrock_state *state, bedrock_list list, bedrock_scope *scope);
/* A collaborator step opened; it is open no more; its answer, if it had one, names an invocation.
 */
void bedrock_link_opened(bedrock_state *state, bedrock_step *step);
void bedrock_link_unlisted(bedrock_state *state, bedrock_step *step);
FL_MUST fl_status bedrock_link_answered(bedrock_state *state, bedrock_step *step, fl_err *err);
void bedrock_link_forget(bedrock_state *state, bedrock_scope *scope);
/* How well a collaborator step fits a scope that it may have called: the higher, the better. */
int bedrock_link_fitness(const bedrock_step *step, const bedrock_scope *scope);

/* ---- step.c, pair.c, flow.c */

FL_MUST fl_status bedrock_step_new(bedrock_state *state, const bedrock_event *event,
                                   bedrock_scope *scope, bedrock_kind kind, bedrock_step **out,
                                   fl_err *err);
void bedrock_step_open(bedrock_state *state, bedrock_step *step);
FL_MUST fl_status bedrock_step_close(bedrock_state *state, bedrock_step *step,
                                     const bedrock_event *event, bedrock_ending ending,
                                     fl_err *err);
/* The open step of the scope that an output answers (spec §3.5); NULL if none. */
bedrock_step *bedrock_pair(bedrock_scope *scope, bedrock_kind kind, const bedrock_event *event);
/* An agent's normalised event in its scope. */
FL_MUST fl_status bedrock_take_agent(bedrock_state *state, const bedrock_event *event,
                                     bedrock_scope *scope, fl_err *err);
FL_MUST fl_status bedrock_take_flow(bedrock_state *state, const bedrock_event *event, fl_err *err);
FL_MUST fl_status bedrock_take_exception(bedrock_state *state, const bedrock_event *event,
                                         fl_err *err);
FL_MUST fl_status bedrock_take_auxiliary(bedrock_state *state, const bedrock_event *event,
                                         fl_err *err);
/* The step of the flow that actions and agents of a node hang below; NULL = the flow itself. */
bedrock_step *bedrock_flow_node_step(bedrock_state *state, bedrock_scope *flow, fl_str node_name);

/* Retries (spec §3.12): failed attempts at a tool so far; and how one ended. */
uint32_t bedrock_attempts_of(const bedrock_scope *scope, fl_str tool_name);
FL_MUST fl_status bedrock_attempt_ended(bedrock_step *step, fl_err *err);
/* Did the tool of an answered step fail: an error in the code, a time limit? */
bool bedrock_tool_failed(const bedrock_step *step);

/* ---- settle.c */

typedef struct bedrock_settled {
    bedrock_run *runs;
    size_t count;
} bedrock_settled;

/* Links, divides into runs, judges and times all that the cluster holds; at_end says that nothing
 * more will come. In arena, which may be reset afterwards: scopes and steps keep what is theirs. */
FL_MUST fl_status bedrock_settle(bedrock_state *state, bedrock_cluster *cluster, fl_arena *arena,
                                 bool at_end, bedrock_settled *out, fl_err *err);
/* Parts of settling, in this order. The first says where each scope hangs and which is its root. */
void bedrock_settle_links(bedrock_cluster *cluster, const fl_bedrock_options *options);
void bedrock_settle_outcomes(const bedrock_run *run);
/* is_timed is room for a flag a step. */
void bedrock_settle_times(bedrock_run *run, const fl_bedrock_options *options, bool *is_timed);

/* Flags and HTTP status of a stream exception (spec §1.12). */
typedef struct bedrock_exception_row {
    fl_str name;
    int status; /* 0 = none */
    bool error, throttle, fault;
} bedrock_exception_row;
const bedrock_exception_row *bedrock_exception_of(fl_str name);

/* ---- keys.c: run keys that were given out, so that the second of a name gets #2 (spec §3.14) */

typedef struct bedrock_keys {
    uint64_t *hashes; /* 0 = free */
    uint32_t *counts;
    size_t capacity, count;
} bedrock_keys;
void bedrock_keys_fini(bedrock_keys *keys);
/* Counts the key and returns how often it came, from 1. Errors: FL_E_NOMEM. */
FL_MUST fl_status bedrock_keys_count(bedrock_keys *keys, fl_str key, uint32_t *times, fl_err *err);

#endif
