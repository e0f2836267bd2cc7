/*
 * The variables that point X-Ray SDKs, the AWS CLI and the AWS SDKs at a server, in a shell's
 * words.
 */
#ifndef FL_CLI_ENV_INT_H
#define FL_CLI_ENV_INT_H

#include "cli/client_int.h"

typedef enum fl_shell { FL_SHELL_SH, FL_SHELL_FISH, FL_SHELL_POWERSHELL } fl_shell;

/* What the caller's environment already has, and must keep. */
typedef struct fl_env_facts {
    bool has_region;
    bool has_credentials;
} fl_env_facts;

void fl_env_emit(const fl_server_address *address, fl_shell shell, const fl_env_facts *facts,
                 fl_buf *out);

#endif
