#include "cli/drawing_int.h"
#include "cli/times_int.h"

static void add_field(fl_screen *screen, fl_style style, fl_str text)
{
    if (screen->column > 0) {
        fl_screen_pad_to(screen, screen->column + 3);
    }
    fl_screen_add(screen, style, text);
}

static void add_count(fl_screen *screen, uint64_t count, fl_str one, fl_str many)
{
    fl_buf text;
    fl_buf_init(&text, 128);
    fl_buf_add_u64(&text, count);
    fl_buf_add_byte(&text, ' ');
    fl_buf_add_str(&text, count == 1 ? one : many);
    add_field(screen, FL_STYLE_PLAIN, fl_buf_str(&text));
    fl_buf_fini(&text);
}

static void draw_title(fl_drawing *d, const fl_summary *summary)
{
    const fl_mark_look *look = fl_mark_look_of(fl_mark_of(summary->has_fault, summary->has_throttle,
                                                          summary->has_error, summary->is_partial));
    fl_screen_add_glyph(d->screen, look->bold_style, look->glyph);
    fl_screen_pad_to(d->screen, FL_NAME_COLUMN);
    fl_screen_add(d->screen, look->bold_style, fl_str_of(look->word));
    fl_buf_reset(&d->text);
    fl_trace_id_emit(summary->id, &d->text);
    add_field(d->screen, FL_STYLE_BOLD, fl_buf_str(&d->text));
    fl_screen_newline(d->screen);
}

/* A run without a segment of its own for the agent: the first step is the root. */
static bool is_chain(const fl_drawing *d)
{
    const fl_step *step = d->tree.root != FL_TREE_NONE ? d->tree.nodes[d->tree.root].step : NULL;
    return step != NULL && step->kind != FL_STEP_RUN && fl_step_agent(step).n > 0;
}

static void draw_request(fl_drawing *d, const fl_summary *summary)
{
    const fl_segment *root = d->source->trace->root->segment;
    unsigned room = d->screen->width - FL_NAME_COLUMN;
    fl_screen_pad_to(d->screen, FL_NAME_COLUMN);
    if (summary->http != NULL && summary->http->url.n > 0) {
        fl_buf_reset(&d->text);
        fl_http_text(d->screen, summary->http, summary->http->url, &d->text);
        fl_screen_put(d->screen, FL_STYLE_PLAIN, fl_buf_str(&d->text), room);
    } else if (is_chain(d)) {
        fl_screen_add(d->screen, FL_STYLE_DIM, FL_S("agent  "));
        fl_screen_put(d->screen, FL_STYLE_PLAIN, fl_step_agent(d->tree.nodes[d->tree.root].step),
                      fl_drawing_room(d, d->screen->width));
    } else if (d->tree.root != FL_TREE_NONE) {
        fl_drawing_entity_name(d, &d->tree.nodes[d->tree.root], FL_STYLE_PLAIN, room);
    } else {
        fl_screen_put(d->screen, FL_STYLE_PLAIN, root->name, room);
    }
    fl_screen_newline(d->screen);
}

static uint32_t count_services(const fl_summary *summary)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < summary->node_count; i++) {
        count += !fl_str_eq(summary->nodes[i].type, FL_S("client"));
    }
    return count;
}

/* A summary counts whole milliseconds; what is shorter is told as it is. */
static int64_t length_of(const fl_drawing *d, const fl_summary *summary)
{
    const fl_trace *trace = d->source->trace;
    return summary->duration_ns == 0 ? trace->end_ns - trace->start_ns : summary->duration_ns;
}

static void draw_figures(fl_drawing *d, const fl_summary *summary)
{
    fl_screen *screen = d->screen;
    fl_screen_pad_to(screen, FL_NAME_COLUMN);
    fl_buf_reset(&d->text);
    fl_time_text(&d->text, summary->start_ns, true, 3);
    fl_screen_add(screen, FL_STYLE_PLAIN, fl_buf_str(&d->text));
    fl_buf_reset(&d->text);
    if (summary->duration_ns != FL_TIME_NONE) {
        fl_duration_text(&d->text, length_of(d, summary), fl_screen_glyph(screen, FL_GLYPH_MICRO));
    } else {
        fl_buf_add_str(&d->text, FL_S("nothing finished yet"));
    }
    add_field(screen, FL_STYLE_BOLD, fl_buf_str(&d->text));
    bool is_run = d->tree.root != FL_TREE_NONE && d->tree.nodes[d->tree.root].step != NULL;
    if (!is_run) { /* each step of a run would count as a service */
        add_count(screen, count_services(summary), FL_S("service"), FL_S("services"));
    }
    add_count(screen, d->tree.count, FL_S("entry"), FL_S("entries"));
    if (summary->user_count > 0) {
        fl_buf_reset(&d->text);
        fl_buf_add_str(&d->text, FL_S("user "));
        fl_buf_add_str(&d->text, summary->users[0].text);
        unsigned used = screen->column + 3;
        if (used + 6 < screen->width) {
            fl_screen_pad_to(screen, used);
            fl_screen_put(screen, FL_STYLE_PLAIN, fl_buf_str(&d->text), screen->width - used);
        }
    }
    fl_screen_newline(screen);
}

static void draw_note(fl_drawing *d, fl_str note)
{
    fl_screen_add_glyph(d->screen, FL_STYLE_ERROR, FL_GLYPH_ERROR);
    fl_screen_pad_to(d->screen, FL_NAME_COLUMN);
    fl_screen_put(d->screen, FL_STYLE_ERROR, note, d->screen->width - FL_NAME_COLUMN);
    fl_screen_newline(d->screen);
}

static void draw_notes(fl_drawing *d)
{
    if (d->source->trace->in_progress) {
        draw_note(d, FL_S("unfinished: some segments have no end yet"));
    }
    if (d->source->trace->limit_exceeded) {
        draw_note(d, FL_S("over the trace size limit: segments were refused"));
    }
    if (d->source->unreadable > 0) {
        fl_buf_reset(&d->text);
        fl_buf_add_u64(&d->text, d->source->unreadable);
        fl_buf_add_str(&d->text, FL_S(" documents could not be read; --json shows them all"));
        draw_note(d, fl_buf_str(&d->text));
    }
}

fl_status fl_drawing_header(fl_drawing *d, fl_err *err)
{
    fl_summary summary;
    fl_limits limits = fl_limits_of(FL_PROFILE_OPEN, 0);
    FL_TRY(fl_trace_summarize(d->arena, d->source->trace, &limits, &summary, err));
    draw_title(d, &summary);
    draw_request(d, &summary);
    draw_figures(d, &summary);
    draw_notes(d);
    fl_screen_newline(d->screen);
    if (fl_drawing_has_steps(d)) {
        FL_TRY(fl_drawing_failures(d, err));
        fl_drawing_run(d);
    }
    return FL_OK;
}
