#include "store/local/wal_int.h"

#include <endian.h>
#include <xxhash.h>

#include "codec/codec.h"

static const char FILE_MAGIC[8] = {'F', 'L', 'U', 'O', 'R', 'L', 'O', 'G'};
static const char FRAME_MAGIC[4] = {'F', 'L', 'F', 'R'};

#define CHECKSUM_BYTES 8

enum { FRAME_LZ4 = 1, FRAME_BEGINS_COMMIT = 2 };
enum { KIND_MASK = 0x0f, RECORD_BEGINS = 0x10, RECORD_REVISION = 0x20, RECORD_IN_PROGRESS = 0x40 };

static unsigned char *put_le(unsigned char *to, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        *to++ = (unsigned char)(value >> (8 * i));
    }
    return to;
}

static uint64_t get_le(const unsigned char *from, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) {
        value |= (uint64_t)from[i] << (8 * i);
    }
    return value;
}

/* ---- Headers: n bytes, the last 8 of them the checksum of the others */

static void header_seal(unsigned char *bytes, size_t n, uint64_t seed)
{
    size_t body = n - CHECKSUM_BYTES;
    put_le(bytes + body, XXH3_64bits_withSeed(bytes, body, seed), CHECKSUM_BYTES);
}

static bool header_holds(const unsigned char *bytes, size_t n, uint64_t seed)
{
    size_t body = n - CHECKSUM_BYTES;
    return XXH3_64bits_withSeed(bytes, body, seed) == get_le(bytes + body, CHECKSUM_BYTES);
}

/* Tries every change of one byte. A header is so short that this takes a fraction of a millisecond.
 */
static bool header_mend(unsigned char *bytes, size_t n, uint64_t seed, size_t *mended_at)
{
    size_t body = n - CHECKSUM_BYTES;
    uint64_t stray = XXH3_64bits_withSeed(bytes, body, seed) ^ get_le(bytes + body, CHECKSUM_BYTES);
    for (size_t i = 0; i < CHECKSUM_BYTES; i++) {
        uint64_t byte = (uint64_t)0xff << (8 * i);
        if ((stray & ~byte) == 0) {
            bytes[body + i] ^= (unsigned char)(stray >> (8 * i));
            *mended_at = body + i;
            return true;
        }
    }
    for (size_t at = 0; at < body; at++) {
        unsigned char found = bytes[at];
        for (unsigned change = 1; change < 256; change++) {
            bytes[at] = (unsigned char)(found ^ change);
            if (header_holds(bytes, n, seed)) {
                *mended_at = at;
                return true;
            }
        }
        bytes[at] = found;
    }
    return false;
}

static fl_wal_check header_check(unsigned char *bytes, size_t n, uint64_t seed, size_t *mended_at)
{
    if (header_holds(bytes, n, seed)) {
        return FL_WAL_GOOD;
    }
    return mended_at != NULL && header_mend(bytes, n, seed, mended_at) ? FL_WAL_MENDED : FL_WAL_BAD;
}

/* ---- File header */

void fl_wal_file_header_emit(const fl_wal_file_header *header,
                             unsigned char out[FL_WAL_FILE_HEADER_BYTES])
{
    memset(out, 0, FL_WAL_FILE_HEADER_BYTES);
    memcpy(out, FILE_MAGIC, sizeof FILE_MAGIC);
    put_le(out + 8, header->version, 2);
    put_le(out + 10, header->shard, 2);
    put_le(out + 16, header->sequence, 8);
    header_seal(out, FL_WAL_FILE_HEADER_BYTES, 0);
}

bool fl_wal_file_magic(const unsigned char bytes[FL_WAL_FILE_HEADER_BYTES])
{
    return memcmp(bytes, FILE_MAGIC, sizeof FILE_MAGIC) == 0;
}

fl_wal_check fl_wal_file_header_read(unsigned char bytes[FL_WAL_FILE_HEADER_BYTES],
                                     fl_wal_file_header *out, size_t *mended_at)
{
    fl_wal_check check = header_check(bytes, FL_WAL_FILE_HEADER_BYTES, 0, mended_at);
    if (check == FL_WAL_BAD || !fl_wal_file_magic(bytes)) {
        return FL_WAL_BAD;
    }
    *out = (fl_wal_file_header){
        .version = (uint16_t)get_le(bytes + 8, 2),
        .shard = (uint16_t)get_le(bytes + 10, 2),
        .sequence = get_le(bytes + 16, 8),
    };
    return check;
}

/* ---- Frames */

static uint64_t frame_seed(fl_wal_place place)
{
    return place.sequence * UINT64_C(0x9e3779b97f4a7c15) + place.offset;
}

/*
 * The plain sum of the words and the sum of its running values, which weighs word i of n by n - i.
 * Words of 32 bits in sums of 64: the two differences that a damaged word makes are exact integers,
 * and their quotient is its place.
 */
static void payload_sums(const unsigned char *payload, size_t words, uint64_t *sum,
                         uint64_t *weighted)
{
    uint64_t plain = 0, running = 0;
    for (size_t i = 0; i < words; i++) {
        uint32_t word;
        memcpy(&word, payload + i * FL_WAL_WORD, sizeof word);
        plain += le32toh(word);
        running += plain;
    }
    *sum = plain;
    *weighted = running;
}

static void frame_header_emit(const fl_wal_frame *frame, fl_wal_place place, unsigned char *out)
{
    unsigned flags =
        (frame->lz4 ? FRAME_LZ4 : 0U) | (frame->begins_commit ? FRAME_BEGINS_COMMIT : 0U);
    memcpy(out, FRAME_MAGIC, sizeof FRAME_MAGIC);
    out[4] = FL_WAL_VERSION;
    out[5] = (unsigned char)flags;
    put_le(out + 6, frame->records, 2);
    put_le(out + 8, frame->stored_len, 4);
    put_le(out + 12, frame->raw_len, 4);
    put_le(out + 16, frame->first_arrival, 8);
    put_le(out + 24, (uint64_t)frame->base_ns, 8);
    put_le(out + 32, frame->payload_hash, 8);
    put_le(out + 40, frame->sum, 8);
    put_le(out + 48, frame->weighted_sum, 8);
    header_seal(out, FL_WAL_FRAME_HEADER_BYTES, frame_seed(place));
}

void fl_wal_frame_emit(fl_wal_frame *frame, fl_wal_place place, fl_str raw, fl_buf *out)
{
    size_t header_at = out->n;
    fl_buf_fill(out, 0, FL_WAL_FRAME_HEADER_BYTES);
    size_t payload_at = out->n;
    frame->lz4 = fl_lz4_pack(raw, out, NULL) == FL_OK && out->n - payload_at < raw.n;
    if (!frame->lz4 && out->status == FL_OK) {
        out->n = payload_at;
        fl_buf_add_str(out, raw);
    }
    size_t stored = out->n - payload_at;
    fl_buf_fill(out, 0, fl_wal_padded(stored) - stored);
    if (out->status != FL_OK) {
        return;
    }
    const unsigned char *payload = (unsigned char *)out->p + payload_at;
    frame->stored_len = (uint32_t)stored;
    frame->raw_len = (uint32_t)raw.n;
    frame->payload_hash = XXH3_64bits(payload, stored);
    payload_sums(payload, fl_wal_padded(stored) / FL_WAL_WORD, &frame->sum, &frame->weighted_sum);
    frame_header_emit(frame, place, (unsigned char *)out->p + header_at);
}

bool fl_wal_frame_magic(const unsigned char *bytes)
{
    return memcmp(bytes, FRAME_MAGIC, sizeof FRAME_MAGIC) == 0;
}

fl_wal_check fl_wal_frame_read(unsigned char bytes[FL_WAL_FRAME_HEADER_BYTES], fl_wal_place place,
                               fl_wal_frame *out, size_t *mended_at)
{
    fl_wal_check check =
        header_check(bytes, FL_WAL_FRAME_HEADER_BYTES, frame_seed(place), mended_at);
    if (check == FL_WAL_BAD || !fl_wal_frame_magic(bytes) || bytes[4] != FL_WAL_VERSION ||
        (bytes[5] & ~(FRAME_LZ4 | FRAME_BEGINS_COMMIT)) != 0) {
        return FL_WAL_BAD;
    }
    *out = (fl_wal_frame){
        .lz4 = (bytes[5] & FRAME_LZ4) != 0,
        .begins_commit = (bytes[5] & FRAME_BEGINS_COMMIT) != 0,
        .records = (uint16_t)get_le(bytes + 6, 2),
        .stored_len = (uint32_t)get_le(bytes + 8, 4),
        .raw_len = (uint32_t)get_le(bytes + 12, 4),
        .first_arrival = get_le(bytes + 16, 8),
        .base_ns = (int64_t)get_le(bytes + 24, 8),
        .payload_hash = get_le(bytes + 32, 8),
        .sum = get_le(bytes + 40, 8),
        .weighted_sum = get_le(bytes + 48, 8),
    };
    return check;
}

static bool payload_holds(const fl_wal_frame *frame, const unsigned char *payload)
{
    return XXH3_64bits(payload, frame->stored_len) == frame->payload_hash;
}

fl_wal_check fl_wal_payload_check(const fl_wal_frame *frame, unsigned char *payload,
                                  size_t *mended_at)
{
    if (payload_holds(frame, payload)) {
        return FL_WAL_GOOD;
    }
    uint64_t sum, weighted;
    size_t words = fl_wal_padded(frame->stored_len) / FL_WAL_WORD;
    payload_sums(payload, words, &sum, &weighted);
    int64_t off = (int64_t)(sum - frame->sum);
    int64_t weighted_off = (int64_t)(weighted - frame->weighted_sum);
    if (off == 0 || off > UINT32_MAX || off < -(int64_t)UINT32_MAX || weighted_off % off != 0) {
        return FL_WAL_BAD;
    }
    int64_t weight = weighted_off / off;
    if (weight < 1 || (uint64_t)weight > words) {
        return FL_WAL_BAD;
    }
    size_t at = (words - (size_t)weight) * FL_WAL_WORD;
    uint64_t found = get_le(payload + at, FL_WAL_WORD);
    put_le(payload + at, found - (uint64_t)off, FL_WAL_WORD);
    if (!payload_holds(frame, payload)) {
        put_le(payload + at, found, FL_WAL_WORD);
        return FL_WAL_BAD;
    }
    *mended_at = at;
    return FL_WAL_MENDED;
}

fl_status fl_wal_payload_open(const fl_wal_frame *frame, const unsigned char *payload, fl_buf *raw,
                              fl_str *records, fl_err *err)
{
    fl_str stored = {(const char *)payload, frame->stored_len};
    if (!frame->lz4) {
        *records = stored;
        return FL_OK;
    }
    /* No LZ4 block grows by more than 255: a length beyond that is no frame of ours. */
    if (frame->raw_len / 255 > frame->stored_len) {
        FL_FAIL(err, FL_E_CORRUPT, "a frame of %u bytes cannot hold %u", frame->stored_len,
                frame->raw_len);
    }
    fl_buf_reset(raw);
    char *to = fl_buf_room(raw, frame->raw_len);
    if (to == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a frame of %u bytes", frame->raw_len);
    }
    FL_TRY(fl_lz4_unpack(stored, to, frame->raw_len, err));
    fl_buf_grow(raw, frame->raw_len);
    *records = fl_buf_str(raw);
    return FL_OK;
}

/* ---- Records. Differences of times wrap, so that no value from outside is out of range. */

static int64_t difference(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static int64_t total(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

void fl_wal_record_emit(const fl_wal_record *record, int64_t base_ns, fl_buf *out)
{
    bool in_progress = record->kind == FL_WAL_SEGMENT && record->end_ns == FL_TIME_NONE;
    fl_buf_add_byte(out, (char)((int)record->kind | (record->begins ? RECORD_BEGINS : 0) |
                                (record->revision ? RECORD_REVISION : 0) |
                                (in_progress ? RECORD_IN_PROGRESS : 0)));
    fl_buf_add_le64(out, record->id.hi);
    fl_buf_add_le64(out, record->id.lo);
    fl_buf_add_svarint(out, difference(record->arrival_ns, base_ns));
    if (record->kind != FL_WAL_SEGMENT) {
        return;
    }
    fl_buf_add_svarint(out, difference(record->start_ns, record->arrival_ns));
    if (!in_progress) {
        fl_buf_add_svarint(out, difference(record->end_ns, record->start_ns));
    }
    fl_buf_add_varint(out, record->json_bytes);
    fl_buf_add_bytes(out, record->document);
}

bool fl_wal_record_next(fl_cur *records, int64_t base_ns, fl_wal_record *out)
{
    unsigned head = fl_cur_u8(records);
    fl_wal_record record = {
        .kind = (fl_wal_kind)(head & KIND_MASK),
        .begins = (head & RECORD_BEGINS) != 0,
        .revision = (head & RECORD_REVISION) != 0,
        .start_ns = FL_TIME_NONE,
        .end_ns = FL_TIME_NONE,
    };
    if (head >= 0x80 || record.kind < FL_WAL_SEGMENT || record.kind > FL_WAL_FORGET) {
        return false;
    }
    record.id.hi = fl_cur_le64(records);
    record.id.lo = fl_cur_le64(records);
    record.arrival_ns = total(base_ns, fl_cur_svarint(records));
    if (record.kind == FL_WAL_SEGMENT) {
        record.start_ns = total(record.arrival_ns, fl_cur_svarint(records));
        if ((head & RECORD_IN_PROGRESS) == 0) {
            record.end_ns = total(record.start_ns, fl_cur_svarint(records));
        }
        record.json_bytes = (uint32_t)fl_cur_varint(records);
        record.document = fl_cur_bytes(records);
    }
    if (records->failed) {
        return false;
    }
    *out = record;
    return true;
}
