/* UDP: batches, truncation, what waits at the end, the numbers. */
#include "net_fixture.h"

#include <pthread.h>

typedef struct receiver {
    atomic_size_t datagrams, bytes, truncated, batches, empty_batches;
    size_t in_batch;   /* on the loop */
    atomic_bool holds; /* the next datagram keeps the loop busy until it is cleared */
    char last[64];
    size_t last_n;
} receiver;

static void on_datagram(void *user, fl_str datagram, bool truncated)
{
    receiver *to = user;
    to->in_batch++;
    to->last_n = datagram.n;
    memcpy(to->last, datagram.p, datagram.n < sizeof to->last ? datagram.n : sizeof to->last);
    atomic_fetch_add(&to->bytes, datagram.n);
    atomic_fetch_add(&to->truncated, truncated ? 1 : 0);
    atomic_fetch_add(&to->datagrams, 1);
    while (atomic_load(&to->holds)) {
        usleep(100);
    }
}

static void on_batch_end(void *user)
{
    receiver *to = user;
    atomic_fetch_add(&to->empty_batches, to->in_batch == 0 ? 1 : 0);
    atomic_fetch_add(&to->batches, 1);
    to->in_batch = 0;
}

static fl_udp *open_udp(fl_loop *loop, receiver *to, size_t max, struct sockaddr_storage *bound)
{
    fl_udp_config config = {.addr = loopback(),
                            .loop = loop,
                            .max_datagram_bytes = max,
                            .receive_buffer_bytes = 1 << 20,
                            .user = to,
                            .on_datagram = on_datagram,
                            .on_batch_end = on_batch_end};
    fl_udp *udp;
    fl_err err;
    assert_ok(fl_udp_new(&config, bound, &udp, &err), &err);
    return udp;
}

static void every_datagram_arrives_and_ends_in_a_batch(void **state)
{
    (void)state;
    fl_loop *loop = running_loop();
    receiver to = {0};
    struct sockaddr_storage bound;
    fl_udp *udp = open_udp(loop, &to, 65536, &bound);
    int fd = client_of(&bound, SOCK_DGRAM);
    for (int i = 0; i < 100; i++) {
        send_text(fd, "one datagram");
    }
    wait_until(atomic_load(&to.datagrams) == 100);
    wait_until(atomic_load(&to.batches) > 0);
    fl_udp_stop_and_free(udp);
    assert_int_equal(atomic_load(&to.bytes), 1200);
    assert_int_equal(atomic_load(&to.empty_batches), 0);
    assert_int_equal(to.in_batch, 0);
    assert_int_equal(memcmp(to.last, "one datagram", 12), 0);
    close(fd);
    fl_loop_stop_and_free(loop);
}

static void a_batch_longer_than_one_sweep_of_the_socket_ends_too(void **state)
{
    (void)state;
    fl_loop *loop = running_loop();
    receiver to = {0};
    struct sockaddr_storage bound;
    fl_udp *udp = open_udp(loop, &to, 65536, &bound);
    int fd = client_of(&bound, SOCK_DGRAM);
    atomic_store(&to.holds, true);
    for (int i = 0; i < 32; i++) { /* libuv stops at 32 and does not look whether more waits */
        send_text(fd, "x");
    }
    wait_until(atomic_load(&to.datagrams) == 1);
    atomic_store(&to.holds, false);
    wait_until(atomic_load(&to.datagrams) == 32);
    wait_until(atomic_load(&to.batches) >= 1);
    fl_udp_stop_and_free(udp);
    assert_int_equal(to.in_batch, 0);
    close(fd);
    fl_loop_stop_and_free(loop);
}

static void an_empty_datagram_is_a_datagram(void **state)
{
    (void)state;
    fl_loop *loop = running_loop();
    receiver to = {0};
    struct sockaddr_storage bound;
    fl_udp *udp = open_udp(loop, &to, 65536, &bound);
    int fd = client_of(&bound, SOCK_DGRAM);
    assert_int_equal(send(fd, "", 0, 0), 0);
    wait_until(atomic_load(&to.datagrams) == 1);
    fl_udp_stop_and_free(udp);
    assert_int_equal(to.last_n, 0);
    close(fd);
    fl_loop_stop_and_free(loop);
}

static void the_largest_datagram_comes_whole_and_one_over_the_maximum_comes_cut(void **state)
{
    (void)state;
    fl_loop *loop = running_loop();
    receiver large = {0}, small = {0};
    struct sockaddr_storage large_addr, small_addr;
    fl_udp *large_udp = open_udp(loop, &large, 65536, &large_addr);
    fl_udp *small_udp = open_udp(loop, &small, 16, &small_addr);
    static const char zeros[65507];
    int fd = client_of(&large_addr, SOCK_DGRAM);
    send_bytes(fd, (fl_str){zeros, sizeof zeros});
    wait_until(atomic_load(&large.bytes) == sizeof zeros);
    close(fd);
    fd = client_of(&small_addr, SOCK_DGRAM);
    send_text(fd, "sixteen bytes ok");
    send_text(fd, "seventeen bytes!!");
    wait_until(atomic_load(&small.datagrams) == 2);
    assert_int_equal(atomic_load(&large.truncated), 0);
    assert_int_equal(atomic_load(&small.truncated), 1);
    assert_int_equal(atomic_load(&small.bytes), 32);
    assert_int_equal(fl_counter_get(&fl_udp_stats_get(small_udp)->truncated), 1);
    fl_udp_stop_and_free(large_udp);
    fl_udp_stop_and_free(small_udp);
    close(fd);
    fl_loop_stop_and_free(loop);
}

typedef struct blocker {
    fl_task task;
    atomic_bool reached, go;
} blocker;

static void block_loop(fl_task *task)
{
    blocker *block = (blocker *)(void *)task;
    atomic_store(&block->reached, true);
    while (!atomic_load(&block->go)) {
        usleep(100);
    }
}

static void *release_soon(void *user)
{
    usleep(20000); /* the stop is posted by then, so the loop cannot read the socket in between */
    atomic_store(&((blocker *)user)->go, true);
    return NULL;
}

static void what_waits_in_the_socket_at_the_stop_is_taken_in(void **state)
{
    (void)state;
    fl_loop *loop = running_loop();
    receiver to = {0};
    struct sockaddr_storage bound;
    fl_udp *udp = open_udp(loop, &to, 65536, &bound);
    blocker block = {.task = {.run = block_loop}};
    fl_loop_post(loop, &block.task);
    wait_until(atomic_load(&block.reached));
    int fd = client_of(&bound, SOCK_DGRAM);
    for (int i = 0; i < 50; i++) {
        send_text(fd, "late");
    }
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, release_soon, &block), 0);
    fl_udp_stop_and_free(udp);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(atomic_load(&to.datagrams), 50);
    assert_int_equal(to.in_batch, 0);
    close(fd);
    fl_loop_stop_and_free(loop);
}

static void what_the_kernel_drops_is_counted(void **state)
{
    (void)state;
    fl_loop *loop = running_loop();
    receiver to = {0};
    struct sockaddr_storage bound;
    fl_udp *udp = open_udp(loop, &to, 65536, &bound);
    uint64_t buffer_bytes = fl_counter_get(&fl_udp_stats_get(udp)->buffer_bytes);
    assert_true(buffer_bytes > 0);
    blocker block = {.task = {.run = block_loop}};
    fl_loop_post(loop, &block.task);
    wait_until(atomic_load(&block.reached));
    static const char kilobytes[8192];
    size_t sent = 2 * buffer_bytes / sizeof kilobytes + 64;
    int fd = client_of(&bound, SOCK_DGRAM);
    for (size_t i = 0; i < sent; i++) {
        send_bytes(fd, (fl_str){kilobytes, sizeof kilobytes});
    }
    uint64_t drops = fl_counter_get(&fl_udp_stats_get(udp)->kernel_drops);
    assert_true(drops > 0);
    atomic_store(&block.go, true);
    wait_until(atomic_load(&to.datagrams) + drops == sent);
    fl_udp_stop_and_free(udp);
    close(fd);
    fl_loop_stop_and_free(loop);
}

static void an_address_in_use_is_a_configuration_error(void **state)
{
    (void)state;
    fl_loop *loop = running_loop();
    receiver to = {0};
    struct sockaddr_storage bound;
    fl_udp *udp = open_udp(loop, &to, 65536, &bound);
    fl_udp_config config = {.addr = bound,
                            .loop = loop,
                            .max_datagram_bytes = 10,
                            .receive_buffer_bytes = 1,
                            .user = &to,
                            .on_datagram = on_datagram,
                            .on_batch_end = on_batch_end};
    fl_udp *second;
    fl_err err;
    assert_int_equal(fl_udp_new(&config, &bound, &second, &err), FL_E_CONFIG);
    assert_non_null(strstr(err.message, "another program"));
    fl_udp_stop_and_free(udp);
    fl_loop_stop_and_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_datagram_arrives_and_ends_in_a_batch),
        cmocka_unit_test(a_batch_longer_than_one_sweep_of_the_socket_ends_too),
        cmocka_unit_test(an_empty_datagram_is_a_datagram),
        cmocka_unit_test(the_largest_datagram_comes_whole_and_one_over_the_maximum_comes_cut),
        cmocka_unit_test(what_waits_in_the_socket_at_the_stop_is_taken_in),
        cmocka_unit_test(what_the_kernel_drops_is_counted),
        cmocka_unit_test(an_address_in_use_is_a_configuration_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
