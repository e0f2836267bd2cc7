/* BatchGetTraces (api.md §4.1). */
#include "api/api_int.h"

/* Segments go on in the next page once a page holds this much (open profile). */
#define PAGE_BYTES   (8u * 1024 * 1024)
#define TRACE_ID_MAX 35
#define TOKEN_MAX    64
#define TOKEN_FORMAT 1

typedef struct get_state {
    fl_query_traces query; /* first: render and done get it back */
    api_call *call;
    fl_str *texts;    /* the ids as sent */
    fl_trace_id *ids; /* the well-formed ones */
    size_t *text_of;  /* index into texts of each of ids */
    size_t text_count;
    size_t first_trace, first_segment; /* where this page begins */
} get_state;

/* ---- The page token: `1.<trace>.<segment>.<hash of the ids>` */

static uint64_t hash_of_request(const get_state *state)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < state->text_count; i++) {
        hash = fl_hash64(state->texts[i].p, state->texts[i].n, hash);
    }
    return hash;
}

static void write_token(const get_state *state, size_t trace, size_t segment, fl_buf *out)
{
    fl_buf_add_u64(out, TOKEN_FORMAT);
    fl_buf_add_byte(out, '.');
    fl_buf_add_u64(out, trace);
    fl_buf_add_byte(out, '.');
    fl_buf_add_u64(out, segment);
    fl_buf_add_byte(out, '.');
    fl_buf_add_hex(out, hash_of_request(state), 16);
}

static bool read_token(get_state *state, fl_str token)
{
    uint64_t format, trace, segment, hash;
    fl_str rest = token;
    fl_str part = fl_str_cut(&rest, '.');
    bool ok = fl_str_to_u64(part, &format) && format == TOKEN_FORMAT;
    ok = ok && fl_str_to_u64(fl_str_cut(&rest, '.'), &trace);
    ok = ok && fl_str_to_u64(fl_str_cut(&rest, '.'), &segment);
    ok = ok && rest.n == 16 && fl_hex_read(rest.p, 16, &hash) && hash == hash_of_request(state);
    if (ok) {
        state->first_trace = (size_t)trace;
        state->first_segment = (size_t)segment;
    }
    return ok;
}

/* ---- The answer */

/* Writes segments of a trace from *segment on until the page is full; true when all are written. */
static bool write_segments(fl_jw *w, const fl_trace *trace, size_t *segment, fl_buf *document)
{
    for (; *segment < trace->top_count; (*segment)++) {
        if (w->out->n >= PAGE_BYTES) {
            return false;
        }
        const fl_entity *top = trace->tops[*segment];
        fl_buf_reset(document);
        fl_entity_emit(top, document);
        if (document->status != FL_OK) {
            w->out->status = document->status;
            return false;
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
    return true;
}

static bool write_trace(fl_jw *w, const fl_trace *trace, size_t *segment, fl_buf *document)
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
    bool whole = write_segments(w, trace, segment, document);
    fl_jw_close(w, ']');
    fl_jw_close(w, '}');
    return whole;
}

/* Pages may be cut in any trace; the next one goes on under the same Id. */
static bool write_traces(get_state *state, fl_jw *w, size_t *trace, size_t *segment)
{
    fl_buf document;
    fl_buf_init(&document, state->call->answer.max_bytes);
    bool whole = true;
    fl_jw_key(w, FL_S("Traces"));
    fl_jw_open(w, '[');
    for (; whole && *trace < state->query.count; (*trace)++, *segment = 0) {
        const fl_trace *found = state->query.traces[*trace];
        if (found != NULL && !write_trace(w, found, segment, &document)) {
            whole = false;
            break;
        }
    }
    fl_jw_close(w, ']');
    fl_buf_fini(&document);
    return whole;
}

static void write_unprocessed(const get_state *state, fl_jw *w)
{
    fl_jw_key(w, FL_S("UnprocessedTraceIds"));
    fl_jw_open(w, '[');
    size_t next_id = 0;
    for (size_t i = 0; i < state->text_count; i++) {
        bool well_formed = next_id < state->query.count && state->text_of[next_id] == i;
        if (!well_formed || state->query.traces[next_id] == NULL) {
            fl_jw_str(w, state->texts[i]);
        }
        next_id += well_formed;
    }
    fl_jw_close(w, ']');
}

static void render(fl_query_traces *query)
{
    get_state *state = query->user;
    fl_jw w = fl_jw_of(&state->call->answer);
    size_t trace = state->first_trace, segment = state->first_segment;
    fl_jw_open(&w, '{');
    bool whole = write_traces(state, &w, &trace, &segment);
    write_unprocessed(state, &w);
    if (!whole) {
        fl_buf token;
        fl_buf_init(&token, TOKEN_MAX + 32);
        write_token(state, trace, segment, &token);
        fl_jw_key_str(&w, FL_S("NextToken"), fl_buf_str(&token));
        fl_buf_fini(&token);
    }
    fl_jw_close(&w, '}');
}

static void after_query(fl_query_traces *query)
{
    get_state *state = query->user;
    api_finish(state->call, query->status, &query->err);
}

/* ---- The request */

/* Malformed ids are reported as unprocessed, not as an error. */
static bool parse_ids(get_state *state)
{
    api_call *call = state->call;
    state->ids = FL_ARENA_ARRAY(&call->memory, fl_trace_id, state->text_count);
    state->text_of = FL_ARENA_ARRAY(&call->memory, size_t, state->text_count);
    if (state->ids == NULL || state->text_of == NULL) {
        api_refuse(call, FL_E_NOMEM, "no memory for %zu ids", state->text_count);
        return false;
    }
    for (size_t i = 0; i < state->text_count; i++) {
        fl_str text = state->texts[i];
        if (text.n < 1 || fl_utf8_length(text) > TRACE_ID_MAX) {
            api_refuse(call, FL_E_VALIDATION, "TraceIds[%zu] must have 1 to %d characters", i,
                       TRACE_ID_MAX);
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
    fl_str token;
    if (!api_member_array(call, "TraceIds", API_REQUIRED, &array) ||
        !api_member_str(call, "NextToken", TOKEN_MAX + 32, &token)) {
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
    if (token.p != NULL && call->api->config.limits->profile == FL_PROFILE_AWS) {
        api_refuse(call, FL_E_INVALID, "NextToken is currently not supported");
        return false;
    }
    if (!api_texts(call, "TraceIds", array, &state->texts, &state->text_count) ||
        !parse_ids(state)) {
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
    if (!read_request(call, state)) {
        return;
    }
    fl_query_traces *query = &state->query;
    query->store = call->api->config.store;
    query->clock = call->api->config.clock;
    query->ids = state->ids;
    query->arena = &call->memory;
    query->loop = call->request->loop;
    query->render = render;
    query->done = after_query;
    query->user = state;
    fl_query_traces_begin(query);
}
