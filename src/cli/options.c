#include "cli/options_int.h"

#include <getopt.h>
#include <stdio.h>

#include "cli/cli_int.h"
#include "codec/codec.h"

#define OPTIONS_MAX 48

/* What getopt_long returns: an option's index below these. */
enum { CODE_HELP = OPTIONS_MAX, CODE_HELP_ALL };

const char *const fl_color_names[] = {"auto", "always", "never", NULL};

static void *member_of(const fl_option *option, void *settings)
{
    return (char *)settings + option->offset;
}

static fl_status set_number(const fl_option *option, const char *text, uint64_t *out, fl_err *err)
{
    uint64_t value;
    if (!fl_str_to_u64(fl_str_of(text), &value) || value < option->min || value > option->max) {
        FL_FAIL(err, FL_E_INVALID, "--%s takes a whole number from %llu to %llu, not `%.40s`",
                option->name, (unsigned long long)option->min, (unsigned long long)option->max,
                text);
    }
    *out = value;
    return FL_OK;
}

/* A decimal number without sign; a zero before the point may be left out. */
static bool read_decimal(const char *text, int64_t *billionths, double *number)
{
    char digits[48];
    int n = snprintf(digits, sizeof digits, "%s%s", *text == '.' ? "0" : "", text);
    if (n < 0 || (size_t)n >= sizeof digits || !fl_json_ns(fl_str_of(digits), billionths)) {
        return false;
    }
    *number = fl_json_double(fl_str_of(digits));
    return true;
}

static fl_status check_decimal(const fl_option *option, const char *text, int64_t *billionths,
                               double *number, fl_err *err)
{
    if (!read_decimal(text, billionths, number) || *number < (double)option->min ||
        *number > (double)option->max) {
        FL_FAIL(err, FL_E_INVALID, "--%s takes a number from %llu to %llu, not `%.40s`",
                option->name, (unsigned long long)option->min, (unsigned long long)option->max,
                text);
    }
    return FL_OK;
}

static fl_status set_decimal(const fl_option *option, const char *text, double *out, fl_err *err)
{
    int64_t billionths;
    double number;
    FL_TRY(check_decimal(option, text, &billionths, &number, err));
    *out = number;
    return FL_OK;
}

static fl_status set_seconds(const fl_option *option, const char *text, int64_t *out, fl_err *err)
{
    int64_t ns;
    double number;
    FL_TRY(check_decimal(option, text, &ns, &number, err));
    *out = ns;
    return FL_OK;
}

static fl_status add_text(const fl_option *option, const char *text, fl_texts *out, fl_err *err)
{
    if (out->count == FL_TEXTS_MAX) {
        FL_FAIL(err, FL_E_INVALID, "--%s may be given %d times at most", option->name,
                FL_TEXTS_MAX);
    }
    out->items[out->count++] = text;
    return FL_OK;
}

static fl_status set_choice(const fl_option *option, const char *text, unsigned *out, fl_err *err)
{
    fl_buf names;
    fl_buf_init(&names, 200);
    for (unsigned i = 0; option->choices[i] != NULL; i++) {
        if (strcmp(option->choices[i], text) == 0) {
            *out = i;
            fl_buf_fini(&names);
            return FL_OK;
        }
        fl_buf_add_str(&names, i == 0                           ? FL_S("")
                               : option->choices[i + 1] != NULL ? FL_S(", ")
                                                                : FL_S(" or "));
        fl_buf_add_str(&names, fl_str_of(option->choices[i]));
    }
    fl_status status =
        fl_err_set(err, FL_E_INVALID, __FILE__, __LINE__, "--%s takes %.*s, not `%.40s`",
                   option->name, FL_P(fl_buf_str(&names)), text);
    fl_buf_fini(&names);
    return status;
}

static fl_status set_option(const fl_option *option, const char *text, void *settings, fl_err *err)
{
    void *member = member_of(option, settings);
    switch (option->kind) {
    case FL_OPTION_FLAG:
        *(bool *)member = true;
        return FL_OK;
    case FL_OPTION_NO:
        *(bool *)member = false;
        return FL_OK;
    case FL_OPTION_TEXT:
        *(const char **)member = text;
        return FL_OK;
    case FL_OPTION_TEXTS:
        return add_text(option, text, member, err);
    case FL_OPTION_OPTIONAL:
        *(const char **)member = text != NULL ? text : "";
        return FL_OK;
    case FL_OPTION_NUMBER:
        return set_number(option, text, member, err);
    case FL_OPTION_DECIMAL:
        return set_decimal(option, text, member, err);
    case FL_OPTION_SECONDS:
        return set_seconds(option, text, member, err);
    case FL_OPTION_CHOICE:
        return set_choice(option, text, member, err);
    }
    fl_bug("option of an unknown kind");
}

static size_t count_options(const fl_usage *usage)
{
    size_t count = usage->option_count;
    for (size_t i = 0; i < usage->group_count; i++) {
        count += usage->groups[i].option_count;
    }
    return count;
}

/* The i-th option of all groups. */
static const fl_option *option_at(const fl_usage *usage, size_t i)
{
    if (i < usage->option_count) {
        return &usage->options[i];
    }
    i -= usage->option_count;
    const fl_option_group *group = usage->groups;
    for (; i >= group->option_count; group++) {
        i -= group->option_count;
    }
    return &group->options[i];
}

static const char *option_name(const void *usage, size_t i)
{
    return option_at(usage, i)->name;
}

static fl_status unknown_option(const fl_usage *usage, const char *word, fl_err *err)
{
    char name[40];
    snprintf(name, sizeof name, "%s", word + strspn(word, "-"));
    name[strcspn(name, "=")] = '\0';
    const char *nearest = fl_cli_nearest(name, option_name, usage, count_options(usage));
    if (nearest != NULL) {
        FL_FAIL(err, FL_E_INVALID, "`fluoro %s` has no option --%s; did you mean --%s?",
                usage->name, name, nearest);
    }
    FL_FAIL(err, FL_E_INVALID, "`fluoro %s` has no option --%s; `fluoro %s --help%s` lists them",
            usage->name, name, usage->name, usage->group_count > 0 ? "-all" : "");
}

static fl_status check_operands(const fl_usage *usage, const fl_operands *operands, fl_err *err)
{
    if (operands->count < usage->operands_min) {
        FL_FAIL(err, FL_E_INVALID, "`fluoro %s` needs %s; `fluoro %s --help` shows how",
                usage->name, usage->operands, usage->name);
    }
    if (operands->count > usage->operands_max) {
        FL_FAIL(err, FL_E_INVALID,
                "`fluoro %s` does not know what to do with `%.40s`; `fluoro %s --help` shows how",
                usage->name, operands->values[usage->operands_max], usage->name);
    }
    return FL_OK;
}

static int argument_of(const fl_option *option)
{
    switch (option->kind) {
    case FL_OPTION_FLAG:
    case FL_OPTION_NO:
        return no_argument;
    case FL_OPTION_OPTIONAL:
        return optional_argument;
    default:
        return required_argument;
    }
}

static void getopt_table(const fl_usage *usage, struct option *table)
{
    size_t n = 0;
    for (size_t count = count_options(usage); n < count; n++) {
        const fl_option *option = option_at(usage, n);
        table[n] = (struct option){option->name, argument_of(option), NULL, (int)n};
    }
    table[n++] = (struct option){"help", no_argument, NULL, CODE_HELP};
    if (usage->group_count > 0) {
        table[n++] = (struct option){"help-all", no_argument, NULL, CODE_HELP_ALL};
    }
    table[n] = (struct option){0};
}

/* The value of the option that getopt_long found: what it saw, else the next word if the option
 * wants it. */
static const char *value_of(const fl_usage *usage, const fl_option *option, int argc, char **argv)
{
    bool may_follow = option->kind == FL_OPTION_OPTIONAL && optarg == NULL && optind < argc;
    if (may_follow && usage->takes != NULL && usage->takes(option, argv[optind])) {
        return argv[optind++];
    }
    return optarg;
}

fl_status fl_usage_parse(const fl_usage *usage, int argc, char **argv, void *settings,
                         fl_operands *operands, fl_help *help, fl_err *err)
{
    struct option table[OPTIONS_MAX + 3];
    if (count_options(usage) > OPTIONS_MAX) {
        fl_bug("too many options");
    }
    getopt_table(usage, table);
    optind = 0; /* begin anew, also in a second call */
    opterr = 0;
    for (;;) {
        int code = getopt_long(argc, argv, ":h", table, NULL);
        if (code == -1) {
            break;
        }
        if (code == CODE_HELP || code == CODE_HELP_ALL || code == 'h') {
            *help = code == CODE_HELP_ALL ? FL_HELP_ALL : FL_HELP_USUAL;
            return FL_OK;
        }
        if (code == ':') {
            FL_FAIL(err, FL_E_INVALID, "%.40s needs a value; `fluoro %s --help` shows how",
                    argv[optind - 1], usage->name);
        }
        if (code == '?') {
            return unknown_option(usage, argv[optind - 1], err);
        }
        const fl_option *option = option_at(usage, (size_t)code);
        FL_TRY(set_option(option, value_of(usage, option, argc, argv), settings, err));
    }
    *help = FL_HELP_NONE;
    *operands = (fl_operands){argc - optind, argv + optind};
    return check_operands(usage, operands, err);
}

/* ---- The help screens */

#define LEFT_COLUMNS     24
#define LEFT_COLUMNS_MAX 28

/* Columns of "  --name ARGUMENT". */
static size_t left_columns_of(const fl_option *option)
{
    return 4 + strlen(option->name) + (option->argument != NULL ? 1 + strlen(option->argument) : 0);
}

/* Where the explanations of --help-all begin. */
static size_t left_columns_of_all(const fl_usage *usage)
{
    size_t columns = LEFT_COLUMNS;
    for (size_t i = 0, count = count_options(usage); i < count; i++) {
        size_t needed = left_columns_of(option_at(usage, i)) + 2;
        columns = needed > columns && needed <= LEFT_COLUMNS_MAX ? needed : columns;
    }
    return columns;
}

static void add_row(fl_buf *out, size_t left, const char *name, const char *argument,
                    const char *help)
{
    size_t begin = out->n;
    fl_buf_add_str(out, FL_S("  --"));
    fl_buf_add_str(out, fl_str_of(name));
    if (argument != NULL) {
        fl_buf_add_byte(out, ' ');
        fl_buf_add_str(out, fl_str_of(argument));
    }
    size_t columns = out->n - begin;
    fl_buf_fill(out, ' ', columns < left ? left - columns : 1);
    fl_buf_add_str(out, fl_str_of(help));
    fl_buf_add_byte(out, '\n');
}

static void add_rows(fl_buf *out, size_t left, const fl_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add_row(out, left, options[i].name, options[i].argument, options[i].help);
    }
}

static void add_groups(const fl_usage *usage, size_t left, fl_buf *out)
{
    for (size_t i = 0; i < usage->group_count; i++) {
        fl_buf_add_byte(out, '\n');
        fl_buf_add_str(out, fl_str_of(usage->groups[i].title));
        fl_buf_add_byte(out, '\n');
        add_rows(out, left, usage->groups[i].options, usage->groups[i].option_count);
    }
}

static void add_lines(fl_buf *out, const char *lines)
{
    if (lines != NULL && *lines != '\0') {
        fl_buf_add_byte(out, '\n');
        fl_buf_add_str(out, fl_str_of(lines));
    }
}

void fl_usage_help(const fl_usage *usage, fl_help help, fl_buf *out)
{
    fl_buf_add_str(out, FL_S("usage: fluoro "));
    fl_buf_add_str(out, fl_str_of(usage->name));
    fl_buf_add_str(out, usage->option_count > 0 ? FL_S(" [OPTION...]") : FL_S(""));
    fl_buf_add_str(out, *usage->operands != '\0' ? FL_S(" ") : FL_S(""));
    fl_buf_add_str(out, fl_str_of(usage->operands));
    fl_buf_add_str(out, FL_S("\n\n"));
    fl_buf_add_str(out, fl_str_of(usage->about));
    if (usage->option_count > 0) {
        fl_buf_add_byte(out, '\n');
    }
    bool all = help == FL_HELP_ALL;
    size_t left = all ? left_columns_of_all(usage) : LEFT_COLUMNS;
    add_rows(out, left, usage->options, usage->option_count);
    if (all) {
        add_groups(usage, left, out);
    } else if (usage->group_count > 0) {
        add_row(out, left, "help-all", NULL, "all options");
    }
    add_lines(out, usage->examples);
    if (all) {
        add_lines(out, usage->notes);
    }
}

int fl_usage_fail(const fl_usage *usage, const fl_err *err, fl_status status)
{
    int exit_code = fl_cli_fail(err, status);
    return usage->wrong_usage_exit != 0 ? usage->wrong_usage_exit : exit_code;
}

bool fl_usage_read(const fl_usage *usage, int argc, char **argv, void *settings,
                   fl_operands *operands, int *exit_code)
{
    fl_err err = {0};
    fl_help help = FL_HELP_NONE;
    fl_status status = fl_usage_parse(usage, argc, argv, settings, operands, &help, &err);
    if (status != FL_OK) {
        *exit_code = fl_usage_fail(usage, &err, status);
        return false;
    }
    if (help != FL_HELP_NONE) {
        fl_buf out;
        fl_buf_init(&out, FL_CLI_OUTPUT_MAX);
        fl_usage_help(usage, help, &out);
        *exit_code = fl_cli_finish(FL_OK, &out, NULL);
        return false;
    }
    return true;
}
