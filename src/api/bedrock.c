/*
 * POST /bedrock/traces: trace events of Bedrock agents become segments (bedrock.md §5.2).
 *
 * The body is converted on the worker pool, a slice at a time: between two of them other work has
 * its turn, so that an import holds up neither a loop nor a commit. All documents are kept until
 * the end of the body, for an error in it leaves nothing stored.
 */
#include "api/bedrock_int.h"

#define SLICE_BYTES (256u * 1024)

typedef struct import_state {
    fl_ingest_put put;
    fl_work work;
    api_call *call;
    api_import_request request;
    fl_annotation annotate[API_IMPORT_ANNOTATIONS];
    fl_bedrock *converter;
    size_t fed; /* bytes of the body */
    bool finished;
    bool out_of_memory; /* a diagnostic could not be kept */
    api_import_result result;
    fl_status status;
    fl_err err;
} import_state;

#define OF(member, pointer)                                                                        \
    ((import_state *)(void *)((char *)(pointer)-offsetof(import_state, member)))

/* ---- What the converter gives; on a worker */

static fl_status no_memory(const api_call *call, fl_err *err)
{
    if (call->memory.budget_refused) {
        FL_FAIL(err, FL_E_BUSY,
                "the memory for queries does not suffice now; retry later, or import fewer runs at "
                "a time");
    }
    FL_FAIL(err, FL_E_TOO_LARGE, "more than %zu bytes of segments; import fewer runs at a time",
            call->memory.max_bytes);
}

/* An array in the call's memory with room for one more at index; NULL without memory. */
static void *grown(api_call *call, void *items, size_t index, size_t *capacity, size_t size)
{
    if (index < *capacity) {
        return items;
    }
    size_t wanted = index * 2 + 16;
    void *moved = fl_arena_array(&call->memory, wanted, size);
    if (moved != NULL) {
        if (*capacity > 0) {
            memcpy(moved, items, *capacity * size);
        }
        *capacity = wanted;
    }
    return moved;
}

static fl_status take_document(void *user, const fl_bedrock_document *document, fl_err *err)
{
    import_state *state = user;
    api_import_result *result = &state->result;
    fl_str *documents = grown(state->call, result->documents, result->document_count,
                              &result->document_capacity, sizeof *documents);
    fl_str copy = fl_str_dup(&state->call->memory, document->text);
    if (documents == NULL || copy.p == NULL) {
        return no_memory(state->call, err);
    }
    documents[result->document_count++] = copy;
    result->documents = documents;
    return FL_OK;
}

/* A run that a late event changed ends again: the last count is the right one. */
static fl_status take_run(void *user, const fl_bedrock_run *run, fl_err *err)
{
    import_state *state = user;
    api_import_result *result = &state->result;
    api_import_run *runs =
        grown(state->call, result->runs, run->ordinal, &result->run_capacity, sizeof *runs);
    if (runs == NULL) {
        return no_memory(state->call, err);
    }
    runs[run->ordinal - 1] = (api_import_run){run->trace_id, run->segments};
    result->runs = runs;
    result->run_count = run->ordinal > result->run_count ? run->ordinal : result->run_count;
    return FL_OK;
}

static void take_diagnostic(void *user, const fl_bedrock_diagnostic *diagnostic)
{
    import_state *state = user;
    bool is_error = fl_bedrock_code_is_error(diagnostic->code);
    api_import_notes *notes = is_error ? &state->result.errors : &state->result.warnings;
    fl_counter_add(&state->call->api->stats.bedrock_diagnostics[diagnostic->code], 1);
    if (!is_error && notes->count == API_IMPORT_WARNINGS_MAX) {
        state->result.warnings_left_out++;
        return;
    }
    api_import_note *note = FL_ARENA_NEW(&state->call->memory, api_import_note);
    fl_str message = fl_str_dup(&state->call->memory, diagnostic->message);
    if (note == NULL || message.p == NULL) {
        state->out_of_memory = true;
        return;
    }
    note->diagnostic = *diagnostic;
    note->diagnostic.message = message;
    *notes->end = note;
    notes->end = &note->next;
    notes->count++;
}

/* ---- Conversion */

static fl_status convert_slice(import_state *state)
{
    fl_str body = state->call->request->body;
    size_t n = body.n - state->fed < SLICE_BYTES ? body.n - state->fed : SLICE_BYTES;
    if (n > 0) {
        fl_str slice = {body.p + state->fed, n};
        FL_TRY(fl_bedrock_feed(state->converter, slice, &state->err));
        state->fed += n;
    }
    if (state->fed == body.n || fl_bedrock_is_over(state->converter)) {
        FL_TRY(fl_bedrock_finish(state->converter, &state->err));
        state->finished = true;
    }
    return state->out_of_memory ? no_memory(state->call, &state->err) : FL_OK;
}

static void count_result(const import_state *state)
{
    api_stats *stats = &state->call->api->stats;
    fl_counter_add(&stats->bedrock_runs, state->result.run_count);
    for (size_t i = 0; i < state->result.run_count; i++) {
        fl_counter_add(&stats->bedrock_segments, state->result.runs[i].segments);
    }
}

static bool is_refused(const import_state *state)
{
    const api_import_result *result = &state->result;
    bool good_part = api_import_is_partial(&state->request) && result->document_count > 0;
    return result->errors.count > 0 && !good_part;
}

static bool is_stored(const import_state *state)
{
    return !api_import_is_dry(&state->request) && api_import_is_sampled(&state->request);
}

static void after_put(fl_ingest_put *put)
{
    import_state *state = OF(put, put);
    if (put->status == FL_OK) {
        api_import_write(&state->call->answer, &state->request, &state->result, put->rejects, true);
    }
    api_finish(state->call, put->status, &put->err);
}

static void store(import_state *state)
{
    api_call *call = state->call;
    state->put = (fl_ingest_put){.documents = state->result.documents,
                                 .count = state->result.document_count,
                                 .source = FL_SOURCE_BEDROCK,
                                 .loop = call->request->loop,
                                 .arena = &call->memory,
                                 .done = after_put};
    fl_ingest_put_begin(call->api->config.ingest, &state->put);
}

/* The answers that wait for no store; on a worker, for they may be large. */
static void answer_at_once(import_state *state)
{
    if (is_refused(state)) {
        api_import_write_errors(&state->call->answer, &state->result);
    } else if (!is_stored(state)) {
        api_import_write(&state->call->answer, &state->request, &state->result, NULL, false);
    }
}

static void on_worker(fl_work *work)
{
    import_state *state = OF(work, work);
    state->status = convert_slice(state);
    if (state->status == FL_OK && state->finished) {
        answer_at_once(state);
    }
    if (state->status != FL_OK || state->finished) {
        fl_bedrock_free(state->converter);
        state->converter = NULL;
    }
}

static void after_worker(fl_work *work)
{
    import_state *state = OF(work, work);
    if (state->status != FL_OK) {
        api_finish(state->call, state->status, &state->err);
    } else if (!state->finished) {
        fl_loop_work(state->call->request->loop, &state->work);
    } else {
        count_result(state);
        if (is_refused(state)) {
            api_answer_http(state->call, 400);
        } else if (is_stored(state)) {
            store(state);
        } else {
            api_answer(state->call);
        }
    }
}

static fl_status converter_new(import_state *state)
{
    api_call *call = state->call;
    const fl_api_config *config = &call->api->config;
    const fl_bedrock_sink sink = {.user = state,
                                  .document = take_document,
                                  .run_end = take_run,
                                  .diagnostic = take_diagnostic};
    fl_bedrock_options options;
    FL_TRY(api_import_options(&state->request, call->arena, fl_clock_wall(config->clock),
                              state->annotate, &options, &state->err));
    options.budget = config->query_budget;
    return fl_bedrock_new(&options, &sink, &state->converter, &state->err);
}

void api_put_bedrock_traces(api_call *call)
{
    import_state *state = api_state(call, sizeof *state);
    if (state == NULL) {
        return;
    }
    state->call = call;
    state->result.errors.end = &state->result.errors.first;
    state->result.warnings.end = &state->result.warnings.first;
    if (!api_import_read(call, &state->request)) {
        return;
    }
    fl_status status = converter_new(state);
    if (status != FL_OK) {
        api_finish(call, status, &state->err);
        return;
    }
    state->work = (fl_work){.work = on_worker, .done = after_worker};
    fl_loop_work(call->request->loop, &state->work);
}
