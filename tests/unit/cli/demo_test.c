#include "unit/cli/cli_fixture.h"

#include "cli/demo_int.h"

#define START_NS (INT64_C(1738650304) * FL_NS_PER_S)
#define KINDS    20 /* traces that hold one of everything */

/* The documents of KINDS traces, one a line. */
static void emit_all(uint64_t seed, int64_t start_ns, fl_buf *out)
{
    fl_demo_random random = {seed};
    fl_buf_init(out, (size_t)64 << 20);
    for (uint64_t i = 0; i < KINDS; i++) {
        fl_arena arena;
        fl_demo_trace trace;
        fl_err err = {0};
        fl_arena_init(&arena, (size_t)64 << 20);
        assert_ok(fl_demo_shop(&arena, &random, i, start_ns, &trace, &err), &err);
        for (size_t j = 0; j < trace.count; j++) {
            fl_segment_emit(trace.documents[j].segment, out);
            fl_buf_add_byte(out, '\n');
        }
        fl_arena_fini(&arena);
    }
    assert_int_equal(out->status, FL_OK);
}

static void one_seed_gives_the_same_traffic_again(void **state)
{
    (void)state;
    fl_buf first, again, other;
    emit_all(7, START_NS, &first);
    emit_all(7, START_NS, &again);
    emit_all(8, START_NS, &other);
    assert_true(fl_str_eq(fl_buf_str(&first), fl_buf_str(&again)));
    assert_false(fl_str_eq(fl_buf_str(&first), fl_buf_str(&other)));
    fl_buf_fini(&first);
    fl_buf_fini(&again);
    fl_buf_fini(&other);
}

static void expect_accepted(fl_str document, fl_profile profile)
{
    fl_arena arena;
    fl_decoded decoded;
    fl_err err = {0};
    fl_limits limits = fl_limits_of(profile, 30 * 24 * 3600 * FL_NS_PER_S);
    fl_arena_init(&arena, (size_t)64 << 20);
    assert_ok(
        fl_segment_decode(&arena, document, &limits, START_NS + 60 * FL_NS_PER_S, &decoded, &err),
        &err);
    if (decoded.reject_count > 0) {
        fail_msg("%s: %s: %.*s", fl_reject_name(decoded.rejects[0].code), decoded.rejects[0].detail,
                 FL_P(document));
    }
    assert_int_equal(decoded.segment_count, 1);
    assert_int_equal(decoded.notes.fields_dropped + decoded.notes.annotations_dropped +
                         decoded.notes.texts_repaired,
                     0);
    fl_arena_fini(&arena);
}

static void every_document_is_valid_in_both_profiles_and_fits_a_datagram(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 3; seed++) {
        fl_buf all;
        emit_all(seed, START_NS, &all);
        fl_str rest = fl_buf_str(&all);
        while (rest.n > 0) {
            fl_str document = fl_str_cut(&rest, '\n');
            assert_true(document.n <= 65507 - 64);
            expect_accepted(document, FL_PROFILE_OPEN);
            expect_accepted(document, FL_PROFILE_AWS);
        }
        fl_buf_fini(&all);
    }
}

/* Assembles what a trace's documents say. */
static const fl_trace *assemble(fl_arena *arena, const fl_demo_trace *demo)
{
    fl_record records[FL_DEMO_DOCUMENTS_MAX];
    fl_trace *trace;
    fl_err err = {0};
    for (size_t i = 0; i < demo->count; i++) {
        records[i] = (fl_record){.segment = demo->documents[i].segment, .arrival = i};
    }
    assert_ok(fl_trace_assemble(arena, demo->id, records, demo->count,
                                START_NS + 3600 * FL_NS_PER_S, &trace, &err),
              &err);
    return trace;
}

static void every_trace_is_whole_and_finished_when_all_is_sent(void **state)
{
    (void)state;
    fl_demo_random random = {1};
    for (uint64_t i = 0; i < KINDS; i++) {
        fl_arena arena;
        fl_demo_trace demo;
        fl_err err = {0};
        fl_arena_init(&arena, (size_t)64 << 20);
        assert_ok(fl_demo_shop(&arena, &random, i, START_NS, &demo, &err), &err);
        const fl_trace *trace = assemble(&arena, &demo);
        assert_false(trace->in_progress);
        assert_int_equal(trace->start_ns, START_NS);
        for (size_t j = 0; j < trace->top_count; j++) {
            assert_false(trace->tops[j]->orphan);
            assert_true(trace->tops[j]->caller != NULL || trace->tops[j] == trace->root);
        }
        assert_true(demo.end_ns - START_NS < 15 * FL_NS_PER_S);
        fl_arena_fini(&arena);
    }
}

static void twenty_traces_hold_everything_that_goes_wrong(void **state)
{
    (void)state;
    fl_demo_random random = {1};
    unsigned faults = 0, errors = 0, throttles = 0, slow = 0, unfinished = 0, streamed = 0,
             queued = 0;
    for (uint64_t i = 0; i < KINDS; i++) {
        fl_arena arena;
        fl_demo_trace demo;
        fl_arena_init(&arena, (size_t)64 << 20);
        assert_ok(fl_demo_shop(&arena, &random, i, START_NS, &demo, NULL), NULL);
        faults += demo.fault;
        errors += demo.error;
        throttles += demo.throttle;
        slow += demo.slow;
        for (size_t j = 0; j < demo.count; j++) {
            const fl_segment *segment = demo.documents[j].segment;
            if (!fl_segment_is_complete(segment)) {
                unfinished++;
                assert_int_equal(segment->in_progress, FL_TRUE);
                assert_true(segment->http == NULL || !segment->http->has_response);
                assert_null(segment->cause);
            }
            streamed += segment->is_subsegment;
            queued +=
                fl_str_eq(segment->name, FL_S("fulfilment")) && fl_segment_is_complete(segment);
            assert_true(j == 0 || demo.documents[j].send_ns >= demo.documents[j - 1].send_ns);
        }
        fl_arena_fini(&arena);
    }
    assert_int_equal(faults, 3);
    assert_int_equal(errors, 1);
    assert_int_equal(throttles, 2);
    assert_int_equal(slow, 3);
    assert_int_equal(queued, 7);
    assert_true(unfinished >= 10);
    assert_true(streamed >= 100);
}

static void the_newest_trace_is_a_declined_payment(void **state)
{
    (void)state;
    fl_demo_random random = {1};
    fl_arena arena;
    fl_demo_trace demo;
    fl_arena_init(&arena, (size_t)64 << 20);
    assert_ok(fl_demo_shop(&arena, &random, 0, START_NS, &demo, NULL), NULL);
    assert_true(demo.fault);
    assert_int_equal(demo.id.hi >> 32, START_NS / FL_NS_PER_S);
    fl_arena_fini(&arena);
}

static void failing_allocations_are_reported(void **state)
{
    (void)state;
    fl_status status = FL_E_NOMEM;
    for (uint64_t fail_at = 1; status != FL_OK; fail_at++) {
        fl_demo_random random = {1};
        fl_arena arena;
        fl_demo_trace demo = {0};
        fl_arena_init(&arena, (size_t)64 << 20);
        arena.fail_at = fail_at;
        status = fl_demo_shop(&arena, &random, 0, START_NS, &demo, NULL);
        assert_true(status == FL_OK || (status == FL_E_NOMEM && demo.count == 0));
        fl_arena_fini(&arena);
        assert_true(fail_at < 10000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_seed_gives_the_same_traffic_again),
        cmocka_unit_test(every_document_is_valid_in_both_profiles_and_fits_a_datagram),
        cmocka_unit_test(every_trace_is_whole_and_finished_when_all_is_sent),
        cmocka_unit_test(twenty_traces_hold_everything_that_goes_wrong),
        cmocka_unit_test(the_newest_trace_is_a_declined_payment),
        cmocka_unit_test(failing_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, fixture_setup, NULL);
}
