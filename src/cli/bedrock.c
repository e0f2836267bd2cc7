/* fluoro bedrock: trace events of Amazon Bedrock agents and flows → X-Ray segments. */
#include <stdio.h>
#include <unistd.h>

#include "cli/bedrock_adopt_int.h"
#include "cli/bedrock_input_int.h"
#include "cli/bedrock_options_int.h"
#include "cli/bedrock_out_int.h"
#include "cli/bedrock_report_int.h"
#include "cli/bedrock_summary_int.h"
#include "cli/cli_int.h"

#define PLAN_BYTES  ((size_t)256 << 20)
#define TABLE_BYTES ((size_t)1 << 30)
#define LINE_BYTES  ((size_t)4096)

typedef struct conversion {
    const fl_import_settings *settings;
    int64_t now_ns;
    fl_arena arena; /* of the plan */
    fl_import_plan plan;
    fl_server_address address; /* with --send */
    fl_import_out out;
    fl_adopter *adopter; /* NULL without --adopt */
    fl_import_summary summary;
    fl_import_totals totals;
    fl_import_progress progress;
    bool undelivered; /* the way out failed */
    bool leaves_out;  /* the run in hand, by sampling */

    /* Of the input in hand */
    const char *label;
    uint32_t first_ordinal;   /* less one: runs of the inputs before it */
    uint32_t newest_ordinal;  /* given out so far */
    uint32_t newest_segments; /* of that run, as counted */
} conversion;

static bool is_sending(const fl_import_settings *settings)
{
    return settings->send != NULL || settings->udp != NULL;
}

/* ---- What the converter gives */

static fl_status delivered(conversion *self, fl_status status)
{
    self->undelivered |= status != FL_OK;
    return status;
}

static fl_status take_run_begin(void *user, const fl_bedrock_run *run, fl_err *err)
{
    conversion *self = user;
    (void)err;
    self->leaves_out = !run->kept;
    fl_import_summary_begin(&self->summary);
    return FL_OK;
}

static fl_status take_document(void *user, const fl_bedrock_document *document, fl_err *err)
{
    conversion *self = user;
    self->totals.documents++;
    if (self->leaves_out) {
        return FL_OK;
    }
    if (self->settings->summary) {
        FL_TRY(fl_import_summary_add(&self->summary, document, err));
    }
    return delivered(self, fl_import_out_document(&self->out, document->id, document->text, err));
}

static fl_status take_adopted(void *user, uint64_t id, fl_str document, fl_err *err)
{
    conversion *self = user;
    self->totals.adopted++;
    return fl_import_out_document(&self->out, id, document, err);
}

static fl_status draw_table(conversion *self, const fl_bedrock_run *run, fl_err *err)
{
    FL_AUTO(fl_buf) text;
    fl_buf_init(&text, TABLE_BYTES);
    fl_screen screen = fl_screen_of(&self->settings->common, STDOUT_FILENO, 0, &text);
    FL_TRY(fl_import_summary_draw(&self->summary, run, &screen, err));
    if (text.status != FL_OK) {
        FL_FAIL(err, text.status, "the table of run %u is too large", run->ordinal);
    }
    return delivered(self, fl_import_out_text(&self->out, fl_buf_str(&text), err));
}

/* A run comes again when it changed; it counts once, with its latest number of segments. */
static void count_run(conversion *self, const fl_bedrock_run *run)
{
    if (run->ordinal > self->newest_ordinal) {
        self->newest_ordinal = run->ordinal;
        self->newest_segments = 0;
        self->totals.runs += run->kept;
        self->totals.left_out += !run->kept;
    }
    if (run->ordinal == self->newest_ordinal && run->kept) {
        self->totals.segments += run->segments - self->newest_segments;
        self->newest_segments = run->segments;
        self->totals.newest = run->trace_id;
    }
}

static fl_status take_run_end(void *user, const fl_bedrock_run *given, fl_err *err)
{
    conversion *self = user;
    fl_bedrock_run run = *given;
    run.ordinal += self->first_ordinal; /* of all inputs */
    count_run(self, &run);
    if (self->leaves_out) {
        return FL_OK;
    }
    if (self->adopter != NULL && run.complete) {
        FL_TRY(delivered(self, fl_adopter_run(self->adopter, &run, take_adopted, self, err)));
    }
    return self->settings->summary ? draw_table(self, &run, err) : FL_OK;
}

static void take_diagnostic(void *user, const fl_bedrock_diagnostic *diagnostic)
{
    conversion *self = user;
    FL_AUTO(fl_buf) line;
    fl_buf_init(&line, LINE_BYTES);
    if (fl_bedrock_code_is_error(diagnostic->code)) {
        self->totals.errors++;
    } else {
        self->totals.warnings++;
    }
    fl_import_diagnostic_text(self->label, diagnostic, &line);
    fl_import_tell(fl_buf_str(&line));
}

/* ---- Reading */

static fl_status convert_input(conversion *self, fl_import_input *input, fl_bedrock *converter,
                               fl_err *err)
{
    fl_str bytes;
    do {
        FL_TRY(fl_import_input_read(input, &bytes, err));
        FL_TRY(fl_bedrock_feed(converter, bytes, err));
        if (self->settings->follow) {
            FL_TRY(delivered(self, fl_import_out_flush(&self->out, err)));
        }
        fl_import_progress_step(&self->progress, input->bytes, &self->totals);
    } while (bytes.n > 0 && !fl_bedrock_is_over(converter));
    return fl_bedrock_finish(converter, err);
}

/* One file, which is an input of its own. */
static fl_status convert_file(conversion *self, const char *path, fl_err *err)
{
    fl_import_input input;
    fl_bedrock *converter;
    const fl_bedrock_sink sink = {
        .user = self,
        .run_begin = take_run_begin,
        .document = take_document,
        .run_end = take_run_end,
        .diagnostic = take_diagnostic,
    };
    self->label = path;
    self->first_ordinal = self->newest_ordinal;
    FL_TRY(fl_import_input_open(&input, path, self->settings->follow, err));
    fl_status status = fl_bedrock_new(&self->plan.options, &sink, &converter, err);
    if (status == FL_OK) {
        status = convert_input(self, &input, converter, err);
        fl_bedrock_free(converter);
    }
    fl_import_input_close(&input);
    return status;
}

/* A file that cannot be read does not keep the others from being read. */
static fl_status convert_files(conversion *self, const fl_operands *files, fl_err *err)
{
    bool none = files->count == 0;
    if (none && isatty(STDIN_FILENO)) {
        fl_import_tell(FL_S("fluoro: reading standard input; Ctrl-D ends it"));
    }
    for (int i = 0; i < (none ? 1 : files->count); i++) {
        fl_err own = {0};
        fl_status status = convert_file(self, none ? "-" : files->values[i], &own);
        if (status != FL_OK && self->undelivered) {
            FL_FAIL(err, status, "%s", own.message);
        }
        if (status != FL_OK) {
            self->totals.errors++;
            fl_import_progress_end(&self->progress);
            (void)fl_cli_fail(&own, status);
        }
    }
    return FL_OK;
}

/* ---- The way out */

static fl_status open_sender(conversion *self, fl_sender **sender, fl_err *err)
{
    const fl_import_settings *settings = self->settings;
    if (settings->send != NULL) {
        const char *url = *settings->send != '\0' ? settings->send : NULL;
        FL_TRY(fl_server_resolve(url, &self->address, err));
        self->address.option = "--send URL";
        return fl_sender_new_http(&self->address, sender, err);
    }
    return settings->udp != NULL ? fl_sender_new_udp_to(settings->udp, sender, err) : FL_OK;
}

static fl_status open_adopter(conversion *self, fl_err *err)
{
    const char *adopt = self->settings->adopt;
    if (adopt == NULL) {
        return FL_OK;
    }
    return *adopt != '\0' ? fl_adopter_new_file(adopt, self->now_ns, &self->adopter, err)
                          : fl_adopter_new_store(&self->address, self->now_ns, &self->adopter, err);
}

/* Everything that may turn out to be wrong usage, before a byte is read. */
static fl_status prepare(conversion *self, const fl_operands *files, fl_err *err)
{
    fl_sender *sender = NULL;
    FL_TRY(fl_import_plan_make(&self->arena, self->settings, self->now_ns, &self->plan, err));
    if (self->settings->follow && files->count > 1) {
        FL_FAIL(err, FL_E_INVALID, "--follow follows one input; start a command for each");
    }
    FL_TRY(open_sender(self, &sender, err));
    bool stores_nothing = self->plan.unsampled && is_sending(self->settings);
    if (stores_nothing) {
        fl_sender_free(sender);
    } else {
        fl_import_out_send_by(&self->out, sender);
    }
    self->out.nowhere = stores_nothing || (sender == NULL && self->settings->summary);
    if (self->plan.options.prices != NULL) {
        self->summary.currency = fl_genai_prices_currency(self->plan.options.prices);
    }
    return open_adopter(self, err);
}

static void clean_up(conversion *self)
{
    fl_adopter_free(self->adopter);
    fl_import_out_fini(&self->out);
    fl_import_summary_fini(&self->summary);
    fl_import_plan_fini(&self->plan);
    fl_arena_fini(&self->arena);
}

/* ---- The last words */

static bool is_withheld(const conversion *self)
{
    return self->settings->strict && self->totals.errors > 0;
}

static void tell_where(const conversion *self)
{
    FL_AUTO(fl_buf) line;
    fl_buf_init(&line, LINE_BYTES);
    fl_import_totals_text(&self->totals, &line);
    if (is_withheld(self)) {
        fl_buf_add_str(&line, FL_S("; nothing was written, as --strict asks"));
    } else if (is_sending(self->settings) && !self->undelivered && !self->plan.unsampled &&
               self->totals.runs > 0) {
        bool http = self->settings->send != NULL;
        fl_buf_add_str(&line, FL_S("; sent to "));
        fl_buf_add_str(&line, fl_str_of(http ? self->address.url : self->settings->udp));
    }
    fl_import_tell(fl_buf_str(&line));
}

static void tell_how_to_look(const conversion *self)
{
    FL_AUTO(fl_buf) line;
    fl_buf_init(&line, LINE_BYTES);
    fl_buf_add_str(&line, FL_S("  fluoro trace "));
    fl_trace_id_emit(self->totals.newest, &line);
    if (self->settings->send != NULL && !self->address.is_implied) {
        fl_buf_add_str(&line, FL_S(" --server "));
        fl_buf_add_str(&line, fl_str_of(self->address.url));
    }
    if (self->totals.runs > 1) {
        fl_buf_add_str(&line, FL_S("   # the last of them"));
    }
    fl_import_tell(fl_buf_str(&line));
}

static void tell_ignored_log_entries(const conversion *self)
{
    FL_AUTO(fl_buf) line;
    fl_buf_init(&line, LINE_BYTES);
    fl_buf_add_str(&line, FL_S("fluoro: entries of --model-log that are no model invocations: "));
    fl_buf_add_u64(&line, self->plan.model_log_ignored);
    fl_import_tell(fl_buf_str(&line));
}

static void tell_the_end(const conversion *self)
{
    bool sends = is_sending(self->settings);
    if (self->plan.unsampled && sends) {
        fl_import_tell(
            FL_S("fluoro: nothing was sent, for the trace header says Sampled=0; --force "
                 "sends nevertheless"));
    }
    if (!sends && !isatty(STDERR_FILENO)) {
        return;
    }
    if (self->plan.model_log_ignored > 0) {
        tell_ignored_log_entries(self);
    }
    tell_where(self);
    bool arrived = sends && !self->undelivered && !self->plan.unsampled && !is_withheld(self);
    if (arrived && self->totals.runs > 0) {
        tell_how_to_look(self);
    }
}

static int exit_code_of(const conversion *self)
{
    const fl_import_totals *totals = &self->totals;
    if (self->undelivered || totals->refused > 0) {
        return FL_IMPORT_NOT_SENT;
    }
    if (totals->documents == 0 || is_withheld(self)) {
        return FL_IMPORT_NOTHING;
    }
    return totals->errors > 0 ? FL_IMPORT_WITH_ERRORS : FL_IMPORT_GOOD;
}

static int run(conversion *self, const fl_operands *files)
{
    fl_err err = {0};
    fl_status status = prepare(self, files, &err);
    if (status != FL_OK) {
        int wrong_usage = fl_usage_fail(&fl_import_usage, &err, status);
        return status == FL_E_UNREACHABLE ? FL_IMPORT_NOT_SENT : wrong_usage;
    }
    bool prints = self->settings->summary || !is_sending(self->settings);
    bool on_terminal = prints && isatty(STDOUT_FILENO); /* where lines would get mixed */
    self->progress = fl_import_progress_begin(!on_terminal && !self->settings->follow);
    status = convert_files(self, files, &err);
    if (status == FL_OK && !is_withheld(self)) {
        status = delivered(self, fl_import_out_release(&self->out, &err));
    }
    fl_import_progress_end(&self->progress);
    if (status != FL_OK) {
        (void)fl_cli_fail(&err, status);
    }
    self->totals.refused = self->out.refused;
    tell_the_end(self);
    return exit_code_of(self);
}

int fl_cli_bedrock(int argc, char **argv)
{
    fl_import_settings settings = fl_import_settings_default();
    fl_operands files;
    int exit_code;
    if (!fl_usage_read(&fl_import_usage, argc, argv, &settings, &files, &exit_code)) {
        return exit_code;
    }
    conversion self = {.settings = &settings, .now_ns = fl_clock_wall(fl_clock_system())};
    fl_arena_init(&self.arena, PLAN_BYTES);
    fl_import_out_init(&self.out, settings.strict);
    fl_import_summary_init(&self.summary);
    exit_code = run(&self, &files);
    clean_up(&self);
    return exit_code;
}
