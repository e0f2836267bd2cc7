/* fluoro trace: one trace as a waterfall. */
#include <unistd.h>

#include "cli/cli_int.h"
#include "cli/trace_load_int.h"
#include "cli/traces_int.h"
#include "cli/waterfall_int.h"

#define TRACE_BYTES   ((size_t)2 << 30)
#define PICTURE_WIDTH 100 /* where there is no terminal */

typedef struct settings {
    fl_common common;
    fl_waterfall_options picture;
} settings;

static const fl_option options[] = {
    {"critical", FL_OPTION_FLAG, NULL, "only what is on the critical path",
     offsetof(settings, picture.rows.critical_only), 0, 0, NULL},
    {"depth", FL_OPTION_NUMBER, "N", "levels below the root [all]",
     offsetof(settings, picture.rows.depth), 0, UINT32_MAX, NULL},
    {"max-rows", FL_OPTION_NUMBER, "N", "entries at most, 0 for all [500]",
     offsetof(settings, picture.max_rows), 0, UINT32_MAX, NULL},
    {"all", FL_OPTION_FLAG, NULL, "do not fold loops and siblings of one name",
     offsetof(settings, picture.rows.all), 0, 0, NULL},
    {"no-annotations", FL_OPTION_NO, NULL, "leave annotations out",
     offsetof(settings, picture.annotations), 0, 0, NULL},
    {"metadata", FL_OPTION_FLAG, NULL, "show metadata and all annotations",
     offsetof(settings, picture.metadata), 0, 0, NULL},
    FL_OPTION_JSON(settings, common, "the segment documents as a JSON array"),
    FL_OPTION_SERVER(settings, common),
    FL_OPTION_COLOR(settings, common),
    FL_OPTION_WIDTH(settings, common),
};

static const fl_usage usage = {
    .name = "trace",
    .operands = "ID",
    .operands_min = 1,
    .operands_max = 1,
    .about = "Shows a trace as a waterfall. ID is a trace id in X-Ray's or W3C's form, the\n"
             "beginning of one, or `latest`. Solid bars are the critical path: the time that\n"
             "the whole trace waited for. Of an agent run the failing step comes first, then\n"
             "calls, tokens and cost; rounds that repeat share a row.\n",
    .examples = "  fluoro trace latest\n"
                "  fluoro trace 1-67a1b2c0-0a1b2c3d4e5f60718293a4b5 --critical\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
};

static void emit_documents(const fl_trace_documents *documents, fl_buf *out)
{
    fl_buf_add_byte(out, '[');
    for (size_t i = 0; i < documents->count; i++) {
        fl_buf_add_str(out, i > 0 ? FL_S(",\n") : FL_S("\n"));
        fl_buf_add_str(out, documents->texts[i]);
    }
    fl_buf_add_str(out, FL_S("\n]\n"));
}

static fl_status draw(fl_arena *arena, const settings *given, fl_trace_id id,
                      const fl_trace_documents *documents, int64_t now_ns, fl_buf *out, fl_err *err)
{
    fl_waterfall_source source;
    FL_TRY(fl_trace_load(arena, id, documents, now_ns, &source, err));
    fl_screen screen = fl_screen_of(&given->common, STDOUT_FILENO, PICTURE_WIDTH, out);
    return fl_waterfall_draw(arena, &screen, &source, &given->picture, err);
}

typedef struct request {
    settings given;
    fl_operands operands;
} request;

static fl_status show(void *user, fl_arena *arena, fl_buf *out, fl_err *err)
{
    const settings *given = &((const request *)user)->given;
    const char *id_text = ((const request *)user)->operands.values[0];
    fl_server_address address;
    fl_client *client;
    fl_trace_id id;
    fl_trace_documents documents;
    int64_t now_ns = fl_clock_wall(fl_clock_system());
    FL_TRY(fl_server_resolve(given->common.server, &address, err));
    FL_TRY(fl_client_new(&address, &client, err));
    fl_status status = fl_trace_id_find(client, id_text, now_ns, &id, err);
    if (status == FL_OK) {
        status = fl_client_trace(client, arena, id, &documents, err);
    }
    fl_client_free(client);
    FL_TRY(status);
    if (given->common.json) {
        emit_documents(&documents, out);
        return FL_OK;
    }
    return draw(arena, given, id, &documents, now_ns, out, err);
}

int fl_cli_trace(int argc, char **argv)
{
    request asked = {
        .given = {
            .picture = {.rows = {.depth = UINT32_MAX}, .annotations = true, .max_rows = 500}}};
    int exit_code;
    if (!fl_usage_read(&usage, argc, argv, &asked.given, &asked.operands, &exit_code)) {
        return exit_code;
    }
    return fl_cli_run(TRACE_BYTES, show, &asked);
}
