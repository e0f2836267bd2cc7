#include "codec/codec.h"

/* ---- yyjson's memory out of an arena: freeing is the arena's reset. */

static void *arena_malloc(void *arena, size_t bytes)
{
    return fl_arena_alloc(arena, bytes);
}

static void *arena_realloc(void *arena, void *piece, size_t old_bytes, size_t bytes)
{
    return fl_arena_resize(arena, piece, old_bytes, bytes);
}

static void arena_free(void *arena, void *piece)
{
    (void)arena;
    (void)piece;
}

static bool is_json_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Offset of the first byte behind a document that is no white space, or the end. */
static size_t skip_blank(fl_str text, size_t at)
{
    while (at < text.n && is_json_blank(text.p[at])) {
        at++;
    }
    return at;
}

/* A parse that is under way: what is read, and where the value ended. */
typedef struct reading {
    fl_arena *arena;
    bool whole; /* nothing but blanks may stand behind the value */
    size_t end; /* of the value */
    size_t values;
    const char *copy; /* of the text, in the arena */
    yyjson_read_err failure;
} reading;

static yyjson_val *fail(reading *r, yyjson_read_code code, const char *reason, size_t at)
{
    r->failure = (yyjson_read_err){code, reason, at};
    return NULL;
}

/* Without "stop when done" yyjson takes 2.7 bytes for values per byte of text at once, which is far
 * too much for a body that is mostly strings; so it starts small and grows in place, and what
 * stands behind the document is looked at here. */
static yyjson_val *read_strict(reading *r, fl_str text)
{
    const yyjson_alc alc = {arena_malloc, arena_realloc, arena_free, r->arena};
    const yyjson_read_flag flags = YYJSON_READ_NUMBER_AS_RAW | YYJSON_READ_STOP_WHEN_DONE;
    if (text.n == 0) {
        return fail(r, YYJSON_READ_ERROR_EMPTY_CONTENT, "input data is empty", 0);
    }
    /* Not written to: the flag for reading in place is not set. */
    char *bytes = (char *)(uintptr_t)text.p;
    yyjson_doc *doc = yyjson_read_opts(bytes, text.n, flags, &alc, &r->failure);
    if (doc == NULL) {
        return NULL;
    }
    r->end = yyjson_doc_get_read_size(doc);
    r->values = yyjson_doc_get_val_count(doc);
    r->copy = doc->str_pool;
    size_t behind = r->whole ? skip_blank(text, r->end) : text.n;
    if (behind < text.n) {
        return fail(r, YYJSON_READ_ERROR_UNEXPECTED_CONTENT, "unexpected content after document",
                    behind);
    }
    return yyjson_doc_get_root(doc);
}

/* ---- Repair: a copy of the text in which what is no Unicode became U+FFFD. */

typedef struct repair {
    fl_str text;
    size_t at;    /* next byte of text */
    bool quoted;  /* inside a string */
    char *out;    /* NULL to count only */
    size_t n;     /* bytes of the copy so far */
    bool changed; /* something was replaced */
} repair;

static void put(repair *r, const char *bytes, size_t n)
{
    if (r->out != NULL) {
        memcpy(r->out + r->n, bytes, n);
    }
    r->n += n;
}

/* The code unit of a \uXXXX escape at `at`; false if none stands there. */
static bool unit_at(fl_str text, size_t at, uint64_t *unit)
{
    return text.n >= 6 && at <= text.n - 6 && text.p[at] == '\\' && text.p[at + 1] == 'u' &&
           fl_hex_read(text.p + at + 2, 4, unit);
}

/* A backslash and what it escapes: a surrogate pair is one step of 12 bytes. */
static void repair_escape(repair *r)
{
    uint64_t unit;
    uint64_t second;
    size_t begin = r->at;
    if (!unit_at(r->text, begin, &unit)) {
        r->at += r->text.n - begin >= 2 && (unsigned char)r->text.p[begin + 1] < 0x80 ? 2 : 1;
        put(r, r->text.p + begin, r->at - begin);
        return;
    }
    r->at += 6;
    if ((unit & 0xF800) != 0xD800) {
        put(r, r->text.p + begin, 6);
    } else if ((unit & 0xFC00) == 0xD800 && unit_at(r->text, begin + 6, &second) &&
               (second & 0xFC00) == 0xDC00) {
        r->at += 6;
        put(r, r->text.p + begin, 12);
    } else {
        put(r, "\\ufffd", 6);
        r->changed = true;
    }
}

/* Copies one character or escape. Outside of strings nothing is replaced: it is an error anyway. */
static void repair_step(repair *r)
{
    size_t begin = r->at;
    char c = r->text.p[begin];
    if (r->quoted && c == '\\') {
        repair_escape(r);
        return;
    }
    r->quoted ^= c == '"';
    int32_t code = fl_utf8_next(r->text, &r->at);
    if (code < 0 && r->quoted) {
        put(r, "\xEF\xBF\xBD", 3);
        r->changed = true;
    } else {
        put(r, r->text.p + begin, r->at - begin);
    }
}

static void repair_all(repair *r)
{
    while (r->at < r->text.n) {
        repair_step(r);
    }
}

/* Where in the text the byte `offset` of its repaired copy comes from. */
static size_t offset_before_repair(fl_str text, size_t offset)
{
    repair r = {.text = text};
    size_t begin = 0;
    while (r.n <= offset && r.at < text.n) {
        begin = r.at;
        repair_step(&r);
    }
    return r.n <= offset ? text.n : begin;
}

/* Leaves the failure alone when there is nothing to repair: then it stands. */
static yyjson_val *read_repaired(reading *r, fl_str text)
{
    repair count = {.text = text};
    repair_all(&count);
    if (!count.changed) {
        return NULL;
    }
    repair fill = {.text = text, .out = fl_arena_alloc(r->arena, count.n)};
    if (fill.out == NULL) {
        return fail(r, YYJSON_READ_ERROR_MEMORY_ALLOCATION, "no memory", 0);
    }
    repair_all(&fill);
    yyjson_val *root = read_strict(r, (fl_str){fill.out, fill.n});
    r->end = offset_before_repair(text, r->end);
    r->failure.pos = offset_before_repair(text, r->failure.pos);
    return root;
}

static fl_status read_value(reading *r, fl_str text, fl_json_mode mode, yyjson_val **root,
                            bool *repaired, fl_err *err)
{
    bool mended = false;
    yyjson_val *val = read_strict(r, text);
    if (val == NULL && mode == FL_JSON_REPAIR_UTF8 &&
        r->failure.code != YYJSON_READ_ERROR_MEMORY_ALLOCATION) {
        val = read_repaired(r, text);
        mended = val != NULL;
    }
    if (val == NULL && r->failure.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a JSON text of %zu bytes", text.n);
    }
    if (val == NULL) {
        FL_FAIL(err, FL_E_SYNTAX, "byte %zu: %s", r->failure.pos, r->failure.msg);
    }
    *root = val;
    *repaired = mended;
    return FL_OK;
}

fl_status fl_json_read(fl_arena *arena, fl_str text, fl_json_mode mode, yyjson_val **root,
                       bool *repaired, fl_err *err)
{
    reading whole = {.arena = arena, .whole = true};
    bool mended;
    FL_TRY(read_value(&whole, text, mode, root, &mended, err));
    if (repaired != NULL) {
        *repaired = mended;
    }
    return FL_OK;
}

/* yyjson keeps the values of a text in a row, each container before what is in it and with the way
 * to what follows it. */
static bool is_deeper(yyjson_val *root, size_t values, size_t max_depth)
{
    const yyjson_val *ends[FL_JSON_DEPTH_MAX];
    size_t depth = 0;
    if (values <= max_depth) {
        return false;
    }
    for (yyjson_val *val = root; val < root + values; val++) {
        while (depth > 0 && ends[depth - 1] == val) {
            depth--;
        }
        if (unsafe_yyjson_is_ctn(val)) {
            if (depth == max_depth) {
                return true;
            }
            ends[depth++] = unsafe_yyjson_get_next(val);
        }
    }
    return false;
}

fl_status fl_json_read_first(fl_arena *arena, fl_str text, fl_json_mode mode, size_t max_depth,
                             fl_json_first *out, fl_err *err)
{
    reading first = {.arena = arena};
    fl_json_first got = {0};
    FL_TRY(read_value(&first, text, mode, &got.root, &got.repaired, err));
    if (is_deeper(got.root, first.values, max_depth)) {
        FL_FAIL(err, FL_E_VALIDATION, "nested deeper than %zu", max_depth);
    }
    got.n = first.end;
    got.copy = first.copy;
    *out = got;
    return FL_OK;
}

/* Where most of a walk goes: lengths and first bytes tell nearly all keys apart. */
static bool is_key(const yyjson_val *name, fl_str key)
{
    return name->tag >> YYJSON_TAG_BIT == key.n &&
           (key.n == 0 ||
            (name->uni.str[0] == key.p[0] && memcmp(name->uni.str, key.p, key.n) == 0));
}

yyjson_val *fl_json_get(yyjson_val *val, fl_str key)
{
    yyjson_val *found = NULL;
    if (!yyjson_is_obj(val)) {
        return NULL;
    }
    yyjson_val *name = unsafe_yyjson_get_first(val);
    for (size_t left = unsafe_yyjson_get_len(val); left > 0; left--) {
        if (is_key(name, key)) {
            found = name + 1;
        }
        name = unsafe_yyjson_get_next(name + 1);
    }
    return found;
}
