#include "cli/cli.h"

#include <stdio.h>

#include "cli/cli_int.h"
#include "cli/screen_int.h"

static void add_row(fl_buf *out, fl_str left, size_t left_columns, const char *right)
{
    fl_buf_fill(out, ' ', 2);
    fl_buf_add_str(out, left);
    fl_buf_fill(out, ' ', left.n < left_columns ? left_columns - left.n : 1);
    fl_buf_add_str(out, fl_str_of(right));
    fl_buf_add_byte(out, '\n');
}

static void add_overview(fl_buf *out)
{
    fl_buf_add_str(out, FL_S("fluoro: distributed tracing that speaks AWS X-Ray's interfaces\n\n"
                             "usage: fluoro COMMAND [OPTION...]\n\n"));
    for (size_t i = 0; i < fl_command_count; i++) {
        add_row(out, fl_str_of(fl_commands[i].name), 10, fl_commands[i].summary);
    }
    fl_buf_add_str(out, FL_S("\nStart with\n"
                             "  fluoro serve            in one terminal, and in another\n"
                             "  fluoro demo             some traffic\n"
                             "  fluoro traces           what came in\n"
                             "  fluoro trace latest     the newest trace\n\n"
                             "`fluoro help COMMAND` explains a command.\n"));
}

static const fl_status all_statuses[] = {
#define STATUS_CODE(code, text, name, http, exit, retry) code,
    FL_STATUS_TABLE(STATUS_CODE)
#undef STATUS_CODE
};

/* What ends with an exit code, in words. */
static void add_reasons(fl_buf *out, int exit_code)
{
    if (exit_code == FL_EXIT_NOTHING_FOUND) {
        fl_buf_add_str(out, FL_S("nothing found (traces), problems found (store verify)"));
    }
    for (size_t i = 0; i < sizeof all_statuses / sizeof all_statuses[0]; i++) {
        const fl_status_class *class = fl_status_of(all_statuses[i]);
        if (class->exit_code == exit_code) {
            fl_buf_add_str(out, out->n > 0 ? FL_S(", ") : FL_S(""));
            fl_buf_add_str(out, fl_str_of(class->text));
        }
    }
}

static void add_exit_codes(fl_buf *out)
{
    fl_screen screen = {.out = out};
    fl_buf reasons;
    fl_buf_init(&reasons, 4096);
    fl_buf_add_str(out, FL_S("Exit codes of fluoro:\n"));
    for (int exit_code = 0; exit_code <= UINT8_MAX; exit_code++) {
        fl_buf_reset(&reasons);
        add_reasons(&reasons, exit_code);
        fl_str rest = fl_buf_str(&reasons);
        for (bool first = true; rest.n > 0; first = false) {
            fl_str line = fl_screen_wrap(&screen, &rest, 74);
            fl_buf_fill(out, ' ', 2);
            if (first) {
                fl_buf_add_u64(out, (uint64_t)exit_code);
            }
            fl_buf_fill(out, ' ', first ? 2 : 3);
            fl_buf_add_str(out, line);
            fl_buf_add_byte(out, '\n');
        }
    }
    fl_buf_fini(&reasons);
    fl_buf_add_str(
        out, FL_S("\n`fluoro bedrock` has its own: 0 all well, 1 nothing converted, 2 converted "
                  "with\nerrors, 3 sending failed, 64 wrong usage.\n"));
}

static const fl_usage help_usage = {
    .name = "help",
    .operands = "[COMMAND | exit-codes]",
    .operands_max = 1,
    .about = "Explains a command, or the exit codes.\n",
    .examples = "",
};

static int help_of(const char *topic)
{
    for (size_t i = 0; i < fl_command_count; i++) {
        if (strcmp(topic, fl_commands[i].name) == 0) {
            char name[16], option[] = "--help";
            snprintf(name, sizeof name, "%s", topic);
            char *argv[] = {name, option, NULL};
            return fl_commands[i].run(2, argv);
        }
    }
    fl_err err = {0};
    return fl_cli_fail(&err,
                       fl_err_set(&err, FL_E_INVALID, __FILE__, __LINE__,
                                  "there is no command `%.40s`; `fluoro help` lists them", topic));
}

int fl_cli_help(int argc, char **argv)
{
    fl_operands operands;
    int exit_code;
    if (!fl_usage_read(&help_usage, argc, argv, NULL, &operands, &exit_code)) {
        return exit_code;
    }
    const char *topic = operands.count > 0 ? operands.values[0] : NULL;
    if (topic != NULL && strcmp(topic, "exit-codes") != 0) {
        return help_of(topic);
    }
    fl_buf out;
    fl_buf_init(&out, FL_CLI_OUTPUT_MAX);
    if (topic != NULL) {
        add_exit_codes(&out);
    } else {
        add_overview(&out);
    }
    return fl_cli_finish(FL_OK, &out, NULL);
}

static const fl_usage version_usage = {
    .name = "version",
    .operands = "",
    .about = "Prints the version.\n",
    .examples = "",
};

int fl_cli_version(int argc, char **argv)
{
    fl_operands operands;
    int exit_code;
    if (!fl_usage_read(&version_usage, argc, argv, NULL, &operands, &exit_code)) {
        return exit_code;
    }
    fl_buf out;
    fl_buf_init(&out, 4096);
    fl_buf_add_str(&out, FL_S("fluoro " FLUORO_VERSION "\n"));
    return fl_cli_finish(FL_OK, &out, NULL);
}
