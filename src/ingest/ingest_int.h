/* Inside of ingest: the lane of a loop gathers segments of senders that get no answer into batches.
 */
#ifndef FL_INGEST_INT_H
#define FL_INGEST_INT_H

#include "codec/codec.h"
#include "ingest/ingest.h"

/* What a lane has gathered goes to the store when it is this much or this old; a reader sees a
 * datagram within that time. */
#define GATHER_SEGMENTS    512
#define GATHER_BYTES       (512u * 1024)
#define GATHER_INTERVAL_NS (25 * FL_NS_PER_MS)
#define SCRATCH_BYTES                                                                              \
    (64u * 1024 * 1024) /* at most, for a document of 1 MiB that is all structure */

/*
 * The lane of a loop. Segments are decoded into its gather arena and packed by the store when they
 * are put, so what waits for the disk waits in the store's queue. When that is full, the gathered
 * ones wait here, datagrams are dropped and streams paused.
 */
typedef struct fl_lane {
    fl_ingest *ingest;
    fl_loop *loop;
    fl_timer *timer;
    fl_arena
        scratch; /* segments of a fl_ingest_put, while they are decoded and given to the store */
    fl_arena gather;
    const fl_segment **segments; /* in gather's memory; a malloc of its own that grows */
    size_t count, capacity;
    size_t by_source[FL_SOURCE_COUNT];
    size_t text_bytes;
    size_t puts_open;             /* given to the store and not answered */
    struct stream_source *paused; /* streams that wait for room */
    bool stopping;
    uv_sem_t *stopped; /* posted once nothing is open any more */
} fl_lane;

struct fl_ingest {
    fl_ingest_config config;
    fl_ingest_stats stats;
    fl_lane *lanes; /* one for each loop */
};

/* The lane of a loop. */
fl_lane *fl_ingest_lane_of(fl_ingest *ingest, const fl_loop *loop);

/* On the lane's loop: makes its timer; begins the end, which posts `stopped`. */
fl_status fl_lane_start(fl_lane *lane, fl_err *err);
void fl_lane_stop(fl_lane *lane);
void fl_lane_fini(fl_lane *lane);

/* Is there room for another document? Gives to the store first if there is not. */
bool fl_lane_has_room(fl_lane *lane);
/* Decodes one document into the lane; counts what becomes of it. */
void fl_lane_take(fl_lane *lane, fl_str document, fl_source source);

/* Counts and logs (at debug, with an excerpt) a refused document. */
void fl_ingest_count_reject(fl_ingest *ingest, const fl_reject *reject, fl_str document,
                            fl_source source);
/* The error code for what the store refuses under the aws profile. */
fl_reject_code fl_ingest_code_of_verdict(uint8_t verdict);
void fl_ingest_count_notes(fl_ingest *ingest, const fl_decode_notes *notes);
void fl_ingest_drop(fl_ingest *ingest, fl_drop reason, uint64_t count, fl_source source);
/* Takes a datagram apart: its document and FL_DROP_COUNT, or why it is dropped. Pure. */
fl_drop fl_datagram_open(fl_str datagram, bool truncated, fl_str *document);
/* Checks a header line of the daemon protocol (segments.md §14). */
bool fl_daemon_header_ok(fl_str line);

/* Streams that were paused for want of room go on. */
void fl_stream_sources_resume(fl_lane *lane);

#endif
