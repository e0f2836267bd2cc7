/* What guardrail traces say (spec §1.8, §3.11, §3.12). */
#include "bedrock/write_int.h"

/* Lists of findings in an assessment, in their order: policy, list, what a finding is called: by
 * the member `named_by` behind the prefix, or by the prefix alone. */
static const struct finding_list {
    const char *policy, *list, *named_by;
    fl_str prefix;
} finding_lists[] = {
    {"contentPolicy", "filters", "type", FL_S("content:")},
    {"topicPolicy", "topics", "name", FL_S("topic:")},
    {"wordPolicy", "customWords", NULL, FL_S("word:custom")},
    {"wordPolicy", "managedWordLists", "type", FL_S("word:")},
    {"sensitiveInformationPolicy", "piiEntities", "type", FL_S("pii:")},
    {"sensitiveInformationPolicy", "regexes", "name", FL_S("regex:")},
};

#define LISTS (sizeof finding_lists / sizeof finding_lists[0])

static const char *const sides[] = {"inputAssessments", "outputAssessments"};

typedef void visit_fn(void *user, const struct finding_list *list, yyjson_val *finding);

static void visit_assessment(yyjson_val *assessment, visit_fn *visit, void *user)
{
    for (size_t i = 0; i < LISTS; i++) {
        yyjson_val *policy = fl_json_get(assessment, fl_str_of(finding_lists[i].policy));
        yyjson_val *list = fl_json_get(policy, fl_str_of(finding_lists[i].list));
        yyjson_arr_iter findings = yyjson_arr_iter_with(list);
        for (yyjson_val *finding; (finding = yyjson_arr_iter_next(&findings)) != NULL;) {
            visit(user, &finding_lists[i], finding);
        }
    }
}

static void visit_findings(yyjson_val *guardrail, visit_fn *visit, void *user)
{
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
        yyjson_arr_iter side = yyjson_arr_iter_with(fl_json_get(guardrail, fl_str_of(sides[i])));
        for (yyjson_val *assessment; (assessment = yyjson_arr_iter_next(&side)) != NULL;) {
            visit_assessment(assessment, visit, user);
        }
    }
}

/* ---- Verdict */

typedef struct actions {
    bool any, blocked;
} actions;

static void see_action(void *user, const struct finding_list *list, yyjson_val *finding)
{
    (void)list;
    actions *seen = user;
    fl_str action = bedrock_text_of(finding, FL_S("action"));
    seen->any |= action.n > 0;
    seen->blocked |= fl_str_eq(action, FL_S("BLOCKED"));
}

/* How much a side says: nothing, that it was looked at, what was found. */
static int weight_of(yyjson_val *assessments)
{
    yyjson_arr_iter each = yyjson_arr_iter_with(assessments);
    int weight = yyjson_arr_size(assessments) > 0;
    for (yyjson_val *assessment; (assessment = yyjson_arr_iter_next(&each)) != NULL;) {
        if (yyjson_obj_size(assessment) > 0) {
            return 2;
        }
    }
    return weight;
}

static bool holds(fl_str text, fl_str part)
{
    return text.n > 0 && memmem(text.p, text.n, part.p, part.n) != NULL;
}

static const char *stage_of(yyjson_val *guardrail, fl_str trace_id)
{
    if (holds(trace_id, FL_S("guardrail-pre"))) {
        return "input";
    }
    if (holds(trace_id, FL_S("guardrail-post"))) {
        return "output";
    }
    int input = weight_of(fl_json_get(guardrail, fl_str_of(sides[0])));
    int output = weight_of(fl_json_get(guardrail, fl_str_of(sides[1])));
    if (input == 0 && output == 0) {
        return "";
    }
    return input >= output ? "input" : "output";
}

bedrock_verdict bedrock_verdict_of(yyjson_val *guardrail, fl_str trace_id)
{
    fl_str action = bedrock_text_of(guardrail, FL_S("action"));
    actions seen = {0};
    visit_findings(guardrail, see_action, &seen);
    bedrock_verdict verdict = {
        .intervened = fl_str_eq(action, FL_S("INTERVENED")) ||
                      fl_str_eq(action, FL_S("GUARDRAIL_INTERVENED")),
        .stage = stage_of(guardrail, trace_id),
    };
    verdict.blocked = verdict.intervened && (seen.blocked || !seen.any);
    return verdict;
}

/* ---- Findings */

#define FINDINGS_ENOUGH_BYTES 4096 /* more than an annotation shows */

typedef struct findings {
    fl_buf *out;
    size_t begin;
} findings;

/* Whether the last of the findings, which begins at `last`, was there before. */
static bool is_repeated(const findings *f, size_t last)
{
    fl_str name = {f->out->p + last, f->out->n - last};
    fl_str before = {f->out->p + f->begin, last - f->begin};
    while (before.n > 0) {
        if (fl_str_eq(fl_str_cut(&before, ','), name)) {
            return true;
        }
    }
    return false;
}

static void add_finding(void *user, const struct finding_list *list, yyjson_val *finding)
{
    findings *f = user;
    fl_str name =
        list->named_by != NULL ? bedrock_text_of(finding, fl_str_of(list->named_by)) : (fl_str){0};
    if ((list->named_by != NULL && name.n == 0) || f->out->n - f->begin > FINDINGS_ENOUGH_BYTES) {
        return;
    }
    size_t before = f->out->n;
    if (before > f->begin) {
        fl_buf_add_byte(f->out, ',');
    }
    size_t last = f->out->n;
    fl_buf_add_str(f->out, list->prefix);
    fl_buf_add_str(f->out, fl_str_clip(name, FINDINGS_ENOUGH_BYTES));
    if (f->out->status == FL_OK && is_repeated(f, last)) {
        f->out->n = before;
    }
}

void bedrock_findings(yyjson_val *guardrail, fl_buf *out)
{
    findings f = {out, out->n};
    visit_findings(guardrail, add_finding, &f);
}
