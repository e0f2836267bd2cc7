/* Answers of POST /bedrock/traces. */
#include "api/bedrock_int.h"

static void write_note(fl_jw *w, const fl_bedrock_diagnostic *note)
{
    fl_jw_open(w, '{');
    fl_jw_key_str(w, FL_S("Code"), fl_str_of(fl_bedrock_code_name(note->code)));
    fl_jw_key_str(w, FL_S("Message"), note->message);
    if (note->place.line > 0) {
        fl_jw_key_i64(w, FL_S("Line"), (int64_t)note->place.line);
        fl_jw_key_i64(w, FL_S("Column"), (int64_t)note->place.column);
    } else {
        fl_jw_key_i64(w, FL_S("Offset"), (int64_t)note->place.offset);
    }
}

static void write_notes(fl_jw *w, fl_str key, const api_import_notes *notes)
{
    fl_jw_key(w, key);
    fl_jw_open(w, '[');
    for (const api_import_note *note = notes->first; note != NULL; note = note->next) {
        write_note(w, &note->diagnostic);
        fl_jw_close(w, '}');
    }
    fl_jw_close(w, ']');
}

static void write_runs(fl_jw *w, const api_import_result *result)
{
    fl_buf id;
    fl_buf_init(&id, FL_TRACE_ID_TEXT_MAX + 1);
    fl_jw_key(w, FL_S("Traces"));
    fl_jw_open(w, '[');
    for (size_t i = 0; i < result->run_count; i++) {
        fl_buf_reset(&id);
        fl_trace_id_emit(result->runs[i].trace_id, &id);
        fl_jw_open(w, '{');
        fl_jw_key_str(w, FL_S("TraceId"), fl_buf_str(&id));
        fl_jw_key_i64(w, FL_S("Segments"), result->runs[i].segments);
        fl_jw_close(w, '}');
    }
    fl_jw_close(w, ']');
    fl_buf_fini(&id);
}

/* Segments of all runs but those that were refused. */
static int64_t stored_segments(const api_import_result *result, const fl_ingest_reject *rejects)
{
    int64_t stored = 0;
    for (size_t i = 0; i < result->run_count; i++) {
        stored += result->runs[i].segments;
    }
    for (; rejects != NULL; rejects = rejects->next) {
        stored -= stored > 0;
    }
    return stored;
}

static void write_documents(fl_jw *w, const api_import_result *result)
{
    fl_jw_key(w, FL_S("Documents"));
    fl_jw_open(w, '[');
    for (size_t i = 0; i < result->document_count; i++) {
        fl_jw_raw(w, result->documents[i]);
    }
    fl_jw_close(w, ']');
}

void api_import_write(fl_buf *out, const api_import_request *request,
                      const api_import_result *result, const fl_ingest_reject *rejects, bool stored)
{
    fl_jw w = fl_jw_of(out);
    fl_jw_open(&w, '{');
    write_runs(&w, result);
    fl_jw_key_i64(&w, FL_S("Stored"), stored ? stored_segments(result, rejects) : 0);
    fl_jw_key_bool(&w, FL_S("Sampled"), api_import_is_sampled(request));
    write_notes(&w, FL_S("Errors"), &result->errors);
    write_notes(&w, FL_S("Warnings"), &result->warnings);
    if (result->warnings_left_out > 0) {
        fl_jw_key_i64(&w, FL_S("WarningsLeftOut"), (int64_t)result->warnings_left_out);
    }
    fl_jw_key(&w, FL_S("UnprocessedTraceSegments"));
    fl_jw_open(&w, '[');
    for (; rejects != NULL; rejects = rejects->next) {
        api_write_reject(&w, &rejects->reject);
    }
    fl_jw_close(&w, ']');
    if (api_import_is_dry(request)) {
        write_documents(&w, result);
    }
    fl_jw_close(&w, '}');
}

void api_import_write_errors(fl_buf *out, const api_import_result *result)
{
    fl_jw w = fl_jw_of(out);
    write_note(&w, &result->errors.first->diagnostic);
    write_notes(&w, FL_S("Errors"), &result->errors);
    fl_jw_close(&w, '}');
}
