/* `fluoro serve`: the server in the foreground until SIGINT or SIGTERM. Its options are the keys of
 * the server's configuration. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli_int.h"
#include "cli/options_int.h"
#include "server/server.h"

#define KEYS_MAX           32
#define CONFIG_ARENA_BYTES (1u << 20)
#define HELP_MAX           80

extern char **environ;

typedef struct serve_settings {
    const char *values[KEYS_MAX]; /* by index of the configuration's key */
    bool check_config;
} serve_settings;

/* Options and the text that their help needs. */
typedef struct serve_options {
    fl_option rows[KEYS_MAX + 1], seldom[KEYS_MAX];
    size_t count, seldom_count;
    char help[KEYS_MAX][HELP_MAX];
} serve_options;

static void make_options(serve_options *options)
{
    options->count = options->seldom_count = 0;
    size_t n = 0;
    for (const fl_config_key *key; (key = fl_server_config_key(n)) != NULL && n < KEYS_MAX; n++) {
        bool has_default = key->fallback[0] != '\0';
        (void)snprintf(options->help[n], HELP_MAX, has_default ? "%s [%s]" : "%s", key->help,
                       key->fallback);
        fl_option *row = key->seldom ? &options->seldom[options->seldom_count++]
                                     : &options->rows[options->count++];
        *row = (fl_option){.name = key->name,
                           .kind = FL_OPTION_TEXT,
                           .argument = key->argument,
                           .help = options->help[n],
                           .offset = offsetof(serve_settings, values) + n * sizeof(char *)};
    }
    options->rows[options->count++] = (fl_option){.name = "check-config",
                                                  .kind = FL_OPTION_FLAG,
                                                  .help = "check the configuration and end",
                                                  .offset = offsetof(serve_settings, check_config)};
}

static fl_status read_config(fl_arena *arena, const serve_settings *settings,
                             fl_server_config *config, fl_err *err)
{
    fl_setting given[KEYS_MAX];
    size_t count = 0;
    const fl_config_key *key;
    for (size_t i = 0; i < KEYS_MAX && (key = fl_server_config_key(i)) != NULL; i++) {
        if (settings->values[i] != NULL) {
            given[count++] = (fl_setting){fl_str_of(key->name), fl_str_of(settings->values[i])};
        }
    }
    return fl_server_config_read(arena, given, count, environ, config, err);
}

static void log_ready(fl_log *log, const fl_server *server, const fl_server_config *config,
                      int64_t started_ns)
{
    fl_server_addresses at = fl_server_addresses_get(server);
    FL_LOG(log, FL_LOG_INFO, "ready", fl_kv_str("listen", at.listen), fl_kv_str("udp", at.udp),
           fl_kv_str("data", config->data),
           fl_kv_i64("start_ms", (fl_clock_mono(fl_clock_system()) - started_ns) / FL_NS_PER_MS));
    if (at.segments_tcp.n > 0 || at.segments_socket.n > 0) {
        FL_LOG(log, FL_LOG_INFO, "segment streams", fl_kv_str("tcp", at.segments_tcp),
               fl_kv_str("socket", at.segments_socket));
    }
}

/* The signals are blocked in every thread and taken here, so that no handler has to be careful. */
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

static fl_status serve(const fl_server_config *config, fl_log *log, fl_err *err)
{
    sigset_t signals;
    block_signals(&signals);
    int64_t started_ns = fl_clock_mono(fl_clock_system());
    fl_server *server = NULL;
    FL_TRY(fl_server_start(config, log, &server, err));
    log_ready(log, server, config, started_ns);
    int signal_number = 0;
    sigwait(&signals, &signal_number);
    FL_LOG(log, FL_LOG_INFO, "stopping",
           fl_kv_text("signal", signal_number == SIGINT ? "SIGINT" : "SIGTERM"));
    /* A second signal ends it at once: what was acknowledged is safe anyway. */
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGTERM, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    fl_server_stop_and_free(server);
    FL_LOG(log, FL_LOG_INFO, "stopped", fl_kv_i64("pid", getpid()));
    return FL_OK;
}

static int run(const serve_settings *settings)
{
    fl_err err = {0};
    fl_server_config config;
    FL_AUTO(fl_arena) arena;
    fl_arena_init(&arena, CONFIG_ARENA_BYTES);
    fl_status status = read_config(&arena, settings, &config, &err);
    if (status != FL_OK) {
        return fl_cli_fail(&err, status);
    }
    if (settings->check_config) {
        (void)puts("the configuration is good");
        return 0;
    }
    fl_log *log = fl_log_new(STDERR_FILENO, config.log_level, config.log_format, fl_clock_system());
    status = serve(&config, log, &err);
    fl_log_free(log);
    return status == FL_OK ? 0 : fl_cli_fail(&err, status);
}

int fl_cli_serve(int argc, char **argv)
{
    serve_options options;
    make_options(&options);
    const fl_option_group seldom = {.title = "Options that few need",
                                    .options = options.seldom,
                                    .option_count = options.seldom_count};
    const fl_usage usage = {
        .name = "serve",
        .operands = "",
        .about = "Each option is also a variable (FLUORO_LISTEN) and a key of --config's file.\n",
        .examples = "",
        .options = options.rows,
        .option_count = options.count,
        .groups = &seldom,
        .group_count = 1};
    serve_settings settings = {0};
    fl_operands operands;
    int exit_code = 0;
    if (!fl_usage_read(&usage, argc, argv, &settings, &operands, &exit_code)) {
        return exit_code;
    }
    return run(&settings);
}
