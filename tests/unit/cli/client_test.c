#include "unit/cli/cli_fixture.h"

#include "cli/client_int.h"

static void expect_address(const char *given, const char *url, const char *host, const char *port,
                           bool loopback)
{
    fl_server_address address;
    fl_err err = {0};
    assert_ok(fl_server_resolve(given, &address, &err), &err);
    assert_string_equal(address.url, url);
    assert_string_equal(address.host, host);
    assert_string_equal(address.port, port);
    assert_int_equal(address.is_loopback, loopback);
}

static void an_address_is_taken_apart(void **state)
{
    (void)state;
    unsetenv("FLUORO_SERVER");
    expect_address("http://127.0.0.1:2000", "http://127.0.0.1:2000", "127.0.0.1", "2000", true);
    expect_address("127.0.0.1:2000", "http://127.0.0.1:2000", "127.0.0.1", "2000", true);
    expect_address("localhost:2000/", "http://localhost:2000", "localhost", "2000", true);
    expect_address("https://traces.example/xray/", "https://traces.example/xray", "traces.example",
                   "443", false);
    expect_address("http://[::1]:2000", "http://[::1]:2000", "[::1]", "2000", true);
    expect_address("http://shop.example", "http://shop.example", "shop.example", "80", false);
}

static void the_environment_names_the_server_where_no_option_does(void **state)
{
    (void)state;
    setenv("FLUORO_SERVER", "http://10.0.0.7:2000", 1);
    expect_address(NULL, "http://10.0.0.7:2000", "10.0.0.7", "2000", false);
    expect_address("127.0.0.1:3000", "http://127.0.0.1:3000", "127.0.0.1", "3000", true);
    setenv("FLUORO_SERVER", "", 1);
    expect_address(NULL, FL_SERVER_DEFAULT, "127.0.0.1", "2000", true);
    unsetenv("FLUORO_SERVER");
    expect_address(NULL, FL_SERVER_DEFAULT, "127.0.0.1", "2000", true);
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",           "ftp://x",        "http://",
                                        "http://a b", "http://x:99999", "file:///etc/passwd"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        fl_server_address address;
        fl_err err = {0};
        assert_int_equal(fl_server_resolve(texts[i], &address, &err), FL_E_INVALID);
        assert_non_null(strstr(err.message, "is no server address"));
    }
}

static fl_status error_of(long http, const char *body, fl_err *err)
{
    const fl_server_address address = {.url = "http://127.0.0.1:2000", .option = "--server"};
    return fl_client_error_of(&address, http, fl_str_of(body), err);
}

static void exceptions_become_their_status_and_keep_their_message(void **state)
{
    (void)state;
    fl_err err = {0};
    assert_int_equal(
        error_of(400, "{\"__type\":\"InvalidRequestException\",\"message\":\"bad filter\"}", &err),
        FL_E_INVALID);
    assert_string_equal(err.message, "the server refused: bad filter (InvalidRequestException)");
    assert_int_equal(
        error_of(429, "{\"__type\":\"ThrottledException\",\"message\":\"slow down\"}", &err),
        FL_E_BUSY);
    assert_string_equal(
        err.message, "the server refused: slow down (ThrottledException); try again in a moment");
    assert_int_equal(error_of(500, "{\"__type\":\"Unheard\"}", &err), FL_E_IO);
    assert_int_equal(error_of(418, "{\"__type\":\"Unheard\"}", &err), FL_E_INVALID);
}

static void another_program_at_the_address_is_recognised(void **state)
{
    (void)state;
    fl_err err = {0};
    assert_int_equal(error_of(404, "<html>nothing here</html>", &err), FL_E_CORRUPT);
    assert_string_equal(
        err.message, "what answers at http://127.0.0.1:2000 is no fluoro server (HTTP status 404); "
                     "name another with --server");
    assert_int_equal(error_of(502, "", &err), FL_E_CORRUPT);
    assert_int_equal(error_of(400, "[1]", &err), FL_E_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_taken_apart),
        cmocka_unit_test(the_environment_names_the_server_where_no_option_does),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(exceptions_become_their_status_and_keep_their_message),
        cmocka_unit_test(another_program_at_the_address_is_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
