/* Loops: order of what is posted, many senders, workers, timers, the end. */
#include "net_fixture.h"

#include <pthread.h>

/* ---- Posting */

typedef struct numbered_task {
    fl_task task;
    size_t sender, number;
    struct log_of_numbers *log;
} numbered_task;

#define SENDERS 4
#define EACH    5000

struct log_of_numbers {
    fl_loop *loop;
    size_t next[SENDERS]; /* touched on the loop only */
    atomic_size_t total, disorders;
    numbered_task tasks[SENDERS][EACH];
};

static void note_number(fl_task *task)
{
    numbered_task *numbered = (numbered_task *)(void *)task;
    struct log_of_numbers *log = numbered->log;
    if (log->next[numbered->sender] != numbered->number || !fl_loop_is_current(log->loop)) {
        atomic_fetch_add(&log->disorders, 1);
    }
    log->next[numbered->sender]++;
    atomic_fetch_add(&log->total, 1);
}

static void *post_numbers(void *user)
{
    numbered_task *tasks = user;
    for (size_t i = 0; i < EACH; i++) {
        fl_loop_post(tasks->log->loop, &tasks[i].task);
    }
    return NULL;
}

static struct log_of_numbers *new_log(fl_loop *loop)
{
    struct log_of_numbers *log = calloc(1, sizeof *log);
    assert_non_null(log);
    log->loop = loop;
    for (size_t s = 0; s < SENDERS; s++) {
        for (size_t i = 0; i < EACH; i++) {
            log->tasks[s][i] =
                (numbered_task){.task = {.run = note_number}, .sender = s, .number = i, .log = log};
        }
    }
    return log;
}

static void each_senders_tasks_run_once_and_in_order(void **state)
{
    (void)state;
    fl_loop *loop = running_loop();
    struct log_of_numbers *log = new_log(loop);
    pthread_t threads[SENDERS];
    for (size_t s = 0; s < SENDERS; s++) {
        assert_int_equal(pthread_create(&threads[s], NULL, post_numbers, log->tasks[s]), 0);
    }
    for (size_t s = 0; s < SENDERS; s++) {
        assert_int_equal(pthread_join(threads[s], NULL), 0);
    }
    fl_loop_stop_and_free(loop); /* runs what is posted */
    assert_int_equal(atomic_load(&log->total), SENDERS * EACH);
    assert_int_equal(atomic_load(&log->disorders), 0);
    free(log);
}

static void a_loop_that_never_ran_runs_its_tasks_at_the_end(void **state)
{
    (void)state;
    fl_loop *loop;
    fl_err err;
    assert_ok(fl_loop_new(NULL, &loop, &err), &err);
    assert_false(fl_loop_is_current(loop));
    struct log_of_numbers *log = new_log(loop);
    fl_loop_post(loop, &log->tasks[0][0].task);
    fl_loop_stop_and_free(loop);
    assert_int_equal(atomic_load(&log->total), 1);
    free(log);
}

typedef struct chain {
    fl_task task;
    fl_loop *loop;
    int left;
} chain;

static void post_again(fl_task *task)
{
    chain *links = (chain *)(void *)task;
    if (--links->left > 0) {
        fl_loop_post(links->loop, task);
    }
}

static void a_task_may_post_itself_again_even_while_the_loop_stops(void **state)
{
    (void)state;
    chain links = {.task = {.run = post_again}, .loop = running_loop(), .left = 1000};
    fl_loop_post(links.loop, &links.task);
    fl_loop_stop_and_free(links.loop);
    assert_int_equal(links.left, 0);
}

static void note_where(void *user)
{
    bool *on_loop = ((void **)user)[0];
    *on_loop = fl_loop_is_current(((void **)user)[1]);
}

static void a_call_returns_when_it_has_run_on_the_loop(void **state)
{
    (void)state;
    bool on_loop = false;
    fl_loop *loop = running_loop();
    void *call[] = {&on_loop, loop};
    fl_loop_call(loop, note_where, call);
    assert_true(on_loop);
    assert_false(fl_loop_is_current(loop));
    fl_loop_stop_and_free(loop);
}

/* ---- Work */

typedef struct sum_work {
    fl_work work;
    fl_task begin;
    fl_loop *loop;
    int result;
    bool worked_on_loop, done_on_loop;
} sum_work;

static void add_up(fl_work *work)
{
    sum_work *sum = (sum_work *)(void *)work;
    sum->worked_on_loop = fl_loop_is_current(sum->loop);
    sum->result = 42;
}

static void note_done(fl_work *work)
{
    sum_work *sum = (sum_work *)(void *)work;
    sum->done_on_loop = fl_loop_is_current(sum->loop);
}

static void begin_work(fl_task *task)
{
    sum_work *sum = (sum_work *)(void *)((char *)task - offsetof(sum_work, begin));
    fl_loop_work(sum->loop, &sum->work);
}

static void work_runs_off_the_loop_and_is_done_on_it_before_the_loop_ends(void **state)
{
    (void)state;
    sum_work sum = {.work = {.work = add_up, .done = note_done},
                    .begin = {.run = begin_work},
                    .loop = running_loop()};
    fl_loop_post(sum.loop, &sum.begin);
    fl_loop_stop_and_free(sum.loop);
    assert_int_equal(sum.result, 42);
    assert_false(sum.worked_on_loop);
    assert_true(sum.done_on_loop);
}

/* ---- Timers */

typedef struct ticker {
    fl_task begin;
    fl_loop *loop;
    fl_timer *timer, *other;
    int stop_at; /* 0: never */
    atomic_int ticks;
} ticker;

static void on_tick(void *user)
{
    ticker *clock = user;
    if (atomic_fetch_add(&clock->ticks, 1) + 1 == clock->stop_at) {
        fl_timer_free(clock->timer);
    }
}

static void begin_ticking(fl_task *task)
{
    ticker *clock = (ticker *)(void *)task;
    fl_err err;
    assert_ok(fl_timer_new(clock->loop, FL_NS_PER_MS, on_tick, clock, &clock->timer, &err), &err);
    assert_ok(fl_timer_new(clock->loop, 3600 * FL_NS_PER_S, on_tick, clock, &clock->other, &err),
              &err);
    fl_timer_free(NULL);
}

static void a_timer_runs_until_it_is_freed_by_its_own_callback(void **state)
{
    (void)state;
    ticker clock = {.begin = {.run = begin_ticking}, .loop = running_loop(), .stop_at = 3};
    fl_loop_post(clock.loop, &clock.begin);
    wait_until(atomic_load(&clock.ticks) >= 3);
    usleep(20000);
    fl_loop_stop_and_free(clock.loop);
    assert_int_equal(atomic_load(&clock.ticks), 3);
}

static void timers_that_are_left_end_with_the_loop(void **state)
{
    (void)state;
    ticker clock = {.begin = {.run = begin_ticking}, .loop = running_loop()};
    fl_loop_post(clock.loop, &clock.begin);
    wait_until(atomic_load(&clock.ticks) >= 2);
    fl_loop_stop_and_free(clock.loop); /* a leak shows under ASan */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_senders_tasks_run_once_and_in_order),
        cmocka_unit_test(a_loop_that_never_ran_runs_its_tasks_at_the_end),
        cmocka_unit_test(a_task_may_post_itself_again_even_while_the_loop_stops),
        cmocka_unit_test(a_call_returns_when_it_has_run_on_the_loop),
        cmocka_unit_test(work_runs_off_the_loop_and_is_done_on_it_before_the_loop_ends),
        cmocka_unit_test(a_timer_runs_until_it_is_freed_by_its_own_callback),
        cmocka_unit_test(timers_that_are_left_end_with_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
