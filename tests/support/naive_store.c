#include "support/naive_store.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- The list */

static fl_store_row naive_row(const naive_pair *p, uint64_t trace)
{
    const naive_trace *t = &p->traces[trace];
    fl_store_row row = {.id = rig_trace_id(trace),
                        .start_ns = INT64_MAX,
                        .last_end_ns = FL_TIME_NONE,
                        .last_arrival_ns = FL_TIME_NONE,
                        .revision = t->revision,
                        .limit_exceeded = t->limit_exceeded};
    for (size_t i = 0; i < t->count; i++) {
        const naive_record *r = &t->records[i];
        if (!r->there) {
            continue;
        }
        row.record_count++;
        row.start_ns = r->start_ns < row.start_ns ? r->start_ns : row.start_ns;
        row.last_end_ns = r->end_ns > row.last_end_ns ? r->end_ns : row.last_end_ns;
        row.last_arrival_ns =
            r->arrival_ns > row.last_arrival_ns ? r->arrival_ns : row.last_arrival_ns;
    }
    row.time_ns = fl_trace_time_ns(row.id, row.start_ns);
    return row;
}

static bool naive_has(naive_pair *p, uint64_t trace)
{
    fl_store_row row = naive_row(p, trace);
    return row.record_count != 0 &&
           (p->traces[trace].pinned || p->retention_ns == 0 ||
            fl_basis_ns(row.time_ns, row.last_arrival_ns) >= naive_now(p) - p->retention_ns);
}

size_t naive_count(const naive_pair *p)
{
    size_t count = 0;
    for (size_t trace = 0; trace < p->trace_count; trace++) {
        count += naive_row(p, trace).record_count;
    }
    return count;
}

/* Is there nothing of the trace that could come back against the rules? */
static bool is_exact(const naive_pair *p, const naive_trace *t)
{
    bool exact = !p->clock_jumps;
    for (size_t i = 0; i < t->count; i++) {
        exact &= t->records[i].acknowledged;
    }
    return exact;
}

static void set_there(naive_trace *t, naive_record *r, bool there)
{
    if (r->there != there) {
        r->there = there;
        t->revision = there ? t->revision + r->first : t->revision - r->first;
    }
}

/* The trace has expired: its records are as good as gone, and gone once more of it comes. */
static void forget(const naive_pair *p, naive_trace *t)
{
    if (is_exact(p, t)) {
        t->count = 0;
        t->revision = 0;
        t->json_bytes = 0;
        t->limit_exceeded = false;
        return;
    }
    for (size_t i = 0; i < t->count; i++) {
        t->records[i].sure = false;
        set_there(t, &t->records[i], false);
    }
}

/* Nobody promises that what had expired once will be there when the clock says otherwise. */
static void note_expired(naive_pair *p)
{
    for (size_t trace = 0; trace < p->trace_count; trace++) {
        naive_trace *t = &p->traces[trace];
        for (size_t i = 0; i < t->count && !naive_has(p, trace); i++) {
            t->records[i].sure = false;
        }
    }
}

static fl_buf json_of(const fl_segment *segment)
{
    fl_buf text;
    fl_buf_init(&text, 1 << 20);
    fl_segment_emit(segment, &text);
    assert_int_equal(text.status, FL_OK);
    return text;
}

static uint64_t hash_of(const fl_segment *segment)
{
    fl_buf text = json_of(segment);
    uint64_t hash = fl_hash64(text.p, text.n, 0);
    fl_buf_fini(&text);
    return hash;
}

static size_t json_length(const fl_segment *segment)
{
    fl_buf text = json_of(segment);
    size_t n = text.n;
    fl_buf_fini(&text);
    return n;
}

static uint64_t trace_number(const fl_segment *segment)
{
    return segment->trace_id.lo >> 32;
}

static naive_record *add_record(naive_trace *t)
{
    if (t->count == t->capacity) {
        t->capacity = t->capacity != 0 ? t->capacity * 2 : 16;
        t->records = realloc(t->records, t->capacity * sizeof *t->records);
        assert_non_null(t->records);
    }
    return &t->records[t->count++];
}

/* Takes one segment; `touched` counts a revision once a put. */
static uint8_t list_put(naive_pair *p, const fl_segment *segment, bool acknowledged, bool *touched)
{
    naive_trace *t = &p->traces[trace_number(segment)];
    if (!naive_has(p, trace_number(segment))) {
        forget(p, t);
    }
    size_t json = p->trace_bytes != 0 ? json_length(segment) : 0;
    if (p->trace_bytes != 0 && t->json_bytes + json > p->trace_bytes) {
        bool marked = t->count != 0 && !t->limit_exceeded;
        t->revision += marked && !*touched;
        *touched |= marked;
        t->limit_exceeded |= t->count != 0;
        return FL_PUT_TRACE_TOO_LARGE;
    }
    uint64_t number = 0, tag = 0;
    assert_true(fl_str_to_u64(segment->annotations[0].text, &number));
    assert_true(fl_str_to_u64((fl_str){segment->annotations[1].text.p + 1, 1}, &tag));
    naive_record *r = add_record(t);
    *r = (naive_record){.id = segment->id,
                        .start_ns = segment->start_ns,
                        .end_ns = segment->end_ns,
                        .arrival_ns = naive_now(p),
                        .tag = tag,
                        .number = number,
                        .hash = hash_of(segment),
                        .fault = segment->fault == FL_TRUE,
                        .first = !*touched,
                        .acknowledged = acknowledged,
                        .sure = acknowledged};
    set_there(t, r, acknowledged);
    t->json_bytes += json;
    *touched = true;
    return FL_PUT_STORED;
}

/* ---- Life */

void naive_begin(naive_pair *p, test_random *random, size_t trace_count)
{
    memset(p, 0, sizeof *p);
    p->trace_count = trace_count;
    p->put_max = NAIVE_PUT_MAX;
    p->random = random;
    fl_arena_init(&p->arena, (size_t)64 << 20);
}

void naive_end(naive_pair *p)
{
    for (size_t trace = 0; trace < p->trace_count; trace++) {
        free(p->traces[trace].records);
    }
    fl_arena_fini(&p->arena);
}

void naive_restart(naive_pair *p)
{
    for (size_t trace = 0; trace < p->trace_count; trace++) {
        naive_trace *t = &p->traces[trace];
        *t = (naive_trace){.records = t->records, .capacity = t->capacity};
    }
    p->clock_jumps = false;
    p->last.count = 0;
    p->next_number = 0;
}

uint64_t naive_below(naive_pair *p, uint64_t bound)
{
    return test_random_below(p->random, bound);
}

int64_t naive_now(naive_pair *p)
{
    return fl_clock_wall(&p->rig.clock.clock);
}

void naive_pass(naive_pair *p, int64_t ns)
{
    rig_pass(&p->rig, ns);
    note_expired(p);
}

void naive_jump(naive_pair *p, int64_t by_ns)
{
    atomic_fetch_add(&p->rig.clock.wall, by_ns);
    note_expired(p);
}

/* ---- Puts */

static void annotate(naive_pair *p, naive_put *put, size_t at)
{
    fl_annotation *annotations = put->annotations[at];
    snprintf(put->numbers[at], sizeof put->numbers[at], "%llu",
             (unsigned long long)p->next_number++);
    snprintf(put->tags[at], sizeof put->tags[at], "t%u", (unsigned)naive_below(p, 4));
    annotations[0] = (fl_annotation){
        .key = FL_S("number"), .kind = FL_ANNOTATION_NUMBER, .text = fl_str_of(put->numbers[at])};
    annotations[1] = (fl_annotation){
        .key = FL_S("tag"), .kind = FL_ANNOTATION_STRING, .text = fl_str_of(put->tags[at])};
    put->segments[at].annotations = annotations;
    put->segments[at].annotation_count = 2;
    put->segments[at].has_annotations = true;
}

static fl_segment random_segment_of(naive_pair *p)
{
    fl_segment segment = rig_segment(naive_below(p, p->trace_count), 1 + naive_below(p, 5), 0);
    /* Most starts are near, some a day and more before the id's epoch. None is that far ahead: such
     * segments are refused on their way in. */
    int64_t off_s = (int64_t)naive_below(p, 200) - 100;
    if (naive_below(p, 6) == 0) {
        off_s -= (int64_t)naive_below(p, 3) * 86400;
    }
    segment.start_ns += off_s * FL_NS_PER_S + (int64_t)naive_below(p, 3);
    segment.end_ns = naive_below(p, 4) == 0
                         ? FL_TIME_NONE
                         : segment.start_ns + (int64_t)naive_below(p, 100) * FL_NS_PER_S;
    segment.fault = naive_below(p, 5) == 0 ? FL_TRUE : FL_ABSENT;
    if (naive_below(p, 3) == 0) {
        segment.user = naive_below(p, 2) == 0 ? FL_S("anna") : FL_S("somebody with a longer name");
    }
    if (naive_below(p, 6) == 0) {
        segment.metadata = FL_S("{\"default\":{\"cart\":[1,2,{\"empty\":false}]}}");
    }
    return segment;
}

static fl_status put_last(naive_pair *p, fl_err *err)
{
    const fl_segment *list[NAIVE_PUT_MAX];
    uint8_t verdicts[NAIVE_PUT_MAX];
    bool touched[NAIVE_TRACES_MAX] = {false};
    for (size_t i = 0; i < p->last.count; i++) {
        list[i] = &p->last.segments[i];
    }
    fl_status status = rig_put_all(&p->rig, list, p->last.count, verdicts, err);
    for (size_t i = 0; i < p->last.count; i++) {
        uint8_t expected = list_put(p, list[i], status == FL_OK, &touched[trace_number(list[i])]);
        assert_true(status != FL_OK || verdicts[i] == expected);
    }
    return status;
}

fl_status naive_try_put(naive_pair *p, fl_err *err)
{
    naive_put *put = &p->last;
    put->count = (size_t)naive_below(p, p->put_max + 1);
    for (size_t i = 0; i < put->count; i++) {
        if (i != 0 && naive_below(p, 5) == 0) {
            put->segments[i] = put->segments[i - 1];
        } else {
            put->segments[i] = random_segment_of(p);
            annotate(p, put, i);
        }
    }
    return put_last(p, err);
}

fl_status naive_try_again(naive_pair *p, fl_err *err)
{
    return put_last(p, err);
}

void naive_random_put(naive_pair *p)
{
    fl_err err;
    assert_ok(naive_try_put(p, &err), &err);
}

void naive_doubt_last_put(naive_pair *p)
{
    for (size_t i = 0; i < p->last.count; i++) {
        const fl_segment *segment = &p->last.segments[i];
        naive_trace *t = &p->traces[trace_number(segment)];
        uint64_t number = 0;
        assert_true(fl_str_to_u64(segment->annotations[0].text, &number));
        for (size_t k = t->count; k > 0 && t->records[k - 1].number >= number; k--) {
            t->records[k - 1].acknowledged = false;
            t->records[k - 1].sure = false;
        }
    }
}

/* ---- Gets */

/* The trace's record number `at` of those that are there. */
static const naive_record *record_at(const naive_trace *t, size_t at)
{
    for (size_t i = 0; i < t->count; i++) {
        if (t->records[i].there && at-- == 0) {
            return &t->records[i];
        }
    }
    fail_msg("more records than there should be");
    return NULL;
}

static uint64_t number_of(const fl_segment *segment)
{
    uint64_t number = 0;
    assert_int_equal(segment->annotation_count, 2);
    assert_true(fl_str_to_u64(segment->annotations[0].text, &number));
    return number;
}

static bool is_record(const fl_record *found, const naive_record *put)
{
    return found->segment->id == put->id && found->arrival_ns == put->arrival_ns &&
           number_of(found->segment) == put->number && hash_of(found->segment) == put->hash;
}

/* A page of a trace: `limit` of its records from number `first` on. */
static void check_trace(naive_pair *p, const fl_stored_trace *found, uint64_t trace, size_t first,
                        size_t limit)
{
    const naive_trace *t = &p->traces[trace];
    fl_store_row expected = naive_row(p, trace);
    assert_true(fl_trace_id_eq(found->id, rig_trace_id(trace)));
    if (!naive_has(p, trace)) {
        assert_int_equal(found->count, 0);
        assert_int_equal(found->total, 0);
        return;
    }
    size_t count = first < expected.record_count ? expected.record_count - first : 0;
    assert_int_equal(found->count, limit != 0 && limit < count ? limit : count);
    assert_int_equal(found->total, expected.record_count);
    /* Of a trace that has settled nobody says later that it passed its limit. */
    assert_true(!found->limit_exceeded || expected.limit_exceeded);
    if (!expected.limit_exceeded) {
        assert_int_equal(found->revision, expected.revision);
    }
    for (size_t i = 0; i < found->count; i++) {
        assert_true(is_record(&found->records[i], record_at(t, first + i)));
        assert_true(i == 0 || found->records[i].arrival > found->records[i - 1].arrival);
    }
}

void naive_random_get(naive_pair *p)
{
    enum { IDS = 10 };
    fl_trace_id ids[IDS];
    uint64_t traces[IDS];
    size_t count = (size_t)naive_below(p, IDS + 1);
    for (size_t i = 0; i < count; i++) {
        traces[i] = naive_below(p, p->trace_count);
        ids[i] = rig_trace_id(traces[i]);
    }
    fl_store_get get = {.ids = ids, .count = count, .arena = &p->arena};
    if (naive_below(p, 3) == 0) {
        get.first = naive_below(p, 8);
        get.limit = (size_t)naive_below(p, 6);
    }
    rig_get(&p->rig, &get);
    assert_ok(get.status, &get.err);
    for (size_t i = 0; i < count; i++) {
        check_trace(p, &get.traces[i], traces[i], (size_t)get.first, get.limit);
    }
    fl_arena_reset(&p->arena);
}

/* ---- Doubts */

/* Which records are there, from the last one back: of a put that was tried again the last try is
 * the one that was acknowledged. */
static void match_trace(naive_pair *p, const fl_stored_trace *found, uint64_t trace)
{
    naive_trace *t = &p->traces[trace];
    size_t left = found->count;
    for (size_t i = t->count; i > 0; i--) {
        naive_record *r = &t->records[i - 1];
        bool there = left != 0 && is_record(&found->records[left - 1], r);
        if (r->sure && !there) {
            fail_msg("trace %llu: record %llu was acknowledged and is not there",
                     (unsigned long long)trace, (unsigned long long)r->number);
        }
        set_there(t, r, there);
        left -= there;
    }
    if (left != 0) {
        fail_msg("trace %llu: record %llu is there and should not be", (unsigned long long)trace,
                 (unsigned long long)number_of(found->records[left - 1].segment));
    }
    if (found->count != 0 && !naive_has(p, trace)) {
        fail_msg("trace %llu has expired and is there", (unsigned long long)trace);
    }
    for (size_t i = 0; i < t->count; i++) {
        t->records[i].sure |= t->records[i].there && t->records[i].acknowledged;
    }
}

fl_status naive_try_resolve(naive_pair *p, fl_err *err)
{
    fl_trace_id ids[NAIVE_TRACES_MAX];
    for (size_t trace = 0; trace < p->trace_count; trace++) {
        ids[trace] = rig_trace_id(trace);
    }
    fl_store_get get = {.ids = ids, .count = p->trace_count, .arena = &p->arena};
    rig_get(&p->rig, &get);
    for (size_t trace = 0; get.status == FL_OK && trace < p->trace_count; trace++) {
        match_trace(p, &get.traces[trace], trace);
    }
    fl_arena_reset(&p->arena);
    *err = get.err;
    return get.status;
}

void naive_resolve(naive_pair *p)
{
    fl_err err;
    assert_ok(naive_try_resolve(p, &err), &err);
}

static bool is_pinned(const fl_trace_id *ids, size_t count, uint64_t trace)
{
    bool pinned = false;
    for (size_t i = 0; i < count; i++) {
        pinned |= fl_trace_id_eq(ids[i], rig_trace_id(trace));
    }
    return pinned;
}

static void resolve_pins(naive_pair *p, bool durable)
{
    fl_trace_id *ids;
    size_t count;
    fl_err err;
    assert_ok(fl_store_pins(p->rig.store, &p->arena, &ids, &count, &err), &err);
    for (size_t trace = 0; trace < p->trace_count; trace++) {
        naive_trace *t = &p->traces[trace];
        bool pinned = is_pinned(ids, count, trace);
        assert_true(pinned == t->pinned || t->pin_in_doubt);
        for (size_t i = 0; i < t->count && pinned != t->pinned; i++) {
            t->records[i].sure = false; /* since when nobody knows */
        }
        t->pinned = pinned;
        t->pin_in_doubt &= !durable;
    }
    fl_arena_reset(&p->arena);
    note_expired(p);
}

void naive_resolve_opened(naive_pair *p, bool durable)
{
    resolve_pins(p, durable);
    naive_resolve(p);
    for (size_t trace = 0; durable && trace < p->trace_count; trace++) {
        naive_trace *t = &p->traces[trace];
        size_t kept = 0;
        for (size_t i = 0; i < t->count; i++) {
            naive_record r = t->records[i];
            r.sure |= r.there;
            r.acknowledged |= r.there;
            if (r.acknowledged) {
                t->records[kept++] = r;
            }
        }
        t->count = kept;
    }
}

/* ---- Scans */

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

static void random_term(naive_pair *p, conditions *c, size_t at)
{
    fl_store_term *term = &c->terms[at];
    switch (naive_below(p, 4)) {
    case 0:
        c->values[at] = naive_below(p, p->next_number + 1);
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
        c->values[at] = naive_below(p, 5);
        snprintf(c->texts[at], sizeof c->texts[at], "t%u", (unsigned)c->values[at]);
        *term = (fl_store_term){.field = FL_S("annotations"),
                                .key = FL_S("tag"),
                                .op = naive_below(p, 2) == 0 ? FL_TERM_EQUAL : FL_TERM_SUFFIX,
                                .text = fl_str_of(c->texts[at])};
        break;
    }
    term->or_next = naive_below(p, 3) == 0;
}

static conditions *random_conditions(naive_pair *p)
{
    conditions *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->term_count = naive_below(p, 2) == 0 ? (size_t)naive_below(p, TERMS_MAX + 1) : 0;
    for (size_t i = 0; i < c->term_count; i++) {
        random_term(p, c, i);
    }
    if (c->term_count != 0) {
        c->terms[c->term_count - 1].or_next = false;
    }
    if (naive_below(p, 3) == 0) {
        c->window = naive_below(p, 2) == 0 ? FL_WINDOW_EVENT : FL_WINDOW_ENDED;
        c->window_from_ns = naive_now(p) - (int64_t)naive_below(p, 2000) * FL_NS_PER_S;
        c->window_to_ns = c->window_from_ns + (int64_t)naive_below(p, 500) * FL_NS_PER_S;
    }
    return c;
}

static bool term_holds(const conditions *c, size_t at, const naive_trace *t)
{
    const fl_store_term *term = &c->terms[at];
    for (size_t i = 0; i < t->count; i++) {
        const naive_record *r = &t->records[i];
        bool holds = term->op == FL_TERM_TRUE ? r->fault
                     : term->op == FL_TERM_RANGE
                         ? (double)r->number >= term->low && (double)r->number <= term->high
                         : r->tag == c->values[at];
        if (r->there && holds) {
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
        if (!t->records[i].there) {
            continue;
        }
        if ((end_ns != FL_TIME_NONE && end_ns >= c->window_from_ns && end_ns < c->window_to_ns) ||
            (c->window == FL_WINDOW_EVENT && arrival_ns >= c->window_from_ns &&
             arrival_ns < c->window_to_ns)) {
            return true;
        }
    }
    return c->window == FL_WINDOW_NONE;
}

static fl_store_scan random_scan_of(naive_pair *p, const uint64_t *modulus)
{
    fl_store_scan scan = {
        .from_ns = INT64_MIN, .to_ns = INT64_MAX, .limit = SIZE_MAX, .arena = &p->arena};
    if (naive_below(p, 2) == 0) {
        scan.from_ns = RIG_EPOCH_NS + ((int64_t)naive_below(p, 400000) - 200000) * FL_NS_PER_S;
    }
    if (naive_below(p, 2) == 0) {
        scan.to_ns = RIG_EPOCH_NS + ((int64_t)naive_below(p, 400000) - 200000) * FL_NS_PER_S;
    }
    if (naive_below(p, 2) == 0) {
        scan.limit = (size_t)naive_below(p, 15);
    }
    if (naive_below(p, 2) == 0) {
        fl_store_row row = naive_row(p, naive_below(p, p->trace_count));
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

void naive_random_scan(naive_pair *p)
{
    fl_store_row rows[NAIVE_TRACES_MAX];
    uint64_t modulus = naive_below(p, 4);
    size_t in_range = 0, count = 0;
    fl_store_scan scan = random_scan_of(p, &modulus);
    conditions *c = random_conditions(p);
    scan.user = &modulus;
    scan.terms = c->terms;
    scan.term_count = c->term_count;
    scan.window = c->window;
    scan.window_from_ns = c->window_from_ns;
    scan.window_to_ns = c->window_to_ns;
    for (uint64_t trace = 0; trace < p->trace_count; trace++) {
        fl_store_row row = naive_row(p, trace);
        fl_store_place place = place_of(&row);
        if (naive_has(p, trace) && row.time_ns >= scan.from_ns && row.time_ns < scan.to_ns &&
            (!scan.has_after || fl_store_place_cmp(&place, &scan.after) > 0) &&
            terms_hold(c, &p->traces[trace])) {
            in_range++;
            if ((modulus <= 1 || trace % modulus == 0) && window_holds(c, &p->traces[trace])) {
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

/* ---- Pins */

/* A trace that is gone is not pinned: whether it comes back is nobody's promise. */
fl_status naive_try_pin(naive_pair *p, fl_err *err)
{
    uint64_t trace = naive_below(p, p->trace_count);
    naive_trace *t = &p->traces[trace];
    fl_trace_id id = rig_trace_id(trace);
    if (!naive_has(p, trace)) {
        return FL_OK;
    }
    fl_status status = rig_pin(&p->rig, &id, 1, !t->pinned, err);
    t->pin_in_doubt |= status != FL_OK;
    if (status == FL_OK) {
        t->pinned = !t->pinned;
        for (size_t i = 0; i < p->trace_count; i++) {
            p->traces[i].pin_in_doubt = false; /* all pins were written anew */
        }
    }
    naive_pass(p, FL_NS_PER_S); /* what comes at the very moment could be taken either way */
    return status;
}

void naive_random_pin(naive_pair *p)
{
    fl_err err;
    assert_ok(naive_try_pin(p, &err), &err);
}
