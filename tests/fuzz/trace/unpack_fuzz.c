#include "trace/segment.h"

/* Any bytes are a packed segment or damaged; a segment is packed to bytes that unpack again. */

#define ARENA_BYTES ((size_t)256 << 20)

static void check_segment(fl_arena *arena, const fl_segment *segment)
{
    fl_buf packed;
    fl_buf again;
    fl_segment *unpacked;
    fl_buf_init(&packed, SIZE_MAX);
    fl_buf_init(&again, SIZE_MAX);
    fl_segment_pack(segment, &packed);
    if (fl_segment_unpack(arena, fl_buf_str(&packed), &unpacked, NULL) != FL_OK) {
        fl_bug("what was packed is refused");
    }
    fl_segment_pack(unpacked, &again);
    if (!fl_str_eq(fl_buf_str(&packed), fl_buf_str(&again))) {
        fl_bug("pack of unpack is no identity");
    }
    fl_buf_reset(&again);
    fl_segment_emit(segment, &again);
    fl_buf_fini(&packed);
    fl_buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    fl_arena arena;
    fl_segment *segment;
    fl_arena_init(&arena, ARENA_BYTES);
    if (fl_segment_unpack(&arena, (fl_str){(const char *)bytes, n}, &segment, NULL) == FL_OK) {
        check_segment(&arena, segment);
    }
    fl_arena_fini(&arena);
    return 0;
}
