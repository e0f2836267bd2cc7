/* Streams: bytes in order, both ends, back-pressure, limits, unix sockets. */
#include "net_fixture.h"

#include <sys/stat.h>

#define RECEIVED_MAX 4096

typedef struct sink {
    atomic_size_t opened, closed, closed_clean, bytes;
    atomic_bool refuses;    /* on_open says no */
    atomic_size_t close_at; /* on_bytes says no once so many have come; 0 = never */
    atomic_size_t pause_at; /* on_bytes pauses then; 0 = never */
    fl_stream *_Atomic paused;
    char received[RECEIVED_MAX]; /* its first bytes; read after the server's end */
    fl_loop *opened_on;
} sink;

static bool on_open(void *user, fl_stream *stream, void **state)
{
    sink *to = user;
    to->opened_on = fl_stream_loop(stream);
    *state = to;
    atomic_fetch_add(&to->opened, 1);
    if (atomic_load(&to->pause_at) != 0) {
        atomic_store(&to->paused, stream);
    }
    return !atomic_load(&to->refuses);
}

static bool on_bytes(void *state, fl_str bytes)
{
    sink *to = state;
    size_t before = atomic_load(&to->bytes);
    size_t room = before < RECEIVED_MAX ? RECEIVED_MAX - before : 0;
    memcpy(to->received + (RECEIVED_MAX - room), bytes.p, bytes.n < room ? bytes.n : room);
    if (atomic_load(&to->pause_at) != 0 && before < atomic_load(&to->pause_at) &&
        before + bytes.n >= atomic_load(&to->pause_at)) {
        fl_stream_pause(atomic_load(&to->paused));
    }
    atomic_fetch_add(&to->bytes, bytes.n);
    return atomic_load(&to->close_at) == 0 || before + bytes.n < atomic_load(&to->close_at);
}

static void on_close(void *state, bool clean)
{
    sink *to = state;
    atomic_fetch_add(&to->closed_clean, clean ? 1 : 0);
    atomic_fetch_add(&to->closed, 1);
}

typedef struct fixture {
    fl_loop *loop;
    sink to;
    struct sockaddr_storage bound;
    fl_stream_server *server;
} fixture;

static fl_stream_config config_of(fixture *f, struct sockaddr_storage addr)
{
    return (fl_stream_config){.addr = addr,
                              .loops = &f->loop,
                              .loop_count = 1,
                              .connections = 2,
                              .user = &f->to,
                              .on_open = on_open,
                              .on_bytes = on_bytes,
                              .on_close = on_close};
}

static void open_server(fixture *f, struct sockaddr_storage addr, int64_t idle_ns)
{
    memset(f, 0, sizeof *f);
    f->loop = running_loop();
    fl_stream_config config = config_of(f, addr);
    config.idle_timeout_ns = idle_ns;
    fl_err err;
    assert_ok(fl_stream_server_new(&config, &f->bound, &f->server, &err), &err);
}

static void close_server(fixture *f)
{
    fl_stream_server_stop_and_free(f->server);
    fl_loop_stop_and_free(f->loop);
}

static void bytes_arrive_in_order_and_a_client_that_ends_is_clean(void **state)
{
    (void)state;
    fixture f;
    open_server(&f, loopback(), 0);
    int fd = client_of(&f.bound, SOCK_STREAM);
    send_text(fd, "{\"format\":\"json\",\"version\":1}\n");
    send_text(fd, "{} {}");
    close(fd);
    wait_until(atomic_load(&f.to.closed) == 1);
    assert_int_equal(atomic_load(&f.to.closed_clean), 1);
    assert_ptr_equal(f.to.opened_on, f.loop);
    assert_int_equal(fl_counter_get(&fl_stream_server_stats(f.server)->bytes_in), 35);
    wait_until(fl_counter_get(&fl_stream_server_stats(f.server)->connections_open) == 0);
    close_server(&f);
    assert_str(((fl_str){f.to.received, 35}), "{\"format\":\"json\",\"version\":1}\n{} {}");
}

static void a_reset_is_not_clean(void **state)
{
    (void)state;
    fixture f;
    open_server(&f, loopback(), 0);
    int fd = client_of(&f.bound, SOCK_STREAM);
    send_text(fd, "{");
    wait_until(atomic_load(&f.to.bytes) == 1);
    const struct linger hard = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
    close(fd);
    wait_until(atomic_load(&f.to.closed) == 1);
    assert_int_equal(atomic_load(&f.to.closed_clean), 0);
    close_server(&f);
}

static void a_protocol_that_refuses_closes_the_connection(void **state)
{
    (void)state;
    fixture f;
    open_server(&f, loopback(), 0);
    char byte;
    atomic_store(&f.to.refuses, true);
    int fd = client_of(&f.bound, SOCK_STREAM);
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
    assert_int_equal(atomic_load(&f.to.closed), 0); /* never opened: nothing to close */
    atomic_store(&f.to.refuses, false);
    atomic_store(&f.to.close_at, 3);
    fd = client_of(&f.bound, SOCK_STREAM);
    send_text(fd, "123");
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    wait_until(atomic_load(&f.to.closed) == 1);
    close(fd);
    close_server(&f);
}

static void a_connection_over_the_limit_is_refused_and_counted(void **state)
{
    (void)state;
    fixture f;
    open_server(&f, loopback(), 0);
    int first = client_of(&f.bound, SOCK_STREAM), second = client_of(&f.bound, SOCK_STREAM);
    wait_until(atomic_load(&f.to.opened) == 2);
    int third = client_of(&f.bound, SOCK_STREAM);
    char byte;
    assert_int_equal(recv(third, &byte, 1, 0), 0);
    assert_int_equal(fl_counter_get(&fl_stream_server_stats(f.server)->connections_refused), 1);
    close(first);
    close(second);
    close(third);
    close_server(&f);
}

static void an_idle_connection_is_closed_in_time(void **state)
{
    (void)state;
    fixture f;
    open_server(&f, loopback(), 50 * FL_NS_PER_MS);
    int fd = client_of(&f.bound, SOCK_STREAM);
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    wait_until(atomic_load(&f.to.closed) == 1);
    assert_int_equal(atomic_load(&f.to.closed_clean), 0);
    close(fd);
    close_server(&f);
}

typedef struct resume_task {
    fl_task task;
    fl_stream *stream;
} resume_task;

static void resume(fl_task *task)
{
    fl_stream_resume(((resume_task *)(void *)task)->stream);
}

static void a_paused_stream_brings_nothing_until_it_is_resumed(void **state)
{
    (void)state;
    fixture f;
    open_server(&f, loopback(), 0);
    atomic_store(&f.to.pause_at, 1);
    int fd = client_of(&f.bound, SOCK_STREAM);
    send_text(fd, "1");
    wait_until(atomic_load(&f.to.bytes) == 1);
    send_text(fd, "23");
    usleep(50000);
    assert_int_equal(atomic_load(&f.to.bytes), 1);
    resume_task task = {.task = {.run = resume}, .stream = atomic_load(&f.to.paused)};
    fl_loop_post(f.loop, &task.task);
    wait_until(atomic_load(&f.to.bytes) == 3);
    close(fd);
    close_server(&f);
    assert_str(((fl_str){f.to.received, 3}), "123");
}

static void the_stop_reads_what_already_waits(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        fixture f;
        open_server(&f, loopback(), 0);
        int fd = client_of(&f.bound, SOCK_STREAM);
        send_text(fd, "sent before the stop");
        close_server(&f);
        assert_int_equal(atomic_load(&f.to.bytes), 20);
        assert_int_equal(atomic_load(&f.to.closed), 1);
        close(fd);
    }
}

/* ---- Unix sockets */

static struct sockaddr_storage path_in(const char *dir, const char *name)
{
    struct sockaddr_storage addr = {0};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    (void)snprintf(un.sun_path, sizeof un.sun_path, "%s/%s", dir, name);
    memcpy(&addr, &un, sizeof un);
    return addr;
}

static const char *path_of(const struct sockaddr_storage *addr)
{
    return ((const struct sockaddr_un *)addr)->sun_path;
}

static void a_unix_socket_serves_only_its_owner_and_group_and_goes_with_the_server(void **state)
{
    (void)state;
    char *dir = test_temp_dir();
    fixture f;
    struct sockaddr_storage addr = path_in(dir, "segments");
    open_server(&f, addr, 0);
    struct stat found;
    assert_int_equal(stat(path_of(&addr), &found), 0);
    assert_int_equal(found.st_mode & 0777, 0660);
    int fd = client_of(&f.bound, SOCK_STREAM);
    send_text(fd, "hello");
    close(fd);
    wait_until(atomic_load(&f.to.closed_clean) == 1);
    close_server(&f);
    assert_int_equal(atomic_load(&f.to.bytes), 5);
    assert_int_not_equal(stat(path_of(&addr), &found), 0);
    test_remove_dir(dir);
}

static void assert_not_opened(fixture *f, struct sockaddr_storage addr, const char *words)
{
    fl_stream_config config = config_of(f, addr);
    fl_stream_server *server;
    struct sockaddr_storage bound;
    fl_err err;
    assert_int_equal(fl_stream_server_new(&config, &bound, &server, &err), FL_E_CONFIG);
    assert_non_null(strstr(err.message, words));
}

static void only_a_socket_file_that_nobody_serves_is_replaced(void **state)
{
    (void)state;
    char *dir = test_temp_dir();
    struct sockaddr_storage addr = path_in(dir, "socket"), file = path_in(dir, "file");
    int stale = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(stale, (const struct sockaddr *)&addr, addr_len(&addr)), 0);
    close(stale); /* the file stays, nobody listens */
    fixture f;
    open_server(&f, addr, 0);
    assert_not_opened(&f, addr, "another program");
    FILE *made = fopen(path_of(&file), "w");
    assert_non_null(made);
    (void)fclose(made);
    assert_not_opened(&f, file, "no socket");
    assert_not_opened(&f, path_in(dir, "absent/socket"), "folder does not exist");
    int fd = client_of(&addr, SOCK_STREAM); /* the refused ones have not touched it */
    close(fd);
    close_server(&f);
    test_remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_arrive_in_order_and_a_client_that_ends_is_clean),
        cmocka_unit_test(a_reset_is_not_clean),
        cmocka_unit_test(a_protocol_that_refuses_closes_the_connection),
        cmocka_unit_test(a_connection_over_the_limit_is_refused_and_counted),
        cmocka_unit_test(an_idle_connection_is_closed_in_time),
        cmocka_unit_test(a_paused_stream_brings_nothing_until_it_is_resumed),
        cmocka_unit_test(the_stop_reads_what_already_waits),
        cmocka_unit_test(a_unix_socket_serves_only_its_owner_and_group_and_goes_with_the_server),
        cmocka_unit_test(only_a_socket_file_that_nobody_serves_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
