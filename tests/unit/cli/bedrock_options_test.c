#include "unit/cli/cli_fixture.h"

#include "cli/bedrock_options_int.h"

#define TRACE_ID    "1-5759e988-bd862e3fe1be46a994272793"
#define HEADER_ROOT "Root=" TRACE_ID

/* ---- --keep */

static void a_keep_list_names_what_stays(void **state)
{
    (void)state;
    fl_bedrock_keep keep;
    fl_err err = {0};
    assert_ok(fl_import_keep_parse(FL_S("fault, timeout,slow=2.5,tokens=1000"), &keep, &err), &err);
    assert_true(keep.fault && keep.timeout);
    assert_false(keep.error || keep.throttle || keep.incomplete || keep.guardrail);
    assert_int_equal(keep.slow_ns, 2500 * FL_NS_PER_MS);
    assert_int_equal(keep.tokens, 1000);
    assert_ok(fl_import_keep_parse(FL_S("error,throttle,incomplete,guardrail"), &keep, &err), &err);
    assert_true(keep.error && keep.throttle && keep.incomplete && keep.guardrail);
    assert_false(keep.fault || keep.timeout);
    assert_int_equal(keep.slow_ns, 0);
}

static void an_empty_keep_list_keeps_nothing(void **state)
{
    (void)state;
    fl_bedrock_keep keep = {.fault = true};
    fl_err err = {0};
    assert_ok(fl_import_keep_parse(FL_S(""), &keep, &err), &err);
    assert_false(keep.fault);
    assert_ok(fl_import_keep_parse(FL_S(" , ,"), &keep, &err), &err);
}

static void unknown_words_of_a_keep_list_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *list, *message;
    } cases[] = {
        {"falt", "--keep knows no `falt`; did you mean fault?"},
        {"slwo=2", "--keep knows no `slwo`; did you mean slow?"},
        {"slow", "--keep slow takes seconds: slow=2.5"},
        {"slow=0", "--keep slow takes seconds: slow=2.5"},
        {"slow=-1", "--keep slow takes seconds: slow=2.5"},
        {"tokens=0", "--keep tokens takes a number of tokens: tokens=10000"},
        {"tokens=1.5", "--keep tokens takes a number of tokens: tokens=10000"},
        {"fault=1", "--keep knows no `fault`; did you mean fault?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fl_bedrock_keep keep;
        fl_err err = {0};
        assert_int_equal(fl_import_keep_parse(fl_str_of(cases[i].list), &keep, &err), FL_E_INVALID);
        assert_string_equal(err.message, cases[i].message);
    }
}

/* ---- The plan */

typedef struct planned {
    fl_arena arena;
    fl_import_plan plan;
    fl_err err;
    fl_status status;
} planned;

static planned plan_of(const fl_import_settings *settings)
{
    planned p = {.status = FL_OK};
    fl_arena_init(&p.arena, (size_t)1 << 20);
    p.status = fl_import_plan_make(&p.arena, settings, FIXTURE_NOW_NS, &p.plan, &p.err);
    return p;
}

static void planned_fini(planned *p)
{
    fl_import_plan_fini(&p->plan);
    fl_arena_fini(&p->arena);
}

static void expect_refused(const fl_import_settings *settings, const char *words)
{
    FL_AUTO(planned) p = plan_of(settings);
    assert_int_equal(p.status, FL_E_INVALID);
    if (strstr(p.err.message, words) == NULL) {
        fail_msg("`%s` does not say `%s`", p.err.message, words);
    }
}

static void defaults_are_the_converters(void **state)
{
    (void)state;
    fl_import_settings settings = fl_import_settings_default();
    FL_AUTO(planned) p = plan_of(&settings);
    fl_bedrock_options expected = fl_bedrock_options_default(FIXTURE_NOW_NS);
    assert_ok(p.status, &p.err);
    assert_int_equal(p.plan.options.mode, expected.mode);
    assert_int_equal(p.plan.options.names, expected.names);
    assert_int_equal(p.plan.options.texts, expected.texts);
    assert_int_equal(p.plan.options.content, expected.content);
    assert_int_equal(p.plan.options.max_text_bytes, expected.max_text_bytes);
    assert_int_equal(p.plan.options.max_annotations, expected.max_annotations);
    assert_int_equal(p.plan.options.held_bytes, expected.held_bytes);
    assert_true(p.plan.options.sample == 1);
    assert_memory_equal(&p.plan.options.keep, &expected.keep, sizeof expected.keep);
    assert_int_equal(p.plan.options.now_ns, FIXTURE_NOW_NS);
    assert_null(p.plan.options.format_given_by);
    assert_true(fl_trace_id_is_none(p.plan.options.trace_id));
}

static void now_is_the_given_one(void **state)
{
    (void)state;
    fl_import_settings settings = fl_import_settings_default();
    settings.now_ns = 7999; /* whole microseconds, as all times here */
    FL_AUTO(planned) p = plan_of(&settings);
    assert_int_equal(p.plan.options.now_ns, 7000);
}

static const fl_annotation *annotation(const planned *p, const char *key)
{
    for (size_t i = 0; i < p->plan.options.annotate_count; i++) {
        if (fl_str_eq(p->plan.options.annotate[i].key, fl_str_of(key))) {
            return &p->plan.options.annotate[i];
        }
    }
    fail_msg("no annotation %s", key);
    return NULL;
}

static void values_of_annotations_are_typed(void **state)
{
    (void)state;
    fl_import_settings settings = fl_import_settings_default();
    settings.annotate = (fl_texts){{"a=true", "b=false", "c=-1.5e3", "d=1.5.0", "e=TRUE",
                                    "f=", "g=x=y", "h=1e999", "i= 1", "c-ü=1"},
                                   10};
    FL_AUTO(planned) p = plan_of(&settings);
    assert_ok(p.status, &p.err);
    assert_int_equal(annotation(&p, "a")->kind, FL_ANNOTATION_BOOL);
    assert_true(annotation(&p, "a")->boolean);
    assert_int_equal(annotation(&p, "b")->kind, FL_ANNOTATION_BOOL);
    assert_false(annotation(&p, "b")->boolean);
    assert_int_equal(annotation(&p, "c")->kind, FL_ANNOTATION_NUMBER);
    assert_str(annotation(&p, "c")->text, "-1.5e3");
    static const char *const strings[][2] = {{"d", "1.5.0"}, {"e", "TRUE"},  {"f", ""},
                                             {"g", "x=y"},   {"h", "1e999"}, {"i", " 1"}};
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        assert_int_equal(annotation(&p, strings[i][0])->kind, FL_ANNOTATION_STRING);
        assert_str(annotation(&p, strings[i][0])->text, strings[i][1]);
    }
    assert_int_equal(annotation(&p, "c___")->kind, FL_ANNOTATION_NUMBER);
}

static void the_last_value_of_an_annotation_counts(void **state)
{
    (void)state;
    fl_import_settings settings = fl_import_settings_default();
    settings.annotate = (fl_texts){{"a=1", "a=2", "tenant=x"}, 3};
    settings.tenant = "acme";
    FL_AUTO(planned) p = plan_of(&settings);
    assert_ok(p.status, &p.err);
    assert_int_equal(p.plan.options.annotate_count, 2);
    assert_str(annotation(&p, "a")->text, "2");
    assert_str(annotation(&p, "tenant")->text, "acme");
}

static void index_keys_are_always_texts(void **state)
{
    (void)state;
    fl_import_settings settings = fl_import_settings_default();
    settings.tenant = "42";
    settings.route = "/orders/42";
    FL_AUTO(planned) p = plan_of(&settings);
    assert_ok(p.status, &p.err);
    assert_int_equal(annotation(&p, "tenant")->kind, FL_ANNOTATION_STRING);
    assert_str(annotation(&p, "tenant")->text, "42");
    assert_str(annotation(&p, "route")->text, "/orders/{id}");
}

static void a_trace_header_comes_before_a_trace_id(void **state)
{
    (void)state;
    fl_import_settings settings = fl_import_settings_default();
    fl_trace_id expected;
    assert_true(fl_trace_id_parse(FL_S(TRACE_ID), &expected));
    settings.trace_header = HEADER_ROOT ";Parent=53995c3f42cd8ad8;Sampled=0";
    settings.trace_id = "1-00000001-000000000000000000000001";
    FL_AUTO(planned) p = plan_of(&settings);
    assert_ok(p.status, &p.err);
    assert_true(fl_trace_id_eq(p.plan.options.trace_id, expected));
    assert_int_equal(p.plan.options.parent_id, UINT64_C(0x53995c3f42cd8ad8));
    assert_true(p.plan.unsampled);
}

static void an_unsampled_trace_may_be_forced(void **state)
{
    (void)state;
    fl_import_settings settings = fl_import_settings_default();
    settings.trace_header = HEADER_ROOT ";Sampled=0";
    settings.force = true;
    FL_AUTO(planned) forced = plan_of(&settings);
    assert_false(forced.plan.unsampled);
    assert_int_equal(forced.plan.options.parent_id, 0);
    settings.force = false;
    settings.trace_header = HEADER_ROOT;
    FL_AUTO(planned) undecided = plan_of(&settings);
    assert_false(undecided.plan.unsampled);
}

static void what_contradicts_itself_is_refused(void **state)
{
    (void)state;
    fl_import_settings settings = fl_import_settings_default();
    settings.send = "";
    settings.udp = "127.0.0.1:2000";
    expect_refused(&settings, "--send and --udp are two ways");
    settings = fl_import_settings_default();
    settings.follow = settings.strict = true;
    expect_refused(&settings, "choose one");
    settings = fl_import_settings_default();
    settings.follow = settings.summary = true;
    settings.send = "";
    expect_refused(&settings, "leave one out");
    settings = fl_import_settings_default();
    settings.adopt = "";
    expect_refused(&settings, "--adopt needs --send");
    settings.udp = "127.0.0.1:2000";
    expect_refused(&settings, "--adopt needs --send");
}

static void what_cannot_be_read_is_refused(void **state)
{
    (void)state;
    static const char *const headers[] = {"", "x", "Root=1-2", "Parent=53995c3f42cd8ad8"};
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        fl_import_settings settings = fl_import_settings_default();
        settings.trace_header = headers[i];
        expect_refused(&settings, "--trace-header has no Root that can be read");
    }
    fl_import_settings settings = fl_import_settings_default();
    settings.trace_header = HEADER_ROOT ";Parent=None";
    expect_refused(&settings, "--trace-header has no Parent that can be read");
    settings = fl_import_settings_default();
    settings.trace_id = "5759e988";
    expect_refused(&settings, "--trace-id takes an id like");
    settings = fl_import_settings_default();
    settings.agent_names = (fl_texts){{"A="}, 1};
    expect_refused(&settings, "--agent-name takes ID=NAME, not `A=`");
    settings = fl_import_settings_default();
    settings.annotate = (fl_texts){{"=1"}, 1};
    expect_refused(&settings, "--annotate takes KEY=VALUE, not `=1`");
}

static void a_table_of_a_followed_input_waits_for_the_end_of_runs(void **state)
{
    (void)state;
    fl_import_settings settings = fl_import_settings_default();
    settings.follow = true;
    FL_AUTO(planned) documents = plan_of(&settings);
    assert_true(documents.plan.options.follow);
    settings.summary = true;
    FL_AUTO(planned) table = plan_of(&settings);
    assert_false(table.plan.options.follow);
}

/* ---- Words behind options */

static void words_that_are_servers_belong_to_send(void **state)
{
    (void)state;
    static const fl_option send = {.name = "send"};
    static const char *const servers[] = {"http://x", "https://x.example/y", "localhost:2000",
                                          "10.0.0.1:80", "[::1]:2000"};
    static const char *const files[] = {"run.jsonl", "-", "a:b.jsonl", "dir/x:1", "x:", "C:"};
    for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++) {
        assert_true(fl_import_usage.takes(&send, servers[i]));
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        assert_false(fl_import_usage.takes(&send, files[i]));
    }
}

static void every_text_of_the_help_fits_its_line(void **state)
{
    (void)state;
    fl_buf out;
    fl_buf_init(&out, (size_t)1 << 16);
    fl_usage_help(&fl_import_usage, FL_HELP_ALL, &out);
    fl_str rest = fl_buf_str(&out);
    while (rest.n > 0) {
        fl_str line = fl_str_cut(&rest, '\n');
        if (fl_utf8_length(line) > 80) {
            fail_msg("wider than 80 columns: %.*s", FL_P(line));
        }
    }
    fl_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_keep_list_names_what_stays),
        cmocka_unit_test(an_empty_keep_list_keeps_nothing),
        cmocka_unit_test(unknown_words_of_a_keep_list_are_refused),
        cmocka_unit_test(defaults_are_the_converters),
        cmocka_unit_test(now_is_the_given_one),
        cmocka_unit_test(values_of_annotations_are_typed),
        cmocka_unit_test(the_last_value_of_an_annotation_counts),
        cmocka_unit_test(index_keys_are_always_texts),
        cmocka_unit_test(a_trace_header_comes_before_a_trace_id),
        cmocka_unit_test(an_unsampled_trace_may_be_forced),
        cmocka_unit_test(what_contradicts_itself_is_refused),
        cmocka_unit_test(what_cannot_be_read_is_refused),
        cmocka_unit_test(a_table_of_a_followed_input_waits_for_the_end_of_runs),
        cmocka_unit_test(words_that_are_servers_belong_to_send),
        cmocka_unit_test(every_text_of_the_help_fits_its_line),
    };
    return cmocka_run_group_tests(tests, fixture_setup, NULL);
}
