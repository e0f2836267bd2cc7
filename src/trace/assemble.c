#include "trace/assemble_int.h"

/* What the records say by themselves: the first start that anybody told (a replaced text's too, so
 * that trace_time never moves forward) and the latest news. */
static void fold_records(fl_trace *trace, const fl_record *records, size_t count)
{
    int64_t earliest_ns = records[0].segment->start_ns;
    trace->updated_ns = records[0].arrival_ns;
    for (size_t i = 1; i < count; i++) {
        if (records[i].segment->start_ns < earliest_ns) {
            earliest_ns = records[i].segment->start_ns;
        }
        if (records[i].arrival_ns > trace->updated_ns) {
            trace->updated_ns = records[i].arrival_ns;
        }
    }
    trace->time_ns = fl_trace_time_ns(trace->id, earliest_ns);
}

static void fold_entities(fl_trace *trace, const fl_linked *linked)
{
    trace->start_ns = linked->entities[0].segment->start_ns; /* they are sorted by it */
    trace->end_ns = FL_TIME_NONE;
    for (size_t i = 0; i < linked->count; i++) {
        const fl_segment *segment = linked->entities[i].segment;
        if (!fl_segment_is_complete(segment)) {
            trace->in_progress = true;
        } else if (segment->end_ns > trace->end_ns) {
            trace->end_ns = segment->end_ns;
        }
    }
}

/* The first segment without parent_id, else the first whose parent is unknown (trace-model.md §5).
 */
static fl_entity *find_root(const fl_linked *linked)
{
    fl_entity *unknown_parent = NULL;
    for (size_t i = 0; i < linked->count; i++) {
        fl_entity *entity = &linked->entities[i];
        if (entity->parent != NULL || entity->orphan) {
            continue;
        }
        if (entity->segment->parent_id == 0) {
            return entity;
        }
        if (unknown_parent == NULL && entity->caller == NULL) {
            unknown_parent = entity;
        }
    }
    return unknown_parent;
}

fl_status fl_trace_assemble(fl_arena *arena, fl_trace_id id, const fl_record *records, size_t count,
                            int64_t now_ns, fl_trace **out, fl_err *err)
{
    if (count == 0) {
        FL_FAIL(err, FL_E_NOT_FOUND, "a trace without records");
    }
    fl_trace *trace = FL_ARENA_NEW(arena, fl_trace);
    if (trace == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to assemble a trace");
    }
    fl_collation collation;
    fl_linked linked;
    FL_TRY(fl_collate(arena, records, count, &collation, err));
    FL_TRY(fl_entities_link(arena, &collation, &linked, err));
    trace->id = id;
    fold_records(trace, records, count);
    fold_entities(trace, &linked);
    trace->root = find_root(&linked);
    FL_TRY(fl_infer(arena, &collation, &linked, now_ns, trace, err));
    trace->entity_count = linked.count + (trace->top_count - linked.top_count);
    *out = trace;
    return FL_OK;
}
