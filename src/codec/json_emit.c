#include "codec/codec.h"

/* The containers that are open around the current value, outermost first. Most texts nest less deep
 * than `near`; the rest goes on in a buffer. */
#define NEAR_LEVELS 32

typedef struct level {
    const yyjson_val *end; /* behind the container's last value */
    bool object;
} level;

typedef struct emitter {
    fl_buf *out;
    level top; /* innermost open container */
    level near[NEAR_LEVELS];
    fl_buf far;
    size_t depth; /* open containers around the innermost one */
    bool value;   /* what comes next stands behind a key */
} emitter;

static void push_level(emitter *e)
{
    if (e->depth < NEAR_LEVELS) {
        e->near[e->depth] = e->top;
    } else {
        fl_buf_add(&e->far, &e->top, sizeof e->top);
    }
    e->depth++;
}

static void pop_level(emitter *e)
{
    e->depth--;
    if (e->depth < NEAR_LEVELS) {
        e->top = e->near[e->depth];
    } else {
        e->far.n -= sizeof e->top;
        memcpy(&e->top, e->far.p + e->far.n, sizeof e->top);
    }
}

/* Text between quotes; nothing in it needs an escape, as the reader saw. */
static void emit_plain_string(fl_buf *out, fl_str text)
{
    char *room = fl_buf_room(out, text.n + 2);
    if (room != NULL) {
        room[0] = '"';
        memcpy(room + 1, text.p, text.n);
        room[text.n + 1] = '"';
        fl_buf_grow(out, text.n + 2);
    }
}

void fl_json_emit_str(fl_buf *out, const yyjson_val *val)
{
    if ((val->tag & YYJSON_SUBTYPE_MASK) == YYJSON_SUBTYPE_NOESC) {
        emit_plain_string(out, fl_json_str(val));
    } else {
        fl_buf_add_quoted(out, fl_json_str(val));
    }
}

static void emit_scalar(fl_buf *out, const yyjson_val *val)
{
    bool yes = (val->tag & YYJSON_SUBTYPE_MASK) == YYJSON_SUBTYPE_TRUE;
    switch (val->tag & YYJSON_TYPE_MASK) {
    case YYJSON_TYPE_STR:
        fl_json_emit_str(out, val);
        break;
    case YYJSON_TYPE_RAW:
        fl_buf_add_str(out, fl_json_number(val));
        break;
    case YYJSON_TYPE_BOOL:
        fl_buf_add_str(out, yes ? FL_S("true") : FL_S("false"));
        break;
    default:
        fl_buf_add_str(out, FL_S("null"));
        break;
    }
}

static bool is_container(const yyjson_val *val)
{
    uint64_t type = val->tag & YYJSON_TYPE_MASK;
    return type == YYJSON_TYPE_OBJ || type == YYJSON_TYPE_ARR;
}

/* Writes the opening bracket and enters. yyjson keeps a container's values right behind it, depth
 * first, so that one pointer walks over all of them; a container ends where its offset says. */
static void enter(emitter *e, const yyjson_val *container)
{
    const void *end = (const char *)container + container->uni.ofs;
    e->top = (level){end, (container->tag & YYJSON_TYPE_MASK) == YYJSON_TYPE_OBJ};
    e->value = false;
    fl_buf_add_byte(e->out, e->top.object ? '{' : '[');
}

/* After a value that ended before `next`: a comma, or the brackets of all that ends there too.
 * False at the end of the root. */
static bool leave(emitter *e, const yyjson_val *next)
{
    e->value = false;
    while (next == e->top.end) {
        fl_buf_add_byte(e->out, e->top.object ? '}' : ']');
        if (e->depth == 0) {
            return false;
        }
        pop_level(e);
    }
    fl_buf_add_byte(e->out, ',');
    return true;
}

static void emit_container(emitter *e, const yyjson_val *root)
{
    const yyjson_val *val = root + 1;
    enter(e, root);
    bool more = val != e->top.end || leave(e, val);
    while (more && e->out->status == FL_OK && e->far.status == FL_OK) {
        if (is_container(val)) {
            push_level(e);
            enter(e, val++);
            more = val != e->top.end || leave(e, val);
            continue;
        }
        emit_scalar(e->out, val++);
        if (e->top.object && !e->value) {
            fl_buf_add_byte(e->out, ':');
            e->value = true;
        } else {
            more = leave(e, val);
        }
    }
}

void fl_json_emit(fl_buf *out, const yyjson_val *val)
{
    if (!is_container(val)) {
        emit_scalar(out, val);
        return;
    }
    emitter e = {.out = out};
    fl_buf_init(&e.far, SIZE_MAX);
    emit_container(&e, val);
    if (e.far.status != FL_OK && out->status == FL_OK) {
        out->status = e.far.status;
    }
    fl_buf_fini(&e.far);
}
