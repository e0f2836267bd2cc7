/*
 * A budget in bytes for one purpose (bodies in flight, queued segments, the index of the store),
 * shared by threads. What is taken must be given back; the numbers show on /metrics as memory by
 * purpose.
 */
#ifndef FL_BASE_BUDGET_H
#define FL_BASE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct fl_budget {
    atomic_size_t used_bytes;
    size_t max_bytes; /* set once before threads share it */
} fl_budget;

/* Takes bytes if they fit; false, and nothing taken, otherwise. */
static inline bool fl_budget_take(fl_budget *budget, size_t bytes)
{
    size_t before = atomic_fetch_add_explicit(&budget->used_bytes, bytes, memory_order_relaxed);
    if (bytes <= budget->max_bytes && before <= budget->max_bytes - bytes) {
        return true;
    }
    atomic_fetch_sub_explicit(&budget->used_bytes, bytes, memory_order_relaxed);
    return false;
}
static inline void fl_budget_give(fl_budget *budget, size_t bytes)
{
    atomic_fetch_sub_explicit(&budget->used_bytes, bytes, memory_order_relaxed);
}
static inline size_t fl_budget_used(const fl_budget *budget)
{
    return atomic_load_explicit(&budget->used_bytes, memory_order_relaxed);
}

#endif
