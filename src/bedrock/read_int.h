/*
 * The parts of reading among themselves: bytes → values (read*.c), a value → what it is
 * (recognise.c), what it is → normalised events (normalise*.c).
 */
#ifndef FL_BEDROCK_READ_INT_H
#define FL_BEDROCK_READ_INT_H

#include "bedrock/event_int.h"

/* A fl_str in a static table, and the rows of one. */
#define BEDROCK_NAME(literal)                                                                      \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }
#define BEDROCK_COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

/* What was read so far, for the end: was there a trace at all, and if not, what was there? */
typedef struct bedrock_seen {
    bool trace; /* an event that carries a trace, though maybe an empty one */
    uint64_t kinds[BEDROCK_EVENT_KINDS];
    uint64_t model_logs;
} bedrock_seen;

typedef enum bedrock_phase { BEDROCK_DETECTING, BEDROCK_JSON, BEDROCK_STREAM } bedrock_phase;

typedef enum bedrock_json_state {
    BEDROCK_BETWEEN,   /* values */
    BEDROCK_INSIDE,    /* a value, whose bytes so far are held */
    BEDROCK_WRONG,     /* a broken value is held until it is known what it is instead of JSON */
    BEDROCK_SKIP_LINE, /* to the line behind that of a broken value's beginning */
} bedrock_json_state;

typedef enum bedrock_list_state { /* of the array at the top */
                                  BEDROCK_NO_LIST,
                                  BEDROCK_LIST_BEGUN, /* behind [ */
                                  BEDROCK_LIST_NEXT,  /* behind an element */
                                  BEDROCK_LIST_ITEM,  /* behind a comma */
} bedrock_list_state;

typedef struct bedrock_held {
    fl_buf bytes;
    size_t taken; /* their memory, as it was taken from the budget */
} bedrock_held;

typedef struct bedrock_json {
    bedrock_json_state state;
    bedrock_list_state list;
    fl_bedrock_place list_place; /* of its bracket */
    fl_json_check check;         /* of the value that is held */
    fl_json_check_result wrong;  /* WRONG: what the check said, and where in the held bytes */
    size_t wrong_at;
    bedrock_held again;    /* what was held of a broken value, to be read again from … */
    size_t again_from;     /* … this byte */
    uint64_t next_line;    /* offset of the next line's begin; not known if not ahead */
    uint64_t searched;     /* offset: no line's end is before it that is ahead, nor next_line */
    uint64_t slowly_until; /* offset: many values on a line are not taken line by line */
} bedrock_json;

typedef struct bedrock_stream { /* framing of §1.14 */
    uint32_t total;             /* length of the message whose prelude is read */
} bedrock_stream;

struct bedrock_reader {
    bedrock_reader_config config;
    bedrock_phase phase;
    bedrock_held held;   /* the beginning of what is not complete yet */
    fl_bedrock_place at; /* the first byte that is not read yet; held ones are not */
    bedrock_json json;
    bedrock_stream stream;
    bedrock_seen seen;
};

/* ---- read.c: what both formats need */

static inline bool bedrock_reader_over(const bedrock_reader *reader)
{
    return reader->config.diagnostics->over;
}
/* Goes over text: line, column and offset. */
void bedrock_place_advance(fl_bedrock_place *place, fl_str text);

/* Adds to the held bytes. What is too large is diagnosed, and reading is over. */
FL_MUST fl_status bedrock_reader_hold(bedrock_reader *reader, fl_str bytes, fl_err *err);
void bedrock_reader_let_go(bedrock_reader *reader); /* of what is held */
void bedrock_held_fini(bedrock_reader *reader, bedrock_held *held);

/* A value of about so many bytes of text, with one reference. NULL with FL_OK: too large, which was
 * diagnosed; reading is over. */
FL_MUST fl_status bedrock_value_new(bedrock_reader *reader, size_t text_bytes, bedrock_value **out,
                                    fl_err *err);
/* Why the value's arena gave nothing: FL_E_NOMEM, FL_E_BUSY (another's use of a shared budget), or
 * FL_OK after E_TOO_LARGE was diagnosed; reading is over then. */
FL_MUST fl_status bedrock_no_memory(bedrock_reader *reader, const fl_arena *arena,
                                    fl_bedrock_place place, fl_err *err);

/* ---- read_json.c, read_stream.c */

FL_MUST fl_status bedrock_json_feed(bedrock_reader *reader, fl_str bytes, fl_err *err);
FL_MUST fl_status bedrock_json_finish(bedrock_reader *reader, fl_err *err);
FL_MUST fl_status bedrock_stream_feed(bedrock_reader *reader, fl_str bytes, fl_err *err);
void bedrock_stream_finish(bedrock_reader *reader);
bool bedrock_is_frame(fl_str head); /* the first 12 bytes begin a message (spec §2.1) */

/* One JSON value of exactly this text, recognised. */
FL_MUST fl_status bedrock_json_take(bedrock_reader *reader, fl_str text, fl_bedrock_place place,
                                    fl_err *err);

/* ---- read_salvage.c */

/* Takes the events of a whole answer that are complete, though the text ends before the answer
 * does. The text begins where the reader stands. *salvaged: the list of events had begun. */
FL_MUST fl_status bedrock_salvage(bedrock_reader *reader, fl_str text, bool *salvaged, fl_err *err);

/* ---- recognise.c */

/* Where a value comes from: what its events have in common. */
typedef struct bedrock_origin {
    bedrock_reader *reader;
    bedrock_value *value;
    fl_bedrock_place place;
    fl_str text;      /* of the value, absent when the parsed one differs */
    const char *copy; /* the same text where the parsed strings are in it */
    fl_str session_id, execution_id, request_id; /* of the whole answer around it */
} bedrock_origin;

/* The way to a member, for messages; made on the stack. */
typedef struct bedrock_path {
    const struct bedrock_path *up; /* NULL at the value */
    fl_str name;                   /* absent: element `index` */
    size_t index;
} bedrock_path;

/* A whole value: an event in any form, a list of them, a whole answer. */
FL_MUST fl_status bedrock_recognise(const bedrock_origin *origin, yyjson_val *val, fl_err *err);
/* Elements of an answer's list. */
FL_MUST fl_status bedrock_recognise_element(const bedrock_origin *origin, const bedrock_path *path,
                                            yyjson_val *val, fl_err *err);
/* A message of the stream: the member that it is and its body. */
FL_MUST fl_status bedrock_recognise_message(const bedrock_origin *origin, fl_str name,
                                            yyjson_val *body, fl_err *err);
FL_MUST fl_status bedrock_recognise_exception(const bedrock_origin *origin,
                                              const bedrock_path *path, fl_str name,
                                              yyjson_val *body, fl_err *err);
/* Names of the members that hold a whole answer's events, and what else is kept of it. */
bool bedrock_is_answer_list(fl_str name);
void bedrock_answer_member(bedrock_origin *origin, fl_str name, yyjson_val *val);

/* ---- normalise.c, normalise_flow.c */

/* A node of a flow inside of which agent events came. */
typedef struct bedrock_dependency {
    fl_str name;
    int64_t time_ns;
} bedrock_dependency;

/* The part of an event that is the same for all that comes of it. */
bedrock_event bedrock_event_of(const bedrock_origin *origin, const bedrock_dependency *within);
FL_MUST fl_status bedrock_emit(const bedrock_origin *origin, bedrock_event *event, fl_err *err);

/* A TracePart: envelope and Trace union. */
FL_MUST fl_status bedrock_normalise_part(const bedrock_origin *origin, const bedrock_path *path,
                                         yyjson_val *part, const bedrock_dependency *within,
                                         fl_err *err);
/* A Trace union, with the envelope's members beside it or none. `bare` leaves alone what is no
 * member of it. */
FL_MUST fl_status bedrock_normalise_union(const bedrock_origin *origin, const bedrock_path *path,
                                          yyjson_val *trace, bool bare, fl_err *err);
/* The members of a step union at the top: the console's copy of an orchestrationTrace. */
FL_MUST fl_status bedrock_normalise_console(const bedrock_origin *origin, const bedrock_path *path,
                                            yyjson_val *step, fl_err *err);
bool bedrock_is_trace_member(fl_str name);
bool bedrock_is_step_member(fl_str name);

/* A member of a flow's events; path names it. */
FL_MUST fl_status bedrock_normalise_flow(const bedrock_origin *origin, const bedrock_path *path,
                                         yyjson_val *body, fl_err *err);
/* All such members of an object; a FlowTrace union, of which something is expected. */
FL_MUST fl_status bedrock_normalise_flow_members(const bedrock_origin *origin,
                                                 const bedrock_path *path, yyjson_val *object,
                                                 fl_err *err);
FL_MUST fl_status bedrock_normalise_flow_union(const bedrock_origin *origin,
                                               const bedrock_path *path, yyjson_val *trace,
                                               fl_err *err);
bool bedrock_is_flow_member(fl_str name); /* of §1.10 and §1.11 but for the auxiliary ones */
bool bedrock_is_flow_trace(fl_str name);  /* of §1.10 */

/* ---- member.c */

/* Members with the type that they must have. Another type is E_TYPE and then as if absent; null is
 * absent. */
fl_str bedrock_member_text(const bedrock_origin *origin, const bedrock_path *path,
                           yyjson_val *object, fl_str name);
yyjson_val *bedrock_member_object(const bedrock_origin *origin, const bedrock_path *path,
                                  yyjson_val *object, fl_str name);
yyjson_val *bedrock_member_list(const bedrock_origin *origin, const bedrock_path *path,
                                yyjson_val *object, fl_str name);
/* Not negative and whole; BEDROCK_INT_NONE without one. */
int64_t bedrock_member_count(const bedrock_origin *origin, const bedrock_path *path,
                             yyjson_val *object, fl_str name);
/* W_TIME for what is no time; FL_TIME_NONE without one. The second is for a value that was looked
 * up before. */
int64_t bedrock_member_time(const bedrock_origin *origin, const bedrock_path *path,
                            yyjson_val *object, fl_str name);
int64_t bedrock_time_at(const bedrock_origin *origin, const bedrock_path *up, fl_str name,
                        yyjson_val *val);
/* E_TYPE unless it is an object; NULL then. */
yyjson_val *bedrock_object_at(const bedrock_origin *origin, const bedrock_path *path,
                              yyjson_val *val);
void bedrock_type_error(const bedrock_origin *origin, const bedrock_path *path,
                        const char *expected, yyjson_val *val);
const char *bedrock_type_name(yyjson_val *val);

/* A warning about the member at a path: "<path> <what>". */
void bedrock_warn(const bedrock_origin *origin, fl_bedrock_code code, const bedrock_path *path,
                  const char *what);

#endif
