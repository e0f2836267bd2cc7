#include "cli/screen_int.h"

#include <langinfo.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

static const char *const style_codes[FL_STYLE_COUNT] = {
    [FL_STYLE_PLAIN] = "",
    [FL_STYLE_BOLD] = "1",
    [FL_STYLE_DIM] = "2",
    [FL_STYLE_OK] = "32",
    [FL_STYLE_ERROR] = "33",
    [FL_STYLE_FAULT] = "31",
    [FL_STYLE_THROTTLE] = "35",
    [FL_STYLE_PARTIAL] = "36",
    [FL_STYLE_OK_BOLD] = "1;92",
    [FL_STYLE_ERROR_BOLD] = "1;93",
    [FL_STYLE_FAULT_BOLD] = "1;91",
    [FL_STYLE_THROTTLE_BOLD] = "1;95",
    [FL_STYLE_PARTIAL_BOLD] = "1;96",
    [FL_STYLE_KEY] = "36",
};

typedef struct glyph_text {
    const char *utf8, *ascii; /* of equal width */
} glyph_text;

static const glyph_text glyphs[FL_GLYPH_COUNT] = {
    [FL_GLYPH_OK] = {"✓", "."},         [FL_GLYPH_ERROR] = {"!", "!"},
    [FL_GLYPH_FAULT] = {"✗", "x"},      [FL_GLYPH_THROTTLE] = {"⊘", "%"},
    [FL_GLYPH_PARTIAL] = {"◐", "~"},    [FL_GLYPH_TEE] = {"├─", "|-"},
    [FL_GLYPH_ELBOW] = {"└─", "`-"},    [FL_GLYPH_PIPE] = {"│ ", "| "},
    [FL_GLYPH_DETAIL] = {"┆ ", ": "},   [FL_GLYPH_CUT] = {"…", "~"},
    [FL_GLYPH_ARROW] = {"→", ">"},      [FL_GLYPH_TIMES] = {"×", "x"},
    [FL_GLYPH_DOT] = {"·", "-"},        [FL_GLYPH_MICRO] = {"µ", "u"},
    [FL_GLYPH_LINE] = {"━", "="},       [FL_GLYPH_LINE_LEFT] = {"╸", "="},
    [FL_GLYPH_LINE_RIGHT] = {"╺", "="}, [FL_GLYPH_BLOCK] = {"█", "#"},
    [FL_GLYPH_BLOCK_LEFT] = {"▌", "#"}, [FL_GLYPH_BLOCK_RIGHT] = {"▐", "#"},
    [FL_GLYPH_HATCH] = {"░", ":"},      [FL_GLYPH_RULE] = {"─", "-"},
    [FL_GLYPH_TICK] = {"┬", "+"},
};

static bool wants_color(unsigned choice, int fd)
{
    if (choice != FL_COLOR_AUTO) {
        return choice == FL_COLOR_ALWAYS;
    }
    const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return isatty(fd) && (no_color == NULL || *no_color == '\0') &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

static unsigned terminal_width(int fd, unsigned fallback_width)
{
    struct winsize size = {0};
    if (!isatty(fd)) {
        return fallback_width;
    }
    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return 100;
    }
    return size.ws_col < FL_WIDTH_MIN   ? FL_WIDTH_MIN
           : size.ws_col > FL_WIDTH_MAX ? FL_WIDTH_MAX
                                        : size.ws_col;
}

fl_screen fl_screen_of(const fl_common *common, int fd, unsigned fallback_width, fl_buf *out)
{
    return (fl_screen){
        .out = out,
        .width = common->width != 0 ? (unsigned)common->width : terminal_width(fd, fallback_width),
        .color = wants_color(common->color, fd),
        .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
    };
}

fl_str fl_screen_glyph(const fl_screen *screen, fl_glyph glyph)
{
    return fl_str_of(screen->utf8 ? glyphs[glyph].utf8 : glyphs[glyph].ascii);
}

/* One character as it may be shown. */
typedef struct shown {
    fl_str bytes;
    unsigned columns;
} shown;

static bool is_direction_mark(int32_t c)
{
    return c == 0x61c || (c >= 0x200e && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

static unsigned columns_of(int32_t c)
{
    int columns = wcwidth((wchar_t)c);
    return columns < 0 ? 1
                       : (unsigned)columns; /* a character that this C library does not know yet */
}

/* The character of text at *at, made harmless; false at the end. */
static bool next_shown(const fl_screen *screen, fl_str text, size_t *at, shown *out)
{
    size_t begin = *at;
    int32_t c = fl_utf8_next(text, at);
    if (c == -2) {
        return false;
    }
    if (c == '\t' || c == '\n') {
        *out = (shown){FL_S(" "), 1};
    } else if (c < 0x20 || (c >= 0x7f && c < 0xa0) || is_direction_mark(c)) {
        *out = (shown){screen->utf8 ? FL_S("\xef\xbf\xbd") : FL_S("?"), 1};
    } else if (c < 0x7f) {
        *out = (shown){{text.p + begin, 1}, 1};
    } else if (screen->utf8) {
        *out = (shown){{text.p + begin, *at - begin}, columns_of(c)};
    } else {
        *out = (shown){FL_S("?"), 1};
    }
    return true;
}

unsigned fl_screen_columns(const fl_screen *screen, fl_str text)
{
    unsigned columns = 0;
    size_t at = 0;
    shown c;
    while (next_shown(screen, text, &at, &c)) {
        columns += c.columns;
    }
    return columns;
}

static void set_style(fl_screen *screen, fl_style style)
{
    if (!screen->color || screen->current == style) {
        return;
    }
    fl_buf_add_str(screen->out, style == FL_STYLE_PLAIN ? FL_S("\x1b[0") : FL_S("\x1b[0;"));
    fl_buf_add_str(screen->out, fl_str_of(style_codes[style]));
    fl_buf_add_byte(screen->out, 'm');
    screen->current = style;
}

void fl_screen_add(fl_screen *screen, fl_style style, fl_str text)
{
    size_t at = 0;
    shown c;
    if (text.n > 0) {
        set_style(screen, style);
    }
    while (next_shown(screen, text, &at, &c)) {
        fl_buf_add_str(screen->out, c.bytes);
        screen->column += c.columns;
    }
}

void fl_screen_put(fl_screen *screen, fl_style style, fl_str text, unsigned max)
{
    if (fl_screen_columns(screen, text) <= max) {
        fl_screen_add(screen, style, text);
        return;
    }
    size_t at = 0, kept = 0;
    unsigned columns = 0;
    shown c;
    while (next_shown(screen, text, &at, &c) && columns + c.columns + 1 <= max) {
        columns += c.columns;
        kept = at;
    }
    fl_screen_add(screen, style, (fl_str){text.p, kept});
    if (max > 0) {
        fl_screen_add_glyph(screen, FL_STYLE_DIM, FL_GLYPH_CUT);
    }
}

void fl_screen_add_glyph(fl_screen *screen, fl_style style, fl_glyph glyph)
{
    fl_screen_add(screen, style, fl_screen_glyph(screen, glyph));
}

void fl_screen_pad_to(fl_screen *screen, unsigned column)
{
    if (screen->column < column) {
        set_style(screen, FL_STYLE_PLAIN);
        fl_buf_fill(screen->out, ' ', column - screen->column);
        screen->column = column;
    }
}

void fl_screen_newline(fl_screen *screen)
{
    set_style(screen, FL_STYLE_PLAIN);
    fl_buf_add_byte(screen->out, '\n');
    screen->column = 0;
}

fl_str fl_screen_wrap(const fl_screen *screen, fl_str *rest, unsigned columns)
{
    fl_str text = *rest;
    size_t at = 0, fitting = 0, blank = 0;
    unsigned used = 0;
    shown c;
    for (;;) {
        size_t begin = at;
        if (begin < text.n && text.p[begin] == '\n') {
            *rest = (fl_str){text.p + begin + 1, text.n - begin - 1};
            return (fl_str){text.p, begin};
        }
        if (!next_shown(screen, text, &at, &c)) {
            *rest = (fl_str){0};
            return text;
        }
        if (begin > 0 && text.p[begin] == ' ') {
            blank = begin;
        }
        used += c.columns;
        if (used > columns && fitting > 0) {
            break;
        }
        fitting = at;
    }
    size_t end = blank > 0 ? blank : fitting;
    size_t next = blank > 0 ? blank + 1 : fitting;
    *rest = (fl_str){text.p + next, text.n - next};
    return (fl_str){text.p, end};
}
