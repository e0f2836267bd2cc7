#include "unit/cli/cli_fixture.h"

#include "cli/env_int.h"

static void emit(const char *server, fl_shell shell, fl_env_facts facts, fl_buf *out)
{
    fl_server_address address;
    fl_err err = {0};
    assert_ok(fl_server_resolve(server, &address, &err), &err);
    fl_buf_init(out, 65536);
    fl_env_emit(&address, shell, &facts, out);
}

static bool has(const fl_buf *out, const char *text)
{
    return memmem(out->p, out->n, text, strlen(text)) != NULL;
}

/* What sh has in a variable after it evaluated the output. */
static void expect_in_sh(const char *server, const char *variable, const char *expected)
{
    fl_buf out;
    char value[256] = "", path[] = "/tmp/fluoro-env-XXXXXX", command[256];
    emit(server, FL_SHELL_SH, (fl_env_facts){0}, &out);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, out.p, out.n), out.n);
    close(fd);
    snprintf(command, sizeof command,
             "env -i sh -euc 'eval \"$(cat %s)\"; env' | sed -n 's/^%s=//p'", path, variable);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_non_null(fgets(value, sizeof value, pipe));
    assert_int_equal(pclose(pipe), 0);
    value[strcspn(value, "\n")] = '\0';
    assert_string_equal(value, expected);
    unlink(path);
    fl_buf_fini(&out);
}

static void sh_can_evaluate_the_output(void **state)
{
    (void)state;
    expect_in_sh(NULL, "AWS_XRAY_DAEMON_ADDRESS", "127.0.0.1:2000");
    expect_in_sh("http://10.1.2.3:2001", "AWS_XRAY_DAEMON_ADDRESS", "10.1.2.3:2001");
    expect_in_sh("http://10.1.2.3:2001", "AWS_ENDPOINT_URL_XRAY", "http://10.1.2.3:2001");
    expect_in_sh(NULL, "AWS_REGION", "us-east-1");
    expect_in_sh(NULL, "AWS_ACCESS_KEY_ID", "fluoro");
}

static void a_quote_in_an_address_stays_data(void **state)
{
    (void)state;
    expect_in_sh("http://h/$(id)'`x`", "AWS_ENDPOINT_URL_XRAY", "http://h/$(id)'`x`");
}

static void what_is_set_already_is_not_touched(void **state)
{
    (void)state;
    fl_buf out;
    emit(NULL, FL_SHELL_SH, (fl_env_facts){.has_region = true, .has_credentials = true}, &out);
    assert_true(has(&out, "AWS_XRAY_DAEMON_ADDRESS"));
    assert_false(has(&out, "REGION="));
    assert_false(has(&out, "AWS_ACCESS_KEY_ID"));
    fl_buf_fini(&out);
}

static void other_shells_get_their_own_words(void **state)
{
    (void)state;
    fl_buf out;
    emit("http://h/it's", FL_SHELL_FISH, (fl_env_facts){0}, &out);
    assert_true(has(&out, "\nset -gx AWS_ENDPOINT_URL_XRAY 'http://h/it\\'s'\n"));
    fl_buf_fini(&out);
    emit("http://h/it's", FL_SHELL_POWERSHELL, (fl_env_facts){0}, &out);
    assert_true(has(&out, "\n$env:AWS_ENDPOINT_URL_XRAY = 'http://h/it''s'\n"));
    fl_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sh_can_evaluate_the_output),
        cmocka_unit_test(a_quote_in_an_address_stays_data),
        cmocka_unit_test(what_is_set_already_is_not_touched),
        cmocka_unit_test(other_shells_get_their_own_words),
    };
    return cmocka_run_group_tests(tests, fixture_setup, NULL);
}
