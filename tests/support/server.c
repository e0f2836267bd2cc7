#include "support/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec/codec.h"

#define SETTINGS_MAX 32
#define ANSWER_MAX   (64u << 20)

static uint16_t port_of(fl_str address)
{
    fl_str port = address;
    while (port.n > 0 && memchr(port.p, ':', port.n) != NULL) {
        (void)fl_str_cut(&port, ':');
    }
    uint64_t number = 0;
    (void)fl_str_to_u64(port, &number);
    return (uint16_t)number;
}

static void start(test_server *self)
{
    fl_err err = {0};
    assert_ok(fl_server_start(&self->config, NULL, &self->server, &err), &err);
    fl_server_addresses at = fl_server_addresses_get(self->server);
    self->port = port_of(at.listen);
    self->udp_port = port_of(at.udp);
    self->stream_port = port_of(at.segments_tcp);
}

void test_server_start(test_server *self, const char *const *settings)
{
    fl_err err = {0};
    *self = (test_server){.dir = test_temp_dir()};
    fl_arena_init(&self->arena, 1 << 20);
    fl_setting given[SETTINGS_MAX] = {
        {FL_S("listen"), FL_S("127.0.0.1:0")},       {FL_S("udp"), FL_S("127.0.0.1:0")},
        {FL_S("segments-tcp"), FL_S("127.0.0.1:0")}, {FL_S("threads"), FL_S("2")},
        {FL_S("data"), fl_str_of(self->dir)},
    };
    size_t count = 5;
    for (; settings != NULL && settings[0] != NULL; settings += 2) {
        given[count++] = (fl_setting){fl_str_of(settings[0]), fl_str_of(settings[1])};
    }
    assert_ok(fl_server_config_read(&self->arena, given, count, NULL, &self->config, &err), &err);
    start(self);
}

void test_server_restart(test_server *self)
{
    fl_server_stop_and_free(self->server);
    start(self);
}

void test_server_stop(test_server *self)
{
    fl_server_stop_and_free(self->server);
    fl_arena_fini(&self->arena);
    test_remove_dir(self->dir);
}

int test_connect(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    return fd;
}

void test_send_all(int fd, fl_str bytes)
{
    while (bytes.n > 0) {
        ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        assert_true(n > 0);
        bytes = (fl_str){bytes.p + n, bytes.n - (size_t)n};
    }
}

void test_send_udp(const test_server *self, fl_str datagram)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(self->udp_port)};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ssize_t n = sendto(fd, datagram.p, datagram.n, 0, (struct sockaddr *)&addr, sizeof addr);
    assert_int_equal(n, (ssize_t)datagram.n);
    close(fd);
}

test_answer test_call(const test_server *self, const char *method, const char *path, fl_str body)
{
    return test_call_with(self, method, path, "", body);
}

test_answer test_call_with(const test_server *self, const char *method, const char *path,
                           const char *headers, fl_str body)
{
    test_answer answer = {0};
    fl_buf buf;
    fl_buf_init(&buf, ANSWER_MAX);
    char head[4096];
    int n = snprintf(head, sizeof head,
                     "%s %s HTTP/1.1\r\nHost: fluoro\r\nConnection: close\r\n%s"
                     "Content-Length: %zu\r\n\r\n",
                     method, path, headers, body.n);
    int fd = test_connect(self->port);
    test_send_all(fd, (fl_str){head, (size_t)n});
    test_send_all(fd, body);
    for (;;) {
        char *room = fl_buf_room(&buf, 65536);
        assert_non_null(room);
        ssize_t got = recv(fd, room, 65535, 0);
        if (got <= 0) {
            break;
        }
        fl_buf_grow(&buf, (size_t)got);
    }
    close(fd);
    fl_buf_add_byte(&buf, '\0');
    answer.head = buf.p;
    assert_int_equal(sscanf(buf.p, "HTTP/1.1 %d", &answer.status), 1);
    char *blank = strstr(buf.p, "\r\n\r\n");
    assert_non_null(blank);
    *blank = '\0';
    answer.body = (fl_str){blank + 4, buf.n - 1 - (size_t)(blank + 4 - buf.p)};
    return answer;
}

void test_answer_fini(test_answer *answer)
{
    free(answer->head);
    *answer = (test_answer){0};
}

bool test_answer_has(const test_answer *answer, const char *text)
{
    return strstr(answer->body.p, text) != NULL;
}

double test_metric(const test_server *self, const char *name_and_labels)
{
    test_answer answer = test_call(self, "GET", "/metrics", (fl_str){0});
    char line[300];
    snprintf(line, sizeof line, "\n%s ", name_and_labels);
    const char *at = strstr(answer.body.p, line);
    double value = at != NULL ? strtod(at + strlen(line), NULL) : -1;
    test_answer_fini(&answer);
    return value;
}

void test_metric_wait(const test_server *self, const char *name_and_labels, double value)
{
    for (int i = 0; i < 500; i++) {
        if (test_metric(self, name_and_labels) >= value) {
            return;
        }
        usleep(10000);
    }
    fail_msg("%s is %g, not %g", name_and_labels, test_metric(self, name_and_labels), value);
}

void test_put_body(fl_buf *out, const char *const *documents, size_t count)
{
    fl_jw w = fl_jw_of(out);
    fl_jw_open(&w, '{');
    fl_jw_key(&w, FL_S("TraceSegmentDocuments"));
    fl_jw_open(&w, '[');
    for (size_t i = 0; i < count; i++) {
        fl_jw_str(&w, fl_str_of(documents[i]));
    }
    fl_jw_close(&w, ']');
    fl_jw_close(&w, '}');
}
