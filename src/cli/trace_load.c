#include "cli/trace_load_int.h"

/* What the server stored has passed its limits; a compiled document may be larger than any that was
 * sent. */
static fl_limits no_limits(void)
{
    fl_limits limits = fl_limits_of(FL_PROFILE_OPEN, 0);
    limits.document_bytes = SIZE_MAX;
    limits.future_ns = INT64_MAX / 4;
    return limits;
}

static fl_status is_inferred(fl_str document, bool *inferred, fl_err *err)
{
    fl_arena arena;
    yyjson_val *root = NULL;
    fl_arena_init(&arena, (size_t)1 << 30);
    fl_status status = fl_json_read(&arena, document, FL_JSON_REPAIR_UTF8, &root, NULL, err);
    *inferred = status == FL_OK && yyjson_is_true(fl_json_get(root, FL_S("inferred")));
    fl_arena_fini(&arena);
    return status == FL_E_SYNTAX ? FL_OK : status; /* decoding will count it */
}

static fl_status read_documents(fl_arena *arena, const fl_trace_documents *documents,
                                int64_t now_ns, fl_record *records, size_t *count,
                                size_t *unreadable, fl_err *err)
{
    fl_limits limits = no_limits();
    for (size_t i = 0; i < documents->count; i++) {
        bool inferred;
        fl_decoded decoded;
        FL_TRY(is_inferred(documents->texts[i], &inferred, err));
        if (inferred) {
            continue;
        }
        FL_TRY(fl_segment_decode(arena, documents->texts[i], &limits, now_ns, &decoded, err));
        *unreadable += decoded.reject_count;
        if (decoded.segment_count > 0) {
            records[*count] = (fl_record){.segment = &decoded.segments[0], .arrival = *count};
            (*count)++;
        }
    }
    return FL_OK;
}

fl_status fl_trace_load(fl_arena *arena, fl_trace_id id, const fl_trace_documents *documents,
                        int64_t now_ns, fl_waterfall_source *out, fl_err *err)
{
    fl_trace *trace;
    size_t count = 0, unreadable = 0;
    fl_record *records = FL_ARENA_ARRAY(arena, fl_record, documents->count);
    if (records == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    FL_TRY(read_documents(arena, documents, now_ns, records, &count, &unreadable, err));
    if (count == 0) {
        FL_FAIL(err, FL_E_CORRUPT,
                "none of the trace's %zu documents can be read; --json shows them as they are",
                documents->count);
    }
    FL_TRY(fl_trace_assemble(arena, id, records, count, now_ns, &trace, err));
    trace->limit_exceeded = documents->limit_exceeded;
    *out = (fl_waterfall_source){.trace = trace, .unreadable = unreadable};
    return FL_OK;
}
