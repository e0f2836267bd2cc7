/* Names of models and vendors, and what may become an index value (spec bedrock.md §4.1, §4.2). */
#include <stdio.h>

#include "support/test.h"
#include "trace/trace.h"

#define ARN "arn:aws:bedrock:eu-west-1:111122223333:"

static const struct {
    const char *id, *model, *provider; /* provider NULL = none */
} names[] = {
    {"us.anthropic.claude-3-7-sonnet-20250219-v1:0", "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
     "anthropic"},
    {ARN "inference-profile/eu.amazon.nova-pro-v1:0", "eu.amazon.nova-pro-v1:0", "amazon"},
    {"arn:aws:bedrock:us-west-2::foundation-model/meta.llama3-1-70b-instruct-v1:0",
     "meta.llama3-1-70b-instruct-v1:0", "meta"},
    {ARN "custom-model/meta.llama3-1-8b-instruct-v1:0/abcdefghij12",
     "custom-model/meta.llama3-1-8b-instruct-v1:0/abcdefghij12", "meta"},
    {ARN "custom-model/us.meta.llama3/x", "custom-model/us.meta.llama3/x", "meta"},
    {"minimax.minimax-m2.1", "minimax.minimax-m2.1", "minimax"},
    {ARN "application-inference-profile/a1b2c3", "application-inference-profile/a1b2c3", NULL},
    {"my-imported-model", "my-imported-model", NULL},
    {"us-gov.anthropic.claude", "us-gov.anthropic.claude", "anthropic"},
    {"global.amazon.nova", "global.amazon.nova", "amazon"},
    {"us.model", "us.model", NULL}, /* a region group and one label: no vendor */
    {"us.", "us.", NULL},
    {".model", ".model", NULL},
    {"usa.model", "usa.model", "usa"},
    {"US.anthropic.claude", "US.anthropic.claude", "US"},
    {"", "", NULL},
    {"arn:", "arn:", NULL},
    {"arn:aws:bedrock:us-east-1:1", "arn:aws:bedrock:us-east-1:1", NULL},
    {"arn:aws:bedrock:us-east-1:1:", "arn:aws:bedrock:us-east-1:1:", NULL},
    {ARN "foundation-model/", ARN "foundation-model/", NULL},
};

static void names_are_reduced_and_vendors_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        fl_str model = fl_genai_model(fl_str_of(names[i].id));
        assert_str(model, names[i].model);
        fl_str provider = fl_genai_provider(model);
        if (names[i].provider == NULL) {
            assert_null(provider.p);
        } else {
            assert_str(provider, names[i].provider);
        }
    }
    assert_null(fl_genai_model((fl_str){0}).p);
    assert_null(fl_genai_provider((fl_str){0}).p);
}

static void every_region_group_is_dropped_in_front_only(void **state)
{
    (void)state;
    static const char *const groups[] = {"us", "us-gov", "eu", "apac", "ap", "jp",     "au",  "ca",
                                         "sa", "me",     "af", "in",   "uk", "global", "amer"};
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        char id[40];
        snprintf(id, sizeof id, "%s.maker.model", groups[i]);
        assert_str(fl_genai_model_without_region(fl_str_of(id)), "maker.model");
    }
    assert_str(fl_genai_model_without_region(FL_S("maker.us.model")), "maker.us.model");
    assert_str(fl_genai_model_without_region(FL_S("us.us.model")), "us.model");
    assert_str(fl_genai_model_without_region(FL_S("us")), "us");
}

#define X16 "xxxxxxxxxxxxxxxx"
#define E16 "éééééééééééééééé"

static const struct {
    const char *key, *value, *out;
} values[] = {
    {"tenant", "acme", "acme"},
    {"tenant", "", ""},
    {"tenant", "/orders/123", "/orders/123"},
    {"tenant", X16 X16 X16 X16, X16 X16 X16 X16},
    {"tenant", X16 X16 X16 X16 "y", X16 X16 X16 X16},
    {"experiment_id", E16 E16 E16 E16 "é", E16 E16 E16 E16}, /* characters, not bytes */
    {"route", "/orders/123/items/7", "/orders/{id}/items/{id}"},
    {"route", "GET /orders/123", "GET /orders/{id}"},
    {"route", "123", "{id}"},
    {"route", "/", "/"},
    {"route", "", ""},
    {"route", "/v1/users", "/v1/users"},
    {"route", "/u/0b8a43a2-9a4e-4c1f-8f7e-0123456789AB/x", "/u/{id}/x"},
    {"route", "/u/0b8a43a2-9a4e-4c1f-8f7e-0123456789A/x",
     "/u/0b8a43a2-9a4e-4c1f-8f7e-0123456789A/x"},
    {"route", "/u/0b8a43a2-9a4e-4c1f-8f7e-0123456789ab-",
     "/u/0b8a43a2-9a4e-4c1f-8f7e-0123456789ab-"},
    {"route", "/u/0123456789abcde", "/u/0123456789abcde"}, /* 15 hex digits */
    {"route", "/u/0123456789abcDEF", "/u/{id}"},
    {"route", "/u/0123456789abcdeg", "/u/0123456789abcdeg"},
    {"route", "/" X16 X16 X16 "/0123456789abcdef0123456789abcdef/tail",
     "/" X16 X16 X16 "/{id}/tail"},
    {"route", "/" X16 X16 X16 "/yyyyyyyyyyyyyyyy", "/" X16 X16 X16 "/yyyyyyyyyyyyyy"},
};

static void index_values_are_cut_and_ids_in_routes_replaced(void **state)
{
    (void)state;
    fl_buf out;
    fl_buf_init(&out, 4096);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        fl_buf_reset(&out);
        fl_genai_index_value(fl_str_of(values[i].key), fl_str_of(values[i].value), &out);
        assert_str(fl_buf_str(&out), values[i].out);
    }
    fl_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_reduced_and_vendors_found),
        cmocka_unit_test(every_region_group_is_dropped_in_front_only),
        cmocka_unit_test(index_values_are_cut_and_ids_in_routes_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
