#include "cli/times_int.h"
#include "cli/waterfall_int.h"

void fl_bar_begin(fl_bar *bar, int64_t from_ns, int64_t to_ns, unsigned columns)
{
    bar->from_ns = from_ns;
    bar->to_ns = to_ns;
    bar->columns = columns < FL_WIDTH_MAX ? columns : FL_WIDTH_MAX;
    memset(bar->halves, FL_BAR_NONE, sizeof bar->halves);
}

/* Where a time lies on the axis, in half columns. */
static double half_of(const fl_bar *bar, int64_t ns)
{
    return ((double)ns - (double)bar->from_ns) * 2 * bar->columns /
           ((double)bar->to_ns - (double)bar->from_ns);
}

void fl_bar_add(fl_bar *bar, int64_t from_ns, int64_t to_ns, fl_bar_mark mark)
{
    double count = 2.0 * bar->columns;
    double from = half_of(bar, from_ns) + 0.5, to = half_of(bar, to_ns) + 0.5;
    if (count == 0 || to < 0 || from > count + 1) {
        return;
    }
    size_t last = (size_t)count - 1;
    size_t begin = from <= 0 ? 0 : (size_t)from < last ? (size_t)from : last;
    size_t end = to >= count ? (size_t)count : (size_t)to;
    end = end > begin ? end : begin + 1;
    for (size_t i = begin; i < end; i++) {
        bar->halves[i] = (uint8_t)mark > bar->halves[i] ? (uint8_t)mark : bar->halves[i];
    }
}

/* The sign for the two halves of a column: the stronger mark gives its kind. */
static fl_glyph cell_of(fl_bar_mark left, fl_bar_mark right)
{
    if (left == FL_BAR_BLOCK || right == FL_BAR_BLOCK) {
        return left != FL_BAR_BLOCK    ? FL_GLYPH_BLOCK_RIGHT
               : right != FL_BAR_BLOCK ? FL_GLYPH_BLOCK_LEFT
                                       : FL_GLYPH_BLOCK;
    }
    if (left == FL_BAR_HATCH || right == FL_BAR_HATCH) {
        return FL_GLYPH_HATCH;
    }
    return left == FL_BAR_NONE    ? FL_GLYPH_LINE_RIGHT
           : right == FL_BAR_NONE ? FL_GLYPH_LINE_LEFT
                                  : FL_GLYPH_LINE;
}

void fl_bar_draw(const fl_bar *bar, fl_screen *screen, const fl_mark_look *look)
{
    unsigned begin = screen->column;
    for (unsigned i = 0; i < bar->columns; i++) {
        fl_bar_mark left = (fl_bar_mark)bar->halves[(size_t)2 * i];
        fl_bar_mark right = (fl_bar_mark)bar->halves[(size_t)2 * i + 1];
        if (left == FL_BAR_NONE && right == FL_BAR_NONE) {
            continue;
        }
        bool critical = left == FL_BAR_BLOCK || right == FL_BAR_BLOCK;
        fl_screen_pad_to(screen, begin + i);
        fl_screen_add_glyph(screen, critical ? look->bold_style : look->style,
                            cell_of(left, right));
    }
}

#define TICK_COLUMNS 9 /* between two labels, at least */

/* The smallest of 1, 2, 5 times a power of ten nanoseconds that keeps labels apart. */
static int64_t tick_ns(const fl_bar *bar)
{
    int64_t length_ns = bar->to_ns - bar->from_ns;
    int64_t wanted =
        bar->columns > TICK_COLUMNS ? length_ns / (bar->columns / TICK_COLUMNS) : length_ns;
    static const int64_t steps[] = {1, 2, 5};
    for (int64_t power = 1; power <= INT64_MAX / 100; power *= 10) {
        for (size_t i = 0; i < 3; i++) {
            if (steps[i] * power >= wanted) {
                return steps[i] * power;
            }
        }
    }
    return length_ns > 0 ? length_ns : 1;
}

/* "300 ms": the unit of the whole axis, without needless zeros. */
static void tick_text(int64_t ns, int64_t length_ns, fl_str micro, fl_buf *out)
{
    const struct {
        int64_t ns;
        fl_str name;
    } units[] = {{FL_NS_PER_S, FL_S("s")},
                 {FL_NS_PER_MS, FL_S("ms")},
                 {FL_NS_PER_US, micro},
                 {1, FL_S("ns")}};
    size_t unit = 0;
    while (unit < 3 && length_ns < units[unit].ns) {
        unit++;
    }
    int64_t whole = ns / units[unit].ns, part = ns % units[unit].ns;
    fl_buf_add_i64(out, whole);
    if (part != 0) {
        fl_buf_add_byte(out, '.');
        for (int64_t digit = units[unit].ns / 10; part != 0 && digit != 0; digit /= 10) {
            fl_buf_add_byte(out, (char)('0' + part / digit));
            part %= digit;
        }
    }
    fl_buf_add_byte(out, ' ');
    fl_buf_add_str(out, units[unit].name);
    if (unit == 2) {
        fl_buf_add_byte(out, 's');
    }
}

static unsigned tick_column(const fl_bar *bar, int64_t ns)
{
    return (unsigned)(half_of(bar, bar->from_ns + ns) / 2);
}

void fl_axis_draw(fl_screen *screen, unsigned column, const fl_bar *bar)
{
    int64_t length_ns = bar->to_ns - bar->from_ns, step_ns = tick_ns(bar);
    for (int64_t ns = 0; ns <= length_ns; ns += step_ns) {
        fl_buf label;
        fl_buf_init(&label, 64);
        tick_text(ns, length_ns, fl_screen_glyph(screen, FL_GLYPH_MICRO), &label);
        unsigned label_columns = fl_screen_columns(screen, fl_buf_str(&label));
        unsigned at = tick_column(bar, ns);
        if (at + label_columns > bar->columns && label_columns <= bar->columns) {
            at = bar->columns - label_columns; /* the last one stands left of its tick */
        }
        if (ns == 0 || screen->column < column + at) {
            fl_screen_pad_to(screen, column + at);
            fl_screen_add(screen, FL_STYLE_DIM, fl_buf_str(&label));
        }
        fl_buf_fini(&label);
    }
    fl_screen_newline(screen);
    fl_screen_pad_to(screen, column);
    int64_t next_ns = 0;
    for (unsigned i = 0; i < bar->columns; i++) {
        bool tick = next_ns <= length_ns && tick_column(bar, next_ns) == i;
        next_ns += tick ? step_ns : 0;
        fl_screen_add_glyph(screen, FL_STYLE_DIM, tick ? FL_GLYPH_TICK : FL_GLYPH_RULE);
    }
    fl_screen_newline(screen);
}
