/*
 * What the subcommands share: their entries, and the two ways out (standard output, an error line).
 */
#ifndef FL_CLI_INT_H
#define FL_CLI_INT_H

#include "base/base.h"

/* One entry per subcommand, in the file of its name. argv[0] is the subcommand. */
int fl_cli_serve(int argc, char **argv);
int fl_cli_demo(int argc, char **argv);
int fl_cli_traces(int argc, char **argv);
int fl_cli_trace(int argc, char **argv);
int fl_cli_bedrock(int argc, char **argv);
int fl_cli_genai(int argc, char **argv);
int fl_cli_store(int argc, char **argv);
int fl_cli_pin(int argc, char **argv);
int fl_cli_unpin(int argc, char **argv);
int fl_cli_env(int argc, char **argv);
int fl_cli_version(int argc, char **argv);
int fl_cli_help(int argc, char **argv);

/* A search without a result, or a check that found something: no failures, so no rows of the status
 * table. */
#define FL_EXIT_NOTHING_FOUND 1
#define FL_EXIT_PROBLEMS      1
#define FL_CLI_OUTPUT_MAX     ((size_t)256 << 20)

/* All of text to standard output. A reader that went away ends the program quietly, as SIGPIPE does
 * where it is not ignored. Errors: FL_E_IO. */
FL_MUST fl_status fl_cli_print(fl_str text, fl_err *err);

/* Prints what out holds, frees it, and gives the exit code: status' own, or the printing's. The
 * error line goes to standard error. */
int fl_cli_finish(fl_status status, fl_buf *out, const fl_err *err);

/* The body of a subcommand: it makes its output in memory of which all is freed at the end. */
typedef fl_status fl_cli_body_fn(void *user, fl_arena *arena, fl_buf *out, fl_err *err);
/* Runs the body with an arena of at most so many bytes, then prints as fl_cli_finish. */
int fl_cli_run(size_t arena_bytes, fl_cli_body_fn *body, void *user);

/* Writes `fluoro: <what went wrong and the remedy>` to standard error; returns the exit code. */
int fl_cli_fail(const fl_err *err, fl_status status);

/* The name among count that `word` was probably meant to be, NULL if none is near. name_of(names,
 * i) gives the i-th. */
const char *fl_cli_nearest(const char *word, const char *(*name_of)(const void *names, size_t i),
                           const void *names, size_t count);

#endif
