/*
 * Options of a subcommand from one table: parsing (getopt_long), range checks and the --help
 * screen.
 */
#ifndef FL_CLI_OPTIONS_INT_H
#define FL_CLI_OPTIONS_INT_H

#include "base/base.h"

typedef enum fl_option_kind {
    FL_OPTION_FLAG,     /* bool, set to true */
    FL_OPTION_NO,       /* bool, set to false */
    FL_OPTION_TEXT,     /* const char *, borrows from argv */
    FL_OPTION_TEXTS,    /* fl_texts: each time it is given */
    FL_OPTION_OPTIONAL, /* const char *; "" when it is given without a value */
    FL_OPTION_NUMBER,   /* uint64_t between min and max */
    FL_OPTION_DECIMAL,  /* double between min and max */
    FL_OPTION_SECONDS,  /* int64_t nanoseconds; min and max are seconds */
    FL_OPTION_CHOICE,   /* unsigned: index into choices */
} fl_option_kind;

/* Values of an option that may be repeated. */
#define FL_TEXTS_MAX 64
typedef struct fl_texts {
    const char *items[FL_TEXTS_MAX]; /* borrow from argv */
    size_t count;
} fl_texts;

typedef struct fl_option {
    const char *name;
    fl_option_kind kind;
    const char *argument; /* as --help shows it; NULL for flags */
    const char *help;     /* at most 52 columns, so that the screen stays within 80 */
    size_t offset;        /* of the member in the subcommand's settings */
    uint64_t min, max;
    const char *const *choices; /* ends with NULL */
} fl_option;

/* Options that few need; --help-all shows them below a title. */
typedef struct fl_option_group {
    const char *title;
    const fl_option *options;
    size_t option_count;
} fl_option_group;

typedef struct fl_usage {
    const char *name;     /* of the subcommand */
    const char *operands; /* "[FILTER]"; "" for none */
    int operands_min, operands_max;
    const char *about;    /* whole lines */
    const char *examples; /* whole lines, may be "" */
    const fl_option *options;
    size_t option_count;
    const fl_option_group *groups; /* further options; with them there is --help-all */
    size_t group_count;
    const char *notes; /* whole lines at the end of --help-all; may be NULL */
    /* Is the word behind an option of kind OPTIONAL its value? NULL: only what `=` joins to it. */
    bool (*takes)(const fl_option *option, const char *word);
    int wrong_usage_exit; /* exit code of wrong arguments; 0: that of their status */
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

typedef enum fl_help { FL_HELP_NONE, FL_HELP_USUAL, FL_HELP_ALL } fl_help;

/* The same without printing. *help is set instead of anything else being checked. Errors:
 * FL_E_INVALID. */
FL_MUST fl_status fl_usage_parse(const fl_usage *usage, int argc, char **argv, void *settings,
                                 fl_operands *operands, fl_help *help, fl_err *err);

/* The screen of --help, or of --help-all. */
void fl_usage_help(const fl_usage *usage, fl_help help, fl_buf *out);

/* Says what is wrong with the arguments beyond what the table knows; returns the exit code. */
int fl_usage_fail(const fl_usage *usage, const fl_err *err, fl_status status);

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
