#include "support/test.h"
#include "trace/id.h"

static fl_trace_id parsed(const char *text)
{
    fl_trace_id id = {0};
    assert_true(fl_trace_id_parse(fl_str_of(text), &id));
    return id;
}

static void both_forms_of_a_trace_id_are_one_key(void **state)
{
    (void)state;
    fl_trace_id xray = parsed("1-5759e988-bd862e3fe1be46a994272793");
    fl_trace_id w3c = parsed("5759E988BD862E3FE1BE46A994272793");
    assert_true(fl_trace_id_eq(xray, w3c));
    assert_true(xray.hi == UINT64_C(0x5759e988bd862e3f));
    assert_true(xray.lo == UINT64_C(0xe1be46a994272793));
}

static void a_trace_id_is_emitted_in_lower_case_with_leading_zeros(void **state)
{
    (void)state;
    fl_buf out;
    fl_buf_init(&out, 100);
    fl_trace_id_emit(parsed("1-0000000A-00000000000000000000000B"), &out);
    assert_str(fl_buf_str(&out), "1-0000000a-00000000000000000000000b");
    fl_buf_fini(&out);
}

static void other_forms_are_no_trace_id(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "1-5759e988-bd862e3fe1be46a99427279",
        "1-5759e988-bd862e3fe1be46a9942727933",
        "2-5759e988-bd862e3fe1be46a994272793",
        "1_5759e988-bd862e3fe1be46a994272793",
        "1-5759e988_bd862e3fe1be46a994272793",
        "1-5759e98g-bd862e3fe1be46a994272793",
        "1-5759e988-gd862e3fe1be46a994272793",
        "1-5759e988-bd862e3fe1be46a99427279g",
        "5759e988bd862e3fe1be46a99427279",
        "5759e988bd862e3fe1be46a9942727933",
        "5759e988bd862e3fe1be46a99427279 ",
        "1-00000000-000000000000000000000000",
        "00000000000000000000000000000000",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        fl_trace_id id = {1, 2};
        assert_false(fl_trace_id_parse(fl_str_of(texts[i]), &id));
        assert_true(id.hi == 1 && id.lo == 2); /* outputs only on success */
    }
    fl_trace_id id;
    assert_false(fl_trace_id_parse((fl_str){0}, &id));
}

static void trace_ids_are_ordered_as_numbers(void **state)
{
    (void)state;
    fl_trace_id small = {1, UINT64_MAX};
    fl_trace_id large = {2, 0};
    assert_true(fl_trace_id_cmp(small, large) < 0);
    assert_true(fl_trace_id_cmp(large, small) > 0);
    assert_true(fl_trace_id_cmp((fl_trace_id){1, 2}, (fl_trace_id){1, 3}) < 0);
    assert_true(fl_trace_id_cmp((fl_trace_id){1, 3}, (fl_trace_id){1, 2}) > 0);
    assert_int_equal(fl_trace_id_cmp(small, small), 0);
}

/* The hash is part of the store's format: these values never change. */
static void the_hash_of_a_trace_id_is_stable(void **state)
{
    (void)state;
    assert_true(fl_trace_id_hash((fl_trace_id){0, 1}) == UINT64_C(0x9e0160293a33aaf7));
    assert_true(fl_trace_id_hash(parsed("1-5759e988-bd862e3fe1be46a994272793")) ==
                UINT64_C(0xef5c9ee0b2a4a945));
}

static void ids_of_one_second_spread_over_shards(void **state)
{
    (void)state;
    enum { SHARDS = 8, IDS = 8000 };
    unsigned low[SHARDS] = {0};
    unsigned high[SHARDS] = {0};
    for (uint64_t i = 0; i < IDS; i++) {
        fl_trace_id id = {UINT64_C(0x6b03063000000000), i};
        low[fl_trace_id_hash(id) % SHARDS]++;
        high[fl_trace_id_hash(id) >> 61]++;
    }
    for (unsigned i = 0; i < SHARDS; i++) { /* mean 1,000, deviation 30 */
        assert_in_range(low[i], 850, 1150);
        assert_in_range(high[i], 850, 1150);
    }
}

static void each_bit_of_a_trace_id_moves_about_half_of_the_hash(void **state)
{
    (void)state;
    fl_trace_id id = parsed("1-5759e988-bd862e3fe1be46a994272793");
    uint64_t hash = fl_trace_id_hash(id);
    for (unsigned bit = 0; bit < 128; bit++) {
        fl_trace_id other = id;
        other.hi ^= bit >= 64 ? UINT64_C(1) << (bit - 64) : 0;
        other.lo ^= bit < 64 ? UINT64_C(1) << bit : 0;
        int moved = __builtin_popcountll(hash ^ fl_trace_id_hash(other));
        assert_in_range(moved, 12, 52);
    }
}

static void a_segment_id_is_16_hex_digits_of_either_case(void **state)
{
    (void)state;
    uint64_t id = 7;
    assert_true(fl_segment_id_parse(FL_S("53995C3f42cd8AD8"), &id));
    assert_true(id == UINT64_C(0x53995c3f42cd8ad8));
    assert_false(fl_segment_id_parse(FL_S("53995c3f42cd8ad"), &id));
    assert_false(fl_segment_id_parse(FL_S("53995c3f42cd8ad80"), &id));
    assert_false(fl_segment_id_parse(FL_S("53995c3f42cd8adx"), &id));
    assert_false(fl_segment_id_parse(FL_S("0000000000000000"), &id));
    assert_false(fl_segment_id_parse(FL_S(""), &id));
    assert_false(fl_segment_id_parse((fl_str){0}, &id));
    assert_true(id == UINT64_C(0x53995c3f42cd8ad8));
}

static void trace_time_is_the_epoch_of_the_id_within_a_day_of_the_start(void **state)
{
    (void)state;
    const int64_t epoch_ns = INT64_C(0x5759e988) * FL_NS_PER_S;
    const int64_t day_ns = 86400 * FL_NS_PER_S;
    fl_trace_id id = parsed("1-5759e988-bd862e3fe1be46a994272793");
    assert_true(fl_trace_time_ns(id, epoch_ns + 1) == epoch_ns);
    assert_true(fl_trace_time_ns(id, epoch_ns + day_ns) == epoch_ns);
    assert_true(fl_trace_time_ns(id, epoch_ns - day_ns) == epoch_ns);
    assert_true(fl_trace_time_ns(id, epoch_ns + day_ns + 1) == epoch_ns + day_ns);
    assert_true(fl_trace_time_ns(id, epoch_ns - day_ns - 1) == epoch_ns - day_ns - FL_NS_PER_S);
}

static void trace_time_of_a_random_id_is_the_start_floored_to_the_second(void **state)
{
    (void)state;
    fl_trace_id id = parsed("ffffffffbd862e3fe1be46a994272793");
    assert_true(fl_trace_time_ns(id, INT64_C(1500000000)) == FL_NS_PER_S);
    assert_true(fl_trace_time_ns(id, -1) == -FL_NS_PER_S);
    assert_true(fl_trace_time_ns(id, -FL_NS_PER_S) == -FL_NS_PER_S);
    assert_true(fl_trace_time_ns(id, -INT64_MAX / FL_NS_PER_S * FL_NS_PER_S) ==
                -INT64_MAX / FL_NS_PER_S * FL_NS_PER_S); /* the difference overflows */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_of_a_trace_id_are_one_key),
        cmocka_unit_test(a_trace_id_is_emitted_in_lower_case_with_leading_zeros),
        cmocka_unit_test(other_forms_are_no_trace_id),
        cmocka_unit_test(trace_ids_are_ordered_as_numbers),
        cmocka_unit_test(the_hash_of_a_trace_id_is_stable),
        cmocka_unit_test(ids_of_one_second_spread_over_shards),
        cmocka_unit_test(each_bit_of_a_trace_id_moves_about_half_of_the_hash),
        cmocka_unit_test(a_segment_id_is_16_hex_digits_of_either_case),
        cmocka_unit_test(trace_time_is_the_epoch_of_the_id_within_a_day_of_the_start),
        cmocka_unit_test(trace_time_of_a_random_id_is_the_start_floored_to_the_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
