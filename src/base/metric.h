/*
 * Counters, gauges and histograms. A module keeps its numbers in a struct of fl_counter and
 * fl_histogram and describes them by one table of rows; /metrics and the docs are made from the
 * tables. Updates are relaxed atomics: any thread, no locks.
 */
#ifndef FL_BASE_METRIC_H
#define FL_BASE_METRIC_H

#include <stdatomic.h>

#include "base/text.h"

typedef struct fl_counter {
    atomic_uint_least64_t value;
} fl_counter;

static inline void fl_counter_add(fl_counter *counter, uint64_t n)
{
    atomic_fetch_add_explicit(&counter->value, n, memory_order_relaxed);
}
static inline void fl_counter_sub(fl_counter *counter, uint64_t n) /* for gauges */
{
    atomic_fetch_sub_explicit(&counter->value, n, memory_order_relaxed);
}
static inline void fl_counter_set(fl_counter *counter, uint64_t n) /* for gauges */
{
    atomic_store_explicit(&counter->value, n, memory_order_relaxed);
}
static inline uint64_t fl_counter_get(const fl_counter *counter)
{
    return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

/* Latencies: bucket i counts values up to 2^i * 16 µs, the last one all above (about 17 s). */
#define FL_HISTOGRAM_BUCKETS 22
typedef struct fl_histogram {
    fl_counter buckets[FL_HISTOGRAM_BUCKETS];
    fl_counter sum_ns;
} fl_histogram;
void fl_histogram_add(fl_histogram *histogram, int64_t ns); /* below 0 counts as 0 */

typedef enum fl_metric_kind {
    FL_METRIC_COUNTER,
    FL_METRIC_GAUGE,
    FL_METRIC_HISTOGRAM
} fl_metric_kind;

/* One number of a struct. Rows of one name stand together and differ in labels:
 * `reason="MissingId"`. */
typedef struct fl_metric {
    const char *name;   /* fluoro_…, Prometheus naming: _total for counters, unit suffix */
    const char *labels; /* without braces; "" for none */
    const char *help;   /* one line; of the first row of a name */
    fl_metric_kind kind;
    size_t offset; /* of the fl_counter or fl_histogram in the module's struct */
} fl_metric;

/* Prometheus text format 0.0.4 of a table over the struct at numbers. */
void fl_metrics_emit(fl_buf *out, const fl_metric *rows, size_t count, const void *numbers);

#endif
