#include "bedrock/read_int.h"

#define PATH_TEXT_MAX 300
#define NAME_TEXT_MAX 60

/* ---- Paths */

static void add_path(fl_buf *out, const bedrock_path *path)
{
    const bedrock_path *steps[FL_JSON_DEPTH_MAX];
    size_t count = 0;
    for (; path != NULL && count < FL_JSON_DEPTH_MAX; path = path->up) {
        steps[count++] = path;
    }
    while (count-- > 0) {
        if (steps[count]->name.p == NULL) {
            fl_buf_add_byte(out, '[');
            fl_buf_add_u64(out, steps[count]->index);
            fl_buf_add_byte(out, ']');
        } else {
            fl_buf_add_str(out, out->n > 0 ? FL_S(".") : FL_S(""));
            fl_buf_add_str(out, fl_str_clip(steps[count]->name, NAME_TEXT_MAX));
        }
    }
}

/* The text of a path, "the event" of none; free it with fl_buf_fini. */
static fl_str path_text(fl_buf *out, const bedrock_path *path)
{
    fl_buf_init(out, PATH_TEXT_MAX);
    add_path(out, path);
    return out->n > 0 ? fl_buf_str(out) : FL_S("the event");
}

void bedrock_warn(const bedrock_origin *origin, fl_bedrock_code code, const bedrock_path *path,
                  const char *what)
{
    fl_buf text;
    fl_str name = path_text(&text, path);
    bedrock_diagnose(origin->reader->config.diagnostics, code, origin->place, "%.*s %s", FL_P(name),
                     what);
    fl_buf_fini(&text);
}

/* ---- Types */

const char *bedrock_type_name(yyjson_val *val)
{
    switch (yyjson_get_type(val)) {
    case YYJSON_TYPE_NULL:
        return "null";
    case YYJSON_TYPE_BOOL:
        return "boolean";
    case YYJSON_TYPE_RAW:
        return "number";
    case YYJSON_TYPE_STR:
        return "string";
    case YYJSON_TYPE_ARR:
        return "array";
    default:
        return "object";
    }
}

void bedrock_type_error(const bedrock_origin *origin, const bedrock_path *path,
                        const char *expected, yyjson_val *val)
{
    fl_buf text;
    fl_str name = path_text(&text, path);
    bedrock_diagnose(
        origin->reader->config.diagnostics, FL_BEDROCK_E_TYPE, origin->place,
        "%.*s must be of type %s, but is of type %s; it is taken for absent, save the events as "
        "they came",
        FL_P(name), expected, bedrock_type_name(val));
    fl_buf_fini(&text);
}

yyjson_val *bedrock_object_at(const bedrock_origin *origin, const bedrock_path *path,
                              yyjson_val *val)
{
    if (yyjson_is_obj(val)) {
        return val;
    }
    bedrock_type_error(origin, path, "object", val);
    return NULL;
}

/* ---- Members */

/* The member if it is there and not null; E_TYPE if it has another type. */
static yyjson_val *typed(const bedrock_origin *origin, const bedrock_path *up, yyjson_val *object,
                         fl_str name, yyjson_type type, const char *type_name)
{
    yyjson_val *val = fl_json_get(object, name);
    if (val == NULL || yyjson_is_null(val) || yyjson_get_type(val) == type) {
        return yyjson_is_null(val) ? NULL : val;
    }
    const bedrock_path path = {.up = up, .name = name};
    bedrock_type_error(origin, &path, type_name, val);
    return NULL;
}

fl_str bedrock_member_text(const bedrock_origin *origin, const bedrock_path *path,
                           yyjson_val *object, fl_str name)
{
    return fl_json_str(typed(origin, path, object, name, YYJSON_TYPE_STR, "string"));
}

yyjson_val *bedrock_member_object(const bedrock_origin *origin, const bedrock_path *path,
                                  yyjson_val *object, fl_str name)
{
    return typed(origin, path, object, name, YYJSON_TYPE_OBJ, "object");
}

yyjson_val *bedrock_member_list(const bedrock_origin *origin, const bedrock_path *path,
                                yyjson_val *object, fl_str name)
{
    return typed(origin, path, object, name, YYJSON_TYPE_ARR, "array");
}

int64_t bedrock_member_count(const bedrock_origin *origin, const bedrock_path *path,
                             yyjson_val *object, fl_str name)
{
    int64_t value;
    yyjson_val *val = typed(origin, path, object, name, YYJSON_TYPE_RAW, "number");
    bool read = val != NULL && fl_json_i64(fl_json_number(val), &value) && value >= 0;
    return read ? value : BEDROCK_INT_NONE;
}

int64_t bedrock_time_at(const bedrock_origin *origin, const bedrock_path *up, fl_str name,
                        yyjson_val *val)
{
    int64_t ns;
    const bedrock_path path = {.up = up, .name = name};
    if (val == NULL || yyjson_is_null(val)) {
        return FL_TIME_NONE;
    }
    if (bedrock_time_read(val, &ns)) {
        return ns;
    }
    bedrock_warn(origin, FL_BEDROCK_W_TIME, &path,
                 "is no time that is understood and is taken for absent; write ISO 8601 or a "
                 "number since 1970");
    return FL_TIME_NONE;
}

int64_t bedrock_member_time(const bedrock_origin *origin, const bedrock_path *path,
                            yyjson_val *object, fl_str name)
{
    return bedrock_time_at(origin, path, name, fl_json_get(object, name));
}
