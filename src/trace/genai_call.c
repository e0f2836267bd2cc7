/* A call of a model or a tool, as the annotations of its segment tell it (spec bedrock.md §4.1). */
#include "codec/codec.h"
#include "trace/genai_int.h"

#define NS_PER_US 1000

const fl_annotation *fl_genai_annotation(const fl_segment *segment, fl_str key)
{
    for (uint32_t i = 0; i < segment->annotation_count; i++) {
        if (fl_str_eq(segment->annotations[i].key, key)) {
            return &segment->annotations[i];
        }
    }
    return NULL;
}

fl_str fl_genai_annotation_text(const fl_segment *segment, fl_str key)
{
    const fl_annotation *found = fl_genai_annotation(segment, key);
    if (found == NULL) {
        return (fl_str){0};
    }
    if (found->kind == FL_ANNOTATION_BOOL) {
        return found->boolean ? FL_S("true") : FL_S("false");
    }
    return found->text.n > 0 ? found->text : (fl_str){0};
}

/* The number as sent; absent for an annotation of another kind. */
static fl_str number_of(const fl_segment *segment, const char *key)
{
    const fl_annotation *found = fl_genai_annotation(segment, fl_str_of(key));
    return found != NULL && found->kind == FL_ANNOTATION_NUMBER ? found->text : (fl_str){0};
}

/* A count of something: a whole number from 0. False if there is none, and *out is 0 then. */
static bool read_count(const fl_segment *segment, const char *key, uint64_t *out)
{
    int64_t value;
    bool ok = fl_json_i64(number_of(segment, key), &value) && value >= 0;
    *out = ok ? (uint64_t)value : 0;
    return ok;
}

/* A number from 0 to nine decimals, in 1e-9; false if there is none. */
static bool read_nano(const fl_segment *segment, const char *key, int64_t *out)
{
    int64_t value;
    bool ok = fl_json_ns(number_of(segment, key), &value) && value >= 0;
    *out = ok ? value : 0;
    return ok;
}

static bool calls_a_model(const fl_segment *segment, bool has_tokens)
{
    fl_str kind = fl_genai_annotation_text(segment, FL_S("genai_kind"));
    return has_tokens || fl_str_eq(kind, FL_S("llm")) ||
           (kind.p == NULL && fl_genai_annotation(segment, FL_S("model")) != NULL);
}

static int64_t length_us(const fl_segment *segment)
{
    int64_t ns;
    if (!fl_segment_is_complete(segment)) {
        return FL_INT_NONE;
    }
    bool forward = !__builtin_sub_overflow(segment->end_ns, segment->start_ns, &ns) && ns > 0;
    return forward ? ns / NS_PER_US : 0;
}

void fl_genai_call_read(const fl_segment *segment, fl_genai_call *out)
{
    fl_genai_call call = {.tool_latency_us = FL_INT_NONE};
    int64_t latency_nano;
    bool has_prompt = read_count(segment, "prompt_tokens", &call.prompt_tokens);
    bool has_completion = read_count(segment, "completion_tokens", &call.completion_tokens);
    call.has_tokens = has_prompt || has_completion;
    call.is_model_call = calls_a_model(segment, call.has_tokens);
    call.is_tool_call = fl_genai_annotation_text(segment, FL_S("tool_name")).p != NULL;
    const fl_annotation *timeout = fl_genai_annotation(segment, FL_S("timeout"));
    call.timeout = timeout != NULL && timeout->kind == FL_ANNOTATION_BOOL && timeout->boolean;
    (void)read_count(segment, "retry_count", &call.retries);
    call.has_cost = read_nano(segment, "cost_usd", &call.cost_nano);
    if (read_nano(segment, "tool_latency_ms", &latency_nano)) {
        call.tool_latency_us = latency_nano / FL_NS_PER_MS; /* 1e-9 of a millisecond */
    }
    call.length_us = length_us(segment);
    call.flags = fl_segment_flags(segment);
    *out = call;
}
