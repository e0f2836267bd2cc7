#include "cli/entity_text_int.h"

#include "codec/codec.h"

#define EXCEPTIONS_MAX 5
#define FRAMES_MAX     3
#define TEXT_MAX       4096 /* of one fact */

typedef struct collector {
    fl_arena *arena;
    fl_fact *facts;
    size_t count, left_out;
    bool failed;
} collector;

static void add_fact(collector *c, fl_fact_kind kind, fl_str key, fl_str text)
{
    if (text.n == 0 && kind != FL_FACT_PAIR) {
        return;
    }
    if (c->count == FL_FACTS_MAX - 1) {
        c->left_out++;
        return;
    }
    fl_str copy = fl_str_dup(c->arena, fl_str_clip(text, TEXT_MAX));
    c->failed |= copy.p == NULL;
    c->facts[c->count++] = (fl_fact){kind, key, copy};
}

/* The hint again, without a cut, and with the whole URL of a request. */
static void add_hint(collector *c, const fl_screen *screen, const fl_entity *entity,
                     const fl_step *step)
{
    const fl_segment *segment = entity->segment;
    bool is_request = segment->http != NULL && segment->sql.n == 0 &&
                      (segment->aws == NULL || segment->aws->operation.n == 0);
    fl_buf text;
    fl_buf_init(&text, (size_t)1 << 20);
    if (step != NULL) {
        fl_step_hint(screen, step, segment, &text);
    } else if (!is_request) {
        fl_entity_hint(screen, entity, &text);
    } else if (entity->caller == NULL || entity->caller->segment->http == NULL) {
        fl_http_text(screen, segment->http, segment->http->url, &text);
    }
    add_fact(c, FL_FACT_HINT, (fl_str){0}, fl_buf_str(&text));
    fl_buf_fini(&text);
}

/* `charge (payments/gateway.py:88)` */
static void add_frame(collector *c, yyjson_val *frame)
{
    fl_str label = fl_json_str(fl_json_get(frame, FL_S("label")));
    fl_str path = fl_json_str(fl_json_get(frame, FL_S("path")));
    fl_str line = fl_json_number(fl_json_get(frame, FL_S("line")));
    fl_buf text;
    fl_buf_init(&text, TEXT_MAX * 2);
    fl_buf_add_str(&text, FL_S("at "));
    fl_buf_add_str(&text, label.n > 0 ? label : FL_S("?"));
    if (path.n > 0) {
        fl_buf_add_str(&text, FL_S(" ("));
        fl_buf_add_str(&text, path);
        if (line.n > 0) {
            fl_buf_add_byte(&text, ':');
            fl_buf_add_str(&text, line);
        }
        fl_buf_add_byte(&text, ')');
    }
    add_fact(c, FL_FACT_FRAME, (fl_str){0}, fl_buf_str(&text));
    fl_buf_fini(&text);
}

static void add_stack(collector *c, fl_str rest)
{
    fl_arena arena;
    yyjson_val *root, *frame;
    size_t i, n;
    fl_arena_init(&arena, (size_t)16 << 20);
    if (rest.n > 0 && fl_json_read(&arena, rest, FL_JSON_REPAIR_UTF8, &root, NULL, NULL) == FL_OK) {
        yyjson_val *stack = fl_json_get(root, FL_S("stack"));
        yyjson_arr_foreach(stack, i, n, frame)
        {
            if (i == FRAMES_MAX) {
                break;
            }
            add_frame(c, frame);
        }
    }
    fl_arena_fini(&arena);
}

static void add_exception(collector *c, const fl_exception *exception)
{
    fl_buf text;
    fl_buf_init(&text, TEXT_MAX * 2);
    fl_buf_add_str(&text, fl_str_clip(exception->type, TEXT_MAX / 2));
    if (exception->type.n > 0 && exception->message.n > 0) {
        fl_buf_add_str(&text, FL_S(": "));
    }
    fl_buf_add_str(&text, fl_str_clip(exception->message, TEXT_MAX));
    add_fact(c, FL_FACT_EXCEPTION, (fl_str){0}, fl_buf_str(&text));
    fl_buf_fini(&text);
    add_stack(c, exception->rest);
}

static void add_cause(collector *c, const fl_cause *cause)
{
    add_fact(c, FL_FACT_EXCEPTION, (fl_str){0}, cause->message);
    uint32_t shown =
        cause->exception_count < EXCEPTIONS_MAX ? cause->exception_count : EXCEPTIONS_MAX;
    for (uint32_t i = 0; i < shown; i++) {
        add_exception(c, &cause->exceptions[i]);
    }
    if (shown < cause->exception_count) {
        fl_buf text;
        fl_buf_init(&text, 64);
        fl_buf_add_str(&text, FL_S("and "));
        fl_buf_add_u64(&text, cause->exception_count - shown);
        fl_buf_add_str(&text, FL_S(" more exceptions; --json has them all"));
        add_fact(c, FL_FACT_EXCEPTION, (fl_str){0}, fl_buf_str(&text));
        fl_buf_fini(&text);
    }
}

static void add_annotations(collector *c, const fl_segment *segment, bool untold_only)
{
    for (uint32_t i = 0; i < segment->annotation_count; i++) {
        const fl_annotation *annotation = &segment->annotations[i];
        if (untold_only && fl_step_tells(annotation)) {
            continue;
        }
        fl_str value = annotation->kind != FL_ANNOTATION_BOOL ? annotation->text
                       : annotation->boolean                  ? FL_S("true")
                                                              : FL_S("false");
        add_fact(c, FL_FACT_PAIR, annotation->key, value);
    }
}

static void add_metadata(collector *c, fl_str metadata)
{
    yyjson_val *root, *key, *value;
    size_t i, n;
    if (metadata.n == 0 ||
        fl_json_read(c->arena, metadata, FL_JSON_REPAIR_UTF8, &root, NULL, NULL) != FL_OK) {
        return;
    }
    yyjson_obj_foreach(root, i, n, key, value)
    {
        fl_buf text;
        fl_buf_init(&text, (size_t)1 << 20);
        fl_json_emit(&text, value);
        add_fact(c, FL_FACT_PAIR, fl_json_str(key), fl_buf_str(&text));
        fl_buf_fini(&text);
    }
}

static void tell_left_out(collector *c)
{
    if (c->left_out == 0) {
        return;
    }
    fl_buf text;
    fl_buf_init(&text, 64);
    fl_buf_add_u64(&text, c->left_out);
    fl_buf_add_str(&text, FL_S(" more; --json has them all"));
    fl_str copy = fl_str_dup(c->arena, fl_buf_str(&text));
    c->failed |= copy.p == NULL;
    c->facts[c->count++] = (fl_fact){FL_FACT_FRAME, (fl_str){0}, copy};
    fl_buf_fini(&text);
}

fl_status fl_entity_facts(fl_arena *arena, const fl_screen *screen, const fl_entity *entity,
                          const fl_fact_choice *choice, fl_fact **facts, size_t *count, fl_err *err)
{
    const fl_segment *segment = entity->segment;
    collector c = {.arena = arena, .facts = FL_ARENA_ARRAY(arena, fl_fact, FL_FACTS_MAX)};
    if (c.facts == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    if (choice->full_hint) {
        add_hint(&c, screen, entity, choice->step);
    }
    if (segment->cause != NULL && !choice->no_cause) {
        add_cause(&c, segment->cause);
    }
    if (choice->annotations) {
        add_annotations(&c, segment, choice->step != NULL && !choice->metadata);
    }
    if (choice->metadata) {
        add_metadata(&c, segment->metadata);
    }
    tell_left_out(&c);
    if (c.failed) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    *facts = c.facts;
    *count = c.count;
    return FL_OK;
}
