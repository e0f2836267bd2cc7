#include "unit/trace/trace_records.h"

#include <stdio.h>

/* Members that every short document has. */
#define DOC "'trace_id':'" RECORDS_TRACE_ID "','name':'n','start_time':1738650304"
#define SUB "'name':'n','start_time':1738650304"

static void reverse(records *r)
{
    for (size_t i = 0; i < r->count / 2; i++) {
        fl_record swapped = r->list[i];
        r->list[i] = r->list[r->count - 1 - i];
        r->list[r->count - 1 - i] = swapped;
    }
}

static int64_t end_s(const fl_entity *entity)
{
    assert_non_null(entity);
    return entity->segment->end_ns / FL_NS_PER_S - RECORDS_T_S;
}

/* ---- Collation */

RECORDS_TEST(no_records_are_no_trace)
{
    fl_err err = {0};
    assert_int_equal(
        fl_trace_assemble(&r->arena, records_trace_id(), r->list, 0, 0, &r->trace, &err),
        FL_E_NOT_FOUND);
    assert_null(r->trace);
}

RECORDS_TEST(complete_record_replaces_in_progress_one_in_any_order)
{
    records_add(r, "{'id':'000000000000000a','end_time':1738650305," DOC "}");
    records_add(r, "{'id':'000000000000000a','in_progress':true," DOC "}");
    records_assemble(r);
    assert_int_equal(r->trace->entity_count, 1);
    assert_int_equal(end_s(records_find(r, 0xa)), 1);
    assert_false(r->trace->in_progress);
    assert_int_equal(records_find(r, 0xa)->arrival_ns, (RECORDS_T_S + 1) * FL_NS_PER_S);
    assert_int_equal(r->trace->updated_ns, (RECORDS_T_S + 2) * FL_NS_PER_S);
    reverse(r);
    records_assemble(r);
    assert_int_equal(end_s(records_find(r, 0xa)), 1);
}

RECORDS_TEST(of_two_complete_records_the_later_arrival_wins)
{
    records_add(r, "{'id':'000000000000000a','end_time':1738650309," DOC "}");
    records_add(r, "{'id':'000000000000000a','end_time':1738650305," DOC "}");
    records_assemble(r);
    assert_int_equal(end_s(records_find(r, 0xa)), 1);
    reverse(r);
    records_assemble(r);
    assert_int_equal(end_s(records_find(r, 0xa)), 1);
}

RECORDS_TEST(of_two_in_progress_records_the_later_arrival_wins)
{
    records_add(r, "{'id':'000000000000000a','in_progress':true,'user':'old'," DOC "}");
    records_add(r, "{'id':'000000000000000a','in_progress':true,'user':'new'," DOC "}");
    reverse(r);
    records_assemble(r);
    assert_str(records_find(r, 0xa)->segment->user, "new");
    assert_true(r->trace->in_progress);
    assert_int_equal(r->trace->end_ns, FL_TIME_NONE);
}

RECORDS_TEST(streamed_subsegment_survives_the_final_segment_that_lacks_it)
{
    records_add(r, "{'id':'000000000000000a','in_progress':true," DOC "}");
    records_add(r, "{'id':'000000000000000b','type':'subsegment','parent_id':'000000000000000a',"
                   "'end_time':1738650305," DOC "}");
    records_add(r, "{'id':'000000000000000a','end_time':1738650306," DOC "}");
    records_assemble(r);
    assert_int_equal(r->trace->top_count, 1);
    assert_ptr_equal(records_find(r, 0xb)->parent, records_find(r, 0xa));
    assert_int_equal(end_s(records_find(r, 0xa)), 2);
}

RECORDS_TEST(subsegment_embedded_only_in_a_replaced_record_goes_with_it)
{
    records_add(r, "{'id':'000000000000000a','in_progress':true," DOC ",'subsegments':["
                   "{'id':'000000000000000b','in_progress':true," SUB "},"
                   "{'id':'000000000000000c','end_time':1738650305," SUB "}]}");
    records_add(r, "{'id':'000000000000000a','end_time':1738650306," DOC ",'subsegments':["
                   "{'id':'000000000000000c','end_time':1738650306," SUB "}]}");
    records_assemble(r);
    assert_null(records_find(r, 0xb));
    assert_int_equal(end_s(records_find(r, 0xc)), 2);
    assert_int_equal(r->trace->entity_count, 2);
}

/* The complete text of b stood only in the replaced record, so the one that came alone counts. */
RECORDS_TEST(subsegment_of_a_replaced_record_stays_as_it_came_alone)
{
    records_add(r, "{'id':'000000000000000b','type':'subsegment','parent_id':'000000000000000a',"
                   "'in_progress':true," DOC ",'subsegments':["
                   "{'id':'000000000000000d','end_time':1738650305," SUB "}]}");
    records_add(r, "{'id':'000000000000000a','in_progress':true," DOC ",'subsegments':["
                   "{'id':'000000000000000b','end_time':1738650305," SUB "}]}");
    records_add(r, "{'id':'000000000000000a','end_time':1738650306," DOC "}");
    records_assemble(r);
    assert_false(fl_segment_is_complete(records_find(r, 0xb)->segment));
    assert_ptr_equal(records_find(r, 0xd)->parent, records_find(r, 0xb));
    assert_ptr_equal(records_find(r, 0xb)->parent, records_find(r, 0xa));
}

RECORDS_TEST(subsegment_embedded_and_alone_is_one_entity_by_the_same_precedence)
{
    records_add(r, "{'id':'000000000000000b','type':'subsegment','parent_id':'000000000000000a',"
                   "'in_progress':true," DOC ",'subsegments':["
                   "{'id':'000000000000000c','in_progress':true," SUB "}]}");
    records_add(r, "{'id':'000000000000000a','end_time':1738650306," DOC ",'subsegments':["
                   "{'id':'000000000000000b','end_time':1738650305," SUB "}]}");
    records_assemble(r);
    assert_int_equal(end_s(records_find(r, 0xb)), 1);
    assert_null(records_find(r, 0xc)); /* it stood only in the replaced text of b */
    records_add(r, "{'id':'000000000000000b','type':'subsegment','parent_id':'000000000000000a',"
                   "'end_time':1738650307," DOC "}");
    records_assemble(r);
    assert_int_equal(end_s(records_find(r, 0xb)), 3);
    assert_int_equal(r->trace->entity_count, 2);
}

RECORDS_TEST(documents_that_embed_each_other_give_the_same_trace_in_any_order)
{
    records_add(r, "{'id':'000000000000000a','in_progress':true," DOC ",'subsegments':["
                   "{'id':'000000000000000b','end_time':1738650305," SUB "}]}");
    records_add(r, "{'id':'000000000000000b','type':'subsegment','parent_id':'000000000000000c',"
                   "'in_progress':true," DOC ",'subsegments':["
                   "{'id':'000000000000000a','end_time':1738650307," SUB "}]}");
    records_assemble(r);
    char *first = fl_str_zdup(&r->arena, records_documents(r));
    assert_non_null(records_find(r, 0xa));
    assert_non_null(records_find(r, 0xb));
    reverse(r);
    records_assemble(r);
    assert_str(records_documents(r), first);
}

RECORDS_TEST(id_embedded_in_itself_counts_once)
{
    records_add(r, "{'id':'000000000000000a','end_time':1738650306," DOC ",'subsegments':["
                   "{'id':'000000000000000a','end_time':1738650305," SUB "}]}");
    records_assemble(r);
    assert_int_equal(r->trace->entity_count, 1);
    assert_int_equal(end_s(records_find(r, 0xa)), 2);
}

RECORDS_TEST(id_twice_in_one_document_counts_at_its_later_place)
{
    records_add(r, "{'id':'000000000000000a','end_time':1738650306," DOC ",'subsegments':["
                   "{'id':'000000000000000b','end_time':1738650305," SUB "},"
                   "{'id':'000000000000000b','end_time':1738650306," SUB "}]}");
    records_assemble(r);
    assert_int_equal(r->trace->entity_count, 2);
    assert_int_equal(end_s(records_find(r, 0xb)), 2);
}

/* ---- Nesting */

RECORDS_TEST(embedded_subsegment_nests_as_written_whatever_its_parent_id)
{
    records_add(r, "{'id':'000000000000000a','end_time':1738650306," DOC ",'subsegments':["
                   "{'id':'000000000000000b','end_time':1738650305," SUB ",'subsegments':["
                   "{'id':'000000000000000c','parent_id':'000000000000000a',"
                   "'end_time':1738650305," SUB "}]}]}");
    records_assemble(r);
    assert_ptr_equal(records_find(r, 0xc)->parent, records_find(r, 0xb));
    assert_ptr_equal(records_find(r, 0xc)->owner, records_find(r, 0xa));
    assert_ptr_equal(records_find(r, 0xa)->owner, records_find(r, 0xa));
}

RECORDS_TEST(independent_subsegment_attaches_at_any_depth)
{
    records_add(r, "{'id':'000000000000000d','type':'subsegment','parent_id':'000000000000000c',"
                   "'end_time':1738650305," DOC "}");
    records_add(r, "{'id':'000000000000000a','end_time':1738650306," DOC ",'subsegments':["
                   "{'id':'000000000000000b','end_time':1738650305," SUB ",'subsegments':["
                   "{'id':'000000000000000c','end_time':1738650305," SUB "}]}]}");
    records_assemble(r);
    assert_ptr_equal(records_find(r, 0xd)->parent, records_find(r, 0xc));
    assert_int_equal(r->trace->top_count, 1);
    records_assert_json(
        r, records_document(r, r->trace->tops[0]),
        "{'id':'000000000000000a','name':'n','start_time':1738650304,'end_time':1738650306,"
        "'trace_id':'" RECORDS_TRACE_ID "','subsegments':["
        "{'id':'000000000000000b','name':'n','start_time':1738650304,'end_time':1738650305,"
        "'subsegments':["
        "{'id':'000000000000000c','name':'n','start_time':1738650304,'end_time':1738650305,"
        "'subsegments':["
        "{'id':'000000000000000d','name':'n','start_time':1738650304,'end_time':1738650305}"
        "]}]}]}");
}

RECORDS_TEST(orphan_is_a_top_entry_until_its_parent_arrives)
{
    records_add(r, "{'id':'000000000000000b','type':'subsegment','parent_id':'000000000000000a',"
                   "'end_time':1738650305," DOC "}");
    records_assemble(r);
    assert_true(records_find(r, 0xb)->orphan);
    assert_null(records_find(r, 0xb)->node.name.p);
    assert_null(r->trace->root);
    records_assert_json(
        r, records_document(r, r->trace->tops[0]),
        "{'id':'000000000000000b','name':'n','start_time':1738650304,'end_time':1738650305,"
        "'parent_id':'000000000000000a','trace_id':'" RECORDS_TRACE_ID "','type':'subsegment'}");
    records_add(r, "{'id':'000000000000000a','end_time':1738650305," DOC "}");
    records_assemble(r);
    assert_false(records_find(r, 0xb)->orphan);
    assert_int_equal(r->trace->top_count, 1);
}

RECORDS_TEST(cycle_of_parents_is_cut_at_the_first_in_order)
{
    records_add(r, "{'id':'000000000000000c','type':'subsegment','parent_id':'000000000000000b',"
                   "'end_time':1738650305," DOC "}");
    records_add(r, "{'id':'000000000000000b','type':'subsegment','parent_id':'000000000000000c',"
                   "'end_time':1738650305," DOC "}");
    records_add(r, "{'id':'000000000000000d','type':'subsegment','parent_id':'000000000000000d',"
                   "'end_time':1738650305," DOC "}");
    records_assemble(r);
    assert_true(records_find(r, 0xb)->orphan);
    assert_ptr_equal(records_find(r, 0xc)->parent, records_find(r, 0xb));
    assert_true(records_find(r, 0xd)->orphan);
    assert_int_equal(r->trace->top_count, 2);
}

/* b came alone and names its own embedded child as parent: only b's link can go. */
RECORDS_TEST(cycle_through_a_document_is_cut_outside_it)
{
    records_add(r, "{'id':'000000000000000b','type':'subsegment','parent_id':'000000000000000a',"
                   "'end_time':1738650305," DOC ",'subsegments':["
                   "{'id':'000000000000000a','end_time':1738650305," SUB "}]}");
    records_assemble(r);
    assert_true(records_find(r, 0xb)->orphan);
    assert_ptr_equal(records_find(r, 0xa)->parent, records_find(r, 0xb));
}

RECORDS_TEST(children_stand_by_start_time_then_id)
{
    records_add(
        r, "{'id':'000000000000000a','end_time':1738650309," DOC ",'subsegments':["
           "{'id':'000000000000000d','name':'n','start_time':1738650305,'end_time':1738650306},"
           "{'id':'000000000000000c','name':'n','start_time':1738650304,'end_time':1738650306},"
           "{'id':'000000000000000b','name':'n','start_time':1738650305,'end_time':1738650306}"
           "]}");
    records_assemble(r);
    const fl_entity *child = records_find(r, 0xa)->first_child;
    assert_int_equal(child->segment->id, 0xc);
    assert_int_equal(child->next_sibling->segment->id, 0xb);
    assert_int_equal(child->next_sibling->next_sibling->segment->id, 0xd);
    assert_null(child->next_sibling->next_sibling->next_sibling);
}

/* Far beyond what any document can nest, and what a stack could take. */
static void chain_of_independent_subsegments_of_any_length_is_emitted(void **state)
{
    enum { LENGTH = 200000 };
    (void)state;
    fl_arena arena;
    fl_buf out;
    fl_err err = {0};
    fl_trace *trace = NULL;
    fl_arena_init(&arena, (size_t)1 << 30);
    fl_buf_init(&out, (size_t)64 << 20);
    fl_segment *segments = calloc(LENGTH, sizeof *segments);
    fl_record *list = calloc(LENGTH, sizeof *list);
    assert_true(segments != NULL && list != NULL);
    for (size_t i = 0; i < LENGTH; i++) {
        segments[i] = (fl_segment){.trace_id = records_trace_id(),
                                   .id = LENGTH - i,
                                   .parent_id = LENGTH - i - 1,
                                   .name = FL_S("n"),
                                   .start_ns = 1,
                                   .end_ns = 2,
                                   .is_subsegment = i + 1 < LENGTH};
        list[i] = (fl_record){.segment = &segments[i], .arrival = i + 1};
    }
    assert_ok(fl_trace_assemble(&arena, records_trace_id(), list, LENGTH, 0, &trace, &err), &err);
    assert_int_equal(trace->top_count, 1);
    assert_int_equal(trace->entity_count, LENGTH);
    fl_entity_emit(trace->tops[0], &out);
    assert_int_equal(out.status, FL_OK);
    assert_true(fl_str_starts(fl_buf_str(&out), FL_S("{\"id\":\"0000000000000001\"")));
    assert_true(fl_str_eq((fl_str){out.p + out.n - 4, 4}, FL_S("}]}]")) ||
                fl_str_eq((fl_str){out.p + out.n - 4, 4}, FL_S("]}]}")));
    free(list);
    free(segments);
    fl_buf_fini(&out);
    fl_arena_fini(&arena);
}

/* ---- Callers, root, times */

RECORDS_TEST(segment_hangs_below_the_subsegment_or_segment_of_its_parent_id)
{
    records_add(r, "{'id':'000000000000000c','parent_id':'000000000000000b',"
                   "'end_time':1738650305," DOC "}");
    records_add(r, "{'id':'000000000000000d','parent_id':'000000000000000a',"
                   "'end_time':1738650305," DOC "}");
    records_add(r, "{'id':'000000000000000e','parent_id':'000000000000000a',"
                   "'end_time':1738650305," DOC "}");
    records_add(r,
                "{'id':'000000000000000a','end_time':1738650306," DOC ",'subsegments':["
                "{'id':'000000000000000b','namespace':'remote','end_time':1738650305," SUB "}]}");
    records_assemble(r);
    const fl_entity *a = records_find(r, 0xa), *b = records_find(r, 0xb);
    assert_ptr_equal(records_find(r, 0xc)->caller, b);
    assert_ptr_equal(b->first_callee, records_find(r, 0xc));
    assert_null(b->first_callee->next_callee);
    assert_ptr_equal(a->first_callee, records_find(r, 0xd));
    assert_ptr_equal(a->first_callee->next_callee, records_find(r, 0xe));
    assert_null(a->caller);
    assert_ptr_equal(r->trace->root, a);
    assert_int_equal(r->trace->top_count, 4);
}

RECORDS_TEST(cycle_of_callers_is_cut_at_the_first_in_order)
{
    records_add(r,
                "{'id':'000000000000000c','parent_id':'000000000000000b',"
                "'end_time':1738650306," DOC ",'subsegments':["
                "{'id':'000000000000000d','namespace':'remote','end_time':1738650305," SUB "}]}");
    records_add(r,
                "{'id':'000000000000000a','parent_id':'000000000000000d',"
                "'end_time':1738650306," DOC ",'subsegments':["
                "{'id':'000000000000000b','namespace':'remote','end_time':1738650305," SUB "}]}");
    records_assemble(r);
    assert_null(records_find(r, 0xa)->caller);
    assert_ptr_equal(records_find(r, 0xc)->caller, records_find(r, 0xb));
    assert_ptr_equal(r->trace->root, records_find(r, 0xa));
    assert_non_null(records_inferred(r, 0xd)); /* its only callee was cut off */
    assert_null(records_inferred(r, 0xb));
}

RECORDS_TEST(root_is_the_earliest_segment_without_parent)
{
    records_add(r, "{'id':'0000000000000009','parent_id':'00000000000000ff',"
                   "'end_time':1738650305," DOC "}");
    records_assemble(r);
    assert_ptr_equal(r->trace->root,
                     records_find(r, 0x9)); /* none without: earliest unknown parent */
    records_add(r, "{'id':'000000000000000b','trace_id':'" RECORDS_TRACE_ID
                   "','name':'n','start_time':1738650306,'end_time':1738650307}");
    records_add(r, "{'id':'000000000000000a','trace_id':'" RECORDS_TRACE_ID
                   "','name':'n','start_time':1738650306,'end_time':1738650307}");
    records_assemble(r);
    assert_ptr_equal(r->trace->root, records_find(r, 0xa));
}

/* The callee's clock is early, but its parent is known. */
RECORDS_TEST(root_is_no_callee_even_if_it_starts_first)
{
    records_add(r, "{'id':'0000000000000009','parent_id':'000000000000000a',"
                   "'end_time':1738650305," DOC "}");
    records_add(r, "{'id':'000000000000000a','parent_id':'00000000000000ff',"
                   "'trace_id':'" RECORDS_TRACE_ID
                   "','name':'n','start_time':1738650306,'end_time':1738650307}");
    records_assemble(r);
    assert_ptr_equal(r->trace->root, records_find(r, 0xa));
}

RECORDS_TEST(times_span_all_entities)
{
    records_add(r, "{'id':'000000000000000a','in_progress':true," DOC ",'subsegments':["
                   "{'id':'000000000000000b','name':'Initialization','start_time':1738650303.5,"
                   "'end_time':1738650307.25}]}");
    records_assemble(r);
    assert_int_equal(r->trace->start_ns, INT64_C(1738650303500000000));
    assert_int_equal(r->trace->end_ns, INT64_C(1738650307250000000));
    assert_int_equal(r->trace->time_ns, RECORDS_T_S * FL_NS_PER_S);
    assert_true(r->trace->in_progress);
}

/* ---- Inferred segments */

static const char *const call_of_dynamodb =
    "{'id':'000000000000000a'," DOC ",'end_time':1738650306,'subsegments':[{'id':"
    "'000000000000000b','name':'local work','start_time':1738650304,'end_time':1738650306,"
    "'subsegments':[{'id':'000000000000000c','name':'dynamodb','namespace':'aws',"
    "'start_time':1738650304.5,'end_time':1738650305.5,'throttle':true,'error':true,"
    "'aws':{'operation':'PutItem','table_name':'orders','account_id':'123456789012'},"
    "'http':{'response':{'status':429}},'annotations':{'k':1},'metadata':{'default':{'m':1}},"
    "'cause':{'exceptions':[]}}]}]}";

RECORDS_TEST(unanswered_call_makes_an_inferred_segment)
{
    records_add(r, call_of_dynamodb);
    records_assemble(r);
    fl_entity *inferred = records_inferred(r, 0xc);
    assert_non_null(inferred);
    assert_ptr_equal(inferred->caller, records_find(r, 0xc));
    assert_ptr_equal(records_find(r, 0xc)->first_callee, inferred);
    assert_ptr_equal(inferred->owner, inferred);
    assert_ptr_equal(r->trace->tops[1], inferred);
    assert_int_equal(r->trace->entity_count, 4);
    assert_str(inferred->node.name, "orders");
    assert_str(inferred->node.type, "AWS::DynamoDB::Table");
    assert_str(inferred->node.account_id, "123456789012");
}

RECORDS_TEST(inferred_document_copies_name_times_blocks_and_flags_only)
{
    records_add(r, call_of_dynamodb);
    records_assemble(r);
    const fl_entity *inferred = records_inferred(r, 0xc);
    char expected[1024];
    assert_true(snprintf(expected, sizeof expected,
                         "{'id':'%016llx','name':'dynamodb','start_time':1738650304.5,"
                         "'end_time':1738650305.5,'parent_id':'000000000000000c','inferred':true,"
                         "'http':{'response':{'status':429}},'aws':{'operation':'PutItem',"
                         "'table_name':'orders','account_id':'123456789012'},"
                         "'trace_id':'" RECORDS_TRACE_ID "','origin':'AWS::DynamoDB::Table',"
                         "'error':true,'throttle':true}",
                         (unsigned long long)inferred->segment->id) < (int)sizeof expected);
    records_assert_json(r, records_document(r, inferred), expected);
}

/* Readers keep these ids; a change of the hash would break them. */
RECORDS_TEST(inferred_id_is_the_same_for_ever)
{
    records_add(r, call_of_dynamodb);
    records_assemble(r);
    assert_true(records_inferred(r, 0xc)->segment->id == UINT64_C(0xff0fdbe5588cf144));
}

RECORDS_TEST(inferred_id_gives_way_to_a_segment_that_bears_it)
{
    records_add(r, call_of_dynamodb);
    records_assemble(r);
    fl_segment taken = *r->list[0].segment;
    taken.id = records_inferred(r, 0xc)->segment->id;
    taken.subsegment_count = 0;
    r->list[r->count++] = (fl_record){.segment = &taken, .arrival = 2};
    records_assemble(r);
    assert_true(records_inferred(r, 0xc)->segment->id != taken.id);
}

RECORDS_TEST(subsegment_of_another_namespace_makes_none)
{
    records_add(r, "{'id':'000000000000000a'," DOC ",'end_time':1738650306,'subsegments':["
                   "{'id':'000000000000000b','namespace':'local','end_time':1738650305," SUB "},"
                   "{'id':'000000000000000c','namespace':'','end_time':1738650305," SUB "},"
                   "{'id':'000000000000000d','end_time':1738650305," SUB "}]}");
    records_assemble(r);
    assert_int_equal(r->trace->top_count, 1);
}

RECORDS_TEST(real_segment_replaces_the_inferred_one_whatever_its_name)
{
    records_add(r, call_of_dynamodb);
    records_add(r, "{'id':'00000000000000ff','parent_id':'000000000000000c',"
                   "'end_time':1738650305," DOC "}");
    records_assemble(r);
    assert_null(records_inferred(r, 0xc));
    assert_int_equal(r->trace->top_count, 2);
}

RECORDS_TEST(call_in_progress_makes_an_inferred_segment_in_progress)
{
    records_add(r, "{'id':'000000000000000a'," DOC ",'end_time':1738650306,'subsegments':["
                   "{'id':'000000000000000b','namespace':'remote','in_progress':true," SUB "}]}");
    records_assemble(r);
    const fl_entity *inferred = records_inferred(r, 0xb);
    assert_false(fl_segment_is_complete(inferred->segment));
    assert_true(r->trace->in_progress);
    char expected[512];
    (void)snprintf(expected, sizeof expected,
                   "{'id':'%016llx','name':'n','start_time':1738650304,'in_progress':true,"
                   "'parent_id':'000000000000000b','inferred':true,"
                   "'trace_id':'" RECORDS_TRACE_ID "'}",
                   (unsigned long long)inferred->segment->id);
    records_assert_json(r, records_document(r, inferred), expected);
}

RECORDS_TEST(orphans_are_callers_too)
{
    records_add(r, "{'id':'000000000000000b','type':'subsegment','parent_id':'000000000000000a',"
                   "'namespace':'remote','end_time':1738650305," DOC "}");
    records_assemble(r);
    assert_non_null(records_inferred(r, 0xb));
    assert_ptr_equal(r->trace->tops[0], records_find(r, 0xb));
    assert_ptr_equal(r->trace->tops[1], records_inferred(r, 0xb));
}

RECORDS_TEST(traced_call_waits_sixty_seconds_after_the_last_record)
{
    int64_t last_ns = (RECORDS_T_S + 1) * FL_NS_PER_S;
    records_add(r, "{'id':'000000000000000a'," DOC ",'end_time':1738650306,'subsegments':["
                   "{'id':'000000000000000b','namespace':'remote','end_time':1738650305," SUB
                   ",'http':{'request':{'traced':true}}},"
                   "{'id':'000000000000000c','namespace':'remote','end_time':1738650305," SUB
                   ",'traced':true},"
                   "{'id':'000000000000000d','namespace':'remote','end_time':1738650305," SUB
                   ",'traced':false}]}");
    records_assemble_at(r, last_ns + 60 * FL_NS_PER_S - 1);
    assert_true(r->trace->waits_for_callee);
    assert_null(records_inferred(r, 0xb));
    assert_null(records_inferred(r, 0xc));
    assert_non_null(records_inferred(r, 0xd));
    records_assemble_at(r, last_ns + 60 * FL_NS_PER_S);
    assert_false(r->trace->waits_for_callee);
    assert_non_null(records_inferred(r, 0xb));
    assert_non_null(records_inferred(r, 0xc));
}

RECORDS_TEST(answered_traced_call_waits_for_nothing)
{
    records_add(r, "{'id':'000000000000000a'," DOC ",'end_time':1738650306,'subsegments':["
                   "{'id':'000000000000000b','namespace':'remote','end_time':1738650305," SUB
                   ",'traced':true}]}");
    records_add(r, "{'id':'000000000000000c','parent_id':'000000000000000b',"
                   "'end_time':1738650305," DOC "}");
    records_assemble_at(r, RECORDS_T_S * FL_NS_PER_S);
    assert_false(r->trace->waits_for_callee);
}

RECORDS_TEST(inferred_segments_stand_behind_their_callers_owner)
{
    records_add(r, "{'id':'000000000000000e','trace_id':'" RECORDS_TRACE_ID
                   "','name':'n','start_time':1738650305,'end_time':1738650306}");
    records_add(r, "{'id':'000000000000000a'," DOC ",'end_time':1738650309,'subsegments':["
                   "{'id':'000000000000000b','name':'n','start_time':1738650307,"
                   "'end_time':1738650308,'namespace':'remote','subsegments':["
                   "{'id':'000000000000000c','name':'n','start_time':1738650306,"
                   "'end_time':1738650308,'namespace':'remote'}]}]}");
    records_assemble(r);
    assert_int_equal(r->trace->top_count, 4);
    assert_ptr_equal(r->trace->tops[0], records_find(r, 0xa));
    assert_ptr_equal(r->trace->tops[1], records_inferred(r, 0xc));
    assert_ptr_equal(r->trace->tops[2], records_inferred(r, 0xb));
    assert_ptr_equal(r->trace->tops[3], records_find(r, 0xe));
}

/* ---- Queues and topics */

#define SEND(service, operation, queue)                                                            \
    "{'id':'000000000000000a'," DOC ",'end_time':1738650306,'subsegments':["                       \
    "{'id':'000000000000000b','name':'" service "','namespace':'aws','start_time':1738650304,"     \
    "'end_time':1738650305,'aws':{'operation':'" operation "'" queue "}}]}"
#define CONSUMER(origin)                                                                           \
    "{'id':'000000000000000c','parent_id':'000000000000000b','end_time':1738650305," origin DOC "}"

RECORDS_TEST(consumer_hangs_below_the_queue_that_stays)
{
    records_add(r, SEND("SQS", "SendMessage", ",'queue_url':'https://sqs/q'"));
    records_add(r, CONSUMER(""));
    records_assemble(r);
    fl_entity *queue = records_inferred(r, 0xb), *consumer = records_find(r, 0xc);
    assert_non_null(queue);
    assert_str(queue->node.name, "https://sqs/q");
    assert_ptr_equal(queue->caller, records_find(r, 0xb));
    assert_ptr_equal(records_find(r, 0xb)->first_callee, queue);
    assert_null(queue->next_callee);
    assert_ptr_equal(queue->first_callee, consumer);
    assert_ptr_equal(consumer->caller, queue);
}

RECORDS_TEST(subscriber_hangs_below_the_topic_that_stays)
{
    records_add(r, SEND("sns", "publish", ",'topic_arn':'arn:aws:sns:eu-west-1:1:t'"));
    records_add(r, CONSUMER(""));
    records_assemble(r);
    assert_non_null(records_inferred(r, 0xb));
    assert_str(records_inferred(r, 0xb)->node.name, "SNS");
    assert_ptr_equal(records_find(r, 0xc)->caller, records_inferred(r, 0xb));
}

RECORDS_TEST(topic_that_sends_its_own_segment_is_not_inferred)
{
    records_add(r, SEND("SNS", "Publish", ""));
    records_add(r, CONSUMER("'origin':'AWS::SNS',"));
    records_assemble(r);
    assert_null(records_inferred(r, 0xb));
    assert_ptr_equal(records_find(r, 0xc)->caller, records_find(r, 0xb));
}

RECORDS_TEST(answered_call_that_sends_nothing_keeps_no_queue)
{
    records_add(r, SEND("SQS", "ReceiveMessage", ",'queue_url':'https://sqs/q'"));
    records_add(r, CONSUMER(""));
    records_assemble(r);
    assert_null(records_inferred(r, 0xb));
}

/* ---- Failing allocations */

static void each_failing_allocation_is_an_error_and_nothing_leaks(void **state)
{
    (void)state;
    records r;
    records_init(&r);
    records_add(&r, call_of_dynamodb);
    records_add(&r, SEND("SQS", "SendMessage", ",'queue_url':'https://sqs/q'"));
    records_add(&r, CONSUMER(""));
    records_add(&r, "{'id':'000000000000000d','type':'subsegment','parent_id':'000000000000000c',"
                    "'namespace':'aws','end_time':1738650305,'aws':{'table_names':['t']},"
                    "'trace_id':'" RECORDS_TRACE_ID "','name':'DynamoDB','start_time':1738650304,"
                    "'subsegments':[{'id':'000000000000000e'," SUB ",'end_time':1738650305,"
                    "'subsegments':[{'id':'000000000000000f'," SUB ",'end_time':1738650305,"
                    "'namespace':'aws','annotations':{'a':1,'b':true}}]}]}");
    fl_limits limits = fl_limits_of(FL_PROFILE_OPEN, 0);
    fl_status status = FL_E_NOMEM;
    uint64_t failures = 0;
    for (uint64_t n = 1; status == FL_E_NOMEM; n++) {
        fl_arena arena;
        fl_trace *trace = NULL;
        fl_summary summary = {.revision = 77};
        fl_err err = {0};
        fl_arena_init(&arena, (size_t)16 << 20);
        arena.fail_at = n;
        status =
            fl_trace_assemble(&arena, records_trace_id(), r.list, r.count, INT64_MAX, &trace, &err);
        if (status == FL_OK) {
            status = fl_trace_summarize(&arena, trace, &limits, &summary, &err);
            assert_int_equal(summary.revision, status == FL_OK ? 0 : 77);
        } else {
            assert_null(trace);
        }
        assert_int_equal(err.status, status);
        failures += status == FL_E_NOMEM;
        fl_arena_fini(&arena);
    }
    assert_int_equal(status, FL_OK);
    assert_true(failures > 20);
    records_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_records_are_no_trace),
        cmocka_unit_test(complete_record_replaces_in_progress_one_in_any_order),
        cmocka_unit_test(of_two_complete_records_the_later_arrival_wins),
        cmocka_unit_test(of_two_in_progress_records_the_later_arrival_wins),
        cmocka_unit_test(streamed_subsegment_survives_the_final_segment_that_lacks_it),
        cmocka_unit_test(subsegment_embedded_only_in_a_replaced_record_goes_with_it),
        cmocka_unit_test(subsegment_of_a_replaced_record_stays_as_it_came_alone),
        cmocka_unit_test(subsegment_embedded_and_alone_is_one_entity_by_the_same_precedence),
        cmocka_unit_test(documents_that_embed_each_other_give_the_same_trace_in_any_order),
        cmocka_unit_test(id_embedded_in_itself_counts_once),
        cmocka_unit_test(id_twice_in_one_document_counts_at_its_later_place),
        cmocka_unit_test(embedded_subsegment_nests_as_written_whatever_its_parent_id),
        cmocka_unit_test(independent_subsegment_attaches_at_any_depth),
        cmocka_unit_test(orphan_is_a_top_entry_until_its_parent_arrives),
        cmocka_unit_test(cycle_of_parents_is_cut_at_the_first_in_order),
        cmocka_unit_test(cycle_through_a_document_is_cut_outside_it),
        cmocka_unit_test(children_stand_by_start_time_then_id),
        cmocka_unit_test(chain_of_independent_subsegments_of_any_length_is_emitted),
        cmocka_unit_test(segment_hangs_below_the_subsegment_or_segment_of_its_parent_id),
        cmocka_unit_test(cycle_of_callers_is_cut_at_the_first_in_order),
        cmocka_unit_test(root_is_the_earliest_segment_without_parent),
        cmocka_unit_test(root_is_no_callee_even_if_it_starts_first),
        cmocka_unit_test(times_span_all_entities),
        cmocka_unit_test(unanswered_call_makes_an_inferred_segment),
        cmocka_unit_test(inferred_document_copies_name_times_blocks_and_flags_only),
        cmocka_unit_test(inferred_id_is_the_same_for_ever),
        cmocka_unit_test(inferred_id_gives_way_to_a_segment_that_bears_it),
        cmocka_unit_test(subsegment_of_another_namespace_makes_none),
        cmocka_unit_test(real_segment_replaces_the_inferred_one_whatever_its_name),
        cmocka_unit_test(call_in_progress_makes_an_inferred_segment_in_progress),
        cmocka_unit_test(orphans_are_callers_too),
        cmocka_unit_test(traced_call_waits_sixty_seconds_after_the_last_record),
        cmocka_unit_test(answered_traced_call_waits_for_nothing),
        cmocka_unit_test(inferred_segments_stand_behind_their_callers_owner),
        cmocka_unit_test(consumer_hangs_below_the_queue_that_stays),
        cmocka_unit_test(subscriber_hangs_below_the_topic_that_stays),
        cmocka_unit_test(topic_that_sends_its_own_segment_is_not_inferred),
        cmocka_unit_test(answered_call_that_sends_nothing_keeps_no_queue),
        cmocka_unit_test(each_failing_allocation_is_an_error_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
