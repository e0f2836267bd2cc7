/*
 * Options of a subcommand from one table: parsing (getopt_long), range checks and the --help
 * screen.
 */
#ifndef FL_CLI_OPTIONS_INT_H
#define FL_CLI_OPTIONS_INT_H

#include "base/base.h"

typedef enum fl_option_kind {
    FL_OPTION_FLAG,   /* bool, set to true */
    FL_OPTION_NO,     /* bool, set to false */
    FL_OPTION_TEXT,   /* const char *, borrows from argv */
    FL_OPTION_NUMBER, /* uint64_t between min and max */
    FL_OPTION_CHOICE, /* unsigned: index into choices */
} fl_option_kind;

typedef struct fl_option {
    const char *name;
    fl_option_kind kind;
    const char *argument; /* as --help shows it; NULL for flags */
    const char *help;     /* at most 52 columns, so that the screen stays within 80 */
    size_t offset;        /* of the member in the subcommand's settings */
    uint64_t min, max;
    const char *const *choices; /* ends with NULL */
} fl_option;

typedef struct fl_usage {
    const char *name;     /* of the subcommand */
    const char *operands; /* "[FILTER]"; "" for none */
    int operands_min, operands_max;
    const char *about;    /* whole lines */
    const char *examples; /* whole lines, may be "" */
    const fl_option *options;
    size_t option_count;
} fl_usage;

typedef struct fl_operands {
    int count;
    char **values; /* borrows argv */
} fl_operands;

/*
 * Reads argv into settings, which holds the defaults. False when the subcommand is over: --help was
 * printed, or the arguments are wrong and standard error says how; *exit_code is set then.
 */
FL_MUST bool fl_usage_read(const fl_usage *usage, int argc, char **argv, void *settings,
                           fl_operands *operands, int *exit_code);

/* The same without printing. *help is set instead of anything else being checked. Errors:
 * FL_E_INVALID. */
FL_MUST fl_status fl_usage_parse(const fl_usage *usage, int argc, char **argv, void *settings,
                                 fl_operands *operands, bool *help, fl_err *err);

/* The --help screen. */
void fl_usage_help(const fl_usage *usage, fl_buf *out);

/* ---- What every subcommand that talks to a server or prints a picture takes. */

typedef enum fl_color_choice { FL_COLOR_AUTO, FL_COLOR_ALWAYS, FL_COLOR_NEVER } fl_color_choice;
extern const char *const fl_color_names[];

typedef struct fl_common {
    const char *server; /* NULL: FLUORO_SERVER, else the default */
    bool json;
    unsigned color; /* fl_color_choice */
    uint64_t width; /* 0: the terminal's */
} fl_common;

#define FL_WIDTH_MIN 60
#define FL_WIDTH_MAX 500

#define FL_OPTION_SERVER(type, member)                                                             \
    {                                                                                              \
        .name = "server", .kind = FL_OPTION_TEXT, .argument = "URL",                               \
        .help = "fluoro server [FLUORO_SERVER or 127.0.0.1:2000]",                                 \
        .offset = offsetof(type, member.server)                                                    \
    }
#define FL_OPTION_JSON(type, member, text)                                                         \
    {                                                                                              \
        .name = "json", .kind = FL_OPTION_FLAG, .help = text,                                      \
        .offset = offsetof(type, member.json)                                                      \
    }
#define FL_OPTION_COLOR(type, member)                                                              \
    {                                                                                              \
        .name = "color", .kind = FL_OPTION_CHOICE, .argument = "WHEN",                             \
        .help = "auto, always or never; NO_COLOR is honoured [auto]",                              \
        .offset = offsetof(type, member.color), .choices = fl_color_names                          \
    }
#define FL_OPTION_WIDTH(type, member)                                                              \
    {                                                                                              \
        .name = "width", .kind = FL_OPTION_NUMBER, .argument = "N",                                \
        .help = "columns [the terminal's, else 100]", .offset = offsetof(type, member.width),      \
        .min = FL_WIDTH_MIN, .max = FL_WIDTH_MAX                                                   \
    }

#endif
