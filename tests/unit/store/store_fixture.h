/*
 * A rig of two shards in a folder of its own, not open yet, for tests of the embedded store.
 */
#ifndef FL_TESTS_UNIT_STORE_FIXTURE_H
#define FL_TESTS_UNIT_STORE_FIXTURE_H

#include <stdlib.h>

#include "support/store_rig.h"

typedef struct fixture {
    store_rig rig;
    char *dir;
    fl_arena arena;
} fixture;

static inline int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return -1;
    }
    f->dir = test_temp_dir();
    rig_init(&f->rig, 2, f->dir, NULL);
    fl_arena_init(&f->arena, (size_t)64 << 20);
    *state = f;
    return 0;
}

static inline int tear_down(void **state)
{
    fixture *f = *state;
    rig_fini(&f->rig);
    fl_arena_fini(&f->arena);
    test_remove_dir(f->dir);
    free(f);
    return 0;
}

static inline void put_segment(fixture *f, uint64_t trace, uint64_t id, int64_t start_s)
{
    fl_err err;
    fl_segment segment = rig_segment(trace, id, start_s);
    assert_ok(rig_put(&f->rig, &segment, &err), &err);
}

#endif
