#include "cli/options_int.h"

#include <getopt.h>
#include <stdio.h>

#include "cli/cli_int.h"

#define OPTIONS_MAX 32
#define HELP_CODE                                                                                  \
    OPTIONS_MAX /* what getopt_long returns for --help; below it, the option's index */

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
    case FL_OPTION_NUMBER:
        return set_number(option, text, member, err);
    case FL_OPTION_CHOICE:
        return set_choice(option, text, member, err);
    }
    fl_bug("option of an unknown kind");
}

static const char *option_name(const void *names, size_t i)
{
    return ((const fl_option *)names)[i].name;
}

static fl_status unknown_option(const fl_usage *usage, const char *word, fl_err *err)
{
    char name[40];
    snprintf(name, sizeof name, "%s", word + strspn(word, "-"));
    name[strcspn(name, "=")] = '\0';
    const char *nearest = fl_cli_nearest(name, option_name, usage->options, usage->option_count);
    if (nearest != NULL) {
        FL_FAIL(err, FL_E_INVALID, "`fluoro %s` has no option --%s; did you mean --%s?",
                usage->name, name, nearest);
    }
    FL_FAIL(err, FL_E_INVALID, "`fluoro %s` has no option --%s; `fluoro %s --help` lists them",
            usage->name, name, usage->name);
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

static void getopt_table(const fl_usage *usage, struct option *table)
{
    size_t n = 0;
    for (; n < usage->option_count; n++) {
        bool flag =
            usage->options[n].kind == FL_OPTION_FLAG || usage->options[n].kind == FL_OPTION_NO;
        table[n] = (struct option){usage->options[n].name, flag ? no_argument : required_argument,
                                   NULL, (int)n};
    }
    table[n++] = (struct option){"help", no_argument, NULL, HELP_CODE};
    table[n] = (struct option){0};
}

fl_status fl_usage_parse(const fl_usage *usage, int argc, char **argv, void *settings,
                         fl_operands *operands, bool *help, fl_err *err)
{
    struct option table[OPTIONS_MAX + 2];
    if (usage->option_count > OPTIONS_MAX) {
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
        if (code == HELP_CODE || code == 'h') {
            *help = true;
            return FL_OK;
        }
        if (code == ':') {
            FL_FAIL(err, FL_E_INVALID, "%.40s needs a value; `fluoro %s --help` shows how",
                    argv[optind - 1], usage->name);
        }
        if (code == '?') {
            return unknown_option(usage, argv[optind - 1], err);
        }
        FL_TRY(set_option(&usage->options[code], optarg, settings, err));
    }
    *help = false;
    *operands = (fl_operands){argc - optind, argv + optind};
    return check_operands(usage, operands, err);
}

#define HELP_LEFT_COLUMNS 24

void fl_usage_help(const fl_usage *usage, fl_buf *out)
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
    for (size_t i = 0; i < usage->option_count; i++) {
        const fl_option *option = &usage->options[i];
        size_t begin = out->n;
        fl_buf_add_str(out, FL_S("  --"));
        fl_buf_add_str(out, fl_str_of(option->name));
        if (option->argument != NULL) {
            fl_buf_add_byte(out, ' ');
            fl_buf_add_str(out, fl_str_of(option->argument));
        }
        size_t columns = out->n - begin;
        fl_buf_fill(out, ' ', columns < HELP_LEFT_COLUMNS ? HELP_LEFT_COLUMNS - columns : 1);
        fl_buf_add_str(out, fl_str_of(option->help));
        fl_buf_add_byte(out, '\n');
    }
    if (*usage->examples != '\0') {
        fl_buf_add_byte(out, '\n');
        fl_buf_add_str(out, fl_str_of(usage->examples));
    }
}

bool fl_usage_read(const fl_usage *usage, int argc, char **argv, void *settings,
                   fl_operands *operands, int *exit_code)
{
    fl_err err = {0};
    bool help = false;
    fl_status status = fl_usage_parse(usage, argc, argv, settings, operands, &help, &err);
    if (status != FL_OK) {
        *exit_code = fl_cli_fail(&err, status);
        return false;
    }
    if (help) {
        fl_buf out;
        fl_buf_init(&out, FL_CLI_OUTPUT_MAX);
        fl_usage_help(usage, &out);
        *exit_code = fl_cli_finish(FL_OK, &out, NULL);
        return false;
    }
    return true;
}
