#include "cli/entity_text_int.h"

#include "codec/codec.h"

fl_mark fl_entity_mark(const fl_entity *entity)
{
    fl_flags flags = fl_segment_flags(entity->segment);
    return fl_mark_of(flags.fault, flags.throttle, flags.error,
                      !fl_segment_is_complete(entity->segment));
}

/* A URL without its scheme, and without its host where that is the entity's name. */
static fl_str short_url(fl_str url, fl_str name)
{
    static const fl_str schemes[] = {FL_S("https://"), FL_S("http://")};
    for (size_t i = 0; i < 2; i++) {
        if (fl_str_starts(url, schemes[i])) {
            url = (fl_str){url.p + schemes[i].n, url.n - schemes[i].n};
        }
    }
    bool is_host = name.n > 0 && fl_str_starts(url, name) && url.n > name.n && url.p[name.n] == '/';
    return is_host ? (fl_str){url.p + name.n, url.n - name.n} : url;
}

static fl_str url_path(fl_str url)
{
    fl_str rest = short_url(url, (fl_str){0});
    fl_str host = fl_str_cut(&rest, '/');
    return rest.p != NULL ? (fl_str){host.p + host.n, rest.n + 1} : url;
}

static void add_word(fl_buf *out, fl_str word)
{
    if (word.n > 0) {
        if (out->n > 0) {
            fl_buf_add_byte(out, ' ');
        }
        fl_buf_add_str(out, word);
    }
}

static void add_status(const fl_screen *screen, const fl_http *http, fl_buf *out)
{
    if (http->status != FL_INT_NONE) {
        add_word(out, fl_screen_glyph(screen, FL_GLYPH_ARROW));
        fl_buf_add_byte(out, ' ');
        fl_buf_add_i64(out, http->status);
    }
}

void fl_http_text(const fl_screen *screen, const fl_http *http, fl_str url, fl_buf *out)
{
    add_word(out, http->method);
    add_word(out, url);
    add_status(screen, http, out);
}

/* Member of a JSON object given as text, copied to out; false if there is none. */
static bool add_json_text(fl_buf *out, fl_str object, fl_str key)
{
    fl_arena arena;
    yyjson_val *root;
    fl_arena_init(&arena, (size_t)16 << 20);
    fl_str text = {0};
    if (object.n > 0 &&
        fl_json_read(&arena, object, FL_JSON_REPAIR_UTF8, &root, NULL, NULL) == FL_OK) {
        text = fl_json_str(fl_json_get(root, key));
        add_word(out, text);
    }
    fl_arena_fini(&arena);
    return text.n > 0;
}

static void add_sql(const fl_segment *segment, fl_buf *out)
{
    if (!add_json_text(out, segment->sql, FL_S("sanitized_query"))) {
        add_json_text(out, segment->sql, FL_S("database_type"));
    }
}

static fl_str last_part(fl_str path)
{
    for (size_t i = path.n; i-- > 0;) {
        if (path.p[i] == '/' || path.p[i] == ':') {
            return (fl_str){path.p + i + 1, path.n - i - 1};
        }
    }
    return path;
}

static void add_resource(const fl_aws *aws, fl_buf *out)
{
    const fl_str resources[] = {aws->table_name,           last_part(aws->queue_url),
                                last_part(aws->topic_arn), aws->bucket_name,
                                aws->function_name,        aws->model_id};
    for (size_t i = 0; i < sizeof resources / sizeof resources[0]; i++) {
        if (resources[i].n > 0) {
            add_word(out, resources[i]);
            return;
        }
    }
}

static void add_aws(const fl_screen *screen, const fl_segment *segment, fl_buf *out)
{
    add_word(out, segment->aws->operation);
    add_resource(segment->aws, out);
    if (segment->http != NULL && segment->http->status >= 400) {
        add_status(screen, segment->http, out);
    }
}

static fl_str short_type(fl_str type)
{
    fl_str vendor = FL_S("AWS::");
    return fl_str_starts(type, vendor) ? (fl_str){type.p + vendor.n, type.n - vendor.n} : type;
}

/* A segment repeats the request of the call that led to it: it shows only what differs. */
static void add_segment_hint(const fl_screen *screen, const fl_entity *entity, fl_buf *out)
{
    const fl_segment *segment = entity->segment;
    const fl_http *called = entity->caller != NULL ? entity->caller->segment->http : NULL;
    add_word(out, short_type(segment->origin));
    if (segment->http != NULL && (called == NULL || called->status != segment->http->status)) {
        if (out->n > 0) {
            add_word(out, fl_screen_glyph(screen, FL_GLYPH_DOT));
        }
        fl_http_text(screen, segment->http, url_path(segment->http->url), out);
    }
}

void fl_entity_hint(const fl_screen *screen, const fl_entity *entity, fl_buf *out)
{
    const fl_segment *segment = entity->segment;
    if (entity->parent == NULL && !segment->is_subsegment) {
        add_segment_hint(screen, entity, out);
    } else if (segment->sql.n > 0) {
        add_sql(segment, out);
    } else if (segment->aws != NULL && segment->aws->operation.n > 0) {
        add_aws(screen, segment, out);
    } else if (segment->http != NULL) {
        fl_http_text(screen, segment->http, short_url(segment->http->url, segment->name), out);
    } else if (fl_entity_is_call(entity)) {
        add_word(out, segment->name_space);
    }
}
