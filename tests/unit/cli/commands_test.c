/* The program as a whole, as far as it needs no server: dispatch, help screens, exit codes. */
#include "unit/cli/cli_fixture.h"

#include "cli/cli.h"
#include "cli/cli_int.h"

/* Runs fluoro with words; what it wrote to descriptor fd is in *text (free it). Returns the exit
 * code. */
static int run(const char *const *words, int fd, char **text)
{
    char copies[8][64];
    char *argv[9] = {copies[0]};
    int argc = 1;
    snprintf(copies[0], sizeof copies[0], "fluoro");
    for (; words[argc - 1] != NULL; argc++) {
        snprintf(copies[argc], sizeof copies[argc], "%s", words[argc - 1]);
        argv[argc] = copies[argc];
    }
    argv[argc] = NULL;
    FILE *file = tmpfile();
    int kept = dup(fd);
    assert_non_null(file);
    assert_true(kept >= 0 && dup2(fileno(file), fd) == fd);
    int exit_code = fl_cli_main(argc, argv);
    assert_int_equal(dup2(kept, fd), fd);
    close(kept);
    long size = lseek(fileno(file), 0, SEEK_END);
    *text = calloc(1, (size_t)size + 1);
    assert_non_null(*text);
    assert_int_equal(pread(fileno(file), *text, (size_t)size, 0), size);
    fclose(file);
    return exit_code;
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void expect_screen(const char *text)
{
    size_t lines = 0;
    fl_str rest = fl_str_of(text);
    while (rest.n > 0) {
        fl_str line = fl_str_cut(&rest, '\n');
        if (fl_utf8_length(line) > 80) {
            fail_msg("wider than 80 columns: %.*s", FL_P(line));
        }
        lines++;
    }
    if (lines == 0 || lines > 24) {
        fail_msg("%zu lines:\n%s", lines, text);
    }
}

static void the_help_of_each_command_fits_a_screen(void **state)
{
    (void)state;
    for (size_t i = 0; i < fl_command_count; i++) {
        char *text;
        assert_int_equal(run(WORDS(fl_commands[i].name, "--help"), STDOUT_FILENO, &text), 0);
        expect_screen(text);
        free(text);
    }
}

static void the_overview_names_each_command_and_fits_a_screen(void **state)
{
    (void)state;
    char *text, *same;
    assert_int_equal(run(WORDS("help"), STDOUT_FILENO, &text), 0);
    assert_int_equal(run((const char *const[]){NULL}, STDOUT_FILENO, &same), 0);
    assert_string_equal(text, same);
    expect_screen(text);
    for (size_t i = 0; i < fl_command_count; i++) {
        assert_non_null(strstr(text, fl_commands[i].summary));
    }
    free(text);
    free(same);
}

static void help_of_a_command_is_its_help_screen(void **state)
{
    (void)state;
    char *text, *same;
    assert_int_equal(run(WORDS("help", "trace"), STDOUT_FILENO, &text), 0);
    assert_int_equal(run(WORDS("trace", "--help"), STDOUT_FILENO, &same), 0);
    assert_string_equal(text, same);
    free(text);
    free(same);
}

static void exit_codes_are_explained_from_the_status_table(void **state)
{
    (void)state;
    char *text;
    assert_int_equal(run(WORDS("help", "exit-codes"), STDOUT_FILENO, &text), 0);
    expect_screen(text);
    assert_non_null(strstr(text, "\n  0  ok\n  1  nothing found (traces), problems found (store "
                                 "verify)\n  2  invalid request"));
    assert_non_null(strstr(
        text, "\n  3  not found\n  4  over budget for now, cannot reach the server\n  5  out of"));
    assert_non_null(
        strstr(text, "\n`fluoro bedrock` has its own: 0 all well, 1 nothing converted"));
    free(text);
}

static void unknown_commands_bring_the_nearest_to_mind(void **state)
{
    (void)state;
    char *text;
    assert_int_equal(run(WORDS("trcaes"), STDERR_FILENO, &text), 2);
    assert_string_equal(text,
                        "fluoro: there is no command `trcaes`; did you mean `fluoro traces`?\n");
    free(text);
    assert_int_equal(run(WORDS("\x1b[31m"), STDERR_FILENO, &text), 2);
    assert_null(strchr(text, '\x1b'));
    free(text);
}

static void the_version_is_one_line(void **state)
{
    (void)state;
    static const char *const words[] = {"version", "--version", "-V"};
    for (size_t i = 0; i < 3; i++) {
        char *text;
        assert_int_equal(run(WORDS(words[i]), STDOUT_FILENO, &text), 0);
        assert_string_equal(text, "fluoro " FLUORO_VERSION "\n");
        free(text);
    }
}

static void a_server_that_does_not_answer_has_an_exit_code_and_a_remedy(void **state)
{
    (void)state;
    char *text;
    assert_int_equal(run(WORDS("traces", "--server", "http://127.0.0.1:1"), STDERR_FILENO, &text),
                     4);
    assert_string_equal(
        text,
        "fluoro: no fluoro server answers at http://127.0.0.1:1; start one with `fluoro serve`, "
        "or name another with --server\n");
    free(text);
    assert_int_equal(run(WORDS("trace", "latest", "--server", "127.0.0.1:1"), STDERR_FILENO, &text),
                     4);
    free(text);
    assert_int_equal(run(WORDS("demo", "--http", "--server", "127.0.0.1:1"), STDERR_FILENO, &text),
                     4);
    free(text);
    assert_int_equal(run(WORDS("demo", "--udp", "127.0.0.1:1"), STDERR_FILENO, &text), 4);
    assert_non_null(
        strstr(text, "nothing listens at UDP 127.0.0.1:1; start a server with `fluoro serve`"));
    free(text);
}

static void wrong_arguments_exit_with_2(void **state)
{
    (void)state;
    static const char *const wrong[][4] = {
        {"trace"},
        {"trace", "xyz"},
        {"traces", "--since", "yesterday"},
        {"traces", "--since", "1h", "--until=2h"},
        {"traces", "--server=ftp://x"},
        {"demo", "--traces", "0"},
        {"demo", "--udp", "nowhere"},
        {"demo", "--udp", "127.0.0.1:65536"},
        {"demo", "--udp", "127.0.0.1:0"},
        {"demo", "--udp", "127.0.0.1:xray"},
        {"env", "--shell", "cmd"},
        {"help", "frobnicate"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char *text;
        assert_int_equal(
            run(WORDS(wrong[i][0], wrong[i][1], wrong[i][2], wrong[i][3]), STDERR_FILENO, &text),
            2);
        assert_true(strncmp(text, "fluoro: ", 8) == 0 && text[strlen(text) - 1] == '\n');
        free(text);
    }
}

static void a_command_may_have_an_exit_code_of_its_own_for_wrong_arguments(void **state)
{
    (void)state;
    char *text;
    assert_int_equal(run(WORDS("bedrock", "--mode", "forest"), STDERR_FILENO, &text), 64);
    assert_string_equal(text, "fluoro: --mode takes tree or chain, not `forest`\n");
    free(text);
    assert_int_equal(run(WORDS("bedrock", "--trace-id", "7"), STDERR_FILENO, &text), 64);
    free(text);
}

static void all_options_are_shown_on_demand(void **state)
{
    (void)state;
    char *text;
    assert_int_equal(run(WORDS("bedrock", "--help-all"), STDOUT_FILENO, &text), 0);
    assert_non_null(strstr(text, "\nWhat comes in\n  --format FORMAT"));
    free(text);
    assert_int_equal(run(WORDS("traces", "--help-all"), STDERR_FILENO, &text), 2);
    free(text);
}

static const char *name_at(const void *names, size_t i)
{
    return ((const char *const *)names)[i];
}

static void nearness_is_a_matter_of_few_letters(void **state)
{
    (void)state;
    static const char *const names[] = {"serve", "demo", "traces", "trace", "env", "version"};
    const struct {
        const char *word, *nearest;
    } cases[] = {{"trce", "trace"},   {"tarces", "traces"}, {"sevre", "serve"},
                 {"vers", "version"}, {"enb", "env"},       {"xyz", NULL},
                 {"", NULL},          {"d", NULL},          {"servers", "serve"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *nearest = fl_cli_nearest(cases[i].word, name_at, names, 6);
        if (cases[i].nearest == NULL) {
            assert_null(nearest);
        } else {
            assert_non_null(nearest);
            assert_string_equal(nearest, cases[i].nearest);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_help_of_each_command_fits_a_screen),
        cmocka_unit_test(the_overview_names_each_command_and_fits_a_screen),
        cmocka_unit_test(help_of_a_command_is_its_help_screen),
        cmocka_unit_test(exit_codes_are_explained_from_the_status_table),
        cmocka_unit_test(unknown_commands_bring_the_nearest_to_mind),
        cmocka_unit_test(the_version_is_one_line),
        cmocka_unit_test(a_server_that_does_not_answer_has_an_exit_code_and_a_remedy),
        cmocka_unit_test(wrong_arguments_exit_with_2),
        cmocka_unit_test(a_command_may_have_an_exit_code_of_its_own_for_wrong_arguments),
        cmocka_unit_test(all_options_are_shown_on_demand),
        cmocka_unit_test(nearness_is_a_matter_of_few_letters),
    };
    return cmocka_run_group_tests(tests, fixture_setup, NULL);
}
