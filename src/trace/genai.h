/*
 * GenAI accounting: model names, prices, and what models and tools were used for. It works on the
 * annotations of a trace, whoever wrote them: the Bedrock converter, an SDK, OTLP. Pure.
 */
#ifndef FL_TRACE_GENAI_H
#define FL_TRACE_GENAI_H

#include "trace/assemble.h"

/* ---- Models */

/* The id of a model without what an ARN puts before it:
 * arn:aws:bedrock:us-west-2::foundation-model/meta.llama3 → meta.llama3. Borrows. */
fl_str fl_genai_model(fl_str id_or_arn);
/* Vendor in a model id, `us.anthropic.claude-3` → anthropic; absent if it tells none. Borrows. */
fl_str fl_genai_provider(fl_str model);
/* The id without the leading label of a region group (us., eu., …). Borrows. */
fl_str fl_genai_model_without_region(fl_str model);

/* ---- Prices. Amounts are in 1e-9 of the currency's unit, so that sums are exact. */

typedef struct fl_genai_prices fl_genai_prices;
/*
 * Price file: {"currency":"USD","per":1000000,"models":{"<model>":{"input":0.25,"output":1.25}}}.
 * currency may be left out; unknown members are ignored. A price is below 1e9 and has at most 27
 * digits; those beyond the 18th decimal are rounded. In arena. Errors: FL_E_INVALID, FL_E_SYNTAX
 * with the place and what is wrong; FL_E_NOMEM.
 */
FL_MUST fl_status fl_genai_prices_read(fl_arena *arena, fl_str json, fl_genai_prices **out,
                                       fl_err *err);
fl_str fl_genai_prices_currency(const fl_genai_prices *prices);
/* Cost of one call, rounded to the nearest 1e-9, halves up; tokens below 0 are absent ones and cost
 * nothing. False: no price for the model (looked up as it is, then without its region group),
 * prices is NULL, or the cost is beyond 9e9. */
bool fl_genai_cost(const fl_genai_prices *prices, fl_str model, int64_t prompt_tokens,
                   int64_t completion_tokens, int64_t *nano);

/* ---- Cardinality: what may become an index key for tenants, routes, experiments */

/* At most 64 characters of the value; in a route, path elements that are digits, UUIDs or 16 and
 * more hex digits become {id} before it is cut. Appended to out. */
void fl_genai_index_value(fl_str key, fl_str value, fl_buf *out);

/* ---- Usage report */

/*
 * What a report groups by: the annotation's key. A report by tool is of tool calls: segments with
 * `tool_name`. All others are of model calls: segments with `prompt_tokens` or `completion_tokens`,
 * of genai_kind `llm`, or with `model` and no kind. Nothing counts twice: total_* are never read.
 */
#define FL_GENAI_GROUP_TABLE(X)                                                                    \
    X(FL_GENAI_BY_MODEL, "model")                                                                  \
    X(FL_GENAI_BY_PROVIDER, "provider")                                                            \
    X(FL_GENAI_BY_AGENT_ID, "agent_id")                                                            \
    X(FL_GENAI_BY_TOOL_NAME, "tool_name")                                                          \
    X(FL_GENAI_BY_TENANT, "tenant")                                                                \
    X(FL_GENAI_BY_ROUTE, "route")                                                                  \
    X(FL_GENAI_BY_EXPERIMENT_ID, "experiment_id")

typedef enum fl_genai_group_by {
#define FL_GENAI_GROUP_ENUM(code, key) code,
    FL_GENAI_GROUP_TABLE(FL_GENAI_GROUP_ENUM)
#undef FL_GENAI_GROUP_ENUM
        FL_GENAI_GROUPS
} fl_genai_group_by;
const char *fl_genai_group_name(fl_genai_group_by by);
bool fl_genai_group_parse(fl_str name, fl_genai_group_by *out);

/* Sums of one group. Sums that would overflow stay at their maximum. */
typedef struct fl_genai_row {
    fl_str value;   /* absent: of the calls that have none */
    uint64_t calls; /* and how many of them failed or ran into a time limit: */
    uint64_t faults, errors, throttles, timeouts;
    uint64_t retries; /* sum of retry_count */
    uint64_t prompt_tokens, completion_tokens;
    int64_t cost_nano; /* sum of cost_usd, each rounded to 1e-9 */
    uint64_t unpriced; /* calls with tokens but without cost_usd */
    /* Of the calls that ended: tool_latency_ms in a report by tool, else the segment's length.
     * Nearest rank, within 2 %; 0 if none ended. */
    double p50_ms, p95_ms, p99_ms;
} fl_genai_row;

/* Where a value is cut, in bytes (tenant, route and experiment_id: see fl_genai_index_value). */
#define FL_GENAI_VALUE_MAX 256
#define FL_GENAI_OTHER     "(other)"

typedef struct fl_genai_usage fl_genai_usage;
/* In arena, which stays its memory: some kilobytes for each group. At most max_groups values are
 * kept apart; those that come later are summed under `(other)`. Errors: FL_E_NOMEM. */
FL_MUST fl_status fl_genai_usage_new(fl_arena *arena, fl_genai_group_by by, uint32_t max_groups,
                                     fl_genai_usage **out, fl_err *err);
/* Adds the calls of one assembled trace. tenant, route and experiment_id are its root's; a provider
 * that is not there follows from the model. Borrows. After an error (FL_E_NOMEM) the report is not
 * to be used. */
FL_MUST fl_status fl_genai_usage_add(fl_genai_usage *usage, const fl_trace *trace, fl_err *err);
/* Rows in arena, the costliest first, then by tokens, calls, value; *sum is all of them. Texts
 * borrow from usage. */
FL_MUST fl_status fl_genai_usage_rows(const fl_genai_usage *usage, fl_arena *arena,
                                      fl_genai_row **rows, size_t *count, fl_genai_row *sum,
                                      fl_err *err);

#endif
