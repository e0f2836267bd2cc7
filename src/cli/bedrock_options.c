/* Options of `fluoro bedrock`: the table, and what its values come to. */
#include "cli/bedrock_options_int.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>

#include "cli/bedrock_adopt_int.h"
#include "cli/cli_int.h"

#define ANNOTATIONS_MAX     500
#define ANNOTATION_KEY_MAX  500
#define TEXT_BYTES_MAX      ((uint64_t)16 << 20)
#define PRICES_BYTES_MAX    ((size_t)16 << 20)
#define MODEL_LOG_BYTES_MAX ((size_t)1 << 30)

/* The tables' words stand in the order of the converter's enums, so that an index is a value. */
static const char *const mode_names[] = {"tree", "chain", NULL};
static const char *const name_names[] = {"auto", "target", "type", NULL};
static const char *const clock_names[] = {"auto", "synthetic", NULL};
static const char *const format_names[] = {"auto", "json", "eventstream", NULL};
static const char *const content_names[] = {"truncate", "full", "hash", "none", NULL};
static const char *const text_names[] = {"auto", "on", "off", NULL};
static const char *const annotation_names[] = {"all", "core", NULL};
static const char *const overflow_names[] = {"truncate", "split", NULL};
_Static_assert(FL_BEDROCK_TREE == 0 && FL_BEDROCK_CHAIN == 1, "mode_names");
_Static_assert(FL_BEDROCK_NAMES_TARGET == 1 && FL_BEDROCK_NAMES_TYPE == 2, "name_names");
_Static_assert(FL_BEDROCK_CLOCK_SYNTHETIC == 1, "clock_names");
_Static_assert(FL_BEDROCK_FORMAT_JSON == 1 && FL_BEDROCK_FORMAT_EVENTSTREAM == 2, "format_names");
_Static_assert(FL_BEDROCK_CONTENT_FULL == 1 && FL_BEDROCK_CONTENT_NONE == 3, "content_names");
_Static_assert(FL_BEDROCK_TEXTS_ON == 1 && FL_BEDROCK_TEXTS_OFF == 2, "text_names");

/* ---- The table */

#define AT(member) offsetof(fl_import_settings, member)

static const fl_option usual_options[] = {
    {"send", FL_OPTION_OPTIONAL, "[URL]", "to a server [FLUORO_SERVER or 127.0.0.1:2000]", AT(send),
     0, 0, NULL},
    {"summary", FL_OPTION_FLAG, NULL, "a table of the segments instead of documents", AT(summary),
     0, 0, NULL},
    {"follow", FL_OPTION_FLAG, NULL, "go on as the input grows, and show at once", AT(follow), 0, 0,
     NULL},
    {"mode", FL_OPTION_CHOICE, "tree|chain", "agents and their steps, or one after the other",
     AT(mode), 0, 0, mode_names},
    {"content", FL_OPTION_CHOICE, "HOW", "texts: truncate, full, hash or none [truncate]",
     AT(content), 0, 0, content_names},
    {"redact", FL_OPTION_TEXTS, "PATTERN", "blot out: email, aws-key, ipv4, card, a regex",
     AT(redact), 0, 0, NULL},
    {"tenant", FL_OPTION_TEXT, "NAME", "annotation of each root; also --route and others",
     AT(tenant), 0, 0, NULL},
    {"trace-header", FL_OPTION_TEXT, "TEXT", "the caller's `Root=1-…;Parent=…`, to hang below",
     AT(trace_header), 0, 0, NULL},
    {"prices", FL_OPTION_TEXT, "FILE", "prices of models, for annotation cost_usd", AT(prices), 0,
     0, NULL},
    {"sample", FL_OPTION_DECIMAL, "RATE", "share of runs to keep; failed ones stay [1]", AT(sample),
     0, 1, NULL},
    {"strict", FL_OPTION_FLAG, NULL, "an error in the input: nothing at all comes out", AT(strict),
     0, 0, NULL},
};

static const fl_option output_options[] = {
    {"udp", FL_OPTION_TEXT, "HOST:PORT", "datagrams to there, as to the X-Ray daemon", AT(udp), 0,
     0, NULL},
    {"force", FL_OPTION_FLAG, NULL, "send even if the trace header says Sampled=0", AT(force), 0, 0,
     NULL},
    {"keep", FL_OPTION_TEXT, "LIST", "runs that --sample keeps anyway; see below", AT(keep), 0, 0,
     NULL},
    FL_OPTION_COLOR(fl_import_settings, common),
    FL_OPTION_WIDTH(fl_import_settings, common),
};

static const fl_option input_options[] = {
    {"format", FL_OPTION_CHOICE, "FORMAT", "auto, json or eventstream [auto]", AT(format), 0, 0,
     format_names},
    {"clock", FL_OPTION_CHOICE, "CLOCK", "auto, or synthetic: 5 s a step [auto]", AT(clock), 0, 0,
     clock_names},
    {"now", FL_OPTION_SECONDS, "SECONDS", "start of the synthetic clock [now]", AT(now_ns), 0,
     UINT32_MAX, NULL},
    {"model-log", FL_OPTION_TEXTS, "FILE", "model invocation log, for what streams lack",
     AT(model_logs), 0, 0, NULL},
};

static const fl_option identity_options[] = {
    {"trace-id", FL_OPTION_TEXT, "ID", "one trace for all [one for each run]", AT(trace_id), 0, 0,
     NULL},
    {"adopt", FL_OPTION_OPTIONAL, "[FILE]", "hang called functions below the steps' calls",
     AT(adopt), 0, 0, NULL},
    {"flow", FL_OPTION_TEXT, "NAME", "name of flows [their execution's id]", AT(flow), 0, 0, NULL},
    {"execution-id", FL_OPTION_TEXT, "ID", "of the flow, if the input does not tell it",
     AT(execution_id), 0, 0, NULL},
    {"names", FL_OPTION_CHOICE, "HOW", "auto, target or type [target in trees]", AT(names), 0, 0,
     name_names},
    {"agent-name", FL_OPTION_TEXTS, "ID=NAME", "how agent ID is called in names", AT(agent_names),
     0, 0, NULL},
};

static const fl_option annotation_options[] = {
    {"route", FL_OPTION_TEXT, "NAME", "annotation of each root: the entry point", AT(route), 0, 0,
     NULL},
    {"experiment-id", FL_OPTION_TEXT, "ID", "annotation of each root: the variant",
     AT(experiment_id), 0, 0, NULL},
    {"annotate", FL_OPTION_TEXTS, "KEY=VALUE", "annotation of each root; true, 5 are typed",
     AT(annotate), 0, 0, NULL},
    {"annotations", FL_OPTION_CHOICE, "all|core", "core: what AWS X-Ray can index [all]",
     AT(core_annotations), 0, 0, annotation_names},
    {"max-annotations", FL_OPTION_NUMBER, "N", "of a segment [50]", AT(max_annotations), 1,
     ANNOTATIONS_MAX, NULL},
    {"text-annotations", FL_OPTION_CHOICE, "HOW", "auto, on or off [on in chains]", AT(texts), 0, 0,
     text_names},
    {"max-text", FL_OPTION_NUMBER, "BYTES", "longer texts are cut [4096]", AT(max_text), 1,
     TEXT_BYTES_MAX, NULL},
    {"overflow", FL_OPTION_CHOICE, "HOW", "truncate, or split long texts [truncate]",
     AT(split_overflow), 0, 0, overflow_names},
};

#undef AT

#define GROUP(title, options)                                                                      \
    {                                                                                              \
        title, options, sizeof(options) / sizeof(options)[0]                                       \
    }
static const fl_option_group groups[] = {
    GROUP("Where it goes, and what", output_options),
    GROUP("What comes in", input_options),
    GROUP("Traces and names", identity_options),
    GROUP("Annotations and texts", annotation_options),
};
#undef GROUP

static bool is_value(const fl_option *option, const char *word)
{
    if (strcmp(option->name, "adopt") == 0) {
        return fl_adopt_is_segments_file(word);
    }
    const char *colon = strrchr(word, ':');
    bool has_port =
        colon != NULL && colon[1] != '\0' && strspn(colon + 1, "0123456789") == strlen(colon + 1);
    return strstr(word, "://") != NULL || (has_port && strchr(word, '/') == NULL);
}

const fl_usage fl_import_usage = {
    .name = "bedrock",
    .operands = "[FILE...]",
    .operands_max = INT32_MAX,
    .about = "Makes X-Ray segments of the trace events of Amazon Bedrock agents and flows,\n"
             "however they were saved. No FILE or `-` is standard input. Documents go to\n"
             "standard output, one a line, unless --send, --udp or --summary is given.\n",
    .examples = "  fluoro bedrock run.jsonl --summary\n"
                "  fluoro bedrock run.jsonl --send\n"
                "  python3 live.py | fluoro bedrock --follow --send http://127.0.0.1:2000\n",
    .options = usual_options,
    .option_count = sizeof usual_options / sizeof usual_options[0],
    .groups = groups,
    .group_count = sizeof groups / sizeof groups[0],
    .notes = "--keep LIST is of fault, error, throttle, timeout, incomplete, guardrail,\n"
             "slow=SECONDS, tokens=N. --redact, --annotate, --agent-name and --model-log may\n"
             "be given several times.\n"
             "\n"
             "Exit status: 0 all well, 1 nothing converted, 2 converted with errors, 3 sending\n"
             "failed, 64 wrong usage.\n",
    .takes = is_value,
    .wrong_usage_exit = FL_IMPORT_WRONG_USAGE,
};

fl_import_settings fl_import_settings_default(void)
{
    fl_bedrock_options by_default = fl_bedrock_options_default(0);
    return (fl_import_settings){
        .now_ns = FL_TIME_NONE,
        .max_annotations = by_default.max_annotations,
        .max_text = by_default.max_text_bytes,
        .sample = by_default.sample,
    };
}

/* ---- --keep */

static const struct {
    const char *name;
    size_t offset;
} keep_flags[] = {
    {"fault", offsetof(fl_bedrock_keep, fault)},
    {"error", offsetof(fl_bedrock_keep, error)},
    {"throttle", offsetof(fl_bedrock_keep, throttle)},
    {"timeout", offsetof(fl_bedrock_keep, timeout)},
    {"incomplete", offsetof(fl_bedrock_keep, incomplete)},
    {"guardrail", offsetof(fl_bedrock_keep, guardrail)},
};
#define KEEP_FLAGS (sizeof keep_flags / sizeof keep_flags[0])

static const char *keep_name(const void *names, size_t i)
{
    (void)names;
    static const char *const with_value[] = {"slow", "tokens"};
    return i < KEEP_FLAGS ? keep_flags[i].name : with_value[i - KEEP_FLAGS];
}

static fl_status refuse_keep(fl_str name, fl_err *err)
{
    char word[40];
    snprintf(word, sizeof word, "%.*s", FL_P(fl_str_clip(name, sizeof word - 1)));
    const char *nearest = fl_cli_nearest(word, keep_name, NULL, KEEP_FLAGS + 2);
    if (nearest != NULL) {
        FL_FAIL(err, FL_E_INVALID, "--keep knows no `%s`; did you mean %s?", word, nearest);
    }
    FL_FAIL(err, FL_E_INVALID,
            "--keep takes fault, error, throttle, timeout, incomplete, guardrail, slow=SECONDS and "
            "tokens=N with commas between, not `%s`",
            word);
}

/* One word of the list; value is absent without `=`. */
static fl_status keep_one(fl_str name, fl_str value, fl_bedrock_keep *keep, fl_err *err)
{
    if (fl_str_eq(name, FL_S("slow"))) {
        if (!fl_json_ns(value, &keep->slow_ns) || keep->slow_ns <= 0) {
            FL_FAIL(err, FL_E_INVALID, "--keep slow takes seconds: slow=2.5");
        }
        return FL_OK;
    }
    if (fl_str_eq(name, FL_S("tokens"))) {
        if (!fl_str_to_u64(value, &keep->tokens) || keep->tokens == 0) {
            FL_FAIL(err, FL_E_INVALID, "--keep tokens takes a number of tokens: tokens=10000");
        }
        return FL_OK;
    }
    for (size_t i = 0; i < KEEP_FLAGS && value.p == NULL; i++) {
        if (fl_str_eq(name, fl_str_of(keep_flags[i].name))) {
            *(bool *)((char *)keep + keep_flags[i].offset) = true;
            return FL_OK;
        }
    }
    return refuse_keep(name, err);
}

fl_status fl_import_keep_parse(fl_str list, fl_bedrock_keep *out, fl_err *err)
{
    fl_bedrock_keep keep = {0};
    while (list.n > 0) {
        fl_str value = fl_str_trim(fl_str_cut(&list, ','));
        fl_str name = fl_str_cut(&value, '=');
        if (name.n > 0) {
            FL_TRY(keep_one(name, value, &keep, err));
        }
    }
    *out = keep;
    return FL_OK;
}

/* ---- Annotations of the roots */

typedef struct annotation_list {
    fl_arena *arena;
    fl_annotation items[FL_TEXTS_MAX + 3];
    size_t count;
} annotation_list;

static bool is_index_key(fl_str key)
{
    return fl_str_eq(key, FL_S("tenant")) || fl_str_eq(key, FL_S("route")) ||
           fl_str_eq(key, FL_S("experiment_id"));
}

/* The key as X-Ray takes it: letters, digits and underscores. Absent without memory. */
static fl_str annotation_key(fl_arena *arena, fl_str given)
{
    char *key = fl_str_zdup(arena, fl_str_clip(given, ANNOTATION_KEY_MAX));
    for (char *c = key; key != NULL && *c != '\0'; c++) {
        bool kept = (*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') ||
                    (*c >= 'a' && *c <= 'z') || *c == '_';
        *c = kept ? *c : '_';
    }
    return fl_str_of(key);
}

/* The value as it may be indexed; absent without memory. */
static fl_str index_value(fl_arena *arena, fl_str key, fl_str value)
{
    fl_buf cut;
    fl_buf_init(&cut, (size_t)1 << 20);
    fl_genai_index_value(key, value, &cut);
    fl_str kept = cut.status == FL_OK ? fl_str_dup(arena, fl_buf_str(&cut)) : (fl_str){0};
    fl_buf_fini(&cut);
    return kept;
}

static bool is_number(fl_str text)
{
    fl_arena arena;
    yyjson_val *root = NULL;
    fl_arena_init(&arena, (size_t)1 << 20);
    bool number = fl_json_read(&arena, text, FL_JSON_STRICT, &root, NULL, NULL) == FL_OK &&
                  fl_str_eq(fl_json_number(root), text) && isfinite(fl_json_double(text));
    fl_arena_fini(&arena);
    return number;
}

/* true, false and numbers are typed; a key that is given again has its last value. */
static fl_status add_annotation(annotation_list *list, fl_str given_key, fl_str value, fl_err *err)
{
    fl_annotation annotation = {.key = annotation_key(list->arena, given_key), .text = value};
    if (is_index_key(annotation.key)) {
        annotation.text = index_value(list->arena, annotation.key, value);
    } else if (fl_str_eq(value, FL_S("true")) || fl_str_eq(value, FL_S("false"))) {
        annotation.kind = FL_ANNOTATION_BOOL;
        annotation.boolean = value.n == 4;
    } else if (is_number(value)) {
        annotation.kind = FL_ANNOTATION_NUMBER;
    }
    if (annotation.key.p == NULL || annotation.text.p == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    size_t at = 0;
    while (at < list->count && !fl_str_eq(list->items[at].key, annotation.key)) {
        at++;
    }
    list->items[at] = annotation;
    list->count += at == list->count;
    return FL_OK;
}

static fl_status read_annotations(fl_arena *arena, const fl_import_settings *settings,
                                  fl_bedrock_options *options, fl_err *err)
{
    const struct {
        fl_str key;
        const char *value;
    } named[] = {
        {FL_S("tenant"), settings->tenant},
        {FL_S("route"), settings->route},
        {FL_S("experiment_id"), settings->experiment_id},
    };
    annotation_list *list = FL_ARENA_NEW(arena, annotation_list);
    if (list == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    list->arena = arena;
    for (size_t i = 0; i < settings->annotate.count; i++) {
        fl_str value = fl_str_of(settings->annotate.items[i]);
        fl_str key = fl_str_cut(&value, '=');
        if (key.n == 0 || value.p == NULL) {
            FL_FAIL(err, FL_E_INVALID, "--annotate takes KEY=VALUE, not `%.40s`",
                    settings->annotate.items[i]);
        }
        FL_TRY(add_annotation(list, key, value, err));
    }
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        if (named[i].value != NULL) {
            FL_TRY(add_annotation(list, named[i].key, fl_str_of(named[i].value), err));
        }
    }
    options->annotate = list->items;
    options->annotate_count = list->count;
    return FL_OK;
}

/* ---- Traces and names */

static fl_status read_trace(const fl_import_settings *settings, fl_import_plan *plan, fl_err *err)
{
    if (settings->trace_id != NULL &&
        !fl_trace_id_parse(fl_str_of(settings->trace_id), &plan->options.trace_id)) {
        FL_FAIL(err, FL_E_INVALID,
                "--trace-id takes an id like 1-5759e988-bd862e3fe1be46a994272793, not `%.60s`",
                settings->trace_id);
    }
    if (settings->trace_header == NULL) {
        return FL_OK;
    }
    fl_trace_header header;
    fl_trace_header_parse(fl_str_of(settings->trace_header), &header);
    if (fl_trace_id_is_none(header.root) || header.malformed_parent) {
        FL_FAIL(err, FL_E_INVALID,
                "--trace-header has no %s that can be read; give the caller's X-Amzn-Trace-Id as "
                "it is: Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
                header.malformed_parent ? "Parent" : "Root");
    }
    plan->options.trace_id = header.root;
    plan->options.parent_id = header.parent;
    plan->unsampled = header.sampled == FL_SAMPLED_NO && !settings->force;
    return FL_OK;
}

static fl_status read_agent_names(fl_arena *arena, const fl_texts *given,
                                  fl_bedrock_options *options, fl_err *err)
{
    fl_bedrock_agent_name *names = FL_ARENA_ARRAY(arena, fl_bedrock_agent_name, given->count);
    if (names == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < given->count; i++) {
        fl_str name = fl_str_of(given->items[i]);
        fl_str id = fl_str_cut(&name, '=');
        if (id.n == 0 || name.n == 0) {
            FL_FAIL(err, FL_E_INVALID, "--agent-name takes ID=NAME, not `%.40s`", given->items[i]);
        }
        names[i] = (fl_bedrock_agent_name){id, name};
    }
    options->agent_names = names;
    options->agent_name_count = given->count;
    return FL_OK;
}

/* ---- Files and patterns */

/* Puts what is at fault before the message. */
static fl_status blame(fl_err *err, const char *what, fl_status status)
{
    fl_err inner = err != NULL ? *err : (fl_err){0};
    FL_FAIL(err, status, "%.100s: %s", what, fl_err_text(&inner, status));
}

static fl_status read_prices(fl_arena *arena, const char *path, fl_bedrock_options *options,
                             fl_err *err)
{
    fl_str text;
    fl_genai_prices *prices;
    FL_TRY(fl_fs_read_all(fl_fs_system(), path, PRICES_BYTES_MAX, arena, &text, err));
    fl_status status = fl_genai_prices_read(arena, text, &prices, err);
    if (status != FL_OK) {
        return blame(err, path, status);
    }
    options->prices = prices;
    return FL_OK;
}

/* Amazon S3 gets the logs as gzip files. */
static fl_status add_model_log(fl_str content, const char *path, fl_import_plan *plan, fl_err *err)
{
    uint64_t ignored = 0;
    fl_buf plain;
    fl_buf_init(&plain, MODEL_LOG_BYTES_MAX);
    fl_status status = FL_OK;
    if (fl_str_starts(content, FL_S("\x1f\x8b"))) {
        status = fl_gzip_inflate(content, &plain, err);
        content = fl_buf_str(&plain);
    }
    if (status == FL_OK) {
        status = fl_bedrock_model_log_add(plan->model_log, content, &ignored, err);
    }
    fl_buf_fini(&plain);
    plan->model_log_ignored += ignored;
    return status == FL_OK ? FL_OK : blame(err, path, status);
}

static fl_status read_model_logs(const fl_texts *paths, fl_import_plan *plan, fl_err *err)
{
    if (paths->count == 0) {
        return FL_OK;
    }
    FL_TRY(fl_bedrock_model_log_new(MODEL_LOG_BYTES_MAX, &plan->model_log, err));
    plan->options.model_log = plan->model_log;
    for (size_t i = 0; i < paths->count; i++) {
        FL_AUTO(fl_arena) arena;
        fl_str content;
        fl_arena_init(&arena, MODEL_LOG_BYTES_MAX);
        FL_TRY(fl_fs_read_all(fl_fs_system(), paths->items[i], MODEL_LOG_BYTES_MAX, &arena,
                              &content, err));
        FL_TRY(add_model_log(content, paths->items[i], plan, err));
    }
    return FL_OK;
}

static fl_status read_redaction(const fl_texts *patterns, fl_import_plan *plan, fl_err *err)
{
    if (patterns->count == 0) {
        return FL_OK;
    }
    FL_TRY(fl_bedrock_redaction_new(&plan->redaction, err));
    plan->options.redaction = plan->redaction;
    for (size_t i = 0; i < patterns->count; i++) {
        fl_status status =
            fl_bedrock_redaction_add(plan->redaction, fl_str_of(patterns->items[i]), err);
        if (status != FL_OK) {
            return blame(err, "--redact", status);
        }
    }
    return FL_OK;
}

/* ---- All of it */

static fl_status check_combination(const fl_import_settings *settings, fl_err *err)
{
    bool sends = settings->send != NULL || settings->udp != NULL;
    if (settings->send != NULL && settings->udp != NULL) {
        FL_FAIL(err, FL_E_INVALID, "--send and --udp are two ways; choose one");
    }
    if (settings->follow && settings->strict) {
        FL_FAIL(err, FL_E_INVALID,
                "--strict waits for the end of the input and --follow for nothing; choose one");
    }
    if (settings->follow && settings->summary && sends) {
        FL_FAIL(err, FL_E_INVALID,
                "--summary shows runs when they have ended, so with --follow it cannot send too; "
                "leave one out");
    }
    if (settings->adopt != NULL && *settings->adopt == '\0' && settings->send == NULL) {
        FL_FAIL(err, FL_E_INVALID,
                "--adopt needs --send, to ask that server for segments of called functions, or a "
                "file of them: --adopt=FILE");
    }
    return FL_OK;
}

static void set_plain_options(const fl_import_settings *settings, fl_bedrock_options *options)
{
    options->mode = (fl_bedrock_mode)settings->mode;
    options->names = (fl_bedrock_names)settings->names;
    options->clock = (fl_bedrock_clock)settings->clock;
    options->format = (fl_bedrock_format)settings->format;
    options->format_given_by = settings->format != FL_BEDROCK_FORMAT_AUTO ? "--format" : NULL;
    options->content = (fl_bedrock_content)settings->content;
    options->texts = (fl_bedrock_texts)settings->texts;
    options->core_annotations = settings->core_annotations != 0;
    options->split_overflow = settings->split_overflow != 0;
    options->max_annotations = (uint32_t)settings->max_annotations;
    options->max_text_bytes = (size_t)settings->max_text;
    options->sample = settings->sample;
    options->flow = fl_str_of(settings->flow);
    options->execution_id = fl_str_of(settings->execution_id);
    /* A table shows runs that have ended, however long their input is followed. */
    options->follow = settings->follow && !settings->summary;
}

fl_status fl_import_plan_make(fl_arena *arena, const fl_import_settings *settings, int64_t now_ns,
                              fl_import_plan *out, fl_err *err)
{
    *out = (fl_import_plan){.options = fl_bedrock_options_default(
                                settings->now_ns != FL_TIME_NONE ? settings->now_ns : now_ns)};
    FL_TRY(check_combination(settings, err));
    set_plain_options(settings, &out->options);
    FL_TRY(read_trace(settings, out, err));
    FL_TRY(read_agent_names(arena, &settings->agent_names, &out->options, err));
    FL_TRY(read_annotations(arena, settings, &out->options, err));
    if (settings->keep != NULL) {
        FL_TRY(fl_import_keep_parse(fl_str_of(settings->keep), &out->options.keep, err));
    }
    FL_TRY(read_redaction(&settings->redact, out, err));
    if (settings->prices != NULL) {
        FL_TRY(read_prices(arena, settings->prices, &out->options, err));
    }
    return read_model_logs(&settings->model_logs, out, err);
}

void fl_import_plan_fini(fl_import_plan *plan)
{
    fl_bedrock_redaction_free(plan->redaction);
    fl_bedrock_model_log_free(plan->model_log);
    *plan = (fl_import_plan){.redaction = NULL};
}
