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

#define FL_JSON_DEPTH_MAX 256

/* The value at the beginning of a text that may hold more behind it. */
typedef struct fl_json_first {
    yyjson_val *root;
    size_t n; /* bytes of the text up to the value's end, with the blanks before it */
    bool repaired;
    const char *copy; /* of the text (or of what it was repaired to): a string of the value has in
                         it the place that it has in the text, and maybe fewer bytes */
} fl_json_first;

/* As fl_json_read, for the first value of the text; what stands behind it is not looked at, but it
 * is copied: a text much longer than its first value is a waste. max_depth is at most
 * FL_JSON_DEPTH_MAX. Errors: also FL_E_VALIDATION for containers nested deeper than max_depth. */
FL_MUST fl_status fl_json_read_first(fl_arena *arena, fl_str text, fl_json_mode mode,
                                     size_t max_depth, fl_json_first *out, fl_err *err);

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
/* The same of a string alone. */
void fl_json_emit_str(fl_buf *out, const yyjson_val *val);

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

/*
 * A strict look at one JSON value (RFC 8259) in any split of its bytes: where it ends, or the first
 * byte that cannot continue it and what was expected there. White space before the value belongs to
 * it; bytes from 0x80 on are taken for characters wherever a string may have some (whether they are
 * UTF-8, and whether surrogates come in pairs, is not looked at). A scalar that is not inside of a
 * container ends before a blank, an opening bracket, a comma or a closing square bracket.
 */
typedef struct fl_json_check {
    uint64_t objects[FL_JSON_DEPTH_MAX / 64]; /* a bit for each open container: it is an object */
    const char *literal;                      /* what is to come of true, false or null */
    uint16_t depth, max_depth;
    uint8_t state;
    uint8_t hex_left; /* digits of \uXXXX to come */
    bool is_key;      /* the string is a member's name */
} fl_json_check;
typedef enum fl_json_check_result {
    FL_CHECK_MORE,  /* all bytes eaten, inside the value */
    FL_CHECK_END,   /* the value ended just before *eaten; the check is used up */
    FL_CHECK_WRONG, /* the byte at *eaten cannot continue the value */
    FL_CHECK_DEEP,  /* the bracket at *eaten would nest deeper than max_depth */
} fl_json_check_result;

/* Stands before a value. max_depth is at most FL_JSON_DEPTH_MAX. */
fl_json_check fl_json_check_begin(size_t max_depth);
fl_json_check_result fl_json_check_feed(fl_json_check *check, const char *bytes, size_t n,
                                        size_t *eaten);
/* At the end of the input: the value is whole, though nothing came that ends it (a scalar). */
bool fl_json_check_is_whole(const fl_json_check *check);
/* What can come now: "a value", ", or }" (static text). */
const char *fl_json_check_expected(const fl_json_check *check);

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

/* ---- Digests and checksums */

#define FL_SHA256_BYTES 32

/* SHA-256 of the parts with a line feed between each two: that of one part is of its bytes alone,
 * that of none is of nothing. */
void fl_sha256_lines(const fl_str *parts, size_t count, unsigned char digest[FL_SHA256_BYTES]);

/* CRC-32 of IEEE 802.3 (as of gzip, PNG and AWS event streams); goes on from `crc`, 0 at the start.
 */
uint32_t fl_crc32(uint32_t crc, fl_str bytes);

/* ---- Compression */

/* gzip (one or more members) or zlib stream, appended to out. FL_E_TOO_LARGE beyond out's maximum,
 * FL_E_SYNTAX on damage, a cut or bytes behind it; then out->n is as before. */
FL_MUST fl_status fl_gzip_inflate(fl_str packed, fl_buf *out, fl_err *err);

/* One LZ4 block appended to out, its length given back by out->n; the raw length is not in it. */
FL_MUST fl_status fl_lz4_pack(fl_str raw, fl_buf *out, fl_err *err);
/* Exactly raw_len bytes into `to`; FL_E_CORRUPT otherwise. */
FL_MUST fl_status fl_lz4_unpack(fl_str packed, char *to, size_t raw_len, fl_err *err);

/* zstd's memory for packing and unpacking, each taken at its first use and kept: for many calls,
 * one thread at a time. */
typedef struct fl_zstd fl_zstd;
FL_MUST fl_zstd *fl_zstd_new(void); /* NULL without memory */
void fl_zstd_free(fl_zstd *zstd);   /* NULL is fine */

/* A level of fl_zstd_pack: next to no search for repetitions, but bytes that are more frequent get
 * shorter codes. */
#define FL_ZSTD_ENTROPY (-1000)

/* One zstd frame, without its magic number, length and checksum, appended to out. On an error
 * out->n is as before. */
FL_MUST fl_status fl_zstd_pack(fl_zstd *zstd, fl_str raw, int level, fl_buf *out, fl_err *err);
/* Exactly raw_len bytes into `to`; FL_E_CORRUPT otherwise. FL_E_NOMEM. */
FL_MUST fl_status fl_zstd_unpack(fl_zstd *zstd, fl_str packed, char *to, size_t raw_len,
                                 fl_err *err);

#endif
