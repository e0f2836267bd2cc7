#include "cli/client_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/curl_int.h"

#define CONNECT_TIMEOUT_MS 3000L
#define TOTAL_TIMEOUT_MS   30000L

/* ---- Address */

static bool is_loopback_host(const char *host)
{
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "[::1]") == 0;
}

static bool copy_part(const fl_curl *lib, CURLU *url, CURLUPart part, unsigned flags, char *to,
                      size_t size)
{
    char *text = NULL;
    if (lib->url_get(url, part, &text, flags) != CURLUE_OK) {
        return false;
    }
    bool fits = strlen(text) < size;
    if (fits) {
        snprintf(to, size, "%s", text);
    }
    lib->free(text);
    return fits;
}

static bool parse_address(const fl_curl *lib, CURLU *url, const char *text, fl_server_address *out)
{
    char scheme[8];
    if (lib->url_set(url, CURLUPART_URL, text, CURLU_GUESS_SCHEME) != CURLUE_OK ||
        !copy_part(lib, url, CURLUPART_SCHEME, 0, scheme, sizeof scheme) ||
        strncmp(scheme, "http", 4) != 0) {
        return false;
    }
    if (lib->url_set(url, CURLUPART_QUERY, NULL, 0) != CURLUE_OK ||
        lib->url_set(url, CURLUPART_FRAGMENT, NULL, 0) != CURLUE_OK) {
        return false;
    }
    return copy_part(lib, url, CURLUPART_URL, 0, out->url, sizeof out->url) &&
           copy_part(lib, url, CURLUPART_HOST, 0, out->host, sizeof out->host) &&
           copy_part(lib, url, CURLUPART_PORT, CURLU_DEFAULT_PORT, out->port, sizeof out->port);
}

fl_status fl_server_resolve(const char *given, fl_server_address *out, fl_err *err)
{
    const char *from_environment = getenv("FLUORO_SERVER");
    const char *text = given != NULL                                           ? given
                       : from_environment != NULL && *from_environment != '\0' ? from_environment
                                                                               : FL_SERVER_DEFAULT;
    fl_server_address address = {.option = "--server"};
    fl_curl lib;
    FL_TRY(fl_curl_load(&lib, err));
    CURLU *url = lib.url();
    if (url == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    bool valid = parse_address(&lib, url, text, &address);
    lib.url_cleanup(url);
    if (!valid) {
        FL_FAIL(err, FL_E_INVALID, "`%.80s` is no server address; give one like %s", text,
                FL_SERVER_DEFAULT);
    }
    size_t n = strlen(address.url);
    while (n > 0 && address.url[n - 1] == '/') {
        address.url[--n] = '\0';
    }
    address.is_implied = given == NULL || strcmp(address.url, FL_SERVER_DEFAULT) == 0;
    address.is_loopback = is_loopback_host(address.host);
    *out = address;
    return FL_OK;
}

/* ---- Requests */

struct fl_client {
    fl_curl lib;
    CURL *curl;
    struct curl_slist *headers;
    fl_server_address address;
    long http_status; /* of the last answer */
};

static size_t take_answer(char *bytes, size_t size, size_t n, void *answer)
{
    fl_buf *out = answer;
    fl_buf_add(out, bytes, size * n);
    return out->status == FL_OK ? size * n : 0;
}

fl_status fl_client_new(const fl_server_address *address, fl_client **out, fl_err *err)
{
    fl_curl lib;
    FL_TRY(fl_curl_load(&lib, err));
    fl_client *client = calloc(1, sizeof *client);
    if (client == NULL || lib.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(client);
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    client->lib = lib;
    client->address = *address;
    client->curl = client->lib.easy_init();
    client->headers = client->lib.slist_append(NULL, "Content-Type: application/json");
    if (client->curl == NULL || client->headers == NULL) {
        fl_client_free(client);
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    client->lib.easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L);
    client->lib.easy_setopt(client->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    client->lib.easy_setopt(client->curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    client->lib.easy_setopt(client->curl, CURLOPT_TIMEOUT_MS, TOTAL_TIMEOUT_MS);
    client->lib.easy_setopt(client->curl, CURLOPT_HTTPHEADER, client->headers);
    client->lib.easy_setopt(client->curl, CURLOPT_USERAGENT, "fluoro/" FLUORO_VERSION);
    client->lib.easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, take_answer);
    if (address->is_loopback) { /* a proxy for the outer world cannot reach this machine */
        client->lib.easy_setopt(client->curl, CURLOPT_NOPROXY, "*");
    }
    *out = client;
    return FL_OK;
}

void fl_client_free(fl_client *client)
{
    if (client != NULL) {
        client->lib.slist_free_all(client->headers);
        client->lib.easy_cleanup(client->curl);
        client->lib.global_cleanup();
        free(client);
    }
}

/* Statuses by the exception's name, so that one table serves both ends of the wire. */
static fl_status status_of_error_name(fl_str name, fl_status otherwise)
{
    for (int i = 1; i < FL_STATUS_COUNT; i++) {
        if (fl_str_eq(name, fl_str_of(fl_status_of((fl_status)i)->error_name))) {
            return (fl_status)i;
        }
    }
    return otherwise;
}

fl_status fl_client_error_of(const fl_server_address *address, long http, fl_str body, fl_err *err)
{
    fl_arena arena;
    yyjson_val *root = NULL;
    fl_arena_init(&arena, (size_t)64 << 20);
    fl_str name = {0}, message = {0};
    if (fl_json_read(&arena, body, FL_JSON_REPAIR_UTF8, &root, NULL, NULL) == FL_OK) {
        name = fl_json_str(fl_json_get(root, FL_S("__type")));
        message = fl_json_str(fl_json_get(root, FL_S("message")));
    }
    fl_status status;
    if (name.p == NULL) {
        status = fl_err_set(
            err, FL_E_CORRUPT, __FILE__, __LINE__,
            "what answers at %s is no fluoro server (HTTP status %ld); name another with %s",
            address->url, http, address->option);
    } else {
        status = status_of_error_name(name, http >= 500 ? FL_E_IO : FL_E_INVALID);
        fl_err_set(err, status, __FILE__, __LINE__, "the server refused: %.*s (%.*s)%s",
                   (int)fl_str_clip(message, 140).n, message.p != NULL ? message.p : "",
                   FL_P(fl_str_clip(name, 40)),
                   fl_status_of(status)->retryable ? "; try again in a moment" : "");
    }
    fl_arena_fini(&arena);
    return status;
}

static fl_status transport_error(const fl_client *client, CURLcode code, const fl_buf *answer,
                                 fl_err *err)
{
    if (answer->status == FL_E_TOO_LARGE) {
        FL_FAIL(err, FL_E_TOO_LARGE,
                "the server's answer is larger than %zu MiB; ask for less at a time",
                answer->max_bytes >> 20);
    }
    if (code == CURLE_OUT_OF_MEMORY || answer->status != FL_OK) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST) {
        FL_FAIL(err, FL_E_UNREACHABLE,
                "no fluoro server answers at %s; start one with `fluoro serve`, or name another "
                "with %s",
                client->address.url, client->address.option);
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        FL_FAIL(err, FL_E_TIMEOUT,
                "the server at %s did not answer in time; see its log and /healthz",
                client->address.url);
    }
    FL_FAIL(err, FL_E_UNREACHABLE, "the connection to %s failed: %s", client->address.url,
            client->lib.easy_strerror(code));
}

fl_status fl_client_post(fl_client *client, const char *path, fl_str body, fl_buf *answer,
                         fl_err *err)
{
    char url[sizeof client->address.url + 64];
    int length = snprintf(url, sizeof url, "%s%s", client->address.url, path);
    if (length < 0 || (size_t)length >= sizeof url) {
        fl_bug("operation path too long");
    }
    fl_buf_reset(answer);
    client->http_status = 0;
    client->lib.easy_setopt(client->curl, CURLOPT_URL, url);
    client->lib.easy_setopt(client->curl, CURLOPT_POSTFIELDS, body.p);
    client->lib.easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
    client->lib.easy_setopt(client->curl, CURLOPT_WRITEDATA, answer);
    CURLcode code = client->lib.easy_perform(client->curl);
    if (code != CURLE_OK) {
        return transport_error(client, code, answer, err);
    }
    client->lib.easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &client->http_status);
    return client->http_status == 200
               ? FL_OK
               : fl_client_error_of(&client->address, client->http_status, fl_buf_str(answer), err);
}

long fl_client_http_status(const fl_client *client)
{
    return client->http_status;
}
