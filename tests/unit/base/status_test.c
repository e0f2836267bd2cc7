#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"

static void every_status_has_a_text_and_an_http_code(void **state)
{
    (void)state;
    for (int i = 0; i < FL_STATUS_COUNT; i++) {
        const fl_status_class *class = fl_status_of((fl_status)i);
        assert_true(class->text != NULL && class->text[0] != '\0');
        assert_non_null(class->error_name);
        assert_in_range(class->http, 200, 599);
        assert_in_range(class->exit_code, 0, 5);
    }
}

static void only_ok_has_no_error_name_and_exit_code_zero(void **state)
{
    (void)state;
    for (int i = 0; i < FL_STATUS_COUNT; i++) {
        const fl_status_class *class = fl_status_of((fl_status)i);
        assert_int_equal(class->error_name[0] == '\0', i == FL_OK);
        assert_int_equal(class->exit_code == 0, i == FL_OK);
        assert_int_equal(class->http < 400, i == FL_OK);
    }
}

static void retryable_statuses_are_throttling_or_unavailability(void **state)
{
    (void)state;
    for (int i = 0; i < FL_STATUS_COUNT; i++) {
        const fl_status_class *class = fl_status_of((fl_status)i);
        assert_int_equal(class->retryable, class->http == 429 || class->http == 503);
    }
}

static void an_unknown_status_is_an_internal_failure(void **state)
{
    (void)state;
    assert_ptr_equal(fl_status_of((fl_status)FL_STATUS_COUNT), fl_status_of(FL_E_IO));
    assert_ptr_equal(fl_status_of((fl_status)-1), fl_status_of(FL_E_IO));
}

static void an_error_tells_status_place_and_message(void **state)
{
    fl_err err;
    (void)state;
    assert_int_equal(fl_err_set(&err, FL_E_IO, "some.c", 7, "cannot open %s", "x"), FL_E_IO);
    assert_int_equal(err.status, FL_E_IO);
    assert_int_equal(err.line, 7);
    assert_string_equal(err.file, "some.c");
    assert_string_equal(fl_err_text(&err, FL_E_IO), "cannot open x");
}

static void without_details_the_text_of_the_status_is_told(void **state)
{
    fl_err err = {0};
    (void)state;
    assert_int_equal(fl_err_set(NULL, FL_E_BUSY, "some.c", 1, "lost"), FL_E_BUSY);
    assert_string_equal(fl_err_text(NULL, FL_E_BUSY), fl_status_of(FL_E_BUSY)->text);
    assert_string_equal(fl_err_text(&err, FL_E_BUSY), fl_status_of(FL_E_BUSY)->text);
}

static void a_message_of_239_bytes_is_kept(void **state)
{
    fl_err err;
    (void)state;
    (void)fl_err_set(&err, FL_E_IO, "some.c", 1, "%0239d", 1);
    assert_int_equal(strlen(err.message), 239);
    assert_int_equal(err.message[238], '1');
}

static void a_longer_message_is_cut_between_characters(void **state)
{
    fl_err err;
    char text[400];
    (void)state;
    for (size_t shift = 0; shift < 3; shift++) {
        memset(text, 'a', shift);
        for (size_t i = shift; i + 3 < sizeof text; i += 3) {
            memcpy(text + i, "\xE2\x82\xAC", 4);
        }
        (void)fl_err_set(&err, FL_E_IO, "some.c", 1, "%s", text);
        size_t n = strlen(err.message);
        assert_in_range(n, FL_ERR_MESSAGE_MAX - 5, FL_ERR_MESSAGE_MAX - 1);
        assert_true(fl_utf8_valid((fl_str){err.message, n}));
    }
}

static fl_status failing(fl_err *err)
{
    FL_FAIL(err, FL_E_TIMEOUT, "after %d s", 3);
}

static fl_status passing_on(fl_err *err, bool *reached)
{
    FL_TRY(failing(err));
    *reached = true;
    return FL_OK;
}

static void try_returns_the_failure_onward(void **state)
{
    fl_err err;
    bool reached = false;
    (void)state;
    assert_int_equal(passing_on(&err, &reached), FL_E_TIMEOUT);
    assert_false(reached);
    assert_string_equal(err.message, "after 3 s");
}

static void size_arithmetic_tells_overflow(void **state)
{
    size_t out = 0;
    (void)state;
    assert_true(fl_size_add(SIZE_MAX - 1, 1, &out));
    assert_int_equal(out, SIZE_MAX);
    assert_false(fl_size_add(SIZE_MAX, 1, &out));
    assert_true(fl_size_mul(3, 5, &out));
    assert_int_equal(out, 15);
    assert_false(fl_size_mul(SIZE_MAX / 2 + 1, 2, &out));
}

static void a_bug_tells_its_place_and_aborts(void **state)
{
    int ends[2];
    int result;
    char text[200];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL); /* cmocka's handler would report a failure */
        dup2(ends[1], 2);
        fl_bug("two plus two");
    }
    close(ends[1]);
    ssize_t n = read(ends[0], text, sizeof text);
    assert_true(n > 0);
    assert_non_null(memmem(text, (size_t)n, ": two plus two\n", 15));
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFSIGNALED(result) && WTERMSIG(result) == SIGABRT);
    close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_text_and_an_http_code),
        cmocka_unit_test(only_ok_has_no_error_name_and_exit_code_zero),
        cmocka_unit_test(retryable_statuses_are_throttling_or_unavailability),
        cmocka_unit_test(an_unknown_status_is_an_internal_failure),
        cmocka_unit_test(an_error_tells_status_place_and_message),
        cmocka_unit_test(without_details_the_text_of_the_status_is_told),
        cmocka_unit_test(a_message_of_239_bytes_is_kept),
        cmocka_unit_test(a_longer_message_is_cut_between_characters),
        cmocka_unit_test(try_returns_the_failure_onward),
        cmocka_unit_test(size_arithmetic_tells_overflow),
        cmocka_unit_test(a_bug_tells_its_place_and_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
