/* fluoro store: looks at the files that traces are kept in, without a server or beside one. */
#include "cli/store_int.h"

#include <stdio.h>
#include <time.h>

#include "cli/cli_int.h"

static const fl_usage store_usage = {
    .name = "store",
    .operands = "inspect | verify | dump [OPTION...]",
    .operands_min = 1,
    .operands_max = 1,
    .about = "Looks at a data directory. Nothing in it is changed: it may belong to a server\n"
             "that runs.\n"
             "  inspect   its parts and log files, and what each column takes\n"
             "  verify    reads everything and checks it\n"
             "  dump      the documents of all traces, or of some, as JSON lines\n"
             "`fluoro store inspect --help` shows the options of the first, and so on.\n",
    .examples = "  fluoro store inspect --columns\n"
                "  fluoro store verify --data /var/lib/fluoro\n"
                "  fluoro store dump --since 1h > traces.jsonl\n",
};

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"inspect", fl_cli_store_inspect},
    {"verify", fl_cli_store_verify},
    {"dump", fl_cli_store_dump},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static const char *command_name(const void *names, size_t i)
{
    (void)names;
    return commands[i].name;
}

int fl_cli_store(int argc, char **argv)
{
    fl_operands operands;
    int exit_code;
    for (size_t i = 0; argc > 1 && i < COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    if (!fl_usage_read(&store_usage, argc, argv, NULL, &operands, &exit_code)) {
        return exit_code;
    }
    fl_err err = {0};
    const char *word = operands.values[0];
    const char *nearest = fl_cli_nearest(word, command_name, NULL, COMMANDS);
    return fl_cli_fail(
        &err, nearest != NULL
                  ? fl_err_set(&err, FL_E_INVALID, __FILE__, __LINE__,
                               "there is no `fluoro store %.40s`; did you mean `fluoro store %s`?",
                               word, nearest)
                  : fl_err_set(&err, FL_E_INVALID, __FILE__, __LINE__,
                               "there is no `fluoro store %.40s`; there are inspect, verify, dump",
                               word));
}

/* ---- Texts */

void fl_bytes_text(uint64_t bytes, fl_buf *out)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB", "EB"};
    size_t unit = 0;
    uint64_t scale = 1;
    while (bytes / scale >= 1000) {
        scale *= 1000;
        unit++;
    }
    double value = (double)bytes / (double)scale;
    /* 999.6 would be shown as 1,000 of its unit */
    if (unit > 0 && value >= 999.5 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1000;
        unit++;
    }
    int decimals = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    fl_buf_add_double(out, value, decimals);
    fl_buf_add_byte(out, ' ');
    fl_buf_add_str(out, fl_str_of(bytes == 1 ? "byte" : units[unit]));
}

void fl_part_text(const fl_data_part *part, fl_buf *out)
{
    time_t seconds = (time_t)(part->day_ns / FL_NS_PER_S);
    struct tm day = {0};
    char text[80];
    (void)gmtime_r(&seconds, &day);
    snprintf(text, sizeof text, "%04d%02d%02d-%llx-%llx-%u", day.tm_year + 1900, day.tm_mon + 1,
             day.tm_mday, (unsigned long long)part->low, (unsigned long long)part->high,
             part->level);
    fl_buf_add_str(out, fl_str_of(text));
}

bool fl_part_is_meant(const fl_data_part *part, const char *word)
{
    const char *slash = strrchr(word, '/');
    fl_str name = fl_str_of(slash != NULL ? slash + 1 : word);
    fl_buf text;
    fl_buf_init(&text, 256);
    fl_part_text(part, &text);
    bool is_meant = fl_str_eq(name, part->name) || fl_str_eq(name, fl_buf_str(&text));
    fl_buf_fini(&text);
    return is_meant;
}

void fl_text_without_path(const char *text, const char *path, fl_buf *out)
{
    static const char of[] = " of ";
    const char *at = strstr(text, path);
    if (at == NULL || *path == '\0') {
        fl_buf_add_str(out, fl_str_of(text));
        return;
    }
    size_t before = (size_t)(at - text);
    const char *behind = at + strlen(path);
    if (before >= sizeof of - 1 && memcmp(at - (sizeof of - 1), of, sizeof of - 1) == 0) {
        before -= sizeof of - 1;
    }
    if (before == 0) {
        behind += strspn(behind, ":, ");
    }
    fl_buf_add(out, text, before);
    fl_buf_add_str(out, fl_str_of(behind));
}
