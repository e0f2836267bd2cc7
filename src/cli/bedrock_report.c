#include "cli/bedrock_report_int.h"

#include <stdlib.h>
#include <unistd.h>

#include "cli/screen_int.h"

#define ERASE_LINE     FL_S("\r\x1b[K")
#define FIRST_SHOWN_NS FL_NS_PER_S
#define SHOWN_AGAIN_NS (FL_NS_PER_S / 5)

static void write_to_stderr(const fl_buf *text)
{
    /* Nobody is left to tell when even this fails. */
    ssize_t ignored = write(STDERR_FILENO, fl_buf_str(text).p, text->n);
    (void)ignored;
}

static fl_screen screen_of_stderr(fl_buf *out)
{
    return fl_screen_of(&(fl_common){.color = FL_COLOR_NEVER}, STDERR_FILENO, 0, out);
}

static bool is_drawable(void)
{
    const char *terminal = getenv("TERM");
    return isatty(STDERR_FILENO) && terminal != NULL && strcmp(terminal, "dumb") != 0;
}

void fl_import_tell(fl_str line)
{
    FL_AUTO(fl_buf) text;
    fl_buf_init(&text, (size_t)64 << 10);
    fl_screen screen = screen_of_stderr(&text);
    if (is_drawable()) {
        fl_buf_add_str(&text, ERASE_LINE);
    }
    fl_screen_add(&screen, FL_STYLE_PLAIN, line);
    fl_screen_newline(&screen);
    write_to_stderr(&text);
}

void fl_import_diagnostic_text(const char *label, const fl_bedrock_diagnostic *diagnostic,
                               fl_buf *out)
{
    const fl_bedrock_place *place = &diagnostic->place;
    fl_buf_add_str(out, fl_str_of(label));
    fl_buf_add_byte(out, ':');
    if (place->line == 0) {
        fl_buf_add_byte(out, '@');
        fl_buf_add_u64(out, place->offset);
    } else {
        fl_buf_add_u64(out, place->line);
        fl_buf_add_byte(out, ':');
        fl_buf_add_u64(out, place->column);
    }
    fl_buf_add_str(out, FL_S(": "));
    fl_buf_add_str(out, fl_str_of(fl_bedrock_code_name(diagnostic->code)));
    fl_buf_add_str(out, FL_S(": "));
    fl_buf_add_str(out, diagnostic->message);
}

static void add_count(fl_buf *out, uint64_t count, const char *one, const char *many)
{
    fl_buf_add_u64(out, count);
    fl_buf_add_byte(out, ' ');
    fl_buf_add_str(out, fl_str_of(count == 1 ? one : many));
}

static void add_some(fl_buf *out, uint64_t count, const char *one, const char *many)
{
    if (count > 0) {
        fl_buf_add_str(out, FL_S(", "));
        add_count(out, count, one, many);
    }
}

void fl_import_totals_text(const fl_import_totals *totals, fl_buf *out)
{
    add_count(out, totals->runs, "run", "runs");
    fl_buf_add_str(out, FL_S(", "));
    add_count(out, totals->segments, "segment", "segments");
    add_some(out, totals->adopted, "adopted segment", "adopted segments");
    add_some(out, totals->left_out, "run left out by --sample", "runs left out by --sample");
    add_some(out, totals->errors, "error", "errors");
    add_some(out, totals->warnings, "warning", "warnings");
    add_some(out, totals->refused, "document not taken", "documents not taken");
}

fl_import_progress fl_import_progress_begin(bool wanted)
{
    return (fl_import_progress){.wanted = wanted && is_drawable(),
                                .next_ns = fl_clock_mono(fl_clock_system()) + FIRST_SHOWN_NS};
}

void fl_import_progress_step(fl_import_progress *progress, uint64_t bytes,
                             const fl_import_totals *totals)
{
    if (!progress->wanted || fl_clock_mono(fl_clock_system()) < progress->next_ns) {
        return;
    }
    FL_AUTO(fl_buf) text;
    fl_buf_init(&text, 4096);
    fl_buf_add_str(&text, ERASE_LINE);
    fl_buf_add_u64(&text, bytes >> 20);
    fl_buf_add_str(&text, FL_S(" MiB read, "));
    fl_import_totals_text(totals, &text);
    write_to_stderr(&text);
    progress->shown = true;
    progress->next_ns = fl_clock_mono(fl_clock_system()) + SHOWN_AGAIN_NS;
}

void fl_import_progress_end(fl_import_progress *progress)
{
    if (progress->shown) {
        FL_AUTO(fl_buf) text;
        fl_buf_init(&text, 16);
        fl_buf_add_str(&text, ERASE_LINE);
        write_to_stderr(&text);
    }
    progress->shown = false;
}
