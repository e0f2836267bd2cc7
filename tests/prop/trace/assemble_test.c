/*
 * Random traces of few ids, so that records, embedded copies, cycles and orphans meet. The
 * assembled trace must be that of a slow reference written straight after trace-model.md §3 and §4,
 * for any order of the records. Traces grow with the round, so that the first failure is a small
 * one.
 */
#include <stdio.h>
#include <stdlib.h>

#include <yyjson.h>

#include "support/test.h"
#include "trace/trace.h"

#define ROUNDS      1200
#define RECORDS_MAX 14
#define PLACES_MAX  400 /* (sub)segments written anywhere in the records */
#define IDS_MAX     12

static const fl_trace_id trace_id = {0x67a1b2c00a1b2c3d, 0x4e5f60718293a4b5};

/* ---- Random records */

typedef struct sample {
    fl_arena *arena;
    test_random *random;
    fl_record records[RECORDS_MAX + 1];
    size_t record_count, place_count;
    uint64_t ids;
} sample;

static bool one_in(sample *s, uint64_t n)
{
    return test_random_below(s->random, n) == 0;
}

static uint64_t random_id(sample *s)
{
    return 1 + test_random_below(s->random, s->ids);
}

static void random_annotations(sample *s, fl_segment *segment)
{
    static const fl_str texts[] = {{"2", 1}, {"2.0", 3}, {"3", 1}};
    segment->annotations = FL_ARENA_ARRAY(s->arena, fl_annotation, 2);
    assert_non_null(segment->annotations);
    segment->has_annotations = true;
    segment->annotation_count = (uint32_t)test_random_below(s->random, 3);
    for (uint32_t i = 0; i < segment->annotation_count; i++) {
        segment->annotations[i] =
            (fl_annotation){.key = one_in(s, 2) ? FL_S("k") : FL_S("l"),
                            .kind = one_in(s, 2) ? FL_ANNOTATION_NUMBER : FL_ANNOTATION_STRING,
                            .text = texts[test_random_below(s->random, 3)]};
    }
}

static void random_members(sample *s, fl_segment *segment)
{
    static const fl_str names[] = {{"SQS", 3}, {"S3", 2}, {"web", 3}};
    static const fl_str spaces[] = {{"aws", 3}, {"remote", 6}, {"local", 5}, {NULL, 0}};
    static const fl_str origins[] = {{NULL, 0}, {"AWS::SQS", 8}, {"AWS::EC2::Instance", 18}};
    segment->trace_id = trace_id;
    segment->name = names[test_random_below(s->random, 3)];
    segment->name_space = spaces[test_random_below(s->random, 4)];
    segment->origin = origins[test_random_below(s->random, 3)];
    segment->start_ns = (RECORDS_MAX + (int64_t)test_random_below(s->random, 4)) * FL_NS_PER_S;
    segment->end_ns = segment->start_ns + (int64_t)test_random_below(s->random, 3) * FL_NS_PER_S;
    if (one_in(s, 3)) {
        segment->end_ns = FL_TIME_NONE;
    }
    segment->throttle = one_in(s, 4) ? FL_TRUE : FL_ABSENT;
    segment->user = one_in(s, 2) ? FL_S("u") : FL_S("v");
    random_annotations(s, segment);
}

/* As decoding leaves it: an embedded one's trace_id and parent_id come from its owner. */
static void random_segment(sample *s, fl_segment *segment, uint64_t owner_id, int depth)
{
    segment->id = random_id(s);
    random_members(s, segment);
    s->place_count++;
    if (owner_id != 0) {
        segment->is_subsegment = true;
        segment->parent_id = owner_id;
    } else {
        segment->is_subsegment = one_in(s, 2);
        segment->parent_id = segment->is_subsegment || one_in(s, 2) ? random_id(s) : 0;
    }
    uint64_t room = depth < 4 && s->place_count < PLACES_MAX - 4 * RECORDS_MAX ? 3 : 1;
    segment->subsegment_count = (uint32_t)test_random_below(s->random, room);
    segment->subsegments = FL_ARENA_ARRAY(s->arena, fl_segment, segment->subsegment_count);
    assert_non_null(segment->subsegments);
    for (uint32_t i = 0; i < segment->subsegment_count; i++) {
        random_segment(s, &segment->subsegments[i], segment->id, depth + 1);
    }
}

static void shuffle(sample *s)
{
    for (size_t i = s->record_count; i > 1; i--) {
        size_t k = test_random_below(s->random, i);
        fl_record swapped = s->records[i - 1];
        s->records[i - 1] = s->records[k];
        s->records[k] = swapped;
    }
}

static void random_sample(sample *s, size_t round)
{
    size_t most = 1 + round * RECORDS_MAX / ROUNDS;
    s->record_count = 1 + test_random_below(s->random, most);
    s->ids = 2 + test_random_below(s->random, IDS_MAX - 1);
    for (size_t i = 0; i < s->record_count; i++) {
        fl_segment *segment = FL_ARENA_NEW(s->arena, fl_segment);
        assert_non_null(segment);
        random_segment(s, segment, 0, 0);
        s->records[i] = (fl_record){segment, 2 * i + 2, (int64_t)i};
    }
    shuffle(s);
}

/* ---- The reference */

typedef struct place {
    const fl_segment *segment;
    uint64_t arrival;
    const struct place *around; /* NULL: a record itself */
} place;

typedef struct reference {
    place places[PLACES_MAX];
    size_t place_count;
    const place *winner[IDS_MAX + 1]; /* by id */
    bool decided[IDS_MAX + 1];
    uint64_t parent[IDS_MAX + 1], caller[IDS_MAX + 1]; /* 0 = none */
} reference;

static void list_places(reference *ref, const fl_segment *segment, uint64_t arrival,
                        const place *around)
{
    assert_true(ref->place_count < PLACES_MAX);
    place *here = &ref->places[ref->place_count++];
    *here = (place){segment, arrival, around};
    for (uint32_t i = 0; i < segment->subsegment_count; i++) {
        list_places(ref, &segment->subsegments[i], arrival, here);
    }
}

static int depth_of(const place *p)
{
    return p->around != NULL ? 1 + depth_of(p->around) : 0;
}

/* Complete, then later arrival, then the later place in the document, deeper levels being later. */
static bool counts_before(const place *a, const place *b)
{
    bool a_complete = fl_segment_is_complete(a->segment);
    if (a_complete != fl_segment_is_complete(b->segment)) {
        return a_complete;
    }
    if (a->arrival != b->arrival) {
        return a->arrival > b->arrival;
    }
    int a_depth = depth_of(a), b_depth = depth_of(b);
    return a_depth != b_depth ? a_depth > b_depth : a > b;
}

static const place *best_that_stands(const reference *ref, uint64_t id, bool *waits)
{
    const place *best = NULL;
    *waits = false;
    for (const place *p = ref->places; p < ref->places + ref->place_count; p++) {
        if (p->segment->id != id) {
            continue;
        }
        uint64_t around = p->around != NULL ? p->around->segment->id : 0;
        if (around != 0 && !ref->decided[around]) {
            *waits = true;
        } else if (around == 0 || ref->winner[around] == p->around) {
            best = best == NULL || counts_before(p, best) ? p : best;
        }
    }
    return best;
}

static bool decide_those_that_wait_for_nothing(reference *ref)
{
    bool progress = false;
    for (uint64_t id = 1; id <= IDS_MAX; id++) {
        bool waits;
        const place *best = best_that_stands(ref, id, &waits);
        if (!ref->decided[id] && !waits) {
            ref->winner[id] = best;
            ref->decided[id] = progress = true;
        }
    }
    return progress;
}

static bool decide_those_with_a_candidate(reference *ref)
{
    const place *best[IDS_MAX + 1] = {0};
    bool progress = false;
    for (uint64_t id = 1; id <= IDS_MAX; id++) {
        bool waits;
        best[id] = ref->decided[id] ? NULL : best_that_stands(ref, id, &waits);
    }
    for (uint64_t id = 1; id <= IDS_MAX; id++) {
        if (best[id] != NULL) {
            ref->winner[id] = best[id];
            ref->decided[id] = progress = true;
        }
    }
    return progress;
}

static bool before(const reference *ref, uint64_t a, uint64_t b)
{
    int64_t a_start = ref->winner[a]->segment->start_ns;
    int64_t b_start = ref->winner[b]->segment->start_ns;
    return a_start != b_start ? a_start < b_start : a < b;
}

static uint64_t owner_of(const reference *ref, uint64_t id)
{
    while (ref->parent[id] != 0) {
        id = ref->parent[id];
    }
    return id;
}

static uint64_t up_parent(const reference *ref, uint64_t id)
{
    return ref->parent[id];
}

static uint64_t up_caller(const reference *ref, uint64_t id)
{
    return ref->caller[id] != 0 ? owner_of(ref, ref->caller[id]) : 0;
}

/* Cuts the first member that came alone of each cycle. */
static void cut(reference *ref, uint64_t (*up)(const reference *, uint64_t), uint64_t *relation)
{
    for (uint64_t id = 1; id <= IDS_MAX; id++) {
        uint64_t first = 0, at = ref->winner[id] != NULL ? id : 0;
        for (int step = 0; step <= IDS_MAX && at != 0; step++) {
            if (ref->winner[at]->around == NULL && (first == 0 || before(ref, at, first))) {
                first = at;
            }
            at = up(ref, at);
            if (at == id) {
                relation[first] = 0;
                break;
            }
        }
    }
}

static bool is_orphan(const reference *ref, uint64_t id)
{
    return ref->parent[id] == 0 && ref->winner[id]->segment->is_subsegment;
}

static void link_reference(reference *ref)
{
    for (uint64_t id = 1; id <= IDS_MAX; id++) {
        const place *winner = ref->winner[id];
        if (winner == NULL) {
            continue;
        }
        uint64_t named = winner->segment->parent_id;
        if (winner->around != NULL) {
            ref->parent[id] = winner->around->segment->id;
        } else if (winner->segment->is_subsegment && ref->winner[named] != NULL) {
            ref->parent[id] = named;
        }
    }
    cut(ref, up_parent, ref->parent);
    for (uint64_t id = 1; id <= IDS_MAX; id++) {
        if (ref->winner[id] != NULL && ref->parent[id] == 0 && !is_orphan(ref, id)) {
            uint64_t named = ref->winner[id]->segment->parent_id;
            ref->caller[id] = named != 0 && ref->winner[named] != NULL ? named : 0;
        }
    }
    cut(ref, up_caller, ref->caller);
}

static void make_reference(reference *ref, const sample *s)
{
    *ref = (reference){0};
    for (size_t i = 0; i < s->record_count; i++) {
        list_places(ref, s->records[i].segment, s->records[i].arrival, NULL);
    }
    while (decide_those_that_wait_for_nothing(ref) || decide_those_with_a_candidate(ref)) {
    }
    link_reference(ref);
}

/* ---- Comparison */

static bool is_call(const fl_segment *segment)
{
    return segment->is_subsegment && (fl_str_eq(segment->name_space, FL_S("aws")) ||
                                      fl_str_eq(segment->name_space, FL_S("remote")));
}

/* What the call's inferred segment is: none, the callee, or a queue before the callees. */
static bool wants_inferred(const reference *ref, uint64_t call)
{
    const fl_segment *segment = ref->winner[call]->segment;
    bool answered = false, by_queue = false;
    for (uint64_t id = 1; id <= IDS_MAX; id++) {
        if (ref->caller[id] == call) {
            answered = true;
            by_queue =
                by_queue || fl_str_starts(ref->winner[id]->segment->origin, FL_S("AWS::SQS"));
        }
    }
    bool queue =
        fl_str_eq(segment->name_space, FL_S("aws")) && fl_str_eq(segment->name, FL_S("SQS"));
    return is_call(segment) && (!answered || (queue && !by_queue));
}

static uint64_t id_of(const fl_entity *entity)
{
    return entity != NULL ? entity->segment->id : 0;
}

static void assert_ordered(const fl_entity *one, const fl_entity *next)
{
    if (next != NULL) {
        const fl_segment *a = one->segment, *b = next->segment;
        assert_true(a->start_ns < b->start_ns || (a->start_ns == b->start_ns && a->id < b->id));
    }
}

static size_t check_callees(const fl_entity *entity)
{
    size_t inferred = 0;
    for (const fl_entity *c = entity->first_callee; c != NULL; c = c->next_callee) {
        assert_ptr_equal(c->caller, entity);
        assert_ordered(c, c->next_callee);
        inferred += c->inferred;
    }
    return inferred;
}

static size_t check_nesting(const reference *ref, const fl_entity *entity, const fl_entity *owner)
{
    size_t count = 1;
    uint64_t id = entity->segment->id;
    assert_ptr_equal(entity->segment, ref->winner[id]->segment);
    assert_int_equal(id_of(entity->parent), ref->parent[id]);
    assert_ptr_equal(entity->owner, owner);
    assert_int_equal(check_callees(entity), wants_inferred(ref, id));
    for (const fl_entity *c = entity->first_child; c != NULL; c = c->next_sibling) {
        assert_ptr_equal(c->parent, entity);
        assert_ordered(c, c->next_sibling);
        count += check_nesting(ref, c, owner);
    }
    return count;
}

static void check_caller(const reference *ref, const fl_entity *top)
{
    const fl_entity *caller = top->caller;
    if (caller != NULL && caller->inferred) { /* the queue between sender and consumer */
        caller = caller->caller;
    }
    assert_int_equal(id_of(caller), ref->caller[top->segment->id]);
}

static void check_against(const reference *ref, const fl_trace *trace)
{
    size_t count = 0, expected = 0;
    const fl_entity *sent = NULL;
    for (size_t i = 0; i < trace->top_count; i++) {
        const fl_entity *top = trace->tops[i];
        if (top->inferred) {
            assert_ptr_equal(top->caller->owner, sent);
            (void)check_callees(top);
            count++;
            continue;
        }
        if (sent != NULL) {
            assert_ordered(sent, top);
        }
        sent = top;
        assert_int_equal(top->orphan, is_orphan(ref, top->segment->id));
        check_caller(ref, top);
        count += check_nesting(ref, top, top);
    }
    for (uint64_t id = 1; id <= IDS_MAX; id++) {
        expected += ref->winner[id] != NULL ? 1 + (size_t)wants_inferred(ref, id) : 0;
    }
    assert_int_equal(count, expected);
    assert_int_equal(trace->entity_count, expected);
}

/* The document nests as the entities do. */
static void check_document(const fl_entity *entity, yyjson_val *json)
{
    char id[17];
    (void)snprintf(id, sizeof id, "%016llx", (unsigned long long)entity->segment->id);
    assert_string_equal(yyjson_get_str(yyjson_obj_get(json, "id")), id);
    assert_int_equal(yyjson_obj_get(json, "inferred") != NULL, entity->inferred);
    assert_int_equal(yyjson_obj_get(json, "trace_id") != NULL, entity->parent == NULL);
    yyjson_val *nested = yyjson_obj_get(json, "subsegments");
    size_t i = 0;
    for (const fl_entity *c = entity->first_child; c != NULL; c = c->next_sibling) {
        check_document(c, yyjson_arr_get(nested, i++));
    }
    assert_int_equal(yyjson_arr_size(nested), i);
}

static fl_trace *assemble(const sample *s, fl_arena *arena, fl_buf *out)
{
    fl_trace *trace = NULL;
    fl_summary summary;
    fl_err err = {0};
    fl_limits limits = fl_limits_of(FL_PROFILE_AWS, 0);
    assert_ok(
        fl_trace_assemble(arena, trace_id, s->records, s->record_count, INT64_MAX, &trace, &err),
        &err);
    assert_ok(fl_trace_summarize(arena, trace, &limits, &summary, &err), &err);
    for (size_t i = 0; i < trace->top_count; i++) {
        fl_entity_emit(trace->tops[i], out);
        fl_buf_add_byte(out, '\n');
    }
    summary.revision = 1;
    fl_summary_emit(&summary, (fl_str){0}, out);
    assert_int_equal(out->status, FL_OK);
    return trace;
}

static void check_documents(const fl_trace *trace, fl_buf *out)
{
    for (size_t i = 0; i < trace->top_count; i++) {
        fl_buf_reset(out);
        fl_entity_emit(trace->tops[i], out);
        yyjson_doc *doc = yyjson_read(out->p, out->n, YYJSON_READ_NOFLAG);
        assert_non_null(doc);
        check_document(trace->tops[i], yyjson_doc_get_root(doc));
        yyjson_doc_free(doc);
    }
}

/* ---- Properties */

static void run(void (*property)(sample *s, fl_arena *arena))
{
    test_random random = test_random_begin();
    for (size_t round = 0; round < ROUNDS; round++) {
        fl_arena made, scratch;
        fl_arena_init(&made, (size_t)16 << 20);
        fl_arena_init(&scratch, (size_t)16 << 20);
        sample s = {.arena = &made, .random = &random};
        random_sample(&s, round);
        property(&s, &scratch);
        fl_arena_fini(&scratch);
        fl_arena_fini(&made);
    }
}

static void equals_reference(sample *s, fl_arena *arena)
{
    reference *ref = malloc(sizeof *ref);
    fl_buf out;
    assert_non_null(ref);
    fl_buf_init(&out, (size_t)1 << 20);
    make_reference(ref, s);
    const fl_trace *trace = assemble(s, arena, &out);
    check_against(ref, trace);
    check_documents(trace, &out);
    fl_buf_fini(&out);
    free(ref);
}

static void assembled_trace_is_that_of_the_slow_reference(void **state)
{
    (void)state;
    run(equals_reference);
}

static void same_in_another_order(sample *s, fl_arena *arena)
{
    fl_buf first, again;
    fl_buf_init(&first, (size_t)1 << 20);
    fl_buf_init(&again, (size_t)1 << 20);
    (void)assemble(s, arena, &first);
    for (int i = 0; i < 3; i++) {
        shuffle(s);
        fl_buf_reset(&again);
        (void)assemble(s, arena, &again);
        assert_true(fl_str_eq(fl_buf_str(&first), fl_buf_str(&again)));
    }
    fl_buf_fini(&again);
    fl_buf_fini(&first);
}

static void documents_and_summary_do_not_depend_on_the_order_of_records(void **state)
{
    (void)state;
    run(same_in_another_order);
}

static void same_with_an_earlier_copy(sample *s, fl_arena *arena)
{
    fl_buf first, again;
    fl_buf_init(&first, (size_t)1 << 20);
    fl_buf_init(&again, (size_t)1 << 20);
    (void)assemble(s, arena, &first);
    fl_record copy = s->records[test_random_below(s->random, s->record_count)];
    copy.arrival--;
    s->records[s->record_count++] = copy;
    (void)assemble(s, arena, &again);
    assert_true(fl_str_eq(fl_buf_str(&first), fl_buf_str(&again)));
    fl_buf_fini(&again);
    fl_buf_fini(&first);
}

static void record_sent_twice_changes_nothing(void **state)
{
    (void)state;
    run(same_with_an_earlier_copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(assembled_trace_is_that_of_the_slow_reference),
        cmocka_unit_test(documents_and_summary_do_not_depend_on_the_order_of_records),
        cmocka_unit_test(record_sent_twice_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
