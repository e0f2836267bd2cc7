/*
 * Whole traces as readers get them: compiled documents, one a line, and the summary below them.
 */
#include "unit/trace/trace_records.h"

#define TRACE "'trace_id':'" RECORDS_TRACE_ID "',"

static void check(records *r, const char *path)
{
    fl_buf all;
    fl_buf_init(&all, (size_t)1 << 20);
    records_assemble(r);
    fl_buf_add_str(&all, records_documents(r));
    fl_buf_add_str(&all, records_summary(r));
    fl_buf_add_byte(&all, '\n');
    test_golden(path, fl_buf_str(&all));
    fl_buf_fini(&all);
}

RECORDS_TEST(worked_example)
{
    records_add(r, "{" TRACE "'id':'a000000000000001','name':'order-service',"
                   "'origin':'AWS::EC2::Instance','start_time':1738650304.100,"
                   "'end_time':1738650305.000,'user':'alice',"
                   "'annotations':{'customer_tier':'enterprise'},"
                   "'aws':{'ec2':{'instance_id':'i-0a1b2c3d4e5f60718',"
                   "'availability_zone':'eu-west-1a'}},'http':{'request':{'method':'POST',"
                   "'url':'https://shop.example/api/v1/orders','client_ip':'203.0.113.7'},"
                   "'response':{'status':200}},'subsegments':["
                   "{'id':'a000000000000002','name':'dynamodb','namespace':'aws',"
                   "'start_time':1738650304.120,'end_time':1738650304.720,"
                   "'aws':{'operation':'PutItem','table_name':'orders'},"
                   "'http':{'response':{'status':200}}},"
                   "{'id':'a000000000000003','name':'payments.internal','namespace':'remote',"
                   "'start_time':1738650304.740,'end_time':1738650304.950,'fault':true,"
                   "'http':{'request':{'method':'POST','url':'http://payments.internal/charge',"
                   "'traced':true},'response':{'status':500}}}]}");
    records_add(r, "{" TRACE "'id':'b000000000000001','parent_id':'a000000000000003',"
                   "'name':'payments','origin':'AWS::ECS::Container',"
                   "'start_time':1738650304.745,'end_time':1738650304.945,'fault':true,"
                   "'annotations':{'retry_count':2},'http':{'response':{'status':500}},"
                   "'cause':{'exceptions':[{'id':'e000000000000001','type':'CardDeclined',"
                   "'message':'gateway said no'}]}}");
    check(r, "trace/worked_example.jsonl");
}

/* A function whose code sends only subsegments, streamed before the platform's segments. */
RECORDS_TEST(function_with_streamed_subsegments)
{
    records_add(r, "{" TRACE "'id':'c000000000000001','type':'subsegment',"
                   "'parent_id':'b000000000000002','name':'S3','namespace':'aws',"
                   "'start_time':1738650304.31,'end_time':1738650304.35,"
                   "'aws':{'operation':'GetObject','bucket_name':'photos','region':'eu-west-1'}}");
    records_add(r, "{" TRACE "'id':'b000000000000001','parent_id':'a000000000000001',"
                   "'name':'resize','origin':'AWS::Lambda::Function',"
                   "'start_time':1738650304.3,'end_time':1738650304.4,"
                   "'aws':{'account_id':'123456789012'},'subsegments':["
                   "{'id':'b000000000000003','name':'Overhead','start_time':1738650304.39,"
                   "'end_time':1738650304.4},"
                   "{'id':'b000000000000002','name':'Invocation','start_time':1738650304.3,"
                   "'end_time':1738650304.39},"
                   "{'id':'b000000000000004','name':'Initialization',"
                   "'start_time':1738650304.05,'end_time':1738650304.29}]}");
    records_add(r, "{" TRACE "'id':'a000000000000001','name':'resize','origin':'AWS::Lambda',"
                   "'resource_arn':'arn:aws:lambda:eu-west-1:123456789012:function:resize',"
                   "'start_time':1738650304.1,'end_time':1738650304.41,"
                   "'http':{'response':{'status':200}},'aws':{'request_id':'r-1'}}");
    records_add(r, "{" TRACE "'id':'c000000000000002','type':'subsegment',"
                   "'parent_id':'b000000000000002','name':'## thumbnail',"
                   "'start_time':1738650304.36,'end_time':1738650304.38,"
                   "'annotations':{'pixels':640,'cached':false}}");
    check(r, "trace/function.jsonl");
}

/* Sender → queue → consumer that is still at work, and a subsegment whose parent is missing. */
RECORDS_TEST(queue_with_a_consumer_in_progress)
{
    records_add(r, "{" TRACE "'id':'a000000000000001','name':'shop','start_time':1738650304,"
                   "'end_time':1738650304.2,'subsegments':[{'id':'a000000000000002',"
                   "'name':'SQS','namespace':'aws','start_time':1738650304.1,"
                   "'end_time':1738650304.15,'aws':{'operation':'SendMessage',"
                   "'queue_url':'https://sqs.eu-west-1.amazonaws.com/1/mails','id_2':'x'}}]}");
    records_add(r, "{" TRACE "'id':'b000000000000001','parent_id':'a000000000000002',"
                   "'name':'mailer','start_time':1738650306,'in_progress':true,"
                   "'subsegments':[{'id':'b000000000000002','name':'smtp.example',"
                   "'namespace':'remote','start_time':1738650306.5,'in_progress':true}]}");
    records_add(r, "{" TRACE "'id':'c000000000000002','type':'subsegment',"
                   "'parent_id':'c000000000000001','name':'users@db','namespace':'remote',"
                   "'start_time':1738650305,'end_time':1738650305.25,'custom':{'kept':1.50},"
                   "'sql':{'sanitized_query':'SELECT 1'}}");
    check(r, "trace/queue.jsonl");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worked_example),
        cmocka_unit_test(function_with_streamed_subsegments),
        cmocka_unit_test(queue_with_a_consumer_in_progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
