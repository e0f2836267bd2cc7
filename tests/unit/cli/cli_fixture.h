/*
 * What tests of the tool share: traces from document texts, screens on a buffer, captured output.
 */
#ifndef FL_TESTS_CLI_FIXTURE_H
#define FL_TESTS_CLI_FIXTURE_H

#include "support/test.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli/trace_load_int.h"

#define FIXTURE_NOW_NS (INT64_C(1738650400) * FL_NS_PER_S)

/* Times in UTC, widths as in UTF-8, the default server, whatever the machine says. */
static inline int fixture_setup(void **state)
{
    (void)state;
    unsetenv("FLUORO_SERVER");
    unsetenv("NO_COLOR");
    setenv("TZ", "UTC", 1);
    tzset();
    return setlocale(LC_CTYPE, "C.UTF-8") == NULL;
}

static inline fl_screen fixture_screen(fl_buf *out, unsigned width)
{
    fl_buf_init(out, (size_t)16 << 20);
    return (fl_screen){.out = out, .width = width, .utf8 = true};
}

/* The trace of some documents; its id is that of the first. */
static inline const fl_trace *fixture_trace(fl_arena *arena, const char *const *texts, size_t count)
{
    fl_str documents[64];
    fl_err err = {0};
    fl_waterfall_source source;
    fl_trace_id id = {UINT64_C(0x67a1b2c00a1b2c3d), UINT64_C(0x4e5f60718293a4b5)};
    assert_true(count <= 64);
    for (size_t i = 0; i < count; i++) {
        documents[i] = fl_str_of(texts[i]);
    }
    fl_trace_documents given = {.texts = documents, .count = count};
    assert_ok(fl_trace_load(arena, id, &given, FIXTURE_NOW_NS, &source, &err), &err);
    assert_int_equal(source.unreadable, 0);
    return source.trace;
}

#endif
