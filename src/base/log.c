#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define WINDOW_NS       (10 * FL_NS_PER_S)
#define WINDOW_LINES    10
#define LIMITED_MAX     128
#define LINE_MAX_BYTES  ((size_t)16 << 10)
#define LINE_TAIL_BYTES ((size_t)128) /* for the counts at its end */
#define VALUE_MAX_BYTES ((size_t)1 << 10)

/* The lines of one message in its current window. */
typedef struct limited {
    const char *message; /* NULL: free */
    int64_t window_ns;   /* monotonic time at which the window began */
    uint32_t written;
    uint64_t suppressed; /* since the last one that was written */
} limited;

struct fl_log {
    int fd;
    fl_log_level level;
    fl_log_format format;
    const fl_clock *clock;
    pthread_mutex_t mutex; /* for what follows */
    fl_buf line;
    limited limits[LIMITED_MAX];
};

fl_log *fl_log_new(int fd, fl_log_level level, fl_log_format format, const fl_clock *clock)
{
    fl_log *log = calloc(1, sizeof *log);
    if (log == NULL) {
        return NULL;
    }
    log->fd = fd;
    log->level = level;
    log->format = format;
    log->clock = clock;
    fl_buf_init(&log->line, LINE_MAX_BYTES);
    if (pthread_mutex_init(&log->mutex, NULL) != 0) {
        free(log);
        return NULL;
    }
    return log;
}

void fl_log_free(fl_log *log)
{
    if (log == NULL) {
        return;
    }
    pthread_mutex_destroy(&log->mutex);
    fl_buf_fini(&log->line);
    free(log);
}

bool fl_log_wants(const fl_log *log, fl_log_level level)
{
    return log != NULL && level <= log->level;
}

static bool window_over(const limited *entry, int64_t now_ns)
{
    return now_ns - entry->window_ns >= WINDOW_NS;
}

/* The entry of a message, a free one for a new message, NULL if all are in use: then the line is
 * written without a limit, because an entry that counts must not be forgotten. */
static limited *find_entry(fl_log *log, const char *message, int64_t now_ns)
{
    limited *unused = NULL;
    for (size_t i = 0; i < LIMITED_MAX; i++) {
        limited *entry = &log->limits[i];
        if (entry->message != NULL &&
            (entry->message == message || strcmp(entry->message, message) == 0)) {
            return entry;
        }
        bool idle =
            entry->message == NULL || (entry->suppressed == 0 && window_over(entry, now_ns));
        if (unused == NULL && idle) {
            unused = entry;
        }
    }
    if (unused != NULL) {
        *unused = (limited){.message = message, .window_ns = now_ns};
    }
    return unused;
}

/* Whether the line is to be written; *suppressed gets how many before it were not. */
static bool within_limit(fl_log *log, const char *message, uint64_t *suppressed)
{
    int64_t now_ns = fl_clock_mono(log->clock);
    limited *entry = find_entry(log, message, now_ns);
    *suppressed = 0;
    if (entry == NULL) {
        return true;
    }
    if (window_over(entry, now_ns)) {
        entry->window_ns = now_ns;
        entry->written = 0;
    }
    if (entry->written == WINDOW_LINES) {
        entry->suppressed++;
        return false;
    }
    entry->written++;
    *suppressed = entry->suppressed;
    entry->suppressed = 0;
    return true;
}

static void add_decimal(fl_buf *line, int value, int width)
{
    char digits[4];
    for (int i = width - 1; i >= 0; i--) {
        digits[i] = (char)('0' + value % 10);
        value /= 10;
    }
    fl_buf_add(line, digits, (size_t)width);
}

/* 2026-11-22T15:35:37.123Z */
static void add_time(fl_buf *line, int64_t wall_ns)
{
    time_t seconds = (time_t)(wall_ns / FL_NS_PER_S);
    struct tm utc = {0};
    gmtime_r(&seconds, &utc);
    const struct {
        int value, width;
        char after;
    } fields[] = {
        {utc.tm_year + 1900, 4, '-'},
        {utc.tm_mon + 1, 2, '-'},
        {utc.tm_mday, 2, 'T'},
        {utc.tm_hour, 2, ':'},
        {utc.tm_min, 2, ':'},
        {utc.tm_sec, 2, '.'},
        {(int)(wall_ns % FL_NS_PER_S / FL_NS_PER_MS), 3, 'Z'},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        add_decimal(line, fields[i].value, fields[i].width);
        fl_buf_add_byte(line, fields[i].after);
    }
}

static void add_quoted(fl_buf *line, fl_str text)
{
    fl_str kept = fl_str_clip(text, VALUE_MAX_BYTES);
    fl_buf_add_byte(line, '"');
    fl_buf_add_escaped(line, kept);
    if (kept.n < text.n) {
        fl_buf_add_str(line, FL_S("…"));
    }
    fl_buf_add_byte(line, '"');
}

/* A value that can stand without quotes in key=value. */
static bool is_bare(fl_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char byte = (unsigned char)text.p[i];
        if (byte <= ' ' || byte >= 0x7F || byte == '"' || byte == '\\' || byte == '=') {
            return false;
        }
    }
    return text.n != 0 && text.n <= VALUE_MAX_BYTES;
}

static void add_value(fl_buf *line, const fl_kv *pair, bool quote)
{
    if (pair->kind == FL_KV_I64) {
        fl_buf_add_i64(line, pair->i64);
    } else if (quote || !is_bare(pair->str)) {
        add_quoted(line, pair->str);
    } else {
        fl_buf_add_str(line, pair->str);
    }
}

static const char *level_name(fl_log_level level)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    return names[level];
}

static void add_pair(fl_log_format format, fl_buf *line, const fl_kv *pair)
{
    if (format == FL_LOG_TEXT) {
        fl_buf_add_byte(line, ' ');
        fl_buf_add_str(line, fl_str_of(pair->key));
        fl_buf_add_byte(line, '=');
    } else {
        fl_buf_add_byte(line, ',');
        add_quoted(line, fl_str_of(pair->key));
        fl_buf_add_byte(line, ':');
    }
    add_value(line, pair, format == FL_LOG_JSON);
}

static void begin_line(const fl_log *log, fl_buf *line, fl_log_level level, const char *message)
{
    int64_t wall_ns = fl_clock_wall(log->clock);
    if (log->format == FL_LOG_TEXT) {
        add_time(line, wall_ns);
        fl_buf_add_byte(line, ' ');
        fl_buf_add_str(line, fl_str_of(level_name(level)));
        fl_buf_add_byte(line, ' ');
        fl_buf_add_str(line, fl_str_of(message));
        return;
    }
    fl_buf_add_str(line, FL_S("{\"ts\":\""));
    add_time(line, wall_ns);
    fl_buf_add_byte(line, '"');
    fl_kv level_pair = fl_kv_text("level", level_name(level));
    fl_kv message_pair = fl_kv_text("msg", message);
    add_pair(FL_LOG_JSON, line, &level_pair);
    add_pair(FL_LOG_JSON, line, &message_pair);
}

/* False when the pair is left out, because the line would get too long. */
static bool add_pair_within(const fl_log *log, fl_buf *line, const fl_kv *pair)
{
    size_t before = line->n;
    add_pair(log->format, line, pair);
    if (line->status == FL_OK && line->n <= LINE_MAX_BYTES - LINE_TAIL_BYTES) {
        return true;
    }
    line->n = before;
    line->status = FL_OK;
    return false;
}

/* Counts of what the reader does not see; within the line's tail. */
static void add_count(const fl_log *log, fl_buf *line, const char *key, uint64_t count)
{
    fl_kv pair = fl_kv_i64(key, (int64_t)count);
    if (count != 0) {
        add_pair(log->format, line, &pair);
    }
}

static void write_line(int fd, fl_str line)
{
    while (line.n != 0) {
        ssize_t n = write(fd, line.p, line.n);
        if (n < 0 && errno != EINTR) {
            return; /* there is nowhere to report it */
        }
        size_t written = n < 0 ? 0 : (size_t)n;
        line = (fl_str){line.p + written, line.n - written};
    }
}

static void build_line(fl_log *log, fl_log_level level, const char *message, const fl_kv *pairs,
                       size_t count)
{
    uint64_t left_out = 0;
    fl_buf_reset(&log->line);
    begin_line(log, &log->line, level, message);
    for (size_t i = 0; i < count; i++) {
        left_out += !add_pair_within(log, &log->line, &pairs[i]);
    }
    add_count(log, &log->line, "left_out", left_out);
}

void fl_log_write(fl_log *log, fl_log_level level, const char *message, const fl_kv *pairs,
                  size_t count)
{
    uint64_t suppressed;
    if (!fl_log_wants(log, level)) {
        return;
    }
    pthread_mutex_lock(&log->mutex);
    if (within_limit(log, message, &suppressed)) {
        build_line(log, level, message, pairs, count);
        add_count(log, &log->line, "suppressed", suppressed);
        fl_buf_add_str(&log->line, log->format == FL_LOG_TEXT ? FL_S("\n") : FL_S("}\n"));
        write_line(log->fd, fl_buf_str(&log->line));
    }
    pthread_mutex_unlock(&log->mutex);
}
