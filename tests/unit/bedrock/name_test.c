/* Names of segments (spec §3.10). */
#include "support/bedrock_run.h"

static void assert_name(bedrock_kind kind, const char *target, const char *label,
                        const char *expected)
{
    test_run t;
    fl_buf name;
    test_run_init(&t);
    fl_buf_init(&name, 4096);
    bedrock_scope *scope = test_scope(&t, label);
    bedrock_step *step = test_step(&t, scope, kind, NULL, NULL);
    step->target = fl_str_of(target);
    bedrock_segment_name(&step->segment, &t.options, &name);
    assert_str(fl_buf_str(&name), expected);
    fl_buf_fini(&name);
    test_run_fini(&t);
}

static void the_names_of_the_spec(void **state)
{
    (void)state;
    assert_name(BEDROCK_INVOKE_MODEL, NULL, "YAWKLCIFTT", "InvokeModel_YAWKLCIFTT");
    assert_name(BEDROCK_ACTION_GROUP, "weather/GET /weather/{city}", "LEGACYAG01",
                "InvokeActionGroup:weather/GET /weather/_city__LEGACYAG01");
    assert_name(BEDROCK_ACTION_GROUP, "Märkte (beta)/検索<market>", "L2WORKERAG",
                "InvokeActionGroup:Märkte _beta_/検索_market__L2WORKERAG");
    assert_name(BEDROCK_OTHER, "a\tb😀c", "X", "Other:a b_c_X");
}

static void ascii_beyond_the_allowed_becomes_underscores(void **state)
{
    (void)state;
    assert_name(BEDROCK_OTHER, "az AZ09_.:/%&#=+\\-@", "X", "Other:az AZ09_.:/%&#=+\\-@_X");
    assert_name(BEDROCK_OTHER, "(){}[]<>\"'?;*!$~^|,`", "X", "Other:_____________________X");
    assert_name(BEDROCK_OTHER,
                "a\x01\x1F\x7F"
                "b\n\v\f\r\tc",
                "X", "Other:a___b     c_X");
}

/* Both ends of each range, and their neighbours outside of it. */
static void blocks_end_where_the_spec_says(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"x\xC2\x80\xC2\x9F", "x__"},
        {"x\u00A0y", "x y"},
        {"x\u00A1\u00A9\u00AA", "x__\u00AA"},
        {"\u00AA\u00AB\u00B1\u00B2", "\u00AA__\u00B2"},
        {"\u00B3\u00B4\u00B5\u00B6\u00B8\u00B9", "\u00B3_\u00B5__\u00B9"},
        {"\u00BA\u00BB\u00BC\u00BE\u00BF\u00C0", "\u00BA_\u00BC\u00BE_\u00C0"},
        {"\u00D6\u00D7\u00D8\u00F6\u00F7\u00F8", "\u00D6_\u00D8\u00F6_\u00F8"},
        {"x\u1680y", "x y"},
        {"\u1FFFx\u2000\u200Ay", "\u1FFFx  y"},
        {"\u200B\u2027\u2028\u2029\u202Ax", "__  _x"},
        {"x\u202E\u202F\u2030y", "x_ _y"},
        {"x\u205E\u205F\u2060\u206F\u2070", "x_ __\u2070"},
        {"\u209F\u20A0\u20CF\u20D0", "\u209F__\u20D0"},
        {"\u218F\u2190\u2BFF\u2C00", "\u218F__\u2C00"},
        {"\u2FFFx\u3000\u3001\u3003\u3004\u3007\u3008\u3020\u3021",
         "\u2FFFx __\u3004\u3007__\u3021"},
        {"\uD7FF\uE000\uF8FF\uF900", "\uD7FF__\uF900"},
        {"\uFDFF\uFE00\uFE0F\uFE10", "\uFDFF__\uFE10"},
        {"\uFFEF\uFFF0\uFFFD\uFFFF\U00010000", "\uFFEF___\U00010000"},
        {"\U0001EFFF\U0001F000\U0001FAFF\U0001FB00", "\U0001EFFF__\U0001FB00"},
        {"\U000DFFFF\U000E0000\U0010FFFF", "\U000DFFFF__"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char expected[256];
        snprintf(expected, sizeof expected, "Other:%s_X", rows[i].expected);
        assert_name(BEDROCK_OTHER, rows[i].text, "X", expected);
    }
}

static void invalid_utf8_becomes_underscores(void **state)
{
    (void)state;
    assert_name(BEDROCK_OTHER, "a\xFF\xC3", "X\xE2\x82", "Other:a___X_");
}

static void blanks_at_the_ends_are_removed(void **state)
{
    (void)state;
    assert_name(BEDROCK_OTHER, " \u3000 a b\t ", "\tX\u00A0", "Other:a b_X");
    assert_name(BEDROCK_OTHER, " \t", "X", "Other_X");
    assert_name(BEDROCK_OTHER, NULL, "  ", "Other_agent");
}

static void a_long_target_is_cut_and_never_the_label(void **state)
{
    (void)state;
    char target[1001] = {0}, label[301] = {0}, expected[512];
    memset(target, 'T', 1000);
    memset(label, 'L', 100);
    snprintf(expected, sizeof expected, "Other:%.93s_%s", target, label);
    assert_name(BEDROCK_OTHER, target, label, expected);
    memset(label, 'L', 300);
    snprintf(expected, sizeof expected, "Other:%.43s_%.150s", target, label);
    assert_name(BEDROCK_OTHER, target, label, expected);
}

static void lengths_count_characters(void **state)
{
    (void)state;
    test_run t;
    fl_buf name;
    test_run_init(&t);
    fl_buf_init(&name, 4096);
    bedrock_scope *scope = test_scope(&t, "X");
    scope->label = test_repeat(&t, "検", 300);
    bedrock_step *step = test_step(&t, scope, BEDROCK_OTHER, NULL, NULL);
    step->target = test_repeat(&t, "\U00010000", 300);
    bedrock_segment_name(&step->segment, &t.options, &name);
    assert_int_equal(fl_utf8_length(fl_buf_str(&name)), 200);
    assert_int_equal(name.n, 6 + 43 * 4 + 1 + 150 * 3);
    fl_buf_fini(&name);
    test_run_fini(&t);
}

static void a_cut_keeps_blanks_that_were_within(void **state)
{
    (void)state;
    char target[256] = {0}, expected[256];
    memset(target, 'T', 191);
    memcpy(target + 191, "  x", 4);
    snprintf(expected, sizeof expected, "Other:%.191s _X", target);
    assert_name(BEDROCK_OTHER, target, "X", expected);
    memcpy(target + 191, "   ", 4);
    snprintf(expected, sizeof expected, "Other:%.191s_X", target);
    assert_name(BEDROCK_OTHER, target, "X", expected);
}

typedef struct rig {
    test_run t;
    bedrock_scope *scope;
    fl_buf name;
} rig;

static void rig_init(rig *r, const char *label)
{
    test_run_init(&r->t);
    fl_buf_init(&r->name, 4096);
    r->scope = test_scope(&r->t, label);
}

static void rig_fini(rig *r)
{
    fl_buf_fini(&r->name);
    test_run_fini(&r->t);
}

static void assert_rig(rig *r, const bedrock_segment *segment, const char *expected)
{
    fl_buf_reset(&r->name);
    bedrock_segment_name(segment, &r->t.options, &r->name);
    assert_str(fl_buf_str(&r->name), expected);
}

static void targets_follow_the_kind(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, "A");
    bedrock_step *model = test_step(&r.t, r.scope, BEDROCK_INVOKE_MODEL, NULL, NULL);
    bedrock_step *code = test_step(&r.t, r.scope, BEDROCK_CODE, NULL, NULL);
    model->target = FL_S("not this");
    model->segment.model = FL_S("amazon.nova-pro-v1:0");
    code->target = FL_S("code_interpreter");
    assert_rig(&r, &model->segment, "InvokeModel:amazon.nova-pro-v1:0_A");
    assert_rig(&r, &code->segment, "RunCode_A");
    assert_rig(&r, &r.scope->segment, "Agent_A");
    r.scope->agent_name = FL_S("“quoted” — name");
    assert_rig(&r, &r.scope->segment, "Agent:_quoted_ _ name_A");
    r.scope->agent_name = FL_S("A");
    assert_rig(&r, &r.scope->segment, "Agent_A");
    rig_fini(&r);
}

static void types_alone_are_the_names_of_a_chain(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, "A");
    bedrock_step *step = test_step(&r.t, r.scope, BEDROCK_ACTION_GROUP, NULL, NULL);
    step->target = FL_S("t");
    r.t.options.mode = FL_BEDROCK_CHAIN;
    assert_rig(&r, &step->segment, "InvokeActionGroup_A");
    r.t.options.names = FL_BEDROCK_NAMES_TARGET;
    assert_rig(&r, &step->segment, "InvokeActionGroup:t_A");
    r.t.options.mode = FL_BEDROCK_TREE;
    r.t.options.names = FL_BEDROCK_NAMES_TYPE;
    assert_rig(&r, &step->segment, "InvokeActionGroup_A");
    rig_fini(&r);
}

static void a_given_agent_name_stands_before_the_id(void **state)
{
    (void)state;
    const fl_bedrock_agent_name names[] = {{FL_S("OTHER"), FL_S("no")},
                                           {FL_S("AGENT01"), FL_S("Super (visor)")}};
    rig r;
    rig_init(&r, "AGENT01");
    r.t.options.agent_names = names;
    r.t.options.agent_name_count = 2;
    assert_rig(&r, &r.scope->segment, "Agent_Super _visor__AGENT01");
    r.scope->label = FL_S("label");
    r.scope->envelope.agent_id = FL_S("AGENT01");
    assert_rig(&r, &r.scope->segment, "Agent_Super _visor__label");
    rig_fini(&r);
}

static void a_long_given_name_gives_way_to_the_id(void **state)
{
    (void)state;
    rig r;
    rig_init(&r, "AGENT01");
    const fl_bedrock_agent_name name = {FL_S("AGENT01"), test_repeat(&r.t, "n", 500)};
    r.t.options.agent_names = &name;
    r.t.options.agent_name_count = 1;
    bedrock_segment_name(&r.scope->segment, &r.t.options, &r.name);
    assert_int_equal(r.name.n, strlen("Agent_") + 150);
    assert_memory_equal(r.name.p + r.name.n - 8, "_AGENT01", 8);
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_names_of_the_spec),
        cmocka_unit_test(ascii_beyond_the_allowed_becomes_underscores),
        cmocka_unit_test(blocks_end_where_the_spec_says),
        cmocka_unit_test(invalid_utf8_becomes_underscores),
        cmocka_unit_test(blanks_at_the_ends_are_removed),
        cmocka_unit_test(a_long_target_is_cut_and_never_the_label),
        cmocka_unit_test(lengths_count_characters),
        cmocka_unit_test(a_cut_keeps_blanks_that_were_within),
        cmocka_unit_test(targets_follow_the_kind),
        cmocka_unit_test(types_alone_are_the_names_of_a_chain),
        cmocka_unit_test(a_given_agent_name_stands_before_the_id),
        cmocka_unit_test(a_long_given_name_gives_way_to_the_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
