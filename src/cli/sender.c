#include "cli/sender_int.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DAEMON_HEADER      FL_S("{\"format\": \"json\", \"version\": 1}\n")
#define DATAGRAM_BYTES_MAX 65507
#define BURST_BYTES        ((size_t)64 << 10) /* a third of the usual receive buffer */
#define BURST_DATAGRAMS    32
#define BURST_PAUSE_NS     (5 * FL_NS_PER_MS)
#define BATCH_DOCUMENTS    50
#define BATCH_BODY_BYTES   ((size_t)1 << 20)
#define DOCUMENTS_BYTES    ((size_t)8 << 20) /* of a batch; one document may be larger than 1 MiB */
#define TRIES              5
#define FIRST_PAUSE_NS     (500 * FL_NS_PER_MS)

/* Documents that one call takes. */
typedef struct batch {
    uint64_t ids[BATCH_DOCUMENTS];
    fl_str documents[BATCH_DOCUMENTS];
    size_t count;
} batch;

struct fl_sender {
    int socket; /* -1 over HTTP */
    char target[300];
    size_t burst_bytes, burst_datagrams;
    fl_client *client; /* NULL over UDP */
    bool was_answered;
    fl_buf documents; /* of the batch, one after the other */
    size_t ends[BATCH_DOCUMENTS];
    uint64_t ids[BATCH_DOCUMENTS];
    size_t count, body_bytes;
    fl_refusal_taker taker; /* NULL: refusals are errors */
    void *user;
};

static fl_status new_sender(fl_sender **out, fl_err *err)
{
    fl_sender *sender = calloc(1, sizeof *sender);
    if (sender == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    sender->socket = -1;
    fl_buf_init(&sender->documents, DOCUMENTS_BYTES);
    *out = sender;
    return FL_OK;
}

void fl_sender_free(fl_sender *sender)
{
    if (sender != NULL) {
        if (sender->socket >= 0) {
            close(sender->socket);
        }
        fl_client_free(sender->client);
        fl_buf_fini(&sender->documents);
        free(sender);
    }
}

static int connected_socket(const struct addrinfo *addresses)
{
    for (const struct addrinfo *a = addresses; a != NULL; a = a->ai_next) {
        int fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0) {
            return fd;
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    return -1;
}

fl_status fl_sender_new_udp(const char *host, const char *port, fl_sender **out, fl_err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *addresses = NULL;
    fl_sender *sender = NULL;
    FL_TRY(new_sender(&sender, err));
    snprintf(sender->target, sizeof sender->target, "%s:%s", host, port);
    int code = getaddrinfo(host, port, &hints, &addresses);
    if (code == 0) {
        sender->socket = connected_socket(addresses);
        freeaddrinfo(addresses);
    }
    if (sender->socket < 0) {
        fl_err_set(err, FL_E_UNREACHABLE, __FILE__, __LINE__, "cannot send to %.200s: %s",
                   sender->target, code != 0 ? gai_strerror(code) : strerror(errno));
        fl_sender_free(sender);
        return FL_E_UNREACHABLE;
    }
    *out = sender;
    return FL_OK;
}

static bool is_port(const char *text)
{
    uint64_t port;
    return fl_str_to_u64(fl_str_of(text), &port) && port >= 1 && port <= UINT16_MAX;
}

fl_status fl_sender_new_udp_to(const char *host_port, fl_sender **out, fl_err *err)
{
    const char *colon = strrchr(host_port, ':');
    char host[256];
    if (colon == NULL || colon == host_port || !is_port(colon + 1) ||
        (size_t)(colon - host_port) >= sizeof host) {
        FL_FAIL(err, FL_E_INVALID, "--udp takes HOST:PORT, not `%.40s`", host_port);
    }
    bool bracketed = *host_port == '[' && colon[-1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(colon - host_port) - 2 * bracketed,
             host_port + bracketed);
    return fl_sender_new_udp(host, colon + 1, out, err);
}

fl_status fl_sender_new_http(const fl_server_address *address, fl_sender **out, fl_err *err)
{
    fl_sender *sender = NULL;
    FL_TRY(new_sender(&sender, err));
    fl_status status = fl_client_new(address, &sender->client, err);
    if (status != FL_OK) {
        fl_sender_free(sender);
        return status;
    }
    *out = sender;
    return FL_OK;
}

void fl_sender_on_refusal(fl_sender *sender, fl_refusal_taker taker, void *user)
{
    sender->taker = taker;
    sender->user = user;
}

/* ---- Datagrams */

static fl_status nobody_listens(const fl_sender *sender, fl_err *err)
{
    FL_FAIL(err, FL_E_UNREACHABLE,
            "nothing listens at UDP %.120s; start a server with `fluoro serve`, or name its port "
            "with --udp",
            sender->target);
}

static void keep_pace(fl_sender *sender, size_t bytes)
{
    sender->burst_bytes += bytes;
    sender->burst_datagrams++;
    if (sender->burst_bytes >= BURST_BYTES || sender->burst_datagrams >= BURST_DATAGRAMS) {
        nanosleep(&(struct timespec){.tv_nsec = BURST_PAUSE_NS}, NULL);
        sender->burst_bytes = sender->burst_datagrams = 0;
    }
}

static fl_status too_large(const fl_sender *sender, uint64_t id, size_t bytes, fl_err *err)
{
    fl_err own;
    char id_text[17];
    fl_status status =
        fl_err_set(&own, FL_E_TOO_LARGE, __FILE__, __LINE__,
                   "a document of %zu bytes does not fit a datagram, which holds %zu; send it "
                   "over HTTP",
                   bytes, DATAGRAM_BYTES_MAX - DAEMON_HEADER.n);
    if (sender->taker == NULL) {
        FL_FAIL(err, status, "%s", own.message);
    }
    snprintf(id_text, sizeof id_text, "%016llx", (unsigned long long)id);
    sender->taker(sender->user,
                  &(fl_refusal){.id = fl_str_of(id_text), .message = fl_str_of(own.message)});
    return FL_OK;
}

static fl_status send_datagram(fl_sender *sender, uint64_t id, fl_str document, fl_err *err)
{
    fl_str header = DAEMON_HEADER;
    char datagram[DATAGRAM_BYTES_MAX];
    if (document.n > sizeof datagram - header.n) {
        return too_large(sender, id, document.n, err);
    }
    memcpy(datagram, header.p, header.n);
    memcpy(datagram + header.n, document.p, document.n);
    while (send(sender->socket, datagram, header.n + document.n, 0) < 0) {
        if (errno == ECONNREFUSED) {
            return nobody_listens(sender, err);
        }
        if (errno != EINTR) {
            FL_FAIL(err, FL_E_UNREACHABLE, "cannot send to %.200s: %s", sender->target,
                    strerror(errno));
        }
    }
    keep_pace(sender, document.n);
    return FL_OK;
}

/* A refusal of the last datagram takes a moment to come back. */
static fl_status check_refusal(const fl_sender *sender, fl_err *err)
{
    int error = 0;
    socklen_t size = sizeof error;
    nanosleep(&(struct timespec){.tv_nsec = BURST_PAUSE_NS}, NULL);
    if (getsockopt(sender->socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 &&
        error == ECONNREFUSED) {
        return nobody_listens(sender, err);
    }
    return FL_OK;
}

/* ---- Batches over HTTP */

static void wait_before_next_try(unsigned try)
{
    int64_t ns = FIRST_PAUSE_NS << (try - 1);
    nanosleep(&(struct timespec){ns / FL_NS_PER_S, ns % FL_NS_PER_S}, NULL);
}

/* Is a call that failed worth another try? A server that never answered is not there. */
static bool may_recover(const fl_sender *sender, fl_status status)
{
    long http = fl_client_http_status(sender->client);
    if (http == 0) {
        return sender->was_answered && (status == FL_E_UNREACHABLE || status == FL_E_TIMEOUT);
    }
    return http == 429 || http >= 500;
}

static bool is_throttled(const fl_refusal *refusal)
{
    fl_str word = FL_S("throttl");
    for (size_t i = 0; i + word.n <= refusal->code.n; i++) {
        if (fl_str_eq_nocase((fl_str){refusal->code.p + i, word.n}, word)) {
            return true;
        }
    }
    return false;
}

static size_t find_document(const batch *sent, fl_str id_text)
{
    uint64_t id;
    size_t i = 0;
    if (!fl_segment_id_parse(id_text, &id)) {
        return sent->count;
    }
    while (i < sent->count && sent->ids[i] != id) {
        i++;
    }
    return i;
}

static fl_status refuse(const fl_sender *sender, const fl_refusal *refusal, fl_err *err)
{
    if (sender->taker == NULL) {
        FL_FAIL(err, FL_E_INVALID, "the server refused segment %.*s: %.*s", FL_P(refusal->id),
                FL_P(fl_str_clip(refusal->message, 120)));
    }
    sender->taker(sender->user, refusal);
    return FL_OK;
}

/* Keeps in the batch what was only throttled; all else that was refused is told. */
static fl_status sort_refusals(const fl_sender *sender, batch *sent, const fl_refusal *refusals,
                               size_t count, bool last_try, fl_err *err)
{
    batch again = {.count = 0};
    for (size_t i = 0; i < count; i++) {
        size_t at = find_document(sent, refusals[i].id);
        bool known = at < sent->count && again.count < sent->count;
        if (!last_try && known && is_throttled(&refusals[i])) {
            again.ids[again.count] = sent->ids[at];
            again.documents[again.count++] = sent->documents[at];
        } else {
            FL_TRY(refuse(sender, &refusals[i], err));
        }
    }
    *sent = again;
    return FL_OK;
}

/* One call. The batch holds afterwards what is to be sent again, which is all of it when the call
 * failed. */
static fl_status put(fl_sender *sender, batch *sent, bool last_try, fl_err *err)
{
    fl_arena arena;
    fl_refusal *refusals;
    size_t count;
    fl_arena_init(&arena, (size_t)64 << 20);
    fl_status status =
        fl_client_put(sender->client, &arena, sent->documents, sent->count, &refusals, &count, err);
    if (status == FL_OK) {
        sender->was_answered = true;
        status = sort_refusals(sender, sent, refusals, count, last_try, err);
    } else if (!last_try && may_recover(sender, status)) {
        status = FL_OK;
    }
    fl_arena_fini(&arena);
    return status;
}

static fl_status send_batch(fl_sender *sender, fl_err *err)
{
    batch sent = {.count = sender->count};
    size_t begin = 0;
    for (size_t i = 0; i < sent.count; i++) {
        sent.ids[i] = sender->ids[i];
        sent.documents[i] = (fl_str){sender->documents.p + begin, sender->ends[i] - begin};
        begin = sender->ends[i];
    }
    fl_status status = FL_OK;
    for (unsigned try = 1; status == FL_OK && sent.count > 0; try++) {
        status = put(sender, &sent, try == TRIES, err);
        if (status == FL_OK && sent.count > 0) {
            wait_before_next_try(try);
        }
    }
    fl_buf_reset(&sender->documents);
    sender->count = sender->body_bytes = 0;
    return status;
}

/* Bytes that a document takes in the body: in quotes, escaped, with a comma. */
static size_t body_bytes_of(fl_str document)
{
    size_t bytes = document.n + 3;
    for (size_t i = 0; i < document.n; i++) {
        bytes += document.p[i] == '"' || document.p[i] == '\\';
    }
    return bytes;
}

static fl_status add_to_batch(fl_sender *sender, uint64_t id, fl_str document, fl_err *err)
{
    size_t bytes = body_bytes_of(document);
    bool full = sender->count == BATCH_DOCUMENTS || sender->body_bytes + bytes > BATCH_BODY_BYTES;
    if (full && sender->count > 0) {
        FL_TRY(send_batch(sender, err));
    }
    fl_buf_add_str(&sender->documents, document);
    if (sender->documents.status != FL_OK) {
        FL_FAIL(err, sender->documents.status, "no room for a document of %zu bytes", document.n);
    }
    sender->body_bytes += bytes;
    sender->ids[sender->count] = id;
    sender->ends[sender->count++] = sender->documents.n;
    return FL_OK;
}

fl_status fl_sender_send(fl_sender *sender, uint64_t id, fl_str document, fl_err *err)
{
    return sender->client != NULL ? add_to_batch(sender, id, document, err)
                                  : send_datagram(sender, id, document, err);
}

fl_status fl_sender_flush(fl_sender *sender, fl_err *err)
{
    if (sender->client == NULL) {
        return check_refusal(sender, err);
    }
    return sender->count > 0 ? send_batch(sender, err) : FL_OK;
}
