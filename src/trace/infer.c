#include <stdlib.h>

#include <xxhash.h>

#include "trace/assemble_int.h"

#define CALLEE_GRACE_NS (60 * FL_NS_PER_S)

/* Part of every id that a reader may have kept: never to be changed. */
#define INFERRED_ID_KEY UINT64_C(0x666c756f726f0001)

/* What is allocated for one inferred segment. */
typedef struct inferred_segment {
    fl_entity entity;
    fl_segment segment;
} inferred_segment;

bool fl_entity_is_call(const fl_entity *entity)
{
    const fl_segment *segment = entity->segment;
    return segment->is_subsegment && (fl_str_eq(segment->name_space, FL_S("aws")) ||
                                      fl_str_eq(segment->name_space, FL_S("remote")));
}

static void put_be64(unsigned char *to, uint64_t value)
{
    for (int i = 0; i < 8; i++) {
        to[i] = (unsigned char)(value >> (56 - 8 * i));
    }
}

/* The same in every revision of the trace. Only an id that somebody else of the trace bears already
 * moves it on. */
static uint64_t inferred_id(const fl_collation *collation, fl_trace_id trace_id, uint64_t call_id)
{
    unsigned char bytes[24];
    put_be64(bytes, trace_id.hi);
    put_be64(bytes + 8, trace_id.lo);
    put_be64(bytes + 16, call_id);
    uint64_t key = INFERRED_ID_KEY;
    uint64_t id;
    do {
        id = XXH3_64bits_withSeed(bytes, sizeof bytes, key++);
    } while (id == 0 || fl_collation_find(collation, id) != NULL);
    return id;
}

static bool says_traced(const fl_segment *call)
{
    return call->traced == FL_TRUE || (call->http != NULL && call->http->traced == FL_TRUE);
}

/* A topic with active tracing sends a segment of its own: then nothing is missing. */
static bool answered_by_queue(const fl_entity *call, fl_str queue_origin)
{
    for (const fl_entity *callee = call->first_callee; callee != NULL;
         callee = callee->next_callee) {
        if (fl_str_starts(callee->segment->origin, queue_origin)) {
            return true;
        }
    }
    return false;
}

/* The callees hang below the queue from now on: sender → queue → consumer. */
static void put_between(fl_entity *call, fl_entity *inferred)
{
    inferred->first_callee = call->first_callee;
    for (fl_entity *callee = inferred->first_callee; callee != NULL; callee = callee->next_callee) {
        callee->caller = inferred;
    }
    call->first_callee = inferred;
}

static fl_status add_inferred(fl_arena *arena, const fl_collation *collation, fl_entity *call,
                              fl_trace *trace, fl_err *err)
{
    inferred_segment *made = FL_ARENA_NEW(arena, inferred_segment);
    if (made == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to infer a segment");
    }
    const fl_segment *from = call->segment;
    made->segment = (fl_segment){.trace_id = trace->id,
                                 .id = inferred_id(collation, trace->id, from->id),
                                 .parent_id = from->id,
                                 .name = from->name,
                                 .start_ns = from->start_ns,
                                 .end_ns = from->end_ns,
                                 .in_progress = from->in_progress,
                                 .error = from->error,
                                 .throttle = from->throttle,
                                 .fault = from->fault,
                                 .http = from->http,
                                 .aws = from->aws,
                                 .sql = from->sql};
    made->entity = (fl_entity){.segment = &made->segment,
                               .owner = &made->entity,
                               .caller = call,
                               .arrival_ns = call->arrival_ns,
                               .inferred = true};
    FL_TRY(fl_node_of_call(arena, from, &made->entity.node, &made->segment.origin, err));
    put_between(call, &made->entity);
    trace->tops[trace->top_count++] = &made->entity;
    return FL_OK;
}

static fl_status answer_call(fl_arena *arena, const fl_collation *collation, fl_entity *call,
                             int64_t now_ns, fl_trace *trace, fl_err *err)
{
    if (call->first_callee != NULL) {
        fl_str queue_origin = fl_call_queue_origin(call->segment);
        if (queue_origin.p == NULL || answered_by_queue(call, queue_origin)) {
            return FL_OK;
        }
    } else if (says_traced(call->segment) && now_ns < trace->updated_ns + CALLEE_GRACE_NS) {
        trace->waits_for_callee = true;
        return FL_OK;
    }
    return add_inferred(arena, collation, call, trace, err);
}

static int compare_tops(const void *a, const void *b)
{
    return fl_entity_cmp(*(fl_entity *const *)a, *(fl_entity *const *)b);
}

fl_status fl_infer(fl_arena *arena, const fl_collation *collation, const fl_linked *linked,
                   int64_t now_ns, fl_trace *trace, fl_err *err)
{
    trace->tops = FL_ARENA_ARRAY(arena, fl_entity *, linked->top_count + linked->call_count);
    if (trace->tops == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to infer segments");
    }
    for (size_t i = 0; i < linked->count; i++) {
        fl_entity *top = &linked->entities[i];
        if (top->parent != NULL) {
            continue;
        }
        trace->tops[trace->top_count++] = top;
        size_t first_inferred = trace->top_count;
        for (fl_entity *entity = top; entity != NULL; entity = fl_entity_next(top, entity)) {
            if (fl_entity_is_call(entity)) {
                FL_TRY(answer_call(arena, collation, entity, now_ns, trace, err));
            }
        }
        if (trace->top_count - first_inferred > 1) {
            qsort(&trace->tops[first_inferred], trace->top_count - first_inferred,
                  sizeof *trace->tops, compare_tops);
        }
    }
    return FL_OK;
}
