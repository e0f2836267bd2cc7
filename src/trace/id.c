#include "trace/id.h"

#include "codec/codec.h"

#define DAY_NS (86400 * FL_NS_PER_S)

int fl_trace_id_cmp(fl_trace_id a, fl_trace_id b)
{
    if (a.hi != b.hi) {
        return a.hi < b.hi ? -1 : 1;
    }
    return (a.lo > b.lo) - (a.lo < b.lo);
}

/* The finaliser of splitmix64: every bit of the input moves every bit of the output. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

uint64_t fl_trace_id_hash(fl_trace_id id)
{
    return mix(mix(id.hi + UINT64_C(0x9E3779B97F4A7C15)) ^ id.lo);
}

bool fl_trace_id_parse(fl_str text, fl_trace_id *out)
{
    uint64_t epoch;
    uint64_t middle;
    fl_trace_id id;
    const char *p = text.p;
    if (text.n == 32) {
        if (!fl_hex_read(p, 16, &id.hi) || !fl_hex_read(p + 16, 16, &id.lo)) {
            return false;
        }
    } else if (text.n == FL_TRACE_ID_TEXT_MAX && p[0] == '1' && p[1] == '-' && p[10] == '-') {
        if (!fl_hex_read(p + 2, 8, &epoch) || !fl_hex_read(p + 11, 8, &middle) ||
            !fl_hex_read(p + 19, 16, &id.lo)) {
            return false;
        }
        id.hi = epoch << 32 | middle;
    } else {
        return false;
    }
    if (fl_trace_id_is_none(id)) {
        return false;
    }
    *out = id;
    return true;
}

void fl_trace_id_emit(fl_trace_id id, fl_buf *out)
{
    fl_buf_add_str(out, FL_S("1-"));
    fl_buf_add_hex(out, id.hi >> 32, 8);
    fl_buf_add_byte(out, '-');
    fl_buf_add_hex(out, id.hi, 8);
    fl_buf_add_hex(out, id.lo, 16);
}

bool fl_segment_id_parse(fl_str text, uint64_t *out)
{
    uint64_t id;
    if (text.n != 16 || !fl_hex_read(text.p, 16, &id) || id == 0) {
        return false;
    }
    *out = id;
    return true;
}

/* The first second of the range has no floor inside it; its end stands for it. */
static int64_t floor_to_second(int64_t ns)
{
    int64_t past = ns % FL_NS_PER_S;
    int64_t down = past < 0 ? past + FL_NS_PER_S : past;
    return ns >= INT64_MIN + down ? ns - down : ns - past;
}

int64_t fl_trace_time_ns(fl_trace_id id, int64_t earliest_start_ns)
{
    int64_t epoch_ns = (int64_t)(id.hi >> 32) * FL_NS_PER_S;
    int64_t apart;
    bool near = !__builtin_sub_overflow(epoch_ns, earliest_start_ns, &apart) && apart >= -DAY_NS &&
                apart <= DAY_NS;
    return near ? epoch_ns : floor_to_second(earliest_start_ns);
}
