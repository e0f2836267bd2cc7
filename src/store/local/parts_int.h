/*
 * The set of parts of a store, and the pins.
 *
 * A part lies in DIR/parts as <partition>-<low>-<high>-<level>.part: the UTC day of its traces'
 * times (of their first pieces, if they came in several), the range of numbers that its inputs had
 * when they were settled, and how often they were merged. A part whose range lies within that of a
 * part of the same partition with a higher level was replaced by it. So the names alone say which
 * files count: there is no list that could be lost or disagree. A file under construction ends in
 * .tmp.
 */
#ifndef FL_STORE_LOCAL_PARTS_INT_H
#define FL_STORE_LOCAL_PARTS_INT_H

#include "store/part/part.h"

#define FL_LOCAL_PATH_MAX 4096

typedef struct fl_part_name {
    int64_t partition; /* days since 1970 */
    uint64_t low, high;
    uint32_t level;
} fl_part_name;

#define FL_PART_NAME_MAX 80
void fl_part_name_emit(const fl_part_name *name, char out[FL_PART_NAME_MAX]);
bool fl_part_name_read(fl_str text, fl_part_name *out);
bool fl_part_name_covers(const fl_part_name *name, const fl_part_name *other);
int64_t fl_partition_of(int64_t time_ns);

/* ---- An open part of the store */

typedef struct fl_settled {
    fl_store *store;
    fl_part *part;
    fl_part_name name;
    atomic_size_t references; /* of versions */
    atomic_bool doomed;       /* its file goes with the last reference */
    bool damaged;             /* a merge failed on it: not tried again. The keeper's */
    atomic_bool damage_told;  /* counted and logged, once */
    size_t charged_bytes;     /* of the row budget */
    /* Made by retention, of traces that must stay: when, and by which pins. The keeper's */
    bool spared;
    int64_t spared_mono_ns;
    uint64_t pins_changes;
} fl_settled;

/* ---- A version: the parts that count at one moment; immutable */

typedef struct fl_version_part {
    fl_settled *settled;
    /* Rows whose traces may have pieces in other parts, ascending. A superset is fine. */
    fl_part_continued_row *shared;
    size_t shared_count;
} fl_version_part;

typedef struct fl_version {
    atomic_size_t references;
    uint64_t number;
    size_t count;
    fl_version_part parts[]; /* by partition, then low */
} fl_version;

typedef struct fl_parts {
    char *dir;
    uv_mutex_t lock; /* of `version` */
    bool lock_made;
    fl_version *version;
    uint64_t next_number; /* the keeper's */
    /* Under the lock: parts that do not count, whose files are not gone for good. */
    fl_part_name *leavings;
    size_t leaving_count, leaving_capacity;
    uint64_t names_hash;            /* of the folder when it was opened */
    atomic_int_least64_t oldest_ns; /* trace time; INT64_MAX = there is none */
} fl_parts;

/* A change of the set: parts that come (their shared rows as far as known) and parts that go. */
typedef struct fl_parts_change {
    fl_version_part *added; /* settled parts and shared lists become the version's */
    size_t added_count;
    fl_settled *const *removed; /* their files go when nobody reads them any more */
    size_t removed_count;
    /* Rows of parts that stay, found to be shared: */
    struct fl_shared_note {
        const fl_settled *settled;
        fl_part_continued_row row;
    } * notes;
    size_t note_count, note_capacity;
} fl_parts_change;

/* Opens all parts in DIR/parts, which it makes; what was replaced or left unfinished is removed
 * (unless the store is read only), what cannot be read is told and left alone. */
FL_MUST fl_status fl_parts_open(fl_store *store, fl_err *err);
void fl_parts_close(fl_store *store);
/* Did another process change the folder since it was opened? */
bool fl_parts_changed(fl_store *store);
void fl_parts_path(const fl_store *store, const fl_part_name *name, char path[FL_LOCAL_PATH_MAX]);
/* The path under which it is written first. */
void fl_parts_temporary_path(const fl_store *store, const fl_part_name *name,
                             char path[FL_LOCAL_PATH_MAX]);
/* Charges what the open parts hold by now to the memory for rows; `trim`: first gives back what can
 * be loaded again. On the keeper's thread. */
void fl_parts_charge(fl_store *store, bool trim);
/* Removes the temporary file of a part, if it is there: of a try that failed. */
void fl_parts_clear_temporary(fl_store *store, const fl_part_name *name);
/* Gives a finished temporary file its name, durably, and opens it. */
FL_MUST fl_status fl_parts_adopt(fl_store *store, const fl_part_name *name, fl_settled **out,
                                 fl_err *err);
/* Makes the next version; FL_E_NOMEM changes nothing. On the keeper's thread, or while opening. */
FL_MUST fl_status fl_parts_publish(fl_store *store, fl_parts_change *change, fl_err *err);
FL_MUST bool fl_parts_note(fl_parts_change *change, const fl_settled *settled, fl_trace_id id,
                           uint32_t row);
void fl_settled_unref(fl_settled *settled);
/* Gives a part back that was adopted but not published; its file is a leaving. */
void fl_parts_reject(fl_settled *settled);
/* Removes leavings for good. On the keeper's thread, before parts are written: beside these, what
 * is left of another try would count after a restart. */
FL_MUST fl_status fl_parts_clear(fl_store *store, fl_err *err);

fl_version *fl_version_acquire(fl_store *store); /* any thread */
void fl_version_release(fl_version *version);
uint64_t fl_version_number(fl_store *store);
/* Could any part have the trace? From memory alone. */
bool fl_version_may_have(const fl_version *version, fl_trace_id id);

/* ---- Pins */

/* A trace that is pinned, or was: what it kept from expiring then is not to expire now. */
typedef struct fl_pinned {
    fl_trace_id id;
    int64_t since_ns, until_ns; /* INT64_MAX = is pinned now */
} fl_pinned;

typedef struct fl_pins {
    uv_mutex_t lock;   /* of what follows, for a moment */
    uv_mutex_t change; /* held for a whole change, the write to disk included */
    bool locks_made;
    fl_pinned *pinned; /* ascending by id, then by time */
    size_t count;
    uint64_t changes;
} fl_pins;

FL_MUST fl_status fl_pins_open(fl_store *store, fl_err *err);
void fl_pins_close(fl_store *store);
/* Was the trace pinned all the time from one moment to another (INT64_MAX: is it now, too)? Any
 * thread, as the next one. */
bool fl_pins_cover(fl_store *store, fl_trace_id id, int64_t from_ns, int64_t to_ns);
uint64_t fl_pins_changes(fl_store *store); /* how often they changed */

#endif
