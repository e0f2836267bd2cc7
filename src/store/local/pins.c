/*
 * Pinned traces: a sorted list in memory and in DIR/pins, written anew at each change. A line has
 * an id, since when it is pinned and, of one that was let go, until when, in nanoseconds. Those
 * stay for the time of the retention: what began while a trace was pinned belongs to it.
 */
#include "store/local/local_int.h"

#include <stdio.h>
#include <stdlib.h>

#define ENTRIES_MAX    ((size_t)2 * FL_PINS_MAX) /* with those that were let go */
#define LINE_BYTES_MAX (FL_TRACE_ID_TEXT_MAX + 2 * sizeof " -9223372036854775808" + 1)
#define FILE_BYTES_MAX (ENTRIES_MAX * LINE_BYTES_MAX)

static int compare_pins(const void *a, const void *b)
{
    const fl_pinned *left = a, *right = b;
    int order = fl_trace_id_cmp(left->id, right->id);
    return order != 0 ? order
                      : (left->since_ns < right->since_ns ? -1 : left->since_ns > right->since_ns);
}

/* The first entry of an id, or where it would stand. */
static size_t first_of(const fl_pinned *pinned, size_t count, fl_trace_id id)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (fl_trace_id_cmp(pinned[middle].id, id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The entry of an id that is pinned now; NULL if it is not. */
static fl_pinned *open_entry(fl_pinned *pinned, size_t count, fl_trace_id id)
{
    for (size_t i = first_of(pinned, count, id); i < count && fl_trace_id_eq(pinned[i].id, id);
         i++) {
        if (pinned[i].until_ns == INT64_MAX) {
            return &pinned[i];
        }
    }
    return NULL;
}

static size_t count_open(const fl_pinned *pinned, size_t count)
{
    size_t open = 0;
    for (size_t i = 0; i < count; i++) {
        open += pinned[i].until_ns == INT64_MAX;
    }
    return open;
}

static void path_of(const fl_store *store, char path[FL_LOCAL_PATH_MAX])
{
    snprintf(path, FL_LOCAL_PATH_MAX, "%s/pins", store->dir);
}

/* ---- Opening */

static bool read_line(fl_str line, fl_pinned *out)
{
    fl_str id = fl_str_cut(&line, ' '), since = fl_str_cut(&line, ' ');
    out->until_ns = INT64_MAX;
    return fl_trace_id_parse(id, &out->id) && fl_str_to_i64(since, &out->since_ns) &&
           (line.p == NULL || fl_str_to_i64(line, &out->until_ns));
}

static size_t lines_of(fl_str text)
{
    size_t lines = 1;
    for (size_t i = 0; i < text.n; i++) {
        lines += text.p[i] == '\n';
    }
    return lines;
}

static fl_status read_lines(fl_store *store, fl_str text, const char *path, fl_err *err)
{
    fl_pins *pins = &store->pins;
    pins->pinned = calloc(lines_of(text), sizeof *pins->pinned);
    if (pins->pinned == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for pinned traces");
    }
    for (size_t line = 1; text.n != 0 && pins->count < ENTRIES_MAX; line++) {
        fl_str one = fl_str_trim(fl_str_cut(&text, '\n'));
        if (one.n == 0) {
            continue;
        }
        if (!read_line(one, &pins->pinned[pins->count])) {
            FL_FAIL(err, FL_E_CORRUPT,
                    "%s, line %zu: '%.*s' is no trace id with a time; mend or remove the line",
                    path, line, FL_P(fl_str_clip(one, 60)));
        }
        pins->count++;
    }
    qsort(pins->pinned, pins->count, sizeof *pins->pinned, compare_pins);
    return FL_OK;
}

fl_status fl_pins_open(fl_store *store, fl_err *err)
{
    fl_arena arena;
    fl_str text = {0};
    fl_err inner;
    char path[FL_LOCAL_PATH_MAX];
    if (uv_mutex_init(&store->pins.lock) != 0) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for pinned traces");
    }
    if (uv_mutex_init(&store->pins.change) != 0) {
        uv_mutex_destroy(&store->pins.lock);
        FL_FAIL(err, FL_E_NOMEM, "no memory for pinned traces");
    }
    store->pins.locks_made = true;
    path_of(store, path);
    fl_arena_init(&arena, FILE_BYTES_MAX + 4096);
    fl_status status =
        fl_fs_read_all(store->config.fs, path, FILE_BYTES_MAX, &arena, &text, &inner);
    if (status == FL_OK || status == FL_E_NOT_FOUND) {
        status = read_lines(store, text, path, err);
    } else if (err != NULL) {
        *err = inner;
    }
    fl_arena_fini(&arena);
    fl_counter_set(&store->stats->pinned, count_open(store->pins.pinned, store->pins.count));
    return status;
}

void fl_pins_close(fl_store *store)
{
    if (store->pins.locks_made) {
        uv_mutex_destroy(&store->pins.lock);
        uv_mutex_destroy(&store->pins.change);
    }
    free(store->pins.pinned);
    memset(&store->pins, 0, sizeof store->pins);
}

/* ---- Asking */

bool fl_pins_cover(fl_store *store, fl_trace_id id, int64_t from_ns, int64_t to_ns)
{
    fl_pins *pins = &store->pins;
    bool covered = false;
    uv_mutex_lock(&pins->lock);
    for (size_t i = first_of(pins->pinned, pins->count, id);
         i < pins->count && fl_trace_id_eq(pins->pinned[i].id, id) && !covered; i++) {
        covered = pins->pinned[i].since_ns <= from_ns && pins->pinned[i].until_ns >= to_ns;
    }
    uv_mutex_unlock(&pins->lock);
    return covered;
}

uint64_t fl_pins_changes(fl_store *store)
{
    uv_mutex_lock(&store->pins.lock);
    uint64_t changes = store->pins.changes;
    uv_mutex_unlock(&store->pins.lock);
    return changes;
}

fl_status fl_store_pins(fl_store *store, fl_arena *arena, fl_trace_id **ids, size_t *count,
                        fl_err *err)
{
    fl_pins *pins = &store->pins;
    uv_mutex_lock(&pins->lock);
    fl_trace_id *copy = FL_ARENA_ARRAY(arena, fl_trace_id, pins->count);
    *count = 0;
    for (size_t i = 0; copy != NULL && i < pins->count; i++) {
        if (pins->pinned[i].until_ns == INT64_MAX) {
            copy[(*count)++] = pins->pinned[i].id;
        }
    }
    uv_mutex_unlock(&pins->lock);
    if (copy == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for the pinned ids");
    }
    *ids = copy;
    return FL_OK;
}

/* ---- Changing, on the worker pool: one change at a time, while others ask */

static fl_status write_pins(fl_store *store, const fl_pinned *pinned, size_t count, fl_err *err)
{
    fl_buf text;
    char path[FL_LOCAL_PATH_MAX];
    path_of(store, path);
    fl_buf_init(&text, FILE_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        fl_trace_id_emit(pinned[i].id, &text);
        fl_buf_add_byte(&text, ' ');
        fl_buf_add_i64(&text, pinned[i].since_ns);
        if (pinned[i].until_ns != INT64_MAX) {
            fl_buf_add_byte(&text, ' ');
            fl_buf_add_i64(&text, pinned[i].until_ns);
        }
        fl_buf_add_byte(&text, '\n');
    }
    fl_status status = text.status;
    if (status == FL_OK) {
        status = fl_fs_write_all(store->config.fs, path, fl_buf_str(&text), err);
    } else {
        (void)fl_err_set(err, status, __FILE__, __LINE__, "no memory for %zu pinned ids", count);
    }
    fl_buf_fini(&text);
    return status;
}

/* Leaves out what was let go so long ago that retention has done its work. */
static size_t forget_old(const fl_store *store, fl_pinned *pinned, size_t count)
{
    int64_t cutoff_ns = fl_local_cutoff(store), believed_ns = atomic_load(&store->time.cutoff_ns);
    size_t kept = 0;
    cutoff_ns = believed_ns < cutoff_ns ? believed_ns : cutoff_ns;
    for (size_t i = 0; i < count; i++) {
        bool is_open = pinned[i].until_ns == INT64_MAX;
        if (is_open || (store->config.retention_ns != 0 && pinned[i].until_ns >= cutoff_ns)) {
            pinned[kept++] = pinned[i];
        }
    }
    return kept;
}

static int compare_ids(const void *a, const void *b)
{
    return fl_trace_id_cmp(*(const fl_trace_id *)a, *(const fl_trace_id *)b);
}

/* Lets go of those that are pinned; how many. */
static size_t let_go(const fl_store_pin *pin, int64_t now_ns, fl_pinned *pinned, size_t count)
{
    size_t changed = 0;
    for (size_t i = 0; i < pin->count; i++) {
        fl_pinned *entry = open_entry(pinned, count, pin->ids[i]);
        if (entry != NULL) {
            entry->until_ns = now_ns;
            changed++;
        }
    }
    return changed;
}

/* Leaves those ids, ascending and each once, that are not pinned; at most `room`. */
static size_t choose_new(fl_trace_id *ids, size_t id_count, fl_pinned *pinned, size_t count,
                         size_t room)
{
    size_t kept = 0;
    qsort(ids, id_count, sizeof *ids, compare_ids);
    for (size_t i = 0; i < id_count && kept < room; i++) {
        bool again = kept != 0 && fl_trace_id_eq(ids[kept - 1], ids[i]);
        if (!again && open_entry(pinned, count, ids[i]) == NULL) {
            ids[kept++] = ids[i];
        }
    }
    return kept;
}

/* Merges new entries into the list, from its end on: of one id, the new one is the latest. */
static void insert(fl_pinned *pinned, size_t count, const fl_trace_id *ids, size_t id_count,
                   int64_t now_ns)
{
    for (size_t at = count + id_count; id_count != 0;) {
        if (count != 0 && fl_trace_id_cmp(pinned[count - 1].id, ids[id_count - 1]) > 0) {
            pinned[--at] = pinned[--count];
        } else {
            pinned[--at] =
                (fl_pinned){.id = ids[--id_count], .since_ns = now_ns, .until_ns = INT64_MAX};
        }
    }
}

/* Applies a change to a list with room for all of it. */
static fl_status apply(const fl_store_pin *pin, int64_t now_ns, fl_pinned *pinned, size_t *count,
                       size_t *changed, fl_err *err)
{
    if (!pin->pinned) {
        *changed = let_go(pin, now_ns, pinned, *count);
        return FL_OK;
    }
    fl_trace_id *ids = calloc(pin->count + 1, sizeof *ids);
    if (ids == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to pin %zu traces", pin->count);
    }
    for (size_t i = 0; i < pin->count; i++) {
        ids[i] = pin->ids[i];
    }
    *changed = choose_new(ids, pin->count, pinned, *count, ENTRIES_MAX - *count);
    insert(pinned, *count, ids, *changed, now_ns);
    *count += *changed;
    free(ids);
    return FL_OK;
}

static fl_status change(fl_store *store, fl_store_pin *pin, fl_err *err)
{
    fl_pins *pins = &store->pins;
    size_t changed = 0;
    size_t open = count_open(pins->pinned, pins->count);
    if (pin->pinned && pin->count > FL_PINS_MAX - open) {
        FL_FAIL(err, FL_E_TOO_LARGE,
                "%zu traces are pinned, more than %d are not kept; let go of some", open,
                FL_PINS_MAX);
    }
    fl_pinned *pinned = calloc(pins->count + pin->count + 1, sizeof *pinned);
    if (pinned == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for pinned traces");
    }
    if (pins->count != 0) {
        memcpy(pinned, pins->pinned, pins->count * sizeof *pinned);
    }
    size_t count = forget_old(store, pinned, pins->count);
    fl_status status =
        apply(pin, fl_clock_wall(store->config.clock), pinned, &count, &changed, err);
    if (status == FL_OK && changed != 0) {
        status = write_pins(store, pinned, count, err);
    }
    if (status == FL_OK) {
        uv_mutex_lock(&pins->lock);
        fl_pinned *old = pins->pinned;
        pins->pinned = pinned;
        pins->count = count;
        pins->changes += changed != 0;
        uv_mutex_unlock(&pins->lock);
        pin->changed = changed;
        pinned = old;
    }
    free(pinned);
    return status;
}

static void pin_work(fl_work *work)
{
    fl_store_pin *pin = FL_CONTAINER_OF(work, fl_store_pin, work);
    fl_store *store = pin->store;
    uv_mutex_lock(&store->pins.change);
    pin->status = change(store, pin, &pin->err);
    fl_counter_set(&store->stats->pinned, count_open(store->pins.pinned, store->pins.count));
    uv_mutex_unlock(&store->pins.change);
}

static void pin_done(fl_work *work)
{
    fl_store_pin *pin = FL_CONTAINER_OF(work, fl_store_pin, work);
    fl_store *store = pin->store;
    pin->done(pin);
    fl_local_leave(store);
}

static void run_done(fl_task *task)
{
    pin_done(&FL_CONTAINER_OF(task, fl_store_pin, task)->work);
}

void fl_store_pin_begin(fl_store *store, fl_store_pin *pin)
{
    pin->store = store;
    pin->err = (fl_err){0};
    pin->changed = 0;
    pin->work = (fl_work){.work = pin_work, .done = pin_done};
    pin->task.run = run_done;
    fl_local_enter(store);
    if (!atomic_load(&store->closing) && !store->config.read_only) {
        fl_loop_work(pin->loop, &pin->work);
        return;
    }
    pin->status = store->config.read_only ? fl_err_set(&pin->err, FL_E_CONFIG, __FILE__, __LINE__,
                                                       "the store was opened to be read only")
                                          : fl_err_set(&pin->err, FL_E_SHUTDOWN, __FILE__, __LINE__,
                                                       "the store is closing");
    fl_loop_post(pin->loop, &pin->task);
}
