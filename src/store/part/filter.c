/*
 * Membership filters: a byte, the number of probes; then bits, of which each hash sets as many
 * (Bloom 1970), at places that two halves of the hash make (Kirsch and Mitzenmacher 2006).
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "store/part/column_int.h"

#define PROBES_MAX 16

uint64_t fl_filter_hash(fl_str text)
{
    return XXH3_64bits(text.n != 0 ? text.p : "", text.n);
}

typedef struct probe {
    uint64_t at, step;
} probe;

static probe probe_begin(uint64_t hash)
{
    return (probe){hash, (hash << 32 | hash >> 32) | 1};
}

/* The next place below bit_count. */
static size_t probe_next(probe *p, uint64_t bit_count)
{
    uint64_t place = (p->at >> 32) * bit_count >> 32;
    p->at += p->step;
    return (size_t)place;
}

bool fl_filter_may_have(fl_str filter, uint64_t hash)
{
    if (filter.n < 2 || filter.n - 1 > UINT32_MAX / 8) {
        return true;
    }
    unsigned probes = (unsigned char)filter.p[0];
    const unsigned char *bits = (const unsigned char *)filter.p + 1;
    uint64_t bit_count = (filter.n - 1) * 8;
    if (probes == 0 || probes > PROBES_MAX) {
        return true;
    }
    probe p = probe_begin(hash);
    for (unsigned i = 0; i < probes; i++) {
        size_t place = probe_next(&p, bit_count);
        if ((bits[place / 8] >> (place % 8) & 1) == 0) {
            return false;
        }
    }
    return true;
}

void fl_filter_emit(const uint64_t *hashes, size_t count, unsigned bits_per_value, fl_buf *out)
{
    unsigned probes = bits_per_value * 7 / 10; /* ln 2 of them is best */
    probes = probes < 1 ? 1 : probes > PROBES_MAX ? PROBES_MAX : probes;
    size_t bytes = (count * bits_per_value + 7) / 8;
    if (bytes == 0 || bytes > UINT32_MAX / 8) {
        return; /* no filter: may have everything */
    }
    size_t first = out->n;
    fl_buf_add_byte(out, (char)probes);
    fl_buf_fill(out, 0, bytes);
    if (out->status != FL_OK) {
        return;
    }
    unsigned char *bits = (unsigned char *)out->p + first + 1;
    for (size_t i = 0; i < count; i++) {
        probe p = probe_begin(hashes[i]);
        for (unsigned k = 0; k < probes; k++) {
            size_t place = probe_next(&p, bytes * 8);
            bits[place / 8] |= (unsigned char)(1U << (place % 8));
        }
    }
}
