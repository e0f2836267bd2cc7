/* Addresses: what is taken, what is refused and why, and the way back to text. */
#include <sys/un.h>

#include "net/net.h"
#include "support/test.h"

static void assert_round_trip(const char *text, const char *expected)
{
    struct sockaddr_storage addr;
    fl_err err;
    assert_ok(fl_addr_parse(fl_str_of(text), &addr, &err), &err);
    fl_buf out;
    fl_buf_init(&out, 128);
    fl_addr_emit(&addr, &out);
    assert_str(fl_buf_str(&out), expected);
    fl_buf_fini(&out);
}

static void an_address_comes_back_as_it_was_written(void **state)
{
    (void)state;
    assert_round_trip("127.0.0.1:2000", "127.0.0.1:2000");
    assert_round_trip("0.0.0.0:0", "0.0.0.0:0");
    assert_round_trip("localhost:65535", "127.0.0.1:65535");
    assert_round_trip("[::1]:2000", "[::1]:2000");
    assert_round_trip("[2001:DB8::0:1]:1", "[2001:db8::1]:1");
}

static void assert_refused(fl_str text, const char *words)
{
    struct sockaddr_storage addr;
    fl_err err;
    assert_int_equal(fl_addr_parse(text, &addr, &err), FL_E_CONFIG);
    assert_non_null(strstr(err.message, words));
}

static void what_is_no_literal_address_is_refused_in_words(void **state)
{
    (void)state;
    assert_refused(FL_S(""), "no port");
    assert_refused(FL_S("127.0.0.1"), "no port");
    assert_refused(FL_S(":2000"), "no address");
    assert_refused(FL_S("127.0.0.1:"), "port is not a number");
    assert_refused(FL_S("127.0.0.1:65536"), "port is not a number");
    assert_refused(FL_S("127.0.0.1:-1"), "port is not a number");
    assert_refused(FL_S("127.0.0.1:2000 "), "port is not a number");
    assert_refused(FL_S("::1:2000"), "brackets");
    assert_refused(FL_S("[::1]"), "brackets");
    assert_refused(FL_S("[127.0.0.1]:1"), "neither");
    assert_refused(FL_S("[localhost]:1"), "neither");
    assert_refused(FL_S("example.com:80"), "not looked up");
    assert_refused(FL_S("127.0.0.1\0.2:80"), "no address");
    assert_refused(FL_S("1111111111111111111111111111111111111111111111111111:1"), "no address");
}

static bool is_loopback(const char *text)
{
    struct sockaddr_storage addr;
    fl_err err;
    assert_ok(fl_addr_parse(fl_str_of(text), &addr, &err), &err);
    return fl_addr_is_loopback(&addr);
}

static void loopback_is_what_no_other_machine_reaches(void **state)
{
    (void)state;
    assert_true(is_loopback("127.0.0.1:1"));
    assert_true(is_loopback("127.255.0.9:1"));
    assert_true(is_loopback("[::1]:1"));
    assert_true(is_loopback("[::ffff:127.0.0.1]:1"));
    assert_false(is_loopback("0.0.0.0:1"));
    assert_false(is_loopback("128.0.0.1:1"));
    assert_false(is_loopback("[::]:1"));
    assert_false(is_loopback("[::ffff:10.0.0.1]:1"));
    struct sockaddr_storage local = {.ss_family = AF_UNIX};
    assert_true(fl_addr_is_loopback(&local));
}

static void a_unix_address_is_emitted_as_its_path(void **state)
{
    (void)state;
    struct sockaddr_storage addr = {0};
    const struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/run/fluoro/segments"};
    memcpy(&addr, &un, sizeof un);
    fl_buf out;
    fl_buf_init(&out, 128);
    fl_addr_emit(&addr, &out);
    assert_str(fl_buf_str(&out), "/run/fluoro/segments");
    fl_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_comes_back_as_it_was_written),
        cmocka_unit_test(what_is_no_literal_address_is_refused_in_words),
        cmocka_unit_test(loopback_is_what_no_other_machine_reaches),
        cmocka_unit_test(a_unix_address_is_emitted_as_its_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
