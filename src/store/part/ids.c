/*
 * Trace id → row: a part's own hash table on disk. Entries lie in buckets by the upper bits of the
 * hash of the id; an entry is 8 other bits of the hash and the row. Behind each bucket stands the
 * checksum of its bytes, so that a look-up reads a few hundred bytes and can trust them.
 */
#include <endian.h>
#include <inttypes.h>
#include <stdlib.h>
#include <xxhash.h>

#include "store/part/write_int.h"

#define BUCKET_ENTRIES 64 /* on average, at most */
#define CHECKSUM_BYTES 4

/* Bytes of a row's number. */
static size_t row_bytes(uint32_t rows)
{
    return rows <= 1U << 16 ? 2 : rows <= 1U << 24 ? 3 : 4;
}

uint32_t fl_ids_bucket_bits(uint32_t rows)
{
    uint32_t bits = 0;
    while (rows >> bits > BUCKET_ENTRIES) {
        bits++;
    }
    return bits;
}

static uint32_t bucket_of(uint64_t hash, uint32_t bits)
{
    return bits != 0 ? (uint32_t)(hash >> (64 - bits)) : 0;
}

static unsigned char mark_of(uint64_t hash)
{
    return (unsigned char)(hash >> 8);
}

static uint64_t bucket_offset(uint32_t bucket, uint32_t entries_before, uint32_t rows)
{
    return (uint64_t)entries_before * (1 + row_bytes(rows)) + (uint64_t)bucket * CHECKSUM_BYTES;
}

/* ---- Writing */

static void emit_bucket(const uint64_t *hashes, const uint32_t *rows_in, uint32_t count,
                        uint32_t rows, uint32_t bucket, fl_buf *out)
{
    size_t begin = out->n;
    for (uint32_t i = 0; i < count; i++) {
        fl_buf_add_byte(out, (char)mark_of(hashes[rows_in[i]]));
        uint32_t row = htole32(rows_in[i]);
        fl_buf_add(out, &row, row_bytes(rows));
    }
    if (out->status == FL_OK) {
        uint64_t hash = XXH3_64bits_withSeed(fl_buf_str(out).p + begin, out->n - begin, bucket);
        fl_buf_add_le32(out, (uint32_t)hash);
    }
}

/* Rows sorted by bucket: begins[b] … begins[b + 1] - 1 of `sorted`. */
static void sort_rows(const uint64_t *hashes, uint32_t count, uint32_t bits, uint32_t *begins,
                      uint32_t *sorted)
{
    uint32_t buckets = 1U << bits;
    for (uint32_t i = 0; i < count; i++) {
        begins[bucket_of(hashes[i], bits) + 1]++;
    }
    for (uint32_t i = 0; i < buckets; i++) {
        begins[i + 1] += begins[i];
    }
    for (uint32_t i = count; i-- != 0;) { /* the ends move down to the begins */
        sorted[--begins[bucket_of(hashes[i], bits) + 1]] = i;
    }
    memmove(begins, begins + 1, buckets * sizeof *begins);
    begins[buckets] = count;
}

fl_status fl_ids_emit(const uint64_t *hashes, uint32_t count, fl_buf *entries, fl_buf *buckets,
                      fl_err *err)
{
    uint32_t bits = fl_ids_bucket_bits(count);
    uint32_t *begins = calloc(((size_t)1 << bits) + 1, sizeof *begins);
    uint32_t *sorted = malloc(count * sizeof *sorted);
    if (begins != NULL && sorted != NULL) {
        sort_rows(hashes, count, bits, begins, sorted);
        for (uint32_t i = 0; i <= 1U << bits; i++) {
            fl_buf_add_le32(buckets, begins[i]);
        }
        for (uint32_t i = 0; i < 1U << bits; i++) {
            emit_bucket(hashes, sorted + begins[i], begins[i + 1] - begins[i], count, i, entries);
        }
    }
    bool done =
        begins != NULL && sorted != NULL && entries->status == FL_OK && buckets->status == FL_OK;
    free(begins);
    free(sorted);
    if (!done) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for the index of trace ids");
    }
    return FL_OK;
}

/* ---- Reading */

bool fl_ids_are_whole(const fl_part *part)
{
    uint32_t rows = part->info.rows;
    uint32_t count = 1U << part->bucket_bits;
    for (uint32_t i = 0; i < count; i++) {
        if (part->buckets[i] > part->buckets[i + 1]) {
            return false;
        }
    }
    return part->buckets[0] == 0 && part->buckets[count] == rows &&
           part->ids->bytes == bucket_offset(count, rows, rows);
}

static fl_status read_bucket(const fl_part *part, uint32_t bucket, fl_arena *arena, fl_str *out,
                             fl_err *err)
{
    uint32_t rows = part->info.rows;
    uint32_t first = part->buckets[bucket];
    size_t n = (size_t)(part->buckets[bucket + 1] - first) * (1 + row_bytes(rows));
    uint64_t offset = part->ids->offset + bucket_offset(bucket, first, rows);
    unsigned char *bytes;
    uint32_t stored;
    FL_TRY(fl_part_read(part, offset, n + CHECKSUM_BYTES, arena, &bytes, err));
    memcpy(&stored, bytes + n, sizeof stored);
    if (!fl_part_hash_holds(part, le32toh(stored),
                            (uint32_t)XXH3_64bits_withSeed(bytes, n, bucket))) {
        FL_FAIL(err, FL_E_CORRUPT, "the index of trace ids is damaged at %" PRIu64 " in %s", offset,
                part->path);
    }
    *out = (fl_str){(const char *)bytes, n};
    return FL_OK;
}

/* Does the row have this id? */
static fl_status is_row(fl_part_block *block, uint32_t row, fl_trace_id id, bool *is, fl_err *err)
{
    int64_t epoch, high;
    uint64_t low;
    if (row >= block->part->info.rows) {
        FL_FAIL(err, FL_E_CORRUPT, "the index of trace ids names row %" PRIu32 " of %s", row,
                block->part->path);
    }
    FL_TRY(fl_part_block_open(block, fl_part_block_of(block->part, row), false, err));
    uint32_t i = row - block->info->first_row;
    FL_TRY(fl_part_block_pick_id(block, FL_COL_ROW_LOW, i, &low, err));
    *is = low == id.lo;
    if (*is) {
        FL_TRY(fl_part_block_pick_int(block, FL_COL_ROW_EPOCH, i, &epoch, err));
        FL_TRY(fl_part_block_pick_int(block, FL_COL_ROW_HIGH, i, &high, err));
        *is = fl_part_id_high(epoch, high) == id.hi;
    }
    return FL_OK;
}

static fl_status find(fl_part_cursor *cursor, uint64_t hash, fl_trace_id id, uint32_t *row,
                      fl_err *err)
{
    const fl_part *part = cursor->part;
    size_t width = row_bytes(part->info.rows);
    fl_status unread = FL_OK; /* of candidates that may have been it */
    fl_str entries;
    FL_TRY(read_bucket(part, bucket_of(hash, part->bucket_bits), &cursor->arena, &entries, err));
    for (size_t at = 0; at < entries.n; at += 1 + width) {
        uint32_t found = 0;
        bool is = false;
        if ((unsigned char)entries.p[at] != mark_of(hash)) {
            continue;
        }
        memcpy(&found, entries.p + at + 1, width);
        found = le32toh(found);
        fl_status status = is_row(&cursor->block, found, id, &is, err);
        if (is) {
            *row = found;
            return FL_OK;
        }
        if (status != FL_OK && status != FL_E_CORRUPT) {
            return status;
        }
        unread = status != FL_OK ? status : unread;
    }
    *row = unread == FL_OK ? FL_PART_ROW_NONE : *row;
    return unread;
}

bool fl_part_may_have(const fl_part *part, fl_trace_id id)
{
    return fl_filter_may_have(part->id_filter, fl_trace_id_hash(id));
}

fl_status fl_part_find(fl_part *part, fl_trace_id id, uint32_t *row, fl_err *err)
{
    fl_part_cursor *cursor;
    uint64_t hash = fl_trace_id_hash(id);
    if (!fl_filter_may_have(part->id_filter, hash)) {
        *row = FL_PART_ROW_NONE;
        return FL_OK;
    }
    FL_TRY(fl_part_cursor_new(part, &cursor, err));
    fl_status status = find(cursor, hash, id, row, err);
    fl_part_cursor_free(cursor);
    return status;
}
