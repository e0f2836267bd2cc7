/* fluoro pin, fluoro unpin: traces that neither age nor the disk budget removes. Two words for the
 * two directions, as people say it; the list stands with `pin`. */
#include <limits.h>
#include <stdio.h>

#include "cli/cli_int.h"
#include "cli/step_int.h"
#include "cli/traces_int.h"

#define IDS_A_CALL  1000 /* as many as the server takes */
#define ANSWER_MAX  ((size_t)16 << 20)
#define REQUEST_MAX ((size_t)1 << 20)

typedef struct settings {
    fl_common common;
    bool list;
} settings;

static const fl_option pin_options[] = {
    {"list", FL_OPTION_FLAG, NULL, "the ids of all pinned traces, one a line",
     offsetof(settings, list), 0, 0, NULL},
    FL_OPTION_JSON(settings, common, "the server's answer; of several calls one a line"),
    FL_OPTION_SERVER(settings, common),
};

static const fl_usage pin_usage = {
    .name = "pin",
    .operands = "ID... | --list",
    .operands_max = INT_MAX,
    .about = "Pins traces: neither --retention nor --disk-budget of the server removes them.\n"
             "An ID is a trace id, the beginning of one, or `latest`. A whole id may also be\n"
             "of a trace that is still to come. `fluoro unpin` lets go of them.\n",
    .examples = "  fluoro pin latest\n"
                "  fluoro pin --list\n",
    .options = pin_options,
    .option_count = sizeof pin_options / sizeof pin_options[0],
};

static const fl_option unpin_options[] = {
    FL_OPTION_JSON(settings, common, "the server's answer; of several calls one a line"),
    FL_OPTION_SERVER(settings, common),
};

static const fl_usage unpin_usage = {
    .name = "unpin",
    .operands = "ID...",
    .operands_min = 1,
    .operands_max = INT_MAX,
    .about = "Lets go of pinned traces: from now on they go with the others of their age.\n"
             "`fluoro pin --list` lists what is pinned.\n",
    .examples = "  fluoro unpin 1-67a1b2c0-0a1b2c3d4e5f60718293a4b5\n"
                "  fluoro pin --list | xargs fluoro unpin\n",
    .options = unpin_options,
    .option_count = sizeof unpin_options / sizeof unpin_options[0],
};

/* ---- Changing */

static fl_status find_ids(fl_client *client, fl_arena *arena, const fl_operands *operands,
                          fl_trace_id **out, fl_err *err)
{
    int64_t now_ns = fl_clock_wall(fl_clock_system());
    fl_trace_id *ids = FL_ARENA_ARRAY(arena, fl_trace_id, (size_t)operands->count);
    if (ids == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    for (int i = 0; i < operands->count; i++) {
        FL_TRY(fl_trace_id_find(client, operands->values[i], now_ns, &ids[i], err));
    }
    *out = ids;
    return FL_OK;
}

static void write_request(const fl_trace_id *ids, size_t count, bool pinned, fl_buf *body)
{
    fl_buf id;
    fl_jw w = fl_jw_of(body);
    fl_buf_init(&id, FL_TRACE_ID_TEXT_MAX + 1);
    fl_jw_open(&w, '{');
    fl_jw_key(&w, FL_S("TraceIds"));
    fl_jw_open(&w, '[');
    for (size_t i = 0; i < count; i++) {
        fl_buf_reset(&id);
        fl_trace_id_emit(ids[i], &id);
        fl_jw_str(&w, fl_buf_str(&id));
    }
    fl_jw_close(&w, ']');
    fl_jw_key_bool(&w, FL_S("Pinned"), pinned);
    fl_jw_close(&w, '}');
    fl_buf_fini(&id);
}

/* One call; the answer, and how many it changed. */
static fl_status change_some(fl_client *client, fl_arena *arena, const fl_trace_id *ids,
                             size_t count, bool pinned, fl_buf *answer, int64_t *changed,
                             fl_err *err)
{
    fl_buf body;
    yyjson_val *root;
    fl_buf_init(&body, REQUEST_MAX);
    write_request(ids, count, pinned, &body);
    fl_status status = fl_client_post(client, "/fluoro/pins", fl_buf_str(&body), answer, err);
    fl_buf_fini(&body);
    FL_TRY(status);
    if (fl_json_read(arena, fl_buf_str(answer), FL_JSON_REPAIR_UTF8, &root, NULL, NULL) != FL_OK ||
        !fl_json_i64(fl_json_number(fl_json_get(root, FL_S("Changed"))), changed)) {
        FL_FAIL(err, FL_E_CORRUPT, "the server's answer holds no Changed; is it a fluoro server?");
    }
    return FL_OK;
}

static void write_sum(size_t given, uint64_t changed, bool pinned, fl_buf *out)
{
    fl_buf_add_str(out, pinned ? FL_S("Pinned ") : FL_S("Let go of "));
    fl_count_text(changed, out);
    fl_buf_add_str(out, changed == 1 ? FL_S(" trace") : FL_S(" traces"));
    if (changed < given) {
        fl_buf_add_str(out, FL_S("; "));
        fl_count_text(given - changed, out);
        fl_buf_add_str(out, given - changed == 1 ? FL_S(" was ") : FL_S(" were "));
        fl_buf_add_str(out, pinned ? FL_S("pinned before") : FL_S("not pinned"));
    }
    fl_buf_add_str(out, FL_S(".\n"));
}

static fl_status change(fl_client *client, fl_arena *arena, const settings *given,
                        const fl_operands *operands, bool pinned, fl_buf *out, fl_err *err)
{
    fl_trace_id *ids;
    fl_buf answer;
    uint64_t changed = 0;
    fl_status status = FL_OK;
    size_t count = (size_t)operands->count;
    FL_TRY(find_ids(client, arena, operands, &ids, err));
    fl_buf_init(&answer, ANSWER_MAX);
    for (size_t at = 0; at < count && status == FL_OK; at += IDS_A_CALL) {
        int64_t some = 0;
        size_t n = count - at < IDS_A_CALL ? count - at : IDS_A_CALL;
        status = change_some(client, arena, ids + at, n, pinned, &answer, &some, err);
        changed += some > 0 ? (uint64_t)some : 0;
        if (status == FL_OK && given->common.json) {
            fl_buf_add_str(out, fl_buf_str(&answer));
            fl_buf_add_byte(out, '\n');
        }
    }
    fl_buf_fini(&answer);
    FL_TRY(status);
    if (!given->common.json) {
        write_sum(count, changed, pinned, out);
    }
    return FL_OK;
}

/* ---- Listing */

static fl_status write_list(fl_arena *arena, fl_str answer, bool json, const char *url, fl_buf *out,
                            fl_err *err)
{
    yyjson_val *root, *id;
    size_t i, n;
    FL_TRY(fl_json_read(arena, answer, FL_JSON_REPAIR_UTF8, &root, NULL, err));
    yyjson_val *ids = fl_json_get(root, FL_S("TraceIds"));
    if (!yyjson_is_arr(ids)) {
        FL_FAIL(err, FL_E_CORRUPT, "the server's answer holds no TraceIds; is it a fluoro server?");
    }
    if (json) {
        fl_buf_add_str(out, answer);
        fl_buf_add_byte(out, '\n');
        return FL_OK;
    }
    if (yyjson_arr_size(ids) == 0) { /* to standard error: who reads a list gets an empty one */
        (void)fprintf(stderr, "fluoro: no trace is pinned at %s\n", url);
    }
    yyjson_arr_foreach(ids, i, n, id)
    {
        fl_buf_add_str(out, fl_json_str(id));
        fl_buf_add_byte(out, '\n');
    }
    return FL_OK;
}

static fl_status list(fl_client *client, fl_arena *arena, const settings *given, const char *url,
                      fl_buf *out, fl_err *err)
{
    fl_buf answer;
    fl_buf_init(&answer, ANSWER_MAX);
    fl_status status = fl_client_post(client, "/fluoro/pins/list", FL_S("{}"), &answer, err);
    if (status == FL_OK) {
        status = write_list(arena, fl_buf_str(&answer), given->common.json, url, out, err);
    }
    fl_buf_fini(&answer);
    return status;
}

/* ---- The commands */

static fl_status run(const settings *given, const fl_operands *operands, bool pinned, fl_buf *out,
                     fl_err *err)
{
    fl_server_address address;
    fl_client *client;
    fl_arena arena;
    FL_TRY(fl_server_resolve(given->common.server, &address, err));
    FL_TRY(fl_client_new(&address, &client, err));
    fl_arena_init(&arena, FL_CLI_OUTPUT_MAX);
    fl_status status = given->list ? list(client, &arena, given, address.url, out, err)
                                   : change(client, &arena, given, operands, pinned, out, err);
    fl_arena_fini(&arena);
    fl_client_free(client);
    return status;
}

static fl_status check(const settings *given, const fl_operands *operands, fl_err *err)
{
    if (given->list && operands->count > 0) {
        FL_FAIL(err, FL_E_INVALID, "--list goes without ids; `fluoro pin --help` shows how");
    }
    if (!given->list && operands->count == 0) {
        FL_FAIL(err, FL_E_INVALID,
                "`fluoro pin` needs ids, or --list; `fluoro pin --help` shows "
                "how");
    }
    return FL_OK;
}

static int command(const fl_usage *usage, int argc, char **argv, bool pinned)
{
    settings given = {0};
    fl_operands operands;
    fl_buf out;
    fl_err err = {0};
    int exit_code;
    if (!fl_usage_read(usage, argc, argv, &given, &operands, &exit_code)) {
        return exit_code;
    }
    fl_buf_init(&out, FL_CLI_OUTPUT_MAX);
    fl_status status = check(&given, &operands, &err);
    if (status == FL_OK) {
        status = run(&given, &operands, pinned, &out, &err);
    }
    bool nothing = status == FL_OK && out.n == 0;
    exit_code = fl_cli_finish(status, &out, &err);
    return exit_code == 0 && nothing ? FL_EXIT_NOTHING_FOUND : exit_code;
}

int fl_cli_pin(int argc, char **argv)
{
    return command(&pin_usage, argc, argv, true);
}

int fl_cli_unpin(int argc, char **argv)
{
    return command(&unpin_usage, argc, argv, false);
}
