/*
 * The table of fields of segment documents: one row a member. Decoding, emitting, packing and
 * unpacking walk it, so that a new member is one row here and a member of a struct in segment.h.
 *
 *   X(block, key, first character, last character, kind, struct member, tag, …)
 *   Y(block, name, kind, struct member, tag, …)   kept, but no JSON member by itself
 *
 * The rows stand in the order of emission. A tag names a member in the packed form
 * (docs/format/segment.md): it is never changed, nor used again within its block; 0 = not packed.
 * The two characters make the hash for looking up a key a constant; two keys of a block with one
 * hash are a compile error (an initialiser given twice). What follows the tag are further
 * initialisers of fl_field.
 */
#ifndef FL_TRACE_SEGMENT_FIELDS_INT_H
#define FL_TRACE_SEGMENT_FIELDS_INT_H

#include "codec/codec.h"
#include "trace/segment.h"

#define FL_SEGMENT_FIELDS(X, Y)                                                                    \
    X(SEGMENT, id, 'i', 'd', ID, id, 1)                                                            \
    X(SEGMENT, name, 'n', 'e', STRING, name, 2)                                                    \
    X(SEGMENT, start_time, 's', 'e', START, start_ns, 3)                                           \
    X(SEGMENT, end_time, 'e', 'e', END, end_ns, 4)                                                 \
    X(SEGMENT, parent_id, 'p', 'd', OWNER_ID, parent_id, 5)                                        \
    X(SEGMENT, inferred, 'i', 'd', IGNORED, id, 0) /* of compiled documents; the server decides */ \
    X(SEGMENT, http, 'h', 'p', BLOCK, http, 6, .child = FL_BLOCK_HTTP)                             \
    X(SEGMENT, aws, 'a', 's', BLOCK, aws, 7, .child = FL_BLOCK_AWS)                                \
    X(SEGMENT, service, 's', 'e', BLOCK, service, 8, .child = FL_BLOCK_SERVICE)                    \
    X(SEGMENT, trace_id, 't', 'd', OWNER_TRACE_ID, trace_id, 9)                                    \
    X(SEGMENT, user, 'u', 'r', STRING, user, 10)                                                   \
    X(SEGMENT, origin, 'o', 'n', STRING, origin, 11)                                               \
    X(SEGMENT, resource_arn, 'r', 'n', STRING, resource_arn, 12)                                   \
    X(SEGMENT, namespace, 'n', 'e', STRING, name_space, 13)                                        \
    X(SEGMENT, type, 't', 'e', TYPE, is_subsegment, 14)                                            \
    X(SEGMENT, in_progress, 'i', 's', PROGRESS, in_progress, 15)                                   \
    X(SEGMENT, error, 'e', 'r', BOOL, error, 16)                                                   \
    X(SEGMENT, throttle, 't', 'e', BOOL, throttle, 17)                                             \
    X(SEGMENT, fault, 'f', 't', BOOL, fault, 18)                                                   \
    X(SEGMENT, traced, 't', 'd', BOOL, traced, 19)                                                 \
    X(SEGMENT, cause, 'c', 'e', CAUSE, cause, 20, .child = FL_BLOCK_CAUSE)                         \
    X(SEGMENT, sql, 's', 'l', OBJECT, sql, 21)                                                     \
    X(SEGMENT, annotations, 'a', 's', ANNOTATIONS, annotations, 22,                                \
      .count = FL_COUNT(fl_segment, annotations, annotation_count),                                \
      .present = FL_PRESENT(fl_segment, has_annotations))                                          \
    X(SEGMENT, metadata, 'm', 'a', OBJECT, metadata, 23)                                           \
    X(SEGMENT, links, 'l', 's', LINKS, links, 24, .child = FL_BLOCK_LINK,                          \
      .count = FL_COUNT(fl_segment, links, link_count))                                            \
    X(SEGMENT, precursor_ids, 'p', 's', ARRAY, precursor_ids, 25)                                  \
    Y(SEGMENT, unknown, REST, rest, 26)                                                            \
    X(SEGMENT, subsegments, 's', 's', SUBSEGMENTS, subsegments, 27, .child = FL_BLOCK_SEGMENT,     \
      .count = FL_COUNT(fl_segment, subsegments, subsegment_count))

#define FL_HTTP_FIELDS(X, Y)                                                                       \
    X(HTTP, request, 'r', 't', INLINE, has_request, 1, .child = FL_BLOCK_HTTP_REQUEST,             \
      .present = FL_PRESENT(fl_http, has_request))                                                 \
    X(HTTP, response, 'r', 'e', INLINE, has_response, 2, .child = FL_BLOCK_HTTP_RESPONSE,          \
      .present = FL_PRESENT(fl_http, has_response))                                                \
    Y(HTTP, unknown, REST, rest, 3)

#define FL_HTTP_REQUEST_FIELDS(X, Y)                                                               \
    X(HTTP_REQUEST, method, 'm', 'd', STRING, method, 1)                                           \
    X(HTTP_REQUEST, url, 'u', 'l', STRING, url, 2)                                                 \
    X(HTTP_REQUEST, user_agent, 'u', 't', STRING, user_agent, 3)                                   \
    X(HTTP_REQUEST, client_ip, 'c', 'p', STRING, client_ip, 4)                                     \
    X(HTTP_REQUEST, x_forwarded_for, 'x', 'r', BOOL, x_forwarded_for, 5)                           \
    X(HTTP_REQUEST, traced, 't', 'd', BOOL, traced, 6)                                             \
    Y(HTTP_REQUEST, unknown, REST, request_rest, 7)

#define FL_HTTP_RESPONSE_FIELDS(X, Y)                                                              \
    X(HTTP_RESPONSE, status, 's', 's', INTEGER, status, 1)                                         \
    X(HTTP_RESPONSE, content_length, 'c', 'h', INTEGER_TEXT, content_length, 2)                    \
    Y(HTTP_RESPONSE, unknown, REST, response_rest, 3)

#define FL_AWS_FIELDS(X, Y)                                                                        \
    X(AWS, account_id, 'a', 'd', STRING, account_id, 1)                                            \
    X(AWS, region, 'r', 'n', STRING, region, 2)                                                    \
    X(AWS, operation, 'o', 'n', STRING, operation, 3)                                              \
    X(AWS, request_id, 'r', 'd', STRING, request_id, 4)                                            \
    X(AWS, table_name, 't', 'e', STRING, table_name, 5)                                            \
    X(AWS, queue_url, 'q', 'l', STRING, queue_url, 6)                                              \
    X(AWS, topic_arn, 't', 'n', STRING, topic_arn, 7)                                              \
    X(AWS, function_name, 'f', 'e', STRING, function_name, 8)                                      \
    X(AWS, bucket_name, 'b', 'e', STRING, bucket_name, 9)                                          \
    X(AWS, model_id, 'm', 'd', STRING, model_id, 10)                                               \
    X(AWS, table_names, 't', 's', ARRAY, table_names, 11)                                          \
    X(AWS, resource_names, 'r', 's', ARRAY, resource_names, 12)                                    \
    X(AWS, ec2, 'e', '2', INLINE, ec2_rest, 13, .child = FL_BLOCK_EC2)                             \
    X(AWS, ecs, 'e', 's', INLINE, ecs_rest, 14, .child = FL_BLOCK_ECS)                             \
    Y(AWS, unknown, REST, rest, 15)

#define FL_EC2_FIELDS(X, Y)                                                                        \
    X(EC2, instance_id, 'i', 'd', STRING, ec2_instance_id, 1)                                      \
    X(EC2, availability_zone, 'a', 'e', STRING, ec2_availability_zone, 2)                          \
    Y(EC2, unknown, REST, ec2_rest, 3)

#define FL_ECS_FIELDS(X, Y)                                                                        \
    X(ECS, availability_zone, 'a', 'e', STRING, ecs_availability_zone, 1)                          \
    Y(ECS, unknown, REST, ecs_rest, 2)

#define FL_SERVICE_FIELDS(X, Y)                                                                    \
    X(SERVICE, version, 'v', 'n', STRING, version, 1)                                              \
    Y(SERVICE, unknown, REST, rest, 2)

#define FL_CAUSE_FIELDS(X, Y)                                                                      \
    X(CAUSE, id, 'i', 'd', ID, id, 1)                                                              \
    Y(CAUSE, id_only, FLAG, id_only, 2)                                                            \
    X(CAUSE, message, 'm', 'e', STRING, message, 3)                                                \
    X(CAUSE, exceptions, 'e', 's', EXCEPTIONS, exceptions, 4, .child = FL_BLOCK_EXCEPTION,         \
      .count = FL_COUNT(fl_cause, exceptions, exception_count),                                    \
      .present = FL_PRESENT(fl_cause, has_exceptions))                                             \
    Y(CAUSE, unknown, REST, rest, 5)

#define FL_EXCEPTION_FIELDS(X, Y)                                                                  \
    X(EXCEPTION, id, 'i', 'd', ID, id, 1)                                                          \
    X(EXCEPTION, type, 't', 'e', STRING, type, 2)                                                  \
    X(EXCEPTION, message, 'm', 'e', STRING, message, 3)                                            \
    X(EXCEPTION, remote, 'r', 'e', BOOL, remote, 4)                                                \
    Y(EXCEPTION, unknown, REST, rest, 5)

#define FL_LINK_FIELDS(X, Y)                                                                       \
    X(LINK, trace_id, 't', 'd', TRACE_ID, trace_id, 1)                                             \
    X(LINK, id, 'i', 'd', ID, id, 2)                                                               \
    X(LINK, attributes, 'a', 's', OBJECT, attributes, 3)                                           \
    Y(LINK, unknown, REST, rest, 4)

/* Every block of the format: name, its fields, the struct that they lie in. */
#define FL_BLOCKS(Z)                                                                               \
    Z(SEGMENT, FL_SEGMENT_FIELDS, fl_segment)                                                      \
    Z(HTTP, FL_HTTP_FIELDS, fl_http)                                                               \
    Z(HTTP_REQUEST, FL_HTTP_REQUEST_FIELDS, fl_http)                                               \
    Z(HTTP_RESPONSE, FL_HTTP_RESPONSE_FIELDS, fl_http)                                             \
    Z(AWS, FL_AWS_FIELDS, fl_aws)                                                                  \
    Z(EC2, FL_EC2_FIELDS, fl_aws)                                                                  \
    Z(ECS, FL_ECS_FIELDS, fl_aws)                                                                  \
    Z(SERVICE, FL_SERVICE_FIELDS, fl_service)                                                      \
    Z(CAUSE, FL_CAUSE_FIELDS, fl_cause)                                                            \
    Z(EXCEPTION, FL_EXCEPTION_FIELDS, fl_exception)                                                \
    Z(LINK, FL_LINK_FIELDS, fl_link)

typedef enum fl_block_id {
#define FL_BLOCK_ENUM(block, fields, type) FL_BLOCK_##block,
    FL_BLOCKS(FL_BLOCK_ENUM)
#undef FL_BLOCK_ENUM
        FL_BLOCK_COUNT
} fl_block_id;

/* What a member may be in JSON and how its value lies in the struct. */
typedef enum fl_field_kind {
    FL_KIND_STRING,         /* string → fl_str */
    FL_KIND_OBJECT,         /* object → fl_str, its JSON text */
    FL_KIND_ARRAY,          /* array → fl_str, its JSON text */
    FL_KIND_REST,           /* all other members → fl_str, a JSON object; the last kind of text */
    FL_KIND_BOOL,           /* → fl_bool3 */
    FL_KIND_PROGRESS,       /* in_progress: as BOOL, but emitted as completeness asks */
    FL_KIND_INTEGER,        /* number, "" = absent → int64_t */
    FL_KIND_INTEGER_TEXT,   /* the same; a decimal string is taken too */
    FL_KIND_START,          /* seconds → int64_t; packed relative to the owner's start */
    FL_KIND_END,            /* seconds → int64_t; packed relative to the own start */
    FL_KIND_ID,             /* 16 hex → uint64_t */
    FL_KIND_OWNER_ID,       /* the same; an embedded subsegment has it from its owner */
    FL_KIND_TRACE_ID,       /* → fl_trace_id */
    FL_KIND_OWNER_TRACE_ID, /* the same; an embedded subsegment has it from its owner */
    FL_KIND_TYPE,           /* "subsegment" → bool */
    FL_KIND_FLAG,           /* bool, no JSON member */
    FL_KIND_BLOCK,          /* object → pointer to the struct of .child */
    FL_KIND_CAUSE,          /* as BLOCK, or the id of an exception as string */
    FL_KIND_INLINE,         /* object whose members lie in the same struct */
    FL_KIND_ANNOTATIONS,    /* object → array of fl_annotation */
    FL_KIND_EXCEPTIONS,     /* array → array of fl_exception */
    FL_KIND_LINKS,          /* array → array of fl_link */
    FL_KIND_SUBSEGMENTS,    /* array → array of fl_segment */
    FL_KIND_IGNORED,
    FL_KIND_COUNT
} fl_field_kind;

static inline bool fl_kind_is_text(uint8_t kind)
{
    return kind <= FL_KIND_REST;
}

#define FL_KEY_MAX 23

typedef struct fl_field {
    char key[FL_KEY_MAX + 1]; /* filled up with zeros */
    uint64_t key_mask;        /* those of 8 bytes that a key has, if it has less */
    const char *quoted;       /* `"key":`, ready for emission */
    uint16_t offset;          /* of the value in the struct */
    uint16_t count;   /* FL_COUNT: from there to the uint32_t beside an array; 0 = no array */
    uint16_t present; /* FL_PRESENT of the bool that says "was there, even empty"; 0 = none */
    uint8_t key_len;
    uint8_t tail; /* where the last 8 bytes of the key begin; 0 if it has less */
    uint8_t kind; /* fl_field_kind */
    uint8_t tag;
    uint8_t child; /* fl_block_id of what it holds */
} fl_field;

#define FL_PRESENT(type, member)      (offsetof(type, member) + 1)
#define FL_COUNT(type, array, member) (offsetof(type, member) - offsetof(type, array))

typedef struct fl_block {
    const fl_field *fields;
    const uint8_t *by_slot; /* key hash → index of the row + 1, 0 = none */
    const uint8_t *by_tag;  /* tag → the same */
    uint8_t field_count, tag_max;
    uint16_t size;       /* of the struct */
    uint16_t rest;       /* offset of the fl_str of unknown members */
    uint32_t owner_rows; /* rows, as bits, that an embedded subsegment has from its owner */
    bool keeps_misfits;  /* a known member of another type goes to the rest instead of away */
    bool keeps_empty;    /* the rest is {} when nothing else says that the block was there */
    const void *blank;   /* the struct with every member absent */
    uint32_t (*present)(const void *base); /* the rows of a struct that hold something, as bits */
} fl_block;

extern const fl_block fl_blocks[FL_BLOCK_COUNT];

/* Rows of the segment block by name, for the checks that need single members. */
enum {
#define FL_ROW_X(block, key, first, last, kind, member, tag, ...) FL_ROW_##key,
#define FL_ROW_Y(block, name, kind, member, tag, ...)             FL_ROW_##name,
    FL_SEGMENT_FIELDS(FL_ROW_X, FL_ROW_Y)
#undef FL_ROW_X
#undef FL_ROW_Y
        FL_ROW_COUNT
};

#define FL_ROW_BIT(name) (UINT32_C(1) << FL_ROW_##name)

#define FL_FIELDS_MAX 32 /* rows of a block at most */
_Static_assert(FL_ROW_COUNT <= FL_FIELDS_MAX, "a set of rows fits in 32 bits");

/* Times lie within this distance of the epoch (146 years), so that the difference of any two fits
 * in int64_t. */
#define FL_TIME_LIMIT_NS (INT64_MAX / 2)

/* Hash of a key: length, first and last character; perfect within each block. */
#define FL_KEY_SLOTS                64
#define FL_KEY_SLOT(n, first, last) (((n)*10u + (first)*18u + (last)) % FL_KEY_SLOTS)

/* Equality of keys, as a rule without a call or a loop, as this is done for every member of every
 * document. Reads 8 bytes at a key of any length above 0: yyjson keeps a key in its copy of the
 * text, where at least `":0}` and 4 bytes of padding (YYJSON_PADDING_SIZE) follow. */
static inline bool fl_key_is(const fl_field *field, fl_str key)
{
    uint64_t own_head, own_tail, head, tail;
    if (field->key_len != key.n) {
        return false;
    }
    if (key.n > 16) {
        return memcmp(field->key, key.p, key.n) == 0;
    }
    memcpy(&own_head, field->key, 8);
    memcpy(&own_tail, field->key + field->tail, 8);
    memcpy(&head, key.p, 8);
    memcpy(&tail, key.p + field->tail, 8);
    return (((own_head ^ head) | (own_tail ^ tail)) & field->key_mask) == 0;
}

/* Index of a key's row, -1 if the block does not know it. The key comes from fl_json_read. */
static inline int fl_block_find(const fl_block *block, fl_str key)
{
    if (key.n == 0) {
        return -1;
    }
    unsigned first = (unsigned char)key.p[0];
    unsigned last = (unsigned char)key.p[key.n - 1];
    int row = block->by_slot[FL_KEY_SLOT((unsigned)key.n, first, last)] - 1;
    return row >= 0 && fl_key_is(&block->fields[row], key) ? row : -1;
}

static inline void *fl_field_at(const fl_field *field, void *base)
{
    return (char *)base + field->offset;
}
static inline const void *fl_field_in(const fl_field *field, const void *base)
{
    return (const char *)base + field->offset;
}
static inline uint32_t fl_field_items(const fl_field *field, const void *base)
{
    return *(const uint32_t *)(const void *)((const char *)base + field->offset + field->count);
}

/* Writes array and count of a list field, and that it was there. */
static inline void fl_field_set_items(const fl_field *field, void *base, void *items,
                                      uint32_t count)
{
    memcpy(fl_field_at(field, base), &items, sizeof items);
    memcpy((char *)base + field->offset + field->count, &count, sizeof count);
    if (field->present != 0) {
        ((char *)base)[field->present - 1] = true;
    }
}

/* A struct of the block with every member absent; NULL without memory. */
FL_MUST void *fl_block_new(fl_arena *arena, const fl_block *block);

#endif
