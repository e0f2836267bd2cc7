/*
 * A store with its loops for tests, and its operations as calls that wait. The clock stands still
 * until a test moves it.
 */
#ifndef FL_TESTS_SUPPORT_STORE_RIG_H
#define FL_TESTS_SUPPORT_STORE_RIG_H

#include "store/local/local_int.h"
#include "support/test.h"

#define RIG_LOOPS_MAX 4
#define RIG_EPOCH_S   INT64_C(1738650304)
#define RIG_EPOCH_NS  (RIG_EPOCH_S * FL_NS_PER_S)

typedef struct store_rig {
    fl_loop *loops[RIG_LOOPS_MAX];
    fl_store_config config;
    fl_local_options options;
    fl_clock_manual clock;
    int log_fd;
    fl_store *store;  /* NULL while closed */
    size_t next_loop; /* operations go round */
} store_rig;

/* Loops run, nothing is open yet. dir is borrowed; fs NULL = the system's. */
void rig_init(store_rig *rig, size_t loops, const char *dir, fl_fs *fs);
void rig_fini(store_rig *rig); /* closes the store if it is open */
void rig_open(store_rig *rig); /* fails the test if it does not open */
FL_MUST fl_status rig_try_open(store_rig *rig, fl_err *err);
void rig_close(store_rig *rig);
/* Time goes by, on both clocks. A wall clock that moves alone jumps. */
void rig_pass(store_rig *rig, int64_t ns);
/* Did a log line hold these words since the last clearing? */
bool rig_logged(store_rig *rig, const char *words);
void rig_clear_log(store_rig *rig);

/* verdicts and err may be NULL. */
FL_MUST fl_status rig_put_all(store_rig *rig, const fl_segment *const *segments, size_t count,
                              uint8_t *verdicts, fl_err *err);
FL_MUST fl_status rig_put(store_rig *rig, const fl_segment *segment, fl_err *err);
/* Fill in ids, count and arena of the get; all but private fields and results of the scan. */
void rig_get(store_rig *rig, fl_store_get *get);
void rig_scan(store_rig *rig, fl_store_scan *scan);
FL_MUST fl_status rig_pin(store_rig *rig, const fl_trace_id *ids, size_t count, bool pinned,
                          fl_err *err);
/* All rows, newest first. */
fl_store_scan rig_scan_all(store_rig *rig, fl_arena *arena);
/* Segments that the store has of a trace. */
size_t rig_count(store_rig *rig, fl_trace_id id);

/* Trace number n, its id's epoch RIG_EPOCH_S. */
fl_trace_id rig_trace_id(uint64_t n);
/* A complete segment that starts start_s seconds after the epoch and takes one. */
fl_segment rig_segment(uint64_t trace, uint64_t id, int64_t start_s);

#endif
