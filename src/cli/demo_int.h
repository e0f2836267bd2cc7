/*
 * Demo traffic: a model of a web shop whose services write segments as real SDKs do. Pure: the same
 * seed and start times give the same documents.
 */
#ifndef FL_CLI_DEMO_INT_H
#define FL_CLI_DEMO_INT_H

#include "trace/trace.h"

/* ---- Random numbers, repeatable */

typedef struct fl_demo_random {
    uint64_t state;
} fl_demo_random;

uint64_t fl_demo_next(fl_demo_random *random);
uint64_t fl_demo_below(fl_demo_random *random, uint64_t bound); /* bound > 0 */

/* ---- Building a trace (demo_build.c) */

/* A document and when its program sends it. */
typedef struct fl_demo_document {
    int64_t send_ns;
    fl_segment *segment;
} fl_demo_document;

#define FL_DEMO_DOCUMENTS_MAX 512
#define FL_DEMO_CHILDREN_MAX  12

typedef struct fl_demo_trace {
    fl_trace_id id;
    fl_demo_document *documents; /* by send_ns */
    size_t count;
    int64_t end_ns;
    bool fault, error, throttle, slow; /* what happened in it */
} fl_demo_trace;

/*
 * Writes down what happens as it happens: now_ns moves forward by the work that is done. Failing to
 * allocate sticks: everything goes to a scratch segment then, and fl_demo_finish tells.
 */
typedef struct fl_demo_builder {
    fl_arena *arena;
    fl_demo_random *random;
    int64_t now_ns;
    fl_demo_trace trace;
    fl_segment scratch;
    fl_http scratch_http;
    fl_aws scratch_aws;
    bool failed;
} fl_demo_builder;

FL_MUST fl_status fl_demo_begin(fl_demo_builder *b, fl_arena *arena, fl_demo_random *random,
                                int64_t start_ns, fl_err *err);
/* The trace, in arena, its documents sorted. Errors: FL_E_NOMEM. */
FL_MUST fl_status fl_demo_finish(fl_demo_builder *b, fl_demo_trace *out, fl_err *err);

void fl_demo_work(fl_demo_builder *b, int64_t least_us, int64_t most_us); /* time goes by */
uint64_t fl_demo_id(fl_demo_builder *b);

/* A service takes up work: caller is the call that led here, NULL for a root. */
fl_segment *fl_demo_serve(fl_demo_builder *b, const char *service, const char *origin,
                          const fl_segment *caller);
/* Sends what is there so far as a document in progress. */
void fl_demo_send_unfinished(fl_demo_builder *b, const fl_segment *segment);
/* The service is done: ends the segment and sends it. */
void fl_demo_reply(fl_demo_builder *b, fl_segment *segment);

/* Nested work, FL_DEMO_CHILDREN_MAX per owner at most. name_space NULL for local work. Ended by
 * fl_demo_end. */
fl_segment *fl_demo_step(fl_demo_builder *b, fl_segment *owner, const char *name,
                         const char *name_space);
void fl_demo_end(fl_demo_builder *b, fl_segment *step);
/* The same, but sent by itself when it ends (fl_demo_reply), as SDKs stream large segments. */
fl_segment *fl_demo_streamed_step(fl_demo_builder *b, const fl_segment *owner, const char *name,
                                  const char *name_space);

/* Members. Flags follow the status as SDKs set them: 429 throttle and error, other 4xx error, 5xx
 * fault. */
void fl_demo_request(fl_demo_builder *b, fl_segment *segment, const char *method, fl_str url);
void fl_demo_response(fl_demo_builder *b, fl_segment *segment, int64_t status, int64_t bytes);
void fl_demo_client(fl_demo_builder *b, fl_segment *segment, fl_str ip, const char *user_agent,
                    fl_str user);
fl_aws *fl_demo_aws(fl_demo_builder *b, fl_segment *segment, const char *operation);
void fl_demo_sql(fl_demo_builder *b, fl_segment *segment, const char *query);
void fl_demo_annotate(fl_demo_builder *b, fl_segment *segment, const char *key, fl_str value);
void fl_demo_annotate_number(fl_demo_builder *b, fl_segment *segment, const char *key,
                             int64_t value);
void fl_demo_annotate_bool(fl_demo_builder *b, fl_segment *segment, const char *key, bool value);
void fl_demo_metadata(fl_demo_builder *b, fl_segment *segment, const char *json);
/* An exception that escapes; stack is a JSON array. Sets fault unless the status said otherwise. */
void fl_demo_exception(fl_demo_builder *b, fl_segment *segment, const char *type, fl_str message,
                       const char *stack);
/* Three texts in a row, in arena. */
fl_str fl_demo_text(fl_demo_builder *b, const char *before, fl_str middle, fl_str after);
fl_str fl_demo_number(fl_demo_builder *b, uint64_t number);

/* ---- The shop (demo_shop.c) */

/* The index-th trace of the traffic, counted from the newest; kinds of trace take turns, so that
 * twenty in a row hold one of each. Errors: FL_E_NOMEM. */
FL_MUST fl_status fl_demo_shop(fl_arena *arena, fl_demo_random *random, uint64_t index,
                               int64_t start_ns, fl_demo_trace *out, fl_err *err);

#endif
