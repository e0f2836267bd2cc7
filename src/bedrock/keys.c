/* How often each run key was given out: an open-addressed table of hashes. */
#include <stdlib.h>

#include "bedrock/convert_int.h"

#define FIRST_CAPACITY 256

/* The slot of a hash, or the free one where it belongs. */
static size_t slot_of(const uint64_t *hashes, size_t capacity, uint64_t hash)
{
    size_t at = hash & (capacity - 1);
    while (hashes[at] != 0 && hashes[at] != hash) {
        at = (at + 1) & (capacity - 1);
    }
    return at;
}

static fl_status grow(bedrock_keys *keys, fl_err *err)
{
    size_t capacity = keys->capacity == 0 ? FIRST_CAPACITY : keys->capacity * 2;
    bedrock_keys bigger = {calloc(capacity, sizeof *keys->hashes),
                           calloc(capacity, sizeof *keys->counts), capacity, keys->count};
    if (bigger.hashes == NULL || bigger.counts == NULL) {
        bedrock_keys_fini(&bigger);
        FL_FAIL(err, FL_E_NOMEM, "no memory for the names of %zu runs", keys->count);
    }
    for (size_t i = 0; i < keys->capacity; i++) {
        if (keys->hashes[i] != 0) {
            size_t at = slot_of(bigger.hashes, capacity, keys->hashes[i]);
            bigger.hashes[at] = keys->hashes[i];
            bigger.counts[at] = keys->counts[i];
        }
    }
    bedrock_keys smaller = *keys;
    *keys = bigger;
    bedrock_keys_fini(&smaller);
    return FL_OK;
}

fl_status bedrock_keys_count(bedrock_keys *keys, fl_str key, uint32_t *times, fl_err *err)
{
    uint64_t hash = fl_hash64(key.p, key.n, 0) | 1;
    if (keys->count * 3 >= keys->capacity * 2) {
        FL_TRY(grow(keys, err));
    }
    size_t at = slot_of(keys->hashes, keys->capacity, hash);
    keys->count += keys->hashes[at] == 0;
    keys->hashes[at] = hash;
    *times = ++keys->counts[at];
    return FL_OK;
}

void bedrock_keys_fini(bedrock_keys *keys)
{
    free(keys->hashes);
    free(keys->counts);
    *keys = (bedrock_keys){0};
}
