#include "server/server.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/test.h"

typedef struct fixture {
    fl_arena arena;
    fl_server_config config;
    fl_err err;
} fixture;

static int begin(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    fl_arena_init(&f->arena, 1 << 20);
    *state = f;
    return 0;
}

static int end(void **state)
{
    fixture *f = *state;
    fl_arena_fini(&f->arena);
    free(f);
    return 0;
}

static fl_status read_one(fixture *f, const char *name, const char *value, char *const *environment)
{
    const fl_setting setting = {fl_str_of(name), fl_str_of(value)};
    return fl_server_config_read(&f->arena, &setting, 1, environment, &f->config, &f->err);
}

static void defaults_need_no_file(void **state)
{
    fixture *f = *state;
    char *environment[] = {(char *)(uintptr_t) "HOME=/home/ann", NULL};
    assert_ok(fl_server_config_read(&f->arena, NULL, 0, environment, &f->config, &f->err), &f->err);
    assert_str(f->config.listen, "127.0.0.1:2000");
    assert_str(f->config.udp, "127.0.0.1:2000");
    assert_str(f->config.data, "/home/ann/.local/share/fluoro");
    assert_int_equal(f->config.memory_bytes, 512u << 20);
    assert_int_equal(f->config.retention_ns, 30 * 86400 * FL_NS_PER_S);
    assert_int_equal(f->config.query_time_ns, 10 * FL_NS_PER_S);
    assert_int_equal(f->config.query_bytes, UINT64_C(1) << 30);
    assert_int_equal(f->config.durability, FL_DURABILITY_COMMIT);
    assert_int_equal(f->config.limits, FL_PROFILE_OPEN);
    assert_int_equal(f->config.segments_tcp.n, 0);
}

static void command_line_beats_environment_beats_file(void **state)
{
    fixture *f = *state;
    char *dir = test_temp_dir();
    char path[512], variable[600];
    snprintf(path, sizeof path, "%s/fluoro.ini", dir);
    snprintf(variable, sizeof variable, "FLUORO_CONFIG=%s", path);
    fl_str ini = FL_S("; a comment\nmemory = 64M\nretention = 1d\ndisk_budget = 1G\n");
    assert_ok(fl_fs_write_all(fl_fs_system(), path, ini, &f->err), &f->err);
    char *environment[] = {variable, (char *)(uintptr_t) "FLUORO_RETENTION=2d",
                           (char *)(uintptr_t) "FLUORO_DISK_BUDGET=2G", NULL};
    assert_ok(read_one(f, "disk-budget", "3G", environment), &f->err);
    assert_int_equal(f->config.memory_bytes, 64u << 20);
    assert_int_equal(f->config.retention_ns, 2 * 86400 * FL_NS_PER_S);
    assert_int_equal(f->config.disk_bytes, UINT64_C(3) << 30);
    test_remove_dir(dir);
}

static void an_unknown_key_in_the_file_is_an_error_that_names_it(void **state)
{
    fixture *f = *state;
    char *dir = test_temp_dir();
    char path[512];
    snprintf(path, sizeof path, "%s/fluoro.ini", dir);
    assert_ok(fl_fs_write_all(fl_fs_system(), path, FL_S("memori = 64M\n"), &f->err), &f->err);
    assert_int_equal(read_one(f, "config", path, NULL), FL_E_CONFIG);
    assert_non_null(strstr(f->err.message, "memori"));
    test_remove_dir(dir);
}

static void a_missing_file_is_an_error(void **state)
{
    fixture *f = *state;
    assert_int_equal(read_one(f, "config", "/nowhere/fluoro.ini", NULL), FL_E_CONFIG);
    assert_non_null(strstr(f->err.message, "/nowhere/fluoro.ini"));
}

static void bad_values_are_refused_with_key_and_value(void **state)
{
    fixture *f = *state;
    static const char *const rows[][2] = {
        {"memory", "lots"},
        {"memory", "1"},
        {"retention", "-1d"},
        {"limits", "azure"},
        {"durability", "none"},
        {"threads", "65"},
        {"store", "clickhouse://h"},
        {"listen", "nonsense"},
        {"udp", "127.0.0.1:99999"},
        {"otlp-http", "0.0.0.0:4318"},
        {"listen", ""},
        {"log-level", "trace"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(read_one(f, rows[i][0], rows[i][1], NULL), FL_E_CONFIG);
        assert_non_null(strstr(f->err.message, rows[i][0]));
        assert_non_null(strstr(f->err.message, rows[i][1]));
    }
}

static void every_key_has_a_help_line(void **state)
{
    (void)state;
    size_t i = 0;
    for (const fl_config_key *key; (key = fl_server_config_key(i)) != NULL; i++) {
        assert_true(strlen(key->name) > 0 && strlen(key->help) > 0 && strlen(key->argument) > 0);
    }
    assert_true(i > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(defaults_need_no_file, begin, end),
        cmocka_unit_test_setup_teardown(command_line_beats_environment_beats_file, begin, end),
        cmocka_unit_test_setup_teardown(an_unknown_key_in_the_file_is_an_error_that_names_it, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_missing_file_is_an_error, begin, end),
        cmocka_unit_test_setup_teardown(bad_values_are_refused_with_key_and_value, begin, end),
        cmocka_unit_test_setup_teardown(every_key_has_a_help_line, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
