#include "cli/demo_send_int.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DAEMON_HEADER      FL_S("{\"format\":\"json\",\"version\":1}\n")
#define DATAGRAM_BYTES_MAX 65507
#define BURST_BYTES        ((size_t)64 << 10) /* a third of the usual receive buffer */
#define BURST_DATAGRAMS    32
#define BURST_PAUSE_NS     (5 * FL_NS_PER_MS)
#define BATCH_DOCUMENTS    50

struct fl_sender {
    int socket; /* -1 over HTTP */
    char target[300];
    size_t burst_bytes, burst_datagrams;
    fl_client *client; /* NULL over UDP */
    fl_buf batch;      /* documents one after the other */
    size_t batch_ends[BATCH_DOCUMENTS];
    size_t batch_count;
};

static fl_status new_sender(fl_sender **out, fl_err *err)
{
    fl_sender *sender = calloc(1, sizeof *sender);
    if (sender == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    sender->socket = -1;
    fl_buf_init(&sender->batch, (size_t)8 << 20);
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
        fl_buf_fini(&sender->batch);
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

static fl_status send_datagram(fl_sender *sender, fl_str document, fl_err *err)
{
    fl_str header = DAEMON_HEADER;
    char datagram[DATAGRAM_BYTES_MAX];
    if (document.n > sizeof datagram - header.n) {
        FL_FAIL(err, FL_E_TOO_LARGE, "a document of %zu bytes does not fit a datagram; use --http",
                document.n);
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

static fl_status send_batch(fl_sender *sender, fl_err *err)
{
    fl_arena arena;
    fl_str documents[BATCH_DOCUMENTS], reason = {0};
    size_t begin = 0, rejected = 0;
    for (size_t i = 0; i < sender->batch_count; i++) {
        documents[i] = (fl_str){sender->batch.p + begin, sender->batch_ends[i] - begin};
        begin = sender->batch_ends[i];
    }
    fl_arena_init(&arena, (size_t)64 << 20);
    fl_status status = fl_client_put(sender->client, &arena, documents, sender->batch_count,
                                     &rejected, &reason, err);
    if (status == FL_OK && rejected > 0) {
        status = fl_err_set(err, FL_E_INVALID, __FILE__, __LINE__,
                            "the server refused %zu of %zu documents: %.*s", rejected,
                            sender->batch_count, FL_P(fl_str_clip(reason, 120)));
    }
    fl_arena_fini(&arena);
    fl_buf_reset(&sender->batch);
    sender->batch_count = 0;
    return status;
}

fl_status fl_sender_send(fl_sender *sender, fl_str document, fl_err *err)
{
    if (sender->client == NULL) {
        return send_datagram(sender, document, err);
    }
    fl_buf_add_str(&sender->batch, document);
    if (sender->batch.status != FL_OK) {
        FL_FAIL(err, sender->batch.status, "the batch has no room for a document of %zu bytes",
                document.n);
    }
    sender->batch_ends[sender->batch_count++] = sender->batch.n;
    return sender->batch_count == BATCH_DOCUMENTS ? send_batch(sender, err) : FL_OK;
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

fl_status fl_sender_flush(fl_sender *sender, fl_err *err)
{
    if (sender->client == NULL) {
        return check_refusal(sender, err);
    }
    return sender->batch_count > 0 ? send_batch(sender, err) : FL_OK;
}
