/*
 * The store against a naive list: random puts (many at once, duplicates, in progress, out of order,
 * late), gets in pages, scans with every parameter, time that passes, settling, merging, pins,
 * closing, killing and opening with other numbers of shards. Both must give the same answers.
 */
#include <stdio.h>
#include <stdlib.h>

#include "support/fault_fs.h"
#include "support/store_rig.h"

#define DIR          "/data"
#define RUNS         (TEST_IS_SLOW ? 9 : 16)
#define STEPS        200
#define TRACES       60
#define RECORDS_MAX  400
#define PUT_MAX      12
#define RETENTION_NS (1000 * FL_NS_PER_S)
#define TRACE_BYTES  2000

/* ---- The naive store */

typedef struct naive_record {
    uint64_t id;
    int64_t start_ns, end_ns, arrival_ns;
    uint64_t tag;    /* annotation `tag`: one of a few, as text */
    uint64_t number; /* annotation `number`: all different */
    bool fault;
} naive_record;

typedef struct naive_trace {
    naive_record records[RECORDS_MAX];
    size_t count;
    uint32_t revision;
    size_t json_bytes;
    bool limit_exceeded;
    bool pinned;
} naive_trace;

typedef struct naive {
    naive_trace traces[TRACES];
    bool limited; /* by TRACE_BYTES */
} naive;

static fl_store_row naive_row(const naive *n, uint64_t trace)
{
    const naive_trace *t = &n->traces[trace];
    fl_store_row row = {.id = rig_trace_id(trace),
                        .start_ns = INT64_MAX,
                        .last_end_ns = FL_TIME_NONE,
                        .last_arrival_ns = FL_TIME_NONE,
                        .record_count = (uint32_t)t->count,
                        .revision = t->revision,
                        .limit_exceeded = t->limit_exceeded};
    for (size_t i = 0; i < t->count; i++) {
        const naive_record *r = &t->records[i];
        row.start_ns = r->start_ns < row.start_ns ? r->start_ns : row.start_ns;
        row.last_end_ns = r->end_ns > row.last_end_ns ? r->end_ns : row.last_end_ns;
        row.last_arrival_ns =
            r->arrival_ns > row.last_arrival_ns ? r->arrival_ns : row.last_arrival_ns;
    }
    row.time_ns = fl_trace_time_ns(row.id, row.start_ns);
    return row;
}

static bool naive_has(const naive *n, uint64_t trace, int64_t now)
{
    fl_store_row row = naive_row(n, trace);
    int64_t basis = row.time_ns > row.last_arrival_ns ? row.time_ns : row.last_arrival_ns;
    return row.record_count != 0 && (n->traces[trace].pinned || basis >= now - RETENTION_NS);
}

static size_t json_length(const fl_segment *segment)
{
    fl_buf text;
    fl_buf_init(&text, 1 << 20);
    fl_segment_emit(segment, &text);
    size_t n = text.n;
    fl_buf_fini(&text);
    return n;
}

static uint64_t trace_number(const fl_segment *segment)
{
    return segment->trace_id.lo >> 32;
}

/* Takes one segment; `touched` counts a revision once a put. */
static uint8_t naive_put(naive *n, const fl_segment *segment, int64_t now, bool *touched)
{
    naive_trace *t = &n->traces[trace_number(segment)];
    if (!naive_has(n, trace_number(segment), now)) {
        bool pinned = t->pinned;
        memset(t, 0, sizeof *t);
        t->pinned = pinned;
    }
    size_t json = n->limited ? json_length(segment) : 0;
    if (n->limited && t->json_bytes + json > TRACE_BYTES) {
        bool marked = t->count != 0 && !t->limit_exceeded;
        t->revision += marked && !*touched;
        *touched |= marked;
        t->limit_exceeded |= t->count != 0;
        return FL_PUT_TRACE_TOO_LARGE;
    }
    assert_true(t->count < RECORDS_MAX);
    uint64_t number = 0, tag = 0;
    assert_true(fl_str_to_u64(segment->annotations[0].text, &number));
    assert_true(fl_str_to_u64((fl_str){segment->annotations[1].text.p + 1, 1}, &tag));
    t->records[t->count++] =
        (naive_record){segment->id, segment->start_ns,        segment->end_ns, now, tag,
                       number,      segment->fault == FL_TRUE};
    t->json_bytes += json;
    t->revision += !*touched;
    *touched = true;
    return FL_PUT_STORED;
}

/* ---- Random operations on both */

typedef struct pair {
    naive naive;
    store_rig rig;
    fault_fs *fs;
    test_random *random;
    fl_arena arena;
    uint64_t next_number;
} pair;

static uint64_t below(pair *p, uint64_t bound)
{
    return test_random_below(p->random, bound);
}

static int64_t now_of(pair *p)
{
    return fl_clock_wall(&p->rig.clock.clock);
}

typedef struct annotated {
    fl_annotation annotations[2];
    char number[24], tag[4];
} annotated;

static void annotate(pair *p, annotated *a, fl_segment *segment)
{
    snprintf(a->number, sizeof a->number, "%llu", (unsigned long long)p->next_number++);
    snprintf(a->tag, sizeof a->tag, "t%u", (unsigned)below(p, 4));
    a->annotations[0] = (fl_annotation){
        .key = FL_S("number"), .kind = FL_ANNOTATION_NUMBER, .text = fl_str_of(a->number)};
    a->annotations[1] = (fl_annotation){
        .key = FL_S("tag"), .kind = FL_ANNOTATION_STRING, .text = fl_str_of(a->tag)};
    segment->annotations = a->annotations;
    segment->annotation_count = 2;
    segment->has_annotations = true;
    segment->fault = below(p, 5) == 0 ? FL_TRUE : FL_ABSENT;
}

static fl_segment random_segment(pair *p)
{
    fl_segment segment = rig_segment(below(p, TRACES), 1 + below(p, 5), 0);
    /* Most starts are near, some a day and more before the id's epoch. None is that far ahead: such
     * segments are refused on their way in. */
    int64_t off_s = (int64_t)below(p, 200) - 100;
    if (below(p, 6) == 0) {
        off_s -= (int64_t)below(p, 3) * 86400;
    }
    segment.start_ns += off_s * FL_NS_PER_S + (int64_t)below(p, 3);
    segment.end_ns =
        below(p, 4) == 0 ? FL_TIME_NONE : segment.start_ns + (int64_t)below(p, 100) * FL_NS_PER_S;
    return segment;
}

static void random_put(pair *p)
{
    fl_segment segments[PUT_MAX];
    const fl_segment *list[PUT_MAX];
    uint8_t verdicts[PUT_MAX];
    annotated annotations[PUT_MAX];
    bool touched[TRACES] = {false};
    fl_err err;
    size_t count = (size_t)below(p, PUT_MAX + 1);
    for (size_t i = 0; i < count; i++) {
        segments[i] = i != 0 && below(p, 5) == 0 ? segments[i - 1] : random_segment(p);
        if (i == 0 || segments[i].annotations != segments[i - 1].annotations) {
            annotate(p, &annotations[i], &segments[i]);
        }
        list[i] = &segments[i];
    }
    assert_ok(rig_put_all(&p->rig, list, count, verdicts, &err), &err);
    for (size_t i = 0; i < count; i++) {
        uint8_t expected =
            naive_put(&p->naive, list[i], now_of(p), &touched[trace_number(list[i])]);
        assert_int_equal(verdicts[i], expected);
    }
}

/* A page of a trace: `limit` of its records from number `first` on. */
static void check_trace(pair *p, const fl_stored_trace *found, uint64_t trace, size_t first,
                        size_t limit)
{
    const naive_trace *expected = &p->naive.traces[trace];
    assert_true(fl_trace_id_eq(found->id, rig_trace_id(trace)));
    if (!naive_has(&p->naive, trace, now_of(p))) {
        assert_int_equal(found->count, 0);
        assert_int_equal(found->total, 0);
        return;
    }
    size_t count = first < expected->count ? expected->count - first : 0;
    assert_int_equal(found->count, limit != 0 && limit < count ? limit : count);
    assert_int_equal(found->total, expected->count);
    /* Of a trace that has settled nobody says later that it passed its limit. */
    assert_true(!found->limit_exceeded || expected->limit_exceeded);
    if (!expected->limit_exceeded) {
        assert_int_equal(found->revision, expected->revision);
    }
    for (size_t i = 0; i < found->count; i++) {
        const fl_record *record = &found->records[i];
        const naive_record *put = &expected->records[first + i];
        assert_int_equal(record->segment->id, put->id);
        assert_int_equal(record->segment->start_ns, put->start_ns);
        assert_int_equal(record->segment->end_ns, put->end_ns);
        assert_int_equal(record->arrival_ns, put->arrival_ns);
        assert_int_equal(record->segment->annotations[1].text.p[1], '0' + (int)put->tag);
        assert_true(i == 0 || record->arrival > found->records[i - 1].arrival);
    }
}

static void random_get(pair *p)
{
    enum { IDS = 10 };
    fl_trace_id ids[IDS];
    uint64_t traces[IDS];
    size_t count = (size_t)below(p, IDS + 1);
    for (size_t i = 0; i < count; i++) {
        traces[i] = below(p, TRACES);
        ids[i] = rig_trace_id(traces[i]);
    }
    fl_store_get get = {.ids = ids, .count = count, .arena = &p->arena};
    if (below(p, 3) == 0) {
        get.first = below(p, 8);
        get.limit = (size_t)below(p, 6);
    }
    rig_get(&p->rig, &get);
    assert_ok(get.status, &get.err);
    for (size_t i = 0; i < count; i++) {
        check_trace(p, &get.traces[i], traces[i], (size_t)get.first, get.limit);
    }
    fl_arena_reset(&p->arena);
}

static fl_store_place place_of(const fl_store_row *row)
{
    return (fl_store_place){row->time_ns, row->start_ns, row->id};
}

static int compare_rows(const void *a, const void *b)
{
    fl_store_place left = place_of(a), right = place_of(b);
    return fl_store_place_cmp(&left, &right);
}

static bool wants_some(void *user, const fl_store_row *row)
{
    return (row->id.lo >> 32) % *(const uint64_t *)user == 0;
}

/* ---- What a scan may ask for, judged naively */

enum { TERMS_MAX = 3 };

typedef struct conditions {
    fl_store_term terms[TERMS_MAX];
    uint64_t values[TERMS_MAX]; /* the tag, or the number */
    size_t term_count;
    char texts[TERMS_MAX][4];
    fl_scan_window window;
    int64_t window_from_ns, window_to_ns;
} conditions;

static void random_term(pair *p, conditions *c, size_t at)
{
    fl_store_term *term = &c->terms[at];
    switch (below(p, 4)) {
    case 0:
        c->values[at] = below(p, p->next_number + 1);
        *term = (fl_store_term){.field = FL_S("annotations"),
                                .key = FL_S("number"),
                                .op = FL_TERM_RANGE,
                                .low = (double)c->values[at],
                                .high = (double)c->values[at] + 20};
        break;
    case 1:
        *term = (fl_store_term){.field = FL_S("fault"), .op = FL_TERM_TRUE};
        break;
    default:
        c->values[at] = below(p, 5);
        snprintf(c->texts[at], sizeof c->texts[at], "t%u", (unsigned)c->values[at]);
        *term = (fl_store_term){.field = FL_S("annotations"),
                                .key = FL_S("tag"),
                                .op = below(p, 2) == 0 ? FL_TERM_EQUAL : FL_TERM_SUFFIX,
                                .text = fl_str_of(c->texts[at])};
        break;
    }
    term->or_next = below(p, 3) == 0;
}

static conditions *random_conditions(pair *p)
{
    conditions *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->term_count = below(p, 2) == 0 ? (size_t)below(p, TERMS_MAX + 1) : 0;
    for (size_t i = 0; i < c->term_count; i++) {
        random_term(p, c, i);
    }
    if (c->term_count != 0) {
        c->terms[c->term_count - 1].or_next = false;
    }
    if (below(p, 3) == 0) {
        c->window = below(p, 2) == 0 ? FL_WINDOW_EVENT : FL_WINDOW_ENDED;
        c->window_from_ns = now_of(p) - (int64_t)below(p, 2000) * FL_NS_PER_S;
        c->window_to_ns = c->window_from_ns + (int64_t)below(p, 500) * FL_NS_PER_S;
    }
    return c;
}

static bool term_holds(const conditions *c, size_t at, const naive_trace *t)
{
    const fl_store_term *term = &c->terms[at];
    for (size_t i = 0; i < t->count; i++) {
        const naive_record *r = &t->records[i];
        if (term->op == FL_TERM_TRUE ? r->fault
            : term->op == FL_TERM_RANGE
                ? (double)r->number >= term->low && (double)r->number <= term->high
                : r->tag == c->values[at]) {
            return true;
        }
    }
    return false;
}

static bool terms_hold(const conditions *c, const naive_trace *t)
{
    bool group = false;
    for (size_t i = 0; i < c->term_count; i++) {
        group |= term_holds(c, i, t);
        if (!c->terms[i].or_next) {
            if (!group) {
                return false;
            }
            group = false;
        }
    }
    return true;
}

static bool window_holds(const conditions *c, const naive_trace *t)
{
    for (size_t i = 0; i < t->count; i++) {
        int64_t end_ns = t->records[i].end_ns, arrival_ns = t->records[i].arrival_ns;
        if ((end_ns != FL_TIME_NONE && end_ns >= c->window_from_ns && end_ns < c->window_to_ns) ||
            (c->window == FL_WINDOW_EVENT && arrival_ns >= c->window_from_ns &&
             arrival_ns < c->window_to_ns)) {
            return true;
        }
    }
    return c->window == FL_WINDOW_NONE;
}

static fl_store_scan random_scan_of(pair *p, const uint64_t *modulus)
{
    fl_store_scan scan = {
        .from_ns = INT64_MIN, .to_ns = INT64_MAX, .limit = SIZE_MAX, .arena = &p->arena};
    if (below(p, 2) == 0) {
        scan.from_ns = RIG_EPOCH_NS + ((int64_t)below(p, 400000) - 200000) * FL_NS_PER_S;
    }
    if (below(p, 2) == 0) {
        scan.to_ns = RIG_EPOCH_NS + ((int64_t)below(p, 400000) - 200000) * FL_NS_PER_S;
    }
    if (below(p, 2) == 0) {
        scan.limit = (size_t)below(p, 15);
    }
    if (below(p, 2) == 0) {
        fl_store_row row = naive_row(&p->naive, below(p, TRACES));
        scan.has_after = true;
        scan.after = place_of(&row);
    }
    if (*modulus > 1) {
        scan.want = wants_some;
    }
    return scan;
}

static void check_row(const fl_store_row *found, const fl_store_row *expected)
{
    assert_true(fl_trace_id_eq(found->id, expected->id));
    assert_memory_equal(&found->time_ns, &expected->time_ns, 4 * sizeof(int64_t));
    assert_int_equal(found->record_count, expected->record_count);
    assert_true(!found->limit_exceeded || expected->limit_exceeded);
    if (!expected->limit_exceeded) {
        assert_int_equal(found->revision, expected->revision);
    }
}

static void random_scan(pair *p)
{
    fl_store_row rows[TRACES];
    uint64_t modulus = below(p, 4);
    size_t in_range = 0, count = 0;
    fl_store_scan scan = random_scan_of(p, &modulus);
    conditions *c = random_conditions(p);
    scan.user = &modulus;
    scan.terms = c->terms;
    scan.term_count = c->term_count;
    scan.window = c->window;
    scan.window_from_ns = c->window_from_ns;
    scan.window_to_ns = c->window_to_ns;
    for (uint64_t trace = 0; trace < TRACES; trace++) {
        fl_store_row row = naive_row(&p->naive, trace);
        fl_store_place place = place_of(&row);
        if (naive_has(&p->naive, trace, now_of(p)) && row.time_ns >= scan.from_ns &&
            row.time_ns < scan.to_ns &&
            (!scan.has_after || fl_store_place_cmp(&place, &scan.after) > 0) &&
            terms_hold(c, &p->naive.traces[trace])) {
            in_range++;
            if ((modulus <= 1 || trace % modulus == 0) &&
                window_holds(c, &p->naive.traces[trace])) {
                rows[count++] = row;
            }
        }
    }
    qsort(rows, count, sizeof rows[0], compare_rows);
    rig_scan(&p->rig, &scan);
    assert_ok(scan.status, &scan.err);
    assert_int_equal(scan.row_count, count < scan.limit ? count : scan.limit);
    assert_true(scan.examined <= in_range);
    if (scan.reached_end) {
        assert_int_equal(scan.row_count, count);
        assert_int_equal(scan.examined, in_range);
    } else if (scan.term_count == 0) {
        assert_true(in_range > scan.row_count);
    }
    for (size_t i = 0; i < scan.row_count; i++) {
        check_row(&scan.rows[i], &rows[i]);
    }
    free(c);
    fl_arena_reset(&p->arena);
}

/* ---- Settling and pins */

static void settle(pair *p)
{
    fl_err err;
    assert_ok(fl_store_local_settle(p->rig.store, &err), &err);
}

/* A trace that is gone is not pinned: whether it comes back is nobody's promise. */
static void random_pin(pair *p)
{
    fl_err err;
    uint64_t trace = below(p, TRACES);
    naive_trace *t = &p->naive.traces[trace];
    fl_trace_id id = rig_trace_id(trace);
    if (!naive_has(&p->naive, trace, now_of(p))) {
        return;
    }
    assert_ok(rig_pin(&p->rig, &id, 1, !t->pinned, &err), &err);
    t->pinned = !t->pinned;
    /* What comes at the very moment of a change could be taken either way. */
    atomic_fetch_add(&p->rig.clock.wall, FL_NS_PER_S);
    if (!naive_has(&p->naive, trace, now_of(p))) {
        memset(t, 0, sizeof *t);
    }
}

/* ---- Life */

static void open_pair(pair *p)
{
    rig_init(&p->rig, 1 + (size_t)below(p, RIG_LOOPS_MAX), DIR, fault_fs_calls(p->fs));
    p->rig.config.retention_ns = RETENTION_NS;
    p->rig.options.file_bytes = 4000 + below(p, 4000);
    p->rig.options.settle_bytes = 500 + below(p, 20000);
    p->rig.options.settle_idle_ns = (int64_t)below(p, 3) * FL_NS_PER_S;
    p->rig.options.settle_age_ns = (int64_t)below(p, 500) * FL_NS_PER_S;
    p->rig.options.merge_parts = 2 + (uint32_t)below(p, 3);
    p->rig.options.block_rows = 1 + (uint32_t)below(p, 40);
    p->rig.config.limits.trace_bytes = p->naive.limited ? TRACE_BYTES : 0;
}

static void reopen(pair *p)
{
    int64_t now = now_of(p);
    if (below(p, 2) == 0) {
        rig_fini(&p->rig);
    } else {
        fault_fs *survived = fault_fs_after_kill(p->fs);
        rig_fini(&p->rig);
        fault_fs_free(p->fs);
        p->fs = survived;
    }
    open_pair(p);
    atomic_store(&p->rig.clock.wall, now);
    rig_open(&p->rig);
}

static void step(pair *p)
{
    switch (below(p, 14)) {
    case 12:
        settle(p);
        break;
    case 13:
        random_pin(p);
        break;
    case 0:
        atomic_fetch_add(&p->rig.clock.wall, (int64_t)below(p, 400) * FL_NS_PER_S);
        break;
    case 1:
        reopen(p);
        break;
    case 2:
    case 3:
        random_get(p);
        break;
    case 4:
    case 5:
        random_scan(p);
        break;
    default:
        random_put(p);
        break;
    }
}

static void the_store_answers_as_a_naive_list(void **state)
{
    (void)state;
    test_random random = test_random_begin();
    for (int run = 0; run < RUNS; run++) {
        pair *p = calloc(1, sizeof *p);
        assert_non_null(p);
        p->random = &random;
        p->fs = fault_fs_new();
        p->naive.limited = run % 3 == 0;
        fl_arena_init(&p->arena, (size_t)64 << 20);
        open_pair(p);
        rig_open(&p->rig);
        for (int i = 0; i < STEPS; i++) {
            step(p);
        }
        rig_fini(&p->rig);
        fl_arena_fini(&p->arena);
        fault_fs_free(p->fs);
        free(p);
    }
}

/* ---- Rows alone, where a store would be slow: many traces */

typedef struct row_model {
    fl_trace_id id;
    int64_t start_ns;
    bool there;
} row_model;

static void check_rows(fl_rows *rows, const row_model *model, size_t count)
{
    size_t there = 0;
    for (size_t i = 0; i < count; i++) {
        const fl_row *row = fl_rows_find(rows, model[i].id, false);
        assert_int_equal(row != NULL, model[i].there);
        assert_true(row == NULL || row->start_ns == model[i].start_ns);
        there += model[i].there;
    }
    assert_int_equal(rows->used, there);
}

static void rows_are_found_through_every_change(void **state)
{
    (void)state;
    enum { MODEL = 3000, CHANGES = 40000 };
    test_random random = test_random_begin();
    row_model *model = calloc(MODEL, sizeof *model);
    fl_budget budget = {.max_bytes = (size_t)64 << 20};
    fl_rows *rows = calloc(1, sizeof *rows);
    assert_true(model != NULL && rows != NULL);
    fl_rows_init(rows, &budget);
    for (size_t i = 0; i < MODEL; i++) {
        model[i].id = (fl_trace_id){0, i + 1};
    }
    for (size_t i = 0; i < CHANGES; i++) {
        row_model *m = &model[test_random_below(&random, MODEL)];
        fl_row *row = fl_rows_find(rows, m->id, false);
        if (row != NULL && test_random_below(&random, 4) == 0) {
            fl_rows_drop(rows, row);
            m->there = false;
            continue;
        }
        int64_t start = (int64_t)test_random_below(&random, 5000) * FL_NS_PER_S / 7;
        row = row != NULL ? row : fl_rows_make(rows, m->id);
        assert_non_null(row);
        assert_true(fl_rows_reserve(rows, row));
        fl_row_add(row, start, (fl_record_times){start, start}, i, i);
        assert_int_equal(fl_row_refs(row)[row->record_count - 1], i);
        m->start_ns = !m->there || start < m->start_ns ? start : m->start_ns;
        m->there = true;
        if (i % 4000 == 0) {
            check_rows(rows, model, MODEL);
        }
    }
    check_rows(rows, model, MODEL);
    fl_rows_fini(rows);
    assert_int_equal(fl_budget_used(&budget), 0);
    free(rows);
    free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_store_answers_as_a_naive_list),
        cmocka_unit_test(rows_are_found_through_every_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
