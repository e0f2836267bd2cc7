#include "cli/drawing_int.h"

#define FACT_LINES_MAX 8

static fl_style style_of_fact(const fl_fact *fact, const fl_mark_look *look)
{
    switch (fact->kind) {
    case FL_FACT_EXCEPTION:
        return look->glyph == FL_GLYPH_OK ? FL_STYLE_PLAIN : look->style;
    case FL_FACT_PAIR:
    case FL_FACT_HINT:
        return FL_STYLE_PLAIN;
    case FL_FACT_FRAME:
        return FL_STYLE_DIM;
    }
    fl_bug("fact of an unknown kind");
}

static void begin_fact_line(fl_drawing *d, const fl_row *row, uint32_t row_index)
{
    bool has_rows_below =
        row_index + 1 < d->rows.count && d->rows.rows[row_index + 1].parent_row == row_index;
    fl_drawing_guides(d, row, true);
    if (row->depth + 1 < d->guide_levels) {
        if (has_rows_below) {
            fl_screen_add_glyph(d->screen, FL_STYLE_DIM, FL_GLYPH_PIPE);
        }
        fl_screen_pad_to(d->screen, FL_NAME_COLUMN + 2 * (row->depth + 1));
    }
    fl_screen_add_glyph(d->screen, FL_STYLE_DIM, FL_GLYPH_DETAIL);
}

static void draw_long_fact(fl_drawing *d, const fl_row *row, uint32_t row_index,
                           const fl_fact *fact, fl_style style)
{
    fl_str rest = fact->text;
    for (int line = 0; rest.p != NULL; line++) {
        begin_fact_line(d, row, row_index);
        if (line == 0 && fact->kind == FL_FACT_PAIR) {
            fl_screen_add(d->screen, FL_STYLE_KEY, fact->key);
            fl_screen_add(d->screen, FL_STYLE_DIM, FL_S("="));
        }
        if (line == FACT_LINES_MAX) {
            fl_screen_add(d->screen, FL_STYLE_DIM, FL_S("(cut here; --json has all of it)"));
            rest = (fl_str){0};
        } else {
            unsigned room = fl_drawing_room(d, d->screen->width);
            fl_str text = fl_screen_wrap(d->screen, &rest, room > 8 ? room : 8);
            fl_screen_put(d->screen, style, text, room);
        }
        fl_screen_newline(d->screen);
    }
}

static unsigned pair_columns(const fl_drawing *d, const fl_fact *fact)
{
    return fl_screen_columns(d->screen, fact->key) + 1 + fl_screen_columns(d->screen, fact->text);
}

/* Short pairs share lines. Returns how many facts from `facts` on were drawn. */
static size_t draw_pairs(fl_drawing *d, const fl_row *row, uint32_t row_index, const fl_fact *facts,
                         size_t count)
{
    begin_fact_line(d, row, row_index);
    size_t drawn = 0;
    for (; drawn < count && facts[drawn].kind == FL_FACT_PAIR; drawn++) {
        unsigned gap = drawn > 0 ? 2 : 0;
        if (gap + pair_columns(d, &facts[drawn]) > fl_drawing_room(d, d->screen->width)) {
            break;
        }
        fl_screen_pad_to(d->screen, d->screen->column + gap);
        fl_screen_add(d->screen, FL_STYLE_KEY, facts[drawn].key);
        fl_screen_add(d->screen, FL_STYLE_DIM, FL_S("="));
        fl_screen_add(d->screen, FL_STYLE_PLAIN, facts[drawn].text);
    }
    fl_screen_newline(d->screen);
    return drawn;
}

static bool is_short_pair(const fl_drawing *d, uint32_t depth, const fl_fact *fact)
{
    unsigned used = FL_NAME_COLUMN + fl_drawing_level(d, depth) + 4;
    return fact->kind == FL_FACT_PAIR && used + pair_columns(d, fact) <= d->screen->width;
}

fl_status fl_drawing_facts(fl_drawing *d, uint32_t row_index, bool hint_was_cut, fl_err *err)
{
    const fl_row *row = &d->rows.rows[row_index];
    const fl_tree_node *node = fl_drawing_node(d, row);
    const fl_mark_look *look = fl_mark_look_of(fl_tree_mark(node));
    bool in_header = node->entity == d->source->trace->root;
    bool is_long_query =
        node->entity->segment->sql.n > 0 && row->ns >= (d->tree.to_ns - d->tree.from_ns) / 10;
    bool matters =
        (look->glyph != FL_GLYPH_OK && !fl_drawing_told_failure(d, node)) || is_long_query;
    fl_fact_choice choice = {
        .annotations = d->options->annotations,
        .metadata = d->options->metadata,
        .step = node->step,
        .no_cause = fl_drawing_told_cause(d, node),
        .full_hint = hint_was_cut && matters && !in_header,
    };
    fl_fact *facts;
    size_t count;
    fl_arena_reset(&d->row_arena);
    FL_TRY(fl_entity_facts(&d->row_arena, d->screen, node->entity, &choice, &facts, &count, err));
    for (size_t i = 0; i < count;) {
        if (is_short_pair(d, row->depth, &facts[i])) {
            i += draw_pairs(d, row, row_index, facts + i, count - i);
        } else {
            draw_long_fact(d, row, row_index, &facts[i], style_of_fact(&facts[i], look));
            i++;
        }
    }
    return FL_OK;
}
