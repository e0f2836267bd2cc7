/*
 * Documents (spec §3.10–§3.15). A document is tried as it should be; one that is too large is tried
 * again with less of its texts, then without its bodies, then with fewer annotations.
 */
#include <stdlib.h>

#include "bedrock/write_int.h"

#define TEXT_LIMIT_MIN     65 /* no limit below it helps */
#define MESSAGE_BYTES_MAX  ((size_t)4096)
#define NAME_CHARS_MAX     ((size_t)200) /* exception types, account ids and the like */
#define REQUEST_CHARS_MAX  ((size_t)1000)
#define PIECE_BYTES_MAX    ((size_t)48000) /* of a long text, as JSON */
#define REDACTED_BYTES_MAX ((size_t)1 << 30)
#define NAME_BYTES_MAX     ((size_t)1024)
#define HTTP_STATUS_MIN    100
#define HTTP_STATUS_MAX    599

struct bedrock_writer {
    const fl_bedrock_options *options;
    fl_arena scratch; /* of the document being written */
    fl_buf name, metadata, redacted, text;
    bedrock_content content;
};

fl_status bedrock_writer_new(const fl_bedrock_options *options, bedrock_writer **out, fl_err *err)
{
    bedrock_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to write documents");
    }
    writer->options = options;
    fl_arena_init(&writer->scratch, options->max_bytes);
    bedrock_content_init(&writer->content);
    fl_buf_init(&writer->name, NAME_BYTES_MAX);
    fl_buf_init(&writer->metadata, FL_BEDROCK_DOCUMENT_MAX);
    fl_buf_init(&writer->redacted, REDACTED_BYTES_MAX);
    fl_buf_init(&writer->text, FL_BEDROCK_DOCUMENT_MAX);
    *out = writer;
    return FL_OK;
}

void bedrock_writer_free(bedrock_writer *writer)
{
    if (writer != NULL) {
        fl_buf_fini(&writer->text);
        fl_buf_fini(&writer->redacted);
        fl_buf_fini(&writer->metadata);
        fl_buf_fini(&writer->name);
        fl_arena_fini(&writer->scratch);
        free(writer);
    }
}

/* ---- Metadata: which parts of it are there still */

typedef struct parts {
    bool input, output, rationale;
} parts;

/* The rationales that were folded in, one on a line; the first alone where memory is short. */
static fl_str thoughts_of(bedrock_writer *writer, const bedrock_thought *first)
{
    while (first != NULL && first->text.n == 0) {
        first = first->next;
    }
    if (first == NULL || first->next == NULL) {
        return first != NULL ? first->text : (fl_str){0};
    }
    size_t n = 0;
    for (const bedrock_thought *thought = first; thought != NULL; thought = thought->next) {
        n += thought->text.n + 1;
    }
    char *joined = fl_arena_alloc(&writer->scratch, n);
    if (joined == NULL) {
        return first->text;
    }
    fl_buf lines = {.p = joined, .capacity = n, .max_bytes = n};
    for (const bedrock_thought *thought = first; thought != NULL; thought = thought->next) {
        if (thought->text.n > 0) {
            fl_buf_add_str(&lines, lines.n > 0 ? FL_S("\n") : FL_S(""));
            fl_buf_add_str(&lines, thought->text);
        }
    }
    return fl_buf_str(&lines);
}

static void open_part(fl_buf *out, bool *comma, fl_str key)
{
    fl_buf_add_str(out, *comma ? FL_S(",\"") : FL_S("\""));
    fl_buf_add_str(out, key);
    fl_buf_add_str(out, FL_S("\":"));
    *comma = true;
}

static void write_metadata(bedrock_writer *writer, const bedrock_step *step, parts wanted)
{
    fl_buf *out = &writer->metadata;
    bedrock_kind kind = step->segment.kind;
    bool comma = false;
    fl_buf_add_str(out, FL_S("{\"bedrock\":{"));
    if (wanted.input && step->input != NULL) {
        open_part(out, &comma, FL_S("input"));
        bedrock_content_body(&writer->content, "input", kind, step->input);
    }
    if (wanted.output && step->output != NULL) {
        open_part(out, &comma, FL_S("output"));
        bedrock_content_body(&writer->content, "output", kind, step->output);
    }
    fl_str rationale = wanted.rationale ? thoughts_of(writer, step->thoughts) : (fl_str){0};
    if (rationale.n > 0) {
        open_part(out, &comma, FL_S("rationale"));
        bedrock_content_text(&writer->content, "rationale", rationale);
    }
    fl_buf_add_str(out, FL_S("}}"));
    if (!comma) {
        fl_buf_reset(out);
    }
}

/* ---- The rest of the segment */

/* A document in the making, with all that it points to. */
typedef struct draft {
    fl_segment segment;
    fl_http http;
    fl_aws aws;
    fl_cause cause;
    fl_exception exception;
    bedrock_view view;
    parts parts;
    bool is_cut; /* outside of metadata */
} draft;

static fl_str clip_message(bedrock_writer *writer, draft *d, fl_str message)
{
    fl_str shown = bedrock_redacted(writer->options, message, &writer->redacted);
    if (shown.n <= MESSAGE_BYTES_MAX) {
        return shown.p == message.p ? shown : fl_str_dup(&writer->scratch, shown);
    }
    d->is_cut = true;
    fl_str head = fl_str_clip(shown, MESSAGE_BYTES_MAX);
    char bytes[MESSAGE_BYTES_MAX + 64];
    fl_buf text = {.p = bytes, .capacity = sizeof bytes, .max_bytes = sizeof bytes};
    fl_buf_add_str(&text, head);
    fl_buf_add_str(&text, FL_S("…[+"));
    fl_buf_add_u64(&text, shown.n - head.n);
    fl_buf_add_str(&text, FL_S(" bytes]"));
    return fl_str_dup(&writer->scratch, fl_buf_str(&text));
}

static void fill_cause(bedrock_writer *writer, draft *d, const bedrock_segment *from)
{
    if (from->exception_type.p == NULL) {
        return;
    }
    d->exception = (fl_exception){
        .id = from->exception_id,
        .type = bedrock_clip(&writer->scratch, from->exception_type, NAME_CHARS_MAX),
        .message = clip_message(writer, d, from->exception_message),
        .remote = FL_TRUE,
    };
    d->cause = (fl_cause){.exceptions = &d->exception, .exception_count = 1};
    d->segment.cause = &d->cause;
}

/* Account and region are told by the ARN of the agent itself, the last of the path that is one. */
static bedrock_arn arn_of(const bedrock_scope *scope)
{
    bedrock_arn arn = {0};
    for (uint32_t i = scope->path.count; i > 0 && arn.region.p == NULL; i--) {
        arn = bedrock_arn_of(scope->path.elements[i - 1]);
    }
    return arn;
}

static fl_str unless_empty(fl_arena *arena, fl_str text, size_t most)
{
    return text.n > 0 ? bedrock_clip(arena, text, most) : (fl_str){0};
}

static fl_str request_id_of(const bedrock_step *step)
{
    if (step == NULL) {
        return (fl_str){0};
    }
    return step->segment.kind == BEDROCK_FLOW_ACTION
               ? bedrock_text_of(step->output, FL_S("requestId"))
               : step->metadata.client_request_id;
}

static void fill_aws(bedrock_writer *writer, draft *d, const bedrock_segment *from)
{
    fl_arena *arena = &writer->scratch;
    bedrock_arn arn = arn_of(from->scope);
    d->aws = (fl_aws){
        .operation = bedrock_kinds[from->kind].action,
        .request_id = unless_empty(arena, request_id_of(from->step), REQUEST_CHARS_MAX),
        .account_id = unless_empty(arena, arn.account, NAME_CHARS_MAX),
        .region = unless_empty(arena, arn.region, NAME_CHARS_MAX),
    };
    d->segment.aws = &d->aws;
}

static void fill_http(draft *d, const bedrock_segment *from)
{
    if (from->step != NULL && from->http_status >= HTTP_STATUS_MIN &&
        from->http_status <= HTTP_STATUS_MAX) {
        d->http = (fl_http){.status = from->http_status, .content_length = FL_INT_NONE};
        d->segment.http = &d->http;
    }
}

static fl_bool3 flag(bool set)
{
    return set ? FL_TRUE : FL_ABSENT;
}

/* All but annotations and metadata. */
static void begin_draft(bedrock_writer *writer, draft *d, const bedrock_run *run,
                        const bedrock_segment *from)
{
    fl_str origin = bedrock_kinds[from->kind].origin;
    *d = (draft){.parts = {true, true, true}};
    fl_buf_reset(&writer->name);
    bedrock_segment_name(from, writer->options, &writer->name);
    d->segment = (fl_segment){
        .trace_id = run->trace_id,
        .id = from->id,
        .parent_id = from->parent != NULL ? from->parent->id : writer->options->parent_id,
        .name = fl_buf_str(&writer->name),
        .start_ns = from->start_ns,
        .end_ns = from->in_progress ? FL_TIME_NONE : from->end_ns,
        .error = flag(from->error),
        .throttle = flag(from->throttle),
        .fault = flag(from->fault),
        .origin = origin.n > 0 ? origin : (fl_str){0},
    };
    fill_http(d, from);
    fill_aws(writer, d, from);
    fill_cause(writer, d, from);
    d->view = (bedrock_view){
        .run = run,
        .segment = from,
        .step = from->step,
        .scope = from->scope,
        .options = writer->options,
        .arena = &writer->scratch,
        .redacted = &writer->redacted,
    };
}

/* ---- Fitting */

/* Writes the document into writer->text; whether it has room there is the buffer's status. */
static fl_status render(bedrock_writer *writer, draft *d, size_t limit_bytes, fl_err *err)
{
    bedrock_content *content = &writer->content;
    content->limit_bytes = limit_bytes;
    content->is_cut = false;
    fl_buf_reset(&writer->metadata);
    fl_buf_reset(&writer->text);
    if (d->view.step != NULL) {
        write_metadata(writer, d->view.step, d->parts);
    }
    content->wants_long_texts = false; /* they are noted once, before anything is cut further */
    if (writer->metadata.status == FL_E_TOO_LARGE) {
        writer->text.status = FL_E_TOO_LARGE;
        return FL_OK;
    }
    d->segment.metadata = writer->metadata.n > 0 ? fl_buf_str(&writer->metadata) : (fl_str){0};
    d->view.marks.content_truncated = d->is_cut || content->is_cut;
    FL_TRY(bedrock_annotate(&d->view, &d->segment.annotations, &d->segment.annotation_count, err));
    fl_segment_emit(&d->segment, &writer->text);
    if (writer->metadata.status == FL_E_NOMEM || writer->text.status == FL_E_NOMEM) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a document");
    }
    return FL_OK;
}

static bool fits(const bedrock_writer *writer)
{
    return writer->text.status == FL_OK;
}

/* The limit before the first halving: no text of more bytes than a document has can be in one. */
static size_t first_limit(const fl_bedrock_options *options)
{
    return options->content == FL_BEDROCK_CONTENT_FULL ? FL_BEDROCK_DOCUMENT_MAX
                                                       : options->max_text_bytes;
}

static size_t halve_texts(bedrock_writer *writer, draft *d, fl_status *status, fl_err *err)
{
    size_t limit_bytes = first_limit(writer->options);
    do {
        limit_bytes /= 2;
        *status = render(writer, d, limit_bytes, err);
    } while (*status == FL_OK && !fits(writer) && limit_bytes >= TEXT_LIMIT_MIN);
    return limit_bytes;
}

static fl_status drop_parts(bedrock_writer *writer, draft *d, size_t limit_bytes, fl_err *err)
{
    bool *const order[] = {&d->parts.output, &d->parts.input, &d->parts.rationale};
    for (size_t i = 0; i < sizeof order / sizeof order[0] && !fits(writer); i++) {
        *order[i] = false;
        FL_TRY(render(writer, d, limit_bytes, err));
    }
    return FL_OK;
}

/* Takes the last annotation out, but the one that tells that something is missing. */
static bool drop_annotation(fl_segment *segment)
{
    uint32_t last = segment->annotation_count;
    while (last > 0 && fl_str_eq(segment->annotations[last - 1].key, bedrock_size_limited_key)) {
        last--;
    }
    if (last == 0) {
        return false;
    }
    memmove(&segment->annotations[last - 1], &segment->annotations[last],
            (segment->annotation_count - last) * sizeof *segment->annotations);
    segment->annotation_count--;
    return true;
}

/* Makes the document smaller until it fits (spec §3.15). */
static fl_status shrink(bedrock_writer *writer, draft *d, fl_err *err)
{
    fl_status status;
    d->view.marks.size_limited = true;
    size_t limit_bytes = halve_texts(writer, d, &status, err);
    FL_TRY(status);
    FL_TRY(drop_parts(writer, d, limit_bytes, err));
    while (!fits(writer) && drop_annotation(&d->segment)) {
        fl_buf_reset(&writer->text);
        fl_segment_emit(&d->segment, &writer->text);
    }
    if (!fits(writer)) {
        FL_FAIL(err, FL_E_TOO_LARGE, "a segment has no form of at most %d bytes",
                FL_BEDROCK_DOCUMENT_MAX);
    }
    return FL_OK;
}

/* ---- Content subsegments */

/* Where the piece of text that begins at `at` ends: as much as fits, between characters. */
static size_t piece_end(fl_str text, size_t at)
{
    char bytes[16];
    size_t end = at;
    size_t encoded = 0;
    while (end < text.n) {
        size_t next = end;
        fl_buf one = {.p = bytes, .capacity = sizeof bytes, .max_bytes = sizeof bytes};
        (void)fl_utf8_next(text, &next);
        fl_buf_add_escaped(&one, (fl_str){text.p + end, next - end});
        if (encoded + one.n > PIECE_BYTES_MAX) {
            break;
        }
        encoded += one.n;
        end = next;
    }
    return end;
}

typedef struct piece {
    fl_str path, text;
    uint32_t part, parts; /* from 1 */
} piece;

static void write_piece_metadata(fl_buf *out, const piece *p)
{
    fl_jw w = fl_jw_of(out);
    fl_buf_reset(out);
    fl_jw_open(&w, '{');
    fl_jw_key(&w, FL_S("bedrock"));
    fl_jw_open(&w, '{');
    fl_jw_key_str(&w, FL_S("path"), p->path);
    fl_jw_key_i64(&w, FL_S("part"), p->part);
    fl_jw_key_i64(&w, FL_S("parts"), p->parts);
    fl_jw_key_str(&w, FL_S("text"), p->text);
    fl_jw_close(&w, '}');
    fl_jw_close(&w, '}');
}

static fl_status give_piece(bedrock_writer *writer, const draft *d, const piece *p,
                            const fl_bedrock_sink *sink, fl_err *err)
{
    const bedrock_segment *of = d->view.segment;
    write_piece_metadata(&writer->metadata, p);
    fl_segment subsegment = {
        .trace_id = d->segment.trace_id,
        .id = bedrock_content_id(d->view.run, writer->options, of, p->path, p->part),
        .parent_id = d->segment.id,
        .name = FL_S("content"),
        .start_ns = d->segment.start_ns,
        .end_ns = d->segment.end_ns,
        .is_subsegment = true,
        .metadata = fl_buf_str(&writer->metadata),
    };
    fl_buf_reset(&writer->text);
    fl_segment_emit(&subsegment, &writer->text);
    if (writer->metadata.status != FL_OK || writer->text.status != FL_OK) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a document");
    }
    const fl_bedrock_document document = {
        .text = fl_buf_str(&writer->text),
        .trace_id = subsegment.trace_id,
        .id = subsegment.id,
        .parent_id = subsegment.parent_id,
        .name = subsegment.name,
        .start_ns = subsegment.start_ns,
        .end_ns = subsegment.end_ns,
        .time_source = of->time_source,
        .index = of->index,
        .parent_index = of->index,
        .is_content = true,
    };
    return sink->document(sink->user, &document, err);
}

static uint32_t piece_count(fl_str text)
{
    uint32_t count = 0;
    for (size_t at = 0; at < text.n; at = piece_end(text, at)) {
        count++;
    }
    return count;
}

static fl_status give_long_text(bedrock_writer *writer, const draft *d,
                                const bedrock_long_text *noted, const fl_bedrock_sink *sink,
                                uint32_t *given, fl_err *err)
{
    fl_str text = noted->is_secret
                      ? bedrock_redacted(writer->options, noted->text, &writer->redacted)
                      : noted->text;
    piece p = {.path = noted->path, .parts = piece_count(text)};
    for (size_t at = 0; at < text.n; at += p.text.n) {
        p.text = (fl_str){text.p + at, piece_end(text, at) - at};
        p.part++;
        FL_TRY(give_piece(writer, d, &p, sink, err));
        ++*given;
    }
    return FL_OK;
}

/* ---- Giving */

static fl_status give_segment(bedrock_writer *writer, const draft *d, const fl_bedrock_sink *sink,
                              fl_err *err)
{
    const bedrock_segment *from = d->view.segment;
    const fl_bedrock_document document = {
        .text = fl_buf_str(&writer->text),
        .trace_id = d->segment.trace_id,
        .id = d->segment.id,
        .parent_id = d->segment.parent_id,
        .name = d->segment.name,
        .start_ns = d->segment.start_ns,
        .end_ns = d->segment.end_ns,
        .time_source = from->time_source,
        .flags = {from->error, from->throttle, from->fault},
        .index = from->index,
        .parent_index = from->parent != NULL ? from->parent->index : UINT32_MAX,
    };
    return sink->document(sink->user, &document, err);
}

static void begin_content(bedrock_writer *writer)
{
    const fl_bedrock_options *options = writer->options;
    bedrock_content *content = &writer->content;
    content->options = options;
    content->arena = &writer->scratch;
    content->redacted = &writer->redacted;
    content->out = &writer->metadata;
    content->wants_long_texts = options->split_overflow && bedrock_content_is_shown(options);
    content->long_first = NULL;
    content->long_last = &content->long_first;
}

static size_t limit_of(const fl_bedrock_options *options)
{
    return options->content == FL_BEDROCK_CONTENT_TRUNCATE ? options->max_text_bytes : SIZE_MAX;
}

/* Whether the text differs from the one that *seen tells of, which is brought up to date. */
static bool is_news(fl_str text, uint64_t *seen)
{
    uint64_t hash = fl_hash64(text.p, text.n, 0);
    hash += hash == 0; /* 0 is for none */
    bool differs = *seen != hash;
    *seen = hash;
    return differs;
}

fl_status bedrock_write(bedrock_writer *writer, const bedrock_run *run,
                        const bedrock_segment *segment, const fl_bedrock_sink *sink, uint64_t *seen,
                        uint32_t *given, fl_err *err)
{
    draft d;
    fl_arena_reset(&writer->scratch);
    begin_content(writer);
    begin_draft(writer, &d, run, segment);
    FL_TRY(render(writer, &d, limit_of(writer->options), err));
    if (!fits(writer)) {
        FL_TRY(shrink(writer, &d, err));
    }
    *given = 0;
    if (seen != NULL && !is_news(fl_buf_str(&writer->text), seen)) {
        return FL_OK;
    }
    FL_TRY(give_segment(writer, &d, sink, err));
    *given = 1;
    for (const bedrock_long_text *text = writer->content.long_first; text != NULL;
         text = text->next) {
        FL_TRY(give_long_text(writer, &d, text, sink, given, err));
    }
    return FL_OK;
}
