/* A call into a loop from outside, for starting and stopping things. */
#include "net/net.h"

typedef struct call_task {
    fl_task task; /* first: run gets it back */
    void (*run)(void *user);
    void *user;
    uv_sem_t done;
} call_task;

static void run_call(fl_task *task)
{
    call_task *call = (call_task *)(void *)task;
    call->run(call->user);
    uv_sem_post(&call->done);
}

void fl_loop_call(fl_loop *loop, void (*run)(void *user), void *user)
{
    call_task call = {.task = {.run = run_call}, .run = run, .user = user};
    if (uv_sem_init(&call.done, 0) != 0) {
        fl_bug("no semaphore");
    }
    fl_loop_post(loop, &call.task);
    uv_sem_wait(&call.done);
    uv_sem_destroy(&call.done);
}
