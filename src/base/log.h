/*
 * Structured log: one line an event, key=value or JSON, to standard error as a rule.
 *
 *   FL_LOG(log, FL_LOG_WARN, "segment rejected", fl_kv_text("reason", "MissingId"));
 *   2026-11-22T15:35:37.123Z warn segment rejected reason=MissingId
 *
 * The message is a literal: lines with the same message beyond 10 in 10 s are counted instead of
 * written, and the next one that is written says suppressed=N. A text value is cut at 1 KiB ("…" at
 * its end), and pairs beyond a line of 16 KiB are left out (left_out=N). Never log a document or an
 * annotation value above debug. Thread-safe (a mutex: lines are rare and must not mix). log == NULL
 * drops.
 */
#ifndef FL_BASE_LOG_H
#define FL_BASE_LOG_H

#include "base/clock.h"
#include "base/text.h"

typedef enum fl_log_level { FL_LOG_ERROR, FL_LOG_WARN, FL_LOG_INFO, FL_LOG_DEBUG } fl_log_level;
typedef enum fl_log_format { FL_LOG_TEXT, FL_LOG_JSON } fl_log_format;

typedef struct fl_log fl_log;

typedef struct fl_kv {
    const char *key;
    enum { FL_KV_STR, FL_KV_I64 } kind;
    fl_str str;
    int64_t i64;
} fl_kv;

static inline fl_kv fl_kv_str(const char *key, fl_str value)
{
    return (fl_kv){.key = key, .kind = FL_KV_STR, .str = value};
}
static inline fl_kv fl_kv_text(const char *key, const char *value)
{
    return fl_kv_str(key, fl_str_of(value));
}
static inline fl_kv fl_kv_i64(const char *key, int64_t value)
{
    return (fl_kv){.key = key, .kind = FL_KV_I64, .i64 = value};
}

/* fd is borrowed. Returns NULL without memory. */
fl_log *fl_log_new(int fd, fl_log_level level, fl_log_format format, const fl_clock *clock);
void fl_log_free(fl_log *log);
bool fl_log_wants(const fl_log *log, fl_log_level level);
void fl_log_write(fl_log *log, fl_log_level level, const char *message, const fl_kv *pairs,
                  size_t count);

#define FL_LOG(log, level, message, ...)                                                           \
    fl_log_write((log), (level), "" message, (const fl_kv[]){__VA_ARGS__},                         \
                 sizeof((const fl_kv[]){__VA_ARGS__}) / sizeof(fl_kv))

#endif
