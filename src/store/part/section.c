/*
 * The footer: sections behind the blocks, their directory with the facts of the part, and the tail
 * by which all of it is found (docs/format/part.md, "Footer").
 */
#include "store/part/section_int.h"

#include <endian.h>
#include <inttypes.h>
#include <stdlib.h>
#include <xxhash.h>

#define SECTION_BYTES_MAX ((size_t)1 << 30)
#define ID_FILTER_BITS    10 /* a row */

static const char MAGIC[8] = {'F', 'L', 'U', 'O', 'P', 'A', 'R', 'T'};

/* ---- Header and tail: magic, version and hash stand where they are for ever */

static void put_le(unsigned char *to, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        to[i] = (unsigned char)(value >> (8 * i));
    }
}

static uint64_t get_le(const unsigned char *from, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value |= (uint64_t)from[i] << (8 * i);
    }
    return value;
}

static void header_emit(unsigned char out[FL_PART_HEADER_BYTES])
{
    memset(out, 0, FL_PART_HEADER_BYTES);
    memcpy(out, MAGIC, sizeof MAGIC);
    put_le(out + 8, FL_PART_VERSION, 2);
    put_le(out + 24, XXH3_64bits(out, 24), 8);
}

bool fl_header_holds(const unsigned char bytes[FL_PART_HEADER_BYTES])
{
    return memcmp(bytes, MAGIC, sizeof MAGIC) == 0 && get_le(bytes + 8, 2) == FL_PART_VERSION &&
           get_le(bytes + 24, 8) == XXH3_64bits(bytes, 24);
}

static void tail_emit(const fl_part_tail *tail, unsigned char out[FL_PART_TAIL_BYTES])
{
    memset(out, 0, FL_PART_TAIL_BYTES);
    put_le(out, tail->offset, 8);
    put_le(out + 8, tail->bytes, 4);
    put_le(out + 12, FL_PART_VERSION, 2);
    put_le(out + 16, tail->hash, 8);
    put_le(out + 24, tail->file_bytes, 8);
    put_le(out + 32, XXH3_64bits(out, 32), 8);
    memcpy(out + 40, MAGIC, sizeof MAGIC);
}

fl_status fl_tail_read(const fl_part *part, const unsigned char bytes[FL_PART_TAIL_BYTES],
                       fl_part_tail *out, fl_err *err)
{
    bool whole = memcmp(bytes + 40, MAGIC, sizeof MAGIC) == 0 &&
                 fl_part_hash_holds(part, get_le(bytes + 32, 8), XXH3_64bits(bytes, 32));
    if (!whole) {
        FL_FAIL(err, FL_E_CORRUPT, "%s is no part file, or was cut", part->path);
    }
    if (get_le(bytes + 12, 2) != FL_PART_VERSION) {
        FL_FAIL(err, FL_E_CONFIG, "%s has format %u, this fluoro reads format %d", part->path,
                (unsigned)get_le(bytes + 12, 2), FL_PART_VERSION);
    }
    *out = (fl_part_tail){.offset = get_le(bytes, 8),
                          .bytes = (uint32_t)get_le(bytes + 8, 4),
                          .hash = get_le(bytes + 16, 8),
                          .file_bytes = get_le(bytes + 24, 8)};
    return FL_OK;
}

/* ---- Sections, written */

static fl_status write_section(fl_part_writer *w, fl_section_kind kind, uint32_t column,
                               const fl_buf *content, fl_err *err)
{
    void *sections = w->sections;
    if (content->status != FL_OK ||
        !fl_part_grow(&sections, &w->section_capacity, w->section_count, sizeof *w->sections)) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for the footer of %s", w->path);
    }
    fl_str bytes = fl_buf_str(content);
    w->sections = sections;
    w->sections[w->section_count++] = (fl_section){.kind = kind,
                                                   .column = column,
                                                   .offset = w->offset,
                                                   .bytes = (uint32_t)bytes.n,
                                                   .hash = XXH3_64bits(bytes.p, bytes.n)};
    FL_TRY(w->fs->write_at(w->fs, w->file, bytes.p, bytes.n, w->offset, err));
    w->offset += bytes.n;
    return FL_OK;
}

static fl_status write_schema(fl_part_writer *w, fl_buf *out, fl_err *err)
{
    fl_buf_reset(out);
    fl_schema_emit(&w->schema, out);
    return write_section(w, FL_SECTION_SCHEMA, 0, out, err);
}

static fl_status write_dictionaries(fl_part_writer *w, fl_buf *out, fl_err *err)
{
    for (uint32_t i = 0; i < w->sink_count; i++) {
        const fl_dictionary *dictionary = w->sinks[i].dictionary;
        if (dictionary != NULL && fl_dictionary_count(dictionary) != 0) {
            fl_buf_reset(out);
            FL_TRY(fl_dictionary_emit(dictionary, w->encoder, out, err));
            FL_TRY(write_section(w, FL_SECTION_DICTIONARY, i, out, err));
        }
    }
    return FL_OK;
}

static fl_status write_filters(fl_part_writer *w, fl_buf *out, fl_err *err)
{
    for (uint32_t i = 0; i < w->sink_count; i++) {
        const fl_part_sink *sink = &w->sinks[i];
        if (sink->filter_count != 0) {
            fl_buf_reset(out);
            fl_buf_add_varint(out, sink->filter_count);
            fl_buf_add_str(out, fl_buf_str(&sink->filter_index));
            fl_buf_add_str(out, fl_buf_str(&sink->filters));
            FL_TRY(write_section(w, FL_SECTION_FILTERS, i, out, err));
        }
    }
    return FL_OK;
}

static fl_status write_ids(fl_part_writer *w, fl_buf *out, fl_err *err)
{
    FL_AUTO(fl_buf) buckets;
    fl_buf_init(&buckets, SECTION_BYTES_MAX);
    fl_buf_reset(out);
    FL_TRY(fl_ids_emit(w->hashes, w->info.rows, out, &buckets, err));
    FL_TRY(write_section(w, FL_SECTION_IDS, 0, out, err));
    FL_TRY(write_section(w, FL_SECTION_BUCKETS, 0, &buckets, err));
    fl_buf_reset(out);
    fl_filter_emit(w->hashes, w->info.rows, ID_FILTER_BITS, out);
    return write_section(w, FL_SECTION_ID_FILTER, 0, out, err);
}

static fl_status write_blocks(fl_part_writer *w, fl_buf *out, fl_err *err)
{
    fl_store_place before = {0};
    fl_buf_reset(out);
    for (uint32_t i = 0; i < w->block_count; i++) {
        const fl_part_block_info *block = &w->blocks[i];
        fl_buf_add_varint(out, block->bytes);
        fl_buf_add_varint(out, block->head_bytes);
        fl_buf_add_varint(out, block->rows);
        fl_buf_add_varint(out, block->records);
        fl_buf_add_varint(out, block->leading_records);
        fl_buf_add_varint(out, block->spans);
        fl_buf_add_svarint(out, fl_wrapping_sub(block->newest.time_ns, before.time_ns));
        fl_buf_add_svarint(out, fl_wrapping_sub(block->newest.start_ns, block->newest.time_ns));
        fl_buf_add_le64(out, block->newest.id.hi);
        fl_buf_add_le64(out, block->newest.id.lo);
        before = block->newest;
    }
    return write_section(w, FL_SECTION_BLOCKS, 0, out, err);
}

static fl_status write_continued(fl_part_writer *w, fl_buf *out, fl_err *err)
{
    uint32_t before = 0;
    fl_buf_reset(out);
    fl_buf_add_varint(out, w->continued_count);
    for (uint32_t i = 0; i < w->continued_count; i++) {
        fl_buf_add_varint(out, w->continued[i].row - before);
        fl_buf_add_le64(out, w->continued[i].id.hi);
        fl_buf_add_le64(out, w->continued[i].id.lo);
        before = w->continued[i].row;
    }
    return write_section(w, FL_SECTION_CONTINUED, 0, out, err);
}

/* ---- The directory of sections */

static void emit_place(const fl_store_place *place, fl_buf *out)
{
    fl_buf_add_svarint(out, place->time_ns);
    fl_buf_add_svarint(out, place->start_ns);
    fl_buf_add_le64(out, place->id.hi);
    fl_buf_add_le64(out, place->id.lo);
}

static void emit_directory(const fl_part_writer *w, fl_buf *out)
{
    const fl_part_info *info = &w->info;
    const uint64_t facts[] = {
        info->rows,       info->records,         info->spans,         info->packed_bytes,
        info->epoch_min,  info->epoch_max,       info->arrival_max,   w->block_count,
        w->section_count, w->schema.shape_count, w->schema.path_count};
    fl_buf_reset(out);
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        fl_buf_add_varint(out, facts[i]);
    }
    emit_place(&info->newest, out);
    emit_place(&info->oldest, out);
    fl_buf_add_svarint(out, info->basis_min_ns);
    fl_buf_add_svarint(out, info->basis_max_ns);
    for (uint32_t i = 0; i < w->section_count; i++) {
        const fl_section *section = &w->sections[i];
        fl_buf_add_byte(out, (char)section->kind);
        fl_buf_add_varint(out, section->column);
        fl_buf_add_varint(out, section->offset);
        fl_buf_add_varint(out, section->bytes);
        fl_buf_add_le64(out, section->hash);
    }
}

static fl_status write_directory(fl_part_writer *w, fl_buf *out, fl_err *err)
{
    unsigned char tail[FL_PART_TAIL_BYTES];
    emit_directory(w, out);
    if (out->status != FL_OK) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for the footer of %s", w->path);
    }
    w->info.file_bytes = w->offset + out->n + sizeof tail;
    fl_part_tail facts = {.offset = w->offset,
                          .bytes = (uint32_t)out->n,
                          .hash = XXH3_64bits(out->p, out->n),
                          .file_bytes = w->info.file_bytes};
    tail_emit(&facts, tail);
    fl_buf_add(out, tail, sizeof tail);
    if (out->status != FL_OK) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for the footer of %s", w->path);
    }
    return w->fs->write_at(w->fs, w->file, out->p, out->n, w->offset, err);
}

fl_status fl_footer_write(fl_part_writer *w, fl_err *err)
{
    unsigned char header[FL_PART_HEADER_BYTES];
    FL_AUTO(fl_buf) out;
    fl_buf_init(&out, SECTION_BYTES_MAX);
    header_emit(header);
    FL_TRY(w->fs->write_at(w->fs, w->file, header, sizeof header, 0, err));
    FL_TRY(write_filters(w, &out, err));
    FL_TRY(write_dictionaries(w, &out, err));
    FL_TRY(write_schema(w, &out, err));
    FL_TRY(write_ids(w, &out, err));
    FL_TRY(write_blocks(w, &out, err));
    FL_TRY(write_continued(w, &out, err));
    return write_directory(w, &out, err);
}

/* ---- … and read */

static void read_place(fl_cur *cur, fl_store_place *out)
{
    out->time_ns = fl_cur_svarint(cur);
    out->start_ns = fl_cur_svarint(cur);
    out->id.hi = fl_cur_le64(cur);
    out->id.lo = fl_cur_le64(cur);
}

static bool read_u32(fl_cur *cur, uint32_t *out)
{
    uint64_t value = fl_cur_varint(cur);
    *out = (uint32_t)value;
    return !cur->failed && value <= UINT32_MAX;
}

static bool read_facts(fl_part *part, fl_cur *cur)
{
    fl_part_info *info = &part->info;
    bool fits = read_u32(cur, &info->rows);
    info->records = fl_cur_varint(cur);
    info->spans = fl_cur_varint(cur);
    info->packed_bytes = fl_cur_varint(cur);
    fits = fits && read_u32(cur, &info->epoch_min) && read_u32(cur, &info->epoch_max);
    info->arrival_max = fl_cur_varint(cur);
    fits = fits && read_u32(cur, &part->block_count) && read_u32(cur, &part->section_count) &&
           read_u32(cur, &part->shape_count) && read_u32(cur, &part->path_count);
    read_place(cur, &info->newest);
    read_place(cur, &info->oldest);
    info->basis_min_ns = fl_cur_svarint(cur);
    info->basis_max_ns = fl_cur_svarint(cur);
    return fits && !cur->failed && info->rows != 0 && info->rows != UINT32_MAX;
}

static bool read_entry(const fl_part_tail *tail, fl_cur *cur, fl_section *out)
{
    uint8_t kind = fl_cur_u8(cur);
    bool fits = read_u32(cur, &out->column);
    out->offset = fl_cur_varint(cur);
    fits = fits && read_u32(cur, &out->bytes);
    out->kind = (fl_section_kind)kind;
    out->hash = fl_cur_le64(cur);
    return fits && !cur->failed && kind >= FL_SECTION_SCHEMA && kind <= FL_SECTION_CONTINUED &&
           out->offset >= FL_PART_HEADER_BYTES && out->offset <= tail->offset &&
           out->bytes <= tail->offset - out->offset;
}

fl_status fl_directory_read(fl_part *part, const fl_part_tail *tail, fl_str bytes, fl_err *err)
{
    fl_cur cur = fl_cur_of(bytes.p, bytes.n);
    bool good = fl_part_hash_holds(part, tail->hash, XXH3_64bits(bytes.p, bytes.n)) &&
                read_facts(part, &cur) && part->section_count <= fl_cur_left(&cur);
    if (!good) {
        FL_FAIL(err, FL_E_CORRUPT, "the footer of %s is damaged", part->path);
    }
    part->sections = FL_ARENA_ARRAY(&part->arena, fl_section, part->section_count);
    if (part->sections == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to open %s", part->path);
    }
    for (uint32_t i = 0; i < part->section_count && good; i++) {
        good = read_entry(tail, &cur, &part->sections[i]);
    }
    if (!good || fl_cur_left(&cur) != 0) {
        FL_FAIL(err, FL_E_CORRUPT, "the footer of %s is damaged", part->path);
    }
    return FL_OK;
}

static bool read_block(fl_cur *cur, const fl_part_block_info *before, fl_part_block_info *out)
{
    bool fits = read_u32(cur, &out->bytes) && read_u32(cur, &out->head_bytes) &&
                read_u32(cur, &out->rows) && read_u32(cur, &out->records) &&
                read_u32(cur, &out->leading_records) && read_u32(cur, &out->spans);
    out->newest.time_ns = fl_wrapping_add(before->newest.time_ns, fl_cur_svarint(cur));
    out->newest.start_ns = fl_wrapping_add(out->newest.time_ns, fl_cur_svarint(cur));
    out->newest.id.hi = fl_cur_le64(cur);
    out->newest.id.lo = fl_cur_le64(cur);
    out->offset = before->offset + before->bytes;
    out->first_row = before->first_row + before->rows;
    return fits && !cur->failed && out->head_bytes <= out->bytes &&
           out->head_bytes >= FL_PART_DIRECTORY_AT && out->leading_records <= out->records &&
           out->records <= out->spans && out->rows <= UINT32_MAX - out->first_row;
}

fl_status fl_blocks_read(fl_part *part, fl_str bytes, fl_err *err)
{
    fl_cur cur = fl_cur_of(bytes.p, bytes.n);
    fl_part_block_info before = {.offset = FL_PART_HEADER_BYTES};
    bool good = part->block_count != 0 && part->block_count <= bytes.n;
    if (good) {
        part->blocks = FL_ARENA_ARRAY(&part->arena, fl_part_block_info, part->block_count);
        if (part->blocks == NULL) {
            FL_FAIL(err, FL_E_NOMEM, "no memory to open %s", part->path);
        }
    }
    for (uint32_t i = 0; i < part->block_count && good; i++) {
        good = read_block(&cur, &before, &part->blocks[i]);
        before = part->blocks[i];
    }
    good = good && fl_cur_left(&cur) == 0 && part->blocks[0].leading_records == 0 &&
           before.first_row + before.rows == part->info.rows &&
           before.offset + before.bytes <= part->file_bytes;
    if (!good) {
        FL_FAIL(err, FL_E_CORRUPT, "the index of blocks of %s is damaged", part->path);
    }
    return FL_OK;
}

fl_status fl_continued_read(fl_part *part, fl_str bytes, fl_err *err)
{
    fl_cur cur = fl_cur_of(bytes.p, bytes.n);
    uint64_t count = fl_cur_varint(&cur);
    uint64_t row = 0;
    bool good = !cur.failed && count <= fl_cur_left(&cur) / 17;
    if (good) {
        part->continued = FL_ARENA_ARRAY(&part->arena, fl_part_continued_row, (size_t)count);
        if (part->continued == NULL) {
            FL_FAIL(err, FL_E_NOMEM, "no memory to open %s", part->path);
        }
    }
    for (uint64_t i = 0; i < count && good; i++) {
        uint64_t on = fl_cur_varint(&cur);
        row += on;
        part->continued[i].row = (uint32_t)row;
        part->continued[i].id.hi = fl_cur_le64(&cur);
        part->continued[i].id.lo = fl_cur_le64(&cur);
        good = !cur.failed && row < part->info.rows && (i == 0 || on != 0);
    }
    if (!good || fl_cur_left(&cur) != 0) {
        FL_FAIL(err, FL_E_CORRUPT, "the continued rows of %s are damaged", part->path);
    }
    part->continued_count = (size_t)count;
    return FL_OK;
}
