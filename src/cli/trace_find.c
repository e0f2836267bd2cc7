#include "cli/traces_int.h"

#define PAGE_BYTES     ((size_t)512 << 20)
#define PREFIX_MIN     4     /* hex digits or so: less says nothing */
#define PREFIX_SCANNED 10000 /* newest traces that an abbreviated id is looked for in */

fl_status fl_summaries_each(fl_client *client, const fl_summaries_request *request,
                            fl_summary_taker take, void *user, fl_err *err)
{
    fl_arena page_arena;
    char token_copy[2048 + 1] = "";
    const char *token = NULL;
    bool wants_more = true;
    fl_status status = FL_OK;
    fl_arena_init(&page_arena, PAGE_BYTES);
    do {
        yyjson_val *page, *summary;
        size_t i, n;
        status = fl_client_summaries(client, &page_arena, request, &token, &page, err);
        if (status != FL_OK) {
            break;
        }
        yyjson_arr_foreach(page, i, n, summary)
        {
            wants_more = wants_more && take(user, summary);
        }
        if (token != NULL) { /* it lies in the page that is given back now */
            fl_str kept = fl_str_clip(fl_str_of(token), sizeof token_copy - 1);
            memcpy(token_copy, kept.p, kept.n);
            token_copy[kept.n] = '\0';
            token = token_copy;
        }
        fl_arena_reset(&page_arena);
    } while (wants_more && token != NULL);
    fl_arena_fini(&page_arena);
    return status;
}

/* A search for one trace by the beginning of its id. */
typedef struct search {
    fl_str prefix;
    fl_trace_id found;
    size_t matches, scanned;
    char examples[120]; /* ids that begin so, if several do */
} search;

static bool take_first(void *user, yyjson_val *summary)
{
    search *s = user;
    s->matches = fl_trace_id_parse(fl_json_str(fl_json_get(summary, FL_S("Id"))), &s->found);
    return s->matches == 0;
}

static bool take_if_prefix(void *user, yyjson_val *summary)
{
    search *s = user;
    fl_str id = fl_json_str(fl_json_get(summary, FL_S("Id")));
    bool begins = id.n > s->prefix.n && fl_str_eq_nocase((fl_str){id.p, s->prefix.n}, s->prefix);
    if (begins && fl_trace_id_parse(id, &s->found)) {
        size_t used = strlen(s->examples);
        snprintf(s->examples + used, sizeof s->examples - used, "%s%.*s", used > 0 ? ", " : "",
                 FL_P(id));
        s->matches++;
    }
    s->scanned++;
    return s->matches < 3 && s->scanned < PREFIX_SCANNED;
}

static bool is_prefix(fl_str text)
{
    size_t digits = 0;
    for (size_t i = 0; i < text.n; i++) {
        uint64_t digit;
        bool hex = fl_hex_read(text.p + i, 1, &digit);
        if (!hex && !(text.p[i] == '-' && (i == 1 || i == 10))) {
            return false;
        }
        digits += hex;
    }
    return digits >= PREFIX_MIN && text.n <= FL_TRACE_ID_TEXT_MAX;
}

fl_status fl_trace_id_find(fl_client *client, const char *given, int64_t now_ns, fl_trace_id *out,
                           fl_err *err)
{
    search s = {.prefix = fl_str_trim(fl_str_of(given))};
    if (fl_trace_id_parse(s.prefix, out)) {
        return FL_OK;
    }
    bool latest = fl_str_eq(s.prefix, FL_S("latest"));
    if (!latest && !is_prefix(s.prefix)) {
        FL_FAIL(err, FL_E_INVALID,
                "`%.40s` is no trace id; give one like 1-67a1b2c0-0a1b2c3d4e5f60718293a4b5, its "
                "beginning, or `latest`",
                given);
    }
    fl_summaries_request request = {
        .start_ns = 0, .end_ns = now_ns + 24 * 3600 * FL_NS_PER_S, .time_range_type = "TraceId"};
    FL_TRY(fl_summaries_each(client, &request, latest ? take_first : take_if_prefix, &s, err));
    if (s.matches > 1) {
        FL_FAIL(err, FL_E_INVALID, "more than one trace id begins with %.40s: %s", given,
                s.examples);
    }
    if (s.matches == 0 && latest) {
        FL_FAIL(err, FL_E_NOT_FOUND,
                "the server has no traces yet; `fluoro demo` sends some, `fluoro env` helps to "
                "send your own");
    }
    if (s.matches == 0) {
        FL_FAIL(err, FL_E_NOT_FOUND,
                "none of the newest %zu trace ids begins with %.40s; `fluoro traces` lists them",
                s.scanned, given);
    }
    *out = s.found;
    return FL_OK;
}
