#include <xxhash.h>

#include "base/text.h"

uint64_t fl_hash64(const void *bytes, size_t n, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, n, seed);
}
