/* Pins: traces that neither age nor the disk budget removes. */
#include "api/api_int.h"

#define IDS_MAX    1000 /* a call; a change is written to the disk as a whole */
#define TEXT_SHOWN 60

/* ---- POST /fluoro/pins: {"TraceIds":[…],"Pinned":true} → {"Changed":n} */

typedef struct put_state {
    fl_store_pin pin; /* first: done gets it back */
    api_call *call;
} put_state;

static bool read_ids(api_call *call, fl_trace_id **ids, size_t *count)
{
    yyjson_val *array;
    fl_str *texts;
    if (!api_member_array(call, "TraceIds", API_REQUIRED, &array)) {
        return false;
    }
    if (yyjson_arr_size(array) > IDS_MAX) {
        api_refuse(call, FL_E_INVALID, "TraceIds may name %d traces at most; send more calls",
                   IDS_MAX);
        return false;
    }
    if (!api_texts(call, "TraceIds", array, &texts, count)) {
        return false;
    }
    *ids = FL_ARENA_ARRAY(&call->memory, fl_trace_id, *count);
    if (*ids == NULL) {
        api_refuse(call, FL_E_NOMEM, "no memory for %zu ids", *count);
        return false;
    }
    for (size_t i = 0; i < *count; i++) {
        if (!fl_trace_id_parse(texts[i], &(*ids)[i])) {
            api_refuse(call, FL_E_VALIDATION,
                       "TraceIds[%zu] is no trace id: `%.*s`; give one like "
                       "1-67a1b2c0-0a1b2c3d4e5f60718293a4b5, or its 32 hex digits",
                       i, FL_P(fl_str_clip(texts[i], TEXT_SHOWN)));
            return false;
        }
    }
    return true;
}

static bool read_pinned(api_call *call, bool *pinned)
{
    if (!api_member_bool(call, "Pinned", pinned)) {
        return false;
    }
    yyjson_val *given = fl_json_get(call->input, FL_S("Pinned"));
    if (given == NULL || yyjson_is_null(given)) {
        api_refuse(call, FL_E_VALIDATION,
                   "Pinned is required: true to keep the traces, false to let go of them");
        return false;
    }
    return true;
}

static void after_pin(fl_store_pin *pin)
{
    api_call *call = ((put_state *)(void *)pin)->call;
    if (pin->status == FL_OK) {
        fl_jw w = fl_jw_of(&call->answer);
        fl_jw_open(&w, '{');
        fl_jw_key_i64(&w, FL_S("Changed"), (int64_t)pin->changed);
        fl_jw_close(&w, '}');
    }
    api_finish(call, pin->status, &pin->err);
}

void api_put_pins(api_call *call)
{
    fl_trace_id *ids;
    size_t count;
    bool pinned;
    put_state *state = api_state(call, sizeof *state);
    if (state == NULL || !read_ids(call, &ids, &count) || !read_pinned(call, &pinned)) {
        return;
    }
    state->call = call;
    state->pin = (fl_store_pin){.ids = ids,
                                .count = count,
                                .pinned = pinned,
                                .loop = call->request->loop,
                                .done = after_pin};
    fl_store_pin_begin(call->api->config.store, &state->pin);
}

/* ---- POST /fluoro/pins/list → {"TraceIds":[…]} */

static void write_ids(api_call *call, const fl_trace_id *ids, size_t count)
{
    fl_buf text;
    fl_jw w = fl_jw_of(&call->answer);
    fl_buf_init(&text, FL_TRACE_ID_TEXT_MAX + 1);
    fl_jw_open(&w, '{');
    fl_jw_key(&w, FL_S("TraceIds"));
    fl_jw_open(&w, '[');
    for (size_t i = 0; i < count; i++) {
        fl_buf_reset(&text);
        fl_trace_id_emit(ids[i], &text);
        fl_jw_str(&w, fl_buf_str(&text));
    }
    fl_jw_close(&w, ']');
    fl_jw_close(&w, '}');
    fl_buf_fini(&text);
}

void api_list_pins(api_call *call)
{
    fl_err err = {0};
    fl_trace_id *ids;
    size_t count;
    fl_status status = fl_store_pins(call->api->config.store, &call->memory, &ids, &count, &err);
    if (status == FL_OK) {
        write_ids(call, ids, count);
    }
    api_finish(call, status, &err);
}
