#include "base/metric.h"

#define FIRST_BOUND_NS UINT64_C(16000)

static size_t bucket_of(uint64_t ns)
{
    size_t bucket = 0;
    while (bucket < FL_HISTOGRAM_BUCKETS - 1 && ns > FIRST_BOUND_NS << bucket) {
        bucket++;
    }
    return bucket;
}

void fl_histogram_add(fl_histogram *histogram, int64_t ns)
{
    uint64_t value = ns < 0 ? 0 : (uint64_t)ns;
    fl_counter_add(&histogram->buckets[bucket_of(value)], 1);
    fl_counter_add(&histogram->sum_ns, value);
}

static void add_text(fl_buf *out, const char *text)
{
    fl_buf_add_str(out, fl_str_of(text));
}

static void emit_heading(fl_buf *out, const fl_metric *row)
{
    static const char *const types[] = {
        [FL_METRIC_COUNTER] = "counter",
        [FL_METRIC_GAUGE] = "gauge",
        [FL_METRIC_HISTOGRAM] = "histogram",
    };
    add_text(out, "# HELP ");
    add_text(out, row->name);
    fl_buf_add_byte(out, ' ');
    add_text(out, row->help);
    add_text(out, "\n# TYPE ");
    add_text(out, row->name);
    fl_buf_add_byte(out, ' ');
    add_text(out, types[row->kind]);
    fl_buf_add_byte(out, '\n');
}

/* name + suffix and the row's labels: `name_sum{labels} `. */
static void emit_series(fl_buf *out, const fl_metric *row, const char *suffix)
{
    add_text(out, row->name);
    add_text(out, suffix);
    if (row->labels[0] != '\0') {
        fl_buf_add_byte(out, '{');
        add_text(out, row->labels);
        fl_buf_add_byte(out, '}');
    }
    fl_buf_add_byte(out, ' ');
}

static void emit_counter(fl_buf *out, const fl_metric *row, const fl_counter *counter)
{
    emit_series(out, row, "");
    fl_buf_add_u64(out, fl_counter_get(counter));
    fl_buf_add_byte(out, '\n');
}

static void emit_bucket(fl_buf *out, const fl_metric *row, size_t bucket, uint64_t cumulated)
{
    add_text(out, row->name);
    add_text(out, "_bucket{");
    add_text(out, row->labels);
    add_text(out, row->labels[0] != '\0' ? ",le=\"" : "le=\"");
    if (bucket < FL_HISTOGRAM_BUCKETS - 1) {
        fl_buf_add_seconds(out, (int64_t)(FIRST_BOUND_NS << bucket));
    } else {
        add_text(out, "+Inf");
    }
    add_text(out, "\"} ");
    fl_buf_add_u64(out, cumulated);
    fl_buf_add_byte(out, '\n');
}

static void emit_histogram(fl_buf *out, const fl_metric *row, const fl_histogram *histogram)
{
    uint64_t cumulated = 0;
    for (size_t i = 0; i < FL_HISTOGRAM_BUCKETS; i++) {
        cumulated += fl_counter_get(&histogram->buckets[i]);
        emit_bucket(out, row, i, cumulated);
    }
    emit_series(out, row, "_sum");
    uint64_t sum_ns = fl_counter_get(&histogram->sum_ns);
    fl_buf_add_seconds(out, sum_ns < INT64_MAX ? (int64_t)sum_ns : INT64_MAX);
    fl_buf_add_byte(out, '\n');
    emit_series(out, row, "_count");
    fl_buf_add_u64(out, cumulated);
    fl_buf_add_byte(out, '\n');
}

void fl_metrics_emit(fl_buf *out, const fl_metric *rows, size_t count, const void *numbers)
{
    for (size_t i = 0; i < count; i++) {
        const void *number = (const char *)numbers + rows[i].offset;
        if (i == 0 || strcmp(rows[i].name, rows[i - 1].name) != 0) {
            emit_heading(out, &rows[i]);
        }
        if (rows[i].kind == FL_METRIC_HISTOGRAM) {
            emit_histogram(out, &rows[i], number);
        } else {
            emit_counter(out, &rows[i], number);
        }
    }
}
