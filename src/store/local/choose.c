/*
 * Which live rows settle: those that got nothing for a while, so that few traces end up in pieces;
 * all of them when that is not enough or when they have been in the log for long.
 */
#include "store/local/local_int.h"

/* Of a settle's bytes, so many must have gathered: for a part that is asked for, and for one alone.
 */
#define ASKED_SHARE 8
#define ALONE_SHARE 2

typedef struct choice {
    fl_shard *shard;
    int64_t now_ns;
    uint64_t bytes_max;
    bool all;
} choice;

static bool is_pressed(fl_store *store)
{
    return atomic_load(&store->disk_pressed) || fl_local_is_short_of_memory(store);
}

/* How long ago it was. A time to come was told by a clock that has gone back since: it is as far
 * away as it lies ahead, so that nobody waits for it to come again. */
static int64_t since_ns(int64_t now_ns, int64_t then_ns)
{
    return now_ns >= then_ns ? now_ns - then_ns : then_ns - now_ns;
}

static bool is_aged(const fl_shard *shard, int64_t now_ns)
{
    return shard->first_arrival_ns != INT64_MAX &&
           since_ns(now_ns, shard->first_arrival_ns) >= shard->store->options.settle_age_ns;
}

/* Is it time to walk over the rows? */
static bool is_due(const fl_shard *shard, int64_t now_ns)
{
    const fl_local_options *options = &shard->store->options;
    if (shard->settle.count != 0) {
        return true;
    }
    if (shard->rows.used == 0) {
        return false;
    }
    return shard->settle_all || atomic_load(&shard->asked) ||
           shard->live_bytes >= options->settle_bytes || is_aged(shard, now_ns) ||
           is_pressed(shard->store);
}

static bool is_ripe(const choice *c, const fl_row *row)
{
    const fl_local_options *options = &c->shard->store->options;
    /* A mark alone waits for nothing. */
    return c->all || row->record_count == 0 ||
           since_ns(c->now_ns, row->last_arrival_ns) >= options->settle_idle_ns ||
           since_ns(c->now_ns, row->first_arrival_ns) >= options->settle_age_ns;
}

/* ---- Since when records are live: what the keeper must not forget */

static void publish_arrival(fl_shard *shard)
{
    int64_t settling_ns = shard->settle.first_arrival_ns;
    atomic_store(&shard->oldest_arrival_ns,
                 settling_ns < shard->first_arrival_ns ? settling_ns : shard->first_arrival_ns);
}

void fl_shard_note_arrival(fl_shard *shard, int64_t arrival_ns)
{
    if (arrival_ns < shard->first_arrival_ns) {
        shard->first_arrival_ns = arrival_ns;
        publish_arrival(shard);
    }
}

/* The earliest arrival among records on their way to the log. */
static int64_t first_on_its_way(const fl_shard *shard)
{
    int64_t first_ns = INT64_MAX;
    for (size_t i = 0; i < shard->gather->record_count; i++) {
        int64_t arrival_ns = shard->gather->records[i].times.arrival_ns;
        first_ns = arrival_ns < first_ns ? arrival_ns : first_ns;
    }
    return first_ns;
}

/* ---- Choosing */

/* Freezes a row for the keeper; false if it cannot settle now. */
static bool take(const choice *c, fl_row *row)
{
    fl_shard *shard = c->shard;
    fl_settle *settle = &shard->settle;
    if (!fl_local_room((void **)&settle->rows, &settle->capacity, settle->count,
                       sizeof(fl_row *)) ||
        (row->pending != 0 && !fl_shard_split_pending(shard, row))) {
        return false;
    }
    row->settling = true;
    settle->rows[settle->count++] = row;
    settle->packed_bytes += row->packed_bytes;
    if (row->first_arrival_ns < settle->first_arrival_ns) {
        settle->first_arrival_ns = row->first_arrival_ns;
    }
    shard->live_bytes -= row->packed_bytes;
    return true;
}

/* Packed bytes of all ripe rows. */
static uint64_t ripe_bytes(const choice *c)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < c->shard->rows.made; i++) {
        const fl_row *row = fl_rows_at(&c->shard->rows, i);
        if (row != NULL && fl_row_is_visible(row) && !row->settling && is_ripe(c, row)) {
            bytes += row->packed_bytes;
        }
    }
    return bytes;
}

/* Since when it waits to settle. A mark alone has waited long enough. */
static int64_t waits_since(const fl_row *row)
{
    return row->record_count != 0 ? row->first_arrival_ns : row->base_arrival_ns;
}

/* Takes ripe rows until there are enough, and finds out how long the others have waited. */
static void take_rows(const choice *c)
{
    fl_shard *shard = c->shard;
    uint32_t made = shard->rows.made; /* splitting makes rows that are not to be looked at */
    int64_t first_ns = first_on_its_way(shard);
    for (uint32_t i = 0; i < made; i++) {
        fl_row *row = fl_rows_at(&shard->rows, i);
        if (row == NULL || !fl_row_is_visible(row) || row->settling) {
            continue;
        }
        bool room = shard->settle.packed_bytes < c->bytes_max;
        if ((!room || !is_ripe(c, row) || !take(c, row)) && waits_since(row) < first_ns) {
            first_ns = waits_since(row);
        }
    }
    shard->first_arrival_ns = first_ns;
    publish_arrival(shard);
}

static void drop_settled(fl_shard *shard)
{
    fl_settle *settle = &shard->settle;
    for (size_t i = 0; i < settle->count; i++) {
        fl_shard_drop(shard, settle->rows[i]);
    }
    settle->count = 0;
    settle->packed_bytes = 0;
    settle->first_arrival_ns = INT64_MAX;
    publish_arrival(shard);
    shard->settle_failed = false;
    shard->settle_all &= shard->rows.used != 0;
    fl_writer_end_file(shard);
}

/* Rows that could not be settled stay as they are, for another try: their trace may have another
 * row by now, and nothing may settle before them. */
static void put_off(fl_shard *shard)
{
    const fl_store *store = shard->store;
    const fl_settle *settle = &shard->settle;
    shard->settle_look_mono_ns =
        fl_clock_mono(store->config.clock) + store->options.sweep_interval_ns;
    if (!shard->settle_failed) {
        shard->settle_failed = true;
        shard->settle_err = settle->err;
        FL_LOG(store->config.log, FL_LOG_ERROR,
               "live traces not settled; they stay in the log, tried again every second",
               fl_kv_text("error", fl_err_text(&settle->err, settle->status)));
    }
}

/* Back from the keeper. */
static void settled(fl_task *task)
{
    fl_settle *settle = FL_CONTAINER_OF(task, fl_settle, task);
    fl_shard *shard = settle->shard;
    shard->settling = false;
    if (settle->status == FL_OK) {
        drop_settled(shard);
        fl_shard_choose(shard);
    } else {
        put_off(shard);
    }
    fl_local_leave(shard->store);
}

/* The others' rows of the same time had better go into the same part. */
static void ask_others(const fl_shard *shard)
{
    fl_store *store = shard->store;
    for (size_t i = 0; i < store->shard_count; i++) {
        if (&store->shards[i] != shard) {
            atomic_store(&store->shards[i].asked, true);
        }
    }
}

static void give_to_keeper(fl_shard *shard)
{
    shard->settling = true;
    shard->settle.task.run = settled;
    fl_local_enter(shard->store);
    fl_keeper_settle(shard->store, &shard->settle);
}

/* May the rows be walked over now? *asked: for another shard's sake. */
static bool can_look(fl_shard *shard, int64_t now_ns, bool *asked)
{
    const fl_store *store = shard->store;
    *asked = false;
    if (shard->settling) {
        atomic_store(&shard->asked, false); /* it does settle */
    }
    if (shard->settling || shard->in_flight || !store->keeper.running || !is_due(shard, now_ns)) {
        return false;
    }
    *asked = atomic_exchange(&shard->asked, false) && shard->settle.count == 0;
    return *asked || shard->settle_all ||
           fl_clock_mono(store->config.clock) >= shard->settle_look_mono_ns;
}

/* A small part for every look would cost more than waiting; where another part is made of the same
 * minutes, more goes into that. */
static bool is_worth_it(const choice *c, bool asked)
{
    return c->all || is_aged(c->shard, c->now_ns) ||
           ripe_bytes(c) >= c->bytes_max / (asked ? ASKED_SHARE : ALONE_SHARE);
}

void fl_shard_choose(fl_shard *shard)
{
    fl_store *store = shard->store;
    bool asked;
    choice c = {
        .shard = shard,
        .now_ns = fl_clock_wall(store->config.clock),
        .bytes_max = store->options.settle_bytes,
        .all = shard->settle_all,
    };
    if (shard->rows.used == 0) { /* the last rows may have expired */
        shard->first_arrival_ns = INT64_MAX;
        publish_arrival(shard);
        atomic_store(&shard->asked, false); /* there is nothing to settle */
    }
    if (!can_look(shard, c.now_ns, &asked)) {
        return;
    }
    if (shard->settle.count != 0) { /* of a try that failed */
        give_to_keeper(shard);
        return;
    }
    shard->settle_look_mono_ns = fl_clock_mono(store->config.clock) + store->options.settle_look_ns;
    /* When too much is live, what is idle alone is not enough. */
    c.all |= shard->live_bytes >= 2 * c.bytes_max || is_pressed(store);
    if (!is_worth_it(&c, asked)) {
        return;
    }
    take_rows(&c);
    if (shard->settle.count != 0) {
        if (!asked && !shard->settle_all) {
            ask_others(shard);
        }
        give_to_keeper(shard);
    }
}

/* ---- A row that settles while it has records on their way to the log */

/* Moves the pending records of one row to another of the same trace. */
static void move_pending(fl_batch *gather, fl_row *from, fl_row *to)
{
    uint64_t json_bytes = 0;
    for (size_t i = 0; i < gather->record_count; i++) {
        fl_batch_record *record = &gather->records[i];
        if (record->row == from) {
            record->row = to;
            json_bytes += record->json_bytes;
        }
    }
    from->json_bytes -= json_bytes;
    from->limit_exceeded |= from->limit_pending; /* or the mark would come too late for it */
    fl_row_inherit(to, from);
    to->json_bytes += json_bytes;
    to->pending = from->pending;
    to->in_gather = from->in_gather;
    to->limit_pending = from->limit_pending;
    from->pending = 0;
    from->in_gather = false;
    from->limit_pending = false;
}

/* Without a batch in flight all pending records are in the one that gathers. */
bool fl_shard_split_pending(fl_shard *shard, fl_row *row)
{
    row->settling = true; /* out of the way of its successor */
    fl_row *next = fl_rows_make(&shard->rows, row->id);
    row->settling = false;
    for (unsigned reserved = 0; next != NULL && reserved < row->pending; reserved++) {
        next->pending = reserved & FL_ROW_PENDING_MAX;
        if (!fl_rows_reserve(&shard->rows, next)) {
            row->settling = true;
            fl_rows_drop(&shard->rows, next);
            row->settling = false;
            next = NULL;
        }
    }
    if (next != NULL) {
        move_pending(shard->gather, row, next);
    }
    return next != NULL;
}
