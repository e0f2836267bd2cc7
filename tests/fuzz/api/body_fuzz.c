/*
 * Any bytes as a request body of each operation, over HTTP against a whole server in this process.
 * The first byte picks the operation. Every request must be answered, and never with a fault of
 * ours.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/server.h"

static fl_arena arena;
static fl_server_config config;
static fl_server *server;
static char dir[] = "/tmp/fluoro-fuzz-XXXXXX";

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void stop_server(void)
{
    char command[64];
    fl_server_stop_and_free(server);
    fl_arena_fini(&arena);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    if (system(command) != 0) {
        fl_bug("cannot remove the data folder");
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fl_err err = {0};
    if (mkdtemp(dir) == NULL) {
        fl_bug("no temporary folder");
    }
    const fl_setting settings[] = {
        {FL_S("listen"), FL_S("127.0.0.1:0")}, {FL_S("udp"), FL_S("")},
        {FL_S("data"), fl_str_of(dir)},        {FL_S("threads"), FL_S("1")},
        {FL_S("durability"), FL_S("relaxed")}, {FL_S("retention"), FL_S("1s")}};
    fl_arena_init(&arena, 1 << 20);
    if (fl_server_config_read(&arena, settings, 6, NULL, &config, &err) != FL_OK ||
        fl_server_start(&config, NULL, &server, &err) != FL_OK) {
        fl_bug(err.message);
    }
    atexit(stop_server);
    return 0;
}

static int connect_to_server(void)
{
    fl_str port_text = fl_server_addresses_get(server).listen;
    uint64_t port = 0;
    (void)fl_str_cut(&port_text, ':');
    (void)fl_str_to_u64(port_text, &port);
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof addr) != 0) {
        fl_bug("cannot connect");
    }
    return fd;
}

static void send_all(int fd, const void *bytes, size_t n)
{
    for (const char *p = bytes; n > 0;) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent <= 0) {
            fl_bug("the server closed on a request");
        }
        p += sent;
        n -= (size_t)sent;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    size_t count;
    const char *name, *path;
    char head[200], answer[64];
    if (n == 0) {
        return 0;
    }
    for (count = 0; fl_api_operation(count, &name, &path); count++) {
    }
    (void)fl_api_operation(bytes[0] % count, &name, &path);
    int length = snprintf(
        head, sizeof head,
        "POST %s HTTP/1.1\r\nHost: f\r\nConnection: close\r\nContent-Type: application/json\r\n"
        "Content-Length: %zu\r\n\r\n",
        path, n - 1);
    int fd = connect_to_server();
    send_all(fd, head, (size_t)length);
    send_all(fd, bytes + 1, n - 1);
    ssize_t got = recv(fd, answer, 13, MSG_WAITALL);
    if (got != 13 || answer[9] == '5') {
        fl_bug("no answer, or a fault of ours");
    }
    close(fd);
    return 0;
}
