/*
 * What the parts of writing a document share (spec §3.10–§3.15): the content policy, the list of
 * annotations, what a model log knows of a call.
 */
#ifndef FL_BEDROCK_WRITE_INT_H
#define FL_BEDROCK_WRITE_INT_H

#include "bedrock/run_int.h"

/* ---- Content: bodies and texts as JSON, by the content policy */

/* A text that is longer than max_text_bytes before anything was cut. */
typedef struct bedrock_long_text {
    fl_str path;    /* `input.text`, in the writer's arena */
    fl_str text;    /* as the input has it */
    bool is_secret; /* redaction applies to it */
    struct bedrock_long_text *next;
} bedrock_long_text;

#define BEDROCK_DEPTH_MAX     256 /* deeper values are left out; reading lets none through */
#define BEDROCK_KEY_BYTES_MAX 19  /* of keys that tell that what is behind them is a text */

/* An open object or array of the body that is being written. */
typedef struct bedrock_level {
    const yyjson_val *end; /* behind its last value */
    fl_str key;            /* objects: of the member being written */
    size_t index;          /* arrays: of the element being written, from 1; objects: members */
    uint8_t mode;
    bool is_object;
} bedrock_level;

typedef struct bedrock_content {
    const fl_bedrock_options *options;
    fl_arena *arena;  /* of paths of long texts */
    fl_buf *redacted; /* scratch */
    fl_buf *out;
    size_t limit_bytes; /* longer strings are cut */
    bool is_cut;        /* something was */
    bool wants_long_texts;
    bedrock_long_text *long_first, **long_last;
    const char *part; /* `input`, … : the begin of paths */
    bedrock_level levels[BEDROCK_DEPTH_MAX];
    size_t depth;
    uint8_t first_key[BEDROCK_KEY_BYTES_MAX + 2]; /* by length */
} bedrock_content;

/* Once; all else is set by whoever renders. */
void bedrock_content_init(bedrock_content *content);
/* The body of an event, without traceId and __type; appended to content->out. */
void bedrock_content_body(bedrock_content *content, const char *part, bedrock_kind kind,
                          const yyjson_val *body);
/* A text as a JSON string; appended to content->out. */
void bedrock_content_text(bedrock_content *content, const char *part, fl_str text);
/* The text with redactions made, borrowed from it or from `redacted`; if they could not be made
 * there is nothing left of it but a mark. */
fl_str bedrock_redacted(const fl_bedrock_options *options, fl_str text, fl_buf *redacted);
/* Whether texts may be shown at all (not under hash and none). */
bool bedrock_content_is_shown(const fl_bedrock_options *options);

/* ---- Annotations (spec §3.12) */

typedef struct bedrock_marks {
    bool content_truncated, size_limited;
} bedrock_marks;

/* What annotations are made from. Values borrow from the run, the options or arena. */
typedef struct bedrock_view {
    const bedrock_run *run;
    const bedrock_segment *segment;
    const bedrock_step *step; /* NULL for Agents and Flows */
    const bedrock_scope *scope;
    const fl_bedrock_options *options;
    fl_arena *arena;
    fl_buf *redacted; /* scratch */
    bedrock_marks marks;
} bedrock_view;

/* Whether the segment stands for the whole run. */
bool bedrock_is_root(const bedrock_view *view);

/* The n-th of the annotations of our own, in the order of the list; false if the segment has none
 * of it, or it is not wanted. */
bool bedrock_fact_get(const bedrock_view *view, size_t index, fl_annotation *to);
extern const size_t bedrock_fact_count;

/* The segment's annotations in the order of the list, at most options->max_annotations, in
 * view->arena. */
FL_MUST fl_status bedrock_annotate(bedrock_view *view, fl_annotation **out, uint32_t *count,
                                   fl_err *err);
/* The key of the annotation that tells that something was left out; it is never left out itself. */
extern const fl_str bedrock_size_limited_key;

#define BEDROCK_STRING_CHARS_MAX ((size_t)1000) /* of an annotation */

/* At most `most` characters of text: longer ones lose their end for an ellipsis, in arena. The
 * absent string where memory is short. */
fl_str bedrock_clip(fl_arena *arena, fl_str text, size_t most);

/* What the assessments found, joined with commas (spec §3.12); appended. */
void bedrock_findings(yyjson_val *guardrail, fl_buf *out);

/* Milliseconds that the step took: as told, else as measured; false if it had no answer or nothing
 * was measured. */
bool bedrock_latency_ms(const bedrock_step *step, int64_t *ms);

/* ---- Model log */

typedef struct bedrock_log_entry {
    fl_str request_id, model, inference_region; /* absent if unknown */
    int64_t prompt_tokens, completion_tokens;   /* BEDROCK_INT_NONE */
} bedrock_log_entry;
/* NULL if there is none of that id, or no log. */
const bedrock_log_entry *bedrock_log_find(const fl_bedrock_model_log *log, fl_str request_id);

#endif
