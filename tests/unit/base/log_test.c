#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/test.h"

/* A log into a temporary file, with a clock at 2026-11-22T15:35:37.123Z. */
typedef struct fixture {
    FILE *file;
    fl_log *log;
    fl_clock_manual clock;
    char text[1 << 20];
} fixture;

static fixture *open_log(fl_log_format format)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    fl_clock_manual_init(&f->clock, INT64_C(1795361737123456789), 0);
    f->file = tmpfile();
    assert_non_null(f->file);
    f->log = fl_log_new(fileno(f->file), FL_LOG_INFO, format, &f->clock.clock);
    assert_non_null(f->log);
    return f;
}

static fl_str written(fixture *f)
{
    ssize_t n = pread(fileno(f->file), f->text, sizeof f->text, 0);
    assert_true(n >= 0);
    return (fl_str){f->text, (size_t)n};
}

static void close_log(fixture *f)
{
    fl_log_free(f->log);
    fclose(f->file);
    free(f);
}

static size_t count_lines(fl_str text)
{
    size_t lines = 0;
    for (size_t i = 0; i < text.n; i++) {
        lines += text.p[i] == '\n';
    }
    return lines;
}

static void a_text_line_has_time_level_message_and_pairs(void **state)
{
    fixture *f = open_log(FL_LOG_TEXT);
    (void)state;
    FL_LOG(f->log, FL_LOG_WARN, "segment rejected", fl_kv_str("reason", FL_S("MissingId")),
           fl_kv_i64("bytes", 17));
    assert_str(written(f),
               "2026-11-22T15:35:37.123Z warn segment rejected reason=MissingId bytes=17\n");
    close_log(f);
}

static void text_values_are_quoted_where_they_would_mislead(void **state)
{
    fixture *f = open_log(FL_LOG_TEXT);
    (void)state;
    FL_LOG(f->log, FL_LOG_INFO, "m", fl_kv_text("a", "two words"), fl_kv_text("b", ""),
           fl_kv_text("c", "x=\"1\""), fl_kv_text("d", "line\nbreak"), fl_kv_text("e", NULL),
           fl_kv_text("f", "\x1B[31m"), fl_kv_text("g", "caf\xC3\xA9"));
    assert_str(written(f),
               "2026-11-22T15:35:37.123Z info m a=\"two words\" b=\"\" c=\"x=\\\"1\\\"\" "
               "d=\"line\\nbreak\" e=\"\" f=\"\\u001b[31m\" g=\"caf\xC3\xA9\"\n");
    close_log(f);
}

static void a_json_line_is_one_object(void **state)
{
    fixture *f = open_log(FL_LOG_JSON);
    (void)state;
    FL_LOG(f->log, FL_LOG_ERROR, "cannot \"sync\"", fl_kv_text("path", "/a b"),
           fl_kv_i64("errno", -5));
    assert_str(written(f), "{\"ts\":\"2026-11-22T15:35:37.123Z\",\"level\":\"error\","
                           "\"msg\":\"cannot \\\"sync\\\"\",\"path\":\"/a b\",\"errno\":-5}\n");
    close_log(f);
}

static void lines_below_the_level_are_dropped(void **state)
{
    fixture *f = open_log(FL_LOG_TEXT);
    (void)state;
    FL_LOG(f->log, FL_LOG_DEBUG, "m", fl_kv_i64("n", 1));
    assert_int_equal(written(f).n, 0);
    assert_true(fl_log_wants(f->log, FL_LOG_INFO));
    assert_false(fl_log_wants(f->log, FL_LOG_DEBUG));
    close_log(f);
}

static void no_log_drops_everything(void **state)
{
    (void)state;
    FL_LOG(NULL, FL_LOG_ERROR, "m", fl_kv_i64("n", 1));
    assert_false(fl_log_wants(NULL, FL_LOG_ERROR));
    fl_log_free(NULL);
}

static void beyond_10_lines_in_10_s_a_message_is_counted(void **state)
{
    fixture *f = open_log(FL_LOG_TEXT);
    (void)state;
    for (int i = 0; i < 25; i++) {
        f->clock.mono += 100 * FL_NS_PER_MS;
        FL_LOG(f->log, FL_LOG_INFO, "same", fl_kv_i64("i", i));
    }
    FL_LOG(f->log, FL_LOG_INFO, "other", fl_kv_i64("i", 0));
    assert_int_equal(count_lines(written(f)), 11);
    f->clock.mono += 10 * FL_NS_PER_S;
    FL_LOG(f->log, FL_LOG_INFO, "same", fl_kv_i64("i", 99));
    FL_LOG(f->log, FL_LOG_INFO, "same", fl_kv_i64("i", 100));
    fl_str text = written(f);
    assert_int_equal(count_lines(text), 13);
    assert_non_null(memmem(text.p, text.n, "same i=99 suppressed=15\n", 24));
    assert_non_null(memmem(text.p, text.n, "same i=100\n", 11));
    close_log(f);
}

static void more_messages_than_are_remembered_are_all_written(void **state)
{
    fixture *f = open_log(FL_LOG_TEXT);
    char messages[400][16];
    (void)state;
    for (int i = 0; i < 400; i++) {
        (void)snprintf(messages[i], sizeof messages[i], "m%d", i);
        fl_log_write(f->log, FL_LOG_INFO, messages[i], NULL, 0);
    }
    assert_int_equal(count_lines(written(f)), 400);
    close_log(f);
}

static void a_long_value_is_cut_visibly(void **state)
{
    fixture *f = open_log(FL_LOG_TEXT);
    static char value[5000];
    (void)state;
    memset(value, 'x', sizeof value);
    FL_LOG(f->log, FL_LOG_INFO, "m", fl_kv_str("v", (fl_str){value, sizeof value}));
    fl_str text = written(f);
    assert_in_range(text.n, 1024, 1200);
    assert_non_null(memmem(text.p, text.n, "x\xE2\x80\xA6\"\n", 6));
    close_log(f);
}

static void pairs_beyond_the_longest_line_are_counted(void **state)
{
    fixture *f = open_log(FL_LOG_JSON);
    static char value[1000];
    fl_kv pairs[40];
    (void)state;
    memset(value, 'x', sizeof value);
    for (size_t i = 0; i < 40; i++) {
        pairs[i] = fl_kv_str("v", (fl_str){value, sizeof value});
    }
    fl_log_write(f->log, FL_LOG_INFO, "m", pairs, 40);
    fl_str text = written(f);
    assert_in_range(text.n, 15 << 10, 16 << 10);
    assert_int_equal(count_lines(text), 1);
    assert_non_null(memmem(text.p, text.n, "\",\"left_out\":24}\n", 17));
    close_log(f);
}

static void *write_lines(void *argument)
{
    fixture *f = argument;
    char message[32];
    for (int i = 0; i < 50; i++) {
        (void)snprintf(message, sizeof message, "m%d", i % 5);
        FL_LOG(f->log, FL_LOG_INFO, "from a thread", fl_kv_str("m", fl_str_of(message)));
    }
    return NULL;
}

static void threads_share_a_log_and_its_limit(void **state)
{
    fixture *f = open_log(FL_LOG_TEXT);
    pthread_t threads[4];
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, f), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    fl_str text = written(f);
    assert_int_equal(count_lines(text), 10);
    for (size_t line = 0; line < 10; line++) {
        assert_true(
            fl_str_starts(fl_str_cut(&text, '\n'), FL_S("2026-11-22T15:35:37.123Z info from")));
    }
    close_log(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_line_has_time_level_message_and_pairs),
        cmocka_unit_test(text_values_are_quoted_where_they_would_mislead),
        cmocka_unit_test(a_json_line_is_one_object),
        cmocka_unit_test(lines_below_the_level_are_dropped),
        cmocka_unit_test(no_log_drops_everything),
        cmocka_unit_test(beyond_10_lines_in_10_s_a_message_is_counted),
        cmocka_unit_test(more_messages_than_are_remembered_are_all_written),
        cmocka_unit_test(a_long_value_is_cut_visibly),
        cmocka_unit_test(pairs_beyond_the_longest_line_are_counted),
        cmocka_unit_test(threads_share_a_log_and_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
