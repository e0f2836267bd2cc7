#include "codec/codec.h"
#include "trace/segment.h"

/* Any text is taken or refused; what is taken is emitted to a text that decodes to the same, and
 * packed to bytes that unpack to the same. */

#define ARENA_BYTES ((size_t)512 << 20)
#define NOW_NS      (INT64_C(1795360400) * FL_NS_PER_S)

static void check_same(const fl_segment *segment, fl_str emitted, const char *what)
{
    fl_buf again;
    fl_buf_init(&again, SIZE_MAX);
    fl_segment_emit(segment, &again);
    if (!fl_str_eq(emitted, fl_buf_str(&again))) {
        fl_bug(what);
    }
    fl_buf_fini(&again);
}

static void check_emit(fl_arena *arena, fl_str emitted)
{
    fl_limits limits = fl_limits_of(FL_PROFILE_OPEN, 0);
    fl_decoded decoded;
    limits.document_bytes = SIZE_MAX; /* what was mended may be longer */
    if (fl_segment_decode(arena, emitted, &limits, NOW_NS, &decoded, NULL) != FL_OK ||
        decoded.segment_count != 1) {
        fl_bug("what was emitted is refused");
    }
    check_same(decoded.segments, emitted, "decode and emit lose something");
}

static void check_pack(fl_arena *arena, const fl_segment *segment, fl_str emitted)
{
    fl_buf packed;
    fl_segment *unpacked;
    fl_buf_init(&packed, SIZE_MAX);
    fl_segment_pack(segment, &packed);
    if (fl_segment_unpack(arena, fl_buf_str(&packed), &unpacked, NULL) != FL_OK) {
        fl_bug("what was packed is refused");
    }
    check_same(unpacked, emitted, "pack and unpack lose something");
    fl_buf_fini(&packed);
}

static void check_decode(fl_str text, fl_profile profile)
{
    fl_limits limits = fl_limits_of(profile, 30 * 24 * INT64_C(3600) * FL_NS_PER_S);
    fl_arena arena;
    fl_decoded decoded;
    fl_arena_init(&arena, ARENA_BYTES);
    if (fl_segment_decode(&arena, text, &limits, NOW_NS, &decoded, NULL) != FL_OK) {
        fl_bug("out of memory on a small text");
    }
    if (decoded.segment_count + decoded.reject_count == 0) {
        fl_bug("neither taken nor refused");
    }
    for (size_t i = 0; i < decoded.segment_count; i++) {
        fl_buf emitted;
        fl_buf_init(&emitted, SIZE_MAX);
        fl_segment_emit(&decoded.segments[i], &emitted);
        check_emit(&arena, fl_buf_str(&emitted));
        check_pack(&arena, &decoded.segments[i], fl_buf_str(&emitted));
        fl_buf_fini(&emitted);
    }
    fl_arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    fl_str text = {(const char *)bytes, n};
    check_decode(text, FL_PROFILE_OPEN);
    check_decode(text, FL_PROFILE_AWS);
    return 0;
}
