/* fluoro traces: the list of traces, newest first. */
#include <unistd.h>

#include "cli/cli_int.h"
#include "cli/options_int.h"
#include "cli/times_int.h"
#include "cli/traces_int.h"

#define LINES_BYTES ((size_t)256 << 20)

typedef struct settings {
    fl_common common;
    const char *since, *until;
    uint64_t limit;
    unsigned by; /* index into time_range_types */
} settings;

static const char *const by_names[] = {"trace", "event", "service", NULL};
static const char *const time_range_types[] = {"TraceId", "Event", "Service"};

static const fl_option options[] = {
    {"since", FL_OPTION_TEXT, "TIME", "only from then on: 30m, 2d, 2026-11-22T15:00 [1h]",
     offsetof(settings, since), 0, 0, NULL},
    {"until", FL_OPTION_TEXT, "TIME", "only before then [now]", offsetof(settings, until), 0, 0,
     NULL},
    {"limit", FL_OPTION_NUMBER, "N", "at most so many [20]", offsetof(settings, limit), 1, 100000,
     NULL},
    {"by", FL_OPTION_CHOICE, "WHAT", "by start of trace, event, end of service [trace]",
     offsetof(settings, by), 0, 0, by_names},
    FL_OPTION_JSON(settings, common, "the summaries as a JSON array, as the server sent them"),
    FL_OPTION_SERVER(settings, common),
    FL_OPTION_COLOR(settings, common),
    FL_OPTION_WIDTH(settings, common),
};

static const fl_usage usage = {
    .name = "traces",
    .operands = "[FILTER]",
    .operands_max = 1,
    .about = "Lists traces, newest first. FILTER is a filter expression. Times are local\n"
             "unless they end in Z or an offset. Exits with 1 if there is no trace.\n",
    .examples = "  fluoro traces --since 30m\n"
                "  fluoro traces --json --limit 1000 | jq -r '.[] | select(.HasFault) | .Id'\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
};

/* The summaries that are kept, and in which form. */
typedef struct collection {
    fl_arena *arena;
    const settings *settings;
    fl_buf *json; /* where --json goes */
    fl_trace_line *lines;
    size_t count, capacity;
    bool out_of_memory;
} collection;

static bool keep_texts(fl_arena *arena, fl_trace_line *line)
{
    fl_str *texts[] = {&line->id, &line->method, &line->url, &line->service, &line->user};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i]->p != NULL) {
            *texts[i] = fl_str_dup(arena, *texts[i]);
            if (texts[i]->p == NULL) {
                return false;
            }
        }
    }
    return true;
}

static bool keep_line(collection *c, yyjson_val *summary)
{
    if (c->count == c->capacity) {
        size_t old_bytes = c->capacity * sizeof *c->lines, wanted = c->capacity * 2 + 64;
        fl_trace_line *lines =
            fl_arena_resize(c->arena, c->lines, old_bytes, wanted * sizeof *lines);
        if (lines == NULL) {
            return false;
        }
        c->lines = lines;
        c->capacity = wanted;
    }
    fl_trace_line_read(summary, &c->lines[c->count]);
    return keep_texts(c->arena, &c->lines[c->count]);
}

static bool take(void *user, yyjson_val *summary)
{
    collection *c = user;
    if (c->settings->common.json) {
        fl_buf_add_str(c->json, c->count > 0 ? FL_S(",\n") : FL_S("\n"));
        fl_json_emit(c->json, summary);
    } else if (!keep_line(c, summary)) {
        c->out_of_memory = true;
        return false;
    }
    c->count++;
    return c->count < c->settings->limit;
}

static fl_status read_range(const settings *given, int64_t now_ns, fl_summaries_request *out,
                            fl_err *err)
{
    FL_TRY(
        fl_time_range_parse(given->since, given->until, now_ns, &out->start_ns, &out->end_ns, err));
    out->time_range_type = time_range_types[given->by];
    return FL_OK;
}

static void draw_nothing(fl_screen *screen, const fl_summaries_request *request,
                         const fl_server_address *address)
{
    fl_buf text;
    fl_buf_init(&text, 4096);
    fl_buf_add_str(&text, request->filter != NULL ? FL_S("No matching traces from ")
                                                  : FL_S("No traces from "));
    fl_time_range_text(&text, request->start_ns, request->end_ns);
    fl_buf_add_str(&text, FL_S(" at "));
    fl_buf_add_str(&text, fl_str_of(address->url));
    fl_buf_add_byte(&text, '.');
    fl_screen_add(screen, FL_STYLE_PLAIN, fl_buf_str(&text));
    fl_buf_fini(&text);
    fl_screen_newline(screen);
    fl_screen_add(screen, FL_STYLE_DIM,
                  FL_S("Look further back with --since 7d; `fluoro demo` sends sample traffic, "
                       "`fluoro env` points your "
                       "programs here."));
    fl_screen_newline(screen);
}

/* Standard output that is no terminal gets every text in full. */
static fl_status show(collection *c, const fl_summaries_request *request,
                      const fl_server_address *address, int64_t now_ns, fl_buf *out, fl_err *err)
{
    if (c->settings->common.json) {
        fl_buf_add_str(out, c->count > 0 ? FL_S("\n]\n") : FL_S("]\n"));
        return FL_OK;
    }
    fl_screen screen = fl_screen_of(&c->settings->common, STDOUT_FILENO, 0, out);
    if (c->count == 0) {
        draw_nothing(&screen, request, address);
        return FL_OK;
    }
    return fl_trace_lines_draw(c->arena, &screen, c->lines, c->count, now_ns, err);
}

static fl_status list(fl_arena *arena, const settings *given, const char *filter, fl_buf *out,
                      size_t *count, fl_err *err)
{
    fl_server_address address;
    fl_client *client;
    int64_t now_ns = fl_clock_wall(fl_clock_system());
    fl_summaries_request request = {.filter = filter};
    collection c = {
        .arena = arena, .settings = given, .json = out, .lines = fl_arena_alloc(arena, 0)};
    FL_TRY(read_range(given, now_ns, &request, err));
    FL_TRY(fl_server_resolve(given->common.server, &address, err));
    FL_TRY(fl_client_new(&address, &client, err));
    if (given->common.json) {
        fl_buf_add_byte(out, '[');
    }
    fl_status status = fl_summaries_each(client, &request, take, &c, err);
    fl_client_free(client);
    FL_TRY(status);
    if (c.out_of_memory || c.lines == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory; ask for less with --limit");
    }
    *count = c.count;
    return show(&c, &request, &address, now_ns, out, err);
}

int fl_cli_traces(int argc, char **argv)
{
    settings given = {.since = "1h", .until = "now", .limit = 20};
    fl_operands operands;
    int exit_code;
    if (!fl_usage_read(&usage, argc, argv, &given, &operands, &exit_code)) {
        return exit_code;
    }
    fl_arena arena;
    fl_buf out;
    fl_err err = {0};
    size_t count = 0;
    fl_arena_init(&arena, LINES_BYTES);
    fl_buf_init(&out, FL_CLI_OUTPUT_MAX);
    fl_status status =
        list(&arena, &given, operands.count > 0 ? operands.values[0] : NULL, &out, &count, &err);
    exit_code = fl_cli_finish(status, &out, &err);
    fl_arena_fini(&arena);
    return exit_code == 0 && count == 0 ? FL_EXIT_NOTHING_FOUND : exit_code;
}
