/* The figures of an agent run, above its picture. */
#include "cli/drawing_int.h"
#include "cli/times_int.h"

#define VALUE_COLUMN (FL_NAME_COLUMN + 9)
#define FIELD_GAP    3
#define AGENTS_MAX   12
#define MODELS_MAX   5
#define COST_COLUMNS 8

static void begin_line(fl_drawing *d, const char *title)
{
    fl_screen_pad_to(d->screen, FL_NAME_COLUMN);
    fl_screen_add(d->screen, FL_STYLE_KEY, fl_str_of(title));
    fl_screen_pad_to(d->screen, VALUE_COLUMN);
}

/* d->text as the next field, on a new line if this one has no room for it. */
static void add_field(fl_drawing *d, fl_style style)
{
    fl_str text = fl_buf_str(&d->text);
    if (d->screen->column > VALUE_COLUMN) {
        unsigned wanted = FIELD_GAP + fl_screen_columns(d->screen, text);
        if (wanted > fl_drawing_room(d, d->screen->width)) {
            fl_screen_newline(d->screen);
            fl_screen_pad_to(d->screen, VALUE_COLUMN);
        } else {
            fl_screen_pad_to(d->screen, d->screen->column + FIELD_GAP);
        }
    }
    fl_screen_put(d->screen, style, text, fl_drawing_room(d, d->screen->width));
    fl_buf_reset(&d->text);
}

/* `3 tool calls`; nothing for 0. */
static void add_count(fl_drawing *d, uint64_t count, const char *one, const char *many,
                      fl_style style)
{
    if (count > 0) {
        fl_buf_reset(&d->text);
        fl_count_text(count, &d->text);
        fl_buf_add_byte(&d->text, ' ');
        fl_buf_add_str(&d->text, fl_str_of(count == 1 ? one : many));
        add_field(d, style);
    }
}

static void draw_agents(fl_drawing *d)
{
    const fl_run *run = &d->run;
    if (run->agent_count < 2) {
        return; /* the line of the request names it */
    }
    begin_line(d, "agents");
    for (size_t i = 0; i < run->agent_count && i < AGENTS_MAX; i++) {
        fl_buf_reset(&d->text);
        fl_buf_add_str(&d->text, run->agents[i].name);
        add_field(d, FL_STYLE_PLAIN);
    }
    if (run->agent_count > AGENTS_MAX) {
        add_count(d, run->agent_count - AGENTS_MAX, "more", "more", FL_STYLE_DIM);
    }
    fl_screen_newline(d->screen);
}

static void draw_calls(fl_drawing *d)
{
    const uint64_t *calls = d->run.calls;
    if (calls[FL_STEP_MODEL] + calls[FL_STEP_TOOL] + calls[FL_STEP_CALL] +
            calls[FL_STEP_GUARDRAIL] ==
        0) {
        return;
    }
    begin_line(d, "calls");
    add_count(d, calls[FL_STEP_MODEL], "model", "model", FL_STYLE_PLAIN);
    add_count(d, calls[FL_STEP_TOOL], "tool", "tool", FL_STYLE_PLAIN);
    add_count(d, calls[FL_STEP_CALL], "agent", "agent", FL_STYLE_PLAIN);
    add_count(d, calls[FL_STEP_GUARDRAIL], "guardrail", "guardrail", FL_STYLE_PLAIN);
    fl_screen_newline(d->screen);
}

static void draw_tokens(fl_drawing *d)
{
    const fl_run *run = &d->run;
    if (run->total.prompt_tokens == 0 && run->total.completion_tokens == 0) {
        return;
    }
    begin_line(d, "tokens");
    add_count(d, (uint64_t)run->total.prompt_tokens, "in", "in", FL_STYLE_PLAIN);
    add_count(d, (uint64_t)run->total.completion_tokens, "out", "out", FL_STYLE_PLAIN);
    if (run->total.has_cost) {
        fl_cost_text(run->total.cost_nano, &d->text);
        add_field(d, FL_STYLE_BOLD);
    }
    add_count(d, run->unpriced, "call without a price", "calls without a price", FL_STYLE_DIM);
    fl_screen_newline(d->screen);
}

/* Widths of the table of models. */
typedef struct model_columns {
    unsigned name, count, tokens;
} model_columns;

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static fl_str count_text(fl_drawing *d, const fl_tally *model)
{
    fl_buf_reset(&d->text);
    fl_buf_add_str(&d->text, fl_screen_glyph(d->screen, FL_GLYPH_TIMES));
    fl_count_text(model->count, &d->text);
    return fl_buf_str(&d->text);
}

static fl_str tokens_text(fl_drawing *d, const fl_tally *model)
{
    fl_buf_reset(&d->text);
    if (model->spent.has_tokens) {
        fl_tokens_text(d->screen, &model->spent, &d->text);
    }
    return fl_buf_str(&d->text);
}

static model_columns model_columns_of(fl_drawing *d)
{
    model_columns columns = {0};
    bool is_table = d->run.model_count > 1;
    for (size_t i = 0; i < d->run.model_count && i < MODELS_MAX; i++) {
        const fl_tally *model = &d->run.models[i];
        columns.name = larger(columns.name, fl_screen_columns(d->screen, model->name));
        columns.count = larger(columns.count, fl_screen_columns(d->screen, count_text(d, model)));
        unsigned tokens = fl_screen_columns(d->screen, tokens_text(d, model));
        columns.tokens = is_table ? larger(columns.tokens, tokens) : 0;
    }
    unsigned others = VALUE_COLUMN + FIELD_GAP + columns.count;
    others += is_table ? columns.tokens + 2 * FIELD_GAP + COST_COLUMNS : 0;
    unsigned room = d->screen->width > others ? d->screen->width - others : 0;
    columns.name = columns.name < room ? columns.name : room;
    return columns;
}

static void draw_right(fl_drawing *d, unsigned end, fl_style style, fl_str text)
{
    unsigned columns = fl_screen_columns(d->screen, text);
    if (columns == 0) {
        return;
    }
    fl_screen_pad_to(d->screen, end > columns ? end - columns : 0);
    fl_screen_put(d->screen, style, text, fl_drawing_room(d, d->screen->width));
}

static void draw_model(fl_drawing *d, const fl_tally *model, const model_columns *columns)
{
    fl_screen_put(d->screen, FL_STYLE_PLAIN, model->name, columns->name);
    unsigned end = VALUE_COLUMN + columns->name + FIELD_GAP + columns->count;
    draw_right(d, end, FL_STYLE_KEY, count_text(d, model));
    if (columns->tokens == 0) {
        return; /* the only one: the line above has its tokens and cost */
    }
    end += FIELD_GAP + columns->tokens;
    draw_right(d, end, FL_STYLE_PLAIN, tokens_text(d, model));
    if (model->spent.has_cost) {
        fl_buf_reset(&d->text);
        fl_cost_text(model->spent.cost_nano, &d->text);
        draw_right(d, end + FIELD_GAP + COST_COLUMNS, FL_STYLE_PLAIN, fl_buf_str(&d->text));
    }
}

static void draw_models(fl_drawing *d)
{
    const fl_run *run = &d->run;
    model_columns columns = model_columns_of(d);
    for (size_t i = 0; i < run->model_count && i < MODELS_MAX; i++) {
        begin_line(d, i > 0 ? "" : run->model_count == 1 ? "model" : "models");
        draw_model(d, &run->models[i], &columns);
        fl_screen_newline(d->screen);
    }
    if (run->model_count > MODELS_MAX) {
        begin_line(d, "");
        add_count(d, run->model_count - MODELS_MAX, "more", "more", FL_STYLE_DIM);
        fl_screen_newline(d->screen);
    }
}

/* `models 9.12 s (76 %)`; nothing for no time. */
static void add_share(fl_drawing *d, fl_str what, int64_t ns)
{
    if (ns <= 0) {
        return;
    }
    fl_buf_reset(&d->text);
    fl_buf_add_str(&d->text, what);
    fl_buf_add_byte(&d->text, ' ');
    fl_duration_text(&d->text, ns, fl_screen_glyph(d->screen, FL_GLYPH_MICRO));
    fl_buf_add_str(&d->text, FL_S(" ("));
    fl_buf_add_double(&d->text, 100 * (double)ns / (double)d->run.path_sum_ns, 0);
    fl_buf_add_str(&d->text, FL_S(" %)"));
    add_field(d, FL_STYLE_PLAIN);
}

/* The critical path covers the root's time once, so that the shares make a whole; a root that lasts
 * only a part of the trace says nothing about the rest. */
static void draw_time(fl_drawing *d)
{
    const int64_t *path_ns = d->run.path_ns;
    int64_t trace_ns = d->tree.to_ns - d->tree.from_ns;
    if (d->run.path_sum_ns < trace_ns - trace_ns / 10) {
        return;
    }
    begin_line(d, "time");
    add_share(d, FL_S("models"), path_ns[FL_STEP_MODEL]);
    add_share(d, FL_S("tools"), path_ns[FL_STEP_TOOL]);
    add_share(d, FL_S("guardrails"), path_ns[FL_STEP_GUARDRAIL]);
    add_share(d, FL_S("other"), path_ns[FL_STEP_OTHER]);
    fl_screen_newline(d->screen);
}

static void draw_unusual(fl_drawing *d)
{
    const fl_run *run = &d->run;
    if (run->retries + run->timeouts + run->intervened + run->incomplete == 0) {
        return;
    }
    begin_line(d, "notes");
    add_count(d, run->retries, "retry", "retries", FL_STYLE_ERROR);
    add_count(d, run->timeouts, "timeout", "timeouts", FL_STYLE_ERROR);
    add_count(d, run->blocked, "blocked by a guardrail", "blocked by guardrails", FL_STYLE_ERROR);
    add_count(d, run->intervened - run->blocked, "changed by a guardrail", "changed by guardrails",
              FL_STYLE_ERROR);
    add_count(d, run->incomplete, "step without an answer", "steps without an answer",
              FL_STYLE_PARTIAL);
    fl_screen_newline(d->screen);
}

void fl_drawing_run(fl_drawing *d)
{
    draw_agents(d);
    draw_calls(d);
    draw_tokens(d);
    draw_models(d);
    draw_time(d);
    draw_unusual(d);
    fl_screen_newline(d->screen);
}
