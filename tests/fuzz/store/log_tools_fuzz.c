/*
 * Any bytes as a log file, read from outside (store/tools.h) and by opening: both must find the
 * same damage, and the reading from outside changes nothing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "store/local/local_int.h"
#include "support/fault_fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

#define DIR       "/data"
#define NAME      "0000000000000001-0.log"
#define BYTES_MAX ((size_t)1 << 19)

typedef struct told {
    size_t problems;
    fl_data_log_facts facts;
} told;

static void count_problem(void *user, const char *text)
{
    ((told *)user)->problems += *text != '\0';
}

static void require(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "does not hold: %s\n", what);
        abort();
    }
}
#define REQUIRE(holds) require((holds), #holds)

static void compare(const told *found, const fl_store *store)
{
    const fl_store_stats *stats = store->stats;
    REQUIRE(fl_counter_get(&stats->torn_bytes_total) == found->facts.unfinished_bytes);
    /* opening also counts a mended header of a frame that is lost all the same */
    bool lost = found->facts.damaged_bytes != 0 || found->facts.unfinished_bytes != 0;
    bool repaired = fl_counter_get(&stats->repaired_frames_total) != 0;
    REQUIRE(repaired == (found->facts.mended != 0) || (repaired && lost));
    REQUIRE((fl_counter_get(&stats->damaged_frames_total) != 0) ==
            (found->facts.damaged_bytes != 0));
    REQUIRE(fl_counter_get(&stats->segments) <= found->facts.segments);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n > BYTES_MAX) {
        return 0;
    }
    fl_clock_manual clock;
    fl_clock_manual_init(&clock, 0, 0);
    fault_fs *fs = fault_fs_new();
    fault_fs_put(fs, DIR "/log/" NAME, bytes, n);
    told found = {0};
    const fl_data_log log = {.name = FL_S(NAME), .path = DIR "/log/" NAME, .sequence = 1};
    REQUIRE(fl_data_log_read(fault_fs_calls(fs), &log, count_problem, &found, &found.facts, NULL) ==
            FL_OK);
    REQUIRE(found.facts.bytes == n);
    const char *path;
    unsigned char *content;
    size_t size;
    REQUIRE(fault_fs_file(fs, 0, &path, &content, &size));
    REQUIRE(size == n && (n == 0 || memcmp(content, bytes, n) == 0));

    fl_loop *no_loop = NULL;
    fl_store *store;
    fl_local_options options = fl_local_options_default();
    fl_store_config config = {
        .dir = DIR,
        .loops = &no_loop,
        .loop_count = 1,
        .memory_bytes = (size_t)64 << 20,
        .fs = fault_fs_calls(fs),
        .clock = &clock.clock,
    };
    if (fl_local_load(&config, &options, &store, NULL) == FL_OK) {
        compare(&found, store);
        fl_local_free(store);
    } else {
        REQUIRE(found.problems > 0);
    }
    fault_fs_free(fs);
    return 0;
}
