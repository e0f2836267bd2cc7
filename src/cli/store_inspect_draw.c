/* `fluoro store inspect` as tables. */
#include "cli/step_int.h"
#include "cli/store_inspect_int.h"
#include "cli/table_int.h"
#include "cli/times_int.h"

#define BAR_COLUMNS     24
#define PINS_SHOWN      3
#define TEXT_MAX        ((size_t)64 << 10)
#define DAY_TEXT_LENGTH 8

typedef struct drawer {
    fl_arena *arena;
    fl_screen *screen;
    fl_buf text; /* what is being put together */
    bool failed;
} drawer;

/* ---- Texts */

static fl_str keep(drawer *d)
{
    fl_str copy = fl_str_dup(d->arena, fl_buf_str(&d->text));
    d->failed |= copy.p == NULL || d->text.status != FL_OK;
    fl_buf_reset(&d->text);
    return copy;
}

static fl_str count_cell(drawer *d, uint64_t count)
{
    fl_count_text(count, &d->text);
    return keep(d);
}

static fl_str bytes_cell(drawer *d, uint64_t bytes)
{
    fl_bytes_text(bytes, &d->text);
    return keep(d);
}

/* bytes for each of count. */
static fl_str rate_cell(drawer *d, uint64_t bytes, uint64_t count)
{
    if (count > 0) {
        fl_buf_add_double(&d->text, (double)bytes / (double)count, 1);
    }
    return keep(d);
}

static fl_str share_cell(drawer *d, uint64_t bytes, uint64_t of_bytes)
{
    if (of_bytes > 0) {
        fl_buf_add_double(&d->text, 100.0 * (double)bytes / (double)of_bytes, 1);
        fl_buf_add_byte(&d->text, '%');
    }
    return keep(d);
}

static fl_str time_cell(drawer *d, int64_t ns)
{
    fl_time_text(&d->text, ns, true, 0);
    return keep(d);
}

static fl_str part_cell(drawer *d, const fl_data_part *part)
{
    fl_part_text(part, &d->text);
    return keep(d);
}

/* A bar of half columns. */
static fl_str bar_cell(drawer *d, uint64_t bytes, uint64_t of_bytes)
{
    double part = of_bytes > 0 ? (double)bytes / (double)of_bytes : 0;
    unsigned halves = (unsigned)(part * 2 * BAR_COLUMNS + 0.5);
    for (unsigned i = 0; i < halves / 2; i++) {
        fl_buf_add_str(&d->text, fl_screen_glyph(d->screen, FL_GLYPH_BLOCK));
    }
    if (halves % 2 != 0) {
        fl_buf_add_str(&d->text, fl_screen_glyph(d->screen, FL_GLYPH_BLOCK_LEFT));
    }
    return keep(d);
}

/* "1 part", "1,204 parts" */
static void add_count(drawer *d, uint64_t count, const char *one, const char *many)
{
    fl_count_text(count, &d->text);
    fl_buf_add_byte(&d->text, ' ');
    fl_buf_add_str(&d->text, fl_str_of(count == 1 ? one : many));
}

static void add_text(drawer *d, const char *text)
{
    fl_buf_add_str(&d->text, fl_str_of(text));
}

/* The text as a line. */
static void put_line(drawer *d, fl_style style)
{
    fl_screen_add(d->screen, style, fl_buf_str(&d->text));
    fl_screen_newline(d->screen);
    fl_buf_reset(&d->text);
}

static fl_cell *new_cells(drawer *d, size_t rows, size_t columns)
{
    fl_cell *cells = FL_ARENA_ARRAY(d->arena, fl_cell, rows * columns);
    d->failed |= cells == NULL;
    return cells;
}

/* ---- Overview */

static void draw_store(drawer *d, const fl_store_view *store)
{
    if (store->failure != NULL) {
        add_text(d, "A server cannot open this now: ");
        add_text(d, store->failure);
        put_line(d, FL_STYLE_FAULT);
        return;
    }
    add_count(d, store->traces, "trace, ", "traces, ");
    add_count(d, store->segments, "segment", "segments");
    if (store->waiting_segments > 0) {
        add_text(d, "; ");
        add_count(d, store->waiting_segments, "segment", "segments");
        add_text(d, " (");
        fl_bytes_text(store->waiting_bytes, &d->text);
        add_text(d,
                 store->waiting_segments == 1 ? ") waits to be settled" : ") wait to be settled");
    }
    put_line(d, FL_STYLE_PLAIN);
    if (store->pin_count == 0) {
        return;
    }
    add_count(d, store->pin_count, "pinned trace", "pinned traces");
    for (size_t i = 0; i < store->pin_count && store->pin_count <= PINS_SHOWN; i++) {
        add_text(d, i == 0 ? ": " : ", ");
        fl_trace_id_emit(store->pins[i], &d->text);
    }
    put_line(d, FL_STYLE_PLAIN);
}

static void draw_names(drawer *d, const char *what, const fl_str *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add_text(d, what);
        fl_buf_add_str(&d->text, names[i]);
        put_line(d, FL_STYLE_DIM);
    }
}

/* ---- Days */

static const fl_column day_columns[] = {
    {"DAY (UTC)", false, 0, 0}, {"PARTS", true, 0, 0}, {"TRACES", true, 0, 2},
    {"SPANS", true, 0, 0},      {"BYTES", true, 0, 0}, {"A SPAN", true, 0, 1},
};
#define DAY_COLUMNS (sizeof day_columns / sizeof day_columns[0])

/* "2026-11-22": the part's text begins with the digits. */
static fl_str day_cell(drawer *d, const fl_data_part *part)
{
    char text[DAY_TEXT_LENGTH + 1] = "";
    fl_part_text(part, &d->text);
    fl_str digits = fl_str_clip(fl_buf_str(&d->text), DAY_TEXT_LENGTH);
    memcpy(text, digits.p, digits.n);
    fl_buf_reset(&d->text);
    fl_buf_add(&d->text, text, 4);
    fl_buf_add_byte(&d->text, '-');
    fl_buf_add(&d->text, text + 4, 2);
    fl_buf_add_byte(&d->text, '-');
    fl_buf_add(&d->text, text + 6, 2);
    return keep(d);
}

/* The sum of the parts of one day, from *i on. */
static void fill_day(drawer *d, const fl_inspection *found, size_t *i, fl_cell *cells)
{
    uint64_t parts = 0, traces = 0, spans = 0, bytes = 0;
    const fl_data_part *first = found->parts[*i].part;
    for (; *i < found->part_count && found->parts[*i].part->day_ns == first->day_ns; ++*i) {
        const fl_part_view *view = &found->parts[*i];
        if (fl_part_view_counts(view)) {
            parts++;
            traces += view->facts.traces;
            spans += view->facts.spans;
            bytes += view->facts.file_bytes;
        }
    }
    cells[0] = (fl_cell){FL_STYLE_KEY, day_cell(d, first)};
    cells[1] = (fl_cell){FL_STYLE_PLAIN, count_cell(d, parts)};
    cells[2] = (fl_cell){FL_STYLE_PLAIN, count_cell(d, traces)};
    cells[3] = (fl_cell){FL_STYLE_PLAIN, count_cell(d, spans)};
    cells[4] = (fl_cell){FL_STYLE_BOLD, bytes_cell(d, bytes)};
    cells[5] = (fl_cell){FL_STYLE_PLAIN, rate_cell(d, bytes, spans)};
}

static void draw_days(drawer *d, const fl_inspection *found)
{
    size_t rows = 0;
    fl_cell *cells = new_cells(d, found->part_count, DAY_COLUMNS);
    if (cells == NULL || found->part_count == 0 ||
        found->parts[0].part->day_ns == found->parts[found->part_count - 1].part->day_ns) {
        return; /* the list of parts says as much */
    }
    for (size_t i = 0; i < found->part_count; rows++) {
        fill_day(d, found, &i, cells + rows * DAY_COLUMNS);
    }
    fl_screen_newline(d->screen);
    fl_table_draw(d->screen, day_columns, DAY_COLUMNS, cells, rows);
}

/* ---- Parts */

static const fl_column part_columns[] = {
    {"PART", false, 16, 0}, {"LEVEL", true, 0, 6},  {"TRACES", true, 0, 4}, {"SPANS", true, 0, 0},
    {"BYTES", true, 0, 0},  {"A SPAN", true, 0, 1}, {"BLOCKS", true, 0, 5}, {"FROM", false, 0, 3},
    {"TO", false, 0, 2},    {"NOTE", false, 16, 0},
};
#define PART_COLUMNS (sizeof part_columns / sizeof part_columns[0])

static void fill_facts(drawer *d, const fl_data_part_facts *facts, fl_cell *cells)
{
    cells[2] = (fl_cell){FL_STYLE_PLAIN, count_cell(d, facts->traces)};
    cells[3] = (fl_cell){FL_STYLE_PLAIN, count_cell(d, facts->spans)};
    cells[4] = (fl_cell){FL_STYLE_BOLD, bytes_cell(d, facts->file_bytes)};
    cells[5] = (fl_cell){FL_STYLE_PLAIN, rate_cell(d, facts->file_bytes, facts->spans)};
    cells[6] = (fl_cell){FL_STYLE_PLAIN, count_cell(d, facts->blocks)};
    cells[7] = (fl_cell){FL_STYLE_DIM, time_cell(d, facts->oldest_ns)};
    cells[8] = (fl_cell){FL_STYLE_DIM, time_cell(d, facts->newest_ns)};
}

static void fill_part(drawer *d, const fl_part_view *view, fl_cell *cells)
{
    cells[0] = (fl_cell){FL_STYLE_KEY, part_cell(d, view->part)};
    cells[1] = (fl_cell){FL_STYLE_PLAIN, count_cell(d, view->part->level)};
    if (view->gone) {
        cells[9] = (fl_cell){FL_STYLE_DIM, FL_S("merged or removed meanwhile")};
    } else if (view->damage != NULL) {
        cells[9] = (fl_cell){FL_STYLE_FAULT, fl_str_of(view->damage)};
    } else {
        fill_facts(d, &view->facts, cells);
        if (view->part->replaced) {
            cells[9] = (fl_cell){FL_STYLE_DIM, FL_S("replaced by a merge")};
        }
    }
}

static fl_status draw_parts(drawer *d, const fl_inspection *found, fl_err *err)
{
    fl_data_part_facts sum;
    fl_cell *cells = new_cells(d, found->part_count + 1, PART_COLUMNS);
    FL_TRY(fl_inspection_sum(d->arena, found, &sum, err));
    if (cells == NULL) {
        return FL_OK; /* told by the caller */
    }
    fl_screen_newline(d->screen);
    if (found->part_count == 0) {
        add_text(d, "No parts: nothing was settled so far.");
        put_line(d, FL_STYLE_PLAIN);
        return FL_OK;
    }
    for (size_t i = 0; i < found->part_count; i++) {
        fill_part(d, &found->parts[i], cells + i * PART_COLUMNS);
    }
    size_t rows = found->part_count;
    if (rows > 1) {
        fl_cell *last = cells + rows++ * PART_COLUMNS;
        last[0] = (fl_cell){FL_STYLE_BOLD, FL_S("total")};
        fill_facts(d, &sum, last);
    }
    fl_table_draw(d->screen, part_columns, PART_COLUMNS, cells, rows);
    return FL_OK;
}

/* ---- The log */

static const fl_column log_columns[] = {
    {"LOG FILE", false, 16, 0}, {"BYTES", true, 0, 0}, {"FRAMES", true, 0, 4},
    {"RECORDS", true, 0, 0},    {"FROM", false, 0, 3}, {"TO", false, 0, 2},
    {"NOTE", false, 16, 0},
};
#define LOG_COLUMNS (sizeof log_columns / sizeof log_columns[0])

static fl_cell log_note(drawer *d, const fl_log_view *view)
{
    const fl_data_log_facts *facts = &view->facts;
    if (view->gone) {
        return (fl_cell){FL_STYLE_DIM, FL_S("settled meanwhile")};
    }
    if (facts->damaged_bytes > 0) {
        fl_bytes_text(facts->damaged_bytes, &d->text);
        add_text(d, " damaged beyond repair");
        return (fl_cell){FL_STYLE_FAULT, keep(d)};
    }
    if (facts->mended > 0) {
        return (fl_cell){FL_STYLE_ERROR, FL_S("damaged, but can be mended")};
    }
    if (facts->unfinished_bytes > 0) {
        fl_bytes_text(facts->unfinished_bytes, &d->text);
        add_text(d, " of an unfinished commit");
        return (fl_cell){FL_STYLE_DIM, keep(d)};
    }
    return (fl_cell){FL_STYLE_PLAIN, FL_S("")};
}

static void draw_logs(drawer *d, const fl_inspection *found)
{
    fl_cell *cells = new_cells(d, found->log_count, LOG_COLUMNS);
    if (cells == NULL || found->log_count == 0) {
        return;
    }
    for (size_t i = 0; i < found->log_count; i++) {
        const fl_log_view *view = &found->logs[i];
        fl_cell *row = cells + i * LOG_COLUMNS;
        row[0] = (fl_cell){FL_STYLE_KEY, view->log->name};
        row[6] = log_note(d, view);
        if (view->gone) {
            continue;
        }
        row[1] = (fl_cell){FL_STYLE_BOLD, bytes_cell(d, view->facts.bytes)};
        row[2] = (fl_cell){FL_STYLE_PLAIN, count_cell(d, view->facts.frames)};
        row[3] = (fl_cell){FL_STYLE_PLAIN, count_cell(d, view->facts.records)};
        if (view->facts.records > 0) {
            row[4] = (fl_cell){FL_STYLE_DIM, time_cell(d, view->facts.first_arrival_ns)};
            row[5] = (fl_cell){FL_STYLE_DIM, time_cell(d, view->facts.last_arrival_ns)};
        }
    }
    fl_screen_newline(d->screen);
    fl_table_draw(d->screen, log_columns, LOG_COLUMNS, cells, found->log_count);
}

/* ---- What a part is made of */

static const fl_column layout_columns[] = {
    {"SECTION", false, 0, 0}, {"BYTES", true, 0, 0}, {"SHARE", true, 0, 1}, {"", false, 8, 2}};
#define LAYOUT_COLUMNS (sizeof layout_columns / sizeof layout_columns[0])

static void draw_layout(drawer *d, const fl_data_part_facts *facts)
{
    const struct {
        const char *name;
        uint64_t bytes;
    } rows[] = {
        {"blocks", facts->block_bytes},   {"dictionaries", facts->dictionary_bytes},
        {"filters", facts->filter_bytes}, {"trace ids", facts->index_bytes},
        {"schema", facts->schema_bytes},  {"footer", facts->footer_bytes},
    };
    enum { ROWS = sizeof rows / sizeof rows[0] };
    fl_cell cells[ROWS * LAYOUT_COLUMNS] = {0};
    for (size_t i = 0; i < ROWS; i++) {
        fl_cell *row = cells + i * LAYOUT_COLUMNS;
        row[0] = (fl_cell){FL_STYLE_KEY, fl_str_of(rows[i].name)};
        row[1] = (fl_cell){FL_STYLE_BOLD, bytes_cell(d, rows[i].bytes)};
        row[2] = (fl_cell){FL_STYLE_PLAIN, share_cell(d, rows[i].bytes, facts->file_bytes)};
        row[3] = (fl_cell){FL_STYLE_OK, bar_cell(d, rows[i].bytes, facts->file_bytes)};
    }
    fl_screen_newline(d->screen);
    fl_table_draw(d->screen, layout_columns, LAYOUT_COLUMNS, cells, ROWS);
}

static const fl_column column_columns[] = {
    {"COLUMN", false, 24, 0}, {"KIND", false, 0, 4},      {"VALUES", true, 0, 3},
    {"BYTES", true, 0, 0},    {"A VALUE", true, 0, 2},    {"UNPACKED", true, 0, 6},
    {"FILTER", true, 0, 5},   {"DICTIONARY", true, 0, 7}, {"SHARE", true, 0, 1},
    {"", false, 8, 8},
};
#define COLUMN_COLUMNS (sizeof column_columns / sizeof column_columns[0])

static void fill_column(drawer *d, const fl_data_column *column, const fl_data_part_facts *facts,
                        fl_cell *row)
{
    uint64_t largest = facts->columns[0].stored_bytes + facts->columns[0].filter_bytes;
    uint64_t bytes = column->stored_bytes + column->filter_bytes;
    row[0] = (fl_cell){FL_STYLE_KEY, column->path};
    row[1] = (fl_cell){FL_STYLE_DIM, fl_str_of(column->kind)};
    row[2] = (fl_cell){FL_STYLE_PLAIN, count_cell(d, column->values)};
    row[3] = (fl_cell){FL_STYLE_BOLD, bytes_cell(d, bytes)};
    row[4] = (fl_cell){FL_STYLE_PLAIN, rate_cell(d, bytes, column->values)};
    row[5] = (fl_cell){FL_STYLE_DIM, bytes_cell(d, column->raw_bytes)};
    if (column->filter_bytes > 0) {
        row[6] = (fl_cell){FL_STYLE_DIM, bytes_cell(d, column->filter_bytes)};
    }
    if (column->dictionary > 0) {
        row[7] = (fl_cell){FL_STYLE_DIM, count_cell(d, column->dictionary)};
    }
    row[8] = (fl_cell){FL_STYLE_PLAIN, share_cell(d, bytes, facts->file_bytes)};
    row[9] = (fl_cell){FL_STYLE_OK, bar_cell(d, bytes, largest)};
}

static void draw_columns(drawer *d, const fl_data_part_facts *facts)
{
    fl_cell *cells = new_cells(d, facts->column_count, COLUMN_COLUMNS);
    if (cells == NULL || facts->column_count == 0) {
        return;
    }
    for (size_t i = 0; i < facts->column_count; i++) {
        fill_column(d, &facts->columns[i], facts, cells + i * COLUMN_COLUMNS);
    }
    fl_screen_newline(d->screen);
    fl_table_draw(d->screen, column_columns, COLUMN_COLUMNS, cells, facts->column_count);
}

static void draw_detail(drawer *d, const fl_data_part_facts *facts)
{
    add_count(d, facts->traces, "trace, ", "traces, ");
    add_count(d, facts->segments, "segment, ", "segments, ");
    add_count(d, facts->spans, "span", "spans");
    add_text(d, " from ");
    fl_time_text(&d->text, facts->oldest_ns, true, 0);
    add_text(d, " to ");
    fl_time_text(&d->text, facts->newest_ns, true, 0);
    put_line(d, FL_STYLE_PLAIN);
    fl_bytes_text(facts->file_bytes, &d->text);
    if (facts->spans > 0) {
        add_text(d, ", ");
        fl_buf_add_double(&d->text, (double)facts->file_bytes / (double)facts->spans, 1);
        add_text(d, " bytes a span (");
        fl_buf_add_double(&d->text, (double)facts->packed_bytes / (double)facts->spans, 1);
        add_text(d, " as packed documents)");
    }
    add_text(d, "; ");
    add_count(d, facts->blocks, "block, ", "blocks, ");
    add_count(d, facts->shapes, "shape, ", "shapes, ");
    add_count(d, facts->paths, "path", "paths");
    put_line(d, FL_STYLE_PLAIN);
    draw_layout(d, facts);
    draw_columns(d, facts);
}

static void draw_named(drawer *d, const fl_inspection *found)
{
    for (size_t i = 0; i < found->part_count; i++) {
        const fl_part_view *view = &found->parts[i];
        if (i > 0) {
            fl_screen_newline(d->screen);
        }
        add_text(d, view->part->path);
        put_line(d, FL_STYLE_BOLD);
        if (view->gone) {
            add_text(d, "It was merged or removed meanwhile.");
            put_line(d, FL_STYLE_DIM);
        } else if (view->damage != NULL) {
            add_text(d, view->damage);
            put_line(d, FL_STYLE_FAULT);
        } else {
            draw_detail(d, &view->facts);
        }
    }
}

static fl_status draw_overview(drawer *d, const fl_inspection *found, fl_err *err)
{
    add_text(d, found->dir);
    put_line(d, FL_STYLE_BOLD);
    draw_store(d, &found->store);
    draw_days(d, found);
    FL_TRY(draw_parts(d, found, err));
    draw_logs(d, found);
    const fl_data_dir *files = found->files;
    if (files->unfinished_count + files->stranger_count > 0) {
        fl_screen_newline(d->screen);
    }
    draw_names(d,
               "being written, or left behind and removed by the next start: ", files->unfinished,
               files->unfinished_count);
    draw_names(d, "not of fluoro, left alone: ", files->strangers, files->stranger_count);
    if (found->with_columns) {
        fl_data_part_facts sum;
        FL_TRY(fl_inspection_sum(d->arena, found, &sum, err));
        fl_screen_newline(d->screen);
        draw_detail(d, &sum);
    }
    return FL_OK;
}

fl_status fl_inspection_draw(fl_arena *arena, fl_screen *screen, const fl_inspection *found,
                             fl_err *err)
{
    drawer d = {.arena = arena, .screen = screen};
    fl_status status = FL_OK;
    fl_buf_init(&d.text, TEXT_MAX);
    if (found->by_name) {
        draw_named(&d, found);
    } else {
        status = draw_overview(&d, found, err);
    }
    fl_buf_fini(&d.text);
    FL_TRY(status);
    if (d.failed) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    return FL_OK;
}
