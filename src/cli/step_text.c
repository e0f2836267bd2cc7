/* A step in words, and amounts as people write them. */
#include "cli/entity_text_int.h"
#include "cli/step_int.h"

static void add_word(fl_buf *out, fl_str separator, fl_str word)
{
    if (word.n > 0) {
        fl_buf_add_str(out, out->n > 0 ? separator : FL_S(""));
        fl_buf_add_str(out, word);
    }
}

/* The segment's name without the label of its agent or flow: `FinalResponse_YAWKLCIFTT`. */
static fl_str plain_name(const fl_step *step, fl_str name)
{
    const fl_str labels[] = {step->agent_id, step->agent_name, step->flow};
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        size_t n = labels[i].n;
        if (n > 0 && name.n > n + 1 && name.p[name.n - n - 1] == '_' &&
            fl_str_eq((fl_str){name.p + name.n - n, n}, labels[i])) {
            return (fl_str){name.p, name.n - n - 1};
        }
    }
    return name;
}

fl_str fl_step_agent(const fl_step *step)
{
    return step->agent_name.n > 0 ? step->agent_name : step->agent_id;
}

/* Absent if the annotations do not say. */
static fl_str annotated_subject(const fl_step *step)
{
    switch (step->kind) {
    case FL_STEP_RUN:
        return step->flow.n > 0 ? step->flow : fl_step_agent(step);
    case FL_STEP_MODEL:
        return step->model;
    case FL_STEP_TOOL:
        return step->tool_name;
    case FL_STEP_CALL:
        return step->collaborator;
    case FL_STEP_GUARDRAIL:
        return step->stage;
    case FL_STEP_OTHER:
        return fl_str_eq(step->genai_kind, FL_S("flow_node"))  ? step->flow_node
               : fl_str_eq(step->genai_kind, FL_S("reprompt")) ? step->reprompt_source
                                                               : step->exception;
    case FL_STEP_KINDS:
        break;
    }
    fl_bug("no kind of step");
}

fl_str fl_step_subject(const fl_step *step, const fl_segment *segment)
{
    fl_str subject = annotated_subject(step);
    return subject.n > 0 ? subject : plain_name(step, segment->name);
}

/* `us.anthropic.claude-3-haiku` → `claude-3-haiku`; only where the vendor is known to be one, for a
 * dot alone may belong to a version. */
static fl_str brief_model(const fl_step *step)
{
    fl_str rest = fl_genai_model_without_region(step->model);
    bool has_vendor = fl_str_starts(rest, step->provider) && rest.n > step->provider.n + 1 &&
                      rest.p[step->provider.n] == '.';
    return step->provider.n > 0 && has_vendor
               ? (fl_str){rest.p + step->provider.n + 1, rest.n - step->provider.n - 1}
               : step->model;
}

void fl_step_target(const fl_step *step, const fl_segment *segment, bool brief, fl_buf *out)
{
    fl_str subject = fl_step_subject(step, segment);
    if (brief && step->kind == FL_STEP_MODEL && step->model.n > 0) {
        subject = brief_model(step);
    }
    if (annotated_subject(step).n == 0 && step->service.n > 0 && step->operation.n > 0) {
        fl_buf_add_str(out, step->service);
        fl_buf_add_byte(out, '/');
        subject = step->operation;
    }
    fl_buf_add_str(out, subject);
    if (step->kind == FL_STEP_RUN && step->agent_id.n > 0 && !fl_str_eq(subject, step->agent_id) &&
        fl_str_eq(subject, step->agent_name)) {
        fl_buf_add_str(out, FL_S(" ("));
        fl_buf_add_str(out, step->agent_id);
        fl_buf_add_byte(out, ')');
    } else if (step->flow_iteration.n > 0 && fl_str_eq(subject, step->flow_node)) {
        fl_buf_add_byte(out, ' ');
        fl_buf_add_str(out, step->flow_iteration);
    }
}

/* `PreProcess`, `GenerateAnswer`: which kind of model call, where it is not the usual one. */
static fl_str unusual_operation(const fl_segment *segment)
{
    fl_str operation = segment->aws != NULL ? segment->aws->operation : (fl_str){0};
    return fl_str_eq(operation, FL_S("InvokeModel")) ? (fl_str){0} : operation;
}

static void add_findings(const fl_step *step, fl_buf *out)
{
    fl_str rest = step->findings;
    while (rest.n > 0) {
        add_word(out, FL_S(", "), fl_str_cut(&rest, ','));
    }
}

void fl_step_hint(const fl_screen *screen, const fl_step *step, const fl_segment *segment,
                  fl_buf *out)
{
    if (step->kind == FL_STEP_GUARDRAIL) {
        add_findings(step, out);
    } else if (step->kind == FL_STEP_MODEL) {
        add_word(out, FL_S(" "), unusual_operation(segment));
    } else if (step->retrieved_count != FL_INT_NONE) {
        fl_count_text((uint64_t)step->retrieved_count, out);
        fl_buf_add_str(out, step->retrieved_count == 1 ? FL_S(" result") : FL_S(" results"));
    } else {
        add_word(out, FL_S(" "), step->conditions);
    }
    if (segment->http != NULL && (segment->is_subsegment || segment->http->status >= 400)) {
        fl_http_text(screen, segment->http, segment->http->url, out);
    }
}

void fl_step_tags(const fl_screen *screen, const fl_step *step, int64_t retries, fl_buf *out)
{
    if (retries > 0) {
        add_word(out, FL_S(" "), FL_S("retry "));
        fl_buf_add_str(out, fl_screen_glyph(screen, FL_GLYPH_TIMES));
        fl_count_text((uint64_t)retries, out);
    }
    add_word(out, FL_S(" "), step->timed_out ? FL_S("timeout") : FL_S(""));
    add_word(out, FL_S(" "),
             step->blocked      ? FL_S("blocked")
             : step->intervened ? FL_S("intervened")
                                : FL_S(""));
    add_word(out, FL_S(" "), step->waits ? FL_S("incomplete") : FL_S(""));
    add_word(out, FL_S(" "), step->return_control ? FL_S("returned control") : FL_S(""));
}

/* ---- Amounts */

static void add_capped(int64_t *sum, int64_t more)
{
    if (__builtin_add_overflow(*sum, more, sum)) {
        *sum = INT64_MAX;
    }
}

void fl_spend_add(fl_spend *sum, const fl_spend *more)
{
    add_capped(&sum->prompt_tokens, more->prompt_tokens);
    add_capped(&sum->completion_tokens, more->completion_tokens);
    add_capped(&sum->cost_nano, more->cost_nano);
    sum->has_tokens |= more->has_tokens;
    sum->has_cost |= more->has_cost;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void fl_spend_raise(fl_spend *sum, const fl_spend *other)
{
    sum->prompt_tokens = larger(sum->prompt_tokens, other->prompt_tokens);
    sum->completion_tokens = larger(sum->completion_tokens, other->completion_tokens);
    sum->cost_nano = larger(sum->cost_nano, other->cost_nano);
    sum->has_tokens |= other->has_tokens;
    sum->has_cost |= other->has_cost;
}

void fl_count_text(uint64_t count, fl_buf *out)
{
    uint64_t power = 1;
    while (count / power >= 1000) {
        power *= 1000;
    }
    fl_buf_add_u64(out, count / power);
    for (power /= 1000; power > 0; power /= 1000) {
        uint64_t group = count / power % 1000;
        fl_buf_add_byte(out, ',');
        fl_buf_add_byte(out, (char)('0' + group / 100));
        fl_buf_add_byte(out, (char)('0' + group / 10 % 10));
        fl_buf_add_byte(out, (char)('0' + group % 10));
    }
}

void fl_tokens_text(const fl_screen *screen, const fl_spend *spend, fl_buf *out)
{
    fl_count_text((uint64_t)spend->prompt_tokens, out);
    fl_buf_add_str(out, screen->utf8 ? fl_screen_glyph(screen, FL_GLYPH_ARROW) : FL_S("/"));
    fl_count_text((uint64_t)spend->completion_tokens, out);
}

#define NANO_PER_UNIT INT64_C(1000000000)

/* Cents from a dollar on, below it hundredths of a cent. */
void fl_cost_text(int64_t nano, fl_buf *out)
{
    int decimals = nano < NANO_PER_UNIT ? 4 : 2;
    int64_t step = nano < NANO_PER_UNIT ? NANO_PER_UNIT / 10000 : NANO_PER_UNIT / 100;
    if (nano > 0 && nano < step) {
        fl_buf_add_str(out, FL_S("<$0.0001"));
        return;
    }
    int64_t steps = nano / step + (nano % step >= step / 2);
    int64_t per_unit = NANO_PER_UNIT / step;
    fl_buf_add_byte(out, '$');
    fl_count_text((uint64_t)(steps / per_unit), out);
    fl_buf_add_byte(out, '.');
    for (int64_t digit = per_unit / 10; decimals > 0; decimals--, digit /= 10) {
        fl_buf_add_byte(out, (char)('0' + steps / digit % 10));
    }
}
