/*
 * The members that a document stands or falls with. Their flaws are looked for in this order: id,
 * trace_id, name, start_time, parent_id, end_time; the first one found names the refusal.
 *
 * A null counts as absent in all of them. An empty or all-zero parent_id counts as absent too:
 * no-op entities and the OpenTelemetry exporter send such for "none".
 */
#include "trace/name_int.h"
#include "trace/segment_decode_int.h"

/* The value of a row, NULL if it is absent or null. */
static yyjson_val *value_of(const fl_members *members, unsigned row)
{
    yyjson_val *val = fl_members_has(members, row) ? members->value[row] : NULL;
    return val == NULL || fl_json_is(val, YYJSON_TYPE_NULL) ? NULL : val;
}

static void take_type(fl_decoder *d, const fl_members *members, fl_segment *to)
{
    yyjson_val *val = value_of(members, FL_ROW_type);
    if (val != NULL && fl_str_eq(fl_json_str(val), FL_S("subsegment"))) {
        to->is_subsegment = true;
    } else if (val != NULL) {
        d->notes.fields_dropped++;
    }
}

static fl_status take_id(fl_decoder *d, const fl_members *members, const fl_place *place,
                         fl_segment *to)
{
    yyjson_val *val = value_of(members, FL_ROW_id);
    if (val == NULL) {
        return fl_decode_refuse(d, FL_REJECT_MISSING_ID, place, "no id; send 16 hex digits");
    }
    if (place->owner == NULL) {
        d->reject.id = fl_json_str(val);
    }
    if (!fl_segment_id_parse(fl_json_str(val), &to->id)) {
        return fl_decode_refuse(d, FL_REJECT_INVALID_ID, place,
                                "id is not a string of 16 hex digits, or all zero");
    }
    return FL_OK;
}

static fl_status take_trace_id(fl_decoder *d, const fl_members *members, const fl_place *place,
                               fl_segment *to)
{
    yyjson_val *val = value_of(members, FL_ROW_trace_id);
    if (place->owner != NULL) {
        to->trace_id = place->owner->segment->trace_id;
        return FL_OK;
    }
    if (val == NULL) {
        return fl_decode_refuse(d, FL_REJECT_MISSING_TRACE_ID, place,
                                "no trace_id; send 1-8hex-24hex");
    }
    if (!fl_trace_id_parse(fl_json_str(val), &to->trace_id)) {
        return fl_decode_refuse(d, FL_REJECT_INVALID_TRACE_ID, place,
                                "trace_id is neither 1-8hex-24hex nor 32 hex digits, or all zero");
    }
    return FL_OK;
}

static fl_status take_name(fl_decoder *d, const fl_members *members, const fl_place *place,
                           fl_segment *to)
{
    yyjson_val *val = value_of(members, FL_ROW_name);
    size_t chars_max =
        to->is_subsegment ? d->limits->name_chars_subsegment : d->limits->name_chars_segment;
    if (val == NULL) {
        return fl_decode_refuse(d, FL_REJECT_MISSING_NAME, place, "no name");
    }
    to->name = fl_json_str(val);
    const char *flaw = fl_name_flaw(to->name, d->limits->profile, chars_max);
    return flaw == NULL ? FL_OK : fl_decode_refuse(d, FL_REJECT_INVALID_NAME, place, flaw);
}

/* A time in nanoseconds that every difference can be taken of. */
static bool read_time(const yyjson_val *val, int64_t *ns)
{
    fl_str number = fl_json_number(val);
    return number.p != NULL && fl_json_ns(number, ns) && *ns >= -FL_TIME_LIMIT_NS &&
           *ns <= FL_TIME_LIMIT_NS;
}

static fl_status take_start(fl_decoder *d, const fl_members *members, const fl_place *place,
                            fl_segment *to)
{
    const fl_limits *limits = d->limits;
    yyjson_val *val = value_of(members, FL_ROW_start_time);
    if (val == NULL) {
        return fl_decode_refuse(d, FL_REJECT_MISSING_START_TIME, place, "no start_time");
    }
    if (!read_time(val, &to->start_ns)) {
        return fl_decode_refuse(d, FL_REJECT_INVALID_START_TIME, place,
                                "start_time is no number of seconds since 1970");
    }
    if (to->start_ns > d->now_ns && to->start_ns - d->now_ns > limits->future_ns) {
        return fl_decode_refuse(d, FL_REJECT_INVALID_START_TIME, place,
                                "start_time is too far ahead; see to the sender's clock");
    }
    if (limits->past_ns != 0 && to->start_ns < d->now_ns - limits->past_ns) {
        return fl_decode_refuse(d, FL_REJECT_INVALID_START_TIME, place,
                                "start_time is older than the retention");
    }
    return FL_OK;
}

/* "" and all zeros stand for no parent. */
static bool means_no_parent(fl_str text)
{
    return text.p != NULL && (text.n == 0 || fl_str_eq(text, FL_S("0000000000000000")));
}

static fl_status take_parent_id(fl_decoder *d, const fl_members *members, const fl_place *place,
                                fl_segment *to)
{
    yyjson_val *val = value_of(members, FL_ROW_parent_id);
    if (place->owner != NULL) {
        to->parent_id = place->owner->segment->id;
        return FL_OK;
    }
    if (val != NULL && !means_no_parent(fl_json_str(val))) {
        return fl_segment_id_parse(fl_json_str(val), &to->parent_id)
                   ? FL_OK
                   : fl_decode_refuse(d, FL_REJECT_INVALID_PARENT_ID, place,
                                      "parent_id is not a string of 16 hex digits");
    }
    return to->is_subsegment ? fl_decode_refuse(d, FL_REJECT_MISSING_PARENT_ID, place,
                                                "an independent subsegment without parent_id")
                             : FL_OK;
}

static fl_status take_end(fl_decoder *d, const fl_members *members, const fl_place *place,
                          fl_segment *to)
{
    yyjson_val *val = value_of(members, FL_ROW_end_time);
    yyjson_val *in_progress = value_of(members, FL_ROW_in_progress);
    if (val != NULL) {
        return read_time(val, &to->end_ns)
                   ? FL_OK
                   : fl_decode_refuse(d, FL_REJECT_INVALID_END_TIME, place,
                                      "end_time is no number of seconds since 1970");
    }
    return yyjson_is_true(in_progress)
               ? FL_OK
               : fl_decode_refuse(d, FL_REJECT_MISSING_END_TIME, place,
                                  "no end_time, and in_progress is not true");
}

fl_status fl_decode_identity(fl_decoder *d, fl_members *members, const fl_place *place,
                             fl_segment *to)
{
    to->is_subsegment = place->owner != NULL;
    if (place->depth > FL_SEGMENT_DEPTH_MAX) {
        return fl_decode_refuse(d, FL_REJECT_TOO_LARGE, place, "subsegments are nested too deep");
    }
    take_type(d, members, to);
    FL_TRY(take_id(d, members, place, to));
    FL_TRY(take_trace_id(d, members, place, to));
    FL_TRY(take_name(d, members, place, to));
    FL_TRY(take_start(d, members, place, to));
    FL_TRY(take_parent_id(d, members, place, to));
    FL_TRY(take_end(d, members, place, to));
    members->rows &= ~(FL_ROW_BIT(type) | FL_ROW_BIT(id) | FL_ROW_BIT(trace_id) | FL_ROW_BIT(name) |
                       FL_ROW_BIT(start_time) | FL_ROW_BIT(parent_id) | FL_ROW_BIT(end_time));
    return FL_OK;
}
