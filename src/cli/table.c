#include "cli/table_int.h"

#define GAP                 2
#define LAST_RESORT_COLUMNS 10

typedef struct layout {
    const fl_column *columns;
    size_t count;
    unsigned natural[FL_TABLE_COLUMNS_MAX];
    unsigned width[FL_TABLE_COLUMNS_MAX];
    bool dropped[FL_TABLE_COLUMNS_MAX];
} layout;

static unsigned total_width(const layout *l)
{
    unsigned total = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (!l->dropped[i]) {
            total += (total > 0 ? GAP : 0) + l->width[i];
        }
    }
    return total;
}

static unsigned least_width(const fl_column *column, bool last_resort)
{
    return last_resort && column->min > LAST_RESORT_COLUMNS ? LAST_RESORT_COLUMNS : column->min;
}

/* Takes a screen column from the widest that can be narrowed; false if none can. */
static bool narrow_widest(layout *l, bool last_resort)
{
    size_t widest = l->count;
    for (size_t i = 0; i < l->count; i++) {
        bool can = !l->dropped[i] && l->columns[i].min > 0 &&
                   l->width[i] > least_width(&l->columns[i], last_resort);
        if (can && (widest == l->count || l->width[i] > l->width[widest])) {
            widest = i;
        }
    }
    if (widest == l->count) {
        return false;
    }
    l->width[widest]--;
    return true;
}

static bool drop_next(layout *l)
{
    size_t next = l->count;
    for (size_t i = 0; i < l->count; i++) {
        if (!l->dropped[i] && l->columns[i].drop_rank > 0 &&
            (next == l->count || l->columns[i].drop_rank > l->columns[next].drop_rank)) {
            next = i;
        }
    }
    if (next == l->count) {
        return false;
    }
    l->dropped[next] = true;
    return true;
}

static bool narrow_to(layout *l, unsigned width, bool last_resort)
{
    memcpy(l->width, l->natural, sizeof l->width);
    while (total_width(l) > width) {
        if (!narrow_widest(l, last_resort)) {
            return false;
        }
    }
    return true;
}

static void drop_narrowed(layout *l)
{
    for (size_t i = 0; i < l->count; i++) {
        l->dropped[i] |= l->columns[i].min > 0;
    }
}

static void fit(layout *l, unsigned width)
{
    if (width == 0) {
        memcpy(l->width, l->natural, sizeof l->width);
        return;
    }
    bool fits = narrow_to(l, width, false);
    while (!fits && drop_next(l)) {
        fits = narrow_to(l, width, false);
    }
    if (!fits && !narrow_to(l, width, true)) {
        drop_narrowed(l);
        (void)narrow_to(l, width,
                        true); /* what is left now is shown, wider than the screen or not */
    }
}

static void measure(layout *l, const fl_screen *screen, const fl_cell *cells, size_t row_count)
{
    for (size_t i = 0; i < l->count; i++) {
        bool empty = true;
        l->natural[i] = fl_screen_columns(screen, fl_str_of(l->columns[i].title));
        for (size_t row = 0; row < row_count; row++) {
            unsigned columns = fl_screen_columns(screen, cells[row * l->count + i].text);
            l->natural[i] = columns > l->natural[i] ? columns : l->natural[i];
            empty &= columns == 0;
        }
        l->dropped[i] = empty; /* a column without any content tells nothing */
    }
}

static void draw_line(const layout *l, fl_screen *screen, const fl_cell *cells)
{
    unsigned begin = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (l->dropped[i]) {
            continue;
        }
        unsigned columns = fl_screen_columns(screen, cells[i].text);
        unsigned indent = l->columns[i].right && columns < l->width[i] ? l->width[i] - columns : 0;
        if (columns > 0) {
            fl_screen_pad_to(screen, begin + indent);
        }
        fl_screen_put(screen, cells[i].style, cells[i].text, l->width[i]);
        begin += l->width[i] + GAP;
    }
    fl_screen_newline(screen);
}

void fl_table_draw(fl_screen *screen, const fl_column *columns, size_t column_count,
                   const fl_cell *cells, size_t row_count)
{
    layout l = {.columns = columns, .count = column_count};
    fl_cell titles[FL_TABLE_COLUMNS_MAX];
    if (column_count > FL_TABLE_COLUMNS_MAX) {
        fl_bug("too many columns");
    }
    for (size_t i = 0; i < column_count; i++) {
        titles[i] = (fl_cell){FL_STYLE_DIM, fl_str_of(columns[i].title)};
    }
    measure(&l, screen, cells, row_count);
    fit(&l, screen->width);
    draw_line(&l, screen, titles);
    for (size_t row = 0; row < row_count; row++) {
        draw_line(&l, screen, cells + row * column_count);
    }
}
