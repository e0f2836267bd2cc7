/* The failing step of an agent run, before its picture: what it was, what went wrong, who asked. */
#include "cli/drawing_int.h"
#include "cli/times_int.h"

#define RUNNING_MAX      3
#define LINES_MAX        4 /* of one exception */
#define ASKED_BY_MAX     4
#define LABEL_COLUMNS    9 /* "throttle" and a blank */
#define DETAIL_COLUMNS   2 /* of the glyph before a line of details */
#define TEXT_COLUMNS_MIN 8

static const fl_tree_node *node_at(const fl_drawing *d, uint32_t node)
{
    return &d->tree.nodes[node];
}

static bool is_block(const fl_tree_node *node)
{
    return node->step != NULL && node->step->blocked;
}

/* ---- Lines */

static void draw_headline(fl_drawing *d, const fl_tree_node *node, const char *word)
{
    const fl_mark_look *look = fl_mark_look_of(fl_tree_mark(node));
    unsigned width = d->screen->width;
    fl_screen_add_glyph(d->screen, look->bold_style, look->glyph);
    fl_screen_pad_to(d->screen, FL_NAME_COLUMN);
    fl_screen_add(d->screen, look->bold_style, fl_str_of(word));
    fl_screen_pad_to(d->screen, FL_NAME_COLUMN + LABEL_COLUMNS);
    fl_drawing_entity_name(d, node, look->bold_style, fl_drawing_room(d, width));
    fl_buf_reset(&d->text);
    if (node->step != NULL && !is_block(node)) {
        fl_step_tags(d->screen, node->step, node->step->retry_count, &d->text);
    }
    if (d->text.n > 0 && fl_drawing_room(d, width) > 2 + TEXT_COLUMNS_MIN) {
        fl_screen_pad_to(d->screen, d->screen->column + 2);
        fl_screen_put(d->screen, FL_STYLE_ERROR, fl_buf_str(&d->text), fl_drawing_room(d, width));
    }
    fl_screen_newline(d->screen);
}

static void draw_detail(fl_drawing *d, fl_str text, fl_style style)
{
    fl_str rest = text;
    for (int line = 0; rest.p != NULL && line < LINES_MAX; line++) {
        fl_screen_pad_to(d->screen, FL_NAME_COLUMN);
        fl_screen_add_glyph(d->screen, FL_STYLE_DIM, FL_GLYPH_DETAIL);
        unsigned room = fl_drawing_room(d, d->screen->width);
        bool is_last = line + 1 == LINES_MAX;
        fl_str part = is_last ? rest : fl_screen_wrap(d->screen, &rest, room);
        fl_screen_put(d->screen, style, part, room);
        fl_screen_newline(d->screen);
    }
}

/* ---- What went wrong */

static fl_status draw_cause(fl_drawing *d, const fl_tree_node *node, fl_err *err)
{
    fl_fact *facts;
    size_t count;
    fl_fact_choice choice = {0};
    fl_arena_reset(&d->row_arena);
    FL_TRY(fl_entity_facts(&d->row_arena, d->screen, node->entity, &choice, &facts, &count, err));
    fl_style style = fl_mark_look_of(fl_tree_mark(node))->style;
    for (size_t i = 0; i < count; i++) {
        draw_detail(d, facts[i].text, facts[i].kind == FL_FACT_EXCEPTION ? style : FL_STYLE_DIM);
    }
    if (is_block(node)) {
        fl_buf_reset(&d->text);
        fl_step_hint(d->screen, node->step, node->entity->segment, &d->text);
        if (d->text.n > 0) {
            draw_detail(d, fl_buf_str(&d->text), style);
        }
    }
    return FL_OK;
}

static void add_duration(fl_drawing *d, int64_t ns)
{
    fl_duration_text(&d->text, ns, fl_screen_glyph(d->screen, FL_GLYPH_MICRO));
}

static void add_dot(fl_drawing *d)
{
    if (d->text.n > 0) {
        fl_buf_add_byte(&d->text, ' ');
        fl_buf_add_str(&d->text, fl_screen_glyph(d->screen, FL_GLYPH_DOT));
        fl_buf_add_byte(&d->text, ' ');
    }
}

static void add_code(fl_drawing *d, const fl_tree_node *node)
{
    const fl_http *http = node->entity->segment->http;
    if (node->step != NULL && node->step->failure_code.n > 0) {
        add_dot(d);
        fl_buf_add_str(&d->text, FL_S("code "));
        fl_buf_add_str(&d->text, node->step->failure_code);
    } else if (http != NULL && http->status != FL_INT_NONE) {
        add_dot(d);
        fl_buf_add_str(&d->text, FL_S("status "));
        fl_buf_add_i64(&d->text, http->status);
    }
}

/* `by flights-agent, asked by SPRVSR7K2M`: from the step's agent up to the root's. */
static void add_agents(fl_drawing *d, uint32_t node)
{
    fl_str latest = {0};
    int named = 0;
    for (uint32_t i = node; i != FL_TREE_NONE; i = d->tree.nodes[i].parent) {
        const fl_step *step = d->tree.nodes[i].step;
        fl_str agent = step != NULL ? fl_step_agent(step) : (fl_str){0};
        if (agent.n == 0 || fl_str_eq(agent, latest)) {
            continue;
        }
        if (named == 0) {
            add_dot(d);
        }
        if (named == ASKED_BY_MAX) {
            fl_buf_add_str(&d->text, FL_S(", and so on"));
            return;
        }
        fl_buf_add_str(&d->text, named == 0 ? FL_S("by ") : FL_S(", asked by "));
        fl_buf_add_str(&d->text, agent);
        latest = agent;
        named++;
    }
}

/* `30.0 s from 1.82 s on`, `at 4.40 s` */
static void add_time(fl_drawing *d, uint32_t node)
{
    int64_t ns = fl_tree_ns(&d->tree, node);
    int64_t begin_ns = node_at(d, node)->entity->segment->start_ns - d->tree.from_ns;
    if (ns > 0) {
        add_duration(d, ns);
    }
    if (begin_ns == 0) {
        fl_buf_add_str(&d->text, ns > 0 ? FL_S(" from the start") : FL_S("at the start"));
        return;
    }
    fl_buf_add_str(&d->text, ns > 0 ? FL_S(" from ") : FL_S("at "));
    add_duration(d, begin_ns);
    fl_buf_add_str(&d->text, ns > 0 ? FL_S(" on") : FL_S(""));
}

static void draw_circumstances(fl_drawing *d, uint32_t node, bool recovered)
{
    fl_buf_reset(&d->text);
    add_time(d, node);
    add_code(d, node_at(d, node));
    add_agents(d, node);
    if (recovered) {
        add_dot(d);
        fl_buf_add_str(&d->text, FL_S("the run went on"));
    }
    draw_detail(d, fl_buf_str(&d->text), FL_STYLE_DIM);
}

/* ---- All of them */

/* Did the run end well after all? */
static bool went_on(const fl_drawing *d)
{
    return !d->failures.first_ended && d->tree.root != FL_TREE_NONE &&
           fl_segment_is_complete(node_at(d, d->tree.root)->entity->segment);
}

static void draw_others(fl_drawing *d)
{
    if (d->failures.others > 0) {
        fl_buf_reset(&d->text);
        fl_count_text(d->failures.others, &d->text);
        fl_buf_add_str(&d->text, FL_S(" more, marked below"));
        fl_screen_pad_to(d->screen, FL_NAME_COLUMN);
        fl_screen_add(d->screen, FL_STYLE_KEY, fl_buf_str(&d->text));
        fl_screen_newline(d->screen);
    }
}

static void draw_running(fl_drawing *d)
{
    uint32_t nodes[RUNNING_MAX];
    uint32_t count = fl_running_of(&d->tree, nodes, RUNNING_MAX);
    for (uint32_t i = 0; i < count; i++) {
        const fl_tree_node *node = node_at(d, nodes[i]);
        draw_headline(d, node, "running");
        fl_buf_reset(&d->text);
        fl_buf_add_str(&d->text, FL_S("since "));
        add_duration(d, node->entity->segment->start_ns - d->tree.from_ns);
        add_agents(d, nodes[i]);
        draw_detail(d, fl_buf_str(&d->text), FL_STYLE_DIM);
    }
    if (count > 0) {
        fl_screen_newline(d->screen);
    }
}

fl_status fl_drawing_failures(fl_drawing *d, fl_err *err)
{
    for (uint32_t i = 0; i < d->failures.count; i++) {
        uint32_t index = d->failures.nodes[i];
        const fl_tree_node *node = node_at(d, index);
        bool is_why = i == 0 && d->failures.first_ended;
        draw_headline(d, node,
                      is_block(node) ? "blocked"
                      : is_why       ? "failed"
                                     : fl_mark_look_of(fl_tree_mark(node))->word);
        FL_TRY(draw_cause(d, node, err));
        draw_circumstances(d, index, !is_block(node) && went_on(d));
    }
    draw_others(d);
    if (d->failures.count > 0) {
        fl_screen_newline(d->screen);
    }
    draw_running(d);
    return FL_OK;
}

static bool is_same_cause(const fl_cause *a, const fl_cause *b)
{
    return a->exception_count > 0 && b->exception_count > 0 &&
           fl_str_eq(a->exceptions[0].type, b->exceptions[0].type) &&
           fl_str_eq(a->exceptions[0].message, b->exceptions[0].message);
}

bool fl_drawing_told_failure(const fl_drawing *d, const fl_tree_node *node)
{
    for (uint32_t i = 0; i < d->failures.count; i++) {
        if (node_at(d, d->failures.nodes[i]) == node) {
            return true;
        }
    }
    return false;
}

bool fl_drawing_told_cause(const fl_drawing *d, const fl_tree_node *node)
{
    const fl_cause *cause = node->entity->segment->cause;
    for (uint32_t i = 0; i < d->failures.count && cause != NULL; i++) {
        const fl_cause *told = node_at(d, d->failures.nodes[i])->entity->segment->cause;
        if (told != NULL && is_same_cause(told, cause)) {
            return true;
        }
    }
    return false;
}
