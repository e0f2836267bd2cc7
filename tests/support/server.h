/*
 * A whole fluoro server inside a test program, on free ports and in a folder of its own, and the
 * calls that a client would make.
 */
#ifndef FL_TESTS_SUPPORT_SERVER_H
#define FL_TESTS_SUPPORT_SERVER_H

#include "server/server.h"
#include "support/test.h"

typedef struct test_server {
    fl_arena arena; /* of the configuration */
    fl_server_config config;
    fl_server *server;
    char *dir;
    uint16_t port, udp_port, stream_port;
} test_server;

/* Starts with settings "name", "value", …, NULL besides free ports and a fresh folder. */
void test_server_start(test_server *self, const char *const *settings);
/* Stops and starts again on the same folder, with other free ports. */
void test_server_restart(test_server *self);
/* Stops and removes the folder. */
void test_server_stop(test_server *self);

typedef struct test_answer {
    int status;
    char *head;  /* status line and headers */
    fl_str body; /* borrows from head's memory */
} test_answer;

/* One request on a connection of its own. Free the answer with test_answer_fini. */
test_answer test_call(const test_server *self, const char *method, const char *path, fl_str body);
/* The same with header lines, each with its CR LF. */
test_answer test_call_with(const test_server *self, const char *method, const char *path,
                           const char *headers, fl_str body);
void test_answer_fini(test_answer *answer);
bool test_answer_has(const test_answer *answer, const char *text); /* in the body */
/* Value of a counter on /metrics, by its name and labels as they stand there; -1 if it is not
 * there. */
double test_metric(const test_server *self, const char *name_and_labels);
/* Waits until a counter reaches at least value; fails the test after 5 s. */
void test_metric_wait(const test_server *self, const char *name_and_labels, double value);

void test_send_udp(const test_server *self, fl_str datagram);
int test_connect(uint16_t port); /* a blocking TCP connection to loopback */
void test_send_all(int fd, fl_str bytes);

/* PutTraceSegments body with one document, in a buffer that the caller ends. */
void test_put_body(fl_buf *out, const char *const *documents, size_t count);

#endif
