#include "unit/trace/trace_records.h"

/* What a call of this JSON leads to; members beyond name, namespace and id may be left out. */
static void check(records *r, const char *call, const char *name, const char *type,
                  const char *origin)
{
    static const char head[] = "{'trace_id':'" RECORDS_TRACE_ID "','id':'000000000000000b',"
                               "'parent_id':'000000000000000a','type':'subsegment',"
                               "'start_time':1738650304,'end_time':1738650305,";
    char *text = malloc(sizeof head + strlen(call));
    assert_non_null(text);
    memcpy(text, head, sizeof head - 1);
    memcpy(text + sizeof head - 1, call, strlen(call) + 1);
    records_add(r, text);
    free(text);
    fl_node node;
    fl_str found;
    fl_err err = {0};
    assert_ok(fl_node_of_call(&r->arena, r->list[r->count - 1].segment, &node, &found, &err), &err);
    assert_str(node.name, name);
    assert_str(node.type, type);
    if (origin == NULL) {
        assert_null(found.p);
    } else {
        assert_str(found, origin);
    }
    assert_null(node.account_id.p);
}

static void check_aws(records *r, const char *call, const char *name, const char *type)
{
    check(r, call, name, type, type);
}

#define AWS(name, members) "'name':'" name "','namespace':'aws','aws':{" members "}}"

RECORDS_TEST(dynamodb_with_one_known_table_is_the_table)
{
    check_aws(r, AWS("DynamoDB", "'table_name':'orders'"), "orders", "AWS::DynamoDB::Table");
    check_aws(r, AWS("DynamoDB", "'table_names':['orders']"), "orders", "AWS::DynamoDB::Table");
    check_aws(r, AWS("DynamoDB", "'resource_names':['orders']"), "orders", "AWS::DynamoDB::Table");
    check_aws(r, AWS("DynamoDB", "'table_name':'a','table_names':['b','c']"), "a",
              "AWS::DynamoDB::Table");
}

RECORDS_TEST(dynamodb_without_a_single_table_keeps_the_callers_spelling)
{
    check_aws(r, AWS("dynamodb", ""), "dynamodb", "AWS::DynamoDB");
    check_aws(r, AWS("DynamoDb", "'table_names':['a','b']"), "DynamoDb", "AWS::DynamoDB");
    check_aws(r, AWS("DynamoDB", "'table_names':[]"), "DynamoDB", "AWS::DynamoDB");
    check_aws(r, AWS("DynamoDB", "'table_names':[1]"), "DynamoDB", "AWS::DynamoDB");
    check_aws(r, AWS("DynamoDB", "'table_name':''"), "DynamoDB", "AWS::DynamoDB");
    check_aws(r, AWS("DynamoDB", "'table_names':['a','b'],'resource_names':['a']"), "DynamoDB",
              "AWS::DynamoDB");
    check_aws(r, "'name':'DynamoDB','namespace':'aws'}", "DynamoDB", "AWS::DynamoDB");
}

RECORDS_TEST(services_are_known_in_all_their_spellings)
{
    check_aws(r, AWS("AmazonDynamoDBv2", ""), "AmazonDynamoDBv2", "AWS::DynamoDB");
    check_aws(r, AWS("DYNAMODB", ""), "DYNAMODB", "AWS::DynamoDB");
    check_aws(r, AWS("Amazon S3", ""), "S3", "AWS::S3");
    check_aws(r, AWS("AmazonSQS", ""), "AmazonSQS", "AWS::SQS");
    check_aws(r, AWS("AWS Lambda", ""), "AWS Lambda", "AWS::Lambda");
    check_aws(r, AWS("AmazonSNS", ""), "SNS", "AWS::SNS");
    check_aws(r, AWS("sts", ""), "sts", "AWS::STS");
    check_aws(r, AWS("ssm", ""), "ssm", "AWS::SSM");
}

RECORDS_TEST(queues_topics_and_buckets)
{
    check_aws(r, AWS("SQS", "'queue_url':'https://sqs/q'"), "https://sqs/q", "AWS::SQS::Queue");
    check_aws(r, AWS("SQS", ""), "SQS", "AWS::SQS");
    check_aws(r, AWS("SNS", "'topic_arn':'arn:aws:sns:::t'"), "SNS", "AWS::SNS");
    check_aws(r, AWS("sns", ""), "SNS", "AWS::SNS");
    check_aws(r, AWS("s3", "'bucket_name':'photos'"), "photos", "AWS::S3::Bucket");
    check_aws(r, AWS("s3", ""), "S3", "AWS::S3");
}

RECORDS_TEST(functions_and_models)
{
    check_aws(r, AWS("Lambda", "'function_name':'resize'"), "resize", "AWS::Lambda");
    check_aws(r, AWS("lambda", ""), "lambda", "AWS::Lambda");
    check_aws(r, AWS("Bedrock Runtime", "'model_id':'m-1'"), "m-1", "AWS::Bedrock::Model");
    check_aws(r, AWS("bedrock-runtime", "'model_id':'m-1'"), "m-1", "AWS::Bedrock::Model");
    check_aws(r, AWS("BedrockRuntime", ""), "BedrockRuntime", "AWS::BedrockRuntime");
}

RECORDS_TEST(other_services_by_their_one_word_or_unknown)
{
    check_aws(r, AWS("STS", ""), "STS", "AWS::STS");
    check_aws(r, AWS("SSM", ""), "SSM", "AWS::SSM");
    check_aws(r, AWS("SimpleSystemsManagement", ""), "SimpleSystemsManagement",
              "AWS::SimpleSystemsManagement");
    check_aws(r, AWS("kinesis", ""), "kinesis", "AWS::kinesis");
    check_aws(r, AWS("Secrets Manager", ""), "Secrets Manager", "AWS::Unknown");
    check_aws(r, AWS("a-name-that-is-longer-than-any-known-service", ""),
              "a-name-that-is-longer-than-any-known-service",
              "AWS::a-name-that-is-longer-than-any-known-service");
    check_aws(r, AWS("AWS", ""), "AWS", "AWS::AWS");
    check_aws(r, AWS("v2", ""), "v2", "AWS::v2");
}

RECORDS_TEST(remote_calls)
{
    check(r, "'name':'db@host','namespace':'remote','sql':{'database_type':'MySQL'}}", "db@host",
          "Database::SQL", "Database::SQL");
    check(r, "'name':'PGSQL Query','namespace':'remote'}", "PGSQL Query", "remote", NULL);
    check(r, "'name':'s3','namespace':'remote','aws':{'bucket_name':'b'}}", "s3", "remote", NULL);
}

RECORDS_TEST(account_is_the_callees)
{
    records_add(r, "{'trace_id':'" RECORDS_TRACE_ID "','id':'000000000000000b','name':'S3',"
                   "'parent_id':'000000000000000a','type':'subsegment','namespace':'aws',"
                   "'start_time':1738650304,'end_time':1738650305,"
                   "'aws':{'account_id':'123456789012'}}");
    fl_node node;
    fl_str origin;
    assert_ok(fl_node_of_call(&r->arena, r->list[0].segment, &node, &origin, NULL), NULL);
    assert_str(node.account_id, "123456789012");
}

static void nodes_are_equal_by_name_type_and_account(void **state)
{
    (void)state;
    const fl_node node = {FL_S("a"), FL_S("t"), FL_S("1")};
    const fl_node untyped = {FL_S("a"), {0}, FL_S("1")};
    const fl_node other_account = {FL_S("a"), FL_S("t"), {0}};
    const fl_node same = {FL_S("a"), FL_S("t"), FL_S("1")};
    assert_true(fl_node_eq(&node, &same));
    assert_false(fl_node_eq(&node, &untyped));
    assert_false(fl_node_eq(&node, &other_account));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dynamodb_with_one_known_table_is_the_table),
        cmocka_unit_test(dynamodb_without_a_single_table_keeps_the_callers_spelling),
        cmocka_unit_test(services_are_known_in_all_their_spellings),
        cmocka_unit_test(queues_topics_and_buckets),
        cmocka_unit_test(functions_and_models),
        cmocka_unit_test(other_services_by_their_one_word_or_unknown),
        cmocka_unit_test(remote_calls),
        cmocka_unit_test(account_is_the_callees),
        cmocka_unit_test(nodes_are_equal_by_name_type_and_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
