#include "codec/codec.h"
#include "trace/summary.h"

static void emit_text_member(fl_jw *w, fl_str key, fl_str text)
{
    if (text.n > 0) {
        fl_jw_key_str(w, key, text);
    }
}

static void emit_service_id(fl_jw *w, const fl_node *node)
{
    fl_jw_open(w, '{');
    fl_jw_key_str(w, FL_S("Name"), node->name);
    fl_jw_key(w, FL_S("Names"));
    fl_jw_open(w, '[');
    fl_jw_str(w, node->name);
    fl_jw_close(w, ']');
    emit_text_member(w, FL_S("AccountId"), node->account_id);
    emit_text_member(w, FL_S("Type"), node->type);
    fl_jw_close(w, '}');
}

static void emit_nodes_of(fl_jw *w, const fl_summary *summary, const fl_summary_value *value)
{
    fl_jw_key(w, FL_S("ServiceIds"));
    fl_jw_open(w, '[');
    for (uint32_t i = 0; i < value->node_count; i++) {
        emit_service_id(w, &summary->nodes[value->nodes[i]]);
    }
    fl_jw_close(w, ']');
}

static void emit_service_ids(fl_jw *w, const fl_summary *summary)
{
    fl_jw_key(w, FL_S("ServiceIds"));
    fl_jw_open(w, '[');
    for (uint32_t i = 0; i < summary->node_count; i++) {
        emit_service_id(w, &summary->nodes[i]);
    }
    fl_jw_close(w, ']');
}

static void emit_annotation_value(fl_jw *w, const fl_annotation *annotation)
{
    fl_jw_key(w, FL_S("AnnotationValue"));
    fl_jw_open(w, '{');
    switch (annotation->kind) {
    case FL_ANNOTATION_STRING:
        fl_jw_key_str(w, FL_S("StringValue"), annotation->text);
        break;
    case FL_ANNOTATION_NUMBER:
        fl_jw_key_raw(w, FL_S("NumberValue"), annotation->text);
        break;
    case FL_ANNOTATION_BOOL:
        fl_jw_key_bool(w, FL_S("BooleanValue"), annotation->boolean);
        break;
    }
    fl_jw_close(w, '}');
}

static void emit_annotations(fl_jw *w, const fl_summary *summary)
{
    fl_jw_key(w, FL_S("Annotations"));
    fl_jw_open(w, '{');
    for (uint32_t i = 0; i < summary->annotation_count; i++) {
        const fl_summary_value *value = &summary->annotations[i];
        bool new_key = i == 0 || !fl_str_eq(value->annotation->key, value[-1].annotation->key);
        if (new_key && i > 0) {
            fl_jw_close(w, ']');
        }
        if (new_key) {
            fl_jw_key(w, value->annotation->key);
            fl_jw_open(w, '[');
        }
        fl_jw_open(w, '{');
        emit_annotation_value(w, value->annotation);
        emit_nodes_of(w, summary, value);
        fl_jw_close(w, '}');
    }
    if (summary->annotation_count > 0) {
        fl_jw_close(w, ']');
    }
    fl_jw_close(w, '}');
}

static void emit_users(fl_jw *w, const fl_summary *summary)
{
    fl_jw_key(w, FL_S("Users"));
    fl_jw_open(w, '[');
    for (uint32_t i = 0; i < summary->user_count; i++) {
        fl_jw_open(w, '{');
        fl_jw_key_str(w, FL_S("UserName"), summary->users[i].text);
        emit_nodes_of(w, summary, &summary->users[i]);
        fl_jw_close(w, '}');
    }
    fl_jw_close(w, ']');
}

/* Always there: one client reads its members without looking whether it exists. */
static void emit_http(fl_jw *w, const fl_http *http)
{
    fl_jw_key(w, FL_S("Http"));
    fl_jw_open(w, '{');
    if (http != NULL) {
        emit_text_member(w, FL_S("HttpURL"), http->url);
        if (http->status != FL_INT_NONE) {
            fl_jw_key_i64(w, FL_S("HttpStatus"), http->status);
        }
        emit_text_member(w, FL_S("HttpMethod"), http->method);
        emit_text_member(w, FL_S("UserAgent"), http->user_agent);
        emit_text_member(w, FL_S("ClientIp"), http->client_ip);
    }
    fl_jw_close(w, '}');
}

/* `[{"ARN":"…"},…]` and its likes. */
static void emit_details(fl_jw *w, fl_str list, fl_str member, const fl_str *texts, uint32_t count)
{
    fl_jw_key(w, list);
    fl_jw_open(w, '[');
    for (uint32_t i = 0; i < count; i++) {
        fl_jw_open(w, '{');
        fl_jw_key_str(w, member, texts[i]);
        fl_jw_close(w, '}');
    }
    fl_jw_close(w, ']');
}

static void emit_times(fl_jw *w, const fl_summary *summary)
{
    fl_jw_key_seconds(w, FL_S("StartTime"), summary->start_ns);
    if (summary->duration_ns != FL_TIME_NONE) {
        fl_jw_key_seconds(w, FL_S("Duration"), summary->duration_ns);
    }
    if (summary->response_ns != FL_TIME_NONE) {
        fl_jw_key_seconds(w, FL_S("ResponseTime"), summary->response_ns);
    }
}

void fl_summary_emit(const fl_summary *summary, fl_str extra, fl_buf *out)
{
    fl_jw w = fl_jw_of(out);
    fl_jw_open(&w, '{');
    fl_jw_key(&w, FL_S("Id"));
    fl_buf_add_byte(out, '"');
    fl_trace_id_emit(summary->id, out);
    fl_buf_add_byte(out, '"');
    w.comma = true;
    emit_times(&w, summary);
    fl_jw_key_bool(&w, FL_S("HasFault"), summary->has_fault);
    fl_jw_key_bool(&w, FL_S("HasError"), summary->has_error);
    fl_jw_key_bool(&w, FL_S("HasThrottle"), summary->has_throttle);
    fl_jw_key_bool(&w, FL_S("IsPartial"), summary->is_partial);
    emit_http(&w, summary->http);
    emit_annotations(&w, summary);
    emit_users(&w, summary);
    emit_service_ids(&w, summary);
    emit_details(&w, FL_S("ResourceARNs"), FL_S("ARN"), summary->resource_arns,
                 summary->resource_arn_count);
    emit_details(&w, FL_S("InstanceIds"), FL_S("Id"), summary->instance_ids,
                 summary->instance_id_count);
    emit_details(&w, FL_S("AvailabilityZones"), FL_S("Name"), summary->availability_zones,
                 summary->availability_zone_count);
    if (summary->entry_point >= 0) {
        fl_jw_key(&w, FL_S("EntryPoint"));
        emit_service_id(&w, &summary->nodes[summary->entry_point]);
    }
    fl_buf_add_str(out, extra);
    fl_jw_key_i64(&w, FL_S("Revision"), summary->revision);
    fl_jw_close(&w, '}');
}
