/*
 * ask - sends requests one after the other on one keep-alive connection and times each from its
 * first byte out to its last byte in. Loopback only; bounded in time.
 *
 *   ask --port P --path /Traces --bodies FILE [--answers FILE] [--max-sec 240]
 *
 * FILE has a JSON body a line. The answers are written a line each, in order, after the clock of
 * each has stopped (line ends inside become spaces). The result is one JSON line on stdout. The
 * program fails if an answer is missing or its status is not 200.
 */
#define _GNU_SOURCE
#include "client.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const char *path, *bodies, *answers;
    int port;
    double max_s;
} Options;

typedef struct {
    double *s; /* of each request */
    size_t n, cap;
} Times;

static void add_time(Times *t, double s)
{
    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 1024;
        if (!(t->s = realloc(t->s, t->cap * sizeof *t->s)))
            die("realloc");
    }
    t->s[t->n++] = s;
}

static void write_answer(FILE *to, Body *answer)
{
    for (char *p = answer->p;
         answer->n && (p = memchr(p, '\n', answer->n - (size_t)(p - answer->p)));)
        *p = ' ';
    if (fwrite(answer->p, 1, answer->n, to) != answer->n || putc('\n', to) == EOF)
        die("answers");
}

/* The status, or -1. */
static int ask(const Options *o, In *in, char *text, size_t length, Body *answer)
{
    char head[512];
    int h = snprintf(head, sizeof head,
                     "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
                     "Content-Length: %zu\r\n\r\n",
                     o->path, o->port, length);
    struct iovec v[2] = {{head, (size_t)h}, {text, length}};
    bool keep = false;
    int status = send_all(in->fd, v, 2) ? read_response(in, answer, &keep) : -1;
    return keep ? status : -1;
}

static int run(const Options *o, FILE *bodies, FILE *answers)
{
    In in = {.fd = dial(o->port)};
    Body answer = {0};
    Times times = {0};
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    int status = 200;
    uint64_t bytes = 0;
    double started = now();
    if (in.fd < 0)
        die("connect");
    while ((n = getline(&line, &cap, bodies)) > 0 && now() < started + o->max_s) {
        double t = now();
        status = ask(o, &in, line, (size_t)n - (line[n - 1] == '\n'), &answer);
        add_time(&times, now() - t);
        if (status != 200)
            break;
        bytes += answer.n;
        if (answers)
            write_answer(answers, &answer);
    }
    sort_doubles(times.s, times.n);
    printf("{\"requests\":%zu,\"last_status\":%d,\"bytes\":%llu,\"wall_s\":%.3f,"
           "\"p50_ms\":%.4f,\"p99_ms\":%.4f,\"max_ms\":%.4f}\n",
           times.n, status, (unsigned long long)bytes, now() - started,
           percentile(times.s, times.n, 50) * 1e3, percentile(times.s, times.n, 99) * 1e3,
           times.n ? times.s[times.n - 1] * 1e3 : 0);
    bool whole = status == 200 && n <= 0;
    close(in.fd);
    free(line);
    free(answer.p);
    free(times.s);
    return !whole;
}

/* False for what is no option. */
static bool take_option(Options *o, const char *name, const char *value)
{
    if (!strcmp(name, "--port"))
        o->port = atoi(value);
    else if (!strcmp(name, "--path"))
        o->path = value;
    else if (!strcmp(name, "--bodies"))
        o->bodies = value;
    else if (!strcmp(name, "--answers"))
        o->answers = value;
    else if (!strcmp(name, "--max-sec"))
        o->max_s = atof(value);
    else
        return false;
    return true;
}

static bool is_complete(const Options *o)
{
    return o->port > 0 && o->path && strlen(o->path) <= 256 && o->bodies && o->max_s <= 3600;
}

int main(int argc, char **argv)
{
    Options o = {.max_s = 240};
    bool known = argc % 2 == 1;
    for (int i = 1; known && i + 1 < argc; i += 2)
        known = take_option(&o, argv[i], argv[i + 1]);
    if (!known || !is_complete(&o)) {
        fprintf(stderr, "usage: see the head of ask.c\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    FILE *bodies = fopen(o.bodies, "r");
    FILE *answers = o.answers ? fopen(o.answers, "w") : NULL;
    if (!bodies || (o.answers && !answers))
        die(bodies ? o.answers : o.bodies);
    int failed = run(&o, bodies, answers);
    fclose(bodies);
    if (answers && fclose(answers))
        die(o.answers);
    return failed;
}
