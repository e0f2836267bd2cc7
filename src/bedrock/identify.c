/* Ids that a second import of the same events finds again (spec §3.14). */
#include "bedrock/run_int.h"

#define NS_PER_US  1000
#define TOKEN_MAX  32
#define EPOCH_MASK UINT64_C(0xFFFFFFFF)

static uint64_t head_of(const unsigned char *digest)
{
    uint64_t head = 0;
    for (size_t i = 0; i < sizeof head; i++) {
        head = head << 8 | digest[i];
    }
    return head;
}

static fl_str mode_of(const fl_bedrock_options *options)
{
    return options->mode == FL_BEDROCK_CHAIN ? FL_S("chain") : FL_S("tree");
}

/* ---- Run key */

static void add_time(fl_buf *out, int64_t ns)
{
    if (ns == FL_TIME_NONE) {
        fl_buf_add_byte(out, '-');
    } else {
        fl_buf_add_i64(out, ns / NS_PER_US);
    }
}

static void add_flow_key(const bedrock_scope *flow, const fl_bedrock_options *options, fl_buf *out)
{
    fl_str execution = options->execution_id.n > 0 ? options->execution_id : flow->execution_id;
    if (execution.n > 0) {
        fl_buf_add_str(out, FL_S("x:"));
        fl_buf_add_str(out, execution);
        return;
    }
    fl_buf_add_str(out, FL_S("f:"));
    fl_buf_add_str(out, flow->label);
    fl_buf_add_byte(out, '|');
    add_time(out, flow->first_event_ns);
    fl_buf_add_byte(out, '|');
    fl_buf_add_str(out, flow->first_node_name);
}

static void add_session_key(const bedrock_scope *root, fl_buf *out)
{
    fl_buf_add_str(out, FL_S("s:"));
    fl_buf_add_str(out, root->first_session_id);
    fl_buf_add_byte(out, '|');
    if (root->path.count > 0) {
        fl_buf_add_str(out, root->path.elements[0]);
    }
    fl_buf_add_byte(out, '|');
    fl_buf_add_str(out, root->first_trace_id);
    fl_buf_add_byte(out, '|');
    add_time(out, root->first_event_ns);
}

void bedrock_run_key(const bedrock_run *run, const fl_bedrock_options *options, fl_buf *out)
{
    if (run->root->is_flow) {
        add_flow_key(run->root, options, out);
    } else if (run->root->invocation_id.n > 0) {
        fl_buf_add_str(out, run->root->invocation_id);
    } else {
        add_session_key(run->root, out);
    }
}

/* ---- Ids */

static fl_trace_id trace_id_of(const bedrock_run *run, const fl_bedrock_options *options)
{
    bool is_timed =
        options->clock != FL_BEDROCK_CLOCK_SYNTHETIC && run->first_time_ns != FL_TIME_NONE;
    int64_t ns = is_timed ? run->first_time_ns : options->now_ns;
    int64_t seconds = ns / FL_NS_PER_S - (ns % FL_NS_PER_S < 0);
    fl_str parts[] = {FL_S("fluoro-bedrock-trace"), mode_of(options), run->key};
    unsigned char digest[FL_SHA256_BYTES];
    fl_sha256_lines(parts, sizeof parts / sizeof parts[0], digest);
    return (fl_trace_id){((uint64_t)seconds & EPOCH_MASK) << 32 | head_of(digest) >> 32,
                         head_of(digest + 4)};
}

/* `e7`, `agent:2` or `flow`, into bytes. */
static fl_str token_of(const bedrock_segment *segment, char bytes[TOKEN_MAX])
{
    fl_buf token = {.p = bytes, .capacity = TOKEN_MAX, .max_bytes = TOKEN_MAX};
    if (segment->step != NULL) {
        fl_buf_add_byte(&token, 'e');
        fl_buf_add_u64(&token, segment->event_index);
    } else if (segment->scope->is_flow) {
        fl_buf_add_str(&token, FL_S("flow"));
    } else {
        fl_buf_add_str(&token, FL_S("agent:"));
        fl_buf_add_u64(&token, segment->scope->ordinal);
    }
    return fl_buf_str(&token);
}

static uint64_t id_of(const bedrock_run *run, const fl_bedrock_options *options, fl_str what,
                      fl_str token)
{
    fl_str parts[] = {what, mode_of(options), run->key, token};
    unsigned char digest[FL_SHA256_BYTES];
    fl_sha256_lines(parts, sizeof parts / sizeof parts[0], digest);
    return head_of(digest);
}

void bedrock_identify(bedrock_run *run, const fl_bedrock_options *options)
{
    run->trace_id =
        !fl_trace_id_is_none(options->trace_id) ? options->trace_id : trace_id_of(run, options);
    for (size_t i = 0; i < run->segment_count; i++) {
        bedrock_segment *segment = run->segments[i];
        char bytes[TOKEN_MAX];
        fl_str token = token_of(segment, bytes);
        segment->id = id_of(run, options, FL_S("fluoro-bedrock-seg"), token);
        segment->exception_id = segment->exception_type.p != NULL
                                    ? id_of(run, options, FL_S("fluoro-bedrock-exc"), token)
                                    : 0;
    }
}

#define PATH_MAX_BYTES 1024

#define ID_DIGITS 16

/* Stands for a path that is longer than what has room here: the head of its digest. */
static fl_str short_path(fl_str path, char digits[ID_DIGITS])
{
    if (path.n <= PATH_MAX_BYTES) {
        return path;
    }
    unsigned char digest[FL_SHA256_BYTES];
    fl_buf hex = {.p = digits, .capacity = ID_DIGITS, .max_bytes = ID_DIGITS};
    fl_sha256_lines(&path, 1, digest);
    fl_buf_add_hex(&hex, head_of(digest), ID_DIGITS);
    return fl_buf_str(&hex);
}

uint64_t bedrock_content_id(const bedrock_run *run, const fl_bedrock_options *options,
                            const bedrock_segment *segment, fl_str path, uint32_t part)
{
    char token_bytes[TOKEN_MAX];
    char digits[ID_DIGITS];
    char bytes[TOKEN_MAX + PATH_MAX_BYTES + TOKEN_MAX];
    fl_buf token = {.p = bytes, .capacity = sizeof bytes, .max_bytes = sizeof bytes};
    fl_buf_add_str(&token, token_of(segment, token_bytes));
    fl_buf_add_byte(&token, '/');
    fl_buf_add_str(&token, short_path(path, digits));
    fl_buf_add_byte(&token, '/');
    fl_buf_add_u64(&token, part);
    return id_of(run, options, FL_S("fluoro-bedrock-seg"), fl_buf_str(&token));
}
