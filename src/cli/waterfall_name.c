/* The name column of a row: what it is, how often, what was out of the ordinary, and its hint. */
#include "cli/drawing_int.h"

#define HINT_COLUMNS_MIN 4 /* with less, a hint says nothing */
#define WORD_GAP         2 /* between the kind of a step and what it worked on */

/* ---- Names */

static fl_str entity_name(fl_drawing *d, const fl_tree_node *node, bool brief)
{
    fl_buf_reset(&d->text);
    if (node->step != NULL) {
        fl_step_target(node->step, node->entity->segment, brief, &d->text);
    } else {
        fl_buf_add_str(&d->text, node->entity->segment->name);
    }
    return fl_buf_str(&d->text);
}

static unsigned word_columns(const fl_drawing *d, const fl_tree_node *node)
{
    return node->step != NULL ? fl_screen_columns(d->screen, node->step->word) + WORD_GAP : 0;
}

static unsigned brief_columns(fl_drawing *d, const fl_tree_node *node)
{
    return word_columns(d, node) + fl_screen_columns(d->screen, entity_name(d, node, true));
}

static void put_name(fl_drawing *d, const fl_tree_node *node, bool brief, fl_style style,
                     unsigned max)
{
    unsigned end = d->screen->column + max;
    if (node->step != NULL) {
        fl_screen_put(d->screen, FL_STYLE_DIM, node->step->word, max);
        if (fl_drawing_room(d, end) <= WORD_GAP) {
            return;
        }
        fl_screen_pad_to(d->screen, d->screen->column + WORD_GAP);
    }
    fl_screen_put(d->screen, style, entity_name(d, node, brief), fl_drawing_room(d, end));
}

void fl_drawing_entity_name(fl_drawing *d, const fl_tree_node *node, fl_style style, unsigned max)
{
    put_name(d, node, false, style, max);
}

static fl_style name_style(const fl_row *row, const fl_tree_node *node)
{
    fl_mark mark = fl_tree_mark(node);
    if (mark == FL_MARK_OK) {
        return row->on_path ? FL_STYLE_BOLD : FL_STYLE_PLAIN;
    }
    return row->on_path ? fl_mark_look_of(mark)->bold_style : fl_mark_look_of(mark)->style;
}

static bool is_loop(const fl_row *row)
{
    return row->period > 1;
}

/* ---- Counts and tags, which stay when the name is cut */

/* ` ×40 +80 below`: what the row stands for beside itself. */
static fl_str count_text(fl_drawing *d, const fl_row *row)
{
    fl_buf_reset(&d->text);
    if (row->repeats > 1) {
        fl_buf_add_byte(&d->text, ' ');
        fl_buf_add_str(&d->text, fl_screen_glyph(d->screen, FL_GLYPH_TIMES));
        fl_buf_add_u64(&d->text, row->repeats);
    }
    if (row->hidden > 0) {
        fl_buf_add_str(&d->text, FL_S(" +"));
        fl_buf_add_u64(&d->text, row->hidden);
        fl_buf_add_str(&d->text, FL_S(" below"));
    }
    return fl_buf_str(&d->text);
}

/* Retries of all members; the rest is that of the first, for the others are like it. */
static fl_str tags_text(fl_drawing *d, const fl_row *row)
{
    const fl_step *first = fl_drawing_node(d, row)->step;
    int64_t retries = 0;
    fl_buf_reset(&d->text);
    for (uint32_t i = 0; i < row->member_count; i++) {
        const fl_step *step = d->tree.nodes[fl_row_member(&d->rows, row, i)].step;
        if (step != NULL && step->retry_count != FL_INT_NONE &&
            __builtin_add_overflow(retries, step->retry_count, &retries)) {
            retries = INT64_MAX;
        }
    }
    if (first != NULL && !is_loop(row)) {
        fl_step_tags(d->screen, first, retries, &d->text);
    }
    return fl_buf_str(&d->text);
}

/* ---- Hints */

/* `model → tool → tool`: a round of a loop. */
static void add_round(fl_drawing *d, const fl_row *row)
{
    for (uint32_t i = 0; i < row->period; i++) {
        const fl_tree_node *node = &d->tree.nodes[fl_row_member(&d->rows, row, i)];
        if (i > 0) {
            fl_buf_add_byte(&d->text, ' ');
            fl_buf_add_str(&d->text, fl_screen_glyph(d->screen, FL_GLYPH_ARROW));
            fl_buf_add_byte(&d->text, ' ');
        }
        fl_buf_add_str(&d->text,
                       node->step != NULL ? node->step->word : node->entity->segment->name);
    }
}

static fl_str hint_text(fl_drawing *d, const fl_row *row)
{
    const fl_tree_node *node = fl_drawing_node(d, row);
    fl_buf_reset(&d->text);
    if (is_loop(row)) {
        add_round(d, row);
    } else if (row->member_count > 1) {
        return (fl_str){0}; /* it would be the first one's alone */
    } else if (node->step != NULL) {
        fl_step_hint(d->screen, node->step, node->entity->segment, &d->text);
    } else {
        fl_entity_hint(d->screen, node->entity, &d->text);
    }
    return fl_buf_str(&d->text);
}

/* ---- All of it */

static unsigned with_gap(unsigned columns, unsigned gap)
{
    return columns > 0 ? columns + gap : 0;
}

unsigned fl_drawing_name_columns(fl_drawing *d, const fl_row *row)
{
    unsigned columns =
        is_loop(row) ? (unsigned)FL_S("loop").n : brief_columns(d, fl_drawing_node(d, row));
    columns += fl_screen_columns(d->screen, count_text(d, row));
    columns += with_gap(fl_screen_columns(d->screen, tags_text(d, row)), 2);
    return columns + with_gap(fl_screen_columns(d->screen, hint_text(d, row)), 2);
}

static void draw_tags(fl_drawing *d, const fl_row *row, unsigned end)
{
    fl_str tags = tags_text(d, row);
    if (tags.n > 0 && fl_drawing_room(d, end) > 2) {
        fl_screen_pad_to(d->screen, d->screen->column + 2);
        fl_screen_put(d->screen, FL_STYLE_ERROR, tags, fl_drawing_room(d, end));
    }
}

bool fl_drawing_name(fl_drawing *d, const fl_row *row)
{
    const fl_tree_node *node = fl_drawing_node(d, row);
    unsigned end = FL_NAME_COLUMN + d->name_columns;
    unsigned tags_columns = with_gap(fl_screen_columns(d->screen, tags_text(d, row)), 2);
    unsigned count_columns = fl_screen_columns(d->screen, count_text(d, row));
    unsigned room_for_all = fl_drawing_room(d, end);
    unsigned kept = tags_columns + count_columns;
    kept = kept < room_for_all / 2 ? kept : room_for_all / 2;
    unsigned name_end = end - kept;
    if (is_loop(row)) {
        fl_screen_put(d->screen, name_style(row, node), FL_S("loop"), fl_drawing_room(d, name_end));
    } else {
        put_name(d, node, true, name_style(row, node), fl_drawing_room(d, name_end));
    }
    fl_screen_put(d->screen, FL_STYLE_KEY, count_text(d, row), fl_drawing_room(d, end));
    draw_tags(d, row, end);
    fl_str hint = hint_text(d, row);
    if (hint.n == 0) {
        return false;
    }
    unsigned wanted = fl_screen_columns(d->screen, hint);
    unsigned room = fl_drawing_room(d, end);
    if (room > HINT_COLUMNS_MIN + 2) {
        fl_screen_pad_to(d->screen, d->screen->column + 2);
        fl_screen_put(d->screen, FL_STYLE_DIM, hint, room - 2);
    }
    return wanted + 2 > room;
}
