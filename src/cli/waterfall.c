#include "cli/drawing_int.h"
#include "cli/times_int.h"

#define ROW_BYTES        ((size_t)64 << 20)
#define HINT_COLUMNS_MIN 4 /* with less, a hint says nothing */

/* ---- Layout */

/* ` ×40 +80 below`, what the row stands for beside itself, into d->text. */
static void fold_text(fl_drawing *d, const fl_row *row)
{
    fl_buf_reset(&d->text);
    if (row->fold_count > 1) {
        fl_buf_add_byte(&d->text, ' ');
        fl_buf_add_str(&d->text, fl_screen_glyph(d->screen, FL_GLYPH_TIMES));
        fl_buf_add_u64(&d->text, row->fold_count);
    }
    if (row->hidden > 0) {
        fl_buf_add_str(&d->text, FL_S(" +"));
        fl_buf_add_u64(&d->text, row->hidden);
        fl_buf_add_str(&d->text, FL_S(" below"));
    }
}

static unsigned wanted_name_columns(fl_drawing *d)
{
    unsigned widest = 0;
    for (uint32_t i = 0; i < d->rows.count; i++) {
        const fl_row *row = &d->rows.rows[i];
        const fl_tree_node *node = fl_drawing_node(d, row);
        fold_text(d, row);
        unsigned columns = fl_drawing_level(d, node->depth) +
                           fl_screen_columns(d->screen, fl_buf_str(&d->text)) +
                           fl_screen_columns(d->screen, node->entity->segment->name);
        fl_buf_reset(&d->text);
        if (row->fold_count == 1) {
            fl_entity_hint(d->screen, node->entity, &d->text);
            columns += d->text.n > 0 ? 2 + fl_screen_columns(d->screen, fl_buf_str(&d->text)) : 0;
        }
        widest = columns > widest ? columns : widest;
    }
    return widest;
}

static void lay_out(fl_drawing *d)
{
    unsigned width = d->screen->width;
    unsigned fixed = FL_NAME_COLUMN + 1 + FL_DURATION_COLUMNS + 2;
    unsigned most = (width - fixed) * 11 / 20;
    unsigned bar_room = width - fixed - FL_BAR_COLUMNS_MIN;
    most = most < bar_room ? most : bar_room;
    d->guide_levels = most / 4;
    unsigned wanted = wanted_name_columns(d);
    d->name_columns = wanted < most ? wanted : most;
    d->bar_column = fixed + d->name_columns;
}

/* ---- Rows */

void fl_drawing_guides(fl_drawing *d, const fl_row *row, bool below)
{
    uint32_t depth = fl_drawing_node(d, row)->depth;
    if (depth >= d->guide_levels) {
        fl_buf_reset(&d->text);
        fl_buf_add_u64(&d->text, depth);
        fl_screen_pad_to(d->screen, FL_NAME_COLUMN + 2 * (d->guide_levels - 1));
        if (!below) {
            fl_screen_add_glyph(d->screen, FL_STYLE_DIM, FL_GLYPH_CUT);
            fl_screen_put(d->screen, FL_STYLE_DIM, fl_buf_str(&d->text), FL_DEPTH_COLUMNS - 2);
        }
        fl_screen_pad_to(d->screen, FL_NAME_COLUMN + fl_drawing_level(d, depth));
        return;
    }
    bool last[FL_WIDTH_MAX];
    const fl_row *at = row;
    for (uint32_t level = depth; level > 0; level--) {
        last[level] = at->last;
        at = &d->rows.rows[at->parent_row];
    }
    for (uint32_t level = 1; level <= depth; level++) {
        bool own = level == depth && !below;
        fl_screen_pad_to(d->screen, FL_NAME_COLUMN + 2 * (level - 1));
        if (own) {
            fl_screen_add_glyph(d->screen, FL_STYLE_DIM,
                                last[level] ? FL_GLYPH_ELBOW : FL_GLYPH_TEE);
        } else if (!last[level]) {
            fl_screen_add_glyph(d->screen, FL_STYLE_DIM, FL_GLYPH_PIPE);
        }
    }
    fl_screen_pad_to(d->screen, FL_NAME_COLUMN + 2 * depth);
}

static fl_style name_style(const fl_tree_node *node)
{
    fl_mark mark = fl_entity_mark(node->entity);
    if (mark == FL_MARK_OK) {
        return node->on_path ? FL_STYLE_BOLD : FL_STYLE_PLAIN;
    }
    return node->on_path ? fl_mark_look_of(mark)->bold_style : fl_mark_look_of(mark)->style;
}

/* Name, count and hint; true if the hint had to be cut. */
static bool draw_name(fl_drawing *d, const fl_row *row)
{
    const fl_tree_node *node = fl_drawing_node(d, row);
    unsigned end = FL_NAME_COLUMN + d->name_columns;
    fold_text(d, row);
    unsigned count_columns = fl_screen_columns(d->screen, fl_buf_str(&d->text));
    unsigned name_end = end > count_columns ? end - count_columns : 0;
    fl_screen_put(d->screen, name_style(node), node->entity->segment->name,
                  fl_drawing_room(d, name_end));
    fl_screen_put(d->screen, FL_STYLE_KEY, fl_buf_str(&d->text), fl_drawing_room(d, end));
    fl_buf_reset(&d->text);
    fl_entity_hint(d->screen, node->entity, &d->text);
    if (d->text.n == 0 || row->fold_count > 1) {
        return false;
    }
    unsigned wanted = fl_screen_columns(d->screen, fl_buf_str(&d->text)),
             room = fl_drawing_room(d, end);
    if (room > HINT_COLUMNS_MIN + 2) {
        fl_screen_pad_to(d->screen, d->screen->column + 2);
        fl_screen_put(d->screen, FL_STYLE_DIM, fl_buf_str(&d->text), room - 2);
    }
    return wanted + 2 > room;
}

static void draw_duration(fl_drawing *d, const fl_row *row)
{
    fl_buf_reset(&d->text);
    if (row->fold_count == 1 && !fl_segment_is_complete(fl_drawing_node(d, row)->entity->segment)) {
        fl_buf_add_str(&d->text, FL_S("running"));
    } else {
        fl_duration_text(&d->text, row->fold_ns, fl_screen_glyph(d->screen, FL_GLYPH_MICRO));
    }
    unsigned columns = fl_screen_columns(d->screen, fl_buf_str(&d->text));
    fl_screen_pad_to(d->screen, d->bar_column - 2 - columns);
    fl_screen_add(d->screen, FL_STYLE_PLAIN, fl_buf_str(&d->text));
}

static void add_time(const fl_drawing *d, const fl_segment *segment, fl_bar *bar)
{
    bool complete = fl_segment_is_complete(segment);
    fl_bar_add(bar, segment->start_ns, complete ? segment->end_ns : d->tree.to_ns,
               complete ? FL_BAR_LINE : FL_BAR_HATCH);
}

static void add_critical(const fl_drawing *d, const fl_entity *entity, fl_bar *bar)
{
    size_t count;
    const fl_path_slice *slices = fl_tree_slices(&d->tree, entity, &count);
    for (size_t i = 0; i < count; i++) {
        fl_bar_add(bar, slices[i].from_ns, slices[i].to_ns, FL_BAR_BLOCK);
    }
}

/* A row shows the critical path of what it hides, too. */
static void draw_bar(fl_drawing *d, const fl_row *row)
{
    fl_bar bar;
    fl_bar_begin(&bar, d->tree.from_ns, d->tree.to_ns, d->screen->width - d->bar_column);
    for (uint32_t i = row->node; i != FL_TREE_NONE; i = d->rows.next_folded[i]) {
        add_time(d, d->tree.nodes[i].entity->segment, &bar);
        uint32_t end = row->hidden > 0 ? d->tree.nodes[i].end : i + 1;
        for (uint32_t j = i; j < end; j++) {
            if (fl_segment_is_complete(d->tree.nodes[j].entity->segment)) {
                add_critical(d, d->tree.nodes[j].entity, &bar);
            }
        }
    }
    fl_screen_pad_to(d->screen, d->bar_column);
    fl_bar_draw(&bar, d->screen, fl_mark_look_of(fl_entity_mark(fl_drawing_node(d, row)->entity)));
}

/* ---- All together */

static fl_status draw_row(fl_drawing *d, uint32_t index, fl_err *err)
{
    const fl_row *row = &d->rows.rows[index];
    const fl_mark_look *look = fl_mark_look_of(fl_entity_mark(fl_drawing_node(d, row)->entity));
    if (look->glyph != FL_GLYPH_OK) {
        fl_screen_add_glyph(d->screen, look->bold_style, look->glyph);
    }
    fl_screen_pad_to(d->screen, FL_NAME_COLUMN);
    fl_drawing_guides(d, row, false);
    bool hint_was_cut = draw_name(d, row);
    draw_duration(d, row);
    draw_bar(d, row);
    fl_screen_newline(d->screen);
    return row->fold_count == 1 ? fl_drawing_facts(d, index, hint_was_cut, err) : FL_OK;
}

static void draw_cut(fl_drawing *d, uint32_t left)
{
    fl_buf_reset(&d->text);
    fl_buf_add_str(&d->text, fl_screen_glyph(d->screen, FL_GLYPH_CUT));
    fl_buf_add_byte(&d->text, ' ');
    fl_buf_add_u64(&d->text, left);
    fl_buf_add_str(&d->text, FL_S(" more rows; --max-rows 0 shows all, --critical the path alone"));
    fl_screen_pad_to(d->screen, FL_NAME_COLUMN);
    fl_screen_add(d->screen, FL_STYLE_KEY, fl_buf_str(&d->text));
    fl_screen_newline(d->screen);
}

static void draw_legend(fl_drawing *d)
{
    fl_screen *screen = d->screen;
    fl_screen_newline(screen);
    fl_screen_pad_to(screen, FL_NAME_COLUMN);
    fl_screen_add_glyph(screen, FL_STYLE_DIM, FL_GLYPH_BLOCK);
    fl_screen_add_glyph(screen, FL_STYLE_DIM, FL_GLYPH_BLOCK);
    fl_screen_add(screen, FL_STYLE_DIM, FL_S(" critical path  "));
    fl_screen_add_glyph(screen, FL_STYLE_DIM, FL_GLYPH_LINE);
    fl_screen_add_glyph(screen, FL_STYLE_DIM, FL_GLYPH_LINE);
    fl_screen_add(screen, FL_STYLE_DIM, FL_S(" other time"));
    if (d->source->trace->in_progress) {
        fl_screen_add(screen, FL_STYLE_DIM, FL_S("  "));
        fl_screen_add_glyph(screen, FL_STYLE_DIM, FL_GLYPH_HATCH);
        fl_screen_add_glyph(screen, FL_STYLE_DIM, FL_GLYPH_HATCH);
        fl_screen_add(screen, FL_STYLE_DIM, FL_S(" unfinished"));
    }
    fl_screen_newline(screen);
}

static fl_status draw_all(fl_drawing *d, fl_err *err)
{
    FL_TRY(fl_tree_of(d->arena, d->source->trace, &d->tree, err));
    FL_TRY(fl_rows_of(d->arena, &d->tree, &d->options->rows, &d->rows, err));
    lay_out(d);
    FL_TRY(fl_drawing_header(d, err));
    fl_bar axis;
    fl_bar_begin(&axis, d->tree.from_ns, d->tree.to_ns, d->screen->width - d->bar_column);
    fl_axis_draw(d->screen, d->bar_column, &axis);
    uint64_t max_rows = d->options->max_rows;
    for (uint32_t i = 0; i < d->rows.count; i++) {
        if (max_rows > 0 && i >= max_rows) {
            draw_cut(d, d->rows.count - i);
            break;
        }
        FL_TRY(draw_row(d, i, err));
    }
    draw_legend(d);
    return FL_OK;
}

fl_status fl_waterfall_draw(fl_arena *arena, fl_screen *screen, const fl_waterfall_source *source,
                            const fl_waterfall_options *options, fl_err *err)
{
    fl_drawing d = {.arena = arena, .screen = screen, .source = source, .options = options};
    fl_arena_init(&d.row_arena, ROW_BYTES);
    fl_buf_init(&d.text, (size_t)4 << 20);
    fl_status status = draw_all(&d, err);
    fl_buf_fini(&d.text);
    fl_arena_fini(&d.row_arena);
    return status;
}
