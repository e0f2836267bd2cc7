/* The configuration's table and its three sources. */
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

#include "server/server.h"

#define KEY_MAX 64

typedef enum key_kind {
    KEY_TEXT,
    KEY_BYTES,    /* uint64_t */
    KEY_DURATION, /* int64_t nanoseconds */
    KEY_COUNT,    /* int64_t */
    KEY_CHOICE,   /* int-sized enum */
} key_kind;

typedef struct config_key {
    fl_config_key shown;
    key_kind kind;
    size_t offset;
    uint64_t low, high;         /* of numbers */
    const char *const *choices; /* NULL-terminated, in the order of the enum */
} config_key;

static const char *const durability_choices[] = {"commit", "relaxed", NULL};
static const char *const limits_choices[] = {"open", "aws", NULL};
static const char *const level_choices[] = {"error", "warn", "info", "debug", NULL};
static const char *const format_choices[] = {"text", "json", NULL};

#define AT(member) offsetof(fl_server_config, member)
#define MIB        (UINT64_C(1) << 20)

static const config_key keys[] = {
    {{"listen", "ADDR", "127.0.0.1:2000", "API, /metrics and /healthz (TCP)", false},
     KEY_TEXT,
     AT(listen),
     0,
     0,
     NULL},
    {{"udp", "ADDR", "127.0.0.1:2000", "X-Ray daemon protocol (UDP)", false},
     KEY_TEXT,
     AT(udp),
     0,
     0,
     NULL},
    {{"segments-tcp", "ADDR", "", "stream of documents of any size (TCP)", false},
     KEY_TEXT,
     AT(segments_tcp),
     0,
     0,
     NULL},
    {{"segments-socket", "FILE", "", "the same on a unix socket", false},
     KEY_TEXT,
     AT(segments_socket),
     0,
     0,
     NULL},
    {{"otlp-http", "ADDR", "", "reserved for OTLP; nothing listens there yet", true},
     KEY_TEXT,
     AT(otlp_http),
     0,
     0,
     NULL},
    {{"otlp-grpc", "ADDR", "", "reserved for OTLP; nothing listens there yet", true},
     KEY_TEXT,
     AT(otlp_grpc),
     0,
     0,
     NULL},
    {{"data", "DIR", "", "where traces are kept [~/.local/share/fluoro]", false},
     KEY_TEXT,
     AT(data),
     0,
     0,
     NULL},
    {{"store", "ENGINE", "local", "where segments go; this version has local only", true},
     KEY_TEXT,
     AT(store),
     0,
     0,
     NULL},
    {{"memory", "SIZE", "512M", "for rows, queues, bodies and queries", false},
     KEY_BYTES,
     AT(memory_bytes),
     16 * MIB,
     MIB << 20,
     NULL},
    {{"retention", "TIME", "30d", "how long traces are kept; 0 = for ever", false},
     KEY_DURATION,
     AT(retention_ns),
     0,
     INT64_MAX,
     NULL},
    {{"disk-budget", "SIZE", "0", "oldest traces go beyond it; 0 = no bound", false},
     KEY_BYTES,
     AT(disk_bytes),
     0,
     UINT64_MAX,
     NULL},
    {{"query-time", "TIME", "10s", "a scan then ends with what it found; 0 = no bound", false},
     KEY_DURATION,
     AT(query_time_ns),
     0,
     INT64_MAX,
     NULL},
    {{"query-bytes", "SIZE", "1G", "a scan reads no more than that; 0 = no bound", false},
     KEY_BYTES,
     AT(query_bytes),
     0,
     UINT64_MAX,
     NULL},
    {{"durability", "MODE", "commit", "commit: sync, then answer; relaxed: sync later", false},
     KEY_CHOICE,
     AT(durability),
     0,
     0,
     durability_choices},
    {{"limits", "MODE", "open", "open, or aws: refuse what AWS refuses", false},
     KEY_CHOICE,
     AT(limits),
     0,
     0,
     limits_choices},
    {{"document-limit", "SIZE", "0", "largest segment document; 0 = the profile's", true},
     KEY_BYTES,
     AT(document_bytes),
     0,
     16 * MIB,
     NULL},
    {{"threads", "N", "0", "event loops; 0 = one a core", true},
     KEY_COUNT,
     AT(threads),
     0,
     64,
     NULL},
    {{"log-level", "LEVEL", "info", "error, warn, info or debug", false},
     KEY_CHOICE,
     AT(log_level),
     0,
     0,
     level_choices},
    {{"log-format", "FORM", "text", "form of log lines: text or json", false},
     KEY_CHOICE,
     AT(log_format),
     0,
     0,
     format_choices},
    {{"ready-file", "FILE", "", "written once the server answers, as JSON", false},
     KEY_TEXT,
     AT(ready_file),
     0,
     0,
     NULL},
    {{"config", "FILE", "", "INI file with these keys", false}, KEY_TEXT, AT(config), 0, 0, NULL},
};
#define KEY_ROWS (sizeof keys / sizeof keys[0])

const fl_config_key *fl_server_config_key(size_t i)
{
    return i < KEY_ROWS ? &keys[i].shown : NULL;
}

/* `-` and `_` are the same, so that one name serves flags, environment and file. */
static bool name_is(fl_str name, const char *key_name)
{
    size_t n = strlen(key_name);
    if (name.n != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        char c = name.p[i] == '_' ? '-' : name.p[i];
        c = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        if (c != key_name[i]) {
            return false;
        }
    }
    return true;
}

static const config_key *find_key(fl_str name)
{
    for (size_t i = 0; i < KEY_ROWS; i++) {
        if (name_is(name, keys[i].shown.name)) {
            return &keys[i];
        }
    }
    return NULL;
}

/* ---- One value */

/* Where a value comes from, for messages. */
typedef struct source {
    const char *what; /* "--listen", "FLUORO_LISTEN", "fluoro.ini line 3" */
} source;

static fl_status bad_value(const config_key *key, source from, fl_str value, fl_err *err)
{
    FL_FAIL(err, FL_E_CONFIG, "%s: \"%.*s\" is no %s for %s", from.what, FL_P(value),
            key->shown.argument, key->shown.name);
}

static fl_status set_choice(const config_key *key, source from, fl_str value, void *to, fl_err *err)
{
    for (int i = 0; key->choices[i] != NULL; i++) {
        if (fl_str_eq(value, fl_str_of(key->choices[i]))) {
            *(int *)to = i;
            return FL_OK;
        }
    }
    return bad_value(key, from, value, err);
}

static fl_status set_number(const config_key *key, source from, fl_str value, void *to, fl_err *err)
{
    uint64_t number = 0;
    int64_t ns = 0;
    bool ok = key->kind == KEY_DURATION ? fl_str_to_duration_ns(value, &ns)
              : key->kind == KEY_BYTES  ? fl_str_to_bytes(value, &number)
                                        : fl_str_to_u64(value, &number);
    if (key->kind == KEY_DURATION) {
        ok = ok && ns >= 0;
        number = (uint64_t)ns;
    }
    if (!ok) {
        return bad_value(key, from, value, err);
    }
    if (number < key->low || number > key->high) {
        FL_FAIL(err, FL_E_CONFIG, "%s: %.*s is out of range for %s (%llu to %llu)", from.what,
                FL_P(value), key->shown.name, (unsigned long long)key->low,
                (unsigned long long)key->high);
    }
    if (key->kind == KEY_BYTES) {
        *(uint64_t *)to = number;
    } else {
        *(int64_t *)to = (int64_t)number;
    }
    return FL_OK;
}

static fl_status set(fl_arena *arena, const config_key *key, source from, fl_str value,
                     fl_server_config *config, fl_err *err)
{
    void *to = (char *)config + key->offset;
    if (key->kind == KEY_CHOICE) {
        return set_choice(key, from, value, to, err);
    }
    if (key->kind != KEY_TEXT) {
        return set_number(key, from, value, to, err);
    }
    char *copy = fl_str_zdup(arena, value);
    if (copy == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for the configuration");
    }
    *(fl_str *)to = (fl_str){copy, value.n};
    return FL_OK;
}

/* ---- The INI file */

typedef struct ini_target {
    fl_arena *arena;
    fl_server_config *config;
    const char *path;
    fl_status status;
    fl_err *err;
} ini_target;

static int on_ini_pair(void *user, const char *section, const char *name, const char *value)
{
    ini_target *reader = user;
    char what[256];
    snprintf(what, sizeof what, "%s: %s", reader->path, name);
    const config_key *key = find_key(fl_str_of(name));
    if (section[0] != '\0' || key == NULL || key->offset == AT(config)) {
        reader->status = fl_err_set(reader->err, FL_E_CONFIG, __FILE__, __LINE__,
                                    "%s%s%s is no key of fluoro's configuration; `fluoro serve "
                                    "--help-all` lists them",
                                    what, section[0] != '\0' ? " in section " : "", section);
    } else {
        reader->status =
            set(reader->arena, key, (source){what}, fl_str_of(value), reader->config, reader->err);
    }
    return reader->status == FL_OK;
}

static fl_status read_ini(fl_arena *arena, const char *path, fl_server_config *config, fl_err *err)
{
    ini_target reader = {arena, config, path, FL_OK, err};
    int result = ini_parse(path, on_ini_pair, &reader);
    if (reader.status != FL_OK) {
        return reader.status;
    }
    if (result < 0) {
        FL_FAIL(err, FL_E_CONFIG, "cannot read configuration file %s: %s", path, strerror(errno));
    }
    if (result > 0) {
        FL_FAIL(err, FL_E_CONFIG, "%s line %d: not of the form key = value", path, result);
    }
    return FL_OK;
}

/* ---- The environment */

static fl_str in_environment(char *const *environment, const char *key_name)
{
    for (; environment != NULL && *environment != NULL; environment++) {
        fl_str value = fl_str_of(*environment);
        fl_str name = fl_str_cut(&value, '=');
        if (value.p != NULL && fl_str_starts(name, FL_S("FLUORO_")) &&
            name_is((fl_str){name.p + 7, name.n - 7}, key_name)) {
            return value;
        }
    }
    return (fl_str){0};
}

static fl_status read_environment(fl_arena *arena, char *const *environment,
                                  fl_server_config *config, fl_err *err)
{
    for (size_t i = 0; i < KEY_ROWS; i++) {
        fl_str value = in_environment(environment, keys[i].shown.name);
        if (value.p != NULL) {
            char what[KEY_MAX + 32];
            snprintf(what, sizeof what, "environment variable for %s", keys[i].shown.name);
            FL_TRY(set(arena, &keys[i], (source){what}, value, config, err));
        }
    }
    return FL_OK;
}

/* ---- All together */

static fl_status read_settings(fl_arena *arena, const fl_setting *settings, size_t count,
                               fl_server_config *config, fl_err *err)
{
    for (size_t i = 0; i < count; i++) {
        char what[KEY_MAX + 4];
        snprintf(what, sizeof what, "--%.*s",
                 (int)(settings[i].name.n > KEY_MAX ? KEY_MAX : settings[i].name.n),
                 settings[i].name.p);
        const config_key *key = find_key(settings[i].name);
        if (key == NULL) {
            FL_FAIL(err, FL_E_CONFIG, "%s is no key of fluoro's configuration", what);
        }
        FL_TRY(set(arena, key, (source){what}, settings[i].value, config, err));
    }
    return FL_OK;
}

static fl_status set_defaults(fl_arena *arena, fl_server_config *config, fl_err *err)
{
    *config = (fl_server_config){0};
    for (size_t i = 0; i < KEY_ROWS; i++) {
        FL_TRY(set(arena, &keys[i], (source){"default"}, fl_str_of(keys[i].shown.fallback), config,
                   err));
    }
    return FL_OK;
}

/* $XDG_DATA_HOME/fluoro, ~/.local/share/fluoro, or /var/lib/fluoro for a service without a home. */
static fl_status default_data_dir(fl_arena *arena, char *const *environment,
                                  fl_server_config *config, fl_err *err)
{
    const char *base = "/var/lib", *inner = "/fluoro";
    for (; environment != NULL && *environment != NULL; environment++) {
        fl_str value = fl_str_of(*environment);
        fl_str name = fl_str_cut(&value, '=');
        if (fl_str_eq(name, FL_S("XDG_DATA_HOME")) && value.n > 0) {
            base = value.p;
            inner = "/fluoro";
            break;
        }
        if (fl_str_eq(name, FL_S("HOME")) && value.n > 0) {
            base = value.p;
            inner = "/.local/share/fluoro";
        }
    }
    size_t n = strlen(base) + strlen(inner);
    char *path = fl_arena_alloc(arena, n + 1);
    if (path == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for the configuration");
    }
    snprintf(path, n + 1, "%s%s", base, inner);
    config->data = (fl_str){path, n};
    return FL_OK;
}

static fl_str config_file_of(const fl_setting *settings, size_t count, char *const *environment)
{
    for (size_t i = count; i > 0; i--) {
        if (name_is(settings[i - 1].name, "config")) {
            return settings[i - 1].value;
        }
    }
    return in_environment(environment, "config");
}

static fl_status check_address(const char *key, fl_str text, fl_err *err)
{
    struct sockaddr_storage addr;
    fl_err inner = {0};
    if (text.n == 0) {
        return FL_OK; /* off */
    }
    fl_status status = fl_addr_parse(text, &addr, &inner);
    if (status != FL_OK) {
        FL_FAIL(err, FL_E_CONFIG, "--%s %.*s: %s", key, FL_P(text), fl_err_text(&inner, status));
    }
    if (!fl_addr_is_loopback(&addr)) {
        FL_FAIL(err, FL_E_CONFIG,
                "--%s %.*s is reachable from elsewhere, and this version has no authentication: "
                "listen on loopback (127.0.0.1, [::1]), behind a proxy that authenticates",
                key, FL_P(text));
    }
    return FL_OK;
}

static fl_status check(const fl_server_config *config, fl_err *err)
{
    const struct {
        const char *key;
        fl_str address;
    } addresses[] = {{"listen", config->listen},
                     {"udp", config->udp},
                     {"segments-tcp", config->segments_tcp},
                     {"otlp-http", config->otlp_http},
                     {"otlp-grpc", config->otlp_grpc}};
    if (!fl_str_eq(config->store, FL_S("local"))) {
        FL_FAIL(err, FL_E_CONFIG, "--store %.*s: this version has the store \"local\" only",
                FL_P(config->store));
    }
    if (config->listen.n == 0) {
        FL_FAIL(err, FL_E_CONFIG, "--listen needs HOST:PORT; port 0 picks a free one");
    }
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        FL_TRY(check_address(addresses[i].key, addresses[i].address, err));
    }
    if (config->segments_socket.n >= sizeof((struct sockaddr_un *)NULL)->sun_path) {
        FL_FAIL(err, FL_E_CONFIG, "--segments-socket: the path is longer than %zu bytes",
                sizeof((struct sockaddr_un *)NULL)->sun_path - 1);
    }
    return FL_OK;
}

fl_status fl_server_config_read(fl_arena *arena, const fl_setting *settings, size_t count,
                                char *const *environment, fl_server_config *out, fl_err *err)
{
    fl_server_config config;
    FL_TRY(set_defaults(arena, &config, err));
    fl_str file = config_file_of(settings, count, environment);
    if (file.n > 0) {
        char *path = fl_str_zdup(arena, file);
        if (path == NULL) {
            FL_FAIL(err, FL_E_NOMEM, "no memory for the configuration");
        }
        FL_TRY(read_ini(arena, path, &config, err));
    }
    FL_TRY(read_environment(arena, environment, &config, err));
    FL_TRY(read_settings(arena, settings, count, &config, err));
    if (config.data.n == 0) {
        FL_TRY(default_data_dir(arena, environment, &config, err));
    }
    FL_TRY(check(&config, err));
    *out = config;
    return FL_OK;
}
