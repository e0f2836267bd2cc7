#include "unit/trace/trace_records.h"

#include <stdio.h>

#define TRACE "'trace_id':'" RECORDS_TRACE_ID "'"
#define DOC   TRACE ",'name':'n','start_time':1738650304"
#define SUB   "'name':'n','start_time':1738650304"

static void summarize(records *r)
{
    records_assemble(r);
    records_summarize(r);
}

static fl_str value_text(const records *r, uint32_t i)
{
    return r->summary.annotations[i].annotation->text;
}

static const fl_node *only_node(const records *r, const fl_summary_value *value)
{
    assert_int_equal(value->node_count, 1);
    return &r->summary.nodes[value->nodes[0]];
}

static bool has_node(const records *r, const char *name, const char *type)
{
    fl_node wanted = {fl_str_of(name), fl_str_of(type), {0}};
    for (uint32_t i = 0; i < r->summary.node_count; i++) {
        if (fl_node_eq(&r->summary.nodes[i], &wanted)) {
            return true;
        }
    }
    return false;
}

/* ---- The examples of the specifications */

static const char *const order_service =
    "{" TRACE ",'id':'a000000000000001','name':'order-service','origin':'AWS::EC2::Instance',"
    "'start_time':1738650304.100,'end_time':1738650305.000,'user':'alice',"
    "'annotations':{'customer_tier':'enterprise'},"
    "'aws':{'ec2':{'instance_id':'i-0a1b2c3d4e5f60718','availability_zone':'eu-west-1a'}},"
    "'http':{'request':{'method':'POST','url':'https://shop.example/api/v1/orders',"
    "'client_ip':'203.0.113.7'},'response':{'status':200}},'subsegments':["
    "{'id':'a000000000000002','name':'dynamodb','namespace':'aws','start_time':1738650304.120,"
    "'end_time':1738650304.720,'aws':{'operation':'PutItem','table_name':'orders'},"
    "'http':{'response':{'status':200}}},"
    "{'id':'a000000000000003','name':'payments.internal','namespace':'remote',"
    "'start_time':1738650304.740,'end_time':1738650304.950,'fault':true,"
    "'http':{'request':{'method':'POST','url':'http://payments.internal/charge','traced':true},"
    "'response':{'status':500}}}]}";
static const char *const payments =
    "{" TRACE ",'id':'b000000000000001','parent_id':'a000000000000003','name':'payments',"
    "'origin':'AWS::ECS::Container','start_time':1738650304.745,'end_time':1738650304.945,"
    "'fault':true,'annotations':{'retry_count':2},'http':{'response':{'status':500}},"
    "'cause':{'exceptions':[{'id':'e000000000000001','type':'CardDeclined',"
    "'message':'gateway said no'}]}}";

#define ORDER_NODE    "{'Name':'order-service','Names':['order-service'],'Type':'AWS::EC2::Instance'}"
#define PAYMENTS_NODE "{'Name':'payments','Names':['payments'],'Type':'AWS::ECS::Container'}"

RECORDS_TEST(summary_of_the_worked_example)
{
    records_add(r, order_service);
    records_add(r, payments);
    records_assemble(r);
    records_assert_json(
        r, records_summary(r),
        "{'Id':'" RECORDS_TRACE_ID "','StartTime':1738650304.1,'Duration':0.9,'ResponseTime':0.9,"
        "'HasFault':false,'HasError':false,'HasThrottle':false,'IsPartial':false,"
        "'Http':{'HttpURL':'https://shop.example/api/v1/orders','HttpStatus':200,"
        "'HttpMethod':'POST','ClientIp':'203.0.113.7'},'Annotations':{"
        "'customer_tier':[{'AnnotationValue':{'StringValue':'enterprise'},'ServiceIds':[" ORDER_NODE
        "]}],'retry_count':[{'AnnotationValue':{'NumberValue':2},'ServiceIds':[" PAYMENTS_NODE
        "]}]},'Users':[{'UserName':'alice','ServiceIds':[" ORDER_NODE "]}],"
        "'ServiceIds':[{'Name':'order-service','Names':['order-service'],'Type':'client'}"
        "," ORDER_NODE ",{'Name':'orders','Names':['orders'],'Type':'AWS::DynamoDB::Table'}"
        "," PAYMENTS_NODE "],'EntryPoint':" ORDER_NODE ","
        "'InstanceIds':[{'Id':'i-0a1b2c3d4e5f60718'}],"
        "'AvailabilityZones':[{'Name':'eu-west-1a'}],'ResourceARNs':[],'Revision':1}");
}

RECORDS_TEST(documents_of_the_worked_example)
{
    records_add(r, payments);
    records_add(r, order_service);
    records_assemble(r);
    assert_int_equal(r->trace->top_count, 3);
    records_assert_json(r, records_document(r, r->trace->tops[0]), order_service);
    records_assert_json(r, records_document(r, r->trace->tops[2]), payments);
    char expected[1024];
    (void)snprintf(expected, sizeof expected,
                   "{'id':'%016llx','name':'dynamodb','start_time':1738650304.12,"
                   "'end_time':1738650304.72,'parent_id':'a000000000000002','inferred':true,"
                   "'http':{'response':{'status':200}},'aws':{'operation':'PutItem',"
                   "'table_name':'orders'}," TRACE ",'origin':'AWS::DynamoDB::Table'}",
                   (unsigned long long)r->trace->tops[1]->segment->id);
    records_assert_json(r, records_document(r, r->trace->tops[1]), expected);
}

RECORDS_TEST(worked_example_before_its_second_record)
{
    records_add(r, order_service);
    records_assemble_at(r, (RECORDS_T_S + 2) * FL_NS_PER_S);
    records_summarize(r);
    assert_true(r->summary.is_partial);
    assert_false(has_node(r, "payments.internal", "remote"));
    summarize(r);
    assert_false(r->summary.is_partial);
    assert_true(has_node(r, "payments.internal", "remote"));
    assert_int_equal(r->summary.node_count, 4);
}

/* segments.md §10.3 */
RECORDS_TEST(small_example_has_four_nodes_and_three_documents)
{
    records_add(r, "{" TRACE ",'id':'000000000000000a','name':'web','origin':'AWS::EC2::Instance',"
                   "'start_time':1738650304,'end_time':1738650304.084,'subsegments':["
                   "{'id':'000000000000000b','name':'DynamoDB','namespace':'aws',"
                   "'start_time':1738650304.01,'end_time':1738650304.04,"
                   "'aws':{'table_name':'users'}},"
                   "{'id':'000000000000000c','name':'api.example.com','namespace':'remote',"
                   "'start_time':1738650304.05,'end_time':1738650304.07,'fault':true}]}");
    summarize(r);
    assert_int_equal(r->trace->top_count, 3);
    assert_int_equal(r->summary.node_count, 4);
    assert_true(has_node(r, "web", "client"));
    assert_true(has_node(r, "web", "AWS::EC2::Instance"));
    assert_true(has_node(r, "users", "AWS::DynamoDB::Table"));
    assert_true(has_node(r, "api.example.com", "remote"));
    assert_false(r->summary.has_fault);
    assert_int_equal(r->summary.duration_ns, 84 * FL_NS_PER_MS);
    assert_int_equal(r->summary.response_ns, 84 * FL_NS_PER_MS);
}

/* ---- Times */

RECORDS_TEST(durations_are_rounded_to_the_nearest_millisecond)
{
    records_add(r, "{" TRACE ",'id':'000000000000000a','name':'n','start_time':1738650304,"
                   "'end_time':1738650304.0014999}");
    summarize(r);
    assert_int_equal(r->summary.duration_ns, FL_NS_PER_MS);
    records_add(r, "{" TRACE ",'id':'000000000000000a','name':'n','start_time':1738650304,"
                   "'end_time':1738650304.0015}");
    summarize(r);
    assert_int_equal(r->summary.duration_ns, 2 * FL_NS_PER_MS);
    assert_int_equal(r->summary.response_ns, 2 * FL_NS_PER_MS);
}

RECORDS_TEST(end_before_start_is_a_duration_of_zero)
{
    records_add(r, "{'id':'000000000000000a','end_time':1738650301," DOC "}");
    summarize(r);
    assert_int_equal(r->summary.duration_ns, 0);
    assert_int_equal(r->summary.response_ns, 0);
}

RECORDS_TEST(span_beyond_292_years_does_not_overflow)
{
    fl_segment segment = {
        .id = 1, .name = FL_S("n"), .start_ns = INT64_MIN + 2 * FL_NS_PER_S, .end_ns = INT64_MAX};
    r->list[r->count++] = (fl_record){.segment = &segment, .arrival = 1};
    summarize(r);
    assert_true(r->summary.duration_ns > INT64_MAX - 3 * FL_NS_PER_MS);
}

RECORDS_TEST(duration_goes_on_after_the_answer)
{
    records_add(r, "{'id':'000000000000000a','end_time':1738650305," DOC ",'subsegments':["
                   "{'id':'000000000000000b','end_time':1738650309," SUB "}]}");
    summarize(r);
    assert_int_equal(r->summary.response_ns, FL_NS_PER_S);
    assert_int_equal(r->summary.duration_ns, 5 * FL_NS_PER_S);
}

/* Lambda's Initialization precedes the function's segment. */
RECORDS_TEST(start_is_that_of_the_earliest_segment)
{
    records_add(r, "{'id':'000000000000000a','end_time':1738650305," DOC ",'subsegments':["
                   "{'id':'000000000000000b','name':'Initialization','start_time':1738650303,"
                   "'end_time':1738650304}]}");
    summarize(r);
    assert_int_equal(r->summary.start_ns, RECORDS_T_S * FL_NS_PER_S);
    assert_int_equal(r->summary.duration_ns, 2 * FL_NS_PER_S);
}

RECORDS_TEST(nothing_complete_has_no_durations)
{
    records_add(r, "{'id':'000000000000000a','in_progress':true," DOC "}");
    records_assemble(r);
    records_assert_json(r, records_summary(r),
                        "{'Id':'" RECORDS_TRACE_ID "','StartTime':1738650304,'HasFault':false,"
                        "'HasError':false,'HasThrottle':false,'IsPartial':true,'Http':{},"
                        "'Annotations':{},'Users':[],'ServiceIds':[{'Name':'n','Names':['n'],"
                        "'Type':'client'},{'Name':'n','Names':['n']}],'ResourceARNs':[],"
                        "'InstanceIds':[],'AvailabilityZones':[],'EntryPoint':{'Name':'n',"
                        "'Names':['n']},'Revision':1}");
}

RECORDS_TEST(orphans_alone_have_no_entry_point_and_no_own_nodes)
{
    records_add(r, "{'id':'000000000000000b','type':'subsegment','parent_id':'000000000000000a',"
                   "'end_time':1738650305," DOC ",'annotations':{'k':'v'}}");
    records_assemble(r);
    records_assert_json(r, records_summary(r),
                        "{'Id':'" RECORDS_TRACE_ID "','StartTime':1738650304,'Duration':1,"
                        "'HasFault':false,'HasError':false,'HasThrottle':false,'IsPartial':false,"
                        "'Http':{},'Annotations':{'k':[{'AnnotationValue':{'StringValue':'v'},"
                        "'ServiceIds':[]}]},'Users':[],'ServiceIds':[],'ResourceARNs':[],"
                        "'InstanceIds':[],'AvailabilityZones':[],'Revision':1}");
}

/* ---- Flags */

RECORDS_TEST(fault_and_error_are_the_roots_throttle_is_any_segments)
{
    records_add(r, "{'id':'000000000000000a','end_time':1738650305," DOC ",'error':true}");
    records_add(r, "{'id':'000000000000000b','parent_id':'000000000000000a',"
                   "'end_time':1738650305," DOC ",'fault':true,'throttle':true}");
    summarize(r);
    assert_true(r->summary.has_error);
    assert_false(r->summary.has_fault);
    assert_true(r->summary.has_throttle);
}

RECORDS_TEST(flags_come_from_the_status_when_none_was_sent)
{
    records_add(r, "{'id':'000000000000000a','end_time':1738650305," DOC
                   ",'http':{'response':{'status':429}}}");
    summarize(r);
    assert_true(r->summary.has_error);
    assert_true(r->summary.has_throttle);
    assert_false(r->summary.has_fault);
}

/* ---- Annotations and users */

RECORDS_TEST(annotations_of_nested_subsegments_belong_to_the_owners_node)
{
    records_add(r, "{" TRACE ",'id':'000000000000000a','name':'web','start_time':1738650304,"
                   "'end_time':1738650305,'subsegments':[{'id':'000000000000000b'," SUB
                   ",'end_time':1738650305,'subsegments':[{'id':'000000000000000c'," SUB
                   ",'end_time':1738650305,'annotations':{'deep':true}}]}]}");
    summarize(r);
    assert_int_equal(r->summary.annotation_count, 1);
    assert_str(only_node(r, &r->summary.annotations[0])->name, "web");
    assert_null(only_node(r, &r->summary.annotations[0])->type.p);
}

RECORDS_TEST(equal_numbers_are_one_value_and_kinds_are_kept_apart)
{
    records_add(
        r, "{'id':'000000000000000a','end_time':1738650305," DOC
           ",'annotations':{'k':2},'subsegments':["
           "{'id':'0000000000000001'," SUB ",'end_time':1738650305,'annotations':{'k':2.0}},"
           "{'id':'0000000000000002'," SUB ",'end_time':1738650305,'annotations':{'k':'2'}},"
           "{'id':'0000000000000003'," SUB ",'end_time':1738650305,'annotations':{'k':true}},"
           "{'id':'0000000000000004'," SUB ",'end_time':1738650305,'annotations':{'k':20e-1}},"
           "{'id':'0000000000000005'," SUB ",'end_time':1738650305,'annotations':{'k':false}},"
           "{'id':'0000000000000006'," SUB ",'end_time':1738650305,'annotations':{'k':0}},"
           "{'id':'0000000000000007'," SUB ",'end_time':1738650305,'annotations':{'k':-0.0}},"
           "{'id':'0000000000000008'," SUB ",'end_time':1738650305,'annotations':{'k':2.5}}]}");
    summarize(r);
    assert_int_equal(r->summary.annotation_count, 6);
    assert_str(value_text(r, 0), "2");
    assert_str(value_text(r, 1), "2");
    assert_int_equal(r->summary.annotations[1].annotation->kind, FL_ANNOTATION_STRING);
    assert_true(r->summary.annotations[2].annotation->boolean);
    assert_false(r->summary.annotations[3].annotation->boolean);
    assert_str(value_text(r, 4), "0");
    assert_str(value_text(r, 5), "2.5");
    (void)only_node(r, &r->summary.annotations[0]);
}

RECORDS_TEST(values_of_one_key_stand_together_in_order_of_appearance)
{
    records_add(r, "{'id':'000000000000000a','end_time':1738650305," DOC
                   ",'annotations':{'a':'1','b':'1'},'subsegments':["
                   "{'id':'0000000000000001'," SUB ",'end_time':1738650305,"
                   "'annotations':{'c':'1','a':'2'}}]}");
    records_assemble(r);
    fl_str json = records_summary(r);
    static const char *const order[] = {"a:1", "a:2", "b:1", "c:1"};
    assert_int_equal(r->summary.annotation_count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_memory_equal(r->summary.annotations[i].annotation->key.p, order[i], 1);
        assert_memory_equal(value_text(r, i).p, order[i] + 2, 1);
    }
    yyjson_doc *doc = yyjson_read(json.p, json.n, YYJSON_READ_NOFLAG);
    yyjson_val *annotations = yyjson_obj_get(yyjson_doc_get_root(doc), "Annotations");
    assert_int_equal(yyjson_obj_size(annotations), 3);
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(annotations, "a")), 2);
    yyjson_doc_free(doc);
}

RECORDS_TEST(value_on_several_nodes_lists_each_once)
{
    static const char *const names[] = {"x", "y", "x", "y", "z"};
    for (size_t i = 0; i < 5; i++) {
        char text[512];
        (void)snprintf(text, sizeof text,
                       "{" TRACE ",'id':'00000000000000%02zx','name':'%s',"
                       "'start_time':%zu,'end_time':1738650390,'annotations':{'k':'v'},'user':'u'}",
                       i + 1, names[i], (size_t)RECORDS_T_S + i);
        records_add(r, text);
    }
    summarize(r);
    assert_int_equal(r->summary.annotation_count, 1);
    const fl_summary_value *both[] = {&r->summary.annotations[0], &r->summary.users[0]};
    for (size_t k = 0; k < 2; k++) {
        assert_int_equal(both[k]->node_count, 3);
        for (uint32_t i = 0; i < 3; i++) {
            fl_str name = r->summary.nodes[both[k]->nodes[i]].name;
            assert_true(i == 0 || both[k]->nodes[i - 1] < both[k]->nodes[i]);
            assert_memory_equal(name.p, i == 0 ? "x" : i == 1 ? "y" : "z", 1);
        }
    }
}

RECORDS_TEST(aws_profile_takes_the_first_fifty_keys_and_counts_the_rest)
{
    fl_buf text;
    fl_buf_init(&text, 65536);
    fl_buf_add_str(&text, FL_S("{'id':'000000000000000a','end_time':1738650305," DOC
                               ",'annotations':{'k00':0"));
    for (unsigned i = 1; i < 53; i++) {
        char member[32];
        (void)snprintf(member, sizeof member, ",'k%02u':%u", i, i);
        fl_buf_add_str(&text, fl_str_of(member));
    }
    fl_buf_add_str(&text, FL_S("},'subsegments':[{'id':'000000000000000b'," SUB
                               ",'end_time':1738650305,'annotations':{'k01':'again','k52':1}}]}"));
    fl_buf_add_byte(&text, '\0');
    records_add(r, text.p);
    fl_buf_fini(&text);
    records_assemble(r);
    fl_limits aws = fl_limits_of(FL_PROFILE_AWS, 0);
    assert_ok(fl_trace_summarize(&r->arena, r->trace, &aws, &r->summary, NULL), NULL);
    assert_int_equal(r->summary.annotation_count, 51); /* 50 keys, one of them with two values */
    assert_int_equal(r->summary.annotations_left_out, 3);
    assert_str(value_text(r, 2), "again");
    records_summarize(r);
    assert_int_equal(r->summary.annotation_count, 55);
    assert_int_equal(r->summary.annotations_left_out, 0);
}

RECORDS_TEST(empty_user_means_none)
{
    records_add(r, "{'id':'000000000000000a','end_time':1738650305," DOC ",'user':''}");
    summarize(r);
    assert_int_equal(r->summary.user_count, 0);
}

/* ---- Nodes and places */

RECORDS_TEST(each_root_has_a_client_node)
{
    records_add(r, "{" TRACE ",'id':'000000000000000a','name':'one','start_time':1738650304,"
                   "'end_time':1738650305}");
    records_add(r, "{" TRACE ",'id':'000000000000000b','name':'two','start_time':1738650304,"
                   "'end_time':1738650305}");
    records_add(r, "{" TRACE ",'id':'000000000000000c','name':'three','start_time':1738650304,"
                   "'end_time':1738650305,'parent_id':'00000000000000ff'}");
    summarize(r);
    assert_true(has_node(r, "one", "client"));
    assert_true(has_node(r, "two", "client"));
    assert_false(has_node(r, "three", "client"));
    assert_int_equal(r->summary.node_count, 5);
    assert_str(r->summary.nodes[r->summary.entry_point].name, "one");
}

RECORDS_TEST(without_a_root_the_earliest_unknown_parent_counts_as_one)
{
    records_add(r, "{" TRACE ",'id':'000000000000000c','name':'three','start_time':1738650304,"
                   "'end_time':1738650305,'parent_id':'00000000000000ff'}");
    summarize(r);
    assert_true(has_node(r, "three", "client"));
    assert_int_equal(r->summary.entry_point, 1);
}

RECORDS_TEST(canary_needs_no_further_client)
{
    records_add(r, "{" TRACE ",'id':'000000000000000a','name':'canary','start_time':1738650304,"
                   "'end_time':1738650305,'origin':'client::Synthetics'}");
    summarize(r);
    assert_int_equal(r->summary.node_count, 1);
}

RECORDS_TEST(places_are_distinct_and_only_of_sent_segments)
{
    static const char *const docs[] = {
        "{'id':'000000000000000a','end_time':1738650305," DOC ",'resource_arn':'arn:1',"
        "'aws':{'account_id':'12','ec2':{'instance_id':'i-1','availability_zone':'z1'},"
        "'ecs':{'availability_zone':'z3'}}}",
        "{'id':'000000000000000b','end_time':1738650305," DOC ",'resource_arn':'arn:1',"
        "'aws':{'ec2':{'instance_id':'i-2','availability_zone':'z2'}}}",
        "{'id':'000000000000000c','end_time':1738650305," DOC ",'resource_arn':''}"};
    for (size_t i = 0; i < 3; i++) {
        records_add(r, docs[i]);
    }
    records_assemble(r);
    records_summarize(r);
    assert_int_equal(r->summary.resource_arn_count, 1);
    assert_int_equal(r->summary.instance_id_count, 2);
    assert_str(r->summary.instance_ids[1], "i-2");
    assert_int_equal(r->summary.availability_zone_count, 3);
    assert_str(r->summary.availability_zones[0], "z1");
    assert_str(r->summary.availability_zones[1], "z3");
    assert_str(r->summary.availability_zones[2], "z2");
    assert_str(r->summary.nodes[r->summary.entry_point].account_id, "12");
}

/* ---- Emission */

RECORDS_TEST(extra_members_and_revision_are_written)
{
    records_add(r, "{'id':'000000000000000a','end_time':1738650305," DOC "}");
    summarize(r);
    r->summary.revision = 7;
    fl_buf_reset(&r->text);
    fl_summary_emit(&r->summary, FL_S(",\"FaultRootCauses\":[]"), &r->text);
    yyjson_doc *doc = yyjson_read(r->text.p, r->text.n, YYJSON_READ_NOFLAG);
    assert_non_null(doc);
    assert_true(yyjson_is_arr(yyjson_obj_get(yyjson_doc_get_root(doc), "FaultRootCauses")));
    assert_int_equal(yyjson_get_int(yyjson_obj_get(yyjson_doc_get_root(doc), "Revision")), 7);
    yyjson_doc_free(doc);
}

RECORDS_TEST(numbers_and_texts_come_back_as_sent)
{
    records_add(r, "{'id':'000000000000000a','end_time':1738650305," DOC
                   ",'annotations':{'n':12345678901234567890.5,'s\\u0001':'a\\\\b'},"
                   "'http':{'request':{'url':'','user_agent':'ua'},'response':{'status':204}}}");
    records_assemble(r);
    fl_str json = records_summary(r);
    assert_non_null(memmem(json.p, json.n, "12345678901234567890.5", 22));
    assert_non_null(
        memmem(json.p, json.n, "\"Http\":{\"HttpStatus\":204,\"UserAgent\":\"ua\"}", 41));
    assert_non_null(memmem(json.p, json.n, "\"s\\u0001\":[", 11));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(summary_of_the_worked_example),
        cmocka_unit_test(documents_of_the_worked_example),
        cmocka_unit_test(worked_example_before_its_second_record),
        cmocka_unit_test(small_example_has_four_nodes_and_three_documents),
        cmocka_unit_test(durations_are_rounded_to_the_nearest_millisecond),
        cmocka_unit_test(end_before_start_is_a_duration_of_zero),
        cmocka_unit_test(span_beyond_292_years_does_not_overflow),
        cmocka_unit_test(duration_goes_on_after_the_answer),
        cmocka_unit_test(start_is_that_of_the_earliest_segment),
        cmocka_unit_test(nothing_complete_has_no_durations),
        cmocka_unit_test(orphans_alone_have_no_entry_point_and_no_own_nodes),
        cmocka_unit_test(fault_and_error_are_the_roots_throttle_is_any_segments),
        cmocka_unit_test(flags_come_from_the_status_when_none_was_sent),
        cmocka_unit_test(annotations_of_nested_subsegments_belong_to_the_owners_node),
        cmocka_unit_test(equal_numbers_are_one_value_and_kinds_are_kept_apart),
        cmocka_unit_test(values_of_one_key_stand_together_in_order_of_appearance),
        cmocka_unit_test(value_on_several_nodes_lists_each_once),
        cmocka_unit_test(aws_profile_takes_the_first_fifty_keys_and_counts_the_rest),
        cmocka_unit_test(empty_user_means_none),
        cmocka_unit_test(each_root_has_a_client_node),
        cmocka_unit_test(without_a_root_the_earliest_unknown_parent_counts_as_one),
        cmocka_unit_test(canary_needs_no_further_client),
        cmocka_unit_test(places_are_distinct_and_only_of_sent_segments),
        cmocka_unit_test(extra_members_and_revision_are_written),
        cmocka_unit_test(numbers_and_texts_come_back_as_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
