#include "support/test.h"

typedef struct numbers {
    fl_counter accepted, rejected_id, rejected_time, live;
    fl_histogram latency, latency_put;
} numbers;

static const fl_metric rows[] = {
    {"fluoro_accepted_total", "", "Documents taken.", FL_METRIC_COUNTER,
     offsetof(numbers, accepted)},
    {"fluoro_rejected_total", "reason=\"MissingId\"", "Documents refused.", FL_METRIC_COUNTER,
     offsetof(numbers, rejected_id)},
    {"fluoro_rejected_total", "reason=\"BadTime\"", "", FL_METRIC_COUNTER,
     offsetof(numbers, rejected_time)},
    {"fluoro_live_traces", "", "Traces in memory.", FL_METRIC_GAUGE, offsetof(numbers, live)},
};

static void counters_and_gauges_are_emitted_with_one_heading_a_name(void **state)
{
    numbers n = {0};
    fl_buf out;
    (void)state;
    fl_buf_init(&out, 4096);
    fl_counter_add(&n.accepted, 40);
    fl_counter_add(&n.accepted, 2);
    fl_counter_add(&n.rejected_time, 1);
    fl_counter_set(&n.live, 9);
    fl_counter_sub(&n.live, 2);
    fl_metrics_emit(&out, rows, sizeof rows / sizeof rows[0], &n);
    assert_str(fl_buf_str(&out), "# HELP fluoro_accepted_total Documents taken.\n"
                                 "# TYPE fluoro_accepted_total counter\n"
                                 "fluoro_accepted_total 42\n"
                                 "# HELP fluoro_rejected_total Documents refused.\n"
                                 "# TYPE fluoro_rejected_total counter\n"
                                 "fluoro_rejected_total{reason=\"MissingId\"} 0\n"
                                 "fluoro_rejected_total{reason=\"BadTime\"} 1\n"
                                 "# HELP fluoro_live_traces Traces in memory.\n"
                                 "# TYPE fluoro_live_traces gauge\n"
                                 "fluoro_live_traces 7\n");
    fl_buf_fini(&out);
}

static uint64_t in_bucket(const fl_histogram *histogram, size_t bucket)
{
    return fl_counter_get(&histogram->buckets[bucket]);
}

static void bucket_bounds_double_from_16_microseconds(void **state)
{
    (void)state;
    for (size_t i = 0; i < FL_HISTOGRAM_BUCKETS - 1; i++) {
        fl_histogram histogram = {0};
        int64_t bound = INT64_C(16000) << i;
        fl_histogram_add(&histogram, bound);
        assert_int_equal(in_bucket(&histogram, i), 1);
        fl_histogram_add(&histogram, bound + 1);
        assert_int_equal(in_bucket(&histogram, i + 1), 1);
    }
}

static void the_smallest_and_largest_values_have_a_bucket(void **state)
{
    fl_histogram histogram = {0};
    (void)state;
    fl_histogram_add(&histogram, 0);
    fl_histogram_add(&histogram, INT64_MIN);
    assert_int_equal(in_bucket(&histogram, 0), 2);
    assert_int_equal(fl_counter_get(&histogram.sum_ns), 0);
    fl_histogram_add(&histogram, INT64_MAX);
    assert_int_equal(in_bucket(&histogram, FL_HISTOGRAM_BUCKETS - 1), 1);
}

static void assert_contains(const fl_buf *out, const char *line)
{
    if (memmem(out->p, out->n, line, strlen(line)) == NULL) {
        fail_msg("missing: %s", line);
    }
}

static void a_histogram_is_emitted_cumulated_in_seconds(void **state)
{
    static const fl_metric histograms[] = {
        {"fluoro_seconds", "", "Time taken.", FL_METRIC_HISTOGRAM, offsetof(numbers, latency)},
        {"fluoro_seconds", "op=\"put\"", "", FL_METRIC_HISTOGRAM, offsetof(numbers, latency_put)},
    };
    numbers n = {0};
    fl_buf out;
    (void)state;
    fl_buf_init(&out, 1 << 16);
    fl_histogram_add(&n.latency, 10 * FL_NS_PER_US);
    fl_histogram_add(&n.latency, 20 * FL_NS_PER_US);
    fl_histogram_add(&n.latency, 100 * FL_NS_PER_S);
    fl_metrics_emit(&out, histograms, 2, &n);
    assert_contains(&out, "# TYPE fluoro_seconds histogram\n"
                          "fluoro_seconds_bucket{le=\"0.000016\"} 1\n"
                          "fluoro_seconds_bucket{le=\"0.000032\"} 2\n"
                          "fluoro_seconds_bucket{le=\"0.000064\"} 2\n");
    assert_contains(&out, "fluoro_seconds_bucket{le=\"16.777216\"} 2\n"
                          "fluoro_seconds_bucket{le=\"+Inf\"} 3\n"
                          "fluoro_seconds_sum 100.00003\n"
                          "fluoro_seconds_count 3\n"
                          "fluoro_seconds_bucket{op=\"put\",le=\"0.000016\"} 0\n");
    assert_contains(&out, "fluoro_seconds_sum{op=\"put\"} 0\n"
                          "fluoro_seconds_count{op=\"put\"} 0\n");
    fl_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_and_gauges_are_emitted_with_one_heading_a_name),
        cmocka_unit_test(bucket_bounds_double_from_16_microseconds),
        cmocka_unit_test(the_smallest_and_largest_values_have_a_bucket),
        cmocka_unit_test(a_histogram_is_emitted_cumulated_in_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
