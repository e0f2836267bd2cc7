/* Life of the ingest, what it counts, and its metric table. */
#include <stdlib.h>

#include "ingest/ingest_int.h"

#define STATS(member) offsetof(fl_ingest_stats, member)

/* clang-format off */
#define DOCUMENTS_ROW(code, label) \
    {"fluoro_documents_total", "source=\"" label "\"", "Document texts taken in hand.", \
     FL_METRIC_COUNTER, STATS(documents) + code * sizeof(fl_counter)},
#define ACCEPTED_ROW(code, label) \
    {"fluoro_segments_accepted_total", "source=\"" label "\"", "Segments and independent subsegments that passed validation.", \
     FL_METRIC_COUNTER, STATS(accepted) + code * sizeof(fl_counter)},
#define STORED_ROW(code, label) \
    {"fluoro_segments_stored_total", "source=\"" label "\"", "Segments that the store acknowledged.", \
     FL_METRIC_COUNTER, STATS(stored) + code * sizeof(fl_counter)},
#define REJECTED_ROW(code, name) \
    {"fluoro_documents_rejected_total", "reason=\"" name "\"", "Documents refused, by ErrorCode.", \
     FL_METRIC_COUNTER, STATS(rejected) + code * sizeof(fl_counter)},
#define DROPPED_ROW(code, label, help) \
    {"fluoro_documents_dropped_total", "reason=\"" label "\"", "Documents lost without an answer, by reason.", \
     FL_METRIC_COUNTER, STATS(dropped) + code * sizeof(fl_counter)},
#define PART_ROW(part, member) \
    {"fluoro_document_parts_dropped_total", "part=\"" part "\"", "Parts of accepted documents that were left out.", \
     FL_METRIC_COUNTER, STATS(member)},

const fl_metric fl_ingest_metrics[] = {
    FL_SOURCE_TABLE(DOCUMENTS_ROW)
    FL_SOURCE_TABLE(ACCEPTED_ROW)
    FL_SOURCE_TABLE(STORED_ROW)
    FL_REJECT_TABLE(REJECTED_ROW)
    FL_DROP_TABLE(DROPPED_ROW)
    PART_ROW("field", fields_dropped)
    PART_ROW("annotation", annotations_dropped)
    PART_ROW("link", links_dropped)
    {"fluoro_document_texts_repaired_total", "", "Documents whose invalid UTF-8 was mended.",
     FL_METRIC_COUNTER, STATS(texts_repaired)},
};
/* clang-format on */
const size_t fl_ingest_metrics_count = sizeof fl_ingest_metrics / sizeof fl_ingest_metrics[0];

static const char *const source_labels[] = {
#define LABEL(code, label) label,
    FL_SOURCE_TABLE(LABEL)
#undef LABEL
};
static const char *const drop_labels[] = {
#define LABEL(code, label, help) label,
    FL_DROP_TABLE(LABEL)
#undef LABEL
};
static const char *const drop_helps[] = {
#define HELP(code, label, help) help,
    FL_DROP_TABLE(HELP)
#undef HELP
};

/* Whoever gets an answer learns there of what was refused; the others only from the log. */
static bool gets_answer(fl_source source)
{
    return source == FL_SOURCE_HTTP || source == FL_SOURCE_BEDROCK;
}

void fl_ingest_count_reject(fl_ingest *ingest, const fl_reject *reject, fl_str document,
                            fl_source source)
{
    fl_counter_add(&ingest->stats.rejected[reject->code], 1);
    fl_log *log = ingest->config.log;
    if (!gets_answer(source)) {
        FL_LOG(log, FL_LOG_WARN, "document refused",
               fl_kv_text("code", fl_reject_name(reject->code)),
               fl_kv_text("source", source_labels[source]), fl_kv_text("detail", reject->detail));
    }
    if (fl_log_wants(log, FL_LOG_DEBUG)) {
        FL_LOG(log, FL_LOG_DEBUG, "refused document", fl_kv_str("id", reject->id),
               fl_kv_text("code", fl_reject_name(reject->code)),
               fl_kv_text("detail", reject->detail),
               fl_kv_str("excerpt", fl_reject_excerpt(document)));
    }
}

fl_reject_code fl_ingest_code_of_verdict(uint8_t verdict)
{
    return verdict == FL_PUT_TRACE_TOO_OLD ? FL_REJECT_INVALID_TRACE_ID : FL_REJECT_INVALID_SEGMENT;
}

void fl_ingest_count_notes(fl_ingest *ingest, const fl_decode_notes *notes)
{
    fl_counter_add(&ingest->stats.fields_dropped, notes->fields_dropped);
    fl_counter_add(&ingest->stats.annotations_dropped, notes->annotations_dropped);
    fl_counter_add(&ingest->stats.links_dropped, notes->links_dropped);
    fl_counter_add(&ingest->stats.texts_repaired, notes->texts_repaired);
}

void fl_ingest_drop(fl_ingest *ingest, fl_drop reason, uint64_t count, fl_source source)
{
    if (count == 0) {
        return;
    }
    fl_counter_add(&ingest->stats.dropped[reason], count);
    FL_LOG(ingest->config.log, FL_LOG_WARN, "documents dropped",
           fl_kv_text("reason", drop_labels[reason]), fl_kv_text("source", source_labels[source]),
           fl_kv_i64("count", (int64_t)count), fl_kv_text("because", drop_helps[reason]));
}

const fl_ingest_stats *fl_ingest_stats_get(const fl_ingest *ingest)
{
    return &ingest->stats;
}

void *fl_ingest_lane(fl_ingest *ingest, size_t loop_index)
{
    return &ingest->lanes[loop_index];
}

fl_lane *fl_ingest_lane_of(fl_ingest *ingest, const fl_loop *loop)
{
    for (size_t i = 0; i < ingest->config.loop_count; i++) {
        if (ingest->lanes[i].loop == loop) {
            return &ingest->lanes[i];
        }
    }
    fl_bug("a loop that the ingest was not given");
}

typedef struct start_call {
    fl_lane *lane;
    fl_status status;
    fl_err *err;
} start_call;

static void start_on_loop(void *user)
{
    start_call *call = user;
    call->status = fl_lane_start(call->lane, call->err);
}

static void stop_on_loop(void *user)
{
    fl_lane_stop(user);
}

static void free_lanes(fl_ingest *ingest, size_t started)
{
    for (size_t i = 0; i < started; i++) {
        fl_lane *lane = &ingest->lanes[i];
        uv_sem_t stopped;
        if (uv_sem_init(&stopped, 0) != 0) {
            fl_bug("no semaphore");
        }
        lane->stopped = &stopped;
        fl_loop_call(lane->loop, stop_on_loop, lane);
        uv_sem_wait(&stopped);
        uv_sem_destroy(&stopped);
        fl_lane_fini(lane);
    }
    free(ingest->lanes);
    free(ingest);
}

fl_status fl_ingest_new(const fl_ingest_config *config, fl_ingest **out, fl_err *err)
{
    fl_ingest *ingest = calloc(1, sizeof *ingest);
    fl_lane *lanes = calloc(config->loop_count, sizeof *lanes);
    if (ingest == NULL || lanes == NULL) {
        free(ingest);
        free(lanes);
        FL_FAIL(err, FL_E_NOMEM, "no memory for the ingest of %zu loops", config->loop_count);
    }
    ingest->config = *config;
    ingest->lanes = lanes;
    for (size_t i = 0; i < config->loop_count; i++) {
        lanes[i].ingest = ingest;
        lanes[i].loop = config->loops[i];
        start_call call = {&lanes[i], FL_OK, err};
        fl_loop_call(lanes[i].loop, start_on_loop, &call);
        if (call.status != FL_OK) {
            free_lanes(ingest, i);
            return call.status;
        }
    }
    *out = ingest;
    return FL_OK;
}

void fl_ingest_stop_and_free(fl_ingest *ingest)
{
    if (ingest != NULL) {
        free_lanes(ingest, ingest->config.loop_count);
    }
}
