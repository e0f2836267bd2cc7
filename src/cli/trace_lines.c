#include "cli/table_int.h"
#include "cli/times_int.h"
#include "cli/traces_int.h"

static bool flag_of(yyjson_val *summary, fl_str key)
{
    return yyjson_is_true(fl_json_get(summary, key));
}

static int64_t ns_of(yyjson_val *object, fl_str key)
{
    int64_t ns;
    return fl_json_ns(fl_json_number(fl_json_get(object, key)), &ns) ? ns : FL_TIME_NONE;
}

static uint32_t count_services(yyjson_val *nodes)
{
    uint32_t count = 0;
    size_t i, n;
    yyjson_val *node;
    yyjson_arr_foreach(nodes, i, n, node)
    {
        count += !fl_str_eq(fl_json_str(fl_json_get(node, FL_S("Type"))), FL_S("client"));
    }
    return count;
}

void fl_trace_line_read(yyjson_val *summary, fl_trace_line *out)
{
    yyjson_val *http = fl_json_get(summary, FL_S("Http"));
    yyjson_val *user = yyjson_arr_get_first(fl_json_get(summary, FL_S("Users")));
    *out = (fl_trace_line){
        .id = fl_json_str(fl_json_get(summary, FL_S("Id"))),
        .method = fl_json_str(fl_json_get(http, FL_S("HttpMethod"))),
        .url = fl_json_str(fl_json_get(http, FL_S("HttpURL"))),
        .service = fl_json_str(fl_json_get(fl_json_get(summary, FL_S("EntryPoint")), FL_S("Name"))),
        .user = fl_json_str(fl_json_get(user, FL_S("UserName"))),
        .start_ns = ns_of(summary, FL_S("StartTime")),
        .duration_ns = ns_of(summary, FL_S("Duration")),
        .services = count_services(fl_json_get(summary, FL_S("ServiceIds"))),
        .mark =
            fl_mark_of(flag_of(summary, FL_S("HasFault")), flag_of(summary, FL_S("HasThrottle")),
                       flag_of(summary, FL_S("HasError")), flag_of(summary, FL_S("IsPartial"))),
    };
    if (!fl_json_i64(fl_json_number(fl_json_get(http, FL_S("HttpStatus"))), &out->http_status)) {
        out->http_status = FL_INT_NONE;
    }
}

enum { MARK, TIME, STATUS, CODE, DURATION, REQUEST, SERVICE, SERVICES, USER, ID, COLUMNS };

static const fl_column columns[COLUMNS] = {
    [MARK] = {.title = ""},
    [TIME] = {.title = "TIME"},
    [STATUS] = {.title = "STATUS", .drop_rank = 1},
    [CODE] = {.title = "CODE", .right = true, .drop_rank = 2},
    [DURATION] = {.title = "DURATION", .right = true},
    [REQUEST] = {.title = "REQUEST", .min = 34},
    [SERVICE] = {.title = "SERVICE", .min = 12, .drop_rank = 3},
    [SERVICES] = {.title = "SERVICES", .right = true, .drop_rank = 5},
    [USER] = {.title = "USER", .min = 8, .drop_rank = 4},
    [ID] = {.title = "TRACE ID"},
};

typedef struct lister {
    fl_arena *arena;
    const fl_screen *screen;
    bool with_date;
    bool failed;
} lister;

static fl_str keep(lister *l, fl_buf *text)
{
    fl_str copy = fl_str_dup(l->arena, fl_buf_str(text));
    l->failed |= copy.p == NULL;
    fl_buf_reset(text);
    return copy;
}

static void fill_cells(lister *l, const fl_trace_line *line, fl_cell *cells, fl_buf *text)
{
    const fl_mark_look *look = fl_mark_look_of(line->mark);
    if (line->start_ns != FL_TIME_NONE) {
        fl_time_text(text, line->start_ns, l->with_date, 0);
    }
    cells[TIME] = (fl_cell){FL_STYLE_DIM, keep(l, text)};
    cells[MARK] = (fl_cell){look->bold_style, fl_screen_glyph(l->screen, look->glyph)};
    cells[STATUS] = (fl_cell){look->style, fl_str_of(look->word)};
    if (line->http_status != FL_INT_NONE) {
        fl_buf_add_i64(text, line->http_status);
    }
    cells[CODE] = (fl_cell){look->style, keep(l, text)};
    if (line->duration_ns != FL_TIME_NONE) {
        fl_duration_text(text, line->duration_ns, fl_screen_glyph(l->screen, FL_GLYPH_MICRO));
    }
    cells[DURATION] = (fl_cell){FL_STYLE_BOLD, keep(l, text)};
    fl_buf_add_str(text, line->method);
    fl_buf_add_str(text, line->method.n > 0 && line->url.n > 0 ? FL_S(" ") : FL_S(""));
    fl_buf_add_str(text, line->url.n > 0 ? line->url : line->service);
    cells[REQUEST] = (fl_cell){FL_STYLE_PLAIN, keep(l, text)};
    cells[SERVICE] = (fl_cell){FL_STYLE_PLAIN, line->service};
    if (line->services > 0) {
        fl_buf_add_u64(text, line->services);
    }
    cells[SERVICES] = (fl_cell){FL_STYLE_PLAIN, keep(l, text)};
    cells[USER] = (fl_cell){FL_STYLE_PLAIN, line->user};
    cells[ID] = (fl_cell){FL_STYLE_KEY, line->id};
}

fl_status fl_trace_lines_draw(fl_arena *arena, fl_screen *screen, const fl_trace_line *lines,
                              size_t count, int64_t now_ns, fl_err *err)
{
    fl_cell *cells = FL_ARENA_ARRAY(arena, fl_cell, count * COLUMNS);
    if (cells == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    lister l = {.arena = arena, .screen = screen};
    for (size_t i = 0; i < count; i++) {
        l.with_date |=
            lines[i].start_ns != FL_TIME_NONE && !fl_time_same_day(lines[i].start_ns, now_ns);
    }
    fl_buf text;
    fl_buf_init(&text, (size_t)1 << 20);
    for (size_t i = 0; i < count; i++) {
        fill_cells(&l, &lines[i], cells + i * COLUMNS, &text);
    }
    fl_buf_fini(&text);
    if (l.failed) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    fl_table_draw(screen, columns, COLUMNS, cells, count);
    return FL_OK;
}
