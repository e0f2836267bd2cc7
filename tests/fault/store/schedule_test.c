/*
 * Seeded schedules of everything at once: puts, settles, merges, pins, retention, clock jumps and
 * restarts, while calls fail, the disk fills, the power goes and bits flip. After each fault the
 * store and the naive list are compared: what was acknowledged is there, once, byte for byte.
 *
 * FLUORO_FAULT_SCHEDULES=100000   how many
 * FLUORO_FAULT_SCHEDULE=SEED      that one alone; a failure names it. Operations and faults are
 *                                 repeated exactly, the threads' interleaving is not
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/naive_store.h"

#define SCHEDULES       (TEST_IS_SLOW ? 200 : 3000)
#define LOOPS           2
#define TRACES          6
#define PUT_MAX         4
#define STEPS_MIN       4
#define STEPS_MORE      7
#define PUTS_MAX        3 /* in one step */
#define WORKERS         (TEST_IS_SLOW ? 1 : 4)
#define RECOVERY_MS_MAX 5000

/* What one process does of all schedules. */
typedef struct share {
    test_random seeds;
    uint64_t count; /* of all */
    uint64_t worker;
} share;

typedef struct schedule {
    naive_pair pair;
    test_random random;
    uint64_t seed;
    bool under_way;  /* or it ended well */
    bool faulty;     /* calls may fail now */
    bool flipped;    /* a bit of the log */
    bool put_failed; /* the last one: it may be tried again */
    bool at_end;     /* no more faults */
    const share *own;
    struct {
        uint64_t openings, settles, merges, refused;
    } sum; /* of all schedules */
} schedule;

static bool one_in(schedule *s, uint64_t n)
{
    return naive_below(&s->pair, n) == 0;
}

/* ---- Faults */

static void arm(schedule *s)
{
    fault_fs *fs = s->pair.fs;
    uint64_t n = 1 + naive_below(&s->pair, 30);
    s->faulty = true;
    switch (naive_below(&s->pair, 4)) {
    case 0:
    case 1:
        fault_fs_fail_at(fs, n);
        break;
    case 2:
        fault_fs_fail_run(fs, n, 1 + naive_below(&s->pair, 40));
        break;
    default:
        fault_fs_set_room(fs, fault_fs_used(fs) + naive_below(&s->pair, 4000));
        break;
    }
}

static void heal(schedule *s)
{
    fault_fs_fail_at(s->pair.fs, 0);
    fault_fs_set_room(s->pair.fs, UINT64_MAX);
    s->faulty = false;
}

/* What failed says why; without a fault nothing fails. */
static void judge(const schedule *s, fl_status status, const fl_err *err)
{
    if (!s->faulty) {
        assert_ok(status, err);
    } else if (status != FL_OK) {
        assert_int_equal(status, FL_E_IO);
        assert_true(strstr(err->message, "injected") != NULL);
    }
}

/* ---- Operations */

static void put_once(schedule *s)
{
    fl_err err = {0};
    fl_status status = s->put_failed && one_in(s, 2) ? naive_try_again(&s->pair, &err)
                                                     : naive_try_put(&s->pair, &err);
    judge(s, status, &err);
    s->put_failed = status != FL_OK;
    s->sum.refused += status != FL_OK;
}

static void put(schedule *s)
{
    for (uint64_t left = 1 + naive_below(&s->pair, PUTS_MAX); left != 0; left--) {
        put_once(s);
    }
}

static void settle(schedule *s)
{
    fl_err err = {0};
    fl_status status = fl_store_local_settle(s->pair.rig.store, &err);
    /* A settle that failed before is tried again soon. */
    for (int ms = 0; !s->faulty && status != FL_OK && ms < RECOVERY_MS_MAX; ms++) {
        usleep(1000);
        status = fl_store_local_settle(s->pair.rig.store, &err);
    }
    judge(s, status, &err);
}

static void look(schedule *s)
{
    fl_err err = {0};
    fl_status status = naive_try_resolve(&s->pair, &err);
    judge(s, status, &err);
    if (!s->faulty) {
        naive_random_get(&s->pair);
        naive_random_scan(&s->pair);
        naive_random_scan(&s->pair);
    }
}

static void pin(schedule *s)
{
    fl_err err = {0};
    judge(s, naive_try_pin(&s->pair, &err), &err);
}

static void pass_time(schedule *s)
{
    /* Two hours: so long that a clock that jumped ahead is believed. */
    int64_t passed_s = one_in(s, 4) ? 7200 : (int64_t)naive_below(&s->pair, 400);
    naive_pass(&s->pair, passed_s * FL_NS_PER_S);
}

static void jump_clock(schedule *s)
{
    static const int64_t jumps_s[] = {-3600, 86400, -86400, 3600, -5};
    int64_t by_s = jumps_s[naive_below(&s->pair, sizeof jumps_s / sizeof jumps_s[0])];
    naive_jump(&s->pair, by_s * FL_NS_PER_S);
    heal(s);
    settle(s); /* retention that began before the jump ends */
}

/* ---- Life */

static void set_options(schedule *s)
{
    static const int64_t retentions_s[] = {0, 1000, 3 * 86400};
    naive_pair *p = &s->pair;
    fl_local_options *options = &p->rig.options;
    p->clock_jumps = one_in(s, 3);
    p->retention_ns = retentions_s[naive_below(p, 3)] * FL_NS_PER_S;
    p->rig.config.retention_ns = p->retention_ns;
    p->rig.config.durability = one_in(s, 5) ? FL_DURABILITY_RELAXED : FL_DURABILITY_COMMIT;
    options->sync_interval_ns = 5 * FL_NS_PER_MS;
    options->file_bytes = 500 + naive_below(p, 3000);
    options->settle_bytes = 200 + naive_below(p, 2500);
    options->settle_idle_ns = (int64_t)naive_below(p, 2) * FL_NS_PER_S;
    options->settle_age_ns = (int64_t)naive_below(p, 500) * FL_NS_PER_S;
    options->merge_parts = 2 + (uint32_t)naive_below(p, 3);
    options->block_rows = 1 + (uint32_t)naive_below(p, 12);
}

static void close_store(schedule *s)
{
    const fl_store_stats *stats = fl_store_stats_get(s->pair.rig.store);
    s->sum.settles += fl_counter_get(&stats->settles_total);
    s->sum.merges += fl_counter_get(&stats->merges_total);
    rig_close(&s->pair.rig);
}

static void open_store(schedule *s)
{
    naive_pair *p = &s->pair;
    fl_err err = {0};
    p->rig.config.fs = fault_fs_calls(p->fs);
    p->rig.config.loop_count = 1 + (size_t)naive_below(p, LOOPS);
    if (!s->at_end && one_in(s, 4)) {
        arm(s);
    }
    fl_status status = rig_try_open(&p->rig, &err);
    judge(s, status, &err);
    heal(s);
    s->sum.openings++;
    if (status != FL_OK) {
        rig_open(&p->rig);
    }
    assert_int_equal(fl_counter_get(&fl_store_stats_get(p->rig.store)->damaged_frames_total), 0);
    assert_int_equal(fl_counter_get(&fl_store_stats_get(p->rig.store)->damaged_parts_total), 0);
}

/* Closes the store and goes on with what the machine has then. */
static void move_to(schedule *s, fault_fs *survived)
{
    naive_pair *p = &s->pair;
    close_store(s);
    fault_fs_free(p->fs);
    p->fs = survived;
    open_store(s);
    naive_resolve_opened(p, true);
    s->put_failed = false;
}

/* One bit of one file of the log: its format promises that this is mended. Only once: if it could
 * not be written back, a second one may be too much for the frame. */
static void flip_bit(schedule *s, fault_fs *fs)
{
    const char *path;
    unsigned char *content;
    size_t n, logs = 0;
    for (size_t i = 0; fault_fs_file(fs, i, &path, &content, &n); i++) {
        logs += n != 0 && strstr(path, ".log") != NULL;
    }
    uint64_t chosen = naive_below(&s->pair, logs);
    for (size_t i = 0; logs != 0 && fault_fs_file(fs, i, &path, &content, &n); i++) {
        if (n != 0 && strstr(path, ".log") != NULL && chosen-- == 0) {
            content[naive_below(&s->pair, n)] ^= (unsigned char)(1U << naive_below(&s->pair, 8));
        }
    }
}

/* The machine goes down while something is under way. */
static void cut_power(schedule *s)
{
    naive_pair *p = &s->pair;
    uint64_t seed = one_in(s, 2) ? 0 : test_random_next(&s->random) | 1;
    heal(s);
    fault_fs_cut_at(p->fs, 1 + naive_below(p, 60), seed);
    for (int i = 0; i < 5 && fault_fs_cut(p->fs) == NULL; i++) {
        if (one_in(s, 3)) {
            settle(s);
        } else {
            put_once(s);
            if (fault_fs_cut(p->fs) != NULL) {
                naive_doubt_last_put(p);
            }
        }
    }
    fault_fs *cut = fault_fs_cut(p->fs);
    move_to(s, cut != NULL ? fault_fs_after_kill(cut) : fault_fs_after_power_cut(p->fs, seed));
}

static void restart(schedule *s)
{
    naive_pair *p = &s->pair;
    bool relaxed = p->rig.config.durability == FL_DURABILITY_RELAXED;
    uint64_t kind = naive_below(p, relaxed ? 3 : 5);
    if (kind == 0) {
        close_store(s);
        open_store(s);
        naive_resolve_opened(p, false);
        s->put_failed = false;
    } else if (kind <= 2) {
        fault_fs *killed = fault_fs_after_kill(p->fs);
        if (kind == 2 && !s->flipped) {
            s->flipped = true;
            flip_bit(s, killed);
        }
        move_to(s, killed);
    } else {
        cut_power(s);
    }
}

/* Nothing lies about but what counts. */
static void check_folder(schedule *s)
{
    const char *path;
    unsigned char *content;
    size_t n;
    uint64_t part_bytes = 0;
    const fl_store_stats *stats = fl_store_stats_get(s->pair.rig.store);
    for (size_t i = 0; fault_fs_file(s->pair.fs, i, &path, &content, &n); i++) {
        assert_null(strstr(path, ".part.tmp"));
        part_bytes += strstr(path, ".part") != NULL ? n : 0;
    }
    assert_int_equal(part_bytes, fl_counter_get(&stats->part_bytes));
    if (s->pair.retention_ns == 0) {
        assert_int_equal(fl_counter_get(&stats->segments), naive_count(&s->pair));
    }
}

static void step(schedule *s)
{
    switch (naive_below(&s->pair, 16)) {
    case 0:
    case 1:
        settle(s);
        break;
    case 2:
        look(s);
        break;
    case 3:
        pass_time(s);
        break;
    case 4:
        pin(s);
        break;
    case 5:
        if (s->pair.clock_jumps) {
            jump_clock(s);
        }
        break;
    case 6:
    case 7:
        arm(s);
        break;
    case 8:
        heal(s);
        break;
    case 9:
        restart(s);
        break;
    default:
        put(s);
        break;
    }
}

static void run(schedule *s, uint64_t seed)
{
    naive_pair *p = &s->pair;
    s->seed = seed;
    s->random.state = seed;
    s->under_way = true;
    s->at_end = false;
    s->flipped = false;
    s->put_failed = false;
    naive_restart(p);
    atomic_store(&p->rig.clock.wall, RIG_EPOCH_NS);
    rig_clear_log(&p->rig);
    p->rig.next_loop = 0;
    p->fs = fault_fs_new();
    set_options(s);
    open_store(s);
    uint64_t steps = STEPS_MIN + naive_below(p, STEPS_MORE);
    for (uint64_t i = 0; i < steps; i++) {
        step(s);
    }
    heal(s);
    put(s);
    look(s);
    s->at_end = true;
    restart(s);
    settle(s);
    look(s);
    check_folder(s);
    close_store(s);
    fault_fs_free(p->fs);
    s->under_way = false;
}

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    uint64_t number = otherwise;
    if (text != NULL && !fl_str_to_u64(fl_str_of(text), &number)) {
        fail_msg("%s is no number: %s", variable, text);
    }
    return number;
}

static void whatever_fails_when_nothing_acknowledged_is_lost_or_doubled(void **state)
{
    schedule *s = *state;
    const share *own = s->own;
    test_random seeds = own->seeds;
    for (uint64_t i = 0; i < own->count; i++) {
        uint64_t seed = test_random_next(&seeds);
        if (i % WORKERS == own->worker) {
            run(s, seed);
        }
    }
    print_message("%" PRIu64 " openings, %" PRIu64 " settles, %" PRIu64 " merges, %" PRIu64
                  " puts refused\n",
                  s->sum.openings, s->sum.settles, s->sum.merges, s->sum.refused);
}

static void one_schedule(void **state)
{
    run(*state, number_from("FLUORO_FAULT_SCHEDULE", 0));
}

static int set_up(void **state)
{
    schedule *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return -1;
    }
    naive_begin(&s->pair, &s->random, TRACES);
    s->pair.put_max = PUT_MAX;
    rig_init(&s->pair.rig, LOOPS, NAIVE_DIR, NULL);
    s->own = *state;
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    schedule *s = *state;
    if (s->under_way) {
        print_error("FLUORO_FAULT_SCHEDULE=%" PRIu64 "\n", s->seed);
    }
    rig_fini(&s->pair.rig);
    if (s->under_way) {
        fault_fs_free(s->pair.fs);
    }
    naive_end(&s->pair);
    free(s);
    return 0;
}

/* A share of the schedules, in a process of its own: they wait more than they work. */
static pid_t begin_worker(share *own, const struct CMUnitTest *test)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct CMUnitTest tests[] = {*test};
        tests[0].initial_state = own;
        exit(cmocka_run_group_tests(tests, NULL, NULL));
    }
    return pid;
}

static int run_all(const struct CMUnitTest *test)
{
    pid_t workers[WORKERS];
    int failed = 0;
    share own = {.seeds = test_random_begin(),
                 .count = number_from("FLUORO_FAULT_SCHEDULES", SCHEDULES)};
    for (own.worker = 0; own.worker < WORKERS; own.worker++) {
        workers[own.worker] = begin_worker(&own, test);
    }
    for (size_t i = 0; i < WORKERS; i++) {
        int status = 1;
        failed |= waitpid(workers[i], &status, 0) != workers[i] || status != 0;
    }
    return failed;
}

int main(void)
{
    const struct CMUnitTest one[] = {
        cmocka_unit_test_setup_teardown(one_schedule, set_up, tear_down)};
    const struct CMUnitTest share_of_all = cmocka_unit_test_setup_teardown(
        whatever_fails_when_nothing_acknowledged_is_lost_or_doubled, set_up, tear_down);
    return getenv("FLUORO_FAULT_SCHEDULE") != NULL ? cmocka_run_group_tests(one, NULL, NULL)
                                                   : run_all(&share_of_all);
}
