#include "cli/bedrock_summary_int.h"

#include "cli/mark_int.h"
#include "cli/table_int.h"
#include "cli/times_int.h"

#define ROWS_BYTES_MAX ((size_t)2 << 30)
#define NAME_COLUMNS   30 /* that a name needs to be told apart */

void fl_import_summary_init(fl_import_summary *summary)
{
    *summary = (fl_import_summary){.currency = FL_S("USD")};
    fl_arena_init(&summary->arena, ROWS_BYTES_MAX);
    fl_import_summary_begin(summary);
}

void fl_import_summary_fini(fl_import_summary *summary)
{
    fl_arena_fini(&summary->arena);
}

void fl_import_summary_begin(fl_import_summary *summary)
{
    fl_arena_reset(&summary->arena);
    summary->rows = NULL;
    summary->count = summary->capacity = 0;
    summary->prompt_tokens = summary->completion_tokens = FL_INT_NONE;
    summary->cost_usd = -1;
}

static bool reserve(fl_import_summary *summary)
{
    if (summary->count < summary->capacity) {
        return true;
    }
    size_t wanted = summary->capacity * 2 + 64;
    fl_import_row *rows =
        summary->rows == NULL
            ? fl_arena_alloc(&summary->arena, wanted * sizeof *rows)
            : fl_arena_resize(&summary->arena, summary->rows, summary->capacity * sizeof *rows,
                              wanted * sizeof *rows);
    if (rows == NULL) {
        return false;
    }
    summary->rows = rows;
    summary->capacity = wanted;
    return true;
}

/* Totals stand on the first segment of a run. */
static void read_totals(fl_import_summary *summary, fl_str document)
{
    fl_arena arena;
    yyjson_val *root = NULL;
    fl_arena_init(&arena, (size_t)16 << 20);
    if (fl_json_read(&arena, document, FL_JSON_REPAIR_UTF8, &root, NULL, NULL) == FL_OK) {
        yyjson_val *annotations = fl_json_get(root, FL_S("annotations"));
        int64_t prompt, completion;
        if (fl_json_i64(fl_json_number(fl_json_get(annotations, FL_S("total_prompt_tokens"))),
                        &prompt) &&
            fl_json_i64(fl_json_number(fl_json_get(annotations, FL_S("total_completion_tokens"))),
                        &completion)) {
            summary->prompt_tokens = prompt;
            summary->completion_tokens = completion;
        }
        fl_str cost = fl_json_number(fl_json_get(annotations, FL_S("total_cost_usd")));
        summary->cost_usd = cost.p != NULL ? fl_json_double(cost) : -1;
    }
    fl_arena_fini(&arena);
}

fl_status fl_import_summary_add(fl_import_summary *summary, const fl_bedrock_document *document,
                                fl_err *err)
{
    if (document->is_content) {
        return FL_OK;
    }
    fl_str name = fl_str_dup(&summary->arena, document->name);
    if (name.p == NULL || !reserve(summary)) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    if (document->index == 0) {
        read_totals(summary, document->text);
    }
    summary->rows[summary->count++] = (fl_import_row){
        .index = document->index,
        .parent_index = document->parent_index,
        .start_ns = document->start_ns,
        .end_ns = document->end_ns,
        .time_source = document->time_source,
        .flags = document->flags,
        .name = name,
    };
    return FL_OK;
}

/* ---- Drawing */

enum { INDEX, PARENT, START, END, TIME, FLAGS, NAME, COLUMNS };

static const fl_column columns[COLUMNS] = {
    [INDEX] = {.title = "#", .right = true},         [PARENT] = {.title = "PARENT", .right = true},
    [START] = {.title = "START", .right = true},     [END] = {.title = "END", .right = true},
    [TIME] = {.title = "TIME", .drop_rank = 2},      [FLAGS] = {.title = "FLAGS", .drop_rank = 1},
    [NAME] = {.title = "NAME", .min = NAME_COLUMNS},
};

typedef struct run_span {
    int64_t start_ns, end_ns;
    bool unfinished;
    size_t faults, errors, throttles;
} run_span;

static run_span span_of(const fl_import_summary *summary)
{
    run_span span = {.start_ns = INT64_MAX, .end_ns = INT64_MIN};
    for (size_t i = 0; i < summary->count; i++) {
        const fl_import_row *row = &summary->rows[i];
        int64_t end_ns = row->end_ns != FL_TIME_NONE ? row->end_ns : row->start_ns;
        span.start_ns = row->start_ns < span.start_ns ? row->start_ns : span.start_ns;
        span.end_ns = end_ns > span.end_ns ? end_ns : span.end_ns;
        span.unfinished |= row->end_ns == FL_TIME_NONE;
        span.faults += row->flags.fault;
        span.throttles += row->flags.throttle;
        span.errors += row->flags.error && !row->flags.throttle;
    }
    return span;
}

static void add_part(fl_screen *screen, fl_style style, fl_buf *text)
{
    fl_screen_add(screen, FL_STYLE_PLAIN, FL_S("  "));
    fl_screen_add(screen, style, fl_buf_str(text));
    fl_buf_reset(text);
}

static void add_count(fl_screen *screen, fl_style style, fl_buf *text, uint64_t count,
                      const char *one, const char *many)
{
    if (count > 0) {
        fl_buf_add_u64(text, count);
        fl_buf_add_str(text, fl_str_of(count == 1 ? one : many));
        add_part(screen, style, text);
    }
}

static void draw_title(const fl_import_summary *summary, const fl_bedrock_run *run,
                       const run_span *span, fl_screen *screen)
{
    FL_AUTO(fl_buf) text;
    fl_buf_init(&text, 4096);
    fl_buf_add_str(&text, FL_S("Run "));
    fl_buf_add_u64(&text, run->ordinal);
    fl_screen_add(screen, FL_STYLE_BOLD, fl_buf_str(&text));
    fl_buf_reset(&text);
    fl_trace_id_emit(run->trace_id, &text);
    add_part(screen, FL_STYLE_KEY, &text);
    add_count(screen, FL_STYLE_PLAIN, &text, summary->count, " segment", " segments");
    if (summary->count > 0) {
        fl_duration_text(&text, span->end_ns - span->start_ns,
                         fl_screen_glyph(screen, FL_GLYPH_MICRO));
        add_part(screen, FL_STYLE_BOLD, &text);
    }
    if (summary->prompt_tokens > 0 || summary->completion_tokens > 0) {
        fl_buf_add_i64(&text, summary->prompt_tokens);
        fl_buf_add_str(&text, FL_S(" + "));
        fl_buf_add_i64(&text, summary->completion_tokens);
        fl_buf_add_str(&text, FL_S(" tokens"));
        add_part(screen, FL_STYLE_PLAIN, &text);
    }
    if (summary->cost_usd >= 0) {
        fl_buf_add_double(&text, summary->cost_usd, 6);
        fl_buf_add_byte(&text, ' ');
        fl_buf_add_str(&text, summary->currency);
        add_part(screen, FL_STYLE_PLAIN, &text);
    }
    add_count(screen, FL_STYLE_FAULT_BOLD, &text, span->faults, " fault", " faults");
    add_count(screen, FL_STYLE_THROTTLE_BOLD, &text, span->throttles, " throttle", " throttles");
    add_count(screen, FL_STYLE_ERROR_BOLD, &text, span->errors, " error", " errors");
    fl_screen_newline(screen);
}

static fl_str keep(fl_arena *arena, fl_buf *text, bool *failed)
{
    fl_str copy = fl_str_dup(arena, fl_buf_str(text));
    *failed |= copy.p == NULL;
    fl_buf_reset(text);
    return copy;
}

/* "+12.345": seconds since the run began. */
static void offset_text(fl_buf *text, int64_t ns)
{
    fl_buf_add_byte(text, '+');
    fl_buf_add_double(text, (double)ns / (double)FL_NS_PER_S, 3);
}

static void flags_text(fl_buf *text, fl_flags flags)
{
    const struct {
        bool set;
        fl_str word;
    } all[] = {
        {flags.fault, FL_S("fault")},
        {flags.error, FL_S("error")},
        {flags.throttle, FL_S("throttle")},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i].set) {
            fl_buf_add_str(text, text->n > 0 ? FL_S(",") : FL_S(""));
            fl_buf_add_str(text, all[i].word);
        }
    }
}

static void fill_cells(const fl_import_row *row, int64_t begin_ns, const fl_screen *screen,
                       fl_arena *arena, bool *failed, fl_cell *cells)
{
    bool unfinished = row->end_ns == FL_TIME_NONE;
    fl_mark mark = fl_mark_of(row->flags.fault, row->flags.throttle, row->flags.error, unfinished);
    const fl_mark_look *look = fl_mark_look_of(mark);
    FL_AUTO(fl_buf) text;
    fl_buf_init(&text, 256);
    fl_buf_add_u64(&text, row->index);
    cells[INDEX] = (fl_cell){FL_STYLE_DIM, keep(arena, &text, failed)};
    if (row->parent_index != UINT32_MAX) {
        fl_buf_add_u64(&text, row->parent_index);
    } else {
        fl_buf_add_byte(&text, '-');
    }
    cells[PARENT] = (fl_cell){FL_STYLE_DIM, keep(arena, &text, failed)};
    offset_text(&text, row->start_ns - begin_ns);
    cells[START] = (fl_cell){FL_STYLE_PLAIN, keep(arena, &text, failed)};
    if (!unfinished) {
        offset_text(&text, row->end_ns - begin_ns);
    } else {
        fl_buf_add_str(&text, fl_screen_glyph(screen, FL_GLYPH_CUT));
    }
    cells[END] = (fl_cell){FL_STYLE_PLAIN, keep(arena, &text, failed)};
    cells[TIME] = (fl_cell){FL_STYLE_DIM, fl_str_of(fl_bedrock_time_source_name(row->time_source))};
    flags_text(&text, row->flags);
    cells[FLAGS] = (fl_cell){look->bold_style, keep(arena, &text, failed)};
    cells[NAME] = (fl_cell){mark == FL_MARK_OK ? FL_STYLE_PLAIN : look->style, row->name};
}

fl_status fl_import_summary_draw(fl_import_summary *summary, const fl_bedrock_run *run,
                                 fl_screen *screen, fl_err *err)
{
    bool failed = false;
    run_span span = span_of(summary);
    fl_cell *cells = FL_ARENA_ARRAY(&summary->arena, fl_cell, summary->count * COLUMNS);
    for (size_t i = 0; cells != NULL && i < summary->count; i++) {
        fill_cells(&summary->rows[i], span.start_ns, screen, &summary->arena, &failed,
                   cells + i * COLUMNS);
    }
    if (cells == NULL || failed) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    draw_title(summary, run, &span, screen);
    fl_table_draw(screen, columns, COLUMNS, cells, summary->count);
    fl_screen_newline(screen);
    return FL_OK;
}
