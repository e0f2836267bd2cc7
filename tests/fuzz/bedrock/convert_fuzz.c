#include "bedrock/bedrock.h"

/*
 * Whatever the bytes are and in whatever pieces they come, every document that comes out is a valid
 * segment of valid UTF-8 that fits, runs are not interleaved, and the same input gives as many
 * documents whole as in pieces. The first byte chooses the options.
 */

#define BUDGET_BYTES ((size_t)256 << 20)

typedef struct outcome {
    uint64_t documents, hash;
    bool in_run;
} outcome;

static fl_status begin_run(void *user, const fl_bedrock_run *run, fl_err *err)
{
    outcome *o = user;
    (void)err;
    if (o->in_run || run->ordinal == 0) {
        fl_bug("runs are interleaved");
    }
    o->in_run = true;
    return FL_OK;
}

static fl_status end_run(void *user, const fl_bedrock_run *run, fl_err *err)
{
    (void)run;
    (void)err;
    ((outcome *)user)->in_run = false;
    return FL_OK;
}

static fl_status take_document(void *user, const fl_bedrock_document *document, fl_err *err)
{
    outcome *o = user;
    fl_arena arena;
    fl_decoded decoded;
    fl_limits limits = fl_limits_of(FL_PROFILE_OPEN, 0);
    (void)err;
    limits.future_ns = INT64_MAX;
    fl_arena_init(&arena, BUDGET_BYTES);
    if (!o->in_run || document->text.n > FL_BEDROCK_DOCUMENT_MAX ||
        !fl_utf8_valid(document->text)) {
        fl_bug("a document breaks a rule of all documents");
    }
    if (fl_segment_decode(&arena, document->text, &limits, document->start_ns, &decoded, NULL) !=
            FL_OK ||
        decoded.reject_count != 0 || decoded.segment_count != 1 ||
        decoded.segments[0].id != document->id || decoded.notes.annotations_dropped != 0) {
        fl_bug("a document is no valid segment");
    }
    o->documents++;
    o->hash = fl_hash64(document->text.p, document->text.n, o->hash);
    fl_arena_fini(&arena);
    return FL_OK;
}

static void take_diagnostic(void *user, const fl_bedrock_diagnostic *diagnostic)
{
    (void)user;
    if (diagnostic->message.n == 0 || !fl_utf8_valid(diagnostic->message)) {
        fl_bug("a message is empty or no UTF-8");
    }
}

static fl_bedrock_options options_of(unsigned choice)
{
    fl_bedrock_options options = fl_bedrock_options_default(INT64_C(1740000000000000000));
    options.mode = choice & 1 ? FL_BEDROCK_CHAIN : FL_BEDROCK_TREE;
    options.clock = choice & 2 ? FL_BEDROCK_CLOCK_SYNTHETIC : FL_BEDROCK_CLOCK_AUTO;
    options.content = (fl_bedrock_content)(choice >> 2 & 3);
    options.split_overflow = choice & 16;
    options.max_text_bytes = choice & 32 ? 70 : options.max_text_bytes;
    options.held_bytes = choice & 64 ? 0 : options.held_bytes;
    options.core_annotations = choice & 128;
    options.max_bytes = BUDGET_BYTES;
    return options;
}

static outcome convert(const fl_bedrock_options *options, fl_str text, size_t piece)
{
    outcome o = {0};
    fl_bedrock *converter;
    const fl_bedrock_sink sink = {&o, begin_run, take_document, end_run, take_diagnostic};
    if (fl_bedrock_new(options, &sink, &converter, NULL) != FL_OK) {
        fl_bug("no memory");
    }
    for (size_t at = 0; at < text.n; at += piece) {
        size_t n = text.n - at < piece ? text.n - at : piece;
        if (fl_bedrock_feed(converter, (fl_str){text.p + at, n}, NULL) != FL_OK) {
            fl_bug("bad input is an error instead of a diagnostic");
        }
    }
    if (fl_bedrock_finish(converter, NULL) != FL_OK) {
        fl_bug("bad input is an error instead of a diagnostic");
    }
    fl_bedrock_free(converter);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n == 0) {
        return 0;
    }
    fl_str text = {(const char *)bytes + 1, n - 1};
    fl_bedrock_options options = options_of(bytes[0]);
    outcome whole = convert(&options, text, SIZE_MAX / 2);
    outcome pieces = convert(&options, text, bytes[0] % 61 + 1);
    if (whole.documents != pieces.documents || whole.hash != pieces.hash) {
        fl_bug("a split changes the documents");
    }
    options.follow = true;
    (void)convert(&options, text, 512);
    return 0;
}
