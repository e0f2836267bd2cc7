/* BatchGetTraces (api.md §4.1). */
#include "api/api_int.h"

/* Segments go on in the next page once a page holds this much (open profile). */
#define PAGE_BYTES   (8u * 1024 * 1024)
#define TRACE_ID_MAX 35
#define TOKEN_MAX    2000 /* as for every token; one of ours is far shorter */
#define TOKEN_FORMAT 2

typedef struct get_state {
    fl_query_traces query; /* first: render and done get it back */
    api_call *call;
    fl_str *texts;    /* the ids as sent */
    fl_trace_id *ids; /* the well-formed ones */
    size_t *text_of;  /* index into texts of each of ids */
    size_t text_count;
    bool pages; /* else what does not fit is unprocessed */
} get_state;

/* ---- The page token: `2.<trace>.<kind>.<two numbers of the place>.<hash of the ids>` */

static uint64_t hash_of_request(const get_state *state)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < state->text_count; i++) {
        hash = fl_hash64(state->texts[i].p, state->texts[i].n, hash);
    }
    return hash;
}

static void write_token(const get_state *state, const fl_trace_place *place, fl_buf *out)
{
    bool by_record = place->kind == FL_PLACE_RECORD;
    const uint64_t numbers[] = {TOKEN_FORMAT, place->trace, (uint64_t)place->kind,
                                by_record ? place->record : (uint64_t)place->start_ns,
                                by_record ? place->limit : place->segment_id};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        fl_buf_add_u64(out, numbers[i]);
        fl_buf_add_byte(out, '.');
    }
    fl_buf_add_hex(out, hash_of_request(state), 16);
}

static bool read_token(get_state *state, fl_str token)
{
    enum { FORMAT, TRACE, KIND, FIRST, SECOND, NUMBERS };
    uint64_t numbers[NUMBERS], hash;
    fl_str rest = token;
    for (size_t i = 0; i < NUMBERS; i++) {
        if (!fl_str_to_u64(fl_str_cut(&rest, '.'), &numbers[i])) {
            return false;
        }
    }
    if (numbers[FORMAT] != TOKEN_FORMAT || numbers[TRACE] >= state->query.count ||
        numbers[KIND] > FL_PLACE_RECORD || rest.n != 16 || !fl_hex_read(rest.p, 16, &hash) ||
        hash != hash_of_request(state)) {
        return false;
    }
    fl_trace_place *from = &state->query.from;
    from->trace = (size_t)numbers[TRACE];
    if (numbers[KIND] == FL_PLACE_RECORD) {
        from->kind = FL_PLACE_RECORD;
        from->record = numbers[FIRST];
        from->limit = (size_t)numbers[SECOND];
    } else if (numbers[KIND] == FL_PLACE_BEHIND) {
        from->kind = FL_PLACE_BEHIND;
        from->start_ns = (int64_t)numbers[FIRST];
        from->segment_id = numbers[SECOND];
    }
    return true;
}

/* ---- The answer */

static void write_segment(fl_jw *w, const fl_entity *top, fl_buf *document)
{
    fl_buf_reset(document);
    fl_entity_emit(top, document);
    if (document->status != FL_OK) {
        w->out->status = document->status;
        return;
    }
    fl_buf id;
    fl_buf_init(&id, 32);
    fl_buf_add_hex(&id, top->segment->id, 16);
    fl_jw_open(w, '{');
    fl_jw_key_str(w, FL_S("Id"), fl_buf_str(&id));
    fl_jw_key_str(w, FL_S("Document"), fl_buf_str(document));
    fl_jw_close(w, '}');
    fl_buf_fini(&id);
}

/* Is the segment at the place or before it? */
static bool was_told(const fl_segment *segment, const fl_trace_place *place)
{
    return segment->start_ns < place->start_ns ||
           (segment->start_ns == place->start_ns && segment->id <= place->segment_id);
}

static bool is_full(const get_state *state, const fl_buf *out)
{
    return state->pages && out->n >= PAGE_BYTES;
}

/* The segments behind a page must fit into one as well: a trace in which one does not, with all
 * that is nested in it and inferred behind it, is told by records from its first page on. */
static void check_rest(fl_jw *w, const fl_trace *trace, size_t i, fl_buf *document)
{
    for (; i < trace->top_count && w->out->status == FL_OK; i++) {
        if (!trace->tops[i]->inferred) {
            fl_buf_reset(document);
        }
        fl_entity_emit(trace->tops[i], document);
        w->out->status = document->status;
    }
}

/* Writes segments of a trace from *place on until the page is full; true when all are written. What
 * is inferred stands right behind the segment that calls it, and is never parted from it. */
static bool write_segments(const get_state *state, fl_jw *w, const fl_trace *trace,
                           fl_trace_place *place, fl_buf *document)
{
    size_t i = 0;
    bool begins = place->kind == FL_PLACE_START;
    while (place->kind == FL_PLACE_BEHIND && i < trace->top_count &&
           (trace->tops[i]->inferred || was_told(trace->tops[i]->segment, place))) {
        i++;
    }
    for (; i < trace->top_count && w->out->status == FL_OK; i++) {
        const fl_entity *top = trace->tops[i];
        if (!top->inferred) {
            if (is_full(state, w->out)) {
                if (begins) {
                    check_rest(w, trace, i, document);
                }
                return false;
            }
            place->kind = FL_PLACE_BEHIND;
            place->start_ns = top->segment->start_ns;
            place->segment_id = top->segment->id;
        }
        write_segment(w, top, document);
    }
    return true;
}

/* Segments of a page of records, but for inferred ones: their callee may be in another page. */
static void write_records(fl_jw *w, const fl_trace *trace, fl_buf *document)
{
    for (size_t i = 0; i < trace->top_count && w->out->status == FL_OK; i++) {
        if (!trace->tops[i]->inferred) {
            write_segment(w, trace->tops[i], document);
        }
    }
}

static void open_trace(fl_jw *w, const fl_trace *trace)
{
    fl_buf id;
    fl_buf_init(&id, FL_TRACE_ID_TEXT_MAX + 1);
    fl_trace_id_emit(trace->id, &id);
    fl_jw_open(w, '{');
    fl_jw_key_str(w, FL_S("Id"), fl_buf_str(&id));
    fl_buf_fini(&id);
    if (trace->end_ns != FL_TIME_NONE) {
        int64_t duration_ns = trace->end_ns > trace->start_ns ? trace->end_ns - trace->start_ns : 0;
        int64_t ms = (duration_ns + FL_NS_PER_MS / 2) / FL_NS_PER_MS;
        fl_jw_key_seconds(w, FL_S("Duration"), ms * FL_NS_PER_MS);
    }
    fl_jw_key_bool(w, FL_S("LimitExceeded"), trace->limit_exceeded);
    fl_jw_key(w, FL_S("Segments"));
    fl_jw_open(w, '[');
}

static void close_trace(fl_jw *w)
{
    fl_jw_close(w, ']');
    fl_jw_close(w, '}');
}

/* Would twice as many records fit as well? */
static bool has_room_for_twice(const fl_query_traces *query, const fl_buf *out)
{
    const fl_arena *memory = query->memory;
    return out->n < PAGE_BYTES / 5 * 2 && memory->used_bytes < memory->max_bytes / 5 * 2;
}

/* A page of records of one trace. Gives where it goes on. */
static fl_trace_place write_record_page(const get_state *state, fl_jw *w, fl_buf *document)
{
    const fl_query_traces *query = &state->query;
    const fl_trace *trace = query->traces[query->from.trace];
    if (trace != NULL) {
        open_trace(w, trace);
        write_records(w, trace, document);
        close_trace(w);
    }
    if (query->next_record == 0) {
        return (fl_trace_place){.trace = query->from.trace + 1};
    }
    size_t limit = query->from.limit;
    return (fl_trace_place){.trace = query->from.trace,
                            .kind = FL_PLACE_RECORD,
                            .record = query->next_record,
                            .limit = has_room_for_twice(query, w->out) ? limit * 2 : limit};
}

/* Pages may be cut in any trace; the next one goes on under the same Id. Gives where that is. */
static fl_trace_place write_whole_traces(const get_state *state, fl_jw *w, fl_buf *document)
{
    const fl_query_traces *query = &state->query;
    fl_trace_place place = query->from;
    for (; place.trace < query->end; place = (fl_trace_place){.trace = place.trace + 1}) {
        const fl_trace *trace = query->traces[place.trace];
        if (trace == NULL) {
            continue;
        }
        if (is_full(state, w->out)) {
            break;
        }
        open_trace(w, trace);
        bool whole = write_segments(state, w, trace, &place, document);
        close_trace(w);
        if (!whole) {
            break;
        }
    }
    return place;
}

static fl_trace_place write_traces(const get_state *state, fl_jw *w)
{
    const fl_query_traces *query = &state->query;
    fl_buf document;
    /* Behind a full page there is room for it, even if each byte needs an escape. */
    fl_buf_init(&document, w->out->max_bytes / 2 - PAGE_BYTES);
    fl_jw_key(w, FL_S("Traces"));
    fl_jw_open(w, '[');
    fl_trace_place place = query->from.kind == FL_PLACE_RECORD
                               ? write_record_page(state, w, &document)
                               : write_whole_traces(state, w, &document);
    fl_jw_close(w, ']');
    fl_buf_fini(&document);
    while (place.trace < query->count && !query->found[place.trace]) {
        place.trace++;
    }
    return place;
}

static void write_unprocessed(const get_state *state, fl_jw *w)
{
    const fl_query_traces *query = &state->query;
    fl_jw_key(w, FL_S("UnprocessedTraceIds"));
    fl_jw_open(w, '[');
    size_t next_id = 0;
    for (size_t i = 0; i < state->text_count; i++) {
        bool well_formed = next_id < query->count && state->text_of[next_id] == i;
        if (!well_formed || !query->found[next_id] || (!state->pages && next_id >= query->end)) {
            fl_jw_str(w, state->texts[i]);
        }
        next_id += well_formed;
    }
    fl_jw_close(w, ']');
}

static void write_next_token(const get_state *state, const fl_trace_place *place, fl_jw *w)
{
    api_stats *stats = &state->call->api->stats;
    bool full = state->query.from.kind != FL_PLACE_RECORD && is_full(state, w->out);
    fl_counter_add(full ? &stats->traces_cut_answer : &stats->traces_cut_size, 1);
    fl_buf token;
    fl_buf_init(&token, TOKEN_MAX);
    write_token(state, place, &token);
    fl_jw_key_str(w, FL_S("NextToken"), fl_buf_str(&token));
    fl_buf_fini(&token);
}

/* Is it more than a page, and can it be made less? */
static bool is_too_large(const fl_query_traces *query, const fl_buf *out)
{
    if (query->from.kind != FL_PLACE_RECORD) {
        return out->status != FL_OK;
    }
    return query->from.limit > 1 && (out->status != FL_OK || out->n > PAGE_BYTES);
}

static fl_status render(fl_query_traces *query, fl_err *err)
{
    const get_state *state = query->user;
    fl_buf *out = &state->call->answer;
    fl_jw w = fl_jw_of(out);
    fl_jw_open(&w, '{');
    fl_trace_place place = write_traces(state, &w);
    if (state->pages && is_too_large(query, out)) {
        fl_buf_reset(out);
        FL_FAIL(err, FL_E_TOO_LARGE, "more than an answer holds");
    }
    write_unprocessed(state, &w);
    if (state->pages && place.trace < query->count) {
        write_next_token(state, &place, &w);
    }
    fl_jw_close(&w, '}');
    return FL_OK;
}

static void after_query(fl_query_traces *query)
{
    get_state *state = query->user;
    api_finish(state->call, query->status, &query->err);
}

/* ---- The request */

/* Malformed ids are reported as unprocessed, not as an error. The request's arena keeps them: the
 * call's memory is the query's. */
static bool parse_ids(get_state *state, const fl_str *texts)
{
    api_call *call = state->call;
    state->texts = FL_ARENA_ARRAY(call->arena, fl_str, state->text_count);
    state->ids = FL_ARENA_ARRAY(call->arena, fl_trace_id, state->text_count);
    state->text_of = FL_ARENA_ARRAY(call->arena, size_t, state->text_count);
    if (state->texts == NULL || state->ids == NULL || state->text_of == NULL) {
        api_refuse(call, FL_E_NOMEM, "no memory for %zu ids", state->text_count);
        return false;
    }
    for (size_t i = 0; i < state->text_count; i++) {
        fl_str text = texts[i];
        if (text.n < 1 || fl_utf8_length(text) > TRACE_ID_MAX) {
            api_refuse(call, FL_E_VALIDATION, "TraceIds[%zu] must have 1 to %d characters", i,
                       TRACE_ID_MAX);
            return false;
        }
        state->texts[i] = fl_str_dup(call->arena, text);
        if (state->texts[i].p == NULL) {
            api_refuse(call, FL_E_NOMEM, "no memory for %zu ids", state->text_count);
            return false;
        }
        if (fl_trace_id_parse(text, &state->ids[state->query.count])) {
            state->text_of[state->query.count++] = i;
        }
    }
    return true;
}

static bool read_request(api_call *call, get_state *state)
{
    size_t most = call->api->config.limits->ids_per_get;
    yyjson_val *array;
    fl_str token, *texts;
    if (!api_member_array(call, "TraceIds", API_REQUIRED, &array) ||
        !api_member_str(call, "NextToken", TOKEN_MAX, &token)) {
        return false;
    }
    if (yyjson_arr_size(array) > most) {
        api_refuse(call, FL_E_INVALID, "Exceeding maximum query size: %zu", most);
        return false;
    }
    if (yyjson_arr_size(array) == 0) {
        api_refuse(call, FL_E_INVALID, "TraceIds must name at least one trace");
        return false;
    }
    if (token.p != NULL && !state->pages) {
        api_refuse(call, FL_E_INVALID, "NextToken is currently not supported");
        return false;
    }
    if (!api_texts(call, "TraceIds", array, &texts, &state->text_count) ||
        !parse_ids(state, texts)) {
        return false;
    }
    if (token.p != NULL && !read_token(state, token)) {
        api_refuse(call, FL_E_INVALID,
                   "NextToken is not one that an answer to these TraceIds gave");
        return false;
    }
    return true;
}

void api_batch_get_traces(api_call *call)
{
    get_state *state = api_state(call, sizeof *state);
    if (state == NULL) {
        return;
    }
    state->call = call;
    state->pages = call->api->config.limits->profile != FL_PROFILE_AWS;
    if (!read_request(call, state)) {
        return;
    }
    fl_query_traces *query = &state->query;
    query->by_record = state->pages;
    query->budget = call->api->config.scan_budget;
    query->store = call->api->config.store;
    query->clock = call->api->config.clock;
    query->ids = state->ids;
    query->arena = call->arena;
    query->memory = api_query_memory(call);
    query->loop = call->request->loop;
    query->render = render;
    query->done = after_query;
    query->user = state;
    fl_query_traces_begin(query);
}
