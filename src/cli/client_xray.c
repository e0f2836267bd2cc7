/* The X-Ray operations of the tool: request bodies and what is picked from the answers. */
#include "cli/client_int.h"

#define ANSWER_MAX  ((size_t)64 << 20)
#define REQUEST_MAX ((size_t)8 << 20)
#define PAGES_MAX   10000 /* of one trace */

/* Sends the request in body and reads the answer into arena; frees body. */
static fl_status call(fl_client *client, fl_arena *arena, const char *path, fl_buf *body,
                      yyjson_val **root, fl_err *err)
{
    fl_buf answer;
    fl_buf_init(&answer, ANSWER_MAX);
    fl_status status = body->status;
    if (status == FL_OK) {
        status = fl_client_post(client, path, fl_buf_str(body), &answer, err);
    }
    if (status == FL_OK) {
        status = fl_json_read(arena, fl_buf_str(&answer), FL_JSON_REPAIR_UTF8, root, NULL, err);
        if (status == FL_E_SYNTAX) {
            status =
                fl_err_set(err, FL_E_CORRUPT, __FILE__, __LINE__,
                           "the server's answer to %s is no JSON; is it a fluoro server?", path);
        }
    }
    fl_buf_fini(&answer);
    fl_buf_fini(body);
    return status;
}

/* The NextToken of an answer in arena; NULL when there is none. The same token twice would never
 * end. */
static fl_status next_token(fl_arena *arena, yyjson_val *root, const char **token, fl_err *err)
{
    fl_str next = fl_json_str(fl_json_get(root, FL_S("NextToken")));
    if (next.p == NULL) {
        *token = NULL;
        return FL_OK;
    }
    if (*token != NULL && fl_str_eq(next, fl_str_of(*token))) {
        FL_FAIL(err, FL_E_CORRUPT, "the server answers the same page again and again");
    }
    *token = fl_str_zdup(arena, next);
    if (*token == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    return FL_OK;
}

static void add_token(fl_jw *w, const char *token)
{
    if (token != NULL) {
        fl_jw_key_str(w, FL_S("NextToken"), fl_str_of(token));
    }
}

fl_status fl_client_summaries(fl_client *client, fl_arena *arena,
                              const fl_summaries_request *request, const char **token,
                              yyjson_val **page, fl_err *err)
{
    fl_buf body;
    yyjson_val *root;
    fl_buf_init(&body, REQUEST_MAX);
    fl_jw w = fl_jw_of(&body);
    fl_jw_open(&w, '{');
    fl_jw_key_seconds(&w, FL_S("StartTime"), request->start_ns);
    fl_jw_key_seconds(&w, FL_S("EndTime"), request->end_ns);
    fl_jw_key_str(&w, FL_S("TimeRangeType"), fl_str_of(request->time_range_type));
    if (request->filter != NULL) {
        fl_jw_key_str(&w, FL_S("FilterExpression"), fl_str_of(request->filter));
    }
    add_token(&w, *token);
    fl_jw_close(&w, '}');
    FL_TRY(call(client, arena, "/TraceSummaries", &body, &root, err));
    yyjson_val *found = fl_json_get(root, FL_S("TraceSummaries"));
    if (!yyjson_is_arr(found)) {
        FL_FAIL(err, FL_E_CORRUPT,
                "the server's answer holds no TraceSummaries; is it a fluoro server?");
    }
    FL_TRY(next_token(arena, root, token, err));
    *page = found;
    return FL_OK;
}

/* Appends the documents of an answer's first trace. */
static fl_status add_documents(fl_arena *arena, yyjson_val *root, fl_trace_documents *out,
                               fl_err *err)
{
    yyjson_val *trace = yyjson_arr_get_first(fl_json_get(root, FL_S("Traces")));
    yyjson_val *segments = fl_json_get(trace, FL_S("Segments"));
    size_t added = yyjson_arr_size(segments);
    size_t old_bytes = out->count * sizeof *out->texts,
           bytes = (out->count + added) * sizeof *out->texts;
    fl_str *texts = fl_arena_resize(arena, out->texts, old_bytes, bytes);
    if (texts == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    out->texts = texts;
    size_t i, n;
    yyjson_val *segment;
    yyjson_arr_foreach(segments, i, n, segment)
    {
        fl_str text = fl_json_str(fl_json_get(segment, FL_S("Document")));
        if (text.p != NULL) {
            texts[out->count++] = text;
        }
    }
    out->limit_exceeded |= yyjson_is_true(fl_json_get(trace, FL_S("LimitExceeded")));
    return FL_OK;
}

static void trace_body(fl_trace_id id, const char *token, fl_buf *body)
{
    fl_buf_init(body, REQUEST_MAX);
    fl_buf_add_str(body, FL_S("{\"TraceIds\":[\""));
    fl_trace_id_emit(id, body);
    fl_buf_add_str(body, FL_S("\"]"));
    fl_jw w = {body, true};
    add_token(&w, token);
    fl_jw_close(&w, '}');
}

fl_status fl_client_trace(fl_client *client, fl_arena *arena, fl_trace_id id,
                          fl_trace_documents *out, fl_err *err)
{
    const char *token = NULL;
    fl_trace_documents documents = {.texts = fl_arena_alloc(arena, 0)};
    if (documents.texts == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    for (int page = 0; page < PAGES_MAX; page++) {
        fl_buf body;
        yyjson_val *root;
        trace_body(id, token, &body);
        FL_TRY(call(client, arena, "/Traces", &body, &root, err));
        if (!yyjson_is_arr(fl_json_get(root, FL_S("Traces")))) {
            FL_FAIL(err, FL_E_CORRUPT,
                    "the server's answer holds no Traces; is it a fluoro server?");
        }
        FL_TRY(add_documents(arena, root, &documents, err));
        FL_TRY(next_token(arena, root, &token, err));
        if (token == NULL) {
            break;
        }
    }
    if (documents.count == 0) {
        FL_FAIL(err, FL_E_NOT_FOUND,
                "the server has no trace of that id: it expired, its segments did not come in yet, "
                "or they went "
                "elsewhere; `fluoro traces` lists what there is");
    }
    *out = documents;
    return FL_OK;
}

/* UnprocessedTraceSegments of an answer. */
static fl_status read_refusals(fl_arena *arena, yyjson_val *root, fl_refusal **out, size_t *count,
                               fl_err *err)
{
    yyjson_val *unprocessed = fl_json_get(root, FL_S("UnprocessedTraceSegments"));
    fl_refusal *refusals = FL_ARENA_ARRAY(arena, fl_refusal, yyjson_arr_size(unprocessed));
    if (refusals == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    size_t i, n;
    yyjson_val *entry;
    yyjson_arr_foreach(unprocessed, i, n, entry)
    {
        refusals[i] = (fl_refusal){.id = fl_json_str(fl_json_get(entry, FL_S("Id"))),
                                   .code = fl_json_str(fl_json_get(entry, FL_S("ErrorCode"))),
                                   .message = fl_json_str(fl_json_get(entry, FL_S("Message")))};
    }
    *out = refusals;
    *count = yyjson_arr_size(unprocessed);
    return FL_OK;
}

fl_status fl_client_put(fl_client *client, fl_arena *arena, const fl_str *documents, size_t count,
                        fl_refusal **refusals, size_t *refusal_count, fl_err *err)
{
    fl_buf body;
    yyjson_val *root;
    fl_buf_init(&body, REQUEST_MAX);
    fl_jw w = fl_jw_of(&body);
    fl_jw_open(&w, '{');
    fl_jw_key(&w, FL_S("TraceSegmentDocuments"));
    fl_jw_open(&w, '[');
    for (size_t i = 0; i < count; i++) {
        fl_jw_str(&w, documents[i]);
    }
    fl_jw_close(&w, ']');
    fl_jw_close(&w, '}');
    FL_TRY(call(client, arena, "/TraceSegments", &body, &root, err));
    return read_refusals(arena, root, refusals, refusal_count, err);
}
