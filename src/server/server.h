/*
 * server: one fluoro process's worth of everything: configuration, wiring, start, stop. A fl_server
 * holds all of it; two can run in one process.
 */
#ifndef FL_SERVER_H
#define FL_SERVER_H

#include "api/api.h"

/*
 * The configuration. Each key is one row of one table (config.c) with type, default, range and
 * help; command line (--listen), environment (FLUORO_LISTEN) and INI file (listen = …) use the same
 * names and come later-wins in the order file, environment, command line. Unknown keys are errors.
 */
typedef struct fl_server_config {
    fl_str listen, udp;
    fl_str segments_tcp, segments_socket; /* empty = off */
    fl_str otlp_http, otlp_grpc; /* reserved addresses: this version has no receiver there */
    fl_str store;
    fl_str data;
    uint64_t memory_bytes;
    int64_t retention_ns;    /* 0 = for ever */
    uint64_t disk_bytes;     /* 0 = no bound */
    int64_t query_time_ns;   /* 0 = no bound */
    uint64_t query_bytes;    /* 0 = no bound */
    uint64_t document_bytes; /* 0 = the profile's */
    int64_t threads;         /* loops; 0 = one a core */
    fl_durability durability;
    fl_profile limits;
    fl_log_level log_level;
    fl_log_format log_format;
    fl_str ready_file; /* empty = none */
    fl_str config;     /* the file that was read, empty = none */
} fl_server_config;

/* One row of the table, as help and documentation see it. */
typedef struct fl_config_key {
    const char *name;     /* with '-', as on the command line */
    const char *argument; /* ADDR (HOST:PORT), DIR, SIZE, … */
    const char *fallback; /* default as text */
    const char *help;     /* one line */
    bool seldom;          /* few need it: --help-all shows it */
} fl_config_key;
const fl_config_key *fl_server_config_key(size_t i); /* NULL behind the last */

/* A setting by name from the command line or a test; value is copied to arena. */
typedef struct fl_setting {
    fl_str name, value;
} fl_setting;

/*
 * Builds the configuration from defaults, the INI file (setting or FLUORO_CONFIG names it), the
 * environment (NULL-terminated `NAME=value` texts; NULL = none) and settings. Texts live in arena.
 * FL_E_CONFIG names key, place, value and what would be right; an address that is not loopback is
 * refused (there is no authentication yet).
 */
FL_MUST fl_status fl_server_config_read(fl_arena *arena, const fl_setting *settings, size_t count,
                                        char *const *environment, fl_server_config *out,
                                        fl_err *err);

typedef struct fl_server fl_server;

/* Starts all of it; when it returns the server answers. config's texts must live as long.
 * FL_E_CONFIG: an address is not loopback (there is no authentication yet) or in use; else as
 * fl_store_local_open. */
FL_MUST fl_status fl_server_start(const fl_server_config *config, fl_log *log, fl_server **out,
                                  fl_err *err);

/* Addresses that are bound, as text; the absent string for what is off. */
typedef struct fl_server_addresses {
    fl_str listen, udp, segments_tcp, segments_socket;
} fl_server_addresses;
fl_server_addresses fl_server_addresses_get(const fl_server *server);

/* Takes nothing new in, finishes what has begun (10 s at most for slow clients), syncs, frees. */
void fl_server_stop_and_free(fl_server *server);

#endif
