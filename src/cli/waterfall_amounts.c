/* The columns of tokens and cost. */
#include "cli/drawing_int.h"

#define NAME_COLUMNS_MIN 28 /* amounts must leave as much to the names */
#define TOKENS_TITLE     FL_S("tokens")
#define COST_TITLE       FL_S("cost")

typedef struct amount {
    fl_spend spend;
    bool is_sum; /* of what is below */
} amount;

/* A step's own tokens; agents, flows and rows that hide something have those of all below. */
static amount amount_of(const fl_drawing *d, const fl_row *row)
{
    amount of_row = {0};
    for (uint32_t i = 0; i < row->member_count; i++) {
        uint32_t node = fl_row_member(&d->rows, row, i);
        const fl_step *step = d->tree.nodes[node].step;
        bool has_own = step != NULL && (step->own.has_tokens || step->own.has_cost);
        bool hides = row->closed && d->tree.nodes[node].end > node + 1;
        bool sums_up = row->closed || (step != NULL && step->kind == FL_STEP_RUN);
        if (has_own && !hides) {
            fl_spend_add(&of_row.spend, &step->own);
        } else if (sums_up) {
            fl_spend_add(&of_row.spend, &d->run.spent[node]);
            of_row.is_sum = true;
        }
    }
    of_row.spend.has_tokens &=
        !of_row.is_sum || of_row.spend.prompt_tokens > 0 || of_row.spend.completion_tokens > 0;
    return of_row;
}

static fl_str tokens_text(fl_drawing *d, const fl_spend *spend)
{
    fl_buf_reset(&d->text);
    if (spend->has_tokens) {
        fl_tokens_text(d->screen, spend, &d->text);
    }
    return fl_buf_str(&d->text);
}

static fl_str cost_text(fl_drawing *d, const fl_spend *spend)
{
    fl_buf_reset(&d->text);
    if (spend->has_cost) {
        fl_cost_text(spend->cost_nano, &d->text);
    }
    return fl_buf_str(&d->text);
}

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

void fl_drawing_choose_amounts(fl_drawing *d, unsigned room)
{
    if (!fl_drawing_has_steps(d)) {
        return;
    }
    unsigned tokens = 0, cost = 0;
    for (uint32_t i = 0; i < d->rows.count; i++) {
        amount of_row = amount_of(d, &d->rows.rows[i]);
        tokens = larger(tokens, fl_screen_columns(d->screen, tokens_text(d, &of_row.spend)));
        cost = larger(cost, fl_screen_columns(d->screen, cost_text(d, &of_row.spend)));
    }
    tokens = tokens > 0 ? larger(tokens, (unsigned)TOKENS_TITLE.n) : 0;
    cost = cost > 0 ? larger(cost, (unsigned)COST_TITLE.n) : 0;
    unsigned used = NAME_COLUMNS_MIN + FL_BAR_COLUMNS_MIN;
    if (tokens > 0 && used + tokens + FL_AMOUNT_GAP <= room) {
        d->tokens_columns = tokens;
        used += tokens + FL_AMOUNT_GAP;
    }
    if (cost > 0 && used + cost + FL_AMOUNT_GAP <= room) {
        d->cost_columns = cost;
    }
}

static void draw_right(fl_drawing *d, unsigned end, fl_style style, fl_str text)
{
    unsigned columns = fl_screen_columns(d->screen, text);
    if (columns > 0) {
        fl_screen_pad_to(d->screen, end - columns);
        fl_screen_add(d->screen, style, text);
    }
}

void fl_drawing_amounts(fl_drawing *d, const fl_row *row)
{
    amount of_row = {0};
    if (row != NULL && fl_drawing_has_steps(d)) {
        of_row = amount_of(d, row);
    }
    fl_style style = row == NULL || of_row.is_sum ? FL_STYLE_DIM : FL_STYLE_PLAIN;
    unsigned end = FL_NAME_COLUMN + d->name_columns;
    if (d->tokens_columns > 0) {
        end += FL_AMOUNT_GAP + d->tokens_columns;
        draw_right(d, end, style, row == NULL ? TOKENS_TITLE : tokens_text(d, &of_row.spend));
    }
    if (d->cost_columns > 0) {
        end += FL_AMOUNT_GAP + d->cost_columns;
        draw_right(d, end, style, row == NULL ? COST_TITLE : cost_text(d, &of_row.spend));
    }
}
