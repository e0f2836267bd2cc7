#include "trace/header.h"

#include "codec/codec.h"

#define EXTRA_COUNT_MAX (sizeof((fl_trace_header *)0)->extra / sizeof(fl_str))

/* ---- Reading */

static void read_root(fl_str value, fl_trace_header *out)
{
    out->root = (fl_trace_id){0};
    out->malformed_root = !fl_trace_id_parse(value, &out->root);
}

static void read_parent(fl_str value, fl_trace_header *out)
{
    out->parent = 0;
    out->malformed_parent = !fl_segment_id_parse(value, &out->parent);
}

static void read_sampled(fl_str value, fl_trace_header *out)
{
    static const char letters[] = "01?";
    static const fl_sampled values[] = {FL_SAMPLED_NO, FL_SAMPLED_YES, FL_SAMPLED_ASKED};
    const char *letter = value.n == 1 ? memchr(letters, value.p[0], sizeof letters - 1) : NULL;
    out->sampled = letter != NULL ? values[letter - letters] : FL_SAMPLED_UNSET;
}

static void read_lineage(fl_str value, fl_trace_header *out)
{
    out->lineage = value;
}

static void ignore(fl_str value, fl_trace_header *out)
{
    (void)value, (void)out;
}

/* A control character would let an item end the header that it is passed on in. */
static bool has_control(fl_str item)
{
    for (size_t i = 0; i < item.n; i++) {
        if ((unsigned char)item.p[i] < 0x20 || item.p[i] == 0x7F) {
            return true;
        }
    }
    return false;
}

static fl_str key_of(fl_str item)
{
    return fl_str_trim(fl_str_cut(&item, '='));
}

/* Keeps an item for passing on; the last one of a key counts. */
static void keep_extra(fl_str item, fl_trace_header *out)
{
    size_t at = 0;
    while (at < out->extra_count && !fl_str_eq(key_of(out->extra[at]), key_of(item))) {
        at++;
    }
    if (at == EXTRA_COUNT_MAX) {
        return;
    }
    out->extra[at] = item;
    if (at == out->extra_count) {
        out->extra_count++;
    }
}

static void read_item(fl_str item, fl_trace_header *out)
{
    static const struct {
        fl_str key;
        void (*read)(fl_str value, fl_trace_header *out);
    } readers[] = {
        {{"Root", 4}, read_root},       {{"Parent", 6}, read_parent},
        {{"Sampled", 7}, read_sampled}, {{"Lineage", 7}, read_lineage},
        {{"Self", 4}, ignore},
    };
    fl_str value = item;
    fl_str key = fl_str_trim(fl_str_cut(&value, '='));
    if (value.p == NULL || key.n == 0 || has_control(item)) {
        return;
    }
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        if (fl_str_eq_nocase(key, readers[i].key)) {
            readers[i].read(fl_str_trim(value), out);
            return;
        }
    }
    keep_extra(item, out);
}

void fl_trace_header_parse(fl_str text, fl_trace_header *out)
{
    *out = (fl_trace_header){0};
    while (text.p != NULL) {
        read_item(fl_str_trim(fl_str_cut(&text, ';')), out);
    }
}

/* ---- Writing */

static void begin_item(fl_buf *out, size_t header_at)
{
    if (out->n != header_at) {
        fl_buf_add_byte(out, ';');
    }
}

static void emit_extra(const fl_trace_header *header, size_t header_at, fl_buf *out)
{
    size_t left = FL_TRACE_HEADER_EXTRA_MAX;
    for (size_t i = 0; i < header->extra_count && header->extra[i].n + 1 <= left; i++) {
        begin_item(out, header_at);
        fl_buf_add_str(out, header->extra[i]);
        left -= header->extra[i].n + 1;
    }
}

void fl_trace_header_emit(const fl_trace_header *header, fl_buf *out)
{
    static const char sampled[] = {
        [FL_SAMPLED_NO] = '0', [FL_SAMPLED_YES] = '1', [FL_SAMPLED_ASKED] = '?'};
    size_t header_at = out->n;
    if (!fl_trace_id_is_none(header->root)) {
        fl_buf_add_str(out, FL_S("Root="));
        fl_trace_id_emit(header->root, out);
    }
    if (header->parent != 0) {
        begin_item(out, header_at);
        fl_buf_add_str(out, FL_S("Parent="));
        fl_buf_add_hex(out, header->parent, 16);
    }
    if (header->sampled != FL_SAMPLED_UNSET) {
        begin_item(out, header_at);
        fl_buf_add_str(out, FL_S("Sampled="));
        fl_buf_add_byte(out, sampled[header->sampled]);
    }
    if (header->lineage.n != 0) {
        begin_item(out, header_at);
        fl_buf_add_str(out, FL_S("Lineage="));
        fl_buf_add_str(out, header->lineage);
    }
    emit_extra(header, header_at, out);
}

/* ---- W3C: 00-<32 hex>-<16 hex>-<2 hex>; a later version may have more behind the flags. */

#define TRACEPARENT_BYTES 55

bool fl_trace_header_from_traceparent(fl_str text, fl_trace_header *out)
{
    uint64_t version;
    uint64_t flags;
    fl_trace_header header = {0};
    fl_str s = fl_str_trim(text);
    if (s.n < TRACEPARENT_BYTES || s.p[2] != '-' || s.p[35] != '-' || s.p[52] != '-') {
        return false;
    }
    if (!fl_hex_read(s.p, 2, &version) || version == 0xFF || !fl_hex_read(s.p + 53, 2, &flags)) {
        return false;
    }
    if (s.n > TRACEPARENT_BYTES && (version == 0 || s.p[TRACEPARENT_BYTES] != '-')) {
        return false;
    }
    if (!fl_trace_id_parse((fl_str){s.p + 3, 32}, &header.root) ||
        !fl_segment_id_parse((fl_str){s.p + 36, 16}, &header.parent)) {
        return false;
    }
    header.sampled = (flags & 1) != 0 ? FL_SAMPLED_YES : FL_SAMPLED_NO;
    *out = header;
    return true;
}

bool fl_trace_header_to_traceparent(const fl_trace_header *header, fl_buf *out)
{
    if (fl_trace_id_is_none(header->root) || header->parent == 0) {
        return false;
    }
    fl_buf_add_str(out, FL_S("00-"));
    fl_buf_add_hex(out, header->root.hi, 16);
    fl_buf_add_hex(out, header->root.lo, 16);
    fl_buf_add_byte(out, '-');
    fl_buf_add_hex(out, header->parent, 16);
    fl_buf_add_str(out, header->sampled == FL_SAMPLED_YES ? FL_S("-01") : FL_S("-00"));
    return true;
}

bool fl_trace_header_is_carrier(fl_str name)
{
    return fl_str_eq_nocase(name, FL_S("X-Amzn-Trace-Id")) ||
           fl_str_eq_nocase(name, FL_S("HTTP_X_AMZN_TRACE_ID")) ||
           fl_str_eq_nocase(name, FL_S("_X_AMZN_TRACE_ID")) ||
           fl_str_eq_nocase(name, FL_S("AWSTraceHeader"));
}
