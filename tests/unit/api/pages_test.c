/* What does not fit into the memory, the answer or the budget of a query is read in pages. */
#include "support/server.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define T0       1738650304 /* 0x67a1b2c0 */
#define TRACE    "1-67a1b2c0-0a1b2c3d4e5f60718293a4b5"
#define SMALL    "1-67a1b2c0-0a1b2c3d4e5f60718293a400"
#define OTHER    "1-67a1b2c0-0a1b2c3d4e5f60718293a4ff"
#define UNKNOWN  "1-67a1b2c0-0a1b2c3d4e5f60718293a4ee"
#define NEXT_DAY "1-67a30440-0a1b2c3d4e5f60718293a4cc"
#define TIMELESS "1-00000007-0a1b2c3d4e5f60718293a4dd" /* no time in it */

#define CALL_DOCUMENTS 1000 /* at most */
#define TOKEN_MAX      200

/* The metric of answers that were cut. */
#define CUT(operation, reason)                                                                     \
    "fluoro_api_pages_cut_total{operation=\"" operation "\",reason=\"" reason "\"}"

static const char *const small_memory[] = {"memory", "16M", NULL};

typedef struct fixture {
    test_server server;
    unsigned t0;             /* when traces begin */
    unsigned call_documents; /* documents of a put */
    char token[TOKEN_MAX];   /* of the answer before; empty behind the last page */
} fixture;

static void put_body(const test_server *server, const fl_buf *body)
{
    for (int i = 0; i < 500; i++) { /* a small memory asks to come again */
        test_answer answer = test_call(server, "POST", "/TraceSegments", fl_buf_str(body));
        int status = answer.status;
        bool all = test_answer_has(&answer, "{\"UnprocessedTraceSegments\":[]}");
        test_answer_fini(&answer);
        if (status == 200) {
            assert_true(all);
            return;
        }
        assert_int_equal(status, 429);
        usleep(20000);
    }
    fail_msg("the server takes nothing");
}

static char *new_document(const fixture *f, const char *trace_id, unsigned n, const char *members)
{
    size_t size = strlen(members) + 300;
    char *document = malloc(size);
    assert_non_null(document);
    snprintf(document, size,
             "{\"name\":\"s\",\"id\":\"%016x\",\"trace_id\":\"%s\",\"start_time\":%u.0,"
             "\"end_time\":%u.5%s}",
             n, trace_id, f->t0 + n, f->t0 + n, members);
    return document;
}

/* Puts and frees documents. */
static void put_documents(const fixture *f, char **documents, size_t count)
{
    fl_buf body;
    fl_buf_init(&body, 8u << 20);
    test_put_body(&body, (const char *const *)documents, count);
    put_body(&f->server, &body);
    fl_buf_fini(&body);
    for (size_t i = 0; i < count; i++) {
        free(documents[i]);
    }
}

/* Segments first … first + count - 1 of a trace, one a second; `members` follow in each document.
 */
static void put_segments(const fixture *f, const char *trace_id, unsigned first, unsigned count,
                         const char *members)
{
    for (unsigned done = 0; done < count;) {
        unsigned here = count - done < f->call_documents ? count - done : f->call_documents;
        char *documents[CALL_DOCUMENTS];
        for (unsigned i = 0; i < here; i++) {
            documents[i] = new_document(f, trace_id, first + done + i, members);
        }
        put_documents(f, documents, here);
        done += here;
    }
}

static int set_up(void **state)
{
    static fixture f;
    f = (fixture){.t0 = T0, .call_documents = CALL_DOCUMENTS};
    *state = &f;
    return 0;
}

static void take_token(fixture *f, const test_answer *answer)
{
    const char *at = strstr(answer->body.p, "\"NextToken\":\"");
    f->token[0] = '\0';
    if (at != NULL) {
        assert_int_equal(sscanf(at, "\"NextToken\":\"%199[^\"]\"", f->token), 1);
    }
}

/* The next page of a request: `members` and the token of the page before. */
static test_answer next_page(fixture *f, const char *path, const char *members)
{
    char body[600];
    snprintf(body, sizeof body, "{%s%s%s%s}", members,
             f->token[0] != '\0' ? ",\"NextToken\":\"" : "", f->token,
             f->token[0] != '\0' ? "\"" : "");
    test_answer answer = test_call(&f->server, "POST", path, fl_str_of(body));
    if (answer.status != 200) {
        fail_msg("%s gave %d %.*s", body, answer.status, FL_P(answer.body));
    }
    take_token(f, &answer);
    return answer;
}

/* Counts in times[] how often each segment stands in the answer by itself. */
static void count_segments(const test_answer *answer, unsigned char *times, unsigned most)
{
    for (const char *at = answer->body.p; (at = strstr(at, "{\"Id\":\"0000")) != NULL; at++) {
        unsigned n;
        assert_int_equal(sscanf(at + 7, "%16x", &n), 1);
        assert_true(n < most);
        times[n]++;
    }
}

static void expect_once(const unsigned char *times, unsigned first, unsigned count)
{
    for (unsigned n = first; n < first + count; n++) {
        if (times[n] != 1) {
            fail_msg("segment %u came %u times", n, times[n]);
        }
    }
}

static size_t occurrences(const test_answer *answer, const char *text)
{
    size_t count = 0;
    for (const char *at = answer->body.p; (at = strstr(at, text)) != NULL; at++) {
        count++;
    }
    return count;
}

static void expect_refused(const test_server *server, const char *trace_id, const char *token)
{
    char body[600];
    snprintf(body, sizeof body, "{\"TraceIds\":[\"%s\"],\"NextToken\":\"%s\"}", trace_id, token);
    test_answer answer = test_call(server, "POST", "/Traces", fl_str_of(body));
    if (answer.status != 400 || !test_answer_has(&answer, "InvalidRequestException")) {
        fail_msg("%s gave %d %.*s", body, answer.status, FL_P(answer.body));
    }
    test_answer_fini(&answer);
}

/* Longer than any that a server of ours gives. */
static const char long_token[] =
    "2.0.2.00000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000";

/* A token of the trace TRACE with one of its numbers, single digits, replaced. */
static void expect_tokens_checked(const test_server *server, const char *token)
{
    static const struct {
        size_t at;
        char digit;
    } rows[] = {{0, '1'}, {0, '3'}, {2, '1'}, {4, '3'}, {4, 'x'}, {1, '-'}};
    char changed[TOKEN_MAX];
    expect_refused(server, OTHER, token); /* it is tied to the ids */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(changed, sizeof changed, "%s", token);
        changed[rows[i].at] = rows[i].digit;
        expect_refused(server, TRACE, changed);
    }
    snprintf(changed, sizeof changed, "%.*s", (int)strlen(token) - 1, token);
    expect_refused(server, TRACE, changed);
    expect_refused(server, TRACE, long_token);
}

static void a_trace_larger_than_the_memory_is_told_once_in_pages_of_records(void **state)
{
    fixture *f = *state;
    enum { SEGMENTS = 10000 };
    unsigned char times[SEGMENTS + 1] = {0};
    test_server_start(&f->server, small_memory);
    put_segments(f, TRACE, 1, SEGMENTS, "");
    size_t pages = 0;
    do {
        test_answer answer = next_page(f, "/Traces", "\"TraceIds\":[\"" TRACE "\"]");
        assert_true(test_answer_has(&answer, "\"Duration\":9999.5,\"LimitExceeded\":false"));
        assert_true(test_answer_has(&answer, "\"UnprocessedTraceIds\":[]"));
        count_segments(&answer, times, SEGMENTS + 1);
        test_answer_fini(&answer);
        if (pages++ == 0) {
            expect_tokens_checked(&f->server, f->token);
        }
    } while (f->token[0] != '\0');
    assert_true(pages > 1);
    expect_once(times, 1, SEGMENTS);
    assert_int_equal(test_metric(&f->server, CUT("BatchGetTraces", "size")), (double)pages - 1);
    test_server_stop(&f->server);
}

/* A restart settles all that was live. */
static void pages_of_records_go_on_over_a_restart_and_end_with_what_came_late(void **state)
{
    fixture *f = *state;
    enum { SEGMENTS = 10000, LATE = 10 };
    unsigned char times[SEGMENTS + LATE + 1] = {0};
    test_server_start(&f->server, small_memory);
    put_segments(f, TIMELESS, 1, SEGMENTS, "");
    size_t pages = 0;
    do {
        test_answer answer = next_page(f, "/Traces", "\"TraceIds\":[\"" TIMELESS "\"]");
        assert_true(test_answer_has(&answer,
                                    pages == 0 ? "\"Duration\":9999.5," : "\"Duration\":10009.5,"));
        count_segments(&answer, times, SEGMENTS + LATE + 1);
        test_answer_fini(&answer);
        if (pages++ == 0) {
            test_server_restart(&f->server);
            put_segments(f, TIMELESS, SEGMENTS + 1, LATE, "");
        }
    } while (f->token[0] != '\0');
    expect_once(times, 1, SEGMENTS + LATE);
    test_server_stop(&f->server);
}

/* In a page of records it is not known whether another page has the answer. */
static void calls_that_nobody_answered_are_inferred_in_whole_traces_alone(void **state)
{
    fixture *f = *state;
    static const char call[] = ",\"type\":\"subsegment\",\"parent_id\":\"00000000000fffff\","
                               "\"namespace\":\"remote\"";
    enum { SEGMENTS = 7000 };
    unsigned char times[SEGMENTS + 1] = {0};
    test_server_start(&f->server, small_memory);
    put_segments(f, TRACE, 1, SEGMENTS, call);
    put_segments(f, SMALL, 1, 1, call);
    test_answer small = next_page(f, "/Traces", "\"TraceIds\":[\"" SMALL "\"]");
    assert_int_equal(occurrences(&small, "\\\"inferred\\\":true"), 1);
    test_answer_fini(&small);
    do {
        test_answer answer = next_page(f, "/Traces", "\"TraceIds\":[\"" TRACE "\"]");
        assert_int_equal(occurrences(&answer, "inferred"), 0);
        count_segments(&answer, times, SEGMENTS + 1);
        test_answer_fini(&answer);
    } while (f->token[0] != '\0');
    expect_once(times, 1, SEGMENTS);
    test_server_stop(&f->server);
}

static void traces_that_do_not_fit_together_follow_each_other(void **state)
{
    fixture *f = *state;
    static const char ids[] = "\"TraceIds\":[\"" SMALL "\",\"x\",\"" TRACE "\",\"" OTHER
                              "\",\"" TIMELESS "\",\"" UNKNOWN "\"]";
    enum { LARGE = 10000, MIDDLE = 2500, MOST = 40000 };
    unsigned char times[MOST] = {0};
    test_server_start(&f->server, small_memory);
    put_segments(f, SMALL, 20001, 3, "");
    put_segments(f, TRACE, 1, LARGE, "");
    put_segments(f, OTHER, 30001, MIDDLE, "");
    put_segments(f, TIMELESS, 35001, MIDDLE, "");
    size_t pages = 0;
    do {
        test_answer answer = next_page(f, "/Traces", ids);
        assert_true(test_answer_has(&answer, "\"UnprocessedTraceIds\":[\"x\",\"" UNKNOWN "\"]"));
        count_segments(&answer, times, MOST);
        test_answer_fini(&answer);
        pages++;
    } while (f->token[0] != '\0');
    assert_true(pages > 3);
    expect_once(times, 1, LARGE);
    expect_once(times, 20001, 3);
    expect_once(times, 30001, MIDDLE);
    expect_once(times, 35001, MIDDLE);
    test_server_stop(&f->server);
}

/* It has no tokens: the rest may be asked for by itself. */
static void the_aws_profile_names_the_traces_that_did_not_fit(void **state)
{
    fixture *f = *state;
    static const char *const settings[] = {"memory", "16M", "limits", "aws", NULL};
    enum { TRACES = 5, SEGMENTS = 2000 };
    char ids[TRACES][36], members[300] = "\"TraceIds\":[";
    test_server_start(&f->server, settings);
    f->t0 = (unsigned)time(NULL) - SEGMENTS - 10;
    f->call_documents = 50;
    for (unsigned i = 0; i < TRACES; i++) {
        snprintf(ids[i], sizeof ids[i], "1-%08x-%024x", f->t0, i + 1);
        put_segments(f, ids[i], 1, SEGMENTS, "");
        size_t n = strlen(members);
        snprintf(members + n, sizeof members - n, "%s\"%s\"%s", i > 0 ? "," : "", ids[i],
                 i + 1 == TRACES ? "]" : "");
    }
    test_answer answer = next_page(f, "/Traces", members);
    assert_int_equal(f->token[0], '\0');
    size_t whole = occurrences(&answer, "\"Duration\"");
    assert_in_range(whole, 1, TRACES - 1);
    assert_int_equal(occurrences(&answer, "\"Document\""), whole * SEGMENTS);
    const char *unprocessed = strstr(answer.body.p, "\"UnprocessedTraceIds\":");
    assert_non_null(unprocessed);
    for (size_t i = 0; i < TRACES; i++) {
        assert_int_equal(strstr(unprocessed, ids[i]) != NULL, i >= whole);
    }
    test_answer_fini(&answer);
    expect_refused(&f->server, ids[0], long_token);
    test_server_stop(&f->server);
}

/* Members that make a document as large; the caller frees them. */
static char *new_fill(size_t bytes, const char *more)
{
    size_t size = bytes + strlen(more) + 100;
    char *fill = malloc(size);
    assert_non_null(fill);
    int n = snprintf(fill, size, "%s,\"metadata\":{\"default\":{\"fill\":\"", more);
    memset(fill + n, 'x', bytes);
    snprintf(fill + (size_t)n + bytes, 10, "\"}}");
    return fill;
}

/* Subsegments that came alone make one document that no answer can hold. */
static void a_segment_that_is_too_large_with_all_below_it_is_told_by_records(void **state)
{
    fixture *f = *state;
    enum { SEGMENTS = 55, FIRST = 20 };
    unsigned char times[SEGMENTS + 1] = {0};
    char *child =
        new_fill(900000, ",\"type\":\"subsegment\",\"parent_id\":\"0000000000000014\"" /* FIRST */);
    char *alone = new_fill(900000, "");
    test_server_start(&f->server, NULL);
    f->call_documents = 5;
    put_segments(f, TRACE, 1, FIRST, alone); /* the large one is not in the first page */
    put_segments(f, TRACE, FIRST + 1, SEGMENTS - FIRST, child);
    put_segments(f, SMALL, 1, 1, "");
    size_t pages = 0, small = 0;
    do {
        test_answer answer = next_page(f, "/Traces", "\"TraceIds\":[\"" SMALL "\",\"" TRACE "\"]");
        const char *at = strstr(answer.body.p, TRACE);
        small += occurrences(&answer, "\"Id\":\"" SMALL "\"");
        while (at != NULL && (at = strstr(at, "\\\"id\\\":\\\"")) != NULL) {
            unsigned n;
            assert_int_equal(sscanf(at, "\\\"id\\\":\\\"%16x", &n), 1);
            assert_true(n <= SEGMENTS);
            times[n]++;
            at++;
        }
        test_answer_fini(&answer);
        pages++;
    } while (f->token[0] != '\0');
    assert_true(pages > 3);
    assert_int_equal(small, 1);
    expect_once(times, 1, SEGMENTS);
    free(child);
    free(alone);
    test_server_stop(&f->server);
}

/* Pages are cut behind a segment, not at a number: what comes late shifts nothing. */
static void a_full_answer_goes_on_behind_its_last_segment(void **state)
{
    fixture *f = *state;
    enum { SEGMENTS = 50, FILL = 300000 };
    unsigned char times[SEGMENTS + 2] = {0};
    char *fill = new_fill(FILL, "");
    test_server_start(&f->server, NULL);
    f->call_documents = 1;
    put_segments(f, TRACE, 2, SEGMENTS, fill);
    size_t pages = 0;
    do {
        test_answer answer = next_page(f, "/Traces", "\"TraceIds\":[\"" TRACE "\"]");
        count_segments(&answer, times, SEGMENTS + 2);
        test_answer_fini(&answer);
        if (pages++ == 0) {
            put_segments(f, TRACE, 1, 1, ""); /* begins before all that was told */
        }
    } while (f->token[0] != '\0');
    assert_int_equal(pages, 2);
    assert_int_equal(times[1], 0);
    expect_once(times, 2, SEGMENTS);
    assert_int_equal(test_metric(&f->server, CUT("BatchGetTraces", "answer")), 1);
    free(fill);
    test_server_stop(&f->server);
}

/* ---- Beside other calls */

#define PUTTERS 2

typedef struct putter {
    pthread_t thread;
    const fixture *f;
    const fl_buf *body;
    atomic_bool *stop;
    size_t calls;
} putter;

static void *put_until_stopped(void *user)
{
    putter *self = user;
    while (!atomic_load(self->stop)) {
        test_answer answer =
            test_call(&self->f->server, "POST", "/TraceSegments", fl_buf_str(self->body));
        self->calls += answer.status == 200;
        test_answer_fini(&answer);
    }
    return NULL;
}

/* A put holds its input in the memory for queries until it is on the disk. */
static void pages_become_smaller_beside_what_other_calls_hold(void **state)
{
    fixture *f = *state;
    enum { SEGMENTS = 10000, FILL = 100000 };
    unsigned char times[SEGMENTS + 1] = {0};
    putter putters[PUTTERS];
    atomic_bool stop = false;
    fl_buf body;
    test_server_start(&f->server, small_memory);
    put_segments(f, TRACE, 1, SEGMENTS, "");
    char *fill = new_fill(FILL, ""), *document = new_document(f, SMALL, SEGMENTS + 1, fill);
    fl_buf_init(&body, 8u << 20);
    test_put_body(&body, (const char *const[]){document}, 1);
    for (size_t i = 0; i < PUTTERS; i++) {
        putters[i] = (putter){.f = f, .body = &body, .stop = &stop};
        assert_int_equal(pthread_create(&putters[i].thread, NULL, put_until_stopped, &putters[i]),
                         0);
    }
    do {
        test_answer answer = next_page(f, "/Traces", "\"TraceIds\":[\"" TRACE "\"]");
        count_segments(&answer, times, SEGMENTS + 1);
        test_answer_fini(&answer);
    } while (f->token[0] != '\0');
    atomic_store(&stop, true);
    for (size_t i = 0; i < PUTTERS; i++) {
        assert_int_equal(pthread_join(putters[i].thread, NULL), 0);
        assert_true(putters[i].calls > 0);
    }
    expect_once(times, 1, SEGMENTS);
    fl_buf_fini(&body);
    free(fill);
    free(document);
    test_server_stop(&f->server);
}

/* ---- Damage */

static void flip_middle(const char *path)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long at = ftell(file) / 2;
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ 1, file), byte ^ 1);
    assert_int_equal(fclose(file), 0);
}

/* Damages the parts of the day of NEXT_DAY. */
static void damage_next_day(const test_server *server)
{
    char path[1000];
    size_t count = 0;
    snprintf(path, sizeof path, "%.*s/parts", FL_P(server->config.data));
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strncmp(entry->d_name, "20250205", 8) == 0) {
            snprintf(path, sizeof path, "%.*s/parts/%s", FL_P(server->config.data), entry->d_name);
            flip_middle(path);
            count++;
        }
    }
    closedir(dir);
    assert_true(count > 0);
}

static void a_damaged_trace_is_unprocessed_and_those_beside_it_are_told(void **state)
{
    fixture *f = *state;
    static const char ids[] = "\"TraceIds\":[\"" SMALL "\",\"" NEXT_DAY "\",\"" OTHER "\"]";
    enum { DAMAGED = 10000, BESIDE = 3, MOST = DAMAGED + 100 };
    unsigned char times[MOST] = {0};
    test_server_start(&f->server, small_memory);
    put_segments(f, SMALL, DAMAGED + 1, BESIDE, "");
    put_segments(f, OTHER, DAMAGED + 11, BESIDE, "");
    f->t0 += 86400;
    put_segments(f, NEXT_DAY, 1, DAMAGED, "");
    test_server_restart(&f->server);
    damage_next_day(&f->server);
    test_server_restart(&f->server);
    bool unprocessed = false;
    do {
        test_answer answer = next_page(f, "/Traces", ids);
        unprocessed = test_answer_has(&answer, "\"UnprocessedTraceIds\":[\"" NEXT_DAY "\"]");
        count_segments(&answer, times, MOST);
        test_answer_fini(&answer);
    } while (f->token[0] != '\0');
    assert_true(unprocessed);
    expect_once(times, DAMAGED + 1, BESIDE);
    expect_once(times, DAMAGED + 11, BESIDE);
    test_server_stop(&f->server);
}

enum { TRACES = 5000 }; /* more than a block of rows */

/* A server whose scans may read next to nothing, with a trace each second. Live traces cost no
 * bytes: a restart settles them. */
static void start_scans_on_a_budget(fixture *f)
{
    static const char *const settings[] = {"query-bytes", "1", NULL};
    test_server_start(&f->server, settings);
    for (unsigned i = 0; i < TRACES; i += CALL_DOCUMENTS) {
        char *documents[CALL_DOCUMENTS];
        for (unsigned k = 0; k < CALL_DOCUMENTS; k++) {
            char id[36];
            snprintf(id, sizeof id, "1-%08x-%024x", T0 + i + k, i + k + 1);
            documents[k] = new_document(f, id, i + k + 1, "");
        }
        put_documents(f, documents, CALL_DOCUMENTS);
    }
    test_server_restart(&f->server);
}

/* Reads all pages; gives how many there were, and how many summaries in them. */
static size_t read_summaries(fixture *f, const char *members, size_t *found)
{
    size_t pages = 0;
    char request[300];
    snprintf(request, sizeof request, "\"StartTime\":%u,\"EndTime\":%u%s", T0, T0 + TRACES,
             members);
    *found = 0;
    do {
        test_answer answer = next_page(f, "/TraceSummaries", request);
        *found += occurrences(&answer, "{\"Id\":\"1-");
        test_answer_fini(&answer);
        pages++;
    } while (f->token[0] != '\0');
    return pages;
}

/* A page that has found nothing is not the last for that. */
static void a_scan_over_its_budget_answers_what_it_has_and_goes_on(void **state)
{
    fixture *f = *state;
    size_t found, pages;
    start_scans_on_a_budget(f);
    pages = read_summaries(f,
                           ",\"Sampling\":true,\"SamplingStrategy\":"
                           "{\"Name\":\"FixedRate\",\"Value\":1e-9}",
                           &found);
    assert_int_equal(found, 0);
    assert_true(pages > 1);
    assert_int_equal(test_metric(&f->server, CUT("GetTraceSummaries", "budget")),
                     (double)pages - 1);
    pages = read_summaries(f, "", &found);
    assert_int_equal(found, TRACES);
    assert_true(pages >= TRACES / 100);
    test_server_stop(&f->server);
}

#define PAGES_TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PAGES_TEST(a_trace_larger_than_the_memory_is_told_once_in_pages_of_records),
        PAGES_TEST(pages_of_records_go_on_over_a_restart_and_end_with_what_came_late),
        PAGES_TEST(calls_that_nobody_answered_are_inferred_in_whole_traces_alone),
        PAGES_TEST(traces_that_do_not_fit_together_follow_each_other),
        PAGES_TEST(the_aws_profile_names_the_traces_that_did_not_fit),
        PAGES_TEST(a_segment_that_is_too_large_with_all_below_it_is_told_by_records),
        PAGES_TEST(a_full_answer_goes_on_behind_its_last_segment),
        PAGES_TEST(pages_become_smaller_beside_what_other_calls_hold),
        PAGES_TEST(a_damaged_trace_is_unprocessed_and_those_beside_it_are_told),
        PAGES_TEST(a_scan_over_its_budget_answers_what_it_has_and_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
