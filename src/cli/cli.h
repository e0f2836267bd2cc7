/*
 * cli: the `fluoro` command. One row of a table per subcommand, one file per subcommand; the help,
 * the dispatch and the guide are made from the tables.
 *
 * Exit codes: those of base/status.h's table, and 1 when a search found nothing or a check
 * found something (`fluoro help exit-codes`).
 */
#ifndef FL_CLI_H
#define FL_CLI_H

#include <stddef.h>

typedef struct fl_command {
    const char *name;
    const char *summary; /* a line of the overview */
    /* argv[0] is the subcommand's name; returns the exit code. Answers --help itself. */
    int (*run)(int argc, char **argv);
} fl_command;

extern const fl_command fl_commands[];
extern const size_t fl_command_count;

/* The whole program; returns the exit code. Call it once, from the only thread. */
int fl_cli_main(int argc, char **argv);

#endif
