/*
 * ingest: the one way in. Documents from every source (PutTraceSegments, imports, UDP, segment
 * streams) are decoded and judged here, counted, and put into the store.
 *
 *   fl_ingest_put  documents whose sender waits for an answer
 *   fl_ingest_udp_*, fl_ingest_stream_*  callbacks for net: senders that get none (segments.md §14,
 * DESIGN §3)
 */
#ifndef FL_INGEST_H
#define FL_INGEST_H

#include "store/store.h"

/* Where a document came from. One row each: enum, label on /metrics. */
#define FL_SOURCE_TABLE(X)                                                                         \
    X(FL_SOURCE_HTTP, "http")                                                                      \
    X(FL_SOURCE_UDP, "udp")                                                                        \
    X(FL_SOURCE_STREAM, "stream")                                                                  \
    X(FL_SOURCE_BEDROCK, "bedrock")

typedef enum fl_source {
#define FL_SOURCE_ENUM(code, label) code,
    FL_SOURCE_TABLE(FL_SOURCE_ENUM)
#undef FL_SOURCE_ENUM
        FL_SOURCE_COUNT
} fl_source;

/* Why something was lost or refused before it was a document. One row each: enum, label, help. */
#define FL_DROP_TABLE(X)                                                                           \
    X(FL_DROP_NO_HEADER, "no_header", "no header line of the daemon protocol")                     \
    X(FL_DROP_BAD_HEADER, "bad_header", "header line is not format json, version 1")               \
    X(FL_DROP_NO_BODY, "no_body", "nothing behind the header line")                                \
    X(FL_DROP_TRUNCATED, "truncated", "datagram longer than the receive buffer")                   \
    X(FL_DROP_TOO_LARGE, "too_large", "document on a stream over the document limit")              \
    X(FL_DROP_GARBAGE, "garbage", "bytes on a stream that are no JSON value")                      \
    X(FL_DROP_CUT, "cut", "stream ended inside a document")                                        \
    X(FL_DROP_QUEUE_FULL, "queue_full", "more datagrams than the store takes")                     \
    X(FL_DROP_STORE_BUSY, "store_busy", "store over its memory budget for too long")               \
    X(FL_DROP_STORE_FAILED, "store_failed", "store could not write")                               \
    X(FL_DROP_NO_MEMORY, "no_memory", "no memory to decode")

typedef enum fl_drop {
#define FL_DROP_ENUM(code, label, help) code,
    FL_DROP_TABLE(FL_DROP_ENUM)
#undef FL_DROP_ENUM
        FL_DROP_COUNT
} fl_drop;

typedef struct fl_ingest_stats {
    fl_counter documents[FL_SOURCE_COUNT]; /* texts taken in hand */
    fl_counter accepted[FL_SOURCE_COUNT];  /* segments that passed validation */
    fl_counter stored[FL_SOURCE_COUNT];    /* segments that the store acknowledged */
    fl_counter rejected[FL_REJECT_COUNT];  /* by error code */
    fl_counter dropped[FL_DROP_COUNT];     /* by reason */
    fl_counter fields_dropped, annotations_dropped, links_dropped, texts_repaired;
} fl_ingest_stats;
extern const fl_metric fl_ingest_metrics[];
extern const size_t fl_ingest_metrics_count;

typedef struct fl_ingest_config {
    fl_store *store;
    fl_loop *const *loops;
    size_t loop_count;
    fl_limits limits;
    const fl_clock *clock;
    fl_log *log;
} fl_ingest_config;

typedef struct fl_ingest fl_ingest;

/* Not on a loop's thread; the loops run. */
FL_MUST fl_status fl_ingest_new(const fl_ingest_config *config, fl_ingest **out, fl_err *err);
const fl_ingest_stats *fl_ingest_stats_get(const fl_ingest *ingest);
/* Gives what still waits to the store and waits until it is answered, then frees. Its sources are
 * closed before, the store after. Not on a loop's thread. */
void fl_ingest_stop_and_free(fl_ingest *ingest);

/* ---- Documents whose sender waits */

/*
 * Decodes documents and puts the good ones into the store; every bad one is a reject. Works in
 * turns of about a millisecond, so that a large call does not hold up its loop. The caller owns the
 * struct and leaves it alone until done runs on loop. status FL_OK: all that was not rejected is
 * stored. Otherwise (FL_E_BUSY, FL_E_IO, …, from the store) nothing is promised and the sender
 * should send again.
 */
typedef struct fl_ingest_put fl_ingest_put;
struct fl_ingest_put {
    const fl_str *documents; /* borrowed until done */
    size_t count;
    fl_source source;
    fl_loop *loop;
    fl_arena *arena; /* belongs to the operation until done; holds the results */
    void (*done)(fl_ingest_put *put);
    /* results */
    fl_status status;
    fl_err err;
    struct fl_ingest_reject *rejects; /* list in the order of documents */
    /* private */
    fl_ingest *ingest;
    struct fl_ingest_reject **rejects_end;
    size_t next, puts_open;
    fl_task task;
};
typedef struct fl_ingest_reject {
    fl_reject reject;
    struct fl_ingest_reject *next;
} fl_ingest_reject;

/* On put->loop's thread. The first turn runs at once; if nothing is left to store, done runs inside
 * this call. */
void fl_ingest_put_begin(fl_ingest *ingest, fl_ingest_put *put);

/* ---- Senders that get no answer. The first argument of each is what fl_ingest_lane gives for a
 * loop. */

/* The receiving side of one loop, `user` of a fl_udp_config. */
void *fl_ingest_lane(fl_ingest *ingest, size_t loop_index);
void fl_ingest_udp_datagram(void *lane, fl_str datagram, bool truncated);
void fl_ingest_udp_batch_end(void *lane);

/* Callbacks of a fl_stream_config whose user is the fl_ingest. */
bool fl_ingest_stream_open(void *ingest, fl_stream *stream, void **state);
bool fl_ingest_stream_bytes(void *state, fl_str bytes);
void fl_ingest_stream_close(void *state, bool clean);

#endif
