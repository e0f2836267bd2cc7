/*
 * codec: bytes to values and back. Pure: bytes in, values out, no I/O, no clock, no thread.
 */
#ifndef FL_CODEC_H
#define FL_CODEC_H

#include <yyjson.h>

#include "base/base.h"

/* ---- Hex */

/* Exactly `digits` hex digits of either case at p (up to 16); false otherwise. */
bool fl_hex_read(const char *p, size_t digits, uint64_t *out);

/* ---- JSON, over yyjson. Numbers stay raw text (yyjson_is_raw), so that none loses a digit. */

typedef enum fl_json_mode {
    FL_JSON_STRICT,      /* invalid UTF-8 or a lone surrogate escape is a syntax error */
    FL_JSON_REPAIR_UTF8, /* each is replaced by U+FFFD; *repaired is set */
} fl_json_mode;

/*
 * Parses one JSON text (surrounding white space allowed) into the arena; the values borrow arena
 * memory only, not `text`. The nesting depth is bounded by the text's length alone, so walk with a
 * bound of your own. repaired may be NULL.
 * Errors: FL_E_SYNTAX with the byte offset and reason; FL_E_NOMEM.
 */
FL_MUST fl_status fl_json_read(fl_arena *arena, fl_str text, fl_json_mode mode, yyjson_val **root,
                               bool *repaired, fl_err *err);

/* Strings and raw numbers as fl_str; the absent string for any other type. */
static inline fl_str fl_json_str(const yyjson_val *val)
{
    return val != NULL && (val->tag & YYJSON_TYPE_MASK) == YYJSON_TYPE_STR
               ? (fl_str){val->uni.str, val->tag >> YYJSON_TAG_BIT}
               : (fl_str){0};
}
static inline fl_str fl_json_number(const yyjson_val *val)
{
    return val != NULL && (val->tag & YYJSON_TYPE_MASK) == YYJSON_TYPE_RAW
               ? (fl_str){val->uni.str, val->tag >> YYJSON_TAG_BIT}
               : (fl_str){0};
}
/* Member of an object by key (the last one of that key), NULL if val is no object or lacks it. */
yyjson_val *fl_json_get(yyjson_val *val, fl_str key);

/* Raw JSON number → values, exactly as far as the type goes. False: not representable (fraction,
 * overflow) or no JSON number; "3.0" and "1e3" are integers. fl_json_ns takes decimal seconds to
 * nanoseconds without rounding through a double; digits beyond the ninth are rounded to nearest,
 * halves away from zero; the range is ±292 years around the epoch. fl_json_double gives the nearest
 * double, ±infinity beyond the range, 0 for no number. */
bool fl_json_i64(fl_str number, int64_t *out);
bool fl_json_ns(fl_str number, int64_t *out);
double fl_json_double(fl_str number);

/* Compact JSON text of a value, numbers as they were read; appended to out. Iterative. */
void fl_json_emit(fl_buf *out, const yyjson_val *val);

/*
 * A value's end in a byte stream of concatenated JSON texts (DESIGN §3), found without parsing it:
 * brackets and strings are followed, nothing is validated. Feed any split of the bytes; the scanner
 * is a handful of bytes of state, zeroed at the start. A number or literal between containers ends
 * before the byte that is not its own, so at the end of a stream FL_SCAN_MORE may mean a whole one.
 * Garbage reaches to the next blank or opening bracket; where a split cuts it, it is told in parts.
 */
typedef struct fl_json_scan {
    uint32_t depth;
    uint8_t state;
} fl_json_scan;
typedef enum fl_json_scan_result {
    FL_SCAN_MORE,    /* all bytes eaten, inside a value */
    FL_SCAN_BLANK,   /* all bytes eaten, between values (only white space since the last one) */
    FL_SCAN_BEGIN,   /* the byte at *eaten begins a value; call again to go through it */
    FL_SCAN_END,     /* a value ended just before *eaten */
    FL_SCAN_GARBAGE, /* bytes up to *eaten, but blanks before, are no value; go on behind them */
} fl_json_scan_result;
fl_json_scan_result fl_json_scan_feed(fl_json_scan *scan, const char *bytes, size_t n,
                                      size_t *eaten);

/* ---- JSON writer: commas and escapes; values go straight into a buffer. */

typedef struct fl_jw {
    fl_buf *out;
    bool comma; /* a comma is due before the next key or value */
} fl_jw;

static inline fl_jw fl_jw_of(fl_buf *out)
{
    return (fl_jw){out, false};
}
void fl_jw_open(fl_jw *w, char bracket);  /* '{' or '[' */
void fl_jw_close(fl_jw *w, char bracket); /* '}' or ']' */
void fl_jw_key(fl_jw *w, fl_str key);
void fl_jw_str(fl_jw *w, fl_str value); /* escapes; invalid UTF-8 becomes U+FFFD */
void fl_jw_raw(fl_jw *w, fl_str json);  /* a ready JSON text */
void fl_jw_bool(fl_jw *w, bool value);
void fl_jw_i64(fl_jw *w, int64_t value);
void fl_jw_u64(fl_jw *w, uint64_t value);
void fl_jw_seconds(fl_jw *w, int64_t ns); /* as fl_buf_add_seconds */
void fl_jw_null(fl_jw *w);
/* Key and value in one. */
void fl_jw_key_str(fl_jw *w, fl_str key, fl_str value);
void fl_jw_key_bool(fl_jw *w, fl_str key, bool value);
void fl_jw_key_i64(fl_jw *w, fl_str key, int64_t value);
void fl_jw_key_seconds(fl_jw *w, fl_str key, int64_t ns);
void fl_jw_key_raw(fl_jw *w, fl_str key, fl_str json);

/* ---- Compression */

/* gzip (one or more members) or zlib stream, appended to out. FL_E_TOO_LARGE beyond out's maximum,
 * FL_E_SYNTAX on damage, a cut or bytes behind it; then out->n is as before. */
FL_MUST fl_status fl_gzip_inflate(fl_str packed, fl_buf *out, fl_err *err);

/* One LZ4 block appended to out, its length given back by out->n; the raw length is not in it. */
FL_MUST fl_status fl_lz4_pack(fl_str raw, fl_buf *out, fl_err *err);
/* Exactly raw_len bytes into `to`; FL_E_CORRUPT otherwise. */
FL_MUST fl_status fl_lz4_unpack(fl_str packed, char *to, size_t raw_len, fl_err *err);

#endif
