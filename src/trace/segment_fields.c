#include "trace/segment_fields_int.h"

/* ---- The rows of each block and its two indices. */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a mask's low bits are the first bytes");

#define FIELD_X(block, name, first, last, type, member, number, ...)                               \
    {.key = #name,                                                                                 \
     .key_mask =                                                                                   \
         sizeof(#name) > 8 ? UINT64_MAX : UINT64_MAX >> (64 - 8 * (sizeof(#name) - 1)) % 64,       \
     .tail = (sizeof(#name) > 9) * (sizeof(#name) - 9),                                            \
     .quoted = "\"" #name "\":",                                                                   \
     .key_len = sizeof(#name) - 1,                                                                 \
     .kind = FL_KIND_##type,                                                                       \
     .tag = (number),                                                                              \
     .offset = offsetof(struct_of_##block, member),                                                \
     __VA_ARGS__},
#define FIELD_Y(block, name, type, member, number, ...)                                            \
    {.quoted = "",                                                                                 \
     .kind = FL_KIND_##type,                                                                       \
     .tag = (number),                                                                              \
     .offset = offsetof(struct_of_##block, member),                                                \
     __VA_ARGS__},
#define INDEX_X(block, name, first, last, type, member, number, ...) INDEX_##block##_##name,
#define INDEX_Y(block, name, type, member, number, ...)              INDEX_##block##_##name,
#define SLOT_X(block, name, first, last, type, member, number, ...)                                \
    [FL_KEY_SLOT(sizeof(#name) - 1, (first), (last))] = INDEX_##block##_##name + 1,
#define SLOT_Y(block, name, type, member, number, ...)
/* Not packed: all in element 0, which no tag is looked up in. */
#define TAG_X(block, name, first, last, type, member, number, ...)                                 \
    [number] = (number) != 0 ? INDEX_##block##_##name + 1 : 0,
#define TAG_Y(block, name, type, member, number, ...) [number] = INDEX_##block##_##name + 1,

#define TABLES(block, rows, type)                                                                  \
    typedef type struct_of_##block;                                                                \
    enum { rows(INDEX_X, INDEX_Y) COUNT_OF_##block };                                              \
    _Static_assert(COUNT_OF_##block <= FL_FIELDS_MAX, "a set of rows fits in 32 bits");            \
    static const fl_field fields_of_##block[] = {rows(FIELD_X, FIELD_Y)};                          \
    static const uint8_t slots_of_##block[FL_KEY_SLOTS] = {rows(SLOT_X, SLOT_Y)};                  \
    static const uint8_t tags_of_##block[] = {rows(TAG_X, TAG_Y)};

FL_BLOCKS(TABLES)

/* ---- Presence: what is not the zero of a struct, nor the value that segment.h names. Each block
 * gets a function of its own, for this is asked of every member that might be there. */

#define HAS_STRING(s, member, key)         ((s)->member.p != NULL)
#define HAS_OBJECT(s, member, key)         ((s)->member.p != NULL)
#define HAS_ARRAY(s, member, key)          ((s)->member.p != NULL)
#define HAS_REST(s, member, key)           ((s)->member.p != NULL)
#define HAS_BOOL(s, member, key)           ((s)->member != FL_ABSENT)
#define HAS_PROGRESS(s, member, key)       ((s)->member != FL_ABSENT)
#define HAS_INTEGER(s, member, key)        ((s)->member != FL_INT_NONE)
#define HAS_INTEGER_TEXT(s, member, key)   ((s)->member != FL_INT_NONE)
#define HAS_START(s, member, key)          ((s)->member != FL_TIME_NONE)
#define HAS_END(s, member, key)            ((s)->member != FL_TIME_NONE)
#define HAS_ID(s, member, key)             ((s)->member != 0)
#define HAS_OWNER_ID(s, member, key)       ((s)->member != 0)
#define HAS_TRACE_ID(s, member, key)       (!fl_trace_id_is_none((s)->member))
#define HAS_OWNER_TRACE_ID(s, member, key) (!fl_trace_id_is_none((s)->member))
#define HAS_TYPE(s, member, key)           ((s)->member)
#define HAS_FLAG(s, member, key)           ((s)->member)
#define HAS_BLOCK(s, member, key)          ((s)->member != NULL)
#define HAS_CAUSE(s, member, key)          ((s)->member != NULL)
#define HAS_INLINE(s, member, key)         has_##key(s)
#define HAS_ANNOTATIONS(s, member, key)    ((s)->annotation_count != 0 || (s)->has_annotations)
#define HAS_EXCEPTIONS(s, member, key)     ((s)->exception_count != 0 || (s)->has_exceptions)
#define HAS_LINKS(s, member, key)          ((s)->link_count != 0)
#define HAS_SUBSEGMENTS(s, member, key)    ((s)->subsegment_count != 0)
#define HAS_IGNORED(s, member, key)        false

#define PRESENT_X(block, name, first, last, type, member, number, ...)                             \
    | (uint32_t)HAS_##type(s, member, name) << INDEX_##block##_##name
#define PRESENT_Y(block, name, type, member, number, ...)                                          \
    | (uint32_t)HAS_##type(s, member, name) << INDEX_##block##_##name

#define PRESENT(block, rows, type)                                                                 \
    static uint32_t present_in_##block(const void *base)                                           \
    {                                                                                              \
        const type *s = base;                                                                      \
        return 0 rows(PRESENT_X, PRESENT_Y);                                                       \
    }

PRESENT(HTTP_REQUEST, FL_HTTP_REQUEST_FIELDS, fl_http)
PRESENT(HTTP_RESPONSE, FL_HTTP_RESPONSE_FIELDS, fl_http)
PRESENT(EC2, FL_EC2_FIELDS, fl_aws)
PRESENT(ECS, FL_ECS_FIELDS, fl_aws)

/* An object within the struct of another. */
static bool has_request(const fl_http *http)
{
    return http->has_request || present_in_HTTP_REQUEST(http) != 0;
}
static bool has_response(const fl_http *http)
{
    return http->has_response || present_in_HTTP_RESPONSE(http) != 0;
}
static bool has_ec2(const fl_aws *aws)
{
    return present_in_EC2(aws) != 0;
}
static bool has_ecs(const fl_aws *aws)
{
    return present_in_ECS(aws) != 0;
}

PRESENT(SEGMENT, FL_SEGMENT_FIELDS, fl_segment)
PRESENT(HTTP, FL_HTTP_FIELDS, fl_http)
PRESENT(AWS, FL_AWS_FIELDS, fl_aws)
PRESENT(SERVICE, FL_SERVICE_FIELDS, fl_service)
PRESENT(CAUSE, FL_CAUSE_FIELDS, fl_cause)
PRESENT(EXCEPTION, FL_EXCEPTION_FIELDS, fl_exception)
PRESENT(LINK, FL_LINK_FIELDS, fl_link)

/* ---- Blocks */

static const fl_segment blank_segment = {.start_ns = FL_TIME_NONE, .end_ns = FL_TIME_NONE};
static const fl_http blank_http = {.status = FL_INT_NONE, .content_length = FL_INT_NONE};
static const fl_aws blank_aws;
static const fl_service blank_service;
static const fl_cause blank_cause;
static const fl_exception blank_exception;
static const fl_link blank_link;

#define BLOCK(id, type, rest_member, ...)                                                          \
    [FL_BLOCK_##id] = {.fields = fields_of_##id,                                                   \
                       .by_slot = slots_of_##id,                                                   \
                       .by_tag = tags_of_##id,                                                     \
                       .field_count = COUNT_OF_##id,                                               \
                       .tag_max = sizeof tags_of_##id - 1,                                         \
                       .size = sizeof(fl_##type),                                                  \
                       .rest = offsetof(fl_##type, rest_member),                                   \
                       .blank = &blank_##type,                                                     \
                       .present = present_in_##id,                                                 \
                       __VA_ARGS__}

const fl_block fl_blocks[FL_BLOCK_COUNT] = {
    BLOCK(SEGMENT, segment, rest,
          .owner_rows = FL_ROW_BIT(parent_id) | FL_ROW_BIT(trace_id) | FL_ROW_BIT(type)),
    BLOCK(HTTP, http, rest),
    BLOCK(HTTP_REQUEST, http, request_rest),
    BLOCK(HTTP_RESPONSE, http, response_rest),
    BLOCK(AWS, aws, rest, .keeps_misfits = true),
    BLOCK(EC2, aws, ec2_rest, .keeps_misfits = true, .keeps_empty = true),
    BLOCK(ECS, aws, ecs_rest, .keeps_misfits = true, .keeps_empty = true),
    BLOCK(SERVICE, service, rest),
    BLOCK(CAUSE, cause, rest),
    BLOCK(EXCEPTION, exception, rest),
    BLOCK(LINK, link, rest),
};

void *fl_block_new(fl_arena *arena, const fl_block *block)
{
    void *base = fl_arena_alloc(arena, block->size);
    return base != NULL ? memcpy(base, block->blank, block->size) : NULL;
}
