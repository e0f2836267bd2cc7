/* fluoro genai: reports on the use of models and tools. */
#include <unistd.h>

#include "cli/cli_int.h"
#include "cli/client_int.h"
#include "cli/genai_int.h"
#include "cli/times_int.h"

#define ANSWER_MAX ((size_t)64 << 20)

typedef struct settings {
    fl_common common;
    const char *since, *until, *filter, *currency;
    unsigned group_by; /* fl_genai_group_by */
} settings;

static const char *const group_names[] = {
#define NAME(code, key) key,
    FL_GENAI_GROUP_TABLE(NAME)
#undef NAME
        NULL};

static const fl_option options[] = {
    {"group-by", FL_OPTION_CHOICE, "KEY", "one of those above [model]",
     offsetof(settings, group_by), 0, 0, group_names},
    {"since", FL_OPTION_TEXT, "TIME", "only from then on: 30m, 2d, 2026-11-22T15:00 [1h]",
     offsetof(settings, since), 0, 0, NULL},
    {"until", FL_OPTION_TEXT, "TIME", "only before then [now]", offsetof(settings, until), 0, 0,
     NULL},
    {"start", FL_OPTION_TEXT, "TIME", "the same as --since", offsetof(settings, since), 0, 0, NULL},
    {"end", FL_OPTION_TEXT, "TIME", "the same as --until", offsetof(settings, until), 0, 0, NULL},
    {"filter", FL_OPTION_TEXT, "EXPR", "only traces that a filter expression finds",
     offsetof(settings, filter), 0, 0, NULL},
    {"currency", FL_OPTION_TEXT, "NAME", "what costs are in; only a label [USD]",
     offsetof(settings, currency), 0, 0, NULL},
    FL_OPTION_JSON(settings, common, "the report as JSON, as the server sent it"),
    FL_OPTION_SERVER(settings, common),
    FL_OPTION_COLOR(settings, common),
    FL_OPTION_WIDTH(settings, common),
};

static const fl_usage usage_usage = {
    .name = "genai usage",
    .operands = "",
    .about = "Calls, failures, tokens, cost and latency of models or tools in the traces of a\n"
             "time range, by model, provider, agent_id, tool_name, tenant, route or\n"
             "experiment_id. By tool_name it counts calls of tools, else calls of models.\n"
             "Exits with 1 if there is none.\n",
    .examples = "  fluoro genai usage --since 7d\n"
                "  fluoro genai usage --group-by tenant --json | jq '.Groups[] | .CostUsd'\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
};

/* ---- The request and its answer */

static void write_request(const settings *given, int64_t start_ns, int64_t end_ns, fl_buf *body)
{
    fl_jw w = fl_jw_of(body);
    fl_jw_open(&w, '{');
    fl_jw_key_seconds(&w, FL_S("StartTime"), start_ns);
    fl_jw_key_seconds(&w, FL_S("EndTime"), end_ns);
    fl_jw_key_str(&w, FL_S("GroupBy"), fl_str_of(group_names[given->group_by]));
    if (given->filter != NULL) {
        fl_jw_key_str(&w, FL_S("FilterExpression"), fl_str_of(given->filter));
    }
    if (given->currency != NULL) {
        fl_jw_key_str(&w, FL_S("Currency"), fl_str_of(given->currency));
    }
    fl_jw_close(&w, '}');
}

static fl_status ask(const fl_server_address *address, fl_str body, fl_buf *answer, fl_err *err)
{
    fl_client *client;
    FL_TRY(fl_client_new(address, &client, err));
    fl_status status = fl_client_post(client, "/fluoro/genai/usage", body, answer, err);
    fl_client_free(client);
    return status;
}

static void draw_nothing(fl_screen *screen, const settings *given, int64_t start_ns, int64_t end_ns,
                         const fl_server_address *address)
{
    fl_buf text;
    fl_buf_init(&text, 4096);
    fl_buf_add_str(&text, given->group_by == FL_GENAI_BY_TOOL_NAME
                              ? FL_S("No calls of tools in traces from ")
                              : FL_S("No calls of models in traces from "));
    fl_time_range_text(&text, start_ns, end_ns);
    fl_buf_add_str(&text, FL_S(" at "));
    fl_buf_add_str(&text, fl_str_of(address->url));
    fl_buf_add_byte(&text, '.');
    fl_screen_add(screen, FL_STYLE_PLAIN, fl_buf_str(&text));
    fl_buf_fini(&text);
    fl_screen_newline(screen);
    fl_screen_add(screen, FL_STYLE_DIM,
                  FL_S("Calls are segments with annotations like model, prompt_tokens and "
                       "tool_name; `fluoro bedrock` makes them of agent runs. Look further back "
                       "with --since 7d."));
    fl_screen_newline(screen);
}

static fl_status read_answer(fl_arena *arena, fl_str answer, yyjson_val **root, size_t *groups,
                             fl_err *err)
{
    FL_TRY(fl_json_read(arena, answer, FL_JSON_REPAIR_UTF8, root, NULL, err));
    yyjson_val *found = fl_json_get(*root, FL_S("Groups"));
    if (!yyjson_is_arr(found)) {
        FL_FAIL(err, FL_E_CORRUPT, "the server's answer holds no Groups; is it a fluoro server?");
    }
    *groups = yyjson_arr_size(found);
    return FL_OK;
}

static fl_status report(fl_arena *arena, const settings *given, fl_buf *answer, fl_buf *out,
                        size_t *groups, fl_err *err)
{
    fl_server_address address;
    int64_t start_ns, end_ns;
    yyjson_val *root;
    fl_buf body;
    FL_TRY(fl_time_range_parse(given->since, given->until, fl_clock_wall(fl_clock_system()),
                               &start_ns, &end_ns, err));
    FL_TRY(fl_server_resolve(given->common.server, &address, err));
    fl_buf_init(&body, (size_t)1 << 20);
    write_request(given, start_ns, end_ns, &body);
    fl_status status = ask(&address, fl_buf_str(&body), answer, err);
    fl_buf_fini(&body);
    FL_TRY(status);
    FL_TRY(read_answer(arena, fl_buf_str(answer), &root, groups, err));
    if (given->common.json) {
        fl_buf_add_str(out, fl_buf_str(answer));
        fl_buf_add_byte(out, '\n');
        return FL_OK;
    }
    fl_screen screen = fl_screen_of(&given->common, STDOUT_FILENO, 0, out);
    if (*groups == 0) {
        draw_nothing(&screen, given, start_ns, end_ns, &address);
        return FL_OK;
    }
    return fl_genai_table_draw(arena, &screen, root, err);
}

static int usage_command(int argc, char **argv)
{
    settings given = {.since = "1h", .until = "now"};
    fl_operands operands;
    int exit_code;
    if (!fl_usage_read(&usage_usage, argc, argv, &given, &operands, &exit_code)) {
        return exit_code;
    }
    fl_arena arena;
    fl_buf out, answer;
    fl_err err = {0};
    size_t groups = 0;
    fl_arena_init(&arena, FL_CLI_OUTPUT_MAX);
    fl_buf_init(&out, FL_CLI_OUTPUT_MAX);
    fl_buf_init(&answer, ANSWER_MAX);
    fl_status status = report(&arena, &given, &answer, &out, &groups, &err);
    exit_code = fl_cli_finish(status, &out, &err);
    fl_buf_fini(&answer);
    fl_arena_fini(&arena);
    return exit_code == 0 && groups == 0 ? FL_EXIT_NOTHING_FOUND : exit_code;
}

/* ---- fluoro genai */

static const fl_usage genai_usage = {
    .name = "genai",
    .operands = "usage [OPTION...]",
    .operands_min = 1,
    .operands_max = 1,
    .about = "Reports on the use of models and tools in traces:\n"
             "  usage     calls, failures, tokens, cost, latency by model, tool, tenant, …\n"
             "`fluoro genai usage --help` shows its options.\n",
    .examples = "  fluoro genai usage --since 7d --group-by provider\n",
};

int fl_cli_genai(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "usage") == 0) {
        return usage_command(argc - 1, argv + 1);
    }
    fl_operands operands;
    int exit_code;
    if (!fl_usage_read(&genai_usage, argc, argv, NULL, &operands, &exit_code)) {
        return exit_code;
    }
    fl_err err = {0};
    return fl_cli_fail(&err, fl_err_set(&err, FL_E_INVALID, __FILE__, __LINE__,
                                        "there is no `fluoro genai %.40s`; there is `fluoro genai "
                                        "usage`",
                                        operands.values[0]));
}
