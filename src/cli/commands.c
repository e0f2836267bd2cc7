#include "cli/cli.h"
#include "cli/cli_int.h"

const fl_command fl_commands[] = {
    {"serve", "run the server: X-Ray API, daemon port, store", fl_cli_serve},
    {"demo", "send realistic traffic of a web shop to a server", fl_cli_demo},
    {"traces", "list traces, newest first", fl_cli_traces},
    {"trace", "show one trace as a waterfall", fl_cli_trace},
    {"bedrock", "make segments of runs of Amazon Bedrock agents", fl_cli_bedrock},
    {"genai", "report tokens, cost and latency of models and tools", fl_cli_genai},
    {"pin", "keep traces beyond age and disk budget", fl_cli_pin},
    {"unpin", "let go of pinned traces", fl_cli_unpin},
    {"store", "inspect, verify or dump a data directory", fl_cli_store},
    {"env", "print the variables that point X-Ray programs here", fl_cli_env},
    {"version", "print the version", fl_cli_version},
    {"help", "explain a command, or the exit codes", fl_cli_help},
};
const size_t fl_command_count = sizeof fl_commands / sizeof fl_commands[0];
