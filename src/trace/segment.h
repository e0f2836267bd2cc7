/*
 * A segment or subsegment document: decoded in one pass into one in-memory form, validated, written
 * back as JSON and as the packed form of the log (docs/format/segment.md).
 *
 * Typed members are what a summary, a filter or a graph needs. All else is kept as JSON text in
 * `rest` (and in members of kind JSON), with numbers as sent, and comes back equal in meaning.
 * Decoding, emitting, packing and unpacking are driven by one table of fields
 * (segment_fields_int.h).
 */
#ifndef FL_TRACE_SEGMENT_H
#define FL_TRACE_SEGMENT_H

#include "trace/id.h"

#define FL_TIME_NONE         INT64_MIN /* an absent time */
#define FL_INT_NONE          INT64_MIN /* an absent integer */
#define FL_SEGMENT_DEPTH_MAX 500       /* nesting of subsegments; beyond it SegmentTooLarge */

typedef enum fl_bool3 {
    FL_ABSENT = 0,
    FL_FALSE,
    FL_TRUE
} fl_bool3; /* explicit false is kept apart from absent */

typedef struct fl_annotation {
    fl_str key;
    enum { FL_ANNOTATION_STRING, FL_ANNOTATION_NUMBER, FL_ANNOTATION_BOOL } kind;
    fl_str text; /* string value, or the number as sent */
    bool boolean;
} fl_annotation;

typedef struct fl_link {
    fl_trace_id trace_id;
    uint64_t id;       /* 0 if absent */
    fl_str attributes; /* JSON */
    fl_str rest;       /* JSON object of unknown members */
} fl_link;

typedef struct fl_http {
    bool has_request, has_response; /* the sub-object was there, even empty */
    fl_str method, url, user_agent, client_ip;
    fl_bool3 x_forwarded_for, traced;
    int64_t status,
        content_length; /* FL_INT_NONE if absent; content_length -1 = unknown, as sent */
    fl_str rest, request_rest, response_rest; /* JSON objects */
} fl_http;

typedef struct fl_aws {
    fl_str account_id, region, operation, request_id;
    fl_str table_name, queue_url, topic_arn, function_name, bucket_name, model_id;
    fl_str table_names, resource_names; /* JSON arrays, as sent */
    fl_str ec2_instance_id, ec2_availability_zone, ecs_availability_zone;
    fl_str ec2_rest,
        ecs_rest; /* JSON objects; absent when the block was absent, {} when it was empty */
    fl_str rest;  /* JSON object: every other member, and known ones of an unexpected type */
} fl_aws;

typedef struct fl_exception {
    uint64_t id; /* 0 if absent or unreadable */
    fl_str type, message;
    fl_bool3 remote;
    fl_str rest; /* JSON object: stack, truncated, skipped, cause, … */
} fl_exception;

typedef struct fl_cause {
    uint64_t id;  /* `cause: "16hex"`, or the `id` of an object: recorded elsewhere in the trace */
    bool id_only; /* was sent as a bare string */
    fl_str message; /* Java, Node */
    fl_exception *exceptions;
    uint32_t exception_count;
    bool has_exceptions; /* the array was there, even empty */
    fl_str rest;         /* JSON object: working_directory, paths, … */
} fl_cause;

typedef struct fl_service {
    fl_str version;
    fl_str rest; /* JSON object: runtime, … */
} fl_service;

typedef struct fl_segment fl_segment;
struct fl_segment {
    fl_trace_id trace_id;
    uint64_t id, parent_id; /* parent 0 = none. An embedded subsegment: trace_id and parent_id are
                               set from its owner */
    fl_str name;
    int64_t start_ns, end_ns; /* end FL_TIME_NONE while in progress */
    bool is_subsegment;       /* independent or embedded subsegment */
    fl_bool3 in_progress;     /* as sent; completeness is end_ns alone */
    fl_bool3 error, throttle, fault;
    fl_bool3 traced;   /* at top level of the (sub)segment; http->traced is the other place */
    fl_str name_space; /* member `namespace` */
    fl_str user, origin, resource_arn;
    fl_http *http; /* NULL = absent; so are the next ones */
    fl_aws *aws;
    fl_service *service;
    fl_cause *cause;
    fl_str sql, metadata, precursor_ids; /* JSON: object, object, array */
    fl_annotation *annotations;
    uint32_t annotation_count;
    bool has_annotations; /* the object was there, even empty */
    fl_link *links;
    uint32_t link_count;
    fl_segment *subsegments;
    uint32_t subsegment_count;
    fl_str rest; /* JSON object of unknown members */
};

static inline bool fl_segment_is_complete(const fl_segment *segment)
{
    return segment->end_ns != FL_TIME_NONE;
}

/* Server rule on flags (trace-model.md §2): explicit ones win; with none of the three present they
 * come from http.response.status; throttle implies error. */
typedef struct fl_flags {
    bool error, throttle, fault;
} fl_flags;
fl_flags fl_segment_flags(const fl_segment *segment);

/* ---- Limits: two profiles (trace-model.md §14) */

typedef enum fl_profile { FL_PROFILE_OPEN, FL_PROFILE_AWS } fl_profile;

typedef struct fl_limits {
    fl_profile profile;
    size_t document_bytes;        /* 1 MiB | 64 KiB */
    size_t documents_per_put;     /* 10,000 | 50 */
    size_t ids_per_get;           /* 100 | 5 */
    size_t name_chars_segment;    /* 1,000 | 200 */
    size_t name_chars_subsegment; /* 1,000 | 250 */
    size_t annotation_key_chars;  /* 500 in both: a longer key is dropped and counted */
    size_t annotations_per_trace; /* 0 = all | 50, in the summary */
    size_t links_per_segment;     /* 0 = all | 20 */
    size_t trace_bytes;           /* 0 = none | 500 KiB of compact JSON */
    int64_t modification_ns;      /* 0 = none | 7 days */
    int64_t past_ns;              /* oldest start_time before now; 0 = any | the retention */
    int64_t future_ns;            /* 24 h | 5 min */
} fl_limits;
fl_limits fl_limits_of(fl_profile profile, int64_t retention_ns);

/* ---- Rejections (api.md UnprocessedTraceSegment). One row each: enum, ErrorCode on the wire. */

#define FL_REJECT_TABLE(X)                                                                         \
    X(FL_REJECT_PARSE_ERROR, "ParseError")                                                         \
    X(FL_REJECT_MISSING_ID, "MissingId")                                                           \
    X(FL_REJECT_MISSING_TRACE_ID, "MissingTraceId")                                                \
    X(FL_REJECT_MISSING_PARENT_ID, "MissingParentId")                                              \
    X(FL_REJECT_MISSING_NAME, "MissingName")                                                       \
    X(FL_REJECT_MISSING_START_TIME, "MissingStartTime")                                            \
    X(FL_REJECT_MISSING_END_TIME, "MissingEndTime")                                                \
    X(FL_REJECT_INVALID_ID, "InvalidId")                                                           \
    X(FL_REJECT_INVALID_TRACE_ID, "InvalidTraceId")                                                \
    X(FL_REJECT_INVALID_PARENT_ID, "InvalidParentId")                                              \
    X(FL_REJECT_INVALID_NAME, "InvalidName")                                                       \
    X(FL_REJECT_INVALID_START_TIME, "InvalidStartTime")                                            \
    X(FL_REJECT_INVALID_END_TIME, "InvalidEndTime")                                                \
    X(FL_REJECT_INVALID_SEGMENT, "InvalidSegment")                                                 \
    X(FL_REJECT_TOO_LARGE, "SegmentTooLarge")

typedef enum fl_reject_code {
#define FL_REJECT_ENUM(code, name) code,
    FL_REJECT_TABLE(FL_REJECT_ENUM)
#undef FL_REJECT_ENUM
        FL_REJECT_COUNT
} fl_reject_code;

#define FL_REJECT_DETAIL_MAX 200

typedef struct fl_reject {
    fl_reject_code code;
    bool in_subsegment; /* the flaw is in a subsegment, embedded or independent */
    fl_str id; /* of the top-level document as sent, in arena; absent if it could not be read */
    char detail[FL_REJECT_DETAIL_MAX]; /* for our log: place and remedy; never on the wire */
} fl_reject;

const char *fl_reject_name(fl_reject_code code);
/* The wire's Message: `Invalid segment. ErrorCode: X`, `Invalid subsegment. ErrorCode: X, Cause:
 * null`, or the trace-size text for FL_REJECT_INVALID_SEGMENT. */
void fl_reject_message(const fl_reject *reject, fl_buf *out);
/* At most 160 bytes of a document for a debug log line, whole characters; the log escapes control
 * characters. Borrows. */
fl_str fl_reject_excerpt(fl_str document);

/* ---- Decode */

/* What decoding left out or mended; each is counted on /metrics. */
typedef struct fl_decode_notes {
    uint32_t fields_dropped;      /* optional field of a wrong type */
    uint32_t annotations_dropped; /* array, object or null value; key empty or too long */
    uint32_t links_dropped;       /* malformed, or beyond links_per_segment */
    uint32_t texts_repaired;      /* invalid UTF-8 or lone surrogates (open profile) */
} fl_decode_notes;

typedef struct fl_decoded {
    fl_segment *segments; /* accepted ones, in arena */
    size_t segment_count;
    fl_reject *rejects; /* refused ones, in arena */
    size_t reject_count;
    fl_decode_notes notes;
} fl_decoded;

/*
 * Decodes one document text: one (sub)segment, or an array of them, each judged by itself
 * (segments.md §1, §12; trace-model.md §2). now_ns is the wall clock for limits on times. An array
 * of length 0 is refused as MissingId, like the real service. Everything in *out is in arena and
 * borrows nothing from text. Errors: FL_E_NOMEM only; a bad document is a reject, not an error.
 */
FL_MUST fl_status fl_segment_decode(fl_arena *arena, fl_str text, const fl_limits *limits,
                                    int64_t now_ns, fl_decoded *out, fl_err *err);

/* ---- Emit and pack */

/* The segment's JSON as a compiled document has it (member order of api.md §4.1), subsegments
 * nested as they stand in `subsegments`. Ids in lower case; times with up to 9 decimals. */
void fl_segment_emit(const fl_segment *segment, fl_buf *out);
/* Its members without the braces, without `subsegments`: for callers that nest children of their
 * own or add members (a comma is needed before the next one). */
void fl_segment_emit_members(const fl_segment *segment, fl_buf *out);

/* Packed form: compact, versioned by its first byte, stable for ever (docs/format/segment.md). */
void fl_segment_pack(const fl_segment *segment, fl_buf *out);
/* The segment in arena; its texts borrow from `packed`, which must live as long. FL_E_CORRUPT on
 * bytes that break the rules of that page, without reading past them. */
FL_MUST fl_status fl_segment_unpack(fl_arena *arena, fl_str packed, fl_segment **out, fl_err *err);

#endif
