/*
 * A naive list beside a store: random puts, gets, scans and pins on both, whose answers must be
 * equal. Of what nobody was promised (a put that failed, a trace that had expired while the clock
 * went wrong) the list is in doubt: naive_resolve() takes over what the store has, if it may have
 * it.
 */
#ifndef FL_TESTS_SUPPORT_NAIVE_STORE_H
#define FL_TESTS_SUPPORT_NAIVE_STORE_H

#include "support/fault_fs.h"
#include "support/store_rig.h"

#define NAIVE_TRACES_MAX 60
#define NAIVE_PUT_MAX    12
#define NAIVE_DIR        "/data"

typedef struct naive_record {
    uint64_t id;
    int64_t start_ns, end_ns, arrival_ns;
    uint64_t tag;    /* annotation `tag`: one of a few, as text */
    uint64_t number; /* annotation `number`: all different, but for what is put again */
    uint64_t hash;   /* of the whole document */
    bool fault;
    bool first;        /* of its trace in its put: that one counts as a revision */
    bool acknowledged; /* … */
    bool sure;         /* it must be there */
    bool there;        /* it is, as far as is known. Sure ones are */
} naive_record;

typedef struct naive_trace {
    naive_record *records;
    size_t count, capacity;
    uint32_t revision;
    size_t json_bytes;
    bool limit_exceeded;
    bool pinned;
    bool pin_in_doubt; /* a change failed: the next opening tells */
} naive_trace;

typedef struct naive_put {
    fl_segment segments[NAIVE_PUT_MAX];
    fl_annotation annotations[NAIVE_PUT_MAX][2];
    char numbers[NAIVE_PUT_MAX][24], tags[NAIVE_PUT_MAX][4];
    size_t count;
} naive_put;

/* A list and a store, which the caller opens and closes. */
typedef struct naive_pair {
    naive_trace traces[NAIVE_TRACES_MAX];
    size_t trace_count;
    size_t put_max;       /* segments in one put */
    int64_t retention_ns; /* 0 = for ever */
    size_t trace_bytes;   /* limit on a trace; 0 = none */
    bool clock_jumps;     /* sometimes, also back: then what has expired may come back */
    naive_put last;       /* the last random put, to be tried again */
    uint64_t next_number;
    store_rig rig;
    fault_fs *fs;
    test_random *random;
    fl_arena arena;
} naive_pair;

void naive_begin(naive_pair *p, test_random *random, size_t trace_count);
void naive_end(naive_pair *p); /* the store and its files remain */
/* An empty list again, for another store; the rig remains. */
void naive_restart(naive_pair *p);

uint64_t naive_below(naive_pair *p, uint64_t bound);
int64_t naive_now(naive_pair *p);

/* Changes of both. try_…: the caller judges the status. */
void naive_random_put(naive_pair *p);
FL_MUST fl_status naive_try_put(naive_pair *p, fl_err *err);
FL_MUST fl_status naive_try_again(naive_pair *p, fl_err *err); /* the same put once more */
/* Between the beginning of the put before and its answer the machine went down. */
void naive_doubt_last_put(naive_pair *p);
void naive_random_pin(naive_pair *p);
FL_MUST fl_status naive_try_pin(naive_pair *p, fl_err *err);
/* Time goes by; the wall clock alone jumps, also back. */
void naive_pass(naive_pair *p, int64_t ns);
void naive_jump(naive_pair *p, int64_t by_ns);

/* Comparisons of both: nothing may be in doubt. */
void naive_random_get(naive_pair *p);
void naive_random_scan(naive_pair *p);

/* Reads every trace: what must be there is, once, in order, byte for byte, and nothing else than
 * what may be. Returns FL_E_IO if the store cannot read now. */
FL_MUST fl_status naive_try_resolve(naive_pair *p, fl_err *err);
void naive_resolve(naive_pair *p);
/* The same after an opening, with pins. `durable`: after a power cut. What is there then stays. */
void naive_resolve_opened(naive_pair *p, bool durable);
/* Records that are there. */
size_t naive_count(const naive_pair *p);

#endif
