/*
 * A segment stream (DESIGN §3): the header line once, then JSON documents one behind the other. A
 * document over the limit is passed over to its end and counted; bytes that are no value likewise.
 */
#include <stdlib.h>

#include "ingest/ingest_int.h"

#define HEADER_LINE_MAX 1024

typedef struct stream_source {
    fl_lane *lane;
    fl_stream *stream;
    fl_json_scan scan;
    fl_buf document; /* of a document that came in pieces */
    bool header_seen;
    bool in_document;
    bool too_large; /* the document is passed over */
    bool in_garbage;
    bool paused;
    fl_buf waiting; /* bytes that came before the pause took effect */
    struct stream_source *next_paused;
} stream_source;

bool fl_ingest_stream_open(void *user, fl_stream *stream, void **state)
{
    fl_ingest *ingest = user;
    stream_source *source = calloc(1, sizeof *source);
    if (source == NULL) {
        return false;
    }
    source->lane = fl_ingest_lane_of(ingest, fl_stream_loop(stream));
    source->stream = stream;
    size_t limit = ingest->config.limits.document_bytes;
    fl_buf_init(&source->document, limit > HEADER_LINE_MAX ? limit : HEADER_LINE_MAX);
    fl_buf_init(&source->waiting, 1024 * 1024);
    *state = source;
    return true;
}

static void drop(stream_source *source, fl_drop reason)
{
    fl_ingest_drop(source->lane->ingest, reason, 1, FL_SOURCE_STREAM);
}

/* Eats up to and with the header's LF; false when the connection is not of our protocol. */
static bool take_header(stream_source *source, fl_str *bytes)
{
    fl_str rest = *bytes;
    fl_str line = fl_str_cut(&rest, '\n');
    if (source->document.n + line.n > HEADER_LINE_MAX) {
        drop(source, FL_DROP_NO_HEADER);
        return false;
    }
    fl_buf_add_str(&source->document, line);
    *bytes = rest.p != NULL ? rest : (fl_str){bytes->p, 0};
    if (rest.p == NULL) {
        return true;
    }
    bool ok = fl_daemon_header_ok(fl_str_trim(fl_buf_str(&source->document)));
    if (!ok) {
        drop(source, FL_DROP_BAD_HEADER);
    }
    fl_buf_reset(&source->document);
    source->header_seen = true;
    return ok;
}

/* Keeps a piece of the current document unless it has grown over the limit. */
static void keep_piece(stream_source *source, fl_str piece)
{
    if (source->too_large) {
        return;
    }
    if (source->document.n + piece.n > source->lane->ingest->config.limits.document_bytes) {
        source->too_large = true;
        fl_buf_reset(&source->document);
        return;
    }
    fl_buf_add_str(&source->document, piece);
    if (source->document.status != FL_OK) {
        source->too_large = true;
    }
}

static void end_document(stream_source *source, fl_str last_piece)
{
    bool whole = source->document.n == 0 && !source->too_large;
    fl_str document = last_piece;
    if (!whole || last_piece.n > source->lane->ingest->config.limits.document_bytes) {
        keep_piece(source, last_piece);
        document = fl_buf_str(&source->document);
    }
    if (source->too_large) {
        drop(source, FL_DROP_TOO_LARGE);
    } else {
        fl_lane_take(source->lane, document, FL_SOURCE_STREAM);
    }
    fl_buf_reset(&source->document);
    source->in_document = false;
    source->too_large = false;
}

static void pause_for_room(stream_source *source, fl_str rest)
{
    fl_buf_add_str(&source->waiting, rest);
    source->paused = true;
    source->next_paused = source->lane->paused;
    source->lane->paused = source;
    fl_stream_pause(source->stream);
}

/* Goes through bytes until they are eaten or there is no room for another document. */
static void take_documents(stream_source *source, fl_str bytes)
{
    while (bytes.n > 0) {
        if (!fl_lane_has_room(source->lane)) {
            pause_for_room(source, bytes);
            return;
        }
        size_t eaten = 0;
        fl_json_scan_result result = fl_json_scan_feed(&source->scan, bytes.p, bytes.n, &eaten);
        fl_str piece = {bytes.p, eaten};
        if (result == FL_SCAN_GARBAGE && !source->in_garbage) {
            drop(source, FL_DROP_GARBAGE);
        }
        source->in_garbage = result == FL_SCAN_GARBAGE;
        if (result == FL_SCAN_END) {
            end_document(source, piece);
        } else if (result == FL_SCAN_MORE) {
            keep_piece(source, piece);
            source->in_document = true;
        }
        bytes = (fl_str){bytes.p + eaten, bytes.n - eaten};
    }
}

bool fl_ingest_stream_bytes(void *state, fl_str bytes)
{
    stream_source *source = state;
    if (source->paused) { /* what was read before the pause took effect */
        fl_buf_add_str(&source->waiting, bytes);
        return source->waiting.status == FL_OK;
    }
    if (!source->header_seen && !take_header(source, &bytes)) {
        return false;
    }
    if (source->header_seen) {
        take_documents(source, bytes);
    }
    return true;
}

void fl_stream_sources_resume(fl_lane *self)
{
    stream_source *list = self->paused;
    self->paused = NULL;
    while (list != NULL) {
        stream_source *source = list;
        list = source->next_paused;
        source->paused = false;
        fl_buf waiting = source->waiting;
        fl_buf_init(&source->waiting, waiting.max_bytes);
        take_documents(source, fl_buf_str(&waiting));
        fl_buf_fini(&waiting);
        if (!source->paused) {
            fl_stream_resume(source->stream);
        }
    }
}

static void forget_pause(stream_source *source)
{
    stream_source **place = &source->lane->paused;
    while (*place != NULL && *place != source) {
        place = &(*place)->next_paused;
    }
    if (*place == source) {
        *place = source->next_paused;
    }
}

/* Whole documents that still waited for room when the stream was closed; the scan ends behind them.
 */
static uint64_t count_waiting(stream_source *source)
{
    fl_str bytes = fl_buf_str(&source->waiting);
    uint64_t documents = 0;
    while (bytes.n > 0) {
        size_t eaten = 0;
        fl_json_scan_result result = fl_json_scan_feed(&source->scan, bytes.p, bytes.n, &eaten);
        documents += result == FL_SCAN_END;
        source->in_document = result == FL_SCAN_MORE;
        bytes = (fl_str){bytes.p + eaten, bytes.n - eaten};
    }
    return documents;
}

void fl_ingest_stream_close(void *state, bool clean)
{
    stream_source *source = state;
    (void)clean; /* a cut shows in the scan, whoever made it */
    if (source->paused) {
        forget_pause(source);
        fl_ingest_drop(source->lane->ingest, FL_DROP_QUEUE_FULL, count_waiting(source),
                       FL_SOURCE_STREAM);
    }
    if (source->in_document) {
        drop(source, FL_DROP_CUT);
    } else if (!source->header_seen && source->document.n > 0) {
        drop(source, FL_DROP_NO_HEADER);
    }
    fl_buf_fini(&source->document);
    fl_buf_fini(&source->waiting);
    free(source);
}
