/* Any bytes as a datagram: taken apart, decoded under both profiles. */
#include "ingest/ingest_int.h"

#define NOW_NS (INT64_C(1763825737) * FL_NS_PER_S)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    fl_str document;
    if (fl_datagram_open((fl_str){(const char *)bytes, n}, false, &document) != FL_DROP_COUNT) {
        return 0;
    }
    fl_arena arena;
    fl_arena_init(&arena, 64u << 20);
    for (int profile = FL_PROFILE_OPEN; profile <= FL_PROFILE_AWS; profile++) {
        fl_limits limits = fl_limits_of((fl_profile)profile, 0);
        fl_decoded decoded;
        if (fl_segment_decode(&arena, document, &limits, NOW_NS, &decoded, NULL) == FL_OK &&
            decoded.segment_count + decoded.reject_count == 0) {
            fl_bug("a document that is neither taken nor refused");
        }
        fl_arena_reset(&arena);
    }
    fl_arena_fini(&arena);
    return 0;
}
