#include "cli/drawing_int.h"
#include "cli/times_int.h"

#define ROW_BYTES ((size_t)64 << 20)

/* ---- Layout */

static unsigned wanted_name_columns(fl_drawing *d)
{
    unsigned widest = 0;
    for (uint32_t i = 0; i < d->rows.count; i++) {
        const fl_row *row = &d->rows.rows[i];
        unsigned columns = fl_drawing_level(d, row->depth) + fl_drawing_name_columns(d, row);
        widest = columns > widest ? columns : widest;
    }
    return widest;
}

static void lay_out(fl_drawing *d)
{
    unsigned width = d->screen->width;
    unsigned fixed = FL_NAME_COLUMN + 1 + FL_DURATION_COLUMNS + 2;
    fl_drawing_choose_amounts(d, width - fixed);
    fixed += fl_drawing_amount_columns(d);
    unsigned most = (width - fixed) * (fl_drawing_has_steps(d) ? 13 : 11) / 20;
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
    uint32_t depth = row->depth;
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

static void draw_duration(fl_drawing *d, const fl_row *row)
{
    fl_buf_reset(&d->text);
    if (row->member_count == 1 &&
        !fl_segment_is_complete(fl_drawing_node(d, row)->entity->segment)) {
        fl_buf_add_str(&d->text, FL_S("running"));
    } else {
        fl_duration_text(&d->text, row->ns, fl_screen_glyph(d->screen, FL_GLYPH_MICRO));
    }
    unsigned columns = fl_screen_columns(d->screen, fl_buf_str(&d->text));
    fl_screen_pad_to(d->screen, d->bar_column - 2 - columns);
    fl_screen_add(d->screen, FL_STYLE_PLAIN, fl_buf_str(&d->text));
}

static void add_time(const fl_drawing *d, const fl_tree_node *node, fl_bar *bar)
{
    const fl_segment *segment = node->entity->segment;
    bool complete = fl_segment_is_complete(segment);
    fl_bar_add(bar, segment->start_ns, complete ? segment->end_ns : d->tree.to_ns,
               fl_tree_mark(node) == FL_MARK_PARTIAL || !complete ? FL_BAR_HATCH : FL_BAR_LINE);
}

/* Agents and calls of agents wait for their steps: the moments between those, too short for half a
 * column, would together look like time of their own. */
static bool is_moment(const fl_tree_node *node, const fl_path_slice *slice, const fl_bar *bar)
{
    bool waits =
        node->step != NULL && (node->step->kind == FL_STEP_RUN || node->step->kind == FL_STEP_CALL);
    int64_t half_column_ns = (bar->to_ns - bar->from_ns) / (2 * (int64_t)bar->columns);
    return waits && slice->to_ns - slice->from_ns < half_column_ns;
}

static void add_critical(const fl_drawing *d, const fl_tree_node *node, fl_bar *bar)
{
    size_t count;
    const fl_path_slice *slices = fl_tree_slices(&d->tree, node->entity, &count);
    for (size_t i = 0; i < count; i++) {
        if (!is_moment(node, &slices[i], bar)) {
            fl_bar_add(bar, slices[i].from_ns, slices[i].to_ns, FL_BAR_BLOCK);
        }
    }
}

/* A row shows the critical path of what it hides, too. */
static void draw_bar(fl_drawing *d, const fl_row *row)
{
    fl_bar bar;
    fl_bar_begin(&bar, d->tree.from_ns, d->tree.to_ns, d->screen->width - d->bar_column);
    for (uint32_t i = 0; i < row->member_count; i++) {
        uint32_t member = fl_row_member(&d->rows, row, i);
        add_time(d, &d->tree.nodes[member], &bar);
        uint32_t end = row->closed ? d->tree.nodes[member].end : member + 1;
        for (uint32_t j = member; j < end; j++) {
            if (fl_segment_is_complete(d->tree.nodes[j].entity->segment)) {
                add_critical(d, &d->tree.nodes[j], &bar);
            }
        }
    }
    fl_screen_pad_to(d->screen, d->bar_column);
    fl_bar_draw(&bar, d->screen, fl_mark_look_of(fl_tree_mark(fl_drawing_node(d, row))));
}

/* ---- All together */

static fl_status draw_row(fl_drawing *d, uint32_t index, fl_err *err)
{
    const fl_row *row = &d->rows.rows[index];
    const fl_mark_look *look = fl_mark_look_of(fl_tree_mark(fl_drawing_node(d, row)));
    if (look->glyph != FL_GLYPH_OK) {
        fl_screen_add_glyph(d->screen, look->bold_style, look->glyph);
    }
    fl_screen_pad_to(d->screen, FL_NAME_COLUMN);
    fl_drawing_guides(d, row, false);
    bool hint_was_cut = fl_drawing_name(d, row);
    fl_drawing_amounts(d, row);
    draw_duration(d, row);
    draw_bar(d, row);
    fl_screen_newline(d->screen);
    return row->member_count == 1 ? fl_drawing_facts(d, index, hint_was_cut, err) : FL_OK;
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
    if (fl_drawing_has_steps(d)) {
        FL_TRY(fl_run_of(d->arena, &d->tree, &d->run, err));
        d->failures = fl_failures_of(&d->tree);
    }
    lay_out(d);
    FL_TRY(fl_drawing_header(d, err));
    fl_bar axis;
    fl_bar_begin(&axis, d->tree.from_ns, d->tree.to_ns, d->screen->width - d->bar_column);
    fl_drawing_amounts(d, NULL);
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
