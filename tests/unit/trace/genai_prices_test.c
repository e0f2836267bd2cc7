/* Price files and costs (spec bedrock.md §4.4). */
#include <stdio.h>

#include "support/test.h"
#include "trace/trace.h"

static fl_status read_prices(fl_arena *arena, const char *json, fl_genai_prices **out, fl_err *err)
{
    return fl_genai_prices_read(arena, fl_str_of(json), out, err);
}

/* The costs were computed with Python's decimal: quantize(1e-9, ROUND_HALF_UP). */
static const struct {
    const char *input, *output, *per;
    int64_t prompt, completion, nano;
} costs[] = {
    {"0.25", "1.25", "1000000", 1216, 188, 539000},
    {"0.25", "1.25", "1e6", 1216, 188, 539000},
    {"0.0005", "0", "1000000", 1, 0, 1}, /* half a nano rounds up */
    {"0.0004999", "0", "1000000", 1, 0, 0},
    {"0.0005", "0", "1000000", 3, 0, 2},
    {"0.0015", "0", "1000000", 1, 0, 2},
    {"3", "15", "1000000", 1, 1, 18000},
    {"0.0000000375", "1.5e-7", "1", 7, 13, 2213},
    {"0.30000000000000004", "2.5000000000000003e-01", "1000000", 123456789, 987654321,
     283950616950},
    {"1", "0", "3", 1, 0, 333333333},
    {"1", "0", "3", 2, 0, 666666667},
    {"2E+1", "0", "1000", 100, 0, 2000000000},
    {"0", "0e9", "1", 1000, 1000, 0},
    {"1e-40", "0", "1", 1000, 0, 0},
    {"1", "1", "1000", 0, 0, 0},
    {"1", "1", "1", INT64_MIN, 2, 2000000000}, /* an absent count costs nothing */
    {"999999999.999999999999999999", "0", "1", 1, 0, 1000000000000000000},
    {"1", "0", "1", 9223372036, 0, 9223372036000000000},
};

static void costs_are_exact_to_nine_decimals(void **state)
{
    (void)state;
    fl_arena arena;
    fl_err err = {0};
    fl_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof costs / sizeof costs[0]; i++) {
        char json[300];
        fl_genai_prices *prices;
        int64_t nano = -1;
        snprintf(json, sizeof json, "{\"per\":%s,\"models\":{\"m\":{\"input\":%s,\"output\":%s}}}",
                 costs[i].per, costs[i].input, costs[i].output);
        assert_ok(read_prices(&arena, json, &prices, &err), &err);
        assert_true(fl_genai_cost(prices, FL_S("m"), costs[i].prompt, costs[i].completion, &nano));
        if (nano != costs[i].nano) {
            fail_msg("row %zu costs %lld", i, (long long)nano);
        }
    }
    fl_arena_fini(&arena);
}

static void a_cost_beyond_counting_is_no_cost(void **state)
{
    (void)state;
    fl_arena arena;
    fl_err err = {0};
    fl_genai_prices *prices;
    int64_t nano = 7;
    fl_arena_init(&arena, 1 << 20);
    assert_ok(read_prices(&arena,
                          "{\"per\":1,\"models\":{\"m\":{\"input\":1,\"output\":999999999}}}",
                          &prices, &err),
              &err);
    assert_false(fl_genai_cost(prices, FL_S("m"), INT64_C(9223372037), 0, &nano));
    assert_false(fl_genai_cost(prices, FL_S("m"), 0, INT64_MAX, &nano));
    assert_false(fl_genai_cost(prices, FL_S("m"), INT64_MAX, INT64_MAX, &nano));
    assert_int_equal(nano, 7);
    fl_arena_fini(&arena);
}

static void a_model_is_looked_up_as_it_is_then_without_its_region_group(void **state)
{
    (void)state;
    fl_arena arena;
    fl_err err = {0};
    fl_genai_prices *prices;
    int64_t nano;
    fl_arena_init(&arena, 1 << 20);
    assert_ok(read_prices(&arena,
                          "{\"currency\":\"EUR\",\"per\":1,\"note\":[1],\"models\":{"
                          "\"z.b\":{\"input\":3,\"output\":0},\"a.b\":{\"input\":1,\"output\":0},"
                          "\"eu.a.b\":{\"input\":2,\"output\":0,\"cache\":{}},"
                          "\"z.b\":{\"input\":4,\"output\":0}}}",
                          &prices, &err),
              &err);
    assert_str(fl_genai_prices_currency(prices), "EUR");
    static const struct {
        const char *model;
        int64_t nano; /* 0 = no price */
    } rows[] = {{"a.b", 1000000000},
                {"us.a.b", 1000000000},
                {"eu.a.b", 2000000000},
                {"z.b", 4000000000},
                {"a.c", 0},
                {"xx.a.b", 0},
                {"", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        nano = 0;
        assert_true(fl_genai_cost(prices, fl_str_of(rows[i].model), 1, 0, &nano) ==
                    (rows[i].nano != 0));
        assert_int_equal(nano, rows[i].nano);
    }
    assert_false(fl_genai_cost(prices, (fl_str){0}, 1, 0, &nano));
    assert_false(fl_genai_cost(NULL, FL_S("a.b"), 1, 0, &nano));
    fl_arena_fini(&arena);
}

static void the_currency_is_dollars_unless_it_is_told(void **state)
{
    (void)state;
    fl_arena arena;
    fl_err err = {0};
    fl_genai_prices *prices;
    int64_t nano;
    fl_arena_init(&arena, 1 << 20);
    assert_ok(read_prices(&arena, "{\"per\":1000,\"models\":{}}", &prices, &err), &err);
    assert_str(fl_genai_prices_currency(prices), "USD");
    assert_false(fl_genai_cost(prices, FL_S("m"), 1, 0, &nano));
    fl_arena_fini(&arena);
}

static void a_bad_price_file_names_its_flaw(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        fl_status status;
        const char *words;
    } rows[] = {
        {"", FL_E_SYNTAX, ""},
        {"{\"per\":1,", FL_E_SYNTAX, "byte 9"},
        {"[]", FL_E_INVALID, "one JSON object"},
        {"{\"models\":{}}", FL_E_INVALID, "per must be"},
        {"{\"per\":0,\"models\":{}}", FL_E_INVALID, "per must be"},
        {"{\"per\":1.5,\"models\":{}}", FL_E_INVALID, "per must be"},
        {"{\"per\":\"1000\",\"models\":{}}", FL_E_INVALID, "per must be"},
        {"{\"per\":1e13,\"models\":{}}", FL_E_INVALID, "per must be"},
        {"{\"per\":1}", FL_E_INVALID, "needs models"},
        {"{\"per\":1,\"models\":[]}", FL_E_INVALID, "needs models"},
        {"{\"per\":1,\"currency\":1,\"models\":{}}", FL_E_INVALID, "currency must be"},
        {"{\"per\":1,\"currency\":\"\",\"models\":{}}", FL_E_INVALID, "currency must be"},
        {"{\"per\":1,\"models\":{\"a.b\":3}}", FL_E_INVALID, "models.a.b must be an object"},
        {"{\"per\":1,\"models\":{\"a.b\":{\"input\":1}}}", FL_E_INVALID,
         "models.a.b has no output"},
        {"{\"per\":1,\"models\":{\"a.b\":{\"output\":1}}}", FL_E_INVALID,
         "models.a.b has no input"},
        {"{\"per\":1,\"models\":{\"a\":{\"input\":\"1\",\"output\":1}}}", FL_E_INVALID,
         "models.a.input must be a number"},
        {"{\"per\":1,\"models\":{\"a\":{\"input\":1,\"output\":-1}}}", FL_E_INVALID,
         "models.a.output must be a number"},
        {"{\"per\":1,\"models\":{\"a\":{\"input\":1e9,\"output\":1}}}", FL_E_INVALID,
         "models.a.input must be a number"},
        {"{\"per\":1,\"models\":{\"a\":{\"input\":1e99999999999,\"output\":1}}}", FL_E_INVALID,
         "models.a.input must be a number"},
        {"{\"per\":1,\"models\":{\"a\":{\"input\":0.1234567890123456789012345678,\"output\":1}}}",
         FL_E_INVALID, "models.a.input must be a number"},
    };
    fl_arena arena;
    fl_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fl_err err = {0};
        fl_genai_prices *prices = NULL;
        assert_int_equal(read_prices(&arena, rows[i].json, &prices, &err), rows[i].status);
        assert_null(prices);
        if (strstr(err.message, rows[i].words) == NULL) {
            fail_msg("%s: %s", rows[i].json, err.message);
        }
    }
    fl_arena_fini(&arena);
}

static void want_of_memory_is_told(void **state)
{
    (void)state;
    const char *json = "{\"per\":1,\"models\":{\"a\":{\"input\":1,\"output\":1}}}";
    for (uint64_t n = 1;; n++) {
        fl_arena arena;
        fl_genai_prices *prices = NULL;
        fl_err err = {0};
        fl_arena_init(&arena, 1 << 20);
        arena.fail_at = n;
        fl_status status = read_prices(&arena, json, &prices, &err);
        fl_arena_fini(&arena);
        if (status == FL_OK) {
            assert_true(n > 2);
            break;
        }
        assert_int_equal(status, FL_E_NOMEM);
        assert_null(prices);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(costs_are_exact_to_nine_decimals),
        cmocka_unit_test(a_cost_beyond_counting_is_no_cost),
        cmocka_unit_test(a_model_is_looked_up_as_it_is_then_without_its_region_group),
        cmocka_unit_test(the_currency_is_dollars_unless_it_is_told),
        cmocka_unit_test(a_bad_price_file_names_its_flaw),
        cmocka_unit_test(want_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
