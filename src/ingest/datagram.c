/* The daemon's datagram (segments.md §14): a header line, LF, one document. */
#include "ingest/ingest_int.h"

#define HEADER_ARENA_BYTES (64u * 1024)

/* The one spelling that every SDK sends, with and without blanks, needs no parser. */
static bool header_is_usual(fl_str line)
{
    return fl_str_eq(line, FL_S("{\"format\":\"json\",\"version\":1}")) ||
           fl_str_eq(line, FL_S("{\"format\": \"json\", \"version\": 1}"));
}

bool fl_daemon_header_ok(fl_str line)
{
    if (header_is_usual(line)) {
        return true;
    }
    fl_arena arena;
    fl_arena_init(&arena, HEADER_ARENA_BYTES);
    yyjson_val *root = NULL;
    int64_t version = 0;
    bool ok = fl_json_read(&arena, line, FL_JSON_STRICT, &root, NULL, NULL) == FL_OK &&
              fl_str_eq_nocase(fl_json_str(fl_json_get(root, FL_S("format"))), FL_S("json")) &&
              fl_json_i64(fl_json_number(fl_json_get(root, FL_S("version"))), &version) &&
              version == 1;
    fl_arena_fini(&arena);
    return ok;
}

fl_drop fl_datagram_open(fl_str datagram, bool truncated, fl_str *document)
{
    fl_str body = datagram;
    fl_str header = fl_str_trim(fl_str_cut(&body, '\n'));
    if (truncated) {
        return FL_DROP_TRUNCATED;
    }
    if (body.p == NULL || header.n == 0) {
        return FL_DROP_NO_HEADER;
    }
    if (!fl_daemon_header_ok(header)) {
        return FL_DROP_BAD_HEADER;
    }
    if (fl_str_trim(body).n == 0) {
        return FL_DROP_NO_BODY;
    }
    *document = body;
    return FL_DROP_COUNT;
}

void fl_ingest_udp_datagram(void *user, fl_str datagram, bool truncated)
{
    fl_lane *self = user;
    fl_str document;
    fl_drop flaw = fl_datagram_open(datagram, truncated, &document);
    if (flaw == FL_DROP_COUNT && !fl_lane_has_room(self)) {
        flaw = FL_DROP_QUEUE_FULL;
    }
    if (flaw != FL_DROP_COUNT) {
        fl_ingest_drop(self->ingest, flaw, 1, FL_SOURCE_UDP);
        return;
    }
    fl_lane_take(self, document, FL_SOURCE_UDP);
}

void fl_ingest_udp_batch_end(void *user)
{
    /* A full batch need not wait for the next datagram or the timer. */
    (void)fl_lane_has_room(user);
}
