#include "cli/cli.h"

#include <errno.h>
#include <locale.h>
#include <unistd.h>

#include "cli/cli_int.h"
#include "cli/screen_int.h"

fl_status fl_cli_print(fl_str text, fl_err *err)
{
    size_t done = 0;
    while (done < text.n) {
        ssize_t n = write(STDOUT_FILENO, text.p + done, text.n - done);
        if (n >= 0) {
            done += (size_t)n;
        } else if (errno == EPIPE) {
            return FL_OK;
        } else if (errno != EINTR) {
            FL_FAIL(err, FL_E_IO, "cannot write to standard output: %s", strerror(errno));
        }
    }
    return FL_OK;
}

int fl_cli_fail(const fl_err *err, fl_status status)
{
    fl_buf line;
    fl_buf_init(&line, 4096);
    fl_screen screen = fl_screen_of(&(fl_common){.color = FL_COLOR_NEVER}, STDERR_FILENO, 0, &line);
    fl_str rest = fl_str_of(fl_err_text(err, status));
    fl_buf_add_str(&line, FL_S("fluoro: "));
    while (rest.p != NULL) {
        fl_screen_add(&screen, FL_STYLE_PLAIN, fl_str_cut(&rest, '\n'));
        fl_screen_newline(&screen);
    }
    /* Nobody is left to tell when even this fails. */
    ssize_t ignored = write(STDERR_FILENO, fl_buf_str(&line).p, line.n);
    (void)ignored;
    fl_buf_fini(&line);
    return fl_status_of(status)->exit_code;
}

int fl_cli_finish(fl_status status, fl_buf *out, const fl_err *err)
{
    fl_err own = {0};
    if (status == FL_OK) {
        err = &own;
        status = out->status != FL_OK ? out->status : fl_cli_print(fl_buf_str(out), &own);
    }
    fl_buf_fini(out);
    return status == FL_OK ? 0 : fl_cli_fail(err, status);
}

int fl_cli_run(size_t arena_bytes, fl_cli_body_fn *body, void *user)
{
    fl_arena arena;
    fl_buf out;
    fl_err err = {0};
    fl_arena_init(&arena, arena_bytes);
    fl_buf_init(&out, FL_CLI_OUTPUT_MAX);
    int exit_code = fl_cli_finish(body(user, &arena, &out, &err), &out, &err);
    fl_arena_fini(&arena);
    return exit_code;
}

static const char *command_name(const void *names, size_t i)
{
    return ((const fl_command *)names)[i].name;
}

static int unknown_command(const char *name)
{
    fl_err err = {0};
    const char *nearest = fl_cli_nearest(name, command_name, fl_commands, fl_command_count);
    fl_status status =
        nearest != NULL
            ? fl_err_set(&err, FL_E_INVALID, __FILE__, __LINE__,
                         "there is no command `%.40s`; did you mean `fluoro %s`?", name, nearest)
            : fl_err_set(&err, FL_E_INVALID, __FILE__, __LINE__,
                         "there is no command `%.40s`; `fluoro help` lists them", name);
    return fl_cli_fail(&err, status);
}

static bool is_one_of(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

int fl_cli_main(int argc, char **argv)
{
    (void)setlocale(LC_CTYPE, ""); /* only to learn the terminal's character set and widths */
    char help[] = "help";
    char *help_argv[] = {help, NULL};
    if (argc < 2 || is_one_of(argv[1], "--help", "-h")) {
        return fl_cli_help(1, help_argv);
    }
    if (is_one_of(argv[1], "--version", "-V")) {
        return fl_cli_version(1, help_argv);
    }
    for (size_t i = 0; i < fl_command_count; i++) {
        if (strcmp(argv[1], fl_commands[i].name) == 0) {
            return fl_commands[i].run(argc - 1, argv + 1);
        }
    }
    return unknown_command(argv[1]);
}
