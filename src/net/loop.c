/*
 * Event loops: a thread, libuv's loop, and a mailbox.
 *
 * The mailbox is a stack that posters push onto and the loop takes whole by one exchange, then
 * turns round: no locks, no allocation, and the order of posting is kept. Only the post that finds
 * it empty wakes the loop, by an eventfd of our own: libuv 1.44's uv_async_send lets the woken loop
 * spin while its sender is preempted (7 to 13 % of the samples of a put benchmark on two busy
 * cores).
 */
#include "net/net_int.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct fl_timer {
    uv_timer_t uv;
    fl_loop *loop;
    fl_timer *previous, *next;
    void (*run)(void *user);
    void *user;
};

struct fl_loop {
    uv_loop_t uv;
    int wake_fd;
    uv_poll_t wake;
    _Atomic(fl_task *) inbox;  /* newest first */
    atomic_size_t posting;     /* threads inside fl_loop_post; the loop outlives them */
    _Atomic pthread_t current; /* the running thread, 0 before */
    uv_thread_t thread;
    bool started;
    fl_task stop;
    fl_timer *timers;
    fl_log *log;
};

uint64_t net_ms_of_ns(int64_t ns)
{
    return ns <= FL_NS_PER_MS ? 1 : (uint64_t)((ns - 1) / FL_NS_PER_MS + 1);
}

/* ---- Mailbox */

/* Runs what was posted, oldest first; false if there was nothing. */
static bool run_inbox(fl_loop *loop)
{
    fl_task *newest = atomic_exchange_explicit(&loop->inbox, NULL, memory_order_acquire);
    fl_task *oldest = NULL;
    while (newest != NULL) {
        fl_task *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    bool any = oldest != NULL;
    while (oldest != NULL) {
        fl_task *task = oldest;
        oldest = task->next; /* before run: the task may be gone or posted again afterwards */
        task->run(task);
    }
    return any;
}

static void on_wake(uv_poll_t *wake, int status, int events)
{
    fl_loop *loop = wake->data;
    eventfd_t count;
    (void)status;
    (void)events;
    /* Before the inbox is taken: a post that finds it empty afterwards writes again. */
    (void)eventfd_read(loop->wake_fd, &count);
    (void)run_inbox(loop);
}

void fl_loop_post(fl_loop *loop, fl_task *task)
{
    atomic_fetch_add_explicit(&loop->posting, 1, memory_order_relaxed);
    fl_task *head = atomic_load_explicit(&loop->inbox, memory_order_relaxed);
    do {
        task->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&loop->inbox, &head, task, memory_order_release,
                                                    memory_order_relaxed));
    if (head == NULL) {
        (void)eventfd_write(loop->wake_fd, 1);
    }
    atomic_fetch_sub_explicit(&loop->posting, 1, memory_order_release);
}

/* ---- Life */

/* Signals go to the main thread; a write to a closed socket is an error here, not SIGPIPE. Faults
 * stay open: a sanitizer's report needs them. */
static void block_signals(void)
{
    sigset_t set;
    sigfillset(&set);
    const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        sigdelset(&set, faults[i]);
    }
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void close_left(uv_handle_t *handle, void *user)
{
    fl_loop *loop = user;
    if (handle != (uv_handle_t *)&loop->wake && !uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

/* Runs and closes until nothing is left: what is posted may open handles, work that ends may post.
 */
static void wind_down(fl_loop *loop)
{
    uv_unref((uv_handle_t *)&loop->wake);
    do {
        (void)run_inbox(loop);
        while (loop->timers != NULL) {
            fl_timer_free(loop->timers);
        }
        uv_walk(&loop->uv, close_left, loop);
        (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
    } while (run_inbox(loop) || uv_loop_alive(&loop->uv));
    uv_close((uv_handle_t *)&loop->wake, NULL);
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
}

static void loop_main(void *user)
{
    fl_loop *loop = user;
    block_signals();
    atomic_store(&loop->current, pthread_self());
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
    wind_down(loop);
}

static void on_stop(fl_task *task)
{
    fl_loop *loop = NET_CONTAINER_OF(task, fl_loop, stop);
    uv_stop(&loop->uv);
}

/* The loop's wake-up, on an initialised libuv loop. */
static int make_wake(fl_loop *loop)
{
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake_fd < 0) {
        return uv_translate_sys_error(errno);
    }
    int failed = uv_poll_init(&loop->uv, &loop->wake, loop->wake_fd);
    if (failed != 0) {
        (void)close(loop->wake_fd);
        return failed;
    }
    loop->wake.data = loop;
    return uv_poll_start(&loop->wake, UV_READABLE, on_wake);
}

fl_status fl_loop_new(fl_log *log, fl_loop **out, fl_err *err)
{
    fl_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for an event loop");
    }
    int failed = uv_loop_init(&loop->uv);
    if (failed != 0) {
        free(loop);
        FL_FAIL(err, FL_E_IO, "cannot make an event loop: %s", uv_strerror(failed));
    }
    failed = make_wake(loop);
    if (failed != 0) {
        (void)uv_loop_close(&loop->uv);
        free(loop);
        FL_FAIL(err, FL_E_IO, "cannot make an event loop's wake-up: %s", uv_strerror(failed));
    }
    loop->stop.run = on_stop;
    loop->log = log;
    *out = loop;
    return FL_OK;
}

fl_status fl_loop_start(fl_loop *loop, fl_err *err)
{
    int failed = uv_thread_create(&loop->thread, loop_main, loop);
    if (failed != 0) {
        FL_FAIL(err, FL_E_IO, "cannot start a thread: %s", uv_strerror(failed));
    }
    loop->started = true;
    return FL_OK;
}

void fl_loop_stop_and_free(fl_loop *loop)
{
    if (loop->started) {
        fl_loop_post(loop, &loop->stop);
        (void)uv_thread_join(&loop->thread);
    } else {
        wind_down(loop);
    }
    /* A poster whose task has long been run may still be on its way out of fl_loop_post. */
    while (atomic_load_explicit(&loop->posting, memory_order_acquire) != 0) {
        (void)sched_yield();
    }
    if (uv_loop_close(&loop->uv) != 0) {
        FL_LOG(loop->log, FL_LOG_ERROR, "an event loop ended with open handles",
               fl_kv_i64("active", uv_loop_alive(&loop->uv)));
    }
    (void)close(loop->wake_fd);
    free(loop);
}

uv_loop_t *fl_loop_uv(fl_loop *loop)
{
    return &loop->uv;
}

bool fl_loop_is_current(const fl_loop *loop)
{
    return atomic_load(&loop->current) == pthread_self();
}

/* ---- Worker pool */

static void on_pool_work(uv_work_t *request)
{
    fl_work *work = NET_CONTAINER_OF(request, fl_work, request);
    work->work(work);
}

static void on_pool_done(uv_work_t *request, int status)
{
    (void)status; /* nobody cancels work */
    fl_work *work = NET_CONTAINER_OF(request, fl_work, request);
    work->done(work);
}

void fl_loop_work(fl_loop *loop, fl_work *work)
{
    if (uv_queue_work(&loop->uv, &work->request, on_pool_work, on_pool_done) != 0) {
        fl_bug("uv_queue_work refused");
    }
}

/* ---- Timers */

static void on_timer(uv_timer_t *uv)
{
    fl_timer *timer = NET_CONTAINER_OF(uv, fl_timer, uv);
    timer->run(timer->user);
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(NET_CONTAINER_OF(handle, fl_timer, uv));
}

fl_status fl_timer_new(fl_loop *loop, int64_t interval_ns, void (*run)(void *user), void *user,
                       fl_timer **out, fl_err *err)
{
    fl_timer *timer = calloc(1, sizeof *timer);
    if (timer == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a timer");
    }
    timer->loop = loop;
    timer->run = run;
    timer->user = user;
    (void)uv_timer_init(&loop->uv, &timer->uv); /* neither call fails for a callback that is set */
    (void)uv_timer_start(&timer->uv, on_timer, net_ms_of_ns(interval_ns),
                         net_ms_of_ns(interval_ns));
    timer->next = loop->timers;
    if (timer->next != NULL) {
        timer->next->previous = timer;
    }
    loop->timers = timer;
    *out = timer;
    return FL_OK;
}

void fl_timer_free(fl_timer *timer)
{
    if (timer == NULL) {
        return;
    }
    if (timer->previous != NULL) {
        timer->previous->next = timer->next;
    } else {
        timer->loop->timers = timer->next;
    }
    if (timer->next != NULL) {
        timer->next->previous = timer->previous;
    }
    uv_close((uv_handle_t *)&timer->uv, on_timer_closed);
}

/* ---- Latch */

fl_status net_latch_init(net_latch *latch, size_t count, fl_err *err)
{
    if (uv_sem_init(&latch->sem, 0) != 0) {
        FL_FAIL(err, FL_E_NOMEM, "cannot make a semaphore");
    }
    atomic_init(&latch->left, count);
    return FL_OK;
}

void net_latch_done(net_latch *latch)
{
    if (atomic_fetch_sub(&latch->left, 1) == 1) {
        uv_sem_post(&latch->sem);
    }
}

void net_latch_wait(net_latch *latch)
{
    uv_sem_wait(&latch->sem);
}

void net_latch_fini(net_latch *latch)
{
    uv_sem_destroy(&latch->sem);
}
