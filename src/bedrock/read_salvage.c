#include "bedrock/read_int.h"

/*
 * A whole answer that is cut or broken: the events of its list that are complete are taken, as they
 * would be in a file with one event a line. Done only behind an error, so it may take its time.
 */

typedef struct walk {
    fl_bedrock_place at; /* of the rest */
    bedrock_origin origin;
    fl_str rest;
    fl_arena kept; /* what the answer says beside its list */
} walk;

static void eat(walk *w, size_t n)
{
    bedrock_place_advance(&w->at, (fl_str){w->rest.p, n});
    w->rest = (fl_str){w->rest.p + n, w->rest.n - n};
}

/* The byte after white space, if it is this one. */
static bool eat_byte(walk *w, char byte)
{
    size_t n = 0;
    while (n < w->rest.n && strchr(" \t\r\n", w->rest.p[n]) != NULL && w->rest.p[n] != '\0') {
        n++;
    }
    eat(w, n);
    if (w->rest.n == 0 || w->rest.p[0] != byte) {
        return false;
    }
    eat(w, 1);
    return true;
}

/* A member's name and its colon. The names that matter have no escapes. */
static bool eat_name(walk *w, fl_str *name)
{
    if (!eat_byte(w, '"')) {
        return false;
    }
    size_t n = 0;
    while (n < w->rest.n && w->rest.p[n] != '"') {
        n += w->rest.p[n] == '\\' ? 2 : 1;
    }
    if (n >= w->rest.n) {
        return false;
    }
    *name = (fl_str){w->rest.p, n};
    eat(w, n + 1);
    return eat_byte(w, ':');
}

/* A whole value, with the white space before it left out. */
static bool eat_value(walk *w, fl_str *text, fl_bedrock_place *place)
{
    size_t n;
    fl_json_check check = fl_json_check_begin(FL_JSON_DEPTH_MAX - 1);
    (void)eat_byte(w, '\0');
    *place = w->at;
    if (fl_json_check_feed(&check, w->rest.p, w->rest.n, &n) != FL_CHECK_END) {
        return false;
    }
    *text = (fl_str){w->rest.p, n};
    eat(w, n);
    return true;
}

static fl_status keep_member(walk *w, fl_str name, fl_str text, fl_err *err)
{
    yyjson_val *val;
    fl_status status = fl_json_read(&w->kept, text, FL_JSON_REPAIR_UTF8, &val, NULL, err);
    if (status == FL_OK) {
        bedrock_answer_member(&w->origin, name, val);
    }
    return status == FL_E_NOMEM ? status : FL_OK;
}

static fl_status keep_text(walk *w, bedrock_value *value, fl_str *text, fl_err *err)
{
    if (text->p != NULL) {
        *text = fl_str_dup(&value->arena, *text);
        if (text->p == NULL) {
            return bedrock_no_memory(w->origin.reader, &value->arena, w->origin.place, err);
        }
    }
    return FL_OK;
}

/* The element with its own copies of what the answer said. */
static fl_status take_into(walk *w, bedrock_value *value, const bedrock_path *path, fl_str text,
                           fl_err *err)
{
    fl_json_first first;
    bedrock_origin origin = w->origin;
    origin.value = value;
    fl_status status = fl_json_read_first(&value->arena, text, FL_JSON_REPAIR_UTF8,
                                          FL_JSON_DEPTH_MAX, &first, NULL);
    if (status == FL_E_NOMEM) {
        return bedrock_no_memory(origin.reader, &value->arena, origin.place, err);
    }
    FL_TRY(keep_text(w, value, &origin.session_id, err));
    FL_TRY(keep_text(w, value, &origin.execution_id, err));
    FL_TRY(keep_text(w, value, &origin.request_id, err));
    if (status != FL_OK || bedrock_reader_over(origin.reader)) {
        return FL_OK;
    }
    return bedrock_recognise_element(&origin, path, first.root, err);
}

static fl_status take_elements(walk *w, fl_str name, fl_err *err)
{
    fl_str text;
    const bedrock_path list = {.name = name};
    bedrock_path element = {.up = &list};
    while (!bedrock_reader_over(w->origin.reader) && eat_value(w, &text, &w->origin.place)) {
        bedrock_value *value;
        FL_TRY(bedrock_value_new(w->origin.reader, text.n, &value, err));
        if (value == NULL) {
            break;
        }
        fl_status status = take_into(w, value, &element, text, err);
        bedrock_value_release(value);
        if (status != FL_OK || !eat_byte(w, ',')) {
            return status;
        }
        element.index++;
    }
    return FL_OK;
}

static fl_status walk_answer(walk *w, bool *salvaged, fl_err *err)
{
    fl_str name;
    fl_str text;
    fl_bedrock_place place;
    if (!eat_byte(w, '{')) {
        return FL_OK;
    }
    do {
        if (!eat_name(w, &name)) {
            return FL_OK;
        }
        if (bedrock_is_answer_list(name) && eat_byte(w, '[')) {
            *salvaged = true;
            w->origin.reader->config.diagnostics->counts->values++;
            return take_elements(w, name, err);
        }
        if (!eat_value(w, &text, &place)) {
            return FL_OK;
        }
        FL_TRY(keep_member(w, name, text, err));
    } while (eat_byte(w, ','));
    return FL_OK;
}

fl_status bedrock_salvage(bedrock_reader *reader, fl_str text, bool *salvaged, fl_err *err)
{
    walk w = {.at = reader->at, .origin = {.reader = reader}, .rest = text};
    fl_arena_init(&w.kept, reader->config.options->max_bytes);
    w.kept.budget = reader->config.budget;
    *salvaged = false;
    fl_status status = walk_answer(&w, salvaged, err);
    fl_arena_fini(&w.kept);
    return status;
}
