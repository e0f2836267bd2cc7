#include "codec/codec.h"
#include "trace/assemble_int.h"

/* A constant fl_str. */
#define TEXT(literal)                                                                              \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }

/* ---- Services under their spellings: `dynamodb`, `DynamoDb`, `AmazonDynamoDBv2`, `Amazon S3` … */

enum service {
    SERVICE_OTHER,
    SERVICE_DYNAMODB,
    SERVICE_SQS,
    SERVICE_SNS,
    SERVICE_S3,
    SERVICE_LAMBDA,
    SERVICE_BEDROCK_RUNTIME,
    SERVICE_STS,
    SERVICE_SSM,
};

/* In lower case, without a leading `amazon` or `aws`, blanks and a trailing `v2`. */
static const struct {
    fl_str folded;
    enum service service;
} spellings[] = {
    {TEXT("dynamodb"), SERVICE_DYNAMODB},
    {TEXT("sqs"), SERVICE_SQS},
    {TEXT("sns"), SERVICE_SNS},
    {TEXT("s3"), SERVICE_S3},
    {TEXT("lambda"), SERVICE_LAMBDA},
    {TEXT("bedrockruntime"), SERVICE_BEDROCK_RUNTIME},
    {TEXT("bedrock-runtime"), SERVICE_BEDROCK_RUNTIME}, /* Python: the endpoint's prefix */
    {TEXT("sts"), SERVICE_STS},
    {TEXT("ssm"), SERVICE_SSM},
};

#define FOLDED_MAX 32 /* bytes; no known service folds to as many */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static fl_str drop_prefix(fl_str text, fl_str prefix)
{
    return fl_str_starts(text, prefix) ? (fl_str){text.p + prefix.n, text.n - prefix.n} : text;
}

/* Folds a name into `to`; the absent string if it is too long for any known service. */
static fl_str fold(fl_str name, char to[FOLDED_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < name.n; i++) {
        if (is_blank(name.p[i])) {
            continue;
        }
        if (n == FOLDED_MAX) {
            return (fl_str){0};
        }
        char c = name.p[i];
        to[n++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    fl_str folded = {to, n};
    folded = drop_prefix(drop_prefix(folded, FL_S("amazon")), FL_S("aws"));
    if (folded.n > 2 && memcmp(folded.p + folded.n - 2, "v2", 2) == 0) {
        folded.n -= 2;
    }
    return folded;
}

static enum service service_of(fl_str name)
{
    char bytes[FOLDED_MAX];
    fl_str folded = fold(name, bytes);
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        if (fl_str_eq(folded, spellings[i].folded)) {
            return spellings[i].service;
        }
    }
    return SERVICE_OTHER;
}

/* ---- The table of trace-model.md §4: the first row whose service and resource fit */

enum resource {
    NO_RESOURCE,
    ONE_TABLE, /* table_name, or the only entry of table_names or resource_names */
    QUEUE_URL,
    BUCKET_NAME,
    FUNCTION_NAME,
    MODEL_ID,
};

enum naming {
    NAME_OF_CALL, /* as the caller spells it */
    NAME_OF_RESOURCE,
    NAME_OF_SERVICE, /* as the table spells it */
};

static const struct call_rule {
    enum service service;
    enum resource resource;
    fl_str origin;
    enum naming naming;
    fl_str name;
} call_rules[] = {
    {SERVICE_DYNAMODB, ONE_TABLE, TEXT("AWS::DynamoDB::Table"), NAME_OF_RESOURCE, {0}},
    {SERVICE_DYNAMODB, NO_RESOURCE, TEXT("AWS::DynamoDB"), NAME_OF_CALL, {0}},
    {SERVICE_SQS, QUEUE_URL, TEXT("AWS::SQS::Queue"), NAME_OF_RESOURCE, {0}},
    {SERVICE_SQS, NO_RESOURCE, TEXT("AWS::SQS"), NAME_OF_CALL, {0}},
    {SERVICE_SNS, NO_RESOURCE, TEXT("AWS::SNS"), NAME_OF_SERVICE, TEXT("SNS")},
    {SERVICE_S3, BUCKET_NAME, TEXT("AWS::S3::Bucket"), NAME_OF_RESOURCE, {0}},
    {SERVICE_S3, NO_RESOURCE, TEXT("AWS::S3"), NAME_OF_SERVICE, TEXT("S3")},
    {SERVICE_LAMBDA, FUNCTION_NAME, TEXT("AWS::Lambda"), NAME_OF_RESOURCE, {0}},
    {SERVICE_LAMBDA, NO_RESOURCE, TEXT("AWS::Lambda"), NAME_OF_CALL, {0}},
    {SERVICE_BEDROCK_RUNTIME, MODEL_ID, TEXT("AWS::Bedrock::Model"), NAME_OF_RESOURCE, {0}},
    {SERVICE_BEDROCK_RUNTIME, NO_RESOURCE, TEXT("AWS::BedrockRuntime"), NAME_OF_CALL, {0}},
    {SERVICE_STS, NO_RESOURCE, TEXT("AWS::STS"), NAME_OF_CALL, {0}},
    {SERVICE_SSM, NO_RESOURCE, TEXT("AWS::SSM"), NAME_OF_CALL, {0}},
};

/* The only entry of a JSON array of names; absent if there are several, none, or it is no text. */
static fl_status only_entry(fl_arena *arena, fl_str array, fl_str *out, fl_err *err)
{
    yyjson_val *list;
    fl_status status = fl_json_read(arena, array, FL_JSON_REPAIR_UTF8, &list, NULL, err);
    if (status == FL_E_NOMEM) {
        return status;
    }
    *out = status == FL_OK && yyjson_arr_size(list) == 1 ? fl_json_str(yyjson_arr_get_first(list))
                                                         : (fl_str){0};
    return FL_OK;
}

/* The first of the three members that is there decides: two tables beside one resource name are
 * two. */
static fl_status one_table(fl_arena *arena, const fl_aws *aws, fl_str *out, fl_err *err)
{
    if (aws->table_name.n > 0) {
        *out = aws->table_name;
        return FL_OK;
    }
    fl_str names = aws->table_names.n > 0 ? aws->table_names : aws->resource_names;
    if (names.n > 0) {
        return only_entry(arena, names, out, err);
    }
    *out = (fl_str){0};
    return FL_OK;
}

static fl_status resource_of(fl_arena *arena, const fl_aws *aws, enum resource resource,
                             fl_str *out, fl_err *err)
{
    *out = (fl_str){0};
    if (aws == NULL) {
        return FL_OK;
    }
    switch (resource) {
    case ONE_TABLE:
        return one_table(arena, aws, out, err);
    case QUEUE_URL:
        *out = aws->queue_url;
        break;
    case BUCKET_NAME:
        *out = aws->bucket_name;
        break;
    case FUNCTION_NAME:
        *out = aws->function_name;
        break;
    case MODEL_ID:
        *out = aws->model_id;
        break;
    case NO_RESOURCE:
        break;
    }
    return FL_OK;
}

/* Calls to services that the table does not name: `AWS::` + a single word, as the caller spells it.
 */
static fl_status other_service(fl_arena *arena, fl_str name, fl_str *origin, fl_err *err)
{
    static const fl_str prefix = TEXT("AWS::");
    for (size_t i = 0; i < name.n; i++) {
        if (is_blank(name.p[i])) {
            *origin = FL_S("AWS::Unknown");
            return FL_OK;
        }
    }
    char *text = fl_arena_alloc(arena, prefix.n + name.n);
    if (text == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a node's type");
    }
    memcpy(text, prefix.p, prefix.n);
    memcpy(text + prefix.n, name.p, name.n);
    *origin = (fl_str){text, prefix.n + name.n};
    return FL_OK;
}

static fl_str name_by_rule(const struct call_rule *rule, const fl_segment *call, fl_str resource)
{
    switch (rule->naming) {
    case NAME_OF_RESOURCE:
        return resource;
    case NAME_OF_SERVICE:
        return rule->name;
    case NAME_OF_CALL:
        break;
    }
    return call->name;
}

static fl_status aws_node(fl_arena *arena, const fl_segment *call, fl_node *node, fl_err *err)
{
    enum service service = service_of(call->name);
    for (size_t i = 0; i < sizeof call_rules / sizeof *call_rules; i++) {
        const struct call_rule *rule = &call_rules[i];
        fl_str resource = {0};
        if (rule->service != service) {
            continue;
        }
        FL_TRY(resource_of(arena, call->aws, rule->resource, &resource, err));
        if (rule->resource == NO_RESOURCE || resource.n > 0) {
            node->name = name_by_rule(rule, call, resource);
            node->type = rule->origin;
            return FL_OK;
        }
    }
    node->name = call->name;
    return other_service(arena, call->name, &node->type, err);
}

fl_status fl_node_of_call(fl_arena *arena, const fl_segment *call, fl_node *node, fl_str *origin,
                          fl_err *err)
{
    fl_node made = {.name = call->name};
    fl_str made_origin = {0};
    if (call->aws != NULL && call->aws->account_id.n > 0) {
        made.account_id = call->aws->account_id;
    }
    if (fl_str_eq(call->name_space, FL_S("aws"))) {
        FL_TRY(aws_node(arena, call, &made, err));
        made_origin = made.type;
    } else if (call->sql.p != NULL) {
        made.type = made_origin = FL_S("Database::SQL");
    } else {
        made.type = FL_S("remote");
    }
    *node = made;
    *origin = made_origin;
    return FL_OK;
}

bool fl_node_eq(const fl_node *a, const fl_node *b)
{
    return fl_str_eq(a->name, b->name) && fl_str_eq(a->type, b->type) &&
           fl_str_eq(a->account_id, b->account_id);
}

/* ---- Sends to queues and topics */

static const struct {
    enum service service;
    fl_str operation, origin;
} sends[] = {
    {SERVICE_SQS, TEXT("SendMessage"), TEXT("AWS::SQS")},
    {SERVICE_SQS, TEXT("SendMessageBatch"), TEXT("AWS::SQS")},
    {SERVICE_SNS, TEXT("Publish"), TEXT("AWS::SNS")},
    {SERVICE_SNS, TEXT("PublishBatch"), TEXT("AWS::SNS")},
};

fl_str fl_call_queue_origin(const fl_segment *call)
{
    if (!fl_str_eq(call->name_space, FL_S("aws"))) {
        return (fl_str){0};
    }
    enum service service = service_of(call->name);
    fl_str operation = call->aws != NULL ? call->aws->operation : (fl_str){0};
    for (size_t i = 0; i < sizeof sends / sizeof *sends; i++) {
        /* A call without an operation that somebody continued did send something. */
        if (sends[i].service == service &&
            (operation.n == 0 || fl_str_eq_nocase(operation, sends[i].operation))) {
            return sends[i].origin;
        }
    }
    return (fl_str){0};
}
