/* fluoro env: exports for eval. */
#include "cli/env_int.h"

#include <stdlib.h>
#include <unistd.h>

#include "cli/cli_int.h"
#include "cli/options_int.h"

typedef struct settings {
    fl_common common;
    unsigned shell; /* fl_shell */
} settings;

static const char *const shell_names[] = {"sh", "fish", "powershell", NULL};

static const fl_option options[] = {
    {"shell", FL_OPTION_CHOICE, "NAME", "sh (bash, zsh, …), fish or powershell [sh]",
     offsetof(settings, shell), 0, 0, shell_names},
    FL_OPTION_SERVER(settings, common),
};

static const fl_usage usage = {
    .name = "env",
    .operands = "",
    .about = "Prints the variables that point X-Ray SDKs, the AWS CLI and boto3 at a server.\n"
             "A region and credentials that are set already stay as they are.\n",
    .examples = "  eval \"$(fluoro env)\"\n"
                "  fluoro env --shell fish | source\n"
                "  fluoro env --shell powershell | Out-String | Invoke-Expression\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
};

/* In single quotes, as each shell wants a quote inside of them. */
static void add_quoted(fl_buf *out, fl_shell shell, const char *value)
{
    static const char *const quotes[] = {"'\\''", "\\'", "''"};
    fl_buf_add_byte(out, '\'');
    for (; *value != '\0'; value++) {
        if (*value == '\'') {
            fl_buf_add_str(out, fl_str_of(quotes[shell]));
        } else if (*value == '\\' && shell == FL_SHELL_FISH) {
            fl_buf_add_str(out, FL_S("\\\\"));
        } else {
            fl_buf_add_byte(out, *value);
        }
    }
    fl_buf_add_byte(out, '\'');
}

static void add_variable(fl_buf *out, fl_shell shell, const char *name, const char *value)
{
    static const struct {
        const char *before, *between, *after;
    } forms[] = {{"export ", "=", "\n"}, {"set -gx ", " ", "\n"}, {"$env:", " = ", "\n"}};
    fl_buf_add_str(out, fl_str_of(forms[shell].before));
    fl_buf_add_str(out, fl_str_of(name));
    fl_buf_add_str(out, fl_str_of(forms[shell].between));
    add_quoted(out, shell, value);
    fl_buf_add_str(out, fl_str_of(forms[shell].after));
}

void fl_env_emit(const fl_server_address *address, fl_shell shell, const fl_env_facts *facts,
                 fl_buf *out)
{
    char daemon[sizeof address->host + sizeof address->port + 1];
    snprintf(daemon, sizeof daemon, "%s:%s", address->host, address->port);
    fl_buf_add_str(
        out,
        FL_S("# X-Ray SDKs send segments here (UDP) and ask here for sampling rules (TCP).\n"));
    add_variable(out, shell, "AWS_XRAY_DAEMON_ADDRESS", daemon);
    fl_buf_add_str(
        out, FL_S("# The AWS CLI, boto3 and the other AWS SDKs ask here when they mean X-Ray.\n"));
    add_variable(out, shell, "AWS_ENDPOINT_URL_XRAY", address->url);
    if (!facts->has_region) {
        fl_buf_add_str(out, FL_S("# AWS clients want a region; any will do.\n"));
        add_variable(out, shell, "AWS_REGION", "us-east-1");
        add_variable(out, shell, "AWS_DEFAULT_REGION", "us-east-1");
    }
    if (!facts->has_credentials) {
        fl_buf_add_str(
            out,
            FL_S("# AWS clients want credentials to sign with; fluoro does not check these.\n"));
        add_variable(out, shell, "AWS_ACCESS_KEY_ID", "fluoro");
        add_variable(out, shell, "AWS_SECRET_ACCESS_KEY", "fluoro");
    }
}

static bool any_is_set(const char *const *names)
{
    for (; *names != NULL; names++) {
        const char *value = getenv(*names);
        if (value != NULL && *value != '\0') {
            return true;
        }
    }
    return false;
}

static bool home_has(const char *name)
{
    char path[4096];
    const char *home = getenv("HOME");
    int length = home != NULL ? snprintf(path, sizeof path, "%s/.aws/%s", home, name) : -1;
    return length > 0 && (size_t)length < sizeof path && access(path, F_OK) == 0;
}

/* Placeholders in the environment would hide a profile that the user has for other AWS calls. */
static fl_env_facts facts_of_environment(void)
{
    static const char *const regions[] = {"AWS_REGION", "AWS_DEFAULT_REGION", NULL};
    static const char *const credentials[] = {"AWS_ACCESS_KEY_ID",
                                              "AWS_PROFILE",
                                              "AWS_DEFAULT_PROFILE",
                                              "AWS_SHARED_CREDENTIALS_FILE",
                                              "AWS_CONFIG_FILE",
                                              "AWS_WEB_IDENTITY_TOKEN_FILE",
                                              "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                              "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                              NULL};
    return (fl_env_facts){
        .has_region = any_is_set(regions),
        .has_credentials = any_is_set(credentials) || home_has("credentials") || home_has("config"),
    };
}

int fl_cli_env(int argc, char **argv)
{
    settings given = {0};
    fl_operands operands;
    int exit_code;
    if (!fl_usage_read(&usage, argc, argv, &given, &operands, &exit_code)) {
        return exit_code;
    }
    fl_buf out;
    fl_err err = {0};
    fl_server_address address;
    fl_buf_init(&out, 65536);
    fl_status status = fl_server_resolve(given.common.server, &address, &err);
    if (status == FL_OK) {
        fl_env_facts facts = facts_of_environment();
        fl_env_emit(&address, (fl_shell)given.shell, &facts, &out);
    }
    return fl_cli_finish(status, &out, &err);
}
