/* The table of `fluoro genai usage`. */
#include "cli/genai_int.h"
#include "cli/step_int.h"
#include "cli/table_int.h"
#include "cli/times_int.h"

#define NO_VALUE      "(none)"
#define TITLE_MAX     32
#define NANO          INT64_C(1000000000)
#define NANO_SHOWN    INT64_C(100000) /* costs have four decimals */
#define COST_DECIMALS 4

enum { VALUE, FIRST_NUMBER };

typedef enum number_kind { COUNT, COST, LATENCY } number_kind;

/* Columns behind the group's value. A zero in one that is `quiet` is left blank, and so the whole
 * column where it is zero throughout. */
static const struct {
    fl_column column;
    const char *member;
    number_kind kind;
    bool quiet;
    fl_style style;
} numbers[] = {
    {{"CALLS", true, 0, 0}, "CallCount", COUNT, false, FL_STYLE_BOLD},
    {{"FAULTS", true, 0, 4}, "FaultCount", COUNT, true, FL_STYLE_FAULT},
    {{"ERRORS", true, 0, 6}, "ErrorCount", COUNT, true, FL_STYLE_ERROR},
    {{"THROTTLES", true, 0, 10}, "ThrottleCount", COUNT, true, FL_STYLE_THROTTLE},
    {{"TIMEOUTS", true, 0, 9}, "TimeoutCount", COUNT, true, FL_STYLE_FAULT},
    {{"RETRIES", true, 0, 11}, "RetryCount", COUNT, true, FL_STYLE_PLAIN},
    {{"PROMPT", true, 0, 2}, "PromptTokens", COUNT, true, FL_STYLE_PLAIN},
    {{"COMPLETION", true, 0, 3}, "CompletionTokens", COUNT, true, FL_STYLE_PLAIN},
    {{"COST", true, 0, 1}, "CostUsd", COST, true, FL_STYLE_BOLD},
    {{"UNPRICED", true, 0, 12}, "UnpricedCount", COUNT, true, FL_STYLE_DIM},
    {{"P50", true, 0, 7}, "P50", LATENCY, true, FL_STYLE_PLAIN},
    {{"P95", true, 0, 5}, "P95", LATENCY, true, FL_STYLE_PLAIN},
    {{"P99", true, 0, 8}, "P99", LATENCY, true, FL_STYLE_PLAIN},
};
#define NUMBERS (sizeof numbers / sizeof numbers[0])
#define COLUMNS (FIRST_NUMBER + NUMBERS)

_Static_assert(COLUMNS <= FL_TABLE_COLUMNS_MAX, "the table holds all columns");

typedef struct drawer {
    fl_arena *arena;
    const fl_screen *screen;
    fl_buf text;
    bool failed;
} drawer;

static fl_str keep(drawer *d)
{
    fl_str copy = fl_str_dup(d->arena, fl_buf_str(&d->text));
    d->failed |= copy.p == NULL || d->text.status != FL_OK;
    fl_buf_reset(&d->text);
    return copy;
}

/* Four decimals, rounded; what is more than nothing never looks like it. */
static void cost_text(int64_t nano, fl_buf *out)
{
    if (nano > 0 && nano < NANO_SHOWN) {
        fl_buf_add_str(out, FL_S("<0.0001"));
        return;
    }
    uint64_t steps = (uint64_t)(nano / NANO_SHOWN) + (nano % NANO_SHOWN >= NANO_SHOWN / 2);
    uint64_t unit = NANO / NANO_SHOWN;
    fl_count_text(steps / unit, out);
    fl_buf_add_byte(out, '.');
    for (uint64_t digit = unit / 10; digit > 0; digit /= 10) {
        fl_buf_add_byte(out, (char)('0' + steps / digit % 10));
    }
}

static fl_str number_text(drawer *d, size_t i, yyjson_val *row)
{
    int64_t value = 0;
    uint64_t count = 0;
    yyjson_val *from = numbers[i].kind == LATENCY ? fl_json_get(row, FL_S("Latency")) : row;
    fl_str number = fl_json_number(fl_json_get(from, fl_str_of(numbers[i].member)));
    if (numbers[i].kind == COUNT) {
        (void)fl_str_to_u64(number, &count);
    } else if (!fl_json_ns(number, &value)) {
        value = 0;
    }
    if (numbers[i].quiet && count == 0 && value <= 0) {
        return FL_S("");
    }
    if (numbers[i].kind == COUNT) {
        fl_count_text(count, &d->text);
    } else if (numbers[i].kind == COST) {
        cost_text(value, &d->text);
    } else {
        fl_duration_text(&d->text, value, fl_screen_glyph(d->screen, FL_GLYPH_MICRO));
    }
    return keep(d);
}

static void fill_row(drawer *d, fl_cell value, yyjson_val *row, fl_cell *cells)
{
    cells[VALUE] = value;
    for (size_t i = 0; i < NUMBERS; i++) {
        cells[FIRST_NUMBER + i] = (fl_cell){numbers[i].style, number_text(d, i, row)};
    }
}

static void fill_cells(drawer *d, yyjson_val *answer, fl_cell *cells)
{
    size_t i, n;
    yyjson_val *row;
    yyjson_arr_foreach(fl_json_get(answer, FL_S("Groups")), i, n, row)
    {
        fl_str value = fl_json_str(fl_json_get(row, FL_S("Value")));
        fl_cell cell = {FL_STYLE_KEY, value};
        if (value.p == NULL) {
            cell = (fl_cell){FL_STYLE_DIM, FL_S(NO_VALUE)};
        }
        fill_row(d, cell, row, cells + i * COLUMNS);
    }
    if (n > 1) {
        fill_row(d, (fl_cell){FL_STYLE_BOLD, FL_S("total")}, fl_json_get(answer, FL_S("Total")),
                 cells + n * COLUMNS);
    }
}

/* "agent_id" as the title "AGENT ID", and the currency behind COST. */
static void make_columns(yyjson_val *answer, char titles[2][TITLE_MAX], fl_column *columns)
{
    fl_str group = fl_str_clip(fl_json_str(fl_json_get(answer, FL_S("GroupBy"))), TITLE_MAX - 1);
    fl_str currency =
        fl_str_clip(fl_json_str(fl_json_get(answer, FL_S("Currency"))), TITLE_MAX - 6);
    for (size_t i = 0; i < group.n; i++) {
        char c = group.p[i];
        titles[0][i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c == '_' ? ' ' : c);
    }
    titles[0][group.n] = '\0';
    memcpy(titles[1], "COST ", 5);
    memcpy(titles[1] + 5, currency.n > 0 ? currency.p : "", currency.n);
    titles[1][5 + currency.n] = '\0';
    columns[VALUE] = (fl_column){.title = titles[0], .min = 32};
    for (size_t i = 0; i < NUMBERS; i++) {
        columns[FIRST_NUMBER + i] = numbers[i].column;
        if (numbers[i].kind == COST) {
            columns[FIRST_NUMBER + i].title = titles[1];
        }
    }
}

/* ---- What the numbers do not say */

static uint64_t count_of(yyjson_val *object, fl_str member)
{
    uint64_t count;
    return fl_str_to_u64(fl_json_number(fl_json_get(object, member)), &count) ? count : 0;
}

static void add_note(drawer *d, fl_screen *screen)
{
    fl_screen_add(screen, FL_STYLE_DIM, fl_buf_str(&d->text));
    fl_screen_newline(screen);
    fl_buf_reset(&d->text);
}

static void note_unpriced(drawer *d, fl_screen *screen, yyjson_val *answer)
{
    uint64_t unpriced = count_of(fl_json_get(answer, FL_S("Total")), FL_S("UnpricedCount"));
    if (unpriced > 0) {
        fl_count_text(unpriced, &d->text);
        fl_buf_add_str(&d->text, unpriced == 1 ? FL_S(" call has") : FL_S(" calls have"));
        fl_buf_add_str(&d->text, FL_S(" tokens but no cost: its sender knew no price."));
        add_note(d, screen);
    }
}

static void note_incomplete(drawer *d, fl_screen *screen, yyjson_val *answer)
{
    int64_t covered_ns;
    uint64_t left_out = count_of(answer, FL_S("TracesLeftOutCount"));
    if (left_out > 0) {
        fl_count_text(left_out, &d->text);
        fl_buf_add_str(&d->text, left_out == 1 ? FL_S(" trace is") : FL_S(" traces are"));
        fl_buf_add_str(&d->text, FL_S(" too large for the server's memory and not counted."));
        add_note(d, screen);
    }
    bool ended_early = !yyjson_is_true(fl_json_get(answer, FL_S("Complete"))) && left_out == 0;
    if (ended_early &&
        fl_json_ns(fl_json_number(fl_json_get(answer, FL_S("ApproximateTime"))), &covered_ns)) {
        fl_buf_add_str(&d->text, FL_S("The time range was too much for one answer: this is from "));
        fl_time_text(&d->text, covered_ns, true, 0);
        fl_buf_add_str(&d->text, FL_S(" on. Ask for what came before with --until."));
        add_note(d, screen);
    }
}

fl_status fl_genai_table_draw(fl_arena *arena, fl_screen *screen, yyjson_val *answer, fl_err *err)
{
    char titles[2][TITLE_MAX];
    fl_column columns[COLUMNS];
    size_t groups = yyjson_arr_size(fl_json_get(answer, FL_S("Groups")));
    size_t rows = groups + (groups > 1);
    fl_cell *cells = FL_ARENA_ARRAY(arena, fl_cell, rows * COLUMNS);
    drawer d = {.arena = arena, .screen = screen};
    if (cells == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    fl_buf_init(&d.text, 4096);
    make_columns(answer, titles, columns);
    fill_cells(&d, answer, cells);
    if (!d.failed) {
        fl_table_draw(screen, columns, COLUMNS, cells, rows);
        note_unpriced(&d, screen, answer);
        note_incomplete(&d, screen, answer);
    }
    fl_buf_fini(&d.text);
    if (d.failed) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    return FL_OK;
}
