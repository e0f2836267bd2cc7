#include "codec/codec.h"

/* A comma before this key or value if one is due; after it one is, unless it was a key. */
static void begin_item(fl_jw *w)
{
    if (w->comma) {
        fl_buf_add_byte(w->out, ',');
    }
    w->comma = true;
}

void fl_jw_open(fl_jw *w, char bracket)
{
    begin_item(w);
    fl_buf_add_byte(w->out, bracket);
    w->comma = false;
}

void fl_jw_close(fl_jw *w, char bracket)
{
    fl_buf_add_byte(w->out, bracket);
    w->comma = true;
}

void fl_jw_key(fl_jw *w, fl_str key)
{
    begin_item(w);
    fl_buf_add_quoted(w->out, key);
    fl_buf_add_byte(w->out, ':');
    w->comma = false;
}

void fl_jw_str(fl_jw *w, fl_str value)
{
    begin_item(w);
    fl_buf_add_quoted(w->out, value);
}

void fl_jw_raw(fl_jw *w, fl_str json)
{
    begin_item(w);
    fl_buf_add_str(w->out, json);
}

void fl_jw_bool(fl_jw *w, bool value)
{
    fl_jw_raw(w, value ? FL_S("true") : FL_S("false"));
}

void fl_jw_i64(fl_jw *w, int64_t value)
{
    begin_item(w);
    fl_buf_add_i64(w->out, value);
}

void fl_jw_u64(fl_jw *w, uint64_t value)
{
    begin_item(w);
    fl_buf_add_u64(w->out, value);
}

void fl_jw_seconds(fl_jw *w, int64_t ns)
{
    begin_item(w);
    fl_buf_add_seconds(w->out, ns);
}

void fl_jw_null(fl_jw *w)
{
    fl_jw_raw(w, FL_S("null"));
}

void fl_jw_key_str(fl_jw *w, fl_str key, fl_str value)
{
    fl_jw_key(w, key);
    fl_jw_str(w, value);
}

void fl_jw_key_bool(fl_jw *w, fl_str key, bool value)
{
    fl_jw_key(w, key);
    fl_jw_bool(w, value);
}

void fl_jw_key_i64(fl_jw *w, fl_str key, int64_t value)
{
    fl_jw_key(w, key);
    fl_jw_i64(w, value);
}

void fl_jw_key_seconds(fl_jw *w, fl_str key, int64_t ns)
{
    fl_jw_key(w, key);
    fl_jw_seconds(w, ns);
}

void fl_jw_key_raw(fl_jw *w, fl_str key, fl_str json)
{
    fl_jw_key(w, key);
    fl_jw_raw(w, json);
}
